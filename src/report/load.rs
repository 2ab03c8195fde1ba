//! A load in plain text: what it came to by role and query, its budgets, whether it was sound.

use crate::load::{
    Histo, LoadReport, QueryMeasured, RoleMeasured, Second, Verdict, measure::Progress,
};
use hdrhistogram::Histogram;
use std::time::Duration;

/// What some queries came to, over all seconds.
struct Figures {
    due: u64,
    dropped: u64,
    ok: u64,
    wrong_rows: u64,
    errors: u64,
    from_due: Histogram<u64>,
}

impl Figures {
    fn of<'a>(queries: impl IntoIterator<Item = &'a QueryMeasured>) -> Self {
        let mut it =
            Self { due: 0, dropped: 0, ok: 0, wrong_rows: 0, errors: 0, from_due: Histo::empty() };
        for Second { due, dropped, ok, wrong_rows, errors, from_due, .. } in
            queries.into_iter().flat_map(|it| &it.seconds)
        {
            it.due += due;
            it.dropped += dropped;
            it.ok += ok;
            it.wrong_rows += wrong_rows;
            it.errors += errors.values().sum::<u64>();
            // A second that cannot be read is missing from the figures, not from the report.
            if let Ok(histogram) = from_due.histogram() {
                let _ = it.from_due.add(histogram);
            }
        }
        it
    }

    fn quantile(&self, quantile: f64) -> String {
        match self.ok {
            0 => "-".to_owned(),
            _ => millis(self.from_due.value_at_quantile(quantile)),
        }
    }
}

/// Milliseconds, with as many digits as say something.
fn millis(us: u64) -> String {
    let ms = us as f64 / 1000.0;
    match ms {
        _ if ms < 10.0 => format!("{ms:.2}"),
        _ if ms < 100.0 => format!("{ms:.1}"),
        _ => format!("{ms:.0}"),
    }
}

fn tested(role: &RoleMeasured) -> impl Iterator<Item = &QueryMeasured> {
    role.queries.iter().filter(|it| !it.control)
}

/// For properties of a test report. Of the first role; controls are not in it.
pub fn properties(report: &LoadReport) -> Vec<(String, String)> {
    let measured = &report.measured;
    let mut properties = Vec::new();
    let mut add = |name: &str, value: String| properties.push((name.to_owned(), value));
    if let Some(role) = measured.roles.first() {
        let figures = Figures::of(tested(role));
        add("samples", figures.ok.to_string());
        add("wrong_rows", figures.wrong_rows.to_string());
        add("errors", figures.errors.to_string());
        add("dropped", figures.dropped.to_string());
        if figures.ok > 0 {
            for (name, quantile) in [("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)] {
                add(name, millis(figures.from_due.value_at_quantile(quantile)));
            }
        }
    }
    if let Some(simulated) = &measured.simulated {
        add("simulated", simulated.clone());
    }
    for it in &report.judged {
        let of = it.query.as_ref().map(|it| format!("{it}: ")).unwrap_or_default();
        add("budget", format!("{of}{}: {}: {}", it.budget, word(it.verdict), it.why));
    }
    properties
}

pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::Unsure => "unsure",
        Verdict::Invalid => "invalid",
    }
}

/// Tables for people, a line each.
pub fn lines(report: &LoadReport) -> Vec<String> {
    let measured = &report.measured;
    let mut lines = Vec::new();
    let seconds = measured.lasted_us as f64 / 1e6;
    for role in &measured.roles {
        let figures = Figures::of(tested(role));
        let wanted = role.wanted_rate.map(|it| format!(", {it:.1}/s wanted")).unwrap_or_default();
        let warehouse = role.warehouse.as_ref().map(|it| format!(" on {it}")).unwrap_or_default();
        lines.push(format!(
            "{}{warehouse}: {} sessions, {} requests in {seconds:.1} s{wanted}; warm-up: {}",
            role.role, role.sessions, figures.due, role.warm_up.ended
        ));
        lines.extend(table(role).into_iter().map(|it| format!("  {it}")));
    }
    if let Some(simulated) = &measured.simulated {
        lines.push(format!("simulated: {simulated}"));
    }
    lines.extend(measured.health.unsound.iter().map(|it| format!("unsound: {it}")));
    for it in &report.judged {
        let of = it.query.as_ref().map(|it| format!("{it}: ")).unwrap_or_default();
        lines.push(format!("{}: {of}`{}`: {}", word(it.verdict), it.budget, it.why));
    }
    lines
}

/// A row for each query, and one for the mix where there are several.
fn table(role: &RoleMeasured) -> Vec<String> {
    let mut rows = vec![
        [
            "query",
            "ok",
            "wrong",
            "errors",
            "dropped",
            "p50 ms",
            "p95",
            "p99",
            "max",
            "server's medians",
        ]
        .map(str::to_owned),
    ];
    for query in &role.queries {
        let name = match query.control {
            true => format!("{} (control)", query.name),
            false => query.name.clone(),
        };
        rows.push(row(name, &Figures::of([query]), server(query)));
    }
    if tested(role).count() > 1 {
        rows.push(row("all but controls".to_owned(), &Figures::of(tested(role)), String::new()));
    }
    let width = |at: usize| rows.iter().map(|it| it[at].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let line = |row: &[String; 10]| {
        let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| match at {
            0 | 9 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn row(name: String, figures: &Figures, server: String) -> [String; 10] {
    [
        name,
        figures.ok.to_string(),
        figures.wrong_rows.to_string(),
        figures.errors.to_string(),
        figures.dropped.to_string(),
        figures.quantile(0.5),
        figures.quantile(0.95),
        figures.quantile(0.99),
        figures.quantile(1.0),
        server,
    ]
}

/// `compile 1.00 queue 0.00 execute 12.0`: where the time went according to the server, and of how many statements.
fn server(query: &QueryMeasured) -> String {
    let Some(server) = &query.server else { return "-".to_owned() };
    let median = |histo: &Histo| {
        let histogram = histo.histogram().unwrap_or_else(|_| Histo::empty());
        millis(histogram.value_at_quantile(0.5))
    };
    let coverage = match server.found == server.of {
        true => String::new(),
        false => format!(" ({} of {})", server.found, server.of),
    };
    format!(
        "compile {} queue {} execute {}{coverage}",
        median(&server.compile),
        median(&server.queue),
        median(&server.execute)
    )
}

/// One line on what goes on.
pub fn progress(it: &Progress) -> String {
    let phase = if it.warming_up { " warming up" } else { "" };
    let left =
        it.left_us.map(|it| format!(", {:.0} s left", Duration::from_micros(it).as_secs_f64()));
    let health = match it.dropped {
        0 => String::new(),
        dropped => format!(", {dropped} dropped"),
    };
    let cpu = it.cpu.map(|it| format!(", cpu {:.0} %", it * 100.0)).unwrap_or_default();
    format!(
        "{}{phase}: {:.0}/s, p50 {} p95 {} p99 {} ms, {} failed{health}{cpu}{}",
        it.role,
        it.rate,
        millis(it.p50_us.into()),
        millis(it.p95_us.into()),
        millis(it.p99_us.into()),
        it.failed,
        left.unwrap_or_default()
    )
}
