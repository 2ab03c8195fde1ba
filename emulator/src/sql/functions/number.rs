//! Functions of numbers: rounding, roots and powers, bits, the largest and the smallest.

use super::calendar::Part;
use super::convert::{self, int_of, to_float};
use super::dates;
use super::datum::{Datum, compare};
use super::decimal::{self, PRECISION_MAX};
use super::kit::{
    Arguments, Body, Call, Entry, MANY, Outcome, common_kind, invalid_argument, is_timestamp,
    refuse, returns_float, returns_int, typed,
};
use crate::types::DataType;
use datafusion::arrow::datatypes::{DataType as Arrow, Field};
use std::cmp::Ordering;

/// A function of one double.
macro_rules! float {
    ($name:literal, $function:expr) => {
        Entry::new(
            $name,
            (1, 1),
            returns_float,
            Body::Strict(|call, row| {
                let function: fn(f64) -> f64 = $function;
                checked(call, row, function(number(call, &row[0])?))
            }),
        )
    };
}

pub(super) static ENTRIES: &[Entry] = &[
    Entry::new("ABS", (1, 1), returns_same, Body::Strict(absolute)),
    Entry::new("SF_NEGATE", (1, 1), returns_same, Body::Strict(negate)),
    Entry::new("SIGN", (1, 1), returns_int, Body::Strict(sign)),
    Entry::new("CEIL", (1, 2), returns_rounded, Body::Strict(ceiling)),
    Entry::new("FLOOR", (1, 2), returns_rounded, Body::Strict(floor)),
    Entry::new("ROUND", (1, 3), returns_rounded, Body::Strict(round)),
    Entry::new("TRUNC", (1, 2), returns_truncated, Body::Strict(truncate)),
    Entry::new("TRUNCATE", (1, 2), returns_truncated, Body::Strict(truncate)),
    Entry::new(
        "SQUARE",
        (1, 1),
        returns_float,
        Body::Strict(|call, row| {
            let value = number(call, &row[0])?;
            checked(call, row, value * value)
        }),
    ),
    Entry::new("POWER", (2, 2), returns_float, Body::Strict(power)),
    Entry::new("POW", (2, 2), returns_float, Body::Strict(power)),
    Entry::new(
        "LOG",
        (2, 2),
        returns_float,
        Body::Strict(|call, row| {
            let (base, value) = (number(call, &row[0])?, number(call, &row[1])?);
            checked(call, row, value.ln() / base.ln())
        }),
    ),
    Entry::new(
        "ATAN2",
        (2, 2),
        returns_float,
        Body::Strict(|call, row| {
            Ok(Datum::Float(number(call, &row[0])?.atan2(number(call, &row[1])?)))
        }),
    ),
    Entry::new(
        "PI",
        (0, 0),
        returns_float,
        Body::Rows(|_, _| Ok(Datum::Float(std::f64::consts::PI))),
    ),
    float!("SQRT", f64::sqrt),
    float!("CBRT", f64::cbrt),
    float!("EXP", f64::exp),
    float!("LN", f64::ln),
    float!("SIN", f64::sin),
    float!("COS", f64::cos),
    float!("TAN", f64::tan),
    float!("COT", |it| it.tan().recip()),
    float!("ASIN", f64::asin),
    float!("ACOS", f64::acos),
    float!("ATAN", f64::atan),
    float!("SINH", f64::sinh),
    float!("COSH", f64::cosh),
    float!("TANH", f64::tanh),
    float!("ASINH", f64::asinh),
    float!("ACOSH", f64::acosh),
    float!("ATANH", f64::atanh),
    float!("DEGREES", f64::to_degrees),
    float!("RADIANS", f64::to_radians),
    Entry::new("FACTORIAL", (1, 1), returns_int, Body::Strict(factorial)),
    Entry::new("BITAND", (2, 2), returns_int, Body::Strict(|_, row| bits(row, |a, b| a & b))),
    Entry::new("BITOR", (2, 2), returns_int, Body::Strict(|_, row| bits(row, |a, b| a | b))),
    Entry::new("BITXOR", (2, 2), returns_int, Body::Strict(|_, row| bits(row, |a, b| a ^ b))),
    Entry::new(
        "BITNOT",
        (1, 1),
        returns_int,
        Body::Strict(|_, row| Ok(Datum::int(!int_of(&row[0])?))),
    ),
    Entry::new(
        "BITSHIFTLEFT",
        (2, 2),
        returns_int,
        Body::Strict(|_, row| {
            bits(row, |a, n| u32::try_from(n).ok().and_then(|n| a.checked_shl(n)).unwrap_or(0))
        }),
    ),
    Entry::new(
        "BITSHIFTRIGHT",
        (2, 2),
        returns_int,
        Body::Strict(|_, row| {
            bits(row, |a, n| a.checked_shr(u32::try_from(n).unwrap_or(63).min(63)).unwrap_or(0))
        }),
    ),
    Entry::new("WIDTH_BUCKET", (4, 4), returns_int, Body::Strict(width_bucket)),
    Entry::new(
        "GREATEST",
        (1, MANY),
        returns_common,
        Body::Strict(|call, row| extreme(call, row, Ordering::Greater)),
    ),
    Entry::new(
        "LEAST",
        (1, MANY),
        returns_common,
        Body::Strict(|call, row| extreme(call, row, Ordering::Less)),
    ),
    Entry::new(
        "GREATEST_IGNORE_NULLS",
        (1, MANY),
        returns_common,
        Body::Rows(|call, row| extreme(call, row, Ordering::Greater)),
    ),
    Entry::new(
        "LEAST_IGNORE_NULLS",
        (1, MANY),
        returns_common,
        Body::Rows(|call, row| extreme(call, row, Ordering::Less)),
    ),
];

