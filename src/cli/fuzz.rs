//! `snowgauge fuzz`

use super::{
    CliError, Ending,
    connect::{TargetArgs, TargetName, connect},
    credits, duration,
    execute::{println_quietly, random_seed, stop_on_ctrl_c},
    number_from_one,
    report::cannot_write,
};
use crate::run::{self, Found, FuzzOptions, FuzzSummary, RunId, Stop, compare::counted};
use clap::{Args, Subcommand};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// Try things at random, and make small what goes wrong.
#[derive(Debug, Subcommand)]
pub enum FuzzCommand {
    Refresh(Box<FuzzRefreshArgs>),
    #[cfg(feature = "emulator")]
    Regressions(super::fuzz_regressions::RegressionsArgs),
}

/// Refresh random definitions over random tables that change at random.
///
/// Each definition has two dynamic tables, refreshed incrementally and in full, by hand after each
/// step of DML. Their rows must be those of the definition; actions and statistics must be what
/// was done. What is not so is made small, and written as a suite that shows it again.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 nothing was found, 1 something was, 2 could not run, 3 \
                        nothing could be compared, 130 interrupted.")]
pub struct FuzzRefreshArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Where every random choice comes from [default: random, and printed].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// How many definitions are compared after how many steps of DML, multiplied.
    #[arg(long, value_name = "K", value_parser = number_from_one::<usize>, default_value = "20000")]
    steps: usize,

    /// End after so many seconds, whatever is left. An account needs this or `--max-credits`.
    #[arg(long, value_name = "S", value_parser = number_from_one::<u64>)]
    max_seconds: Option<u64>,

    /// End before it costs more than CREDITS; do not start if it is expected to.
    #[arg(long, value_name = "CREDITS", value_parser = credits)]
    max_credits: Option<f64>,

    /// Scripts that are executed beside each other.
    #[arg(long, value_name = "N", value_parser = number_from_one::<usize>, default_value = "4")]
    jobs: usize,

    /// Where what is found is written.
    #[arg(long, value_name = "DIR", default_value = ".snowgauge/fuzz")]
    out: PathBuf,

    /// From when on others may drop what this leaves if it is killed.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "6h")]
    expires_after: Duration,

    /// Switch on something that is wrong with the emulator (`snowgauge emulator --regressions`).
    #[arg(long, value_name = "NAME")]
    regression: Option<String>,
}

/// No statement here reads more than some thousand rows.
const GIVE_UP_AFTER: Duration = Duration::from_secs(120);

/// What takes more of them is small enough by then.
const TRIES_MAX: usize = 2_000;

pub fn fuzz(command: FuzzCommand) -> Result<Ending, CliError> {
    match command {
        FuzzCommand::Refresh(args) => refresh(*args),
        #[cfg(feature = "emulator")]
        FuzzCommand::Regressions(args) => super::fuzz_regressions::regressions(&args),
    }
}

fn refresh(mut args: FuzzRefreshArgs) -> Result<Ending, CliError> {
    args.target.regression = args.regression.take();
    let name = match args.target.names().as_slice() {
        [TargetName::Replay] => {
            return Err(CliError::new("a recording has no answers to random statements")
                .hint("use `--target emulator`, or name a connection by `--connection`"));
        }
        [name] => *name,
        _ => return Err(CliError::new("one target at a time is fuzzed")),
    };
    let connected = connect(&args.target, name)?;
    if connected.target.costs() && args.max_seconds.is_none() && args.max_credits.is_none() {
        return Err(CliError::new("this would cost credits without an end")
            .hint("give `--max-seconds` or `--max-credits`"));
    }
    let options = FuzzOptions {
        run: RunId::random(),
        seed: args.seed.unwrap_or_else(random_seed),
        steps: args.steps,
        jobs: args.jobs,
        time_max: args.max_seconds.map(Duration::from_secs),
        credits_max: args.max_credits,
        expires_after: args.expires_after,
        give_up_after: GIVE_UP_AFTER,
        tries_max: TRIES_MAX,
    };
    check_affordable(&options)?;
    let target = connected.target.clone();
    println_quietly(&format!(
        "run {}: seed {}, {} on {} ({})",
        options.run,
        options.seed,
        counted(options.steps, "step"),
        target.kind(),
        target.place()
    ));
    let redact = |text: &str| connected.redactor.redact(text).into_owned();
    let (summary, interrupted) = connected.runtime()?.block_on(async {
        let stop = Stop::default();
        let watch = tokio::spawn(stop_on_ctrl_c(stop.clone()));
        let summary = run::fuzz(target.clone(), &options, &stop).await;
        watch.abort();
        (summary, stop.cause().is_some())
    });
    let summary = summary.map_err(|err| CliError::new(redact(&err)))?;
    print_summary(&summary, target.costs(), &redact);
    if let Some(found) = &summary.found {
        let path = write(&args.out, options.seed, found)
            .map_err(|(path, err)| cannot_write(&path, &err))?;
        print_found(found, &path, &redact);
    }
    Ok(match (&summary.found, &summary.cut_short) {
        (Some(_), _) => Ending::SomeFailed,
        (None, _) if interrupted => Ending::Interrupted,
        (None, _) if summary.tally.checks == 0 => Ending::Unsure,
        // An end by time or credits is one that was asked for.
        (None, Some(cause)) if cause.starts_with("connection lost") => Ending::CouldNotRun,
        (None, _) => Ending::AllPassed,
    })
}

