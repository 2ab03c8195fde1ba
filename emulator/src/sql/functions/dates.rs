//! Arithmetic on dates and times: `DATEADD`, `DATEDIFF`, `DATE_TRUNC`, parts, and their kin.

use super::calendar::{self, Part};
use super::convert::{self, int_of, local_and_offset, timestamp_out_of_range};
use super::datum::Datum;
use super::kit::{
    Arguments, Body, Call, Entry, Outcome, invalid_argument, invalid_types, is_timestamp, refuse,
    returns_date, returns_float, returns_int, returns_text, typed,
};
use super::zone::Zone;
use crate::types::DataType;
use chrono::Datelike;
use datafusion::{arrow::datatypes::Field, error::DataFusionError};

/// A function of one argument that gives one part of a date or time.
macro_rules! part {
    ($name:literal, $part:ident) => {
        Entry::new(
            $name,
            (1, 1),
            returns_int,
            Body::Strict(|call, row| part_of(call, Part::$part, &row[0])),
        )
    };
}

pub(super) static ENTRIES: &[Entry] = &[
    Entry::new("DATEADD", (3, 3), returns_added, Body::Strict(date_add)),
    Entry::new("TIMEADD", (3, 3), returns_added, Body::Strict(date_add)),
    Entry::new("TIMESTAMPADD", (3, 3), returns_added, Body::Strict(date_add)),
    Entry::new("DATEDIFF", (3, 3), returns_difference, Body::Strict(date_diff)),
    Entry::new("TIMEDIFF", (3, 3), returns_difference, Body::Strict(date_diff)),
    Entry::new("TIMESTAMPDIFF", (3, 3), returns_difference, Body::Strict(date_diff)),
    Entry::new("DATE_TRUNC", (2, 2), returns_truncated, Body::Strict(date_trunc)),
    Entry::new("DATE_PART", (2, 2), returns_part, Body::Strict(date_part)),
    Entry::new("EXTRACT", (2, 2), returns_part, Body::Strict(date_part)),
    part!("YEAR", Year),
    part!("YEAROFWEEK", YearOfWeek),
    part!("YEAROFWEEKISO", YearOfWeekIso),
    part!("QUARTER", Quarter),
    part!("MONTH", Month),
    part!("WEEK", Week),
    part!("WEEKOFYEAR", Week),
    part!("WEEKISO", WeekIso),
    part!("DAY", Day),
    part!("DAYOFMONTH", Day),
    part!("DAYOFWEEK", DayOfWeek),
    part!("DAYOFWEEKISO", DayOfWeekIso),
    part!("DAYOFYEAR", DayOfYear),
    part!("HOUR", Hour),
    part!("MINUTE", Minute),
    part!("SECOND", Second),
    Entry::new("DAYNAME", (1, 1), returns_text, Body::Strict(day_name)),
    Entry::new("MONTHNAME", (1, 1), returns_text, Body::Strict(month_name)),
    Entry::new("LAST_DAY", (1, 2), returns_date, Body::Strict(last_day)),
    Entry::new("NEXT_DAY", (2, 2), returns_date, Body::Strict(next_day)),
    Entry::new("PREVIOUS_DAY", (2, 2), returns_date, Body::Strict(previous_day)),
    Entry::new("ADD_MONTHS", (2, 2), returns_shifted, Body::Strict(add_months)),
    Entry::new("MONTHS_BETWEEN", (2, 2), returns_float, Body::Strict(months_between)),
    Entry::new("TIME_SLICE", (3, 4), returns_sliced, Body::Strict(time_slice)),
];

/// `002151`: not a part, or not one that the function takes.
pub(super) fn invalid_part(part: &str, function: &str) -> DataFusionError {
    refuse(
        2151,
        "22023",
        format!(
            "SQL compilation error: ['{}'] is not a valid date/time component for function {function}.",
            part.to_uppercase()
        ),
    )
}

