//! Suites under `cargo test`: every case is a libtest trial.
//!
//! The cases that the arguments select are one run with one set of objects, in the background;
//! each trial waits for its case. Under nextest every trial is a process of its own, and so a run
//! of one case.

use crate::{
    cli::{
        CliError, TargetArgs, TargetName, check_affordable, connect, credits, number_from_one,
        stop_on_ctrl_c,
    },
    report::{junit, text},
    run::{
        self, CaseKey, CaseReport, Event, Events, Outcome, Partition, Plan, Reporter, RunId,
        RunOptions, RunSummary, Selection, Stop, Strictness, journal::Journal,
    },
    suite,
    target::{TargetKind, replay},
};
use clap::ValueEnum;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::{
    collections::{HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

/// Trials that wait beside each other. They only wait, so that more of them than processors is
/// no load; without it cases would be reported late.
const WAITING_MAX: usize = 64;

/// Runs the suites in a folder as the tests of a test target with `harness = false`:
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     snowgauge::harness("suites")
/// }
/// ```
///
/// The arguments are libtest's (`--list`, a filter, `--exact`, `--skip`, `--ignored`, …). The
/// environment says where to run:
///
/// | variable | meaning | default |
/// |---|---|---|
/// | `SNOWGAUGE_TARGET` | `emulator`, `replay` or `live` | `emulator`, or `live` if a connection is named; `replay` in builds without the emulator |
/// | `SNOWGAUGE_CONNECTION` | a connection of `connections.toml` | the default one |
/// | `SNOWGAUGE_RELEASE` | as `snowgauge run --release` | the newest |
/// | `SNOWGAUGE_FIXTURES` | the fixtures to replay | `fixtures` |
/// | `SNOWGAUGE_SCALE` | orders in the data set `orders` | 20000 |
/// | `SNOWGAUGE_JOBS` | suites that run beside each other | 4 |
/// | `SNOWGAUGE_STRICT` | `1`: an expected limitation that is gone (`lifted`) fails; `0`: it is news | `1` on the emulator and its recordings, `0` on an account and its |
/// | `SNOWGAUGE_MAX_CREDITS` | as `snowgauge run --max-credits` | no limit |
/// | `SNOWGAUGE_PARTITION` | as `snowgauge run --partition`: `2/3` | all cases |
/// | `SNOWGAUGE_JUNIT` | where to write the JUnit report | `target/snowgauge/junit.xml` |
///
/// Skipped cases are ignored tests, with their reason; cases that were not run fail. The status is
/// libtest's: 0, or 101 if a test failed; 2 if the suites could not be read.
pub fn harness(suites: impl AsRef<Path>) -> ExitCode {
    let settings = Settings::from_env();
    let target = settings.target.clone();
    run_rounds(suites.as_ref(), settings, vec![Round { kind: String::new(), target }])
}

/// As [`harness()`], replaying every recording in `fixtures`: each case once for each recording,
/// which the trial's name begins with, as in `[emulator-attached] limits::dml::L-09 …`.
///
/// Nothing is needed but the files, and no connection is opened.
pub fn replays(suites: impl AsRef<Path>, fixtures: impl AsRef<Path>) -> ExitCode {
    let round = |folder: &PathBuf| Round {
        kind: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        target: TargetArgs {
            target: vec![TargetName::Replay],
            fixtures: Some(folder.clone()),
            ..TargetArgs::default()
        },
    };
    match replay::folders(fixtures.as_ref()) {
        Ok(folders) => {
            let rounds = folders.iter().map(round).collect();
            run_rounds(suites.as_ref(), Settings::from_env(), rounds)
        }
        Err(err) => {
            eprint!("{}", CliError::from(err).render());
            ExitCode::from(2)
        }
    }
}

fn run_rounds(suites: &Path, settings: Settings, rounds: Vec<Round>) -> ExitCode {
    let arguments = Arguments::from_args();
    match Harness::new(suites, settings, rounds) {
        Ok(harness) => harness.run(arguments),
        Err(err) => {
            eprint!("{}", err.render());
            ExitCode::from(2)
        }
    }
}

/// All cases once, on one target.
struct Round {
    /// What its trials' names begin with, in brackets. Empty where there is one round only.
    kind: String,
    target: TargetArgs,
}

struct Settings {
    target: TargetArgs,
    scale: Option<u64>,
    jobs: Option<usize>,
    strictness: Option<Strictness>,
    credits_max: Option<f64>,
    /// Trials are of this part of the cases only.
    partition: Option<Partition>,
    junit: Option<PathBuf>,
    errors: Vec<String>,
}

impl Settings {
    fn from_env() -> Self {
        Self::from(|name| std::env::var(name).ok().filter(|it| !it.is_empty()))
    }

    fn from(var: impl Fn(&str) -> Option<String>) -> Self {
        let mut errors = Vec::new();
        let choice = |name: &str| var(name).map(|it| (name.to_owned(), it));
        let target = parsed(choice("SNOWGAUGE_TARGET"), &mut errors, value_of::<TargetName>);
        let release = parsed(choice("SNOWGAUGE_RELEASE"), &mut errors, value_of);
        let scale = parsed(choice("SNOWGAUGE_SCALE"), &mut errors, number_from_one);
        let jobs = parsed(choice("SNOWGAUGE_JOBS"), &mut errors, number_from_one);
        let strictness = parsed(choice("SNOWGAUGE_STRICT"), &mut errors, yes_or_no);
        let credits_max = parsed(choice("SNOWGAUGE_MAX_CREDITS"), &mut errors, credits);
        let partition = parsed(choice("SNOWGAUGE_PARTITION"), &mut errors, |it| it.parse());
        // nextest runs a process for each case, and they would overwrite each other's report; it
        // has one of its own.
        let is_nextest = var("NEXTEST").is_some();
        let junit = var("SNOWGAUGE_JUNIT")
            .map(PathBuf::from)
            .or_else(|| (!is_nextest).then(|| folder(&var).join("junit.xml")));
        let connection = var("SNOWGAUGE_CONNECTION");
        let target = TargetArgs {
            real_time: false,
            target: target.into_iter().collect(),
            connection,
            release,
            fixtures: var("SNOWGAUGE_FIXTURES").map(PathBuf::from),
            max_age: None,
            regression: None,
            capacity: None,
        };
        Self { target, scale, jobs, strictness, credits_max, partition, junit, errors }
    }
}

/// Where reports and journals of test runs go.
fn folder(var: impl Fn(&str) -> Option<String>) -> PathBuf {
    PathBuf::from(var("CARGO_TARGET_DIR").unwrap_or_else(|| "target".to_owned())).join("snowgauge")
}

fn parsed<T>(
    variable: Option<(String, String)>,
    errors: &mut Vec<String>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    let (name, value) = variable?;
    parse(&value).map_err(|why| errors.push(format!("`{name}` is `{value}`: {why}"))).ok()
}

fn value_of<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, false).map_err(|_| {
        let known = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let known: Vec<String> = known.map(|it| format!("`{}`", it.get_name())).collect();
        format!("expected {}", known.join(" or "))
    })
}

