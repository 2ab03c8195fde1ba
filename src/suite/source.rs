//! Reading suite files, with bounds on what is read. What is in them is not looked at here.

use super::{
    error::{SuiteError, SuiteErrorKind},
    span::Span,
};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The greatest file that is read. The greatest of the SQLite corpus has about 40 MB.
pub const FILE_BYTES_MAX: u64 = 128 << 20;

/// The longest line that is read. Snowflake refuses statements above 1 MB.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// A file that was read: text without byte order mark, control characters and overlong lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub path: Arc<Path>,
    pub text: String,
}

impl Source {
    /// Takes a text as it is.
    pub fn new(path: impl Into<PathBuf>, text: String) -> Self {
        Self { path: path.into().into(), text }
    }

    /// Takes a text if it can be a suite, and says what is wrong with it otherwise.
    pub fn checked(path: impl Into<PathBuf>, mut text: String) -> (Self, Vec<SuiteError>) {
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let source = Self::new(path, text);
        let errors = source.check();
        (source, errors)
    }

    /// Reads a file. The errors are such that parsing it would be of no use.
    pub fn read(path: &Path) -> Result<Self, (Option<Self>, Vec<SuiteError>)> {
        let bytes = read_bytes(path)
            .map_err(|kind| (None, vec![kind.at(Span::of_file(path.to_owned()))]))?;
        let text = String::from_utf8(bytes).map_err(|err| {
            let kind = SuiteErrorKind::NotUtf8 { offset: err.utf8_error().valid_up_to() };
            (None, vec![kind.at(Span::of_file(path.to_owned()))])
        })?;
        let (source, errors) = Self::checked(path, text);
        match errors.is_empty() {
            true => Ok(source),
            false => Err((Some(source), errors)),
        }
    }

    /// A line, from 1, without its end.
    pub fn line(&self, line: usize) -> Option<&str> {
        self.text.lines().nth(line.checked_sub(1)?)
    }

    /// Characters that would make the two formats see other lines than an editor does, and lines
    /// that no server would accept.
    fn check(&self) -> Vec<SuiteError> {
        let bytes = self.text.as_bytes();
        let is_bad = |it: &u8| *it < b' ' && *it != b'\n' && *it != b'\t' || *it == 0x7f;
        let mut errors = Vec::new();
        // Carriage returns are looked at with care only where there are any.
        let suspicious = bytes.iter().any(is_bad);
        if !suspicious && !has_long_line(bytes) {
            return errors;
        }
        for (index, line) in self.text.split('\n').enumerate() {
            let mut error = |column: usize, length: usize, kind: SuiteErrorKind| {
                errors.push(kind.at(Span::new(&self.path, index + 1, column, length)));
            };
            if line.len() > LINE_BYTES_MAX {
                let kind =
                    SuiteErrorKind::LineTooLong { bytes: line.len(), bytes_max: LINE_BYTES_MAX };
                error(1, 1, kind);
                continue;
            }
            if !suspicious {
                continue;
            }
            let line = line.strip_suffix('\r').unwrap_or(line);
            if let Some(at) = line.bytes().position(|it| is_bad(&it)) {
                let column = line[..at].chars().count() + 1;
                let kind = match line.as_bytes()[at] {
                    b'\r' => SuiteErrorKind::LoneCarriageReturn,
                    code => SuiteErrorKind::ControlCharacter { code: u32::from(code) },
                };
                error(column, 1, kind);
            }
        }
        errors
    }
}

/// Whether a line may be longer than is read. Looks at few of the bytes.
fn has_long_line(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while rest.len() > LINE_BYTES_MAX {
        match rest[..=LINE_BYTES_MAX].iter().rposition(|it| *it == b'\n') {
            None => return true,
            Some(end) => rest = &rest[end + 1..],
        }
    }
    false
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, SuiteErrorKind> {
    let unreadable = |err: io::Error| match err.kind() {
        io::ErrorKind::NotFound => SuiteErrorKind::NotFound,
        _ => SuiteErrorKind::Unreadable { cause: err.to_string() },
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    // A pipe would be waited for, and a device has no end.
    if !metadata.is_file() {
        return Err(SuiteErrorKind::NotAFile);
    }
    let too_large = |bytes| SuiteErrorKind::TooLarge { bytes, bytes_max: FILE_BYTES_MAX };
    if metadata.len() > FILE_BYTES_MAX {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    // It may grow while it is read, and what is in `/proc` has no length.
    let mut limited = File::open(path).map_err(unreadable)?.take(FILE_BYTES_MAX + 1);
    limited.read_to_end(&mut bytes).map_err(unreadable)?;
    match bytes.len() as u64 {
        bytes_found if bytes_found > FILE_BYTES_MAX => Err(too_large(bytes_found)),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let (_, errors) = Source::checked("t.slt", text.to_owned());
        let actual: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(actual.join("\n"), expected);
    }

    #[test]
    fn ordinary_text_is_taken() {
        check("a\r\nb\tc\nü\n", "");
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        let (source, errors) = Source::checked("t.slt", "\u{feff}halt\n".to_owned());
        assert_eq!((source.text.as_str(), errors.len()), ("halt\n", 0));
    }

    #[test]
    fn control_characters_are_named() {
        check(
            "a\nüb\u{0}c\n\u{1b}[1m\na\rb\r\n",
            "t.slt:2:3: control character U+0000\n\
             t.slt:3:1: control character U+001B\n\
             t.slt:4:2: carriage return in the middle of a line",
        );
    }

    #[test]
    fn a_line_of_a_hundred_megabytes_is_refused() {
        let text = format!("ok\n{}\nok\n", "x".repeat(100 << 20));
        check(&text, "t.slt:2:1: line too long: 104857600 bytes, at most 1048576 are read");
    }
}
