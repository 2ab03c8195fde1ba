//! Quantiles of latencies, between order statistics.
//!
//! The ranks are those of as many independent samples as the dependent ones are worth; the
//! latencies at those ranks are the ends. So nothing is assumed of the distribution, and a quantile
//! has an upper end only if there are samples beyond it.

use super::{Figure, Open, dependence::inflation, ranks, survival::Survival};
use crate::load::sums::{Latencies, LatencySecond};

/// `None` if no latency is known.
pub fn quantile(latencies: &Latencies, share: f64) -> Option<Figure> {
    let survival = Survival::of(latencies);
    let (inflation, effects) = dependence(latencies, &survival, share)?;
    let figure = between(&survival, &survival, share, inflation)?;
    Some(Figure { effects, ..figure })
}

/// The interval, where it is known by how much samples depend on each other. The lower end is of
/// `low`, which has the samples that are missing at its beginning, the upper one of `high`.
///
/// `None` if no latency is known.
pub fn between(low: &Survival, high: &Survival, share: f64, inflation: f64) -> Option<Figure> {
    let known = high.quantile(share);
    let value = known.or_else(|| high.at_least(share))?;
    // Rounding must not cost a sample.
    let worth = (high.worth(value) / inflation * (1.0 + 1e-9)).floor() as u64;
    let (below, above) = ranks::ranks(worth, share);
    let at = |rank: u64| rank as f64 / worth as f64;

    let lower = below.and_then(|it| low.quantile(at(it)).or_else(|| low.at_least(at(it))));
    let upper = above.and_then(|it| high.quantile(at(it)));
    let needed = ranks::samples_needed(share) as f64 * inflation * high.samples as f64;
    let open = match (upper, above) {
        (Some(_), _) => None,
        (None, None) if inflation.is_infinite() => Some(Open::OneSecond),
        (None, Some(_)) => Some(Open::Unended),
        // More samples would not end either.
        (None, None) if known.is_none() => Some(Open::Unended),
        (None, None) => {
            Some(Open::TooFew { needed: (needed / high.worth(value).max(1.0)).ceil() as u64 })
        }
    };
    Some(Figure {
        value: value as f64,
        at_least: known.is_none(),
        unanswered: below.is_some_and(|it| low.is_unanswered(at(it))),
        // A rank below all samples: any latency is possible.
        low: lower.map_or(0.0, |it| it as f64),
        high: upper.map_or(f64::INFINITY, |it| it as f64),
        samples: high.samples,
        inflation,
        open,
        effects: Vec::new(),
    })
}

/// From how many requests of each second are above the quantile.
///
/// `None` if no latency is known.
fn dependence(
    latencies: &Latencies,
    survival: &Survival,
    share: f64,
) -> Option<(f64, Vec<(u32, f64)>)> {
    let lower = share - super::Z * (share * (1.0 - share) / survival.samples as f64).sqrt();
    let at = |share: f64| survival.quantile(share).or_else(|| survival.at_least(share));
    // Nothing is above the greatest of all: then a bit further down.
    for level in [at(share)?, at(lower)?] {
        let sides: Vec<(u32, u64, u64)> = latencies
            .seconds
            .iter()
            .map(|it| (it.second, above(it, level), it.samples()))
            .collect();
        let (over, all) = sides.iter().fold((0, 0), |sum, it| (sum.0 + it.1, sum.1 + it.2));
        if over == 0 || over == all {
            continue;
        }
        let mean = over as f64 / all as f64;
        let parts: Vec<(u32, f64)> = sides
            .iter()
            .map(|(second, over, all)| (*second, *over as f64 - *all as f64 * mean))
            .collect();
        return Some(inflation(&parts, all as f64 * mean * (1.0 - mean)));
    }
    // All are alike: nothing is known of how they depend on each other, and nothing hangs on it.
    Some((if latencies.seconds.len() < 2 { f64::INFINITY } else { 1.0 }, Vec::new()))
}

/// Cancelled ones of `level` and more, too: they ended later.
fn above(second: &LatencySecond, level: u64) -> u64 {
    let ended = second.answered.iter().filter(|it| it.0 > level);
    let cancelled = second.censored.iter().filter(|it| it.0 >= level);
    ended.chain(cancelled).map(|it| it.1).sum::<u64>() + second.never
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        load::{Histo, sums},
        refresh::fuzz::random::Random,
    };

    /// Latencies as histograms keep them, and as they are.
    fn sampled(random: &mut Random, samples: usize) -> (Latencies, Vec<u64>) {
        let mut histograms = vec![Histo::empty(); 5];
        let mut exact = Vec::new();
        for _ in 0..samples {
            // From microseconds to a minute.
            let most = 6 * 10_usize.pow(random.between(1, 7) as u32);
            let value = random.between(1, most) as u64;
            histograms[random.below(5)].record(value).unwrap();
            exact.push(value);
        }
        exact.sort_unstable();
        let seconds = histograms.iter().zip(0..).map(|(it, second)| LatencySecond {
            second,
            answered: sums::values(&Histo::of(it).unwrap()).unwrap(),
            ..LatencySecond::default()
        });
        (Latencies { seconds: seconds.collect() }, exact)
    }

    #[test]
    fn quantiles_of_histograms_are_those_of_sorted_samples() {
        for case in 0..40 {
            let mut random = Random::of_part(5, case);
            let samples = 1 + random.below(2000);
            let (latencies, exact) = sampled(&mut random, samples);
            let survival = Survival::of(&latencies);
            for share in [0.001, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999] {
                let place = format!("case {case}, {samples} samples, {share}");
                let figure = between(&survival, &survival, share, 1.0).unwrap();
                let rank = |it: u64| exact[it as usize - 1] as f64;
                let near = |actual: f64, exact: f64| {
                    assert!(
                        (exact..=exact * 1.001 + 1.0).contains(&actual),
                        "{place}: {actual} {exact}"
                    );
                };
                near(figure.value, rank(((samples as f64 * share).ceil() as u64).max(1)));
                let (low, high) = ranks::ranks(samples as u64, share);
                match low {
                    Some(low) => near(figure.low, rank(low)),
                    None => assert_eq!(figure.low, 0.0, "{place}"),
                }
                match high {
                    Some(high) => near(figure.high, rank(high)),
                    None => assert!(figure.high.is_infinite() && figure.open.is_some(), "{place}"),
                }
            }
        }
    }

    #[test]
    fn a_percentile_has_samples_beyond_it() {
        let seconds = (0..60).map(|second| LatencySecond {
            second,
            answered: vec![(1000 + u64::from(second * 7 % 60), 2)],
            ..LatencySecond::default()
        });
        let latencies = Latencies { seconds: seconds.collect() };
        let figure = quantile(&latencies, 0.99).unwrap();
        assert!(matches!(figure.open, Some(Open::TooFew { needed: 368.. })), "{figure:?}");
        assert!(figure.high.is_infinite() && figure.low > 1050.0, "{figure:?}");
    }
}
