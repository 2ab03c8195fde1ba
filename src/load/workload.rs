//! What is to be executed: how requests come, which, and what must hold of them. As it was
//! written, with `{variables}` still in the texts.

use super::Budget;
use crate::{
    run::Partition,
    suite::{Evidence, span::Span, words},
};
use std::{fmt, time::Duration};

/// Of all requests, those of a control that does not say how many. Of 500 that is ten: enough to see
/// a drift, and too few to be a load.
pub const CONTROL_SHARE: f64 = 0.02;

/// The turns of an interleaved comparison: long against a request, short against drift.
pub const TURN: Duration = Duration::from_secs(5);

/// When a warm-up that does not become steady is over.
pub const WARM_UP_MAX: Duration = Duration::from_secs(60);

/// A load: requests from many sessions at once, and what must hold of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Where it is executed; what is tested.
    pub on: Role,
    pub arrivals: Arrivals,
    /// Connections; in a closed loop each is a client.
    pub sessions: u32,
    /// Of the measured part, on each role.
    pub length: Length,
    pub warm_up: WarmUp,
    /// Weighted against each other. Never empty.
    pub mix: Vec<Query>,
    /// Executed between the others, on the same sessions.
    pub control: Vec<Query>,
    /// After this long the harness gives a statement up. The run's limit where there is none.
    pub give_up_after: Option<Duration>,
    pub budgets: Vec<BudgetLine>,
    pub compare: Option<Compare>,
}

/// How requests come.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// Each client sends its next request when the last one has ended and it has thought.
    Closed { think: Duration },
    /// Requests are due whether earlier ones have ended or not.
    Open { rate: Rate, spacing: Spacing },
}

/// Requests a second, over time.
#[derive(Clone, Debug, PartialEq)]
pub enum Rate {
    Constant(f64),
    /// From one to the other over the whole length.
    Ramp {
        from: f64,
        to: f64,
    },
    /// One after the other.
    Steps(Vec<(f64, Duration)>),
    /// Looks for the highest rate at which the budgets are kept.
    Search {
        from: f64,
        to: f64,
    },
}

/// What lies between two due times of one rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spacing {
    /// Independent of each other, as those of many people are.
    #[default]
    Poisson,
    Constant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    For(Duration),
    Requests(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmUp {
    None,
    For(Duration),
    Requests(u64),
    /// Until latencies do not change any more, or time is over.
    UntilSteady {
        at_most: Duration,
    },
}

/// One query of the mix.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Unique in the workload.
    pub name: String,
    /// Against the others of the mix; of a control its share of all requests, 0 to 1.
    pub weight: f64,
    pub sql: String,
    pub params: Vec<(String, Parameter)>,
    /// Sends parameters as binds, rather than as a part of the text.
    pub binds: bool,
    /// How many rows there must be, ends included.
    pub rows: Option<(usize, Option<usize>)>,
    /// The parameter that the first cell of each row must be equal to.
    pub first_cell: Option<String>,
    pub span: Span,
}

/// Where a parameter's values come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameter {
    /// Whole numbers, ends included. Either may be a `{variable}`.
    Uniform {
        first: String,
        last: String,
    },
    /// Whole numbers of which the first come more often: the k-th as 1 / k^exponent.
    Zipf {
        first: String,
        last: String,
        exponent: f64,
    },
    /// The first column of a query that is asked once, before the warm-up.
    Query(String),
    /// The lines of a file, found from the suite's folder.
    File(String),
    List(Vec<String>),
}

/// A budget, and what it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetLine {
    pub budget: Budget,
    /// Of one query of the mix only.
    pub query: Option<String>,
    /// Of one role; of the first where there is none.
    pub role: Option<String>,
    /// Whether it is written at the comparison.
    pub compares: bool,
    pub evidence: Evidence,
    pub source: Option<String>,
    pub span: Span,
}

/// One side of a load.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    /// The session's, where it has none of its own.
    pub name: String,
    pub session: String,
    /// A `{variable}` as a rule; the session's own where there is none.
    pub warehouse: Option<String>,
}

/// A second role that does the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Compare {
    pub with: Role,
    pub order: Order,
}

/// In which order roles are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In turns of this length, in pairs of random order: what drifts meanwhile meets both.
    Interleaved { turn: Duration },
    /// One after the other, each from its warm-up to its end.
    Apart,
}

impl Workload {
    /// Every query, in order, controls last.
    pub fn queries(&self) -> impl Iterator<Item = (&Query, bool)> {
        let mix = self.mix.iter().map(|it| (it, false));
        mix.chain(self.control.iter().map(|it| (it, true)))
    }

    /// Sessions and requests of one part. Its rate stays that of the whole, which due times are
    /// dealt from.
    pub fn of_part(&self, part: Partition) -> Self {
        let mut own = self.clone();
        own.sessions = u32::try_from(part.share_of(self.sessions.into())).unwrap_or(u32::MAX);
        if let Length::Requests(count) = self.length {
            own.length = Length::Requests(part.share_of(count));
        }
        if let WarmUp::Requests(count) = self.warm_up {
            own.warm_up = WarmUp::Requests(part.share_of(count));
        }
        own
    }

