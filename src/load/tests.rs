//! Whole loads, in virtual time, on sessions that a test describes.

use super::{
    LoadReport, Measured,
    generator::Reopen,
    measure::{Execution, OfMany, Setting, Side, errors, measure},
    merge::{self, Part},
    parameters::Values,
    requests::Template,
    verdict,
    workload::{
        Arrivals, BudgetLine, Compare, Length, Order, Parameter, Query, Rate, Role, Spacing,
        WarmUp, Workload,
    },
};
use crate::{
    run::Partition,
    suite::{Evidence, span::Span},
    target::{
        Cancel, Column, Ending, Execution as Executed, QueryTag, Refusal, Rows, Session, Statement,
        Type, Value,
    },
};
use chrono::Utc;
use futures::{FutureExt, future::BoxFuture};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::{Instant, sleep};

const MS: Duration = Duration::from_millis(1);

/// How long a statement that is sent at an instant since the first takes, and its ending.
type Behaviour = dyn Fn(&str, Duration) -> (Duration, Ending) + Send + Sync;

/// A server, and all that it was sent.
#[derive(Clone)]
struct Server {
    behaves: Arc<Behaviour>,
    began: Arc<Mutex<Option<Instant>>>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(behaves: impl Fn(&str, Duration) -> (Duration, Ending) + Send + Sync + 'static) -> Self {
        Self { behaves: Arc::new(behaves), began: Arc::default(), heard: Arc::default() }
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(Client(self.clone()))
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

struct Client(Server);

impl Session for Client {
    fn execute<'a>(&'a mut self, statement: &'a Statement) -> BoxFuture<'a, Executed> {
        async move {
            let now = Instant::now();
            let since = now - *self.0.began.lock().unwrap().get_or_insert(now);
            self.0.heard.lock().unwrap().push(statement.sql.clone());
            let (elapsed, ending) = (self.0.behaves)(&statement.sql, since);
            sleep(elapsed).await;
            Executed { ending, query_id: None, elapsed }
        }
        .boxed()
    }

    fn canceller(&self) -> Arc<dyn Cancel> {
        Arc::new(Nobody)
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
}

struct Nobody;

impl Cancel for Nobody {
    fn cancel(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}

fn rows(values: &[i128]) -> Ending {
    let data_type = Type::Number { precision: 38, scale: 0 };
    let column = Column { name: "N".to_owned(), data_type, nullable: true };
    let rows = values.iter().map(|it| vec![Value::Number { digits: *it, scale: 0 }]).collect();
    Ending::Rows(Rows { columns: vec![column], rows, affected: None })
}

fn refused(code: &str) -> Ending {
    Ending::Refused(Refusal {
        code: code.to_owned(),
        sqlstate: "57014".to_owned(),
        message: "no".to_owned(),
    })
}

fn role(name: &str) -> Role {
    Role { name: name.to_owned(), session: name.to_owned(), warehouse: None }
}

/// `SELECT {k}`, closed, without a warm-up.
fn workload(sessions: u32, length: Length) -> Workload {
    Workload {
        on: role("standard"),
        arrivals: Arrivals::Closed { think: Duration::ZERO },
        sessions,
        length,
        warm_up: WarmUp::None,
        mix: vec![Query {
            name: "one".to_owned(),
            weight: 1.0,
            sql: "SELECT {k}".to_owned(),
            params: vec![("k".to_owned(), Parameter::List(Vec::new()))],
            binds: false,
            rows: Some((1, None)),
            first_cell: None,
            span: Span::nowhere(),
        }],
        control: Vec::new(),
        give_up_after: None,
        budgets: Vec::new(),
        compare: None,
    }
}

fn open(rate: f64, sessions: u32, length: Duration) -> Workload {
    Workload {
        arrivals: Arrivals::Open { rate: Rate::Constant(rate), spacing: Spacing::Constant },
        ..workload(sessions, Length::For(length))
    }
}

async fn run_on(workload: &Workload, server: &Server, seed: u64) -> Execution {
    run_part(workload, server, seed, None, std::future::pending()).await
}

async fn run_until(
    workload: &Workload,
    server: &Server,
    seed: u64,
    stopped: impl Future<Output = String>,
) -> Execution {
    run_part(workload, server, seed, None, stopped).await
}

/// One part of it, if there are several.
async fn run_part(
    workload: &Workload,
    server: &Server,
    seed: u64,
    part: Option<OfMany>,
    stopped: impl Future<Output = String>,
) -> Execution {
    let reopen: Reopen = {
        let server = server.clone();
        Arc::new(move || {
            let server = server.clone();
            async move { Ok(server.session()) }.boxed()
        })
    };
    let side = |role: &Role| Side {
        role: role.name.clone(),
        session: role.session.clone(),
        warehouse: None,
        sessions: (0..workload.sessions).map(|_| server.session()).collect(),
        reopen: Arc::clone(&reopen),
    };
    let numbers = || vec![Values::Uniform { first: 1, last: 1_000_000 }];
    let template = |it: &Query| Template::new(it, false, numbers(), |_| None).unwrap();
    let setting = Setting {
        name: "test",
        workload: workload.clone(),
        seed,
        templates: workload.mix.iter().map(template).collect(),
        tag: QueryTag::default(),
        give_up_after: Duration::from_secs(60),
        simulated: None,
        // Virtual seconds take no time, in which no CPU can be busy.
        not_ours: Some(""),
        pacer: None,
        now: &Utc::now,
        part,
    };
    let sides = workload.roles().into_iter().map(side).collect();
    measure(&setting, sides, stopped, |_| {}).await
}

/// Quantile of latencies from due, over all of a role, in milliseconds.
fn from_due_ms(measured: &Measured, role: usize, quantile: f64) -> f64 {
    let mut sum = super::Histo::empty();
    for second in measured.roles[role].queries.iter().flat_map(|it| &it.seconds) {
        sum.add(second.from_due.histogram().unwrap()).unwrap();
    }
    sum.value_at_quantile(quantile) as f64 / 1000.0
}

fn sum(measured: &Measured, of: impl Fn(&super::Second) -> u64) -> u64 {
    let queries = measured.roles.iter().flat_map(|it| &it.queries);
    queries.flat_map(|it| &it.seconds).map(of).sum()
}

#[tokio::test(start_paused = true)]
async fn clients_wait_for_their_answers() {
    let server = Server::new(|_, _| (10 * MS, rows(&[1])));
    let workload = workload(4, Length::For(1000 * MS));
    let measured = run_on(&workload, &server, 1).await.measured;
    assert_eq!(sum(&measured, |it| it.ok), 400);
    assert!((from_due_ms(&measured, 0, 0.99) - 10.0).abs() < 0.1);
    assert_eq!(measured.lasted_us, 1_000_000);
    assert_eq!(measured.health.unsound, Vec::<String>::new());

    let thinking = Workload { arrivals: Arrivals::Closed { think: 90 * MS }, ..workload };
    let measured = run_on(&thinking, &server, 1).await.measured;
    assert_eq!(sum(&measured, |it| it.ok), 40);
}

#[tokio::test(start_paused = true)]
async fn a_count_of_requests_is_sent_and_is_the_same_for_any_number_of_clients() {
    let heard = |clients| async move {
        // Answers take longer and shorter, so that clients overtake each other.
        let server = Server::new(|sql, _| (MS * (sql.len() as u32), rows(&[1])));
        run_on(&workload(clients, Length::Requests(500)), &server, 9).await;
        let mut heard = server.heard();
        heard.sort();
        heard
    };
    let (one, many) = (heard(1).await, heard(40).await);
    assert_eq!(one.len(), 500);
    assert_eq!(one, many);
}

/// The server stands still for the eleventh second.
fn freezing() -> Server {
    Server::new(|_, at| {
        let (from, until) = (Duration::from_secs(10), Duration::from_secs(11));
        let frozen = if (from..until).contains(&at) { until - at } else { Duration::ZERO };
        (frozen + MS, rows(&[1]))
    })
}

#[tokio::test(start_paused = true)]
async fn an_open_loop_sees_all_of_a_freeze() {
    let workload = open(200.0, 250, Duration::from_secs(20));
    let measured = run_on(&workload, &freezing(), 1).await.measured;
    assert_eq!(sum(&measured, |it| it.ok), 4000);
    let (p99, p999) = (from_due_ms(&measured, 0, 0.99), from_due_ms(&measured, 0, 0.999));
    assert!((p99 - 800.0).abs() < 16.0, "{p99}");
    assert!((p999 - 980.0).abs() < 19.6, "{p999}");
    assert_eq!(measured.health.unsound, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn too_few_sessions_make_a_load_unsound_and_do_not_shorten_latencies() {
    let workload = open(200.0, 20, Duration::from_secs(20));
    let measured = run_on(&workload, &freezing(), 1).await.measured;
    let unsound = measured.health.unsound.join("\n");
    assert!(unsound.contains("20 sessions are too few to keep the schedule"), "{unsound}");
    // From due, those that waited for a session waited as long as the others.
    let p99 = from_due_ms(&measured, 0, 0.99);
    assert!((780.0..=850.0).contains(&p99), "{p99}");
}

#[tokio::test(start_paused = true)]
async fn what_is_due_and_never_sent_is_dropped() {
    // Two sessions of 50 ms send 40 a second, of 100.
    let server = Server::new(|_, _| (50 * MS, rows(&[1])));
    let measured = run_on(&open(100.0, 2, Duration::from_secs(2)), &server, 1).await.measured;
    let (due, ok) = (sum(&measured, |it| it.due), sum(&measured, |it| it.ok));
    let dropped = sum(&measured, |it| it.dropped);
    assert_eq!((due, due - ok), (200, dropped));
    assert!((118..=122).contains(&dropped), "{dropped}");
    let unsound = measured.health.unsound.join("\n");
    assert!(unsound.contains("requests were never sent"), "{unsound}");
}

#[tokio::test(start_paused = true)]
async fn endings_are_told_apart_and_nothing_is_sent_twice() {
    let count = Arc::new(Mutex::new(0));
    let server = Server::new(move |_, _| {
        let mut count = count.lock().unwrap();
        *count += 1;
        match *count {
            10 | 20 => (5000 * MS, refused("000630")),
            30 => (MS, refused("000604")),
            40 => (MS, Ending::Lost { cause: "reset".to_owned() }),
            50 => (MS, Ending::TimedOut { after: 60_000 * MS }),
            60 => (MS, rows(&[])),
            _ => (MS, rows(&[1, 2])),
        }
    });
    let executed = run_on(&workload(3, Length::Requests(100)), &server, 1).await;
    let measured = executed.measured;
    let expected = [("000604", 1), ("000630", 2), ("given up", 1), ("lost", 1)];
    let expected: Vec<_> = expected.map(|(it, count)| (it.to_owned(), count)).into();
    assert_eq!(errors(&measured), expected);
    assert_eq!(sum(&measured, |it| it.ok), 94);
    assert_eq!(sum(&measured, |it| it.wrong_rows), 1);
    let censored = |it: &super::Second| it.censored.histogram().unwrap().len();
    assert_eq!(sum(&measured, censored), 2);
    assert_eq!(server.heard().len(), 100);
    assert_eq!(executed.sides[0].sessions.len(), 3);
    let endings: Vec<&str> =
        measured.roles[0].queries[0].exchanges.iter().map(|it| it.ending.as_str()).collect();
    assert!(endings.contains(&"0 rows, expected at least 1"), "{endings:?}");
}

#[tokio::test(start_paused = true)]
async fn the_first_cell_can_be_held_against_the_parameter() {
    let echo = |sql: &str, _| {
        let number: i128 = sql.trim_start_matches("SELECT ").parse().unwrap();
        (MS, rows(&[if number % 2 == 0 { number } else { 0 }]))
    };
    let mut workload = workload(2, Length::Requests(200));
    workload.mix[0].first_cell = Some("k".to_owned());
    let measured = run_on(&workload, &Server::new(echo), 1).await.measured;
    let wrong = sum(&measured, |it| it.wrong_rows);
    assert!((60..140).contains(&wrong), "{wrong}");
    assert_eq!(sum(&measured, |it| it.ok) + wrong, 200);
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_is_in_no_figure_and_leaves_the_requests_as_they_are() {
    // Slow at first.
    let cold = || {
        Server::new(|_, at| {
            let more = 100_u32.saturating_sub(u32::try_from(at.as_millis() / 30).unwrap());
            ((20 + 2 * more) * MS, rows(&[1]))
        })
    };
    let warm_up = WarmUp::UntilSteady { at_most: Duration::from_secs(60) };
    let workload = Workload { warm_up, ..workload(8, Length::Requests(300)) };
    let server = cold();
    let measured = run_on(&workload, &server, 4).await.measured;
    assert!(from_due_ms(&measured, 0, 1.0) < 21.0);
    let warm_up = &measured.roles[0].warm_up;
    assert!(warm_up.ended.starts_with("steady: the last 3 medians"), "{warm_up:?}");
    assert!((5_000_000..9_000_000).contains(&warm_up.lasted_us), "{warm_up:?}");
    assert_eq!(warm_up.requests + 300, server.heard().len() as u64);

    let without = Workload { warm_up: WarmUp::None, ..workload };
    let other = cold();
    run_on(&without, &other, 4).await;
    let (mut measured, mut alone) =
        (server.heard().split_off(warm_up.requests as usize), other.heard());
    measured.sort();
    alone.sort();
    assert_eq!(measured, alone);
}

#[tokio::test(start_paused = true)]
async fn compared_roles_have_the_same_requests_in_turns() {
    let server = Server::new(|_, _| (10 * MS, rows(&[1])));
    let order = Order::Interleaved { turn: Duration::from_secs(1) };
    let compare = Some(Compare { with: role("interactive"), order });
    let workload = Workload { compare, ..open(50.0, 4, Duration::from_secs(6)) };
    let measured = run_on(&workload, &server, 2).await.measured;
    let [one, other] = measured.roles.as_slice() else { panic!("two roles") };
    assert_eq!((one.role.as_str(), other.role.as_str()), ("standard", "interactive"));
    let seconds = |role: &super::RoleMeasured| -> Vec<u32> {
        role.queries[0].seconds.iter().filter(|it| it.ok > 5).map(|it| it.second).collect()
    };
    assert_eq!(sum(&measured, |it| it.ok), 600);
    assert_eq!(measured.lasted_us, 6_000_000);
    assert_eq!(seconds(one).len() + seconds(other).len(), 12, "{measured:?}");
    assert!(seconds(one).iter().all(|it| !seconds(other).contains(it)));
    let mut heard = server.heard();
    heard.sort();
    assert!(heard.chunks(2).all(|it| it[0] == it[1]));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_is_stopped_says_why_and_ends() {
    let server = Server::new(|_, _| (10 * MS, rows(&[1])));
    let stopped = async {
        sleep(Duration::from_millis(2500)).await;
        "interrupted".to_owned()
    };
    let workload = workload(4, Length::For(Duration::from_secs(3600)));
    let began = Instant::now();
    let executed = run_until(&workload, &server, 1, stopped).await;
    assert_eq!(executed.stopped.as_deref(), Some("interrupted"));
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(executed.sides[0].sessions.len(), 4);
}

/// With these budgets, of the first role.
fn budgeted(workload: Workload, budgets: &[&str]) -> Workload {
    let line = |text: &&str| BudgetLine {
        budget: text.parse().unwrap(),
        query: None,
        role: None,
        compares: false,
        evidence: Evidence::None,
        source: None,
        span: Span::nowhere(),
    };
    Workload { budgets: budgets.iter().map(line).collect(), ..workload }
}

/// Budgets that are lost after so many seconds of a minute of 100 a second, of 600 ms each: what was
/// told.
async fn ended_early(budgets: &[&str], workload: Workload) -> (Execution, Duration, Server) {
    let server = Server::new(|_, _| (600 * MS, rows(&[1])));
    let workload = budgeted(workload, budgets);
    let began = Instant::now();
    let executed = run_on(&workload, &server, 1).await;
    (executed, began.elapsed(), server)
}

#[tokio::test(start_paused = true)]
async fn a_load_ends_as_soon_as_a_budget_is_lost_for_certain() {
    let minute = || open(100.0, 80, Duration::from_secs(60));
    // Of 6,000 requests 300 may be above the limit, which is known when the fourth second ends: 341
    // had ended by then.
    let (executed, took, server) = ended_early(&["p95 <= 100ms"], minute()).await;
    let lost = executed.lost.unwrap();
    assert_eq!((lost.ended, lost.of), (340, Some(6000)), "{lost:?}");
    assert_eq!(
        lost.in_words(),
        "ended early, after 340 of 6000 requests: `p95 <= 100ms`: 340 of at most 6,000 requests are \
         above the limit, where 300 may be"
    );
    assert_eq!(executed.stopped, None);
    assert!(took < Duration::from_secs(5), "{took:?}");
    // What had been sent is waited for, and what had not is not due.
    let measured = &executed.measured;
    assert_eq!(sum(measured, |it| it.ok), server.heard().len() as u64);
    assert_eq!(sum(measured, |it| it.due), server.heard().len() as u64);
    assert_eq!(measured.health.unsound, Vec::<String>::new());
    assert_eq!(executed.sides[0].sessions.len(), 80);
    assert!((4_000_000..5_000_000).contains(&measured.lasted_us), "{}", measured.lasted_us);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_may_still_keep_its_budgets_goes_on() {
    let minute = || open(100.0, 80, Duration::from_secs(60));
    for budgets in [&["p95 <= 1s"][..], &["throughput >= 1000/s", "p95 ratio >= 3"], &[]] {
        let (executed, took, server) = ended_early(budgets, minute()).await;
        assert_eq!((executed.lost, server.heard().len()), (None, 6000), "{budgets:?}");
        assert!(took >= Duration::from_secs(60));
    }
    // Of a closed loop nobody knows how many more there are, and a quantile may still be saved.
    let closed = workload(4, Length::For(Duration::from_secs(10)));
    let (executed, took, _) = ended_early(&["p95 <= 100ms"], closed.clone()).await;
    assert_eq!((executed.lost, took.as_secs()), (None, 10));
    // A greatest value cannot.
    let (executed, took, _) = ended_early(&["max <= 100ms"], closed).await;
    assert_eq!(executed.lost.map(|it| it.of), Some(None));
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_roles_that_are_compared_end_with_the_tested_one() {
    let compare = Some(Compare { with: role("interactive"), order: Order::Apart });
    let counted = Workload { compare, ..workload(4, Length::Requests(1000)) };
    let (executed, _, server) = ended_early(&["p50 <= 100ms"], counted).await;
    // More than 500 are needed, so that it is known in the second in which they are there.
    let lost = executed.lost.unwrap();
    assert!((501..=520).contains(&lost.ended), "{lost:?}");
    assert_eq!(lost.of, Some(1000));
    assert!(server.heard().len() < 530);
    assert_eq!(executed.measured.roles.len(), 2);
}

/// Answers that take from 5 to 100 ms: how long is a fact of the statement, whoever sends it.
fn steady_server() -> Server {
    Server::new(|sql, _| {
        let key: u64 = sql.bytes().fold(7, |sum, it| sum * 31 % 1_000_003 + u64::from(it));
        let ending = match key % 50 {
            0 => refused("000630"),
            1 => refused("000604"),
            2 => rows(&[]),
            _ => rows(&[1]),
        };
        (u32::try_from(5 + key % 96).unwrap() * MS, ending)
    })
}

/// All parts of a load, executed apart from each other and merged; and what they sent.
async fn in_parts(workload: &Workload, parts: u32) -> (LoadReport, Vec<String>) {
    let mut reports = Vec::new();
    let mut heard = Vec::new();
    for number in 1..=parts {
        let partition = Partition::new(number, parts).unwrap();
        let server = steady_server();
        let own = workload.of_part(partition);
        // Each is executed now, and says that it was at the time of all.
        let start_at = Utc::now() + chrono::TimeDelta::seconds(2);
        let part = Some(OfMany { partition, start_at });
        let executed = run_part(&own, &server, 7, part, std::future::pending()).await;
        assert_eq!(executed.stopped, None);
        let mut measured = executed.measured;
        measured.began = chrono::DateTime::UNIX_EPOCH;
        let judged = verdict::judged_later(&measured, &own);
        reports.push((partition, LoadReport { measured, judged }));
        heard.extend(server.heard());
    }
    let parts: Vec<Part<'_>> =
        reports.iter().map(|(partition, report)| Part { partition: *partition, report }).collect();
    heard.sort();
    (merge::merge(&parts, &[]).unwrap(), heard)
}

#[tokio::test(start_paused = true)]
async fn the_parts_of_a_load_are_together_the_load() {
    let poisson = Arrivals::Open { rate: Rate::Constant(100.0), spacing: Spacing::Poisson };
    let ramp = Rate::Ramp { from: 20.0, to: 180.0 };
    let ramp = Arrivals::Open { rate: ramp, spacing: Spacing::Constant };
    for arrivals in [poisson, ramp] {
        let workload = Workload { arrivals, ..open(100.0, 60, Duration::from_secs(10)) };
        let workload = budgeted(workload, &["p50 <= 70ms", "errors <= 20%", "throughput >= 80/s"]);
        let server = steady_server();
        let whole = run_on(&workload, &server, 7).await.measured;
        let mut heard = server.heard();
        heard.sort();
        for count in [1, 2, 3, 7] {
            let (merged, sent) = in_parts(&workload, count).await;
            assert_eq!(sent, heard, "{count} parts");
            let [role] = merged.measured.roles.as_slice() else { panic!("{merged:?}") };
            let expected = &whole.roles[0];
            for (query, expected) in role.queries.iter().zip(&expected.queries) {
                // Counts and histograms, second by second.
                assert_eq!(query.seconds, expected.seconds, "{count} parts");
            }
            assert_eq!(role.sessions, expected.sessions);
            assert!((role.wanted_rate.unwrap() - expected.wanted_rate.unwrap()).abs() < 1e-9);
            let judged = verdict::judged(&whole, &workload);
            let told = |it: &super::Judged| (it.budget.clone(), it.verdict, it.why.clone());
            assert_eq!(
                merged.judged.iter().map(told).collect::<Vec<_>>(),
                judged.iter().map(told).collect::<Vec<_>>(),
                "{count} parts"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_parts_of_a_counted_load_send_each_request_once() {
    let workload = workload(7, Length::Requests(100));
    let server = steady_server();
    run_on(&workload, &server, 7).await;
    let mut heard = server.heard();
    heard.sort();
    for count in [2, 3] {
        let (merged, sent) = in_parts(&workload, count).await;
        assert_eq!(sent, heard, "{count} parts");
        assert_eq!(sum(&merged.measured, |it| it.due), 100);
        assert_eq!(merged.measured.roles[0].sessions, 7);
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_ready_too_late_says_so() {
    let partition = Partition::new(2, 3).unwrap();
    let start_at = Utc::now() - chrono::TimeDelta::seconds(3);
    let part = Some(OfMany { partition, start_at });
    let workload = open(10.0, 4, Duration::from_secs(1));
    let server = steady_server();
    let executed = run_part(&workload, &server, 1, part, std::future::pending()).await;
    let cause = executed.stopped.unwrap();
    assert!(cause.contains("and this one was ready 3.0 s later"), "{cause}");
    assert_eq!(server.heard(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn parts_that_do_not_go_together_are_told() {
    let workload = budgeted(open(50.0, 6, Duration::from_secs(2)), &["p95 <= 100ms"]);
    let part = |number| Partition::new(number, 2).unwrap();
    let mut reports = Vec::new();
    for number in [1, 2] {
        let partition = part(number);
        let start_at = Utc::now() + chrono::TimeDelta::seconds(2);
        let of = Some(OfMany { partition, start_at });
        let own = workload.of_part(partition);
        let executed = run_part(&own, &steady_server(), 7, of, std::future::pending()).await;
        let mut measured = executed.measured;
        measured.began = chrono::DateTime::UNIX_EPOCH;
        let judged = verdict::judged_later(&measured, &own);
        reports.push(LoadReport { measured, judged });
    }
    let merged = |a: &LoadReport, b: &LoadReport| {
        let parts =
            [Part { partition: part(1), report: a }, Part { partition: part(2), report: b }];
        merge::merge(&parts, &[])
    };
    assert_eq!(merged(&reports[0], &reports[1]).unwrap().measured.health.unsound, [""; 0]);

    let mut late = reports[1].clone();
    late.measured.began += chrono::TimeDelta::milliseconds(1500);
    let unsound = merged(&reports[0], &late).unwrap();
    assert_eq!(
        unsound.measured.health.unsound,
        ["part 2/2 began 1.5 s after part 1/2: what is added up was not executed at one time"]
    );
    assert_eq!(unsound.judged[0].verdict, super::Verdict::Invalid);

    let mut unfit = reports[1].clone();
    unfit.measured.health.unsound = vec!["too few sessions".to_owned()];
    unfit.measured.health.busiest_cpu = Some(0.95);
    let unsound = merged(&reports[0], &unfit).unwrap().measured.health;
    assert_eq!(unsound.unsound, ["part 2/2: too few sessions"]);
    assert_eq!(unsound.busiest_cpu, Some(0.95));

    let mut other = reports[1].clone();
    other.measured.seed = 8;
    let err = merged(&reports[0], &other).unwrap_err();
    assert_eq!(err, "parts 1/2 and 2/2 are not of one load: they have other seeds 7 and 8");

    let alone = [Part { partition: part(1), report: &reports[0] }];
    let unsound = merge::merge(&alone, &[part(2)]).unwrap().measured.health.unsound;
    assert_eq!(unsound, ["part 2/2 is missing"]);
}
