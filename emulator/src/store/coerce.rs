//! Rows that fit a table's columns: its Arrow types, lengths, scales and NOT NULL.
//!
//! The last guard before rows are stored. Casts by Snowflake's rules, of text above all, are the
//! business of SQL; here only what a stored column cannot hold is refused.

use crate::{
    error::SqlError,
    types::{BINARY_LENGTH_MAX, ColumnDefinition, DataType, TEXT_LENGTH_MAX},
};
use arrow::{
    array::{
        Array, ArrayRef, AsArray, PrimitiveArray, RecordBatch, RecordBatchOptions, StructArray,
        downcast_array,
    },
    compute::{CastOptions, cast_with_options},
    datatypes::{ArrowTimestampType, SchemaRef, Time64NanosecondType, TimestampNanosecondType},
    error::ArrowError,
    util::display::array_value_to_string,
};
use std::sync::Arc;

/// A text that does not fit. Code, SQLSTATE and wording are in public client logs.
const TEXT_TOO_LONG: (u32, &str) = (100_078, "22000");
/// A NULL where none may be.
const NULL_NOT_ALLOWED: (u32, &str) = (100_072, "22000");
/// A number that does not fit. From general knowledge of the product, not from a log.
const NUMBER_OUT_OF_RANGE: (u32, &str) = (100_039, "22003");
/// Other values that a column cannot hold. The numbers are from general knowledge as well.
const NUMBER_NOT_RECOGNIZED: (u32, &str) = (100_038, "22018");
const BOOLEAN_NOT_RECOGNIZED: (u32, &str) = (100_037, "22018");
const DATE_NOT_RECOGNIZED: (u32, &str) = (100_040, "22007");
const TIMESTAMP_NOT_RECOGNIZED: (u32, &str) = (100_035, "22007");
const TIME_NOT_RECOGNIZED: (u32, &str) = (100_108, "22007");

/// Values in messages are cut after as many characters, and `...` follows, as in public logs.
const SHOWN_MAX: usize = 200;

/// Brings rows into the columns of a table, by position.
///
/// # Errors
///
/// `100072` for a NULL in a NOT NULL column, `100078` for text that is too long, `100039` for a
/// number with too many digits, `100038`, `100037`, `100040`, `100035` or `100108` for text that
/// stands for no value of the column's type.
pub fn rows(
    batch: &RecordBatch,
    columns: &[ColumnDefinition],
    schema: &SchemaRef,
) -> Result<RecordBatch, SqlError> {
    if batch.num_columns() != columns.len() {
        return Err(SqlError::internal(format!(
            "{} columns for a table that has {}",
            batch.num_columns(),
            columns.len()
        )));
    }
    let values = self::columns(batch.columns(), columns)?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), values, &options)
        .map_err(|it| SqlError::internal(format!("rows for a table: {it}")))
}

/// Brings values into columns, one by one. There must be as many of both.
pub(super) fn columns(
    values: &[ArrayRef],
    columns: &[ColumnDefinition],
) -> Result<Vec<ArrayRef>, SqlError> {
    values.iter().zip(columns).map(|(values, column)| column_values(values, column)).collect()
}

fn column_values(values: &ArrayRef, column: &ColumnDefinition) -> Result<ArrayRef, SqlError> {
    let values = cast(values, &column.data_type)?;
    if !column.nullable && values.logical_null_count() > 0 {
        let (code, sqlstate) = NULL_NOT_ALLOWED;
        return Err(SqlError::new(code, sqlstate, "NULL result in a non-nullable column"));
    }
    match column.data_type {
        DataType::Text { length } => check_length(&values, length)?,
        DataType::Binary { length } => check_binary_length(&values, length)?,
        DataType::Time { scale }
        | DataType::TimestampNtz { scale }
        | DataType::TimestampLtz { scale }
        | DataType::TimestampTz { scale } => return Ok(truncate(&values, scale)),
        _ => {}
    }
    Ok(values)
}

/// Casts where the Arrow types differ. A value that is lost by it is an error.
fn cast(values: &ArrayRef, to: &DataType) -> Result<ArrayRef, SqlError> {
    let arrow = to.to_arrow();
    if *values.data_type() == arrow {
        return Ok(Arc::clone(values));
    }
    let failed = |it: ArrowError| SqlError::internal(format!("storing as {to}: {it}"));
    // What cannot be cast becomes NULL, so that the value that failed can be found and named.
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let result = cast_with_options(values, &arrow, &options).map_err(failed)?;
    if result.logical_null_count() == values.logical_null_count() {
        return Ok(result);
    }
    let (before, after) = (values.logical_nulls(), result.logical_nulls());
    let is_null = |nulls: &Option<arrow::buffer::NullBuffer>, row| {
        nulls.as_ref().is_some_and(|it| it.is_null(row))
    };
    let lost = (0..values.len()).find(|row| !is_null(&before, *row) && is_null(&after, *row));
    match lost {
        Some(row) => {
            let value = array_value_to_string(values, row).map_err(failed)?;
            let is_text = values.data_type().is_string();
            Err(does_not_fit(&value, to, is_text))
        }
        None => Ok(result),
    }
}

