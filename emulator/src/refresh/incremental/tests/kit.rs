//! A small account, changes written as text, and the whole query as the judge.

use super::super::{Dataflow, Delta, NotIncremental, arrangement::Codec, delta::batch_of};
use crate::{
    engine::{Engine, LoginOptions, Request, Session, Settings},
    rows::{Builder, Cell},
    sql::{planner::config_options, scope::Scope},
    store::{
        provider::VersionProvider,
        table::{Table, TableId},
        transaction::Transaction,
    },
    types::DataType,
};
use arrow::{
    array::RecordBatch,
    datatypes::SchemaRef,
    util::display::{ArrayFormatter, FormatOptions},
};
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::{
    catalog::streaming::StreamingTable,
    common::tree_node::{Transformed, TreeNode},
    datasource::{provider_as_source, source_as_provider},
    execution::{SendableRecordBatchStream, SessionState, SessionStateBuilder, TaskContext},
    logical_expr::{LogicalPlan, TableScan},
    physical_plan::{
        ExecutionPlan, collect, execution_plan::reset_plan_states,
        stream::RecordBatchStreamAdapter, streaming::PartitionStream,
    },
    prelude::SessionConfig,
};
use parking_lot::Mutex;
use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
    sync::{Arc, LazyLock},
};
use uuid::Uuid;

/// An account with some tables.
pub struct Kit {
    session: Arc<Session>,
    tables: BTreeMap<String, Arc<Table>>,
}

impl Kit {
    /// Tables as `CREATE TABLE` has them: `T (K NUMBER, V VARCHAR)`.
    pub async fn new(tables: &[&str]) -> Self {
        let engine = Engine::new(Settings::default());
        let session =
            engine.open_session(LoginOptions { user: "ada".to_owned(), ..Default::default() });
        let mut kit = Self { session, tables: BTreeMap::new() };
        for sql in ["CREATE DATABASE D", "CREATE SCHEMA D.S", "USE SCHEMA D.S"] {
            kit.execute(sql).await;
        }
        for table in tables {
            kit.execute(&format!("CREATE TABLE {table}")).await;
            let name = table.split_whitespace().next().expect("a name").to_owned();
            let found = kit.scope(|it| it.table(std::slice::from_ref(&name)).expect("just made").1);
            kit.tables.insert(name, found);
        }
        kit
    }

    pub async fn execute(&self, sql: &str) {
        let request = Request {
            sql: sql.to_owned(),
            binds: BTreeMap::new(),
            parameters: BTreeMap::new(),
            describe_only: false,
            query_id: Uuid::new_v4(),
            submitted_at: Utc::now(),
        };
        if let Err(error) = self.session.execute(request).await.result {
            panic!("{sql}\n{error}");
        }
    }

