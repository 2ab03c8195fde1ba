//! Single cells: how a value is written, and whether it is what a suite expects.
//!
//! Numbers, dates, timestamps and JSON are compared by what they mean, so `1.5` is `1.50`;
//! text is compared by its letters. Nothing is rounded unless a tolerance was asked for.

use crate::{
    suite::Cell,
    target::{Column, Rows, Type, Value},
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use regex::Regex;
use std::iter;

/// What is known of a column when its cells are compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct CellRules {
    /// The suite's type letter, `?` where it has none.
    pub letter: Option<char>,
    /// Relative to the greater of the two numbers.
    pub tolerance: Option<f64>,
}

/// A cell of a result, with its column's type, on which its text depends.
#[derive(Clone, Copy, Debug)]
pub struct Actual<'a> {
    pub value: &'a Value,
    pub data_type: &'a Type,
}

impl Actual<'_> {
    /// As a suite writes it. NULL is `NULL`.
    pub fn text(&self) -> String {
        self.value.text(self.data_type)
    }

    /// As it is shown in a difference: text that would read as something else is quoted.
    pub fn show(&self) -> String {
        match self.value {
            Value::Text(it) => show_text(it),
            _ => visible(&self.text()),
        }
    }

    /// See [`Matcher::sort_key`].
    pub fn sort_key(&self) -> String {
        match self.value {
            Value::Null => String::new(),
            _ => text_key(&self.text()),
        }
    }
}

/// The cells of a result, row by row.
pub fn cells(rows: &Rows) -> Vec<Vec<Actual<'_>>> {
    let mut all = Vec::with_capacity(rows.rows.len());
    for row in &rows.rows {
        let types = rows.columns.iter().map(|it| &it.data_type).chain(iter::repeat(&Type::Text));
        let cells = row.iter().zip(types);
        all.push(cells.map(|(value, data_type)| Actual { value, data_type }).collect());
    }
    all
}

/// The expectation as it is shown in a difference.
pub fn show_expected(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Text(it) => show_text(it),
        Cell::Regex(it) => format!("<REGEX>:{}", visible(it)),
        Cell::NotRegex(it) => format!("<!REGEX>:{}", visible(it)),
        Cell::Ignore(parts) => visible(&parts.join("<slt:ignore>")),
    }
}

fn show_text(text: &str) -> String {
    match text {
        "" => "(empty)".to_owned(),
        "NULL" | "(empty)" => format!("'{text}'"),
        _ => visible(text),
    }
}

/// One line, whatever is in it.
fn visible(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .map(|it| match it {
            '\n' => "\\n".to_owned(),
            '\r' => "\\r".to_owned(),
            '\t' => "\\t".to_owned(),
            it if it.is_control() => format!("\\u{{{:x}}}", u32::from(it)),
            it => it.to_string(),
        })
        .collect()
}

/// An expected cell, with its pattern compiled.
pub struct Matcher<'a> {
    cell: &'a Cell,
    pattern: Option<Regex>,
}

impl<'a> Matcher<'a> {
    /// Fails with a message if the cell's pattern is no regular expression.
    pub fn new(cell: &'a Cell) -> Result<Self, String> {
        let pattern = match cell {
            Cell::Regex(it) | Cell::NotRegex(it) => Some(
                Regex::new(&format!("^(?s:{it})$"))
                    .map_err(|err| format!("`{it}` is not a regular expression: {err}"))?,
            ),
            Cell::Text(_) | Cell::Null | Cell::Ignore(_) => None,
        };
        Ok(Self { cell, pattern })
    }

    /// Whether two cells with the same [`sort_key`] are sure to match.
    pub fn is_plain(&self) -> bool {
        matches!(self.cell, Cell::Text(_) | Cell::Null)
    }

    pub fn matches(&self, actual: Actual<'_>, rules: CellRules) -> bool {
        match (self.cell, actual.value) {
            (Cell::Null, Value::Null) => true,
            (Cell::Null, _) => false,
            // A cell that is nothing but `<slt:ignore>` takes anything.
            (Cell::Ignore(parts), _) if parts.iter().all(String::is_empty) => true,
            // NULL is no text, so no pattern matches it.
            (Cell::NotRegex(_), Value::Null) => true,
            (_, Value::Null) => false,
            (Cell::Text(expected), _) => matches_text(expected, actual, rules),
            (Cell::Regex(_), _) => {
                self.pattern.as_ref().is_some_and(|it| it.is_match(&actual.text()))
            }
            (Cell::NotRegex(_), _) => {
                self.pattern.as_ref().is_some_and(|it| !it.is_match(&actual.text()))
            }
            (Cell::Ignore(parts), _) => matches_parts(parts, &actual.text()),
        }
    }

