//! The command, as a build script sees it: what it prints, and its status.

use chrono::DateTime;
use snowgauge::{
    run::{
        CaseKey, CaseReport, Event, Failure, JOURNAL_VERSION, Outcome, Reporter, Strictness,
        journal::Journal,
    },
    suite::Evidence,
    target::TargetKind,
};
use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A folder that is gone at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("snowgauge-cli-{}", uuid::Uuid::new_v4().simple());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Ended {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    /// Whole streams in the message: a build log is all that one may have.
    #[track_caller]
    fn check(&self, status: i32, stdout: &[&str], stderr: &[&str]) -> &Self {
        let Self { stdout: out, stderr: err, .. } = self;
        let streams = format!("status {}\nstdout:\n{out}\nstderr:\n{err}", self.status);
        assert_eq!(self.status, status, "\n{streams}");
        for part in stdout {
            assert!(out.contains(part), "no `{part}` in\n{streams}");
        }
        for part in stderr {
            assert!(err.contains(part), "no `{part}` in\n{streams}");
        }
        self
    }
}

fn snowgauge(folder: &Path, arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_snowgauge"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ended {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn key(name: &str) -> CaseKey {
    CaseKey {
        suite: "limits::dml".to_owned(),
        name: name.to_owned(),
        id: Some("L-09".to_owned()),
        file: "suites/limits/dml.yaml".to_owned(),
        line: 3,
    }
}

/// A journal of a run with these cases, whole or cut off before its end.
fn journal(runs: &Path, run: &str, cases: &[(&str, Outcome)], end: Option<Option<&str>>) {
    journal_by(Strictness::Lenient, runs, run, cases, end);
}

fn journal_by(
    strictness: Strictness,
    runs: &Path,
    run: &str,
    cases: &[(&str, Outcome)],
    end: Option<Option<&str>>,
) {
    let at = DateTime::UNIX_EPOCH;
    let mut journal = Journal::create(runs, run).unwrap();
    let mut write = |event: Event| journal.event(&event).unwrap();
    write(Event::RunStarted {
        journal: JOURNAL_VERSION,
        run: run.to_owned(),
        at,
        tool_version: "0.1.0".to_owned(),
        target: TargetKind::Emulator,
        place: "127.0.0.1:1".to_owned(),
        seed: 1,
        scale: 100,
        strictness,
        cases: cases.iter().map(|(name, _)| key(name)).chain([key("last")]).collect(),
    });
    let last = ("last", Outcome::Passed);
    for (name, outcome) in cases.iter().chain(end.is_some().then_some(&last)) {
        write(Event::CaseFinished(Box::new(CaseReport {
            case: key(name),
            at,
            took_us: 1_000,
            outcome: outcome.clone(),
            release: None,
            evidence: Evidence::None,
            source: None,
            steps: Vec::new(),
            properties: BTreeMap::new(),
            sightings: Vec::new(),
            diagnosis: None,
            load: None,
            refreshes: Vec::new(),
        })));
    }
    if let Some(cut_short) = end {
        let cut_short = cut_short.map(str::to_owned);
        write(Event::RunFinished { at, took_us: 5_000, cut_short });
    }
}

#[test]
fn a_report_is_made_again_and_its_status_is_the_run_s() {
    let folder = Folder::new();
    let runs = folder.0.join(".snowgauge/runs");
    let failed = Outcome::Failed {
        failure: Failure {
            message: "row 2 differs".to_owned(),
            place: "suites/limits/dml.yaml:5".to_owned(),
            sql: "SELECT 1".to_owned(),
            query_id: Some("01b0".to_owned()),
            diff: Some("-2\n+3".to_owned()),
            hint: None,
        },
    };
    let unsure = Outcome::Unsure { why: "3 samples".to_owned() };
    journal(&runs, "SGPASSED", &[("a", Outcome::Passed)], Some(None));
    journal(&runs, "SGFAILED", &[("a", Outcome::Passed), ("b", failed)], Some(None));
    journal(&runs, "SGUNSURE", &[("a", unsure)], Some(None));
    journal(&runs, "SGKILLED", &[("a", Outcome::Passed)], None);
    journal(&runs, "SGSTOPPED", &[], Some(Some("interrupted")));

    let report = |arguments: &[&str]| {
        let arguments = [&["report"], arguments].concat();
        snowgauge(&folder.0, &arguments)
    };
    report(&["SGPASSED"]).check(0, &["run SGPASSED on emulator: 2 passed in 0.005s"], &[]);
    let files = ["--junit", "out/junit.xml", "--json", "out/run.json"];
    report(&[&["SGFAILED"], &files[..]].concat()).check(
        1,
        &[
            "FAIL limits::dml::L-09 b",
            "suites/limits/dml.yaml:5: row 2 differs",
            "    -2\n    +3\n",
            "2 passed, 1 failed",
        ],
        &[],
    );
    let junit = fs::read_to_string(folder.0.join("out/junit.xml")).unwrap();
    assert!(junit.contains("<failure message=\"row 2 differs\""), "{junit}");
    let json = fs::read_to_string(folder.0.join("out/run.json")).unwrap();
    assert!(json.contains("\"outcome\": \"failed\""), "{json}");
    report(&["SGUNSURE"]).check(3, &["1 passed, 1 unsure"], &[]);
    report(&["SGKILLED"]).check(
        2,
        &["limits::dml::L-09 last: the run was cut short", "1 passed, 1 not run"],
        &[],
    );
    report(&["SGSTOPPED"]).check(130, &["cut short: interrupted"], &[]);
}

