//! What is not as it was in an earlier table.
//!
//! A region that was not reached says nothing: its cells keep what was last known of them, and a
//! later table is held against that, however many nights lie between.

use super::table::{Cell, Column, Last, Table};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The earlier table, and what has changed since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Since {
    pub file: String,
    pub at: DateTime<Utc>,
    pub differences: Vec<Difference>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    pub region: String,
    /// What has changed: a feature's outcome, or a fact of the region.
    pub what: String,
    /// The feature's key, where it is one.
    pub feature: Option<String>,
    pub before: String,
    pub after: String,
    /// When `before` was seen.
    pub seen_at: DateTime<Utc>,
}

/// Where a table has nothing.
const ABSENT: &str = "not there";

/// Holds a table against an earlier one, and takes over what is known of cells that were not run.
pub fn since(table: &mut Table, earlier: &Table, file: String) {
    remember(table, earlier);
    let mut differences = Vec::new();
    for column in &table.regions {
        match earlier.regions.iter().find(|it| it.label == column.label) {
            Some(before) => of_region(column, before, &mut differences),
            None => differences.push(region(column, "region", ABSENT, "new", earlier.started_at)),
        }
    }
    for gone in &earlier.regions {
        if !table.regions.iter().any(|it| it.label == gone.label) {
            differences.push(region(gone, "region", "there", ABSENT, earlier.started_at));
        }
    }
    of_features(table, earlier, &mut differences);
    table.since = Some(Since { file, at: earlier.started_at, differences });
}

/// Cells that were not run know what they came to before.
fn remember(table: &mut Table, earlier: &Table) {
    for feature in &mut table.features {
        let Some(before) = earlier.features.iter().find(|it| it.key == feature.key) else {
            continue;
        };
        for (label, cell) in feature.cells.iter_mut().filter(|(_, it)| was_not_run(it)) {
            cell.last = before.cells.get(label).and_then(known);
        }
    }
}

fn was_not_run(cell: &Cell) -> bool {
    cell.outcome == "not run"
}

/// What is known of a cell: what it came to, or what it did when it was last run.
fn known(cell: &Cell) -> Option<Last> {
    match was_not_run(cell) {
        true => cell.last.clone(),
        false => Some(Last {
            outcome: cell.outcome.clone(),
            release: cell.release,
            server_version: cell.server_version.clone(),
            at: cell.at,
        }),
    }
}

fn region(
    column: &Column,
    what: &str,
    before: &str,
    after: &str,
    seen_at: DateTime<Utc>,
) -> Difference {
    Difference {
        region: column.label.clone(),
        what: what.to_owned(),
        feature: None,
        before: before.to_owned(),
        after: after.to_owned(),
        seen_at,
    }
}

fn of_region(now: &Column, before: &Column, differences: &mut Vec<Difference>) {
    let state = |it: &Column| match &it.cut_short {
        Some(cause) => format!("cut short: {cause}"),
        None => "run".to_owned(),
    };
    if now.cut_short.is_some() != before.cut_short.is_some() {
        differences.push(region(now, "run", &state(before), &state(now), before.at));
    }
    let release = |it: &Column| it.release.map(|it| it.to_string());
    let facts = [
        ("release", release(before), release(now)),
        ("server version", before.server_version.clone(), now.server_version.clone()),
        ("account's region", before.region.clone(), now.region.clone()),
        ("availability", availability(before), availability(now)),
    ];
    for (what, before_it, now_it) in facts {
        // What one of them does not know has not changed.
        if let (Some(before_it), Some(now_it)) = (before_it, now_it)
            && before_it != now_it
        {
            differences.push(region(now, what, &before_it, &now_it, before.at));
        }
    }
}

fn availability(column: &Column) -> Option<String> {
    use super::availability::Agreement;
    let agreement = column.availability.agreement;
    (agreement != Agreement::Unknown)
        .then(|| format!("{}, {}", column.availability.seen.word(), agreement.word()))
}

fn of_features(table: &Table, earlier: &Table, differences: &mut Vec<Difference>) {
    for feature in &table.features {
        let before = earlier.features.iter().find(|it| it.key == feature.key);
        for column in &table.regions {
            // Of a region that is new, everything is.
            let Some(old) = earlier.regions.iter().find(|it| it.label == column.label) else {
                continue;
            };
            let Some(cell) = feature.cells.get(&column.label) else { continue };
            if was_not_run(cell) {
                continue;
            }
            let before = before.and_then(|it| it.cells.get(&column.label)).map(known);
            let (before, seen_at) = match before {
                Some(Some(it)) => (it.outcome, it.at),
                // It was planned then, and never run.
                Some(None) => continue,
                None => (ABSENT.to_owned(), old.at),
            };
            if before != cell.outcome {
                differences.push(Difference {
                    region: column.label.clone(),
                    what: feature.title(),
                    feature: Some(feature.key.clone()),
                    before,
                    after: cell.outcome.clone(),
                    seen_at,
                });
            }
        }
    }
    for gone in &earlier.features {
        for (label, cell) in &gone.cells {
            let is_there =
                table.features.iter().any(|it| it.key == gone.key && it.cells.contains_key(label));
            let has_region = table.regions.iter().any(|it| it.label == *label);
            if has_region && !is_there {
                differences.push(Difference {
                    region: label.clone(),
                    what: gone.title(),
                    feature: Some(gone.key.clone()),
                    before: cell.outcome.clone(),
                    after: ABSENT.to_owned(),
                    seen_at: cell.at,
                });
            }
        }
    }
}
