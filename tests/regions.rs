//! `snowgauge regions` over six emulators of different releases and abilities, and one that is down.

use serde_json::Value;
use snowgauge::{
    suite::Release,
    target::{EmulatorTarget, emulated},
};
use snowgauge_emulator::{EmulatorSettings, Regression, clock::Clock, engine};
use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// What it answers differs by release, and is an expectation of each; `limits` makes an answer
/// where a refusal is expected a limit that is gone.
const SUITE: &str = "
doc: A few features.
needs: [interactive]
setup:
  - CREATE OR REPLACE INTERACTIVE TABLE T CLUSTER BY (K) AS SELECT 1::INT AS K
cases:
  - id: L-09
    name: update is rejected
    tags: [limits]
    sql: UPDATE T SET K = 2
    expect: { error: any, evidence: documented, source: the limitations }
  - id: L-33
    name: a table that is not attached is read all the same
    needs: [zero-copy]
    session: interactive
    sql: SELECT COUNT(*) FROM T
    expect: { rows: [[1]] }
  - id: M-01
    name: SHOW INTERACTIVE TABLES
    sql: SHOW INTERACTIVE TABLES
    expect:
      - { releases: ..attached, error: any }
      - { releases: fallback.., ok: true }
  - name: of no behaviour
    sql: SELECT 1
    expect: { rows: [[1]] }
";

/// In a region that is on no list an interactive table is refused, by the documents.
const REGIONS: &str = "
doc: By region.
cases:
  - id: A-04
    name: where it is not listed an interactive table is refused
    needs: [unlisted-region]
    tags: [limits]
    sql: CREATE OR REPLACE INTERACTIVE TABLE T_A04 (K INT) CLUSTER BY (K)
    expect: { error: any, evidence: documented, source: the lists of regions }
";

const MATRIX: &str = "
doc: Six emulators and one that is down.
suites: [suites]
limits: { max-credits: 2 }
accounts:
  shared: { runs: 1, max-credits: 3 }
regions:
  - { connection: preview, label: Virginia }
  - { connection: attached, label: Oregon, cloud: aws, region: us-west-2 }
  - { connection: fallback, account: shared }
  - { connection: zerocopy, account: shared, label: zero copy }
  - regressed
  - { connection: unlisted, label: gov }
  - { connection: dead, label: Tokyo }
";

struct Place {
    folder: tempfile::TempDir,
    /// They live as long as this.
    emulators: Vec<EmulatorTarget>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir(path.join("suites")).unwrap();
        fs::write(path.join("suites/features.yaml"), SUITE).unwrap();
        fs::write(path.join("suites/regions.yaml"), REGIONS).unwrap();
        fs::write(path.join("matrix.yaml"), MATRIX).unwrap();
        let mut emulators = Vec::new();
        let mut toml = String::new();
        let mut add = |name: &str, port: u16| {
            toml += &format!(
                "[{name}]\naccount = 'a'\nuser = 'u'\npassword = 'Tr0ub4dor-and-3-more'\n\
                 protocol = 'http'\nhost = '127.0.0.1'\nport = {port}\n\n"
            );
        };
        for (name, release, region, regression) in [
            ("preview", Release::Preview, "AWS_US_EAST_1", None),
            ("attached", Release::Attached, "AWS_US_WEST_2", None),
            ("fallback", Release::Fallback, "AZURE_WESTEUROPE", None),
            ("zerocopy", Release::ZeroCopy, "AWS_SA_EAST_1", None),
            ("regressed", Release::ZeroCopy, "AWS_EU_WEST_1", Some("update-let-through")),
            ("unlisted", Release::ZeroCopy, "AWS_US_GOV_WEST_1", None),
        ] {
            let regression = regression.map(|it| it.parse::<Regression>().unwrap());
            let engine = engine::Settings {
                release: emulated(release),
                region: region.to_owned(),
                clock: Clock::virtual_time(),
                regression,
                ..engine::Settings::default()
            };
            let settings = EmulatorSettings { engine, ..EmulatorSettings::default() };
            let emulator = EmulatorTarget::start_with(settings).unwrap();
            add(name, emulator.address().port());
            emulators.push(emulator);
        }
        // Nobody listens on a port that was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        add("dead", free);
        fs::write(path.join("connections.toml"), toml).unwrap();
        Self { folder, emulators }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn regions(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_snowgauge"));
        command
            .args(["regions", "matrix.yaml"])
            .args(arguments)
            .current_dir(self.path())
            .env("SNOWFLAKE_HOME", self.path())
            .stdin(Stdio::null());
        command
    }

