//! Semi-structured values: parsing, building, taking apart. Held as JSON text; keys of objects
//! are kept in order, as Snowflake does.

use super::conditional::is_equal;
use super::convert::{self, int_of, own, text_of};
use super::datum::Datum;
use super::json;
use super::kit::{
    Arguments, Body, Call, Entry, MANY, Outcome, invalid_argument, or_null, refuse, returns_array,
    returns_boolean, returns_date, returns_float, returns_int, returns_object, returns_text,
    returns_variant, typed,
};
use super::path;
use super::zone::Zone;
use crate::types::DataType;
use datafusion::arrow::datatypes::Field;
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap};

/// `IS_…(variant)`: whether a VARIANT holds a kind of value.
macro_rules! is_kind {
    ($name:literal, $test:expr) => {
        Entry::new(
            $name,
            (1, 1),
            returns_boolean,
            Body::Strict(|_, row| {
                let test: fn(&Value) -> bool = $test;
                Ok(Datum::Boolean(test(&value_of(&row[0])?)))
            }),
        )
    };
}

/// `AS_…(variant)`: its value if it is of the kind, else NULL.
macro_rules! as_kind {
    ($name:literal, $returns:ident, $test:expr) => {
        Entry::new(
            $name,
            (1, 1),
            $returns,
            Body::Strict(|call, row| {
                let test: fn(&Value) -> bool = $test;
                let value = value_of(&row[0])?;
                if !test(&value) {
                    return Ok(Datum::Null);
                }
                or_null(convert::convert(
                    own(json::unpack(&value)),
                    &call.target_kind()?,
                    &call.zone,
                ))
            }),
        )
    };
}

