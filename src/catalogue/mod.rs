//! What is known of the product beside its behaviours: prices, sizes, regions. Each row of it has
//! a source and a day.
//!
//! The rows are in `data/`, part of the program, and read at their first need. Nothing here asks
//! a target anything.

pub mod price;
pub mod region;

pub use crate::suite::Stated;
