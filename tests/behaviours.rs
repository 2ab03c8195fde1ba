//! `docs/behaviours.md` says what the suites and the recordings come to.

use snowgauge::suite::{Release, catalogue};
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
};

const PAGE: &str = "docs/behaviours.md";

fn behaviours(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_snowgauge"))
        .arg("behaviours")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("snowgauge starts")
}

#[track_caller]
fn check(arguments: &[&str], status: i32) -> String {
    let output = behaviours(arguments);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "stdout:\n{stdout}\nstderr:\n{stderr}");
    stdout
}

#[test]
fn the_page_is_up_to_date() {
    check(&["--check", PAGE], 0);
}

#[test]
fn the_same_files_give_the_same_page() {
    assert_eq!(check(&[], 0), check(&[], 0));
}

#[test]
fn what_is_out_of_date_is_shown() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("behaviours.md");
    let text = fs::read_to_string(page).unwrap();
    fs::write(&changed, text.replacen("**S-03**", "**S-99**", 1)).unwrap();

    let shown = check(&["--check", changed.to_str().unwrap()], 1);
    assert!(shown.contains("\n-| **S-99** |"), "{shown}");
    assert!(shown.contains("\n+| **S-03** |"), "{shown}");
    assert!(shown.contains("is out of date"), "{shown}");
}

#[test]
fn without_recordings_there_is_nothing_to_say() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let output = behaviours(&["--fixtures", folder]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("there is no recording in"), "{stderr}");
}

/// What the JUnit report of a replay has of each behaviour: `outcome` and `evidence` of its cases.
fn in_junit(release: Release) -> BTreeMap<String, Vec<(String, Option<String>)>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("junit.xml");
    let output = Command::new(env!("CARGO_BIN_EXE_snowgauge"))
        .args(["run", "--target", "replay", "--strict", "--release", release.name()])
        .args(["--runs", folder.path().to_str().unwrap(), "--junit", path.to_str().unwrap()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("snowgauge starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{release}\n{stdout}");

    let xml = fs::read_to_string(path).unwrap();
    let mut found: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for case in xml.split("<testcase ").skip(1) {
        let property = |name: &str| {
            let (_, rest) = case.split_once(&format!("name=\"{name}\" value=\""))?;
            rest.split_once('"').map(|it| it.0.to_owned())
        };
        if let Some(id) = property("id") {
            let outcome = property("outcome").expect("every case has an outcome");
            found.entry(id).or_default().push((outcome, property("evidence")));
        }
    }
    found
}

#[test]
fn every_behaviour_is_in_the_junit_of_every_release_with_its_evidence() {
    let expected: Vec<&str> = catalogue::behaviours().iter().map(|it| it.id.as_str()).collect();
    let mut wrong = Vec::new();
    for release in Release::ALL {
        let found = in_junit(release);
        for id in &expected {
            let cases = found.get(*id).map(Vec::as_slice).unwrap_or_default();
            if !cases.iter().any(|it| it.1.is_some()) {
                wrong.push(format!("{release}: {id} has no case with evidence"));
            }
            for (outcome, _) in cases {
                if !matches!(outcome.as_str(), "passed" | "observed" | "skipped") {
                    wrong.push(format!("{release}: a case of {id} is {outcome}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
