//! `snowgauge list`

use super::{CliError, Ending, failure::print, select::SelectArgs};
use crate::run;
use clap::Args;

/// List the cases that would run, without running them.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    select: SelectArgs,
}

pub fn list(args: &ListArgs) -> Result<Ending, CliError> {
    let loaded = args.select.load()?;
    let plan = run::plan(&loaded.suites, &loaded.data_sets, &args.select.selection())
        .map_err(|err| CliError::of_plan(err, &loaded))?;
    let mut text = String::new();
    for planned in &plan.suites {
        for case in planned.cases.iter().filter(|it| !it.only_for_others) {
            let tags = run::tags(&planned.suite, &case.case);
            let tags = match tags.is_empty() {
                true => String::new(),
                false => format!("  [{}]", tags.join(", ")),
            };
            text += &format!("{}{tags}\n", case.key);
        }
    }
    print(&text)?;
    Ok(Ending::AllPassed)
}
