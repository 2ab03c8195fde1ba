//! Small results made by hand: `SHOW`, `DESCRIBE`, history functions.
//!
//! Not for query results, which come from the engine as Arrow already.

use crate::types::{Column, DataType, ResultSet, TEXT_LENGTH_MAX};
use arrow::{
    array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array,
        RecordBatch, StringArray, StructArray, Time64NanosecondArray, TimestampNanosecondArray,
    },
    datatypes::{DataType as Arrow, Schema, SchemaRef},
};
use chrono::{DateTime, NaiveDate, NaiveTime, Timelike, Utc};
use std::sync::Arc;

/// `VARCHAR(16777216)`.
pub const TEXT: DataType = DataType::Text { length: TEXT_LENGTH_MAX };
/// `NUMBER(38,0)`.
pub const NUMBER: DataType = DataType::Number { precision: 38, scale: 0 };
/// `TIMESTAMP_LTZ(3)`, what `SHOW` and the history functions have.
pub const INSTANT: DataType = DataType::TimestampLtz { scale: 3 };

/// One value of one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Null,
    /// Of a text column, or the JSON text of a `VARIANT`, `OBJECT` or `ARRAY` one.
    Text(String),
    /// Unscaled: `12.5` in a `NUMBER(10,2)` column is 1250.
    Number(i128),
    Float(f64),
    Boolean(bool),
    Date(NaiveDate),
    Time(NaiveTime),
    /// Of any of the timestamp types; in UTC where that type has no zone of its own.
    Instant(DateTime<Utc>),
}

/// Collects rows. Every column is nullable.
///
/// ```
/// use snowgauge_emulator::rows::{Builder, Cell, NUMBER, TEXT};
///
/// let result = Builder::new(&[("name", TEXT), ("rows", NUMBER)])
///     .push(vec!["ORDERS".into(), 3_u64.into()])
///     .push(vec!["EMPTY".into(), Cell::Null])
///     .finish();
/// assert_eq!(result.row_count(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    columns: Vec<Column>,
    /// By column, then by row.
    cells: Vec<Vec<Cell>>,
}

impl Builder {
    pub fn new(columns: &[(&str, DataType)]) -> Self {
        Self {
            columns: columns
                .iter()
                .map(|(name, data_type)| Column {
                    name: (*name).to_owned(),
                    data_type: data_type.clone(),
                    nullable: true,
                })
                .collect(),
            cells: vec![Vec::new(); columns.len()],
        }
    }

    /// Adds a row.
    ///
    /// # Panics
    ///
    /// If there are not as many cells as columns, or one is not of its column's type: both are
    /// mistakes of the caller's code, never of its input.
    #[track_caller]
    pub fn push(&mut self, row: Vec<Cell>) -> &mut Self {
        assert_eq!(row.len(), self.columns.len(), "a row has one cell per column");
        for ((cell, column), cells) in row.into_iter().zip(&self.columns).zip(&mut self.cells) {
            assert!(
                cell.fits(&column.data_type),
                "{cell:?} in column {} of type {}",
                column.name,
                column.data_type
            );
            cells.push(cell);
        }
        self
    }

    /// Arrow's view of the columns, named as they are.
    pub fn schema(&self) -> SchemaRef {
        let fields: Vec<_> =
            self.columns.iter().map(|it| it.data_type.to_field(&it.name, it.nullable)).collect();
        Arc::new(Schema::new(fields))
    }

    /// The rows so far as one batch, which may be empty.
    pub fn record_batch(&self) -> RecordBatch {
        let arrays =
            self.columns.iter().zip(&self.cells).map(|(it, cells)| array(&it.data_type, cells));
        RecordBatch::try_new(self.schema(), arrays.collect())
            .expect("every array is built from its column's type, and all have one cell per row")
    }

    /// The rows so far as a result.
    pub fn finish(&self) -> ResultSet {
        ResultSet { columns: self.columns.clone(), batches: vec![self.record_batch()] }
    }
}

