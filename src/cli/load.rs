//! `snowgauge load`

use super::{
    CliError, Ending,
    exit::HELP,
    run::{RunArgs, run_planned},
};
use crate::{
    run::{self, CaseKey, Selection, is_named, key},
    suite::{Action, Case},
};
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
}

pub fn load(args: LoadArgs) -> Result<Ending, CliError> {
    let LoadArgs { run: mut args } = args;
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
    let selection = Selection { exactly: Some(keys), ..Selection::default() };
    let plan = run::plan(&loaded.suites, &loaded.data_sets, &selection)
        .map_err(|err| CliError::of_plan(err, &loaded))?;
    run_planned(args, &loaded, plan)
}

fn is_load(case: &Case) -> bool {
    case.steps.iter().any(|it| matches!(it.action, Action::Load(_)))
}