fn does_not_fit(value: &str, to: &DataType, is_text: bool) -> SqlError {
    let (kind, (code, sqlstate), what) = match to {
        DataType::Number { .. } | DataType::Float if is_text => {
            ("Numeric", NUMBER_NOT_RECOGNIZED, "is not recognized")
        }
        DataType::Number { .. } | DataType::Float => {
            ("Numeric", NUMBER_OUT_OF_RANGE, "is out of range")
        }
        DataType::Boolean => ("Boolean", BOOLEAN_NOT_RECOGNIZED, "is not recognized"),
        DataType::Date => {
            return not_recognized("Date", DATE_NOT_RECOGNIZED, value);
        }
        DataType::Time { .. } => return not_recognized("Time", TIME_NOT_RECOGNIZED, value),
        DataType::TimestampNtz { .. }
        | DataType::TimestampLtz { .. }
        | DataType::TimestampTz { .. } => {
            return not_recognized("Timestamp", TIMESTAMP_NOT_RECOGNIZED, value);
        }
        _ => return SqlError::internal(format!("'{}' cannot be stored as {to}", shown(value))),
    };
    SqlError::new(code, sqlstate, format!("{kind} value '{}' {what}", shown(value)))
}

fn not_recognized(kind: &str, (code, sqlstate): (u32, &'static str), value: &str) -> SqlError {
    SqlError::new(code, sqlstate, format!("{kind} '{}' is not recognized", shown(value)))
}

fn shown(value: &str) -> String {
    match value.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}...", value.get(..end).unwrap_or(value)),
        None => value.to_owned(),
    }
}

fn check_length(values: &ArrayRef, length: u32) -> Result<(), SqlError> {
    let Some(texts) = values.as_string_opt::<i32>() else { return Ok(()) };
    let length = length as usize;
    // A text has no more characters than bytes.
    let is_too_long = |it: &&str| it.len() > length && it.chars().nth(length).is_some();
    if length >= TEXT_LENGTH_MAX as usize && texts.value_data().len() <= length {
        return Ok(());
    }
    texts.iter().flatten().find(is_too_long).map_or(Ok(()), |it| Err(too_long(it)))
}

fn check_binary_length(values: &ArrayRef, length: u32) -> Result<(), SqlError> {
    let Some(bytes) = values.as_binary_opt::<i32>() else { return Ok(()) };
    if length >= BINARY_LENGTH_MAX && bytes.value_data().len() <= length as usize {
        return Ok(());
    }
    match bytes.iter().flatten().find(|it| it.len() > length as usize) {
        Some(it) => {
            let hex: String = it.iter().take(SHOWN_MAX).map(|byte| format!("{byte:02X}")).collect();
            Err(too_long(&hex))
        }
        None => Ok(()),
    }
}

fn too_long(value: &str) -> SqlError {
    let (code, sqlstate) = TEXT_TOO_LONG;
    let message = format!("String '{}' is too long and would be truncated", shown(value));
    SqlError::new(code, sqlstate, message)
}

