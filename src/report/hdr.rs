//! Loads as interval logs of HdrHistogram, which its own tools read: one file for each role, one line
//! for each query and second, in microseconds.

use crate::{
    load::{Histo, Measured, RoleMeasured},
    run::{CaseKey, RunSummary},
};
use chrono::{DateTime, Utc};
use std::{fmt::Write, fs, io, path::Path};

/// Writes the logs of all loads of a run into a folder, which is made if there is one. How many
/// there are.
pub fn write(folder: &Path, summary: &RunSummary) -> io::Result<usize> {
    let mut count = 0;
    for report in &summary.cases {
        let Some(load) = &report.load else { continue };
        for role in &load.measured.roles {
            fs::create_dir_all(folder)?;
            let path = folder.join(file_name(&report.case, &role.role));
            fs::write(path, log(&load.measured, role))?;
            count += 1;
        }
    }
    Ok(count)
}

/// `latency.production.C-01.interactive.hlog`
fn file_name(case: &CaseKey, role: &str) -> String {
    let name = case.id.as_ref().unwrap_or(&case.name);
    let mut text = String::new();
    for it in format!("{}.{name}.{role}", case.suite.replace("::", ".")).chars() {
        match it.is_alphanumeric() || "._-".contains(it) {
            true => text.push(it),
            false if text.ends_with('-') => {}
            false => text.push('-'),
        }
    }
    text + ".hlog"
}

/// Latencies from due. Queries are tags, which have no comma and no blank, as their names have not.
fn log(measured: &Measured, role: &RoleMeasured) -> String {
    let began = measured.began;
    let mut out = String::new();
    out += "#[Histogram log format version 1.3]\n";
    let _ = writeln!(out, "#[{} on {}, in microseconds]", measured.workload, role.role);
    let _ = writeln!(out, "#[StartTime: {} (seconds since epoch), {began}]", seconds(began));
    out += "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";
    let mut lines: Vec<(u32, String)> = Vec::new();
    for query in &role.queries {
        for second in &query.seconds {
            let Histo(text) = &second.from_due;
            let Ok(histogram) = second.from_due.histogram() else { continue };
            if histogram.is_empty() {
                continue;
            }
            let max_ms = histogram.max() as f64 / 1000.0;
            let line = format!("Tag={},{}.000,1.000,{max_ms:.3},{text}", query.name, second.second);
            lines.push((second.second, line));
        }
    }
    // Readers take time to go on.
    lines.sort_by_key(|(second, _)| *second);
    for (_, line) in lines {
        out += &line;
        out.push('\n');
    }
    out
}

fn seconds(at: DateTime<Utc>) -> String {
    format!("{}.{:03}", at.timestamp(), at.timestamp_subsec_millis())
}
