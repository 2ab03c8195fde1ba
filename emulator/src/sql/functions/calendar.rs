//! Days, wall clocks and the parts of a date, without any SQL types.

use chrono::{Datelike, NaiveDate};

pub(super) const SECOND_NS: i64 = 1_000_000_000;
pub(super) const MINUTE_NS: i64 = 60 * SECOND_NS;
pub(super) const HOUR_NS: i64 = 60 * MINUTE_NS;
pub(super) const DAY_NS: i64 = 24 * HOUR_NS;
/// Days from 0001-01-01 to 1970-01-01, plus one: chrono counts the former as day 1.
const EPOCH_FROM_CE: i32 = 719_163;

pub(super) fn date_of(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH_FROM_CE)?)
}

pub(super) fn days_of(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_FROM_CE
}

pub(super) fn days_from(year: i32, month: u32, day: u32) -> Option<i32> {
    NaiveDate::from_ymd_opt(year, month, day).map(days_of)
}

/// Splits wall-clock nanoseconds into days and nanoseconds of the day.
pub(super) fn split(ns: i64) -> (i32, i64) {
    (ns.div_euclid(DAY_NS) as i32, ns.rem_euclid(DAY_NS))
}

pub(super) fn join(days: i32, ns: i64) -> Option<i64> {
    // In 128 bits: the first representable day begins before the first nanosecond.
    i64::try_from(i128::from(days) * i128::from(DAY_NS) + i128::from(ns)).ok()
}

pub(super) fn month_days(year: i32, month: u32) -> u32 {
    let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    match (NaiveDate::from_ymd_opt(year, month, 1), NaiveDate::from_ymd_opt(next.0, next.1, 1)) {
        (Some(first), Some(next)) => (next - first).num_days() as u32,
        _ => 31,
    }
}

/// Adds months, keeping the day or falling back to the month's last.
pub(super) fn add_months(days: i32, months: i64) -> Option<i32> {
    let date = date_of(days)?;
    let index = (i64::from(date.year()) * 12 + i64::from(date.month0())).checked_add(months)?;
    let year = i32::try_from(index.div_euclid(12)).ok()?;
    let month = index.rem_euclid(12) as u32 + 1;
    days_from(year, month, date.day().min(month_days(year, month)))
}

/// A part of a date or time, as `DATEADD`, `DATEDIFF`, `DATE_TRUNC` and `DATE_PART` name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
    DayOfWeek,
    DayOfWeekIso,
    DayOfYear,
    WeekIso,
    YearOfWeek,
    YearOfWeekIso,
    EpochSecond,
    EpochMillisecond,
    EpochMicrosecond,
    EpochNanosecond,
    TimezoneHour,
    TimezoneMinute,
}

