//! `TO_DATE`, `TO_TIME`, `TO_TIMESTAMP_*` and their `TRY_` forms, with formats; building dates
//! from parts; `CONVERT_TIMEZONE`.

use super::calendar::{self, MINUTE_NS, Reading, SECOND_NS};
use super::convert::{self, instant_of, int_of, text_of, timestamp_out_of_range, wall_clock_of};
use super::datum::Datum;
use super::decimal;
use super::format;
use super::kit::{
    Arguments, Body, Call, Entry, Outcome, invalid_argument, or_null, refuse, returns_date, typed,
};
use super::zone::Zone;
use crate::types::DataType;
use datafusion::arrow::datatypes::Field;

/// One conversion under a name, and under the same with `TRY_`.
macro_rules! conversion {
    ($name:literal, $try_name:literal, $returns:ident, $target:expr) => {
        [
            Entry::new(
                $name,
                (1, 2),
                $returns,
                Body::Strict(|call, row| to_moment(call, row, &$target)),
            )
            .stable(),
            Entry::new(
                $try_name,
                (1, 2),
                $returns,
                Body::Strict(|call, row| or_null(to_moment(call, row, &$target))),
            )
            .stable(),
        ]
    };
}

const NTZ: DataType = DataType::TimestampNtz { scale: 9 };
const LTZ: DataType = DataType::TimestampLtz { scale: 9 };
const TZ: DataType = DataType::TimestampTz { scale: 9 };
const TIME: DataType = DataType::Time { scale: 9 };

pub(super) static CONVERSIONS: &[[Entry; 2]] = &[
    conversion!("TO_DATE", "TRY_TO_DATE", returns_date, DataType::Date),
    conversion!("DATE", "TRY_DATE", returns_date, DataType::Date),
    conversion!("TO_TIME", "TRY_TO_TIME", returns_time, TIME),
    conversion!("TIME", "TRY_TIME", returns_time, TIME),
    conversion!("TO_TIMESTAMP", "TRY_TO_TIMESTAMP", returns_ntz, NTZ),
    conversion!("TO_TIMESTAMP_NTZ", "TRY_TO_TIMESTAMP_NTZ", returns_ntz, NTZ),
    conversion!("TO_TIMESTAMP_LTZ", "TRY_TO_TIMESTAMP_LTZ", returns_ltz, LTZ),
    conversion!("TO_TIMESTAMP_TZ", "TRY_TO_TIMESTAMP_TZ", returns_tz, TZ),
];

pub(super) static ENTRIES: &[Entry] = &[
    Entry::new("DATE_FROM_PARTS", (3, 3), returns_date, Body::Strict(date_from_parts)),
    Entry::new("DATEFROMPARTS", (3, 3), returns_date, Body::Strict(date_from_parts)),
    Entry::new("TIME_FROM_PARTS", (3, 4), returns_time, Body::Strict(time_from_parts)),
    Entry::new("TIMEFROMPARTS", (3, 4), returns_time, Body::Strict(time_from_parts)),
    Entry::new("TIMESTAMP_FROM_PARTS", (2, 8), returns_ntz, Body::Strict(timestamp_from_parts)),
    Entry::new("TIMESTAMP_NTZ_FROM_PARTS", (2, 8), returns_ntz, Body::Strict(timestamp_from_parts)),
    Entry::new("TIMESTAMPFROMPARTS", (2, 8), returns_ntz, Body::Strict(timestamp_from_parts)),
    Entry::new("TIMESTAMP_LTZ_FROM_PARTS", (6, 8), returns_ltz, Body::Strict(ltz_from_parts))
        .stable(),
    Entry::new("TIMESTAMP_TZ_FROM_PARTS", (6, 8), returns_tz, Body::Strict(tz_from_parts)).stable(),
    Entry::new("CONVERT_TIMEZONE", (2, 3), returns_converted, Body::Strict(convert_timezone))
        .stable(),
];

fn returns_time(_: &Arguments<'_>) -> Outcome<Field> {
    Ok(typed(TIME))
}

fn returns_ntz(_: &Arguments<'_>) -> Outcome<Field> {
    Ok(typed(NTZ))
}

fn returns_ltz(_: &Arguments<'_>) -> Outcome<Field> {
    Ok(typed(LTZ))
}

fn returns_tz(_: &Arguments<'_>) -> Outcome<Field> {
    Ok(typed(TZ))
}

