//! Steps to cases.

use super::{annotation::CaseNotes, convert::Converter, prepass::Subtest};
use crate::suite::{
    Action, Case, Evidence, Expect, Step, Suite,
    error::{SuiteError, SuiteErrorKind},
    load::check_case_names,
    source::Source,
    span::{Span, Spanned},
    words::shortened,
};
use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write,
    path::Path,
    sync::Arc,
};

/// How much of a statement is in the name of a case that has no other.
const NAME_SQL_MAX: usize = 50;

pub fn suite(
    name: &str,
    source: &Arc<Source>,
    mut converter: Converter,
) -> Result<Suite, Vec<SuiteError>> {
    let mut steps = std::mem::take(&mut converter.steps);
    let subtests = std::mem::take(&mut converter.subtests);
    let ordered = subtests.is_empty();
    allow_below(&mut steps, std::mem::take(&mut converter.head.allow_below));
    let (setup, cases) = match ordered {
        true => (Vec::new(), one_each(steps, &source.path)),
        false => {
            let steps = steps.into_iter().flatten().collect();
            by_subtest(steps, subtests, &mut converter.errors)
        }
    };
    if cases.is_empty() && converter.errors.is_empty() {
        let kind = SuiteErrorKind::Slt {
            what: "no records in this file".to_owned(),
            help: Some("a suite of nothing would always pass".to_owned()),
        };
        converter.errors.push(kind.at(Span::of_file(Arc::clone(&source.path))));
    }
    if !converter.errors.is_empty() {
        return Err(converter.errors);
    }
    Ok(Suite {
        name: name.to_owned(),
        path: source.path.to_path_buf(),
        doc: converter.head.doc,
        tags: converter.head.tags,
        data: converter.head.data,
        needs: converter.head.needs,
        allow: converter.head.allow,
        setup,
        refreshed: Vec::new(),
        cases,
        ordered,
        pins: Vec::new(),
    })
}

/// Gives each `# allow:` between records to the record below it.
fn allow_below(steps: &mut [Vec<Step>], allow: Vec<Spanned<String>>) {
    for word in allow {
        let below = steps
            .iter_mut()
            .flatten()
            .find(|it| *it.span.file == *word.span.file && it.span.line > word.span.line);
        if let Some(step) = below {
            step.allow.push(word);
        }
    }
}

/// Without `subtest`: every statement and query is a case. What it waits for or lets before it
/// belongs to it.
fn one_each(all: Vec<Vec<Step>>, path: &Path) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::with_capacity(all.len());
    let mut before: Vec<Step> = Vec::new();
    let mut has_others = false;
    for mut steps in all {
        let record = steps
            .iter()
            .find(|it| matches!(it.action, Action::Execute { .. }) && it.save.is_none());
        let Some(record) = record else {
            before.append(&mut steps);
            continue;
        };
        has_others |= *record.span.file != *path;
        let name = record_name(record, path);
        let span = record.span.clone();
        if !before.is_empty() {
            before.append(&mut steps);
            std::mem::swap(&mut before, &mut steps);
        }
        cases.push(unnamed(name, span, steps));
    }
    if !before.is_empty() {
        match cases.last_mut() {
            Some(last) => last.steps.extend(before),
            None => {
                let first = before.first().map(|it| (record_name(it, path), it.span.clone()));
                cases.extend(first.map(|(name, span)| unnamed(name, span, before)));
            }
        }
    }
    // A file that is included twice gives each of its names twice.
    if has_others {
        let mut seen: HashMap<String, usize> = HashMap::new();
        for case in &mut cases {
            let count = seen.entry(case.name.clone()).or_default();
            *count += 1;
            if *count > 1 {
                case.name += &format!(" ({count})");
            }
        }
    }
    cases
}

/// A case that no `subtest` gave a name or anything else.
fn unnamed(name: String, span: Span, steps: Vec<Step>) -> Case {
    Case {
        id: None,
        name,
        doc: None,
        tags: Vec::new(),
        needs: Vec::new(),
        allow: Vec::new(),
        only: None,
        span,
        steps,
    }
}

