//! Runs and loads in parts, each by a process of its own, joined by `snowgauge report --merge`.

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::Value;
use snowgauge::{suite::Release, target::EmulatorTarget};
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

const CASES: &str = "
doc: Cases that know nothing of each other.
cases:
  - { name: one, sql: SELECT 1, expect: { rows: [[1]] } }
  - { name: two, sql: SELECT 2, expect: { rows: [[3]] } }
  - { name: three, sql: SELECT 3, expect: { rows: [[3]] } }
  - { name: four, sql: SELECT 4, expect: { rows: [[4]] } }
  - { name: five, sql: SELECT 5, expect: { rows: [[5]] } }
  - { name: six, sql: SELECT 6, expect: { rows: [[6]] } }
  - { name: seven, needs: [roles], sql: SELECT 7 }
";

/// Each record relies on those before it.
const ORDERED: &str = "\
statement ok
CREATE TABLE T (K INT)

statement ok
INSERT INTO T VALUES (1), (2)

query I
SELECT COUNT(*) FROM T
----
2
";

const LOAD: &str = "
doc: A load.
setup:
  - CREATE TABLE T AS SELECT SEQ4() + 1 AS K FROM TABLE(GENERATOR(ROWCOUNT => 1000))
cases:
  - name: lookups
    load:
      rate: 60/s
      sessions: 12
      duration: 4s
      warm-up: 12 requests
      mix:
        - name: lookup
          weight: 3
          sql: SELECT K FROM T WHERE K = {k}
          params: { k: { uniform: [1, 1000] } }
          rows: 1
          first-cell: k
        - name: count
          sql: SELECT COUNT(*) FROM T WHERE K <= {k}
          params: { k: { uniform: [1, 1000] } }
          rows: 1
      budgets: [errors == 0, p95 <= 60s]
  - name: compared
    load:
      compare: { with: interactive }
      clients: 4
      count: 20
      mix: [{ name: one, sql: SELECT 1 }]
";

/// A folder with suites, and a connection `ci` to an emulator.
struct Place {
    folder: tempfile::TempDir,
    _emulator: EmulatorTarget,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir(path.join("suites")).unwrap();
        for (file, text) in [("a.yaml", CASES), ("b.slt", ORDERED), ("load.yaml", LOAD)] {
            fs::write(path.join("suites").join(file), text).unwrap();
        }
        let emulator = EmulatorTarget::start(Release::ZeroCopy).unwrap();
        let port = emulator.address().port();
        let connection = format!(
            "[ci]\naccount = 'a'\nuser = 'u'\npassword = 'Tr0ub4dor-and-3-more'\n\
             protocol = 'http'\nhost = '127.0.0.1'\nport = {port}\n"
        );
        fs::write(path.join("connections.toml"), connection).unwrap();
        Self { folder, _emulator: emulator }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn snowgauge(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_snowgauge"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env("SNOWFLAKE_HOME", self.path())
            .stdin(Stdio::null());
        command
    }

