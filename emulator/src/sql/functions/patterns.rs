//! Regular expressions. Snowflake's are POSIX extended with the classes of Perl; so are these, by
//! the `regex` crate, which has neither look-around nor back references within a pattern.

use super::convert::int_of;
use super::datum::Datum;
use super::json;
use super::kit::{
    Body, Call, Entry, Outcome, invalid_argument, refuse, returns_array, returns_boolean,
    returns_int, returns_text,
};
use super::text::text;
use crate::regression::{Regression, regressed};
use regex::{Captures, Regex, RegexBuilder};
use std::{borrow::Cow, sync::Arc};

pub(super) static ENTRIES: &[Entry] = &[
    Entry::new("REGEXP_LIKE", (2, 3), returns_boolean, Body::Strict(like)),
    Entry::new("RLIKE", (2, 3), returns_boolean, Body::Strict(like)),
    Entry::new("REGEXP", (2, 2), returns_boolean, Body::Strict(like)),
    Entry::new("REGEXP_COUNT", (2, 4), returns_int, Body::Strict(count)),
    Entry::new("REGEXP_SUBSTR", (2, 6), returns_text, Body::Strict(substr)),
    Entry::new("REGEXP_SUBSTR_ALL", (2, 6), returns_array, Body::Strict(substr_all)),
    Entry::new("REGEXP_EXTRACT_ALL", (2, 6), returns_array, Body::Strict(substr_all)),
    Entry::new("REGEXP_INSTR", (2, 7), returns_int, Body::Strict(instr)),
    Entry::new("REGEXP_REPLACE", (2, 6), returns_text, Body::Strict(replace)),
];

/// The pattern of a call: argument 1, with the flags of argument `flags`. Matching the whole
/// subject is `anchored`.
fn pattern(
    call: &Call,
    row: &[Datum<'_>],
    flags: usize,
    anchored: bool,
) -> Outcome<(Arc<Regex>, bool)> {
    let source = text(call, row, 1)?;
    let flags = text(call, row, flags)?;
    let (mut insensitive, mut lines, mut dot_all, mut extract) = (false, false, false, false);
    for flag in flags.chars() {
        match flag {
            'c' => insensitive = false,
            'i' => insensitive = true,
            'm' => lines = true,
            's' => dot_all = true,
            'e' => extract = true,
            other => {
                return Err(invalid_argument(
                    call.name,
                    format!("unknown regular expression parameter '{other}'"),
                ));
            }
        }
    }
    let key = format!("{anchored}{insensitive}{lines}{dot_all}/{source}");
    let compiled = call.pattern(key, |_| {
        let whole = if anchored { format!(r"\A(?:{source})\z") } else { source.to_string() };
        RegexBuilder::new(&whole)
            .case_insensitive(insensitive)
            .multi_line(lines)
            .dot_matches_new_line(dot_all)
            .build()
            .map_err(|error| {
                let reason = error.to_string();
                let reason =
                    reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
                refuse(
                    100_048,
                    "2201B",
                    format!("Invalid regular expression: '{source}', {reason}"),
                )
            })
    })?;
    Ok((compiled, extract))
}

/// A positive whole-number argument with a default.
fn positive(
    call: &Call,
    row: &[Datum<'_>],
    index: usize,
    default: i64,
    min: i64,
) -> Outcome<usize> {
    let value = row.get(index).map_or(Ok(default), int_of)?;
    if value < min {
        return Err(invalid_argument(call.name, format!("argument {} is {value}", index + 1)));
    }
    Ok(usize::try_from(value).unwrap_or(usize::MAX))
}

/// The byte at which the search begins; `None` past the end.
fn start(subject: &str, position: usize) -> Option<usize> {
    subject.char_indices().map(|it| it.0).chain([subject.len()]).nth(position - 1)
}

fn like<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (pattern, _) = pattern(call, row, 2, !regressed(Regression::RegexpMatchesParts))?;
    Ok(Datum::Boolean(pattern.is_match(&text(call, row, 0)?)))
}

fn count<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (pattern, _) = pattern(call, row, 3, false)?;
    let subject = text(call, row, 0)?;
    let from = start(&subject, positive(call, row, 2, 1, 1)?);
    let found = from.map_or(0, |it| pattern.find_iter(&subject[it..]).count());
    Ok(Datum::int(found as i64))
}

/// The group that is asked for: the argument, else the first if `e` is among the flags.
fn group(call: &Call, row: &[Datum<'_>], index: usize, extract: bool) -> Outcome<usize> {
    match row.get(index) {
        Some(_) => positive(call, row, index, 0, 0),
        None => Ok(usize::from(extract)),
    }
}

fn substr<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (pattern, extract) = pattern(call, row, 4, false)?;
    let subject = text(call, row, 0)?;
    let occurrence = positive(call, row, 3, 1, 1)?;
    let group = group(call, row, 5, extract)?;
    let Some(from) = start(&subject, positive(call, row, 2, 1, 1)?) else {
        return Ok(Datum::Null);
    };
    let found = pattern.captures_iter(&subject[from..]).nth(occurrence - 1);
    let part = found.and_then(|it| it.get(group).map(|it| it.as_str().to_owned()));
    Ok(part.map_or(Datum::Null, Datum::text))
}

