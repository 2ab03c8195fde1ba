//! One way into the functions for tests: arguments and results as text.

use super::datum::{Column, Datum};
use super::kit::Outcome;
use super::zone::Zone;
use super::{calendar, convert, decimal};
use crate::{error::SqlError, types::DataType};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef},
        compute::concat,
        datatypes::{Field, FieldRef},
    },
    common::ScalarValue,
    config::ConfigOptions,
    error::DataFusionError,
    logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF},
};
use std::sync::Arc;

/// Calls a function with literals, and with arrays of the same values, and compares the result
/// as text. Arguments are separated by `|`: `null`, `12`, `1.50`, `1e0`, `true`, `'text'`,
/// `d'date'`, `t'time'`, `n'timestamp_ntz'`, `l'…_ltz'`, `z'…_tz'`, `j'json'`, `o'object'`,
/// `a'array'`, `x'binary'`.
#[track_caller]
pub(super) fn check(function: &str, arguments: &str, expected: &str) {
    let udf = super::scalar(function).unwrap_or_else(|| panic!("no function {function}"));
    check_udf(&udf, arguments, expected);
}

#[track_caller]
pub(super) fn check_udf(udf: &ScalarUDF, arguments: &str, expected: &str) {
    let arguments = parse_arguments(arguments);
    let folded = shown(call(udf, &arguments, 1, true));
    assert_eq!(folded, expected, "{}({arguments:?}) of literals", udf.name());
    if !arguments.is_empty() {
        let rows = shown(call(udf, &arguments, 3, false));
        assert_eq!(rows, expected, "{}({arguments:?}) of columns", udf.name());
    }
}

/// The Snowflake type of a call's result.
#[track_caller]
pub(super) fn check_type(function: &str, arguments: &str, expected: &str) {
    let udf = super::scalar(function).unwrap_or_else(|| panic!("no function {function}"));
    let arguments = parse_arguments(arguments);
    let actual = match return_field(&udf, &arguments, true) {
        Ok(field) => match super::datum::kind_of(&field) {
            Ok(Some(kind)) => kind.to_string(),
            other => format!("{other:?}"),
        },
        Err(error) => shown_error(&error),
    };
    assert_eq!(actual, expected, "{function}({arguments:?})");
}

pub(super) fn parse_arguments(text: &str) -> Vec<(ScalarValue, FieldRef)> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for it in text.chars() {
        match it {
            '\'' => {
                quoted = !quoted;
                parts.last_mut().expect("begins with one").push(it);
            }
            '|' if !quoted => parts.push(String::new()),
            it => parts.last_mut().expect("begins with one").push(it),
        }
    }
    if text.is_empty() {
        return vec![];
    }
    parts.iter().map(|it| literal(it)).collect()
}

fn literal(text: &str) -> (ScalarValue, FieldRef) {
    let plain = |value: ScalarValue| {
        let field = Field::new("", value.data_type(), true);
        (value, Arc::new(field))
    };
    match text {
        "null" => return plain(ScalarValue::Null),
        "true" | "false" => return plain(ScalarValue::Boolean(Some(text == "true"))),
        _ => {}
    }
    if let Some((prefix, rest)) = text.split_once('\'') {
        let inner = rest.trim_end_matches('\'');
        let kind = match prefix {
            "" => return plain(ScalarValue::Utf8(Some(inner.to_owned()))),
            "d" => DataType::Date,
            "t" => DataType::Time { scale: 9 },
            "n" => DataType::TimestampNtz { scale: 9 },
            "l" => DataType::TimestampLtz { scale: 9 },
            "z" => DataType::TimestampTz { scale: 9 },
            "j" => DataType::Variant,
            "o" => DataType::Object,
            "a" => DataType::Array,
            "x" => DataType::Binary { length: 8 },
            other => panic!("no literal prefix {other}"),
        };
        let datum = if super::datum::is_json(&kind) {
            Datum::Json(inner.into())
        } else {
            convert::convert(Datum::text(inner), &kind, &Zone::UTC).expect("a literal converts")
        };
        let mut sink = super::datum::Sink::new(&kind.to_arrow(), 1).expect("a sink");
        sink.push(&datum).expect("its own type");
        let value = ScalarValue::try_from_array(&sink.finish(), 0).expect("one value");
        return (value, Arc::new(kind.to_field("", true)));
    }
    if text.contains(['e', 'E']) {
        return plain(ScalarValue::Float64(Some(text.parse().expect("a float"))));
    }
    if text.contains('.') {
        let decimal::Parsed::Value(value, scale) = decimal::parse(text, None) else {
            panic!("not a number: {text}");
        };
        let digits = value.unsigned_abs().checked_ilog10().unwrap_or(0) as u8 + 1;
        return plain(ScalarValue::Decimal128(Some(value), digits.max(scale as u8), scale));
    }
    plain(ScalarValue::Int64(Some(text.parse().expect("a whole number"))))
}

fn return_field(
    udf: &ScalarUDF,
    arguments: &[(ScalarValue, FieldRef)],
    literals: bool,
) -> Outcome<FieldRef> {
    let fields: Vec<FieldRef> = arguments.iter().map(|it| Arc::clone(&it.1)).collect();
    let types: Vec<_> = fields.iter().map(|it| it.data_type().clone()).collect();
    udf.coerce_types(&types)?;
    let scalars: Vec<Option<&ScalarValue>> =
        arguments.iter().map(|it| literals.then_some(&it.0)).collect();
    udf.return_field_from_args(ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &scalars })
}

