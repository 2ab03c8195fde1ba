//! Conversions between Snowflake's types: what `CAST` does, and what functions do to their
//! arguments. Formats given by the user are in `time_convert` and `number_format`.

use super::calendar::{self, Reading, SECOND_NS};
use super::datum::{Datum, is_json};
use super::decimal::{self, Parsed};
use super::kit::{Call, Outcome, internal, invoke, or_null, refuse, refused, typed};
use super::{format, json, zone::Zone};
use crate::{error::SqlError, types::DataType};
use datafusion::{
    arrow::{
        array::ArrayRef,
        compute::cast as arrow_cast,
        datatypes::{DataType as Arrow, FieldRef},
    },
    logical_expr::{
        ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
        Volatility,
    },
};
use std::{borrow::Cow, sync::Arc};

/// Brings a value to a type, or refuses it as `CAST` does. NULL stays NULL.
pub(super) fn convert<'a>(datum: Datum<'a>, target: &DataType, zone: &Zone) -> Outcome<Datum<'a>> {
    if datum.is_null() {
        return Ok(Datum::Null);
    }
    // A VARIANT is unpacked first; what it holds then converts as itself, with errors of its own.
    if let Datum::Json(text) = &datum
        && !is_json(target)
    {
        return from_json(text, target, zone);
    }
    match target {
        DataType::Number { precision, scale } => to_number(&datum, *precision, *scale),
        DataType::Float => to_float(&datum).map(Datum::Float),
        DataType::Text { length } => {
            let text = to_text(datum, zone)?;
            within(text, *length).map(Datum::Text)
        }
        DataType::Boolean => to_boolean(&datum).map(Datum::Boolean),
        DataType::Date => to_date(&datum, zone).map(Datum::Date),
        DataType::Time { scale } => Ok(Datum::Time(cut_fraction(to_time(&datum, zone)?, *scale))),
        DataType::TimestampNtz { scale } => {
            Ok(Datum::Ntz(cut_fraction(to_ntz(&datum, zone)?, *scale)))
        }
        DataType::TimestampLtz { scale } => {
            Ok(Datum::Ltz(cut_fraction(to_ltz(&datum, zone)?, *scale)))
        }
        DataType::TimestampTz { scale } => {
            let (instant, offset) = to_tz(&datum, zone)?;
            Ok(Datum::Tz(cut_fraction(instant, *scale), offset))
        }
        DataType::Variant => Ok(Datum::Json(json::of(&datum, zone)?.into())),
        DataType::Object | DataType::Array => match datum {
            Datum::Json(text) => json::require(text, target),
            other => Err(invalid_cast(&other, target)),
        },
        DataType::Binary { .. } => match datum {
            Datum::Binary(bytes) => Ok(Datum::Binary(bytes)),
            Datum::Text(text) => {
                hex(&text).map(|it| Datum::Binary(Cow::Owned(it))).ok_or_else(|| {
                    refuse(
                        100_115,
                        "22000",
                        format!("The following string is not a legal hex-encoded value: '{text}'"),
                    )
                })
            }
            other => Err(invalid_cast(&other, target)),
        },
    }
}

/// `001007`: no such conversion exists for the types, whatever the value.
fn invalid_cast(datum: &Datum<'_>, target: &DataType) -> datafusion::error::DataFusionError {
    let from = match datum {
        Datum::Number(..) => "NUMBER",
        Datum::Float(_) => "FLOAT",
        Datum::Text(_) => "VARCHAR",
        Datum::Boolean(_) => "BOOLEAN",
        Datum::Date(_) => "DATE",
        Datum::Time(_) => "TIME",
        Datum::Ntz(_) => "TIMESTAMP_NTZ",
        Datum::Ltz(_) => "TIMESTAMP_LTZ",
        Datum::Tz(..) => "TIMESTAMP_TZ",
        Datum::Json(_) => "VARIANT",
        Datum::Binary(_) => "BINARY",
        Datum::Null => "NULL",
    };
    refuse(
        1007,
        "22023",
        format!(
            "SQL compilation error:\ninvalid type [CAST({from} AS {target})] for parameter 'CAST'"
        ),
    )
}

pub(super) fn not_numeric(text: &str) -> datafusion::error::DataFusionError {
    refuse(100_038, "22018", format!("Numeric value '{text}' is not recognized"))
}

