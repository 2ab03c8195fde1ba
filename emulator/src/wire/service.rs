//! What all requests share, and which request goes where.

use super::{
    capacity, chunk, clock, envelope,
    format::Driver,
    login, query,
    statement::{Finished, Limits, Outcome, Statement, Statements},
    token::{Refusal, Tokens},
};
use crate::engine::{Engine, Session};
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Request, Uri, header},
    response::Response,
};
use flate2::read::MultiGzDecoder;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    io::Read as _,
    net::SocketAddr,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};
use tokio::sync::watch;
use uuid::Uuid;

/// Of a request's body, as sent and unpacked.
const BODY_BYTES_MAX: usize = 64 << 20;

/// One emulator, as requests see it.
pub struct Service {
    pub engine: Arc<Engine>,
    pub address: SocketAddr,
    pub hold: Duration,
    pub chunk_bytes: usize,
    pub users: Option<BTreeMap<String, String>>,
    pub clients: Tokens<Client>,
    /// Results outlive the session that made them, as on the service.
    pub finished_of_closed: Mutex<Finished>,
    pub chunks: Mutex<HashMap<Uuid, Weak<Outcome>>>,
    /// True when requests must come to their end now.
    pub closing: watch::Receiver<bool>,
}

/// A logged-in client.
pub struct Client {
    pub session: Arc<Session>,
    pub driver: Driver,
    /// Parameters of the login that choose the result format.
    pub format_parameters: BTreeMap<String, Value>,
    pub statements: Arc<Statements>,
}

/// Why a request has no answer of the usual kind. Rendered as the reply it is.
pub enum Fault {
    Refused(Refusal),
    /// The body is not what it should be.
    Malformed(String),
    NotFound,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Fault {
    fn into_response(self, path: &str) -> Response {
        match self {
            Self::Refused(it) => envelope::failure(it.code(), it.message(), Value::Null),
            Self::Malformed(what) => {
                let message = format!("Error parsing JSON: {what}");
                let data = json!({
                    "internalError": false, "unredactedFromSecureObject": false,
                    "errorCode": "100069", "age": 0, "sqlState": "22P02",
                    "queryId": Uuid::nil().to_string(), "line": -1, "pos": -1, "type": "COMPILATION",
                });
                envelope::failure("100069", &message, data)
            }
            Self::NotFound => envelope::not_found(path),
        }
    }
}

/// The parts of a request that handlers read.
pub struct Call {
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Answers every request. The one table of addresses.
pub async fn answer(State(service): State<Arc<Service>>, request: Request<Body>) -> Response {
    let mut closing = service.closing.clone();
    tokio::select! {
        response = dispatch(&service, request) => response,
        _ = closing.wait_for(|it| *it) => {
            envelope::failure("000603", "The emulator has been stopped.", Value::Null)
        }
    }
}

async fn dispatch(service: &Arc<Service>, request: Request<Body>) -> Response {
    let path = request.uri().path().to_owned();
    // Some clients write `//` here and there.
    let segments: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).collect();
    let method = request.method().clone();
    let answered = match (&method, segments.as_slice()) {
        (&Method::GET, ["queries", id, "result"]) => {
            query::result(service, &Call::without_body(request), id).await
        }
        (&Method::GET, ["monitoring", "queries", id]) => {
            query::monitor(service, &Call::without_body(request), id)
        }
        (&Method::GET, ["chunks", key, index]) => chunk::get(service, key, index),
        (&Method::GET, ["emulator", "clock"]) => Ok(clock::tell(service)),
        (&Method::GET, ["emulator", "capacity"]) => Ok(capacity::tell(service)),
        (&Method::POST, route) => match Call::read(request).await {
            Ok(call) => post(service, &call, route).await,
            Err(fault) => Err(fault),
        },
        _ => Err(Fault::NotFound),
    };
    answered.unwrap_or_else(|fault| fault.into_response(&path))
}

async fn post(service: &Arc<Service>, call: &Call, route: &[&str]) -> Result<Response, Fault> {
    match route {
        ["queries", "v1", "query-request"] => query::request(service, call).await,
        ["queries", "v1", "abort-request"] => query::abort_by_request(service, call).await,
        ["queries", id, "abort-request"] => query::abort_by_query(service, call, id).await,
        ["session", "v1", "login-request"] => login::login(service, call),
        ["session", "authenticator-request"] => Ok(login::no_authenticator()),
        ["session", "token-request"] => login::renew(service, call),
        ["session", "heartbeat"] => login::heartbeat(service, call),
        ["session"] if call.parameters().contains_key("delete") => login::logout(service, call),
        ["emulator", "clock"] => clock::advance(service, call).await,
        ["telemetry", "send"] => Ok(envelope::success("Log Received")),
        _ => Err(Fault::NotFound),
    }
}

impl Service {
    /// The client that a request comes from.
    pub fn client(&self, call: &Call) -> Result<Arc<Client>, Refusal> {
        self.clients.session(call.token().unwrap_or_default(), Instant::now())
    }

