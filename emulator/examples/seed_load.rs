//! Plays the seed's load test on an emulator with a capacity model, in real time, and prints what
//! its sessions measured: 150 clients in a closed loop, 500 queries of the mix 50/30/20, on a
//! standard and then on an interactive warehouse.
//!
//! `cargo run --example seed_load [MODEL]`, such as `seed@0.5`. Takes 20 s with `seed`.

use chrono::Utc;
use snowgauge_emulator::{
    engine::{Engine, LoginOptions, Request, Session, Settings},
    warehouse::capacity::Capacity,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use uuid::Uuid;

const CLIENTS: usize = 150;
const QUERIES: u64 = 500;
/// Few, so that computing the answers takes little of the times that are simulated.
const ORDERS: u64 = 20_000;

/// Whether it succeeded.
async fn execute(session: &Arc<Session>, sql: String) -> bool {
    let request = Request {
        sql,
        binds: BTreeMap::new(),
        parameters: BTreeMap::new(),
        describe_only: false,
        query_id: Uuid::new_v4(),
        submitted_at: Utc::now(),
    };
    session.execute(request).await.result.is_ok()
}

/// Half by the clustering key, three in ten by another column, two in ten over all orders.
fn query(number: u64) -> String {
    let id = number * 7_919 % ORDERS;
    match number % 10 {
        0..5 => format!("SELECT * FROM orders WHERE id = {id}"),
        5..8 => format!("SELECT * FROM orders WHERE customer = {}", id % 10_000),
        _ => format!("SELECT status, COUNT(*) FROM orders WHERE id <> {id} GROUP BY status"),
    }
}

/// P95, median and mean in milliseconds of what succeeded.
async fn load(engine: &Arc<Engine>, warehouse: &str) -> [f64; 3] {
    let next = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let warehouse = Some(warehouse.to_owned());
            let session =
                engine.open_session(LoginOptions { warehouse, ..LoginOptions::default() });
            let next = Arc::clone(&next);
            tokio::spawn(async move {
                execute(&session, "ALTER SESSION SET USE_CACHED_RESULT = FALSE".to_owned()).await;
                let mut latencies: Vec<Duration> = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if QUERIES <= number {
                        return latencies;
                    }
                    let sent = Instant::now();
                    if execute(&session, query(number)).await {
                        latencies.push(sent.elapsed());
                    }
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for client in clients {
        all.extend(client.await.expect("no client panics"));
    }
    if all.len() < QUERIES as usize {
        let failed = QUERIES as usize - all.len();
        println!("{warehouse}: {failed} failed; is the machine too busy for this?");
    }
    all.sort_unstable();
    let ms = |it: Duration| it.as_secs_f64() * 1000.0;
    let mean = all.iter().sum::<Duration>() / (all.len() as u32).max(1);
    let at = |index: usize| all.get(index).copied().unwrap_or_default();
    [ms(at(all.len() * 95 / 100)), ms(at(all.len() / 2)), ms(mean)]
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "seed".to_owned());
    let capacity: Capacity = name.parse()?;
    let engine = Engine::new(Settings { capacity: Some(capacity), ..Settings::default() });
    let session = engine.open_session(LoginOptions::default());
    for sql in [
        format!(
            "CREATE INTERACTIVE TABLE orders CLUSTER BY (id) AS SELECT seq4() AS id, \
             seq4() * 31 % 10000 AS customer, seq4() % 5 AS status \
             FROM TABLE(GENERATOR(ROWCOUNT => {ORDERS}))"
        ),
        "CREATE WAREHOUSE std".to_owned(),
        "CREATE INTERACTIVE WAREHOUSE iw".to_owned(),
        "ALTER WAREHOUSE iw ADD TABLES (orders)".to_owned(),
        "ALTER SESSION SET USE_CACHED_RESULT = FALSE".to_owned(),
        // Both caches are warm then.
        "SELECT COUNT(DISTINCT customer) FROM orders".to_owned(),
        "USE WAREHOUSE std".to_owned(),
        "SELECT COUNT(DISTINCT customer) FROM orders".to_owned(),
    ] {
        assert!(execute(&session, sql.clone()).await, "{sql}");
    }
    println!("capacity model {name}: {CLIENTS} clients, {QUERIES} queries; a simulation");
    let standard = load(&engine, "STD").await;
    let interactive = load(&engine, "IW").await;
    for (at, what) in ["P95", "median", "mean"].into_iter().enumerate() {
        let (standard, interactive) = (standard[at], interactive[at]);
        let ratio = standard / interactive;
        println!("{what:<7} {standard:>7.0} ms {interactive:>7.0} ms  ratio {ratio:.2}");
    }
    Ok(())
}
