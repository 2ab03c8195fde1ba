//! VARIANT values as JSON text: reading, writing and unpacking them.

use super::convert::print_float;
use super::datum::Datum;
use super::decimal;
use super::kit::{Outcome, refuse};
use super::zone::Zone;
use crate::types::DataType;
use serde_json::Value;
use std::borrow::Cow;

/// Reads JSON text. Snowflake refuses with `100069`.
pub(super) fn read(text: &str) -> Outcome<Value> {
    serde_json::from_str(text).map_err(|error| {
        refuse(
            100_069,
            "22P02",
            format!("Error parsing JSON: {}, pos {}", describe(&error, text), error.column()),
        )
    })
}

fn describe(error: &serde_json::Error, text: &str) -> String {
    if error.is_eof() {
        return "incomplete value".to_owned();
    }
    let word: String = text
        .chars()
        .skip(error.column().saturating_sub(1))
        .take_while(|it| !it.is_whitespace())
        .take(20)
        .collect();
    format!("unknown keyword \"{word}\"")
}

/// What this layer itself wrote, read again.
pub(super) fn stored(text: &str) -> Outcome<Value> {
    read(text)
}

/// Compact text with the keys of objects in order, as Snowflake keeps them.
pub(super) fn write(value: &Value) -> String {
    let mut out = String::new();
    write_to(&mut out, value);
    out
}

fn write_to(out: &mut String, value: &Value) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                quote_to(out, key);
                out.push(':');
                write_to(out, value);
            }
            out.push('}');
        }
        Value::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_to(out, value);
            }
            out.push(']');
        }
        Value::String(text) => quote_to(out, text),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => out.push_str(&print_float(float)),
            _ => out.push_str(&number.to_string()),
        },
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Null => out.push_str("null"),
    }
}

fn quote_to(out: &mut String, text: &str) {
    out.push_str(&Value::String(text.to_owned()).to_string());
}

pub(super) fn quote(text: &str) -> String {
    let mut out = String::new();
    quote_to(&mut out, text);
    out
}

/// A value as JSON text. SQL's NULL is the caller's to treat: here it is `null`.
pub(super) fn of(datum: &Datum<'_>, zone: &Zone) -> Outcome<String> {
    Ok(match datum {
        Datum::Null => "null".to_owned(),
        Datum::Number(value, scale) => decimal::print_short(*value, *scale),
        Datum::Float(value) if value.is_finite() => print_float(*value),
        Datum::Boolean(value) => value.to_string(),
        Datum::Json(text) => text.clone().into_owned(),
        other => quote(&super::convert::to_text(other.clone(), zone)?),
    })
}

/// A JSON value as the SQL value it holds; objects and arrays stay JSON.
pub(super) fn scalar<'b>(text: &str) -> Outcome<Datum<'b>> {
    // Numbers are read from the text itself: a double would lose digits.
    if let decimal::Parsed::Value(value, scale) = decimal::parse(text, None)
        && !text.contains(['e', 'E'])
    {
        return Ok(Datum::Number(value, scale));
    }
    Ok(unpack(&stored(text)?))
}

pub(super) fn unpack<'b>(value: &Value) -> Datum<'b> {
    match value {
        Value::Null => Datum::Null,
        Value::Bool(it) => Datum::Boolean(*it),
        Value::String(it) => Datum::Text(Cow::Owned(it.clone())),
        Value::Number(it) => match it.as_i64() {
            Some(whole) => Datum::Number(i128::from(whole), 0),
            None => match decimal::parse(&it.to_string(), None) {
                decimal::Parsed::Value(value, scale) if !it.to_string().contains(['e', 'E']) => {
                    Datum::Number(value, scale)
                }
                _ => Datum::Float(it.as_f64().unwrap_or(f64::NAN)),
            },
        },
        other => Datum::Json(Cow::Owned(write(other))),
    }
}

/// A VARIANT as text: strings lose their quotes, the rest is printed as JSON.
pub(super) fn to_text(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.starts_with('"') {
        return text;
    }
    match serde_json::from_str::<String>(&text) {
        Ok(inner) => Cow::Owned(inner),
        Err(_) => text,
    }
}

/// Accepts JSON text as OBJECT or ARRAY.
pub(super) fn require<'a>(text: Cow<'a, str>, target: &DataType) -> Outcome<Datum<'a>> {
    let opening = match target {
        DataType::Object => '{',
        DataType::Array => '[',
        _ => return Ok(Datum::Json(text)),
    };
    if text.starts_with(opening) {
        return Ok(Datum::Json(text));
    }
    match (text.as_ref(), target) {
        ("null", _) => Ok(Datum::Null),
        // A scalar becomes an array of one, as with `TO_ARRAY`.
        (_, DataType::Array) => Ok(Datum::Json(format!("[{text}]").into())),
        _ => Err(refuse(
            100_071,
            "22000",
            format!("Failed to cast variant value {text} to {target}"),
        )),
    }
}
