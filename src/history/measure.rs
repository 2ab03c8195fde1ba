//! From what became of a run to the quantities of a night.

use super::{Better, CaseOutcome, Distribution, Night, Quantity, SeriesKey, Unit};
use crate::{
    gate::{Reading, Sample},
    load::{
        Budget, Histo, Measured, QueryMeasured, WrittenBudget, judge,
        statistics::{Figure, quantile, share},
        sums::{self, Counts, Latencies, Latency},
    },
    refresh::watched::Watched,
    report::text,
    run::{CaseReport, Outcome, RunSummary},
    target::TargetKind,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Quantiles of latencies, with their names.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

impl Night {
    /// What a run came to. A histogram that cannot be read is left out: the journal was damaged, and
    /// the rest of the night is not.
    pub fn of(summary: &RunSummary) -> Self {
        let fact = |name: &str| summary.facts.iter().rfind(|(it, _)| it == name).map(|it| &it.1);
        let loads = summary.cases.iter().filter_map(|it| it.load.as_deref());
        let simulated = loads.map(|it| &it.measured).find_map(|it| it.simulated.clone());
        let simulated = simulated.or_else(|| fact("simulated").cloned());
        let region = fact("region").cloned();
        let target = summary.target.map_or("unknown", TargetKind::name).to_owned();
        let mut night = Self {
            run: summary.run.clone(),
            started_at: summary.started_at.unwrap_or_default(),
            took_us: summary.took_us,
            cut_short: summary.cut_short.clone(),
            tool_version: summary.tool_version.clone(),
            testbed: testbed(summary, region.as_deref(), simulated.as_deref()),
            target,
            place: summary.place.clone(),
            region,
            release: summary.release.map(|it| it.name().to_owned()),
            server_version: fact("server_version").cloned(),
            generator: fact("generator").cloned(),
            simulated,
            seed: summary.seed,
            scale: summary.scale,
            quantities: Vec::new(),
            distributions: Vec::new(),
            outcomes: Vec::new(),
        };
        let credits = fact("metered_credits").and_then(|it| it.parse::<f64>().ok());
        // What costs nothing has no ratio.
        if let Some(value) = credits.filter(|it| *it > 0.0) {
            let mut run = Of { night: &mut night, suite: "", case: "" };
            // As it was rounded when it was told.
            let (low, high) = ((value - 0.005).max(0.0005), Some(value + 0.005));
            let reading = Reading::Measured { value, low, high, samples: 1.0 };
            run.add("", "", "credits", Unit::Credits, reading);
        }
        let mut names: HashMap<(&str, &str), usize> = HashMap::new();
        for report in &summary.cases {
            let seen = names.entry((&report.case.suite, &report.case.name)).or_default();
            *seen += 1;
            // As in test reports: names within a suite need not be unique.
            let case = match seen {
                1 => report.case.name.clone(),
                seen => format!("{} ({seen})", report.case.name),
            };
            Of { night: &mut night, suite: &report.case.suite, case: &case }.case(report);
        }
        night
    }
}

/// What nights have to share to be compared.
fn testbed(summary: &RunSummary, region: Option<&str>, simulated: Option<&str>) -> String {
    let target = summary.target.map_or("unknown", TargetKind::name);
    // An emulator listens on another port each time.
    let place = match summary.target {
        Some(TargetKind::Live | TargetKind::Replay) => Some(summary.place.as_str()),
        _ => None,
    };
    let scale = format!("scale {}", summary.scale);
    let parts = [Some(target), place, region, simulated, Some(&scale)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Where the quantities of a case go.
struct Of<'a> {
    night: &'a mut Night,
    suite: &'a str,
    case: &'a str,
}

impl Of<'_> {
    fn case(&mut self, report: &CaseReport) {
        let reason = text::reason(&report.outcome).and_then(|it| it.lines().next());
        self.night.outcomes.push(CaseOutcome {
            suite: self.suite.to_owned(),
            case: self.case.to_owned(),
            id: report.case.id.clone(),
            outcome: report.outcome.word().to_owned(),
            took_us: report.took_us,
            reason: reason.map(str::to_owned),
        });
        // Whether it failed has no noise. One that was not run, or could not be decided, says nothing.
        let failed = match report.outcome {
            Outcome::Failed { .. } => Some(1),
            Outcome::Passed | Outcome::Observed { .. } | Outcome::Lifted { .. } => Some(0),
            _ => None,
        };
        if let Some(count) = failed {
            self.add("failed", "", "count", Unit::Count, Reading::Exact { count });
        }
        // Of the last step that waited for something to become true.
        let met_after = report.properties.get("met_after_ms").and_then(|it| it.parse::<f64>().ok());
        if let Some(ms) = met_after {
            // At once is less than a look takes; ratios need something.
            let value = (ms * 1000.0).max(1000.0);
            self.add("", "", "time-to-true", Unit::Microseconds, Reading::Number { value });
        }
        for table in &report.refreshes {
            self.refreshes(table);
        }
        // An unsound load says nothing, however good it looks.
        if let Some(load) =
            report.load.as_deref().filter(|it| it.measured.health.unsound.is_empty())
        {
            self.load(&load.measured);
        }
    }

    fn add(&mut self, role: &str, query: &str, metric: &str, unit: Unit, reading: Reading) {
        self.add_sample(role, query, metric, unit, Sample::of(reading));
    }

    fn add_sample(&mut self, role: &str, query: &str, metric: &str, unit: Unit, first: Sample) {
        let [suite, case, role, query, metric] =
            [self.suite, self.case, role, query, metric].map(str::to_owned);
        let better = match metric.as_str() {
            "throughput" => Better::Higher,
            "incremental-refreshes" | "refresh-action" => Better::Neither,
            _ => Better::Lower,
        };
        let series = SeriesKey { suite, case, role, query, metric };
        self.night.quantities.push(Quantity { series, unit, better, first, again: Vec::new() });
    }

    fn distribution(&mut self, role: &str, query: &str, of: &str, histogram: Histo) {
        if histogram.is_empty() {
            return;
        }
        let [suite, case, role, query, of] =
            [self.suite, self.case, role, query, of].map(str::to_owned);
        self.night.distributions.push(Distribution { suite, case, role, query, of, histogram });
    }

    fn load(&mut self, measured: &Measured) {
        for (at, role) in measured.roles.iter().enumerate() {
            let name = role.role.as_str();
            let mix: Vec<&QueryMeasured> = role.mix().collect();
            let controls: Vec<&QueryMeasured> =
                role.queries.iter().filter(|it| it.control).collect();
            let controls = figures(&controls);
            self.latencies((name, ""), &mix, &controls);
            self.shares(name, &mix);
            self.throughput(measured, at);
            for query in &role.queries {
                // A mix of one is that one.
                if mix.len() > 1 && !query.control {
                    self.latencies((name, &query.name), &[query], &controls);
                }
                // Controls are what others are held against; nothing is to be said of them alone.
                if query.control {
                    self.control((name, &query.name), query);
                }
                self.server((name, &query.name), query);
            }
        }
    }

    fn latencies(
        &mut self,
        (role, query): (&str, &str),
        queries: &[&QueryMeasured],
        controls: &HashMap<&str, Figure>,
    ) {
        let figures = figures(queries);
        for (name, _) in QUANTILES {
            if let Some(figure) = figures.get(name) {
                let control = controls.get(name).map(|it| it.value).filter(|it| *it > 0.0);
                let sample = Sample { reading: Reading::of(figure), control };
                self.add_sample(role, query, name, Unit::Microseconds, sample);
            }
        }
        let seconds = queries.iter().flat_map(|it| &it.seconds);
        let total = sums::sum(seconds.map(|it| it.histo(Latency::FromDue)));
        if let Some(histogram) = total.ok().and_then(|it| Histo::of(&it).ok()) {
            self.distribution(role, query, "from due", histogram);
        }
    }

    fn control(&mut self, (role, name): (&str, &str), query: &QueryMeasured) {
        if let Some(figure) = figures(&[query]).get("p50") {
            self.add(role, name, "control-p50", Unit::Microseconds, Reading::of(figure));
        }
    }

    fn shares(&mut self, role: &str, queries: &[&QueryMeasured]) {
        type Count = fn(&Counts) -> (u64, u64);
        let kinds: [(&str, Count); 3] = [
            ("error-share", |it| (it.errors_total() + it.wrong_rows, it.ended())),
            ("wrong-share", |it| (it.wrong_rows, it.ended())),
            ("dropped-share", |it| (it.dropped, it.due)),
        ];
        for (name, count) in kinds {
            let mut seconds: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
            for second in queries.iter().flat_map(|it| &it.seconds) {
                let (of_kind, all) = count(&Counts::of([second]));
                let sum = seconds.entry(second.second).or_default();
                *sum = (sum.0 + of_kind, sum.1 + all);
            }
            let parts: Vec<(u32, u64, u64)> = seconds
                .into_iter()
                .filter(|(_, (_, all))| *all > 0)
                .map(|(second, (of_kind, all))| (second, of_kind, all))
                .collect();
            if let Some(figure) = share::share(&parts) {
                self.add(role, "", name, Unit::Share, Reading::of(&figure));
            }
        }
    }

    /// As a budget finds it, which is about the first role.
    fn throughput(&mut self, measured: &Measured, at: usize) {
        let Ok(budget) = Budget::parse("throughput >= 0/s") else { return };
        let mut measured = measured.clone();
        measured.roles.swap(0, at);
        let written = WrittenBudget { budget, place: String::new(), query: None };
        let judged = judge(&measured, &[written]);
        let estimate = judged.first().and_then(|it| it.estimate);
        if let (Some(it), Some(role)) = (estimate, measured.roles.first()) {
            let high = Some(it.high).filter(|it| it.is_finite());
            let samples = it.samples as f64;
            let reading =
                Reading::Measured { value: it.value, low: it.low.max(0.0), high, samples };
            self.add(&role.role, "", "throughput", Unit::PerSecond, reading);
        }
    }

    /// Where the time went according to the server: medians, and the tail of executing.
    fn server(&mut self, (role, name): (&str, &str), query: &QueryMeasured) {
        let Some(server) = query.server.as_ref().filter(|it| it.found > 0) else { return };
        let parts = [
            ("compile-p50", &server.compile, 0.5),
            ("queue-p50", &server.queue, 0.5),
            ("execute-p50", &server.execute, 0.5),
            ("execute-p95", &server.execute, 0.95),
        ];
        for (metric, histo, quantile) in parts {
            let Ok(histogram) = histo.histogram() else { continue };
            if !histogram.is_empty() {
                let value = histogram.value_at_quantile(quantile) as f64;
                self.add(role, name, metric, Unit::Microseconds, Reading::Number { value });
            }
        }
        self.distribution(role, name, "execute", server.execute.clone());
    }

    /// How soon changes were seen, how long refreshes took, and what they did.
    fn refreshes(&mut self, table: &Watched) {
        let name = table.table.as_str();
        let micros = |it: chrono::TimeDelta| {
            it.num_microseconds().and_then(|it| u64::try_from(it).ok()).unwrap_or_default().max(1)
        };
        let lags: Vec<u64> =
            table.shown.iter().map(|it| micros(it.seen_at - it.changed_at)).collect();
        self.times(name, "lag", &[("lag-p50", 0.5), ("lag-p95", 0.95), ("lag-max", 1.0)], &lags);
        let done = || table.refreshes.iter().filter(|it| it.has_succeeded());
        let took: Vec<u64> =
            done().filter_map(|it| Some(micros(it.ended_at? - it.started_at?))).collect();
        self.times(name, "refresh time", &[("refresh-time", 0.5)], &took);

        let count = |wanted: &[&str]| {
            let is =
                |action: &Option<String>| action.as_deref().is_some_and(|it| wanted.contains(&it));
            done().filter(|it| is(&it.action)).count()
        };
        let ended = || table.refreshes.iter().filter(|it| it.has_ended());
        if ended().next().is_none() {
            return;
        }
        let skipped = ended().filter(|it| it.state == "SKIPPED").count();
        for (metric, count) in [
            ("full-refreshes", count(&["FULL", "REINITIALIZE"])),
            ("incremental-refreshes", count(&["INCREMENTAL"])),
            ("failed-refreshes", ended().count() - skipped - done().count()),
            ("skipped-refreshes", skipped),
        ] {
            let reading = Reading::Number { value: count as f64 };
            self.add(name, "", metric, Unit::Count, reading);
        }
        // One that had nothing to do says nothing of how it would have been done.
        let actions: BTreeSet<&str> =
            done().filter_map(|it| it.action.as_deref()).filter(|it| *it != "NO_DATA").collect();
        if !actions.is_empty() {
            let name_of = actions.into_iter().collect::<Vec<_>>().join("+");
            let reading = Reading::Category { name: name_of };
            self.add(name, "", "refresh-action", Unit::Word, reading);
        }
    }

    /// Quantiles of few times, which are ranks among them.
    fn times(&mut self, role: &str, of: &str, quantiles: &[(&str, f64)], times: &[u64]) {
        if times.is_empty() {
            return;
        }
        let mut histogram = Histo::empty();
        for time in times {
            histogram.saturating_record(*time);
        }
        for (metric, quantile) in quantiles {
            let value = histogram.value_at_quantile(*quantile) as f64;
            self.add(role, "", metric, Unit::Microseconds, Reading::Number { value });
        }
        if let Ok(histo) = Histo::of(&histogram) {
            self.distribution(role, "", of, histo);
        }
    }
}

/// Quantiles from due. One that rests on requests which did not end is none.
fn figures(queries: &[&QueryMeasured]) -> HashMap<&'static str, Figure> {
    let Ok(latencies) = Latencies::of(queries.iter().copied(), false) else {
        return HashMap::new();
    };
    let figure = |(name, share): (&'static str, f64)| {
        let figure = quantile::quantile(&latencies, share)?;
        (!figure.at_least && figure.inflation.is_finite()).then_some((name, figure))
    };
    QUANTILES.into_iter().filter_map(figure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[track_caller]
    fn found<'a>(night: &'a Night, series: &str) -> &'a Quantity {
        let named = night.quantities.iter().find(|it| it.series.to_string() == series);
        let all = || night.quantities.iter().map(|it| it.series.to_string()).collect::<Vec<_>>();
        named.unwrap_or_else(|| panic!("no {series} in {:#?}", all()))
    }

    #[test]
    fn a_run_becomes_its_quantities() {
        let night = Night::of(&sample::everything(0));
        assert_eq!((night.run.as_str(), night.region.as_deref()), ("SG1", Some("AWS_US_EAST_1")));
        assert_eq!(night.release.as_deref(), Some("zero-copy"));
        assert!(night.has_ended());
        assert_eq!(
            night.testbed,
            "scripted, AWS_US_EAST_1, seed 2025: interactive XSMALL, scale 100"
        );
        let p95 = found(&night, "latency::mix::the mix at 150 clients/interactive//p95");
        let Reading::Measured { value, low, high, samples } = p95.first.reading else {
            panic!("{p95:?}")
        };
        assert!(low < value && high.is_none_or(|it| value < it) && samples > 10.0, "{p95:?}");
        assert!(p95.first.control.is_some_and(|it| it < value), "{p95:?}");
        assert_eq!((p95.unit, p95.better), (Unit::Microseconds, Better::Lower));
        let rate = found(&night, "latency::mix::the mix at 150 clients/standard//throughput");
        let value = rate.first.reading.value().unwrap();
        assert!((40.0..60.0).contains(&value) && rate.better == Better::Higher, "{rate:?}");
        let wrong = found(&night, "latency::mix::the mix at 150 clients/interactive//wrong-share");
        assert!((1e-6..0.01).contains(&wrong.first.reading.value().unwrap()), "{wrong:?}");
        found(&night, "latency::mix::the mix at 150 clients/interactive/lookup/p50");
        found(&night, "latency::mix::the mix at 150 clients/interactive/lookup/execute-p95");
        let credits = found(&night, "run///credits");
        assert_eq!(credits.first.reading.value(), Some(0.97));
        let failed =
            |case: &str| &found(&night, &format!("limits::dml::{case}/failed//count")).first;
        assert_eq!(failed("fails").reading, Reading::Exact { count: 1 });
        assert_eq!(failed("passes").reading, Reading::Exact { count: 0 });
        let failed = night.outcomes.iter().find(|it| it.case == "fails").unwrap();
        assert_eq!(
            (failed.outcome.as_str(), failed.reason.as_deref()),
            ("failed", Some("row 2 differs"))
        );
    }

    #[test]
    fn the_histogram_of_a_mix_is_the_sum_of_its_queries() {
        let night = Night::of(&sample::everything(0));
        let of = |wanted: fn(&&Distribution) -> bool| -> u64 {
            let found = night.distributions.iter().filter(|it| it.role == "interactive");
            let found = found.filter(|it| it.of == "from due").filter(wanted);
            found.map(|it| it.histogram.histogram().unwrap().len()).sum()
        };
        let mix = of(|it| it.query.is_empty());
        assert!(mix > 1000 && mix == of(|it| !it.query.is_empty()), "{mix}");
    }

    #[test]
    fn refreshes_are_told_by_what_they_did() {
        let night = Night::of(&sample::everything(0));
        let of = |metric: &str| {
            let mut found = night.quantities.iter().filter(|it| it.series.metric == metric);
            found.next().unwrap_or_else(|| panic!("no {metric}")).first.reading.clone()
        };
        assert!(
            matches!(of("refresh-action"), Reading::Category { name } if name.contains("INCREMENTAL"))
        );
        assert!(of("incremental-refreshes").value().unwrap() > 0.0);
        assert!(of("lag-p95").value().unwrap() >= of("lag-p50").value().unwrap());
    }

    #[test]
    fn an_unsound_load_says_nothing() {
        let mut summary = sample::everything(0);
        for case in &mut summary.cases {
            if let Some(load) = &mut case.load {
                load.measured.health.unsound.push("the generator was busy".to_owned());
            }
        }
        let night = Night::of(&summary);
        assert!(night.quantities.iter().all(|it| it.series.metric != "p95"));
    }

    #[test]
    fn cases_of_one_name_are_two_series() {
        let one = || sample::case("a", Outcome::Passed);
        let night = Night::of(&sample::summary(vec![one(), {
            let mut again = one();
            again.case.line = 99;
            again
        }]));
        let names: Vec<&str> = night.outcomes.iter().map(|it| it.case.as_str()).collect();
        assert_eq!(names, ["a", "a (2)"]);
    }
}
