//! Names that are given and never asked for.

use super::{Lint, Rule, Scope};
use crate::suite::{
    Action, Cell, DataSet, Expect, MessageMatch, RowsExpected, Step, Suite, span::Span, vars,
};
use std::collections::{BTreeMap, HashSet};

pub const LABEL_USED_ONCE: Rule = Rule {
    name: "label-used-once",
    finds: "a label that no second result of the suite has, so that nothing is compared",
    remedy: "give it to the result that must be equal, or take it out",
};

pub const UNUSED_SAVE: Rule = Rule {
    name: "unused-save",
    finds: "a `save` whose variable no later step reads",
    remedy: "use the variable, or take `save` out",
};

pub const UNUSED_REFRESHED: Rule = Rule {
    name: "unused-refreshed",
    finds: "a refreshed table that no step looks at, and no other one reads",
    remedy: "look at it, or take it out: on an account its refreshes cost credits",
};

pub const UNUSED_DATA_SET: Rule = Rule {
    name: "unused-data-set",
    finds: "a data set that is built for the suite and not read by it",
    remedy: "take it out of `use`; building it costs time and, on an account, credits",
};

pub fn suite(suite: &Suite, scope: Scope, data_sets: &[DataSet], lint: &mut Lint<'_>) {
    labels(suite, scope, lint);
    let setup = suite.setup.iter().enumerate().map(|(at, step)| (scope.step(at), step));
    let case = |at: usize| {
        let steps = suite.cases[at].steps.iter().enumerate();
        steps.map(move |(step_at, step)| (scope.case(at).step(step_at), step))
    };
    let all: Vec<(Scope, &Step)> = setup.chain((0..suite.cases.len()).flat_map(case)).collect();
    match suite.ordered {
        // What one case has saved, the next may read.
        true => saves(&all, all.len(), lint),
        false => {
            saves(&all, suite.setup.len(), lint);
            for at in 0..suite.cases.len() {
                let steps: Vec<(Scope, &Step)> = case(at).collect();
                saves(&steps, steps.len(), lint);
            }
        }
    }
    let of_refreshed = suite.refreshed.iter().flat_map(|it| [it.create.as_str(), &it.query]);
    let used: HashSet<&str> = all
        .iter()
        .flat_map(|it| texts(it.1))
        .chain(of_refreshed)
        .flat_map(vars::variables)
        .collect();
    refreshed(suite, scope, lint);
    for name in &suite.data {
        let Some(data_set) = data_sets.iter().find(|it| it.name == name.value) else { continue };
        let provides = &data_set.provides;
        if !provides.is_empty() && !provides.keys().any(|it| used.contains(it.as_str())) {
            let what = format!("no statement reads anything of `{}`", name.value);
            lint.warn(&UNUSED_DATA_SET, scope, &name.span, what);
        }
    }
}

/// Tables that no step looks at, nor any other of them reads.
fn refreshed(suite: &Suite, scope: Scope, lint: &mut Lint<'_>) {
    let mut used: HashSet<&str> = HashSet::new();
    for step in suite.cases.iter().flat_map(|it| &it.steps) {
        if let Action::Look(look) = &step.action {
            used.extend(look.tables());
        }
        used.extend(texts(step).into_iter().flat_map(vars::variables));
    }
    for (at, it) in suite.refreshed.iter().enumerate() {
        let below = suite.refreshed[at + 1..].iter();
        let is_read = below.flat_map(|it| vars::variables(&it.query)).any(|name| name == it.name);
        if !used.contains(it.name.as_str()) && !is_read {
            let span = lint.place_of(&[&it.name], &it.span);
            let what = format!("no step looks at `{}`", it.name);
            lint.warn(&UNUSED_REFRESHED, scope, &span, what);
        }
    }
}

fn labels(suite: &Suite, scope: Scope, lint: &mut Lint<'_>) {
    let mut seen: BTreeMap<&str, (usize, Scope, &Span)> = BTreeMap::new();
    for (at, case) in suite.cases.iter().enumerate() {
        for (step_at, step) in case.steps.iter().enumerate() {
            let labels: HashSet<&str> = step
                .expect
                .iter()
                .filter_map(|it| match &it.outcome {
                    Expect::Rows(rows) => rows.label.as_deref(),
                    _ => None,
                })
                .collect();
            for label in labels {
                let first = (0, scope.case(at).step(step_at), &step.span);
                seen.entry(label).or_insert(first).0 += 1;
            }
        }
    }
    for (label, (count, scope, span)) in seen {
        if count == 1 {
            let span = lint.place_of(&[label], span);
            let what = format!("no other result is labelled `{label}`");
            lint.warn(&LABEL_USED_ONCE, scope, &span, what);
        }
    }
}

/// Saves of the first `count` steps that nothing after them reads.
pub fn saves(steps: &[(Scope, &Step)], count: usize, lint: &mut Lint<'_>) {
    let mut read: HashSet<&str> = HashSet::new();
    for (at, (scope, step)) in steps.iter().enumerate().rev() {
        if let Some(name) = &step.save
            && at < count
            && !read.contains(name.as_str())
        {
            let (yaml, slt) = (format!("save: {name}"), format!("let {name}"));
            let span = lint.place_of(&[&yaml, &slt], &step.span);
            let what = format!("no later step reads `{{{name}}}`");
            lint.warn(&UNUSED_SAVE, *scope, &span, what);
        }
        read.extend(texts(step).into_iter().flat_map(vars::variables));
    }
}

/// Every text of a step that may name variables.
fn texts(step: &Step) -> Vec<&str> {
    let mut texts: Vec<&str> = step.unchanged.iter().map(|it| it.sql.as_str()).collect();
    match &step.action {
        Action::Execute { sql, binds } => {
            texts.push(sql);
            texts.extend(binds.iter().map(String::as_str));
        }
        Action::Look(look) => texts.extend(look.texts()),
        Action::Load(workload) => texts.extend(workload.texts().into_iter().map(|(it, _)| it)),
        Action::Sleep(_) => {}
    }
    let mut outcomes: Vec<&Expect> = step.expect.iter().map(|it| &it.outcome).collect();
    while let Some(outcome) = outcomes.pop() {
        match outcome {
            Expect::Sides(sides) => outcomes.extend(sides.iter().map(|it| &it.outcome)),
            Expect::SameAs { sql, .. } => texts.push(sql),
            Expect::Refused(refusal) => texts.extend(refusal.message.as_ref().map(|it| match it {
                MessageMatch::Contains(text)
                | MessageMatch::Exact(text)
                | MessageMatch::Regex(text) => text.as_str(),
            })),
            Expect::Rows(rows) => match &rows.rows {
                RowsExpected::Rows(rows) | RowsExpected::Contains(rows) => {
                    texts.extend(rows.iter().flatten().flat_map(cell_texts));
                }
                RowsExpected::Values(values) => texts.extend(values.iter().flat_map(cell_texts)),
                RowsExpected::Hash { .. } | RowsExpected::Count { .. } => {}
            },
            Expect::Ok | Expect::Affected(_) | Expect::Recorded => {}
        }
    }
    texts
}

fn cell_texts(cell: &Cell) -> Vec<&str> {
    match cell {
        Cell::Text(text) => vec![text],
        Cell::Ignore(parts) => parts.iter().map(String::as_str).collect(),
        Cell::Null | Cell::Regex(_) | Cell::NotRegex(_) => Vec::new(),
    }
}