pub(super) static ENTRIES: &[Entry] = &[
    Entry::new("PARSE_JSON", (1, 2), returns_variant, Body::Strict(parse_json)),
    Entry::new(
        "TRY_PARSE_JSON",
        (1, 2),
        returns_variant,
        Body::Strict(|call, row| or_null(parse_json(call, row))),
    ),
    Entry::new("CHECK_JSON", (1, 1), returns_text, Body::Strict(check_json)),
    Entry::new(
        "TO_JSON",
        (1, 1),
        returns_text,
        Body::Strict(|call, row| json::of(&row[0], &call.zone).map(Datum::text)),
    ),
    Entry::new(
        "TO_VARIANT",
        (1, 1),
        returns_variant,
        Body::Strict(|call, row| json::of(&row[0], &call.zone).map(|it| Datum::Json(it.into()))),
    ),
    Entry::new(
        "TO_OBJECT",
        (1, 1),
        returns_object,
        Body::Strict(|_, row| json::require(text_of_json(&row[0]), &DataType::Object)),
    ),
    Entry::new("TO_ARRAY", (1, 1), returns_array, Body::Strict(to_array)),
    Entry::new(
        "OBJECT_CONSTRUCT",
        (0, MANY),
        returns_object,
        Body::Rows(|call, row| object_construct(call, row, false)),
    ),
    Entry::new(
        "OBJECT_CONSTRUCT_KEEP_NULL",
        (0, MANY),
        returns_object,
        Body::Rows(|call, row| object_construct(call, row, true)),
    ),
    Entry::new(
        "ARRAY_CONSTRUCT",
        (0, MANY),
        returns_array,
        Body::Rows(|call, row| array_construct(row.iter(), &call.zone)),
    ),
    Entry::new(
        "ARRAY_CONSTRUCT_COMPACT",
        (0, MANY),
        returns_array,
        Body::Rows(|call, row| array_construct(row.iter().filter(|it| !it.is_null()), &call.zone)),
    ),
    Entry::new("ARRAY_SIZE", (1, 1), returns_int, Body::Strict(array_size)),
    Entry::new("GET", (2, 2), returns_variant, Body::Strict(|_, row| get(row, false))),
    Entry::new("GET_IGNORE_CASE", (2, 2), returns_variant, Body::Strict(|_, row| get(row, true))),
    Entry::new("GET_PATH", (2, 2), returns_variant, Body::Strict(get_path)),
    Entry::new("OBJECT_KEYS", (1, 1), returns_array, Body::Strict(object_keys)),
    Entry::new("OBJECT_INSERT", (3, 4), returns_object, Body::Rows(object_insert)),
    Entry::new(
        "OBJECT_DELETE",
        (2, MANY),
        returns_object,
        Body::Strict(|call, row| object_keep(call, row, false)),
    ),
    Entry::new(
        "OBJECT_PICK",
        (2, MANY),
        returns_object,
        Body::Strict(|call, row| object_keep(call, row, true)),
    ),
    Entry::new(
        "ARRAY_CONTAINS",
        (2, 2),
        returns_boolean,
        Body::Strict(|call, row| Ok(Datum::Boolean(position(call, &row[0], &row[1])?.is_some()))),
    ),
    Entry::new(
        "ARRAY_POSITION",
        (2, 2),
        returns_int,
        Body::Strict(|call, row| {
            let found = position(call, &row[0], &row[1])?;
            Ok(found.map_or(Datum::Null, |it| Datum::int(it as i64)))
        }),
    ),
    Entry::new(
        "ARRAY_APPEND",
        (2, 2),
        returns_array,
        Body::Rows(|call, row| extended(call, &row[0], &row[1], false)),
    ),
    Entry::new(
        "ARRAY_PREPEND",
        (2, 2),
        returns_array,
        Body::Rows(|call, row| extended(call, &row[0], &row[1], true)),
    ),
    Entry::new("ARRAY_CAT", (2, 2), returns_array, Body::Strict(array_cat)),
    Entry::new("ARRAY_SLICE", (3, 3), returns_array, Body::Strict(array_slice)),
    Entry::new("ARRAY_TO_STRING", (2, 2), returns_text, Body::Strict(array_to_string)),
    Entry::new(
        "ARRAY_DISTINCT",
        (1, 1),
        returns_array,
        Body::Strict(|_, row| {
            let mut seen = vec![];
            rebuilt(&row[0], |it| {
                let new = !seen.contains(it);
                if new {
                    seen.push(it.clone());
                }
                new
            })
        }),
    ),
    Entry::new(
        "ARRAY_COMPACT",
        (1, 1),
        returns_array,
        Body::Strict(|_, row| rebuilt(&row[0], |it| !it.is_null())),
    ),
    Entry::new(
        "ARRAY_INTERSECTION",
        (2, 2),
        returns_array,
        Body::Strict(|_, row| {
            let mut others = elements(&row[1])?;
            rebuilt(&row[0], |it| match others.iter().position(|other| other == it) {
                Some(at) => {
                    others.swap_remove(at);
                    true
                }
                None => false,
            })
        }),
    ),
    Entry::new(
        "ARRAYS_OVERLAP",
        (2, 2),
        returns_boolean,
        Body::Strict(|_, row| {
            let others = elements(&row[1])?;
            Ok(Datum::Boolean(elements(&row[0])?.iter().any(|it| others.contains(it))))
        }),
    ),
    Entry::new("ARRAY_GENERATE_RANGE", (2, 3), returns_array, Body::Strict(generate_range)),
    Entry::new(
        "STRIP_NULL_VALUE",
        (1, 1),
        returns_variant,
        Body::Strict(|_, row| {
            Ok(match &row[0] {
                Datum::Json(text) if text == "null" => Datum::Null,
                other => Datum::Json(text_of_json(other)),
            })
        }),
    ),
    Entry::new(
        "TYPEOF",
        (1, 1),
        returns_text,
        Body::Strict(|_, row| Ok(Datum::text(name_of(&value_of(&row[0])?)))),
    ),
    is_kind!("IS_NULL_VALUE", Value::is_null),
    is_kind!("IS_ARRAY", Value::is_array),
    is_kind!("IS_OBJECT", Value::is_object),
    is_kind!("IS_BOOLEAN", Value::is_boolean),
    is_kind!("IS_VARCHAR", Value::is_string),
    is_kind!("IS_CHAR", Value::is_string),
    is_kind!("IS_INTEGER", is_integer),
    is_kind!("IS_DECIMAL", Value::is_number),
    is_kind!("IS_DOUBLE", Value::is_number),
    is_kind!("IS_REAL", Value::is_number),
    as_kind!("AS_ARRAY", returns_array, Value::is_array),
    as_kind!("AS_OBJECT", returns_object, Value::is_object),
    as_kind!("AS_BOOLEAN", returns_boolean, Value::is_boolean),
    as_kind!("AS_VARCHAR", returns_text, Value::is_string),
    as_kind!("AS_CHAR", returns_text, Value::is_string),
    as_kind!("AS_INTEGER", returns_whole, is_integer),
    as_kind!("AS_DECIMAL", returns_whole, Value::is_number),
    as_kind!("AS_NUMBER", returns_whole, Value::is_number),
    as_kind!("AS_DOUBLE", returns_float, Value::is_number),
    as_kind!("AS_REAL", returns_float, Value::is_number),
    as_kind!("AS_DATE", returns_date, Value::is_string),
];

