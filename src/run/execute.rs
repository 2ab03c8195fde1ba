//! A run, from its first login to its clean-up. Suites run beside each other, the cases of a
//! suite one after another.

use super::{
    CaseKey, CaseReport, Event, Events, JOURNAL_VERSION, Outcome, Plan, PlannedCase, PlannedSuite,
    RunSummary, Stop, Strictness,
    case::{self, CaseEnd, SetupFailure, Shared},
    cost::{self, Meter},
    diagnosis::{self, Came, Diagnosis, History, Scene, Wanted},
    machine::machine,
    objects::{Admin, AdminError, Objects},
    plan::{LISTED_REGION, Parted, is_of_region},
    probe,
    session::{Sessions, Start},
    sweep::{SweepOptions, Swept, dropped_in_words, sweep_by},
    variables::{Variables, customers_count},
};
use crate::{
    catalogue::region::{self, Region, RegionList},
    load::measure::OfMany,
    suite::{Action, DataSet, Evidence, Expect, Release, STANDARD, Step, refresh, span::Spanned},
    target::{Ending, Owner, Part, QueryTag, Refusal, Rows, Target},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    collections::BTreeMap,
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::{OnceCell, RwLock, Semaphore},
    task::JoinSet,
};

/// A run's id: `SG7F3K2QXA`. Part of object names, so upper-case letters and digits only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunId(String);

impl RunId {
    /// Without `I`, `L`, `O` and `U`, which are misread or make words.
    const ALPHABET: &'static [u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    /// A new one. Not from the run's seed: two runs with one seed must not share objects.
    pub fn random() -> Self {
        let mut bits = uuid::Uuid::new_v4().as_u128();
        let mut id = "SG".to_owned();
        for _ in 0..8 {
            id.push(char::from(Self::ALPHABET[(bits % 32) as usize]));
            bits /= 32;
        }
        Self(id)
    }

    /// A given one, for tests.
    pub fn fixed(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The run that an object is named after: of `SG7F3K2QXA_STD` the part before the line.
    pub fn of_object(name: &str) -> Option<Self> {
        let (id, _) = name.split_once('_')?;
        id.parse().ok()
    }
}

/// Not a run's id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not the id of a run, such as `SG7F3K2QXA`")]
pub struct RunIdError {
    found: String,
}

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, RunIdError> {
        let is_id = text
            .strip_prefix("SG")
            .is_some_and(|it| it.len() == 8 && it.bytes().all(|it| Self::ALPHABET.contains(&it)));
        match is_id {
            true => Ok(Self(text.to_owned())),
            false => Err(RunIdError { found: text.to_owned() }),
        }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The work of telling the release, as [`Event::Work`] has it.
pub const PROBE: &str = "probe the release";

/// The work that tells whether the account has the interactive layer.
pub const MAKE_INTERACTIVE: &str = "make an interactive warehouse";

/// Facts of a run that is one part of several: which part of the cases, of which cases, and which
/// part of each load.
pub const PARTITION: &str = "partition";
pub const PARTITION_OF: &str = "partition_of";
pub const LOAD_PARTITION: &str = "load_partition";

/// What becomes of what was pinned before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pins {
    /// The target is held to it.
    Held,
    /// What is seen will take its place.
    Renewed,
}

/// How to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    pub run: RunId,
    /// Every random choice comes from it.
    pub seed: u64,
    /// Orders in the data set `orders`.
    pub scale: u64,
    /// Suites that run beside each other.
    pub jobs: usize,
    /// What `lifted` cases mean for the run.
    pub strictness: Strictness,
    /// What the target is believed to be. What it does counts, and a difference is told.
    pub release: Option<Release>,
    /// Tells the release even where no case depends on it, which takes an interactive warehouse.
    pub always_probe: bool,
    pub pins: Pins,
    /// How long to wait for a statement before giving up on it.
    pub give_up_after: Duration,
    /// When the run's objects may be swept by others, from its start.
    pub expires_after: Duration,
    /// What the run may cost. It ends before it costs more.
    pub credits_max: Option<f64>,
    /// Which part of its loads this machine executes, and from when on.
    pub of_many: Option<OfMany>,
}

impl RunOptions {
    pub fn new(run: RunId) -> Self {
        Self {
            run,
            seed: 0,
            scale: 20_000,
            jobs: 4,
            strictness: Strictness::Lenient,
            release: None,
            always_probe: false,
            pins: Pins::Held,
            give_up_after: Duration::from_secs(300),
            expires_after: Duration::from_secs(6 * 3600),
            credits_max: None,
            of_many: None,
        }
    }
}

