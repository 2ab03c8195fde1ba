//! The command `snowgauge`.

use clap::Parser;
use snowgauge::cli::{self, Cli};
use std::process::ExitCode;

/// A request of a load, and even more a statement of the emulator, is hundreds of small allocations
/// that several threads make and others free. The system's allocator took a sixth of a load's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Parse, resolve, run, report: [`cli`] has a file for each subcommand.
fn main() -> ExitCode {
    cli::main(Cli::parse())
}
