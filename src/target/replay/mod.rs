//! A target that answers from fixtures.
//!
//! It opens no connection and reads no file after it was made. What it was not recorded saying it
//! does not say: the statement ends as [`Ending::NotRecorded`], with the nearest recording.
//!
//! Its time is the recording's: statements and waits take as long as they did, on tokio's clock,
//! which [`ReplayTarget::runtime`] makes skip whatever nobody has work in.

mod tape;
#[cfg(test)]
mod tests;

use super::{
    Cancel, Context, Ending, Execution, LoginError, LoginRequest, Owner, Part, QueryTag, Session,
    Statement, Target, TargetKind, measured,
};
use crate::{
    fixture::{
        self, Header,
        files::{self, FilesError},
    },
    suite::Release,
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::{FutureExt, future::BoxFuture};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tape::Tape;
pub use tape::Unused;
use tokio::{
    runtime::Runtime,
    time::{Instant, sleep, sleep_until},
};

/// One recording's fixtures as a target.
pub struct ReplayTarget {
    folder: PathBuf,
    /// Of the recording of the run itself, which every other one stands on.
    header: Header,
    /// The start of the oldest of them.
    oldest: DateTime<Utc>,
    tapes: Arc<Tapes>,
    /// When this was first used, on tokio's clock: the recording's start.
    started_at: Mutex<Option<Instant>>,
}

/// Fixtures by owner. One that cannot be replayed says why: whoever needs it hears of it.
type Tapes = BTreeMap<Owner, Result<Mutex<Tape>, String>>;

/// Why there is nothing to replay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReplayError {
    pub message: String,
    pub hint: Option<String>,
}

impl ReplayError {
    fn new(message: String, hint: &str) -> Self {
        Self { message, hint: Some(hint.to_owned()) }
    }
}

impl ReplayTarget {
    /// Reads every fixture of a folder. One that is older than `max_age`, or that cannot be read,
    /// is not replayed; if it is the run's own, nothing is.
    pub fn open(folder: &Path, max_age: Option<Duration>) -> Result<Self, ReplayError> {
        let own = files::path_of(&Owner::Run);
        let header = match files::read(&folder.join(&own)) {
            Ok(stored) => stored.fixture.header,
            Err(err) => {
                let partial = format!("{}.partial", own.display());
                return Err(match folder.join(partial).is_file() {
                    true => ReplayError::new(
                        format!("the recording in `{}` was interrupted", folder.display()),
                        "record again",
                    ),
                    false => ReplayError { message: err.to_string(), hint: err.hint() },
                });
            }
        };
        let unreadable =
            |err: FilesError| ReplayError { message: err.to_string(), hint: err.hint() };
        let mut tapes = Tapes::new();
        let mut oldest = header.recorded_at;
        for path in files::find_fixtures(folder).map_err(unreadable)? {
            let Some(owner) = path.strip_prefix(folder).ok().and_then(files::owner_of) else {
                continue;
            };
            let tape = files::read(&path).map_err(|err| err.to_string()).and_then(|stored| {
                check(&stored.fixture.header, &owner, &header, max_age)
                    .map_err(|why| format!("{}: {why}", path.display()))?;
                oldest = oldest.min(stored.fixture.header.recorded_at);
                Ok(Mutex::new(Tape::new(stored.fixture)))
            });
            tapes.insert(owner, tape);
        }
        let folder = folder.to_owned();
        match tapes.get(&Owner::Run) {
            Some(Err(why)) => Err(ReplayError::new(why.clone(), "record again")),
            _ => Ok(Self {
                folder,
                header,
                oldest,
                tapes: Arc::new(tapes),
                started_at: Mutex::new(None),
            }),
        }
    }

    /// A runtime whose clock skips waits. On another one a replay takes as long as the recording.
    pub fn runtime() -> io::Result<Runtime> {
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()
    }

    /// What it is a recording of.
    pub fn header(&self) -> &Header {
        &self.header
    }

    pub fn release(&self) -> Option<Release> {
        self.header.release
    }

    /// Whether the target was asked for its release when it was recorded.
    pub fn was_probed(&self) -> bool {
        let own = self.tapes.get(&Owner::Run).and_then(|it| it.as_ref().ok());
        own.is_some_and(|it| lock(it).has_part(&Part::Probe))
    }

