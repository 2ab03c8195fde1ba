//! Print, parse, compare: over suites written by hand, and over many made up from a seed.

use super::*;
use crate::suite::{
    Action, Case, Cell, Condition, Evidence, Expect, Expectation, ExpectedRefusal, ExpectedRows,
    MessageMatch, Only, Release, ReleaseSet, RowsExpected, Side, Sort, Step, Unchanged,
    parse_suite,
    span::{Span, Spanned},
};
use std::{path::PathBuf, time::Duration};

#[track_caller]
fn check_yaml(text: &str, expected: &str) {
    let suite = parse_suite("t", Source::new("t.yaml", text.to_owned())).unwrap();
    let printed = to_yaml(&suite).unwrap_or_else(|err| err.to_string());
    assert_eq!(printed, expected);
}

#[track_caller]
fn check_slt(text: &str, expected: &str) {
    let suite = parse_suite("t", Source::new("t.slt", text.to_owned())).unwrap();
    let printed = to_slt(&suite).unwrap_or_else(|err| err.to_string());
    assert_eq!(printed, expected);
}

#[test]
fn yaml_is_printed_in_one_way() {
    check_yaml(
        r#"
{ doc: "a suite", tags: a, use: orders, setup: [SELECT 1, { sql: "SELECT 2\nFROM T", session: tuner }],
  cases: [ { id: L-09, name: "one: two", sql: "{q}", takes: [0s, 1500ms],
             expect: { error: { code: 000630 }, evidence: seed, source: s } },
           { name: b, only: { releases: [fallback, zero-copy], reason: r },
             steps: [ sleep: 120s, { sql: S, expect: { rows: [[1, null, "NULL", ""], [a b, 'x,y', "{", "-"]] } } ] } ] }"#,
        r#"doc: a suite
tags: [a]
use: [orders]
setup:
  - SELECT 1
  - session: tuner
    sql: |-
      SELECT 2
      FROM T
cases:
  - id: L-09
    name: "one: two"
    sql: "{q}"
    expect:
      error:
        code: "000630"
      evidence: seed
      source: s
    takes: [0s, 1500ms]
  - name: b
    only:
      releases: fallback..
      reason: r
    steps:
      - sleep: 2m
      - sql: S
        expect:
          rows:
            - [1, null, "NULL", "(empty)"]
            - [a b, "x,y", "{", "-"]
"#,
    );
}

#[test]
fn slt_is_printed_in_one_way() {
    check_slt(
        "# doc: a suite\n#   of two lines\n# tags: a b\nstatement ok\nSELECT 0\n\n\nsubtest  L-09  one\n# evidence: seed (s)\n\
         skipif live # why\nconnection tuner\nquery TI nosort x retry 3 backoff 2s\nSELECT\n----\na  1\nb c\t2\n\n\
         statement error (57014)\nSELECT 3\n",
        "# doc: a suite\n#   of two lines\n# tags: a, b\n\nstatement ok\nSELECT 0\n\nsubtest L-09 one\n# evidence: seed (s)\n\n\
         skipif live\nconnection tuner\nquery TI x retry 1 backoff 6s\nSELECT\n----\na 1\nb c\t2\n\n\
         statement error (57014)\nSELECT 3\n",
    );
}

#[test]
fn what_a_format_has_no_words_for_is_named() {
    let yaml = "cases: [{ name: a, sql: S, unchanged: T, takes: [1s, 2s], expect: recorded }]";
    let suite = parse_suite("t", Source::new("t.yaml", yaml.to_owned())).unwrap();
    assert_eq!(
        to_slt(&suite).unwrap_err().to_string(),
        "`t` cannot be written as SLT, for `takes`, `unchanged` and `recorded`"
    );
    let yaml = "cases: [{ name: a, sql: S, save: x, expect: { rows: [[1]] } }, { name: b, sql: S, expect: { rows: [[1]] } }]";
    let suite = parse_suite("t", Source::new("t.yaml", yaml.to_owned())).unwrap();
    assert_eq!(
        to_slt(&suite).unwrap_err().to_string(),
        "`t` cannot be written as SLT, for `save` and `rows without types`"
    );
    let slt = "statement ok\nSELECT 1\n";
    let suite = parse_suite("t", Source::new("t.slt", slt.to_owned())).unwrap();
    assert_eq!(
        to_yaml(&suite).unwrap_err().to_string(),
        "`t` cannot be written as YAML, for `cases that rely on those before them`"
    );
}

