//! Snowflake's SQL on top of DataFusion.
//!
//! A statement's way: [`text`] (tokens, identifier case, trees) or [`ddl`] and [`warehouse_ddl`]
//! (hand-written parsers), then [`execute`]; queries go through [`rewrite`] (shapes), [`scope`]
//! (names) and [`planner`] (rows; lookups through [`simple`]), changes of rows through [`dml`].

mod barriers;
pub mod context;
pub mod cursor;
pub mod ddl;
pub mod dml;
mod execute;
mod flatten;
pub mod functions;
mod get_ddl;
pub mod information_schema;
mod lookup;
pub mod planner;
mod refresh_history;
mod refreshed;
pub mod refreshed_ddl;
pub(crate) mod result_cache;
pub mod rewrite;
pub mod scope;
mod set_operations;
mod show;
mod simple;
pub(crate) mod sources;
mod stoppable;
mod tables;
pub mod text;
pub mod warehouse_ddl;

pub(crate) use execute::{execute, on_warehouse};

use crate::{
    error::SqlError,
    regression::{Regression, regressed},
    store::table::TableKind,
};
use datafusion::sql::sqlparser::ast;
use ddl::{AlterTable, Ddl, UseKind};
use warehouse_ddl::WarehouseStatement;

/// A statement that was understood.
#[derive(Debug)]
pub enum Statement {
    Query(Box<ast::Query>),
    /// INSERT, UPDATE, DELETE, MERGE, TRUNCATE.
    Dml(Box<ast::Statement>),
    Ddl(Box<Ddl>),
    Warehouse(Box<WarehouseStatement>),
}

/// Parses one statement.
pub fn parse(sql: &str) -> Result<Statement, SqlError> {
    let cut = match () {
        () if regressed(Regression::FlowOperatorIgnored) => sql.find("->>"),
        () if regressed(Regression::ResampleIgnored) => sql.find("RESAMPLE"),
        () => None,
    };
    let sql = cut.and_then(|it| sql.get(..it)).unwrap_or(sql);
    let tokens = text::tokens(sql)?;
    let Some(first) = tokens.first() else {
        return Err(SqlError::new(900, "42601", "SQL compilation error:\nEmpty SQL statement."));
    };
    let statements = tokens
        .iter()
        .filter(|it| it.token == datafusion::sql::sqlparser::tokenizer::Token::SemiColon)
        .count()
        + 1;
    let starts = |words: &[&str]| words.iter().any(|it| text::is_word(first, it));
    // `BEGIN` alone, or before its semicolon, opens a transaction.
    let opens_transaction = tokens.get(1).is_none_or(|it| {
        it.token == datafusion::sql::sqlparser::tokenizer::Token::SemiColon
            || ["TRANSACTION", "WORK", "NAME"].iter().any(|word| text::is_word(it, word))
    });
    if starts(&["DECLARE"]) || (starts(&["BEGIN"]) && !opens_transaction) {
        return Err(SqlError::not_implemented("Snowflake Scripting blocks"));
    }
    if statements > 1 {
        return Err(SqlError::new(
            8,
            "0A000",
            format!(
                "Actual statement count {statements} did not match the desired statement count 1."
            ),
        ));
    }
    if tokens.iter().any(|it| it.token.to_string() == "->>") {
        return Err(SqlError::not_implemented("the flow operator ->>"));
    }
    let is_query = starts(&["SELECT", "WITH", "VALUES"])
        || first.token == datafusion::sql::sqlparser::tokenizer::Token::LParen;
    if is_query {
        return match text::parse_statement(tokens)? {
            ast::Statement::Query(query) => Ok(Statement::Query(query)),
            other => Ok(Statement::Dml(Box::new(other))),
        };
    }
    if starts(&["INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE"]) {
        return text::parse_statement(tokens).map(|it| Statement::Dml(Box::new(it)));
    }
    if let Some(parsed) = warehouse_ddl::parse(sql) {
        return parsed.map(|it| Statement::Warehouse(Box::new(it)));
    }
    match ddl::parse(sql)? {
        Some(ddl) => Ok(Statement::Ddl(Box::new(ddl))),
        None => Err(text::unexpected(first)),
    }
}

