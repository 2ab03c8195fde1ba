//! `snowgauge regions`

use super::{
    CliError, Ending, TargetArgs, TargetName, connect, duration,
    execute::{println_quietly, random_seed, stop_on_ctrl_c},
    exit::worst,
    report::{beside_journal, cannot_write},
};
use crate::{
    regions::{
        Entry, Matrix, Table, difference,
        execute::{Job, execute},
        html, junit, markdown,
        matrix::Select,
        table::{Head, Run},
    },
    report::text,
    run::{
        self, Event, Events, Plan, Reporter, RunId, RunOptions, RunSummary, Selection, Stop,
        Strictness, cost,
        journal::{Journal, RUNS_DIR},
    },
    suite::{self, Loaded, error::SuiteErrorKind, span::Span},
};
use chrono::Utc;
use clap::Args;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Run suites over many connections, and make one table of what works where.
///
/// MATRIX names connections of `connections.toml`, the suites, and what an account may bear. Each
/// connection has an ordinary run with a folder of its own; runs on one account wait for each
/// other, all others are beside each other. One that cannot be reached is `not run` and stops no
/// other. The table is held against the newest earlier one of the same matrix.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct RegionsArgs {
    /// The file that says what to run where (docs/regions.md).
    #[arg(value_name = "MATRIX")]
    matrix: PathBuf,

    /// Say what would be run and what it is expected to cost, and run nothing.
    #[arg(long)]
    dry_run: bool,

    /// Fail when an expected limitation is gone (`lifted`), rather than tell it as news.
    #[arg(long)]
    strict: bool,

    /// Where every random choice comes from [default: random, and printed].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// From when on `snowgauge sweep` and other runs may drop what a run leaves if it is killed.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "6h")]
    expires_after: Duration,

    /// Hold the table against this one [default: the newest of the same matrix in the output
    /// folder].
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,

    /// Where tables are kept.
    #[arg(long, value_name = "DIR", default_value = REGIONS_DIR)]
    out: PathBuf,

    /// Write the JUnit report to FILE as well, a test suite for each region.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Write the Markdown report to FILE as well.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,

    /// Write the HTML report to FILE as well.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Write the JSON report to FILE as well. What later tables are compared with is the one in
    /// the output folder.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Where runs are kept.
    #[arg(long, value_name = "DIR", default_value = RUNS_DIR)]
    runs: PathBuf,
}

/// Where tables are kept unless another folder is asked for.
const REGIONS_DIR: &str = ".snowgauge/regions";

const HELP: &str = "Exit status: 0 all passed in every region, 1 some failed, 2 could not run: bad \
                    input, or a region that was not run to its end, 3 unsure or invalid, 130 \
                    interrupted. The first of 130, 1, 2 and 3 that holds of any region.";

/// Orders in the data set of a run where the matrix says nothing: what is asked is whether things
/// work, and not how fast.
const SCALE: u64 = 20_000;

pub fn regions(args: &RegionsArgs) -> Result<Ending, CliError> {
    let matrix = Matrix::read(&args.matrix)?;
    let earlier = earlier(args)?;
    let prepared = prepare(args, &matrix)?;
    for it in &prepared {
        println_quietly(&format!(
            "{}: {}, {}",
            it.label,
            run::compare::counted(it.plan.keys().len(), "case"),
            it.estimate.in_words()
        ));
    }
    affordable(&matrix, &prepared)?;
    if args.dry_run {
        return Ok(Ending::AllPassed);
    }
    let started_at = Utc::now();
    let clock = Instant::now();
    let (summaries, stopped) = run_all(args, &matrix, prepared)?;
    let folders: Vec<PathBuf> = summaries.iter().map(|it| args.runs.join(&it.run)).collect();
    let runs: Vec<Run<'_>> = matrix
        .regions
        .iter()
        .zip(&summaries)
        .zip(&folders)
        .map(|((entry, summary), folder)| Run {
            label: &entry.label,
            connection: &entry.connection.value,
            believed: entry.region.as_ref().map(ToString::to_string),
            folder: folder.display().to_string(),
            summary,
        })
        .collect();
    let head = Head {
        matrix: args.matrix.display().to_string(),
        doc: matrix.doc.clone(),
        started_at,
        took_us: u64::try_from(clock.elapsed().as_micros()).unwrap_or(u64::MAX),
        strictness: strictness(args),
        cut_short: stopped,
    };
    let mut table = Table::new(head, &runs);
    if let Some((path, earlier)) = &earlier {
        difference::since(&mut table, earlier, path.display().to_string());
    }
    println_quietly(&format!("\n{}", markdown::title(&table)));
    write(args, &table, &summaries)?;
    Ok(worst(summaries.iter().map(Ending::of)).unwrap_or(Ending::AllPassed))
}

