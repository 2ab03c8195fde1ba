//! What was seen where nothing is verified: `limits/dml.pins.yaml` beside `limits/dml.yaml`.
//!
//! A pin belongs to a step of a case, to a release, and to a kind of target: what the emulator
//! answers says nothing about an account, nor the other way round. Which region it was seen in is
//! told, and not compared.

use super::{
    Action, Case, Evidence, Release, Suite,
    error::{SuiteError, SuiteErrorKind},
    span::Span,
    words::unknown,
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// What the names of files with pins end in.
const EXTENSION: &str = "pins.yaml";

/// An answer that was seen, which later runs hold the target to.
#[derive(Clone, Debug, PartialEq)]
pub struct Pin {
    /// The case's name, without its id.
    pub case: String,
    /// From 1.
    pub step: usize,
    pub release: Release,
    /// The kind of target that gave the answer: `live`, `emulator`.
    pub target: String,
    pub region: Option<String>,
    pub date: NaiveDate,
    pub seen: Seen,
    /// Where its case is named.
    pub span: Span,
}

/// An answer, without what differs from run to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    Refused {
        code: String,
        sqlstate: String,
        message: String,
    },
    /// It succeeded where it is not about rows.
    Succeeded,
    /// Cells as text; `None` is NULL.
    Rows(Vec<Vec<Option<String>>>),
    /// More rows than are kept.
    Count(usize),
}

/// One line: `001420 (42601): …`, `the row 1 | a`.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, sqlstate, message } if sqlstate.is_empty() => {
                write!(f, "{code}: {message}")
            }
            Self::Refused { code, sqlstate, message } => {
                write!(f, "{code} ({sqlstate}): {message}")
            }
            Self::Succeeded => f.write_str("it succeeded"),
            Self::Count(count) => write!(f, "{count} rows"),
            Self::Rows(rows) if rows.is_empty() => f.write_str("no rows"),
            Self::Rows(rows) => {
                let row = |row: &Vec<Option<String>>| {
                    let cells = row.iter().map(|it| it.as_deref().unwrap_or("NULL"));
                    cells.collect::<Vec<_>>().join(" | ")
                };
                let rows: Vec<String> = rows.iter().map(row).collect();
                write!(f, "rows {}", rows.join("; "))
            }
        }
    }
}

/// Where and when, in a few words: `2026-11-21, live, zero-copy, AWS_US_WEST_2`.
impl Pin {
    pub fn place(&self) -> String {
        let region = self.region.as_ref().map(|it| format!(", {it}")).unwrap_or_default();
        format!("{}, {}, {}{region}", self.date, self.target, self.release)
    }

    /// What there is one pin of.
    pub fn key(&self) -> (&str, usize, &str, Release) {
        (&self.case, self.step, &self.target, self.release)
    }
}

/// Where the pins of a suite are, whether or not there are any.
pub fn path(suite: &Path) -> PathBuf {
    suite.with_extension(EXTENSION)
}

pub(super) fn is_pins(path: &Path) -> bool {
    let name = path.file_name().and_then(|it| it.to_str());
    name.is_some_and(|it| it.ends_with(".pins.yaml"))
}

/// Whether there is a suite that the pins can be of.
pub(super) fn has_suite(pins: &Path) -> bool {
    let suite = pins.with_extension("");
    ["yaml", "yml", "slt"].iter().any(|it| suite.with_extension(it).is_file())
}

/// Pins as a file. In an order of their own, so that a suite whose cases move keeps its pins.
pub fn print(pins: &[Pin]) -> String {
    let mut pins: Vec<&Pin> = pins.iter().collect();
    pins.sort_by_key(|it| it.key());
    let mut out =
        "# What was seen where nothing is verified: written by `snowgauge run --pin`.\npins:\n"
            .to_owned();
    for pin in pins {
        out += &format!("  - case: {}\n", quoted(&pin.case));
        out += &format!("    step: {}\n", pin.step);
        out += &format!("    target: {}\n    release: {}\n", pin.target, pin.release);
        if let Some(region) = &pin.region {
            out += &format!("    region: {}\n", quoted(region));
        }
        out += &format!("    date: {}\n    evidence: observed\n", pin.date);
        match &pin.seen {
            Seen::Succeeded => out += "    succeeded: true\n",
            Seen::Count(count) => out += &format!("    count: {count}\n"),
            Seen::Rows(rows) if rows.is_empty() => out += "    rows: []\n",
            Seen::Rows(rows) => {
                out += "    rows:\n";
                for row in rows {
                    let cell = |it: &Option<String>| match it {
                        None => "null".to_owned(),
                        Some(text) => quoted(text),
                    };
                    let cells: Vec<String> = row.iter().map(cell).collect();
                    out += &format!("      - [{}]\n", cells.join(", "));
                }
            }
            Seen::Refused { code, sqlstate, message } => {
                out += &format!("    refused:\n      code: {}\n", quoted(code));
                if !sqlstate.is_empty() {
                    out += &format!("      sqlstate: {}\n", quoted(sqlstate));
                }
                out += &format!("      message: {}\n", quoted(message));
            }
        }
    }
    out
}

