//! Each rule with what it finds and with what it leaves alone.

use super::*;
use crate::suite::{parse_data_set, parse_suite};
use std::{collections::BTreeSet, fs, path::PathBuf};

/// The names of the rules that find something in these files: `line:column rule`.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let mut loaded = Loaded::default();
    for (path, text) in files {
        let source = Source::new(*path, (*text).to_owned());
        loaded.sources.push(Arc::new(source.clone()));
        match text.starts_with("data-set") {
            true => {
                loaded.data_sets.push(parse_data_set(source).unwrap_or_else(|it| panic!("{it}")))
            }
            false => {
                let suite = parse_suite(path, source).unwrap_or_else(|it| panic!("{it}"));
                loaded.suites.push(suite);
            }
        }
    }
    let show = |it: &Warning| format!("{}:{} {}", it.span.line, it.span.column, it.rule.name);
    lint(&loaded).iter().map(show).collect()
}

#[track_caller]
fn check(path: &str, text: &str, expected: &[&str]) {
    assert_eq!(found(&[(path, text)]), expected, "\n{text}");
}

#[track_caller]
fn check_yaml(cases: &str, expected: &[&str]) {
    check("t.yaml", &format!("cases:\n{cases}"), expected);
}

/// A case of one step, from line 2.
#[track_caller]
fn check_step(keys: &str, expected: &[&str]) {
    check_yaml(&format!("  - name: a\n    {}\n", keys.replace('\n', "\n    ")), expected);
}

#[test]
fn rows_without_an_order_are_not_compared_in_order() {
    let two = "expect: { rows: [[1], [2]] }";
    check_step(&format!("sql: SELECT A FROM T\n{two}"), &["4:13 unordered-rows"]);
    check_step(&format!("sql: SELECT A FROM T ORDER BY A\n{two}"), &[]);
    check_step("sql: SELECT A FROM T\nexpect: { rows: [[1], [2]], sort: rows }", &[]);
    check_step("sql: SELECT A FROM T\nexpect: { rows: [[1]] }", &[]);
    check_step("sql: SELECT A FROM T\nexpect: { rows: [[1], [1]] }", &[]);
    check_step("sql: SELECT A FROM T\nexpect: { contains: [[1], [2]] }", &[]);
    check_step(&format!("sql: SHOW TABLES\n{two}"), &[]);
    check_step(
        "sql: SELECT A FROM T\nexpect: { same-as: SELECT A FROM U }",
        &["4:13 unordered-rows"],
    );
    check_step(
        "sql: SELECT A FROM T ORDER BY A\nexpect: { same-as: SELECT A FROM U }",
        &["4:13 unordered-rows"],
    );
    check_step(
        "sql: SELECT A FROM T ORDER BY A\nexpect: { same-as: SELECT A FROM U ORDER BY A }",
        &[],
    );
    check_step("sql: SELECT COUNT(*) FROM T\nexpect: { same-as: SELECT N FROM U }", &[]);
    check_step("sql: SELECT N FROM U\nexpect: { same-as: SELECT COUNT(*) FROM T }", &[]);
    check("t.slt", "query I nosort\nSELECT A FROM T\n----\n1\n2\n", &["4:1 unordered-rows"]);
    check("t.slt", "query I rowsort\nSELECT A FROM T\n----\n1\n2\n", &[]);
    check(
        "t.slt",
        "query II nosort\nSELECT A, B FROM T\n----\n30 values hashing to 3c13dee48d9356ae19af2515e05e6b54\n",
        &["4:1 unordered-rows"],
    );
    check("t.slt", "query II nosort\nSELECT A, B FROM T\n----\n1\n2\n", &[]);
}

#[test]
fn a_limit_without_an_order_leaves_any_rows() {
    let limit = "sql: SELECT A FROM T LIMIT 1";
    check_step(&format!("{limit}\nexpect: {{ rows: [[1]] }}"), &["4:13 unordered-limit"]);
    check_step(&format!("{limit}\nexpect: {{ count: 1 }}"), &[]);
    check_step("sql: SELECT A FROM T ORDER BY A LIMIT 1\nexpect: { rows: [[1]] }", &[]);
    check_step(
        "sql: SELECT A FROM T LIMIT 3\nexpect: { same-as: { sql: SELECT A FROM U, sort: rows } }",
        &["4:13 unordered-limit"],
    );
}

