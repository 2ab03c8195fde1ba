//! `snowgauge teeth`

use super::{
    CliError, Ending, emulator::regression, execute::println_quietly, number_from_one,
    report::cannot_write,
};
use crate::{
    suite::{self, Release},
    teeth::{self, Alarm, Depth, Options, Scope, Subject},
};
use clap::Args;
use snowgauge_emulator::Regression;
use std::{
    fs,
    io::IsTerminal,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

/// Try whether suites notice what goes wrong, on emulators that each have one thing wrong.
///
/// For each regression of `snowgauge emulator --regressions`, the suites that have cases of its
/// ids are run with it switched on. It is caught if one of them turns red. First they are run with
/// nothing wrong, where all of them must be green.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 all caught, 1 some escaped or a clean run was red, 2 could \
                        not run."
)]
pub struct TeethArgs {
    /// Suites, or folders to search for `.slt` and `.yaml` files [default: suites].
    #[arg(value_name = "SUITE")]
    suites: Vec<PathBuf>,

    /// Releases to try them on, separated by commas [default: of each regression the newest on
    /// which it can show].
    #[arg(long, value_enum, value_name = "RELEASE", value_delimiter = ',')]
    release: Vec<Release>,

    /// Only these regressions, separated by commas [default: all].
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    regression: Vec<String>,

    /// Try the regressions of latency under load, and no others: they take minutes, one after the
    /// other, on a machine that does nothing else.
    #[arg(long)]
    timed: bool,

    /// Emulators beside each other [default: 4, with `--timed` 1].
    #[arg(long, value_name = "N", value_parser = number_from_one::<usize>)]
    jobs: Option<usize>,

    /// Orders in the data set `orders`.
    #[arg(long, value_name = "N", value_parser = number_from_one::<u64>,
          default_value_t = teeth::SCALE)]
    scale: u64,

    /// Run all suites for each regression, not only those with cases of its ids.
    #[arg(long)]
    all_suites: bool,

    /// Go on after the first red case, to see all of them.
    #[arg(long)]
    whole: bool,

    /// Run the suites N times with nothing wrong, and no regression at all.
    #[arg(long, value_name = "N", value_parser = number_from_one::<usize>)]
    clean: Option<usize>,

    /// Write the result as JSON to FILE.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub fn teeth(args: &TeethArgs) -> Result<Ending, CliError> {
    let roots = match args.suites.is_empty() {
        true => vec![PathBuf::from(super::select::SUITES_DIR)],
        false => args.suites.clone(),
    };
    let loaded = suite::load(&roots)?;
    let regressions = match args.regression.as_slice() {
        [] => Regression::ALL.to_vec(),
        names => names.iter().map(|it| regression(it)).collect::<Result<_, _>>()?,
    };
    let mut subjects = Subject::all(&regressions, &args.release);
    if args.regression.is_empty() {
        let all = subjects.len();
        subjects.retain(|it| it.is_timed() == args.timed);
        if !args.timed {
            let left_out = all - subjects.len();
            println_quietly(&format!("{left_out} regressions of latency are left to `--timed`"));
        }
    }
    if subjects.is_empty() {
        let releases: Vec<&str> = args.release.iter().map(|it| it.name()).collect();
        return Err(CliError::new(format!(
            "none of these regressions can show on {}",
            releases.join(", ")
        ))
        .hint("`snowgauge emulator --regressions` tells where each of them can"));
    }
    let options = Options {
        scale: args.scale,
        jobs: args.jobs.unwrap_or(if args.timed { 1 } else { 4 }),
        scope: if args.all_suites { Scope::All } else { Scope::Affected },
        depth: if args.whole { Depth::Whole } else { Depth::FirstRed },
    };
    let mut releases: Vec<Release> = subjects.iter().map(|it| it.release).collect();
    releases.sort_unstable();
    releases.dedup();

    let started_at = Instant::now();
    let rounds = args.clean.unwrap_or(1);
    let runs: Vec<Release> =
        releases.iter().copied().cycle().take(rounds * releases.len()).collect();
    let alarms = teeth::try_clean(&loaded, &subjects, &runs, options);
    println_quietly(&clean_text(&alarms, runs.len(), started_at.elapsed().as_secs()));
    if !alarms.is_empty() {
        return Ok(Ending::SomeFailed);
    }
    if args.clean.is_some() {
        return Ok(Ending::AllPassed);
    }

    let (all, done) = (subjects.len(), AtomicUsize::new(0));
    let is_watched = std::io::stderr().is_terminal();
    let trials = teeth::try_all(&loaded, subjects, options, &|trial| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if is_watched {
            eprintln!("{done}/{all} {}", trial.subject.name);
        }
    });
    let took = started_at.elapsed();
    println_quietly(teeth::table(&trials, took).trim_end());
    let without = teeth::without_regression(&loaded);
    if args.regression.is_empty() && !without.is_empty() {
        println_quietly(&format!("behaviours without a regression: {}", without.join(", ")));
    }
    if let Some(path) = &args.json {
        let text = format!("{:#}\n", teeth::json(&trials, took));
        fs::write(path, text).map_err(|err| cannot_write(path, &err))?;
        println_quietly(&format!("json: {}", path.display()));
    }
    let has_escaped = trials.iter().any(|it| matches!(it.verdict, teeth::Verdict::Escaped { .. }));
    Ok(if has_escaped { Ending::SomeFailed } else { Ending::AllPassed })
}

fn clean_text(alarms: &[Alarm], runs: usize, secs: u64) -> String {
    let of_runs = if runs == 1 { "1 clean run".to_owned() } else { format!("{runs} clean runs") };
    if alarms.is_empty() {
        return format!("{of_runs} without an alarm in {secs} s\n");
    }
    let lines: Vec<String> =
        alarms.iter().map(|it| format!("false alarm on {}: {}", it.release, it.what)).collect();
    format!("{of_runs}, {} false alarms\n{}\n", alarms.len(), lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn false_alarms_are_told() {
        let alarm = Alarm { release: Release::Preview, what: "a::b: failed: c".to_owned() };
        let text = clean_text(&[alarm], 2, 3);
        assert_eq!(text, "2 clean runs, 1 false alarms\nfalse alarm on preview: a::b: failed: c\n");
        assert_eq!(clean_text(&[], 1, 3), "1 clean run without an alarm in 3 s\n");
    }
}
