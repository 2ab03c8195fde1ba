//! Latencies: by percentile, over time, and of two roles beside each other.

use super::Role;
use crate::{
    load::{Judged, Unit},
    report::{
        html::{
            figure::{Label, clock, digits, ms, quantile, tick, time},
            sums::{Quantile, Sum},
            table::Table,
        },
        plot::{
            axis::{Axis, Frame, Scale},
            line::{Level, Series, Strip, Stroke, lines, room_for},
        },
    },
};

/// What tables tell.
pub const TOLD: [f64; 8] = [0.1, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999];

/// What is drawn of each second.
const EACH_SECOND: [f64; 3] = [0.5, 0.95, 0.99];

const TAIL: &str = "quantile";

/// On curves that are only known from below.
pub const DOTTED: &str = "Dotted: at least so long, since requests were cancelled.";

/// Points to a tenth of what is left.
const STEPS: i32 = 16;

/// Quantiles from 0 on, as far as a sample is beyond each.
fn quantiles(samples: u64) -> impl Iterator<Item = f64> {
    let last = (samples.max(1) as f64).log10().min(6.0);
    (0..).map(|at| f64::from(at) / f64::from(STEPS)).take_while(move |it| *it <= last).map(|it| {
        let left = 10_f64.powf(-it);
        1.0 - left
    })
}

/// From due.
pub fn due_curve(sum: &Sum, name: &str, hue: usize, stroke: Stroke) -> Series {
    let found: Vec<(f64, Quantile)> =
        quantiles(sum.samples()).filter_map(|q| Some((q, sum.quantile(q)?))).collect();
    Series {
        name: name.to_owned(),
        points: found.iter().map(|(q, it)| (*q, it.us as f64)).collect(),
        hue,
        stroke,
        at_least_from: found.iter().find(|(_, it)| it.at_least).map(|(q, _)| *q),
    }
}

fn sent_curve(sum: &Sum, name: &str, hue: usize, stroke: Stroke) -> Series {
    let quantiles = quantiles(sum.from_sent.len());
    let points = quantiles.filter_map(|q| Some((q, sum.sent_quantile(q)? as f64))).collect();
    Series { name: name.to_owned(), points, hue, stroke, at_least_from: None }
}

/// A frame for curves by quantile, on this scale of microseconds.
pub fn tail_frame<'a>(series: &[Series], y: Scale) -> Frame<'a> {
    let points = series.iter().flat_map(|it| &it.points);
    let to = points.map(|(q, _)| *q).fold(0.9, f64::max);
    let words = |q: f64| if q == 0.0 { "0".to_owned() } else { quantile(q) };
    Frame::new(
        Axis { scale: Scale::Tail { to }, label: TAIL, words },
        Axis { scale: y, label: "latency", words: tick },
        room_for(series),
    )
}

/// One scale for all that is to be compared.
pub fn scale<'a>(series: impl IntoIterator<Item = &'a Series>) -> Scale {
    let series: Vec<&Series> = series.into_iter().collect();
    Scale::log(series.iter().flat_map(|it| it.points.iter().map(|(_, us)| *us)))
}

/// `≥ 5000` where that is all that is known.
pub fn told(it: Option<Quantile>) -> String {
    match it {
        None => "–".to_owned(),
        Some(Quantile { us, at_least: true }) => format!("≥ {}", ms(us as f64)),
        Some(Quantile { us, at_least: false }) => ms(us as f64),
    }
}

fn said(it: Option<Quantile>) -> String {
    match it {
        None => "not known".to_owned(),
        Some(it) => format!("{}{}", if it.at_least { "at least " } else { "" }, time(it.us as f64)),
    }
}

/// Whether a budget is of a quantile from due: `p95 <= 100ms`, and not `queue p95 <= 10ms`, nor
/// `p95 from sent <= 90ms`.
fn is_of_curve(budget: &str) -> bool {
    match budget.split_whitespace().collect::<Vec<_>>().as_slice() {
        [of, _, _] => {
            *of == "median" || of.strip_prefix('p').is_some_and(|it| it.parse::<f64>().is_ok())
        }
        _ => false,
    }
}

