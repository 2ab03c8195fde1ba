//! Tables and views: creating, altering, refreshing.

use super::{
    ddl::{AlterInteractiveTable, AlterTable, CreateTable, Ddl, Name, ObjectKind},
    dml::Dml,
    execute::{commit_open, qualified},
    functions,
    scope::{Scope, error_of},
    text,
};
use crate::{
    engine::{Running, Session, StatementType, Success},
    error::SqlError,
    refresh::{
        declared::{Initialize, RefreshMode, Refreshing, SuspendedBy, Suspension, TargetLag},
        lag,
    },
    regression::{Regression, regressed},
    store::{
        catalog::{Created, Object, OnConflict, QualifiedName, View},
        table::{Table, TableDefinition, TableKind},
        transaction::{Change, ColumnSource, Transaction},
    },
    types::ColumnDefinition,
    warehouse::{Kind, Warehouse, governor::Clocked},
};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

fn done(text: &str) -> Result<Success, SqlError> {
    Ok(Success::status(StatementType::Ddl, text))
}

/// `Warehouse '…' must not be an interactive warehouse` (catalogue S-13). The code is not public:
/// it is this emulator's.
fn must_not_be_interactive(warehouse: &str) -> SqlError {
    SqlError::new(
        10408,
        "0A000",
        format!(
            "SQL compilation error:\nWarehouse '{warehouse}' must not be an interactive warehouse."
        ),
    )
}

/// Creating tables from queries, creating interactive tables, refreshing them.
pub(super) async fn on_warehouse(running: &mut Running<'_>, ddl: Ddl) -> Result<Success, SqlError> {
    match ddl {
        Ddl::CreateTable(table) => create(running, *table).await,
        Ddl::AlterInteractiveTable { name, if_exists, action: AlterInteractiveTable::Refresh } => {
            refresh(running, &name, if_exists).await
        }
        other => Err(SqlError::internal(format!("{other:?} does not run on a warehouse"))),
    }
}

