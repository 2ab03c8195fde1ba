//! Loading from a disk, and input that nobody would write.

use super::{
    load,
    load::{parse_suite, test_folder::TestFolder},
    source::Source,
};

#[track_caller]
fn check(files: &[(&str, &str)], roots: &[&str], expected: &str) {
    let folder = TestFolder::new(files.iter().copied());
    let roots: Vec<_> = roots.iter().map(|it| folder.path().join(it)).collect();
    let actual = match load(&roots) {
        Ok(loaded) => {
            let suites = loaded.suites.iter().map(|it| format!("{} {}\n", it.name, it.cases.len()));
            let data_sets = loaded.data_sets.iter().map(|it| format!("data set {}\n", it.name));
            suites.chain(data_sets).collect()
        }
        Err(errors) => folder.shortened(&errors.to_string()),
    };
    assert_eq!(actual.trim_end(), expected.trim_end());
}

const SLT: &str = "statement ok\nSELECT 1\n";
const YAML: &str = "use: orders\ncases: [{ name: a, sql: S }]\n";
const ORDERS: &str = "data-set: orders\nsteps: [SELECT 1]\n";

#[test]
fn suites_and_data_sets_are_apart() {
    check(
        &[("suites/b.slt", SLT), ("suites/a/a.yaml", YAML), ("suites/data/orders.yaml", ORDERS)],
        &["suites"],
        "a::a 1\nb 1\ndata set orders",
    );
}

#[test]
fn a_suite_that_is_asked_for_alone_has_its_data_sets() {
    check(
        &[
            ("suites/a/a.yaml", YAML),
            ("suites/data/orders.yaml", ORDERS),
            ("suites/data/broken.yaml", "nothing: here\n"),
        ],
        &["suites/a/a.yaml"],
        "a::a 1\ndata set orders",
    );
}

#[test]
fn an_unknown_data_set_is_an_error() {
    check(
        &[
            ("suites/a.yaml", "use: order\ncases: [{ name: a, sql: S }]\n"),
            ("suites/data/orders.yaml", ORDERS),
        ],
        &["suites"],
        "suites/a.yaml:1:6: unknown data set `order`
  |
1 | use: order
  |      ^^^^^
  = help: did you mean `orders`?",
    );
}

#[test]
fn a_broken_data_set_is_not_also_an_unknown_one() {
    check(
        &[("suites/a.yaml", YAML), ("suites/data/orders.yaml", "data-set: orders\nstep: []\n")],
        &["suites"],
        "suites/data/orders.yaml:1:1: a data set needs `steps`
  |
1 | data-set: orders
  | ^

suites/data/orders.yaml:2:1: unknown key `step`
  |
2 | step: []
  | ^^^^
  = help: did you mean `steps`?",
    );
}

#[test]
fn names_are_unique() {
    check(
        &[
            ("suites/a.slt", SLT),
            ("suites/a.yaml", "cases: [{ name: a, sql: S }]\n"),
            ("suites/data/x.yaml", ORDERS),
            ("suites/data/y.yml", ORDERS),
        ],
        &["suites"],
        "suites/a.yaml: the suite `a` is already suites/a.slt
  = help: rename one of the two

suites/data/y.yml: the data set `orders` is already suites/data/x.yaml
  = help: rename one of the two",
    );
}

#[test]
fn errors_of_all_files_are_told() {
    let folder = TestFolder::new([
        ("suites/a.slt", "statment ok\nSELECT 1\n"),
        ("suites/b.yaml", "cases: 1\n"),
    ]);
    folder.write("suites/c.slt", b"statement ok\nSELECT '\xff'\n");
    folder.write("suites/d.slt", b"statement ok\nSELECT '\x00'\n");
    let errors = load(&[folder.path().join("suites"), folder.path().join("nope")]).unwrap_err();
    let lines: Vec<String> =
        errors.errors.iter().map(|it| folder.shortened(&it.to_string())).collect();
    assert_eq!(
        lines.join("\n"),
        "nope: no such file or folder
suites/a.slt:1:1: unknown directive `statment`
suites/b.yaml:1:8: expected a list of cases, found a text
suites/c.slt: not UTF-8: byte 21 of the file
suites/d.slt:2:9: control character U+0000"
    );
}

/// Parses as both formats. That it returns is the test.
fn parse_both(text: &str) {
    for name in ["t.slt", "t.yaml"] {
        if let Err(errors) = parse_suite("t", Source::new(name, text.to_owned())) {
            // Rendering looks at places, which must exist.
            assert!(!errors.to_string().is_empty());
        }
    }
}

/// A suite of each format that has all there is in it.
const SAMPLE_YAML: &str = "\
doc: |
  Ünïcode
