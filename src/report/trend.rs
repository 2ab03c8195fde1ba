//! The page of a history: each series over all nights, how the gate judged them, and when levels
//! changed.

use super::{
    html::{
        card, escape,
        figure::{Label, digits, percent, tick, time},
        notice, page,
        table::Table,
        top,
    },
    plot::{
        axis::{Axis, Frame, Scale},
        trend::{Dot, Mark, Turn, trend},
    },
};
use crate::{
    gate::{Reading, Sample},
    history::{Better, NightRow, SeriesKey, SeriesVerdict, Status, Unit},
    run::compare::counted,
};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// All that the page is made of.
#[derive(Debug, Default)]
pub struct Page {
    /// Oldest first.
    pub nights: Vec<NightRow>,
    pub trends: Vec<Trend>,
    /// Series that were left out because nothing ever changed in them.
    pub constant: usize,
}

/// One series on one testbed.
#[derive(Debug)]
pub struct Trend {
    pub testbed: String,
    pub series: SeriesKey,
    pub unit: Unit,
    pub better: Better,
    /// In the order of nights.
    pub points: Vec<TrendPoint>,
    pub changes: Vec<LevelChange>,
}

#[derive(Debug)]
pub struct TrendPoint {
    pub run: String,
    pub at: DateTime<Utc>,
    pub status: Status,
    pub first: Sample,
    pub again: Vec<Sample>,
    pub verdict: Option<SeriesVerdict>,
}

/// When a level changed, for the report only: no verdict hangs on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevelChange {
    /// The first point at the new level.
    pub at: usize,
    pub before: f64,
    pub after: f64,
}

/// Nights that are listed on the page; exports have all.
const NIGHTS_SHOWN: usize = 60;

pub fn render(it: &Page) -> String {
    let red = it.nights.iter().filter(|it| it.status == Status::Red).count();
    let title = match red {
        0 => format!("{}, none red", counted(it.nights.len(), "night")),
        red => format!("{red} of {} red", counted(it.nights.len(), "night")),
    };
    let lead = match (it.nights.first(), it.nights.last()) {
        (Some(first), Some(last)) => format!(
            "{} over nights from {} to {}.",
            counted_series(it.trends.len()),
            day(first.started_at),
            day(last.started_at)
        ),
        _ => "There are no nights.".to_owned(),
    };
    let mut body = top("history", &title, &lead);
    let simulated: Vec<&str> = it.nights.iter().filter_map(|it| it.simulated.as_deref()).collect();
    if let Some(model) = simulated.first() {
        let text = format!(
            "{} of {} are simulated: {model}.",
            simulated.len(),
            counted(it.nights.len(), "night")
        );
        body += &notice("", &text);
    }
    body += &cards(&it.nights);
    body += &changes(&it.trends);
    let mut testbeds: BTreeMap<&str, Vec<&Trend>> = BTreeMap::new();
    for trend in &it.trends {
        testbeds.entry(&trend.testbed).or_default().push(trend);
    }
    for (testbed, trends) in testbeds {
        let simulated = it.nights.iter().find(|it| it.testbed == testbed);
        let simulated = simulated.and_then(|it| it.simulated.as_deref());
        body += &format!("<h2>{}</h2><p class=\"note\">{}</p>", escape(testbed), escape(NOTE));
        let (news, quiet): (Vec<&Trend>, Vec<&Trend>) =
            trends.into_iter().partition(|it| is_news(it));
        let plots = |trends: &[&Trend]| -> String {
            let plots: String = trends.iter().map(|it| one(it, simulated)).collect();
            format!("<div class=\"trends\">{plots}</div>")
        };
        if !news.is_empty() {
            body += &plots(&news);
        }
        if !quiet.is_empty() {
            let open = if news.is_empty() { " open" } else { "" };
            let words = match news.is_empty() {
                true => format!("{}, none of which changed", counted_series(quiet.len())),
                false => format!("{} that did not change", counted_series(quiet.len())),
            };
            body += &format!(
                "<details class=\"quiet\"{open}><summary>{words}</summary>{}</details>",
                plots(&quiet)
            );
        }
    }
    if it.constant > 0 {
        let text = format!(
            "{} without a plot: the same every night, as outcomes of cases mostly are.",
            counted_series(it.constant)
        );
        body += &format!("<p class=\"note\">{}</p>", escape(&text));
    }
    body += &nights(&it.nights);
    page("snowgauge history", &body, env!("CARGO_PKG_VERSION"))
}

/// What somebody wants to see first: it was red, or its level changed.
fn is_news(it: &Trend) -> bool {
    let is_told = |it: &TrendPoint| it.verdict.as_ref().is_some_and(|it| it.verdict == "failed");
    !it.changes.is_empty() || it.points.iter().any(is_told)
}

