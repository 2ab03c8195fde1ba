//! The parts of one run, joined: what several machines did, as if one had.
//!
//! Cases that were divided are put together again, each of them once and in the order of one run.
//! Loads that were divided are added up ([`crate::load::merge`]), and their budgets judged on the
//! sum. A part that is missing makes the whole one that was cut short: nobody takes two thirds for
//! everything.

use super::{
    CaseKey, CaseReport, LOAD_PARTITION, Outcome, PARTITION, PARTITION_OF, Partition, RunSummary,
};
use crate::load::{
    LoadReport,
    merge::{self as loads, Part},
    verdict,
};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// What was divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Divided {
    Cases,
    Loads,
}

/// A run, and which part it is.
struct Parted {
    partition: Partition,
    summary: RunSummary,
}

/// The whole of which these runs are parts.
///
/// # Errors
///
/// All reasons why they are not parts of one run.
pub fn merge(runs: Vec<RunSummary>) -> Result<RunSummary, Vec<String>> {
    let mut errors = Vec::new();
    let (divided, mut parts) = parted(runs, &mut errors);
    errors.extend(differences(&parts));
    let Some(of) = parts.first().map(|it| it.partition.of()) else {
        errors.push("there is no run to be merged".to_owned());
        return Err(errors);
    };
    if !errors.is_empty() {
        return Err(errors);
    }
    parts.sort_by_key(|it| it.partition);
    let missing: Vec<Partition> = (1..=of)
        .filter_map(|number| Partition::new(number, of))
        .filter(|it| parts.iter().all(|part| part.partition != *it))
        .collect();
    let cases = match divided {
        Divided::Cases => cases(&parts, &missing),
        Divided::Loads => divided_loads(&parts, &missing),
    };
    let cases = cases?;
    Ok(whole(&parts, &missing, cases))
}

/// What was divided, and the parts. Runs that are none are errors.
fn parted(runs: Vec<RunSummary>, errors: &mut Vec<String>) -> (Divided, Vec<Parted>) {
    let mut divided = None;
    let mut parts: Vec<Parted> = Vec::new();
    for summary in runs {
        let found = [(PARTITION, Divided::Cases), (LOAD_PARTITION, Divided::Loads)];
        let found = found.into_iter().find_map(|(name, divided)| {
            Some((fact(&summary, name)?.parse::<Partition>().ok()?, divided))
        });
        let Some((partition, own)) = found else {
            errors.push(format!("run {} is no part of another: it has no partition", summary.run));
            continue;
        };
        if *divided.get_or_insert(own) != own {
            errors.push(format!(
                "run {} divides {}, and others divide {}",
                summary.run,
                own.word(),
                divided.unwrap_or(own).word()
            ));
        }
        if let Some(other) = parts.iter().find(|it| it.partition == partition) {
            errors.push(format!(
                "runs {} and {} are both part {partition}",
                other.summary.run, summary.run
            ));
        }
        parts.push(Parted { partition, summary });
    }
    (divided.unwrap_or(Divided::Cases), parts)
}

impl Divided {
    fn word(self) -> &'static str {
        match self {
            Self::Cases => "cases",
            Self::Loads => "loads",
        }
    }
}

