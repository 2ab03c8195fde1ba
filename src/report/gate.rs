//! A night that the gate judged: for the terminal, as Markdown, as JUnit with a case for each series.

use super::{
    junit::{property, safe},
    terminal::Colour,
};
use crate::{
    gate::{Finding, NightReport, What},
    history::{
        Night, Status,
        judge::{Judged, word},
    },
    load::Verdict,
    run::compare::counted,
};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::{fmt::Write, fs, io, path::Path};

/// All that is told of a night.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    pub night: &'a Night,
    pub judged: &'a Judged,
}

impl Told<'_> {
    /// `red: worse: …`
    fn headline(&self) -> String {
        let (status, why) = (self.judged.status(), self.judged.why());
        match why {
            "" => format!("{}: {}", self.night.run, status.word()),
            why => format!("{}: {}: {why}", self.night.run, status.word()),
        }
    }

    /// Lines below the table: what the verdict stands on.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let Judged { report, self_test, before, .. } = self.judged;
        if let Some(it) = report {
            notes.push(format!("false alarms: {}", it.budget()));
            notes.push(format!(
                "compared with {} of `{}`",
                counted(*before, "accepted night"),
                self.night.testbed
            ));
            if it.again > 0 {
                let samples = counted(it.again, "sample");
                notes.push(format!("{samples} taken again, for {:.2} credits", it.credits));
            }
            notes.extend(it.gone.iter().map(|it| format!("not measured tonight: {it}")));
            notes
                .extend(it.orphans.iter().map(|it| format!("accepted, and matches nothing: {it}")));
        }
        notes.extend(self_test.iter().map(|it| format!("self-test: {it}")));
        notes
    }

    fn shown(&self) -> Vec<&Finding> {
        let findings = self.judged.report.iter().flat_map(|it| &it.findings);
        let mut shown: Vec<&Finding> = findings.filter(|it| is_shown(it)).collect();
        shown.sort_by_key(|it| rank(it));
        shown
    }

    fn counts(&self) -> String {
        let Some(report) = &self.judged.report else { return "nothing was judged".to_owned() };
        let words = [
            "failed",
            "unsure",
            "invalid",
            "cleared",
            "slight",
            "better",
            "passed",
            "not yet",
            "not comparable",
        ];
        let count = |wanted: &str| report.findings.iter().filter(|it| word(it) == wanted).count();
        let counts = words.map(|it| (count(it), it));
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
        format!("{} series: {}", report.findings.len(), counts.join(", "))
    }

    pub fn terminal(&self, colour: Colour) -> String {
        let mut rows = vec![["verdict", "series", "by", "why"].map(str::to_owned)];
        for it in self.shown() {
            rows.push([word(it).to_owned(), name(it), by(it), it.why.clone()]);
        }
        let mut out = String::new();
        if rows.len() > 1 {
            let width = |at: usize| rows.iter().map(|it| it[at].chars().count()).max().unwrap_or(0);
            let widths = [0, 1, 2].map(width);
            for (at, row) in rows.iter().enumerate() {
                let verdict = format!("{:<1$}", row[0], widths[0]);
                let verdict = match (colour, at, row[0].as_str()) {
                    (Colour::Yes, 1.., "failed" | "invalid") => {
                        format!("\u{1b}[31;1m{verdict}\u{1b}[0m")
                    }
                    (Colour::Yes, 1.., "unsure") => format!("\u{1b}[33;1m{verdict}\u{1b}[0m"),
                    _ => verdict,
                };
                let line = format!(
                    "{verdict}  {:<2$}  {:<3$}  {4}",
                    row[1], row[2], widths[1], widths[2], row[3]
                );
                out += line.trim_end();
                out.push('\n');
            }
            out.push('\n');
        }
        let _ = writeln!(out, "{}", self.counts());
        for note in self.notes() {
            let _ = writeln!(out, "{note}");
        }
        let _ = writeln!(out, "{}", self.headline());
        out
    }

    /// For the summary of a build.
    pub fn markdown(&self) -> String {
        let mark = match self.judged.status() {
            Status::Accepted => "✅",
            Status::Red => "❌",
            Status::Unsure | Status::Unjudged | Status::Invalid => "⚠️",
        };
        let mut out = format!("## {mark} Night {}\n\n", cell(&self.headline()));
        let _ = writeln!(out, "{}\n", cell(&self.counts()));
        let shown = self.shown();
        if !shown.is_empty() {
            out += "| verdict | series | by | why |\n|---|---|---|---|\n";
            for it in shown {
                let _ = writeln!(
                    out,
                    "| {} | `{}` | {} | {} |",
                    word(it),
                    name(it).replace('`', "'").replace('|', "\\|"),
                    cell(&by(it)),
                    cell(&it.why)
                );
            }
            out.push('\n');
        }
        for note in self.notes() {
            let _ = writeln!(out, "- {}", cell(&note));
        }
        out
    }

    pub fn junit(&self) -> io::Result<String> {
        let mut report = Report::new("snowgauge gate");
        report.set_timestamp(self.night.started_at);
        let mut suites: Vec<TestSuite> = Vec::new();
        let findings = self.judged.report.iter().flat_map(|it: &NightReport| &it.findings);
        for finding in findings {
            let class = format!("gate.{}", finding.series.case.replace("::", "."));
            let at = suites.iter().position(|it| it.name == safe(&class)).unwrap_or_else(|| {
                let mut suite = TestSuite::new(safe(&class));
                suite.set_timestamp(self.night.started_at);
                suite.add_property(property("run", &self.night.run));
                suite.add_property(property("testbed", &self.night.testbed));
                suites.push(suite);
                suites.len() - 1
            });
            suites[at].add_test_case(case(finding, &class));
        }
        suites.push(self.whole());
        report.add_test_suites(suites);
        report.to_string().map_err(io::Error::other)
    }

    /// The gate itself: a night that says nothing must not look green.
    fn whole(&self) -> TestSuite {
        let mut suite = TestSuite::new("gate");
        let status = match self.judged.status() {
            Status::Invalid => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                status.set_type("invalid").set_message(safe(self.judged.why()));
                status
            }
            _ => TestCaseStatus::success(),
        };
        let mut case = TestCase::new("the night is sound, and the gate would have noticed", status);
        case.set_classname("gate");
        for (name, value) in [("status", self.judged.status().word()), ("why", self.judged.why())] {
            case.add_property(property(name, value));
        }
        for note in self.notes() {
            case.add_property(property("note", &note));
        }
        suite.add_test_case(case);
        suite
    }

    /// Folders on the way are made.
    pub fn write(path: &Path, text: &str) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)
    }
}

