//! What a side said to a case, without what is different in every run.

use super::Side;
use crate::{
    report::text,
    run::{CaseReport, Outcome, StepReport},
    target::TargetKind,
};
use regex::{NoExpand, Regex};
use std::{collections::HashMap, sync::LazyLock};

/// What a side said to one case. Equal where it means the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// An answer of the target, which passed, failed, is lifted or was observed.
    Answer { word: &'static str, seen: String },
    /// The suite leaves it out. Why may differ, and does not matter.
    Skipped { reason: Reason },
    /// The recording does not have it.
    NotRecorded { cause: Reason },
    /// The target went away.
    Nothing { cause: Reason },
    /// There was an answer, but it is too thin or unsound: `unsure`, `invalid`.
    Undecided { word: &'static str, why: Reason },
    /// The case is not among the side's.
    Absent,
}

/// Text for people. All reasons are equal: they are told, not compared.
#[derive(Clone, Debug)]
pub struct Reason(pub String);

impl PartialEq for Reason {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Reason {}

impl Said {
    pub fn of(side: &Side, report: Option<&CaseReport>) -> Self {
        let Some(report) = report else { return Self::Absent };
        let reason = |it: &String| Reason(it.clone());
        let names = Names::of(side, report);
        let answer =
            |seen: &str| Self::Answer { word: report.outcome.word(), seen: names.hide(seen) };
        match &report.outcome {
            Outcome::Passed => answer(""),
            // What went wrong and where. Not the statement, which is the place's, and not the
            // hint, which says how long it took.
            Outcome::Failed { failure } => answer(&format!(
                "{}\n{}\n{}",
                line_of(&failure.place),
                flat(&failure.message),
                failure.diff.as_deref().unwrap_or_default()
            )),
            Outcome::Observed { seen } | Outcome::Lifted { seen } => answer(&flat(seen)),
            Outcome::Skipped { reason: why } => Self::Skipped { reason: reason(why) },
            Outcome::NotRun { cause } if is_not_recorded(side, cause) => {
                Self::NotRecorded { cause: reason(cause) }
            }
            Outcome::NotRun { cause } => Self::Nothing { cause: reason(cause) },
            Outcome::Unsure { why } | Outcome::Invalid { why } => {
                Self::Undecided { word: report.outcome.word(), why: reason(why) }
            }
        }
    }

    pub fn is_answer(&self) -> bool {
        matches!(self, Self::Answer { .. })
    }

    /// `passed`, `is lifted`: to follow a side's name.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Answer { word: "lifted", .. } => "is lifted",
            Self::Answer { word: "observed", .. } => "was observed",
            Self::Answer { word, .. } => word,
            Self::Skipped { .. } => "skipped it",
            Self::NotRecorded { .. } => "has no recording of it",
            Self::Nothing { .. } => "did not run it",
            Self::Undecided { word: "unsure", .. } => "is unsure",
            Self::Undecided { .. } => "is invalid",
            Self::Absent => "does not have the case",
        }
    }

    /// [`Self::verb`], with the reason.
    pub fn in_full(&self) -> String {
        match self {
            Self::Skipped { reason: Reason(why) }
            | Self::NotRecorded { cause: Reason(why) }
            | Self::Nothing { cause: Reason(why) }
            | Self::Undecided { why: Reason(why), .. } => {
                // The diff below the sentence is shown where each side's answer is.
                format!("{}: {}", self.verb(), flat(text::parted(why).0))
            }
            Self::Answer { .. } | Self::Absent => self.verb().to_owned(),
        }
    }
}

/// Set-up that was not recorded comes with words before it.
fn is_not_recorded(side: &Side, cause: &str) -> bool {
    cause.starts_with("not recorded")
        || side.kind == TargetKind::Replay && cause.contains("not recorded: ")
}

/// `11` of `suites/limits/dml.yaml:11`: one suite may be at different paths.
fn line_of(place: &str) -> &str {
    place.rsplit(':').next().unwrap_or_default()
}

/// What a side saw, on one line. `None` where it does not have the case.
pub fn in_one_line(report: Option<&CaseReport>) -> String {
    let Some(report) = report else { return "not among its cases".to_owned() };
    match text::reason(&report.outcome) {
        Some(reason) => flat(text::parted(reason).0),
        None => String::new(),
    }
}

/// A statement that the sides answered differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepDifference {
    pub line: usize,
    /// The first side's.
    pub sql: String,
    pub what: What,
    /// In the order of the sides. `None` where it was not executed.
    pub said: Vec<Option<String>>,
    /// How many sides executed the case at all.
    pub asked: usize,
}

/// How far answers to one statement are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Refused by all with the same code, in other words.
    Message,
    /// Refused by all, with different codes.
    Code,
    /// Rows and refusals, different counts of rows, or other rows.
    Answer,
    /// Some did not execute it.
    Missing,
}

impl What {
    /// To follow `line 9`.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Message => "was refused in other words",
            Self::Code => "was refused with another code",
            Self::Answer => "was answered differently",
            Self::Missing => "was not executed by all",
        }
    }
}

