//! What a night measured of a series.

use crate::load::statistics::Figure;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// One night of one series, as a history keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Night {
    /// The date that the night began on: gives the weekday, and tells which changes hold.
    pub date: NaiveDate,
    /// Which run it was.
    pub run: String,
    pub status: Status,
    /// The machine of the generator, where it is known: only nights of the same one are compared.
    pub host: Option<String>,
    /// The measurement that every night has.
    pub first: Sample,
    /// Samples that were taken again since the first one raised an alarm, in order.
    pub again: Vec<Sample>,
}

/// What the gate made of a night, and whether later nights are compared with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The only ones that enter windows. Cleared alarms are accepted, and so are the first nights
    /// of a series, which there is nothing to compare with.
    Accepted,
    /// Worse. A baseline never absorbs it.
    Red,
    /// The measuring was not sound.
    Invalid,
    /// It could not be told.
    Unsure,
}

/// One measurement, and that of the control which was interleaved with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub reading: Reading,
    /// The same metric of what nobody changes, measured in the same minutes: `SELECT 1`, a frozen
    /// table. What the night did to both is taken off, where that makes nights more alike.
    pub control: Option<f64>,
}

impl Sample {
    /// Without a control.
    pub fn of(reading: Reading) -> Self {
        Self { reading, control: None }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reading {
    /// In the unit of its metric, with its 95 % interval.
    Measured {
        value: f64,
        low: f64,
        /// `None` where there is no upper end.
        high: Option<f64>,
        /// Independent samples that it is worth.
        samples: f64,
    },
    /// A number of which nobody knows how far off it may be.
    Number { value: f64 },
    /// A number without noise: any other one is another one.
    Exact { count: i64 },
    /// `INCREMENTAL`, a digest of rows.
    Category { name: String },
}

impl Reading {
    /// Of a load: see `load::statistics`.
    pub fn of(figure: &Figure) -> Self {
        Self::Measured {
            value: figure.value,
            low: figure.low,
            high: Some(figure.high).filter(|it| it.is_finite()),
            samples: figure.samples as f64 / figure.inflation,
        }
    }

    /// `None` of a category.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Measured { value, .. } | Self::Number { value } => Some(*value),
            Self::Exact { count } => Some(*count as f64),
            Self::Category { .. } => None,
        }
    }

    /// `None` of what is no category.
    pub fn category(&self) -> Option<&str> {
        match self {
            Self::Category { name } => Some(name),
            _ => None,
        }
    }

    /// `None` of what is not exact.
    pub fn count(&self) -> Option<i64> {
        match self {
            Self::Exact { count } => Some(*count),
            _ => None,
        }
    }
}
