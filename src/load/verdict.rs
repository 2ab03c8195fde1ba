//! What a load means for its case.

use super::{
    Judged, LoadReport, Measured, Verdict, WrittenBudget,
    budget::{Counted, Quantity},
    judge,
    measure::{LostEarly, errors},
    workload::{BudgetLine, Workload},
};
use crate::{
    run::{Failure, Outcome, Partition},
    suite::span::Span,
};

/// The budgets, held against what was measured, in the order of the suite.
pub fn judged(measured: &Measured, workload: &Workload) -> Vec<Judged> {
    let judged = workload.budgets.iter().flat_map(|line| {
        let written = written(line);
        // The first role is what a budget is about.
        let role = line.role.as_ref().and_then(|it| {
            measured.roles.iter().position(|role| role.role == *it).filter(|at| *at > 0)
        });
        match role {
            None => judge(measured, &[written]),
            Some(at) => {
                let mut turned = measured.clone();
                turned.roles.swap(0, at);
                judge(&turned, &[written])
            }
        }
    });
    judged.collect()
}

/// As the judge takes it.
pub fn written(line: &BudgetLine) -> WrittenBudget {
    WrittenBudget {
        budget: line.budget.clone(),
        place: place(&line.span),
        query: line.query.clone(),
    }
}

/// Whether a budget says how many errors of a class there may be.
fn speaks_of(line: &BudgetLine, class: &str) -> bool {
    match &line.budget.quantity {
        Quantity::Counted { what: Counted::Errors, .. } => true,
        Quantity::Counted { what: Counted::Class(it), .. } => it == class,
        _ => false,
    }
}

/// How the case ends.
///
/// Wrong rows and errors that nobody has a budget for come first, then lost budgets: those that are
/// lost although a generator was unsound do not depend on it. Then what makes figures worthless.
pub fn outcome(workload: &Workload, report: &LoadReport, span: &Span) -> Outcome {
    match facts(workload, &report.measured, span) {
        Some(failure) => Outcome::Failed { failure },
        None => of_budgets(report),
    }
}

/// What is wrong whatever the budgets say, and also where only a part of the load is known.
fn facts(workload: &Workload, measured: &Measured, span: &Span) -> Option<Failure> {
    wrong_rows(workload, measured).or_else(|| uncovered_errors(workload, measured, span))
}

/// How the case of one part of a load ends: its budgets are the whole load's.
pub fn outcome_of_part(
    workload: &Workload,
    measured: &Measured,
    span: &Span,
    partition: Partition,
) -> Outcome {
    if let Some(failure) = facts(workload, measured, span) {
        return Outcome::Failed { failure };
    }
    match measured.health.unsound.as_slice() {
        [] => Outcome::Observed { seen: format!("part {partition} of the load; {JUDGED_LATER}") },
        unsound => Outcome::Invalid { why: unsound.join("; ") },
    }
}

/// What is said of the budgets of a part.
const JUDGED_LATER: &str = "its budgets are judged when `report --merge` has all parts";

/// The budgets of a part: which there are, and nothing of how they are kept.
pub fn judged_later(measured: &Measured, workload: &Workload) -> Vec<Judged> {
    let mut judged = judged(measured, workload);
    for it in &mut judged {
        it.estimate = None;
        it.verdict = Verdict::Unsure;
        it.why = JUDGED_LATER.to_owned();
    }
    judged
}

/// How a load ends that nothing else is wrong with.
pub fn of_budgets(report: &LoadReport) -> Outcome {
    let LoadReport { measured, judged } = report;
    let told = |verdict: Verdict| {
        let lines = judged.iter().filter(move |it| it.verdict == verdict);
        lines.map(|it| format!("`{}`: {}", of(it), it.why)).collect::<Vec<_>>()
    };
    if let Some(first) = judged.iter().find(|it| it.verdict == Verdict::Failed) {
        let sql = measured.roles.iter().flat_map(|it| &it.queries);
        let mut sql = sql.filter(|it| Some(&it.name) == first.query.as_ref()).map(|it| &it.sql);
        return Outcome::Failed {
            failure: Failure {
                message: told(Verdict::Failed).join("; "),
                place: first.place.clone(),
                sql: sql.next().cloned().unwrap_or_default(),
                query_id: None,
                diff: None,
                hint: None,
            },
        };
    }
    // All budgets of a load that was not sound say so again.
    let unsound = match measured.health.unsound.as_slice() {
        [] => told(Verdict::Invalid),
        unsound => unsound.to_vec(),
    };
    if !unsound.is_empty() {
        return Outcome::Invalid { why: unsound.join("; ") };
    }
    match told(Verdict::Unsure) {
        none if none.is_empty() => Outcome::Passed,
        unsure => Outcome::Unsure { why: unsure.join("; ") },
    }
}

