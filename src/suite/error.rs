//! What can be wrong with a suite, and how it is shown.
//!
//! `Display` is one line that terminals and editors make clickable. `render` adds the line, a mark
//! below it and what the author can do. One text per error, the same on a terminal and in a log.

use super::{source::Source, span::Span, words::listed};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    path::Path,
    sync::Arc,
};

/// Something wrong with a suite, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{span}: {kind}")]
pub struct SuiteError {
    pub span: Span,
    pub kind: SuiteErrorKind,
}

/// What is wrong. Texts in it are as the author wrote them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuiteErrorKind {
    // Files.
    #[error("no such file or folder")]
    NotFound,
    #[error("cannot be read: {cause}")]
    Unreadable { cause: String },
    #[error("neither a file nor a folder")]
    NotAFile,
    #[error("not a suite: its name ends in neither `.slt` nor `.yaml`")]
    UnknownFormat,
    #[error("no suites in this folder")]
    NothingFound,
    #[error("the path is not UTF-8")]
    PathNotUtf8,
    #[error("not UTF-8: byte {offset} of the file")]
    NotUtf8 { offset: usize },
    #[error("too large: {bytes} bytes, at most {bytes_max} are read")]
    TooLarge { bytes: u64, bytes_max: u64 },
    #[error("line too long: {bytes} bytes, at most {bytes_max} are read")]
    LineTooLong { bytes: usize, bytes_max: usize },
    #[error("control character U+{code:04X}")]
    ControlCharacter { code: u32 },
    #[error("carriage return in the middle of a line")]
    LoneCarriageReturn,
    #[error("{what} `{name}` is already {}", first)]
    NameTaken { what: &'static str, name: String, first: Span },

    // Both formats.
    #[error("unknown {what} `{found}`")]
    Unknown { what: &'static str, found: String, nearest: Option<String>, known: Vec<String> },
    #[error("`{found}` is not {wanted}")]
    BadValue { wanted: &'static str, found: String, help: String },
    #[error("`{pattern}` is not a regular expression: {cause}")]
    BadRegex { pattern: String, cause: String },
    #[error("the name `{name}` is taken by the case in line {first_line}")]
    CaseNameTaken { name: String, first_line: usize },
    #[error("the case has no steps")]
    NoSteps,
    #[error("row {row} has {cells}, and not {width} as {than}")]
    RowWidth { row: usize, cells: String, width: usize, than: String },
    #[error("{what} has {found}, and {than} has {width}")]
    WidthsDiffer { what: &'static str, found: String, than: &'static str, width: usize },

    // YAML.
    #[error("not YAML: {cause}")]
    NotYaml { cause: String },
    #[error("nested more than {depth_max} deep")]
    TooDeep { depth_max: usize },
    #[error("more than {nodes_max} values once aliases are expanded")]
    TooManyNodes { nodes_max: usize },
    #[error("the alias is inside of what it stands for")]
    AliasInItself,
    #[error("the tag `{tag}` means nothing here")]
    Tag { tag: String },
    #[error("a second document in one file")]
    SecondDocument,
    #[error("a key that is not a text")]
    KeyNotText,
    #[error("`{key}` is given twice, first in line {first_line}")]
    KeyTwice { key: String, first_line: usize },
    #[error("expected {wanted}, found {found}")]
    WrongType { wanted: String, found: &'static str, help: Option<String> },
    #[error("{of} needs `{key}`")]
    MissingKey { of: &'static str, key: &'static str, help: Option<String> },
    #[error("`{key}` does not go with `{other}`")]
    KeysConflict { key: String, other: String, help: Option<String> },
    #[error("no release is left for this expectation")]
    NoReleaseLeft,
    #[error("`{release}` has an expectation already, in line {first_line}")]
    ReleaseTwice { release: String, first_line: usize },
    #[error("the pins of a suite that is not there")]
    PinsOfNoSuite,
    #[error("nothing is unverified in step {step} on {release}")]
    StalePin { step: usize, release: String },
    #[error("nothing is expected on {releases}")]
    ReleasesMissing { releases: String },

    // SLT.
    #[error("{what}")]
    Slt { what: String, help: Option<String> },

    // What a file leads to.
    #[error("the connection cannot be used: {cause}")]
    Connection { cause: String, help: Option<String> },
}

impl SuiteErrorKind {
    pub fn at(self, span: Span) -> SuiteError {
        SuiteError { span, kind: self }
    }

    /// What the author of the suite can do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NotFound
            | Self::Unreadable { .. }
            | Self::NotAFile
            | Self::PathNotUtf8
            | Self::NotYaml { .. }
            | Self::TooDeep { .. }
            | Self::AliasInItself
            | Self::KeyNotText => None,
            Self::UnknownFormat => Some("`.yml` is read too".to_owned()),
            Self::NothingFound => Some("suites end in `.slt` or `.yaml`".to_owned()),
            Self::NotUtf8 { .. } => Some("save the file as UTF-8".to_owned()),
            Self::TooLarge { .. } => Some("split it into several suites".to_owned()),
            Self::LineTooLong { .. } => {
                Some("a server refuses statements of more than a megabyte".to_owned())
            }
            Self::ControlCharacter { .. } => {
                Some("write it in SQL, as `CHR(7)`, or in a YAML text, as `\"\\a\"`".to_owned())
            }
            Self::LoneCarriageReturn => Some("end lines in a line feed, or in both".to_owned()),
            Self::NameTaken { .. } => Some("rename one of the two".to_owned()),
            Self::Unknown { nearest: Some(nearest), .. } => {
                Some(format!("did you mean `{nearest}`?"))
            }
            Self::Unknown { nearest: None, known, .. } => match known.is_empty() {
                true => None,
                false => Some(format!("there are {}", listed(known))),
            },
            Self::BadValue { help, .. } => Some(help.clone()),
            Self::BadRegex { .. } => {
                Some("put a backslash before `.[]{}()*+?|^$` to mean the character".to_owned())
            }
            Self::CaseNameTaken { .. } => {
                Some("names are unique within a suite, since results are kept by name".to_owned())
            }
            Self::NoSteps => Some("a case without steps would always pass".to_owned()),
            Self::RowWidth { .. } | Self::WidthsDiffer { .. } => None,
            Self::TooManyNodes { .. } => Some("aliases of aliases multiply".to_owned()),
            Self::Tag { .. } => Some("quote the value if it begins with `!`".to_owned()),
            Self::SecondDocument => Some("one suite, one file".to_owned()),
            Self::KeyTwice { .. } => Some("remove one of the two".to_owned()),
            Self::WrongType { help, .. }
            | Self::MissingKey { help, .. }
            | Self::KeysConflict { help, .. }
            | Self::Slt { help, .. }
            | Self::Connection { help, .. } => help.clone(),
            Self::PinsOfNoSuite => {
                Some("rename it as its suite was renamed, or remove it".to_owned())
            }
            Self::StalePin { .. } => Some("remove the pin: nothing is held to it".to_owned()),
            Self::NoReleaseLeft => {
                Some("the expectations before it are for every release already".to_owned())
            }
            Self::ReleaseTwice { .. } => Some("the sets of a list must not overlap".to_owned()),
            Self::ReleasesMissing { .. } => {
                Some("add an expectation for them, or skip the case there with `only`".to_owned())
            }
        }
    }
}

/// Characters of a line that are shown at most, so that a statement of a megabyte in one line
/// does not fill the terminal.
const SHOWN_MAX: usize = 120;

impl SuiteError {
    /// The error, and the line it is about if there is one. `source` is the whole file.
    pub fn render(&self, source: Option<&Source>) -> String {
        self.render_over(source.and_then(|it| it.line(self.span.line)))
    }

    fn render_over(&self, text: Option<&str>) -> String {
        excerpt(self, &self.span, text, self.kind.help().as_deref())
    }
}

/// One line on what is wrong, the line it is about with a mark below it, and what to do.
pub(super) fn excerpt(
    what: &impl fmt::Display,
    span: &Span,
    text: Option<&str>,
    help: Option<&str>,
) -> String {
    let Span { line, column, length, .. } = *span;
    let gutter = " ".repeat(line.to_string().len());
    let mut out = format!("{what}\n");
    if let Some(text) = text {
        let (shown, column, length) = window(text, column, length);
        let mark = format!("{}{}", " ".repeat(column - 1), "^".repeat(length));
        let shown = shown.trim_end();
        out += &match shown {
            "" => format!("{gutter} |\n{line} |\n{gutter} | {mark}\n"),
            _ => format!("{gutter} |\n{line} | {shown}\n{gutter} | {mark}\n"),
        };
    }
    if let Some(help) = help {
        out += &format!("{gutter} = help: {help}\n");
    }
    out
}

/// By file, line and column, each once: an alias shows the same mistake in each place that uses
/// it.
pub(super) fn sorted<T: PartialEq>(mut all: Vec<T>, span: impl Fn(&T) -> &Span) -> Vec<T> {
    all.sort_by(|a, b| {
        let (a, b) = (span(a), span(b));
        a.file.cmp(&b.file).then((a.line, a.column).cmp(&(b.line, b.column)))
    });
    all.dedup();
    all
}

/// The part of a line round a place, and the place in it: column from 1, length at least 1.
fn window(line: &str, column: usize, length: usize) -> (String, usize, usize) {
    // A tab takes one column here, as it does in a span.
    // What is far behind the place is not even looked at: a line may have a hundred megabytes.
    let near = line.chars().take(column.saturating_add(2 * SHOWN_MAX));
    let chars: Vec<char> = near.map(|it| if it == '\t' { ' ' } else { it }).collect();
    let column = column.clamp(1, chars.len() + 1);
    let length = length.clamp(1, (chars.len() + 1 - column).max(1));
    if chars.len() <= SHOWN_MAX {
        return (chars.into_iter().collect(), column, length);
    }
    let from = (column - 1).saturating_sub(SHOWN_MAX / 3).min(chars.len() - SHOWN_MAX);
    let to = from + SHOWN_MAX;
    let mut shown = String::new();
    if from > 0 {
        shown += "…";
    }
    shown.extend(&chars[from..to]);
    if to < chars.len() {
        shown += "…";
    }
    let column = column - from + usize::from(from > 0);
    (shown, column, length.min(SHOWN_MAX.saturating_sub(column - 1).max(1)))
}

/// All that is wrong with all files that were looked at.
#[derive(Clone, Debug, Default)]
pub struct SuiteErrors {
    /// By file, line and column. Never empty.
    pub errors: Vec<SuiteError>,
    /// The files they are in, where they could be read.
    pub sources: Vec<Arc<Source>>,
}

impl SuiteErrors {
    pub fn new(errors: Vec<SuiteError>, sources: Vec<Arc<Source>>) -> Self {
        let errors = sorted(errors, |it| &it.span);
        let files: HashSet<&Arc<Path>> = errors.iter().map(|it| &it.span.file).collect();
        let sources = sources.into_iter().filter(|it| files.contains(&it.path)).collect();
        Self { errors, sources }
    }
}

/// Every error with its source line, a blank line between them.
impl fmt::Display for SuiteErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Files can be long, and so can the list of errors.
        let lines: HashMap<&Path, Vec<&str>> =
            self.sources.iter().map(|it| (&*it.path, it.text.lines().collect())).collect();
        for (at, error) in self.errors.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            let Span { file, line, .. } = &error.span;
            let text =
                line.checked_sub(1).and_then(|index| lines.get(&**file)?.get(index).copied());
            f.write_str(&error.render_over(text))?;
        }
        Ok(())
    }
}

