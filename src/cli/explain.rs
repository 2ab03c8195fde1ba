//! `snowgauge explain`

use super::{CliError, Ending, failure::print, select::SUITES_DIR};
use crate::{
    load::Workload,
    run::{self, compare::cell},
    suite::{
        self, Action, Case, Evidence, Expect, Expectation, MessageMatch, RowsExpected, Sort, Step,
        Suite,
        pins::Pin,
        refresh::{ExpectedRefreshes, Look, LookOf},
    },
};
use clap::Args;
use std::path::PathBuf;

/// Show what a case does, what it expects, and where each expectation comes from.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Part of a case's full name, or its id; every case that matches is shown.
    #[arg(value_name = "CASE")]
    case: String,

    /// Suites, or folders to search for them.
    #[arg(long = "suite", value_name = "SUITE", default_value = SUITES_DIR)]
    suites: Vec<PathBuf>,
}

pub fn explain(args: &ExplainArgs) -> Result<Ending, CliError> {
    let loaded = suite::load(&args.suites)?;
    let mut texts = Vec::new();
    for suite in &loaded.suites {
        for case in &suite.cases {
            if run::is_named(suite, case, &args.case) {
                texts.push(explanation(suite, case));
            }
        }
    }
    if texts.is_empty() {
        let keys =
            loaded.suites.iter().flat_map(|it| it.cases.iter().map(move |case| run::key(it, case)));
        let err = CliError::new(format!("no case is named like `{}`", args.case));
        return Err(match run::nearest_cases(&args.case, keys) {
            Some(hint) => err.hint(hint),
            None => err,
        });
    }
    print(&texts.join("\n"))?;
    Ok(Ending::AllPassed)
}

fn explanation(suite: &Suite, case: &Case) -> String {
    let mut out = format!("{}\n", run::key(suite, case));
    out += &format!("  at {}:{}\n", case.span.file.display(), case.span.line);
    for doc in [Some(&suite.doc), case.doc.as_ref()].into_iter().flatten() {
        for line in doc.trim().lines() {
            out += &format!("  {line}\n");
        }
    }
    let tags = run::tags(suite, case);
    if !tags.is_empty() {
        out += &format!("  tags: {}\n", tags.join(", "));
    }
    let needs: Vec<&str> =
        suite.needs.iter().chain(&case.needs).map(|it| it.value.as_str()).collect();
    if !needs.is_empty() {
        out += &format!("  needs: {}\n", needs.join(", "));
    }
    let data: Vec<&str> = suite.data.iter().map(|it| it.value.as_str()).collect();
    if !data.is_empty() {
        out += &format!("  data sets: {}\n", data.join(", "));
    }
    if let Some(only) = &case.only {
        let names: Vec<&str> = only.releases.0.iter().map(|it| it.name()).collect();
        out += &format!("  only on {}: {}\n", names.join(", "), only.reason);
    }
    let looks = case.steps.iter().filter_map(|it| match &it.action {
        Action::Look(look) => Some(look.tables()),
        Action::Execute { .. } | Action::Sleep(_) | Action::Load(_) => None,
    });
    let looked_at: Vec<&str> = looks.flatten().collect();
    for it in suite.refreshed.iter().filter(|it| looked_at.contains(&it.name.as_str())) {
        out += &format!("\n  refreshed table {}\n", it.name);
        for line in it.create_sql().trim().lines() {
            out += &format!("    {line}\n");
        }
    }
    for (at, step) in case.steps.iter().enumerate() {
        out += &explained_step(step);
        let is_of_step = |it: &&Pin| it.case == case.name && it.step == at + 1;
        for pin in suite.pins.iter().filter(is_of_step) {
            out += &format!("    pinned ({}): {}\n", pin.place(), pin.seen);
        }
    }
    out
}

