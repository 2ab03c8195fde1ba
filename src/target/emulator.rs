//! The embedded emulator as a target.
//!
//! It is started on a thread and a runtime of its own, listens on the loopback address, and is
//! reached as an account is: by the live client, over HTTP. Its clock is asked over HTTP as well, and
//! is virtual as a rule: whoever sleeps moves it on, and what was due meanwhile has been done.

use super::{Connection, LiveTarget, LoginError, LoginRequest, Session, Target, TargetKind};
use crate::suite::Release;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use reqwest::Client;
use snowgauge_emulator::{
    Emulator, EmulatorSettings, Regression, clock::Clock, engine, warehouse::capacity::Capacity,
};
use std::{
    io,
    net::SocketAddr,
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc as control, oneshot};

/// What the names of its threads begin with.
const THREAD: &str = "emulator";

/// An emulator that lives as long as this.
pub struct EmulatorTarget {
    live: LiveTarget,
    address: SocketAddr,
    /// None where time is real.
    clock: Option<RemoteClock>,
    /// The name of its capacity model.
    capacity: Option<String>,
    /// Closed when this is dropped, at which the emulator stops.
    orders: control::UnboundedSender<Order>,
}

/// The emulator's word for a release. The crates share none, since a client of the emulator
/// alone needs no suites.
pub fn emulated(release: Release) -> snowgauge_emulator::Release {
    match release {
        Release::Preview => snowgauge_emulator::Release::Preview,
        Release::Attached => snowgauge_emulator::Release::Attached,
        Release::Fallback => snowgauge_emulator::Release::Fallback,
        Release::ZeroCopy => snowgauge_emulator::Release::ZeroCopy,
    }
}

/// How an emulator's time goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Time {
    /// As everybody's, and by as much as anybody sleeps, at once.
    #[default]
    Virtual,
    Real,
}

/// The virtual clock of an emulator, over HTTP.
struct RemoteClock {
    client: Client,
    url: String,
    reading: Mutex<Reading>,
}

/// What the clock showed, and when that was. From there on it goes as ours does.
#[derive(Clone, Copy)]
struct Reading {
    showed: DateTime<Utc>,
    at: Instant,
}

impl RemoteClock {
    /// A virtual clock begins with the time of the day.
    fn new(address: SocketAddr) -> Self {
        let client = Client::builder().no_proxy().build().unwrap_or_default();
        let reading = Mutex::new(Reading { showed: Utc::now(), at: Instant::now() });
        Self { client, url: format!("http://{address}/emulator/clock"), reading }
    }

    fn now(&self) -> DateTime<Utc> {
        let reading = *self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.showed + TimeDelta::from_std(reading.at.elapsed()).unwrap_or_default()
    }

    /// Moves the clock on; what was due on the way is done when this returns. A server that does
    /// not answer, as one that stops, is waited for in real time: the next statement tells.
    async fn sleep(&self, duration: Duration) {
        match self.advance(duration).await {
            Some(showed) => {
                let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
                // Of two jumps at once, the later answer may come first.
                let gone = TimeDelta::from_std(reading.at.elapsed()).unwrap_or_default();
                if showed > reading.showed + gone {
                    *reading = Reading { showed, at: Instant::now() };
                }
            }
            None => tokio::time::sleep(duration).await,
        }
    }

    /// What the clock shows after a jump.
    async fn advance(&self, duration: Duration) -> Option<DateTime<Utc>> {
        let body = serde_json::json!({ "advance_us": duration.as_micros() as u64 });
        let request = self.client.post(&self.url).body(body.to_string());
        let request = request.header("content-type", "application/json");
        let answer = request.send().await.ok()?.error_for_status().ok()?;
        let answer: serde_json::Value = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
        DateTime::from_timestamp_micros(answer.get("now_us")?.as_i64()?)
    }
}

enum Order {
    ExpireSessionTokens(oneshot::Sender<()>),
    Stop(oneshot::Sender<()>),
}

