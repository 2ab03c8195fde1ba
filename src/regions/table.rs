//! What the runs came to: features by region. It is a JSON document as well, which a later table
//! is held against. Fields may be added; `version` grows when one changes its meaning or goes.

use super::{
    availability::{self, Availability, List},
    difference::Since,
};
use crate::{
    report::{html::matrix, text},
    run::{CaseReport, Counts, Outcome, RunSummary, Strictness},
    suite::{
        Release,
        catalogue::{Behaviour, behaviours},
    },
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

/// Of the document's shape.
pub const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    pub version: u32,
    /// The file that said what to run.
    pub matrix: String,
    pub doc: String,
    pub tool_version: String,
    pub started_at: DateTime<Utc>,
    pub took_us: u64,
    /// Whether `lifted` is a failure.
    pub strictness: Strictness,
    /// Somebody ended it before its time.
    pub cut_short: Option<String>,
    /// The documents' lists of regions.
    pub lists: Vec<List>,
    /// In the order of the matrix.
    pub regions: Vec<Column>,
    pub features: Vec<Feature>,
    /// What is not as it was in an earlier table. `None` where there is none to compare with.
    pub since: Option<Since>,
}

/// One connection and its run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub label: String,
    pub connection: String,
    /// As `CURRENT_REGION()` gives it.
    pub region: Option<String>,
    /// The release that was probed.
    pub release: Option<Release>,
    pub release_how: Option<String>,
    pub server_version: Option<String>,
    pub run: String,
    /// The run's folder.
    pub folder: String,
    pub at: DateTime<Utc>,
    /// `None` if the run did not come to its end.
    pub took_us: Option<u64>,
    pub estimated_credits: Option<String>,
    pub metered_credits: Option<String>,
    pub counts: Counts,
    pub cut_short: Option<String>,
    pub availability: Availability,
    /// What is odd: it is not where or what the matrix says.
    pub notes: Vec<String>,
}

/// A behaviour of the catalogue, or a case that is about none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    /// `L-09`, or `suite::case`. Unique in the table.
    pub key: String,
    pub id: Option<String>,
    pub what: String,
    /// Where anything is known of it.
    pub releases: Vec<Release>,
    /// By label. A region whose suites have no case about it has none.
    pub cells: BTreeMap<String, Cell>,
}

/// What the cases about a feature came to in a region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The worst of its cases: `passed`, `failed`, `lifted`, `not run`, …
    pub outcome: String,
    pub is_failure: bool,
    /// Why it did not simply pass.
    pub why: Option<String>,
    /// The case that says so, and the last statement of it, to be looked up in the account.
    pub case: String,
    pub query_id: Option<String>,
    pub server_version: Option<String>,
    pub release: Option<Release>,
    pub at: DateTime<Utc>,
    /// All cases about it.
    pub cases: Vec<CaseSeen>,
    /// What was known before, where it was not run this time.
    pub last: Option<Last>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseSeen {
    pub case: String,
    /// `file:line`
    pub place: String,
    pub outcome: String,
    pub why: Option<String>,
    pub query_id: Option<String>,
    pub at: DateTime<Utc>,
}

/// The last time that a cell was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Last {
    pub outcome: String,
    pub release: Option<Release>,
    pub server_version: Option<String>,
    pub at: DateTime<Utc>,
}

/// One connection's run, as the table is made of it.
pub struct Run<'a> {
    pub label: &'a str,
    pub connection: &'a str,
    /// Where the matrix believes it to be.
    pub believed: Option<String>,
    pub folder: String,
    pub summary: &'a RunSummary,
}

/// What the table is of.
pub struct Head {
    pub matrix: String,
    pub doc: String,
    pub started_at: DateTime<Utc>,
    pub took_us: u64,
    pub strictness: Strictness,
    pub cut_short: Option<String>,
}