    fn scope<T>(&self, with: impl FnOnce(&Scope<'_>) -> T) -> T {
        let transaction = Transaction::default();
        let now = DateTime::UNIX_EPOCH;
        with(&Scope::new(&self.session, &transaction, None, now, Arc::default()))
    }

    #[track_caller]
    pub fn plan(&self, sql: &str) -> LogicalPlan {
        let planned = self.scope(|it| it.plan_text(sql));
        planned.unwrap_or_else(|error| panic!("{sql}\n{error}")).plan
    }

    pub fn table(&self, name: &str) -> &Arc<Table> {
        self.tables.get(name).unwrap_or_else(|| panic!("no table {name}"))
    }

    pub fn columns(&self, name: &str) -> Vec<DataType> {
        self.table(name).definition().columns.iter().map(|it| it.data_type.clone()).collect()
    }

    /// Rows of a table as a batch.
    pub fn batch(&self, table: &str, rows: &[Row]) -> RecordBatch {
        let definition = self.table(table).definition();
        let columns: Vec<(&str, DataType)> =
            definition.columns.iter().map(|it| (it.name.as_str(), it.data_type.clone())).collect();
        let mut builder = Builder::new(&columns);
        for row in rows {
            builder.push(row.clone());
        }
        let batch = builder.record_batch();
        let schema = self.table(table).schema();
        batch_of(&schema, batch.columns().to_vec(), rows.len()).expect("the table's columns")
    }
}

pub type Row = Vec<Cell>;

/// Equal to the bit: NaN is itself, and zeros have signs.
fn same(one: &Row, other: &Row) -> bool {
    one.iter().zip(other).all(|it| match it {
        (Cell::Float(one), Cell::Float(other)) => one.to_bits() == other.to_bits(),
        (one, other) => one == other,
    })
}

/// `a|1|_`, by the types of the columns; `_` is NULL.
pub fn row(text: &str, kinds: &[DataType]) -> Row {
    let cells: Vec<&str> = text.split('|').collect();
    assert_eq!(cells.len(), kinds.len(), "cells of {text}");
    cells.iter().zip(kinds).map(|(text, kind)| cell(text, kind)).collect()
}

fn cell(text: &str, kind: &DataType) -> Cell {
    if text == "_" {
        return Cell::Null;
    }
    match kind {
        DataType::Number { scale, .. } => {
            let (whole, part) = text.split_once('.').unwrap_or((text, ""));
            let digits =
                format!("{whole}{part:0<width$}", width = usize::from(scale.unsigned_abs()));
            Cell::Number(digits.parse().expect("a number"))
        }
        DataType::Float => Cell::Float(text.parse().expect("a float")),
        DataType::Boolean => Cell::Boolean(text == "true"),
        DataType::Date => Cell::Date(text.parse::<NaiveDate>().expect("a date")),
        DataType::TimestampNtz { .. } | DataType::TimestampLtz { .. } => Cell::Instant(
            DateTime::from_timestamp_secs(text.parse().expect("seconds")).expect("an instant"),
        ),
        _ => Cell::Text(text.to_owned()),
    }
}

/// The whole query over rows that are changed between runs.
pub struct Whole {
    contents: Arc<Contents>,
    physical: Arc<dyn ExecutionPlan>,
}

type Contents = Mutex<HashMap<TableId, Vec<RecordBatch>>>;

#[derive(Debug)]
struct Leaf {
    table: TableId,
    schema: SchemaRef,
    contents: Arc<Contents>,
}

impl PartitionStream for Leaf {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = self.contents.lock().get(&self.table).cloned().unwrap_or_default();
        let rows = futures::stream::iter(rows.into_iter().map(Ok));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}

static SESSION: LazyLock<SessionState> = LazyLock::new(|| {
    let mut options = config_options();
    options.optimizer.enable_dynamic_filter_pushdown = false;
    let config = SessionConfig::from(options).with_target_partitions(1);
    SessionStateBuilder::new().with_config(config).with_default_features().build()
});

impl Whole {
    /// `None` where DataFusion refuses its own physical plan, which it does for some windows over
    /// unions of joins.
    pub async fn new(plan: &LogicalPlan) -> Option<Self> {
        let contents = Arc::<Contents>::default();
        let swapped = plan.clone().transform_up(|node| {
            let LogicalPlan::TableScan(scan) = &node else { return Ok(Transformed::no(node)) };
            let provider = source_as_provider(&scan.source)?;
            let any: &dyn Any = provider.as_ref();
            let table = any.downcast_ref::<VersionProvider>().and_then(|it| it.table);
            let leaf = Leaf {
                table: table.expect("a table"),
                schema: provider.schema(),
                contents: Arc::clone(&contents),
            };
            let table = StreamingTable::try_new(provider.schema(), vec![Arc::new(leaf)])?;
            let source = provider_as_source(Arc::new(table));
            let scan = TableScan { source, ..scan.clone() };
            Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
        });
        let plan = swapped.expect("a plan").data;
        match SESSION.create_physical_plan(&plan).await {
            Ok(physical) => Some(Self { contents, physical }),
            Err(error) if error.to_string().contains("SanityCheckPlan") => None,
            Err(error) => panic!("{error}"),
        }
    }

