//! A column as replies describe it.

use crate::types::{BINARY_LENGTH_MAX, Column, DataType, TEXT_LENGTH_MAX};
use serde::Serialize;

/// One entry of `rowtype`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RowType<'a> {
    pub name: &'a str,
    pub database: &'a str,
    pub schema: &'a str,
    pub table: &'a str,
    #[serde(rename = "type")]
    pub type_name: &'static str,
    pub nullable: bool,
    pub byte_length: Option<u32>,
    /// Characters of text, bytes of binary.
    pub length: Option<u32>,
    pub scale: Option<u8>,
    pub precision: Option<u8>,
    pub collation: Option<&'a str>,
}

impl<'a> RowType<'a> {
    pub fn new(column: &'a Column) -> Self {
        let (type_name, precision, scale) = match &column.data_type {
            DataType::Number { precision, scale } => {
                ("fixed", Some(*precision), Some((*scale).clamp(0, 37) as u8))
            }
            DataType::Float => ("real", None, None),
            DataType::Text { .. } => ("text", None, None),
            DataType::Boolean => ("boolean", None, None),
            DataType::Date => ("date", None, None),
            DataType::Time { scale } => ("time", Some(0), Some(*scale)),
            DataType::TimestampNtz { scale } => ("timestamp_ntz", Some(0), Some(*scale)),
            DataType::TimestampLtz { scale } => ("timestamp_ltz", Some(0), Some(*scale)),
            DataType::TimestampTz { scale } => ("timestamp_tz", Some(0), Some(*scale)),
            DataType::Variant => ("variant", None, None),
            DataType::Object => ("object", None, None),
            DataType::Array => ("array", None, None),
            DataType::Binary { .. } => ("binary", None, None),
        };
        let (length, byte_length) = match &column.data_type {
            // Four bytes a character, up to the size of the largest value.
            DataType::Text { length } => {
                (Some(*length), Some(length.saturating_mul(4).min(TEXT_LENGTH_MAX)))
            }
            DataType::Binary { length } => {
                let length = (*length).min(BINARY_LENGTH_MAX);
                (Some(length), Some(length))
            }
            _ => (None, None),
        };
        Self {
            name: &column.name,
            database: "",
            schema: "",
            table: "",
            type_name,
            nullable: column.nullable,
            byte_length,
            length,
            scale,
            precision,
            collation: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(data_type: &str, expected: &str) {
        let data_type = DataType::parse(data_type).expect("a type");
        let column = Column { name: "C".to_owned(), data_type, nullable: true };
        let entry = serde_json::to_value(RowType::new(&column)).expect("a JSON object");
        let seen = ["type", "precision", "scale", "length", "byteLength"]
            .map(|key| entry[key].to_string().replace('"', ""))
            .join(" ");
        assert_eq!(seen, expected);
    }

    #[test]
    fn each_type_fills_the_fields_that_drivers_require_of_it() {
        check("NUMBER(10,2)", "fixed 10 2 null null");
        check("FLOAT", "real null null null null");
        check("VARCHAR", "text null null 16777216 16777216");
        check("VARCHAR(10)", "text null null 10 40");
        check("BINARY", "binary null null 8388608 8388608");
        check("TIME(3)", "time 0 3 null null");
        check("TIMESTAMP_TZ", "timestamp_tz 0 9 null null");
        check("VARIANT", "variant null null null null");
    }
}
