//! From budgets to what was measured for them.

use super::estimate;
use crate::load::{
    Estimate, Measured, QueryMeasured, RoleMeasured,
    budget::{Budget, Comparison, Counted, Latency, Part, Quantity, Statistic, TimeSpan},
    compare::{Compared, Pair, compare},
    statistics::{Figure, Open, average, quantile, share, survival::Survival},
    sums::{self, Counts, Latencies, LatencySecond},
};
use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

/// What was measured for one budget.
pub struct Found {
    pub estimate: Estimate,
    /// It rests on requests that did not end.
    pub at_least: bool,
    /// It is that of a request that was never answered.
    pub unanswered: bool,
    pub open: Option<Open>,
    /// What else is to be known of it, each of a few words.
    pub notes: Vec<String>,
    /// The tested role and the other one, if they are compared.
    pub sides: Option<[Side; 2]>,
}

pub struct Side {
    pub role: String,
    pub samples: u64,
}

/// Which queries of a role.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Queries<'a> {
    Mix,
    Controls,
    One(&'a str),
}

/// What was measured, with each histogram decoded once.
pub struct Sources<'a> {
    measured: &'a Measured,
    latencies: HashMap<(usize, Queries<'a>, bool), Rc<Latencies>>,
}

pub const TESTED: usize = 0;
const OTHER: usize = 1;

impl<'a> Sources<'a> {
    pub fn of(measured: &'a Measured) -> Self {
        Self { measured, latencies: HashMap::new() }
    }

    /// # Errors
    ///
    /// Why there is nothing to judge, in one line.
    pub fn found(&mut self, budget: &Budget, query: Option<&str>) -> Result<Found, String> {
        let queries = self.queries(query)?;
        match &budget.quantity {
            Quantity::Latency(Latency { statistic, span, comparison: None }) => {
                let notes = self.notes(queries, *span)?;
                let figure = self.figure(TESTED, queries, *statistic, *span)?;
                Ok(Found { notes, ..Found::of(&figure) })
            }
            Quantity::Latency(Latency { statistic, span, comparison: Some(comparison) }) => {
                self.compared(queries, *statistic, *span, *comparison)
            }
            Quantity::Counted { what, .. } if !budget.is_share() || budget.limit.number == 0.0 => {
                self.count(queries, what, budget.is_share())
            }
            Quantity::Counted { what, .. } => self.share(queries, what),
            Quantity::Throughput => self.throughput(queries),
        }
    }

