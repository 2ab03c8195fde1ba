//! `snowgauge run --pin`: what was seen is written beside the suites.

use super::{CliError, execute::println_quietly, report::cannot_write};
use crate::{
    run::{RunSummary, compare::counted},
    suite::{
        Release, Suite,
        pins::{self, Pin},
        span::Span,
    },
};
use chrono::NaiveDate;
use std::{fs, io};

/// Where and when the run was, as its pins say it.
pub struct SeenAt {
    /// The kind of target whose answers they are.
    pub target: &'static str,
    pub date: NaiveDate,
}

/// Writes what the run saw of each suite. Pins of other releases and targets, and of cases that
/// were not run, stay as they are.
pub fn pin(suites: &[Suite], summary: &RunSummary, seen_at: &SeenAt) -> Result<(), CliError> {
    let Some(release) = summary.release else {
        return Err(CliError::new("nothing is pinned: the target's release is not known")
            .hint("`--release` gives it; a run with interactive cases finds it out"));
    };
    let region = summary.facts.iter().find(|(name, _)| name == "region").map(|it| it.1.clone());
    let mut is_any = false;
    for suite in suites {
        let (pins, change) = renewed(suite, summary, release, region.as_deref(), seen_at);
        let Some(change) = change else { continue };
        is_any = true;
        let path = pins::path(&suite.path);
        let written = match pins.is_empty() {
            true => fs::remove_file(&path),
            false => fs::write(&path, pins::print(&pins)),
        };
        match written {
            Err(err) if pins.is_empty() && err.kind() == io::ErrorKind::NotFound => {}
            Err(err) => return Err(cannot_write(&path, &err)),
            Ok(()) => {}
        }
        println_quietly(&format!("pinned: {}: {change}", path.display()));
    }
    if !is_any {
        println_quietly("pinned: nothing new");
    }
    Ok(())
}

/// The suite's pins after the run, and what is new about them if anything is. A pin whose answer
/// was seen again stays as it is, its date as well.
fn renewed(
    suite: &Suite,
    summary: &RunSummary,
    release: Release,
    region: Option<&str>,
    seen_at: &SeenAt,
) -> (Vec<Pin>, Option<String>) {
    let mut pins = suite.pins.clone();
    let (mut added, mut changed, mut removed) = (0, 0, 0);
    for report in summary.cases.iter().filter(|it| it.case.suite == suite.name) {
        for sighting in &report.sightings {
            let key = (report.case.name.as_str(), sighting.step, seen_at.target, release);
            let at = pins.iter().position(|it| it.key() == key);
            match (&sighting.seen, at) {
                (None, None) => {}
                (None, Some(at)) => {
                    pins.remove(at);
                    removed += 1;
                }
                (Some(seen), Some(at)) if pins[at].seen == *seen => {}
                (Some(seen), at) => {
                    let pin = Pin {
                        case: report.case.name.clone(),
                        step: sighting.step,
                        release,
                        target: seen_at.target.to_owned(),
                        region: region.map(str::to_owned),
                        date: seen_at.date,
                        seen: seen.clone(),
                        span: Span::nowhere(),
                    };
                    match at {
                        None => {
                            added += 1;
                            pins.push(pin);
                        }
                        Some(at) => {
                            changed += 1;
                            pins[at] = pin;
                        }
                    }
                }
            }
        }
    }
    let parts = [(added, "added"), (changed, "changed"), (removed, "removed")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{} {word}", counted(*count, "pin")))
        .collect();
    let change = (!parts.is_empty()).then(|| parts.join(", "));
    (pins, change)
}
