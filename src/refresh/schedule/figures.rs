//! Lag over time, from the rows themselves.

use super::{Check, LagFigures, Series, Violation, seconds};
use crate::refresh::schedule::history::{Figures, Refresh, State};

/// How far what the server says may be from what the rows say: it looks at another stretch of
/// time. A share of the greater, and never less than so many seconds.
const SHARE: f64 = 0.1;
const SECONDS: f64 = 2.0;

pub fn check(tables: &mut [Series], given: &[Figures]) {
    for table in tables.iter_mut() {
        table.report.lag = figures(&table.rows, table.report.target_lag);
    }
    for figures in given {
        let Some(table) = tables.iter_mut().find(|it| it.name == figures.table) else { continue };
        compare(table, figures);
    }
}

/// Between two completions the lag grows by a second each second; a completion takes it down.
fn figures(rows: &[&Refresh], target_lag: Option<f64>) -> Option<LagFigures> {
    let mut done: Vec<(i64, i64)> = rows
        .iter()
        .filter(|it| it.state == State::Succeeded)
        .filter_map(|it| Some((it.ended_at?, it.data_timestamp)))
        .collect();
    done.sort_unstable();
    let (mut peaks, mut area, mut total, mut above) = (Vec::new(), 0.0, 0.0, 0.0);
    for pair in done.windows(2) {
        let least = seconds(pair[0].0 - pair[0].1);
        let peak = seconds(pair[1].0 - pair[0].1);
        let span = peak - least;
        peaks.push(peak);
        total += span;
        area += span * (least + peak) / 2.0;
        if let Some(target) = target_lag {
            above += (peak - least.max(target)).max(0.0);
        }
    }
    peaks.sort_by(f64::total_cmp);
    if total <= 0.0 {
        return None;
    }
    // The nearest rank, so that a percentile is one of the peaks.
    let rank = |percent: usize| peaks[((peaks.len() * percent).div_ceil(100)).max(1) - 1];
    Some(LagFigures {
        count: peaks.len(),
        p50: rank(50),
        p95: rank(95),
        max: rank(100),
        mean: area / total,
        time_above: target_lag.map(|_| above),
        ratio_within: target_lag.map(|_| 1.0 - above / total),
    })
}

fn compare(table: &mut Series, given: &Figures) {
    let Some(found) = table.report.lag else {
        table.unsure(Check::LagFigures, "two refreshes with their ends are needed");
        return;
    };
    let figures = [
        ("MEAN_LAG_SEC", given.mean, Some(found.mean), SECONDS),
        ("MAXIMUM_LAG_SEC", given.maximum, Some(found.max), SECONDS),
        ("TIME_ABOVE_TARGET_LAG_SEC", given.time_above, found.time_above, SECONDS),
        ("TIME_WITHIN_TARGET_LAG_RATIO", given.ratio_within, found.ratio_within, 0.02),
    ];
    for (name, given_value, found_value, least) in figures {
        let (Some(it), Some(found)) = (given_value, found_value) else { continue };
        if (it - found).abs() > (SHARE * it.abs().max(found.abs())).max(least) {
            table.report.violations.push(Violation {
                check: Check::LagFigures,
                message: format!("{name} is {it}, where the rows make it {found:.3}"),
                rows: vec![given.place.clone()],
            });
        }
    }
}
