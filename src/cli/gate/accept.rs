//! `snowgauge gate accept`

use crate::{
    cli::{CliError, Ending, failure::print, report::cannot_write},
    gate::{Change, Pattern, Shift},
    history::{
        HISTORY_FILE, NightRow, SeriesKey, Store,
        accepted::{self, GATE_FILE},
    },
    suite::{SuiteErrors, source::Source},
};
use chrono::NaiveDate;
use clap::Args;
use std::{collections::HashMap, fs, path::PathBuf};

/// Accept a change of level that is known and wanted, or that has to be lived with.
///
/// It is added to `gate.yaml`, which is best kept with the suites. Without `--factor`, `--level` or
/// `--category` the factor is what the last judged night was found to be worse by, for each series
/// that matches and was red.
#[derive(Debug, Args)]
pub struct AcceptArgs {
    /// Which series: its name, as the gate prints it; `*` stands for any text.
    #[arg(value_name = "SERIES")]
    series: String,

    /// Why it is accepted.
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// Who accepts it [default: the user of this machine].
    #[arg(long, value_name = "NAME")]
    who: Option<String>,

    /// The last night that it holds for. After it, the old level is expected again.
    #[arg(long, value_name = "DATE", required_unless_present = "for_good")]
    expires: Option<NaiveDate>,

    /// It never expires.
    #[arg(long, conflicts_with = "expires")]
    for_good: bool,

    /// The first night at the new level [default: that of the last judged night].
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,

    /// So many times as much is right: 1.1 for a tenth more. Of shares, so much is added instead.
    #[arg(long, value_name = "NUMBER", value_parser = positive, group = "shift")]
    factor: Option<f64>,

    /// The level from now on, in microseconds for times.
    #[arg(long, value_name = "NUMBER", value_parser = positive, group = "shift")]
    level: Option<f64>,

    /// What else is right where there is no number, such as FULL of refreshes.
    #[arg(long, value_name = "WORD", group = "shift")]
    category: Option<String>,

    /// The history that knows the last nights.
    #[arg(long, value_name = "FILE", default_value = HISTORY_FILE)]
    history: PathBuf,

    /// The file that it is added to.
    #[arg(long, value_name = "FILE", default_value = GATE_FILE)]
    accepted: PathBuf,
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|it: &f64| it.is_finite() && *it >= 0.0);
    number.ok_or_else(|| "expected a number from 0".to_owned())
}

pub fn accept(args: &AcceptArgs) -> Result<Ending, CliError> {
    let mut source = match args.accepted.is_file() {
        true => super::read(&args.accepted)?,
        false => Source::new(args.accepted.clone(), String::new()),
    };
    accepted::parse(&source)
        .map_err(|errors| CliError::from(SuiteErrors::new(errors, vec![source.clone().into()])))?;
    let changes = changes(args)?;
    for change in &changes {
        source.text = accepted::with(&source, change).ok_or_else(|| {
            CliError::new(format!("nothing can be added to the end of `{}`", source.path.display()))
                .hint("the list `accepted:` has to be the last thing in it, an entry a line")
        })?;
    }
    fs::write(&args.accepted, &source.text).map_err(|err| cannot_write(&args.accepted, &err))?;
    for it in &changes {
        let until = it.until.map_or("for good".to_owned(), |it| format!("until {it}"));
        let shift = match &it.shift {
            Shift::Factor(factor) => format!("{factor} times as much"),
            Shift::Level(level) => format!("a level of {level}"),
            Shift::Category(name) => format!("`{name}`"),
        };
        print(&format!("{}: {shift} from {} on, {until}\n", it.series, it.from))?;
    }
    Ok(Ending::AllPassed)
}

fn changes(args: &AcceptArgs) -> Result<Vec<Change>, CliError> {
    let shift = match (args.factor, args.level, &args.category) {
        (Some(factor), ..) => Some(Shift::Factor(factor)),
        (_, Some(level), _) => Some(Shift::Level(level)),
        (.., Some(name)) => Some(Shift::Category(name.clone())),
        (None, None, None) => None,
    };
    let user = || ["USER", "USERNAME"].iter().find_map(|it| std::env::var(it).ok());
    let who = args.who.clone().or_else(user).ok_or_else(|| {
        CliError::new("nobody knows who accepts it").hint("`--who` names a person or a team")
    })?;
    let change = |series: String, shift: Shift, from: NaiveDate| Change {
        series,
        shift,
        reason: args.reason.clone(),
        who: who.clone(),
        from,
        until: args.expires,
    };
    // What is fully said needs no history.
    if let (Some(shift), Some(from)) = (&shift, args.from) {
        return Ok(vec![change(args.series.clone(), shift.clone(), from)]);
    }
    let store = Store::open_existing(&args.history)?;
    let last = last_judged(&store)?.ok_or_else(|| {
        CliError::new("no night of the history was judged")
            .hint("say `--from` and one of `--factor`, `--level` and `--category`")
    })?;
    let from = args.from.unwrap_or(last.started_at.date_naive());
    if let Some(shift) = shift {
        return Ok(vec![change(args.series.clone(), shift, from)]);
    }
    let pattern = Pattern::new(&args.series);
    let mut red: HashMap<SeriesKey, Option<f64>> = HashMap::new();
    for (night, it) in store.verdicts()? {
        if night == last.id && it.verdict == "failed" {
            red.insert(it.series, it.estimate);
        }
    }
    let mut changes = Vec::new();
    for (series, estimate) in red {
        let Some(gated) = series.gated(&last.testbed) else { continue };
        let name = gated.to_string();
        if let Some(estimate) = estimate.filter(|_| pattern.matches_text(&name)) {
            changes.push(change(name, Shift::Factor(rounded(estimate)), from));
        }
    }
    changes.sort_by(|a, b| a.series.cmp(&b.series));
    match changes.is_empty() {
        false => Ok(changes),
        true => Err(CliError::new(format!(
            "no series that matches `{}` was red by a number on {}, in the run {}",
            args.series,
            last.started_at.date_naive(),
            last.run
        ))
        .hint("say what is right by `--factor`, `--level` or `--category`")),
    }
}

fn last_judged(store: &Store) -> Result<Option<NightRow>, CliError> {
    let nights = store.nights()?;
    Ok(nights.into_iter().rfind(|it| it.status.gated().is_some()))
}

/// Three digits: more is not known.
fn rounded(factor: f64) -> f64 {
    (factor * 1000.0).round() / 1000.0
}
