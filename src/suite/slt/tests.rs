//! SLT to suites, and what is wrong with it. The letters are those of the crate's defects that
//! the pre-pass is there for.

use crate::suite::{
    Action, Cell, Expect, ExpectedRows, MessageMatch, RowsExpected, Sort, Step, Suite, SuiteErrors,
    load::test_folder::TestFolder, parse_suite, source::Source,
};

fn show(suite: &Suite) -> String {
    let mut out = String::new();
    for step in &suite.setup {
        out += &format!("setup {}\n", show_step(step));
    }
    for case in &suite.cases {
        let id = case.id.as_ref().map(|it| format!("{it} ")).unwrap_or_default();
        out += &format!("case {id}{}\n", case.name);
        for step in &case.steps {
            out += &format!("  {}\n", show_step(step));
        }
    }
    out
}

fn show_step(step: &Step) -> String {
    let mut out = format!("{}:", step.span.line);
    if step.session != "standard" {
        out += &format!(" {}", step.session);
    }
    match &step.action {
        Action::Execute { sql, .. } => out += &format!(" {sql:?}"),
        Action::Sleep(it) => out += &format!(" sleep {it:?}"),
        Action::Look(it) => out += &format!(" {}", it.in_words()),
        Action::Load(it) => out += &format!(" {}", it.in_words()),
    }
    for it in &step.expect {
        out += " => ";
        out += &match &it.outcome {
            Expect::Ok => "ok".to_owned(),
            Expect::Affected(count) => format!("affected {count}"),
            Expect::Rows(rows) => show_rows(rows),
            Expect::Refused(it) => {
                let message = it.message.as_ref().map(|it| match it {
                    MessageMatch::Contains(it) => format!(" contains {it:?}"),
                    MessageMatch::Regex(it) => format!(" matches {it:?}"),
                    MessageMatch::Exact(it) => format!(" is {it:?}"),
                });
                let code = it.code.as_ref().map(|it| format!(" {it}"));
                let sqlstate = it.sqlstate.as_ref().map(|it| format!(" ({it})"));
                let parts = [code, sqlstate, message];
                format!("refused{}", parts.into_iter().flatten().collect::<String>())
            }
            other => format!("{other:?}"),
        };
    }
    if let Some(it) = step.within {
        out += &format!(" within {it:?}");
    }
    if let Some(it) = &step.save {
        out += &format!(" save {it}");
    }
    for it in &step.when {
        out += &format!(" [{it}]");
    }
    out
}

fn show_rows(rows: &ExpectedRows) -> String {
    let mut out = rows.types.clone().unwrap_or_else(|| "-".to_owned());
    out += match rows.sort {
        Sort::None => "",
        Sort::Rows => " rowsort",
        Sort::Values => " valuesort",
    };
    if let Some(label) = &rows.label {
        out += &format!(" label {label}");
    }
    let row = |row: &Vec<Cell>| row.iter().map(show_cell).collect::<Vec<_>>().join("|");
    out += &match &rows.rows {
        RowsExpected::Rows(rows) => {
            format!(" rows {}", rows.iter().map(row).collect::<Vec<_>>().join(" / "))
        }
        RowsExpected::Values(values) => format!(" values {}", row(values)),
        RowsExpected::Hash { count, md5 } => format!(" hash {count} {md5}"),
        other => format!(" {other:?}"),
    };
    out
}

fn show_cell(cell: &Cell) -> String {
    match cell {
        Cell::Text(it) => format!("'{it}'"),
        Cell::Null => "NULL".to_owned(),
        Cell::Regex(it) => format!("/{it}/"),
        Cell::NotRegex(it) => format!("!/{it}/"),
        Cell::Ignore(parts) => format!("'{}'", parts.join("…")),
    }
}

fn show_errors(errors: &SuiteErrors) -> String {
    let lines = errors.errors.iter().map(|it| match it.kind.help() {
        Some(help) => format!("{it}; {help}\n"),
        None => format!("{it}\n"),
    });
    lines.collect()
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let actual = match parse_suite("t", Source::new("t.slt", text.to_owned())) {
        Ok(suite) => show(&suite),
        Err(errors) => show_errors(&errors),
    };
    assert_eq!(actual.trim_end(), expected.trim(), "\n{text}");
}