/// Of each role: what requests took from when they were due, and from when they were sent.
pub fn by_percentile(roles: &[Role<'_>], judged: &[Judged], label: Label<'_>) -> String {
    let curves = |role: &Role<'_>| {
        [
            due_curve(&role.whole, "from due", 0, Stroke::Plain),
            sent_curve(&role.whole, "from sent", 1, Stroke::Dashed),
        ]
    };
    let all: Vec<[Series; 2]> = roles.iter().map(curves).collect();
    // Budgets are of the first role, and those of one query are not of the whole.
    let limits: Vec<Level<'_>> = judged
        .iter()
        .filter(|it| it.unit == Unit::Microseconds && it.query.is_none() && is_of_curve(&it.budget))
        .map(|it| Level { name: &it.budget, value: it.limit })
        .collect();
    let known = all.iter().flatten().flat_map(|it| it.points.iter().map(|(_, us)| *us));
    let y = Scale::log(known.chain(limits.iter().map(|it| it.value)));
    let mut out = String::new();
    for (role, series) in roles.iter().zip(&all) {
        let sum = &role.whole;
        if sum.samples() == 0 {
            continue;
        }
        let levels = if role.hue == 0 { limits.as_slice() } else { &[] };
        let title = format!("{}: latency by percentile", role.of.role);
        let desc = format!(
            "From due: p50 {}, p95 {}, p99 {}, of {} samples.",
            said(sum.quantile(0.5)),
            said(sum.quantile(0.95)),
            said(sum.quantile(0.99)),
            sum.samples()
        );
        let plot = lines(&label.about(&title, &desc), tail_frame(series, y), series, &[], levels);
        let mut table =
            Table::new("as a table").words(&["quantile"]).numbers(&["from due ms", "from sent ms"]);
        for q in TOLD.into_iter().filter(|q| sum.quantile(*q).is_some()) {
            let sent = sum.sent_quantile(q).map_or("–".to_owned(), |us| ms(us as f64));
            table.row([quantile(q), told(sum.quantile(q)), sent]);
        }
        let mut note = "From due is what a client waits who comes when the schedule says; from \
                        sent leaves out what the request waited for a free session."
            .to_owned();
        if !sum.censored.is_empty() {
            note += &format!(
                " {} requests were cancelled by the server: they took at least as long as they \
                 were waited for, and quantiles above the first of them are lower limits, dotted.",
                sum.censored.len()
            );
        }
        out += &label.figure(&title, &plot, &note, Some(&table));
    }
    out
}

/// Of each role, second by second.
pub fn over_time(roles: &[Role<'_>], label: Label<'_>) -> String {
    let strokes = [Stroke::Plain, Stroke::Dashed, Stroke::Dotted];
    let of_second = |(second, sum): &(u32, Sum), q| {
        let us = sum.quantile(q).map_or(f64::NAN, |it| it.us as f64);
        (f64::from(*second), us)
    };
    let curves = |role: &Role<'_>| -> Vec<Series> {
        let curve = |(hue, q): (usize, f64)| Series {
            name: quantile(q),
            points: role.seconds.iter().map(|it| of_second(it, q)).collect(),
            hue: [0, 2, 1][hue],
            stroke: strokes[hue],
            at_least_from: None,
        };
        let curves = EACH_SECOND.into_iter().enumerate().map(curve);
        curves.filter(|it| it.points.iter().any(|(_, us)| us.is_finite())).collect()
    };
    let all: Vec<Vec<Series>> = roles.iter().map(curves).collect();
    let y = scale(all.iter().flatten());
    let end = roles.iter().flat_map(|it| it.seconds.last()).map(|(at, _)| f64::from(*at));
    let end = end.fold(1.0, f64::max);
    let mut out = String::new();
    for (role, series) in roles.iter().zip(&all) {
        if role.seconds.is_empty() {
            continue;
        }
        let title = format!("{}: latency over time", role.of.role);
        let count = |name, class, of: fn(&Sum) -> u64| Strip {
            name,
            counts: role.seconds.iter().map(|(at, sum)| (f64::from(*at), of(sum))).collect(),
            class,
        };
        let strips = [
            count("errors", "mark-error", |it| it.errors.values().sum()),
            count("wrong", "mark-wrong", |it| it.wrong_rows),
            count("cancelled", "mark-cancelled", |it| it.censored.len()),
            count("dropped", "mark-dropped", |it| it.dropped),
        ];
        let frame = Frame::new(
            Axis {
                scale: Scale::Time { to: end },
                label: "since the measured part began",
                words: clock,
            },
            Axis { scale: y, label: "latency from due, by the second it was due", words: tick },
            room_for(series).max(34.0),
        )
        .with_left(70.0);
        let sum = &role.whole;
        let desc = format!(
            "{} due, {} with an error or wrong rows, {} cancelled, {} dropped.",
            sum.due,
            sum.failed(),
            sum.censored.len(),
            sum.dropped
        );
        let plot = lines(&label.about(&title, &desc), frame, series, &strips, &[]);
        let note = "A quantile is drawn where at least one sample of its second is beyond it. \
                    Below: how many requests of each second ended otherwise, or were never sent.";
        out += &label.figure(&title, &plot, note, Some(&each_second(role)));
    }
    out
}

