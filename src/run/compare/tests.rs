use super::*;
use crate::{
    suite::{Cell, ExpectedRefusal, ExpectedRows, MessageMatch, RowsExpected, Sort},
    target::{Column, Type, Value},
};

/// A result of integer, text and decimal columns, by what is in the first row.
fn rows(cells: &[&[&str]]) -> Rows {
    let width = cells.first().map_or(0, |it| it.len());
    let is_integer =
        |at: usize| cells.iter().all(|row| row[at] == "NULL" || row[at].parse::<i64>().is_ok());
    let columns = (0..width)
        .map(|at| Column {
            name: format!("C{}", at + 1),
            data_type: match is_integer(at) {
                true => Type::Number { precision: 38, scale: 0 },
                false => Type::Text,
            },
            nullable: true,
        })
        .collect();
    let value = |at: usize, text: &str| match text {
        "NULL" => Value::Null,
        text if is_integer(at) => Value::Number { digits: text.parse().unwrap(), scale: 0 },
        text => Value::Text(text.to_owned()),
    };
    let row = |row: &&[&str]| row.iter().enumerate().map(|(at, it)| value(at, it)).collect();
    Rows { columns, rows: cells.iter().map(row).collect(), affected: None }
}

fn cell(text: &str) -> Cell {
    match text {
        "NULL" => Cell::Null,
        it => match it.strip_prefix("<REGEX>:") {
            Some(pattern) => Cell::Regex(pattern.to_owned()),
            None => Cell::Text(it.to_owned()),
        },
    }
}

fn expected(cells: &[&[&str]], sort: Sort) -> ExpectedRows {
    let rows = cells.iter().map(|row| row.iter().map(|it| cell(it)).collect()).collect();
    ExpectedRows { sort, rows: RowsExpected::Rows(rows), ..ExpectedRows::default() }
}

/// `met`, or the message and the difference.
#[track_caller]
fn check(expected: ExpectedRows, actual: &Rows, verdict: &str) {
    let found = match judge(&Expect::Rows(expected), Answer::Rows(actual)) {
        Ok(()) => "met".to_owned(),
        Err(Difference { message, diff, hint }) => {
            [Some(message), diff, hint.map(|it| format!("hint: {it}"))]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("\n")
        }
    };
    assert_eq!(found, verdict.trim_matches('\n'), "\n{found}\n");
}

#[test]
fn equal_rows_in_order_are_met() {
    let actual = rows(&[&["1", "a"], &["2", "NULL"]]);
    check(expected(&[&["1", "a"], &["2", "NULL"]], Sort::None), &actual, "met");
    check(
        ExpectedRows {
            types: Some("IT".to_owned()),
            ..expected(&[&["1", "a"], &["2", "NULL"]], Sort::None)
        },
        &actual,
        "met",
    );
}

#[test]
fn the_first_row_that_differs_is_named() {
    check(
        expected(&[&["1", "a"], &["2", "b"], &["3", "c"]], Sort::None),
        &rows(&[&["1", "a"], &["2", "x"], &["3", "y"]]),
        "row 2 and 1 other differ\n 1 | a\n-2 | b\n-3 | c\n+2 | x\n+3 | y",
    );
}

#[test]
fn a_missing_row_does_not_make_all_later_rows_differ() {
    check(
        expected(&[&["1", "<REGEX>:a+"], &["2", "b"], &["3", "<REGEX>:c+"]], Sort::None),
        &rows(&[&["1", "aa"], &["3", "cc"]]),
        "expected 3 rows, got 2\n 1 | aa\n-2 | b\n 3 | cc",
    );
}

#[test]
fn null_and_the_text_null_differ_and_are_told_apart_in_the_difference() {
    let mut actual = rows(&[&["x"]]);
    actual.rows[0][0] = Value::Text("NULL".to_owned());
    check(expected(&[&["NULL"]], Sort::None), &actual, "row 1 differs\n-NULL\n+'NULL'");
}

#[test]
fn sorting_sorts_both_sides_and_numbers_by_value() {
    let actual = rows(&[&["10", "b"], &["9", "a"]]);
    check(expected(&[&["9", "a"], &["10", "b"]], Sort::Rows), &actual, "met");
    check(expected(&[&["10.0", "b"], &["9", "a"]], Sort::Rows), &actual, "met");
    check(
        expected(&[&["9", "a"], &["9", "a"]], Sort::Rows),
        &actual,
        "1 row missing, 1 not expected\n-9 | a\n+10 | b\n 9 | a",
    );
    check(expected(&[&["9", "a"]], Sort::Rows), &actual, "1 row not expected\n+10 | b\n 9 | a");
}

