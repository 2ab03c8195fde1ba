//! Plan, execute, compare. Everything that happens is an [`Event`], sent as it happens.
//!
//! - [`plan()`] decides which cases run; it touches no target.
//! - [`execute()`] runs them: objects, data sets, suites, and the clean-up whatever happens.
//! - [`compare`] holds answers against expectations.
//! - [`journal`] keeps the events on disk; [`RunSummary`] is what they come to.
//!
//! Nothing here knows a report's format, or which target it is talking to.

mod case;
pub mod compare;
pub mod cost;
pub mod diagnosis;
mod digest;
mod event;
mod execute;
mod fuzz;
pub mod journal;
mod machine;
mod mark;
pub mod merge;
mod objects;
pub mod partition;
pub mod pin;
mod plan;
mod probe;
mod retry;
mod session;
mod stop;
mod stream;
mod summary;
mod sweep;
mod tag;
pub mod variables;

#[cfg(test)]
mod tests;

pub use case::seconds;
pub use diagnosis::Diagnosis;
pub use event::*;
pub use execute::{
    LOAD_PARTITION, MAKE_INTERACTIVE, PARTITION, PARTITION_OF, PROBE, Pins, RunId, RunIdError,
    RunOptions, execute,
};
pub use fuzz::{Found, FuzzOptions, FuzzSummary, fuzz};
use mark::Mark;
pub use partition::Partition;
pub use plan::{
    CAPABILITIES, CAPACITY, Parted, Plan, PlanError, PlannedCase, PlannedSuite, Selection,
    check_data_set, check_suite, is_named, key, nearest_cases, plan, tags,
};
pub use stop::Stop;
pub use stream::{Events, Reporter};
pub use summary::{Counts, Fold, RunSummary, Work};
pub use sweep::{Leftover, SweepMode, SweepOptions, Swept, sweep};
pub use tag::{TagError, TagExpr};

/// The known name that `found` was probably meant to be.
pub fn nearest<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|it| (strsim::jaro_winkler(found, it), it))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, it)| it)
}
