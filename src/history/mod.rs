//! What runs came to, night after night: one SQLite file, or a table that a team shares.
//!
//! - [`Night`]: what one run came to, made of its events. It knows no database.
//! - [`Store`]: nights on disk. A night is there whole or not at all, whoever is killed when.
//! - [`import`](mod@import): from run folders.
//! - [`accepted`]: changes that the gate is not to call red, in a file.
//! - [`judge`](mod@judge): a night judged by the gate, with what came of it kept.
//! - [`export`]: as CSV and Parquet.
//! - [`shared`]: nights in a table of an account.
//!
//! Nothing here decides whether a night is good: that is the gate's, which leaves its verdict here.

pub mod accepted;
pub mod export;
pub mod import;
pub mod judge;
mod measure;
mod night;
pub mod shared;
mod store;

pub use night::{
    Better, CaseOutcome, Distribution, Judgement, Night, Quantity, SeriesKey, SeriesVerdict,
    Status, Unit,
};
pub use store::{Added, HistoryError, NightRow, Point, Store};

/// Where the history is unless another file is named.
pub const HISTORY_FILE: &str = ".snowgauge/history.db";
