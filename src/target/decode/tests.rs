//! Every type in both encodings, so that what holds for the one is seen to hold for the other.

use super::*;
use crate::target::Value;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeListArray,
    Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, LargeStringArray,
    RecordBatch, StringArray, StructArray, UInt8Array, types::Float32Type,
};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema};
use serde_json::json;
use std::sync::Arc;

fn column(row_type: &str) -> Column {
    let (type_name, scale) = row_type.split_once(' ').unwrap_or((row_type, ""));
    let (type_name, scale) = (type_name.to_owned(), scale.parse().ok());
    let name = "C".to_owned();
    RowType { name, type_name, scale, nullable: true, ..RowType::default() }.column()
}

fn by_arrow(column: &Column, array: ArrayRef) -> Result<Vec<Vec<Value>>, Malformed> {
    let field = Field::new("C", array.data_type().clone(), true);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap();
    arrow_rows(std::slice::from_ref(column), &batch, 0)
}

fn by_json(column: &Column, cells: serde_json::Value) -> Result<Vec<Vec<Value>>, Malformed> {
    let rows = cells.as_array().unwrap().iter().map(|it| json!([it])).collect();
    json_rows(std::slice::from_ref(column), rows, 0)
}

fn shown(column: &Column, rows: Result<Vec<Vec<Value>>, Malformed>) -> String {
    match rows {
        Ok(rows) => {
            let cells: Vec<_> =
                rows.iter().flatten().map(|it| it.text(&column.data_type)).collect();
            cells.join(" | ")
        }
        Err(malformed) => malformed.to_string(),
    }
}

/// Decodes each of `arrays`, and `cells` as JSON, and wants `expected` of all of them.
#[track_caller]
fn check<const N: usize>(
    row_type: &str,
    arrays: [ArrayRef; N],
    cells: serde_json::Value,
    expected: &str,
) {
    let column = column(row_type);
    assert_eq!(shown(&column, by_json(&column, cells)), expected, "from JSON");
    for array in arrays {
        let layout = array.data_type().clone();
        assert_eq!(shown(&column, by_arrow(&column, array)), expected, "from {layout}");
    }
}

fn parts<const N: usize>(parts: [(&str, ArrayRef); N], valid: &[bool]) -> ArrayRef {
    let fields: Vec<Field> = parts
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let arrays = parts.into_iter().map(|(_, array)| array).collect();
    Arc::new(StructArray::new(fields.into(), arrays, Some(valid.to_vec().into())))
}

#[test]
fn numbers_come_in_every_width() {
    check(
        "fixed 0",
        [
            Arc::new(Int8Array::from(vec![Some(-5), None, Some(127)])),
            Arc::new(Int16Array::from(vec![Some(-5), None, Some(127)])),
            Arc::new(Int32Array::from(vec![Some(-5), None, Some(127)])),
            Arc::new(Int64Array::from(vec![Some(-5), None, Some(127)])),
            Arc::new(
                Decimal128Array::from(vec![Some(-5), None, Some(127)])
                    .with_precision_and_scale(38, 0)
                    .unwrap(),
            ),
        ],
        json!(["-5", null, "127"]),
        "-5 | NULL | 127",
    );
}

#[test]
fn decimals_are_scaled_integers() {
    check(
        "fixed 2",
        [
            Arc::new(Int16Array::from(vec![Some(150), Some(-5), None])),
            Arc::new(
                Decimal128Array::from(vec![Some(150), Some(-5), None])
                    .with_precision_and_scale(38, 2)
                    .unwrap(),
            ),
        ],
        json!(["1.50", "-0.05", null]),
        "1.50 | -0.05 | NULL",
    );
    let largest = "9".repeat(38);
    check(
        "fixed 0",
        [Arc::new(
            Decimal128Array::from(vec![largest.parse::<i128>().unwrap()])
                .with_precision_and_scale(38, 0)
                .unwrap(),
        )],
        json!([largest]),
        &largest,
    );
}

#[test]
fn floats_include_what_is_no_number() {
    check(
        "real",
        [
            Arc::new(Float64Array::from(vec![
                Some(1.25),
                Some(f64::NAN),
                Some(f64::INFINITY),
                Some(f64::NEG_INFINITY),
                None,
            ])),
            Arc::new(Float32Array::from(vec![
                Some(1.25),
                Some(f32::NAN),
                Some(f32::INFINITY),
                Some(f32::NEG_INFINITY),
                None,
            ])),
        ],
        json!(["1.25", "NaN", "inf", "-inf", null]),
        "1.25 | NaN | inf | -inf | NULL",
    );
}