fn strictness(args: &RegionsArgs) -> Strictness {
    match args.strict {
        true => Strictness::Strict,
        false => Strictness::Lenient,
    }
}

/// A region that can be run.
struct Prepared {
    label: String,
    /// Its key: what the matrix calls it, or the server.
    account: String,
    connected: super::Connected,
    plan: Plan,
    options: RunOptions,
    estimate: cost::Estimate,
    span: Span,
}

/// All that is wrong with any of them is told at once, before the first is run.
fn prepare(args: &RegionsArgs, matrix: &Matrix) -> Result<Vec<Prepared>, CliError> {
    let mut errors: Vec<(Span, SuiteErrorKind)> = Vec::new();
    let mut other = String::new();
    let mut loaded: Vec<(Select, Option<(Loaded, Plan)>)> = Vec::new();
    let seed = args.seed.unwrap_or_else(random_seed);
    let mut prepared: Vec<Prepared> = Vec::new();
    for entry in &matrix.regions {
        let at = match loaded.iter().position(|(it, _)| *it == entry.select) {
            Some(at) => at,
            None => {
                let planned = plan(&entry.select, &mut errors, &mut other);
                loaded.push((entry.select.clone(), planned));
                loaded.len() - 1
            }
        };
        let (_, planned) = &loaded[at];
        let connected =
            open(entry).map_err(|err| errors.push((entry.connection.span.clone(), err)));
        let (Some((_, plan)), Ok((account, connected))) = (planned, connected) else { continue };
        // Otherwise each of the two names would have limits of its own, on one account.
        let server = connected.server.clone();
        let is_other = |it: &&Prepared| it.connected.server == server && it.account != account;
        if let Some(other) = prepared.iter().find(is_other) {
            let cause = format!(
                "it leads to the same server as `{}`, and has another `account`",
                other.label
            );
            let help = Some("give both the same `account`, or neither one".to_owned());
            let kind = SuiteErrorKind::Connection { cause, help };
            errors.push((entry.connection.span.clone(), kind));
            continue;
        }
        let limits = matrix.limits_of(entry.account.as_deref());
        let mut options = RunOptions::new(RunId::random());
        options.seed = seed;
        options.scale = matrix.scale.unwrap_or(SCALE);
        options.jobs = (limits.jobs / limits.runs).max(1);
        options.strictness = strictness(args);
        options.expires_after = args.expires_after;
        options.release = entry.release;
        options.always_probe = true;
        let estimate = cost::estimate(plan, &options);
        prepared.push(Prepared {
            label: entry.label.clone(),
            account,
            connected,
            plan: plan.clone(),
            options,
            estimate,
            span: entry.connection.span.clone(),
        });
    }
    if !errors.is_empty() {
        other = CliError::from(matrix.errors(errors)).render() + &other;
    }
    match other.is_empty() {
        true => Ok(prepared),
        false => Err(CliError::Rendered(other)),
    }
}

fn plan(
    select: &Select,
    errors: &mut Vec<(Span, SuiteErrorKind)>,
    other: &mut String,
) -> Option<(Loaded, Plan)> {
    let missing: Vec<_> =
        select.suites.iter().filter(|it| !Path::new(&it.value).exists()).collect();
    if !missing.is_empty() {
        errors.extend(missing.iter().map(|it| (it.span.clone(), SuiteErrorKind::NotFound)));
        return None;
    }
    let roots = match select.suites.is_empty() {
        true => vec![PathBuf::from(super::select::SUITES_DIR)],
        false => select.suites.iter().map(|it| PathBuf::from(&it.value)).collect(),
    };
    let loaded = suite::load(&roots).map_err(|err| *other += &CliError::from(err).render()).ok()?;
    let selection = Selection {
        filter: select.filter.clone(),
        tags: select.tag.clone(),
        ..Selection::default()
    };
    match run::plan(&loaded.suites, &loaded.data_sets, &selection) {
        Ok(plan) => Some((loaded, plan)),
        Err(err) => {
            *other += &CliError::of_plan(err, &loaded).render();
            None
        }
    }
}

/// Reads a connection; nobody logs in yet. Beside it, what tells its account.
fn open(entry: &Entry) -> Result<(String, super::Connected), SuiteErrorKind> {
    let args = TargetArgs {
        target: vec![TargetName::Live],
        connection: Some(entry.connection.value.clone()),
        release: entry.release,
        ..TargetArgs::default()
    };
    let connected = connect(&args, TargetName::Live).map_err(|err| {
        let text = err.render();
        let mut lines = text.lines().map(|it| it.trim_start_matches("error: ").trim_start());
        let cause = lines.next().unwrap_or_default().to_owned();
        let help: Vec<&str> = lines.map(|it| it.trim_start_matches("hint: ")).collect();
        SuiteErrorKind::Connection { cause, help: (!help.is_empty()).then(|| help.join("; ")) }
    })?;
    let account = match &entry.account {
        Some(name) => name.clone(),
        None => connected.server.clone().unwrap_or_else(|| entry.connection.value.clone()),
    };
    Ok((account, connected))
}

