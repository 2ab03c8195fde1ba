//! The crate's records to steps.

use super::{
    annotation::Head,
    crate_error,
    prepass::{Chunk, Extra, Subtest, holds_always, is_label},
    results::{self, ResultMode},
};
use crate::suite::{
    Action, Condition, Evidence, Expect, Expectation, ExpectedRefusal, ExpectedRows, MessageMatch,
    RowsExpected, Sort, Step,
    error::{SuiteError, SuiteErrorKind},
    span::Span,
    words::{self, STANDARD, bad},
};
use sqllogictest::{
    ColumnType, Condition as CrateCondition, Connection, Control, ExpectedError, QueryExpect,
    Record, ResultMode as CrateResultMode, RetryConfig, SortMode, StatementExpect,
};
use std::{
    collections::{HashSet, VecDeque},
    path::Path,
    sync::Arc,
    time::Duration,
};

/// About how much text a step has, in files that are large enough for it to matter.
const STEP_BYTES: usize = 64;

/// A column's letter, as it is written. The crate's own type forgets all but three of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Letter(char);

impl ColumnType for Letter {
    fn from_char(value: char) -> Option<Self> {
        words::TYPE_LETTERS.contains(value).then_some(Self(value))
    }

    fn to_char(&self) -> char {
        self.0
    }
}

pub type CrateRecord = Record<Letter>;

/// An `include` that was come upon. What it names has to be converted before going on.
pub struct Include {
    pub filename: String,
    pub span: Span,
}

pub struct Converter {
    file: Arc<Path>,
    /// The crate wants a name for each text; nobody sees it.
    crate_name: Arc<str>,
    pub head: Head,
    /// Each in a vector of its own: in most large files each is a case, which takes it as it is.
    pub steps: Vec<Vec<Step>>,
    /// Before which step each `subtest` stands.
    pub subtests: Vec<(usize, Subtest)>,
    pub errors: Vec<SuiteError>,
    pub halted: bool,
    sort: Sort,
    result_mode: ResultMode,
    /// Conditions that wait for their record.
    pending: Vec<Condition>,
    /// What conditional halts leave for the steps after them.
    after_halts: Vec<Condition>,
    /// Patterns that are known to compile. They are repeated a lot, and compiling is slow.
    patterns: HashSet<String>,
}

impl Converter {
    pub fn new() -> Self {
        Self {
            file: Arc::from(Path::new("")),
            crate_name: Arc::from(""),
            head: Head::default(),
            steps: Vec::new(),
            subtests: Vec::new(),
            errors: Vec::new(),
            halted: false,
            sort: Sort::None,
            result_mode: ResultMode::Either,
            pending: Vec::new(),
            after_halts: Vec::new(),
            patterns: HashSet::new(),
        }
    }

    /// The file that the next chunk is of.
    pub fn start_file(&mut self, path: &Arc<Path>) {
        self.file = Arc::clone(path);
    }

    /// Makes room for the steps of a text of this length. Untouched room costs nothing.
    pub fn expect_text(&mut self, bytes: usize) {
        self.steps.reserve(bytes / STEP_BYTES);
    }

    /// Converts a chunk up to its next `include`, and goes on behind it when called again.
    pub fn chunk(&mut self, chunk: &mut Chunk<'_>) -> Option<Include> {
        let mut parsed = match chunk.parsed.take() {
            Some(it) => it,
            None => self.parse(chunk),
        };
        while let Some((first_line, records)) = parsed.front_mut() {
            let first_line = *first_line;
            match records.next() {
                None => {
                    parsed.pop_front();
                }
                Some(Record::Include { loc, filename }) => {
                    let line = first_line + loc.line() as usize - 1;
                    let span = Span::new(&self.file, line, 1, "include ".len() + filename.len());
                    chunk.parsed = Some(parsed);
                    return Some(Include { filename, span });
                }
                Some(record) => self.record(record, first_line, chunk),
            }
        }
        None
    }

