//! Every test advances a dataflow by random or written changes, and after each step compares all
//! that it gave out so far with what DataFusion makes of the same plan over the new rows.

mod cases;
mod kit;
mod property;
mod refusals;