fn yes_or_no(text: &str) -> Result<Strictness, String> {
    match text {
        "1" => Ok(Strictness::Strict),
        "0" => Ok(Strictness::Lenient),
        _ => Err("expected `1` or `0`".to_owned()),
    }
}

struct Harness {
    loaded: suite::Loaded,
    keys: Vec<CaseKey>,
    settings: Settings,
    rounds: Vec<Round>,
}

impl Harness {
    fn new(suites: &Path, settings: Settings, rounds: Vec<Round>) -> Result<Self, CliError> {
        if let Some(error) = settings.errors.first() {
            return Err(CliError::new(error.clone()));
        }
        let loaded = suite::load(&[suites.to_owned()])?;
        let all = Selection { partition: settings.partition, ..Selection::default() };
        let everything = run::plan(&loaded.suites, &loaded.data_sets, &all)
            .map_err(|err| CliError::of_plan(err, &loaded))?;
        Ok(Self { keys: everything.keys(), loaded, settings, rounds })
    }

    fn run(self, mut arguments: Arguments) -> ExitCode {
        let jobs = self.settings.jobs.or(arguments.test_threads);
        let mut trials = Vec::new();
        let mut started = Vec::new();
        for round in &self.rounds {
            let waiting = Arc::new(Waiting::default());
            let own: Vec<Trial> =
                self.keys.iter().map(|it| trial(it, &waiting).with_kind(&round.kind)).collect();
            let selected: HashSet<CaseKey> = self
                .keys
                .iter()
                .zip(&own)
                .filter(|(_, it)| !arguments.is_filtered_out(it) && !arguments.is_ignored(it))
                .map(|(key, _)| key.clone())
                .collect();
            trials.extend(own);
            if arguments.list || selected.is_empty() {
                continue;
            }
            let selection = Selection { exactly: Some(selected), ..Selection::default() };
            match run::plan(&self.loaded.suites, &self.loaded.data_sets, &selection) {
                Ok(plan) => started.push((round, plan, waiting)),
                Err(err) => {
                    eprint!("{}", CliError::of_plan(err, &self.loaded).render());
                    return ExitCode::from(2);
                }
            }
        }
        arguments.test_threads.get_or_insert(trials.len().clamp(1, WAITING_MAX));

        let settings = &self.settings;
        thread::scope(|scope| {
            let background: Vec<_> = started
                .into_iter()
                .map(|(round, plan, waiting)| {
                    let junit = settings.junit.as_deref().map(|it| round.junit(it));
                    let done = scope.spawn(move || {
                        // Ended on every way out, a panic included, so that no trial waits for
                        // ever.
                        let ended = EndWaiting(waiting.clone());
                        let done = in_background(plan, settings, &round.target, jobs, &waiting);
                        if let Err(err) = &done {
                            waiting.end(err.render().trim_end().to_owned());
                        }
                        drop(ended);
                        done.ok()
                    });
                    (done, junit)
                })
                .collect();
            let conclusion = libtest_mimic::run(&arguments, trials);
            // Objects are dropped after the last case; the process must not end before.
            for (done, junit) in background {
                if let Ok(Some(summary)) = done.join() {
                    finish(&summary, junit.as_deref());
                }
            }
            conclusion.exit_code()
        })
    }
}

