//! A table's version as the query engine reads it: only the micro-partitions that a filter needs.

use super::{
    predicate::Predicate,
    scan::{Output, PartitionScan, Piece, Whole},
    table::{TableId, Version},
};
use crate::regression::{Regression, regressed};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{DataFusionError, Result, Statistics, project_schema, stats::Precision},
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_plan::ExecutionPlan,
};
use parking_lot::Mutex;
use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize},
    },
};

/// Rows that one stream is enough for. Handing rows between threads costs more below.
const ROWS_PER_STREAM_MIN: usize = 65_536;

/// The column of [`VersionProvider::with_row_ids`] with the partition's id.
pub const PARTITION_COLUMN: &str = "__PARTITION";
/// The column of [`VersionProvider::with_row_ids`] with the row's number in its partition.
pub const ROW_COLUMN: &str = "__ROW";

/// One version of one table, for DataFusion.
#[derive(Debug)]
pub struct VersionProvider {
    /// What is given: the version's columns, and the row ids if they are asked for.
    pub schema: SchemaRef,
    pub version: Arc<Version>,
    /// The table, unless the statement reads it at an instant of its own (`AT`, `BEFORE`): then
    /// its changes do not matter.
    pub table: Option<TableId>,
    /// Partitions read and partitions there were, added up over the scans of a statement.
    pub scanned: Arc<ScanCounts>,
    /// By how much the count of all rows is off. Nothing, but for a regression.
    pub rows_off: usize,
    /// Whether lookups find nothing. Never, but for a regression.
    pub finds_nothing: bool,
}

/// Counted while a scan runs: what a LIMIT or an abort keeps it from reading is not in it.
#[derive(Debug, Default)]
pub struct ScanCounts {
    pub partitions_scanned: AtomicUsize,
    pub partitions_total: AtomicUsize,
    pub bytes_scanned: AtomicUsize,
    pub rows_scanned: AtomicU64,
    pub rows_total: AtomicU64,
    /// What was read, piece by piece; `None` where nobody asks which it was.
    pub pieces: Option<Mutex<Vec<PieceRead>>>,
}

/// Rows of one partition that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PieceRead {
    /// `None` where a table is read as it was at some instant.
    pub table: Option<TableId>,
    pub partition: u64,
    pub bytes: usize,
}

impl ScanCounts {
    /// One that remembers what was read.
    pub fn with_pieces() -> Self {
        Self { pieces: Some(Mutex::default()), ..Self::default() }
    }
}

impl VersionProvider {
    pub fn new(version: Arc<Version>, scanned: Arc<ScanCounts>) -> Self {
        Self {
            schema: Arc::clone(&version.schema),
            version,
            table: None,
            scanned,
            rows_off: 0,
            finds_nothing: false,
        }
    }

