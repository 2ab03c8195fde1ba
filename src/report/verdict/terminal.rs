//! The comparison for a person: which cases differ, and what each side saw.

use super::{
    Difference, Row, Side, StepDifference, Verdicts,
    said::{flat, in_one_line},
};
use crate::{
    report::{
        terminal::Colour,
        text::{self, Origin},
    },
    run::{CaseReport, Outcome, compare::counted},
};

use std::collections::HashSet;

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Cases on which the sides do not agree, or agree in what is red; the others are counted.
    Differences,
    Everything,
}

/// What is above the table is cut here. Names of cases, which come last in their lines, are not:
/// whoever searches for one has to find it. Nor is what servers said.
const COLUMNS: usize = 100;

/// Of the longest verdict, `answered differently`.
const VERDICT_COLUMNS: usize = 20;

pub fn render(verdicts: &Verdicts<'_>, colour: Colour, show: Show) -> String {
    let mut out = String::new();
    let names = name_columns(verdicts.sides);
    for side in verdicts.sides {
        out += &shortened(&format!("{:<names$}  {}", called(side), about(side)), COLUMNS);
        out.push('\n');
    }
    if let Some(releases) = verdicts.releases_differ() {
        out += &format!("\n{}\n", paint(&text::printable(&releases), YELLOW, colour));
    }
    let rows: Vec<&Row<'_>> = verdicts
        .rows
        .iter()
        .filter(|it| match show {
            Show::Everything => true,
            Show::Differences => it.verdict.difference != Difference::Agree || it.is_red(),
        })
        .collect();
    if !rows.is_empty() {
        out += &table(verdicts.sides, &rows, colour);
    }
    let mut told = HashSet::new();
    for row in &rows {
        if row.verdict.difference != Difference::Agree {
            out += &details(verdicts.sides, row, colour, &mut told);
        }
    }
    for side in verdicts.sides {
        if let Some(cause) = &side.summary.cut_short {
            out += &format!("\n{} was cut short: {}\n", called(side), text::printable(cause));
        }
    }
    out += &format!("\n{}\n", in_all(verdicts, colour));
    out
}

/// Where a side ran, and on what.
fn about(side: &Side) -> String {
    let place = match side.recorded_from {
        Some((source, at, _)) => {
            format!("recorded on {source}, {}", at.format("%Y-%m-%d %H:%M UTC"))
        }
        None => side.summary.place.clone(),
    };
    let release = match side.release() {
        Some(release) => format!("release {release}"),
        None => "release not known".to_owned(),
    };
    text::printable(&format!("{place}, {release}, run {}", side.summary.run))
}

/// A line for each case: the verdict, each side's outcome, the case.
fn table(sides: &[Side], rows: &[&Row<'_>], colour: Colour) -> String {
    let widths: Vec<usize> = sides.iter().map(|it| called(it).chars().count().max(8)).collect();
    let mut head = format!("{:<VERDICT_COLUMNS$}", "verdict");
    for (side, width) in sides.iter().zip(&widths) {
        head += &format!("  {:<width$}", called(side));
    }
    let mut out = format!("\n{}\n", paint(&format!("{head}  case"), DIM, colour));
    for row in rows {
        let word = format!("{:<VERDICT_COLUMNS$}", row.verdict.difference.word());
        out += &paint(&word, code_of(row.verdict.difference), colour);
        for (at, (report, width)) in row.reports.iter().zip(&widths).enumerate() {
            let (word, code) = match report {
                Some(it) => label(&it.outcome),
                None => ("-", DIM),
            };
            // The odd one out can be seen without colour as well.
            let mark = if row.verdict.odd == Some(at) { "*" } else { "" };
            out += &format!(
                "  {}",
                paint(&format!("{:<width$}", format!("{word}{mark}")), code, colour)
            );
        }
        out += &format!("  {}\n", text::printable(&row.case.to_string()));
    }
    if rows.iter().any(|it| it.verdict.odd.is_some()) {
        out += &format!("{}\n", paint("* the odd one out", DIM, colour));
    }
    out
}

/// Why, and what each side saw.
///
/// `told` are the causes of which the diff was shown: one cause may have many cases.
fn details<'a>(
    sides: &[Side],
    row: &Row<'a>,
    colour: Colour,
    told: &mut HashSet<&'a str>,
) -> String {
    let names = name_columns(sides);
    let difference = row.verdict.difference;
    let mut out = format!(
        "\n{}  {}\n",
        paint(difference.word(), code_of(difference), colour),
        text::printable(&row.case.to_string())
    );
    out += &format!("    {}:{}\n", text::printable(&row.case.file), row.case.line);
    for line in wrapped(&text::printable(&row.verdict.why), COLUMNS - 4) {
        out += &format!("    {line}\n");
    }
    // Of wording and what is left out, the sentence says all there is but the words.
    if difference.is_red() {
        for (side, report) in sides.iter().zip(&row.reports) {
            let seen = seen(side, *report, names, colour, told);
            out += &format!("    {:<names$}  {seen}\n", called(side));
        }
    }
    for step in &row.steps {
        out += &statement(sides, step, names);
    }
    out
}

