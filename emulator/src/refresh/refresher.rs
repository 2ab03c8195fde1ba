//! The tables of an account that are refreshed: what is known of each, and what is told of it.
//!
//! Which tables there are is asked from the catalog each time: nothing here has to hear of a table
//! that was dropped, renamed, swapped or brought back.

use super::{
    declared::{SuspendedBy, Suspension, TargetLag},
    graph::{Graph, Node},
    history::{AlterTrigger, GraphRecord, LagStatistics, RefreshRecord, RefreshState},
    maintained::Maintained,
    refreshing::{self, Order},
    statistics,
};
use crate::{
    clock,
    engine::{Engine, LoginOptions, Session},
    error::SqlError,
    regression::{Regression, regressed},
    sql::{
        scope::{Input, Scope},
        sources,
    },
    store::{
        catalog::QualifiedName,
        table::{RETENTION, Table, TableDefinition, TableId, Version},
        transaction::Transaction,
    },
};
use chrono::{DateTime, TimeDelta, Timelike, Utc};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};
use uuid::Uuid;

/// How many refreshes are remembered. The service keeps seven days; that is eight tables with the
/// shortest lag.
const RECORDS_MAX: usize = 100_000;

/// How many changes of the graph are remembered.
const GRAPH_RECORDS_MAX: usize = 10_000;

/// How many data timestamps of a table are remembered: more than fit into the retention.
const VERSIONS_MAX: usize = 2_000;

/// After so many failures in a row, a table is suspended.
const FAILURES_MAX: u32 = 5;

/// Who refreshes on schedule, in QUERY_HISTORY.
const SYSTEM_USER: &str = "SYSTEM";

/// What an account knows of its refreshes.
#[derive(Default)]
pub struct Refresher {
    records: Mutex<Records>,
    graph: Mutex<VecDeque<GraphRecord>>,
    known: Mutex<HashMap<TableId, Known>>,
    pub maintained: Maintained,
    tables: Mutex<Option<Tables>>,
    /// The last tick of the shortest period that was looked at.
    pub(super) ticked: Mutex<Option<DateTime<Utc>>>,
}

/// Refreshes, oldest first, by ascending numbers.
#[derive(Default)]
struct Records {
    records: VecDeque<(u64, RefreshRecord)>,
    next: u64,
}

/// The refreshed tables of a catalog, as long as its generation stays.
#[derive(Clone)]
struct Tables {
    generation: u64,
    tables: Vec<(QualifiedName, Arc<Table>)>,
}

/// What is known of one table.
#[derive(Default)]
struct Known {
    /// Held while it is refreshed.
    lock: Arc<tokio::sync::Mutex<()>>,
    /// Which version has the contents of which data timestamp, oldest first.
    versions: VecDeque<(DateTime<Utc>, u64)>,
    /// What its contents were computed from.
    basis: Option<Arc<Vec<Input>>>,
    reads: Option<Tables>,
    not_before: Option<DateTime<Utc>>,
    /// Scheduled refreshes in a row that failed.
    failures: u32,
}

impl Refresher {
    /// Adds a refresh.
    pub fn record(&self, record: RefreshRecord) {
        self.begin(record);
    }

    /// All refreshes, oldest first; those that are under way too.
    pub fn records(&self) -> Vec<RefreshRecord> {
        self.records.lock().records.iter().map(|(_, it)| it.clone()).collect()
    }

    /// Adds what a table of the graph is from now on. The description that it had ends.
    pub fn describe(&self, record: GraphRecord) {
        let mut graph = self.graph.lock();
        let is_current = |it: &&mut GraphRecord| it.table == record.table && it.valid_to.is_none();
        if let Some(current) = graph.iter_mut().rev().find(is_current) {
            current.valid_to = Some(record.valid_from);
        }
        graph.push_back(record);
        if graph.len() > GRAPH_RECORDS_MAX {
            graph.pop_front();
        }
    }

    /// All descriptions of tables, oldest first.
    pub fn graph_records(&self) -> Vec<GraphRecord> {
        self.graph.lock().iter().cloned().collect()
    }

    /// How well a table has kept its lag so far. `None` before its first refresh.
    pub fn lag_statistics(&self, table: TableId, now: DateTime<Utc>) -> Option<LagStatistics> {
        let target = self.graph_record(table).and_then(|it| it.target_lag.seconds());
        let records = self.records.lock();
        let own = records.records.iter().map(|(_, it)| it).filter(|it| it.table == table);
        statistics::lag_statistics(own, target, now)
    }

