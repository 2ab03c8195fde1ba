//! When tables were refreshed, and how old their contents were in between.

use super::{About, Anchor, LETTER, axis::Scale, line, rect, room, svg, text};

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    pub name: String,
    /// How old its contents may become, in seconds.
    pub target: Option<f64>,
    /// In the order of their data.
    pub ticks: Vec<Tick>,
    /// From a change to when it was seen, in seconds.
    pub shown: Vec<(f64, f64)>,
}

/// A refresh. Times are in seconds from the beginning of the plot.
#[derive(Clone, Debug)]
pub struct Tick {
    /// Of the contents.
    pub data: f64,
    /// When the contents were there; `None` if they never were.
    pub ended: Option<f64>,
    /// What kind it is, on the tick: `I`, `F`, …
    pub letter: char,
    pub class: &'static str,
    /// What is said of it when it is pointed at.
    pub said: String,
}

const WIDTH: f64 = 660.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 28.0;
/// A lane: its name, its ticks, and the area of its lag.
const NAME: f64 = 16.0;
const TICKS: f64 = 18.0;
const AREA: f64 = 46.0;
const LANE: f64 = NAME + TICKS + AREA + 18.0;

/// Below each other over one axis of time. `seconds` says a time.
pub fn timeline(about: &About<'_>, lanes: &[Lane], seconds: fn(f64) -> String) -> String {
    let times = lanes.iter().flat_map(|it| {
        let ticks = it.ticks.iter().flat_map(|it| [Some(it.data), it.ended]);
        ticks.flatten().chain(it.shown.iter().map(|(_, seen)| *seen))
    });
    let end = times.fold(0.0, f64::max).max(1e-3);
    let span = Span { end };
    let mut out = String::new();
    let height = lanes.len() as f64 * LANE + 22.0;
    let scale = Scale::Time { to: end };
    for value in scale.ticks(8) {
        let x = span.at(value);
        out += &line("grid", (x, 0.0), (x, height - 22.0));
        out += &text((x, height - 8.0), "tick", Anchor::Middle, &seconds(value));
    }
    for (at, lane) in lanes.iter().enumerate() {
        out += &draw(lane, &span, at as f64 * LANE, seconds);
    }
    svg(about, "wide", (WIDTH, height), &out)
}

struct Span {
    end: f64,
}

impl Span {
    fn at(&self, seconds: f64) -> f64 {
        LEFT + (seconds / self.end).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }
}

/// How old a table's contents are, as corners of a line: older with time, and at once younger
/// when a refresh has ended.
fn ages(ticks: &[Tick], end: f64) -> Vec<(f64, f64)> {
    let mut done: Vec<(f64, f64)> =
        ticks.iter().filter_map(|it| it.ended.map(|ended| (ended, it.data))).collect();
    done.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut corners = Vec::new();
    for (at, (ended, data)) in done.iter().enumerate() {
        let until = done.get(at + 1).map_or(end, |(ended, _)| *ended);
        corners.push((*ended, ended - data));
        corners.push((until, until - data));
    }
    corners
}

fn draw(lane: &Lane, span: &Span, top: f64, seconds: fn(f64) -> String) -> String {
    let mut out = text((2.0, top + 11.0), "name", Anchor::Start, &lane.name);
    let row = top + NAME;
    let is_dense = lane.ticks.windows(2).any(|it| span.at(it[1].data) - span.at(it[0].data) < 13.0);
    for tick in &lane.ticks {
        let x = span.at(tick.data);
        let wide = if is_dense { 4.0 } else { 13.0 };
        out += &rect(&format!("refresh {}", tick.class), (x, row), (wide, 14.0), &tick.said);
        if !is_dense {
            let place = (x + 6.5, row + 11.0);
            out += &text(place, "in-refresh", Anchor::Middle, &tick.letter.to_string());
        }
    }

    let ages = ages(&lane.ticks, span.end);
    let oldest = ages.iter().map(|(_, age)| *age).fold(0.0, f64::max);
    // A day's target over ages of seconds would leave nothing of them to be seen.
    let target = lane.target.filter(|it| *it <= oldest * 6.0);
    let most = target.unwrap_or_default().max(oldest) * 1.08;
    let (area, base) = (row + TICKS, row + TICKS + AREA);
    out += &line("axis", (LEFT, base), (WIDTH - RIGHT, base));
    if most > 0.0 {
        let at = |age: f64| base - age / most * AREA;
        let corners: Vec<String> = ages
            .iter()
            .map(|(when, age)| format!("{:.1} {:.1}", span.at(*when), at(*age)))
            .collect();
        if let (Some(first), Some(last)) = (ages.first(), ages.last()) {
            out += &format!(
                "<path class=\"age\" d=\"M{:.1} {base:.1}L{}L{:.1} {base:.1}Z\"/>",
                span.at(first.0),
                corners.join("L"),
                span.at(last.0)
            );
        }
        out += &text((LEFT - 5.0, area + 8.0), "tick", Anchor::End, &seconds(oldest));
        out += &text((LEFT - 5.0, base), "tick", Anchor::End, "0");
        if let Some(target) = target {
            out += &line("limit", (LEFT, at(target)), (WIDTH - RIGHT, at(target)));
        }
    }
    if let Some(wanted) = lane.target {
        let words = match target {
            Some(_) => format!("target lag {} (dashed)", seconds(wanted)),
            None => format!("target lag {}, off the scale", seconds(wanted)),
        };
        let x = (room(&lane.name) + 5.0 * LETTER).max(LEFT);
        out += &text((x, top + 11.0), "note", Anchor::Start, &words);
    }
    for (changed, seen) in &lane.shown {
        let said = format!("a change was seen after {}", seconds(seen - changed));
        let (from, to) = (span.at(*changed), span.at(*seen));
        out += &line("waited", (from, base + 5.0), (to, base + 5.0));
        out += &rect("waited-end", (to - 1.5, base + 2.0), (3.0, 6.0), &said);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(data: f64, ended: Option<f64>) -> Tick {
        Tick { data, ended, letter: 'I', class: "incremental", said: "<it>".to_owned() }
    }

    #[test]
    fn contents_age_until_the_next_refresh_has_ended() {
        let ticks = [tick(0.0, Some(2.0)), tick(10.0, None), tick(20.0, Some(23.0))];
        let expected = [(2.0, 2.0), (23.0, 23.0), (23.0, 3.0), (30.0, 10.0)];
        assert_eq!(ages(&ticks, 30.0), expected);
    }

    #[test]
    fn a_lane_has_its_ticks_and_a_target_that_can_be_seen() {
        let about = About { title: "t", desc: "d", stamp: None };
        let lane = |target| Lane {
            name: "ONE".to_owned(),
            target: Some(target),
            ticks: vec![tick(0.0, Some(2.0)), tick(20.0, Some(23.0))],
            shown: vec![(5.0, 24.0)],
        };
        let found = timeline(&about, &[lane(30.0)], |it| format!("{it} s"));
        assert_eq!(found.matches("class=\"refresh incremental\"").count(), 2, "{found}");
        assert!(found.contains("target lag 30 s (dashed)"), "{found}");
        assert!(found.contains("<title>a change was seen after 19 s</title>"), "{found}");
        assert!(found.contains("<title>&lt;it&gt;</title>"), "{found}");
        let found = timeline(&about, &[lane(86_400.0)], |it| format!("{it} s"));
        assert!(found.contains("target lag 86400 s, off the scale"), "{found}");
        assert!(!found.contains("class=\"limit\""), "{found}");
    }
}
