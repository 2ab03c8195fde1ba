//! What the generator can do, and what it adds: the parts of `benches/performance.py`, which puts
//! them beside other programs and makes the tables of `docs/performance.md`.
//!
//! `cargo bench --bench load -- MODE …`. Each mode prints one line of JSON:
//!
//! - `canned [--port P]` serves canned replies and prints its address (see `canned`);
//! - `build --address A --count N` makes the data set `orders` on an emulator;
//! - `record --address A` asks an emulator for these replies and writes them;
//! - `hold --address A --rate R` sends at a constant rate, or `--closed`: as fast as answers come;
//! - `highest --address A` looks for the highest rate at which the generator is sound;
//! - `bare --address A` asks one lookup after the other on one socket, with nothing around it.
//!
//! What is measured is what `snowgauge run` does: the live client, the generator with its pacer,
//! rows decoded and checked.

mod canned;
mod common;

use canned::{LOOKUP, ORDER};
use clap::{Args, Parser};
use futures::FutureExt;
use hdrhistogram::Histogram;
use serde_json::{Value as Json, json};
use snowgauge::{
    load::{
        Histo, Measured, Second,
        measure::{Setting, Side, measure},
        pacer::Pacer,
        parameters::Values,
        requests::Template,
        workload::{Arrivals, Length, Parameter, Query, Rate, Role, Spacing, WarmUp, Workload},
    },
    suite::span::Span,
    target::{
        Connection, LiveTarget, LoginRequest, Owner, Part, QueryTag, Session, Statement, Target,
    },
};
use std::{
    error::Error,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

/// As `snowgauge` itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Parser)]
enum Mode {
    Canned {
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    Build {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        count: u64,
    },
    Record(Place),
    Hold(Load),
    Highest(Load),
    Bare(Load),
}

#[derive(Args, Clone)]
struct Place {
    #[arg(long)]
    address: SocketAddr,
    #[arg(long)]
    warehouse: Option<String>,
}

#[derive(Args, Clone)]
struct Load {
    #[command(flatten)]
    place: Place,
    #[arg(long, default_value_t = 16)]
    sessions: u32,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Before the measured part.
    #[arg(long, default_value_t = 2)]
    warm_up: u64,
    /// Requests a second.
    #[arg(long, default_value_t = 1000.0)]
    rate: f64,
    /// The next request is sent when the last one has ended.
    #[arg(long)]
    closed: bool,
    /// Orders to look for: a range, ends included. The recorded one where it is left out.
    #[arg(long, num_args = 2)]
    orders: Option<Vec<i64>>,
    /// After so many milliseconds of the measured part, the canned server stands still for a second.
    #[arg(long)]
    freeze: Option<u64>,
}

fn main() -> Result<()> {
    // Cargo adds a flag of its own.
    let arguments = std::env::args().filter(|it| it != "--bench");
    let mode = Mode::parse_from(arguments);
    if let Mode::Canned { port } = mode {
        return canned::serve(port);
    }
    tokio::runtime::Runtime::new()?.block_on(async {
        let told = match mode {
            Mode::Canned { .. } => Json::Null,
            Mode::Build { place, count } => build(&place, count).await?,
            Mode::Record(place) => record(&place).await?,
            Mode::Hold(load) => Bench::new(&load).await?.hold(load.rate).await?,
            Mode::Highest(load) => highest(&load).await?,
            Mode::Bare(load) => bare(&load)?,
        };
        println!("{told}");
        Ok(())
    })
}

/// Sessions of a target, and what they execute.
struct Bench {
    load: Load,
    target: Arc<LiveTarget>,
    sessions: Vec<Box<dyn Session>>,
}

impl Bench {
    async fn new(load: &Load) -> Result<Self> {
        let target = Arc::new(LiveTarget::new(Connection::loopback(load.place.address)));
        let mut sessions = Vec::new();
        for _ in 0..load.sessions {
            sessions.push(open(&target, &load.place).await?);
        }
        Ok(Self { load: load.clone(), target, sessions })
    }

    fn workload(&self, rate: f64) -> Workload {
        let Load { sessions, seconds, warm_up, closed, .. } = self.load;
        let role = Role {
            name: "bench".to_owned(),
            session: "bench".to_owned(),
            warehouse: self.load.place.warehouse.clone(),
        };
        let arrivals = match closed {
            true => Arrivals::Closed { think: Duration::ZERO },
            false => Arrivals::Open { rate: Rate::Constant(rate), spacing: Spacing::Constant },
        };
        Workload {
            on: role,
            arrivals,
            sessions,
            length: Length::For(Duration::from_secs(seconds)),
            warm_up: WarmUp::For(Duration::from_secs(warm_up)),
            mix: vec![Query {
                name: "lookup".to_owned(),
                weight: 1.0,
                sql: LOOKUP.to_owned(),
                params: vec![("k".to_owned(), Parameter::List(Vec::new()))],
                binds: false,
                rows: Some((1, Some(1))),
                first_cell: Some("k".to_owned()),
                span: Span::nowhere(),
            }],
            control: Vec::new(),
            give_up_after: None,
            budgets: Vec::new(),
            compare: None,
        }
    }

    /// At a rate, for as long as was asked for.
    async fn hold(&mut self, rate: f64) -> Result<Json> {
        let workload = self.workload(rate);
        let (first, last) = match self.load.orders.as_deref() {
            Some([first, last]) => (*first, *last),
            _ => (ORDER, ORDER),
        };
        let templates = workload
            .mix
            .iter()
            .map(|it| Template::new(it, false, vec![Values::Uniform { first, last }], |_| None));
        let templates = templates.collect::<std::result::Result<Arc<[_]>, _>>()?;
        let setting = Setting {
            name: "bench",
            workload,
            seed: 1,
            templates,
            tag: QueryTag::new("BENCH", Owner::Run, Part::Load("lookup".to_owned())),
            give_up_after: Duration::from_secs(60),
            simulated: None,
            not_ours: None,
            part: None,
            pacer: Some(Arc::new(Pacer::start()?)),
            now: &chrono::Utc::now,
        };
        let (target, place) = (Arc::clone(&self.target), self.load.place.clone());
        let side = Side {
            role: "bench".to_owned(),
            session: "bench".to_owned(),
            warehouse: None,
            sessions: std::mem::take(&mut self.sessions),
            reopen: Arc::new(move || {
                let (target, place) = (Arc::clone(&target), place.clone());
                async move { open(&target, &place).await.map_err(|it| it.to_string()) }.boxed()
            }),
        };
        if let Some(after) = self.load.freeze {
            let address = self.load.place.address;
            let after = Duration::from_secs(self.load.warm_up) + Duration::from_millis(after);
            tokio::task::spawn_blocking(move || {
                std::thread::sleep(after);
                let _ = ask(address, "/freeze/1000");
            });
        }
        // Of the measured part alone: the server has its figures from its last request to tell.
        let (address, warm_up) = (self.load.place.address, Duration::from_secs(self.load.warm_up));
        let is_canned = self.load.orders.is_none();
        let before = tokio::task::spawn_blocking(move || {
            std::thread::sleep(warm_up);
            if is_canned {
                let _ = ask(address, "/took");
            }
            (cpu(), Instant::now())
        });
        let mut executed = measure(&setting, vec![side], std::future::pending(), |_| {}).await;
        let after = cpu();
        let (before, at) = before.await?;
        let lasted = at.elapsed();
        self.sessions = executed.sides.pop().map(|it| it.sessions).unwrap_or_default();
        let took = is_canned.then(|| ask(address, "/took")).transpose()?;
        told(&executed.measured, rate, after.saturating_sub(before), lasted, took)
    }
}

async fn open(target: &LiveTarget, place: &Place) -> Result<Box<dyn Session>> {
    let request = LoginRequest { warehouse: place.warehouse.clone(), ..LoginRequest::default() };
    let mut session = target.login(request).await?;
    // Otherwise lookups of the same order would be none.
    let sql = "ALTER SESSION SET USE_CACHED_RESULT = FALSE".to_owned();
    session.execute(&Statement { sql, ..Statement::default() }).await;
    Ok(session)
}

fn told(
    measured: &Measured,
    rate: f64,
    cpu: Duration,
    lasted: Duration,
    took: Option<String>,
) -> Result<Json> {
    let seconds: Vec<&Second> =
        measured.roles.iter().flat_map(|it| &it.queries).flat_map(|it| &it.seconds).collect();
    let sum = |of: fn(&Second) -> u64| seconds.iter().map(|it| of(it)).sum::<u64>();
    let (due, ok) = (sum(|it| it.due), sum(|it| it.ok));
    let from_due = merged(seconds.iter().map(|it| &it.from_due))?;
    let from_sent = merged(seconds.iter().map(|it| &it.from_sent))?;
    let slip = measured.health.slip.histogram()?;
    Ok(json!({
        "wanted": rate,
        "rate": ok as f64 / (measured.lasted_us as f64 / 1e6),
        "due": due,
        "ok": ok,
        "dropped": sum(|it| it.dropped),
        "wrong_rows": sum(|it| it.wrong_rows),
        "errors": seconds.iter().flat_map(|it| it.errors.values()).sum::<u64>(),
        "from_due": quantiles(&from_due),
        "from_sent": quantiles(&from_sent),
        "slip": quantiles(&slip),
        "cpu_us": cpu.as_secs_f64() * 1e6 / due.max(1) as f64,
        "cores": cpu.as_secs_f64() / lasted.as_secs_f64(),
        "server": took.map(|it| serde_json::from_str::<Json>(&it)).transpose()?,
        "unsound": measured.health.unsound,
    }))
}

fn merged<'a>(parts: impl Iterator<Item = &'a Histo>) -> Result<Histogram<u64>> {
    let mut all = Histo::empty();
    for part in parts {
        all.add(part.histogram()?)?;
    }
    Ok(all)
}

fn quantiles(us: &Histogram<u64>) -> Json {
    let at = |quantile: f64| us.value_at_quantile(quantile);
    json!({
        "p50_us": at(0.5), "p95_us": at(0.95), "p99_us": at(0.99), "p999_us": at(0.999), "max_us": us.max(),
    })
}

/// The highest rate that is sound, to a fiftieth: below what a closed loop comes to.
async fn highest(load: &Load) -> Result<Json> {
    let mut bench = Bench::new(&Load { closed: true, ..load.clone() }).await?;
    let closed = bench.hold(0.0).await?;
    bench.load.closed = false;
    let ceiling = closed.get("rate").and_then(Json::as_f64).ok_or("no rate")?;
    let mut best = Json::Null;
    let (mut low, mut high) = (0.0, 1.1);
    let mut part: f64 = 0.8;
    while high - low > 0.02 {
        let told = bench.hold((ceiling * part).round()).await?;
        let is_sound = told.get("unsound").and_then(Json::as_array).is_some_and(Vec::is_empty)
            && told.get("ok") == told.get("due");
        eprintln!("{} of {ceiling:.0}: {told}", part);
        if is_sound {
            (low, best) = (part, told);
        } else {
            high = part;
        }
        part = f64::midpoint(low, high);
    }
    Ok(json!({"closed": closed, "open": best}))
}

/// One lookup after the other on one blocking socket: what the machine and the server take.
fn bare(load: &Load) -> Result<Json> {
    let mut stream = TcpStream::connect(load.place.address)?;
    stream.set_nodelay(true)?;
    let body = json!({"sqlText": LOOKUP.replace("{k}", &ORDER.to_string()), "asyncExec": false});
    let body = body.to_string();
    let request = format!(
        "POST /queries/v1/query-request HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        load.place.address,
        body.len(),
    );
    let mut took = Histo::empty();
    let mut answer = vec![0; 64 << 10];
    let ends_at = Instant::now() + Duration::from_secs(load.seconds);
    while Instant::now() < ends_at {
        let began = Instant::now();
        stream.write_all(request.as_bytes())?;
        // The reply is one write, and smaller than what a loopback hands over at once.
        let read = stream.read(&mut answer)?;
        took.saturating_record(began.elapsed().as_micros() as u64);
        if !answer.get(..read).is_some_and(|it| it.ends_with(b"}")) {
            return Err("the reply came in parts".into());
        }
    }
    Ok(json!({"count": took.len(), "from_sent": quantiles(&took)}))
}

/// The body of a small answer.
fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n")?;
    let mut answer = vec![0; 4 << 10];
    let read = stream.read(&mut answer)?;
    let answer = String::from_utf8_lossy(answer.get(..read).unwrap_or_default());
    Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

/// What this process has used, user and system. Zero where the system does not tell.
fn cpu() -> Duration {
    let used = || -> Option<u64> {
        let mut used = 0;
        for thread in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
            let times = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            used += times.split_whitespace().next()?.parse::<u64>().ok()?;
        }
        Some(used)
    };
    Duration::from_nanos(used().unwrap_or_default())
}

