//! Rows of a refresh history. Columns go by name, in any letter case; others are ignored.

use super::{cell, instant, literal, oracle::Contents, sql_instant, text, whole};
use crate::{suite::refresh::RefreshedKind, target::Rows};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One refresh of one table, as far as the target tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Refresh {
    /// `SUCCEEDED`, `SKIPPED`, …; capitals.
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reinit_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_timestamp: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inserted_rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
}

impl Refresh {
    pub fn has_succeeded(&self) -> bool {
        self.state == "SUCCEEDED"
    }

    /// Whether nothing more will come of it.
    pub fn has_ended(&self) -> bool {
        !matches!(self.state.as_str(), "SCHEDULED" | "EXECUTING")
    }

    /// One line: `SUCCEEDED INCREMENTAL SCHEDULED at 12:00:48, 1 inserted, 0 deleted`.
    pub fn in_words(&self) -> String {
        let words = [Some(&self.state), self.action.as_ref(), self.trigger.as_ref()];
        let mut line: Vec<String> = words.into_iter().flatten().cloned().collect();
        if let Some(at) = self.data_timestamp {
            line.push(format!("at {}", at.format("%H:%M:%S%.3f")));
        }
        let mut line = line.join(" ");
        for (count, what) in [(self.inserted_rows, "inserted"), (self.deleted_rows, "deleted")] {
            if let Some(count) = count {
                line += &format!(", {count} {what}");
            }
        }
        for text in [&self.state_code, &self.reinit_reason, &self.state_message] {
            if let Some(text) = text.as_ref().filter(|it| !it.is_empty() && *it != "SUCCESS") {
                line += &format!(", {text}");
            }
        }
        line
    }
}

/// The history of a table from an instant on, oldest first.
pub fn query(kind: RefreshedKind, table: &str, since: Option<DateTime<Utc>>) -> String {
    let since = since
        .map_or_else(String::new, |it| format!(" WHERE DATA_TIMESTAMP >= {}", sql_instant(it)));
    format!(
        "SELECT * FROM TABLE(INFORMATION_SCHEMA.{}_TABLE_REFRESH_HISTORY(NAME => {}, \
         RESULT_LIMIT => 10000)){since} ORDER BY DATA_TIMESTAMP",
        kind.word(),
        literal(table)
    )
}

/// The rows of such a result.
pub fn refreshes(rows: &Rows) -> Vec<Refresh> {
    (0..rows.rows.len()).map(|row| refresh(rows, row)).collect()
}

fn refresh(rows: &Rows, row: usize) -> Refresh {
    let words = |column: &str| {
        cell(rows, row, column).and_then(text).filter(|it| !it.is_empty()).map(str::to_owned)
    };
    let time = |column: &str| cell(rows, row, column).and_then(instant);
    let statistics = words("STATISTICS").unwrap_or_default();
    let count = |key: &str| -> Option<u64> {
        let statistics: serde_json::Value = serde_json::from_str(&statistics).ok()?;
        let value = statistics.get(key)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    };
    Refresh {
        state: words("STATE").unwrap_or_default().to_uppercase(),
        state_code: words("STATE_CODE"),
        state_message: words("STATE_MESSAGE"),
        action: words("REFRESH_ACTION").map(|it| it.to_uppercase()),
        trigger: words("REFRESH_TRIGGER").map(|it| it.to_uppercase()),
        reinit_reason: words("REINIT_REASON"),
        data_timestamp: time("DATA_TIMESTAMP"),
        started_at: time("REFRESH_START_TIME"),
        ended_at: time("REFRESH_END_TIME"),
        inserted_rows: count("numInsertedRows"),
        deleted_rows: count("numDeletedRows"),
        query_id: words("QUERY_ID"),
    }
}

