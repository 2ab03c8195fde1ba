//! Whether the suites would notice: they are run on emulators that each have one thing wrong.
//!
//! A regression is caught when a case of the suites that are about it turns red, or when the
//! emulator is no longer taken for the release that it is. That something was `observed`, or could
//! not be run, catches nothing: no build would have gone red for it.

mod text;

pub use text::{json, table};

use crate::{
    run::{
        self, CaseKey, Event, Events, Outcome, PROBE, Plan, PlanError, Reporter, RunId, RunOptions,
        RunSummary, Selection, Stop, Strictness,
    },
    secret::Redactor,
    suite::{Loaded, Release},
    target::{EmulatorTarget, Time},
};
use snowgauge_emulator::Regression;
use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    io,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Orders in the data set: as few as the constants in suites allow.
pub const SCALE: u64 = 1_000;

/// Longer than any case allows a statement. What a regression keeps from ending is not waited for
/// as long as a slow account would be.
const GIVE_UP_AFTER: Duration = Duration::from_secs(40);

/// The capacity model for behaviours of latency and concurrency.
const CAPACITY: &str = "seed";

/// Red cases that are named where there are more.
const NAMED_MAX: usize = 3;

/// How to try.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub scale: u64,
    /// Emulators beside each other.
    pub jobs: usize,
    /// All suites rather than those with cases of a regression's ids.
    pub scope: Scope,
    pub depth: Depth,
}

impl Default for Options {
    fn default() -> Self {
        Self { scale: SCALE, jobs: 4, scope: Scope::Affected, depth: Depth::FirstRed }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Suites with a case of one of the regression's ids.
    Affected,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// A run ends when its first case is red: it is caught, and waiting for more says little.
    FirstRed,
    Whole,
}

/// What the suites are tried on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub name: String,
    /// The behaviours that it violates.
    pub ids: Vec<String>,
    pub what: String,
    /// `None` is an emulator with nothing wrong, which nothing can catch.
    pub regression: Option<Regression>,
    pub release: Release,
}

impl Subject {
    pub fn new(regression: Regression, release: Release) -> Self {
        Self {
            name: regression.name().to_owned(),
            ids: regression.ids().iter().map(|it| (*it).to_owned()).collect(),
            what: regression.what().to_owned(),
            regression: Some(regression),
            release,
        }
    }

    /// Whether it shows in how long statements take or wait, on an emulator with a capacity model.
    pub fn is_timed(&self) -> bool {
        self.ids.iter().any(|it| it.starts_with('C'))
    }

    /// Each regression on those of the releases on which it can show; without any, on the newest
    /// of its own.
    pub fn all(regressions: &[Regression], releases: &[Release]) -> Vec<Self> {
        let shows_on = |it: Regression| -> Vec<Release> {
            let of_its = Release::ALL
                .into_iter()
                .filter(|release| it.shows_on(crate::target::emulated(*release)));
            match releases.is_empty() {
                true => of_its.max().into_iter().collect(),
                false => of_its.filter(|release| releases.contains(release)).collect(),
            }
        };
        let subjects = |it: &Regression| {
            let it = *it;
            shows_on(it).into_iter().map(move |release| Self::new(it, release))
        };
        regressions.iter().flat_map(subjects).collect()
    }
}

/// What became of a subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    pub subject: Subject,
    pub verdict: Verdict,
    /// The suites that were run.
    pub suites: Vec<String>,
    pub took: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// By these, the first ones first: names of cases, or what the probe said.
    Caught { by: Vec<String> },
    /// And what came nearest to noticing it.
    Escaped { why: String },
}

/// What went wrong in a run on an emulator with nothing wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    pub release: Release,
    pub what: String,
}

/// Tries every subject, the slow ones first. The trials are in the order of the subjects.
pub fn try_all(
    loaded: &Loaded,
    subjects: Vec<Subject>,
    options: Options,
    done: &(dyn Fn(&Trial) + Sync),
) -> Vec<Trial> {
    let mut order: Vec<usize> = (0..subjects.len()).collect();
    order.sort_by_key(|at| !is_slow(loaded, &subjects[*at]));
    let mut trials = beside_each_other(order, options.jobs, |at| {
        let trial = try_one(loaded, subjects[at].clone(), options);
        done(&trial);
        (at, trial)
    });
    trials.sort_by_key(|(at, _)| *at);
    trials.into_iter().map(|(_, it)| it).collect()
}

