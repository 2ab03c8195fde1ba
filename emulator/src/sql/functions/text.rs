//! Functions of text. Positions and lengths are in characters and count from 1.

use super::convert::{int_of, text_of};
use super::datum::Datum;
use super::json;
use super::kit::{
    Body, Call, Entry, MANY, Outcome, invalid_argument, returns_array, returns_boolean,
    returns_int, returns_text,
};
use std::borrow::Cow;

/// A function of one text.
macro_rules! of_text {
    ($name:literal, $returns:ident, $function:expr) => {
        Entry::new(
            $name,
            (1, 1),
            $returns,
            Body::Strict(|call, row| {
                let function: fn(&str) -> Datum<'static> = $function;
                Ok(function(&text(call, row, 0)?))
            }),
        )
    };
}

pub(super) static ENTRIES: &[Entry] = &[
    Entry::new("LENGTH", (1, 1), returns_int, Body::Strict(length)),
    Entry::new("LEN", (1, 1), returns_int, Body::Strict(length)),
    Entry::new("CHAR_LENGTH", (1, 1), returns_int, Body::Strict(length)),
    Entry::new("CHARACTER_LENGTH", (1, 1), returns_int, Body::Strict(length)),
    Entry::new("OCTET_LENGTH", (1, 1), returns_int, Body::Strict(octet_length)),
    Entry::new(
        "BIT_LENGTH",
        (1, 1),
        returns_int,
        Body::Strict(|call, row| match octet_length(call, row)? {
            Datum::Number(bytes, _) => Ok(Datum::Number(bytes * 8, 0)),
            other => Ok(other),
        }),
    ),
    of_text!("LOWER", returns_text, |it| Datum::text(it.to_lowercase())),
    of_text!("UPPER", returns_text, |it| Datum::text(it.to_uppercase())),
    of_text!("REVERSE", returns_text, |it| Datum::text(it.chars().rev().collect::<String>())),
    of_text!("ASCII", returns_int, |it| Datum::int(it.bytes().next().unwrap_or(0))),
    of_text!("UNICODE", returns_int, |it| {
        Datum::int(it.chars().next().map_or(0_u32, u32::from))
    }),
    Entry::new("TRIM", (1, 2), returns_text, Body::Strict(|call, row| trim(call, row, true, true))),
    Entry::new(
        "BTRIM",
        (1, 2),
        returns_text,
        Body::Strict(|call, row| trim(call, row, true, true)),
    ),
    Entry::new(
        "LTRIM",
        (1, 2),
        returns_text,
        Body::Strict(|call, row| trim(call, row, true, false)),
    ),
    Entry::new(
        "RTRIM",
        (1, 2),
        returns_text,
        Body::Strict(|call, row| trim(call, row, false, true)),
    ),
    Entry::new("SUBSTR", (2, 3), returns_text, Body::Strict(substr)),
    Entry::new("SUBSTRING", (2, 3), returns_text, Body::Strict(substr)),
    Entry::new("LEFT", (2, 2), returns_text, Body::Strict(left)),
    Entry::new("RIGHT", (2, 2), returns_text, Body::Strict(right)),
    Entry::new("LPAD", (2, 3), returns_text, Body::Strict(|call, row| pad(call, row, true))),
    Entry::new("RPAD", (2, 3), returns_text, Body::Strict(|call, row| pad(call, row, false))),
    Entry::new("REPLACE", (2, 3), returns_text, Body::Strict(replace)),
    Entry::new("REPEAT", (2, 2), returns_text, Body::Strict(repeat)),
    Entry::new(
        "SPACE",
        (1, 1),
        returns_text,
        Body::Strict(|call, row| repeated(call, " ", int_of(&row[0])?)),
    ),
    Entry::new("CONCAT", (1, MANY), returns_text, Body::Strict(concat)),
    // What `||` is.
    Entry::new("SF_CONCAT", (2, MANY), returns_text, Body::Strict(concat)),
    Entry::new("CONCAT_WS", (2, MANY), returns_text, Body::Strict(concat_ws)),
    Entry::new("SPLIT_PART", (3, 3), returns_text, Body::Strict(split_part)),
    Entry::new("SPLIT", (2, 2), returns_array, Body::Strict(split)),
    Entry::new("STRTOK", (1, 3), returns_text, Body::Strict(strtok)),
    Entry::new("STRTOK_TO_ARRAY", (1, 2), returns_array, Body::Strict(strtok_to_array)),
    Entry::new("CHARINDEX", (2, 3), returns_int, Body::Strict(char_index)),
    Entry::new("POSITION", (2, 3), returns_int, Body::Strict(char_index)),
    // The engine's planner turns `POSITION(x IN y)` into this, the other way round.
    Entry::new(
        "STRPOS",
        (2, 2),
        returns_int,
        Body::Strict(|call, row| char_index(call, &[row[1].clone(), row[0].clone()])),
    ),
    Entry::new(
        "CONTAINS",
        (2, 2),
        returns_boolean,
        Body::Strict(|call, row| compare(call, row, |text, part| text.contains(part))),
    ),
    Entry::new(
        "STARTSWITH",
        (2, 2),
        returns_boolean,
        Body::Strict(|call, row| compare(call, row, |text, part| text.starts_with(part))),
    ),
    Entry::new(
        "ENDSWITH",
        (2, 2),
        returns_boolean,
        Body::Strict(|call, row| compare(call, row, |text, part| text.ends_with(part))),
    ),
    Entry::new("INITCAP", (1, 2), returns_text, Body::Strict(initcap)),
    Entry::new("TRANSLATE", (3, 3), returns_text, Body::Strict(translate)),
    Entry::new("CHR", (1, 1), returns_text, Body::Strict(chr)),
    Entry::new("CHAR", (1, 1), returns_text, Body::Strict(chr)),
    Entry::new("INSERT", (4, 4), returns_text, Body::Strict(insert)),
    Entry::new("EDITDISTANCE", (2, 3), returns_int, Body::Strict(edit_distance)),
];