/// The type in which an argument counts as a number.
fn number_kind(arguments: &Arguments<'_>, index: usize) -> Outcome<DataType> {
    match arguments.kind(index) {
        Some(it @ (DataType::Number { .. } | DataType::Float)) => Ok(it.clone()),
        None => Ok(DataType::Number { precision: 38, scale: 0 }),
        Some(DataType::Text { .. }) => Ok(DataType::Number { precision: 18, scale: 5 }),
        Some(DataType::Variant) => Ok(DataType::Float),
        Some(_) => arguments.invalid_types(),
    }
}

fn returns_same(arguments: &Arguments<'_>) -> Outcome<Field> {
    number_kind(arguments, 0).map(typed)
}

/// A number of the target's type from any argument.
fn numeric<'a>(call: &Call, datum: &Datum<'a>) -> Outcome<Datum<'a>> {
    match datum {
        Datum::Number(..) | Datum::Float(_) => Ok(datum.clone()),
        Datum::Text(_) if call.target.data_type() != &Arrow::Float64 => {
            convert::to_number(datum, 18, 5)
        }
        other => convert::convert(other.clone(), &DataType::Float, &call.zone),
    }
}

fn number(call: &Call, datum: &Datum<'_>) -> Outcome<f64> {
    match datum {
        Datum::Json(_) => match convert::convert(datum.clone(), &DataType::Float, &call.zone)? {
            Datum::Float(value) => Ok(value),
            _ => Ok(f64::NAN),
        },
        other => to_float(other),
    }
}

/// `NaN` out of numbers is refused: a root of a negative number, the logarithm of zero.
fn checked<'a>(call: &Call, row: &[Datum<'_>], value: f64) -> Outcome<Datum<'a>> {
    if value.is_finite() {
        return Ok(Datum::Float(value));
    }
    let arguments = row
        .iter()
        .map(|it| convert::text_of(it, &call.zone).map(|it| it.into_owned()))
        .collect::<Outcome<Vec<_>>>()?;
    let (name, arguments) = (call.name.to_lowercase(), arguments.join(","));
    Err(refuse(100_050, "22003", format!("Invalid floating point operation: {name}({arguments})")))
}

fn absolute<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    Ok(match numeric(call, &row[0])? {
        Datum::Number(value, scale) => Datum::Number(value.abs(), scale),
        Datum::Float(value) => Datum::Float(value.abs()),
        other => other,
    })
}

fn negate<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    Ok(match numeric(call, &row[0])? {
        Datum::Number(value, scale) => Datum::Number(-value, scale),
        Datum::Float(value) => Datum::Float(-value),
        other => other,
    })
}

fn sign<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let value = number(call, &row[0])?;
    Ok(Datum::int(if value > 0.0 {
        1
    } else if value < 0.0 {
        -1
    } else {
        0
    }))
}

/// `ROUND(n, s)` has scale `s` where that is a literal and smaller than the argument's.
fn returns_rounded(arguments: &Arguments<'_>) -> Outcome<Field> {
    let DataType::Number { precision, scale } = number_kind(arguments, 0)? else {
        return returns_float(arguments);
    };
    let wanted = match (arguments.kinds.len(), arguments.int(1)) {
        (1, _) => 0,
        (_, Some(literal)) => literal.clamp(0, i64::from(scale)) as i8,
        (_, None) => scale,
    };
    let whole = i16::from(precision) - i16::from(scale) + 1;
    let precision = (whole + i16::from(wanted)).clamp(1, i16::from(PRECISION_MAX)) as u8;
    Ok(typed(DataType::Number { precision, scale: wanted }))
}

