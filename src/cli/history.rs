//! `snowgauge history`

use super::{
    CliError, Connected, Ending, TargetArgs, TargetName, connect, failure::print,
    report::cannot_write,
};
use crate::{
    gate::{self, Pattern, Reading},
    history::{
        Added, Better, HISTORY_FILE, HistoryError, Judgement, Night, NightRow, SeriesKey,
        SeriesVerdict, Status, Store, Unit, export, import,
        shared::{Place, Shared, SharedError},
    },
    report::{
        html::figure::{digits, percent, time},
        trend::{self, LevelChange, Page, Trend, TrendPoint},
    },
    run::{RunSummary, compare::counted, journal::RUNS_DIR},
    secret::Redactor,
};
use clap::{Args, Subcommand, ValueEnum};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::PathBuf,
};
use tokio::runtime::Runtime;

/// Keep what runs came to, night after night, and look at it.
///
/// Without a subcommand the nights are listed. `snowgauge run --history FILE` adds a night when it
/// ends.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    #[command(subcommand)]
    command: Option<HistoryCommand>,

    /// The history: an SQLite file, or `snowflake:DB.SCHEMA.TABLE` for one that a team shares.
    #[arg(long, value_name = "FILE", global = true, default_value = HISTORY_FILE)]
    history: Place,

    /// The connection of `connections.toml` that a shared history is reached by.
    #[arg(long, value_name = "NAME", global = true)]
    connection: Option<String>,
}

#[derive(Debug, Subcommand)]
enum HistoryCommand {
    /// List the nights, oldest first.
    Nights,
    Series(SeriesArgs),
    Import(ImportArgs),
    Plot(PlotArgs),
    Export(ExportArgs),
    Mark(MarkArgs),
}

/// List what is measured each night, with its last value.
#[derive(Debug, Args)]
struct SeriesArgs {
    /// Only series whose names match: `*` stands for anything, as in `latency::*/p95`.
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,
}

/// Add nights from run folders.
///
/// A run that is there already is left as it is, unless it had not come to its end then.
#[derive(Debug, Args)]
struct ImportArgs {
    /// A run's id, its folder, or its journal [default: the latest run].
    #[arg(value_name = "RUN")]
    names: Vec<String>,

    /// Where runs are kept.
    #[arg(long, value_name = "DIR", default_value = RUNS_DIR)]
    runs: PathBuf,

    /// What is to be thought of them: accepted ones may be compared with.
    #[arg(long, value_enum, value_name = "STATUS", default_value = "unjudged")]
    status: StatusName,
}

/// Write a page of trends: each series over all nights, with the gate's verdicts and change points.
#[derive(Debug, Args)]
struct PlotArgs {
    /// Only series whose names match: `*` stands for anything [default: those that can be judged].
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,

    /// Where the page goes.
    #[arg(long, value_name = "FILE", default_value = ".snowgauge/history.html")]
    html: PathBuf,
}

/// Write all values to a table, a row for each night and series.
#[derive(Debug, Args)]
struct ExportArgs {
    /// What it is written to: `.csv` or `.parquet`.
    #[arg(value_name = "FILE")]
    to: PathBuf,
}

/// Change what is to be thought of a night.
#[derive(Debug, Args)]
struct MarkArgs {
    /// The run's id.
    #[arg(value_name = "RUN")]
    run: String,

    /// What it is from now on.
    #[arg(value_enum, value_name = "STATUS")]
    status: StatusName,

    /// Why, for those who wonder later.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StatusName {
    /// No gate has looked at it.
    Unjudged,
    /// Later nights may be compared with it.
    Accepted,
    /// Something was worse.
    Red,
    /// It could not be told.
    Unsure,
    /// The measuring was not sound.
    Invalid,
}

impl From<StatusName> for Status {
    fn from(name: StatusName) -> Self {
        match name {
            StatusName::Unjudged => Self::Unjudged,
            StatusName::Accepted => Self::Accepted,
            StatusName::Red => Self::Red,
            StatusName::Unsure => Self::Unsure,
            StatusName::Invalid => Self::Invalid,
        }
    }
}

impl From<HistoryError> for CliError {
    fn from(err: HistoryError) -> Self {
        match err.hint() {
            Some(hint) => Self::new(err.to_string()).hint(hint),
            None => Self::new(err.to_string()),
        }
    }
}

