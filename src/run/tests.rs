//! Whole runs on a target that answers from a script.

mod loading;
mod refreshing;

use super::*;
use crate::{
    secret::Redactor,
    suite::{
        Action, Case, Condition, DataSet, Evidence, Expect, Expectation, ExpectedRefusal,
        ExpectedRows, Only, Release, ReleaseSet, RowsExpected, Side, Sort, Step, Suite, Unchanged,
        span::{Span, Spanned},
    },
    target::{Ending, LoginError, Refusal, Reply, Scripted, Type, Value},
};
use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc, time::Duration};

const INTEGER: Type = Type::Number { precision: 38, scale: 0 };

fn rows(values: &[i128]) -> Reply {
    let rows = values.iter().map(|it| [Value::Number { digits: *it, scale: 0 }]);
    Reply::rows([("N", INTEGER)], rows)
}

fn text(value: &str) -> Reply {
    Reply::rows([("name", Type::Text)], [[Value::Text(value.to_owned())]])
}

fn refused(code: &str, message: &str) -> Reply {
    Reply::refused(code, "42000", message)
}

fn lost() -> Reply {
    Reply::lost("reset by peer")
}

/// A server that does whatever it is asked to; tests replace parts of it.
fn obliging() -> Scripted {
    Scripted::new()
        .otherwise(Reply::ending(Ending::Rows(crate::target::Rows::default())))
        .on_prefix("SELECT", rows(&[1]))
        .on_prefix("SHOW", rows(&[]))
        .on("SELECT CURRENT_DATABASE()", text("DB"))
        .on("SELECT CURRENT_VERSION()", text("9.1"))
        .on("SELECT CURRENT_REGION()", text("AWS_US_EAST_1"))
}

/// Does something when an event comes by.
struct Hook<F>(F);

impl<F: FnMut(&Event) + Send> Reporter for Hook<F> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        (self.0)(event);
        Ok(())
    }
}

fn span(line: usize) -> Span {
    Span::new(&PathBuf::from("s.yaml").into(), line, 1, 1)
}

fn expectation(outcome: Expect, evidence: Evidence) -> Expectation {
    Expectation { releases: None, evidence, source: None, span: span(5), outcome }
}

fn step(sql: &str, outcome: Expect) -> Step {
    Step {
        span: span(4),
        session: "standard".to_owned(),
        action: Action::Execute { sql: sql.to_owned(), binds: Vec::new() },
        expect: vec![expectation(outcome, Evidence::None)],
        within: None,
        takes: None,
        save: None,
        unchanged: Vec::new(),
        allow: Vec::new(),
        when: Vec::new(),
    }
}

fn ok(sql: &str) -> Step {
    step(sql, Expect::Ok)
}

fn one(value: i128) -> Expect {
    Expect::Rows(ExpectedRows {
        rows: RowsExpected::Rows(vec![vec![crate::suite::Cell::Text(value.to_string())]]),
        ..ExpectedRows::default()
    })
}

fn believed(sql: &str, outcome: Expect, evidence: Evidence) -> Step {
    Step { expect: vec![expectation(outcome, evidence)], ..ok(sql) }
}

fn refusal(code: &str) -> Expect {
    Expect::Refused(ExpectedRefusal { code: Some(code.to_owned()), ..ExpectedRefusal::default() })
}

fn any_refusal() -> Expect {
    Expect::Refused(ExpectedRefusal::default())
}

fn case(name: &str, steps: Vec<Step>) -> Case {
    Case {
        id: None,
        name: name.to_owned(),
        doc: None,
        tags: Vec::new(),
        needs: Vec::new(),
        allow: Vec::new(),
        only: None,
        span: span(3),
        steps,
    }
}

fn suite(cases: Vec<Case>) -> Suite {
    Suite {
        name: "s".to_owned(),
        path: PathBuf::from("s.yaml"),
        doc: String::new(),
        tags: Vec::new(),
        data: Vec::new(),
        needs: Vec::new(),
        allow: Vec::new(),
        setup: Vec::new(),
        refreshed: Vec::new(),
        cases,
        ordered: false,
        pins: Vec::new(),
    }
}

fn spanned(name: &str) -> Spanned<String> {
    Spanned { value: name.to_owned(), span: span(1) }
}

struct Run {
    script: Scripted,
    summary: RunSummary,
}

impl Run {
    /// A line for each case.
    #[track_caller]
    fn check(&self, expected: &str) -> &Self {
        let line = |it: &CaseReport| match crate::report::text::reason(&it.outcome) {
            None => format!("{}: {}", it.case.name, it.outcome.word()),
            Some(reason) => format!("{}: {}: {reason}", it.case.name, it.outcome.word()),
        };
        let found: Vec<String> = self.summary.cases.iter().map(line).collect();
        let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
        assert_eq!(found, expected, "\n{}\n", found.join("\n"));
        self
    }

    fn log(&self) -> Vec<String> {
        self.script.executed_sql()
    }

    /// What was executed between making the suite's schema and the clean-up.
    #[track_caller]
    fn check_executed(&self, expected: &[&str]) -> &Self {
        let log = self.log();
        let from = log.iter().rposition(|it| it.starts_with("CREATE SCHEMA")).unwrap() + 1;
        let to = log.iter().position(|it| it == "DROP WAREHOUSE IF EXISTS SG1_STD").unwrap();
        assert_eq!(log[from..to], *expected);
        self
    }

    #[track_caller]
    fn check_cleaned_up(&self) -> &Self {
        let log = self.log();
        for sql in [
            "DROP WAREHOUSE IF EXISTS SG1_STD",
            "DROP WAREHOUSE IF EXISTS SG1_IW",
            "DROP SCHEMA IF EXISTS DB.SG1_DATA CASCADE",
        ] {
            assert!(log.iter().any(|it| it == sql), "no `{sql}` in {log:#?}");
        }
        self
    }

    fn failure(&self, case: usize) -> &Failure {
        match &self.summary.cases[case].outcome {
            Outcome::Failed { failure } => failure,
            other => panic!("{other:?}"),
        }
    }
}

fn options() -> RunOptions {
    RunOptions { jobs: 2, ..RunOptions::new(RunId::fixed("SG1")) }
}

/// Executes a plan; `beside` goes on at the same time.
fn run_plan(
    plan: Plan,
    script: Scripted,
    options: RunOptions,
    reporters: Vec<Box<dyn Reporter>>,
    stop: Stop,
    beside: impl Future<Output = ()>,
) -> Run {
    let events = Events::new(Redactor::default(), reporters);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = execute(plan, Arc::new(script.clone()), options, events, stop);
    let (summary, ()) = runtime.block_on(async { tokio::join!(run, beside) });
    Run { script, summary }
}

