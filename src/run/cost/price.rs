//! What warehouses cost, in credits.

use std::time::Duration;

/// Credits per hour of a standard warehouse of generation 1, by size as statements write it.
/// From Snowflake's service consumption table; each size is twice the one before.
const SIZES: [(&[&str], f64); 10] = [
    (&["XSMALL"], 1.0),
    (&["SMALL"], 2.0),
    (&["MEDIUM"], 4.0),
    (&["LARGE"], 8.0),
    (&["XLARGE"], 16.0),
    (&["XXLARGE", "X2LARGE", "2XLARGE"], 32.0),
    (&["XXXLARGE", "X3LARGE", "3XLARGE"], 64.0),
    (&["X4LARGE", "4XLARGE"], 128.0),
    (&["X5LARGE", "5XLARGE"], 256.0),
    (&["X6LARGE", "6XLARGE"], 512.0),
];

/// Of the price of a standard warehouse: 0.6 credits for XSMALL to 76.8 for 4X-Large in two public
/// price lists (FlakeBench, snowflake-costbench), and measured as about 0.58. The older of the
/// documents that this project started from has 1.
const INTERACTIVE: f64 = 0.6;

/// `None` if there is no such size.
pub fn credits_per_hour(size: &str, interactive: bool) -> Option<f64> {
    let size: String = size.chars().filter(char::is_ascii_alphanumeric).collect();
    let size = size.to_ascii_uppercase();
    let (_, standard) = SIZES.iter().find(|(names, _)| names.contains(&size.as_str()))?;
    Some(match interactive {
        true => standard * INTERACTIVE,
        false => *standard,
    })
}

/// The shortest time that is billed at each start. An hour for interactive warehouses (docs since
/// mid-2026; a minute before), a minute for standard ones.
pub fn billed_at_least(interactive: bool) -> Duration {
    match interactive {
        true => Duration::from_secs(3600),
        false => Duration::from_secs(60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_prices_however_they_are_written() {
        #[track_caller]
        fn check(size: &str, interactive: bool, expected: Option<f64>) {
            assert_eq!(credits_per_hour(size, interactive), expected, "{size}");
        }
        check("XSMALL", false, Some(1.0));
        check("x-small", true, Some(0.6));
        check("'X-Small'", true, Some(0.6));
        check("XXLARGE", false, Some(32.0));
        check("2X-LARGE", false, Some(32.0));
        check("4X-Large", true, Some(76.8));
        check("HUGE", false, None);
        check("", false, None);
    }
}
