//! One refresh of one table: its contents become what its definition gives at one instant.
//!
//! All inputs are read as of that instant: base tables as they were committed, refreshed ones in
//! the version whose data timestamp it is. That those have one is the caller's to see to.

use super::{
    declared::RefreshMode,
    graph::Node,
    history::{RefreshAction, RefreshRecord, RefreshState, RefreshTrigger, Statistics},
    maintained::{Merged, whole},
    refresher::{Told, completion_target, inputs_failed, system_session},
};
use crate::{
    engine::{Engine, Listed, Request, Running, Session},
    error::SqlError,
    regression::{Regression, regressed},
    sql::{
        self, functions,
        scope::{Input, Planned, Scope, error_of},
    },
    store::{
        catalog::QualifiedName,
        table::{Table, TableDefinition, TableId, TableKind, Version},
        transaction::{Change, Transaction},
    },
    types::{Column, ColumnDefinition},
    warehouse::{Warehouse, governor::Clocked},
};
use arrow::datatypes::Schema;
use chrono::{DateTime, Utc};
use datafusion::{
    common::Column as PlanColumn,
    logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;
use uuid::Uuid;

/// What QUERY_HISTORY calls it. From general knowledge of the service.
const QUERY_TYPE: &str = "REFRESH_DYNAMIC_TABLE_AT_REFRESH_VERSION";

/// Upstream tables that are done, and when.
pub(super) type Done = BTreeMap<TableId, (QualifiedName, DateTime<Utc>)>;

/// A refresh that is to be, which the history knows of from now on.
pub(super) struct Order {
    engine: Arc<Engine>,
    name: QualifiedName,
    table: Arc<Table>,
    /// The data timestamp to reach.
    pub at: DateTime<Utc>,
    /// The statement that it is done for. Otherwise it is one of its own.
    statement: Option<Uuid>,
    told: Told,
}

impl Order {
    pub fn scheduled(engine: &Arc<Engine>, node: &Node, at: DateTime<Utc>) -> Self {
        Self::new(engine, node, at, RefreshTrigger::Scheduled, None)
    }

    pub fn by_hand(
        engine: &Arc<Engine>,
        node: &Node,
        at: DateTime<Utc>,
        statement: Option<Uuid>,
    ) -> Self {
        let trigger = match regressed(Regression::ManualToldScheduled) {
            true => RefreshTrigger::Scheduled,
            false => RefreshTrigger::Manual,
        };
        Self::new(engine, node, at, trigger, statement)
    }

    fn new(
        engine: &Arc<Engine>,
        node: &Node,
        at: DateTime<Utc>,
        trigger: RefreshTrigger,
        statement: Option<Uuid>,
    ) -> Self {
        let Node { name, table, target_lag, .. } = node;
        let definition = table.definition();
        let previous = definition.refreshing.as_ref().and_then(|it| it.data_timestamp);
        let graph = engine.refresher.graph_record(table.id);
        let told = Told::begin(
            engine,
            RefreshRecord {
                state: RefreshState::Scheduled,
                completion_target: completion_target(previous, *target_lag),
                graph_valid_from: graph.map_or(at, |it| it.valid_from),
                ..RefreshRecord::begun(table.id, name.clone(), at, trigger, *target_lag)
            },
        );
        Self {
            engine: Arc::clone(engine),
            name: name.clone(),
            table: Arc::clone(table),
            at,
            statement,
            told,
        }
    }

    /// It comes after those of its upstream tables that are done.
    pub fn after(&self, upstreams: &[TableId], done: &Done) {
        let last = upstreams.iter().filter_map(|it| done.get(it)).max_by_key(|(_, ended)| *ended);
        let last = last.map(|(name, _)| (name.clone(), self.at));
        self.told.update(|it| it.last_completed_dependency = last);
    }

    /// It is left out, for a reason that is a `STATE_CODE`.
    pub fn skip(self, code: &str) {
        self.told.end(|it| {
            it.state = RefreshState::Skipped;
            it.state_code = Some(code.to_owned());
        });
    }

    /// It is not tried, since those of the tables that it reads have failed.
    pub fn upstream_failed(self, names: &[String]) -> SqlError {
        let error = inputs_failed(names);
        let now = self.engine.now();
        self.told.end(|it| {
            it.state = RefreshState::UpstreamFailed;
            it.state_code = Some(format!("{:06}", error.code));
            it.state_message = Some(error.message.clone());
            it.started_at = Some(now);
            it.ended_at = Some(now);
        });
        error
    }
}

/// What a refresh came to.
struct Outcome {
    action: RefreshAction,
    reinit_reason: Option<String>,
    changed_inputs: Vec<QualifiedName>,
    statistics: Statistics,
}

/// Refreshes a table, and tells the history. The table's refresh lock is held by the caller. The
/// instant at which it ended.
pub(super) async fn refresh(order: Order) -> Result<DateTime<Utc>, SqlError> {
    let started_at = order.engine.now();
    order.told.update(|it| {
        it.state = RefreshState::Executing;
        it.started_at = Some(started_at);
    });
    let result = attempt(&order).await;
    if result.is_err() && regressed(Regression::FailedRefreshEmpties) {
        let mut transaction = Transaction::default();
        transaction.lock(&order.table).await?;
        transaction.change(&order.table, Change::Overwrite(vec![]))?;
        transaction.commit(order.engine.now());
    }
    let ended_at = order.engine.now().max(started_at);
    order.told.end(|it| {
        it.ended_at = Some(ended_at);
        match &result {
            Ok(outcome) => {
                it.state = RefreshState::Succeeded;
                it.state_code = Some("SUCCESS".to_owned());
                it.action = Some(outcome.action);
                it.reinit_reason.clone_from(&outcome.reinit_reason);
                it.changed_inputs.clone_from(&outcome.changed_inputs);
                it.statistics = Some(outcome.statistics);
            }
            Err(error) => it.fails_with(error),
        }
    });
    result.map(|_| ended_at)
}

async fn attempt(order: &Order) -> Result<Outcome, SqlError> {
    let Order { engine, name, table, at, .. } = order;
    engine.catalog.commits().settle(*at);
    let definition = table.definition();
    let basis = engine.refresher.basis(table.id);
    if let Some(basis) = &basis {
        if regressed(Regression::ChangesIgnored) {
            return Ok(no_data(order, basis.to_vec()));
        }
        if let Some(inputs) = unchanged(order, basis) {
            return Ok(no_data(order, inputs));
        }
    }

    let session = system_session(engine, name);
    let began = Instant::now();
    let (planned, inputs) = plan(order, &session, &definition)?;
    let plan = fitted(planned.plan, &planned.columns, &definition.columns)?;
    let compilation = began.elapsed();
    if basis.as_ref().is_some_and(|it| same(it, &inputs)) {
        return Ok(no_data(order, inputs));
    }

    let reinit_reason = basis.as_ref().and_then(|it| reinitialised_by(it, &inputs));
    let changed_inputs = changed(basis.as_deref().map(Vec::as_slice), &inputs);
    let is_initial = basis.is_none() && !is_initialised(&definition);
    let warehouse = warehouse(engine, &definition, is_initial || reinit_reason.is_some())?;
    session.set_names(|it| it.warehouse = Some(warehouse.name.clone()));
    let work = Work {
        order,
        plan,
        rows: planned.rows,
        wait: Duration::from_secs_f64(planned.wait_seconds.max(0.0)),
        basis: basis.as_deref().filter(|_| reinit_reason.is_none()).map(Vec::as_slice),
        inputs: &inputs,
    };
    let (action, statistics) = as_query(&work, &session, &warehouse, compilation).await?;
    let action = if reinit_reason.is_some() { RefreshAction::Reinitialize } else { action };
    engine.refresher.refreshed(table, *at, inputs);
    Ok(Outcome { action, reinit_reason, changed_inputs, statistics })
}

/// The inputs as of the instant, if none has changed; found out without planning, as long as no
/// name stands for something else.
fn unchanged(order: &Order, basis: &[Input]) -> Option<Vec<Input>> {
    let Order { engine, name, table, at, .. } = order;
    let inputs: Vec<Input> = engine
        .refresher
        .reads(engine, name, table)
        .into_iter()
        .map(|(name, table)| {
            let version = engine.refresher.version_of(&table, *at).or_else(|| table.at(*at))?;
            Some(Input { name, table, version })
        })
        .collect::<Option<_>>()?;
    same(basis, &inputs).then_some(inputs)
}

fn no_data(order: &Order, inputs: Vec<Input>) -> Outcome {
    if !regressed(Regression::NoDataStays) {
        order.engine.refresher.refreshed(&order.table, order.at, inputs);
    }
    Outcome {
        action: RefreshAction::NoData,
        reinit_reason: None,
        changed_inputs: Vec::new(),
        statistics: Statistics::default(),
    }
}

fn is_initialised(definition: &TableDefinition) -> bool {
    definition.refreshing.as_ref().is_some_and(|it| it.data_timestamp.is_some())
}

fn plan(
    order: &Order,
    session: &Arc<Session>,
    definition: &TableDefinition,
) -> Result<(Planned, Vec<Input>), SqlError> {
    let Some(query) = &definition.query else {
        return Err(SqlError::internal("a table without a query is refreshed"));
    };
    let transaction = Transaction::default();
    let scope = Scope::new(session, &transaction, None, order.at, Arc::default());
    let scope = scope.for_refresh(order.at);
    let planned = scope.plan_text(query)?;
    Ok((planned, scope.inputs()))
}

/// The query's columns as the table has them. Where a `*` gives others than it once did, they are
/// found by name.
fn fitted(
    plan: LogicalPlan,
    found: &[Column],
    wanted: &[ColumnDefinition],
) -> Result<LogicalPlan, SqlError> {
    let sources: Vec<_> = plan
        .schema()
        .iter()
        .map(|(qualifier, field)| Expr::Column(PlanColumn::new(qualifier.cloned(), field.name())))
        .collect();
    let by_name = found.len() != wanted.len();
    let projection = wanted
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let index = match by_name {
                false => Some(index),
                true => found.iter().position(|it| it.name == column.name),
            };
            let source = index.and_then(|it| sources.get(it)).cloned();
            let source = source.ok_or_else(|| SqlError::invalid_identifier(&column.name))?;
            let cast = functions::cast(&column.data_type, false);
            Ok(cast.call(vec![source]).alias(&column.name))
        })
        .collect::<Result<Vec<_>, SqlError>>()?;
    LogicalPlanBuilder::from(plan).project(projection).and_then(|it| it.build()).map_err(error_of)
}

