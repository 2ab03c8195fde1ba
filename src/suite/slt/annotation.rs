//! What suites say in comments, so that other runners can read them too: `# tags: limits, dml`.

use crate::suite::{
    Evidence, Only,
    error::SuiteErrorKind,
    span::{Span, Spanned},
    words::{self, bad},
};

/// Annotations of a whole file.
#[derive(Debug, Default)]
pub struct Head {
    pub doc: String,
    pub tags: Vec<String>,
    pub data: Vec<Spanned<String>>,
    pub needs: Vec<Spanned<String>>,
    pub allow: Vec<Spanned<String>>,
    /// Of the record that follows each of them.
    pub allow_below: Vec<Spanned<String>>,
}

impl Head {
    pub fn merge(&mut self, other: Self) {
        if self.doc.is_empty() {
            self.doc = other.doc;
        }
        self.tags.extend(other.tags);
        self.data.extend(other.data);
        self.needs.extend(other.needs);
        self.allow.extend(other.allow);
        self.allow_below.extend(other.allow_below);
    }
}

/// Annotations of a case.
#[derive(Debug, Default)]
pub struct CaseNotes {
    pub doc: Option<String>,
    pub tags: Vec<String>,
    pub needs: Vec<Spanned<String>>,
    pub allow: Vec<Spanned<String>>,
    pub evidence: Option<(Evidence, Option<String>)>,
    pub only: Option<Only>,
}

/// Where a comment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Before anything but comments.
    Head,
    /// Behind a `subtest` line, before its first record.
    Case,
    Elsewhere,
}

const HEAD_WORDS: [&str; 5] = ["doc", "tags", "use", "needs", "allow"];
const CASE_WORDS: [&str; 6] = ["doc", "tags", "needs", "allow", "evidence", "only"];

/// The word before the colon of a comment, and what is behind it: `# tags: a`.
pub fn split(comment: &str) -> Option<(&str, &str)> {
    let text = comment.trim_start_matches('#').strip_prefix(' ')?;
    let (word, value) = text.split_once(':')?;
    let is_word = !word.is_empty() && word.bytes().all(|it| it.is_ascii_lowercase());
    // `# see: x` is one, `# http://…` is not.
    (is_word && (value.is_empty() || value.starts_with(' '))).then_some((word, value.trim()))
}

/// What a comment's first word is.
pub enum Word {
    /// An annotation that may stand here.
    Known,
    /// Some comment.
    Comment,
    Wrong(SuiteErrorKind),
}

pub fn word(word: &str, position: Position) -> Word {
    let slt = |what: String, help: &str| {
        Word::Wrong(SuiteErrorKind::Slt { what, help: Some(help.to_owned()) })
    };
    let (here, there) = match position {
        Position::Head => (&HEAD_WORDS[..], &CASE_WORDS[..]),
        Position::Case => (&CASE_WORDS[..], &HEAD_WORDS[..]),
        // What looks like one further down is the comment of some other project, unless only
        // this one has the word and would read it elsewhere.
        Position::Elsewhere => {
            return match word {
                "allow" => Word::Known,
                "evidence" | "only" => slt(
                    format!("`# {word}:` has no effect here"),
                    "it stands below `subtest`, before the first record",
                ),
                _ => Word::Comment,
            };
        }
    };
    if here.contains(&word) {
        return Word::Known;
    }
    if there.contains(&word) {
        let help = match position {
            Position::Head => "it stands below `subtest`, before the first record",
            Position::Case | Position::Elsewhere => "it stands at the head of the file",
        };
        return slt(format!("`# {word}:` has no effect here"), help);
    }
    match near_miss(word, here) {
        Some(nearest) => Word::Wrong(SuiteErrorKind::Unknown {
            what: "annotation",
            found: word.to_owned(),
            nearest: Some(nearest.to_owned()),
            known: Vec::new(),
        }),
        None => Word::Comment,
    }
}

/// An annotation that was meant. Stricter than for keys, as any word may begin a comment: `user`
/// is none of them.
fn near_miss<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known.iter().copied().find(|it| match it.len() {
        0..=3 => word.strip_suffix('s') == Some(it) || is_transposed(word, it),
        4..=6 => strsim::osa_distance(word, it) <= 1,
        _ => strsim::osa_distance(word, it) <= 2,
    })
}

fn is_transposed(word: &str, of: &str) -> bool {
    word.len() == of.len() && strsim::osa_distance(word, of) == 1 && {
        let sorted = |it: &str| {
            let mut bytes = it.as_bytes().to_vec();
            bytes.sort_unstable();
            bytes
        };
        sorted(word) == sorted(of)
    }
}

/// `a, b` or `a b`
pub fn list(value: &str, span: &Span) -> Result<Vec<Spanned<String>>, SuiteErrorKind> {
    let words: Vec<Spanned<String>> = value
        .split([',', ' '])
        .filter(|it| !it.is_empty())
        .map(|it| Spanned { value: it.to_owned(), span: span.clone() })
        .collect();
    match words.is_empty() {
        true => Err(SuiteErrorKind::Slt {
            what: "the annotation has no value".to_owned(),
            help: Some("write words with commas between them".to_owned()),
        }),
        false => Ok(words),
    }
}

/// `unordered-rows (REASON)`: names of lint rules. The reason is for readers.
pub fn allow(value: &str, span: &Span) -> Result<Vec<Spanned<String>>, SuiteErrorKind> {
    let (rules, _) = with_parentheses(value)?;
    list(rules, span)
}

/// `documented (docs: interactive tables)` in its two parts.
fn with_parentheses(value: &str) -> Result<(&str, Option<&str>), SuiteErrorKind> {
    match value.split_once('(') {
        None => Ok((value.trim(), None)),
        Some((word, rest)) => match rest.trim_end().strip_suffix(')') {
            Some(inner) => Ok((word.trim(), Some(inner.trim()).filter(|it| !it.is_empty()))),
            None => Err(SuiteErrorKind::Slt {
                what: "a parenthesis is not closed".to_owned(),
                help: Some("an annotation is one line".to_owned()),
            }),
        },
    }
}

/// `documented (SOURCE)`
pub fn evidence(value: &str) -> Result<(Evidence, Option<String>), SuiteErrorKind> {
    let (word, source) = with_parentheses(value)?;
    Ok((words::evidence(word)?, source.map(str::to_owned)))
}

/// `fallback.. (REASON)`
pub fn only(value: &str) -> Result<Only, SuiteErrorKind> {
    let (releases, reason) = with_parentheses(value)?;
    let Some(reason) = reason else {
        return Err(bad(
            "releases and a reason",
            value,
            "the reason is shown where the case is skipped: `fallback.. (it came with fallback)`",
        ));
    };
    let mut set = Vec::new();
    for word in releases.split([',', ' ']).filter(|it| !it.is_empty()) {
        set.extend(words::releases(word)?.0);
    }
    set.sort_unstable();
    set.dedup();
    if set.is_empty() {
        return Err(bad("releases and a reason", value, "such as `fallback.. (REASON)`"));
    }
    Ok(Only { releases: crate::suite::ReleaseSet(set), reason: reason.to_owned() })
}