fn run_all(suites: &[Suite], data_sets: &[DataSet], script: Scripted) -> Run {
    let plan = plan(suites, data_sets, &Selection::default()).unwrap();
    run_plan(plan, script, options(), Vec::new(), Stop::default(), async {})
}

/// One suite on an obliging server.
fn run_cases(cases: Vec<Case>, script: Scripted) -> Run {
    run_all(&[suite(cases)], &[], script)
}

#[test]
fn cases_pass_fail_and_the_rest_goes_on() {
    let run = run_cases(
        vec![
            case("passes", vec![step("SELECT 1", one(1))]),
            case("fails", vec![step("SELECT 2", one(2)), ok("SELECT 3")]),
            case("is refused", vec![ok("SELECT X")]),
            case("passes too", vec![step("SELECT 4", refusal("001003"))]),
        ],
        obliging()
            .on("SELECT 2", rows(&[3]))
            .on("SELECT X", refused("000904", "invalid identifier 'X'"))
            .on("SELECT 4", refused("001003", "syntax error")),
    );
    run.check(
        "passes: passed
         fails: failed: row 1 differs
         is refused: failed: the server refused it: 000904 (42000): invalid identifier 'X'
         passes too: passed",
    )
    .check_executed(&[
        "USE SCHEMA DB.SG1_S",
        "USE WAREHOUSE SG1_STD",
        "SELECT 1",
        "SELECT 2",
        "SELECT X",
        "SELECT 4",
    ])
    .check_cleaned_up();
    let failure = run.failure(1);
    assert_eq!(failure.place, "s.yaml:5");
    assert_eq!(failure.sql, "SELECT 2");
    assert!(failure.query_id.is_some());
    assert_eq!(failure.diff.as_deref(), Some("-2\n+3"));
    let estimate = "0.02 credits in about a minute: 1 start of standard warehouses; what an \
                    account would charge, nothing is charged here";
    let facts = [
        ("estimated_credits", "0.02"),
        ("estimate", estimate),
        ("server_version", "9.1"),
        ("region", "AWS_US_EAST_1"),
        (
            "region_listed",
            "AWS_US_EAST_1 is on the documents' list of 2025-10-01 (seed; docs: interactive \
             tables, preview)",
        ),
        ("metered_credits", "0.02"),
    ];
    let facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut told = run.summary.facts.clone();
    assert_eq!(told.remove(0).0, "generator", "which machine that is is another's to say");
    assert_eq!(told, facts);
    // Nothing in it needs the interactive layer, which costs.
    assert!(!run.log().iter().any(|it| it.starts_with("CREATE INTERACTIVE")));
}

#[test]
fn only_a_refusal_satisfies_an_expected_error() {
    run_cases(
        vec![
            case("rows", vec![step("SELECT 1", any_refusal())]),
            case("time-out", vec![step("SELECT 2", any_refusal())]),
            case("lost", vec![step("SELECT 3", any_refusal())]),
            case("not recorded", vec![step("SELECT 4", any_refusal())]),
            case("recorded answers are answers", vec![step("SELECT 5", Expect::Recorded)]),
            case("but not what is no answer", vec![step("SELECT 3", Expect::Recorded)]),
        ],
        obliging()
            .on("SELECT 2", Reply::never())
            .on("SELECT 3", lost())
            .on(
                "SELECT 4",
                Reply::ending(Ending::NotRecorded { explanation: "nearest: SELECT 5".to_owned() }),
            )
            .on("SELECT 5", refused("001003", "syntax error")),
    )
    .check(
        "rows: failed: expected a refusal, got 1 row
         time-out: failed: no answer after 300 s
         lost: not run: connection lost: reset by peer
         not recorded: not run: not recorded: nearest: SELECT 5
         recorded answers are answers: passed
         but not what is no answer: not run: connection lost: reset by peer",
    );
}

#[test]
fn evidence_decides_what_another_answer_means() {
    let limits = |name: &str, evidence| Case {
        tags: vec!["limits".to_owned()],
        ..case(name, vec![believed("UPDATE T", refusal("001003"), evidence)])
    };
    let run = run_cases(
        vec![
            case(
                "unverified, refused differently, goes on",
                vec![
                    believed("DELETE T", refusal("001003"), Evidence::Unverified),
                    step("SELECT 2", one(2)),
                ],
            ),
            case(
                "unverified, refused differently",
                vec![believed("DELETE T", refusal("001003"), Evidence::Unverified)],
            ),
            case(
                "unverified, not refused",
                vec![believed("UPDATE T", refusal("001003"), Evidence::Unverified)],
            ),
            case("met", vec![believed("DELETE T", refusal("002003"), Evidence::Unverified)]),
            case("documented", vec![believed("UPDATE T", refusal("001003"), Evidence::Documented)]),
            limits("a documented limitation", Evidence::Documented),
            limits("a limitation without evidence", Evidence::None),
            limits("an unverified limitation", Evidence::Unverified),
        ],
        obliging().on("DELETE T", refused("002003", "no T")),
    );
    run.check(
        "unverified, refused differently, goes on: failed: row 1 differs
         unverified, refused differently: observed: s.yaml:5: 002003 (42000): no T
         unverified, not refused: observed: s.yaml:5: expected a refusal with code 001003, got 0 rows
         met: passed
         documented: failed: expected a refusal with code 001003, got 0 rows
         a documented limitation: lifted: s.yaml:5: 0 rows
         a limitation without evidence: failed: expected a refusal with code 001003, got 0 rows
         an unverified limitation: observed: s.yaml:5: expected a refusal with code 001003, got 0 rows",
    );
    assert_eq!(run.summary.cases[5].evidence, Evidence::Documented);
}

#[test]
fn a_lost_session_is_opened_again_for_the_next_case() {
    let run = run_cases(
        vec![case("loses it", vec![ok("SELECT 1")]), case("goes on", vec![ok("SELECT 2")])],
        obliging().on("SELECT 1", lost()),
    );
    run.check(
        "loses it: not run: connection lost: reset by peer
         goes on: passed",
    )
    .check_executed(&[
        "USE SCHEMA DB.SG1_S",
        "USE WAREHOUSE SG1_STD",
        "SELECT 1",
        "USE SCHEMA DB.SG1_S",
        "USE WAREHOUSE SG1_STD",
        "SELECT 2",
    ]);
}

