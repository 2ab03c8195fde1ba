//! Which rate to try next, when the highest is looked for that keeps the budgets.

use serde::{Deserialize, Serialize};

/// It is over when the lowest rate that was lost is at most this much above the highest that was
/// kept. Closer ones are not told apart by a step of some seconds.
const APART: f64 = 1.1;

/// What was tried so far. Rates are doubled until one is lost, and then halved between, by their
/// ratio.
#[derive(Clone, Debug)]
pub struct Search {
    from: f64,
    to: f64,
    kept: Option<f64>,
    lost: Option<f64>,
}

/// One rate that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// Requests a second.
    pub rate: f64,
    pub kept: bool,
    /// How a case of this rate alone would have ended: `passed`, `failed`, `invalid`.
    pub outcome: String,
}

impl Search {
    pub fn new(from: f64, to: f64) -> Self {
        Self { from, to, kept: None, lost: None }
    }

    /// `None` when there is nothing more to be told.
    pub fn next(&self) -> Option<f64> {
        match (self.kept, self.lost) {
            (None, None) => Some(self.from),
            // Lower ones are not asked for.
            (None, Some(_)) => None,
            (Some(kept), None) => (kept < self.to).then(|| (kept * 2.0).min(self.to)),
            (Some(kept), Some(lost)) => (lost / kept > APART).then(|| (kept * lost).sqrt()),
        }
    }

    pub fn note(&mut self, rate: f64, kept: bool) {
        match kept {
            true => self.kept = Some(self.kept.map_or(rate, |it| it.max(rate))),
            false => self.lost = Some(self.lost.map_or(rate, |it| it.min(rate))),
        }
    }
}

/// One line: `256/s is kept, 280/s is lost (failed); 7 rates were tried`.
pub fn in_words(tried: &[Tried]) -> String {
    let kept = tried
        .iter()
        .filter(|it| it.kept)
        .map(|it| it.rate)
        .fold(None, |most, it| Some(most.map_or(it, |most: f64| most.max(it))));
    let lost = tried.iter().filter(|it| !it.kept);
    let lost = lost.min_by(|a, b| a.rate.total_cmp(&b.rate));
    let mut parts = Vec::new();
    parts.extend(kept.map(|it| format!("{it:.1}/s is kept")));
    parts.extend(lost.map(|it| format!("{:.1}/s is lost ({})", it.rate, it.outcome)));
    format!("{}; {} rates were tried", parts.join(", "), tried.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is tried where rates up to `most` are kept.
    fn tried(from: f64, to: f64, most: f64) -> Vec<f64> {
        let mut search = Search::new(from, to);
        let mut tried = Vec::new();
        while let Some(rate) = search.next() {
            tried.push(rate.round());
            search.note(rate, rate <= most);
        }
        tried
    }

    #[test]
    fn rates_are_doubled_and_then_closed_in_on() {
        assert_eq!(tried(10.0, 2000.0, 70.0), [10.0, 20.0, 40.0, 80.0, 57.0, 67.0, 73.0]);
        assert_eq!(tried(10.0, 35.0, 70.0), [10.0, 20.0, 35.0]);
        assert_eq!(tried(10.0, 2000.0, 5.0), [10.0]);
    }

    #[test]
    fn what_was_found_is_one_line() {
        let tried = |rate, outcome: &str| Tried {
            rate,
            kept: outcome == "passed",
            outcome: outcome.to_owned(),
        };
        let all = [tried(10.0, "passed"), tried(20.0, "failed"), tried(14.1, "invalid")];
        let expected = "10.0/s is kept, 14.1/s is lost (invalid); 3 rates were tried";
        assert_eq!(in_words(&all), expected);
    }
}
