//! `docs/behaviours.md` says what the suites and the recordings come to.

use std::{
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
