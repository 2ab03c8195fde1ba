//! `snowgauge run`

use super::{
    CliError, Ending,
    connect::{Connected, TargetArgs, TargetName, connect},
    execute::{ExecuteArgs, colour, execute, println_quietly},
    exit::{HELP, INTERRUPTED, worst},
    history, lint,
    pin::{SeenAt, pin},
    report::cannot_write,
    select::SelectArgs,
};
use crate::{
    history::shared::Place,
    load::measure::OfMany,
    report::{
        hdr, html, json, junit,
        verdict::{Show, Side, verdicts},
    },
    run::{self, Counts, Pins, Plan, RunOptions, RunSummary, Strictness, compare::counted},
    suite::{Loaded, Suite},
    target::Unused,
};
use clap::Args;
use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
};

/// Run suites against a target and compare what comes back.
///
/// A run makes its own schemas and warehouses, and drops them at the end. What happens is written
/// to a journal as it happens, from which `snowgauge report` makes every report again.
///
/// With several targets each case is run on each of them, and where they differ it is told which
/// of them it is down to: the product, the emulator, or a recording that is out of date.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct RunArgs {
    #[command(flatten)]
    pub select: SelectArgs,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    execute: ExecuteArgs,

    /// Switch on something that is wrong with the emulator, to see which cases notice
    /// (`snowgauge emulator --regressions` lists what there is).
    #[arg(long, value_name = "NAME")]
    regression: Option<String>,

    /// Fail when an expected limitation is gone (`lifted`), rather than tell it as news.
    #[arg(long)]
    strict: bool,

    /// Do not run suites that `snowgauge lint` warns about.
    #[arg(long)]
    deny_warnings: bool,

    /// Write what was seen where nothing is verified to a file beside each suite, for later runs
    /// to hold the target to. What was pinned there before is not held to in this run.
    #[arg(long)]
    pin: bool,

    /// Write the JUnit report to FILE [default: `junit.xml` beside the journal].
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Write the JSON report to FILE [default: `report.json` beside the journal].
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write the HTML report to FILE [default: `report.html` beside the journal].
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Add what the run came to to the history in FILE, which `snowgauge history` reads; or to one
    /// that a team shares: `snowflake:DB.SCHEMA.TABLE`, on the run's own target.
    #[arg(long, value_name = "FILE")]
    history: Option<Place>,
    /// Which part of its loads this machine executes, and from when on. Only of `snowgauge load`.
    #[arg(skip)]
    pub of_many: Option<OfMany>,
}

/// Orders in the data set `orders` of a run.
pub const SCALE: u64 = 1_000_000;

pub fn run(args: RunArgs) -> Result<Ending, CliError> {
    let loaded = args.select.load()?;
    let plan = run::plan(&loaded.suites, &loaded.data_sets, &args.select.selection())
        .map_err(|err| CliError::of_plan(err, &loaded))?;
    run_planned(args, &loaded, plan)
}

/// Runs a plan that was made of what was loaded.
pub fn run_planned(mut args: RunArgs, loaded: &Loaded, plan: Plan) -> Result<Ending, CliError> {
    args.target.regression = args.regression.take();
    lint::before_run(loaded, args.deny_warnings)?;
    match args.target.names().as_slice() {
        [name] => one(&args, *name, plan, &loaded.suites),
        _ if args.pin => Err(CliError::new("answers are pinned of one target at a time")
            .hint("name one by `--target`")),
        names => several(&args, names, &plan),
    }
}

fn one(args: &RunArgs, name: TargetName, plan: Plan, suites: &[Suite]) -> Result<Ending, CliError> {
    let connected = connect(&args.target, name)?;
    let mut options = args.options(&connected, SCALE)?;
    if args.pin {
        options.pins = Pins::Renewed;
    }
    let side = run_and_report(args, name, &connected, plan, options)?;
    let seen_at = SeenAt {
        target: connected.target.answers_of().name(),
        date: match side.recorded_from {
            Some((_, at, _)) => at.date_naive(),
            None => connected.target.now().date_naive(),
        },
    };
    let summary = side.summary;
    if args.pin {
        pin(suites, &summary, &seen_at)?;
    }
    if name == TargetName::Live && nothing_was_run(&summary) {
        eprintln!(
            "hint: the connection's `account`, `host`, `port` and `protocol` say where to log in, \
             its `user` and password, key or token as whom"
        );
    }
    Ok(Ending::of(&summary))
}

