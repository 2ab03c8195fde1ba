//! Tables that were made up, and what is told of them.

use super::{
    availability::{Agreement, Seen},
    difference, html, junit, markdown,
    matrix::{Limits, Matrix},
    table::{Head, Run, Table},
};
use crate::{
    report::sample::{case, failure, summary},
    run::{CaseReport, MAKE_INTERACTIVE, Outcome, RunSummary, Strictness, Work},
    suite::Release,
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{fs, path::PathBuf};

fn read(text: &str) -> Result<Matrix, Vec<String>> {
    let name = format!("snowgauge-matrix-{}", uuid::Uuid::new_v4().simple());
    let path: PathBuf = std::env::temp_dir().join(name).with_extension("yaml");
    fs::write(&path, text).unwrap();
    let read = Matrix::read(&path);
    fs::remove_file(&path).unwrap();
    let place = path.display().to_string();
    read.map_err(|it| it.errors.iter().map(|it| it.to_string().replace(&place, "m.yaml")).collect())
}

#[test]
fn a_matrix_says_what_to_run_where() {
    let matrix = read(
        "doc: Where it works.
suites: [suites/regions, suites/setup]
tag: not costly
scale: 5000
limits: { jobs: 2, max-credits: 1.5 }
accounts:
  prod: { runs: 2 }
regions:
  - plain
  - connection: eu
    label: Frankfurt
    account: prod
    cloud: aws
    region: eu-central-1
    release: attached
    suites: suites/limits
    tag: limits
",
    )
    .unwrap();
    assert_eq!((matrix.doc.as_str(), matrix.scale), ("Where it works.", Some(5000)));
    let shared = Limits { runs: 1, jobs: 2, credits_max: Some(1.5) };
    assert_eq!(matrix.limits_of(None), shared);
    assert_eq!(matrix.limits_of(Some("prod")), Limits { runs: 2, ..shared });
    let [plain, eu] = matrix.regions.as_slice() else { panic!("{matrix:?}") };
    assert_eq!((plain.label.as_str(), plain.connection.value.as_str()), ("plain", "plain"));
    let suites = |entry: &super::Entry| -> Vec<String> {
        entry.select.suites.iter().map(|it| it.value.clone()).collect()
    };
    assert_eq!(suites(plain), ["suites/regions", "suites/setup"]);
    assert_eq!(plain.select.tag.as_ref().unwrap().to_string(), "not costly");
    assert_eq!((eu.label.as_str(), eu.release), ("Frankfurt", Some(Release::Attached)));
    assert_eq!(eu.region.as_ref().unwrap().to_string(), "AWS_EU_CENTRAL_1");
    assert_eq!(suites(eu), ["suites/limits"]);
    assert_eq!(eu.select.tag.as_ref().unwrap().to_string(), "limits");
}

#[test]
fn all_that_is_wrong_with_a_matrix_is_shown_with_its_place() {
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(read(text).map(|_| ()).unwrap_err(), expected, "{text}");
    }
    check(
        "suites: [a b]
limits: { runs: 0, sessions: 3 }
accounts: { prodd: {} }
regions:
  - { connection: a, account: prod, cloud: awss, region: US_1, release: soon }
  - { label: a, tag: not ( }
  - { connection: b, label: a, cloud: aws }
colour: blue
",
        &[
            "m.yaml:1:10: `a b` is not a word",
            "m.yaml:2:17: `0` is not a number of runs",
            "m.yaml:2:20: unknown key `sessions`",
            "m.yaml:3:13: unknown account `prodd`",
            "m.yaml:5:44: unknown cloud `awss`",
            "m.yaml:5:73: unknown release `soon`",
            "m.yaml:6:5: a region needs `connection`",
            "m.yaml:6:22: `not (` is not a tag expression",
            "m.yaml:7:5: a place needs `region`",
            "m.yaml:7:5: `a` is given twice, first in line 5",
            "m.yaml:8:1: unknown key `colour`",
        ],
    );
    check("regions: []\n", &["m.yaml:1:10: a matrix needs `regions`"]);
    check("doc: x\n", &["m.yaml:1:1: a matrix needs `regions`"]);
    check(
        "regions: [{ connection: a, account: b }]\naccounts: [b]\n",
        &["m.yaml:2:11: expected a mapping of accounts to their limits, found a list"],
    );
    check("", &["m.yaml: expected a mapping of lists, found nothing"]);
}

fn of(id: Option<&str>, name: &str, outcome: Outcome) -> CaseReport {
    let mut report = case(name, outcome);
    report.case.id = id.map(str::to_owned);
    report
}

fn failed() -> Outcome {
    Outcome::Failed { failure: failure() }
}

fn lifted() -> Outcome {
    Outcome::Lifted { seen: "line 9: 1 row".to_owned() }
}

/// A run in a region, on a server of a version, of which an interactive warehouse was asked for.
fn run(run: &str, region: &str, version: &str, cases: Vec<CaseReport>) -> RunSummary {
    let mut summary = summary(cases);
    summary.run = run.to_owned();
    summary.facts = vec![
        ("region".to_owned(), region.to_owned()),
        ("server_version".to_owned(), version.to_owned()),
    ];
    summary.work = vec![Work { what: MAKE_INTERACTIVE.to_owned(), took_us: 1, failure: None }];
    summary
}

/// Never reached.
fn dead(cases: Vec<CaseReport>) -> RunSummary {
    let cause = "cannot reach it: nobody answers";
    let cases = cases.into_iter().map(|it| CaseReport {
        outcome: Outcome::NotRun { cause: cause.to_owned() },
        steps: Vec::new(),
        ..it
    });
    let mut summary = summary(cases.collect());
    summary.run = "SG3".to_owned();
    summary.cut_short = Some(cause.to_owned());
    summary.release = None;
    summary.facts.clear();
    summary.work =
        vec![Work { what: "log in".to_owned(), took_us: 1, failure: Some(cause.to_owned()) }];
    summary
}

fn cases(update: Outcome) -> Vec<CaseReport> {
    vec![
        of(Some("L-09"), "update is rejected", update),
        of(Some("L-09"), "delete is rejected", Outcome::Passed),
        of(Some("S-02"), "rows are kept", Outcome::Passed),
        of(None, "plain", Outcome::Skipped { reason: "only on preview".to_owned() }),
    ]
}

fn runs(update: Outcome) -> Vec<RunSummary> {
    vec![
        run("SG1", "AWS_US_EAST_1", "9.1", cases(update)),
        run("SG2", "PUBLIC.AWS_US_GOV_WEST_1", "9.2", cases(Outcome::Passed)),
        dead(cases(Outcome::Passed)),
    ]
}

const LABELS: [&str; 3] = ["Virginia", "gov | <west>", "Tokyo"];

fn table_at(day: i64, runs: &[RunSummary]) -> Table {
    let started_at = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_700 + day);
    let head = Head {
        matrix: "m.yaml".to_owned(),
        doc: String::new(),
        started_at,
        took_us: 5,
        strictness: Strictness::Lenient,
        cut_short: None,
    };
    let runs: Vec<Run<'_>> = runs
        .iter()
        .zip(LABELS)
        .map(|(summary, label)| Run {
            label,
            connection: "c",
            believed: (label == "Virginia").then(|| "AWS_US_WEST_2".to_owned()),
            folder: String::new(),
            summary,
        })
        .collect();
    Table::new(head, &runs)
}