/// The name in messages of a function that has several.
fn canonical(name: &'static str) -> &'static str {
    match name {
        "TIMEADD" | "TIMESTAMPADD" => "DATEADD",
        "TIMEDIFF" | "TIMESTAMPDIFF" => "DATEDIFF",
        other => other,
    }
}

fn interval(name: &'static str, part: &Datum<'_>) -> Outcome<Part> {
    match part {
        Datum::Text(text) => {
            Part::find_interval(text).ok_or_else(|| invalid_part(text, canonical(name)))
        }
        other => Err(invalid_part(&format!("{other:?}"), canonical(name))),
    }
}

/// Checks a literal part while planning, so that it is refused on empty tables too.
fn literal_part(arguments: &Arguments<'_>, index: usize) -> Outcome<Option<Part>> {
    match arguments.text(index) {
        Some(text) => interval(arguments.name, &Datum::text(text)).map(Some),
        None => Ok(None),
    }
}

/// A date or time argument: text is read as a timestamp. `None` in the type is an untyped NULL.
fn moment_kind(arguments: &Arguments<'_>, index: usize) -> Outcome<DataType> {
    match arguments.kind(index) {
        None | Some(DataType::Text { .. } | DataType::Variant) => {
            Ok(DataType::TimestampNtz { scale: 9 })
        }
        Some(it) if is_timestamp(it) || matches!(it, DataType::Date | DataType::Time { .. }) => {
            Ok(it.clone())
        }
        Some(_) => arguments.invalid_types(),
    }
}

/// The same of a value.
fn moment<'a>(datum: &Datum<'a>, zone: &Zone) -> Outcome<Datum<'a>> {
    match datum {
        Datum::Text(_) | Datum::Json(_) | Datum::Number(..) => {
            convert::convert(datum.clone(), &DataType::TimestampNtz { scale: 9 }, zone)
        }
        other => Ok(other.clone()),
    }
}

fn returns_added(arguments: &Arguments<'_>) -> Outcome<Field> {
    let part = literal_part(arguments, 0)?;
    let kind = moment_kind(arguments, 2)?;
    Ok(typed(match (kind, part) {
        (DataType::Date, Some(part)) if part.is_below_day() => DataType::TimestampNtz { scale: 9 },
        (DataType::Time { scale }, Some(part)) if !part.is_below_day() => {
            let name = canonical(arguments.name);
            let word = arguments.text(0).unwrap_or_default().to_uppercase();
            return Err(refuse(
                2151,
                "22023",
                format!(
                    "SQL compilation error: ['{word}'] is not a valid date/time component for function {name} and type TIME({scale})."
                ),
            ));
        }
        (kind, _) => kind,
    }))
}

/// Puts a shifted wall clock back into the type it came from.
fn at_wall_clock<'a>(original: &Datum<'_>, local: i64, zone: &Zone) -> Outcome<Datum<'a>> {
    match original {
        Datum::Ltz(_) => zone.to_instant(local).map(Datum::Ltz).ok_or_else(timestamp_out_of_range),
        Datum::Tz(_, offset) => local
            .checked_sub(i64::from(*offset) * calendar::MINUTE_NS)
            .map(|it| Datum::Tz(it, *offset))
            .ok_or_else(timestamp_out_of_range),
        Datum::Time(_) => Ok(Datum::Time(local.rem_euclid(calendar::DAY_NS))),
        _ => Ok(Datum::Ntz(local)),
    }
}

fn date_add<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let [part, count, at] = row else { return Ok(Datum::Null) };
    let part = interval(call.name, part)?;
    add(call, part, int_of(count)?, &moment(at, &call.zone)?)
}

