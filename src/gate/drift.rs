//! Changes that are too small or too slow for one night.
//!
//! Two comparisons of several nights with many. The nights since the window with the window: what a
//! single night cannot tell, some can, even where samples of one night are all alike. And the last
//! accepted nights with the first ones: a lagged window follows a slow drift, an anchor does not.

use super::{
    Rules,
    level::{Level, inflation, level},
    window::Window,
};

/// How far some nights are above others, and the deviation of that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Apart {
    pub by: f64,
    pub deviation: f64,
}

impl Apart {
    /// How many times likelier it is if they do differ, as a logarithm; of `needed`, which is one,
    /// too. The alternative is the least that `needed` can be reached with.
    pub fn evidence(&self, needed: f64) -> f64 {
        if self.deviation <= 0.0 {
            return 0.0;
        }
        let shift = (2.0 * needed.max(1.0)).sqrt();
        shift * self.by / self.deviation - shift * shift / 2.0
    }

    /// The same, of getting better.
    pub fn turned(&self) -> Self {
        Self { by: -self.by, ..*self }
    }
}

/// A single night is no further out than this many spreads.
const FAR: f64 = 4.0;

/// Variances are estimated, too.
const SAFETY: f64 = 1.15;

/// The nights since the window and the first sample of tonight against the window. `None` if there
/// is no night but tonight.
pub fn since(window: &Window, tonight: f64) -> Option<Apart> {
    if window.since.is_empty() {
        return None;
    }
    let level = &window.level;
    let far = FAR * level.spread;
    let nights: Vec<f64> =
        window.since.iter().chain([&tonight]).map(|it| it.clamp(-far, far)).collect();
    let n = nights.len() as f64;
    let by = nights.iter().sum::<f64>() / n;
    // Of the mean of n neighbours.
    let alike: f64 =
        (1..nights.len()).map(|it| (1.0 - it as f64 / n) * level.chain.powi(it as i32)).sum();
    let variance = (level.spread * NORMAL).powi(2) * (1.0 + 2.0 * alike) / n;
    let deviation = SAFETY * (variance + level.uncertainty.powi(2)).sqrt();
    Some(Apart { by, deviation })
}

/// Standard deviations in a spread, of normal noise.
pub const NORMAL: f64 = 1.18;

/// The last accepted nights against the first ones. `None` before there are enough of both.
pub fn drift(window: &Window, rules: &Rules) -> Option<Apart> {
    let nights = &window.accepted;
    let last = nights.len().checked_sub(rules.anchor).filter(|it| *it >= rules.anchor)?;
    let (anchor, recent) = (level(&nights[..rules.anchor])?, level(&nights[last..])?);
    // Few nights tell little of how they hang together: whichever of three says most.
    let chain = window.level.chain.max(anchor.chain).max(recent.chain);
    let wider = |it: &Level| it.uncertainty * (inflation(chain) / inflation(it.chain)).sqrt();
    let own = window.own / (rules.anchor as f64).sqrt();
    let deviation = SAFETY * wider(&anchor).hypot(wider(&recent)).max(own);
    Some(Apart { by: recent.location - anchor.location, deviation })
}
