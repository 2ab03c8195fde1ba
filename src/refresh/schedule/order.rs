//! What holds of rows in their order: overlaps, skips, going back, completion targets,
//! suspension, and upstream timestamps.

use super::{
    Check, ROUNDING, Series,
    history::{Refresh, State},
    instant::SECOND,
    is_scheduled, seconds, shown,
};

/// Consecutive scheduled refreshes that fail before a table is suspended.
const FAILURES_MAX: usize = 5;

pub fn check(table: &mut Series) {
    overlap(table);
    skipped(table);
    going_back(table);
    completion_target(table);
    suspension(table);
}

/// Exports to whole seconds cannot tell the end of one from the start of the next.
fn rounding(rows: &[&Refresh]) -> i64 {
    let times = rows.iter().flat_map(|it| [it.started_at, it.ended_at]).flatten();
    match times.into_iter().any(|it| it % SECOND != 0) {
        true => 0,
        false => ROUNDING,
    }
}

fn overlap(table: &mut Series) {
    let rounding = rounding(&table.rows);
    let mut times: Vec<(i64, i64, &Refresh)> =
        table.rows.iter().filter_map(|it| Some((it.started_at?, it.ended_at?, *it))).collect();
    times.sort_by_key(|it| (it.0, it.1));
    let mut last: Option<(i64, &Refresh)> = None;
    for (started_at, ended_at, row) in times {
        if let Some((until, before)) = last
            && started_at + rounding < until
        {
            let message = format!(
                "it began {:.3} s before the one before it ended",
                seconds(until - started_at)
            );
            table.violated(Check::Overlap, message, [before, row]);
        }
        if last.is_none_or(|it| ended_at > it.0) {
            last = Some((ended_at, row));
        }
    }
}

fn skipped(table: &mut Series) {
    let rows = table.rows.clone();
    for row in rows.into_iter().filter(|it| it.state == State::Skipped) {
        if row.started_at.is_some() || row.ended_at.is_some() {
            table.violated(Check::Skipped, "skipped, and yet it began or ended", [row]);
        }
    }
}

fn going_back(table: &mut Series) {
    let mut done: Vec<&Refresh> =
        table.rows.iter().filter(|it| it.state == State::Succeeded).copied().collect();
    done.sort_by_key(|it| it.ended_at.or(it.started_at).unwrap_or(it.data_timestamp));
    for pair in done.windows(2) {
        let back = pair[0].data_timestamp - pair[1].data_timestamp;
        if back > ROUNDING {
            let message = format!(
                "the data timestamp goes back by {:.3} s, from {} to {}",
                seconds(back),
                shown(pair[0].data_timestamp),
                shown(pair[1].data_timestamp)
            );
            table.violated(Check::GoingBack, message, [pair[0], pair[1]]);
        }
    }
}

/// Which row is the previous one is not documented where some were skipped or failed, so that
/// any since the last success will do.
fn completion_target(table: &mut Series) {
    let mut rows = table.rows.clone();
    rows.sort_by_key(|it| it.data_timestamp);
    let mut previous: Vec<&Refresh> = Vec::new();
    for row in rows {
        if let (Some(target), Some(lag)) = (row.completion_target, table.lag(row))
            && let Some(last) = previous.last()
        {
            #[expect(clippy::cast_possible_truncation, reason = "such a cast is bounded")]
            let lag_micros = (lag * SECOND as f64) as i64;
            let is_met = previous
                .iter()
                .any(|it| (it.data_timestamp + lag_micros - target).abs() <= ROUNDING);
            if !is_met {
                let message = format!(
                    "COMPLETION_TARGET is {}, where the previous data timestamp and {lag} s are {}",
                    shown(target),
                    shown(last.data_timestamp.saturating_add(lag_micros))
                );
                table.violated(Check::CompletionTarget, message, [*last, row]);
            }
        }
        if row.state == State::Succeeded {
            previous.clear();
        }
        previous.push(row);
    }
}

/// Skips and manual refreshes do not count, and success begins again. After the fifth, a table
/// that goes on at its next tick was not suspended; one that goes on later may have been resumed.
fn suspension(table: &mut Series) {
    let mut failures: Vec<&Refresh> = Vec::new();
    for row in table.rows.clone() {
        if !is_scheduled(row) {
            if row.state == State::Succeeded {
                failures.clear();
            }
            continue;
        }
        let is_counted = row.state.is_executed() || row.state == State::Skipped;
        if is_counted && let (FAILURES_MAX, Some(last)) = (failures.len(), failures.last()) {
            let gap = row.data_timestamp - last.data_timestamp;
            if gap <= table.period(row) * SECOND + 2 * ROUNDING {
                let message = format!(
                    "it went on {:.0} s after {FAILURES_MAX} failures in a row",
                    seconds(gap)
                );
                let rows: Vec<&Refresh> = failures.iter().copied().chain([row]).collect();
                table.violated(Check::Suspension, message, rows);
            }
            failures.clear();
        }
        match row.state {
            State::Failed | State::Cancelled => failures.push(row),
            State::Succeeded => failures.clear(),
            _ => {}
        }
    }
}

/// Scheduled data timestamps of a table are ones of what it reads, within what is known of that.
pub fn upstream(tables: &mut [Series], reads: &[(String, String)]) {
    for at in 0..tables.len() {
        let name = tables[at].name.clone();
        let is = |full: &str, given: &str| {
            let (full, given) = (full.to_ascii_uppercase(), given.to_ascii_uppercase());
            full == given || full.ends_with(&format!(".{given}"))
        };
        let given = reads.iter().filter(|(downstream, _)| is(&name, downstream));
        let mut upstreams: Vec<String> = given.map(|(_, upstream)| upstream.clone()).collect();
        upstreams.extend(tables[at].rows.iter().filter_map(|it| it.dependency.clone()));
        upstreams.sort();
        upstreams.dedup();
        for upstream in upstreams {
            let found = tables.iter().position(|it| is(&it.name, &upstream));
            let Some(found) = found.filter(|it| *it != at) else {
                let why = format!("there are no rows of `{upstream}`, which it reads");
                tables[at].report.notes.push(why);
                continue;
            };
            let mut known: Vec<i64> = tables[found]
                .rows
                .iter()
                .filter(|it| it.state == State::Succeeded)
                .map(|it| it.data_timestamp)
                .collect();
            known.sort_unstable();
            let (Some(first), Some(last)) = (known.first(), known.last()) else { continue };
            let within = (first - ROUNDING)..=(last + ROUNDING);
            let is_known = |at: i64| {
                let from = known.partition_point(|it| *it < at - ROUNDING);
                known.get(from).is_some_and(|it| *it <= at + ROUNDING)
            };
            let missing: Vec<&Refresh> = tables[at]
                .rows
                .iter()
                .filter(|it| is_scheduled(it) && it.state == State::Succeeded)
                .filter(|it| within.contains(&it.data_timestamp) && !is_known(it.data_timestamp))
                .copied()
                .collect();
            for row in missing {
                let message = format!(
                    "{} is no data timestamp of `{}`, which it reads",
                    shown(row.data_timestamp),
                    tables[found].name
                );
                tables[at].violated(Check::Upstream, message, [row]);
            }
        }
    }
}
