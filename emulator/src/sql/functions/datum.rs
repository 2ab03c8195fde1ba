//! One value of any of Snowflake's types, and the way between it and Arrow arrays.
//!
//! Functions are written over [`Datum`]s, a row at a time. The few where that costs too much
//! (arithmetic, hashing, generators) read the typed arrays of [`Cells`] instead.

use super::decimal;
use super::kit::{Outcome, internal};
use crate::types::DataType;
use datafusion::arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, BooleanArray, BooleanBuilder,
        Date32Array, Date32Builder, Decimal128Array, Decimal128Builder, Float64Array,
        Float64Builder, Int32Array, Int32Builder, Int64Array, Int64Builder, StringArray,
        StringBuilder, StructArray, Time64NanosecondArray, Time64NanosecondBuilder,
        TimestampNanosecondArray, TimestampNanosecondBuilder,
    },
    buffer::NullBuffer,
    compute::cast,
    datatypes::{
        DataType as Arrow, Date32Type, Decimal128Type, Field, Fields, Float64Type, Int32Type,
        Int64Type, Time64NanosecondType, TimeUnit, TimestampNanosecondType,
    },
};
use std::{borrow::Cow, cmp::Ordering, sync::Arc};

/// A value. Borrowed from its array where it can be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Datum<'a> {
    Null,
    /// `value / 10^scale`.
    Number(i128, i8),
    Float(f64),
    Text(Cow<'a, str>),
    Boolean(bool),
    /// Days since 1970-01-01.
    Date(i32),
    /// Nanoseconds since midnight.
    Time(i64),
    /// Nanoseconds since 1970-01-01 on no particular clock.
    Ntz(i64),
    /// Nanoseconds since 1970-01-01 UTC.
    Ltz(i64),
    /// The same, and the minutes that the zone is ahead of UTC.
    Tz(i64, i32),
    /// JSON text: VARIANT, OBJECT or ARRAY.
    Json(Cow<'a, str>),
    Binary(Cow<'a, [u8]>),
}

impl<'a> Datum<'a> {
    pub fn int(value: impl Into<i64>) -> Self {
        Self::Number(i128::from(value.into()), 0)
    }

    pub fn text(value: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(value.into())
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// The Snowflake type of an Arrow field; `None` for an untyped NULL.
///
/// The engine carries a field's metadata through casts that it inserts itself, so metadata that
/// Arrow's type contradicts is stale and not believed.
pub fn kind_of(field: &Field) -> Outcome<Option<DataType>> {
    if field.data_type() == &Arrow::Null {
        return Ok(None);
    }
    DataType::of(field).map(Some).map_err(super::kit::refused)
}

/// The values of an argument, by type.
#[derive(Clone, Debug)]
pub(super) enum Cells {
    Null,
    Int(Int64Array),
    Decimal(Decimal128Array, i8),
    Float(Float64Array),
    Text(StringArray),
    Json(StringArray),
    Boolean(BooleanArray),
    Date(Date32Array),
    Time(Time64NanosecondArray),
    Ntz(TimestampNanosecondArray),
    Ltz(TimestampNanosecondArray),
    Tz(Option<NullBuffer>, TimestampNanosecondArray, Int32Array),
    Binary(BinaryArray),
}

/// An argument: its values, its type, and whether one value stands for all rows.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub cells: Cells,
    /// `None` for an untyped NULL.
    pub kind: Option<DataType>,
    pub constant: bool,
}

impl Column {
    pub fn new(array: &ArrayRef, field: &Field, constant: bool) -> Outcome<Self> {
        let kind = kind_of(&field.clone().with_data_type(array.data_type().clone()))?;
        let cells = Cells::new(array, matches!(kind.as_ref(), Some(it) if is_json(it)))?;
        Ok(Self { cells, kind, constant })
    }

    pub fn get(&self, row: usize) -> Datum<'_> {
        let row = if self.constant { 0 } else { row };
        self.cells.get(row)
    }
}

pub(super) fn is_json(kind: &DataType) -> bool {
    matches!(kind, DataType::Variant | DataType::Object | DataType::Array)
}

impl Cells {
    pub fn new(array: &ArrayRef, json: bool) -> Outcome<Self> {
        let to = |kind: Arrow| cast(array, &kind).map_err(super::kit::arrow);
        Ok(match array.data_type() {
            Arrow::Null => Self::Null,
            Arrow::Int64 => Self::Int(array.as_primitive::<Int64Type>().clone()),
            Arrow::Int8
            | Arrow::Int16
            | Arrow::Int32
            | Arrow::UInt8
            | Arrow::UInt16
            | Arrow::UInt32 => Self::Int(to(Arrow::Int64)?.as_primitive::<Int64Type>().clone()),
            Arrow::UInt64 => {
                let wide = to(Arrow::Decimal128(20, 0))?;
                Self::Decimal(wide.as_primitive::<Decimal128Type>().clone(), 0)
            }
            Arrow::Decimal128(_, scale) => {
                Self::Decimal(array.as_primitive::<Decimal128Type>().clone(), *scale)
            }
            Arrow::Float64 => Self::Float(array.as_primitive::<Float64Type>().clone()),
            Arrow::Float32 | Arrow::Float16 => {
                Self::Float(to(Arrow::Float64)?.as_primitive::<Float64Type>().clone())
            }
            Arrow::Utf8 if json => Self::Json(array.as_string::<i32>().clone()),
            Arrow::Utf8 => Self::Text(array.as_string::<i32>().clone()),
            Arrow::LargeUtf8 | Arrow::Utf8View => {
                return Self::new(&to(Arrow::Utf8)?, json);
            }
            Arrow::Dictionary(_, value) => return Self::new(&to((**value).clone())?, json),
            Arrow::Boolean => Self::Boolean(array.as_boolean().clone()),
            Arrow::Date32 => Self::Date(array.as_primitive::<Date32Type>().clone()),
            Arrow::Date64 => return Self::new(&to(Arrow::Date32)?, json),
            Arrow::Time64(TimeUnit::Nanosecond) => {
                Self::Time(array.as_primitive::<Time64NanosecondType>().clone())
            }
            Arrow::Time64(_) | Arrow::Time32(_) => {
                return Self::new(&to(Arrow::Time64(TimeUnit::Nanosecond))?, json);
            }
            Arrow::Timestamp(TimeUnit::Nanosecond, None) => {
                Self::Ntz(array.as_primitive::<TimestampNanosecondType>().clone())
            }
            Arrow::Timestamp(TimeUnit::Nanosecond, Some(_)) => {
                Self::Ltz(array.as_primitive::<TimestampNanosecondType>().clone())
            }
            Arrow::Timestamp(_, zone) => {
                return Self::new(&to(Arrow::Timestamp(TimeUnit::Nanosecond, zone.clone()))?, json);
            }
            Arrow::Binary => Self::Binary(array.as_binary::<i32>().clone()),
            Arrow::LargeBinary | Arrow::BinaryView | Arrow::FixedSizeBinary(_) => {
                return Self::new(&to(Arrow::Binary)?, json);
            }
            Arrow::Struct(fields) if fields.len() == 2 && fields[0].name() == "instant" => {
                let parts = array.as_struct();
                Self::Tz(
                    parts.nulls().cloned(),
                    parts.column(0).as_primitive::<TimestampNanosecondType>().clone(),
                    parts.column(1).as_primitive::<Int32Type>().clone(),
                )
            }
            other => return Err(internal(format!("an argument of Arrow's type {other}"))),
        })
    }

    pub fn get(&self, row: usize) -> Datum<'_> {
        macro_rules! cell {
            ($array:expr, $value:ident => $datum:expr) => {
                if $array.is_null(row) {
                    Datum::Null
                } else {
                    let $value = $array.value(row);
                    $datum
                }
            };
        }
        match self {
            Self::Null => Datum::Null,
            Self::Int(it) => cell!(it, v => Datum::Number(i128::from(v), 0)),
            Self::Decimal(it, scale) => cell!(it, v => Datum::Number(v, *scale)),
            Self::Float(it) => cell!(it, v => Datum::Float(v)),
            Self::Text(it) => cell!(it, v => Datum::Text(Cow::Borrowed(v))),
            Self::Json(it) => cell!(it, v => Datum::Json(Cow::Borrowed(v))),
            Self::Boolean(it) => cell!(it, v => Datum::Boolean(v)),
            Self::Date(it) => cell!(it, v => Datum::Date(v)),
            Self::Time(it) => cell!(it, v => Datum::Time(v)),
            Self::Ntz(it) => cell!(it, v => Datum::Ntz(v)),
            Self::Ltz(it) => cell!(it, v => Datum::Ltz(v)),
            Self::Tz(nulls, instants, offsets) => {
                let null = nulls.as_ref().is_some_and(|it| it.is_null(row))
                    || instants.is_null(row)
                    || offsets.is_null(row);
                if null { Datum::Null } else { Datum::Tz(instants.value(row), offsets.value(row)) }
            }
            Self::Binary(it) => cell!(it, v => Datum::Binary(Cow::Borrowed(v))),
        }
    }
}

/// Builds the array of a result.
pub(super) enum Sink {
    Int(Int64Builder),
    Decimal(Decimal128Builder, u8, i8),
    Float(Float64Builder),
    Text(StringBuilder),
    Boolean(BooleanBuilder),
    Date(Date32Builder),
    Time(Time64NanosecondBuilder),
    Ntz(TimestampNanosecondBuilder),
    Ltz(TimestampNanosecondBuilder),
    Tz(TimestampNanosecondBuilder, Int32Builder),
    Binary(BinaryBuilder),
}

impl Sink {
    pub fn new(kind: &Arrow, rows: usize) -> Outcome<Self> {
        Ok(match kind {
            Arrow::Int64 => Self::Int(Int64Builder::with_capacity(rows)),
            Arrow::Decimal128(precision, scale) => {
                let builder = Decimal128Builder::with_capacity(rows)
                    .with_precision_and_scale(*precision, *scale)
                    .map_err(super::kit::arrow)?;
                Self::Decimal(builder, *precision, *scale)
            }
            Arrow::Float64 => Self::Float(Float64Builder::with_capacity(rows)),
            Arrow::Utf8 => Self::Text(StringBuilder::with_capacity(rows, rows * 8)),
            Arrow::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            Arrow::Date32 => Self::Date(Date32Builder::with_capacity(rows)),
            Arrow::Time64(TimeUnit::Nanosecond) => {
                Self::Time(Time64NanosecondBuilder::with_capacity(rows))
            }
            Arrow::Timestamp(TimeUnit::Nanosecond, None) => {
                Self::Ntz(TimestampNanosecondBuilder::with_capacity(rows))
            }
            Arrow::Timestamp(TimeUnit::Nanosecond, Some(zone)) => Self::Ltz(
                TimestampNanosecondBuilder::with_capacity(rows).with_timezone(Arc::clone(zone)),
            ),
            Arrow::Struct(_) => Self::Tz(
                TimestampNanosecondBuilder::with_capacity(rows).with_timezone("UTC"),
                Int32Builder::with_capacity(rows),
            ),
            Arrow::Binary => Self::Binary(BinaryBuilder::with_capacity(rows, rows * 8)),
            other => return Err(internal(format!("a result of Arrow's type {other}"))),
        })
    }

    /// Appends a value of the sink's own type; numbers are brought to its scale.
    pub fn push(&mut self, datum: &Datum<'_>) -> Outcome<()> {
        match (self, datum) {
            (sink, Datum::Null) => sink.push_null(),
            (Self::Int(it), Datum::Number(value, scale)) => {
                let whole = decimal::rescale(*value, *scale, 0);
                match whole.and_then(|it| i64::try_from(it).ok()) {
                    Some(value) => it.append_value(value),
                    None => return Err(decimal::out_of_range(19, 0, *value, *scale)),
                }
            }
            (Self::Decimal(it, precision, to), Datum::Number(value, scale)) => {
                it.append_value(decimal::fit(*value, *scale, *precision, *to)?);
            }
            (Self::Float(it), Datum::Float(value)) => it.append_value(*value),
            (Self::Float(it), Datum::Number(value, scale)) => {
                it.append_value(decimal::to_f64(*value, *scale));
            }
            (Self::Text(it), Datum::Text(value) | Datum::Json(value)) => it.append_value(value),
            (Self::Boolean(it), Datum::Boolean(value)) => it.append_value(*value),
            (Self::Date(it), Datum::Date(value)) => it.append_value(*value),
            (Self::Time(it), Datum::Time(value)) => it.append_value(*value),
            (Self::Ntz(it), Datum::Ntz(value)) => it.append_value(*value),
            (Self::Ltz(it), Datum::Ltz(value)) => it.append_value(*value),
            (Self::Tz(instants, offsets), Datum::Tz(instant, offset)) => {
                instants.append_value(*instant);
                offsets.append_value(*offset);
            }
            (Self::Binary(it), Datum::Binary(value)) => it.append_value(value),
            (_, other) => return Err(internal(format!("a result of another type: {other:?}"))),
        }
        Ok(())
    }

    fn push_null(&mut self) {
        match self {
            Self::Int(it) => it.append_null(),
            Self::Decimal(it, ..) => it.append_null(),
            Self::Float(it) => it.append_null(),
            Self::Text(it) => it.append_null(),
            Self::Boolean(it) => it.append_null(),
            Self::Date(it) => it.append_null(),
            Self::Time(it) => it.append_null(),
            Self::Ntz(it) | Self::Ltz(it) => it.append_null(),
            Self::Tz(instants, offsets) => {
                instants.append_null();
                offsets.append_null();
            }
            Self::Binary(it) => it.append_null(),
        }
    }

    pub fn finish(self) -> ArrayRef {
        match self {
            Self::Int(mut it) => Arc::new(it.finish()),
            Self::Decimal(mut it, ..) => Arc::new(it.finish()),
            Self::Float(mut it) => Arc::new(it.finish()),
            Self::Text(mut it) => Arc::new(it.finish()),
            Self::Boolean(mut it) => Arc::new(it.finish()),
            Self::Date(mut it) => Arc::new(it.finish()),
            Self::Time(mut it) => Arc::new(it.finish()),
            Self::Ntz(mut it) | Self::Ltz(mut it) => Arc::new(it.finish()),
            Self::Tz(mut instants, mut offsets) => {
                let instants = instants.finish();
                // The null bit is set in the struct and in every child: clients look at either.
                let nulls = instants.nulls().cloned();
                let fields: Fields = match (DataType::TimestampTz { scale: 9 }).to_arrow() {
                    Arrow::Struct(fields) => fields,
                    _ => Fields::empty(),
                };
                let columns: Vec<ArrayRef> = vec![Arc::new(instants), Arc::new(offsets.finish())];
                Arc::new(StructArray::new(fields, columns, nulls))
            }
            Self::Binary(mut it) => Arc::new(it.finish()),
        }
    }
}

/// Orders values of one type; numbers of different scales too.
pub(super) fn compare(left: &Datum<'_>, right: &Datum<'_>) -> Ordering {
    match (left, right) {
        (Datum::Number(a, sa), Datum::Number(b, sb)) => {
            let scale = *sa.max(sb);
            match (decimal::rescale(*a, *sa, scale), decimal::rescale(*b, *sb, scale)) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => decimal::to_f64(*a, *sa).total_cmp(&decimal::to_f64(*b, *sb)),
            }
        }
        (Datum::Float(a), Datum::Float(b)) => a.total_cmp(b),
        (Datum::Number(a, scale), Datum::Float(b)) => decimal::to_f64(*a, *scale).total_cmp(b),
        (Datum::Float(a), Datum::Number(b, scale)) => a.total_cmp(&decimal::to_f64(*b, *scale)),
        (Datum::Text(a), Datum::Text(b)) | (Datum::Json(a), Datum::Json(b)) => a.cmp(b),
        (Datum::Boolean(a), Datum::Boolean(b)) => a.cmp(b),
        (Datum::Date(a), Datum::Date(b)) => a.cmp(b),
        (Datum::Time(a), Datum::Time(b))
        | (Datum::Ntz(a), Datum::Ntz(b))
        | (Datum::Ltz(a) | Datum::Tz(a, _), Datum::Ltz(b) | Datum::Tz(b, _)) => a.cmp(b),
        (Datum::Binary(a), Datum::Binary(b)) => a.cmp(b),
        (Datum::Null, Datum::Null) => Ordering::Equal,
        // NULL sorts last.
        (Datum::Null, _) => Ordering::Greater,
        (_, Datum::Null) => Ordering::Less,
        _ => Ordering::Equal,
    }
}
