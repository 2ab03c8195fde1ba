//! How long `advance` takes against the whole query, by operator and size of the change. Prints;
//! asserts nothing about time.

use super::{
    super::{Dataflow, Delta},
    kit::{Kit, Whole},
};
use crate::store::table::TableId;
use arrow::{
    array::{ArrayRef, Decimal128Array, RecordBatch, StringArray},
    datatypes::{DataType, SchemaRef},
};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

const ROWS: u64 = 1_000_000;
const GROUPS: u64 = 100_000;
/// Rows of one batch, as scans give them.
const BATCH: usize = 8_192;

const DEFINITIONS: [(&str, &str); 7] = [
    ("filter, projection", "SELECT K, V + 1 AS V FROM T WHERE V > 100"),
    ("GROUP BY, kept", "SELECT G, COUNT(*) AS N, SUM(V) AS S FROM T GROUP BY G"),
    ("GROUP BY, again", "SELECT G, MIN(V) AS L, MAX(S) AS H FROM T GROUP BY G"),
    ("inner join", "SELECT K, V, W FROM T JOIN U ON T.G = U.G"),
    ("left join", "SELECT K, V, W FROM T LEFT JOIN U ON T.G = U.G"),
    ("DISTINCT", "SELECT DISTINCT G, V FROM T"),
    ("window", "SELECT K, ROW_NUMBER() OVER (PARTITION BY G ORDER BY V, K) AS N FROM T"),
];

fn numbers(values: impl Iterator<Item = u64>, kind: &DataType) -> ArrayRef {
    let values = Decimal128Array::from_iter_values(values.map(i128::from));
    Arc::new(values.with_data_type(kind.clone()))
}

/// Row `id` after so many changes.
fn rows(schema: &SchemaRef, ids: &[u64], changes: &[u64]) -> RecordBatch {
    let kind = |index: usize| schema.field(index).data_type();
    let of = |id: u64| changes[id as usize];
    let value = |id: &u64| (id * 7919 + of(*id) * 31) % 100_000;
    let columns: Vec<ArrayRef> = vec![
        numbers(ids.iter().copied(), kind(0)),
        numbers(
            ids.iter().map(|it| (it.wrapping_mul(0x94D0_49BB_1331_11EB) >> 32) % GROUPS),
            kind(1),
        ),
        numbers(ids.iter().map(value), kind(2)),
        Arc::new(StringArray::from_iter_values(ids.iter().map(|it| format!("s{}", value(it))))),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns).expect("the table's columns")
}

fn cut(batch: &RecordBatch) -> Vec<RecordBatch> {
    (0..batch.num_rows())
        .step_by(BATCH)
        .map(|at| batch.slice(at, BATCH.min(batch.num_rows() - at)))
        .collect()
}

fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e3)
}

#[test]
#[ignore = "prints times; run with --ignored --nocapture"]
fn time_of_advance_against_the_whole_query() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let tables =
            ["T (K NUMBER, G NUMBER, V NUMBER(12,2), S VARCHAR)", "U (G NUMBER, W VARCHAR)"];
        let kit = Kit::new(&tables).await;
        let (t, u) = (kit.table("T").id, kit.table("U").id);
        let schema = kit.table("T").schema();
        let other = kit.table("U").schema();
        let groups: Vec<u64> = (0..GROUPS).filter(|it| it % 10 != 0).collect();
        let other_rows = RecordBatch::try_new(
            Arc::clone(&other),
            vec![
                numbers(groups.iter().copied(), other.field(0).data_type()),
                Arc::new(StringArray::from_iter_values(groups.iter().map(|it| format!("w{it}")))),
            ],
        );
        let other_rows = cut(&other_rows.expect("the table's columns"));
        let ids: Vec<u64> = (0..ROWS).collect();
        println!(
            "operator | whole ms | build ms | state MB | 0.1 % ms | 1 % ms | 5 % ms | 20 % ms"
        );
        for (name, sql) in DEFINITIONS {
            let plan = kit.plan(sql);
            let whole = Whole::new(&plan).await.expect("a physical plan");
            let mut changes = vec![0_u64; ROWS as usize];
            let all = cut(&rows(&schema, &ids, &changes));
            whole.set(t, all.clone());
            whole.set(u, other_rows.clone());
            let mut best = Duration::MAX;
            for _ in 0..3 {
                let started = Instant::now();
                whole.run().await;
                best = best.min(started.elapsed());
            }
            let mut flow = Dataflow::compile(&plan).expect("incremental");
            let first: HashMap<TableId, Delta> = HashMap::from([
                (t, Delta::inserted(Arc::clone(&schema), all)),
                (u, Delta::inserted(Arc::clone(&other), other_rows.clone())),
            ]);
            let started = Instant::now();
            flow.advance(&first).await.expect("builds");
            let mut line = format!(
                "{name} | {} | {} | {:.0}",
                ms(best),
                ms(started.elapsed()),
                flow.bytes() as f64 / 1e6
            );
            for every in [1000_u64, 100, 20, 5] {
                let mut times = vec![];
                for offset in 0..3_u64 {
                    // All over the table and over the groups, and other rows each time.
                    let spread = |it: &u64| it.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
                    let some: Vec<u64> =
                        (0..ROWS).filter(|it| (spread(it) + offset) % every == 0).collect();
                    let mut delta = Delta::empty(Arc::clone(&schema));
                    delta.add(cut(&rows(&schema, &some, &changes)), -1);
                    some.iter().for_each(|it| changes[*it as usize] += 1);
                    delta.add(cut(&rows(&schema, &some, &changes)), 1);
                    let delta = HashMap::from([(t, delta)]);
                    let started = Instant::now();
                    flow.advance(&delta).await.expect("advances");
                    times.push(started.elapsed());
                }
                times.sort_unstable();
                line += &format!(" | {}", ms(times[1]));
            }
            println!("{line}");
        }
    });
}