/// Worst first.
fn rank(it: &Finding) -> usize {
    let order = ["failed", "invalid", "unsure", "cleared", "slight", "better"];
    order.iter().position(|word| *word == self::word(it)).unwrap_or(order.len())
}

/// What a person looks at: not what is as it was.
fn is_shown(it: &Finding) -> bool {
    !matches!(it.what, What::Quiet | What::NotYet) || it.verdict == Verdict::Failed
}

/// Without where it was measured, which is the same for all.
fn name(it: &Finding) -> String {
    let text = it.series.to_string();
    match text.rsplit_once('@') {
        Some((name, _)) if !it.series.connection.contains('@') => name.to_owned(),
        _ => text,
    }
}

/// `+10.2 % (7.1 to 13.4)`
fn by(it: &Finding) -> String {
    use crate::gate::Scale;
    let Some(estimate) = it.estimate else { return String::new() };
    let shown = |value: f64| match it.series.metric.scale() {
        Scale::Ratio => (value - 1.0) * 100.0,
        Scale::Difference => value * 100.0,
    };
    let unit = match it.series.metric.scale() {
        Scale::Ratio => "%",
        Scale::Difference => "points",
    };
    let (low, high) = (shown(estimate.low), shown(estimate.high));
    format!("{:+.1} {unit} ({low:+.1} to {high:+.1})", shown(estimate.value))
}

/// In one cell of a table.
fn cell(text: &str) -> String {
    let text = text.replace('|', "\\|").replace(['\n', '\r'], " ");
    text.replace('<', "&lt;")
}

