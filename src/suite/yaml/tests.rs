//! YAML to suites, and what is wrong with it.

use crate::suite::{
    Action, Expect, Expectation, Step, Suite, parse_data_set, parse_suite, source::Source,
    words::releases_text,
};

/// What of a suite these tests are about, in one line a step.
fn show(suite: &Suite) -> String {
    let mut out = String::new();
    for step in &suite.setup {
        out += &format!("setup {}\n", show_step(step));
    }
    for case in &suite.cases {
        let id = case.id.as_deref().unwrap_or("-");
        out += &format!("{}:{} {id} {}\n", case.span.line, case.span.column, case.name);
        for step in &case.steps {
            out += &format!("  {}\n", show_step(step));
        }
    }
    out
}

fn show_step(step: &Step) -> String {
    let action = match &step.action {
        Action::Execute { sql, binds } if binds.is_empty() => format!("{sql:?}"),
        Action::Execute { sql, binds } => format!("{sql:?} {binds:?}"),
        Action::Sleep(it) => format!("sleep {it:?}"),
        Action::Look(it) => format!("{:?} within {:?}", it.of, it.within),
        Action::Load(it) => it.in_words(),
    };
    let mut out = format!("{}:{} {} {action}", step.span.line, step.span.column, step.session);
    for it in &step.expect {
        out += &format!(" => {}", show_expectation(it));
    }
    if let Some(it) = step.within {
        out += &format!(" within {it:?}");
    }
    if let Some(it) = step.takes {
        out += &format!(" takes {it:?}");
    }
    if let Some(it) = &step.save {
        out += &format!(" save {it}");
    }
    for it in &step.unchanged {
        out += &format!(" unchanged {:?} on {}", it.sql, it.session);
    }
    out
}

fn show_expectation(it: &Expectation) -> String {
    let mut out = match &it.outcome {
        Expect::Rows(rows) => format!("{:?}", rows.rows),
        other => format!("{other:?}"),
    };
    if let Some(set) = &it.releases {
        out += &format!(" on {}", releases_text(set).join(","));
    }
    out
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let actual = match parse_suite("t", Source::new("t.yaml", text.to_owned())) {
        Ok(suite) => show(&suite),
        Err(errors) => {
            let lines = errors.errors.iter().map(|it| match it.kind.help() {
                Some(help) => format!("{it}; {help}\n"),
                None => format!("{it}\n"),
            });
            lines.collect()
        }
    };
    assert_eq!(actual.trim_end(), expected.trim(), "\n{text}");
}

/// A case with one step of these keys.
#[track_caller]
fn check_case(keys: &str, expected: &str) {
    let text = format!("cases:\n- name: a\n  {}\n", keys.replace('\n', "\n  "));
    check(&text, expected);
}

/// A case with this expectation.
#[track_caller]
fn check_expect(expect: &str, expected: &str) {
    let text = format!("cases:\n- name: a\n  sql: S\n  expect: {expect}\n");
    match parse_suite("t", Source::new("t.yaml", text.clone())) {
        Ok(suite) => {
            let shown: Vec<String> =
                suite.cases[0].steps[0].expect.iter().map(show_expectation).collect();
            assert_eq!(shown.join(" => "), expected);
        }
        Err(_) => check(&text, expected),
    }
}

#[test]
fn a_case_may_be_one_step_or_several() {
    check(
        "doc: text
session: tuner
setup:
  - CREATE TABLE T (ID INT)
  - { session: interactive, sql: SELECT 1 }
  - { sql: SELECT 2 }
cases:
  - id: L-09
    name: one
    session: interactive
    sql: |
      UPDATE T
      SET X = 0
    within: 30s
    takes: [4s, 7s]
    save: it
    unchanged: [SELECT COUNT(*), { session: tuner, sql: SELECT 5 }]
    binds: [1, abc]
  - name: several
    steps:
      - SELECT 1
      - sleep: 2s
      - { sql: SELECT 2, session: standard, expect: recorded }
",
        r#"
setup 4:5 standard "CREATE TABLE T (ID INT)" => Ok
setup 5:34 interactive "SELECT 1" => Ok
setup 6:12 tuner "SELECT 2" => Ok
9:11 L-09 one
  12:7 interactive "UPDATE T\nSET X = 0" ["1", "abc"] => Ok within 30s takes (4s, 7s) save it unchanged "SELECT COUNT(*)" on interactive unchanged "SELECT 5" on tuner
19:11 - several
  21:9 tuner "SELECT 1" => Ok
  22:16 tuner sleep 2s => Ok
  23:16 standard "SELECT 2" => Recorded
"#,
    );
}