pub(super) fn text<'a>(call: &Call, row: &[Datum<'a>], index: usize) -> Outcome<Cow<'a, str>> {
    match row.get(index) {
        Some(datum) => text_of(datum, &call.zone),
        None => Ok(Cow::Borrowed("")),
    }
}

/// A part of `text` by characters, without copying where it is borrowed.
fn slice(text: Cow<'_, str>, start: usize, length: usize) -> Cow<'_, str> {
    let at = |count: usize| {
        if text.is_ascii() {
            return count.min(text.len());
        }
        text.char_indices().nth(count).map_or(text.len(), |it| it.0)
    };
    let (from, to) = (at(start), at(start.saturating_add(length)));
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[from..to]),
        Cow::Owned(text) => Cow::Owned(text[from..to].to_owned()),
    }
}

fn char_count(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

fn length<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    if let Datum::Binary(bytes) = &row[0] {
        return Ok(Datum::int(bytes.len() as i64));
    }
    Ok(Datum::int(char_count(&text(call, row, 0)?) as i64))
}

fn octet_length<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    if let Datum::Binary(bytes) = &row[0] {
        return Ok(Datum::int(bytes.len() as i64));
    }
    Ok(Datum::int(text(call, row, 0)?.len() as i64))
}

/// Without characters given, spaces go; tabs and line ends stay.
fn trim<'a>(call: &'a Call, row: &[Datum<'a>], start: bool, end: bool) -> Outcome<Datum<'a>> {
    let subject = text(call, row, 0)?;
    let given = text(call, row, 1)?;
    let set = if row.len() > 1 { given.as_ref() } else { " " };
    let cut = |it: &str| -> (usize, usize) {
        let from =
            if start { it.len() - it.trim_start_matches(|c| set.contains(c)).len() } else { 0 };
        let rest = &it[from..];
        let to = if end { rest.trim_end_matches(|c| set.contains(c)).len() } else { rest.len() };
        (from, from + to)
    };
    let (from, to) = cut(&subject);
    Ok(Datum::Text(match subject {
        Cow::Borrowed(it) => Cow::Borrowed(&it[from..to]),
        Cow::Owned(it) => Cow::Owned(it[from..to].to_owned()),
    }))
}

/// `SUBSTR(text, start[, length])`: a start below zero counts from the end, zero is one.
fn substr<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let start = int_of(&row[1])?;
    let wanted = match row.get(2) {
        Some(it) => usize::try_from(int_of(it)?).unwrap_or(0),
        None => usize::MAX,
    };
    let subject = text(call, row, 0)?;
    Ok(match begin(start, char_count(&subject)) {
        Some(from) => Datum::Text(slice(subject, from, wanted)),
        None => Datum::text(""),
    })
}

