//! Tables that a target keeps fresh from a query, and what a suite asks of them.

use super::{Action, Evidence, Expect, Expectation, Step, span::Span};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, time::Duration};

/// The variable that stands behind each base table of a definition: nothing when the table is
/// created, and the data timestamp when the definition is asked again.
pub const AT: &str = "at";

/// The variable that stands for a number of its own in each row that `lag` inserts.
pub const SENTINEL: &str = "sentinel";

/// A table that is refreshed from a query. Its name is a variable of the suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refreshed {
    pub name: String,
    pub kind: RefreshedKind,
    /// The statement up to, and without, `AS`.
    pub create: String,
    /// With [`AT`], and the names of refreshed tables above it.
    pub query: String,
    pub session: String,
    pub span: Span,
}

/// Which kind of table it is: their histories have different names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefreshedKind {
    Dynamic,
    Interactive,
}

impl RefreshedKind {
    /// The keyword before `TABLE`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dynamic => "DYNAMIC",
            Self::Interactive => "INTERACTIVE",
        }
    }

    /// The kind that a statement creates, if it is one of them.
    pub fn created_by(sql: &str) -> Option<Self> {
        let words: Vec<String> =
            sql.split_whitespace().take(5).map(str::to_ascii_uppercase).collect();
        let (first, rest) = words.split_first()?;
        if first != "CREATE" {
            return None;
        }
        let before_table = rest.iter().take_while(|it| *it != "TABLE");
        before_table.last().and_then(|it| {
            [Self::Dynamic, Self::Interactive].into_iter().find(|kind| kind.word() == it)
        })
    }
}

impl Refreshed {
    /// The name of the table itself, in the suite's schema.
    pub fn table(&self) -> String {
        self.name.to_ascii_uppercase()
    }

    /// The statement that creates it, with `{variables}`: [`AT`] has to be empty there.
    pub fn create_sql(&self) -> String {
        format!("{}\nAS\n{}", self.create, self.query)
    }

    pub fn create_step(&self) -> Step {
        let action = Action::Execute { sql: self.create_sql(), binds: Vec::new() };
        Step::plain(&self.span, &self.session, action)
    }
}

/// Values for the queries of refreshed tables, by the names of the tables above: each is its own
/// definition in parentheses, so that a chain is compared with its base tables.
pub fn definitions(
    refreshed: &[Refreshed],
    substitute: impl Fn(&str, &BTreeMap<String, String>) -> Result<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let mut known = BTreeMap::from([(AT.to_owned(), format!("{{{AT}}}"))]);
    let mut definitions = BTreeMap::new();
    for it in refreshed {
        let definition = substitute(&it.query, &known)?;
        known.insert(it.name.clone(), format!("({definition})"));
        definitions.insert(it.name.clone(), definition);
    }
    Ok(definitions)
}

/// A time, or so many target lags of the table that is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wait {
    Time(Duration),
    Lags(f64),
}

impl Wait {
    /// How long it is for a table with this lag. `None` if that has none, and it is needed.
    pub fn with_lag(self, lag: Option<Duration>) -> Option<Duration> {
        match self {
            Self::Time(duration) => Some(duration),
            Self::Lags(lags) => lag.map(|it| it.mul_f64(lags)),
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(duration) => f.write_str(&super::words::duration_text(*duration)),
            Self::Lags(lags) if *lags == 1.0 => f.write_str("1 lag"),
            Self::Lags(lags) => write!(f, "{lags} lags"),
        }
    }
}

/// A step that looks at refreshed tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    pub of: LookOf,
    /// Looks again until it is so, or for so long. Without it there is one look.
    pub within: Option<Wait>,
    pub evidence: Evidence,
    pub source: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum LookOf {
    /// The table has seen all that the case changed before. Each refresh that is observed on the
    /// way is held to the definition.
    Fresh { table: String },
    /// Each table is its definition at its data timestamp. With `within`, until all of them have
    /// one data timestamp.
    EqualsDefinition { tables: Vec<String> },
    /// The history since the case began.
    Refreshes { table: String, expected: Box<ExpectedRefreshes> },
    /// How long rows take to be visible.
    Lag(LagSampling),
}

impl Look {
    /// The tables that it is about.
    pub fn tables(&self) -> Vec<&str> {
        match &self.of {
            LookOf::Fresh { table } => vec![table],
            LookOf::EqualsDefinition { tables } => tables.iter().map(String::as_str).collect(),
            LookOf::Refreshes { table, expected } => {
                let others = expected.schedule.iter().flat_map(|it| [&it.phase_of, &it.ticks_of]);
                let others = others.flatten().map(String::as_str);
                [table.as_str()].into_iter().chain(others).collect()
            }
            LookOf::Lag(it) => vec![&it.table],
        }
    }