/// The steps of a case of this text.
#[track_caller]
fn check_steps(text: &str, expected: &str) {
    let text = format!("subtest a\n{text}");
    let actual = match parse_suite("t", Source::new("t.slt", text.clone())) {
        Ok(suite) => {
            let steps = suite.cases.iter().flat_map(|it| &it.steps).map(show_step);
            steps.collect::<Vec<_>>().join("\n")
        }
        Err(errors) => show_errors(&errors),
    };
    assert_eq!(actual.trim_end(), expected.trim(), "\n{text}");
}

#[test]
fn records_between_subtests_are_a_case() {
    check(
        "# doc: a suite

statement ok
CREATE TABLE T (ID INT)

subtest L-13 calls are rejected

connection interactive
statement error
CALL P()

statement count 3
INSERT INTO T
SELECT 1

subtest rows
query TI rowsort same
SELECT 'a', 1
----
a 1
b NULL

sleep 2s

subtest word
query I retry 3 backoff 500ms
SELECT 1
----
1
",
        r#"
setup 4: "CREATE TABLE T (ID INT)" => ok
case L-13 calls are rejected
  10: interactive "CALL P()" => refused
  13: "INSERT INTO T\nSELECT 1" => affected 3
case rows
  18: "SELECT 'a', 1" => TI rowsort label same rows 'a'|'1' / 'b'|NULL
  23: sleep 2s => ok
case word
  27: "SELECT 1" => I rows '1' within 1.5s
"#,
    );
}

#[test]
fn without_subtest_every_record_is_a_case() {
    let text = "statement ok
CREATE TABLE T (ID INT)

sleep 1s

let x
SELECT 1

query I
SELECT   {x} AS A_COLUMN, 'and so on' AS ANOTHER_COLUMN, 'and so on'
  FROM T
----
1

sleep 3s
";
    check(
        text,
        r#"
case line 1: CREATE TABLE T (ID INT)
  2: "CREATE TABLE T (ID INT)" => ok
case line 9: SELECT {x} AS A_COLUMN, 'and so on' AS ANOTHER_COL…
  4: sleep 1s => ok
  7: "SELECT 1" => - Count { min: 1, max: Some(1) } save x
  10: "SELECT   {x} AS A_COLUMN, 'and so on' AS ANOTHER_COLUMN, 'and so on'\n  FROM T" => I rows '1'
  15: sleep 3s => ok
"#,
    );
    let suite = parse_suite("t", Source::new("t.slt", text.to_owned())).unwrap();
    assert!(suite.ordered);
}

#[test]
fn annotations_are_read() {
    let text = "# doc: a suite
#   of two lines
# tags: a, b
# use: orders
# needs: interactive
# Some other comment: yes

subtest one
# doc: a case
# tags: slow
# needs: fallback
# evidence: documented (docs: interactive tables (limits))
# only: fallback.. (it came then)
# note: not one of ours

statement ok
SELECT 1

statement error
SELECT 2

subtest two
# evidence: seed
statement ok
SELECT 3
";
    let suite = parse_suite("t", Source::new("t.slt", text.to_owned())).unwrap();
    assert_eq!(suite.doc, "a suite\nof two lines");
    assert_eq!(suite.tags, ["a", "b"]);
    assert_eq!(suite.data[0].value, "orders");
    assert_eq!(suite.data[0].span.to_string(), "t.slt:4:8");
    assert_eq!(suite.needs[0].value, "interactive");
    let case = &suite.cases[0];
    assert_eq!(case.doc.as_deref(), Some("a case"));
    assert_eq!(case.tags, ["slow"]);
    assert_eq!(case.needs[0].value, "fallback");
    let only = case.only.as_ref().unwrap();
    assert_eq!((only.releases.0.len(), only.reason.as_str()), (2, "it came then"));
    let evidence = |case: usize, step: usize| {
        let it = &suite.cases[case].steps[step].expect[0];
        (format!("{:?}", it.evidence), it.source.clone())
    };
    let source = "docs: interactive tables (limits)".to_owned();
    assert_eq!(evidence(0, 0), ("None".to_owned(), None));
    assert_eq!(evidence(0, 1), ("Documented".to_owned(), Some(source)));
    assert_eq!(evidence(1, 0), ("Seed".to_owned(), None));
}