    fn json(&self, file: &str) -> Value {
        let text = fs::read_to_string(self.path().join(file)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Parts beside each other, each with its own folder of runs: as on three machines.
    fn parts(&self, command: &str, of: u32, further: &[&str]) -> Vec<(Output, String)> {
        let started: Vec<_> = (1..=of)
            .map(|number| {
                let (part, runs) = (format!("{number}/{of}"), format!("node-{number}"));
                let mut all = vec![command, "--connection", "ci", "--partition", &part];
                all.extend(["--runs", &runs]);
                all.extend(further);
                let mut child = self.snowgauge(&all);
                child.stdout(Stdio::piped()).stderr(Stdio::piped());
                (child.spawn().unwrap(), runs)
            })
            .collect();
        started
            .into_iter()
            .map(|(child, runs)| {
                let output = child.wait_with_output().unwrap();
                let folder = fs::read_dir(self.path().join(&runs)).unwrap().next().unwrap();
                (output, folder.unwrap().path().display().to_string())
            })
            .collect()
    }
}

#[track_caller]
fn check(output: &Output, status: i32, expected: &[&str]) {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let streams = format!("status {}\nstdout:\n{stdout}\nstderr:\n{stderr}", output.status);
    assert_eq!(output.status.code(), Some(status), "{streams}");
    for part in expected {
        assert!(stdout.contains(part) || stderr.contains(part), "no `{part}` in\n{streams}");
    }
}

/// Cases of a report, in order, with their outcomes.
fn cases(report: &Value) -> Vec<String> {
    let cases = report["cases"].as_array().unwrap().iter();
    cases
        .map(|it| {
            format!(
                "{}::{} {} {}",
                it["suite"], it["name"], it["outcome"], it["failure"]["message"]
            )
        })
        .collect()
}

#[test]
fn parts_of_a_run_are_together_the_run() {
    let place = Place::new();
    let selected = ["suites/a.yaml", "suites/b.slt"];
    let mut whole = vec!["run", "--connection", "ci", "--json", "whole.json"];
    whole.extend(selected);
    check(&place.snowgauge(&whole).output().unwrap(), 1, &["1 failed"]);

    let parts = place.parts("run", 3, &selected);
    let folders: Vec<&str> = parts.iter().map(|(_, folder)| folder.as_str()).collect();
    let counts: Vec<usize> = folders
        .iter()
        .map(|it| {
            let text = fs::read_to_string(Path::new(it).join("report.json")).unwrap();
            let report: Value = serde_json::from_str(&text).unwrap();
            report["cases"].as_array().unwrap().len()
        })
        .collect();
    assert!(counts.iter().all(|it| *it >= 1), "{counts:?}");
    // One of them has the case that fails.
    let statuses: Vec<_> = parts.iter().map(|(output, _)| output.status.code().unwrap()).collect();
    assert_eq!(statuses.iter().filter(|it| **it == 1).count(), 1, "{statuses:?}");

    let mut merge = vec!["report", "--merge", "--json", "merged.json", "--html", "merged.html"];
    merge.extend(&folders);
    check(&place.snowgauge(&merge).output().unwrap(), 1, &["1 failed"]);
    assert_eq!(cases(&place.json("merged.json")), cases(&place.json("whole.json")));
    assert_eq!(place.json("merged.json")["counts"], place.json("whole.json")["counts"]);

    let mut keep = vec!["report", "--merge", "--keep", "--runs", "kept"];
    keep.extend(&folders);
    check(&place.snowgauge(&keep).output().unwrap(), 1, &["kept: kept/SG"]);
    let again = ["report", "--runs", "kept", "--json", "kept.json"];
    check(&place.snowgauge(&again).output().unwrap(), 1, &["1 failed"]);
    assert_eq!(cases(&place.json("kept.json")), cases(&place.json("whole.json")));

    let without = ["report", "--merge", folders[0], folders[2]];
    check(&place.snowgauge(&without).output().unwrap(), 1, &["part 2/3 is missing"]);
    let twice = ["report", "--merge", folders[0], folders[0], "nowhere"];
    check(&place.snowgauge(&twice).output().unwrap(), 2, &["no run `nowhere`"]);
    let twice = ["report", "--merge", folders[0], folders[0]];
    check(&place.snowgauge(&twice).output().unwrap(), 2, &["are both part 1/3"]);
    let several = ["report", folders[0], folders[1]];
    check(&place.snowgauge(&several).output().unwrap(), 2, &["`--merge` joins runs"]);

    // As many as there are cases, and more than there is to divide.
    let list = |part: &str| {
        let mut arguments = vec!["list", "--partition", part];
        arguments.extend(selected);
        place.snowgauge(&arguments).output().unwrap()
    };
    check(&list("4/3"), 2, &["expected a part and how many there are, such as `2/3`"]);
    let empty = (1..=40).map(|it| list(&format!("{it}/40"))).find(|it| !it.status.success());
    check(&empty.unwrap(), 2, &["there is no case left for part ", "divide into fewer parts"]);
}

/// Requests that were due, by query and second.
fn due(report: &Value) -> BTreeMap<(String, u64), u64> {
    let load = &report["cases"][0]["load"]["measured"];
    let queries = load["roles"][0]["queries"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    let mut due = BTreeMap::new();
    for query in queries {
        for second in query["seconds"].as_array().unwrap() {
            let key =
                (query["name"].as_str().unwrap().to_owned(), second["second"].as_u64().unwrap());
            due.insert(key, second["due"].as_u64().unwrap());
        }
    }
    due
}

/// Right answers, by query.
fn ok(report: &Value) -> Vec<u64> {
    let queries = report["cases"][0]["load"]["measured"]["roles"][0]["queries"].as_array().unwrap();
    let sum = |it: &Value| {
        it["seconds"].as_array().unwrap().iter().map(|it| it["ok"].as_u64().unwrap()).sum()
    };
    queries.iter().map(sum).collect()
}

#[test]
fn parts_of_a_load_are_together_the_load() {
    let place = Place::new();
    let load = "suites/load.yaml::lookups";
    let whole = ["load", load, "--connection", "ci", "--seed", "7", "--json", "whole.json"];
    // How fast the machine is decides whether it is sound, and not which requests there are.
    place.snowgauge(&whole).output().unwrap();

    // Long enough for three processes to be ready on a machine that does other things as well.
    let start_at = Utc::now() + TimeDelta::seconds(25);
    let instant = start_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let parts = place.parts("load", 3, &[load, "--seed", "7", "--start-at", &instant]);
    let folders: Vec<&str> = parts.iter().map(|(_, folder)| folder.as_str()).collect();
    let mut merge = vec!["report", "--merge", "--json", "merged.json"];
    merge.extend(&folders);
    let output = place.snowgauge(&merge).output().unwrap();
    let status = output.status.code();
    assert!(matches!(status, Some(0 | 3)), "{output:?}");

    let (merged, whole) = (place.json("merged.json"), place.json("whole.json"));
    assert_eq!(due(&merged), due(&whole));
    let of_parts: Vec<Value> = folders
        .iter()
        .map(|it| {
            let text = fs::read_to_string(Path::new(it).join("report.json")).unwrap();
            serde_json::from_str(&text).unwrap()
        })
        .collect();
    let sums: Vec<u64> =
        (0..2).map(|query| of_parts.iter().map(|it| ok(it)[query]).sum()).collect();
    assert_eq!(ok(&merged), sums);
    for part in &of_parts {
        let began = &part["cases"][0]["load"]["measured"]["began"];
        let began: chrono::DateTime<Utc> = began.as_str().unwrap().parse().unwrap();
        let late = began - start_at;
        assert!(late >= TimeDelta::seconds(-1), "{late}");
        // Budgets of a part are judged with the others.
        let outcome = part["cases"][0]["outcome"].as_str().unwrap();
        assert!(matches!(outcome, "observed" | "invalid"), "{outcome}");
        assert_eq!(part["cases"][0]["load"]["judged"][0]["verdict"], "unsure");
    }
    let judged = merged["cases"][0]["load"]["judged"].as_array().unwrap();
    assert_eq!(judged.len(), 2);
    // What a part leaves open is judged now. A budget of latency may be unsure on a busy machine.
    assert_ne!(judged[0]["verdict"], "unsure", "{judged:?}");
}

#[test]
fn a_load_that_cannot_be_divided_is_refused_before_it_starts() {
    let place = Place::new();
    let refused = |arguments: &[&str], expected: &[&str]| {
        let all = [&["load", "suites/load.yaml", "--connection", "ci"], arguments].concat();
        check(&place.snowgauge(&all).output().unwrap(), 2, expected);
    };
    refused(
        &["--partition", "1/20"],
        &[
            "part 1/20 of a load needs `--start-at`",
            "part 1/20 of a load needs `--seed`",
            "one load at a time begins at a common instant, and there are 2",
            "12 sessions or requests cannot be divided into 20 parts",
            "a comparison takes turns, which several machines would not take together",
        ],
    );
    refused(&["--start-at", "2026-11-21T22:00:00Z"], &["`--start-at` is for the parts of a load"]);
    refused(&["--start-at", "soon"], &["expected a day, a time and a zone"]);
    assert!(!place.path().join(".snowgauge").exists());
}
