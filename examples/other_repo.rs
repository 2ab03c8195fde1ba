//! Suites of one's own under `cargo test`, in any repository.
//!
//! In `Cargo.toml`, since the harness takes libtest's place:
//!
//! ```toml
//! [dev-dependencies]
//! snowgauge = "0.1"
//!
//! [[test]]
//! name = "suites"
//! harness = false
//! ```
//!
//! And this file as `tests/suites.rs`, beside a folder of `.slt` and `.yaml` files. Then
//! `cargo test --test suites` runs every case on the emulator, `cargo test --test suites -- orders`
//! those with `orders` in their names, and with `SNOWGAUGE_TARGET=live` they run on an account.

fn main() -> std::process::ExitCode {
    snowgauge::harness("examples/suites")
}
