//! A run with every outcome, for the tests of reports.

mod load;
mod refreshing;

pub use load::case as loaded;
pub use refreshing::refreshing;

use crate::{
    run::{
        CaseKey, CaseReport, Diagnosis, Event, Failure, Fold, JOURNAL_VERSION, Outcome, RunSummary,
        StepReport, Strictness,
    },
    suite::{Evidence, Release},
    target::TargetKind,
};
use chrono::{DateTime, TimeDelta};
use std::collections::BTreeMap;

pub fn case(name: &str, outcome: Outcome) -> CaseReport {
    CaseReport {
        case: CaseKey {
            suite: "limits::dml".to_owned(),
            name: name.to_owned(),
            id: Some("L-09".to_owned()),
            file: "suites/limits/dml.yaml".to_owned(),
            line: 7,
        },
        at: DateTime::UNIX_EPOCH + TimeDelta::seconds(1),
        took_us: 1_250_000,
        outcome,
        release: Some(Release::ZeroCopy),
        evidence: Evidence::Documented,
        source: Some("docs: limitations".to_owned()),
        steps: vec![StepReport {
            line: 9,
            session: "standard".to_owned(),
            warehouse: Some("SG1_STD".to_owned()),
            sql: "SELECT K\nFROM T".to_owned(),
            query_id: Some("01b0-1".to_owned()),
            elapsed_us: 250_000,
            looks: 1,
            ending: "2 rows".to_owned(),
            result: String::new(),
            refusal: None,
        }],
        properties: BTreeMap::from([("warehouse".to_owned(), "SG1_STD".to_owned())]),
        sightings: Vec::new(),
        diagnosis: None,
        load: None,
        refreshes: Vec::new(),
    }
}

pub fn diagnosis() -> Diagnosis {
    Diagnosis {
        rule: "not-bound".to_owned(),
        cause: "it is <not> attached".to_owned(),
        remedy: "attach it".to_owned(),
        source: "docs: attaching".to_owned(),
    }
}

/// A cause with a diff below its sentence.
pub const NOT_RECORDED: &str = "not recorded: the nearest is\n SELECT K\n-FROM T\n+FROM U";

/// The facts that a run on a recording has.
pub fn recorded(mut summary: RunSummary) -> RunSummary {
    for (name, value) in [("recorded_from", "emulator"), ("recorded_at", "2026-01-01T00:00:00Z")] {
        summary.facts.push((name.to_owned(), value.to_owned()));
    }
    summary
}

pub fn failure() -> Failure {
    Failure {
        message: "row 2 differs".to_owned(),
        place: "suites/limits/dml.yaml:11".to_owned(),
        sql: "SELECT K\nFROM T".to_owned(),
        query_id: Some("01b0-1".to_owned()),
        diff: Some(" 1\n-2\n+3".to_owned()),
        hint: Some("look there".to_owned()),
    }
}

pub fn cases() -> Vec<CaseReport> {
    vec![
        case("passes", Outcome::Passed),
        case("fails", Outcome::Failed { failure: failure() }),
        case("is unsure", Outcome::Unsure { why: "3 samples".to_owned() }),
        case("is observed", Outcome::Observed { seen: "line 9: 001003".to_owned() }),
        case("is lifted", Outcome::Lifted { seen: "line 9: 1 row".to_owned() }),
        case("is skipped", Outcome::Skipped { reason: "only on preview".to_owned() }),
        case("is not run", Outcome::NotRun { cause: "connection lost".to_owned() }),
        case("is invalid", Outcome::Invalid { why: "clock skew".to_owned() }),
    ]
}

pub fn events(cases: Vec<CaseReport>) -> Vec<Event> {
    let at = DateTime::UNIX_EPOCH;
    let mut events = vec![
        Event::RunStarted {
            journal: JOURNAL_VERSION,
            run: "SG1".to_owned(),
            at,
            tool_version: "0.1.0".to_owned(),
            target: TargetKind::Scripted,
            place: "a test".to_owned(),
            seed: 42,
            scale: 100,
            strictness: Strictness::Lenient,
            cases: cases.iter().map(|it| it.case.clone()).collect(),
        },
        Event::ReleaseProbed { release: Release::ZeroCopy, how: "it read a table".to_owned() },
        Event::Fact { name: "region".to_owned(), value: "AWS_US_EAST_1".to_owned() },
        Event::Work { what: "set up".to_owned(), took_us: 5, failure: None },
    ];
    for report in cases {
        events.push(Event::CaseStarted { case: report.case.clone(), at: report.at });
        events.push(Event::CaseFinished(Box::new(report)));
    }
    events.push(Event::RunFinished { at, took_us: 2_000_000, cut_short: None });
    events
}

/// All that a page may show: outcomes, a likely cause, a load on a capacity model, refreshes, and
/// `more` cases that passed.
pub fn everything(more: usize) -> RunSummary {
    let mut all = vec![loaded(Some("seed 2025: interactive XSMALL")), refreshing()];
    all.extend(cases());
    all[3].diagnosis = Some(diagnosis());
    let ids = ["L-01", "L-02", "L-03", "S-05", "M-02", "R-11", "A-01"];
    all.extend((0..more).map(|at| {
        let mut case = case(&format!("passes {at}"), Outcome::Passed);
        case.case.id = Some(ids[at % ids.len()].to_owned());
        case.case.line = at;
        case
    }));
    let mut summary = summary(all);
    for (name, value) in
        [("estimate", "1.20 credits in about 4 minutes"), ("metered_credits", "0.97")]
    {
        summary.facts.push((name.to_owned(), value.to_owned()));
    }
    summary
}

pub fn summary(cases: Vec<CaseReport>) -> RunSummary {
    let mut fold = Fold::default();
    for event in events(cases) {
        fold.event(&event);
    }
    fold.summary()
}