    pub fn set(&self, table: TableId, rows: Vec<RecordBatch>) {
        self.contents.lock().insert(table, rows);
    }

    pub async fn run(&self) -> Vec<RecordBatch> {
        let physical = reset_plan_states(Arc::clone(&self.physical)).expect("a plan");
        collect(physical, SESSION.task_ctx()).await.expect("rows")
    }
}

/// A dataflow, the whole query, and what both were given.
pub struct Run<'a> {
    kit: &'a Kit,
    pub sql: String,
    pub flow: Dataflow,
    whole: Whole,
    /// The rows that each table has.
    pub rows: BTreeMap<String, Vec<Row>>,
    /// What the dataflow has given out, added up.
    sum: BTreeMap<Box<[u8]>, i64>,
    /// Changes so far, for messages.
    log: Vec<String>,
}

/// Rows to remove and rows to add, by table.
pub type Change = BTreeMap<String, (Vec<Row>, Vec<Row>)>;

impl<'a> Run<'a> {
    pub async fn new(kit: &'a Kit, sql: &str) -> Result<Self, NotIncremental> {
        Self::of_plan(kit, sql, &kit.plan(sql)).await
    }

    pub async fn of_plan(
        kit: &'a Kit,
        sql: &str,
        plan: &LogicalPlan,
    ) -> Result<Self, NotIncremental> {
        Ok(Self {
            kit,
            sql: sql.to_owned(),
            flow: Dataflow::compile(plan)?,
            whole: Whole::new(plan).await.expect("a physical plan"),
            rows: kit.tables.keys().map(|it| (it.clone(), vec![])).collect(),
            sum: BTreeMap::new(),
            log: vec![],
        })
    }

    /// Advances, compares, and gives the change of the result as lines: `+1|a|_`.
    pub async fn step(&mut self, change: &Change) -> Result<Vec<String>, String> {
        self.log.push(format!("{change:?}"));
        let mut deltas = HashMap::new();
        for (name, (removed, added)) in change {
            let table = self.kit.table(name);
            let rows = self.rows.get_mut(name).expect("a table");
            for row in removed {
                let at = rows.iter().position(|it| same(it, row)).expect("a row that is there");
                rows.swap_remove(at);
            }
            rows.extend(added.iter().cloned());
            let batch = self.kit.batch(name, rows);
            self.whole.set(table.id, vec![batch]);
            let mut delta = Delta::empty(table.schema());
            delta.add([self.kit.batch(name, removed)], -1);
            delta.add([self.kit.batch(name, added)], 1);
            if !delta.is_empty() {
                deltas.insert(table.id, delta);
            }
        }
        let given = self.flow.advance(&deltas).await;
        let given = given.map_err(|it| self.report(&it.to_string()))?;
        let schema = Arc::clone(self.flow.schema());
        let codec = Codec::of_schema(&schema).expect("a codec");
        let mut lines: BTreeMap<String, i64> = BTreeMap::new();
        for part in &given.batches {
            let rows = codec.encode(part.rows.columns(), part.weights.len()).expect("rows");
            for (row, weight) in part.weights.iter().enumerate() {
                *self.sum.entry(rows.get(row).into()).or_default() += weight;
            }
            for (line, weight) in lines_of(&part.rows).into_iter().zip(&part.weights) {
                *lines.entry(line).or_default() += weight;
            }
        }
        self.sum.retain(|_, it| *it != 0);
        let mut lines: Vec<String> =
            lines.into_iter().map(|(line, weight)| format!("{weight:+}|{line}")).collect();
        lines.sort_unstable();

        let mut expected: BTreeMap<Box<[u8]>, i64> = BTreeMap::new();
        for batch in self.whole.run().await {
            let types = |it: &SchemaRef| -> Vec<_> {
                it.fields().iter().map(|it| it.data_type().clone()).collect()
            };
            if types(batch.schema_ref()) != types(&schema) {
                return Err(self.report(&format!("{:?}\n{schema:?}", batch.schema())));
            }
            let rows = codec.encode(batch.columns(), batch.num_rows()).expect("rows");
            for row in 0..batch.num_rows() {
                *expected.entry(rows.get(row).into()).or_default() += 1;
            }
        }
        if expected != self.sum {
            let text = |bag: &BTreeMap<Box<[u8]>, i64>, other: &BTreeMap<Box<[u8]>, i64>| {
                let only: Vec<_> = bag.iter().filter(|it| other.get(it.0) != Some(it.1)).collect();
                let columns = codec.decode(only.iter().map(|it| it.0.as_ref())).expect("rows");
                let batch = batch_of(&schema, columns, only.len()).expect("a batch");
                let lines = lines_of(&batch).into_iter().zip(&only);
                lines.map(|(line, it)| format!("{}×{line}", it.1)).collect::<Vec<_>>().join("\n")
            };
            return Err(self.report(&format!(
                "only in the whole query:\n{}\nonly in the sum of changes:\n{}",
                text(&expected, &self.sum),
                text(&self.sum, &expected)
            )));
        }
        Ok(lines)
    }