#[test]
fn a_broad_pattern_does_not_take_the_row_of_a_narrow_one() {
    let actual = rows(&[&["aa"], &["b"]]);
    check(expected(&[&["<REGEX>:.*"], &["<REGEX>:a+"]], Sort::Rows), &actual, "met");
    check(
        expected(&[&["<REGEX>:.*"], &["<REGEX>:c"]], Sort::Rows),
        &actual,
        "1 row missing, 1 not expected\n-<REGEX>:c\n aa\n+b",
    );
}

#[test]
fn cells_sorted_one_by_one_may_change_rows() {
    let actual = rows(&[&["1", "2"], &["3", "4"]]);
    check(expected(&[&["4", "3"], &["2", "1"]], Sort::Values), &actual, "met");
    check(
        expected(&[&["4", "3"], &["2", "2"]], Sort::Values),
        &actual,
        "1 row missing, 1 not expected\n-2\n+1\n 2\n 3\n … 1 equal line",
    );
}

#[test]
fn the_number_of_columns_is_always_compared() {
    check(
        expected(&[&["a b"]], Sort::None),
        &rows(&[&["a", "b"]]),
        "expected row 1 has 1 cell, the result has 2 columns\n\
         hint: the result's columns are `C1` TEXT, `C2` TEXT",
    );
    check(
        ExpectedRows { types: Some("III".to_owned()), ..expected(&[], Sort::None) },
        &rows(&[&["1", "2"]]),
        "expected 3 columns (`III`), got 2\n\
         hint: the result's columns are `C1` NUMBER(38,0), `C2` NUMBER(38,0)",
    );
}

#[test]
fn types_are_compared_even_without_rows() {
    let mut actual = rows(&[&["1", "x"]]);
    actual.rows.clear();
    let typed =
        |types: &str| ExpectedRows { types: Some(types.to_owned()), ..expected(&[], Sort::None) };
    check(typed("IT"), &actual, "met");
    check(typed("R?"), &actual, "met");
    check(typed("TT"), &actual, "met");
    check(typed("II"), &actual, "column 2 `C2` is TEXT, not of type `I`");
    check(typed("BT"), &actual, "column 1 `C1` is NUMBER(38,0), not of type `B`");
}

#[test]
fn names_are_compared_exactly() {
    let named = ExpectedRows {
        columns: Some(vec!["C1".to_owned(), "total".to_owned()]),
        ..expected(&[&["1", "2"]], Sort::None)
    };
    check(named, &rows(&[&["1", "2"]]), "column names differ\n C1\n-total\n+C2");
}

#[test]
fn values_are_compared_in_rows_of_the_result() {
    let values = |cells: &[&str], sort| ExpectedRows {
        sort,
        rows: RowsExpected::Values(cells.iter().map(|it| cell(it)).collect()),
        ..ExpectedRows::default()
    };
    let actual = rows(&[&["1", "a"], &["2", "b"]]);
    check(values(&["1", "a", "2", "b"], Sort::None), &actual, "met");
    check(values(&["2", "b", "1", "a"], Sort::Rows), &actual, "met");
    check(values(&["a", "b", "1", "2"], Sort::Values), &actual, "met");
    check(values(&["a"], Sort::None), &actual, "expected 1 value, got 2 rows of 2 columns");
    check(values(&[], Sort::None), &actual, "expected 0 rows, got 2\n+1 | a\n+2 | b");
}

#[test]
fn hashes_are_those_of_sqllogictest() {
    let hash = |count, md5: &str, sort| ExpectedRows {
        types: Some("IT".to_owned()),
        sort,
        rows: RowsExpected::Hash { count, md5: md5.to_owned() },
        ..ExpectedRows::default()
    };
    let actual = rows(&[&["1", "b"], &["2", "a"]]);
    // `printf '1\nb\n2\na\n' | md5sum`, and the values sorted.
    check(hash(4, "4d6b430d77894d4b70c1b80de1f3156a", Sort::None), &actual, "met");
    check(
        hash(4, "0", Sort::Values),
        &actual,
        "4 values hash differently\n-4 values hashing to 0\n+4 values hashing to d4a59fc154c4bba3dd6aa3f5a81de972",
    );
}

#[test]
fn counts_say_what_was_expected() {
    let count = |min, max| ExpectedRows {
        rows: RowsExpected::Count { min, max },
        ..ExpectedRows::default()
    };
    let actual = rows(&[&["1"], &["2"]]);
    check(count(1, None), &actual, "met");
    check(count(0, Some(2)), &actual, "met");
    check(count(3, None), &actual, "expected 3 rows or more, got 2");
    check(count(1, Some(1)), &actual, "expected 1 row, got 2");
    check(count(3, Some(5)), &actual, "expected 3 to 5 rows, got 2");
}