#[test]
fn words_of_old_yaml_are_texts() {
    check_case(
        "sql: S\nexpect: { rows: [[yes, no, on, off, y, 012, 1.50, 1e3, null, ~, 'null', true]] }",
        r#"
2:9 - a
  3:8 standard "S" => Rows([[Text("yes"), Text("no"), Text("on"), Text("off"), Text("y"), Text("012"), Text("1.50"), Text("1e3"), Null, Null, Text("null"), Text("true")]])
"#,
    );
}

#[test]
fn all_errors_of_a_file_are_found() {
    check(
        "dok: text
cases:
  - nam: a
    sql: SELECT 1
  - id: L-9
    name: b
    expct: ok
    sql: 1
  - name: b
    sql: S
    expect: { rows: [[1]], evidence: sen }
    within: 5
  - name: c
",
        r#"
t.yaml:1:1: unknown key `dok`; did you mean `doc`?
t.yaml:3:5: unknown key `nam`; did you mean `name`?
t.yaml:3:5: a case needs `name`; a sentence: `name: an update is rejected`
t.yaml:5:9: `L-9` is not a catalogue id; one of the letters S, L, R, C, M and A, and two digits: `L-09`
t.yaml:7:5: unknown key `expct`; did you mean `expect`?
t.yaml:9:11: the name `b` is taken by the case in line 6; names are unique within a suite, since results are kept by name
t.yaml:11:38: unknown evidence `sen`; there are `seed`, `documented`, `observed` and `unverified`
t.yaml:12:13: `5` is not a duration; a unit is missing: `5s`, `5ms` or `5m`
t.yaml:13:5: a case needs `sql`; `sql` for one statement, `steps` for several, `load` for many at once
"#,
    );
}

#[test]
fn a_file_without_cases_is_no_suite() {
    let help = "`cases` has what it checks; a data set has `data-set`, its name";
    check("", &format!("t.yaml: a suite needs `cases`; {help}"));
    check("doc: x\n", &format!("t.yaml:1:1: a suite needs `cases`; {help}"));
    check("cases: []\n", &format!("t.yaml:1:8: a suite needs `cases`; {help}"));
    check("- a\n", "t.yaml:1:1: expected a suite, found a list");
    check("just text\n", "t.yaml:1:1: expected a suite, found a text");
}

#[test]
fn wrong_types_say_what_is_there() {
    check_case(
        "sql: {slow_query}",
        "t.yaml:3:8: expected a text, found a mapping; quote a text that begins with `{`",
    );
    check_case("sql: [a]", "t.yaml:3:8: expected a text, found a list");
    check_case("sql:", "t.yaml:3:6: expected a text, found nothing");
    check_case("sql: ' '", "t.yaml:3:8: expected a text, found an empty one");
    check_case("steps: S", "t.yaml:3:10: expected a list of steps, found a text");
    check_case(
        "steps: []",
        "t.yaml:3:10: the case has no steps; a case without steps would always pass",
    );
    check_case("steps: [[S]]", "t.yaml:3:11: expected a statement or a mapping, found a list");
    check_case("sql: S\ntags: a b", "t.yaml:4:9: `a b` is not a word; write a list: `[a, b]`");
    check_case(
        "sql: S\nneeds: [a, a]",
        "t.yaml:4:14: `a` is given twice, first in line 4; remove one of the two",
    );
    check_case(
        "sql: S\nsession: my own",
        "t.yaml:4:12: `my own` is not a session; `standard`, `interactive`, or a word of your own",
    );
    check_case("sql: S\nbinds: [null]", "t.yaml:4:11: expected a text, found nothing");
    check_case(
        "sql: S\nsave: My",
        "t.yaml:4:9: `My` is not a variable's name; lower-case letters, digits and `_`, and no digit first: `before_it`",
    );
}

