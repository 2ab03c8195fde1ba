//! `SHOW` and `DESCRIBE`: what there is, as the service lists it. Warehouses list themselves.

use super::{
    ddl::{ObjectKind, Show, ShowScope, ShowWhat},
    execute::{qualified, schema_name},
    information_schema::{cluster_by, is_transient},
};
use crate::{
    engine::{DEFAULT_ROLE, Running, Session, StatementType, Success},
    error::SqlError,
    refresh::history::{RefreshRecord, RefreshState},
    regression::{Regression, regressed},
    rows::{self, Builder, Cell, INSTANT, NUMBER, TEXT},
    store::{
        catalog::{Object, QualifiedName},
        table::{Table, TableId, TableKind},
        transaction::Transaction,
    },
    types::{DataType, ResultSet},
    warehouse::PARAMETER_COLUMNS,
};
use serde_json::Value;
use std::sync::Arc;

fn shown(result: ResultSet) -> Success {
    Success { statement_type: StatementType::Show, result, dml: None }
}

fn flag(value: bool) -> Cell {
    Cell::from(if value { "Y" } else { "N" })
}

fn optional(value: Option<&String>) -> Cell {
    value.map_or_else(|| Cell::from(""), |it| Cell::from(it.as_str()))
}

pub(super) fn show(running: &Running<'_>, show: &Show) -> Result<Success, SqlError> {
    let session = running.session;
    match show.what {
        ShowWhat::Tables => tables(session, show),
        ShowWhat::InteractiveTables => {
            if !session.engine.settings.release.has_show_interactive_tables() {
                return Err(SqlError::syntax(1, 5, "INTERACTIVE"));
            }
            interactive_tables(session, show)
        }
        ShowWhat::Views => views(session, show),
        ShowWhat::Columns => columns(session, show),
        ShowWhat::Schemas => schemas(session, show),
        ShowWhat::Databases => databases(session, show),
        ShowWhat::Parameters => parameters(session, show),
        ShowWhat::Variables => variables(session, show),
        ShowWhat::DynamicTables => dynamic_tables(session, show),
        ShowWhat::Objects => Err(SqlError::not_implemented("SHOW OBJECTS")),
        ShowWhat::Transactions => Err(SqlError::not_implemented("SHOW TRANSACTIONS")),
    }
}

impl Show {
    fn wants(&self, name: &str) -> bool {
        let is_interactive = self.what == ShowWhat::InteractiveTables;
        if is_interactive
            && regressed(Regression::LikeMindsCase)
            && self.like.as_ref().is_some_and(|it| it.to_uppercase() != *it)
        {
            return false;
        }
        self.like.as_ref().is_none_or(|it| rows::like(it, name))
            && self.starts_with.as_ref().is_none_or(|it| name.starts_with(it.as_str()))
    }

    fn limit(&self) -> usize {
        self.limit.map_or(10_000, |it| usize::try_from(it).unwrap_or(10_000)).min(10_000)
    }
}

