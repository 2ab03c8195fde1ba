//! Likely causes of what a case met, and what to do: rules over what was executed and answered.
//!
//! A rule sees the statement that the outcome is about, what came of it, and what the suite did
//! before. It knows neither the suite's format nor where it runs. That none applies is usual: a
//! guess that is wrong costs more than none.

mod access;
mod history;
mod limit;
mod tables;
#[cfg(test)]
mod tests;
mod warehouses;

pub use history::History;

use crate::{
    suite::Release,
    target::{Refusal, Rows},
};
use history::{Moved, plain_name, tokens};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A likely cause of an outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The rule's name, which is stable.
    pub rule: String,
    pub cause: String,
    pub remedy: String,
    /// Where it is known from.
    pub source: String,
}

/// What an outcome looks like that has a known cause.
pub struct Rule {
    pub name: &'static str,
    pub cause: &'static str,
    pub remedy: &'static str,
    pub source: &'static str,
    holds: fn(&Scene<'_>) -> bool,
}

/// Every rule. The first that holds is told, so that the special ones stand before the general.
pub const RULES: [&Rule; 34] = [
    &warehouses::SWITCHED_BY_CREATE,
    &warehouses::FALLBACK_IS_FOR_TIMEOUTS,
    &warehouses::SWITCHED_BY_USE,
    &warehouses::STATEMENT_TYPE,
    &warehouses::NO_ALTER_INTERACTIVE_WAREHOUSE,
    &warehouses::TABLES_IN_PARENTHESES,
    &warehouses::ALREADY_RUNNING,
    &warehouses::RESIZED_WHILE_RUNNING,
    &warehouses::SUSPENDED,
    &warehouses::NO_WAREHOUSE,
    &limit::FALLBACK_HID_TIMEOUT,
    &limit::FALLBACK_DID_NOT_HELP,
    &limit::SHOWN_TIMEOUT,
    &limit::LOWERED_TIMEOUT,
    &limit::OTHER_FILTER,
    &limit::COLD_CACHE,
    &limit::QUEUED,
    &limit::FIVE_SECONDS,
    &limit::STATEMENT_TIMEOUT,
    &limit::LITTLE_IMPROVEMENT,
    &tables::REPLACED_AND_DETACHED,
    &tables::NOT_BOUND,
    &tables::STANDARD_TABLE,
    &tables::NO_CLUSTER_KEYS,
    &access::FUTURE_TABLES,
    &tables::NOT_FOUND,
    &tables::ONLY_OVERWRITE,
    &tables::NOT_REFRESHED_YET,
    &tables::STATIC_TABLE,
    &tables::NO_ROWS_ELSEWHERE,
    &tables::NO_ROWS,
    &access::MISSING_PRIVILEGE,
    &access::REPLICATION,
    &access::NOT_AVAILABLE,
];

/// The rules as a table of the documents.
pub fn table() -> String {
    let row =
        |it: &&Rule| format!("| `{}` | {} | {} | {} |\n", it.name, it.cause, it.remedy, it.source);
    let rows: String = RULES.iter().map(row).collect();
    format!("| rule | likely cause | remedy | source |\n|---|---|---|---|\n{rows}")
}

/// The first rule that holds.
pub fn diagnose(scene: &Scene<'_>) -> Option<Diagnosis> {
    RULES.iter().find(|it| (it.holds)(scene)).map(|it| Diagnosis {
        rule: it.name.to_owned(),
        cause: it.cause.to_owned(),
        remedy: it.remedy.to_owned(),
        source: it.source.to_owned(),
    })
}

/// What an outcome is about, and what is known beside it.
pub struct Scene<'a> {
    pub sql: &'a str,
    pub session: &'a str,
    /// Where it was executed; none is empty.
    pub warehouse: &'a str,
    pub elapsed: Duration,
    pub came: Came<'a>,
    pub wanted: Wanted,
    /// What the suite did before.
    pub history: &'a History,
    pub release: Option<Release>,
}

/// What the server answered.
#[derive(Clone, Copy, Debug)]
pub enum Came<'a> {
    Refused(&'a Refusal),
    Rows(&'a Rows),
}

/// What was expected instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Refusal,
    /// A result, or another one.
    Result,
    /// The result that came, sooner.
    Sooner,
}

/// How many words of a result are looked at.
const CELLS_MAX: usize = 50;

impl Scene<'_> {
    fn refusal(&self) -> Option<&Refusal> {
        match self.came {
            Came::Refused(it) => Some(it),
            Came::Rows(_) => None,
        }
    }

    fn is_refused_with(&self, code: &str) -> bool {
        self.refusal().is_some_and(|it| it.code == code)
    }

    /// Whether it was refused with a text that has `part` in it, in any case.
    fn is_refused_saying(&self, part: &str) -> bool {
        let part = part.to_lowercase();
        self.refusal().is_some_and(|it| it.message.to_lowercase().contains(&part))
    }

    fn rows(&self) -> Option<&Rows> {
        match self.came {
            Came::Rows(it) => Some(it),
            Came::Refused(_) => None,
        }
    }

    /// Whether a cell is this text.
    fn has_cell(&self, text: &str) -> bool {
        self.rows().is_some_and(|it| {
            let cells = it.rows.iter().flat_map(|row| row.iter().zip(&it.columns));
            cells.take(CELLS_MAX).any(|(value, column)| value.text(&column.data_type) == text)
        })
    }

    fn is_on_interactive(&self) -> bool {
        self.history.is_interactive(self.warehouse)
    }

    fn warehouse(&self) -> String {
        plain_name(self.warehouse)
    }

    fn words(&self) -> Vec<String> {
        tokens(self.sql)
    }

    fn starts_with(&self, words: &[&str]) -> bool {
        let found = self.words();
        words.len() <= found.len() && words.iter().zip(&found).all(|(a, b)| a == b)
    }

    fn has_word(&self, word: &str) -> bool {
        self.words().iter().any(|it| it == word)
    }

    fn is_query(&self) -> bool {
        self.starts_with(&["SELECT"]) || self.starts_with(&["WITH"])
    }

    /// How the session came to where it is, if it is not where it started.
    fn moved(&self) -> Option<&Moved> {
        self.history.moved(self.session).filter(|it| it.to == self.warehouse())
    }
}
