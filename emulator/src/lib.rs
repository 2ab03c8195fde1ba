//! Snowflake's interactive layer on one machine.
//!
//! For running suites, and any client, with no account. Not for predicting an account's speed.
//!
//! - [`wire`] speaks the driver protocol over HTTP: sessions, results, cancelling.
//! - [`engine`] is what the wire talks to: sessions that execute statements.
//! - [`sql`] turns Snowflake's dialect into plans of the engine's query engine (DataFusion).
//! - [`store`] keeps tables as immutable versions made of micro-partitions.
//! - [`warehouse`] has kinds, sizes, slots, queues, timeouts and attachment.
//!
//! What it does not implement answers with an error that says so by name.

// A statement that refreshes tables that refresh others is a deep future.
#![recursion_limit = "256"]

pub mod clock;
pub mod engine;
pub mod error;
pub mod refresh;
pub mod regression;
pub mod release;
pub mod rows;
pub mod sql;
pub mod store;
pub mod types;
pub mod warehouse;
pub mod wire;

pub use regression::Regression;
pub use release::Release;

/// Stack that the threads of an emulator need: statements nest, and parsing and planning recurse.
pub const STACK_BYTES: usize = 16 << 20;
pub use wire::{Emulator, EmulatorSettings};
