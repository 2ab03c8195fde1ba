//! Decimal numbers as `i128` and a scale: rescaling, reading, printing, and their limits.

use super::kit::{Outcome, refuse};
use datafusion::arrow::datatypes::i256;
use datafusion::error::DataFusionError;

/// Snowflake's largest precision, in digits.
pub(super) const PRECISION_MAX: u8 = 38;
/// Snowflake's largest scale of a column.
pub(super) const SCALE_MAX: i8 = 37;

/// `10^exponent`, where it fits (up to 38).
pub(super) fn power_of_ten(exponent: u32) -> Option<i128> {
    10_i128.checked_pow(exponent)
}

/// Whether `value` has at most `precision` digits.
pub(super) fn fits(value: i128, precision: u8) -> bool {
    power_of_ten(u32::from(precision)).is_none_or(|limit| value.unsigned_abs() < limit as u128)
}

/// Divides, rounding half away from zero. `divisor` is positive.
fn divide_rounded(value: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (value / divisor, value % divisor);
    if rest.unsigned_abs() >= (divisor as u128).div_ceil(2) {
        quotient + value.signum()
    } else {
        quotient
    }
}

/// Brings `value` from one scale to another, rounding half away from zero; `None` past 38 digits.
pub(super) fn rescale(value: i128, from: i8, to: i8) -> Option<i128> {
    if from == to {
        return Some(value);
    }
    let steps = u32::from(from.abs_diff(to));
    if to > from {
        return value.checked_mul(power_of_ten(steps)?).filter(|it| fits(*it, PRECISION_MAX));
    }
    Some(power_of_ten(steps).map_or(0, |it| divide_rounded(value, it)))
}

/// The same, cutting the digits off.
pub(super) fn truncate(value: i128, from: i8, to: i8) -> i128 {
    if to >= from {
        return value;
    }
    match power_of_ten(u32::from(from.abs_diff(to))) {
        Some(step) => value / step,
        None => 0,
    }
}

/// Brings `value` to `NUMBER(precision, to)` or refuses it.
pub(super) fn fit(value: i128, from: i8, precision: u8, to: i8) -> Outcome<i128> {
    rescale(value, from, to)
        .filter(|it| fits(*it, precision))
        .ok_or_else(|| out_of_range(precision, to, value, from))
}

/// `100046`: a number that its type cannot hold.
pub(super) fn out_of_range(precision: u8, scale: i8, value: i128, from: i8) -> DataFusionError {
    out_of_range_text(precision, scale, &print(value, from))
}

pub(super) fn out_of_range_text(precision: u8, scale: i8, value: &str) -> DataFusionError {
    let bytes = match precision {
        0..=2 => 1,
        3..=4 => 2,
        5..=9 => 4,
        10..=18 => 8,
        _ => 16,
    };
    refuse(
        100_046,
        "22003",
        format!(
            "Number out of representable range: type FIXED[SB{bytes}]({precision},{scale}){{nullable}}, value {value}"
        ),
    )
}

pub(super) fn to_f64(value: i128, scale: i8) -> f64 {
    if scale <= 0 {
        return value as f64;
    }
    // Through text the result is the nearest double; dividing would round twice.
    if value.unsigned_abs() < 1 << 53 && scale <= 22 {
        return value as f64 / 10_f64.powi(i32::from(scale));
    }
    print(value, scale).parse().unwrap_or(f64::NAN)
}

/// A float as a decimal of the given scale, rounded half away from zero.
pub(super) fn from_f64(value: f64, scale: i8) -> Option<i128> {
    if !value.is_finite() || value.abs() >= 1e38 {
        return None;
    }
    match parse(&format!("{value}"), Some(scale)) {
        Parsed::Value(value, _) => Some(value),
        Parsed::TooLarge | Parsed::Malformed => None,
    }
}

/// Prints with all `scale` decimals: `1.50`.
pub(super) fn print(value: i128, scale: i8) -> String {
    if scale <= 0 {
        return value.to_string();
    }
    let scale = scale as usize;
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{whole}.{fraction}")
}

/// The same without trailing zeros: `1.5`.
pub(super) fn print_short(value: i128, scale: i8) -> String {
    let (value, scale) = normalise(value, scale);
    print(value, scale)
}

/// The same number with the smallest scale that is not negative.
pub(super) fn normalise(mut value: i128, mut scale: i8) -> (i128, i8) {
    while scale > 0 && value % 10 == 0 {
        value /= 10;
        scale -= 1;
    }
    (value, scale)
}

/// How reading a number ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// Value and scale.
    Value(i128, i8),
    TooLarge,
    Malformed,
}

