//! The seed's tables, of what a run came to.

use super::suites::{LOAD, PIPELINE};
use crate::{
    load::{Budget, Estimate, Measured, WrittenBudget, judge},
    run::{CaseReport, Outcome, RunSummary},
    suite::words::counted,
};
use std::time::Duration;

/// What is shown of each warehouse, as the seed names it and as a budget does.
const FIGURES: [(&str, &str); 3] = [("P95", "p95"), ("Median", "p50"), ("Average", "mean")];

/// Where there is no interval.
const TOO_FEW: &str = "too few to tell";

/// Both tables, as far as the run came.
pub fn lines(summary: &RunSummary, simulated: Option<&str>) -> Vec<String> {
    let case = |name: &str| summary.cases.iter().find(|it| it.case.name == name);
    let mut lines = Vec::new();
    if let Some(load) = case(LOAD).and_then(|it| it.load.as_ref()) {
        lines.extend(compared(&load.measured));
    }
    if let Some(case) = case(PIPELINE) {
        lines.extend(stages(case, simulated));
    }
    for case in &summary.cases {
        if case.outcome != Outcome::Passed {
            lines.push(format!("{}: {}; its report says why", case.case.name, case.outcome.word()));
        }
    }
    lines
}

/// Every title says whether its figures are real ones.
fn title(text: &str, simulated: Option<&str>) -> [String; 2] {
    let simulated = simulated.map(|it| format!(" (simulated: {it})")).unwrap_or_default();
    [String::new(), format!("{text}{simulated}")]
}

fn compared(measured: &Measured) -> Vec<String> {
    let clients = measured.roles.first().map_or(0, |it| it.sessions);
    let text = format!("Latency under {}", counted(clients as usize, "thread"));
    let mut lines = title(&text, measured.simulated.as_deref()).to_vec();
    // The one that is compared with comes first, as the seed has it.
    let mut roles: Vec<usize> = (0..measured.roles.len()).collect();
    roles.reverse();
    let name = |at: usize| measured.roles[at].role.clone();
    let mut head = vec!["Metric".to_owned()];
    head.extend(roles.iter().map(|at| name(*at)));
    let is_both = roles.len() > 1;
    if is_both {
        head.push("Improvement (95 %)".to_owned());
    }
    let mut rows = vec![head];
    for (shown, word) in FIGURES {
        let mut row = vec![shown.to_owned()];
        for at in &roles {
            let mut turned = measured.clone();
            turned.roles.swap(0, *at);
            let found = figure(&turned, &format!("{word} <= 3600s"));
            row.push(found.map_or("-".to_owned(), |it| millis(it.value)));
        }
        if is_both {
            let found = figure(measured, &format!("{word} ratio >= 1"));
            row.push(found.map_or("-".to_owned(), ratio));
        }
        rows.push(row);
    }
    let mut answers = vec!["Right answers".to_owned()];
    for at in &roles {
        let queries = measured.roles[*at].queries.iter();
        let ok: u64 = queries.flat_map(|it| &it.seconds).map(|it| it.ok).sum();
        answers.push(ok.to_string());
    }
    rows.push(answers);
    lines.extend(table(&rows));
    if lines.iter().any(|it| it.contains(TOO_FEW)) {
        lines.push("  (an interval takes more queries: `--queries 5000`)".to_owned());
    }
    lines.extend(measured.health.unsound.iter().map(|it| format!("unsound: {it}")));
    lines
}

/// A figure with its interval, as a budget would have it.
fn figure(measured: &Measured, budget: &str) -> Option<Estimate> {
    let budget = budget.parse::<Budget>().ok()?;
    let written = WrittenBudget { budget, place: String::new(), query: None };
    judge(measured, &[written]).into_iter().next()?.estimate
}

fn ratio(it: Estimate) -> String {
    let Estimate { value, low, high, .. } = it;
    match (high.is_finite(), low > 0.0) {
        (true, _) => format!("{value:.1}x ({low:.1}x to {high:.1}x)"),
        (false, true) => format!("{value:.1}x (at least {low:.1}x)"),
        (false, false) => format!("{value:.1}x ({TOO_FEW})"),
    }
}

fn millis(us: f64) -> String {
    let ms = us / 1000.0;
    match ms {
        _ if ms < 10.0 => format!("{ms:.2} ms"),
        _ if ms < 100.0 => format!("{ms:.1} ms"),
        _ => format!("{ms:.0} ms"),
    }
}

fn stages(case: &CaseReport, simulated: Option<&str>) -> Vec<String> {
    let took = |begins: &str, session: &str| {
        let step = case.steps.iter().find(|it| it.session == session && it.sql.starts_with(begins));
        step.map_or("-".to_owned(), |it| millis(it.elapsed_us as f64))
    };
    let fresh = case.properties.get("fresh_after_ms").map_or("", String::as_str);
    let mut fresh = fresh.split("; ").map(|it| match it.parse() {
        Ok(ms) => format!("fresh after {:.1} s", Duration::from_millis(ms).as_secs_f64()),
        Err(_) => "-".to_owned(),
    });
    let mut next = || fresh.next().unwrap_or_else(|| "-".to_owned());
    let rows = [
        ["Stage".to_owned(), "Duration".to_owned()],
        ["Order generation".to_owned(), took("INSERT INTO T_RAW", "standard")],
        ["Dynamic tables refresh".to_owned(), next()],
        ["Interactive tables refresh".to_owned(), next()],
        ["Query latency".to_owned(), took("SELECT COUNT(*), SUM(ORDERS)", "interactive")],
    ];
    let mut lines = title("Real-time pipeline", simulated).to_vec();
    lines.extend(table(&rows.map(Vec::from)));
    lines
}

/// Names to the left, figures to the right.
fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let cell = |row: &Vec<String>, at: usize| row.get(at).cloned().unwrap_or_default();
    let width = |at| rows.iter().map(|it| cell(it, at).chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = widths.iter().enumerate().map(|(at, width)| match at {
            0 => format!("{:<width$}", cell(row, at)),
            _ => format!("{:>width$}", cell(row, at)),
        });
        format!("  {}", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