#[test]
fn a_report_is_as_strict_as_its_run_was() {
    let folder = Folder::new();
    let runs = folder.0.join(".snowgauge/runs");
    let lifted = [("a", Outcome::Lifted { seen: "line 5: 1 row".to_owned() })];
    journal(&runs, "SGLENIENT", &lifted, Some(None));
    journal_by(Strictness::Strict, &runs, "SGSTRICT", &lifted, Some(None));

    let report = |run: &str| {
        let files = ["report", run, "--junit", "junit.xml", "--json", "run.json"];
        let ended = snowgauge(&folder.0, &files);
        let junit = fs::read_to_string(folder.0.join("junit.xml")).unwrap();
        let json = fs::read_to_string(folder.0.join("run.json")).unwrap();
        (ended, junit, json)
    };
    let (ended, junit, json) = report("SGLENIENT");
    ended.check(0, &["run SGLENIENT on emulator: 1 passed, 1 lifted"], &[]);
    assert!(junit.contains("failures=\"0\""), "{junit}");
    assert!(json.contains("\"strictness\": \"lenient\""), "{json}");

    let (ended, junit, json) = report("SGSTRICT");
    ended.check(1, &["run SGSTRICT on emulator, strict: 1 passed, 1 lifted"], &[]);
    assert!(junit.contains("<failure message=\"line 5: 1 row\" type=\"lifted\">"), "{junit}");
    assert!(json.contains("\"strictness\": \"strict\""), "{json}");
    assert!(json.contains("\"is_failure\": true"), "{json}");
}

#[test]
fn a_report_marks_lines_and_sums_up_for_a_build_server() {
    let folder = Folder::new();
    let runs = folder.0.join(".snowgauge/runs");
    let unsure = [("a", Outcome::Unsure { why: "3 samples".to_owned() })];
    journal(&runs, "SG1", &unsure, Some(None));
    let files = ["report", "--markdown", "ci/summary.md", "--annotations", "ci/marks"];
    snowgauge(&folder.0, &files).check(3, &["1 passed, 1 unsure"], &[]);
    let page = fs::read_to_string(folder.0.join("ci/summary.md")).unwrap();
    assert!(page.starts_with("## 1 passed, 1 unsure\n\nRun SG1 on emulator"), "{page}");
    let marks = fs::read_to_string(folder.0.join("ci/marks")).unwrap();
    assert!(marks.starts_with("::warning file="), "{marks}");
    assert!(marks.contains(",title=unsure%3A "), "{marks}");
    let nowhere = ["report", "--markdown", "ci/summary.md/no"];
    snowgauge(&folder.0, &nowhere).check(2, &[], &["error: cannot write `ci/summary.md/no`"]);
}

#[test]
fn what_is_not_there_is_named_with_what_to_do() {
    let folder = Folder::new();
    snowgauge(&folder.0, &["report"]).check(
        2,
        &[],
        &["error: there are no runs in `.snowgauge/runs`\n  hint: `snowgauge run` keeps runs in"],
    );
    snowgauge(&folder.0, &["report", "SG1"]).check(
        2,
        &[],
        &["error: no run `SG1` in `.snowgauge/runs`"],
    );
    snowgauge(&folder.0, &["run", "nowhere"]).check(2, &[], &["nowhere"]);
    snowgauge(&folder.0, &["list", "--tag", "a and"]).check(
        2,
        &[],
        &["a tag expression ends after `a and`"],
    );
    snowgauge(&folder.0, &["rum"]).check(2, &[], &["run"]);
}

