//! Suites as SLT.

use super::{Missing, values};
use crate::suite::{
    Action, Case, Evidence, Expect, ExpectedRefusal, ExpectedRows, MessageMatch, RowsExpected,
    Sort, Step, Suite,
    words::{STANDARD, cell_text, duration_text, evidence_text, releases_text},
};
use std::time::Duration;

pub fn suite(suite: &Suite) -> (String, Vec<String>) {
    let mut out = Writer::default();
    if !suite.doc.is_empty() {
        out.doc(&suite.doc);
    }
    out.words("tags", suite.tags.iter());
    out.words("needs", values(&suite.needs));
    out.words("allow", values(&suite.allow));
    out.words("use", values(&suite.data));
    out.missing.add_if(!suite.refreshed.is_empty(), "tables that are kept fresh");
    for step in &suite.setup {
        out.step(step);
    }
    for case in &suite.cases {
        if !suite.ordered {
            out.subtest(case);
        }
        for step in &case.steps {
            out.step(step);
        }
    }
    (out.out, out.missing.0)
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Whether results are a value on a line just now; they are not at first.
    by_value: bool,
    missing: Missing,
}

impl Writer {
    fn line(&mut self, text: &str) {
        self.out += text;
        self.out.push('\n');
    }

    /// A blank line, where there is not one already and something stands before it.
    fn gap(&mut self) {
        // What a record is allowed stands right above it.
        let last = self.out.trim_end().rsplit('\n').next().unwrap_or_default();
        let follows_allow = last.starts_with("# allow:") && !self.out.ends_with("\n\n");
        if !self.out.is_empty() && !self.out.ends_with("\n\n") && !follows_allow {
            self.out.push('\n');
        }
    }

    fn doc(&mut self, doc: &str) {
        for (at, line) in doc.split('\n').enumerate() {
            match at {
                0 => self.line(&format!("# doc: {line}")),
                _ => self.line(&format!("#   {line}")),
            }
        }
    }

