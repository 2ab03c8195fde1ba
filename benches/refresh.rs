//! What an incremental refresh costs against a full one, operator by operator, and how that grows
//! with the share of rows that changed.
//!
//! `cargo bench --bench refresh [-- ORDERS]` (1,000,000 orders unless said otherwise). Each
//! definition is a dynamic table twice, once INCREMENTAL and once FULL. After each change both are
//! refreshed by hand, over HTTP, and what the statement took is told, planning and all. Changed
//! rows are spread over the whole table. Both tables are compared after each refresh: a refresh
//! that is fast and wrong has no figure.
//!
//! Prints a table in Markdown. Compare it by its ratios: the times are of one machine.

mod common;

use common::execute;
use snowgauge::{
    suite::Release,
    target::{EmulatorTarget, LoginRequest, Session, Target},
};
use std::{error::Error, time::Instant};

/// Parts in a thousand of the rows that change.
const CHANGED: [u64; 4] = [1, 10, 50, 200];

struct Operator {
    name: &'static str,
    definition: &'static str,
}

const OPERATORS: [Operator; 10] = [
    Operator {
        name: "filter and projection",
        definition: "SELECT ID, AMOUNT * 2 AS DOUBLED, NOTE FROM SALES WHERE AMOUNT > 100",
    },
    Operator {
        name: "UNION ALL",
        definition: "SELECT ID, AMOUNT FROM SALES WHERE AMOUNT > 1500 \
                     UNION ALL SELECT ID, -AMOUNT FROM SALES WHERE AMOUNT < 1000",
    },
    Operator {
        name: "inner join",
        definition: "SELECT S.ID, S.AMOUNT, B.NAME FROM SALES S JOIN BUYERS B ON S.BUYER = B.BUYER",
    },
    Operator {
        name: "left join",
        definition: "SELECT S.ID, S.AMOUNT, B.NAME FROM SALES S LEFT JOIN \
                     (SELECT BUYER, NAME FROM BUYERS WHERE BUYER > 100) B ON S.BUYER = B.BUYER",
    },
    Operator {
        name: "GROUP BY, COUNT and SUM",
        definition: "SELECT BUYER, COUNT(*) AS N, SUM(AMOUNT) AS TOTAL FROM SALES GROUP BY BUYER",
    },
    Operator {
        name: "GROUP BY, MIN and MAX",
        definition: "SELECT BUYER, MIN(AMOUNT) AS LEAST, MAX(AMOUNT) AS MOST FROM SALES \
                     GROUP BY BUYER",
    },
    Operator { name: "DISTINCT", definition: "SELECT DISTINCT BUYER, AMOUNT FROM SALES" },
    Operator {
        name: "window with PARTITION BY",
        definition: "SELECT ID, BUYER, ROW_NUMBER() OVER (PARTITION BY BUYER ORDER BY AMOUNT, ID) \
                     AS PLACE FROM SALES",
    },
    Operator {
        name: "join, then GROUP BY",
        definition: "SELECT B.REGION, B.BUYER, SUM(S.AMOUNT) AS TOTAL FROM SALES S JOIN BUYERS B \
                     ON S.BUYER = B.BUYER GROUP BY B.REGION, B.BUYER",
    },
    Operator {
        name: "scalar aggregate",
        definition: "SELECT COUNT(*) AS N, SUM(AMOUNT) AS TOTAL FROM SALES",
    },
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let orders: u64 = std::env::args().skip(1).find_map(|it| it.parse().ok()).unwrap_or(1_000_000);
    let target = EmulatorTarget::start(Release::ZeroCopy)?;
    let mut session = target.login(LoginRequest::default()).await?;
    let session = session.as_mut();
    build(session, orders).await?;
    let shares: Vec<String> = CHANGED.iter().map(|it| format!("{} %", *it as f64 / 10.0)).collect();
    println!("{orders} rows, {} buyers; milliseconds incremental / full (ratio)\n", orders / 50);
    println!("| operator | {} |", shares.join(" | "));
    println!("|---|{}", "---|".repeat(CHANGED.len()));
    for operator in &OPERATORS {
        let cells = measure(session, operator).await?;
        println!("| {} | {} |", operator.name, cells.join(" | "));
    }
    Ok(())
}