pub fn history(args: HistoryArgs) -> Result<Ending, CliError> {
    let command = args.command.unwrap_or(HistoryCommand::Nights);
    let mut open = match (&args.history, &command) {
        (Place::File(path), HistoryCommand::Import(_)) => Open::File(Store::open(path)?),
        (Place::File(path), _) => Open::File(Store::open_existing(path)?),
        (place, _) => {
            let target = TargetArgs { connection: args.connection, ..TargetArgs::default() };
            Open::at(place, &connect(&target, TargetName::Live)?)?
        }
    };
    match command {
        HistoryCommand::Nights => print(&nights(open.store())?)?,
        HistoryCommand::Series(args) => print(&series(open.store(), &args)?)?,
        HistoryCommand::Import(args) => import_runs(&mut open, &args)?,
        HistoryCommand::Plot(args) => plot(open.store(), &args)?,
        HistoryCommand::Export(args) => export_to(open.store(), &args)?,
        HistoryCommand::Mark(args) => {
            open.mark(&args.run, args.status.into(), &args.reason)?;
            print(&format!("{}: {}\n", args.run, Status::from(args.status).word()))?;
        }
    }
    Ok(Ending::AllPassed)
}

/// A history that is open, wherever it is.
pub enum Open {
    File(Store),
    Table { shared: Box<Shared>, runtime: Runtime, redactor: Redactor },
}

impl Open {
    /// Opens a history, and makes it if there is none. A table is reached by what is connected.
    pub fn at(place: &Place, connected: &Connected) -> Result<Self, CliError> {
        match place {
            Place::File(path) => Ok(Self::File(Store::open(path)?)),
            Place::Table(table) => {
                let runtime = connected.runtime()?;
                let redactor = connected.redactor.clone();
                let shared = runtime.block_on(Shared::open(&connected.target, table));
                let shared = shared.map_err(|err| redacted(&redactor, err))?;
                Ok(Self::Table { shared: Box::new(shared), runtime, redactor })
            }
        }
    }

    pub fn store(&self) -> &Store {
        match self {
            Self::File(store) => store,
            Self::Table { shared, .. } => &shared.store,
        }
    }

    pub fn store_mut(&mut self) -> &mut Store {
        match self {
            Self::File(store) => store,
            Self::Table { shared, .. } => &mut shared.store,
        }
    }

    pub fn add(&mut self, night: &Night) -> Result<Added, CliError> {
        match self {
            Self::File(store) => Ok(store.add(night)?),
            Self::Table { shared, runtime, redactor } => {
                runtime.block_on(shared.add(night)).map_err(|err| redacted(redactor, err))
            }
        }
    }

    /// Keeps what the store has been told already.
    pub fn keep(&mut self, judgement: &Judgement) -> Result<(), CliError> {
        match self {
            Self::File(_) => Ok(()),
            Self::Table { shared, runtime, redactor } => {
                runtime.block_on(shared.keep(judgement)).map_err(|err| redacted(redactor, err))
            }
        }
    }

    fn mark(&mut self, run: &str, status: Status, why: &str) -> Result<(), CliError> {
        self.store_mut().mark(run, status, why)?;
        let judgement = self.store().judgement(run)?;
        self.keep(&judgement)
    }
}

/// Servers quote what they were sent.
fn redacted(redactor: &Redactor, err: SharedError) -> CliError {
    match err {
        SharedError::History(err) => err.into(),
        err => CliError::new(redactor.redact(&err.to_string())),
    }
}

/// Adds the night of a run that has ended, for `run --history`.
pub fn add(place: &Place, summary: &RunSummary, connected: &Connected) -> Result<Added, CliError> {
    Open::at(place, connected)?.add(&Night::of(summary))
}