/// The plural is the same word.
fn counted_series(count: usize) -> String {
    format!("{count} series")
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

fn cards(nights: &[NightRow]) -> String {
    let Some(last) = nights.last() else { return String::new() };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for night in nights {
        *counts.entry(night.status.word()).or_default() += 1;
    }
    let counts: Vec<(&str, String)> =
        counts.into_iter().map(|(word, count)| (word, count.to_string())).collect();
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    let facts = [
        ("run", last.run.clone()),
        ("started", last.started_at.format("%Y-%m-%d %H:%M UTC").to_string()),
        ("status", last.status.word().to_owned()),
        ("why", last.why.clone()),
        ("testbed", last.testbed.clone()),
        ("release", text(&last.release)),
        ("server", text(&last.server_version)),
        ("generator", text(&last.generator)),
    ];
    format!(
        "<div class=\"cards\">{}{}</div>",
        card("Nights", &counted(nights.len(), "night"), &counts),
        card("The last one", "", &facts)
    )
}

/// More changes than these are folded away below what they have in common.
const CHANGES_SHOWN: usize = 8;

/// When it changed: named once for all plots, and by night, since one cause moves many series.
fn changes(trends: &[Trend]) -> String {
    let mut rows: Vec<(DateTime<Utc>, &Trend, &LevelChange)> = Vec::new();
    for trend in trends {
        for change in &trend.changes {
            let Some(point) = trend.points.get(change.at) else { continue };
            rows.push((point.at, trend, change));
        }
    }
    if rows.is_empty() {
        return "<p class=\"note\">No level changed in these nights, as far as they tell.</p>"
            .to_owned();
    }
    rows.sort_by_key(|(at, trend, _)| (*at, trend.testbed.clone(), trend.series.to_string()));
    let mut nights: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for (at, trend, _) in &rows {
        *nights.entry((day(*at), &trend.testbed)).or_default() += 1;
    }
    let mut out = String::from("<h2>Changes</h2>");
    for ((day, testbed), count) in nights {
        let text = format!("{day}: {} on {testbed}", counted_series(count));
        out += &format!("<p>{}</p>", escape(&text));
    }
    let mut table = Table::new("when levels changed")
        .words(&["first night", "series", "testbed"])
        .numbers(&["before", "after", "by"])
        .words(&["which is"]);
    for (at, trend, change) in &rows {
        table.row([
            day(*at),
            trend.series.to_string(),
            trend.testbed.clone(),
            in_words(trend.unit, change.before),
            in_words(trend.unit, change.after),
            by(trend.unit, change),
            direction(trend.better, change).to_owned(),
        ]);
    }
    out + &match rows.len() > CHANGES_SHOWN {
        true => table.folded(),
        false => table.render("stack"),
    }
}

fn direction(better: Better, change: &LevelChange) -> &'static str {
    match (better, change.after > change.before) {
        (Better::Lower, true) | (Better::Higher, false) => "worse",
        (Better::Lower, false) | (Better::Higher, true) => "better",
        (Better::Neither, _) => "",
    }
}

/// `+10.0 %`; of shares in points.
fn by(unit: Unit, change: &LevelChange) -> String {
    let sign = if change.after < change.before { "−" } else { "+" };
    match unit {
        Unit::Share => {
            let points = (change.after - change.before).abs() * 100.0;
            format!("{sign}{} points", digits(points))
        }
        _ if change.before > 0.0 => {
            format!("{sign}{}", percent((change.after / change.before - 1.0).abs()))
        }
        _ => String::new(),
    }
}

fn in_words(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Microseconds => time(value),
        Unit::Share => percent(value),
        Unit::PerSecond => format!("{} /s", digits(value)),
        Unit::Count | Unit::Word | Unit::Credits => digits(value),
    }
}

/// The plot of a series, with its numbers below.
fn one(it: &Trend, simulated: Option<&str>) -> String {
    let label = Label { simulated };
    let part = [it.series.role.as_str(), it.series.query.as_str(), it.series.metric.as_str()];
    let part = part.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join("/");
    let title = format!("{part} of {}", it.series.of_case());
    let table = numbers(it);
    let dots: Vec<Dot> = it.points.iter().filter_map(|point| dot(it.unit, point)).collect();
    if dots.is_empty() {
        return label.figure(&title, "", "Words, and no numbers.", Some(&table));
    }
    let turns: Vec<Turn> = it
        .changes
        .iter()
        .filter_map(|change| {
            let at = it.points.get(change.at)?.at;
            let said = format!("{} {}", at.format("%-d %b"), by(it.unit, change));
            Some(Turn { x: days(at), before: change.before, after: change.after, said })
        })
        .collect();
    let said: Vec<String> = turns.iter().map(|it| it.said.clone()).collect();
    let desc = format!(
        "{} from {} to {}. {}",
        counted(dots.len(), "night"),
        in_words(it.unit, dots[0].value),
        in_words(it.unit, dots[dots.len() - 1].value),
        match said.is_empty() {
            true => "No change of level.".to_owned(),
            false => format!("Changes of level: {}.", said.join(", ")),
        }
    );
    let about = label.about(&title, &desc);
    let (first, last) = (dots[0].x, dots[dots.len() - 1].x);
    let x = Axis {
        scale: Scale::Linear { from: first - 0.5, to: last.max(first + 1.0) + 0.5 },
        label: "night",
        words: date_of,
    };
    let y = Axis { scale: around(&dots), label: unit_words(it.unit), words: words_of(it.unit) };
    let plot = trend(&about, &Frame::new(x, y, 14.0).with_left(62.0), &dots, &turns);
    label.figure(&title, &plot, "", Some(&table))
}