/// Statements that were answered differently, in the order of the sides that executed most.
/// How long they took is not compared.
pub fn step_differences(sides: &[Side], reports: &[Option<&CaseReport>]) -> Vec<StepDifference> {
    let names: Vec<Option<Names>> =
        sides.iter().zip(reports).map(|(side, it)| it.map(|it| Names::of(side, it))).collect();
    let steps: Vec<HashMap<(usize, usize), &StepReport>> = reports
        .iter()
        .map(|it| it.map(|it| keyed(it).into_iter().collect()).unwrap_or_default())
        .collect();
    let asked = steps.iter().filter(|it| !it.is_empty()).count();
    let longest = reports.iter().flatten().max_by_key(|it| it.steps.len());
    let mut differences = Vec::new();
    for (key, first) in longest.map(|it| keyed(it)).unwrap_or_default() {
        let here: Vec<Option<&StepReport>> = steps.iter().map(|it| it.get(&key).copied()).collect();
        let hidden: Vec<[String; 4]> = here
            .iter()
            .zip(&names)
            .filter_map(|(step, names)| Some(parts((*step)?, names.as_ref()?)))
            .collect();
        let differ = |at: usize| hidden.windows(2).any(|it| it[0][at] != it[1][at]);
        // Older journals do not tell what the rows were.
        let has_results = hidden.iter().all(|it| !it[3].is_empty());
        let other_rows = has_results && differ(3);
        let refused = here.iter().flatten().filter(|it| it.refusal.is_some()).count();
        let what = match (hidden.len() < asked, refused == hidden.len()) {
            (true, _) => What::Missing,
            (false, true) if differ(0) || differ(1) => What::Code,
            (false, true) if differ(2) => What::Message,
            (false, false) if differ(0) || differ(1) || differ(2) || other_rows => What::Answer,
            (false, _) => continue,
        };
        differences.push(StepDifference {
            line: key.0,
            sql: first.sql.clone(),
            what,
            said: here
                .iter()
                .map(|it| {
                    it.map(|it| match other_rows {
                        // Their counts may be the same.
                        true => format!("{}, digest {}", flat(&it.ending), it.result),
                        false => flat(&it.ending),
                    })
                })
                .collect(),
            asked,
        });
    }
    differences
}

/// Steps by line, and how often the line was executed before.
fn keyed(report: &CaseReport) -> Vec<((usize, usize), &StepReport)> {
    let mut counts = HashMap::new();
    let mut keyed = Vec::with_capacity(report.steps.len());
    for step in &report.steps {
        let count = counts.entry(step.line).or_insert(0_usize);
        *count += 1;
        keyed.push(((step.line, *count), step));
    }
    keyed
}

/// Code, SQLSTATE and message, or the ending of what was not refused, and the digest of its rows.
fn parts(step: &StepReport, names: &Names) -> [String; 4] {
    match &step.refusal {
        Some(it) => {
            [it.code.clone(), it.sqlstate.clone(), names.hide(&flat(&it.message)), String::new()]
        }
        None => [String::new(), String::new(), names.hide(&step.ending), step.result.clone()],
    }
}

/// What is different in every run, and must not make a difference.
pub struct Names {
    /// The run's id, in any case.
    run: Option<Regex>,
    query_ids: Vec<String>,
}

impl Names {
    pub fn of(side: &Side, report: &CaseReport) -> Self {
        let run = side.summary.run.as_str();
        let run = (!run.is_empty())
            .then(|| Regex::new(&format!("(?i){}", regex::escape(run))).ok())
            .flatten();
        let query_ids = report.steps.iter().filter_map(|it| it.query_id.clone());
        Self { run, query_ids: query_ids.filter(|it| !it.is_empty()).collect() }
    }

    /// The text with placeholders, as fixtures have them.
    pub fn hide(&self, text: &str) -> String {
        static UUID: LazyLock<Option<Regex>> = LazyLock::new(|| {
            Regex::new("(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").ok()
        });
        // The database is each connection's own.
        static DATABASE: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r#"["\w$«»]+\.("?\w*«run»)"#).ok());
        // As the harness writes what it measured: `1.25 s`.
        static DURATION: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r"\b\d+(\.\d+)? s\b").ok());

        let mut text = text.to_owned();
        for query_id in &self.query_ids {
            text = text.replace(query_id, "«query»");
        }
        if let Some(run) = &self.run {
            text = run.replace_all(&text, NoExpand("«run»")).into_owned();
        }
        if let Some(it) = &*UUID {
            text = it.replace_all(&text, NoExpand("«query»")).into_owned();
        }
        if let Some(it) = &*DATABASE {
            text = it.replace_all(&text, "«database».$1").into_owned();
        }
        if let Some(it) = &*DURATION {
            text = it.replace_all(&text, NoExpand("«duration»")).into_owned();
        }
        text
    }
}

/// On one line: the server breaks lines where their length, and so a name's, makes it.
pub fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
