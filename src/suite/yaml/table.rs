//! Data files of the product: YAML lists of rows, part of the program and read at its first need.
//!
//! They are read as suites are, so that a mistake is shown over its line, and all mistakes at once.

use super::{
    decoder::{Decoder, Fields},
    node::{self, Node},
};
use crate::suite::{
    error::{SuiteErrorKind, SuiteErrors},
    source::Source,
    words,
};
use chrono::NaiveDate;
use std::sync::Arc;

/// Reads a data file, or says all that is wrong with it.
pub fn read<T>(
    path: &str,
    text: &str,
    decode: impl FnOnce(&mut Decoder, &Node) -> Option<T>,
) -> Result<T, SuiteErrors> {
    let (source, errors) = Source::checked(path, text.to_owned());
    let source = Arc::new(source);
    if !errors.is_empty() {
        return Err(SuiteErrors::new(errors, vec![source]));
    }
    read_source(&source, decode)
}

/// Reads a file that was loaded already, or says all that is wrong with it.
pub fn read_source<T>(
    source: &Arc<Source>,
    decode: impl FnOnce(&mut Decoder, &Node) -> Option<T>,
) -> Result<T, SuiteErrors> {
    let (node, errors) = node::parse(source);
    let mut decoder = Decoder { errors };
    let read = node.as_deref().and_then(|it| decode(&mut decoder, it));
    match read {
        Some(read) if decoder.errors.is_empty() => Ok(read),
        _ => {
            if decoder.errors.is_empty() {
                let kind = SuiteErrorKind::WrongType {
                    wanted: "a mapping of lists".to_owned(),
                    found: "nothing",
                    help: None,
                };
                let span = crate::suite::span::Span::of_file(Arc::clone(&source.path));
                decoder.error(&span, kind);
            }
            Err(SuiteErrors::new(decoder.errors, vec![Arc::clone(source)]))
        }
    }
}

/// Reads a data file that is part of the program. The project's tests read every one of them, so
/// that a program with a broken one is not built.
pub fn embedded<T>(
    path: &str,
    text: &str,
    decode: impl FnOnce(&mut Decoder, &Node) -> Option<T>,
) -> T {
    read(path, text, decode).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The rows of the list at `key`, by `row`. A row that is wrong is left out, and its error kept.
pub fn rows<T>(
    decoder: &mut Decoder,
    file: &Fields<'_>,
    key: &'static str,
    mut row: impl FnMut(&mut Decoder, &Node) -> Option<T>,
) -> Option<Vec<T>> {
    let list = required(decoder, file, "the file", key)?;
    let items = decoder.list(list, "a list of rows")?;
    Some(items.iter().filter_map(|it| row(decoder, it)).collect())
}

/// The value at `key`, without which the row means nothing.
pub fn required<'n>(
    decoder: &mut Decoder,
    fields: &Fields<'n>,
    of: &'static str,
    key: &'static str,
) -> Option<&'n Node> {
    let node = fields.get(key);
    if node.is_none() {
        decoder.error(fields.span, SuiteErrorKind::MissingKey { of, key, help: None });
    }
    node
}

/// Where a row is from, and a day on which that source said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    pub source: String,
    pub date: NaiveDate,
}

/// Keys that every row of a table of facts has.
pub const STATED: [&str; 2] = ["source", "date"];

pub fn stated(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<Stated> {
    // Both are looked for before either is missed.
    let source = required(decoder, fields, "a row", STATED[0])
        .and_then(|it| decoder.text_full(it).map(str::to_owned));
    let date = required(decoder, fields, "a row", STATED[1]).and_then(|it| date(decoder, it));
    Some(Stated { source: source?, date: date? })
}

fn date(decoder: &mut Decoder, node: &Node) -> Option<NaiveDate> {
    let text = decoder.text(node)?;
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d");
    decoder.keep(
        &node.span,
        date.map_err(|_| words::bad("a day", text, "year, month and day: `2026-09-14`")),
    )
}

/// A number above zero, with or without a fraction.
pub fn amount(decoder: &mut Decoder, node: &Node) -> Option<f64> {
    let text = decoder.text(node)?;
    let is_decimal = text.bytes().all(|it| it.is_ascii_digit() || it == b'.');
    let amount = text.parse().ok().filter(|it: &f64| is_decimal && *it > 0.0);
    decoder.keep(
        &node.span,
        amount.ok_or_else(|| words::bad("an amount", text, "a number above zero: `0.6`")),
    )
}
