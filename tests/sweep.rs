//! Runs that are killed, and what `snowgauge sweep` leaves of them: nothing.

use snowgauge::{
    suite::Release,
    target::{EmulatorTarget, Ending, LoginRequest, Statement, Target, Value},
};
use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// Makes what runs make: schemas, both warehouses, and warehouses, schemas and a database of its
/// cases' own.
const SUITE: &str = "
doc: A suite that takes a while, and makes things.
tags: [costly]
needs: [interactive]
setup:
  - CREATE TABLE T (K INT)
cases:
  - name: a warehouse
    steps:
      - CREATE OR REPLACE INTERACTIVE WAREHOUSE {run}_OWN WAREHOUSE_SIZE = 'XSMALL'
      - USE WAREHOUSE {standard}
      - SELECT SYSTEM$WAIT(60, 'MILLISECONDS')
      - DROP WAREHOUSE {run}_OWN
  - name: a schema and a database
    steps:
      - CREATE SCHEMA {run}_OWN
      - CREATE DATABASE {run}_OWN
      - SELECT SYSTEM$WAIT(60, 'MILLISECONDS')
  - name: a warehouse that is left
    steps:
      - CREATE WAREHOUSE {run}_LEFT
      - SELECT SYSTEM$WAIT(60, 'MILLISECONDS')
";

/// A folder with the suite, and a connection `ci` to an emulator.
struct Place {
    folder: tempfile::TempDir,
    emulator: EmulatorTarget,
    runtime: Runtime,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("suites")).unwrap();
        fs::write(folder.path().join("suites/s.yaml"), SUITE).unwrap();
        let emulator = EmulatorTarget::start(Release::ZeroCopy).unwrap();
        let port = emulator.address().port();
        let connection = format!(
            "[ci]\naccount = 'a'\nuser = 'u'\npassword = 'Tr0ub4dor-and-3-more'\nprotocol = 'http'\n\
             host = '127.0.0.1'\nport = {port}\n"
        );
        fs::write(folder.path().join("connections.toml"), connection).unwrap();
        Self { folder, emulator, runtime: Runtime::new().unwrap() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn snowgauge(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_snowgauge"));
        command
            .args(arguments)
            .args(["--connection", "ci"])
            .current_dir(self.path())
            .env("SNOWFLAKE_HOME", self.path())
            .stdin(Stdio::null());
        command
    }

    /// Names and comments of whatever could be a run's.
    fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        for show in [
            "SHOW WAREHOUSES LIKE 'SG%'",
            "SHOW SCHEMAS LIKE 'SG%' IN ACCOUNT",
            "SHOW DATABASES LIKE 'SG%'",
        ] {
            let rows = self.execute(show);
            left.extend(rows.into_iter().map(|it| format!("{show}: {it}")));
        }
        left
    }

    /// Each row's first text.
    fn execute(&self, sql: &str) -> Vec<String> {
        self.runtime.block_on(async {
            let mut session = self.emulator.login(LoginRequest::default()).await.unwrap();
            let give_up_after = Duration::from_secs(20);
            let statement =
                Statement { sql: sql.to_owned(), give_up_after, ..Statement::default() };
            let ending = session.execute(&statement).await.ending;
            session.close().await;
            match ending {
                Ending::Rows(rows) => rows
                    .rows
                    .iter()
                    .filter_map(|row| {
                        row.iter().find_map(|it| match it {
                            // The emulator's own database and its schemas are not called so.
                            Value::Text(it) if it.starts_with("SG") => Some(it.clone()),
                            _ => None,
                        })
                    })
                    .collect(),
                other => panic!("{sql}: {other:?}"),
            }
        })
    }

    /// The id of the only run that there was.
    fn run_id(&self) -> Option<String> {
        let runs = fs::read_dir(self.path().join(".snowgauge/runs")).ok()?;
        let mut names = runs.map(|it| it.unwrap().file_name().into_string().unwrap());
        names.next()
    }

    fn forget_runs(&self) {
        let _ = fs::remove_dir_all(self.path().join(".snowgauge"));
    }
}

#[track_caller]
fn check(output: &Output, status: i32, expected: &[&str]) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let streams = format!("status {}\nstdout:\n{stdout}\nstderr:\n{stderr}", output.status);
    assert_eq!(output.status.code(), Some(status), "{streams}");
    for part in expected {
        assert!(stdout.contains(part) || stderr.contains(part), "no `{part}` in\n{streams}");
    }
    stdout
}