#[test]
fn without_a_target_nothing_more_is_run() {
    let script = obliging().on("SELECT 1", lost());
    let cases = |names: &[&str]| names.iter().map(|it| case(it, vec![ok("SELECT 1")])).collect();
    let mut other = suite(cases(&["c", "d"]));
    other.name = "t".to_owned();
    let suites = [suite(cases(&["a", "b"])), other];
    let plan = plan(&suites, &[], &Selection::default()).unwrap();
    // The first case loses its session; nobody is there when the second wants another.
    let goes = script.clone();
    let goes = Hook(move |event: &Event| {
        if matches!(event, Event::CaseFinished(_)) {
            goes.clone().login_fails(LoginError::Unreachable {
                place: "script".to_owned(),
                cause: "connection refused".to_owned(),
            });
        }
    });
    let options = RunOptions { jobs: 1, ..options() };
    let run = run_plan(plan, script, options, vec![Box::new(goes)], Stop::default(), async {});
    run.check(
        "a: not run: connection lost: reset by peer
         b: not run: cannot reach script: connection refused
         c: not run: cannot reach script: connection refused
         d: not run: cannot reach script: connection refused",
    );
    assert_eq!(run.summary.cut_short.as_deref(), Some("cannot reach script: connection refused"));
}

#[test]
fn without_a_login_every_case_is_not_run() {
    let script = obliging().login_fails(LoginError::Refused {
        place: "script".to_owned(),
        refusal: Refusal {
            code: "390100".to_owned(),
            sqlstate: "08001".to_owned(),
            message: "Incorrect username or password".to_owned(),
        },
    });
    let run = run_cases(vec![case("a", vec![ok("SELECT 1")])], script);
    run.check(
        "a: not run: script refused the login: 390100 (08001): Incorrect username or password",
    );
    assert_eq!(run.log(), Vec::<String>::new());
}

#[test]
fn a_panic_ends_one_suite_and_nothing_else() {
    let mut other = suite(vec![case("c", vec![ok("SELECT 2")])]);
    other.name = "t".to_owned();
    let panics = suite(vec![case("a", vec![ok("SELECT 1")]), case("b", vec![ok("SELECT 2")])]);
    let plan = plan(&[panics, other], &[], &Selection::default()).unwrap();
    // Whatever panics in a suite's task will do; a report is at hand.
    let panics = Hook(|event: &Event| {
        if matches!(event, Event::CaseStarted { case, .. } if case.name == "a") {
            panic!("the reporter panicked");
        }
    });
    run_plan(plan, obliging(), options(), vec![Box::new(panics)], Stop::default(), async {})
        .check(
            "a: not run: snowgauge panicked: the reporter panicked
             b: not run: snowgauge panicked: the reporter panicked
             c: passed",
        )
        .check_cleaned_up();
}

#[test]
fn an_interrupted_run_cancels_and_cleans_up() {
    let stop = Stop::default();
    let script = obliging().on("SELECT 1", Reply::until_cancelled());
    let suites = [suite(vec![case("a", vec![ok("SELECT 1")]), case("b", vec![ok("SELECT 2")])])];
    let plan = plan(&suites, &[], &Selection::default()).unwrap();
    let interrupt = {
        let (script, stop) = (script.clone(), stop.clone());
        async move {
            while !script.executed_sql().contains(&"SELECT 1".to_owned()) {
                tokio::task::yield_now().await;
            }
            stop.request("interrupted");
        }
    };
    let run = run_plan(plan, script, options(), Vec::new(), stop, interrupt);
    run.check("a: not run: interrupted\nb: not run: interrupted").check_cleaned_up();
    assert_eq!(run.summary.cut_short.as_deref(), Some("interrupted"));
}

#[test]
fn looking_again_keeps_the_last_difference() {
    let patient = |sql: &str| Step { within: Some(Duration::from_secs(10)), ..step(sql, one(3)) };
    let count = |it: fn(i128) -> i128| (1..=20).map(move |count| rows(&[it(count)]));
    let run = run_cases(
        vec![
            case("comes true", vec![patient("SELECT 1")]),
            case("does not", vec![patient("SELECT 2")]),
            case("cannot", vec![patient("SELECT 3")]),
        ],
        obliging()
            .on_each("SELECT 1", count(|it| it))
            .on_each("SELECT 2", count(|it| -it))
            .on("SELECT 3", refused("001003", "syntax error")),
    );
    run.check(
        "comes true: passed
         does not: failed: not within 10 s: row 1 differs
         cannot: failed: the server refused it: 001003 (42000): syntax error",
    );
    let properties = &run.summary.cases[0].properties;
    assert_eq!(properties.get("met_after_ms").map(String::as_str), Some("755"));
    assert_eq!(properties.get("looks").map(String::as_str), Some("3"));
    assert_eq!(run.summary.cases[0].steps.len(), 1);
    assert_eq!(run.summary.cases[0].steps[0].looks, 3);
    // Looks at 0, 0.25, 0.75, 1.75, 3.75 and 7.75 s, then at the limit.
    assert_eq!(run.failure(1).diff.as_deref(), Some("-3\n+-7"));
    assert_eq!(run.failure(1).hint.as_deref(), Some("looked 7 times in 10.001 s"));
    assert_eq!(run.summary.cases[2].steps[0].looks, 1);
}

#[test]
fn a_statement_must_take_its_time() {
    let timed = |name: &str, sql: &str| {
        let takes = Some((Duration::from_secs(4), Duration::from_secs(7)));
        case(name, vec![Step { takes, ..step(sql, refusal("000630")) }])
    };
    let after = |millis| refused("000630", "timeout").taking(Duration::from_millis(millis));
    run_cases(
        vec![
            timed("in time", "SELECT 1"),
            timed("too soon", "SELECT 2"),
            timed("too late", "SELECT 3"),
            timed("never", "SELECT 4"),
        ],
        obliging()
            .on("SELECT 1", after(5040))
            .on("SELECT 2", after(200))
            .on("SELECT 3", after(11_900))
            .on("SELECT 4", Reply::never()),
    )
    .check(
        "in time: passed
         too soon: failed: took 0.2 s, expected 4 s to 7 s
         too late: failed: took 11.9 s, expected 4 s to 7 s
         never: failed: no answer after 12 s, expected one in 4 s to 7 s",
    );
}

#[test]
fn what_must_not_change_is_looked_at_before_and_after() {
    let update = |name: &str, queries: &[(&str, &str)]| {
        let query = |(session, sql): &(&str, &str)| Unchanged {
            session: (*session).to_owned(),
            sql: (*sql).to_owned(),
        };
        let unchanged = queries.iter().map(query).collect();
        case(name, vec![Step { unchanged, ..step("UPDATE T", any_refusal()) }])
    };
    let run = run_cases(
        vec![
            update("keeps", &[("standard", "SELECT 1")]),
            update("changes", &[("standard", "SELECT 2")]),
            update("changes elsewhere", &[("standard", "SELECT 1"), ("interactive", "SELECT 3")]),
        ],
        obliging()
            .on("UPDATE T", refused("001003", "no DML"))
            .on_each("SELECT 2", [rows(&[1]), rows(&[2])])
            .on_each("SELECT 3", [rows(&[1]), rows(&[3])]),
    );
    run.check(
        "keeps: passed
         changes: failed: the step changed what it must not: 1 row missing, 1 not expected
         changes elsewhere: failed: the step changed what it must not: 1 row missing, 1 not expected",
    );
    assert_eq!(run.failure(1).diff.as_deref(), Some("-1\n+2"));
    let asked = run.summary.cases[2].steps.iter();
    let asked: Vec<_> = asked.map(|it| (it.session.as_str(), it.sql.as_str())).collect();
    let looks = [("standard", "SELECT 1"), ("interactive", "SELECT 3")];
    assert_eq!(asked, [&looks[..], &[("standard", "UPDATE T")], &looks].concat());
}

