//! Counts of decimal fractions of a second to dates and times.
//!
//! Everything goes through nanoseconds in 128 bits, in which nothing that fits a cell overflows;
//! what is outside the calendar is then `None` rather than wrapped.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, TimeDelta, Utc};

const NANOS: i128 = 1_000_000_000;

/// `count` × 10^-`scale` seconds. `None` for more than nine decimals, which no column has.
pub fn nanos(count: i128, scale: u8) -> Option<i128> {
    count.checked_mul(10_i128.checked_pow(9_u32.checked_sub(u32::from(scale))?)?)
}

pub fn instant(nanos: i128) -> Option<DateTime<Utc>> {
    let seconds = i64::try_from(nanos.div_euclid(NANOS)).ok()?;
    let rest = u32::try_from(nanos.rem_euclid(NANOS)).ok()?;
    DateTime::from_timestamp(seconds, rest)
}

/// An instant in a zone that the server gives as minutes east of UTC, plus 1440.
pub fn zoned(nanos: i128, zone: i128) -> Option<DateTime<FixedOffset>> {
    let minutes = i32::try_from(zone).ok()?.checked_sub(1440)?;
    let zone = FixedOffset::east_opt(minutes.checked_mul(60)?)?;
    let instant = instant(nanos)?;
    // Local time must be in the calendar too: chrono panics when it prints one that is not.
    instant.naive_utc().checked_add_offset(zone)?;
    Some(instant.with_timezone(&zone))
}

pub fn time_of_day(nanos: i128) -> Option<NaiveTime> {
    let seconds = u32::try_from(nanos.div_euclid(NANOS)).ok()?;
    let rest = u32::try_from(nanos.rem_euclid(NANOS)).ok()?;
    NaiveTime::from_num_seconds_from_midnight_opt(seconds, rest)
}

pub fn date(days: i128) -> Option<NaiveDate> {
    let days = TimeDelta::try_days(i64::try_from(days).ok()?)?;
    DateTime::UNIX_EPOCH.date_naive().checked_add_signed(days)
}

/// A decimal number as its digits and how many of them are decimals: `-1.50` is (-150, 2).
pub fn decimal(text: &str) -> Option<(i128, u8)> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let unsigned = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let digits = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    if !digits(unsigned) || !digits(decimals) || unsigned.len() + decimals.len() == 0 {
        return None;
    }
    Some((format!("{whole}{decimals}").parse().ok()?, u8::try_from(decimals.len()).ok()?))
}
