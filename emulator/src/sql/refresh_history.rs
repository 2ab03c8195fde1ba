//! What is told of refreshes: `DYNAMIC_TABLES`, `DYNAMIC_TABLE_REFRESH_HISTORY`,
//! `INTERACTIVE_TABLE_REFRESH_HISTORY`, `DYNAMIC_TABLE_GRAPH_HISTORY`, and the view of
//! `SNOWFLAKE.ACCOUNT_USAGE` (catalogue §10.6).

use super::{
    cursor::Cursor,
    information_schema::{Arguments, provider},
    scope::Scope,
    sources,
};
use crate::{
    error::SqlError,
    refresh::{
        declared::{Suspension, TargetLag},
        history::{GraphRecord, RefreshRecord, RefreshState, Statistics},
    },
    regression::{Regression, regressed},
    rows::{Builder, Cell, INSTANT, NUMBER, TEXT},
    store::{
        catalog::QualifiedName,
        table::{Table, TableId, TableKind},
    },
    types::{DataType, ResultSet},
    warehouse::history::{RESULT_LIMIT, RESULT_LIMIT_MAX},
};
use chrono::{DateTime, TimeDelta, Utc};
use datafusion::catalog::TableProvider;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// How far back the functions of INFORMATION_SCHEMA reach.
const DAYS_KEPT: i64 = 7;
/// How much of the history there is where no range is asked for.
const DAYS_DEFAULT: i64 = 1;

/// A table function about refreshes, or nothing where it is none.
pub fn table_function(
    scope: &Scope<'_>,
    name: &str,
    arguments: &Arguments<'_>,
) -> Option<Result<ResultSet, SqlError>> {
    let is_interactive = |id| {
        let found = scope.engine().catalog.table_by_id(id);
        found.is_some_and(|(_, table)| table.definition().kind == TableKind::Interactive)
    };
    Some(match name {
        "DYNAMIC_TABLES" => dynamic_tables(scope, arguments),
        "DYNAMIC_TABLE_REFRESH_HISTORY" => refresh_history(scope, arguments, |id| {
            !regressed(Regression::HistoryDynamicOnly) || !is_interactive(id)
        }),
        "INTERACTIVE_TABLE_REFRESH_HISTORY" => refresh_history(scope, arguments, |id| {
            is_interactive(id) && !regressed(Regression::InteractiveHistoryEmpty)
        }),
        "DYNAMIC_TABLE_GRAPH_HISTORY" => graph_history(scope, arguments),
        _ => return None,
    })
}

fn text(value: Option<&String>) -> Cell {
    value.map_or(Cell::Null, |it| Cell::from(it.as_str()))
}

fn instant(value: Option<DateTime<Utc>>) -> Cell {
    value.map_or(Cell::Null, Cell::from)
}

fn seconds(target_lag: TargetLag) -> Cell {
    let unit = if regressed(Regression::LagSecInMinutes) { 60 } else { 1 };
    target_lag.seconds().map_or(Cell::Null, |it| Cell::from(it / unit))
}

fn lag_kind(target_lag: TargetLag) -> Cell {
    target_lag.kind().map_or(Cell::Null, Cell::from)
}

/// An instant within an object.
fn instant_json(at: DateTime<Utc>) -> Value {
    Value::String(at.format("%Y-%m-%d %H:%M:%S%.3f Z").to_string())
}

/// `RESULT_LIMIT`: 100 where none is given, 1 to 10000.
fn result_limit(arguments: &Arguments<'_>) -> Result<usize, SqlError> {
    let limit = arguments.number("RESULT_LIMIT", None)?.unwrap_or(RESULT_LIMIT);
    match (1..=RESULT_LIMIT_MAX).contains(&limit) {
        true => Ok(usize::try_from(limit).unwrap_or(usize::MAX)),
        // Code and text are this emulator's, as of QUERY_HISTORY's.
        false => Err(SqlError::new(
            1008,
            "22023",
            format!("SQL compilation error:\ninvalid value [{limit}] for parameter 'RESULT_LIMIT'"),
        )),
    }
}

/// Whether a table is the one that `NAME` stands for: qualified as far as wanted.
fn wanted(scope: &Scope<'_>, arguments: &Arguments<'_>) -> Result<Option<QualifiedName>, SqlError> {
    let Some(text) = arguments.text("NAME", None) else { return Ok(None) };
    let mut cursor = Cursor::new(&text)?;
    let parts = cursor.object_name()?;
    cursor.end()?;
    scope.qualify(&parts).map(Some)
}

