//! Events in, reports out. Every report is made from the same events, live or from a journal.
//!
//! No report knows a target, and nothing reads a report's text.

pub mod behaviours;
pub mod gate;
pub mod github;
pub mod hdr;
pub mod html;
pub mod json;
pub mod junit;
pub mod load;
pub mod markdown;
pub mod plot;
pub mod terminal;
pub mod text;
pub mod trend;
pub mod verdict;

#[cfg(test)]
pub(crate) mod sample;
