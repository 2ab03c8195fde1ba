//! A target that writes down what another one answers.
//!
//! Everything is redacted before it is kept, and searched for secrets before it is written. While
//! the run goes on there are `.partial` files, which nobody replays and nobody should publish: they
//! were searched piece by piece, for what was known by then. At the end the whole is gone over once
//! more, and becomes a fixture.

use super::{
    Cancel, Context, Ending, Execution, LoginError, LoginRequest, Owner, Part, QueryTag, Session,
    Statement, Target, TargetKind, Value,
    measured::{self, Measured},
};
use crate::{
    fixture::{
        self, Exchange, Fixture, Header, Recorded, RecordedRows, Section,
        allow::{self, Keep},
        cell, files,
        format::{self, Partial},
        leak::{Leak, Scanner},
        names::{Hiding, Known, Own},
        review,
    },
    run::{CaseReport, Event, Outcome, Reporter},
    secret::Secret,
    suite::Release,
};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

/// Another target, recorded.
pub struct RecordingTarget {
    inner: Arc<dyn Target>,
    recorder: Recorder,
}

impl RecordingTarget {
    pub fn new(inner: Arc<dyn Target>, recorder: Recorder) -> Self {
        Self { inner, recorder }
    }
}

impl Target for RecordingTarget {
    fn kind(&self) -> TargetKind {
        self.inner.kind()
    }

    fn place(&self) -> String {
        self.inner.place()
    }

    fn answers_of(&self) -> TargetKind {
        self.inner.answers_of()
    }

    fn labels(&self) -> Vec<&'static str> {
        self.inner.labels()
    }

    fn facts(&self) -> Vec<(String, String)> {
        self.inner.facts()
    }

    fn costs(&self) -> bool {
        self.inner.costs()
    }

    fn keeps_objects(&self) -> bool {
        self.inner.keeps_objects()
    }

    fn login(&self, request: LoginRequest) -> BoxFuture<'_, Result<Box<dyn Session>, LoginError>> {
        Box::pin(async move {
            let (name, tag) = (request.session.clone(), request.tag.clone());
            let session = RecordingSession {
                inner: self.inner.login(request).await?,
                target: self.inner.clone(),
                recorder: self.recorder.clone(),
                name,
                tag,
                context: Context::default(),
            };
            Ok(Box::new(session) as Box<dyn Session>)
        })
    }

    fn keep_measured(&self, tag: &QueryTag, json: &str) {
        let measured = Measured::new(json);
        let heard = Heard {
            session: measured::SESSION,
            context: &Context::default(),
            statement: &measured.statement,
            execution: &measured.execution,
            sent_at: self.now(),
        };
        self.recorder.record(tag, &heard, &self.inner.secrets());
    }

    fn capacity(&self) -> Option<&str> {
        self.inner.capacity()
    }

    fn simulated(&self) -> Option<String> {
        self.inner.simulated()
    }

    fn is_on_tokio_time(&self) -> bool {
        self.inner.is_on_tokio_time()
    }

    fn server_threads(&self) -> Option<&'static str> {
        self.inner.server_threads()
    }

    fn now(&self) -> DateTime<Utc> {
        let now = self.inner.now();
        // A replay's clock starts where the recording first looked at its own.
        self.recorder.shared.started_at.get_or_init(|| now);
        now
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.inner.sleep(duration)
    }
}

struct RecordingSession {
    inner: Box<dyn Session>,
    target: Arc<dyn Target>,
    recorder: Recorder,
    name: String,
    tag: QueryTag,
    context: Context,
}

impl Session for RecordingSession {
    fn execute<'a>(&'a mut self, statement: &'a Statement) -> BoxFuture<'a, Execution> {
        Box::pin(async move {
            let sent_at = self.target.now();
            let execution = self.inner.execute(statement).await;
            let tag = statement.tag.as_ref().unwrap_or(&self.tag);
            let heard = Heard {
                session: &self.name,
                context: &self.context,
                statement,
                execution: &execution,
                sent_at,
            };
            self.recorder.record(tag, &heard, &self.target.secrets());
            if let Ending::Rows(_) = execution.ending {
                self.context.follow(&statement.sql);
            }
            execution
        })
    }

    fn canceller(&self) -> Arc<dyn Cancel> {
        self.inner.canceller()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.inner.close()
    }
}

/// An exchange as it was, secrets and all.
struct Heard<'a> {
    session: &'a str,
    context: &'a Context,
    statement: &'a Statement,
    execution: &'a Execution,
    sent_at: DateTime<Utc>,
}

