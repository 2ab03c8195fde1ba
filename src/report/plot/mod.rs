//! Plots as SVG in a page. They know no reports: numbers and names in, markup out.
//!
//! Colours are classes, so that a page's style decides them, light and dark. No plot needs its
//! colours to be read: lines have dashes and a name at their end, bars have words.
//!
//! Our own rather than a crate's: the ones there are write colours and fonts into each element,
//! have no titles for screen readers, and bring charts that this project does not draw.

pub mod axis;
pub mod bar;
pub mod graph;
pub mod line;
pub mod timeline;
pub mod trend;

use super::html::escape;

/// What is said of a plot to those who do not see it, or see nothing but it.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub title: &'a str,
    /// What can be read off it.
    pub desc: &'a str,
    /// A word that is never to be lost from it: that its figures are simulated.
    pub stamp: Option<&'a str>,
}

/// Width of a letter at the size of labels, in the units of the plots: the wide one of a phone.
pub const LETTER: f64 = 7.2;

/// The room that a text takes.
pub fn room(text: &str) -> f64 {
    text.chars().count() as f64 * LETTER
}

/// A drawing of these units around `body`, which is markup.
pub fn svg(about: &About<'_>, class: &str, (width, height): (f64, f64), body: &str) -> String {
    let stamp = match about.stamp {
        Some(stamp) => text((width - 2.0, 10.0), "stamp", Anchor::End, stamp),
        None => String::new(),
    };
    format!(
        "<svg class=\"plot {class}\" role=\"img\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         style=\"--wide:{width:.0}px\"><title>{}</title><desc>{}</desc>{body}{stamp}</svg>",
        escape(about.title),
        escape(about.desc)
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// A text at its baseline.
pub fn text((x, y): (f64, f64), class: &str, anchor: Anchor, text: &str) -> String {
    let anchor = match anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\"{anchor}>{}</text>", escape(text))
}

pub fn line(class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> String {
    format!("<path class=\"{class}\" d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\"/>")
}

/// A rectangle with what is said of it when it is pointed at.
pub fn rect(class: &str, (x, y): (f64, f64), (width, height): (f64, f64), said: &str) -> String {
    let width = width.max(0.0);
    let place = format!("x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"");
    match said.is_empty() {
        true => format!("<rect class=\"{class}\" {place}/>"),
        false => format!("<rect class=\"{class}\" {place}><title>{}</title></rect>", escape(said)),
    }
}

/// Texts below each other at these heights, moved apart where they would overlap, between `top`
/// and `bottom` as far as there is room.
fn apart(wanted: &[f64], step: f64, (top, bottom): (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut placed = vec![0.0; wanted.len()];
    let mut next = top;
    for at in &order {
        placed[*at] = wanted[*at].max(next);
        next = placed[*at] + step;
    }
    let mut most = bottom;
    for at in order.iter().rev() {
        placed[*at] = placed[*at].min(most);
        most = placed[*at] - step;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_moved_apart_and_stay_inside() {
        #[track_caller]
        fn check(wanted: &[f64], expected: &[f64]) {
            assert_eq!(apart(wanted, 10.0, (0.0, 100.0)), expected);
        }
        check(&[50.0], &[50.0]);
        check(&[50.0, 52.0], &[50.0, 60.0]);
        check(&[52.0, 50.0], &[60.0, 50.0]);
        check(&[99.0, 98.0, 20.0], &[100.0, 90.0, 20.0]);
    }

    #[test]
    fn texts_of_others_are_text() {
        let about = About { title: "a<b", desc: "\"c\"", stamp: Some("<s>") };
        let found = svg(&about, "", (10.0, 10.0), &text((1.0, 2.0), "t", Anchor::End, "</svg>"));
        assert_eq!(
            found,
            "<svg class=\"plot \" role=\"img\" viewBox=\"0 0 10 10\" style=\"--wide:10px\"><title>a&lt;b</title>\
             <desc>&quot;c&quot;</desc><text class=\"t\" x=\"1.0\" y=\"2.0\" text-anchor=\"end\">\
             &lt;/svg&gt;</text><text class=\"stamp\" x=\"8.0\" y=\"10.0\" text-anchor=\"end\">\
             &lt;s&gt;</text></svg>"
        );
    }
}
