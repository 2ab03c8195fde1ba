//! The gate on nights whose truth is known: how often it is red without a change, how soon with one.
//!
//! `cargo bench --no-default-features -p snowgauge --bench gate` prints the tables of
//! `docs/gates.md`. With `-- --csv FILE` it writes the same series for `benches/gate_peers.py`
//! instead. `-- --suites N` simulates N suites of 40 series rather than ten, `-- --only TEXT` the
//! kinds of nights whose name has it.

use chrono::{Days, NaiveDate};
use snowgauge::{
    gate::{
        Answer, Finding, Gate, Metric, Night, NightReport, Reading, Rules, Sample, Series, Status,
        Step, Tonight, What, when_changed,
    },
    random::Random,
};
use std::{collections::BTreeMap, error::Error, fmt::Write as _};

const NIGHTS: usize = 120;

/// A step is in this night for the first time. Drifts begin in the middle.
const STEP_AT: usize = 90;
const DRIFT_AT: usize = 60;

const SUITE: usize = 40;
const SUITES: usize = 10;

/// The standard deviation of a sample, but for what hosts and weekdays do.
const NOISE: f64 = 0.05;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| {
        arguments.iter().position(|it| it == name).and_then(|at| arguments.get(at + 1))
    };
    if let Some(file) = after("--csv") {
        return csv(file);
    }
    let suites = after("--suites").map_or(Ok(SUITES), |it| it.parse())?;
    let only = after("--only");
    let kinds: Vec<Kind> = KINDS
        .into_iter()
        .filter(|it| only.is_none_or(|only| it.name().contains(only.as_str())))
        .collect();
    let tallies: Vec<(Kind, Tally)> = kinds.iter().map(|it| (*it, tally(*it, suites))).collect();
    print(&tallies, suites);
    print_points(&kinds);
    Ok(())
}

/// What nights are like without any change.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Independent,
    HeavyTails,
    Autocorrelated,
    TwoHosts,
    Weekly,
    /// As above, and nobody told which host it was.
    UnknownHosts,
    /// What a night is like, all its samples are: another one tells nothing.
    WholeNight,
    /// The same beside a control that has it, too, and samples with 2 % of their own.
    Controlled,
}

const KINDS: [Kind; 8] = [
    Kind::Independent,
    Kind::HeavyTails,
    Kind::Autocorrelated,
    Kind::TwoHosts,
    Kind::Weekly,
    Kind::UnknownHosts,
    Kind::WholeNight,
    Kind::Controlled,
];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Independent => "independent",
            Self::HeavyTails => "heavy tails (t, 3 df)",
            Self::Autocorrelated => "autocorrelated (0.6)",
            Self::TwoHosts => "two hosts, 10 % apart",
            Self::Weekly => "weekends 10 % quicker",
            Self::UnknownHosts => "two hosts, not told",
            Self::WholeNight => "of the whole night",
            Self::Controlled => "of the whole night, with a control",
        }
    }
}

/// What happens to the level.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    None,
    Step(f64),
    /// From 0 to so much at the end.
    Drift(f64),
}

impl Change {
    fn at(self, night: usize) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Step(by) => {
                if night >= STEP_AT {
                    by.ln_1p()
                } else {
                    0.0
                }
            }
            Self::Drift(by) => {
                let gone = night.saturating_sub(DRIFT_AT) as f64 / (NIGHTS - 1 - DRIFT_AT) as f64;
                by.ln_1p() * gone
            }
        }
    }

    fn name(self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Step(by) => format!("+{:.0} %", by * 100.0),
            Self::Drift(by) => format!("+{:.0} % slowly", by * 100.0),
        }
    }
}

/// A world that is measured night by night.
#[derive(Clone)]
struct World {
    kind: Kind,
    change: Change,
    random: Random,
    suite: u64,
    night: usize,
    host: usize,
    /// What all samples of the night have.
    shared: f64,
    /// What the first sample was off by.
    first: f64,
}