    /// The chunk at once, or record by record where there is something wrong with it.
    fn parse(&mut self, chunk: &Chunk<'_>) -> VecDeque<(usize, std::vec::IntoIter<CrateRecord>)> {
        if !chunk.has_errors
            && let Ok(records) =
                sqllogictest::parse_with_name(&chunk.text, Arc::clone(&self.crate_name))
        {
            return VecDeque::from([(chunk.first_line, records.into_iter())]);
        }
        let mut parsed = VecDeque::new();
        let ends = chunk.starts.iter().skip(1).map(|(at, _)| *at).chain([chunk.text.len()]);
        for (&(start, line), end) in chunk.starts.iter().zip(ends) {
            let text = &chunk.text[start..end];
            match sqllogictest::parse_with_name(text, Arc::clone(&self.crate_name)) {
                Ok(records) => parsed.push_back((line, records.into_iter())),
                Err(err) => {
                    self.errors.extend(crate_error::translate(&err, chunk, line, &self.file))
                }
            }
        }
        parsed
    }

    fn record(&mut self, record: CrateRecord, first_line: usize, chunk: &mut Chunk<'_>) {
        let line_of = |loc: &sqllogictest::Location| first_line + loc.line() as usize - 1;
        match record {
            Record::Newline | Record::Comment(_) | Record::Connection(_) => {}
            Record::Statement { loc, connection, sql, expected, retry, .. } => {
                let line = line_of(&loc);
                let extra = chunk.extra(line);
                let outcome = match expected {
                    StatementExpect::Ok => Expect::Ok,
                    StatementExpect::Count(count) => Expect::Affected(count),
                    StatementExpect::Error(error) => Expect::Refused(self.refusal(error, extra)),
                };
                let span = Span::new(&self.file, line, 1, 0);
                self.step(line, connection, sql, retry, span, outcome);
            }
            Record::Query { loc, connection, sql, expected, retry, .. } => {
                let line = line_of(&loc);
                let extra = chunk.extra(line);
                let mut span = Span::new(&self.file, line, 1, 0);
                let outcome = match expected {
                    QueryExpect::Error(error) => Expect::Refused(self.refusal(error, extra)),
                    QueryExpect::Results { types, sort_mode, label, results, .. } => {
                        let results_line = line + 2 + line_count(&sql);
                        if !results.is_empty() {
                            span.line = results_line;
                        }
                        let header = QueryHeader { line, types, sort_mode, label };
                        Expect::Rows(self.rows(header, results, results_line))
                    }
                };
                self.step(line, connection, sql, retry, span, outcome);
            }
            Record::Let { loc, connection, variables, sql, .. } => {
                self.let_step(line_of(&loc), connection, &variables, sql);
            }
            Record::Sleep { loc, duration } => {
                let span = Span::new(&self.file, line_of(&loc), 1, 0);
                let when = self.conditions();
                self.steps.push(vec![Step {
                    expect: vec![expectation(span.clone(), Expect::Ok)],
                    span,
                    session: STANDARD.to_owned(),
                    action: Action::Sleep(duration),
                    within: None,
                    takes: None,
                    save: None,
                    unchanged: Vec::new(),
                    allow: Vec::new(),
                    when,
                }]);
            }
            Record::Subtest { loc, .. } => {
                self.pending.clear();
                if let Some(Extra::Subtest(subtest)) = chunk.extra(line_of(&loc)) {
                    self.subtests.push((self.steps.len(), *subtest));
                }
            }
            Record::Halt { loc } => self.halt(line_of(&loc)),
            Record::Condition(condition) => self.pending.push(match condition {
                CrateCondition::OnlyIf { label } => Condition::OnlyIf(label),
                CrateCondition::SkipIf { label } => Condition::SkipIf(label),
            }),
            Record::Control(control) => self.control(control),
            // Results that are a hash say so themselves.
            Record::HashThreshold { .. } => {}
            // Includes are the caller's, `system` does not come through the pre-pass, and only
            // the crate's own file reader injects records.
            Record::Include { .. } | Record::System { .. } | Record::Injected(_) => {}
            _ => {}
        }
    }

    /// Those of the record, and those that an earlier `halt` has left.
    fn conditions(&mut self) -> Vec<Condition> {
        let mut when = std::mem::take(&mut self.pending);
        if !self.after_halts.is_empty() {
            when.extend(self.after_halts.iter().cloned());
        }
        when
    }

