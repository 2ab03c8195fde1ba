//! Loads as interval logs of HdrHistogram, which its own tools read: one file for each role, one line
//! for each second and query and one for each second, in microseconds.

use crate::{
    load::{Histo, Measured, RoleMeasured},
    run::{CaseKey, RunSummary},
};
use chrono::{DateTime, Utc};
use hdrhistogram::Histogram;
use std::{collections::BTreeMap, fmt::Write, fs, io, path::Path};

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
/// Lines without a tag are the mix as a whole: HistogramLogProcessor reads those unless it is given a
/// tag, and cannot do without.
fn log(measured: &Measured, role: &RoleMeasured) -> String {
    let began = measured.began;
    let mut out = String::new();
    out += "#[Histogram log format version 1.3]\n";
    let _ = writeln!(out, "#[{} on {}, in microseconds]", measured.workload, role.role);
    if let Some(simulated) = &measured.simulated {
        let _ = writeln!(out, "#[simulated: {simulated}]");
    }
    let _ = writeln!(out, "#[StartTime: {} (seconds since epoch), {began}]", seconds(began));
    out += "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";
    // Readers take time to go on.
    let mut whole: BTreeMap<u32, Histogram<u64>> = BTreeMap::new();
    let mut tagged: BTreeMap<u32, String> = BTreeMap::new();
    for query in &role.queries {
        for second in &query.seconds {
            // A second that cannot be read is missing here, as it is in other reports.
            let Ok(histogram) = second.from_due.histogram() else { continue };
            if histogram.is_empty() {
                continue;
            }
            let tag = format!("Tag={},", query.name);
            let line = line(&tag, second.second, &histogram, &second.from_due);
            *tagged.entry(second.second).or_default() += &line;
            let whole = whole.entry(second.second).or_insert_with(Histo::empty);
            if !query.control {
                // All of them have the same bounds.
                let _ = whole.add(&histogram);
            }
        }
    }
    for (second, histogram) in whole {
        if let Some(text) = Histo::of(&histogram).ok().filter(|it| !it.is_empty()) {
            out += &line("", second, &histogram, &text);
        }
        out += tagged.get(&second).map_or("", String::as_str);
    }
    out
}

fn line(tag: &str, second: u32, histogram: &Histogram<u64>, Histo(text): &Histo) -> String {
    let max_ms = histogram.max() as f64 / 1000.0;
    format!("{tag}{second}.000,1.000,{max_ms:.3},{text}\n")
}

fn seconds(at: DateTime<Utc>) -> String {
    format!("{}.{:03}", at.timestamp(), at.timestamp_subsec_millis())
}