    /// Tells of a table that has just been created, or replaced another of its name. Its contents,
    /// if it has any yet, are those of its data timestamp.
    pub fn created(&self, engine: &Arc<Engine>, _name: &QualifiedName, _table: &Arc<Table>) {
        self.look(engine);
    }

    /// Tells that something of a refreshed table was altered: the graph's history knows since when.
    pub fn altered(&self, engine: &Arc<Engine>) {
        self.look(engine);
    }

    /// Suspends a table, and those that read it; `None` resumes them, those that their user
    /// suspended left out.
    pub fn suspend(
        &self,
        engine: &Arc<Engine>,
        _name: &QualifiedName,
        table: &Arc<Table>,
        suspension: Option<Suspension>,
    ) {
        let graph = self.look(engine);
        match suspension {
            Some(suspension) => {
                set_suspended(table, suspension);
                let cascade = Suspension { by: suspension.by.downstream(), ..suspension };
                let downstreams = match regressed(Regression::SuspendAlone) {
                    true => BTreeSet::new(),
                    false => graph.with_downstreams([table.id]),
                };
                for id in downstreams {
                    if let Some(node) = graph.get(id).filter(|it| !it.is_suspended)
                        && id != table.id
                    {
                        set_suspended(&node.table, cascade);
                    }
                }
            }
            None if regressed(Regression::ResumeIgnored) => {}
            None => self.resume(&graph, table, engine.now()),
        }
        self.look(engine);
    }

    fn resume(&self, graph: &Graph, table: &Arc<Table>, now: DateTime<Utc>) {
        let mut seen = BTreeSet::from([table.id]);
        let mut left = vec![Arc::clone(table)];
        while let Some(table) = left.pop() {
            table.alter(|it| {
                if let Some(refreshing) = &mut it.refreshing
                    && refreshing.suspended.take().is_some()
                {
                    refreshing.resumed_at = Some(now);
                }
            });
            self.with(table.id, |it| it.failures = 0);
            for id in graph.downstreams(table.id) {
                let Some(node) = graph.get(id) else { continue };
                let suspended =
                    node.table.definition().refreshing.as_ref().and_then(|it| it.suspended);
                if suspended.is_none_or(|it| it.by != SuspendedBy::User) && seen.insert(id) {
                    left.push(Arc::clone(&node.table));
                }
            }
        }
    }

    /// The version with the contents of a data timestamp, if the table had that one.
    pub fn version_of(&self, table: &Table, data_timestamp: DateTime<Utc>) -> Option<Arc<Version>> {
        let known = |it: &Known| {
            let mut newest_first = it.versions.iter().rev();
            newest_first.find(|(at, _)| *at == data_timestamp).map(|(_, number)| *number)
        };
        let number = self.known.lock().get(&table.id).and_then(known);
        match number {
            Some(number) => table.numbered(number),
            // It was filled when it was created, and nobody has looked since.
            None => {
                let definition = table.definition();
                let shows = definition.refreshing.as_ref()?.data_timestamp;
                (shows == Some(data_timestamp)).then(|| table.latest())
            }
        }
    }

    /// The refreshed tables as they are now. What has changed of them since the last look is
    /// remembered.
    pub(super) fn look(&self, engine: &Arc<Engine>) -> Graph {
        let now = engine.now();
        let tables = self.tables(engine);
        let found: Vec<_> = tables
            .iter()
            .filter_map(|(name, table)| {
                let definition = table.definition();
                definition.refreshing.is_some().then_some((name, table, definition))
            })
            .collect();
        {
            let ids: BTreeSet<TableId> = found.iter().map(|(_, table, _)| table.id).collect();
            self.known.lock().retain(|id, _| ids.contains(id));
            self.maintained.retain(|id| ids.contains(&id));
            for record in self.graph.lock().iter_mut() {
                if record.valid_to.is_none() && !ids.contains(&record.table) {
                    record.valid_to = Some(now);
                }
            }
        }
        let mut nodes = Vec::with_capacity(found.len());
        for (name, table, definition) in found {
            let Some(refreshing) = &definition.refreshing else { continue };
            let reads = self.reads(engine, name, table);
            self.adopt(engine, name, table, &definition);
            self.notice(engine, name, table, &definition, now);
            nodes.push(Node {
                name: name.clone(),
                table: Arc::clone(table),
                target_lag: refreshing.target_lag,
                is_suspended: refreshing.suspended.is_some(),
                inputs: reads.iter().map(|(_, it)| it.id).collect(),
            });
        }
        Graph::new(nodes)
    }

