//! Scales, their ticks, and the frame that lines are drawn in.

use super::{Anchor, line, text};

/// How values become places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    Linear {
        from: f64,
        to: f64,
    },
    /// Both are above 0.
    Log {
        from: f64,
        to: f64,
    },
    /// Seconds from 0, which people count in 60s.
    Time {
        to: f64,
    },
    /// Quantiles from 0 on, as the logarithm of what is beyond them: 90 %, 99 % and 99.9 % are
    /// equally far apart. `to` is the last, below 1.
    Tail {
        to: f64,
    },
}

impl Scale {
    /// From 0, to a round number that is not below any value.
    pub fn from_zero(values: impl IntoIterator<Item = f64>) -> Self {
        let most = values.into_iter().filter(|it| it.is_finite()).fold(0.0, f64::max);
        let to = if most > 0.0 { most } else { 1.0 };
        Self::Linear { from: 0.0, to: (to / step(to)).ceil() * step(to) }
    }

    /// A logarithmic scale around the values that are above 0, from 1, 2 or 5 to 1, 2 or 5.
    pub fn log(values: impl IntoIterator<Item = f64>) -> Self {
        let values = values.into_iter().filter(|it| it.is_finite() && *it > 0.0);
        let (least, most) = values
            .fold((f64::INFINITY, 0.0_f64), |(least, most), it| (least.min(it), most.max(it)));
        if most == 0.0 {
            return Self::Log { from: 1.0, to: 10.0 };
        }
        let from = round(least, f64::floor);
        Self::Log { from, to: round(most, f64::ceil).max(from * 10.0) }
    }

    /// Where a value is, from 0 to 1; what is off the scale is at its end.
    pub fn place(&self, value: f64) -> f64 {
        let place = match *self {
            Self::Linear { from, to } => (value - from) / (to - from),
            Self::Time { to } => value / to,
            Self::Log { from, to } => (value.max(from) / from).ln() / (to / from).ln(),
            Self::Tail { to } => (1.0 - value.min(to)).log10() / (1.0 - to).log10(),
        };
        place.clamp(0.0, 1.0)
    }

    /// Values that are named, at most about `most` of them.
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        match *self {
            Self::Linear { from, to } => {
                let mut step = step(to - from);
                while (to - from) / step > most as f64 {
                    step *= if digit(step) == 2 { 2.5 } else { 2.0 };
                }
                let first = (from / step).ceil() as i64;
                (first..)
                    .map(|it| it as f64 * step)
                    .take_while(|it| *it <= to + step / 1e6)
                    .collect()
            }
            Self::Time { to } => {
                const STEPS: [f64; 11] =
                    [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];
                if to < 2.0 {
                    return Self::Linear { from: 0.0, to }.ticks(most);
                }
                let step = STEPS.into_iter().find(|it| to / it <= most as f64);
                let step = step.unwrap_or_else(|| (to / most as f64 / 3600.0).ceil() * 3600.0);
                (0..).map(|at| f64::from(at) * step).take_while(|it| *it <= to).collect()
            }
            Self::Log { from, to } => {
                let all = |digits: &[f64]| -> Vec<f64> {
                    let decades = from.log10().floor() as i32..=to.log10().ceil() as i32;
                    let values = decades.flat_map(|decade| {
                        digits.iter().map(move |digit| digit * 10_f64.powi(decade))
                    });
                    values.filter(|it| (from * 0.999..=to * 1.001).contains(it)).collect()
                };
                let fine = all(&[1.0, 2.0, 5.0]);
                if fine.len() <= most { fine } else { all(&[1.0]) }
            }
            Self::Tail { to } => {
                let ticks = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999];
                let is_named = |it: &f64| *it <= to && (most >= 7 || *it != 0.0);
                ticks.into_iter().filter(is_named).collect()
            }
        }
    }
}

/// A tenth to a fifth of a length, as 1, 2 or 5 of its decade.
fn step(length: f64) -> f64 {
    let decade = 10_f64.powf((length / 10.0).log10().floor());
    let digits = [1.0, 2.0, 5.0, 10.0];
    let digit = digits.into_iter().find(|it| it * decade >= length / 10.0 * 0.999);
    digit.unwrap_or(10.0) * decade
}

fn digit(value: f64) -> i64 {
    (value / 10_f64.powf((value * 1.001).log10().floor())).round() as i64
}

/// To 1, 2 or 5 of a decade, up or down as `towards` goes.
fn round(value: f64, towards: fn(f64) -> f64) -> f64 {
    let decade = 10_f64.powf(value.log10().floor());
    let digits = [1.0, 2.0, 5.0, 10.0];
    let up = digits.iter().copied().find(|it| it * decade >= value * 0.999);
    let down = digits.iter().rev().copied().find(|it| it * decade <= value * 1.001);
    let digit = if towards(0.5) == 0.0 { down } else { up };
    digit.unwrap_or(1.0) * decade
}