fn add<'a>(call: &Call, part: Part, count: i64, at: &Datum<'_>) -> Outcome<Datum<'a>> {
    match at {
        Datum::Date(days) if !part.is_below_day() => {
            let sum = part.add_to_date(*days, count);
            return sum.map(Datum::Date).ok_or_else(timestamp_out_of_range);
        }
        // Hours and below count elapsed time: no change of the clocks gets in the way.
        Datum::Ltz(ns) if part.is_below_day() => {
            return part.add(*ns, count).map(Datum::Ltz).ok_or_else(timestamp_out_of_range);
        }
        Datum::Null => return Ok(Datum::Null),
        _ => {}
    }
    let (local, _) = local_and_offset(at, &call.zone)?;
    let sum = part.add(local, count).ok_or_else(timestamp_out_of_range)?;
    at_wall_clock(at, sum, &call.zone)
}

fn returns_difference(arguments: &Arguments<'_>) -> Outcome<Field> {
    literal_part(arguments, 0)?;
    moment_kind(arguments, 1)?;
    moment_kind(arguments, 2)?;
    returns_int(arguments)
}

fn date_diff<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let [part, from, to] = row else { return Ok(Datum::Null) };
    let part = interval(call.name, part)?;
    let (from, to) = (moment(from, &call.zone)?, moment(to, &call.zone)?);
    if from.is_null() || to.is_null() {
        return Ok(Datum::Null);
    }
    if let (Datum::Ltz(from), Datum::Ltz(to)) = (&from, &to)
        && part.is_below_day()
    {
        return Ok(Datum::int(part.index(*to) - part.index(*from)));
    }
    let (from, _) = local_and_offset(&from, &call.zone)?;
    let (to, _) = local_and_offset(&to, &call.zone)?;
    Ok(Datum::int(part.index(to) - part.index(from)))
}

fn returns_truncated(arguments: &Arguments<'_>) -> Outcome<Field> {
    literal_part(arguments, 0)?;
    Ok(typed(moment_kind(arguments, 1)?))
}

fn date_trunc<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let [part, at] = row else { return Ok(Datum::Null) };
    truncate_to(call, interval(call.name, part)?, at)
}

/// Also what `TRUNC(date, part)` does.
pub(super) fn truncate_to<'a>(call: &Call, part: Part, at: &Datum<'a>) -> Outcome<Datum<'a>> {
    let at = moment(at, &call.zone)?;
    match &at {
        Datum::Null => return Ok(Datum::Null),
        Datum::Date(days) => {
            return part.truncate_date(*days).map(Datum::Date).ok_or_else(timestamp_out_of_range);
        }
        _ => {}
    }
    let (local, _) = local_and_offset(&at, &call.zone)?;
    let start = part.truncate(local).ok_or_else(timestamp_out_of_range)?;
    at_wall_clock(&at, start, &call.zone)
}

fn returns_part(arguments: &Arguments<'_>) -> Outcome<Field> {
    if let Some(text) = arguments.text(0)
        && Part::find(text).is_none()
    {
        return Err(invalid_part(text, arguments.name));
    }
    moment_kind(arguments, 1)?;
    returns_int(arguments)
}

fn date_part<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let [Datum::Text(part), at] = row else {
        let kinds: Vec<_> = call.columns.iter().map(|it| it.kind.clone()).collect();
        return Err(invalid_types(call.name, &kinds));
    };
    let part = Part::find(part).ok_or_else(|| invalid_part(part, call.name))?;
    part_of(call, part, at)
}

fn part_of<'a>(call: &Call, part: Part, at: &Datum<'_>) -> Outcome<Datum<'a>> {
    let at = moment(at, &call.zone)?;
    if at.is_null() {
        return Ok(Datum::Null);
    }
    let (local, offset) = local_and_offset(&at, &call.zone)?;
    let epoch = |unit: i64| {
        // An epoch counts from an instant; wall clocks without a zone count as UTC.
        let instant = local.saturating_sub(i64::from(offset) * calendar::MINUTE_NS);
        Some(instant.div_euclid(unit))
    };
    let value = match part {
        Part::EpochSecond => epoch(calendar::SECOND_NS),
        Part::EpochMillisecond => epoch(1_000_000),
        Part::EpochMicrosecond => epoch(1_000),
        Part::EpochNanosecond => epoch(1),
        Part::TimezoneHour => Some(i64::from(offset / 60)),
        Part::TimezoneMinute => Some(i64::from(offset % 60)),
        other => other.extract(local),
    };
    value.map(Datum::int).ok_or_else(timestamp_out_of_range)
}

