//! Lines in a frame, each named at its end.

use super::{About, Anchor, apart, axis::Frame, rect, room, svg, text};

/// A line.
#[derive(Clone, Debug)]
pub struct Series {
    pub name: String,
    /// In the order of `x`. A value that is not finite is a gap.
    pub points: Vec<(f64, f64)>,
    /// Which of the colours.
    pub hue: usize,
    pub stroke: Stroke,
    /// Values from this `x` on are lower limits only.
    pub at_least_from: Option<f64>,
}

impl Series {
    /// What is written at its end.
    fn end_name(&self) -> String {
        match self.at_least_from {
            Some(_) => format!("≥ {}", self.name),
            None => self.name.clone(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    Plain,
    Dashed,
    Dotted,
    DashDotted,
}

impl Stroke {
    fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain-line",
            Self::Dashed => "dashed",
            Self::Dotted => "dotted",
            Self::DashDotted => "dash-dotted",
        }
    }
}

/// Counts along `x` below the area: what lines do not show, such as errors.
pub struct Strip<'a> {
    pub name: &'a str,
    /// Where, and how many. Those of 0 are not drawn.
    pub counts: Vec<(f64, u64)>,
    pub class: &'a str,
}

/// A level across the area: a limit.
pub struct Level<'a> {
    pub name: &'a str,
    pub value: f64,
}

const STRIP: f64 = 15.0;

/// Room for the names of lines.
pub fn room_for(series: &[Series]) -> f64 {
    let names = series.iter().map(|it| room(&it.end_name()));
    names.fold(0.0, f64::max) + 10.0
}

/// The plot. Its frame grows by the strips.
pub fn lines(
    about: &About<'_>,
    mut frame: Frame<'_>,
    series: &[Series],
    strips: &[Strip<'_>],
    levels: &[Level<'_>],
) -> String {
    let strips: Vec<_> = strips.iter().filter(|it| it.counts.iter().any(|(_, n)| *n > 0)).collect();
    let below = strips.len() as f64 * STRIP;
    frame.height += below;
    frame.bottom += below;
    let mut out = frame.draw();
    for level in levels {
        let y = frame.at_y(level.value);
        out += &super::line("limit", (frame.left, y), (frame.end(), y));
        out += &text((frame.end() - 3.0, y - 3.0), "limit-name", Anchor::End, level.name);
    }
    let mut ends = Vec::new();
    for it in series {
        let class = format!("line hue-{} {}", it.hue, it.stroke.class());
        let (sure, least): (Vec<_>, Vec<_>) =
            it.points.iter().partition(|(x, _)| it.at_least_from.is_none_or(|from| *x < from));
        out += &path(&frame, &class, &sure);
        if !least.is_empty() {
            let joined: Vec<_> = sure.last().copied().into_iter().chain(least).collect();
            out += &path(&frame, &format!("line hue-{} at-least", it.hue), &joined);
        }
        let last = it.points.iter().rev().find(|(x, y)| x.is_finite() && y.is_finite());
        ends.extend(last.map(|(_, y)| (it, frame.at_y(*y))));
    }
    let wanted: Vec<f64> = ends.iter().map(|(_, y)| *y + 3.5).collect();
    let placed = apart(&wanted, 12.0, (frame.top + 6.0, frame.base()));
    for ((it, _), y) in ends.iter().zip(placed) {
        let place = (frame.end() + 5.0, y);
        out += &text(place, &format!("name hue-{}", it.hue), Anchor::Start, &it.end_name());
    }
    for (at, strip) in strips.iter().enumerate() {
        out += &draw_strip(&frame, strip, frame.base() + 20.0 + at as f64 * STRIP);
    }
    svg(about, "", (frame.width, frame.height), &out)
}

fn path(frame: &Frame<'_>, class: &str, points: &[(f64, f64)]) -> String {
    let mut out = String::new();
    let mut is_on = false;
    for (x, y) in points {
        let is_there = x.is_finite() && y.is_finite();
        if is_there {
            let command = if is_on { 'L' } else { 'M' };
            out += &format!("{command}{:.1} {:.1}", frame.at_x(*x), frame.at_y(*y));
        }
        is_on = is_there;
    }
    match out.is_empty() {
        true => out,
        false => format!("<path class=\"{class}\" d=\"{out}\"/>"),
    }
}

fn draw_strip(frame: &Frame<'_>, strip: &Strip<'_>, top: f64) -> String {
    let most = strip.counts.iter().map(|(_, n)| *n).max().unwrap_or_default().max(1) as f64;
    let total: u64 = strip.counts.iter().map(|(_, n)| n).sum();
    let mut out = text((frame.left - 5.0, top + 10.0), "tick", Anchor::End, strip.name);
    out += &text((frame.end() + 5.0, top + 10.0), "name", Anchor::Start, &total.to_string());
    out += &super::line("grid", (frame.left, top + 11.0), (frame.end(), top + 11.0));
    for (x, count) in strip.counts.iter().filter(|(_, count)| *count > 0) {
        let height = 3.0 + *count as f64 / most * 8.0;
        let said = format!("{count} {} at {}", strip.name, (frame.x.words)(*x));
        let place = (frame.at_x(*x) - 1.5, top + 11.0 - height);
        out += &rect(strip.class, place, (3.0, height), &said);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plot::axis::{Axis, Scale};

    fn frame<'a>() -> Frame<'a> {
        let words = |it: f64| it.to_string();
        let axis = |label| Axis { scale: Scale::Linear { from: 0.0, to: 10.0 }, label, words };
        Frame::new(axis("across"), axis("up"), 40.0)
    }

    #[test]
    fn gaps_are_gaps_limits_are_named_and_strips_are_below() {
        let series = Series {
            name: "one".to_owned(),
            points: vec![(0.0, 0.0), (1.0, f64::NAN), (2.0, 5.0), (3.0, 10.0), (4.0, 10.0)],
            hue: 1,
            stroke: Stroke::Dashed,
            at_least_from: Some(3.0),
        };
        let strip = |counts| Strip { name: "errors", counts, class: "bad" };
        let strips = [strip(vec![(1.0, 0), (2.0, 7)]), strip(vec![(1.0, 0)])];
        let levels = [Level { name: "100 ms", value: 5.0 }];
        let about = About { title: "t", desc: "d", stamp: None };
        let found = lines(&about, frame(), &[series], &strips, &levels);
        let expect = |part: &str| assert!(found.contains(part), "no {part} in\n{found}");
        expect("<path class=\"line hue-1 dashed\" d=\"M52.0 210.0M121.6 118.0\"/>");
        expect("<path class=\"line hue-1 at-least\" d=\"M121.6 118.0L156.4 26.0L191.2 26.0\"/>");
        expect("class=\"name hue-1\" x=\"405.0\" y=\"32.0\">≥ one</text>");
        expect("<title>7 errors at 2</title>");
        expect(">100 ms</text>");
        expect("viewBox=\"0 0 440 265\"");
        assert_eq!(found.matches("class=\"bad\"").count(), 1);
    }
}
