//! A month of nights on the emulator, with a regression from night 20 on.
//!
//! Each night is a run of a small suite on one emulator, whose virtual clock is moved on by a day in
//! between: what refreshes do and how cases end is what the emulator made of them. A load's latencies are real time, and thirty nights of it would be the machine's
//! noise; so the load of each night is played through the slots of the emulator's capacity model
//! without a clock, by the same code that its statements queue by, and 10 % slower from night 20 on.
//! No night is like another: each has a level of its own, which its samples and its control share.

use chrono::{DateTime, TimeDelta, Utc};
use snowgauge::{
    gate::{Answer, Rules},
    history::{Night, SeriesKey, Status, Store, judge::judge},
    load::{
        Exchange, Health, LoadReport, Measured, QueryMeasured, RoleMeasured, WarmUpMeasured,
        tally::{Class as Ending, Sample, Tally},
    },
    random::Random,
    run::{
        self, CaseKey, CaseReport, Events, Outcome, Plan, RunId, RunOptions, RunSummary, Selection,
        Stop,
    },
    secret::Redactor,
    suite::{self, Evidence, Release, source::Source},
    target::{EmulatorTarget, Target},
};
use snowgauge_emulator::warehouse::{
    Kind,
    capacity::{
        Class,
        parameters::SEED,
        simulation::{Bench, Load, trace},
    },
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

const NIGHTS: usize = 30;

/// The first slow night, from 0.
const SLOW_FROM: usize = 20;

const SLOWDOWN: f64 = 1.1;

/// How far the levels of nights differ beside what differs between samples of one night.
const NIGHT_SPREAD: f64 = 0.01;

/// Times of the emulator's own work, which depend on what else the machine does, and waits that depend
/// on the second of the day at which a night begins: real noise, of which a test must not have any.
const OF_THE_MACHINE: [&str; 6] =
    ["refresh-time", "lag-p50", "lag-p95", "lag-max", "time-to-true", "credits"];

const SUITE: &str = "setup:
  - CREATE OR REPLACE TABLE T_BASE AS SELECT SEQ4() % 20 AS K, SEQ4() AS V FROM TABLE(GENERATOR(ROWCOUNT => 400))
refreshed:
  summed:
    create: |-
      CREATE OR REPLACE DYNAMIC TABLE {summed} TARGET_LAG = '1 minute' WAREHOUSE = {standard}
      REFRESH_MODE = INCREMENTAL
    as: SELECT K, COUNT(*) AS N, SUM(V) AS V FROM T_BASE{at} GROUP BY K
cases:
  - name: a change is seen
    steps:
      - UPDATE T_BASE SET V = V + 1 WHERE K = 3
      - fresh: summed
        within: 3 lags
      - equals-definition: summed
  - name: an answer is right
    sql: SELECT COUNT(*) FROM T_BASE
    expect: { rows: [[400]] }
";

fn plan() -> Plan {
    let suite = suite::parse_suite("nightly", Source::new("nightly.yaml", SUITE.to_owned()));
    run::plan(&[suite.unwrap()], &[], &Selection::default()).unwrap()
}

/// About normal, with a standard deviation of 1.
fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
}

/// The load of a night: four clients for some seconds, beside a control that nobody changes.
/// `level` is the night's, `slowdown` that of what is tested.
fn load(seed: u64, level: f64, slowdown: f64) -> CaseReport {
    let played = |name: &str, class: Class, queries: usize, slowdown: f64, part: u64| {
        let load = Load { clients: 4, queries, mix: vec![(class, 1.0)], is_compiled: true };
        let bench = Bench { slowdown: slowdown * level, ..Bench::plain(Kind::Interactive) };
        let mut tally = Tally::new(1);
        let mut last = Duration::ZERO;
        for it in trace(&SEED, bench, &load, seed ^ part) {
            let second = it.sent.as_secs() as u32;
            tally.due(0, second);
            let (from_due, from_sent) = (it.took, it.took);
            let class = Ending::Ok;
            let sample = Sample { query: 0, second, from_due, from_sent, class, query_id: None };
            tally.ended(&sample, || Exchange {
                sql: "SELECT 1".to_owned(),
                binds: Vec::new(),
                query_id: None,
                second,
                latency_us: it.took.as_micros() as u64,
                ending: "1 row".to_owned(),
            });
            last = last.max(it.sent + it.took);
        }
        let query = QueryMeasured {
            name: name.to_owned(),
            sql: "SELECT 1".to_owned(),
            weight: 1.0,
            control: class == Class::Nothing,
            seconds: tally.seconds(0),
            server: None,
            exchanges: Vec::new(),
        };
        (query, last)
    };
    let (order, lasted) = played("order", Class::Point, 4_000, slowdown, 0);
    let (one, _) = played("one", Class::Nothing, 1_000, 1.0, 0x5eed);
    let role = RoleMeasured {
        role: "interactive".to_owned(),
        session: "interactive".to_owned(),
        warehouse: None,
        sessions: 4,
        wanted_rate: None,
        warm_up: WarmUpMeasured { ended: "none".to_owned(), ..WarmUpMeasured::default() },
        queries: vec![order, one],
    };
    let measured = Measured {
        workload: "lookups".to_owned(),
        seed,
        began: DateTime::UNIX_EPOCH,
        lasted_us: lasted.as_micros() as u64,
        simulated: Some("capacity model seed, played".to_owned()),
        roles: vec![role],
        health: Health::default(),
    };
    CaseReport {
        case: CaseKey {
            suite: "nightly".to_owned(),
            name: "point lookups".to_owned(),
            id: Some("C-01".to_owned()),
            file: "nightly.yaml".to_owned(),
            line: 1,
        },
        at: DateTime::UNIX_EPOCH,
        took_us: lasted.as_micros() as u64,
        outcome: Outcome::Passed,
        release: None,
        evidence: Evidence::None,
        source: None,
        steps: Vec::new(),
        properties: BTreeMap::new(),
        sightings: Vec::new(),
        diagnosis: None,
        load: Some(Box::new(LoadReport { measured, judged: Vec::new() })),
        refreshes: Vec::new(),
    }
}

