//! When requests of an open loop are due. Nothing here looks at a clock.

use super::workload::{Rate, Spacing};
use crate::{random::Random, run::Partition};
use std::time::Duration;

/// Due times since the beginning, without end where the rate has none.
///
/// They are made from the expected number of requests up to an instant: that number grows by one
/// from each to the next, or by an exponential of mean one, and the instants at which it does so
/// follow from the rate, however that changes.
#[derive(Clone, Debug)]
pub struct DueTimes {
    rate: Rate,
    spacing: Spacing,
    /// Over which a ramp climbs.
    length: Duration,
    random: Random,
    expected: f64,
    is_first: bool,
    /// Due times that others have: before the next of ours, and between any two.
    others: (u64, u64),
}

impl DueTimes {
    pub fn new(rate: &Rate, spacing: Spacing, length: Duration, random: Random) -> Self {
        Self {
            rate: rate.clone(),
            spacing,
            length,
            random,
            expected: 0.0,
            is_first: true,
            others: (0, 0),
        }
    }

    /// Those of one part: dealt one by one, so that all parts together are the whole.
    pub fn of_part(self, part: Partition) -> Self {
        Self { others: (part.before(), part.between()), ..self }
    }

    /// The next of the whole, whoever has it.
    fn next_of_all(&mut self) -> Option<Duration> {
        self.expected += match self.spacing {
            Spacing::Constant if self.is_first => 0.0,
            Spacing::Constant => 1.0,
            // 1 - u is above 0, so that the logarithm is finite.
            Spacing::Poisson => -(1.0 - self.random.unit()).ln(),
        };
        self.is_first = false;
        instant(&self.rate, self.length, self.expected).map(Duration::from_secs_f64)
    }
}

impl Iterator for DueTimes {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let (before, between) = self.others;
        for _ in 0..before {
            self.next_of_all()?;
        }
        self.others.0 = between;
        self.next_of_all()
    }
}

/// When so many requests are expected to have been due, in seconds.
fn instant(rate: &Rate, length: Duration, expected: f64) -> Option<f64> {
    let length = length.as_secs_f64();
    let at = match rate {
        Rate::Constant(rate) | Rate::Search { from: rate, .. } => expected / rate,
        Rate::Ramp { from, to } => {
            // from·t + (to - from)·t² / 2·length = expected, in the form that also holds where
            // the ramp is level.
            let slope = (to - from) / length;
            let root = from.mul_add(*from, 2.0 * slope * expected);
            match root {
                root if root < 0.0 => return None,
                root => 2.0 * expected / (from + root.sqrt()),
            }
        }
        Rate::Steps(steps) => {
            let (mut began, mut before) = (0.0, 0.0);
            let mut found = None;
            for (rate, length) in steps {
                let in_step = rate * length.as_secs_f64();
                if expected < before + in_step {
                    found = Some(began + (expected - before) / rate);
                    break;
                }
                before += in_step;
                began += length.as_secs_f64();
            }
            found?
        }
    };
    let fits = at.is_finite() && at < MAX_S && !(matches!(rate, Rate::Ramp { .. }) && at > length);
    match (expected, at) {
        // 0 / 0 at the foot of a ramp from nothing.
        (0.0, at) if at.is_nan() => Some(0.0),
        (_, at) => fits.then_some(at),
    }
}

/// A year: what is due later is not due.
const MAX_S: f64 = 366.0 * 86_400.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn due(rate: Rate, spacing: Spacing, seed: u64, until_s: u64) -> Vec<f64> {
        let length = Duration::from_secs(until_s);
        let times = DueTimes::new(&rate, spacing, length, Random::new(seed));
        times.take_while(|it| *it < length).map(|it| it.as_secs_f64()).collect()
    }

    #[test]
    fn a_constant_rate_is_due_at_equal_distances() {
        let times = due(Rate::Constant(4.0), Spacing::Constant, 0, 1);
        assert_eq!(times, [0.0, 0.25, 0.5, 0.75]);
    }

    #[test]
    fn steps_follow_each_other() {
        let rate = Rate::Steps(vec![
            (2.0, Duration::from_secs(1)),
            (0.0, Duration::from_secs(1)),
            (4.0, Duration::from_secs(1)),
        ]);
        assert_eq!(due(rate, Spacing::Constant, 0, 9), [0.0, 0.5, 2.0, 2.25, 2.5, 2.75]);
    }

    #[test]
    fn a_ramp_has_half_its_requests_in_the_last_third() {
        // From 0 to r over L there are r·L/2 requests; until t, r·t²/2L.
        for (from, to, early) in [(0.0, 100.0, 0.25), (100.0, 0.0, 0.75), (50.0, 50.0, 0.5)] {
            let times = due(Rate::Ramp { from, to }, Spacing::Constant, 0, 20);
            assert!((999..=1001).contains(&times.len()), "{}", times.len());
            let first_half = times.iter().filter(|it| **it < 10.0).count() as f64;
            assert!((first_half / 1000.0 - early).abs() < 0.002, "{from} to {to}: {first_half}");
        }
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread_of_poisson() {
        let times = due(Rate::Constant(100.0), Spacing::Poisson, 7, 1000);
        let gaps: Vec<f64> = times.windows(2).map(|it| it[1] - it[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // 100,000 of them: both are within three standard errors.
        assert!((mean * 100.0 - 1.0).abs() < 0.01, "{mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.015, "{variance}");
        assert!(times.is_sorted());
    }

    #[test]
    fn one_seed_gives_one_schedule() {
        let of = |seed| due(Rate::Constant(50.0), Spacing::Poisson, seed, 10);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
