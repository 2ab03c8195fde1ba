//! Budgets held against what was measured.
//!
//! The interval decides, not the figure: a budget is kept if the whole 95 % interval is within the
//! limit, lost if all of it is outside, and unsure if the limit is inside. Folded into passed, that
//! third answer would hide regressions; folded into failed, it would teach people to press retry.
//! `why` then says how many samples would decide. A figure of a load that has none is invalid.
//!
//! `p95 <= 100ms` says that 95 % of the requests that were due got a right answer within 100 ms.
//! So requests that were never sent, were refused or lost, or got wrong rows count as slower than
//! all others: a warehouse that refuses most at once is no quick one. Requests that the server
//! cancelled for their time are slower than that, nobody knows by how much. Means have no room for
//! either: one such request leaves them open above.
//!
//! Counts and greatest values are facts of this load, not samples of something: `errors == 0` and
//! `max <= 1s` are kept or lost, never unsure for want of samples.
//!
//! Where the generator was unsound, figures say nothing and all budgets are invalid, except those
//! that right or wrong answers have lost already: the third row that should have been two was
//! returned, however late it was asked for. Dropped requests are the generator's and no exception.

mod figures;
mod lost;
mod words;

#[cfg(test)]
mod tests;

pub use lost::{Lost, lost_for_certain};

use super::{
    Estimate, Judged, Measured, Verdict,
    budget::{Budget, Counted, Quantity},
    statistics::{CONFIDENCE, Open},
};
use figures::{Found, Sources};

/// A budget of a suite.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenBudget {
    pub budget: Budget,
    /// `file:line` of it.
    pub place: String,
    /// Of one query of the mix only.
    pub query: Option<String>,
}

/// In the order of `budgets`. The first role is what they are about; comparisons are with the
/// second one.
pub fn judge(measured: &Measured, budgets: &[WrittenBudget]) -> Vec<Judged> {
    let mut sources = Sources::of(measured);
    budgets.iter().map(|it| judge_one(measured, &mut sources, it)).collect()
}

fn judge_one(measured: &Measured, sources: &mut Sources, written: &WrittenBudget) -> Judged {
    let WrittenBudget { budget, place, query } = written;
    let limit = budget.limit.value();
    let (mut verdict, mut why, estimate) = match sources.found(budget, query.as_deref()) {
        Err(why) => (Verdict::Invalid, why, None),
        Ok(found) => {
            let verdict = verdict(&found, budget);
            (verdict, words::why(&found, budget, verdict), Some(found.estimate))
        }
    };
    let is_fact = verdict == Verdict::Failed
        && !budget.is_share()
        && matches!(&budget.quantity, Quantity::Counted { what, .. } if *what != Counted::Dropped);
    if !measured.health.unsound.is_empty() && !is_fact {
        verdict = Verdict::Invalid;
        why = format!("the measuring was not sound: {}", measured.health.unsound.join("; "));
    }
    Judged {
        budget: budget.to_string(),
        place: place.clone(),
        query: query.clone(),
        limit,
        unit: budget.unit(),
        estimate,
        verdict,
        why,
    }
}

fn verdict(found: &Found, budget: &Budget) -> Verdict {
    let Estimate { low, high, .. } = found.estimate;
    let holds = |it| budget.relation.holds(it, budget.limit.value());
    if found.unanswered && budget.relation.is_upper() {
        return Verdict::Failed;
    }
    match (holds(low), holds(high)) {
        (true, true) => Verdict::Passed,
        (false, false) => Verdict::Failed,
        _ => Verdict::Unsure,
    }
}

/// How many samples would decide, if the figure stays as it is: the interval shrinks with the root
/// of their number. `None` where no number of them is likely to.
fn samples_to_decide(found: &Found, limit: f64) -> Option<u64> {
    /// Beyond that, the figure is at its limit.
    const TIMES_MAX: f64 = 100.0;

    let Estimate { value, low, high, samples, .. } = found.estimate;
    if let Some(Open::TooFew { needed }) = found.open {
        return Some(needed);
    }
    let arm = if limit > value { high - value } else { value - low };
    let times = arm / (limit - value).abs();
    // Of what was never seen, the upper end shrinks with the number itself.
    let times = if value == 0.0 { times } else { times.powi(2) };
    let needed = (samples as f64 * times).ceil();
    (times.is_finite() && times <= TIMES_MAX).then_some(needed as u64)
}

/// An interval that both ends of are known.
fn estimate(value: f64, low: f64, high: f64, samples: u64) -> Estimate {
    Estimate { value, low, high, confidence: CONFIDENCE, samples }
}
