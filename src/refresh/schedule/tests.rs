use super::*;
use crate::refresh::schedule::history::State;
use std::path::Path;

const SAMPLE: &str = include_str!("../../../tests/data/refresh_history.csv");
const LIVE: &str = "SHOP.PUBLIC.ORDERS_LIVE";

fn sample() -> History {
    History::of_csv(&[(Path::new("h.csv"), SAMPLE)]).unwrap()
}

/// The sample with something changed, and every check that is violated then.
#[track_caller]
fn check_changed(change: impl FnOnce(&mut History), expected: &[Check]) -> Report {
    let mut history = sample();
    change(&mut history);
    let report = check(&history, &Options::default());
    let mut found: Vec<Check> =
        report.tables.iter().flat_map(|it| &it.violations).map(|it| it.check).collect();
    found.sort();
    found.dedup();
    assert_eq!(found, expected, "{:#?}", report.tables);
    report
}

/// The scheduled refreshes of the table with a lag of a minute.
fn live(history: &mut History) -> Vec<&mut Refresh> {
    let is_live = |it: &&mut Refresh| {
        it.table == LIVE && it.trigger == Some(Trigger::Scheduled) && it.state != State::Skipped
    };
    history.refreshes.iter_mut().filter(is_live).collect()
}

/// For changes that would make them wrong as well.
fn without_targets(history: &mut History) {
    for row in &mut history.refreshes {
        row.completion_target = None;
    }
}

#[test]
fn a_history_like_a_live_one_has_nothing_wrong() {
    let report = check_changed(|_| {}, &[]);
    assert_eq!(report.answer, Answer::Holds);
    assert_eq!(report.missing, Vec::<&str>::new());
    let live = report.tables.iter().find(|it| it.table == LIVE).unwrap();
    assert_eq!(live.gaps[0], Gap { seconds: 48, count: 128 });
    assert_eq!((live.period, live.phase), (Some(48), Some(33.0)));
    assert!(live.unsure.is_empty());
}

#[test]
fn a_row_that_was_moved_is_told_with_its_place() {
    let report = check_changed(
        |it| {
            let row = &mut live(it)[50];
            row.data_timestamp += 7 * SECOND;
            row.completion_target = None;
        },
        // The table that reads it, and the target of the row after it, miss the timestamp, too.
        &[Check::Grid, Check::Upstream, Check::CompletionTarget],
    );
    let all: Vec<&Violation> = report.tables.iter().flat_map(|it| &it.violations).collect();
    let grid = all.iter().find(|it| it.check == Check::Grid).unwrap();
    assert!(grid.message.contains("+7.000 s off the grid of 48 s"), "{}", grid.message);
    assert_eq!(grid.rows.len(), 1);
    let line = grid.rows[0].line;
    let text = SAMPLE.lines().nth(line - 1).unwrap();
    assert!(text.starts_with("ORDERS_LIVE,") && text.contains(",SCHEDULED,"), "{text}");
}

#[test]
fn a_row_by_hand_is_off_the_grid_and_a_row_of_unknown_trigger_may_be() {
    let moved = |trigger| {
        move |it: &mut History| {
            // One that the downstream table does not read.
            let row = &mut live(it)[51];
            row.data_timestamp += 7 * SECOND;
            row.trigger = trigger;
            without_targets(it);
        }
    };
    check_changed(moved(Some(Trigger::Manual)), &[]);
    let report = check_changed(moved(None), &[]);
    assert_eq!(report.answer, Answer::CannotTell);
    check_changed(moved(Some(Trigger::Scheduled)), &[Check::Grid]);
}

#[test]
fn rounding_to_seconds_is_no_violation() {
    let report = check_changed(
        |it| {
            for (at, row) in it.refreshes.iter_mut().enumerate() {
                row.data_timestamp += [SECOND / 2, -SECOND / 2, 0][at % 3];
            }
        },
        &[],
    );
    assert_eq!(report.answer, Answer::Holds);
}

#[test]
fn an_overlap_is_told() {
    check_changed(
        |it| {
            let mut live = live(it);
            live[30].ended_at = live[31].started_at.map(|it| it + 1);
        },
        &[Check::Overlap],
    );
    // Ends that only seem to overlap since they were rounded.
    check_changed(
        |it| {
            for row in &mut it.refreshes {
                row.started_at = row.started_at.map(|it| it / SECOND * SECOND);
                row.ended_at = row.ended_at.map(|it| it / SECOND * SECOND);
            }
            let mut live = live(it);
            live[30].ended_at = live[31].started_at.map(|it| it + SECOND);
        },
        &[],
    );
}