/// A side's outcome and what it saw, with the diff below it.
fn seen<'a>(
    side: &Side,
    report: Option<&'a CaseReport>,
    names: usize,
    colour: Colour,
    told: &mut HashSet<&'a str>,
) -> String {
    let Some(report) = report else { return "not among its cases".to_owned() };
    let indent = " ".repeat(names + 6);
    let (_, code) = label(&report.outcome);
    let mut out = paint(report.outcome.word(), code, colour);
    let line = in_one_line(Some(report));
    if !line.is_empty() {
        out += &format!(": {}", text::printable(&line));
    }
    let diff = match &report.outcome {
        Outcome::Failed { failure } => failure.diff.as_deref(),
        Outcome::NotRun { cause } => text::parted(cause).1.filter(|it| told.insert(*it)),
        _ => None,
    };
    for line in text::printable(diff.unwrap_or_default()).lines() {
        let code = match line.chars().next() {
            Some('-') => RED,
            Some('+') => GREEN,
            _ => DIM,
        };
        out += &format!("\n{indent}{}", paint(line, code, colour));
    }
    if let Outcome::Failed { failure } = &report.outcome
        && let Some(query_id) = &failure.query_id
    {
        let called = Origin::of(&side.summary).query_id();
        out += &format!("\n{indent}{called}: {}", text::printable(query_id));
    }
    out
}

/// A statement and each side's answer to it.
fn statement(sides: &[Side], step: &StepDifference, names: usize) -> String {
    let sql = text::printable(&flat(&step.sql));
    let mut out = format!(
        "    {}\n",
        shortened(&format!("line {} {}: {sql}", step.line, step.what.describe()), COLUMNS - 4)
    );
    for (side, said) in sides.iter().zip(&step.said) {
        let said = said.as_deref().unwrap_or("not executed");
        out += &format!("      {:<names$}  {}\n", called(side), text::printable(said));
    }
    out
}

/// The last line: `5 cases: 3 agree, 1 product changed, 1 emulator differs`.
fn in_all(verdicts: &Verdicts<'_>, colour: Colour) -> String {
    let names: Vec<String> = verdicts.sides.iter().map(called).collect();
    let mut counts: Vec<String> = verdicts
        .counts()
        .into_iter()
        .map(|(it, count)| paint(&format!("{count} {}", it.word()), code_of(it), colour))
        .collect();
    let red = verdicts.rows.iter().filter(|it| it.is_red_alike()).count();
    if red > 0 {
        counts.push(paint(&format!("{red} red without a difference"), RED, colour));
    }
    if counts.is_empty() {
        counts.push("nothing to compare".to_owned());
    }
    format!(
        "{} on {}: {}",
        counted(verdicts.rows.len(), "case"),
        names.join(", "),
        counts.join(", ")
    )
}

fn name_columns(sides: &[Side]) -> usize {
    sides.iter().map(|it| called(it).chars().count()).max().unwrap_or_default()
}

/// A side may be named after a connection, and that by anybody.
fn called(side: &Side) -> String {
    text::printable(&side.name)
}

/// The same words as a run's own lines have.
fn label(outcome: &Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Passed => ("PASS", GREEN),
        Outcome::Failed { .. } => ("FAIL", RED),
        Outcome::Unsure { .. } => ("UNSURE", YELLOW),
        Outcome::Observed { .. } => ("OBSERVED", YELLOW),
        Outcome::Lifted { .. } => ("LIFTED", YELLOW),
        Outcome::Skipped { .. } => ("SKIP", DIM),
        Outcome::NotRun { .. } => ("NOT RUN", RED),
        Outcome::Invalid { .. } => ("INVALID", RED),
    }
}

fn code_of(difference: Difference) -> &'static str {
    match difference {
        Difference::ProductChanged
        | Difference::EmulatorDiffers
        | Difference::EmulatorChanged
        | Difference::DifferentRelease => RED,
        Difference::FixtureStale | Difference::CannotTell => YELLOW,
        Difference::LeftOut | Difference::AnsweredDifferently | Difference::Wording => DIM,
        Difference::Agree => GREEN,
    }
}

const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const DIM: &str = "2";

fn paint(text: &str, code: &str, colour: Colour) -> String {
    match colour {
        Colour::Yes => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        Colour::No => text.to_owned(),
    }
}

fn shortened(text: &str, columns: usize) -> String {
    match text.chars().count() <= columns {
        true => text.to_owned(),
        false => text.chars().take(columns - 1).chain(['…']).collect(),
    }
}