async fn create(running: &mut Running<'_>, create: CreateTable) -> Result<Success, SqlError> {
    let session = running.session;
    commit_open(session).await;
    let name = qualified(session, &create.name)?;
    let is_interactive = create.kind == TableKind::Interactive;
    let warehouse = session.warehouse();
    match &warehouse {
        Ok(it)
            if it.kind == Kind::Interactive
                && match is_interactive {
                    true => regressed(Regression::InteractiveCreatesTables),
                    false => regressed(Regression::CtasOnInteractive),
                } => {}
        Ok(it) if it.kind == Kind::Interactive && is_interactive => {
            return Err(must_not_be_interactive(&it.name));
        }
        Ok(it) if it.kind == Kind::Interactive => {
            return Err(SqlError::statement_type("CREATE_TABLE_AS_SELECT"));
        }
        _ => {}
    }
    let refreshing = match is_interactive {
        true => {
            let properties = interactive_properties(session, &create, running.now);
            if properties.is_err() && regressed(Regression::RefusedTableMade) {
                let without_key = CreateTable { cluster_by: vec![], ..create.clone() };
                let table = Table::new(definition_of(&without_key, vec![], None)?, running.now);
                put(session, &name, table, OnConflict::Replace)?;
            }
            properties?
        }
        false => None,
    };
    let mut create = create;
    if create.on_conflict == OnConflict::IfNotExists && is_interactive {
        if regressed(Regression::IfNotExistsCreatesNothing) {
            return done(&format!("{} already exists, statement succeeded.", name.name));
        }
        if regressed(Regression::IfNotExistsReplaces) {
            create.on_conflict = OnConflict::Replace;
        }
    }
    let create = create;
    if let Some(answer) = already_there(session, &name, create.on_conflict)? {
        return done(&answer);
    }

    let Some(query) = create.query.clone() else {
        // Columns only: nothing to compute.
        let definition =
            definition_of(&create, create.columns.clone().unwrap_or_default(), refreshing)?;
        let table = Table::new(definition, running.now);
        return put(session, &name, table, create.on_conflict);
    };
    let warehouse = warehouse?;
    let now = running.now;
    let scanned = Arc::clone(&running.scanned);
    let work = |warehouse: Arc<Warehouse>| {
        let (query, name, create, scanned, refreshing) =
            (query.clone(), name.clone(), create.clone(), Arc::clone(&scanned), refreshing.clone());
        async move {
            let (plan, columns, rows, wait_seconds) = {
                let mut transaction = Transaction::default();
                transaction.begin_statement(session.engine.catalog.snapshot());
                let mut scope = Scope::new(session, &transaction, Some(&warehouse), now, scanned);
                if refreshing.is_some() {
                    // The contents are those of the data timestamp, exactly.
                    session.engine.catalog.commits().settle(now);
                    scope.as_of = Some(now);
                }
                let planned = scope.plan(text::parse_query(&query)?, &BTreeMap::new())?;
                if refreshing.is_some() {
                    check_refreshable(&scope)?;
                }
                let columns = columns_for(&create, &planned.columns)?;
                let dml = Dml { scope: &scope, binds: &BTreeMap::new() };
                let given: Vec<usize> = (0..columns.len()).collect();
                let plan = dml.for_columns(planned.plan, &columns, &given)?;
                (plan, columns, planned.rows, planned.wait_seconds)
            };
            if wait_seconds > 0.0 {
                session.engine.settings.clock.sleep(Duration::from_secs_f64(wait_seconds)).await;
            }
            let mut batches = session.engine.queries.run(plan, rows).await?;
            if is_interactive {
                if refreshing.is_some() && regressed(Regression::LaggingTableEmpty) {
                    batches.clear();
                }
                if let Some(last) = batches.last_mut().filter(|it| it.num_rows() > 0)
                    && regressed(Regression::CreateLosesARow)
                {
                    *last = last.slice(0, last.num_rows() - 1);
                }
            }
            let definition = definition_of(&create, columns, refreshing)?;
            let table = Table::with_rows(definition, batches, session.engine.now())?;
            put(session, &name, table, create.on_conflict)
        }
    };
    super::execute::on_warehouse(running, &warehouse, Clocked::No, work).await
}

/// Without a query: columns, a clone, or the shape of another table.
pub(super) async fn create_plain(
    running: &Running<'_>,
    create: CreateTable,
) -> Result<Success, SqlError> {
    let session = running.session;
    commit_open(session).await;
    let name = qualified(session, &create.name)?;
    if let Some(answer) = already_there(session, &name, create.on_conflict)? {
        return done(&answer);
    }
    let source = |parts: &Name| {
        let name = qualified(session, parts)?;
        match session.engine.catalog.get(&name) {
            Some(Object::Table(table)) => Ok(table),
            _ => Err(SqlError::does_not_exist("Object", &name.to_string())),
        }
    };
    let table = if let Some(parts) = &create.clone {
        let source = source(parts)?;
        if source.definition().kind == TableKind::Interactive
            && !regressed(Regression::InteractiveCloned)
        {
            return Err(SqlError::interactive_unsupported("CLONE"));
        }
        Table::clone_of(&source, &source.latest(), running.now)
    } else if let Some(parts) = &create.like {
        let source = source(parts)?.definition();
        let definition = TableDefinition {
            kind: create.kind,
            comment: create.comment.clone().or_else(|| source.comment.clone()),
            query: None,
            refreshing: None,
            ..TableDefinition::clone(&source)
        };
        Table::new(definition, running.now)
    } else {
        let columns = create.columns.clone().unwrap_or_default();
        Table::new(definition_of(&create, columns, None)?, running.now)
    };
    put(session, &name, table, create.on_conflict)
}

