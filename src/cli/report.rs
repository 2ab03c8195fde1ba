//! `snowgauge report`

use super::{CliError, Ending, exit::HELP, failure::print};
use crate::{
    report::{html, json, junit, terminal},
    run::journal::{self, RUNS_DIR},
};
use clap::Args;
use std::path::PathBuf;

/// Make the reports of an earlier run again, from its journal.
///
/// Works for runs that were killed as well: cases that did not end are `not run`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct ReportArgs {
    /// A run's id, its folder, or its journal [default: the latest run].
    #[arg(value_name = "RUN")]
    run: Option<String>,

    /// Write a JUnit report to FILE.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Write a JSON report to FILE.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write an HTML report to FILE.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Where runs are kept.
    #[arg(long, value_name = "DIR", default_value = RUNS_DIR)]
    runs: PathBuf,
}

pub fn report(args: &ReportArgs) -> Result<Ending, CliError> {
    let path = journal::find(args.run.as_deref(), &args.runs)?;
    let summary = journal::read(&path)?;
    print(&terminal::summary(&summary, super::execute::colour()))?;
    if let Some(path) = &args.junit {
        junit::write(path, &summary).map_err(|err| cannot_write(path, &err))?;
    }
    if let Some(path) = &args.json {
        json::write(path, &summary).map_err(|err| cannot_write(path, &err))?;
    }
    if let Some(path) = &args.html {
        html::write(path, &summary).map_err(|err| cannot_write(path, &err))?;
    }
    Ok(Ending::of(&summary))
}

pub fn cannot_write(path: &std::path::Path, err: &std::io::Error) -> CliError {
    CliError::new(format!("cannot write `{}`: {err}", path.display()))
}
