//! A server of canned replies: what clients cost where the server costs next to nothing.
//!
//! One thread, keep-alive, TCP_NODELAY, one write for each reply. It answers as the emulator once
//! did to a login and to a point lookup, so that the official connectors talk to it, too; whatever
//! statement it is sent, the answer is that one row. It measures its own time for each lookup, from
//! having read the request to having written the reply, and can be told to freeze.
//!
//! Not in it: anything that looks at what was asked.

use hdrhistogram::Histogram;
use serde_json::json;
use std::{
    cell::RefCell,
    error::Error,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    rc::Rc,
    thread,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What every recorded row has in its first column, and every statement asks for.
pub const ORDER: i64 = 4711;

/// The lookup that was recorded.
pub const LOOKUP: &str = "SELECT * FROM ORDER_LOOKUP WHERE ORDER_ID = {k}";

/// Where the recorded replies are.
pub fn replies() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/canned")
}

struct Server {
    login: Vec<u8>,
    lookup: Vec<u8>,
    empty: Vec<u8>,
    /// Of lookups, in nanoseconds. Since somebody asked for them.
    took: RefCell<Histogram<u64>>,
}

/// Serves until it is killed. Prints its address first.
pub fn serve(port: u16) -> Result<(), Box<dyn Error>> {
    let read = |name: &str| std::fs::read_to_string(replies().join(name));
    let server = Rc::new(Server {
        login: reply(read("login.json")?.trim_end()),
        lookup: reply(read("lookup.json")?.trim_end()),
        empty: reply(r#"{"data":null,"code":null,"message":null,"success":true}"#),
        took: RefCell::new(Histogram::new_with_bounds(1, 60_000_000_000, 3)?),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        println!("{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let server = Rc::clone(&server);
            // A client that hangs up in the middle is no matter.
            tokio::task::spawn_local(async move { server.talk(stream).await.unwrap_or_default() });
        }
    })
}

fn reply(body: &str) -> Vec<u8> {
    let length = body.len();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    format!("{head}content-length: {length}\r\n\r\n{body}").into_bytes()
}

impl Server {
    async fn talk(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut read = Vec::with_capacity(16 << 10);
        loop {
            let Some((path, length)) = request(&read) else {
                if stream.read_buf(&mut read).await? == 0 {
                    return Ok(());
                }
                continue;
            };
            let began = Instant::now();
            if path.starts_with("/queries/v1/query-request") {
                stream.write_all(&self.lookup).await?;
                self.took.borrow_mut().saturating_record(began.elapsed().as_nanos() as u64);
            } else if path.starts_with("/session/v1/login-request") {
                stream.write_all(&self.login).await?;
            } else if path == "/took" {
                let told = self.told();
                stream.write_all(&reply(&told)).await?;
            } else if let Some(ms) = path.strip_prefix("/freeze/") {
                // As a machine that stands still: nobody is answered meanwhile.
                thread::sleep(Duration::from_millis(ms.parse().unwrap_or_default()));
                stream.write_all(&self.empty).await?;
            } else {
                stream.write_all(&self.empty).await?;
            }
            read.drain(..length);
        }
    }

    fn told(&self) -> String {
        let mut took = self.took.borrow_mut();
        let us = |quantile: f64| took.value_at_quantile(quantile) as f64 / 1000.0;
        let told = json!({"count": took.len(), "p50_us": us(0.5), "p99_us": us(0.99)});
        took.reset();
        told.to_string()
    }
}

/// The path of the first whole request, and how many bytes it takes. `None` of a part of one.
fn request(read: &[u8]) -> Option<(String, usize)> {
    let head = read.windows(4).position(|it| it == b"\r\n\r\n")?;
    let text = std::str::from_utf8(read.get(..head)?).ok()?;
    let mut lines = text.split("\r\n");
    let path = lines.next()?.split(' ').nth(1)?;
    let length = lines.find_map(|it| {
        let (name, value) = it.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let end = head + 4 + length.unwrap_or_default();
    (end <= read.len()).then(|| (path.to_owned(), end))
}
