//! Tables that are refreshed from a query: target lag, and the refresh itself.

pub mod lag;
