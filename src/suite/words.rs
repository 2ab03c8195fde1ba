//! The small texts that both formats share: releases, durations, ids, cells, names.

use super::{Cell, Evidence, Release, ReleaseSet, Sort, error::SuiteErrorKind};
use regex::Regex;
use std::time::Duration;

/// The session of steps that name none.
pub const STANDARD: &str = "standard";

/// First letters of catalogue ids: set-up, limitations, refresh, cost, monitoring, availability.
const ID_AREAS: &str = "SLRCMA";

/// The candidate that was most likely meant, if one is near enough.
pub fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Distances are quadratic in the length; no name that is known is that long.
    if found.len() > 40 {
        return None;
    }
    let lower = found.to_lowercase().replace('_', "-");
    let distance = |it: &str| strsim::osa_distance(&lower, &it.to_lowercase());
    let far = 1 + found.chars().count() / 4;
    candidates
        .into_iter()
        .map(|it| (distance(it), it))
        .filter(|(distance, it)| *distance <= far && *distance < it.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, it)| it)
}

/// `` `a`, `b` and `c` ``
pub fn listed(words: &[impl AsRef<str>]) -> String {
    let quoted: Vec<String> = words.iter().map(|it| format!("`{}`", it.as_ref())).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

pub fn unknown(what: &'static str, found: &str, known: &[&str]) -> SuiteErrorKind {
    SuiteErrorKind::Unknown {
        what,
        found: shortened(found, 60),
        nearest: nearest(found, known.iter().copied()).map(str::to_owned),
        known: known.iter().map(|&it| it.to_owned()).collect(),
    }
}

pub fn bad(wanted: &'static str, found: &str, help: impl Into<String>) -> SuiteErrorKind {
    SuiteErrorKind::BadValue { wanted, found: shortened(found, 60), help: help.into() }
}

/// One line of at most `max` characters.
pub fn shortened(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        if length > 0 {
            out.push(' ');
            length += 1;
        }
        for it in word.chars() {
            if length == max {
                out.push('…');
                return out;
            }
            out.push(it);
            length += 1;
        }
    }
    out
}

pub fn release(text: &str) -> Result<Release, SuiteErrorKind> {
    let names = Release::ALL.map(Release::name);
    Release::ALL
        .into_iter()
        .find(|it| it.name() == text)
        .ok_or_else(|| unknown("release", text, &names))
}

/// `fallback`, `fallback..`, `..attached`. The releases of a list are parsed one by one.
pub fn releases(text: &str) -> Result<ReleaseSet, SuiteErrorKind> {
    let text = text.trim();
    let set = match (text.strip_prefix(".."), text.strip_suffix("..")) {
        (Some(_), Some(_)) => {
            return Err(bad("a set of releases", text, "leave `releases` out to mean all of them"));
        }
        (Some(last), None) => {
            let last = release(last)?;
            Release::ALL.into_iter().filter(|it| *it <= last).collect()
        }
        (None, Some(first)) => {
            let first = release(first)?;
            Release::ALL.into_iter().filter(|it| *it >= first).collect()
        }
        (None, None) => vec![release(text)?],
    };
    Ok(ReleaseSet(set))
}

/// The shortest way to write a set. The inverse of [`releases`], apart from lists.
pub fn releases_text(set: &ReleaseSet) -> Vec<String> {
    let first = Release::ALL[0];
    let last = Release::ALL[Release::ALL.len() - 1];
    let run = |from: Release, to: Release| {
        Release::ALL.into_iter().filter(|it| *it >= from && *it <= to).collect::<Vec<_>>()
    };
    match set.0.as_slice() {
        [one] => vec![one.to_string()],
        [from, .., to] if *to == last && set.0 == run(*from, last) => vec![format!("{from}..")],
        [from, .., to] if *from == first && set.0 == run(first, *to) => vec![format!("..{to}")],
        all => all.iter().map(ToString::to_string).collect(),
    }
}

pub fn evidence(text: &str) -> Result<Evidence, SuiteErrorKind> {
    match text {
        "seed" => Ok(Evidence::Seed),
        "documented" => Ok(Evidence::Documented),
        "observed" => Ok(Evidence::Observed),
        "unverified" => Ok(Evidence::Unverified),
        _ => Err(unknown("evidence", text, &["seed", "documented", "observed", "unverified"])),
    }
}

pub fn evidence_text(evidence: Evidence) -> Option<&'static str> {
    match evidence {
        Evidence::Seed => Some("seed"),
        Evidence::Documented => Some("documented"),
        Evidence::Observed => Some("observed"),
        Evidence::Unverified => Some("unverified"),
        Evidence::None => None,
    }
}

pub fn sort(text: &str) -> Result<Sort, SuiteErrorKind> {
    match text {
        "rows" => Ok(Sort::Rows),
        "values" => Ok(Sort::Values),
        "none" => Ok(Sort::None),
        _ => Err(unknown("sort", text, &["rows", "values", "none"])),
    }
}