/// What `IF NOT EXISTS` answers, or the error of a taken name, before anything is computed.
fn already_there(
    session: &Session,
    name: &QualifiedName,
    on_conflict: OnConflict,
) -> Result<Option<String>, SqlError> {
    let catalog = &session.engine.catalog;
    if catalog.database(&name.database).is_none() {
        return Err(SqlError::does_not_exist("Database", &name.database));
    }
    if catalog.schema(&name.database, &name.schema).is_none() {
        let schema = format!("{}.{}", name.database, name.schema);
        return Err(SqlError::does_not_exist("Schema", &schema));
    }
    match (catalog.get(name), on_conflict) {
        (Some(_), OnConflict::IfNotExists) => {
            Ok(Some(format!("{} already exists, statement succeeded.", name.name)))
        }
        (Some(_), OnConflict::Fail) => Err(SqlError::already_exists(&name.to_string())),
        _ => Ok(None),
    }
}

fn put(
    session: &Session,
    name: &QualifiedName,
    table: Arc<Table>,
    on_conflict: OnConflict,
) -> Result<Success, SqlError> {
    let id = table.id;
    let (created, replaced) =
        session.engine.catalog.put(name, Object::Table(table), on_conflict)?;
    if let Some(Object::Table(old)) = replaced {
        if regressed(Regression::ReplaceKeepsAttached) {
            for warehouse in session.engine.warehouses.all() {
                if warehouse.is_attached(old.id) {
                    warehouse.attach(&[id])?;
                }
            }
        }
        // The new table is another object: what the old one was attached to lets it go
        // (catalogue S-33).
        session.engine.warehouses.forget_table(old.id);
    }
    match created {
        Created::AlreadyThere => {
            done(&format!("{} already exists, statement succeeded.", name.name))
        }
        Created::New | Created::Replaced => {
            done(&format!("Table {} successfully created.", name.name))
        }
    }
}

async fn fill(session: &Session, table: &Arc<Table>, change: Change) -> Result<(), SqlError> {
    let mut transaction = Transaction::default();
    transaction.lock(table).await?;
    transaction.change(table, change)?;
    transaction.commit(session.engine.now());
    Ok(())
}

fn definition_of(
    create: &CreateTable,
    columns: Vec<ColumnDefinition>,
    refreshing: Option<Refreshing>,
) -> Result<TableDefinition, SqlError> {
    let mut seen = std::collections::HashSet::new();
    for column in &columns {
        if !seen.insert(&column.name) {
            return Err(SqlError::new(
                2025,
                "42S21",
                format!("SQL compilation error:\nduplicate column name '{}'", column.name),
            ));
        }
    }
    let cluster_by = create
        .cluster_by
        .iter()
        .map(|key| clustering_key(key, &columns))
        .collect::<Result<_, _>>()?;
    Ok(TableDefinition {
        kind: create.kind,
        columns,
        cluster_by,
        comment: create.comment.clone(),
        query: create.query.clone(),
        refreshing,
    })
}

/// A clustering expression: a plain column's stored name, or the expression's text.
fn clustering_key(key: &str, columns: &[ColumnDefinition]) -> Result<String, SqlError> {
    use datafusion::sql::sqlparser::ast::Expr;
    let mut columns_in_key = Vec::new();
    let expr = text::parse_expression(key)?;
    let _ = datafusion::sql::sqlparser::ast::visit_expressions(&expr, |it| {
        if let Expr::Identifier(ident) = it {
            columns_in_key.push(ident.value.clone());
        }
        std::ops::ControlFlow::<()>::Continue(())
    });
    for name in &columns_in_key {
        if !columns.iter().any(|it| it.name == *name) {
            return Err(SqlError::invalid_identifier(name));
        }
    }
    Ok(match expr {
        Expr::Identifier(ident) => ident.value,
        other => other.to_string(),
    })
}

