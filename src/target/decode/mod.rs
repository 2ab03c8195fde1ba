//! Replies to typed values.
//!
//! Snowflake encodes a cell in two unrelated ways, Arrow and text in JSON, and describes it in a
//! third, the row type. What is here turns all of them into [`Value`]s, and gives the cause where
//! it cannot. It knows nothing of HTTP, chunks or statements.
//!
//! The row type decides a column's type, since the Arrow layout does not: the same NUMBER column
//! is `int8` in one chunk and `decimal128` in the next, by the values in each.

mod arrow;
mod instant;
mod json;

pub use arrow::{Streams, arrow_rows};
pub use json::json_rows;

use super::{Column, Type};
use serde::{Deserialize, Deserializer};

/// A cell that is not what its column says, and where. Never the server's refusal: what came is
/// no reply that Snowflake would give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("row {row}, column `{column}`: {what}")]
    Cell { row: usize, column: String, what: String },
    #[error("column `{column}`: {what}")]
    Column { column: String, what: String },
    #[error("{what}")]
    Shape { what: String },
}

impl Malformed {
    fn cell(row: usize, column: &Column, what: impl Into<String>) -> Self {
        Self::Cell { row: row + 1, column: column.name.clone(), what: what.into() }
    }

    fn shape(what: impl Into<String>) -> Self {
        Self::Shape { what: what.into() }
    }
}

/// One entry of a reply's `rowtype`.
///
/// Lenient: whatever is missing or of another shape becomes its default, so that a column this
/// harness does not fully understand does not cost the whole reply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RowType {
    #[serde(deserialize_with = "lenient")]
    pub name: String,
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub type_name: String,
    #[serde(deserialize_with = "lenient")]
    pub precision: Option<u8>,
    #[serde(deserialize_with = "lenient")]
    pub scale: Option<u8>,
    #[serde(deserialize_with = "lenient")]
    pub nullable: bool,
    /// The real type where it travels as another one: GEOGRAPHY as OBJECT.
    #[serde(deserialize_with = "lenient")]
    pub ext_type_name: Option<String>,
}

/// A value, or its default where it is of another shape.
fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned + Default,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

impl RowType {
    pub fn column(&self) -> Column {
        Column { name: self.name.clone(), data_type: self.data_type(), nullable: self.nullable }
    }

    fn data_type(&self) -> Type {
        if let Some(name) = self.ext_type_name.as_deref().filter(|it| !it.is_empty()) {
            return Type::Other(name.to_ascii_lowercase());
        }
        // More decimals than nanoseconds have would overflow below; the server has no such type.
        let decimals = self.scale.unwrap_or(9).min(9);
        match self.type_name.to_ascii_lowercase().as_str() {
            "fixed" => Type::Number {
                precision: self.precision.unwrap_or(38),
                scale: self.scale.unwrap_or(0),
            },
            "real" => Type::Float,
            "text" => Type::Text,
            "boolean" => Type::Boolean,
            "date" => Type::Date,
            "time" => Type::Time { scale: decimals },
            "timestamp_ntz" => Type::TimestampNtz { scale: decimals },
            "timestamp_ltz" => Type::TimestampLtz { scale: decimals },
            "timestamp_tz" => Type::TimestampTz { scale: decimals },
            "variant" => Type::Variant,
            "object" => Type::Object,
            "array" => Type::Array,
            "binary" => Type::Binary,
            other => Type::Other(other.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
