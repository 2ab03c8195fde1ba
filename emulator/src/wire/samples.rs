//! Results for the tests of the encodings.

use crate::types::{Column, DataType, ResultSet};
use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int8Array,
    Int32Array, Int64Array, RecordBatch, StringArray, StringViewArray, StructArray,
    Time64NanosecondArray, TimestampNanosecondArray,
};
use arrow::datatypes::{DataType as Arrow, Field, Fields, Schema};
use std::{ops::Range, sync::Arc};

/// One row of values and one of NULLs, in every type.
pub fn every_type() -> ResultSet {
    let instant: i64 = 1_709_212_245_123_000_000;
    let utc =
        |value: i64| TimestampNanosecondArray::from(vec![Some(value), None]).with_timezone("UTC");
    let Arrow::Struct(zoned_fields) = (DataType::TimestampTz { scale: 3 }).to_arrow() else {
        unreachable!("TIMESTAMP_TZ is held as a struct");
    };
    let zoned = StructArray::new(
        Fields::from(zoned_fields.to_vec()),
        vec![Arc::new(utc(instant)), Arc::new(Int32Array::from(vec![Some(330), None]))],
        Some(vec![true, false].into()),
    );
    let decimal = |value: i128, precision, scale| {
        Decimal128Array::from(vec![Some(value), None])
            .with_precision_and_scale(precision, scale)
            .expect("a decimal type")
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("NUMBER(38,0)", Arc::new(Int8Array::from(vec![Some(7), None]))),
        ("NUMBER(10,2)", Arc::new(decimal(-150, 10, 2))),
        ("NUMBER(38,0)", Arc::new(decimal(123_456_789_012_345_678_901, 38, 0))),
        ("FLOAT", Arc::new(Float64Array::from(vec![Some(1.25), None]))),
        ("VARCHAR", Arc::new(StringViewArray::from(vec![Some("a\"b"), None]))),
        ("VARIANT", Arc::new(StringArray::from(vec![Some(r#"{"a":[1]}"#), None]))),
        ("BOOLEAN", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("DATE", Arc::new(Date32Array::from(vec![Some(19782), None]))),
        ("TIME(9)", Arc::new(Time64NanosecondArray::from(vec![Some(3_661_123_456_789), None]))),
        ("TIMESTAMP_NTZ(3)", Arc::new(TimestampNanosecondArray::from(vec![Some(instant), None]))),
        ("TIMESTAMP_LTZ(9)", Arc::new(utc(-500_000_000))),
        ("TIMESTAMP_TZ(3)", Arc::new(zoned)),
        ("BINARY", Arc::new(BinaryArray::from(vec![Some([0xDE, 0xAD].as_slice()), None]))),
    ];
    result(columns)
}

/// One column of integers.
pub fn numbers(range: Range<i64>) -> ResultSet {
    result(vec![("NUMBER(38,0)", Arc::new(Int64Array::from_iter_values(range)))])
}

fn result(arrays: Vec<(&str, ArrayRef)>) -> ResultSet {
    let columns: Vec<Column> = arrays
        .iter()
        .enumerate()
        .map(|(index, (data_type, _))| Column {
            name: format!("C{index}"),
            data_type: DataType::parse(data_type).expect("a type"),
            nullable: true,
        })
        .collect();
    let fields: Vec<Field> =
        arrays.iter().map(|(_, array)| Field::new("", array.data_type().clone(), true)).collect();
    let arrays = arrays.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch");
    ResultSet { columns, batches: vec![batch] }
}
