//! A case in plain text, as the terminal, JUnit and `cargo test` show it.

use crate::run::{CaseReport, Outcome, StepReport};
use std::time::Duration;

/// Characters of a statement that are shown in a list of steps.
const SQL_MAX: usize = 100;

/// One line on why the case did not simply pass. `None` if it did.
pub fn reason(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Passed => None,
        Outcome::Failed { failure } => Some(&failure.message),
        Outcome::Unsure { why } | Outcome::Invalid { why } => Some(why),
        Outcome::Observed { seen } | Outcome::Lifted { seen } => Some(seen),
        Outcome::Skipped { reason } => Some(reason),
        Outcome::NotRun { cause } => Some(cause),
    }
}

/// All that a person needs in order to understand the case without running it again.
pub fn details(report: &CaseReport) -> String {
    let mut lines = Vec::new();
    match &report.outcome {
        Outcome::Failed { failure } => {
            lines.push(format!("{}: {}", failure.place, failure.message));
            lines.extend(failure.sql.trim().lines().map(|it| format!("  {it}")));
            if let Some(diff) = &failure.diff {
                lines.extend(diff.lines().map(str::to_owned));
            }
            if let Some(query_id) = &failure.query_id {
                lines.push(format!("query id: {query_id}"));
            }
            if let Some(hint) = &failure.hint {
                lines.push(format!("hint: {hint}"));
            }
        }
        other => {
            let place = format!("{}:{}", report.case.file, report.case.line);
            lines.push(match reason(other) {
                Some(reason) => format!("{place}: {}: {reason}", other.word()),
                None => format!("{place}: {}", other.word()),
            });
        }
    }
    if let Some(expected) = belief(report) {
        lines.push(expected);
    }
    printable(&lines.join("\n"))
}

/// The text with control characters shown rather than obeyed: servers' messages may hold what a
/// terminal takes for commands.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|it| match it {
            '\n' | '\t' => it,
            '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(it)).unwrap_or('\u{fffd}'),
            '\u{7f}'..='\u{9f}' => '\u{fffd}',
            it => it,
        })
        .collect()
}

/// Why the expectation is believed, and on which release it was looked at.
fn belief(report: &CaseReport) -> Option<String> {
    use crate::suite::Evidence;
    let evidence = match report.evidence {
        Evidence::None => return report.release.map(|it| format!("release: {it}")),
        Evidence::Seed => "seed",
        Evidence::Documented => "documented",
        Evidence::Observed => "observed",
        Evidence::Unverified => "unverified",
    };
    let source = report.source.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
    let release = report.release.map(|it| format!("; release: {it}")).unwrap_or_default();
    Some(format!("evidence: {evidence}{source}{release}"))
}

/// What was executed, a line for each statement.
pub fn steps(report: &CaseReport) -> String {
    report.steps.iter().map(step).collect::<Vec<_>>().join("\n")
}

fn step(step: &StepReport) -> String {
    let took = seconds(Duration::from_micros(step.elapsed_us));
    let warehouse = step.warehouse.as_ref().map(|it| format!(" on {it}")).unwrap_or_default();
    let looks = match step.looks {
        0 | 1 => String::new(),
        looks => format!(", look {looks}"),
    };
    let query_id = step.query_id.as_ref().map(|it| format!(" [{it}]")).unwrap_or_default();
    let sql = step.sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let sql = match sql.char_indices().nth(SQL_MAX) {
        Some((at, _)) => format!("{}…", &sql[..at]),
        None => sql,
    };
    printable(&format!(
        "line {}: {}{warehouse}, {took}{looks}: {}{query_id}: {sql}",
        step.line, step.session, step.ending
    ))
}

/// `0.412s`
pub fn seconds(duration: Duration) -> String {
    format!("{:.3}s", duration.as_secs_f64())
}
