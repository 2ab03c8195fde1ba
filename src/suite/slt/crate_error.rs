//! The crate's errors in the words of ours, with the place in the line.

use super::{prepass::Chunk, span_in_line};
use crate::suite::{
    error::{SuiteError, SuiteErrorKind},
    words::{self, TYPE_LETTERS_HELP, bad, unknown},
};
use sqllogictest::{ParseError, ParseErrorKind};
use std::{path::Path, sync::Arc};

/// Words that a record can begin with.
const DIRECTIVES: [&str; 12] = [
    "statement",
    "query",
    "subtest",
    "connection",
    "skipif",
    "onlyif",
    "sleep",
    "let",
    "include",
    "control",
    "hash-threshold",
    "halt",
];

/// What the crate was given is the part of `chunk` that starts in the file's line `first_line`.
/// `None` for what the pre-pass has told already.
pub fn translate(
    err: &ParseError,
    chunk: &Chunk<'_>,
    first_line: usize,
    path: &Arc<Path>,
) -> Option<SuiteError> {
    let number = first_line + (err.location().line() as usize).saturating_sub(1);
    // As it stands in the file: what the crate has seen may be another text.
    let line = chunk.original.lines().nth(number - chunk.first_line).unwrap_or_default();
    let (kind, part) = kind(err.kind(), line)?;
    Some(kind.at(span_in_line(path, number, line, &part)))
}

fn slt(what: impl Into<String>, help: impl Into<String>) -> SuiteErrorKind {
    SuiteErrorKind::Slt { what: what.into(), help: Some(help.into()) }
}

/// The error, and the part of the line that it is about.
fn kind(kind: ParseErrorKind, line: &str) -> Option<(SuiteErrorKind, String)> {
    let found = match kind {
        ParseErrorKind::InvalidLine(_) => {
            let word = line.split_whitespace().next().unwrap_or_default().to_owned();
            match usage(&word) {
                Some(usage) => (
                    slt(format!("`{}` cannot be read", words::shortened(line, 60)), usage),
                    String::new(),
                ),
                None => (unknown("directive", &word, &DIRECTIVES), word),
            }
        }
        ParseErrorKind::UnexpectedToken(it) => {
            let usage = usage(line.split_whitespace().next().unwrap_or_default());
            (slt(format!("unexpected `{it}`"), usage.unwrap_or("remove it")), it)
        }
        ParseErrorKind::InvalidSortMode(it) => {
            let kind = match line.contains("resultmode") {
                true => unknown("result mode", &it, &["rowwise", "valuewise"]),
                false => unknown("sort mode", &it, &["nosort", "rowsort", "valuesort"]),
            };
            (kind, it)
        }
        ParseErrorKind::InvalidType(it) => {
            let types = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
            (unknown_letter(it), types)
        }
        ParseErrorKind::InvalidNumber(it) => (bad("a number", &it, "a whole number"), it),
        ParseErrorKind::InvalidDuration(it) => {
            (bad("a duration", &it, "a number and a unit: `5s`, `300ms`"), it)
        }
        ParseErrorKind::InvalidControl(it) => (unknown("setting", &it, &["on", "off"]), it),
        ParseErrorKind::InvalidRetryConfig(it) => {
            (slt(format!("`retry`: {it}"), "`retry 3 backoff 1s`"), "retry".to_owned())
        }
        ParseErrorKind::InvalidVariableName(it) => (words::variable(&it).err()?, it),
        // The pre-pass refuses these with a better place.
        ParseErrorKind::UnexpectedEOF | ParseErrorKind::StatementHasResults => return None,
        other => (SuiteErrorKind::Slt { what: other.to_string(), help: None }, String::new()),
    };
    Some(found)
}

fn unknown_letter(letter: char) -> SuiteErrorKind {
    bad("a column's letter", &letter.to_string(), TYPE_LETTERS_HELP)
}

fn usage(word: &str) -> Option<&'static str> {
    Some(match word {
        "statement" => "`statement ok`, `statement count N` or `statement error PATTERN`",
        "query" => "`query TYPES [nosort|rowsort|valuesort] [LABEL] [retry N backoff TIME]`",
        "connection" => "`connection NAME`, on a line of its own",
        "skipif" | "onlyif" => "`skipif LABEL` or `onlyif LABEL`, on a line of its own",
        "sleep" => "`sleep 5s`",
        "let" => "`let NAME`, and a query below it",
        "include" => "`include FILE`; the name has no blanks",
        "control" => "`control sortmode rowsort` or `control resultmode valuewise`",
        "hash-threshold" => "`hash-threshold N`",
        "halt" => "`halt`, and nothing else",
        _ => return None,
    })
}