#[test]
fn a_row_is_as_wide_as_the_query() {
    check_step("sql: SELECT A FROM T\nexpect: { rows: [[1, 2]] }", &["4:13 columns-differ"]);
    check_step("sql: SELECT A, B FROM T\nexpect: { rows: [[1, 2]] }", &[]);
    check_step("sql: SELECT * FROM T\nexpect: { rows: [[1, 2]] }", &[]);
    check_step("sql: SELECT A FROM T\nexpect: { count: 1, types: II }", &["4:13 columns-differ"]);
    check_step(
        "sql: SELECT COUNT(*), 1 FROM T\nexpect: { same-as: SELECT COUNT(*) FROM U }",
        &["4:13 columns-differ"],
    );
    // More letters than columns: the crate takes one cell a line for values.
    check("t.slt", "query II nosort\nSELECT A FROM T\n----\n1\n2\n", &["4:1 columns-differ"]);
    check("t.slt", "query II nosort\nSELECT A FROM T\n----\n", &["1:1 columns-differ"]);
    check("t.slt", "query I nosort\nSELECT A FROM T\n----\n", &[]);
}

#[test]
fn a_pattern_that_anything_matches_is_none() {
    let step = |rows: &str| format!("sql: SELECT A, B FROM T\nexpect: {{ rows: {rows} }}");
    let expected = ["4:13 matches-anything"];
    check_step(&step("[[1, <slt:ignore>]]"), &expected);
    check_step(&step("[[1, '<REGEX>:.*']]"), &expected);
    check_step(&step(r"[[1, '<REGEX>:([\s\S]*)']]"), &expected);
    check_step(&step("[[<slt:ignore>, <slt:ignore>]]"), &expected);
    check_step(&step("[[1, build <slt:ignore>]]"), &[]);
    check_step(&step("[[1, '<REGEX>:.+']]"), &[]);
    check_step(&step("[[1, '<!REGEX>:.*x.*']]"), &[]);
    // Two rows that differ in whether it is known.
    check_step(
        "sql: SELECT A, B FROM T ORDER BY A\nexpect: { rows: [[1, <slt:ignore>], [2, b]] }",
        &[],
    );
    // A column that the query cannot leave out.
    check_step("sql: SHOW TABLES\nexpect: { rows: [[1, <slt:ignore>]] }", &[]);
    check_step("sql: SHOW TABLES\nexpect: { contains: [[<slt:ignore>]] }", &expected);
    check("t.slt", "statement error .*\nDROP TABLE T\n", &["1:1 matches-anything"]);
    check("t.slt", "statement error syntax.*\nDROP TABLE T\n", &[]);
    check_step(
        "sql: DROP TABLE T\nexpect: { error: { code: \"000630\", matches: 'x?' } }",
        &expected,
    );
}

#[test]
fn a_tolerance_is_for_numbers() {
    let step = |cell: &str| {
        format!("sql: SELECT A FROM T\nexpect: {{ rows: [[{cell}]], tolerance: 1e-3 }}")
    };
    check_step(&step("abc"), &["4:13 idle-tolerance"]);
    check_step(&step("1.5"), &[]);
}

#[test]
fn a_case_that_cannot_fail_checks_nothing() {
    let any = "sql: UPDATE T SET A = 1\nexpect: { error: any, evidence: unverified }";
    check_step(any, &["4:13 cannot-fail"]);
    check_step(&format!("{any}\nunchanged: SELECT COUNT(*) FROM T"), &[]);
    check_step("sql: UPDATE T SET A = 1\nexpect: { error: any, evidence: documented }", &[]);
    check_step(
        "sql: UPDATE T SET A = 1\nexpect: { error: { code: \"000630\" }, evidence: unverified }",
        &[],
    );
    check_step("sql: UPDATE T SET A = 1\nexpect: recorded", &["4:13 cannot-fail"]);
    check_yaml(
        "  - name: a\n    steps:\n      - CREATE TABLE T\n      - { sql: ALTER TABLE T, expect: recorded }\n",
        &["5:39 cannot-fail"],
    );
    check_yaml(
        "  - name: a\n    steps:\n      - { sql: ALTER TABLE T, expect: recorded }\n      - { sql: SELECT 1, expect: { count: 1 } }\n",
        &[],
    );
    check_step("sql: SELECT 1\nexpect: { same-as: select  1 }", &["4:13 cannot-fail"]);
    check_step("sql: SELECT 1\nexpect: { same-as: { session: interactive, sql: SELECT 1 } }", &[]);
}

