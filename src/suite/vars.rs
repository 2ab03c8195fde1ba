//! `{name}` in statements. What a name stands for is the runner's to say; this only finds names.
//!
//! `$1`, `$$`, `:name` and `\d` mean something in Snowflake's SQL and are left alone, and the
//! environment is never read: what is in it would end up in the query history.

use super::words::{is_variable, is_variable_byte, nearest};
use std::collections::BTreeMap;

/// A `{name}` in a text that nothing gives a value to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVariable {
    pub name: String,
    /// Of the brace, in bytes.
    pub offset: usize,
    /// The known name that was most likely meant.
    pub nearest: Option<String>,
}

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    Text(&'a str),
    /// A variable's name, and where its brace is, in bytes.
    Variable {
        name: &'a str,
        offset: usize,
    },
}

/// The text in pieces. `{{` is a brace; a brace before anything but a name and `}` is one too.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let mut look = 0;
    while let Some(open) = text[look..].find('{').map(|it| it + look) {
        let after = &text[open + 1..];
        if after.starts_with('{') {
            pieces.push(Piece::Text(&text[from..=open]));
            from = open + 2;
            look = from;
            continue;
        }
        // Only as far as a name can reach: a text may have many braces and no end to them.
        let length = after.bytes().take_while(|it| is_variable_byte(*it)).count();
        let name = &after[..length];
        match Some(name).filter(|it| is_variable(it) && after[length..].starts_with('}')) {
            Some(name) => {
                pieces.push(Piece::Text(&text[from..open]));
                pieces.push(Piece::Variable { name, offset: open });
                from = open + name.len() + 2;
                look = from;
            }
            None => look = open + 1,
        }
    }
    pieces.push(Piece::Text(&text[from..]));
    pieces.retain(|it| *it != Piece::Text(""));
    pieces
}

/// Names in the text, in order, as often as they occur.
pub fn variables(text: &str) -> Vec<&str> {
    pieces(text)
        .into_iter()
        .filter_map(|it| match it {
            Piece::Variable { name, .. } => Some(name),
            Piece::Text(_) => None,
        })
        .collect()
}

/// The text with every variable replaced, or all names that have no value.
pub fn substitute(
    text: &str,
    values: &BTreeMap<String, String>,
) -> Result<String, Vec<UnknownVariable>> {
    let mut out = String::with_capacity(text.len());
    let mut unknown = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(it) => out += it,
            Piece::Variable { name, offset } => match values.get(name) {
                Some(value) => out += value,
                None => unknown.push(UnknownVariable {
                    name: name.to_owned(),
                    offset,
                    nearest: nearest(name, values.keys().map(String::as_str)).map(str::to_owned),
                }),
            },
        }
    }
    match unknown.is_empty() {
        true => Ok(out),
        false => Err(unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let values = [("orders", "DB.S.ORDERS"), ("brace", "{orders}"), ("_x1", "1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let actual = match substitute(text, &BTreeMap::from(values)) {
            Ok(it) => it,
            Err(unknown) => unknown
                .iter()
                .map(|it| {
                    let nearest = it.nearest.as_deref().unwrap_or("-");
                    format!("{} at {}, nearest {nearest}", it.name, it.offset)
                })
                .collect::<Vec<_>>()
                .join("; "),
        };
        assert_eq!(actual, expected);
    }

    #[test]
    fn names_are_replaced() {
        check("SELECT * FROM {orders} LIMIT {_x1}", "SELECT * FROM DB.S.ORDERS LIMIT 1");
        check("", "");
    }

    #[test]
    fn what_a_value_contains_is_not_replaced_again() {
        check("{brace}", "{orders}");
    }

    #[test]
    fn a_doubled_brace_is_a_brace() {
        check("{{orders}", "{orders}");
        check("{{{orders}", "{DB.S.ORDERS");
        check("{{", "{");
    }

    #[test]
    fn braces_round_other_things_are_text() {
        for text in [
            r#"PARSE_JSON('{"a": 1}')"#,
            "{Orders}",
            "{1}",
            "{}",
            "{",
            "}",
            "{orders",
            "{or ders}",
            "a{2,3}",
            "{ürün}",
        ] {
            check(text, text);
        }
        check("{a{orders}}", "{aDB.S.ORDERS}");
    }

    #[test]
    fn dollars_and_backslashes_are_left_alone() {
        let text = r"SELECT $1, $$ x $$, '\d{2}', $HOME, ${HOME} FROM @stage";
        check(text, text);
    }

    #[test]
    fn all_unknown_names_are_told() {
        check("{order} ä {nope}", "order at 0, nearest orders; nope at 11, nearest -");
    }

    #[test]
    fn names_of_a_text_are_listed() {
        assert_eq!(variables("{a} {{b} {c}{a}"), ["a", "c", "a"]);
    }
}
