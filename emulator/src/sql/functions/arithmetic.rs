//! The operators `+ - * / %` under Snowflake's rules for precision and scale.
//!
//! <https://docs.snowflake.com/en/sql-reference/operators-arithmetic>: precision stops at 38;
//! a product has scale `min(s1 + s2, max(s1, s2, 12))`, a quotient `max(s1, min(s1 + 6, 12))`.

use super::calendar::Part;
use super::convert::{int_of, timestamp_out_of_range, to_float};
use super::datum::{Cells, Column, Datum};
use super::decimal::{self, PRECISION_MAX};
use super::kit::{Arguments, Body, Call, Entry, Outcome, division_by_zero, invalid_types, typed};
use crate::types::DataType;
use datafusion::arrow::{
    array::{Array, ArrayRef, Decimal128Array, Decimal128Builder, Float64Builder},
    datatypes::{DataType as Arrow, Field},
};
use std::sync::Arc;

pub(super) static ENTRIES: &[Entry] = &[
    Entry::new("SF_ADD", (2, 2), |it| result_type(it, Operator::Add), Body::Batch(add)),
    Entry::new("SF_SUB", (2, 2), |it| result_type(it, Operator::Subtract), Body::Batch(subtract)),
    Entry::new("SF_MUL", (2, 2), |it| result_type(it, Operator::Multiply), Body::Batch(multiply)),
    Entry::new("SF_DIV", (2, 2), |it| result_type(it, Operator::Divide), Body::Batch(divide)),
    Entry::new("SF_MOD", (2, 2), |it| result_type(it, Operator::Modulo), Body::Batch(modulo)),
    Entry::new("MOD", (2, 2), |it| result_type(it, Operator::Modulo), Body::Batch(modulo)),
    Entry::new("DIV0", (2, 2), |it| result_type(it, Operator::Divide), Body::Batch(divide_or_zero)),
    Entry::new(
        "DIV0NULL",
        (2, 2),
        |it| result_type(it, Operator::Divide),
        Body::Batch(divide_or_zero_null),
    ),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// Precision and scale of a number. 64-bit integers count 19 digits, literals too: the type of an
/// expression must not change when the optimizer folds an operand into a literal.
fn precision_and_scale(field: &Field) -> Option<(u8, i8)> {
    match field.data_type() {
        Arrow::Decimal128(precision, scale) => Some((*precision, *scale)),
        it if it.is_integer() => Some((19, 0)),
        Arrow::Boolean | Arrow::Null => Some((1, 0)),
        // Text is read as NUMBER(18,5), as Snowflake does in arithmetic.
        Arrow::Utf8 => Some((18, 5)),
        _ => None,
    }
}

fn combine(operator: Operator, left: (u8, i8), right: (u8, i8)) -> (u8, i8) {
    let whole = |(precision, scale): (u8, i8)| i16::from(precision) - i16::from(scale);
    let (s1, s2) = (left.1, right.1);
    let (digits, scale) = match operator {
        Operator::Add | Operator::Subtract => (whole(left).max(whole(right)) + 1, s1.max(s2)),
        Operator::Multiply => (whole(left) + whole(right), (s1 + s2).min(s1.max(s2).max(12))),
        Operator::Divide => (whole(left) + i16::from(s2), quotient_scale(s1)),
        Operator::Modulo => (whole(left).max(whole(right)), s1.max(s2)),
    };
    let precision = (digits.max(0) + i16::from(scale)).clamp(1, i16::from(PRECISION_MAX));
    (precision as u8, scale)
}

/// The scale of a quotient, and of an average.
pub(super) fn quotient_scale(scale: i8) -> i8 {
    scale.max((scale + 6).min(12))
}

/// `DATE + n` and `DATE - n` move by days, `DATE - DATE` counts them.
fn date_result(arguments: &Arguments<'_>, operator: Operator) -> Option<DataType> {
    let is_date = |index: usize| arguments.kind(index) == Some(&DataType::Date);
    let is_number = |index: usize| {
        matches!(arguments.kind(index), None | Some(DataType::Number { .. } | DataType::Float))
    };
    match operator {
        Operator::Add if is_date(0) && is_number(1) || is_number(0) && is_date(1) => {
            Some(DataType::Date)
        }
        Operator::Subtract if is_date(0) && is_number(1) => Some(DataType::Date),
        Operator::Subtract if is_date(0) && is_date(1) => {
            Some(DataType::Number { precision: 9, scale: 0 })
        }
        _ => None,
    }
}

/// Runs the forms of [`date_result`]; `None` for all others.
fn dates(call: &Call, sign: i64) -> Option<Outcome<ArrayRef>> {
    let is_date = |index: usize| call.kind(index) == Some(&DataType::Date);
    if !is_date(0) && !is_date(1) {
        return None;
    }
    Some(call.each(true, |row| match row {
        [Datum::Date(left), Datum::Date(right)] => {
            Ok(Datum::int(i64::from(*left) - i64::from(*right)))
        }
        [Datum::Date(days), count] | [count, Datum::Date(days)] => {
            let moved = Part::Day.add_to_date(*days, sign * int_of(count)?);
            moved.map(Datum::Date).ok_or_else(timestamp_out_of_range)
        }
        _ => Ok(Datum::Null),
    }))
}

fn result_type(arguments: &Arguments<'_>, operator: Operator) -> Outcome<Field> {
    if let Some(kind) = date_result(arguments, operator) {
        return Ok(typed(kind));
    }
    if arguments.kinds.contains(&Some(DataType::Float)) {
        return Ok(typed(DataType::Float));
    }
    // VARIANT operands are numbers of no known scale; Snowflake computes with doubles then.
    if arguments.kinds.contains(&Some(DataType::Variant)) {
        return Ok(typed(DataType::Float));
    }
    let side = |index: usize| arguments.fields.get(index).and_then(|it| precision_and_scale(it));
    match (side(0), side(1)) {
        (Some(left), Some(right)) => {
            let (precision, scale) = combine(operator, left, right);
            Ok(typed(DataType::Number { precision, scale }))
        }
        _ => {
            let symbol = match operator {
                Operator::Add => "+",
                Operator::Subtract => "-",
                Operator::Multiply => "*",
                Operator::Divide => "/",
                Operator::Modulo => "MOD",
            };
            Err(invalid_types(symbol, &arguments.kinds))
        }
    }
}

/// A side of a decimal operation as unscaled integers.
struct Side<'a> {
    column: &'a Column,
    scale: i8,
}