/// The objects in the place that a SHOW names.
fn objects(session: &Session, show: &Show) -> Result<Vec<(QualifiedName, Object)>, SqlError> {
    let catalog = &session.engine.catalog;
    let names = session.names();
    let of_database = |database: &str| -> Result<Vec<(QualifiedName, Object)>, SqlError> {
        if catalog.database(database).is_none() {
            return Err(SqlError::does_not_exist("Database", database));
        }
        let schemas = catalog.schemas(database);
        Ok(schemas.iter().flat_map(|it| catalog.objects(database, &it.name)).collect())
    };
    let of_schema = |database: &str, schema: &str| {
        if catalog.schema(database, schema).is_none() {
            return Err(SqlError::does_not_exist("Schema", &format!("{database}.{schema}")));
        }
        Ok(catalog.objects(database, schema))
    };
    let found = match &show.scope {
        ShowScope::Account | ShowScope::Session => {
            let databases = catalog.databases();
            let mut all = Vec::new();
            for database in databases {
                all.extend(of_database(&database.name)?);
            }
            all
        }
        ShowScope::Database(name) => match name.clone().or(names.database) {
            Some(name) => of_database(&name)?,
            None => return Err(SqlError::does_not_exist("Database", "")),
        },
        ShowScope::Schema(Some(parts)) => {
            // `IN X` may name a schema or a database.
            match schema_name(session, parts) {
                Ok((database, schema)) if catalog.schema(&database, &schema).is_some() => {
                    of_schema(&database, &schema)?
                }
                _ if parts.len() == 1 && catalog.database(&parts[0]).is_some() => {
                    of_database(&parts[0])?
                }
                _ => return Err(SqlError::does_not_exist("Schema", &parts.join("."))),
            }
        }
        ShowScope::Schema(None) | ShowScope::Current | ShowScope::Table(_) => {
            match (names.database, names.schema) {
                (Some(database), Some(schema)) => of_schema(&database, &schema)?,
                (Some(database), None) => of_database(&database)?,
                (None, _) => {
                    let mut all = Vec::new();
                    for database in catalog.databases() {
                        all.extend(of_database(&database.name)?);
                    }
                    all
                }
            }
        }
    };
    Ok(found.into_iter().filter(|(name, _)| show.wants(&name.name)).collect())
}

fn only_tables(found: Vec<(QualifiedName, Object)>) -> Vec<(QualifiedName, Arc<Table>)> {
    found
        .into_iter()
        .filter_map(|(name, object)| match object {
            Object::Table(table) => Some((name, table)),
            Object::View(_) => None,
        })
        .collect()
}

fn tables(session: &Session, show: &Show) -> Result<Success, SqlError> {
    let shows_interactive = session.engine.settings.release.shows_attachment();
    let mut columns = vec![
        ("created_on", INSTANT),
        ("name", TEXT),
        ("database_name", TEXT),
        ("schema_name", TEXT),
        ("kind", TEXT),
        ("comment", TEXT),
        ("cluster_by", TEXT),
        ("rows", NUMBER),
        ("bytes", NUMBER),
        ("owner", TEXT),
        ("retention_time", TEXT),
        ("automatic_clustering", TEXT),
        ("change_tracking", TEXT),
        ("is_external", TEXT),
        ("enable_schema_evolution", TEXT),
        ("owner_role_type", TEXT),
        ("is_event", TEXT),
        ("is_hybrid", TEXT),
        ("is_iceberg", TEXT),
        ("is_dynamic", TEXT),
        ("is_immutable", TEXT),
    ];
    if shows_interactive {
        columns.push(("is_interactive", TEXT));
    }
    let mut rows = Builder::new(&columns);
    for (name, table) in only_tables(objects(session, show)?).into_iter().take(show.limit()) {
        let definition = table.definition();
        let kind = match definition.kind {
            _ if is_transient(&table) => "TRANSIENT",
            TableKind::Temporary => "TEMPORARY",
            _ => "TABLE",
        };
        let mut row = vec![
            table.created_at.into(),
            name.name.as_str().into(),
            name.database.as_str().into(),
            name.schema.as_str().into(),
            kind.into(),
            optional(definition.comment.as_ref()),
            cluster_by(&table).into(),
            table.latest().row_count.into(),
            table.latest().bytes().into(),
            DEFAULT_ROLE.into(),
            "1".into(),
            if definition.cluster_by.is_empty() { "OFF" } else { "ON" }.into(),
            "ON".into(),
            flag(false),
            flag(false),
            "ROLE".into(),
            flag(false),
            flag(false),
            flag(false),
            flag(definition.refreshing.is_some() && !regressed(Regression::LaggingNotDynamic)),
            flag(false),
        ];
        if shows_interactive {
            let is_interactive = definition.kind == TableKind::Interactive;
            row.push(flag(is_interactive && !regressed(Regression::InteractiveNotMarked)));
        }
        rows.push(row);
    }
    Ok(shown(rows.finish()))
}

