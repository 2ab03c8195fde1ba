//! The session contract: all that the rest of the harness knows of a place where statements run.
//!
//! A target only executes. Retrying, timing and comparing are the runner's, so that they behave
//! alike on every target. Nothing outside this folder asks which target it is.

pub mod connection;
mod context;
pub mod decode;
#[cfg(feature = "emulator")]
mod emulator;
mod live;
pub(crate) mod measured;
mod query_tag;
mod record;
pub mod replay;
mod scripted;
mod value;
pub mod wording;

pub use connection::{Connection, ConnectionError};
pub use context::Context;
#[cfg(feature = "emulator")]
pub use emulator::{EmulatorTarget, Time, emulated};
pub use live::LiveTarget;
pub use query_tag::{Owner, Part, QueryTag};
pub use record::{Finished, FinishedAs, RecordOptions, Recorder, RecordingTarget};
pub use replay::{ReplayError, ReplayTarget, Unused};
pub use scripted::{Executed, Reply, Scripted};
pub use value::{Column, Rows, Type, Value};

use crate::{run::CAPACITY, secret::Secret};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use std::{fmt, sync::Arc, time::Duration};

/// Somewhere statements can be executed: a live account, the emulator, recorded fixtures, or a
/// script in tests.
pub trait Target: Send + Sync {
    fn kind(&self) -> TargetKind;

    /// Whose answers it gives: those of a replay are what it was recorded of.
    fn answers_of(&self) -> TargetKind {
        self.kind()
    }

    /// Why it has not got something that suites may need, if it is known before anybody asks.
    fn lacks(&self, capability: &str) -> Option<&'static str> {
        match (capability, self.answers_of()) {
            (CAPACITY, TargetKind::Emulator) if self.capacity().is_none() => {
                Some("the emulator has no limits of a warehouse without `--capacity`")
            }
            (capability, answers_of) => answers_of.lacks(capability),
        }
    }

    /// The capacity model by which simulated warehouses take their time, or did when they were
    /// recorded: `seed@0.5`.
    fn capacity(&self) -> Option<&str> {
        None
    }

    /// Where it is, for reports: host and port, or a connection's name. Never a secret.
    fn place(&self) -> String;

    /// What `onlyif` and `skipif` may name here, beside the release.
    fn labels(&self) -> Vec<&'static str> {
        vec![self.kind().name()]
    }

    /// What is known of it before anybody asks, by name: where a recording comes from.
    fn facts(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Hears that a part of somebody's work has come to its end as expected. An error says what
    /// should have been part of it: a recording goes on where the work did not.
    fn ended(&self, _tag: &QueryTag) -> Result<(), String> {
        Ok(())
    }

    /// Secrets that came of using it, such as the tokens of logins, in the order they came: what
    /// a recording must not have, beside what the connection is made of.
    fn secrets(&self) -> Vec<Secret> {
        Vec::new()
    }

    /// Whether what is executed here is charged for, in credits.
    fn costs(&self) -> bool {
        false
    }

    /// Whether objects stay when a run is killed, so that a later one has to sweep them.
    fn keeps_objects(&self) -> bool {
        true
    }

    /// Opens a session. On it `USE_CACHED_RESULT` is `FALSE` and `QUERY_TAG` is `request.tag`.
    fn login(&self, request: LoginRequest) -> BoxFuture<'_, Result<Box<dyn Session>, LoginError>>;

    /// What the load of a case came to, as JSON, where that was recorded: nothing is executed then.
    /// An error says why it is not known. `None` is a target to measure.
    fn measured(&self, _tag: &QueryTag) -> Option<Result<String, String>> {
        None
    }

    /// Hears what the load of a case came to, as JSON. A recording keeps it, in place of the load's
    /// statements.
    fn keep_measured(&self, _tag: &QueryTag, _json: &str) {}

    /// What answers where it is no real warehouse, for whatever shows how long that took.
    fn simulated(&self) -> Option<String> {
        None
    }

    /// Whether its time is tokio's, which tests hold still: waits for it have to be tokio's, too.
    fn is_on_tokio_time(&self) -> bool {
        false
    }

    /// Threads of this process that are the server's, by the beginning of their names: their work
    /// is none of the client's.
    fn server_threads(&self) -> Option<&'static str> {
        None
    }

    /// The target's time: real on a live account, virtual where time can be skipped.
    fn now(&self) -> DateTime<Utc>;

    /// Waits in the target's time.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetKind {
    Live,
    Emulator,
    Replay,
    /// Answers written in a test.
    Scripted,
}

