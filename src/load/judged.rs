//! What budgets made of a load.

use super::Measured;
use serde::{Deserialize, Serialize};

/// A load as a case reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadReport {
    pub measured: Measured,
    /// In the order of the suite.
    pub judged: Vec<Judged>,
}

/// One budget held against what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// As it is written: `p95 <= 100ms`, `p95 ratio >= 3`.
    pub budget: String,
    /// `file:line` of it.
    pub place: String,
    /// Of one query of the mix only.
    pub query: Option<String>,
    pub limit: f64,
    pub unit: Unit,
    /// `None` where there is nothing to tell it from.
    pub estimate: Option<Estimate>,
    pub verdict: Verdict,
    /// One line: `95 of 100 ms, at most 97`, `412 samples are too few for p99.9`.
    pub why: String,
}

/// A measured quantity, in the unit of its budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub value: f64,
    /// Minus infinity where a difference has no lower end; written as `null`.
    #[serde(with = "lower_end")]
    pub low: f64,
    /// Infinite where cancelled requests leave no upper end; written as `null`.
    #[serde(with = "upper_end")]
    pub high: f64,
    /// Of the interval, such as 0.95.
    pub confidence: f64,
    /// Samples that it rests on.
    pub samples: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    Microseconds,
    /// 0 to 1.
    Share,
    PerSecond,
    /// Of two quantities of one unit.
    Ratio,
    Count,
}

/// Against a budget. The whole interval decides: where the limit is inside it, it is unsure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Passed,
    Failed,
    /// Too few samples, or too much noise, to say either.
    Unsure,
    /// The measuring was not sound.
    Invalid,
}

/// JSON has no infinity.
macro_rules! end {
    ($name:ident, $missing:expr) => {
        mod $name {
            use serde::{Deserialize, Deserializer, Serialize, Serializer};

            pub fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
                Some(*value).filter(|it| it.is_finite()).serialize(to)
            }

            pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
                Ok(Option::deserialize(from)?.unwrap_or($missing))
            }
        }
    };
}

end!(lower_end, f64::NEG_INFINITY);
end!(upper_end, f64::INFINITY);