    /// Equal for an expected cell and a value that match, where the cell is plain.
    pub fn sort_key(&self) -> String {
        match self.cell {
            Cell::Null => String::new(),
            Cell::Text(it) => text_key(it),
            Cell::Regex(_) | Cell::NotRegex(_) | Cell::Ignore(_) => show_expected(self.cell),
        }
    }
}

fn text_key(text: &str) -> String {
    match Decimal::parse(text) {
        Some(it) => format!("n{}{}e{}", if it.negative { "-" } else { "" }, it.digits, it.exponent),
        None => format!("t{text}"),
    }
}

fn matches_text(expected: &str, cell: Actual<'_>, rules: CellRules) -> bool {
    let actual = cell.text();
    if actual == expected {
        return true;
    }
    // `T` compares text, of whatever type the value is.
    if rules.letter == Some('T') {
        return false;
    }
    match cell.value {
        Value::Null | Value::Text(_) | Value::Binary(_) => false,
        Value::Boolean(it) => match rules.letter {
            Some('I' | 'R') => expected == if *it { "1" } else { "0" },
            _ => actual.eq_ignore_ascii_case(expected),
        },
        Value::Number { digits, scale } => {
            Decimal::parse(expected).is_some_and(|it| Some(it) == Decimal::parse(&actual))
                || within(expected, *digits as f64 / 10f64.powi(i32::from(*scale)), rules.tolerance)
        }
        Value::Float(it) => {
            expected.parse::<f64>().is_ok_and(|expected| expected == *it)
                || (it.is_nan() && expected.eq_ignore_ascii_case("nan"))
                || (rules.letter == Some('R') && is_three_decimals(expected, *it))
                || within(expected, *it, rules.tolerance)
        }
        Value::Json(it) => {
            let parse = |it: &str| serde_json::from_str::<serde_json::Value>(it).ok();
            parse(it).is_some_and(|actual| Some(actual) == parse(expected))
        }
        Value::Date(it) => {
            NaiveDate::parse_from_str(expected, "%Y-%m-%d").is_ok_and(|expected| expected == *it)
        }
        Value::Time(it) => {
            NaiveTime::parse_from_str(expected, "%H:%M:%S%.f").is_ok_and(|expected| expected == *it)
        }
        Value::TimestampNtz(it) => local_time(expected) == Some(*it),
        Value::TimestampLtz(it) => instant(expected) == Some(*it),
        Value::TimestampTz(it) => instant(expected) == Some(it.with_timezone(&Utc)),
    }
}

/// sqllogictest prints a column of letter `R` with three decimals; for an inexact type, a suite
/// written that way holds.
fn is_three_decimals(expected: &str, actual: f64) -> bool {
    expected.split_once('.').is_some_and(|(_, decimals)| decimals.len() == 3)
        && format!("{actual:.3}") == expected
}

fn within(expected: &str, actual: f64, tolerance: Option<f64>) -> bool {
    let (Some(tolerance), Ok(expected)) = (tolerance, expected.parse::<f64>()) else {
        return false;
    };
    (expected - actual).abs() <= tolerance * expected.abs().max(actual.abs())
}

fn matches_parts(parts: &[String], text: &str) -> bool {
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return true };
    if parts.len() == 1 {
        return text == first;
    }
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for part in &parts[1..parts.len() - 1] {
        match rest.find(part.as_str()) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last.as_str())
}

fn local_time(text: &str) -> Option<NaiveDateTime> {
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"]
        .into_iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
}

/// An instant: with an offset, `Z`, or in UTC where neither is written.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    if let Some(local) = text.strip_suffix('Z') {
        return local_time(local.trim_end()).map(|it| it.and_utc());
    }
    ["%Y-%m-%d %H:%M:%S%.f %z", "%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%dT%H:%M:%S%.f%z"]
        .into_iter()
        .find_map(|format| DateTime::parse_from_str(text, format).ok())
        .map(|it| it.with_timezone(&Utc))
        .or_else(|| local_time(text).map(|it| it.and_utc()))
}

/// An exact number: `digits` × 10^`exponent`, with no zero at either end of the digits.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(it) => (true, it),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || !all.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
        let significant = all.trim_end_matches('0');
        let digits = significant.trim_start_matches('0');
        if digits.is_empty() {
            return Some(Self { negative: false, digits: String::new(), exponent: 0 });
        }
        let dropped = (all.len() - significant.len()) as i64;
        let exponent = i64::from(exponent) - fraction.len() as i64 + dropped;
        Some(Self { negative, digits: digits.to_owned(), exponent })
    }
}

