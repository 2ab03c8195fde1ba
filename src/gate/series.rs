//! What is compared from night to night.

use regex::Regex;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One quantity of one thing in one place.
///
/// As text it is `case/role/query/metric@connection`, which is what patterns match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Series {
    /// Of the case or load: its id where it has one, else `suite::name`.
    pub case: String,
    /// `interactive`, `standard`; the table, of refreshes; empty where there is but one.
    pub role: String,
    /// The query or phase; empty for the whole mix.
    pub query: String,
    pub metric: Metric,
    /// The connection or region that it was measured on.
    pub connection: String,
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, role, query, metric, connection } = self;
        write!(f, "{case}/{role}/{query}/{metric}@{connection}")
    }
}

/// What is measured, which also says on which scale it is compared and which way is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Latencies from due, in microseconds.
    P50,
    P95,
    P99,
    Mean,
    /// Of requests, 0 to 1: refused, lost, wrong rows.
    ErrorShare,
    /// Right answers a second.
    Throughput,
    /// How far a table was behind, in microseconds.
    LagP50,
    LagP95,
    /// How long until a change was to be seen, in microseconds.
    TimeToTrue,
    /// How long a refresh took, in microseconds.
    RefreshTime,
    /// `INCREMENTAL`, `FULL`, …
    RefreshAction,
    Credits,
    /// A count that does not vary by itself: rows, partitions scanned.
    Count,
    /// Of the rows: any other one is wrong.
    Digest,
}

impl Metric {
    pub const ALL: [Self; 14] = [
        Self::P50,
        Self::P95,
        Self::P99,
        Self::Mean,
        Self::ErrorShare,
        Self::Throughput,
        Self::LagP50,
        Self::LagP95,
        Self::TimeToTrue,
        Self::RefreshTime,
        Self::RefreshAction,
        Self::Credits,
        Self::Count,
        Self::Digest,
    ];

    /// As it is stored and shown; the same as serde has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Mean => "mean",
            Self::ErrorShare => "error-share",
            Self::Throughput => "throughput",
            Self::LagP50 => "lag-p50",
            Self::LagP95 => "lag-p95",
            Self::TimeToTrue => "time-to-true",
            Self::RefreshTime => "refresh-time",
            Self::RefreshAction => "refresh-action",
            Self::Credits => "credits",
            Self::Count => "count",
            Self::Digest => "digest",
        }
    }

    /// `None` for any other text.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    pub fn scale(self) -> Scale {
        match self {
            Self::ErrorShare => Scale::Difference,
            _ => Scale::Ratio,
        }
    }

    pub fn worse(self) -> Worse {
        match self {
            Self::Throughput => Worse::Less,
            _ => Worse::More,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How two nights are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Of positive quantities, as logarithms: a tenth more is a tenth more on every machine.
    Ratio,
    /// Of shares, which may be zero.
    Difference,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worse {
    More,
    Less,
}

/// Which series are meant: their text, where `*` is any run of characters.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Any text is one: what is not `*` stands for itself.
    pub fn new(text: &str) -> Self {
        let escaped = regex::escape(text).replace(r"\*", ".*");
        // An escaped text compiles unless it is megabytes long: then it matches nothing.
        let regex = Regex::new(&format!("(?s)^{escaped}$"));
        let never = || Regex::new(r"[^\s\S]").expect("a pattern that is a constant");
        Self { text: text.to_owned(), regex: regex.unwrap_or_else(|_| never()) }
    }

    pub fn matches(&self, series: &Series) -> bool {
        self.matches_text(&series.to_string())
    }

    /// The same of what is only kept, and named alike.
    pub fn matches_text(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series() -> Series {
        Series {
            case: "C-04".into(),
            role: "interactive".into(),
            query: "look.up".into(),
            metric: Metric::P95,
            connection: "eu".into(),
        }
    }

    #[test]
    fn a_pattern_is_text_with_stars() {
        for (pattern, expected) in [
            ("C-04/interactive/look.up/p95@eu", true),
            ("C-04/*", true),
            ("*/p95@*", true),
            ("*", true),
            ("C-04", false),
            ("C-04/interactive/look_up/p95@eu", false),
            ("*/p9@*", false),
            ("[*", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(&series()), expected, "{pattern}");
        }
    }

    #[test]
    fn metrics_have_the_names_that_serde_gives_them() {
        for metric in Metric::ALL {
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.name());
            assert_eq!(Metric::named(metric.name()), Some(metric));
        }
        assert_eq!(Metric::named("p96"), None);
    }
}