/// What is known before a recording begins.
#[derive(Clone, Debug)]
pub struct RecordOptions {
    /// The recording goes into a folder of it, named after target and release.
    pub fixtures: PathBuf,
    pub kind: TargetKind,
    /// See [`Target::capacity`].
    pub capacity: Option<String>,
    /// Without the run's id, which the statements' tags tell.
    pub known: Known,
    pub secrets: Vec<Secret>,
    pub scale: u64,
    pub seed: u64,
}

/// Keeps what is recorded. Clones keep it in the same place.
///
/// It also reads the run's events, for what statements do not tell: the release, and which suites
/// were not run to their end.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

struct Shared {
    options: RecordOptions,
    started_at: OnceLock<DateTime<Utc>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Made with the first exchange, which tells the run's id.
    scanner: Option<Scanner>,
    /// What all owners have sent.
    own: Own,
    /// How many of the target's secrets the scanner knows.
    secrets: usize,
    release: Option<Release>,
    region: Option<String>,
    server_version: Option<String>,
    /// Suites with cases that were not run, and why: their recordings are not whole.
    not_whole: BTreeMap<String, String>,
    cut_short: Option<String>,
    /// Where it is written, as soon as the release is known.
    folder: Option<PathBuf>,
    owners: BTreeMap<Owner, Recording>,
}

/// What was recorded of one owner so far.
struct Recording {
    hiding: Hiding,
    sections: Vec<Section>,
    /// Not yet on disk: the release was not known.
    waiting: Vec<(Part, Exchange)>,
    partial: Option<Partial>,
    /// Why it will not be written. Nothing more is kept then.
    spoilt: Option<String>,
}

/// What became of the recording of one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    pub path: PathBuf,
    pub exchanges: usize,
    pub ending: FinishedAs,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishedAs {
    /// There was none before, or it was to be replaced.
    New,
    /// It says what the one before did; only times differ.
    Same,
    /// It differs from the one before, and lies beside it until somebody has looked at it.
    ToReview,
    /// Not written, and why.
    Refused(String),
}

impl Recorder {
    pub fn new(options: RecordOptions) -> Self {
        let shared = Shared { options, started_at: OnceLock::new(), state: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `secrets` is what the target knows by now.
    fn record(&self, tag: &QueryTag, heard: &Heard<'_>, secrets: &[Secret]) {
        if let Part::Sweep | Part::Load(_) = tag.part {
            return;
        }
        let options = &self.shared.options;
        let started_at = *self.shared.started_at.get_or_init(|| heard.sent_at);
        let known = || Known { run: tag.run.clone(), ..options.known.clone() };
        let mut state = self.lock();
        let state = &mut *state;
        let scanner = state.scanner.get_or_insert_with(|| Scanner::new(&known(), &options.secrets));
        // Tokens come with each login; what was written before is searched for them at the end.
        scanner.learn(secrets.get(state.secrets..).unwrap_or_default());
        state.secrets = state.secrets.max(secrets.len());
        let recording = state.owners.entry(tag.owner.clone()).or_insert_with(|| {
            let own = state.own.clone();
            Recording::new(Hiding::new(&known(), started_at).with_own(own))
        });
        if recording.spoilt.is_some() {
            return;
        }
        let exchange = recording.redacted(&tag.part, heard, started_at);
        let leaks = scanner.scan(format::text_of(&tag.part, &exchange).as_bytes());
        if !leaks.is_empty() {
            recording.spoil(leaking(&leaks, &review::part_title(&tag.part)));
            return;
        }
        if !recording.keep(&tag.part, &exchange) {
            return;
        }
        recording.waiting.push((tag.part.clone(), exchange));
        // The run's own exchanges tell the release; everybody else's come later.
        if tag.owner != Owner::Run {
            state.settle_folder(options);
        }
        let header = state.header(&tag.owner, options, started_at);
        if let (Some(folder), Some(scanner)) = (&state.folder, &state.scanner)
            && let Some(recording) = state.owners.get_mut(&tag.owner)
        {
            recording.write(&header, folder, scanner);
        }
    }

    /// Makes fixtures of what was recorded. One that says otherwise than an existing one is
    /// written beside it, for review; with `replace`, in its place.
    pub fn finish(&self, replace: bool) -> Vec<Finished> {
        let options = &self.shared.options;
        let mut state = self.lock();
        let state = &mut *state;
        state.settle_folder(options);
        let (Some(folder), Some(scanner)) = (state.folder.clone(), state.scanner.clone()) else {
            return Vec::new();
        };
        let started_at = *self.shared.started_at.get_or_init(Utc::now);
        let mut finished = Vec::new();
        for (owner, mut recording) in std::mem::take(&mut state.owners) {
            let header = state.header(&owner, options, started_at);
            let path = folder.join(files::path_of(&owner));
            let exchanges = recording.sections.iter().map(|it| it.exchanges.len()).sum();
            if let Some(cause) = state.why_not_whole(&owner).or_else(|| recording.why_broken()) {
                recording.spoil(cause);
            }
            let ending = recording.finish(header, &path, &scanner, replace);
            finished.push(Finished { path, exchanges, ending });
        }
        finished
    }
}

impl Reporter for Recorder {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let mut state = self.lock();
        match event {
            Event::ReleaseProbed { release, .. } => {
                state.release = Some(*release);
                state.settle_folder(&self.shared.options);
            }
            Event::Fact { name, value } if name == "region" => state.region = Some(value.clone()),
            Event::Fact { name, value } if name == "server_version" => {
                state.server_version = Some(value.clone());
            }
            Event::CaseFinished(report) => state.case(report),
            Event::RunFinished { cut_short, .. } => state.cut_short = cut_short.clone(),
            _ => {}
        }
        Ok(())
    }
}

impl State {
    fn settle_folder(&mut self, options: &RecordOptions) {
        let name = fixture::folder_name(options.kind, self.release);
        self.folder.get_or_insert_with(|| options.fixtures.join(name));
    }