/// Executes a plan. Whatever happens, every planned case has a verdict at the end, and the run's
/// objects were dropped, or it was said which could not be.
///
/// To end a run early, ask `stop`: no case is started any more, statements are cancelled, and the
/// rest is as usual.
pub async fn execute(
    plan: Plan,
    target: Arc<dyn Target>,
    options: RunOptions,
    events: Events,
    stop: Stop,
) -> RunSummary {
    let started_at = Instant::now();
    events.send(Event::RunStarted {
        journal: JOURNAL_VERSION,
        run: options.run.to_string(),
        at: Utc::now(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        target: target.kind(),
        place: target.place(),
        seed: options.seed,
        scale: options.scale,
        strictness: options.strictness,
        cases: plan.keys(),
    });

    for (name, value) in target.facts() {
        events.send(Event::Fact { name, value });
    }
    fact(&events, "generator", machine());
    if let Some(Parted { partition, whole }) = &plan.partition {
        fact(&events, PARTITION, partition.to_string());
        fact(&events, PARTITION_OF, whole.clone());
    }
    if let Some(OfMany { partition, start_at }) = &options.of_many {
        fact(&events, LOAD_PARTITION, partition.to_string());
        fact(&events, "load_starts_at", start_at.to_rfc3339());
    }
    let estimate = cost::estimate(&plan, &options);
    fact(&events, "estimated_credits", format!("{:.2}", estimate.credits));
    let charged = match target.costs() {
        true => "",
        false => "; what an account would charge, nothing is charged here",
    };
    fact(&events, "estimate", format!("{}{charged}", estimate.in_words()));

    let keys = plan.keys();
    let tag = QueryTag::new(options.run.to_string(), Owner::Run, Part::Objects);
    let expires_at = target.now()
        + TimeDelta::from_std(options.expires_after).unwrap_or_else(|_| TimeDelta::hours(6));
    let meter = Meter::new(target.now(), options.credits_max);
    let admin = Arc::new(tokio::sync::Mutex::new((
        Admin::new(target.clone(), tag, options.give_up_after, meter.clone()),
        Objects::new(&options.run.to_string(), expires_at),
    )));

    let prepared = {
        let mut guard = admin.lock().await;
        let (admin, objects) = &mut *guard;
        match admin.login().await.map_err(|err| err.to_string()) {
            Err(cause) => {
                work(&events, "log in", started_at, Some(&cause));
                Err(cause)
            }
            Ok(()) => {
                if target.keeps_objects() {
                    sweep_earlier(admin, &events).await;
                }
                prepare(&plan, admin, objects, &options, &events, &stop).await
            }
        }
    };
    let cut_short = match prepared {
        Err(cause) => Some(cause),
        Ok(prepared) => {
            let data_sets = plan.data_sets.into_iter();
            let labels = target.labels();
            let labels_here = prepared.release.map(Release::name).into_iter().chain(labels);
            let run = Arc::new(Run {
                labels_here: labels_here.collect(),
                target,
                stop,
                meter: meter.clone(),
                events: events.clone(),
                data_sets: data_sets
                    .map(|it| {
                        (it.name.clone(), BuiltDataSet { data_set: it, built: OnceCell::new() })
                    })
                    .collect(),
                admin: admin.clone(),
                prepared,
                gone: Mutex::new(None),
                quiet: RwLock::default(),
                options,
            });
            run_suites(run.clone(), plan.suites).await;
            run.cut_short()
        }
    };
    if let Some(cause) = &cut_short {
        not_run(&events, &keys, cause, None);
    }
    let mut guard = admin.lock().await;
    let (admin, objects) = &mut *guard;
    clean_up(admin, objects, &events).await;
    let credits = meter.credits(admin.now());
    fact(&events, "metered_credits", format!("{credits:.2}"));
    events.send(Event::RunFinished {
        at: Utc::now(),
        took_us: micros_since(started_at),
        cut_short,
    });
    events.summary()
}

/// What is known of the target before the first case.
struct Prepared {
    release: Option<Release>,
    /// Why there is no interactive warehouse, in the server's words.
    no_interactive: Option<String>,
    /// Why, as far as a rule knows.
    why_not: Option<Diagnosis>,
    region: Option<Listed>,
    /// The server's version, where it is an emulator's.
    simulated: Option<String>,
    database: String,
    standard: String,
    interactive: String,
    data_schema: String,
}

async fn prepare(
    plan: &Plan,
    admin: &mut Admin,
    objects: &mut Objects,
    options: &RunOptions,
    events: &Events,
    stop: &Stop,
) -> Result<Prepared, String> {
    let started_at = Instant::now();
    let made = async {
        objects.make(admin).await?;
        objects.make_schema(admin, &objects.data_schema(), Owner::Run).await
    }
    .await
    .map_err(|err| err.to_string());
    work(events, "make the run's objects", started_at, made.as_ref().err());
    made?;
    let Facts { region, server_version } = facts(admin, events).await;
    let region = region.and_then(|it| Listed::new(&it, admin.now()));
    if let Some(region) = &region {
        let value = format!("{} ({})", region.in_words(), region.list.stated.source);
        fact(events, "region_listed", value);
    }

    let mut release = None;
    let mut no_interactive = None;
    let mut why = "nothing here depends on it".to_owned();
    let mut why_not = None;
    if options.always_probe || needs_interactive(plan) {
        let started_at = Instant::now();
        admin.tag = admin.tag.part(Part::Interactive);
        let warehouse = objects.make_interactive(admin).await;
        let failure = match &warehouse {
            Ok(Ok(())) => None,
            Ok(Err(refusal)) => Some(refusal.to_string()),
            Err(err) => Some(err.to_string()),
        };
        work(events, MAKE_INTERACTIVE, started_at, failure.as_ref());
        match warehouse {
            Ok(Ok(())) => {}
            Ok(Err(refusal)) => {
                why_not = why_refused("CREATE INTERACTIVE WAREHOUSE", &refusal, options.release);
                why = format!("an interactive warehouse was refused: {refusal}");
                no_interactive = Some(refusal.to_string());
            }
            Err(err) => return Err(err.to_string()),
        }
        if no_interactive.is_none() {
            let started_at = Instant::now();
            admin.tag = admin.tag.part(Part::Probe);
            let told = match probe::signs(admin, objects).await {
                Ok(signs) => probed(&signs, events),
                Err(err @ AdminError::Refused { .. }) => Err(err.to_string()),
                Err(err) => return Err(err.to_string()),
            };
            work(events, PROBE, started_at, told.as_ref().err());
            release = Some(probe::decide(told, options.release)?);
        }
    }
    // What was given is all there is where nothing can be probed.
    if release.is_none() && options.release.is_some() {
        release = probe::decide(Err(why), options.release).ok();
    }
    if let Some(probe::Decided { release, how, dispute }) = &release {
        events.send(Event::ReleaseProbed { release: *release, how: how.clone() });
        if let Some(given) = options.release {
            fact(events, "release_given", given.to_string());
        }
        if let Some(dispute) = dispute {
            fact(events, "release_dispute", dispute.clone());
            work(events, "find the release that was given", Instant::now(), Some(dispute));
        }
    }
    let release = release.map(|it| it.release);
    if let Some(cause) = stop.cause() {
        return Err(cause);
    }
    Ok(Prepared {
        release,
        no_interactive,
        why_not,
        region,
        simulated: server_version.filter(|it| it.contains(EMULATOR)),
        database: objects.database.clone(),
        standard: objects.standard.clone(),
        interactive: objects.interactive.clone(),
        data_schema: objects.data_schema(),
    })
}

/// Whether anything in the plan depends on the interactive layer. Such a warehouse costs by the
/// hour, so that plain suites do without.
pub(super) fn needs_interactive(plan: &Plan) -> bool {
    let mentions = |text: &str| text.contains("{interactive}");
    let in_steps = |steps: &[Step]| {
        steps.iter().any(|step| {
            step.session == "interactive"
                || matches!(&step.action, Action::Execute { sql, .. } if mentions(sql))
                || matches!(&step.action, Action::Load(load)
                    if load.roles().iter().any(|it| it.session == "interactive")
                        || load.texts().iter().any(|(it, _)| mentions(it)))
                || step.unchanged.iter().any(|it| it.session == "interactive" || mentions(&it.sql))
                || step.expect.iter().any(|it| {
                    it.releases.is_some()
                        || matches!(&it.outcome, Expect::SameAs { session, sql, .. }
                            if session == "interactive" || mentions(sql))
                })
        })
    };
    let needs = |it: &[Spanned<String>]| it.iter().any(|it| !is_of_region(&it.value));
    plan.data_sets.iter().any(|it| in_steps(&it.steps))
        || plan.suites.iter().any(|planned| {
            needs(&planned.suite.needs)
                || in_steps(&planned.suite.set_up())
                || planned.cases.iter().any(|it| {
                    needs(&it.case.needs) || it.case.only.is_some() || in_steps(&it.case.steps)
                })
        })
}

/// Reports everything that was looked at; the release that is told from it, and how.
fn probed(signs: &probe::Signs, events: &Events) -> Result<(Release, String), String> {
    let observations = probe::observations(signs);
    for it in &observations {
        fact(events, it.name, it.in_words());
    }
    let told = probe::release(signs)?;
    if let Some(disagreement) = probe::disagreement(told.0, &observations) {
        fact(events, "probe_disagreement", disagreement.clone());
        work(events, "agree on the release", Instant::now(), Some(&disagreement));
    }
    Ok(told)
}

/// What else is worth knowing of a target, and its region. It is no matter if it will not say.
async fn facts(admin: &mut Admin, events: &Events) -> Facts {
    let mut facts = Facts::default();
    for (name, sql) in
        [("server_version", "SELECT CURRENT_VERSION()"), ("region", "SELECT CURRENT_REGION()")]
    {
        if let Ok(Rows { rows, columns, .. }) = admin.query(sql).await
            && let Some(value) = rows.first().and_then(|it| it.first())
            && let Some(column) = columns.first()
        {
            let value = value.text(&column.data_type);
            let kept = match name {
                "region" => &mut facts.region,
                _ => &mut facts.server_version,
            };
            *kept = Some(value.clone());
            fact(events, name, value);
        }
    }
    facts
}

/// What a target says of itself.
#[derive(Default)]
struct Facts {
    region: Option<String>,
    server_version: Option<String>,
}

/// In the version of an emulator, wherever it is: a connection may lead to one, too.
const EMULATOR: &str = "snowgauge-emulator";

/// The account's region, held against the documents' list of today.
struct Listed {
    region: Region,
    list: &'static RegionList,
}

impl Listed {
    /// `None`: the region's name is none that the lists could have.
    fn new(region: &str, now: DateTime<Utc>) -> Option<Self> {
        Some(Self { region: Region::parse(region)?, list: region::list_on(now.date_naive())? })
    }

    fn is_listed(&self) -> bool {
        self.list.has(&self.region)
    }

    fn in_words(&self) -> String {
        let on = match self.is_listed() {
            true => "on",
            false => "not on",
        };
        format!("{} is {on} the documents' list of {}", self.region, self.list.stated.date)
    }
}

/// Drops what killed runs left here. Whatever becomes of that, this run goes on.
async fn sweep_earlier(admin: &mut Admin, events: &Events) {
    let started_at = Instant::now();
    let mut dropped = Vec::new();
    let mut refused = Vec::new();
    let swept = sweep_by(admin, &SweepOptions::default(), |it, swept| match swept {
        Swept::Dropped => dropped.push(it.clone()),
        Swept::Refused(refusal) => refused.push(format!("{it}: {refusal}")),
        Swept::WouldDrop | Swept::Left(_) => {}
    })
    .await;
    refused.extend(swept.err().map(|err| err.to_string()));
    let failure = (!refused.is_empty()).then(|| refused.join("; "));
    work(events, "sweep what killed runs left", started_at, failure.as_ref());
    for it in &dropped {
        work(events, &format!("swept {it}"), started_at, None::<&String>);
    }
    if let Some(value) = dropped_in_words(&dropped) {
        fact(events, "swept", value);
    }
}

async fn clean_up(admin: &mut Admin, objects: &Objects, events: &Events) {
    let started_at = Instant::now();
    // Without a first login there is nothing to drop.
    if objects.database.is_empty() {
        admin.close().await;
        return;
    }
    let errors = objects.drop_all(admin).await;
    admin.close().await;
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let failure = (!errors.is_empty()).then(|| {
        format!("{}; what is left has names starting with `{}_`", errors.join("; "), objects.run)
    });
    work(events, "drop the run's objects", started_at, failure.as_ref());
}

/// Where the statements of a suite are executed, and which were.
struct Place<'a> {
    sessions: &'a mut Sessions,
    history: &'a mut History,
}

