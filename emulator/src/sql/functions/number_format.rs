//! Conversions by name: `TO_NUMBER`, `TO_DOUBLE`, `TO_BOOLEAN`, `TO_CHAR`, `TO_BINARY`, their
//! `TRY_` forms, and the formats of numbers (`999,990.00`, `$99`, `XXXX`).

use super::convert::{self, text_of};
use super::datum::Datum;
use super::decimal::{self, Parsed};
use super::encode;
use super::format;
use super::kit::{
    Arguments, Body, Call, Entry, Outcome, or_null, refuse, returns_binary, returns_boolean,
    returns_float, returns_text, typed,
};
use crate::types::DataType;
use datafusion::arrow::datatypes::{DataType as Arrow, Field};

macro_rules! both {
    ($name:literal, $try_name:literal, $arguments:expr, $returns:ident, $function:ident) => {
        [
            Entry::new($name, $arguments, $returns, Body::Strict($function)),
            Entry::new(
                $try_name,
                $arguments,
                $returns,
                Body::Strict(|call, row| or_null($function(call, row))),
            ),
        ]
    };
}

pub(super) static CONVERSIONS: &[[Entry; 2]] = &[
    both!("TO_NUMBER", "TRY_TO_NUMBER", (1, 4), returns_number, to_number),
    both!("TO_DECIMAL", "TRY_TO_DECIMAL", (1, 4), returns_number, to_number),
    both!("TO_NUMERIC", "TRY_TO_NUMERIC", (1, 4), returns_number, to_number),
    both!("TO_DOUBLE", "TRY_TO_DOUBLE", (1, 2), returns_float, to_double),
    both!("TO_BOOLEAN", "TRY_TO_BOOLEAN", (1, 1), returns_boolean, to_boolean),
    both!("TO_BINARY", "TRY_TO_BINARY", (1, 2), returns_binary, to_binary),
    both!("TO_CHAR", "TRY_TO_CHAR", (1, 2), returns_text, to_char),
    both!("TO_VARCHAR", "TRY_TO_VARCHAR", (1, 2), returns_text, to_char),
];

/// Where the precision and scale are among the arguments: after the format, if there is one.
fn precision_at(arguments: &Arguments<'_>) -> usize {
    if matches!(arguments.kind(1), Some(DataType::Text { .. })) { 2 } else { 1 }
}

fn returns_number(arguments: &Arguments<'_>) -> Outcome<Field> {
    let at = precision_at(arguments);
    let given = |index: usize, or: i64, max: i64| match arguments.kinds.get(index) {
        None => Ok(or),
        Some(_) => match arguments.int(index).filter(|it| (0..=max).contains(it)) {
            Some(value) => Ok(value),
            None => arguments.invalid_types(),
        },
    };
    let (precision, scale) = (given(at, 38, 38)?, given(at + 1, 0, 37)?);
    Ok(typed(DataType::Number { precision: precision.max(1) as u8, scale: scale as i8 }))
}

fn to_number<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let &Arrow::Decimal128(precision, scale) = call.target.data_type() else {
        return Ok(Datum::Null);
    };
    if let (Datum::Text(text), Some(Datum::Text(format))) = (&row[0], row.get(1)) {
        let (value, from) = read_number(text, format).ok_or_else(|| {
            refuse(
                100_140,
                "22018",
                format!("Can't parse '{text}' as number with format '{format}'"),
            )
        })?;
        return decimal::fit(value, from, precision, scale).map(|it| Datum::Number(it, scale));
    }
    convert::convert(row[0].clone(), &DataType::Number { precision, scale }, &call.zone)
}

fn to_double<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    if let (Datum::Text(text), Some(Datum::Text(format))) = (&row[0], row.get(1)) {
        let read = read_number(text, format);
        let (value, scale) = read.ok_or_else(|| convert::not_numeric(text))?;
        return Ok(Datum::Float(decimal::to_f64(value, scale)));
    }
    convert::convert(row[0].clone(), &DataType::Float, &call.zone)
}

fn to_boolean<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    convert::convert(row[0].clone(), &DataType::Boolean, &call.zone)
}

fn to_binary<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (Datum::Text(text), Some(format)) = (&row[0], row.get(1)) else {
        let length = crate::types::BINARY_LENGTH_MAX;
        return convert::convert(row[0].clone(), &DataType::Binary { length }, &call.zone);
    };
    let bytes = match text_of(format, &call.zone)?.to_ascii_uppercase().as_str() {
        "HEX" => encode::hex_decode(text)?,
        "BASE64" => encode::base64_decode(text)?,
        "UTF-8" | "UTF8" => text.as_bytes().to_vec(),
        other => return Err(encode::invalid_format(other)),
    };
    Ok(Datum::Binary(bytes.into()))
}

