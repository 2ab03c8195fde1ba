//! `snowgauge teeth` as a library: quick regressions are caught by the suites of this repository,
//! and what nothing notices is said to have escaped.

use snowgauge::{
    suite::{self, Loaded, Release, catalogue},
    teeth::{self, Alarm, Depth, Options, Scope, Subject, Trial, Verdict},
};
use snowgauge_emulator::Regression;
use std::{
    collections::{BTreeSet, HashSet},
    fs,
    path::PathBuf,
};

fn loaded(suites: &[impl AsRef<str>]) -> Loaded {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("suites");
    let roots: Vec<PathBuf> = suites.iter().map(|it| folder.join(it.as_ref())).collect();
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
fn what_is_wrong_where_tables_are_refreshed_is_wrong_on_every_thread() {
    let suites = ["schedule", "static", "operators_flatten", "failures"];
    let loaded = loaded(&suites.map(|it| format!("refresh/{it}.yaml")));
    let subjects = Subject::all(
        &[
            Regression::PeriodDoubled,
            Regression::OverwriteSeenEarly,
            Regression::FlattenFirstOnly,
            Regression::FailedRefreshEmpties,
        ],
        &[Release::ZeroCopy],
    );
    let trials = teeth::try_all(&loaded, subjects, Options::default(), &|_| {});
    check(&trials[0], "refresh::schedule::R-15");
    check(&trials[1], "refresh::static::R-25");
    check(&trials[2], "refresh::operators_flatten::R-30");
    check(&trials[3], "refresh::failures::R-20");
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
    assert_eq!(escaped(&["L-15"]), because("4 passed, 1 skipped"));
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

/// The ids in the table "Behaviours without one" of `docs/teeth.md`.
fn excused() -> BTreeSet<String> {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/teeth.md");
    let text = fs::read_to_string(page).unwrap();
    let section = text.split("## Behaviours without one").nth(1).expect("the section");
    let rows = section.lines().filter_map(|it| it.strip_prefix("| ")?.strip_suffix(" |"));
    let mut ids = BTreeSet::new();
    for row in rows.skip(1) {
        let (named, why) = row.split_once(" | ").expect("two cells");
        assert!(why.len() > 10, "{named} needs a reason");
        for id in named.split(", ") {
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
        }
    }
    ids
}

#[test]
fn every_behaviour_has_a_regression_or_a_reason_why_not() {
    let violated: HashSet<&str> =
        Regression::ALL.iter().flat_map(|it| it.ids().iter().copied()).collect();
    let of_suites = catalogue::behaviours().iter().map(|it| it.id.clone());
    let without: BTreeSet<String> =
        of_suites.filter(|it| !violated.contains(it.as_str())).collect();
    assert_eq!(without, excused(), "left: without a regression; right: in docs/teeth.md");
}

#[test]
fn what_has_no_regression_is_told_below_the_table() {
    let without: BTreeSet<String> = teeth::without_regression(&loaded(&[""])).into_iter().collect();
    assert_eq!(without, excused());
}
