//! What tonight is compared with: a lagged window of accepted nights.

use super::{
    Change, Night, Rules, Sample, Scale, Series, Status,
    lens::{Lens, Shifts},
    level::{Level, level, median},
};
use chrono::{Datelike, Days, NaiveDate};

/// When and where it is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tonight {
    pub date: NaiveDate,
    /// The machine of the generator, where it is known.
    pub host: Option<String>,
}

/// Nights of a series, in order, on the scale that they are compared on, as if they had been
/// measured tonight: accepted changes and the weekday are taken off.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    pub lens: Lens,
    /// Accepted nights that it is made of.
    pub nights: usize,
    /// Only nights of tonight's host are in it.
    pub same_host: bool,
    pub level: Level,
    /// The deviation that the samples' own intervals say, in the middle of the window.
    pub own: f64,
    /// The nights between the window and tonight that were sound, as deviations from the level.
    pub since: Vec<f64>,
    /// All accepted nights, for the older reference.
    pub accepted: Vec<f64>,
}

/// Ratios finer than this are no change: histograms keep three digits.
const RATIO_RESOLUTION: f64 = 0.002;

/// And shares.
const SHARE_RESOLUTION: f64 = 0.0005;

impl Window {
    /// # Errors
    ///
    /// Why there is nothing to compare with yet, in one line: too few nights, of how many.
    pub fn of(
        series: &Series,
        history: &[Night],
        tonight: &Tonight,
        has_control: bool,
        changes: &[Change],
        rules: &Rules,
    ) -> Result<Self, String> {
        let mut history: Vec<&Night> = history.iter().filter(|it| it.date < tonight.date).collect();
        history.sort_by_key(|it| it.date);
        let plain = Self::seen(Lens::of(series, false), series, &history, tonight, changes, rules)?;
        if !has_control {
            return Ok(plain);
        }
        let lens = Lens::of(series, true);
        match Self::seen(lens, series, &history, tonight, changes, rules) {
            Ok(it) if it.nights == plain.nights && it.level.spread < WORTH * plain.level.spread => {
                Ok(it)
            }
            _ => Ok(plain),
        }
    }

    fn seen(
        lens: Lens,
        series: &Series,
        history: &[&Night],
        tonight: &Tonight,
        changes: &[Change],
        rules: &Rules,
    ) -> Result<Self, String> {
        let shifts = Shifts::of(changes, series, history, &lens);
        let look = |night: &Night, sample: &Sample| {
            Some(lens.look(sample)? + shifts.between(night.date, tonight.date))
        };
        let last = tonight.date.checked_sub_days(Days::new(rules.lag_days));
        let is_lagged = |night: &Night| last.is_some_and(|it| night.date < it);
        let accepted =
            |it: &&&Night| it.status == Status::Accepted && lens.look(&it.first).is_some();
        let here = |it: &&&Night| it.host == tonight.host;

        let lagged: Vec<&Night> =
            history.iter().filter(accepted).filter(|it| is_lagged(it)).copied().collect();
        let on_host = lagged.iter().filter(here).count();
        let same_host = tonight.host.is_some() && on_host >= rules.nights_min;
        let fits = |it: &&&Night| !same_host || here(it);
        let nights: Vec<&Night> = lagged.iter().filter(fits).copied().collect();
        if nights.len() < rules.nights_min {
            let (found, needed) = (nights.len(), rules.nights_min);
            return Err(format!("{found} of {needed} accepted nights to compare with"));
        }
        let nights = &nights[nights.len().saturating_sub(rules.window)..];

        let values: Vec<f64> = nights.iter().filter_map(|it| look(it, &it.first)).collect();
        let plain = level(&values).ok_or("no accepted night")?;
        let days: Vec<usize> = nights.iter().map(|it| weekday(it.date)).collect();
        let season = Season::of(&values, &days, &plain);
        let flat = |value: f64, date: NaiveDate| {
            value - season.effects[weekday(date)] + season.effects[weekday(tonight.date)]
        };
        let values: Vec<f64> =
            values.iter().zip(nights).map(|(value, it)| flat(*value, it.date)).collect();
        let fitted = level(&values).ok_or("no accepted night")?;
        let own: Vec<f64> = nights.iter().map(|it| lens.own(&it.first)).collect();
        let own = median(&own).unwrap_or(0.0);
        let resolution = match lens.scale {
            Scale::Ratio => RATIO_RESOLUTION,
            Scale::Difference => SHARE_RESOLUTION,
        };
        let spread = (fitted.spread * season.widened).max(own).max(resolution);
        let uncertainty = fitted.uncertainty.hypot(season.uncertainty);
        let level = Level { spread, uncertainty, ..fitted };

        let deviation = |night: &Night, sample: &Sample| {
            Some(flat(look(night, sample)?, night.date) - level.location)
        };
        let since = history
            .iter()
            .filter(|it| it.status != Status::Invalid && !is_lagged(it))
            .filter(fits)
            .filter_map(|it| deviation(it, &it.first))
            .collect();
        let accepted = history
            .iter()
            .filter(accepted)
            .filter(fits)
            .filter_map(|it| Some(flat(look(it, &it.first)?, it.date)))
            .collect();
        Ok(Self { lens, nights: nights.len(), same_host, level, own, since, accepted })
    }

