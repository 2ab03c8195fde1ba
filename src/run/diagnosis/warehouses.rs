//! Where a statement runs, and what that allows.

use super::{Rule, Scene, Wanted, history::Deed, history::How};

pub const SWITCHED_BY_CREATE: Rule = Rule {
    name: "switched-by-create",
    cause: "CREATE INTERACTIVE WAREHOUSE made the new warehouse the session's, so that what came \
            after it ran there",
    remedy: "`USE WAREHOUSE` of a standard one right after creating it",
    source: "Terraform provider acceptance tests (S-19)",
    holds: |it| {
        let moved = it.moved().is_some_and(|it| it.how == How::Create);
        moved && it.is_on_interactive() && is_refused_by_kind(it)
    },
};

pub const SWITCHED_BY_USE: Rule = Rule {
    name: "switched-by-use",
    cause: "an earlier `USE WAREHOUSE` left the session on the other kind of warehouse",
    remedy: "use the sessions `standard` and `interactive` instead of `USE`, or go back at once",
    source: "docs: USE WAREHOUSE",
    holds: |it| {
        let moved = it.moved().is_some_and(|it| it.how == How::Use);
        match (moved, it.session == "interactive") {
            (false, _) => false,
            // Its own warehouse is where it was meant to be.
            (true, false) => it.is_on_interactive() && is_refused_by_kind(it),
            (true, true) => {
                !it.is_on_interactive() && it.wanted == Wanted::Refusal && it.rows().is_some()
            }
        }
    },
};

pub const FALLBACK_IS_FOR_TIMEOUTS: Rule = Rule {
    name: "fallback-is-for-timeouts",
    cause: "a fallback warehouse takes over what ran out of time, and no kind of statement that \
            the interactive one refuses",
    remedy: "execute it on a standard warehouse",
    source: "a public fleet dashboard on a live account (L-07)",
    holds: |it| is_statement_type(it) && it.history.fallback(it.warehouse).is_some(),
};

pub const STATEMENT_TYPE: Rule = Rule {
    name: "statement-type",
    cause: "an interactive warehouse runs queries, SHOW and little else",
    remedy: "execute it on the session `standard`",
    source: "docs: interactive warehouses, limitations (L-12 to L-14)",
    holds: is_statement_type,
};

pub const NO_ALTER_INTERACTIVE_WAREHOUSE: Rule = Rule {
    name: "no-alter-interactive-warehouse",
    cause: "there is no ALTER INTERACTIVE WAREHOUSE, nor `SET TABLES` or `REMOVE TABLES`",
    remedy: "`ALTER WAREHOUSE … ADD TABLES (…)`, `… DROP TABLES (…)`, `… RESUME`",
    source: "a public payments project on a live account (S-28, S-29)",
    holds: |it| {
        let is_alter = it.starts_with(&["ALTER", "INTERACTIVE", "WAREHOUSE"]);
        let is_tables = it.starts_with(&["ALTER", "WAREHOUSE"])
            && it
                .words()
                .windows(2)
                .any(|it| matches!(it[0].as_str(), "SET" | "REMOVE") && it[1] == "TABLES");
        it.is_refused_with("001003") && (is_alter || is_tables)
    },
};

pub const TABLES_IN_PARENTHESES: Rule = Rule {
    name: "tables-in-parentheses",
    cause: "the tables of `ADD TABLES` and `DROP TABLES` stand in parentheses, even a single one",
    remedy: "`ALTER WAREHOUSE … ADD TABLES (A, B)`",
    source: "docs: ALTER WAREHOUSE; ClickHouse/CostBench runbook (S-25)",
    holds: |it| {
        it.is_refused_with("001003")
            && it.starts_with(&["ALTER", "WAREHOUSE"])
            && it.words().windows(3).any(|it| {
                matches!(it[0].as_str(), "ADD" | "DROP") && it[1] == "TABLES" && it[2] != "("
            })
    },
};

pub const ALREADY_RUNNING: Rule = Rule {
    name: "already-running",
    cause: "RESUME of a warehouse that runs is an error",
    remedy: "`ALTER WAREHOUSE … RESUME IF SUSPENDED`",
    source: "docs: ALTER WAREHOUSE (S-30)",
    holds: |it| {
        it.refusal().is_some()
            && it.starts_with(&["ALTER", "WAREHOUSE"])
            && it.has_word("RESUME")
            && !it.has_word("SUSPENDED")
            && !is_not_there(it)
    },
};

pub const RESIZED_WHILE_RUNNING: Rule = Rule {
    name: "resized-while-running",
    cause: "an interactive warehouse cannot be resized while it runs",
    remedy: "suspend it, resize it, resume it",
    source: "Terraform provider (S-31)",
    holds: |it| {
        let named = it.words().get(2).is_some_and(|name| it.history.is_interactive(name));
        let is_resize = it.starts_with(&["ALTER", "WAREHOUSE"]) && it.has_word("WAREHOUSE_SIZE");
        it.refusal().is_some() && is_resize && named && !is_not_there(it)
    },
};

pub const SUSPENDED: Rule = Rule {
    name: "suspended-warehouse",
    cause: "the warehouse is suspended: interactive ones need not resume by themselves, and older \
            releases make them suspended",
    remedy: "`ALTER WAREHOUSE … RESUME IF SUSPENDED`, and wait for its cache to warm",
    source: "docs: CREATE INTERACTIVE WAREHOUSE; SQLSTATE by FlakeBench (L-36)",
    holds: |it| {
        let here = it.warehouse();
        let of_it = |deed: &Deed| match deed {
            Deed::Suspended { warehouse } | Deed::Started { warehouse } => *warehouse == here,
            _ => false,
        };
        let last = it.history.last(of_it).and_then(|at| it.history.deeds().get(at));
        let was_suspended = matches!(last, Some(Deed::Suspended { .. }));
        is_without_warehouse(it)
            && !here.is_empty()
            && (was_suspended || it.is_on_interactive() || it.is_refused_saying("suspended"))
    },
};

pub const NO_WAREHOUSE: Rule = Rule {
    name: "no-warehouse",
    cause: "the session has no warehouse: none was chosen, or the chosen one was dropped",
    remedy: "`USE WAREHOUSE` of one that is there, after dropping the session's own",
    source: "docs: USE WAREHOUSE; DROP WAREHOUSE",
    holds: is_without_warehouse,
};

fn is_statement_type(it: &Scene<'_>) -> bool {
    it.is_refused_saying("cannot run statement type")
}

fn is_without_warehouse(it: &Scene<'_>) -> bool {
    it.is_refused_with("000606") || it.refusal().is_some_and(|it| it.sqlstate == "57P03")
}

/// Whether another kind of warehouse would have run it.
fn is_refused_by_kind(it: &Scene<'_>) -> bool {
    let is_ddl_out_of_time = it.is_refused_with("000630") && !it.is_query();
    is_statement_type(it)
        || is_ddl_out_of_time
        || it.is_refused_saying("must not be an interactive warehouse")
        || it.is_refused_saying("non-interactive table")
}

fn is_not_there(it: &Scene<'_>) -> bool {
    it.is_refused_with("002003") || it.is_refused_with("003001") || it.is_refused_with("001003")
}