fn explained_load(load: &Workload) -> String {
    let mut out = format!("    {}\n", load.in_words());
    for (query, control) in load.queries() {
        let how_often = match control {
            true => format!("control, {} % of all", query.weight * 100.0),
            false => format!("weight {}", query.weight),
        };
        out += &format!("    {} ({how_often}): {}\n", query.name, one_line(&query.sql));
    }
    for budget in &load.budgets {
        let of = budget.query.iter().chain(&budget.role).map(|it| format!(" of {it}"));
        let of: String = of.collect();
        out += &format!("    budget{of}: {}\n", budget.budget);
    }
    out
}

fn explained_step(step: &Step) -> String {
    let mut out = format!("\n  line {}, session {}\n", step.span.line, step.session);
    match &step.action {
        Action::Execute { sql, binds } => {
            for line in sql.trim().lines() {
                out += &format!("    {line}\n");
            }
            if !binds.is_empty() {
                out += &format!("    binds: {}\n", binds.join(", "));
            }
        }
        Action::Sleep(duration) => out += &format!("    sleeps {}\n", run::seconds(*duration)),
        Action::Look(look) => return out + &explained_look(look),
        Action::Load(load) => return out + &explained_load(load),
    }
    for expectation in &step.expect {
        out += &explained_expectation(expectation);
    }
    if let Some(within) = step.within {
        out += &format!("    looks again for up to {}\n", run::seconds(within));
    }
    if let Some((at_least, at_most)) = step.takes {
        out += &format!("    takes {} to {}\n", run::seconds(at_least), run::seconds(at_most));
    }
    for query in &step.unchanged {
        let session = match query.session == step.session {
            true => String::new(),
            false => format!(" on {}", query.session),
        };
        out += &format!("    leaves unchanged{session}: {}\n", one_line(&query.sql));
    }
    if let Some(name) = &step.save {
        out += &format!("    saves the first cell as {{{name}}}\n");
    }
    out
}

fn explained_expectation(expectation: &Expectation) -> String {
    let releases = match &expectation.releases {
        None => String::new(),
        Some(releases) => {
            let names: Vec<&str> = releases.0.iter().map(|it| it.name()).collect();
            format!(" on {}", names.join(", "))
        }
    };
    let out = format!("    expects{releases}: {}\n", explained_outcome(&expectation.outcome));
    out + &explained_evidence(expectation.evidence, expectation.source.as_ref())
}

fn explained_evidence(evidence: Evidence, source: Option<&String>) -> String {
    let evidence = match evidence {
        Evidence::None => return String::new(),
        Evidence::Seed => "seed: a document that the project started from",
        Evidence::Documented => "documented",
        Evidence::Observed => "observed on a live account",
        Evidence::Unverified => "unverified: nobody is known to have seen it",
    };
    let mut out = format!("      evidence: {evidence}\n");
    if let Some(source) = source {
        out += &format!("      source: {source}\n");
    }
    out
}

