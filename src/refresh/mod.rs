//! What holds of refreshed tables, whoever refreshed them.

pub mod history;
pub mod instant;
pub mod schedule;
