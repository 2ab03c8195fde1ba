//! A real account, or anything else that speaks Snowflake's driver protocol.
//!
//! Logging in is the client crate's (`snowflake-api`, which is its maintained fork `firn`): every
//! way to authenticate, the signing of keys, and the login exchange. [`login`] hands it our HTTP
//! client with one middleware, and takes the tokens it ends up with.
//!
//! From there on the requests are our own, on the crate's tokens. Its query path was read and not
//! used, because a harness needs what it drops or changes:
//!
//! - the SQLSTATE and query id of a refusal are dropped, and a cancelled statement loses its
//!   message as well;
//! - one column of a type it does not know fails the whole reply;
//! - chunked JSON comes back truncated without an error, and an expired session whose reply has
//!   `data: null` is a decoding error;
//! - when a session cannot be renewed it logs in again silently, so that the statements after it
//!   run without the session's context;
//! - it waits half a second before it first asks for the result of a long statement, and tries
//!   several shapes on every reply, both of which would be measured as latency;
//! - text that begins with PUT or GET makes it read and write local files.
//!
//! A middleware could have mended most of these, by rewriting each reply into one that the crate
//! reads and keeping the original beside it, which is the query path again in a worse place.
//!
//! Nothing is retried except a login to which nobody answered, and a statement that the server
//! did not look at because the session's token had run out. A retry hides a failure.

mod bind;
mod chunk;
mod http;
mod login;
mod reply;
mod session;
#[cfg(test)]
mod tests;
mod wire;

use super::{Connection, LoginError, LoginRequest, Session, Target, TargetKind};
use crate::secret::{Secret, Vault};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use http::Http;
use snowflake_api::MemoryTokenCache;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// A target reached over HTTP.
pub struct LiveTarget {
    connection: Connection,
    kind: TargetKind,
    /// One pool of connections for all sessions.
    http: OnceLock<Http>,
    /// What a second factor was good for, so that one passcode does for all sessions.
    second_factor: Arc<MemoryTokenCache>,
    /// Every token that a session has had.
    tokens: Vault,
}

impl LiveTarget {
    pub fn new(connection: Connection) -> Self {
        let second_factor = Arc::new(MemoryTokenCache::new());
        Self {
            connection,
            kind: TargetKind::Live,
            http: OnceLock::new(),
            second_factor,
            tokens: Vault::default(),
        }
    }

    /// The same client, for a server that is not an account.
    #[cfg(feature = "emulator")]
    pub(super) fn of_kind(connection: Connection, kind: TargetKind) -> Self {
        Self { kind, ..Self::new(connection) }
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Made at the first login rather than in `new`, so that what is wrong with the connection
    /// is a failed login like any other.
    fn http(&self) -> Result<&Http, LoginError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = Http::new(&self.connection)
            .map_err(|explanation| LoginError::Unusable { explanation })?;
        Ok(self.http.get_or_init(|| http))
    }
}

impl Target for LiveTarget {
    fn kind(&self) -> TargetKind {
        self.kind
    }

    fn place(&self) -> String {
        self.connection.name.clone()
    }

    fn secrets(&self) -> Vec<Secret> {
        self.tokens.secrets()
    }

    fn costs(&self) -> bool {
        self.kind == TargetKind::Live
    }

    fn login(&self, request: LoginRequest) -> BoxFuture<'_, Result<Box<dyn Session>, LoginError>> {
        Box::pin(async move {
            let http = self.http()?;
            let wire = login::login(&self.connection, http, &self.second_factor, &request).await?;
            let wire = wire.with_vault(self.tokens.clone());
            Ok(Box::new(session::LiveSession::new(wire)) as Box<dyn Session>)
        })
    }

    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
