//! Between which order statistics a quantile is.

/// What is left out at each end.
const TAIL: f64 = 0.025;

/// Weights below this share of the greatest are nothing.
const NEGLIGIBLE: f64 = 1e-18;

/// The ranks, from 1, of the samples that a quantile is between, with at least 95 % confidence.
/// `None` if no sample is far enough out.
///
/// The number of samples at or below the quantile is binomial, whatever the distribution is. The
/// sums are exact for every `samples`: from the likeliest number outwards, until nothing is added,
/// which are some nine standard deviations.
pub fn ranks(samples: u64, share: f64) -> (Option<u64>, Option<u64>) {
    if samples == 0 || !(share > 0.0 && share < 1.0) {
        return (None, None);
    }
    let (n, odds) = (samples as f64, share / (1.0 - share));
    let mode = ((n + 1.0) * share).floor().min(n);

    let (mut below, mut weight, mut k) = (Vec::new(), 1.0, mode);
    while k > 0.0 && weight > NEGLIGIBLE {
        weight *= k / ((n - k + 1.0) * odds);
        k -= 1.0;
        below.push(weight);
    }
    let (mut above, mut weight, mut k) = (Vec::new(), 1.0, mode);
    while k < n && weight > NEGLIGIBLE {
        weight *= (n - k) * odds / (k + 1.0);
        k += 1.0;
        above.push(weight);
    }
    let total: f64 = below.iter().sum::<f64>() + 1.0 + above.iter().sum::<f64>();
    let mode = mode as u64;

    // The greatest rank whose sample is above the quantile with a probability of at most TAIL.
    let first = mode - below.len() as u64;
    let fewest = below.iter().rev().chain([&1.0]).chain(&above);
    let low = first + far_enough(fewest, total);
    // And the least one whose sample is below it.
    let last = mode + above.len() as u64;
    let most = above.iter().rev().chain([&1.0]).chain(&below);
    let high = last + 1 - far_enough(most, total);

    (Some(low).filter(|it| *it > 0), Some(high).filter(|it| *it <= samples))
}

/// How many of the outermost numbers together have at most [`TAIL`].
fn far_enough<'a>(weights: impl Iterator<Item = &'a f64>, total: f64) -> u64 {
    let mut sum = 0.0;
    let within = weights.take_while(|it| {
        sum += **it;
        sum <= TAIL * total
    });
    within.count() as u64
}

/// The fewest independent samples of which the greatest is beyond the quantile.
pub fn samples_needed(share: f64) -> u64 {
    (TAIL.ln() / share.ln()).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_tables() {
        // By sums of fractions.
        for (samples, share, expected) in [
            (5, 0.5, (None, None)),
            (6, 0.5, (Some(1), Some(6))),
            (10, 0.5, (Some(2), Some(9))),
            (100, 0.5, (Some(40), Some(61))),
            (71, 0.95, (Some(63), None)),
            (72, 0.95, (Some(64), Some(72))),
            (37, 0.8, (Some(25), Some(35))),
            (100, 0.99, (Some(97), None)),
            (250, 0.99, (Some(244), None)),
            (1000, 0.95, (Some(936), Some(964))),
            (0, 0.5, (None, None)),
        ] {
            assert_eq!(ranks(samples, share), expected, "{samples} {share}");
        }
    }

    #[test]
    fn a_million_samples_are_as_the_normal_distribution_has_them() {
        let (low, high) = ranks(1_000_000, 0.99);
        let half = 1.96 * (1_000_000_f64 * 0.99 * 0.01).sqrt();
        assert!((low.unwrap() as f64 - (990_000.0 - half)).abs() < 3.0, "{low:?}");
        assert!((high.unwrap() as f64 - (990_000.0 + half)).abs() < 3.0, "{high:?}");
    }

    #[test]
    fn so_many_samples_are_needed_and_no_fewer() {
        for share in [0.5, 0.9, 0.95, 0.99, 0.999] {
            let needed = samples_needed(share);
            assert!(ranks(needed, share).1.is_some(), "{share}");
            assert!(ranks(needed - 1, share).1.is_none(), "{share}");
        }
    }
}