#[test]
fn the_table_has_the_worst_of_the_cases_about_each_feature() {
    let table = table_at(0, &runs(lifted()));
    let shown: Vec<String> = table
        .features
        .iter()
        .map(|feature| {
            let cells = LABELS.map(|it| feature.cells[it].outcome.clone());
            format!("{}: {}", feature.key, cells.join(", "))
        })
        .collect();
    assert_eq!(
        shown,
        [
            "S-02: passed, passed, not run",
            "L-09: lifted, passed, not run",
            "limits::dml::plain: skipped, skipped, not run",
        ]
    );
    let cell = &table.features[1].cells["Virginia"];
    assert_eq!(cell.case, "limits::dml::L-09 update is rejected");
    assert_eq!(cell.query_id.as_deref(), Some("01b0-1"));
    assert_eq!(cell.server_version.as_deref(), Some("9.1"));
    assert_eq!((cell.release, cell.cases.len()), (Some(Release::ZeroCopy), 2));
    assert_eq!(table.lifted()[0].1, ["Virginia"]);
    assert_eq!(table.differing(), 1);
    let virginia = &table.regions[0];
    assert_eq!(
        virginia.notes,
        ["the matrix has it in AWS_US_WEST_2, and the account is in AWS_US_EAST_1"]
    );
    let tokyo = &table.regions[2];
    assert_eq!((tokyo.notes.len(), tokyo.counts.not_run), (0, 4));
    assert_eq!(tokyo.cut_short.as_deref(), Some("cannot reach it: nobody answers"));
}

