//! A case in plain text, as the terminal, JUnit and `cargo test` show it.

use crate::run::{CaseReport, Diagnosis, Outcome, RunSummary, StepReport};
use std::{borrow::Cow, time::Duration};

/// Characters of a statement that are shown in a list of steps.
const SQL_MAX: usize = 100;

/// Whose a run's query ids and times of statements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The run's own: an id can be looked up where it ran.
    Own,
    /// A recording's. The ids are made up, and the times were taken when it was made.
    Recorded,
}

impl Origin {
    /// Only a run on a recording tells of what it was recorded from.
    pub fn of(summary: &RunSummary) -> Self {
        match summary.facts.iter().any(|(name, _)| name == "recorded_from") {
            true => Self::Recorded,
            false => Self::Own,
        }
    }

    /// What ids of statements are called.
    pub fn query_id(self) -> &'static str {
        match self {
            Self::Own => "query id",
            Self::Recorded => "replayed query id",
        }
    }

    /// To follow a statement's time.
    pub fn time(self) -> &'static str {
        match self {
            Self::Own => "",
            Self::Recorded => " recorded",
        }
    }
}

/// A reason in two: the sentence, and the diff below it, whose lines start with `-` or `+`.
pub fn parted(reason: &str) -> (&str, Option<&str>) {
    let breaks = || reason.match_indices('\n').map(|(at, _)| at);
    let starts_with = |at: usize, marks: &[char]| reason[at + 1..].starts_with(marks);
    match breaks().any(|at| starts_with(at, &['-', '+'])) {
        true => match breaks().find(|at| starts_with(*at, &['-', '+', ' '])) {
            Some(at) => (&reason[..at], Some(&reason[at + 1..])),
            None => (reason, None),
        },
        false => (reason, None),
    }
}

/// One line on why the case did not simply pass, or more where it has a diff. `None` if it did.
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
    details_from(report, Origin::Own)
}

pub fn details_from(report: &CaseReport, origin: Origin) -> String {
    let mut lines = Vec::new();
    match &report.outcome {
        Outcome::Failed { failure } => {
            lines.push(format!("{}: {}", failure.place, failure.message));
            lines.extend(failure.sql.trim().lines().map(|it| format!("  {it}")));
            if let Some(diff) = &failure.diff {
                lines.extend(diff.lines().map(str::to_owned));
            }
            if let Some(query_id) = &failure.query_id {
                lines.push(format!("{}: {query_id}", origin.query_id()));
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
    if let Some(it) = &report.diagnosis {
        lines.extend(diagnosis(it));
    }
    if let Some(expected) = belief(report) {
        lines.push(expected);
    }
    printable(&lines.join("\n"))
}

/// Cause and remedy, a line each.
pub fn diagnosis(it: &Diagnosis) -> [String; 2] {
    [
        format!("likely cause: {} [{}]", it.cause, it.rule),
        format!("remedy: {} ({})", it.remedy, it.source),
    ]
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
    steps_from(report, Origin::Own)
}

pub fn steps_from(report: &CaseReport, origin: Origin) -> String {
    report.steps.iter().map(|it| step(it, origin)).collect::<Vec<_>>().join("\n")
}

fn step(step: &StepReport, origin: Origin) -> String {
    let took = seconds(Duration::from_micros(step.elapsed_us));
    let warehouse = step.warehouse.as_ref().map(|it| format!(" on {it}")).unwrap_or_default();
    let looks = match step.looks {
        0 | 1 => String::new(),
        looks => format!(", look {looks}"),
    };
    let query_id = step.query_id.as_ref().map(|it| match origin {
        Origin::Own => format!(" [{it}]"),
        Origin::Recorded => format!(" [replayed {it}]"),
    });
    let query_id = query_id.unwrap_or_default();
    let recorded = origin.time();
    let sql = step.sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let sql = cut(&sql, SQL_MAX);
    printable(&format!(
        "line {}: {}{warehouse}, {took}{recorded}{looks}: {}{query_id}: {sql}",
        step.line, step.session, step.ending
    ))
}

/// At most so many characters of it.
pub fn cut(text: &str, characters: usize) -> Cow<'_, str> {
    match text.char_indices().nth(characters) {
        Some((at, _)) => format!("{}…", &text[..at]).into(),
        None => text.into(),
    }
}

/// `0.412s`
pub fn seconds(duration: Duration) -> String {
    format!("{:.3}s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{html, json, junit, sample, terminal};

    #[track_caller]
    fn check(reason: &str, expected: (&str, Option<&str>)) {
        assert_eq!(parted(reason), expected);
    }

    #[test]
    fn a_diff_in_a_reason_is_below_its_sentence() {
        check("connection lost", ("connection lost", None));
        check("-1 row\nthen none", ("-1 row\nthen none", None));
        check(
            sample::NOT_RECORDED,
            ("not recorded: the nearest is", Some(" SELECT K\n-FROM T\n+FROM U")),
        );
        check("it is\n+a", ("it is", Some("+a")));
    }

    #[test]
    fn ids_and_times_of_a_recording_are_called_so() {
        let report = sample::cases().remove(1);
        assert!(details(&report).contains("\nquery id: 01b0-1\n"));
        let text = details_from(&report, Origin::Recorded);
        assert!(text.contains("\nreplayed query id: 01b0-1\n"), "{text}");
        assert!(steps(&report).contains("0.250s: 2 rows [01b0-1]: "), "{}", steps(&report));
        let text = steps_from(&report, Origin::Recorded);
        assert!(text.contains("0.250s recorded: 2 rows [replayed 01b0-1]: "), "{text}");
    }

    #[test]
    fn every_report_tells_a_likely_cause() {
        let not_run = Outcome::NotRun { cause: "it was refused".to_owned() };
        let outcomes = [Outcome::Failed { failure: sample::failure() }, not_run];
        for outcome in outcomes {
            let case = CaseReport {
                diagnosis: Some(sample::diagnosis()),
                ..sample::case("is explained", outcome)
            };
            let lines = "likely cause: it is <not> attached [not-bound]\nremedy: attach it (docs: attaching)";
            let text = details(&case);
            assert!(text.contains(lines), "{text}");
            let summary = sample::summary(vec![case]);
            let expect = |report: String, part: &str| {
                assert!(report.contains(part), "no `{part}` in\n{report}");
            };
            let printed = terminal::summary(&summary, terminal::Colour::No);
            expect(printed.clone(), "likely cause: it is <not> attached [not-bound]\n");
            expect(printed, "remedy: attach it (docs: attaching)\n");
            let xml = junit::render(&summary).unwrap();
            expect(xml.clone(), r#"<property name="diagnosis" value="not-bound"/>"#);
            expect(xml, "likely cause: it is &lt;not&gt; attached [not-bound]\nremedy: attach it");
            let page = html::render(&summary);
            expect(page.clone(), "<b>Likely cause:</b> it is &lt;not&gt; attached");
            expect(page.clone(), "<b>Remedy:</b> attach it");
            expect(page, "<dt>diagnosis</dt><dd>not-bound: docs: attaching</dd>");
            expect(json::render(&summary).unwrap(), "\"rule\": \"not-bound\"");
        }
    }
}