/// The index from 0 at which a part begins; `None` before the text's beginning.
fn begin(start: i64, count: usize) -> Option<usize> {
    if start < 0 {
        return usize::try_from(start.unsigned_abs()).ok().and_then(|it| count.checked_sub(it));
    }
    Some(usize::try_from(start.saturating_sub(1).max(0)).unwrap_or(usize::MAX).min(count))
}

fn left<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let wanted = usize::try_from(int_of(&row[1])?).unwrap_or(0);
    Ok(Datum::Text(slice(text(call, row, 0)?, 0, wanted)))
}

fn right<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let wanted = usize::try_from(int_of(&row[1])?).unwrap_or(0);
    let subject = text(call, row, 0)?;
    let from = char_count(&subject).saturating_sub(wanted);
    Ok(Datum::Text(slice(subject, from, wanted)))
}

/// What a result may have of characters.
fn limited(call: &Call, length: i64) -> Outcome<usize> {
    if length > i64::from(crate::types::TEXT_LENGTH_MAX) {
        return Err(super::kit::refuse(
            100_078,
            "22001",
            format!("String is too long and would be truncated in function {}", call.name),
        ));
    }
    Ok(usize::try_from(length).unwrap_or(0))
}

fn pad<'a>(call: &'a Call, row: &[Datum<'a>], at_left: bool) -> Outcome<Datum<'a>> {
    let base = text(call, row, 0)?;
    let wanted = limited(call, int_of(&row[1])?)?;
    let count = char_count(&base);
    if count >= wanted {
        return Ok(Datum::Text(slice(base, 0, wanted)));
    }
    let given = text(call, row, 2)?;
    let filler = if row.len() > 2 { given.as_ref() } else { " " };
    if filler.is_empty() {
        return Ok(Datum::Text(base));
    }
    let fill: String = filler.chars().cycle().take(wanted - count).collect();
    Ok(Datum::text(if at_left { format!("{fill}{base}") } else { format!("{base}{fill}") }))
}

fn replace<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (subject, wanted) = (text(call, row, 0)?, text(call, row, 1)?);
    if wanted.is_empty() || !subject.contains(wanted.as_ref()) {
        return Ok(Datum::Text(subject));
    }
    Ok(Datum::text(subject.replace(wanted.as_ref(), &text(call, row, 2)?)))
}

fn repeated<'a>(call: &Call, text: &str, count: i64) -> Outcome<Datum<'a>> {
    let total = i64::try_from(text.len()).ok().and_then(|it| it.checked_mul(count.max(0)));
    limited(call, total.unwrap_or(i64::MAX))?;
    Ok(Datum::text(text.repeat(usize::try_from(count).unwrap_or(0))))
}

fn repeat<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    repeated(call, &text(call, row, 0)?, int_of(&row[1])?)
}

fn concat<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let mut out = String::new();
    for datum in row {
        out.push_str(&text_of(datum, &call.zone)?);
    }
    Ok(Datum::text(out))
}

fn concat_ws<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let parts = row.iter().map(|it| text_of(it, &call.zone)).collect::<Outcome<Vec<_>>>()?;
    Ok(match parts.split_first() {
        Some((separator, rest)) => Datum::text(rest.join(separator.as_ref())),
        None => Datum::Null,
    })
}

/// Picks the `number`th of some parts: from 1, zero is one, below zero from the end.
fn pick<'p>(parts: &[&'p str], number: i64) -> &'p str {
    let index = match number {
        0 => Some(0),
        it if it > 0 => usize::try_from(it - 1).ok(),
        it => usize::try_from(it.unsigned_abs()).ok().and_then(|it| parts.len().checked_sub(it)),
    };
    index.and_then(|it| parts.get(it)).copied().unwrap_or("")
}

fn split_part<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (subject, separator) = (text(call, row, 0)?, text(call, row, 1)?);
    let parts: Vec<&str> = if separator.is_empty() {
        vec![&subject]
    } else {
        subject.split(separator.as_ref()).collect()
    };
    Ok(Datum::text(pick(&parts, int_of(&row[2])?).to_owned()))
}

fn array_of<'a>(parts: impl Iterator<Item = String>) -> Datum<'a> {
    let parts: Vec<String> = parts.map(|it| json::quote(&it)).collect();
    Datum::Json(format!("[{}]", parts.join(",")).into())
}

fn split<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (subject, separator) = (text(call, row, 0)?, text(call, row, 1)?);
    if separator.is_empty() {
        return Ok(array_of([subject.into_owned()].into_iter()));
    }
    Ok(array_of(subject.split(separator.as_ref()).map(str::to_owned)))
}

