//! How often intervals have the truth in them, for loads whose truth is known.

use super::{Figure, average, quantile, ranks::ranks, survival::Survival};
use crate::{
    load::{
        budget::Comparison,
        compare::{Pair, compare},
        sums::{Latencies, LatencySecond},
    },
    refresh::fuzz::random::Random,
};

/// Log-normal latencies around 50 ms.
const MEDIAN_US: f64 = 50_000.0;
const SIGMA: f64 = 0.5;

/// Requests of a second.
const RATE: usize = 20;

/// A load whose truth is known.
#[derive(Clone, Copy)]
struct Load {
    seconds: u32,
    /// Of the variance that is of the second.
    shared: f64,
    /// Between the levels of neighbouring seconds.
    rho: f64,
    /// Requests are cancelled at this latency.
    cancelled_at: u64,
}

const INDEPENDENT: Load = Load { seconds: 60, shared: 0.0, rho: 0.0, cancelled_at: u64::MAX };
const DEPENDENT: Load = Load { shared: 0.5, rho: 0.6, ..INDEPENDENT };

/// Standard normal.
fn normal(random: &mut Random) -> f64 {
    let uniform = |random: &mut Random| (random.below(1 << 30) as f64 + 0.5) / (1u64 << 30) as f64;
    let radius = (-2.0 * uniform(random).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(random)).cos()
}

/// The levels of the seconds, of variance 1.
fn levels(load: Load, random: &mut Random) -> Vec<f64> {
    let mut level = normal(random);
    (0..load.seconds)
        .map(|_| {
            level = load.rho * level + (1.0 - load.rho * load.rho).sqrt() * normal(random);
            level
        })
        .collect()
}

fn sampled(load: Load, levels: &[f64], random: &mut Random) -> Latencies {
    let mut seconds = Vec::new();
    for (second, level) in levels.iter().enumerate() {
        let mut it = LatencySecond { second: second as u32, ..LatencySecond::default() };
        for _ in 0..RATE {
            let own = normal(random) * (1.0 - load.shared).sqrt();
            let latency = MEDIAN_US * (SIGMA * (level * load.shared.sqrt() + own)).exp();
            match latency as u64 {
                value if value < load.cancelled_at => it.answered.push((value, 1)),
                _ => it.censored.push((load.cancelled_at, 1)),
            }
        }
        it.answered.sort_unstable();
        seconds.push(it);
    }
    Latencies { seconds }
}

/// The percentage of `loads` whose interval has `truth` in it.
fn coverage(
    loads: u64,
    load: Load,
    truth: f64,
    interval: impl Fn(&Latencies) -> Option<(f64, f64)>,
) -> f64 {
    let within = (0..loads).filter(|part| {
        let mut random = Random::of_part(7, *part);
        let levels = levels(load, &mut random);
        let latencies = sampled(load, &levels, &mut random);
        interval(&latencies).is_some_and(|(low, high)| (low..=high).contains(&truth))
    });
    within.count() as f64 * 100.0 / loads as f64
}

fn ends(figure: Option<Figure>) -> Option<(f64, f64)> {
    figure.map(|it| (it.low, it.high))
}

/// Of 0.5, 0.95 and 0.99, as a standard normal has them.
const SHARES: [(f64, f64); 3] = [(0.5, 0.0), (0.95, 1.644_853_6), (0.99, 2.326_347_9)];

fn true_quantile(normal: f64) -> f64 {
    MEDIAN_US * (SIGMA * normal).exp()
}

fn quantile_coverage(loads: u64, load: Load, (share, normal): (f64, f64)) -> f64 {
    coverage(loads, load, true_quantile(normal), |it| ends(quantile::quantile(it, share)))
}

/// Without any allowance for dependence.
fn plain_coverage(loads: u64, load: Load, (share, normal): (f64, f64)) -> f64 {
    coverage(loads, load, true_quantile(normal), |it| {
        let survival = Survival::of(it);
        let (low, high) = ranks(survival.samples, share);
        let at = |rank: u64| survival.quantile(rank as f64 / survival.samples as f64);
        Some((at(low?)? as f64, at(high?)? as f64))
    })
}

