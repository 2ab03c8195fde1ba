//! One test for each operator, with the cases that are easy to get wrong.

use super::kit::{check, check_plan};

const T: &[&str] = &["T (K NUMBER, V VARCHAR)"];
const TU: &[&str] = &["T (K NUMBER, V VARCHAR)", "U (K NUMBER, W VARCHAR)"];

#[test]
fn filters_and_projections_pass_changes_on() {
    check(
        T,
        "SELECT K + 1 AS N, V || '!' AS V FROM T WHERE K > 1 ORDER BY 1",
        &[
            ("T +1|a +2|b +3|c", "+1|3|b! +1|4|c!"),
            ("T -2|b +2|x", "+1|3|x! -1|3|b!"),
            // A duplicate is a row of its own.
            ("T +3|c +3|c", "+2|4|c!"),
            ("T -3|c -1|a", "-1|4|c!"),
            ("", ""),
            // What does not pass is no change.
            ("T +0|a +_|a", ""),
        ],
    );
}

#[test]
fn a_column_that_is_not_read_changes_nothing() {
    check(T, "SELECT K FROM T", &[("T +1|a", "+1|1"), ("T -1|a +1|b", "")]);
}

#[test]
fn inner_joins_multiply_what_matches() {
    check(
        TU,
        "SELECT T.K, V, W FROM T JOIN U ON T.K = U.K",
        &[
            ("T +1|a +1|a +2|b +_|n; U +1|x +_|y", "+2|1|a|x"),
            // Both sides in one step: the new row meets the new row, once.
            ("T +3|c; U +3|z +1|x", "+1|3|c|z +2|1|a|x"),
            // Both sides of a pair removed in one step.
            ("T -3|c; U -3|z", "-1|3|c|z"),
            // A row removed while its partner is exchanged.
            ("T -1|a; U -1|x +1|w", "+1|1|a|w -3|1|a|x"),
            // A changed key.
            ("T -2|b +1|b", "+1|1|b|w +1|1|b|x"),
            ("U -1|x -1|w", "-1|1|a|w -1|1|a|x -1|1|b|w -1|1|b|x"),
        ],
    );
}

#[test]
fn conditions_beside_the_key_are_filters_of_inner_joins() {
    check(
        TU,
        "SELECT V, W FROM T JOIN U ON T.K = U.K AND V < W",
        &[("T +1|b; U +1|a +1|c", "+1|b|c"), ("T -1|b +1|d; U +1|e", "+1|d|e -1|b|c")],
    );
    check(
        TU,
        "SELECT V, W FROM T, U WHERE V < W",
        &[("T +1|b; U +2|a +3|c", "+1|b|c"), ("U -3|c +3|b", "-1|b|c")],
    );
}

#[test]
fn no_pair_that_never_was_is_computed() {
    // 1 / (T.K - U.K) of the old T and the new U would divide by zero.
    check(
        &["T (G NUMBER, K NUMBER)", "U (G NUMBER, K NUMBER)"],
        "SELECT 6 / (T.K - U.K) AS Q FROM T JOIN U ON T.G = U.G",
        &[
            ("T +1|5; U +1|2", "+1|2.000000"),
            ("T -1|5 +1|8; U -1|2 +1|5", ""),
            ("T -1|8 +1|6; U -1|5 +1|8", "+1|-3.000000 -1|2.000000"),
        ],
    );
}