/// What the lists of interactive and of dynamic tables begin with.
const REFRESHED_FIRST: [(&str, DataType); 9] = [
    ("created_on", INSTANT),
    ("name", TEXT),
    ("database_name", TEXT),
    ("schema_name", TEXT),
    ("cluster_by", TEXT),
    ("rows", NUMBER),
    ("bytes", NUMBER),
    ("owner", TEXT),
    ("target_lag", TEXT),
];

fn interactive_tables(session: &Session, show: &Show) -> Result<Success, SqlError> {
    let mut columns = REFRESHED_FIRST.to_vec();
    columns.extend([
        ("refresh_warehouse", TEXT),
        ("comment", TEXT),
        ("text", TEXT),
        ("scheduling_state", TEXT),
        ("owner_role_type", TEXT),
        ("initialization_warehouse", TEXT),
        ("last_completed_refresh_state", TEXT),
        ("latest_data_timestamp", INSTANT),
    ]);
    if regressed(Regression::ShowLacksAColumn) {
        columns.pop();
    }
    let limit = match regressed(Regression::LimitIgnored) {
        true => usize::MAX,
        false => show.limit(),
    };
    let mut rows = Builder::new(&columns);
    let records = session.engine.refresher.records();
    let interactive = only_tables(objects(session, show)?)
        .into_iter()
        .filter(|(_, table)| table.definition().kind == TableKind::Interactive);
    for (name, table) in interactive.take(limit) {
        let definition = table.definition();
        // What only refreshed tables have is NULL for static ones (catalogue M-01).
        let refreshing = definition.refreshing.as_ref();
        let of = |text: Option<String>| match text {
            None if regressed(Regression::StaticLagEmpty) => Cell::from(""),
            text => text.map_or(Cell::Null, Cell::from),
        };
        let mut row = vec![
            table.created_at.into(),
            name.name.as_str().into(),
            name.database.as_str().into(),
            name.schema.as_str().into(),
            cluster_by(&table).into(),
            table.latest().row_count.into(),
            table.latest().bytes().into(),
            DEFAULT_ROLE.into(),
            of(refreshing.and_then(|it| it.target_lag.text())),
            of(refreshing.map(|it| it.warehouse.clone())),
            optional(definition.comment.as_ref()),
            super::get_ddl::show_text(&name, &table).into(),
            of(refreshing
                .map(|it| if it.suspended.is_some() { "SUSPENDED" } else { "ACTIVE" }.to_owned())),
            "ROLE".into(),
            of(refreshing.and_then(|it| it.initialization_warehouse.clone())),
            of(refreshing.and(last_state(&records, table.id))),
            refreshing.and_then(|it| it.data_timestamp).map_or(Cell::Null, Cell::from),
        ];
        row.truncate(columns.len());
        rows.push(row);
    }
    Ok(shown(rows.finish()))
}

/// The state of the last refresh of a table that is done, however.
fn last_state(records: &[RefreshRecord], table: TableId) -> Option<String> {
    let is_done = |it: &&RefreshRecord| {
        !matches!(it.state, RefreshState::Scheduled | RefreshState::Executing)
    };
    let of_table = records.iter().rev().filter(|it| it.table == table);
    of_table.filter(is_done).map(|it| it.state.word().to_owned()).next()
}