#[test]
fn text_is_as_it_is() {
    check(
        "text",
        [
            Arc::new(StringArray::from(vec![Some("é'"), Some(""), None])),
            Arc::new(LargeStringArray::from(vec![Some("é'"), Some(""), None])),
        ],
        json!(["é'", "", null]),
        "é' |  | NULL",
    );
}

#[test]
fn booleans_are_digits_in_json() {
    check(
        "boolean",
        [Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))],
        json!(["1", "0", null]),
        "TRUE | FALSE | NULL",
    );
    check("boolean", [], json!(["TRUE", "false", true]), "TRUE | FALSE | TRUE");
}

#[test]
fn dates_are_days() {
    check(
        "date",
        [
            Arc::new(Date32Array::from(vec![Some(19782), Some(-1), None])),
            Arc::new(Int32Array::from(vec![Some(19782), Some(-1), None])),
        ],
        json!(["19782", "-1", null]),
        "2024-02-29 | 1969-12-31 | NULL",
    );
}

#[test]
fn times_are_fractions_of_a_second() {
    check(
        "time 3",
        [
            Arc::new(Int32Array::from(vec![Some(3_661_123), Some(0), None])),
            Arc::new(Int64Array::from(vec![Some(3_661_123), Some(0), None])),
        ],
        json!(["3661.123", "0.000", null]),
        "01:01:01.123 | 00:00:00 | NULL",
    );
    check(
        "time 9",
        [Arc::new(Int64Array::from(vec![86_399_999_999_999]))],
        json!(["86399.999999999"]),
        "23:59:59.999999999",
    );
}

#[test]
fn timestamps_are_scaled_integers_or_structs() {
    for (row_type, zone) in [("timestamp_ntz", ""), ("timestamp_ltz", " Z")] {
        let expected = format!(
            "2024-02-29 13:10:45.123{zone} | 1969-12-31 23:59:58.5{zone} | NULL | \
             9999-12-31 23:59:59{zone}"
        );
        check(
            &format!("{row_type} 3"),
            [
                Arc::new(Int64Array::from(vec![
                    Some(1_709_212_245_123),
                    Some(-1_500),
                    None,
                    Some(253_402_300_799_000),
                ])),
                parts(
                    [
                        (
                            "epoch",
                            Arc::new(Int64Array::from(vec![
                                Some(1_709_212_245),
                                Some(-2),
                                None,
                                Some(253_402_300_799),
                            ])),
                        ),
                        (
                            "fraction",
                            Arc::new(Int32Array::from(vec![
                                Some(123_000_000),
                                Some(500_000_000),
                                None,
                                Some(0),
                            ])),
                        ),
                    ],
                    &[true, true, false, true],
                ),
            ],
            json!(["1709212245.123", "-1.500", null, "253402300799.000"]),
            &expected,
        );
    }
}

#[test]
fn a_null_in_the_children_alone_is_a_null() {
    let children_only = parts(
        [
            ("epoch", Arc::new(Int64Array::from(vec![None, Some(0)]))),
            ("fraction", Arc::new(Int32Array::from(vec![None, Some(1)]))),
        ],
        &[true, true],
    );
    check(
        "timestamp_ntz 9",
        [children_only],
        json!([null, "0.000000001"]),
        "NULL | 1970-01-01 00:00:00.000000001",
    );
}

#[test]
fn zones_are_minutes_plus_1440() {
    let zones = || Arc::new(Int32Array::from(vec![Some(1770), Some(1410), None])) as ArrayRef;
    let valid = [true, true, false];
    check(
        "timestamp_tz 3",
        [
            parts(
                [
                    (
                        "epoch",
                        Arc::new(Int64Array::from(vec![Some(1_709_212_245_123), Some(0), None])),
                    ),
                    ("timezone", zones()),
                ],
                &valid,
            ),
            parts(
                [
                    ("epoch", Arc::new(Int64Array::from(vec![Some(1_709_212_245), Some(0), None]))),
                    (
                        "fraction",
                        Arc::new(Int32Array::from(vec![Some(123_000_000), Some(0), None])),
                    ),
                    ("timezone", zones()),
                ],
                &valid,
            ),
        ],
        json!(["1709212245.123 1770", "0.000 1410", null]),
        "2024-02-29 18:40:45.123 +05:30 | 1969-12-31 23:30:00 -00:30 | NULL",
    );
}

