//! Random definitions over random tables, changed at random: after every refresh a table's rows
//! must be those of its definition, in either mode.
//!
//! Scripts are made, printed and shrunk without a server; [`trial`] executes them on a session of
//! any target. What a definition means is the server's own business: it is only asked the same
//! thing in two ways.

pub mod generate;
pub mod query;
pub use crate::random;
pub mod replay;
pub mod script;
pub mod shrink;
#[cfg(test)]
mod tests;
pub mod trial;
