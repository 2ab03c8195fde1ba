//! What goes before the crate's parser: lines as they are to lines as the crate can read them.
//!
//! Line for line, so that a line number of the crate is one of the file, less where its chunk
//! starts. Goes through lines exactly as the crate does; where the crate would read something else
//! than stands there, this is where it is mended or refused.
//!
//! A file is handed over in chunks of some kilobytes: parsing record by record costs more than the
//! records, and parsing at once gives only the first error.

use super::{
    annotation::{self, CaseNotes, Head, Position, Word},
    convert::CrateRecord,
    span_in_line,
};
use crate::suite::{
    Condition,
    error::{SuiteError, SuiteErrorKind},
    source::Source,
    span::Span,
    words,
};
use std::{collections::VecDeque, path::Path, sync::Arc};

/// Chunks end at the first record beyond this.
const CHUNK_BYTES: usize = 16 << 10;

/// What separates SQL from results.
const RESULTS: &str = "----";

/// Text for the crate, and what it does not carry.
#[derive(Debug, Default)]
pub struct Chunk<'a> {
    pub text: String,
    /// As it stands in the file, line for line.
    pub original: &'a str,
    /// The file's line that the text's first line is.
    pub first_line: usize,
    /// Where records start: offset in the text, line in the file.
    pub starts: Vec<(usize, usize)>,
    /// By line, in order.
    pub extras: Vec<(usize, Extra<'a>)>,
    /// How far the converter has come in `extras`.
    pub extras_used: usize,
    /// Errors in it, which it may hide from the crate or the crate from us.
    pub has_errors: bool,
    /// Records that were parsed and not yet converted, with the file's line that the text they
    /// were parsed from starts at.
    pub parsed: Option<VecDeque<(usize, std::vec::IntoIter<CrateRecord>)>>,
}

impl<'a> Chunk<'a> {
    /// What was taken out of a line.
    pub fn extra(&mut self, line: usize) -> Option<Extra<'a>> {
        while let Some((at, _)) = self.extras.get(self.extras_used) {
            if *at > line {
                return None;
            }
            self.extras_used += 1;
            if *at == line {
                return self.extras.get_mut(self.extras_used - 1).map(|(_, it)| it.take());
            }
        }
        None
    }

    fn clear(&mut self, first_line: usize) {
        self.text.clear();
        self.first_line = first_line;
        self.starts.clear();
        self.extras.clear();
        self.extras_used = 0;
        self.has_errors = false;
        self.parsed = None;
    }
}

/// Something that was taken out of a line.
#[derive(Debug, Default)]
pub enum Extra<'a> {
    /// The pattern behind `error`, and its place.
    Error {
        pattern: &'a str,
        span: Span,
    },
    Subtest(Box<Subtest>),
    #[default]
    Taken,
}

impl Extra<'_> {
    fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

/// A `subtest` line and the annotations below it.
#[derive(Debug)]
pub struct Subtest {
    pub id: Option<String>,
    pub name: String,
    pub span: Span,
    pub notes: CaseNotes,
}

#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    number: usize,
    /// Where it is in the file's text.
    start: usize,
}

impl Line<'_> {
    fn is_blank(&self) -> bool {
        // Most lines are not, and begin with what shows it.
        match self.text.as_bytes().first() {
            None => true,
            Some(it) if it.is_ascii_graphic() => false,
            Some(_) => self.text.trim().is_empty(),
        }
    }
}

pub struct Prepass<'a> {
    path: &'a Arc<Path>,
    text: &'a str,
    /// Where the next line starts.
    at: usize,
    /// The last line that was read.
    number: usize,
    peeked: Option<Line<'a>>,
    chunk: Chunk<'a>,
    /// Where the chunk starts in the file's text.
    chunk_at: usize,
    spare: Option<Chunk<'a>>,
    position: Position,
    /// Conditions that wait for their record, and the first one's place.
    conditions: Vec<Condition>,
    conditions_at: Option<Span>,
    /// Whether a `connection` waits for its record.
    has_connection: bool,
    /// The `subtest` that annotations belong to, in `chunk.extras`.
    subtest: Option<usize>,
    /// Whether the last line was, or went on with, a `doc` annotation.
    in_doc: bool,
    pub head: Head,
    pub errors: Vec<SuiteError>,
    pub halted: bool,
    is_done: bool,
}

