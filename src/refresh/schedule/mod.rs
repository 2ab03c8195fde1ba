//! Whether a history of refreshes is one that the product's scheduler can have made.
//!
//! A pure function over rows. It knows the grid of 48·2^n seconds that live histories show, which
//! is an observation, no promise; a violation is news to look at. Nothing is executed here, and
//! whether the rows of a table are right is the oracle's.

mod figures;
mod grid;
pub mod history;
pub mod instant;
mod order;
#[cfg(test)]
mod tests;

use history::{History, Place, Refresh, Trigger};
use instant::SECOND;
use std::{collections::BTreeMap, fmt};

/// Seconds of the finest grid, whatever the lag (live histories of June 2026).
pub const TICK: i64 = 48;

/// Exports round to whole seconds, in either direction.
pub const ROUNDING: i64 = SECOND;

/// Scheduled refreshes of a table from which on its period can be told: three gaps have a mode.
pub const REFRESHES_MIN: usize = 4;

/// What is known beside the rows.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// In seconds; of rows that do not tell theirs.
    pub target_lag: Option<f64>,
    /// Who reads whom: (downstream, upstream), by name or the end of it.
    pub reads: Vec<(String, String)>,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The usual gap is the largest 48·2^n s that is no longer than the lag.
    Period,
    /// Scheduled data timestamps are on the grid of the period.
    Grid,
    /// Tables share one phase.
    SharedPhase,
    /// A downstream timestamp is an upstream one.
    Upstream,
    /// Refreshes of one table do not overlap.
    Overlap,
    /// After a refresh that took too long, the next is on a coarser grid.
    Snap,
    /// What was skipped neither began nor ended.
    Skipped,
    /// Data timestamps do not go back.
    GoingBack,
    /// COMPLETION_TARGET is the previous data timestamp and the lag.
    CompletionTarget,
    /// Five failures in a row suspend.
    Suspension,
    /// What DYNAMIC_TABLES says of the lag is what the rows say.
    LagFigures,
}

/// Something that should not be, and the rows that it is about.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Violation {
    pub check: Check,
    pub message: String,
    pub rows: Vec<Place>,
}

/// A check that could not be decided.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Unsure {
    pub check: Check,
    pub why: String,
}

/// A gap between data timestamps of successive scheduled refreshes, and how often it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Gap {
    pub seconds: i64,
    pub count: usize,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct TableReport {
    pub table: String,
    pub rows: usize,
    /// Scheduled refreshes that were executed.
    pub scheduled: usize,
    pub target_lag: Option<f64>,
    /// What the lag asks for, in seconds.
    pub period: Option<i64>,
    /// The most frequent first.
    pub gaps: Vec<Gap>,
    /// Seconds from 0 to 48.
    pub phase: Option<f64>,
    pub lag: Option<LagFigures>,
    pub violations: Vec<Violation>,
    pub unsure: Vec<Unsure>,
    pub notes: Vec<String>,
}

/// Lag over time, in seconds: how old the table's data timestamp was.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct LagFigures {
    /// Peaks, one for each refresh: from a data timestamp until the next one can be seen.
    pub count: usize,
    pub p50: f64,
    pub p95: f64,
    pub max: f64,
    pub mean: f64,
    /// Both are none without a target lag.
    pub time_above: Option<f64>,
    pub ratio_within: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Report {
    pub tables: Vec<TableReport>,
    pub missing: Vec<&'static str>,
    pub answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Holds,
    Violated,
    /// Nothing is violated, and something could not be decided.
    CannotTell,
}

/// A table's rows while it is looked at.
struct Series<'a> {
    name: String,
    /// By when they began, or would have.
    rows: Vec<&'a Refresh>,
    /// Of rows that do not tell.
    target_lag: Option<f64>,
    report: TableReport,
}

