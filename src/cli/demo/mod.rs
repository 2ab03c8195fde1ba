//! `snowgauge demo`

mod prompt;
mod suites;
mod tables;

use super::{
    CliError, Ending,
    connect::{TargetArgs, TargetName, connect},
    execute::{ExecuteArgs, println_quietly},
    exit::HELP,
    number_from_one,
    run::{RunArgs, SCALE, run_and_report},
};
use crate::run::{self, Selection};
use clap::{Args, ValueEnum};
use std::io::{self, IsTerminal};

/// Show in one run what an interactive warehouse is for: many clients at once, on both kinds.
///
/// Customers and orders are looked up by many threads, and every answer is looked at. On the
/// emulator the times are those of a capacity model, and every figure is a simulated one. Started
/// in a terminal without a choice, it asks for each.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct DemoArgs {
    /// Clients that send queries at the same time [default: 150].
    #[arg(long, value_name = "N", value_parser = number_from_one::<u32>)]
    threads: Option<u32>,

    /// Which warehouse they send them to [default: both].
    #[arg(long, value_enum, value_name = "KIND")]
    warehouse: Option<Warehouse>,

    /// Queries of all clients together, on each warehouse.
    #[arg(long, value_name = "N", value_parser = number_from_one::<u32>, default_value = "500")]
    queries: u32,

    /// Also show new orders on their way through dynamic tables to an interactive one.
    #[arg(long)]
    enable_realtime: bool,

    /// New orders of that part.
    #[arg(
        long,
        value_name = "N",
        value_parser = number_from_one::<u32>,
        default_value = "50",
        requires = "enable_realtime"
    )]
    orders: u32,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    execute: ExecuteArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Warehouse {
    Both,
    Standard,
    Interactive,
}

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choices {
    threads: u32,
    warehouse: Warehouse,
    realtime: bool,
}

impl Default for Choices {
    fn default() -> Self {
        Self { threads: 150, warehouse: Warehouse::Both, realtime: false }
    }
}

/// The model that has the ratios of the seed's table.
const CAPACITY: &str = "seed";

pub fn demo(mut args: DemoArgs) -> Result<Ending, CliError> {
    let name = match args.target.names().as_slice() {
        [TargetName::Replay] => {
            return Err(CliError::new("a recording has no answers to the demo's queries")
                .hint("use `--target emulator`, or name a connection by `--connection`"));
        }
        [name] => *name,
        _ => return Err(CliError::new("the demo is of one target at a time")),
    };
    if name == TargetName::Emulator {
        args.target.capacity.get_or_insert_with(|| CAPACITY.to_owned());
    }
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let choices = match args.is_bare() && is_terminal {
        true => prompt::choices(&mut io::stdin().lock(), &mut io::stdout())
            .map_err(|err| CliError::new(format!("cannot ask: {err}")))?,
        false => args.choices(),
    };
    let mut suites = vec![suites::load(choices, args.queries)?];
    if choices.realtime {
        suites.push(suites::pipeline(args.orders)?);
    }
    let plan = run::plan(&suites, &[suites::data()?], &Selection::default())
        .map_err(|err| CliError::new(err.to_string()))?;
    let connected = connect(&args.target, name)?;
    let run = RunArgs::of(args.target, args.execute);
    let options = run.options(&connected, SCALE)?;
    let side = run_and_report(&run, name, &connected, plan, options)?;
    let shown = tables::lines(&side.summary, connected.target.simulated().as_deref());
    for line in shown {
        println_quietly(&connected.redactor.redact(&line));
    }
    Ok(Ending::of(&side.summary))
}

impl DemoArgs {
    /// Nobody has said what is to be shown.
    fn is_bare(&self) -> bool {
        self.threads.is_none() && self.warehouse.is_none() && !self.enable_realtime
    }

    fn choices(&self) -> Choices {
        let default = Choices::default();
        Choices {
            threads: self.threads.unwrap_or(default.threads),
            warehouse: self.warehouse.unwrap_or(default.warehouse),
            realtime: self.enable_realtime,
        }
    }
}