/// Reads `-12.5e3`, with blanks around it. `scale` is the one wanted; else the text's own.
pub(super) fn parse(text: &str, scale: Option<i8>) -> Parsed {
    let text = text.trim();
    let (negative, text) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => match text[at + 1..].parse::<i32>() {
            Ok(exponent) => (&text[..at], exponent),
            Err(_) => return Parsed::Malformed,
        },
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |it: &str| it.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return Parsed::Malformed;
    }
    let digits: String = [whole, fraction].concat();
    let digits = digits.trim_start_matches('0');
    let own_scale = fraction.len() as i64 - i64::from(exponent);
    let wanted = match scale {
        Some(scale) => i64::from(scale),
        None => own_scale.clamp(0, i64::from(SCALE_MAX)),
    };
    if digits.is_empty() {
        return Parsed::Value(0, wanted as i8);
    }
    let shift = wanted - own_scale;
    let magnitude = if shift >= 0 {
        if digits.len() as i64 + shift > i64::from(PRECISION_MAX) {
            return Parsed::TooLarge;
        }
        let text = format!("{digits}{}", "0".repeat(shift as usize));
        match text.parse::<i128>() {
            Ok(it) => it,
            Err(_) => return Parsed::TooLarge,
        }
    } else {
        let kept = digits.len() as i64 + shift;
        if kept < 0 {
            0
        } else {
            let (head, tail) = digits.split_at(kept as usize);
            if head.len() > usize::from(PRECISION_MAX) {
                return Parsed::TooLarge;
            }
            let round_up = tail.as_bytes().first().is_some_and(|it| *it >= b'5');
            head.parse::<i128>().unwrap_or(0) + i128::from(round_up)
        }
    };
    if !fits(magnitude, PRECISION_MAX) {
        return Parsed::TooLarge;
    }
    Parsed::Value(if negative { -magnitude } else { magnitude }, wanted as i8)
}

/// `left / right` at `scale`, rounded half away from zero. `right` is not zero.
pub(super) fn divide(left: (i128, i8), right: (i128, i8), scale: i8) -> Option<i128> {
    // left/10^sl / (right/10^sr) * 10^scale = left * 10^(scale + sr - sl) / right
    let shift = i32::from(scale) + i32::from(right.1) - i32::from(left.1);
    if shift >= 0
        && let Some(factor) = power_of_ten(shift as u32)
        && let Some(numerator) = left.0.checked_mul(factor)
    {
        let (quotient, rest) = (numerator / right.0, numerator % right.0);
        let up = rest.unsigned_abs() >= right.0.unsigned_abs().div_ceil(2) && rest != 0;
        let sign = numerator.signum() * right.0.signum();
        return Some(if up { quotient + sign } else { quotient });
    }
    let ten = i256::from_i128(10);
    let (mut numerator, mut divisor) = (i256::from_i128(left.0), i256::from_i128(right.0));
    if shift >= 0 {
        numerator = numerator.checked_mul(ten.checked_pow(shift as u32)?)?;
    } else {
        divisor = divisor.checked_mul(ten.checked_pow(shift.unsigned_abs())?)?;
    }
    let quotient = numerator.checked_div(divisor)?;
    let rest = numerator.checked_rem(divisor)?.wrapping_abs();
    let half = divisor.wrapping_abs().checked_sub(rest)?;
    let negative = numerator.is_negative() != divisor.is_negative();
    let quotient = if rest >= half && rest != i256::ZERO {
        if negative { quotient.checked_sub(i256::ONE)? } else { quotient.checked_add(i256::ONE)? }
    } else {
        quotient
    };
    quotient.to_i128()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_parse(text: &str, scale: Option<i8>, expected: &str) {
        let actual = match parse(text, scale) {
            Parsed::Value(value, scale) => print(value, scale),
            other => format!("{other:?}"),
        };
        assert_eq!(actual, expected, "{text:?} at {scale:?}");
    }

    #[test]
    fn numbers_are_read_and_rounded_half_away_from_zero() {
        check_parse(" 12.50 ", None, "12.50");
        check_parse("-.5", Some(0), "-1");
        check_parse("2.5", Some(0), "3");
        check_parse("2.4999", Some(0), "2");
        check_parse("1e3", None, "1000");
        check_parse("1.25E-2", Some(3), "0.013");
        check_parse("1e38", None, "TooLarge");
        check_parse("99999999999999999999999999999999999999", None, &"9".repeat(38));
        check_parse("1e-50", Some(2), "0.00");
        check_parse("abc", None, "Malformed");
        check_parse("", None, "Malformed");
        check_parse("1 2", None, "Malformed");
        check_parse(".", None, "Malformed");
    }

    #[test]
    fn division_rounds_half_away_from_zero_also_when_it_needs_more_than_128_bits() {
        assert_eq!(divide((1, 0), (3, 0), 6), Some(333_333));
        assert_eq!(divide((2, 0), (3, 0), 6), Some(666_667));
        assert_eq!(divide((-5, 0), (2, 0), 0), Some(-3));
        assert_eq!(divide((5, 0), (-2, 0), 0), Some(-3));
        let large = 10_i128.pow(37);
        assert_eq!(divide((large, 0), (large * 3, 0), 6), Some(333_333));
        assert_eq!(divide((-large * 2, 0), (large * 3, 0), 6), Some(-666_667));
    }

    #[test]
    fn rescaling_keeps_to_38_digits() {
        assert_eq!(rescale(15, 1, 0), Some(2));
        assert_eq!(rescale(-15, 1, 0), Some(-2));
        assert_eq!(rescale(14, 1, 0), Some(1));
        assert_eq!(rescale(1, 0, 37), Some(10_i128.pow(37)));
        assert_eq!(rescale(10, 0, 37), None);
    }
}