impl World {
    fn new(kind: Kind, change: Change, series: usize) -> Self {
        let mut world = Self {
            kind,
            change,
            random: Random::of_part(20_261, series as u64),
            suite: (series / SUITE) as u64,
            night: 0,
            host: 0,
            shared: 0.0,
            first: 0.0,
        };
        world.dusk();
        world
    }

    fn next_night(&mut self) {
        self.night += 1;
        self.dusk();
    }

    fn dusk(&mut self) {
        // All series of a suite are measured on the same host.
        self.host = Random::of_part(self.suite, self.night as u64).below(2);
        self.shared = match self.kind {
            Kind::Independent | Kind::HeavyTails => 0.0,
            Kind::Autocorrelated => 0.6 * self.first,
            Kind::TwoHosts | Kind::UnknownHosts => 0.1_f64.ln_1p() * self.host as f64,
            Kind::Weekly => {
                if self.night % 7 >= 5 {
                    -0.1_f64.ln_1p()
                } else {
                    0.0
                }
            }
            Kind::WholeNight | Kind::Controlled => NOISE * normal(&mut self.random),
        };
    }

    fn date(&self) -> NaiveDate {
        let first = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap_or_default();
        first + Days::new(self.night as u64)
    }

    fn tonight(&self) -> Tonight {
        let told = self.kind == Kind::TwoHosts;
        Tonight { date: self.date(), host: told.then(|| format!("host {}", self.host)) }
    }

    fn sample(&mut self) -> Sample {
        let random = &mut self.random;
        let fresh = match self.kind {
            Kind::HeavyTails => NOISE * student3(random) / 3.0_f64.sqrt(),
            Kind::Autocorrelated => 0.8 * NOISE * normal(random),
            Kind::WholeNight => 0.0,
            Kind::Controlled => 0.02 * normal(random),
            _ => NOISE * normal(random),
        };
        self.first = self.shared + fresh;
        let value = 50_000.0 * (self.change.at(self.night) + self.first).exp();
        let control = (self.kind == Kind::Controlled)
            .then(|| 8_000.0 * (self.shared + 0.02 * normal(random)).exp());
        Sample { reading: Reading::Number { value }, control }
    }
}