impl<'a> Prepass<'a> {
    pub fn new(source: &'a Source, is_included: bool) -> Self {
        Self {
            path: &source.path,
            text: &source.text,
            at: 0,
            number: 0,
            peeked: None,
            chunk: Chunk { first_line: 1, ..Chunk::default() },
            chunk_at: 0,
            spare: None,
            // The head of an included file is not the suite's.
            position: if is_included { Position::Elsewhere } else { Position::Head },
            conditions: Vec::new(),
            conditions_at: None,
            has_connection: false,
            subtest: None,
            in_doc: false,
            head: Head::default(),
            errors: Vec::new(),
            halted: false,
            is_done: false,
        }
    }

    /// Gives a chunk's memory back.
    pub fn reuse(&mut self, chunk: Chunk<'a>) {
        self.spare = Some(chunk);
    }

    /// The next part of the file. The crate is not asked before all of it is known to be ours.
    pub fn next_chunk(&mut self) -> Option<Chunk<'a>> {
        if self.is_done {
            return None;
        }
        let errors_before = self.errors.len();
        while let Some(line) = self.next_line() {
            self.top(line);
            if self.halted {
                break;
            }
            // Annotations below a `subtest` go to its entry in this chunk.
            if self.chunk.text.len() >= CHUNK_BYTES
                && self.conditions_at.is_none()
                && !self.has_connection
                && self.subtest.is_none()
            {
                return Some(self.cut(errors_before));
            }
        }
        self.drop_conditions();
        self.is_done = true;
        Some(self.cut(errors_before))
    }

    fn cut(&mut self, errors_before: usize) -> Chunk<'a> {
        let mut next = self.spare.take().unwrap_or_default();
        next.clear(self.number + 1);
        let mut chunk = std::mem::replace(&mut self.chunk, next);
        chunk.has_errors = self.errors.len() > errors_before;
        let end = self.peeked.map_or(self.at, |it| it.start);
        chunk.original = &self.text[self.chunk_at..end];
        self.chunk_at = end;
        chunk
    }

    fn next_line(&mut self) -> Option<Line<'a>> {
        let line = self.peeked.take().or_else(|| self.read_line())?;
        self.number = line.number;
        Some(line)
    }

    fn peek_line(&mut self) -> Option<Line<'a>> {
        if self.peeked.is_none() {
            self.peeked = self.read_line();
        }
        self.peeked
    }

    fn read_line(&mut self) -> Option<Line<'a>> {
        let rest = self.text.get(self.at..).filter(|it| !it.is_empty())?;
        let (text, length) = match rest.find('\n') {
            Some(end) => (&rest[..end], end + 1),
            None => (rest, rest.len()),
        };
        let start = self.at;
        self.at += length;
        let text = text.strip_suffix('\r').unwrap_or(text);
        Some(Line { text, number: self.number + 1, start })
    }

    fn emit(&mut self, text: &str) {
        self.chunk.text.push_str(text);
        self.chunk.text.push('\n');
    }

    fn error(&mut self, span: Span, kind: SuiteErrorKind) {
        self.errors.push(kind.at(span));
    }

    fn refuse(&mut self, span: Span, what: impl Into<String>, help: &str) {
        self.error(span, SuiteErrorKind::Slt { what: what.into(), help: Some(help.to_owned()) });
    }

    fn span(&self, line: Line<'_>, part: &str) -> Span {
        span_in_line(self.path, line.number, line.text, part)
    }

    /// A line outside of records.
    fn top(&mut self, line: Line<'a>) {
        if line.is_blank() {
            self.in_doc = false;
            self.drop_conditions();
            return self.emit("");
        }
        let trimmed = line.text.trim_start();
        if trimmed.starts_with('#') {
            self.comment(line, trimmed);
            return self.emit("");
        }
        self.in_doc = false;
        if self.conditions_at.is_none() && !self.has_connection {
            self.chunk.starts.push((self.chunk.text.len(), line.number));
        }
        let (word, rest) = split_word(trimmed);
        if word != "subtest" {
            self.subtest = None;
            self.position = Position::Elsewhere;
        }
        match word {
            "statement" | "query" => self.record(line, word, rest),
            "skipif" | "onlyif" => self.condition(line, word, rest),
            "connection" => {
                self.has_connection = true;
                self.emit(line.text);
            }
            "let" => {
                self.emit(line.text);
                self.body(line, Body::Let);
            }
            "system" => {
                self.refuse(
                    self.span(line, word),
                    "`system` is not run",
                    "a suite cannot run commands of the machine that it is run on",
                );
                self.start_record();
                self.emit("");
                self.skip_record();
            }
            "subtest" => self.subtest(line, rest),
            "halt" => self.halt(line),
            "sleep" => {
                self.start_record();
                self.emit(line.text);
            }
            // What has no effect on the database cannot depend on it.
            "include" | "control" | "hash-threshold" => {
                self.drop_conditions();
                self.emit(line.text);
            }
            // The crate says so. The lines below it belong to it, and would be errors too.
            _ => {
                self.start_record();
                self.emit(line.text);
                self.skip_record();
            }
        }
    }

    fn comment(&mut self, line: Line<'a>, trimmed: &'a str) {
        let Some((word, value)) = annotation::split(trimmed) else {
            // Further lines of a text stand in from it.
            match trimmed.strip_prefix("#   ") {
                Some(more) if self.in_doc => self.doc(more.trim_end()),
                _ => self.in_doc = false,
            }
            return;
        };
        if let (true, Some(more)) = (self.in_doc, trimmed.strip_prefix("#   ")) {
            return self.doc(more.trim_end());
        }
        self.in_doc = false;
        match annotation::word(word, self.position) {
            Word::Comment => {}
            Word::Wrong(kind) => self.error(self.span(line, word), kind),
            Word::Known => self.annotation(line, word, value),
        }
    }

    fn annotation(&mut self, line: Line<'a>, word: &str, value: &'a str) {
        let span = match value {
            "" => self.span(line, word),
            _ => self.span(line, value),
        };
        if word == "doc" {
            self.in_doc = true;
            return self.doc(value);
        }
        let result = match word {
            "allow" => {
                annotation::allow(value, &span).map(|words| match (self.position, self.notes()) {
                    (_, Some(notes)) => notes.allow.extend(words),
                    (Position::Head, None) => self.head.allow.extend(words),
                    _ => self.head.allow_below.extend(words),
                })
            }
            "tags" | "use" | "needs" => {
                annotation::list(value, &span).map(|words| match (word, self.notes()) {
                    ("tags", Some(notes)) => {
                        notes.tags.extend(words.into_iter().map(|it| it.value))
                    }
                    ("needs", Some(notes)) => notes.needs.extend(words),
                    ("tags", None) => self.head.tags.extend(words.into_iter().map(|it| it.value)),
                    ("needs", None) => self.head.needs.extend(words),
                    _ => self.head.data.extend(words),
                })
            }
            "evidence" => annotation::evidence(value).map(|it| {
                if let Some(notes) = self.notes() {
                    notes.evidence = Some(it);
                }
            }),
            _ => annotation::only(value).map(|it| {
                if let Some(notes) = self.notes() {
                    notes.only = Some(it);
                }
            }),
        };
        if let Err(kind) = result {
            self.error(span, kind);
        }
    }

    /// Of the `subtest` that was read last; none at the head of the file.
    fn notes(&mut self) -> Option<&mut CaseNotes> {
        match self.chunk.extras.get_mut(self.subtest?) {
            Some((_, Extra::Subtest(subtest))) => Some(&mut subtest.notes),
            _ => None,
        }
    }

    fn doc(&mut self, text: &str) {
        let doc = match self.notes() {
            Some(notes) => notes.doc.get_or_insert_default(),
            None => &mut self.head.doc,
        };
        if !doc.is_empty() {
            doc.push('\n');
        }
        *doc += text;
    }

    fn condition(&mut self, line: Line<'a>, word: &str, rest: &'a str) {
        // SQLite's own files say why behind the label.
        let label = rest.split_once('#').map_or(rest, |(label, _)| label).trim();
        if self.conditions_at.is_none() {
            self.conditions_at = Some(self.span(line, ""));
        }
        let condition = match word {
            "onlyif" => Condition::OnlyIf(label.to_owned()),
            _ => Condition::SkipIf(label.to_owned()),
        };
        self.conditions.push(condition);
        self.chunk.text.push_str(word);
        self.chunk.text.push(' ');
        self.emit(label);
    }

    /// Conditions belong to the record on the next line; the crate would hand them on to whatever
    /// comes.
    fn drop_conditions(&mut self) {
        if let Some(span) = self.conditions_at.take() {
            self.conditions.clear();
            self.refuse(
                span,
                "the condition belongs to no record",
                "it stands right above `statement`, `query`, `let`, `sleep` or `halt`",
            );
        }
    }

    fn start_record(&mut self) {
        self.conditions.clear();
        self.conditions_at = None;
        self.has_connection = false;
    }

    fn subtest(&mut self, line: Line<'a>, rest: &'a str) {
        self.drop_conditions();
        self.position = Position::Case;
        let rest = rest.trim();
        let (first, name) = split_word(rest);
        let mut id = None;
        let mut name = match words::looks_like_id(first) {
            true => {
                match words::id(first) {
                    Ok(it) => id = Some(it),
                    Err(kind) => self.error(self.span(line, first), kind),
                }
                name.trim()
            }
            false => rest,
        };
        if name.is_empty() {
            self.refuse(
                self.span(line, ""),
                "`subtest` needs a name",
                "a sentence: `subtest L-09 an update is rejected`",
            );
            name = "without a name";
        }
        let subtest = Subtest {
            id,
            name: name.to_owned(),
            span: self.span(line, ""),
            notes: CaseNotes::default(),
        };
        self.subtest = Some(self.chunk.extras.len());
        self.chunk.extras.push((line.number, Extra::Subtest(Box::new(subtest))));
        self.emit("subtest x");
    }

    /// Ends the file where it always holds. Otherwise the converter has to know.
    fn halt(&mut self, line: Line<'a>) {
        if halts_always(&self.conditions) {
            // The conditions above it were handed over already, and wait for nothing.
            self.halted = true;
        }
        self.start_record();
        self.emit(line.text.trim());
    }

    fn record(&mut self, line: Line<'a>, word: &str, rest: &'a str) {
        let (kind, arguments) = split_word(rest.trim_start());
        if kind != "error" {
            self.emit(line.text);
            let body = match word {
                "statement" => Body::Statement,
                _ => Body::Query,
            };
            return self.body(line, body);
        }
        // The crate would take `retry` for a part of the pattern, collapse blanks in it, and
        // compile it together with a pattern of its own for each record.
        let (pattern, retry) = split_retry(arguments.trim());
        let retry = retry.unwrap_or("retry 1 backoff 0s");
        self.chunk.text.push_str(word);
        self.chunk.text.push_str(" error ");
        self.emit(retry);
        let span = self.span(line, pattern);
        self.chunk.extras.push((line.number, Extra::Error { pattern, span }));
        self.body(line, Body::Error { has_pattern: !pattern.is_empty() });
    }

    fn skip_record(&mut self) {
        while let Some(line) = self.next_line() {
            self.emit("");
            if line.is_blank() {
                return;
            }
        }
    }

    /// The lines of a record below its first.
    fn body(&mut self, header: Line<'a>, body: Body) {
        self.start_record();
        match self.peek_line() {
            Some(line) if !line.is_blank() && line.text.trim_end() != RESULTS => {}
            _ => {
                self.refuse(
                    self.span(header, ""),
                    "there is no SQL below this line",
                    "the statement begins on the next line",
                );
                return;
            }
        }
        while let Some(line) = self.next_line() {
            if line.is_blank() {
                return self.emit("");
            }
            if line.text.trim_end() != RESULTS {
                self.emit(line.text);
                continue;
            }
            self.emit(RESULTS);
            return match body {
                Body::Query => self.rows(),
                Body::Error { has_pattern: false } => self.message(),
                Body::Error { has_pattern: true } => {
                    self.refuse(
                        self.span(line, ""),
                        "the error is given twice, behind `error` and here",
                        "a pattern behind `error`, or the whole message here",
                    );
                    self.rows();
                }
                Body::Statement => {
                    self.refuse(
                        self.span(line, ""),
                        "a `statement` has no results",
                        "use `query` to compare rows",
                    );
                    self.rows();
                }
                Body::Let => {
                    self.refuse(
                        self.span(line, ""),
                        "a `let` has no results",
                        "it keeps what the query gives; compare it in a `query`",
                    );
                    self.rows();
                }
            };
        }
    }

    fn rows(&mut self) {
        while let Some(line) = self.next_line() {
            if line.is_blank() {
                return self.emit("");
            }
            self.emit(line.text);
        }
    }

    /// A message of several lines, which two blank lines end.
    fn message(&mut self) {
        let mut after_blank = false;
        while let Some(line) = self.next_line() {
            if line.is_blank() {
                self.emit("");
                if self.peek_line().is_none_or(|it| it.is_blank()) {
                    if self.next_line().is_some() {
                        self.emit("");
                    }
                    return;
                }
                after_blank = true;
                continue;
            }
            if after_blank && is_directive(line.text) {
                self.refuse(
                    self.span(line, ""),
                    "this would be a part of the error's message above",
                    "a message ends in two blank lines",
                );
                // Not the message, then: what is wrong with the record is of interest too.
                self.peeked = Some(line);
                self.number = line.number - 1;
                return;
            }
            after_blank = false;
            self.emit(line.text);
        }
    }
}

