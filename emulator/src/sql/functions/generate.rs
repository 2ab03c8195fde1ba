//! Generators: `SEQ4`, `RANDOM`, `UNIFORM` and the rest, and the rows of `GENERATOR`.
//!
//! They take the generator's hidden row number, so that a query gives the same rows on every
//! run, however the engine splits its batches. Their numbers are not Snowflake's own.

use super::convert::{int_of, to_float};
use super::datum::{Cells, Datum};
use super::hash::mix;
use super::kit::{
    Arguments, Body, Call, Entry, MANY, Outcome, invalid_argument, returns_float, returns_int,
    returns_text, typed,
};
use crate::types::DataType;
use datafusion::{
    arrow::{
        array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions},
        datatypes::{DataType as Arrow, Field, Schema, SchemaRef},
    },
    catalog::{TableProvider, streaming::StreamingTable},
    execution::TaskContext,
    physical_plan::{
        SendableRecordBatchStream, stream::RecordBatchStreamAdapter, streaming::PartitionStream,
    },
};
use std::sync::Arc;

pub(super) static ENTRIES: &[Entry] = &[
    Entry::new("SEQ1", (0, 2), returns_int, Body::Batch(|it| sequence(it, 1))).volatile(),
    Entry::new("SEQ2", (0, 2), returns_int, Body::Batch(|it| sequence(it, 2))).volatile(),
    Entry::new("SEQ4", (0, 2), returns_int, Body::Batch(|it| sequence(it, 4))).volatile(),
    Entry::new("SEQ8", (0, 2), returns_int, Body::Batch(|it| sequence(it, 8))).volatile(),
    Entry::new("RANDOM", (0, 2), returns_int, Body::Batch(random)).volatile(),
    Entry::new("UNIFORM", (3, 3), returns_uniform, Body::Strict(uniform)),
    Entry::new("NORMAL", (3, 3), returns_float, Body::Strict(normal)),
    Entry::new("ZIPF", (3, 3), returns_int, Body::Strict(zipf)),
    Entry::new("RANDSTR", (2, 2), returns_text, Body::Strict(random_text)),
    Entry::new("UUID_STRING", (0, MANY), returns_text, Body::Batch(uuid)).volatile(),
];

/// The name of the generator's hidden row number.
pub const ROW_COLUMN: &str = "__ROW";
/// DataFusion's own batch size.
const BATCH_ROWS: u64 = 8192;

/// The table of `GENERATOR(ROWCOUNT => row_count)`: one column, the row's number from 0.
pub fn generator(row_count: u64) -> Outcome<Arc<dyn TableProvider>> {
    let schema = Arc::new(Schema::new(vec![Field::new(ROW_COLUMN, Arrow::Int64, false)]));
    let rows = Rows { row_count, schema: Arc::clone(&schema) };
    Ok(Arc::new(StreamingTable::try_new(schema, vec![Arc::new(rows)])?))
}

#[derive(Debug)]
struct Rows {
    row_count: u64,
    schema: SchemaRef,
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (schema, row_count) = (Arc::clone(&self.schema), self.row_count);
        let starts = (0..row_count.div_ceil(BATCH_ROWS)).map(|it| it * BATCH_ROWS);
        let batches = starts.map(move |start| {
            let end = row_count.min(start + BATCH_ROWS);
            let numbers: ArrayRef =
                Arc::new(Int64Array::from_iter_values((start..end).map(|it| it as i64)));
            let options = RecordBatchOptions::new().with_row_count(Some((end - start) as usize));
            RecordBatch::try_new_with_options(Arc::clone(&schema), vec![numbers], &options)
                .map_err(super::kit::arrow)
        });
        let stream = futures::stream::iter(batches);
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream))
    }
}

/// A row's number: the hidden column where the call has it, else its place in the batch.
fn row_number(call: &Call, index: Option<usize>, row: usize) -> i64 {
    match index.and_then(|it| call.columns.get(it)).map(|it| it.get(row)) {
        Some(Datum::Number(value, _)) => value as i64,
        _ => row as i64,
    }
}

/// `SEQn([sign], row)`: `sign` 1 counts through the negative numbers after the largest one.
fn sequence(call: &Call, bytes: u32) -> Outcome<ArrayRef> {
    let (sign, row_column) = match &call.columns[..] {
        [] => (0, None),
        // One argument is the row number: the planner always adds it.
        [_] => (0, Some(0)),
        [sign, ..] => (int_of(&sign.get(0))?, Some(1)),
    };
    let bits = bytes * 8;
    let wrap = |number: i64| -> i64 {
        if bits == 64 {
            return number;
        }
        let cycle = 1_i64 << bits;
        let number = number.rem_euclid(cycle);
        if sign == 1 && number >= cycle / 2 { number - cycle } else { number }
    };
    let numbers = Int64Array::from_iter_values(match row_column.map(|it| &call.columns[it]) {
        Some(column) if !column.constant => match &column.cells {
            Cells::Int(numbers) => {
                return Ok(Arc::new(Int64Array::from_iter_values(
                    numbers.values().iter().map(|it| wrap(*it)),
                )));
            }
            _ => (0..call.rows)
                .map(|row| wrap(row_number(call, row_column, row)))
                .collect::<Vec<_>>(),
        },
        _ => (0..call.rows).map(|row| wrap(row as i64)).collect::<Vec<_>>(),
    });
    Ok(Arc::new(numbers))
}

