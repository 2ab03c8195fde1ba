//! Latency under concurrent load: workloads, the generator, budgets, comparison.
//!
//! - [`workload`]: what is to be executed, as a suite says it.
//! - [`schedule`], [`parameters`], [`requests`], [`turns`]: which statements are due when. Made of a
//!   seed; they look at no clock.
//! - [`generator`], [`pacer`], [`measure`]: send them and count what becomes of them.
//! - [`health`], [`warm_up`]: whether the generator did what it was asked to, and from when on it
//!   counts.
//! - [`search`]: which rate is tried next, where the highest is looked for.
//! - [`Measured`]: what it came to, which is all that budgets and reports read.
//! - [`budget`], [`judge`], [`statistics`], [`compare`]: budgets held against it.
//! - [`verdict`]: what that means for the case.

pub mod budget;
pub mod compare;
pub mod generator;
pub mod health;
mod histo;
pub mod join;
pub mod judge;
mod judged;
pub mod measure;
mod measured;
pub mod merge;
pub mod pacer;
pub mod parameters;
pub mod requests;
pub mod schedule;
pub mod search;
pub mod statistics;
pub mod sums;
pub mod tally;
#[cfg(test)]
mod tests;
pub mod turns;
pub mod verdict;
pub mod warm_up;
pub mod workload;

pub use budget::{Budget, BudgetError};
pub use judge::{Lost, WrittenBudget, judge, lost_for_certain};
pub use judged::{Estimate, Judged, LoadReport, Unit, Verdict};
pub use measured::{
    Exchange, Health, Histo, Measured, QueryMeasured, RoleMeasured, Second, ServerShare,
    WarmUpMeasured,
};
pub use workload::Workload;