/// The suite on the emulator, at the emulator's time.
fn run_suite(target: &Arc<EmulatorTarget>, runtime: &tokio::runtime::Runtime) -> RunSummary {
    let events = Events::new(Redactor::default(), Vec::new());
    let mut options = RunOptions::new(RunId::random());
    options.seed = 7;
    let run = run::execute(plan(), target.clone(), options, events, Stop::default());
    runtime.block_on(run)
}

/// One that fails says all that there is to know.
#[track_caller]
fn snowgauge(arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_snowgauge"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_month_with_a_regression_from_night_twenty() {
    let temporary = tempfile::tempdir().unwrap();
    // For those who want to look at the page.
    let folder = std::env::var_os("SNOWGAUGE_MONTH").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| temporary.path().to_owned());
    let path = folder.join("history.db");
    let mut store = Store::open(&path).unwrap();
    let target = Arc::new(EmulatorTarget::start(Release::ZeroCopy).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut random = Random::new(20);
    let first: DateTime<Utc> = "2026-03-01T01:00:00Z".parse().unwrap();

    let mut statuses = Vec::new();
    let mut taken_again = 0;
    for at in 0..NIGHTS {
        let slowdown = if at < SLOW_FROM { 1.0 } else { SLOWDOWN };
        let level = (NIGHT_SPREAD * normal(&mut random)).exp();
        let mut summary = run_suite(&target, &runtime);
        assert_eq!(summary.failures(), 0, "{:?}", summary.cases);
        summary.run = format!("SGN{:02}", at + 1);
        summary.started_at = Some(first + TimeDelta::days(at as i64));
        summary.cases.push(load(at as u64 * 1_000, level, slowdown));
        let mut night = Night::of(&summary);
        night.quantities.retain(|it| !OF_THE_MACHINE.contains(&it.series.metric.as_str()));
        store.add(&night).unwrap();

        let mut sample = 0;
        let mut again = |asked: &[SeriesKey]| -> Vec<(SeriesKey, Answer)> {
            sample += 1;
            let mut summary = summary.clone();
            summary.cases = vec![load(at as u64 * 1_000 + sample, level, slowdown)];
            let night = Night::of(&summary);
            let answer = |key: &SeriesKey| {
                let found = night.quantities.iter().find(|it| it.series == *key);
                let answer = match found {
                    Some(it) => Answer::Sampled { sample: it.first.clone(), credits: None },
                    None => Answer::NotTaken { why: "it is not of the load".to_owned() },
                };
                (key.clone(), answer)
            };
            asked.iter().map(answer).collect()
        };
        let judged = judge(&mut store, &night, &[], Rules::default(), &mut again).unwrap();
        taken_again += sample;
        println!(
            "night {}: level {level:.3}: {}: {}",
            at + 1,
            judged.status().word(),
            judged.why()
        );
        statuses.push(judged.status());
        runtime.block_on(target.sleep(Duration::from_secs(86_400)));
    }
    println!("{taken_again} rounds of samples were taken again");

    // None before it; the first slow night is not called green, and the second is red at the latest.
    let red = statuses.iter().filter(|it| **it == Status::Red).count();
    assert!(statuses[..SLOW_FROM].iter().all(|it| *it == Status::Accepted), "{statuses:?}");
    assert_ne!(statuses[SLOW_FROM], Status::Accepted, "{statuses:?}");
    assert!(statuses[SLOW_FROM + 1..].iter().all(|it| *it == Status::Red), "{statuses:?}");

    // And the page names the day.
    let out =
        snowgauge(&["history", "plot", "--history", "history.db", "--html", "page.html"], &folder);
    let page = std::fs::read_to_string(folder.join("page.html")).unwrap();
    let day = (first + TimeDelta::days(SLOW_FROM as i64)).format("%Y-%m-%d").to_string();
    let changes = page.split_once("when levels changed").unwrap_or_else(|| panic!("{out}")).1;
    let changes = changes.split_once("</table>").unwrap().0;
    let of_p50 = changes.split("<tr>").find(|it| it.contains("/p50<")).unwrap_or_default();
    assert!(of_p50.contains(&day), "{day} is not in\n{changes}");
    assert!(page.contains(&format!("{red} of {NIGHTS} nights red")), "{out}");
    assert!(page.contains("are simulated"), "nobody is to take it for a warehouse");

    let nights = snowgauge(&["history", "--history", "history.db"], &folder);
    assert_eq!(nights.matches("  red  ").count(), red, "{nights}");
    for name in ["out.csv", "out.parquet"] {
        snowgauge(&["history", "export", name, "--history", "history.db"], &folder);
    }
    let mut reader = csv::Reader::from_path(folder.join("out.csv")).unwrap();
    let metric = reader.headers().unwrap().iter().position(|it| it == "metric").unwrap();
    let sample = reader.headers().unwrap().iter().position(|it| it == "sample").unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let p50 = rows.iter().filter(|it| &it[metric] == "p50" && &it[sample] == "0").count();
    assert_eq!(p50, NIGHTS);
    let file = std::fs::File::open(folder.join("out.parquet")).unwrap();
    let batches =
        parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let read: usize = batches.build().unwrap().map(|it| it.unwrap().num_rows()).sum();
    assert_eq!(read, rows.len());
}
