//! A quantity from night to night: its intervals, how each night was judged, and when it changed.

use super::{About, Anchor, axis::Frame, line, room, svg, text};
use crate::report::html::escape;

/// One night.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    pub x: f64,
    pub value: f64,
    /// Of its interval; not finite where it has no end.
    pub low: f64,
    pub high: f64,
    /// Samples that were taken again.
    pub again: Vec<f64>,
    pub mark: Mark,
    /// What is said of it when it is pointed at.
    pub said: String,
}

/// How a night was judged: by shape, and by colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A dot.
    Accepted,
    /// A ring: nobody judged it, or it could not be told.
    Open,
    /// A square.
    Red,
    /// A cross: it is not to be looked at.
    Invalid,
}

/// A change of level.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The first night at the new level.
    pub x: f64,
    pub before: f64,
    pub after: f64,
    /// `12 Mar: +10 %`
    pub said: String,
}

/// Half of a mark's size.
const HALF: f64 = 3.4;

/// The plot. Levels are drawn between turns; `turns` are in the order of `x`.
pub fn trend(about: &About<'_>, frame: &Frame<'_>, dots: &[Dot], turns: &[Turn]) -> String {
    let mut out = frame.draw();
    for dot in dots {
        let x = frame.at_x(dot.x);
        if dot.low.is_finite() && dot.high.is_finite() {
            out += &line("span", (x, frame.at_y(dot.low)), (x, frame.at_y(dot.high)));
        }
    }
    let first = dots.first().map_or(0.0, |it| it.x);
    let last = dots.last().map_or(0.0, |it| it.x);
    for (at, turn) in turns.iter().enumerate() {
        let x = frame.at_x(turn.x);
        let from = if at == 0 { first } else { turns[at - 1].x };
        let to = turns.get(at + 1).map_or(last, |it| it.x);
        let (before, after) = (frame.at_y(turn.before), frame.at_y(turn.after));
        if at == 0 {
            out += &line("level", (frame.at_x(from), before), (x, before));
        }
        out += &line("level", (x, after), (frame.at_x(to), after));
        out += &line("turn", (x, frame.top), (x, frame.base()));
        // On the side where it has room.
        let (place, anchor) = match x + 4.0 + room(&turn.said) <= frame.end() {
            true => (x + 4.0, Anchor::Start),
            false => (x - 4.0, Anchor::End),
        };
        let y = frame.top + 8.0 + 12.0 * (at % 3) as f64;
        out += &text((place, y), "turn-name", anchor, &turn.said);
    }
    let steps: String = dots
        .iter()
        .filter(|it| it.mark != Mark::Invalid && it.value.is_finite())
        .enumerate()
        .map(|(at, it)| {
            let command = if at == 0 { 'M' } else { 'L' };
            format!("{command}{:.1} {:.1}", frame.at_x(it.x), frame.at_y(it.value))
        })
        .collect();
    if !steps.is_empty() {
        out += &format!("<path class=\"steps\" d=\"{steps}\"/>");
    }
    for dot in dots {
        let x = frame.at_x(dot.x);
        for again in dot.again.iter().filter(|it| it.is_finite()) {
            let y = frame.at_y(*again);
            out += &line("again", (x + HALF + 1.0, y), (x + HALF + 6.0, y));
        }
        if dot.value.is_finite() {
            out += &mark((x, frame.at_y(dot.value)), dot);
        }
    }
    svg(about, "", (frame.width, frame.height), &out)
}

fn mark((x, y): (f64, f64), dot: &Dot) -> String {
    let said = escape(&dot.said);
    let (left, top, right, bottom) = (x - HALF, y - HALF, x + HALF, y + HALF);
    match dot.mark {
        Mark::Accepted => format!(
            "<circle class=\"night\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{:.1}\"><title>{said}</title></circle>",
            HALF - 0.6
        ),
        Mark::Open => format!(
            "<circle class=\"night open-night\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{:.1}\"><title>{said}\
             </title></circle>",
            HALF - 0.4
        ),
        Mark::Red => format!(
            "<rect class=\"night red-night\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{0:.1}\" \
             height=\"{0:.1}\"><title>{said}</title></rect>",
            2.0 * HALF
        ),
        Mark::Invalid => format!(
            "<path class=\"night invalid-night\" d=\"M{left:.1} {top:.1}L{right:.1} {bottom:.1}\
             M{left:.1} {bottom:.1}L{right:.1} {top:.1}\"><title>{said}</title></path>"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plot::axis::{Axis, Scale};

    #[test]
    fn nights_have_shapes_and_changes_have_names() {
        let words = |it: f64| it.to_string();
        let axis = |label| Axis { scale: Scale::Linear { from: 0.0, to: 10.0 }, label, words };
        let frame = Frame::new(axis("night"), axis("ms"), 20.0);
        let dot = |x, value, mark| Dot {
            x,
            value,
            low: value - 1.0,
            high: if x == 3.0 { f64::INFINITY } else { value + 1.0 },
            again: if x == 2.0 { vec![5.0, f64::NAN] } else { Vec::new() },
            mark,
            said: "<it>".to_owned(),
        };
        let dots = [
            dot(1.0, 2.0, Mark::Accepted),
            dot(2.0, 4.0, Mark::Red),
            dot(3.0, 4.0, Mark::Invalid),
            dot(4.0, f64::NAN, Mark::Open),
            dot(5.0, 4.0, Mark::Open),
        ];
        let turns = [Turn { x: 2.0, before: 2.0, after: 4.0, said: "2: +100 %".to_owned() }];
        let about = About { title: "t", desc: "d", stamp: None };
        let found = trend(&about, &frame, &dots, &turns);
        let count = |part: &str| found.matches(part).count();
        assert_eq!(count("class=\"span\""), 3, "{found}");
        assert_eq!((count("<circle class=\"night\""), count("open-night")), (1, 1), "{found}");
        assert_eq!((count("red-night"), count("invalid-night")), (1, 1), "{found}");
        assert_eq!((count("class=\"again\""), count("class=\"turn\"")), (1, 1), "{found}");
        assert_eq!(count("class=\"level\""), 2, "{found}");
        assert!(found.contains("&lt;it&gt;") && found.contains(">2: +100 %</text>"), "{found}");
        // The night that is not to be looked at is not on the line, nor is one without a value.
        assert!(
            found.contains("class=\"steps\" d=\"M88.8 173.2L125.6 136.4L236.0 136.4\""),
            "{found}"
        );
    }
}