impl Cell {
    fn fits(&self, data_type: &DataType) -> bool {
        match self {
            Self::Null => !matches!(data_type, DataType::Binary { .. }),
            Self::Text(_) => matches!(
                data_type,
                DataType::Text { .. } | DataType::Variant | DataType::Object | DataType::Array
            ),
            Self::Number(_) => matches!(data_type, DataType::Number { .. }),
            Self::Float(_) => matches!(data_type, DataType::Float),
            Self::Boolean(_) => matches!(data_type, DataType::Boolean),
            Self::Date(_) => matches!(data_type, DataType::Date),
            Self::Time(_) => matches!(data_type, DataType::Time { .. }),
            Self::Instant(_) => matches!(
                data_type,
                DataType::TimestampNtz { .. }
                    | DataType::TimestampLtz { .. }
                    | DataType::TimestampTz { .. }
            ),
        }
    }
}

fn array(data_type: &DataType, cells: &[Cell]) -> ArrayRef {
    let instants = || {
        cells.iter().map(|it| match it {
            Cell::Instant(it) => it.timestamp_nanos_opt(),
            _ => None,
        })
    };
    match data_type {
        DataType::Number { precision, scale } => {
            let values = cells.iter().map(|it| match it {
                Cell::Number(it) => Some(*it),
                _ => None,
            });
            let numbers: Decimal128Array = values.collect();
            Arc::new(numbers.with_data_type(Arrow::Decimal128(*precision, *scale)))
        }
        DataType::Float => {
            let values = cells.iter().map(|it| match it {
                Cell::Float(it) => Some(*it),
                _ => None,
            });
            Arc::new(values.collect::<Float64Array>())
        }
        DataType::Boolean => {
            let values = cells.iter().map(|it| match it {
                Cell::Boolean(it) => Some(*it),
                _ => None,
            });
            Arc::new(values.collect::<BooleanArray>())
        }
        DataType::Date => {
            let days = cells.iter().map(|it| match it {
                Cell::Date(it) => {
                    i32::try_from(it.signed_duration_since(NaiveDate::default()).num_days()).ok()
                }
                _ => None,
            });
            Arc::new(days.collect::<Date32Array>())
        }
        DataType::Time { .. } => {
            let nanos = cells.iter().map(|it| match it {
                Cell::Time(it) => Some(
                    i64::from(it.num_seconds_from_midnight()) * 1_000_000_000
                        + i64::from(it.nanosecond()),
                ),
                _ => None,
            });
            Arc::new(nanos.collect::<Time64NanosecondArray>())
        }
        DataType::TimestampNtz { .. } => Arc::new(instants().collect::<TimestampNanosecondArray>()),
        DataType::TimestampLtz { .. } => {
            Arc::new(instants().collect::<TimestampNanosecondArray>().with_timezone("UTC"))
        }
        DataType::TimestampTz { .. } => {
            let Arrow::Struct(fields) = data_type.to_arrow() else {
                unreachable!("a timestamp with a zone is a struct, see `DataType::to_arrow`")
            };
            let instant = instants().collect::<TimestampNanosecondArray>().with_timezone("UTC");
            let offset: Int32Array = instants().map(|it| it.map(|_| 0)).collect();
            let nulls = arrow::array::Array::nulls(&instant).cloned();
            Arc::new(StructArray::new(fields, vec![Arc::new(instant), Arc::new(offset)], nulls))
        }
        DataType::Text { .. } | DataType::Variant | DataType::Object | DataType::Array => {
            let texts = cells.iter().map(|it| match it {
                Cell::Text(it) => Some(it.as_str()),
                _ => None,
            });
            Arc::new(texts.collect::<StringArray>())
        }
        DataType::Binary { .. } => arrow::array::new_null_array(&data_type.to_arrow(), cells.len()),
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<DateTime<Utc>> for Cell {
    fn from(value: DateTime<Utc>) -> Self {
        Self::Instant(value)
    }
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl From<$type> for Cell {
            fn from(value: $type) -> Self {
                Self::Number(value as i128)
            }
        }
    )*};
}
number!(i32, i64, i128, u32, u64, usize);