#[derive(Clone, Copy)]
enum Body {
    Statement,
    Query,
    Error { has_pattern: bool },
    Let,
}

fn split_word(text: &str) -> (&str, &str) {
    text.split_once(|it: char| it.is_ascii_whitespace()).unwrap_or((text, ""))
}

/// A pattern, and the `retry N backoff D` behind it.
fn split_retry(text: &str) -> (&str, Option<&str>) {
    let mut from = text.len();
    for expected in [None, Some("backoff"), None, Some("retry")] {
        let head = text[..from].trim_end();
        let start = head.rfind(|it: char| it.is_ascii_whitespace()).map_or(0, |at| at + 1);
        let word = &head[start..];
        if word.is_empty() || expected.is_some_and(|it| it != word) {
            return (text, None);
        }
        from = start;
    }
    (text[..from].trim_end(), Some(&text[from..]))
}

/// Whether a line could only be the start of a record.
fn is_directive(line: &str) -> bool {
    let words: Vec<&str> = line.split_ascii_whitespace().take(3).collect();
    matches!(
        words.as_slice(),
        ["statement", "ok" | "error" | "count", ..]
            | ["query", ..]
            | ["skipif" | "onlyif" | "connection" | "subtest" | "include" | "sleep", _, ..]
            | ["control" | "hash-threshold" | "let" | "system", _, ..]
            | ["halt"]
    )
}

/// Whether a condition can hold on one of our targets, and on another not.
pub fn is_label(label: &str) -> bool {
    ["live", "emulator", "replay"].contains(&label)
        || crate::suite::Release::ALL.iter().any(|it| it.name() == label)
}

/// Whether it holds on every target.
pub fn holds_always(condition: &Condition) -> bool {
    match condition {
        Condition::OnlyIf(label) => Condition::ALWAYS.contains(&label.as_str()),
        Condition::SkipIf(label) => {
            !Condition::ALWAYS.contains(&label.as_str()) && !is_label(label)
        }
    }
}

fn halts_always(conditions: &[Condition]) -> bool {
    conditions.iter().all(holds_always)
}
