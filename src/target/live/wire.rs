//! Requests of one session: who asks, with which token, and what to do when it has run out.

use super::{
    http::{Fault, Http},
    reply::{Data, Envelope},
};
use crate::secret::{Secret, Vault};
use reqwest::{RequestBuilder, StatusCode, Url, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;

/// How long anything but a statement may take: renewing, aborting, logging out.
const SERVICE_LIMIT: Duration = Duration::from_secs(10);

/// What proves to the server which session asks.
#[derive(Clone)]
pub struct Tokens {
    pub session: Secret,
    /// Good for a new session token when that one has run out.
    pub master: Secret,
}

pub struct Wire {
    http: Mutex<Arc<Http>>,
    tokens: Mutex<Tokens>,
    /// Held while renewing, so that a cancel and its statement do not both renew.
    renewing: tokio::sync::Mutex<()>,
    sequence: AtomicU64,
    /// The request id of the statement that is being executed.
    running: Mutex<Option<Uuid>>,
    /// Where tokens are left, for others to look for.
    vault: Vault,
}

/// What the server says to a renewal.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Renewed {
    session_token: String,
    #[serde(default)]
    master_token: Option<String>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is done under these locks can stop half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wire {
    pub fn new(http: &Http, tokens: Tokens) -> Self {
        let http = http.with_secrets([tokens.session.clone(), tokens.master.clone()]);
        Self {
            http: Mutex::new(Arc::new(http)),
            tokens: Mutex::new(tokens),
            renewing: tokio::sync::Mutex::new(()),
            sequence: AtomicU64::new(0),
            running: Mutex::new(None),
            vault: Vault::default(),
        }
    }

    /// Leaves its tokens there too, those it has and those it will have.
    pub fn with_vault(self, vault: Vault) -> Self {
        let tokens = lock(&self.tokens).clone();
        vault.put([tokens.session, tokens.master]);
        Self { vault, ..self }
    }

    /// The pool, which blanks the current tokens in what it quotes.
    pub fn http(&self) -> Arc<Http> {
        Arc::clone(&lock(&self.http))
    }

    pub fn running(&self) -> Option<Uuid> {
        *lock(&self.running)
    }

    pub fn set_running(&self, request: Option<Uuid>) {
        *lock(&self.running) = request;
    }

    /// The number of a session's next statement, from 1.
    pub fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Sends a statement. The server takes a repeated `request` for the same statement.
    pub async fn submit(
        &self,
        request: Uuid,
        body: &(impl Serialize + Sync),
    ) -> Result<Envelope<Data>, Fault> {
        let http = self.http();
        self.exchange(|token| {
            let url = identified(http.statements.clone(), request);
            Ok(authorized(http.client.post(url), token).json(body))
        })
        .await
    }

    /// Asks for the result of a statement in progress. The server holds the answer for a while.
    pub async fn result(&self, path: &str) -> Result<Envelope<Data>, Fault> {
        let http = self.http();
        let url = http.url(path)?;
        // The token goes with it, so it goes nowhere else.
        if url.origin() != http.base.origin() {
            return Err(Fault::new("the result is said to be at another host"));
        }
        self.exchange(|token| Ok(authorized(http.client.get(url.clone()), token))).await
    }

    /// Asks the server to stop a statement. True if it says that it will.
    pub async fn abort(&self, request: Uuid) -> bool {
        let body = json!({"requestId": request.to_string()});
        let asked = self.ask::<Json>("queries/v1/abort-request", |it| it.json(&body));
        let answer = tokio::time::timeout(SERVICE_LIMIT, asked).await;
        matches!(answer, Ok(Ok(envelope)) if envelope.success)
    }

    /// Ends the session on the server. What it answers is of no use.
    pub async fn log_out(&self) {
        let http = self.http();
        let Ok(mut url) = url(&http, "session") else { return };
        url.query_pairs_mut().append_pair("delete", "true");
        let token = lock(&self.tokens).session.clone();
        let request = authorized(http.client.post(url), &token).json(&json!({}));
        let _ = tokio::time::timeout(SERVICE_LIMIT, http.send(request)).await;
    }

    async fn ask<D: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Envelope<D>, Fault> {
        let http = self.http();
        self.exchange(|token| Ok(with(authorized(http.client.post(url(&http, path)?), token))))
            .await
    }

    /// One request; and once more if the session token had run out, with a new one. The server
    /// has then not looked at what was asked.
    async fn exchange<D: serde::de::DeserializeOwned>(
        &self,
        request: impl Fn(&Secret) -> Result<RequestBuilder, Fault>,
    ) -> Result<Envelope<D>, Fault> {
        let mut renewed = false;
        loop {
            let http = self.http();
            let token = lock(&self.tokens).session.clone();
            let seen = http.send(request(&token)?).await?;
            let envelope = Envelope::<D>::read(&http, &seen);
            let expired = match &envelope {
                Ok(it) => it.is_expired(),
                Err(_) => seen.status == StatusCode::UNAUTHORIZED,
            };
            if !expired || renewed {
                return envelope;
            }
            self.renew(&token).await?;
            renewed = true;
        }
    }

    /// Replaces a session token that has run out, unless somebody has done so meanwhile.
    async fn renew(&self, old: &Secret) -> Result<(), Fault> {
        let _renewing = self.renewing.lock().await;
        let tokens = lock(&self.tokens).clone();
        if tokens.session != *old {
            return Ok(());
        }
        let http = self.http();
        let url = url(&http, "session/token-request")?;
        let body = json!({"oldSessionToken": old.reveal(), "requestType": "RENEW"});
        let request = authorized(http.client.post(url), &tokens.master).json(&body);
        let gone = |why: String| Fault::new(format!("the session is over: {why}"));
        let seen = tokio::time::timeout(SERVICE_LIMIT, http.send(request))
            .await
            .map_err(|_| gone("nobody renews it".to_owned()))?
            .map_err(|it| gone(it.cause))?;
        let envelope = Envelope::<Json>::read(&http, &seen).map_err(|it| gone(it.cause))?;
        let data = envelope.data.as_ref().filter(|_| envelope.success);
        let renewed = data.and_then(|it| Renewed::deserialize(it).ok());
        let Some(renewed) = renewed else {
            return Err(gone(envelope.refusal(None, &http).to_string()));
        };
        let tokens = Tokens {
            session: Secret::new(renewed.session_token),
            master: renewed.master_token.map_or(tokens.master, Secret::new),
        };
        self.vault.put([tokens.session.clone(), tokens.master.clone()]);
        let http = http.with_secrets([tokens.session.clone(), tokens.master.clone()]);
        *lock(&self.http) = Arc::new(http);
        *lock(&self.tokens) = tokens;
        Ok(())
    }
}

fn url(http: &Http, path: &str) -> Result<Url, Fault> {
    Ok(identified(http.url(path)?, Uuid::new_v4()))
}

/// `request_guid` tells attempts of one request apart.
fn identified(mut url: Url, request: Uuid) -> Url {
    // Nothing in either needs to be escaped.
    url.set_query(Some(&format!("requestId={request}&request_guid={}", Uuid::new_v4())));
    url
}

fn authorized(request: RequestBuilder, token: &Secret) -> RequestBuilder {
    let value = format!("Snowflake Token=\"{}\"", token.reveal());
    let request = request.header(header::ACCEPT, "application/snowflake");
    match header::HeaderValue::from_str(&value) {
        Ok(mut value) => {
            value.set_sensitive(true);
            request.header(header::AUTHORIZATION, value)
        }
        // A token that is no header makes no valid session either; the server will say so.
        Err(_) => request,
    }
}