    /// Why it cannot be divided into so many parts, and what to do about it.
    pub fn indivisible(&self, parts: u32) -> Option<(String, &'static str)> {
        if self.compare.is_some() {
            return Some((
                "a comparison takes turns, which several machines would not take together".into(),
                "leave out `compare`, or execute it on one machine",
            ));
        }
        if let Arrivals::Open { rate: Rate::Search { .. }, .. } = self.arrivals {
            return Some((
                "a search for the highest rate goes by what all parts come to together".into(),
                "give the rate to be tried, or search on one machine",
            ));
        }
        let least = match self.length {
            Length::Requests(count) => count.min(self.sessions.into()),
            Length::For(_) => self.sessions.into(),
        };
        (least < parts.into()).then(|| {
            (
                format!("{least} sessions or requests cannot be divided into {parts} parts"),
                "divide it into fewer parts, or give it more sessions",
            )
        })
    }

    /// The first is what is tested.
    pub fn roles(&self) -> Vec<&Role> {
        std::iter::once(&self.on).chain(self.compare.iter().map(|it| &it.with)).collect()
    }

    /// Texts with `{variables}` in them, and the names that stand for parameters there.
    pub fn texts(&self) -> Vec<(&str, Vec<&str>)> {
        let warehouses = self.roles().into_iter().filter_map(|it| it.warehouse.as_deref());
        let mut texts: Vec<(&str, Vec<&str>)> = warehouses.map(|it| (it, Vec::new())).collect();
        for (query, _) in self.queries() {
            let names = query.params.iter().map(|(name, _)| name.as_str()).collect();
            texts.push((query.sql.as_str(), names));
            for (_, parameter) in &query.params {
                match parameter {
                    Parameter::Uniform { first, last } | Parameter::Zipf { first, last, .. } => {
                        texts.extend([(first.as_str(), Vec::new()), (last.as_str(), Vec::new())]);
                    }
                    Parameter::Query(sql) => texts.push((sql, Vec::new())),
                    Parameter::File(_) | Parameter::List(_) => {}
                }
            }
        }
        texts
    }

    /// How long it takes at least, where that is known: for estimates of cost.
    pub fn takes(&self) -> Option<Duration> {
        let warm_up = match self.warm_up {
            WarmUp::For(it) => it,
            WarmUp::None | WarmUp::Requests(_) | WarmUp::UntilSteady { .. } => Duration::ZERO,
        };
        let Length::For(length) = self.length else { return None };
        let roles = u32::try_from(self.roles().len()).unwrap_or(u32::MAX);
        Some(warm_up.saturating_add(length).saturating_mul(roles))
    }

    /// The same at one rate, of an open loop.
    pub fn at_rate(&mut self, constant: f64) {
        if let Arrivals::Open { rate, .. } = &mut self.arrivals {
            *rate = Rate::Constant(constant);
        }
    }

    /// Why its budgets are believed: as the first one that says so.
    pub fn believed(&self) -> (Evidence, Option<String>) {
        let first = self.budgets.iter().find(|it| it.evidence != Evidence::None);
        first.map_or((Evidence::None, None), |it| (it.evidence, it.source.clone()))
    }

    /// The same without places, to be compared for what it says.
    pub fn strip(&mut self) {
        for query in self.mix.iter_mut().chain(&mut self.control) {
            query.span = Span::nowhere();
        }
        for budget in &mut self.budgets {
            budget.span = Span::nowhere();
        }
    }

    /// One line: `150 clients for 30 s`.
    pub fn in_words(&self) -> String {
        let length = match self.length {
            Length::For(it) => format!("for {}", words::duration_text(it)),
            Length::Requests(it) => {
                words::counted(usize::try_from(it).unwrap_or(usize::MAX), "request")
            }
        };
        let sessions = self.sessions as usize;
        let roles: Vec<&str> = self.roles().into_iter().map(|it| it.name.as_str()).collect();
        let on = roles.join(" and ");
        match &self.arrivals {
            Arrivals::Closed { .. } => {
                format!("{} {length} on {on}", words::counted(sessions, "client"))
            }
            Arrivals::Open { rate, .. } => {
                format!("{rate} {length} on {on}, {}", words::counted(sessions, "session"))
            }
        }
    }
}

impl Rate {
    /// At an instant since the beginning, of a load of this length.
    pub fn at(&self, at: Duration, length: Duration) -> f64 {
        match self {
            Self::Constant(rate) | Self::Search { from: rate, .. } => *rate,
            Self::Ramp { from, to } => {
                let part = (at.as_secs_f64() / length.as_secs_f64().max(1e-9)).min(1.0);
                from + (to - from) * part
            }
            Self::Steps(steps) => {
                let mut until = Duration::ZERO;
                let step = steps.iter().find(|(_, length)| {
                    until = until.saturating_add(*length);
                    at < until
                });
                step.or(steps.last()).map_or(0.0, |(rate, _)| *rate)
            }
        }
    }
}

/// As it is written: `50/s`.
pub fn rate_text(rate: f64) -> String {
    format!("{rate}/s")
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(rate) => f.write_str(&rate_text(*rate)),
            Self::Ramp { from, to } => write!(f, "{} to {}", rate_text(*from), rate_text(*to)),
            Self::Steps(steps) => {
                let steps: Vec<String> = steps.iter().map(|(it, _)| rate_text(*it)).collect();
                write!(f, "steps of {}", steps.join(", "))
            }
            Self::Search { from, to } => {
                write!(f, "the highest rate from {} to {}", rate_text(*from), rate_text(*to))
            }
        }
    }
}
