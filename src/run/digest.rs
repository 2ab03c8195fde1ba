//! Results by digest: whether two runs were answered with the same rows, without the rows.
//!
//! What is another in every run is hidden first: the run's id, query ids, instants. A digest that
//! differs says that a person may want to look, not that anything is wrong.

use super::compare::canonical_lines;
use crate::{suite::Sort, target::Rows};
use regex::{NoExpand, Regex};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// Rows of which each is looked at. Of more, only the count and the columns are: a digest of them
/// would cost more than the comparison with what was expected.
const ROWS_MAX: usize = 10_000;

/// Hexadecimal digits, enough to tell a few answers apart.
const LENGTH: usize = 12;

/// A digest of names and types of columns, and of rows in any order.
pub fn digest(rows: &Rows, run: &str) -> String {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update(text.as_bytes());
        // Ends each text, so that two of them are not one.
        hasher.update([0]);
    };
    for column in &rows.columns {
        add(&hidden(&column.name, run));
        add(&format!("{:?}", column.data_type));
    }
    add(&format!("{} {:?}", rows.rows.len(), rows.affected));
    if rows.rows.len() <= ROWS_MAX {
        let lines = canonical_lines(rows, Sort::None);
        let mut lines: Vec<String> = lines.iter().map(|it| hidden(it, run)).collect();
        lines.sort_unstable();
        lines.iter().for_each(|it| add(it));
    }
    let digest = hasher.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()[..LENGTH].to_owned()
}

/// The text without what differs from run to run.
fn hidden(text: &str, run: &str) -> String {
    // An id of a query, or an instant with its time of the day; days alone are data.
    static VOLATILE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?( ?(Z|[+-]\d\d:?\d\d))?",
        )
        .ok()
    });
    // The database is each connection's own.
    static DATABASE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"["\w$]+\.("?\w*«run»)"#).ok());

    let mut hidden = without_run(text, run);
    if let Some(it) = &*VOLATILE {
        hidden = it.replace_all(&hidden, NoExpand("«volatile»")).into_owned();
    }
    if let (Some(it), true) = (&*DATABASE, hidden.contains("«run»")) {
        hidden = it.replace_all(&hidden, "$1").into_owned();
    }
    hidden
}

/// The run's id is written in any case.
fn without_run(text: &str, run: &str) -> String {
    let (upper, run) = (text.to_ascii_uppercase(), run.to_ascii_uppercase());
    if run.is_empty() || !upper.contains(&run) {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut from = 0;
    for (at, _) in upper.match_indices(&run) {
        out += &text[from..at];
        out += "«run»";
        from = at + run.len();
    }
    out + &text[from..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Column, Type, Value};

    fn rows(cells: &[&str]) -> Rows {
        let column = Column { name: "A".to_owned(), data_type: Type::Text, nullable: true };
        let rows = cells.iter().map(|it| vec![Value::Text((*it).to_owned())]).collect();
        Rows { columns: vec![column], rows, ..Rows::default() }
    }

    /// Two runs, SGAAAA and sgbbbb.
    #[track_caller]
    fn check(a: &Rows, b: &Rows, is_same: bool) {
        assert_eq!(digest(a, "SGAAAA") == digest(b, "SGBBBB"), is_same, "{a:?} {b:?}");
    }

    #[test]
    fn another_answer_has_another_digest() {
        check(&rows(&["42"]), &rows(&["42"]), true);
        check(&rows(&["42"]), &rows(&["43"]), false);
        check(&rows(&["42"]), &rows(&["42", "42"]), false);
        check(&rows(&["ab", "c"]), &rows(&["a", "bc"]), false);
        check(&rows(&["2026-11-21"]), &rows(&["2026-11-22"]), false);
        let mut other = rows(&["42"]);
        other.columns[0].name = "B".to_owned();
        check(&rows(&["42"]), &other, false);
        other = rows(&["42"]);
        other.columns[0].data_type = Type::Variant;
        check(&rows(&["42"]), &other, false);
        other = rows(&[]);
        other.affected = Some(1);
        check(&rows(&[]), &other, false);
    }

    #[test]
    fn what_is_another_in_every_run_has_not() {
        check(&rows(&["1", "2"]), &rows(&["2", "1"]), true);
        check(&rows(&["SGAAAA_STD x"]), &rows(&["sgbbbb_STD x"]), true);
        check(&rows(&["D1.\"SGAAAA_X\".T"]), &rows(&["OTHER.\"SGBBBB_X\".T"]), true);
        check(
            &rows(&["01c2f1a5-0000-4bd1-0000-0001a2b3c4d5"]),
            &rows(&["02c2f1a5-0000-4bd1-0000-0001A2B3C4D5"]),
            true,
        );
        check(
            &rows(&["expires=2026-11-21T18:00:00Z", "2026-11-21 10:00:00.123 -0800"]),
            &rows(&["expires=2026-12-01T09:30:00Z", "2026-12-01 01:00:00.4 +0000"]),
            true,
        );
        // Sorted after they are hidden.
        check(
            &rows(&[
                "01c2f1a5-0000-4bd1-0000-0001a2b3c4d5 x",
                "02c2f1a5-0000-4bd1-0000-0001a2b3c4d5 y",
            ]),
            &rows(&[
                "09c2f1a5-0000-4bd1-0000-0001a2b3c4d5 x",
                "08c2f1a5-0000-4bd1-0000-0001a2b3c4d5 y",
            ]),
            true,
        );
        check(&rows(&["é SGAAAA ß"]), &rows(&["é SGBBBB ß"]), true);
    }
}
