//! Just enough of HTTP/1.1 to talk to the emulator, and nothing that could mend its replies.

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::Value;
use std::{
    io::{Read as _, Write as _},
    net::SocketAddr,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// One kept connection.
pub struct Client {
    stream: TcpStream,
    address: SocketAddr,
    /// What has been read beyond the last reply.
    buffer: Vec<u8>,
    pub token: String,
    pub master: String,
}

pub struct Response {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the emulator listens");
        let (token, master) = (String::new(), String::new());
        Self { stream, address, buffer: Vec::new(), token, master }
    }

    /// Drops the connection, whatever is on its way, and opens another.
    pub async fn reconnect(&mut self) {
        self.stream = TcpStream::connect(self.address).await.expect("the emulator listens");
        self.buffer.clear();
    }

    pub async fn get(&mut self, path: &str) -> Response {
        self.exchange("GET", path, b"").await
    }

    /// A null body is none.
    pub async fn post(&mut self, path: &str, body: &Value) -> Response {
        self.send("POST", path, body).await;
        self.receive().await
    }

    pub async fn send(&mut self, method: &str, path: &str, body: &Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send_bytes(method, path, body.as_bytes()).await;
    }

    pub async fn exchange(&mut self, method: &str, path: &str, body: &[u8]) -> Response {
        self.send_bytes(method, path, body).await;
        self.receive().await
    }

    async fn send_bytes(&mut self, method: &str, path: &str, body: &[u8]) {
        let (address, token, length) = (self.address, &self.token, body.len());
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\
             Authorization: Snowflake Token=\"{token}\"\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.stream.write_all(&request).await.expect("the emulator reads");
    }

    pub async fn receive(&mut self) -> Response {
        let head_length = loop {
            let end = self.buffer.windows(4).position(|it| it == b"\r\n\r\n");
            match end {
                Some(at) => break at + 4,
                None => self.read_more().await,
            }
        };
        let head: Vec<u8> = self.buffer.drain(..head_length).collect();
        let head = String::from_utf8(head).expect("the head of a reply is text");
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
        let mut response = Response { status, head, body: Vec::new() };
        let length: usize = response
            .header("content-length")
            .and_then(|it| it.parse().ok())
            .expect("every reply says how long it is");
        while self.buffer.len() < length {
            self.read_more().await;
        }
        response.body = self.buffer.drain(..length).collect();
        response
    }

    async fn read_more(&mut self) {
        let read = self.stream.read_buf(&mut self.buffer).await.expect("a reply");
        assert!(read > 0, "the connection was closed before the reply was whole");
    }
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|it| it.split_once(':'));
        headers.find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub fn gunzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).expect("gzip of text");
    text
}