    fn header(&self, owner: &Owner, options: &RecordOptions, recorded_at: DateTime<Utc>) -> Header {
        Header {
            owner: owner.clone(),
            target: options.kind,
            release: self.release,
            region: self.region.clone(),
            server_version: self.server_version.clone(),
            capacity: options.capacity.clone(),
            recorded_at,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            redaction: fixture::REDACTION_VERSION,
            scale: options.scale,
            seed: options.seed,
        }
    }

    fn case(&mut self, report: &CaseReport) {
        if let Outcome::NotRun { cause } = &report.outcome {
            let cause = format!("`{}` was not run: {cause}", report.case.name);
            self.not_whole.entry(report.case.suite.clone()).or_insert(cause);
        }
    }

    fn why_not_whole(&self, owner: &Owner) -> Option<String> {
        match owner {
            Owner::Suite(name) => self.not_whole.get(name).cloned(),
            Owner::Run | Owner::DataSet(_) => {
                self.cut_short.as_ref().map(|it| format!("the run was cut short: {it}"))
            }
        }
    }
}

impl Recording {
    fn new(hiding: Hiding) -> Self {
        Self { hiding, sections: Vec::new(), waiting: Vec::new(), partial: None, spoilt: None }
    }

    /// The exchange as it may be kept.
    fn redacted(&mut self, part: &Part, heard: &Heard<'_>, started_at: DateTime<Utc>) -> Exchange {
        let Heard { session, context, statement, execution, sent_at } = heard;
        let hiding = &mut self.hiding;
        // What was sent is hidden first: a name that the suite chose itself is no secret.
        let sql = hiding.hide_sent(&fixture::without_expiry(&statement.sql));
        let facts = context.facts.iter().filter(|(name, _)| fixture::is_kept(part, name));
        let facts = facts.map(|(name, value)| (name.clone(), hiding.hide_sent(value))).collect();
        let bind = |it: &Value| cell::encode_bind(it).map(|it| hiding.hide_sent(&it));
        let binds = statement.binds.iter().map(bind).collect();
        let query_id = execution.query_id.as_ref().map(|it| hiding.hide_query(it));
        let ending = match &execution.ending {
            Ending::Rows(rows) => {
                let is_metadata = allow::is_metadata(&statement.sql);
                let mut kept = RecordedRows { affected: rows.affected, ..RecordedRows::default() };
                let names = || rows.columns.iter().map(|it| it.name.as_str());
                let is_of_product = is_metadata && allow::is_of_parameters(names());
                for row in &rows.rows {
                    let tells_own = |(value, name): (&Value, &str)| {
                        allow::tells_whose(name)
                            && matches!(value, Value::Text(text) if hiding.is_of_run(text))
                    };
                    let is_own = is_of_product || row.iter().zip(names()).any(tells_own);
                    let cells = row.iter().zip(&rows.columns).map(|(value, column)| {
                        let text = cell::encode(value, &column.data_type)?;
                        let text = fixture::without_expiry(&text);
                        let may_stay = !is_metadata
                            || match allow::keep(&column.name) {
                                Keep::Always => true,
                                Keep::OfTheRun => is_own || hiding.is_own(&text),
                                Keep::Never => false,
                            };
                        Some(match may_stay {
                            true => hiding.hide(&text),
                            false => hiding.hide_cell(&column.name, &text),
                        })
                    });
                    kept.rows.push(cells.collect());
                }
                kept.columns = rows.columns.clone();
                for column in &mut kept.columns {
                    column.name = hiding.hide(&column.name);
                }
                Recorded::Rows(kept)
            }
            Ending::Refused(refusal) => {
                let mut refusal = refusal.clone();
                refusal.message = hiding.hide(&fixture::without_expiry(&refusal.message));
                Recorded::Refused(refusal)
            }
            Ending::TimedOut { after } => Recorded::TimedOut { after: *after },
            Ending::Lost { cause } | Ending::NotRecorded { explanation: cause } => {
                Recorded::Lost { cause: hiding.hide(cause) }
            }
        };
        Exchange {
            session: (*session).to_owned(),
            context: Context { facts },
            sql,
            binds,
            query_id,
            ending,
            at: (*sent_at - started_at).to_std().unwrap_or_default(),
            elapsed: execution.elapsed,
        }
    }