fn to_moment<'a>(call: &'a Call, row: &[Datum<'a>], target: &DataType) -> Outcome<Datum<'a>> {
    let datum = row.first().cloned().unwrap_or(Datum::Null);
    match (&datum, row.get(1)) {
        (_, None) => convert::convert(datum, target, &call.zone),
        (Datum::Number(value, from), Some(scale)) => {
            let scale = int_of(scale)?;
            let ns = i8::try_from(scale)
                .ok()
                .filter(|it| (0..=9).contains(it))
                .and_then(|it| decimal::rescale(*value, *from, 9 - it))
                .and_then(|it| i64::try_from(it).ok())
                .ok_or_else(|| invalid_argument(call.name, format!("the scale {scale}")))?;
            let instant = Datum::Ltz(ns);
            match target {
                // Numbers are seconds of UTC, and shown so by a timestamp without a zone.
                DataType::TimestampNtz { .. } => Ok(Datum::Ntz(ns)),
                _ => convert::convert(instant, target, &call.zone),
            }
        }
        (Datum::Text(text), Some(format)) => {
            let format = text_of(format, &call.zone)?;
            if format.eq_ignore_ascii_case("AUTO") {
                return convert::convert(datum, target, &call.zone);
            }
            let reading =
                format::read(text, &format).ok_or_else(|| cannot_parse(text, target, &format))?;
            place(&reading, target, &call.zone)
        }
        (_, Some(_)) => convert::convert(datum, target, &call.zone),
    }
}

/// `100096`: the text does not have the format.
fn cannot_parse(text: &str, target: &DataType, format: &str) -> datafusion::error::DataFusionError {
    let name = match target {
        DataType::Date => "date",
        DataType::Time { .. } => "time",
        _ => "timestamp",
    };
    refuse(100_096, "22007", format!("Can't parse '{text}' as {name} with format '{format}'"))
}

fn place<'a>(reading: &Reading, target: &DataType, zone: &Zone) -> Outcome<Datum<'a>> {
    Ok(match target {
        DataType::Date => Datum::Date(reading.days.unwrap_or(0)),
        DataType::Time { .. } => Datum::Time(reading.time),
        DataType::TimestampLtz { .. } => Datum::Ltz(instant_of(reading, zone)?.0),
        DataType::TimestampTz { .. } => {
            let (instant, offset) = instant_of(reading, zone)?;
            Datum::Tz(instant, offset)
        }
        _ => Datum::Ntz(wall_clock_of(reading)?),
    })
}

/// Months and days out of range carry over: month 13 is January of the next year, day 0 the last
/// of the month before.
fn days_from_parts(row: &[Datum<'_>]) -> Outcome<i32> {
    let [year, month, day, ..] = row else { return Ok(0) };
    let (year, month, day) = (int_of(year)?, int_of(month)?, int_of(day)?);
    let carried = (|| {
        let months = year.checked_mul(12)?.checked_add(month)?.checked_sub(1)?;
        let first = calendar::days_from(
            i32::try_from(months.div_euclid(12)).ok()?,
            months.rem_euclid(12) as u32 + 1,
            1,
        )?;
        i32::try_from(i64::from(first).checked_add(day)?.checked_sub(1)?).ok()
    })();
    carried.filter(|it| calendar::date_of(*it).is_some()).ok_or_else(timestamp_out_of_range)
}

fn date_from_parts<'a>(_: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    days_from_parts(row).map(Datum::Date)
}

/// Hours, minutes, seconds and nanoseconds, which carry over too.
fn nanoseconds_from_parts(row: &[Datum<'_>]) -> Outcome<i64> {
    let units = [calendar::HOUR_NS, MINUTE_NS, SECOND_NS, 1];
    let mut sum = 0_i64;
    for (datum, unit) in row.iter().zip(units) {
        sum = int_of(datum)?
            .checked_mul(unit)
            .and_then(|it| sum.checked_add(it))
            .ok_or_else(timestamp_out_of_range)?;
    }
    Ok(sum)
}

fn time_from_parts<'a>(_: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    Ok(Datum::Time(nanoseconds_from_parts(row)?.rem_euclid(calendar::DAY_NS)))
}

fn wall_clock_from_parts(row: &[Datum<'_>]) -> Outcome<i64> {
    let (days, time) = match row {
        [Datum::Date(days), Datum::Time(time)] => (*days, *time),
        [date, time] => (convert::to_date(date, &Zone::UTC)?, convert::to_time(time, &Zone::UTC)?),
        parts => (
            days_from_parts(parts)?,
            nanoseconds_from_parts(parts.get(3..7).unwrap_or(parts.get(3..).unwrap_or_default()))?,
        ),
    };
    calendar::join(days, 0).and_then(|it| it.checked_add(time)).ok_or_else(timestamp_out_of_range)
}

fn timestamp_from_parts<'a>(_: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    wall_clock_from_parts(row).map(Datum::Ntz)
}

fn zone_argument(call: &Call, row: &[Datum<'_>], index: usize) -> Outcome<Zone> {
    match row.get(index) {
        Some(name) => Zone::parse(&text_of(name, &call.zone)?),
        None => Ok(call.zone.clone()),
    }
}

fn instant_from_parts(call: &Call, row: &[Datum<'_>]) -> Outcome<(i64, i32)> {
    let zone = zone_argument(call, row, 7)?;
    let instant =
        zone.to_instant(wall_clock_from_parts(row)?).ok_or_else(timestamp_out_of_range)?;
    Ok((instant, zone.offset_at(instant) / 60))
}

fn ltz_from_parts<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    Ok(Datum::Ltz(instant_from_parts(call, row)?.0))
}

fn tz_from_parts<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (instant, offset) = instant_from_parts(call, row)?;
    Ok(Datum::Tz(instant, offset))
}

fn returns_converted(arguments: &Arguments<'_>) -> Outcome<Field> {
    Ok(typed(if arguments.kinds.len() == 3 { NTZ } else { TZ }))
}

/// `(source, target, ntz)` gives a wall clock, `(target, timestamp)` an instant with its zone.
fn convert_timezone<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    match row {
        [source, target, at] => {
            let source = Zone::parse(&text_of(source, &call.zone)?)?;
            let target = Zone::parse(&text_of(target, &call.zone)?)?;
            let local = convert::to_ntz(at, &call.zone)?;
            source
                .to_instant(local)
                .and_then(|it| target.to_local(it))
                .map(Datum::Ntz)
                .ok_or_else(timestamp_out_of_range)
        }
        [target, at] => {
            let target = Zone::parse(&text_of(target, &call.zone)?)?;
            let (instant, _) = convert::to_tz(at, &call.zone)?;
            Ok(Datum::Tz(instant, target.offset_at(instant) / 60))
        }
        _ => Ok(Datum::Null),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::check;

    #[test]
    fn dates_are_read_automatically_or_by_a_format() {
        check("TO_DATE", "'2024-02-29'", "2024-02-29");
        check("TO_DATE", "'29.02.2024'|'DD.MM.YYYY'", "2024-02-29");
        check("TO_DATE", "n'2024-02-29 10:00:00'", "2024-02-29");
        check("TO_DATE", "'0'", "1970-01-01");
        check("TO_DATE", "'x'", "100040 (22007): Date 'x' is not recognized");
        check("TRY_TO_DATE", "'x'", "NULL");
        check(
            "TO_DATE",
            "'x'|'YYYY'",
            "100096 (22007): Can't parse 'x' as date with format 'YYYY'",
        );
        check("TO_DATE", "null", "NULL");
    }

    #[test]
    fn timestamps_are_read_automatically_by_a_format_or_from_an_epoch() {
        check("TO_TIMESTAMP", "'2024-02-29 10:00'", "2024-02-29 10:00:00.000000000");
        check("TO_TIMESTAMP", "1700000000", "2023-11-14 22:13:20.000000000");
        check("TO_TIMESTAMP", "1700000000123|3", "2023-11-14 22:13:20.123000000");
        check("TO_TIMESTAMP_TZ", "'2024-02-29 10:00:00 +0200'", "2024-02-29 10:00:00.000 +0200");
        check("TO_TIMESTAMP_LTZ", "'2024-02-29 10:00:00 +0200'", "2024-02-29 08:00:00.000 +0000");
        check("TO_TIMESTAMP", "'x'", "100035 (22007): Timestamp 'x' is not recognized");
        check("TRY_TO_TIMESTAMP_NTZ", "'x'", "NULL");
        check("TO_TIME", "'7:05:09.5'", "07:05:09.500000000");
        check("TO_TIME", "'25:00:00'", "100108 (22007): Time '25:00:00' is not recognized");
    }

    #[test]
    fn parts_carry_over() {
        check("DATE_FROM_PARTS", "2024|14|0", "2025-01-31");
        check("TIMESTAMP_FROM_PARTS", "2024|2|29|25|0|0", "2024-03-01 01:00:00.000000000");
        check(
            "TIMESTAMP_NTZ_FROM_PARTS",
            "d'2024-02-29'|t'10:00:00'",
            "2024-02-29 10:00:00.000000000",
        );
        check("TIME_FROM_PARTS", "0|100|0", "01:40:00");
        check(
            "TIMESTAMP_TZ_FROM_PARTS",
            "2024|7|1|0|0|0|0|'America/Los_Angeles'",
            "2024-07-01 00:00:00.000 -0700",
        );
    }

    #[test]
    fn zones_are_converted() {
        check(
            "CONVERT_TIMEZONE",
            "'America/New_York'|'UTC'|n'2024-01-01 12:00:00'",
            "2024-01-01 17:00:00.000000000",
        );
        check(
            "CONVERT_TIMEZONE",
            "'Asia/Tokyo'|l'2024-01-01 12:00:00'",
            "2024-01-01 21:00:00.000 +0900",
        );
        check(
            "CONVERT_TIMEZONE",
            "'Mars'|l'2024-01-01'",
            "100094 (22000): Unknown timezone: 'Mars'",
        );
    }
}
