//! What became of a run, folded from its events. Reports that are written at the end read this.

use super::{CaseKey, CaseReport, Event, JOURNAL_VERSION, Outcome, Strictness};
use crate::{
    suite::{Evidence, Release},
    target::TargetKind,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// A run, whether or not it came to its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunSummary {
    pub run: String,
    pub started_at: Option<DateTime<Utc>>,
    pub tool_version: String,
    pub target: Option<TargetKind>,
    pub place: String,
    pub seed: u64,
    pub scale: u64,
    pub strictness: Strictness,
    pub release: Option<Release>,
    /// How the release was told.
    pub release_how: Option<String>,
    pub facts: Vec<(String, String)>,
    pub work: Vec<Work>,
    /// Every planned case, in the plan's order; those that did not end are `not run`.
    pub cases: Vec<CaseReport>,
    /// `None` if the run did not come to its end.
    pub took_us: Option<u64>,
    pub cut_short: Option<String>,
}

/// Something other than a case that took place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Work {
    pub what: String,
    pub took_us: u64,
    pub failure: Option<String>,
}

/// Cases by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub unsure: usize,
    pub observed: usize,
    pub lifted: usize,
    pub skipped: usize,
    pub not_run: usize,
    pub invalid: usize,
}

impl Counts {
    pub fn of<'a>(cases: impl IntoIterator<Item = &'a CaseReport>) -> Self {
        let mut counts = Self::default();
        for case in cases {
            *match case.outcome {
                Outcome::Passed => &mut counts.passed,
                Outcome::Failed { .. } => &mut counts.failed,
                Outcome::Unsure { .. } => &mut counts.unsure,
                Outcome::Observed { .. } => &mut counts.observed,
                Outcome::Lifted { .. } => &mut counts.lifted,
                Outcome::Skipped { .. } => &mut counts.skipped,
                Outcome::NotRun { .. } => &mut counts.not_run,
                Outcome::Invalid { .. } => &mut counts.invalid,
            } += 1;
        }
        counts
    }

    pub fn total(&self) -> usize {
        self.in_words().iter().map(|(count, _)| count).sum()
    }

    /// Each count with the outcome's word, in the order reports list them.
    pub fn in_words(&self) -> [(usize, &'static str); 8] {
        [
            (self.passed, "passed"),
            (self.failed, "failed"),
            (self.unsure, "unsure"),
            (self.observed, "observed"),
            (self.lifted, "lifted"),
            (self.skipped, "skipped"),
            (self.not_run, "not run"),
            (self.invalid, "invalid"),
        ]
    }
}

impl RunSummary {
    pub fn counts(&self) -> Counts {
        Counts::of(&self.cases)
    }

    /// What was run on. Of a replay also what was recorded: it says no more than that.
    pub fn target_in_words(&self) -> String {
        let Some(target) = self.target else { return "an unknown target".to_owned() };
        let fact = |name: &str| self.facts.iter().find(|(it, _)| it == name).map(|it| &it.1);
        match (fact("recorded_from"), fact("recorded_at")) {
            (Some(from), Some(at)) => format!("{target} (recorded from {from}, {at})"),
            _ => target.to_string(),
        }
    }

    /// Events that come to it.
    pub fn events(&self) -> Vec<Event> {
        let started_at = self.started_at.unwrap_or_default();
        let mut events = vec![Event::RunStarted {
            journal: JOURNAL_VERSION,
            run: self.run.clone(),
            at: started_at,
            tool_version: self.tool_version.clone(),
            target: self.target.unwrap_or(TargetKind::Live),
            place: self.place.clone(),
            seed: self.seed,
            scale: self.scale,
            strictness: self.strictness,
            cases: self.cases.iter().map(|it| it.case.clone()).collect(),
        }];
        if let Some(release) = self.release {
            let how = self.release_how.clone().unwrap_or_default();
            events.push(Event::ReleaseProbed { release, how });
        }
        let fact = |(name, value): &(String, String)| Event::Fact {
            name: name.clone(),
            value: value.clone(),
        };
        events.extend(self.facts.iter().map(fact));
        events.extend(self.work.iter().map(|it| Event::Work {
            what: it.what.clone(),
            took_us: it.took_us,
            failure: it.failure.clone(),
        }));
        let case = |it: &CaseReport| Event::CaseFinished(Box::new(it.clone()));
        events.extend(self.cases.iter().map(case));
        let took_us = self.took_us.unwrap_or_default();
        let took = i64::try_from(took_us).map_or(TimeDelta::zero(), TimeDelta::microseconds);
        let cut_short = self.cut_short.clone();
        events.push(Event::RunFinished { at: started_at + took, took_us, cut_short });
        events
    }