/// Parts between any of the characters of a set, empty ones left out.
fn tokens<'t>(subject: &'t str, separators: &'t str) -> impl Iterator<Item = &'t str> {
    subject.split(move |it| separators.contains(it)).filter(|it| !it.is_empty())
}

fn strtok<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (subject, given) = (text(call, row, 0)?, text(call, row, 1)?);
    let separators = if row.len() > 1 { given.as_ref() } else { " " };
    let number = row.get(2).map_or(Ok(1), int_of)?;
    if number < 1 {
        return Err(invalid_argument(call.name, format!("the part number {number}")));
    }
    let part = usize::try_from(number - 1).ok().and_then(|it| tokens(&subject, separators).nth(it));
    Ok(part.map_or(Datum::Null, |it| Datum::text(it.to_owned())))
}

fn strtok_to_array<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (subject, given) = (text(call, row, 0)?, text(call, row, 1)?);
    let separators = if row.len() > 1 { given.as_ref() } else { " " };
    Ok(array_of(tokens(&subject, separators).map(str::to_owned)))
}

/// `CHARINDEX(wanted, text[, start])`: zero where it is not found.
fn char_index<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (wanted, subject) = (text(call, row, 0)?, text(call, row, 1)?);
    let start = row.get(2).map_or(Ok(1), int_of)?;
    let skipped = usize::try_from(start.saturating_sub(1)).unwrap_or(0);
    let Some(from) = subject.char_indices().map(|it| it.0).chain([subject.len()]).nth(skipped)
    else {
        return Ok(Datum::int(0));
    };
    Ok(match subject[from..].find(wanted.as_ref()) {
        Some(at) => Datum::int((char_count(&subject[..from + at]) + 1) as i64),
        None => Datum::int(0),
    })
}

fn compare<'a>(
    call: &'a Call,
    row: &[Datum<'a>],
    test: fn(&str, &str) -> bool,
) -> Outcome<Datum<'a>> {
    Ok(Datum::Boolean(test(&text(call, row, 0)?, &text(call, row, 1)?)))
}

/// The characters after which a word begins.
const WORD_BREAKS: &str = " \t\n\r\u{b}\u{c}!?@\"^#$&~_,.:;+-*%/|\\[](){}<>";

fn initcap<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let given = text(call, row, 1)?;
    let breaks = if row.len() > 1 { given.as_ref() } else { WORD_BREAKS };
    let mut at_start = true;
    let mut out = String::new();
    for it in text(call, row, 0)?.chars() {
        if breaks.contains(it) {
            at_start = true;
            out.push(it);
        } else if at_start {
            out.extend(it.to_uppercase());
            at_start = false;
        } else {
            out.extend(it.to_lowercase());
        }
    }
    Ok(Datum::text(out))
}

fn translate<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let (from, to) = (text(call, row, 1)?, text(call, row, 2)?);
    let to: Vec<char> = to.chars().collect();
    let out: String = text(call, row, 0)?
        .chars()
        .filter_map(|it| match from.chars().position(|wanted| wanted == it) {
            Some(index) => to.get(index).copied(),
            None => Some(it),
        })
        .collect();
    Ok(Datum::text(out))
}

fn chr<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let code = int_of(&row[0])?;
    u32::try_from(code)
        .ok()
        .and_then(char::from_u32)
        .map(|it| Datum::text(it.to_string()))
        .ok_or_else(|| invalid_argument(call.name, format!("the character code {code}")))
}

fn insert<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let base: Vec<char> = text(call, row, 0)?.chars().collect();
    let (position, removed) = (int_of(&row[1])?, int_of(&row[2])?);
    let from = usize::try_from(position - 1).ok().filter(|it| *it <= base.len());
    let (Some(from), Ok(removed)) = (from, usize::try_from(removed)) else {
        return Err(invalid_argument(call.name, "the position or the length"));
    };
    let to = from.saturating_add(removed).min(base.len());
    let mut out: String = base[..from].iter().collect();
    out.push_str(&text(call, row, 3)?);
    out.extend(&base[to..]);
    Ok(Datum::text(out))
}