const NOTE: &str = "● accepted, ○ not compared with (unsure, not judged, or red for something else), \
                    ■ red, × invalid. Shaded: 95 % intervals. Strokes beside a night are samples \
                    that were taken again; dashes are levels between changes.";

/// From zero where that leaves room to see something: a tenth more is to be seen as a tenth.
fn around(dots: &[Dot]) -> Scale {
    let all = || {
        let of = |it: &Dot| {
            let mut all = vec![it.value];
            all.extend_from_slice(&it.again);
            // An interval with one end is not drawn.
            if it.low.is_finite() && it.high.is_finite() {
                all.extend([it.low, it.high]);
            }
            all
        };
        dots.iter().flat_map(of).filter(|it| it.is_finite())
    };
    let (least, most) =
        all().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), it| (a.min(it), b.max(it)));
    let room = (most - least).max(most.abs() * 0.05) * 0.15;
    match least - room > 0.4 * most {
        true => Scale::Linear { from: least - room, to: most + room },
        false => Scale::from_zero(all()),
    }
}

fn days(at: DateTime<Utc>) -> f64 {
    at.timestamp() as f64 / 86_400.0
}

/// Of days since 1970.
fn date_of(days: f64) -> String {
    let at = DateTime::from_timestamp((days * 86_400.0) as i64, 0).unwrap_or_default();
    at.format("%-d %b").to_string()
}

fn unit_words(unit: Unit) -> &'static str {
    match unit {
        Unit::Microseconds => "time",
        Unit::Share => "share",
        Unit::PerSecond => "per second",
        Unit::Count | Unit::Word => "count",
        Unit::Credits => "credits",
    }
}

fn words_of(unit: Unit) -> fn(f64) -> String {
    match unit {
        Unit::Microseconds => tick,
        Unit::Share => percent,
        _ => digits,
    }
}

fn dot(unit: Unit, point: &TrendPoint) -> Option<Dot> {
    let value = point.first.reading.value()?;
    let (low, high) = interval(&point.first.reading);
    let verdict = match &point.verdict {
        Some(it) => format!("; {}: {}", it.verdict, it.why),
        None => String::new(),
    };
    let status = match (&point.verdict, point.status) {
        (_, Status::Invalid) => Status::Invalid,
        (Some(it), _) => status_of(&it.verdict),
        // Red for something else.
        (None, Status::Red) => Status::Unsure,
        (None, status) => status,
    };
    Some(Dot {
        x: days(point.at),
        value,
        low: low.unwrap_or(f64::NAN),
        high: high.unwrap_or(f64::INFINITY),
        again: point.again.iter().filter_map(|it| it.reading.value()).collect(),
        mark: match status {
            Status::Accepted => Mark::Accepted,
            Status::Red => Mark::Red,
            Status::Invalid => Mark::Invalid,
            Status::Unsure | Status::Unjudged => Mark::Open,
        },
        said: format!("{}: {}{verdict}", day(point.at), in_words(unit, value)),
    })
}

/// Of a verdict on one series.
fn status_of(verdict: &str) -> Status {
    match verdict {
        "failed" => Status::Red,
        "unsure" => Status::Unsure,
        "invalid" => Status::Invalid,
        _ => Status::Accepted,
    }
}

fn interval(reading: &Reading) -> (Option<f64>, Option<f64>) {
    match reading {
        Reading::Measured { low, high, .. } => (Some(*low).filter(|it| it.is_finite()), *high),
        _ => (None, None),
    }
}

fn numbers(it: &Trend) -> Table {
    let mut table = Table::new("as a table")
        .words(&["night", "run", "status"])
        .numbers(&["value", "low", "high", "control", "taken again"])
        .words(&["verdict", "why"]);
    let number = |it: Option<f64>| it.map(|it| format!("{it}")).unwrap_or_default();
    for point in &it.points {
        let (low, high) = interval(&point.first.reading);
        let value = match &point.first.reading {
            Reading::Category { name } => name.clone(),
            other => number(other.value()),
        };
        let (verdict, why) = match &point.verdict {
            Some(it) => (it.verdict.clone(), it.why.clone()),
            None => (String::new(), String::new()),
        };
        table.row([
            day(point.at),
            point.run.clone(),
            point.status.word().to_owned(),
            value,
            number(low),
            number(high),
            number(point.first.control),
            point.again.len().to_string(),
            verdict,
            why,
        ]);
    }
    table
}