    /// A statement of the client's own, or else of anyone: results belong to the account.
    pub fn statement(&self, client: &Client, query_id: Uuid) -> Option<Arc<Statement>> {
        client
            .statements
            .get(query_id)
            .or_else(|| self.clients.all().iter().find_map(|it| it.statements.get(query_id)))
            .or_else(|| self.finished_of_closed.lock().get(query_id))
    }

    /// Ends a session that has lost its tokens.
    pub fn close(&self, client: &Client) {
        for statement in client.statements.running() {
            self.engine.cancel(statement.query_id);
        }
        let mut kept = self.finished_of_closed.lock();
        for statement in client.statements.take_finished() {
            kept.add(statement);
        }
        drop(kept);
        client.session.close();
    }

    /// Makes the chunks of a reply available for download, as long as the reply is kept.
    pub fn publish(&self, outcome: &Arc<Outcome>) {
        if !outcome.chunks.parts.is_empty() {
            let mut chunks = self.chunks.lock();
            chunks.retain(|_, it| it.strong_count() > 0);
            chunks.insert(outcome.chunks.key, Arc::downgrade(outcome));
        }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Client {
    pub fn new(
        session: Arc<Session>,
        driver: Driver,
        format_parameters: BTreeMap<String, Value>,
    ) -> Self {
        Self { session, driver, format_parameters, statements: Statements::new(Limits::default()) }
    }
}

impl Call {
    fn without_body(request: Request<Body>) -> Self {
        let (parts, _) = request.into_parts();
        Self { uri: parts.uri, headers: parts.headers, body: Bytes::new() }
    }

    async fn read(request: Request<Body>) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, BODY_BYTES_MAX)
            .await
            .map_err(|cause| Fault::Malformed(format!("the body cannot be read: {cause}")))?;
        let body = unpack(body, BODY_BYTES_MAX)?;
        Ok(Self { uri: parts.uri, headers: parts.headers, body })
    }

    /// The body as JSON. Nesting is bounded by the parser.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_slice(&self.body).map_err(|cause| Fault::Malformed(cause.to_string()))
    }

    /// Query parameters. What cannot be read is as if it were not there.
    pub fn parameters(&self) -> HashMap<String, String> {
        axum::extract::Query::try_from_uri(&self.uri).map(|it| it.0).unwrap_or_default()
    }

    /// The token in `Authorization: Snowflake Token="…"`.
    pub fn token(&self) -> Option<&str> {
        let value = self.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let quoted = value.trim().strip_prefix("Snowflake Token=")?;
        Some(quoted.trim().trim_matches('"'))
    }
}

/// Undoes gzip, told by its first bytes: the header is not always there, JSON never begins so.
fn unpack(body: Bytes, bytes_max: usize) -> Result<Bytes, Fault> {
    if !body.starts_with(&[0x1f, 0x8b]) {
        return Ok(body);
    }
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(&body[..])
        .take(bytes_max as u64 + 1)
        .read_to_end(&mut unpacked)
        .map_err(|cause| Fault::Malformed(format!("the body is not gzip: {cause}")))?;
    if unpacked.len() > bytes_max {
        return Err(Fault::Malformed(format!("the body unpacks to more than {bytes_max} bytes")));
    }
    Ok(Bytes::from(unpacked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("memory");
        Bytes::from(encoder.finish().expect("memory"))
    }

    fn unpacked(body: Bytes, bytes_max: usize) -> Result<Bytes, String> {
        unpack(body, bytes_max).map_err(|fault| match fault {
            Fault::Malformed(what) => what,
            Fault::Refused(_) | Fault::NotFound => "another fault".to_owned(),
        })
    }

    #[test]
    fn bodies_are_unpacked_up_to_a_bound() {
        assert_eq!(unpacked(Bytes::from("{}"), 10), Ok(Bytes::from("{}")));
        assert_eq!(unpacked(gzip(b"{\"a\":1}"), 10), Ok(Bytes::from("{\"a\":1}")));
        let bomb = unpacked(gzip(&[b' '; 100_000]), 1000).expect_err("too much");
        assert_eq!(bomb, "the body unpacks to more than 1000 bytes");
        let broken = unpacked(Bytes::from_static(&[0x1f, 0x8b, 1, 2]), 10).expect_err("no gzip");
        assert!(broken.starts_with("the body is not gzip"), "{broken}");
    }

    fn call(uri: &str, authorization: &str, body: &[u8]) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().expect("a header"));
        Call { uri: uri.parse().expect("an address"), headers, body: Bytes::copy_from_slice(body) }
    }

    #[test]
    fn tokens_and_parameters_are_read_leniently() {
        let call = call("/x?requestId=a%20b&b&c=", "Snowflake Token=\"t\"", b"");
        assert_eq!(call.token(), Some("t"));
        assert_eq!(call.parameters().get("requestId").map(String::as_str), Some("a b"));
        assert_eq!(super::tests::call("/x", "Basic", b"").token(), None);
        assert!(super::tests::call("/x?%ff=%ff&&", "Basic", b"").parameters().len() < 3);
    }

    #[test]
    fn nesting_without_end_is_malformed_and_no_crash() {
        let deep = "[".repeat(1_000_000);
        assert!(call("/x", "Basic", deep.as_bytes()).json::<Value>().is_err());
    }
}