/// The value as sqllogictest prints it, which is what its hashes are made of: `I` as an integer,
/// `R` with three decimals, empty text as `(empty)`, and `@` for what cannot be printed.
pub fn sqllogictest_text(cell: Actual<'_>, letter: Option<char>) -> String {
    let number = match cell.value {
        Value::Number { digits, scale } => Some(*digits as f64 / 10f64.powi(i32::from(*scale))),
        Value::Float(it) => Some(*it),
        Value::Boolean(it) => Some(if *it { 1.0 } else { 0.0 }),
        _ => None,
    };
    match (cell.value, letter, number) {
        (Value::Null, _, _) => "NULL".to_owned(),
        (Value::Number { digits, scale: 0 }, Some('I'), _) => digits.to_string(),
        (_, Some('I'), Some(number)) => format!("{}", number.trunc() as i64),
        (_, Some('R'), Some(number)) => format!("{number:.3}"),
        _ => match cell.text().as_str() {
            "" => "(empty)".to_owned(),
            it => it.chars().map(|it| if matches!(it, ' '..='~') { it } else { '@' }).collect(),
        },
    }
}

/// Whether a column is of a suite's type letter.
pub fn is_of_type(column: &Column, letter: char) -> bool {
    match letter {
        'R' => matches!(column.data_type, Type::Number { .. } | Type::Float),
        'I' | 'B' | 'D' | 'M' | 'S' | 'V' | 'X' => column.data_type.letter() == letter,
        // sqllogictest's `T` is "as text", whatever the type; `?` and letters of other tools
        // say nothing about it.
        _ => true,
    }
}

