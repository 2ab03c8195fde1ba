//! Samples on the scale that they are compared on.

use super::{Change, Night, Reading, Sample, Scale, Series, Shift, Status, Worse, level::median};
use crate::load::statistics::Z;
use chrono::NaiveDate;

/// How samples of a series are looked at: up is worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lens {
    pub scale: Scale,
    pub worse: Worse,
    /// Less what the control did.
    pub controlled: bool,
}

impl Lens {
    pub fn of(series: &Series, controlled: bool) -> Self {
        Self { scale: series.metric.scale(), worse: series.metric.worse(), controlled }
    }

    /// `None` where there is nothing to compare: no number, a ratio of zero, no control.
    pub fn look(&self, sample: &Sample) -> Option<f64> {
        let value = self.number(sample.reading.value()?)?;
        let control = if self.controlled { self.number(sample.control?)? } else { 0.0 };
        Some(value - control)
    }

    /// A number of the metric's unit.
    pub fn number(&self, value: f64) -> Option<f64> {
        let value = match self.scale {
            Scale::Ratio => value.ln(),
            Scale::Difference => value,
        };
        let value = match self.worse {
            Worse::More => value,
            Worse::Less => -value,
        };
        Some(value).filter(|it| it.is_finite())
    }

    /// The number that [`Self::number`] was made of.
    pub fn unit(&self, number: f64) -> f64 {
        let number = match self.worse {
            Worse::More => number,
            Worse::Less => -number,
        };
        match self.scale {
            Scale::Ratio => number.exp(),
            Scale::Difference => number,
        }
    }

    /// The standard deviation that the sample's own interval says; 0 where there is none. Where the
    /// interval is lopsided it is the side of smaller values.
    pub fn own(&self, sample: &Sample) -> f64 {
        let Reading::Measured { value, low, high, .. } = sample.reading else { return 0.0 };
        let to = |end: f64| match (self.number(value), self.number(end)) {
            (Some(value), Some(end)) => Some((value - end).abs() / Z),
            _ => None,
        };
        to(low).or_else(|| to(high?)).unwrap_or(0.0)
    }

    /// Of a difference between two nights: a ratio of the metric, or so many points.
    pub fn shown(&self, difference: f64) -> f64 {
        // A difference of logarithms is the logarithm of a ratio.
        self.unit(difference)
    }
}

/// What accepted changes did to a series.
#[derive(Clone, Debug)]
pub struct Shifts(Vec<(Change, f64)>);

impl Shifts {
    /// `history` is in order.
    pub fn of(changes: &[Change], series: &Series, history: &[&Night], lens: &Lens) -> Self {
        let concerned = changes.iter().filter(|it| it.concerns(series));
        let shift = |change: &Change| match &change.shift {
            Shift::Factor(it) => lens.number(*it),
            Shift::Level(it) => {
                let before: Vec<f64> = history
                    .iter()
                    .filter(|it| it.status == Status::Accepted && it.date < change.from)
                    .filter_map(|it| Lens { controlled: false, ..*lens }.look(&it.first))
                    .collect();
                // The last ones: what was long ago was of another level.
                let last = &before[before.len().saturating_sub(LAST)..];
                Some(lens.number(*it)? - median(last)?)
            }
            Shift::Category(_) => None,
        };
        Self(concerned.filter_map(|it| Some((it.clone(), shift(it)?))).collect())
    }

    /// What has to be added to a value of `from` to be one of `to`.
    pub fn between(&self, from: NaiveDate, to: NaiveDate) -> f64 {
        let held = |date| -> f64 {
            self.0.iter().filter(|(change, _)| change.holds(date)).map(|(_, it)| it).sum()
        };
        held(to) - held(from)
    }
}

/// Two weeks.
const LAST: usize = 14;