#[test]
fn what_the_documents_list_is_beside_what_was_seen() {
    #[track_caller]
    fn check(summary: &RunSummary, seen: Seen, listed: [Option<bool>; 4], agreement: Agreement) {
        let region = summary.facts.iter().find(|it| it.0 == "region").map(|it| it.1.as_str());
        let on = "2026-11-21".parse().unwrap();
        let found = super::availability::of(summary, region, on);
        assert_eq!((found.seen, found.agreement), (seen, agreement), "{found:?}");
        assert_eq!(found.listed, listed);
    }
    let [listed, unlisted, dead] = <[RunSummary; 3]>::try_from(runs(Outcome::Passed)).unwrap();
    check(&listed, Seen::Available, [Some(true); 4], Agreement::AsListed);
    check(&unlisted, Seen::Available, [Some(false); 4], Agreement::AvailableUnlisted);
    check(&dead, Seen::Unknown, [None; 4], Agreement::Unknown);
    let refused = |mut summary: RunSummary| {
        summary.work[0].failure = Some("000002: not here".to_owned());
        summary
    };
    check(&refused(listed.clone()), Seen::Refused, [Some(true); 4], Agreement::ListedAndRefused);
    check(&refused(unlisted), Seen::Refused, [Some(false); 4], Agreement::AsListed);
    // The connection went away before there was an answer.
    let mut lost = refused(listed);
    lost.cut_short = Some("connection lost".to_owned());
    check(&lost, Seen::Unknown, [Some(true); 4], Agreement::Unknown);
    let only_last = run("SG4", "AWS_SA_EAST_1", "9", Vec::new());
    let listed = [Some(false), Some(false), Some(false), Some(true)];
    check(&only_last, Seen::Available, listed, Agreement::AsListed);
}

#[test]
fn a_table_is_held_against_the_one_before_it_and_remembers_what_was_not_run() {
    #[track_caller]
    fn differences(table: &Table) -> Vec<String> {
        let since = table.since.as_ref().unwrap();
        let line = |it: &difference::Difference| {
            format!("{} {}: {} -> {}", it.region, it.what, it.before, it.after)
        };
        since.differences.iter().map(line).collect()
    }
    let first = table_at(0, &runs(Outcome::Passed));
    // Through the file, as the next night reads it.
    let kept = std::env::temp_dir().join(format!("{}.json", uuid::Uuid::new_v4().simple()));
    fs::write(&kept, first.json().unwrap()).unwrap();
    assert_eq!(Table::read(&kept).unwrap(), first);
    fs::remove_file(&kept).unwrap();

    let mut same = table_at(1, &runs(Outcome::Passed));
    difference::since(&mut same, &first, "t.json".to_owned());
    assert_eq!(differences(&same), Vec::<String>::new());

    // Virginia is down, another server is newer, and a case is new.
    let mut changed = runs(Outcome::Passed);
    changed[0] = dead(cases(Outcome::Passed));
    changed[1].facts[1].1 = "9.3".to_owned();
    changed[1].cases.push(of(Some("S-03"), "new", Outcome::Passed));
    let mut second = table_at(1, &changed);
    difference::since(&mut second, &first, "t.json".to_owned());
    assert_eq!(
        differences(&second),
        [
            "Virginia run: run -> cut short: cannot reach it: nobody answers",
            "gov | <west> server version: 9.2 -> 9.3",
            "gov | <west> S-03 an interactive table without a clustering key is refused: not there \
             -> passed",
        ]
    );
    let last = second.features.iter().find(|it| it.key == "L-09").unwrap();
    assert_eq!(last.cells["Virginia"].last.as_ref().unwrap().outcome, "passed");

    // Two nights later it is back, and a limit is gone there.
    let mut third = table_at(2, &runs(lifted()));
    difference::since(&mut third, &second, "t.json".to_owned());
    let found = differences(&third);
    let expected =
        "Virginia L-09 interactive tables take no DML but INSERT OVERWRITE: passed -> lifted";
    assert!(found.iter().any(|it| it == expected), "{found:#?}");

    let fewer = &runs(Outcome::Passed)[..2];
    let mut fewer = table_at(3, fewer);
    difference::since(&mut fewer, &first, "t.json".to_owned());
    assert_eq!(differences(&fewer), ["Tokyo region: there -> not there"]);
}