#[test]
fn annotations_are_checked() {
    check(
        "# tag: a
# evidence: seed
# user: not one of ours
# uses: orders

subtest a
# evidance: seed
# evidence: sed
# evidence: seed (never closed
# only: fallback..
# only: falback (r)
# use: orders
# see: https://example.com

statement ok
SELECT 1

# only: fallback.. (too late)
",
        "
t.slt:1:3: unknown annotation `tag`; did you mean `tags`?
t.slt:2:3: `# evidence:` has no effect here; it stands below `subtest`, before the first record
t.slt:4:3: unknown annotation `uses`; did you mean `use`?
t.slt:7:3: unknown annotation `evidance`; did you mean `evidence`?
t.slt:8:13: unknown evidence `sed`; did you mean `seed`?
t.slt:9:13: a parenthesis is not closed; an annotation is one line
t.slt:10:9: `fallback..` is not releases and a reason; the reason is shown where the case is skipped: `fallback.. (it came with fallback)`
t.slt:11:9: unknown release `falback`; did you mean `fallback`?
t.slt:12:3: `# use:` has no effect here; it stands at the head of the file
t.slt:18:3: `# only:` has no effect here; it stands below `subtest`, before the first record
",
    );
}

#[test]
fn a_reason_behind_a_condition_is_a_comment() {
    check_steps(
        "skipif mysql # no such function\nonlyif emulator# why\nstatement ok\nSELECT 1\n",
        r#"5: "SELECT 1" => ok [skipif mysql] [onlyif emulator]"#,
    );
}

#[test]
fn b_a_byte_order_mark_is_passed_over() {
    check_steps("", "t.slt:1:1: the case has no steps; a case without steps would always pass");
    check("\u{feff}statement ok\nSELECT 1\n", "case line 1: SELECT 1\n  2: \"SELECT 1\" => ok");
}

#[test]
fn c_a_line_of_blanks_ends_a_record() {
    check_steps(
        "query I\nSELECT 1\n----\n1\n   \nstatement ok\nSELECT 2\n \t\nstatement ok\nSELECT 3\n",
        r#"
3: "SELECT 1" => I rows '1'
8: "SELECT 2" => ok
11: "SELECT 3" => ok
"#,
    );
}

#[test]
fn d_what_is_round_an_ignored_part_is_kept() {
    check_steps(
        "query TT\nSELECT\n----\na<slt:ignore>b\t<slt:ignore>\n<slt:ignore>x y\n",
        "3: \"SELECT\" => TT rows 'a…b'|'…' / '…x'|'y'",
    );
}

#[test]
fn e_labels_are_kept() {
    check_steps(
        "query I nosort label-7\nSELECT 1\n----\n1\n\nquery I label-7\nSELECT 1\n----\n1\n",
        "3: \"SELECT 1\" => I label label-7 rows '1'\n8: \"SELECT 1\" => I label label-7 rows '1'",
    );
    check_steps(
        "query I rowsrt\nSELECT 1\n----\n1\n",
        "t.slt:2:1: `rowsrt` is not a label or a sort mode; sort modes are `nosort`, `rowsort` and `valuesort`; a label should look like none of them",
    );
}

#[test]
fn f_the_number_of_columns_is_checked() {
    check_steps(
        "query TT\nSELECT\n----\na b c\n",
        "t.slt:5:1: row 1 has 3 cells, and the query 2 columns; tabs between cells let a cell have blanks in it",
    );
    check_steps(
        "query\nSELECT\n----\na b\n",
        "t.slt:5:1: a result of no columns; a letter for each column behind `query`: `query TI`",
    );
    check_steps("query TT\nSELECT\n----\na b\tc\n", "3: \"SELECT\" => TT rows 'a b'|'c'");
    check_steps("query T\nSELECT\n----\na b\tc\n", "3: \"SELECT\" => T rows 'a b\tc'");
    check_steps("query II\nSELECT\n", "3: \"SELECT\" => II rows");
}

#[test]
fn g_retries_are_a_deadline() {
    check_steps(
        "statement ok retry 2 backoff 300ms\nSELECT 1\n",
        "3: \"SELECT 1\" => ok within 600ms",
    );
    check_steps(
        "statement ok retry 2 backof 300ms\nSELECT 1\n",
        "t.slt:2:22: unexpected `backof`; `statement ok`, `statement count N` or `statement error PATTERN`",
    );
}

#[test]
fn h_a_retry_behind_a_pattern_is_no_part_of_it() {
    check_steps(
        "statement error boom  (now) retry 2 backoff 1s\nSELECT 1\n\nquery error retry 3 backoff 1s\nSELECT 2\n",
        "3: \"SELECT 1\" => refused matches \"boom  (now)\" within 2s\n6: \"SELECT 2\" => refused within 3s",
    );
    check_steps(
        "statement error boom retry 2 backoff soon\nSELECT 1\n",
        "t.slt:2:38: `soon` is not a duration; a number and a unit: `5s`, `300ms`",
    );
}

