//! Prints the seed's table beside what the capacity model `seed` makes of its load.
//!
//! `cargo run --example calibrate [ROUNDS]`, from the folder of the emulator.

use snowgauge_emulator::warehouse::capacity::simulation::{Figures, calibration};

fn main() {
    let rounds = std::env::args().nth(1).and_then(|it| it.parse().ok()).unwrap_or(200);
    println!("150 clients, 500 queries, median of {rounds} plays; in ms\n");
    println!("{:<12} {:>22} {:>22} {:>22}", "", "P95", "median", "mean");
    let sides = calibration(rounds);
    for (kind, wanted, got) in &sides {
        let cell = |of: fn(&Figures) -> f64| {
            let (wanted, got) = (of(wanted), of(got));
            format!("{wanted:.0} → {got:.0} ({:+.0} %)", (got / wanted - 1.0) * 100.0)
        };
        let cells = [cell(|it| it.p95_ms), cell(|it| it.median_ms), cell(|it| it.mean_ms)];
        println!("{:<12} {:>22} {:>22} {:>22}", kind.name(), cells[0], cells[1], cells[2]);
    }
    if let [(_, wanted, standard), (_, wanted_interactive, interactive)] = sides.as_slice() {
        let cell = |of: fn(&Figures) -> f64| {
            let wanted = of(wanted) / of(wanted_interactive);
            let got = of(standard) / of(interactive);
            format!("{wanted:.2} → {got:.2} ({:+.0} %)", (got / wanted - 1.0) * 100.0)
        };
        let cells = [cell(|it| it.p95_ms), cell(|it| it.median_ms), cell(|it| it.mean_ms)];
        println!("{:<12} {:>22} {:>22} {:>22}", "ratio", cells[0], cells[1], cells[2]);
    }
}