fn scheduling_state(suspended: Option<Suspension>, resumed_at: Option<DateTime<Utc>>) -> Cell {
    // ACTIVE, said the service after the change of bundle 2024_02; RUNNING before.
    let mut state = json!({ "state": if suspended.is_some() { "SUSPENDED" } else { "ACTIVE" } });
    if let Some(Suspension { at, by }) = suspended {
        state["reason_code"] = by.code().into();
        state["reason_message"] = by.message().into();
        state["suspended_on"] = instant_json(at);
    }
    if let Some(at) = resumed_at {
        state["resumed_on"] = instant_json(at);
    }
    Cell::from(state.to_string())
}

// DYNAMIC_TABLES.

fn dynamic_tables(scope: &Scope<'_>, arguments: &Arguments<'_>) -> Result<ResultSet, SqlError> {
    arguments.only(&[
        "NAME",
        "REFRESH_DATA_TIMESTAMP_START",
        "RESULT_LIMIT",
        "INCLUDE_CONNECTED",
    ])?;
    let limit = result_limit(arguments)?;
    let since = arguments.instant("REFRESH_DATA_TIMESTAMP_START", None)?;
    let since = since.unwrap_or(scope.now - TimeDelta::days(DAYS_KEPT));
    let engine = scope.engine();
    let all = sources::all_refreshed(&engine.catalog);
    let listed = match wanted(scope, arguments)? {
        None => all,
        Some(name) => {
            let is_connected = arguments.boolean("INCLUDE_CONNECTED")?;
            let ids = match is_connected {
                true => connected(scope, &all, &name),
                false => HashSet::new(),
            };
            all.into_iter().filter(|(it, table)| *it == name || ids.contains(&table.id)).collect()
        }
    };
    let records = engine.refresher.records();
    let mut latest = HashMap::<TableId, Latest<'_>>::new();
    for record in records.iter().filter(|it| since <= it.data_timestamp) {
        let latest = latest.entry(record.table).or_default();
        match record.state {
            RefreshState::Executing => latest.executing = Some(record),
            RefreshState::Scheduled => {}
            _ => {
                latest.executing = None;
                latest.completed = Some(record);
            }
        }
    }
    let mut listed: Vec<_> = listed
        .into_iter()
        .map(|(name, table)| {
            let latest = latest.get(&table.id).copied().unwrap_or_default();
            (name, table, latest)
        })
        .collect();
    // What needs looking at comes first, as since bundle 2025_02.
    listed.sort_by_key(|(_, _, latest)| latest.completed.map_or(5, |it| rank(it.state)));

    let mut rows = Builder::new(&[
        ("NAME", TEXT),
        ("SCHEMA_NAME", TEXT),
        ("DATABASE_NAME", TEXT),
        ("QUALIFIED_NAME", TEXT),
        ("TARGET_LAG_SEC", NUMBER),
        ("TARGET_LAG_TYPE", TEXT),
        ("SCHEDULING_STATE", DataType::Object),
        ("MEAN_LAG_SEC", NUMBER),
        ("MAXIMUM_LAG_SEC", NUMBER),
        ("TIME_ABOVE_TARGET_LAG_SEC", NUMBER),
        ("TIME_WITHIN_TARGET_LAG_RATIO", DataType::Float),
        ("LATEST_DATA_TIMESTAMP", INSTANT),
        ("LAST_COMPLETED_REFRESH_STATE", TEXT),
        ("LAST_COMPLETED_REFRESH_STATE_CODE", TEXT),
        ("LAST_COMPLETED_REFRESH_STATE_MESSAGE", TEXT),
        ("EXECUTING_REFRESH_QUERY_ID", TEXT),
        ("RECOMMENDATIONS", DataType::Array),
        ("SCHEDULER", TEXT),
    ]);
    for (name, table, latest) in listed.into_iter().take(limit) {
        let definition = table.definition();
        let Some(refreshing) = &definition.refreshing else { continue };
        let statistics = engine.refresher.lag_statistics(table.id, scope.now);
        let secs = |it: Option<f64>| it.map_or(Cell::Null, |it| Cell::Number(it as i128));
        let state = |of: fn(&RefreshRecord) -> Option<String>| {
            latest.completed.and_then(of).map_or(Cell::Null, Cell::from)
        };
        rows.push(vec![
            name.name.as_str().into(),
            name.schema.as_str().into(),
            name.database.as_str().into(),
            name.to_string().into(),
            seconds(refreshing.target_lag),
            lag_kind(refreshing.target_lag),
            scheduling_state(refreshing.suspended, refreshing.resumed_at),
            secs(statistics.map(|it| it.mean)),
            secs(statistics.map(|it| it.maximum)),
            secs(statistics.and_then(|it| it.above_target)),
            statistics.and_then(|it| it.within_target_ratio).map_or(Cell::Null, Cell::from),
            instant(refreshing.data_timestamp),
            state(|it| Some(it.state.word().to_owned())),
            state(|it| it.state_code.clone()),
            state(|it| it.state_message.clone()),
            latest
                .executing
                .and_then(|it| it.query_id)
                .map_or(Cell::Null, |it| it.to_string().into()),
            Cell::Null,
            refreshing.target_lag.scheduler().into(),
        ]);
    }
    Ok(rows.finish())
}