/// All of them, whatever became of one before.
fn import_runs(open: &mut Open, args: &ImportArgs) -> Result<(), CliError> {
    let names: Vec<Option<&str>> = match args.names.is_empty() {
        true => vec![None],
        false => args.names.iter().map(|it| Some(it.as_str())).collect(),
    };
    let mut errors = String::new();
    for name in names {
        let night = match import::import(name, &args.runs) {
            Ok(night) => night,
            Err(err) => {
                errors += &CliError::from(err).render();
                continue;
            }
        };
        let added = open.add(&night)?;
        if added != Added::Known && args.status != StatusName::Unjudged {
            open.mark(&night.run, args.status.into(), "as it was imported")?;
        }
        let (values, run) = (counted(night.quantities.len(), "value"), &night.run);
        let ended = if night.has_ended() { "" } else { ", of a run that did not come to its end" };
        print(&match added {
            Added::New => format!("{run}: {values}{ended}\n"),
            Added::Replaced => {
                format!("{run}: {values}, in place of the part that was there\n")
            }
            Added::Known => format!("{run} is there already\n"),
        })?;
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(CliError::Rendered(errors)),
    }
}

fn nights(store: &Store) -> Result<String, CliError> {
    let nights = store.nights()?;
    let mut rows =
        vec![["run", "started", "status", "release", "testbed", "why"].map(str::to_owned)];
    for it in &nights {
        let ended = if it.has_ended() { it.why.clone() } else { not_ended(it) };
        rows.push([
            it.run.clone(),
            it.started_at.format("%Y-%m-%d %H:%M").to_string(),
            it.status.word().to_owned(),
            it.release.clone().unwrap_or_default(),
            it.testbed.clone(),
            ended,
        ]);
    }
    Ok(format!("{}{}\n", table(&rows), counted(nights.len(), "night")))
}

fn not_ended(night: &NightRow) -> String {
    match &night.cut_short {
        Some(cause) => format!("not whole: {cause}"),
        None => "not whole".to_owned(),
    }
}

fn series(store: &Store, args: &SeriesArgs) -> Result<String, CliError> {
    let testbeds: BTreeMap<i64, String> =
        store.nights()?.into_iter().map(|it| (it.id, it.testbed)).collect();
    let mut rows = vec![["series", "nights", "last", "control"].map(str::to_owned)];
    for (key, unit, _) in named(store, &args.patterns)? {
        let points = store.points(&key)?;
        let Some(last) = points.last() else { continue };
        let beds = points.iter().filter_map(|it| testbeds.get(&it.night));
        let beds = beds.collect::<BTreeSet<_>>().len();
        let nights = match beds {
            0 | 1 => points.len().to_string(),
            beds => format!("{} on {beds} testbeds", points.len()),
        };
        let control = last.first.control.map(|it| in_words(unit, it)).unwrap_or_default();
        rows.push([key.to_string(), nights, reading(unit, &last.first.reading), control]);
    }
    Ok(table(&rows))
}

/// The series whose names match one of the patterns; all where there is none.
fn named(store: &Store, patterns: &[String]) -> Result<Vec<(SeriesKey, Unit, Better)>, CliError> {
    let mut all = store.series()?;
    if patterns.is_empty() {
        return Ok(all);
    }
    let mut unmatched = Vec::new();
    let mut keep = vec![false; all.len()];
    for text in patterns {
        let pattern = Pattern::new(text);
        let mut matches = 0;
        for (keep, (key, ..)) in keep.iter_mut().zip(&all) {
            if pattern.matches_text(&key.to_string()) {
                *keep = true;
                matches += 1;
            }
        }
        if matches == 0 {
            unmatched.push(format!("no series matches `{text}`"));
        }
    }
    if !unmatched.is_empty() {
        return Err(CliError::new(unmatched.join("; "))
            .hint("`snowgauge history series` lists them; `*` stands for any text"));
    }
    let mut keep = keep.into_iter();
    all.retain(|_| keep.next().unwrap_or_default());
    Ok(all)
}

fn export_to(store: &Store, args: &ExportArgs) -> Result<(), CliError> {
    let format = export::Format::of(&args.to).ok_or_else(|| {
        CliError::new(format!("`{}` is neither CSV nor Parquet", args.to.display()))
            .hint("its name ends in `.csv` or `.parquet`")
    })?;
    let rows = export::rows(store)?;
    export::write(&args.to, format, &rows).map_err(|err| cannot_write(&args.to, &err))?;
    print(&format!("{}: {}\n", args.to.display(), counted(rows.len(), "row")))
}