#[test]
fn whenever_a_run_is_killed_nothing_is_left_after_a_sweep() {
    const INTERRUPTIONS: u32 = 30;
    // As many at a time as keep two processors busy, each on a server of its own.
    let left: Vec<usize> = thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                scope.spawn(move || {
                    let place = Place::new();
                    let started_at = Instant::now();
                    check(&place.snowgauge(&["run"]).output().unwrap(), 0, &["3 passed"]);
                    let takes = started_at.elapsed();
                    assert_eq!(place.left(), Vec::<String>::new(), "after a whole run");
                    let turns = (0..INTERRUPTIONS).filter(|it| it % 2 == worker);
                    // Anywhere in each of as many parts of a run.
                    let moment = |it| (f64::from(it) + random()) / f64::from(INTERRUPTIONS);
                    turns
                        .map(|it| killed(&place, takes.mul_f64(moment(it))))
                        .collect::<Vec<usize>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    // Otherwise nothing was tested.
    let interrupted = left.iter().filter(|it| **it > 0).count();
    assert!(interrupted >= INTERRUPTIONS as usize / 3, "{left:?}");
    assert!(left.iter().any(|it| *it >= 5), "{left:?}");
}

/// From 0 to 1. A failing test says what came of it.
fn random() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 256.0
}

/// Kills a run after a time and sweeps; how much the run left before that.
fn killed(place: &Place, after: Duration) -> usize {
    place.forget_runs();
    let by_run = after.as_millis().is_multiple_of(2);
    let expires_after = if by_run { "6h" } else { "1s" };
    let mut run = place
        .snowgauge(&["run", "--expires-after", expires_after])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(after);
    run.kill().unwrap();
    run.wait().unwrap();
    // What was sent is still executed.
    thread::sleep(Duration::from_millis(150));
    let left = place.left();

    let id = place.run_id();
    let arguments = match (&id, by_run) {
        (Some(id), true) => vec!["sweep", "--run", id],
        _ => {
            thread::sleep(Duration::from_secs(1));
            vec!["sweep"]
        }
    };
    let output = place.snowgauge(&arguments).output().unwrap();
    let told = check(&output, 0, &[]);
    assert_eq!(told.matches("dropped ").count(), left.len(), "{left:#?}\n{told}");
    assert_eq!(place.left(), Vec::<String>::new(), "after {after:?}: {left:#?}\n{told}");
    left.len()
}

#[test]
fn a_sweep_leaves_what_is_not_a_runs_or_not_expired() {
    let place = Place::new();
    let mark = |run: &str, year: u32| {
        format!("COMMENT = 'snowgauge run={run} expires={year}-01-01T00:00:00Z'")
    };
    for sql in [
        format!("CREATE WAREHOUSE SGAAAAAAAA_STD {}", mark("SGAAAAAAAA", 2020)),
        "CREATE WAREHOUSE SGAAAAAAAA_OWN".to_owned(),
        format!("CREATE WAREHOUSE SGBBBBBBBB_STD {}", mark("SGBBBBBBBB", 2999)),
        "CREATE WAREHOUSE SGCCCCCCCC_STD COMMENT = 'mine'".to_owned(),
        format!("CREATE WAREHOUSE SGALES {}", mark("SGAAAAAAAA", 2020)),
        format!("CREATE DATABASE SGAAAAAAAA_DB {}", mark("SGAAAAAAAA", 2020)),
    ] {
        place.execute(&sql);
    }
    let dry = place.snowgauge(&["sweep", "--dry-run"]).output().unwrap();
    check(&dry, 0, &["would drop warehouse SGAAAAAAAA_OWN", "3 to be dropped, 2 left"]);
    assert_eq!(place.left().len(), 6);

    let output = place.snowgauge(&["sweep"]).output().unwrap();
    let told = check(
        &output,
        0,
        &[
            "dropped warehouse SGAAAAAAAA_STD (expires 2020-01-01T00:00:00Z)",
            "dropped database SGAAAAAAAA_DB",
            "left warehouse SGBBBBBBBB_STD (expires 2999-01-01T00:00:00Z): it expires at \
             2999-01-01T00:00:00Z; `--run SGBBBBBBBB` drops it before",
            "left warehouse SGCCCCCCCC_STD: nothing beside its name tells that it is a run's",
            "3 dropped, 2 left",
        ],
    );
    assert!(!told.contains("SGALES"), "{told}");
    assert_eq!(
        place.left(),
        ["SGALES", "SGBBBBBBBB_STD", "SGCCCCCCCC_STD"]
            .map(|it| format!("SHOW WAREHOUSES LIKE 'SG%': {it}"))
    );
    let output = place.snowgauge(&["sweep", "--run", "SGBBBBBBBB"]).output().unwrap();
    check(&output, 0, &["1 dropped"]);
    let output = place.snowgauge(&["sweep", "--run", "SGBBBBBBBB"]).output().unwrap();
    check(&output, 0, &["nothing is left"]);
    let output = place.snowgauge(&["sweep", "--run", "SGALES"]).output().unwrap();
    check(&output, 2, &["`SGALES` is not the id of a run"]);
}

#[test]
fn the_next_run_sweeps_and_credits_are_estimated_and_kept_to() {
    let place = Place::new();
    place.execute(
        "CREATE INTERACTIVE WAREHOUSE SGAAAAAAAA_IW WAREHOUSE_SIZE = 'XSMALL' COMMENT = \
         'snowgauge run=SGAAAAAAAA expires=2020-01-01T00:00:00Z'",
    );
    let output = place.snowgauge(&["run", "--max-credits", "0.5"]).output().unwrap();
    check(
        &output,
        2,
        &[
            "error: the run is expected to cost 1.23 credits, and `--max-credits` allows 0.5",
            "`--tag 'not costly'` leaves out suites that start warehouses of their own; the \
             dearest here are `s` 0.6",
        ],
    );
    assert_eq!(place.left().len(), 1, "nothing was run");
    let output = place.snowgauge(&["run", "--max-credits", "2"]).output().unwrap();
    check(
        &output,
        0,
        &[
            "estimated_credits: 1.2",
            "estimate: 1.23 credits in about a minute: 2 starts of interactive warehouses, billed \
             for an hour at least, 2 starts of standard ones",
            "swept: warehouse SGAAAAAAAA_IW",
            "metered_credits: 1.23",
        ],
    );
    assert_eq!(place.left(), Vec::<String>::new());
    let folder = place.path().join(".snowgauge/runs").join(place.run_id().unwrap());
    for (file, part) in [
        ("journal.jsonl", "\"estimated_credits\""),
        ("junit.xml", "<property name=\"estimated_credits\" value=\"1.2"),
        ("report.json", "\"estimated_credits\": \"1.2"),
        ("report.html", "credits metered; expected: 1.23 credits in about a minute"),
    ] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        assert!(text.contains(part), "no `{part}` in {file}");
    }
}
