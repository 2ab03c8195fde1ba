//! The command line: arguments as typed, resolved into what a subcommand needs.

mod behaviours;
mod bundle;
mod check_history;
mod connect;
mod demo;
#[cfg(feature = "emulator")]
mod emulator;
mod execute;
mod exit;
mod explain;
mod failure;
mod fuzz;
#[cfg(feature = "emulator")]
mod fuzz_regressions;
mod gate;
mod history;
mod lint;
mod list;
mod load;
mod pin;
mod record;
mod regions;
mod report;
mod review;
mod run;
mod select;
mod sweep;
#[cfg(feature = "emulator")]
mod teeth;

pub use connect::{Connected, TargetArgs, TargetName, connect};
pub(crate) use execute::{check_affordable, stop_on_ctrl_c};
pub use exit::Ending;
pub use failure::CliError;

use crate::suite;
use clap::{Parser, Subcommand};
use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

/// Test what Snowflake's interactive tables, interactive warehouses and dynamic tables do.
///
/// Suites are files of cases. They run against a live account, or against an emulator that needs
/// none.
#[derive(Debug, Parser)]
#[command(name = "snowgauge", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Run(run::RunArgs),
    Load(load::LoadArgs),
    Demo(demo::DemoArgs),
    Record(record::RecordArgs),
    List(list::ListArgs),
    Lint(lint::LintArgs),
    Explain(explain::ExplainArgs),
    Behaviours(behaviours::BehavioursArgs),
    Report(report::ReportArgs),
    Regions(regions::RegionsArgs),
    Review(review::ReviewArgs),
    Bundle(bundle::BundleArgs),
    Sweep(sweep::SweepArgs),
    CheckHistory(check_history::CheckHistoryArgs),
    History(history::HistoryArgs),
    Gate(Box<gate::GateArgs>),
    #[command(subcommand)]
    Fuzz(fuzz::FuzzCommand),
    #[cfg(feature = "emulator")]
    Emulator(emulator::EmulatorArgs),
    #[cfg(feature = "emulator")]
    Teeth(teeth::TeethArgs),
}

/// Parses a number of things of which there has to be one at least.
pub fn number_from_one<T>(text: &str) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + From<u8>,
{
    let number = text.parse().ok().filter(|it| T::from(1) <= *it);
    number.ok_or_else(|| "expected a number from 1".to_owned())
}

/// Parses a time as suites write it: `90s`, `6h`.
fn duration(text: &str) -> Result<Duration, String> {
    suite::duration(text).map_err(|err| match err.help() {
        Some(help) => format!("{err}; {help}"),
        None => err.to_string(),
    })
}

/// Parses an amount of credits.
pub fn credits(text: &str) -> Result<f64, String> {
    let credits = text.parse().ok().filter(|it: &f64| it.is_finite() && *it >= 0.0);
    credits.ok_or_else(|| "expected a number of credits, such as `2.5`".to_owned())
}

/// Does what the command says. What it cannot do goes to standard error.
pub fn main(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Run(args) => run::run(args),
        Command::Load(args) => load::load(args),
        Command::Demo(args) => demo::demo(args),
        Command::Record(args) => record::record(args),
        Command::List(args) => list::list(&args),
        Command::Lint(args) => lint::lint(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Behaviours(args) => behaviours::behaviours(&args),
        Command::Report(args) => report::report(&args),
        Command::Regions(args) => regions::regions(&args),
        Command::Review(args) => review::review(&args),
        Command::Bundle(args) => bundle::bundle(&args),
        Command::Sweep(args) => sweep::sweep(&args),
        Command::CheckHistory(args) => check_history::check_history(&args),
        Command::History(args) => history::history(args),
        Command::Gate(args) => gate::gate(*args),
        Command::Fuzz(command) => fuzz::fuzz(command),
        #[cfg(feature = "emulator")]
        Command::Emulator(args) => emulator::emulator(&args),
        #[cfg(feature = "emulator")]
        Command::Teeth(args) => teeth::teeth(&args),
    };
    match done {
        Ok(ending) => ending.into(),
        Err(CliError::BrokenPipe) => Ending::AllPassed.into(),
        Err(err) => {
            // Standard error may be closed, too; the status still tells.
            let _ = io::stderr().write_all(err.render().as_bytes());
            Ending::CouldNotRun.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn none_is_not_a_number_of_orders_or_jobs() {
        #[track_caller]
        fn check(arguments: &[&str], expected: Option<&str>) {
            let parsed = Cli::try_parse_from([&["snowgauge", "run"], arguments].concat());
            let found = parsed.err().map(|it| it.to_string());
            let is_expected = match (&found, expected) {
                (Some(found), Some(expected)) => found.contains(expected),
                (None, None) => true,
                _ => false,
            };
            assert!(is_expected, "{arguments:?}: {found:?}");
        }
        check(&["--scale", "1", "--jobs", "1"], None);
        check(&["--scale", "0"], Some("'0' for '--scale <N>': expected a number from 1"));
        check(&["--jobs", "0"], Some("'0' for '--jobs <N>': expected a number from 1"));
        check(&["--jobs", "some"], Some("'some' for '--jobs <N>': expected a number from 1"));
        check(&["--max-credits", "0", "--expires-after", "90s"], None);
        for credits in ["-1", "inf", "NaN", "all"] {
            let arguments = ["--max-credits".to_owned(), credits.to_owned()];
            check(
                &[&format!("{}={}", arguments[0], arguments[1])],
                Some("expected a number of credits, such as `2.5`"),
            );
        }
        check(&["--expires-after", "soon"], Some("`soon` is not a duration; a number and a unit"));
        check(&["--scale=-1"], Some("'-1' for '--scale <N>': expected a number from 1"));
    }

    #[test]
    fn every_subcommand_says_what_it_does_in_a_sentence() {
        for command in Cli::command().get_subcommands() {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(about.split_whitespace().count() > 3, "{}: {about}", command.get_name());
            for argument in command.get_arguments() {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                let id = argument.get_id();
                assert!(!help.is_empty(), "{} {id}", command.get_name());
            }
        }
    }
}
