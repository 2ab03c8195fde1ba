//! Date and time formats: `YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM` and the like, both ways.

use super::calendar::{
    self, Cursor, HOUR_NS, MINUTE_NS, MONTHS, MONTHS_LONG, Reading, SECOND_NS, WEEKDAYS,
};
use chrono::Datelike;

/// Snowflake's defaults of DATE_OUTPUT_FORMAT and its siblings.
pub(super) const DATE: &str = "YYYY-MM-DD";
pub(super) const TIME: &str = "HH24:MI:SS";
pub(super) const TIMESTAMP_NTZ: &str = "YYYY-MM-DD HH24:MI:SS.FF3";
pub(super) const TIMESTAMP_TZ: &str = "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element<'a> {
    Year4,
    Year2,
    Month,
    MonthShort,
    MonthLong,
    Day,
    Weekday,
    Hour24,
    Hour12,
    HalfDay,
    Minute,
    Second,
    Fraction(usize),
    ZoneHour,
    ZoneMinute,
    Literal(&'a str),
}

/// Longest first where one name begins another.
const ELEMENTS: [(&str, Element<'static>); 19] = [
    ("YYYY", Element::Year4),
    ("UUUU", Element::Year4),
    ("YY", Element::Year2),
    ("MMMM", Element::MonthLong),
    ("MON", Element::MonthShort),
    ("MM", Element::Month),
    ("MI", Element::Minute),
    ("DD", Element::Day),
    ("DY", Element::Weekday),
    ("HH24", Element::Hour24),
    ("HH12", Element::Hour12),
    ("HH", Element::Hour24),
    ("AM", Element::HalfDay),
    ("PM", Element::HalfDay),
    ("SS", Element::Second),
    ("TZH", Element::ZoneHour),
    ("TZM", Element::ZoneMinute),
    ("FF", Element::Fraction(9)),
    ("TZD", Element::Literal("")),
];

struct Elements<'a>(&'a str);

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let rest = self.0;
        let first = rest.chars().next()?;
        if first == '"' {
            let inside = &rest[1..];
            let end = inside.find('"').unwrap_or(inside.len());
            self.0 = inside.get(end + 1..).unwrap_or("");
            return Some(Element::Literal(&inside[..end]));
        }
        for (name, element) in ELEMENTS {
            if rest.get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name)) {
                self.0 = &rest[name.len()..];
                if let Element::Fraction(_) = element
                    && let Some(digits) = self.0.bytes().next().filter(u8::is_ascii_digit)
                {
                    self.0 = &self.0[1..];
                    return Some(Element::Fraction(usize::from(digits - b'0')));
                }
                return Some(element);
            }
        }
        self.0 = &rest[first.len_utf8()..];
        Some(Element::Literal(&rest[..first.len_utf8()]))
    }
}

/// Prints wall-clock nanoseconds; `offset` is in minutes ahead of UTC.
pub(super) fn print(ns: i64, offset: i32, format: &str) -> String {
    let (days, time) = calendar::split(ns);
    print_parts(days, time, offset, format)
}

pub(super) fn print_parts(days: i32, time: i64, offset: i32, format: &str) -> String {
    use std::fmt::Write;
    let date = calendar::date_of(days).unwrap_or_default();
    let hour = time / HOUR_NS;
    let mut out = String::with_capacity(format.len() + 4);
    for element in Elements(format) {
        // Writing to a string cannot fail.
        let _ = match element {
            Element::Year4 => write!(out, "{:04}", date.year()),
            Element::Year2 => write!(out, "{:02}", date.year().rem_euclid(100)),
            Element::Month => write!(out, "{:02}", date.month()),
            Element::MonthShort => write!(out, "{}", MONTHS[date.month0() as usize]),
            Element::MonthLong => write!(out, "{}", MONTHS_LONG[date.month0() as usize]),
            Element::Day => write!(out, "{:02}", date.day()),
            Element::Weekday => {
                write!(out, "{}", WEEKDAYS[date.weekday().num_days_from_monday() as usize])
            }
            Element::Hour24 => write!(out, "{hour:02}"),
            Element::Hour12 => write!(out, "{:02}", (hour + 11) % 12 + 1),
            Element::HalfDay => write!(out, "{}", if hour < 12 { "AM" } else { "PM" }),
            Element::Minute => write!(out, "{:02}", time / MINUTE_NS % 60),
            Element::Second => write!(out, "{:02}", time / SECOND_NS % 60),
            Element::Fraction(0) => Ok(()),
            Element::Fraction(digits) => {
                let nanoseconds = format!("{:09}", time % SECOND_NS);
                write!(out, "{}", &nanoseconds[..digits.min(9)])
            }
            Element::ZoneHour => {
                let sign = if offset < 0 { '-' } else { '+' };
                write!(out, "{sign}{:02}", offset.abs() / 60)
            }
            Element::ZoneMinute => write!(out, "{:02}", offset.abs() % 60),
            Element::Literal(text) => write!(out, "{text}"),
        };
    }
    // `.FF0` leaves a point that nothing follows.
    if format.to_ascii_uppercase().ends_with(".FF0") && out.ends_with('.') {
        out.pop();
    }
    out
}

