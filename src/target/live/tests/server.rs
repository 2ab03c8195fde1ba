//! A server on the loopback address that gives written answers, and remembers what it was asked.

use serde_json::{Value as Json, json};
use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// One answer to one request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A status line's code, a content type, other headers, and a body.
    Http(u16, &'static str, Vec<(&'static str, String)>, Vec<u8>),
    /// Like `Http` with 200, but ends after this many bytes of the body.
    CutShort(Vec<u8>, usize),
    /// Closes the connection without a word.
    Reset,
    /// Answers when the notification comes.
    After(Arc<Notify>, Box<Answer>),
}

impl Answer {
    pub fn json(body: Json) -> Self {
        Self::Http(200, "application/json", vec![], body.to_string().into_bytes())
    }

    pub fn status(status: u16, content_type: &'static str, body: &str) -> Self {
        Self::Http(status, content_type, vec![], body.as_bytes().to_vec())
    }

    /// A successful reply to a statement.
    pub fn data(data: Json) -> Self {
        Self::json(json!({"data": data, "code": null, "message": null, "success": true}))
    }

    /// A refusal by code, SQLSTATE and message.
    pub fn refusal(code: &str, sqlstate: &str, message: &str) -> Self {
        Self::json(json!({
            "data": {"errorCode": code, "sqlState": sqlstate, "queryId": "q-refused"},
            "code": code, "message": message, "success": false, "headers": null,
        }))
    }

    /// A failure of the service, which says nothing of a statement.
    pub fn service(code: &str, message: &str) -> Self {
        Self::json(json!({"data": null, "code": code, "message": message, "success": false}))
    }
}

/// What the server was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: HashMap<String, String>,
    pub headers: HashMap<String, String>,
    pub body: Json,
}

#[derive(Clone)]
pub struct Server {
    pub address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    answers: Mutex<HashMap<String, VecDeque<Answer>>>,
    asked: Mutex<Vec<Asked>>,
    arrived: Notify,
}

impl Server {
    /// A server that lets everyone in and out, and answers nothing else until it is told to.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let server = Self { address, state: Arc::clone(&state) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&state)));
            }
        });
        server.on("/session/v1/login-request", [login()]);
        server.on("/session", [Answer::service("", "")]);
        server
    }

    /// Answers requests for a path, one after the other. The last answer stays.
    pub fn on<const N: usize>(&self, path: &str, answers: [Answer; N]) {
        self.state.answers.lock().unwrap().insert(path.to_owned(), answers.into());
    }

    pub fn asked(&self, path: &str) -> Vec<Asked> {
        self.state.asked.lock().unwrap().iter().filter(|it| it.path == path).cloned().collect()
    }

    /// Waits until so many requests for a path have come.
    pub async fn was_asked(&self, path: &str, times: usize) {
        loop {
            let arrived = self.state.arrived.notified();
            if self.asked(path).len() >= times {
                return;
            }
            arrived.await;
        }
    }
}

pub fn login() -> Answer {
    Answer::data(json!({
        "token": "session-1", "masterToken": "master-1", "sessionId": 7,
        "validityInSeconds": 3600, "masterValidityInSeconds": 14400,
        "serverVersion": "10.1", "parameters": [],
        "sessionInfo": {"databaseName": null, "schemaName": null, "warehouseName": null,
                        "roleName": "PUBLIC"},
    }))
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    while let Some(asked) = read(&mut stream).await {
        let answer = {
            let mut answers = state.answers.lock().unwrap();
            match answers.get_mut(&asked.path) {
                Some(queue) if queue.len() > 1 => queue.pop_front(),
                Some(queue) => queue.front().cloned(),
                None => None,
            }
        };
        state.asked.lock().unwrap().push(asked);
        state.arrived.notify_waiters();
        let mut answer = answer.unwrap_or_else(|| Answer::status(404, "text/plain", "no answer"));
        while let Answer::After(notify, then) = answer {
            notify.notified().await;
            answer = *then;
        }
        let (status, content_type, headers, body, cut) = match answer {
            Answer::Http(status, content_type, headers, body) => {
                (status, content_type, headers, body, None)
            }
            Answer::CutShort(body, cut) => (200, "application/json", vec![], body, Some(cut)),
            Answer::Reset | Answer::After(..) => return,
        };
        let mut head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        let mut bytes = head.into_bytes();
        bytes.extend(&body[..cut.unwrap_or(body.len())]);
        if stream.write_all(&bytes).await.is_err() || cut.is_some() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let (first, rest) = head.split_once("\r\n").unwrap_or((&head, ""));
    let headers: HashMap<String, String> = rest
        .lines()
        .filter_map(|it| it.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(head_end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    let mut words = first.split(' ');
    let method = words.next()?.to_owned();
    let url = reqwest::Url::parse(&format!("http://x{}", words.next()?)).ok()?;
    let query = url.query_pairs().into_owned().collect();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Some(Asked { method, path: url.path().to_owned(), query, headers, body })
}
