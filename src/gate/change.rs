//! Changes that somebody accepted.

use super::{Pattern, Series};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// A change of level that is known and wanted, or that has to be lived with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Which series: their text, with `*` for any run of characters.
    pub series: String,
    pub shift: Shift,
    pub reason: String,
    pub who: String,
    /// The first night at the new level.
    pub from: NaiveDate,
    /// The last night that it holds for; `None` for good. After it the old level is expected again,
    /// and nights that were accepted meanwhile are taken at what they would have been.
    pub until: Option<NaiveDate>,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Shift {
    /// So many times as much: 1.1 for a tenth more. Of shares, so much is added instead.
    Factor(f64),
    /// The level from now on, in the unit of the metric.
    Level(f64),
    /// Of categories and exact counts: this one is right, too.
    Category(String),
}

impl Change {
    /// Whether it holds in this night.
    pub fn holds(&self, date: NaiveDate) -> bool {
        self.from <= date && self.until.is_none_or(|it| date <= it)
    }

    pub fn concerns(&self, series: &Series) -> bool {
        Pattern::new(&self.series).matches(series)
    }
}

/// The patterns, of budgets or of changes, that match no series any more, in their order.
pub fn orphans<'a>(patterns: impl IntoIterator<Item = &'a str>, series: &[Series]) -> Vec<&'a str> {
    let matches = |pattern: &str| {
        let pattern = Pattern::new(pattern);
        series.iter().any(|it| pattern.matches(it))
    };
    patterns.into_iter().filter(|it| !matches(it)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Metric;

    #[test]
    fn what_matches_nothing_is_an_orphan() {
        let series = Series {
            case: "C-04".into(),
            role: String::new(),
            query: String::new(),
            metric: Metric::Credits,
            connection: "eu".into(),
        };
        let found = orphans(["C-04/*", "C-05/*", "*@us"], &[series]);
        assert_eq!(found, ["C-05/*", "*@us"]);
    }

    #[test]
    fn a_change_holds_until_it_expires() {
        let date = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
        let change = Change {
            series: "*".into(),
            shift: Shift::Factor(1.1),
            reason: "a larger table".into(),
            who: "ops".into(),
            from: date(3),
            until: Some(date(5)),
        };
        let held: Vec<u32> = (1..8).filter(|it| change.holds(date(*it))).collect();
        assert_eq!(held, [3, 4, 5]);
    }
}
