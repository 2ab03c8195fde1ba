//! Tables that cannot be read, cannot be written, or hold something else.

use super::{
    Rule, Scene, Wanted,
    history::{Deed, plain_name},
};
use crate::suite::Release;

pub const REPLACED_AND_DETACHED: Rule = Rule {
    name: "replaced-and-detached",
    cause: "CREATE OR REPLACE makes another table of the name, so that the attached one is gone \
            from the warehouse without a word",
    remedy: "attach it again by `ALTER WAREHOUSE … ADD TABLES (…)`; INSERT OVERWRITE replaces the \
             rows and keeps attachment and grants",
    source: "a public payments project and a fleet dashboard on live accounts (S-33, S-34)",
    holds: |it| {
        if !it.is_refused_with(NOT_BOUND_CODE) {
            return false;
        }
        let named = words_of(it);
        let attached = |table: &str| {
            it.history.last(|deed| {
                matches!(deed,
                Deed::Attached { tables, .. } if tables.iter().any(|it| it == table))
            })
        };
        named.iter().any(|table| {
            let replaced = it.history.last(|deed| {
                matches!(deed,
                Deed::Made(made) if made.table == *table && made.is_replaced)
            });
            matches!((attached(table), replaced), (Some(attached), Some(replaced))
                if attached < replaced)
        })
    },
};

pub const NOT_BOUND: Rule = Rule {
    name: "not-bound",
    cause: "before zero-copy, an interactive warehouse reads only the tables that are attached to \
            it",
    remedy: "`ALTER WAREHOUSE … ADD TABLES (…)`, from a session on a standard warehouse",
    source: "a public payments project on a live account (L-32); seed: troubleshooting",
    holds: |it| it.is_refused_with(NOT_BOUND_CODE) || it.is_refused_saying("is not bound to the"),
};

pub const STANDARD_TABLE: Rule = Rule {
    name: "standard-table",
    cause: "before zero-copy, an interactive warehouse reads interactive tables only",
    remedy: "read it on the session `standard`, make an interactive table of it, or limit the case \
             to `zero-copy`",
    source: "ClickHouse/CostBench runbook (S-01)",
    holds: |it| it.is_refused_saying("non-interactive table"),
};

pub const NO_CLUSTER_KEYS: Rule = Rule {
    name: "no-cluster-keys",
    cause: "an interactive table needs clustering keys",
    remedy: "`CREATE INTERACTIVE TABLE … CLUSTER BY (…)`, by what it is looked up by",
    source: "public agent skills (S-03)",
    holds: |it| it.is_refused_saying("must contain clustering keys"),
};

pub const NOT_FOUND: Rule = Rule {
    name: "not-found-there",
    cause: "the table is not there for this role; or, as older documents have it, it is there and \
            not attached to the interactive warehouse",
    remedy: "`ALTER WAREHOUSE … ADD TABLES (…)`; read it on a standard warehouse to tell the two \
             apart",
    source: "seed: troubleshooting, object not found; contradicted by L-32",
    holds: |it| {
        it.is_refused_with("002003")
            && it.is_query()
            && it.is_on_interactive()
            && it.release.is_none_or(|it| it < Release::ZeroCopy)
    },
};

pub const ONLY_OVERWRITE: Rule = Rule {
    name: "only-overwrite",
    cause: "an interactive table takes INSERT OVERWRITE and no other DML",
    remedy: "change the table that it is made from, or INSERT OVERWRITE the whole of it on a \
             standard warehouse",
    source: "docs: interactive tables, limitations (L-09)",
    holds: |it| {
        let words = it.words();
        let is_dml = words.first().is_some_and(|it| {
            matches!(it.as_str(), "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "TRUNCATE")
        });
        let is_interactive = || {
            let made = it.history.made(&words);
            made.iter().any(|it| it.is_interactive) || it.is_refused_saying("interactive table")
        };
        let is_not_there = it.is_refused_with("002003");
        it.refusal().is_some()
            && is_dml
            && !it.has_word("OVERWRITE")
            && !is_not_there
            && is_interactive()
    },
};

pub const NOT_REFRESHED_YET: Rule = Rule {
    name: "not-refreshed-yet",
    cause: "the table follows its source by its TARGET_LAG, and was not refreshed since the source \
            changed",
    remedy: "look again by `within`, for twice the lag; see whether dynamic tables that it is made \
             from were refreshed",
    source: "seed: troubleshooting, data not appearing",
    holds: |it| reads_changed(it, true),
};

pub const STATIC_TABLE: Rule = Rule {
    name: "static-table",
    cause: "without TARGET_LAG an interactive table is a copy of its query's rows, and never \
            follows its source",
    remedy: "give it a TARGET_LAG and a WAREHOUSE, or INSERT OVERWRITE it",
    source: "docs: interactive tables (R-06)",
    holds: |it| reads_changed(it, false),
};

pub const NO_ROWS_ELSEWHERE: Rule = Rule {
    name: "no-rows-elsewhere",
    cause: "an interactive table was read from another warehouse than an interactive one; the seed \
            saw such queries answer with no rows",
    remedy: "`USE WAREHOUSE` of an interactive one that the table is attached to",
    source: "seed: troubleshooting, queries returning 0 rows; not confirmed by anybody else",
    holds: |it| {
        let made = it.history.made(&it.words());
        is_empty(it) && !it.is_on_interactive() && made.iter().any(|it| it.is_interactive)
    },
};

pub const NO_ROWS: Rule = Rule {
    name: "no-rows",
    cause: "an empty answer of an interactive warehouse may mean that the table is not attached to \
            it, rather than that it is empty",
    remedy: "read it on a standard warehouse; `SHOW WAREHOUSES` tells what is attached",
    source: "docs of the preview; refusals took its place (L-32)",
    holds: |it| {
        let can_be = it.release.is_none_or(|it| it < Release::ZeroCopy);
        is_empty(it) && it.is_on_interactive() && it.has_word("FROM") && can_be
    },
};

const NOT_BOUND_CODE: &str = "010402";

/// Whether a query was to have rows and has none.
fn is_empty(it: &Scene<'_>) -> bool {
    it.is_query() && it.wanted == Wanted::Result && it.rows().is_some_and(|it| it.rows.is_empty())
}

/// Whether it reads a table, with a lag or without one, whose sources were written to since it was
/// made.
fn reads_changed(it: &Scene<'_>, has_lag: bool) -> bool {
    let is_other_result = it.rows().is_some() && it.wanted == Wanted::Result && it.is_query();
    is_other_result
        && it
            .history
            .made(&it.words())
            .into_iter()
            .any(|made| made.has_lag == has_lag && it.history.is_behind(made))
}

/// Names in the statement and in the refusal.
fn words_of(it: &Scene<'_>) -> Vec<String> {
    let message = it.refusal().map(|it| it.message.as_str()).unwrap_or_default();
    let said = super::tokens(message);
    it.words().iter().chain(&said).map(|it| plain_name(it)).collect()
}