/// Runs the suites on emulators with nothing wrong, once for each of the releases, and returns
/// whatever is not as it should be.
pub fn try_clean(
    loaded: &Loaded,
    subjects: &[Subject],
    releases: &[Release],
    options: Options,
) -> Vec<Alarm> {
    let alarms = beside_each_other(releases.to_vec(), options.jobs, |release| {
        let ids = subjects.iter().filter(|it| it.release == release).flat_map(|it| it.ids.clone());
        let scope = if subjects.is_empty() { Scope::All } else { options.scope };
        let subject = Subject {
            name: "none".to_owned(),
            ids: ids.collect(),
            what: String::new(),
            regression: None,
            release,
        };
        let ran = plan(loaded, &subject, scope)
            .map_err(|err| err.to_string())
            .and_then(|plan| run_on(plan, &subject, options, None));
        let found = match ran {
            Ok(summary) => alarms(&summary, release),
            Err(cause) => vec![cause],
        };
        found.into_iter().map(|what| Alarm { release, what }).collect::<Vec<_>>()
    });
    alarms.into_iter().flatten().collect()
}

fn alarms(summary: &RunSummary, release: Release) -> Vec<String> {
    let mut alarms = Vec::new();
    if let Some(cause) = &summary.cut_short {
        alarms.push(cause.clone());
    }
    if let Some(probed) = summary.release.filter(|it| *it != release) {
        alarms.push(format!("the probe takes it for {probed}"));
    }
    for report in &summary.cases {
        let why = match &report.outcome {
            Outcome::Passed | Outcome::Skipped { .. } | Outcome::Observed { .. } => continue,
            Outcome::Failed { failure } => failure.message.clone(),
            Outcome::Lifted { seen } => seen.clone(),
            Outcome::NotRun { cause } => cause.clone(),
            Outcome::Unsure { why } | Outcome::Invalid { why } => why.clone(),
        };
        alarms.push(format!("{}: {}: {why}", report.case, report.outcome.word()));
    }
    alarms
}

/// Tries one subject.
pub fn try_one(loaded: &Loaded, subject: Subject, options: Options) -> Trial {
    let started_at = Instant::now();
    let (verdict, suites) = match plan(loaded, &subject, options.scope) {
        Err(PlanError::Nothing { .. }) => {
            (Verdict::Escaped { why: "no case has its ids".to_owned() }, Vec::new())
        }
        Err(err) => (Verdict::Escaped { why: err.to_string() }, Vec::new()),
        Ok(plan) => {
            let suites = plan.suites.iter().map(|it| it.suite.name.clone()).collect();
            (verdict(plan, &subject, options), suites)
        }
    };
    Trial { subject, verdict, suites, took: started_at.elapsed() }
}

fn verdict(plan: Plan, subject: &Subject, options: Options) -> Verdict {
    let caught = Caught::default();
    let summary = match run_on(plan, subject, options, Some(caught.clone())) {
        Ok(summary) => summary,
        Err(why) => return Verdict::Escaped { why },
    };
    let by = caught.by();
    if !by.is_empty() {
        return Verdict::Caught { by };
    }
    let first = |word: &str| summary.cases.iter().find(|it| it.outcome.word() == word);
    let why = if let Some(report) = first("observed") {
        format!("only observed: {}", report.case)
    } else if let Some(Outcome::NotRun { cause }) = first("not run").map(|it| &it.outcome) {
        format!("not run: {cause}")
    } else {
        let counts = summary.counts();
        format!("{} passed, {} skipped", counts.passed, counts.skipped)
    };
    Verdict::Escaped { why }
}

