//! A refresh history against what a suite expects of it.

use super::{
    history::{self, Refresh},
    schedule::{self, Answer},
    ticks,
};
use crate::suite::refresh::{ExpectedRefreshes, Range, RefreshPattern};
use chrono::{DateTime, Utc};
use std::{collections::BTreeMap, time::Duration};

/// The data timestamps of refreshes that succeeded.
pub fn data_timestamps(refreshes: &[Refresh]) -> Vec<DateTime<Utc>> {
    let succeeded = refreshes.iter().filter(|it| it.has_succeeded());
    succeeded.filter_map(|it| it.data_timestamp).collect()
}

/// `1 INCREMENTAL, 3 NO_DATA`
pub fn actions_of(refreshes: &[Refresh]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for it in refreshes {
        let word = it.action.as_deref().filter(|_| it.has_succeeded()).unwrap_or(&it.state);
        *counts.entry(word).or_default() += 1;
    }
    let counts: Vec<String> =
        counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    counts.join(", ")
}

/// Data timestamps of tables that this one is compared with.
#[derive(Clone, Debug, Default)]
pub struct Others {
    pub phase_of: Option<Vec<DateTime<Utc>>>,
    pub ticks_of: Option<Vec<DateTime<Utc>>>,
    /// The table's own lag, where the whole schedule is looked at.
    pub lag: Option<Duration>,
}

/// What of a history is not as expected, in one line. `ended` is in the order of data timestamps.
pub fn judge(
    expected: &ExpectedRefreshes,
    ended: &[Refresh],
    others: &Others,
) -> Result<(), String> {
    if let Some(contradiction) = history::contradictions(ended).into_iter().next() {
        return Err(contradiction);
    }
    if let Some(range) = expected.count
        && !is_in(range, ended.len() as u64)
    {
        return Err(format!("{} refreshes have ended since the case began", ended.len()));
    }
    let nothing = || "no refresh has ended since the case began".to_owned();
    if let Some(pattern) = &expected.every {
        if ended.is_empty() {
            return Err(nothing());
        }
        if let Some(other) = ended.iter().find(|it| !matches(pattern, it)) {
            return Err(format!("a refresh is not {pattern}: {}", other.in_words()));
        }
    }
    for pattern in &expected.some {
        if !ended.iter().any(|it| matches(pattern, it)) {
            return Err(format!("no refresh is {pattern}"));
        }
    }
    if let Some(pattern) = &expected.none
        && let Some(it) = ended.iter().find(|it| matches(pattern, it))
    {
        return Err(format!("a refresh is {pattern}: {}", it.in_words()));
    }
    if let Some(pattern) = &expected.last {
        let last = ended.last().ok_or_else(nothing)?;
        if !matches(pattern, last) {
            return Err(format!("the last refresh is not {pattern}: {}", last.in_words()));
        }
    }
    let Some(schedule) = &expected.schedule else { return Ok(()) };
    let own = data_timestamps(ended);
    if let Some(period) = schedule.period {
        ticks::check_period(&own, period)?;
    }
    if let Some(other) = &others.phase_of {
        ticks::check_phase(&own, other)?;
    }
    if let Some(other) = &others.ticks_of {
        ticks::check_ticks(&own, other)?;
    }
    match schedule.sound {
        true => check_schedule(ended, others.lag),
        false => Ok(()),
    }
}

/// The first thing that no scheduler can have done, or that nobody can tell.
fn check_schedule(ended: &[Refresh], lag: Option<Duration>) -> Result<(), String> {
    let refreshes = ended.iter().enumerate().filter_map(|(at, it)| scheduled(at + 1, it)).collect();
    let history = schedule::history::History { refreshes, ..Default::default() };
    let target_lag = lag.map(|it| it.as_secs_f64());
    let report = schedule::check(&history, &schedule::Options { target_lag, reads: Vec::new() });
    let tables = || report.tables.iter();
    if let Some(it) = tables().flat_map(|it| &it.violations).next() {
        return Err(format!("{}: {}", it.check, it.message));
    }
    match (report.answer, tables().flat_map(|it| &it.unsure).next()) {
        (Answer::Holds, _) => Ok(()),
        (_, Some(it)) => Err(format!("{} cannot be told: {}", it.check, it.why)),
        (_, None) => Err("no schedule can be told without scheduled refreshes".to_owned()),
    }
}

/// A row as the checker of schedules knows it, unless it tells too little.
fn scheduled(line: usize, it: &Refresh) -> Option<schedule::history::Refresh> {
    let micros = |at: Option<DateTime<Utc>>| at.map(|it| it.timestamp_micros());
    Some(schedule::history::Refresh {
        place: schedule::history::Place { file: "refresh history".to_owned(), line },
        table: String::new(),
        state: schedule::history::State::read(&it.state)?,
        trigger: it.trigger.as_deref().and_then(schedule::history::Trigger::read),
        data_timestamp: micros(it.data_timestamp)?,
        started_at: micros(it.started_at),
        ended_at: micros(it.ended_at),
        completion_target: None,
        target_lag: None,
        dependency: None,
        query_id: it.query_id.clone(),
    })
}

