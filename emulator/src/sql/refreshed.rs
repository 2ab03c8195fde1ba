//! Tables that are refreshed from a query: creating them, altering them, refreshing them by hand.
//! Dynamic tables, and interactive tables with a target lag, which follow the same rules.

use super::{
    ddl::{CreateTable, PropertyValue},
    execute::qualified,
    functions,
    refreshed_ddl::{
        AlterRefreshed, RefreshOptions, RefreshedAction, Scheduler, check_retention, invalid_value,
        scheduler,
    },
    scope::{Planned, Scope, error_of},
    sources::{self, Sources},
    tables::{clustering_key, columns_for, definition_of, done, put},
    text,
};
use crate::{
    clock,
    engine::{Engine, Running, Session, Success},
    error::SqlError,
    refresh::{
        declared::{Initialize, RefreshMode, Refreshing, SuspendedBy, Suspension, TargetLag},
        history::{RefreshAction, RefreshRecord, RefreshState, RefreshTrigger, Statistics},
        incremental::Dataflow,
        lag,
        maintained::{Kept, whole},
        mode::{self, AskedMode},
        refresher::{next_millisecond, refresh_by_hand},
    },
    regression::{Regression, regressed},
    store::{
        catalog::{Object, QualifiedName},
        table::{Table, TableKind},
        transaction::Transaction,
    },
    types::ColumnDefinition,
    warehouse::{Kind, Warehouse, governor::Clocked},
};
use chrono::{DateTime, Utc};
use datafusion::{
    arrow::array::RecordBatch,
    logical_expr::{LogicalPlan, LogicalPlanBuilder},
    sql::sqlparser::ast,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// `Warehouse '…' must not be an interactive warehouse` (catalogue S-13). The code is not public:
/// it is this emulator's.
pub(super) fn must_not_be_interactive(warehouse: &str) -> SqlError {
    SqlError::new(
        10408,
        "0A000",
        format!(
            "SQL compilation error:\nWarehouse '{warehouse}' must not be an interactive warehouse."
        ),
    )
}

/// A rule whose code and text are not public: both are this emulator's.
fn not_public(code: u32, text: impl std::fmt::Display) -> SqlError {
    SqlError::new(code, "42601", format!("SQL compilation error:\n{text}"))
}

// What is declared.

/// The rules of `CREATE INTERACTIVE TABLE` that need no data (catalogue S-03 to S-14). Nothing
/// where the table is static.
pub(super) fn interactive_properties(
    session: &Session,
    create: &CreateTable,
    now: DateTime<Utc>,
) -> Result<Option<Refreshing>, SqlError> {
    if regressed(Regression::InteractiveNotAvailable) {
        return Err(SqlError::new(2, "0A000", "Unsupported feature 'INTERACTIVE TABLE'."));
    }
    let options = &create.refresh;
    if create.cluster_by.is_empty() && !regressed(Regression::ClusterByOptional) {
        // The text is public, the code is not.
        return Err(not_public(
            10409,
            match regressed(Regression::ClusterByText) {
                true => "CLUSTER BY is missing.",
                false => "An interactive table must contain clustering keys.",
            },
        ));
    }
    if create.query.is_none() && regressed(Regression::ColumnListRefused) {
        return Err(SqlError::interactive_unsupported("a column list without a query"));
    }
    if create.like.is_some() {
        return Err(SqlError::interactive_unsupported("LIKE"));
    }
    let Some(target_lag) = &options.target_lag else {
        if (options.warehouse.is_some() || options.initialization_warehouse.is_some())
            && !regressed(Regression::WarehouseWithoutLag)
        {
            // Rejected on a live account.
            return Err(not_public(
                10410,
                "WAREHOUSE is only valid for an interactive table with TARGET_LAG.",
            ));
        }
        let current = session.names().warehouse;
        return Ok(current
            .filter(|_| regressed(Regression::StaticTableFollows))
            .map(|it| refreshing(TargetLag::Seconds(lag::SECONDS_MIN), &it, options, false)));
    };
    let target_lag = TargetLag::Seconds(lag::parse(target_lag)?);
    let current = session.names().warehouse.filter(|_| regressed(Regression::LagWithoutWarehouse));
    let Some(warehouse) = options.warehouse.as_ref().or(current.as_ref()) else {
        // The documentation demands it.
        return Err(not_public(
            10411,
            "An interactive table with TARGET_LAG must specify WAREHOUSE.",
        ));
    };
    check_warehouses(session, warehouse, options)?;
    if create.query.is_none() {
        return Err(not_public(
            10412,
            "An interactive table with TARGET_LAG must be defined AS a query.",
        ));
    }
    let mut refreshing = refreshing(target_lag, warehouse, options, false);
    if regressed(Regression::LaggingTableSuspended) {
        refreshing.suspended = Some(Suspension { at: now, by: SuspendedBy::User });
    }
    Ok(Some(refreshing))
}

/// The rules of `CREATE DYNAMIC TABLE` that need no data (catalogue §10.1).
pub(super) fn dynamic_properties(
    session: &Session,
    create: &CreateTable,
) -> Result<Refreshing, SqlError> {
    let options = &create.refresh;
    let target_lag = options.target_lag.as_deref().map(parse_lag).transpose()?;
    let target_lag = scheduled(None, options.scheduler, target_lag)?;
    let Some(warehouse) = &options.warehouse else {
        return Err(not_public(10411, "A dynamic table must specify WAREHOUSE."));
    };
    check_warehouses(session, warehouse, options)?;
    Ok(refreshing(target_lag, warehouse, options, create.transient))
}

fn refreshing(
    target_lag: TargetLag,
    warehouse: &str,
    options: &RefreshOptions,
    transient: bool,
) -> Refreshing {
    Refreshing {
        target_lag,
        transient,
        warehouse: warehouse.to_owned(),
        initialization_warehouse: options.initialization_warehouse.clone(),
        // Decided when the definition is looked at.
        mode: RefreshMode::Full,
        mode_reason: None,
        initialize: options.initialize.unwrap_or(Initialize::OnCreate),
        data_timestamp: None,
        suspended: None,
        resumed_at: None,
    }
}

fn parse_lag(text: &str) -> Result<TargetLag, SqlError> {
    match text.eq_ignore_ascii_case("DOWNSTREAM") {
        true => Ok(TargetLag::Downstream),
        false => lag::parse(text).map(TargetLag::Seconds),
    }
}

/// `SCHEDULER = DISABLE` excludes a target lag, and ENABLE requires one. `current` is what the
/// table has.
fn scheduled(
    current: Option<TargetLag>,
    scheduler: Option<Scheduler>,
    target_lag: Option<TargetLag>,
) -> Result<TargetLag, SqlError> {
    let excluded = || not_public(10414, "TARGET_LAG cannot be specified with SCHEDULER = DISABLE.");
    match (scheduler, target_lag, current) {
        (Some(Scheduler::Disable), Some(_), _) => Err(excluded()),
        (Some(Scheduler::Disable), None, _) => Ok(TargetLag::Unscheduled),
        (None, Some(_), Some(TargetLag::Unscheduled)) => Err(excluded()),
        (_, Some(target_lag), _) => Ok(target_lag),
        (Some(Scheduler::Enable), None, None | Some(TargetLag::Unscheduled)) => {
            Err(not_public(10415, "TARGET_LAG must be specified with SCHEDULER = ENABLE."))
        }
        (_, None, Some(current)) => Ok(current),
        (None, None, None) => Err(not_public(10415, "A dynamic table must specify TARGET_LAG.")),
    }
}

fn check_warehouses(
    session: &Session,
    warehouse: &str,
    options: &RefreshOptions,
) -> Result<(), SqlError> {
    check_warehouse(session, warehouse)?;
    options.initialization_warehouse.iter().try_for_each(|it| check_warehouse(session, it))
}

/// Refresh warehouses exist and are standard (catalogue S-14).
fn check_warehouse(session: &Session, name: &str) -> Result<(), SqlError> {
    match session.engine.warehouses.get(name) {
        None => Err(SqlError::new(
            2725,
            "02000",
            format!("SQL compilation error:\nWarehouse '{name}' does not exist."),
        )),
        Some(it) if it.kind == Kind::Interactive => Err(must_not_be_interactive(name)),
        Some(_) => Ok(()),
    }
}

// What the definition reads.

/// Refuses sources that a refreshed table cannot have.
fn check_sources(
    engine: &Engine,
    kind: TableKind,
    name: &QualifiedName,
    sources: &Sources,
) -> Result<(), SqlError> {
    let is_interactive = |(_, table): &&(QualifiedName, Arc<Table>)| {
        table.definition().kind == TableKind::Interactive
    };
    match (sources.tables.iter().find(is_interactive), kind) {
        // An interactive table cannot feed one that is refreshed (catalogue L-16, L-18).
        (Some((source, _)), TableKind::Interactive)
            if !regressed(Regression::LaggingOverInteractive) =>
        {
            return Err(SqlError::new(
                10413,
                "0A000",
                format!(
                    "SQL compilation error:\nInteractive table '{source}' cannot be the source of a table with TARGET_LAG."
                ),
            ));
        }
        (Some(_), TableKind::Dynamic) if !regressed(Regression::DynamicTableCreated) => {
            return Err(SqlError::interactive_unsupported("CREATE DYNAMIC TABLE"));
        }
        _ => {}
    }
    let is_dynamic =
        |(_, table): &&(QualifiedName, Arc<Table>)| table.definition().kind == TableKind::Dynamic;
    if let Some((source, _)) = sources.behind_views.iter().find(is_dynamic) {
        // Documented without its code or text; a boundary would allow it (catalogue §10.3).
        return Err(not_public(
            10417,
            format!("Dynamic table '{source}' cannot be read through a view without a boundary."),
        ));
    }
    let upstreams = sources::with_upstreams(&engine.catalog, &sources.tables);
    if upstreams.iter().any(|(upstream, _)| upstream == name) {
        return Err(not_public(10418, format!("Dynamic table '{name}' cannot read itself.")));
    }
    Ok(())
}

/// A table's lag is not shorter than that of a table that it reads (catalogue R-19).
fn check_lag_above(
    engine: &Engine,
    name: &QualifiedName,
    target_lag: TargetLag,
    sources: &Sources,
) -> Result<(), SqlError> {
    let Some(seconds) = target_lag.seconds() else { return Ok(()) };
    for (upstream, table) in sources.refreshed() {
        let theirs = table.definition().refreshing.as_ref().map(|it| it.target_lag);
        match theirs {
            Some(TargetLag::Seconds(least))
                if seconds < least && !regressed(Regression::LagBelowUpstream) =>
            {
                return Err(not_public(
                    10419,
                    format!(
                        "TARGET_LAG of '{name}' ({}) must not be less than that of '{upstream}' ({}), which it reads.",
                        lag::canonical(seconds),
                        lag::canonical(least)
                    ),
                ));
            }
            // It is as fresh as needed, as far as those that it reads let it.
            Some(TargetLag::Downstream) => {
                let further = sources::of_table(&engine.catalog, upstream, table);
                check_lag_above(engine, name, target_lag, &further)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a definition can be refreshed incrementally, or the reason why not.
fn verdict(query: &ast::Query, sources: &Sources) -> Result<(), String> {
    mode::can_be_incremental(query)?;
    sources.view_queries.iter().try_for_each(mode::can_be_incremental)?;
    let is_full = |(_, table): &(QualifiedName, Arc<Table>)| {
        table.definition().refreshing.as_ref().is_some_and(|it| it.mode == RefreshMode::Full)
    };
    match sources.refreshed().any(is_full) {
        true => Err(mode::UPSTREAM_IS_FULL.to_owned()),
        false => Ok(()),
    }
}

/// The instant that a new table can show without a refresh of what it reads: one that all the
/// refreshed tables it reads show, that is not older than its lag, and at which all other tables
/// are there.
fn shared_timestamp(
    sources: &Sources,
    target_lag: TargetLag,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let mut shared = None;
    for (_, table) in sources.refreshed() {
        let at = table.definition().refreshing.as_ref()?.data_timestamp?;
        if shared.is_some_and(|it| it != at) {
            return None;
        }
        shared = Some(at);
    }
    let Some(at) = shared else { return Some(now) };
    let age_seconds = (now - at).num_seconds();
    let is_fresh = target_lag.seconds().is_none_or(|it| age_seconds <= it as i64);
    let is_there = |(_, table): &(QualifiedName, Arc<Table>)| {
        table.definition().refreshing.is_some() || table.at(at).is_some()
    };
    (is_fresh && sources.tables.iter().all(is_there)).then_some(at)
}

// Creating.

/// What a definition comes to at an instant.
struct Computed {
    columns: Vec<ColumnDefinition>,
    batches: Vec<RecordBatch>,
    /// Of an incremental table, what its first refresh goes on from.
    kept: Option<Kept>,
    compilation: Duration,
}

/// Creates a table that is refreshed, with its first contents unless they are to come on schedule.
pub(super) async fn create(
    running: &mut Running<'_>,
    name: &QualifiedName,
    create: CreateTable,
    mut refreshing: Refreshing,
) -> Result<Success, SqlError> {
    let session = running.session;
    let engine = &session.engine;
    let Some(sql) = create.query.clone() else {
        return Err(SqlError::internal("a refreshed table without a query"));
    };
    let query = text::parse_query(&sql)?;
    let sources = Sources::of(&engine.catalog, name, &query);
    mode::check_supported(&query)?;
    sources.view_queries.iter().try_for_each(mode::check_supported)?;
    check_sources(engine, create.kind, name, &sources)?;
    check_lag_above(engine, name, refreshing.target_lag, &sources)?;
    let verdict = verdict(&query, &sources).and_then(|()| {
        // What cannot be planned fails below, in its own words.
        let planned = planned(running, name, &sql);
        planned.map_or(Ok(()), |it| Dataflow::compile(&it.plan).map(drop).map_err(|it| it.reason))
    });
    (refreshing.mode, refreshing.mode_reason) =
        mode::resolve_mode(create.refresh.mode, &name.name, verdict)?;
    let note = match (&refreshing.mode_reason, create.refresh.mode) {
        (Some(reason), AskedMode::Auto) if create.kind == TableKind::Dynamic => {
            // It is documented that the answer says so, but not in which words.
            format!(" Refresh mode is FULL: {reason}")
        }
        _ => String::new(),
    };

    let mut started_at = running.now;
    let mut contents = None;
    if refreshing.initialize == Initialize::OnCreate {
        let now = next_millisecond(engine).await;
        started_at = now;
        let at = match shared_timestamp(&sources, refreshing.target_lag, now) {
            Some(at) => at,
            None => {
                let upstreams: Vec<_> = sources.refreshed().cloned().collect();
                refresh_now(running, &upstreams).await?
            }
        };
        let computed = first_contents(running, name, &create, &refreshing, at).await?;
        refreshing.data_timestamp = Some(at);
        contents = Some((at, computed));
    }

    let (columns, batches, kept, compilation) = match contents {
        Some((_, it)) => (it.columns, it.batches, it.kept, it.compilation),
        None => (plan_columns(running, name, &create)?, vec![], None, Duration::ZERO),
    };
    let ended_at = engine.now();
    let definition = definition_of(&create, columns, Some(refreshing.clone()))?;
    let table = Table::with_rows(definition, batches, ended_at)?;
    let answer = put(session, name, Arc::clone(&table), create.on_conflict)?;
    if let Some(at) = refreshing.data_timestamp {
        let version = table.latest();
        engine.refresher.record(RefreshRecord {
            statistics: Some(Statistics {
                inserted_rows: version.row_count,
                added_partitions: version.partitions.len() as u64,
                ..spent(running, compilation)
            }),
            // Seen on a live account for an incremental one; a full one by analogy.
            action: Some(action_of(refreshing.mode)),
            changed_inputs: sources.named.iter().map(|(name, _)| name.clone()).collect(),
            last_completed_dependency: dependency(&sources),
            completion_target: None,
            graph_valid_from: ended_at,
            ..record(running, name, &table, at, (started_at, ended_at), RefreshTrigger::Creation)
        });
    }
    engine.refresher.created(engine, name, &table);
    if let Some(kept) = kept {
        engine.refresher.maintained.keep(table.id, kept);
    }
    match note.is_empty() {
        true => Ok(answer),
        false => done(&format!("Dynamic table {} successfully created.{note}", name.name)),
    }
}

fn action_of(mode: RefreshMode) -> RefreshAction {
    match mode {
        RefreshMode::Full => RefreshAction::Full,
        RefreshMode::Incremental => RefreshAction::Incremental,
    }
}

/// A refresh that succeeded, as far as it is told alike whatever caused it.
fn record(
    running: &Running<'_>,
    name: &QualifiedName,
    table: &Table,
    data_timestamp: DateTime<Utc>,
    (started_at, ended_at): (DateTime<Utc>, DateTime<Utc>),
    trigger: RefreshTrigger,
) -> RefreshRecord {
    let definition = table.definition();
    let target_lag = match &definition.refreshing {
        Some(refreshing) => refreshing.target_lag,
        None => TargetLag::Unscheduled,
    };
    RefreshRecord {
        state: RefreshState::Succeeded,
        state_code: Some("SUCCESS".to_owned()),
        query_id: Some(running.request.query_id),
        started_at: Some(started_at),
        ended_at: Some(ended_at),
        graph_valid_from: started_at,
        ..RefreshRecord::begun(table.id, name.clone(), data_timestamp, trigger, target_lag)
    }
}

/// How long the statement's work on its warehouse took.
fn spent(running: &Running<'_>, compilation: Duration) -> Statistics {
    let account = running.account.as_ref();
    let queued = account.map(|it| it.queued_overload + it.queued_provisioning).unwrap_or_default();
    let ran = account.and_then(|it| it.ran).unwrap_or_default();
    Statistics {
        queued,
        compilation,
        execution: ran.saturating_sub(compilation),
        ..Statistics::default()
    }
}

/// The refreshed table read whose data is the newest.
fn dependency(sources: &Sources) -> Option<(QualifiedName, DateTime<Utc>)> {
    sources
        .refreshed()
        .filter_map(|(name, table)| {
            let at = table.definition().refreshing.as_ref()?.data_timestamp?;
            Some((name.clone(), at))
        })
        .max_by_key(|(_, at)| *at)
}

/// The columns of a table that has no contents yet.
fn plan_columns(
    running: &Running<'_>,
    name: &QualifiedName,
    create: &CreateTable,
) -> Result<Vec<ColumnDefinition>, SqlError> {
    let planned = planned(running, name, create.query.as_deref().unwrap_or_default())?;
    columns_for(create, &planned.columns)
}

/// A definition as a plan that is not going to be executed.
fn planned(running: &Running<'_>, name: &QualifiedName, sql: &str) -> Result<Planned, SqlError> {
    let transaction = Transaction::default();
    let mut scope =
        Scope::new(running.session, &transaction, None, running.now, Arc::clone(&running.scanned))
            .for_definition(name);
    scope.plans_only = true;
    scope.plan_text(sql)
}

async fn first_contents(
    running: &mut Running<'_>,
    name: &QualifiedName,
    create: &CreateTable,
    refreshing: &Refreshing,
    at: DateTime<Utc>,
) -> Result<Computed, SqlError> {
    let session = running.session;
    let warehouse = match create.kind {
        // Interactive tables are created on the session's warehouse (catalogue S-13).
        TableKind::Interactive => session.warehouse()?,
        _ => {
            let named = refreshing.initialization_warehouse.as_ref();
            session.engine.warehouses.find(named.unwrap_or(&refreshing.warehouse))?
        }
    };
    let now = running.now;
    let mode = refreshing.mode;
    let scanned = Arc::clone(&running.scanned);
    let work = |_: Arc<Warehouse>| {
        let (create, scanned) = (create.clone(), Arc::clone(&scanned));
        async move {
            let started = Instant::now();
            let sql = create.query.as_deref().unwrap_or_default();
            let (plan, columns, inputs, rows, wait_seconds) = {
                let transaction = Transaction::default();
                let scope = Scope::new(session, &transaction, None, now, scanned)
                    .for_definition(name)
                    .for_refresh(at);
                let planned = scope.plan_text(sql)?;
                let columns = columns_for(&create, &planned.columns)?;
                let plan = casts_to(planned.plan, &columns)?;
                (plan, columns, scope.inputs(), planned.rows, planned.wait_seconds)
            };
            let compilation = started.elapsed();
            if wait_seconds > 0.0 {
                clock::held_up(Duration::from_secs_f64(wait_seconds)).await;
            }
            let queries = &session.engine.queries;
            let (mut batches, kept) = match mode {
                RefreshMode::Incremental => {
                    let (batches, kept) = whole(queries, &plan, &inputs).await?;
                    (batches, Some(kept))
                }
                RefreshMode::Full => (queries.run(plan, rows).await?, None),
            };
            if create.kind == TableKind::Interactive {
                if regressed(Regression::LaggingTableEmpty) {
                    batches.clear();
                }
                super::tables::lose_a_row(&mut batches);
            }
            Ok(Computed { columns, batches, kept, compilation })
        }
    };
    super::execute::on_warehouse(running, &warehouse, Clocked::No, work).await
}

fn casts_to(plan: LogicalPlan, columns: &[ColumnDefinition]) -> Result<LogicalPlan, SqlError> {
    use datafusion::{common::Column, logical_expr::Expr};
    let projection: Vec<Expr> = plan
        .schema()
        .iter()
        .zip(columns)
        .map(|((qualifier, field), column)| {
            let source = Expr::Column(Column::new(qualifier.cloned(), field.name()));
            functions::cast(&column.data_type, false).call(vec![source]).alias(&column.name)
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(projection).and_then(|it| it.build()).map_err(error_of)
}

// Refreshing by hand.

/// Refreshes tables and what they stand on, all to one instant, which is answered. Stops when the
/// statement is cancelled.
async fn refresh_now(
    running: &Running<'_>,
    tables: &[(QualifiedName, Arc<Table>)],
) -> Result<DateTime<Utc>, SqlError> {
    let mut cancel = running.cancel.clone();
    tokio::select! {
        result = refresh_by_hand(&running.session.engine, tables, running.request.query_id) => result,
        _ = cancel.wait_for(|it| *it) => Err(SqlError::cancelled()),
    }
}

/// `ALTER DYNAMIC | INTERACTIVE TABLE … REFRESH`.
pub(super) async fn refresh(
    running: &mut Running<'_>,
    alter: &AlterRefreshed,
) -> Result<Success, SqlError> {
    let session = running.session;
    if alter.kind == TableKind::Dynamic && session.transaction.lock().await.is_some() {
        // The code is public, the text is not (catalogue §10.7).
        return Err(SqlError::new(
            2743,
            "0A000",
            "Manual refresh is not supported in a multi-statement transaction.",
        ));
    }
    let mut tables = Vec::new();
    for parts in &alter.names {
        let Some((name, table)) = find(session, alter, parts)? else { continue };
        if table.definition().refreshing.is_none() {
            if regressed(Regression::StaticTableRefreshed) {
                continue;
            }
            return Err(SqlError::interactive_unsupported("REFRESH of a static table"));
        }
        if alter.kind == TableKind::Interactive && regressed(Regression::InteractiveRefreshIgnored)
        {
            continue;
        }
        tables.push((name, table));
    }
    refresh_now(running, &tables).await?;
    done("Statement executed successfully.")
}

// Altering.

/// A table of the kind that is altered. Nothing if it is not there and `IF EXISTS`.
fn find(
    session: &Session,
    alter: &AlterRefreshed,
    parts: &[String],
) -> Result<Option<(QualifiedName, Arc<Table>)>, SqlError> {
    let is_dynamic = alter.kind == TableKind::Dynamic;
    let name = qualified(session, parts).map_err(|error| match (error.code, is_dynamic) {
        // Seen for each of them (mlorek/frostlake).
        (90105 | 90106, true) => {
            let what = format!("Cannot perform {}.", operation(&alter.action));
            let message = error.message.replace("Cannot perform operation.", &what);
            SqlError { message, ..error }
        }
        _ => error,
    })?;
    match session.engine.catalog.get(&name) {
        Some(Object::Table(table)) if table.definition().kind == alter.kind => {
            Ok(Some((name, table)))
        }
        None if alter.if_exists => Ok(None),
        Some(_) | None => {
            let kind = if is_dynamic { "Dynamic table" } else { "Interactive table" };
            Err(SqlError::does_not_exist(kind, &name.to_string()))
        }
    }
}

/// What the service calls an action where no database is current.
fn operation(action: &RefreshedAction) -> &'static str {
    let operates = |name: &String| !matches!(name.as_str(), "COMMENT" | RETENTION | EXTENSION);
    match action {
        RefreshedAction::RenameTo(_) | RefreshedAction::SwapWith(_) => "RENAME",
        RefreshedAction::Set(properties) if !properties.iter().any(|(it, _)| operates(it)) => {
            "ALTER"
        }
        RefreshedAction::Unset(names) if !names.iter().any(operates) => "ALTER",
        RefreshedAction::ClusterBy(_) | RefreshedAction::DropClusteringKey => "ALTER",
        _ => "ALTER DYNAMIC TABLE OPERATE PROPERTY",
    }
}

const RETENTION: &str = "DATA_RETENTION_TIME_IN_DAYS";
const EXTENSION: &str = "MAX_DATA_EXTENSION_TIME_IN_DAYS";

/// What `ALTER DYNAMIC TABLE … SET` takes.
const DYNAMIC_PROPERTIES: &[&str] = &[
    "TARGET_LAG",
    "SCHEDULER",
    "WAREHOUSE",
    "INITIALIZATION_WAREHOUSE",
    "COMMENT",
    RETENTION,
    EXTENSION,
];

/// The same of `ALTER INTERACTIVE TABLE` (catalogue L-27, L-28).
const INTERACTIVE_PROPERTIES: &[&str] = &["TARGET_LAG", "WAREHOUSE", "INITIALIZATION_WAREHOUSE"];

fn invalid_property(property: &str, of: &str) -> SqlError {
    SqlError::new(
        1420,
        "42601",
        format!("SQL compilation error:\ninvalid property '{property}' for '{of}'"),
    )
}

/// Refuses the first property that the kind of table does not have.
fn check_properties(alter: &AlterRefreshed, known: &[&str], of: &str) -> Result<(), SqlError> {
    let mut named: Box<dyn Iterator<Item = &String>> = match &alter.action {
        RefreshedAction::Set(properties) => Box::new(properties.iter().map(|(name, _)| name)),
        RefreshedAction::Unset(names) => Box::new(names.iter()),
        _ => return Ok(()),
    };
    let is_known = |it: &str| {
        known.contains(&it) || (it == "REFRESH_MODE" && regressed(Regression::ModeChanged))
    };
    match named.find(|it| !is_known(it)) {
        Some(name) => Err(invalid_property(name, of)),
        None => Ok(()),
    }
}

/// `ALTER DYNAMIC TABLE` and `ALTER INTERACTIVE TABLE`, other than REFRESH.
pub(super) fn alter(running: &Running<'_>, alter: &AlterRefreshed) -> Result<Success, SqlError> {
    let session = running.session;
    let engine = &session.engine;
    let is_dynamic = alter.kind == TableKind::Dynamic;
    if is_dynamic {
        // Before any name is looked up (catalogue §10.1).
        check_properties(alter, DYNAMIC_PROPERTIES, "DYNAMIC_TABLE")?;
    }
    let parts = alter.names.first().map(Vec::as_slice).unwrap_or_default();
    let Some((name, table)) = find(session, alter, parts)? else {
        return done("Statement executed successfully.");
    };
    let definition = table.definition();
    if definition.refreshing.is_none() {
        return alter_static(alter);
    }
    if !is_dynamic {
        check_properties(alter, INTERACTIVE_PROPERTIES, "INTERACTIVE_TABLE")?;
    }
    match &alter.action {
        RefreshedAction::Set(properties) => set(running, &name, &table, properties, is_dynamic)?,
        RefreshedAction::Unset(names) => {
            for property in names {
                unset(&table, property, &name.name, is_dynamic)?;
            }
        }
        RefreshedAction::Suspend | RefreshedAction::Resume => {
            let by = SuspendedBy::User;
            let suspension = (alter.action == RefreshedAction::Suspend)
                .then_some(Suspension { at: running.now, by });
            engine.refresher.suspend(engine, &name, &table, suspension);
        }
        RefreshedAction::RenameTo(to) => {
            let to = qualified(session, to)?;
            engine.catalog.rename(&name, &to)?;
            engine.refresher.altered(engine);
        }
        RefreshedAction::SwapWith(other) => {
            // Only with another dynamic table; the other direction has no other meaning.
            let Some((other_name, _)) =
                find(session, &AlterRefreshed { if_exists: false, ..alter.clone() }, other)?
            else {
                return done("Statement executed successfully.");
            };
            engine.catalog.swap(&name, &other_name)?;
            engine.refresher.altered(engine);
        }
        RefreshedAction::ClusterBy(keys) => {
            let keys = keys
                .iter()
                .map(|it| clustering_key(it, &definition.columns))
                .collect::<Result<Vec<_>, _>>()?;
            table.alter(|it| it.cluster_by = keys);
        }
        RefreshedAction::DropClusteringKey => table.alter(|it| it.cluster_by.clear()),
        RefreshedAction::Refresh => {
            return Err(SqlError::internal("REFRESH runs on a warehouse"));
        }
    }
    engine.refresher.altered(engine);
    done("Statement executed successfully.")
}

/// Of an interactive table without a lag.
fn alter_static(alter: &AlterRefreshed) -> Result<Success, SqlError> {
    match &alter.action {
        RefreshedAction::Set(_) if regressed(Regression::StaticTableTakesLag) => {
            done("Statement executed successfully.")
        }
        RefreshedAction::Set(_) | RefreshedAction::Unset(_) => {
            check_properties(alter, &[], "TABLE")?;
            done("Statement executed successfully.")
        }
        _ => Err(SqlError::interactive_unsupported("SUSPEND and RESUME of a static table")),
    }
}

fn set(
    running: &Running<'_>,
    name: &QualifiedName,
    table: &Arc<Table>,
    properties: &[(String, PropertyValue)],
    is_dynamic: bool,
) -> Result<(), SqlError> {
    let session = running.session;
    let engine = &session.engine;
    let definition = table.definition();
    let Some(mut changed) = definition.refreshing.clone() else { return Ok(()) };
    let (mut target_lag, mut schedule, mut comment) = (None, None, None);
    for (property, value) in properties {
        let value = value.text();
        match property.as_str() {
            "TARGET_LAG" if is_dynamic => target_lag = Some(parse_lag(&value)?),
            "TARGET_LAG" => target_lag = Some(TargetLag::Seconds(lag::parse(&value)?)),
            "SCHEDULER" => schedule = Some(scheduler(&value)?),
            "WAREHOUSE" => {
                check_warehouse(session, &value)?;
                changed.warehouse = value;
            }
            "INITIALIZATION_WAREHOUSE" => {
                check_warehouse(session, &value)?;
                changed.initialization_warehouse = Some(value);
            }
            "COMMENT" => comment = Some(value),
            "REFRESH_MODE" if regressed(Regression::ModeChanged) => {
                changed.mode = RefreshMode::Full;
            }
            RETENTION => {
                check_retention(value.parse().map_err(|_| invalid_value(&value, RETENTION))?)?
            }
            other => return Err(SqlError::not_implemented(other)),
        }
    }
    changed.target_lag = scheduled(Some(changed.target_lag), schedule, target_lag)?;
    if target_lag.is_some() {
        let sources = sources::of_table(&engine.catalog, name, table);
        check_lag_above(engine, name, changed.target_lag, &sources)?;
        check_lag_below(engine, name, table, changed.target_lag)?;
    }
    table.alter(|it| {
        it.refreshing = Some(changed);
        it.comment = comment.or(it.comment.take());
    });
    engine.refresher.altered(engine);
    Ok(())
}

fn definition_lag(table: &Table) -> TargetLag {
    table.definition().refreshing.as_ref().map_or(TargetLag::Unscheduled, |it| it.target_lag)
}

/// The tables that read this one keep a lag that is not shorter.
fn check_lag_below(
    engine: &Engine,
    name: &QualifiedName,
    table: &Table,
    target_lag: TargetLag,
) -> Result<(), SqlError> {
    let Some(seconds) = target_lag.seconds() else { return Ok(()) };
    for (downstream, other) in sources::all_refreshed(&engine.catalog) {
        let reads_it = sources::of_table(&engine.catalog, &downstream, &other)
            .tables
            .iter()
            .any(|(_, it)| it.id == table.id);
        if reads_it && definition_lag(&other).seconds().is_some_and(|it| it < seconds) {
            return Err(not_public(
                10419,
                format!(
                    "TARGET_LAG of '{name}' ({}) must not be more than that of '{downstream}', which reads it.",
                    lag::canonical(seconds)
                ),
            ));
        }
    }
    Ok(())
}

fn unset(table: &Table, property: &str, name: &str, is_dynamic: bool) -> Result<(), SqlError> {
    match property {
        "INITIALIZATION_WAREHOUSE" => table.alter(|it| {
            if let Some(refreshing) = &mut it.refreshing {
                refreshing.initialization_warehouse = None;
            }
        }),
        "TARGET_LAG" if !is_dynamic && regressed(Regression::LagUnset) => {}
        "TARGET_LAG" => return Err(invalid_value("null", property)),
        "WAREHOUSE" if !is_dynamic => return Err(invalid_value("null", property)),
        "WAREHOUSE" | "SCHEDULER" => {
            // The text is public, with its single line; the code is not (mlorek/frostlake).
            return Err(SqlError::new(
                1423,
                "42601",
                format!("SQL compilation error: cannot unset property '{property}' for '{name}'"),
            ));
        }
        "COMMENT" => table.alter(|it| it.comment = None),
        // What is unset is what is in force.
        _ => {}
    }
    Ok(())
}
