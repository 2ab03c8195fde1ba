//! Everything that happens in a run, in the order it happens.
//!
//! The runner only sends events. Terminal, JUnit, JSON and HTML each read all of them, so a
//! report cannot know something that another one does not. One event is one line of the journal.

use super::Diagnosis;
use super::pin::Sighting;
use crate::{
    load::{LoadReport, measure::Progress},
    refresh::watched::Watched,
    suite::{Evidence, Release},
    target::{Refusal, TargetKind},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// The journal's version: a reader refuses newer ones.
pub const JOURNAL_VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    RunStarted {
        journal: u32,
        run: String,
        at: DateTime<Utc>,
        tool_version: String,
        target: TargetKind,
        place: String,
        /// The one seed that every random choice comes from.
        seed: u64,
        /// Orders in the data set `orders`.
        scale: u64,
        /// Journals from before there was a choice were lenient.
        #[serde(default)]
        strictness: Strictness,
        /// All cases that will be run, in order; those that never end are `not run`.
        cases: Vec<CaseKey>,
    },
    /// The release was told from the target's behaviour (catalogue S-01), or given.
    ReleaseProbed {
        release: Release,
        how: String,
    },
    /// What else is known of the target: server version, region, warehouse sizes, …
    Fact {
        name: String,
        value: String,
    },
    /// Something other than a case took place: a data set built, a schema made, a sweep.
    Work {
        what: String,
        took_us: u64,
        failure: Option<String>,
    },
    CaseStarted {
        case: CaseKey,
        at: DateTime<Utc>,
    },
    /// What goes on within a load, once a second. It is for people who watch: the report of the
    /// case has all of it.
    LoadProgress {
        case: CaseKey,
        progress: Progress,
    },
    CaseFinished(Box<CaseReport>),
    RunFinished {
        at: DateTime<Utc>,
        took_us: u64,
        /// The run was cut short, and why: interrupted, target lost.
        cut_short: Option<String>,
    },
}

/// What a limitation that is gone means for the run. Whoever starts the run decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strictness {
    /// `lifted` is news.
    #[default]
    Lenient,
    /// `lifted` makes the run red.
    Strict,
}

/// Which case: unique within a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CaseKey {
    pub suite: String,
    pub name: String,
    pub id: Option<String>,
    pub file: String,
    pub line: usize,
}

impl fmt::Display for CaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "{}::{id} {}", self.suite, self.name),
            None => write!(f, "{}::{}", self.suite, self.name),
        }
    }
}

/// All that is known of a case when it has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseReport {
    pub case: CaseKey,
    pub at: DateTime<Utc>,
    pub took_us: u64,
    pub outcome: Outcome,
    pub release: Option<Release>,
    pub evidence: Evidence,
    pub source: Option<String>,
    pub steps: Vec<StepReport>,
    /// Further facts, for reports and dashboards: `warehouse`, …
    pub properties: BTreeMap<String, String>,
    /// What steps with an unverified expectation were answered, to be pinned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sightings: Vec<Sighting>,
    /// A likely cause, where a rule knows one. Never of a case that passed.
    #[serde(default)]
    pub diagnosis: Option<Diagnosis>,
    /// What a load came to, of a case that is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Box<LoadReport>>,
    /// Tables that are kept fresh, of a case that looks at such.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refreshes: Vec<Watched>,
}

/// One executed statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    pub line: usize,
    pub session: String,
    pub warehouse: Option<String>,
    /// As it was sent.
    pub sql: String,
    pub query_id: Option<String>,
    pub elapsed_us: u64,
    /// How often it was executed, where it was looked at until a deadline.
    pub looks: u32,
    /// One line: `3 rows`, `000630 (57014): …`, `connection lost: …`.
    pub ending: String,
    /// A digest of the rows, equal where two runs were answered alike. Empty where there are none,
    /// and in journals from before there was one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub result: String,
    pub refusal: Option<Refusal>,
}

/// How a case ended. What the words mean is in the project's vocabulary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    Passed,
    Failed {
        failure: Failure,
    },
    /// The evidence is too thin to decide.
    Unsure {
        why: String,
    },
    /// Nothing was pinned; this is what was seen.
    Observed {
        seen: String,
    },
    /// An expected limitation is gone.
    Lifted {
        seen: String,
    },
    Skipped {
        reason: String,
    },
    /// The target went away, or what the case stands on could not be made: says nothing about
    /// the case.
    NotRun {
        cause: String,
    },
    /// The measuring itself was not sound.
    Invalid {
        why: String,
    },
}

impl Outcome {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } => "failed",
            Self::Unsure { .. } => "unsure",
            Self::Observed { .. } => "observed",
            Self::Lifted { .. } => "lifted",
            Self::Skipped { .. } => "skipped",
            Self::NotRun { .. } => "not run",
            Self::Invalid { .. } => "invalid",
        }
    }

    /// A verdict against what was tested, which ends the run with the status of a failure.
    pub fn is_failure(&self, strictness: Strictness) -> bool {
        match self {
            Self::Failed { .. } => true,
            Self::Lifted { .. } => strictness == Strictness::Strict,
            Self::Passed
            | Self::Unsure { .. }
            | Self::Observed { .. }
            | Self::Skipped { .. }
            | Self::NotRun { .. }
            | Self::Invalid { .. } => false,
        }
    }
}

/// What a person needs in order to understand a failed case without running it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// One line: `row 2 differs`, `expected a refusal, got 3 rows`.
    pub message: String,
    /// `file:line` of the expectation that was not met.
    pub place: String,
    pub sql: String,
    pub query_id: Option<String>,
    /// A diff of expected and actual, where there is one: lines start with `-`, `+` or a space.
    pub diff: Option<String>,
    /// What else may help to understand it: how often was looked, the result's columns.
    pub hint: Option<String>,
}
