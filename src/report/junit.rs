//! JUnit XML, as build servers read it.
//!
//! What GitLab, Jenkins, Datadog, Buildkite and the GitHub actions have in common: unique
//! `classname` and `name`, wall time, `file`, and a failure text that holds all one needs. Numbers
//! and ids are properties as well, for those that read them.

use super::{
    load,
    text::{self, Origin},
};
use crate::run::{CaseReport, Outcome, RunSummary, Strictness};
use chrono::{DateTime, Utc};
use quick_junit::{
    NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite, XmlString,
};
use std::{collections::HashMap, fs, io, path::Path, time::Duration};

/// Writes the report; folders on the way are made.
pub fn write(path: &Path, summary: &RunSummary) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut xml = Vec::new();
    report(summary).serialize(&mut xml).map_err(io::Error::other)?;
    fs::write(path, xml)
}

/// The report as text.
pub fn render(summary: &RunSummary) -> io::Result<String> {
    report(summary).to_string().map_err(io::Error::other)
}

fn report(summary: &RunSummary) -> Report {
    let mut report = Report::new("snowgauge");
    if let Some(at) = summary.started_at {
        report.set_timestamp(at);
    }
    if let Some(took_us) = summary.took_us {
        report.set_time(Duration::from_micros(took_us));
    }
    for (name, cases) in summary.suites() {
        report.add_test_suite(suite(name, &cases, summary));
    }
    report
}

fn suite(name: &str, cases: &[&CaseReport], summary: &RunSummary) -> TestSuite {
    let mut suite = TestSuite::new(safe(name));
    if let Some((starts_at, wall)) = wall_time(cases) {
        suite.set_timestamp(starts_at).set_time(wall);
    }
    suite.add_property(property("run", &summary.run));
    suite.add_property(property("target", &target(summary)));
    suite.add_property(property("place", &summary.place));
    suite.add_property(property("seed", &summary.seed.to_string()));
    suite.add_property(property("scale", &summary.scale.to_string()));
    suite.add_property(property("tool_version", &summary.tool_version));
    for (name, value) in &summary.facts {
        suite.add_property(property(name, value));
    }
    let mut names = HashMap::new();
    for report in cases {
        suite.add_test_case(case(report, summary, &mut names));
    }
    suite
}

/// A run as one suite, where several runs make a report. Readers tell cases by class and name, so
/// that the label is part of each class.
pub fn region(label: &str, facts: &[(&str, &str)], summary: &RunSummary) -> TestSuite {
    let cases: Vec<&CaseReport> = summary.cases.iter().collect();
    let mut suite = suite(label, &cases, summary);
    for (name, value) in facts {
        suite.add_property(property(name, value));
    }
    for (case, report) in suite.test_cases.iter_mut().zip(&cases) {
        case.set_classname(safe(&format!("{label}::{}", report.case.suite)));
    }
    suite
}

/// From the first case's start to the last one's end. The sum of the cases would be too much
/// where they overlap, and too little where there are gaps.
pub fn wall_time(cases: &[&CaseReport]) -> Option<(DateTime<Utc>, Duration)> {
    let starts_at = cases.iter().map(|it| it.at).min()?;
    let took = |it: &CaseReport| Duration::from_micros(it.took_us);
    let ends_at = cases.iter().map(|it| it.at + took(it)).max()?;
    Some((starts_at, (ends_at - starts_at).to_std().unwrap_or_default()))
}

fn case(report: &CaseReport, summary: &RunSummary, names: &mut HashMap<String, usize>) -> TestCase {
    let mut name = match &report.case.id {
        Some(id) => format!("{id} {}", report.case.name),
        None => report.case.name.clone(),
    };
    // Readers merge cases of one name.
    let seen = names.entry(name.clone()).and_modify(|it| *it += 1).or_insert(1);
    if *seen > 1 {
        name = format!("{name} ({seen})");
    }
    let mut case = TestCase::new(safe(&name), status(report, summary));
    case.set_classname(safe(&report.case.suite));
    case.set_timestamp(report.at);
    case.set_time(Duration::from_micros(report.took_us));
    case.extra.insert("file".into(), safe(&report.case.file));
    case.extra.insert("line".into(), safe(&report.case.line.to_string()));
    if is_red(&report.outcome, summary.strictness) && !report.steps.is_empty() {
        case.set_system_out(safe(&text::steps_from(report, Origin::of(summary))));
    }

    let query_ids: Vec<&str> =
        report.steps.iter().filter_map(|it| it.query_id.as_deref()).collect();
    let release = report.release.map(|it| it.name().to_owned());
    let evidence = serde_json::to_value(report.evidence).ok();
    let evidence = evidence.and_then(|it| it.as_str().map(str::to_owned));
    let seen = match &report.outcome {
        Outcome::Observed { seen } | Outcome::Lifted { seen } => Some(seen.clone()),
        _ => None,
    };
    let known = [
        ("outcome", Some(report.outcome.word().to_owned())),
        ("id", report.case.id.clone()),
        ("target", Some(target(summary))),
        ("release", release),
        ("evidence", evidence),
        ("source", report.source.clone()),
        (query_ids_name(Origin::of(summary)), (!query_ids.is_empty()).then(|| query_ids.join(","))),
        ("seen", seen),
        ("diagnosis", report.diagnosis.as_ref().map(|it| it.rule.clone())),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            case.add_property(property(name, &value));
        }
    }
    for (name, value) in report.load.iter().flat_map(|it| load::properties(it)) {
        case.add_property(property(&name, &value));
    }
    for (name, value) in &report.properties {
        case.add_property(property(name, value));
    }
    case
}

