//! The comparison for a person: which cases differ, and what each side saw.

use super::{
    Difference, Row, Side, StepDifference, Verdicts,
    said::{flat, in_one_line},
};
use crate::{
    report::{terminal::Colour, text},
    run::{CaseReport, Outcome, compare::counted},
};

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Cases on which the sides do not agree; the others are counted.
    Differences,
    Everything,
}

/// No line of the table is longer. Below it, what servers said is not cut.
const COLUMNS: usize = 100;

/// Of the longest verdict, `different release`.
const VERDICT_COLUMNS: usize = 17;

pub fn render(verdicts: &Verdicts<'_>, colour: Colour, show: Show) -> String {
    let mut out = String::new();
    let names = name_columns(verdicts.sides);
    for side in verdicts.sides {
        out += &shortened(&format!("{:<names$}  {}", side.name, about(side)), COLUMNS);
        out.push('\n');
    }
    if let Some(releases) = verdicts.releases_differ() {
        out += &format!("\n{}\n", paint(&releases, YELLOW, colour));
    }
    let rows: Vec<&Row<'_>> = verdicts
        .rows
        .iter()
        .filter(|it| show == Show::Everything || it.verdict.difference != Difference::Agree)
        .collect();
    if !rows.is_empty() {
        out += &table(verdicts.sides, &rows, colour);
    }
    for row in &rows {
        if row.verdict.difference != Difference::Agree {
            out += &details(verdicts.sides, row, colour);
        }
    }
    for side in verdicts.sides {
        if let Some(cause) = &side.summary.cut_short {
            out += &format!("\n{} was cut short: {}\n", side.name, text::printable(cause));
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
    let widths: Vec<usize> = sides.iter().map(|it| it.name.chars().count().max(8)).collect();
    let before = VERDICT_COLUMNS + widths.iter().map(|it| it + 2).sum::<usize>() + 2;
    let left = COLUMNS.saturating_sub(before).max(24);
    let mut head = format!("{:<VERDICT_COLUMNS$}", "verdict");
    for (side, width) in sides.iter().zip(&widths) {
        head += &format!("  {:<width$}", side.name);
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
        out += &format!("  {}\n", shortened(&text::printable(&row.case.to_string()), left));
    }
    if rows.iter().any(|it| it.verdict.odd.is_some()) {
        out += &format!("{}\n", paint("* the odd one out", DIM, colour));
    }
    out
}

/// Why, and what each side saw.
fn details(sides: &[Side], row: &Row<'_>, colour: Colour) -> String {
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
            out += &format!("    {:<names$}  {}\n", side.name, seen(*report, names, colour));
        }
    }
    for step in &row.steps {
        out += &statement(sides, step, names);
    }
    out
}

/// A side's outcome and what it saw, with the diff below it.
fn seen(report: Option<&CaseReport>, names: usize, colour: Colour) -> String {
    let Some(report) = report else { return "not among its cases".to_owned() };
    let indent = " ".repeat(names + 6);
    let (_, code) = label(&report.outcome);
    let mut out = paint(report.outcome.word(), code, colour);
    let line = in_one_line(Some(report));
    if !line.is_empty() {
        out += &format!(": {}", text::printable(&line));
    }
    if let Outcome::Failed { failure } = &report.outcome {
        if let Some(diff) = &failure.diff {
            for line in text::printable(diff).lines() {
                let code = match line.chars().next() {
                    Some('-') => RED,
                    Some('+') => GREEN,
                    _ => DIM,
                };
                out += &format!("\n{indent}{}", paint(line, code, colour));
            }
        }
        if let Some(query_id) = &failure.query_id {
            out += &format!("\n{indent}query id: {}", text::printable(query_id));
        }
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
        out += &format!("      {:<names$}  {}\n", side.name, text::printable(said));
    }
    out
}

/// The last line: `5 cases: 3 agree, 1 product changed, 1 emulator differs`.
fn in_all(verdicts: &Verdicts<'_>, colour: Colour) -> String {
    let names: Vec<&str> = verdicts.sides.iter().map(|it| it.name.as_str()).collect();
    let mut counts: Vec<String> = verdicts
        .counts()
        .into_iter()
        .map(|(it, count)| paint(&format!("{count} {}", it.word()), code_of(it), colour))
        .collect();
    let both_red = |it: &&Row<'_>| it.is_red() && !it.verdict.difference.is_red();
    let red = verdicts.rows.iter().filter(both_red).count();
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
    sides.iter().map(|it| it.name.chars().count()).max().unwrap_or_default()
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
        Difference::LeftOut | Difference::Wording => DIM,
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
