//! Five dynamic tables in a row over a million orders that change all the time, and whether each
//! of them is its definition after every refresh.
//!
//! `cargo bench --bench chain [-- ORDERS [MINUTES]]` (1,000,000 orders and 30 minutes unless said
//! otherwise). Time is the emulator's virtual one: every ten seconds of it 2,000 orders change, by
//! INSERT, UPDATE and DELETE; all lags are one minute. Definitions are written down to the base
//! tables, so that an error of one table cannot hide in the next. Prints what was refreshed, what
//! was held against its definition, the wall time and the memory; ends with an error at the first
//! difference.

use futures::{FutureExt, future::BoxFuture};
use snowgauge::{
    refresh::{
        Ask,
        history::{self, State},
        oracle::{self, Table, Verdict},
    },
    suite::{Release, refresh::RefreshedKind},
    target::{EmulatorTarget, Ending, LoginRequest, Refusal, Rows, Session, Statement, Target},
};
use std::{
    collections::BTreeMap,
    error::Error,
    time::{Duration, Instant},
};

/// Between two bunches of changes.
const EVERY: Duration = Duration::from_secs(10);

/// Orders that change in a second, of which two fifths are new, two changed and one deleted.
const CHANGES_A_SECOND: u64 = 200;

struct Asker {
    target: EmulatorTarget,
    session: Box<dyn Session>,
}

impl Ask for Asker {
    type Lost = String;

    fn ask<'a>(
        &'a mut self,
        sql: &'a str,
    ) -> BoxFuture<'a, Result<Result<Rows, Refusal>, Self::Lost>> {
        async move {
            let statement = Statement { sql: sql.to_owned(), ..Statement::default() };
            match self.session.execute(&statement).await.ending {
                Ending::Rows(rows) => Ok(Ok(rows)),
                Ending::Refused(refusal) => Ok(Err(refusal)),
                other => Err(format!("{other:?}\n{sql}")),
            }
        }
        .boxed()
    }

    fn pause(&mut self, duration: Duration) -> BoxFuture<'_, Result<(), Self::Lost>> {
        self.target.sleep(duration).map(Ok).boxed()
    }
}

impl Asker {
    async fn execute(&mut self, sql: &str) -> Result<Rows, String> {
        self.ask(sql).await?.map_err(|refusal| format!("{refusal}\n{sql}"))
    }
}

/// What stands for the table before in each definition.
const BEFORE: &str = "{before}";

/// Name and definition, each over the one before.
const CHAIN: [(&str, &str); 5] = [
    (
        "ENRICHED",
        "SELECT O.ID, O.CUSTOMER, C.REGION, O.AMOUNT, O.STATUS FROM ORDERS{at} O \
         JOIN CUSTOMERS{at} C ON C.CUSTOMER = O.CUSTOMER",
    ),
    (
        "PAID",
        "SELECT ID, CUSTOMER, REGION, AMOUNT * 2 AS REVENUE FROM {before} WHERE STATUS <> 'returned'",
    ),
    (
        "BY_CUSTOMER",
        "SELECT CUSTOMER, REGION, COUNT(*) AS N, SUM(REVENUE) AS TOTAL, MAX(REVENUE) AS MOST \
         FROM {before} GROUP BY CUSTOMER, REGION",
    ),
    (
        "RANKED",
        "SELECT REGION, CUSTOMER, TOTAL, ROW_NUMBER() OVER (PARTITION BY REGION \
         ORDER BY TOTAL DESC, CUSTOMER) AS PLACE FROM {before}",
    ),
    (
        "BEST",
        "SELECT REGION, COUNT(*) AS N, SUM(TOTAL) AS TOTAL FROM {before} WHERE PLACE <= 10 \
         GROUP BY REGION",
    ),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|it| it.parse().ok()).collect();
    let orders = numbers.first().copied().unwrap_or(1_000_000);
    let minutes = numbers.get(1).copied().unwrap_or(30);
    let target = EmulatorTarget::start(Release::ZeroCopy)?;
    let session = target.login(LoginRequest::default()).await?;
    let mut asker = Asker { target, session };

    let (began, from) = (Instant::now(), asker.target.now());
    let tables = build(&mut asker, orders).await?;
    println!("{orders} orders and {} dynamic tables after {} s", tables.len(), seconds(began));
    println!("memory {} MB", memory_mb());

    let began = Instant::now();
    let before = asker.target.now();
    let (mut held, mut seen, mut next_id) = (0_u64, BTreeMap::new(), orders);
    let mut changes = Duration::ZERO;
    held += hold(&mut asker, &tables, &mut seen).await?;
    for bunch in 0..minutes * 60 / EVERY.as_secs() {
        let changing = Instant::now();
        next_id = change(&mut asker, bunch, orders, next_id).await?;
        changes += changing.elapsed();
        asker.pause(EVERY).await?;
        if bunch % 30 == 29 {
            println!(
                "{} minutes: {} s, memory {} MB",
                (bunch + 1) / 6,
                seconds(began),
                memory_mb()
            );
        }
        held += hold(&mut asker, &tables, &mut seen).await?;
    }
    let took = began.elapsed();
    let virtual_minutes = (asker.target.now() - before).num_seconds() as f64 / 60.0;

    let mut refreshes: BTreeMap<(String, String), u64> = BTreeMap::new();
    for table in &tables {
        // The first refresh of each, at its creation, is looked at as well.
        let sql = history::query(table.kind, &table.name, Some(from));
        for it in history::refreshes(&asker.execute(&sql).await?) {
            let action = it.action.unwrap_or_else(|| "none".to_owned());
            *refreshes.entry((it.state.to_string(), action)).or_default() += 1;
        }
    }
    println!(
        "{virtual_minutes:.1} minutes of the emulator in {:.0} s of ours, {:.0} s of them for \
         changing {} orders",
        took.as_secs_f64(),
        changes.as_secs_f64(),
        minutes * 60 * CHANGES_A_SECOND
    );
    for ((state, action), count) in &refreshes {
        println!("{count:>6} refreshes {state} {action}");
    }
    println!("{held:>6} states held against their definitions, all equal");
    let all: u64 = refreshes.values().sum();
    if held != all {
        return Err(format!("{all} refreshes, of which {held} were looked at").into());
    }
    println!("memory {} MB, at most {} MB", memory_mb(), memory_peak_mb());
    Ok(())
}

