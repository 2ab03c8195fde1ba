//! Likely causes of what a case met, from rules. A rule that does not apply says nothing.

use crate::target::Refusal;

/// A rule: part of a code or message, and what to do about it.
struct Rule {
    code: Option<&'static str>,
    message: Option<&'static str>,
    hint: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        code: Some("010402"),
        message: None,
        hint: "before zero-copy, an interactive warehouse reads only tables that are attached to \
               it: `ALTER WAREHOUSE … ADD TABLES (…)`. `CREATE OR REPLACE` of an attached table \
               detaches it",
    },
    Rule {
        code: None,
        message: Some("Querying non-interactive table"),
        hint: "before zero-copy, an interactive warehouse reads interactive tables only; use the \
               session `standard`, or limit the case to `zero-copy`",
    },
    Rule {
        code: Some("000630"),
        message: None,
        hint: "an interactive warehouse cancels every statement after five seconds",
    },
    Rule {
        code: None,
        message: Some("Cannot run statement type"),
        hint: "interactive warehouses run queries and little else; use the session `standard`",
    },
    Rule {
        code: Some("000606"),
        message: None,
        hint: "the session has no warehouse; a case that drops or creates one should `USE` another",
    },
    Rule {
        code: Some("390201"),
        message: None,
        hint: "the object is there for others: the login's role needs USAGE on it",
    },
    Rule {
        code: Some("003001"),
        message: None,
        hint: "the login's role lacks a privilege; a run needs CREATE SCHEMA on the database and \
               CREATE WAREHOUSE on the account",
    },
];

/// Zero rows from an interactive warehouse had a known cause before refusals took its place.
const NO_ROWS: &str = "an empty answer from an interactive warehouse may mean that the table is \
                       not attached to it, rather than that it is empty";

pub fn for_refusal(refusal: &Refusal) -> Option<String> {
    RULES
        .iter()
        .find(|rule| {
            rule.code.is_none_or(|it| it == refusal.code)
                && rule.message.is_none_or(|it| refusal.message.contains(it))
        })
        .map(|rule| rule.hint.to_owned())
}

/// `warehouse_is_interactive`: as far as the harness knows.
pub fn for_no_rows(warehouse_is_interactive: bool) -> Option<String> {
    warehouse_is_interactive.then(|| NO_ROWS.to_owned())
}
