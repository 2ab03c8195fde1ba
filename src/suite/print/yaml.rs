//! Suites and data sets as YAML.

mod load;

use super::{Missing, values};
use crate::suite::{
    Action, Case, Cell, DataSet, Evidence, Expect, Expectation, ExpectedRefusal, ExpectedRows,
    MessageMatch, ReleaseSet, RowsExpected, Sort, Step, Suite, Unchanged,
    refresh::{ExpectedRefreshes, Look, LookOf, Range, RefreshPattern},
    words::{STANDARD, cell_text, duration_text, evidence_text, releases_text},
};

pub fn suite(suite: &Suite) -> (String, Vec<String>) {
    let mut out = Writer::default();
    out.missing.add_if(suite.ordered, "cases that rely on those before them");
    if !suite.doc.is_empty() {
        out.text("doc", &suite.doc);
    }
    out.words("tags", suite.tags.iter());
    out.words("needs", values(&suite.needs));
    out.words("allow", values(&suite.allow));
    out.words("use", values(&suite.data));
    if !suite.setup.is_empty() {
        out.line("setup:");
        out.steps(&suite.setup);
    }
    if !suite.refreshed.is_empty() {
        out.line("refreshed:");
        out.indented(|out| {
            for it in &suite.refreshed {
                out.line(&format!("{}:", it.name));
                out.indented(|out| {
                    out.text("create", &it.create);
                    out.text("as", &it.query);
                    if it.session != STANDARD {
                        out.text("session", &it.session);
                    }
                });
            }
        });
    }
    out.line("cases:");
    out.indented(|out| {
        for case in &suite.cases {
            out.item(|out| out.case(case));
        }
    });
    (out.out, out.missing.0)
}

pub fn data_set(data_set: &DataSet) -> (String, Vec<String>) {
    let mut out = Writer::default();
    out.text("data-set", &data_set.name);
    if !data_set.doc.is_empty() {
        out.text("doc", &data_set.doc);
    }
    if !data_set.provides.is_empty() {
        out.line("provides:");
        out.indented(|out| {
            for (name, value) in &data_set.provides {
                out.text(name, value);
            }
        });
    }
    out.line("steps:");
    out.steps(&data_set.steps);
    (out.out, out.missing.0)
}

#[derive(Default)]
struct Writer {
    out: String,
    indent: usize,
    /// The next line begins an item of a list.
    in_item: bool,
    missing: Missing,
}

impl Writer {
    fn line(&mut self, text: &str) {
        let dash = std::mem::take(&mut self.in_item);
        let indent = self.indent - if dash { 2 } else { 0 };
        self.out += &" ".repeat(indent);
        if dash {
            self.out += "- ";
        }
        self.out += text;
        self.out.push('\n');
    }

    fn indented(&mut self, write: impl FnOnce(&mut Self)) {
        self.indent += 2;
        write(self);
        self.indent -= 2;
    }

    fn item(&mut self, write: impl FnOnce(&mut Self)) {
        self.indent += 2;
        self.in_item = true;
        write(self);
        self.in_item = false;
        self.indent -= 2;
    }

    /// `key: value`, in as many lines as the value has.
    fn text(&mut self, key: &str, value: &str) {
        self.prefixed_text(&format!("{key}: "), value);
    }

    fn prefixed_text(&mut self, prefix: &str, value: &str) {
        if !is_block(value) {
            return self.line(&format!("{prefix}{}", quoted(value, Context::Block)));
        }
        self.line(&format!("{prefix}|-"));
        let indent = " ".repeat(self.indent + if prefix.is_empty() { 0 } else { 2 });
        for line in value.split('\n') {
            if !line.is_empty() {
                self.out += &indent;
                self.out += line;
            }
            self.out.push('\n');
        }
    }