/// What parts of one run have in common.
fn differences(parts: &[Parted]) -> Vec<String> {
    let Some(first) = parts.first() else { return Vec::new() };
    let mut errors = Vec::new();
    let of = |it: &Parted| -> [(&'static str, String); 7] {
        let summary = &it.summary;
        let load_seed = match fact(summary, LOAD_PARTITION) {
            Some(_) => summary.seed.to_string(),
            None => String::new(),
        };
        [
            ("number of parts", it.partition.of().to_string()),
            ("selection", fact(summary, PARTITION_OF).unwrap_or_default().to_owned()),
            ("target", summary.target.map(|it| it.to_string()).unwrap_or_default()),
            ("scale", summary.scale.to_string()),
            ("strictness", format!("{:?}", summary.strictness).to_lowercase()),
            ("seed", load_seed),
            ("version of snowgauge", summary.tool_version.clone()),
        ]
    };
    for other in &parts[1..] {
        for ((what, a), (_, b)) in of(first).into_iter().zip(of(other)) {
            if a != b {
                errors.push(format!(
                    "runs {} and {} are not parts of one run: they differ in {what}, `{a}` and `{b}`",
                    first.summary.run, other.summary.run
                ));
            }
        }
        let releases = [first.summary.release, other.summary.release];
        if let [Some(a), Some(b)] = releases
            && a != b
        {
            errors.push(format!(
                "runs {} and {} were on other releases, {a} and {b}",
                first.summary.run, other.summary.run
            ));
        }
    }
    errors
}

/// Cases of all parts, in the order of one run.
fn cases(parts: &[Parted], missing: &[Partition]) -> Result<Vec<CaseReport>, Vec<String>> {
    let mut seen: BTreeMap<&CaseKey, &str> = BTreeMap::new();
    let mut errors = Vec::new();
    let mut cases = Vec::new();
    for part in parts {
        for case in &part.summary.cases {
            match seen.insert(&case.case, &part.summary.run) {
                None => cases.push(case.clone()),
                Some(other) => errors.push(format!(
                    "`{}` is in run {other} and in run {}",
                    case.case, part.summary.run
                )),
            }
        }
    }
    let whole = parts.first().and_then(|it| fact(&it.summary, PARTITION_OF));
    let total = whole.and_then(|it| it.split(' ').next()?.parse::<usize>().ok());
    if missing.is_empty()
        && let Some(total) = total
        && errors.is_empty()
        && total != cases.len()
    {
        errors.push(format!("the parts have {} cases, and were made of {total}", cases.len()));
    }
    // Suites run by name, their cases as they are written.
    cases.sort_by(|a, b| {
        (&a.case.suite, a.case.line, &a.case.name).cmp(&(&b.case.suite, b.case.line, &b.case.name))
    });
    match errors.is_empty() {
        true => Ok(cases),
        false => Err(errors),
    }
}

/// Every load, of all of its parts.
fn divided_loads(parts: &[Parted], missing: &[Partition]) -> Result<Vec<CaseReport>, Vec<String>> {
    let mut keys: Vec<&CaseKey> = Vec::new();
    for case in parts.iter().flat_map(|it| &it.summary.cases) {
        if !keys.contains(&&case.case) {
            keys.push(&case.case);
        }
    }
    let mut errors = Vec::new();
    let mut cases = Vec::new();
    for key in keys {
        let of_parts: Vec<(Partition, &CaseReport)> = parts
            .iter()
            .filter_map(|part| {
                let case = part.summary.cases.iter().find(|it| it.case == *key)?;
                Some((part.partition, case))
            })
            .collect();
        match load(&of_parts, missing, parts.len()) {
            Ok(case) => cases.push(case),
            Err(err) => errors.push(format!("`{key}`: {err}")),
        }
    }
    match errors.is_empty() {
        true => Ok(cases),
        false => Err(errors),
    }
}

/// One load.
fn load(
    parts: &[(Partition, &CaseReport)],
    missing: &[Partition],
    expected: usize,
) -> Result<CaseReport, String> {
    let Some((_, first)) = parts.first() else { return Err("no part has it".to_owned()) };
    if parts.len() < expected {
        return Err("not all runs have it".to_owned());
    }
    let mut merged = (*first).clone();
    merged.at = parts.iter().map(|(_, it)| it.at).min().unwrap_or(first.at);
    merged.took_us = took(parts.iter().map(|(_, it)| (it.at, it.took_us)));
    merged.steps = parts.iter().flat_map(|(_, it)| it.steps.clone()).collect();
    let warehouses: BTreeSet<&str> = parts
        .iter()
        .filter_map(|(_, it)| it.properties.get("warehouse"))
        .map(String::as_str)
        .collect();
    if !warehouses.is_empty() {
        let warehouses = warehouses.into_iter().collect::<Vec<_>>().join(",");
        merged.properties.insert("warehouse".to_owned(), warehouses);
    }
    let measured: Vec<Part<'_>> = parts
        .iter()
        .filter_map(|(partition, it)| {
            Some(Part { partition: *partition, report: it.load.as_deref()? })
        })
        .collect();
    if measured.len() < parts.len() {
        // A part without figures was skipped or not run, and says why.
        let without = parts.iter().find(|(_, it)| it.load.is_none());
        merged.outcome = match without {
            Some((_, it)) if parts.iter().all(|(_, other)| other.load.is_none()) => {
                it.outcome.clone()
            }
            Some((partition, it)) => Outcome::NotRun {
                cause: format!(
                    "part {partition}: {}",
                    crate::report::text::reason(&it.outcome).unwrap_or(it.outcome.word())
                ),
            },
            None => merged.outcome,
        };
        merged.load = None;
        return Ok(merged);
    }
    let report = loads::merge(&measured, missing)?;
    merged.outcome = outcome(parts, &report);
    merged.load = Some(Box::new(report));
    Ok(merged)
}

/// Wrong rows and errors without a budget are so whatever the other parts had.
fn outcome(parts: &[(Partition, &CaseReport)], report: &LoadReport) -> Outcome {
    let failed = parts.iter().filter_map(|(partition, it)| match &it.outcome {
        Outcome::Failed { failure } => Some((partition, failure)),
        _ => None,
    });
    let failed: Vec<_> = failed.collect();
    match failed.first() {
        None => verdict::of_budgets(report),
        Some((_, first)) => {
            let messages = failed.iter().map(|(part, it)| format!("part {part}: {}", it.message));
            let mut failure = (*first).clone();
            failure.message = messages.collect::<Vec<_>>().join("; ");
            Outcome::Failed { failure }
        }
    }
}

/// From the first start to the last end, in microseconds.
fn took(spans: impl Iterator<Item = (DateTime<Utc>, u64)>) -> u64 {
    let spans: Vec<(DateTime<Utc>, u64)> = spans.collect();
    let end = |(at, took): &(DateTime<Utc>, u64)| {
        *at + TimeDelta::microseconds(i64::try_from(*took).unwrap_or(i64::MAX / 2))
    };
    let first = spans.iter().map(|(at, _)| *at).min();
    let last = spans.iter().map(end).max();
    let took = last.zip(first).and_then(|(last, first)| (last - first).num_microseconds());
    took.and_then(|it| u64::try_from(it).ok()).unwrap_or_default()
}

fn whole(parts: &[Parted], missing: &[Partition], cases: Vec<CaseReport>) -> RunSummary {
    let all = || parts.iter().map(|it| &it.summary);
    let mut causes: Vec<String> =
        missing.iter().map(|it| format!("part {it} is missing")).collect();
    causes.extend(parts.iter().filter_map(|it| {
        Some(format!("part {}: {}", it.partition, it.summary.cut_short.as_ref()?))
    }));
    let took_us = all().map(|it| Some((it.started_at?, it.took_us?))).collect::<Option<Vec<_>>>();
    let first = parts.first().map(|it| it.summary.clone()).unwrap_or_default();
    RunSummary {
        run: all().map(|it| it.run.as_str()).collect::<Vec<_>>().join("+"),
        started_at: all().filter_map(|it| it.started_at).min(),
        place: joined(all().map(|it| it.place.as_str())),
        release: all().find_map(|it| it.release),
        release_how: all().find_map(|it| it.release_how.clone()),
        facts: facts(parts),
        work: all().flat_map(|it| it.work.clone()).collect(),
        cases,
        took_us: took_us.map(|it| took(it.into_iter())),
        cut_short: (!causes.is_empty()).then(|| causes.join("; ")),
        ..first
    }
}

/// Each fact once; credits are added, and other values put beside each other.
fn facts(parts: &[Parted]) -> Vec<(String, String)> {
    let all: Vec<&(String, String)> = parts.iter().flat_map(|it| &it.summary.facts).collect();
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in &all {
        if !names.contains(&name.as_str()) && ![PARTITION, LOAD_PARTITION].contains(&name.as_str())
        {
            names.push(name);
        }
    }
    let of = parts.first().map_or(0, |it| it.partition.of());
    let runs: Vec<&str> = parts.iter().map(|it| it.summary.run.as_str()).collect();
    let merged = format!("{} of {of} parts: {}", parts.len(), runs.join(", "));
    let merged = ("merged_of".to_owned(), merged);
    let facts = names.into_iter().map(|name| {
        let values = || all.iter().filter(|(it, _)| it == name).map(|(_, value)| value.as_str());
        let value = match name.ends_with("_credits") {
            true => {
                let sum: f64 = values().filter_map(|it| it.parse::<f64>().ok()).sum();
                format!("{sum:.2}")
            }
            false => joined(values()),
        };
        (name.to_owned(), value)
    });
    std::iter::once(merged).chain(facts).collect()
}

/// Each once, in their order.
fn joined<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let mut once: Vec<&str> = Vec::new();
    for it in values {
        if !once.contains(&it) {
            once.push(it);
        }
    }
    once.join("; ")
}