fn check_affordable(options: &FuzzOptions) -> Result<(), CliError> {
    match (options.credits_expected(), options.credits_max) {
        (Some(credits), Some(max)) if credits > max => Err(CliError::new(format!(
            "it is expected to cost {credits:.2} credits, and `--max-credits` allows {max}"
        ))
        .hint("the warehouse costs by the second: give fewer `--max-seconds`")),
        _ => Ok(()),
    }
}

/// Kinds of refusals that are listed.
const REFUSED_SHOWN: usize = 10;

fn print_summary(summary: &FuzzSummary, costs: bool, redact: &dyn Fn(&str) -> String) {
    let tally = &summary.tally;
    let seconds = summary.took.as_secs_f64();
    println_quietly(&format!(
        "{} in {seconds:.1} s ({:.0} a second), of {} in {}; {}",
        counted(tally.checks, "step"),
        tally.checks as f64 / seconds.max(0.001),
        counted(tally.definitions, "definition"),
        counted(tally.scripts, "script"),
        counted(tally.statements, "statement"),
    ));
    let actions: Vec<String> =
        tally.actions.iter().map(|(action, count)| format!("{action} {count}")).collect();
    if !actions.is_empty() {
        println_quietly(&format!("refreshes: {}", actions.join(", ")));
    }
    if tally.not_incremental > 0 {
        println_quietly(&format!(
            "not incremental: {}",
            counted(tally.not_incremental, "definition")
        ));
    }
    let mut refused: Vec<_> = tally.refused.iter().collect();
    refused.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    for (_, (count, first)) in refused.into_iter().take(REFUSED_SHOWN) {
        println_quietly(&redact(&format!("refused {count}: {first}")));
    }
    if costs {
        println_quietly(&format!("about {:.2} credits", summary.credits));
    }
    if let Some(cause) = &summary.cut_short {
        println_quietly(&redact(&format!("ended early: {cause}")));
    }
    for left in &summary.left {
        eprintln!("warning: {}", redact(left));
    }
    match (&summary.found, tally.checks) {
        (Some(_), _) => {}
        (None, 0) => println_quietly("nothing could be compared"),
        (None, _) => println_quietly("nothing was found"),
    }
}

fn print_found(found: &Found, path: &Path, redact: &dyn Fn(&str) -> String) {
    println_quietly(&format!(
        "found after {}, in {} (script {}, {} to make it small): {}",
        counted(found.after_checks, "step"),
        counted(found.script.statements(), "statement"),
        found.number,
        counted(found.tries, "trial"),
        path.display()
    ));
    println_quietly(&redact(&found.failure.message));
    println_quietly("");
    println_quietly(redact(&found.slt).trim_end());
}

fn write(out: &Path, seed: u64, found: &Found) -> Result<PathBuf, (PathBuf, std::io::Error)> {
    let path = out.join(format!("refresh_{seed}_{}.slt", found.number));
    fs::create_dir_all(out).map_err(|err| (out.to_owned(), err))?;
    fs::write(&path, &found.slt).map_err(|err| (path.clone(), err))?;
    Ok(path)
}
