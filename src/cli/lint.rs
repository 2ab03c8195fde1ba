//! `snowgauge lint`

use super::{CliError, Ending, failure::print, select::SelectArgs};
use crate::{
    run::{self, compare::counted},
    suite::{SuiteError, SuiteErrors},
};
use clap::Args;

/// Check suites without running them: syntax, data sets, capabilities and variables.
#[derive(Debug, Args)]
pub struct LintArgs {
    #[command(flatten)]
    select: SelectArgs,
}

pub fn lint(args: &LintArgs) -> Result<Ending, CliError> {
    let loaded = args.select.load()?;
    let errors: Vec<SuiteError> = loaded
        .data_sets
        .iter()
        .flat_map(run::check_data_set)
        .chain(loaded.suites.iter().flat_map(|it| run::check_suite(it, &loaded.data_sets)))
        .collect();
    if !errors.is_empty() {
        return Err(SuiteErrors::new(errors, loaded.sources).into());
    }
    let plan = run::plan(&loaded.suites, &loaded.data_sets, &args.select.selection())
        .map_err(|err| CliError::of_plan(err, &loaded))?;
    print(&format!(
        "nothing is wrong with {} in {}\n",
        counted(plan.keys().len(), "case"),
        counted(plan.suites.len(), "suite")
    ))?;
    Ok(Ending::AllPassed)
}