#[test]
fn i_commands_are_refused() {
    check(
        "system ok\nrm -rf x\n\nstatement ok\nSELECT 1\n",
        "t.slt:1:1: `system` is not run; a suite cannot run commands of the machine that it is run on",
    );
}

#[test]
fn k_what_looks_like_a_variable_elsewhere_is_left_alone() {
    check_steps(
        "statement ok\nSELECT $1, '\\d', $$ x $$ FROM @s WHERE $HOME\n",
        r#"3: "SELECT $1, '\\d', $$ x $$ FROM @s WHERE $HOME" => ok"#,
    );
    check(
        "control substitution on\n\nstatement ok\nSELECT 1\n",
        "t.slt: `control substitution on` is not supported; variables are written `{name}` and need no switching on; `$` stays as it is",
    );
}

#[test]
fn l_the_environment_is_not_read() {
    check_steps(
        "statement ok\nSELECT '$PATH', '${PATH}', {path}\n",
        r#"3: "SELECT '$PATH', '${PATH}', {path}" => ok"#,
    );
}

#[test]
fn n_an_empty_text_can_be_expected() {
    check_steps("query T\nSELECT ''\n----\n(empty)\n", "3: \"SELECT ''\" => T rows ''");
}

#[test]
fn o_sorting_is_left_to_the_comparison() {
    check_steps(
        "control sortmode rowsort\n\nquery I\nSELECT\n----\n9\n10\n\nquery I nosort\nSELECT\n----\n1\n\nquery I valuesort\nSELECT\n----\n1\n",
        "5: \"SELECT\" => I rowsort rows '9' / '10'\n11: \"SELECT\" => I rows '1'\n16: \"SELECT\" => I valuesort rows '1'",
    );
}

#[test]
fn p_a_halt_for_another_engine_is_none() {
    check(
        "onlyif mssql # twenty columns\nhalt\n\nstatement ok\nSELECT 1\n",
        "case line 4: SELECT 1\n  5: \"SELECT 1\" => ok",
    );
}

#[test]
fn p_a_halt_ends_the_file_where_it_always_holds() {
    check(
        "statement ok\nSELECT 1\n\nhalt\n\nthis is not read\n",
        "case line 1: SELECT 1\n  2: \"SELECT 1\" => ok",
    );
    check(
        "statement ok\nSELECT 1\n\nskipif mssql\nonlyif snowflake\nhalt\n\nthis is not read\n",
        "case line 1: SELECT 1\n  2: \"SELECT 1\" => ok",
    );
}

#[test]
fn p_a_conditional_halt_skips_what_follows() {
    check(
        "statement ok\nSELECT 1\n\nonlyif emulator\nhalt\n\nstatement ok\nSELECT 2\n\nskipif fallback\nhalt\n\nskipif x\nstatement ok\nSELECT 3\n",
        r#"
case line 1: SELECT 1
  2: "SELECT 1" => ok
case line 7: SELECT 2
  8: "SELECT 2" => ok [skipif emulator]
case line 14: SELECT 3
  15: "SELECT 3" => ok [skipif x] [skipif emulator] [onlyif fallback]
"#,
    );
    check(
        "onlyif emulator\nonlyif fallback\nhalt\n\nstatement ok\nSELECT 1\n",
        "t.slt:3:1: `halt` on several conditions; one `skipif` or `onlyif` above each `halt`",
    );
}

#[test]
fn p_a_condition_does_not_leak() {
    let help = "it stands right above `statement`, `query`, `let`, `sleep` or `halt`";
    check(
        "skipif live\n\nstatement ok\nSELECT 1\n\nskipif live\nhash-threshold 8\n\nonlyif live\n",
        &format!(
            "t.slt:1:1: the condition belongs to no record; {help}\n\
             t.slt:6:1: the condition belongs to no record; {help}\n\
             t.slt:9:1: the condition belongs to no record; {help}"
        ),
    );
    check_steps(
        "onlyif live\nsleep 1s\n\nstatement ok\nSELECT 1\n",
        "3: sleep 1s => ok [onlyif live]\n6: \"SELECT 1\" => ok",
    );
}

#[test]
fn a_comment_between_a_condition_and_its_record_is_allowed() {
    check_steps(
        "onlyif live\n# because\nconnection interactive\nstatement ok\nSELECT 1\n",
        "6: interactive \"SELECT 1\" => ok [onlyif live]",
    );
}