/// Between quotes, in one line. What JSON escapes, YAML takes, too; what YAML alone would have
/// escaped is here as well.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for it in text.chars() {
        match it {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            it if it.is_control() || matches!(it, '\u{feff}' | '\u{2028}' | '\u{2029}') => {
                out += &format!("\\u{:04x}", u32::from(it));
            }
            it => out.push(it),
        }
    }
    out.push('"');
    out
}

/// Pins of cases that the suite does not have.
pub(super) fn check_cases(suite: &Suite) -> Vec<SuiteError> {
    let names: Vec<&str> = suite.cases.iter().map(|it| it.name.as_str()).collect();
    let missing = suite.pins.iter().filter(|it| !names.contains(&it.case.as_str()));
    missing.map(|it| unknown("case", &it.case, &names).at(it.span.clone())).collect()
}

/// Pins that nothing is held to any more: their step is gone, or says on its release what is
/// expected there.
pub fn stale(suite: &Suite) -> Vec<SuiteError> {
    let is_stale = |pin: &&Pin| {
        let case = suite.cases.iter().find(|it| it.name == pin.case);
        case.is_some_and(|it| !is_unverified(it, pin))
    };
    let error = |pin: &Pin| {
        let kind = SuiteErrorKind::StalePin { step: pin.step, release: pin.release.to_string() };
        kind.at(pin.span.clone())
    };
    suite.pins.iter().filter(is_stale).map(error).collect()
}

