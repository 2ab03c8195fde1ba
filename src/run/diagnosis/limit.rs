//! Time: the five seconds of an interactive warehouse, and what else takes it.

use super::{Rule, Scene, Wanted, history::Deed, history::Made};
use std::time::Duration;

/// What an interactive warehouse gives a statement.
const LIMIT: Duration = Duration::from_secs(5);

/// Queries that the seed asks for before anything is measured. The documents would rather wait.
const WARMING_QUERIES: u32 = 30;

pub const FALLBACK_HID_TIMEOUT: Rule = Rule {
    name: "fallback-hid-timeout",
    cause: "it took more than five seconds on an interactive warehouse and still succeeded: a \
            fallback warehouse ran it again",
    remedy: "`SHOW PARAMETERS LIKE 'FALLBACK_WAREHOUSE' IN WAREHOUSE …`, and UNSET it to see the \
             time-out; the query history has WAREHOUSE_TYPE and FAULT_HANDLING_TIME",
    source: "docs: interactive warehouses, fallback; observed on a live account (L-05)",
    holds: |it| {
        let is_unexpected = matches!(it.wanted, Wanted::Refusal | Wanted::Sooner);
        it.rows().is_some() && it.is_on_interactive() && it.elapsed >= LIMIT && is_unexpected
    },
};

pub const FALLBACK_DID_NOT_HELP: Rule = Rule {
    name: "fallback-did-not-help",
    cause: "the warehouse has a fallback, which did not take over: its name is not checked when it \
            is set, the role needs USAGE on both warehouses, and it has to run or to resume by \
            itself",
    remedy: "`SHOW PARAMETERS LIKE 'FALLBACK_WAREHOUSE' IN WAREHOUSE …`, then `USE WAREHOUSE` of \
             what it says",
    source: "a public fleet dashboard on a live account (L-06)",
    holds: |it| is_out_of_time_here(it) && it.history.fallback(it.warehouse).is_some(),
};

pub const SHOWN_TIMEOUT: Rule = Rule {
    name: "shown-timeout",
    cause: "SHOW PARAMETERS of an interactive warehouse shows 172800, or whatever was set, although \
            five seconds hold: the limit is no parameter, and only lower values do something",
    remedy: "believe the limit, not the parameter; a fallback warehouse is for what takes longer",
    source: "Terraform provider acceptance tests (L-02, M-12)",
    holds: |it| {
        let shown = it
            .history
            .last(|deed| matches!(deed, Deed::ShownTimeout { session } if session == it.session));
        let is_raised =
            it.history.timeout(it.session, it.warehouse).is_some_and(|it| it > LIMIT.as_secs());
        let is_shown = it.has_cell("172800") && (shown.is_some() || it.sql.contains("PARAMETERS"));
        is_shown || (is_out_of_time_here(it) && (is_raised || shown.is_some()))
    },
};

pub const LOWERED_TIMEOUT: Rule = Rule {
    name: "lowered-timeout",
    cause: "STATEMENT_TIMEOUT_IN_SECONDS was lowered below five, by the session or the warehouse",
    remedy: "`ALTER SESSION UNSET STATEMENT_TIMEOUT_IN_SECONDS`, and of the warehouse",
    source: "docs: interactive warehouses, limitations (L-03)",
    holds: |it| {
        let set = it.history.timeout(it.session, it.warehouse);
        let is_low = match it.is_refused_saying("timeout of ") {
            true => !it.is_refused_saying("timeout of 5 second"),
            false => set.is_some_and(|it| it < LIMIT.as_secs()),
        };
        is_out_of_time_here(it) && is_low
    },
};

pub const COLD_CACHE: Rule = Rule {
    name: "cold-cache",
    cause: "the interactive warehouse was resumed, made or given tables shortly before, and its \
            cache is not warm yet",
    remedy: "wait until it is: an XSMALL one warms about 350 MB/s; or run 20 to 30 queries before \
             what is measured",
    source: "docs: interactive warehouses, cache warming; seed: troubleshooting (C-09)",
    holds: |it| {
        let is_slow = it.wanted == Wanted::Sooner || it.is_refused_with(TIMED_OUT);
        is_slow && it.is_on_interactive() && it.history.is_cold(it.warehouse, WARMING_QUERIES)
    },
};

