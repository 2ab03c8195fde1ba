//! Cases that are a load.

use super::*;
use crate::{
    fixture::names::Known,
    load::{LoadReport, Verdict},
    suite::{parse_suite, source::Source},
    target::{RecordOptions, Recorder, RecordingTarget, ReplayTarget, Target, TargetKind},
};
use std::path::Path;

/// A load of fifty look-ups, with these further keys.
fn load(keys: &str) -> Suite {
    let text = format!(
        "cases:
  - name: look-ups
    load:
      clients: 4
      count: 50
      warm-up: 10 requests
      mix:
        - name: lookup
          sql: SELECT * FROM {{schema}}_T WHERE K = {{k}}
          params: {{ k: {{ uniform: [1, 1000] }} }}
          rows: 1
{keys}"
    );
    parse_suite("s", Source::new("s.yaml", text)).unwrap()
}

const LOOKUP: &str = "SELECT * FROM SG1_S_T WHERE K = ";

fn lookups(run: &Run) -> usize {
    run.log().iter().filter(|it| it.starts_with(LOOKUP)).count()
}

fn report(summary: &RunSummary) -> &LoadReport {
    summary.cases[0].load.as_ref().unwrap()
}

#[test]
fn a_load_is_executed_on_its_own_sessions_and_tagged() {
    let run = run_all(&[load("")], &[], obliging());
    run.check("look-ups: passed").check_cleaned_up();
    assert_eq!(lookups(&run), 60);
    let executed = run.script.executed();
    let of_load = || executed.iter().filter(|it| it.statement.sql.starts_with(LOOKUP));
    assert!(of_load().all(|it| {
        it.statement.tag.as_ref().map(ToString::to_string).as_deref()
            == Some("snowgauge/SG1/s/look-ups")
    }));
    let sessions: std::collections::BTreeSet<usize> = of_load().map(|it| it.session).collect();
    assert_eq!(sessions.len(), 4);
    assert_eq!(run.script.logins().len(), run.script.closed().len());
    let measured = &report(&run.summary).measured;
    let query = &measured.roles[0].queries[0];
    assert_eq!(query.seconds.iter().map(|it| it.ok).sum::<u64>(), 50);
    assert_eq!(query.sql, "SELECT * FROM SG1_S_T WHERE K = {k}");
    assert_eq!(measured.roles[0].warehouse.as_deref(), Some("SG1_STD"));
    assert_eq!(measured.roles[0].warm_up.requests, 10);
}

#[test]
fn the_same_seed_sends_the_same_statements() {
    let sent = |seed| {
        let plan = plan(&[load("")], &[], &Selection::default()).unwrap();
        let options = RunOptions { seed, ..options() };
        let run = run_plan(plan, obliging(), options, Vec::new(), Stop::default(), async {});
        let mut sent: Vec<String> =
            run.log().into_iter().filter(|it| it.starts_with(LOOKUP)).collect();
        sent.sort();
        sent
    };
    assert_eq!(sent(1), sent(1));
    assert_ne!(sent(1), sent(2));
}

#[test]
fn an_emulator_behind_a_connection_is_told() {
    let simulated = |run: Run| report(&run.summary).measured.simulated.clone();
    assert_eq!(simulated(run_all(&[load("")], &[], obliging())), None);
    let emulator = obliging().on("SELECT CURRENT_VERSION()", text("9.9 snowgauge-emulator 0.1"));
    let simulated = simulated(run_all(&[load("")], &[], emulator));
    assert_eq!(simulated.as_deref(), Some("9.9 snowgauge-emulator 0.1"));
}

#[test]
fn wrong_rows_and_errors_fail_a_load() {
    let empty = obliging().on_prefix(LOOKUP, rows(&[]));
    let run = run_all(&[load("")], &[], empty);
    run.check(
        "look-ups: failed: 50 of 50 answers to `lookup` on standard had wrong rows: 0 rows, \
         expected 1",
    );
    assert_eq!(run.failure(0).place, "s.yaml:8");
    assert!(run.failure(0).sql.starts_with(LOOKUP));

    let refusing = || obliging().on_prefix(LOOKUP, refused("000606", "No active warehouse"));
    run_all(&[load("")], &[], refusing()).check(
        "look-ups: failed: 50 requests ended in 000606, of which no budget speaks: 000606 \
         (42000): No active warehouse",
    );
    let budget = load("      budgets: [errors <= 10]\n");
    let run = run_all(&[budget], &[], refusing());
    assert_eq!(report(&run.summary).judged[0].verdict, Verdict::Failed);
    assert_eq!(run.failure(0).place, "s.yaml:12");
}

#[test]
fn budgets_decide() {
    let kept = load("      budgets: [max <= 5ms, errors == 0]\n");
    run_all(&[kept], &[], obliging()).check("look-ups: passed");
    let lost = load("      budgets: [max <= 500us, errors == 0]\n");
    let run = run_all(&[lost], &[], obliging());
    let judged = &report(&run.summary).judged;
    let verdicts: Vec<Verdict> = judged.iter().map(|it| it.verdict).collect();
    assert_eq!(verdicts, [Verdict::Failed, Verdict::Passed]);
    assert!(run.failure(0).message.starts_with("`max <= 500us`: "), "{}", run.failure(0).message);
}

