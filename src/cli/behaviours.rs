//! `snowgauge behaviours`

use super::{CliError, Ending, connect::FIXTURES_DIR, failure::print, select::SelectArgs};
use crate::{
    report::behaviours,
    run::{self, Events, Plan, RunId, RunOptions, RunSummary, Selection, Stop},
    secret::Redactor,
    suite::Release,
    target::{ReplayTarget, TargetKind, replay},
};
use clap::Args;
use similar::TextDiff;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Write the page of behaviours: each one, its cases, and how they end on each release.
///
/// Outcomes come from replaying the recordings of the emulator, so that nothing is needed but the
/// files, and the same files give the same page.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 written or up to date, 1 out of date, 2 could not run.")]
pub struct BehavioursArgs {
    /// Suites, or folders to search for `.slt` and `.yaml` files [default: suites].
    #[arg(value_name = "SUITE")]
    suites: Vec<PathBuf>,

    /// The folder of recordings, one for each release.
    #[arg(long, value_name = "DIR", default_value = FIXTURES_DIR)]
    fixtures: PathBuf,

    /// Compare with FILE rather than write; what differs is shown.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
}

pub fn behaviours(args: &BehavioursArgs) -> Result<Ending, CliError> {
    let select = SelectArgs { suites: args.suites.clone(), ..SelectArgs::default() };
    let loaded = select.load()?;
    let plan = run::plan(&loaded.suites, &loaded.data_sets, &Selection::default())
        .map_err(|err| CliError::of_plan(err, &loaded))?;
    let mut replayed: BTreeMap<Release, (PathBuf, RunSummary)> = BTreeMap::new();
    for folder in replay::folders(&args.fixtures).map_err(CliError::from)? {
        let target = Arc::new(ReplayTarget::open(&folder, None).map_err(CliError::from)?);
        // What an account did belongs to a page of its own: this one says what the emulator does.
        let (TargetKind::Emulator, Some(release)) = (target.header().target, target.release())
        else {
            continue;
        };
        if let Some((first, _)) = replayed.get(&release) {
            return Err(CliError::new(format!(
                "`{}` and `{}` are both recordings of the emulator as {release}",
                first.display(),
                folder.display()
            ))
            .hint("keep one of them in the folder"));
        }
        let summary = replay_all(target, plan.clone())?;
        replayed.insert(release, (folder, summary));
    }
    let outcomes = replayed.iter().map(|(release, (_, summary))| (*release, summary)).collect();
    let recordings: Vec<String> =
        replayed.values().map(|(folder, _)| folder.display().to_string()).collect();
    let page = behaviours::page(&loaded.suites, &outcomes, &recordings);
    match &args.check {
        None => {
            print(&page)?;
            Ok(Ending::AllPassed)
        }
        Some(path) => check(path, &page),
    }
}

fn replay_all(target: Arc<ReplayTarget>, plan: Plan) -> Result<RunSummary, CliError> {
    let mut options = RunOptions::new(RunId::random());
    (options.scale, options.seed) = (target.header().scale, target.header().seed);
    let runtime = ReplayTarget::runtime()?;
    let events = Events::new(Redactor::default(), Vec::new());
    Ok(runtime.block_on(run::execute(plan, target, options, events, Stop::default())))
}

/// Line endings are a matter of the checkout, not of the page.
fn check(path: &Path, page: &str) -> Result<Ending, CliError> {
    let found = fs::read_to_string(path)
        .map_err(|err| CliError::new(format!("cannot read `{}`: {err}", path.display())))?
        .replace("\r\n", "\n");
    if found == page {
        return Ok(Ending::AllPassed);
    }
    let (old, new) = (path.display().to_string(), "what it should be");
    let diff = TextDiff::from_lines(found.as_str(), page);
    print(&format!(
        "{}`{old}` is out of date; `snowgauge behaviours > {old}` writes it\n",
        diff.unified_diff().context_radius(1).header(&old, new)
    ))?;
    Ok(Ending::SomeFailed)
}
