//! What a case saw of a table that is kept fresh, as journals and reports have it.

use super::history::{Refresh, State};
use crate::suite::refresh::{AT, Refreshed, RefreshedKind};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A table that a case looked at, or one that such a table is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// In the suite's schema.
    pub table: String,
    pub kind: RefreshedKind,
    /// The tables that its query reads, by the names that they have in it.
    pub reads: Vec<String>,
    /// In milliseconds. `None` where it goes by tables downstream, or was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_target_ms: Option<u64>,
    /// Since the case began, by data timestamp.
    pub refreshes: Vec<Refresh>,
    /// Changes that it was waited for to show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<Shown>,
}

/// From a change to the first look at which the table was no older than it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub changed_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
}

impl Watched {
    pub fn new(table: &Refreshed) -> Self {
        Self {
            table: table.table(),
            kind: table.kind,
            reads: reads(&table.query),
            lag_target_ms: None,
            refreshes: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// Takes a history that was read, in the order of data timestamps. It is whole from its first
    /// row on: what was known of that time is replaced.
    pub fn add_history(&mut self, history: &[Refresh]) {
        let Some(first) = history.first() else { return };
        self.refreshes.retain(|it| it.data_timestamp < first.data_timestamp);
        self.refreshes.extend_from_slice(history);
    }

    pub fn add_state(&mut self, state: &State) {
        let lag = state.lag.filter(|it| !it.is_zero());
        if let Some(lag) = lag.and_then(|it| u64::try_from(it.as_millis()).ok()) {
            self.lag_target_ms = Some(lag);
        }
    }
}

/// `T_BASE` of `FROM T_BASE{at}`, and `DT_1` of `FROM {dt_1}`; each once, in order.
fn reads(query: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut rest = query;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        let name = match name {
            AT => before.rsplit(|it: char| !(it.is_alphanumeric() || "_.$".contains(it))).next(),
            name => Some(name),
        };
        let name = name.unwrap_or_default().to_uppercase();
        if !name.is_empty() && !found.contains(&name) {
            found.push(name);
        }
        rest = after;
    }
    found
}

/// Those that were looked at and all that they are made from, in the suite's order.
pub fn with_sources(tables: &[Refreshed], looked_at: &[Watched]) -> Vec<Watched> {
    let mut wanted: Vec<String> = looked_at.iter().map(|it| it.table.clone()).collect();
    let mut found = Vec::new();
    // A table only reads what is declared before it.
    for table in tables.iter().rev() {
        let name = table.table();
        if wanted.contains(&name) {
            let known = looked_at.iter().find(|it| it.table == name).cloned();
            let watched = known.unwrap_or_else(|| Watched::new(table));
            wanted.extend_from_slice(&watched.reads);
            found.push(watched);
        }
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_query_reads_is_in_its_text() {
        #[track_caller]
        fn check(query: &str, expected: &[&str]) {
            assert_eq!(reads(query), expected, "{query}");
        }
        check("SELECT K FROM T_BASE{at} GROUP BY K", &["T_BASE"]);
        check("SELECT 1 FROM T{at} A JOIN (S.U{at}) B, t{at}", &["T", "S.U"]);
        check("SELECT K FROM {dt_first} JOIN {orders}{at} O", &["DT_FIRST", "ORDERS"]);
        check("SELECT '{' AS OPEN FROM T", &[]);
    }

    #[test]
    fn a_later_history_replaces_what_it_covers() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        let refresh = |seconds, state: &str| Refresh {
            state: state.to_owned(),
            data_timestamp: at(seconds),
            ..Refresh::default()
        };
        let mut watched = Watched {
            table: "DT".to_owned(),
            kind: RefreshedKind::Dynamic,
            reads: Vec::new(),
            lag_target_ms: None,
            refreshes: Vec::new(),
            shown: Vec::new(),
        };
        watched.add_history(&[refresh(0, "SUCCEEDED"), refresh(48, "EXECUTING")]);
        watched.add_history(&[]);
        watched.add_history(&[refresh(48, "SUCCEEDED"), refresh(96, "EXECUTING")]);
        let states: Vec<&str> = watched.refreshes.iter().map(|it| it.state.as_str()).collect();
        assert_eq!(states, ["SUCCEEDED", "SUCCEEDED", "EXECUTING"]);
    }
}
