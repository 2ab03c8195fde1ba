//! The driver protocol over HTTP: logins, statements, results, cancelling.
//!
//! A request goes from [`server`] through the table of addresses in [`service`] to a handler in
//! [`login`], [`query`] or [`chunk`]; [`clock`] has what the service does not, for the emulator's
//! own clients. What a statement means is the engine's; what a client can
//! read is decided here. `PUT` and stages, single sign-on and the SQL REST API are not here.

mod arrow;
mod bind;
mod capacity;
mod chunk;
mod clock;
mod column;
mod encode;
mod envelope;
mod format;
mod indent;
mod json;
mod login;
mod parameters;
mod query;
mod reply;
mod rowtype;
#[cfg(test)]
mod samples;
mod server;
mod service;
mod statement;
mod token;

pub use server::{Emulator, EmulatorSettings};