    /// With two more columns at the end, [`PARTITION_COLUMN`] (`UInt64`) and [`ROW_COLUMN`]
    /// (`UInt32`), by which UPDATE, DELETE and MERGE know the rows again.
    pub fn with_row_ids(self) -> Self {
        let mut fields: Vec<_> = self.schema.fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(PARTITION_COLUMN, DataType::UInt64, false)));
        fields.push(Arc::new(Field::new(ROW_COLUMN, DataType::UInt32, false)));
        let schema = Schema::new_with_metadata(fields, self.schema.metadata().clone());
        Self { schema: Arc::new(schema), ..self }
    }

    /// How many rows a scan with these filters reads.
    pub fn rows_read(&self, filters: &[Expr]) -> usize {
        self.pieces(filters, None).iter().map(|it| it.rows.len()).sum()
    }

    /// What is read of each partition, and nothing of those that cannot match.
    fn pieces(&self, filters: &[Expr], limit: Option<usize>) -> Vec<Piece> {
        let predicate = Predicate::all(filters, &self.version.schema);
        // The engine gives a limit only where no filter follows; better safe.
        let mut wanted = limit.filter(|_| filters.is_empty()).unwrap_or(usize::MAX);
        let mut pieces = Vec::new();
        if self.finds_nothing && !filters.is_empty() {
            return pieces;
        }
        for partition in &self.version.partitions {
            if wanted == 0 {
                break;
            }
            if !predicate.may_match(partition) {
                continue;
            }
            let mut is_first = true;
            for Range { start, end } in predicate.ranges(partition) {
                let end = end.min(start.saturating_add(wanted));
                let all = partition.row_count();
                let (start, end) = match end - start < all {
                    true if regressed(Regression::PrunedScanLosesARow) => (start, end - 1),
                    true if regressed(Regression::PrunedScanShifted) && end < all => {
                        (start + 1, end + 1)
                    }
                    _ => (start, end),
                };
                wanted -= end - start;
                pieces.push(Piece { partition: Arc::clone(partition), rows: start..end, is_first });
                is_first = false;
            }
        }
        pieces
    }

    fn plan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let pieces = self.pieces(filters, limit);
        let rows: usize = pieces.iter().map(|it| it.rows.len()).sum();
        let streams = (rows / ROWS_PER_STREAM_MIN).clamp(1, state.config().target_partitions());
        let per_stream = pieces.len().div_ceil(streams).max(1);
        let streams = pieces.chunks(per_stream).map(Arc::from).collect();

        let columns = self.version.schema.fields().len();
        let output = |index: usize| match index.checked_sub(columns) {
            None => Output::Column(index),
            Some(0) => Output::PartitionId,
            Some(_) => Output::RowNumber,
        };
        let outputs = match projection {
            Some(projection) => projection.iter().map(|it| output(*it)).collect(),
            None => (0..self.schema.fields().len()).map(output).collect(),
        };
        Ok(Arc::new(PartitionScan::new(
            streams,
            outputs,
            project_schema(&self.schema, projection)?,
            Whole {
                table: self.table,
                partitions: self.version.partitions.len(),
                rows: self.version.row_count,
            },
            Arc::clone(&self.scanned),
            self.rows_off,
        )))
    }

    fn pushdown(&self, filters: &[&Expr]) -> Vec<TableProviderFilterPushDown> {
        filters
            .iter()
            .map(|it| match Predicate::of(it, &self.version.schema) {
                Predicate::Unknown => TableProviderFilterPushDown::Unsupported,
                // Otherwise the filter would drop the wrong row.
                _ if regressed(Regression::PrunedScanShifted)
                    && it.to_string().contains("_ID = ") =>
                {
                    TableProviderFilterPushDown::Exact
                }
                _ => TableProviderFilterPushDown::Inexact,
            })
            .collect()
    }

    fn row_count(&self) -> Result<Precision<usize>> {
        usize::try_from(self.version.row_count)
            .map(Precision::Exact)
            .map_err(|it| DataFusionError::External(Box::new(it)))
    }
}