fn returns_whole(_: &Arguments<'_>) -> Outcome<Field> {
    Ok(typed(DataType::Number { precision: 38, scale: 0 }))
}

/// A VARIANT as its JSON value; other values become one.
pub(super) fn value_of(datum: &Datum<'_>) -> Outcome<Value> {
    json::stored(&text_of_json(datum))
}

fn text_of_json<'a>(datum: &Datum<'a>) -> Cow<'a, str> {
    match datum {
        Datum::Json(text) => text.clone(),
        other => Cow::Owned(json::of(other, &Zone::UTC).unwrap_or_else(|_| "null".to_owned())),
    }
}

fn json_of<'a>(value: &Value) -> Datum<'a> {
    Datum::Json(Cow::Owned(json::write(value)))
}

fn parse_json<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    if let Datum::Json(text) = &row[0] {
        return Ok(Datum::Json(text.clone()));
    }
    let text = text_of(&row[0], &call.zone)?;
    if text.trim().is_empty() {
        return Ok(Datum::Null);
    }
    json::read(&text).map(|it| json_of(&it))
}

fn check_json<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let text = text_of(&row[0], &call.zone)?;
    Ok(match json::read(&text) {
        Ok(_) => Datum::Null,
        Err(datafusion::error::DataFusionError::External(error)) => {
            match error.downcast_ref::<crate::error::SqlError>() {
                Some(error) => {
                    Datum::text(error.message.trim_start_matches("Error parsing JSON: ").to_owned())
                }
                None => Datum::text(error.to_string()),
            }
        }
        Err(error) => return Err(error),
    })
}

fn to_array<'a>(_: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    json::require(text_of_json(&row[0]), &DataType::Array)
}

/// Pairs of keys and values; a pair with a NULL key is left out, one with a NULL value too unless
/// it is kept.
fn object_construct<'a>(call: &Call, row: &[Datum<'a>], keep_null: bool) -> Outcome<Datum<'a>> {
    let (pairs, rest) = row.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(refuse(
            938,
            "22023",
            format!(
                "SQL compilation error:\nnot enough arguments for function [{}], expected {}, got {}",
                call.name,
                row.len() + 1,
                row.len()
            ),
        ));
    }
    let mut entries = BTreeMap::new();
    for [key, value] in pairs {
        if key.is_null() || value.is_null() && !keep_null {
            continue;
        }
        let key = text_of(key, &call.zone)?.into_owned();
        if entries.contains_key(&key) {
            return Err(refuse(100_090, "22000", format!("Duplicate field key '{key}'")));
        }
        entries.insert(key, json::of(value, &call.zone)?);
    }
    Ok(object_of(&entries))
}

