//! Rows as JSON: arrays of strings and nulls, never JSON numbers or booleans.

use super::{
    column::{Cells, Table},
    encode::Part,
    indent::indent,
};
use crate::types::DataType;
use arrow::array::{Array, Decimal128Array};
use std::fmt::Write as _;

/// Writes all rows, cut into parts of about `part_bytes` each; a row is never split.
///
/// A part is `["1","a"],["2",null]`, with no brackets around it: the first goes into the reply
/// between brackets, the others are chunks as they are. There is always a first part.
pub fn encode(table: &Table, part_bytes: usize, json_indent: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut current = Part::default();
    let mut scratch = String::new();
    for batch in &table.batches {
        for row in 0..batch.rows {
            if current.rows > 0 {
                if current.bytes.len() >= part_bytes {
                    parts.push(std::mem::take(&mut current));
                } else {
                    current.bytes.push(b',');
                }
            }
            let out = &mut current.bytes;
            out.push(b'[');
            for (index, (cells, column)) in batch.cells.iter().zip(table.columns).enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                if cells.is_null(row) {
                    out.extend_from_slice(b"null");
                    continue;
                }
                match cells {
                    Cells::Text(it) => write_text(out, it.value(row)),
                    Cells::Json(it) => write_text(out, &indent(it.value(row), json_indent)),
                    _ => {
                        // Every other type prints only ASCII that JSON does not escape.
                        scratch.clear();
                        write_plain(&mut scratch, cells, &column.data_type, row);
                        out.push(b'"');
                        out.extend_from_slice(scratch.as_bytes());
                        out.push(b'"');
                    }
                }
            }
            out.push(b']');
            current.rows += 1;
        }
    }
    parts.push(current);
    parts
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(&mut *out, text).expect("a string is always JSON");
}

fn write_plain(out: &mut String, cells: &Cells, data_type: &DataType, row: usize) {
    let written = match cells {
        Cells::Integer(it) => write!(out, "{}", it.value(row)),
        Cells::Decimal(it) => {
            write_decimal(out, it.value(row), decimal_scale(it));
            Ok(())
        }
        Cells::Float(it) => {
            write_float(out, it.value(row));
            Ok(())
        }
        Cells::Boolean(it) => write!(out, "{}", u8::from(it.value(row))),
        Cells::Date(it) => write!(out, "{}", it.value(row)),
        Cells::Time(it) => {
            write_seconds(out, it.value(row), scale_of(data_type));
            Ok(())
        }
        Cells::Timestamp(it) => {
            write_seconds(out, it.value(row), scale_of(data_type));
            Ok(())
        }
        Cells::Zoned { instant, offset_minutes, .. } => {
            write_seconds(out, instant.value(row), scale_of(data_type));
            write!(out, " {}", offset_minutes.value(row) + super::arrow::OFFSET_ORIGIN)
        }
        Cells::Binary(it) => it.value(row).iter().try_for_each(|byte| write!(out, "{byte:02X}")),
        Cells::Text(it) | Cells::Json(it) => write!(out, "{}", it.value(row)),
    };
    written.expect("writing to a string does not fail");
}

/// Digits after the second of a time or timestamp type; 0 for others.
pub fn scale_of(data_type: &DataType) -> u8 {
    match data_type {
        DataType::Time { scale }
        | DataType::TimestampNtz { scale }
        | DataType::TimestampLtz { scale }
        | DataType::TimestampTz { scale } => (*scale).min(9),
        _ => 0,
    }
}

fn decimal_scale(array: &Decimal128Array) -> u32 {
    match array.data_type() {
        arrow::datatypes::DataType::Decimal128(_, scale) => (*scale).max(0) as u32,
        _ => 0,
    }
}