#[test]
fn values_may_come_from_a_query() {
    let text = "cases:
  - name: c
    load:
      clients: 2
      count: 20
      warm-up: none
      mix:
        - name: lookup
          sql: \"SELECT * FROM {schema}_T WHERE K = {k}\"
          params: { k: { from: SELECT K FROM KEYS } }
";
    let suite = parse_suite("s", Source::new("s.yaml", text.to_owned())).unwrap();
    let run = run_all(
        std::slice::from_ref(&suite),
        &[],
        obliging().on("SELECT K FROM KEYS", rows(&[7, 8])),
    );
    run.check("c: passed");
    let sent: std::collections::BTreeSet<String> =
        run.log().into_iter().filter(|it| it.starts_with(LOOKUP)).collect();
    assert_eq!(sent.into_iter().collect::<Vec<_>>(), ["7", "8"].map(|it| format!("{LOOKUP}{it}")));
    run_all(&[suite], &[], obliging().on("SELECT K FROM KEYS", rows(&[])))
        .check("c: not run: s.yaml:8: values of `k`: there are none");
}

fn execute_on(target: Arc<dyn Target>, suite: Suite, recorder: Option<&Recorder>) -> RunSummary {
    let plan = plan(&[suite], &[], &Selection::default()).unwrap();
    let reporters = recorder.map(|it| Box::new(it.clone()) as Box<dyn Reporter>);
    let events = Events::new(Redactor::default(), reporters.into_iter().collect());
    let run = RunId::random();
    let options = RunOptions { always_probe: false, ..RunOptions::new(run) };
    let run = execute(plan, target, options, events, Stop::default());
    ReplayTarget::runtime().unwrap().block_on(run)
}

fn recorded_in(folder: &Path, suite: Suite) -> (RunSummary, PathBuf) {
    let recorder = Recorder::new(RecordOptions {
        fixtures: folder.to_owned(),
        kind: TargetKind::Scripted,
        capacity: None,
        known: Known::default(),
        secrets: Vec::new(),
        scale: 20_000,
        seed: 0,
    });
    let target = RecordingTarget::new(Arc::new(obliging()), recorder.clone());
    let summary = execute_on(Arc::new(target), suite, Some(&recorder));
    let finished = recorder.finish(false);
    let refused =
        finished.iter().find(|it| matches!(it.ending, crate::target::FinishedAs::Refused(_)));
    assert_eq!(refused, None);
    let folder = finished[0].path.parent().unwrap();
    let root = folder.ancestors().find(|it| it.join("run.fixture").is_file());
    (summary, root.unwrap_or(folder).to_owned())
}

#[test]
fn what_a_load_came_to_is_recorded_and_judged_again() {
    let folder = tempfile::tempdir().unwrap();
    let (recorded, fixtures) = recorded_in(folder.path(), load("      budgets: [max <= 5ms]\n"));
    assert_eq!(recorded.cases[0].outcome, Outcome::Passed);
    let replay = || Arc::new(ReplayTarget::open(&fixtures, None).unwrap());

    let again = execute_on(replay(), load("      budgets: [max <= 5ms]\n"), None);
    assert_eq!(again.cases[0].outcome, Outcome::Passed, "{:?}", again.cases[0]);
    let histograms = |it: &RunSummary| {
        let query = &report(it).measured.roles[0].queries[0];
        query.seconds.iter().map(|it| it.from_due.clone()).collect::<Vec<_>>()
    };
    assert_eq!(histograms(&again), histograms(&recorded));

    let target = replay();
    let stricter = execute_on(target.clone(), load("      budgets: [max <= 500us]\n"), None);
    let Outcome::Failed { failure } = &stricter.cases[0].outcome else {
        panic!("{:?}", stricter.cases[0].outcome)
    };
    assert!(failure.message.starts_with("`max <= 500us`: "), "{}", failure.message);
}

/// An hour of look-ups, unless a budget ends it.
fn hour(budget: &str) -> Suite {
    let text = format!(
        "cases:
  - name: look-ups
    load:
      rate: 10/s
      sessions: 4
      duration: 1h
      warm-up: none
      mix: [{{ name: lookup, sql: 'SELECT * FROM {{schema}}_T WHERE K = 1', rows: 1 }}]
      budgets: [{budget}]
"
    );
    parse_suite("s", Source::new("s.yaml", text)).unwrap()
}

#[test]
fn a_lost_budget_ends_a_load_and_a_replay_says_so_again() {
    let folder = tempfile::tempdir().unwrap();
    let (recorded, fixtures) = recorded_in(folder.path(), hour("max <= 500us"));
    #[track_caller]
    fn check(summary: &RunSummary) {
        let Outcome::Failed { failure } = &summary.cases[0].outcome else {
            panic!("{:?}", summary.cases[0].outcome)
        };
        let message = &failure.message;
        assert!(message.starts_with("`max <= 500us`: "), "{message}");
        assert!(message.contains("; ended early, after "), "{message}");
        assert!(message.contains(" requests: `max <= 500us`: "), "{message}");
        assert_eq!(failure.place, "s.yaml:9");
        let early = &summary.cases[0].properties["ended_early"];
        assert!(message.ends_with(early.as_str()), "{message}");
    }
    check(&recorded);
    let due: u64 =
        report(&recorded).measured.roles[0].queries[0].seconds.iter().map(|it| it.due).sum();
    assert!((1..100).contains(&due), "{due}");

    let replay = || Arc::new(ReplayTarget::open(&fixtures, None).unwrap());
    check(&execute_on(replay(), hour("max <= 500us"), None));
    // Of another budget it is a shorter load, and no more.
    let kinder = execute_on(replay(), hour("max <= 5s"), None);
    assert_eq!(kinder.cases[0].outcome, Outcome::Passed, "{:?}", kinder.cases[0]);
    assert!(kinder.cases[0].properties.contains_key("ended_early"));
}