impl Statement {
    /// Whether names may stand for something else after it, or be refused: what queries cannot
    /// tell from the versions of tables that they read.
    pub fn changes_objects(&self) -> bool {
        match self {
            Self::Query(_) | Self::Dml(_) => false,
            Self::Ddl(ddl) => !matches!(
                ddl.as_ref(),
                Ddl::AlterSessionSet(_)
                    | Ddl::AlterSessionUnset(_)
                    | Ddl::Use { .. }
                    | Ddl::SetVariable { .. }
                    | Ddl::UnsetVariable { .. }
                    | Ddl::Begin
                    | Ddl::Commit
                    | Ddl::Rollback
                    | Ddl::Show(_)
                    | Ddl::Describe { .. }
                    | Ddl::Explain { .. }
                    | Ddl::Call { .. }
            ),
            Self::Warehouse(statement) => !matches!(
                statement.as_ref(),
                WarehouseStatement::Describe { .. }
                    | WarehouseStatement::ShowWarehouses { .. }
                    | WarehouseStatement::ShowParametersInWarehouse { .. }
            ),
        }
    }

    /// The word that QUERY_HISTORY has for it.
    pub fn query_type(&self) -> &'static str {
        match self {
            Self::Query(_) => "SELECT",
            Self::Dml(statement) => match statement.as_ref() {
                ast::Statement::Insert(_) => "INSERT",
                ast::Statement::Update(_) => "UPDATE",
                ast::Statement::Delete(_) => "DELETE",
                ast::Statement::Merge(_) => "MERGE",
                ast::Statement::Truncate(_) => "TRUNCATE_TABLE",
                _ => "UNKNOWN",
            },
            Self::Ddl(ddl) => match ddl.as_ref() {
                Ddl::CreateTable(table) if table.kind == TableKind::Dynamic => {
                    "CREATE_DYNAMIC_TABLE"
                }
                Ddl::CreateTable(table) if table.query.is_some() => "CREATE_TABLE_AS_SELECT",
                Ddl::CreateTable(_) => "CREATE_TABLE",
                Ddl::CreateView { .. } => "CREATE_VIEW",
                Ddl::CreateDatabase { .. } | Ddl::CreateSchema { .. } => "CREATE",
                Ddl::Drop { .. } => "DROP",
                Ddl::UndropTable { .. } => "UNDROP",
                Ddl::AlterTable { action: AlterTable::RenameTo(_), .. } => "RENAME_TABLE",
                Ddl::AlterTable { .. } => "ALTER_TABLE",
                Ddl::AlterRefreshed(it) if it.kind == TableKind::Dynamic => "ALTER_DYNAMIC_TABLE",
                Ddl::AlterRefreshed(_) => "ALTER_TABLE",
                Ddl::AlterSessionSet(_) | Ddl::AlterSessionUnset(_) => "ALTER_SESSION",
                Ddl::Use { kind: UseKind::Warehouse, .. } => "USE",
                Ddl::Use { .. } => "USE",
                Ddl::SetVariable { .. } => "SET",
                Ddl::UnsetVariable { .. } => "UNSET",
                Ddl::Begin => "BEGIN_TRANSACTION",
                Ddl::Commit => "COMMIT",
                Ddl::Rollback => "ROLLBACK",
                Ddl::Show(_) => "SHOW",
                Ddl::Describe { .. } => "DESCRIBE",
                Ddl::CommentOn { .. } => "ALTER",
                Ddl::Explain { .. } => "EXPLAIN",
                Ddl::Call { .. } => "CALL",
                Ddl::Over(over) if over.what.starts_with("GRANT") => "GRANT",
                Ddl::Over(_) => "CREATE",
            },
            Self::Warehouse(statement) => match statement.as_ref() {
                WarehouseStatement::Create { .. } => "CREATE",
                WarehouseStatement::Alter { .. } => "ALTER_WAREHOUSE",
                WarehouseStatement::Drop { .. } => "DROP",
                WarehouseStatement::Describe { .. } => "DESCRIBE",
                WarehouseStatement::ShowWarehouses { .. }
                | WarehouseStatement::ShowParametersInWarehouse { .. } => "SHOW",
            },
        }
    }
}
