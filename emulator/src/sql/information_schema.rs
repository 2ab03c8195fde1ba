//! `INFORMATION_SCHEMA`: views over the catalogue, and table functions over the history.

use super::{functions, refresh_history, rewrite, scope::Scope};
use crate::{
    error::SqlError,
    regression::{Regression, regressed},
    rows::{Builder, Cell, INSTANT, NUMBER, TEXT},
    store::{
        catalog::{Object, QualifiedName, View},
        table::{Table, TableKind},
    },
    types::{Column, DataType, ResultSet},
    warehouse::history::{HistoryFilter, RESULT_LIMIT},
};
use chrono::{DateTime, Utc};
use datafusion::{
    arrow::datatypes::{DataType as ArrowType, Schema},
    catalog::{MemTable, TableProvider},
    common::ScalarValue,
};
use std::sync::Arc;

pub const NAME: &str = "INFORMATION_SCHEMA";

/// A result that can be read from again: `RESULT_SCAN`, history functions.
pub fn provider(result: &ResultSet) -> Result<Arc<dyn TableProvider>, SqlError> {
    let mut taken = std::collections::HashMap::<&str, usize>::new();
    let fields: Vec<_> = result
        .columns
        .iter()
        .enumerate()
        .map(|(index, Column { name, data_type, nullable })| {
            let count = taken.entry(name).or_default();
            *count += 1;
            let name = match *count {
                1 => name.clone(),
                count => format!("{name}{}{count}", rewrite::UNIQUE_MARK),
            };
            let field = data_type.to_field(&name, *nullable);
            // Rows of the engine may hold integers where the type says NUMBER.
            let held = result.batches.first().map(|it| it.column(index).data_type().clone());
            field.with_data_type(held.unwrap_or_else(|| data_type.to_arrow())).with_nullable(true)
        })
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let batches = result
        .batches
        .iter()
        .map(|it| it.clone().with_schema(Arc::clone(&schema)).map_err(SqlError::internal))
        .collect::<Result<Vec<_>, _>>()?;
    MemTable::try_new(schema, vec![batches])
        .map(|it| Arc::new(it) as Arc<dyn TableProvider>)
        .map_err(super::scope::error_of)
}

/// What `INFORMATION_SCHEMA.TABLES` calls a table. For interactive ones two words were seen in
/// public code and the documentation lists neither (catalogue M-06).
fn table_type(kind: TableKind) -> &'static str {
    match kind {
        TableKind::Standard | TableKind::Transient | TableKind::Dynamic => "BASE TABLE",
        TableKind::Temporary => "LOCAL TEMPORARY",
        TableKind::Interactive if regressed(Regression::TableTypeBase) => "BASE TABLE",
        TableKind::Interactive => "INTERACTIVE TABLE",
    }
}

/// Whether a table, dynamic or not, was created TRANSIENT.
pub fn is_transient(table: &Table) -> bool {
    let definition = table.definition();
    definition.kind == TableKind::Transient
        || definition.refreshing.as_ref().is_some_and(|it| it.transient)
}

fn yes(value: bool) -> Cell {
    Cell::from(if value { "YES" } else { "NO" })
}

fn text(value: Option<&String>) -> Cell {
    value.map_or(Cell::Null, |it| Cell::from(it.as_str()))
}

/// As `cluster_by` is printed: bare parentheses for interactive tables, `LINEAR(…)` for others
/// (catalogue M-02).
pub fn cluster_by(table: &Table) -> String {
    let definition = table.definition();
    match (definition.cluster_by.as_slice(), definition.kind) {
        ([], _) => String::new(),
        (keys, TableKind::Interactive) if !regressed(Regression::ClusterByLinear) => {
            format!("({})", keys.join(", "))
        }
        (keys, _) => format!("LINEAR({})", keys.join(", ")),
    }
}