/// The columns of the documentation, in its order, whatever the release (catalogue §10.6).
fn dynamic_tables(session: &Session, show: &Show) -> Result<Success, SqlError> {
    let mut columns = REFRESHED_FIRST.to_vec();
    columns.extend([
        ("scheduler", TEXT),
        ("refresh_mode", TEXT),
        ("refresh_mode_reason", TEXT),
        ("warehouse", TEXT),
        ("comment", TEXT),
        ("text", TEXT),
        ("automatic_clustering", TEXT),
        ("scheduling_state", TEXT),
        ("last_suspended_on", INSTANT),
        ("is_clone", DataType::Boolean),
        ("is_replica", DataType::Boolean),
        ("is_iceberg", DataType::Boolean),
        ("data_timestamp", INSTANT),
        ("owner_role_type", TEXT),
        ("immutable_where", TEXT),
        ("execute_as_user", TEXT),
    ]);
    let mut rows = Builder::new(&columns);
    let dynamic = only_tables(objects(session, show)?)
        .into_iter()
        .filter(|(_, table)| table.definition().kind == TableKind::Dynamic);
    for (name, table) in dynamic.take(show.limit()) {
        let definition = table.definition();
        let Some(refreshing) = &definition.refreshing else { continue };
        let version = table.latest();
        let null_or = |it: Option<String>| it.map_or(Cell::Null, Cell::from);
        rows.push(vec![
            table.created_at.into(),
            name.name.as_str().into(),
            name.database.as_str().into(),
            name.schema.as_str().into(),
            cluster_by(&table).into(),
            version.row_count.into(),
            version.bytes().into(),
            DEFAULT_ROLE.into(),
            null_or(refreshing.target_lag.text()),
            refreshing.target_lag.scheduler().into(),
            refreshing.mode.word().into(),
            null_or(refreshing.mode_reason.clone()),
            refreshing.warehouse.as_str().into(),
            optional(definition.comment.as_ref()),
            super::get_ddl::show_text(&name, &table).into(),
            if definition.cluster_by.is_empty() { "OFF" } else { "ON" }.into(),
            // As seen on accounts; a page of the documentation says RUNNING.
            if refreshing.suspended.is_some() { "SUSPENDED" } else { "ACTIVE" }.into(),
            refreshing.suspended.map_or(Cell::Null, |it| it.at.into()),
            false.into(),
            false.into(),
            false.into(),
            refreshing.data_timestamp.map_or(Cell::Null, Cell::from),
            "ROLE".into(),
            Cell::Null,
            Cell::Null,
        ]);
    }
    Ok(shown(rows.finish()))
}

fn views(session: &Session, show: &Show) -> Result<Success, SqlError> {
    let mut rows = Builder::new(&[
        ("created_on", INSTANT),
        ("name", TEXT),
        ("reserved", TEXT),
        ("database_name", TEXT),
        ("schema_name", TEXT),
        ("owner", TEXT),
        ("comment", TEXT),
        ("text", TEXT),
        ("is_secure", TEXT),
        ("is_materialized", TEXT),
        ("owner_role_type", TEXT),
    ]);
    let views = objects(session, show)?.into_iter().filter_map(|(name, object)| match object {
        Object::View(view) => Some((name, view)),
        Object::Table(_) => None,
    });
    for (name, view) in views.take(show.limit()) {
        rows.push(vec![
            view.created_at.into(),
            name.name.as_str().into(),
            "".into(),
            name.database.as_str().into(),
            name.schema.as_str().into(),
            DEFAULT_ROLE.into(),
            optional(view.comment.as_ref()),
            format!("create view {} as {}", name.name, view.query).into(),
            "false".into(),
            "false".into(),
            "ROLE".into(),
        ]);
    }
    Ok(shown(rows.finish()))
}

fn columns(session: &Session, show: &Show) -> Result<Success, SqlError> {
    let found = match &show.scope {
        ShowScope::Table(parts) => {
            let name = qualified(session, parts)?;
            match session.engine.catalog.get(&name) {
                Some(object) => vec![(name, object)],
                None => return Err(SqlError::does_not_exist("Table", &name.to_string())),
            }
        }
        _ => objects(session, &Show { like: None, starts_with: None, ..show.clone() })?,
    };
    let mut rows = Builder::new(&[
        ("table_name", TEXT),
        ("schema_name", TEXT),
        ("column_name", TEXT),
        ("data_type", TEXT),
        ("null?", TEXT),
        ("default", TEXT),
        ("kind", TEXT),
        ("expression", TEXT),
        ("comment", TEXT),
        ("database_name", TEXT),
        ("autoincrement", TEXT),
    ]);
    for (name, table) in only_tables(found) {
        for column in &table.definition().columns {
            if !show.wants(&column.name) {
                continue;
            }
            let data_type = match &column.data_type {
                DataType::Number { precision, scale } => serde_json::json!({
                    "type": "FIXED", "precision": precision, "scale": scale, "nullable": column.nullable
                }),
                DataType::Text { length } => serde_json::json!({
                    "type": "TEXT", "length": length, "nullable": column.nullable, "fixed": false
                }),
                other => {
                    let text = other.to_string();
                    let word = text.split('(').next().unwrap_or_default().to_owned();
                    serde_json::json!({ "type": word, "nullable": column.nullable })
                }
            };
            rows.push(vec![
                name.name.as_str().into(),
                name.schema.as_str().into(),
                column.name.as_str().into(),
                data_type.to_string().into(),
                if column.nullable { "true" } else { "NOT_NULL" }.into(),
                optional(column.default.as_ref()),
                "COLUMN".into(),
                "".into(),
                optional(column.comment.as_ref()),
                name.database.as_str().into(),
                "".into(),
            ]);
        }
    }
    Ok(shown(rows.finish()))
}