    /// Whether it was not there yet: sessions are brought to where they start as often as cases
    /// need it, and once tells it all.
    fn keep(&mut self, part: &Part, exchange: &Exchange) -> bool {
        let at = self.sections.iter().position(|it| it.part == *part).unwrap_or_else(|| {
            self.sections.push(Section { part: part.clone(), exchanges: Vec::new() });
            self.sections.len() - 1
        });
        let exchanges = &mut self.sections[at].exchanges;
        let essence = |it: &Exchange| (it.session.clone(), it.sql.clone(), it.ending.clone());
        let is_known =
            *part == Part::Sessions && exchanges.iter().any(|it| essence(it) == essence(exchange));
        if !is_known {
            exchanges.push(exchange.clone());
        }
        !is_known
    }

    /// What all cases stand on did not come to its end.
    fn why_broken(&self) -> Option<String> {
        let mut exchanges = self
            .sections
            .iter()
            .filter(|it| !matches!(it.part, Part::Case(_) | Part::CleanUp))
            .flat_map(|it| &it.exchanges);
        exchanges.find_map(|it| match &it.ending {
            Recorded::Lost { cause } => Some(format!("the connection was lost: {cause}")),
            Recorded::TimedOut { after } => Some(format!("`{}` took over {after:?}", it.sql)),
            Recorded::Rows(_) | Recorded::Refused(_) => None,
        })
    }

    fn write(&mut self, header: &Header, folder: &Path, scanner: &Scanner) {
        if self.spoilt.is_none() && self.partial.is_none() {
            // Where it was recorded is the target's word, like a row.
            let leaks = scanner.scan(format::header_text(header).as_bytes());
            if !leaks.is_empty() {
                self.spoil(leaking(&leaks, "its header"));
            }
        }
        if self.spoilt.is_none()
            && let Err(err) = self.try_write(header, folder)
        {
            self.spoil(format!("it could not be written: {err}"));
        }
    }

    fn try_write(&mut self, header: &Header, folder: &Path) -> io::Result<()> {
        let partial = match &mut self.partial {
            Some(partial) => partial,
            none => {
                let path = folder.join(files::path_of(&header.owner));
                none.insert(Partial::create(&path, header)?)
            }
        };
        for (part, exchange) in self.waiting.drain(..) {
            partial.append(&part, &exchange)?;
        }
        Ok(())
    }

    /// Forgets everything, on disk too.
    fn spoil(&mut self, cause: String) {
        self.spoilt.get_or_insert(cause);
        self.waiting.clear();
        self.sections.clear();
        if let Some(partial) = self.partial.take()
            && let Err(err) = partial.discard()
            && let Some(cause) = &mut self.spoilt
        {
            cause.push_str(&format!("; and what was written of it is still there: {err}"));
        }
    }