    fn words<'a>(&mut self, key: &str, words: impl Iterator<Item = &'a String>) {
        let words: Vec<String> = words.map(|it| quoted(it, Context::Flow)).collect();
        if !words.is_empty() {
            self.line(&format!("{key}: [{}]", words.join(", ")));
        }
    }

    fn case(&mut self, case: &Case) {
        if let Some(id) = &case.id {
            self.text("id", id);
        }
        self.text("name", &case.name);
        if let Some(doc) = &case.doc {
            self.text("doc", doc);
        }
        self.words("tags", case.tags.iter());
        self.words("needs", values(&case.needs));
        self.words("allow", values(&case.allow));
        if let Some(only) = &case.only {
            self.line("only:");
            self.indented(|out| {
                out.releases(&only.releases);
                out.text("reason", &only.reason);
            });
        }
        match case.steps.as_slice() {
            [Step { action: Action::Load(load), allow, .. }] => self.load(load, allow),
            // There, `allow` is the case's.
            [one] if one.allow.is_empty() && !matches!(one.action, Action::Look(_)) => {
                self.step_keys(one);
            }
            steps => {
                self.line("steps:");
                self.steps(steps);
            }
        }
    }

    fn steps(&mut self, steps: &[Step]) {
        self.indented(|out| {
            for step in steps {
                out.item(|out| match plain_sql(step) {
                    Some(sql) => out.prefixed_text("", sql),
                    None => out.step_keys(step),
                });
            }
        });
    }

    fn step_keys(&mut self, step: &Step) {
        self.missing.add_if(!step.when.is_empty(), "skipif and onlyif");
        if let Action::Look(look) = &step.action {
            return self.look(look, step);
        }
        if step.session != STANDARD {
            self.text("session", &step.session);
        }
        match &step.action {
            Action::Sleep(duration) => {
                self.missing.add_if(step.session != STANDARD, "a session that sleeps");
                self.line(&format!("sleep: {}", duration_text(*duration)));
            }
            Action::Execute { sql, binds } => {
                self.text("sql", sql);
                self.words("binds", binds.iter());
            }
            Action::Look(_) | Action::Load(_) => {}
        }
        self.expectations(step);
        if let Some(within) = step.within {
            self.line(&format!("within: {}", duration_text(within)));
        }
        if let Some((least, most)) = step.takes {
            self.line(&format!("takes: [{}, {}]", duration_text(least), duration_text(most)));
        }
        if let Some(name) = &step.save {
            self.text("save", name);
        }
        match step.unchanged.as_slice() {
            [] => {}
            [one] if one.session == step.session => self.text("unchanged", &one.sql),
            several => {
                self.line("unchanged:");
                self.indented(|out| {
                    for one in several {
                        out.item(|out| out.unchanged(one, &step.session));
                    }
                });
            }
        }
        self.words("allow", values(&step.allow));
    }

    fn look(&mut self, look: &Look, step: &Step) {
        match &look.of {
            LookOf::Fresh { table } => self.text("fresh", table),
            LookOf::EqualsDefinition { tables } => match tables.as_slice() {
                [one] => self.text("equals-definition", one),
                several => self.words("equals-definition", several.iter()),
            },
            LookOf::Refreshes { table, expected } => {
                self.text("refreshes", table);
                self.refreshes(expected);
            }
            LookOf::Lag(it) => {
                self.text("lag", &it.table);
                self.text("insert", &it.insert);
                self.text("visible", &it.visible);
                self.line(&format!("samples: {}", it.samples));
                self.line(&format!("pause: {}", duration_text(it.pause)));
                if let Some(budget) = &it.budget {
                    self.text("budget", &budget.to_string());
                }
            }
        }
        if let Some(within) = look.within {
            self.line(&format!("within: {within}"));
        }
        if step.session != STANDARD {
            self.text("session", &step.session);
        }
        self.believed(look.evidence, look.source.as_ref());
        self.words("allow", values(&step.allow));
    }

    fn refreshes(&mut self, expected: &ExpectedRefreshes) {
        if let Some(count) = expected.count {
            self.line(&format!("count: {}", range_text(count)));
        }
        for (key, pattern) in
            [("every", &expected.every), ("none", &expected.none), ("last", &expected.last)]
        {
            if let Some(pattern) = pattern {
                self.line(&format!("{key}:"));
                self.indented(|out| out.pattern(pattern));
            }
        }
        if !expected.some.is_empty() {
            self.line("some:");
            self.indented(|out| {
                for it in &expected.some {
                    out.item(|out| out.pattern(it));
                }
            });
        }
        if let Some(schedule) = &expected.schedule {
            self.line("schedule:");
            self.indented(|out| {
                if let Some(period) = schedule.period {
                    out.line(&format!("period: {}", duration_text(period)));
                }
                for (key, other) in
                    [("phase-of", &schedule.phase_of), ("ticks-of", &schedule.ticks_of)]
                {
                    if let Some(other) = other {
                        out.text(key, other);
                    }
                }
                if schedule.sound {
                    out.line("sound: true");
                }
            });
        }
    }

    fn pattern(&mut self, it: &RefreshPattern) {
        self.words("state", it.state.iter());
        self.words("action", it.action.iter());
        self.words("trigger", it.trigger.iter());
        for (key, text) in [("code", &it.code), ("message", &it.message), ("reason", &it.reason)] {
            if let Some(text) = text {
                self.text(key, text);
            }
        }
        for (key, range) in [("inserted", it.inserted), ("deleted", it.deleted)] {
            if let Some(range) = range {
                self.line(&format!("{key}: {}", range_text(range)));
            }
        }
    }

    fn unchanged(&mut self, it: &Unchanged, session: &str) {
        if it.session == session {
            return self.prefixed_text("", &it.sql);
        }
        self.text("session", &it.session);
        self.text("sql", &it.sql);
    }

    fn expectations(&mut self, step: &Step) {
        match step.expect.as_slice() {
            [one] if is_bare(one) => {
                if one.outcome == Expect::Recorded {
                    self.line("expect: recorded");
                }
            }
            [one] => {
                self.line("expect:");
                self.indented(|out| out.expectation(one, &step.session));
            }
            several => {
                self.line("expect:");
                self.indented(|out| {
                    for one in several {
                        out.item(|out| out.expectation(one, &step.session));
                    }
                });
            }
        }
    }

    fn expectation(&mut self, it: &Expectation, session: &str) {
        if let Some(set) = &it.releases {
            self.releases(set);
        }
        self.outcome(&it.outcome, session);
        self.believed(it.evidence, it.source.as_ref());
    }

    fn believed(&mut self, evidence: Evidence, source: Option<&String>) {
        if let Some(word) = evidence_text(evidence) {
            self.line(&format!("evidence: {word}"));
        }
        if let Some(source) = source {
            self.text("source", source);
        }
    }

    fn outcome(&mut self, outcome: &Expect, session: &str) {
        match outcome {
            Expect::Ok => self.line("ok: true"),
            Expect::Recorded => self.line("recorded: true"),
            Expect::Sides(sides) => {
                self.line("sides:");
                self.indented(|out| {
                    for it in sides {
                        out.item(|out| {
                            out.text("side", &it.name);
                            out.outcome(&it.outcome, session);
                            out.believed(it.evidence, Some(&it.source));
                        });
                    }
                });
            }
            Expect::Affected(count) => self.line(&format!("affected: {count}")),
            Expect::Rows(rows) => self.rows(rows),
            Expect::Refused(refusal) => self.refusal(refusal),
            Expect::SameAs { session: other, sql, sort } => {
                if other == session && *sort == Sort::None {
                    self.text("same-as", sql);
                } else {
                    self.line("same-as:");
                    self.indented(|out| {
                        if other != session {
                            out.text("session", other);
                        }
                        out.text("sql", sql);
                        out.sort(*sort);
                    });
                }
            }
        }
    }

    fn releases(&mut self, set: &ReleaseSet) {
        match releases_text(set).as_slice() {
            [one] => self.line(&format!("releases: {one}")),
            all => self.line(&format!("releases: [{}]", all.join(", "))),
        }
    }

    fn sort(&mut self, sort: Sort) {
        match sort {
            Sort::None => {}
            Sort::Rows => self.line("sort: rows"),
            Sort::Values => self.line("sort: values"),
        }
    }

    fn rows(&mut self, rows: &ExpectedRows) {
        match &rows.rows {
            RowsExpected::Rows(cells) => self.cells("rows", cells),
            RowsExpected::Contains(cells) => self.cells("contains", cells),
            RowsExpected::Count { min, max } => match max {
                Some(max) if max == min => self.line(&format!("count: {min}")),
                Some(max) => self.line(&format!("count: {min}..{max}")),
                None => self.line(&format!("count: {min}..")),
            },
            RowsExpected::Values(_) => self.missing.add("a value on a line"),
            RowsExpected::Hash { .. } => self.missing.add("a hash of a result"),
        }
        if let Some(types) = &rows.types {
            self.line(&format!("types: {}", quoted(types, Context::Block)));
        }
        self.words("columns", rows.columns.iter().flatten());
        self.sort(rows.sort);
        if let Some(tolerance) = rows.tolerance {
            self.line(&format!("tolerance: {tolerance:e}"));
        }
        if let Some(label) = &rows.label {
            self.text("label", label);
        }
    }

    fn cells(&mut self, key: &str, rows: &[Vec<Cell>]) {
        if rows.is_empty() {
            return self.line(&format!("{key}: []"));
        }
        self.line(&format!("{key}:"));
        self.indented(|out| {
            for row in rows {
                let cells: Vec<String> = row.iter().map(|it| out.cell(it)).collect();
                out.item(|out| out.line(&format!("[{}]", cells.join(", "))));
            }
        });
    }

    fn cell(&mut self, cell: &Cell) -> String {
        match (cell, cell_text(cell)) {
            (Cell::Null, _) => "null".to_owned(),
            (_, Some(text)) => quoted(&text, Context::Flow),
            (_, None) => {
                self.missing.add("a cell that reads as another");
                String::new()
            }
        }
    }

    fn refusal(&mut self, refusal: &ExpectedRefusal) {
        if *refusal == ExpectedRefusal::default() {
            return self.line("error: any");
        }
        self.line("error:");
        self.indented(|out| {
            if let Some(code) = &refusal.code {
                out.line(&format!("code: \"{code}\""));
            }
            if let Some(sqlstate) = &refusal.sqlstate {
                out.line(&format!("sqlstate: \"{sqlstate}\""));
            }
            match &refusal.message {
                None => {}
                Some(MessageMatch::Contains(it)) => out.text("contains", it),
                Some(MessageMatch::Regex(it)) => out.text("matches", it),
                Some(MessageMatch::Exact(it)) => out.text("exact", it),
            }
        });
    }
}

