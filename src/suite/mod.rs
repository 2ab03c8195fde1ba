//! Text to cases with spans. Nothing here touches a target.
//!
//! A suite is a `.slt` or `.yaml` file; its path below the root it was found under is its name.
//! Both formats become the same [`Suite`], so the runner knows neither.

pub mod catalogue;
mod discover;
pub mod error;
pub mod lint;
mod load;
pub mod pins;
pub mod print;
pub mod refresh;
mod slt;
pub mod source;
pub mod span;
#[cfg(test)]
mod tests;
pub mod vars;
pub(crate) mod words;
pub(crate) mod yaml;

pub use discover::{Format, Found, discover};
pub use error::{SuiteError, SuiteErrorKind, SuiteErrors};
pub use load::{Loaded, load, parse_data_set, parse_suite};
pub use words::{STANDARD, duration};
pub use yaml::table::Stated;

use crate::load::Workload;
use refresh::{Look, Refreshed};
use serde::{Deserialize, Serialize};
use span::{Span, Spanned};
use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

/// A file of cases.
#[derive(Clone, Debug, PartialEq)]
pub struct Suite {
    /// `limits::dml` for `limits/dml.yaml`.
    pub name: String,
    /// As it was found, for messages and reports.
    pub path: PathBuf,
    pub doc: String,
    pub tags: Vec<String>,
    /// Data sets that it reads, by name: `orders`.
    pub data: Vec<Spanned<String>>,
    /// Capabilities without which its cases are skipped.
    pub needs: Vec<Spanned<String>>,
    /// Rules of [`lint`] that are known not to hold anywhere in it.
    pub allow: Vec<Spanned<String>>,
    /// Run before the cases, in the suite's own schema. A failure makes its cases `not run`.
    pub setup: Vec<Step>,
    /// Tables that are kept fresh from a query; made after `setup`, in this order.
    pub refreshed: Vec<Refreshed>,
    pub cases: Vec<Case>,
    /// Whether a case may rely on what the cases before it did. True of `.slt` without `subtest`:
    /// to run one of its cases alone, the ones before it are executed too.
    pub ordered: bool,
    /// What was seen where its expectations are unverified. They lie in a file beside it.
    pub pins: Vec<pins::Pin>,
}

impl Suite {
    /// All that is done before its cases: its set-up, and then its refreshed tables.
    pub fn set_up(&self) -> Vec<Step> {
        let refreshed = self.refreshed.iter().map(Refreshed::create_step);
        self.setup.iter().cloned().chain(refreshed).collect()
    }

    /// The suite with all places taken out of it, and without what lies beside it, so that two of
    /// them can be compared for what they say.
    pub fn without_places(mut self) -> Self {
        self.pins.clear();
        strip_words(&mut self.data);
        strip_words(&mut self.needs);
        strip_words(&mut self.allow);
        strip_steps(&mut self.setup);
        for it in &mut self.refreshed {
            it.span = Span::nowhere();
        }
        for case in &mut self.cases {
            case.span = Span::nowhere();
            strip_words(&mut case.needs);
            strip_words(&mut case.allow);
            strip_steps(&mut case.steps);
        }
        self
    }
}

impl DataSet {
    /// See [`Suite::without_places`].
    pub fn without_places(mut self) -> Self {
        strip_steps(&mut self.steps);
        self
    }
}

fn strip_words(words: &mut [Spanned<String>]) {
    for word in words {
        word.span = Span::nowhere();
    }
}

fn strip_steps(steps: &mut [Step]) {
    for step in steps {
        step.span = Span::nowhere();
        strip_words(&mut step.allow);
        if let Action::Load(workload) = &mut step.action {
            workload.strip();
        }
        for expectation in &mut step.expect {
            expectation.span = Span::nowhere();
            if let Expect::Sides(sides) = &mut expectation.outcome {
                sides.iter_mut().for_each(|it| it.span = Span::nowhere());
            }
        }
    }
}