impl TargetKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Emulator => "emulator",
            Self::Replay => "replay",
            Self::Scripted => "scripted",
        }
    }
}

impl TargetKind {
    /// See [`Target::lacks`]. What a live account has not got, it says itself.
    fn lacks(self, capability: &str) -> Option<&'static str> {
        match (self, capability) {
            (Self::Emulator, "roles") => Some("the emulator has one role, and no grants"),
            (Self::Emulator, "policies") => Some("the emulator has no policies"),
            (Self::Emulator, "materialized-views") => {
                Some("the emulator has no materialized views")
            }
            (Self::Live, "slow-definitions") => {
                Some("no definition is known that takes a minute whatever the warehouse")
            }
            (Self::Emulator, "operator-stats") => {
                Some("the emulator keeps no statistics of operators")
            }
            _ => None,
        }
    }
}

impl fmt::Display for TargetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a session should start with. Whatever is `None` comes from the connection.
#[derive(Clone, Debug, Default)]
pub struct LoginRequest {
    pub database: Option<String>,
    pub schema: Option<String>,
    pub warehouse: Option<String>,
    pub role: Option<String>,
    /// What the session is called in suites: `standard`, `interactive`, … For people.
    pub session: String,
    /// `QUERY_TAG` of every statement that does not set its own.
    pub tag: QueryTag,
}

/// One statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statement {
    pub sql: String,
    pub binds: Vec<Value>,
    /// `QUERY_TAG` for this statement: run, suite and case. The session's where there is none.
    pub tag: Option<QueryTag>,
    /// How long the harness waits before it gives up and cancels. Not the server's own timeout.
    /// Zero is no limit.
    pub give_up_after: Duration,
}

/// One logged-in connection of a target.
pub trait Session: Send {
    /// Executes one statement and waits for its ending.
    fn execute<'a>(&'a mut self, statement: &'a Statement) -> BoxFuture<'a, Execution>;

    /// A handle that can cancel what this session is executing, from elsewhere.
    fn canceller(&self) -> Arc<dyn Cancel>;

    /// Logs out. Errors are of no use to anyone by then.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

pub trait Cancel: Send + Sync {
    /// Asks the server to stop the session's running statement, if there is one.
    fn cancel(&self) -> BoxFuture<'_, ()>;
}

/// A statement's ending, and what is known beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    pub ending: Ending,
    pub query_id: Option<String>,
    /// From sending to the last row, as the harness saw it.
    pub elapsed: Duration,
}

/// Every way a statement can end. Only [`Ending::Refused`] can satisfy an expected error.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    Rows(Rows),
    /// The server read the statement and refused it.
    Refused(Refusal),
    /// The harness gave up waiting; the statement may still be running on the server.
    TimedOut {
        after: Duration,
    },
    /// The connection was lost, or what came back was no Snowflake reply.
    Lost {
        cause: String,
    },
    /// No recording of this statement.
    NotRecorded {
        explanation: String,
    },
}

/// What the server said when it refused. `code` has six digits: `000630`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Refusal {
    pub code: String,
    /// Empty where the server sent none.
    pub sqlstate: String,
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sqlstate.as_str() {
            "" => write!(f, "{}: {}", self.code, self.message),
            sqlstate => write!(f, "{} ({sqlstate}): {}", self.code, self.message),
        }
    }
}

/// Why there is no session.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LoginError {
    /// The server answered, and said no.
    #[error("{place} refused the login: {refusal}")]
    Refused { place: String, refusal: Refusal },
    /// Nobody there, or what answers does not speak the protocol.
    #[error("cannot reach {place}: {cause}")]
    Unreachable { place: String, cause: String },
    /// The connection's settings cannot work as they are.
    #[error("{explanation}")]
    Unusable { explanation: String },
}