#[test]
fn times_are_checked() {
    check_case(
        "sleep: soon",
        "t.yaml:3:10: `soon` is not a duration; a number and a unit, such as `5s`, `300ms` or `2m`",
    );
    check_case(
        "sql: S\ntakes: 5s",
        "t.yaml:4:10: expected two durations: `[4s, 7s]`, found a text",
    );
    check_case(
        "sql: S\ntakes: [5s]",
        "t.yaml:4:10: expected two durations: `[4s, 7s]`, found a list",
    );
    check_case(
        "sql: S\ntakes: [7s, 4s]",
        "t.yaml:4:10: `[7s, 4s]` is not a range of time; the least elapsed time, then the most",
    );
    check_case(
        "sleep: 1s\nexpect: ok",
        "t.yaml:4:3: `expect` does not go with `sleep`; waiting is a step of its own",
    );
}

#[test]
fn keys_that_exclude_each_other_are_refused() {
    check_case(
        "steps: [S]\nexpect: ok",
        "t.yaml:4:3: `expect` does not go with `steps`; make it a key of one of the steps",
    );
    check_expect(
        "{ error: any, rows: [] }",
        "t.yaml:4:25: `rows` does not go with `error`; make them two steps",
    );
    check_expect(
        "{ error: any, sort: rows }",
        "t.yaml:4:25: `sort` does not go with `error`; it goes with `rows`",
    );
    check_expect(
        "{ evidence: seed }",
        "t.yaml:4:11: an expectation needs `rows`; or one of `ok`, `recorded`, `error`, `rows`, `affected`, `count`, `contains`, `same-as` and `sides`",
    );
    check_expect(
        "{ ok: true, source: s }",
        "t.yaml:4:23: `source` needs `evidence`; what kind of evidence the source is, such as `documented`",
    );
}

