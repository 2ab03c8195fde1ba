//! Patterns that anything matches, and comparing that nothing needs.

use super::{Lint, Rule, Scope, sql::Look};
use crate::suite::{
    Action, Cell, Expect, ExpectedRefusal, ExpectedRows, MessageMatch, RowsExpected, Step,
};
use regex::Regex;

pub const MATCHES_ANYTHING: Rule = Rule {
    name: "matches-anything",
    finds: "a `<slt:ignore>` or a pattern with nothing round it, which any text matches",
    remedy: "say what is known of the text; leave a column of no matter out of the query; `count` \
             compares how many rows there are, `error: any` expects any refusal",
};

pub const IDLE_TOLERANCE: Rule = Rule {
    name: "idle-tolerance",
    finds: "a `tolerance` where no expected cell is a number",
    remedy: "take it out; texts are compared exactly",
};

/// Texts that have little in common: what matches all of them matches anything.
const TEXTS: [&str; 6] = ["", "x", "-17.5", "two words\tand more", "NULL", "Ünïcode ☃"];

pub fn step(step: &Step, scope: Scope, lint: &mut Lint<'_>) {
    let Action::Execute { sql, .. } = &step.action else { return };
    for expectation in &step.expect {
        match &expectation.outcome {
            Expect::Rows(rows) => {
                if let Some(what) = anything(rows, sql) {
                    lint.warn(&MATCHES_ANYTHING, scope, &expectation.span, what);
                }
                if let (Some(tolerance), false) = (rows.tolerance, has_number(&rows.rows)) {
                    let what = format!("no expected cell is a number that {tolerance} could be of");
                    lint.warn(&IDLE_TOLERANCE, scope, &expectation.span, what);
                }
            }
            Expect::Refused(ExpectedRefusal {
                code,
                sqlstate,
                message: Some(MessageMatch::Regex(pattern)),
            }) => {
                // It is searched for, so that one which may be empty is found in any text.
                let is_idle = Regex::new(pattern).is_ok_and(|it| it.is_match(""));
                if is_idle {
                    let what = match (code, sqlstate) {
                        (None, None) => format!("any refusal matches `{pattern}`"),
                        _ => format!("any message matches `{pattern}`"),
                    };
                    lint.warn(&MATCHES_ANYTHING, scope, &expectation.span, what);
                }
            }
            Expect::Ok
            | Expect::Affected(_)
            | Expect::Refused(_)
            | Expect::SameAs { .. }
            | Expect::Sides(_)
            | Expect::Recorded => {}
        }
    }
}

/// What is wrong with cells that match anything. One of several columns is no mistake where the
/// query could not have left it out: that of SHOW, or one of `*`.
fn anything(rows: &ExpectedRows, sql: &str) -> Option<String> {
    let is_anything = |cell: &Cell| match cell {
        Cell::Ignore(parts) => parts.iter().all(String::is_empty),
        Cell::Regex(pattern) => Regex::new(&format!("^(?:{pattern})$"))
            .is_ok_and(|it| TEXTS.iter().all(|text| it.is_match(text))),
        Cell::Text(_) | Cell::Null | Cell::NotRegex(_) => false,
    };
    match &rows.rows {
        RowsExpected::Rows(rows) | RowsExpected::Contains(rows) => {
            let whole = rows.iter().position(|it| !it.is_empty() && it.iter().all(is_anything));
            if let Some(at) = whole {
                return Some(format!("any row matches row {}", at + 1));
            }
            Look::at(sql).columns()?;
            let column = (0..rows.first()?.len())
                .find(|&column| rows.iter().all(|row| row.get(column).is_some_and(is_anything)))?;
            Some(format!("anything matches column {}", column + 1))
        }
        RowsExpected::Values(values) => {
            let is_all = !values.is_empty() && values.iter().all(is_anything);
            is_all.then(|| "anything matches these values".to_owned())
        }
        RowsExpected::Hash { .. } | RowsExpected::Count { .. } => None,
    }
}

fn has_number(rows: &RowsExpected) -> bool {
    let is_number = |it: &Cell| matches!(it, Cell::Text(text) if text.parse::<f64>().is_ok());
    match rows {
        RowsExpected::Rows(rows) | RowsExpected::Contains(rows) => {
            rows.iter().flatten().any(is_number)
        }
        RowsExpected::Values(values) => values.iter().any(is_number),
        RowsExpected::Hash { .. } | RowsExpected::Count { .. } => true,
    }
}