#[test]
fn windows_line_ends_change_nothing() {
    check_steps(
        "query I\r\nSELECT 1\r\n----\r\n1\r\n\r\nstatement error\r\nSELECT 2\r\n----\r\na\r\n\r\n\r\n",
        "3: \"SELECT 1\" => I rows '1'\n8: \"SELECT 2\" => refused is \"a\"",
    );
}

#[test]
fn errors_can_be_expected_in_several_ways() {
    check_steps(
        "statement error
A

statement error 000630
B

statement error (57014)
C

query error time.*out
D

statement error
E
----
two lines

and a third


statement error (57014) timeout
F
",
        r#"
3: "A" => refused
6: "B" => refused 000630
9: "C" => refused (57014)
12: "D" => refused matches "time.*out"
15: "E" => refused is "two lines\n\nand a third"
23: "F" => refused matches "(57014) timeout"
"#,
    );
    check_steps(
        "statement error a(\nA\n\nstatement error b\nB\n----\nc\n\n\n",
        "t.slt:2:17: `a(` is not a regular expression: unclosed group; put a backslash before `.[]{}()*+?|^$` to mean the character\n\
         t.slt:7:1: the error is given twice, behind `error` and here; a pattern behind `error`, or the whole message here",
    );
}

#[test]
fn a_message_does_not_swallow_what_follows() {
    check_steps(
        "statement error\nA\n----\nmessage\n\nstatement ok\nB\n\nstatment ok\nC\n",
        "t.slt:7:1: this would be a part of the error's message above; a message ends in two blank lines\n\
         t.slt:10:1: unknown directive `statment`; did you mean `statement`?",
    );
}

#[test]
fn results_of_sqlite_are_read() {
    check_steps(
        "control resultmode rowwise\n\nquery TT\nSELECT\n----\na\nb\n",
        "t.slt:7:1: row 1 has 1 cell, and the query 2 columns; tabs between cells let a cell have blanks in it",
    );
    check_steps(
        "control resultmode valuewise\n\nquery TT\nSELECT\n----\na\nb\nc\n",
        "t.slt:9:1: 3 values for 2 columns: the last row is not whole; each value stands on a line of its own",
    );
    check_steps(
        "hash-threshold 8\n\nquery II rowsort\nSELECT\n----\n1\n2\n3\nNULL\n\nquery III nosort x\nSELECT\n----\n30 values hashing to 3c13dee48d9356ae19af2515e05e6b54\n\n\
         control resultmode valuewise\n\nquery TT\nSELECT\n----\na b\nc d\n",
        "5: \"SELECT\" => II rowsort values '1'|'2'|'3'|NULL\n\
         13: \"SELECT\" => III label x hash 30 3c13dee48d9356ae19af2515e05e6b54\n\
         20: \"SELECT\" => TT values 'a b'|'c d'",
    );
}

#[test]
fn all_errors_of_a_file_are_found() {
    check(
        "statment ok
SELECT 1

statement okay
SELECT 2

query X
SELECT 3

query I rowsort a b
SELECT 4

statement ok

statement count few
SELECT 5

statement ok
SELECT 6
----
1

sleep long

control sortmode rows

let Big
SELECT 1

let a, b
SELECT 1, 2

subtest

subtest L-9 a
statement ok
SELECT 7

subtest b
query T
SELECT 8
----
<REGEX>:[

subtest b
statement ok
SELECT 9
",
        "
t.slt:1:1: unknown directive `statment`; did you mean `statement`?
t.slt:4:1: `statement okay` cannot be read; `statement ok`, `statement count N` or `statement error PATTERN`
t.slt:7:7: `X` is not a column's letter; `I` integer, `R` number, `T` text, `B` boolean, `D` date, `S` timestamp, `V` variant, `?` any
t.slt:10:19: unexpected `b`; `query TYPES [nosort|rowsort|valuesort] [LABEL] [retry N backoff TIME]`
t.slt:13:1: there is no SQL below this line; the statement begins on the next line
t.slt:15:17: `few` is not a number; a whole number
t.slt:20:1: a `statement` has no results; use `query` to compare rows
t.slt:23:7: `long` is not a duration; a number and a unit: `5s`, `300ms`
t.slt:25:18: unknown sort mode `rows`; there are `nosort`, `rowsort` and `valuesort`
t.slt:27:5: `Big` is not a variable's name; lower-case letters, digits and `_`, and no digit first: `before_it`
t.slt:30:1: `let` of several variables; a `let` of its own for each of them
t.slt:33:1: `subtest` needs a name; a sentence: `subtest L-09 an update is rejected`
t.slt:35:9: `L-9` is not a catalogue id; one of the letters S, L, R, C, M and A, and two digits: `L-09`
t.slt:43:1: `[` is not a regular expression: unclosed character class; put a backslash before `.[]{}()*+?|^$` to mean the character
t.slt:45:1: the name `b` is taken by the case in line 39; names are unique within a suite, since results are kept by name
",
    );
}

#[test]
fn a_file_of_nothing_is_an_error() {
    let help = "a suite of nothing would always pass";
    check("", &format!("t.slt: no records in this file; {help}"));
    check("# a comment\n\nhalt\n", &format!("t.slt: no records in this file; {help}"));
}

#[test]
fn an_error_is_shown_with_its_line() {
    let text = "statement ok\nSELECT 1\n\nquery IX\nSELECT 2\n";
    let errors = parse_suite("t", Source::new("t.slt", text.to_owned())).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "t.slt:4:7: `X` is not a column's letter
  |
4 | query IX
  |       ^^
  = help: `I` integer, `R` number, `T` text, `B` boolean, `D` date, `S` timestamp, `V` variant, `?` any
"
    );
}