fn returns_truncated(arguments: &Arguments<'_>) -> Outcome<Field> {
    match arguments.kind(0) {
        Some(it) if is_timestamp(it) || *it == DataType::Date => Ok(typed(it.clone())),
        _ => returns_rounded(arguments),
    }
}

fn digits(row: &[Datum<'_>]) -> Outcome<i8> {
    let digits = row.get(1).map_or(Ok(0), int_of)?;
    Ok(digits.clamp(-38, 37) as i8)
}

/// Rounds by `decimals` to a number of digits, or `floats` where it is a float.
fn rounded<'a>(
    call: &Call,
    row: &[Datum<'a>],
    decimals: fn(i128, i8, i8) -> Option<i128>,
    floats: fn(f64) -> f64,
) -> Outcome<Datum<'a>> {
    let digits = digits(row)?;
    Ok(match numeric(call, &row[0])? {
        Datum::Number(value, scale) if digits >= scale => Datum::Number(value, scale),
        Datum::Number(value, scale) => {
            let at = decimals(value, scale, digits)
                .ok_or_else(|| decimal::out_of_range(PRECISION_MAX, 0, value, scale))?;
            // A negative number of digits is brought back to whole numbers.
            let at_zero = decimal::rescale(at, digits, digits.max(0))
                .ok_or_else(|| decimal::out_of_range(PRECISION_MAX, 0, value, scale))?;
            Datum::Number(at_zero, digits.max(0))
        }
        // Through the digits a double is printed with, so that 1.005 rounds as it reads.
        Datum::Float(value) if (0..=22).contains(&digits) && value.abs() < 1e15 => {
            match decimal::parse(&format!("{value}"), None) {
                decimal::Parsed::Value(whole, scale) if scale > digits => {
                    match decimals(whole, scale, digits) {
                        Some(it) => Datum::Float(decimal::to_f64(it, digits)),
                        None => Datum::Float(value),
                    }
                }
                _ => Datum::Float(value),
            }
        }
        Datum::Float(value) => {
            let unit = 10_f64.powi(i32::from(digits));
            Datum::Float(if value.is_finite() { floats(value * unit) / unit } else { value })
        }
        other => other,
    })
}

fn truncate_toward(value: i128, from: i8, to: i8, toward: Ordering) -> Option<i128> {
    let cut = decimal::truncate(value, from, to);
    let back = decimal::rescale(cut, to, from)?;
    Some(match (back.cmp(&value), toward) {
        (Ordering::Less, Ordering::Greater) => cut + 1,
        (Ordering::Greater, Ordering::Less) => cut - 1,
        _ => cut,
    })
}

fn ceiling<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    rounded(call, row, |v, from, to| truncate_toward(v, from, to, Ordering::Greater), f64::ceil)
}

fn floor<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    rounded(call, row, |v, from, to| truncate_toward(v, from, to, Ordering::Less), f64::floor)
}

fn round<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let even = match row.get(2) {
        None => false,
        Some(mode) => match convert::text_of(mode, &call.zone)?.to_ascii_uppercase().as_str() {
            "HALF_AWAY_FROM_ZERO" => false,
            "HALF_TO_EVEN" => true,
            other => return Err(invalid_argument(call.name, format!("rounding mode '{other}'"))),
        },
    };
    if even {
        return rounded(call, row, half_to_even, f64::round_ties_even);
    }
    rounded(call, row, decimal::rescale, f64::round)
}

fn half_to_even(value: i128, from: i8, to: i8) -> Option<i128> {
    let cut = decimal::truncate(value, from, to);
    let rest = value.checked_sub(decimal::rescale(cut, to, from)?)?;
    let unit = decimal::power_of_ten(u32::from(from.abs_diff(to)))?;
    let up = match (rest.abs() * 2).cmp(&unit) {
        Ordering::Greater => true,
        Ordering::Equal => cut % 2 != 0,
        Ordering::Less => false,
    };
    Some(if up { cut + value.signum() } else { cut })
}

fn truncate<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    if let (Datum::Date(_) | Datum::Ntz(_) | Datum::Ltz(_) | Datum::Tz(..), Some(part)) =
        (&row[0], row.get(1))
    {
        let name = convert::text_of(part, &call.zone)?;
        let part =
            Part::find_interval(&name).ok_or_else(|| dates::invalid_part(&name, call.name))?;
        return dates::truncate_to(call, part, &row[0]);
    }
    rounded(call, row, |v, from, to| Some(decimal::truncate(v, from, to)), f64::trunc)
}