/// Levenshtein's, up to a maximum if one is given.
fn edit_distance<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let left: Vec<char> = text(call, row, 0)?.chars().collect();
    let right: Vec<char> = text(call, row, 1)?.chars().collect();
    let mut line: Vec<usize> = (0..=right.len()).collect();
    for (index, from) in left.iter().enumerate() {
        let mut diagonal = index;
        let mut last = index + 1;
        for (cell, to) in line.iter_mut().skip(1).zip(&right) {
            let above = *cell;
            let replaced = diagonal + usize::from(from != to);
            last = replaced.min(above + 1).min(last + 1);
            diagonal = above;
            *cell = last;
        }
        if let Some(first) = line.first_mut() {
            *first = index + 1;
        }
    }
    let distance = line.last().copied().unwrap_or(0) as i64;
    let most = row.get(2).map_or(Ok(i64::MAX), int_of)?;
    Ok(Datum::int(distance.min(most)))
}

#[cfg(test)]
mod tests {
    use super::super::check::check;

    #[test]
    fn parts_are_cut_by_characters() {
        for (function, arguments, expected) in [
            ("SUBSTR", "'snøgauge'|3|2", "øg"),
            ("SUBSTR", "'snow'|0|2", "sn"),
            ("SUBSTR", "'snow'|-2", "ow"),
            ("SUBSTR", "'snow'|-9", ""),
            ("SUBSTR", "'snow'|2|-1", ""),
            ("SUBSTRING", "12345|2|2", "23"),
            ("LEFT", "'snow'|2", "sn"),
            ("RIGHT", "'snow'|9", "snow"),
            ("RIGHT", "'snøw'|2", "øw"),
            ("SPLIT_PART", "'a.b.c'|'.'|2", "b"),
            ("SPLIT_PART", "'a.b.c'|'.'|-1", "c"),
            ("SPLIT_PART", "'a.b.c'|'.'|9", ""),
            ("SPLIT", "'a.b'|'.'", r#"["a","b"]"#),
            ("STRTOK", "'a.b-c'|'.-'|3", "c"),
            ("STRTOK", "'a.b'|'.'|3", "NULL"),
            ("TRIM", "'  a\t '", "a\t"),
            ("TRIM", "'xxaxx'|'x'", "a"),
            ("LTRIM", "'#-7-#'|'-#'", "7-#"),
            ("RTRIM", "'7.00'|'0.'", "7"),
        ] {
            check(function, arguments, expected);
        }
    }

    #[test]
    fn texts_are_put_together() {
        for (function, arguments, expected) in [
            ("SF_CONCAT", "'a'|1.50", "a1.50"),
            ("SF_CONCAT", "'a'|null", "NULL"),
            ("CONCAT_WS", "','|'a'|2|true", "a,2,true"),
            ("LPAD", "'7'|3|'0'", "007"),
            ("LPAD", "'1234'|3|'0'", "123"),
            ("RPAD", "'ab'|5|'xy'", "abxyx"),
            ("REPEAT", "'ab'|2", "abab"),
            ("SPACE", "2", "  "),
            ("REPLACE", "'abcabc'|'b'|'x'", "axcaxc"),
            ("REPLACE", "'abc'|'b'", "ac"),
            ("INSERT", "'abcdef'|3|2|'zz'", "abzzef"),
            ("REVERSE", "'abc'", "cba"),
            ("INITCAP", "'hELLO wORLD-wide'", "Hello World-Wide"),
            ("TRANSLATE", "'2*[3+4]'|'[]'|'('", "2*(3+4"),
            ("CHR", "8364", "€"),
        ] {
            check(function, arguments, expected);
        }
    }

    #[test]
    fn texts_are_searched_and_measured() {
        for (function, arguments, expected) in [
            ("CHARINDEX", "'a'|'snøa'", "4"),
            ("CHARINDEX", "'a'|'aba'|2", "3"),
            ("POSITION", "'x'|'aba'", "0"),
            ("CONTAINS", "'snow'|'no'", "true"),
            ("STARTSWITH", "'snow'|'no'", "false"),
            ("ENDSWITH", "'snow'|'ow'", "true"),
            ("LENGTH", "'snø'", "3"),
            ("LENGTH", "12345", "5"),
            ("OCTET_LENGTH", "'snø'", "4"),
            ("ASCII", "'!'", "33"),
            ("EDITDISTANCE", "'kitten'|'sitting'", "3"),
            ("EDITDISTANCE", "'kitten'|'sitting'|2", "2"),
            ("UPPER", "'straße'", "STRASSE"),
            ("LENGTH", "null", "NULL"),
        ] {
            check(function, arguments, expected);
        }
    }
}