/// `RANDOM()` without a seed differs between queries; with one it does not.
///
/// `RANDOM(row)` cannot be told from `RANDOM(seed)`: one argument is a seed if constant, else the
/// row number.
fn random(call: &Call) -> Outcome<ArrayRef> {
    let (seed, row_column) = match &call.columns[..] {
        [] => (None, None),
        [only] if only.constant => (Some(only.get(0)), None),
        [_] => (None, Some(0)),
        [seed, ..] => (Some(seed.get(0)), Some(1)),
    };
    let seed = match seed {
        Some(Datum::Null) | None => rand::random::<u64>(),
        Some(it) => mix(int_of(&it)? as u64 ^ 0x5eed),
    };
    let numbers = (0..call.rows)
        .map(|row| mix(seed.wrapping_add(mix(row_number(call, row_column, row) as u64))) as i64);
    Ok(Arc::new(Int64Array::from_iter_values(numbers)))
}

fn returns_uniform(arguments: &Arguments<'_>) -> Outcome<Field> {
    let whole = |index: usize| {
        matches!(arguments.kind(index), None | Some(DataType::Number { scale: 0, .. }))
    };
    if whole(0) && whole(1) {
        return returns_int(arguments);
    }
    Ok(typed(DataType::Float))
}

/// The generator's argument as 64 even bits. A constant gives the same for every row, as it does
/// on Snowflake.
fn bits_of(datum: &Datum<'_>) -> Outcome<u64> {
    Ok(match datum {
        Datum::Float(value) => mix(value.to_bits()),
        other => mix(int_of(other)? as u64 ^ 0x6765_6e65_7261_7465),
    })
}

/// Evenly in `[0, 1)`.
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

fn uniform<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let [low, high, generator] = row else { return Ok(Datum::Null) };
    let bits = bits_of(generator)?;
    if call.target.data_type() == &Arrow::Int64 {
        let (low, high) = (int_of(low)?, int_of(high)?);
        let span = i128::from(high) - i128::from(low) + 1;
        if span <= 0 {
            return Err(invalid_argument(call.name, "the minimum is above the maximum"));
        }
        // The upper 64 bits of a product spread `bits` over the span without a division.
        let step = (u128::from(bits) * span as u128) >> 64;
        return Ok(Datum::Number(i128::from(low) + step as i128, 0));
    }
    let (low, high) = (to_float(low)?, to_float(high)?);
    Ok(Datum::Float(low + (high - low) * unit(bits)))
}

fn normal<'a>(_: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let [mean, deviation, generator] = row else { return Ok(Datum::Null) };
    let bits = bits_of(generator)?;
    // Box-Muller; the first number must not be zero.
    let radius = (-2.0 * (1.0 - unit(bits)).ln()).sqrt();
    let angle = std::f64::consts::TAU * unit(mix(bits ^ 0x6e6f_726d));
    Ok(Datum::Float(to_float(mean)? + to_float(deviation)? * radius * angle.cos()))
}

/// `ZIPF(s, n, gen)`: ranks 1 to `n`. `n` is documented to be at most 16777215.
fn zipf<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let [exponent, count, generator] = row else { return Ok(Datum::Null) };
    let (exponent, count) = (to_float(exponent)?, int_of(count)?);
    if !(1..=16_777_215).contains(&count) || exponent < 1.0 {
        return Err(invalid_argument(call.name, "s must be above 1 and n from 1 to 16777215"));
    }
    // The inverse of the continuous distribution's cumulative function, then rounded down.
    let (point, last) = (unit(bits_of(generator)?), count as f64 + 1.0);
    let rank = if (exponent - 1.0).abs() < 1e-9 {
        last.powf(point)
    } else {
        let power = 1.0 - exponent;
        ((last.powf(power) - 1.0) * point + 1.0).powf(1.0 / power)
    };
    Ok(Datum::int((rank as i64).clamp(1, count)))
}

const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

fn random_text<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let [length, generator] = row else { return Ok(Datum::Null) };
    let length = int_of(length)?;
    if !(0..=i64::from(crate::types::TEXT_LENGTH_MAX)).contains(&length) {
        return Err(invalid_argument(call.name, format!("the length {length}")));
    }
    let mut bits = bits_of(generator)?;
    let text: String = (0..length)
        .map(|_| {
            bits = mix(bits.wrapping_add(0x9e37_79b9_7f4a_7c15));
            char::from(LETTERS[(bits % 62) as usize])
        })
        .collect();
    Ok(Datum::text(text))
}