#[test]
fn within_waits_for_something_and_for_a_while() {
    check_step("sql: SELECT 1\nwithin: 5s", &["4:5 idle-within"]);
    check_step("sql: SELECT 1\nwithin: 5s\nexpect: { rows: [[2]] }", &[]);
    check_step("sql: DROP TABLE T\nwithin: 5s", &[]);
    check_step("sql: SELECT 1\nwithin: 100ms\nexpect: { rows: [[2]] }", &["4:5 short-within"]);
    check_step("sql: SELECT 1\nwithin: 250ms\nexpect: { rows: [[2]] }", &[]);
}

#[test]
fn unchanged_stands_beside_what_may_change_something() {
    let query = "unchanged: SELECT COUNT(*) FROM T";
    check_step(&format!("sql: SELECT 1\n{query}"), &["4:5 idle-unchanged"]);
    check_step(&format!("sql: DROP TABLE T\n{query}"), &[]);
    check_step(&format!("sql: SELECT SYSTEM$WAIT(1)\n{query}"), &[]);
    check_step("sql: DROP TABLE T\nunchanged: SELECT 1", &["4:5 idle-unchanged"]);
    check_step("sql: DROP TABLE T\nunchanged: SHOW TABLES", &[]);
    check_step("sql: DROP TABLE T\nunchanged: SELECT GET_DDL('table', 'T')", &[]);
}

#[test]
fn something_comes_after_a_sleep() {
    check_yaml("  - name: a\n    steps: [SELECT 1, sleep: 1s]\n", &["3:30 idle-sleep"]);
    check_yaml("  - name: a\n    steps: [sleep: 1s, SELECT 1]\n", &[]);
}

#[test]
fn a_label_is_for_two_results_at_least() {
    let query = |label: &str| format!("query I nosort {label}\nSELECT 1\n----\n1\n\n");
    check("t.slt", &query("same"), &["1:16 label-used-once"]);
    check("t.slt", &[query("same"), query("same")].concat(), &[]);
    check(
        "t.slt",
        &[query("same"), query("other")].concat(),
        &["1:16 label-used-once", "6:16 label-used-once"],
    );
}

#[test]
fn what_is_saved_is_read_later() {
    let save = "      - { sql: SELECT 1, save: x }\n";
    let read = "      - SELECT {x}\n";
    let case = |steps: &[&str]| format!("  - name: a\n    steps:\n{}", steps.concat());
    check_yaml(&case(&[save]), &["4:26 unused-save"]);
    check_yaml(&case(&[save, read]), &[]);
    check_yaml(&case(&[save, "      - { sql: SELECT 1, expect: { rows: [[\"{x}\"]] } }\n"]), &[]);
    check_yaml(&case(&[save, "      - { sql: SELECT 1, binds: [\"{x}\"] }\n"]), &[]);
    check_yaml(&case(&[save, read, save]), &["6:26 unused-save"]);
    let setup = "setup:\n  - { sql: SELECT 1, save: x }\n";
    check("t.yaml", &format!("{setup}cases:\n{}", case(&[read])), &[]);
    check(
        "t.yaml",
        &format!("{setup}cases: [{{ name: a, sql: SELECT 1 }}]\n"),
        &["2:22 unused-save"],
    );
    check("t.slt", "let x\nSELECT 1\n\nquery I\nSELECT {x}\n----\n1\n", &[]);
    check("t.slt", "let x\nSELECT 1\n\nstatement ok\nSELECT 1\n", &["1:1 unused-save"]);
}

#[test]
fn a_data_set_is_read() {
    let data = "data-set: d\nprovides: { t: \"{schema}.T\" }\nsteps: [CREATE TABLE T]\n";
    let suite = |sql: &str| format!("use: [d]\ncases: [{{ name: a, sql: {sql} }}]\n");
    assert_eq!(found(&[("d.yaml", data), ("t.yaml", &suite("SELECT 1"))]), ["1:7 unused-data-set"]);
    assert!(found(&[("d.yaml", data), ("t.yaml", &suite("'SELECT * FROM {t}'"))]).is_empty());
}

