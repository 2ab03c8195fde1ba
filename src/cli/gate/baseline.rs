//! One run against another: `snowgauge gate --baseline RUN`.

use crate::{
    cli::{CliError, Ending, failure::print},
    gate::{Metric, Reading, Rules, Scale, Worse},
    history::{Night, SeriesKey},
    load::{Verdict, statistics::Z},
};
use std::fmt::Write;

/// Each series of both, by the interval of the ratio. It is told from what each run knows of itself:
/// how much nights differ by themselves is not in it.
pub fn compare(baseline: &Night, tonight: &Night) -> Result<Ending, CliError> {
    let rules = Rules::default();
    let mut out = String::new();
    let (mut failed, mut unsure, mut judged) = (0, 0, 0);
    for it in &tonight.quantities {
        let Some(metric) = Metric::named(&it.series.metric) else { continue };
        let before = baseline.quantities.iter().find(|before| before.series == it.series);
        let Some(before) = before else { continue };
        let Some((verdict, why)) = one(metric, &before.first.reading, &it.first.reading, &rules)
        else {
            continue;
        };
        judged += 1;
        failed += usize::from(verdict == Verdict::Failed);
        unsure += usize::from(verdict == Verdict::Unsure);
        if verdict != Verdict::Passed {
            let word = if verdict == Verdict::Failed { "failed" } else { "unsure" };
            let _ = writeln!(out, "{word}  {}  {why}", it.series);
        }
    }
    let gone: Vec<&SeriesKey> = baseline
        .quantities
        .iter()
        .map(|it| &it.series)
        .filter(|series| !tonight.quantities.iter().any(|it| it.series == **series))
        .collect();
    if !gone.is_empty() {
        let _ = writeln!(out, "not measured tonight: {} series", gone.len());
    }
    if baseline.testbed != tonight.testbed {
        let _ = writeln!(
            out,
            "other testbeds: `{}` and tonight `{}`",
            baseline.testbed, tonight.testbed
        );
    }
    let _ = writeln!(
        out,
        "{} against {}: {judged} series, {failed} worse, {unsure} unsure",
        tonight.run, baseline.run
    );
    print(&out)?;
    match (judged, failed, unsure) {
        (0, ..) => Err(CliError::new("the runs have no series in common")
            .hint("they have to be of the same suites")),
        (_, 1.., _) => Ok(Ending::SomeFailed),
        (_, 0, 1..) => Ok(Ending::Unsure),
        (_, 0, 0) => Ok(Ending::AllPassed),
    }
}

/// Of a number that no interval is known of nothing can be said, and so of few samples.
fn one(
    metric: Metric,
    before: &Reading,
    tonight: &Reading,
    rules: &Rules,
) -> Option<(Verdict, String)> {
    let sign = match metric.worse() {
        Worse::More => 1.0,
        Worse::Less => -1.0,
    };
    match (before, tonight) {
        (Reading::Category { name: before }, Reading::Category { name: tonight }) => {
            let verdict = if before == tonight { Verdict::Passed } else { Verdict::Failed };
            Some((verdict, format!("`{tonight}`, and `{before}` before")))
        }
        (Reading::Exact { count: before }, Reading::Exact { count: tonight }) => {
            let worse = (tonight - before) as f64 * sign > 0.0;
            let verdict = if worse { Verdict::Failed } else { Verdict::Passed };
            Some((verdict, format!("{tonight}, and {before} before")))
        }
        (
            Reading::Measured { value: before, low: before_low, high: before_high, .. },
            Reading::Measured { value: tonight, low, high, .. },
        ) => {
            let on = |value: f64| match metric.scale() {
                Scale::Ratio => value.ln(),
                Scale::Difference => value,
            };
            // Without an upper end it is taken to be as far as the lower one.
            let deviation = |value: f64, low: f64, high: Option<f64>| {
                let below = (on(value) - on(low)).abs();
                let above = high.map_or(below, |it| (on(it) - on(value)).abs());
                below.max(above) / Z
            };
            let by = sign * (on(*tonight) - on(*before));
            let half = Z * deviation(*before, *before_low, *before_high)
                .hypot(deviation(*tonight, *low, *high));
            let effect = rules.effect_min(metric);
            let verdict = match (by - half, by + half) {
                it if !it.0.is_finite() || !it.1.is_finite() => Verdict::Unsure,
                (low, _) if low > effect => Verdict::Failed,
                (_, high) if high <= effect => Verdict::Passed,
                // The limit is inside: worse, and nobody knows whether by enough.
                (low, _) if low > 0.0 => Verdict::Unsure,
                _ => Verdict::Passed,
            };
            let shown = |it: f64| match metric.scale() {
                Scale::Ratio => format!("{:+.1} %", (it.exp() - 1.0) * 100.0),
                Scale::Difference => format!("{:+.2} points", it * 100.0),
            };
            let (low, high) = (by - half, by + half);
            Some((verdict, format!("worse by {} ({} to {})", shown(by), shown(low), shown(high))))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(metric: Metric, before: Reading, tonight: Reading, expected: Option<Verdict>) {
        let found = one(metric, &before, &tonight, &Rules::default());
        assert_eq!(found.as_ref().map(|it| it.0), expected, "{found:?}");
    }

    fn near(value: f64, share: f64) -> Reading {
        let (low, high) = (value * (1.0 - share), Some(value * (1.0 + share)));
        Reading::Measured { value, low, high, samples: 100.0 }
    }

    #[test]
    fn the_interval_of_the_ratio_decides() {
        use Verdict::{Failed, Passed, Unsure};
        let p95 = Metric::P95;
        check(p95, near(10.0, 0.02), near(11.5, 0.02), Some(Failed));
        check(p95, near(10.0, 0.02), near(10.1, 0.02), Some(Passed));
        check(p95, near(10.0, 0.02), near(10.6, 0.02), Some(Unsure));
        check(p95, near(10.0, 0.2), near(10.6, 0.2), Some(Passed));
        check(p95, near(10.0, 0.02), near(8.0, 0.02), Some(Passed));
        check(Metric::Throughput, near(10.0, 0.02), near(8.0, 0.02), Some(Failed));
        check(Metric::Throughput, near(10.0, 0.02), near(12.0, 0.02), Some(Passed));
        let number = |value| Reading::Number { value };
        check(Metric::Credits, number(1.0), number(2.0), None);
        let exact = |count| Reading::Exact { count };
        check(Metric::Count, exact(0), exact(1), Some(Failed));
        check(Metric::Count, exact(1), exact(0), Some(Passed));
    }
}