/// A data set: statements that build tables for many suites, once per run.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSet {
    pub name: String,
    pub path: PathBuf,
    pub doc: String,
    /// Variables that suites may use once the data set is built, such as table names.
    pub provides: BTreeMap<String, String>,
    pub steps: Vec<Step>,
}

/// One test: the unit of selection, of verdict, and of a JUnit `testcase`.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Catalogue id, such as `L-09`.
    pub id: Option<String>,
    /// Unique within the suite.
    pub name: String,
    pub doc: Option<String>,
    pub tags: Vec<String>,
    pub needs: Vec<Spanned<String>>,
    /// Rules of [`lint`] that are known not to hold in it.
    pub allow: Vec<Spanned<String>>,
    /// Releases on which it makes sense; on others it is skipped with `reason`.
    pub only: Option<Only>,
    /// Where the case starts.
    pub span: Span,
    pub steps: Vec<Step>,
}

/// A case limited to some releases or targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Only {
    pub releases: ReleaseSet,
    pub reason: String,
}

/// Releases, by name, as written: `preview`, `attached`, `fallback`, `zero-copy`, `fallback..`
/// (that and later), `..attached` (up to and including).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseSet(pub Vec<Release>);

/// What the product could do at a date. Later ones are greater.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Release {
    /// Public preview, autumn 2025.
    Preview,
    /// General availability, 2025-12-11.
    Attached,
    /// Mid-2026: fallback warehouses, policies, auto-suspend.
    Fallback,
    /// 2026-09-14: interactive warehouses read every kind of table.
    ZeroCopy,
}

impl Release {
    pub const ALL: [Release; 4] =
        [Release::Preview, Release::Attached, Release::Fallback, Release::ZeroCopy];

    pub fn name(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::Attached => "attached",
            Self::Fallback => "fallback",
            Self::ZeroCopy => "zero-copy",
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The first pause of a step that looks again. Cheap enough to do, long enough not to spin.
pub const PAUSE_FIRST: Duration = Duration::from_millis(250);

/// A statement and what must come of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The statement's first line.
    pub span: Span,
    /// Which of the suite's sessions: `standard`, `interactive`, or a name of its own.
    pub session: String,
    pub action: Action,
    /// What to expect, by release; the first whose releases contain the target's. Never empty.
    pub expect: Vec<Expectation>,
    /// Looks again until the expectation is met or this much of the target's time has passed.
    pub within: Option<Duration>,
    /// Elapsed time that the execution must fall into: `(at least, at most)`.
    pub takes: Option<(Duration, Duration)>,
    /// Keeps the first cell as `{name}` for later steps of the case.
    pub save: Option<String>,
    /// Queries whose results must be the same before and after this step.
    pub unchanged: Vec<Unchanged>,
    /// Rules of [`lint`] that are known not to hold here.
    pub allow: Vec<Spanned<String>>,
    /// All of these must hold, or the step is skipped. A case whose steps are all skipped is.
    pub when: Vec<Condition>,
}

/// A query that must find the same before and after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unchanged {
    pub session: String,
    pub sql: String,
}

/// Where a step makes sense: `onlyif` and `skipif` of sqllogictest, and what a conditional `halt`
/// does to the steps after it.
///
/// Labels are `snowflake` and `snowgauge`, which always hold, the names of targets (`live`,
/// `emulator`, `replay`) and of releases. Files of other projects have others; they never hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    OnlyIf(String),
    SkipIf(String),
}

impl Condition {
    /// Labels that hold everywhere.
    pub const ALWAYS: [&str; 2] = ["snowflake", "snowgauge"];