    /// Recorded exchanges that a replay had no use for, though it replayed their part to its end.
    pub fn unused(&self) -> Vec<Unused> {
        self.tapes.values().flatten().flat_map(|it| lock(it).unused()).collect()
    }

    fn started_at(&self) -> Instant {
        let mut started_at = self.started_at.lock().unwrap_or_else(PoisonError::into_inner);
        *started_at.get_or_insert_with(Instant::now)
    }
}

const DAY: u64 = 24 * 3600;

/// The recorded answer; or why there is none.
fn play(
    tapes: &Tapes,
    tag: &QueryTag,
    session: &str,
    context: &Context,
    statement: &Statement,
) -> Result<tape::Played, String> {
    match tapes.get(&tag.owner) {
        Some(Ok(tape)) => lock(tape).play(tag, session, context, statement, Instant::now()),
        Some(Err(why)) => Err(why.clone()),
        None => Err(format!("there is no recording of {}", tape::described(&tag.owner))),
    }
}

fn lock(tape: &Mutex<Tape>) -> MutexGuard<'_, Tape> {
    tape.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a fixture is one of the run's, and may be replayed.
fn check(
    header: &Header,
    owner: &Owner,
    run: &Header,
    max_age: Option<Duration>,
) -> Result<(), String> {
    if header.owner != *owner {
        let (is, here) = (tape::described(&header.owner), tape::described(owner));
        return Err(format!("it is of {is}, and lies where that of {here} belongs"));
    }
    let kind = |it: &Header| {
        let release = it.release.map_or("of no known release", Release::name);
        format!("{} {release}, scale {}, seed {}", it.target, it.scale, it.seed)
    };
    if kind(header) != kind(run) {
        return Err(format!("it is of {}, and the run's own is of {}", kind(header), kind(run)));
    }
    let age = (Utc::now() - header.recorded_at).to_std().unwrap_or_default();
    match max_age {
        Some(max_age) if age > max_age => {
            let hours = age.as_secs() / 3600;
            let days = match hours / 24 {
                0 => format!("{hours} hours"),
                days => format!("{days} days"),
            };
            let allowed = max_age.as_secs() / DAY;
            Err(format!("it was recorded {days} ago, and at most {allowed} days are allowed"))
        }
        _ => Ok(()),
    }
}

impl Target for ReplayTarget {
    fn kind(&self) -> TargetKind {
        TargetKind::Replay
    }

    fn place(&self) -> String {
        self.folder.display().to_string()
    }

    fn answers_of(&self) -> TargetKind {
        self.header.target
    }

    fn capacity(&self) -> Option<&str> {
        self.header.capacity.as_deref()
    }

    fn labels(&self) -> Vec<&'static str> {
        vec![TargetKind::Replay.name(), self.header.target.name()]
    }

    fn facts(&self) -> Vec<(String, String)> {
        let recorded_at = self.oldest.to_rfc3339_opts(SecondsFormat::Secs, true);
        let fact = |name: &str, value: String| (name.to_owned(), value);
        vec![
            fact("recorded_from", self.header.target.to_string()),
            fact("recorded_at", recorded_at),
            fact("recorded_by", format!("snowgauge {}", self.header.tool_version)),
        ]
    }

    fn ended(&self, tag: &QueryTag) -> Result<(), String> {
        match self.tapes.get(&tag.owner) {
            Some(Ok(tape)) => lock(tape).end(tag),
            _ => Ok(()),
        }
    }

    fn keeps_objects(&self) -> bool {
        false
    }

    fn measured(&self, tag: &QueryTag) -> Option<Result<String, String>> {
        let statement = measured::statement();
        let context = Context::default();
        let played = play(&self.tapes, tag, measured::SESSION, &context, &statement);
        Some(played.and_then(|it| {
            let none = || "what the load came to is recorded as something else".to_owned();
            measured::json(it.execution.ending).ok_or_else(none)
        }))
    }

    fn login(&self, request: LoginRequest) -> BoxFuture<'_, Result<Box<dyn Session>, LoginError>> {
        self.started_at();
        let session = ReplaySession {
            tapes: self.tapes.clone(),
            name: request.session,
            tag: request.tag,
            context: Context::default(),
        };
        async { Ok(Box::new(session) as Box<dyn Session>) }.boxed()
    }

    fn now(&self) -> DateTime<Utc> {
        let elapsed = self.started_at().elapsed();
        self.header.recorded_at + TimeDelta::from_std(elapsed).unwrap_or_default()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        sleep(duration).boxed()
    }
}

