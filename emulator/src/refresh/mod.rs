//! Tables that are refreshed from a query: dynamic tables, and interactive tables with a target
//! lag.
//!
//! [`declared`] is what users say, [`lag`] how they say it. When tables are refreshed is the
//! business of [`schedule`], [`graph`] and `tick`, moved by `timekeeping`; one refresh is
//! `refreshing`. [`refresher`] is what an account knows of it all, [`history`] what is told
//! afterwards, and [`statistics`] what follows from that.
//!
//! [`mode`] is whether a definition can be refreshed incrementally, and [`incremental`] how; what that
//! remembers is in [`maintained`].

pub mod declared;
pub mod graph;
pub mod history;
pub mod incremental;
pub mod lag;
pub mod maintained;
pub mod mode;
pub mod refresher;
mod refreshing;
pub mod schedule;
pub mod statistics;
mod tick;
pub(crate) mod timekeeping;

#[cfg(test)]
mod tests;