fn is_unverified(case: &Case, pin: &Pin) -> bool {
    let step = pin.step.checked_sub(1).and_then(|it| case.steps.get(it));
    let Some(step) = step.filter(|it| matches!(it.action, Action::Execute { .. })) else {
        return false;
    };
    let holds = |it: &&super::Expectation| {
        it.releases.as_ref().is_none_or(|it| it.0.contains(&pin.release))
    };
    step.expect.iter().find(holds).is_some_and(|it| it.evidence == Evidence::Unverified)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{load, load::test_folder::TestFolder, source::Source, yaml};

    const SUITE: &str = "cases:
  - { name: known, sql: S }
  - name: unknown
    steps:
      - S
      - sql: S
        expect:
          - { releases: ..attached, error: any, evidence: unverified }
          - { releases: fallback.., error: any, evidence: documented }
";

    /// What is wrong with a suite and its pins, or how many pins it has.
    #[track_caller]
    fn check(pins: &str, expected: &str) {
        let folder = TestFolder::new([("s/a.yaml", SUITE), ("s/a.pins.yaml", pins)]);
        let found = match load(&[folder.path().join("s")]) {
            Err(errors) => {
                let lines = errors.errors.iter().map(|it| match it.kind.help() {
                    Some(help) => format!("{it}; {help}"),
                    None => it.to_string(),
                });
                lines.collect::<Vec<_>>().join("\n")
            }
            Ok(loaded) => {
                assert_eq!(loaded.suites.len(), 1);
                let stale = stale(&loaded.suites[0]);
                let stale: Vec<String> = stale.iter().map(|it| format!("\n{it}")).collect();
                format!("{} pins{}", loaded.suites[0].pins.len(), stale.concat())
            }
        };
        assert_eq!(folder.shortened(&found), expected, "\n{pins}");
    }

    fn pin(rest: &str) -> String {
        format!(
            "pins:\n- {{ case: unknown, step: 2, target: live, release: attached, \
             date: 2026-11-21, evidence: observed, {rest} }}\n"
        )
    }

    #[test]
    fn a_file_of_pins_is_checked_like_a_suite() {
        check(&pin("succeeded: true"), "1 pins");
        check("pins: []\n", "0 pins");
        check(
            &pin("succeeded: true").replace("case: unknown", "case: unknow"),
            "s/a.pins.yaml:2:11: unknown case `unknow`; did you mean `unknown`?",
        );
        check(
            &pin("succeded: true"),
            "s/a.pins.yaml:2:3: a pin needs `refused`; or one of `refused`, `succeeded`, `rows` and `count`\n\
             s/a.pins.yaml:2:100: unknown key `succeded`; did you mean `succeeded`?",
        );
        check(
            &pin("succeeded: true, count: 3"),
            "s/a.pins.yaml:2:117: `count` does not go with `succeeded`; a pin is one answer",
        );
        check(
            &pin("count: many").replace("2026-11-21", "21 November"),
            "s/a.pins.yaml:2:68: `21 November` is not a date; year, month and day: `2026-11-21`\n\
             s/a.pins.yaml:2:108: `many` is not a number of rows; a whole number: `3`",
        );
        check(
            &pin("refused: { code: 1420, message: m }").replace("observed", "documented"),
            "s/a.pins.yaml:2:90: `documented` is not the evidence of a pin; what is pinned was `observed`\n\
             s/a.pins.yaml:2:119: `1420` is not an error code; six digits: `\"000630\"`",
        );
        check(
            &pin("succeeded: true").replace("step: 2", "step: 0"),
            "s/a.pins.yaml:2:26: `0` is not a step; from 1",
        );
        check(
            "pin: 1",
            "s/a.pins.yaml:1:1: unknown key `pin`; did you mean `pins`?\ns/a.pins.yaml:1:1: a file of pins needs `pins`; remove the file if there are none",
        );
        check(
            "pins: [",
            "s/a.pins.yaml:2:1: not YAML: while parsing a node, did not find expected node content",
        );
        let twice = pin("succeeded: true") + pin("count: 3").strip_prefix("pins:\n").unwrap();
        check(
            &twice,
            "s/a.pins.yaml:3:11: `unknown` is given twice, first in line 2; remove one of the two",
        );
    }

    #[test]
    fn a_pin_that_nothing_is_held_to_is_told() {
        let stale = "s/a.pins.yaml:2:11: nothing is unverified in step";
        let found = |step: usize, release: &str| format!("1 pins\n{stale} {step} on {release}");
        check(&pin("succeeded: true").replace("attached", "zero-copy"), &found(2, "zero-copy"));
        check(&pin("succeeded: true").replace("step: 2", "step: 3"), &found(3, "attached"));
        check(&pin("succeeded: true").replace("step: 2", "step: 1"), &found(1, "attached"));
    }

    #[test]
    fn pins_without_a_suite_are_an_error() {
        let folder =
            TestFolder::new([("s/a.slt", "statement ok\nS\n"), ("s/b.pins.yaml", "pins: []\n")]);
        let errors = load(&[folder.path().join("s")]).unwrap_err();
        assert_eq!(
            folder.shortened(&errors.to_string()),
            "s/b.pins.yaml: the pins of a suite that is not there\n  = help: rename it as its suite was renamed, or remove it\n"
        );
    }

    #[test]
    fn pins_are_read_as_they_were_written() {
        let pin = |case: &str, target: &str, seen: Seen| Pin {
            case: case.to_owned(),
            step: 3,
            release: Release::Fallback,
            target: target.to_owned(),
            region: (target == "live").then(|| "AWS_US_WEST_2".to_owned()),
            date: NaiveDate::from_ymd_opt(2026, 11, 21).unwrap(),
            seen,
            span: Span::nowhere(),
        };
        let refused = |sqlstate: &str| Seen::Refused {
            code: "001420".to_owned(),
            sqlstate: sqlstate.to_owned(),
            message: "'a': \"b\"\n\\ # \u{7}ü".to_owned(),
        };
        let cells = vec![vec![None, Some("null".to_owned())], vec![Some(String::new()), None]];
        let pins = vec![
            pin("a", "emulator", refused("42601")),
            pin("a", "live", refused("")),
            pin("b: 'c'", "live", Seen::Succeeded),
            pin("c", "live", Seen::Rows(cells)),
            pin("d", "live", Seen::Rows(Vec::new())),
            pin("e", "live", Seen::Count(21)),
        ];
        let mut shuffled = pins.clone();
        shuffled.reverse();
        let text = print(&shuffled);
        assert_eq!(text, print(&pins));
        let mut found = yaml::pins(&Source::new("t.pins.yaml", text.clone())).unwrap();
        found.iter_mut().for_each(|it| it.span = Span::nowhere());
        assert_eq!(found, pins, "\n{text}");
    }
}
