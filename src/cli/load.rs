//! `snowgauge load`

use super::{
    CliError, Ending,
    exit::HELP,
    run::{RunArgs, run_planned},
};
use crate::{
    load::measure::OfMany,
    run::{self, CaseKey, Partition, Selection, is_named, key},
    suite::{Action, Case, Loaded},
};
use chrono::{DateTime, Utc};
use clap::Args;
use std::collections::HashSet;

/// Run the loads of suites: many requests at once, with budgets for how long they may take.
///
/// A SUITE may be followed by `::` and a part of a case's name or its id. While a load is executed,
/// rate, latencies and errors of the last seconds are shown; each ends with a table. Histograms are
/// beside the journal, for the tools of HdrHistogram.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct LoadArgs {
    #[command(flatten)]
    run: RunArgs,

    /// When all parts of a load begin to count, by the clocks of their machines:
    /// `2026-11-21T22:00:00Z`. Goes with `--partition`, and leaves time for set-up and warm-up.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    start_at: Option<DateTime<Utc>>,
}

fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|it| it.to_utc())
        .map_err(|_| "expected a day, a time and a zone, such as `2026-11-21T22:00:00Z`".to_owned())
}

pub fn load(args: LoadArgs) -> Result<Ending, CliError> {
    let LoadArgs { run: mut args, start_at } = args;
    // It divides the loads, and not the cases.
    let partition = args.select.partition.take();
    let named = args.select.split_cases();
    let loaded = args.select.load()?;
    let wanted = args.select.selection();
    let is_wanted = |it: &CaseKey| match named.is_empty() {
        true => true,
        false => named.iter().any(|part| it.to_string().contains(part.as_str())),
    };
    let mut keys: HashSet<CaseKey> = HashSet::new();
    for suite in &loaded.suites {
        for case in suite.cases.iter().filter(|it| is_load(it)) {
            let key = key(suite, case);
            let by_filter = wanted.filter.as_ref().is_none_or(|it| is_named(suite, case, it));
            let tags = run::tags(suite, case);
            if is_wanted(&key) && by_filter && wanted.tags.as_ref().is_none_or(|it| it.holds(&tags))
            {
                keys.insert(key);
            }
        }
    }
    if keys.is_empty() {
        let loads = loaded.suites.iter().flat_map(|suite| {
            suite.cases.iter().filter(|it| is_load(it)).map(|it| key(suite, it).to_string())
        });
        let loads: Vec<String> = loads.map(|it| format!("`{it}`")).collect();
        let err = CliError::new("no load is named so");
        return Err(match loads.is_empty() {
            true => err.hint("these suites have no case with `load:`"),
            false => err.hint(format!("there are {}", loads.join(", "))),
        });
    }
    args.of_many = of_many(partition, start_at, args.seed(), &loaded, &keys)?;
    let selection = Selection { exactly: Some(keys), ..Selection::default() };
    let plan = run::plan(&loaded.suites, &loaded.data_sets, &selection)
        .map_err(|err| CliError::of_plan(err, &loaded))?;
    run_planned(args, &loaded, plan)
}

/// Which part of a load this machine executes, if it is not all of it.
fn of_many(
    partition: Option<Partition>,
    start_at: Option<DateTime<Utc>>,
    seed: Option<u64>,
    loaded: &Loaded,
    keys: &HashSet<CaseKey>,
) -> Result<Option<OfMany>, CliError> {
    let Some(partition) = partition else {
        return match start_at {
            None => Ok(None),
            Some(_) => Err(CliError::new("`--start-at` is for the parts of a load")
                .hint("say which part this is by `--partition`, such as `1/3`")),
        };
    };
    let mut errors = String::new();
    let mut error = |message: String, hint: &str| {
        errors += &CliError::new(message).hint(hint).render();
    };
    if start_at.is_none() {
        error(
            format!("part {partition} of a load needs `--start-at`"),
            "give all parts the same instant, some time after their set-up and warm-up",
        );
    }
    if seed.is_none() {
        error(
            format!("part {partition} of a load needs `--seed`"),
            "give all parts the same: it says which requests there are to be divided",
        );
    }
    if keys.len() > 1 {
        let names: Vec<String> = keys.iter().map(|it| format!("`{it}`")).collect();
        error(
            format!("one load at a time begins at a common instant, and there are {}", keys.len()),
            &format!("name one of {}", names.join(", ")),
        );
    }
    for suite in &loaded.suites {
        for case in suite.cases.iter().filter(|it| keys.contains(&key(suite, it))) {
            for step in &case.steps {
                if let Action::Load(workload) = &step.action
                    && let Some((why, hint)) = workload.indivisible(partition.of())
                {
                    error(format!("{}: {why}", step.span), hint);
                }
            }
        }
    }
    if !errors.is_empty() {
        return Err(CliError::Rendered(errors));
    }
    Ok(start_at.map(|start_at| OfMany { partition, start_at }))
}

fn is_load(case: &Case) -> bool {
    case.steps.iter().any(|it| matches!(it.action, Action::Load(_)))
}
