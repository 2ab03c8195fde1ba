//! Which share of requests has ended by when, where some were cancelled before they did.
//!
//! Kaplan and Meier, Nonparametric estimation from incomplete observations, 1958. Without
//! cancelled requests it is the share of samples, and all below is exact.

use crate::load::sums::Latencies;
use std::collections::BTreeMap;

/// What rounding does to products of some thousand shares.
const ROUNDING: f64 = 1e-9;

#[derive(Clone, Debug, Default)]
pub struct Survival {
    /// Where requests ended, ascending.
    steps: Vec<Step>,
    /// The values that each sample has at least, with how many are at or below.
    least: Vec<(u64, u64)>,
    pub samples: u64,
    /// Of them those that were never answered.
    never: u64,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    value: u64,
    /// Of requests that have ended by then.
    share: f64,
    /// Greenwood's sum: the variance of the share by its other part squared.
    greenwood: f64,
}

impl Survival {
    pub fn of(latencies: &Latencies) -> Self {
        let mut values: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        for second in &latencies.seconds {
            for (value, count) in &second.answered {
                values.entry(*value).or_default().0 += count;
            }
            for (value, count) in &second.censored {
                values.entry(*value).or_default().1 += count;
            }
        }
        let samples = latencies.samples();
        let (mut steps, mut least) = (Vec::new(), Vec::new());
        let (mut left, mut surviving, mut greenwood) = (samples, 1.0, 0.0);
        for (value, (ended, censored)) in values {
            if ended > 0 {
                let (at_risk, ended) = (left as f64, ended as f64);
                surviving *= 1.0 - ended / at_risk;
                greenwood += ended / (at_risk * (at_risk - ended));
                steps.push(Step { value, share: 1.0 - surviving, greenwood });
            }
            left -= ended + censored;
            least.push((value, samples - left));
        }
        Self { steps, least, samples, never: left }
    }

    /// The least value that at least `share` of all requests end by. `None` if no request is known
    /// to have ended so late.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let at = self.steps.partition_point(|it| it.share < share - ROUNDING);
        self.steps.get(at).map(|it| it.value)
    }

    /// As if all cancelled requests had ended when they were, and those without any latency at the
    /// greatest one: the quantile is not less than this. `None` only of no latencies at all.
    pub fn at_least(&self, share: f64) -> Option<u64> {
        let wanted = share * self.samples as f64 - ROUNDING;
        let at = self.least.partition_point(|(_, count)| (*count as f64) < wanted);
        self.least.get(at).or(self.least.last()).map(|(value, _)| *value)
    }

    /// Whether the quantile is certainly that of a request that was never answered.
    pub fn is_unanswered(&self, share: f64) -> bool {
        share * self.samples as f64 > (self.samples - self.never) as f64 + ROUNDING
    }

    /// How many samples without cancelled ones would tell the share at `value` as well: Greenwood's
    /// variance as that of a binomial share. All of them if none was cancelled before.
    pub fn worth(&self, value: u64) -> f64 {
        let all = self.samples as f64;
        let at = self.steps.partition_point(|it| it.value <= value);
        match at.checked_sub(1).map(|it| self.steps[it]) {
            Some(Step { share, greenwood, .. })
                if greenwood.is_finite() && greenwood > 0.0 && share < 1.0 =>
            {
                (share / ((1.0 - share) * greenwood)).min(all)
            }
            _ => all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::sums::LatencySecond;

    fn of(answered: &[(u64, u64)], censored: &[(u64, u64)], never: u64) -> Survival {
        let second = LatencySecond {
            answered: answered.to_vec(),
            censored: censored.to_vec(),
            never,
            ..LatencySecond::default()
        };
        Survival::of(&Latencies { seconds: vec![second] })
    }

    #[test]
    fn it_is_as_in_the_textbook() {
        // Remission of 21 patients (Freireich et al. 1963, as in Kalbfleisch and Prentice).
        let survival = of(
            &[(6, 3), (7, 1), (10, 1), (13, 1), (16, 1), (22, 1), (23, 1)],
            &[
                (6, 1),
                (9, 1),
                (10, 1),
                (11, 1),
                (17, 1),
                (19, 1),
                (20, 1),
                (25, 1),
                (32, 2),
                (34, 1),
                (35, 1),
            ],
            0,
        );
        let known: Vec<(u64, f64)> = survival
            .steps
            .iter()
            .map(|it| (it.value, ((1.0 - it.share) * 1e3).round() / 1e3))
            .collect();
        let expected = [
            (6, 0.857),
            (7, 0.807),
            (10, 0.753),
            (13, 0.690),
            (16, 0.627),
            (22, 0.538),
            (23, 0.448),
        ];
        assert_eq!(known, expected);
        let errors: Vec<f64> = survival
            .steps
            .iter()
            .map(|it| ((1.0 - it.share) * it.greenwood.sqrt() * 1e4).round() / 1e4)
            .collect();
        assert_eq!(errors, [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]);
        assert_eq!(survival.quantile(0.5), Some(23));
        assert_eq!(survival.quantile(0.6), None);
        assert_eq!(survival.at_least(0.6), Some(19));
        assert!(survival.worth(23) < 21.0);
    }

    #[test]
    fn without_cancelled_requests_it_is_the_share() {
        let survival = of(&[(1, 5), (2, 3), (3, 2)], &[], 0);
        for (share, expected) in [(0.1, 1), (0.5, 1), (0.51, 2), (0.8, 2), (0.81, 3), (1.0, 3)] {
            assert_eq!(survival.quantile(share), Some(expected), "{share}");
            assert_eq!(survival.at_least(share), Some(expected), "{share}");
        }
        assert!((survival.worth(2) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn requests_that_were_never_answered_are_slower_than_all() {
        let survival = of(&[(1, 5), (2, 4)], &[], 1);
        assert_eq!(survival.quantile(0.9), Some(2));
        assert_eq!(survival.quantile(0.91), None);
        assert_eq!(survival.at_least(0.91), Some(2));
        assert_eq!(of(&[], &[], 3).at_least(0.5), None);
        assert_eq!(of(&[], &[(5, 2)], 0).at_least(0.5), Some(5));
    }
}