/// The columns that a query's result is stored in: named by the statement, typed by either.
fn columns_for(
    create: &CreateTable,
    found: &[crate::types::Column],
) -> Result<Vec<ColumnDefinition>, SqlError> {
    match &create.columns {
        Some(columns) if columns.len() == found.len() => Ok(columns.clone()),
        Some(columns) => Err(SqlError::new(
            2026,
            "42601",
            format!(
                "SQL compilation error:\nInvalid column definition list: {} columns for a query of {}",
                columns.len(),
                found.len()
            ),
        )),
        None => found
            .iter()
            .map(|column| {
                let is_name = column
                    .name
                    .chars()
                    .all(|it| it.is_alphanumeric() || matches!(it, '_' | '$' | ' ' | '"' | '-'));
                if !is_name {
                    return Err(SqlError::new(
                        2022,
                        "42601",
                        format!(
                            "SQL compilation error:\nMissing column specification for '{}'",
                            column.name
                        ),
                    ));
                }
                Ok(ColumnDefinition {
                    name: column.name.clone(),
                    data_type: column.data_type.clone(),
                    nullable: true,
                    default: None,
                    comment: None,
                })
            })
            .collect(),
    }
}

/// The rules of `CREATE INTERACTIVE TABLE` that need no data (catalogue S-03 to S-14).
fn interactive_properties(
    session: &Session,
    create: &CreateTable,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Option<Refreshing>, SqlError> {
    if regressed(Regression::InteractiveNotAvailable) {
        return Err(SqlError::new(2, "0A000", "Unsupported feature 'INTERACTIVE TABLE'."));
    }
    if create.cluster_by.is_empty() && !regressed(Regression::ClusterByOptional) {
        // The text is public, the code is not.
        return Err(SqlError::new(
            10409,
            "42601",
            match regressed(Regression::ClusterByText) {
                true => "SQL compilation error:\nCLUSTER BY is missing.",
                false => {
                    "SQL compilation error:\nAn interactive table must contain clustering keys."
                }
            },
        ));
    }
    if create.query.is_none() && regressed(Regression::ColumnListRefused) {
        return Err(SqlError::interactive_unsupported("a column list without a query"));
    }
    if create.like.is_some() {
        return Err(SqlError::interactive_unsupported("LIKE"));
    }
    let Some(target_lag) = &create.target_lag else {
        if (create.warehouse.is_some() || create.initialization_warehouse.is_some())
            && !regressed(Regression::WarehouseWithoutLag)
        {
            // Rejected on a live account; code and text are not public.
            return Err(SqlError::new(
                10410,
                "42601",
                "SQL compilation error:\nWAREHOUSE is only valid for an interactive table with TARGET_LAG.",
            ));
        }
        return Ok(None);
    };
    let target_lag_secs = lag::parse(target_lag)?;
    let current = session.names().warehouse.filter(|_| regressed(Regression::LagWithoutWarehouse));
    let Some(warehouse) = create.warehouse.as_ref().or(current.as_ref()) else {
        // The documentation demands it; code and text are not public.
        return Err(SqlError::new(
            10411,
            "42601",
            "SQL compilation error:\nAn interactive table with TARGET_LAG must specify WAREHOUSE.",
        ));
    };
    for name in std::iter::once(warehouse).chain(&create.initialization_warehouse) {
        check_refresh_warehouse(session, name)?;
    }
    if create.query.is_none() {
        return Err(SqlError::new(
            10412,
            "42601",
            "SQL compilation error:\nAn interactive table with TARGET_LAG must be defined AS a query.",
        ));
    }
    Ok(Some(Refreshing {
        target_lag: TargetLag::Seconds(target_lag_secs),
        warehouse: warehouse.clone(),
        initialization_warehouse: create.initialization_warehouse.clone(),
        mode: RefreshMode::Full,
        mode_reason: None,
        initialize: Initialize::OnCreate,
        data_timestamp: Some(now),
        suspended: regressed(Regression::LaggingTableSuspended)
            .then_some(Suspension { at: now, by: SuspendedBy::User }),
        resumed_at: None,
    }))
}

/// Refresh warehouses exist and are standard (catalogue S-14).
fn check_refresh_warehouse(session: &Session, name: &str) -> Result<(), SqlError> {
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

/// An interactive table cannot feed one that is refreshed (catalogue L-18).
fn check_refreshable(scope: &Scope<'_>) -> Result<(), SqlError> {
    let is_interactive = |(_, table): &(QualifiedName, Arc<Table>)| {
        table.definition().kind == TableKind::Interactive
    };
    match scope.read_tables().into_iter().find(is_interactive) {
        None => Ok(()),
        Some(_) if regressed(Regression::LaggingOverInteractive) => Ok(()),
        Some((name, _)) => Err(SqlError::new(
            10413,
            "0A000",
            format!(
                "SQL compilation error:\nInteractive table '{name}' cannot be the source of a table with TARGET_LAG."
            ),
        )),
    }
}

/// A manual refresh: the definition is run again, and its result replaces the contents.
async fn refresh(
    running: &mut Running<'_>,
    parts: &[String],
    if_exists: bool,
) -> Result<Success, SqlError> {
    let session = running.session;
    let Some((name, table)) = interactive_table(session, parts, if_exists)? else {
        return done("Statement executed successfully.");
    };
    let definition = table.definition();
    let (Some(refreshing), Some(query)) = (&definition.refreshing, &definition.query) else {
        if regressed(Regression::StaticTableRefreshed) {
            return done("Statement executed successfully.");
        }
        return Err(SqlError::interactive_unsupported("REFRESH of a static table"));
    };
    let warehouse = session.engine.warehouses.find(&refreshing.warehouse)?;
    let now = running.now;
    let scanned = Arc::clone(&running.scanned);
    let work = |_warehouse: Arc<Warehouse>| {
        let (table, name, definition, query, scanned) = (
            Arc::clone(&table),
            name.clone(),
            Arc::clone(&definition),
            query.clone(),
            Arc::clone(&scanned),
        );
        async move {
            let (plan, rows) = {
                let transaction = Transaction::default();
                let mut scope =
                    Scope::new(session, &transaction, None, now, scanned).for_definition(&name);
                session.engine.catalog.commits().settle(now);
                scope.as_of = Some(now);
                let planned = scope.plan(text::parse_query(&query)?, &BTreeMap::new())?;
                let plan = casts_to(planned.plan, &definition.columns)?;
                (plan, planned.rows)
            };
            let batches = session.engine.queries.run(plan, rows).await?;
            fill(session, &table, Change::Overwrite(batches)).await?;
            table.alter(|it| {
                if let Some(refreshing) = &mut it.refreshing {
                    refreshing.data_timestamp = Some(now);
                }
            });
            done("Statement executed successfully.")
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

fn interactive_table(
    session: &Session,
    parts: &[String],
    if_exists: bool,
) -> Result<Option<(QualifiedName, Arc<Table>)>, SqlError> {
    let name = qualified(session, parts)?;
    match session.engine.catalog.get(&name) {
        Some(Object::Table(table)) if table.definition().kind == TableKind::Interactive => {
            Ok(Some((name, table)))
        }
        None if if_exists => Ok(None),
        Some(_) | None => Err(SqlError::does_not_exist("Interactive table", &name.to_string())),
    }
}

/// `ALTER INTERACTIVE TABLE` other than REFRESH (catalogue L-27, L-28).
pub(super) fn alter_interactive(
    running: &Running<'_>,
    parts: &[String],
    if_exists: bool,
    action: AlterInteractiveTable,
) -> Result<Success, SqlError> {
    let session = running.session;
    let Some((_, table)) = interactive_table(session, parts, if_exists)? else {
        return done("Statement executed successfully.");
    };
    let is_dynamic = table.definition().refreshing.is_some();
    let invalid_property = |property: &str, of: &str| {
        SqlError::new(
            1420,
            "42601",
            format!("SQL compilation error:\ninvalid property '{property}' for '{of}'"),
        )
    };
    let invalid_value = |value: &str, property: &str| {
        SqlError::new(
            1422,
            "22023",
            format!("SQL compilation error:\ninvalid value '{value}' for property '{property}'"),
        )
    };
    match action {
        AlterInteractiveTable::Set(properties) => {
            let mut changed = table.definition().refreshing.clone();
            for (property, value) in &properties {
                let Some(refreshing) = &mut changed else {
                    if regressed(Regression::StaticTableTakesLag) {
                        continue;
                    }
                    return Err(invalid_property(property, "TABLE"));
                };
                match property.as_str() {
                    "TARGET_LAG" => {
                        refreshing.target_lag = TargetLag::Seconds(lag::parse(&value.text())?);
                    }
                    "WAREHOUSE" => {
                        check_refresh_warehouse(session, &value.text())?;
                        refreshing.warehouse = value.text();
                    }
                    "INITIALIZATION_WAREHOUSE" => {
                        check_refresh_warehouse(session, &value.text())?;
                        refreshing.initialization_warehouse = Some(value.text());
                    }
                    other => return Err(invalid_property(other, "INTERACTIVE_TABLE")),
                }
            }
            table.alter(|it| it.refreshing = changed);
        }
        AlterInteractiveTable::Unset(names) => {
            for name in &names {
                if !is_dynamic {
                    return Err(invalid_property(name, "TABLE"));
                }
                match name.as_str() {
                    "INITIALIZATION_WAREHOUSE" => table.alter(|it| {
                        if let Some(refreshing) = &mut it.refreshing {
                            refreshing.initialization_warehouse = None;
                        }
                    }),
                    "TARGET_LAG" if regressed(Regression::LagUnset) => {}
                    "TARGET_LAG" | "WAREHOUSE" => return Err(invalid_value("null", name)),
                    other => return Err(invalid_property(other, "INTERACTIVE_TABLE")),
                }
            }
        }
        AlterInteractiveTable::Suspend | AlterInteractiveTable::Resume if !is_dynamic => {
            return Err(SqlError::interactive_unsupported("SUSPEND and RESUME of a static table"));
        }
        AlterInteractiveTable::Suspend | AlterInteractiveTable::Resume => {
            let suspended = (action == AlterInteractiveTable::Suspend)
                .then_some(Suspension { at: running.now, by: SuspendedBy::User });
            table.alter(|it| {
                if let Some(refreshing) = &mut it.refreshing {
                    refreshing.suspended = suspended;
                }
            });
        }
        AlterInteractiveTable::Refresh => {
            return Err(SqlError::internal("REFRESH runs on a warehouse"));
        }
    }
    done("Statement executed successfully.")
}

pub(super) async fn alter_table(
    running: &Running<'_>,
    parts: &[String],
    if_exists: bool,
    action: AlterTable,
) -> Result<Success, SqlError> {
    let session = running.session;
    let catalog = &session.engine.catalog;
    let name = qualified(session, parts)?;
    let table = match catalog.get(&name) {
        Some(Object::Table(table)) => table,
        None if if_exists => return done("Statement executed successfully."),
        Some(Object::View(_)) | None => {
            return Err(SqlError::does_not_exist("Table", &name.to_string()));
        }
    };
    let is_interactive = table.definition().kind == TableKind::Interactive;
    // What may be altered on an interactive table: names and comments.
    let is_allowed = matches!(
        action,
        AlterTable::RenameTo(_)
            | AlterTable::ColumnComment { .. }
            | AlterTable::SetComment(_)
            | AlterTable::UnsetComment
            | AlterTable::Other(_)
    );
    let is_allowed = is_allowed
        || match action {
            AlterTable::AddColumns(_) => regressed(Regression::ColumnAdded),
            AlterTable::DropColumns { .. } => regressed(Regression::ColumnDropped),
            AlterTable::SetDataRetention(_) => regressed(Regression::RetentionSet),
            _ => false,
        };
    if is_interactive && !is_allowed {
        return Err(SqlError::interactive_unsupported(match &action {
            AlterTable::AddColumns(_) => "ADD COLUMN",
            AlterTable::DropColumns { .. } => "DROP COLUMN",
            AlterTable::RenameColumn { .. } => "RENAME COLUMN",
            AlterTable::ClusterBy(_) | AlterTable::DropClusteringKey => {
                "changing the clustering key"
            }
            AlterTable::SetDataRetention(_) | AlterTable::UnsetDataRetention => {
                "DATA_RETENTION_TIME_IN_DAYS"
            }
            AlterTable::SetChangeTracking(_) => "CHANGE_TRACKING",
            _ => "SWAP WITH",
        }));
    }
    let position = |column: &str| {
        let definition = table.definition();
        definition
            .columns
            .iter()
            .position(|it| it.name == column)
            .ok_or_else(|| SqlError::invalid_identifier(column))
    };
    match action {
        AlterTable::RenameTo(to) => {
            catalog.rename(&name, &qualified(session, &to)?)?;
            if regressed(Regression::RenameKeepsName) {
                let copy = Table::clone_of(&table, &table.latest(), running.now);
                put(session, &name, copy, OnConflict::Fail)?;
            }
        }
        AlterTable::ColumnComment { column, comment } => {
            let position = position(&column)?;
            if !regressed(Regression::ColumnCommentLost) {
                table.alter(|it| it.columns[position].comment = comment);
            }
        }
        AlterTable::SetComment(comment) => table.alter(|it| it.comment = Some(comment)),
        AlterTable::UnsetComment => table.alter(|it| it.comment = None),
        AlterTable::ClusterBy(keys) => {
            let columns = table.definition().columns.clone();
            let keys: Vec<String> =
                keys.iter().map(|it| clustering_key(it, &columns)).collect::<Result<_, _>>()?;
            table.alter(|it| it.cluster_by = keys);
        }
        AlterTable::DropClusteringKey => table.alter(|it| it.cluster_by.clear()),
        AlterTable::SetChangeTracking(_) => {}
        AlterTable::SetDataRetention(_) if regressed(Regression::RetentionSet) => {}
        AlterTable::SetDataRetention(_) | AlterTable::UnsetDataRetention => {
            return Err(SqlError::not_implemented("DATA_RETENTION_TIME_IN_DAYS on a table"));
        }
        AlterTable::AddColumns(_)
        | AlterTable::DropColumns { .. }
        | AlterTable::RenameColumn { .. }
        | AlterTable::SwapWith(_) => {
            return reshape(running, &name, &table, action).await;
        }
        AlterTable::Other(_) if regressed(Regression::SearchOptimizationEmpties) => {
            fill(session, &table, Change::Overwrite(vec![])).await?;
        }
        AlterTable::Other(what) => {
            return Err(SqlError::not_implemented(format!("ALTER TABLE … {what}")));
        }
    }
    done("Statement executed successfully.")
}

/// Changes of a table's columns: its rows stay the same ones.
async fn reshape(
    running: &Running<'_>,
    name: &QualifiedName,
    table: &Arc<Table>,
    action: AlterTable,
) -> Result<Success, SqlError> {
    let definition = table.definition();
    let mut shape: Vec<(ColumnDefinition, ColumnSource)> = definition
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| (column.clone(), ColumnSource::Existing(index)))
        .collect();
    let taken = |shape: &[(ColumnDefinition, ColumnSource)], name: &str| match shape
        .iter()
        .any(|(it, _)| it.name == name)
    {
        false => Ok(()),
        true => Err(SqlError::new(
            1430,
            "42601",
            format!("SQL compilation error:\ncolumn '{name}' already exists"),
        )),
    };
    match action {
        AlterTable::AddColumns(columns) => {
            for column in columns {
                taken(&shape, &column.name)?;
                let value = default_value(running, &column)?;
                if !column.nullable && value.is_null() && table.latest().row_count > 0 {
                    return Err(SqlError::new(
                        2028,
                        "42601",
                        format!(
                            "SQL compilation error:\nNon-nullable column '{}' cannot be added to non-empty table '{}' unless it has a non-null default value.",
                            column.name, name.name
                        ),
                    ));
                }
                shape.push((column, ColumnSource::Constant(value)));
            }
        }
        AlterTable::DropColumns { names, if_exists } => {
            for column in names {
                match shape.iter().position(|(it, _)| it.name == column) {
                    Some(position) => {
                        shape.remove(position);
                    }
                    None if if_exists => {}
                    None => return Err(SqlError::invalid_identifier(&column)),
                }
            }
        }
        AlterTable::RenameColumn { from, to } => {
            taken(&shape, &to)?;
            let (column, _) = shape
                .iter_mut()
                .find(|(it, _)| it.name == from)
                .ok_or_else(|| SqlError::invalid_identifier(&from))?;
            column.name = to;
        }
        AlterTable::SwapWith(_) => {
            return Err(SqlError::not_implemented("ALTER TABLE … SWAP WITH"));
        }
        _ => return Err(SqlError::internal("not a change of a table's columns")),
    }
    fill(running.session, table, Change::Reshape(shape)).await?;
    done("Statement executed successfully.")
}

/// The value of a column's DEFAULT, of the column's type.
fn default_value(
    running: &Running<'_>,
    column: &ColumnDefinition,
) -> Result<datafusion::common::ScalarValue, SqlError> {
    use super::rewrite::{CAST_PREFIX, call, null_literal};
    let value = match &column.default {
        Some(text) => text::parse_expression(text)?,
        None => null_literal(),
    };
    let transaction = Transaction::default();
    let scope =
        Scope::new(running.session, &transaction, None, running.now, Arc::clone(&running.scanned));
    scope.constant(call(&format!("{CAST_PREFIX}{}", column.data_type), vec![value]))
}

pub(super) fn create_view(
    running: &Running<'_>,
    parts: &[String],
    on_conflict: OnConflict,
    columns: Option<Vec<String>>,
    comment: Option<String>,
    query: String,
) -> Result<Success, SqlError> {
    let session = running.session;
    let name = qualified(session, parts)?;
    if let Some(answer) = already_there(session, &name, on_conflict)? {
        return done(&answer);
    }
    let transaction = Transaction::default();
    let scope = Scope::new(session, &transaction, None, running.now, Arc::clone(&running.scanned))
        .for_definition(&name);
    let query = query.trim().trim_end_matches(';').to_owned();
    let planned = scope.plan_text(&query)?;
    if let Some(columns) = &columns
        && columns.len() != planned.columns.len()
    {
        return Err(SqlError::new(
            2026,
            "42601",
            format!(
                "SQL compilation error:\nInvalid column definition list: {} columns for a query of {}",
                columns.len(),
                planned.columns.len()
            ),
        ));
    }
    let view = View { name: name.clone(), created_at: running.now, columns, query, comment };
    session.engine.catalog.put(&name, Object::View(Arc::new(view)), on_conflict)?;
    done(&format!("View {} successfully created.", name.name))
}

pub(super) fn comment_on(
    running: &Running<'_>,
    kind: ObjectKind,
    parts: &[String],
    if_exists: bool,
    comment: String,
) -> Result<Success, SqlError> {
    let session = running.session;
    let name = qualified(session, parts)?;
    match (kind, session.engine.catalog.get(&name)) {
        (ObjectKind::Table | ObjectKind::InteractiveTable, Some(Object::Table(table))) => {
            table.alter(|it| it.comment = Some(comment));
        }
        (ObjectKind::Table | ObjectKind::InteractiveTable, _) if if_exists => {}
        (ObjectKind::Table | ObjectKind::InteractiveTable, _) => {
            return Err(SqlError::does_not_exist("Table", &name.to_string()));
        }
        (kind, _) => {
            let word = kind.word().to_uppercase();
            return Err(SqlError::not_implemented(format!("COMMENT ON {word}")));
        }
    }
    done("Statement executed successfully.")
}
