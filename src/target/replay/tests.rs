//! Recorded runs, replayed.

use super::*;
use crate::{
    fixture::names::Known,
    run::{self, CaseReport, Events, Reporter, RunId, RunOptions, RunSummary, Selection, Stop},
    secret::{Redactor, Secret},
    suite::{parse_suite, source::Source},
    target::{FinishedAs, RecordOptions, Recorder, RecordingTarget, Reply, Scripted, Type, Value},
};
use std::fs;

const INTEGER: Type = Type::Number { precision: 38, scale: 0 };

const SUITE: &str = r#"
doc: A suite to record.
setup:
  - CREATE TABLE T (K INT)
cases:
  - name: counts
    steps:
      - sql: SELECT COUNT(*) FROM T
        expect: { rows: [[0]] }
      - sql: INSERT INTO T VALUES (1)
      - sql: SELECT COUNT(*) FROM T
        expect: { rows: [[1]] }
      - sql: SELECT MAX(K) FROM T
        expect: { rows: [[1]] }
  - name: waits
    sql: SELECT STATE
    within: 60s
    expect: { rows: [[READY]] }
  - name: is refused
    sql: UPDATE T SET K = 2
    expect: { error: { code: "001003" } }
  - name: keeps ids apart
    steps:
      - sql: SELECT LAST_QUERY_ID()
        save: id
      - sql: SELECT '{id}' = LAST_QUERY_ID()
        expect: { rows: [[true]] }
  - name: is quick
    sql: SELECT SLOW
    takes: [1s, 3s]
  - name: binds
    sql: SELECT ? + 1
    binds: ["1"]
    expect: { rows: [[2]] }
"#;

fn number(value: i128) -> Reply {
    Reply::rows([("N", INTEGER)], [[Value::Number { digits: value, scale: 0 }]])
}

fn text(value: &str) -> Reply {
    Reply::rows([("TEXT", Type::Text)], [[Value::Text(value.to_owned())]])
}

const ID: &str = "01b2c3d4-0000-1234-0000-000012345678";

fn server() -> Scripted {
    Scripted::new()
        .otherwise(Reply::status("Statement executed successfully."))
        .on_prefix("SHOW", Reply::rows([("name", Type::Text)], Vec::<[Value; 1]>::new()))
        .on("SELECT CURRENT_DATABASE()", text("ACME_PROD"))
        .on("SELECT CURRENT_VERSION()", text("9.31.1"))
        .on("SELECT CURRENT_REGION()", text("AWS_US_WEST_2"))
        .on_each("SELECT COUNT(*) FROM T", [number(0), number(1)])
        .on("SELECT MAX(K) FROM T", number(1))
        .on("INSERT INTO T VALUES (1)", Reply::inserted(1))
        .on_each("SELECT STATE", [text("STARTING"), text("STARTING"), text("READY")])
        .on("UPDATE T SET K = 2", Reply::refused("001003", "42000", "no updates for ADA"))
        .on("SELECT LAST_QUERY_ID()", text(ID))
        .on(&format!("SELECT '{ID}' = LAST_QUERY_ID()"), {
            Reply::rows([("B", Type::Boolean)], [[Value::Boolean(true)]])
        })
        .on("SELECT SLOW", number(1).taking(Duration::from_secs(2)))
        .on("SELECT ? + 1", number(2))
}

fn plan(yaml: &str) -> run::Plan {
    let suite = parse_suite("s", Source::new("s.yaml", yaml.to_owned())).unwrap();
    run::plan(&[suite], &[], &Selection::default()).unwrap()
}

fn run_on(
    target: Arc<dyn Target>,
    runtime: &Runtime,
    yaml: &str,
    id: &str,
    reporter: Option<Box<dyn Reporter>>,
) -> RunSummary {
    let events = Events::new(Redactor::default(), reporter.into_iter().collect());
    let options = RunOptions::new(RunId::fixed(id));
    runtime.block_on(run::execute(plan(yaml), target, options, events, Stop::default()))
}

/// A recording of [`SUITE`].
struct Recorded {
    folder: tempfile::TempDir,
    summary: RunSummary,
    finished: Vec<FinishedAs>,
}