/// What no history of one table may have: data timestamps that go back, refreshes that overlap.
/// `refreshes` is in any order.
pub fn contradictions(refreshes: &[Refresh]) -> Vec<String> {
    let mut executed: Vec<&Refresh> = refreshes.iter().filter(|it| it.has_succeeded()).collect();
    executed.sort_by_key(|it| (it.ended_at, it.data_timestamp));
    let mut found = Vec::new();
    for pair in executed.windows(2) {
        let [before, after] = pair else { continue };
        if let (Some(earlier), Some(later)) = (before.data_timestamp, after.data_timestamp)
            && later < earlier
        {
            let (before, after) = (before.in_words(), after.in_words());
            found.push(format!("the data timestamp goes back: `{before}`, then `{after}`"));
        }
        if let (Some(ended), Some(started)) = (before.ended_at, after.started_at)
            && started < ended
        {
            let (before, after) = (before.in_words(), after.in_words());
            found.push(format!("refreshes overlap: `{before}` and `{after}`"));
        }
    }
    found
}

/// Whether the refreshes between two looks at a table account for what became of it. An error
/// says in which way they do not; without statistics nothing is said.
pub fn balance(history: &[Refresh], before: &Contents, after: &Contents) -> Result<(), String> {
    let is_between = |it: &&Refresh| {
        let is_between = |it| before.data_timestamp < it && it <= after.data_timestamp;
        it.has_succeeded() && it.data_timestamp.is_some_and(is_between)
    };
    let mut added: i128 = 0;
    let mut count = 0;
    let mut is_quiet = true;
    for it in history.iter().filter(is_between) {
        count += 1;
        if it.action.as_deref() == Some("NO_DATA") {
            continue;
        }
        is_quiet = false;
        let Some((inserted, deleted)) = it.inserted_rows.zip(it.deleted_rows) else {
            return Ok(());
        };
        added += i128::from(inserted) - i128::from(deleted);
    }
    if count > 0 && is_quiet && (before.count, &before.hash) != (after.count, &after.hash) {
        return Err("it has changed, and its refreshes say that there was no data".to_owned());
    }
    match count == 0 || added == after.count - before.count {
        true => Ok(()),
        false => Err(format!(
            "it went from {} to {} rows, and the statistics of its refreshes add up to {added:+}",
            before.count, after.count
        )),
    }
}

/// `SELECT CURRENT_TIMESTAMP()`, whose result [`instant`] reads.
pub const NOW: &str = "SELECT CURRENT_TIMESTAMP() AS NOW";

/// The instant in a result of [`NOW`].
pub fn now(rows: &Rows) -> Option<DateTime<Utc>> {
    rows.rows.first()?.first().and_then(instant)
}

/// What a target says of a table's state now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// By the target's clock, when it was asked.
    pub now: Option<DateTime<Utc>>,
    /// `None`: it has no contents yet.
    pub data_timestamp: Option<DateTime<Utc>>,
    /// `None` where it goes by tables downstream.
    pub lag: Option<std::time::Duration>,
}

/// The state of a table of either kind.
pub fn state_query(table: &str) -> String {
    format!(
        "SELECT CURRENT_TIMESTAMP() AS NOW, LATEST_DATA_TIMESTAMP, TARGET_LAG_SEC \
         FROM TABLE(INFORMATION_SCHEMA.DYNAMIC_TABLES(NAME => {}))",
        literal(table)
    )
}

