//! Values of parameters, drawn at random.

use crate::{random::Random, target::Value};
use std::sync::Arc;

/// Where a parameter's values come from, once everything is known.
#[derive(Clone, Debug)]
pub enum Values {
    /// Whole numbers, ends included.
    Uniform {
        first: i64,
        last: i64,
    },
    Zipf {
        first: i64,
        ranks: Zipf,
    },
    /// Any of these. Never empty.
    OneOf(Arc<[String]>),
}

impl Values {
    pub fn draw(&self, random: &mut Random) -> Value {
        let number = |first: i64, above: usize| Value::Number {
            digits: i128::from(first) + above as i128,
            scale: 0,
        };
        match self {
            Self::Uniform { first, last } => {
                let count = last.abs_diff(*first).saturating_add(1);
                number(*first, random.below(usize::try_from(count).unwrap_or(usize::MAX)))
            }
            Self::Zipf { first, ranks } => number(*first, ranks.draw(random) - 1),
            Self::OneOf(values) => {
                Value::Text(values.get(random.below(values.len())).cloned().unwrap_or_default())
            }
        }
    }
}

/// Ranks from 1, of which the k-th comes in proportion to 1 / k^exponent.
///
/// Drawn by rejection-inversion (Hörmann, Derflinger: Rejection-inversion to generate variates from
/// monotone discrete distributions, 1996): no table, whatever the number of ranks.
#[derive(Clone, Debug)]
pub struct Zipf {
    ranks: f64,
    exponent: f64,
    /// Of the integral of the density: at its two ends.
    low: f64,
    high: f64,
    /// Below this distance from its rank a draw is accepted without looking closer.
    shortcut: f64,
}

impl Zipf {
    /// At least one rank, and an exponent above 0.
    pub fn new(ranks: u64, exponent: f64) -> Self {
        let ranks = ranks.max(1) as f64;
        let mut it = Self { ranks, exponent, low: 0.0, high: 0.0, shortcut: 0.0 };
        it.low = it.integral(1.5) - 1.0;
        it.high = it.integral(ranks + 0.5);
        it.shortcut = 2.0 - it.inverse(it.integral(2.5) - it.density(2.0));
        it
    }

    fn draw(&self, random: &mut Random) -> usize {
        loop {
            let at = self.high + random.unit() * (self.low - self.high);
            let x = self.inverse(at);
            let rank = x.round().clamp(1.0, self.ranks);
            if rank - x <= self.shortcut || at >= self.integral(rank + 0.5) - self.density(rank) {
                return rank as usize;
            }
        }
    }

    fn density(&self, x: f64) -> f64 {
        (-self.exponent * x.ln()).exp()
    }

    /// Of the density from 1 to `x`; the logarithm at an exponent of 1.
    fn integral(&self, x: f64) -> f64 {
        let log = x.ln();
        let power = (1.0 - self.exponent) * log;
        log * ratio(power.exp_m1(), power)
    }

    fn inverse(&self, integral: f64) -> f64 {
        let power = ((1.0 - self.exponent) * integral).max(-1.0);
        (integral * ratio(power.ln_1p(), power)).exp()
    }
}

/// `a / b`, which goes to 1 where both go to 0.
fn ratio(a: f64, b: f64) -> f64 {
    match b.abs() < 1e-12 {
        true => 1.0,
        false => a / b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(values: &Values, count: usize) -> Vec<i128> {
        let mut random = Random::new(3);
        let draw = || match values.draw(&mut random) {
            Value::Number { digits, .. } => digits,
            other => panic!("{other:?}"),
        };
        std::iter::repeat_with(draw).take(count).collect()
    }

    #[test]
    fn uniform_numbers_reach_both_ends() {
        let drawn = digits(&Values::Uniform { first: -2, last: 2 }, 10_000);
        for value in -2..=2 {
            let share = drawn.iter().filter(|it| **it == value).count() as f64 / 10_000.0;
            assert!((share - 0.2).abs() < 0.02, "{value}: {share}");
        }
        assert_eq!(digits(&Values::Uniform { first: 7, last: 7 }, 2), [7, 7]);
        digits(&Values::Uniform { first: i64::MIN, last: i64::MAX }, 2);
    }

    #[test]
    fn the_first_ranks_come_in_proportion() {
        for exponent in [0.5, 1.0, 1.3] {
            let values = Values::Zipf { first: 10, ranks: Zipf::new(1000, exponent) };
            let drawn = digits(&values, 200_000);
            assert!(drawn.iter().all(|it| (10..1010).contains(it)));
            let sum: f64 = (1..=1000).map(|it| f64::from(it).powf(-exponent)).sum();
            for rank in [1, 2, 3, 10, 500, 1000] {
                let wanted = f64::from(rank).powf(-exponent) / sum * 200_000.0;
                let came = drawn.iter().filter(|it| **it == i128::from(rank) + 9).count() as f64;
                // Four standard deviations.
                assert!(
                    (came - wanted).abs() < 4.0 * wanted.sqrt() + 1.0,
                    "{rank}: {came} of {wanted}"
                );
            }
        }
        assert_eq!(digits(&Values::Zipf { first: 5, ranks: Zipf::new(1, 1.0) }, 2), [5, 5]);
    }
}
