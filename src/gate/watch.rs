//! The evidence that one series is worse tonight, sample by sample.
//!
//! Each sample is so many times likelier if the level had moved than if it had not; the product of
//! these numbers is the evidence. Without a change its expectation is 1, whenever one stops: it
//! exceeds a thousand in at most one of a thousand nights (Ville, 1939; Grünwald, de Heide, Koolen:
//! Safe testing, 2024). So samples may be added until it is clear, without paying for each look.
//!
//! It is weighed for two alternatives at once, and the mean of both counts: a shift as small as can
//! be told from noise, and the mean of the samples before, never with the one that is
//! weighed; for the first one, any of a few larger shifts.

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
    /// For the least shift, as a logarithm.
    least: f64,
    /// For what was seen before, as a logarithm.
    seen: f64,
}

/// The least shift, in spreads: two standard deviations of normal noise. Without a change one night
/// in six is then sampled again. With 2.2, one more in a hundred steps as large as that is
/// found in two nights, at a twentieth more samples.
const LEAST_SHIFT: f64 = 2.4;

/// What the first sample is weighed for beside the least shift, since nothing was seen before it: so
/// many shifts, each half as large again.
const FIRST_SHIFTS: i32 = 12;

/// What was seen before is followed beyond the least shift from this evidence on.
const SEEN_MIN: f64 = 4.0;

/// Where less than this share of a further sample is news, it is not taken.
const NEWS_MIN: f64 = 0.1;

impl Watch {
    /// `repeat` is the share of the spread that samples of one night have in common.
    pub fn new(window: &Window, repeat: f64, effect_min: f64) -> Self {
        Self {
            effect_min,
            spread: window.level.spread,
            uncertainty: window.level.uncertainty,
            repeat,
            samples: Vec::new(),
            least: 0.0,
            seen: 0.0,
        }
    }

    /// A sample that is `off` above the level, and the variance of such.
    pub fn add(&mut self, off: f64, variance: f64) {
        // What is not known of the level is the same for all samples of the night.
        let all = variance + self.uncertainty.powi(2);
        let (known, left) = self.foreseen();
        let deviation = (all * left).sqrt();
        let before = self.mean();
        if left > 0.0 {
            let news = (off - known * before.unwrap_or(0.0)) / deviation;
            let likelier = |shift: f64| likelier(news, shift * (1.0 - known) / deviation);
            let least = self.effect_min.max(LEAST_SHIFT * self.spread);
            self.least += likelier(least);
            self.seen += match before {
                Some(mean) => likelier(mean.max(self.effect_min)),
                None => {
                    let shifts = (0..FIRST_SHIFTS).map(|it| least * 1.5_f64.powi(it));
                    let sum: f64 = shifts.map(|it| likelier(it).exp()).sum();
                    (sum / f64::from(FIRST_SHIFTS)).ln()
                }
            };
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
        let (more, less) = (self.least.max(self.seen), self.least.min(self.seen));
        more + ((less - more).exp().ln_1p() - 2.0_f64.ln())
    }

    pub fn samples(&self) -> usize {
        self.samples.len()
    }

    /// Whether it looks rather worse than not.
    pub fn looks_worse(&self) -> bool {
        self.least > 0.0 || self.seen > SEEN_MIN
    }

    /// Whether it looks worse so far, and another sample could tell.
    pub fn wants_more(&self) -> bool {
        let (known, _) = self.foreseen();
        self.looks_worse() && (self.samples.len() < 2 || 1.0 - known > NEWS_MIN)
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