#[test]
fn what_is_no_table_is_refused() {
    let path = std::env::temp_dir().join(format!("{}.json", uuid::Uuid::new_v4().simple()));
    let check = |text: &str, expected: &str| {
        fs::write(&path, text).unwrap();
        let err = Table::read(&path).unwrap_err();
        assert!(err.contains(expected), "{err}");
    };
    check("{\n x", ":2:2: not JSON");
    check("{\"version\": 2}", "is a table of version 2, this program reads up to 1");
    check("{\"version\": 1}", "is no table of regions");
    fs::remove_file(&path).unwrap();
}

#[test]
fn reports_say_the_same() {
    let runs = runs(lifted());
    let mut table = table_at(1, &runs);
    let mut earlier = table_at(0, &runs);
    earlier.regions[1].server_version = Some("9.0".to_owned());
    difference::since(&mut table, &earlier, "t.json".to_owned());

    let text = markdown::render(&table);
    for part in [
        "3 features in 2 of 3 regions, 1 limit gone, 1 not alike everywhere, 1 difference since",
        "| gov \\| &lt;west&gt; | PUBLIC.AWS\\_US\\_GOV\\_WEST\\_1 | zero-copy | 9.2 | available | available, \
         and on no list | no | no | no | no | `SG2` |",
        "- **Tokyo**: not run: cannot reach it: nobody answers",
        "| gov \\| &lt;west&gt; | server version | 9.0 | 9.2 |",
        "- L-09 interactive tables take no DML but INSERT OVERWRITE: Virginia",
        "| **L-09** interactive tables take no DML but INSERT OVERWRITE | **↑ lifted** | ✓ | ○ not run |",
        "| lifted | Virginia | limits::dml::L-09 update is rejected | line 9: 1 row | `01b0-1` |",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }

    let page = html::render(&table);
    for part in [
        "gov | &lt;west&gt;",
        "available, and on no list",
        "Limits that are gone",
        "<span class=\"tag lifted\"",
        "<small class=\"query\">01b0-1</small>",
        "Tokyo was not run to its end: cannot reach it: nobody answers",
        "list of 2026-10-01",
    ] {
        assert!(page.contains(part), "no `{part}` in\n{page}");
    }
    for loads in ["http:", "https:", "src=", "url(", "@import", "<link", "<iframe"] {
        assert!(!page.contains(loads), "{loads}");
    }

    let xml = junit::render(&table, &runs.iter().collect::<Vec<_>>()).unwrap();
    for part in [
        "<testsuite name=\"Virginia\" tests=\"4\"",
        "<testsuite name=\"Tokyo\" tests=\"4\" skipped=\"0\" errors=\"4\" failures=\"0\"",
        "classname=\"Virginia::limits::dml\"",
        "classname=\"Tokyo::limits::dml\"",
        "<property name=\"availability\" value=\"available, and on no list\"",
    ] {
        assert!(xml.contains(part), "no `{part}` in\n{xml}");
    }
}

#[test]
fn a_failure_in_a_region_is_counted() {
    let table = table_at(0, &runs(failed()));
    assert!(markdown::title(&table).contains("1 failed"), "{}", markdown::title(&table));
    assert!(table.features[1].cells["Virginia"].is_failure);
}