/// Reads text in a format; `None` where it does not fit.
pub(super) fn read(text: &str, format: &str) -> Option<Reading> {
    let mut cursor = Cursor(text.trim());
    let (mut year, mut month, mut day) = (None, None, None);
    let (mut hour, mut hour12, mut afternoon) = (0, None, None);
    let (mut minute, mut second, mut fraction) = (0, 0, 0);
    let (mut zone_hour, mut zone_minute): (Option<(i64, bool)>, i64) = (None, 0);
    let mut has_time = false;
    for element in Elements(format) {
        match element {
            Element::Year4 => year = Some(cursor.number(4, 4)?),
            Element::Year2 => {
                let short = cursor.number(2, 2)?;
                // TWO_DIGIT_CENTURY_START is 1970 by default.
                year = Some(if short < 70 { 2000 + short } else { 1900 + short });
            }
            Element::Month => month = Some(cursor.number(1, 2)? as u32),
            Element::MonthShort | Element::MonthLong => {
                let word = cursor.word()?;
                month = Some(calendar::month_number(word)?);
            }
            Element::Day => day = Some(cursor.number(1, 2)? as u32),
            Element::Weekday => {
                let word = cursor.word()?;
                WEEKDAYS.iter().find(|it| it.eq_ignore_ascii_case(word))?;
            }
            Element::Hour24 => {
                hour = cursor.number(1, 2)?;
                has_time = true;
            }
            Element::Hour12 => {
                hour12 = Some(cursor.number(1, 2).filter(|it| (1..=12).contains(it))?);
                has_time = true;
            }
            Element::HalfDay => {
                let word = cursor.word()?;
                afternoon = Some(match word.to_ascii_uppercase().as_str() {
                    "AM" => false,
                    "PM" => true,
                    _ => return None,
                });
            }
            Element::Minute => minute = cursor.number(1, 2)?,
            Element::Second => second = cursor.number(1, 2)?,
            Element::Fraction(_) => fraction = cursor.fraction()?,
            Element::ZoneHour => {
                if cursor.eat('Z') {
                    zone_hour = Some((0, false));
                } else {
                    let negative = match cursor.next()? {
                        '+' => false,
                        '-' => true,
                        _ => return None,
                    };
                    zone_hour = Some((cursor.number(1, 2)?, negative));
                }
            }
            Element::ZoneMinute => zone_minute = cursor.number(2, 2).unwrap_or(0),
            Element::Literal(text) => {
                for expected in text.chars() {
                    // A fraction, or the colon of a zone, may be missing with what follows it.
                    let may_miss = cursor.at_end() && matches!(expected, '.' | ':');
                    if !cursor.eat(expected) && !may_miss {
                        return None;
                    }
                }
            }
        }
    }
    if !cursor.at_end() {
        return None;
    }
    if let Some(short) = hour12 {
        hour = short % 12 + if afternoon == Some(true) { 12 } else { 0 };
    } else if let Some(afternoon) = afternoon {
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = match (year, month, day) {
        (None, None, None) => None,
        (year, month, day) => Some(calendar::days_from(
            year.unwrap_or(1970) as i32,
            month.unwrap_or(1),
            day.unwrap_or(1),
        )?),
    };
    let offset = zone_hour.map(|(hours, negative)| {
        let minutes = (hours * 60 + zone_minute) as i32;
        if negative { -minutes } else { minutes }
    });
    let time = hour * HOUR_NS + minute * MINUTE_NS + second * SECOND_NS + fraction;
    Some(Reading { days, time, has_time, offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, format: &str, expected: &str) {
        let actual = match read(text, format) {
            None => "none".to_owned(),
            Some(it) => print_parts(
                it.days.unwrap_or(0),
                it.time,
                it.offset.unwrap_or(0),
                "YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM",
            ),
        };
        assert_eq!(actual, expected, "{text:?} as {format:?}");
    }

    #[test]
    fn text_is_read_by_a_format() {
        check("2024-02-29", "YYYY-MM-DD", "2024-02-29 00:00:00.000000000 +00:00");
        check("29.02.24 07:05", "DD.MM.YY HH24:MI", "2024-02-29 07:05:00.000000000 +00:00");
        check(
            "20240229T070501.25-0800",
            "YYYYMMDD\"T\"HH24MISS.FFTZHTZM",
            "2024-02-29 07:05:01.250000000 -08:00",
        );
        check(
            "12:30:00 am Feb 29 2024",
            "HH12:MI:SS AM MON DD YYYY",
            "2024-02-29 00:30:00.000000000 +00:00",
        );
        check("29/02/2024", "MM/DD/YYYY", "none");
        check("2024-02-29x", "YYYY-MM-DD", "none");
    }

    #[test]
    fn values_are_printed_by_a_format() {
        let ns = 1_709_212_245_123_456_789;
        for (format, expected) in [
            (TIMESTAMP_NTZ, "2024-02-29 13:10:45.123"),
            ("DY DD MON YYYY HH12:MI PM", "Thu 29 Feb 2024 01:10 PM"),
            ("MMMM, YY \"of\" FF6", "February, 24 of 123456"),
            ("YYYY-MM-DD HH24:MI:SS.FF0", "2024-02-29 13:10:45"),
        ] {
            assert_eq!(print(ns, 0, format), expected, "{format}");
        }
        assert_eq!(print(0, -480, "TZH:TZM"), "-08:00");
    }
}
