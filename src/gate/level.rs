//! A level and a spread that outliers do not move.
//!
//! The likeliest Student's distribution of four degrees of freedom (Lange, Little, Taylor: Robust
//! statistical modeling using the t distribution, 1989): as good as mean and deviation where noise
//! is normal, and hardly touched by nights that are far out.

/// Degrees of freedom. The usual choice: fewer waste normal noise, more trust outliers.
pub const FREEDOM: f64 = 4.0;

/// The fit has converged long before, to a thousandth of the spread.
const ROUNDS: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    pub location: f64,
    /// The scale of the distribution, which is about 0.85 standard deviations of normal noise.
    pub spread: f64,
    /// The deviation of `location`, neighbouring nights being alike.
    pub uncertainty: f64,
    /// Between neighbouring nights, 0 to 0.9: the correlation of what is left, on the safe side.
    pub chain: f64,
}

/// `values` are those of nights in order. `None` of none.
pub fn level(values: &[f64]) -> Option<Level> {
    let n = values.len() as f64;
    let mut location = median(values)?;
    let off: Vec<f64> = values.iter().map(|it| (it - location).abs()).collect();
    let mut spread = median(&off)? * 1.4826;
    if spread <= 0.0 {
        // Most are equal: the others decide.
        spread = (off.iter().map(|it| it * it).sum::<f64>() / n).sqrt();
    }
    if spread <= 0.0 {
        return Some(Level { location, spread: 0.0, uncertainty: 0.0, chain: 0.0 });
    }
    for _ in 0..ROUNDS {
        let (mut weights, mut sum) = (0.0, 0.0);
        for it in values {
            let weight = weight((it - location) / spread);
            weights += weight;
            sum += weight * it;
        }
        let before = (location, spread);
        location = sum / weights;
        let squares: f64 = values
            .iter()
            .map(|it| weight((it - before.0) / spread) * (it - location).powi(2))
            .sum();
        // Nothing but equal values is left: the others are infinitely unlikely.
        spread = (squares / n).sqrt().max(before.1 * 1e-3);
        if (location - before.0).abs() + (spread - before.1).abs() < 1e-3 * spread {
            break;
        }
    }
    let off: Vec<f64> = values.iter().map(|it| (it - location) / spread).collect();
    let chain = chain(&off);
    let pulls: Vec<f64> = off.iter().map(|it| it * weight(*it)).collect();
    let slope: f64 = off.iter().map(|it| slope(*it)).sum::<f64>().max(0.3 * n);
    let alone = pulls.iter().map(|it| it * it).sum::<f64>().sqrt();
    let chained = alone * inflation(chain).sqrt();
    // Of nights that hang together there are fewer than there seem to be.
    let worth = (n / inflation(chain)).max(2.0);
    let spread = spread * (worth / (worth - 1.0)).sqrt();
    Some(Level { location, spread, uncertainty: spread * chained / slope, chain })
}

/// How many times as many nights are needed as if each were on its own.
pub fn inflation(chain: f64) -> f64 {
    (1.0 + chain) / (1.0 - chain)
}

fn weight(off: f64) -> f64 {
    (FREEDOM + 1.0) / (FREEDOM + off * off)
}

/// Of the pull `off * weight(off)`.
fn slope(off: f64) -> f64 {
    (FREEDOM + 1.0) * (FREEDOM - off * off) / (FREEDOM + off * off).powi(2)
}

/// Values further out are taken as this far: one night must not make or hide a correlation.
const FAR: f64 = 3.0;

/// How much neighbours are alike: one standard error more than is seen, which few nights need.
fn chain(off: &[f64]) -> f64 {
    if off.len() < 3 {
        return 0.0;
    }
    let near: Vec<f64> = off.iter().map(|it| it.clamp(-FAR, FAR)).collect();
    let squares: f64 = near.iter().map(|it| it * it).sum();
    let products: f64 = near.windows(2).map(|it| it[0] * it[1]).sum();
    let n = near.len() as f64;
    let found = products / squares;
    (found + found.min(1.0 / n.sqrt())).clamp(0.0, 0.9)
}

/// How much likelier a value is under a level that is `shift` higher, as a logarithm. In units of
/// the spread.
pub fn likelier(off: f64, shift: f64) -> f64 {
    let unlikely = |it: f64| (it * it / FREEDOM).ln_1p() * (FREEDOM + 1.0) / 2.0;
    unlikely(off) - unlikely(off - shift)
}

/// `None` of none.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => Some((sorted.get(middle.checked_sub(1)?)? + sorted.get(middle)?) / 2.0),
        _ => sorted.get(middle).copied(),
    }
}
