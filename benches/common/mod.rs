//! What several benchmarks do alike.

// Not each of them does all of it.
#![allow(dead_code)]

use snowgauge::{
    suite::{self, Action},
    target::{Ending, Session, Statement},
};
use std::{collections::BTreeMap, error::Error, path::PathBuf};

/// The first row, as text.
///
/// # Errors
///
/// Any other ending than rows, with the statement.
pub async fn execute(session: &mut dyn Session, sql: &str) -> Result<Vec<String>, String> {
    let statement = Statement { sql: sql.to_owned(), ..Statement::default() };
    match session.execute(&statement).await.ending {
        Ending::Rows(rows) => {
            let row = rows.rows.into_iter().next().unwrap_or_default();
            Ok(row
                .iter()
                .zip(&rows.columns)
                .map(|(it, column)| it.text(&column.data_type))
                .collect())
        }
        Ending::Refused(refusal) => Err(format!("{refusal}\n{sql}")),
        other => Err(format!("{other:?}\n{sql}")),
    }
}

/// The data set `orders`, as the suites build it, attached to an interactive warehouse `BENCH_IW`
/// that it makes.
pub async fn build_orders(session: &mut dyn Session, orders: u64) -> Result<(), Box<dyn Error>> {
    for sql in [
        "CREATE INTERACTIVE WAREHOUSE BENCH_IW WAREHOUSE_SIZE = 'XSMALL' MAX_CONCURRENCY_LEVEL = 64",
        "ALTER WAREHOUSE BENCH_IW RESUME IF SUSPENDED",
        "USE WAREHOUSE COMPUTE_WH",
    ] {
        execute(session, sql).await?;
    }
    let suites = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("suites");
    let loaded = suite::load(&[suites]).map_err(|errors| errors.to_string())?;
    let data_set = loaded.data_sets.iter().find(|it| it.name == "orders").ok_or("no data set")?;
    let variables: BTreeMap<String, String> = [
        ("scale", orders.to_string()),
        ("customers_count", (orders / 50).max(100).to_string()),
        ("database", "SNOWGAUGE".to_owned()),
        ("schema", "PUBLIC".to_owned()),
        ("interactive", "BENCH_IW".to_owned()),
        ("standard", "COMPUTE_WH".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    for step in &data_set.steps {
        let Action::Execute { sql, .. } = &step.action else { continue };
        let sql = suite::vars::substitute(sql, &variables)
            .map_err(|unknown| format!("unknown variables: {unknown:?}"))?;
        execute(session, &sql).await?;
    }
    Ok(())
}