    /// Tables in the output folder, oldest first.
    fn tables(&self, extension: &str) -> Vec<PathBuf> {
        let Ok(files) = fs::read_dir(self.path().join(".snowgauge/regions")) else {
            return Vec::new();
        };
        let mut files: Vec<PathBuf> = files.map(|it| it.unwrap().path()).collect();
        files.retain(|it| it.extension().is_some_and(|it| it == extension));
        files.sort();
        files
    }

    fn newest(&self) -> Value {
        let path = self.tables("json").pop().unwrap();
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
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

/// Outcomes by feature, in the order of the columns.
fn outcomes(table: &Value) -> BTreeMap<String, Vec<String>> {
    let labels: Vec<&str> = table["regions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["label"].as_str().unwrap())
        .collect();
    let features = table["features"].as_array().unwrap().iter();
    features
        .map(|it| {
            let cell = |label: &&str| it["cells"][label]["outcome"].as_str().unwrap().to_owned();
            (it["key"].as_str().unwrap().to_owned(), labels.iter().map(cell).collect())
        })
        .collect()
}

#[test]
fn six_emulators_and_one_that_is_down_make_one_table() {
    let place = Place::new();
    let output = place.regions(&[]).output().unwrap();
    check(
        &output,
        2,
        &[
            "[Tokyo] cut short: cannot reach dead: nobody answers",
            "5 features in 6 of 7 regions",
            "[gov] lifted regions::A-04",
        ],
    );
    let table = place.newest();
    let expected: [(&str, [&str; 7]); 5] = [
        ("L-09", ["passed", "passed", "passed", "passed", "lifted", "passed", "not run"]),
        ("L-33", ["skipped", "skipped", "skipped", "passed", "passed", "passed", "not run"]),
        ("M-01", ["passed", "passed", "passed", "passed", "passed", "passed", "not run"]),
        ("A-04", ["skipped", "skipped", "skipped", "skipped", "skipped", "lifted", "not run"]),
        (
            "features::of no behaviour",
            ["passed", "passed", "passed", "passed", "passed", "passed", "not run"],
        ),
    ];
    let expected: BTreeMap<String, Vec<String>> = expected
        .iter()
        .map(|(key, cells)| ((*key).to_owned(), cells.map(str::to_owned).to_vec()))
        .collect();
    assert_eq!(outcomes(&table), expected);

    // Each column: its release, where it is, what the lists say of that.
    let regions = table["regions"].as_array().unwrap();
    let told: Vec<String> = regions
        .iter()
        .map(|it| {
            let text = |it: &Value| it.as_str().unwrap_or("-").to_owned();
            let listed = it["availability"]["listed"].as_array().unwrap();
            let listed: String = listed
                .iter()
                .map(|it| it.as_bool().map_or('-', |it| if it { 'y' } else { 'n' }))
                .collect();
            format!(
                "{} {} {} {listed} {}",
                text(&it["label"]),
                text(&it["region"]),
                text(&it["release"]),
                text(&it["availability"]["agreement"])
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "Virginia AWS_US_EAST_1 preview yyyy as-listed",
            "Oregon AWS_US_WEST_2 attached yyyy as-listed",
            "fallback AZURE_WESTEUROPE fallback nnyy as-listed",
            "zero copy AWS_SA_EAST_1 zero-copy nnny as-listed",
            "regressed AWS_EU_WEST_1 zero-copy yyyy as-listed",
            "gov AWS_US_GOV_WEST_1 zero-copy nnnn available-unlisted",
            "Tokyo - - ---- unknown",
        ]
    );
    for region in &regions[..6] {
        assert!(region["server_version"].as_str().unwrap().contains("snowgauge-emulator"));
        // Each is an ordinary run, with its reports beside its journal.
        let folder = place.path().join(region["folder"].as_str().unwrap());
        for file in ["journal.jsonl", "junit.xml", "report.json", "report.html"] {
            assert!(folder.join(file).is_file(), "no {file} in {}", folder.display());
        }
    }
    let cell =
        &table["features"].as_array().unwrap().iter().find(|it| it["key"] == "L-09").unwrap();
    let cell = &cell["cells"]["Virginia"];
    assert!(uuid::Uuid::parse_str(cell["query_id"].as_str().unwrap()).is_ok(), "{cell}");
    assert_eq!(cell["release"], "preview");

    let text = |extension| fs::read_to_string(place.tables(extension).pop().unwrap()).unwrap();
    let xml = text("xml");
    assert_eq!(xml.matches("<testsuite ").count(), 7, "{xml}");
    assert!(text("md").contains("## Limits that are gone"));
    assert!(text("html").contains("Limits that are gone"));
    for extension in ["json", "xml", "md", "html"] {
        assert!(!text(extension).contains("Tr0ub4dor"), "a password in {extension}");
    }

    // Strict, a limit that is gone is a failure, which outranks what was not run; and nothing has
    // changed since.
    let output = place.regions(&["--strict", "--junit", "j.xml"]).output().unwrap();
    check(&output, 1, &["nothing new since"]);
    assert!(place.path().join("j.xml").is_file());
    assert_eq!(place.tables("json").len(), 2);
    drop(place.emulators);
}

#[test]
fn a_matrix_that_cannot_be_run_costs_nothing() {
    let place = Place::new();
    let matrix = place.path().join("matrix.yaml");
    let wrong = MATRIX
        .replace("connection: attached", "connection: attachd")
        .replace("suites: [suites]", "suites: [suits]");
    fs::write(&matrix, wrong).unwrap();
    let output = place.regions(&[]).output().unwrap();
    check(
        &output,
        2,
        &[
            "matrix.yaml:3:10: no such file or folder",
            "matrix.yaml:9:19: the connection cannot be used: ",
            "`attachd`",
        ],
    );
    // What the two runs on one account come to together, before one of them begins.
    fs::write(&matrix, MATRIX.replace("max-credits: 3", "max-credits: 1")).unwrap();
    let output = place.regions(&[]).output().unwrap();
    check(
        &output,
        2,
        &[
            "matrix.yaml:10:19: the connection cannot be used: the runs on its account are expected \
             to cost 1.2",
            "and `max-credits` allows 1",
            "there are `fallback` 0.6",
        ],
    );
    fs::write(&matrix, MATRIX).unwrap();
    let output = place.regions(&["--dry-run"]).output().unwrap();
    check(&output, 0, &["Tokyo: 5 cases, 0.6"]);
    assert!(!place.path().join(".snowgauge").exists(), "nothing was run");
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_what_was_done_and_cleans_up() {
    use std::{io::Read, thread, time::Duration};
    let place = Place::new();
    let slow = "
doc: It takes a while.
cases:
  - { name: quick, sql: SELECT 1 }
  - { name: slow, sql: \"SELECT SYSTEM$WAIT(60)\", session: standard }
  - { name: never, sql: SELECT 1 }
";
    fs::remove_file(place.path().join("suites/features.yaml")).unwrap();
    fs::write(place.path().join("suites/regions.yaml"), slow).unwrap();
    // Two runs on one account: the second waits for the first.
    let mut run = place.regions(&[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let is_there = |run: &str| run.contains("\"name\":\"slow\"") && run.contains("case-started");
    for _ in 0..600 {
        let runs = fs::read_dir(place.path().join(".snowgauge/runs")).into_iter().flatten();
        let started = runs.flatten().filter(|it| {
            let journal = fs::read_to_string(it.path().join("journal.jsonl")).unwrap_or_default();
            journal
                .lines()
                .any(|line| line.starts_with("{\"event\":\"case-started\"") && is_there(line))
        });
        if started.count() == 5 {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    let interrupted = Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let status = run.wait().unwrap();
    let mut out = String::new();
    run.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(status.code(), Some(130), "{out}");
    let table = place.newest();
    assert_eq!(table["cut_short"], "interrupted");
    let outcomes = outcomes(&table);
    let of = |name: &str| outcomes[&format!("regions::{name}")].join(",");
    assert_eq!(of("quick"), "passed,passed,passed,not run,passed,passed,not run", "{out}");
    assert_eq!(of("never"), "not run,not run,not run,not run,not run,not run,not run");
    let waited = &table["regions"].as_array().unwrap()[3];
    assert_eq!(
        (waited["label"].as_str(), waited["cut_short"].as_str()),
        (Some("zero copy"), Some("interrupted"))
    );
    // Nothing of any run is left.
    for emulator in &place.emulators {
        let left = left(emulator);
        assert_eq!(left, Vec::<String>::new());
    }
}

/// Names of warehouses that are a run's.
#[cfg(unix)]
fn left(emulator: &EmulatorTarget) -> Vec<String> {
    use snowgauge::target::{Ending, LoginRequest, Statement, Target, Value};
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut session = emulator.login(LoginRequest::default()).await.unwrap();
        let statement = Statement {
            sql: "SHOW WAREHOUSES LIKE 'SG%'".to_owned(),
            give_up_after: std::time::Duration::from_secs(20),
            ..Statement::default()
        };
        let Ending::Rows(rows) = session.execute(&statement).await.ending else {
            panic!("no rows")
        };
        let names = rows.rows.iter().filter_map(|row| match row.first() {
            Some(Value::Text(name)) => Some(name.clone()),
            _ => None,
        });
        names.collect()
    })
}