    fn step(
        &mut self,
        line: usize,
        connection: Connection,
        sql: String,
        retry: Option<RetryConfig>,
        span: Span,
        outcome: Expect,
    ) {
        let first = sql.find('\n').map_or(sql.as_str(), |end| &sql[..end]);
        let length = first.trim_end().chars().count();
        let when = self.conditions();
        self.steps.push(vec![Step {
            span: Span::new(&self.file, line + 1, 1, length),
            session: session(connection),
            action: Action::Execute { sql, binds: Vec::new() },
            expect: vec![expectation(span, outcome)],
            within: retry.and_then(|it| within(&it)),
            takes: None,
            save: None,
            unchanged: Vec::new(),
            allow: Vec::new(),
            when,
        }]);
    }

    fn let_step(&mut self, line: usize, connection: Connection, variables: &[String], sql: String) {
        let span = Span::new(&self.file, line, 1, 0);
        let [name] = variables else {
            let kind = SuiteErrorKind::Slt {
                what: "`let` of several variables".to_owned(),
                help: Some("a `let` of its own for each of them".to_owned()),
            };
            return self.errors.push(kind.at(span));
        };
        if let Err(kind) = words::variable(name) {
            let span = Span::new(&self.file, line, "let ".len() + 1, name.chars().count());
            return self.errors.push(kind.at(span));
        }
        let one_row = RowsExpected::Count { min: 1, max: Some(1) };
        let rows = ExpectedRows { rows: one_row, ..ExpectedRows::default() };
        self.step(line, connection, sql, None, span, Expect::Rows(rows));
        if let Some(step) = self.steps.last_mut().and_then(|it| it.last_mut()) {
            step.save = Some(name.clone());
        }
    }

    /// A halt whose condition cannot hold on our targets is none; the pre-pass has seen to those
    /// that always hold.
    fn halt(&mut self, line: usize) {
        let conditions = std::mem::take(&mut self.pending);
        let open: Vec<Condition> = conditions.into_iter().filter(|it| !holds_always(it)).collect();
        let never = |it: &Condition| match it {
            Condition::OnlyIf(label) => !is_label(label),
            Condition::SkipIf(label) => !is_label(label),
        };
        if open.iter().any(never) {
            return;
        }
        match open.as_slice() {
            [] => {}
            [Condition::OnlyIf(label)] => self.after_halts.push(Condition::SkipIf(label.clone())),
            [Condition::SkipIf(label)] => self.after_halts.push(Condition::OnlyIf(label.clone())),
            _ => {
                let kind = SuiteErrorKind::Slt {
                    what: "`halt` on several conditions".to_owned(),
                    help: Some("one `skipif` or `onlyif` above each `halt`".to_owned()),
                };
                self.errors.push(kind.at(Span::new(&self.file, line, 1, "halt".len())));
            }
        }
    }

    fn control(&mut self, control: Control) {
        match control {
            Control::SortMode(mode) => self.sort = sort(mode),
            Control::ResultMode(CrateResultMode::RowWise) => self.result_mode = ResultMode::Rows,
            Control::ResultMode(CrateResultMode::ValueWise) => {
                self.result_mode = ResultMode::Values;
            }
            Control::Substitution(false) => {}
            Control::Substitution(true) => {
                // The crate gives no place.
                let kind = SuiteErrorKind::Slt {
                    what: "`control substitution on` is not supported".to_owned(),
                    help: Some(
                        "variables are written `{name}` and need no switching on; `$` stays as it is"
                            .to_owned(),
                    ),
                };
                self.errors.push(kind.at(Span::of_file(Arc::clone(&self.file))));
            }
            _ => {}
        }
    }

    fn rows(&mut self, header: QueryHeader, results: Vec<String>, line: usize) -> ExpectedRows {
        let QueryHeader { line: header_line, types, sort_mode, label } = header;
        if let Some(label) = &label
            && let Some(kind) = misspelt_sort(label)
        {
            self.errors.push(kind.at(Span::new(&self.file, header_line, 1, 0)));
        }
        let has_patterns = results.iter().any(|it| it.contains("REGEX>:"));
        let rows = match results::rows(results, types.len(), self.result_mode) {
            Ok(it) => it,
            Err((index, kind)) => {
                self.errors.push(kind.at(Span::new(&self.file, line + index, 1, 0)));
                RowsExpected::default()
            }
        };
        if has_patterns {
            self.check_patterns(&rows, line);
        }
        ExpectedRows {
            types: match types.is_empty() {
                true => None,
                false => Some(types.iter().map(|it| it.0).collect()),
            },
            columns: None,
            sort: sort_mode.map_or(self.sort, sort),
            rows,
            label,
            tolerance: None,
        }
    }

