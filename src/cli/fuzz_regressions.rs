//! `snowgauge fuzz regressions`

use super::{
    CliError, Ending,
    connect::{TargetArgs, TargetName, connect},
    emulator::regression,
    execute::println_quietly,
    number_from_one,
};
use crate::run::{self, FuzzOptions, RunId, Stop, compare::counted};
use clap::Args;
use snowgauge_emulator::Regression;
use std::time::Duration;

/// Try how soon random refreshes notice what goes wrong.
///
/// Scripts are executed with a regression of the emulator switched on, one after the other, up to
/// the first thing that is found: once for each seed. The table has how many steps that took.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 the table is made, whatever is found, 2 could not run.")]
pub struct RegressionsArgs {
    /// Only these regressions, separated by commas [default: those of refreshed tables].
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    regression: Vec<String>,

    /// Where the random choices of each run come from, separated by commas. An odd number of them
    /// has a median.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,2,3")]
    seeds: Vec<u64>,

    /// How many steps at most are done with each seed.
    #[arg(long, value_name = "K", value_parser = number_from_one::<usize>, default_value = "1500")]
    steps: usize,
}

/// A statement that takes longer is one that a regression keeps from ending.
const GIVE_UP_AFTER: Duration = Duration::from_secs(40);

pub fn regressions(args: &RegressionsArgs) -> Result<Ending, CliError> {
    let regressions = match args.regression.as_slice() {
        [] => Regression::ALL.iter().copied().filter(|it| is_of_refresh(*it)).collect(),
        names => names.iter().map(|it| regression(it)).collect::<Result<Vec<_>, _>>()?,
    };
    println_quietly(&format!(
        "| regression | steps until it is found, for {} | median |\n|---|---|---|",
        counted(args.seeds.len(), "seed")
    ));
    let mut found = 0;
    for regression in &regressions {
        let steps = steps_to_find(args, *regression)?;
        let median = median(&steps, args.seeds.len());
        found += usize::from(median.is_some());
        println_quietly(&line(regression.name(), &steps, median));
    }
    println_quietly(&format!("\n{found} of {} found", counted(regressions.len(), "regression")));
    Ok(Ending::AllPassed)
}

fn is_of_refresh(regression: Regression) -> bool {
    regression.ids().iter().any(|it| it.starts_with("R-"))
}

/// For each seed the steps until something was found, `None` where nothing was. Seeds that cannot
/// change the median any more are left out.
fn steps_to_find(
    args: &RegressionsArgs,
    regression: Regression,
) -> Result<Vec<Option<usize>>, CliError> {
    let mut steps = Vec::new();
    for seed in &args.seeds {
        let missed = steps.iter().filter(|it: &&Option<usize>| it.is_none()).count();
        if missed * 2 > args.seeds.len() {
            break;
        }
        steps.push(found_after(args.steps, *seed, regression)?);
    }
    Ok(steps)
}

fn found_after(steps: usize, seed: u64, regression: Regression) -> Result<Option<usize>, CliError> {
    let target = TargetArgs {
        target: vec![TargetName::Emulator],
        regression: Some(regression.name().to_owned()),
        ..TargetArgs::default()
    };
    let connected = connect(&target, TargetName::Emulator)?;
    let options = FuzzOptions {
        run: RunId::random(),
        seed,
        steps,
        // Beside each other, how many steps it takes would be up to chance.
        jobs: 1,
        time_max: None,
        credits_max: None,
        expires_after: Duration::from_secs(6 * 3600),
        give_up_after: GIVE_UP_AFTER,
        tries_max: 0,
    };
    let target = connected.target.clone();
    let summary = connected.runtime()?.block_on(run::fuzz(target, &options, &Stop::default()));
    let summary = summary.map_err(CliError::new)?;
    match summary.cut_short {
        // A server that does not answer any more is noticed too.
        Some(_) => Ok(Some(summary.tally.checks)),
        None => Ok(summary.found.map(|it| it.after_checks)),
    }
}

/// Of so many runs, of which those that are not listed found nothing. `None` where most did not.
fn median(steps: &[Option<usize>], runs: usize) -> Option<usize> {
    let mut found: Vec<usize> = steps.iter().flatten().copied().collect();
    found.sort_unstable();
    found.get(runs.checked_sub(1)? / 2).copied()
}

fn line(name: &str, steps: &[Option<usize>], median: Option<usize>) -> String {
    let text = |it: Option<usize>| it.map_or("–".to_owned(), |it| it.to_string());
    let each: Vec<String> = steps.iter().copied().map(text).collect();
    format!("| `{name}` | {} | {} |", each.join(", "), text(median))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_counts_runs_that_found_nothing_as_longer_than_all() {
        assert_eq!(median(&[Some(5), Some(90), Some(7)], 3), Some(7));
        assert_eq!(median(&[Some(5), None, Some(7)], 3), Some(7));
        assert_eq!(median(&[None, None], 3), None);
        assert_eq!(median(&[Some(5), None, None], 3), None);
        assert_eq!(median(&[Some(5)], 1), Some(5));
        assert_eq!(line("x", &[Some(5), None, Some(7)], Some(7)), "| `x` | 5, –, 7 | 7 |");
        assert_eq!(line("x", &[None, None], None), "| `x` | –, – | – |");
    }

    #[test]
    fn those_of_refresh_are_tried_and_others_are_not() {
        assert!(is_of_refresh(Regression::DeletesLost));
        assert!(is_of_refresh(Regression::PeriodDoubled));
        assert!(!is_of_refresh(Regression::TimeoutNotEnforced));
    }
}
