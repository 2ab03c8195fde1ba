//! Hexadecimal, base64 and digests.

use super::convert::{self, text_of};
use super::datum::Datum;
use super::kit::{
    Body, Call, Entry, Outcome, internal, invalid_argument, or_null, refuse, returns_binary,
    returns_text,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BinaryArray, StringArray},
        datatypes::{DataType as Arrow, Field},
    },
    error::DataFusionError,
    functions::crypto,
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF},
};
use std::{borrow::Cow, sync::Arc};

pub(super) static ENTRIES: &[Entry] = &[
    Entry::new("HEX_ENCODE", (1, 2), returns_text, Body::Strict(encode_hex)),
    Entry::new("HEX_DECODE_STRING", (1, 1), returns_text, Body::Strict(decode_hex_text)),
    Entry::new(
        "TRY_HEX_DECODE_STRING",
        (1, 1),
        returns_text,
        Body::Strict(|call, row| or_null(decode_hex_text(call, row))),
    ),
    Entry::new("HEX_DECODE_BINARY", (1, 1), returns_binary, Body::Strict(decode_hex)),
    Entry::new(
        "TRY_HEX_DECODE_BINARY",
        (1, 1),
        returns_binary,
        Body::Strict(|call, row| or_null(decode_hex(call, row))),
    ),
    Entry::new("BASE64_ENCODE", (1, 1), returns_text, Body::Strict(encode_base64)),
    Entry::new("BASE64_DECODE_STRING", (1, 1), returns_text, Body::Strict(decode_base64_text)),
    Entry::new(
        "TRY_BASE64_DECODE_STRING",
        (1, 1),
        returns_text,
        Body::Strict(|call, row| or_null(decode_base64_text(call, row))),
    ),
    Entry::new("BASE64_DECODE_BINARY", (1, 1), returns_binary, Body::Strict(decode_base64)),
    Entry::new(
        "TRY_BASE64_DECODE_BINARY",
        (1, 1),
        returns_binary,
        Body::Strict(|call, row| or_null(decode_base64(call, row))),
    ),
    Entry::new("MD5", (1, 1), returns_text, Body::Batch(md5)),
    Entry::new("MD5_HEX", (1, 1), returns_text, Body::Batch(md5)),
    Entry::new("SHA2", (1, 2), returns_text, Body::Batch(sha2)),
    Entry::new("SHA2_HEX", (1, 2), returns_text, Body::Batch(sha2)),
];

/// Text as its UTF-8 bytes.
fn bytes_of<'a>(call: &Call, datum: &Datum<'a>) -> Outcome<Cow<'a, [u8]>> {
    Ok(match datum {
        Datum::Binary(bytes) => bytes.clone(),
        other => match text_of(other, &call.zone)? {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
    })
}

pub(super) fn hex_encode(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02X}")).collect()
}

pub(super) fn hex_decode(text: &str) -> Outcome<Vec<u8>> {
    convert::from_hex(text).ok_or_else(|| {
        refuse(
            100_115,
            "22000",
            format!("The following string is not a legal hex-encoded value: '{text}'"),
        )
    })
}

pub(super) fn base64_encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn base64_decode(text: &str) -> Outcome<Vec<u8>> {
    STANDARD.decode(text.trim()).map_err(|_| {
        refuse(
            100_116,
            "22000",
            format!("The following string is not a legal base64-encoded value: '{text}'"),
        )
    })
}

pub(super) fn invalid_format(format: &str) -> DataFusionError {
    refuse(100_114, "22000", format!("Invalid binary format '{format}'"))
}

fn utf8<'a>(bytes: Vec<u8>) -> Outcome<Datum<'a>> {
    String::from_utf8(bytes).map(Datum::text).map_err(|error| {
        refuse(
            100_144,
            "22000",
            format!("Invalid UTF8 detected in string '{}'", hex_encode(error.as_bytes())),
        )
    })
}

/// `HEX_ENCODE(x[, case])`: upper case is 1, the default.
fn encode_hex<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let hex = hex_encode(&bytes_of(call, &row[0])?);
    match row.get(1).map_or(Ok(1), convert::int_of)? {
        0 => Ok(Datum::text(hex.to_lowercase())),
        1 => Ok(Datum::text(hex)),
        other => Err(invalid_argument(call.name, format!("the case {other}"))),
    }
}

