//! How much samples of one night have in common.
//!
//! A warehouse that is slow tonight is slow in every sample of tonight, and taking ten says no more
//! than one; a hiccup of a minute is gone in the next. Which it is, is learned from earlier alarms:
//! how much of the first sample's deviation the second one had. It does not matter that only alarms
//! are sampled again, since that hangs on the first sample alone; later samples are left out, since
//! they hang on the second.

use super::{
    Change, Metric, Night, Rules, Sample, Series, Status,
    lens::{Lens, Shifts},
    level::median,
};
use chrono::{Days, NaiveDate};
use std::collections::{BTreeMap, HashMap};

/// Of all series of a history.
#[derive(Clone, Debug, Default)]
pub struct Repeats {
    series: HashMap<(Series, bool), Sums>,
    metrics: HashMap<(Metric, bool), Sums>,
}

/// Of a line through zero: the slope is products by squares.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    products: f64,
    squares: f64,
}

/// Worth of believing that further samples never help, in squared spreads.
const DOUBT: f64 = 2.0;

/// Worth of believing that a series is like the others of its metric: some hundred alarms.
const LIKE_OTHERS: f64 = 300.0;

/// No sample is further out than this many spreads.
const FAR: f64 = 3.0;

/// Alarms of half a year.
const DAYS: u64 = 180;

impl Repeats {
    /// The nights of windows, and some more before them.
    pub fn of(
        history: &BTreeMap<Series, Vec<Night>>,
        tonight: NaiveDate,
        changes: &[Change],
        rules: &Rules,
    ) -> Self {
        let day = |days| tonight.checked_sub_days(Days::new(days)).unwrap_or(tonight);
        let (first, last) = (day(DAYS), day(rules.lag_days));
        let mut repeats = Self::default();
        for (series, nights) in history {
            let nights: Vec<&Night> =
                nights.iter().filter(|it| (first..last).contains(&it.date)).collect();
            let has_control = nights.iter().any(|it| it.first.control.is_some());
            for controlled in [false, true].into_iter().take(1 + usize::from(has_control)) {
                let lens = Lens::of(series, controlled);
                let shifts = Shifts::of(changes, series, &nights, &lens);
                let look = |night: &Night, sample: &Sample| {
                    Some(lens.look(sample)? + shifts.between(night.date, tonight))
                };
                let sums = Sums::of(&nights, look);
                let pool = repeats.metrics.entry((series.metric, controlled)).or_default();
                pool.products += sums.products;
                pool.squares += sums.squares;
                repeats.series.insert((series.clone(), controlled), sums);
            }
        }
        repeats
    }

    /// 0 to 1: 1 where nothing is known.
    pub fn share(&self, series: &Series, controlled: bool) -> f64 {
        let pool = self.metrics.get(&(series.metric, controlled)).copied().unwrap_or_default();
        let pooled = (pool.products + DOUBT) / (pool.squares + DOUBT);
        let own = self.series.get(&(series.clone(), controlled)).copied().unwrap_or_default();
        let share = (own.products + LIKE_OTHERS * pooled) / (own.squares + LIKE_OTHERS);
        share.clamp(0.0, 1.0)
    }
}

impl Sums {
    /// Each night beside the others of its host.
    fn of(nights: &[&Night], look: impl Fn(&Night, &Sample) -> Option<f64>) -> Self {
        let mut sums = Self::default();
        if nights.iter().all(|it| it.again.is_empty()) {
            return sums;
        }
        let mut hosts: HashMap<Option<&str>, Vec<f64>> = HashMap::new();
        for night in nights.iter().filter(|it| it.status == Status::Accepted) {
            hosts.entry(night.host.as_deref()).or_default().extend(look(night, &night.first));
        }
        let mut levels: HashMap<Option<&str>, (f64, f64)> = HashMap::new();
        for (host, values) in &hosts {
            let Some(middle) = median(values) else { continue };
            let off: Vec<f64> = values.iter().map(|it| (it - middle).abs()).collect();
            let spread = median(&off).map_or(0.0, |it| it * 1.4826);
            levels.insert(*host, (middle, spread));
        }
        for night in nights {
            let Some((middle, spread)) = levels.get(&night.host.as_deref()).copied() else {
                continue;
            };
            if spread <= 0.0 || night.status != Status::Accepted {
                continue;
            }
            let near = |it| Some(((look(night, it)? - middle) / spread).clamp(-FAR, FAR));
            let second = night.again.first().and_then(near);
            if let (Some(first), Some(second)) = (near(&night.first), second) {
                sums.products += first * second;
                sums.squares += first * first;
            }
        }
        sums
    }
}