    /// The refreshed tables of the account.
    fn tables(&self, engine: &Engine) -> Vec<(QualifiedName, Arc<Table>)> {
        // Before the names are read: a change meanwhile has them read again.
        let generation = engine.catalog.generation();
        if let Some(tables) = &*self.tables.lock()
            && tables.generation == generation
        {
            return tables.tables.clone();
        }
        let tables = sources::all_refreshed(&engine.catalog);
        *self.tables.lock() = Some(Tables { generation, tables: tables.clone() });
        tables
    }

    /// The tables that a table's definition reads, through views too.
    pub(super) fn reads(
        &self,
        engine: &Engine,
        name: &QualifiedName,
        table: &Table,
    ) -> Vec<(QualifiedName, Arc<Table>)> {
        let generation = engine.catalog.generation();
        let before = self.with(table.id, |it| it.reads.clone());
        if let Some(reads) = before.filter(|it| it.generation == generation) {
            return reads.tables;
        }
        let tables = sources::of_table(&engine.catalog, name, table).tables;
        let reads = Tables { generation, tables: tables.clone() };
        self.with(table.id, |it| it.reads = Some(reads));
        tables
    }

    /// Takes note of contents that were not made by a refresh.
    fn adopt(
        &self,
        engine: &Arc<Engine>,
        name: &QualifiedName,
        table: &Arc<Table>,
        definition: &TableDefinition,
    ) {
        let Some(at) = definition.refreshing.as_ref().and_then(|it| it.data_timestamp) else {
            return;
        };
        if self.with(table.id, |it| it.versions.iter().any(|(known, _)| *known == at)) {
            return;
        }
        let number = table.latest().number;
        let basis = definition.query.as_ref().and_then(|query| {
            let session = system_session(engine, name);
            let transaction = Transaction::default();
            let scope = Scope::new(&session, &transaction, None, at, Arc::default());
            let scope = scope.for_refresh(at);
            scope.plan_text(query).ok().map(|_| Arc::new(scope.inputs()))
        });
        self.with(table.id, |it| {
            it.versions.push_back((at, number));
            it.basis = basis;
        });
    }

    /// Describes a table that is not what the last description says, where nobody has: suspended
    /// with another, renamed, brought back.
    fn notice(
        &self,
        engine: &Engine,
        name: &QualifiedName,
        table: &Table,
        definition: &TableDefinition,
        now: DateTime<Utc>,
    ) {
        let Some(refreshing) = &definition.refreshing else { return };
        let last = self.graph_record(table.id);
        let trigger = match &last {
            None => AlterTrigger::Create,
            Some(last) => match (last.suspended, refreshing.suspended) {
                (None, Some(_)) => AlterTrigger::Suspend,
                (Some(_), None) => AlterTrigger::Resume,
                _ if last.target_lag != refreshing.target_lag => AlterTrigger::TargetLag,
                _ if last.warehouse != refreshing.warehouse => AlterTrigger::Warehouse,
                (was, is) if last.name != *name || was != is => AlterTrigger::Other,
                _ => return,
            },
        };
        self.describe(GraphRecord {
            table: table.id,
            name: name.clone(),
            inputs: sources::of_table(&engine.catalog, name, table).inputs(),
            target_lag: refreshing.target_lag,
            warehouse: refreshing.warehouse.clone(),
            query: definition.query.clone().unwrap_or_default(),
            valid_from: now,
            valid_to: None,
            suspended: refreshing.suspended,
            resumed_at: refreshing.resumed_at,
            trigger,
        });
    }

    /// How a table stands in the graph now.
    pub(super) fn graph_record(&self, table: TableId) -> Option<GraphRecord> {
        let graph = self.graph.lock();
        graph.iter().rev().find(|it| it.table == table && it.valid_to.is_none()).cloned()
    }