impl Part {
    /// Any part, by any of its documented names.
    pub fn find(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "year" | "y" | "yy" | "yyy" | "yyyy" | "yr" | "years" | "yrs" => Self::Year,
            "quarter" | "q" | "qtr" | "qtrs" | "quarters" => Self::Quarter,
            "month" | "mm" | "mon" | "mons" | "months" => Self::Month,
            "week" | "w" | "wk" | "weeks" | "weekofyear" | "woy" | "wy" => Self::Week,
            "day" | "d" | "dd" | "days" | "dayofmonth" => Self::Day,
            "hour" | "h" | "hh" | "hr" | "hours" | "hrs" => Self::Hour,
            "minute" | "m" | "mi" | "min" | "minutes" | "mins" => Self::Minute,
            "second" | "s" | "sec" | "seconds" | "secs" => Self::Second,
            "millisecond" | "ms" | "msec" | "milliseconds" => Self::Millisecond,
            "microsecond" | "us" | "usec" | "microseconds" => Self::Microsecond,
            "nanosecond" | "ns" | "nsec" | "nanosec" | "nsecond" | "nanoseconds" | "nanosecs"
            | "nseconds" => Self::Nanosecond,
            "dayofweek" | "weekday" | "dow" | "dw" => Self::DayOfWeek,
            "dayofweekiso" | "weekday_iso" | "dow_iso" | "dw_iso" | "dayofweek_iso" => {
                Self::DayOfWeekIso
            }
            "dayofyear" | "yearday" | "doy" | "dy" => Self::DayOfYear,
            "weekiso" | "week_iso" | "weekofyeariso" | "weekofyear_iso" => Self::WeekIso,
            "yearofweek" => Self::YearOfWeek,
            "yearofweekiso" => Self::YearOfWeekIso,
            "epoch_second" | "epoch" | "epoch_seconds" => Self::EpochSecond,
            "epoch_millisecond" | "epoch_milliseconds" => Self::EpochMillisecond,
            "epoch_microsecond" | "epoch_microseconds" => Self::EpochMicrosecond,
            "epoch_nanosecond" | "epoch_nanoseconds" => Self::EpochNanosecond,
            "timezone_hour" | "tzh" => Self::TimezoneHour,
            "timezone_minute" | "tzm" => Self::TimezoneMinute,
            _ => return None,
        })
    }

    /// The parts that can be added, counted and truncated to.
    pub fn find_interval(name: &str) -> Option<Self> {
        let lower = name.trim().to_ascii_lowercase();
        if matches!(lower.as_str(), "weekofyear" | "woy" | "wy") {
            return None;
        }
        Self::find(&lower).filter(|it| (*it as u8) <= Self::Nanosecond as u8)
    }

    pub fn is_below_day(self) -> bool {
        matches!(
            self,
            Self::Hour
                | Self::Minute
                | Self::Second
                | Self::Millisecond
                | Self::Microsecond
                | Self::Nanosecond
        )
    }

    /// Nanoseconds of the parts that always have as many.
    fn nanoseconds(self) -> Option<i64> {
        Some(match self {
            Self::Week => 7 * DAY_NS,
            Self::Day => DAY_NS,
            Self::Hour => HOUR_NS,
            Self::Minute => MINUTE_NS,
            Self::Second => SECOND_NS,
            Self::Millisecond => 1_000_000,
            Self::Microsecond => 1_000,
            Self::Nanosecond => 1,
            _ => return None,
        })
    }

    fn months(self) -> Option<i64> {
        match self {
            Self::Year => Some(12),
            Self::Quarter => Some(3),
            Self::Month => Some(1),
            _ => None,
        }
    }

    /// Adds `count` of this part to wall-clock nanoseconds.
    pub fn add(self, ns: i64, count: i64) -> Option<i64> {
        if let Some(months) = self.months() {
            let (days, rest) = split(ns);
            return join(add_months(days, count.checked_mul(months)?)?, rest);
        }
        let total = i128::from(ns) + i128::from(count) * i128::from(self.nanoseconds()?);
        i64::try_from(total).ok()
    }

    /// Adds `count` of this part to a date. The part is a day or longer.
    pub fn add_to_date(self, days: i32, count: i64) -> Option<i32> {
        if let Some(months) = self.months() {
            return add_months(days, count.checked_mul(months)?);
        }
        let step = if self == Self::Week { 7 } else { 1 };
        let sum = i32::try_from(i64::from(days).checked_add(count.checked_mul(step)?)?).ok()?;
        date_of(sum).map(|_| sum)
    }

    /// The number of the part's boundaries before an instant; differences of it are `DATEDIFF`.
    pub fn index(self, ns: i64) -> i64 {
        let (days, _) = split(ns);
        match self {
            Self::Year => year_of(days),
            Self::Quarter => month_index(days).div_euclid(3),
            Self::Month => month_index(days),
            // 1970-01-01 was a Thursday; weeks begin on Monday.
            Self::Week => (i64::from(days) + 3).div_euclid(7),
            other => other.nanoseconds().map_or(0, |it| ns.div_euclid(it)),
        }
    }

    /// The part's last boundary at or before an instant.
    pub fn truncate(self, ns: i64) -> Option<i64> {
        let (days, _) = split(ns);
        match self {
            Self::Year | Self::Quarter | Self::Month => join(self.truncate_date(days)?, 0),
            Self::Week => join(self.truncate_date(days)?, 0),
            other => {
                let unit = other.nanoseconds()?;
                ns.div_euclid(unit).checked_mul(unit)
            }
        }
    }

    pub fn truncate_date(self, days: i32) -> Option<i32> {
        let date = date_of(days)?;
        match self {
            Self::Year => days_from(date.year(), 1, 1),
            Self::Quarter => days_from(date.year(), date.month0() / 3 * 3 + 1, 1),
            Self::Month => days_from(date.year(), date.month(), 1),
            Self::Week => Some(days - (days + 3).rem_euclid(7)),
            _ => Some(days),
        }
    }

    /// The part's value on a wall clock. Epochs and zones are the caller's.
    pub fn extract(self, ns: i64) -> Option<i64> {
        let (days, rest) = split(ns);
        let date = date_of(days)?;
        Some(match self {
            Self::Year => i64::from(date.year()),
            Self::Quarter => i64::from(date.month0() / 3 + 1),
            Self::Month => i64::from(date.month()),
            Self::Day => i64::from(date.day()),
            // Both with the defaults WEEK_OF_YEAR_POLICY = 0 and WEEK_START = 0, which are ISO's.
            Self::Week | Self::WeekIso => i64::from(date.iso_week().week()),
            Self::YearOfWeek | Self::YearOfWeekIso => i64::from(date.iso_week().year()),
            Self::DayOfWeek => i64::from(date.weekday().num_days_from_sunday()),
            Self::DayOfWeekIso => i64::from(date.weekday().number_from_monday()),
            Self::DayOfYear => i64::from(date.ordinal()),
            Self::Hour => rest / HOUR_NS,
            Self::Minute => rest / MINUTE_NS % 60,
            Self::Second => rest / SECOND_NS % 60,
            Self::Millisecond => rest % SECOND_NS / 1_000_000,
            Self::Microsecond => rest % SECOND_NS / 1_000,
            Self::Nanosecond => rest % SECOND_NS,
            _ => return None,
        })
    }
}