#[test]
fn places_hold_beyond_a_chunk() {
    let mut text = String::new();
    for at in 0..5_000 {
        text += &format!("query I\nSELECT {at}\n----\n{at}\n\n");
    }
    let last = text.lines().count() + 2;
    let suite = parse_suite("t", Source::new("t.slt", format!("{text}statement ok\nLAST\n")));
    let suite = suite.unwrap();
    assert_eq!(suite.cases.len(), 5_001);
    assert_eq!(suite.cases[5_000].span.line, last);
    for (at, case) in suite.cases.iter().take(5_000).enumerate() {
        assert_eq!(case.span.line, at * 5 + 2);
        assert_eq!(case.name, format!("line {}: SELECT {at}", at * 5 + 1));
    }
    let errors = parse_suite("t", Source::new("t.slt", format!("{text}statment ok\nLAST\n")));
    assert_eq!(
        errors.unwrap_err().errors[0].to_string(),
        format!("t.slt:{}:1: unknown directive `statment`", last - 1)
    );
}

#[track_caller]
fn check_files(files: &[(&str, &str)], expected: &str) {
    let folder = TestFolder::new(files.iter().copied());
    let actual = match crate::suite::load(&[folder.path().join("suites")]) {
        Ok(loaded) => loaded.suites.iter().map(show).collect::<String>(),
        Err(errors) => folder.shortened(&show_errors(&errors)),
    };
    assert_eq!(actual.trim_end(), expected.trim());
}

#[test]
fn a_file_can_include_another() {
    check_files(
        &[
            (
                "suites/a/a.slt",
                "statement ok\nSELECT 1\n\ninclude ../parts/b.part\n\ninclude ../parts/b.part\n\nstatement ok\nSELECT 3\n",
            ),
            ("suites/parts/b.part", "# tags: not the suite's\nstatement ok\nSELECT 2\n"),
        ],
        r#"
case line 1: SELECT 1
  2: "SELECT 1" => ok
case b.part line 2: SELECT 2
  3: "SELECT 2" => ok
case b.part line 2: SELECT 2 (2)
  3: "SELECT 2" => ok
case line 8: SELECT 3
  9: "SELECT 3" => ok
"#,
    );
}

#[test]
fn errors_of_an_included_file_are_told_in_it() {
    check_files(
        &[
            ("suites/a.slt", "include b.part\n\ninclude c.part\n\ninclude *.part\n"),
            ("suites/b.part", "\nstatment ok\nSELECT 2\n"),
        ],
        "
suites/a.slt:3:1: `c.part`: no such file or folder
suites/a.slt:5:1: `include *.part` names no single file; name each file in an `include` of its own
suites/b.part:2:1: unknown directive `statment`; did you mean `statement`?
",
    );
}

#[test]
fn files_do_not_include_each_other() {
    check_files(
        &[("suites/a.slt", "include b.part\n"), ("suites/b.part", "include a.slt\n")],
        "suites/b.part:1:1: `a.slt` is being included already",
    );
}

#[test]
fn a_halt_in_an_included_file_ends_the_suite() {
    check_files(
        &[
            ("suites/a.slt", "include b.part\n\nstatement ok\nSELECT 1\n"),
            ("suites/b.part", "statement ok\nSELECT 2\n\nhalt\n"),
        ],
        "case b.part line 1: SELECT 2\n  2: \"SELECT 2\" => ok",
    );
}
