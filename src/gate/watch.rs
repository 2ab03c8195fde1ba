//! The evidence that one series is worse tonight, sample by sample.
//!
//! Each sample is so many times likelier if the level had moved than if it had not; the product of
//! these numbers is the evidence. Without a change its expectation is 1, whenever one stops: it
//! exceeds a thousand in at most one of a thousand nights (Ville, 1939; Grünwald, de Heide, Koolen:
//! Safe testing, 2024). So samples may be added until it is clear, without paying for each look.
//!
//! How far the level would have moved is told from the samples before, never from the one that is
//! weighed.

use super::{level::likelier, window::Window};

/// The samples of one series tonight.
#[derive(Clone, Debug)]
pub struct Watch {
    effect_min: f64,
    spread: f64,
    uncertainty: f64,
    repeat: f64,
    /// Deviations from the level, in order.
    samples: Vec<f64>,
    /// A logarithm.
    evidence: f64,
}

/// The first sample is weighed for a level that is so many spreads higher: 1.7 standard deviations
/// of normal noise. Then one night in five is looked at again without a change, and seven in eight
/// with one of two standard deviations.
const FIRST_SHIFT: f64 = 2.0;

/// Where less than this share of a further sample is news, it is not taken.
const NEWS_MIN: f64 = 0.1;

impl Watch {
    pub fn new(window: &Window, effect_min: f64) -> Self {
        Self {
            effect_min,
            spread: window.level.spread,
            uncertainty: window.level.uncertainty,
            repeat: window.repeat,
            samples: Vec::new(),
            evidence: 0.0,
        }
    }

    /// A sample that is `off` above the level, and the variance of such.
    pub fn add(&mut self, off: f64, variance: f64) {
        // What is not known of the level is the same for all samples of the night.
        let all = variance + self.uncertainty.powi(2);
        let (known, left) = self.foreseen();
        let deviation = (all * left).sqrt();
        let before = self.mean();
        let shift = match before {
            None => self.effect_min.max(FIRST_SHIFT * self.spread),
            Some(mean) => mean.max(self.effect_min),
        };
        if left > 0.0 {
            let news = off - known * before.unwrap_or(0.0);
            self.evidence += likelier(news / deviation, shift * (1.0 - known) / deviation);
        }
        self.samples.push(off);
    }

    /// The share of the earlier samples' mean that the next one has, and of its variance what is
    /// left then.
    fn foreseen(&self) -> (f64, f64) {
        let (spread, unknown) = (self.spread.powi(2), self.uncertainty.powi(2));
        let common = (self.repeat * spread + unknown) / (spread + unknown);
        let m = self.samples.len() as f64;
        if m == 0.0 {
            return (0.0, 1.0);
        }
        let known = common * m / (1.0 + (m - 1.0) * common);
        (known, 1.0 - common * known)
    }

    fn mean(&self) -> Option<f64> {
        let n = self.samples.len();
        (n > 0).then(|| self.samples.iter().sum::<f64>() / n as f64)
    }

    /// How many times likelier the night is if the level moved, as a logarithm.
    pub fn evidence(&self) -> f64 {
        self.evidence
    }

    pub fn samples(&self) -> usize {
        self.samples.len()
    }

    /// Whether it looks worse so far, and another sample could tell.
    pub fn wants_more(&self) -> bool {
        let (known, _) = self.foreseen();
        self.evidence > 0.0 && (self.samples.len() < 2 || 1.0 - known > NEWS_MIN)
    }

    /// How far tonight is above the level, and the deviation of that. The first sample is left out
    /// where there are others: it was chosen for being high.
    pub fn estimate(&self) -> Option<(f64, f64)> {
        let (first, again) = self.samples.split_first()?;
        let (value, n) = match again.len() {
            0 => (*first, 1.0),
            n => (again.iter().sum::<f64>() / n as f64, n as f64),
        };
        let spread = self.spread.powi(2);
        let fresh = spread * (1.0 - self.repeat) / n;
        Some((value, (spread * self.repeat + fresh + self.uncertainty.powi(2)).sqrt()))
    }
}
