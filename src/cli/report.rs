//! `snowgauge report`

use super::{CliError, Ending, exit::HELP, failure::print};
use crate::{
    report::{github, html, json, junit, markdown, terminal},
    run::{
        RunSummary,
        journal::{self, RUNS_DIR},
    },
};
use clap::Args;
use std::{
    io,
    path::{Path, PathBuf},
};

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

    /// Write a page of Markdown to FILE: the summary of a build server's job.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,

    /// Write GitHub's workflow commands to FILE, which mark the lines of suites when a step prints
    /// them.
    #[arg(long, value_name = "FILE")]
    annotations: Option<PathBuf>,

    /// Where runs are kept.
    #[arg(long, value_name = "DIR", default_value = RUNS_DIR)]
    runs: PathBuf,
}

pub fn report(args: &ReportArgs) -> Result<Ending, CliError> {
    let path = journal::find(args.run.as_deref(), &args.runs)?;
    let summary = journal::read(&path)?;
    print(&terminal::summary(&summary, super::execute::colour()))?;
    type Write = fn(&Path, &RunSummary) -> io::Result<()>;
    let reports: [(&Option<PathBuf>, Write); 5] = [
        (&args.junit, junit::write),
        (&args.json, json::write),
        (&args.html, html::write),
        (&args.markdown, markdown::write),
        (&args.annotations, github::write),
    ];
    for (path, write) in reports {
        if let Some(path) = path {
            write(path, &summary).map_err(|err| cannot_write(path, &err))?;
        }
    }
    Ok(Ending::of(&summary))
}

pub fn cannot_write(path: &Path, err: &io::Error) -> CliError {
    CliError::new(format!("cannot write `{}`: {err}", path.display()))
}
