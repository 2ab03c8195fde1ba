//! The parameters of the gate.

use super::{Metric, Scale};

/// How the gate decides. The defaults are those of the table in `docs/gates.md`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Nights with a noisy red one, over all series together: 0.05 is one in twenty.
    pub false_nights: f64,
    /// Of `false_nights`, what the older reference may cost. The rest is for tonight.
    pub drift_share: f64,
    /// Ratios closer to 1 are not worth a red night: 0.05 is 5 %.
    pub ratio_min: f64,
    /// The same of shares, in points: 0.005 is half a per cent of requests.
    pub share_min: f64,
    /// Accepted nights of a window. Nine weeks: with six the level is known less well, and
    /// fewer steps are found in two nights.
    pub window: usize,
    /// Days before tonight that a window ends: what creeps in is not compared with itself.
    pub lag_days: u64,
    /// Fewer accepted nights say nothing about the next one.
    pub nights_min: usize,
    /// Nights of the older reference, and of what is held against it.
    pub anchor: usize,
    /// Samples of one series in one night, the first one included.
    pub samples_max: usize,
    /// What all samples that are taken again may cost in one night, in credits.
    pub credits_max: Option<f64>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            false_nights: 0.05,
            drift_share: 0.2,
            ratio_min: 0.05,
            share_min: 0.005,
            window: 63,
            lag_days: 3,
            nights_min: 10,
            anchor: 28,
            samples_max: 24,
            credits_max: None,
        }
    }
}

impl Rules {
    /// The least effect that is worth a red night, on the scale that levels are compared on.
    pub fn effect_min(&self, metric: Metric) -> f64 {
        match metric.scale() {
            Scale::Ratio => self.ratio_min.ln_1p(),
            Scale::Difference => self.share_min,
        }
    }
}