fn same(before: &[Input], now: &[Input]) -> bool {
    before.len() == now.len() && changed(Some(before), now).is_empty()
}

/// The inputs that are not what they were.
fn changed(before: Option<&[Input]>, now: &[Input]) -> Vec<QualifiedName> {
    let is_same = |input: &&Input| {
        let before = before.unwrap_or_default().iter();
        let mut before = before.filter(|it| it.table.id == input.table.id);
        before.any(|it| it.version.number == input.version.number)
    };
    now.iter().filter(|it| !is_same(it)).map(|it| it.name.clone()).collect()
}

/// Why the contents have nothing to go by any more. The words are this emulator's.
fn reinitialised_by(before: &[Input], now: &[Input]) -> Option<String> {
    if regressed(Regression::ReplacementNotTold) {
        return None;
    }
    for input in now {
        let Some(earlier) = before.iter().find(|it| it.table.id == input.table.id) else {
            return Some(match before.iter().any(|it| it.name == input.name) {
                true => format!("{} was replaced.", input.name),
                false => format!("{} is read now and was not before.", input.name),
            });
        };
        if is_reshaped(earlier, input) {
            return Some(format!("The columns of {} were changed.", input.name));
        }
    }
    let is_gone = |it: &&Input| !now.iter().any(|now| now.table.id == it.table.id);
    before.iter().find(is_gone).map(|it| format!("{} is not read any more.", it.name))
}

