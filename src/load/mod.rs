//! Latency under concurrent load: workloads, the generator, budgets, comparison.

pub mod budget;
pub mod compare;
mod histo;
pub mod judge;
mod judged;
mod measured;
pub mod statistics;
pub mod sums;

pub use budget::{Budget, BudgetError};
pub use judge::{Lost, WrittenBudget, judge, lost_for_certain};
pub use judged::{Estimate, Judged, LoadReport, Unit, Verdict};
pub use measured::{
    Exchange, Health, Histo, Measured, QueryMeasured, RoleMeasured, Second, ServerShare,
    WarmUpMeasured,
};
