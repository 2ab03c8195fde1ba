//! `snowgauge run`

use super::{
    CliError, Ending,
    connect::{TargetArgs, connect},
    exit::{HELP, INTERRUPTED},
    report::cannot_write,
    select::SelectArgs,
};
use crate::{
    report::{
        json, junit,
        terminal::{Colour, Terminal},
    },
    run::{
        self, Events, Reporter, RunId, RunOptions, Stop, Strictness,
        journal::{Journal, RUNS_DIR},
    },
};
use clap::Args;
use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

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

    /// Orders in the data set `orders`; other tables grow with it.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    scale: u64,

    /// Suites that run beside each other.
    #[arg(long, value_name = "N", default_value_t = 4)]
    jobs: usize,

    /// Fail when an expected limitation is gone (`lifted`), rather than tell it as news.
    #[arg(long)]
    strict: bool,

    /// Write the JUnit report to FILE [default: `junit.xml` beside the journal].
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Write the JSON report to FILE [default: `report.json` beside the journal].
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Where every random choice comes from [default: random, and printed].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Where runs are kept.
    #[arg(long, value_name = "DIR", default_value = RUNS_DIR)]
    runs: PathBuf,
}

pub fn run(args: RunArgs) -> Result<Ending, CliError> {
    let loaded = args.select.load()?;
    let plan = run::plan(&loaded.suites, &loaded.data_sets, &args.select.selection())
        .map_err(|err| CliError::of_plan(err, &loaded))?;

    let runtime = tokio::runtime::Runtime::new()?;
    let (summary, folder) = runtime.block_on(async {
        let connected = connect(&args.target)?;
        let mut options = RunOptions::new(RunId::random());
        options.seed = args.seed.unwrap_or_else(random_seed);
        options.scale = args.scale;
        options.jobs = args.jobs;
        options.strictness = match args.strict {
            true => Strictness::Strict,
            false => Strictness::Lenient,
        };
        options.release = connected.release_given;

        let journal = Journal::create(&args.runs, &options.run.to_string()).map_err(|err| {
            cannot_write(&args.runs, &err).hint("`--runs` names a folder that can be written to")
        })?;
        let journal_path = journal.path().to_owned();
        let terminal = Terminal::new(io::stdout(), colour()).with_progress();
        let reporters: Vec<Box<dyn Reporter>> = vec![Box::new(journal), Box::new(terminal)];
        let events = Events::new(connected.redactor.clone(), reporters);

        let stop = Stop::default();
        let watch = tokio::spawn(stop_on_ctrl_c(stop.clone()));
        let target = connected.target.clone();
        let summary = run::execute(plan, target, options, events.clone(), stop).await;
        watch.abort();
        if let Some(failure) = events.failure() {
            eprintln!("warning: a report is not whole: {failure}");
        }
        println_quietly(&format!("journal: {}", journal_path.display()));
        let folder = journal_path.parent().map(PathBuf::from).unwrap_or_default();
        Ok::<_, CliError>((summary, folder))
    })?;

    // Each is tried, whatever became of the one before it.
    let junit_path = args.junit.unwrap_or_else(|| folder.join("junit.xml"));
    let json_path = args.json.unwrap_or_else(|| folder.join("report.json"));
    let junit = junit::write(&junit_path, &summary).map_err(|err| cannot_write(&junit_path, &err));
    println_quietly(&format!("junit: {}", junit_path.display()));
    let json = json::write(&json_path, &summary).map_err(|err| cannot_write(&json_path, &err));
    println_quietly(&format!("json: {}", json_path.display()));
    let written = junit.and(json);
    written?;
    Ok(Ending::of(&summary))
}

/// The first Ctrl-C ends the run in good order, the second at once. The journal is on disk either
/// way.
pub async fn stop_on_ctrl_c(stop: Stop) {
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    eprintln!("\ninterrupted: cleaning up; once more to leave at once");
    stop.request(INTERRUPTED);
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(Ending::Interrupted as i32);
    }
}

/// Whoever read our output may have gone; the run and its reports matter more.
fn println_quietly(line: &str) {
    use io::Write;
    let _ = writeln!(io::stdout(), "{line}");
}

/// Colours for people, unless they asked for none (<https://no-color.org>).
pub fn colour() -> Colour {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
    match wanted && io::stdout().is_terminal() {
        true => Colour::Yes,
        false => Colour::No,
    }
}

/// Small enough to be typed again.
fn random_seed() -> u64 {
    u64::from(u32::from_le_bytes(
        uuid::Uuid::new_v4().as_bytes()[..4].try_into().unwrap_or_default(),
    ))
}
