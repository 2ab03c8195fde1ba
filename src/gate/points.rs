//! When did it change? For reports: no verdict hangs on it.
//!
//! E-divisive (Matteson and James, A nonparametric approach for multiple change point analysis,
//! 2014): the split whose sides differ most in energy distance, tested by permuting the nights, and
//! again on both sides. Where nights are like the ones before, blocks of them are permuted: else every
//! order but the true one would look more even.
//!
//! Own code: the published crates of change points (`changepoint`, `augurs-changepoint`) are online
//! Bayesian or have no test.

use super::{
    Night, Series, Status,
    lens::Lens,
    level::{Level, level},
};
use crate::{
    load::{
        Estimate,
        statistics::{CONFIDENCE, dependence::student},
    },
    random::Random,
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// A night from which on a series was of another level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangePoint {
    /// The first night at the new level.
    pub date: NaiveDate,
    /// Of that night in the history, sound nights only.
    pub index: usize,
    /// The levels on both sides up to the next change point, in the unit of the metric.
    pub before: f64,
    pub after: f64,
    /// After by before, or after less before for shares.
    pub size: Estimate,
    /// The share of permutations that were at least as uneven.
    pub p: f64,
}

/// Fewer nights are no side.
const SIDE_MIN: usize = 4;

const PERMUTATIONS: usize = 399;

/// A split that so many permutations reach is none.
const LEVEL: f64 = 0.01;

/// In order. Red nights are part of the history, nights that were not sound are not.
pub fn when_changed(series: &Series, history: &[Night]) -> Vec<ChangePoint> {
    let lens = Lens::of(series, false);
    let mut nights: Vec<&Night> = history
        .iter()
        .filter(|it| it.status != Status::Invalid && lens.look(&it.first).is_some())
        .collect();
    nights.sort_by_key(|it| it.date);
    let values: Vec<f64> = nights.iter().filter_map(|it| lens.look(&it.first)).collect();

    let mut found = Vec::new();
    let mut random = Random::new(SEED);
    split(&values, 0, &mut random, &mut found);
    found.sort_unstable_by_key(|it| it.0);
    let ends = |at: usize| {
        let begin = at.checked_sub(1).map_or(0, |it| found[it].0);
        (begin, found[at].0, found.get(at + 1).map_or(values.len(), |it| it.0))
    };
    let point = |at: usize| {
        let (begin, index, end) = ends(at);
        let (before, after) = (level(&values[begin..index])?, level(&values[index..end])?);
        let shown = |it: Level| lens.unit(it.location);
        Some(ChangePoint {
            date: nights[index].date,
            index,
            before: shown(before),
            after: shown(after),
            size: size(&lens, before, after, end - begin),
            p: found[at].1,
        })
    };
    (0..found.len()).filter_map(point).collect()
}

/// Of the permutations: a report is the same each time it is made.
const SEED: u64 = 7;

fn size(lens: &Lens, before: Level, after: Level, nights: usize) -> Estimate {
    let by = after.location - before.location;
    let half = before.uncertainty.hypot(after.uncertainty) * student(nights.saturating_sub(2));
    let ends = [by - half, by + half].map(|it| lens.shown(it));
    Estimate {
        value: lens.shown(by),
        low: ends[0].min(ends[1]),
        high: ends[0].max(ends[1]),
        confidence: CONFIDENCE,
        samples: nights as u64,
    }
}

/// Adds the change points of `values`, which begin at `offset`.
fn split(values: &[f64], offset: usize, random: &mut Random, found: &mut Vec<(usize, f64)>) {
    let Some((at, energy)) = most_uneven(values) else { return };
    let length = block(&values[..at], &values[at..]);
    let most = (LEVEL * (PERMUTATIONS + 1) as f64) as usize - 1;
    let mut beyond = 0;
    for _ in 0..PERMUTATIONS {
        let permuted = permuted(values, length, random);
        beyond += usize::from(most_uneven(&permuted).is_some_and(|it| it.1 >= energy));
        // It cannot be a change point any more.
        if beyond > most {
            return;
        }
    }
    let p = (beyond + 1) as f64 / (PERMUTATIONS + 1) as f64;
    split(&values[..at], offset, random, found);
    found.push((offset + at, p));
    split(&values[at..], offset + at, random, found);
}

/// Neighbours that stay together: one where the nights of both sides hang together by no more than
/// chance, else as many as Andrews (Heteroskedasticity and autocorrelation consistent covariance
/// matrix estimation, 1991) has it for a chain.
fn block(before: &[f64], after: &[f64]) -> usize {
    let rest = [before, after].into_iter().filter_map(|side| {
        let middle = level(side)?.location;
        Some(side.iter().map(move |it| it - middle))
    });
    let rest: Vec<f64> = rest.flatten().collect();
    let chain = level(&rest).map_or(0.0, |it| it.chain);
    let length = (2.0 * chain / (1.0 - chain * chain)).powf(2.0 / 3.0) * (rest.len() as f64).cbrt();
    (length.ceil() as usize).max(1)
}

/// Blocks in another order, not always cut at the same places.
fn permuted(values: &[f64], length: usize, random: &mut Random) -> Vec<f64> {
    let (head, rest) = values.split_at(random.below(length.min(values.len())));
    let mut blocks: Vec<&[f64]> = rest.chunks(length).collect();
    blocks.push(head);
    for at in (1..blocks.len()).rev() {
        blocks.swap(at, random.below(at + 1));
    }
    blocks.concat()
}

/// Where both sides differ most, and by how much. `None` of too few nights.
fn most_uneven(values: &[f64]) -> Option<(usize, f64)> {
    let n = values.len();
    let apart = |a: usize, b: usize| (values[a] - values[b]).abs();
    let pairs = |of: usize| (of * of.saturating_sub(1)) as f64 / 2.0;
    let mut right: f64 =
        (0..n).flat_map(|a| (0..a).map(move |b| (a, b))).map(|(a, b)| apart(a, b)).sum();
    let (total, mut left) = (right, 0.0);
    let mut most: Option<(usize, f64)> = None;
    for at in 1..n {
        // The night before `at` changes sides.
        let moved = at - 1;
        left += (0..moved).map(|it| apart(it, moved)).sum::<f64>();
        right -= (at..n).map(|it| apart(it, moved)).sum::<f64>();
        if at < SIDE_MIN || n - at < SIDE_MIN {
            continue;
        }
        let between = (total - left - right) / (at * (n - at)) as f64;
        let distance = 2.0 * between - left / pairs(at) - right / pairs(n - at);
        let energy = distance * (at * (n - at)) as f64 / n as f64;
        if most.is_none_or(|it| energy > it.1) {
            most = Some((at, energy));
        }
    }
    most
}