fn year_of(days: i32) -> i64 {
    date_of(days).map_or(0, |it| i64::from(it.year()))
}

fn month_index(days: i32) -> i64 {
    date_of(days).map_or(0, |it| i64::from(it.year()) * 12 + i64::from(it.month0()))
}

/// What reading a date or time from text found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    pub days: Option<i32>,
    /// Nanoseconds of the day.
    pub time: i64,
    pub has_time: bool,
    /// Minutes ahead of UTC.
    pub offset: Option<i32>,
}

/// `Z`, `+05`, `+05:30`, `-0800`: minutes ahead of UTC.
pub(super) fn parse_offset(text: &str) -> Option<i32> {
    if matches!(text, "Z" | "z" | "UTC" | "GMT") {
        return Some(0);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    if !rest.bytes().all(|it| it.is_ascii_digit() || it == b':') {
        return None;
    }
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None if rest.len() == 4 => rest.split_at(2),
        None => (rest, "0"),
    };
    let hours = hours.parse::<i32>().ok().filter(|it| *it <= 14)?;
    let minutes = minutes.parse::<i32>().ok().filter(|it| *it < 60)?;
    Some(sign * (hours * 60 + minutes))
}

pub(super) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
pub(super) const MONTHS_LONG: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// From Monday.
pub(super) const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

pub(super) fn month_number(name: &str) -> Option<u32> {
    let at = MONTHS
        .iter()
        .position(|it| it.eq_ignore_ascii_case(name))
        .or_else(|| MONTHS_LONG.iter().position(|it| it.eq_ignore_ascii_case(name)))?;
    Some(at as u32 + 1)
}

fn is_weekday(name: &str) -> bool {
    WEEKDAYS.iter().any(|it| it.eq_ignore_ascii_case(name))
}