fn schemas(session: &Session, show: &Show) -> Result<Success, SqlError> {
    let catalog = &session.engine.catalog;
    let names = session.names();
    let databases: Vec<String> = match &show.scope {
        ShowScope::Database(Some(name)) => vec![name.clone()],
        ShowScope::Account => catalog.databases().into_iter().map(|it| it.name).collect(),
        _ => match &names.database {
            Some(name) => vec![name.clone()],
            None => catalog.databases().into_iter().map(|it| it.name).collect(),
        },
    };
    let mut rows = Builder::new(&[
        ("created_on", INSTANT),
        ("name", TEXT),
        ("is_default", TEXT),
        ("is_current", TEXT),
        ("database_name", TEXT),
        ("owner", TEXT),
        ("comment", TEXT),
        ("options", TEXT),
        ("retention_time", TEXT),
        ("owner_role_type", TEXT),
    ]);
    for database in databases {
        if catalog.database(&database).is_none() {
            return Err(SqlError::does_not_exist("Database", &database));
        }
        for schema in catalog.schemas(&database) {
            if !show.wants(&schema.name) {
                continue;
            }
            let is_current = names.database.as_ref() == Some(&database)
                && names.schema.as_ref() == Some(&schema.name);
            rows.push(vec![
                schema.created_at.into(),
                schema.name.as_str().into(),
                flag(false),
                flag(is_current),
                database.as_str().into(),
                DEFAULT_ROLE.into(),
                optional(schema.comment.as_ref()),
                "".into(),
                "1".into(),
                "ROLE".into(),
            ]);
        }
    }
    Ok(shown(rows.finish()))
}

fn databases(session: &Session, show: &Show) -> Result<Success, SqlError> {
    let current = session.names().database;
    let mut rows = Builder::new(&[
        ("created_on", INSTANT),
        ("name", TEXT),
        ("is_default", TEXT),
        ("is_current", TEXT),
        ("origin", TEXT),
        ("owner", TEXT),
        ("comment", TEXT),
        ("options", TEXT),
        ("retention_time", TEXT),
        ("kind", TEXT),
    ]);
    for database in session.engine.catalog.databases() {
        if !show.wants(&database.name) {
            continue;
        }
        rows.push(vec![
            database.created_at.into(),
            database.name.as_str().into(),
            flag(false),
            flag(current.as_ref() == Some(&database.name)),
            "".into(),
            DEFAULT_ROLE.into(),
            optional(database.comment.as_ref()),
            "".into(),
            "1".into(),
            "STANDARD".into(),
        ]);
    }
    Ok(shown(rows.finish()))
}