#[test]
fn the_side_that_an_answer_takes_is_reported_and_none_fails() {
    let side = |name: &str, outcome: Expect| Side {
        name: name.to_owned(),
        evidence: Evidence::Documented,
        source: format!("docs of {name}"),
        span: span(6),
        outcome,
    };
    let sides = || Expect::Sides(vec![side("refused", refusal("001420")), side("one", one(1))]);
    let run = run_cases(
        vec![
            case("refused", vec![step("SELECT 1", sides())]),
            case("allowed", vec![step("SELECT 2", sides())]),
            case("neither", vec![step("SELECT 3", sides()), ok("SELECT 4")]),
            case("twice", vec![step("SELECT 1", sides()), step("SELECT 2", sides())]),
            case("recorded", vec![step("SELECT 1", Expect::Recorded)]),
        ],
        obliging()
            .on("SELECT 1", refused("001420", "no"))
            .on("SELECT 2", rows(&[1]))
            .on("SELECT 3", rows(&[2])),
    );
    run.check(
        "refused: passed
         allowed: passed
         neither: observed: s.yaml:5: neither `refused` nor `one`: 1 row
         twice: passed
         recorded: passed",
    );
    let cases = &run.summary.cases;
    let property = |at: usize, name: &str| cases[at].properties.get(name).map(String::as_str);
    let sides = [0, 1, 2, 3].map(|it| property(it, "side").unwrap_or_default());
    assert_eq!(sides, ["refused", "one", "neither", "refused; one"]);
    assert_eq!(cases[1].evidence, Evidence::Documented);
    assert_eq!(cases[1].source.as_deref(), Some("docs of one"));
    assert_eq!(property(4, "recorded"), Some("001420 (42000): no"));
}

#[test]
fn another_query_says_what_to_expect() {
    let same = |name: &str, sql: &str| {
        let other = Expect::SameAs {
            session: "interactive".to_owned(),
            sql: "SELECT 1".to_owned(),
            sort: Sort::Rows,
        };
        case(name, vec![step(sql, other)])
    };
    let run = run_cases(
        vec![same("same", "SELECT 2"), same("other", "SELECT 3")],
        obliging()
            .on("SELECT 1", rows(&[1, 2]))
            .on("SELECT 2", rows(&[2, 1]))
            .on("SELECT 3", rows(&[2, 2])),
    );
    run.check(
        "same: passed
         other: failed: not the same as on `interactive`: 1 row missing, 1 not expected",
    );
    assert_eq!(run.summary.cases[0].steps[1].warehouse.as_deref(), Some("SG1_IW"));
    let warehouses = run.summary.cases[0].properties.get("warehouse");
    assert_eq!(warehouses.map(String::as_str), Some("SG1_IW,SG1_STD"));
}

#[test]
fn results_of_one_label_are_equal_within_a_suite() {
    let labelled = |name: &str, sql: &str| {
        let expect = Expect::Rows(ExpectedRows {
            rows: RowsExpected::Count { min: 0, max: None },
            label: Some("x".to_owned()),
            ..ExpectedRows::default()
        });
        case(name, vec![step(sql, expect)])
    };
    run_cases(
        vec![labelled("a", "SELECT 1"), labelled("b", "SELECT 2"), labelled("c", "SELECT 3")],
        obliging().on("SELECT 2", rows(&[1])).on("SELECT 3", rows(&[3])),
    )
    .check(
        "a: passed
         b: passed
         c: failed: not the result labelled `x` at s.yaml:4",
    );
}

#[test]
fn what_is_saved_can_be_used() {
    let save = |sql: &str| Step { save: Some("id".to_owned()), ..ok(sql) };
    let run = run_cases(
        vec![
            case("uses it", vec![save("SELECT 1"), ok("SELECT '{id}' FROM {database}.{schema}.T")]),
            case("has none", vec![save("SELECT 2"), ok("SELECT '{id}'")]),
        ],
        obliging().on("SELECT 1", text("01ab")).on("SELECT 2", rows(&[])),
    );
    run.check(
        "uses it: passed
         has none: failed: nothing to save: there are no rows",
    );
    assert!(run.log().contains(&"SELECT '01ab' FROM DB.SG1_S.T".to_owned()));
}

#[test]
fn sessions_start_each_case_where_they_started_the_first() {
    let run = run_cases(
        vec![
            case("moves", vec![ok("USE WAREHOUSE X")]),
            case("is back", vec![ok("SELECT 1")]),
            case("sets", vec![ok("ALTER SESSION SET TIMEZONE = 'UTC'")]),
            case("is new", vec![ok("SELECT 2")]),
        ],
        obliging(),
    );
    let settle = ["USE SCHEMA DB.SG1_S", "USE WAREHOUSE SG1_STD"];
    let expected = [
        &settle[..],
        &["USE WAREHOUSE X"],
        &settle,
        &["SELECT 1", "ALTER SESSION SET TIMEZONE = 'UTC'"],
        &settle,
        &["SELECT 2"],
    ]
    .concat();
    run.check("moves: passed\nis back: passed\nsets: passed\nis new: passed")
        .check_executed(&expected);
    assert_eq!(run.script.logins().len(), 3);
}