pub(super) fn to_number<'b>(datum: &Datum<'_>, precision: u8, scale: i8) -> Outcome<Datum<'b>> {
    let value = match datum {
        Datum::Number(value, from) => decimal::fit(*value, *from, precision, scale)?,
        Datum::Float(value) => decimal::from_f64(*value, scale)
            .filter(|it| decimal::fits(*it, precision))
            .ok_or_else(|| decimal::out_of_range_text(precision, scale, &print_float(*value)))?,
        Datum::Boolean(value) => decimal::fit(i128::from(*value), 0, precision, scale)?,
        Datum::Text(text) => match decimal::parse(text, Some(scale)) {
            Parsed::Value(value, _) if decimal::fits(value, precision) => value,
            Parsed::Malformed => return Err(not_numeric(text)),
            Parsed::Value(..) | Parsed::TooLarge => {
                return Err(refuse(
                    100_039,
                    "22003",
                    format!("Numeric value '{text}' is out of range"),
                ));
            }
        },
        other => return Err(invalid_cast(other, &DataType::Number { precision, scale })),
    };
    Ok(Datum::Number(value, scale))
}

pub(super) fn to_float(datum: &Datum<'_>) -> Outcome<f64> {
    Ok(match datum {
        Datum::Number(value, scale) => decimal::to_f64(*value, *scale),
        Datum::Float(value) => *value,
        Datum::Boolean(value) => f64::from(u8::from(*value)),
        Datum::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "nan" => f64::NAN,
            "inf" | "+inf" | "infinity" => f64::INFINITY,
            "-inf" | "-infinity" => f64::NEG_INFINITY,
            // Rust reads more than Snowflake does (`1e`, `infinit`), so the shape is checked first.
            it if decimal::parse(it, Some(0)) != Parsed::Malformed => {
                it.parse().map_err(|_| not_numeric(text))?
            }
            _ => return Err(not_numeric(text)),
        },
        other => return Err(invalid_cast(other, &DataType::Float)),
    })
}

pub(super) fn to_boolean(datum: &Datum<'_>) -> Outcome<bool> {
    Ok(match datum {
        Datum::Boolean(value) => *value,
        Datum::Number(value, _) => *value != 0,
        Datum::Float(value) => *value != 0.0,
        Datum::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => true,
            "false" | "f" | "no" | "n" | "off" | "0" => false,
            _ => {
                return Err(refuse(
                    100_037,
                    "22018",
                    format!("Boolean value '{text}' is not recognized"),
                ));
            }
        },
        other => return Err(invalid_cast(other, &DataType::Boolean)),
    })
}

/// A float as Snowflake prints it: shortest digits that read back, exponents from 1e15 on.
pub(super) fn print_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let size = value.abs();
    if value == 0.0 || (1e-5..1e15).contains(&size) {
        return format!("{value}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => match exponent.strip_prefix('-') {
            Some(digits) => format!("{mantissa}e-{digits:0>2}"),
            None => format!("{mantissa}e+{exponent:0>2}"),
        },
        None => text,
    }
}

/// Prints a value as `TO_VARCHAR` without a format does.
pub(super) fn to_text<'a>(datum: Datum<'a>, zone: &Zone) -> Outcome<Cow<'a, str>> {
    Ok(match datum {
        Datum::Text(text) => text,
        Datum::Number(value, scale) => decimal::print(value, scale).into(),
        Datum::Float(value) => print_float(value).into(),
        Datum::Boolean(value) => if value { "true" } else { "false" }.into(),
        Datum::Date(days) => format::print_parts(days, 0, 0, format::DATE).into(),
        Datum::Time(ns) => format::print_parts(0, ns, 0, format::TIME).into(),
        Datum::Ntz(ns) => format::print(ns, 0, format::TIMESTAMP_NTZ).into(),
        Datum::Ltz(_) | Datum::Tz(..) => {
            let (local, offset) = local_and_offset(&datum, zone)?;
            format::print(local, offset, format::TIMESTAMP_TZ).into()
        }
        Datum::Json(text) => json::to_text(text),
        Datum::Binary(bytes) => {
            bytes.iter().map(|it| format!("{it:02X}")).collect::<String>().into()
        }
        Datum::Null => return Err(internal("text of NULL")),
    })
}

