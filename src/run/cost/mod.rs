//! What a run costs on an account, in credits: [`estimate()`] before it starts, [`Meter`] while it
//! runs. Both keep the same [`Ledger`].
//!
//! Storage, cloud services and serverless refreshes are not counted; next to a warehouse they are
//! small for data of this size.

mod estimate;
mod ledger;
mod meter;

pub use estimate::{Estimate, estimate};
pub use ledger::Starts;
pub use meter::Meter;

use ledger::Ledger;

/// What the warehouse that a statement starts costs in so long.
pub fn of_statement(sql: &str, takes: std::time::Duration) -> f64 {
    let mut ledger = Ledger::default();
    ledger.follow(sql, "", "", std::time::Duration::ZERO);
    ledger.credits(takes)
}