/// Refuses accounts whose runs are expected to cost more than they may, and gives each run its
/// part of what the account may: what it is expected to cost, and an equal share of the rest.
fn affordable(matrix: &Matrix, prepared: &[Prepared]) -> Result<(), CliError> {
    let mut errors = Vec::new();
    for (account, expected, _) in by_account(prepared) {
        let first = prepared.iter().find(|it| it.account == account);
        let Some(first) = first else { continue };
        let Some(max) = max_of(matrix, first) else { continue };
        if expected > max {
            let runs: Vec<String> = prepared
                .iter()
                .filter(|it| it.account == account)
                .map(|it| format!("`{}` {:.2}", it.label, it.estimate.credits))
                .collect();
            errors.push((
                first.span.clone(),
                SuiteErrorKind::Connection {
                    cause: format!(
                        "the runs on its account are expected to cost {expected:.2} credits, and \
                         `max-credits` allows {max}"
                    ),
                    help: Some(format!(
                        "`tag: not costly` leaves out suites that start warehouses of their own; \
                         there are {}",
                        runs.join(", ")
                    )),
                },
            ));
        }
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(matrix.errors(errors).into()),
    }
}

fn max_of(matrix: &Matrix, prepared: &Prepared) -> Option<f64> {
    let entry = matrix.regions.iter().find(|it| it.label == prepared.label)?;
    matrix.limits_of(entry.account.as_deref()).credits_max
}

/// Accounts, what their runs are expected to cost, and how many there are.
fn by_account(prepared: &[Prepared]) -> Vec<(String, f64, usize)> {
    let mut accounts: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
    for it in prepared {
        let (credits, count) = accounts.entry(&it.account).or_default();
        *credits += it.estimate.credits;
        *count += 1;
    }
    accounts.into_iter().map(|(name, (credits, count))| (name.to_owned(), credits, count)).collect()
}

/// Every run, in the order of the matrix; whether somebody ended it.
fn run_all(
    args: &RegionsArgs,
    matrix: &Matrix,
    prepared: Vec<Prepared>,
) -> Result<(Vec<RunSummary>, Option<String>), CliError> {
    let accounts = by_account(&prepared);
    let mut runs = BTreeMap::new();
    let mut jobs = Vec::new();
    let mut all = Vec::new();
    for mut it in prepared {
        let max = max_of(matrix, &it);
        let entry = matrix.regions.iter().find(|entry| entry.label == it.label);
        let limits = matrix.limits_of(entry.and_then(|it| it.account.as_deref()));
        runs.insert(it.account.clone(), limits.runs);
        if let (Some(max), Some((_, expected, count))) =
            (max, accounts.iter().find(|(name, ..)| *name == it.account))
        {
            it.options.credits_max = Some(it.estimate.credits + (max - expected) / *count as f64);
        }
        let journal =
            Begun { runs: args.runs.clone(), run: it.options.run.to_string(), journal: None };
        let lines = Lines { label: it.label.clone() };
        let reporters: Vec<Box<dyn Reporter>> = vec![Box::new(journal), Box::new(lines)];
        let events = Events::new(it.connected.redactor, reporters);
        all.push((it.label, events.clone()));
        jobs.push(Job {
            account: it.account,
            target: it.connected.target,
            plan: it.plan,
            options: it.options,
            events,
        });
    }
    fs::create_dir_all(&args.runs).map_err(|err| {
        cannot_write(&args.runs, &err).hint("`--runs` names a folder that can be written to")
    })?;
    let runtime = tokio::runtime::Runtime::new()?;
    let stop = Stop::default();
    let summaries = runtime.block_on(async {
        let watch = tokio::spawn(stop_on_ctrl_c(stop.clone()));
        let summaries = execute(jobs, &runs, &stop).await;
        watch.abort();
        summaries
    });
    for (label, events) in all {
        if let Some(failure) = events.failure() {
            eprintln!("warning: {label}: a report is not whole: {failure}");
        }
    }
    Ok((summaries, stop.cause()))
}

/// A journal that is there when the run has begun: those that wait for others may never begin.
struct Begun {
    runs: PathBuf,
    run: String,
    journal: Option<Journal>,
}