/// A run on one target, with every report of it.
pub fn run_and_report(
    args: &RunArgs,
    name: TargetName,
    connected: &Connected,
    plan: Plan,
    options: RunOptions,
) -> Result<Side, CliError> {
    let (side, folder) = run_on(args, name, connected, plan, options)?;
    let summary = &side.summary;
    let write: [Report; 3] = [
        ("junit", &args.junit, "junit.xml", &|path| junit::write(path, summary)),
        ("json", &args.json, "report.json", &|path| json::write(path, summary)),
        ("html", &args.html, "report.html", &|path| html::write(path, summary)),
    ];
    write_reports(&write, &folder, |word| {
        let again = format!("snowgauge report {} --{word} FILE", folder.display());
        format!("`{again}` writes it from the journal")
    })?;
    write_hdr(&folder, summary)?;
    add_to_history(args, connected, summary, &folder)?;
    Ok(side)
}

fn several(args: &RunArgs, names: &[TargetName], plan: &Plan) -> Result<Ending, CliError> {
    let mut seen = HashSet::new();
    if let Some(twice) = names.iter().find(|it| !seen.insert(**it)) {
        return Err(CliError::new(format!("the target `{}` is given twice", twice.name())));
    }
    if args.json.is_some() {
        return Err(CliError::new("there is no JSON report of several targets")
            .hint("leave out `--json`; `--junit` and `--html` compare them"));
    }
    // All of them before the first is run: a mistake costs nothing yet. What is replayed decides
    // what the others are run with.
    let mut targets = Vec::new();
    for name in names {
        targets.push((*name, connect(&args.target, *name)?));
    }
    targets.sort_by_key(|(name, _)| *name != TargetName::Replay);
    let mut shared: Option<RunOptions> = None;
    let mut ready = Vec::new();
    for (name, connected) in targets {
        let mut options = args.options(&connected, SCALE)?;
        let shared = shared.get_or_insert_with(|| options.clone());
        (options.scale, options.seed) = (shared.scale, shared.seed);
        ready.push((name, connected, options));
    }
    ready.sort_by_key(|(name, ..)| names.iter().position(|it| it == name));
    let mut sides = Vec::new();
    let mut last_folder = PathBuf::new();
    for (name, connected, options) in ready {
        let (side, folder) = run_on(args, name, &connected, plan.clone(), options)?;
        add_to_history(args, &connected, &side.summary, &folder)?;
        let is_interrupted = side.summary.cut_short.as_deref() == Some(INTERRUPTED);
        sides.push(side);
        last_folder = folder;
        if is_interrupted {
            return Ok(Ending::Interrupted);
        }
    }
    let verdicts = verdicts(&sides);
    println_quietly(verdicts.terminal(colour(), Show::Differences).trim_end());
    let write: [Report; 2] = [
        ("junit", &args.junit, "verdicts.xml", &|path| verdicts.write_junit(path)),
        ("html", &args.html, "verdicts.html", &|path| verdicts.write_html(path)),
    ];
    write_reports(&write, &last_folder, |_| "run again to have it written".to_owned())?;
    match worst(sides.iter().map(|it| Ending::of(&it.summary))) {
        Some(Ending::AllPassed) | None if verdicts.is_red() => Ok(Ending::SomeFailed),
        Some(ending) => Ok(ending),
        None => Ok(Ending::AllPassed),
    }
}

impl RunArgs {
    /// A run that was not typed: its reports are beside the journal.
    pub fn of(target: TargetArgs, execute: ExecuteArgs) -> Self {
        Self {
            select: SelectArgs::default(),
            target,
            execute,
            regression: None,
            strict: false,
            deny_warnings: false,
            pin: false,
            junit: None,
            json: None,
            html: None,
            history: None,
            of_many: None,
        }
    }