#[test]
fn an_expectation_is_for_a_release_that_the_case_runs_on() {
    let case = |only: &str| {
        format!(
            "  - name: a\n    {only}\n    sql: DROP TABLE T\n    expect:\n      - {{ releases: ..attached, error: any }}\n      - {{ affected: 1 }}\n"
        )
    };
    check_yaml(&case("needs: [fallback]"), &["6:9 unused-expectation"]);
    check_yaml(&case("needs: [interactive]"), &[]);
    check_yaml(
        "  - name: a\n    only: { releases: zero-copy, reason: r }\n    sql: DROP TABLE T\n    expect:\n      - { releases: fallback, error: any }\n      - { affected: 1 }\n",
        &["6:9 unused-expectation"],
    );
    check_yaml(&case("only: { releases: preview.., reason: r }"), &[]);
}

#[test]
fn a_case_can_run_somewhere() {
    let case = |needs: &str| {
        format!(
            "  - name: a\n    needs: [{needs}]\n    only: {{ releases: ..attached, reason: r }}\n    sql: SELECT 1\n"
        )
    };
    check_yaml(&case("fallback"), &["2:11 never-runs"]);
    check_yaml(&case("interactive"), &[]);
    let slt = |conditions: &str| format!("{conditions}\nstatement ok\nSELECT 1\n");
    check("t.slt", &slt("onlyif emulater"), &["3:1 never-runs"]);
    check("t.slt", &slt("skipif fall-back"), &["3:1 never-runs"]);
    check("t.slt", &slt("onlyif live\nskipif live"), &["4:1 never-runs"]);
    check("t.slt", &slt("onlyif emulator\nskipif preview"), &[]);
    check("t.slt", &slt("skipif mysql"), &[]);
}

#[test]
fn a_refusal_has_no_result() {
    let refused =
        "      - { sql: DROP TABLE T, expect: { error: { code: \"000630\" } }, save: x }\n";
    let read = "      - SELECT {x}\n";
    check_yaml(&format!("  - name: a\n    steps:\n{refused}{read}"), &["4:38 save-of-refusal"]);
    let scan = "      - SELECT * FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))\n";
    let step = |keys: &str| {
        format!("  - name: a\n    steps:\n      - {{ sql: DROP TABLE T{keys} }}\n{scan}")
    };
    let error = ", expect: { error: { code: \"000630\" } }";
    check_yaml(&step(error), &["5:9 scan-of-refusal"]);
    check_yaml(&step(&format!("{error}, session: other")), &[]);
    check_yaml(&step(&format!("{error}, unchanged: SELECT COUNT(*) FROM T")), &[]);
    check_yaml(&step(""), &[]);
}

#[test]
fn ids_are_catalogued() {
    check_yaml("  - id: L-39\n    name: a\n    sql: SELECT 1\n", &["2:9 unknown-id"]);
    check_yaml("  - id: S-00\n    name: a\n    sql: SELECT 1\n", &["2:9 unknown-id"]);
    for id in ["S-35", "L-38", "R-31", "C-16", "M-17", "A-07", "A-01"] {
        check_yaml(&format!("  - id: {id}\n    name: a\n    sql: SELECT 1\n"), &[]);
    }
    check("t.slt", "subtest A-08 a\n\nstatement ok\nSELECT 1\n", &["1:9 unknown-id"]);
}

#[test]
fn a_tag_is_spelt_as_the_others_are() {
    let suite = |tag: &str| format!("tags: [{tag}]\ncases: [{{ name: a, sql: SELECT 1 }}]\n");
    check("t.yaml", &suite("limit"), &["1:8 misspelt-tag"]);
    check("t.yaml", &suite("limits"), &[]);
    check("t.yaml", &suite("weather"), &[]);
    let files = [suite("costly"), suite("costly"), suite("costy")];
    let files: Vec<(&str, &str)> =
        ["a.yaml", "b.yaml", "c.yaml"].into_iter().zip(files.iter().map(String::as_str)).collect();
    assert_eq!(found(&files), ["1:8 misspelt-tag"]);
    assert!(found(&files[..2]).is_empty());
}

