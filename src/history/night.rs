//! What one run came to, quantity by quantity.

use crate::gate::{self, Sample};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// One run, as the history keeps it. Of secrets it has what the run's events had: none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Night {
    pub run: String,
    pub started_at: DateTime<Utc>,
    /// `None` if the run did not come to its end.
    pub took_us: Option<u64>,
    /// Why it ended early.
    pub cut_short: Option<String>,
    pub tool_version: String,
    /// What is to be alike for two nights to be compared: target, place, region, capacity model and
    /// amount of data. Releases and server versions are not in it: what they change is looked for.
    pub testbed: String,
    /// `live`, `emulator`, `replay`.
    pub target: String,
    /// The connection's name, or host and port.
    pub place: String,
    pub region: Option<String>,
    /// As it was probed.
    pub release: Option<String>,
    pub server_version: Option<String>,
    /// What sent the requests: operating system, processor, cores.
    pub generator: Option<String>,
    /// What stands behind the figures where it is no real warehouse.
    pub simulated: Option<String>,
    pub seed: u64,
    /// Orders in the data set.
    pub scale: u64,
    pub quantities: Vec<Quantity>,
    pub distributions: Vec<Distribution>,
    pub outcomes: Vec<CaseOutcome>,
}

impl Night {
    pub fn has_ended(&self) -> bool {
        self.took_us.is_some() && self.cut_short.is_none()
    }
}

/// Which quantity: the same from night to night.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeriesKey {
    /// Empty for what is of the whole run.
    pub suite: String,
    /// The case's name; empty for what is of the whole run.
    pub case: String,
    /// `interactive`, `standard`; the table, of refreshes; may be empty.
    pub role: String,
    /// Of the mix; empty for all of it.
    pub query: String,
    /// `p95`, `error-share`, `credits`, …; those of [`gate::Metric`] can be judged.
    pub metric: String,
}

impl SeriesKey {
    /// As the gate names it. `None` of what is only kept.
    pub fn gated(&self, testbed: &str) -> Option<gate::Series> {
        let metric = gate::Metric::named(&self.metric)?;
        Some(gate::Series {
            case: self.of_case(),
            role: self.role.clone(),
            query: self.query.clone(),
            metric,
            connection: testbed.to_owned(),
        })
    }

    /// `latency::lookups::point lookups are within 100 ms`, or `run`.
    pub fn of_case(&self) -> String {
        match self.suite.as_str() {
            "" => "run".to_owned(),
            suite => format!("{suite}::{}", self.case),
        }
    }
}

impl fmt::Display for SeriesKey {
    /// As the gate has it, without where it was measured: `suite::case/role/query/metric`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.of_case(), self.role, self.query, self.metric)
    }
}

/// What was measured of a series in a night.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantity {
    pub series: SeriesKey,
    pub unit: Unit,
    pub better: Better,
    /// The measurement that every night has.
    pub first: Sample,
    /// Those that were taken again after an alarm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<Sample>,
}

/// A histogram of a part of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    pub suite: String,
    pub case: String,
    pub role: String,
    pub query: String,
    /// `from due`, `execute`, `lag`, …
    pub of: String,
    /// HdrHistogram V2, deflated, in microseconds: as bytes in SQLite, as base64 in JSON.
    pub histogram: crate::load::Histo,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseOutcome {
    pub suite: String,
    pub case: String,
    /// Of the behaviour: `C-02`.
    pub id: Option<String>,
    /// `passed`, `failed`, …
    pub outcome: String,
    pub took_us: u64,
    /// One line on why it did not simply pass.
    pub reason: Option<String>,
}

/// What the gate said of a quantity of a night.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesVerdict {
    pub series: SeriesKey,
    /// `passed`, `failed`, `unsure`, `cleared`, …
    pub verdict: String,
    /// One line.
    pub why: String,
    /// Tonight by the nights before: a ratio, or a difference of shares.
    pub estimate: Option<f64>,
}

/// What the gate said of a night.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    pub run: String,
    pub status: Status,
    /// One line.
    pub why: String,
    pub verdicts: Vec<SeriesVerdict>,
    /// Samples that it had taken again, in order.
    pub again: Vec<(SeriesKey, Sample)>,
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// As the database and exports have it.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(format!(
                        "`{text}` is none of {}", [$($word),*].map(|it| format!("`{it}`")).join(", ")
                    )),
                }
            }
        }
    };
}

words!(
    /// What is to be thought of a night.
    Status {
        /// No gate has looked at it.
        Unjudged = "unjudged",
        /// Later nights may be compared with it.
        Accepted = "accepted",
        /// Something was worse. It is never part of a baseline.
        Red = "red",
        Unsure = "unsure",
        /// The measuring, or the gate itself, was not sound.
        Invalid = "invalid",
    }
);

impl Status {
    /// As the gate has it. `None` if nobody judged the night: it is not compared with.
    pub fn gated(self) -> Option<gate::Status> {
        match self {
            Self::Unjudged => None,
            Self::Accepted => Some(gate::Status::Accepted),
            Self::Red => Some(gate::Status::Red),
            Self::Unsure => Some(gate::Status::Unsure),
            Self::Invalid => Some(gate::Status::Invalid),
        }
    }
}

words!(Unit {
    Microseconds = "us",
    /// 0 to 1.
    Share = "share",
    PerSecond = "per second",
    Count = "count",
    /// A word, such as what refreshes did.
    Word = "word",
    Credits = "credits",
});

words!(
    /// Which direction is an improvement.
    Better {
        Lower = "lower",
        Higher = "higher",
        /// Neither: a count that goes with others.
        Neither = "neither",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_named_by_where_it_is_from() {
        #[track_caller]
        fn check(parts: [&str; 5], expected: &str) {
            let [suite, case, role, query, metric] = parts.map(str::to_owned);
            let key = SeriesKey { suite, case, role, query, metric };
            assert_eq!(key.to_string(), expected);
            if let Some(gated) = key.gated("eu") {
                assert_eq!(gated.to_string(), format!("{expected}@eu"));
            }
        }
        check(["", "", "", "", "credits"], "run///credits");
        check(["l::k", "a load", "iw", "order", "p95"], "l::k::a load/iw/order/p95");
        check(["r", "c", "DT", "", "full-refreshes"], "r::c/DT//full-refreshes");
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for it in [Status::Unjudged, Status::Accepted, Status::Red, Status::Unsure, Status::Invalid]
        {
            assert_eq!(it.word().parse(), Ok(it));
        }
        let message = "green".parse::<Better>().unwrap_err();
        assert_eq!(message, "`green` is none of `lower`, `higher`, `neither`");
    }
}
