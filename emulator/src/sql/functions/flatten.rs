//! `FLATTEN` as a function: `SF_FLATTEN(input, path, outer, recursive, mode)` gives the list of
//! structs that the planner unnests into `SEQ, KEY, PATH, INDEX, VALUE, THIS`.

use super::convert::{text_of, to_boolean};
use super::datum::Datum;
use super::json;
use super::kit::{Arguments, Body, Call, Entry, Outcome, arrow, invalid_argument};
use super::path;
use super::variant::value_of;
use crate::{error::SqlError, types::DataType};
use datafusion::arrow::{
    array::{ArrayRef, Int64Builder, ListArray, StringBuilder, StructArray},
    buffer::OffsetBuffer,
    datatypes::{DataType as Arrow, Field, FieldRef, Fields},
};
use datafusion::logical_expr::Expr;
use serde_json::Value;
use std::sync::Arc;

pub(super) static ENTRIES: &[Entry] =
    &[Entry::new("SF_FLATTEN", (1, 5), returns_rows, Body::Batch(rows))];

/// The columns that FLATTEN has.
pub fn flattened_columns() -> Fields {
    row_fields()
}

/// FLATTEN's list of rows, of its five arguments.
pub fn flatten(arguments: Vec<Expr>) -> Result<Expr, SqlError> {
    let function = super::scalar("SF_FLATTEN");
    let function = function.ok_or_else(|| SqlError::internal("FLATTEN is not registered"))?;
    Ok(function.call(arguments))
}

fn row_fields() -> Fields {
    let variant = |name: &str| DataType::Variant.to_field(name, true);
    Fields::from(vec![
        Field::new("SEQ", Arrow::Int64, true),
        Field::new("KEY", Arrow::Utf8, true),
        Field::new("PATH", Arrow::Utf8, true),
        Field::new("INDEX", Arrow::Int64, true),
        variant("VALUE"),
        variant("THIS"),
    ])
}

fn item() -> FieldRef {
    Arc::new(Field::new_list_field(Arrow::Struct(row_fields()), true))
}

fn returns_rows(_: &Arguments<'_>) -> Outcome<Field> {
    Ok(Field::new("", Arrow::List(item()), true))
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Object,
    Array,
    Both,
}

#[derive(Default)]
struct Rows {
    seq: Int64Builder,
    key: StringBuilder,
    path: StringBuilder,
    index: Int64Builder,
    value: StringBuilder,
    this: StringBuilder,
    count: usize,
}

/// One element on its way to be a row.
enum Place<'p> {
    Key(&'p str),
    Index(usize),
}

impl Rows {
    fn push(&mut self, seq: i64, place: &Place<'_>, path: &str, value: &Value, this: &str) {
        self.seq.append_value(seq);
        match place {
            Place::Key(key) => {
                self.key.append_value(key);
                self.index.append_null();
            }
            Place::Index(index) => {
                self.key.append_null();
                self.index.append_value(*index as i64);
            }
        }
        self.path.append_value(path);
        self.value.append_value(json::write(value));
        self.this.append_value(this);
        self.count += 1;
    }

    /// The one row that `OUTER` gives for nothing.
    fn push_empty(&mut self, seq: i64) {
        self.seq.append_value(seq);
        self.key.append_null();
        self.index.append_null();
        self.path.append_null();
        self.value.append_null();
        self.this.append_null();
        self.count += 1;
    }

    fn walk(&mut self, seq: i64, value: &Value, at: &str, recursive: bool, mode: Mode) {
        let this = json::write(value);
        match value {
            Value::Array(values) if mode != Mode::Object => {
                for (index, value) in values.iter().enumerate() {
                    let path = format!("{at}[{index}]");
                    self.push(seq, &Place::Index(index), &path, value, &this);
                    if recursive {
                        self.walk(seq, value, &path, recursive, mode);
                    }
                }
            }
            Value::Object(map) if mode != Mode::Array => {
                let mut entries: Vec<_> = map.iter().collect();
                entries.sort_by(|a, b| a.0.cmp(b.0));
                for (key, value) in entries {
                    let path = join(at, key);
                    self.push(seq, &Place::Key(key), &path, value, &this);
                    if recursive {
                        self.walk(seq, value, &path, recursive, mode);
                    }
                }
            }
            _ => {}
        }
    }
}