#[test]
fn semi_structured_values_are_text_of_json() {
    for row_type in ["variant", "object", "array"] {
        check(
            row_type,
            [Arc::new(StringArray::from(vec![Some("{\n  \"a\": [1, 2]\n}"), None]))],
            json!(["{\n  \"a\": [1, 2]\n}", null]),
            r#"{"a":[1,2]} | NULL"#,
        );
    }
}

#[test]
fn bytes_are_hex_in_json() {
    check(
        "binary",
        [Arc::new(BinaryArray::from(vec![Some(&[0xde, 0xad][..]), Some(&[]), None]))],
        json!(["DEAD", "", null]),
        "DEAD |  | NULL",
    );
}

#[test]
fn unknown_types_are_text_in_any_layout() {
    let vector = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(
        [Some([Some(1.5), None]), None],
        2,
    );
    check("vector", [Arc::new(vector)], json!(["[1.5,null]", null]), "[1.5,null] | NULL");
    let number = parts(
        [
            ("exponent", Arc::new(Int16Array::from(vec![-2]))),
            ("significand", Arc::new(BinaryArray::from(vec![&[0x7b][..]]))),
            ("note", Arc::new(StringArray::from(vec!["a \"b\""]))),
        ],
        &[true],
    );
    let expected = r#"{"exponent":-2,"significand":7B,"note":"a \"b\""}"#;
    check("decfloat", [number], json!([expected]), expected);
}

#[test]
fn a_malformed_cell_is_named_and_no_panic() {
    let check_json = |row_type: &str, cell: serde_json::Value, expected: &str| {
        let column = column(row_type);
        assert_eq!(shown(&column, by_json(&column, json!([null, cell]))), expected);
    };
    for (row_type, cell, type_name) in [
        ("fixed 0", "1x", "NUMBER"),
        ("fixed 0", "", "NUMBER"),
        ("fixed 0", "-", "NUMBER"),
        ("fixed 37", "12345", "NUMBER"),
        ("real", "one", "FLOAT"),
        ("boolean", "yes", "BOOLEAN"),
        ("date", "2024-02-29", "DATE"),
        ("date", "99999999999999", "DATE"),
        ("time 3", "86400.000", "TIME"),
        ("time 3", "-1.000", "TIME"),
        ("timestamp_ntz 9", "99999999999999999999999.0", "TIMESTAMP_NTZ"),
        ("timestamp_ltz 3", "1.0000000001", "TIMESTAMP_LTZ"),
        ("timestamp_tz 3", "1.000", "TIMESTAMP_TZ"),
        ("timestamp_tz 3", "1.000 9999", "TIMESTAMP_TZ"),
        ("binary", "ABC", "BINARY"),
        ("binary", "zz", "BINARY"),
    ] {
        let expected = format!("row 2, column `C`: `{cell}` is no {type_name}");
        check_json(row_type, json!(cell), &expected);
    }

    let check_arrow = |row_type: &str, array: ArrayRef, expected: &str| {
        let column = column(row_type);
        assert_eq!(shown(&column, by_arrow(&column, array)), expected);
    };
    let cases: [(&str, ArrayRef, &str); 6] = [
        (
            "date",
            Arc::new(Date32Array::from(vec![i32::MAX])),
            "row 1, column `C`: out of range for DATE",
        ),
        (
            "time 0",
            Arc::new(Int64Array::from(vec![86_400])),
            "row 1, column `C`: out of range for TIME",
        ),
        (
            "timestamp_ntz 0",
            Arc::new(Int64Array::from(vec![i64::MAX])),
            "row 1, column `C`: out of range for TIMESTAMP_NTZ",
        ),
        (
            "timestamp_tz 0",
            Arc::new(Int64Array::from(vec![0])),
            "column `C`: a TIMESTAMP_TZ cannot be in Int64",
        ),
        ("fixed 0", Arc::new(UInt8Array::from(vec![1])), "column `C`: a NUMBER cannot be in UInt8"),
        ("text", Arc::new(Int8Array::from(vec![1])), "column `C`: a TEXT cannot be in Int8"),
    ];
    for (row_type, array, expected) in cases {
        check_arrow(row_type, array, expected);
    }
}

