//! Tables as immutable versions made of micro-partitions, and the names they go by.
//!
//! A table is a list of versions; a version is a list of micro-partitions with the least and
//! greatest value of each column; a commit adds a version with a timestamp. Time travel, snapshot
//! reads, change scans and clustering are all this one idea.
//!
//! - [`catalog`] has the names, [`table`] what they stand for, [`partition`] the rows.
//! - [`coerce`] makes rows fit a table's columns, with Snowflake's errors where they do not.
//! - [`transaction`] changes tables; [`commits`] makes changes visible together; [`locks`] keeps
//!   writers of the same rows apart; [`rewrite`] turns "these rows go" into a change, and
//!   [`exchange`] "rows like these go"; [`changes`] is what came and went with a commit.
//! - [`provider`] is how the query engine reads a version, [`predicate`] what of it a filter
//!   needs, [`scan`] the reading.
//!
//! Not here: SQL, privileges, and when a dynamic table is refreshed.

pub mod catalog;
pub mod changes;
pub mod coerce;
pub mod commits;
pub mod exchange;
pub mod locks;
pub mod partition;
pub mod predicate;
pub mod provider;
pub mod rewrite;
pub mod scan;
pub mod table;
#[cfg(test)]
pub(crate) mod testing;
pub mod transaction;
mod working;