fn power<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    checked(call, row, number(call, &row[0])?.powf(number(call, &row[1])?))
}

fn factorial<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let number = int_of(&row[0])?;
    let product = (0..=33).contains(&number).then(|| (1..=i128::from(number)).product::<i128>());
    match product.filter(|it| i64::try_from(*it).is_ok()) {
        Some(product) => Ok(Datum::Number(product, 0)),
        None => Err(invalid_argument(call.name, format!("{number} is not from 0 to 20"))),
    }
}

fn bits<'a>(row: &[Datum<'a>], combine: fn(i64, i64) -> i64) -> Outcome<Datum<'a>> {
    Ok(Datum::int(combine(int_of(&row[0])?, int_of(&row[1])?)))
}

fn width_bucket<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (value, low, high) =
        (number(call, &row[0])?, number(call, &row[1])?, number(call, &row[2])?);
    let buckets = int_of(&row[3])?;
    if buckets < 1 || low >= high {
        return Err(invalid_argument(call.name, "the bounds or the number of buckets"));
    }
    let bucket = if value < low {
        0
    } else if value >= high {
        buckets + 1
    } else {
        ((value - low) / (high - low) * buckets as f64) as i64 + 1
    };
    Ok(Datum::int(bucket))
}

/// The common type of all arguments.
pub(super) fn returns_common(arguments: &Arguments<'_>) -> Outcome<Field> {
    match common_kind(&arguments.kinds) {
        Some(Some(kind)) => Ok(typed(kind)),
        Some(None) => super::kit::returns_text(arguments),
        None => arguments.invalid_types(),
    }
}

fn extreme<'a>(call: &'a Call, row: &[Datum<'a>], wanted: Ordering) -> Outcome<Datum<'a>> {
    let kind = call.target_kind()?;
    let mut best = Datum::Null;
    for value in row {
        let value = convert::convert(value.clone(), &kind, &call.zone)?;
        if !value.is_null() && (best.is_null() || compare(&value, &best) == wanted) {
            best = value;
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_type};

    #[test]
    fn numbers_are_rounded_to_digits() {
        check("ROUND", "2.5", "3");
        check("ROUND", "-2.5", "-3");
        check("ROUND", "2.345|2", "2.35");
        check("ROUND", "1250|-2", "1300");
        check("ROUND", "1.005e0|2", "1.01");
        check("ROUND", "2.5|0|'HALF_TO_EVEN'", "2");
        check("TRUNC", "-2.99", "-2");
        check("TRUNC", "2.349|2", "2.34");
        check("TRUNCATE", "1299|-2", "1200");
        check("TRUNC", "d'2024-02-29'|'month'", "2024-02-01");
        check("CEIL", "2.01", "3");
        check("CEIL", "-2.99", "-2");
        check("FLOOR", "-2.01", "-3");
        check("FLOOR", "2.349|2", "2.34");
        check_type("ROUND", "2.345|2", "NUMBER(4,2)");
        check_type("CEIL", "2.345", "NUMBER(2,0)");
        check("ROUND", "null", "NULL");
    }

    #[test]
    fn floats_that_come_to_nothing_are_refused() {
        check("SQRT", "16", "4");
        check("POWER", "2|10", "1024");
        check("LOG", "10|1000", "2.9999999999999996");
        check("SQRT", "-1", "100050 (22003): Invalid floating point operation: sqrt(-1)");
        check("LN", "0", "100050 (22003): Invalid floating point operation: ln(0)");
        check("SIGN", "-2.5", "-1");
        check("ABS", "-2.50", "2.50");
        check("ABS", "'-1.5'", "1.50000");
        check(
            "ABS",
            "true",
            "001044 (42P13): SQL compilation error:\nInvalid argument types for function 'ABS': (BOOLEAN)",
        );
    }

    #[test]
    fn bits_are_those_of_64_bit_integers() {
        check("BITAND", "6|3", "2");
        check("BITXOR", "6|3", "5");
        check("BITNOT", "0", "-1");
        check("BITSHIFTLEFT", "1|4", "16");
        check("BITSHIFTRIGHT", "-16|2", "-4");
        check("FACTORIAL", "5", "120");
    }

    #[test]
    fn the_extreme_has_the_common_type() {
        check("GREATEST", "1|2.5|2", "2.5");
        check("LEAST", "1|2.5|null", "NULL");
        check("LEAST_IGNORE_NULLS", "3|2.50|null", "2.50");
        check("GREATEST", "d'2024-01-01'|n'2024-01-01 10:00:00'", "2024-01-01 10:00:00.000000000");
        check("GREATEST", "'b'|'a'", "b");
    }
}