#[test]
fn the_release_is_probed_and_decides() {
    let by_release = |sql: &str| Step {
        expect: vec![
            Expectation {
                releases: Some(ReleaseSet(vec![Release::Preview, Release::Attached])),
                ..expectation(one(7), Evidence::Seed)
            },
            Expectation {
                releases: Some(ReleaseSet(vec![Release::Fallback])),
                ..expectation(one(1), Evidence::Documented)
            },
        ],
        ..ok(sql)
    };
    let only =
        |releases| Only { releases: ReleaseSet(releases), reason: "there was none".to_owned() };
    let mut cases = vec![
        case("by release", vec![by_release("SELECT 1")]),
        case("for others", vec![ok("SELECT 2")]),
        case("for this", vec![ok("SELECT 3")]),
        case("needs more", vec![ok("SELECT 4")]),
        case(
            "without an expectation",
            vec![Step { expect: by_release("").expect[..1].to_vec(), ..ok("SELECT 5") }],
        ),
    ];
    cases[1].only = Some(only(vec![Release::Preview]));
    cases[2].only = Some(only(vec![Release::Fallback, Release::ZeroCopy]));
    cases[3].needs = vec![spanned("zero-copy")];
    let refusal = refused(
        "000002",
        "Querying non-interactive table PLAIN is not supported in interactive warehouses",
    );
    let run = run_cases(
        cases,
        obliging()
            .on("SELECT K FROM DB.SG1_DATA.SNOWGAUGE_PLAIN", refusal)
            .on_prefix("SHOW PARAMETERS", rows(&[1])),
    );
    run.check(
        "by release: passed
         for others: skipped: only on preview, this is fallback: there was none
         for this: passed
         needs more: skipped: needs zero-copy, this is fallback
         without an expectation: skipped: line 4 expects nothing on fallback",
    )
    .check_cleaned_up();
    assert_eq!(run.summary.release, Some(Release::Fallback));
    assert_eq!(
        run.summary.release_how.as_deref(),
        Some(
            "an interactive warehouse refused a standard table, warehouses have \
             FALLBACK_WAREHOUSE, SHOW INTERACTIVE TABLES exists"
        )
    );
}

impl Run {
    fn fact(&self, name: &str) -> Option<&str> {
        let found = self.summary.facts.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }

    fn failed_work(&self) -> Vec<String> {
        let failed =
            self.summary.work.iter().filter_map(|it| Some((&it.what, it.failure.as_ref()?)));
        failed.map(|(what, failure)| format!("{what}: {failure}")).collect()
    }
}

/// An account of release zero-copy.
fn newest() -> Scripted {
    let tables = Reply::rows(
        [("auto_suspend", INTEGER), ("tables", Type::Text)],
        [[Value::Number { digits: 86_400, scale: 0 }, Value::Null]],
    );
    obliging().on_prefix("SHOW PARAMETERS", rows(&[1])).on_prefix("SHOW WAREHOUSES", tables)
}

fn with_release(release: Option<Release>, script: Scripted) -> Run {
    let mut one = case("a", vec![ok("SELECT 1")]);
    one.needs = vec![spanned("zero-copy")];
    let plan = plan(&[suite(vec![one])], &[], &Selection::default()).unwrap();
    let options = RunOptions { release, ..options() };
    run_plan(plan, script, options, Vec::new(), Stop::default(), async {})
}

#[test]
fn what_the_probe_looked_at_is_in_the_facts() {
    let run = with_release(None, newest());
    run.check("a: passed").check_cleaned_up();
    assert_eq!(run.failed_work(), Vec::<String>::new());
    for (name, value) in [
        ("probe_standard_table", "an interactive warehouse read it (as on zero-copy)"),
        ("probe_attach_limit", "eleven tables were attached (as on fallback..)"),
        ("probe_auto_suspend", "86400 at first, 3600 reads back as 86400"),
    ] {
        assert_eq!(run.fact(name), Some(value));
    }
    assert_eq!(run.fact("probe_disagreement"), None);
    // What was made for it is gone before anything of the suites is attached.
    let log = run.log();
    let made =
        log.iter().filter(|it| it.starts_with("CREATE OR REPLACE INTERACTIVE TABLE")).count();
    let dropped = log.iter().filter(|it| it.starts_with("DROP TABLE IF EXISTS DB.SG1_DATA.SNOW"));
    assert_eq!((made, dropped.count()), (12, 13));
}

#[test]
fn probes_that_disagree_are_shown_and_not_averaged() {
    let run = with_release(None, newest().on_prefix("SHOW PARAMETERS", rows(&[])));
    run.check("a: passed");
    let disagreement = "told as zero-copy, but probe_fallback_warehouse is no parameter of \
                        warehouses (as on ..attached)";
    assert_eq!(run.fact("probe_disagreement"), Some(disagreement));
    assert_eq!(run.failed_work(), [format!("agree on the release: {disagreement}")]);
}

#[test]
fn a_release_that_is_given_is_held_against_what_the_target_does() {
    let run = with_release(Some(Release::ZeroCopy), newest());
    run.check("a: passed");
    assert_eq!((run.fact("release_given"), run.fact("release_dispute")), (Some("zero-copy"), None));

    let run = with_release(Some(Release::Attached), newest());
    run.check("a: passed");
    let dispute = "attached was given, and the target does what zero-copy does (an interactive \
                   warehouse read a standard table): cases expect what zero-copy does";
    assert_eq!(run.fact("release_dispute"), Some(dispute));
    assert_eq!(run.failed_work(), [format!("find the release that was given: {dispute}")]);

    let refusal = refused("000606", "no warehouse");
    let run = with_release(
        Some(Release::Attached),
        newest().on("SELECT K FROM DB.SG1_DATA.SNOWGAUGE_PLAIN", refusal),
    );
    run.check("a: skipped: needs zero-copy, this is attached");
    assert_eq!(run.summary.release, Some(Release::Attached));
}

#[test]
fn a_recording_from_before_an_observation_still_tells_its_release() {
    let gone = Ending::NotRecorded { explanation: "nearest: …".to_owned() };
    let script = newest()
        .on_prefix("CREATE OR REPLACE INTERACTIVE TABLE DB.SG1_DATA.SNOWGAUGE_SERVED_", {
            Reply::ending(gone.clone())
        })
        .on_prefix("ALTER WAREHOUSE SG1_IW SET AUTO_SUSPEND", Reply::ending(gone));
    let run = with_release(None, script);
    run.check("a: passed");
    assert_eq!(run.fact("probe_attach_limit"), Some("not observed: it was not recorded"));
    assert_eq!(run.fact("probe_auto_suspend"), Some("not observed: it was not recorded"));
}

#[test]
fn where_there_is_no_interactive_layer_its_cases_are_skipped_with_the_answer() {
    let mut cases = vec![case("a", vec![ok("SELECT 1")]), case("b", vec![ok("SELECT 2")])];
    cases[0].needs = vec![spanned("interactive")];
    let refusal = refused("391404", "not available in this region");
    run_cases(cases, obliging().on_prefix("CREATE INTERACTIVE WAREHOUSE", refusal))
    .check(
        "a: skipped: needs interactive; creating an interactive warehouse was refused: 391404 (42000): not available in this region (AWS_US_EAST_1 is on the documents' list of 2025-10-01)
         b: passed",
    );
}

