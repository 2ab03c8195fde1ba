//! `snowgauge check-history`

use super::{CliError, Ending, failure::print};
use crate::refresh::schedule::{
    self, Answer, Options, Report, TableReport,
    history::{History, HistoryError},
    instant,
};
use clap::Args;
use std::{fmt::Write, fs, path::PathBuf};

/// Check histories of refreshes: periods, phase, overlaps, skips, lag.
///
/// FILE is a CSV export of DYNAMIC_TABLE_REFRESH_HISTORY or INTERACTIVE_TABLE_REFRESH_HISTORY, of
/// the function or the view. Files that are given together are one account's. An export of
/// DYNAMIC_TABLES may be among them: its lag figures are compared.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 nothing is violated, 1 something is, 2 bad input, 3 nothing \
                        is, and something could not be decided."
)]
pub struct CheckHistoryArgs {
    /// CSV files, with a header.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// The target lag of rows that do not tell theirs, such as `1 minute` or 60.
    #[arg(long, value_name = "LAG", value_parser = lag)]
    lag: Option<f64>,

    /// That the table D reads U, both refreshed: D's data timestamps must be ones of U.
    #[arg(long, value_name = "D=U", value_parser = reads)]
    reads: Vec<(String, String)>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn lag(text: &str) -> Result<f64, String> {
    instant::lag(text).ok_or_else(|| "expected a lag, such as `1 minute` or 60".to_owned())
}

fn reads(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((downstream, upstream)) if !downstream.is_empty() && !upstream.is_empty() => {
            Ok((downstream.to_owned(), upstream.to_owned()))
        }
        _ => Err("expected two tables, such as `REPORT=ORDERS`".to_owned()),
    }
}

/// So many errors tell what is wrong with a file.
const ERRORS_SHOWN: usize = 20;

/// Places behind a violation; JSON has all.
const PLACES_SHOWN: usize = 6;

/// Gaps in the table; JSON has all.
const GAPS_SHOWN: usize = 8;

pub fn check_history(args: &CheckHistoryArgs) -> Result<Ending, CliError> {
    let mut texts = Vec::new();
    let mut errors = String::new();
    for path in &args.files {
        match fs::read(path) {
            Ok(bytes) => texts.push((path, String::from_utf8_lossy(&bytes).into_owned())),
            Err(err) => {
                let err = CliError::new(format!("cannot read `{}`: {err}", path.display()));
                errors += &err.render();
            }
        }
    }
    if !errors.is_empty() {
        return Err(CliError::Rendered(errors));
    }
    let files: Vec<_> = texts.iter().map(|(path, text)| (path.as_path(), text.as_str())).collect();
    let history = History::of_csv(&files).map_err(|errors| rendered(&errors))?;
    let options = Options { target_lag: args.lag, reads: args.reads.clone() };
    let report = schedule::check(&history, &options);
    match args.json {
        true => {
            let json = serde_json::to_string_pretty(&report)
                .map_err(|err| CliError::new(format!("cannot write JSON: {err}")))?;
            print(&format!("{json}\n"))?;
        }
        false => print(&text(&report))?,
    }
    Ok(match report.answer {
        Answer::Holds => Ending::AllPassed,
        Answer::Violated => Ending::SomeFailed,
        Answer::CannotTell => Ending::Unsure,
    })
}

fn rendered(errors: &[HistoryError]) -> CliError {
    let shown = errors.iter().take(ERRORS_SHOWN);
    let mut text: String = shown.map(|it| CliError::new(it.to_string()).render()).collect();
    if errors.len() > ERRORS_SHOWN {
        let _ = writeln!(text, "and {} more", errors.len() - ERRORS_SHOWN);
    }
    CliError::Rendered(text)
}

fn text(report: &Report) -> String {
    let mut out = String::new();
    if !report.missing.is_empty() {
        let _ = writeln!(out, "not in the history: {}", report.missing.join(", "));
    }
    for table in &report.tables {
        of_table(&mut out, table);
    }
    let violations: usize = report.tables.iter().map(|it| it.violations.len()).sum();
    let unsure: usize = report.tables.iter().map(|it| it.unsure.len()).sum();
    let tables = report.tables.len();
    let _ = writeln!(
        out,
        "{tables} table(s): {}",
        match report.answer {
            Answer::Holds => "nothing is violated".to_owned(),
            Answer::Violated => format!("{violations} violation(s)"),
            Answer::CannotTell if unsure == 0 => "cannot tell: no scheduled refresh".to_owned(),
            Answer::CannotTell =>
                "cannot tell: nothing is violated, not all was decided".to_owned(),
        }
    );
    out
}

fn of_table(out: &mut String, table: &TableReport) {
    let name = match table.table.as_str() {
        "" => "(a table without a name)",
        name => name,
    };
    let _ = writeln!(out, "{name}: {} rows, {} scheduled refreshes", table.rows, table.scheduled);
    let line = |out: &mut String, word: &str, text: &str| {
        let _ = writeln!(out, "    {word:<9} {text}");
    };
    if let (Some(lag), Some(period)) = (table.target_lag, table.period) {
        line(out, "target", &format!("{lag} s, so that the period is {period} s"));
    }
    let shown = table.gaps.iter().take(GAPS_SHOWN);
    let mut gaps: Vec<String> =
        shown.map(|it| format!("{} s × {}", it.seconds, it.count)).collect();
    if table.gaps.len() > GAPS_SHOWN {
        gaps.push(format!("{} more", table.gaps.len() - GAPS_SHOWN));
    }
    if !gaps.is_empty() {
        line(out, "gaps", &gaps.join(", "));
    }
    if let Some(phase) = table.phase {
        line(out, "phase", &format!("{phase:.1} s modulo {} s", schedule::TICK));
    }
    if let Some(lag) = table.lag {
        let mut text = format!(
            "p50 {:.1} s, p95 {:.1} s, max {:.1} s of {} peaks; mean {:.1} s",
            lag.p50, lag.p95, lag.max, lag.count, lag.mean
        );
        if let (Some(above), Some(within)) = (lag.time_above, lag.ratio_within) {
            let _ = write!(text, "; above target {above:.1} s, within {:.1} %", within * 100.0);
        }
        line(out, "lag", &text);
    }
    for note in &table.notes {
        line(out, "note", note);
    }
    for it in &table.unsure {
        line(out, "unsure", &format!("{}: {}", it.check, it.why));
    }
    for it in &table.violations {
        line(out, "violated", &format!("{}: {}", it.check, it.message));
        let places: Vec<String> =
            it.rows.iter().take(PLACES_SHOWN).map(ToString::to_string).collect();
        let more = match it.rows.len().saturating_sub(PLACES_SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        if !places.is_empty() {
            line(out, "", &format!("{}{more}", places.join(" ")));
        }
    }
}