fn normal(random: &mut Random) -> f64 {
    let radius = (-2.0 * (1.0 - random.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.unit()).cos()
}

/// Of three degrees of freedom.
fn student3(random: &mut Random) -> f64 {
    let squares: f64 = (0..3).map(|_| normal(random).powi(2)).sum();
    normal(random) / (squares / 3.0).sqrt()
}

/// Several series that are judged together, night by night.
struct Nightly {
    worlds: BTreeMap<Series, World>,
    /// May have further series, which tell how alike samples of a night are.
    history: BTreeMap<Series, Vec<Night>>,
    rules: Rules,
}

fn series(at: usize) -> Series {
    Series {
        case: format!("C-{at:03}"),
        role: String::new(),
        query: String::new(),
        metric: Metric::P95,
        connection: "simulated".to_owned(),
    }
}

impl Nightly {
    fn new(worlds: impl IntoIterator<Item = World>, rules: Rules) -> Self {
        let worlds = worlds.into_iter().enumerate().map(|(at, it)| (series(at), it)).collect();
        Self { worlds, history: BTreeMap::new(), rules }
    }

    fn night(&mut self) -> NightReport {
        let Some(tonight) = self.worlds.values().next().map(World::tonight) else {
            unreachable!("a suite has series")
        };
        let measured: Vec<(Series, Sample)> =
            self.worlds.iter_mut().map(|(series, it)| (series.clone(), it.sample())).collect();
        let first: Vec<f64> = self.worlds.values().map(|it| it.first).collect();
        let mut gate = Gate::new(&tonight, &measured, &self.history, &[], self.rules.clone());
        let report = loop {
            match gate.step() {
                Step::Ended(report) => break *report,
                Step::Resample(asked) => {
                    for series in asked {
                        let Some(world) = self.worlds.get_mut(&series) else { continue };
                        let sample = world.sample();
                        gate.answer(&series, Answer::Sampled { sample, credits: None });
                    }
                }
            }
        };
        for finding in &report.findings {
            let night = finding.night(&tonight, "simulated");
            self.history.entry(finding.series.clone()).or_default().push(night);
        }
        for (world, first) in self.worlds.values_mut().zip(first) {
            world.first = first;
            world.next_night();
        }
        report
    }
}

fn is_red(finding: &Finding) -> bool {
    matches!(finding.what, What::Worse(_))
}

/// One kind of nights: suites without a change, and each of their series with every change.
struct Tally {
    nights: usize,
    red_nights: usize,
    single_red: usize,
    unsure: usize,
    again: usize,
    worse_than_last: usize,
    /// By change: how many nights it took, of each series.
    found: Vec<Vec<Option<usize>>>,
}

fn changes() -> Vec<Change> {
    let steps = [0.03, 0.05, 0.1, 0.2].map(Change::Step);
    steps.into_iter().chain([0.1, 0.2].map(Change::Drift)).collect()
}

fn tally(kind: Kind, suites: usize) -> Tally {
    let mut tally = Tally {
        nights: 0,
        red_nights: 0,
        single_red: 0,
        unsure: 0,
        again: 0,
        worse_than_last: 0,
        found: vec![Vec::new(); changes().len()],
    };
    for suite in 0..suites {
        let worlds = (0..SUITE).map(|it| World::new(kind, Change::None, suite * SUITE + it));
        let mut nightly = Nightly::new(worlds, Rules::default());
        let mut kept = BTreeMap::new();
        for night in 0..NIGHTS {
            if night == STEP_AT || night == DRIFT_AT {
                kept.insert(night, nightly.worlds.clone());
            }
            let report = nightly.night();
            tally.again += report.again;
            if report.judged > 0 {
                tally.nights += 1;
                tally.red_nights += usize::from(report.findings.iter().any(is_red));
                let undecided = |it: &&Finding| it.what == What::Undecided;
                tally.unsure += report.findings.iter().filter(undecided).count();
            }
        }
        for nights in nightly.history.values() {
            let value = |it: &Night| it.first.reading.value().unwrap_or_default();
            let worse = |it: &&[Night]| value(&it[1]) > 1.1 * value(&it[0]);
            tally.worse_than_last += nights.windows(2).filter(worse).count();
        }
        for at in 0..SUITE {
            let world = World::new(kind, Change::None, suite * SUITE + at);
            let mut alone = Nightly::new([world], Rules::default());
            tally.single_red +=
                (0..NIGHTS).filter(|_| alone.night().findings.iter().any(is_red)).count();
        }
        changed(&mut nightly, &kept, &mut tally.found);
    }
    tally
}

/// One of 40 series changes: it needs the evidence that it needs among 40. The others are as they
/// were.
fn changed(
    nightly: &mut Nightly,
    kept: &BTreeMap<usize, BTreeMap<Series, World>>,
    found: &mut [Vec<Option<usize>>],
) {
    nightly.rules.false_nights /= SUITE as f64;
    let series: Vec<Series> = nightly.history.keys().cloned().collect();
    for series in series {
        let Some(whole) = nightly.history.get(&series).cloned() else { continue };
        for (change, found) in changes().into_iter().zip(found.iter_mut()) {
            let begins = if let Change::Drift(_) = change { DRIFT_AT } else { STEP_AT };
            let Some(world) = kept.get(&begins).and_then(|it| it.get(&series)) else { continue };
            nightly.history.insert(series.clone(), whole[..begins].to_vec());
            let world = World { change, ..world.clone() };
            nightly.worlds = BTreeMap::from([(series.clone(), world)]);
            found.push((begins..NIGHTS).position(|_| nightly.night().findings.iter().any(is_red)));
        }
        nightly.history.insert(series, whole);
    }
}

fn print(tallies: &[(Kind, Tally)], suites: usize) {
    println!(
        "| nights | red in 20, 40 series | red in 20, one series | unsure in 20, one series \
         | samples a night | \"10 % worse than last night\", one series |\n|---|---|---|---|---|---|"
    );
    for (kind, tally) in tallies {
        let in_20 = |count: usize, of: usize| 20.0 * count as f64 / of as f64;
        let all = suites * SUITE * NIGHTS;
        println!(
            "| {} | {:.2} | {:.3} | {:.3} | {:.2} | {:.1} |",
            kind.name(),
            in_20(tally.red_nights, tally.nights),
            in_20(tally.single_red, tally.nights * SUITE),
            in_20(tally.unsure, tally.nights * SUITE),
            1.0 + tally.again as f64 / all as f64,
            in_20(tally.worse_than_last, all),
        );
    }
    let mut head = "\n| nights |".to_owned();
    for it in changes() {
        let _ = write!(head, " {} |", it.name());
    }
    println!("{head}\n|{}", "---|".repeat(changes().len() + 1));
    for (kind, tally) in tallies {
        let mut line = format!("| {} |", kind.name());
        for (change, found) in changes().iter().zip(&tally.found) {
            let within = |nights: usize| {
                let count = found.iter().flatten().filter(|it| **it < nights).count();
                100.0 * count as f64 / found.len() as f64
            };
            let _ = match change {
                Change::Drift(_) => write!(line, " {:.0}, {:.0} |", within(30), within(60)),
                _ => write!(line, " {:.0}, {:.0}, {:.0} |", within(2), within(7), within(30)),
            };
        }
        println!("{line}");
    }
}

/// The report's question, asked once of all nights of 80 series.
fn print_points(kinds: &[Kind]) {
    println!(
        "\n| nights | change points a series, none | series with any | +10 % named within 2 nights \
         | interval has it |\n|---|---|---|---|---|"
    );
    let history = |kind, change, series| -> Vec<Night> {
        let mut world = World::new(kind, change, series);
        let nights = (0..NIGHTS).map(|_| {
            let (date, first) = (world.date(), world.sample());
            world.next_night();
            let (run, status) = (String::new(), Status::Accepted);
            Night { date, run, status, host: None, first, again: Vec::new() }
        });
        nights.collect()
    };
    for kind in kinds {
        let (mut points, mut any, mut named, mut covered) = (0, 0, 0, 0);
        for at in 0..2 * SUITE {
            let found = when_changed(&series(at), &history(*kind, Change::None, at)).len();
            points += found;
            any += usize::from(found > 0);
            let found = when_changed(&series(at), &history(*kind, Change::Step(0.1), at));
            if let Some(it) = found.iter().find(|it| it.index.abs_diff(STEP_AT) <= 2) {
                named += 1;
                covered += usize::from((it.size.low..=it.size.high).contains(&1.1));
            }
        }
        let share = |count: usize, of: usize| 100.0 * count as f64 / of as f64;
        println!(
            "| {} | {:.2} | {:.0} % | {:.0} % | {:.0} % |",
            kind.name(),
            points as f64 / (2 * SUITE) as f64,
            share(any, 2 * SUITE),
            share(named, 2 * SUITE),
            share(covered, named),
        );
    }
}

/// The first samples of the nights, for peers: they have no further ones.
fn csv(file: &str) -> Result<(), Box<dyn Error>> {
    let mut out = csv::Writer::from_path(file)?;
    for kind in &KINDS[..5] {
        for change in [Change::None, Change::Step(0.1)] {
            for series in 0..SUITES * SUITE {
                let mut world = World::new(*kind, change, series);
                let mut row = vec![kind.name().to_owned(), change.name(), series.to_string()];
                for _ in 0..NIGHTS {
                    let value = world.sample().reading.value().unwrap_or_default();
                    row.push(format!("{value:.1}"));
                    world.next_night();
                }
                out.write_record(&row)?;
            }
        }
    }
    out.flush()?;
    Ok(())
}
