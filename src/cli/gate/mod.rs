//! `snowgauge gate`

mod accept;
mod again;
mod baseline;

use super::{
    CliError, Ending,
    connect::{TargetArgs, connect},
    execute::{ExecuteArgs, colour, println_quietly},
    exit::INTERRUPTED,
    failure::print,
    history::Open,
    report::cannot_write,
};
use crate::{
    gate::{Change, Rules},
    history::{
        HISTORY_FILE, Night, Status, Store,
        accepted::{self, GATE_FILE},
        judge::judge,
        shared::Place,
    },
    report::gate::Told,
    run::journal,
    suite::{SuiteErrors, source::Source},
};
use again::Again;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// Judge a night: is it worse than the nights before it?
///
/// The run is added to the history and compared with accepted nights of the same testbed. What
/// looks worse is measured again, on the target that is named, until it is clear; without a target
/// the night ends unsure. Changes that are wanted are accepted by `snowgauge gate accept`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Exit status: 0 not worse, 1 something is worse, 2 could not judge, 3 unsure, or \
                  the night or the gate itself was not sound, 130 interrupted."
)]
pub struct GateArgs {
    #[command(subcommand)]
    command: Option<GateCommand>,

    /// The night: a run's id, its folder, or its journal [default: the latest run].
    #[arg(value_name = "RUN")]
    run: Option<String>,

    /// The history that the night is added to and compared with: an SQLite file, or
    /// `snowflake:DB.SCHEMA.TABLE` for one that a team shares, on the target.
    #[arg(long, value_name = "FILE", default_value = HISTORY_FILE)]
    history: Place,

    /// Compare with this run alone instead, and leave the history as it is. Two runs do not tell how
    /// much nights differ by themselves: expect more false alarms.
    #[arg(long, value_name = "RUN", conflicts_with = "history")]
    baseline: Option<String>,

    /// Changes that were accepted [default: gate.yaml, if there is one].
    #[arg(long, value_name = "FILE")]
    accepted: Option<PathBuf>,

    /// Nights in which noise alone may make something red, over all series together.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = Rules::default().false_nights)]
    false_nights: f64,

    /// Suites that the loads are in which may be measured again [default: suites].
    #[arg(long = "suites", value_name = "SUITE")]
    suites: Vec<PathBuf>,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    execute: ExecuteArgs,

    /// Write a JUnit report to FILE, with a case for each series [default: `gate.xml` beside the
    /// journal].
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Write a summary in Markdown to FILE [default: `gate.md` beside the journal].
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum GateCommand {
    Accept(accept::AcceptArgs),
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|it: &f64| *it > 0.0 && *it < 1.0);
    share.ok_or_else(|| "expected a share of nights, such as 0.05".to_owned())
}

pub fn gate(args: GateArgs) -> Result<Ending, CliError> {
    if let Some(GateCommand::Accept(accept)) = &args.command {
        return accept::accept(accept);
    }
    let path = journal::find(args.run.as_deref(), &args.execute.runs)?;
    let summary = journal::read(&path)?;
    let night = Night::of(&summary);
    if let Some(baseline) = &args.baseline {
        let path = journal::find(Some(baseline), &args.execute.runs)?;
        return baseline::compare(&Night::of(&journal::read(&path)?), &night);
    }
    let changes = changes(args.accepted.as_deref())?;
    let mut open = match &args.history {
        Place::File(path) => Open::File(Store::open(path)?),
        place => match args.target.names().as_slice() {
            [name] => Open::at(place, &connect(&args.target, *name)?)?,
            _ => return Err(CliError::new("a shared history is on one target")),
        },
    };
    open.add(&night)?;
    let rules = Rules {
        false_nights: args.false_nights,
        credits_max: args.execute.max_credits,
        ..Rules::default()
    };
    let mut again = Again::new(&args, &night);
    let judged =
        judge(open.store_mut(), &night, &changes, rules, &mut |asked| again.sample(asked))?;
    open.keep(&judged.judgement)?;
    let told = Told { night: &night, judged: &judged };
    print(&told.terminal(colour()))?;

    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    let junit = told.junit().map_err(|err| cannot_write(&path, &err))?;
    let reports = [
        ("junit", &args.junit, "gate.xml", junit),
        ("markdown", &args.markdown, "gate.md", told.markdown()),
    ];
    for (word, asked, name, text) in reports {
        let path = Option::clone(asked).unwrap_or_else(|| folder.join(name));
        Told::write(&path, &text).map_err(|err| cannot_write(&path, &err))?;
        println_quietly(&format!("{word}: {}", path.display()));
    }
    Ok(match judged.status() {
        _ if again.was_interrupted() => Ending::Interrupted,
        Status::Accepted => Ending::AllPassed,
        Status::Red => Ending::SomeFailed,
        Status::Unsure | Status::Unjudged => Ending::Unsure,
        Status::Invalid => match summary.cut_short.as_deref() {
            Some(INTERRUPTED) => Ending::Interrupted,
            _ => Ending::Unsure,
        },
    })
}

/// The changes in the file that was named, or in the usual one if it is there.
fn changes(named: Option<&Path>) -> Result<Vec<Change>, CliError> {
    let path = named.unwrap_or(Path::new(GATE_FILE));
    if named.is_none() && !path.is_file() {
        return Ok(Vec::new());
    }
    let source = read(path)?;
    accepted::parse(&source).map_err(|errors| SuiteErrors::new(errors, vec![source.into()]).into())
}

fn read(path: &Path) -> Result<Source, CliError> {
    Source::read(path).map_err(|(source, errors)| {
        SuiteErrors::new(errors, source.into_iter().map(Into::into).collect()).into()
    })
}