impl<'a> Side<'a> {
    fn new(column: &'a Column) -> Self {
        let scale = match &column.cells {
            Cells::Decimal(_, scale) => *scale,
            Cells::Text(_) => 5,
            _ => 0,
        };
        Self { column, scale }
    }

    fn get(&self, row: usize) -> Outcome<Option<i128>> {
        let row = if self.column.constant { 0 } else { row };
        Ok(match &self.column.cells {
            Cells::Int(it) => it.is_valid(row).then(|| i128::from(it.value(row))),
            Cells::Decimal(it, _) => it.is_valid(row).then(|| it.value(row)),
            cells => match cells.get(row) {
                Datum::Null => None,
                other => match super::convert::to_number(&other, PRECISION_MAX, self.scale)? {
                    Datum::Number(value, _) => Some(value),
                    _ => None,
                },
            },
        })
    }
}

fn run(
    call: &Call,
    floats: impl Fn(f64, f64) -> Outcome<f64>,
    decimals: impl Fn((i128, i8), (i128, i8), i8) -> Outcome<Option<i128>>,
) -> Outcome<ArrayRef> {
    let [left, right] = &call.columns[..] else {
        return Err(super::kit::internal("an operator without two operands"));
    };
    let Arrow::Decimal128(precision, scale) = *call.target.data_type() else {
        let mut out = Float64Builder::with_capacity(call.rows);
        for row in 0..call.rows {
            let (a, b) = (number(left.get(row), call)?, number(right.get(row), call)?);
            match (a, b) {
                (Some(a), Some(b)) => out.append_value(floats(a, b)?),
                _ => out.append_null(),
            }
        }
        return Ok(Arc::new(out.finish()));
    };
    let (left, right) = (Side::new(left), Side::new(right));
    let mut out = Decimal128Builder::with_capacity(call.rows);
    for row in 0..call.rows {
        match (left.get(row)?, right.get(row)?) {
            (Some(a), Some(b)) => {
                let value = decimals((a, left.scale), (b, right.scale), scale)?
                    .filter(|it| decimal::fits(*it, PRECISION_MAX))
                    .ok_or_else(|| decimal::out_of_range_text(precision, scale, "above 1e+38"))?;
                out.append_value(value);
            }
            _ => out.append_null(),
        }
    }
    finish(out, precision, scale)
}

fn finish(mut out: Decimal128Builder, precision: u8, scale: i8) -> Outcome<ArrayRef> {
    let array: Decimal128Array =
        out.finish().with_precision_and_scale(precision, scale).map_err(super::kit::arrow)?;
    Ok(Arc::new(array))
}

fn number(datum: Datum<'_>, call: &Call) -> Outcome<Option<f64>> {
    match datum {
        Datum::Null => Ok(None),
        Datum::Json(_) => match super::convert::convert(datum, &DataType::Float, &call.zone)? {
            Datum::Float(it) => Ok(Some(it)),
            _ => Ok(None),
        },
        other => to_float(&other).map(Some),
    }
}

/// Both sides at one scale.
fn aligned(a: (i128, i8), b: (i128, i8), scale: i8) -> Option<(i128, i128)> {
    Some((decimal::rescale(a.0, a.1, scale)?, decimal::rescale(b.0, b.1, scale)?))
}