/// `20`, `1..`, `0..5`.
fn range_text((least, most): Range) -> String {
    match most {
        Some(most) if most == least => least.to_string(),
        Some(most) => format!("{least}..{most}"),
        None => format!("{least}.."),
    }
}

/// The statement of a step that can be written as a plain text.
fn plain_sql(step: &Step) -> Option<&str> {
    let is_plain = step.session == STANDARD
        && step.within.is_none()
        && step.takes.is_none()
        && step.save.is_none()
        && step.unchanged.is_empty()
        && step.when.is_empty()
        && step.allow.is_empty()
        && matches!(step.expect.as_slice(), [it] if is_bare(it) && it.outcome == Expect::Ok);
    match &step.action {
        Action::Execute { sql, binds } if is_plain && binds.is_empty() => Some(sql),
        _ => None,
    }
}

/// Whether it can be written as a word, or left out.
fn is_bare(it: &Expectation) -> bool {
    it.releases.is_none()
        && it.evidence == Evidence::None
        && it.source.is_none()
        && matches!(it.outcome, Expect::Ok | Expect::Recorded)
}

/// Whether the text can stand below `|-` as it is.
fn is_block(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && !text.ends_with('\n')
        && !text.contains(needs_escape)
        // A line of blanks may not be indented as far as the others.
        && text.split('\n').all(|it| it.is_empty() || !it.trim().is_empty())
}

fn needs_escape(it: char) -> bool {
    (it.is_control() && it != '\n') || it == '\u{feff}' || it == '\u{2028}' || it == '\u{2029}'
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Block,
    /// Between brackets.
    Flow,
}

/// The text in one line: without quotes where nobody could take it for something else.
fn quoted(text: &str, context: Context) -> String {
    let is_word = |it: char| it.is_alphanumeric() || "_-./()=<>'+*;%$".contains(it);
    let is_plain = |it: char| {
        is_word(it) || it == ' ' || (context == Context::Block && ",{}[]\"".contains(it))
    };
    let starts_plain = |it: char| it.is_alphanumeric() || it == '_';
    let is_null = ["null", "Null", "NULL"].contains(&text);
    if text.starts_with(starts_plain)
        && !text.ends_with(' ')
        && text.chars().all(is_plain)
        && !is_null
    {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for it in text.chars() {
        match it {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            '\t' => out += "\\t",
            '\r' => out += "\\r",
            it if needs_escape(it) => out += &format!("\\u{:04x}", u32::from(it)),
            it => out.push(it),
        }
    }
    out.push('"');
    out
}
