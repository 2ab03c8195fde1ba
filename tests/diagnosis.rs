//! Every cause that the emulator can bring about is told of the case that meets it.

use snowgauge::{
    run::{self, Events, Outcome, RunId, RunOptions, Selection, Stop},
    secret::Redactor,
    suite::{self, Release, source::Source},
    target::EmulatorTarget,
};
use std::sync::Arc;

/// Runs a suite whose cases are named after what they should be told.
#[track_caller]
fn check(release: Release, text: &str) {
    let suite = suite::parse_suite("s", Source::new("s.yaml", text.to_owned())).unwrap();
    let plan = run::plan(&[suite], &[], &Selection::default()).unwrap();
    let target = Arc::new(EmulatorTarget::start(release).unwrap());
    let options = RunOptions::new(RunId::random());
    let events = Events::new(Redactor::default(), Vec::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let summary = runtime.block_on(run::execute(plan, target, options, events, Stop::default()));
    let wrong: Vec<String> = summary
        .cases
        .iter()
        .filter(|case| {
            let told = case.diagnosis.as_ref().map(|it| it.rule.as_str());
            !matches!(case.outcome, Outcome::Failed { .. }) || told != Some(&case.case.name)
        })
        .map(|case| format!("{}: {:?}, {:?}", case.case.name, case.diagnosis, case.outcome))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(!summary.cases.is_empty());
}

#[test]
fn causes_from_before_zero_copy_are_told() {
    check(Release::Fallback, include_str!("diagnosis/fallback.yaml"));
}

#[test]
fn causes_of_slowness_are_told() {
    check(Release::ZeroCopy, include_str!("diagnosis/zero_copy.yaml"));
}