    /// Hides in everything that was received what was learnt only later. What was sent must not
    /// have any of it: a replay could not know what to look for.
    fn hide_late(&mut self) -> Result<(), String> {
        let Self { hiding, sections, .. } = self;
        for Section { part, exchanges } in sections {
            for exchange in exchanges {
                let Exchange { context, sql, binds, ending, .. } = exchange;
                let sent = std::iter::once(&*sql).chain(context.facts.values());
                for text in sent.chain(binds.iter().flatten()) {
                    if hiding.hide_late(text).is_some() {
                        let title = review::part_title(part);
                        return Err(format!(
                            "a statement has a name in it that a later result shows to be \
                             somebody else's ({title})"
                        ));
                    }
                }
                let mut again = |text: &mut String| {
                    if let Some(hidden) = hiding.hide_late(text) {
                        *text = hidden;
                    }
                };
                match ending {
                    Recorded::Rows(rows) => {
                        rows.columns.iter_mut().for_each(|it| again(&mut it.name));
                        rows.rows.iter_mut().flatten().flatten().for_each(again);
                    }
                    Recorded::Refused(refusal) => again(&mut refusal.message),
                    Recorded::Lost { cause } => again(cause),
                    Recorded::TimedOut { .. } => {}
                }
            }
        }
        Ok(())
    }

    fn finish(
        mut self,
        header: Header,
        path: &Path,
        scanner: &Scanner,
        replace: bool,
    ) -> FinishedAs {
        if self.spoilt.is_none()
            && let Err(cause) = self.hide_late()
        {
            self.spoil(cause);
        }
        if self.spoilt.is_none() {
            self.sections.sort_by_key(|it| order(&it.part));
            let sections = std::mem::take(&mut self.sections);
            let fixture = Fixture { header, sections, times: self.hiding.times() };
            match self.save(&fixture, path, scanner, replace) {
                Ok(ending) => return ending,
                Err(cause) => self.spoil(cause),
            }
        }
        FinishedAs::Refused(self.spoilt.unwrap_or_default())
    }

    fn save(
        &mut self,
        fixture: &Fixture,
        path: &Path,
        scanner: &Scanner,
        replace: bool,
    ) -> Result<FinishedAs, String> {
        // Again, and over the whole: what is harmless in parts may not be.
        let rendered = format::render(fixture);
        let leaks = scanner.scan(rendered.text.as_bytes()).into_iter();
        let leaks = leaks.chain(rendered.blobs.iter().flat_map(|(_, it)| scanner.scan(it)));
        let leaks: Vec<Leak> = leaks.collect();
        if !leaks.is_empty() {
            return Err(leaking(&leaks, "the whole"));
        }
        let waiting = files::new_path(path);
        let ending = match files::read(path) {
            _ if replace || !path.exists() => FinishedAs::New,
            Ok(old) if review::is_same(&old.fixture, fixture) => FinishedAs::Same,
            // Also where the old one cannot be read: it may be a newer version's.
            _ => FinishedAs::ToReview,
        };
        let to = match ending {
            FinishedAs::ToReview => waiting,
            _ => {
                // What waited for a review was recorded before this.
                let _ = fs::remove_file(waiting);
                path.to_owned()
            }
        };
        files::write(&to, fixture).map_err(|err| err.to_string())?;
        match self.partial.take().map(Partial::discard) {
            Some(Err(err)) => Err(format!("the partial file is still there: {err}")),
            _ => Ok(ending),
        }
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let exchanges = self.exchanges;
        match &self.ending {
            FinishedAs::New => write!(f, "recorded: {path} ({exchanges} exchanges)"),
            FinishedAs::Same => write!(f, "recorded, as before: {path} ({exchanges} exchanges)"),
            FinishedAs::ToReview => write!(f, "to review: {path}.new ({exchanges} exchanges)"),
            FinishedAs::Refused(cause) => write!(f, "not recorded: {path}: {cause}"),
        }
    }
}

/// Sections in the order of their parts; cases stay as they came.
fn order(part: &Part) -> u8 {
    match part {
        Part::Sweep | Part::Objects => 0,
        Part::Interactive => 1,
        Part::Probe => 2,
        Part::Sessions => 3,
        Part::SetUp => 4,
        Part::Case(_) | Part::Load(_) => 5,
        Part::CleanUp => 6,
    }
}

fn leaking(leaks: &[Leak], place: &str) -> String {
    let found: BTreeSet<&str> = leaks.iter().map(|it| it.what.as_str()).collect();
    let found: Vec<&str> = found.into_iter().collect();
    format!("it would hold what must not be in a fixture: {} ({place})", found.join(", "))
}

#[cfg(test)]
mod tests;
