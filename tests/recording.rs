//! Recordings as they lie on disk: what is never in them, and what becomes of interrupted ones.

use base64::{Engine, engine::general_purpose::STANDARD};
use snowgauge::{
    fixture::files,
    run::{self, Events, Outcome, RunId, RunOptions, RunSummary, Selection, Stop},
    secret::Redactor,
    suite::{self, Release},
    target::{EmulatorTarget, ReplayError, ReplayTarget, replay},
};
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use walkdir::WalkDir;

const PASSWORD: &str = "Tr0ub4dor-and-3-more";
const USER: &str = "ada_lovelace";
const ACCOUNT: &str = "xy98765.eu-central-1";
const EMAIL: &str = "ada.lovelace@acme-analytics.com";
/// Neither is anybody's: the shapes are what is looked for.
const TOKEN: &str = "ver:3-hint:92019689652226-ETMsDgAAAXNK7h8QABRBRVMvQ0JDL1BLQ1M1UGFkZGluZw";
const JWT: &str =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJYWTk4NzY1LkFEQSJ9.c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4";
const KEY: &str =
    "-----BEGIN PRIVATE KEY-----MIIEvQIBADANBgkqhkiG9w0BAQEFAASC-----END PRIVATE KEY-----";

/// A folder with a suite and a connection `ci` to an emulator.
struct Place {
    folder: tempfile::TempDir,
    /// Stops when dropped.
    _emulator: Option<EmulatorTarget>,
}

impl Place {
    fn new(suite: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("suites")).unwrap();
        fs::write(folder.path().join("suites/s.yaml"), suite).unwrap();
        Self { folder, _emulator: None }
    }

    fn with_connection(self) -> Self {
        self.with_account(ACCOUNT)
    }

    fn with_account(mut self, account: &str) -> Self {
        let emulator = EmulatorTarget::start(Release::ZeroCopy).unwrap();
        let port = emulator.address().port();
        let connection = format!(
            "[ci]\naccount = '{account}'\nuser = '{USER}'\npassword = '{PASSWORD}'\n\
             protocol = 'http'\nhost = '127.0.0.1'\nport = {port}\n"
        );
        fs::write(self.folder.path().join("connections.toml"), connection).unwrap();
        self._emulator = Some(emulator);
        self
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

    /// Everything that a recording left, with compressed files unpacked.
    fn recorded(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let fixtures = WalkDir::new(self.path().join("fixtures")).into_iter();
        let files = fixtures.filter_map(Result::ok).filter(|it| it.file_type().is_file());
        let read = |path: PathBuf| {
            let mut bytes = fs::read(&path).unwrap();
            if path.extension().is_some_and(|it| it == "gz") {
                let mut text = Vec::new();
                flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut text).unwrap();
                bytes = text;
            }
            (path, bytes)
        };
        files.map(|it| read(it.into_path())).collect()
    }
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

fn encodings(text: &str) -> Vec<String> {
    let hex: String = text.bytes().map(|it| format!("{it:02x}")).collect();
    vec![
        text.to_owned(),
        text.to_lowercase(),
        text.to_uppercase(),
        STANDARD.encode(text).trim_end_matches('=').to_owned(),
        STANDARD.encode(text.to_uppercase()).trim_end_matches('=').to_owned(),
        hex.to_uppercase(),
        hex,
        text.replace('@', "%40").replace(':', "%3A"),
    ]
}