fn date_of(call: &Call, at: &Datum<'_>) -> Outcome<chrono::NaiveDate> {
    let days = convert::to_date(&moment(at, &call.zone)?, &call.zone)?;
    calendar::date_of(days).ok_or_else(timestamp_out_of_range)
}

fn day_name<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let day = date_of(call, &row[0])?.weekday().num_days_from_monday();
    Ok(Datum::text(calendar::WEEKDAYS[day as usize]))
}

fn month_name<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    Ok(Datum::text(calendar::MONTHS[date_of(call, &row[0])?.month0() as usize]))
}

fn last_day<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let part = match row.get(1) {
        Some(part) => interval(call.name, part)?,
        None => Part::Month,
    };
    if part.is_below_day() {
        return Err(invalid_part(&format!("{part:?}"), call.name));
    }
    let days = calendar::days_of(date_of(call, &row[0])?);
    let next = part
        .truncate_date(days)
        .and_then(|it| part.add_to_date(it, 1))
        .ok_or_else(timestamp_out_of_range)?;
    Ok(Datum::Date(next - 1))
}

/// A weekday from Monday, by its first two or more letters.
fn weekday(name: &Datum<'_>, call: &Call) -> Outcome<i32> {
    const NAMES: [&str; 7] =
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let text = convert::text_of(name, &call.zone)?;
    let lower = text.trim().to_ascii_lowercase();
    NAMES
        .iter()
        .position(|it| lower.len() >= 2 && it.starts_with(lower.as_str()))
        .map(|it| it as i32)
        .ok_or_else(|| invalid_argument(call.name, format!("unknown day of week '{text}'")))
}

fn next_day<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let days = calendar::days_of(date_of(call, &row[0])?);
    // 1970-01-01 was a Thursday, the third day from Monday.
    let ahead = (weekday(&row[1], call)? - (days + 3)).rem_euclid(7);
    Ok(Datum::Date(days + if ahead == 0 { 7 } else { ahead }))
}

fn previous_day<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let days = calendar::days_of(date_of(call, &row[0])?);
    let back = ((days + 3) - weekday(&row[1], call)?).rem_euclid(7);
    Ok(Datum::Date(days - if back == 0 { 7 } else { back }))
}

fn returns_shifted(arguments: &Arguments<'_>) -> Outcome<Field> {
    Ok(typed(moment_kind(arguments, 0)?))
}

/// Unlike `DATEADD`, the last day of a month goes to the last day of another.
fn add_months<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let [at, count] = row else { return Ok(Datum::Null) };
    let at = moment(at, &call.zone)?;
    if at.is_null() {
        return Ok(Datum::Null);
    }
    let count = int_of(count)?;
    let shifted = add(call, Part::Month, count, &at)?;
    let before = date_of(call, &at)?;
    if before.day() != calendar::month_days(before.year(), before.month()) {
        return Ok(shifted);
    }
    let after = date_of(call, &shifted)?;
    let missing = calendar::month_days(after.year(), after.month()) - after.day();
    add(call, Part::Day, i64::from(missing), &shifted)
}

fn months_between<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (left, right) = (moment(&row[0], &call.zone)?, moment(&row[1], &call.zone)?);
    let (a, b) = (date_of(call, &left)?, date_of(call, &right)?);
    let months = (a.year() - b.year()) * 12 + a.month() as i32 - b.month() as i32;
    let is_last = |it: chrono::NaiveDate| it.day() == calendar::month_days(it.year(), it.month());
    if a.day() == b.day() || is_last(a) && is_last(b) {
        return Ok(Datum::Float(f64::from(months)));
    }
    let time = |datum: &Datum<'_>| -> Outcome<f64> {
        let (local, _) = local_and_offset(datum, &call.zone)?;
        Ok(calendar::split(local).1 as f64 / calendar::DAY_NS as f64)
    };
    let days = f64::from(a.day()) + time(&left)? - f64::from(b.day()) - time(&right)?;
    Ok(Datum::Float(f64::from(months) + days / 31.0))
}

