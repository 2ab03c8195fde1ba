//! The command `snowgauge`.

use clap::Parser;
use snowgauge::cli::{self, Cli};
use std::process::ExitCode;

/// Parse, resolve, run, report: [`cli`] has a file for each subcommand.
fn main() -> ExitCode {
    cli::main(Cli::parse())
}
