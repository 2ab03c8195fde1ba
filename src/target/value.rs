//! Typed values, however the server sent them.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use std::fmt::Write;

/// A column of a result, as the server describes it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: Type,
    pub nullable: bool,
}

/// Snowflake's types, with what tells two of a kind apart.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    Number {
        precision: u8,
        scale: u8,
    },
    Float,
    Text,
    Boolean,
    Date,
    Time {
        scale: u8,
    },
    TimestampNtz {
        scale: u8,
    },
    TimestampLtz {
        scale: u8,
    },
    TimestampTz {
        scale: u8,
    },
    Variant,
    Object,
    Array,
    Binary,
    /// A type this harness does not know, by the server's name. Its values are text.
    Other(String),
}

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Boolean(bool),
    /// `digits` × 10^-`scale`: `1.50` is 150 with scale 2.
    Number {
        digits: i128,
        scale: u8,
    },
    Float(f64),
    /// Text, and any type of [`Type::Other`].
    Text(String),
    Date(NaiveDate),
    Time(NaiveTime),
    TimestampNtz(NaiveDateTime),
    /// An instant, with no zone of its own.
    TimestampLtz(DateTime<Utc>),
    TimestampTz(DateTime<FixedOffset>),
    /// VARIANT, OBJECT and ARRAY: JSON text as the server formatted it.
    Json(String),
    Binary(Vec<u8>),
}

/// A result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Value>>,
    /// For DML: rows inserted, updated and deleted together. `None` for everything else.
    pub affected: Option<u64>,
}

impl Type {
    /// The letter that stands for the type in a `query` line of an `.slt` suite.
    ///
    /// `I`, `R` and `T` are sqllogictest's own; the others are for what it lumps together as text.
    pub fn letter(&self) -> char {
        match self {
            Self::Number { scale: 0, .. } => 'I',
            Self::Number { .. } | Self::Float => 'R',
            Self::Text | Self::Other(_) => 'T',
            Self::Boolean => 'B',
            Self::Date => 'D',
            Self::Time { .. } => 'M',
            Self::TimestampNtz { .. } | Self::TimestampLtz { .. } | Self::TimestampTz { .. } => 'S',
            Self::Variant | Self::Object | Self::Array => 'V',
            Self::Binary => 'X',
        }
    }

    /// Decimals of a second that a column of this type keeps: all nine where it has no scale.
    fn decimals(&self) -> u8 {
        match self {
            Self::Time { scale }
            | Self::TimestampNtz { scale }
            | Self::TimestampLtz { scale }
            | Self::TimestampTz { scale } => *scale,
            _ => 9,
        }
    }
}

impl Value {
    /// The cell as a suite writes it.
    ///
    /// Close to what Snowflake prints, except where that depends on a session parameter or says
    /// the same in two ways: fractions of a second lose their final zeros, TIMESTAMP_LTZ is in
    /// UTC, JSON loses its indentation. Empty text stays empty. `data_type` is the column's.
    pub fn text(&self, data_type: &Type) -> String {
        let decimals = data_type.decimals();
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Boolean(true) => "TRUE".to_owned(),
            Self::Boolean(false) => "FALSE".to_owned(),
            Self::Number { digits, scale } => number(*digits, *scale),
            Self::Float(it) => float(*it),
            Self::Text(it) => it.clone(),
            Self::Date(it) => date(*it),
            Self::Time(it) => time(*it, decimals),
            Self::TimestampNtz(it) => timestamp(*it, decimals),
            Self::TimestampLtz(it) => format!("{} Z", timestamp(it.naive_utc(), decimals)),
            Self::TimestampTz(it) => {
                let offset = it.offset().local_minus_utc() / 60;
                let sign = if offset < 0 { '-' } else { '+' };
                let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
                format!("{} {sign}{hours:02}:{minutes:02}", timestamp(it.naive_local(), decimals))
            }
            Self::Json(it) => compact(it),
            Self::Binary(it) => it.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02X}");
                text
            }),
        }
    }
}

fn number(digits: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if digits < 0 { "-" } else { "" };
    let text = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    match text.split_at_checked(text.len() - scale) {
        Some((whole, decimals)) if !decimals.is_empty() => format!("{sign}{whole}.{decimals}"),
        _ => format!("{sign}{text}"),
    }
}

/// The shortest text that reads back as the same number, with an exponent where C's `%.15g`
/// would use one, as Snowflake does.
fn float(it: f64) -> String {
    if !it.is_finite() {
        return match (it.is_nan(), it.is_sign_negative()) {
            (true, _) => "NaN",
            (false, false) => "inf",
            (false, true) => "-inf",
        }
        .to_owned();
    }
    let scientific = format!("{it:e}");
    let exponent =
        scientific.split_once('e').and_then(|(digits, it)| Some((digits, it.parse::<i32>().ok()?)));
    match exponent {
        Some((digits, exponent)) if it != 0.0 && !(-4..15).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => it.to_string(),
    }
}

fn date(it: NaiveDate) -> String {
    // Not `NaiveDate`'s own text, which puts a sign before years of five digits.
    format!("{:04}-{:02}-{:02}", it.year(), it.month(), it.day())
}

fn time(it: NaiveTime, decimals: u8) -> String {
    let mut text = format!("{:02}:{:02}:{:02}", it.hour(), it.minute(), it.second());
    // A leap second, which Snowflake does not have, would add a billion.
    let nanos = format!("{:09}", it.nanosecond() % 1_000_000_000);
    let kept = nanos.get(..usize::from(decimals.min(9))).unwrap_or_default();
    let kept = kept.trim_end_matches('0');
    if !kept.is_empty() {
        text.push('.');
        text.push_str(kept);
    }
    text
}