#[test]
fn a_table_of_another_phase_is_told() {
    let report = check_changed(
        |it| {
            let hourly = |it: &&mut Refresh| it.table.ends_with("HOURLY");
            for row in it.refreshes.iter_mut().filter(hourly) {
                row.data_timestamp += 10 * SECOND;
                row.started_at = row.started_at.map(|it| it + 10 * SECOND);
                row.ended_at = row.ended_at.map(|it| it + 10 * SECOND);
                row.completion_target = row.completion_target.map(|it| it + 10 * SECOND);
            }
        },
        &[Check::SharedPhase],
    );
    let violated: Vec<&str> = report
        .tables
        .iter()
        .filter(|it| !it.violations.is_empty())
        .map(|it| it.table.as_str())
        .collect();
    assert_eq!(violated, ["SHOP.PUBLIC.ORDERS_HOURLY"]);
}

#[test]
fn a_period_that_is_not_the_lags_is_told() {
    // A lag that was doubled is refreshed every other tick.
    check_changed(
        |it| {
            for row in &mut it.refreshes {
                if row.table == LIVE {
                    row.target_lag = Some(120.0);
                }
            }
            without_targets(it);
        },
        &[Check::Period, Check::Grid],
    );
    check_changed(
        |it| {
            it.refreshes.retain(|it| it.table.ends_with("REPORT"));
            for row in &mut it.refreshes {
                row.target_lag = Some(60.0);
            }
            without_targets(it);
        },
        &[Check::Period],
    );
}

#[test]
fn after_an_overrun_the_next_tick_is_on_a_coarser_grid() {
    // Right after a refresh of 58 s or more, as if what was missed had been queued.
    check_changed(
        |it| {
            let mut live = live(it);
            let at = live.iter().position(|it| took(it) > 100 * SECOND).unwrap();
            live[at].data_timestamp = live[at + 1].data_timestamp - 48 * SECOND;
            it.refreshes.retain(|it| !it.table.ends_with("REPORT"));
            without_targets(it);
        },
        &[Check::Snap],
    );
    // Odd multiples of 48 s again and again, on ticks of no coarser grid.
    check_changed(
        |it| {
            let first = it.refreshes.iter().find(|it| it.state == State::Succeeded).unwrap();
            let first = Refresh { trigger: Some(Trigger::Scheduled), ..first.clone() };
            let mut at = 33 * SECOND;
            let rows = (0..40).map(|number| {
                let row = Refresh {
                    table: LIVE.to_owned(),
                    data_timestamp: at,
                    started_at: Some(at),
                    ended_at: Some(at + 100 * SECOND),
                    target_lag: Some(60.0),
                    ..first.clone()
                };
                at += if number % 2 == 0 { 5 } else { 7 } * 48 * SECOND;
                row
            });
            it.refreshes = rows.collect();
        },
        &[Check::Snap],
    );
}

fn took(row: &Refresh) -> i64 {
    row.ended_at.unwrap_or_default() - row.started_at.unwrap_or_default()
}

#[test]
fn what_was_skipped_did_not_begin() {
    check_changed(
        |it| {
            let skipped = it.refreshes.iter_mut().find(|it| it.state == State::Skipped).unwrap();
            skipped.started_at = Some(skipped.data_timestamp);
        },
        &[Check::Skipped],
    );
}

#[test]
fn a_data_timestamp_that_goes_back_is_told() {
    check_changed(
        |it| {
            let mut live = live(it);
            let (earlier, later) = (live[40].data_timestamp, live[41].data_timestamp);
            (live[40].data_timestamp, live[41].data_timestamp) = (later, earlier);
            without_targets(it);
        },
        &[Check::GoingBack],
    );
}

#[test]
fn a_completion_target_is_the_previous_data_timestamp_and_the_lag() {
    check_changed(
        |it| {
            let target = &mut live(it)[70].completion_target;
            *target = target.map(|it| it + 48 * SECOND);
        },
        &[Check::CompletionTarget],
    );
}