/// `None` is NULL.
impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Whether `text` matches the pattern of a `SHOW … LIKE`: `%` for anything, `_` for one character,
/// a backslash before either takes it as it is. Case does not matter, as on the service.
pub fn like(pattern: &str, text: &str) -> bool {
    #[derive(PartialEq)]
    enum Part {
        Any,
        One,
        Is(char),
    }

    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => parts.push(Part::Any),
            '_' => parts.push(Part::One),
            '\\' => parts.extend(chars.next().unwrap_or('\\').to_lowercase().map(Part::Is)),
            _ => parts.extend(c.to_lowercase().map(Part::Is)),
        }
    }
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();

    // Greedy with one way back, to the last `%`: linear in the pattern for each position.
    let (mut at_part, mut at_char) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(c) = text.get(at_char) {
        match parts.get(at_part) {
            Some(Part::Any) => {
                retry = Some((at_part, at_char));
                at_part += 1;
            }
            Some(part) if *part == Part::One || *part == Part::Is(*c) => {
                at_part += 1;
                at_char += 1;
            }
            _ => {
                let Some((any, taken)) = &mut retry else { return false };
                *taken += 1;
                (at_part, at_char) = (*any + 1, *taken);
            }
        }
    }
    parts.iter().skip(at_part).all(|it| *it == Part::Any)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Array;

    #[test]
    fn like_takes_wildcards_escapes_and_any_case() {
        #[track_caller]
        fn check(pattern: &str, text: &str, expected: bool) {
            assert_eq!(like(pattern, text), expected, "{text:?} LIKE {pattern:?}");
        }
        check("t_iw", "T_IW", true);
        check("t_iw", "TXIW", true);
        check("t\\_iw", "TXIW", false);
        check("t\\_iw", "T_IW", true);
        check("%", "", true);
        check("", "", true);
        check("", "a", false);
        check("T%", "T_IW", true);
        check("%ab%ab", "xabyabab", true);
        check("%ab%ab", "xab", false);
        check("a%b%c", "a1b2c3", false);
        check("a%b%c", "a1b2b3c", true);
        check("T_", "T", false);
        check("%Ü%", "grün", true);
    }

    #[test]
    fn every_type_of_column_can_be_built_and_null() {
        let at = DateTime::from_timestamp_nanos(1_700_000_000_123_000_000);
        let columns = [
            ("text", TEXT, Cell::from("a")),
            ("number", DataType::Number { precision: 10, scale: 2 }, 1250.into()),
            ("float", DataType::Float, 1.5.into()),
            ("boolean", DataType::Boolean, true.into()),
            ("date", DataType::Date, Cell::Date(at.date_naive())),
            ("time", DataType::Time { scale: 9 }, Cell::Time(at.time())),
            ("ntz", DataType::TimestampNtz { scale: 9 }, at.into()),
            ("ltz", INSTANT, at.into()),
            ("tz", DataType::TimestampTz { scale: 9 }, at.into()),
            ("variant", DataType::Variant, "{}".into()),
        ];
        let described: Vec<_> = columns.iter().map(|it| (it.0, it.1.clone())).collect();
        let result = Builder::new(&described)
            .push(columns.iter().map(|it| it.2.clone()).collect())
            .push(vec![Cell::Null; columns.len()])
            .finish();

        assert_eq!(result.row_count(), 2);
        for (array, column) in result.batches[0].columns().iter().zip(&result.columns) {
            assert_eq!(array.data_type(), &column.data_type.to_arrow(), "{}", column.name);
            assert!(array.is_valid(0) && array.is_null(1), "{}", column.name);
        }
        for (field, column) in result.batches[0].schema().fields().iter().zip(&result.columns) {
            assert_eq!(DataType::of(field).as_ref(), Ok(&column.data_type));
        }
    }

    #[test]
    fn a_result_without_rows_has_its_columns() {
        let result = Builder::new(&[("name", TEXT)]).finish();
        assert_eq!((result.row_count(), result.columns.len()), (0, 1));
    }

    #[test]
    #[should_panic(expected = "in column rows of type NUMBER(38,0)")]
    fn a_cell_of_the_wrong_type_is_refused() {
        Builder::new(&[("rows", NUMBER)]).push(vec!["three".into()]);
    }
}