fn timestamp(it: NaiveDateTime, decimals: u8) -> String {
    format!("{} {}", date(it.date()), time(it.time(), decimals))
}

/// JSON without white space between its parts. On the text rather than through a parser, which
/// would round numbers of more than seventeen digits and refuse Snowflake's `undefined`.
fn compact(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut quoted, mut escaped) = (false, false);
    for letter in json.chars() {
        if quoted {
            quoted = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
        } else if letter.is_ascii_whitespace() {
            continue;
        } else {
            quoted = letter == '"';
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: Value, data_type: Type, expected: &str) {
        assert_eq!(value.text(&data_type), expected, "{value:?}");
    }

    fn at(nanos: u32) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2024, 2, 29).unwrap().and_hms_nano_opt(12, 30, 45, nanos).unwrap()
    }

    #[test]
    fn null_is_not_empty_text() {
        check(Value::Null, Type::Text, "NULL");
        check(Value::Text(String::new()), Type::Text, "");
    }

    #[test]
    fn numbers_keep_the_decimals_of_their_column() {
        let check_number = |digits, scale, expected: &str| {
            check(Value::Number { digits, scale }, Type::Number { precision: 38, scale }, expected);
        };
        check_number(0, 0, "0");
        check_number(0, 2, "0.00");
        check_number(150, 2, "1.50");
        check_number(-5, 3, "-0.005");
        check_number(i128::MIN, 0, "-170141183460469231731687303715884105728");
        check_number(1, 37, "0.0000000000000000000000000000000000001");
        check_number(1, 255, &format!("0.{}1", "0".repeat(254)));
    }

    #[test]
    fn floats_read_back_as_they_were() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (1.25e-7, "1.25e-07"),
            (0.0001, "0.0001"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, expected) in cases {
            check(Value::Float(value), Type::Float, expected);
            if value.is_finite() {
                assert_eq!(expected.parse::<f64>().unwrap().to_bits(), value.to_bits());
            }
        }
    }

    #[test]
    fn instants_show_no_more_decimals_than_their_column_has() {
        let ntz = |nanos, scale| (Value::TimestampNtz(at(nanos)), Type::TimestampNtz { scale });
        for (nanos, scale, expected) in [
            (123_456_789, 9, "2024-02-29 12:30:45.123456789"),
            (123_456_789, 3, "2024-02-29 12:30:45.123"),
            (120_000_000, 9, "2024-02-29 12:30:45.12"),
            (123_456_789, 0, "2024-02-29 12:30:45"),
            (0, 9, "2024-02-29 12:30:45"),
        ] {
            let (value, data_type) = ntz(nanos, scale);
            check(value, data_type, expected);
        }
        check(Value::Date(at(0).date()), Type::Date, "2024-02-29");
        check(
            Value::Date(NaiveDate::from_ymd_opt(12024, 1, 1).unwrap()),
            Type::Date,
            "12024-01-01",
        );
        check(Value::Time(at(500_000_000).time()), Type::Time { scale: 9 }, "12:30:45.5");
    }

    #[test]
    fn zones_are_written_behind_the_instant() {
        let ltz = Value::TimestampLtz(at(0).and_utc());
        check(ltz, Type::TimestampLtz { scale: 9 }, "2024-02-29 12:30:45 Z");
        for (seconds, expected) in [
            (5 * 3600 + 1800, "2024-02-29 18:00:45.1 +05:30"),
            (-1800, "2024-02-29 12:00:45.1 -00:30"),
            (0, "2024-02-29 12:30:45.1 +00:00"),
        ] {
            let zone = FixedOffset::east_opt(seconds).unwrap();
            let value = Value::TimestampTz(at(100_000_000).and_utc().with_timezone(&zone));
            check(value, Type::TimestampTz { scale: 3 }, expected);
        }
    }

    #[test]
    fn json_loses_its_indentation_and_nothing_else() {
        let json = "{\n  \"a b\": [ 1.10, \"c \\\" d\\\\\" ],\n  \"n\": undefined\n}";
        let expected = r#"{"a b":[1.10,"c \" d\\"],"n":undefined}"#;
        check(Value::Json(json.to_owned()), Type::Object, expected);
    }

    #[test]
    fn bytes_are_upper_case_and_truth_is_too() {
        check(Value::Binary(vec![0, 0xde, 0xad]), Type::Binary, "00DEAD");
        check(Value::Boolean(true), Type::Boolean, "TRUE");
        check(Value::Boolean(false), Type::Boolean, "FALSE");
    }

    #[test]
    fn every_type_has_its_letter() {
        let types = [
            Type::Number { precision: 10, scale: 0 },
            Type::Number { precision: 10, scale: 2 },
            Type::Float,
            Type::Text,
            Type::Boolean,
            Type::Date,
            Type::Time { scale: 9 },
            Type::TimestampNtz { scale: 9 },
            Type::TimestampLtz { scale: 9 },
            Type::TimestampTz { scale: 9 },
            Type::Variant,
            Type::Object,
            Type::Array,
            Type::Binary,
            Type::Other("vector".to_owned()),
        ];
        let letters: String = types.iter().map(Type::letter).collect();
        assert_eq!(letters, "IRRTBDMSSSVVVXT");
    }
}
