//! A load in plain text: what it came to by role and query, its budgets, whether it was sound.

use crate::load::{
    Histo, LoadReport, Measured, QueryMeasured, RoleMeasured, Second, Verdict, measure::Progress,
};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

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

/// Latencies from due of a role, or of one query of it, for programs. 0 where nothing was answered.
#[derive(Debug, Serialize)]
pub struct LatencyFigures<'a> {
    pub role: &'a str,
    /// `None` of all that are no controls.
    pub query: Option<&'a str>,
    pub ok: u64,
    pub p50_us: u64,
    pub p95_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

impl<'a> LatencyFigures<'a> {
    fn new(role: &'a str, query: Option<&'a str>, figures: &Figures) -> Self {
        let quantile = |it| figures.from_due.value_at_quantile(it);
        Self {
            role,
            query,
            ok: figures.ok,
            p50_us: quantile(0.5),
            p95_us: quantile(0.95),
            p99_us: quantile(0.99),
            max_us: quantile(1.0),
        }
    }
}

/// Each role as a whole, and then each of its queries.
pub fn latencies(report: &LoadReport) -> Vec<LatencyFigures<'_>> {
    let mut all = Vec::new();
    for role in &report.measured.roles {
        all.push(LatencyFigures::new(&role.role, None, &Figures::of(tested(role))));
        let queries = role.queries.iter();
        all.extend(
            queries.map(|it| LatencyFigures::new(&role.role, Some(&it.name), &Figures::of([it]))),
        );
    }
    all
}

