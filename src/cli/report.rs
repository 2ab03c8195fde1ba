//! `snowgauge report`

use super::{CliError, Ending, exit::HELP, failure::print};
use crate::{
    report::{github, hdr, html, json, junit, markdown, terminal},
    run::{
        self, RunSummary,
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
    named: Vec<String>,

    /// Join runs that are the parts of one, as `--partition` makes them: cases are put together,
    /// histograms added, and budgets judged on the sum. A part that is missing is told.
    #[arg(long, requires = "named")]
    merge: bool,

    /// Keep what was joined as a run of its own, with the folder and the reports that runs have.
    #[arg(long, requires = "merge")]
    keep: bool,

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
    let summary = match (args.named.as_slice(), args.merge) {
        (named, true) => merged(named, args)?,
        ([], false) => one(None, args)?,
        ([run], false) => one(Some(run), args)?,
        (_, false) => {
            return Err(CliError::new("there is a report of one run at a time")
                .hint("`--merge` joins runs that are the parts of one"));
        }
    };
    print(&terminal::summary(&summary, super::execute::colour()))?;
    if args.keep {
        keep(args, &summary)?;
    }
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

/// As an executed run leaves it: journal, reports, histograms.
fn keep(args: &ReportArgs, summary: &RunSummary) -> Result<(), CliError> {
    let folder =
        journal::keep(&args.runs, summary).map_err(|err| cannot_write(&args.runs, &err))?;
    print(&format!("kept: {}\n", folder.display()))?;
    let errors = beside_journal(&folder, summary);
    match errors.is_empty() {
        true => Ok(()),
        false => Err(CliError::Rendered(errors)),
    }
}

/// Writes the reports that every run has beside its journal; what could not be written.
pub fn beside_journal(folder: &Path, summary: &RunSummary) -> String {
    let mut errors = String::new();
    let mut note = |name: &str, write: &dyn Fn(&Path) -> io::Result<()>| {
        let path = folder.join(name);
        if let Err(err) = write(&path) {
            errors += &cannot_write(&path, &err).render();
        }
    };
    note("junit.xml", &|path| junit::write(path, summary));
    note("report.json", &|path| json::write(path, summary));
    note("report.html", &|path| html::write(path, summary));
    note("hdr", &|path| hdr::write(path, summary).map(|_| ()));
    errors
}

fn one(run: Option<&str>, args: &ReportArgs) -> Result<RunSummary, CliError> {
    Ok(journal::read(&journal::find(run, &args.runs)?)?)
}

/// What cannot be read is told of all of them.
fn merged(named: &[String], args: &ReportArgs) -> Result<RunSummary, CliError> {
    let mut errors = String::new();
    let mut runs = Vec::new();
    for it in named {
        match one(Some(it), args) {
            Ok(run) => runs.push(run),
            Err(err) => errors += &err.render(),
        }
    }
    if !errors.is_empty() {
        return Err(CliError::Rendered(errors));
    }
    let mut merged = run::merge::merge(runs).map_err(|errors| {
        CliError::Rendered(errors.into_iter().map(|it| CliError::new(it).render()).collect())
    })?;
    if args.keep {
        merged.run = run::RunId::random().to_string();
    }
    Ok(merged)
}

pub fn cannot_write(path: &Path, err: &io::Error) -> CliError {
    CliError::new(format!("cannot write `{}`: {err}", path.display()))
}