    fn with<T>(&self, table: TableId, work: impl FnOnce(&mut Known) -> T) -> T {
        work(self.known.lock().entry(table).or_default())
    }

    /// Held while a table is refreshed.
    pub(super) fn lock(&self, table: TableId) -> Arc<tokio::sync::Mutex<()>> {
        self.with(table, |it| Arc::clone(&it.lock))
    }

    /// What a table's contents were computed from, if that is known.
    pub(super) fn basis(&self, table: TableId) -> Option<Arc<Vec<Input>>> {
        self.with(table, |it| it.basis.clone())
    }

    /// The first tick that a table may be refreshed at, after it overran.
    pub(super) fn not_before(&self, table: TableId) -> Option<DateTime<Utc>> {
        self.with(table, |it| it.not_before)
    }

    pub(super) fn set_not_before(&self, table: TableId, at: Option<DateTime<Utc>>) {
        self.with(table, |it| it.not_before = at);
    }

    /// A table's latest contents are those of a data timestamp.
    pub(super) fn refreshed(&self, table: &Arc<Table>, at: DateTime<Utc>, basis: Vec<Input>) {
        let number = table.latest().number;
        self.with(table.id, |it| {
            it.versions.push_back((at, number));
            let oldest = at.checked_sub_signed(RETENTION).unwrap_or(DateTime::<Utc>::MIN_UTC);
            while it.versions.front().is_some_and(|(at, _)| *at < oldest)
                || it.versions.len() > VERSIONS_MAX
            {
                it.versions.pop_front();
            }
            it.basis = Some(Arc::new(basis));
        });
        table.alter(|it| {
            if let Some(refreshing) = &mut it.refreshing {
                refreshing.data_timestamp = Some(at);
            }
        });
    }

    /// Counts how a scheduled refresh ended, and suspends a table that fails all the time.
    pub(super) fn scheduled_ended(&self, engine: &Arc<Engine>, node: &Node, is_failure: bool) {
        let failures = self.with(node.table.id, |it| {
            it.failures = if is_failure { it.failures + 1 } else { 0 };
            it.failures
        });
        let one_more = u32::from(regressed(Regression::SixFailures));
        if failures >= FAILURES_MAX + one_more {
            let suspension = Suspension { at: engine.now(), by: SuspendedBy::Errors };
            self.suspend(engine, &node.name, &node.table, Some(suspension));
        }
    }

    fn begin(&self, record: RefreshRecord) -> u64 {
        let mut records = self.records.lock();
        let number = records.next;
        records.next += 1;
        records.records.push_back((number, record));
        if records.records.len() > RECORDS_MAX {
            records.records.pop_front();
        }
        number
    }
}

/// The record of a refresh that has not ended. It counts as cancelled if this is dropped before.
pub(super) struct Told {
    engine: Arc<Engine>,
    number: u64,
    is_ended: bool,
}

impl Told {
    pub fn begin(engine: &Arc<Engine>, record: RefreshRecord) -> Self {
        let number = engine.refresher.begin(record);
        Self { engine: Arc::clone(engine), number, is_ended: false }
    }

    pub fn update(&self, change: impl FnOnce(&mut RefreshRecord)) {
        let mut records = self.engine.refresher.records.lock();
        let found = records.records.binary_search_by_key(&self.number, |(it, _)| *it);
        if let Some((_, record)) = found.ok().and_then(|it| records.records.get_mut(it)) {
            change(record);
        }
    }

    pub fn end(mut self, change: impl FnOnce(&mut RefreshRecord)) {
        self.is_ended = true;
        self.update(change);
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if self.is_ended {
            return;
        }
        let error = match std::thread::panicking() {
            true => SqlError::internal("the refresh ended in a panic"),
            false => SqlError::cancelled(),
        };
        let now = self.engine.now();
        self.update(|it| {
            it.ended_at = Some(now);
            it.fails_with(&error);
        });
    }
}

impl RefreshRecord {
    pub(super) fn fails_with(&mut self, error: &SqlError) {
        self.state = match error.code == SqlError::cancelled().code {
            true => RefreshState::Cancelled,
            false => RefreshState::Failed,
        };
        self.state_code = Some(format!("{:06}", error.code));
        self.state_message = Some(error.message.clone());
    }
}

fn set_suspended(table: &Table, suspension: Suspension) {
    table.alter(|it| {
        if let Some(refreshing) = &mut it.refreshing {
            refreshing.suspended = Some(suspension);
        }
    });
}