/// `line 12: SELECT …`, where the record is.
fn record_name(step: &Step, path: &Path) -> String {
    let mut name = String::with_capacity(NAME_SQL_MAX + 24);
    if *step.span.file != *path {
        let file = step.span.file.file_name().unwrap_or_default().to_string_lossy();
        name += &file;
        name.push(' ');
    }
    // Writing to a string cannot fail.
    let _ = match &step.action {
        Action::Execute { sql, .. } => write!(name, "line {}: ", step.span.line.saturating_sub(1))
            .map(|()| {
                push_shortened(&mut name, sql);
            }),
        Action::Sleep(_) => write!(name, "line {}: sleep", step.span.line),
        Action::Look(look) => write!(name, "line {}: {}", step.span.line, look.in_words()),
        Action::Load(load) => write!(name, "line {}: {}", step.span.line, load.in_words()),
    };
    name
}

/// As [`shortened`], faster where the statement is one line of single blanks.
fn push_shortened(name: &mut String, sql: &str) {
    let bytes = sql.as_bytes();
    let head = &bytes[..bytes.len().min(NAME_SQL_MAX)];
    let is_simple = head.iter().all(|it| (b' '..=b'~').contains(it))
        && !head.windows(2).any(|it| it == b"  ")
        && head.first() != Some(&b' ')
        && bytes.get(head.len()).is_none_or(u8::is_ascii_graphic)
        && head.last() != Some(&b' ');
    if !is_simple {
        *name += &shortened(sql, NAME_SQL_MAX);
        return;
    }
    *name += &sql[..head.len()];
    if bytes.len() > head.len() {
        name.push('…');
    }
}

fn by_subtest(
    steps: Vec<Step>,
    subtests: Vec<(usize, Subtest)>,
    errors: &mut Vec<SuiteError>,
) -> (Vec<Step>, Vec<Case>) {
    let names = subtests.iter().map(|(_, it)| (it.name.as_str(), &it.span));
    errors.extend(check_case_names(names));

    let ends: Vec<usize> =
        subtests.iter().skip(1).map(|(at, _)| *at).chain([steps.len()]).collect();
    let next_lines: Vec<usize> = subtests
        .windows(2)
        .map(|it| match it[1].1.span.file == it[0].1.span.file {
            true => it[1].1.span.line.max(it[0].1.span.line),
            false => usize::MAX,
        })
        .chain([usize::MAX])
        .collect();
    let wrong: BTreeSet<(Arc<Path>, usize)> =
        errors.iter().map(|it| (Arc::clone(&it.span.file), it.span.line)).collect();
    let first = subtests.first().map_or(steps.len(), |(at, _)| *at);
    let mut steps = steps.into_iter();
    let setup: Vec<Step> = steps.by_ref().take(first).collect();
    let mut cases = Vec::with_capacity(subtests.len());
    for (((start, subtest), end), next_line) in subtests.into_iter().zip(ends).zip(next_lines) {
        let Subtest { id, name, span, notes } = subtest;
        let CaseNotes { doc, tags, needs, allow, evidence, only } = notes;
        let mut steps: Vec<Step> = steps.by_ref().take(end - start).collect();
        // One that could not be read is no reason to ask for more.
        let has_errors = || {
            let file = Arc::clone(&span.file);
            wrong.range((Arc::clone(&file), span.line)..(file, next_line)).next().is_some()
        };
        if steps.is_empty() && !has_errors() {
            errors.push(SuiteErrorKind::NoSteps.at(span.clone()));
        }
        if let Some((evidence, source)) = evidence {
            believe(&mut steps, evidence, source.as_deref());
        }
        cases.push(Case { id, name, doc, tags, needs, allow, only, span, steps });
    }
    (setup, cases)
}

/// The evidence of a case is that of what it checks. That the statements before it succeed is not
/// what the source says, unless there is nothing else.
fn believe(steps: &mut [Step], evidence: Evidence, source: Option<&str>) {
    let is_ok = |it: &Step| it.expect.iter().all(|it| it.outcome == Expect::Ok);
    let all_ok = steps.iter().all(is_ok);
    for step in steps.iter_mut().filter(|it| all_ok || !is_ok(it)) {
        for expectation in &mut step.expect {
            expectation.evidence = evidence;
            expectation.source = source.map(str::to_owned);
        }
    }
}