struct BuiltDataSet {
    data_set: DataSet,
    built: OnceCell<Result<Built, SetupFailure>>,
}

/// What suites have of a data set.
#[derive(Clone)]
struct Built {
    provided: BTreeMap<String, String>,
    history: History,
}

/// What all suites of a run share.
struct Run {
    target: Arc<dyn Target>,
    stop: Stop,
    meter: Meter,
    events: Events,
    data_sets: BTreeMap<String, BuiltDataSet>,
    admin: Arc<tokio::sync::Mutex<(Admin, Objects)>>,
    prepared: Prepared,
    /// What `onlyif` and `skipif` may name.
    labels_here: Vec<&'static str>,
    /// Why the target cannot be reached any more.
    gone: Mutex<Option<String>>,
    /// Held by whatever uses the target, and by a load alone: nothing else is executed meanwhile.
    quiet: RwLock<()>,
    options: RunOptions,
}

async fn run_suites(run: Arc<Run>, suites: Vec<PlannedSuite>) {
    let permits = Arc::new(Semaphore::new(run.options.jobs.max(1)));
    let mut tasks = JoinSet::new();
    let mut keys = BTreeMap::new();
    for suite in suites {
        let suite_keys = suite.keys();
        // Taken before the task starts: with one permit suites run in the plan's order. The
        // semaphore is never closed.
        let permit = permits.clone().acquire_owned().await;
        let run = run.clone();
        let task = tasks.spawn(async move {
            let _permit = permit;
            run.suite(&suite).await;
        });
        keys.insert(task.id(), suite_keys);
    }
    while let Some(ended) = tasks.join_next_with_id().await {
        if let Err(err) = ended {
            let keys = keys.get(&err.id()).map(Vec::as_slice).unwrap_or_default();
            let cause = match err.try_into_panic() {
                Ok(panic) => format!("snowgauge panicked: {}", panic_message(&*panic)),
                Err(_) => "the suite's task was cancelled".to_owned(),
            };
            not_run(&run.events, keys, &cause, run.prepared.release);
        }
    }
}