async fn build(place: &Place, count: u64) -> Result<Json> {
    let began = Instant::now();
    let target = LiveTarget::new(Connection::loopback(place.address));
    let mut session = target.login(LoginRequest::default()).await?;
    common::build_orders(session.as_mut(), count).await?;
    session.close().await;
    Ok(json!({"orders": count, "seconds": began.elapsed().as_secs_f64()}))
}

/// Logs in to an emulator that has the orders, looks for the order, and keeps both replies.
async fn record(place: &Place) -> Result<Json> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let post = async |path: &str, token: Option<&str>, body: Json| -> Result<String> {
        let url = format!("http://{}{path}?requestId={}", place.address, uuid::Uuid::new_v4());
        let mut request = client.post(url).json(&body).header("accept", "application/snowflake");
        if let Some(token) = token {
            request = request.header("authorization", format!("Snowflake Token=\"{token}\""));
        }
        Ok(request.send().await?.error_for_status()?.text().await?)
    };
    let data = json!({
        "ACCOUNT_NAME": "local", "LOGIN_NAME": "bench", "PASSWORD": "any",
        "CLIENT_APP_ID": "PythonConnector", "CLIENT_APP_VERSION": "4.8.1",
    });
    let login = post("/session/v1/login-request", None, json!({ "data": data })).await?;
    let read: Json = serde_json::from_str(&login)?;
    let token = read.pointer("/data/token").and_then(Json::as_str).ok_or("no token")?.to_owned();
    let statement = async |sql: &str| {
        let body = json!({"sqlText": sql, "asyncExec": false, "sequenceId": 1});
        post("/queries/v1/query-request", Some(&token), body).await
    };
    let lookup = statement(&LOOKUP.replace("{k}", &ORDER.to_string())).await?;
    let returned = serde_json::from_str::<Json>(&lookup)?;
    if returned.pointer("/data/returned") != Some(&json!(1)) {
        return Err(format!("not one row: {lookup}").into());
    }
    // Secrets of nobody, and still no sight for those who look for secrets.
    let login = ["token", "masterToken"].into_iter().fold(login, |login, name| {
        let secret = read.pointer(&format!("/data/{name}")).and_then(Json::as_str);
        login.replace(secret.unwrap_or("-"), &format!("canned-{name}"))
    });
    std::fs::write(canned::replies().join("login.json"), login + "\n")?;
    std::fs::write(canned::replies().join("lookup.json"), lookup + "\n")?;
    Ok(json!({"written": canned::replies()}))
}