    /// Every text that may name variables.
    pub fn texts(&self) -> Vec<&str> {
        match &self.of {
            LookOf::Lag(it) => vec![&it.insert, &it.visible],
            _ => Vec::new(),
        }
    }

    /// One line: `fresh: daily`.
    pub fn in_words(&self) -> String {
        match &self.of {
            LookOf::Fresh { table } => format!("fresh: {table}"),
            LookOf::EqualsDefinition { tables } => {
                format!("equals-definition: {}", tables.join(", "))
            }
            LookOf::Refreshes { table, .. } => format!("refreshes: {table}"),
            LookOf::Lag(it) => format!("lag: {}", it.table),
        }
    }
}

impl Step {
    /// A statement, a wait or a look that stands for itself.
    pub fn plain(span: &Span, session: &str, action: Action) -> Self {
        let (evidence, source) = match &action {
            Action::Look(look) => (look.evidence, look.source.clone()),
            Action::Load(workload) => workload.believed(),
            Action::Execute { .. } | Action::Sleep(_) => (Evidence::None, None),
        };
        let outcome = Expect::Ok;
        Self {
            span: span.clone(),
            session: session.to_owned(),
            action,
            expect: vec![Expectation {
                releases: None,
                evidence,
                source,
                span: span.clone(),
                outcome,
            }],
            within: None,
            takes: None,
            save: None,
            unchanged: Vec::new(),
            allow: Vec::new(),
            when: Vec::new(),
        }
    }
}

/// From and to, both included: `3`, `1..`, `0..5`.
pub type Range = (u64, Option<u64>);

/// What the history of a table must have, of refreshes that have ended since the case began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectedRefreshes {
    /// How many there are.
    pub count: Option<Range>,
    /// What each of them is.
    pub every: Option<RefreshPattern>,
    /// For each of these one that is so.
    pub some: Vec<RefreshPattern>,
    /// None is so.
    pub none: Option<RefreshPattern>,
    /// What the last of them is.
    pub last: Option<RefreshPattern>,
    pub schedule: Option<ExpectedSchedule>,
}

/// What one row of a history may be. Of several words, one; of texts, a part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RefreshPattern {
    pub state: Vec<String>,
    pub action: Vec<String>,
    pub trigger: Vec<String>,
    pub code: Option<String>,
    pub message: Option<String>,
    /// Why everything was made anew.
    pub reason: Option<String>,
    pub inserted: Option<Range>,
    pub deleted: Option<Range>,
}

/// What data timestamps have to do with each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectedSchedule {
    /// The most frequent distance between two of them; all others are multiples of 48 seconds.
    pub period: Option<Duration>,
    /// A table with the same phase.
    pub phase_of: Option<String>,
    /// A table that has all of them, too.
    pub ticks_of: Option<String>,
    /// Every check of `refresh::schedule` that these rows allow.
    pub sound: bool,
}

/// Rows are inserted one after the other, and each is waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct LagSampling {
    pub table: String,
    /// Inserts [`SENTINEL`].
    pub insert: String,
    /// The greatest one that the table shows.
    pub visible: String,
    pub samples: u32,
    /// Between two looks, after each of which the next row is inserted.
    pub pause: Duration,
    pub budget: Option<Budget>,
}

/// `p95 <= 2 lags`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    pub of: Statistic,
    pub most: Wait,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// 1 to 99.
    Percentile(u8),
    Max,
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(it) => write!(f, "p{it}"),
            Self::Max => f.write_str("max"),
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <= {}", self.of, self.most)
    }
}

/// `INCREMENTAL SCHEDULED, 3 rows inserted`
impl fmt::Display for RefreshPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [&self.state, &self.action, &self.trigger];
        let mut parts: Vec<String> =
            words.into_iter().filter(|it| !it.is_empty()).map(|it| it.join(" or ")).collect();
        for (what, text) in
            [("code", &self.code), ("message", &self.message), ("reason", &self.reason)]
        {
            parts.extend(text.as_ref().map(|it| format!("{what} with `{it}`")));
        }
        for (what, range) in [("inserted", self.inserted), ("deleted", self.deleted)] {
            parts.extend(range.map(|(least, most)| match most {
                Some(most) if most == least => format!("{least} {what}"),
                Some(most) => format!("{least} to {most} {what}"),
                None => format!("{least} or more {what}"),
            }));
        }
        f.write_str(&parts.join(", "))
    }
}