async fn build(asker: &mut Asker, orders: u64) -> Result<Vec<Table>, String> {
    let customers = orders / 50;
    let numbered = |rows| {
        format!(
            "(SELECT ROW_NUMBER() OVER (ORDER BY SEQ4())::INT AS N \
             FROM TABLE(GENERATOR(ROWCOUNT => {rows})))"
        )
    };
    for sql in [
        format!(
            "CREATE TABLE CUSTOMERS AS SELECT N AS CUSTOMER, MOD(N, 500) AS REGION FROM {}",
            numbered(customers)
        ),
        format!(
            "CREATE TABLE ORDERS AS SELECT N AS ID, 1 + MOD(N * 7919, {customers}) AS CUSTOMER, \
             MOD(N * 7919, 2503) AS AMOUNT, IFF(MOD(N, 20) = 0, 'returned', 'paid') AS STATUS \
             FROM {}",
            numbered(orders)
        ),
    ] {
        asker.execute(&sql).await?;
    }
    let mut tables: Vec<Table> = Vec::new();
    for (name, query) in CHAIN {
        let upstream = tables.last();
        let read = upstream.map_or(String::new(), |it| it.name.clone());
        let written = upstream.map_or(String::new(), |it| format!("({})", it.definition));
        let sql = query.replace(BEFORE, &read).replace("{at}", "");
        asker
            .execute(&format!(
                "CREATE DYNAMIC TABLE {name} TARGET_LAG = '1 minute' WAREHOUSE = COMPUTE_WH \
                 REFRESH_MODE = INCREMENTAL AS {sql}"
            ))
            .await?;
        tables.push(Table {
            name: format!("SNOWGAUGE.PUBLIC.{name}"),
            kind: RefreshedKind::Dynamic,
            definition: query.replace(BEFORE, &written),
        });
    }
    Ok(tables)
}

/// One bunch of changes, other orders each time. Returns the greatest id from then on.
async fn change(asker: &mut Asker, bunch: u64, orders: u64, last: u64) -> Result<u64, String> {
    let fifth = CHANGES_A_SECOND * EVERY.as_secs() / 5;
    let (customers, new) = (orders / 50, 2 * fifth);
    asker
        .execute(&format!(
            "INSERT INTO ORDERS SELECT {last} + N, 1 + MOD(({last} + N) * 7919, {customers}), \
             MOD(N * 31, 2503), 'paid' FROM (SELECT ROW_NUMBER() OVER (ORDER BY SEQ4())::INT AS N \
             FROM TABLE(GENERATOR(ROWCOUNT => {new})))"
        ))
        .await?;
    // Of every so many orders one, spread over all of them.
    let every = orders / new;
    asker
        .execute(&format!(
            "UPDATE ORDERS SET AMOUNT = MOD(AMOUNT + 977, 2503), STATUS = IFF(MOD(ID, 7) = 0, \
             'returned', 'paid') WHERE MOD(ID + {bunch} * 13, {every}) = 0"
        ))
        .await?;
    asker
        .execute(&format!("DELETE FROM ORDERS WHERE MOD(ID + {bunch} * 17, {}) = 3", 2 * every))
        .await?;
    Ok(last + new)
}

/// Holds tables that were refreshed since the last time against their definitions. Returns how
/// many that were.
async fn hold(
    asker: &mut Asker,
    tables: &[Table],
    seen: &mut BTreeMap<String, chrono::DateTime<chrono::Utc>>,
) -> Result<u64, String> {
    let mut held = 0;
    for table in tables {
        let State { data_timestamp, .. } = oracle::state(asker, table).await??;
        if data_timestamp.is_none() || data_timestamp == seen.get(&table.name).copied() {
            continue;
        }
        match oracle::look(asker, table).await? {
            Verdict::Equal(it) => {
                seen.insert(table.name.clone(), it.data_timestamp);
                held += 1;
            }
            Verdict::Differs(it) => {
                return Err(format!(
                    "{} at {data_timestamp:?}: {}\n{}",
                    table.name,
                    it.message,
                    it.rows.unwrap_or_default()
                ));
            }
            Verdict::Unsure { why, .. } => return Err(format!("{}: {why}", table.name)),
        }
    }
    Ok(held)
}

fn seconds(since: Instant) -> u64 {
    since.elapsed().as_secs()
}

/// Resident, of harness and emulator together. 0 where the system does not say.
fn memory_mb() -> u64 {
    memory("VmRSS:")
}

fn memory_peak_mb() -> u64 {
    memory("VmHWM:")
}

fn memory(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix(key));
    let kb = line.and_then(|it| it.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kb.unwrap_or_default() / 1024
}
