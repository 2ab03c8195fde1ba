//! Loads on the emulator, over HTTP.

use snowgauge::{
    run::{self, CaseReport, Events, Outcome, RunId, RunOptions, Selection, Stop},
    secret::Redactor,
    suite::{self, Release, source::Source},
    target::EmulatorTarget,
};
use std::sync::Arc;

/// Two hundred requests each way. How long they took is another's to say: the machine may
/// be busy.
#[test]
fn the_emulator_answers_loads() {
    let text = "setup:
  - CREATE TABLE T AS SELECT SEQ4() + 1 AS K, 'x' AS V FROM TABLE(GENERATOR(ROWCOUNT => 1000))
cases:
  - name: closed
    load:
      clients: 8
      count: 200
      warm-up: 20 requests
      mix:
        - name: lookup
          weight: 4
          sql: SELECT K, V FROM T WHERE K = {k}
          params: { k: { uniform: [1, 1000] } }
          rows: 1
          first-cell: k
        - name: bound
          sql: SELECT K FROM T WHERE K = {k}
          params: { k: { zipf: [1, 1000] } }
          binds: true
          rows: 1
          first-cell: k
      control: [{ name: one, sql: SELECT 1, rows: 1, share: 5% }]
      budgets: [errors == 0]
  - name: open
    load:
      rate: 100/s
      sessions: 16
      count: 200
      warm-up: none
      mix:
        - name: lookup
          sql: SELECT K FROM T WHERE K = {k}
          params: { k: { from: SELECT K FROM T WHERE K <= 10 } }
          rows: 1
          first-cell: k
  - name: wrong
    load:
      clients: 2
      count: 20
      warm-up: none
      mix: [{ name: none, sql: SELECT K FROM T WHERE K < 0, rows: 1.. }]
";
    let suite = suite::parse_suite("s", Source::new("s.yaml", text.to_owned())).unwrap();
    let plan = run::plan(&[suite], &[], &Selection::default()).unwrap();
    let target = Arc::new(EmulatorTarget::start(Release::ZeroCopy).unwrap());
    let events = Events::new(Redactor::default(), Vec::new());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let options = RunOptions::new(RunId::random());
    let run = run::execute(plan, target, options, events, Stop::default());
    let summary = runtime.block_on(run);
    let [closed, open, wrong] = summary.cases.as_slice() else { panic!("{summary:?}") };

    let ok = |case: &CaseReport| {
        let load = case.load.as_ref().unwrap_or_else(|| panic!("{:?}", case.outcome));
        let queries = load.measured.roles[0].queries.iter();
        queries.flat_map(|it| &it.seconds).map(|it| it.ok).sum::<u64>()
    };
    assert_eq!(closed.outcome, Outcome::Passed);
    assert_eq!((ok(closed), ok(open), ok(wrong)), (200, 200, 0));
    assert!(matches!(open.outcome, Outcome::Passed | Outcome::Invalid { .. }), "{open:?}");
    assert!(matches!(wrong.outcome, Outcome::Failed { .. }), "{:?}", wrong.outcome);
    let measured = &closed.load.as_ref().unwrap().measured;
    assert!(measured.simulated.is_some());
    for query in &measured.roles[0].queries {
        let server = query.server.as_ref().unwrap();
        let ended: u64 = query.seconds.iter().map(|it| it.ok).sum();
        assert_eq!((server.found, server.of), (ended, ended), "{}", query.name);
    }
}