/// Session parameters that mean something here: name, default, type, what it is.
const PARAMETERS: &[(&str, &str, &str, &str)] = &[
    ("AUTOCOMMIT", "true", "BOOLEAN", "Whether each statement commits by itself."),
    ("QUERY_TAG", "", "STRING", "Text that appears with each statement in the query history."),
    ("STATEMENT_QUEUED_TIMEOUT_IN_SECONDS", "0", "NUMBER", "Longest time in a warehouse's queue."),
    ("STATEMENT_TIMEOUT_IN_SECONDS", "172800", "NUMBER", "Longest time a statement may take."),
    ("TIMEZONE", "America/Los_Angeles", "STRING", "Time zone of the session."),
    ("USE_CACHED_RESULT", "true", "BOOLEAN", "Whether results of earlier queries are used again."),
    ("QUERY_RESULT_FORMAT", "ARROW", "STRING", "Format of results on the wire."),
    ("PYTHON_CONNECTOR_QUERY_RESULT_FORMAT", "ARROW", "STRING", "Format of results for Python."),
    ("GO_QUERY_RESULT_FORMAT", "ARROW", "STRING", "Format of results for Go."),
    ("JDBC_QUERY_RESULT_FORMAT", "ARROW", "STRING", "Format of results for JDBC."),
    ("TIMESTAMP_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM", "STRING", "For clients."),
    ("TIMESTAMP_NTZ_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF3", "STRING", "For clients."),
    ("TIMESTAMP_LTZ_OUTPUT_FORMAT", "", "STRING", "For clients."),
    ("TIMESTAMP_TZ_OUTPUT_FORMAT", "", "STRING", "For clients."),
    ("DATE_OUTPUT_FORMAT", "YYYY-MM-DD", "STRING", "For clients."),
    ("TIME_OUTPUT_FORMAT", "HH24:MI:SS", "STRING", "For clients."),
    ("BINARY_OUTPUT_FORMAT", "HEX", "STRING", "For clients."),
    ("CLIENT_SESSION_KEEP_ALIVE", "false", "BOOLEAN", "For clients."),
    ("CLIENT_TELEMETRY_ENABLED", "false", "BOOLEAN", "For clients."),
    ("CLIENT_TIMESTAMP_TYPE_MAPPING", "TIMESTAMP_LTZ", "STRING", "For clients."),
    ("MULTI_STATEMENT_COUNT", "1", "NUMBER", "How many statements a request holds."),
    ("READ_CONSISTENCY_MODE", "SESSION", "STRING", "Which sessions' changes are seen at once."),
];

/// Refuses a parameter that does not exist here: nothing is accepted and ignored.
pub(super) fn check_parameter_name(name: &str) -> Result<(), SqlError> {
    match PARAMETERS.iter().any(|(it, ..)| *it == name) {
        true => Ok(()),
        false => Err(SqlError::new(
            1006,
            "42601",
            format!("SQL compilation error:\ninvalid parameter '{name}'"),
        )),
    }
}