/// Units, greatest first, in nanoseconds.
const UNITS: [(&str, u128); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// A year: what is longer is a mistake, and would overflow sums of instants.
const DURATION_MAX: Duration = Duration::from_secs(366 * 86_400);

/// `5s`, `300ms`, `2m`.
pub fn duration(text: &str) -> Result<Duration, SuiteErrorKind> {
    let wrong = |help: &str| Err(bad("a duration", text, help));
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let Some((_, nanos)) = UNITS.into_iter().find(|(name, _)| *name == unit) else {
        return match (number, unit) {
            ("", _) => wrong("a number and a unit, such as `5s`, `300ms` or `2m`"),
            (_, "") => {
                wrong(&format!("a unit is missing: `{number}s`, `{number}ms` or `{number}m`"))
            }
            _ => wrong("units are `h`, `m`, `s` and `ms`, and numbers whole: `1500ms`"),
        };
    };
    let Ok(number) = number.parse::<u64>() else {
        return wrong("a number and a unit, such as `5s`, `300ms` or `2m`");
    };
    // Both are below 2^64, so the product fits.
    match u64::try_from(u128::from(number) * nanos).map(Duration::from_nanos) {
        Ok(it) if it <= DURATION_MAX => Ok(it),
        _ => wrong("at most a year"),
    }
}

/// The inverse of [`duration`], in the greatest unit that divides it.
pub fn duration_text(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    let unit = UNITS.into_iter().find(|(_, unit)| nanos.is_multiple_of(*unit));
    match unit {
        Some((name, unit)) => format!("{}{name}", nanos / unit),
        None => format!("{nanos}ns"),
    }
}

/// Whether it has the form of a catalogue id, right or wrong: `X-1`.
pub fn looks_like_id(text: &str) -> bool {
    let digits = text.split_once('-').filter(|(area, digits)| {
        area.len() == 1 && area.bytes().all(|it| it.is_ascii_alphabetic()) && !digits.is_empty()
    });
    digits.is_some_and(|(_, digits)| digits.bytes().all(|it| it.is_ascii_digit()))
}

/// `L-09`
pub fn id(text: &str) -> Result<String, SuiteErrorKind> {
    let bytes = text.as_bytes();
    let is_id = bytes.len() == 4
        && ID_AREAS.as_bytes().contains(&bytes[0])
        && bytes[1] == b'-'
        && bytes[2..].iter().all(u8::is_ascii_digit);
    match is_id {
        true => Ok(text.to_owned()),
        false => Err(bad(
            "a catalogue id",
            text,
            "one of the letters S, L, R, C, M and A, and two digits: `L-09`",
        )),
    }
}

/// A name that can stand in `{}`.
pub fn is_variable(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_lowercase() || it == '_')
        && text.bytes().all(is_variable_byte)
}

/// Whether a variable's name can have this in it.
pub fn is_variable_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

pub fn variable(text: &str) -> Result<String, SuiteErrorKind> {
    match is_variable(text) {
        true => Ok(text.to_owned()),
        false => Err(bad(
            "a variable's name",
            text,
            "lower-case letters, digits and `_`, and no digit first: `before_it`",
        )),
    }
}

/// Six digits.
pub fn is_code(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|it| it.is_ascii_digit())
}

/// Five digits and capital letters, as the SQL standard has them.
pub fn is_sqlstate(text: &str) -> bool {
    text.len() == 5 && text.bytes().all(|it| it.is_ascii_digit() || it.is_ascii_uppercase())
}

/// Fails if the pattern is no regular expression.
pub fn check_regex(pattern: &str) -> Result<(), SuiteErrorKind> {
    match Regex::new(pattern) {
        Ok(_) => Ok(()),
        Err(err) => {
            // The crate draws the pattern over several lines; its last one says what is wrong.
            let text = err.to_string();
            let cause = text.lines().last().unwrap_or_default();
            Err(SuiteErrorKind::BadRegex {
                pattern: shortened(pattern, 60),
                cause: cause.strip_prefix("error: ").unwrap_or(cause).to_owned(),
            })
        }
    }
}

pub const REGEX: &str = "<REGEX>:";
pub const NOT_REGEX: &str = "<!REGEX>:";
pub const IGNORE: &str = "<slt:ignore>";
pub const EMPTY: &str = "(empty)";

/// A cell as it is written. Patterns are not compiled: see [`cell_pattern`].
pub fn cell(text: &str) -> Cell {
    if text == EMPTY {
        return Cell::Text(String::new());
    }
    if text.as_bytes().contains(&b'<') {
        if let Some(pattern) = text.strip_prefix(REGEX) {
            return Cell::Regex(pattern.to_owned());
        }
        if let Some(pattern) = text.strip_prefix(NOT_REGEX) {
            return Cell::NotRegex(pattern.to_owned());
        }
        if text.contains(IGNORE) {
            return Cell::Ignore(text.split(IGNORE).map(str::to_owned).collect());
        }
    }
    Cell::Text(text.to_owned())
}