/// Whether columns that an input still has are others than they were: of another type, in another
/// order, or gone in between. Columns that came or went, of which the definition reads none,
/// change nothing.
fn is_reshaped(before: &Input, now: &Input) -> bool {
    let (then, since) = (&before.version.schema, &now.version.schema);
    if Arc::ptr_eq(then, since) {
        return false;
    }
    let both = |one: &Schema, other: &Schema| -> Vec<_> {
        let fields = one.fields().iter();
        let kept = fields.filter(|it| other.column_with_name(it.name()).is_some());
        kept.map(|it| (it.name().clone(), it.data_type().clone())).collect()
    };
    let kept = both(then, since);
    let between = before.version.number + 1..now.version.number;
    kept != both(since, then)
        || between
            .filter_map(|it| now.table.numbered(it))
            .any(|it| kept.iter().any(|(name, _)| it.schema.column_with_name(name).is_none()))
}

fn warehouse(
    engine: &Engine,
    definition: &TableDefinition,
    is_initial: bool,
) -> Result<Arc<Warehouse>, SqlError> {
    let Some(refreshing) = &definition.refreshing else {
        return Err(SqlError::internal("a table that is not refreshed is refreshed"));
    };
    let initial = refreshing.initialization_warehouse.as_ref().filter(|_| is_initial);
    engine.warehouses.find(initial.unwrap_or(&refreshing.warehouse))
}

/// What is left to do on the warehouse.
struct Work<'a> {
    order: &'a Order,
    plan: LogicalPlan,
    /// In all tables that are read.
    rows: u64,
    /// What the definition asks for with `SYSTEM$WAIT`.
    wait: Duration,
    /// What the contents stem from. `None` where nothing can be built on them.
    basis: Option<&'a [Input]>,
    inputs: &'a [Input],
}