    /// The name as the measurement has it, which outlives the budget's.
    pub fn queries(&self, query: Option<&str>) -> Result<Queries<'a>, String> {
        let Some(name) = query else { return Ok(Queries::Mix) };
        let mut all = self.measured.roles.iter().flat_map(|it| &it.queries);
        match all.find(|it| it.name == name) {
            Some(it) => Ok(Queries::One(&it.name)),
            None => Err(format!("no query `{name}` was measured")),
        }
    }

    fn role(&self, role: usize) -> Result<&'a RoleMeasured, String> {
        self.measured.roles.get(role).ok_or_else(|| match role {
            TESTED => "no role was measured".to_owned(),
            _ => "there is no other role to compare with".to_owned(),
        })
    }

    fn selected(&self, role: usize, queries: Queries) -> Result<Vec<&'a QueryMeasured>, String> {
        let is_meant = |it: &&QueryMeasured| match queries {
            Queries::Mix => !it.control,
            Queries::Controls => it.control,
            Queries::One(name) => it.name == name,
        };
        Ok(self.role(role)?.queries.iter().filter(is_meant).collect())
    }

    pub fn latencies(
        &mut self,
        role: usize,
        queries: Queries<'a>,
        from_sent: bool,
    ) -> Result<Rc<Latencies>, String> {
        if let Some(known) = self.latencies.get(&(role, queries, from_sent)) {
            return Ok(Rc::clone(known));
        }
        let found = Rc::new(Latencies::of(self.selected(role, queries)?, from_sent)?);
        self.latencies.insert((role, queries, from_sent), Rc::clone(&found));
        Ok(found)
    }

    fn figure(
        &mut self,
        role: usize,
        queries: Queries<'a>,
        statistic: Statistic,
        span: TimeSpan,
    ) -> Result<Figure, String> {
        let latencies = self.latencies(role, queries, span != TimeSpan::Due)?;
        let figure = match (statistic.share(), span) {
            (Some(share), TimeSpan::Due | TimeSpan::Sent) => quantile::quantile(&latencies, share),
            (None, TimeSpan::Due | TimeSpan::Sent) if statistic == Statistic::Mean => {
                average::mean(&latencies)
            }
            (None, TimeSpan::Due | TimeSpan::Sent) => greatest(&latencies),
            (share, TimeSpan::Server(part)) => {
                // The server's share has no seconds. It depends on them as what the client saw.
                let inflation = match share.map(|it| quantile::quantile(&latencies, it)) {
                    Some(Some(it)) => it.inflation,
                    _ => 1.0,
                };
                return self.server(role, queries, part, share, inflation);
            }
        };
        let role = &self.role(role)?.role;
        figure.ok_or_else(|| format!("no request of `{role}` ended with the right rows"))
    }

    /// Statements that were not found in the history may have been of any length: they are before
    /// all others for the lower end, and after them for the upper one.
    fn server(
        &self,
        role: usize,
        queries: Queries,
        part: Part,
        share: Option<f64>,
        inflation: f64,
    ) -> Result<Figure, String> {
        let mut answered = sums::Values::new();
        let mut missing = 0;
        for query in self.selected(role, queries)? {
            let Some(server) = &query.server else {
                missing += query.counts().ended();
                continue;
            };
            let histo = match part {
                Part::Queue => &server.queue,
                Part::Compile => &server.compile,
                Part::Execute => &server.execute,
                Part::Rest => &server.rest,
            };
            let found = sums::values(histo)?;
            missing += server.of.saturating_sub(sums::count(&found));
            sums::merge(&mut answered, found);
        }
        if answered.is_empty() {
            return Err("no statement was found in the query history".to_owned());
        }
        let of = |answered: sums::Values, never| Latencies {
            seconds: vec![LatencySecond { answered, never, ..LatencySecond::default() }],
        };
        let late = of(answered.clone(), missing);
        let Some(share) = share else {
            // What was not found was answered all the same.
            let figure = greatest(&late).map(|it| Figure { unanswered: false, ..it });
            return figure.ok_or_else(|| "nothing was measured".to_owned());
        };
        let found = Survival::of(&of(answered.clone(), 0));
        if missing > 0 {
            answered.insert(0, (0, missing));
        }
        let early = Survival::of(&of(answered, 0));
        let figure = quantile::between(&early, &Survival::of(&late), share, inflation);
        let value = found.quantile(share);
        match (figure, value) {
            (Some(figure), Some(value)) => {
                Ok(Figure { value: value as f64, at_least: false, ..figure })
            }
            _ => Err("nothing was measured".to_owned()),
        }
    }

    /// What is to be known of a latency beside its interval.
    fn notes(&mut self, queries: Queries<'a>, span: TimeSpan) -> Result<Vec<String>, String> {
        if let TimeSpan::Server(_) = span {
            let (mut found, mut of) = (0, 0);
            for query in self.selected(TESTED, queries)? {
                match &query.server {
                    Some(it) => (found, of) = (found + it.found, of + it.of),
                    None => of += query.counts().ended(),
                }
            }
            let missing = of - found.min(of);
            return Ok(note(missing, "not in the query history").into_iter().collect());
        }
        let latencies = self.latencies(TESTED, queries, span == TimeSpan::Sent)?;
        let notes =
            [note(latencies.censored(), "cancelled"), note(latencies.never(), "not answered")];
        Ok(notes.into_iter().flatten().collect())
    }

    fn compared(
        &mut self,
        queries: Queries<'a>,
        statistic: Statistic,
        span: TimeSpan,
        comparison: Comparison,
    ) -> Result<Found, String> {
        let (first, second) = (self.role(TESTED)?, self.role(OTHER)?);
        let tested = self.figure(TESTED, queries, statistic, span)?;
        let other = self.figure(OTHER, queries, statistic, span)?;
        let pair = Pair { tested: &tested, other: &other };
        let zero = || "a latency of zero has no ratio".to_owned();
        let plain = compare(comparison, pair, None).ok_or_else(zero)?;

        let mut found = plain;
        let mut notes = Vec::new();
        if let Some([control, control_other]) = self.controls(queries, span) {
            let controls = Pair { tested: &control, other: &control_other };
            let apart = compare(comparison, controls, None);
            let corrected = compare(comparison, pair, Some(controls));
            match (corrected, apart, control.open.or(control_other.open)) {
                (Some(corrected), Some(apart), None) => {
                    notes.push(super::words::controls(comparison, plain, apart));
                    found = corrected;
                }
                _ => notes.push("too few controls to correct by".to_owned()),
            }
        }
        let Compared { value, low, high } = found;
        let samples = tested.samples.min(other.samples);
        Ok(Found {
            estimate: estimate(value, low, high, samples),
            at_least: false,
            unanswered: false,
            open: tested.open.or(other.open),
            notes,
            sides: Some(
                [(first, &tested), (second, &other)].map(|(role, figure)| Side {
                    role: role.role.clone(),
                    samples: figure.samples,
                }),
            ),
        })
    }

    /// How the controls did in both roles, where there are any to correct by: medians, since there
    /// are few of them, and of their figures it is the one that few samples tell.
    ///
    /// None for the server's share, which has neither network nor region in it, and none for
    /// controls.
    fn controls(&mut self, queries: Queries<'a>, span: TimeSpan) -> Option<[Figure; 2]> {
        let is_control = |it: &QueryMeasured| it.control && queries == Queries::One(&it.name);
        let mut all = self.measured.roles.iter().flat_map(|it| &it.queries);
        if matches!(span, TimeSpan::Server(_)) || all.any(is_control) {
            return None;
        }
        let mut median = |role| self.figure(role, Queries::Controls, Statistic::Median, span).ok();
        Some([median(TESTED)?, median(OTHER)?])
    }

    pub fn counts(&self, queries: Queries) -> Result<Counts, String> {
        let selected = self.selected(TESTED, queries)?;
        Ok(Counts::of(selected.iter().flat_map(|it| &it.seconds)))
    }

    /// A fact; `as_share` of one that has to be none at all.
    fn count(&self, queries: Queries, what: &Counted, as_share: bool) -> Result<Found, String> {
        let (of_kind, all) = of_kind(what, &self.counts(queries)?);
        if all == 0 {
            return Err(nothing(what));
        }
        let value = if as_share { of_kind as f64 / all as f64 } else { of_kind as f64 };
        Ok(Found {
            estimate: estimate(value, value, value, all),
            at_least: false,
            unanswered: false,
            open: None,
            notes: Vec::new(),
            sides: None,
        })
    }

    fn share(&self, queries: Queries, what: &Counted) -> Result<Found, String> {
        let mut seconds: HashMap<u32, (u64, u64)> = HashMap::new();
        for second in self.selected(TESTED, queries)?.iter().flat_map(|it| &it.seconds) {
            let (of_kind, all) = of_kind(what, &Counts::of([second]));
            let sum = seconds.entry(second.second).or_default();
            *sum = (sum.0 + of_kind, sum.1 + all);
        }
        let mut parts: Vec<(u32, u64, u64)> = seconds
            .into_iter()
            .filter(|(_, (_, all))| *all > 0)
            .map(|(second, (of_kind, all))| (second, of_kind, all))
            .collect();
        parts.sort_unstable();
        let figure = share::share(&parts).ok_or_else(|| nothing(what))?;
        Ok(Found::of(&figure))
    }

    /// By the seconds of the load, except those in which only other roles had requests due.
    fn throughput(&self, queries: Queries) -> Result<Found, String> {
        let busy = |role: usize| -> BTreeSet<u32> {
            let queries = self.measured.roles.get(role).map(|it| &it.queries);
            let seconds = queries.into_iter().flatten().flat_map(|it| &it.seconds);
            seconds.filter(|it| it.due > 0).map(|it| it.second).collect()
        };
        let own = busy(TESTED);
        let others: BTreeSet<u32> =
            (1..self.measured.roles.len()).flat_map(busy).filter(|it| !own.contains(it)).collect();
        let mut ok: HashMap<u32, u64> = HashMap::new();
        for second in self.selected(TESTED, queries)?.iter().flat_map(|it| &it.seconds) {
            *ok.entry(second.second).or_default() += second.ok;
        }
        if ok.values().sum::<u64>() == 0 {
            return Err("no request ended with the right rows".to_owned());
        }
        let lasted = self.measured.lasted_us as f64 / 1e6;
        let parts: Vec<(u64, f64)> = (0..lasted.ceil() as u32)
            .filter(|it| !others.contains(it))
            .map(|it| (ok.get(&it).copied().unwrap_or(0), (lasted - f64::from(it)).min(1.0)))
            .collect();
        let figure = average::rate(&parts).ok_or("the load lasted no time")?;
        Ok(Found::of(&figure))
    }
}