async fn build(session: &mut dyn Session, orders: u64) -> Result<(), Box<dyn Error>> {
    let buyers = orders / 50;
    for sql in [
        format!(
            "CREATE TABLE BUYERS AS SELECT N AS BUYER, 'Buyer ' || N AS NAME, \
             MOD(N, 10) AS REGION FROM (SELECT ROW_NUMBER() OVER (ORDER BY SEQ4())::INT AS N \
             FROM TABLE(GENERATOR(ROWCOUNT => {buyers})))"
        ),
        format!(
            "CREATE TABLE SALES AS SELECT N AS ID, 1 + MOD(N * 7919, {buyers}) AS BUYER, \
             MOD(N * 7919, 2503) AS AMOUNT, 'note ' || N AS NOTE \
             FROM (SELECT ROW_NUMBER() OVER (ORDER BY SEQ4())::INT AS N \
             FROM TABLE(GENERATOR(ROWCOUNT => {orders})))"
        ),
    ] {
        execute(session, &sql).await?;
    }
    Ok(())
}

async fn measure(
    session: &mut dyn Session,
    operator: &Operator,
) -> Result<Vec<String>, Box<dyn Error>> {
    for mode in ["INCREMENTAL", "FULL"] {
        // A lag that keeps the scheduler out of it.
        let sql = format!(
            "CREATE OR REPLACE DYNAMIC TABLE D_{mode} TARGET_LAG = '10 days' \
             WAREHOUSE = COMPUTE_WH REFRESH_MODE = {mode} AS {}",
            operator.definition
        );
        execute(session, &sql).await?;
    }
    // The first refresh builds what the later ones stand on.
    let mut round = 0;
    change(session, 1, round).await?;
    execute(session, "ALTER DYNAMIC TABLE D_INCREMENTAL REFRESH").await?;
    let mut cells = Vec::new();
    for share in CHANGED {
        let mut taken = [0.0; 2];
        const REPEATS: usize = 3;
        for _ in 0..REPEATS {
            round += 1;
            change(session, share, round).await?;
            for (mode, taken) in ["INCREMENTAL", "FULL"].iter().zip(&mut taken) {
                let sent = Instant::now();
                execute(session, &format!("ALTER DYNAMIC TABLE D_{mode} REFRESH")).await?;
                *taken += sent.elapsed().as_secs_f64() * 1_000.0 / REPEATS as f64;
            }
            check(session, operator).await?;
        }
        let [incremental, full] = taken;
        cells.push(format!("{incremental:.0} / {full:.0} ({:.2})", incremental / full));
    }
    Ok(cells)
}

/// Changes some rows in a thousand, other ones in each round.
async fn change(session: &mut dyn Session, share: u64, round: u64) -> Result<(), String> {
    let sql = format!(
        "UPDATE SALES SET AMOUNT = MOD(AMOUNT + 977, 2503) \
         WHERE MOD(ID * 31 + {round} * 211, 1000) < {share}"
    );
    execute(session, &sql).await.map(|_| ())
}

/// That the refresh was what it is called, and both tables have the same rows.
async fn check(session: &mut dyn Session, operator: &Operator) -> Result<(), String> {
    let hashes = |mode: &str| format!("SELECT COUNT(*), HASH_AGG(*) FROM D_{mode}");
    let incremental = execute(session, &hashes("INCREMENTAL")).await?;
    let full = execute(session, &hashes("FULL")).await?;
    if incremental != full {
        return Err(format!("{}: {incremental:?} is not {full:?}", operator.name));
    }
    let action = execute(
        session,
        "SELECT REFRESH_ACTION FROM TABLE(INFORMATION_SCHEMA.DYNAMIC_TABLE_REFRESH_HISTORY(\
         NAME => 'D_INCREMENTAL')) ORDER BY DATA_TIMESTAMP DESC LIMIT 1",
    )
    .await?;
    match action.as_slice() {
        [action] if action == "INCREMENTAL" => Ok(()),
        other => Err(format!("{}: the refresh was {other:?}", operator.name)),
    }
}
