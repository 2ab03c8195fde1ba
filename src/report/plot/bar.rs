//! Bars: what a time is made of, and a value with its interval beside a limit.

use super::{About, Anchor, line, rect, room, svg, text};

/// A bar of several parts.
pub struct Stacked<'a> {
    pub name: &'a str,
    /// What it comes to, in words.
    pub total: String,
    /// In the order of the legend.
    pub parts: Vec<f64>,
}

const BAR: f64 = 20.0;
const ROW: f64 = 44.0;

/// Bars below each other on one scale. `words` are the parts' names, `said` says a value.
pub fn stacked(
    about: &About<'_>,
    words: &[&str],
    bars: &[Stacked<'_>],
    said: fn(f64) -> String,
) -> String {
    let (width, top) = (440.0, 40.0);
    let sum = |it: &Stacked<'_>| it.parts.iter().sum::<f64>();
    let most = bars.iter().map(sum).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let mut out = String::new();
    let mut x = 2.0;
    for (at, word) in words.iter().enumerate() {
        out += &rect(&format!("part part-{at}"), (x, 18.0), (11.0, 11.0), "");
        out += &text((x + 15.0, 27.5), "name", Anchor::Start, word);
        x += room(word) + 30.0;
    }
    for (row, bar) in bars.iter().enumerate() {
        let y = top + row as f64 * ROW;
        out += &text((2.0, y + 11.0), "name", Anchor::Start, bar.name);
        out += &text((width - 2.0, y + 11.0), "name", Anchor::End, &bar.total);
        let mut x = 2.0;
        for (at, part) in bar.parts.iter().enumerate() {
            let wide = part / most * (width - 4.0);
            if *part <= 0.0 {
                continue;
            }
            let word = words.get(at).copied().unwrap_or_default();
            let value = format!("{word} {}", said(*part));
            let place = (x, y + 16.0);
            out += &rect(&format!("part part-{at}"), place, (wide - 1.0, BAR), &value);
            let short: String = word.chars().take(1).collect();
            let shown = [value.as_str(), word, short.as_str()];
            if let Some(shown) = shown.into_iter().find(|it| room(it) + 6.0 <= wide) {
                let class = format!("in-part in-part-{at}");
                out += &text((x + 4.0, y + 30.0), &class, Anchor::Start, shown);
            }
            x += wide;
        }
    }
    svg(about, "", (width, top + bars.len() as f64 * ROW), &out)
}

/// A measured value with its interval, and what it is held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub value: f64,
    pub low: f64,
    /// May be infinite.
    pub high: f64,
    pub limit: f64,
    pub wanted: Wanted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    AtMost,
    AtLeast,
}

/// The interval over the side of the limit where it may not be. `hue` is a class.
pub fn interval(about: &About<'_>, hue: &str, it: &Interval) -> String {
    let (width, height, middle) = (220.0, 34.0, 14.0);
    let known = [it.value, it.low, it.high, it.limit];
    let most = known.into_iter().filter(|it| it.is_finite()).fold(0.0, f64::max) * 1.15;
    let most = if most > 0.0 { most } else { 1.0 };
    let at = |value: f64| 4.0 + (value / most).clamp(0.0, 1.0) * (width - 8.0);
    let limit = at(it.limit);
    let (from, to) = match it.wanted {
        Wanted::AtMost => (limit, width - 4.0),
        Wanted::AtLeast => (4.0, limit),
    };
    let mut out = rect("beyond", (from, 2.0), (to - from, 24.0), "");
    out += &line("axis", (4.0, 26.0), (width - 4.0, 26.0));
    out += &line("limit", (limit, 0.0), (limit, 30.0));
    let (low, high) = (at(it.low), at(it.high));
    out += &line(&format!("whisker {hue}"), (low, middle), (high, middle));
    out += &line(&format!("whisker {hue}"), (low, middle - 5.0), (low, middle + 5.0));
    out += &match it.high.is_finite() {
        true => line(&format!("whisker {hue}"), (high, middle - 5.0), (high, middle + 5.0)),
        false => format!(
            "<path class=\"whisker {hue}\" d=\"M{:.1} {:.1}L{high:.1} {middle:.1}L{:.1} {:.1}\"/>",
            high - 6.0,
            middle - 5.0,
            high - 6.0,
            middle + 5.0
        ),
    };
    let x = at(it.value);
    out += &format!("<circle class=\"dot {hue}\" cx=\"{x:.1}\" cy=\"{middle:.1}\" r=\"4\"/>");
    svg(about, "small", (width, height), &out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About<'_> = About { title: "t", desc: "d", stamp: None };

    #[test]
    fn parts_are_named_as_far_as_there_is_room() {
        let bars =
            [Stacked { name: "q", total: "110 ms".to_owned(), parts: vec![100.0, 0.0, 10.0] }];
        let found = stacked(&ABOUT, &["queue", "compile", "execute"], &bars, |it| it.to_string());
        let expect = |part: &str| assert!(found.contains(part), "no {part} in\n{found}");
        expect(">queue 100</text>");
        expect("<title>execute 10</title>");
        expect("in-part-2\" x=\"402.4\" y=\"70.0\">e</text>");
        assert!(!found.contains("compile 0"), "{found}");
    }

    #[test]
    fn an_interval_without_an_end_has_an_arrow() {
        let it = Interval {
            value: 90.0,
            low: 80.0,
            high: f64::INFINITY,
            limit: 100.0,
            wanted: Wanted::AtMost,
        };
        let found = interval(&ABOUT, "unsure", &it);
        assert!(found.contains("M210.0 9.0L216.0 14.0L210.0 19.0"), "{found}");
        assert!(found.contains("class=\"beyond\" x=\"188.3\""), "{found}");
        let it = Interval { high: 95.0, wanted: Wanted::AtLeast, ..it };
        let found = interval(&ABOUT, "unsure", &it);
        assert!(found.contains("class=\"beyond\" x=\"4.0\""), "{found}");
        assert!(!found.contains("L210.0 19.0"), "{found}");
    }
}