#[test]
fn outer_joins_give_and_take_back_rows_of_nulls() {
    check(
        TU,
        "SELECT T.K, V, W FROM T LEFT JOIN U ON T.K = U.K",
        &[
            ("T +1|a +2|b +_|n", "+1|1|a|_ +1|2|b|_ +1|_|n|_"),
            // The row of NULLs goes when a match comes, and only then.
            ("U +1|x", "+1|1|a|x -1|1|a|_"),
            ("U +1|y +_|z", "+1|1|a|y"),
            ("U -1|x", "-1|1|a|x"),
            ("U -1|y", "+1|1|a|_ -1|1|a|y"),
            // Row and first match in one step, and the other way round.
            ("T +3|c; U +3|z", "+1|3|c|z"),
            ("T -3|c; U -3|z", "-1|3|c|z"),
            ("T -1|a +1|aa; U +1|x", "+1|1|aa|x -1|1|a|_"),
            ("T -_|n -2|b", "-1|2|b|_ -1|_|n|_"),
        ],
    );
    check(
        TU,
        "SELECT T.V, U.K, W FROM T RIGHT JOIN U ON T.K = U.K",
        &[
            ("U +1|x +1|x", "+2|_|1|x"),
            ("T +1|a +1|b", "+2|a|1|x +2|b|1|x -2|_|1|x"),
            ("T -1|a -1|b; U -1|x", "+1|_|1|x -2|a|1|x -2|b|1|x"),
        ],
    );
    check(
        TU,
        "SELECT V, W FROM T FULL JOIN U ON T.K = U.K",
        &[
            ("T +1|a +2|b; U +2|y +3|z", "+1|_|z +1|a|_ +1|b|y"),
            ("T -2|b; U +1|x", "+1|_|y +1|a|x -1|a|_ -1|b|y"),
            ("T -1|a +3|c; U -1|x", "+1|c|z -1|_|z -1|a|x"),
        ],
    );
}

#[test]
fn conditions_on_one_side_keep_rows_of_an_outer_join_from_matching() {
    check(
        TU,
        "SELECT V, W FROM T LEFT JOIN U ON T.K = U.K AND V <> 'b' AND W <> 'y'",
        &[
            ("T +1|a +1|b; U +1|x +1|y", "+1|a|x +1|b|_"),
            ("U -1|x", "+1|a|_ -1|a|x"),
            ("T -1|b -1|a", "-1|a|_ -1|b|_"),
        ],
    );
}

#[test]
fn groups_come_and_vanish() {
    check(
        T,
        "SELECT V, COUNT(*) AS N, COUNT(K) AS C, SUM(K) AS S, AVG(K) AS A, COUNT_IF(K > 1) AS I \
         FROM T GROUP BY V",
        &[
            ("T +1|a +2|a +_|b", "+1|a|2|2|3|1.500000|1 +1|b|1|0|_|_|0"),
            // A lost delete would leave three.
            ("T -1|a", "+1|a|1|1|2|2.000000|1 -1|a|2|2|3|1.500000|1"),
            ("T -2|a", "-1|a|1|1|2|2.000000|1"),
            ("T +4|b", "+1|b|2|1|4|4.000000|1 -1|b|1|0|_|_|0"),
            // Nothing but NULLs is left: the group stays and its sum is NULL, not 0.
            ("T -4|b", "+1|b|1|0|_|_|0 -1|b|2|1|4|4.000000|1"),
            // NULL is a group.
            ("T +7|_ -_|b", "+1|_|1|1|7|7.000000|1 -1|b|1|0|_|_|0"),
            // The same sum and count of other rows is no change.
            ("T +3|_ +5|_ -7|_", "+1|_|2|2|8|4.000000|2 -1|_|1|1|7|7.000000|1"),
            ("T +2|_ +6|_ -3|_ -5|_", ""),
        ],
    );
}

#[test]
fn without_group_by_there_is_always_one_row() {
    check(
        T,
        "SELECT COUNT(*) AS N, SUM(K) AS S FROM T",
        &[("", "+1|0|_"), ("T +1|a", "+1|1|1 -1|0|_"), ("T -1|a", "+1|0|_ -1|1|1"), ("", "")],
    );
    check(
        T,
        "SELECT MIN(K) AS L, MAX(V) AS M FROM T",
        &[
            ("", "+1|_|_"),
            ("T +2|a +1|b", "+1|1|b -1|_|_"),
            ("T -1|b", "+1|2|a -1|1|b"),
            ("T -2|a", "+1|_|_ -1|2|a"),
        ],
    );
}