pub const OTHER_FILTER: Rule = Rule {
    name: "other-filter",
    cause: "the query filters by columns that the table is not clustered by, so that all of it is \
            read",
    remedy: "filter by the clustering key, or serve this query from a table that is clustered for \
             it",
    source: "docs: interactive tables, choosing clustering keys (C-12)",
    holds: |it| {
        let filter = filter(it);
        is_slow_here(it)
            && !filter.is_empty()
            && clustered(it).iter().any(|table| !filters_by_key(table, &filter))
    },
};

pub const QUEUED: Rule = Rule {
    name: "queued",
    cause: "a look-up by the clustering key does not take five seconds: waiting in the queue and \
            compiling count too, and one XSMALL cluster is full with 10 to 15 queries at a time",
    remedy: "fewer queries at a time, a larger warehouse or more clusters; bind variables save \
             compiling",
    source: "seed: troubleshooting, concurrent queries failing; public agent skills (C-03, C-04)",
    holds: |it| {
        let filter = filter(it);
        let tables = clustered(it);
        is_out_of_time_here(it)
            && !it.has_word("JOIN")
            && !tables.is_empty()
            && tables.iter().all(|table| filters_by_key(table, &filter))
    },
};

pub const FIVE_SECONDS: Rule = Rule {
    name: "five-seconds",
    cause: "an interactive warehouse cancels every statement after five seconds, and this one is \
            too much work for it",
    remedy: "make it select few rows; compute what it computes in a dynamic table beforehand; or \
             set a fallback warehouse",
    source: "seed: troubleshooting, queries time out; docs: interactive warehouses (L-01)",
    holds: is_out_of_time_here,
};

pub const STATEMENT_TIMEOUT: Rule = Rule {
    name: "statement-timeout",
    cause: "STATEMENT_TIMEOUT_IN_SECONDS of the session, the user, the account or the warehouse \
            ran out",
    remedy: "`SHOW PARAMETERS LIKE 'STATEMENT_TIMEOUT_IN_SECONDS'` for the session and IN WAREHOUSE \
             tells where it is set",
    source: "docs: parameters",
    holds: |it| it.is_refused_with(TIMED_OUT),
};

pub const LITTLE_IMPROVEMENT: Rule = Rule {
    name: "little-improvement",
    cause: "the two warehouses are nearly as fast: the standard one has the data in its cache, or \
            there are too few queries at a time for it to queue them",
    remedy: "100 to 150 queries at a time show it; let each warehouse have the tables to itself \
             meanwhile",
    source: "seed: troubleshooting, minimal improvement (C-10, C-13)",
    holds: |it| {
        let words = it.words();
        let has = |part: &str| words.iter().any(|it| it.contains(part));
        let is_of_time = has("ELAPSED_TIME") || has("EXECUTION_TIME");
        let by_warehouse = has("WAREHOUSE_TYPE") || has("WAREHOUSE_NAME");
        it.rows().is_some_and(|it| !it.rows.is_empty())
            && it.wanted == Wanted::Result
            && has("QUERY_HISTORY")
            && is_of_time
            && by_warehouse
    },
};

const TIMED_OUT: &str = "000630";

fn is_out_of_time_here(it: &Scene<'_>) -> bool {
    it.is_refused_with(TIMED_OUT) && it.is_on_interactive()
}

fn is_slow_here(it: &Scene<'_>) -> bool {
    is_out_of_time_here(it) || (it.wanted == Wanted::Sooner && it.is_on_interactive())
}

/// The tables of the statement whose clustering keys are known.
fn clustered<'a>(it: &'a Scene<'_>) -> Vec<&'a Made> {
    it.history.made(&it.words()).into_iter().filter(|it| !it.keys.is_empty()).collect()
}

/// What is behind the first WHERE.
fn filter(it: &Scene<'_>) -> Vec<String> {
    it.words().into_iter().skip_while(|it| it != "WHERE").skip(1).collect()
}

fn filters_by_key(table: &Made, filter: &[String]) -> bool {
    filter.iter().any(|it| table.keys.contains(&super::plain_name(it)))
}