/// Reads what the format `AUTO` accepts: ISO 8601, `DD-MON-YYYY`, `MM/DD/YYYY`, the two mail
/// forms, and whole numbers as seconds, milliseconds, microseconds or nanoseconds since 1970 by
/// their size.
pub(super) fn read_auto(text: &str) -> Option<Reading> {
    let text = text.trim();
    if let Some(reading) = read_epoch(text) {
        return Some(reading);
    }
    let mut cursor = Cursor(text);
    if let Some(reading) = read_iso(&mut Cursor(text)) {
        return Some(reading);
    }
    // `Thu, 21 Dec 2000 16:01:07 +0200` and `Mon Jul 08 18:09:51 +0000 2013`.
    if let Some(word) = cursor.word()
        && is_weekday(word)
    {
        cursor.eat(',');
        cursor.blanks();
        if let Some(month) = Cursor(cursor.0).word().and_then(month_number) {
            cursor.word();
            cursor.blanks();
            let day = cursor.number(1, 2)?;
            cursor.blanks();
            let time = cursor.time()?;
            cursor.blanks();
            let offset = match cursor.0.starts_with(['+', '-', 'Z']) {
                true => {
                    let offset = parse_offset(cursor.token())?;
                    cursor.blanks();
                    Some(offset)
                }
                false => None,
            };
            let year = cursor.number(4, 4)?;
            let days = days_from(year as i32, month, day as u32)?;
            return cursor.at_end().then_some(Reading {
                days: Some(days),
                time,
                has_time: true,
                offset,
            });
        }
    } else {
        cursor = Cursor(text);
    }
    let first = cursor.number(1, 2)?;
    let separator = cursor.next()?;
    let (month, day) = match separator {
        '-' | ' ' => {
            let month = month_number(cursor.word()?)?;
            cursor.eat(separator).then_some(())?;
            (month, first as u32)
        }
        '/' => {
            let day = cursor.number(1, 2)?;
            cursor.eat('/').then_some(())?;
            (first as u32, day as u32)
        }
        _ => return None,
    };
    let year = cursor.number(4, 4)?;
    let days = days_from(year as i32, month, day)?;
    cursor.rest(days)
}

fn read_iso(cursor: &mut Cursor<'_>) -> Option<Reading> {
    let year = cursor.number(4, 4)?;
    cursor.eat('-').then_some(())?;
    let month = cursor.number(1, 2)?;
    cursor.eat('-').then_some(())?;
    let day = cursor.number(1, 2)?;
    let days = days_from(year as i32, month as u32, day as u32)?;
    cursor.rest(days)
}

/// `31536000000` is where Snowflake stops reading seconds, and so on by thousands.
const EPOCH_SECONDS_MAX: i64 = 31_536_000_000;

fn read_epoch(text: &str) -> Option<Reading> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    let size = number.unsigned_abs();
    let limit = EPOCH_SECONDS_MAX as u64;
    let unit = if size < limit {
        SECOND_NS
    } else if size < limit * 1_000 {
        1_000_000
    } else if size < limit * 1_000_000 {
        1_000
    } else {
        1
    };
    let (days, time) = split(number.checked_mul(unit)?);
    Some(Reading { days: Some(days), time, has_time: true, offset: None })
}

/// Reads a time of day: `HH24[:MI[:SS[.FF]]] [AM|PM]`.
pub(super) fn read_time(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.bytes().all(|it| it.is_ascii_digit()) && !text.is_empty() {
        return read_epoch(text).map(|it| it.time);
    }
    let mut cursor = Cursor(text);
    let time = cursor.time()?;
    cursor.at_end().then_some(time)
}

/// What is left of a text.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a>(pub &'a str);

impl<'a> Cursor<'a> {
    pub fn at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub fn next(&mut self) -> Option<char> {
        let first = self.0.chars().next()?;
        self.0 = &self.0[first.len_utf8()..];
        Some(first)
    }

    pub fn eat(&mut self, expected: char) -> bool {
        match self.0.strip_prefix(expected) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    pub fn blanks(&mut self) {
        self.0 = self.0.trim_start();
    }

    /// Letters.
    pub fn word(&mut self) -> Option<&'a str> {
        let end = self.0.find(|it: char| !it.is_ascii_alphabetic()).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    /// Everything up to a blank.
    pub fn token(&mut self) -> &'a str {
        let end = self.0.find(' ').unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        token
    }

