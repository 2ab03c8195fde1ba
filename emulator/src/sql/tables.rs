//! Tables and views: creating and altering them. What is special to tables that are refreshed is in
//! [`super::refreshed`].

use super::{
    ddl::{AlterTable, CreateTable, Ddl, Name, ObjectKind},
    dml::Dml,
    execute::{commit_open, qualified},
    refreshed::{self, must_not_be_interactive},
    scope::Scope,
    text,
};
use crate::{
    clock,
    engine::{Running, Session, StatementType, Success},
    error::SqlError,
    refresh::declared::Refreshing,
    regression::{Regression, regressed},
    store::{
        catalog::{Created, Object, OnConflict, QualifiedName, View},
        table::{Table, TableDefinition, TableKind},
        transaction::{Change, ColumnSource, Transaction},
    },
    types::ColumnDefinition,
    warehouse::{Kind, Warehouse, governor::Clocked},
};
use datafusion::arrow::array::RecordBatch;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub(super) fn done(text: &str) -> Result<Success, SqlError> {
    Ok(Success::status(StatementType::Ddl, text))
}

/// Creating tables from queries, creating interactive tables, refreshing them.
pub(super) async fn on_warehouse(running: &mut Running<'_>, ddl: Ddl) -> Result<Success, SqlError> {
    match ddl {
        Ddl::CreateTable(table) => create(running, *table).await,
        Ddl::AlterRefreshed(alter) => refreshed::refresh(running, &alter).await,
        other => Err(SqlError::internal(format!("{other:?} does not run on a warehouse"))),
    }
}

