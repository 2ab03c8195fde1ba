//! Periods, phase, and the coarser grid after an overrun.

use super::{
    Check, Gap, REFRESHES_MIN, ROUNDING, Series, TICK,
    history::{Refresh, State},
    instant::SECOND,
    is_scheduled, seconds, shown,
};
use std::collections::BTreeMap;

/// Rounding of both ends of a gap.
const GAP_ROUNDING: i64 = 2 * ROUNDING;

/// Of a table's overruns, so many may be followed by a gap that is on no coarser grid: live
/// histories have a few odd multiples (144, 288, 576 s) where they change from one grid to another.
const ODD_SHARE: usize = 20;

/// Ticks that histories agree on: of each coarser grid, which tick of 48 s it begins with.
#[derive(Default)]
pub struct Ticks {
    phase: i64,
    /// By how many ticks the grid has: the residue that most refreshes after an overrun have.
    residues: BTreeMap<i64, i64>,
}

/// Grid and period of each table, then what they share.
pub fn check(tables: &mut [Series]) -> Ticks {
    // Of each table: periods, and the phase of each.
    let mut phases: Vec<BTreeMap<i64, i64>> = Vec::new();
    for table in tables.iter_mut() {
        gaps(table);
        phases.push(grid(table));
        period(table);
    }
    shared(tables, &phases);
    let most_rows = (0..tables.len()).max_by_key(|it| tables[*it].report.scheduled);
    let phase = most_rows.and_then(|it| phases[it].values().next().copied()).unwrap_or_default();
    let mut ticks = Ticks { phase: phase.rem_euclid(TICK * SECOND), ..Ticks::default() };
    ticks.vote(tables);
    ticks
}

/// Scheduled rows for which something was executed.
fn executed<'a>(table: &Series<'a>) -> Vec<&'a Refresh> {
    let of_scheduler = |it: &&&Refresh| is_scheduled(it) && it.state.is_executed();
    let mut rows: Vec<&Refresh> = table.rows.iter().filter(of_scheduler).copied().collect();
    rows.sort_by_key(|it| it.data_timestamp);
    rows
}

fn gaps(table: &mut Series) {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for pair in executed(table).windows(2) {
        let gap = pair[1].data_timestamp - pair[0].data_timestamp;
        *counts.entry(rounded(gap)).or_default() += 1;
    }
    let gaps = counts.into_iter().map(|(seconds, count)| Gap { seconds, count });
    table.report.gaps = gaps.collect();
    table.report.gaps.sort_by_key(|it| (std::cmp::Reverse(it.count), it.seconds));
}

/// In whole seconds; the multiple of 48 where it is one but for rounding.
fn rounded(gap: i64) -> i64 {
    let tick = TICK * SECOND;
    let nearest = (gap + tick / 2).div_euclid(tick) * tick;
    match (gap - nearest).abs() <= GAP_ROUNDING && nearest > 0 {
        true => nearest / SECOND,
        false => (gap + SECOND / 2).div_euclid(SECOND),
    }
}

/// How far `at` is from the nearest instant of the phase, with its sign.
fn off(at: i64, phase: i64, period: i64) -> i64 {
    let period = period * SECOND;
    (at - phase + period / 2).rem_euclid(period) - period / 2
}

/// The phase that most of the instants have, up to rounding: the middle of the fullest stretch of
/// three seconds.
fn phase(instants: &[i64], period: i64) -> Option<i64> {
    let mut buckets: BTreeMap<i64, usize> = BTreeMap::new();
    for at in instants {
        *buckets.entry(at.div_euclid(SECOND).rem_euclid(period)).or_default() += 1;
    }
    let count = |at: i64| buckets.get(&at.rem_euclid(period)).copied().unwrap_or_default();
    let around = |at: i64| count(at - 1) + count(at) + count(at + 1);
    let fullest = *buckets.keys().max_by_key(|it| (around(**it), count(**it), -**it))?;
    let centre = fullest * SECOND + SECOND / 2;
    let mut near: Vec<i64> = instants
        .iter()
        .map(|it| off(*it, centre, period))
        .filter(|it| it.abs() <= 3 * SECOND / 2)
        .collect();
    near.sort_unstable();
    let middle = near.get(near.len() / 2)?;
    Some((centre + middle).rem_euclid(period * SECOND))
}