    /// How far a sample of tonight is above the level, and the variance of it: that of the nights,
    /// and more where its own interval is wider than theirs. `None` where it is no number.
    pub fn deviation(&self, sample: &Sample) -> Option<(f64, f64)> {
        let off = self.lens.look(sample)? - self.level.location;
        let own = self.lens.own(sample).powi(2) - self.own.powi(2);
        Some((off, self.level.spread.powi(2) + own.max(0.0)))
    }
}

/// A control has noise of its own: it is taken off where nights come out so much more alike.
const WORTH: f64 = 0.9;

/// From 0.
fn weekday(date: NaiveDate) -> usize {
    date.weekday().num_days_from_monday() as usize
}

/// What weekdays do.
struct Season {
    effects: [f64; 7],
    /// Of the effect of one weekday.
    uncertainty: f64,
    /// By how much the spread is underestimated after the effects are taken off.
    widened: f64,
}

/// The F statistic of weekdays from which on they are believed; 2.4 comes by chance once in twenty.
const SEASON_F: f64 = 2.4;

impl Season {
    const NONE: Self = Self { effects: [0.0; 7], uncertainty: 0.0, widened: 1.0 };

    /// Means of weekdays, drawn to zero as much as they may be noise (James and Stein).
    fn of(values: &[f64], days: &[usize], level: &Level) -> Self {
        let (mut sums, mut counts) = ([0.0; 7], [0.0_f64; 7]);
        let far = FAR * level.spread;
        let off: Vec<f64> =
            values.iter().map(|it| (it - level.location).clamp(-far, far)).collect();
        for (off, day) in off.iter().zip(days) {
            sums[*day] += off;
            counts[*day] += 1.0;
        }
        if counts.iter().any(|it| *it < 3.0) {
            return Self::NONE;
        }
        let n = off.len() as f64;
        let middle = off.iter().sum::<f64>() / n;
        let effects: Vec<f64> = sums.iter().zip(counts).map(|(sum, n)| sum / n - middle).collect();
        let between: f64 = effects.iter().zip(counts).map(|(it, n)| n * it * it).sum::<f64>() / 6.0;
        let rest = off.iter().zip(days).map(|(it, day)| (it - middle - effects[*day]).powi(2));
        let within = rest.sum::<f64>() / (n - 7.0);
        if within <= 0.0 || between < SEASON_F * within {
            return Self::NONE;
        }
        let believed = 1.0 - within / between;
        let mut season = Self::NONE;
        for (to, it) in season.effects.iter_mut().zip(effects) {
            *to = believed * it;
        }
        season.uncertainty = (believed * within * 7.0 / n).sqrt();
        season.widened = (n / (n - 6.0 * believed)).sqrt();
        season
    }
}

/// Samples are no further out than this many spreads.
const FAR: f64 = 3.0;
