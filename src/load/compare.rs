//! Two roles' figures against each other.
//!
//! The ends of a ratio or difference follow from those of its parts, each taken on the side that
//! counts (MOVER: Zou and Donner, Construction of confidence limits about effect measures, 2008),
//! ratios as differences of logarithms. So an interval that is lopsided, or open above, stays so.
//! What two figures have in common is told from what each second did to both: a pause that hit
//! both roles cancels. Roles that were loaded at different times share no second, and nothing
//! cancels.

use super::{
    budget::Comparison,
    statistics::{Figure, dependence::long_run},
};
use std::collections::BTreeMap;

/// The same figure of both roles.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The first role.
    pub tested: &'a Figure,
    pub other: &'a Figure,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    pub value: f64,
    pub low: f64,
    /// Infinite where there is no upper end.
    pub high: f64,
}

/// Controls are queries whose latency has nothing to do with what is tested. How they compare is
/// taken off, so that a region or a network that changes between the roles cancels.
///
/// `None` for a ratio with a figure of zero.
pub fn compare(comparison: Comparison, pair: Pair, controls: Option<Pair>) -> Option<Compared> {
    // In order: what is added, then what is taken off.
    let pairs = [Some(pair), controls];
    let mut parts = Vec::new();
    for (pair, sign) in pairs.into_iter().zip([1.0, -1.0]) {
        let Some(Pair { tested, other }) = pair else { continue };
        let (first, second) = match comparison {
            Comparison::Ratio => (other, tested),
            Comparison::Difference => (tested, other),
        };
        parts.push(part(comparison, first, sign)?);
        parts.push(part(comparison, second, -sign)?);
    }
    let value: f64 = parts.iter().map(|it| it.sign * it.value).sum();
    let down = arm(&parts, |it| if it.sign > 0.0 { it.down } else { it.up });
    let up = arm(&parts, |it| if it.sign > 0.0 { it.up } else { it.down });
    Some(match comparison {
        Comparison::Difference => Compared { value, low: value - down, high: value + up },
        Comparison::Ratio => {
            Compared { value: value.exp(), low: (value - down).exp(), high: (value + up).exp() }
        }
    })
}

/// One of the figures, on the scale that is added up.
struct Part<'a> {
    sign: f64,
    value: f64,
    down: f64,
    up: f64,
    effects: &'a [(u32, f64)],
}

fn part(comparison: Comparison, figure: &Figure, sign: f64) -> Option<Part<'_>> {
    let scale = |it: f64| match comparison {
        Comparison::Ratio => it.ln(),
        Comparison::Difference => it,
    };
    let value = scale(figure.value);
    if !value.is_finite() {
        return None;
    }
    Some(Part {
        sign,
        value,
        down: value - scale(figure.low),
        up: scale(figure.high) - value,
        effects: &figure.effects,
    })
}

/// How far the sum may be off to one side.
fn arm(parts: &[Part], side: impl Fn(&Part) -> f64) -> f64 {
    let mut together: BTreeMap<u32, f64> = BTreeMap::new();
    let (mut apart, mut most) = (0.0, 0.0_f64);
    for part in parts {
        let length = side(part);
        if length.is_infinite() {
            return f64::INFINITY;
        }
        most += length;
        if part.effects.is_empty() {
            apart += length * length;
        }
        for (second, effect) in part.effects {
            *together.entry(*second).or_default() += part.sign * length * effect;
        }
    }
    let series: Vec<f64> = together.into_values().collect();
    // The effects are scaled to a deviation of 1, and each length is that of 95 %.
    let deviation = long_run(&series).map_or(0.0, |it| it.deviation);
    (deviation * deviation + apart).sqrt().min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, low: f64, high: f64) -> Figure {
        Figure {
            value,
            at_least: false,
            unanswered: false,
            low,
            high,
            samples: 1000,
            inflation: 1.0,
            open: None,
            effects: Vec::new(),
        }
    }

    #[track_caller]
    fn check(comparison: Comparison, tested: Figure, other: Figure, expected: [f64; 3]) {
        let pair = Pair { tested: &tested, other: &other };
        let Compared { value, low, high } = compare(comparison, pair, None).unwrap();
        for (actual, expected) in [value, low, high].into_iter().zip(expected) {
            assert!((actual - expected).abs() < 1e-3 || actual == expected, "{actual} {expected}");
        }
    }

    #[test]
    fn a_ratio_is_of_the_other_role_by_the_tested_one() {
        // The other is known: only the tested role's interval, turned round, is left.
        let known = |it| figure(it, it, it);
        check(Comparison::Ratio, figure(2.0, 1.0, 4.0), known(6.0), [3.0, 1.5, 6.0]);
        check(Comparison::Ratio, known(2.0), figure(6.0, 4.0, 8.0), [3.0, 2.0, 4.0]);
        check(Comparison::Difference, known(2.0), figure(6.0, 4.0, 8.0), [-4.0, -6.0, -2.0]);
        check(Comparison::Difference, figure(6.0, 5.0, 9.0), known(2.0), [4.0, 3.0, 7.0]);
    }

    #[test]
    fn an_open_end_stays_open_on_its_side() {
        let open = figure(6.0, 5.0, f64::INFINITY);
        let known = figure(2.0, 2.0, 2.0);
        check(Comparison::Ratio, known.clone(), open.clone(), [3.0, 2.5, f64::INFINITY]);
        check(Comparison::Ratio, open, known, [1.0 / 3.0, 0.0, 0.4]);
    }

    #[test]
    fn controls_are_taken_off() {
        let known = |it| figure(it, it, it);
        let (tested, other) = (known(10.0), known(60.0));
        let (control, control_other) = (known(5.0), known(10.0));
        let pair = Pair { tested: &tested, other: &other };
        let controls = Some(Pair { tested: &control, other: &control_other });
        let ratio = compare(Comparison::Ratio, pair, controls).unwrap();
        assert!((ratio.value - 3.0).abs() < 1e-9, "{ratio:?}");
        let difference = compare(Comparison::Difference, pair, controls).unwrap();
        assert!((difference.value - -45.0).abs() < 1e-9, "{difference:?}");
    }

    #[test]
    fn what_hits_both_in_the_same_seconds_cancels() {
        let wave = |shift: u32| -> Vec<(u32, f64)> {
            let wave = (0..40).map(|it| (it + shift, (f64::from(it) / 6.0).sin()));
            let parts: Vec<(u32, f64)> = wave.collect();
            let numbers: Vec<f64> = parts.iter().map(|it| it.1).collect();
            let deviation = long_run(&numbers).unwrap().deviation;
            parts.into_iter().map(|(second, it)| (second, it / deviation)).collect()
        };
        let of = |shift| Figure { effects: wave(shift), ..figure(4.0, 3.0, 5.0) };
        let (first, same, later) = (of(0), of(0), of(100));
        let width = |other: &Figure| {
            let pair = Pair { tested: &first, other };
            let it = compare(Comparison::Difference, pair, None).unwrap();
            it.high - it.low
        };
        assert!(width(&same) < 0.01, "{}", width(&same));
        assert!(width(&later) > 1.0, "{}", width(&later));
    }
}