#[test]
fn expectations_are_read() {
    check_expect("ok", "Ok");
    check_expect("recorded", "Recorded");
    check_expect("{ ok: true }", "Ok");
    check_expect("{ recorded: true, evidence: unverified }", "Recorded");
    check_expect("{ affected: 3 }", "Affected(3)");
    check_expect("{ rows: [] }", "Rows([])");
    check_expect("{ contains: [[a]] }", r#"Contains([[Text("a")]])"#);
    check_expect("{ count: 20 }", "Count { min: 20, max: Some(20) }");
    check_expect("{ count: 1.. }", "Count { min: 1, max: None }");
    check_expect("{ count: 0..5 }", "Count { min: 0, max: Some(5) }");
    check_expect("{ count: ..5 }", "Count { min: 0, max: Some(5) }");
    check_expect(
        "{ same-as: SELECT 1 }",
        r#"SameAs { session: "standard", sql: "SELECT 1", sort: None }"#,
    );
    check_expect(
        "{ same-as: { session: other, sql: SELECT 1, sort: rows } }",
        r#"SameAs { session: "other", sql: "SELECT 1", sort: Rows }"#,
    );
    check_expect(
        "{ error: any }",
        "Refused(ExpectedRefusal { code: None, sqlstate: None, message: None })",
    );
    check_expect(
        "{ error: { code: 000630, sqlstate: 57014, matches: 'time.*out' } }",
        r#"Refused(ExpectedRefusal { code: Some("000630"), sqlstate: Some("57014"), message: Some(Regex("time.*out")) })"#,
    );
}

#[test]
fn what_is_expected_is_checked() {
    check_expect("okay", "t.yaml:4:11: unknown expectation `okay`; there are `ok` and `recorded`");
    check_expect(
        "error",
        "t.yaml:4:11: `error` is not an expectation; a refusal is expected by `{ error: any }`",
    );
    check_expect("{ ok: yes }", "t.yaml:4:17: expected `true`, found a text");
    check_expect(
        "{ affected: -1 }",
        "t.yaml:4:23: `-1` is not a number of rows; a whole number: `3`",
    );
    check_expect(
        "{ count: few }",
        "t.yaml:4:20: `few` is not a number of rows; `20`, `1..` or `0..5`; both ends count",
    );
    check_expect(
        "{ count: 5..1 }",
        "t.yaml:4:20: `5..1` is not a number of rows; `20`, `1..` or `0..5`; both ends count",
    );
    check_expect(
        "{ count: 0.. }",
        "t.yaml:4:20: `0..` is not a number of rows to check; any result has it; `ok` says so",
    );
    check_expect(
        "{ rows: [1, 2] }",
        "t.yaml:4:20: expected a row, which is a list, found a text; one column is written `[[1], [2]]`\nt.yaml:4:23: expected a row, which is a list, found a text; one column is written `[[1], [2]]`",
    );
    check_expect(
        "{ rows: [[1, 2], [3]] }",
        "t.yaml:4:28: row 2 has 1 cell, and not 2 as the first row",
    );
    check_expect(
        "{ rows: [[1, {a: 1}]] }",
        "t.yaml:4:24: expected a cell, which is a text or null, found a mapping; quote JSON: `'{\"a\": 1}'`",
    );
    check_expect(
        "{ rows: [[]] }",
        "t.yaml:4:20: expected a row with cells, found a list; no rows are `[]`",
    );
    check_expect("{ contains: [] }", "t.yaml:4:23: expected at least one row, found a list");
    check_expect(
        "{ rows: [[1, 2]], types: I }",
        "t.yaml:4:36: `types` has 1 column, and each row has 2",
    );
    check_expect(
        "{ rows: [[1]], columns: [A, B] }",
        "t.yaml:4:35: `columns` has 2 columns, and each row has 1",
    );
    check_expect(
        "{ rows: [], columns: [A, B], types: I }",
        "t.yaml:4:32: `columns` has 2 columns, and `types` has 1",
    );
    check_expect(
        "{ rows: [[1]], types: X }",
        "t.yaml:4:33: `X` is not a letter for each column; `I` integer, `R` number, `T` text, `B` boolean, `D` date, `S` timestamp, `V` variant, `?` any",
    );
    check_expect(
        "{ rows: [[1]], sort: row }",
        "t.yaml:4:32: unknown sort `row`; did you mean `rows`?",
    );
    check_expect(
        "{ rows: [[1]], tolerance: 2 }",
        "t.yaml:4:37: `2` is not a tolerance; a part of the greater number, between 0 and 1: `1e-9`",
    );
    check_expect(
        "{ error: timeout }",
        "t.yaml:4:20: `timeout` is not an error to expect; `any`, or a mapping: `{ code: \"000630\", sqlstate: \"57014\" }`",
    );
    check_expect(
        "{ error: {} }",
        "t.yaml:4:20: expected something about the error, found a mapping; `any`, or a mapping: `{ code: \"000630\", sqlstate: \"57014\" }`",
    );
    check_expect(
        "{ error: { code: 630 } }",
        "t.yaml:4:28: `630` is not an error code; six digits: `\"000630\"`",
    );
    check_expect(
        "{ error: { sqlstate: 570 } }",
        "t.yaml:4:32: `570` is not an SQLSTATE; five digits or capital letters: `\"57014\"`",
    );
    check_expect(
        "{ error: { contains: a, exact: b } }",
        "t.yaml:4:35: `exact` does not go with `contains`",
    );
}

#[test]
fn sides_are_checked() {
    #[track_caller]
    fn check(sides: &str, expected: &str) {
        check_expect(&format!("{{ sides: {sides} }}"), expected);
    }
    let one = "{ side: one, ok: true, evidence: seed, source: s }";
    check(
        &format!("[{one}]"),
        "t.yaml:4:20: expected two sides at least, found a list; a single one is an expectation like any other",
    );
    check(
        &format!("[{one}, {one}]"),
        "t.yaml:4:73: `one` is given twice, first in line 4; remove one of the two",
    );
    check(
        &format!("[{one}, {{ ok: true }}]"),
        "t.yaml:4:73: a side needs `side`; its name in reports, such as `refused`\n\
         t.yaml:4:73: a side needs `evidence`; how the source knows, such as `documented`\n\
         t.yaml:4:73: a side needs `source`; who takes this side",
    );
    check(
        &format!("[{one}, {{ side: a, same-as: S, evidence: seed, source: s }}]"),
        "t.yaml:4:73: an expectation needs `rows`; or one of `ok`, `error`, `rows`, `affected`, `count` and `contains`\n\
         t.yaml:4:84: unknown key `same-as`; there are `side`, `ok`, `error`, `rows`, `affected`, `count`, `contains`, `types`, `columns`, `sort`, `tolerance`, `label`, `evidence` and `source`",
    );
    check_expect(
        &format!(
            "{{ sides: [{one}, {{ side: b, error: any, evidence: seed, source: s }}], evidence: seed }}"
        ),
        "t.yaml:4:126: `evidence` does not go with `sides`; each side has its own",
    );
}

#[test]
fn patterns_are_compiled() {
    let help = "put a backslash before `.[]{}()*+?|^$` to mean the character";
    check_expect(
        "{ rows: [['<REGEX>:a(']] }",
        &format!("t.yaml:4:21: `a(` is not a regular expression: unclosed group; {help}"),
    );
    check_expect(
        "{ error: { matches: '[' } }",
        &format!("t.yaml:4:31: `[` is not a regular expression: unclosed character class; {help}"),
    );
    check_expect(
        "{ rows: [['<REGEX>:a+', '<!REGEX>:b', 'x <slt:ignore> y', (empty)]] }",
        r#"Rows([[Regex("a+"), NotRegex("b"), Ignore(["x ", " y"]), Text("")]])"#,
    );
}

#[test]
fn releases_are_told_apart() {
    check_expect(
        "[{ releases: ..attached, error: any }, { releases: fallback.., ok: true }]",
        "Refused(ExpectedRefusal { code: None, sqlstate: None, message: None }) on ..attached => Ok on fallback..",
    );
    check_expect(
        "[{ releases: [preview, fallback], ok: true }, { recorded: true }]",
        "Ok on preview,fallback => Recorded",
    );
    check_expect(
        "[{ releases: ..fallback, ok: true }, { releases: fallback.., ok: true }]",
        "t.yaml:4:48: `fallback` has an expectation already, in line 4; the sets of a list must not overlap",
    );
    let missing = "add an expectation for them, or skip the case there with `only`";
    check_expect(
        "[{ releases: preview, ok: true }, { releases: fallback, ok: true }]",
        &format!("t.yaml:4:11: nothing is expected on `attached` and `zero-copy`; {missing}"),
    );
    check_expect(
        "{ releases: fallback.., ok: true }",
        &format!("t.yaml:4:11: nothing is expected on `preview` and `attached`; {missing}"),
    );
    check_expect(
        "[{ ok: true }, { releases: fallback.., ok: true }]",
        "t.yaml:4:26: no release is left for this expectation; the expectations before it are for every release already",
    );
    check_expect(
        "{ releases: falback.., ok: true }",
        "t.yaml:4:23: unknown release `falback`; did you mean `fallback`?",
    );
    check_expect("[]", "t.yaml:4:11: expected an expectation, found a list");
}

#[test]
fn only_limits_what_must_be_expected() {
    check_case(
        "sql: S\nonly: { releases: fallback.., reason: r }\nexpect: { releases: fallback.., ok: true }",
        "2:9 - a\n  3:8 standard \"S\" => Ok on fallback..",
    );
    check_case(
        "sql: S\nonly: { releases: fallback.. }",
        "t.yaml:4:9: `only` needs `reason`; it is shown where the case is skipped",
    );
    check_case(
        "sql: S\nonly: fallback..",
        "t.yaml:4:9: expected a mapping of `releases` and `reason`, found a text",
    );
}

#[test]
fn aliases_may_be_used() {
    check(
        "cases:\n- { name: a, sql: S, expect: &x { error: any } }\n- { name: b, sql: S, expect: *x }\n",
        "2:11 - a\n  2:19 standard \"S\" => Refused(ExpectedRefusal { code: None, sqlstate: None, message: None })\n\
         3:11 - b\n  3:19 standard \"S\" => Refused(ExpectedRefusal { code: None, sqlstate: None, message: None })",
    );
}

#[test]
fn windows_line_ends_change_nothing() {
    check(
        "cases:\r\n- name: a\r\n  sql: |\r\n    SELECT 1\r\n    FROM T\r\n",
        "2:9 - a\n  4:5 standard \"SELECT 1\\nFROM T\" => Ok",
    );
}

#[test]
fn an_error_is_shown_with_its_line() {
    let text = "cases:\n  - name: a\n    sqll: SELECT 1\n";
    let errors = parse_suite("t", Source::new("t.yaml", text.to_owned())).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "t.yaml:2:5: a case needs `sql`
  |
2 |   - name: a
  |     ^
  = help: `sql` for one statement, `steps` for several, `load` for many at once

t.yaml:3:5: unknown key `sqll`
  |
3 |     sqll: SELECT 1
  |     ^^^^
  = help: did you mean `sql`?
"
    );
}