    /// Where random choices come from, if that was given.
    pub fn seed(&self) -> Option<u64> {
        self.execute.seed
    }

    pub fn options(&self, connected: &Connected, scale: u64) -> Result<RunOptions, CliError> {
        let mut options = self.execute.options(connected, scale)?;
        options.strictness = match self.strict {
            true => Strictness::Strict,
            false => Strictness::Lenient,
        };
        options.of_many = self.of_many.clone();
        Ok(options)
    }
}

/// A run on one target, and its folder.
fn run_on(
    args: &RunArgs,
    name: TargetName,
    connected: &Connected,
    plan: Plan,
    options: RunOptions,
) -> Result<(Side, PathBuf), CliError> {
    let target = connected.target.clone();
    let (summary, folder) =
        execute(connected, target, plan, options, &args.execute.runs, Vec::new())?;
    if let Some(replay) = &connected.replay {
        print_unused(&replay.unused());
    }
    let recorded_from = connected.replay.as_ref().map(|it| {
        let header = it.header();
        (header.target, header.recorded_at, header.release)
    });
    let kind = connected.target.kind();
    Ok((Side { name: name.name().to_owned(), kind, recorded_from, summary }, folder))
}

/// What the run came to, if somebody keeps that.
fn add_to_history(
    args: &RunArgs,
    connected: &Connected,
    summary: &RunSummary,
    folder: &Path,
) -> Result<(), CliError> {
    let Some(place) = &args.history else { return Ok(()) };
    history::add(place, summary, connected).map_err(|err| {
        let again = format!("snowgauge history import {} --history FILE", folder.display());
        err.hint(format!("`{again}` adds it from the journal"))
    })?;
    println_quietly(&format!("history: {place}"));
    Ok(())
}

/// Where logs of loads are, in a run's folder.
const HDR_DIR: &str = "hdr";

/// Histograms of loads, if there are any.
pub fn write_hdr(folder: &Path, summary: &RunSummary) -> Result<(), CliError> {
    let folder = folder.join(HDR_DIR);
    match hdr::write(&folder, summary) {
        Ok(0) => Ok(()),
        Ok(_) => {
            println_quietly(&format!("histograms: {}", folder.display()));
            Ok(())
        }
        Err(err) => Err(cannot_write(&folder, &err)),
    }
}

/// The report's word, the file asked for, its usual name, and what writes it.
type Report<'a> = (&'a str, &'a Option<PathBuf>, &'a str, &'a dyn Fn(&Path) -> io::Result<()>);

/// Each is tried, whatever became of the one before it.
fn write_reports(
    reports: &[Report],
    folder: &Path,
    otherwise: impl Fn(&str) -> String,
) -> Result<(), CliError> {
    let mut errors = String::new();
    for (word, asked, name, write) in reports {
        let path = Option::clone(asked).unwrap_or_else(|| folder.join(name));
        match write(&path) {
            Ok(()) => println_quietly(&format!("{word}: {}", path.display())),
            Err(err) => errors += &cannot_write(&path, &err).hint(otherwise(word)).render(),
        }
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(CliError::Rendered(errors)),
    }
}

/// The run did not get as far as a case, and nobody wanted that.
fn nothing_was_run(summary: &RunSummary) -> bool {
    let counts = summary.counts();
    let not_run = Counts { not_run: counts.not_run, ..Counts::default() };
    summary.cut_short.as_deref().is_some_and(|it| it != INTERRUPTED) && counts == not_run
}

/// Most of them are left by a suite that changed; the first ones tell which.
const UNUSED_SHOWN: usize = 10;

fn print_unused(unused: &[Unused]) {
    if unused.is_empty() {
        return;
    }
    println_quietly(&format!(
        "not used of what was recorded: {}; recording again leaves them out",
        counted(unused.len(), "statement")
    ));
    for it in unused.iter().take(UNUSED_SHOWN) {
        println_quietly(&format!("    {it}"));
    }
    if unused.len() > UNUSED_SHOWN {
        println_quietly(&format!("    and {} more", unused.len() - UNUSED_SHOWN));
    }
}