/// A timestamp's wall clock and its zone's minutes ahead of UTC.
pub(super) fn local_and_offset(datum: &Datum<'_>, zone: &Zone) -> Outcome<(i64, i32)> {
    let found = match datum {
        Datum::Ltz(ns) => zone.to_local(*ns).map(|it| (it, zone.offset_at(*ns) / 60)),
        Datum::Tz(ns, offset) => {
            ns.checked_add(i64::from(*offset) * calendar::MINUTE_NS).map(|local| (local, *offset))
        }
        Datum::Ntz(ns) => Some((*ns, 0)),
        Datum::Date(days) => calendar::join(*days, 0).map(|it| (it, 0)),
        Datum::Time(ns) => Some((*ns, 0)),
        _ => None,
    };
    found.ok_or_else(timestamp_out_of_range)
}

/// Checks the length of what is cast to `VARCHAR(n)`: too long a text is refused, not cut.
fn within(text: Cow<'_, str>, length: u32) -> Outcome<Cow<'_, str>> {
    // Bytes are at least as many as characters, so the count is rarely needed.
    if text.len() <= length as usize || text.chars().count() <= length as usize {
        return Ok(text);
    }
    Err(refuse(100_078, "22001", format!("String '{text}' is too long and would be truncated")))
}

/// Cuts nanoseconds to a scale.
fn cut_fraction(ns: i64, scale: u8) -> i64 {
    let unit = 10_i64.pow(9 - u32::from(scale.min(9)));
    ns.saturating_sub(ns.rem_euclid(unit))
}

/// The engine holds nanoseconds in 64 bits; Snowflake's years run from 1582 to 9999.
pub(super) fn timestamp_out_of_range() -> datafusion::error::DataFusionError {
    refused(SqlError::not_implemented("timestamps outside 1677-09-21 to 2262-04-11"))
}

pub(super) fn date_not_recognized(text: &str) -> datafusion::error::DataFusionError {
    refuse(100_040, "22007", format!("Date '{text}' is not recognized"))
}

pub(super) fn timestamp_not_recognized(text: &str) -> datafusion::error::DataFusionError {
    refuse(100_035, "22007", format!("Timestamp '{text}' is not recognized"))
}

pub(super) fn time_not_recognized(text: &str) -> datafusion::error::DataFusionError {
    refuse(100_108, "22007", format!("Time '{text}' is not recognized"))
}

pub(super) fn to_date(datum: &Datum<'_>, zone: &Zone) -> Outcome<i32> {
    match datum {
        Datum::Date(days) => Ok(*days),
        Datum::Text(text) => calendar::read_auto(text)
            .and_then(|it| it.days)
            .ok_or_else(|| date_not_recognized(text)),
        Datum::Ntz(_) | Datum::Ltz(_) | Datum::Tz(..) => {
            Ok(calendar::split(local_and_offset(datum, zone)?.0).0)
        }
        other => Err(invalid_cast(other, &DataType::Date)),
    }
}

pub(super) fn to_time(datum: &Datum<'_>, zone: &Zone) -> Outcome<i64> {
    match datum {
        Datum::Time(ns) => Ok(*ns),
        Datum::Text(text) => calendar::read_time(text)
            .or_else(|| calendar::read_auto(text).filter(|it| it.has_time).map(|it| it.time))
            .ok_or_else(|| time_not_recognized(text)),
        Datum::Ntz(_) | Datum::Ltz(_) | Datum::Tz(..) => {
            Ok(calendar::split(local_and_offset(datum, zone)?.0).1)
        }
        other => Err(invalid_cast(other, &DataType::Time { scale: 9 })),
    }
}

/// Seconds since 1970, fractions included.
fn from_epoch(value: i128, scale: i8) -> Outcome<i64> {
    decimal::rescale(value, scale, 9)
        .and_then(|it| i64::try_from(it).ok())
        .ok_or_else(timestamp_out_of_range)
}

fn read_timestamp(text: &str) -> Outcome<Reading> {
    calendar::read_auto(text).ok_or_else(|| timestamp_not_recognized(text))
}

/// The wall clock of what was read.
pub(super) fn wall_clock_of(reading: &Reading) -> Outcome<i64> {
    calendar::join(reading.days.unwrap_or(0), reading.time).ok_or_else(timestamp_out_of_range)
}

pub(super) fn instant_of(reading: &Reading, zone: &Zone) -> Outcome<(i64, i32)> {
    let local = wall_clock_of(reading)?;
    match reading.offset {
        Some(offset) => local
            .checked_sub(i64::from(offset) * calendar::MINUTE_NS)
            .map(|it| (it, offset))
            .ok_or_else(timestamp_out_of_range),
        None => {
            let instant = zone.to_instant(local).ok_or_else(timestamp_out_of_range)?;
            Ok((instant, zone.offset_at(instant) / 60))
        }
    }
}

pub(super) fn to_ntz(datum: &Datum<'_>, zone: &Zone) -> Outcome<i64> {
    match datum {
        Datum::Ntz(ns) => Ok(*ns),
        Datum::Text(text) => wall_clock_of(&read_timestamp(text)?),
        Datum::Date(_) | Datum::Ltz(_) | Datum::Tz(..) => Ok(local_and_offset(datum, zone)?.0),
        Datum::Number(value, scale) => from_epoch(*value, *scale),
        Datum::Float(value) => {
            let ns = value * SECOND_NS as f64;
            // The comparison is exact: 2^63 is a double.
            if ns.abs() < 9.223_372_036_854_775e18 {
                Ok(ns.round() as i64)
            } else {
                Err(timestamp_out_of_range())
            }
        }
        other => Err(invalid_cast(other, &DataType::TimestampNtz { scale: 9 })),
    }
}

pub(super) fn to_ltz(datum: &Datum<'_>, zone: &Zone) -> Outcome<i64> {
    match datum {
        Datum::Ltz(ns) | Datum::Tz(ns, _) => Ok(*ns),
        Datum::Text(text) => Ok(instant_of(&read_timestamp(text)?, zone)?.0),
        // Numbers count from 1970 in UTC, whatever the session's zone.
        Datum::Number(..) | Datum::Float(_) => to_ntz(datum, zone),
        other => {
            let local = to_ntz(other, zone)?;
            zone.to_instant(local).ok_or_else(timestamp_out_of_range)
        }
    }
}

pub(super) fn to_tz(datum: &Datum<'_>, zone: &Zone) -> Outcome<(i64, i32)> {
    match datum {
        Datum::Tz(ns, offset) => Ok((*ns, *offset)),
        Datum::Text(text) => instant_of(&read_timestamp(text)?, zone),
        other => {
            let instant = to_ltz(other, zone)?;
            Ok((instant, zone.offset_at(instant) / 60))
        }
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| text.get(at..at + 2).and_then(|it| u8::from_str_radix(it, 16).ok()))
        .collect()
}

pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    hex(text)
}