#[test]
fn a_journal_that_is_damaged_is_refused_with_what_to_do() {
    let folder = Folder::new();
    let runs = folder.0.join(".snowgauge/runs");
    journal(&runs, "SG1", &[("a", Outcome::Passed)], Some(None));
    let path = runs.join("SG1/journal.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    let (start, rest) = whole.split_once('\n').unwrap();
    let check = |text: &str, stderr: &[&str]| {
        fs::write(&path, text).unwrap();
        snowgauge(&folder.0, &["report", "SG1"]).check(2, &[], stderr);
    };
    check("", &["error: `", "journal.jsonl` holds no run\n  hint: the run ended before"]);
    check(rest, &["journal.jsonl:1: a run does not start like this", "  hint: without its start"]);
    check(
        &format!("{start}\ngarbage\n{rest}"),
        &["journal.jsonl:2: not an event: ", "  hint: without that line, a report can be made"],
    );
    check(
        &start.replacen("\"journal\":1", "\"journal\":99", 1),
        &["is a journal of version 99", "  hint: the `snowgauge` that wrote it can read it"],
    );
}

/// A connection `NAME` to `port` of this machine, in a file that `SNOWFLAKE_HOME` leads to.
fn run_on(folder: &Path, port: u16, arguments: &[&str]) -> Ended {
    let connection = format!(
        "[ci]\naccount = 'a'\nuser = 'u'\npassword = 'Sup3rSecret'\nprotocol = 'http'\n\
         host = '127.0.0.1'\nport = {port}\n"
    );
    fs::write(folder.join("connections.toml"), connection).unwrap();
    fs::create_dir_all(folder.join("suites")).unwrap();
    fs::write(folder.join("suites/a.slt"), "statement ok\nSELECT 1\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_snowgauge"))
        .args(["run", "--connection", "ci"])
        .args(arguments)
        .current_dir(folder)
        .env("SNOWFLAKE_HOME", folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let ended = Ended {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    for stream in [&ended.stdout, &ended.stderr] {
        assert!(!stream.contains("Sup3rSecret"), "{stream}");
    }
    ended
}

/// Answers every request on a connection of its own, with the same bytes.
fn serve(answer: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 16 << 10];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    port
}

#[test]
fn a_server_that_is_not_what_was_hoped_for_is_described() {
    let folder = Folder::new();
    const HINT: &str = "hint: the connection's `account`, `host`, `port` and `protocol` say where";
    let check = |answer: &'static str, stdout: &[&str]| {
        let ended = run_on(&folder.0, serve(answer), &[]);
        ended.check(2, &["1 not run"], &[HINT]).check(2, stdout, &[]);
    };
    check("", &["the connection was lost before an answer"]);
    check(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n<html",
        &["HTTP 200 OK with `text/html`, no Snowflake reply (no JSON): `<html`"],
    );
    check(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 101\r\n\r\n\
         {\"data\":{},\"code\":\"390100\",\"message\":\"Incorrect username or password was specified.\",\
         \"success\":false}",
        &["ci refused the login: 390100: Incorrect username or password was specified."],
    );
}

#[test]
fn a_report_that_cannot_be_written_is_said_and_the_other_one_is_written() {
    let folder = Folder::new();
    fs::write(folder.0.join("file"), "").unwrap();
    let ended = run_on(&folder.0, 1, &["--junit", "file/junit.xml", "--json", "run.json"]);
    ended.check(
        2,
        &["json: run.json"],
        &["error: cannot write `file/junit.xml`: ", "  hint: `snowgauge report .snowgauge/runs/SG"],
    );
    assert!(!ended.stdout.contains("junit: "), "{}", ended.stdout);
    let both = run_on(&folder.0, 1, &["--junit", "file/junit.xml", "--json", "file/run.json"]);
    both.check(2, &[], &["`file/junit.xml`", "`file/run.json`"]);
}

#[test]
fn help_is_in_sentences_and_says_what_the_status_means() {
    let folder = Folder::new();
    snowgauge(&folder.0, &["--help"]).check(
        0,
        &["Run suites against a target and compare what comes back"],
        &[],
    );
    snowgauge(&folder.0, &["run", "--help"]).check(
        0,
        &["Exit status: 0 all passed, 1 some failed, 2 could not run", "--release <RELEASE>"],
        &[],
    );
}

const HISTORY: &str = include_str!("data/refresh_history.csv");

#[test]
fn a_history_that_holds_is_shown_table_by_table() {
    let folder = Folder::new();
    fs::write(folder.0.join("h.csv"), HISTORY).unwrap();
    let ended = snowgauge(&folder.0, &["check-history", "h.csv"]);
    ended.check(
        0,
        &[
            "SHOP.PUBLIC.ORDERS_LIVE: 152 rows, 135 scheduled refreshes\n",
            "    target    60 s, so that the period is 48 s\n",
            "    gaps      48 s × 128, 96 s × 2, 192 s × 2, 144 s × 1, 288 s × 1\n",
            "    phase     33.0 s modulo 48 s\n",
            "    gaps      384 s × 18\n",
            "3 table(s): nothing is violated\n",
        ],
        &[],
    );
    let json = snowgauge(&folder.0, &["check-history", "h.csv", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.check(0, &[], &[]).stdout).unwrap();
    assert_eq!(json["answer"], "holds");
    assert_eq!(json["tables"][1]["gaps"][0], serde_json::json!({ "seconds": 48, "count": 128 }));
}

/// As editors of spreadsheets leave it: a byte order mark, CRLF, and other columns in another order.
#[test]
fn a_violation_is_told_with_file_and_line() {
    let folder = Folder::new();
    let row =
        HISTORY.lines().position(|it| it.contains(",2026-05-31 22:34:09.000 -0700,")).unwrap();
    let moved: Vec<String> = HISTORY
        .lines()
        .enumerate()
        .map(|(at, it)| match at == row {
            true => {
                it.replacen(",2026-05-31 22:34:09.000 -0700,", ",2026-05-31 22:34:16.000 -0700,", 1)
            }
            false => it.to_owned(),
        })
        .collect();
    fs::write(folder.0.join("h.csv"), format!("\u{feff}{}\r\n", moved.join("\r\n"))).unwrap();
    let place = format!("h.csv:{}", row + 1);
    snowgauge(&folder.0, &["check-history", "h.csv"]).check(
        1,
        &["grid: 2026-06-01 05:34:16 Z is +7.000 s off the grid of 48 s\n", &place],
        &[],
    );
}

#[test]
fn a_history_that_cannot_be_judged_is_neither_right_nor_wrong() {
    let folder = Folder::new();
    let few: String = HISTORY.lines().take(8).map(|it| format!("{it}\n")).collect();
    fs::write(folder.0.join("few.csv"), few).unwrap();
    fs::write(folder.0.join("empty.csv"), "NAME,DATA_TIMESTAMP\n").unwrap();
    snowgauge(&folder.0, &["check-history", "few.csv"]).check(
        3,
        &["unsure    period: ", "4 are needed", "cannot tell"],
        &[],
    );
    snowgauge(&folder.0, &["check-history", "empty.csv"]).check(
        3,
        &["not in the history: STATE, ", "0 table(s): cannot tell: no scheduled refresh\n"],
        &[],
    );
}

#[test]
fn what_is_no_history_is_bad_input() {
    let folder = Folder::new();
    fs::write(folder.0.join("a.csv"), "A,B\n1,2\n").unwrap();
    fs::write(folder.0.join("b.csv"), "NAME,DATA_TIMESTAMP\nT,soon\nT,later\n").unwrap();
    snowgauge(&folder.0, &["check-history", "a.csv", "b.csv"]).check(
        2,
        &[],
        &[
            "error: a.csv:1: no column `DATA_TIMESTAMP`",
            "error: b.csv:2: `soon` in DATA_TIMESTAMP is no timestamp\n",
            "error: b.csv:3: `later`",
        ],
    );
    snowgauge(&folder.0, &["check-history", "none.csv"]).check(2, &[], &["cannot read `none.csv`"]);
    snowgauge(&folder.0, &["check-history", "a.csv", "--lag", "soon"]).check(
        2,
        &[],
        &["expected a lag, such as `1 minute` or 60"],
    );
}

#[test]
fn a_recording_cannot_be_fuzzed_nor_can_two_targets() {
    let folder = Folder::new();
    snowgauge(&folder.0, &["fuzz", "refresh", "--target", "replay"]).check(
        2,
        &[],
        &["error: a recording has no answers to random statements\n  hint: use `--target emulator`"],
    );
    snowgauge(&folder.0, &["fuzz", "refresh", "--target", "replay,live"]).check(
        2,
        &[],
        &["error: one target at a time is fuzzed\n"],
    );
    snowgauge(&folder.0, &["fuzz", "refresh", "--steps", "0"]).check(
        2,
        &[],
        &["expected a number from 1"],
    );
}

/// The lines that other programs print into a closed pipe are lost, and nothing else happens.
#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_error() {
    let folder = Folder::new();
    let runs = folder.0.join(".snowgauge/runs");
    journal(&runs, "SG1", &[("a", Outcome::Passed)], Some(None));
    let script = format!("{} report SG1 | true", env!("CARGO_BIN_EXE_snowgauge"));
    let output = Command::new("sh").args(["-c", &script]).current_dir(&folder.0).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
