//! What works where: chosen suites over many connections, and one table of what they came to.
//!
//! - [`matrix`]: the file that says which connections, which suites, and what an account may bear.
//! - [`execute`]: ordinary runs beside each other, within the limits of their accounts.
//! - [`table`]: what the runs came to, feature by region; the JSON that a later table is held
//!   against.
//! - [`availability`]: where the documents have the feature, beside what was seen.
//! - [`difference`]: what is not as it was the last time.
//! - [`html`], [`markdown`], [`junit`]: the table for people and for build servers.
//!
//! Nothing here knows how a connection is opened: that is the command line's.

pub mod availability;
pub mod difference;
pub mod execute;
pub mod html;
pub mod junit;
pub mod markdown;
pub mod matrix;
pub mod table;

#[cfg(test)]
mod tests;

pub use matrix::{Entry, Limits, Matrix};
pub use table::{Cell, Column, Feature, Table};