#[async_trait]
impl TableProvider for VersionProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.plan(state, projection, filters, limit)
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(self.pushdown(filters))
    }

    fn statistics(&self) -> Option<Statistics> {
        let num_rows = self.row_count().ok()?;
        Some(Statistics { num_rows, ..Statistics::new_unknown(&self.schema) })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            rewrite::RowSet,
            table::Table,
            testing::{append, at, batch, definition, lines_of, numbers},
        },
        *,
    };
    use arrow::array::{
        ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
    };
    use datafusion::{
        datasource::MemTable,
        physical_plan::{collect, displayable},
        prelude::{SessionConfig, SessionContext},
    };
    use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
    use std::sync::atomic::Ordering;

    const ROWS: i64 = 100_000;

    fn context() -> SessionContext {
        SessionContext::new_with_config(SessionConfig::new().with_target_partitions(4))
    }

    /// `ID` from 0, clustered; `DAY`, a timestamp that grows by a second a row; `NAME`, `n<ID>`.
    fn clustered() -> Arc<Table> {
        let mut ids: Vec<i64> = (0..ROWS).collect();
        ids.shuffle(&mut StdRng::seed_from_u64(7));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(ids.clone())),
            Arc::new(
                ids.iter().map(|it| Some(it * 1_000_000_000)).collect::<TimestampNanosecondArray>(),
            ),
            Arc::new(ids.iter().map(|it| Some(format!("n{it}"))).collect::<StringArray>()),
        ];
        let columns_of = ["ID NUMBER(38,0)", "DAY TIMESTAMP_NTZ(9)", "NAME VARCHAR(20)"];
        let table = Table::new(definition(&columns_of, &["ID"]), at(0));
        append(&table, batch(columns), at(1));
        table
    }

    struct Ran {
        scan: String,
        rows: Vec<String>,
        counts: Arc<ScanCounts>,
    }

    async fn run(provider: Arc<dyn TableProvider>, counts: Arc<ScanCounts>, sql: &str) -> Ran {
        let context = context();
        context.register_table("t", provider).expect("a free name");
        let plan = context.sql(sql).await.expect("a statement");
        let plan = plan.create_physical_plan().await.expect("a plan");
        let printed = displayable(plan.as_ref()).indent(false).to_string();
        let scan = printed.lines().find_map(|it| it.trim().strip_prefix("PartitionScan: "));
        let scan = scan.unwrap_or_default().to_owned();
        let batches = collect(plan, context.task_ctx()).await.expect("rows");
        Ran { scan, rows: lines_of(&batches), counts }
    }

    async fn read(table: &Table, sql: &str) -> Ran {
        let counts = Arc::<ScanCounts>::default();
        let provider = VersionProvider::new(table.latest(), Arc::clone(&counts));
        run(Arc::new(provider), counts, sql).await
    }

    /// What a filter makes the scan read, and how many rows come out.
    async fn check(table: &Table, filter: &str, scan: &str, rows: usize) {
        let ran = read(table, &format!("SELECT * FROM t WHERE {filter}")).await;
        assert_eq!((ran.scan.as_str(), ran.rows.len()), (scan, rows), "{filter}");
    }

    #[tokio::test]
    async fn filters_on_the_clustering_key_read_only_the_rows_they_name() {
        let table = clustered();
        let of = |filter, scan, rows| check(&table, filter, scan, rows);
        of(r#""ID" = 50000"#, "partitions=1/7, rows=1", 1).await;
        of(r#"50000 = "ID""#, "partitions=1/7, rows=1", 1).await;
        of(r#""ID" = 5.0"#, "partitions=1/7, rows=1", 1).await;
        of(r#""ID" IN (1, 2, 99999)"#, "partitions=2/7, rows=3", 3).await;
        of(r#""ID" IN (9, 1, 5, 7, 3, 70000, -1)"#, "partitions=2/7, rows=6", 6).await;
        of(r#""ID" = 5 OR "ID" = 70000"#, "partitions=2/7, rows=2", 2).await;
        of(r#""ID" BETWEEN 16380 AND 16390"#, "partitions=2/7, rows=11", 11).await;
        of(r#""ID" >= 16380 AND 16390 > "ID""#, "partitions=2/7, rows=10", 10).await;
        of(r#""ID" > 99997"#, "partitions=1/7, rows=2", 2).await;
        of(r#""ID" <= 2 AND "ID" <> 1"#, "partitions=1/7, rows=2", 2).await;
        of(r#""ID" = -1"#, "partitions=0/7, rows=0", 0).await;
        of(r#""ID" IS NULL"#, "partitions=0/7, rows=0", 0).await;
        of(r#""ID" = 5 AND "NAME" = 'n6'"#, "partitions=1/7, rows=1", 0).await;
        of(r#""ID" = 5 AND upper("NAME") = 'N5'"#, "partitions=1/7, rows=1", 1).await;
    }

    #[tokio::test]
    async fn filters_on_other_columns_skip_partitions() {
        let table = clustered();
        let of = |filter, scan, rows| check(&table, filter, scan, rows);
        of(r#""DAY" < timestamp '1970-01-01 00:00:05'"#, "partitions=1/7, rows=16384", 5).await;
        of(r#"CAST("DAY" AS DATE) = date '1970-01-02'"#, "partitions=2/7, rows=18080", 13_600)
            .await;
        of(r#""NAME" LIKE 'x%'"#, "partitions=0/7, rows=0", 0).await;
        of(r#""NAME" LIKE arrow_cast('x%', 'Utf8View')"#, "partitions=0/7, rows=0", 0).await;
        of(r#"arrow_cast("NAME", 'Utf8View') = 'x'"#, "partitions=0/7, rows=0", 0).await;
        of(r#""ID" + 1 = 5"#, "partitions=7/7, rows=100000", 1).await;
        of(r#""ID" = 5 OR "ID" + 1 = 5"#, "partitions=7/7, rows=100000", 2).await;
    }

    #[tokio::test]
    async fn a_point_lookup_counts_what_it_read() {
        let ran = read(&clustered(), r#"SELECT "NAME" FROM t WHERE "ID" = 77"#).await;
        assert_eq!(ran.rows, ["n77"]);
        assert_eq!(ran.counts.partitions_scanned.load(Ordering::Relaxed), 1);
        assert_eq!(ran.counts.partitions_total.load(Ordering::Relaxed), 7);
        assert!((1..1000).contains(&ran.counts.bytes_scanned.load(Ordering::Relaxed)));
    }

    #[tokio::test]
    async fn counts_are_answered_without_reading() {
        let sql = r#"SELECT count(*), count("NAME") FROM t"#;
        let ran = read(&clustered(), sql).await;
        assert_eq!(ran.rows, ["100000|100000"]);
        assert_eq!(ran.counts.partitions_scanned.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_limit_reads_no_more_rows() {
        let ran = read(&clustered(), r#"SELECT "ID" FROM t LIMIT 3"#).await;
        assert_eq!((ran.scan.as_str(), ran.rows.len()), ("partitions=1/7, rows=3", 3));
        let ran = read(&clustered(), r#"SELECT "ID" FROM t WHERE "ID" + 0 > 50000 LIMIT 3"#).await;
        assert_eq!(ran.rows.len(), 3);
    }

    #[tokio::test]
    async fn a_large_scan_has_several_streams_and_a_small_one_has_one() {
        let table = clustered();
        let pieces = VersionProvider::new(table.latest(), Arc::default());
        let state = context().state();
        let plan = pieces.scan(&state, None, &[], None).await.expect("a plan");
        assert_eq!(plan.properties().partitioning.partition_count(), 1);
        append(&table, batch_of(ROWS), at(2));
        let pieces = VersionProvider::new(table.latest(), Arc::default());
        let plan = pieces.scan(&state, None, &[], None).await.expect("a plan");
        assert_eq!(plan.properties().partitioning.partition_count(), 3);
        let ran = read(&table, r#"SELECT count(DISTINCT "ID") FROM t"#).await;
        assert_eq!(ran.rows, ["200000"]);
    }

    fn batch_of(first: i64) -> RecordBatch {
        let ids = || first..first + ROWS;
        batch(vec![
            Arc::new(Int64Array::from_iter_values(ids())),
            Arc::new(TimestampNanosecondArray::from_iter_values(ids())),
            Arc::new(StringArray::from_iter_values(ids().map(|_| ""))),
        ])
    }

    #[tokio::test]
    async fn row_ids_lead_back_to_the_rows() {
        let table = clustered();
        let counts = Arc::<ScanCounts>::default();
        let provider = VersionProvider::new(table.latest(), Arc::clone(&counts)).with_row_ids();
        let sql = r#"SELECT "__ROW", "NAME", "__PARTITION" FROM t WHERE "ID" IN (3, 16386)"#;
        let context = context();
        context.register_table("t", Arc::new(provider)).expect("a free name");
        let batches = context.sql(sql).await.expect("a statement").collect().await.expect("rows");
        let ids: Vec<u64> = table.latest().partitions.iter().map(|it| it.id).collect();
        let mut lines = lines_of(&batches);
        lines.sort_unstable();
        assert_eq!(lines, [format!("2|n16386|{}", ids[1]), format!("3|n3|{}", ids[0])]);
        let mut rows = RowSet::default();
        for batch in &batches {
            assert_eq!(rows.insert_batch(batch), Ok(0));
            assert_eq!(rows.insert_batch(batch), Ok(batch.num_rows() as u64));
        }
        assert!(rows.contains(ids[0], 3) && rows.contains(ids[1], 2));
        assert_eq!(rows.masks(&table.latest()).len(), 2);
    }

    #[tokio::test]
    async fn an_empty_table_can_be_read() {
        let table = Table::new(definition(&["ID NUMBER(38,0)"], &["ID"]), at(0));
        assert_eq!(read(&table, r#"SELECT * FROM t WHERE "ID" = 1"#).await.rows.len(), 0);
        assert_eq!(read(&table, "SELECT count(*) FROM t").await.rows, ["0"]);
        append(&table, numbers([1]), at(1));
        assert_eq!(read(&table, r#"SELECT * FROM t WHERE "ID" = 1"#).await.rows, ["1"]);
    }

    /// Rows with many repetitions, NULLs, zeros of both signs and NaN.
    fn random_rows(random: &mut StdRng) -> RecordBatch {
        let count = random.random_range(1..60);
        let middle = random.random_range(0..40_i64);
        let mut number = || {
            let value = middle + random.random_range(-6..6);
            (!random.random_ratio(1, 8)).then_some(value)
        };
        let numbers: Vec<Option<i64>> = (0..count).map(|_| number()).collect();
        let float = |it: i64| match it {
            0 => -0.0,
            1 => 0.0,
            39 => f64::NAN,
            it => it as f64 - 20.0,
        };
        let floats: Float64Array = (0..count).map(|_| number().map(float)).collect();
        let texts: StringArray = (0..count).map(|_| number().map(|it| format!("t{it}"))).collect();
        let instants: TimestampNanosecondArray =
            (0..count).map(|_| number().map(|it| it * 7_200_000_000_000)).collect();
        let numbers = Arc::new(Int64Array::from(numbers));
        batch(vec![numbers, Arc::new(floats), Arc::new(texts), Arc::new(instants)])
    }

    fn random_filter(random: &mut StdRng, depth: u32) -> String {
        if depth > 0 && random.random_bool(0.5) {
            let word = if random.random_bool(0.5) { "AND" } else { "OR" };
            let (left, right) =
                (random_filter(random, depth - 1), random_filter(random, depth - 1));
            return format!("({left} {word} {right})");
        }
        let mut number = || random.random_range(-3..45_i64);
        let (one, other, third) = (number(), number(), number());
        let value = |column: &str, it: i64| match column {
            "N" => it.to_string(),
            "F" => format!("CAST({} AS DOUBLE)", it - 20),
            "T" => format!("'t{it}'"),
            _ => format!(
                "timestamp '1970-01-{:02} {:02}:00:00'",
                1 + it.max(0) / 12,
                it.max(0) % 12 * 2
            ),
        };
        let column = ["N", "F", "T", "D"][random.random_range(0..4)];
        let sign = ["=", "<>", "<", "<=", ">", ">="][random.random_range(0..6)];
        let value = |it| value(column, it);
        match random.random_range(0..9) {
            0 => format!(r#""{column}" IS NULL"#),
            1 => format!(r#""{column}" IS NOT NULL"#),
            2 => format!(r#""{column}" BETWEEN {} AND {}"#, value(one), value(other)),
            3 => format!(r#""{column}" IN ({}, {}, {})"#, value(one), value(other), value(third)),
            4 => format!(r#""T" LIKE 't{}%'"#, one.rem_euclid(5)),
            5 => format!(r#"CAST("D" AS DATE) {sign} date '1970-01-0{}'"#, 1 + one.rem_euclid(5)),
            6 => format!(r#"NOT ("{column}" {sign} {})"#, value(one)),
            _ => format!(r#""{column}" {sign} {}"#, value(one)),
        }
    }

    #[tokio::test]
    async fn no_filter_loses_rows() {
        let columns = ["N NUMBER(38,0)", "F FLOAT", "T VARCHAR(9)", "D TIMESTAMP_NTZ(9)"];
        for (seed, key) in ["N", "F", "T", "D"].into_iter().enumerate() {
            let mut random = StdRng::seed_from_u64(seed as u64);
            let table = Table::new(definition(&columns, &[key]), at(0));
            for instant in 0..20 {
                append(&table, random_rows(&mut random), at(instant));
            }
            let version = table.latest();
            let plain = MemTable::try_new(table.schema(), vec![version.scan_batches()]);
            let context = context();
            let provider = VersionProvider::new(version, Arc::default());
            context.register_table("t", Arc::new(provider)).expect("a free name");
            context
                .register_table("plain", Arc::new(plain.expect("a table")))
                .expect("a free name");
            for _ in 0..60 {
                let filter = random_filter(&mut random, 2);
                let count = async |from: &str| {
                    let sql = format!("SELECT count(*) FROM {from} WHERE {filter}");
                    let frame = context.sql(&sql).await.expect("a statement");
                    let rows = frame.collect().await;
                    lines_of(&rows.unwrap_or_else(|it| panic!("seed {seed}, {filter}: {it}")))
                };
                assert_eq!(
                    count("t").await,
                    count("plain").await,
                    "seed {seed}, clustered by {key}: {filter}"
                );
            }
        }
    }
}
