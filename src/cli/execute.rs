//! One run on one target, with its journal and what it prints: what `run` and `record` share.

use super::{
    CliError, Connected, Ending, credits, duration, exit::INTERRUPTED, number_from_one,
    report::cannot_write,
};
use crate::{
    report::terminal::{Colour, Terminal},
    run::{
        self, Events, Plan, Reporter, RunId, RunOptions, RunSummary, Stop,
        journal::{Journal, RUNS_DIR},
    },
    target::Target,
};
use clap::Args;
use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

#[derive(Clone, Debug, Args)]
pub struct ExecuteArgs {
    /// Orders in the data set `orders`; other tables grow with it.
    ///
    /// A replay has as many as its recording [default: 1000000; 20000 for a recording].
    #[arg(long, value_name = "N", value_parser = number_from_one::<u64>)]
    pub scale: Option<u64>,

    /// Suites that run beside each other [default: 4; 1 for a recording, which is then the same
    /// each time].
    #[arg(long, value_name = "N", value_parser = number_from_one::<usize>)]
    pub jobs: Option<usize>,

    /// Where every random choice comes from [default: random, and printed].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// End the run before it costs more than CREDITS; do not start it if it is expected to.
    ///
    /// Counted from sizes, minimums and the statements that are sent, on every target. It is no
    /// bill.
    #[arg(long, value_name = "CREDITS", value_parser = credits)]
    pub max_credits: Option<f64>,

    /// From when on `snowgauge sweep` and other runs may drop what this run leaves if it is
    /// killed.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "6h")]
    pub expires_after: Duration,

    /// Where runs are kept.
    #[arg(long, value_name = "DIR", default_value = RUNS_DIR)]
    pub runs: PathBuf,
}

impl ExecuteArgs {
    /// How to run on a target. A replay is run as its recording was.
    pub fn options(&self, connected: &Connected, scale: u64) -> Result<RunOptions, CliError> {
        let mut options = RunOptions::new(RunId::random());
        options.scale = self.scale.unwrap_or(scale);
        options.seed = self.seed.unwrap_or_else(random_seed);
        options.jobs = self.jobs.unwrap_or(options.jobs);
        options.credits_max = self.max_credits;
        options.expires_after = self.expires_after;
        options.release = connected.release_given;
        if let Some(replay) = &connected.replay {
            let recorded = replay.header();
            for (what, given, recorded) in
                [("scale", self.scale, recorded.scale), ("seed", self.seed, recorded.seed)]
            {
                if let Some(given) = given.filter(|it| *it != recorded) {
                    return Err(CliError::new(format!(
                        "the recording was made with {what} {recorded}, and cannot be replayed \
                         with {given}"
                    ))
                    .hint(format!("leave out `--{what}`")));
                }
            }
            (options.scale, options.seed) = (recorded.scale, recorded.seed);
        }
        Ok(options)
    }
}

/// Executes a plan. Events go to the journal, to the terminal and to `further`.
///
/// The summary, and the run's folder.
pub fn execute(
    connected: &Connected,
    target: Arc<dyn Target>,
    plan: Plan,
    options: RunOptions,
    runs: &Path,
    further: Vec<Box<dyn Reporter>>,
) -> Result<(RunSummary, PathBuf), CliError> {
    check_affordable(&plan, &options)?;
    let journal = Journal::create(runs, &options.run.to_string()).map_err(|err| {
        cannot_write(runs, &err).hint("`--runs` names a folder that can be written to")
    })?;
    let path = journal.path().to_owned();
    let terminal = Terminal::new(io::stdout(), colour()).with_progress();
    let mut reporters: Vec<Box<dyn Reporter>> = vec![Box::new(journal), Box::new(terminal)];
    reporters.extend(further);
    let events = Events::new(connected.redactor.clone(), reporters);

    let summary = connected.runtime()?.block_on(async {
        let stop = Stop::default();
        let watch = tokio::spawn(stop_on_ctrl_c(stop.clone()));
        let summary = run::execute(plan, target, options, events.clone(), stop).await;
        watch.abort();
        summary
    });
    if let Some(failure) = events.failure() {
        eprintln!("warning: a report is not whole: {failure}");
    }
    println_quietly(&format!("journal: {}", path.display()));
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    Ok((summary, folder))
}

/// Refuses a plan that is expected to cost more than the run may.
pub fn check_affordable(plan: &Plan, options: &RunOptions) -> Result<(), CliError> {
    let Some(max) = options.credits_max else { return Ok(()) };
    let estimate = run::cost::estimate(plan, options);
    if estimate.credits <= max {
        return Ok(());
    }
    let err = CliError::new(format!(
        "the run is expected to cost {:.2} credits, and `--max-credits` allows {max}",
        estimate.credits
    ));
    let dearest: Vec<String> = estimate
        .dearest_suites()
        .take(DEAREST_SHOWN)
        .map(|(name, credits)| format!("`{name}` {credits:.2}"))
        .collect();
    Err(match dearest.is_empty() {
        true => err.hint("the run's own warehouses cost that much"),
        false => err.hint(format!(
            "`--tag 'not costly'` leaves out suites that start warehouses of their own; the \
             dearest here are {}",
            dearest.join(", ")
        )),
    })
}

/// Suites named where a run is too dear.
const DEAREST_SHOWN: usize = 3;

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
pub fn println_quietly(line: &str) {
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
pub fn random_seed() -> u64 {
    u64::from(u32::from_le_bytes(
        uuid::Uuid::new_v4().as_bytes()[..4].try_into().unwrap_or_default(),
    ))
}
