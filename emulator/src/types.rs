//! Snowflake's types and how the engine holds them in Arrow.

use crate::error::SqlError;
use arrow::{array::RecordBatch, datatypes::Field};

/// A column's type as Snowflake names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// Held as `Decimal128(precision, scale)`; an engine result may also hold it as any Arrow
    /// integer (`precision` 38 then, scale 0).
    Number {
        precision: u8,
        scale: i8,
    },
    /// `Float64`.
    Float,
    /// `Utf8`. `length` in characters, 16777216 where none was given.
    Text {
        length: u32,
    },
    Boolean,
    /// `Date32`.
    Date,
    /// `Time64(Nanosecond)`.
    Time {
        scale: u8,
    },
    /// `Timestamp(Nanosecond, None)`.
    TimestampNtz {
        scale: u8,
    },
    /// `Timestamp(Nanosecond, "UTC")`.
    TimestampLtz {
        scale: u8,
    },
    /// `Struct { instant: Timestamp(Nanosecond, "UTC"), offset_minutes: Int32 }`.
    TimestampTz {
        scale: u8,
    },
    /// `Utf8` holding JSON text. Told from text by [`TYPE_KEY`].
    Variant,
    Object,
    Array,
    /// `Binary`.
    Binary {
        length: u32,
    },
}

/// Arrow field metadata that carries a [`DataType`] where Arrow's own type does not say it:
/// `VARIANT`, `OBJECT`, `ARRAY`, `NUMBER(p,s)`, `VARCHAR(n)`, `TIMESTAMP_TZ(s)`, …
pub const TYPE_KEY: &str = "snowflake.type";

/// `VARCHAR` without a length.
pub const TEXT_LENGTH_MAX: u32 = 16_777_216;
pub const BINARY_LENGTH_MAX: u32 = 8_388_608;

/// A column of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// As the client sees it; names may repeat within one result.
    pub name: String,
    pub data_type: DataType,
    pub nullable: bool,
}

/// Rows, with Snowflake's own column descriptions beside the Arrow data.
#[derive(Clone, Debug)]
pub struct ResultSet {
    pub columns: Vec<Column>,
    /// Arrow as [`DataType`] says. Arrow's field names are not used.
    pub batches: Vec<RecordBatch>,
}