/// A view of `INFORMATION_SCHEMA` in one database.
pub fn view(
    scope: &Scope<'_>,
    database: Option<&str>,
    name: &str,
) -> Result<Arc<dyn TableProvider>, SqlError> {
    let Some(database) = database else {
        return Err(SqlError::does_not_exist("Schema", NAME));
    };
    let catalog = &scope.engine().catalog;
    if catalog.database(database).is_none() {
        return Err(SqlError::does_not_exist("Database", database));
    }
    let objects = || -> Vec<(QualifiedName, Object)> {
        let schemas = catalog.schemas(database);
        schemas.iter().flat_map(|it| catalog.objects(database, &it.name)).collect()
    };
    let result = match name {
        "TABLES" => {
            let mut rows = Builder::new(&[
                ("TABLE_CATALOG", TEXT),
                ("TABLE_SCHEMA", TEXT),
                ("TABLE_NAME", TEXT),
                ("TABLE_OWNER", TEXT),
                ("TABLE_TYPE", TEXT),
                ("IS_TRANSIENT", TEXT),
                ("CLUSTERING_KEY", TEXT),
                ("ROW_COUNT", NUMBER),
                ("BYTES", NUMBER),
                ("RETENTION_TIME", NUMBER),
                ("CREATED", INSTANT),
                ("LAST_ALTERED", INSTANT),
                ("LAST_DDL", INSTANT),
                ("AUTO_CLUSTERING_ON", TEXT),
                ("COMMENT", TEXT),
                ("IS_TEMPORARY", TEXT),
                ("IS_ICEBERG", TEXT),
                ("IS_DYNAMIC", TEXT),
                ("IS_HYBRID", TEXT),
            ]);
            for (name, object) in objects() {
                rows.push(match object {
                    Object::Table(table) => table_row(&name, &table),
                    Object::View(view) => view_row(&name, &view),
                });
            }
            rows.finish()
        }
        "COLUMNS" => {
            let mut rows = Builder::new(&[
                ("TABLE_CATALOG", TEXT),
                ("TABLE_SCHEMA", TEXT),
                ("TABLE_NAME", TEXT),
                ("COLUMN_NAME", TEXT),
                ("ORDINAL_POSITION", NUMBER),
                ("COLUMN_DEFAULT", TEXT),
                ("IS_NULLABLE", TEXT),
                ("DATA_TYPE", TEXT),
                ("CHARACTER_MAXIMUM_LENGTH", NUMBER),
                ("NUMERIC_PRECISION", NUMBER),
                ("NUMERIC_SCALE", NUMBER),
                ("DATETIME_PRECISION", NUMBER),
                ("COMMENT", TEXT),
            ]);
            for (name, object) in objects() {
                let Object::Table(table) = object else { continue };
                for (index, column) in table.definition().columns.iter().enumerate() {
                    let number = |it: Option<i128>| it.map_or(Cell::Null, Cell::Number);
                    let (length, precision, scale, datetime) = match &column.data_type {
                        DataType::Number { precision, scale } => {
                            (None, Some(i128::from(*precision)), Some(i128::from(*scale)), None)
                        }
                        DataType::Text { length } | DataType::Binary { length } => {
                            (Some(i128::from(*length)), None, None, None)
                        }
                        DataType::Time { scale }
                        | DataType::TimestampNtz { scale }
                        | DataType::TimestampLtz { scale }
                        | DataType::TimestampTz { scale } => {
                            (None, None, None, Some(i128::from(*scale)))
                        }
                        _ => (None, None, None, None),
                    };
                    let word = column.data_type.to_string();
                    let word = match &column.data_type {
                        DataType::Text { .. } => "TEXT",
                        _ => word.split('(').next().unwrap_or(&word),
                    };
                    rows.push(vec![
                        name.database.as_str().into(),
                        name.schema.as_str().into(),
                        name.name.as_str().into(),
                        column.name.as_str().into(),
                        (index as u64 + 1).into(),
                        text(column.default.as_ref()),
                        yes(column.nullable),
                        word.into(),
                        number(length),
                        number(precision),
                        number(scale),
                        number(datetime),
                        text(column.comment.as_ref()),
                    ]);
                }
            }
            rows.finish()
        }
        "VIEWS" => {
            let mut rows = Builder::new(&[
                ("TABLE_CATALOG", TEXT),
                ("TABLE_SCHEMA", TEXT),
                ("TABLE_NAME", TEXT),
                ("TABLE_OWNER", TEXT),
                ("VIEW_DEFINITION", TEXT),
                ("CREATED", INSTANT),
                ("COMMENT", TEXT),
            ]);
            for (name, object) in objects() {
                let Object::View(view) = object else { continue };
                rows.push(vec![
                    name.database.as_str().into(),
                    name.schema.as_str().into(),
                    name.name.as_str().into(),
                    crate::engine::DEFAULT_ROLE.into(),
                    view.query.as_str().into(),
                    view.created_at.into(),
                    text(view.comment.as_ref()),
                ]);
            }
            rows.finish()
        }
        "SCHEMATA" => {
            let mut rows = Builder::new(&[
                ("CATALOG_NAME", TEXT),
                ("SCHEMA_NAME", TEXT),
                ("SCHEMA_OWNER", TEXT),
                ("CREATED", INSTANT),
                ("COMMENT", TEXT),
            ]);
            for schema in catalog.schemas(database) {
                rows.push(vec![
                    schema.database.as_str().into(),
                    schema.name.as_str().into(),
                    crate::engine::DEFAULT_ROLE.into(),
                    schema.created_at.into(),
                    text(schema.comment.as_ref()),
                ]);
            }
            rows.finish()
        }
        "DATABASES" => {
            let mut rows = Builder::new(&[
                ("DATABASE_NAME", TEXT),
                ("DATABASE_OWNER", TEXT),
                ("CREATED", INSTANT),
                ("COMMENT", TEXT),
            ]);
            for it in catalog.databases() {
                rows.push(vec![
                    it.name.as_str().into(),
                    crate::engine::DEFAULT_ROLE.into(),
                    it.created_at.into(),
                    text(it.comment.as_ref()),
                ]);
            }
            rows.finish()
        }
        _ => return Err(SqlError::does_not_exist("Object", &format!("{database}.{NAME}.{name}"))),
    };
    provider(&result)
}