    pub fn result_rows(&self) -> i64 {
        self.sum.values().sum()
    }

    fn report(&self, what: &str) -> String {
        format!("{}\nsteps: {}\n{what}", self.sql, self.log.join("\n  then "))
    }
}

/// Rows as `a|b|_`.
pub fn lines_of(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("_");
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|it| ArrayFormatter::try_new(it, &options).expect("a printable column"))
        .collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|it| it.value(row).to_string()).collect::<Vec<_>>().join("|"))
        .collect()
}

/// Advances a dataflow by changes that are written as `T +1|a -2|b; U +3`, and compares what each
/// step gives out, sorted: `+1|a -1|b`.
#[track_caller]
pub fn check(tables: &[&str], sql: &str, steps: &[(&str, &str)]) {
    check_plan(tables, sql, |kit| kit.plan(sql), steps);
}

/// The same for a plan that has no text; `name` is for messages.
#[track_caller]
pub fn check_plan(
    tables: &[&str],
    name: &str,
    plan: impl FnOnce(&Kit) -> LogicalPlan,
    steps: &[(&str, &str)],
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.expect("a runtime").block_on(async {
        let kit = Kit::new(tables).await;
        let run = Run::of_plan(&kit, name, &plan(&kit)).await;
        let mut run = run.map_err(|it| it.to_string())?;
        for (change, expected) in steps {
            let given = run.step(&parse(&kit, change)).await?;
            if given.join(" ") != *expected {
                let given = given.join(" ");
                return Err(run.report(&format!("given:    {given}\nexpected: {expected}")));
            }
        }
        Ok(())
    });
    if let Err(report) = outcome {
        panic!("{report}");
    }
}

fn parse(kit: &Kit, text: &str) -> Change {
    let mut change = Change::new();
    for part in text.split(';').map(str::trim).filter(|it| !it.is_empty()) {
        let mut words = part.split_whitespace();
        let table = words.next().expect("a table");
        let kinds = kit.columns(table);
        let (mut removed, mut added) = (vec![], vec![]);
        for word in words {
            match word.split_at(1) {
                ("-", it) => removed.push(row(it, &kinds)),
                ("+", it) => added.push(row(it, &kinds)),
                _ => panic!("neither + nor -: {word}"),
            }
        }
        change.insert(table.to_owned(), (removed, added));
    }
    change
}

/// Why a definition cannot be incremental.
#[track_caller]
pub fn refusal(tables: &[&str], sql: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let kit = Kit::new(tables).await;
        match Dataflow::compile(&kit.plan(sql)) {
            Ok(_) => "incremental".to_owned(),
            Err(error) => error.reason,
        }
    })
}
