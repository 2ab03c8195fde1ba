//! `snowgauge record`

use super::{
    CliError, Ending,
    connect::{FIXTURES_DIR, TargetArgs, TargetName, connect},
    execute::{ExecuteArgs, execute, println_quietly},
    exit::HELP,
    select::SUITES_DIR,
};
use crate::{
    run::{self, Selection},
    suite,
    target::{FinishedAs, RecordOptions, Recorder, RecordingTarget, TargetKind},
};
use clap::Args;
use std::{path::PathBuf, sync::Arc};

/// Run suites, and keep what the target answers as fixtures, which can be replayed without it.
///
/// What tells an account or a person is replaced before it is written, and a recording in which a
/// secret is found is not written at all. Where a fixture exists that says otherwise, the new one
/// is put beside it for `snowgauge review`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct RecordArgs {
    /// Suites, or folders to search for `.slt` and `.yaml` files [default: suites].
    #[arg(value_name = "SUITE")]
    suites: Vec<PathBuf>,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    execute: ExecuteArgs,

    /// Replace fixtures that say otherwise, without a review.
    #[arg(long)]
    replace: bool,
}

/// Orders in the data set `orders` of a recording: enough for every case, and soon built.
const SCALE: u64 = 20_000;

pub fn record(args: RecordArgs) -> Result<Ending, CliError> {
    let name = match args.target.names().as_slice() {
        [TargetName::Replay] => {
            return Err(CliError::new("a replay says only what was recorded already")
                .hint("record a live account by `--connection`, or the emulator"));
        }
        [name] => *name,
        _ => return Err(CliError::new("a recording is made of one target at a time")),
    };
    let roots = match args.suites.is_empty() {
        true => vec![PathBuf::from(SUITES_DIR)],
        false => args.suites.clone(),
    };
    let loaded = suite::load(&roots)?;
    let plan = run::plan(&loaded.suites, &loaded.data_sets, &Selection::default())
        .map_err(|err| CliError::of_plan(err, &loaded))?;

    let connected = connect(&args.target, name)?;
    let mut options = args.execute.options(&connected, SCALE)?;
    // Always the same, so that recordings differ only in what targets say.
    options.seed = args.execute.seed.unwrap_or_default();
    options.jobs = args.execute.jobs.unwrap_or(1);
    options.always_probe = true;
    let kind: TargetKind = connected.target.kind();
    let recorder = Recorder::new(RecordOptions {
        fixtures: args.target.fixtures.clone().unwrap_or_else(|| PathBuf::from(FIXTURES_DIR)),
        kind,
        known: connected.known.clone(),
        secrets: connected.redactor.secrets().to_vec(),
        scale: options.scale,
        seed: options.seed,
    });
    let target = Arc::new(RecordingTarget::new(connected.target.clone(), recorder.clone()));
    let further = vec![Box::new(recorder.clone()) as Box<dyn run::Reporter>];
    let (summary, _) = execute(&connected, target, plan, options, &args.execute.runs, further)?;

    let mut is_whole = true;
    let mut to_review = 0;
    for finished in recorder.finish(args.replace) {
        let what = match finished.ending {
            FinishedAs::New => "recorded",
            FinishedAs::Same => "recorded, as before",
            FinishedAs::ToReview => {
                to_review += 1;
                "to review"
            }
            FinishedAs::Refused(cause) => {
                is_whole = false;
                eprintln!("error: `{}` is not recorded: {cause}", finished.path.display());
                continue;
            }
        };
        println_quietly(&format!(
            "{what}: {} ({} exchanges)",
            finished.path.display(),
            finished.exchanges
        ));
    }
    if to_review > 0 {
        println_quietly("`snowgauge review` shows what changed, and takes or leaves it");
    }
    match is_whole {
        true => Ok(Ending::of(&summary)),
        false => Ok(Ending::CouldNotRun),
    }
}