#[test]
fn five_failures_suspend() {
    let failing = |count: usize| {
        move |it: &mut History| {
            it.refreshes.retain(|it| it.table == LIVE);
            let mut live = live(it);
            for row in &mut live[70..70 + count] {
                row.state = State::Failed;
            }
            without_targets(it);
        }
    };
    check_changed(failing(4), &[]);
    let report = check_changed(failing(5), &[Check::Suspension]);
    assert_eq!(report.tables[0].violations[0].rows.len(), 6);
    // A table that goes on much later was resumed.
    check_changed(
        |it| {
            failing(5)(it);
            let from = live(it)[75].data_timestamp;
            for row in it.refreshes.iter_mut().filter(|it| it.data_timestamp >= from) {
                row.data_timestamp += 4800 * SECOND;
                row.started_at = row.started_at.map(|it| it + 4800 * SECOND);
                row.ended_at = row.ended_at.map(|it| it + 4800 * SECOND);
            }
        },
        &[],
    );
}

#[test]
fn a_downstream_timestamp_is_an_upstream_one() {
    let forget = |it: &mut History| {
        let report = |it: &&Refresh| it.table.ends_with("REPORT");
        let at = it.refreshes.iter().filter(report).nth(9).unwrap().data_timestamp;
        it.refreshes.retain(|it| it.table != LIVE || it.data_timestamp != at);
        without_targets(it);
    };
    check_changed(forget, &[Check::Upstream]);
    let without = |it: &mut History| {
        forget(it);
        for row in &mut it.refreshes {
            row.dependency = None;
        }
    };
    check_changed(without, &[]);
    let mut history = sample();
    without(&mut history);
    let reads = vec![("orders_report".to_owned(), "ORDERS_LIVE".to_owned())];
    let report = check(&history, &Options { reads, ..Options::default() });
    assert_eq!(report.answer, Answer::Violated);
}

#[test]
fn too_few_rows_are_not_judged() {
    let report = check_changed(
        |it| {
            it.refreshes.retain(|it| it.table == LIVE && it.trigger == Some(Trigger::Scheduled));
            it.refreshes.truncate(REFRESHES_MIN - 1);
        },
        &[],
    );
    assert_eq!(report.answer, Answer::CannotTell);
    assert_eq!(check(&History::default(), &Options::default()).answer, Answer::CannotTell);
}

#[test]
fn the_period_is_the_largest_power_within_the_lag() {
    for (lag, expected) in [
        (60.0, 48),
        (95.0, 48),
        (96.0, 96),
        (120.0, 96),
        (600.0, 384),
        (3600.0, 3072),
        (86_400.0, 49_152),
        (1.0, 48),
    ] {
        assert_eq!(period(lag), expected, "{lag}");
    }
    assert!(period(f64::INFINITY) > 0);
}

/// A saw of two teeth: seen at 10 with lag 10, at 60 with 60 before and 12 after, at 108.
#[test]
fn lag_is_computed_from_the_rows_and_compared() {
    let row = |data_timestamp: i64, ended_at: i64| Refresh {
        table: "T".to_owned(),
        data_timestamp: data_timestamp * SECOND,
        started_at: Some(data_timestamp * SECOND),
        ended_at: Some(ended_at * SECOND),
        target_lag: Some(50.0),
        completion_target: None,
        dependency: None,
        ..sample().refreshes[0].clone()
    };
    let mut history =
        History { refreshes: vec![row(0, 10), row(48, 60), row(96, 108)], ..History::default() };
    let lag = check(&history, &Options::default()).tables[0].lag.unwrap();
    assert_eq!((lag.count, lag.p50, lag.p95, lag.max), (2, 60.0, 60.0, 60.0));
    // 50 s from 10 to 60, and 48 s from 12 to 60.
    assert!((lag.mean - (50.0 * 35.0 + 48.0 * 36.0) / 98.0).abs() < 1e-9, "{lag:?}");
    assert_eq!(lag.time_above, Some(20.0));
    assert!((lag.ratio_within.unwrap() - 78.0 / 98.0).abs() < 1e-9);
    let figures = crate::refresh::schedule::history::Figures {
        place: Place { file: "t.csv".to_owned(), line: 2 },
        table: "T".to_owned(),
        target_lag: Some(50.0),
        mean: Some(35.0),
        maximum: Some(60.0),
        time_above: Some(21.0),
        ratio_within: Some(0.8),
    };
    history.figures = vec![figures.clone()];
    assert!(check(&history, &Options::default()).tables[0].violations.is_empty());
    history.figures =
        vec![crate::refresh::schedule::history::Figures { maximum: Some(90.0), ..figures }];
    let found = check(&history, &Options::default()).tables[0].violations.clone();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].message, "MAXIMUM_LAG_SEC is 90, where the rows make it 60.000");
}
