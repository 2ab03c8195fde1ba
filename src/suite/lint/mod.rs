//! What is likely a mistake in suites that can be read: expectations that cannot fail, rows that
//! come in any order, names that nothing uses.
//!
//! A rule warns; what makes a suite unreadable is an error of the parser instead. Rules look at
//! suites and at the text of statements, and at nothing that is beyond a file: whether a variable
//! exists is for the planner. A statement that a rule cannot make out is taken to be right.

mod idle;
mod names;
mod pattern;
mod reach;
mod rows;
mod sql;
#[cfg(test)]
mod tests;
mod unused;

use super::{
    Case, DataSet, Loaded, Release, Step, Suite,
    error::{excerpt, sorted},
    source::Source,
    span::{Span, Spanned},
    words::nearest,
};
use std::{cell::OnceCell, collections::HashMap, path::Path, sync::Arc};

/// Something that rules look for.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable: suites name it in `allow`, and reports show it.
    pub name: &'static str,
    /// What it finds.
    pub finds: &'static str,
    /// What the author can do about it.
    pub remedy: &'static str,
}

/// Every rule, as the documents list them.
pub const RULES: [&Rule; 23] = [
    &rows::UNORDERED_ROWS,
    &rows::UNORDERED_LIMIT,
    &rows::COLUMNS_DIFFER,
    &pattern::MATCHES_ANYTHING,
    &pattern::IDLE_TOLERANCE,
    &idle::CANNOT_FAIL,
    &idle::IDLE_WITHIN,
    &idle::SHORT_WITHIN,
    &idle::IDLE_UNCHANGED,
    &idle::IDLE_SLEEP,
    &unused::LABEL_USED_ONCE,
    &unused::UNUSED_SAVE,
    &unused::UNUSED_DATA_SET,
    &unused::UNUSED_REFRESHED,
    &reach::UNUSED_EXPECTATION,
    &reach::NEVER_RUNS,
    &reach::SAVE_OF_REFUSAL,
    &reach::SCAN_OF_REFUSAL,
    &names::UNKNOWN_ID,
    &names::MISSPELT_TAG,
    &names::SAME_NAME,
    &names::SAME_CASE,
    &UNNEEDED_ALLOW,
];

const UNNEEDED_ALLOW: Rule = Rule {
    name: "unneeded-allow",
    finds: "an `allow` of a rule that finds nothing there, or of none that exists",
    remedy: "take it out, so that it hides nothing later",
};

/// The rules as a table of the documents.
pub fn table() -> String {
    let row = |it: &&Rule| format!("| `{}` | {} | {} |\n", it.name, it.finds, it.remedy);
    let rows: String = RULES.iter().map(row).collect();
    format!("| rule | finds | what to do |\n|---|---|---|\n{rows}")
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub rule: &'static Rule,
    pub span: Span,
    pub what: String,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: warning: {} [{}]", self.span, self.what, self.rule.name)
    }
}

/// Every warning over the line it is about, a blank line between them.
pub fn render(warnings: &[Warning], sources: &[Arc<Source>]) -> String {
    let files = Files::new(sources);
    let render = |it: &Warning| {
        let line = it.span.line.checked_sub(1).and_then(|at| files.lines(&it.span)?.get(at));
        excerpt(it, &it.span, line.copied(), Some(it.rule.remedy))
    };
    warnings.iter().map(render).collect::<Vec<_>>().join("\n")
}

/// Files by line, once one of their lines is asked for: a file can have a million, and so can the
/// list of warnings.
struct Files<'a>(HashMap<&'a Path, (&'a Source, OnceCell<Vec<&'a str>>)>);

impl<'a> Files<'a> {
    fn new(sources: &'a [Arc<Source>]) -> Self {
        let files = sources.iter().map(|it| (&*it.path, (&**it, OnceCell::new())));
        Self(files.collect())
    }

    fn lines(&self, span: &Span) -> Option<&[&'a str]> {
        let (source, lines) = self.0.get(&*span.file)?;
        Some(lines.get_or_init(|| source.text.lines().collect()))
    }
}

/// What is likely wrong with the suites and data sets, by file and line.
pub fn lint(loaded: &Loaded) -> Vec<Warning> {
    let mut lint =
        Lint { files: Files::new(&loaded.sources), found: Vec::new(), allowed: Vec::new() };
    for (at, data_set) in loaded.data_sets.iter().enumerate() {
        lint.data_set(at, data_set);
    }
    for (at, suite) in loaded.suites.iter().enumerate() {
        lint.suite(at, suite, &loaded.data_sets);
    }
    names::tags(&loaded.suites, &mut lint);
    lint.finish()
}

/// What a warning is about, and what an `allow` covers: all that is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scope {
    of: Of,
    case: Option<usize>,
    /// Of the case, or of the set-up where there is none.
    step: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Suite(usize),
    DataSet(usize),
}

impl Scope {
    fn of(of: Of) -> Self {
        Self { of, case: None, step: None }
    }

    fn case(self, case: usize) -> Self {
        Self { case: Some(case), ..self }
    }

    fn step(self, step: usize) -> Self {
        Self { step: Some(step), ..self }
    }

    fn covers(self, other: Self) -> bool {
        let is_whole = self.case.is_none() && self.step.is_none();
        let in_case = self.case == other.case && (self.step.is_none() || self.step == other.step);
        self.of == other.of && (is_whole || in_case)
    }
}

struct Allow<'a> {
    scope: Scope,
    rule: &'a Spanned<String>,
    is_needed: bool,
}