async fn create(running: &mut Running<'_>, create: CreateTable) -> Result<Success, SqlError> {
    let session = running.session;
    commit_open(session).await;
    let name = qualified(session, &create.name)?;
    let is_interactive = create.kind == TableKind::Interactive;
    let is_dynamic = create.kind == TableKind::Dynamic;
    let warehouse = session.warehouse();
    match &warehouse {
        // Dynamic tables are computed on the warehouse that they name.
        _ if is_dynamic => {}
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
    let refreshing = match create.kind {
        TableKind::Dynamic => Some(refreshed::dynamic_properties(session, &create)?),
        TableKind::Interactive => {
            let properties = refreshed::interactive_properties(session, &create, running.now);
            if properties.is_err() && regressed(Regression::RefusedTableMade) {
                let without_key = CreateTable { cluster_by: vec![], ..create.clone() };
                let table = Table::new(definition_of(&without_key, vec![], None)?, running.now);
                put(session, &name, table, OnConflict::Replace)?;
            }
            properties?
        }
        _ => None,
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
    if let Some(answer) = already_there(session, &name, create.kind, create.on_conflict)? {
        return done(&answer);
    }
    if let Some(refreshing) = refreshing {
        if is_interactive {
            warehouse?;
        }
        return refreshed::create(running, &name, create, refreshing).await;
    }

    let Some(query) = create.query.clone() else {
        // Columns only: nothing to compute.
        let definition = definition_of(&create, create.columns.clone().unwrap_or_default(), None)?;
        let table = Table::new(definition, running.now);
        return put(session, &name, table, create.on_conflict);
    };
    let warehouse = warehouse?;
    let now = running.now;
    let scanned = Arc::clone(&running.scanned);
    let work = |warehouse: Arc<Warehouse>| {
        let (query, name, create, scanned) =
            (query.clone(), name.clone(), create.clone(), Arc::clone(&scanned));
        async move {
            let (plan, columns, rows, wait_seconds) = {
                let mut transaction = Transaction::default();
                transaction.begin_statement(session.engine.catalog.snapshot());
                let scope = Scope::new(session, &transaction, Some(&warehouse), now, scanned);
                let planned = scope.plan(text::parse_query(&query)?, &BTreeMap::new())?;
                let columns = columns_for(&create, &planned.columns)?;
                let dml = Dml { scope: &scope, binds: &BTreeMap::new() };
                let given: Vec<usize> = (0..columns.len()).collect();
                let plan = dml.for_columns(planned.plan, &columns, &given)?;
                (plan, columns, planned.rows, planned.wait_seconds)
            };
            if wait_seconds > 0.0 {
                clock::held_up(Duration::from_secs_f64(wait_seconds)).await;
            }
            let mut batches = session.engine.queries.run(plan, rows).await?;
            if is_interactive {
                lose_a_row(&mut batches);
            }
            let definition = definition_of(&create, columns, None)?;
            let table = Table::with_rows(definition, batches, session.engine.now())?;
            put(session, &name, table, create.on_conflict)
        }
    };
    super::execute::on_warehouse(running, &warehouse, Clocked::No, work).await
}

/// What [`Regression::CreateLosesARow`] does to an interactive table.
pub(super) fn lose_a_row(batches: &mut [RecordBatch]) {
    if let Some(last) = batches.last_mut().filter(|it| it.num_rows() > 0)
        && regressed(Regression::CreateLosesARow)
    {
        *last = last.slice(0, last.num_rows() - 1);
    }
}

/// Without a query: columns, a clone, or the shape of another table.
pub(super) async fn create_plain(
    running: &Running<'_>,
    create: CreateTable,
) -> Result<Success, SqlError> {
    let session = running.session;
    commit_open(session).await;
    let name = qualified(session, &create.name)?;
    if let Some(answer) = already_there(session, &name, create.kind, create.on_conflict)? {
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
        if source.definition().kind == TableKind::Dynamic {
            return Err(SqlError::not_implemented("CLONE of a dynamic table"));
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
    kind: TableKind,
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
    let found = catalog.get(name);
    check_same_kind(name, found.as_ref(), kind == TableKind::Dynamic)?;
    match (found, on_conflict) {
        (Some(_), OnConflict::IfNotExists) => {
            Ok(Some(format!("{} already exists, statement succeeded.", name.name)))
        }
        (Some(_), OnConflict::Fail) => Err(SqlError::already_exists(&name.to_string())),
        _ => Ok(None),
    }
}

/// A dynamic table takes no other object's place, nor the other way round, not even with
/// `OR REPLACE` or `IF NOT EXISTS` (seen by mlorek/frostlake).
fn check_same_kind(
    name: &QualifiedName,
    found: Option<&Object>,
    wants_dynamic: bool,
) -> Result<(), SqlError> {
    let Some(found) = found else { return Ok(()) };
    let kind = kind_word(found);
    match wants_dynamic == (kind == "DYNAMIC_TABLE") {
        true => Ok(()),
        false => Err(SqlError::new(
            2002,
            "42710",
            format!("SQL compilation error:\nObject '{}' already exists as {kind}", name.name),
        )),
    }
}

/// What messages about kinds of objects call one.
pub(super) fn kind_word(object: &Object) -> &'static str {
    match object {
        Object::View(_) => "VIEW",
        Object::Table(table) if table.definition().kind == TableKind::Dynamic => "DYNAMIC_TABLE",
        Object::Table(_) => "TABLE",
    }
}

pub(super) fn put(
    session: &Session,
    name: &QualifiedName,
    table: Arc<Table>,
    on_conflict: OnConflict,
) -> Result<Success, SqlError> {
    let id = table.id;
    let kind = match table.definition().kind {
        TableKind::Dynamic => "Dynamic table",
        _ => "Table",
    };
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
            done(&format!("{kind} {} successfully created.", name.name))
        }
    }
}

pub(super) async fn fill(
    session: &Session,
    table: &Arc<Table>,
    change: Change,
) -> Result<(), SqlError> {
    let mut transaction = Transaction::default();
    transaction.lock(table).await?;
    transaction.change(table, change)?;
    transaction.commit(session.engine.now());
    Ok(())
}

pub(super) fn definition_of(
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
pub(super) fn clustering_key(key: &str, columns: &[ColumnDefinition]) -> Result<String, SqlError> {
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
pub(super) fn columns_for(
    create: &CreateTable,
    found: &[crate::types::Column],
) -> Result<Vec<ColumnDefinition>, SqlError> {
    let wrong_count = |count: usize| {
        SqlError::new(
            2026,
            "42601",
            format!(
                "SQL compilation error:\nInvalid column definition list: {count} columns for a query of {}",
                found.len()
            ),
        )
    };
    let stored = |name: &str, column: &crate::types::Column, comment: Option<String>| {
        let (name, data_type) = (name.to_owned(), column.data_type.clone());
        ColumnDefinition { name, data_type, nullable: true, default: None, comment }
    };
    if let Some(names) = &create.names {
        return match names.len() == found.len() {
            true => Ok(names
                .iter()
                .zip(found)
                .map(|(named, column)| stored(&named.name, column, named.comment.clone()))
                .collect()),
            false => Err(wrong_count(names.len())),
        };
    }
    match &create.columns {
        Some(columns) if columns.len() == found.len() => Ok(columns.clone()),
        Some(columns) => Err(wrong_count(columns.len())),
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
                Ok(stored(&column.name, column, None))
            })
            .collect(),
    }
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
    if table.definition().kind == TableKind::Dynamic {
        check_dynamic(&action)?;
    }
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

/// What `ALTER TABLE` may do to a dynamic table: its name and comments; the rest is
/// `ALTER DYNAMIC TABLE`'s. Code and text are this emulator's.
fn check_dynamic(action: &AlterTable) -> Result<(), SqlError> {
    match action {
        AlterTable::RenameTo(_)
        | AlterTable::ColumnComment { .. }
        | AlterTable::SetComment(_)
        | AlterTable::UnsetComment
        | AlterTable::Other(_) => Ok(()),
        _ => Err(SqlError::new(
            10420,
            "0A000",
            "SQL compilation error:\nThis change is not supported on a dynamic table. Use ALTER DYNAMIC TABLE, or create it anew.",
        )),
    }
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
    if let Some(answer) = already_there(session, &name, TableKind::Standard, on_conflict)? {
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
    let is_table =
        matches!(kind, ObjectKind::Table | ObjectKind::InteractiveTable | ObjectKind::DynamicTable);
    match session.engine.catalog.get(&name) {
        Some(Object::Table(table))
            if is_table
                && (kind == ObjectKind::DynamicTable)
                    == (table.definition().kind == TableKind::Dynamic) =>
        {
            table.alter(|it| it.comment = Some(comment));
        }
        _ if is_table && if_exists => {}
        _ if is_table => return Err(SqlError::does_not_exist(kind.word(), &name.to_string())),
        _ => {
            let word = kind.word().to_uppercase();
            return Err(SqlError::not_implemented(format!("COMMENT ON {word}")));
        }
    }
    done("Statement executed successfully.")
}