impl Run {
    /// Why no further case should be started.
    fn cut_short(&self) -> Option<String> {
        if let Some(cause) = self.meter.used_up(self.target.now()) {
            self.stop.request(cause);
        }
        let gone = || self.gone.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.stop.cause().or_else(gone)
    }

    fn set_gone(&self, cause: Option<String>) {
        if let Some(cause) = cause {
            let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
            gone.get_or_insert(cause);
        }
    }

    fn variables(&self, schema: &str) -> Variables {
        Variables::default()
            .with("run", self.options.run.to_string())
            .with("database", &self.prepared.database)
            .with("schema", schema)
            .with("standard", &self.prepared.standard)
            .with("interactive", &self.prepared.interactive)
            .with("scale", self.options.scale.to_string())
            .with("customers_count", customers_count(self.options.scale).to_string())
            .with("region_rows", region::sql_rows())
    }

    fn sessions(&self, schema: &str, tag: &QueryTag) -> Sessions {
        let start = Start {
            schema: format!("{}.{schema}", self.prepared.database),
            standard: self.prepared.standard.clone(),
            interactive: self.prepared.interactive.clone(),
            tag: tag.part(Part::Sessions),
            give_up_after: self.options.give_up_after,
            meter: self.meter.clone(),
            simulated: self.prepared.simulated.clone(),
        };
        Sessions::new(self.target.clone(), self.stop.clone(), start)
    }