#[derive(Clone, Copy, Default)]
struct Latest<'a> {
    executing: Option<&'a RefreshRecord>,
    completed: Option<&'a RefreshRecord>,
}

fn rank(state: RefreshState) -> u8 {
    match state {
        RefreshState::Failed => 0,
        RefreshState::UpstreamFailed => 1,
        RefreshState::Skipped => 2,
        RefreshState::Succeeded => 3,
        RefreshState::Cancelled => 4,
        RefreshState::Scheduled | RefreshState::Executing => 5,
    }
}

/// The tables of the graph that a table is part of: what it reads, what reads that, and so on.
fn connected(
    scope: &Scope<'_>,
    all: &[(QualifiedName, Arc<Table>)],
    start: &QualifiedName,
) -> HashSet<TableId> {
    let mut edges = HashMap::<TableId, Vec<TableId>>::new();
    for (name, table) in all {
        let sources = sources::of_table(&scope.engine().catalog, name, table);
        for (_, read) in sources.refreshed() {
            edges.entry(table.id).or_default().push(read.id);
            edges.entry(read.id).or_default().push(table.id);
        }
    }
    let mut seen = HashSet::new();
    let mut next: Vec<TableId> =
        all.iter().filter(|(name, _)| name == start).map(|(_, table)| table.id).collect();
    while let Some(id) = next.pop() {
        if seen.insert(id) {
            next.extend(edges.get(&id).into_iter().flatten());
        }
    }
    seen
}

// Refresh history.