fn case(finding: &Finding, class: &str) -> TestCase {
    let word = word(finding);
    let status = match finding.verdict {
        Verdict::Failed => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let text = format!("{}\n{}\n{}", finding.series, by(finding), finding.why);
            status.set_type(word).set_message(safe(&finding.why)).set_description(safe(&text));
            status
        }
        Verdict::Invalid => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type(word).set_message(safe(&finding.why));
            status
        }
        Verdict::Unsure => {
            let mut status = TestCaseStatus::skipped();
            status.set_type(word).set_message(safe(&finding.why));
            status
        }
        Verdict::Passed => TestCaseStatus::success(),
    };
    let series = &finding.series;
    let parts = [series.role.as_str(), series.query.as_str(), series.metric.name()];
    let name = parts.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join("/");
    let mut case = TestCase::new(safe(&name), status);
    case.set_classname(safe(class));
    case.add_property(property("verdict", word));
    case.add_property(property("why", &finding.why));
    case.add_property(property("testbed", &series.connection));
    let value = finding.first.reading.value();
    let known = [
        ("value", value),
        ("by", finding.estimate.map(|it| it.value)),
        ("evidence", finding.evidence),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            case.add_property(property(name, &value.to_string()));
        }
    }
    if !finding.again.is_empty() {
        case.add_property(property("taken_again", &finding.again.len().to_string()));
    }
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gate::{Metric, Reading, Sample, Series, Status as SeriesStatus},
        history::{Judgement, Night},
        load::Estimate,
        report::sample,
    };

    fn finding(metric: Metric, verdict: Verdict, what: What, why: &str) -> Finding {
        Finding {
            series: Series {
                case: "latency::mix::a | <b>".to_owned(),
                role: "interactive".to_owned(),
                query: "order".to_owned(),
                metric,
                connection: "eu".to_owned(),
            },
            verdict,
            status: SeriesStatus::Accepted,
            what,
            why: why.to_owned(),
            estimate: Some(Estimate {
                value: 1.1,
                low: 1.05,
                high: 1.15,
                confidence: 0.95,
                samples: 3,
            }),
            evidence: Some(5000.0),
            first: Sample::of(Reading::Number { value: 5.0 }),
            again: vec![Sample::of(Reading::Number { value: 6.0 })],
        }
    }

    fn judged() -> Judged {
        let findings = vec![
            finding(Metric::P50, Verdict::Passed, What::Quiet, "+0.1 %"),
            finding(Metric::P99, Verdict::Passed, What::Cleared, "cleared by 2 samples"),
            finding(
                Metric::P95,
                Verdict::Failed,
                What::Worse(crate::gate::Cause::Tonight),
                "+10 % | worse",
            ),
            finding(Metric::Throughput, Verdict::Unsure, What::Undecided, "]]>\u{1b}[31m"),
        ];
        let report = NightReport {
            verdict: Verdict::Failed,
            findings,
            judged: 4,
            false_nights: 0.05,
            again: 4,
            credits: 0.25,
            gone: Vec::new(),
            orphans: vec!["old/*".to_owned()],
        };
        let judgement = Judgement {
            run: "SG1".to_owned(),
            status: Status::Red,
            why: "worse: it".to_owned(),
            verdicts: Vec::new(),
            again: Vec::new(),
        };
        let self_test = vec!["+20 % was seen".to_owned()];
        Judged { judgement, report: Some(report), self_test, before: 12 }
    }

    #[test]
    fn the_worst_is_told_first_and_the_budget_below() {
        let (night, judged) = (Night::of(&sample::summary(Vec::new())), judged());
        let told = Told { night: &night, judged: &judged };
        let text = told.terminal(Colour::No);
        let verdicts: Vec<&str> =
            text.lines().take(4).filter_map(|it| it.split_whitespace().next()).collect();
        assert_eq!(verdicts, ["verdict", "failed", "unsure", "cleared"], "{text}");
        for part in [
            "+10.0 % (+5.0 to +15.0)",
            "4 series: 1 failed, 1 unsure, 1 cleared, 1 passed",
            "4 series, a false alarm in at most one of 20 nights",
            "accepted, and matches nothing: old/*",
            "self-test: +20 % was seen",
            "SG1: red: worse: it",
        ] {
            assert!(text.contains(part), "no {part} in\n{text}");
        }
    }

    #[test]
    fn markdown_keeps_its_table_whatever_is_in_it() {
        let (night, judged) = (Night::of(&sample::summary(Vec::new())), judged());
        let text = Told { night: &night, judged: &judged }.markdown();
        let rows = text.lines().filter(|it| it.starts_with("| ")).collect::<Vec<_>>();
        assert_eq!(rows.len(), 4, "{text}");
        for row in rows {
            let bars = row.replace("\\|", "").matches('|').count();
            assert_eq!(bars, 5, "{row}");
        }
        assert!(text.starts_with("## ❌ Night SG1: red"), "{text}");
    }

    #[test]
    fn junit_has_a_case_for_each_series_and_one_for_the_night() {
        let (night, mut judged) = (Night::of(&sample::summary(Vec::new())), judged());
        let xml = Told { night: &night, judged: &judged }.junit().unwrap();
        let expect = |xml: &str, part: &str| assert!(xml.contains(part), "no {part} in\n{xml}");
        expect(&xml, "tests=\"5\" skipped=\"1\" failures=\"1\" errors=\"0\"");
        expect(&xml, "name=\"interactive/order/p95\" classname=\"gate.latency.mix.a | &lt;b");
        expect(&xml, "<failure message=\"+10 % | worse\" type=\"failed\">");
        judged.judgement.status = Status::Invalid;
        judged.report = None;
        let xml = Told { night: &night, judged: &judged }.junit().unwrap();
        expect(&xml, "tests=\"1\" skipped=\"0\" failures=\"0\" errors=\"1\"");
    }
}
