//! What the data timestamps of tables have to do with each other, in as much as a suite asks.

use super::schedule::TICK;
use chrono::{DateTime, Utc};
use std::{collections::BTreeMap, time::Duration};

/// Exports round instants to seconds, so that a distance may be one off.
const SLACK: i64 = 1;

/// Data timestamps in seconds, each once, in order.
fn seconds(instants: &[DateTime<Utc>]) -> Vec<i64> {
    let mut seconds: Vec<i64> =
        instants.iter().map(|it| (it.timestamp_millis() + 500).div_euclid(1000)).collect();
    seconds.sort_unstable();
    seconds.dedup();
    seconds
}

fn is_multiple(distance: i64, of: i64) -> bool {
    let rest = distance.rem_euclid(of);
    rest <= SLACK || of - rest <= SLACK
}

/// What is wrong with data timestamps of which most should be `period` apart, and all a multiple
/// of 48 seconds.
pub fn check_period(instants: &[DateTime<Utc>], period: Duration) -> Result<(), String> {
    let seconds = seconds(instants);
    let distances: Vec<i64> = seconds.windows(2).map(|it| it[1] - it[0]).collect();
    if distances.is_empty() {
        let found = seconds.len();
        return Err(format!("no period can be told from {found} data timestamps"));
    }
    if let Some(off) = distances.iter().find(|it| !is_multiple(**it, TICK)) {
        return Err(format!("two data timestamps are {off} s apart, no multiple of {TICK} s"));
    }
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for it in &distances {
        *counts.entry((it + TICK / 2) / TICK * TICK).or_default() += 1;
    }
    let mode = counts.iter().max_by_key(|(_, count)| **count).map_or(0, |(it, _)| *it);
    match u64::try_from(mode).is_ok_and(|it| it == period.as_secs()) {
        true => Ok(()),
        false => {
            Err(format!("most data timestamps are {mode} s apart, expected {} s", period.as_secs()))
        }
    }
}

/// What is wrong with the data timestamps of two tables that should have one phase.
pub fn check_phase(one: &[DateTime<Utc>], other: &[DateTime<Utc>]) -> Result<(), String> {
    let (one, other) = (seconds(one), seconds(other));
    for a in &one {
        if let Some(b) = other.iter().find(|b| !is_multiple(a - **b, TICK)) {
            let (a, b) = (a.rem_euclid(TICK), b.rem_euclid(TICK));
            return Err(format!("the phases differ: {a} s and {b} s after multiples of {TICK} s"));
        }
    }
    match one.is_empty() || other.is_empty() {
        true => Err("no phase can be told without data timestamps".to_owned()),
        false => Ok(()),
    }
}

/// What is wrong with data timestamps that should all be among those of another table.
pub fn check_ticks(own: &[DateTime<Utc>], of: &[DateTime<Utc>]) -> Result<(), String> {
    let missing: Vec<String> = own
        .iter()
        .filter(|it| !of.contains(it))
        .map(|it| it.format("%H:%M:%S%.3f").to_string())
        .collect();
    match (own.is_empty(), missing.is_empty()) {
        (true, _) => Err("there is no data timestamp that the other table could have".to_owned()),
        (_, true) => Ok(()),
        _ => Err(format!("the other table has not got the data timestamp {}", missing.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: &[i64]) -> Vec<DateTime<Utc>> {
        seconds.iter().filter_map(|it| DateTime::from_timestamp(33 + it, 0)).collect()
    }

    #[test]
    fn periods_are_told_from_most_distances() {
        #[track_caller]
        fn check(seconds: &[i64], period: u64, expected: Result<(), &str>) {
            let found = check_period(&at(seconds), Duration::from_secs(period));
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check(&[0, 48, 96, 144], 48, Ok(()));
        check(&[0, 47, 96, 192, 239], 48, Ok(()));
        check(&[0, 96, 192], 48, Err("most data timestamps are 96 s apart, expected 48 s"));
        check(&[0, 48, 108], 48, Err("two data timestamps are 60 s apart, no multiple of 48 s"));
        check(&[0], 48, Err("no period can be told from 1 data timestamps"));
    }

    #[test]
    fn phases_and_common_ticks() {
        assert_eq!(check_phase(&at(&[0, 48]), &at(&[384, 1])), Ok(()));
        assert!(check_phase(&at(&[0, 48]), &at(&[24])).is_err());
        assert!(check_phase(&at(&[0]), &[]).is_err());
        assert_eq!(check_ticks(&at(&[0, 96]), &at(&[0, 48, 96])), Ok(()));
        assert_eq!(
            check_ticks(&at(&[0, 97]), &at(&[0, 48, 96])),
            Err("the other table has not got the data timestamp 00:02:10.000".to_owned())
        );
        assert!(check_ticks(&[], &at(&[0])).is_err());
    }
}
