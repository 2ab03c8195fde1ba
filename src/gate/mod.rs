//! Is tonight worse? And: when did it change?
//!
//! Two questions with two answers. The first is asked every night, of hundreds of series at once,
//! and a wrong yes costs somebody's morning: [`tonight`] compares with a window of accepted nights,
//! samples again before it says so, and keeps a budget of false alarms for the whole suite. The
//! second is for the report: [`when_changed`] looks back over a history, and no verdict hangs on it.
//!
//! - [`series`], [`night`]: what is compared, and what a night measured of it.
//! - [`change`]: changes that somebody accepted, and budgets that match nothing any more.
//! - [`rules`]: the parameters, with their defaults and reasons.
//! - [`level`]: a level and a spread that outliers do not move.
//! - [`window`]: what tonight is compared with. [`repeat`]: what further samples
//!   of a night are worth. [`watch`]: the evidence of one series, sample by sample. [`drift`]: the window itself against an older reference. [`facts`]: what has no noise.
//! - [`tonight`]: all series of a night, and which of them are red.
//! - [`self_test`]: whether the gate would have noticed.
//!
//! Nothing here reads a file, a clock or the network, and nothing is random but the permutations of
//! [`when_changed`], whose seed is fixed.

pub mod change;
pub mod drift;
pub mod facts;
pub mod lens;
pub mod level;
pub mod night;
pub mod points;
pub mod repeat;
pub mod rules;
pub mod self_test;
pub mod series;
#[cfg(test)]
mod tests;
pub mod tonight;
pub mod watch;
pub mod window;

pub use change::{Change, Shift, orphans};
pub use night::{Night, Reading, Sample, Status};
pub use points::{ChangePoint, when_changed};
pub use rules::Rules;
pub use self_test::SelfTest;
pub use series::{Metric, Pattern, Scale, Series, Worse};
pub use tonight::{Answer, Cause, Finding, Gate, NightReport, Step, What};
pub use window::{Tonight, Window};
