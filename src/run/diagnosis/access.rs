//! What a role or an account may not do.

use super::{Rule, Scene, history::Deed};

pub const FUTURE_TABLES: Rule = Rule {
    name: "future-tables",
    cause: "grants ON FUTURE TABLES do not cover interactive tables",
    remedy: "`GRANT … ON FUTURE INTERACTIVE TABLES IN SCHEMA …`, and ON ALL for those that are \
             there",
    source: "Terraform provider; observed on a live account",
    holds: |it| {
        let is_granted = it.history.last(|it| *it == Deed::GrantedFutureTables).is_some();
        is_granted && (it.is_refused_with("002003") || is_denied(it))
    },
};

pub const MISSING_PRIVILEGE: Rule = Rule {
    name: "missing-privilege",
    cause: "the login's role lacks a privilege; a run needs CREATE SCHEMA on the database, and \
            CREATE WAREHOUSE on the account",
    remedy: "grant it, or give the connection another role",
    source: "a public payments project on a live account (S-32)",
    holds: is_denied,
};

pub const REPLICATION: Rule = Rule {
    name: "replication",
    cause: "interactive tables and warehouses were no part of replication and failover groups \
            before mid-2026",
    remedy: "leave them out of the group; make them again in the other account",
    source: "docs: interactive tables, replication",
    holds: |it| {
        let is_group = it.has_word("REPLICATION") || it.has_word("FAILOVER");
        it.refusal().is_some() && (is_group || it.is_refused_saying("replication"))
    },
};

pub const NOT_AVAILABLE: Rule = Rule {
    name: "not-available",
    cause: "the account's region, cloud or edition does not have interactive tables and \
            warehouses, or does not have them enabled",
    remedy: "compare `SELECT CURRENT_REGION()` with the documents' list of regions; if it is \
             there, ask the account's support",
    source: "docs: interactive tables, availability (A-03 to A-05)",
    holds: |it| {
        let words = it.words();
        let creates = words.first().is_some_and(|it| it == "CREATE")
            && words.iter().take(6).any(|it| it == "INTERACTIVE");
        let is_missing = ["unsupported feature", "not supported", "not enabled", "not available"]
            .iter()
            .any(|part| it.is_refused_saying(part));
        creates && is_missing
    },
};

fn is_denied(it: &Scene<'_>) -> bool {
    it.is_refused_with("003001") || it.is_refused_with("390201")
}
