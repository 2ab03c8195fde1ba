//! A failing script as a suite that says so again.

use super::{
    script::Script,
    trial::{Failure, Wrong},
};
use std::fmt::Write;

/// The script as an `.slt` suite. It passes where the defect is gone.
///
/// `heading` says where it comes from.
pub fn slt(script: &Script, failure: &Failure, heading: &str) -> String {
    let mut out = format!("# doc: {heading}\n");
    // Marked, so that no line is taken for an annotation.
    for line in failure.message.lines() {
        let _ = writeln!(out, "# > {line}");
    }
    let mut statement = |sql: &str| {
        let _ = write!(out, "\nstatement ok\n{sql}\n");
    };
    let read: Vec<usize> = script.definitions.iter().flat_map(|it| it.query.tables()).collect();
    for table in (0..script.tables.len()).filter(|it| read.contains(it)) {
        for sql in script.create(table) {
            statement(&sql.replacen("CREATE TABLE", "CREATE OR REPLACE TABLE", 1));
        }
    }
    let Some(definition) = script.definitions.iter().find(|it| it.number == failure.definition)
    else {
        return out;
    };
    let name = definition.name(failure.mode);
    let create = script.create_refreshed(definition, failure.mode, "{standard}");
    statement(&create.replacen("CREATE DYNAMIC", "CREATE OR REPLACE DYNAMIC", 1));
    let count = script.steps.len();
    for (number, step) in script.steps.iter().enumerate() {
        for sql in step.sql(script) {
            statement(&sql);
        }
        // What the last refresh is compared with is the row count before it.
        if number + 1 == count && failure.wrong == Wrong::Statistics {
            statement(&format!(
                "CREATE OR REPLACE TABLE BEFORE AS SELECT COUNT(*) AS N FROM {name}"
            ));
        }
        statement(&format!("ALTER DYNAMIC TABLE {name} REFRESH"));
    }
    let query = script.query_sql(definition);
    let last = format!(
        "FROM TABLE(INFORMATION_SCHEMA.DYNAMIC_TABLE_REFRESH_HISTORY(NAME => \
         '{{database}}.{{schema}}.{name}')) ORDER BY DATA_TIMESTAMP DESC LIMIT 1"
    );
    let _ = match failure.wrong {
        Wrong::Rows | Wrong::Refused | Wrong::Mode => write!(
            out,
            "\nquery B\nSELECT A.N = B.N AND EQUAL_NULL(A.H, B.H) FROM (SELECT COUNT(*) AS N, \
             HASH_AGG(*) AS H FROM {name}) AS A, (SELECT COUNT(*) AS N, HASH_AGG(*) AS H FROM \
             ({query})) AS B\n----\nTRUE\n"
        ),
        Wrong::Action => {
            let expected = failure.message.rsplit(' ').next().unwrap_or_default();
            write!(out, "\nquery T\nSELECT REFRESH_ACTION {last}\n----\n{expected}\n")
        }
        Wrong::Statistics => write!(
            out,
            "\nquery B\nSELECT ZEROIFNULL(PARSE_JSON(STATISTICS):numInsertedRows::INT) - \
             ZEROIFNULL(PARSE_JSON(STATISTICS):numDeletedRows::INT) = (SELECT COUNT(*) FROM {name}) \
             - (SELECT N FROM BEFORE) {last}\n----\nTRUE\n"
        ),
    };
    out
}