/// A budget, and of which query it is.
fn of(judged: &Judged) -> String {
    match &judged.query {
        Some(query) => format!("{query}: {}", judged.budget),
        None => judged.budget.clone(),
    }
}

fn place(span: &Span) -> String {
    format!("{}:{}", span.file.display(), span.line)
}

/// How the case of a load ends that was ended early, of which [`outcome`] says this.
///
/// A recorded one may have been ended for a budget that there is none of any more: then the figures
/// are those of a shorter load. An unsound generator explains a lost budget.
pub fn outcome_early(workload: &Workload, lost: &LostEarly, outcome: Outcome) -> Outcome {
    let line = workload
        .budgets
        .iter()
        .find(|it| it.budget.to_string() == lost.budget && it.query == lost.query);
    let words = lost.in_words();
    match (outcome, line) {
        (Outcome::Failed { failure }, Some(_)) => {
            let message = format!("{}; {words}", failure.message);
            Outcome::Failed { failure: Failure { message, ..failure } }
        }
        (Outcome::Passed | Outcome::Unsure { .. }, Some(line)) => Outcome::Failed {
            failure: Failure {
                message: words,
                place: place(&line.span),
                sql: String::new(),
                query_id: None,
                diff: None,
                hint: None,
            },
        },
        (Outcome::Invalid { why }, Some(_)) => Outcome::Invalid { why: format!("{why}; {words}") },
        (outcome, _) => outcome,
    }
}

/// The first query with answers that were not as they should be.
fn wrong_rows(workload: &Workload, measured: &Measured) -> Option<Failure> {
    for role in &measured.roles {
        for query in &role.queries {
            let wrong: u64 = query.seconds.iter().map(|it| it.wrong_rows).sum();
            if wrong == 0 {
                continue;
            }
            let answers = wrong + query.seconds.iter().map(|it| it.ok).sum::<u64>();
            let example = query.exchanges.iter().find(|it| it.ending.contains("expected"));
            let ending = example.map_or(String::new(), |it| format!(": {}", it.ending));
            let written = workload.queries().find(|(it, _)| it.name == query.name);
            return Some(Failure {
                message: format!(
                    "{wrong} of {answers} answers to `{}` on {} had wrong rows{ending}",
                    query.name, role.role
                ),
                place: written.map_or_else(String::new, |(it, _)| place(&it.span)),
                sql: example.map_or_else(|| query.sql.clone(), |it| it.sql.clone()),
                query_id: example.and_then(|it| it.query_id.clone()),
                diff: None,
                hint: None,
            });
        }
    }
    None
}

/// Errors that no budget speaks of.
fn uncovered_errors(workload: &Workload, measured: &Measured, span: &Span) -> Option<Failure> {
    let errors = errors(measured);
    let (class, count) =
        errors.iter().find(|(class, _)| !workload.budgets.iter().any(|it| speaks_of(it, class)))?;
    let queries = measured.roles.iter().flat_map(|it| &it.queries);
    let example = queries.flat_map(|it| &it.exchanges).find(|it| it.ending.starts_with(class));
    let ending = example.map_or(String::new(), |it| format!(": {}", it.ending));
    Some(Failure {
        message: format!("{count} requests ended in {class}, of which no budget speaks{ending}"),
        place: place(span),
        sql: example.map_or_else(String::new, |it| it.sql.clone()),
        query_id: example.and_then(|it| it.query_id.clone()),
        diff: None,
        hint: Some("say how many there may be: `errors == 0`".to_owned()),
    })
}