fn each_second(role: &Role<'_>) -> Table {
    let mut table = Table::new("as a table")
        .numbers(&["second", "due", "answered", "p50 ms", "p95 ms", "p99 ms"])
        .numbers(&["errors", "wrong rows", "cancelled", "dropped"]);
    for (second, sum) in &role.seconds {
        let [p50, p95, p99] = EACH_SECOND.map(|q| told(sum.quantile(q)));
        table.row([
            second.to_string(),
            sum.due.to_string(),
            sum.ok.to_string(),
            p50,
            p95,
            p99,
            sum.errors.values().sum::<u64>().to_string(),
            sum.wrong_rows.to_string(),
            sum.censored.len().to_string(),
            sum.dropped.to_string(),
        ]);
    }
    table
}

/// How often one is the other.
fn ratio(of: Option<Quantile>, to: Option<Quantile>) -> String {
    let Some((of, to)) = of.zip(to).filter(|(_, to)| to.us > 0) else { return "–".to_owned() };
    let found = digits(of.us as f64 / to.us as f64);
    match (of.at_least, to.at_least) {
        (false, false) => found,
        (true, false) => format!("≥ {found}"),
        (false, true) => format!("≤ {found}"),
        (true, true) => "–".to_owned(),
    }
}

/// Roles in one plot. The first is what is tested: the others are how many times it.
pub fn compared(roles: &[Role<'_>], label: Label<'_>) -> String {
    let [first, others @ ..] = roles else { return String::new() };
    if others.is_empty() {
        return String::new();
    }
    let series: Vec<Series> = roles
        .iter()
        .filter(|it| it.whole.samples() > 0)
        .map(|it| due_curve(&it.whole, &it.of.role, it.hue, it.stroke()))
        .collect();
    let names: Vec<&str> = others.iter().map(|it| it.of.role.as_str()).collect();
    let title = format!("{} against {}", names.join(", "), first.of.role);
    let mut table =
        Table::new("ratios")
            .words(&["from due"])
            .numbers(&[format!("{} ms", first.of.role).as_str()]);
    for name in &names {
        table = table.numbers(&[&format!("{name} ms"), &format!("{name} / {}", first.of.role)]);
    }
    let known = |q: f64| roles.iter().all(|it| it.whole.quantile(q).is_some());
    for q in TOLD.into_iter().filter(|q| known(*q)) {
        let base = first.whole.quantile(q);
        let mut row = vec![quantile(q), told(base)];
        for other in others {
            let found = other.whole.quantile(q);
            row.extend([told(found), ratio(found, base)]);
        }
        table.row(row);
    }
    let mean = |it: &Role<'_>| Quantile {
        us: it.whole.from_due.mean().round() as u64,
        at_least: !it.whole.censored.is_empty(),
    };
    let mut row = vec!["mean".to_owned(), told(Some(mean(first)))];
    for other in others {
        row.extend([told(Some(mean(other))), ratio(Some(mean(other)), Some(mean(first)))]);
    }
    table.row(row);
    let p95 = |it: &Role<'_>| format!("{} {}", it.of.role, said(it.whole.quantile(0.95)));
    let desc = format!("p95: {}.", roles.iter().map(p95).collect::<Vec<_>>().join(", "));
    let about = label.about(&title, &desc);
    let plot = lines(&about, tail_frame(&series, scale(&series)), &series, &[], &[]);
    let mut note =
        "Latency from due. Ratios are without intervals; those of budgets are above.".to_owned();
    if series.iter().any(|it| it.at_least_from.is_some()) {
        note += &format!(" {DOTTED}");
    }
    label.figure_beside(&title, &plot, &note, &table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_of_limits_is_a_limit() {
        let is = |us| Some(Quantile { us, at_least: false });
        let at_least = |us| Some(Quantile { us, at_least: true });
        assert_eq!(ratio(is(330), is(100)), "3.30");
        assert_eq!(ratio(at_least(330), is(100)), "≥ 3.30");
        assert_eq!(ratio(is(330), at_least(100)), "≤ 3.30");
        assert_eq!(ratio(at_least(330), at_least(100)), "–");
        assert_eq!(ratio(is(330), None), "–");
        assert_eq!(ratio(is(330), is(0)), "–");
    }

    #[test]
    fn only_limits_of_quantiles_from_due_are_drawn_over_them() {
        for (budget, expected) in [
            ("p95 <= 100ms", true),
            ("p99.9 < 2s", true),
            ("median <= 1s", true),
            ("mean <= 1s", false),
            ("p95 from sent <= 90ms", false),
            ("queue p95 <= 10ms", false),
            ("p95 difference <= 10ms", false),
        ] {
            assert_eq!(is_of_curve(budget), expected, "{budget}");
        }
    }

    #[test]
    fn no_quantile_is_drawn_that_no_sample_is_beyond() {
        assert_eq!(quantiles(0).collect::<Vec<_>>(), [0.0]);
        let last = quantiles(1000).last().unwrap();
        assert!((last - 0.999).abs() < 1e-9, "{last}");
    }
}