fn object_of<'a>(entries: &BTreeMap<String, String>) -> Datum<'a> {
    let entries: Vec<String> =
        entries.iter().map(|(key, value)| format!("{}:{value}", json::quote(key))).collect();
    Datum::Json(format!("{{{}}}", entries.join(",")).into())
}

/// SQL's NULL becomes JSON's here: Snowflake keeps an `undefined` apart, which JSON text cannot.
fn array_construct<'r, 'a: 'r>(
    values: impl Iterator<Item = &'r Datum<'a>>,
    zone: &Zone,
) -> Outcome<Datum<'a>> {
    let values = values.map(|it| json::of(it, zone)).collect::<Outcome<Vec<_>>>()?;
    Ok(Datum::Json(format!("[{}]", values.join(",")).into()))
}

fn array_size<'a>(_: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    Ok(match value_of(&row[0])? {
        Value::Array(values) => Datum::int(values.len() as i64),
        _ => Datum::Null,
    })
}

fn get<'a>(row: &[Datum<'a>], ignore_case: bool) -> Outcome<Datum<'a>> {
    let value = value_of(&row[0])?;
    let found = match (&row[1], &value) {
        (Datum::Text(key), Value::Object(map)) => map.get(key.as_ref()).or_else(|| {
            let mut entries = map.iter().filter(|_| ignore_case);
            entries.find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|it| it.1)
        }),
        (index @ (Datum::Number(..) | Datum::Float(_)), Value::Array(values)) => {
            usize::try_from(int_of(index)?).ok().and_then(|it| values.get(it))
        }
        _ => None,
    };
    Ok(found.map_or(Datum::Null, json_of))
}

fn get_path<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let source = text_of(&row[1], &call.zone)?;
    let steps = path::parse(&source)?;
    let value = value_of(&row[0])?;
    Ok(path::find(&value, &steps).map_or(Datum::Null, json_of))
}

fn object_keys<'a>(_: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    Ok(match value_of(&row[0])? {
        Value::Object(map) => {
            let mut keys: Vec<String> = map.keys().map(|it| json::quote(it)).collect();
            keys.sort();
            Datum::Json(format!("[{}]", keys.join(",")).into())
        }
        _ => Datum::Null,
    })
}

fn entries_of(datum: &Datum<'_>) -> Outcome<BTreeMap<String, String>> {
    match value_of(datum)? {
        Value::Object(map) => {
            Ok(map.iter().map(|(key, value)| (key.clone(), json::write(value))).collect())
        }
        other => Err(refuse(
            100_071,
            "22000",
            format!("Failed to cast variant value {} to OBJECT", json::write(&other)),
        )),
    }
}

/// `OBJECT_INSERT(object, key, value[, update])`; a NULL value removes the key.
fn object_insert<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let [object, key, value, rest @ ..] = row else { return Ok(Datum::Null) };
    if object.is_null() || key.is_null() {
        return Ok(Datum::Null);
    }
    let update = match rest.first() {
        Some(flag) if !flag.is_null() => convert::to_boolean(flag)?,
        _ => false,
    };
    let mut entries = entries_of(object)?;
    let key = text_of(key, &call.zone)?.into_owned();
    if entries.contains_key(&key) && !update {
        return Err(refuse(100_090, "22000", format!("Duplicate field key '{key}'")));
    }
    if value.is_null() {
        entries.remove(&key);
    } else {
        entries.insert(key, json::of(value, &call.zone)?);
    }
    Ok(object_of(&entries))
}

/// Keeps the named keys, or all others. Names come one by one or in an array.
fn object_keep<'a>(call: &Call, row: &[Datum<'a>], named: bool) -> Outcome<Datum<'a>> {
    let mut names = vec![];
    for datum in row.iter().skip(1) {
        match datum {
            Datum::Json(_) => {
                for value in elements(datum)? {
                    names.push(json::to_text(json::write(&value).into()).into_owned());
                }
            }
            other => names.push(text_of(other, &call.zone)?.into_owned()),
        }
    }
    let mut entries = entries_of(&row[0])?;
    entries.retain(|key, _| names.contains(key) == named);
    Ok(object_of(&entries))
}

