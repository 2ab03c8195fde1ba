//! Statements from sending to their ending.

use super::{
    bind,
    chunk::{self, Fetched},
    http::Fault,
    reply::Reply,
    wire::Wire,
};
use crate::target::{Cancel, Ending, Execution, Refusal, Session, Statement, decode::Streams};
use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::Value as Json;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use uuid::Uuid;

/// How long a limit of zero lets a statement run: for good, as clocks go.
const NO_LIMIT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Pauses between questions for a result, where the server does not hold them. The first question
/// follows at once.
const PAUSE_FIRST: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// A cancel can overtake its statement on the way, and the server then knows nothing to stop.
const CANCEL_ATTEMPTS: u32 = 5;
const CANCEL_PAUSE: Duration = Duration::from_millis(50);

pub struct LiveSession {
    wire: Arc<Wire>,
    streams: Streams,
    closed: bool,
}

/// How a statement ended, before its rows are decoded.
enum Outcome {
    Fetched(Fetched),
    Refused(Refusal),
}

/// Where a statement leaves its query id as soon as it is known, so that one which is given up
/// has it too.
type QueryId = Mutex<Option<String>>;

impl LiveSession {
    pub fn new(wire: Wire) -> Self {
        Self { wire: Arc::new(wire), streams: Streams::default(), closed: false }
    }
}

impl Session for LiveSession {
    fn execute<'a>(&'a mut self, statement: &'a Statement) -> BoxFuture<'a, Execution> {
        Box::pin(async move {
            let limit = match statement.give_up_after {
                Duration::ZERO => NO_LIMIT,
                limit => limit,
            };
            let query_id = QueryId::default();
            let running = Running::new(&self.wire);
            let started_at = Instant::now();
            let work = execute(&self.wire, running.request, statement, &query_id);
            let outcome = tokio::time::timeout(limit, work).await;
            // Decoding is this program's work and no latency of the server's.
            let elapsed = started_at.elapsed();

            let ending = match outcome {
                Err(_) => {
                    self.wire.abort(running.request).await;
                    Ending::TimedOut { after: limit }
                }
                Ok(Ok(Outcome::Refused(refusal))) => Ending::Refused(refusal),
                Ok(Ok(Outcome::Fetched(fetched))) => match fetched.decode(&mut self.streams) {
                    Ok(rows) => Ending::Rows(rows),
                    Err(fault) => Ending::Lost { cause: fault.cause },
                },
                Ok(Err(fault)) => Ending::Lost { cause: fault.cause },
            };
            running.ended();
            let query_id = query_id.into_inner().unwrap_or_else(PoisonError::into_inner);
            Execution { ending, query_id, elapsed }
        })
    }

    fn canceller(&self) -> Arc<dyn Cancel> {
        Arc::new(LiveCancel { wire: Arc::clone(&self.wire) })
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        self.closed = true;
        let wire = Arc::clone(&self.wire);
        Box::pin(async move { wire.log_out().await })
    }
}

impl Drop for LiveSession {
    /// Logs out if nobody did, as far as there is still a runtime to do it.
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        let wire = Arc::clone(&self.wire);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { wire.log_out().await });
        }
    }
}

/// The statement that a session is executing. Dropping it before its end, which is what happens
/// when the caller stops waiting, asks the server to stop it.
struct Running<'a> {
    wire: &'a Arc<Wire>,
    request: Uuid,
    ended: bool,
}

impl<'a> Running<'a> {
    fn new(wire: &'a Arc<Wire>) -> Self {
        let request = Uuid::new_v4();
        wire.set_running(Some(request));
        Self { wire, request, ended: false }
    }

    fn ended(mut self) {
        self.ended = true;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.wire.set_running(None);
        if self.ended {
            return;
        }
        let (wire, request) = (Arc::clone(self.wire), self.request);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { wire.abort(request).await });
        }
    }
}

struct LiveCancel {
    wire: Arc<Wire>,
}

impl Cancel for LiveCancel {
    fn cancel(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let Some(request) = self.wire.running() else { return };
            for _ in 0..CANCEL_ATTEMPTS {
                if self.wire.abort(request).await {
                    return;
                }
                tokio::time::sleep(CANCEL_PAUSE).await;
                if self.wire.running() != Some(request) {
                    return;
                }
            }
        })
    }
}

async fn execute(
    wire: &Wire,
    request: Uuid,
    statement: &Statement,
    query_id: &QueryId,
) -> Result<Outcome, Fault> {
    let mut envelope = wire.submit(request, &body(statement, wire.next_sequence())).await?;
    let mut pause = Duration::ZERO;
    loop {
        let http = wire.http();
        let (id, outcome) = match envelope.reply(&http)? {
            Reply::InProgress { query_id: id, result_path } => {
                note(query_id, id);
                tokio::time::sleep(pause).await;
                let asked_at = Instant::now();
                envelope = wire.result(&result_path).await?;
                // A server that holds the question paces us itself.
                pause = match asked_at.elapsed() >= PAUSE_MAX {
                    true => Duration::ZERO,
                    false => (pause * 2).clamp(PAUSE_FIRST, PAUSE_MAX),
                };
                continue;
            }
            Reply::Done(mut data) => {
                note(query_id, data.query_id.take());
                return Ok(Outcome::Fetched(chunk::fetch(&http, *data).await?));
            }
            Reply::Refused { query_id, refusal } => (query_id, Ok(Outcome::Refused(refusal))),
            Reply::SessionGone { refusal } => {
                (None, Err(Fault::new(format!("the session is over: {refusal}"))))
            }
        };
        note(query_id, id);
        return outcome;
    }
}

fn note(query_id: &QueryId, id: Option<String>) {
    if let Some(id) = id.filter(|it| !it.is_empty()) {
        *query_id.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
    }
}

/// A statement as it is sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    sql_text: &'a str,
    async_exec: bool,
    is_internal: bool,
    query_submission_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Parameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bindings: Option<Json>,
    sequence_id: u64,
}

#[derive(Serialize)]
struct Parameters {
    #[serde(rename = "QUERY_TAG")]
    query_tag: String,
}

fn body(statement: &Statement, sequence_id: u64) -> Body<'_> {
    let submitted_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Body {
        sql_text: &statement.sql,
        async_exec: false,
        is_internal: false,
        query_submission_time: u64::try_from(submitted_at.as_millis()).unwrap_or_default(),
        parameters: statement.tag.as_ref().map(|it| Parameters { query_tag: it.to_string() }),
        bindings: bind::bindings(&statement.binds),
        sequence_id,
    }
}
