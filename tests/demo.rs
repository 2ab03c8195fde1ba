//! `snowgauge demo`, as somebody who types it sees it.

#![cfg(feature = "emulator")]

use std::process::{Command, Stdio};

struct Ended {
    status: i32,
    out: String,
    err: String,
}

fn demo(arguments: &[&str]) -> Ended {
    let runs = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_snowgauge"))
        .arg("demo")
        .args(["--runs", &runs.path().to_string_lossy()])
        .args(arguments)
        // No terminal: nothing is asked.
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let status = output.status.code().unwrap();
    Ended { status, out: text(output.stdout), err: text(output.stderr) }
}

/// The words of the line that begins so.
fn row<'a>(out: &'a str, name: &str) -> Vec<&'a str> {
    let line = out.lines().find_map(|it| it.trim_start().strip_prefix(name));
    line.unwrap_or_else(|| panic!("no `{name}`: {out}")).split_whitespace().collect()
}

/// A tenth of the model's times, and few queries. Which of the warehouses is how much faster is the
/// model's to say, and another test's.
#[test]
fn both_warehouses_and_the_pipeline_are_shown() {
    let Ended { status, out, err } = demo(&[
        "--threads",
        "5",
        "--queries",
        "100",
        "--capacity",
        "seed@0.1",
        "--scale",
        "2000",
        "--seed",
        "1",
        "--enable-realtime",
        "--orders",
        "20",
    ]);
    assert_eq!(status, 0, "{out}{err}");
    let model = "(simulated: capacity model seed@0.1)";
    assert!(out.contains(&format!("\nLatency under 5 threads {model}\n")), "{out}");
    assert_eq!(row(&out, "Metric"), ["standard", "interactive", "Improvement", "(95", "%)"]);
    for figure in ["P95", "Median", "Average"] {
        let row = row(&out, figure);
        let [standard, ms, interactive, _, ratio, ref interval @ ..] = row[..] else {
            panic!("{figure}: {row:?}")
        };
        assert_eq!(ms, "ms");
        let number = |it: &str| -> f64 {
            it.trim_matches(['(', ')']).trim_end_matches('x').parse().unwrap()
        };
        let (standard, interactive) = (number(standard), number(interactive));
        assert!(interactive > 0.0);
        // Two digits of each.
        assert!((number(ratio) - standard / interactive).abs() < 0.1, "{figure}: {row:?}");
        match interval {
            [low, "to", high] => {
                assert!(number(low) <= number(ratio) && number(ratio) <= number(high), "{row:?}");
            }
            // A second or two are few.
            _ => assert!(matches!(interval, ["(at", "least", _] | ["(too", ..]), "{row:?}"),
        }
    }
    assert_eq!(row(&out, "Right answers"), ["100", "100"]);
    assert!(out.contains(&format!("\nReal-time pipeline {model}\n")), "{out}");
    for stage in ["Dynamic tables refresh", "Interactive tables refresh"] {
        let ["fresh", "after", seconds, "s"] = row(&out, stage)[..] else { panic!("{out}") };
        let seconds: f64 = seconds.parse().unwrap();
        assert!((0.1..=600.0).contains(&seconds), "{stage}: {seconds}");
    }
    for stage in ["Order generation", "Query latency"] {
        let [_, "ms"] = row(&out, stage)[..] else { panic!("{out}") };
    }
    for report in ["journal: ", "junit: ", "html: ", "histograms: "] {
        assert!(out.contains(report), "{out}");
    }
}

#[test]
fn one_warehouse_is_compared_with_none() {
    let few = ["--threads", "2", "--queries", "20", "--scale", "1000", "--capacity", "seed@0.01"];
    for warehouse in ["standard", "interactive"] {
        let Ended { status, out, err } = demo(&[&few[..], &["--warehouse", warehouse]].concat());
        assert_eq!(status, 0, "{out}{err}");
        assert_eq!(row(&out, "Metric"), [warehouse]);
        assert_eq!(row(&out, "Right answers"), ["20"]);
        assert!(!out.contains("Improvement") && !out.contains("Real-time"), "{out}");
    }
}

#[test]
fn wrong_arguments_are_told_before_anything_is_started() {
    for (arguments, expected) in [
        (&["--threads", "0"][..], "'0' for '--threads <N>': expected a number from 1"),
        (&["--threads", "20000"], "`20000`"),
        (&["--warehouse", "large"], "[possible values: both, standard, interactive]"),
        (&["--queries", "all"], "'all' for '--queries <N>': expected a number from 1"),
        (&["--orders", "5"], "--enable-realtime"),
        (&["--target", "replay"], "a recording has no answers to the demo's queries"),
        (&["--target", "emulator,live"], "the demo is of one target at a time"),
        (&["--capacity", "unknown"], "unknown"),
    ] {
        let Ended { status, out, err } = demo(arguments);
        assert_eq!((status, out.as_str()), (2, ""), "{arguments:?}");
        assert!(err.contains(expected), "{arguments:?}: {err}");
    }
}