/// Ids that were made up for a replay are no one's to look up.
pub fn query_ids_name(origin: Origin) -> &'static str {
    match origin {
        Origin::Own => "query_ids",
        Origin::Recorded => "replayed_query_ids",
    }
}

/// Failures, and what the format calls errors.
fn is_red(outcome: &Outcome, strictness: Strictness) -> bool {
    outcome.is_failure(strictness)
        || matches!(outcome, Outcome::NotRun { .. } | Outcome::Invalid { .. })
}

fn status(report: &CaseReport, summary: &RunSummary) -> TestCaseStatus {
    let strictness = summary.strictness;
    let mut status = match (&report.outcome, strictness) {
        // News, not a red build: told by the properties `outcome` and `seen`.
        (Outcome::Passed | Outcome::Observed { .. }, _)
        | (Outcome::Lifted { .. }, Strictness::Lenient) => return TestCaseStatus::success(),
        (Outcome::Failed { .. }, _) | (Outcome::Lifted { .. }, Strictness::Strict) => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
        (Outcome::NotRun { .. } | Outcome::Invalid { .. }, _) => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
        // The format's third colour: neither passed nor failed.
        (Outcome::Unsure { .. } | Outcome::Skipped { .. }, _) => TestCaseStatus::skipped(),
    };
    status.set_message(safe(text::reason(&report.outcome).unwrap_or_default()));
    status.set_type(safe(report.outcome.word()));
    if is_red(&report.outcome, strictness) {
        status.set_description(safe(&text::details_from(report, Origin::of(summary))));
    }
    status
}

fn target(summary: &RunSummary) -> String {
    summary.target.map(|it| it.name().to_owned()).unwrap_or_default()
}

pub fn property(name: &str, value: &str) -> Property {
    Property::new(safe(name), safe(value))
}

