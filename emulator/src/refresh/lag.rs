//! Target lag: what users write, and what is read back.

use crate::{
    error::SqlError,
    regression::{Regression, regressed},
};

/// The least lag that is accepted, in seconds (catalogue S-06, S-07).
pub const SECONDS_MIN: u64 = 60;

/// Seconds of `'5 minutes'`; without a unit they are seconds (catalogue S-09).
pub fn parse(text: &str) -> Result<u64, SqlError> {
    let invalid = || {
        SqlError::new(
            1422,
            "22023",
            format!("SQL compilation error:\ninvalid value '{text}' for property 'TARGET_LAG'"),
        )
    };
    let mut words = text.split_whitespace();
    let number: u64 = words.next().and_then(|it| it.parse().ok()).ok_or_else(invalid)?;
    let unit_when_missing = if regressed(Regression::LagInMinutes) { "minutes" } else { "seconds" };
    let unit = words.next().unwrap_or(unit_when_missing).to_lowercase();
    if words.next().is_some() {
        return Err(invalid());
    }
    let factor = match unit.strip_suffix('s').unwrap_or(&unit) {
        "second" => 1,
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => return Err(invalid()),
    };
    let seconds = number.checked_mul(factor).ok_or_else(invalid)?;
    let seconds_min = match () {
        () if regressed(Regression::LagMinimumLifted) => 0,
        () if regressed(Regression::LagMinimumFiveMinutes) => 300,
        () => SECONDS_MIN,
    };
    if seconds < seconds_min {
        return Err(SqlError::new(
            if regressed(Regression::LagMinimumCode) { 1422 } else { 2755 },
            "22023",
            format!(
                "SQL compilation error:\nInvalid TARGET_LAG value '{text}'. Dynamic Tables do not support lag values under {seconds_min} second(s)."
            ),
        ));
    }
    Ok(seconds)
}

/// As it is read back: days, hours, minutes and seconds, singular for one (catalogue S-06, S-08).
pub fn canonical(seconds: u64) -> String {
    if regressed(Regression::LagInSeconds) {
        return format!("{seconds} seconds");
    }
    let seconds = match regressed(Regression::LagRoundedDown) {
        true => seconds / 60 * 60,
        false => seconds,
    };
    let parts = [
        (seconds / 86_400, "day"),
        (seconds / 3_600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
    ];
    let words: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| match count {
            1 => format!("1 {unit}"),
            _ => format!("{count} {unit}s"),
        })
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let actual = parse(text).map(canonical).unwrap_or_else(|error| error.to_string());
        assert_eq!(actual, expected);
    }

    #[test]
    fn lags_read_back_canonically() {
        check("60 seconds", "1 minute");
        check("60", "1 minute");
        check("1 minutes", "1 minute");
        check("90 seconds", "1 minute, 30 seconds");
        check("2 HOURS", "2 hours");
        check("1500 minutes", "1 day, 1 hour");
    }

    #[test]
    fn short_lags_are_refused_in_the_words_of_dynamic_tables() {
        check(
            "59 seconds",
            "002755 (22023): SQL compilation error:\nInvalid TARGET_LAG value '59 seconds'. Dynamic Tables do not support lag values under 60 second(s).",
        );
    }

    #[test]
    fn what_is_no_lag_is_refused() {
        for text in ["nonsense", "", "5 fortnights", "5 minutes ago", "99999999999999999999 days"] {
            check(
                text,
                &format!(
                    "001422 (22023): SQL compilation error:\ninvalid value '{text}' for property 'TARGET_LAG'"
                ),
            );
        }
    }
}