/// The pattern of a cell, to be compiled.
pub fn cell_pattern(cell: &Cell) -> Option<&str> {
    match cell {
        Cell::Regex(it) | Cell::NotRegex(it) => Some(it),
        Cell::Text(_) | Cell::Null | Cell::Ignore(_) => None,
    }
}

/// The inverse of [`cell`]. `None` if the text would be read as another cell.
pub fn cell_text(it: &Cell) -> Option<String> {
    let text = match it {
        Cell::Null => "NULL".to_owned(),
        Cell::Text(it) if it.is_empty() => EMPTY.to_owned(),
        Cell::Text(it) => it.clone(),
        Cell::Regex(it) => format!("{REGEX}{it}"),
        Cell::NotRegex(it) => format!("{NOT_REGEX}{it}"),
        Cell::Ignore(parts) => parts.join(IGNORE),
    };
    match it {
        Cell::Null => Some(text),
        _ if cell(&text) == *it => Some(text),
        _ => None,
    }
}

/// Letters of `types`.
pub const TYPE_LETTERS: &str = "TIRBDSV?";

/// What [`TYPE_LETTERS`] mean.
pub const TYPE_LETTERS_HELP: &str = "`I` integer, `R` number, `T` text, `B` boolean, `D` date, \
     `S` timestamp, `V` variant, `?` any";

/// `1 cell`, `2 cells`
pub fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_duration(text: &str, expected: &str) {
        let actual = match duration(text) {
            Ok(it) => duration_text(it),
            Err(err) => format!("{err}; {}", err.help().unwrap_or_default()),
        };
        assert_eq!(actual, expected);
    }

    #[test]
    fn durations_have_units() {
        check_duration("5s", "5s");
        check_duration("300ms", "300ms");
        check_duration("120s", "2m");
        check_duration("7200s", "2h");
        check_duration("0s", "0s");
        check_duration("5", "`5` is not a duration; a unit is missing: `5s`, `5ms` or `5m`");
        check_duration(
            "1.5s",
            "`1.5s` is not a duration; units are `h`, `m`, `s` and `ms`, and numbers whole: `1500ms`",
        );
        check_duration(
            "soon",
            "`soon` is not a duration; a number and a unit, such as `5s`, `300ms` or `2m`",
        );
        check_duration(
            "99999999999999999999h",
            "`99999999999999999999h` is not a duration; a number and a unit, such as `5s`, `300ms` or `2m`",
        );
        check_duration(
            "18446744073709551615h",
            "`18446744073709551615h` is not a duration; at most a year",
        );
    }

    #[track_caller]
    fn check_releases(text: &str, expected: &str) {
        let actual = match releases(text) {
            Ok(set) => set.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            Err(err) => format!("{err}; {}", err.help().unwrap_or_default()),
        };
        assert_eq!(actual, expected);
        if let Ok(set) = releases(text) {
            let again: Vec<Release> =
                releases_text(&set).iter().flat_map(|it| releases(it).unwrap().0).collect();
            assert_eq!(again, set.0);
        }
    }

    #[test]
    fn releases_are_sets() {
        check_releases("preview", "preview");
        check_releases("fallback..", "fallback zero-copy");
        check_releases("..attached", "preview attached");
        check_releases("zero-copy..", "zero-copy");
        check_releases("..zero-copy", "preview attached fallback zero-copy");
        check_releases("falback..", "unknown release `falback`; did you mean `fallback`?");
        check_releases(
            "ga",
            "unknown release `ga`; there are `preview`, `attached`, `fallback` and `zero-copy`",
        );
        check_releases(
            "..",
            "`..` is not a set of releases; leave `releases` out to mean all of them",
        );
    }

    #[test]
    fn ids_are_an_area_and_two_digits() {
        for (text, expected) in
            [("L-09", true), ("A-01", true), ("X-01", false), ("L-9", false), ("L-009", false)]
        {
            assert_eq!(id(text).is_ok(), expected, "{text}");
            assert!(looks_like_id(text), "{text}");
        }
        for text in ["L", "rows-2x", "L-", "Ä-01", "-01"] {
            assert!(id(text).is_err() && !looks_like_id(text), "{text}");
        }
    }

    #[test]
    fn cells_can_be_written_again() {
        let texts =
            ["a", "(empty)", "<REGEX>:a+", "<!REGEX>:b", "x<slt:ignore>y", "<b>", "a<REGEX>:"];
        for text in texts {
            assert_eq!(cell_text(&cell(text)).as_deref(), Some(text));
        }
        assert_eq!(cell("(empty)"), Cell::Text(String::new()));
        assert_eq!(cell_text(&Cell::Text("<REGEX>:a".to_owned())), None);
    }

    #[test]
    fn a_bad_pattern_says_why() {
        let err = check_regex("a(").unwrap_err();
        assert_eq!(err.to_string(), "`a(` is not a regular expression: unclosed group");
    }

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let words = ["expect", "within", "same-as"];
        assert_eq!(nearest("expct", words), Some("expect"));
        assert_eq!(nearest("same_as", words), Some("same-as"));
        assert_eq!(nearest("Expect", words), Some("expect"));
        assert_eq!(nearest("banana", words), None);
    }
}
