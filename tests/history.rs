//! The history under writers that are killed.

use chrono::{DateTime, TimeDelta};
use snowgauge::{
    history::{Added, Night, Store, import},
    load::{
        Health, Histo, LoadReport, Measured, QueryMeasured, RoleMeasured, Second, WarmUpMeasured,
    },
    random::Random,
    run::{
        CaseKey, CaseReport, Event, JOURNAL_VERSION, Outcome, Reporter, Strictness,
        journal::{JOURNAL_FILE, Journal},
    },
    suite::Evidence,
    target::TargetKind,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

const KILLS: usize = 50;

/// Nights that a writer is given at a time: more than it adds before it is killed.
const BATCH: usize = 40;

/// A run with a load, as its journal has it. `at` is its day.
fn journal(runs: &Path, run: &str, at: i64) {
    journal_of(runs, run, at, 1.0);
}

/// The same, with latencies so many times as long.
fn journal_of(runs: &Path, run: &str, at: i64, slower: f64) {
    let case = |name: &str| CaseKey {
        suite: "latency::kills".to_owned(),
        name: name.to_owned(),
        id: None,
        file: "kills.yaml".to_owned(),
        line: 1,
    };
    let second = |second: u32| {
        let mut histogram = Histo::empty();
        for sample in 0..40 {
            let latency = 10_000 + sample * 37 + u64::from(second) * 11;
            histogram.record((latency as f64 * slower) as u64).unwrap();
        }
        let histo = Histo::of(&histogram).unwrap();
        let (from_due, from_sent) = (histo.clone(), histo);
        Second { second, due: 40, ok: 40, from_due, from_sent, ..Second::default() }
    };
    let query = |name: &str| QueryMeasured {
        name: name.to_owned(),
        sql: "SELECT 1".to_owned(),
        weight: 1.0,
        control: false,
        seconds: (0..4).map(second).collect(),
        server: None,
        exchanges: Vec::new(),
    };
    let role = RoleMeasured {
        role: "interactive".to_owned(),
        session: "interactive".to_owned(),
        warehouse: None,
        sessions: 2,
        wanted_rate: None,
        warm_up: WarmUpMeasured::default(),
        queries: ["a", "b", "c", "d"].map(query).to_vec(),
    };
    let measured = Measured {
        workload: "kills".to_owned(),
        seed: 1,
        began: DateTime::UNIX_EPOCH,
        lasted_us: 10_000_000,
        simulated: None,
        roles: vec![role],
        health: Health::default(),
    };
    let started_at = DateTime::UNIX_EPOCH + TimeDelta::days(at);
    let report = CaseReport {
        case: case("a load"),
        at: started_at,
        took_us: 10_000_000,
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
    };
    let mut journal = Journal::create(runs, run).unwrap();
    let events = [
        Event::RunStarted {
            journal: JOURNAL_VERSION,
            run: run.to_owned(),
            at: started_at,
            tool_version: "0.1.0".to_owned(),
            target: TargetKind::Scripted,
            place: "a test".to_owned(),
            seed: 7,
            scale: 100,
            strictness: Strictness::Lenient,
            cases: vec![case("a load")],
        },
        Event::CaseFinished(Box::new(report)),
        Event::RunFinished { at: started_at, took_us: 11_000_000, cut_short: None },
    ];
    for event in events {
        journal.event(&event).unwrap();
    }
}

/// A process that adds nights, one after the other, and says so.
struct Writer {
    child: Child,
    lines: Receiver<String>,
}

impl Writer {
    fn start(history: &Path, runs: &Path, names: &[String]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_snowgauge"))
            .args(["history", "import"])
            .args(names)
            .arg("--runs")
            .arg(runs)
            .arg("--history")
            .arg(history)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let (to, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }
}

/// The nights of one of the two: how many it said that it has added.
struct Work {
    name: char,
    done: usize,
    writer: Option<Writer>,
}

impl Work {
    fn night(&self, at: usize) -> String {
        format!("SG{}{at:05}", self.name)
    }

    /// Starts a process for the next nights, whose runs are made of `template`, that of `SG0`.
    fn start(&mut self, history: &Path, runs: &Path, template: &str) {
        let names: Vec<String> = (self.done..self.done + BATCH).map(|it| self.night(it)).collect();
        for name in &names {
            let folder = runs.join(name);
            if !folder.is_dir() {
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(JOURNAL_FILE), template.replace("SG0", name)).unwrap();
            }
        }
        self.writer = Some(Writer::start(history, runs, &names));
    }

    fn said(&self) -> impl Iterator<Item = String> {
        (0..self.done).map(|it| self.night(it))
    }

    /// Takes what was said so far.
    fn hear(&mut self) {
        while let Some(Ok(line)) = self.writer.as_ref().map(|it| it.lines.try_recv()) {
            self.heard(&line);
        }
    }

    fn heard(&mut self, line: &str) {
        let name = self.night(self.done);
        assert!(line.starts_with(&name), "`{line}` is not about {name}");
        self.done += 1;
    }

    /// `kill -9`. Whatever was said before it is still heard.
    fn kill(&mut self) -> bool {
        let Some(mut writer) = self.writer.take() else { return false };
        let was_running = writer.child.try_wait().unwrap().is_none();
        writer.child.kill().unwrap();
        writer.child.wait().unwrap();
        for line in writer.lines.iter() {
            self.heard(&line);
        }
        was_running
    }

    /// Until all of the batch is done.
    fn finish(&mut self) {
        let Some(writer) = self.writer.take() else { return };
        let output = writer.child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        for line in writer.lines.iter() {
            self.heard(&line);
        }
    }
}

/// Every night that is there is there whole, and all that were said to be added are.
fn check(history: &Path, night: &Night, said: &BTreeSet<String>) -> usize {
    let store = Store::open_existing(history).unwrap();
    assert_eq!(store.check().unwrap(), "ok");
    let nights = store.nights().unwrap();
    for it in &nights {
        let quantities = store.quantities(it.id).unwrap().len();
        let histograms = store.distributions(it.id).unwrap().len();
        let outcomes = store.outcomes(it.id).unwrap().len();
        let expected = (night.quantities.len(), night.distributions.len(), night.outcomes.len());
        assert_eq!((quantities, histograms, outcomes), expected, "{} is torn", it.run);
    }
    let known: BTreeSet<String> = nights.into_iter().map(|it| it.run).collect();
    let missing: Vec<&String> = said.difference(&known).collect();
    assert!(missing.is_empty(), "said to be added, and not there: {missing:?}");
    known.len()
}

/// Two processes add nights to one file, and fifty times one of them is killed at any moment.
#[test]
fn two_writers_and_fifty_kills_leave_every_finished_night() {
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let (runs, history) = (folder.path().join("runs"), folder.path().join("history.db"));
    journal(&runs, "SG0", 0);
    let template = fs::read_to_string(runs.join("SG0").join(JOURNAL_FILE)).unwrap();
    let night = import::import(Some("SG0"), &runs).unwrap();
    let mut work = ['A', 'B'].map(|name| Work { name, done: 0, writer: None });
    assert!(night.quantities.len() > 15 && night.distributions.len() > 4);

    let (mut kills, mut rounds) = (0, 0);
    while kills < KILLS {
        rounds += 1;
        assert!(rounds < 20 * KILLS, "{kills} kills in {rounds} rounds");
        for it in &mut work {
            // One that has come to the end of its batch goes on with the next.
            let is_over = match &mut it.writer {
                Some(writer) => writer.child.try_wait().unwrap().is_some(),
                None => true,
            };
            if is_over {
                it.finish();
                it.start(&history, &runs, &template);
            }
        }
        let victim = random.below(2);
        // Once it writes; the first night is the slow one, since the process has to start.
        let first = {
            let it = &work[victim];
            let writer = it.writer.as_ref().unwrap();
            writer.lines.recv_timeout(Duration::from_secs(60))
        };
        match first {
            Ok(line) => work[victim].heard(&line),
            Err(RecvTimeoutError::Disconnected) => continue,
            Err(RecvTimeoutError::Timeout) => panic!("a writer says nothing"),
        }
        thread::sleep(Duration::from_micros(random.below(40_000) as u64));
        kills += usize::from(work[victim].kill());
        work[1 - victim].hear();
        if kills % 10 == 0 {
            let said = work.iter().flat_map(Work::said).collect();
            check(&history, &night, &said);
        }
    }
    work.iter_mut().for_each(Work::finish);
    let said: BTreeSet<String> = work.iter().flat_map(Work::said).collect();
    let known = check(&history, &night, &said);
    println!("{kills} kills, {} nights said to be added, {known} there", said.len());
    assert!(said.len() > KILLS, "too little was written for the kills to mean anything");
    let added = Store::open(&history).unwrap().add(&night).unwrap();
    assert_eq!(added, Added::New, "it can be written to");
}

/// A history that is no file of ours stays as it is.
#[test]
fn a_file_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("notes.txt");
    let text = "these are my notes, which are no database, and long enough to be read as one";
    fs::write(&path, text).unwrap();
    let runs = folder.path().join("runs");
    journal(&runs, "SG1", 1);
    let output = Command::new(env!("CARGO_BIN_EXE_snowgauge"))
        .args(["history", "import", "SG1", "--runs"])
        .arg(&runs)
        .arg("--history")
        .arg(&path)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("is a database of something else"), "{errors}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

/// `snowgauge`, in this folder: its status, and all that it said.
fn snowgauge(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_snowgauge"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// A night that is worse, accepted for a while, and worse again.
#[test]
fn a_night_is_judged_accepted_and_red_again_when_that_expires() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let runs = folder.join("runs");
    let night = |day: i64, slower: f64| {
        let name = format!("SG{day:02}");
        // No two nights are alike.
        journal_of(&runs, &name, day, slower * (1.0 + 0.01 * (day as f64 * 2.4).sin()));
        name
    };
    let mut import = vec!["history", "import", "--runs", "runs", "--status", "accepted"];
    let names: Vec<String> = (0..16).map(|day| night(day, 1.0)).collect();
    import.extend(names.iter().map(String::as_str));
    let (status, said) = snowgauge(folder, &[&import[..], &["--history", "h.db"]].concat());
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(said.lines().count(), 16, "{said}");
    let gate =
        |name: &str| snowgauge(folder, &["gate", name, "--runs", "runs", "--history", "h.db"]);

    let (status, said) = gate(&night(16, 1.0));
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("SG16: accepted"), "{said}");
    assert!(said.contains("a false alarm in at most one of 20 nights"), "{said}");
    assert!(said.contains("self-test: on 16 nights of this testbed, a p95"), "{said}");

    let (status, said) = gate(&night(20, 1.5));
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("SG20: red: worse: "), "{said}");
    let file = |name: &str| fs::read_to_string(runs.join("SG20").join(name)).unwrap();
    assert!(file("gate.xml").contains("<failure message="), "{}", file("gate.xml"));
    assert!(file("gate.md").contains("| failed | `latency::kills::a load/interactive//p50` |"));

    let accept = |more: &[&str]| {
        let common = ["gate", "accept", "latency::kills::*", "--reason", "a larger result"];
        let who = ["--who", "ada", "--history", "h.db"];
        snowgauge(folder, &[&common[..], &who, more].concat())
    };
    let (status, said) = accept(&["--expires", "1970-02-20"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("times as much from 1970-01-21 on, until 1970-02-20"), "{said}");
    let (status, said) = gate(&night(21, 1.5));
    assert_eq!(status, Some(0), "{said}");
    let (status, said) = gate(&night(60, 1.5));
    assert_eq!(status, Some(1), "the acceptance has expired: {said}");

    // What matches nothing any more is told, and what is wrong with the file has its place.
    let path = folder.join("gate.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let orphan = text.replace("latency::kills::a load", "latency::kills::a load of old");
    fs::write(&path, orphan.replace("1970-02-20", "1971-02-20")).unwrap();
    let (_, said) = gate(&night(61, 1.0));
    assert!(
        said.contains("accepted, and matches nothing: latency::kills::a load of old"),
        "{said}"
    );
    fs::write(&path, text.replace("factor:", "faktor:")).unwrap();
    let (status, said) = gate("SG61");
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("gate.yaml:4:5: unknown key `faktor`"), "{said}");

    let (status, said) =
        snowgauge(folder, &["gate", "SG60", "--baseline", "SG00", "--runs", "runs"]);
    assert_eq!(status, Some(1), "{said}");
    let (status, said) = snowgauge(folder, &["history", "--history", "h.db"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.ends_with("21 nights\n"), "{said}");
}

/// Two of a team, on one table of an account.
#[cfg(feature = "emulator")]
#[test]
fn a_history_in_a_table_is_one_for_all_who_share_it() {
    use snowgauge::{
        gate::Rules,
        history::{
            Status,
            judge::judge,
            shared::{Place, Shared},
        },
        suite::Release,
        target::{EmulatorTarget, Target},
    };
    use std::sync::Arc;

    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let nights: Vec<Night> = (0..3)
        .map(|at| {
            let run = format!("SG{at}");
            journal(&runs, &run, at);
            import::import(Some(&run), &runs).unwrap()
        })
        .collect();
    let Ok(Place::Table(table)) = "snowflake:TEAM.QA.NIGHTS".parse() else { panic!("no table") };
    let target: Arc<dyn Target> = Arc::new(EmulatorTarget::start(Release::ZeroCopy).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let missing = Shared::open(&target, &table).await.err().expect("there is no such database");
        assert!(missing.to_string().starts_with("the table `TEAM.QA.NIGHTS`: 002003"), "{missing}");

        let mut session = target.login(Default::default()).await.unwrap();
        for sql in ["CREATE DATABASE TEAM", "CREATE SCHEMA TEAM.QA"] {
            let statement =
                snowgauge::target::Statement { sql: sql.to_owned(), ..Default::default() };
            let ending = session.execute(&statement).await.ending;
            assert!(matches!(ending, snowgauge::target::Ending::Rows(_)), "{ending:?}");
        }
        let mut ada = Shared::open(&target, &table).await.unwrap();
        let mut bob = Shared::open(&target, &table).await.unwrap();
        assert_eq!(ada.add(&nights[0]).await.unwrap(), Added::New);
        assert_eq!(ada.add(&nights[0]).await.unwrap(), Added::Known);
        // Bob does not know of it yet, and adds it once more: it is one night all the same.
        assert_eq!(bob.add(&nights[0]).await.unwrap(), Added::New);
        assert_eq!(bob.add(&nights[1]).await.unwrap(), Added::New);
        let judged =
            judge(&mut bob.store, &nights[1], &[], Rules::default(), &mut |_| Vec::new()).unwrap();
        bob.keep(&judged.judgement).await.unwrap();

        let mut eve = Shared::open(&target, &table).await.unwrap();
        let known: Vec<(String, Status)> =
            eve.store.nights().unwrap().into_iter().map(|it| (it.run, it.status)).collect();
        let expected = [("SG0".to_owned(), Status::Unjudged), ("SG1".to_owned(), Status::Accepted)];
        assert_eq!(known, expected);
        let row = eve.store.night("SG1").unwrap();
        assert_eq!(eve.store.quantities(row.id).unwrap().len(), nights[1].quantities.len());
        assert_eq!(eve.store.distributions(row.id).unwrap().len(), nights[1].distributions.len());
        assert_eq!(eve.add(&nights[2]).await.unwrap(), Added::New);
        for shared in [ada, bob, eve] {
            shared.close().await;
        }
    });
}
