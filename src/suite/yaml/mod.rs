//! `.yaml` to suites and data sets.
//!
//! The crate `saphyr-parser` makes events of the text; [`node`] makes a tree with places of them,
//! and the rest decodes it by hand, since a derived decoder stops at its first error and knows no
//! places.

pub(super) mod case;
pub(crate) mod decoder;
mod expect;
mod load;
pub(crate) mod node;
mod pins;
mod refresh;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use super::{
    DataSet, Step, Suite,
    error::{SuiteError, SuiteErrorKind},
    load::{Parsed, check_case_names},
    source::Source,
    words::{STANDARD, is_variable, variable},
};
use case::Defaults;
use decoder::{Decoder, Fields};
use node::{Node, Value};
pub(super) use pins::pins;
use std::collections::BTreeMap;

const DATA_SET: &str = "data-set";

const SUITE_KEYS: [&str; 9] =
    ["doc", "tags", "needs", "use", "allow", "setup", "refreshed", "session", "cases"];
const DATA_SET_KEYS: [&str; 4] = [DATA_SET, "doc", "provides", "steps"];

/// The suite or data set in a file, or all that is wrong with it.
pub(super) fn parse(name: &str, source: &Source) -> Result<Parsed, Vec<SuiteError>> {
    let (node, errors) = node::parse(source);
    let mut decoder = Decoder { errors };
    let parsed = match &node {
        Some(node) if node.get(DATA_SET).is_some() => {
            data_set(&mut decoder, source, node).map(Parsed::DataSet)
        }
        Some(node) => suite(&mut decoder, name, source, node).map(|it| Parsed::Suite(Box::new(it))),
        None if decoder.errors.is_empty() => {
            let span = super::span::Span::of_file(std::sync::Arc::clone(&source.path));
            decoder.error(&span, missing_cases());
            None
        }
        None => None,
    };
    match parsed {
        Some(parsed) if decoder.errors.is_empty() => Ok(parsed),
        _ => Err(decoder.errors),
    }
}

/// Whether a file has, or was meant to have, a data set in it.
pub(super) fn is_data_set(source: &Source) -> bool {
    source.text.lines().any(|it| it.starts_with(DATA_SET))
}

/// The name of the data set in a file that may have errors.
pub(super) fn data_set_name(source: &Source) -> Option<String> {
    let line = source.text.lines().find_map(|it| it.strip_prefix(DATA_SET))?;
    Some(line.strip_prefix(':')?.trim().trim_matches(['"', '\'']).to_owned())
}

fn missing_cases() -> SuiteErrorKind {
    SuiteErrorKind::MissingKey {
        of: "a suite",
        key: "cases",
        help: Some("`cases` has what it checks; a data set has `data-set`, its name".to_owned()),
    }
}

fn suite(decoder: &mut Decoder, name: &str, source: &Source, node: &Node) -> Option<Suite> {
    let fields = decoder.fields(node, "a suite", &SUITE_KEYS)?;
    let session = session(decoder, &fields, STANDARD);
    let defaults = Defaults { session: &session, refreshed: &[], only: None };
    let mut suite = Suite {
        name: name.to_owned(),
        path: source.path.to_path_buf(),
        doc: doc(decoder, &fields).unwrap_or_default(),
        tags: values(decoder.words(fields.get("tags"))),
        data: decoder.words(fields.get("use")),
        needs: decoder.words(fields.get("needs")),
        allow: decoder.words(fields.get("allow")),
        setup: Vec::new(),
        refreshed: Vec::new(),
        cases: Vec::new(),
        ordered: false,
        pins: Vec::new(),
    };
    if let Some(node) = fields.get("setup") {
        suite.setup = setup(decoder, node, &defaults);
    }
    if let Some(node) = fields.get("refreshed") {
        suite.refreshed = refresh::refreshed(decoder, node);
    }
    let names: Vec<String> = suite.refreshed.iter().map(|it| it.name.clone()).collect();
    let defaults = Defaults { refreshed: &names, ..defaults };
    match fields.get("cases") {
        None => decoder.error(fields.span, missing_cases()),
        Some(node) => {
            for item in decoder.list(node, "a list of cases").unwrap_or_default() {
                suite.cases.extend(case::case(decoder, item, &defaults));
            }
            if matches!(&node.value, Value::List(items) if items.is_empty()) {
                decoder.error(&node.span, missing_cases());
            }
        }
    }
    let names = suite.cases.iter().map(|it| (it.name.as_str(), &it.span));
    decoder.errors.extend(check_case_names(names));
    Some(suite)
}

fn data_set(decoder: &mut Decoder, source: &Source, node: &Node) -> Option<DataSet> {
    let fields = decoder.fields(node, "a data set", &DATA_SET_KEYS)?;
    let name = fields.get(DATA_SET).and_then(|it| {
        let text = decoder.text_full(it)?;
        decoder.keep(&it.span, variable(text))
    });
    let mut provides = BTreeMap::new();
    if let Some(node) = fields.get("provides") {
        match &node.value {
            Value::Map(entries) => {
                for (key, value) in entries {
                    if !is_variable(&key.text) {
                        decoder.keep(&key.span, variable(&key.text));
                    }
                    if let Some(text) = decoder.text(value) {
                        provides.insert(key.text.clone(), text.to_owned());
                    }
                }
            }
            _ => decoder.wrong_type(node, "a mapping of names to texts", None),
        }
    }
    let mut steps = Vec::new();
    match fields.get("steps") {
        Some(node) => {
            let defaults = Defaults { session: STANDARD, refreshed: &[], only: None };
            steps = setup(decoder, node, &defaults);
            if matches!(&node.value, Value::List(items) if items.is_empty()) {
                decoder.error(&node.span, missing_steps());
            }
        }
        None => decoder.error(fields.span, missing_steps()),
    }
    Some(DataSet {
        name: name?,
        path: source.path.to_path_buf(),
        doc: doc(decoder, &fields).unwrap_or_default(),
        provides,
        steps,
    })
}

fn missing_steps() -> SuiteErrorKind {
    SuiteErrorKind::MissingKey { of: "a data set", key: "steps", help: None }
}

/// Steps that run before any case. A plain text is a statement on the standard session, whatever
/// the suite's own is: most tables cannot be made on an interactive warehouse.
fn setup(decoder: &mut Decoder, node: &Node, defaults: &Defaults<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    for item in decoder.list(node, "a list of steps").unwrap_or_default() {
        let session = match &item.value {
            Value::Text(_) => STANDARD,
            _ => defaults.session,
        };
        steps.extend(case::step(decoder, item, &Defaults { session, ..*defaults }));
    }
    steps
}

/// The text at `doc`, without blanks at its ends.
fn doc(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<String> {
    let node = fields.get("doc")?;
    decoder.text(node).map(|it| it.trim().to_owned())
}

/// The session at `session`, or the one that holds without it.
fn session(decoder: &mut Decoder, fields: &Fields<'_>, default: &str) -> String {
    let word = fields.get("session").and_then(|node| {
        let text = decoder.text_full(node)?;
        match text.contains(char::is_whitespace) {
            true => {
                let help = "`standard`, `interactive`, or a word of your own";
                decoder.error(&node.span, super::words::bad("a session", text, help));
                None
            }
            false => Some(text.to_owned()),
        }
    });
    word.unwrap_or_else(|| default.to_owned())
}

fn values(words: Vec<super::span::Spanned<String>>) -> Vec<String> {
    words.into_iter().map(|it| it.value).collect()
}