fn returns_sliced(arguments: &Arguments<'_>) -> Outcome<Field> {
    literal_part(arguments, 2)?;
    Ok(typed(moment_kind(arguments, 0)?))
}

/// Slices are counted from 1970-01-01; weeks from the Monday before.
fn time_slice<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let at = moment(&row[0], &call.zone)?;
    let (length, part) = (int_of(&row[1])?, interval(call.name, &row[2])?);
    if length < 1 {
        return Err(invalid_argument(call.name, format!("the slice length {length}")));
    }
    let end = match row.get(3) {
        None => false,
        Some(word) => match convert::text_of(word, &call.zone)?.to_ascii_uppercase().as_str() {
            "START" => false,
            "END" => true,
            other => return Err(invalid_argument(call.name, format!("'{other}'"))),
        },
    };
    let (local, _) = local_and_offset(&at, &call.zone)?;
    let origin = part.truncate(0).unwrap_or(0);
    let index = part.index(local) - part.index(origin);
    let slice = index.div_euclid(length) + i64::from(end);
    let bound = slice
        .checked_mul(length)
        .and_then(|it| part.add(origin, it))
        .ok_or_else(timestamp_out_of_range)?;
    match at {
        Datum::Date(_) => Ok(Datum::Date(calendar::split(bound).0)),
        other => at_wall_clock(&other, bound, &call.zone),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_type};

    #[test]
    fn parts_are_added_by_any_of_their_names() {
        for (arguments, expected) in [
            ("'day'|1|d'2024-02-28'", "2024-02-29"),
            ("'MONTHS'|1|d'2024-01-31'", "2024-02-29"),
            ("'q'|-1|d'2024-05-31'", "2024-02-29"),
            ("'yy'|1|d'2024-02-29'", "2025-02-28"),
            ("'week'|2|d'2024-02-29'", "2024-03-14"),
            ("'hour'|1|d'2024-02-29'", "2024-02-29 01:00:00.000000000"),
            ("'second'|-1|n'2024-01-01 00:00:00'", "2023-12-31 23:59:59.000000000"),
            ("'ns'|5|n'2024-01-01 00:00:00'", "2024-01-01 00:00:00.000000005"),
            ("'minute'|30|t'23:45:00'", "00:15:00"),
            ("'day'|1.5|d'2024-01-01'", "2024-01-03"),
            ("'day'|1|'2024-01-01'", "2024-01-02 00:00:00.000000000"),
            ("'month'|1|z'2024-01-31 23:00:00 -0800'", "2024-02-29 23:00:00.000 -0800"),
            ("'day'|null|d'2024-01-01'", "NULL"),
        ] {
            check("DATEADD", arguments, expected);
        }
        check_type("DATEADD", "'hour'|1|d'2024-01-01'", "TIMESTAMP_NTZ(9)");
        check_type("TIMESTAMPADD", "'day'|1|l'2024-01-01'", "TIMESTAMP_LTZ(9)");
        check(
            "DATEADD",
            "'dayz'|1|d'2024-01-01'",
            "002151 (22023): SQL compilation error: ['DAYZ'] is not a valid date/time component for function DATEADD.",
        );
        check(
            "DATEADD",
            "'day'|1|t'10:00:00'",
            "002151 (22023): SQL compilation error: ['DAY'] is not a valid date/time component for function DATEADD and type TIME(9).",
        );
    }

    #[test]
    fn differences_count_boundaries() {
        for (arguments, expected) in [
            ("'year'|d'2023-12-31'|d'2024-01-01'", "1"),
            ("'month'|d'2024-01-31'|d'2024-02-01'", "1"),
            ("'week'|d'2024-01-07'|d'2024-01-08'", "1"),
            ("'day'|n'2024-01-01 23:59:59'|n'2024-01-02 00:00:00'", "1"),
            ("'hour'|'2024-01-01 10:59:59'|'2024-01-01 11:00:00'", "1"),
            ("'second'|n'2024-01-01 00:00:01'|n'2024-01-01 00:00:00'", "-1"),
            ("'quarter'|d'2024-01-01'|d'2025-01-01'", "4"),
            ("'ms'|n'2024-01-01 00:00:00'|n'2024-01-01 00:00:00.0015'", "1"),
            ("'day'|d'2024-01-01'|null", "NULL"),
        ] {
            check("DATEDIFF", arguments, expected);
        }
        check(
            "DATEDIFF",
            "'day'|true|d'2024-01-01'",
            "001044 (42P13): SQL compilation error:\nInvalid argument types for function 'DATEDIFF': (VARCHAR(16777216), BOOLEAN, DATE)",
        );
    }

    #[test]
    fn truncation_keeps_the_type() {
        check("DATE_TRUNC", "'month'|d'2024-02-29'", "2024-02-01");
        check("DATE_TRUNC", "'week'|d'2024-02-29'", "2024-02-26");
        check("DATE_TRUNC", "'quarter'|n'2024-05-29 10:00:00'", "2024-04-01 00:00:00.000000000");
        check("DATE_TRUNC", "'hour'|n'2024-05-29 10:59:00'", "2024-05-29 10:00:00.000000000");
        check("DATE_TRUNC", "'second'|n'1969-12-31 23:59:59.5'", "1969-12-31 23:59:59.000000000");
        check("DATE_TRUNC", "'day'|z'2024-02-29 23:00:00 -0800'", "2024-02-29 00:00:00.000 -0800");
    }

    #[test]
    fn parts_are_taken_from_the_wall_clock() {
        check("YEAR", "d'2024-02-29'", "2024");
        check("MONTH", "'2024-02-29'", "2");
        check("DAYOFWEEK", "d'2024-02-25'", "0");
        check("DAYOFWEEKISO", "d'2024-02-25'", "7");
        check("WEEK", "d'2024-12-31'", "1");
        check("YEAROFWEEK", "d'2024-12-31'", "2025");
        check("HOUR", "z'2024-02-29 23:00:00 -0800'", "23");
        check("DATE_PART", "'epoch_second'|z'1970-01-01 00:00:00 -0100'", "3600");
        check("DATE_PART", "'tzh'|z'1970-01-01 00:00:00 -0130'", "-1");
        check("DATE_PART", "'nanosecond'|n'1970-01-01 00:00:00.25'", "250000000");
        check("DAYNAME", "d'2024-02-29'", "Thu");
        check("MONTHNAME", "d'2024-02-29'", "Feb");
    }

    #[test]
    fn neighbouring_days_are_found() {
        check("LAST_DAY", "d'2024-02-10'", "2024-02-29");
        check("LAST_DAY", "d'2024-02-10'|'year'", "2024-12-31");
        check("NEXT_DAY", "d'2024-02-29'|'thu'", "2024-03-07");
        check("PREVIOUS_DAY", "d'2024-02-29'|'Monday'", "2024-02-26");
        check("ADD_MONTHS", "d'2024-02-29'|1", "2024-03-31");
        check("ADD_MONTHS", "d'2024-01-30'|1", "2024-02-29");
        check("MONTHS_BETWEEN", "d'2024-03-31'|d'2024-02-29'", "1");
        check("TIME_SLICE", "d'2024-02-29'|4|'MONTH'", "2024-01-01");
        check(
            "TIME_SLICE",
            "n'2024-02-29 10:07:00'|15|'minute'|'end'",
            "2024-02-29 10:15:00.000000000",
        );
        check("TIME_SLICE", "d'2024-02-29'|1|'week'", "2024-02-26");
    }
}
