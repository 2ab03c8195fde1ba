//! The table as JUnit XML: a test suite for each region, with the cases of its run.

use super::table::Table;
use crate::{report::junit, run::RunSummary};
use quick_junit::Report;
use std::{io, time::Duration};

/// `runs` are those of the table's columns, in their order.
pub fn render(table: &Table, runs: &[&RunSummary]) -> io::Result<String> {
    let mut report = Report::new("snowgauge regions");
    report.set_timestamp(table.started_at);
    report.set_time(Duration::from_micros(table.took_us));
    for (column, summary) in table.regions.iter().zip(runs) {
        let facts = [
            ("region_label", Some(column.label.as_str())),
            ("connection", Some(column.connection.as_str())),
            ("release", column.release.map(|it| it.name())),
            ("availability", Some(column.availability.agreement.word())),
        ];
        let facts: Vec<_> = facts.into_iter().filter_map(|(name, it)| Some((name, it?))).collect();
        report.add_test_suite(junit::region(&column.label, &facts, summary));
    }
    report.to_string().map_err(io::Error::other)
}
