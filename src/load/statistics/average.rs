//! Means of latencies and rates, which are sums over seconds.

use super::{
    Figure, Open, Z,
    dependence::{inflation, long_run},
};
use crate::load::sums::{Latencies, LatencySecond};

/// The mean latency. Of requests that did not end it takes what is known, and is open above.
///
/// `None` if no latency is known.
pub fn mean(latencies: &Latencies) -> Option<Figure> {
    let known = |it: &LatencySecond| -> (f64, f64, f64) {
        let add = |sum: (f64, f64, f64), (value, count): &(u64, u64)| {
            let (value, count) = (*value as f64, *count as f64);
            (sum.0 + count, sum.1 + count * value, sum.2 + count * value * value)
        };
        it.answered.iter().chain(&it.censored).fold((0.0, 0.0, 0.0), add)
    };
    let sums: Vec<(u32, (f64, f64, f64))> =
        latencies.seconds.iter().map(|it| (it.second, known(it))).collect();
    let (count, sum, squares) =
        sums.iter().fold((0.0, 0.0, 0.0), |to, (_, it)| (to.0 + it.0, to.1 + it.1, to.2 + it.2));
    if count <= 0.0 {
        return None;
    }
    let value = sum / count;
    let variance = (squares - count * value * value).max(0.0) * count / (count - 1.0).max(1.0);
    let parts: Vec<(u32, f64)> =
        sums.iter().map(|(second, (count, sum, _))| (*second, sum - count * value)).collect();
    let (inflation, effects) = inflation(&parts, variance);
    let half = Z * (variance * inflation).sqrt() / count;
    let unended = latencies.samples() > latencies.answered();
    let open = match inflation.is_infinite() {
        true => Some(Open::OneSecond),
        false => unended.then_some(Open::Unended),
    };
    Some(Figure {
        value,
        at_least: unended,
        unanswered: false,
        // Not a number where nothing varies within one second.
        low: if half.is_finite() { (value - half).max(0.0) } else { 0.0 },
        high: if open.is_none() { value + half } else { f64::INFINITY },
        samples: latencies.samples(),
        inflation,
        open,
        effects,
    })
}

/// Requests a second. `counts` are those of each second in order, with how much of it was
/// measured, 0 to 1.
///
/// `None` if no time went by.
pub fn rate(counts: &[(u64, f64)]) -> Option<Figure> {
    let (count, time) = counts.iter().fold((0, 0.0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    if time <= 0.0 {
        return None;
    }
    let value = count as f64 / time;
    let parts: Vec<f64> = counts.iter().map(|(count, time)| *count as f64 - value * time).collect();
    // Not less than that of independent requests is no bound here: a schedule that is kept is
    // known to its rate.
    let half = long_run(&parts).map(|it| it.quantile * it.deviation / time);
    Some(Figure {
        value,
        at_least: false,
        unanswered: false,
        low: half.map_or(0.0, |it| (value - it).max(0.0)),
        high: half.map_or(f64::INFINITY, |it| value + it),
        samples: count,
        inflation: 1.0,
        open: half.is_none().then_some(Open::OneSecond),
        effects: Vec::new(),
    })
}
