//! How well a table kept its target lag, computed from what its refreshes did.

use super::history::{LagStatistics, RefreshRecord, RefreshState};
use crate::regression::{Regression, regressed};
use chrono::{DateTime, TimeDelta, Utc};

/// How far back the statistics go.
const DAYS: TimeDelta = TimeDelta::days(7);

/// What is known of one table's lag by `now`, from its records in the order that they began.
/// `None` before its first refresh was done.
///
/// The lag grows with time and falls back when a refresh is done, to the age of its data.
pub fn lag_statistics<'a>(
    records: impl IntoIterator<Item = &'a RefreshRecord>,
    target_secs: Option<u64>,
    now: DateTime<Utc>,
) -> Option<LagStatistics> {
    let mut done: Vec<(DateTime<Utc>, DateTime<Utc>)> = records
        .into_iter()
        .filter(|it| it.state == RefreshState::Succeeded)
        .filter_map(|it| Some((it.ended_at?, it.data_timestamp)))
        .filter(|(ended_at, _)| *ended_at <= now && now - *ended_at <= DAYS)
        .collect();
    done.sort_unstable();
    let began = done.first()?.0;

    let target = target_secs.and_then(|it| i64::try_from(it).ok()).map(TimeDelta::seconds);
    let mut area = 0.0;
    let mut maximum = TimeDelta::zero();
    let mut above = TimeDelta::zero();
    let ends = done.iter().skip(1).map(|(ended_at, _)| *ended_at).chain([now]);
    for ((from, data_timestamp), to) in done.iter().zip(ends) {
        let (least, most) = (*from - *data_timestamp, to - *data_timestamp);
        area += seconds(to - *from) * (seconds(least) + seconds(most)) / 2.0;
        maximum = maximum.max(most);
        if let Some(target) = target {
            above += (most - target.max(least)).max(TimeDelta::zero());
        }
    }
    let total = now - began;
    let is_empty = total <= TimeDelta::zero();
    let mean = match is_empty {
        true => seconds(maximum),
        false => area / seconds(total),
    };
    let within = |_| match is_empty {
        _ if regressed(Regression::RatioInPercent) => 100.0,
        true => 1.0,
        false => 1.0 - seconds(above) / seconds(total),
    };
    Some(LagStatistics {
        mean,
        maximum: seconds(maximum),
        above_target: target.map(|_| seconds(above)),
        within_target_ratio: target.map(within),
    })
}

fn seconds(it: TimeDelta) -> f64 {
    it.num_microseconds().map_or(f64::MAX, |it| it as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        refresh::{declared::TargetLag, history::RefreshTrigger},
        store::{catalog::QualifiedName, table::TableId, testing::at},
    };

    fn record(state: RefreshState, data_timestamp: i64, ended_at: i64) -> RefreshRecord {
        let name = QualifiedName {
            database: "DB".to_owned(),
            schema: "PUBLIC".to_owned(),
            name: "T".to_owned(),
        };
        RefreshRecord {
            state,
            ended_at: Some(at(ended_at)),
            ..RefreshRecord::begun(
                TableId(1),
                name,
                at(data_timestamp),
                RefreshTrigger::Scheduled,
                TargetLag::Seconds(60),
            )
        }
    }

    #[track_caller]
    fn check(records: &[RefreshRecord], target: Option<u64>, now: i64, expected: &str) {
        let actual = match lag_statistics(records, target, at(now)) {
            None => "nothing".to_owned(),
            Some(it) => format!(
                "mean {:.3} max {} above {:?} within {:?}",
                it.mean,
                it.maximum,
                it.above_target,
                it.within_target_ratio.map(|it| (it * 100.0).round()),
            ),
        };
        assert_eq!(actual, expected);
    }

    #[test]
    fn the_lag_is_a_saw() {
        use RefreshState::{Failed, Skipped, Succeeded};
        check(&[], Some(60), 100, "nothing");
        check(&[record(Failed, 0, 5)], Some(60), 100, "nothing");
        // From 10 s to 58 s, then from 10 s to 40 s.
        let kept = [record(Succeeded, 0, 10), record(Succeeded, 48, 58)];
        check(&kept, Some(60), 88, "mean 30.538 max 58 above Some(0.0) within Some(100.0)");
        // A tick is missed: the lag goes on to 106 s, of which 46 are above the target.
        let missed = [
            record(Succeeded, 0, 10),
            record(Skipped, 48, 58),
            record(Failed, 48, 60),
            record(Succeeded, 96, 106),
        ];
        check(&missed, Some(60), 106, "mean 58.000 max 106 above Some(46.0) within Some(52.0)");
        check(&missed, None, 106, "mean 58.000 max 106 above None within None");
        // What ends later is not known yet.
        check(&missed, Some(60), 20, "mean 15.000 max 20 above Some(0.0) within Some(100.0)");
        check(&missed, Some(60), 10, "mean 10.000 max 10 above Some(0.0) within Some(100.0)");
        // Above the target all the time.
        check(
            &[record(Succeeded, 0, 100)],
            Some(60),
            200,
            "mean 150.000 max 200 above Some(100.0) within Some(0.0)",
        );
    }
}
