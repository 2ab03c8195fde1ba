//! Tables that are refreshed from a query: dynamic tables, and interactive tables with a target
//! lag.
//!
//! [`declared`] is what users say, [`lag`] how they say it, [`mode`] what comes of it; [`history`]
//! what is told of refreshes, and [`refresher`] what keeps tables fresh. [`incremental`] turns what
//! changed in tables into what changes in those that read them.

pub mod declared;
pub mod history;
pub mod incremental;
pub mod lag;
pub mod mode;
pub mod refresher;