/// The cases to run, and what they stand on.
fn plan(loaded: &Loaded, subject: &Subject, scope: Scope) -> Result<Plan, PlanError> {
    let selection = match scope {
        Scope::All => Selection::default(),
        Scope::Affected => {
            let suites = affected(loaded, subject);
            let keys = |it: &crate::suite::Suite| -> Vec<CaseKey> {
                it.cases.iter().map(|case| run::key(it, case)).collect()
            };
            let exactly: HashSet<CaseKey> = suites.into_iter().flat_map(keys).collect();
            Selection { exactly: Some(exactly), ..Selection::default() }
        }
    };
    run::plan(&loaded.suites, &loaded.data_sets, &selection)
}

fn affected<'a>(loaded: &'a Loaded, subject: &Subject) -> Vec<&'a crate::suite::Suite> {
    let is_about =
        |it: &crate::suite::Case| it.id.as_ref().is_some_and(|id| subject.ids.contains(id));
    loaded.suites.iter().filter(|it| it.cases.iter().any(is_about)).collect()
}

/// Behaviours that have cases, and no regression that violates them.
pub fn without_regression(loaded: &Loaded) -> Vec<String> {
    let violated: HashSet<&str> =
        Regression::ALL.iter().flat_map(|it| it.ids().iter().copied()).collect();
    let ids = loaded.suites.iter().flat_map(|it| &it.cases).filter_map(|it| it.id.clone());
    let ids: BTreeSet<String> = ids.filter(|it| !violated.contains(it.as_str())).collect();
    ids.into_iter().collect()
}

fn is_slow(loaded: &Loaded, subject: &Subject) -> bool {
    affected(loaded, subject).iter().any(|it| it.tags.iter().any(|tag| tag == "slow"))
}

fn run_on(
    plan: Plan,
    subject: &Subject,
    options: Options,
    caught: Option<Caught>,
) -> Result<RunSummary, String> {
    // What is wrong with how long things take shows where they take some time.
    let capacity = subject.is_timed().then(|| CAPACITY.parse()).transpose()?;
    let (release, regression) = (subject.release, subject.regression);
    let target = EmulatorTarget::start_simulated(Time::Virtual, release, regression, capacity)
        .map_err(|err| format!("cannot start the emulator: {err}"))?;
    let mut run_options = RunOptions::new(RunId::random());
    run_options.scale = options.scale;
    run_options.strictness = Strictness::Strict;
    run_options.give_up_after = GIVE_UP_AFTER;
    let stop = Stop::default();
    let mut reporters: Vec<Box<dyn Reporter>> = Vec::new();
    if let Some(caught) = caught {
        let stop = (options.depth == Depth::FirstRed).then(|| stop.clone());
        reporters.push(Box::new(Watch { caught, stop, release: subject.release }));
    }
    let events = Events::new(Redactor::default(), reporters);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|err| err.to_string())?;
    Ok(runtime.block_on(run::execute(plan, Arc::new(target), run_options, events, stop)))
}

/// What has caught a subject so far.
#[derive(Clone, Default)]
struct Caught(Arc<Mutex<Vec<String>>>);

impl Caught {
    fn by(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, what: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }
}

/// Looks for red.
struct Watch {
    caught: Caught,
    /// Ends the run at the first sight of it.
    stop: Option<Stop>,
    release: Release,
}

impl Reporter for Watch {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let what = match event {
            Event::ReleaseProbed { release, .. } if *release != self.release => {
                format!("the probe, which takes it for {release}")
            }
            Event::Work { what, failure: Some(_), .. } if what == PROBE => {
                "the probe, which cannot tell the release".to_owned()
            }
            Event::CaseFinished(report) if report.outcome.is_failure(Strictness::Strict) => {
                report.case.to_string()
            }
            _ => return Ok(()),
        };
        self.caught.add(what);
        if let Some(stop) = &self.stop {
            stop.request("caught");
        }
        Ok(())
    }
}

/// Does a job for each item, so many at a time, in the order of the items as far as possible.
fn beside_each_other<T: Send, U: Send>(
    items: Vec<T>,
    jobs: usize,
    job: impl Fn(T) -> U + Sync,
) -> Vec<U> {
    let left = Mutex::new(VecDeque::from(items));
    let done = Mutex::new(Vec::new());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some(item) = next() {
                    let result = job(item);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}