fn elements(datum: &Datum<'_>) -> Outcome<Vec<Value>> {
    Ok(match value_of(datum)? {
        Value::Array(values) => values,
        Value::Null => vec![],
        other => vec![other],
    })
}

fn rebuilt<'a>(datum: &Datum<'a>, mut keep: impl FnMut(&Value) -> bool) -> Outcome<Datum<'a>> {
    let values: Vec<Value> = elements(datum)?.into_iter().filter(|it| keep(it)).collect();
    Ok(json_of(&Value::Array(values)))
}

fn position(call: &Call, wanted: &Datum<'_>, array: &Datum<'_>) -> Outcome<Option<usize>> {
    let wanted = match wanted {
        Datum::Json(text) => json::scalar(text)?,
        other => other.clone(),
    };
    for (index, value) in elements(array)?.iter().enumerate() {
        let value = json::unpack(value);
        let comparable = matches!(
            (&value, &wanted),
            (Datum::Number(..) | Datum::Float(_), Datum::Number(..) | Datum::Float(_))
        ) || std::mem::discriminant(&value) == std::mem::discriminant(&wanted);
        if comparable && is_equal(&value, &wanted, &call.zone)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn extended<'a>(
    call: &Call,
    array: &Datum<'a>,
    value: &Datum<'a>,
    first: bool,
) -> Outcome<Datum<'a>> {
    if array.is_null() {
        return Ok(Datum::Null);
    }
    let mut values: Vec<String> = elements(array)?.iter().map(json::write).collect();
    let value = json::of(value, &call.zone)?;
    if first {
        values.insert(0, value);
    } else {
        values.push(value);
    }
    Ok(Datum::Json(format!("[{}]", values.join(",")).into()))
}

fn array_cat<'a>(_: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let mut values = elements(&row[0])?;
    values.extend(elements(&row[1])?);
    Ok(json_of(&Value::Array(values)))
}

/// From inclusive, to exclusive, both from zero; below zero from the end.
fn array_slice<'a>(_: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let values = elements(&row[0])?;
    let bound = |datum: &Datum<'_>| -> Outcome<usize> {
        let given = int_of(datum)?;
        let from_start = if given < 0 { values.len() as i64 + given } else { given };
        Ok(usize::try_from(from_start).unwrap_or(0).min(values.len()))
    };
    let (from, to) = (bound(&row[1])?, bound(&row[2])?);
    let part = values.get(from..to.max(from)).unwrap_or_default().to_vec();
    Ok(json_of(&Value::Array(part)))
}

fn array_to_string<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let separator = text_of(&row[1], &call.zone)?;
    let parts: Vec<String> = elements(&row[0])?
        .iter()
        .map(|it| match it {
            Value::Null => String::new(),
            other => json::to_text(json::write(other).into()).into_owned(),
        })
        .collect();
    Ok(Datum::text(parts.join(&separator)))
}

/// What one call may make; a list of more would not fit a VARIANT anyway.
const RANGE_MAX: usize = 1_000_000;

