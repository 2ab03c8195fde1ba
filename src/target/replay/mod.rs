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
    Cancel, Context, Ending, Execution, LoginError, LoginRequest, Owner, QueryTag, Session,
    Statement, Target, TargetKind,
};
use crate::{
    fixture::{
        self, Header,
        files::{self, FilesError},
        format::FixtureError,
    },
    suite::Release,
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::{FutureExt, future::BoxFuture};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tape::Tape;
pub use tape::Unused;
use tokio::{
    runtime::Runtime,
    time::{Instant, sleep, sleep_until},
};

/// Fixtures of one recording, by release, as a target.
pub struct ReplayTarget {
    folder: PathBuf,
    /// Of the recording of the run itself, which every other one stands on.
    header: Header,
    tapes: Arc<BTreeMap<Owner, Mutex<Tape>>>,
    /// When this was made, on tokio's clock: the recording's start.
    started_at: Mutex<Option<Instant>>,
}

/// Why there is nothing to replay.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Fixtures(Vec<FilesError>),
    #[error("{message}")]
    Nothing { message: String, hint: String },
}

impl ReplayTarget {
    /// Reads every fixture of a folder. One that is older than `max_age` is an error.
    pub fn open(folder: &Path, max_age: Option<Duration>) -> Result<Self, ReplayError> {
        let files = files::find_fixtures(folder).map_err(|err| ReplayError::Nothing {
            message: err.to_string(),
            hint: "`snowgauge record` makes fixtures".to_owned(),
        })?;
        let mut errors = Vec::new();
        let mut tapes = BTreeMap::new();
        let mut own = None;
        for path in files {
            let fixture = match files::read(&path) {
                Ok(stored) => stored.fixture,
                Err(err) => {
                    errors.push(err);
                    continue;
                }
            };
            if let Some(max_age) = max_age
                && let Ok(age) = (Utc::now() - fixture.header.recorded_at).to_std()
                && age > max_age
            {
                errors.push(FilesError::Fixture(FixtureError {
                    file: path.display().to_string(),
                    line: None,
                    message: format!(
                        "recorded {} days ago, and at most {} are allowed",
                        age.as_secs() / DAY,
                        max_age.as_secs() / DAY
                    ),
                    hint: Some("record it again".to_owned()),
                }));
            }
            if fixture.header.owner == Owner::Run {
                own = Some(fixture.header.clone());
            }
            tapes.insert(fixture.header.owner.clone(), Mutex::new(Tape::new(fixture)));
        }
        if !errors.is_empty() {
            return Err(ReplayError::Fixtures(errors));
        }
        let Some(header) = own else {
            return Err(ReplayError::Nothing {
                message: format!("there is no recording of a run in `{}`", folder.display()),
                hint: "`snowgauge record` makes one".to_owned(),
            });
        };
        let folder = folder.to_owned();
        Ok(Self { folder, header, tapes: Arc::new(tapes), started_at: Mutex::new(None) })
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

    /// Recorded exchanges that a replay had no use for, though it replayed their sections.
    pub fn unused(&self) -> Vec<Unused> {
        let tapes = self.tapes.values();
        tapes.flat_map(|it| it.lock().unwrap_or_else(PoisonError::into_inner).unused()).collect()
    }

    fn started_at(&self) -> Instant {
        let mut started_at = self.started_at.lock().unwrap_or_else(PoisonError::into_inner);
        *started_at.get_or_insert_with(Instant::now)
    }
}

const DAY: u64 = 24 * 3600;

impl Target for ReplayTarget {
    fn kind(&self) -> TargetKind {
        TargetKind::Replay
    }

    fn place(&self) -> String {
        self.folder.display().to_string()
    }

    fn labels(&self) -> Vec<&'static str> {
        vec![TargetKind::Replay.name(), self.header.target.name()]
    }

    fn facts(&self) -> Vec<(String, String)> {
        let recorded_at = self.header.recorded_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let fact = |name: &str, value: String| (name.to_owned(), value);
        vec![
            fact("recorded_from", self.header.target.to_string()),
            fact("recorded_at", recorded_at),
            fact("recorded_by", format!("snowgauge {}", self.header.tool_version)),
        ]
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
    tapes: Arc<BTreeMap<Owner, Mutex<Tape>>>,
    name: String,
    tag: QueryTag,
    context: Context,
}

impl Session for ReplaySession {
    fn execute<'a>(&'a mut self, statement: &'a Statement) -> BoxFuture<'a, Execution> {
        Box::pin(async move {
            let tag = statement.tag.as_ref().unwrap_or(&self.tag);
            let played = match self.tapes.get(&tag.owner) {
                Some(tape) => tape.lock().unwrap_or_else(PoisonError::into_inner).play(
                    tag,
                    &self.name,
                    &self.context,
                    statement,
                    Instant::now(),
                ),
                None => Err(format!("there is no recording of {}", tape::described(&tag.owner))),
            };
            let played = match played {
                Ok(played) => played,
                Err(explanation) => {
                    return Execution {
                        ending: Ending::NotRecorded { explanation },
                        query_id: None,
                        elapsed: Duration::ZERO,
                    };
                }
            };
            sleep_until(played.sent_at).await;
            let Execution { mut ending, query_id, mut elapsed } = played.execution;
            let limit = statement.give_up_after;
            if !limit.is_zero() && elapsed > limit {
                ending = Ending::TimedOut { after: limit };
                elapsed = limit;
            }
            sleep(elapsed).await;
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
    if fixtures.join(&own).is_file() {
        return Ok(fixtures.to_owned());
    }
    let releases: Vec<Option<Release>> = match release {
        Some(release) => vec![Some(release)],
        None => Release::ALL.into_iter().rev().map(Some).chain([None]).collect(),
    };
    let kinds = [TargetKind::Live, TargetKind::Emulator];
    let folders = releases
        .iter()
        .flat_map(|release| kinds.map(|kind| fixtures.join(fixture::folder_name(kind, *release))));
    let mut folders = folders.filter(|it| it.join(&own).is_file());
    folders.next().ok_or_else(|| {
        let of = release.map_or_else(String::new, |it| format!(" of release {it}"));
        ReplayError::Nothing {
            message: format!("there is no recording{of} in `{}`", fixtures.display()),
            hint: "`snowgauge record` makes one; `--fixtures` says where they are".to_owned(),
        }
    })
}

/// Every recording in `fixtures`, by folder, in order.
pub fn folders(fixtures: &Path) -> Result<Vec<PathBuf>, ReplayError> {
    let own = files::path_of(&Owner::Run);
    let unreadable = |err: io::Error| ReplayError::Nothing {
        message: format!("cannot read `{}`: {err}", fixtures.display()),
        hint: "`snowgauge record` makes recordings".to_owned(),
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
        true => Err(ReplayError::Nothing {
            message: format!("there is no recording in `{}`", fixtures.display()),
            hint: "`snowgauge record` makes one".to_owned(),
        }),
    }
}