/// Collects what the rules find.
struct Lint<'a> {
    files: Files<'a>,
    found: Vec<(Scope, Warning)>,
    allowed: Vec<Allow<'a>>,
}

impl<'a> Lint<'a> {
    fn warn(&mut self, rule: &'static Rule, scope: Scope, span: &Span, what: impl Into<String>) {
        let warning = Warning { rule, span: span.clone(), what: what.into() };
        self.found.push((scope, warning));
    }

    fn data_set(&mut self, at: usize, data_set: &'a DataSet) {
        let scope = Scope::of(Of::DataSet(at));
        self.steps(scope, &data_set.steps, &Release::ALL);
        let steps = data_set.steps.iter().enumerate();
        let steps: Vec<(Scope, &Step)> = steps.map(|(at, it)| (scope.step(at), it)).collect();
        unused::saves(&steps, steps.len(), self);
    }

    fn suite(&mut self, at: usize, suite: &'a Suite, data_sets: &[DataSet]) {
        let scope = Scope::of(Of::Suite(at));
        self.allow(scope, &suite.allow);
        self.steps(scope, &suite.setup, &Release::ALL);
        for (at, case) in suite.cases.iter().enumerate() {
            let scope = scope.case(at);
            self.allow(scope, &case.allow);
            let releases = releases(suite, case);
            self.steps(scope, &case.steps, &releases);
            idle::case(suite, case, scope, self);
            reach::case(case, scope, &releases, self);
            names::case(case, scope, self);
        }
        unused::suite(suite, scope, data_sets, self);
        names::suite(suite, scope, self);
    }

    /// What can be told of each step without the ones beside it.
    fn steps(&mut self, scope: Scope, steps: &'a [Step], releases: &[Release]) {
        for (at, step) in steps.iter().enumerate() {
            let scope = scope.step(at);
            self.allow(scope, &step.allow);
            rows::step(step, scope, self);
            pattern::step(step, scope, self);
            idle::step(step, scope, self);
            reach::step(step, scope, releases, self);
        }
    }

    fn allow(&mut self, scope: Scope, rules: &'a [Spanned<String>]) {
        self.allowed.extend(rules.iter().map(|rule| Allow { scope, rule, is_needed: false }));
    }

    /// The place of a word that the suite's model keeps without one: the nearest to `span`.
    fn place_of(&self, words: &[&str], span: &Span) -> Span {
        let Some(lines) = self.files.lines(span) else { return span.clone() };
        words.iter().find_map(|it| nearest_place(lines, it, span)).unwrap_or_else(|| span.clone())
    }

    /// Takes out what is allowed, and adds what was allowed for nothing.
    fn finish(mut self) -> Vec<Warning> {
        let mut warnings = Vec::with_capacity(self.found.len());
        for (scope, warning) in self.found {
            // The innermost one that fits: it was written for this.
            let allow = self
                .allowed
                .iter_mut()
                .filter(|it| it.rule.value == warning.rule.name && it.scope.covers(scope))
                .max_by_key(|it| (it.scope.case.is_some(), it.scope.step.is_some()));
            match allow {
                Some(allow) => allow.is_needed = true,
                None => warnings.push(warning),
            }
        }
        for Allow { rule, .. } in self.allowed.iter().filter(|it| !it.is_needed) {
            let names = RULES.iter().map(|it| it.name);
            let what = match names.clone().find(|it| *it == rule.value) {
                Some(name) => format!("`{name}` finds nothing here that could be allowed"),
                None => match nearest(&rule.value, names) {
                    Some(near) => format!("there is no rule `{}`: is it `{near}`?", rule.value),
                    None => format!("there is no rule `{}`", rule.value),
                },
            };
            warnings.push(Warning { rule: &UNNEEDED_ALLOW, span: rule.span.clone(), what });
        }
        sorted(warnings, |it| &it.span)
    }
}

/// The releases on which a case can run.
fn releases(suite: &Suite, case: &Case) -> Vec<Release> {
    let needs = |name: &str| suite.needs.iter().chain(&case.needs).any(|it| it.value == name);
    let is_in = |it: &Release| {
        case.only.as_ref().is_none_or(|only| only.releases.0.contains(it))
            && !(needs("fallback") && *it < Release::Fallback)
            && !(needs("zero-copy") && *it < Release::ZeroCopy)
    };
    Release::ALL.into_iter().filter(is_in).collect()
}

/// How many lines round a place are looked through for a word that belongs to it.
const NEAR_LINES: usize = 200;

fn nearest_place(lines: &[&str], word: &str, span: &Span) -> Option<Span> {
    let from = span.line.saturating_sub(NEAR_LINES).max(1);
    let lines = lines.iter().enumerate().skip(from - 1).take(2 * NEAR_LINES);
    let found = lines.filter_map(|(index, text)| {
        let at = whole_word(text, word)?;
        let column = text[..at].chars().count() + 1;
        Some(Span::new(&Arc::clone(&span.file), index + 1, column, word.chars().count()))
    });
    found.min_by_key(|it| it.line.abs_diff(span.line))
}

/// Where the word stands with nothing of a word beside it.
fn whole_word(text: &str, word: &str) -> Option<usize> {
    let is_word = |it: char| it.is_alphanumeric() || it == '_' || it == '-';
    text.match_indices(word)
        .map(|(at, _)| at)
        .find(|&at| !text[..at].ends_with(is_word) && !text[at + word.len()..].starts_with(is_word))
}