    async fn suite(&self, planned: &PlannedSuite) {
        let release = self.prepared.release;
        if let Some(cause) = self.cut_short() {
            not_run(&self.events, &planned.keys(), &cause, release);
            return;
        }
        // Neither a schema nor a data set is made for cases that will be skipped anyway.
        let skips: Vec<Option<String>> =
            planned.cases.iter().map(|it| self.reason_to_skip(planned, it)).collect();
        if skips.iter().all(Option::is_some) {
            for (case, reason) in planned.cases.iter().zip(skips) {
                self.skip(case, reason.unwrap_or_default());
            }
            return;
        }

        let schema = format!("{}_{}", self.options.run, planned.schema_suffix);
        let owner = Owner::Suite(planned.suite.name.clone());
        let tag = QueryTag::new(self.options.run.to_string(), owner, Part::SetUp)
            .ordered(planned.suite.ordered);
        let mut sessions = self.sessions(&schema, &tag);
        let mut variables = self.variables(&schema);
        let mut history = History::new(&self.prepared.interactive);
        let place = Place { sessions: &mut sessions, history: &mut history };
        let prepared = self.prepare_suite(planned, &schema, place, &mut variables, &tag);
        if let Err(failure) = prepared.await {
            self.set_gone(failure.gone);
            let SetupFailure { cause, diagnosis, .. } = failure;
            not_run_since(&self.events, &planned.keys(), &cause, release, diagnosis.map(|it| *it));
            sessions.close_all().await;
            return;
        }

        let mut labels = BTreeMap::new();
        let mut earlier_failure: Option<String> = None;
        for (case, skip) in planned.cases.iter().zip(skips) {
            if let Some(reason) = skip {
                self.skip(case, reason);
                continue;
            }
            if let Some(cause) = self.cut_short() {
                if !case.only_for_others {
                    not_run(&self.events, std::slice::from_ref(&case.key), &cause, release);
                }
                continue;
            }
            let mut own = variables.clone();
            let place = Place { sessions: &mut sessions, history: &mut history };
            let report = self.case(planned, case, place, &mut own, &mut labels, &tag).await;
            if planned.suite.ordered {
                variables = own;
            }
            let mut report = report;
            if let Outcome::Failed { failure } = &mut report.outcome
                && let Some(earlier) = &earlier_failure
                && failure.hint.is_none()
            {
                failure.hint = Some(format!(
                    "the cases of this suite rely on those before them, and {earlier}"
                ));
            }
            if planned.suite.ordered && earlier_failure.is_none() {
                earlier_failure = match &report.outcome {
                    Outcome::Failed { failure } => {
                        Some(format!("`{}` failed: {}", case.case.name, failure.message))
                    }
                    Outcome::NotRun { cause } => {
                        Some(format!("`{}` was not run: {cause}", case.case.name))
                    }
                    _ => None,
                };
            }
            if !case.only_for_others {
                self.events.send(Event::CaseFinished(Box::new(report)));
            }
        }
        self.drop_refreshed(planned, &mut sessions, &variables, &tag).await;
        sessions.close_all().await;
    }