fn table_row(name: &QualifiedName, table: &Table) -> Vec<Cell> {
    let definition = table.definition();
    let version = table.latest();
    let key = match definition.cluster_by.is_empty() {
        true => Cell::Null,
        false => Cell::from(format!("LINEAR({})", definition.cluster_by.join(", "))),
    };
    vec![
        name.database.as_str().into(),
        name.schema.as_str().into(),
        name.name.as_str().into(),
        crate::engine::DEFAULT_ROLE.into(),
        table_type(definition.kind).into(),
        yes(is_transient(table)),
        key,
        version.row_count.into(),
        version.bytes().into(),
        1_u64.into(),
        table.created_at.into(),
        version.committed_at.into(),
        table.created_at.into(),
        yes(!definition.cluster_by.is_empty()),
        text(definition.comment.as_ref()),
        yes(definition.kind == TableKind::Temporary),
        yes(false),
        yes(definition.refreshing.is_some()),
        yes(false),
    ]
}

fn view_row(name: &QualifiedName, view: &View) -> Vec<Cell> {
    vec![
        name.database.as_str().into(),
        name.schema.as_str().into(),
        name.name.as_str().into(),
        crate::engine::DEFAULT_ROLE.into(),
        "VIEW".into(),
        yes(false),
        Cell::Null,
        Cell::Null,
        Cell::Null,
        Cell::Null,
        view.created_at.into(),
        view.created_at.into(),
        view.created_at.into(),
        yes(false),
        text(view.comment.as_ref()),
        yes(false),
        yes(false),
        yes(false),
        yes(false),
    ]
}

/// Arguments of a table function, by name or position.
pub struct Arguments<'a> {
    function: &'a str,
    values: &'a [(Option<String>, ScalarValue)],
}

impl Arguments<'_> {
    fn get(&self, name: &str, position: Option<usize>) -> Option<&ScalarValue> {
        let named = self.values.iter().find(|(it, _)| it.as_deref() == Some(name));
        let positional =
            position.and_then(|it| self.values.iter().filter(|(name, _)| name.is_none()).nth(it));
        named.or(positional).map(|(_, value)| value).filter(|it| !it.is_null())
    }

    pub fn number(&self, name: &str, position: Option<usize>) -> Result<Option<u64>, SqlError> {
        let Some(value) = self.get(name, position) else { return Ok(None) };
        match value.cast_to(&ArrowType::UInt64) {
            Ok(ScalarValue::UInt64(number)) => Ok(number),
            _ => Err(self.bad(name, value)),
        }
    }

    pub fn text(&self, name: &str, position: Option<usize>) -> Option<String> {
        self.get(name, position).map(ToString::to_string)
    }

    pub fn instant(
        &self,
        name: &str,
        position: Option<usize>,
    ) -> Result<Option<DateTime<Utc>>, SqlError> {
        let Some(value) = self.get(name, position) else { return Ok(None) };
        super::context::instant(value).map(Some).ok_or_else(|| self.bad(name, value))
    }

    /// False where it is not given.
    pub fn boolean(&self, name: &str) -> Result<bool, SqlError> {
        let Some(value) = self.get(name, None) else { return Ok(false) };
        match value.cast_to(&ArrowType::Boolean) {
            Ok(ScalarValue::Boolean(Some(value))) => Ok(value),
            _ => Err(self.bad(name, value)),
        }
    }

    fn bad(&self, name: &str, value: &ScalarValue) -> SqlError {
        SqlError::new(
            1015,
            "42601",
            format!(
                "SQL compilation error:\ninvalid value [{value}] for parameter '{name}' of {}",
                self.function
            ),
        )
    }

    pub fn only(&self, names: &[&str]) -> Result<(), SqlError> {
        let unknown = self
            .values
            .iter()
            .filter_map(|(name, _)| name.as_deref())
            .find(|it| !names.contains(it));
        match unknown {
            None => Ok(()),
            Some(name) => Err(SqlError::new(
                1015,
                "42601",
                format!(
                    "SQL compilation error:\ninvalid argument '{name}' for function {}",
                    self.function
                ),
            )),
        }
    }
}