fn to_char<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let datum = row[0].clone();
    let Some(given) = row.get(1) else {
        return convert::to_text(datum, &call.zone).map(Datum::Text);
    };
    let given = text_of(given, &call.zone)?;
    Ok(Datum::text(match &datum {
        Datum::Number(value, scale) => print_number(*value, *scale, &given),
        Datum::Float(value) => match decimal::parse(&format!("{value}"), None) {
            Parsed::Value(value, scale) => print_number(value, scale, &given),
            _ => convert::print_float(*value),
        },
        Datum::Date(_) | Datum::Time(_) | Datum::Ntz(_) | Datum::Ltz(_) | Datum::Tz(..) => {
            let (local, offset) = convert::local_and_offset(&datum, &call.zone)?;
            format::print(local, offset, &given)
        }
        Datum::Binary(bytes) => match given.to_ascii_uppercase().as_str() {
            "HEX" => encode::hex_encode(bytes),
            "BASE64" => encode::base64_encode(bytes),
            "UTF-8" | "UTF8" => String::from_utf8_lossy(bytes).into_owned(),
            other => return Err(encode::invalid_format(other)),
        },
        _ => return convert::to_text(datum, &call.zone).map(Datum::Text),
    }))
}

/// A format taken apart.
struct Model {
    /// `9`, `0`, `,`: from the left.
    whole: Vec<char>,
    fraction: Vec<char>,
    point: bool,
    dollar: bool,
    /// `FM`: no blanks to fill.
    tight: bool,
    sign: Sign,
    hex: bool,
}

#[derive(PartialEq)]
enum Sign {
    Implicit,
    First,
    Last,
    MinusFirst,
    MinusLast,
}

fn model(format: &str) -> Model {
    let upper = format.to_ascii_uppercase();
    let mut rest = upper.as_str();
    let mut model = Model {
        whole: vec![],
        fraction: vec![],
        point: false,
        dollar: false,
        tight: false,
        sign: Sign::Implicit,
        hex: false,
    };
    while let Some(first) = rest.chars().next() {
        let begun = !model.whole.is_empty() || model.point;
        let skip = if rest.starts_with("FM") {
            model.tight = true;
            2
        } else if rest.starts_with("MI") {
            model.sign = if begun { Sign::MinusLast } else { Sign::MinusFirst };
            2
        } else {
            match first {
                '9' | '0' if model.point => model.fraction.push(first),
                '9' | '0' => model.whole.push(first),
                ',' | 'G' if !model.point => model.whole.push(','),
                '.' | 'D' => model.point = true,
                '$' => model.dollar = true,
                'S' => model.sign = if begun { Sign::Last } else { Sign::First },
                'X' => {
                    model.hex = true;
                    model.whole.push('9');
                }
                _ => {}
            }
            first.len_utf8()
        };
        rest = &rest[skip..];
    }
    model
}

fn print_number(value: i128, scale: i8, format: &str) -> String {
    match format.to_ascii_uppercase().as_str() {
        "TM" | "TM9" => return decimal::print(value, scale),
        "TME" => return format!("{:E}", decimal::to_f64(value, scale)),
        _ => {}
    }
    let model = model(format);
    let width = model.whole.iter().filter(|it| **it != ',').count();
    let overflow = || {
        let length = model.whole.len() + model.fraction.len() + usize::from(model.point) + 1;
        "#".repeat(length)
    };
    if model.hex {
        let whole = decimal::rescale(value, scale, 0).unwrap_or(0);
        let digits = format!("{whole:X}");
        if digits.len() > width {
            return overflow();
        }
        let blanks = if model.tight { 0 } else { width + 1 - digits.len() };
        return format!("{}{digits}", " ".repeat(blanks));
    }
    let places = model.fraction.len() as i8;
    let Some(rounded) = decimal::rescale(value, scale, places) else { return overflow() };
    let text = decimal::print(rounded.abs(), places);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    // A lone zero before the point is a digit only where the format has a `0` for it.
    let whole = if whole == "0" && places > 0 { "" } else { whole };
    if whole.len() > width {
        return overflow();
    }
    let mut digits = whole.chars().rev();
    let mut out: Vec<char> = vec![];
    let first_zero = model.whole.iter().position(|it| *it == '0').unwrap_or(model.whole.len());
    let mut left = whole.len();
    for (index, place) in model.whole.iter().enumerate().rev() {
        if *place == ',' {
            out.push(if left > 0 || index > first_zero { ',' } else { ' ' });
        } else if let Some(digit) = digits.next() {
            left -= 1;
            out.push(digit);
        } else {
            out.push(if index >= first_zero { '0' } else { ' ' });
        }
    }
    let padded: String = out.iter().rev().collect();
    let digits = padded.trim_start();
    let blanks = if model.tight { 0 } else { padded.len() - digits.len() };
    let negative = rounded < 0;
    let before = match model.sign {
        Sign::Implicit if negative => "-",
        Sign::Implicit if model.tight => "",
        Sign::Implicit => " ",
        Sign::First => {
            if negative {
                "-"
            } else {
                "+"
            }
        }
        Sign::MinusFirst => {
            if negative {
                "-"
            } else if model.tight {
                ""
            } else {
                " "
            }
        }
        Sign::Last | Sign::MinusLast => "",
    };
    let after = match model.sign {
        Sign::Last => {
            if negative {
                "-"
            } else {
                "+"
            }
        }
        Sign::MinusLast => {
            if negative {
                "-"
            } else if model.tight {
                ""
            } else {
                " "
            }
        }
        _ => "",
    };
    let dollar = if model.dollar { "$" } else { "" };
    let mut decimals = String::new();
    if model.point {
        decimals.push('.');
        decimals.push_str(fraction);
        if model.tight {
            let optional = model.fraction.iter().rev().take_while(|it| **it == '9').count();
            for _ in 0..optional {
                if decimals.ends_with('0') {
                    decimals.pop();
                }
            }
        }
    }
    format!("{}{before}{dollar}{digits}{decimals}{after}", " ".repeat(blanks))
}