/// Milliseconds, with as many digits as say something.
pub fn millis(us: u64) -> String {
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

/// What a load came to, short enough to be held against another one: no line for each query.
pub fn brief(measured: &Measured) -> Vec<String> {
    let mut lines = Vec::new();
    for role in &measured.roles {
        let figures = Figures::of(tested(role));
        let name = &role.role;
        let mut errors: BTreeMap<&str, u64> = BTreeMap::new();
        for (class, count) in tested(role).flat_map(|it| &it.seconds).flat_map(|it| &it.errors) {
            *errors.entry(class).or_default() += count;
        }
        let errors: Vec<String> =
            errors.iter().map(|(class, count)| format!("{count} {class}")).collect();
        let errors = match errors.is_empty() {
            true => "none".to_owned(),
            false => errors.join(", "),
        };
        let Figures { due, ok, wrong_rows, dropped, .. } = figures;
        lines.extend([
            format!("{name}: {due} requests, {ok} ok, {wrong_rows} wrong, {dropped} dropped"),
            format!("{name}: errors: {errors}"),
            format!(
                "{name}: p50 {} p95 {} p99 {} ms",
                figures.quantile(0.5),
                figures.quantile(0.95),
                figures.quantile(0.99)
            ),
        ]);
    }
    lines.extend(measured.simulated.iter().map(|it| format!("simulated: {it}")));
    lines.extend(measured.health.unsound.iter().map(|it| format!("unsound: {it}")));
    lines
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        load::{
            Estimate, Exchange, Health, Judged, ServerShare, Unit, WarmUpMeasured,
            tally::{Class, Sample, Tally},
        },
        report::{hdr, json, junit, sample, terminal},
        run::Outcome,
    };
    use chrono::DateTime;

    /// A hundred answers in two seconds, of 1 to 100 ms, and one refusal.
    fn report() -> LoadReport {
        let mut tally = Tally::new(1);
        for ms in 1..=101 {
            let second = u32::from(ms > 50);
            let class = if ms == 101 { Class::Error("000606".to_owned()) } else { Class::Ok };
            let latency = Duration::from_millis(ms);
            let (from_due, from_sent) = (latency, latency);
            tally.due(0, second);
            let sample = Sample { query: 0, second, from_due, from_sent, class, query_id: None };
            tally.ended(&sample, || Exchange {
                sql: "SELECT 1".to_owned(),
                binds: Vec::new(),
                query_id: None,
                second,
                latency_us: 1,
                ending: "1 row".to_owned(),
            });
        }
        let histo = tally.seconds(0)[0].from_due.clone();
        let server = ServerShare {
            found: 90,
            of: 101,
            compile: Histo::default(),
            queue: Histo::default(),
            execute: histo.clone(),
            rest: histo,
            from_result_cache: 0,
            from_cache: None,
        };
        let query = QueryMeasured {
            name: "lookup".to_owned(),
            sql: "SELECT {k}".to_owned(),
            weight: 1.0,
            control: false,
            seconds: tally.seconds(0),
            server: Some(server),
            exchanges: Vec::new(),
        };
        let role = RoleMeasured {
            role: "interactive".to_owned(),
            session: "interactive".to_owned(),
            warehouse: Some("SG1_IW".to_owned()),
            sessions: 8,
            wanted_rate: Some(50.5),
            warm_up: WarmUpMeasured { ended: "none".to_owned(), ..WarmUpMeasured::default() },
            queries: vec![query],
        };
        let judged = Judged {
            budget: "p95 <= 100ms".to_owned(),
            place: "s.yaml:9".to_owned(),
            query: None,
            limit: 100_000.0,
            unit: Unit::Microseconds,
            estimate: Some(Estimate {
                value: 95_000.0,
                low: 90_000.0,
                high: 99_000.0,
                confidence: 0.95,
                samples: 100,
            }),
            verdict: Verdict::Passed,
            why: "p95 is 95 ms".to_owned(),
        };
        let measured = Measured {
            workload: "w".to_owned(),
            seed: 1,
            began: DateTime::UNIX_EPOCH,
            lasted_us: 2_000_000,
            simulated: Some("a model".to_owned()),
            roles: vec![role],
            health: Health { unsound: vec!["too few".to_owned()], ..Health::default() },
        };
        LoadReport { measured, judged: vec![judged] }
    }

    #[test]
    fn a_load_is_a_table_and_its_budgets() {
        assert_eq!(
            lines(&report()).join("\n"),
            "\
interactive on SG1_IW: 8 sessions, 101 requests in 2.0 s, 50.5/s wanted; warm-up: none
  query    ok  wrong  errors  dropped  p50 ms   p95   p99  max  server's medians
  lookup  100      0       1        0    50.0  95.0  99.0  100  compile 0.00 queue 0.00 execute 25.0 (90 of 101)
simulated: a model
unsound: too few
passed: `p95 <= 100ms`: p95 is 95 ms"
        );
    }

    #[test]
    fn every_report_has_it() {
        let mut case = sample::case("load", Outcome::Passed);
        case.load = Some(Box::new(report()));
        let summary = sample::summary(vec![case.clone()]);
        let xml = junit::render(&summary).unwrap();
        for property in [
            "name=\"samples\" value=\"100\"",
            "name=\"p95_ms\" value=\"95.0\"",
            "name=\"errors\" value=\"1\"",
            "name=\"simulated\" value=\"a model\"",
            "name=\"budget\" value=\"p95 &lt;= 100ms: passed: p95 is 95 ms\"",
        ] {
            assert!(xml.contains(property), "{property}: {xml}");
        }
        let json: serde_json::Value =
            serde_json::from_str(&json::render(&summary).unwrap()).unwrap();
        assert_eq!(json["cases"][0]["load"]["judged"][0]["verdict"], "passed");
        let latencies = json["cases"][0]["load"]["latencies"].as_array().unwrap();
        let names: Vec<_> = latencies.iter().map(|it| it["query"].as_str()).collect();
        assert_eq!(names, [None, Some("lookup")]);
        assert_eq!((&latencies[0]["ok"], &latencies[0]["p95_us"]), (&100.into(), &95_039.into()));

        let mut out = Vec::new();
        let mut terminal = terminal::Terminal::new(&mut out, terminal::Colour::No);
        for event in sample::events(vec![case]) {
            crate::run::Reporter::event(&mut terminal, &event).unwrap();
        }
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains("\n            interactive on SG1_IW: 8 sessions"), "{out}");

        let folder = tempfile::tempdir().unwrap();
        assert_eq!(hdr::write(folder.path(), &summary).unwrap(), 1);
        let path = folder.path().join("limits.dml.L-09.interactive.hlog");
        let log = std::fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = log.lines().collect();
        assert_eq!(lines[0], "#[Histogram log format version 1.3]");
        // The mix as a whole has no tag.
        assert!(lines[5].starts_with("0.000,1.000,50.0"), "{log}");
        assert!(lines[6].starts_with("Tag=lookup,0.000,1.000,50.0"), "{log}");
        assert!(lines[7].starts_with("1.000,1.000,100."), "{log}");
        assert_eq!(lines.len(), 9);
    }

    #[test]
    fn what_goes_on_is_one_line() {
        let it = Progress {
            role: "standard".to_owned(),
            warming_up: false,
            rate: 199.6,
            p50_us: 5_200,
            p95_us: 31_000,
            p99_us: 121_000,
            failed: 2,
            dropped: 0,
            cpu: Some(0.31),
            left_us: Some(12_400_000),
        };
        assert_eq!(
            progress(&it),
            "standard: 200/s, p50 5.20 p95 31.0 p99 121 ms, 2 failed, cpu 31 %, 12 s left"
        );
    }
}