/// `100071`: what a VARIANT holds does not convert.
fn from_json<'b>(text: &str, target: &DataType, zone: &Zone) -> Outcome<Datum<'b>> {
    let name = match target {
        DataType::Number { .. } => "FIXED".to_owned(),
        DataType::Float => "REAL".to_owned(),
        DataType::Text { .. } => "TEXT".to_owned(),
        other => {
            let text = other.to_string();
            text.split('(').next().unwrap_or_default().to_owned()
        }
    };
    let held = json::scalar(text)?;
    match (&held, target) {
        (Datum::Null, _) => return Ok(Datum::Null),
        (Datum::Json(it), DataType::Text { length }) => {
            return within(Cow::Owned(it.clone().into_owned()), *length).map(Datum::Text);
        }
        _ => {}
    }
    let number_to_time = matches!(
        (&held, target),
        (Datum::Number(..) | Datum::Float(_), DataType::Date | DataType::Time { .. })
    );
    let outcome = if matches!(held, Datum::Json(_)) || number_to_time {
        None
    } else {
        convert(own(held), target, zone).ok()
    };
    outcome.ok_or_else(|| {
        refuse(100_071, "22000", format!("Failed to cast variant value {text} to {name}"))
    })
}

/// The same value, owning its text.
pub(super) fn own<'b>(datum: Datum<'_>) -> Datum<'b> {
    match datum {
        Datum::Null => Datum::Null,
        Datum::Number(value, scale) => Datum::Number(value, scale),
        Datum::Float(it) => Datum::Float(it),
        Datum::Text(it) => Datum::Text(Cow::Owned(it.into_owned())),
        Datum::Boolean(it) => Datum::Boolean(it),
        Datum::Date(it) => Datum::Date(it),
        Datum::Time(it) => Datum::Time(it),
        Datum::Ntz(it) => Datum::Ntz(it),
        Datum::Ltz(it) => Datum::Ltz(it),
        Datum::Tz(it, offset) => Datum::Tz(it, offset),
        Datum::Json(it) => Datum::Json(Cow::Owned(it.into_owned())),
        Datum::Binary(it) => Datum::Binary(Cow::Owned(it.into_owned())),
    }
}