/// `unscaled` × 10^-`scale` with exactly `scale` decimals.
fn write_decimal(out: &mut String, unscaled: i128, scale: u32) {
    if unscaled < 0 {
        out.push('-');
    }
    let digits = unscaled.unsigned_abs();
    let unit = 10u128.pow(scale.min(38));
    let _ = write!(out, "{}", digits / unit);
    if scale > 0 {
        let _ = write!(out, ".{:0width$}", digits % unit, width = scale as usize);
    }
}

/// Nanoseconds as seconds with exactly `scale` decimals, cut towards the past.
fn write_seconds(out: &mut String, nanoseconds: i64, scale: u8) {
    let unit = 10i64.pow(u32::from(9 - scale.min(9)));
    write_decimal(out, i128::from(nanoseconds.div_euclid(unit)), u32::from(scale));
}

fn write_float(out: &mut String, value: f64) {
    let _ = if value.is_nan() {
        out.write_str("NaN")
    } else if value.is_infinite() {
        out.write_str(if value > 0.0 { "inf" } else { "-inf" })
    } else if value == 0.0 || (1e-5..1e15).contains(&value.abs()) {
        write!(out, "{value}")
    } else {
        write!(out, "{value:e}")
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples;

    #[track_caller]
    fn check(result: &crate::types::ResultSet, expected: &str) {
        let table = Table::new(result).expect("the result holds what its columns say");
        let parts = encode(&table, usize::MAX, 2);
        assert_eq!(parts.len(), 1);
        let rows = std::str::from_utf8(&parts[0].bytes).expect("JSON is UTF-8");
        assert_eq!(format!("[{rows}]"), expected);
    }

    #[test]
    fn every_type_is_written_as_a_string_and_null_as_null() {
        check(
            &samples::every_type(),
            concat!(
                r#"[["7","-1.50","123456789012345678901","1.25","a\"b","{\n  \"a\": [\n    1\n  ]\n}","1","#,
                r#""19782","3661.123456789","1709212245.123","-0.500000000","1709212245.123 1770","DEAD"],"#,
                r#"[null,null,null,null,null,null,null,null,null,null,null,null,null]]"#
            ),
        );
    }

    #[test]
    fn no_rows_are_an_empty_array() {
        let mut result = samples::every_type();
        result.batches.clear();
        check(&result, "[]");
    }

    #[test]
    fn floats_are_short_and_have_names_for_what_is_not_a_number() {
        let cases = [
            (1.0, "1"),
            (-0.1, "-0.1"),
            (1e300, "1e300"),
            (1.5e-7, "1.5e-7"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
            (123456789.25, "123456789.25"),
        ];
        for (value, expected) in cases {
            let mut out = String::new();
            write_float(&mut out, value);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn decimals_and_seconds_have_as_many_decimals_as_their_scale() {
        let cases = [
            (-5_i128, 2, "-0.05"),
            (150, 2, "1.50"),
            (0, 3, "0.000"),
            (i128::MIN, 0, "-170141183460469231731687303715884105728"),
            (1, 37, "0.0000000000000000000000000000000000001"),
        ];
        for (unscaled, scale, expected) in cases {
            let mut out = String::new();
            write_decimal(&mut out, unscaled, scale);
            assert_eq!(out, expected);
        }
        let mut out = String::new();
        write_seconds(&mut out, -1, 3);
        assert_eq!(out, "-0.001", "what is cut off goes towards the past");
    }

    #[test]
    fn parts_are_cut_between_rows_and_lose_none() {
        let result = samples::numbers(0..10);
        let table = Table::new(&result).expect("numbers");
        let parts = encode(&table, 10, 2);
        assert!(parts.len() > 2, "{} parts", parts.len());
        let joined: Vec<String> = parts
            .iter()
            .map(|it| String::from_utf8(it.bytes.clone()).expect("JSON is UTF-8"))
            .collect();
        let expected: Vec<String> = (0..10).map(|it| format!("[\"{it}\"]")).collect();
        assert_eq!(joined.join(","), expected.join(","));
        assert_eq!(parts.iter().map(|it| it.rows).sum::<usize>(), 10);
    }
}