/// Does the work under the warehouse's governor: as the statement that asked for it, or as one of
/// the system's own, which QUERY_HISTORY shows.
async fn as_query(
    work: &Work<'_>,
    session: &Arc<Session>,
    warehouse: &Arc<Warehouse>,
    compilation: Duration,
) -> Result<(RefreshAction, Statistics), SqlError> {
    let Order { engine, name, table, statement, .. } = work.order;
    let kind = match table.definition().kind {
        TableKind::Interactive => "INTERACTIVE",
        _ => "DYNAMIC",
    };
    let now = engine.now();
    let query_id = statement.unwrap_or_else(Uuid::new_v4);
    work.order.told.update(|it| it.query_id = Some(query_id));
    let request = Request {
        sql: format!("ALTER {kind} TABLE {name} REFRESH"),
        binds: BTreeMap::new(),
        parameters: BTreeMap::new(),
        describe_only: false,
        query_id,
        submitted_at: now,
    };
    match statement {
        Some(query_id) => {
            // Whose signal it is holds it as long as the statement runs.
            let cancel = engine.cancel_signal(*query_id);
            let cancel = cancel.unwrap_or_else(|| watch::Sender::new(false).subscribe());
            let mut running = Running::new(session, &request, now, cancel);
            running.compilation = compilation;
            let result = on_warehouse(work, warehouse, &mut running).await;
            engine.history.update(*query_id, |it| running.account_in(it));
            result
        }
        None => {
            let (listed, cancel) = Listed::new(engine, query_id);
            let mut running = session.begin(&request, QUERY_TYPE, now, cancel);
            running.compilation = compilation;
            let result = on_warehouse(work, warehouse, &mut running).await;
            let rows = result.as_ref().map_or(0, |(_, it)| it.inserted_rows);
            running.end(result.as_ref().err(), rows);
            drop(listed);
            result
        }
    }
}

async fn on_warehouse(
    work: &Work<'_>,
    warehouse: &Arc<Warehouse>,
    running: &mut Running<'_>,
) -> Result<(RefreshAction, Statistics), SqlError> {
    let execute = |_| work.execute();
    let (action, statistics) = sql::on_warehouse(running, warehouse, Clocked::No, execute).await?;
    let account = running.account.clone().unwrap_or_default();
    let statistics = Statistics {
        queued: account.queued_overload + account.queued_provisioning,
        compilation: running.compilation,
        execution: account.ran.unwrap_or_default(),
        ..statistics
    };
    Ok((action, statistics))
}

impl Work<'_> {
    async fn execute(&self) -> Result<(RefreshAction, Statistics), SqlError> {
        let Order { engine, table, .. } = self.order;
        if !self.wait.is_zero() {
            engine.settings.clock.sleep(self.wait).await;
        }
        let mut transaction = Transaction::default();
        transaction.lock(table).await?;
        let before = table.latest();
        let is_incremental = mode(&table.definition()) == Some(RefreshMode::Incremental)
            && !regressed(Regression::FullToldIncremental);
        let maintained = &engine.refresher.maintained;
        let queries = &engine.queries;
        let merged = match self.basis.filter(|_| is_incremental) {
            Some(basis) => {
                let inputs = (basis, self.inputs);
                maintained.merge(queries, table.id, &before, &self.plan, inputs).await?
            }
            None => None,
        };
        let (action, change, statistics, kept) = match merged.map(Merged::into_parts) {
            Some((change, statistics, kept)) => {
                (RefreshAction::Incremental, change, statistics, Some(kept))
            }
            None => {
                let (rows, kept) = match is_incremental {
                    true => {
                        let (rows, kept) = whole(queries, &self.plan, self.inputs).await?;
                        (rows, Some(kept))
                    }
                    false => (queries.run(self.plan.clone(), self.rows).await?, None),
                };
                let statistics = Statistics {
                    inserted_rows: rows.iter().map(|it| it.num_rows() as u64).sum(),
                    deleted_rows: before.row_count,
                    ..Statistics::default()
                };
                (RefreshAction::Full, Change::Overwrite(rows), statistics, kept)
            }
        };
        let action = match action {
            RefreshAction::Full if regressed(Regression::FullToldIncremental) => {
                RefreshAction::Incremental
            }
            RefreshAction::Incremental if regressed(Regression::IncrementalToldFull) => {
                RefreshAction::Full
            }
            it => it,
        };
        transaction.change(table, change)?;
        transaction.commit(engine.now());
        if let Some(kept) = kept {
            engine.refresher.maintained.keep(table.id, kept);
        }
        let after = table.latest();
        let counted = if regressed(Regression::InsertedCountedTwice) { 2 } else { 1 };
        let statistics = Statistics {
            inserted_rows: statistics.inserted_rows * counted,
            added_partitions: missing(&after, &before),
            removed_partitions: missing(&before, &after),
            ..statistics
        };
        Ok((action, statistics))
    }
}

/// How many partitions of one version another does not have.
fn missing(of: &Version, other: &Version) -> u64 {
    let there: BTreeSet<u64> = other.partitions.iter().map(|it| it.id).collect();
    of.partitions.iter().filter(|it| !there.contains(&it.id)).count() as u64
}

fn mode(definition: &TableDefinition) -> Option<RefreshMode> {
    definition.refreshing.as_ref().map(|it| it.mode)
}