pub(super) fn check_parameter(name: &str, value: &Value) -> Result<(), SqlError> {
    check_parameter_name(name)?;
    let invalid = || {
        SqlError::new(
            1008,
            "22023",
            format!(
                "SQL compilation error:\ninvalid value [{}] for parameter '{name}'",
                plain(value)
            ),
        )
    };
    let kind = PARAMETERS.iter().find(|(it, ..)| *it == name).map(|(_, _, kind, _)| *kind);
    match kind {
        Some("NUMBER") => {
            let number = value.as_u64().or_else(|| value.as_str().and_then(|it| it.parse().ok()));
            let most = if name.contains("TIMEOUT") { 604_800 } else { u64::MAX };
            match number {
                Some(number) if number <= most => Ok(()),
                _ => Err(invalid()),
            }
        }
        Some("BOOLEAN") => {
            let is_boolean = value.is_boolean()
                || value
                    .as_str()
                    .is_some_and(|it| matches!(it.to_lowercase().as_str(), "true" | "false"));
            if is_boolean { Ok(()) } else { Err(invalid()) }
        }
        _ if name == "TIMEZONE" => match plain(value).parse::<chrono_tz::Tz>() {
            Ok(_) => Ok(()),
            Err(_) => Err(invalid()),
        },
        _ => Ok(()),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn parameters(session: &Session, show: &Show) -> Result<Success, SqlError> {
    let mut rows = Builder::new(PARAMETER_COLUMNS);
    match &show.scope {
        ShowScope::Current | ShowScope::Session | ShowScope::Account => {}
        ShowScope::Database(_) => {
            return Err(SqlError::not_implemented("SHOW PARAMETERS IN DATABASE"));
        }
        ShowScope::Schema(_) => return Err(SqlError::not_implemented("SHOW PARAMETERS IN SCHEMA")),
        ShowScope::Table(_) => return Err(SqlError::not_implemented("SHOW PARAMETERS IN TABLE")),
    }
    let mut known = PARAMETERS.to_vec();
    known.sort_unstable();
    for (name, default, kind, description) in known {
        if !show.wants(name) {
            continue;
        }
        let set = session.parameter(name).filter(|_| show.scope != ShowScope::Account);
        rows.push(vec![
            name.into(),
            set.as_ref().map_or_else(|| default.to_owned(), plain).into(),
            default.into(),
            if set.is_some() { "SESSION" } else { "" }.into(),
            description.into(),
            kind.into(),
        ]);
    }
    Ok(shown(rows.finish()))
}

fn variables(session: &Session, show: &Show) -> Result<Success, SqlError> {
    let mut rows = Builder::new(&[("session_id", NUMBER), ("name", TEXT), ("value", TEXT)]);
    for (name, value) in session.variables() {
        if show.wants(&name) {
            let text = value.to_string();
            let text = text.trim_matches('\'');
            rows.push(vec![session.id.into(), name.as_str().into(), text.into()]);
        }
    }
    Ok(shown(rows.finish()))
}

pub(super) fn describe(
    running: &Running<'_>,
    kind: ObjectKind,
    parts: &[String],
) -> Result<Success, SqlError> {
    let session = running.session;
    let mut rows = Builder::new(&[
        ("name", TEXT),
        ("type", TEXT),
        ("kind", TEXT),
        ("null?", TEXT),
        ("default", TEXT),
        ("primary key", TEXT),
        ("unique key", TEXT),
        ("check", TEXT),
        ("expression", TEXT),
        ("comment", TEXT),
        ("policy name", TEXT),
        ("privacy domain", TEXT),
    ]);
    let mut push = |name: &str,
                    data_type: &DataType,
                    nullable: bool,
                    default: Option<&String>,
                    comment: Option<&String>| {
        let of = |it: Option<&String>| it.map_or(Cell::Null, |it| Cell::from(it.as_str()));
        rows.push(vec![
            name.into(),
            data_type.to_string().into(),
            "COLUMN".into(),
            flag(nullable),
            of(default),
            flag(false),
            flag(false),
            Cell::Null,
            Cell::Null,
            of(comment),
            Cell::Null,
            Cell::Null,
        ]);
    };
    match kind {
        ObjectKind::Table
        | ObjectKind::InteractiveTable
        | ObjectKind::DynamicTable
        | ObjectKind::View => {
            let name = qualified(session, parts)?;
            let is_of_kind = |it: &Object| {
                kind != ObjectKind::DynamicTable
                    || matches!(it, Object::Table(table) if table.definition().kind == TableKind::Dynamic)
            };
            match session.engine.catalog.get(&name).filter(is_of_kind) {
                Some(Object::Table(table)) => {
                    for it in &table.definition().columns {
                        push(
                            &it.name,
                            &it.data_type,
                            it.nullable,
                            it.default.as_ref(),
                            it.comment.as_ref(),
                        );
                    }
                }
                Some(Object::View(view)) => {
                    let transaction = Transaction::default();
                    let scope = super::scope::Scope::new(
                        session,
                        &transaction,
                        None,
                        running.now,
                        Arc::clone(&running.scanned),
                    )
                    .for_definition(&name);
                    let planned = scope.plan_text(&view.query)?;
                    let names = view.columns.clone();
                    for (index, it) in planned.columns.iter().enumerate() {
                        let name = names.as_ref().and_then(|it| it.get(index)).unwrap_or(&it.name);
                        push(name, &it.data_type, it.nullable, None, None);
                    }
                }
                None => return Err(SqlError::does_not_exist(kind.word(), &name.to_string())),
            }
        }
        other => {
            return Err(SqlError::not_implemented(format!(
                "DESCRIBE {}",
                other.word().to_uppercase()
            )));
        }
    }
    let result = rows.finish();
    Ok(Success { statement_type: StatementType::Describe, result, dml: None })
}