/// With `literals`, arguments are constants; else arrays, but what the planner knows is the same,
/// so that types that hang on a literal do not differ.
pub(super) fn call(
    udf: &ScalarUDF,
    arguments: &[(ScalarValue, FieldRef)],
    rows: usize,
    literals: bool,
) -> Outcome<(ArrayRef, FieldRef)> {
    let return_field = return_field(udf, arguments, true)?;
    let args = arguments
        .iter()
        .map(|(value, _)| {
            if literals {
                Ok(ColumnarValue::Scalar(value.clone()))
            } else {
                value.to_array_of_size(rows).map(ColumnarValue::Array)
            }
        })
        .collect::<Outcome<Vec<_>>>()?;
    let result = udf.invoke_with_args(ScalarFunctionArgs {
        args,
        arg_fields: arguments.iter().map(|it| Arc::clone(&it.1)).collect(),
        number_rows: rows,
        return_field: Arc::clone(&return_field),
        config_options: Arc::new(ConfigOptions::default()),
    })?;
    let array = match result {
        ColumnarValue::Array(array) => {
            assert_eq!(array.len(), rows, "rows of {}", udf.name());
            array
        }
        ColumnarValue::Scalar(value) => value.to_array()?,
    };
    let last = array.slice(array.len() - 1, 1);
    Ok((concat(&[last.as_ref()])?, return_field))
}

/// The last row as text.
pub(super) fn shown(result: Outcome<(ArrayRef, FieldRef)>) -> String {
    match result {
        Ok((array, field)) => show_array(&array, &field),
        Err(error) => shown_error(&error),
    }
}

pub(super) fn show_array(array: &ArrayRef, field: &Field) -> String {
    let column = Column::new(array, field, false).expect("a known type");
    match column.get(array.len() - 1) {
        Datum::Null => "NULL".to_owned(),
        Datum::Json(text) => text.into_owned(),
        Datum::Ntz(ns) => super::format::print(ns, 0, "YYYY-MM-DD HH24:MI:SS.FF9"),
        Datum::Time(ns) if ns % calendar::SECOND_NS != 0 => {
            super::format::print_parts(0, ns, 0, "HH24:MI:SS.FF9")
        }
        other => convert::to_text(other, &Zone::UTC).expect("a value prints").into_owned(),
    }
}

pub(super) fn shown_error(error: &DataFusionError) -> String {
    match error {
        DataFusionError::External(inner) => match inner.downcast_ref::<SqlError>() {
            Some(error) => error.to_string(),
            None => format!("not a refusal: {inner}"),
        },
        other => format!("not a refusal: {other}"),
    }
}

/// Runs `SELECT <what>` through the engine, over a table of three rows: `N` 1, 2, 4; `D` 1.00,
/// 2.00, NULL; `S` a, b, c; `G` x, x, y; `Z` NULL. `ROWS` is a generator of 100,000.
#[track_caller]
pub(super) fn check_aggregate(what: &str, expected: &str) {
    let (from, what) = if what.contains(" FROM ") { ("", what) } else { (" FROM T", what) };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for partitions in [1, 2] {
        let actual = runtime.block_on(run(&format!("SELECT {what}{from}"), partitions));
        assert_eq!(actual, expected, "{what} on {partitions} partitions");
    }
}

async fn run(sql: &str, partitions: usize) -> String {
    use datafusion::{
        arrow::array::{Decimal128Array, Int64Array, RecordBatch, StringArray},
        common::TableReference,
        datasource::MemTable,
        prelude::{SessionConfig, SessionContext},
    };
    let mut config = SessionConfig::new().with_target_partitions(partitions);
    config.options_mut().sql_parser.enable_ident_normalization = false;
    config.options_mut().sql_parser.parse_float_as_decimal = true;
    config.options_mut().sql_parser.map_string_types_to_utf8view = false;
    let context = SessionContext::new_with_config(config);
    // The engine looks unquoted names up in lower case.
    let lower = |name: &str| -> &'static str { name.to_ascii_lowercase().leak() };
    for (name, udf) in super::AGGREGATES.iter() {
        context.register_udaf(udf.as_ref().clone().with_aliases([lower(name)]));
    }
    for (name, udf) in super::SCALARS.iter() {
        context.register_udf(udf.as_ref().clone().with_aliases([lower(name)]));
    }
    for (name, udf) in super::WINDOWS.iter() {
        context.register_udwf(udf.as_ref().clone().with_aliases([lower(name)]));
    }
    let decimals = Decimal128Array::from(vec![Some(100), Some(200), None]);
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("N", Arc::new(Int64Array::from(vec![1, 2, 4])) as ArrayRef, true),
        ("D", Arc::new(decimals.with_precision_and_scale(10, 2).expect("fits")), true),
        ("S", Arc::new(StringArray::from(vec!["a", "b", "c"])), true),
        ("G", Arc::new(StringArray::from(vec!["x", "x", "y"])), true),
        ("Z", Arc::new(StringArray::from(vec![None::<&str>; 3])), true),
    ])
    .expect("a batch");
    let halves = vec![vec![batch.slice(0, 2)], vec![batch.slice(2, 1)]];
    let table = MemTable::try_new(batch.schema(), halves).expect("a table");
    context.register_table(TableReference::bare("T"), Arc::new(table)).expect("registered");
    let rows = super::generator(100_000).expect("a table");
    context.register_table(TableReference::bare("ROWS"), rows).expect("registered");
    let result = async {
        let frame = context.sql(sql).await?;
        let schema = Arc::clone(frame.schema().inner());
        let batches = frame.collect().await?;
        let batch = batches.into_iter().find(|it| it.num_rows() > 0).expect("a row");
        Ok::<_, DataFusionError>((Arc::clone(batch.column(0)), Arc::new(schema.field(0).clone())))
    };
    match result.await {
        Ok((array, field)) => show_array(&array, &field),
        Err(error) => shown_error(error.find_root()),
    }
}