#[test]
fn what_would_read_as_something_else_is_not_printed() {
    let yaml = "cases: [{ name: L-09 like an id, sql: \"SELECT 1\\n\\nFROM T\" }]";
    let suite = parse_suite("t", Source::new("t.yaml", yaml.to_owned())).unwrap();
    assert_eq!(
        to_slt(&suite).unwrap_err().to_string(),
        "`t` cannot be written as SLT, for `its texts`"
    );
}

#[test]
fn a_suite_can_change_its_format() {
    let slt = "subtest a\nquery I\nSELECT 1\n----\n1\n";
    let suite = parse_suite("t", Source::new("t.slt", slt.to_owned())).unwrap();
    let yaml = to_yaml(&suite).unwrap();
    assert_eq!(
        yaml,
        "cases:\n  - name: a\n    sql: SELECT 1\n    expect:\n      rows:\n        - [1]\n      types: I\n"
    );
}

#[test]
fn a_data_set_can_be_printed() {
    let text = "data-set: orders\nprovides: { a: '{schema}.A' }\nsteps: [SELECT 1]\n";
    let data_set = crate::suite::parse_data_set(Source::new("t.yaml", text.to_owned())).unwrap();
    assert_eq!(
        data_set_to_yaml(&data_set).unwrap(),
        "data-set: orders\nprovides:\n  a: \"{schema}.A\"\nsteps:\n  - SELECT 1\n"
    );
}

#[test]
fn made_up_suites_survive_yaml() {
    for seed in 0..400 {
        let suite = Maker::new(seed, Format::Yaml).suite();
        if let Err(err) = to_yaml(&suite) {
            let (text, _) = yaml::suite(&suite);
            panic!("seed {seed}: {err}\n{text}\n{suite:#?}");
        }
    }
}

