//! Definitions as text: `GET_DDL`, the `text` column of SHOW, clustering information.

use super::scope::Scope;
use crate::{
    error::SqlError,
    refresh::declared::{Initialize, Refreshing},
    regression::{Regression, regressed},
    store::{
        catalog::{Identifier, Object, QualifiedName},
        table::{Table, TableDefinition, TableKind},
    },
};
use datafusion::sql::sqlparser::ast;

/// `GET_DDL('table', 'name')`: lower-case statement, as the service prints it (catalogue M-10).
pub fn get_ddl(scope: &Scope<'_>, arguments: &[ast::Expr]) -> Result<String, SqlError> {
    let texts = texts("GET_DDL", arguments)?;
    let [kind, name, ..] = texts.as_slice() else {
        return Err(SqlError::not_implemented("GET_DDL with fewer than two arguments"));
    };
    let parts = super::cursor::Cursor::new(name)?.object_name()?;
    let qualified = scope.qualify(&parts)?;
    match (kind.to_uppercase().as_str(), scope.engine().catalog.get(&qualified)) {
        ("DYNAMIC_TABLE", Some(Object::Table(table)))
            if table.definition().kind == TableKind::Dynamic =>
        {
            Ok(table_ddl(&qualified, &table))
        }
        ("DYNAMIC_TABLE", _) => {
            Err(SqlError::does_not_exist("Dynamic table", &qualified.to_string()))
        }
        ("TABLE" | "INTERACTIVE_TABLE", Some(Object::Table(table))) => {
            Ok(table_ddl(&qualified, &table))
        }
        ("VIEW" | "TABLE", Some(Object::View(view))) => {
            let columns = match &view.columns {
                Some(columns) => format!("(\n\t{}\n)", columns.join(",\n\t")),
                None => String::new(),
            };
            Ok(format!("create or replace view {}{columns} as {};", qualified.name, view.query))
        }
        ("TABLE" | "INTERACTIVE_TABLE" | "VIEW", _) => {
            Err(SqlError::does_not_exist("Table", &qualified.to_string()))
        }
        (other, _) => Err(SqlError::not_implemented(format!("GET_DDL of a {other}"))),
    }
}

fn texts(function: &str, arguments: &[ast::Expr]) -> Result<Vec<String>, SqlError> {
    arguments
        .iter()
        .map(|it| match it {
            ast::Expr::Value(value) => match &value.value {
                ast::Value::SingleQuotedString(text) => Ok(text.clone()),
                ast::Value::Boolean(value) => Ok(value.to_string()),
                _ => Err(SqlError::not_implemented(format!("{function}({it})"))),
            },
            _ => Err(SqlError::not_implemented(format!("{function}({it})"))),
        })
        .collect()
}