#[test]
fn contained_rows_may_be_anywhere() {
    let contains = |cells: &[&[&str]]| ExpectedRows {
        rows: RowsExpected::Contains(
            cells.iter().map(|row| row.iter().map(|it| cell(it)).collect()).collect(),
        ),
        ..ExpectedRows::default()
    };
    let actual = rows(&[&["1", "a"], &["2", "b"]]);
    check(contains(&[&["2", "<REGEX>:b+"]]), &actual, "met");
    check(
        contains(&[&["2", "b"], &["2", "b"]]),
        &actual,
        "an expected row is missing among 2 rows\n-2 | b\n 1 | a\n 2 | b",
    );
}

#[test]
fn a_bad_pattern_is_a_difference_and_no_panic() {
    let Err(difference) = judge(
        &Expect::Rows(expected(&[&["<REGEX>:("]], Sort::None)),
        Answer::Rows(&rows(&[&["1"]])),
    ) else {
        panic!("a bad pattern matched");
    };
    assert!(difference.message.starts_with("`(` is not a regular expression"), "{difference:?}");
}

fn refused(code: &str, sqlstate: &str, message: &str) -> Refusal {
    Refusal { code: code.to_owned(), sqlstate: sqlstate.to_owned(), message: message.to_owned() }
}

#[track_caller]
fn check_refusal(expected: ExpectedRefusal, answer: Answer<'_>, verdict: &str) {
    let found = match judge(&Expect::Refused(expected), answer) {
        Ok(()) => "met".to_owned(),
        Err(Difference { message, diff, .. }) => {
            [Some(message), diff].into_iter().flatten().collect::<Vec<_>>().join("\n")
        }
    };
    assert_eq!(found, verdict, "\n{found}\n");
}

#[test]
fn each_given_part_of_a_refusal_must_match() {
    let timeout = refused("000630", "57014", "Statement reached its timeout\nof 5 second(s)");
    let any = ExpectedRefusal::default();
    let code = ExpectedRefusal { code: Some("630".to_owned()), ..any.clone() };
    let message = |message| ExpectedRefusal { message: Some(message), ..any.clone() };

    check_refusal(any.clone(), Answer::Refused(&timeout), "met");
    check_refusal(code, Answer::Refused(&timeout), "met");
    check_refusal(
        message(MessageMatch::Contains("timeout of 5".to_owned())),
        Answer::Refused(&timeout),
        "met",
    );
    check_refusal(
        message(MessageMatch::Regex(r"^000630 .*(?s).*of \d second".to_owned())),
        Answer::Refused(&timeout),
        "met",
    );
    check_refusal(
        ExpectedRefusal {
            code: Some("002003".to_owned()),
            sqlstate: Some("42S02".to_owned()),
            message: Some(MessageMatch::Contains("does not exist".to_owned())),
        },
        Answer::Refused(&timeout),
        "refused as expected, but with code `000630` instead of `002003`, SQLSTATE `57014` \
         instead of `42S02`, another message\n\
         -code: 002003\n-sqlstate: 42S02\n-message contains: does not exist\n\
         +code: 000630\n+sqlstate: 57014\n+message: Statement reached its timeout of 5 second(s)",
    );
    check_refusal(
        ExpectedRefusal { code: Some("000630".to_owned()), ..any },
        Answer::Rows(&rows(&[&["1"]])),
        "expected a refusal with code 000630, got 1 row",
    );
}

#[test]
fn affected_rows_are_counted() {
    let affected = |count| Rows { affected: count, ..Rows::default() };
    let verdict = |expected, actual: Rows| {
        judge(&Expect::Affected(expected), Answer::Rows(&actual)).map_err(|it| it.message)
    };
    assert_eq!(verdict(3, affected(Some(3))), Ok(()));
    assert_eq!(verdict(1, affected(Some(3))), Err("expected 1 row affected, got 3".to_owned()));
    assert_eq!(
        verdict(1, affected(None)),
        Err("expected 1 row affected, but the statement is not one that affects rows".to_owned())
    );
}

#[test]
fn results_of_two_queries_are_compared_by_value() {
    let mut decimal = rows(&[&["1"], &["2"]]);
    decimal.rows = vec![
        vec![Value::Number { digits: 200, scale: 2 }],
        vec![Value::Number { digits: 10, scale: 1 }],
    ];
    assert_eq!(compare_results(&rows(&[&["1"], &["2"]]), &decimal, Sort::Rows), Ok(()));
    let in_order = compare_results(&rows(&[&["1"], &["2"]]), &decimal, Sort::None);
    assert_eq!(in_order.unwrap_err().message, "row 1 and 1 other differ");
}

#[test]
fn a_refusal_never_satisfies_what_is_not_a_refusal() {
    let refusal = refused("002003", "42S02", "Object 'T' does not exist");
    let message = judge(&Expect::Ok, Answer::Refused(&refusal)).unwrap_err().message;
    assert_eq!(message, "the server refused it: 002003 (42S02): Object 'T' does not exist");
    assert_eq!(judge(&Expect::Recorded, Answer::Refused(&refusal)), Ok(()));
}
