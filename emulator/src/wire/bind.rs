//! Bind values of a request, and the markers in a statement that wait for some.

use crate::engine::{Bind, BindValues};
use serde_json::Value;
use std::collections::BTreeMap;

/// Reads `bindings`: `{"1": {"type": "FIXED", "value": "7"}, …}`.
///
/// Values are strings, nulls, or lists of both; a bare number or boolean is taken as its text.
/// The error is a sentence about the first entry that is something else.
pub fn parse(bindings: Option<&Value>) -> Result<BTreeMap<String, Bind>, String> {
    let entries = match bindings {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(entries)) => entries,
        Some(_) => return Err("`bindings` is not an object".to_owned()),
    };
    entries
        .iter()
        .map(|(name, entry)| {
            let type_name = entry
                .get("type")
                .and_then(Value::as_str)
                .ok_or_else(|| format!("bind `{name}` has no `type`"))?;
            let values = match entry.get("value") {
                Some(Value::Array(items)) => BindValues::Many(
                    items.iter().map(|it| text(name, it)).collect::<Result<_, _>>()?,
                ),
                Some(value) => BindValues::One(text(name, value)?),
                None => return Err(format!("bind `{name}` has no `value`")),
            };
            Ok((name.clone(), Bind { type_name: type_name.to_ascii_uppercase(), values }))
        })
        .collect()
}

fn text(name: &str, value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(value) => Ok(Some(value.to_string())),
        Value::Array(_) | Value::Object(_) => {
            Err(format!("a value of bind `{name}` is neither a string nor null"))
        }
    }
}

/// Counts the bind markers of a statement: each `?`, and the different ones of `:1`, `:2`, ….
///
/// Knows strings, quoted names, `$$` and comments, nothing else of the language.
pub fn count_markers(sql: &str) -> usize {
    let mut questions = 0;
    let mut numbered = std::collections::BTreeSet::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' => quoted(rest, '\'', true),
            '"' => quoted(rest, '"', false),
            '$' if rest.starts_with("$$") => through(rest, 2, "$$"),
            '-' if rest.starts_with("--") => through(rest, 2, "\n"),
            '/' if rest.starts_with("//") => through(rest, 2, "\n"),
            '/' if rest.starts_with("/*") => through(rest, 2, "*/"),
            '?' => {
                questions += 1;
                1
            }
            ':' if rest.starts_with("::") => 2,
            ':' => {
                let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
                if digits > 0 {
                    numbered.insert(&rest[1..1 + digits]);
                }
                1 + digits
            }
            _ => first.len_utf8(),
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    questions + numbered.len()
}

/// Length of `text` up to and with the next `end` after the first `skip` bytes.
fn through(text: &str, skip: usize, end: &str) -> usize {
    text.get(skip..).and_then(|it| it.find(end)).map_or(text.len(), |at| skip + at + end.len())
}

/// Length of a quoted piece. A doubled quote ends one piece and begins the next, which is as good.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, next)) = characters.next() {
        if next == quote {
            return at + quote.len_utf8();
        }
        if escapes && next == '\\' {
            characters.next();
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(value: Option<&str>) -> BindValues {
        BindValues::One(value.map(str::to_owned))
    }

    #[test]
    fn values_are_single_null_or_lists() {
        let bindings = json!({
            "1": {"type": "FIXED", "value": "7"},
            "2": {"type": "any", "value": null},
            "3": {"type": "TEXT", "value": ["a", null], "fmt": "", "schema": null},
            "NAME": {"type": "BOOLEAN", "value": true},
        });
        let binds = parse(Some(&bindings)).expect("binds");
        assert_eq!(binds["1"], Bind { type_name: "FIXED".to_owned(), values: one(Some("7")) });
        assert_eq!(binds["2"], Bind { type_name: "ANY".to_owned(), values: one(None) });
        assert_eq!(binds["3"].values, BindValues::Many(vec![Some("a".to_owned()), None]));
        assert_eq!(binds["NAME"].values, one(Some("true")));
    }

    #[test]
    fn what_is_no_bind_is_named() {
        let cases = [
            (json!([]), "`bindings` is not an object"),
            (json!({"1": 7}), "bind `1` has no `type`"),
            (json!({"1": {"type": "TEXT"}}), "bind `1` has no `value`"),
            (
                json!({"2": {"type": "TEXT", "value": {}}}),
                "a value of bind `2` is neither a string nor null",
            ),
        ];
        for (bindings, expected) in cases {
            assert_eq!(parse(Some(&bindings)).expect_err("no binds"), expected);
        }
        assert!(parse(None).expect("no binds").is_empty());
    }

    #[test]
    fn markers_are_counted_outside_of_text_and_comments() {
        let cases = [
            ("select ?, ?", 2),
            ("select :1, :2, :1, a:b, x::int", 2),
            (r#"select '?', 'it''s ?', '\'?', "?" , ?"#, 1),
            ("select 1 -- ?\n, ? // ?\n /* ? */ , $$ ? $$", 1),
            ("select 'é?", 0),
            ("", 0),
        ];
        for (sql, expected) in cases {
            assert_eq!(count_markers(sql), expected, "{sql}");
        }
    }
}