/// Whether some value of one type converts to the other. Untyped NULL converts to all.
fn is_convertible(from: Option<&DataType>, to: &DataType) -> bool {
    use DataType as T;
    let Some(from) = from else { return true };
    match (from, to) {
        (T::Variant, _) | (_, T::Variant) | (_, T::Text { .. }) => true,
        (T::Text { .. }, T::Object | T::Array) => false,
        (T::Text { .. }, _) => true,
        (T::Number { .. } | T::Float, T::Number { .. } | T::Float | T::Boolean) => true,
        (T::Boolean, T::Number { .. } | T::Float | T::Boolean) => true,
        (T::Number { .. } | T::Float, it) => super::kit::is_timestamp(it),
        (T::Date, T::Date) => true,
        (T::Date, it) => super::kit::is_timestamp(it),
        (T::Time { .. }, T::Time { .. }) => true,
        (it, T::Date | T::Time { .. }) => super::kit::is_timestamp(it),
        (T::Object, T::Object) | (T::Array, T::Array) => true,
        (T::Binary { .. }, T::Binary { .. }) => true,
        (a, b) => super::kit::is_timestamp(a) && super::kit::is_timestamp(b),
    }
}

/// `CAST` and `TRY_CAST` to one type, as a function of one argument.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Cast {
    target: DataType,
    try_cast: bool,
    signature: Signature,
}

/// The function that casts `arg_type` to `target`. A `try_cast` gives NULL for what does not
/// convert.
pub fn cast(target: &DataType, try_cast: bool) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::from(Cast { target: target.clone(), try_cast, signature })
}

impl ScalarUDFImpl for Cast {
    fn name(&self) -> &str {
        if self.try_cast { "TRY_CAST" } else { "CAST" }
    }