fn record(server: Scripted, yaml: &str, secrets: &[&str]) -> Recorded {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(RecordOptions {
        fixtures: folder.path().to_owned(),
        kind: TargetKind::Scripted,
        capacity: None,
        known: Known {
            run: String::new(),
            identifiers: vec![("user", "ADA".to_owned()), ("database", "ACME_PROD".to_owned())],
        },
        secrets: secrets.iter().map(|it| Secret::new(*it)).collect(),
        scale: 20_000,
        seed: 0,
    });
    let target = Arc::new(RecordingTarget::new(Arc::new(server), recorder.clone()));
    let runtime = Runtime::new().unwrap();
    let reporter = Box::new(recorder.clone());
    let summary = run_on(target, &runtime, yaml, "SGAAAAAAAA", Some(reporter));
    let finished = recorder.finish(false).into_iter().map(|it| it.ending).collect();
    Recorded { folder, summary, finished }
}

impl Recorded {
    fn path(&self) -> PathBuf {
        self.folder.path().join("scripted")
    }

    fn replay(&self, yaml: &str) -> (RunSummary, Arc<ReplayTarget>) {
        let target = Arc::new(ReplayTarget::open(&self.path(), None).unwrap());
        let runtime = ReplayTarget::runtime().unwrap();
        (run_on(target.clone(), &runtime, yaml, "SGBBBBBBBB", None), target)
    }
}

fn outcomes(summary: &RunSummary) -> Vec<String> {
    let line = |it: &CaseReport| {
        let reason = crate::report::text::reason(&it.outcome).unwrap_or_default();
        format!("{}: {} {reason}", it.case.name, it.outcome.word()).trim_end().to_owned()
    };
    summary.cases.iter().map(line).collect()
}

#[test]
fn a_replay_says_what_was_recorded() {
    let recorded = record(server(), SUITE, &[]);
    assert_eq!(recorded.finished, [FinishedAs::New, FinishedAs::New]);
    let passed = ["counts", "waits", "is refused", "keeps ids apart", "is quick", "binds"];
    assert_eq!(outcomes(&recorded.summary), passed.map(|it| format!("{it}: passed")));

    let (replayed, target) = recorded.replay(SUITE);
    assert_eq!(outcomes(&replayed), outcomes(&recorded.summary));
    assert_eq!(target.unused(), []);
    assert_eq!(
        replayed.facts[..2],
        [
            ("recorded_from".to_owned(), "scripted".to_owned()),
            ("recorded_at".to_owned(), "2026-01-01T00:00:00Z".to_owned()),
        ]
    );
    let source = "replay (recorded from scripted, 2026-01-01T00:00:00Z)";
    assert_eq!(replayed.target_in_words(), source);
    assert_eq!(replayed.cases[1].properties["looks"], "3");
    // As long as it took, and not as long as it takes to say so.
    assert_eq!(replayed.cases[4].steps[0].elapsed_us, 2_000_000);
}

#[test]
fn what_others_left_is_swept_and_not_recorded() {
    let mark = "snowgauge run=SGCCCCCCCC expires=2020-01-01T00:00:00Z";
    let left = ["SGCCCCCCCC_IW", mark].map(|it| Value::Text(it.to_owned()));
    let columns = [("name", Type::Text), ("comment", Type::Text)];
    let server = server().on("SHOW WAREHOUSES LIKE 'SG%'", Reply::rows(columns, [left]));
    let recorded = record(server.clone(), SUITE, &[]);
    assert!(server.executed_sql().contains(&"DROP WAREHOUSE IF EXISTS SGCCCCCCCC_IW".to_owned()));
    let text = fs::read_to_string(recorded.path().join("@run.fixture")).unwrap();
    assert!(!text.contains("SG%") && !text.contains("SGCCCCCCCC"), "{text}");
    let (replayed, target) = recorded.replay(SUITE);
    assert_eq!(outcomes(&replayed), outcomes(&recorded.summary));
    assert_eq!(target.unused(), []);
}

#[test]
fn nothing_of_the_account_is_in_a_recording() {
    let recorded = record(server(), SUITE, &[]);
    let text = fs::read_to_string(recorded.path().join("s.fixture")).unwrap();
    for name in ["ADA", "ACME_PROD", ID, "SGAAAAAAAA"] {
        assert!(!text.contains(name), "{name} in\n{text}");
    }
    assert!(text.contains("no updates for «user 1»"), "{text}");
}