impl std::error::Error for SuiteErrors {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[track_caller]
    fn check(text: &str, (line, column, length): (usize, usize, usize), expected: &str) {
        let source = Source::new(PathBuf::from("t.slt"), text.to_owned());
        let error = SuiteErrorKind::Unknown {
            what: "directive",
            found: "statment".to_owned(),
            nearest: Some("statement".to_owned()),
            known: Vec::new(),
        }
        .at(Span::new(&source.path, line, column, length));
        assert_eq!(error.render(Some(&source)), expected);
    }

    #[test]
    fn an_error_is_shown_over_its_line() {
        check(
            "\nstatment ok\n",
            (2, 1, 8),
            "t.slt:2:1: unknown directive `statment`\n  |\n2 | statment ok\n  | ^^^^^^^^\n  = help: did you mean `statement`?\n",
        );
    }

    #[test]
    fn a_mark_does_not_leave_its_line() {
        check(
            "ab\tc",
            (1, 4, 50),
            "t.slt:1:4: unknown directive `statment`\n  |\n1 | ab c\n  |    ^\n  = help: did you mean `statement`?\n",
        );
        check(
            "",
            (1, 9, 0),
            "t.slt:1:9: unknown directive `statment`\n  = help: did you mean `statement`?\n",
        );
    }