fn nights(nights: &[NightRow]) -> String {
    if nights.is_empty() {
        return String::new();
    }
    let shown = nights.len().min(NIGHTS_SHOWN);
    let title = match shown == nights.len() {
        true => "nights".to_owned(),
        false => format!("the last {shown} nights of {}", nights.len()),
    };
    let mut table = Table::new(&title).words(&[
        "started",
        "run",
        "status",
        "testbed",
        "release",
        "server",
        "generator",
        "why",
    ]);
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    for it in nights.iter().rev().take(NIGHTS_SHOWN) {
        let why = it.cut_short.as_ref().map_or(it.why.clone(), |it| format!("not whole: {it}"));
        let hue = match it.status {
            Status::Red | Status::Invalid => "failed",
            Status::Accepted => "passed",
            Status::Unsure | Status::Unjudged => "unsure",
        };
        let status = format!("<span class=\"tag {hue}\">{}</span>", it.status.word());
        let cells = [
            it.started_at.format("%Y-%m-%d %H:%M").to_string(),
            it.run.clone(),
            String::new(),
            it.testbed.clone(),
            text(&it.release),
            text(&it.server_version),
            text(&it.generator),
            why,
        ];
        table.row_with(cells.into_iter().enumerate().map(|(at, cell)| match at {
            2 => (it.status.word().to_owned(), Some(status.clone())),
            _ => (cell, None),
        }));
    }
    format!("<h2>Nights</h2>{}", table.render("stack"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    const DAYS: i64 = 12;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(day)
    }

    fn trend_of(metric: &str, from: i64, verdict: Option<&str>) -> Trend {
        let [suite, case, role, query, metric] =
            ["s", "a <b>", "interactive", "", metric].map(str::to_owned);
        let series = SeriesKey { suite, case, role, query, metric };
        let point = |day: i64| {
            let value = if day < from { 10_000.0 } else { 11_000.0 };
            let high = (day != 3).then_some(value * 1.1);
            let reading = Reading::Measured { value, low: value * 0.9, high, samples: 50.0 };
            let is_slow = day >= from;
            TrendPoint {
                run: format!("SG{day}"),
                at: at(day),
                status: if is_slow { Status::Red } else { Status::Accepted },
                first: Sample::of(reading),
                again: Vec::new(),
                verdict: verdict.filter(|_| is_slow).map(|it| SeriesVerdict {
                    series: series.clone(),
                    verdict: it.to_owned(),
                    why: "<why>".to_owned(),
                    estimate: None,
                }),
            }
        };
        let change = LevelChange { at: from as usize, before: 10_000.0, after: 11_000.0 };
        Trend {
            testbed: "emulator & more".to_owned(),
            points: (0..DAYS).map(point).collect(),
            changes: (from < DAYS).then_some(change).into_iter().collect(),
            series,
            unit: Unit::Microseconds,
            better: Better::Lower,
        }
    }

    #[test]
    fn a_change_is_named_and_what_is_quiet_is_folded() {
        let trends = vec![trend_of("p50", 8, Some("failed")), trend_of("p99", DAYS, None)];
        let html = render(&Page { nights: Vec::new(), trends, constant: 3 });
        let expect = |part: &str| assert!(html.contains(part), "no {part} in\n{html}");
        expect("<p>1970-01-09: 1 series on emulator &amp; more</p>");
        expect("<td class=\"number\" data-head=\"by\">+10.0 %</td>");
        expect("<td data-head=\"which is\">worse</td>");
        expect(">9 Jan +10.0 %</text>");
        expect("<summary>1 series that did not change</summary>");
        expect("3 series without a plot");
        expect("failed: &lt;why&gt;");
        assert!(!html.contains("a <b>") && !html.contains("<why>"), "{html}");
        assert_eq!(html.matches("class=\"night red-night\"").count(), 4);
    }

    #[test]
    fn a_night_that_is_red_for_something_else_is_not_red_here() {
        let trends = vec![trend_of("p50", 8, None)];
        let html = render(&Page { nights: Vec::new(), trends, constant: 0 });
        assert_eq!(html.matches("red-night\"").count(), 0, "{html}");
        assert_eq!(html.matches("open-night\"").count(), 4);
    }

    #[test]
    fn without_nights_there_is_a_page() {
        let html = render(&Page::default());
        assert!(html.contains("There are no nights."), "{html}");
        assert!(html.contains("No level changed"), "{html}");
    }
}