/// A type in Snowflake's words, for messages.
pub fn type_name(data_type: &Type) -> String {
    match data_type {
        Type::Number { precision, scale } => format!("NUMBER({precision},{scale})"),
        Type::Float => "FLOAT".to_owned(),
        Type::Text => "TEXT".to_owned(),
        Type::Boolean => "BOOLEAN".to_owned(),
        Type::Date => "DATE".to_owned(),
        Type::Time { scale } => format!("TIME({scale})"),
        Type::TimestampNtz { scale } => format!("TIMESTAMP_NTZ({scale})"),
        Type::TimestampLtz { scale } => format!("TIMESTAMP_LTZ({scale})"),
        Type::TimestampTz { scale } => format!("TIMESTAMP_TZ({scale})"),
        Type::Variant => "VARIANT".to_owned(),
        Type::Object => "OBJECT".to_owned(),
        Type::Array => "ARRAY".to_owned(),
        Type::Binary => "BINARY".to_owned(),
        Type::Other(it) => it.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cell: Cell, value: Value, letter: Option<char>, expected: bool) {
        let matcher = Matcher::new(&cell).unwrap();
        let rules = CellRules { letter, tolerance: None };
        let actual = actual(&value);
        assert_eq!(
            matcher.matches(actual, rules),
            expected,
            "expected {}, value {}",
            show_expected(&cell),
            actual.show()
        );
        // A sort on both sides relies on it, except where a letter changes what is equal.
        if expected
            && matcher.is_plain()
            && letter.is_none()
            && matches!(value, Value::Number { .. })
        {
            assert_eq!(matcher.sort_key(), actual.sort_key());
        }
    }

    /// With a type that the value's text does not depend on.
    fn actual(value: &Value) -> Actual<'_> {
        Actual { value, data_type: &Type::Text }
    }

    fn expect(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    fn number(digits: i128, scale: u8) -> Value {
        Value::Number { digits, scale }
    }

    fn word(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn numbers_are_compared_exactly_and_by_value() {
        check(expect("1.5"), number(150, 2), None, true);
        check(expect("1.50"), number(15, 1), Some('R'), true);
        check(expect("1.500001"), number(150, 2), None, false);
        check(expect("-0.07"), number(-7, 2), None, true);
        check(expect("0"), number(0, 5), None, true);
        check(expect("1e3"), number(1000, 0), None, true);
        check(
            expect("99999999999999999999999999999999999999"),
            number(10i128.pow(38) - 1, 0),
            None,
            true,
        );
        check(
            expect("99999999999999999999999999999999999998"),
            number(10i128.pow(38) - 1, 0),
            None,
            false,
        );
        check(expect("0.1"), Value::Float(0.1), None, true);
        check(expect("0.333"), Value::Float(1.0 / 3.0), Some('R'), true);
        check(expect("0.333"), Value::Float(1.0 / 3.0), None, false);
        check(expect("0.33"), Value::Float(1.0 / 3.0), Some('R'), false);
        check(expect("abc"), number(1, 0), None, false);
    }

    #[test]
    fn a_column_of_letter_t_is_compared_as_text() {
        check(expect("1.5"), number(150, 2), Some('T'), false);
        check(expect("1.50"), number(150, 2), Some('T'), true);
    }

    #[test]
    fn a_tolerance_is_relative_to_the_greater_number() {
        let cell = expect("100");
        let matcher = Matcher::new(&cell).unwrap();
        let rules = CellRules { letter: None, tolerance: Some(0.01) };
        assert!(matcher.matches(actual(&number(101, 0)), rules));
        assert!(!matcher.matches(actual(&number(102, 0)), rules));
        assert!(matcher.matches(actual(&Value::Float(99.5)), rules));
    }

    #[test]
    fn null_is_not_the_text_null_and_empty_is_empty() {
        check(Cell::Null, Value::Null, None, true);
        check(Cell::Null, word("NULL"), None, false);
        check(expect("NULL"), Value::Null, None, false);
        check(expect("NULL"), word("NULL"), None, true);
        check(expect("(empty)"), word("(empty)"), None, true);
        check(expect(""), word(""), None, true);
        check(expect(""), word(" "), None, false);
        check(expect(""), Value::Null, None, false);
    }

    #[test]
    fn patterns_are_anchored_and_do_not_match_null() {
        check(Cell::Regex("a+".to_owned()), word("aaa"), None, true);
        check(Cell::Regex("a+".to_owned()), word("baaa"), None, false);
        check(Cell::Regex("a|b".to_owned()), word("ab"), None, false);
        check(Cell::Regex(".*".to_owned()), Value::Null, None, false);
        check(Cell::Regex("a.b".to_owned()), word("a\nb"), None, true);
        check(Cell::NotRegex("a+".to_owned()), word("baaa"), None, true);
        check(Cell::NotRegex("a+".to_owned()), word("aaa"), None, false);
    }

    #[test]
    fn what_is_ignored_is_anchored_at_both_ends() {
        let parts = |parts: &[&str]| Cell::Ignore(parts.iter().map(|&it| it.to_owned()).collect());
        check(parts(&["id=", " ok"]), word("id=7 ok"), None, true);
        check(parts(&["id=", " ok"]), word("GARBAGE id=7 ok"), None, false);
        check(parts(&["id=", " ok"]), word("id=7 ok AND MORE"), None, false);
        check(parts(&["a", "b", "c"]), word("a..b..c"), None, true);
        check(parts(&["a", "b", "c"]), word("a..c"), None, false);
        check(parts(&["ab", "ba"]), word("aba"), None, false);
        check(parts(&["", ""]), Value::Null, None, true);
    }

    #[test]
    fn times_and_json_are_compared_by_what_they_mean() {
        let at = NaiveDate::from_ymd_opt(2026, 1, 2).unwrap().and_hms_milli_opt(3, 4, 5, 600);
        let at = at.unwrap();
        check(expect("2026-01-02 03:04:05.6"), Value::TimestampNtz(at), None, true);
        check(expect("2026-01-02 03:04:05.600"), Value::TimestampNtz(at), None, true);
        check(expect("2026-01-02 03:04:05"), Value::TimestampNtz(at), None, false);
        check(expect("2026-01-02 04:04:05.6 +0100"), Value::TimestampLtz(at.and_utc()), None, true);
        check(expect("2026-01-02 03:04:05.6 Z"), Value::TimestampLtz(at.and_utc()), None, true);
        check(expect("2026-01-02"), Value::Date(at.date()), None, true);
        check(expect("2026-01-03"), Value::Date(at.date()), None, false);
        check(
            expect("{\"b\": 1, \"a\": [2]}"),
            Value::Json("{\"a\":[2],\"b\":1}".to_owned()),
            None,
            true,
        );
        check(expect("[1,2]"), Value::Json("[2,1]".to_owned()), None, false);
        check(expect("TRUE"), Value::Boolean(true), None, true);
        check(expect("1"), Value::Boolean(true), Some('I'), true);
        check(expect("0A"), Value::Binary(vec![10]), None, true);
    }

    #[test]
    fn text_that_would_read_as_something_else_is_quoted() {
        let show = |value: Value| actual(&value).show();
        assert_eq!(show(word("a\nb")), "a\\nb");
        assert_eq!(show(word("NULL")), "'NULL'");
        assert_eq!(show(word("(empty)")), "'(empty)'");
        assert_eq!(show(word("")), "(empty)");
        assert_eq!(show(Value::Null), "NULL");
        assert_eq!(show_expected(&expect("")), "(empty)");
        assert_eq!(show_expected(&expect("NULL")), "'NULL'");
    }
}
