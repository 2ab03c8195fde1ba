//! `.slt` to suites.
//!
//! The crate `sqllogictest` is the parser. [`prepass`] goes before it: it keeps line numbers, takes
//! out what the crate cannot read (comments behind conditions, names of several words, patterns
//! that would swallow a `retry`) and refuses what the crate would silently misread. [`convert`]
//! comes after it, and [`suite`] divides the steps into cases.
//!
//! The crate's own runner, substitution and environment variables are not used.

mod annotation;
mod convert;
mod crate_error;
mod prepass;
mod results;
mod suite;
#[cfg(test)]
mod tests;

use super::{
    error::{SuiteError, SuiteErrorKind},
    load::Parsed,
    source::Source,
    span::Span,
};
use convert::Converter;
use prepass::Prepass;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// How deep files may include one another.
const INCLUDE_DEPTH_MAX: usize = 16;

/// The suite in a file, or all that is wrong with it. Files that it includes are added to
/// `sources`.
pub(super) fn parse(
    name: &str,
    source: &Arc<Source>,
    sources: &mut Vec<Arc<Source>>,
) -> Result<Parsed, Vec<SuiteError>> {
    let mut converter = Converter::new();
    let mut reader = Reader { sources, including: vec![real_path(&source.path)] };
    reader.file(source, &mut converter);
    let suite = suite::suite(name, source, converter)?;
    Ok(Parsed::Suite(Box::new(suite)))
}

fn real_path(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Feeds files to a converter, and the files that they include where they include them.
struct Reader<'a> {
    sources: &'a mut Vec<Arc<Source>>,
    /// Real paths of the files being read, the outermost first.
    including: Vec<PathBuf>,
}

impl Reader<'_> {
    fn file(&mut self, source: &Arc<Source>, converter: &mut Converter) {
        let depth = self.including.len();
        converter.expect_text(source.text.len());
        let mut prepass = Prepass::new(source, depth > 1);
        'chunks: while let Some(mut chunk) = prepass.next_chunk() {
            converter.start_file(&source.path);
            while let Some(include) = converter.chunk(&mut chunk) {
                self.include(source, &include, converter);
                if converter.halted {
                    break 'chunks;
                }
                converter.start_file(&source.path);
            }
            prepass.reuse(chunk);
        }
        converter.head.merge(prepass.head);
        converter.errors.append(&mut prepass.errors);
        converter.halted |= prepass.halted;
    }

    fn include(&mut self, from: &Source, include: &convert::Include, converter: &mut Converter) {
        let path = match from.path.parent() {
            Some(parent) => parent.join(&include.filename),
            None => PathBuf::from(&include.filename),
        };
        let mut refuse = |what: String, help: Option<&str>| {
            let kind = SuiteErrorKind::Slt { what, help: help.map(str::to_owned) };
            converter.errors.push(kind.at(include.span.clone()));
        };
        if include.filename.contains(['*', '?', '[']) {
            return refuse(
                format!("`include {}` names no single file", include.filename),
                Some("name each file in an `include` of its own"),
            );
        }
        let real = real_path(&path);
        if self.including.contains(&real) {
            return refuse(format!("`{}` is being included already", include.filename), None);
        }
        if self.including.len() >= INCLUDE_DEPTH_MAX {
            return refuse(
                format!("files include each other more than {INCLUDE_DEPTH_MAX} deep"),
                None,
            );
        }
        let known = self.sources.iter().find(|it| *it.path == *path).map(Arc::clone);
        let source = match known.map_or_else(|| Source::read(&path).map(Arc::new), Ok) {
            Ok(it) => it,
            Err((None, errors)) => {
                // The file cannot be shown, so the place is the one that names it.
                for error in errors {
                    refuse(format!("`{}`: {}", include.filename, error.kind), None);
                }
                return;
            }
            Err((Some(source), errors)) => {
                self.sources.push(Arc::new(source));
                converter.errors.extend(errors);
                return;
            }
        };
        if !self.sources.iter().any(|it| Arc::ptr_eq(it, &source)) {
            self.sources.push(Arc::clone(&source));
        }
        self.including.push(real);
        self.file(&source, converter);
        self.including.pop();
    }
}

/// A place that is a whole line, or its part.
fn span_in_line(path: &Arc<Path>, line: usize, text: &str, part: &str) -> Span {
    let column = match part.is_empty() {
        true => 0,
        false => text.find(part).map_or(0, |at| text[..at].chars().count()),
    };
    let length = match part.is_empty() {
        true => text.trim_end().chars().count(),
        false => part.chars().count(),
    };
    Span::new(path, line, column + 1, length)
}
