//! Suites that were written for one release, run against a later one: what nobody had verified is
//! pinned, and limitations that are gone are told.

#![cfg(feature = "emulator")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Written for `attached`: no SHOW INTERACTIVE TABLES, no fallback, a day at least before an
/// interactive warehouse suspends, and no standard tables on it.
const SUITE: &str = "\
doc: Written for `attached`.
tags: [limits]
needs: [interactive]
setup:
  - CREATE OR REPLACE TABLE T_BASE AS SELECT 1::INT AS ID, 10::INT AS K
  - CREATE OR REPLACE INTERACTIVE TABLE T_IT CLUSTER BY (K) AS SELECT * FROM T_BASE
cases:
  - name: a standard table cannot be read
    session: interactive
    sql: SELECT K FROM T_BASE
    expect:
      error: { contains: Querying non-interactive table }
      evidence: documented
      source: \"docs: page of January 2026\"
  - name: a day is the least to suspend after
    steps:
      - SELECT 1
      - sql: CREATE INTERACTIVE WAREHOUSE {run}_SOON AUTO_SUSPEND = 600 INITIALLY_SUSPENDED = TRUE
        expect: { error: { contains: at least 86400 }, evidence: unverified, source: a thread }
      - sql: SELECT COUNT(*) FROM T_IT
        expect: { rows: [[1]] }
  - name: interactive tables are not shown
    sql: SHOW INTERACTIVE TABLES IN SCHEMA {database}.{schema}
    expect: { error: { code: \"001003\" }, evidence: unverified, source: a thread }
  - name: there is no fallback
    steps:
      - SHOW PARAMETERS LIKE 'FALLBACK_WAREHOUSE' IN WAREHOUSE {interactive}
      - sql: SELECT \"key\", '{run}' FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))
        expect: { rows: [], evidence: unverified, source: a thread }
  - name: COPY GRANTS is as expected
    sql: CREATE OR REPLACE INTERACTIVE TABLE T_COPIED CLUSTER BY (K) AS SELECT * FROM T_BASE
    expect: { ok: true, evidence: unverified, source: a thread }
";

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("snowgauge-pins-{}", uuid::Uuid::new_v4().simple());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(path.join("suites")).unwrap();
        fs::write(path.join("suites/old.yaml"), SUITE).unwrap();
        Self(path)
    }

    fn pins(&self) -> PathBuf {
        self.0.join("suites/old.pins.yaml")
    }

    /// Exit status, both streams, and what each part of the pins file says.
    #[track_caller]
    fn check(&self, arguments: &[&str], status: i32, parts: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_snowgauge"))
            .args(arguments)
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = format!(
            "{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(status), "{arguments:?}\n{text}");
        for part in parts {
            assert!(text.contains(part), "{arguments:?}: no `{part}` in\n{text}");
        }
        text
    }

    #[track_caller]
    fn run(&self, release: &str, further: &[&str], status: i32, parts: &[&str]) {
        let common = ["run", "--target", "emulator", "--scale", "100", "--release", release];
        self.check(&[&common, further].concat(), status, parts);
    }

    #[track_caller]
    fn replace(&self, from: &str, to: &str) {
        let path = self.pins();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "no `{from}` in\n{text}");
        fs::write(&path, text.replace(from, to)).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The date of the day, which the test must not depend on.
fn without_dates(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let line = |it: &str| match it.trim().strip_prefix("date: ") {
        Some(date) => {
            assert_eq!(
                date.parse::<chrono::NaiveDate>().map(|it| it.to_string()).as_deref(),
                Ok(date)
            );
            "    date: DATE\n".to_owned()
        }
        None => format!("{it}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn a_suite_of_an_earlier_release_is_pinned_on_a_later_one() {
    let folder = Folder::new();

    // On its own release there is nothing to see, and nothing to pin.
    folder.run("attached", &["--pin"], 0, &["5 passed", "pinned: nothing new"]);
    assert!(!folder.pins().exists());

    // On the later one a limitation is gone, and two answers are news.
    let news = &["1 passed, 3 observed, 1 lifted", "LIFTED", "lifted: limitations that are gone"];
    folder.run("zero-copy", &[], 0, news);
    folder.run("zero-copy", &["--strict"], 1, &["failures of a strict run"]);
    assert!(!folder.pins().exists());

    folder.run("zero-copy", &["--pin"], 0, &["old.pins.yaml: 3 pins added"]);
    let expected = "\
# What was seen where nothing is verified: written by `snowgauge run --pin`.
pins:
  - case: \"a day is the least to suspend after\"
    step: 2
    target: emulator
    release: zero-copy
    region: \"AWS_US_EAST_1\"
    date: DATE
    evidence: observed
    refused:
      code: \"001422\"
      sqlstate: \"22023\"
      message: \"SQL compilation error: invalid value '600' for property 'AUTO_SUSPEND': at least \
3600 seconds on an interactive warehouse\"
  - case: \"interactive tables are not shown\"
    step: 1
    target: emulator
    release: zero-copy
    region: \"AWS_US_EAST_1\"
    date: DATE
    evidence: observed
    succeeded: true
  - case: \"there is no fallback\"
    step: 2
    target: emulator
    release: zero-copy
    region: \"AWS_US_EAST_1\"
    date: DATE
    evidence: observed
    rows:
      - [\"FALLBACK_WAREHOUSE\", \"{run}\"]
";
    assert_eq!(without_dates(&folder.pins()), expected);
    folder.check(&["lint"], 0, &["nothing is wrong with 5 cases"]);
    folder.check(
        &["explain", "a day"],
        0,
        &["pinned (", "emulator, zero-copy, AWS_US_EAST_1): 001422 (22023): SQL compilation"],
    );

    // The next run is held to it, and pins nothing again.
    folder.run("zero-copy", &[], 0, &["4 passed, 1 lifted"]);
    let junit = fs::read_dir(folder.0.join(".snowgauge/runs")).unwrap();
    let junit = junit.map(|it| it.unwrap().path().join("junit.xml"));
    let last = junit.max_by_key(|it| fs::metadata(it).unwrap().modified().unwrap()).unwrap();
    let junit = fs::read_to_string(last).unwrap();
    assert!(junit.contains("name=\"evidence\" value=\"observed\""), "{junit}");
    assert!(junit.contains("name=\"pinned\""), "{junit}");
    let before = fs::read_to_string(folder.pins()).unwrap();
    folder.run("zero-copy", &["--pin"], 0, &["pinned: nothing new"]);
    assert_eq!(fs::read_to_string(folder.pins()).unwrap(), before);

    // What is pinned elsewhere is no matter here.
    folder.run("attached", &[], 0, &["5 passed"]);
    folder.replace("target: emulator", "target: live");
    folder.run("zero-copy", &[], 0, &["1 passed, 3 observed, 1 lifted"]);
    folder.replace("target: live", "target: emulator");

    // Another answer than the pinned one is a failure that shows both.
    folder.replace("001422", "001421");
    folder.replace("FALLBACK_WAREHOUSE", "FALLBACK");
    folder.run(
        "zero-copy",
        &[],
        1,
        &[
            "2 passed, 2 failed, 1 lifted",
            "-001421 (22023): SQL compilation error: invalid value",
            "+001422 (22023): SQL compilation error: invalid value",
            "-rows FALLBACK | {run}",
            "+rows FALLBACK_WAREHOUSE | {run}",
            "`snowgauge run --pin` pins what is answered now",
        ],
    );
    folder.run("zero-copy", &["--pin"], 0, &["old.pins.yaml: 2 pins changed"]);
    folder.run("zero-copy", &[], 0, &["4 passed, 1 lifted"]);

    // So is one that the suite expects, but not the pin.
    folder.replace("release: zero-copy", "release: attached");
    folder.run("attached", &[], 1, &["but as the suite expects", "2 passed, 3 failed"]);
    folder.run("attached", &["--pin"], 0, &["old.pins.yaml: 3 pins removed"]);
    assert!(!folder.pins().exists());
}

#[test]
fn pins_that_are_wrong_have_a_place() {
    let folder = Folder::new();
    let pin = "pins:\n  - case: there is no fallbak\n    step: 2\n    target: live\n    \
               release: attached\n    date: 2026-11-21\n    evidence: observed\n    count: 21\n";
    fs::write(folder.pins(), pin).unwrap();
    folder.check(
        &["lint"],
        2,
        &["suites/old.pins.yaml:2:11: unknown case `there is no fallbak`", "did you mean"],
    );
    folder.replace("fallbak", "fallback");
    folder.check(&["lint"], 0, &[]);
    folder.replace("step: 2", "step: 1");
    folder.check(
        &["lint"],
        2,
        &["old.pins.yaml:2:11: nothing is unverified in step 1 on attached"],
    );
    folder.replace("count", "cuont");
    folder.check(&["run"], 2, &["old.pins.yaml:8:5: unknown key `cuont`", "did you mean `count`"]);
}
