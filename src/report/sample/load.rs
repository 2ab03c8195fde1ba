//! A load with every part that a report may have: made from a seed, sample by sample.

use crate::{
    load::{
        Estimate, Exchange, Health, Histo, Judged, LoadReport, Measured, QueryMeasured,
        RoleMeasured, Second, ServerShare, Unit, Verdict, WarmUpMeasured,
    },
    refresh::fuzz::random::Random,
    run::{CaseReport, Outcome},
};
use chrono::DateTime;
use hdrhistogram::Histogram;
use std::{collections::BTreeMap, sync::LazyLock};

const SECONDS: u32 = 60;

/// When a request is cancelled, in microseconds.
const CANCELLED_US: f64 = 5_000_000.0;

/// A query of the mix: its name, its share in percent, its text, and how many times as long as a
/// lookup it takes.
const MIX: [(&str, f64, &str, f64); 4] = [
    ("lookup", 50.0, "SELECT * FROM ORDERS WHERE ORDER_ID = {id}", 1.0),
    ("customer", 30.0, "SELECT * FROM ORDERS WHERE CUSTOMER_ID = {customer} LIMIT 20", 1.6),
    (
        "by status",
        20.0,
        "SELECT STATUS, COUNT(*) FROM ORDERS WHERE CUSTOMER_ID < {n} GROUP BY 1",
        2.6,
    ),
    ("control", 0.0, "SELECT 1", 0.12),
];

/// About log-normal, around `median`.
fn latency(random: &mut Random, median: f64) -> f64 {
    let uniform = |random: &mut Random| random.below(1_000_000) as f64 / 1e6;
    let normal: f64 = (0..12).map(|_| uniform(random)).sum::<f64>() - 6.0;
    median * (normal * 0.55).exp()
}

fn histo(histogram: &Histogram<u64>) -> Histo {
    Histo::of(histogram).expect("a histogram of its own bounds")
}

/// `median` is that of a lookup, in microseconds, `rate` that of all queries.
fn query(
    random: &mut Random,
    at: usize,
    (median, rate): (f64, f64),
    server: bool,
) -> QueryMeasured {
    let (name, weight, sql, times) = MIX[at];
    let control = weight == 0.0;
    let rate = if control { 2.0 } else { rate * weight / 100.0 };
    let mut seconds = Vec::new();
    let mut shares = [Histo::empty(), Histo::empty(), Histo::empty(), Histo::empty()];
    let (mut sent, mut exchanges) = (0, Vec::new());
    for second in 0..SECONDS {
        let due = rate as u64 + u64::from(random.below(1000) as f64 / 1000.0 < rate.fract());
        let mut it = Second { second, due, ..Second::default() };
        let [mut from_due, mut from_sent, mut censored] = [(); 3].map(|()| Histo::empty());
        // For two seconds nothing is answered, and what was due waits.
        let stalls = second == 30 || second == 31;
        for _ in 0..due {
            let took = latency(random, median * times);
            let waited = if stalls { 1_800_000.0 } else { latency(random, median * 0.04) };
            sent += 1;
            if !control && stalls && random.percent(12) {
                it.dropped += 1;
                sent -= 1;
            } else if took + waited > CANCELLED_US {
                censored.record((CANCELLED_US + waited) as u64).expect("within bounds");
            } else if !control && random.below(400) == 0 {
                let class = if random.percent(70) { "000630" } else { "lost" };
                *it.errors.entry(class.to_owned()).or_default() += 1;
            } else if at == 2 && second > 40 && random.below(150) == 0 {
                it.wrong_rows += 1;
            } else {
                it.ok += 1;
                from_due.record((took + waited) as u64).expect("within bounds");
                from_sent.record(took as u64).expect("within bounds");
                let queue = if median > 1e6 { 0.62 } else { 0.2 };
                for (share, part) in shares.iter_mut().zip([0.06, queue, 0.9 - queue, 0.04]) {
                    share.record((took * part) as u64).expect("within bounds");
                }
                if exchanges.len() < 3 {
                    exchanges.push(Exchange {
                        sql: sql.to_owned(),
                        binds: vec![random.below(1_000_000).to_string()],
                        query_id: Some(format!("01b0-{at}-{sent}")),
                        second,
                        latency_us: (took + waited) as u64,
                        ending: "1 row".to_owned(),
                    });
                }
            }
        }
        it.from_due = histo(&from_due);
        it.from_sent = histo(&from_sent);
        it.censored = histo(&censored);
        seconds.push(it);
    }
    let [compile, queue, execute, rest] = shares.each_ref().map(histo);
    QueryMeasured {
        name: name.to_owned(),
        sql: sql.to_owned(),
        weight,
        control,
        seconds,
        server: server.then(|| ServerShare {
            found: shares[0].len() * 97 / 100,
            of: sent,
            compile,
            queue,
            execute,
            rest,
            from_result_cache: 0,
            from_cache: (at == 0).then_some(0.83),
        }),
        exchanges,
    }
}