fn add(call: &Call) -> Outcome<ArrayRef> {
    if let Some(moved) = dates(call, 1) {
        return moved;
    }
    run(
        call,
        |a, b| Ok(a + b),
        |a, b, scale| Ok(aligned(a, b, scale).and_then(|(a, b)| a.checked_add(b))),
    )
}

fn subtract(call: &Call) -> Outcome<ArrayRef> {
    if let Some(moved) = dates(call, -1) {
        return moved;
    }
    run(
        call,
        |a, b| Ok(a - b),
        |a, b, scale| Ok(aligned(a, b, scale).and_then(|(a, b)| a.checked_sub(b))),
    )
}

fn multiply(call: &Call) -> Outcome<ArrayRef> {
    run(
        call,
        |a, b| Ok(a * b),
        |a, b, scale| {
            Ok(a.0.checked_mul(b.0).and_then(|it| decimal::rescale(it, a.1 + b.1, scale)))
        },
    )
}

fn divide(call: &Call) -> Outcome<ArrayRef> {
    run(
        call,
        |a, b| if b == 0.0 { Err(division_by_zero()) } else { Ok(a / b) },
        |a, b, scale| {
            if b.0 == 0 { Err(division_by_zero()) } else { Ok(decimal::divide(a, b, scale)) }
        },
    )
}

fn divide_or_zero(call: &Call) -> Outcome<ArrayRef> {
    run(
        call,
        |a, b| Ok(if b == 0.0 { 0.0 } else { a / b }),
        |a, b, scale| Ok(if b.0 == 0 { Some(0) } else { decimal::divide(a, b, scale) }),
    )
}

/// `DIV0NULL`: a divisor of NULL counts as zero too.
fn divide_or_zero_null(call: &Call) -> Outcome<ArrayRef> {
    let plain = divide_or_zero(call)?;
    let [left, right] = &call.columns[..] else { return Ok(plain) };
    let mut sink = super::datum::Sink::new(call.target.data_type(), call.rows)?;
    let cells = Cells::new(&plain, false)?;
    for row in 0..call.rows {
        if right.get(row).is_null() && !left.get(row).is_null() {
            sink.push(&Datum::Number(0, 0))?;
        } else {
            sink.push(&cells.get(row))?;
        }
    }
    Ok(sink.finish())
}

fn modulo(call: &Call) -> Outcome<ArrayRef> {
    run(
        call,
        |a, b| if b == 0.0 { Err(division_by_zero()) } else { Ok(a % b) },
        |a, b, scale| {
            if b.0 == 0 {
                return Err(division_by_zero());
            }
            Ok(aligned(a, b, scale).map(|(a, b)| a % b))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_type};

    #[test]
    fn quotients_have_the_documented_scale() {
        check("SF_DIV", "1|3", "0.333333");
        check("SF_DIV", "2|3", "0.666667");
        check("SF_DIV", "-5.00|2", "-2.50000000");
        check("SF_DIV", "1.0e0|3", "0.3333333333333333");
        check("SF_DIV", "1|0", "100051 (22012): Division by zero");
        check("SF_DIV", "1|0e0", "100051 (22012): Division by zero");
        check("SF_DIV", "null|0", "NULL");
        check_type("SF_DIV", "1.00|3", "NUMBER(9,8)");
        check("DIV0", "1|0", "0.000000");
        check("DIV0", "1|null", "NULL");
        check("DIV0NULL", "1|null", "0.000000");
    }

    #[test]
    fn dates_move_by_days() {
        check("SF_ADD", "d'2024-02-28'|2", "2024-03-01");
        check("SF_ADD", "2|d'2024-02-28'", "2024-03-01");
        check("SF_SUB", "d'2024-03-01'|1", "2024-02-29");
        check("SF_SUB", "d'2024-03-01'|d'2024-02-28'", "2");
        check("SF_SUB", "d'2024-03-01'|null", "NULL");
        check(
            "SF_ADD",
            "d'2024-03-01'|true",
            "001044 (42P13): SQL compilation error:\nInvalid argument types for function '+': (DATE, BOOLEAN)",
        );
    }

    #[test]
    fn products_and_sums_have_the_documented_type() {
        check_type("SF_MUL", "1.50|2.5", "NUMBER(5,3)");
        check("SF_MUL", "1.50|2", "3.00");
        check_type("SF_ADD", "1.50|2.5", "NUMBER(4,2)");
        check_type("SF_ADD", "1|2", "NUMBER(20,0)");
        check("SF_ADD", "1.50|2", "3.50");
        check("SF_SUB", "1|2.25", "-1.25");
        check("SF_MUL", "0.1234567|0.1234567", "0.015241556775");
        check("SF_MOD", "-7|3", "-1");
        check("MOD", "7.5|2", "1.5");
        check("MOD", "1|0", "100051 (22012): Division by zero");
    }
}