fn plot(store: &Store, args: &PlotArgs) -> Result<(), CliError> {
    let page = page(store, &args.patterns)?;
    if let Some(folder) = args.html.parent() {
        fs::create_dir_all(folder).map_err(|err| cannot_write(&args.html, &err))?;
    }
    fs::write(&args.html, trend::render(&page)).map_err(|err| cannot_write(&args.html, &err))?;
    let changes: usize = page.trends.iter().map(|it| it.changes.len()).sum();
    print(&format!(
        "html: {}: {} of {}, in which a level changed {}\n",
        args.html.display(),
        counted(page.trends.len(), "plot"),
        counted(page.nights.len(), "night"),
        counted(changes, "time")
    ))
}

/// What the page of trends shows: each series on each testbed.
fn page(store: &Store, patterns: &[String]) -> Result<Page, CliError> {
    let mut page = Page { nights: store.nights()?, ..Page::default() };
    let nights: HashMap<i64, NightRow> = page.nights.iter().map(|it| (it.id, it.clone())).collect();
    let mut verdicts: HashMap<(i64, SeriesKey), SeriesVerdict> = HashMap::new();
    for (night, it) in store.verdicts()? {
        verdicts.insert((night, it.series.clone()), it);
    }
    for (series, unit, better) in named(store, patterns)? {
        if patterns.is_empty() && series.gated("").is_none() {
            continue;
        }
        let mut testbeds: BTreeMap<String, Vec<TrendPoint>> = BTreeMap::new();
        for point in store.points(&series)? {
            let Some(night) = nights.get(&point.night) else { continue };
            testbeds.entry(night.testbed.clone()).or_default().push(TrendPoint {
                run: night.run.clone(),
                at: night.started_at,
                status: night.status,
                verdict: verdicts.remove(&(night.id, series.clone())),
                first: point.first,
                again: point.again,
            });
        }
        for (testbed, points) in testbeds {
            let is_fact = |it: &TrendPoint| {
                let fact =
                    matches!(it.first.reading, Reading::Exact { .. } | Reading::Category { .. });
                fact && it.first.reading == points[0].first.reading
            };
            if patterns.is_empty() && points.iter().all(is_fact) {
                page.constant += 1;
                continue;
            }
            let changes = changes(&series, &testbed, &points);
            let series = series.clone();
            page.trends.push(Trend { testbed, series, unit, better, points, changes });
        }
    }
    Ok(page)
}

/// When the level changed, as far as the nights that were sound tell. Of what the gate does not know
/// nothing is said.
fn changes(series: &SeriesKey, testbed: &str, points: &[TrendPoint]) -> Vec<LevelChange> {
    let Some(series) = series.gated(testbed) else { return Vec::new() };
    let nights: Vec<gate::Night> = points
        .iter()
        .map(|it| gate::Night {
            date: it.at.date_naive(),
            run: it.run.clone(),
            // Nobody having judged a night is no reason not to look at it.
            status: it.status.gated().unwrap_or(gate::Status::Unsure),
            host: None,
            first: it.first.clone(),
            again: it.again.clone(),
        })
        .collect();
    let found = gate::when_changed(&series, &nights).into_iter();
    let change = |it: gate::ChangePoint| {
        let at = points.iter().position(|point| point.at.date_naive() == it.date)?;
        Some(LevelChange { at, before: it.before, after: it.after })
    };
    found.filter_map(change).collect()
}

/// A value with its unit, and the interval where there is one.
fn reading(unit: Unit, reading: &Reading) -> String {
    match reading {
        Reading::Measured { value, low, high, .. } => {
            let high = high.map_or("no upper end".to_owned(), |it| in_words(unit, it));
            format!("{} ({} to {high})", in_words(unit, *value), in_words(unit, *low))
        }
        Reading::Number { value } => in_words(unit, *value),
        Reading::Exact { count } => count.to_string(),
        Reading::Category { name } => name.clone(),
    }
}

fn in_words(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Microseconds => time(value),
        Unit::Share => percent(value),
        Unit::PerSecond => format!("{} /s", digits(value)),
        Unit::Count | Unit::Word => digits(value),
        Unit::Credits => format!("{value:.2} credits"),
    }
}

/// Columns of words, as wide as they need.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |at: usize| rows.iter().map(|it| it[at].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        out += cells.collect::<Vec<_>>().join("  ").trim_end();
        out.push('\n');
    }
    out
}