impl Round {
    /// A report of its own: `junit-emulator-attached.xml` beside `junit.xml`.
    fn junit(&self, path: &Path) -> PathBuf {
        match (self.kind.as_str(), path.file_stem()) {
            ("", _) | (_, None) => path.to_owned(),
            (kind, Some(stem)) => {
                path.with_file_name(format!("{}-{kind}.xml", stem.to_string_lossy()))
            }
        }
    }
}

/// Writes the report, and says what a test's output has no place for.
fn finish(summary: &RunSummary, junit: Option<&Path>) {
    for work in &summary.work {
        if let Some(failure) = &work.failure {
            eprintln!("warning: {}: {failure}", work.what);
        }
    }
    let Some(path) = junit else { return };
    match junit::write(path, summary) {
        Ok(()) => eprintln!("junit: {}", path.display()),
        Err(err) => eprintln!("warning: cannot write `{}`: {err}", path.display()),
    }
}

fn in_background(
    plan: Plan,
    settings: &Settings,
    target: &TargetArgs,
    jobs: Option<usize>,
    waiting: &Arc<Waiting>,
) -> Result<RunSummary, CliError> {
    let names = target.names();
    let [name] = names.as_slice() else {
        return Err(CliError::new("tests run on one target at a time"));
    };
    let connected = connect(target, *name)?;
    let mut options = RunOptions::new(RunId::random());
    options.release = connected.release_given;
    options.scale = settings.scale.unwrap_or(options.scale);
    options.jobs = jobs.unwrap_or(options.jobs);
    let kind = match &connected.replay {
        Some(replay) => {
            (options.scale, options.seed) = (replay.header().scale, replay.header().seed);
            replay.header().target
        }
        None => connected.target.kind(),
    };
    options.strictness = settings.strictness.unwrap_or_else(|| strictness(kind));
    options.credits_max = settings.credits_max;
    check_affordable(&plan, &options)?;

    let waiter = Waiter { waiting: waiting.clone(), strictness: options.strictness };
    let mut reporters: Vec<Box<dyn Reporter>> = vec![Box::new(waiter)];
    let runs = folder(|name| std::env::var(name).ok()).join("runs");
    match Journal::create(&runs, &options.run.to_string()) {
        Ok(journal) => reporters.push(Box::new(journal)),
        Err(err) => eprintln!("warning: no journal in `{}`: {err}", runs.display()),
    }
    let events = Events::new(connected.redactor.clone(), reporters);
    let stop = Stop::default();
    connected.runtime()?.block_on(async {
        let watch = tokio::spawn(stop_on_ctrl_c(stop.clone()));
        let summary = run::execute(plan, connected.target.clone(), options, events, stop).await;
        watch.abort();
        Ok(summary)
    })
}

