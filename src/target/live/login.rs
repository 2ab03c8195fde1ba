//! Logging in, by the client crate.
//!
//! The crate logs in at its first request and has no call for that alone. So it is asked for the
//! status of a query, and a middleware of ours lets only the login through. The middleware also
//! adds to the login what the crate has no words for (session parameters, names in the case they
//! were written in) and keeps the server's answer, of which the crate's error shows too little.

use super::{
    http::{Fault, Http, Seen},
    reply::Envelope,
    wire::{Tokens, Wire},
};
use crate::{
    secret::Secret,
    target::{
        Connection, LoginError, LoginRequest,
        connection::{Auth, open_key},
    },
};
use async_trait::async_trait;
use reqwest::{Request, Response, Url};
use reqwest_middleware::{ClientBuilder, Middleware, Next};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use snowflake_api::{AuthArgs, AuthType, MemoryTokenCache, SnowflakeApiBuilder};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a login may take. A person with a second device to find needs some of it.
const LOGIN_LIMIT: Duration = Duration::from_secs(90);

/// How often a login is tried to which nobody answers, and the pause between: a server that has
/// just been started, or a name that has just been made.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// How the crate shows its session to whoever takes it over.
#[derive(Deserialize)]
struct Snapshot {
    session_token: String,
    master_token: String,
}

