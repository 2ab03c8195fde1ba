//! `snowgauge run`

use super::{
    CliError, Ending,
    connect::{TargetArgs, TargetName, connect},
    execute::{ExecuteArgs, execute, println_quietly},
    exit::HELP,
    report::cannot_write,
    select::SelectArgs,
};
use crate::{
    report::{json, junit},
    run::{self, Plan, RunSummary, Strictness},
    target::Unused,
};
use clap::Args;
use std::path::{Path, PathBuf};

/// Run suites against a target and compare what comes back.
///
/// A run makes its own schemas and warehouses, and drops them at the end. What happens is written
/// to a journal as it happens, from which `snowgauge report` makes every report again.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct RunArgs {
    #[command(flatten)]
    select: SelectArgs,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    execute: ExecuteArgs,

    /// Fail when an expected limitation is gone (`lifted`), rather than tell it as news.
    #[arg(long)]
    strict: bool,

    /// Write the JUnit report to FILE [default: `junit.xml` beside the journal].
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Write the JSON report to FILE [default: `report.json` beside the journal].
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Orders in the data set `orders` of a run.
const SCALE: u64 = 1_000_000;

pub fn run(args: RunArgs) -> Result<Ending, CliError> {
    let loaded = args.select.load()?;
    let plan = run::plan(&loaded.suites, &loaded.data_sets, &args.select.selection())
        .map_err(|err| CliError::of_plan(err, &loaded))?;
    match args.target.names().as_slice() {
        [name] => {
            let (summary, folder) = run_on(&args, *name, plan)?;
            write_reports(&args, &summary, &folder)?;
            Ok(Ending::of(&summary))
        }
        _ => Err(CliError::new("several targets are not compared yet")),
    }
}

/// The summary of a run, and its folder.
fn run_on(args: &RunArgs, name: TargetName, plan: Plan) -> Result<(RunSummary, PathBuf), CliError> {
    let connected = connect(&args.target, name)?;
    let mut options = args.execute.options(&connected, SCALE)?;
    options.strictness = match args.strict {
        true => Strictness::Strict,
        false => Strictness::Lenient,
    };
    let target = connected.target.clone();
    let done = execute(&connected, target, plan, options, &args.execute.runs, Vec::new())?;
    if let Some(replay) = &connected.replay {
        print_unused(&replay.unused());
    }
    Ok(done)
}

/// Both are tried, whatever became of the first.
fn write_reports(args: &RunArgs, summary: &RunSummary, folder: &Path) -> Result<(), CliError> {
    let path =
        |asked: &Option<PathBuf>, name: &str| asked.clone().unwrap_or_else(|| folder.join(name));
    let (junit_path, json_path) = (path(&args.junit, "junit.xml"), path(&args.json, "report.json"));
    let junit = junit::write(&junit_path, summary).map_err(|err| cannot_write(&junit_path, &err));
    println_quietly(&format!("junit: {}", junit_path.display()));
    let json = json::write(&json_path, summary).map_err(|err| cannot_write(&json_path, &err));
    println_quietly(&format!("json: {}", json_path.display()));
    junit.and(json)
}

/// Most of them are left by a suite that changed; the first ones tell which.
const UNUSED_SHOWN: usize = 10;

fn print_unused(unused: &[Unused]) {
    if unused.is_empty() {
        return;
    }
    println_quietly(&format!(
        "{} recorded statements were not used; recording again leaves them out:",
        unused.len()
    ));
    for it in unused.iter().take(UNUSED_SHOWN) {
        println_quietly(&format!("    {it}"));
    }
    if unused.len() > UNUSED_SHOWN {
        println_quietly(&format!("    and {} more", unused.len() - UNUSED_SHOWN));
    }
}