    #[test]
    fn a_long_line_is_cut_round_the_place() {
        let line = format!("{}statment{}", "x".repeat(500), "y".repeat(500));
        let source = Source::new(PathBuf::from("t.slt"), line);
        let error = SuiteErrorKind::NothingFound.at(Span::new(&source.path, 1, 501, 8));
        let text = error.render(Some(&source));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2].chars().count(), 4 + 122, "{text}");
        let at = lines[3].find('^').unwrap();
        let shown: String = lines[2].chars().skip(at).take(8).collect();
        assert_eq!(shown, "statment");
    }

    #[test]
    fn the_mark_is_in_what_is_shown_of_a_long_line() {
        let line = format!("a{}", "é".repeat(5_000_000));
        let (shown, column, length) = window(&line, 1, 1);
        assert_eq!((shown.chars().count(), column, length), (SHOWN_MAX + 1, 1, 1));
        let (shown, column, length) = window(&line, usize::MAX, 1);
        assert_eq!((shown.chars().count(), column, length), (SHOWN_MAX + 1, SHOWN_MAX + 2, 1));
    }

    #[test]
    fn a_file_as_a_whole_has_no_line() {
        let error = SuiteErrorKind::NotFound.at(Span::of_file(PathBuf::from("suites/nope")));
        assert_eq!(error.render(None), "suites/nope: no such file or folder\n");
    }
}