#[test]
fn aggregates_that_cannot_be_taken_back_are_computed_again() {
    check(
        T,
        "SELECT K, MIN(V) AS L, MAX(V) AS H, COUNT(DISTINCT V) AS D, \
         LISTAGG(V, '') WITHIN GROUP (ORDER BY V) AS A FROM T GROUP BY K",
        &[
            ("T +1|a +1|b +1|b +2|z", "+1|1|a|b|2|abb +1|2|z|z|1|z"),
            // The smallest goes, the next one takes its place.
            ("T -1|a", "+1|1|b|b|1|bb -1|1|a|b|2|abb"),
            // One of two that are equal.
            ("T -1|b", "+1|1|b|b|1|b -1|1|b|b|1|bb"),
            ("T -1|b", "-1|1|b|b|1|b"),
            ("T +2|z -2|z", ""),
        ],
    );
}

#[test]
fn sums_of_floats_do_not_drift() {
    check(
        &["T (K NUMBER, F FLOAT)"],
        "SELECT K, SUM(F) AS S FROM T GROUP BY K",
        &[
            ("T +1|1e16 +1|1", "+1|1|1e16"),
            // Taking 1e16 away from a running total would leave 0.
            ("T -1|1e16", "+1|1|1.0 -1|1|1e16"),
        ],
    );
}

#[test]
fn having_is_a_filter() {
    check(
        T,
        "SELECT V FROM T GROUP BY V HAVING COUNT(*) > 1",
        &[("T +1|a +1|b", ""), ("T +1|a", "+1|a"), ("T +1|a", ""), ("T -1|a -1|a", "-1|a")],
    );
}

#[test]
fn duplicates_are_counted_by_distinct_and_union() {
    check(
        T,
        "SELECT DISTINCT V FROM T",
        &[
            ("T +1|a +2|a +1|b", "+1|a +1|b"),
            ("T -1|a", ""),
            ("T -2|a -1|b +5|_", "+1|_ -1|a -1|b"),
            ("T +1|a -5|_", "+1|a -1|_"),
        ],
    );
    check(
        TU,
        "SELECT V FROM T UNION SELECT W FROM U",
        &[("T +1|a; U +1|a", "+1|a"), ("T -1|a", ""), ("U -1|a", "-1|a")],
    );
    check(
        TU,
        "SELECT V FROM T UNION ALL SELECT W FROM U UNION ALL SELECT 'c'",
        &[("T +1|a; U +1|a", "+1|c +2|a"), ("T -1|a", "-1|a")],
    );
}

#[test]
fn windows_change_what_the_changed_rows_share_a_partition_with() {
    check(
        T,
        "SELECT K, V, ROW_NUMBER() OVER (PARTITION BY V ORDER BY K) AS N, \
         COUNT(*) OVER (PARTITION BY V) AS C FROM T",
        &[
            ("T +1|a +3|a +1|b", "+1|1|a|1|2 +1|1|b|1|1 +1|3|a|2|2"),
            // Only the partition `a`; in it every row's count changes.
            ("T +2|a", "+1|1|a|1|3 +1|2|a|2|3 +1|3|a|3|3 -1|1|a|1|2 -1|3|a|2|2"),
            ("T -1|b", "-1|1|b|1|1"),
            ("T -2|a +2|_", "+1|1|a|1|2 +1|2|_|1|1 +1|3|a|2|2 -1|1|a|1|3 -1|2|a|2|3 -1|3|a|3|3"),
        ],
    );
    // No PARTITION BY: one partition. A row after the change keeps its number.
    check(
        T,
        "SELECT K, SUM(K) OVER (ORDER BY K) AS S FROM T",
        &[
            ("T +1|a +3|a", "+1|1|1 +1|3|4"),
            ("T +5|a", "+1|5|9"),
            ("T -1|a", "+1|3|3 +1|5|8 -1|1|1 -1|3|4 -1|5|9"),
        ],
    );
}

