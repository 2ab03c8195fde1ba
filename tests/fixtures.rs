//! Every case of `suites/` against every recording in `fixtures/`: no account, no emulator.

fn main() -> std::process::ExitCode {
    snowgauge::replays("suites", "fixtures")
}