fn mean_coverage(loads: u64, load: Load) -> f64 {
    let truth = MEDIAN_US * (SIGMA * SIGMA / 2.0).exp();
    coverage(loads, load, truth, |it| ends(average::mean(it)))
}

/// Two roles whose seconds are the same ones; the other is twice as slow.
fn ratio_coverage(loads: u64, load: Load, paired: bool) -> f64 {
    let within = (0..loads).filter(|part| {
        let mut random = Random::of_part(11, *part);
        let first = levels(load, &mut random);
        let second = if paired { first.clone() } else { levels(load, &mut random) };
        let tested = sampled(load, &first, &mut random);
        let mut other = sampled(load, &second, &mut random);
        for it in &mut other.seconds {
            it.answered.iter_mut().for_each(|it| it.0 *= 2);
        }
        let [tested, other] = [&tested, &other].map(|it| quantile::quantile(it, 0.95).unwrap());
        let pair = Pair { tested: &tested, other: &other };
        let ratio = compare(Comparison::Ratio, pair, None).unwrap();
        (ratio.low..=ratio.high).contains(&2.0)
    });
    within.count() as f64 * 100.0 / loads as f64
}

#[track_caller]
fn check(what: &str, coverage: f64, least: f64, most: f64) {
    assert!((least..=most).contains(&coverage), "{what}: {coverage} %, wanted {least} to {most}");
}

#[test]
fn intervals_of_independent_samples_have_the_truth_in_19_of_20() {
    for share in SHARES {
        check(&format!("{share:?}"), quantile_coverage(200, INDEPENDENT, share), 92.0, 99.0);
    }
    check("mean", mean_coverage(200, INDEPENDENT), 92.0, 99.0);
    check("ratio", ratio_coverage(100, INDEPENDENT, false), 92.0, 100.0);
}

#[test]
fn intervals_of_dependent_samples_have_it_nearly_as_often() {
    for share in SHARES {
        check(&format!("{share:?}"), quantile_coverage(200, DEPENDENT, share), 88.0, 99.0);
    }
    check("mean", mean_coverage(200, DEPENDENT), 88.0, 99.0);
    check("paired", ratio_coverage(100, DEPENDENT, true), 88.0, 100.0);
    check("apart", ratio_coverage(100, DEPENDENT, false), 88.0, 100.0);
    // The allowance is what does it.
    check("plain median", plain_coverage(200, DEPENDENT, SHARES[0]), 0.0, 70.0);
}

#[test]
fn cancelled_requests_leave_quantiles_below_them_as_they_are() {
    // 9 % are cancelled.
    let cancelled_at = true_quantile(1.34) as u64;
    let load = Load { cancelled_at, ..INDEPENDENT };
    check("median", quantile_coverage(100, load, SHARES[0]), 92.0, 100.0);
    let latencies = sampled(load, &[0.0; 60], &mut Random::new(3));
    let p95 = quantile::quantile(&latencies, 0.95).unwrap();
    assert!(p95.at_least && p95.high.is_infinite(), "{p95:?}");
    assert_eq!(p95.value, cancelled_at as f64);
}

/// The table of `dependence`: `cargo test -p snowgauge --no-default-features --release --lib \
/// load::statistics::simulation::table -- --ignored --nocapture`.
#[test]
#[ignore = "makes a table, and asserts nothing"]
fn table() {
    const LOADS: u64 = 2_000;
    for seconds in [10, 30, 60, 300] {
        for (name, load) in [("independent", INDEPENDENT), ("dependent", DEPENDENT)] {
            let load = Load { seconds, ..load };
            let [median, p95, p99] = SHARES.map(|it| quantile_coverage(LOADS, load, it));
            let [plain, plain95, _] = SHARES.map(|it| plain_coverage(LOADS, load, it));
            println!(
                "| {seconds} s, {name} | {median:.1} | {p95:.1} | {p99:.1} | {:.1} | {:.1} | {:.1} | {plain:.1}, {plain95:.1} |",
                mean_coverage(LOADS, load),
                ratio_coverage(LOADS, load, true),
                ratio_coverage(LOADS, load, false),
            );
        }
    }
}