#[test]
fn qualify_is_a_filter_after_the_window() {
    check(
        T,
        "SELECT V, K FROM T QUALIFY ROW_NUMBER() OVER (PARTITION BY V ORDER BY K DESC) = 1",
        &[("T +1|a +2|a", "+1|a|2"), ("T +3|a", "+1|a|3 -1|a|2"), ("T -3|a -2|a", "+1|a|1 -1|a|3")],
    );
}

#[test]
fn windows_with_other_partitions_stand_beside_each_other() {
    check(
        &["T (A NUMBER, B NUMBER)"],
        "SELECT A, B, COUNT(*) OVER (PARTITION BY A) AS X, COUNT(*) OVER (PARTITION BY B) AS Y, \
         COUNT(*) OVER (PARTITION BY A, B) AS Z, COUNT(*) OVER () AS N FROM T",
        &[
            ("T +1|1 +2|2", "+1|1|1|1|1|1|2 +1|2|2|1|1|1|2"),
            (
                "T +1|2",
                "+1|1|1|2|1|1|3 +1|1|2|2|2|1|3 +1|2|2|1|2|1|3 -1|1|1|1|1|1|2 -1|2|2|1|1|1|2",
            ),
            ("T -1|1 -2|2", "+1|1|2|1|1|1|1 -1|1|1|2|1|1|3 -1|1|2|2|2|1|3 -1|2|2|1|2|1|3"),
        ],
    );
}

#[test]
fn a_table_that_is_read_several_times_is_changed_in_all_places() {
    check(
        T,
        "WITH C AS (SELECT K, COUNT(*) AS N FROM T GROUP BY K) \
         SELECT A.K, B.N FROM C A JOIN C B ON A.K = B.N LEFT JOIN T ON T.K = A.K + 100",
        &[("T +1|a", "+1|1|1"), ("T +2|a +2|b", "+1|2|2"), ("T -1|a", "-1|1|1")],
    );
}

#[test]
fn an_overwrite_is_a_large_change() {
    check(
        T,
        "SELECT V, COUNT(*) AS N FROM T GROUP BY V",
        &[
            ("T +1|a +2|a +3|b", "+1|a|2 +1|b|1"),
            ("T -1|a -2|a -3|b +1|a +2|a +3|c", "+1|c|1 -1|b|1"),
            ("T -1|a -2|a -3|c", "-1|a|2 -1|c|1"),
        ],
    );
}

#[test]
fn values_and_constants_are_given_once() {
    check(
        T,
        "SELECT T.V, X.B FROM T JOIN (SELECT * FROM (VALUES (1, 'one'), (2, 'two')) AS X (A, B)) X \
         ON T.K = X.A UNION ALL SELECT 'c', 'd'",
        &[("T +1|a", "+1|a|one +1|c|d"), ("T +2|b", "+1|b|two"), ("T -1|a", "-1|a|one")],
    );
}

#[test]
fn types_of_the_result_are_those_of_the_plan() {
    use super::super::Dataflow;
    use super::kit::Kit;
    use crate::types::DataType;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let table = "T (N NUMBER(10,2), F FLOAT, S VARCHAR(9), B BOOLEAN, D DATE, \
                     A TIMESTAMP_NTZ(3), L TIMESTAMP_LTZ(9), Z TIMESTAMP_TZ(9), V VARIANT)";
        let kit = Kit::new(&[table]).await;
        let sql = "SELECT MAX(V) AS V, MIN(Z) AS Z, SUM(N) AS N, S, B, D, A, L, F FROM T \
                   GROUP BY S, B, D, A, L, F";
        let flow = Dataflow::compile(&kit.plan(sql)).expect("incremental");
        let kinds: Vec<String> = flow
            .schema()
            .fields()
            .iter()
            .map(|it| DataType::of(it).expect("a type").to_string())
            .collect();
        assert_eq!(
            kinds.join(" "),
            "VARIANT TIMESTAMP_TZ(9) NUMBER(38,2) VARCHAR(9) BOOLEAN DATE TIMESTAMP_NTZ(3) \
             TIMESTAMP_LTZ(9) FLOAT"
        );
    });
}

