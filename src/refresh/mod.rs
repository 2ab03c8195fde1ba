//! Whether tables that are kept fresh from a query are what they should be, through SQL alone.
//!
//! - [`oracle`]: a table against its definition at its data timestamp.
//! - [`fuzz`]: random definitions and DML, and making small what goes wrong.
//! - [`history`]: rows of a refresh history, whatever target they come from.
//! - [`judge`]: a history against what a suite expects of it.
//! - [`lag`]: how long rows take to be visible, as a distribution.
//! - [`schedule`]: whether a scheduler can have made a history, and rows of it from a file.
//! - [`ticks`]: what the data timestamps of tables have to do with each other.
//! - [`watched`]: what a case saw of such tables, for reports.
//!
//! Nothing here knows suites or targets: statements are asked of an [`Ask`].

pub mod fuzz;
pub mod history;
pub mod judge;
pub mod lag;
pub mod oracle;
pub mod schedule;
pub mod ticks;
pub mod watched;

use crate::target::{Refusal, Rows, Value};
use chrono::{DateTime, SecondsFormat, Utc};
use futures::future::BoxFuture;
use std::time::Duration;

/// Somebody who gets statements answered, on one session.
pub trait Ask: Send {
    /// Every ending but an answer of the server.
    type Lost: Send;

    fn ask<'a>(
        &'a mut self,
        sql: &'a str,
    ) -> BoxFuture<'a, Result<Result<Rows, Refusal>, Self::Lost>>;

    /// Waits in the target's time.
    fn pause(&mut self, duration: Duration) -> BoxFuture<'_, Result<(), Self::Lost>>;
}

/// The instant as a value of SQL that no session parameter changes.
pub fn sql_instant(at: DateTime<Utc>) -> String {
    let text = at.to_rfc3339_opts(SecondsFormat::AutoSi, false).replace('T', " ");
    format!("'{}'::TIMESTAMP_LTZ", text.replace('+', " +"))
}

/// A text as a literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// The cell of the first row in this column, whatever the letter case of its name.
pub fn cell<'a>(rows: &'a Rows, row: usize, column: &str) -> Option<&'a Value> {
    let at = rows.columns.iter().position(|it| it.name.eq_ignore_ascii_case(column))?;
    rows.rows.get(row)?.get(at)
}

/// The cell as an instant. One without a zone is taken to be in UTC.
pub fn instant(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::TimestampLtz(it) => Some(*it),
        Value::TimestampTz(it) => Some(it.with_timezone(&Utc)),
        Value::TimestampNtz(it) => Some(it.and_utc()),
        Value::Text(it) => DateTime::parse_from_rfc3339(it).ok().map(|it| it.with_timezone(&Utc)),
        _ => None,
    }
}

/// The cell as a whole number.
pub fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Number { digits, scale: 0 } => Some(*digits),
        Value::Text(it) | Value::Json(it) => it.trim().parse().ok(),
        _ => None,
    }
}

/// The cell as a text; nothing where it is NULL or something else.
pub fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(it) | Value::Json(it) => Some(it),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_with_their_zone() {
        #[track_caller]
        fn check(micros: i64, expected: &str) {
            let at = DateTime::from_timestamp_micros(micros).unwrap();
            assert_eq!(sql_instant(at), expected);
        }
        check(1_767_225_600_000_000, "'2026-01-01 00:00:00 +00:00'::TIMESTAMP_LTZ");
        check(1_767_225_600_500_000, "'2026-01-01 00:00:00.500 +00:00'::TIMESTAMP_LTZ");
        check(1_767_225_600_000_001, "'2026-01-01 00:00:00.000001 +00:00'::TIMESTAMP_LTZ");
    }

    #[test]
    fn quotes_in_literals_are_doubled() {
        assert_eq!(literal(r"D.S.\'x'"), r"'D.S.\\''x'''");
    }
}