#[test]
fn cases_differ_in_name_and_in_what_they_do() {
    let two = |a: &str, b: &str| format!("  - {{ name: {a} }}\n  - {{ name: {b} }}\n");
    check_yaml(&two("a b, sql: SELECT 1", "A-b, sql: SELECT 2"), &["3:13 same-name"]);
    check_yaml(&two("a, sql: SELECT 1", "b, sql: SELECT 1"), &["3:13 same-case"]);
    check_yaml(&two("a, sql: SELECT 1", "b, sql: SELECT 2"), &[]);
    check_yaml(&two("a, sql: SELECT 1", "b, sql: SELECT 1, session: other"), &[]);
    check("t.slt", "statement ok\nSELECT 1\n\nstatement ok\nSELECT 1\n", &[]);
}

#[test]
fn a_warning_is_silenced_where_it_is_meant() {
    let step = "sql: SELECT A FROM T\nexpect: { rows: [[1], [2]] }";
    check_step(&format!("{step}\nallow: unordered-rows"), &[]);
    check_step(
        &format!("{step}\nallow: [same-name]"),
        &["4:13 unordered-rows", "5:13 unneeded-allow"],
    );
    check_step(
        &format!("{step}\nallow: unordered-row"),
        &["4:13 unordered-rows", "5:12 unneeded-allow"],
    );
    let of_step =
        "      - { sql: SELECT A FROM T, expect: { rows: [[1], [2]] }, allow: unordered-rows }\n";
    let other = "      - { sql: SELECT A FROM T, expect: { rows: [[1], [3]] } }\n";
    check_yaml(&format!("  - name: a\n    steps:\n{of_step}{other}"), &["5:41 unordered-rows"]);
    let case = "cases:\n  - name: a\n    sql: SELECT A FROM T\n    expect: { rows: [[1], [2]] }\n";
    check("t.yaml", &format!("allow: unordered-rows\n{case}"), &[]);
    // The innermost one is what silences it.
    check(
        "t.yaml",
        &format!("allow: unordered-rows\n{case}    allow: unordered-rows\n"),
        &["1:8 unneeded-allow"],
    );
    let query = "query I nosort\nSELECT A FROM T\n----\n1\n2\n";
    check("t.slt", &format!("# allow: unordered-rows (a heap)\n\n{query}"), &[]);
    check("t.slt", &format!("subtest a\n# allow: unordered-rows\n\n{query}"), &[]);
    check("t.slt", &format!("{query}\n# allow: unordered-rows\n{query}"), &["4:1 unordered-rows"]);
    check(
        "t.slt",
        &format!("{query}\n# allow: same-name\nstatement ok\nSELECT 1\n"),
        &["4:1 unordered-rows", "7:10 unneeded-allow"],
    );
}

#[test]
fn a_warning_is_shown_over_its_line() {
    let text = "query I nosort\nSELECT A FROM T\n----\n1\n2\n";
    let source = Source::new("t.slt", text.to_owned());
    let suite = parse_suite("t", source.clone()).unwrap();
    let loaded =
        Loaded { suites: vec![suite], sources: vec![Arc::new(source)], ..Loaded::default() };
    let shown = render(&lint(&loaded), &loaded.sources);
    assert_eq!(
        shown,
        "t.slt:4:1: warning: 2 rows are compared in order, and the query has no ORDER BY \
          [unordered-rows]\n  |\n4 | 1\n  | ^\n  = help: add ORDER BY \
          to the query, or `sort: rows` (`rowsort`) where the order is not tested\n"
    );
}

#[test]
fn names_of_rules_are_words_of_their_own() {
    let names: BTreeSet<&str> = RULES.iter().map(|it| it.name).collect();
    assert_eq!(names.len(), RULES.len());
    for name in names {
        assert!(name.bytes().all(|it| it.is_ascii_lowercase() || it == b'-'), "{name}");
    }
}

#[test]
fn the_document_lists_every_rule() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/suites.md");
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(&table()), "docs/suites.md should have this table:\n{}", table());
}

#[test]
fn the_projects_own_suites_are_clean() {
    let suites = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("suites");
    let loaded = crate::suite::load(&[suites]).unwrap_or_else(|it| panic!("{it}"));
    let shown = render(&lint(&loaded), &loaded.sources);
    assert!(shown.is_empty(), "\n{shown}");
}