fn explained_outcome(expect: &Expect) -> String {
    match expect {
        Expect::Ok => "success".to_owned(),
        Expect::Recorded => "any answer; it is kept and reported".to_owned(),
        Expect::Sides(sides) => {
            let mut out = "one of these sides; none of them is a failure".to_owned();
            for it in sides {
                let outcome = explained_outcome(&it.outcome);
                out += &format!("\n      {}: {outcome}\n        source: {}", it.name, it.source);
            }
            out
        }
        Expect::Affected(count) => format!("{count} rows affected"),
        Expect::SameAs { session, sql, .. } => {
            format!("the same rows as on {session}: {}", one_line(sql))
        }
        Expect::Rows(expected) => {
            let sort = match expected.sort {
                Sort::None => "",
                Sort::Rows => ", rows in any order",
                Sort::Values => ", values in any order",
            };
            let rows = match &expected.rows {
                RowsExpected::Rows(rows) => shown_rows(rows),
                RowsExpected::Values(values) => {
                    shown_rows(&values.iter().map(|it| vec![it.clone()]).collect::<Vec<_>>())
                }
                RowsExpected::Hash { count, md5 } => format!("{count} values hashing to {md5}"),
                RowsExpected::Count { min, max: Some(max) } if min == max => format!("{min} rows"),
                RowsExpected::Count { min, max: Some(max) } => format!("{min} to {max} rows"),
                RowsExpected::Count { min, max: None } => format!("{min} rows or more"),
                RowsExpected::Contains(rows) => format!("among others, {}", shown_rows(rows)),
            };
            format!("{rows}{sort}")
        }
        Expect::Refused(expected) => {
            let mut parts = Vec::new();
            parts.extend(expected.code.as_ref().map(|it| format!("code {it}")));
            parts.extend(expected.sqlstate.as_ref().map(|it| format!("SQLSTATE {it}")));
            parts.extend(expected.message.as_ref().map(|it| match it {
                MessageMatch::Contains(it) => format!("a message with `{it}`"),
                MessageMatch::Regex(it) => format!("a message that matches `{it}`"),
                MessageMatch::Exact(it) => format!("the message `{it}`"),
            }));
            match parts.is_empty() {
                true => "a refusal by the server, any".to_owned(),
                false => format!("a refusal by the server with {}", parts.join(", ")),
            }
        }
    }
}

/// Rows that fit on a line; how many there are otherwise.
fn shown_rows(rows: &[Vec<crate::suite::Cell>]) -> String {
    let row = |row: &Vec<crate::suite::Cell>| {
        row.iter().map(cell::show_expected).collect::<Vec<_>>().join(" | ")
    };
    match rows {
        [] => "no rows".to_owned(),
        [one] => format!("the row {}", row(one)),
        many if many.len() <= 3 => {
            format!("the rows {}", many.iter().map(row).collect::<Vec<_>>().join("; "))
        }
        many => format!("{} rows, the first {}", many.len(), row(&many[0])),
    }
}

fn one_line(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn explained_look(look: &Look) -> String {
    let mut out = format!("    {}\n", look.in_words());
    let what = match &look.of {
        LookOf::Fresh { .. } => {
            "has seen what the case changed; each refresh on the way equals the definition"
                .to_owned()
        }
        LookOf::EqualsDefinition { tables } if tables.len() > 1 => {
            "each equals its definition at its data timestamp, and they agree".to_owned()
        }
        LookOf::EqualsDefinition { .. } => "equals its definition at its data timestamp".to_owned(),
        LookOf::Refreshes { expected, .. } => explained_refreshes(expected),
        LookOf::Lag(it) => {
            let budget = it.budget.map_or_else(String::new, |it| format!(", {it}"));
            format!("{} rows, each until it is visible{budget}", it.samples)
        }
    };
    out += &format!("    expects: {what}\n");
    if let Some(within) = look.within {
        out += &format!("    looks again for up to {within}\n");
    }
    out + &explained_evidence(look.evidence, look.source.as_ref())
}

fn explained_refreshes(expected: &ExpectedRefreshes) -> String {
    let mut parts = Vec::new();
    if let Some((least, most)) = expected.count {
        parts.push(match most {
            Some(most) if most == least => format!("{least} refreshes"),
            Some(most) => format!("{least} to {most} refreshes"),
            None => format!("{least} refreshes or more"),
        });
    }
    parts.extend(expected.every.as_ref().map(|it| format!("each {it}")));
    parts.extend(expected.some.iter().map(|it| format!("one {it}")));
    parts.extend(expected.none.as_ref().map(|it| format!("none {it}")));
    parts.extend(expected.last.as_ref().map(|it| format!("the last {it}")));
    if let Some(it) = &expected.schedule {
        parts.extend(it.period.map(|it| format!("one every {}", run::seconds(it))));
        parts.extend(it.phase_of.as_ref().map(|it| format!("in phase with {it}")));
        parts.extend(it.ticks_of.as_ref().map(|it| format!("at data timestamps of {it}")));
    }
    parts.join("; ")
}