/// Nobody lifts a limitation of the emulator: one that is gone is a defect of it.
fn strictness(kind: TargetKind) -> Strictness {
    match kind {
        TargetKind::Emulator => Strictness::Strict,
        TargetKind::Live | TargetKind::Replay | TargetKind::Scripted => Strictness::Lenient,
    }
}

/// What the trials wait for.
#[derive(Default)]
struct Waiting {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    ended: HashMap<CaseKey, (CaseReport, Strictness)>,
    /// No further case will end, and why.
    over: Option<String>,
}

impl Waiting {
    fn wait(&self, key: &CaseKey) -> Result<(CaseReport, Strictness), String> {
        let mut state = self.lock();
        loop {
            if let Some(report) = state.ended.remove(key) {
                return Ok(report);
            }
            if let Some(cause) = &state.over {
                return Err(cause.clone());
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn case(&self, report: CaseReport, strictness: Strictness) {
        self.lock().ended.insert(report.case.clone(), (report, strictness));
        self.changed.notify_all();
    }

    fn end(&self, cause: String) {
        self.lock().over.get_or_insert(cause);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct EndWaiting(Arc<Waiting>);

impl Drop for EndWaiting {
    fn drop(&mut self) {
        self.0.end("the run ended without this case".to_owned());
    }
}

struct Waiter {
    waiting: Arc<Waiting>,
    strictness: Strictness,
}

impl Reporter for Waiter {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if let Event::CaseFinished(report) = event {
            self.waiting.case((**report).clone(), self.strictness);
        }
        Ok(())
    }
}

fn trial(key: &CaseKey, waiting: &Arc<Waiting>) -> Trial {
    let (name, key, waiting) = (key.to_string(), key.clone(), waiting.clone());
    Trial::ignorable_test(name, move || verdict(waiting.wait(&key)))
}

fn verdict(ended: Result<(CaseReport, Strictness), String>) -> Result<Completion, Failed> {
    let (report, strictness) = ended.map_err(|cause| Failed::from(format!("not run: {cause}")))?;
    match &report.outcome {
        Outcome::Passed => Ok(Completion::Completed),
        Outcome::Observed { seen } | Outcome::Lifted { seen }
            if !report.outcome.is_failure(strictness) =>
        {
            eprintln!("note: {}: {}: {seen}", report.case, report.outcome.word());
            Ok(Completion::Completed)
        }
        Outcome::Skipped { reason } => Ok(Completion::ignored_with(reason)),
        Outcome::Unsure { why } => Ok(Completion::ignored_with(format!("unsure: {why}"))),
        Outcome::Failed { .. }
        | Outcome::Observed { .. }
        | Outcome::Lifted { .. }
        | Outcome::NotRun { .. }
        | Outcome::Invalid { .. } => {
            let steps = text::steps(&report);
            let steps = match steps.is_empty() {
                true => steps,
                false => format!("\nexecuted:\n{steps}"),
            };
            Err(Failed::from(format!("{}{steps}", text::details(&report))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{report::sample, suite::Release};

    #[test]
    fn the_environment_says_where_to_run() {
        let settings = Settings::from(|name| {
            let value = match name {
                "SNOWGAUGE_TARGET" => "live",
                "SNOWGAUGE_CONNECTION" => "ci",
                "SNOWGAUGE_RELEASE" => "zero-copy",
                "SNOWGAUGE_SCALE" => "500",
                _ => return None,
            };
            Some(value.to_owned())
        });
        assert_eq!(settings.target.target, [TargetName::Live]);
        assert_eq!(settings.target.connection.as_deref(), Some("ci"));
        assert_eq!(settings.target.release, Some(Release::ZeroCopy));
        assert_eq!(settings.scale, Some(500));
        assert_eq!(settings.junit, Some(PathBuf::from("target/snowgauge/junit.xml")));
        assert_eq!(settings.errors, Vec::<String>::new());
    }

    #[test]
    fn a_limitation_of_the_emulator_is_not_lifted_by_anybody() {
        assert_eq!(strictness(TargetKind::Emulator), Strictness::Strict);
        assert_eq!(strictness(TargetKind::Live), Strictness::Lenient);
        #[track_caller]
        fn check(value: &str, expected: Option<Strictness>) {
            let settings =
                Settings::from(|it| (it == "SNOWGAUGE_STRICT").then(|| value.to_owned()));
            assert_eq!(settings.strictness, expected);
        }
        check("1", Some(Strictness::Strict));
        check("0", Some(Strictness::Lenient));
    }

    #[test]
    fn a_bad_setting_is_named() {
        let settings = Settings::from(|name| {
            let bad = ["SNOWGAUGE_TARGET", "SNOWGAUGE_SCALE", "SNOWGAUGE_STRICT", "NEXTEST"];
            bad.contains(&name).then(|| "many".to_owned())
        });
        assert_eq!(
            settings.errors,
            [
                "`SNOWGAUGE_TARGET` is `many`: expected `emulator` or `replay` or `live`",
                "`SNOWGAUGE_SCALE` is `many`: expected a number from 1",
                "`SNOWGAUGE_STRICT` is `many`: expected `1` or `0`",
            ]
        );
        assert_eq!(settings.junit, None);
    }

    #[test]
    fn outcomes_become_what_libtest_has_for_them() {
        const LIFTED: usize = 4;
        #[track_caller]
        fn check(at: usize, expected: &str) {
            check_by(Strictness::Lenient, at, expected);
            if at != LIFTED {
                check_by(Strictness::Strict, at, expected);
            }
        }
        #[track_caller]
        fn check_by(strictness: Strictness, at: usize, expected: &str) {
            let report = sample::cases().remove(at);
            let found = match verdict(Ok((report, strictness))) {
                Ok(Completion::Completed) => "completed".to_owned(),
                Ok(Completion::Ignored { reason }) => reason.unwrap_or_default(),
                Err(failed) => failed.message().unwrap_or_default().to_owned(),
            };
            assert!(found.contains(expected), "{found}");
        }
        check(0, "completed");
        check(1, "row 2 differs");
        check(1, "executed:\nline 9: standard on SG1_STD, 0.250s: 2 rows [01b0-1]: SELECT K FROM");
        check(2, "unsure: 3 samples");
        check(3, "completed");
        check(LIFTED, "completed");
        check_by(Strictness::Strict, LIFTED, "dml.yaml:7: lifted: line 9: 1 row");
        check(5, "only on preview");
        check(6, "not run: connection lost");
        check(7, "invalid: clock skew");
    }

    #[test]
    fn nobody_waits_for_a_case_that_will_not_end() {
        let waiting = Arc::new(Waiting::default());
        let report = sample::case("a", Outcome::Passed);
        let other = sample::case("b", Outcome::Passed);
        let waiter = {
            let (waiting, key) = (waiting.clone(), other.case);
            thread::spawn(move || waiting.wait(&key))
        };
        waiting.case(report.clone(), Strictness::Strict);
        drop(EndWaiting(waiting.clone()));
        assert_eq!(waiting.wait(&report.case), Ok((report, Strictness::Strict)));
        let cause = waiter.join().unwrap();
        assert_eq!(cause, Err("the run ended without this case".to_owned()));
    }
}