/// One direction of a frame.
pub struct Axis<'a> {
    pub scale: Scale,
    /// What is along it, with its unit where ticks have none.
    pub label: &'a str,
    pub words: fn(f64) -> String,
}

/// The frame of a plot of lines: what is around its area, and places in it.
pub struct Frame<'a> {
    pub x: Axis<'a>,
    pub y: Axis<'a>,
    pub width: f64,
    pub height: f64,
    /// Around the area.
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

/// The size of most plots. A phone shows it smaller, with larger letters.
pub const SIZE: (f64, f64) = (440.0, 250.0);

impl<'a> Frame<'a> {
    /// With `right` units for names of lines.
    pub fn new(x: Axis<'a>, y: Axis<'a>, right: f64) -> Self {
        let (width, height) = SIZE;
        Self { x, y, width, height, left: 52.0, right, top: 26.0, bottom: 40.0 }
    }

    /// One of several beside each other.
    pub fn small(self) -> Self {
        Self { width: 300.0, height: 190.0, ..self }
    }

    /// With names of this room left of it.
    pub fn with_left(self, left: f64) -> Self {
        Self { left, ..self }
    }

    pub fn at_x(&self, value: f64) -> f64 {
        self.left + self.x.scale.place(value) * (self.width - self.left - self.right)
    }

    pub fn at_y(&self, value: f64) -> f64 {
        self.base() - self.y.scale.place(value) * (self.base() - self.top)
    }

    /// Where the area ends below.
    pub fn base(&self) -> f64 {
        self.height - self.bottom
    }

    pub fn end(&self) -> f64 {
        self.width - self.right
    }

    /// Lines, ticks and labels of both axes.
    pub fn draw(&self) -> String {
        let mut out = String::new();
        for value in self.y.scale.ticks(9) {
            let y = self.at_y(value);
            out += &line("grid", (self.left, y), (self.end(), y));
            out += &text((self.left - 5.0, y + 3.5), "tick", Anchor::End, &(self.y.words)(value));
        }
        for value in self.x.scale.ticks((self.width / 62.0) as usize) {
            let x = self.at_x(value);
            out += &line("grid", (x, self.top), (x, self.base()));
            let place = (x, self.base() + 14.0);
            out += &text(place, "tick", Anchor::Middle, &(self.x.words)(value));
        }
        out += &line("axis", (self.left, self.base()), (self.end(), self.base()));
        out += &text((2.0, 11.0), "label", Anchor::Start, self.y.label);
        let middle = (self.left + self.end()) / 2.0;
        out + &text((middle, self.height - 6.0), "label", Anchor::Middle, self.x.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scale: Scale, ticks: &[f64], places: &[(f64, f64)]) {
        let found = scale.ticks(7);
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9 * b.abs().max(1.0);
        assert_eq!(found.len(), ticks.len(), "{scale:?} {found:?}");
        assert!(found.iter().zip(ticks).all(near), "{scale:?} {found:?}");
        for (value, place) in places {
            let found = scale.place(*value);
            assert!((found - place).abs() < 1e-6, "{value} of {scale:?} is at {found}");
        }
    }

    #[test]
    fn ticks_are_round_and_values_are_between_them() {
        let linear = Scale::from_zero([3.0, 58.0]);
        check(linear, &[0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0], &[(0.0, 0.0), (15.0, 0.25)]);
        check(Scale::from_zero([]), &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0], &[(0.5, 0.5)]);
        let log = Scale::log([3.0, 180.0]);
        check(
            log,
            &[2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0],
            &[(2.0, 0.0), (20.0, 0.5), (0.0, 0.0)],
        );
        check(Scale::log([0.0, f64::NAN]), &[1.0, 2.0, 5.0, 10.0], &[(10.0, 1.0)]);
        check(Scale::log([7.0, 7.0]), &[5.0, 10.0, 20.0, 50.0], &[(50.0, 1.0)]);
        check(Scale::log([1.0, 1e6]), &[1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6], &[(1e3, 0.5)]);
    }

    #[test]
    fn time_is_counted_in_minutes_and_hours() {
        check(Scale::Time { to: 290.0 }, &[0.0, 60.0, 120.0, 180.0, 240.0], &[(145.0, 0.5)]);
        check(Scale::Time { to: 59.0 }, &[0.0, 10.0, 20.0, 30.0, 40.0, 50.0], &[]);
        check(
            Scale::Time { to: 86_400.0 },
            &[0.0, 14_400.0, 28_800.0, 43_200.0, 57_600.0, 72_000.0, 86_400.0],
            &[],
        );
        check(Scale::Time { to: 1.0 }, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0], &[]);
    }

    #[test]
    fn the_tail_has_as_much_room_as_the_rest() {
        let tail = Scale::Tail { to: 0.9999 };
        let places = [(0.0, 0.0), (0.9, 0.25), (0.99, 0.5), (0.999, 0.75), (1.0, 1.0)];
        check(tail, &[0.0, 0.5, 0.9, 0.99, 0.999, 0.9999], &places);
    }
}
