//! `snowgauge teeth` as a library: quick regressions are caught by the suites of this repository,
//! and what nothing notices is said to have escaped.

use snowgauge::{
    suite::{self, Loaded, Release},
    teeth::{self, Alarm, Depth, Options, Scope, Subject, Trial, Verdict},
};
use snowgauge_emulator::Regression;
use std::{collections::HashSet, path::PathBuf};

fn loaded(suites: &[&str]) -> Loaded {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("suites");
    let roots: Vec<PathBuf> = suites.iter().map(|it| folder.join(it)).collect();
    suite::load(&roots).unwrap()
}

#[track_caller]
fn check(trial: &Trial, expected: &str) {
    match &trial.verdict {
        Verdict::Caught { by } => {
            let is_expected = by.iter().any(|it| it.contains(expected));
            assert!(is_expected, "{} was caught by {by:?}", trial.subject.name);
        }
        Verdict::Escaped { why } => panic!("{} escaped: {why}", trial.subject.name),
    }
}

#[test]
fn regressions_are_caught_by_the_cases_they_are_about() {
    let loaded = loaded(&["limits/dml.yaml", "monitoring/show.yaml", "setup/create.yaml"]);
    let subjects = Subject::all(
        &[
            Regression::UpdateLetThrough,
            Regression::FailedOverwriteEmpties,
            Regression::ClusterByText,
            Regression::TableTypeBase,
        ],
        &[Release::Attached],
    );
    let trials = teeth::try_all(&loaded, subjects, Options::default(), &|_| {});
    check(&trials[0], "limits::dml::L-0");
    check(&trials[1], "limits::dml::L-10 INSERT OVERWRITE that fails leaves the old contents");
    check(&trials[2], "setup::create::S-03 without CLUSTER BY it is refused");
    check(&trials[3], "monitoring::show::M-06 INFORMATION_SCHEMA has a table type for them");
    let suites: Vec<&str> = trials[1].suites.iter().map(String::as_str).collect();
    assert_eq!(suites, ["limits::dml"], "only what is about it is run");
}

#[test]
fn a_release_that_is_taken_for_another_is_caught_by_the_probe() {
    let loaded = loaded(&["limits/derived.yaml"]);
    let refused = Regression::StandardTableRefused;
    let options = Options { scope: Scope::All, ..Options::default() };
    let trial = teeth::try_one(&loaded, Subject::new(refused, Release::ZeroCopy), options);
    check(&trial, "the probe, which takes it for fallback");
}

#[test]
fn what_nothing_notices_has_escaped() {
    let loaded = loaded(&["limits/derived.yaml"]);
    let nothing_wrong = |ids: &[&str]| Subject {
        name: "fake".to_owned(),
        ids: ids.iter().map(|it| (*it).to_owned()).collect(),
        what: "nothing is wrong".to_owned(),
        regression: None,
        release: Release::ZeroCopy,
    };
    let options = Options { depth: Depth::Whole, ..Options::default() };
    let escaped = |ids: &[&str]| teeth::try_one(&loaded, nothing_wrong(ids), options).verdict;
    let because = |why: &str| Verdict::Escaped { why: why.to_owned() };
    assert_eq!(escaped(&["L-15"]), because("4 passed, 0 skipped"));
    assert_eq!(escaped(&["Z-99"]), because("no case has its ids"));
}

#[test]
fn a_clean_run_raises_no_alarm_and_a_red_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let red = "doc: d\ncases:\n  - name: one\n    sql: SELECT 1\n    expect: { rows: [[2]] }\n";
    std::fs::write(folder.path().join("red.yaml"), red).unwrap();
    let red = suite::load(&[folder.path().join("red.yaml")]).unwrap();
    let releases = [Release::Preview];
    let alarms = teeth::try_clean(&red, &[], &releases, Options::default());
    let what = "red::one: failed: row 1 differs".to_owned();
    assert_eq!(alarms, [Alarm { release: Release::Preview, what }]);
    let green = loaded(&["limits/derived.yaml"]);
    assert_eq!(teeth::try_clean(&green, &[], &releases, Options::default()), []);
}

#[test]
fn what_regressions_violate_is_in_the_suites() {
    let loaded = loaded(&[""]);
    let cases = loaded.suites.iter().flat_map(|it| &it.cases);
    let known: HashSet<&str> = cases.filter_map(|it| it.id.as_deref()).collect();
    for it in Regression::ALL {
        for id in it.ids() {
            assert!(known.contains(id), "no case is about {id}, which `{it}` violates");
        }
    }
}