#[test]
fn what_was_not_recorded_is_not_answered() {
    let recorded = record(server(), SUITE, &[]);
    #[track_caller]
    fn check(recorded: &Recorded, from: &str, to: &str, case: &str, expected: &str) {
        assert!(SUITE.contains(from));
        let (summary, _) = recorded.replay(&SUITE.replacen(from, to, 1));
        let outcomes = outcomes(&summary);
        let found = outcomes.iter().find(|it| it.starts_with(&format!("{case}: "))).unwrap();
        assert!(found.contains(": not run ") && found.contains("not recorded: "), "{found}");
        assert!(found.contains(expected), "{found}");
        let others = outcomes.iter().filter(|it| *it != found);
        assert!(others.clone().all(|it| it.ends_with(": passed")), "{outcomes:#?}");
    }
    check(
        &recorded,
        "SELECT MAX(K) FROM T",
        "SELECT MIN(K) FROM T",
        "counts",
        "-SELECT MAX(K) FROM T\n+SELECT MIN(K) FROM T",
    );
    // An answer is for one session on one warehouse.
    check(
        &recorded,
        "sql: SELECT STATE\n",
        "sql: SELECT STATE\n    session: other\n",
        "waits",
        "-session: standard\n+session: other",
    );
    // A write that has not been made has no effects to be read.
    check(
        &recorded,
        "      - sql: INSERT INTO T VALUES (1)\n",
        "      - sql: SELECT COUNT(*) FROM T\n",
        "counts",
        "`INSERT INTO T VALUES (1)` comes first",
    );
    // What was asked once was answered once.
    check(
        &recorded,
        "    sql: UPDATE T SET K = 2\n    expect: { error: { code: \"001003\" } }",
        "    steps: [{ sql: UPDATE T SET K = 2, expect: { error: any } }, { sql: UPDATE T SET K = \
         2, expect: { error: any } }]",
        "is refused",
        "once, and it was asked for once more",
    );
    check(&recorded, "binds: [\"1\"]", "binds: [\"2\"]", "binds", "-binds: \"1\"\n+binds: \"2\"");
    check(&recorded, "name: is quick", "name: is slow", "is slow", "no recording of the case");
}

#[test]
fn reads_are_free_between_writes() {
    let recorded = record(server(), SUITE, &[]);
    let (count, most) = (
        "      - sql: SELECT COUNT(*) FROM T\n        expect: { rows: [[1]] }\n",
        "      - sql: SELECT MAX(K) FROM T\n        expect: { rows: [[1]] }\n",
    );
    let swapped = SUITE.replace(&format!("{count}{most}"), &format!("{most}{count}"));
    assert_ne!(swapped, SUITE);
    let (summary, target) = recorded.replay(&swapped);
    assert_eq!(outcomes(&summary), outcomes(&recorded.summary));
    assert_eq!(target.unused(), []);

    let (summary, target) = recorded.replay(&SUITE.replace(most, ""));
    assert_eq!(outcomes(&summary), outcomes(&recorded.summary));
    let unused: Vec<String> = target.unused().into_iter().map(|it| it.sql).collect();
    assert_eq!(unused, ["SELECT MAX(K) FROM T"]);
}

#[test]
fn a_recorded_latency_is_judged_against_todays_budget() {
    let recorded = record(server(), SUITE, &[]);
    let (summary, _) = recorded.replay(&SUITE.replace("takes: [1s, 3s]", "takes: [0s, 1s]"));
    assert_eq!(outcomes(&summary)[4], "is quick: failed took 2 s, expected 0 s to 1 s");
}