#[test]
fn made_up_suites_survive_slt() {
    for seed in 0..400 {
        let suite = Maker::new(seed, Format::Slt).suite();
        if let Err(err) = to_slt(&suite) {
            let (text, _) = slt::suite(&suite);
            panic!("seed {seed}: {err}\n{text}\n{suite:#?}");
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Format {
    Yaml,
    Slt,
}

/// Only cases of SLT have evidence.
fn disbelieve(step: &mut Step) {
    for it in &mut step.expect {
        (it.evidence, it.source) = (Evidence::None, None);
    }
}

/// Makes up suites that a format has words for.
struct Maker {
    state: u64,
    format: Format,
}

impl Maker {
    fn new(seed: u64, format: Format) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, format }
    }

    fn next(&mut self, below: usize) -> usize {
        // xorshift64*
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.next(n) == 0
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.one_in(2).then(|| make(self))
    }

    fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.next(most + 1)).map(|_| make(self)).collect()
    }

    fn pick(&mut self, from: &[&str]) -> String {
        from[self.next(from.len())].to_owned()
    }

    fn word(&mut self) -> String {
        self.pick(&["a", "limits", "x-1", "true", "no", "1", "ü"])
    }

    fn words(&mut self) -> Vec<String> {
        let mut words = self.some(2, Self::word);
        words.dedup();
        words
    }

    fn spanned_words(&mut self) -> Vec<Spanned<String>> {
        let words = self.words();
        words.into_iter().map(|value| Spanned { value, span: Span::nowhere() }).collect()
    }

    fn line(&mut self) -> String {
        self.pick(&[
            "SELECT 1",
            "SELECT '{orders}' -- # no comment",
            "{slow_query}",
            "- not: a list, [x] \"y\" 'z' \\d $1 $$",
            "#hash",
            "null",
            "SELECT\t'tab'",
            "ünïcode … \u{1f600}",
            "query I",
            "%&*!|>@`",
        ])
    }

    /// Several lines. In SLT a blank line would end them.
    fn text(&mut self) -> String {
        let mut lines = vec![self.line()];
        for _ in 0..self.next(3) {
            let line = match (self.format, self.one_in(4)) {
                (Format::Yaml, true) => String::new(),
                _ => format!("  {}", self.line()),
            };
            lines.push(line);
        }
        lines.join("\n").trim_end().to_owned()
    }

    fn duration(&mut self) -> Duration {
        Duration::from_millis([1, 300, 1000, 1500, 120_000, 7_200_000][self.next(6)])
    }

    fn releases(&mut self) -> ReleaseSet {
        let mask = 1 + self.next(15);
        let chosen = Release::ALL.into_iter().enumerate().filter(|(at, _)| mask & (1 << at) != 0);
        ReleaseSet(chosen.map(|(_, it)| it).collect())
    }

    fn suite(&mut self) -> Suite {
        let ordered = self.format == Format::Slt && self.one_in(3);
        let count = 1 + self.next(4);
        let mut suite = Suite {
            pins: Vec::new(),
            name: "t".to_owned(),
            path: PathBuf::from(if self.format == Format::Yaml { "t.yaml" } else { "t.slt" }),
            doc: self.maybe(Self::text).unwrap_or_default(),
            tags: self.words(),
            data: self.spanned_words(),
            needs: self.spanned_words(),
            allow: self.spanned_words(),
            setup: match ordered {
                true => Vec::new(),
                false => self.some(2, |it| it.step(None)),
            },
            refreshed: Vec::new(),
            cases: (0..count).map(|at| self.case(at)).collect(),
            ordered,
        };
        if self.format == Format::Slt {
            suite.setup.iter_mut().for_each(disbelieve);
            // Above the first record, it is the whole suite's.
            suite.setup.iter_mut().take(1).for_each(|it| it.allow.clear());
        }
        if ordered {
            // Names follow from the lines, so only a parser can give them.
            for case in &mut suite.cases {
                case.steps.truncate(1);
                case.steps.iter_mut().for_each(|it| it.allow.clear());
                case.steps.iter_mut().for_each(disbelieve);
            }
            let (text, _) = slt::suite(&suite);
            return parse_suite("t", Source::new("t.slt", text)).unwrap();
        }
        suite
    }

    fn case(&mut self, at: usize) -> Case {
        let only =
            self.maybe(|it| Only { releases: it.releases(), reason: "it came later".to_owned() });
        let believed = self.maybe(Self::evidence);
        let mut steps = vec![self.step(only.as_ref())];
        steps.extend(self.some(2, |it| it.step(only.as_ref())));
        if self.format == Format::Slt {
            steps[0].allow.clear();
            let all_ok = steps.iter().all(|it| it.expect[0].outcome == Expect::Ok);
            for step in &mut steps {
                let (evidence, source) = match (&believed, &step.expect[0].outcome) {
                    (Some(_), Expect::Ok) if !all_ok => (Evidence::None, None),
                    (Some(it), _) => it.clone(),
                    (None, _) => (Evidence::None, None),
                };
                (step.expect[0].evidence, step.expect[0].source) = (evidence, source);
            }
        }
        Case {
            id: self.maybe(|it| it.pick(&["L-09", "S-01", "A-99"])),
            name: format!("case {at} {}", self.line().replace('\t', " ")),
            doc: self.maybe(Self::text),
            tags: self.words(),
            needs: self.spanned_words(),
            allow: self.spanned_words(),
            only,
            span: Span::nowhere(),
            steps,
        }
    }

    fn evidence(&mut self) -> (Evidence, Option<String>) {
        let evidence =
            [Evidence::Seed, Evidence::Documented, Evidence::Observed, Evidence::Unverified]
                [self.next(4)];
        (evidence, self.maybe(|it| it.pick(&["docs: tables, limits", "a (b) c", "\"x\" #1"])))
    }

    fn step(&mut self, only: Option<&Only>) -> Step {
        let sleeps = self.one_in(6);
        let session = match sleeps {
            true => "standard".to_owned(),
            false => self.pick(&["standard", "standard", "interactive", "tuner"]),
        };
        let is_yaml = self.format == Format::Yaml;
        let mut step = Step {
            span: Span::nowhere(),
            session: session.clone(),
            action: Action::Sleep(self.duration()),
            expect: vec![self.expectation(None, &session)],
            within: None,
            takes: None,
            save: None,
            unchanged: Vec::new(),
            allow: self.spanned_words(),
            when: match is_yaml {
                true => Vec::new(),
                false => self.some(2, |it| match it.one_in(2) {
                    true => Condition::OnlyIf(it.word()),
                    false => Condition::SkipIf("emulator".to_owned()),
                }),
            },
        };
        if sleeps {
            step.expect[0].outcome = Expect::Ok;
            (step.expect[0].evidence, step.expect[0].source) = (Evidence::None, None);
            return step;
        }
        step.action = Action::Execute {
            sql: self.text(),
            binds: if is_yaml { self.some(2, Self::line) } else { Vec::new() },
        };
        step.within = self.maybe(Self::duration);
        if is_yaml {
            step.save = self.maybe(|it| it.pick(&["a", "before_it", "_1"]));
            step.unchanged = self.some(2, |it| Unchanged {
                session: match it.one_in(2) {
                    true => session.clone(),
                    false => "interactive".to_owned(),
                },
                sql: it.text(),
            });
            step.takes = self.maybe(|it| (Duration::ZERO, it.duration()));
            step.expect = self.expectations(only, &session);
        } else if self.one_in(8) {
            step.save = Some("x".to_owned());
            step.within = None;
            let rows = RowsExpected::Count { min: 1, max: Some(1) };
            step.expect[0].outcome = Expect::Rows(ExpectedRows { rows, ..ExpectedRows::default() });
        }
        step
    }

    fn expectations(&mut self, only: Option<&Only>, session: &str) -> Vec<Expectation> {
        let relevant = only.map_or(Release::ALL.to_vec(), |it| it.releases.0.clone());
        if relevant.len() < 2 || self.one_in(2) {
            return vec![self.expectation(None, session)];
        }
        let (first, rest) = relevant.split_at(1 + self.next(relevant.len() - 1));
        let rest = self.maybe(|_| ReleaseSet(rest.to_vec()));
        vec![
            self.expectation(Some(ReleaseSet(first.to_vec())), session),
            self.expectation(rest, session),
        ]
    }

    fn expectation(&mut self, releases: Option<ReleaseSet>, session: &str) -> Expectation {
        let (evidence, source) = self.maybe(Self::evidence).unwrap_or((Evidence::None, None));
        let outcome = self.outcome(session);
        let (evidence, source) = match &outcome {
            Expect::Sides(_) => (Evidence::None, None),
            _ => (evidence, source),
        };
        Expectation { releases, evidence, source, span: Span::nowhere(), outcome }
    }

    fn outcome(&mut self, session: &str) -> Expect {
        let is_yaml = self.format == Format::Yaml;
        match self.next(if is_yaml { 7 } else { 4 }) {
            0 => Expect::Ok,
            1 => Expect::Affected(self.next(5) as u64),
            2 => Expect::Rows(self.rows()),
            3 => Expect::Refused(self.refusal()),
            4 => Expect::Recorded,
            5 => Expect::Sides(vec![self.side("one"), self.side("other")]),
            _ => Expect::SameAs {
                session: match self.one_in(2) {
                    true => session.to_owned(),
                    false => "other".to_owned(),
                },
                sql: self.text(),
                sort: [Sort::None, Sort::Rows, Sort::Values][self.next(3)],
            },
        }
    }

    fn side(&mut self, name: &str) -> Side {
        let outcome = match self.next(3) {
            0 => Expect::Ok,
            1 => Expect::Rows(self.rows()),
            _ => Expect::Refused(self.refusal()),
        };
        Side {
            name: name.to_owned(),
            evidence: Evidence::Seed,
            source: self.pick(&["docs: (x)", "y"]),
            span: Span::nowhere(),
            outcome,
        }
    }

    fn refusal(&mut self) -> ExpectedRefusal {
        if self.format == Format::Slt {
            let mut refusal = ExpectedRefusal::default();
            match self.next(5) {
                0 => {}
                1 => refusal.code = Some("000630".to_owned()),
                2 => refusal.sqlstate = Some("42S02".to_owned()),
                3 => refusal.message = Some(MessageMatch::Regex(r"a  b\d+ \(c\)".to_owned())),
                _ => {
                    let message = "two lines\n\nand a blank one".to_owned();
                    refusal.message = Some(MessageMatch::Exact(message));
                }
            }
            return refusal;
        }
        ExpectedRefusal {
            code: self.maybe(|_| "000630".to_owned()),
            sqlstate: self.maybe(|_| "57014".to_owned()),
            message: self.maybe(|it| match it.next(3) {
                0 => MessageMatch::Contains(it.text()),
                1 => MessageMatch::Regex(r"^0+\d: [a-z]".to_owned()),
                _ => MessageMatch::Exact(it.text()),
            }),
        }
    }

    fn rows(&mut self) -> ExpectedRows {
        let is_yaml = self.format == Format::Yaml;
        let width = 1 + self.next(3);
        let height = self.next(3);
        let cells: Vec<Vec<Cell>> =
            (0..height).map(|_| (0..width).map(|_| self.cell()).collect()).collect();
        let mut rows = ExpectedRows {
            types: match is_yaml && self.one_in(2) {
                true => None,
                false => Some("TI?".chars().cycle().take(width).collect()),
            },
            label: self.maybe(|it| it.pick(&["x", "label-7"])),
            ..ExpectedRows::default()
        };
        rows.rows = match (self.next(3), is_yaml) {
            (0, true) => {
                RowsExpected::Count { min: 1, max: [None, Some(1), Some(5)][self.next(3)] }
            }
            (1, true) if height > 0 => RowsExpected::Contains(cells),
            (0, false) => {
                let md5 = "3c13dee48d9356ae19af2515e05e6b54".to_owned();
                RowsExpected::Hash { count: 30, md5 }
            }
            (1, false) if height > 0 => RowsExpected::Values(cells.into_iter().flatten().collect()),
            _ => RowsExpected::Rows(cells),
        };
        let is_rows = matches!(rows.rows, RowsExpected::Rows(_));
        if is_rows || !is_yaml {
            rows.sort = [Sort::None, Sort::Rows, Sort::Values][self.next(3)];
        }
        if is_yaml {
            rows.columns = self.maybe(|it| (0..width).map(|_| it.line()).collect());
            let is_count = matches!(rows.rows, RowsExpected::Count { .. });
            rows.tolerance = match !is_count && self.one_in(2) {
                true => Some([1e-9, 0.25][self.next(2)]),
                false => None,
            };
        }
        rows
    }

    fn cell(&mut self) -> Cell {
        match self.next(8) {
            0 => Cell::Null,
            1 => Cell::Text(String::new()),
            2 => Cell::Regex(r"a b|\d{2}".to_owned()),
            3 => Cell::NotRegex("x+".to_owned()),
            4 => Cell::Ignore(vec!["a ".to_owned(), String::new(), "z".to_owned()]),
            5 => Cell::Text("a b".to_owned()),
            6 => Cell::Text(self.pick(&["1", "1.50", "true", "~", "{a}", "a,b", "'x'", "#", "-"])),
            _ => Cell::Text(self.word()),
        }
    }
}