fn fact<'a>(summary: &'a RunSummary, name: &str) -> Option<&'a str> {
    summary.facts.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::sample::{self, case, failure},
        run::{Fold, Selection, plan},
        suite::{Suite, parse_suite, source::Source},
    };

    const A: &str = "doc: d
cases:
  - { name: one, sql: SELECT 1 }
  - { name: two, sql: SELECT 2 }
  - { name: three, sql: SELECT 3 }
  - { name: four, sql: SELECT 4 }
";
    /// Its cases rely on each other.
    const B: &str = "statement ok\nSELECT 1\n\nstatement ok\nSELECT 2\n";

    fn suites() -> Vec<Suite> {
        let parse = |name: &str, file: &str, text: &str| {
            parse_suite(name, Source::new(file, text.to_owned())).unwrap()
        };
        vec![parse("a", "a.yaml", A), parse("b", "b.slt", B)]
    }

    /// The run of a part, or of all of it: every case passed, but `two`.
    fn run(part: Option<Partition>) -> RunSummary {
        let selection = Selection { partition: part, ..Selection::default() };
        let plan = plan(&suites(), &[], &selection).unwrap();
        let cases = plan.keys().into_iter().map(|key| {
            let outcome = match key.name.as_str() {
                "two" => Outcome::Failed { failure: failure() },
                _ => Outcome::Passed,
            };
            CaseReport { case: key, ..case("", outcome) }
        });
        let mut summary = sample::summary(cases.collect());
        if let Some(parted) = plan.partition {
            summary.run = format!("SG{}", parted.partition.number());
            summary.facts.push((PARTITION.to_owned(), parted.partition.to_string()));
            summary.facts.push((PARTITION_OF.to_owned(), parted.whole));
            summary.facts.push(("metered_credits".to_owned(), "0.25".to_owned()));
        }
        summary
    }

    fn part(number: u32, of: u32) -> Partition {
        Partition::new(number, of).unwrap()
    }

    fn errors(runs: Vec<RunSummary>) -> Vec<String> {
        merge(runs).unwrap_err()
    }

    #[test]
    fn parts_joined_are_one_run() {
        let whole = run(None);
        for of in [1, 2, 3] {
            // In whichever order they are named.
            let parts = (1..=of).rev().map(|it| run(Some(part(it, of)))).collect();
            let merged = merge(parts).unwrap();
            assert_eq!(merged.cases, whole.cases, "{of}");
            assert_eq!(merged.counts(), whole.counts());
            assert_eq!(merged.cut_short, None);
            let credits = merged.facts.iter().find(|it| it.0 == "metered_credits").unwrap();
            assert_eq!(credits.1, format!("{:.2}", 0.25 * f64::from(of)));
        }
    }

    #[test]
    fn a_part_that_is_missing_cuts_the_run_short() {
        let merged = merge(vec![run(Some(part(1, 2)))]).unwrap();
        assert_eq!(merged.cut_short.as_deref(), Some("part 2/2 is missing"));
        let mut killed = run(Some(part(2, 2)));
        killed.cut_short = Some("the run was cut short".to_owned());
        let merged = merge(vec![run(Some(part(1, 2))), killed]).unwrap();
        assert_eq!(merged.cut_short.as_deref(), Some("part 2/2: the run was cut short"));
    }

    #[test]
    fn what_are_no_parts_of_one_run_is_told_with_every_reason() {
        let mut other = run(Some(part(2, 3)));
        other.scale = 5;
        assert_eq!(
            errors(vec![run(None), run(Some(part(1, 2))), run(Some(part(1, 2))), other]),
            [
                "run SG1 is no part of another: it has no partition",
                "runs SG1 and SG1 are both part 1/2",
                "runs SG1 and SG2 are not parts of one run: they differ in number of parts, `2` and \
                 `3`",
                "runs SG1 and SG2 are not parts of one run: they differ in scale, `100` and `5`",
            ]
        );
        let mut selected = run(Some(part(2, 2)));
        for fact in &mut selected.facts {
            if fact.0 == PARTITION_OF {
                fact.1 = "7 cases, abc".to_owned();
            }
        }
        let found = errors(vec![run(Some(part(1, 2))), selected]);
        assert!(found[0].contains("they differ in selection, `"), "{found:?}");
        assert_eq!(errors(Vec::new()), ["there is no run to be merged"]);
    }

    /// A load of two machines.
    fn load_part(number: u32) -> RunSummary {
        let mut case = sample::loaded(None);
        let load = case.load.as_mut().unwrap();
        load.measured.health.unsound.clear();
        // Some of the sample's are there for how they look.
        load.judged.retain(|it| it.budget.parse::<crate::load::Budget>().is_ok());
        assert!(!load.judged.is_empty());
        case.outcome = Outcome::Observed { seen: format!("part {number}/2") };
        let mut fold = Fold::default();
        sample::events(vec![case]).iter().for_each(|it| fold.event(it));
        let mut summary = fold.summary();
        summary.run = format!("SG{number}");
        summary.facts.push((LOAD_PARTITION.to_owned(), format!("{number}/2")));
        summary
    }

    #[test]
    fn loads_are_added_up_and_judged_again() {
        let one = load_part(1);
        let merged = merge(vec![one.clone(), load_part(2)]).unwrap();
        let [case] = merged.cases.as_slice() else { panic!("{merged:?}") };
        let due = |case: &CaseReport| -> u64 {
            let roles = &case.load.as_ref().unwrap().measured.roles;
            roles.iter().flat_map(|it| &it.queries).map(|it| it.counts().due).sum()
        };
        assert_eq!(due(case), 2 * due(&one.cases[0]));
        assert!(!matches!(case.outcome, Outcome::Observed { .. }), "{:?}", case.outcome);

        let mut lost = load_part(2);
        lost.cases[0].load = None;
        lost.cases[0].outcome = Outcome::NotRun { cause: "connection lost".to_owned() };
        let merged = merge(vec![one, lost]).unwrap();
        assert_eq!(
            merged.cases[0].outcome,
            Outcome::NotRun { cause: "part 2/2: connection lost".to_owned() }
        );
    }
}