#[test]
fn an_interactive_warehouse_that_was_made_and_will_not_run_is_no_reason_to_skip() {
    let mut cases = vec![case("a", vec![ok("SELECT 1")])];
    cases[0].needs = vec![spanned("interactive")];
    let refusal = refused("000001", "not today");
    let sql = "ALTER WAREHOUSE SG1_IW RESUME IF SUSPENDED";
    run_cases(cases, obliging().on(sql, refusal)).check(
        "a: not run: `ALTER WAREHOUSE SG1_IW RESUME IF SUSPENDED` was refused: 000001 (42000): not today",
    );
}

/// The cases of `suites/regions/availability.yaml`, in an account's region that has the feature or
/// has it not.
#[track_caller]
fn check_region(region: &str, answer: Reply, expected: &str) {
    let make = "CREATE INTERACTIVE TABLE T (K INT) CLUSTER BY (K)";
    let mut listed = case("listed", vec![ok(make)]);
    listed.needs = vec![spanned("listed-region")];
    let limitation = believed(make, any_refusal(), Evidence::Documented);
    let mut unlisted = case("unlisted", vec![limitation]);
    unlisted.needs = vec![spanned("unlisted-region")];
    unlisted.tags = vec!["limits".to_owned()];
    let script = obliging().on("SELECT CURRENT_REGION()", text(region)).on(make, answer);
    let run = run_cases(vec![listed, unlisted], script);
    run.check(expected);
    // The run's own warehouse costs, and the region can be told without it.
    assert!(!run.log().iter().any(|it| it.starts_with("CREATE INTERACTIVE WAREHOUSE")));
}

#[test]
fn a_region_that_has_what_its_list_says_passes() {
    check_region(
        "PUBLIC.AWS_US_EAST_1",
        rows(&[]),
        "listed: passed
         unlisted: skipped: needs unlisted-region: AWS_US_EAST_1 is on the documents' list of 2025-10-01",
    );
}

#[test]
fn a_region_that_has_not_what_its_list_says_fails() {
    check_region(
        "AWS_US_EAST_1",
        refused("391404", "not here"),
        "listed: failed: the server refused it: 391404 (42000): not here
         unlisted: skipped: needs unlisted-region: AWS_US_EAST_1 is on the documents' list of 2025-10-01",
    );
}

#[test]
fn a_region_on_no_list_is_news_at_most() {
    let skipped = "listed: skipped: needs listed-region: AWS_SA_EAST_1 is not on the documents' \
                   list of 2025-10-01";
    check_region(
        "AWS_SA_EAST_1",
        refused("391404", "not here"),
        &format!("{skipped}\nunlisted: passed"),
    );
    check_region(
        "AWS_SA_EAST_1",
        rows(&[]),
        &format!("{skipped}\nunlisted: lifted: s.yaml:5: 0 rows"),
    );
}

#[test]
fn a_region_of_no_known_cloud_is_not_on_any_list() {
    check_region(
        "MARS_OLYMPUS",
        rows(&[]),
        "listed: skipped: needs listed-region, and the target's region is not known
         unlisted: skipped: needs unlisted-region, and the target's region is not known",
    );
}

fn data_set(steps: Vec<Step>) -> DataSet {
    DataSet {
        name: "orders".to_owned(),
        path: PathBuf::from("orders.yaml"),
        doc: String::new(),
        provides: BTreeMap::from([("orders".to_owned(), "{database}.{schema}.ORDERS".to_owned())]),
        steps,
    }
}

#[test]
fn a_data_set_is_built_once_for_all_suites() {
    let uses = |name: &str| Suite {
        name: name.to_owned(),
        data: vec![spanned("orders")],
        ..suite(vec![case("reads", vec![ok("SELECT * FROM {orders}")])])
    };
    let data_sets = [data_set(vec![ok("CREATE TABLE ORDERS AS SELECT {scale}")])];
    let run = run_all(&[uses("s"), uses("t")], &data_sets, obliging());
    run.check("reads: passed\nreads: passed");
    let count = |sql: &str| run.log().iter().filter(|it| *it == sql).count();
    assert_eq!(count("CREATE TABLE ORDERS AS SELECT 20000"), 1);
    assert_eq!(count("SELECT * FROM DB.SG1_DATA.ORDERS"), 2);
    assert!(run.summary.work.iter().any(|it| it.what == "build data set orders"));
}

#[test]
fn cases_on_a_broken_data_set_or_set_up_are_not_run() {
    let mut uses = suite(vec![case("a", vec![ok("SELECT 1")])]);
    uses.data = vec![spanned("orders")];
    let mut set_up = suite(vec![case("b", vec![ok("SELECT 1")])]);
    set_up.name = "t".to_owned();
    set_up.setup = vec![ok("CREATE TABLE BROKEN")];
    let script = obliging().on("CREATE TABLE BROKEN", refused("001003", "syntax error"));
    let data_sets = [data_set(vec![ok("CREATE TABLE BROKEN")])];
    let run = run_all(&[uses, set_up], &data_sets, script);
    run.check(
        "a: not run: the data set `orders` could not be built: s.yaml:5: the server refused it: 001003 (42000): syntax error: `CREATE TABLE BROKEN`
         b: not run: the suite's set-up failed: s.yaml:5: the server refused it: 001003 (42000): syntax error: `CREATE TABLE BROKEN`",
    );
    assert_eq!(run.summary.cut_short, None);
}

#[test]
fn what_is_left_behind_is_dropped_and_what_cannot_be_is_said() {
    let run = run_cases(
        vec![case("a", vec![ok("CREATE WAREHOUSE {run}_L05")])],
        obliging()
            .on("SHOW WAREHOUSES LIKE 'SG1%'", text("SG1_L05"))
            .on("DROP WAREHOUSE IF EXISTS SG1_L05", refused("003001", "Insufficient privileges")),
    );
    run.check("a: passed").check_cleaned_up();
    let work = run.summary.work.last().unwrap();
    assert_eq!(work.what, "drop the run's objects");
    assert_eq!(
        work.failure.as_deref(),
        Some(
            "`DROP WAREHOUSE IF EXISTS SG1_L05` was refused: 003001 (42000): Insufficient \
             privileges; what is left has names starting with `SG1_`"
        )
    );
}

/// What a killed run left, whose warehouse expired long ago and whose schema did not.
fn with_leftovers(script: Scripted) -> Scripted {
    let shown = |name: &str, run: &str, year: u32| {
        let mark = format!("snowgauge run={run} expires={year}-01-01T00:00:00Z");
        let columns =
            [("name", Type::Text), ("database_name", Type::Text), ("comment", Type::Text)];
        Reply::rows(columns, [[name, "DB", &mark].map(|it| Value::Text(it.to_owned()))])
    };
    script
        .on("SHOW WAREHOUSES LIKE 'SG%'", shown("SGAAAAAAAA_IW", "SGAAAAAAAA", 2020))
        .on("SHOW SCHEMAS LIKE 'SG%' IN ACCOUNT", shown("SGBBBBBBBB_DATA", "SGBBBBBBBB", 2030))
}