/// Text in which every character is one that XML can hold.
///
/// Characters that it cannot hold are replaced by ones that show what was there, before the
/// library sees them: it drops whatever looks like a terminal's escape sequence, which in a
/// message of a server may be the rest of the message.
pub fn safe(text: &str) -> XmlString {
    let replaced: String = text
        .chars()
        .map(|it| match it {
            '\t' | '\n' | '\r' => it,
            '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(it)).unwrap_or('\u{fffd}'),
            '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            it => it,
        })
        .collect();
    XmlString::new(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_outcome_has_its_place() {
        let xml = render(&sample::summary(sample::cases())).unwrap();
        let expect = |part: &str| assert!(xml.contains(part), "no {part} in\n{xml}");
        expect(r#"<testsuites name="snowgauge" tests="8" skipped="2" failures="1" errors="2""#);
        expect(r#"<testsuite name="limits::dml" tests="8" skipped="2" errors="2" failures="1""#);
        expect(r#"name="L-09 fails" classname="limits::dml""#);
        expect(r#"file="suites/limits/dml.yaml" line="7""#);
        expect(
            r#"<failure message="row 2 differs" type="failed">suites/limits/dml.yaml:11: row 2"#,
        );
        expect("-2\n+3\nquery id: 01b0-1\nhint: look there\nevidence: documented (docs: lim");
        expect(r#"<skipped message="only on preview" type="skipped"/>"#);
        expect(r#"<skipped message="3 samples" type="unsure"/>"#);
        expect(r#"<error message="connection lost" type="not run">"#);
        expect(r#"<error message="clock skew" type="invalid">"#);
        expect(r#"<property name="seen" value="line 9: 1 row"/>"#);
        expect(r#"<property name="query_ids" value="01b0-1"/>"#);
        expect(r#"<property name="warehouse" value="SG1_STD"/>"#);
        expect(r#"<property name="region" value="AWS_US_EAST_1"/>"#);
        assert_eq!(xml.matches("<system-out>").count(), 3, "{xml}");
        // Eight cases of 1.25 s beside each other took 1.25 s.
        expect(r#"failures="1" timestamp="1970-01-01T00:00:01.000+00:00" time="1.250""#);
    }

    #[test]
    fn a_lifted_case_is_a_failure_of_a_strict_run() {
        let mut summary = sample::summary(vec![sample::cases().remove(4)]);
        let xml = render(&summary).unwrap();
        assert!(xml.contains(r#"tests="1" skipped="0" errors="0" failures="0""#), "{xml}");
        summary.strictness = Strictness::Strict;
        let xml = render(&summary).unwrap();
        let expect = |part: &str| assert!(xml.contains(part), "no {part} in\n{xml}");
        expect(r#"tests="1" skipped="0" errors="0" failures="1""#);
        expect(
            r#"<failure message="line 9: 1 row" type="lifted">suites/limits/dml.yaml:7: lifted"#,
        );
        expect("evidence: documented (docs: limitations)");
        expect("<system-out>line 9: standard on SG1_STD");
    }

    #[test]
    fn query_ids_of_a_recording_are_not_taken_for_real_ones() {
        let xml = render(&sample::recorded(sample::summary(sample::cases()))).unwrap();
        let expect = |part: &str| assert!(xml.contains(part), "no {part} in\n{xml}");
        expect(r#"<property name="replayed_query_ids" value="01b0-1"/>"#);
        expect("\nreplayed query id: 01b0-1\n");
        assert!(!xml.contains("name=\"query_ids\""), "{xml}");
        assert!(!xml.contains("\nquery id: "), "{xml}");
    }

    #[test]
    fn cases_of_one_name_are_told_apart() {
        let cases = vec![sample::case("a", Outcome::Passed), {
            let mut again = sample::case("a", Outcome::Passed);
            again.case.line = 8;
            again
        }];
        let xml = render(&sample::summary(cases)).unwrap();
        assert!(xml.contains("name=\"L-09 a\"") && xml.contains("name=\"L-09 a (2)\""), "{xml}");
    }

    /// A reader that knows XML's rules for characters and structure, and nothing else.
    fn assert_well_formed(xml: &str) {
        let mut open: Vec<&str> = Vec::new();
        let mut rest = xml;
        for it in xml.chars() {
            let legal = matches!(it, '\t' | '\n' | '\r' | ' '..='\u{d7ff}')
                || matches!(it, '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
            assert!(legal, "U+{:04X} in\n{xml}", u32::from(it));
        }
        while let Some(at) = rest.find('<') {
            let text = &rest[..at];
            assert!(!text.contains("]]>"), "a bare ]]> in {text}");
            assert_entities(text);
            rest = &rest[at..];
            let end = match rest {
                it if it.starts_with("<![CDATA[") => it.find("]]>").unwrap() + 3,
                it => it.find('>').unwrap() + 1,
            };
            let tag = &rest[..end];
            rest = &rest[end..];
            if tag.starts_with("<?") || tag.starts_with("<![CDATA[") {
                continue;
            }
            let inner = tag.trim_matches(['<', '>']);
            let name = inner.trim_matches('/').split_whitespace().next().unwrap();
            if inner.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "{tag}");
                continue;
            }
            assert_entities(inner);
            assert_eq!(inner.matches('"').count() % 2, 0, "{tag}");
            if !inner.ends_with('/') {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    fn assert_entities(text: &str) {
        for part in text.split('&').skip(1) {
            let entity = part.split(';').next().unwrap_or_default();
            let is_known =
                matches!(entity, "lt" | "gt" | "amp" | "quot" | "apos") || entity.starts_with('#');
            assert!(is_known && part.contains(';'), "&{part}");
        }
    }

    #[test]
    fn hostile_text_gives_well_formed_xml_and_is_not_lost() {
        let hostile = [
            "]]>",
            "<![CDATA[",
            "a\u{1b}[31mred\u{1b}[0m",
            // Starts an escape sequence that never ends.
            "kept \u{1b}]0;still here",
            "\u{9b}still here too",
            "nul\u{0}nul",
            "\u{fffe}\u{ffff}\u{7f}\u{85}\u{feff}",
            "\"'&<>&amp;&#0;",
            "\\ud800 \u{1f4a9}",
            "\r\n\t",
        ];
        for text in hostile {
            let mut report = sample::case(
                text,
                Outcome::Failed {
                    failure: crate::run::Failure {
                        message: text.to_owned(),
                        place: text.to_owned(),
                        sql: text.to_owned(),
                        query_id: Some(text.to_owned()),
                        diff: Some(text.to_owned()),
                        hint: Some(text.to_owned()),
                    },
                },
            );
            report.case.suite = text.to_owned();
            report.case.file = text.to_owned();
            report.steps[0].sql = text.to_owned();
            report.steps[0].ending = text.to_owned();
            report.source = Some(text.to_owned());
            report.properties.insert(text.to_owned(), text.to_owned());
            let xml = render(&sample::summary(vec![report])).unwrap();
            assert_well_formed(&xml);
            for kept in ["still here", "red", "nul␀nul", "&lt;![CDATA["] {
                let plain = kept.replace("&lt;", "<").replace('␀', "\u{0}");
                if text.contains(&plain) {
                    assert!(xml.contains(kept), "`{kept}` is lost in\n{xml}");
                }
            }
        }
    }
}