fn role(seed: u64, name: &str, (median, rate): (f64, f64)) -> RoleMeasured {
    let mut random = Random::of_part(seed, name.len() as u64);
    RoleMeasured {
        role: name.to_owned(),
        session: name.to_owned(),
        warehouse: Some(format!("SG1_{}", name.to_uppercase())),
        sessions: 150,
        wanted_rate: Some(rate),
        warm_up: WarmUpMeasured {
            requests: 1_214,
            lasted_us: 9_800_000,
            ended: "steady: the last 3 medians are within 5 %".to_owned(),
        },
        queries: (0..MIX.len()).map(|at| query(&mut random, at, (median, rate), true)).collect(),
    }
}

/// 150 clients for a minute on two warehouses.
fn measured(seed: u64) -> Measured {
    let [mut slip, mut pool_wait] = [(); 2].map(|()| Histo::empty());
    let mut random = Random::of_part(seed, 99);
    for _ in 0..5_000 {
        slip.record(latency(&mut random, 180.0) as u64).expect("within bounds");
        pool_wait.record(latency(&mut random, 2_400.0) as u64).expect("within bounds");
    }
    Measured {
        workload: "the seed's mix".to_owned(),
        seed,
        began: DateTime::UNIX_EPOCH,
        lasted_us: u64::from(SECONDS) * 1_000_000,
        simulated: None,
        roles: vec![
            role(seed, "interactive", (430_000.0, 120.0)),
            role(seed, "standard", (1_450_000.0, 60.0)),
        ],
        health: Health {
            slip: histo(&slip),
            pool_wait: histo(&pool_wait),
            busiest_cpu: Some(0.31),
            unsound: Vec::new(),
        },
    }
}

fn judged(budget: &str, limit: f64, unit: Unit, found: [f64; 3], verdict: Verdict) -> Judged {
    let [value, low, high] = found;
    Judged {
        budget: budget.to_owned(),
        place: "suites/latency/mix.yaml:31".to_owned(),
        query: None,
        limit,
        unit,
        estimate: Some(Estimate { value, low, high, confidence: 0.95, samples: 7_091 }),
        verdict,
        why: "the whole interval decides".to_owned(),
    }
}

fn budgets() -> Vec<Judged> {
    let ms = 1_000.0;
    let times = Unit::Microseconds;
    let mut lookup =
        judged("p95 <= 1s", 1e6, times, [1_041.0 * ms, 988.0 * ms, 1_093.0 * ms], Verdict::Unsure);
    lookup.query = Some("lookup".to_owned());
    vec![
        judged(
            "p95 <= 2s",
            2e6,
            times,
            [1_662.0 * ms, 1_611.0 * ms, 1_718.0 * ms],
            Verdict::Passed,
        ),
        judged("p50 <= 500ms", 5e5, times, [641.0 * ms, 630.0 * ms, 652.0 * ms], Verdict::Failed),
        lookup,
        judged(
            "p99.9 <= 8s",
            8e6,
            times,
            [5_021.0 * ms, 5_000.0 * ms, f64::INFINITY],
            Verdict::Unsure,
        ),
        judged("errors <= 1%", 0.01, Unit::Share, [0.0026, 0.0016, 0.004], Verdict::Passed),
        judged(
            "standard / interactive p95 >= 3",
            3.0,
            Unit::Ratio,
            [2.78, 2.69, 2.88],
            Verdict::Failed,
        ),
        judged("rate >= 110/s", 110.0, Unit::PerSecond, [117.2, 116.1, 118.3], Verdict::Passed),
    ]
}

/// Made once for all tests.
static MEASURED: LazyLock<Measured> = LazyLock::new(|| measured(7));

/// The case of it. `simulated`: by which capacity model.
pub fn case(simulated: Option<&str>) -> CaseReport {
    let failure = crate::run::Failure {
        message: "2 of 7 budgets are not held: p50 <= 500ms, standard / interactive p95 >= 3"
            .to_owned(),
        diff: None,
        hint: None,
        query_id: None,
        ..super::failure()
    };
    let mut case = super::case("the mix at 150 clients", Outcome::Failed { failure });
    case.case.suite = "latency::mix".to_owned();
    case.case.file = "suites/latency/mix.yaml".to_owned();
    case.case.id = Some("C-02".to_owned());
    case.took_us = 71_000_000;
    case.properties = BTreeMap::new();
    let mut measured = MEASURED.clone();
    measured.simulated = simulated.map(str::to_owned);
    case.load = Some(Box::new(LoadReport { measured, judged: budgets() }));
    case
}
