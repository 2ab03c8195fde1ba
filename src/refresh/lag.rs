//! How long rows take to be visible, as a distribution.
//!
//! The target lag is a target: no single sample is held to it, only percentiles to a budget, and
//! where there are too few samples for that, nothing is said.

use crate::suite::refresh::Statistic;
use std::time::Duration;

/// How sure a verdict has to be: one in twenty is wrong.
const DOUBT: f64 = 0.05;

/// Times from a row's commit to when it was first seen. What was given up on before it was seen
/// counts as longer than any limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lags {
    seen: Vec<Duration>,
    never: usize,
}

/// Whether a statistic is within its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    Yes,
    No,
    /// Too few samples: with so many within the limit it could be told.
    CannotTell {
        needed: usize,
    },
}

impl Lags {
    pub fn add(&mut self, lag: Duration) {
        let at = self.seen.partition_point(|it| *it <= lag);
        self.seen.insert(at, lag);
    }

    pub fn add_never(&mut self) {
        self.never += 1;
    }

    pub fn count(&self) -> usize {
        self.seen.len() + self.never
    }

    /// How many were given up on.
    pub fn never(&self) -> usize {
        self.never
    }

    /// The least time that so much of all samples do not exceed. `None`: it was not seen.
    pub fn statistic(&self, of: Statistic) -> Option<Duration> {
        let count = self.count();
        let rank = match of {
            Statistic::Percentile(percent) => (count * usize::from(percent)).div_ceil(100).max(1),
            Statistic::Max => count,
        };
        rank.checked_sub(1).and_then(|at| self.seen.get(at).copied())
    }

    /// Whether the statistic of all rows, not only of these, is at most `limit`.
    pub fn holds(&self, of: Statistic, limit: Duration) -> Held {
        let within = self.seen.partition_point(|it| *it <= limit);
        let beyond = self.count() - within;
        let share = match of {
            // Of what was not sampled nothing can be said; it is of the samples alone.
            Statistic::Max => {
                return match (self.count(), beyond) {
                    (0, _) => Held::CannotTell { needed: 1 },
                    (_, 0) => Held::Yes,
                    _ => Held::No,
                };
            }
            Statistic::Percentile(percent) => 1.0 - f64::from(percent) / 100.0,
        };
        // Were the share of rows beyond the limit the allowed one, how likely were so few of them?
        if at_most(beyond, self.count(), share) <= DOUBT {
            return Held::Yes;
        }
        if beyond > 0 && 1.0 - at_most(beyond - 1, self.count(), share) <= DOUBT {
            return Held::No;
        }
        let needed = (DOUBT.ln() / (1.0 - share).ln()).ceil();
        Held::CannotTell { needed: needed as usize }
    }
}

/// The probability of at most `k` successes in `n` trials.
fn at_most(k: usize, n: usize, probability: f64) -> f64 {
    let mut term = (1.0 - probability).powi(i32::try_from(n).unwrap_or(i32::MAX));
    let mut sum = term;
    for i in 0..k.min(n) {
        term *= (n - i) as f64 / (i + 1) as f64 * probability / (1.0 - probability);
        sum += term;
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lags(seconds: impl IntoIterator<Item = u64>, never: usize) -> Lags {
        let mut lags = Lags { never, ..Lags::default() };
        seconds.into_iter().for_each(|it| lags.add(Duration::from_secs(it)));
        lags
    }

    #[test]
    fn percentiles_are_of_what_was_seen_and_what_was_not() {
        let all = lags([4, 1, 3, 2], 0);
        let of = |lags: &Lags, percent| {
            lags.statistic(Statistic::Percentile(percent)).map(|it| it.as_secs())
        };
        assert_eq!((of(&all, 50), of(&all, 51), of(&all, 99)), (Some(2), Some(3), Some(4)));
        assert_eq!(all.statistic(Statistic::Max), Some(Duration::from_secs(4)));
        let cut = lags([1, 2, 3], 1);
        assert_eq!((of(&cut, 75), of(&cut, 76)), (Some(3), None));
        assert_eq!(cut.statistic(Statistic::Max), None);
        assert_eq!(lags([], 0).statistic(Statistic::Max), None);
    }

    #[test]
    fn a_budget_is_held_missed_or_cannot_be_told() {
        #[track_caller]
        fn check(lags: Lags, percent: u8, expected: Held) {
            let limit = Duration::from_secs(60);
            assert_eq!(lags.holds(Statistic::Percentile(percent), limit), expected);
        }
        check(lags(0..59, 0), 95, Held::Yes);
        check(lags(0..58, 0), 95, Held::CannotTell { needed: 59 });
        check(lags((0..50).chain(100..110), 0), 95, Held::No);
        check(lags(0..5, 0), 50, Held::Yes);
        check(lags(0..4, 0), 50, Held::CannotTell { needed: 5 });
        check(lags(0..5, 1), 50, Held::CannotTell { needed: 5 });
        check(lags([], 5), 50, Held::No);
        check(lags([], 0), 50, Held::CannotTell { needed: 5 });
        let max = |lags: Lags| lags.holds(Statistic::Max, Duration::from_secs(60));
        assert_eq!(max(lags(0..3, 0)), Held::Yes);
        assert_eq!(max(lags(0..3, 1)), Held::No);
    }
}