fn generate_range<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (start, stop) = (int_of(&row[0])?, int_of(&row[1])?);
    let step = row.get(2).map_or(Ok(1), int_of)?;
    if step == 0 {
        return Err(invalid_argument(call.name, "the step is 0"));
    }
    let mut values = vec![];
    let mut next = Some(start);
    while let Some(value) = next.filter(|it| if step > 0 { *it < stop } else { *it > stop }) {
        if values.len() == RANGE_MAX {
            return Err(invalid_argument(call.name, "the range is too long"));
        }
        values.push(value.to_string());
        next = value.checked_add(step);
    }
    Ok(Datum::Json(format!("[{}]", values.join(",")).into()))
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64()
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(_) => "BOOLEAN",
        Value::String(_) => "VARCHAR",
        Value::Array(_) => "ARRAY",
        Value::Object(_) => "OBJECT",
        Value::Number(_) if is_integer(value) => "INTEGER",
        // Written with an exponent it is a double, else a decimal.
        Value::Number(number) if json::write(value).contains('e') || number.as_f64().is_none() => {
            "DOUBLE"
        }
        Value::Number(_) => "DECIMAL",
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_type};

    #[test]
    fn text_is_parsed_and_keys_are_ordered() {
        check(
            "PARSE_JSON",
            r#"'{"b": [1, 2.50, null], "a": "x"}'"#,
            r#"{"a":"x","b":[1,2.5,null]}"#,
        );
        check("PARSE_JSON", "''", "NULL");
        check("TRY_PARSE_JSON", "'{'", "NULL");
        check("PARSE_JSON", "'{'", "100069 (22P02): Error parsing JSON: incomplete value, pos 1");
        check_type("PARSE_JSON", "'1'", "VARIANT");
        check_type("OBJECT_CONSTRUCT", "'a'|1", "OBJECT");
    }

    #[test]
    fn values_are_built() {
        check("OBJECT_CONSTRUCT", "'b'|1.50|'a'|'x'|'c'|null", r#"{"a":"x","b":1.5}"#);
        check("OBJECT_CONSTRUCT_KEEP_NULL", "'a'|null", r#"{"a":null}"#);
        check("OBJECT_CONSTRUCT", "'a'|1|'a'|2", "100090 (22000): Duplicate field key 'a'");
        check("OBJECT_CONSTRUCT", "", "{}");
        check("ARRAY_CONSTRUCT", "1|'a'|j'{\"b\":1}'|true|null", r#"[1,"a",{"b":1},true,null]"#);
        check("TO_VARIANT", "d'2024-02-29'", "\"2024-02-29\"");
        check("TO_ARRAY", "1", "[1]");
        check("ARRAY_GENERATE_RANGE", "2|7|2", "[2,4,6]");
    }

    #[test]
    fn values_are_taken_apart() {
        check("GET", "j'{\"a\":1}'|'a'", "1");
        check("GET", "j'{\"a\":1}'|'A'", "NULL");
        check("GET_IGNORE_CASE", "j'{\"a\":1}'|'A'", "1");
        check("GET", "a'[1,2]'|1", "2");
        check("GET_PATH", "j'{\"a\":{\"b c\":[10,{\"d\":true}]}}'|'a[\"b c\"][1].d'", "true");
        check("GET_PATH", "j'{\"a\":null}'|'a'", "null");
        check("ARRAY_SIZE", "a'[1,2]'", "2");
        check("OBJECT_KEYS", "o'{\"b\":1,\"a\":2}'", r#"["a","b"]"#);
        check("ARRAY_CONTAINS", "2|a'[1,2.0]'", "true");
        check("ARRAY_POSITION", "'x'|a'[1,\"x\"]'", "1");
        check("ARRAY_SLICE", "a'[1,2,3,4]'|1|-1", "[2,3]");
        check("ARRAY_TO_STRING", "a'[1,\"x\",null]'|','", "1,x,");
        check("ARRAY_DISTINCT", "a'[1,1,2]'", "[1,2]");
        check("ARRAY_INTERSECTION", "a'[1,1,2]'|a'[1,3]'", "[1]");
        check("OBJECT_INSERT", "o'{\"a\":1}'|'b'|2", r#"{"a":1,"b":2}"#);
        check("OBJECT_DELETE", "o'{\"a\":1,\"b\":2}'|'b'", r#"{"a":1}"#);
    }

    #[test]
    fn types_are_told_apart() {
        check("TYPEOF", "j'1'", "INTEGER");
        check("TYPEOF", "j'1.5'", "DECIMAL");
        check("TYPEOF", "j'null'", "NULL_VALUE");
        check("IS_INTEGER", "j'1'", "true");
        check("AS_INTEGER", "j'\"x\"'", "NULL");
        check("AS_VARCHAR", "j'\"x\"'", "x");
        check("AS_INTEGER", "j'7'", "7");
        check("STRIP_NULL_VALUE", "j'null'", "NULL");
    }
}