/// The phase of each period that the table had.
fn grid(table: &mut Series) -> BTreeMap<i64, i64> {
    let mut by_period: BTreeMap<i64, Vec<&Refresh>> = BTreeMap::new();
    for row in table.rows.iter().filter(|it| is_scheduled(it)) {
        by_period.entry(table.period(row)).or_default().push(row);
    }
    let mut phases = BTreeMap::new();
    for (period, rows) in by_period {
        let instants: Vec<i64> = rows.iter().map(|it| it.data_timestamp).collect();
        let Some(phase) = phase(&instants, period) else { continue };
        if rows.len() < REFRESHES_MIN {
            let counted = rows.len();
            let why = format!(
                "{counted} scheduled row(s) with a period of {period} s, {REFRESHES_MIN} are \
                 needed"
            );
            table.unsure(Check::Grid, why);
            continue;
        }
        phases.insert(period, phase);
        let is_off = |it: &&&Refresh| off(it.data_timestamp, phase, period).abs() > ROUNDING;
        let (known, unknown): (Vec<&Refresh>, Vec<&Refresh>) =
            rows.iter().filter(is_off).copied().partition(|it| it.trigger.is_some());
        for row in known {
            let away = seconds(off(row.data_timestamp, phase, period));
            let message =
                format!("{} is {away:+.3} s off the grid of {period} s", shown(row.data_timestamp));
            table.violated(Check::Grid, message, [row]);
        }
        if let Some(first) = unknown.first() {
            let why = format!(
                "{} row(s) are off the grid of {period} s, the first at {}: without \
                 REFRESH_TRIGGER they may be manual",
                unknown.len(),
                first.place
            );
            table.unsure(Check::Grid, why);
        }
    }
    let of_last = table.report.target_lag.map_or(TICK, super::period);
    let phase = phases.get(&of_last).or_else(|| phases.values().next());
    table.report.phase = phase.map(|it| seconds(it.rem_euclid(TICK * SECOND)));
    phases
}

/// The usual gap is the period that the lag asks for. Only gaps count that nothing explains: no
/// overrun before them, nothing skipped within.
fn period(table: &mut Series) {
    table.report.period = table.report.target_lag.map(super::period);
    let rows = executed(table);
    if rows.is_empty() {
        table.report.notes.push("no scheduled refresh".to_owned());
        return;
    }
    if rows.len() < REFRESHES_MIN {
        let why = format!("{} scheduled refresh(es), {REFRESHES_MIN} are needed", rows.len());
        table.unsure(Check::Period, why);
        return;
    }
    let skipped: Vec<i64> = table
        .rows
        .iter()
        .filter(|it| matches!(it.state, State::Skipped | State::UpstreamFailed))
        .map(|it| it.data_timestamp)
        .collect();
    // By period: gaps, how often, and where the first one ends.
    let mut counts: BTreeMap<i64, BTreeMap<i64, Vec<&Refresh>>> = BTreeMap::new();
    for pair in rows.windows(2) {
        let period = table.period(pair[0]);
        let (from, to) = (pair[0].data_timestamp, pair[1].data_timestamp);
        let ended_at = pair[0].ended_at.unwrap_or(from);
        let is_skip = skipped.iter().any(|it| (from..to).contains(it));
        if table.period(pair[1]) == period && ended_at - from <= period * SECOND && !is_skip {
            counts.entry(period).or_default().entry(rounded(to - from)).or_default().push(pair[1]);
        }
    }
    let mut counted = 0;
    for (period, gaps) in counts {
        let all: usize = gaps.values().map(Vec::len).sum();
        counted += all;
        let Some((mode, ends)) = gaps.iter().max_by_key(|it| it.1.len()) else { continue };
        if all + 1 < REFRESHES_MIN {
            continue;
        }
        let expected = match table.report.target_lag {
            Some(_) => *mode == period,
            None => is_power(*mode),
        };
        if !expected {
            let message = match table.report.target_lag {
                Some(_) => format!(
                    "the usual gap is {mode} s ({} of {all}), where the lag asks for {period} s",
                    ends.len()
                ),
                None => format!("the usual gap is {mode} s ({} of {all}), no 48·2^n", ends.len()),
            };
            let shown: Vec<&Refresh> = ends.iter().take(3).copied().collect();
            table.violated(Check::Period, message, shown);
        }
    }
    if counted + 1 < REFRESHES_MIN {
        table.report.notes.push("nearly every refresh took longer than its period".to_owned());
    }
}

/// Whether it is 48·2^n s.
fn is_power(gap: i64) -> bool {
    gap > 0 && gap % TICK == 0 && (gap / TICK).count_ones() == 1
}

