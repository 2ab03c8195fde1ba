//! Budgets that nothing can save any more, so that a load can end early.

use super::{
    WrittenBudget,
    figures::{Sources, TESTED, of_kind},
    words::{did, grouped},
};
use crate::load::{
    Measured,
    budget::{Latency, Quantity, Statistic, TimeSpan},
    sums::Latencies,
};

/// A budget that cannot be kept whatever the remaining requests do.
#[derive(Clone, Debug, PartialEq)]
pub struct Lost<'a> {
    pub written: &'a WrittenBudget,
    /// One line.
    pub why: String,
}

/// The first budget that `remaining` more requests cannot save, which may all be as they should:
/// those that have not ended yet, `u64::MAX` if nobody knows.
///
/// `measured_so_far` may have everything in one second: the seconds are not looked at. What is told
/// is that the budget cannot be passed any more; [`super::judge`] then says `failed` or, near the
/// limit, `unsure`. Nothing is told of rates, comparisons, the server's share and lower limits of
/// latencies: they are not over before the end. Damaged histograms are [`super::judge`]'s.
pub fn lost_for_certain<'a>(
    measured_so_far: &Measured,
    budgets: &'a [WrittenBudget],
    remaining: u64,
) -> Option<Lost<'a>> {
    let mut sources = Sources::of(measured_so_far);
    budgets.iter().find_map(|written| {
        let why = lost(&mut sources, written, remaining)?;
        Some(Lost { written, why })
    })
}

fn lost(sources: &mut Sources, written: &WrittenBudget, remaining: u64) -> Option<String> {
    let WrittenBudget { budget, query, .. } = written;
    if !budget.relation.is_upper() {
        return None;
    }
    let queries = sources.queries(query.as_deref()).ok()?;
    let limit = budget.limit.value();
    let holds = |value: f64| budget.relation.holds(value, limit);
    match &budget.quantity {
        Quantity::Counted { what, .. } => {
            let (of_kind, all) = of_kind(what, &sources.counts(queries).ok()?);
            let end = all.saturating_add(remaining);
            let least = match budget.is_share() {
                true if of_kind == 0 => 0.0,
                true => of_kind as f64 / end as f64,
                false => of_kind as f64,
            };
            // `== 5` may still come true.
            let lost = least > limit || (least == limit && !holds(least));
            lost.then(|| {
                format!("{} of at most {} requests {}", grouped(of_kind), grouped(end), did(what))
            })
        }
        Quantity::Latency(Latency {
            statistic,
            span: span @ (TimeSpan::Due | TimeSpan::Sent),
            comparison: None,
        }) => {
            let latencies = sources.latencies(TESTED, queries, *span == TimeSpan::Sent).ok()?;
            let end = latencies.samples().saturating_add(remaining);
            match statistic {
                Statistic::Mean => {
                    let known = latencies.seconds.iter().flat_map(|it| &it.answered);
                    let sum: f64 = known.map(|(value, count)| *value as f64 * *count as f64).sum();
                    // Histograms round up, by at most 0.1 %.
                    let least = sum / 1.001 / end as f64;
                    (end > 0 && !holds(least)).then(|| {
                        format!("the mean of at most {} requests is above the limit", grouped(end))
                    })
                }
                _ => {
                    let allowed = match statistic.share() {
                        Some(share) => ((1.0 - share) * end as f64 + 1e-9).floor() as u64,
                        None => 0,
                    };
                    let above = not_within(&latencies, limit);
                    (above > allowed).then(|| {
                        format!(
                            "{} of at most {} requests are above the limit, where {} may be",
                            grouped(above),
                            grouped(end),
                            grouped(allowed)
                        )
                    })
                }
            }
        }
        Quantity::Latency(_) | Quantity::Throughput => None,
    }
}

/// Requests that took longer than `limit`, or will never have been answered.
fn not_within(latencies: &Latencies, limit: f64) -> u64 {
    let over = |(value, _): &&(u64, u64)| *value as f64 / 1.001 > limit;
    latencies
        .seconds
        .iter()
        .map(|it| {
            let known = it.answered.iter().chain(&it.censored).filter(over);
            known.map(|(_, count)| count).sum::<u64>() + it.never
        })
        .sum()
}