fn is_in((least, most): Range, count: u64) -> bool {
    least <= count && most.is_none_or(|most| count <= most)
}

fn matches(pattern: &RefreshPattern, refresh: &Refresh) -> bool {
    let is_one_of = |words: &[String], found: Option<&str>| {
        words.is_empty() || found.is_some_and(|found| words.iter().any(|it| it == found))
    };
    let has = |part: &Option<String>, found: &Option<String>| {
        part.as_ref().is_none_or(|part| {
            let found = found.as_deref().unwrap_or_default().to_lowercase();
            found.contains(&part.to_lowercase())
        })
    };
    let counts = |range: Option<Range>, found: Option<u64>| match range {
        None => true,
        Some(range) => found.is_some_and(|it| is_in(range, it)),
    };
    is_one_of(&pattern.state, Some(&refresh.state))
        && is_one_of(&pattern.action, refresh.action.as_deref())
        && is_one_of(&pattern.trigger, refresh.trigger.as_deref())
        && has(&pattern.code, &refresh.state_code)
        && has(&pattern.message, &refresh.state_message)
        && has(&pattern.reason, &refresh.reinit_reason)
        && counts(pattern.inserted, refresh.inserted_rows)
        && counts(pattern.deleted, refresh.deleted_rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refresh(at: i64, state: &str, action: &str, inserted: u64) -> Refresh {
        let instant = |seconds| DateTime::from_timestamp(1_767_225_600 + seconds, 0);
        Refresh {
            state: state.to_owned(),
            action: Some(action.to_owned()),
            trigger: Some("SCHEDULED".to_owned()),
            data_timestamp: instant(at),
            started_at: instant(at + 1),
            ended_at: instant(at + 2),
            inserted_rows: Some(inserted),
            deleted_rows: Some(0),
            ..Refresh::default()
        }
    }

    fn action(word: &str) -> RefreshPattern {
        RefreshPattern { action: vec![word.to_owned()], ..RefreshPattern::default() }
    }

    #[test]
    fn a_history_is_held_to_patterns() {
        #[track_caller]
        fn check(expected: ExpectedRefreshes, found: Result<(), &str>) {
            let rows =
                [refresh(0, "SUCCEEDED", "INCREMENTAL", 3), refresh(48, "SUCCEEDED", "NO_DATA", 0)];
            let judged = judge(&expected, &rows, &Others::default());
            assert_eq!(judged, found.map_err(str::to_owned));
        }
        let nothing = ExpectedRefreshes::default;
        check(nothing(), Ok(()));
        check(ExpectedRefreshes { count: Some((2, Some(2))), ..nothing() }, Ok(()));
        check(
            ExpectedRefreshes { count: Some((3, None)), ..nothing() },
            Err("2 refreshes have ended since the case began"),
        );
        check(
            ExpectedRefreshes { every: Some(action("NO_DATA")), ..nothing() },
            Err("a refresh is not NO_DATA: SUCCEEDED INCREMENTAL SCHEDULED at 00:00:00.000, 3 \
                 inserted, 0 deleted"),
        );
        let three = RefreshPattern { inserted: Some((3, Some(3))), ..action("INCREMENTAL") };
        check(ExpectedRefreshes { some: vec![three.clone()], ..nothing() }, Ok(()));
        let four = RefreshPattern { inserted: Some((4, None)), ..three };
        check(
            ExpectedRefreshes { some: vec![four], ..nothing() },
            Err("no refresh is INCREMENTAL, 4 or more inserted"),
        );
        check(ExpectedRefreshes { last: Some(action("NO_DATA")), ..nothing() }, Ok(()));
        check(
            ExpectedRefreshes { last: Some(action("INCREMENTAL")), ..nothing() },
            Err("the last refresh is not INCREMENTAL: SUCCEEDED NO_DATA SCHEDULED at \
                 00:00:48.000, 0 inserted, 0 deleted"),
        );
        check(ExpectedRefreshes { none: Some(action("FULL")), ..nothing() }, Ok(()));
        assert!(
            judge(
                &ExpectedRefreshes { none: Some(action("NO_DATA")), ..nothing() },
                &[refresh(0, "SUCCEEDED", "NO_DATA", 0)],
                &Others::default()
            )
            .is_err()
        );
        let every = ExpectedRefreshes { every: Some(action("FULL")), ..nothing() };
        assert!(judge(&every, &[], &Others::default()).is_err());
    }

    #[test]
    fn what_was_done_is_counted() {
        let rows = [
            refresh(0, "SUCCEEDED", "NO_DATA", 0),
            refresh(48, "SKIPPED", "", 0),
            refresh(96, "SUCCEEDED", "NO_DATA", 0),
        ];
        assert_eq!(actions_of(&rows), "2 NO_DATA, 1 SKIPPED");
        assert_eq!(data_timestamps(&rows).len(), 2);
    }
}
