//! A test harness for Snowflake's interactive tables, interactive warehouses and dynamic tables.
//!
//! The stages of the work, in the order a run goes through them:
//!
//! - [`suite`]: text to cases with spans.
//! - [`target`]: the session contract, and the places where statements can be executed.
//! - [`run`]: plan, execute, compare; everything that happens is an [`run::Event`].
//! - [`refresh`]: whether tables that are kept fresh are what they should be.
//! - [`load`]: latency under concurrent load, and budgets for it.
//! - [`gate`]: whether tonight is worse than accepted nights, and when it changed.
//! - [`report`]: events in, reports out.
//! - [`history`]: what runs came to, night after night.
//! - [`regions`]: what works where, over many connections.
//! - [`catalogue`]: what is known of the product beside its behaviours.
//! - [`fixture`]: what was recorded of a target, in files that people review.
//! - `teeth`: whether suites notice what an emulator does wrong (with the feature `emulator`).
//!
//! [`cli`] puts them together for the command line, and [`harness()`] for `cargo test`.

pub mod catalogue;
pub mod cli;
pub mod fixture;
pub mod gate;
mod harness;
pub mod history;
pub mod load;
pub mod random;
pub mod refresh;
pub mod regions;
pub mod report;
pub mod run;
pub mod secret;
pub mod suite;
pub mod target;
#[cfg(feature = "emulator")]
pub mod teeth;

pub use harness::{harness, replays};
