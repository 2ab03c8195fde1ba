//! How fast `.slt` becomes suites: reading lines, the crate's parser, and our cases.
//!
//! `cargo bench --no-default-features --bench slt_parse`, with another number of records behind
//! `--` if wanted. The file resembles those of SQLite's corpus: short statements, conditions with
//! comments, values one on a line, and hashes.

use snowgauge::suite::{parse_suite, source::Source};
use std::{fmt::Write, hint::black_box, time::Instant};

const RECORDS: usize = 200_000;

/// Rounds; the median of their times is what is printed, beside the best.
const ROUNDS: usize = 7;

fn main() {
    // Cargo hands `--bench` to every bench.
    let records = std::env::args().find_map(|it| it.parse().ok()).unwrap_or(RECORDS);
    let text = generate(records);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let source = Source::new("bench.slt", text.clone());
        let started = Instant::now();
        let suite = match parse_suite("bench", source) {
            Ok(it) => it,
            Err(errors) => {
                eprint!("{errors}");
                std::process::exit(1);
            }
        };
        times.push(started.elapsed());
        assert_eq!(suite.cases.len(), records);
        black_box(suite);
    }
    times.sort_unstable();
    for (name, time) in [("median", times[ROUNDS / 2]), ("best", times[0])] {
        println!(
            "{name}: {records} records, {:.1} MB in {:.3} s: {:.0} records/s, {:.0} MB/s",
            text.len() as f64 / 1e6,
            time.as_secs_f64(),
            records as f64 / time.as_secs_f64(),
            text.len() as f64 / 1e6 / time.as_secs_f64(),
        );
    }
}

/// The same text for the same number.
fn generate(records: usize) -> String {
    let mut out = "# doc: generated\n\nhash-threshold 8\n\n".to_owned();
    for at in 0..records {
        // Writing to a string cannot fail.
        let _ = match at % 8 {
            0 => write!(
                out,
                "statement ok\nINSERT INTO T1(E,C,B,D,A) VALUES({at},102,100,101,104)\n\n"
            ),
            1 => write!(
                out,
                "query I rowsort label-{at}\nSELECT PK FROM TAB0 WHERE COL3 > {at} OR COL4 < 7.5\n----\n{at}\n7\n\n"
            ),
            2 => write!(
                out,
                "onlyif mysql # DIV for integer division\nquery I rowsort\nSELECT ALL {at} DIV 5\n----\n3\n\n"
            ),
            3 => write!(
                out,
                "skipif mysql # not compatible\nquery I rowsort\nSELECT ALL {at} / 5\n----\n3\n\n"
            ),
            4 => write!(
                out,
                "query III nosort\nSELECT A, B, C FROM T1 WHERE D > {at} ORDER BY 1, 2\n----\n30 values hashing to 3c13dee48d9356ae19af2515e05e6b54\n\n"
            ),
            5 => write!(out, "query II nosort\nSELECT A, B FROM T1\n----\n{at}\n2\n3\nNULL\n\n"),
            6 => write!(out, "statement error\nUPDATE T1 SET A = {at}\n\n"),
            _ => write!(out, "query TI rowsort\nSELECT NAME, ID FROM T2\n----\na {at}\nb 2\n\n"),
        };
    }
    out
}