/// Reads a number written in a format: digits, separators, sign and currency.
fn read_number(text: &str, format: &str) -> Option<(i128, i8)> {
    let model = model(format);
    let text = text.trim();
    if model.hex {
        return i128::from_str_radix(text, 16).ok().map(|it| (it, 0));
    }
    let (text, trailing) = match text.strip_suffix(['-', '+']) {
        Some(rest) if matches!(model.sign, Sign::Last | Sign::MinusLast) => {
            (rest.trim_end(), text.ends_with('-'))
        }
        _ => (text, false),
    };
    let (text, leading) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (rest.trim_start(), text.starts_with('-')),
        None => (text, false),
    };
    let text = if model.dollar { text.strip_prefix('$').unwrap_or(text) } else { text };
    let plain: String = if model.whole.contains(&',') {
        text.chars().filter(|it| *it != ',').collect()
    } else {
        text.to_owned()
    };
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let width = model.whole.iter().filter(|it| **it != ',').count();
    if plain.contains(['e', 'E']) || whole.len() > width || fraction.len() > model.fraction.len() {
        return None;
    }
    match decimal::parse(&plain, None) {
        Parsed::Value(value, scale) => {
            Some((if leading || trailing { -value } else { value }, scale))
        }
        Parsed::TooLarge | Parsed::Malformed => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_type};

    #[test]
    fn numbers_are_read_from_text() {
        check("TO_NUMBER", "'12.5'", "13");
        check("TO_NUMBER", "'12.5'|10|2", "12.50");
        check("TO_DECIMAL", "'1,234.50'|'9,999.99'|10|2", "1234.50");
        check("TO_NUMBER", "'$12-'|'$99MI'", "-12");
        check("TO_NUMBER", "'ff'|'XX'", "255");
        check("TO_NUMBER", "'abc'", "100038 (22018): Numeric value 'abc' is not recognized");
        check("TRY_TO_NUMBER", "'abc'", "NULL");
        check("TO_NUMBER", "'1000'|3|0", "100039 (22003): Numeric value '1000' is out of range");
        check(
            "TO_NUMBER",
            "1000.4|3|0",
            "100046 (22003): Number out of representable range: type FIXED[SB2](3,0){nullable}, value 1000.4",
        );
        check_type("TO_NUMBER", "'1'|10|2", "NUMBER(10,2)");
        check("TO_DOUBLE", "'1e3'", "1000");
        check("TO_BOOLEAN", "'Yes'", "true");
        check("TRY_TO_BOOLEAN", "'maybe'", "NULL");
        check("TO_BOOLEAN", "'maybe'", "100037 (22018): Boolean value 'maybe' is not recognized");
    }

    #[test]
    fn numbers_are_printed_by_a_format() {
        for (arguments, expected) in [
            ("12.3|'999.99'", "  12.30"),
            ("-12.3|'999.99'", " -12.30"),
            ("1234567.891|'9,999,999.00'", " 1,234,567.89"),
            ("12|'0000'", " 0012"),
            ("12|'FM0000'", "0012"),
            ("0.5|'FM990.00'", "0.50"),
            ("5|'$99'", "  $5"),
            ("12345|'999'", "####"),
            ("12|'S999'", " +12"),
            ("255|'FMXX'", "FF"),
            ("1.50|'TM9'", "1.50"),
        ] {
            check("TO_CHAR", arguments, expected);
        }
    }

    #[test]
    fn values_are_printed_as_text() {
        check("TO_VARCHAR", "1.50", "1.50");
        check("TO_VARCHAR", "1.0e0", "1");
        check("TO_VARCHAR", "1e20", "1e+20");
        check("TO_VARCHAR", "true", "true");
        check("TO_VARCHAR", "d'2024-02-29'|'DD/MM/YY'", "29/02/24");
        check("TO_CHAR", "n'2024-02-29 13:05:06.789'", "2024-02-29 13:05:06.789");
        check("TO_CHAR", "z'2024-02-29 13:05:06 +0530'", "2024-02-29 13:05:06.000 +0530");
        check("TO_CHAR", "t'13:05:06'|'HH12:MI PM'", "01:05 PM");
        check("TO_CHAR", "x'48695F'|'UTF-8'", "Hi_");
        check("TO_BINARY", "'SGk='|'BASE64'", "4869");
        check("TO_CHAR", "null|'99'", "NULL");
    }
}