impl Table {
    pub fn new(head: Head, runs: &[Run<'_>]) -> Self {
        let Head { matrix, doc, started_at, took_us, strictness, cut_short } = head;
        Self {
            version: VERSION,
            matrix,
            doc,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at,
            took_us,
            strictness,
            cut_short,
            lists: availability::lists(),
            regions: runs.iter().map(column).collect(),
            features: features(runs),
            since: None,
        }
    }

    /// Limits that are gone: features, and in which regions.
    pub fn lifted(&self) -> Vec<(&Feature, Vec<&str>)> {
        let mut lifted = Vec::new();
        for feature in &self.features {
            let labels = self.regions.iter().map(|it| it.label.as_str());
            let labels: Vec<&str> = labels.filter(|it| feature.is(it, "lifted")).collect();
            if !labels.is_empty() {
                lifted.push((feature, labels));
            }
        }
        lifted
    }

    /// Features that do not come to the same in all regions that ran them.
    pub fn differing(&self) -> usize {
        self.features.iter().filter(|it| it.differs()).count()
    }

    /// # Errors
    ///
    /// Not a table, or one of a newer program.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path)
            .map_err(|err| format!("cannot read `{}`: {err}", path.display()))?;
        let json: serde_json::Value = serde_json::from_str(&text).map_err(|err| {
            format!("{}:{}:{}: not JSON: {err}", path.display(), err.line(), err.column())
        })?;
        match json.get("version").and_then(serde_json::Value::as_u64) {
            Some(it) if it > u64::from(VERSION) => {
                return Err(format!(
                    "`{}` is a table of version {it}, this program reads up to {VERSION}",
                    path.display()
                ));
            }
            _ => {}
        }
        serde_json::from_value(json)
            .map_err(|err| format!("`{}` is no table of regions: {err}", path.display()))
    }