#[test]
fn refreshed_tables_and_looks_are_printed() {
    check_yaml(
        r#"
refreshed:
  daily: { create: "CREATE DYNAMIC TABLE {daily}", as: "SELECT K FROM T{at}", session: tuner }
  later: { create: "CREATE DYNAMIC TABLE {later}", as: "SELECT K FROM {daily}" }
cases:
  - name: a
    steps:
      - { fresh: daily, within: 1.5 lags, evidence: documented, source: s, allow: x }
  - name: b
    steps:
      - { equals-definition: [daily, later], within: 90s }
      - { refreshes: daily, count: 1.., every: { action: [FULL, NO_DATA], inserted: 0..5 },
          some: { state: SKIPPED, code: X }, none: { message: m }, last: { trigger: MANUAL, reason: r, deleted: 3 },
          schedule: { period: 48s, phase-of: later, ticks-of: daily, sound: true } }
      - { lag: daily, insert: "INSERT INTO T SELECT {sentinel}", visible: SELECT 1, within: 4 lags, budget: p95<=2 lags }
"#,
        r#"refreshed:
  daily:
    create: CREATE DYNAMIC TABLE {daily}
    as: SELECT K FROM T{at}
    session: tuner
  later:
    create: CREATE DYNAMIC TABLE {later}
    as: SELECT K FROM {daily}
cases:
  - name: a
    steps:
      - fresh: daily
        within: 1.5 lags
        evidence: documented
        source: s
        allow: [x]
  - name: b
    steps:
      - equals-definition: [daily, later]
        within: 90s
      - refreshes: daily
        count: 1..
        every:
          action: [FULL, NO_DATA]
          inserted: 0..5
        none:
          message: m
        last:
          trigger: [MANUAL]
          reason: r
          deleted: 3
        some:
          - state: [SKIPPED]
            code: X
        schedule:
          period: 48s
          phase-of: later
          ticks-of: daily
          sound: true
      - lag: daily
        insert: INSERT INTO T SELECT {sentinel}
        visible: SELECT 1
        samples: 20
        pause: 2s
        budget: p95 <= 2 lags
        within: 4 lags
"#,
    );
}
