//! Instants and target lags as text, in the forms that Snowflake prints and exports.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

/// Microseconds of a second.
pub const SECOND: i64 = 1_000_000;

/// Numbers from here on are milliseconds, then microseconds, then nanoseconds since 1970 rather
/// than seconds: how TO_TIMESTAMP takes them.
const MILLIS_FROM: i128 = 31_536_000_000;

/// Reads an instant: with an offset (`-0700`, `-07:00`, `Z`), with none, which is taken for UTC,
/// with a `T` between date and time, in the form of RFC 2822, or as a number since 1970.
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Some(it) = epoch(text) {
        return Some(it);
    }
    if let Ok(it) = DateTime::parse_from_rfc2822(text) {
        return Some(it.to_utc());
    }
    // `2026-06-01T12:00:33Z` and `2026-06-01 12:00:33.000 Z` are one form from here on.
    let spaced = match text.as_bytes().get(10) {
        Some(b'T' | b't') => format!("{} {}", text.get(..10)?, text.get(11..)?),
        _ => text.to_owned(),
    };
    let utc = ["UTC", "Z", "z"].iter().find_map(|it| spaced.strip_suffix(it));
    let naive = utc.unwrap_or(&spaced).trim_end();
    for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"] {
        if let Ok(it) = NaiveDateTime::parse_from_str(naive, format) {
            return Some(it.and_utc());
        }
    }
    for format in ["%Y-%m-%d %H:%M:%S%.f %#z", "%Y-%m-%d %H:%M:%S%.f%#z"] {
        if let Ok(it) = DateTime::parse_from_str(&spaced, format) {
            return Some(it.to_utc());
        }
    }
    let date = NaiveDate::parse_from_str(naive, "%Y-%m-%d").ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc())
}

fn epoch(text: &str) -> Option<DateTime<Utc>> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_number = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    if digits.is_empty() || !is_number(digits) || !is_number(fraction) {
        return None;
    }
    let number: i128 = whole.parse().ok()?;
    let micros = match number.abs() {
        it if it < MILLIS_FROM => {
            let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
            let fraction: i128 = fraction.parse().ok()?;
            number * 1_000_000 + if whole.starts_with('-') { -fraction } else { fraction }
        }
        it if it < MILLIS_FROM * 1_000 => number * 1_000,
        it if it < MILLIS_FROM * 1_000_000 => number,
        _ => number / 1_000,
    };
    DateTime::from_timestamp_micros(i64::try_from(micros).ok()?)
}

/// Reads a target lag, in seconds: a number of them, or `1 minute`, `2 hours, 30 minutes`.
/// DOWNSTREAM is none.
pub fn lag(text: &str) -> Option<f64> {
    let text = text.trim().trim_matches('\'');
    if let Ok(seconds) = text.parse::<f64>() {
        return Some(seconds).filter(|it| it.is_finite() && *it > 0.0);
    }
    let mut total = 0.0;
    for part in text.split(',') {
        let (number, unit) = part.trim().split_once(char::is_whitespace)?;
        let number: u32 = number.parse().ok()?;
        let unit = match unit.trim().to_ascii_lowercase().trim_end_matches('s') {
            "second" | "sec" => 1.0,
            "minute" | "min" => 60.0,
            "hour" => 3_600.0,
            "day" => 86_400.0,
            _ => return None,
        };
        total += f64::from(number) * unit;
    }
    Some(total).filter(|it| *it > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_every_form_that_is_exported() {
        #[track_caller]
        fn check(text: &str, expected: Option<&str>) {
            let found = instant(text).map(|it| it.to_rfc3339());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
        let same = Some("2026-06-01T19:00:33+00:00");
        check("2026-06-01 12:00:33.000 -0700", same);
        check("2026-06-01 12:00:33 -07:00", same);
        check("2026-06-01 12:00:33-0700", same);
        check("2026-06-01 19:00:33.000 Z", same);
        check("2026-06-01 19:00:33Z", same);
        check("2026-06-01T19:00:33Z", same);
        check("2026-06-01T12:00:33.000-07:00", same);
        check("2026-06-01 19:00:33 UTC", same);
        check(" 2026-06-01 19:00:33 ", same);
        check("Mon, 01 Jun 2026 12:00:33 -0700", same);
        check("1780340433", same);
        check("1780340433.000000000", same);
        check("1780340433000", same);
        check("1780340433000000", same);
        check("1780340433000000000", same);
        check("1780340433.25", Some("2026-06-01T19:00:33.250+00:00"));
        check("2026-06-01 12:00:33.125 -0700", Some("2026-06-01T19:00:33.125+00:00"));
        check("2026-06-01", Some("2026-06-01T00:00:00+00:00"));
        for bad in ["", "-", ".", "soon", "2026-13-01 00:00:00", "99999999999999999999999", "é"] {
            check(bad, None);
        }
    }

    #[test]
    fn lags_are_seconds_or_text() {
        #[track_caller]
        fn check(text: &str, expected: Option<f64>) {
            assert_eq!(lag(text), expected, "{text}");
        }
        check("60", Some(60.0));
        check("1 minute", Some(60.0));
        check("'10 Minutes'", Some(600.0));
        check("1 day, 2 hours, 3 minutes, 4 seconds", Some(93_784.0));
        for none in ["DOWNSTREAM", "", "0", "-1", "inf", "1 fortnight", "one minute"] {
            check(none, None);
        }
    }
}
