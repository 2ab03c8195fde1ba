//! Figures with the interval that they are known to, from seconds of samples.
//!
//! All intervals are two-sided, at 95 %. They allow for samples that share their fate with others
//! of the same and of neighbouring seconds: see [`dependence`]. Nothing here is random.
//!
//! No crate of distributions is used. What is needed are binomial ranks, Wilson's interval and
//! Student's quantile, some lines each; `statrs` is kept, but stands on `nalgebra` by default.

pub mod average;
pub mod dependence;
pub mod quantile;
pub mod ranks;
pub mod share;
pub mod survival;

#[cfg(test)]
mod simulation;

/// Of all intervals.
pub const CONFIDENCE: f64 = 0.95;

/// The standard normal quantile of 0.975.
pub const Z: f64 = 1.959_963_984_540_054;

/// A measured quantity and what it is known to.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub value: f64,
    /// Nobody knows how much more than `value`: it rests on requests that did not end.
    pub at_least: bool,
    /// It is that of a request that was never answered: more than any limit.
    pub unanswered: bool,
    pub low: f64,
    /// Infinite where there is no upper end: see `open`.
    pub high: f64,
    pub samples: u64,
    /// How many times as many samples are needed as if all were independent; 1 if they are.
    pub inflation: f64,
    /// Why there is no upper end.
    pub open: Option<Open>,
    /// What each second did to the figure, scaled to a standard deviation of 1 for all of them
    /// together. What two figures have in common is told from these. Empty if not known.
    pub effects: Vec<(u32, f64)>,
}

/// Why an interval has no upper end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Open {
    /// All samples share the fate of one second.
    OneSecond,
    /// No sample is beyond the quantile with the confidence that is asked for; so many would do.
    TooFew { needed: u64 },
    /// Too many requests did not end, or were not found, to see beyond the quantile.
    Unended,
}