    /// As it is kept.
    pub fn json(&self) -> io::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl Feature {
    fn is(&self, label: &str, outcome: &str) -> bool {
        self.cells.get(label).is_some_and(|it| it.outcome == outcome)
    }

    /// Whether regions that ran it came to different outcomes. What was skipped or not run says
    /// nothing of the feature.
    pub fn differs(&self) -> bool {
        let ran = self.cells.values().map(|it| it.outcome.as_str());
        let words: BTreeSet<&str> =
            ran.filter(|it| !matches!(*it, "skipped" | "not run")).collect();
        words.len() > 1
    }

    /// `L-09 update is rejected`, in short.
    pub fn title(&self) -> String {
        match &self.id {
            Some(id) => format!("{id} {}", self.what),
            None => self.what.clone(),
        }
    }
}

fn fact(summary: &RunSummary, name: &str) -> Option<String> {
    summary.facts.iter().find(|(it, _)| it == name).map(|(_, value)| value.clone())
}

fn column(run: &Run<'_>) -> Column {
    let summary = run.summary;
    let at = summary.started_at.unwrap_or_default();
    let region = fact(summary, "region");
    let here = region.as_deref().map(|it| it.rsplit('.').next().unwrap_or(it));
    let mut notes = Vec::new();
    if let (Some(believed), Some(here)) = (&run.believed, here)
        && believed != here
    {
        notes.push(format!("the matrix has it in {believed}, and the account is in {here}"));
    }
    notes.extend(
        ["release_dispute", "probe_disagreement"].iter().filter_map(|it| fact(summary, it)),
    );
    let failures = summary.work.iter().filter_map(|it| {
        let failure = it.failure.as_ref()?;
        let is_told = summary.cut_short.as_ref() == Some(failure)
            || notes.contains(failure)
            || it.what == crate::run::MAKE_INTERACTIVE;
        (!is_told).then(|| format!("{}: {}", it.what, text::parted(failure).0))
    });
    let failures: Vec<String> = failures.collect();
    notes.extend(failures);
    Column {
        label: run.label.to_owned(),
        connection: run.connection.to_owned(),
        availability: availability::of(summary, region.as_deref(), at.date_naive()),
        region,
        release: summary.release,
        release_how: summary.release_how.clone(),
        server_version: fact(summary, "server_version"),
        run: summary.run.clone(),
        folder: run.folder.clone(),
        at,
        took_us: summary.took_us,
        estimated_credits: fact(summary, "estimated_credits"),
        metered_credits: fact(summary, "metered_credits"),
        counts: summary.counts(),
        cut_short: summary.cut_short.clone(),
        notes,
    }
}

/// Those of the catalogue by area and number, then the others as they come in the runs.
fn features(runs: &[Run<'_>]) -> Vec<Feature> {
    let mut by_id: BTreeMap<&str, Feature> = BTreeMap::new();
    let mut others: Vec<Feature> = Vec::new();
    for run in runs {
        let mut groups: Vec<(String, Option<&str>, Vec<&CaseReport>)> = Vec::new();
        for case in &run.summary.cases {
            let id = case.case.id.as_deref();
            let key = id.map_or_else(|| case.case.to_string(), str::to_owned);
            match groups.iter_mut().find(|(it, ..)| *it == key) {
                Some((.., cases)) => cases.push(case),
                None => groups.push((key, id, vec![case])),
            }
        }
        for (key, id, cases) in groups {
            let Some(cell) = cell(run.summary, &cases) else { continue };
            let feature = match id {
                Some(id) => by_id.entry(id).or_insert_with(|| of_catalogue(id)),
                None => {
                    let at = others.iter().position(|it| it.key == key).unwrap_or_else(|| {
                        others.push(of_case(&key, cases[0]));
                        others.len() - 1
                    });
                    &mut others[at]
                }
            };
            feature.cells.insert(run.label.to_owned(), cell);
        }
    }
    let mut features = Vec::new();
    for Behaviour { id, .. } in behaviours() {
        features.extend(by_id.remove(id.as_str()));
    }
    features.extend(by_id.into_values());
    features.extend(others);
    features
}

fn of_catalogue(id: &str) -> Feature {
    let known = behaviours().iter().find(|it| it.id == id);
    Feature {
        key: id.to_owned(),
        id: Some(id.to_owned()),
        what: known.map(|it| it.what.clone()).unwrap_or_default(),
        releases: known.map_or(Release::ALL.to_vec(), |it| it.releases.0.clone()),
        cells: BTreeMap::new(),
    }
}

fn of_case(key: &str, report: &CaseReport) -> Feature {
    Feature {
        key: key.to_owned(),
        id: None,
        what: format!("{} ({})", report.case.name, report.case.suite),
        releases: Release::ALL.to_vec(),
        cells: BTreeMap::new(),
    }
}

/// `None` of no cases.
fn cell(summary: &RunSummary, cases: &[&CaseReport]) -> Option<Cell> {
    let worst = matrix::worst(cases)?;
    let decides = cases.iter().find(|it| it.outcome.word() == worst)?;
    let seen = |it: &&CaseReport| CaseSeen {
        case: it.case.to_string(),
        place: format!("{}:{}", it.case.file, it.case.line),
        outcome: it.outcome.word().to_owned(),
        why: why(&it.outcome),
        query_id: query_id(it),
        at: it.at,
    };
    Some(Cell {
        outcome: worst.to_owned(),
        is_failure: decides.outcome.is_failure(summary.strictness),
        why: why(&decides.outcome),
        case: decides.case.to_string(),
        query_id: query_id(decides),
        server_version: fact(summary, "server_version"),
        release: decides.release.or(summary.release),
        at: decides.at,
        cases: cases.iter().map(seen).collect(),
        last: None,
    })
}

/// In a line.
fn why(outcome: &Outcome) -> Option<String> {
    text::reason(outcome).map(|it| text::printable(text::parted(it).0))
}

/// Of what it failed at, or of its last statement.
fn query_id(report: &CaseReport) -> Option<String> {
    let failed_at = match &report.outcome {
        Outcome::Failed { failure } => failure.query_id.clone(),
        _ => None,
    };
    failed_at.or_else(|| report.steps.iter().rev().find_map(|it| it.query_id.clone()))
}