impl EmulatorTarget {
    /// Starts an emulator of a release on a free port.
    pub fn start(release: Release) -> io::Result<Self> {
        Self::start_regressed(release, None)
    }

    /// Starts one that has something wrong.
    pub fn start_regressed(release: Release, regression: Option<Regression>) -> io::Result<Self> {
        Self::start_in(Time::Virtual, release, regression)
    }

    /// Starts one whose time is real, if somebody wants to wait.
    pub fn start_in(
        time: Time,
        release: Release,
        regression: Option<Regression>,
    ) -> io::Result<Self> {
        Self::start_simulated(time, release, regression, None)
    }

    /// Starts one on which queries take the times of a capacity model.
    pub fn start_simulated(
        time: Time,
        release: Release,
        regression: Option<Regression>,
        capacity: Option<Capacity>,
    ) -> io::Result<Self> {
        let clock = match time {
            Time::Real => Clock::real(),
            Time::Virtual => Clock::virtual_time(),
        };
        let release = emulated(release);
        let engine = engine::Settings {
            release,
            regression,
            clock,
            capacity,
            ..engine::Settings::default()
        };
        Self::start_with(EmulatorSettings { engine, ..EmulatorSettings::default() })
    }

    /// Starts an emulator, and returns when it listens. Blocks for so long, which is milliseconds.
    pub fn start_with(settings: EmulatorSettings) -> io::Result<Self> {
        let is_virtual = settings.engine.clock.is_virtual();
        let capacity = settings.engine.capacity.as_ref().map(|it| it.name());
        let (orders, received) = control::unbounded_channel();
        let (started, listening) = mpsc::channel();
        thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || run(settings, received, &started))?;
        let ended = |_| io::Error::other("the emulator's thread ended before it listened");
        let address = listening.recv().map_err(ended)??;
        let live = LiveTarget::of_kind(Connection::loopback(address), TargetKind::Emulator);
        let clock = is_virtual.then(|| RemoteClock::new(address));
        Ok(Self { live, address, clock, capacity, orders })
    }

    /// Where it listens, for other clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes every session's next request answer that its token has run out.
    pub async fn expire_session_tokens(&self) {
        self.order(Order::ExpireSessionTokens).await;
    }

    /// Stops it and waits until it has stopped. Dropping it stops it without waiting.
    pub async fn stop(self) {
        self.order(Order::Stop).await;
    }

    async fn order(&self, order: impl FnOnce(oneshot::Sender<()>) -> Order) {
        let (done, is_done) = oneshot::channel();
        if self.orders.send(order(done)).is_ok() {
            // An error is the emulator having ended, which is as good.
            let _ = is_done.await;
        }
    }
}

/// The emulator's thread, until it is told to stop or nobody is left to tell it.
fn run(
    settings: EmulatorSettings,
    mut orders: control::UnboundedReceiver<Order>,
    started: &mpsc::Sender<io::Result<SocketAddr>>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name(format!("{THREAD}-worker"))
        .thread_stack_size(snowgauge_emulator::STACK_BYTES)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    runtime.block_on(async {
        let emulator = match Emulator::start(settings).await {
            Ok(emulator) => emulator,
            Err(error) => {
                let _ = started.send(Err(error));
                return;
            }
        };
        let _ = started.send(Ok(emulator.address()));
        let done = loop {
            match orders.recv().await {
                Some(Order::ExpireSessionTokens(done)) => {
                    emulator.expire_session_tokens();
                    let _ = done.send(());
                }
                Some(Order::Stop(done)) => break Some(done),
                None => break None,
            }
        };
        emulator.stop().await;
        if let Some(done) = done {
            let _ = done.send(());
        }
    });
    // A statement that does not heed its cancel must not hold the process.
    runtime.shutdown_background();
}

impl Target for EmulatorTarget {
    fn kind(&self) -> TargetKind {
        self.live.kind()
    }

    fn place(&self) -> String {
        self.live.place()
    }