#[test]
fn nothing_of_who_recorded_is_in_a_recording() {
    let (name, domain) = EMAIL.split_once('@').unwrap();
    let place = Place::new(&format!(
        "
doc: Who am I.
cases:
  - name: who
    steps:
      - SELECT CURRENT_USER(), CURRENT_ACCOUNT(), CURRENT_ROLE(), CURRENT_SESSION()
      - SELECT LOWER(CURRENT_USER()) || ' of ' || CURRENT_ACCOUNT() AS BOTH
      - SELECT CONCAT('{name}', '@', '{domain}') AS MAIL
      - SHOW WAREHOUSES
      - SHOW PARAMETERS
"
    ))
    .with_connection();
    let output = place.snowgauge(&["record", "--connection", "ci"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let recorded = place.recorded();
    assert!(recorded.iter().any(|(path, _)| path.ends_with("s.fixture")), "{recorded:?}");
    let text =
        String::from_utf8_lossy(&recorded.iter().find(|it| it.0.ends_with("s.fixture")).unwrap().1)
            .into_owned();
    assert!(text.contains("«user 1") && text.contains("«email 1»"), "{text}");
    for (path, bytes) in &recorded {
        let text = String::from_utf8_lossy(bytes);
        for secret in [PASSWORD, USER, ACCOUNT, "xy98765", EMAIL] {
            for encoded in encodings(secret) {
                assert!(!text.contains(&encoded), "{encoded} in {}", path.display());
            }
        }
    }
}

#[test]
fn what_only_the_account_knows_of_itself_is_not_in_a_recording() {
    let place = Place::new(
        "
doc: Which account.
cases:
  - name: where
    steps:
      - SELECT CURRENT_ACCOUNT() AS LOCATOR
      - SELECT 'at ' || LOWER(CURRENT_ACCOUNT()) || '.eu' AS PLACE
",
    )
    .with_account("acmecorp-prodeu7");
    let output = place.snowgauge(&["record", "--connection", "ci"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let recorded = place.recorded();
    let text = |it: &(PathBuf, Vec<u8>)| String::from_utf8_lossy(&it.1).into_owned();
    let of_suite = recorded.iter().find(|it| it.0.ends_with("s.fixture")).map(text).unwrap();
    assert!(of_suite.contains("> «account 3»\n"), "{of_suite}");
    assert!(of_suite.contains("> at «account 3 lower».eu\n"), "{of_suite}");
    for (path, text) in recorded.iter().map(|it| (&it.0, text(it).to_lowercase())) {
        for name in ["sg00001", "acmecorp", "prodeu7"] {
            assert!(!text.contains(name), "{name} in {}", path.display());
        }
    }
}

#[test]
fn a_secret_in_a_result_stops_the_writing() {
    // What a login gives is planted in a row, out of the sight of the statement's own text.
    for (what, secret) in
        [("password", PASSWORD), ("token", TOKEN), ("JWT", JWT), ("private key", KEY)]
    {
        for (encoding, sql) in [
            ("as it is", format!("REVERSE('{}')", reversed(secret))),
            ("in base64", format!("REVERSE('{}')", reversed(&STANDARD.encode(secret)))),
        ] {
            let place = Place::new(&format!(
                "doc: Leaks.\ncases:\n  - name: leaks\n    sql: SELECT {sql} AS LEAK\n"
            ))
            .with_connection();
            let output = place.snowgauge(&["record", "--connection", "ci"]).output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{what} {encoding}: {error}");
            assert!(error.contains("must not be in a fixture"), "{what} {encoding}: {error}");
            assert!(!error.contains(secret), "{what} {encoding}: {error}");
            for (path, bytes) in place.recorded() {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let leaks = [secret.to_owned(), STANDARD.encode(secret)];
                assert!(!leaks.iter().any(|it| text.contains(it)), "{}", path.display());
                assert!(path.ends_with("@run.fixture"), "{}", path.display());
            }
        }
    }
}

const SUITE: &str = "
doc: A suite that takes a while.
setup:
  - CREATE TABLE T (K INT)
cases:
  - name: a
    steps:
      - INSERT INTO T VALUES (1), (2)
      - SELECT SYSTEM$WAIT(60, 'MILLISECONDS')
      - { sql: SELECT COUNT(*) FROM T, expect: { rows: [[2]] } }
  - name: b
    steps:
      - SELECT SYSTEM$WAIT(60, 'MILLISECONDS')
      - { sql: SELECT 1, expect: { rows: [[1]] } }
";

fn replayed(place: &Place) -> Result<RunSummary, ReplayError> {
    let folder = replay::folder(&place.path().join("fixtures"), None)?;
    let target = Arc::new(ReplayTarget::open(&folder, None)?);
    let mut options = RunOptions::new(RunId::random());
    (options.scale, options.seed) = (target.header().scale, target.header().seed);
    let loaded = suite::load(&[place.path().join("suites")]).unwrap();
    let plan = run::plan(&loaded.suites, &loaded.data_sets, &Selection::default()).unwrap();
    let events = Events::new(Redactor::default(), Vec::new());
    let run = run::execute(plan, target, options, events, Stop::default());
    Ok(ReplayTarget::runtime().unwrap().block_on(run))
}

#[test]
fn an_interrupted_recording_is_never_half_believed() {
    const INTERRUPTIONS: u32 = 50;
    let whole = Place::new(SUITE);
    let started_at = Instant::now();
    let output = whole.snowgauge(&["record"]).output().unwrap();
    let takes = started_at.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = replayed(&whole).unwrap();
    assert!(expected.cases.iter().all(|it| it.outcome == Outcome::Passed), "{expected:?}");

    // As many at a time as keep two processors busy.
    let outcomes: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                scope.spawn(move || {
                    let turns = (0..INTERRUPTIONS).filter(|it| it % 2 == worker);
                    turns.map(|it| interrupted(takes.mul_f64(f64::from(it) / 45.0))).collect()
                })
            })
            .collect::<Vec<thread::ScopedJoinHandle<'_, Vec<String>>>>();
        workers.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    // Some of them came before the first file, and some in the middle of it.
    assert!(outcomes.iter().any(|it| it.starts_with("nothing")), "{outcomes:#?}");
    assert!(outcomes.iter().any(|it| it.contains("partial")), "{outcomes:#?}");
}

/// Kills a recording after a time, and says what can be replayed of it.
fn interrupted(after: Duration) -> String {
    let place = Place::new(SUITE);
    let mut recording =
        place.snowgauge(&["record"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(after);
    let _ = recording.kill();
    recording.wait().unwrap();

    let left = place.recorded();
    let partial = left.iter().any(|(path, _)| path.extension().is_some_and(|it| it == "partial"));
    // Whatever is called a fixture is one, whole.
    for (path, _) in
        left.iter().filter(|(path, _)| path.extension().is_some_and(|it| it == "fixture"))
    {
        files::read(path).unwrap_or_else(|err| panic!("after {after:?}: {err}"));
    }
    let replayed = match replayed(&place) {
        Err(err) if err.message.starts_with("there is no recording") => "nothing".to_owned(),
        Err(err) => panic!("after {after:?}: {err}"),
        Ok(summary) => {
            // All of a suite or none of it.
            let counts = summary.counts();
            assert!(
                [counts.passed, counts.not_run].contains(&summary.cases.len()),
                "after {after:?}: {counts:?}"
            );
            format!("{} passed, {} not run", counts.passed, counts.not_run)
        }
    };
    match partial {
        true => format!("{replayed}, with a partial file"),
        false => replayed,
    }
}