#[test]
fn a_recording_with_a_secret_is_not_written() {
    let leaking = || server().on("SELECT MAX(K) FROM T", text("the key is hunter2hunter2"));
    let recorded = record(leaking(), SUITE, &["hunter2hunter2"]);
    let Some(FinishedAs::Refused(cause)) = recorded.finished.last() else {
        panic!("{:?}", recorded.finished)
    };
    assert!(cause.contains("(counts)") && !cause.contains("hunter2"), "{cause}");
    let left: Vec<PathBuf> = walkdir::WalkDir::new(recorded.folder.path())
        .into_iter()
        .map(|it| it.unwrap().into_path())
        .filter(|it| it.is_file() && !it.ends_with("@run.fixture"))
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

#[test]
fn a_recording_that_says_otherwise_waits_for_review() {
    let recorded = record(server(), SUITE, &[]);
    let recorder = |server: Scripted| {
        let recorder = Recorder::new(RecordOptions {
            fixtures: recorded.folder.path().to_owned(),
            kind: TargetKind::Scripted,
            capacity: None,
            known: Known {
                run: String::new(),
                identifiers: vec![("user", "ADA".to_owned()), ("database", "ACME_PROD".to_owned())],
            },
            secrets: Vec::new(),
            scale: 20_000,
            seed: 0,
        });
        let target = Arc::new(RecordingTarget::new(Arc::new(server), recorder.clone()));
        let runtime = Runtime::new().unwrap();
        run_on(target, &runtime, SUITE, "SGCCCCCCCC", Some(Box::new(recorder.clone())));
        let finished = recorder.finish(false);
        finished.into_iter().map(|it| it.ending).collect::<Vec<_>>()
    };
    assert_eq!(recorder(server()), [FinishedAs::Same, FinishedAs::Same]);
    let other = server().on("UPDATE T SET K = 2", Reply::refused("001003", "42000", "other"));
    assert_eq!(recorder(other), [FinishedAs::Same, FinishedAs::ToReview]);
    let path = recorded.path().join("s.fixture");
    assert!(fs::read_to_string(&path).unwrap().contains("no updates"));
    assert!(fs::read_to_string(files::new_path(&path)).unwrap().contains("other"));
}

#[test]
fn a_suite_whose_cases_were_not_run_is_not_recorded() {
    let recorded = record(server().on("SELECT SLOW", Reply::lost("reset")), SUITE, &[]);
    let Some(FinishedAs::Refused(cause)) = recorded.finished.last() else {
        panic!("{:?}", recorded.finished)
    };
    assert!(cause.starts_with("`is quick` was not run: connection lost: reset"), "{cause}");
    assert!(!recorded.path().join("s.fixture").exists());
}

#[test]
fn a_fixture_that_is_too_old_is_not_replayed() {
    let recorded = record(server(), SUITE, &[]);
    let Err(err) = ReplayTarget::open(&recorded.path(), Some(Duration::from_secs(DAY))) else {
        panic!("replayed")
    };
    assert!(err.message.ends_with("days ago, and at most 1 days are allowed"), "{err}");
}

#[test]
fn what_is_missing_is_noticed() {
    let recorded = record(server(), SUITE, &[]);
    #[track_caller]
    fn check(recorded: &Recorded, from: &str, to: &str, case: &str, expected: &str) {
        assert!(SUITE.contains(from), "{from}");
        let (summary, _) = recorded.replay(&SUITE.replacen(from, to, 1));
        let outcomes = outcomes(&summary);
        let found = outcomes.iter().find(|it| it.starts_with(&format!("{case}: "))).unwrap();
        assert!(found.contains(": not run ") && found.contains(expected), "{found}");
    }
    check(
        &recorded,
        "setup:\n  - CREATE TABLE T (K INT)\n",
        "",
        "counts",
        "the set-up has `CREATE TABLE T (K INT)`, which was not asked for",
    );
    check(
        &recorded,
        "      - sql: SELECT '{id}' = LAST_QUERY_ID()\n        expect: { rows: [[true]] }\n",
        "",
        "keeps ids apart",
        "= LAST_QUERY_ID()`, which was not asked for",
    );
    let (first, second) = SUITE.split_at(SUITE.find("  - name: waits").unwrap());
    let (head, first) = first.split_at(first.find("  - name: counts").unwrap());
    check(
        &recorded,
        SUITE,
        &format!("{head}{second}{first}"),
        "counts",
        "it was recorded before the case `",
    );
}

#[test]
fn a_fixture_of_something_else_is_not_replayed() {
    let recorded = record(server(), SUITE, &[]);
    let path = recorded.path().join("s.fixture");
    let mut fixture = files::read(&path).unwrap().fixture;
    fixture.header.scale = 7;
    files::write(&path, &fixture).unwrap();
    let (summary, _) = recorded.replay(SUITE);
    let first = &outcomes(&summary)[0];
    assert!(first.contains("it is of scripted") && first.contains("scale 7"), "{first}");
}