#[test]
fn a_data_set_is_read() {
    let text = "data-set: orders\ndoc: text\nprovides: { a: '{schema}.A', b: 1 }\nsteps: [S, { sql: T }]\n";
    let data_set = parse_data_set(Source::new("t.yaml", text.to_owned())).unwrap();
    assert_eq!(data_set.name, "orders");
    assert_eq!(data_set.doc, "text");
    assert_eq!(
        data_set.provides.into_iter().collect::<Vec<_>>(),
        [("a", "{schema}.A"), ("b", "1")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    assert_eq!(
        data_set.steps.iter().map(show_step).collect::<Vec<_>>(),
        ["4:9 standard \"S\" => Ok", "4:19 standard \"T\" => Ok"]
    );
}

#[test]
fn a_data_set_is_checked() {
    check(
        "data-set: My Orders\nprovide: {}\nprovides: { A: x }\nsteps: []\n",
        "t.yaml:1:11: `My Orders` is not a variable's name; lower-case letters, digits and `_`, and no digit first: `before_it`
t.yaml:2:1: unknown key `provide`; did you mean `provides`?
t.yaml:3:13: `A` is not a variable's name; lower-case letters, digits and `_`, and no digit first: `before_it`
t.yaml:4:8: a data set needs `steps`",
    );
}

/// Cases below two refreshed tables.
#[track_caller]
fn check_look(step: &str, expected: &str) {
    let text = format!(
        "refreshed:
  daily: {{ create: \"CREATE DYNAMIC TABLE {{daily}} TARGET_LAG = '1 minute'\", as: \"SELECT K FROM T{{at}}\" }}
  later: {{ create: \"CREATE DYNAMIC TABLE {{later}}\", as: \"SELECT K FROM {{daily}}\" }}
cases:
- name: a
  steps:
  - {}
",
        step.replace('\n', "\n    ")
    );
    check(&text, expected);
}

#[test]
fn steps_look_at_refreshed_tables() {
    check_look(
        "fresh: daily\nwithin: 2 lags\nevidence: documented\nsource: docs",
        "5:9 - a
  7:12 standard Fresh { table: \"daily\" } within Some(Lags(2.0)) => Ok",
    );
    check_look(
        "{ equals-definition: [daily, later], within: 90s, session: x }",
        "5:9 - a
  7:26 x EqualsDefinition { tables: [\"daily\", \"later\"] } within Some(Time(90s)) => Ok",
    );
}

#[test]
fn what_is_wrong_with_a_look_is_told() {
    check_look(
        "fresh: dayly",
        "t.yaml:7:12: unknown refreshed table `dayly`; did you mean `daily`?",
    );
    check_look(
        "{ fresh: daily, takes: [0s, 1s], within: two lags, source: x }",
        "t.yaml:7:21: unknown key `takes`; there are `fresh`, `within`, `session`, `evidence`, `source` and `allow`
t.yaml:7:46: `two lags` is not a number of lags; such as `2 lags` or `1.5 lags`",
    );
    check_look(
        "{ fresh: daily, sql: SELECT 1 }",
        "t.yaml:7:21: unknown key `sql`; there are `fresh`, `within`, `session`, `evidence`, `source` and `allow`",
    );
    check_look(
        "refreshes: daily",
        "t.yaml:7:5: `refreshes` needs `every`; or one of `count`, `every`, `some`, `none`, `last` and `schedule`",
    );
    check_look(
        "{ refreshes: daily, every: { action: INCREMENTEL }, last: {}, schedule: { period: 48, ticks-of: never } }",
        "t.yaml:7:42: unknown action `INCREMENTEL`; did you mean `INCREMENTAL`?
t.yaml:7:63: expected something about a refresh, found a mapping
t.yaml:7:87: `48` is not a duration; a unit is missing: `48s`, `48ms` or `48m`
t.yaml:7:101: unknown refreshed table `never`; there are `daily` and `later`",
    );
    check_look(
        "{ lag: daily, insert: INSERT INTO T VALUES (1), samples: 0, budget: p100 < 2 lags }",
        "t.yaml:7:5: `lag` needs `visible`; a query of the greatest sentinel that is there
t.yaml:7:5: `lag` needs `within`; when to give up on a row: `4 lags`
t.yaml:7:27: `INSERT INTO T VALUES (1)` is not a statement that inserts a sentinel; `{sentinel}` is another number for each row: 1, 2, 3
t.yaml:7:62: `0` is not a number of samples; at least one
t.yaml:7:73: `p100 < 2 lags` is not a budget; such as `p95 <= 2 lags` or `max <= 90s`",
    );
}

#[test]
fn what_is_wrong_with_a_refreshed_table_is_told() {
    #[track_caller]
    fn check_table(table: &str, expected: &str) {
        let text = format!("refreshed:\n  {table}\ncases: [{{ name: a, sql: S }}]\n");
        check(&text, expected);
    }
    check_table(
        "daily: { create: CREATE DYNAMIC TABLE X, as: SELECT 1 }",
        "t.yaml:2:20: `CREATE DYNAMIC TABLE X` is not the creation of a refreshed table; the table is called `{daily}` in it
t.yaml:2:48: `SELECT 1` is not a query of what was once; write `{at}` behind each base table: `FROM T_BASE{at} JOIN …`",
    );
    check_table(
        "daily: { create: \"CREATE TABLE {daily}\" }",
        "t.yaml:2:10: a refreshed table needs `as`; the query, with `{at}` behind each base table
t.yaml:2:20: `CREATE TABLE {daily}` is not the creation of a refreshed table; it begins with `CREATE … DYNAMIC TABLE` or `CREATE … INTERACTIVE TABLE`",
    );
    check_table(
        "daily: { create: \"CREATE OR REPLACE DYNAMIC TABLE {daily} AS\", as: \"SELECT A FROM T{at}\" }",
        "t.yaml:2:20: `CREATE OR REPLACE DYNAMIC TABLE {daily} AS` is not the creation of a refreshed table; leave out its final AS; the query is at `as`",
    );
    check_table(
        "at: { create: C, as: S }",
        "t.yaml:2:3: `at` is not a name for a table; `{at}` and `{sentinel}` mean something else",
    );
    check_table("[daily]", "t.yaml:2:3: expected a mapping of names to tables, found a list");
}
