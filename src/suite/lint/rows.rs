//! Rows that come in another order, or are others, on the next day; and rows of another width than
//! the query's.

use super::{Lint, Rule, Scope, sql::Look};
use crate::suite::{Action, Expect, ExpectedRows, RowsExpected, Sort, Step, words::counted};

pub const UNORDERED_ROWS: Rule = Rule {
    name: "unordered-rows",
    finds: "rows that are compared in order, of a query that does not order them",
    remedy: "add ORDER BY to the query, or `sort: rows` (`rowsort`) where the order is not tested",
};

pub const UNORDERED_LIMIT: Rule = Rule {
    name: "unordered-limit",
    finds: "a LIMIT without ORDER BY whose rows are compared: any rows may be left",
    remedy: "add ORDER BY by a unique key to the query; sorting the result afterwards is too late",
};

pub const COLUMNS_DIFFER: Rule = Rule {
    name: "columns-differ",
    finds: "more or fewer type letters, names or cells in a row than the query has columns",
    remedy: "give each column of the query a letter, a name and a cell",
};

pub fn step(step: &Step, scope: Scope, lint: &mut Lint<'_>) {
    let Action::Execute { sql, .. } = &step.action else { return };
    let look = Look::at(sql);
    if !look.is_query() {
        return;
    }
    for expectation in &step.expect {
        let span = &expectation.span;
        match &expectation.outcome {
            Expect::Rows(rows) => {
                let compared = in_order(rows);
                if rows.sort == Sort::None && compared > 1 && !look.is_ordered() {
                    let what = format!(
                        "{} are compared in order, and the query has no ORDER BY",
                        counted(compared, "row")
                    );
                    lint.warn(&UNORDERED_ROWS, scope, span, what);
                }
                let is_compared = !matches!(rows.rows, RowsExpected::Count { .. });
                if is_compared && picks_any_rows(&look) {
                    lint.warn(&UNORDERED_LIMIT, scope, span, "any rows may be left by this LIMIT");
                }
                for what in widths(rows, &look) {
                    lint.warn(&COLUMNS_DIFFER, scope, span, what);
                }
            }
            Expect::SameAs { sql: other, sort, .. } => {
                let other = Look::at(other);
                let is_ordered = look.is_ordered() && other.is_ordered();
                let is_one_row = look.is_one_row() || (other.is_query() && other.is_one_row());
                if *sort == Sort::None && other.is_query() && !is_ordered && !is_one_row {
                    let what = match (look.is_ordered(), other.is_ordered()) {
                        (true, false) => {
                            "rows are compared in order, and the query to compare \
                                          with has no ORDER BY"
                        }
                        _ => "rows are compared in order, and the query has no ORDER BY",
                    };
                    lint.warn(&UNORDERED_ROWS, scope, span, what);
                }
                if picks_any_rows(&look) || (other.is_query() && picks_any_rows(&other)) {
                    lint.warn(&UNORDERED_LIMIT, scope, span, "any rows may be left by this LIMIT");
                }
                if let (Some(columns), Some(others)) = (look.columns(), other.columns())
                    && columns != others
                {
                    let what = format!(
                        "the query has {}, and the one to compare with {others}",
                        counted(columns, "column")
                    );
                    lint.warn(&COLUMNS_DIFFER, scope, span, what);
                }
            }
            Expect::Sides(_)
            | Expect::Ok
            | Expect::Affected(_)
            | Expect::Refused(_)
            | Expect::Recorded => {}
        }
    }
}

/// How many rows are compared one with the next. Equal ones may change places.
fn in_order(rows: &ExpectedRows) -> usize {
    let width = rows.types.as_ref().map_or(1, |it| it.chars().count()).max(1);
    match &rows.rows {
        RowsExpected::Rows(rows) if rows.windows(2).all(|it| it[0] == it[1]) => 1,
        RowsExpected::Rows(rows) => rows.len(),
        RowsExpected::Values(values) if values.windows(2).all(|it| it[0] == it[1]) => 1,
        RowsExpected::Values(values) => values.len() / width,
        RowsExpected::Hash { count, .. } => count / width,
        RowsExpected::Count { .. } | RowsExpected::Contains(_) => 0,
    }
}

fn picks_any_rows(look: &Look) -> bool {
    look.is_limited() && !look.is_ordered() && !look.has_word("GENERATOR")
}

fn widths(rows: &ExpectedRows, look: &Look) -> Vec<String> {
    let Some(columns) = look.columns() else { return Vec::new() };
    let cells = match &rows.rows {
        RowsExpected::Rows(rows) | RowsExpected::Contains(rows) => rows.first().map(Vec::len),
        RowsExpected::Values(_) | RowsExpected::Hash { .. } | RowsExpected::Count { .. } => None,
    };
    let letters = rows.types.as_ref().map(|it| it.chars().count());
    let names = rows.columns.as_ref().map(Vec::len);
    [("type letter", letters), ("name", names), ("cell in a row", cells)]
        .into_iter()
        .filter_map(|(what, found)| Some((what, found.filter(|it| *it != columns)?)))
        // Letters and cells that differ together are one mistake.
        .take(1)
        .map(|(what, found)| {
            let found = match what {
                "cell in a row" => format!("{} in a row", counted(found, "cell")),
                _ => counted(found, what),
            };
            format!("{found}, and the query has {}", counted(columns, "column"))
        })
        .collect()
}