    fn words<'a>(&mut self, key: &str, words: impl Iterator<Item = &'a String>) {
        let words: Vec<&str> = words.map(String::as_str).collect();
        if !words.is_empty() {
            self.line(&format!("# {key}: {}", words.join(", ")));
        }
    }

    fn subtest(&mut self, case: &Case) {
        self.gap();
        match &case.id {
            Some(id) => self.line(&format!("subtest {id} {}", case.name)),
            None => self.line(&format!("subtest {}", case.name)),
        }
        if let Some(doc) = &case.doc {
            self.doc(doc);
        }
        self.words("tags", case.tags.iter());
        self.words("needs", values(&case.needs));
        self.words("allow", values(&case.allow));
        if let Some(only) = &case.only {
            let releases = releases_text(&only.releases).join(", ");
            self.line(&format!("# only: {releases} ({})", only.reason));
        }
        // That all of the case's expectations share it is seen when the text is read back.
        let believed =
            case.steps.iter().flat_map(|it| &it.expect).find(|it| it.evidence != Evidence::None);
        if let Some(it) = believed
            && let Some(word) = evidence_text(it.evidence)
        {
            match &it.source {
                Some(source) => self.line(&format!("# evidence: {word} ({source})")),
                None => self.line(&format!("# evidence: {word}")),
            }
        }
    }

    fn step(&mut self, step: &Step) {
        if !step.allow.is_empty() {
            self.gap();
            self.words("allow", values(&step.allow));
        }
        self.missing.add_if(step.takes.is_some(), "takes");
        self.missing.add_if(!step.unchanged.is_empty(), "unchanged");
        let (sql, binds) = match &step.action {
            Action::Sleep(duration) => {
                self.gap();
                self.conditions(step);
                return self.line(&format!("sleep {}", duration_text(*duration)));
            }
            Action::Look(_) => return self.missing.add("a look at a refreshed table"),
            Action::Load(_) => return self.missing.add("a load"),
            Action::Execute { sql, binds } => (sql, binds),
        };
        self.missing.add_if(!binds.is_empty(), "binds");
        let [expectation] = step.expect.as_slice() else {
            return self.missing.add("expectations by release");
        };
        self.missing.add_if(expectation.releases.is_some(), "expectations by release");
        self.gap();
        if let Some(name) = &step.save {
            let is_let = matches!(
                &expectation.outcome,
                Expect::Rows(ExpectedRows {
                    rows: RowsExpected::Count { min: 1, max: Some(1) },
                    ..
                })
            );
            self.missing.add_if(!is_let || step.within.is_some(), "save");
            self.conditions(step);
            self.line(&format!("let {name}"));
            return self.sql(sql);
        }
        match &expectation.outcome {
            Expect::Ok => self.statement(step, "statement ok", sql),
            Expect::Affected(count) => {
                self.statement(step, &format!("statement count {count}"), sql)
            }
            Expect::Refused(refusal) => self.refused(step, refusal, sql),
            Expect::Rows(rows) => self.query(step, rows, sql),
            Expect::SameAs { .. } => self.missing.add("same-as"),
            Expect::Recorded => self.missing.add("recorded"),
            Expect::Sides(_) => self.missing.add("sides"),
        }
    }

    fn conditions(&mut self, step: &Step) {
        for condition in &step.when {
            self.line(&condition.to_string());
        }
        if step.session != STANDARD {
            self.line(&format!("connection {}", step.session));
        }
    }

    fn sql(&mut self, sql: &str) {
        self.line(sql);
    }

    fn statement(&mut self, step: &Step, header: &str, sql: &str) {
        self.conditions(step);
        self.line(&format!("{header}{}", retry(step.within)));
        self.sql(sql);
    }

    fn refused(&mut self, step: &Step, refusal: &ExpectedRefusal, sql: &str) {
        let ExpectedRefusal { code, sqlstate, message } = refusal;
        let header = match (code, sqlstate, message) {
            (None, None, None | Some(MessageMatch::Exact(_))) => "statement error".to_owned(),
            (Some(code), None, None) => format!("statement error {code}"),
            (None, Some(sqlstate), None) => format!("statement error ({sqlstate})"),
            (None, None, Some(MessageMatch::Regex(it))) => format!("statement error {it}"),
            (None, None, Some(MessageMatch::Contains(_))) => {
                return self.missing.add("a part of an error's message");
            }
            _ => return self.missing.add("an error's code and SQLSTATE together"),
        };
        self.statement(step, &header, sql);
        if let Some(MessageMatch::Exact(message)) = message {
            self.line("----");
            self.line(message);
            self.out += "\n\n";
        }
    }

    fn query(&mut self, step: &Step, rows: &ExpectedRows, sql: &str) {
        self.missing.add_if(rows.columns.is_some(), "columns");
        self.missing.add_if(rows.tolerance.is_some(), "tolerance");
        let is_empty = matches!(&rows.rows, RowsExpected::Rows(rows) if rows.is_empty());
        self.missing.add_if(rows.types.is_none() && !is_empty, "rows without types");
        let by_value = match &rows.rows {
            RowsExpected::Values(_) => Some(true),
            RowsExpected::Rows(rows) => Some(rows.is_empty() && self.by_value),
            RowsExpected::Hash { .. } => None,
            RowsExpected::Count { .. } => return self.missing.add("a number of rows"),
            RowsExpected::Contains(_) => return self.missing.add("contains"),
        };
        if let Some(by_value) = by_value
            && by_value != self.by_value
        {
            self.by_value = by_value;
            let mode = if by_value { "valuewise" } else { "rowwise" };
            self.line(&format!("control resultmode {mode}"));
            self.gap();
        }
        self.conditions(step);
        let mut header = "query".to_owned();
        if let Some(types) = &rows.types {
            header += &format!(" {types}");
        }
        header += match rows.sort {
            Sort::None => "",
            Sort::Rows => " rowsort",
            Sort::Values => " valuesort",
        };
        if let Some(label) = &rows.label {
            header += &format!(" {label}");
        }
        self.line(&format!("{header}{}", retry(step.within)));
        self.sql(sql);
        self.line("----");
        match &rows.rows {
            RowsExpected::Rows(rows) => {
                for row in rows {
                    let cells: Vec<String> = row.iter().map(|it| self.cell(it)).collect();
                    let has_blanks = cells.iter().any(|it| it.contains(char::is_whitespace));
                    self.line(&cells.join(if has_blanks { "\t" } else { " " }));
                }
            }
            RowsExpected::Values(values) => {
                for value in values {
                    let cell = self.cell(value);
                    self.line(&cell);
                }
            }
            RowsExpected::Hash { count, md5 } => {
                self.line(&format!("{count} values hashing to {md5}"));
            }
            RowsExpected::Count { .. } | RowsExpected::Contains(_) => {}
        }
    }

    fn cell(&mut self, cell: &crate::suite::Cell) -> String {
        cell_text(cell).unwrap_or_else(|| {
            self.missing.add("a cell that reads as another");
            String::new()
        })
    }
}

/// The clause for a deadline: attempts times pause is all that is kept of it.
fn retry(within: Option<Duration>) -> String {
    match within {
        None => String::new(),
        Some(it) => format!(" retry 1 backoff {}", duration_text(it)),
    }
}