fn decode_hex<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    hex_decode(&text_of(&row[0], &call.zone)?).map(|it| Datum::Binary(it.into()))
}

fn decode_hex_text<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    hex_decode(&text_of(&row[0], &call.zone)?).and_then(utf8)
}

fn encode_base64<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    Ok(Datum::text(base64_encode(&bytes_of(call, &row[0])?)))
}

fn decode_base64<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    base64_decode(&text_of(&row[0], &call.zone)?).map(|it| Datum::Binary(it.into()))
}

fn decode_base64_text<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    base64_decode(&text_of(&row[0], &call.zone)?).and_then(utf8)
}

/// The first argument of a call as bytes.
fn inputs(call: &Call) -> Outcome<BinaryArray> {
    let column = call.columns.first().ok_or_else(|| internal("a digest of nothing"))?;
    let values = (0..call.rows)
        .map(|row| match column.get(row) {
            Datum::Null => Ok(None),
            other => bytes_of(call, &other).map(|it| Some(it.into_owned())),
        })
        .collect::<Outcome<Vec<_>>>()?;
    Ok(values.iter().map(Option::as_deref).collect())
}

/// Runs one of the engine's digests; its result is text or bytes.
fn digest(udf: &ScalarUDF, inputs: BinaryArray) -> Outcome<StringArray> {
    let rows = inputs.len();
    let kind = udf.return_type(&[Arrow::Binary])?;
    let result = udf.invoke_with_args(ScalarFunctionArgs {
        args: vec![ColumnarValue::Array(Arc::new(inputs))],
        arg_fields: vec![Arc::new(Field::new("", Arrow::Binary, true))],
        number_rows: rows,
        return_field: Arc::new(Field::new("", kind, true)),
        config_options: Arc::default(),
    })?;
    let array = result.into_array(rows)?;
    let array = match array.data_type() {
        Arrow::Utf8 | Arrow::Binary => array,
        Arrow::Utf8View => datafusion::arrow::compute::cast(&array, &Arrow::Utf8)?,
        _ => datafusion::arrow::compute::cast(&array, &Arrow::Binary)?,
    };
    Ok(match array.data_type() {
        Arrow::Utf8 => array.as_string::<i32>().clone(),
        _ => array
            .as_binary::<i32>()
            .iter()
            .map(|it| it.map(|it| hex_encode(it).to_lowercase()))
            .collect(),
    })
}

fn md5(call: &Call) -> Outcome<ArrayRef> {
    Ok(Arc::new(digest(&crypto::md5(), inputs(call)?)?))
}

fn sha2(call: &Call) -> Outcome<ArrayRef> {
    let bits = match call.columns.get(1) {
        Some(it) => convert::int_of(&it.get(0))?,
        None => 256,
    };
    let udf = match bits {
        224 => crypto::sha224(),
        256 => crypto::sha256(),
        384 => crypto::sha384(),
        512 => crypto::sha512(),
        other => return Err(invalid_argument(call.name, format!("the digest size {other}"))),
    };
    Ok(Arc::new(digest(&udf, inputs(call)?)?))
}

#[cfg(test)]
mod tests {
    use super::super::check::check;

    #[test]
    fn bytes_are_written_as_text_and_read_again() {
        check("HEX_ENCODE", "'Snow'", "536E6F77");
        check("HEX_ENCODE", "x'AB'|0", "ab");
        check("HEX_DECODE_STRING", "'536E6F77'", "Snow");
        check("TRY_HEX_DECODE_BINARY", "'5'", "NULL");
        check("BASE64_ENCODE", "'Snow'", "U25vdw==");
        check("BASE64_DECODE_STRING", "'U25vdw=='", "Snow");
        check(
            "BASE64_DECODE_BINARY",
            "'*'",
            "100116 (22000): The following string is not a legal base64-encoded value: '*'",
        );
    }

    #[test]
    fn digests_are_lower_case() {
        check("MD5", "'Snow'", "b46d3c8ee8032551c011745d587705cc");
        check("SHA2", "''", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        check("SHA2", "null", "NULL");
        check(
            "SHA2",
            "'a'|100",
            "001014 (22023): invalid argument for function [SHA2]: the digest size 100",
        );
    }
}