/// Tables of one account have one phase: of two tables, modulo the shorter period. What most
/// agree with is right.
fn shared(tables: &mut [Series], phases: &[BTreeMap<i64, i64>]) {
    let agree = |a: &BTreeMap<i64, i64>, b: &BTreeMap<i64, i64>| {
        a.iter().all(|(period, phase)| {
            b.iter().all(|(other, of_other)| {
                off(*phase, *of_other, *period.min(other)).abs() <= GAP_ROUNDING
            })
        })
    };
    let told: Vec<usize> = (0..tables.len()).filter(|it| !phases[*it].is_empty()).collect();
    let votes =
        |it: usize| told.iter().filter(|other| agree(&phases[it], &phases[**other])).count();
    let Some(right) =
        told.iter().copied().max_by_key(|it| (votes(*it), tables[*it].report.scheduled))
    else {
        return;
    };
    for it in told {
        if agree(&phases[it], &phases[right]) {
            continue;
        }
        let show = |phases: &BTreeMap<i64, i64>| {
            let each = phases
                .iter()
                .map(|(period, phase)| format!("{:.0} s modulo {period} s", seconds(*phase)));
            each.collect::<Vec<_>>().join(", ")
        };
        let message = format!(
            "its phase is {}, where that of `{}` is {}",
            show(&phases[it]),
            tables[right].name,
            show(&phases[right])
        );
        let rows: Vec<&Refresh> = executed(&tables[it]).into_iter().take(3).collect();
        tables[it].violated(Check::SharedPhase, message, rows);
    }
}

/// A refresh that was not done when the next tick came, and the one after it.
struct Overrun<'a> {
    after: &'a Refresh,
    next: &'a Refresh,
    /// Seconds.
    took: f64,
    /// Ticks of the coarsest grid that it needs.
    ticks: i64,
}

fn overruns<'a>(table: &Series<'a>) -> Vec<Overrun<'a>> {
    let rows = executed(table);
    let overrun = |pair: &[&'a Refresh]| {
        let (after, next) = (pair[0], pair[1]);
        let (started_at, ended_at) = (after.started_at?, after.ended_at?);
        let took = ended_at - started_at;
        let period = table.period(after);
        if took <= period * SECOND + ROUNDING {
            return None;
        }
        let mut grid = period;
        while grid * SECOND < took {
            grid *= 2;
        }
        Some(Overrun { after, next, took: seconds(took), ticks: grid / TICK })
    };
    rows.windows(2).filter_map(overrun).collect()
}

impl Ticks {
    /// The tick of 48 s that an instant is on, counted from the phase.
    fn index(&self, at: i64) -> i64 {
        let tick = TICK * SECOND;
        (at - self.phase + tick / 2).div_euclid(tick)
    }

    /// Of each coarser grid the residue that most refreshes after an overrun have.
    fn vote(&mut self, tables: &[Series]) {
        let mut votes: BTreeMap<i64, BTreeMap<i64, usize>> = BTreeMap::new();
        for overrun in tables.iter().flat_map(overruns) {
            let index = self.index(overrun.next.data_timestamp);
            let votes = votes.entry(overrun.ticks).or_default();
            *votes.entry(index.rem_euclid(overrun.ticks)).or_default() += 1;
        }
        let most = |votes: BTreeMap<i64, usize>| votes.into_iter().max_by_key(|it| it.1);
        self.residues =
            votes.into_iter().filter_map(|(ticks, votes)| Some((ticks, most(votes)?.0))).collect();
    }
}

/// After a refresh of d seconds, the next data timestamp is at least so much later, and on a
/// coarser grid: 48·2^m s from the last one, or on the grid's own ticks.
pub fn snap(table: &mut Series, ticks: &Ticks) {
    let overruns = overruns(table);
    let mut odd = Vec::new();
    for it in &overruns {
        let gap = it.next.data_timestamp - it.after.data_timestamp;
        let shown_gap = rounded(gap);
        if seconds(gap + GAP_ROUNDING) < it.took {
            let message = format!(
                "the next data timestamp is {shown_gap} s later, although the refresh took {:.0} s",
                it.took
            );
            table.violated(Check::Snap, message, [it.after, it.next]);
            continue;
        }
        let index = ticks.index(it.next.data_timestamp);
        let is_on_grid = ticks.residues.get(&it.ticks) == Some(&index.rem_euclid(it.ticks));
        // What the grid check has told is not told again.
        let is_tick = shown_gap % TICK == 0;
        if is_tick && !is_power(shown_gap) && !is_on_grid {
            odd.push((it, shown_gap));
        }
    }
    let tolerated = (overruns.len() / ODD_SHARE).max(1);
    if odd.len() > tolerated {
        let gaps: Vec<String> = odd.iter().take(5).map(|it| it.1.to_string()).collect();
        let message = format!(
            "{} of {} gaps after overruns are on no coarser grid: {} s",
            odd.len(),
            overruns.len(),
            gaps.join(", ")
        );
        let rows: Vec<&Refresh> = odd.iter().map(|it| it.0.next).collect();
        table.violated(Check::Snap, message, rows);
    } else if !odd.is_empty() {
        let note = format!("{} odd gap(s) after overruns, as at a change of grids", odd.len());
        table.report.notes.push(note);
    }
}
