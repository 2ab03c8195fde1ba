//! Columns of a result in one form per type, whatever Arrow form the engine left them in.
//!
//! Both encodings start from here, so a width or a view array that only one of them knows cannot
//! exist. Nothing here knows how a value is written.

use crate::{
    error::SqlError,
    types::{Column, DataType, ResultSet},
};
use arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array,
        Float64Array, Int32Array, Int64Array, StringArray, Time64NanosecondArray,
        TimestampNanosecondArray,
    },
    buffer::NullBuffer,
    compute::{CastOptions, cast_with_options},
    datatypes::{
        DataType as Arrow, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type,
        Time64NanosecondType, TimeUnit, TimestampNanosecondType,
    },
};

/// The values of one column in one batch.
pub enum Cells {
    /// Whole numbers; the column's scale is 0.
    Integer(Int64Array),
    /// Unscaled values at the column's scale.
    Decimal(Decimal128Array),
    Float(Float64Array),
    Text(StringArray),
    /// JSON text of VARIANT, OBJECT, ARRAY, as the engine keeps it.
    Json(StringArray),
    Boolean(BooleanArray),
    Date(Date32Array),
    Time(Time64NanosecondArray),
    Timestamp(TimestampNanosecondArray),
    Zoned {
        instant: TimestampNanosecondArray,
        offset_minutes: Int32Array,
        nulls: Option<NullBuffer>,
    },
    Binary(BinaryArray),
}

/// The rows of one record batch.
pub struct Batch {
    pub rows: usize,
    pub cells: Vec<Cells>,
}

/// A whole result, ready to be written.
pub struct Table<'a> {
    pub columns: &'a [Column],
    pub batches: Vec<Batch>,
}

impl<'a> Table<'a> {
    /// Fails with `000603` if a batch does not hold what its columns say.
    pub fn new(result: &'a ResultSet) -> Result<Self, SqlError> {
        let batches = result
            .batches
            .iter()
            .filter(|batch| batch.num_rows() > 0)
            .map(|batch| {
                if batch.num_columns() != result.columns.len() {
                    return Err(SqlError::internal(format!(
                        "a batch of {} columns in a result of {}",
                        batch.num_columns(),
                        result.columns.len()
                    )));
                }
                let cells = batch
                    .columns()
                    .iter()
                    .zip(&result.columns)
                    .map(|(array, column)| Cells::new(array, &column.data_type))
                    .collect::<Result<_, _>>()?;
                Ok(Batch { rows: batch.num_rows(), cells })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { columns: &result.columns, batches })
    }

    pub fn row_count(&self) -> usize {
        self.batches.iter().map(|batch| batch.rows).sum()
    }
}

impl Cells {
    fn new(array: &ArrayRef, data_type: &DataType) -> Result<Self, SqlError> {
        let utc = || Arrow::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        Ok(match data_type {
            DataType::Number { scale, .. } => return number(array, *scale),
            DataType::Float => {
                Self::Float(to(array, &Arrow::Float64)?.as_primitive::<Float64Type>().clone())
            }
            DataType::Text { .. } => {
                Self::Text(to(array, &Arrow::Utf8)?.as_string::<i32>().clone())
            }
            DataType::Variant | DataType::Object | DataType::Array => {
                Self::Json(to(array, &Arrow::Utf8)?.as_string::<i32>().clone())
            }
            DataType::Boolean => Self::Boolean(to(array, &Arrow::Boolean)?.as_boolean().clone()),
            DataType::Date => {
                Self::Date(to(array, &Arrow::Date32)?.as_primitive::<Date32Type>().clone())
            }
            DataType::Time { .. } => Self::Time(
                to(array, &Arrow::Time64(TimeUnit::Nanosecond))?
                    .as_primitive::<Time64NanosecondType>()
                    .clone(),
            ),
            DataType::TimestampNtz { .. } => Self::Timestamp(
                to(array, &Arrow::Timestamp(TimeUnit::Nanosecond, None))?
                    .as_primitive::<TimestampNanosecondType>()
                    .clone(),
            ),
            DataType::TimestampLtz { .. } => Self::Timestamp(
                to(array, &utc())?.as_primitive::<TimestampNanosecondType>().clone(),
            ),
            DataType::TimestampTz { .. } => return zoned(array, &utc()),
            DataType::Binary { .. } => {
                Self::Binary(to(array, &Arrow::Binary)?.as_binary::<i32>().clone())
            }
        })
    }

    pub fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Integer(it) => it.is_null(row),
            Self::Decimal(it) => it.is_null(row),
            Self::Float(it) => it.is_null(row),
            Self::Text(it) | Self::Json(it) => it.is_null(row),
            Self::Boolean(it) => it.is_null(row),
            Self::Date(it) => it.is_null(row),
            Self::Time(it) => it.is_null(row),
            Self::Timestamp(it) => it.is_null(row),
            Self::Zoned { nulls, .. } => nulls.as_ref().is_some_and(|it| it.is_null(row)),
            Self::Binary(it) => it.is_null(row),
        }
    }
}

fn number(array: &ArrayRef, scale: i8) -> Result<Cells, SqlError> {
    let scale = scale.clamp(0, 37);
    let small = matches!(
        array.data_type(),
        Arrow::Int8
            | Arrow::Int16
            | Arrow::Int32
            | Arrow::Int64
            | Arrow::UInt8
            | Arrow::UInt16
            | Arrow::UInt32
    );
    if small && scale == 0 {
        return Ok(Cells::Integer(to(array, &Arrow::Int64)?.as_primitive::<Int64Type>().clone()));
    }
    let decimal = match array.data_type() {
        Arrow::Decimal128(_, held) if *held == scale => array.clone(),
        _ => to(array, &Arrow::Decimal128(38, scale))?,
    };
    Ok(Cells::Decimal(decimal.as_primitive::<Decimal128Type>().clone()))
}

fn zoned(array: &ArrayRef, utc: &Arrow) -> Result<Cells, SqlError> {
    if array.data_type() == &Arrow::Null {
        let instant = to(array, utc)?.as_primitive::<TimestampNanosecondType>().clone();
        let offset_minutes = to(array, &Arrow::Int32)?.as_primitive::<Int32Type>().clone();
        let nulls = instant.nulls().cloned();
        return Ok(Cells::Zoned { instant, offset_minutes, nulls });
    }
    let parts = array.as_struct_opt().filter(|it| it.num_columns() == 2).ok_or_else(|| {
        SqlError::internal(format!("TIMESTAMP_TZ held as Arrow's {}", array.data_type()))
    })?;
    let instant = to(parts.column(0), utc)?.as_primitive::<TimestampNanosecondType>().clone();
    let offset_minutes = to(parts.column(1), &Arrow::Int32)?.as_primitive::<Int32Type>().clone();
    let nulls = NullBuffer::union(parts.nulls(), instant.nulls());
    let nulls = NullBuffer::union(nulls.as_ref(), offset_minutes.nulls());
    Ok(Cells::Zoned { instant, offset_minutes, nulls })
}

/// `array` as Arrow's `wanted`. A value that does not fit is an error, not a NULL.
fn to(array: &ArrayRef, wanted: &Arrow) -> Result<ArrayRef, SqlError> {
    if array.data_type() == wanted {
        return Ok(array.clone());
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, wanted, &options)
        .map_err(|cause| SqlError::internal(format!("a result column is not {wanted}: {cause}")))
}