#[test]
fn a_run_sweeps_first_what_killed_ones_left() {
    let run = run_cases(vec![case("a", vec![ok("SELECT 1")])], with_leftovers(obliging()));
    run.check("a: passed");
    assert_eq!(
        run.log()[..5],
        [
            "SHOW WAREHOUSES LIKE 'SG%'",
            "SHOW SCHEMAS LIKE 'SG%' IN ACCOUNT",
            "SHOW DATABASES LIKE 'SG%'",
            "DROP WAREHOUSE IF EXISTS SGAAAAAAAA_IW",
            "SELECT CURRENT_DATABASE()",
        ]
    );
    let what = |it: &Work| it.what.clone();
    assert_eq!(
        run.summary.work.iter().map(what).collect::<Vec<_>>()[..2],
        [
            "sweep what killed runs left",
            "swept warehouse SGAAAAAAAA_IW (expires 2020-01-01T00:00:00Z)",
        ]
    );
    let fact = |name: &str| run.summary.facts.iter().find(|(it, _)| it == name).unwrap().1.clone();
    assert_eq!(
        fact("swept"),
        "warehouse SGAAAAAAAA_IW (expires 2020-01-01T00:00:00Z), left by SGAAAAAAAA"
    );
}

#[test]
fn what_tells_whose_the_rest_is_is_dropped_last() {
    let none = Reply::rows([("CURRENT_DATABASE()", Type::Text)], [[Value::Null]]);
    let script = obliging()
        .on("SELECT CURRENT_DATABASE()", none)
        .on("SHOW WAREHOUSES LIKE 'SG1%'", text("SG1_L05"))
        .on("SHOW SCHEMAS LIKE 'SG1%' IN DATABASE SG1_DB", text("SG1_MINE"))
        .on("SHOW DATABASES LIKE 'SG1%'", text("SG1_MINE"));
    let run = run_cases(vec![case("a", vec![ok("SELECT 1")])], script);
    let log = run.log();
    let drops: Vec<&str> =
        log.iter().filter(|it| it.starts_with("DROP")).map(String::as_str).collect();
    assert_eq!(
        drops[drops.len() - 4..],
        [
            "DROP SCHEMA IF EXISTS SG1_DB.SG1_MINE CASCADE",
            "DROP DATABASE IF EXISTS SG1_MINE",
            "DROP SCHEMA IF EXISTS SG1_DB.SG1_DATA CASCADE",
            "DROP DATABASE IF EXISTS SG1_DB",
        ]
    );
    assert!(drops.contains(&"DROP WAREHOUSE IF EXISTS SG1_L05"), "{drops:#?}");
    let data = drops.iter().filter(|it| it.contains("SG1_DATA"));
    assert_eq!(data.count(), 1, "not before either: {drops:#?}");
}

#[test]
fn a_run_goes_on_where_it_cannot_sweep() {
    let no = || refused("003001", "Insufficient privileges");
    let cases = || vec![case("a", vec![ok("SELECT 1")])];
    let failure = |run: &Run| run.summary.work[0].failure.clone().unwrap();

    let script = obliging().on("SHOW SCHEMAS LIKE 'SG%' IN ACCOUNT", no());
    let run = run_cases(cases(), script);
    run.check("a: passed");
    assert!(failure(&run).contains("`SHOW SCHEMAS LIKE 'SG%' IN ACCOUNT` was refused: 003001"));

    let script = with_leftovers(obliging()).on("DROP WAREHOUSE IF EXISTS SGAAAAAAAA_IW", no());
    let run = run_cases(cases(), script);
    run.check("a: passed");
    assert!(failure(&run).starts_with("warehouse SGAAAAAAAA_IW (expires"), "{}", failure(&run));
}

/// A case that starts a warehouse of its own.
fn starts(name: &str) -> Case {
    case(
        name,
        vec![
            ok(&format!("CREATE INTERACTIVE WAREHOUSE {{run}}_{name}")),
            ok("USE WAREHOUSE {standard}"),
            ok(&format!("DROP WAREHOUSE {{run}}_{name}")),
        ],
    )
}

fn run_on_credits(cases: Vec<Case>, script: Scripted, credits: f64) -> Run {
    let plan = plan(&[suite(cases)], &[], &Selection::default()).unwrap();
    let options = RunOptions { credits_max: Some(credits), ..options() };
    run_plan(plan, script, options, Vec::new(), Stop::default(), async {})
}

#[test]
fn a_run_ends_before_it_starts_more_than_it_may_cost() {
    let cases = || vec![starts("A"), starts("B"), starts("C"), case("d", vec![ok("SELECT 1")])];
    let run = run_on_credits(cases(), obliging(), 1.5);
    let cause = "the run's credits are used up: 1.22 of 1.5, and one more warehouse would make \
                 it 1.82";
    run.check(&format!("A: passed\nB: passed\nC: not run: {cause}\nd: not run: {cause}"))
        .check_cleaned_up();
    assert_eq!(run.summary.cut_short.as_deref(), Some(cause));
    let log = run.log();
    assert!(log.contains(&"CREATE INTERACTIVE WAREHOUSE SG1_B".to_owned()), "{log:#?}");
    assert!(!log.contains(&"CREATE INTERACTIVE WAREHOUSE SG1_C".to_owned()), "{log:#?}");
    let metered = ("metered_credits".to_owned(), "1.22".to_owned());
    assert!(run.summary.facts.contains(&metered), "{:?}", run.summary.facts);
    run_on_credits(cases(), obliging(), 1.9).check("A: passed\nB: passed\nC: passed\nd: passed");
}

#[test]
fn a_run_ends_when_time_has_used_up_its_credits() {
    let wait = || Step { action: Action::Sleep(Duration::from_secs(3600)), ..ok("") };
    let run = run_on_credits(
        vec![
            case("waits", vec![wait(), ok("SELECT 1")]),
            case("waits on", vec![wait(), ok("SELECT 1")]),
            case("is late", vec![ok("SELECT 1")]),
        ],
        obliging(),
        1.5,
    );
    run.check(
        "waits: passed
         waits on: not run: the run's credits are used up: 2.00 of 1.5
         is late: not run: the run's credits are used up: 2.00 of 1.5",
    )
    .check_cleaned_up();
}

#[test]
fn a_run_that_cannot_pay_for_its_own_warehouse_runs_nothing() {
    let run = run_on_credits(vec![case("a", vec![ok("SELECT 1")])], obliging(), 0.0);
    run.check(
        "a: not run: the run's credits are used up: 0.00 of 0, and one more warehouse would make \
         it 0.02",
    );
    assert!(!run.log().iter().any(|it| it.starts_with("CREATE WAREHOUSE")), "{:?}", run.log());
}

