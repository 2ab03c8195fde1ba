//! Suites to text: the inverse of parsing, for moving a suite from one format to the other and for
//! reproducers. Comments are not in a suite, so they are not in its text either.
//!
//! Neither format can say everything that the other can, so printing can fail; and what is printed
//! is read back, so that a text that says something else never gets out.

mod slt;
#[cfg(test)]
mod tests;
mod yaml;

use super::{DataSet, Suite, load::Parsed, source::Source, span::Spanned, words::listed};
use std::{path::Path, sync::Arc};

/// A suite that a format has no words for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{suite}` cannot be written as {format}, for {}", listed(.parts))]
pub struct NotExpressible {
    pub suite: String,
    pub format: &'static str,
    /// What there are no words for, such as `unchanged`.
    pub parts: Vec<String>,
}

/// The suite as `.yaml`.
pub fn to_yaml(suite: &Suite) -> Result<String, NotExpressible> {
    let (text, parts) = yaml::suite(suite);
    check(suite, "YAML", text, parts, |source| super::yaml::parse(&suite.name, &source))
}

/// The data set as `.yaml`.
pub fn data_set_to_yaml(data_set: &DataSet) -> Result<String, NotExpressible> {
    let (text, mut parts) = yaml::data_set(data_set);
    if parts.is_empty() {
        match super::yaml::parse("", &source(&data_set.path, &text)) {
            Ok(Parsed::DataSet(it))
                if it.clone().without_places() == data_set.clone().without_places() =>
            {
                return Ok(text);
            }
            _ => parts.push(ITS_TEXT.to_owned()),
        }
    }
    Err(NotExpressible { suite: data_set.name.clone(), format: "YAML", parts })
}

/// The suite as `.slt`.
pub fn to_slt(suite: &Suite) -> Result<String, NotExpressible> {
    let (text, parts) = slt::suite(suite);
    check(suite, "SLT", text, parts, |source| {
        super::slt::parse(&suite.name, &source, &mut Vec::new())
    })
}

/// What is left when each part can be written, and the whole reads as something else: blanks at
/// the end of a statement, a blank line in it, a name that looks like an id.
const ITS_TEXT: &str = "its texts";

fn check(
    suite: &Suite,
    format: &'static str,
    text: String,
    mut parts: Vec<String>,
    parse: impl FnOnce(Arc<Source>) -> Result<Parsed, Vec<super::SuiteError>>,
) -> Result<String, NotExpressible> {
    if parts.is_empty() {
        match parse(source(&suite.path, &text)) {
            Ok(Parsed::Suite(it))
                if it.clone().without_places() == suite.clone().without_places() =>
            {
                return Ok(text);
            }
            _ => parts.push(ITS_TEXT.to_owned()),
        }
    }
    Err(NotExpressible { suite: suite.name.clone(), format, parts })
}

fn source(path: &Path, text: &str) -> Arc<Source> {
    Arc::new(Source::new(path, text.to_owned()))
}

/// Words without their places.
fn values(words: &[Spanned<String>]) -> impl Iterator<Item = &String> {
    words.iter().map(|it| &it.value)
}

/// Parts without words, each once.
#[derive(Default)]
struct Missing(Vec<String>);

impl Missing {
    fn add(&mut self, part: &str) {
        if !self.0.iter().any(|it| it == part) {
            self.0.push(part.to_owned());
        }
    }

    fn add_if(&mut self, is_there: bool, part: &str) {
        if is_there {
            self.add(part);
        }
    }
}