fn substr_all<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (pattern, extract) = pattern(call, row, 4, false)?;
    let subject = text(call, row, 0)?;
    let occurrence = positive(call, row, 3, 1, 1)?;
    let group = group(call, row, 5, extract)?;
    let from = start(&subject, positive(call, row, 2, 1, 1)?).unwrap_or(subject.len());
    let parts: Vec<String> = pattern
        .captures_iter(&subject[from..])
        .skip(occurrence - 1)
        .filter_map(|it| it.get(group).map(|it| json::quote(it.as_str())))
        .collect();
    Ok(Datum::Json(format!("[{}]", parts.join(",")).into()))
}

/// `REGEXP_INSTR(subject, pattern, position, occurrence, option, parameters, group)`; option 1
/// asks for the character after the match.
fn instr<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (pattern, extract) = pattern(call, row, 5, false)?;
    let subject = text(call, row, 0)?;
    let occurrence = positive(call, row, 3, 1, 1)?;
    let after = positive(call, row, 4, 0, 0)? == 1;
    let group = group(call, row, 6, extract)?;
    let Some(from) = start(&subject, positive(call, row, 2, 1, 1)?) else {
        return Ok(Datum::int(0));
    };
    let found = pattern.captures_iter(&subject[from..]).nth(occurrence - 1);
    let at = found.and_then(|it| it.get(group).map(|it| if after { it.end() } else { it.start() }));
    Ok(Datum::int(at.map_or(0, |it| subject[..from + it].chars().count() as i64 + 1)))
}

fn replace<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (pattern, _) = pattern(call, row, 5, false)?;
    let subject = text(call, row, 0)?;
    let replacement = text(call, row, 2)?;
    let occurrence = positive(call, row, 4, 0, 0)?;
    let Some(from) = start(&subject, positive(call, row, 3, 1, 1)?) else {
        return Ok(Datum::Text(subject));
    };
    let mut out = subject[..from].to_owned();
    let mut last = from;
    for (index, found) in pattern.captures_iter(&subject[from..]).enumerate() {
        if occurrence != 0 && index + 1 != occurrence {
            continue;
        }
        if let Some(whole) = found.get(0) {
            out.push_str(&subject[last..from + whole.start()]);
            expand(&mut out, &replacement, &found);
            last = from + whole.end();
        }
    }
    out.push_str(&subject[last..]);
    Ok(Datum::Text(Cow::Owned(out)))
}

/// Writes a replacement: `\1` to `\9` are groups, `\\` a backslash.
fn expand(out: &mut String, replacement: &str, found: &Captures<'_>) {
    let mut rest = replacement.chars();
    while let Some(it) = rest.next() {
        if it != '\\' {
            out.push(it);
            continue;
        }
        match rest.next() {
            Some(digit) if digit.is_ascii_digit() => {
                let group = digit.to_digit(10).unwrap_or(0) as usize;
                out.push_str(found.get(group).map_or("", |it| it.as_str()));
            }
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::check;

    #[test]
    fn a_pattern_matches_the_whole_subject() {
        check("REGEXP_LIKE", "'snow'|'s.*'", "true");
        check("REGEXP_LIKE", "'snow'|'no'", "false");
        check("RLIKE", "'SNOW'|'s.*'|'i'", "true");
        check("RLIKE", "null|'s.*'", "NULL");
    }

    #[test]
    fn matches_are_found_counted_and_replaced() {
        check("REGEXP_COUNT", "'a1b22'|'[0-9]+'", "2");
        check("REGEXP_SUBSTR", "'a1b22'|'[0-9]+'|1|2", "22");
        check("REGEXP_SUBSTR", "'key=val'|'(.+)=(.+)'|1|1|'e'|2", "val");
        check("REGEXP_SUBSTR", "'key=val'|'(.+)=(.+)'|1|1|'e'", "key");
        check("REGEXP_SUBSTR", "'abc'|'[0-9]'", "NULL");
        check("REGEXP_SUBSTR_ALL", "'a1b22'|'[0-9]+'", r#"["1","22"]"#);
        check("REGEXP_INSTR", "'øa1'|'[0-9]'", "3");
        check("REGEXP_INSTR", "'a1b'|'[0-9]'|1|1|1", "3");
        check("REGEXP_REPLACE", "'a1b22'|'[0-9]+'|'#'", "a#b#");
        check("REGEXP_REPLACE", "'a1b22'|'[0-9]+'|'#'|1|2", "a1b#");
        check("REGEXP_REPLACE", r"'ada lovelace'|'(\w+) (\w+)'|'\2 \1'", "lovelace ada");
        check("REGEXP_REPLACE", "'abc'|'b'", "ac");
    }

    #[test]
    fn a_bad_pattern_is_refused() {
        check(
            "REGEXP_LIKE",
            "'a'|'('",
            "100048 (2201B): Invalid regular expression: '(', unclosed group",
        );
    }
}
