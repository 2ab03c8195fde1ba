//! Refusals as Snowflake words them: code, SQLSTATE, text.

use crate::regression::{Regression, regressed};
use std::{borrow::Cow, fmt};

/// A statement that was refused.
///
/// `message` is Snowflake's text without the leading `001003 (42000):`, which clients add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    /// Printed with six digits: 630 is `000630`.
    pub code: u32,
    pub sqlstate: Cow<'static, str>,
    pub message: String,
    /// Line and position in the statement, from 1 and 0, where the text names one.
    pub at: Option<(u64, u64)>,
}

impl SqlError {
    pub fn new(code: u32, sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { code, sqlstate: Cow::Borrowed(sqlstate), message: message.into(), at: None }
    }

    /// `001003`: the text does not parse.
    pub fn syntax(line: u64, position: u64, unexpected: &str) -> Self {
        let message = format!(
            "SQL compilation error:\nsyntax error line {line} at position {position} unexpected '{unexpected}'."
        );
        Self { at: Some((line, position)), ..Self::new(1003, "42000", message) }
    }

    /// `002003`: `kind` is what Snowflake calls it there: `Object`, `Table`, `Schema`, …
    pub fn does_not_exist(kind: &str, name: &str) -> Self {
        let is_other = regressed(Regression::MissingTableSqlstate);
        let sqlstate =
            if matches!(kind, "Schema" | "Database") || is_other { "02000" } else { "42S02" };
        Self::new(
            2003,
            sqlstate,
            format!("SQL compilation error:\n{kind} '{name}' does not exist or not authorized."),
        )
    }

    /// `002002`: the name is taken.
    pub fn already_exists(name: &str) -> Self {
        Self::new(2002, "42710", format!("SQL compilation error:\nObject '{name}' already exists."))
    }

    /// `000904`: no such column.
    pub fn invalid_identifier(name: &str) -> Self {
        Self::new(904, "42000", format!("SQL compilation error:\ninvalid identifier '{name}'"))
    }

    /// `000604`: cancelled by a user or client.
    pub fn cancelled() -> Self {
        Self::new(604, "57014", "SQL execution canceled")
    }

    /// `000630`: a statement timeout, of the session, the warehouse, or interactive's five seconds.
    pub fn timed_out(seconds: u64) -> Self {
        let sqlstate = if regressed(Regression::TimeoutSqlstate) { "57000" } else { "57014" };
        if regressed(Regression::TimeoutText) {
            let text = format!("SQL execution reached a timeout of {seconds} second(s).");
            return Self::new(630, sqlstate, text);
        }
        Self::new(
            630,
            sqlstate,
            format!(
                "Statement reached its statement or warehouse timeout of {seconds} second(s) and was canceled."
            ),
        )
    }

    /// `000606`: nothing to run on.
    pub fn no_warehouse() -> Self {
        Self::new(
            606,
            if regressed(Regression::SuspendedSqlstate) { "22000" } else { "57P03" },
            "No active warehouse selected in the current session.  Select an active warehouse with the 'use warehouse' command.",
        )
    }

    /// An interactive warehouse was asked for a table that is not interactive (before zero-copy).
    ///
    /// The text is public, the code is not: it is this emulator's.
    pub fn non_interactive_table(name: &str) -> Self {
        Self::new(
            10401,
            "55000",
            format!(
                "Querying non-interactive table {name} is not supported in interactive warehouses."
            ),
        )
    }

    /// `010402`: an interactive table that is not attached to the current warehouse (before
    /// zero-copy).
    pub fn not_bound(name: &str) -> Self {
        let code = if regressed(Regression::UnattachedCode) { 2003 } else { 10402 };
        Self::new(code, "55000", format!("Table {name} is not bound to the current warehouse."))
    }

    /// A statement type that interactive warehouses do not run. The text was published for CTAS
    /// and MERGE; the code was not and is this emulator's.
    pub fn statement_type(query_type: &str) -> Self {
        if regressed(Regression::StatementTypeText) {
            return Self::new(10404, "0A000", "Unsupported statement on an interactive warehouse.");
        }
        Self::new(
            10404,
            "0A000",
            format!("Cannot run statement type '{query_type}' on an interactive warehouse."),
        )
    }

    /// DML other than INSERT OVERWRITE on an interactive table. Neither code nor text is public:
    /// both are this emulator's.
    pub fn interactive_dml(query_type: &str, name: &str) -> Self {
        Self::new(
            10405,
            "0A000",
            format!(
                "SQL compilation error:\n{query_type} is not supported on interactive table '{name}'. Use INSERT OVERWRITE."
            ),
        )
    }

    /// Something that interactive tables do not do. Neither code nor text is public: both are
    /// this emulator's.
    pub fn interactive_unsupported(what: impl fmt::Display) -> Self {
        Self::new(
            10406,
            "0A000",
            format!("SQL compilation error:\n{what} is not supported on interactive tables."),
        )
    }

    /// `002741`: created with `INITIALIZE = ON_SCHEDULE` and not refreshed yet.
    pub fn not_initialized() -> Self {
        Self::new(
            2741,
            "55000",
            "Dynamic Table is not initialized. Please run a manual refresh or wait for a scheduled refresh before querying.",
        )
    }

    /// What this emulator does not have. Nothing is accepted and ignored.
    pub fn not_implemented(what: impl fmt::Display) -> Self {
        Self::new(
            2,
            "0A000",
            format!("Unsupported feature '{what}' (not implemented by the snowgauge emulator)."),
        )
    }

    /// `000603`: a fault of the emulator itself.
    pub fn internal(what: impl fmt::Display) -> Self {
        Self::new(603, "XX000", format!("SQL execution internal error: {what}"))
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06} ({}): {}", self.code, self.sqlstate, self.message)
    }
}

impl std::error::Error for SqlError {}