#[test]
fn a_row_that_was_never_there_cannot_be_removed() {
    use super::super::{Dataflow, Delta};
    use super::kit::{Kit, row};
    use std::collections::HashMap;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let kit = Kit::new(TU).await;
        for sql in [
            "SELECT V, COUNT(*) AS N FROM T GROUP BY V",
            "SELECT V, MIN(K) AS N FROM T GROUP BY V",
            "SELECT DISTINCT V FROM T",
            "SELECT V, COUNT(*) OVER (PARTITION BY V) AS N FROM T",
            "SELECT V, W FROM T JOIN U ON T.K = U.K",
        ] {
            let mut flow = Dataflow::compile(&kit.plan(sql)).expect("incremental");
            let mut delta = Delta::empty(kit.table("T").schema());
            delta.add([kit.batch("T", &[row("1|a", &kit.columns("T"))])], -1);
            let changes = HashMap::from([(kit.table("T").id, delta)]);
            let error = flow.advance(&changes).await.expect_err(sql);
            assert!(error.message.contains("did not know"), "{sql}: {error}");
            // And nothing more comes of it.
            let error = flow.advance(&HashMap::new()).await.expect_err(sql);
            assert!(error.message.contains("is lost"), "{sql}: {error}");
        }
    });
}

#[test]
fn unnesting_takes_each_row_apart() {
    use datafusion::{
        common::Column,
        logical_expr::{Expr, LogicalPlanBuilder},
    };
    let column = |name: &str| Expr::Column(Column::from_name(name));
    let flattened = |names: &[&str]| {
        let names: Vec<Expr> = names.iter().map(|it| column(it)).collect();
        move |kit: &super::kit::Kit| {
            let flatten = crate::sql::functions::scalar("SF_FLATTEN").expect("a function");
            let list = flatten.call(vec![column("V")]).alias("F");
            LogicalPlanBuilder::from(kit.plan("SELECT K, V FROM T"))
                .project(vec![column("K"), list])
                .and_then(|it| it.unnest_column(Column::from_name("F")))
                .and_then(|it| it.unnest_column(Column::from_name("F")))
                .and_then(|it| it.project(names))
                .and_then(|it| it.build())
                .expect("a plan")
        }
    };
    let tables = ["T (K NUMBER, V VARIANT)"];
    check_plan(
        &tables,
        "FLATTEN",
        flattened(&["K", "F.VALUE"]),
        &[
            ("T +1|[5,6] +1|[5] +2|[]", "+1|1|6 +2|1|5"),
            ("T -1|[5,6] +1|[6,7,7]", "+2|1|7 -1|1|5"),
            ("T -2|[] +2|[8]", "+1|2|8"),
        ],
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let refused = runtime.expect("a runtime").block_on(async {
        let kit = super::kit::Kit::new(&tables).await;
        super::super::Dataflow::compile(&flattened(&["F.SEQ"])(&kit)).err()
    });
    let reason = refused.map(|it| it.reason);
    assert_eq!(reason.as_deref(), Some("Unsupported column: SEQ of FLATTEN"));
}

#[test]
fn a_view_is_followed_to_its_tables() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let kit = super::kit::Kit::new(T).await;
        kit.execute("CREATE VIEW V AS SELECT V AS N, COUNT(*) AS C FROM T GROUP BY V").await;
        let flow = super::super::Dataflow::compile(&kit.plan("SELECT N FROM V WHERE C > 1"));
        let flow = flow.expect("incremental");
        assert_eq!(flow.sources().iter().copied().collect::<Vec<_>>(), [kit.table("T").id]);
    });
}