    /// Cases that are failures by the run's own strictness.
    pub fn failures(&self) -> usize {
        self.cases.iter().filter(|it| it.outcome.is_failure(self.strictness)).count()
    }

    /// Suites in the order of their first case, with their cases.
    pub fn suites(&self) -> Vec<(&str, Vec<&CaseReport>)> {
        let mut suites: Vec<(&str, Vec<&CaseReport>)> = Vec::new();
        for report in &self.cases {
            let suite = report.case.suite.as_str();
            match suites.iter_mut().find(|(name, _)| *name == suite) {
                Some((_, cases)) => cases.push(report),
                None => suites.push((suite, vec![report])),
            }
        }
        suites
    }
}

/// Events in, a summary out, at any time.
#[derive(Clone, Debug, Default)]
pub struct Fold {
    summary: RunSummary,
    planned: Vec<CaseKey>,
    started: HashMap<CaseKey, DateTime<Utc>>,
    ended: HashMap<CaseKey, CaseReport>,
    finished: bool,
}

impl Fold {
    pub fn event(&mut self, event: &Event) {
        let summary = &mut self.summary;
        match event {
            Event::RunStarted {
                journal: _,
                run,
                at,
                tool_version,
                target,
                place,
                seed,
                scale,
                strictness,
                cases,
            } => {
                summary.run = run.clone();
                summary.started_at = Some(*at);
                summary.tool_version = tool_version.clone();
                summary.target = Some(*target);
                summary.place = place.clone();
                summary.seed = *seed;
                summary.scale = *scale;
                summary.strictness = *strictness;
                self.planned = cases.clone();
            }
            Event::ReleaseProbed { release, how } => {
                summary.release = Some(*release);
                summary.release_how = Some(how.clone());
            }
            Event::Fact { name, value } => summary.facts.push((name.clone(), value.clone())),
            Event::Work { what, took_us, failure } => summary.work.push(Work {
                what: what.clone(),
                took_us: *took_us,
                failure: failure.clone(),
            }),
            Event::CaseStarted { case, at } => {
                self.started.insert(case.clone(), *at);
            }
            Event::LoadProgress { .. } => {}
            Event::CaseFinished(report) => {
                if !self.planned.contains(&report.case) {
                    self.planned.push(report.case.clone());
                }
                self.ended.insert(report.case.clone(), (**report).clone());
            }
            Event::RunFinished { at: _, took_us, cut_short } => {
                summary.took_us = Some(*took_us);
                summary.cut_short = cut_short.clone();
                self.finished = true;
            }
        }
    }

    pub fn has_ended(&self, case: &CaseKey) -> bool {
        self.ended.contains_key(case)
    }

    pub fn summary(&self) -> RunSummary {
        let mut summary = self.summary.clone();
        if !self.finished && summary.cut_short.is_none() {
            summary.cut_short = Some("the run was cut short".to_owned());
        }
        let cause = summary.cut_short.as_deref().unwrap_or("the run ended without it");
        summary.cases = self
            .planned
            .iter()
            .map(|case| match self.ended.get(case) {
                Some(report) => report.clone(),
                None => self.not_ended(case, cause),
            })
            .collect();
        summary
    }

    fn not_ended(&self, case: &CaseKey, cause: &str) -> CaseReport {
        let started_at = self.started.get(case).copied();
        let cause = match started_at {
            Some(_) => format!("{cause} while this case was executed"),
            None => cause.to_owned(),
        };
        CaseReport {
            case: case.clone(),
            at: started_at.or(self.summary.started_at).unwrap_or_default(),
            took_us: 0,
            outcome: Outcome::NotRun { cause },
            release: self.summary.release,
            evidence: Evidence::None,
            source: None,
            steps: Vec::new(),
            properties: BTreeMap::new(),
            sightings: Vec::new(),
            diagnosis: None,
            load: None,
            refreshes: Vec::new(),
        }
    }
}