/// Who a table is refreshed by: nobody who is logged in, in the table's own schema.
pub(super) fn system_session(engine: &Arc<Engine>, name: &QualifiedName) -> Arc<Session> {
    let session =
        engine.open_session(LoginOptions { user: SYSTEM_USER.to_owned(), ..Default::default() });
    session.set_names(|it| {
        it.database = Some(name.database.clone());
        it.schema = Some(name.schema.clone());
        it.warehouse = None;
    });
    session
}

/// `002753`: a table cannot be refreshed, since those that it reads were not.
pub(super) fn inputs_failed(names: &[String]) -> SqlError {
    let names = names.join(", ");
    SqlError::new(2753, "22000", format!("Some inputs failed to refresh: [{names}]."))
}

/// Refreshes tables because somebody asks for it, suspended or not: first those that they stand
/// on, all to one data timestamp, which is not before now. The statement is told of in the history
/// of refreshes of the tables that it names, and waits for their warehouses. The data timestamp.
///
/// # Errors
///
/// `002753` where a table that one stands on fails, and whatever keeps a definition from being run.
pub(crate) async fn refresh_by_hand(
    engine: &Arc<Engine>,
    tables: &[(QualifiedName, Arc<Table>)],
    query_id: Uuid,
) -> Result<DateTime<Utc>, SqlError> {
    let asked: BTreeSet<TableId> = tables.iter().map(|(_, it)| it.id).collect();
    let graph = engine.refresher.look(engine);
    let wanted = match regressed(Regression::ManualWithoutUpstreams) {
        true => asked.clone(),
        false => graph.with_upstreams(asked.iter().copied()),
    };
    // Always in the same order, so that two statements do not wait for each other.
    let mut locks = Vec::new();
    for id in &wanted {
        locks.push(clock::waiting(engine.refresher.lock(*id).lock_owned()).await);
    }
    let at = next_millisecond(engine).await;

    let orders: Vec<(&Node, Order)> = graph
        .in_order(&wanted)
        .into_iter()
        .filter_map(|id| {
            let node = graph.get(id)?;
            let statement = asked.contains(&id).then_some(query_id);
            Some((node, Order::by_hand(engine, node, at, statement)))
        })
        .collect();
    let mut failed: BTreeMap<TableId, (QualifiedName, SqlError)> = BTreeMap::new();
    let mut done = BTreeMap::new();
    for (node, order) in orders {
        let id = node.table.id;
        let upstreams = graph.upstreams(id);
        order.after(&upstreams, &done);
        let lost: Vec<String> =
            upstreams.iter().filter_map(|it| Some(failed.get(it)?.0.name.clone())).collect();
        let result = match lost.is_empty() {
            true => refreshing::refresh(order).await,
            false => Err(order.upstream_failed(&lost)),
        };
        let name = node.name.clone();
        match result {
            Ok(ended_at) => {
                done.insert(id, (name, ended_at));
            }
            Err(error) => {
                failed.insert(id, (name, error));
            }
        }
    }
    match failed.into_iter().find(|(id, _)| asked.contains(id)) {
        Some((_, (_, error))) => Err(error),
        None => Ok(at),
    }
}

/// The next instant that has no part of a millisecond, when it has come: data timestamps are shown
/// so, and have to be the ones that are shown.
pub(crate) async fn next_millisecond(engine: &Engine) -> DateTime<Utc> {
    let now = engine.now();
    let rest = TimeDelta::nanoseconds(i64::from(now.nanosecond() % 1_000_000));
    let at = if rest.is_zero() { now } else { now - rest + TimeDelta::milliseconds(1) };
    while engine.now() < at {
        let left = (at - engine.now()).to_std().unwrap_or_default();
        engine.settings.clock.sleep(left).await;
    }
    at
}

/// Nobody's lag but a table's own.
pub(super) fn completion_target(
    previous: Option<DateTime<Utc>>,
    target_lag: TargetLag,
) -> Option<DateTime<Utc>> {
    let lags = if regressed(Regression::CompletionTargetLate) { 2 } else { 1 };
    let lag = i64::try_from(target_lag.seconds()? * lags).ok().and_then(TimeDelta::try_seconds)?;
    previous?.checked_add_signed(lag)
}
