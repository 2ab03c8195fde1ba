//! One JSON document of a run, for programs. Its shape is stable: fields may be added, and
//! `version` grows when one changes its meaning or goes.

use super::{
    load::{LatencyFigures, latencies},
    text,
};
use crate::{
    load::LoadReport,
    refresh::watched::Watched,
    run::{
        CaseReport, Counts, Diagnosis, Failure, Outcome, RunSummary, StepReport, Strictness, Work,
    },
    suite::{Evidence, Release},
    target::TargetKind,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::{collections::BTreeMap, fs, io, path::Path};

/// Of the document's shape.
pub const VERSION: u32 = 1;

/// A load, with figures that take no decoding.
#[derive(Debug, Serialize)]
pub struct LoadDocument<'a> {
    #[serde(flatten)]
    pub report: &'a LoadReport,
    pub latencies: Vec<LatencyFigures<'a>>,
}

/// The document.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    pub version: u32,
    pub run: &'a str,
    pub tool_version: &'a str,
    pub target: Option<TargetKind>,
    pub place: &'a str,
    pub release: Option<Release>,
    /// How the release was told.
    pub release_how: Option<&'a str>,
    pub seed: u64,
    pub scale: u64,
    /// Whether `lifted` cases are failures: `lenient` or `strict`.
    pub strictness: Strictness,
    pub started_at: Option<DateTime<Utc>>,
    /// `null` if the run did not come to its end.
    pub took_us: Option<u64>,
    pub cut_short: Option<&'a str>,
    pub counts: Counts,
    pub facts: BTreeMap<&'a str, &'a str>,
    pub work: &'a [Work],
    pub cases: Vec<Case<'a>>,
}

#[derive(Debug, Serialize)]
pub struct Case<'a> {
    pub suite: &'a str,
    pub name: &'a str,
    pub id: Option<&'a str>,
    pub file: &'a str,
    pub line: usize,
    /// `passed`, `failed`, `unsure`, `observed`, `lifted`, `skipped`, `not run`, `invalid`.
    pub outcome: &'static str,
    /// Whether it is a failure by the run's strictness: `failed`, or `lifted` in a strict run.
    pub is_failure: bool,
    /// One line on why it did not simply pass.
    pub reason: Option<&'a str>,
    pub failure: Option<&'a Failure>,
    pub at: DateTime<Utc>,
    pub took_us: u64,
    pub release: Option<Release>,
    pub evidence: Evidence,
    pub source: Option<&'a str>,
    pub steps: &'a [StepReport],
    pub properties: &'a BTreeMap<String, String>,
    /// A likely cause, where a rule knows one.
    pub diagnosis: Option<&'a Diagnosis>,
    /// What a load came to, of a case that is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadDocument<'a>>,
    /// Tables that are kept fresh, of a case that looks at such.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub refreshes: &'a [Watched],
}

/// Writes the document; folders on the way are made.
pub fn write(path: &Path, summary: &RunSummary) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, render(summary)?)
}

pub fn render(summary: &RunSummary) -> io::Result<String> {
    let mut text = serde_json::to_string_pretty(&document(summary))?;
    text.push('\n');
    Ok(text)
}

pub fn document(summary: &RunSummary) -> Document<'_> {
    Document {
        version: VERSION,
        run: &summary.run,
        tool_version: &summary.tool_version,
        target: summary.target,
        place: &summary.place,
        release: summary.release,
        release_how: summary.release_how.as_deref(),
        seed: summary.seed,
        scale: summary.scale,
        strictness: summary.strictness,
        started_at: summary.started_at,
        took_us: summary.took_us,
        cut_short: summary.cut_short.as_deref(),
        counts: summary.counts(),
        facts: summary.facts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        work: &summary.work,
        cases: summary.cases.iter().map(|it| case(it, summary.strictness)).collect(),
    }
}

fn case(report: &CaseReport, strictness: Strictness) -> Case<'_> {
    Case {
        suite: &report.case.suite,
        name: &report.case.name,
        id: report.case.id.as_deref(),
        file: &report.case.file,
        line: report.case.line,
        outcome: report.outcome.word(),
        is_failure: report.outcome.is_failure(strictness),
        reason: text::reason(&report.outcome),
        failure: match &report.outcome {
            Outcome::Failed { failure } => Some(failure),
            _ => None,
        },
        at: report.at,
        took_us: report.took_us,
        release: report.release,
        evidence: report.evidence,
        source: report.source.as_deref(),
        steps: &report.steps,
        properties: &report.properties,
        diagnosis: report.diagnosis.as_ref(),
        load: report
            .load
            .as_deref()
            .map(|report| LoadDocument { report, latencies: latencies(report) }),
        refreshes: &report.refreshes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_shape_is_what_programs_were_promised() {
        let text = render(&sample::summary(sample::cases())).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["version"], 1);
        assert_eq!(json["target"], "scripted");
        assert_eq!(json["release"], "zero-copy");
        assert_eq!(json["counts"]["not-run"], 1);
        assert_eq!(json["facts"]["region"], "AWS_US_EAST_1");
        assert_eq!(json["cases"][1]["outcome"], "failed");
        assert_eq!(json["cases"][1]["failure"]["diff"], " 1\n-2\n+3");
        assert_eq!(json["cases"][6]["outcome"], "not run");
        assert_eq!(json["cases"][6]["reason"], "connection lost");
        assert_eq!(json["cases"][0]["steps"][0]["query_id"], "01b0-1");
        assert_eq!(json["cases"][0]["evidence"], "documented");
    }

    #[test]
    fn whether_a_lifted_case_is_a_failure_is_told() {
        let mut summary = sample::summary(sample::cases());
        for (strictness, word) in [(Strictness::Lenient, "lenient"), (Strictness::Strict, "strict")]
        {
            summary.strictness = strictness;
            let json = serde_json::to_value(document(&summary)).unwrap();
            assert_eq!(json["strictness"], word);
            assert_eq!(json["cases"][4]["outcome"], "lifted");
            assert_eq!(json["cases"][4]["is_failure"], strictness == Strictness::Strict);
            assert_eq!(json["cases"][1]["is_failure"], true, "failed");
            assert_eq!(json["cases"][3]["is_failure"], false, "observed");
            assert_eq!(json["cases"][6]["is_failure"], false, "not run");
        }
    }
}