    fn schema_name(&self, args: &[datafusion::logical_expr::Expr]) -> Outcome<String> {
        let inner = args.first().map(|it| it.schema_name().to_string()).unwrap_or_default();
        Ok(format!("{}({inner} AS {})", self.name(), self.target))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[Arrow]) -> Outcome<Vec<Arrow>> {
        super::kit::check_count(self.name(), arg_types.len(), 1, 1)?;
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, _: &[Arrow]) -> Outcome<Arrow> {
        Ok(self.target.to_arrow())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Outcome<FieldRef> {
        if let Some(field) = args.arg_fields.first() {
            let from = super::datum::kind_of(field)?;
            if !is_convertible(from.as_ref(), &self.target) {
                let from = from.map(|it| it.to_string()).unwrap_or_default();
                return Err(refuse(
                    1007,
                    "22023",
                    format!(
                        "SQL compilation error:\ninvalid type [CAST({from} AS {})] for parameter '{}'",
                        self.target,
                        self.name()
                    ),
                ));
            }
        }
        Ok(Arc::new(typed_cast(&self.target).with_name(self.name())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Outcome<ColumnarValue> {
        if let Some(fast) = self.fast(&args)? {
            return Ok(fast);
        }
        let name = if self.try_cast { "TRY_CAST" } else { "CAST" };
        invoke(name, args, Volatility::Immutable, |call| {
            cast_rows(call, &self.target, self.try_cast)
        })
    }
}

/// Says what Snowflake's type of an expression is, whose values are of that type already.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Declared {
    kind: DataType,
    signature: Signature,
}

/// The function that gives its argument unchanged, as of a type that Arrow's own does not say.
pub(super) fn declared(kind: &DataType) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::from(Declared { kind: kind.clone(), signature })
}

impl ScalarUDFImpl for Declared {
    fn name(&self) -> &str {
        "SF_DECLARED"
    }

    fn schema_name(&self, args: &[datafusion::logical_expr::Expr]) -> Outcome<String> {
        let inner = args.first().map(|it| it.schema_name().to_string()).unwrap_or_default();
        Ok(format!("{}({inner} AS {})", self.name(), self.kind))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[Arrow]) -> Outcome<Vec<Arrow>> {
        super::kit::check_count(self.name(), arg_types.len(), 1, 1)?;
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, _: &[Arrow]) -> Outcome<Arrow> {
        Ok(self.kind.to_arrow())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs<'_>) -> Outcome<FieldRef> {
        Ok(Arc::new(typed(self.kind.clone()).with_name(self.name())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Outcome<ColumnarValue> {
        args.args.into_iter().next().ok_or_else(|| internal("a type of no value"))
    }
}

/// A cast keeps what Arrow's type does not say: the length of a text, the scale of a time.
fn typed_cast(target: &DataType) -> datafusion::arrow::datatypes::Field {
    typed(target.clone())
}

fn cast_rows(call: &Call, target: &DataType, try_cast: bool) -> Outcome<ArrayRef> {
    call.each(true, |row| match row {
        [datum] => {
            let converted = convert(datum.clone(), target, &call.zone);
            if try_cast { or_null(converted) } else { converted }
        }
        _ => Err(internal("a cast of several values")),
    })
}

impl Cast {
    /// Casts that cannot fail and that Arrow does faster: to the same, or a wider number.
    fn fast(&self, args: &ScalarFunctionArgs) -> Outcome<Option<ColumnarValue>> {
        let ([ColumnarValue::Array(array)], [field]) = (&args.args[..], &args.arg_fields[..])
        else {
            return Ok(None);
        };
        let to = self.target.to_arrow();
        let free = match (super::datum::kind_of(field)?.as_ref(), &self.target) {
            (Some(from), to) if from == to => *array.data_type() == self.target.to_arrow(),
            (Some(DataType::Text { length: from }), DataType::Text { length }) => from <= length,
            _ => false,
        };
        if free && *array.data_type() == to {
            return Ok(Some(ColumnarValue::Array(Arc::clone(array))));
        }
        let wider = match (array.data_type(), &self.target) {
            (Arrow::Decimal128(p, s), DataType::Number { precision, scale }) => {
                s <= scale
                    && i16::from(*p) - i16::from(*s) <= i16::from(*precision) - i16::from(*scale)
            }
            (Arrow::Int64, DataType::Number { precision, scale }) => {
                i16::from(*precision) - i16::from(*scale) >= 19
            }
            _ => false,
        };
        if wider {
            let array = arrow_cast(array, &to).map_err(super::kit::arrow)?;
            return Ok(Some(ColumnarValue::Array(array)));
        }
        Ok(None)
    }
}

/// A whole number from any argument, rounded.
pub(super) fn int_of(datum: &Datum<'_>) -> Outcome<i64> {
    match to_number(datum, 38, 0)? {
        Datum::Number(value, _) => {
            i64::try_from(value).map_err(|_| decimal::out_of_range(19, 0, value, 0))
        }
        _ => Err(internal("a number that is none")),
    }
}

/// A JSON-held or plain value as text, for functions of text.
pub(super) fn text_of<'a>(datum: &Datum<'a>, zone: &Zone) -> Outcome<Cow<'a, str>> {
    match datum {
        Datum::Text(text) => Ok(text.clone()),
        other => to_text(other.clone(), zone),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::check_udf;
    use super::*;

    #[track_caller]
    fn check(arguments: &str, target: &str, expected: &str) {
        let target = DataType::parse(target).expect("a type");
        check_udf(&cast(&target, false), arguments, expected);
    }

    #[track_caller]
    fn check_try(arguments: &str, target: &str, expected: &str) {
        let target = DataType::parse(target).expect("a type");
        check_udf(&cast(&target, true), arguments, expected);
    }

    #[test]
    fn numbers_are_rounded_and_bounded() {
        check("'12.5'", "NUMBER(10,0)", "13");
        check("-2.5", "NUMBER(10,0)", "-3");
        check("1.005", "NUMBER(10,2)", "1.01");
        check("2.5e0", "INT", "3");
        check("7", "NUMBER(38,2)", "7.00");
        check("true", "INT", "1");
        check("'1e3'", "INT", "1000");
        check("'abc'", "INT", "100038 (22018): Numeric value 'abc' is not recognized");
        check("'1000'", "NUMBER(3,0)", "100039 (22003): Numeric value '1000' is out of range");
        check(
            "1000",
            "NUMBER(3,0)",
            "100046 (22003): Number out of representable range: type FIXED[SB2](3,0){nullable}, value 1000",
        );
        check_try("'abc'", "INT", "NULL");
        check("null", "INT", "NULL");
        check("'NaN'", "FLOAT", "NaN");
        check("'1.5e3'", "FLOAT", "1500");
    }

    #[test]
    fn values_are_printed_as_text() {
        check("1.50", "VARCHAR", "1.50");
        check("1e15", "VARCHAR", "1e+15");
        check("1.25e-7", "VARCHAR", "1.25e-07");
        check("false", "VARCHAR", "false");
        check("n'2024-02-29 10:00:00.1239'", "VARCHAR", "2024-02-29 10:00:00.123");
        check("l'2024-02-29 10:00:00'", "VARCHAR", "2024-02-29 10:00:00.000 +0000");
        check("t'10:00:00'", "VARCHAR", "10:00:00");
        check("x'abcd'", "VARCHAR", "ABCD");
        check(
            "'snow'",
            "VARCHAR(2)",
            "100078 (22001): String 'snow' is too long and would be truncated",
        );
        check_try("'snow'", "VARCHAR(2)", "NULL");
        check("'snø'", "VARCHAR(3)", "snø");
    }

    #[test]
    fn booleans_are_read_from_words_and_numbers() {
        check("'YES'", "BOOLEAN", "true");
        check("'off'", "BOOLEAN", "false");
        check("2", "BOOLEAN", "true");
        check("'si'", "BOOLEAN", "100037 (22018): Boolean value 'si' is not recognized");
    }

    #[test]
    fn dates_and_times_are_cut_and_moved() {
        check("'2024-02-29 10:00:00'", "DATE", "2024-02-29");
        check("z'2024-02-29 23:30:00 -0800'", "DATE", "2024-02-29");
        check("d'2024-02-29'", "TIMESTAMP_NTZ", "2024-02-29 00:00:00.000000000");
        check(
            "'2024-02-29 10:00:00.123456789'",
            "TIMESTAMP_NTZ(3)",
            "2024-02-29 10:00:00.123000000",
        );
        check("z'2024-02-29 10:00:00 +0200'", "TIMESTAMP_LTZ", "2024-02-29 08:00:00.000 +0000");
        check("z'2024-02-29 10:00:00 +0200'", "TIMESTAMP_NTZ", "2024-02-29 10:00:00.000000000");
        check("'10:11:12'", "TIME", "10:11:12");
        check("'2024-99-01'", "DATE", "100040 (22007): Date '2024-99-01' is not recognized");
        check("'x'", "TIMESTAMP_TZ", "100035 (22007): Timestamp 'x' is not recognized");
        check_try("'x'", "TIMESTAMP_NTZ", "NULL");
        check("0", "TIMESTAMP_NTZ", "1970-01-01 00:00:00.000000000");
    }

    #[test]
    fn what_the_engine_cannot_hold_is_refused_by_name_even_when_tried() {
        let message = "000002 (0A000): Unsupported feature 'timestamps outside 1677-09-21 to 2262-04-11' (not implemented by the snowgauge emulator).";
        check("'9999-12-31'", "TIMESTAMP_NTZ", message);
        check_try("'9999-12-31'", "TIMESTAMP_NTZ", message);
        check("'9999-12-31'", "DATE", "9999-12-31");
    }

    #[test]
    fn what_a_variant_holds_is_cast() {
        check("j'\"12.5\"'", "NUMBER(10,1)", "12.5");
        check("j'12'", "VARCHAR", "12");
        check("j'\"a\"'", "VARCHAR", "a");
        check("j'{\"a\":1}'", "VARCHAR", "{\"a\":1}");
        check("j'null'", "INT", "NULL");
        check("j'\"2024-02-29\"'", "DATE", "2024-02-29");
        check("j'{}'", "INT", "100071 (22000): Failed to cast variant value {} to FIXED");
        check("j'\"x\"'", "DATE", "100071 (22000): Failed to cast variant value \"x\" to DATE");
        check_try("j'\"x\"'", "INT", "NULL");
        check("1.50", "VARIANT", "1.5");
        check("'a'", "VARIANT", "\"a\"");
        check("a'[1]'", "VARIANT", "[1]");
    }

    #[test]
    fn types_without_a_conversion_are_refused_while_planning() {
        check(
            "d'2024-01-01'",
            "INT",
            "001007 (22023): SQL compilation error:\ninvalid type [CAST(DATE AS NUMBER(38,0))] for parameter 'CAST'",
        );
    }
}
