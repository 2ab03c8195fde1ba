//! Cells of a `rowset`: text, whatever the type.

use super::{Malformed, instant};
use crate::target::{Column, Type, Value};
use serde_json::Value as Json;

/// Decodes rows of a `rowset`. `first_row` is the number of the first of them in the result,
/// from 0, for messages.
pub fn json_rows(
    columns: &[Column],
    rows: Vec<Json>,
    first_row: usize,
) -> Result<Vec<Vec<Value>>, Malformed> {
    let row = |(number, row): (usize, Json)| {
        let number = first_row + number;
        let Json::Array(cells) = row else {
            return Err(Malformed::shape(format!("row {} is no array of cells", number + 1)));
        };
        if cells.len() != columns.len() {
            let (found, expected) = (cells.len(), columns.len());
            let what = format!("row {} has {found} cells for {expected} columns", number + 1);
            return Err(Malformed::shape(what));
        }
        let cell = |(column, cell): (&Column, Json)| {
            value(&column.data_type, cell).map_err(|it| Malformed::cell(number, column, it))
        };
        columns.iter().zip(cells).map(cell).collect()
    };
    rows.into_iter().enumerate().map(row).collect()
}

fn value(data_type: &Type, cell: Json) -> Result<Value, String> {
    let text = match cell {
        Json::Null => return Ok(Value::Null),
        Json::String(text) => text,
        // The real server quotes everything. Others are known to send bare numbers and booleans.
        bare => bare.to_string(),
    };
    let decoded = match data_type {
        Type::Number { scale, .. } => number(&text, *scale),
        Type::Float => text.parse().ok().map(Value::Float),
        Type::Boolean => match text.to_ascii_lowercase().as_str() {
            "1" | "true" => Some(Value::Boolean(true)),
            "0" | "false" => Some(Value::Boolean(false)),
            _ => None,
        },
        Type::Date => text.parse().ok().and_then(instant::date).map(Value::Date),
        Type::Time { .. } => nanos(&text).and_then(instant::time_of_day).map(Value::Time),
        Type::TimestampNtz { .. } => {
            nanos(&text).and_then(instant::instant).map(|it| Value::TimestampNtz(it.naive_utc()))
        }
        Type::TimestampLtz { .. } => {
            nanos(&text).and_then(instant::instant).map(Value::TimestampLtz)
        }
        Type::TimestampTz { .. } => zoned(&text),
        Type::Binary => bytes(&text).map(Value::Binary),
        Type::Variant | Type::Object | Type::Array => return Ok(Value::Json(text)),
        Type::Text | Type::Other(_) => return Ok(Value::Text(text)),
    };
    decoded.ok_or_else(|| {
        let shown: String = text.chars().take(60).collect();
        format!("`{shown}` is no {}", name(data_type))
    })
}

fn number(text: &str, scale: u8) -> Option<Value> {
    let (digits, decimals) = instant::decimal(text)?;
    // Decimals beyond the column's are kept: dropping them could hide a wrong answer.
    match scale.checked_sub(decimals) {
        None => Some(Value::Number { digits, scale: decimals }),
        Some(missing) => {
            let digits = digits.checked_mul(10_i128.checked_pow(u32::from(missing))?)?;
            Some(Value::Number { digits, scale })
        }
    }
}

fn nanos(text: &str) -> Option<i128> {
    let (count, decimals) = instant::decimal(text)?;
    instant::nanos(count, decimals)
}

/// `1709212245.123 1770`: seconds, and minutes east of UTC plus 1440.
fn zoned(text: &str) -> Option<Value> {
    let (seconds, zone) = text.split_once(' ')?;
    instant::zoned(nanos(seconds)?, zone.parse().ok()?).map(Value::TimestampTz)
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |it: u8| char::from(it).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? * 16 + digit(*low)?);
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

/// What a column of this type holds, for messages.
pub fn name(data_type: &Type) -> &'static str {
    match data_type {
        Type::Number { .. } => "NUMBER",
        Type::Float => "FLOAT",
        Type::Text => "TEXT",
        Type::Boolean => "BOOLEAN",
        Type::Date => "DATE",
        Type::Time { .. } => "TIME",
        Type::TimestampNtz { .. } => "TIMESTAMP_NTZ",
        Type::TimestampLtz { .. } => "TIMESTAMP_LTZ",
        Type::TimestampTz { .. } => "TIMESTAMP_TZ",
        Type::Variant => "VARIANT",
        Type::Object => "OBJECT",
        Type::Array => "ARRAY",
        Type::Binary => "BINARY",
        Type::Other(_) => "known type",
    }
}