tags: [a, b]
use: &orders orders
setup:
  - SELECT 1
  - { session: interactive, sql: \"SELECT\\t1\" }
cases:
  - id: L-09
    name: 'one'
    only: { releases: fallback.., reason: r }
    sql: >-
      SELECT
      2
    binds: [\"1\", *orders]
    expect:
      - { releases: fallback, error: { code: \"000630\", matches: 'a+' }, evidence: seed, source: s }
      - { rows: [[1, null, '<REGEX>:a', 'x<slt:ignore>']], types: IT?T, sort: rows, tolerance: 1e-9 }
    takes: [4s, 7s]
  - name: two
    steps:
      - sleep: 2s
      - { sql: S, expect: { same-as: { session: standard, sql: T } }, within: 30s, save: x }
      - { sql: S, expect: { count: 1.. }, unchanged: [U, { session: s, sql: V }] }
      - sql: S
        expect:
          sides:
            - { side: one, ok: true, evidence: seed, source: s }
            - { side: two, error: { code: \"000630\" }, evidence: documented, source: t }
";

const SAMPLE_SLT: &str = "\
# doc: Ünïcode
#   more
# tags: a, b

control sortmode rowsort

statement ok retry 2 backoff 1s
CREATE TABLE T

onlyif live # why
halt

subtest L-09 one
# evidence: documented (docs (x))
# only: fallback.. (r)

skipif mysql # why
connection interactive
query TI valuesort label
SELECT 'a'
----
a\t1
<REGEX>:a\tNULL

statement error (57014)
S

statement error a.* retry 2 backoff 5ms
S

statement error
S
----
a

b


let x
SELECT 1

hash-threshold 8

sleep 2s

query II
S
----
30 values hashing to 3c13dee48d9356ae19af2515e05e6b54
";

#[test]
fn the_samples_are_suites() {
    for (name, text) in [("t.yaml", SAMPLE_YAML), ("t.slt", SAMPLE_SLT)] {
        if let Err(errors) = parse_suite("t", Source::new(name, text.to_owned())) {
            panic!("{errors}");
        }
    }
}

#[test]
fn no_prefix_or_suffix_of_a_suite_is_too_much() {
    for sample in [SAMPLE_YAML, SAMPLE_SLT] {
        for (at, _) in sample.char_indices() {
            parse_both(&sample[..at]);
            parse_both(&sample[at..]);
        }
    }
}

#[test]
fn no_mangled_suite_is_too_much() {
    // xorshift64; the seed is in the name of the text that fails.
    for seed in 1..3_000_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut next = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize % below
        };
        let mut bytes = [SAMPLE_YAML, SAMPLE_SLT][next(2)].as_bytes().to_vec();
        for _ in 0..1 + next(8) {
            let at = next(bytes.len());
            match next(5) {
                0 => bytes[at] ^= 1 << next(8),
                1 => bytes[at] = b" \n\t-:[]{}#&*!|>'\"%@`,?0\r\x00"[next(25)],
                2 => {
                    bytes.remove(at);
                }
                3 => {
                    let end = (at + next(40)).min(bytes.len());
                    let part = bytes[at..end].to_vec();
                    let to = next(bytes.len());
                    bytes.splice(to..to, part);
                }
                _ => {
                    let end = (at + next(20)).min(bytes.len());
                    bytes.drain(at..end);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let outcome = std::panic::catch_unwind(|| parse_both(&text));
        assert!(outcome.is_ok(), "seed {seed}:\n{text:?}");
    }
}

/// Input that takes a careless parser quadratic time or a deep stack. Each is some 100 kB.
#[test]
fn no_repetition_is_too_much() {
    let parts = [
        "[",
        "{",
        "- ",
        "? ",
        "a: ",
        "{a: ",
        "[a, ",
        "- a\n",
        "a: b\n",
        "&a ",
        "*a ",
        "!!str ",
        "'",
        "\"",
        "|\n",
        "\n",
        " ",
        "#\n",
        "%TAG\n",
        "---\n",
        "...\n",
        "statement ok\n",
        "statement error\nS\n----\n\n",
        "skipif x\n",
        "subtest a\n",
        "query I\nS\n----\n1\n\n",
        "connection a\n",
        "halt\n",
        "----\n",
        "# doc: a\n",
        "{{",
        "let a\n",
        "include x\n",
        "a: &a [*a, *a]\n",
        "1 ",
        "\\",
        "\u{feff}",
        "ü",
    ];
    for part in parts {
        let text = part.repeat(100_000 / part.len());
        parse_both(&text);
        super::vars::pieces(&text);
    }
}