/// Drops digits of seconds that the column does not keep. Towards the past, as Snowflake does.
fn truncate(values: &ArrayRef, scale: u8) -> ArrayRef {
    use arrow::datatypes::{DataType as Arrow, TimeUnit};
    let unit = 10_i64.pow(u32::from(9 - scale.min(9)));
    if unit == 1 {
        return Arc::clone(values);
    }
    match values.data_type() {
        Arrow::Time64(TimeUnit::Nanosecond) => {
            let times: PrimitiveArray<Time64NanosecondType> = downcast_array(values);
            Arc::new(times.unary::<_, Time64NanosecondType>(|it| it - it.rem_euclid(unit)))
        }
        Arrow::Timestamp(TimeUnit::Nanosecond, zone) => {
            let instants: PrimitiveArray<TimestampNanosecondType> = downcast_array(values);
            debug_assert_eq!(TimestampNanosecondType::UNIT, TimeUnit::Nanosecond);
            let truncated = instants
                .unary::<_, TimestampNanosecondType>(|it| it.saturating_sub(it.rem_euclid(unit)));
            Arc::new(truncated.with_timezone_opt(zone.clone()))
        }
        Arrow::Struct(_) => {
            let parts: StructArray = downcast_array(values);
            let (fields, mut columns, nulls) = parts.into_parts();
            if let Some(instant) = columns.first_mut() {
                *instant = truncate(instant, scale);
            }
            Arc::new(StructArray::new(fields, columns, nulls))
        }
        _ => Arc::clone(values),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{batch, column, lines_of, texts},
        *,
    };
    use arrow::array::{
        BinaryArray, Decimal128Array, Float64Array, Int64Array, NullArray, TimestampNanosecondArray,
    };

    /// One column of a table, and what comes of values put into it: as text, or the refusal.
    #[track_caller]
    fn check(declared: &str, values: impl Array + 'static, expected: &str) {
        let column = column(&format!("C {declared}"));
        let field = column.data_type.to_field("C", column.nullable);
        let schema = Arc::new(arrow::datatypes::Schema::new(vec![field]));
        let actual = match rows(&batch(vec![Arc::new(values)]), &[column], &schema) {
            Ok(rows) => lines_of(&[rows]).join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(actual, expected, "into {declared}");
    }

    fn text(value: &str) -> arrow::array::StringArray {
        vec![Some(value)].into()
    }

    #[test]
    fn numbers_get_the_columns_scale_rounded_away_from_zero() {
        check("NUMBER(10,2)", Int64Array::from(vec![Some(7), None]), "7.00 ");
        check("NUMBER(4,1)", Float64Array::from(vec![1.25, -1.25, 2.0]), "1.3 -1.3 2.0");
        let exact = Decimal128Array::from(vec![1_005, -1_005]).with_precision_and_scale(10, 3);
        check("NUMBER(10,2)", exact.expect("a scale"), "1.01 -1.01");
        check("FLOAT", Int64Array::from(vec![3]), "3.0");
    }

    #[test]
    fn a_number_with_too_many_digits_is_refused() {
        let refusal = "100039 (22003): Numeric value '1000' is out of range";
        check("NUMBER(3,0)", Int64Array::from(vec![Some(999), None, Some(1000)]), refusal);
        let refusal = "100039 (22003): Numeric value '99.99' is out of range";
        let value = Decimal128Array::from(vec![9_999]).with_precision_and_scale(4, 2);
        check("NUMBER(2,1)", value.expect("a scale"), refusal);
    }

    #[test]
    fn text_that_is_no_number_is_refused() {
        check("NUMBER(3,0)", text("12"), "12");
        check("NUMBER(3,0)", text("x"), "100038 (22018): Numeric value 'x' is not recognized");
        check("DATE", text("soon"), "100040 (22007): Date 'soon' is not recognized");
        check("BOOLEAN", text("maybe"), "100037 (22018): Boolean value 'maybe' is not recognized");
    }

    #[test]
    fn null_is_refused_where_a_column_says_so() {
        let refusal = "100072 (22000): NULL result in a non-nullable column";
        check("NUMBER(3,0) NOT NULL", Int64Array::from(vec![Some(1), None]), refusal);
        check("VARCHAR(3) NOT NULL", NullArray::new(1), refusal);
        check("VARCHAR(3)", NullArray::new(1), "");
    }

    #[test]
    fn lengths_count_characters_not_bytes() {
        check("VARCHAR(3)", text("äöü"), "äöü");
        check(
            "VARCHAR(3)",
            text("äöüx"),
            "100078 (22000): String 'äöüx' is too long and would be truncated",
        );
        check(
            "BINARY(1)",
            BinaryArray::from(vec![&b"\x0A\xFF"[..]]),
            "100078 (22000): String '0AFF' is too long and would be truncated",
        );
    }

    #[test]
    fn long_values_are_cut_in_messages() {
        let (value, cut) = ("ä".repeat(201), "ä".repeat(200));
        check(
            "VARCHAR(1)",
            text(&value),
            &format!("100078 (22000): String '{cut}...' is too long and would be truncated"),
        );
    }

    #[test]
    fn digits_of_seconds_that_a_column_does_not_keep_are_dropped() {
        let instants = TimestampNanosecondArray::from(vec![1_999_999_999, -1]);
        check("TIMESTAMP_NTZ(3)", instants, "1970-01-01T00:00:01.999 1969-12-31T23:59:59.999");
        let instants = TimestampNanosecondArray::from(vec![1_999_999_999]);
        check("TIMESTAMP_LTZ(0)", instants, "1970-01-01T00:00:01Z");
    }

    #[test]
    fn as_many_columns_are_wanted_as_the_table_has() {
        let columns = [column("A NUMBER(3,0)"), column("B NUMBER(3,0)")];
        let schema = Arc::new(arrow::datatypes::Schema::empty());
        let error = rows(&texts(&[Some("1")]), &columns, &schema).expect_err("a refusal");
        assert!(error.message.contains("1 columns for a table that has 2"), "{error}");
    }
}
