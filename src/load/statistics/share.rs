//! Shares of requests.

use super::{Figure, Open, Z, dependence::inflation};

/// `parts` are, for each second in order, how many of how many requests are of the kind.
///
/// Wilson's interval (Probable inference, 1927), of as many independent requests as there are
/// worth. `None` of no requests.
pub fn share(parts: &[(u32, u64, u64)]) -> Option<Figure> {
    let (of_kind, all) = parts.iter().fold((0, 0), |sum, it| (sum.0 + it.1, sum.1 + it.2));
    if all == 0 {
        return None;
    }
    let (n, value) = (all as f64, of_kind as f64 / all as f64);
    let (inflation, effects) = match of_kind == 0 || of_kind == all {
        // Nothing varies, so nothing can be learned of how they depend on each other.
        true => (1.0, Vec::new()),
        false => {
            let parts: Vec<(u32, f64)> = parts
                .iter()
                .map(|(second, of_kind, all)| (*second, *of_kind as f64 - *all as f64 * value))
                .collect();
            inflation(&parts, n * value * (1.0 - value))
        }
    };
    let (low, high) = wilson(value, n / inflation);
    Some(Figure {
        value,
        at_least: false,
        unanswered: false,
        low,
        high,
        samples: all,
        inflation,
        open: inflation.is_infinite().then_some(Open::OneSecond),
        effects,
    })
}

/// Both ends for a share of `samples`; 0 and 1 where there are none.
fn wilson(share: f64, samples: f64) -> (f64, f64) {
    if samples <= 0.0 {
        return (0.0, 1.0);
    }
    let square = Z * Z / samples;
    let middle = share + square / 2.0;
    let half = (square * (share * (1.0 - share) + square / 4.0)).sqrt();
    // Rounding must not leave a limit of 0 or of 1 outside.
    let low = if share <= 0.0 { 0.0 } else { (middle - half) / (1.0 + square) };
    let high = if share >= 1.0 { 1.0 } else { (middle + half) / (1.0 + square) };
    (low.max(0.0), high.min(1.0))
}

/// The rule of three: with 95 % confidence the share of what was not seen among so many is less.
pub fn unseen_at_most(samples: u64) -> f64 {
    (3.0 / samples as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilsons_interval_is_that_of_tables() {
        // Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I.
        for (of_kind, all, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let actual = wilson(of_kind as f64 / f64::from(all), f64::from(all));
            assert!((actual.0 - low).abs() < 1e-4 && (actual.1 - high).abs() < 1e-4, "{actual:?}");
        }
    }

    #[test]
    fn errors_that_come_together_are_fewer_samples() {
        let spread: Vec<(u32, u64, u64)> = (0..60).map(|it| (it, 1, 20)).collect();
        let together: Vec<(u32, u64, u64)> =
            (0..60).map(|it| (it, if (20..23).contains(&it) { 20 } else { 0 }, 20)).collect();
        let (spread, together) = (share(&spread).unwrap(), share(&together).unwrap());
        assert_eq!(spread.value, together.value);
        assert_eq!(spread.inflation, 1.0);
        assert!(together.inflation > 10.0, "{}", together.inflation);
        assert!(together.high > 2.0 * spread.high);
    }
}
