//! The comparison as JUnit XML: a test case for each case, failed where the sides differ.

use super::{Difference, Row, Verdicts, said::in_one_line};
use crate::{
    report::{
        junit::query_ids_name,
        text::{self, Origin},
    },
    run::{CaseReport, Outcome},
};
use quick_junit::{
    NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite, XmlString,
};
use std::{collections::HashMap, io, time::Duration};

pub fn render(verdicts: &Verdicts<'_>) -> io::Result<String> {
    report(verdicts).to_string().map_err(io::Error::other)
}

fn report(verdicts: &Verdicts<'_>) -> Report {
    let mut report = Report::new("snowgauge verdicts");
    if let Some(at) = verdicts.sides.iter().filter_map(|it| it.summary.started_at).min() {
        report.set_timestamp(at);
    }
    let mut suites: Vec<(&str, Vec<&Row<'_>>)> = Vec::new();
    for row in &verdicts.rows {
        match suites.iter_mut().find(|(name, _)| *name == row.case.suite) {
            Some((_, rows)) => rows.push(row),
            None => suites.push((&row.case.suite, vec![row])),
        }
    }
    for (name, rows) in suites {
        report.add_test_suite(suite(name, &rows, verdicts));
    }
    // A side that was cut short before its first case would be seen nowhere else.
    let mut cut_short = TestSuite::new("sides");
    for side in verdicts.sides {
        if let Some(cause) = &side.summary.cut_short {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type("cut short").set_message(safe(cause));
            let mut case = TestCase::new(safe(&side.name), status);
            case.set_classname("sides");
            cut_short.add_test_case(case);
        }
    }
    if !cut_short.test_cases.is_empty() {
        report.add_test_suite(cut_short);
    }
    report
}

fn suite(name: &str, rows: &[&Row<'_>], verdicts: &Verdicts<'_>) -> TestSuite {
    let mut suite = TestSuite::new(safe(name));
    for side in verdicts.sides {
        let mut add = |what: &str, value: &str| {
            suite.add_property(property(&format!("{what}.{}", side.name), value));
        };
        add("target", side.kind.name());
        add("run", &side.summary.run);
        add("place", &side.summary.place);
        if let Some(release) = side.release() {
            add("release", release.name());
        }
        if let Some((source, at, _)) = side.recorded_from {
            add("recorded_from", source.name());
            add("recorded_at", &at.to_rfc3339());
        }
    }
    let mut names = HashMap::new();
    for row in rows {
        suite.add_test_case(case(row, verdicts, &mut names));
    }
    suite
}

fn case(row: &Row<'_>, verdicts: &Verdicts<'_>, names: &mut HashMap<String, usize>) -> TestCase {
    let mut name = match &row.case.id {
        Some(id) => format!("{id} {}", row.case.name),
        None => row.case.name.clone(),
    };
    // Readers merge cases of one name.
    let seen = names.entry(name.clone()).and_modify(|it| *it += 1).or_insert(1);
    if *seen > 1 {
        name = format!("{name} ({seen})");
    }
    let mut case = TestCase::new(safe(&name), status(row, verdicts));
    case.set_classname(safe(&row.case.suite));
    // The sides ran one after the other or beside each other; what the case cost is all of it.
    let took_us = row.reports.iter().flatten().map(|it| it.took_us).sum();
    case.set_time(Duration::from_micros(took_us));
    case.extra.insert("file".into(), safe(&row.case.file));
    case.extra.insert("line".into(), safe(&row.case.line.to_string()));
    case.add_property(property("verdict", row.verdict.difference.word()));
    case.add_property(property("why", &row.verdict.why));
    if let Some(odd) = row.verdict.odd {
        case.add_property(property("odd_one_out", &verdicts.sides[odd].name));
    }
    for (side, report) in verdicts.sides.iter().zip(&row.reports) {
        let outcome = report.map(|it| it.outcome.word()).unwrap_or("absent");
        case.add_property(property(&format!("outcome.{}", side.name), outcome));
        if let Some(report) = report {
            let query_ids: Vec<&str> =
                report.steps.iter().filter_map(|it| it.query_id.as_deref()).collect();
            if !query_ids.is_empty() {
                let ids = query_ids_name(Origin::of(&side.summary));
                let name = format!("{ids}.{}", side.name);
                case.add_property(property(&name, &query_ids.join(",")));
            }
        }
    }
    case
}

fn status(row: &Row<'_>, verdicts: &Verdicts<'_>) -> TestCaseStatus {
    let difference = row.verdict.difference;
    let is_skipped = |it: &Option<&CaseReport>| {
        it.is_some_and(|it| matches!(it.outcome, Outcome::Skipped { .. }))
    };
    if row.reports.iter().all(is_skipped) {
        let mut status = TestCaseStatus::skipped();
        status.set_message(safe(&row.verdict.why));
        return status;
    }
    if !row.is_red() {
        return TestCaseStatus::success();
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(safe(&row.verdict.why));
    status.set_type(safe(match difference {
        // Without a difference that is red, it is what some side saw.
        Difference::Agree
        | Difference::AnsweredDifferently
        | Difference::Wording
        | Difference::LeftOut => "failed",
        difference => difference.word(),
    }));
    status.set_description(safe(&in_full(row, verdicts)));
    status
}

/// All sides, so that nobody has to look elsewhere.
fn in_full(row: &Row<'_>, verdicts: &Verdicts<'_>) -> String {
    let mut lines = vec![format!("{}: {}", row.verdict.difference.word(), row.verdict.why)];
    for (side, report) in verdicts.sides.iter().zip(&row.reports) {
        let word = report.map(|it| it.outcome.word()).unwrap_or("absent");
        lines.push(format!("\n{}: {word}: {}", side.name, in_one_line(*report)));
        if let Some(report) = report {
            lines.push(text::details_from(report, Origin::of(&side.summary)));
        }
    }
    for step in &row.steps {
        lines.push(format!("\nline {} {}: {}", step.line, step.what.describe(), step.sql.trim()));
        for (side, said) in verdicts.sides.iter().zip(&step.said) {
            lines.push(format!("{}: {}", side.name, said.as_deref().unwrap_or("not executed")));
        }
    }
    lines.join("\n")
}

fn property(name: &str, value: &str) -> Property {
    Property::new(safe(name), safe(value))
}

/// Control characters are shown before the library sees them: it drops whatever looks like a
/// terminal's escape sequence, which in a server's message may be the rest of the message.
fn safe(text: &str) -> XmlString {
    XmlString::new(text::printable(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::verdict::{tests, verdicts};

    #[test]
    fn a_difference_is_a_failure_with_all_sides() {
        let sides = tests::sides();
        let xml = render(&verdicts(&sides)).unwrap();
        let expect = |part: &str| assert!(xml.contains(part), "no {part} in\n{xml}");
        expect(r#"<testsuites name="snowgauge verdicts" tests="9" skipped="1" failures="5""#);
        expect(r#"name="L-12 a delete is refused" classname="limits::dml""#);
        expect(r#"type="emulator differs">emulator differs: emulator is the odd one out"#);
        expect(r#"type="product changed">"#);
        expect(r#"type="fixture stale">"#);
        expect(r#"type="cannot tell">"#);
        expect(r#"type="failed">agree: all failed"#);
        expect("\nlive: passed: \n");
        expect("\nemulator: failed: row 2 differs\n");
        expect(r#"<property name="outcome.live" value="lifted"/>"#);
        expect(r#"<property name="outcome.emulator" value="failed"/>"#);
        expect(r#"<property name="outcome.replay" value="not run"/>"#);
        expect(r#"<property name="odd_one_out" value="emulator"/>"#);
        expect(r#"<property name="verdict" value="wording"/>"#);
        expect(r#"<property name="recorded_from.replay" value="live"/>"#);
        expect(r#"<property name="release.live" value="zero-copy"/>"#);
    }

    #[test]
    fn query_ids_of_a_recording_are_not_taken_for_real_ones() {
        let mut sides = tests::sides();
        let replay = std::mem::take(&mut sides[2].summary);
        sides[2].summary = crate::report::sample::recorded(replay);
        let xml = render(&verdicts(&sides)).unwrap();
        let expect = |part: &str| assert!(xml.contains(part), "no {part} in\n{xml}");
        expect(r#"<property name="query_ids.live" value="01b0-1"/>"#);
        expect(r#"<property name="replayed_query_ids.replay" value="01b0-1"/>"#);
        expect("\nreplayed query id: 01b0-1\n");
        assert!(!xml.contains("name=\"query_ids.replay"), "{xml}");
    }

    /// Reads it with a parser, so that it is well-formed, and gives the names.
    #[track_caller]
    fn names(xml: &str) -> Vec<String> {
        for it in xml.chars() {
            let is_legal = matches!(it, '\t' | '\n' | '\r' | ' '..='\u{d7ff}')
                || matches!(it, '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
            assert!(is_legal, "U+{:04X} in\n{xml}", u32::from(it));
        }
        let report = Report::deserialize_from_str(xml).unwrap();
        let cases = report.test_suites.iter().flat_map(|it| &it.test_cases);
        let name = |it: &TestCase| {
            let class = it.classname.as_ref().map(|it| it.as_str()).unwrap_or_default();
            format!("{class}::{}", it.name.as_str())
        };
        cases.map(name).collect()
    }

    #[test]
    fn names_are_unique_even_where_text_is_hostile() {
        for text in tests::HOSTILE {
            let sides = tests::hostile(text);
            let found = names(&render(&verdicts(&sides)).unwrap());
            let mut unique = found.clone();
            unique.sort();
            unique.dedup();
            assert_eq!(found.len(), 9 + 3, "nine cases, and three sides that were cut short");
            assert_eq!(unique.len(), found.len(), "{found:?}");
        }
    }

    #[test]
    fn what_a_server_said_is_not_lost() {
        for (text, kept) in [
            ("\u{1b}]0;still here", "␛]0;still here"),
            ("nul\u{0}nul", "nul␀nul"),
            ("a ]]> b", "a "),
        ] {
            let sides = tests::hostile(text);
            let xml = render(&verdicts(&sides)).unwrap();
            let report = Report::deserialize_from_str(&xml).unwrap();
            let is_kept = report.test_suites[0].test_cases.iter().any(|it| {
                it.properties.iter().any(|it| it.name.as_str().contains("query_ids"))
                    && it.name.as_str().contains(kept)
            });
            assert!(is_kept, "`{kept}` is lost in\n{xml}");
        }
    }
}