/// `TABLE(f(…))`.
pub fn table_function(
    scope: &Scope<'_>,
    name: &str,
    values: &[(Option<String>, ScalarValue)],
) -> Result<Arc<dyn TableProvider>, SqlError> {
    let arguments = Arguments { function: name, values };
    let engine = scope.engine();
    match name {
        "GENERATOR" => {
            arguments.only(&["ROWCOUNT", "TIMELIMIT"])?;
            if arguments.get("TIMELIMIT", None).is_some() {
                return Err(SqlError::not_implemented("GENERATOR(TIMELIMIT => …)"));
            }
            let rows = arguments.number("ROWCOUNT", None)?.unwrap_or(0);
            scope.count_rows(rows);
            functions::generator(rows).map_err(super::scope::error_of)
        }
        "RESULT_SCAN" => {
            let id = arguments.text("QUERY_ID", Some(0)).unwrap_or_default();
            let result = id.parse().ok().and_then(|it| scope.session.kept_result(it));
            match result {
                Some(result) => provider(&result),
                None => Err(SqlError::new(
                    709,
                    "02000",
                    format!("SQL compilation error:\nStatement {id} not found"),
                )),
            }
        }
        "QUERY_HISTORY"
        | "QUERY_HISTORY_BY_SESSION"
        | "QUERY_HISTORY_BY_WAREHOUSE"
        | "QUERY_HISTORY_BY_USER" => {
            arguments.only(&[
                "END_TIME_RANGE_START",
                "END_TIME_RANGE_END",
                "RESULT_LIMIT",
                "SESSION_ID",
                "WAREHOUSE_NAME",
                "USER_NAME",
                "INCLUDE_CLIENT_GENERATED_STATEMENT",
            ])?;
            let mut filter = HistoryFilter {
                result_limit: arguments.number("RESULT_LIMIT", None)?.unwrap_or(RESULT_LIMIT),
                end_time_range_start: arguments.instant("END_TIME_RANGE_START", None)?,
                end_time_range_end: arguments.instant("END_TIME_RANGE_END", None)?,
                ..HistoryFilter::default()
            };
            match name {
                "QUERY_HISTORY_BY_SESSION" => {
                    let session = arguments.number("SESSION_ID", Some(0))?;
                    filter.session_id = Some(session.map_or(scope.session.id, |it| it as i64));
                }
                "QUERY_HISTORY_BY_WAREHOUSE" => {
                    filter.warehouse = arguments
                        .text("WAREHOUSE_NAME", Some(0))
                        .map(|it| super::text::fold_name(&it))
                        .or_else(|| scope.session.names().warehouse);
                }
                "QUERY_HISTORY_BY_USER" => {
                    filter.user = Some(arguments.text("USER_NAME", Some(0)).map_or_else(
                        || scope.session.user.clone(),
                        |it| super::text::fold_name(&it),
                    ));
                }
                _ => {}
            }
            let rows = engine.history.rows(&filter, scope.now)?;
            MemTable::try_new(rows.schema(), vec![vec![rows]])
                .map(|it| Arc::new(it) as Arc<dyn TableProvider>)
                .map_err(super::scope::error_of)
        }
        other => match refresh_history::table_function(scope, other, &arguments) {
            Some(result) => provider(&result?),
            None => Err(SqlError::new(
                2140,
                "42601",
                format!("SQL compilation error:\nUnknown table function {other}."),
            )),
        },
    }
}