impl Reporter for Begun {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &mut self.journal {
            Some(journal) => journal.event(event),
            None => {
                let journal = Journal::create(&self.runs, &self.run)?;
                self.journal.insert(journal).event(event)
            }
        }
    }
}

/// A line for what there is to see of a run, behind its region's label: runs are beside each other.
struct Lines {
    label: String,
}

impl Reporter for Lines {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let line = match event {
            Event::RunStarted { run, cases, .. } => format!("run {run}: {} cases", cases.len()),
            Event::ReleaseProbed { release, how } => format!("release {release}: {how}"),
            Event::CaseFinished(report) => match report.outcome {
                run::Outcome::Passed
                | run::Outcome::Skipped { .. }
                | run::Outcome::NotRun { .. } => {
                    return Ok(());
                }
                _ => {
                    let why = text::reason(&report.outcome).unwrap_or_default();
                    let why = text::printable(text::parted(why).0);
                    format!("{} {}: {why}", report.outcome.word(), report.case)
                }
            },
            Event::Work { what, failure: Some(failure), .. } => {
                format!("did not {what}: {}", text::printable(text::parted(failure).0))
            }
            Event::RunFinished { cut_short: Some(cause), .. } => format!("cut short: {cause}"),
            Event::RunFinished { cut_short: None, .. } => "done".to_owned(),
            Event::Work { failure: None, .. }
            | Event::Fact { .. }
            | Event::CaseStarted { .. }
            | Event::LoadProgress { .. } => return Ok(()),
        };
        println_quietly(&format!("[{}] {line}", self.label));
        Ok(())
    }
}

/// The earlier table, and its file.
fn earlier(args: &RegionsArgs) -> Result<Option<(PathBuf, Table)>, CliError> {
    if let Some(path) = &args.previous {
        let table = Table::read(path).map_err(CliError::new)?;
        return Ok(Some((path.clone(), table)));
    }
    let Some(path) = newest(&args.out, &stem(&args.matrix)) else { return Ok(None) };
    match Table::read(&path) {
        Ok(table) => Ok(Some((path, table))),
        // Nobody asked for this one, and a night is worth more than what has changed since.
        Err(err) => {
            eprintln!("warning: nothing is compared: {err}");
            Ok(None)
        }
    }
}

/// `six` for `ci/six.yaml`: tables are called after their matrix.
fn stem(matrix: &Path) -> String {
    matrix.file_stem().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Names of tables end in the instant of their start, so that they sort by it.
fn newest(out: &Path, stem: &str) -> Option<PathBuf> {
    let is_ours = |name: &str| {
        let instant = name.strip_prefix(stem).and_then(|it| it.strip_prefix('-'));
        let instant = instant.and_then(|it| it.strip_suffix(".json"));
        instant
            .is_some_and(|it| it.len() == INSTANT_LENGTH && it.ends_with('Z') && it.contains('T'))
    };
    let names = fs::read_dir(out).ok()?.flatten();
    let names = names.filter_map(|it| it.file_name().into_string().ok());
    names.filter(|it| is_ours(it)).max().map(|it| out.join(it))
}

/// `20261121T220512.123Z`
const INSTANT: &str = "%Y%m%dT%H%M%S%.3fZ";
const INSTANT_LENGTH: usize = 20;

fn write(args: &RegionsArgs, table: &Table, summaries: &[RunSummary]) -> Result<(), CliError> {
    let runs: Vec<&RunSummary> = summaries.iter().collect();
    let name = format!("{}-{}", stem(&args.matrix), table.started_at.format(INSTANT));
    let mut errors = String::new();
    let texts: [(&str, io::Result<String>, &Option<PathBuf>); 4] = [
        ("json", table.json(), &args.json),
        ("html", Ok(html::render(table)), &args.html),
        ("md", Ok(markdown::render(table)), &args.markdown),
        ("xml", junit::render(table, &runs), &args.junit),
    ];
    for (extension, text, further) in texts {
        let paths = [Some(args.out.join(format!("{name}.{extension}"))), further.clone()];
        for path in paths.into_iter().flatten() {
            let written = match &text {
                Ok(text) => write_whole(&path, text),
                Err(err) => Err(io::Error::other(err.to_string())),
            };
            match written {
                Ok(()) => println_quietly(&format!("{extension}: {}", path.display())),
                Err(err) => errors += &cannot_write(&path, &err).render(),
            }
        }
    }
    for summary in summaries {
        let folder = args.runs.join(&summary.run);
        if folder.is_dir() {
            errors += &beside_journal(&folder, summary);
        }
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(CliError::Rendered(errors)),
    }
}

/// Through a file beside it: a table that was torn by the end of the process would be read by the
/// next night.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}