    fn facts(&self) -> Vec<(String, String)> {
        let fact = |it: &String| ("simulated".to_owned(), format!("capacity model {it}"));
        self.capacity.iter().map(fact).collect()
    }

    fn capacity(&self) -> Option<&str> {
        self.capacity.as_deref()
    }

    fn simulated(&self) -> Option<String> {
        Some(match &self.capacity {
            Some(model) => format!("capacity model {model}"),
            None => "the emulator's own speed: it has no model of a warehouse's".to_owned(),
        })
    }

    fn login(&self, request: LoginRequest) -> BoxFuture<'_, Result<Box<dyn Session>, LoginError>> {
        self.live.login(request)
    }

    fn server_threads(&self) -> Option<&'static str> {
        Some(THREAD)
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.as_ref().map_or_else(Utc::now, RemoteClock::now)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            match &self.clock {
                None => tokio::time::sleep(duration).await,
                Some(clock) => clock.sleep(duration).await,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Ending, Execution, Owner, Part, QueryTag, Statement, Value};
    use chrono::NaiveDate;

    fn shown(execution: &Execution) -> String {
        match &execution.ending {
            Ending::Rows(rows) => {
                let line = |row: &Vec<Value>| {
                    let cells = row.iter().zip(&rows.columns);
                    cells.map(|(it, to)| it.text(&to.data_type)).collect::<Vec<_>>().join("|")
                };
                rows.rows.iter().map(line).collect::<Vec<_>>().join("\n")
            }
            other => format!("{other:?}"),
        }
    }

    fn statement(sql: &str) -> Statement {
        let give_up_after = Duration::from_secs(20);
        Statement { sql: sql.to_owned(), give_up_after, ..Statement::default() }
    }

    async fn login(target: &EmulatorTarget) -> Box<dyn Session> {
        target.login(LoginRequest::default()).await.expect("the emulator lets everyone in")
    }

    async fn check(session: &mut Box<dyn Session>, sql: &str, expected: &str) {
        let execution = session.execute(&statement(sql)).await;
        assert_eq!(shown(&execution), expected, "{sql}");
        assert!(execution.query_id.is_some(), "{sql}");
    }

    #[tokio::test]
    async fn the_live_client_reaches_the_emulator() {
        let target = EmulatorTarget::start(Release::ZeroCopy).unwrap();
        assert_eq!(target.kind(), TargetKind::Emulator);
        assert_eq!(target.place(), target.address().to_string());

        let request = LoginRequest {
            tag: QueryTag::new("1", Owner::Run, Part::Objects),
            ..LoginRequest::default()
        };
        let mut session = target.login(request).await.unwrap();
        check(&mut session, "select 1, 'a', null", "1|a|NULL").await;
        for (name, value) in [("QUERY_TAG", "snowgauge/1"), ("USE_CACHED_RESULT", "false")] {
            let show = format!("show parameters like '{name}'");
            let shown = shown(&session.execute(&statement(&show)).await);
            assert!(shown.starts_with(&format!("{name}|{value}|")), "{shown}");
        }
        session.close().await;
        target.stop().await;
    }

    #[tokio::test]
    async fn what_is_simulated_is_told() {
        let capacity: Capacity = "seed@0.01".parse().unwrap();
        let settings = engine::Settings { capacity: Some(capacity), ..engine::Settings::default() };
        let settings = EmulatorSettings { engine: settings, ..EmulatorSettings::default() };
        let target = EmulatorTarget::start_with(settings).unwrap();
        assert_eq!(target.simulated().as_deref(), Some("capacity model seed@0.01"));
        let fact = ("simulated".to_owned(), "capacity model seed@0.01".to_owned());
        assert_eq!(target.facts(), [fact]);
        let url = format!("http://{}/emulator/capacity", target.address());
        let client = Client::builder().no_proxy().build().unwrap();
        let told = client.get(url).send().await.unwrap().text().await.unwrap();
        assert_eq!(told, r#"{"simulated":"seed@0.01"}"#);
        let plain = EmulatorTarget::start(Release::ZeroCopy).unwrap();
        assert!(plain.simulated().is_some_and(|it| it.starts_with("the emulator's own speed")));
        let why = "the emulator has no limits of a warehouse without `--capacity`";
        assert_eq!((target.lacks("capacity"), plain.lacks("capacity")), (None, Some(why)));
        assert_eq!(plain.facts(), []);
    }

    #[tokio::test]
    async fn every_type_comes_in_both_encodings() {
        let target = EmulatorTarget::start(Release::ZeroCopy).unwrap();
        let mut session = login(&target).await;
        let sql = "select 1.50::number(10,2), 1.25::float, true, '2024-02-29'::date, \
                   '12:30:45.5'::time, '2024-02-29 12:30:45.123'::timestamp_ntz, \
                   null::timestamp_ntz";
        let expected = "1.50|1.25|TRUE|2024-02-29|12:30:45.5|2024-02-29 12:30:45.123|NULL";
        check(&mut session, sql, expected).await;
        for format in ["JSON", "ARROW"] {
            let set = format!("alter session set QUERY_RESULT_FORMAT = '{format}'");
            session.execute(&statement(&set)).await;
            check(&mut session, sql, expected).await;
        }
    }

    #[tokio::test]
    async fn binds_and_counts_of_rows_arrive() {
        let target = EmulatorTarget::start(Release::ZeroCopy).unwrap();
        let mut session = login(&target).await;
        session.execute(&statement("create table t (id int, name varchar, at date)")).await;
        let date = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
        let insert = Statement {
            binds: vec![
                Value::Number { digits: 7, scale: 0 },
                Value::Text("x'y".to_owned()),
                Value::Date(date),
            ],
            ..statement("insert into t values (?, ?, ?)")
        };
        match session.execute(&insert).await.ending {
            Ending::Rows(rows) => assert_eq!(rows.affected, Some(1)),
            other => panic!("{other:?}"),
        }
        check(&mut session, "select * from t", "7|x'y|2024-02-29").await;
    }

    #[tokio::test]
    async fn long_statements_expired_sessions_and_chunks_are_come_through() {
        let settings = EmulatorSettings {
            hold: Duration::from_millis(1),
            chunk_bytes: 2_000,
            ..EmulatorSettings::default()
        };
        let target = EmulatorTarget::start_with(settings).unwrap();
        let mut session = login(&target).await;
        target.expire_session_tokens().await;
        for format in ["ARROW", "JSON"] {
            let set = format!("alter session set QUERY_RESULT_FORMAT = '{format}'");
            session.execute(&statement(&set)).await;
            let sql = "select seq4() as n from table(generator(rowcount => 5000)) order by n";
            let expected: Vec<String> = (0..5000).map(|it| it.to_string()).collect();
            check(&mut session, sql, &expected.join("\n")).await;
        }
    }

    #[tokio::test]
    async fn refusals_timeouts_and_cancels_are_told_apart() {
        let target = EmulatorTarget::start(Release::ZeroCopy).unwrap();
        let mut session = login(&target).await;
        match session.execute(&statement("select * from no_such_table")).await.ending {
            Ending::Refused(refusal) => assert_eq!(refusal.code, "002003"),
            other => panic!("{other:?}"),
        }

        let give_up_after = Duration::from_millis(100);
        let long = Statement { give_up_after, ..statement("call system$wait(30)") };
        let execution = session.execute(&long).await;
        assert_eq!(execution.ending, Ending::TimedOut { after: give_up_after });

        let canceller = session.canceller();
        let long = statement("call system$wait(30)");
        let (execution, ()) = tokio::join!(session.execute(&long), async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            canceller.cancel().await;
        });
        match execution.ending {
            Ending::Refused(refusal) => assert_eq!(refusal.code, "000604"),
            other => panic!("{other:?}"),
        }
    }
}