impl ResultSet {
    pub fn row_count(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

impl DataType {
    /// The type of an Arrow field as it stands in an engine schema or result.
    pub fn of(field: &Field) -> Result<Self, SqlError> {
        use arrow::datatypes::{DataType as Arrow, TimeUnit};
        if let Some(text) = field.metadata().get(TYPE_KEY) {
            let named = Self::parse(text)?;
            let whole = matches!(named, Self::Number { scale: 0, .. });
            // The engine hands on the metadata of one operand where it has made another type.
            if named.to_arrow() == *field.data_type() || whole && field.data_type().is_integer() {
                return Ok(named);
            }
        }
        Ok(match field.data_type() {
            Arrow::Int8 | Arrow::Int16 | Arrow::Int32 | Arrow::Int64 => {
                Self::Number { precision: 38, scale: 0 }
            }
            Arrow::UInt8 | Arrow::UInt16 | Arrow::UInt32 | Arrow::UInt64 => {
                Self::Number { precision: 38, scale: 0 }
            }
            Arrow::Decimal128(precision, scale) => {
                Self::Number { precision: *precision, scale: *scale }
            }
            Arrow::Float16 | Arrow::Float32 | Arrow::Float64 => Self::Float,
            Arrow::Utf8 | Arrow::LargeUtf8 | Arrow::Utf8View | Arrow::Null => {
                Self::Text { length: TEXT_LENGTH_MAX }
            }
            Arrow::Boolean => Self::Boolean,
            Arrow::Date32 | Arrow::Date64 => Self::Date,
            Arrow::Time32(_) | Arrow::Time64(_) => Self::Time { scale: 9 },
            Arrow::Timestamp(TimeUnit::Nanosecond, None) => Self::TimestampNtz { scale: 9 },
            Arrow::Timestamp(TimeUnit::Nanosecond, Some(_)) => Self::TimestampLtz { scale: 9 },
            Arrow::Binary | Arrow::LargeBinary | Arrow::BinaryView => {
                Self::Binary { length: BINARY_LENGTH_MAX }
            }
            Arrow::Struct(fields) if fields.len() == 2 && fields[0].name() == "instant" => {
                Self::TimestampTz { scale: 9 }
            }
            other => {
                return Err(SqlError::internal(format!("no Snowflake type for Arrow's {other}")));
            }
        })
    }

    /// The Arrow type that holds it.
    pub fn to_arrow(&self) -> arrow::datatypes::DataType {
        use arrow::datatypes::{DataType as Arrow, Fields, TimeUnit};
        match self {
            Self::Number { precision, scale } => Arrow::Decimal128(*precision, *scale),
            Self::Float => Arrow::Float64,
            Self::Text { .. } | Self::Variant | Self::Object | Self::Array => Arrow::Utf8,
            Self::Boolean => Arrow::Boolean,
            Self::Date => Arrow::Date32,
            Self::Time { .. } => Arrow::Time64(TimeUnit::Nanosecond),
            Self::TimestampNtz { .. } => Arrow::Timestamp(TimeUnit::Nanosecond, None),
            Self::TimestampLtz { .. } => Arrow::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            Self::TimestampTz { .. } => Arrow::Struct(Fields::from(vec![
                Field::new(
                    "instant",
                    Arrow::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
                    true,
                ),
                Field::new("offset_minutes", Arrow::Int32, true),
            ])),
            Self::Binary { .. } => Arrow::Binary,
        }
    }

    /// The Arrow field of a column, with [`TYPE_KEY`] set.
    pub fn to_field(&self, name: &str, nullable: bool) -> Field {
        Field::new(name, self.to_arrow(), nullable)
            .with_metadata([(TYPE_KEY.to_owned(), self.to_string())].into())
    }

    /// Parses what `Display` prints, and Snowflake's other names for the same types (`INT`,
    /// `STRING`, `DATETIME`, …).
    pub fn parse(text: &str) -> Result<Self, SqlError> {
        let (word, arguments) = match text.split_once('(') {
            Some((word, rest)) => (word.trim(), rest.trim_end().trim_end_matches(')')),
            None => (text.trim(), ""),
        };
        let unsupported = || {
            SqlError::new(
                2040,
                "42601",
                format!("SQL compilation error:\nUnsupported data type '{text}'."),
            )
        };
        let numbers: Vec<u32> = arguments
            .split(',')
            .map(str::trim)
            .filter(|it| !it.is_empty())
            .map(|it| it.parse().map_err(|_| unsupported()))
            .collect::<Result<_, _>>()?;
        let first = numbers.first().copied();
        let scale = || first.map_or(9, |it| it.min(9) as u8);
        Ok(match word.to_ascii_uppercase().as_str() {
            "NUMBER" | "DECIMAL" | "NUMERIC" | "DEC" => Self::Number {
                precision: first.unwrap_or(38).min(38) as u8,
                scale: numbers.get(1).copied().unwrap_or(0).min(37) as i8,
            },
            "INT" | "INTEGER" | "BIGINT" | "SMALLINT" | "TINYINT" | "BYTEINT" => {
                Self::Number { precision: 38, scale: 0 }
            }
            "FLOAT" | "FLOAT4" | "FLOAT8" | "DOUBLE" | "DOUBLE PRECISION" | "REAL" => Self::Float,
            "VARCHAR" | "TEXT" | "STRING" | "NVARCHAR" | "NVARCHAR2" | "CHARACTER VARYING" => {
                Self::Text { length: first.unwrap_or(TEXT_LENGTH_MAX) }
            }
            "CHAR" | "CHARACTER" | "NCHAR" => Self::Text { length: first.unwrap_or(1) },
            "BOOLEAN" | "BOOL" => Self::Boolean,
            "DATE" => Self::Date,
            "TIME" => Self::Time { scale: scale() },
            "TIMESTAMP"
            | "TIMESTAMP_NTZ"
            | "TIMESTAMPNTZ"
            | "DATETIME"
            | "TIMESTAMP WITHOUT TIME ZONE" => Self::TimestampNtz { scale: scale() },
            "TIMESTAMP_LTZ" | "TIMESTAMPLTZ" | "TIMESTAMP WITH LOCAL TIME ZONE" => {
                Self::TimestampLtz { scale: scale() }
            }
            "TIMESTAMP_TZ" | "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" => {
                Self::TimestampTz { scale: scale() }
            }
            "VARIANT" => Self::Variant,
            "OBJECT" => Self::Object,
            "ARRAY" => Self::Array,
            "BINARY" | "VARBINARY" => Self::Binary { length: first.unwrap_or(BINARY_LENGTH_MAX) },
            _ => return Err(unsupported()),
        })
    }
}

/// As `DESCRIBE TABLE` prints it: `NUMBER(38,0)`, `VARCHAR(16777216)`, `TIMESTAMP_NTZ(9)`.
impl std::fmt::Display for DataType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number { precision, scale } => write!(f, "NUMBER({precision},{scale})"),
            Self::Float => f.write_str("FLOAT"),
            Self::Text { length } => write!(f, "VARCHAR({length})"),
            Self::Boolean => f.write_str("BOOLEAN"),
            Self::Date => f.write_str("DATE"),
            Self::Time { scale } => write!(f, "TIME({scale})"),
            Self::TimestampNtz { scale } => write!(f, "TIMESTAMP_NTZ({scale})"),
            Self::TimestampLtz { scale } => write!(f, "TIMESTAMP_LTZ({scale})"),
            Self::TimestampTz { scale } => write!(f, "TIMESTAMP_TZ({scale})"),
            Self::Variant => f.write_str("VARIANT"),
            Self::Object => f.write_str("OBJECT"),
            Self::Array => f.write_str("ARRAY"),
            Self::Binary { length } => write!(f, "BINARY({length})"),
        }
    }
}

/// What a column holds: a definition in `CREATE TABLE`.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDefinition {
    pub name: String,
    pub data_type: DataType,
    pub nullable: bool,
    /// SQL text of `DEFAULT`.
    pub default: Option<String>,
    pub comment: Option<String>,
}
