//! Point lookups by clustering key on an interactive table, over HTTP: how many a second, how
//! long, and how many micro-partitions each reads.
//!
//! `cargo bench --bench point_lookup [-- ORDERS]` (1,000,000 orders unless said otherwise). Client
//! and emulator share the machine, so the figures are of both together; compare them as ratios.

mod common;

use common::{build_orders, execute};
use hdrhistogram::Histogram;
use snowgauge::{
    suite::Release,
    target::{EmulatorTarget, LoginRequest, Target},
};
use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let orders: u64 = std::env::args().skip(1).find_map(|it| it.parse().ok()).unwrap_or(1_000_000);
    let target = Arc::new(EmulatorTarget::start(Release::ZeroCopy)?);
    let mut session = target.login(LoginRequest::default()).await?;
    let built = Instant::now();
    build_orders(session.as_mut(), orders).await?;
    println!("{orders} orders built in {:.1} s", built.elapsed().as_secs_f64());

    println!("sessions   lookups/s   p50 us   p99 us   max us   samples");
    for sessions in [1, 16] {
        measure(&target, sessions, orders).await?;
    }
    let scanned = execute(
        session.as_mut(),
        "SELECT AVG(PARTITIONS_SCANNED), MAX(PARTITIONS_SCANNED), MAX(PARTITIONS_TOTAL) \
         FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY(RESULT_LIMIT => 10000)) \
         WHERE QUERY_TEXT LIKE 'SELECT * FROM ORDER_LOOKUP WHERE ORDER_ID = %'",
    )
    .await?;
    println!(
        "micro-partitions read by a lookup (mean, most) and there are: {}",
        scanned.join(", ")
    );
    session.close().await;
    Ok(())
}

/// Closed loop: each session asks for one order after another.
async fn measure(
    target: &Arc<EmulatorTarget>,
    sessions: u64,
    orders: u64,
) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let mut tasks = Vec::new();
    for number in 0..sessions {
        let request =
            LoginRequest { warehouse: Some("BENCH_IW".to_owned()), ..LoginRequest::default() };
        let mut session = target.login(request).await?;
        tasks.push(tokio::spawn(async move {
            let mut histogram = histogram().map_err(|error| error.to_string())?;
            let mut order = number * 7_919;
            while started.elapsed() < WARM_UP + MEASURED {
                // A walk over all orders that looks random.
                order = (order * 48_271 + 11) % orders;
                let wanted = (order + 1).to_string();
                let sql = format!("SELECT * FROM ORDER_LOOKUP WHERE ORDER_ID = {wanted}");
                let sent = Instant::now();
                let row = execute(session.as_mut(), &sql).await?;
                let took = sent.elapsed();
                if row.first() != Some(&wanted) {
                    return Err(format!("order {wanted} was not found: {row:?}"));
                }
                if started.elapsed() > WARM_UP {
                    histogram.saturating_record(took.as_micros() as u64);
                }
            }
            session.close().await;
            Ok::<_, String>(histogram)
        }));
    }
    let mut all = histogram()?;
    for task in tasks {
        all.add(task.await??)?;
    }
    println!(
        "{sessions:>8}   {:>9.0}   {:>6}   {:>6}   {:>6}   {:>7}",
        all.len() as f64 / MEASURED.as_secs_f64(),
        all.value_at_quantile(0.5),
        all.value_at_quantile(0.99),
        all.max(),
        all.len(),
    );
    Ok(())
}

/// Microseconds up to a minute: a histogram that is left to grow by itself would record what is
/// beyond its bound as almost nothing.
fn histogram() -> Result<Histogram<u64>, hdrhistogram::CreationError> {
    Histogram::new_with_bounds(1, 60_000_000, 3)
}
