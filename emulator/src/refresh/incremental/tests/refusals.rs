//! What cannot be incremental, and the reasons.

use super::kit::refusal;

#[track_caller]
fn check(sql: &str, expected: &str) {
    let tables = ["T (K NUMBER, V VARCHAR)", "U (K NUMBER, W VARCHAR)"];
    assert_eq!(refusal(&tables, sql), expected, "{sql}");
}

#[test]
fn set_operations_have_snowflakes_text() {
    let except = "Unsupported query operator type: SetOperation[EXCEPT]";
    check("SELECT K FROM T EXCEPT SELECT K FROM U", except);
    check("SELECT K FROM T MINUS SELECT K FROM U", except);
    check("SELECT V FROM (SELECT V FROM T EXCEPT SELECT W FROM U) GROUP BY V", except);
    check(
        "SELECT K FROM T INTERSECT SELECT K FROM U",
        "Unsupported query operator type: SetOperation[INTERSECT]",
    );
}

#[test]
fn other_operators_are_named_alike() {
    let of = |sql: &str, kind: &str| {
        check(sql, &format!("Unsupported query operator type: {kind}"));
    };
    of("SELECT K FROM T LIMIT 3", "Limit");
    of("SELECT K FROM T ORDER BY K LIMIT 3", "Limit");
    of("SELECT K, COUNT(*) FROM T GROUP BY ROLLUP (K)", "GroupingSets");
    of("SELECT K, COUNT(*) FROM T GROUP BY CUBE (K)", "GroupingSets");
    of("SELECT K, V, COUNT(*) FROM T GROUP BY GROUPING SETS ((K), (V))", "GroupingSets");
    of("SELECT K FROM T WHERE K IN (SELECT K FROM U)", "Subquery");
    of("SELECT K FROM T WHERE EXISTS (SELECT 1 FROM U WHERE U.K = T.K)", "Subquery");
    of("SELECT K, (SELECT MAX(K) FROM U) AS M FROM T", "Subquery");
    of(
        "WITH RECURSIVE R AS (SELECT 1 AS N UNION ALL SELECT N + 1 FROM R WHERE N < 3) SELECT N FROM R",
        "RecursiveCTE",
    );
    of("SELECT V, W FROM T LEFT JOIN U ON T.K < U.K", "OuterJoin[non-equi]");
    of("SELECT V, W FROM T LEFT JOIN U ON T.K = U.K AND V < W", "OuterJoin[non-equi]");
    of("SELECT V, W FROM T FULL JOIN U ON T.K + U.K = 3", "OuterJoin[non-equi]");
    of("SELECT V, W FROM T LEFT JOIN U ON TRUE", "OuterJoin[non-equi]");
    of("SELECT V, W FROM T LEFT JOIN U ON T.K = 1", "OuterJoin[non-equi]");
}

#[test]
fn what_is_no_table_is_not_followed() {
    check(
        "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES",
        "Unsupported query operator type: TableScan[INFORMATION_SCHEMA.TABLES]",
    );
    check(
        "SELECT 1 AS N FROM TABLE(GENERATOR(ROWCOUNT => 3))",
        "Unsupported query operator type: TableScan[__PREPARED 0]",
    );
}

#[test]
fn what_differs_from_run_to_run_is_named() {
    check("SELECT RANDOM() AS R FROM T", "Unsupported non-deterministic function: RANDOM");
    check(
        "SELECT UUID_STRING() AS R FROM T",
        "Unsupported non-deterministic function: UUID_STRING",
    );
    check("SELECT SEQ4() AS N FROM T", "Unsupported non-deterministic function: SEQ4");
    check("SELECT CURRENT_TIMESTAMP() AS R FROM T", "incremental");
}