    /// Drops a suite's refreshed tables: on an account each refresh costs, and others go on.
    async fn drop_refreshed(
        &self,
        planned: &PlannedSuite,
        sessions: &mut Sessions,
        variables: &Variables,
        tag: &QueryTag,
    ) {
        let started_at = Instant::now();
        let mut refused = Vec::new();
        for it in planned.suite.refreshed.iter().rev() {
            let name = variables.get(&it.name).unwrap_or(&it.name);
            let kind = match it.kind {
                refresh::RefreshedKind::Dynamic => "DYNAMIC TABLE",
                refresh::RefreshedKind::Interactive => "TABLE",
            };
            let sql = format!("DROP {kind} IF EXISTS {name}");
            let tag = tag.part(Part::CleanUp);
            let dropped = sessions.execute(STANDARD, &sql, &[], &tag, None).await;
            match dropped.map(|it| it.execution.ending) {
                Ok(Ending::Rows(_)) => {}
                Ok(other) => refused.push(format!("`{sql}`: {other:?}")),
                // The run drops the schema, in as much as it still can.
                Err(_) => return,
            }
        }
        if let Some(first) = refused.first() {
            let what = format!("drop the refreshed tables of {}", planned.suite.name);
            work(&self.events, &what, started_at, Some(first));
        }
    }

    async fn prepare_suite(
        &self,
        planned: &PlannedSuite,
        schema: &str,
        place: Place<'_>,
        variables: &mut Variables,
        tag: &QueryTag,
    ) -> Result<(), SetupFailure> {
        let _not_alone = self.quiet.read().await;
        for name in &planned.suite.data {
            let Some(data_set) = self.data_sets.get(&name.value) else { continue };
            let provided = data_set.built.get_or_init(|| self.build(&data_set.data_set)).await;
            let built = provided.as_ref().map_err(Clone::clone)?;
            for (name, value) in &built.provided {
                variables.set(name.clone(), value.clone());
            }
            place.history.add(&built.history);
        }
        {
            let mut guard = self.admin.lock().await;
            let (admin, objects) = &mut *guard;
            objects
                .make_schema(admin, schema, tag.owner.clone())
                .await
                .map_err(|err| setup_failure(err, self.prepared.release))?;
        }
        for it in &planned.suite.refreshed {
            let table = format!("{}.{schema}.{}", self.prepared.database, it.table());
            variables.set(it.name.clone(), table);
        }
        let set_up = planned.suite.set_up();
        if set_up.is_empty() {
            return Ok(());
        }
        let started_at = Instant::now();
        let mut labels = BTreeMap::new();
        let shared = self.shared(place, &mut labels);
        // Behind base tables there is an instant only where the definition is asked again.
        let mut creating = variables.clone().with(refresh::AT, "");
        let done = case::run_steps(&set_up, shared, &mut creating, tag).await;
        creating.remove(refresh::AT);
        *variables = creating;
        let done = done.and_then(|()| self.ended(tag));
        let what = format!("set up {}", planned.suite.name);
        work(&self.events, &what, started_at, done.as_ref().err().map(|it| &it.cause));
        done.map_err(|failure| SetupFailure {
            cause: format!("the suite's set-up failed: {}", failure.cause),
            ..failure
        })
    }

    /// Tells the target that the part has ended as expected.
    fn ended(&self, tag: &QueryTag) -> Result<(), SetupFailure> {
        let failure = |missing| SetupFailure {
            cause: format!("not recorded: {missing}"),
            diagnosis: None,
            gone: None,
        };
        self.target.ended(tag).map_err(failure)
    }

    /// Builds a data set in its own schema; the values of what it provides.
    async fn build(&self, data_set: &DataSet) -> Result<Built, SetupFailure> {
        let started_at = Instant::now();
        let owner = Owner::DataSet(data_set.name.clone());
        let tag = QueryTag::new(self.options.run.to_string(), owner, Part::SetUp);
        let mut sessions = self.sessions(&self.prepared.data_schema, &tag);
        let mut variables = self.variables(&self.prepared.data_schema);
        let base = variables.clone();
        let mut provided = BTreeMap::new();
        for (name, value) in &data_set.provides {
            let value = base.substitute_known(value);
            variables.set(name.clone(), value.clone());
            provided.insert(name.clone(), value);
        }
        let mut labels = BTreeMap::new();
        let mut history = History::new(&self.prepared.interactive);
        let place = Place { sessions: &mut sessions, history: &mut history };
        let shared = self.shared(place, &mut labels);
        let built = case::run_steps(&data_set.steps, shared, &mut variables, &tag).await;
        let built = built.and_then(|()| self.ended(&tag));
        sessions.close_all().await;
        let what = format!("build data set {}", data_set.name);
        work(&self.events, &what, started_at, built.as_ref().err().map(|it| &it.cause));
        built.map(|()| Built { provided, history }).map_err(|failure| SetupFailure {
            cause: format!(
                "the data set `{}` could not be built: {}",
                data_set.name, failure.cause
            ),
            ..failure
        })
    }