/// Checks everything that can be. Files that were read together are one account's.
pub fn check(history: &History, options: &Options) -> Report {
    let mut by_table: BTreeMap<&str, Vec<&Refresh>> = BTreeMap::new();
    for refresh in &history.refreshes {
        by_table.entry(&refresh.table).or_default().push(refresh);
    }
    let mut tables: Vec<Series> =
        by_table.into_iter().map(|(name, rows)| Series::new(name, rows, options)).collect();
    let ticks = grid::check(&mut tables);
    for table in &mut tables {
        grid::snap(table, &ticks);
        order::check(table);
    }
    order::upstream(&mut tables, &options.reads);
    figures::check(&mut tables, &history.figures);
    let tables: Vec<TableReport> = tables.into_iter().map(|it| it.report).collect();
    let is_scheduled = |it: &&TableReport| it.scheduled > 0;
    let answer = if tables.iter().any(|it| !it.violations.is_empty()) {
        Answer::Violated
    } else if tables.iter().filter(is_scheduled).any(|it| !it.unsure.is_empty())
        || !tables.iter().any(|it| is_scheduled(&it))
    {
        Answer::CannotTell
    } else {
        Answer::Holds
    };
    Report { tables, missing: history.missing.clone(), answer }
}

impl<'a> Series<'a> {
    fn new(name: &str, mut rows: Vec<&'a Refresh>, options: &Options) -> Self {
        rows.sort_by_key(|it| (it.started_at.unwrap_or(it.data_timestamp), it.data_timestamp));
        let scheduled = rows.iter().filter(|it| is_scheduled(it) && it.state.is_executed()).count();
        let last_lag = rows.iter().rev().find_map(|it| it.target_lag);
        let report = TableReport {
            table: name.to_owned(),
            rows: rows.len(),
            scheduled,
            target_lag: last_lag.or(options.target_lag),
            period: None,
            gaps: Vec::new(),
            phase: None,
            lag: None,
            violations: Vec::new(),
            unsure: Vec::new(),
            notes: Vec::new(),
        };
        Self { name: name.to_owned(), rows, target_lag: options.target_lag, report }
    }

    /// The row's own lag, or the one that was given.
    fn lag(&self, row: &Refresh) -> Option<f64> {
        row.target_lag.or(self.target_lag)
    }

    /// In seconds; 48 where the lag is not known, since every grid is on that one.
    fn period(&self, row: &Refresh) -> i64 {
        self.lag(row).map_or(TICK, period)
    }

    fn violated<'b>(
        &mut self,
        check: Check,
        message: impl Into<String>,
        rows: impl IntoIterator<Item = &'b Refresh>,
    ) {
        let rows = rows.into_iter().map(|it| it.place.clone()).collect();
        self.report.violations.push(Violation { check, message: message.into(), rows });
    }

    fn unsure(&mut self, check: Check, why: impl Into<String>) {
        self.report.unsure.push(Unsure { check, why: why.into() });
    }
}

/// The largest 48·2^n s that is no longer than the lag, and 48 where none is.
pub fn period(target_lag: f64) -> i64 {
    let mut period = TICK;
    // A day's lag has the period 49,152 s; what is longer than a century is no lag.
    #[expect(clippy::cast_precision_loss, reason = "so far below 2^52")]
    while (period * 2) as f64 <= target_lag && period < 1 << 32 {
        period *= 2;
    }
    period
}

/// Whether the scheduler decided on it. What does not tell is taken for scheduled.
fn is_scheduled(row: &Refresh) -> bool {
    !matches!(row.trigger, Some(Trigger::Manual | Trigger::Creation))
}

/// For messages and figures.
#[expect(clippy::cast_precision_loss, reason = "microseconds of a century")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / SECOND as f64
}

/// An instant for messages, with no more decimals than it has.
fn shown(micros: i64) -> String {
    match chrono::DateTime::from_timestamp_micros(micros) {
        Some(it) => it.format("%Y-%m-%d %H:%M:%S%.f Z").to_string(),
        None => micros.to_string(),
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Period => "period",
            Self::Grid => "grid",
            Self::SharedPhase => "shared-phase",
            Self::Upstream => "upstream",
            Self::Overlap => "overlap",
            Self::Snap => "snap",
            Self::Skipped => "skipped",
            Self::GoingBack => "going-back",
            Self::CompletionTarget => "completion-target",
            Self::Suspension => "suspension",
            Self::LagFigures => "lag-figures",
        })
    }
}