/// A key after a path, in brackets where it is not a plain name.
fn join(at: &str, key: &str) -> String {
    let plain = key.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
        && key.chars().next().is_some_and(|it| !it.is_ascii_digit());
    match (plain, at.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{at}.{key}"),
        (false, _) => format!("{at}['{key}']"),
    }
}

fn rows(call: &Call) -> Outcome<ArrayRef> {
    let mut rows = Rows::default();
    let mut lengths = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let argument =
            |index: usize| call.columns.get(index).map(|it| it.get(row)).filter(|it| !it.is_null());
        let flag = |index: usize| argument(index).map_or(Ok(false), |it| to_boolean(&it));
        let (outer, recursive) = (flag(2)?, flag(3)?);
        let mode = match argument(4) {
            None => Mode::Both,
            Some(it) => match text_of(&it, &call.zone)?.to_ascii_uppercase().as_str() {
                "BOTH" => Mode::Both,
                "OBJECT" => Mode::Object,
                "ARRAY" => Mode::Array,
                other => return Err(invalid_argument("FLATTEN", format!("the mode '{other}'"))),
            },
        };
        let (before, seq) = (rows.count, row as i64 + 1);
        if let Some(input) = argument(0) {
            let source = match argument(1) {
                Some(it) => text_of(&it, &call.zone)?.into_owned(),
                None => String::new(),
            };
            // Text is not taken for JSON, as on Snowflake: it has to be parsed first.
            if let Datum::Json(_) = &input {
                let value = value_of(&input)?;
                if let Some(start) = path::find(&value, &path::parse(&source)?) {
                    rows.walk(seq, start, &source, recursive, mode);
                }
            }
        }
        if outer && rows.count == before {
            rows.push_empty(seq);
        }
        lengths.push(rows.count - before);
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.seq.finish()),
        Arc::new(rows.key.finish()),
        Arc::new(rows.path.finish()),
        Arc::new(rows.index.finish()),
        Arc::new(rows.value.finish()),
        Arc::new(rows.this.finish()),
    ];
    let structs = StructArray::try_new(row_fields(), columns, None).map_err(arrow)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(item(), offsets, Arc::new(structs), None).map_err(arrow)?))
}

#[cfg(test)]
mod tests {
    use super::super::check::{call, parse_arguments};
    use datafusion::arrow::array::{Array, AsArray};

    #[track_caller]
    fn check(arguments: &str, expected: &[&str]) {
        let udf = super::super::scalar("SF_FLATTEN").expect("registered");
        let (list, _) = call(&udf, &parse_arguments(arguments), 2, false).expect("flattens");
        let rows = list.as_list::<i32>().value(0);
        let rows = rows.as_struct();
        let actual: Vec<String> = (0..rows.len())
            .map(|row| {
                let path = rows.column(2).as_string::<i32>();
                let value = rows.column(4).as_string::<i32>();
                let shown = |it: &datafusion::arrow::array::StringArray| {
                    if it.is_null(row) { "NULL".to_owned() } else { it.value(row).to_owned() }
                };
                format!("{} {}", shown(path), shown(value))
            })
            .collect();
        assert_eq!(actual, expected, "{arguments}");
    }

    #[test]
    fn elements_become_rows() {
        check("a'[1,\"x\"]'", &["[0] 1", "[1] \"x\""]);
        check("o'{\"b c\":1,\"a\":2}'", &["a 2", "['b c'] 1"]);
        check("j'{\"a\":{\"b\":[5]}}'|'a.b'", &["a.b[0] 5"]);
        check("j'{\"a\":[5]}'|''|false|true", &["a [5]", "a[0] 5"]);
        check("a'[]'", &[]);
        check("a'[]'|''|true", &["NULL NULL"]);
        check("null|''|true", &["NULL NULL"]);
        check("j'{\"a\":[5]}'|''|false|true|'ARRAY'", &[]);
    }
}