/// Broken at spaces. A word that is longer than a line is left whole, to be copied.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::verdict::{tests, verdicts};

    #[track_caller]
    fn check(show: Show, expected: &str) {
        let sides = tests::sides();
        let out = verdicts(&sides).terminal(Colour::No, show);
        assert_eq!(out.trim(), expected.trim(), "\n{out}");
    }

    #[test]
    fn what_differs_is_told_with_what_each_side_saw() {
        check(
            Show::Differences,
            "
live      org-account (AWS), release zero-copy, run SG7F3K2QXA
emulator  127.0.0.1:41823, release zero-copy, run SG0M4T8WZC
replay    recorded on live, 2026-10-02 14:05 UTC, release zero-copy, run SG5D9H1VNB

verdict               live      emulator  replay    case
emulator differs      PASS      FAIL*     PASS      limits::dml::L-09 an interactive warehouse reads the row that was merged last, and no other
product changed       LIFTED*   PASS      PASS      limits::dml::L-10 statements other than queries are refused
fixture stale         PASS      PASS      NOT RUN   limits::dml::L-11 a new case
wording               PASS      PASS      PASS      limits::dml::L-12 a delete is refused
cannot tell           NOT RUN   PASS      PASS      limits::dml::L-14 a long one
agree                 FAIL      FAIL      FAIL      limits::dml::L-15 fails everywhere
* the odd one out

emulator differs  limits::dml::L-09 an interactive warehouse reads the row that was merged last, and no other
    suites/limits/dml.yaml:31
    emulator is the odd one out: live passed, emulator failed: the emulator is not like the product
    live      passed
    emulator  failed: row 2 differs
               1
              -2
              +3
              query id: 01b0-1
    replay    passed

product changed  limits::dml::L-10 statements other than queries are refused
    suites/limits/dml.yaml:43
    live is the odd one out: live is lifted, the recording of live of 2026-10-02 passed: the product
    changed since
    live      lifted: line 9: 1 row
    emulator  passed
    replay    passed

fixture stale  limits::dml::L-11 a new case
    suites/limits/dml.yaml:55
    the recording of live of 2026-10-02 does not have what the case executes now, live passed: the
    suite or its data changed since; record it again
    live      passed
    emulator  passed
    replay    not run: not recorded: nearest: SELECT COUNT(*) FROM ORDERS

wording  limits::dml::L-12 a delete is refused
    suites/limits/dml.yaml:67
    all passed, but line 14 was refused in other words
    line 14 was refused in other words: DELETE FROM ORDERS_SERVED WHERE O_ORDERKEY = 7
      live      000630 (57014): Statement reached its statement timeout of 5 second(s) and was canceled.
      emulator  000630 (57014): Statement reached its time-out of 5 seconds and was cancelled.
      replay    000630 (57014): Statement reached its statement timeout of 5 second(s) and was canceled.

cannot tell  limits::dml::L-14 a long one
    suites/limits/dml.yaml:91
    live did not run it: connection lost: reset by peer
    live      not run: connection lost: reset by peer
    emulator  passed
    replay    passed

9 cases on live, emulator, replay: 1 product changed, 1 emulator differs, 1 fixture stale, 1 cannot tell, 1 wording, 4 agree, 1 red without a difference
",
        );
    }

    #[test]
    fn all_cases_are_listed_when_asked_for() {
        let sides = tests::sides();
        let out = verdicts(&sides).terminal(Colour::No, Show::Everything);
        assert!(
            out.contains("\nagree                 PASS      PASS      PASS      limits"),
            "{out}"
        );
    }

    #[test]
    fn what_is_above_the_table_fits_and_colours_do_not_move_it() {
        let mut sides = tests::sides();
        sides[1].summary.place = "somewhere ".repeat(20);
        let plain = verdicts(&sides).terminal(Colour::No, Show::Everything);
        for line in plain.lines().take(3) {
            assert!(line.chars().count() <= COLUMNS, "{line}");
        }
        let coloured = verdicts(&sides).terminal(Colour::Yes, Show::Everything);
        let mut stripped = String::new();
        for (at, part) in coloured.split('\u{1b}').enumerate() {
            stripped += if at == 0 { part } else { part.split_once('m').unwrap().1 };
        }
        assert_eq!(stripped, plain);
    }

    #[test]
    fn the_diff_of_a_cause_is_told_once_and_below() {
        let mut sides = tests::sides();
        for report in sides[2].summary.cases.iter_mut().take(2) {
            let cause = crate::report::sample::NOT_RECORDED.to_owned();
            report.outcome = Outcome::NotRun { cause };
        }
        let out = verdicts(&sides).terminal(Colour::No, Show::Differences);
        let told = "
    replay    not run: not recorded: the nearest is
               SELECT K
              -FROM T
              +FROM U
";
        assert_eq!(out.matches(told).count(), 1, "{out}");
        assert_eq!(out.matches("not run: not recorded: the nearest is\n").count(), 2, "{out}");
        assert_eq!(out.matches("FROM U").count(), 1, "{out}");
    }

    #[test]
    fn nothing_that_a_server_says_commands_the_terminal() {
        for text in tests::HOSTILE {
            let sides = tests::hostile(text);
            let out = verdicts(&sides).terminal(Colour::No, Show::Everything);
            let obeyed = out.chars().find(|it| it.is_control() && *it != '\n');
            assert_eq!(obeyed, None, "{out}");
        }
    }
}