    fn check_patterns(&mut self, rows: &RowsExpected, line: usize) {
        let mut errors = Vec::new();
        let mut check = |cell, line| {
            if let Some(pattern) = words::cell_pattern(cell) {
                errors.extend(check_pattern(&mut self.patterns, pattern).map(|it| (line, it)));
            }
        };
        match rows {
            RowsExpected::Rows(rows) | RowsExpected::Contains(rows) => {
                for (at, row) in rows.iter().enumerate() {
                    row.iter().for_each(|it| check(it, line + at));
                }
            }
            RowsExpected::Values(values) => {
                values.iter().enumerate().for_each(|(at, it)| check(it, line + at));
            }
            RowsExpected::Hash { .. } | RowsExpected::Count { .. } => {}
        }
        for (line, kind) in errors {
            self.errors.push(kind.at(Span::new(&self.file, line, 1, 0)));
        }
    }

    fn refusal(&mut self, error: ExpectedError, extra: Option<Extra<'_>>) -> ExpectedRefusal {
        let mut refusal = ExpectedRefusal::default();
        if let ExpectedError::Multiline(message) = error {
            refusal.message = Some(MessageMatch::Exact(message));
            return refusal;
        }
        let Some(Extra::Error { pattern, span }) = extra else { return refusal };
        let in_parentheses = pattern.strip_prefix('(').and_then(|it| it.strip_suffix(')'));
        match in_parentheses {
            _ if pattern.is_empty() => {}
            Some(it) if words::is_sqlstate(it) => refusal.sqlstate = Some(it.to_owned()),
            _ if words::is_code(pattern) => refusal.code = Some(pattern.to_owned()),
            _ => {
                if let Some(kind) = check_pattern(&mut self.patterns, pattern) {
                    self.errors.push(kind.at(span));
                }
                refusal.message = Some(MessageMatch::Regex(pattern.to_owned()));
            }
        }
        refusal
    }
}

struct QueryHeader {
    line: usize,
    types: Vec<Letter>,
    sort_mode: Option<SortMode>,
    label: Option<String>,
}

fn expectation(span: Span, outcome: Expect) -> Expectation {
    Expectation { releases: None, evidence: Evidence::None, source: None, span, outcome }
}

fn check_pattern(known: &mut HashSet<String>, pattern: &str) -> Option<SuiteErrorKind> {
    if known.contains(pattern) {
        return None;
    }
    match words::check_regex(pattern) {
        Ok(()) => {
            known.insert(pattern.to_owned());
            None
        }
        Err(kind) => Some(kind),
    }
}

fn session(connection: Connection) -> String {
    match connection {
        Connection::Default => STANDARD.to_owned(),
        Connection::Named(name) => name,
    }
}

/// A deadline in place of a number of attempts: looking is not free, and takes its own time.
fn within(retry: &RetryConfig) -> Option<Duration> {
    let attempts = u32::try_from(retry.attempts).unwrap_or(u32::MAX);
    match retry.backoff.saturating_mul(attempts) {
        Duration::ZERO => None,
        it => Some(it),
    }
}

fn sort(mode: SortMode) -> Sort {
    match mode {
        SortMode::NoSort => Sort::None,
        SortMode::RowSort => Sort::Rows,
        SortMode::ValueSort => Sort::Values,
    }
}

/// The crate takes any word for a label that it does not know as a sort mode.
fn misspelt_sort(label: &str) -> Option<SuiteErrorKind> {
    const MODES: [&str; 4] = ["nosort", "rowsort", "valuesort", "retry"];
    let is_like = |it: &str| {
        label.len().abs_diff(it.len()) <= 2
            && label.as_bytes().first() == it.as_bytes().first()
            && strsim::osa_distance(label, it) <= 2
    };
    MODES.into_iter().find(|it| is_like(it))?;
    Some(bad(
        "a label or a sort mode",
        label,
        "sort modes are `nosort`, `rowsort` and `valuesort`; a label should look like none of them",
    ))
}

fn line_count(text: &str) -> usize {
    text.bytes().filter(|it| *it == b'\n').count() + 1
}
