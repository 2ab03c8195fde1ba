//! The regression suite itself, each case a test: on the emulator, or where `SNOWGAUGE_TARGET`
//! says.

fn main() -> std::process::ExitCode {
    snowgauge::harness("suites")
}