/// The state in a result of [`state_query`]. `None`: the target does not know of such a table.
pub fn state(rows: &Rows) -> Option<State> {
    rows.rows.first()?;
    let time = |column: &str| cell(rows, 0, column).and_then(instant);
    let lag = cell(rows, 0, "TARGET_LAG_SEC").and_then(whole);
    Some(State {
        now: time("NOW"),
        data_timestamp: time("LATEST_DATA_TIMESTAMP"),
        lag: lag.and_then(|it| u64::try_from(it).ok()).map(std::time::Duration::from_secs),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Column, Type, Value};

    fn at(seconds: i64) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(1_767_225_600 + seconds, 0)
    }

    fn done(data: i64, started: i64, ended: i64) -> Refresh {
        Refresh {
            state: "SUCCEEDED".to_owned(),
            data_timestamp: at(data),
            started_at: at(started),
            ended_at: at(ended),
            ..Refresh::default()
        }
    }

    #[test]
    fn rows_go_by_the_names_of_columns() {
        let column =
            |name: &str, data_type| Column { name: name.to_owned(), data_type, nullable: true };
        let rows = Rows {
            columns: vec![
                column("GRAPH", Type::Text),
                column("state", Type::Text),
                column("Data_Timestamp", Type::TimestampLtz { scale: 3 }),
                column("STATISTICS", Type::Variant),
                column("REFRESH_END_TIME", Type::TimestampLtz { scale: 3 }),
            ],
            rows: vec![vec![
                Value::Null,
                Value::Text("succeeded".to_owned()),
                Value::TimestampLtz(at(48).unwrap()),
                Value::Json(r#"{"numInsertedRows": 3, "numDeletedRows": "2"}"#.to_owned()),
                Value::Null,
            ]],
            affected: None,
        };
        let found = refreshes(&rows);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].in_words(), "SUCCEEDED at 00:00:48.000, 3 inserted, 2 deleted");
        assert!(found[0].has_succeeded() && found[0].ended_at.is_none());
    }

    /// An action, and rows inserted and deleted.
    type Told = (&'static str, Option<(u64, u64)>);

    #[test]
    fn statistics_have_to_add_up() {
        #[track_caller]
        fn check(refreshes: &[Told], grown: i128, expected: Result<(), &str>) {
            let refresh = |(at, told): (usize, &Told)| Refresh {
                action: Some(told.0.to_owned()),
                inserted_rows: told.1.map(|it| it.0),
                deleted_rows: told.1.map(|it| it.1),
                ..done(48 * (at as i64 + 1), 0, 0)
            };
            let history: Vec<Refresh> = refreshes.iter().enumerate().map(refresh).collect();
            let contents = |seconds, count: i128| Contents {
                data_timestamp: at(seconds).unwrap(),
                count,
                hash: count.to_string(),
            };
            let found = balance(&history, &contents(0, 10), &contents(480, 10 + grown));
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check(&[("INCREMENTAL", Some((3, 1))), ("NO_DATA", None)], 2, Ok(()));
        check(&[("INCREMENTAL", None)], 5, Ok(()));
        check(&[], 5, Ok(()));
        check(&[("NO_DATA", None)], 0, Ok(()));
        check(
            &[("NO_DATA", None)],
            1,
            Err("it has changed, and its refreshes say that there was no data"),
        );
        check(
            &[("INCREMENTAL", Some((3, 1)))],
            3,
            Err("it went from 10 to 13 rows, and the statistics of its refreshes add up to +2"),
        );
    }

    #[test]
    fn contradictions_are_told_with_both_rows() {
        #[track_caller]
        fn check(refreshes: &[Refresh], expected: &[&str]) {
            assert_eq!(contradictions(refreshes), expected);
        }
        check(&[done(0, 1, 2), done(48, 49, 50), done(96, 97, 99)], &[]);
        check(&[done(48, 49, 50), done(0, 1, 2)], &[]);
        check(
            &[done(48, 49, 50), done(0, 97, 98)],
            &["the data timestamp goes back: `SUCCEEDED at 00:00:48.000`, then `SUCCEEDED at \
               00:00:00.000`"],
        );
        check(
            &[done(0, 1, 60), done(48, 59, 70)],
            &["refreshes overlap: `SUCCEEDED at 00:00:00.000` and `SUCCEEDED at 00:00:48.000`"],
        );
        let failed = Refresh { state: "FAILED".to_owned(), ..done(0, 59, 60) };
        check(&[done(48, 49, 50), failed], &[]);
    }
}
