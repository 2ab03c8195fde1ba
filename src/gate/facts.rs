//! What has no noise: refresh actions, digests of rows, exact counts.
//!
//! They are compared directly: what no accepted night had is a change. None of it is paid for from
//! the budget of false alarms.

use super::{Change, Metric, Night, Reading, Series, Shift, Status, Worse};
use chrono::NaiveDate;

/// Of what tonight is beside accepted nights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    Same,
    /// One line: what it was, and what it is.
    Better(String),
    Worse(String),
    /// No accepted night has any such.
    Nothing,
}

/// From little work to much. What is not here is just another one.
const ACTIONS: [&str; 4] = ["NO_DATA", "INCREMENTAL", "REINITIALIZE", "FULL"];

/// The accepted nights of `history` are what is right; nights before `window` of them are forgotten.
/// `None` where the reading has noise.
pub fn compared(
    series: &Series,
    reading: &Reading,
    date: NaiveDate,
    history: &[Night],
    changes: &[Change],
    window: usize,
) -> Option<Compared> {
    let changes: Vec<&Change> = changes.iter().filter(|it| it.concerns(series)).collect();
    let holding = |date| changes.iter().filter(move |it| it.holds(date));
    let mut known: Vec<&Night> = history
        .iter()
        .filter(|it| it.status == Status::Accepted && it.date < date)
        // What was right only as long as a change held is not right any more.
        .filter(|it| {
            !holding(it.date)
                .any(|change| !change.holds(date) && is(&change.shift, &it.first.reading))
        })
        .collect();
    known.sort_by_key(|it| it.date);
    let known: Vec<&Reading> =
        known.iter().rev().take(window).map(|it| &it.first.reading).collect();
    if holding(date).any(|it| is(&it.shift, reading)) {
        return matches!(reading, Reading::Category { .. } | Reading::Exact { .. })
            .then_some(Compared::Same);
    }
    match reading {
        Reading::Category { name } => {
            let names: Vec<&str> = known.iter().filter_map(|it| it.category()).collect();
            Some(category(series.metric, name, &names))
        }
        Reading::Exact { count } => {
            let counts: Vec<i64> = known.iter().filter_map(|it| it.count()).collect();
            Some(exact(series.metric.worse(), *count, &counts))
        }
        Reading::Measured { .. } | Reading::Number { .. } => None,
    }
}

/// Whether a change names this reading.
fn is(shift: &Shift, reading: &Reading) -> bool {
    match (shift, reading) {
        (Shift::Category(it), Reading::Category { name }) => it == name,
        (Shift::Level(it), Reading::Exact { count }) => *it == *count as f64,
        _ => false,
    }
}

fn category(metric: Metric, name: &str, known: &[&str]) -> Compared {
    let Some(last) = known.first() else { return Compared::Nothing };
    if known.contains(&name) {
        return Compared::Same;
    }
    let work = |name: &str| match metric {
        Metric::RefreshAction => ACTIONS.iter().position(|it| *it == name),
        _ => None,
    };
    let most = known.iter().map(|it| work(it)).max().flatten();
    let text = format!("`{name}`, and `{last}` before");
    match (work(name), most) {
        (Some(tonight), Some(most)) if tonight < most => Compared::Better(text),
        _ => Compared::Worse(text),
    }
}

fn exact(worse: Worse, count: i64, known: &[i64]) -> Compared {
    let (Some(least), Some(most)) = (known.iter().min(), known.iter().max()) else {
        return Compared::Nothing;
    };
    let before = if least == most { least.to_string() } else { format!("{least} to {most}") };
    let text = format!("{count}, and {before} before");
    match (count < *least, count > *most, worse) {
        (false, false, _) => Compared::Same,
        (true, _, Worse::Less) | (_, true, Worse::More) => Compared::Worse(text),
        _ => Compared::Better(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Sample;

    fn date(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
    }

    fn series(metric: Metric) -> Series {
        Series {
            case: "R-01".into(),
            role: "orders_daily".into(),
            query: String::new(),
            metric,
            connection: "eu".into(),
        }
    }

    fn name(name: &str) -> Reading {
        Reading::Category { name: name.into() }
    }

    fn nights(readings: &[Reading]) -> Vec<Night> {
        let night = |(reading, day): (&Reading, u32)| Night {
            date: date(day),
            run: day.to_string(),
            status: Status::Accepted,
            host: None,
            first: Sample::of(reading.clone()),
            again: Vec::new(),
        };
        readings.iter().zip(1..).map(night).collect()
    }

    #[track_caller]
    fn check(metric: Metric, before: &[Reading], tonight: Reading, expected: &str) {
        let found =
            compared(&series(metric), &tonight, date(20), &nights(before), &[], 42).unwrap();
        assert!(format!("{found:?}").starts_with(expected), "{found:?}, not {expected}");
    }

    #[test]
    fn what_no_accepted_night_had_is_a_change() {
        let action = Metric::RefreshAction;
        check(action, &[], name("FULL"), "Nothing");
        check(action, &[name("INCREMENTAL")], name("INCREMENTAL"), "Same");
        check(action, &[name("INCREMENTAL")], name("FULL"), "Worse(\"`FULL`, and `INCREMENTAL`");
        check(action, &[name("FULL")], name("INCREMENTAL"), "Better");
        check(action, &[name("INCREMENTAL"), name("NO_DATA")], name("NO_DATA"), "Same");
        check(action, &[name("INCREMENTAL")], name("BOGUS"), "Worse");
        check(Metric::Digest, &[name("a")], name("b"), "Worse");
        let exact = |count| Reading::Exact { count };
        check(Metric::Count, &[exact(5)], exact(6), "Worse(\"6, and 5 before\")");
        check(Metric::Count, &[exact(5), exact(7)], exact(6), "Same");
        check(Metric::Count, &[exact(5)], exact(4), "Better");
        check(Metric::Throughput, &[exact(5)], exact(4), "Worse");
    }

    #[test]
    fn a_red_night_makes_nothing_right() {
        let mut history = nights(&[name("INCREMENTAL"), name("FULL")]);
        history[1].status = Status::Red;
        let series = series(Metric::RefreshAction);
        let found = compared(&series, &name("FULL"), date(20), &history, &[], 42);
        assert!(matches!(found, Some(Compared::Worse(_))), "{found:?}");
    }

    #[test]
    fn an_accepted_category_is_right_until_it_expires() {
        let change = Change {
            series: "*/refresh-action@*".into(),
            shift: Shift::Category("FULL".into()),
            reason: "a join that is not incremental yet".into(),
            who: "ops".into(),
            from: date(2),
            until: Some(date(10)),
        };
        let history = nights(&[name("INCREMENTAL"), name("FULL"), name("FULL")]);
        let on = |day| {
            let series = series(Metric::RefreshAction);
            compared(&series, &name("FULL"), date(day), &history, std::slice::from_ref(&change), 42)
        };
        assert_eq!(on(10), Some(Compared::Same));
        assert!(matches!(on(11), Some(Compared::Worse(_))), "{:?}", on(11));
    }

    #[test]
    fn what_has_noise_is_none_of_it() {
        let number = Reading::Number { value: 5.0 };
        assert_eq!(compared(&series(Metric::P95), &number, date(20), &[], &[], 42), None);
    }
}