    fn shared<'a>(
        &'a self,
        place: Place<'a>,
        labels: &'a mut BTreeMap<String, (String, Vec<String>)>,
    ) -> Shared<'a> {
        Shared {
            target: &*self.target,
            stop: &self.stop,
            release: self.prepared.release,
            labels_here: &self.labels_here,
            sessions: place.sessions,
            history: place.history,
            labels,
            pins: &[],
            refreshed: &[],
            events: &self.events,
            key: None,
            seed: self.options.seed,
            of_many: self.options.of_many.as_ref(),
        }
    }

    async fn case(
        &self,
        planned: &PlannedSuite,
        case: &PlannedCase,
        place: Place<'_>,
        variables: &mut Variables,
        labels: &mut BTreeMap<String, (String, Vec<String>)>,
        suite_tag: &QueryTag,
    ) -> CaseReport {
        let is_load = case.case.steps.iter().any(|it| matches!(it.action, Action::Load(_)));
        let _turn = match is_load {
            true => (Some(self.quiet.write().await), None),
            false => (None, Some(self.quiet.read().await)),
        };
        let at = Utc::now();
        let started_at = Instant::now();
        if !case.only_for_others {
            self.events.send(Event::CaseStarted { case: case.key.clone(), at });
        }
        // Where cases rely on each other, they also rely on how they leave their sessions.
        if !planned.suite.ordered {
            // A session that cannot be put back is opened again by the case that needs it.
            let _ = place.sessions.restore().await;
            place.history.sessions_restored();
        }
        let name = match &case.key.id {
            Some(id) => format!("{id} {}", case.key.name),
            None => case.key.name.clone(),
        };
        let tag = suite_tag.part(Part::Case(name));
        let is_limits = super::tags(&planned.suite, &case.case).contains(&"limits");
        let mut shared = self.shared(place, labels);
        shared.refreshed = &planned.suite.refreshed;
        shared.key = Some(&case.key);
        if self.options.pins == Pins::Held {
            shared.pins = &planned.suite.pins;
        }
        let end = case::run_case(case, shared, variables, &tag, is_limits).await;
        let CaseEnd {
            mut outcome,
            evidence,
            source,
            steps,
            mut properties,
            sightings,
            mut diagnosis,
            load,
            refreshes,
            gone,
        } = end;
        let is_as_expected =
            matches!(outcome, Outcome::Passed | Outcome::Observed { .. } | Outcome::Lifted { .. });
        if is_as_expected && let Err(missing) = self.target.ended(&tag) {
            outcome = Outcome::NotRun { cause: format!("not recorded: {missing}") };
            diagnosis = None;
        }
        self.set_gone(gone);

        let mut warehouses: Vec<&str> =
            steps.iter().filter_map(|it| it.warehouse.as_deref()).collect();
        warehouses.sort_unstable();
        warehouses.dedup();
        if !warehouses.is_empty() {
            properties.insert("warehouse".to_owned(), warehouses.join(","));
        }
        CaseReport {
            case: case.key.clone(),
            at,
            took_us: micros_since(started_at),
            outcome,
            release: self.prepared.release,
            evidence,
            source,
            steps,
            properties,
            sightings,
            diagnosis,
            load,
            refreshes,
        }
    }

    fn skip(&self, case: &PlannedCase, reason: String) {
        if case.only_for_others {
            return;
        }
        let outcome = Outcome::Skipped { reason };
        let mut report = report_without_steps(&case.key, outcome, self.prepared.release);
        let needs_interactive = self.prepared.no_interactive.as_ref();
        if needs_interactive.is_some_and(|answer| says(&report, answer)) {
            report.diagnosis = self.prepared.why_not.clone();
        }
        self.events.send(Event::CaseFinished(Box::new(report)));
    }

    fn reason_to_skip(&self, planned: &PlannedSuite, case: &PlannedCase) -> Option<String> {
        let release = self.prepared.release;
        if let Some(only) = &case.case.only {
            let names: Vec<&str> = only.releases.0.iter().map(|it| it.name()).collect();
            match release {
                Some(release) if only.releases.0.contains(&release) => {}
                Some(release) => {
                    return Some(format!(
                        "only on {}, this is {release}: {}",
                        names.join(", "),
                        only.reason
                    ));
                }
                None => {
                    return Some(format!(
                        "only on {}, and the target's release is not known",
                        names.join(", ")
                    ));
                }
            }
        }
        let needs = planned.suite.needs.iter().chain(&case.case.needs);
        if let Some(unmet) = needs.filter_map(|it| self.unmet(&it.value)).next() {
            return Some(unmet);
        }
        let mut steps = case.case.steps.iter().filter(|it| case::is_for(it, &self.labels_here));
        let is_for_others = steps.clone().next().is_none();
        if is_for_others && !case.case.steps.is_empty() {
            let conditions = case.case.steps.iter().flat_map(|it| &it.when);
            let mut conditions: Vec<String> = conditions.map(ToString::to_string).collect();
            conditions.dedup();
            return Some(format!("every step is for others: {}", conditions.join(", ")));
        }
        let step = steps.find(|it| case::expectation(it, release).is_none())?;
        Some(match release {
            Some(release) => format!("line {} expects nothing on {release}", step.span.line),
            None => format!(
                "line {} expects something by release, and the target's is not known",
                step.span.line
            ),
        })
    }

    /// Why a capability is not there.
    fn unmet(&self, capability: &str) -> Option<String> {
        if is_of_region(capability) {
            return match &self.prepared.region {
                Some(region) if region.is_listed() == (capability == LISTED_REGION) => None,
                Some(region) => Some(format!("needs {capability}: {}", region.in_words())),
                None => Some(format!("needs {capability}, and the target's region is not known")),
            };
        }
        let since = |first: Release| match self.prepared.release {
            Some(release) if release >= first => None,
            Some(release) => Some(format!("needs {capability}, this is {release}")),
            None => Some(format!("needs {capability}, and the target's release is not known")),
        };
        let no_warehouse = self.prepared.no_interactive.as_ref().map(|answer| {
            let region = self.prepared.region.as_ref();
            let region = region.map_or_else(String::new, |it| format!(" ({})", it.in_words()));
            format!(
                "needs {capability}; creating an interactive warehouse was refused: \
                 {answer}{region}"
            )
        });
        no_warehouse.or_else(|| match capability {
            "fallback" => since(Release::Fallback),
            "zero-copy" => since(Release::ZeroCopy),
            _ => self.target.lacks(capability).map(|why| format!("needs {capability}: {why}")),
        })
    }
}