/// A dynamic table as GET_DDL and the `text` column of SHOW print it. Its columns have the types
/// that the query gives them.
fn dynamic_ddl(name: &QualifiedName, definition: &TableDefinition, it: &Refreshing) -> String {
    let kind = if it.transient { "transient dynamic table" } else { "dynamic table" };
    let columns: Vec<String> = definition
        .columns
        .iter()
        .map(|column| match &column.comment {
            Some(comment) => {
                format!("\t{} COMMENT {}", Identifier(&column.name), quoted(comment))
            }
            None => format!("\t{}", Identifier(&column.name)),
        })
        .collect();
    let mut ddl =
        format!("create or replace {kind} {}(\n{}\n)", Identifier(&name.name), columns.join(",\n"));
    ddl += &match it.target_lag.text() {
        Some(text) => format!(" target_lag = '{text}'"),
        None => " scheduler = DISABLE".to_owned(),
    };
    ddl += &format!(" refresh_mode = {}", it.mode.word());
    ddl += match it.initialize {
        Initialize::OnCreate => " initialize = ON_CREATE",
        Initialize::OnSchedule => " initialize = ON_SCHEDULE",
    };
    ddl += &format!(" warehouse = {}", Identifier(&it.warehouse));
    if let Some(warehouse) = &it.initialization_warehouse {
        ddl += &format!(" initialization_warehouse = {}", Identifier(warehouse));
    }
    if !definition.cluster_by.is_empty() {
        ddl += &format!(" cluster by ({})", definition.cluster_by.join(", "));
    }
    if let Some(comment) = &definition.comment {
        ddl += &format!(" COMMENT={}", quoted(comment));
    }
    ddl + &format!("\n as {};", definition.query.as_deref().unwrap_or_default())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn table_ddl(name: &QualifiedName, table: &Table) -> String {
    let definition = table.definition();
    if definition.kind == TableKind::Dynamic
        && let Some(refreshing) = &definition.refreshing
    {
        return dynamic_ddl(name, &definition, refreshing);
    }
    let kind = match definition.kind {
        TableKind::Standard => "TABLE",
        TableKind::Transient => "TRANSIENT TABLE",
        TableKind::Temporary => "TEMPORARY TABLE",
        TableKind::Interactive if regressed(Regression::DdlNotInteractive) => "TABLE",
        TableKind::Interactive => "INTERACTIVE TABLE",
        TableKind::Dynamic => "DYNAMIC TABLE",
    };
    let mut ddl = format!("create or replace {kind} {}", name.name);
    let is_defined_by_query =
        matches!(definition.kind, TableKind::Interactive | TableKind::Dynamic);
    let cluster = match definition.cluster_by.is_empty() {
        true => String::new(),
        false => format!(" cluster by ({})", definition.cluster_by.join(", ")),
    };
    if !is_defined_by_query {
        ddl += &cluster;
    }
    let columns: Vec<String> = definition
        .columns
        .iter()
        .map(|column| {
            let mut text = format!("\t{} {}", column.name, column.data_type);
            if !column.nullable {
                text += " NOT NULL";
            }
            if let Some(default) = &column.default {
                text += &format!(" DEFAULT {default}");
            }
            if let Some(comment) = &column.comment {
                text += &format!(" COMMENT '{}'", comment.replace('\'', "''"));
            }
            text
        })
        .collect();
    ddl += &format!(" (\n{}\n)", columns.join(",\n"));
    if is_defined_by_query {
        ddl += &cluster;
    }
    if let Some(refreshing) = &definition.refreshing {
        ddl += &format!(
            " target_lag = '{}' warehouse = {}",
            refreshing.target_lag.text().unwrap_or_default(),
            refreshing.warehouse
        );
    }
    if let Some(comment) = &definition.comment {
        ddl += &format!(" COMMENT='{}'", comment.replace('\'', "''"));
    }
    if is_defined_by_query && let Some(query) = &definition.query {
        ddl += &format!(" as {query}");
    }
    ddl + ";"
}

/// The `text` column of SHOW DYNAMIC TABLES, and of SHOW INTERACTIVE TABLES, which has the syntax of
/// dynamic tables.
pub fn show_text(name: &QualifiedName, table: &Table) -> String {
    table_ddl(name, table).replacen("INTERACTIVE TABLE", "DYNAMIC TABLE", 1)
}

/// `SYSTEM$CLUSTERING_INFORMATION('table' [, '(columns)'])`: how many micro-partitions overlap.
pub fn clustering_information(
    scope: &Scope<'_>,
    arguments: &[ast::Expr],
) -> Result<String, SqlError> {
    let texts = texts("SYSTEM$CLUSTERING_INFORMATION", arguments)?;
    let Some(name) = texts.first() else {
        return Err(SqlError::not_implemented("SYSTEM$CLUSTERING_INFORMATION without a table"));
    };
    let parts = super::cursor::Cursor::new(name)?.object_name()?;
    let (_, table) = scope.table(&parts)?;
    let definition = table.definition();
    let keys = match texts.get(1) {
        Some(text) => text.trim().trim_start_matches('(').trim_end_matches(')').to_uppercase(),
        None if definition.cluster_by.is_empty() => {
            return Err(SqlError::new(
                4000,
                "42601",
                format!("Invalid clustering keys or table {name} is not clustered"),
            ));
        }
        None => definition.cluster_by.join(", "),
    };
    let first = keys.split(',').next().unwrap_or_default().trim().to_owned();
    let Some(column) = definition.columns.iter().position(|it| it.name == first) else {
        return Err(SqlError::invalid_identifier(&first));
    };
    let version = table.latest();
    let ranges: Vec<_> =
        version.partitions.iter().map(|it| it.columns[column].bounds.clone()).collect();
    let overlaps = |index: usize| {
        let (Some((low, high)), this) = (&ranges[index], index) else { return 0 };
        ranges
            .iter()
            .enumerate()
            .filter(|(other, range)| {
                *other != this
                    && range.as_ref().is_some_and(|(other_low, other_high)| {
                        other_low <= high && low <= other_high
                    })
            })
            .count()
    };
    let counts: Vec<usize> = (0..ranges.len()).map(overlaps).collect();
    let total = ranges.len().max(1) as f64;
    let average = |sum: usize| (sum as f64 / total * 10_000.0).round() / 10_000.0;
    Ok(serde_json::json!({
        "cluster_by_keys": format!("LINEAR({keys})"),
        "total_partition_count": ranges.len(),
        "total_constant_partition_count": ranges
            .iter()
            .filter(|it| it.as_ref().is_some_and(|(low, high)| low == high))
            .count(),
        "average_overlaps": average(counts.iter().sum()),
        "average_depth": average(counts.iter().map(|it| it + 1).sum()),
    })
    .to_string())
}