pub async fn login(
    connection: &Connection,
    http: &Http,
    second_factor: &Arc<MemoryTokenCache>,
    request: &LoginRequest,
) -> Result<Wire, LoginError> {
    let mut attempts = 1;
    loop {
        match attempt(connection, http, second_factor, request).await {
            Ok(wire) => return Ok(wire),
            Err(Failure::Unconnected) if attempts < ATTEMPTS => {}
            Err(Failure::Unconnected) => {
                let cause = format!("nobody answers at {}", at(&http.base));
                return Err(LoginError::Unreachable { place: connection.name.clone(), cause });
            }
            Err(Failure::Final(error)) => return Err(error),
        }
        attempts += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

fn at(base: &Url) -> String {
    let port = base.port_or_known_default().map(|it| format!(":{it}")).unwrap_or_default();
    format!("{}{port}", base.host_str().unwrap_or_default())
}

enum Failure {
    /// Worth another attempt.
    Unconnected,
    Final(LoginError),
}

async fn attempt(
    connection: &Connection,
    http: &Http,
    second_factor: &Arc<MemoryTokenCache>,
    request: &LoginRequest,
) -> Result<Wire, Failure> {
    let unusable = |explanation: String| Failure::Final(LoginError::Unusable { explanation });
    let place = || connection.name.clone();
    let unreachable =
        |cause: String| Failure::Final(LoginError::Unreachable { place: place(), cause });

    let answer = Arc::new(Mutex::new(None));
    let middleware = LoginOnly {
        http: http.clone(),
        additions: Additions::new(connection, request),
        answer: Arc::clone(&answer),
    };
    let client = ClientBuilder::new(http.client.clone()).with(middleware).build();
    let auth = auth_args(connection, &http.base).map_err(unusable)?;
    let api = SnowflakeApiBuilder::new(auth)
        .with_client(client)
        .with_application("snowgauge")
        .with_login_timeout(LOGIN_LIMIT)
        .with_token_cache(Arc::clone(second_factor) as _)
        .build()
        .map_err(|it| unusable(http.redact(&it.to_string())))?;

    // Any query will do. It fails in the middleware, behind the login.
    let asked = api.query_status("none").await;
    if let Some(snapshot) = api.session_snapshot() {
        let snapshot = serde_json::to_value(&snapshot).and_then(Snapshot::deserialize);
        let snapshot = snapshot.map_err(|it| unreachable(format!("no tokens: {it}")))?;
        let session = Secret::new(snapshot.session_token);
        let master = Secret::new(snapshot.master_token);
        return Ok(Wire::new(http, Tokens { session, master }));
    }

    let answer = lock(&answer).take();
    match answer {
        Some(Err(fault)) if fault.unconnected => Err(Failure::Unconnected),
        Some(Err(fault)) => Err(unreachable(fault.cause)),
        Some(Ok(seen)) => {
            let envelope = Envelope::<Json>::read(http, &seen).map_err(|it| match seen.status {
                reqwest::StatusCode::FORBIDDEN => {
                    unreachable(format!("{}; is the account's name right?", it.cause))
                }
                _ => unreachable(it.cause),
            })?;
            if envelope.success {
                let cause = "the login succeeded, but its answer lacks a token or the session";
                return Err(unreachable(cause.to_owned()));
            }
            let refusal = envelope.refusal(None, http);
            Err(Failure::Final(LoginError::Refused { place: place(), refusal }))
        }
        // It did not get as far as asking, or was still waiting.
        None => Err(match asked {
            Err(snowflake_api::SnowflakeApiError::AuthError(
                snowflake_api::AuthError::LoginTimeout(limit),
            )) => unreachable(format!("no answer to the login within {} s", limit.as_secs())),
            Err(error) => unusable(format!(
                "connection `{}` cannot log in: {}",
                connection.name,
                http.redact(&error.to_string())
            )),
            Ok(_) => unreachable("no session came of the login".to_owned()),
        }),
    }
}

fn auth_args(connection: &Connection, base: &Url) -> Result<AuthArgs, String> {
    let secret = |it: &Secret| it.reveal().into();
    let optional = |it: &Option<Secret>| it.as_ref().map(secret);
    let auth_type = match &connection.auth {
        Auth::Password { password, passcode } => {
            AuthType::Password { password: secret(password), passcode: optional(passcode) }
        }
        Auth::PasswordMfa { password, passcode } => AuthType::UsernamePasswordMfa {
            password: secret(password),
            passcode: optional(passcode),
        },
        Auth::KeyPair { private_key, passphrase } => AuthType::Certificate {
            private_key_pem: open_key(private_key, passphrase.as_ref())
                .ok_or("the private key cannot be opened")?,
        },
        Auth::OAuth { token } => AuthType::OAuth { token: secret(token) },
        Auth::AccessToken { token } => AuthType::ProgrammaticAccessToken { token: secret(token) },
    };
    // The region belongs to the host and not to the name that a key's token is made out to.
    let account = connection.account.split('.').next().unwrap_or_default();
    let mut args = AuthArgs::new(account, connection.user.clone(), auth_type);
    args.base_url = Some(base.clone());
    Ok(args)
}

/// What the login says beside who asks.
struct Additions {
    query: Vec<(&'static str, String)>,
    parameters: Map<String, Json>,
}

impl Additions {
    fn new(connection: &Connection, request: &LoginRequest) -> Self {
        let either = |asked: &Option<String>, own: &Option<String>| asked.clone().or(own.clone());
        let query = [
            ("databaseName", either(&request.database, &connection.database)),
            ("schemaName", either(&request.schema, &connection.schema)),
            ("warehouse", either(&request.warehouse, &connection.warehouse)),
            ("roleName", either(&request.role, &connection.role)),
        ];
        let query = query.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        // A result from the cache says nothing about the engine, and is always fast.
        let mut parameters = Map::from_iter([("USE_CACHED_RESULT".to_owned(), json!(false))]);
        if !request.tag.is_empty() {
            parameters.insert("QUERY_TAG".to_owned(), json!(request.tag.to_string()));
        }
        Self { query, parameters }
    }

    fn add_to(&self, request: &mut Request) {
        request.url_mut().query_pairs_mut().extend_pairs(&self.query);
        let body = request.body().and_then(reqwest::Body::as_bytes);
        let Some(mut body) = body.and_then(|it| serde_json::from_slice::<Json>(it).ok()) else {
            return;
        };
        let Some(data) = body.get_mut("data").and_then(Json::as_object_mut) else { return };
        let parameters = data.entry("SESSION_PARAMETERS").or_insert_with(|| json!({}));
        if let Some(parameters) = parameters.as_object_mut() {
            parameters.extend(self.parameters.clone());
        }
        *request.body_mut() = Some(body.to_string().into());
    }
}

struct LoginOnly {
    http: Http,
    additions: Additions,
    answer: Arc<Mutex<Option<Result<Seen, Fault>>>>,
}

/// Why the crate's requests after the login go nowhere.
#[derive(Debug, thiserror::Error)]
#[error("only logins are asked for here")]
struct NoLogin;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Middleware for LoginOnly {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut http::Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        if !request.url().path().ends_with("/session/v1/login-request") {
            return Err(reqwest_middleware::Error::middleware(NoLogin));
        }
        self.additions.add_to(&mut request);
        let response = match next.run(request, extensions).await {
            Ok(response) => response,
            Err(reqwest_middleware::Error::Reqwest(error)) => {
                *lock(&self.answer) = Some(Err(self.http.fault(&error)));
                return Err(error.into());
            }
            Err(error) => return Err(error),
        };
        let seen = match self.http.read(response).await {
            Ok(seen) => seen,
            Err(fault) => {
                *lock(&self.answer) = Some(Err(fault));
                return Err(reqwest_middleware::Error::middleware(NoLogin));
            }
        };
        let answer = http::Response::builder().status(seen.status).body(seen.body.clone());
        *lock(&self.answer) = Some(Ok(seen));
        Ok(answer.map_err(reqwest_middleware::Error::middleware)?.into())
    }
}