fn setup_failure(err: AdminError, release: Option<Release>) -> SetupFailure {
    let cause = err.to_string();
    let (diagnosis, gone) = match err {
        AdminError::Refused { sql, refusal } => (why_refused(&sql, &refusal, release), None),
        AdminError::NotRecorded(_) | AdminError::TooDear(_) => (None, None),
        AdminError::Gone(gone) => (None, Some(gone)),
    };
    SetupFailure { cause, diagnosis: diagnosis.map(Box::new), gone }
}

/// Why a statement of the run's own was refused, as far as a rule knows.
fn why_refused(sql: &str, refusal: &Refusal, release: Option<Release>) -> Option<Diagnosis> {
    diagnosis::diagnose(&Scene {
        sql,
        session: "",
        warehouse: "",
        elapsed: Duration::ZERO,
        came: Came::Refused(refusal),
        wanted: Wanted::Result,
        history: &History::default(),
        release,
    })
}

/// Whether a case was skipped for this answer.
fn says(report: &CaseReport, answer: &str) -> bool {
    matches!(&report.outcome, Outcome::Skipped { reason } if reason.contains(answer))
}

fn fact(events: &Events, name: &str, value: String) {
    events.send(Event::Fact { name: name.to_owned(), value });
}

fn work(events: &Events, what: &str, started_at: Instant, failure: Option<&impl ToString>) {
    events.send(Event::Work {
        what: what.to_owned(),
        took_us: micros_since(started_at),
        failure: failure.map(ToString::to_string),
    });
}

/// Ends those of the cases that did not end yet.
fn not_run(events: &Events, cases: &[CaseKey], cause: &str, release: Option<Release>) {
    not_run_since(events, cases, cause, release, None);
}

fn not_run_since(
    events: &Events,
    cases: &[CaseKey],
    cause: &str,
    release: Option<Release>,
    diagnosis: Option<Diagnosis>,
) {
    for case in events.not_ended(cases) {
        let outcome = Outcome::NotRun { cause: cause.to_owned() };
        let report = report_without_steps(&case, outcome, release);
        let report = CaseReport { diagnosis: diagnosis.clone(), ..report };
        events.send(Event::CaseFinished(Box::new(report)));
    }
}

fn report_without_steps(case: &CaseKey, outcome: Outcome, release: Option<Release>) -> CaseReport {
    CaseReport {
        case: case.clone(),
        at: Utc::now(),
        took_us: 0,
        outcome,
        release,
        evidence: Evidence::None,
        source: None,
        steps: Vec::new(),
        properties: BTreeMap::new(),
        sightings: Vec::new(),
        diagnosis: None,
        load: None,
        refreshes: Vec::new(),
    }
}

fn micros_since(started_at: Instant) -> u64 {
    u64::try_from(started_at.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|it| (*it).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}