/// Which refreshes are wanted.
struct Range {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

fn range(scope: &Scope<'_>, arguments: &Arguments<'_>) -> Result<Range, SqlError> {
    let start = arguments.instant("DATA_TIMESTAMP_START", None)?;
    let end = arguments.instant("DATA_TIMESTAMP_END", None)?.unwrap_or(scope.now);
    let start = start.unwrap_or(end - TimeDelta::days(DAYS_DEFAULT));
    Ok(Range { start: start.max(scope.now - TimeDelta::days(DAYS_KEPT)), end })
}

fn refresh_history(
    scope: &Scope<'_>,
    arguments: &Arguments<'_>,
    is_of_kind: impl Fn(TableId) -> bool,
) -> Result<ResultSet, SqlError> {
    arguments.only(&[
        "DATA_TIMESTAMP_START",
        "DATA_TIMESTAMP_END",
        "RESULT_LIMIT",
        "NAME",
        "NAME_PREFIX",
        "ERROR_ONLY",
    ])?;
    let limit = result_limit(arguments)?;
    let Range { start, end } = range(scope, arguments)?;
    let wanted = wanted(scope, arguments)?;
    let prefix = arguments.text("NAME_PREFIX", None).map(|it| it.to_uppercase());
    let errors_only = arguments.boolean("ERROR_ONLY")?;
    let mut found: Vec<(usize, RefreshRecord)> = scope
        .engine()
        .refresher
        .records()
        .into_iter()
        .enumerate()
        .filter(|(_, it)| {
            let runs = it.state == RefreshState::Executing;
            (runs || (start <= it.data_timestamp && it.data_timestamp <= end))
                && wanted.as_ref().is_none_or(|name| *name == it.name)
                && prefix
                    .as_ref()
                    .is_none_or(|prefix| it.name.to_string().to_uppercase().starts_with(prefix))
                && (!errors_only || is_error(it.state))
                && is_of_kind(it.table)
        })
        .collect();
    sort_newest_first(&mut found);
    found.truncate(limit);
    let mut columns = [&NAMES[..], &COMMON].concat();
    let reinit_reason = 1 + position(&columns, "REFRESH_ACTION");
    columns.insert(reinit_reason, ("REINIT_REASON", TEXT));
    columns.push(("INPUTS_WITH_CHANGED_DATA", DataType::Array));
    let mut rows = Builder::new(&columns);
    for (_, it) in &found {
        let changed: Vec<String> = it.changed_inputs.iter().map(ToString::to_string).collect();
        let mut row = names(&it.name);
        row.extend(common(it));
        row.insert(reinit_reason, text(it.reinit_reason.as_ref()));
        row.push(json!(changed).to_string().into());
        rows.push(row);
    }
    Ok(rows.finish())
}

/// A failed or cancelled refresh, or one that was not tried since another failed.
fn is_error(state: RefreshState) -> bool {
    matches!(state, RefreshState::Failed | RefreshState::Cancelled | RefreshState::UpstreamFailed)
}

/// Those that still run, then the latest to end; what was skipped counts by its data timestamp.
fn sort_newest_first(records: &mut [(usize, RefreshRecord)]) {
    let ends = |it: &RefreshRecord| {
        let runs = matches!(it.state, RefreshState::Executing | RefreshState::Scheduled);
        (runs, it.ended_at.unwrap_or(it.data_timestamp))
    };
    records.sort_by_key(|(index, it)| std::cmp::Reverse((ends(it), *index)));
}

/// What a row begins with.
const NAMES: [(&str, DataType); 3] =
    [("NAME", TEXT), ("SCHEMA_NAME", TEXT), ("DATABASE_NAME", TEXT)];

/// The columns that function and view have in common, in their order.
const COMMON: [(&str, DataType); 15] = [
    ("STATE", TEXT),
    ("STATE_CODE", TEXT),
    ("STATE_MESSAGE", TEXT),
    ("QUERY_ID", TEXT),
    ("DATA_TIMESTAMP", INSTANT),
    ("REFRESH_START_TIME", INSTANT),
    ("REFRESH_END_TIME", INSTANT),
    ("COMPLETION_TARGET", INSTANT),
    ("QUALIFIED_NAME", TEXT),
    ("LAST_COMPLETED_DEPENDENCY", DataType::Object),
    ("STATISTICS", DataType::Object),
    ("REFRESH_ACTION", TEXT),
    ("REFRESH_TRIGGER", TEXT),
    ("TARGET_LAG_SEC", NUMBER),
    ("GRAPH_HISTORY_VALID_FROM", INSTANT),
];

fn position(columns: &[(&str, DataType)], name: &str) -> usize {
    columns.iter().position(|(it, _)| *it == name).unwrap_or(columns.len())
}

/// The cells of [`NAMES`].
fn names(name: &QualifiedName) -> Vec<Cell> {
    vec![name.name.as_str().into(), name.schema.as_str().into(), name.database.as_str().into()]
}

/// The cells of [`COMMON`].
fn common(it: &RefreshRecord) -> Vec<Cell> {
    let dependency = it.last_completed_dependency.as_ref().map(|(name, at)| {
        json!({ "qualified_name": name.to_string(), "data_timestamp": instant_json(*at) })
    });
    let late = match regressed(Regression::RefreshesOverlap) {
        true => TimeDelta::minutes(1),
        false => TimeDelta::zero(),
    };
    let ended_at = it.ended_at.map(|it| it + late);
    vec![
        it.state.word().into(),
        text(it.state_code.as_ref()),
        text(it.state_message.as_ref()),
        it.query_id.map_or(Cell::Null, |it| it.to_string().into()),
        it.data_timestamp.into(),
        instant(it.started_at),
        instant(ended_at),
        instant(it.completion_target),
        it.name.to_string().into(),
        dependency.map_or(Cell::Null, |it| it.to_string().into()),
        it.statistics.map_or(Cell::Null, |it| statistics(it).to_string().into()),
        it.action.map_or(Cell::Null, |it| it.word().into()),
        it.trigger.word().into(),
        seconds(it.target_lag),
        it.graph_valid_from.into(),
    ]
}

fn statistics(it: Statistics) -> Value {
    let millis = |it: std::time::Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
    json!({
        "numInsertedRows": it.inserted_rows,
        "numDeletedRows": it.deleted_rows,
        "numCopiedRows": it.copied_rows,
        "numAddedPartitions": it.added_partitions,
        "numRemovedPartitions": it.removed_partitions,
        "queuedTimeMs": millis(it.queued),
        "compilationTimeMs": millis(it.compilation),
        "executionTimeMs": millis(it.execution),
    })
}

/// A view of the database SNOWFLAKE, which every account has: nothing where the name is of another
/// database. Rows appear at once; on the service they come hours later.
pub fn account_usage(
    scope: &Scope<'_>,
    database: &str,
    schema: &str,
    name: &str,
) -> Result<Option<Arc<dyn TableProvider>>, SqlError> {
    if database != "SNOWFLAKE" || scope.engine().catalog.database(database).is_some() {
        return Ok(None);
    }
    if (schema, name) != ("ACCOUNT_USAGE", "DYNAMIC_TABLE_REFRESH_HISTORY") {
        return Err(SqlError::not_implemented(format!("{database}.{schema}.{name}")));
    }
    let mut found: Vec<(usize, RefreshRecord)> =
        scope.engine().refresher.records().into_iter().enumerate().collect();
    sort_newest_first(&mut found);
    let numbers = [("ID", NUMBER), ("SCHEMA_ID", NUMBER), ("DATABASE_ID", NUMBER)];
    let mut rows = Builder::new(&[&NAMES[..], &numbers, &COMMON].concat());
    for (_, it) in &found {
        let mut row = names(&it.name);
        // Schemas and databases have no numbers here.
        row.extend([it.table.0.into(), Cell::Null, Cell::Null]);
        row.extend(common(it));
        rows.push(row);
    }
    provider(&rows.finish()).map(Some)
}

// Graph history.

fn graph_history(scope: &Scope<'_>, arguments: &Arguments<'_>) -> Result<ResultSet, SqlError> {
    arguments.only(&["AS_OF", "HISTORY_START", "HISTORY_END"])?;
    let as_of = arguments.instant("AS_OF", None)?;
    let start = arguments.instant("HISTORY_START", None)?;
    let end = arguments.instant("HISTORY_END", None)?;
    if end.is_some() && start.is_none() || as_of.is_some() && start.is_some() {
        // Documented as what goes together; code and text are this emulator's.
        return Err(SqlError::new(
            1015,
            "42601",
            "SQL compilation error:\nDYNAMIC_TABLE_GRAPH_HISTORY takes AS_OF, or HISTORY_START with or without HISTORY_END.",
        ));
    }
    let catalog = &scope.engine().catalog;
    let oldest = scope.now - TimeDelta::days(DAYS_KEPT);
    let is_wanted = |it: &GraphRecord| {
        let is_valid_at = |at| it.valid_from <= at && it.valid_to.is_none_or(|to| at < to);
        it.valid_to.is_none_or(|to| oldest <= to)
            && match (as_of, start) {
                (Some(at), _) => is_valid_at(at),
                (None, Some(start)) => {
                    it.valid_from <= end.unwrap_or(scope.now)
                        && it.valid_to.is_none_or(|to| start <= to)
                }
                // The tables that there are, as they are.
                (None, None) => it.valid_to.is_none() && catalog.table_by_id(it.table).is_some(),
            }
    };
    let mut rows = Builder::new(&[
        ("NAME", TEXT),
        ("SCHEMA_NAME", TEXT),
        ("DATABASE_NAME", TEXT),
        ("QUALIFIED_NAME", TEXT),
        ("INPUTS", DataType::Array),
        ("TARGET_LAG_TYPE", TEXT),
        ("TARGET_LAG_SEC", NUMBER),
        ("QUERY_TEXT", TEXT),
        ("VALID_FROM", INSTANT),
        ("VALID_TO", INSTANT),
        ("SCHEDULING_STATE", DataType::Object),
        ("ALTER_TRIGGER", DataType::Array),
        ("SCHEDULER", TEXT),
    ]);
    for it in scope.engine().refresher.graph_records().iter().filter(|it| is_wanted(it)) {
        let inputs: Vec<Value> = it
            .inputs
            .iter()
            .map(|(name, kind)| json!({ "name": name.to_string(), "kind": kind }))
            .collect();
        let mut row = names(&it.name);
        row.extend([
            it.name.to_string().into(),
            Value::from(inputs).to_string().into(),
            lag_kind(it.target_lag),
            seconds(it.target_lag),
            it.query.as_str().into(),
            it.valid_from.into(),
            instant(it.valid_to),
            scheduling_state(it.suspended, it.resumed_at),
            json!([it.trigger.word()]).to_string().into(),
            it.target_lag.scheduler().into(),
        ]);
        rows.push(row);
    }
    Ok(rows.finish())
}