/// Random ones; with a namespace and a name, the fifth version, which Snowflake gives too, is
/// not made here.
fn uuid(call: &Call) -> Outcome<ArrayRef> {
    let given = call.columns.iter().filter(|it| !matches!(it.cells, Cells::Int(_))).count();
    if given > 0 {
        return Err(super::kit::refused(crate::error::SqlError::not_implemented(
            "UUID_STRING with a namespace",
        )));
    }
    let texts = (0..call.rows).map(|_| Some(uuid::Uuid::new_v4().to_string()));
    Ok(Arc::new(texts.collect::<datafusion::arrow::array::StringArray>()))
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_aggregate, check_type};
    use super::*;
    use datafusion::{arrow::array::Array, prelude::SessionContext};

    fn many(name: &str, arguments: &[ArrayRef]) -> Vec<String> {
        let udf = super::super::scalar(name).expect("registered");
        let rows = arguments.first().map_or(0, |it| it.len());
        let fields: Vec<_> = arguments
            .iter()
            .map(|it| Arc::new(Field::new("", it.data_type().clone(), true)))
            .collect();
        let literals = vec![None; fields.len()];
        let field = udf
            .return_field_from_args(datafusion::logical_expr::ReturnFieldArgs {
                arg_fields: &fields,
                scalar_arguments: &literals,
            })
            .expect("a type");
        let result = udf
            .invoke_with_args(datafusion::logical_expr::ScalarFunctionArgs {
                args: arguments
                    .iter()
                    .map(|it| datafusion::logical_expr::ColumnarValue::Array(Arc::clone(it)))
                    .collect(),
                arg_fields: fields,
                number_rows: rows,
                return_field: Arc::clone(&field),
                config_options: Arc::default(),
            })
            .and_then(|it| it.into_array(rows))
            .expect("a result");
        (0..rows)
            .map(|row| super::super::check::show_array(&result.slice(row, 1), &field))
            .collect()
    }

    fn ints(values: impl IntoIterator<Item = i64>) -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(values))
    }

    #[test]
    fn sequences_follow_the_row_number_and_wrap() {
        assert_eq!(many("SEQ4", &[ints([0, 1, 70_000])]), ["0", "1", "70000"]);
        assert_eq!(many("SEQ1", &[ints([255, 256])]), ["255", "0"]);
        assert_eq!(many("SEQ1", &[ints([1, 1]), ints([127, 128])]), ["127", "-128"]);
    }

    #[test]
    fn a_seed_and_a_row_decide_a_random_number() {
        let one = many("RANDOM", &[ints([7; 4]), ints([0, 1, 2, 3])]);
        let split = many("RANDOM", &[ints([7; 2]), ints([2, 3])]);
        assert_eq!(one[2..], split);
        assert_ne!(one, many("RANDOM", &[ints([8; 4]), ints([0, 1, 2, 3])]));
        assert_ne!(one[0], one[1]);
    }

    #[test]
    fn uniform_reaches_both_ends_and_no_further() {
        let rows = 4000;
        let numbers = many("UNIFORM", &[ints([1; 4000]), ints([6; 4000]), ints(0..rows)]);
        let mut counts = [0; 8];
        for number in numbers {
            counts[number.parse::<usize>().expect("1 to 6")] += 1;
        }
        assert_eq!((counts[0], counts[7]), (0, 0));
        assert!(counts[1..=6].iter().all(|it| (500..850).contains(it)), "{counts:?}");
    }

    #[test]
    fn results_have_the_types_of_their_bounds() {
        check_type("UNIFORM", "1|10|1", "NUMBER(38,0)");
        check_type("UNIFORM", "1.0|10|1", "FLOAT");
        check("UNIFORM", "5|5|123", "5");
        check(
            "UNIFORM",
            "5|4|123",
            "001014 (22023): invalid argument for function [UNIFORM]: the minimum is above the maximum",
        );
        check("RANDSTR", "0|1", "");
        check("UNIFORM", "null|4|123", "NULL");
    }

    /// A table as the suites fill it, on one partition and on two.
    #[test]
    fn generated_tables_are_the_same_on_every_run() {
        check_aggregate(
            "HASH_AGG(ID, K, V, TS) FROM (SELECT SEQ4(__ROW) AS ID, MOD(SEQ4(__ROW), 1000) AS K, \
             UNIFORM(1, 1000, RANDOM(7, __ROW)) AS V, \
             DATEADD('second', -SEQ4(__ROW), TO_TIMESTAMP('2026-01-01')) AS TS FROM ROWS)",
            "6803684142913062760",
        );
        check_aggregate("COUNT(DISTINCT MOD(SEQ4(__ROW), 1000)) FROM ROWS", "1000");
        check_aggregate("COUNT(DISTINCT UNIFORM(1, 1000, RANDOM(7, __ROW))) FROM ROWS", "1000");
    }

    #[tokio::test]
    async fn a_generator_streams_its_rows_in_order() {
        let context = SessionContext::new();
        context.register_table("g", generator(20_000).expect("a table")).expect("registered");
        let query = "select count(*), min(\"__ROW\"), max(\"__ROW\") from g";
        let batches = context.sql(query).await.expect("plans").collect().await.expect("runs");
        let row: Vec<String> = (0..3)
            .map(|column| {
                let array = batches[0].column(column);
                super::super::check::show_array(array, batches[0].schema().field(column))
            })
            .collect();
        assert_eq!(row, ["20000", "0", "19999"]);
    }
}
