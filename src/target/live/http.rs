//! One HTTP exchange, and words for what goes wrong in one.

use crate::{
    secret::{Redactor, Secret},
    target::{Connection, connection::Protocol},
};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header, redirect};
use std::{error::Error, time::Duration};

/// How long a TCP and TLS handshake may take. The drivers' default is longer; a region that takes
/// this long has a problem worth seeing.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// How long a connection is kept that nobody uses. Less than a minute, after which load balancers
/// and address translators forget connections, some without a word: a statement sent on one of
/// those is lost, or hangs.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// The largest body that is read. Snowflake cuts results into chunks far below that; a server that
/// sends without end would take all memory before the login's limit ends it.
const BODY_BYTES_MAX: usize = 512 << 20;

/// Memory that is taken for a body before it comes.
const BODY_BYTES_BELIEVED: usize = 1 << 20;

const STATEMENTS: &str = "queries/v1/query-request";

/// How much of a body that is no Snowflake reply is shown, in characters.
const EXCERPT: usize = 160;

/// Something other than a Snowflake reply, in words: what was seen and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub cause: String,
    /// Nobody answered, so nothing was asked of anyone either.
    pub unconnected: bool,
}

impl Fault {
    pub fn new(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), unconnected: false }
    }
}

/// The pool of connections to one server.
#[derive(Clone)]
pub struct Http {
    pub client: Client,
    pub base: Url,
    /// Where statements go: put together once, since every one goes there.
    pub statements: Url,
    redactor: Redactor,
}

/// A whole response.
pub struct Seen {
    pub status: StatusCode,
    pub content_type: String,
    pub body: Vec<u8>,
}

impl Http {
    pub fn new(connection: &Connection) -> Result<Self, String> {
        let base = connection.base_url().map_err(|it| match &it.hint {
            Some(hint) => format!("{it}; {hint}"),
            None => it.to_string(),
        })?;
        let secure = connection.protocol == Protocol::Https;
        let mut client = Client::builder()
            .user_agent(concat!("snowgauge/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_LIMIT)
            .pool_idle_timeout(IDLE_LIMIT)
            .https_only(secure)
            // A redirect is a proxy's login page or a wrong host. Following it with a POST would
            // end in an error about something else.
            .redirect(redirect::Policy::none())
            .referer(false);
        if !secure {
            // A server on this machine is not reached through a company's proxy.
            client = client.no_proxy();
        }
        let client = client.build().map_err(|it| format!("no HTTP client: {}", told(&it)))?;
        let statements = base.join(STATEMENTS).map_err(|it| it.to_string())?;
        Ok(Self { client, base, statements, redactor: connection.redactor() })
    }

    /// The same pool, which also blanks these in what it quotes.
    pub fn with_secrets(&self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        let redactor = self.redactor.and(secrets);
        Self { redactor, ..self.clone() }
    }

    pub fn url(&self, path: &str) -> Result<Url, Fault> {
        let path = path.trim_start_matches('/');
        self.base.join(path).map_err(|it| Fault::new(format!("no path: {it}")))
    }

    pub async fn send(&self, request: RequestBuilder) -> Result<Seen, Fault> {
        let response = request.send().await.map_err(|it| self.fault(&it))?;
        self.read(response).await
    }

    pub async fn read(&self, response: Response) -> Result<Seen, Fault> {
        self.read_up_to(response, BODY_BYTES_MAX).await
    }

    async fn read_up_to(&self, mut response: Response, bytes_max: usize) -> Result<Seen, Fault> {
        let status = response.status();
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|it| it.to_str().ok()).unwrap_or_default();
        let content_type = content_type.to_owned();
        // As large as it is said to be, if that can be believed.
        let announced = response.content_length().and_then(|it| usize::try_from(it).ok());
        let mut body = Vec::with_capacity(announced.unwrap_or_default().min(BODY_BYTES_BELIEVED));
        loop {
            let chunk = response.chunk().await.map_err(|it| {
                let cause = format!("HTTP {status}, then the body broke off: {}", told(&it));
                Fault::new(self.redactor.redact(&cause))
            })?;
            let Some(chunk) = chunk else { break };
            if bytes_max - body.len() < chunk.len() {
                return Err(Fault::new(format!("HTTP {status} with more than {bytes_max} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Seen { status, content_type, body })
    }

    pub fn fault(&self, error: &reqwest::Error) -> Fault {
        let what = match error {
            it if it.is_connect() => "cannot connect",
            it if it.is_timeout() => "no answer",
            _ => "the connection was lost before an answer",
        };
        let cause = format!("{what}: {}", told(error));
        let cause = self.redactor.redact(&cause).into_owned();
        Fault { cause, unconnected: error.is_connect() }
    }

    /// What was seen instead of a Snowflake reply. `why` is the parser's reason, if it came so
    /// far.
    pub fn strange(&self, seen: &Seen, why: Option<&str>) -> Fault {
        let kind = match seen.content_type.as_str() {
            "" => "no content type".to_owned(),
            kind => format!("`{kind}`"),
        };
        let why = why.map(|it| format!(" ({it})")).unwrap_or_default();
        let said = self.excerpt(&seen.body);
        Fault::new(format!("HTTP {} with {kind}, no Snowflake reply{why}: {said}", seen.status))
    }

    /// The first characters of a body on one line. Objects are not quoted: a reply that broke
    /// off, or one of another shape, may hold tokens that no redactor has heard of.
    fn excerpt(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body.get(..EXCERPT * 8).unwrap_or(body));
        let text = text.trim_start_matches('\u{feff}').trim();
        match text.chars().next() {
            None => "an empty body".to_owned(),
            Some('{') => format!("{} bytes of JSON", body.len()),
            Some(_) => {
                let text = self.redactor.redact(text);
                let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
                let shown: String =
                    words.chars().filter(|it| !it.is_control()).take(EXCERPT).collect();
                let rest = if shown.len() < words.len() { "…" } else { "" };
                format!("`{shown}{rest}`")
            }
        }
    }

    pub fn redact(&self, text: &str) -> String {
        self.redactor.redact(text).into_owned()
    }
}

/// An error and its causes on one line, without the URL: it holds request ids, and for a chunk a
/// signature that opens it.
fn told(error: &reqwest::Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    // The outermost text is the kind and the URL, which callers replace.
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !causes.iter().any(|it| it.contains(&cause_text)) {
            causes.push(cause_text);
        }
        source = cause.source();
    }
    match causes.is_empty() {
        true => "no cause given".to_owned(),
        false => causes.join(": "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, SocketAddr};

    #[tokio::test]
    async fn a_body_without_end_is_not_kept() {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let http = Http::new(&Connection::loopback(address)).unwrap();
        let answer = || Response::from(http::Response::new("12345678"));
        let seen = http.read_up_to(answer(), 8).await;
        assert_eq!(seen.map(|it| it.body).ok().as_deref(), Some(&b"12345678"[..]));
        let fault = http.read_up_to(answer(), 7).await.err();
        assert_eq!(fault, Some(Fault::new("HTTP 200 OK with more than 7 bytes")));
    }
}