#[test]
fn rows_of_another_shape_are_malformed() {
    let columns = [column("text"), column("text")];
    for (row, expected) in [
        (json!(["a"]), "row 8 has 1 cells for 2 columns"),
        (json!({"a": 1}), "row 8 is no array of cells"),
    ] {
        assert_eq!(json_rows(&columns, vec![row], 7).unwrap_err().to_string(), expected);
    }
    let error = by_arrow(&column("text"), Arc::new(StringArray::from(vec!["a"]))).and_then(|_| {
        let array: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
        let batch = RecordBatch::try_from_iter([("A", array)]).unwrap();
        arrow_rows(&columns, &batch, 0)
    });
    assert_eq!(error.unwrap_err().to_string(), "1 Arrow columns for 2 columns");
}

/// A stream of one batch of one column.
fn stream(array: ArrayRef) -> Vec<u8> {
    let field = Field::new("C", array.data_type().clone(), true);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.write(&batch.slice(0, 1)).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn streams_are_read_by_their_own_schemas_whatever_was_read_before() {
    let column = column("fixed 0");
    let mut streams = Streams::default();
    let decimal = DataType::Decimal128(38, 0);
    let arrays = || -> [(ArrayRef, &str); 7] {
        [
            (Arc::new(Int8Array::from(vec![1, 2])), "1 | 2 | 1"),
            (Arc::new(Int16Array::from(vec![3, 4])), "3 | 4 | 3"),
            (Arc::new(Int16Array::from(vec![5, 6])), "5 | 6 | 5"),
            (Arc::new(Int32Array::from(vec![7])), "7 | 7"),
            (Arc::new(Int64Array::from(vec![8])), "8 | 8"),
            (Arc::new(Decimal128Array::from(vec![9]).with_data_type(decimal.clone())), "9 | 9"),
            (Arc::new(Int8Array::from(vec![10])), "10 | 10"),
        ]
    };
    for (array, expected) in arrays().into_iter().chain(arrays()) {
        let stream = stream(array);
        let cut = stream.get(..stream.len() - 60).unwrap().to_vec();
        let mut read = |stream| streams.rows(std::slice::from_ref(&column), stream, 0);
        assert_eq!(shown(&column, read(stream.clone())), expected);
        assert_eq!(shown(&column, read(stream)), expected);
        let broken = read(cut).unwrap_err().to_string();
        assert!(broken.starts_with("no Arrow stream: "), "{broken}");
    }
}

#[test]
fn what_is_no_stream_is_told() {
    let broken: [&[u8]; 6] =
        [b"", b"<html>", b"{}", &[0xff; 16], &[0; 16], &[0xff, 0xff, 0xff, 0xff, 4, 0, 0, 0, 1]];
    for broken in broken {
        let mut streams = Streams::default();
        let error = streams.rows(&[], broken.to_vec(), 0).unwrap_err().to_string();
        assert!(error.starts_with("no Arrow stream: "), "{error}");
    }
}

#[track_caller]
fn check_type(row_type: &str, expected: &Type) {
    let row_type: RowType = serde_json::from_str(row_type).unwrap();
    assert_eq!(row_type.column().data_type, *expected);
}

#[test]
fn row_types_become_types() {
    let fixed = r#"{"name":"A","type":"fixed","precision":10,"scale":2,"nullable":false}"#;
    check_type(fixed, &Type::Number { precision: 10, scale: 2 });
    check_type(r#"{"type":"fixed"}"#, &Type::Number { precision: 38, scale: 0 });
    check_type(r#"{"type":"TEXT","length":16777216}"#, &Type::Text);
    check_type(r#"{"type":"timestamp_tz","scale":3}"#, &Type::TimestampTz { scale: 3 });
    check_type(r#"{"type":"time","scale":null}"#, &Type::Time { scale: 9 });
}

#[test]
fn what_is_not_known_is_other_and_never_an_error() {
    check_type(r#"{"type":"vector","fields":[{}]}"#, &Type::Other("vector".to_owned()));
    let geography = r#"{"type":"object","extTypeName":"GEOGRAPHY"}"#;
    check_type(geography, &Type::Other("geography".to_owned()));
    check_type(r#"{"type":7,"name":[],"scale":"x"}"#, &Type::Other(String::new()));
}