struct ReplaySession {
    tapes: Arc<Tapes>,
    name: String,
    tag: QueryTag,
    context: Context,
}

impl Session for ReplaySession {
    fn execute<'a>(&'a mut self, statement: &'a Statement) -> BoxFuture<'a, Execution> {
        Box::pin(async move {
            let tag = statement.tag.as_ref().unwrap_or(&self.tag);
            let played = match play(&self.tapes, tag, &self.name, &self.context, statement) {
                Ok(played) => played,
                Err(explanation) => {
                    return Execution {
                        ending: Ending::NotRecorded { explanation },
                        query_id: None,
                        elapsed: Duration::ZERO,
                    };
                }
            };
            let Execution { mut ending, query_id, mut elapsed } = played.execution;
            let limit = statement.give_up_after;
            if !limit.is_zero() && elapsed > limit {
                ending = Ending::TimedOut { after: limit };
                elapsed = limit;
            }
            // Sent when it was recorded to be, or now if that is over.
            sleep_until(played.sent_at.max(Instant::now()) + elapsed).await;
            if let Ending::Rows(_) = ending {
                self.context.follow(&statement.sql);
            }
            Execution { ending, query_id, elapsed }
        })
    }

    fn canceller(&self) -> Arc<dyn Cancel> {
        Arc::new(NothingToCancel)
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
}

/// Whoever wants to cancel a replay drops it.
struct NothingToCancel;

impl Cancel for NothingToCancel {
    fn cancel(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}

/// The folder to replay among the recordings in `fixtures`, or `fixtures` itself if it is one:
/// that of the release, or else of the newest; a live account's rather than the emulator's.
pub fn folder(fixtures: &Path, release: Option<Release>) -> Result<PathBuf, ReplayError> {
    let own = files::path_of(&Owner::Run);
    let found = match fixtures.join(&own).is_file() {
        true => fixtures.to_owned(),
        false => {
            let releases: Vec<Option<Release>> = match release {
                Some(release) => vec![Some(release)],
                None => Release::ALL.into_iter().rev().map(Some).chain([None]).collect(),
            };
            let kinds = [TargetKind::Live, TargetKind::Emulator];
            let folders = releases.iter().flat_map(|release| {
                kinds.map(|kind| fixtures.join(fixture::folder_name(kind, *release)))
            });
            let mut folders = folders.filter(|it| it.join(&own).is_file());
            folders.next().ok_or_else(|| nothing(fixtures, release))?
        }
    };
    // A folder may be called anything.
    match (release, files::read(&found.join(&own)).map(|it| it.fixture.header.release)) {
        (Some(asked), Ok(recorded)) if recorded != Some(asked) => Err(ReplayError::new(
            format!(
                "`{}` is a recording of {}, not of release {asked}",
                found.display(),
                recorded.map_or("no known release".to_owned(), |it| format!("release {it}"))
            ),
            "leave out `--release`, or name another folder by `--fixtures`",
        )),
        _ => Ok(found),
    }
}

fn nothing(fixtures: &Path, release: Option<Release>) -> ReplayError {
    let of = release.map_or_else(String::new, |it| format!(" of release {it}"));
    let others = folders(fixtures).unwrap_or_default();
    let others: Vec<String> = others.iter().map(|it| format!("`{}`", it.display())).collect();
    let hint = match others.is_empty() {
        true => "`snowgauge record` makes one; `--fixtures` says where they are".to_owned(),
        false => format!("there are {}", others.join(", ")),
    };
    ReplayError {
        message: format!("there is no recording{of} in `{}`", fixtures.display()),
        hint: Some(hint),
    }
}

/// Every recording in `fixtures`, by folder, in order.
pub fn folders(fixtures: &Path) -> Result<Vec<PathBuf>, ReplayError> {
    let own = files::path_of(&Owner::Run);
    let unreadable = |err: io::Error| {
        let message = format!("cannot read `{}`: {err}", fixtures.display());
        ReplayError::new(message, "`snowgauge record` makes recordings")
    };
    let mut folders = Vec::new();
    for entry in fixtures.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.join(&own).is_file() {
            folders.push(path);
        }
    }
    folders.sort();
    match folders.is_empty() {
        false => Ok(folders),
        true => Err(ReplayError::new(
            format!("there is no recording in `{}`", fixtures.display()),
            "`snowgauge record` makes one",
        )),
    }
}