    /// Between `min` and `max` digits.
    pub fn number(&mut self, min: usize, max: usize) -> Option<i64> {
        let digits = self.0.bytes().take(max).take_while(u8::is_ascii_digit).count();
        if digits < min {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        number.parse().ok()
    }

    /// Digits after the point, as nanoseconds; more than nine are cut off.
    pub fn fraction(&mut self) -> Option<i64> {
        let end = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        if digits.is_empty() {
            return Some(0);
        }
        let digits = &digits[..end.min(9)];
        let value: i64 = digits.parse().ok()?;
        Some(value * 10_i64.pow(9 - digits.len() as u32))
    }

    pub fn time(&mut self) -> Option<i64> {
        let mut hours = self.number(1, 2)?;
        let (mut minutes, mut seconds, mut fraction) = (0, 0, 0);
        if self.eat(':') {
            minutes = self.number(1, 2)?;
            if self.eat(':') {
                seconds = self.number(1, 2)?;
                if self.eat('.') {
                    fraction = self.fraction()?;
                }
            }
        }
        let rest = self.0.trim_start();
        if let Some(half) = rest.get(..2)
            && (half.eq_ignore_ascii_case("AM") || half.eq_ignore_ascii_case("PM"))
        {
            if !(1..=12).contains(&hours) {
                return None;
            }
            hours = hours % 12 + if half.eq_ignore_ascii_case("PM") { 12 } else { 0 };
            self.0 = &rest[2..];
        }
        if hours > 23 || minutes > 59 || seconds > 59 {
            return None;
        }
        Some(hours * HOUR_NS + minutes * MINUTE_NS + seconds * SECOND_NS + fraction)
    }

    /// An optional time and zone after a date.
    fn rest(&mut self, days: i32) -> Option<Reading> {
        let mut reading = Reading { days: Some(days), ..Reading::default() };
        if self.at_end() {
            return Some(reading);
        }
        if !self.eat('T') && !self.eat('t') {
            self.eat(' ').then_some(())?;
            self.blanks();
        }
        reading.time = self.time()?;
        reading.has_time = true;
        self.blanks();
        if !self.at_end() {
            reading.offset = Some(parse_offset(self.0)?);
        }
        Some(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let actual = match read_auto(text) {
            None => "none".to_owned(),
            Some(Reading { days, time, offset, .. }) => {
                let date = days.and_then(date_of).map_or("?".to_owned(), |it| it.to_string());
                let offset = offset.map_or(String::new(), |it| format!(" {it:+}"));
                format!("{date} {}{offset}", time)
            }
        };
        assert_eq!(actual, expected, "{text:?}");
    }

    #[test]
    fn the_automatic_format_reads_what_is_documented_for_it() {
        check("2024-02-29", "2024-02-29 0");
        check("2024-2-9 1:02", "2024-02-09 3720000000000");
        check("2024-02-29T10:00:00.5Z", "2024-02-29 36000500000000 +0");
        check("2024-02-29 10:00:00.123456789 +05:30", "2024-02-29 36000123456789 +330");
        check("2024-02-29 10:00:00 -0800", "2024-02-29 36000000000000 -480");
        check("29-FEB-2024", "2024-02-29 0");
        check("2/29/2024", "2024-02-29 0");
        check("02/29/2024 23:59:59", "2024-02-29 86399000000000");
        check("Thu, 21 Dec 2000 04:01:07 PM +0200", "2000-12-21 57667000000000 +120");
        check("Mon Jul 08 18:09:51 +0000 2013", "2013-07-08 65391000000000 +0");
        check("0", "1970-01-01 0");
        check("1700000000000", "2023-11-14 80000000000000");
        check("2024-02-30", "none");
        check("2024-13-01", "none");
        check("2024-01-01 25:00:00", "none");
        check("yesterday", "none");
        check("", "none");
    }

    #[test]
    fn months_are_added_to_the_last_day_that_exists() {
        let day = |y, m, d| days_from(y, m, d);
        assert_eq!(add_months(day(2024, 1, 31).unwrap_or(0), 1), day(2024, 2, 29));
        assert_eq!(add_months(day(2024, 2, 29).unwrap_or(0), -12), day(2023, 2, 28));
    }
}