#[test]
fn a_login_without_a_database_gets_one_for_the_run() {
    let none = Reply::rows([("CURRENT_DATABASE()", Type::Text)], [[Value::Null]]);
    let script = obliging().on("SELECT CURRENT_DATABASE()", none);
    let run = run_cases(vec![case("a", vec![ok("SELECT 1")])], script);
    run.check("a: passed");
    let log = run.log();
    assert!(log.iter().any(|it| {
        it == "CREATE DATABASE IF NOT EXISTS SG1_DB COMMENT = 'snowgauge run=SG1 \
               expires=2026-01-01T06:00:00Z'"
    }));
    assert!(log.contains(&"USE SCHEMA SG1_DB.SG1_S".to_owned()));
    assert!(log.contains(&"DROP DATABASE IF EXISTS SG1_DB".to_owned()));
}

#[test]
fn to_run_a_case_of_an_ordered_suite_those_before_it_are_executed() {
    let ordered = Suite {
        ordered: true,
        ..suite(vec![
            case("a", vec![ok("CREATE TABLE T")]),
            case("b", vec![step("SELECT 2", one(2))]),
            case("c", vec![ok("SELECT 3")]),
        ])
    };
    let selection = Selection { filter: Some("b".to_owned()), ..Selection::default() };
    let plan = plan(&[ordered], &[], &selection).unwrap();
    let script =
        obliging().on("CREATE TABLE T", refused("003001", "no")).on("SELECT 2", rows(&[7]));
    let run = run_plan(plan, script, options(), Vec::new(), Stop::default(), async {});
    run.check("b: failed: row 1 differs").check_executed(&[
        "USE SCHEMA DB.SG1_S",
        "USE WAREHOUSE SG1_STD",
        "CREATE TABLE T",
        "SELECT 2",
    ]);
    assert_eq!(
        run.failure(0).hint.as_deref(),
        Some(
            "the cases of this suite rely on those before them, and `a` failed: the server \
             refused it: 003001 (42000): no"
        )
    );
}

#[track_caller]
fn check_plan(suites: &[Suite], data_sets: &[DataSet], selection: &Selection, expected: &str) {
    let found = match plan(suites, data_sets, selection) {
        Ok(plan) => plan.keys().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        Err(PlanError::Nothing { message, hint }) => format!("{message} ({})", hint.unwrap()),
        Err(PlanError::Suites(errors)) => errors
            .iter()
            .map(|it| format!("{it} ({})", it.kind.help().unwrap()))
            .collect::<Vec<_>>()
            .join("\n"),
    };
    assert_eq!(found, expected, "\n{found}\n");
}

#[test]
fn cases_are_selected_by_name_id_and_tags() {
    let mut dml = suite(vec![case("update", vec![]), case("delete", vec![])]);
    dml.name = "limits::dml".to_owned();
    dml.tags = vec!["limits".to_owned()];
    dml.cases[0].id = Some("L-09".to_owned());
    dml.cases[1].tags = vec!["slow".to_owned()];
    let suites = [dml];
    let by = |filter: Option<&str>, tags: Option<&str>| Selection {
        filter: filter.map(str::to_owned),
        tags: tags.map(|it| TagExpr::parse(it).unwrap()),
        exactly: None,
        partition: None,
    };
    check_plan(&suites, &[], &by(Some("L-09"), None), "limits::dml::L-09 update");
    check_plan(&suites, &[], &by(Some("dml::update"), None), "limits::dml::L-09 update");
    check_plan(&suites, &[], &by(None, Some("limits and slow")), "limits::dml::delete");
    check_plan(
        &suites,
        &[],
        &by(Some("L-90"), None),
        "no case is named like `L-90` (the nearest are `limits::dml::L-09 update`)",
    );
    check_plan(
        &suites,
        &[],
        &by(None, Some("slwo")),
        "no case has tags `slwo` (did you mean `slow`?)",
    );
    check_plan(
        &suites,
        &[],
        &by(Some("update"), Some("slow")),
        "no case named like `update` has tags `slow` (there are `limits`, `slow`)",
    );
    check_plan(
        &[],
        &[],
        &by(None, None),
        "there are no cases to run (suites are files ending in `.slt` or `.yaml`)",
    );
}

#[test]
fn everything_that_a_plan_cannot_know_is_reported() {
    let mut broken = suite(vec![
        case(
            "a",
            vec![
                Step { save: Some("kept".to_owned()), ..ok("SELECT {ordres}, {run}") },
                ok("SELECT {kept}"),
            ],
        ),
        case("b", vec![ok("SELECT {kept}")]),
    ]);
    broken.data = vec![spanned("orders")];
    let all = Selection::default();
    check_plan(
        &[broken.clone()],
        &[data_set(vec![ok("SELECT {scael}")])],
        &all,
        "s.yaml:4:1: unknown variable `scael` (did you mean `scale`?)\n\
         s.yaml:4:1: unknown variable `ordres` (did you mean `orders`?)\n\
         s.yaml:4:1: unknown variable `kept` (there are `customers_count`, `database`, \
         `interactive`, `orders`, `region_rows`, `run`, `scale`, `schema` and `standard`)",
    );
    broken.cases.truncate(0);
    broken.cases.push(case("a", vec![ok("SELECT 1")]));
    broken.needs = vec![spanned("interactve"), spanned("quantum")];
    check_plan(
        &[broken],
        &[],
        &all,
        "s.yaml:1:1: unknown capability `interactve` (did you mean `interactive`?)\n\
         s.yaml:1:1: unknown capability `quantum` (there are `interactive`, `fallback`, \
         `zero-copy`, `listed-region`, `unlisted-region`, `roles`, `policies`, \
         `materialized-views`, `refresh-history`, `operator-stats`, `slow-definitions` and `capacity`)",
    );
}

#[test]
fn steps_for_others_are_left_out() {
    let when = |label: &str, sql: &str| Step {
        when: vec![Condition::OnlyIf(label.to_owned())],
        ..ok(sql)
    };
    let run = run_cases(
        vec![
            case("some", vec![when("mssql", "SELECT 1"), when("snowflake", "SELECT 2")]),
            case("none", vec![when("mssql", "SELECT 1")]),
            case("this target", vec![when("scripted", "SELECT 3")]),
        ],
        obliging(),
    );
    run.check(
        "some: passed
         none: skipped: every step is for others: onlyif mssql
         this target: passed",
    )
    .check_executed(&["USE SCHEMA DB.SG1_S", "USE WAREHOUSE SG1_STD", "SELECT 2", "SELECT 3"]);
}
