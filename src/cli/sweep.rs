//! `snowgauge sweep`

use super::{
    CliError, Ending,
    connect::{TargetArgs, TargetName, connect},
    duration,
    execute::println_quietly,
};
use crate::run::{self, Leftover, RunId, SweepMode, SweepOptions, Swept};
use clap::Args;
use std::time::Duration;

/// Drop what killed runs left on an account: warehouses, schemas and databases.
///
/// An object is one of a run's if its name begins with a run's id and its comment says the same
/// run and an expiry. What cases made has no such comment; it goes with its run. Nothing else is
/// touched, and nothing before it expires, unless `--run` names its run. A run sweeps by itself
/// when it starts.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 what was to go is gone, 1 the server refused to drop some \
                        of it, 2 could not look.")]
pub struct SweepArgs {
    /// A connection of `connections.toml`, as the Snowflake CLI reads it [default: the default
    /// one].
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,

    /// Drop what this run left, expired or not, and nothing else.
    #[arg(long, value_name = "ID")]
    run: Option<RunId>,

    /// Only what has been expired for so long, such as `2h`.
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "run")]
    older_than: Option<Duration>,

    /// Say what would be dropped, and drop nothing.
    #[arg(long)]
    dry_run: bool,
}

/// How long one statement may take. Dropping waits for nothing.
const GIVE_UP_AFTER: Duration = Duration::from_secs(120);

pub fn sweep(args: &SweepArgs) -> Result<Ending, CliError> {
    let target = TargetArgs { connection: args.connection.clone(), ..TargetArgs::default() };
    let connected = connect(&target, TargetName::Live)?;
    let options = SweepOptions {
        run: args.run.clone(),
        expired_for: args.older_than.unwrap_or_default(),
        mode: match args.dry_run {
            true => SweepMode::DryRun,
            false => SweepMode::Drop,
        },
    };
    let mut counts = Counts::default();
    let redactor = &connected.redactor;
    let heard = |leftover: &Leftover, swept: &Swept| {
        counts.add(swept);
        println_quietly(&redactor.redact(&line(leftover, swept)));
    };
    let swept = run::sweep(connected.target.clone(), &options, GIVE_UP_AFTER, heard);
    connected
        .runtime()?
        .block_on(swept)
        .map_err(|err| CliError::new(redactor.redact(&err.to_string())))?;
    println_quietly(&counts.line());
    match counts.refused {
        0 => Ok(Ending::AllPassed),
        _ => Ok(Ending::SomeFailed),
    }
}

fn line(leftover: &Leftover, swept: &Swept) -> String {
    match swept {
        Swept::Dropped => format!("dropped {leftover}"),
        Swept::WouldDrop => format!("would drop {leftover}"),
        Swept::Left(why) => format!("left {leftover}: {why}"),
        Swept::Refused(refusal) => format!("could not drop {leftover}: {refusal}"),
    }
}

#[derive(Default)]
struct Counts {
    dropped: usize,
    would_drop: usize,
    left: usize,
    refused: usize,
}

impl Counts {
    fn add(&mut self, swept: &Swept) {
        *match swept {
            Swept::Dropped => &mut self.dropped,
            Swept::WouldDrop => &mut self.would_drop,
            Swept::Left(_) => &mut self.left,
            Swept::Refused(_) => &mut self.refused,
        } += 1;
    }

    fn line(&self) -> String {
        let counts = [
            (self.dropped, "dropped"),
            (self.would_drop, "to be dropped"),
            (self.left, "left"),
            (self.refused, "could not be dropped"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
        match counts.is_empty() {
            true => "nothing is left of any run".to_owned(),
            false => counts.join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_everything_is_summed_up() {
        #[track_caller]
        fn check(swept: &[Swept], expected: &str) {
            let mut counts = Counts::default();
            swept.iter().for_each(|it| counts.add(it));
            assert_eq!(counts.line(), expected);
        }
        check(&[], "nothing is left of any run");
        check(&[Swept::WouldDrop, Swept::WouldDrop], "2 to be dropped");
        check(
            &[Swept::Dropped, Swept::Left(String::new()), Swept::Refused(String::new())],
            "1 dropped, 1 left, 1 could not be dropped",
        );
    }
}
