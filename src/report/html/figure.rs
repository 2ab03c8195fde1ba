//! A plot with its words and its numbers, and how numbers are written.

use super::{escape, table::Table};
use crate::report::plot::About;

/// What all figures of a load have in common.
#[derive(Clone, Copy, Debug)]
pub struct Label<'a> {
    /// The capacity model behind the figures, where no warehouse is.
    pub simulated: Option<&'a str>,
}

impl Label<'_> {
    /// For the inside of a plot.
    pub fn about<'b>(&self, title: &'b str, desc: &'b str) -> About<'b> {
        About { title, desc, stamp: self.simulated.map(|_| "simulated") }
    }

    /// Markup beside a heading.
    pub fn tag(&self) -> String {
        match self.simulated {
            Some(model) => format!(
                "<span class=\"tag simulated\" title=\"capacity model: {}\">simulated</span>",
                escape(model)
            ),
            None => String::new(),
        }
    }

    /// A heading of a table, which has no markup.
    pub fn title(&self, title: &str) -> String {
        match self.simulated {
            Some(_) => format!("{title} (simulated)"),
            None => title.to_owned(),
        }
    }

    /// `plot` is markup, `note` says how to read it, `table` has its numbers.
    pub fn figure(&self, title: &str, plot: &str, note: &str, table: Option<&Table>) -> String {
        format!(
            "<figure><figcaption>{}</figcaption><div class=\"scroll\">{plot}</div>{}{}</figure>",
            escape(title),
            match note {
                "" => String::new(),
                note => format!("<p class=\"note\">{}</p>", escape(note)),
            },
            table.map(Table::folded).unwrap_or_default(),
        )
    }

    /// The same across the page, with its table beside it.
    pub fn figure_beside(&self, title: &str, plot: &str, note: &str, table: &Table) -> String {
        format!(
            "<div class=\"beside\">{}<div>{}</div></div>",
            self.figure(title, plot, note, None),
            table.render("")
        )
    }
}

/// Three digits of a number, at most: `0.512`, `95.2`, `6897`.
pub fn digits(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "∞".to_owned(),
        0.0 => "0".to_owned(),
        it if it >= 99.95 => format!("{value:.0}"),
        it if it >= 9.995 => format!("{value:.1}"),
        it if it >= 0.9995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Microseconds as milliseconds, without the unit.
pub fn ms(us: f64) -> String {
    digits(us / 1e3)
}

/// Microseconds with the unit that suits them: `840 µs`, `95.2 ms`, `6.90 s`.
pub fn time(us: f64) -> String {
    match us {
        it if !it.is_finite() => "∞".to_owned(),
        it if it >= 999_500.0 => format!("{} s", digits(it / 1e6)),
        it if it >= 999.5 => format!("{} ms", digits(it / 1e3)),
        it => format!("{it:.0} µs"),
    }
}

/// The same of round numbers, for ticks: `5 ms`.
pub fn tick(us: f64) -> String {
    let (value, unit) = match us {
        it if it >= 1e6 => (it / 1e6, "s"),
        it if it >= 1e3 => (it / 1e3, "ms"),
        it => (it, "µs"),
    };
    format!("{} {unit}", (value * 1e3).round() / 1e3)
}

/// Seconds on an axis of time: `48 s`, `5 min`, `2 h`.
pub fn clock(seconds: f64) -> String {
    let is_whole = |of: f64| seconds >= of && seconds % of == 0.0;
    let (value, unit) = match seconds.abs() {
        0.0 => return "0".to_owned(),
        it if it >= 7200.0 || is_whole(3600.0) => (seconds / 3600.0, "h"),
        it if it >= 600.0 || is_whole(60.0) => (seconds / 60.0, "min"),
        it if it >= 1.0 => (seconds, "s"),
        _ => (seconds * 1e3, "ms"),
    };
    format!("{} {unit}", (value * 10.0).round() / 10.0)
}

/// A share of 1 as a percentage: `0`, `0.03 %`, `12.5 %`.
pub fn percent(share: f64) -> String {
    match share {
        0.0 => "0 %".to_owned(),
        it => format!("{} %", digits(it * 100.0)),
    }
}

/// `p50`, `p99.9`
pub fn quantile(q: f64) -> String {
    format!("p{}", (q * 1e5).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_their_unit() {
        #[track_caller]
        fn check(found: String, expected: &str) {
            assert_eq!(found, expected);
        }
        check(digits(0.0), "0");
        check(digits(0.5123), "0.512");
        check(digits(9.999), "10.0");
        check(digits(99.96), "100");
        check(digits(6897.4), "6897");
        check(digits(f64::INFINITY), "∞");
        check(time(840.0), "840 µs");
        check(time(95_240.0), "95.2 ms");
        check(time(999_600.0), "1.00 s");
        check(time(6_897_000.0), "6.90 s");
        check(tick(5_000.0), "5 ms");
        check(tick(2e6), "2 s");
        check(clock(48.0), "48 s");
        check(clock(90.5), "90.5 s");
        check(clock(86_400.0), "24 h");
        check(clock(60.0), "1 min");
        check(clock(110.0), "110 s");
        check(clock(0.002), "2 ms");
        check(percent(0.000_3), "0.030 %");
        check(percent(0.0), "0 %");
        check(quantile(0.5), "p50");
        check(quantile(0.999), "p99.9");
    }
}