    /// Whether the step is to be executed, where these labels hold beside [`Self::ALWAYS`]: the
    /// names of the target's kind and of its release.
    pub fn holds(&self, labels: &[&str]) -> bool {
        let has = |it: &str| Self::ALWAYS.contains(&it) || labels.contains(&it);
        match self {
            Self::OnlyIf(label) => has(label),
            Self::SkipIf(label) => !has(label),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyIf(label) => write!(f, "onlyif {label}"),
            Self::SkipIf(label) => write!(f, "skipif {label}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A statement, with `{variables}` still in it, and its bind values, as text with
    /// `{variables}` too.
    Execute { sql: String, binds: Vec<String> },
    /// Waits in the target's time.
    Sleep(Duration),
    /// Looks at tables that are kept fresh.
    Look(Box<Look>),
    /// Executes many requests at once. The only step of its case.
    Load(Box<Workload>),
}

/// An expectation that holds on some releases.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    pub releases: Option<ReleaseSet>,
    pub evidence: Evidence,
    /// Where the belief comes from: `docs: interactive tables, limitations`.
    pub source: Option<String>,
    pub span: Span,
    pub outcome: Expect,
}

/// Why an expectation is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// One of the two documents that the project started from.
    Seed,
    Documented,
    /// Seen on a live account, by somebody who published it.
    Observed,
    /// Nobody is known to have seen it.
    Unverified,
    /// Plain SQL: needs no evidence.
    None,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// Any result will do.
    Ok,
    /// DML that touches this many rows.
    Affected(u64),
    Rows(ExpectedRows),
    /// The same rows as another query gives, on another session if it says so.
    SameAs {
        session: String,
        sql: String,
        sort: Sort,
    },
    Refused(ExpectedRefusal),
    /// Anything that the server answers; it is kept and reported. Never a lost connection.
    Recorded,
    /// Sources disagree. Whichever side the answer takes is reported, and none is a failure.
    Sides(Vec<Side>),
}

/// What one of the sources that disagree would have.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// A few words, for reports: `refused`, `an hour`.
    pub name: String,
    pub evidence: Evidence,
    pub source: String,
    pub span: Span,
    pub outcome: Expect,
}

/// Rows to compare with. Cells are text as sqllogictest writes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectedRows {
    /// One letter a column, as sqllogictest has them (`T`, `I`, `R`), and Snowflake's other
    /// types: `B` boolean, `D` date, `S` timestamp, `V` variant, `?` any. `None`: not compared.
    pub types: Option<String>,
    /// Names, compared exactly.
    pub columns: Option<Vec<String>>,
    pub sort: Sort,
    pub rows: RowsExpected,
    /// Results with the same label must be equal, within a suite.
    pub label: Option<String>,
    /// Numbers may differ by this much, relative to the greater one. Only when asked for.
    pub tolerance: Option<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RowsExpected {
    /// Row by row.
    Rows(Vec<Vec<Cell>>),
    /// sqllogictest's value-wise form: every cell on a line of its own.
    Values(Vec<Cell>),
    /// `30 values hashing to 3c13dee48d9356ae19af2515e05e6b54`.
    Hash { count: usize, md5: String },
    /// Only how many: `1..`, `20`, `0..5`. Ends are inclusive.
    Count { min: usize, max: Option<usize> },
    /// Each of these rows is there, whatever else is.
    Contains(Vec<Vec<Cell>>),
}

impl Default for RowsExpected {
    fn default() -> Self {
        Self::Rows(Vec::new())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Compared as text. `NULL` is [`Cell::Null`]; `(empty)` in a file is the empty text here.
    Text(String),
    Null,
    /// `<REGEX>:pattern`, anchored at both ends.
    Regex(String),
    /// Text around `<slt:ignore>`: the parts, of which the first and last are anchored.
    Ignore(Vec<String>),
    /// `<!REGEX>:pattern`: must not match.
    NotRegex(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// As they come.
    #[default]
    None,
    /// Both sides sorted by row.
    Rows,
    /// Both sides sorted cell by cell.
    Values,
}

/// A refusal to expect. Each part that is given must match; at least the server must refuse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedRefusal {
    /// Six digits.
    pub code: Option<String>,
    pub sqlstate: Option<String>,
    pub message: Option<MessageMatch>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageMatch {
    Contains(String),
    /// Searched for in the refusal as it is shown, `000630 (57014): message`, so that a pattern
    /// of `.slt` can name the code.
    Regex(String),
    Exact(String),
}