impl Found {
    fn of(figure: &Figure) -> Self {
        let Figure { value, low, high, samples, .. } = *figure;
        Self {
            estimate: estimate(value, low, high, samples),
            at_least: figure.at_least,
            unanswered: figure.unanswered,
            open: figure.open,
            notes: Vec::new(),
            sides: None,
        }
    }
}

/// A fact of this load; open above where requests did not end.
fn greatest(latencies: &Latencies) -> Option<Figure> {
    let last = |it: &LatencySecond| {
        it.answered.last().into_iter().chain(it.censored.last()).map(|it| it.0).max()
    };
    let value = latencies.seconds.iter().filter_map(last).max()? as f64;
    let open = latencies.samples() > latencies.answered();
    Some(Figure {
        value,
        at_least: open,
        unanswered: latencies.never() > 0,
        low: value,
        high: if open { f64::INFINITY } else { value },
        samples: latencies.samples(),
        inflation: 1.0,
        open: open.then_some(Open::Unended),
        effects: Vec::new(),
    })
}

/// How many are of the kind, of how many.
pub fn of_kind(what: &Counted, counts: &Counts) -> (u64, u64) {
    match what {
        Counted::Errors => (counts.errors_total(), counts.ended()),
        Counted::Class(class) => (counts.errors.get(class).copied().unwrap_or(0), counts.ended()),
        Counted::WrongRows => (counts.wrong_rows, counts.ended()),
        Counted::Dropped => (counts.dropped, counts.due),
    }
}

fn nothing(what: &Counted) -> String {
    match what {
        Counted::Dropped => "no request was due".to_owned(),
        _ => "no request ended".to_owned(),
    }
}

fn note(count: u64, what: &str) -> Option<String> {
    (count > 0).then(|| format!("{} {what}", super::words::grouped(count)))
}
