//! When tables are refreshed: canonical periods on one grid for the whole account.
//!
//! Every period is 48 s times a power of two and all ticks have the same phase, so the ticks of a
//! longer period are ticks of all shorter ones, and tables that read each other find each other at
//! the same instants. Seen in refresh histories of live accounts (snowflake.md, §10.2).

use crate::regression::{Regression, regressed};
use chrono::{DateTime, TimeDelta, Utc};

/// The shortest period, in seconds.
pub const PERIOD_SECS_MIN: u64 = 48;

/// How many times the period may be doubled: more than any lag can ask for.
const DOUBLINGS_MAX: u32 = 40;

/// The longest canonical period that is not above the lag.
pub fn period_secs(lag_secs: u64) -> u64 {
    let period = periods().take_while(|it| *it <= lag_secs).last().unwrap_or(PERIOD_SECS_MIN);
    if regressed(Regression::PeriodDoubled) { period * 2 } else { period }
}

/// The shortest canonical period that is not below a duration.
fn period_secs_of(duration: TimeDelta) -> u64 {
    let fits = |secs: &u64| delta(*secs) >= duration;
    periods().find(fits).unwrap_or(PERIOD_SECS_MIN << DOUBLINGS_MAX)
}

fn periods() -> impl Iterator<Item = u64> {
    (0..=DOUBLINGS_MAX).map(|it| PERIOD_SECS_MIN << it)
}

fn delta(secs: u64) -> TimeDelta {
    TimeDelta::microseconds(micros(secs))
}

fn micros(secs: u64) -> i64 {
    i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}

/// The ticks of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Seconds after a multiple of the period since the epoch.
    pub phase_secs: u64,
}

impl Grid {
    /// The last tick that is not after `at`.
    pub fn last(self, at: DateTime<Utc>, period_secs: u64) -> DateTime<Utc> {
        let since = at.timestamp_micros().saturating_sub(micros(self.phase_secs));
        at.checked_sub_signed(TimeDelta::microseconds(since.rem_euclid(micros(period_secs))))
            .map(|it| it - TimeDelta::nanoseconds(i64::from(it.timestamp_subsec_nanos() % 1_000)))
            .unwrap_or(DateTime::<Utc>::MIN_UTC)
    }

    /// The first tick after `at`.
    pub fn next(self, at: DateTime<Utc>, period_secs: u64) -> DateTime<Utc> {
        let last = self.last(at, period_secs);
        last.checked_add_signed(delta(period_secs)).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    pub fn is_tick(self, at: DateTime<Utc>, period_secs: u64) -> bool {
        self.last(at, period_secs) == at
    }

    /// The first tick that a table may be refreshed at, after a refresh that took so long. `None`
    /// if it kept up with its period: then it is the next. Otherwise the ticks are those of the
    /// first coarser period that the refresh would have kept up with.
    pub fn after_overrun(
        self,
        started_at: DateTime<Utc>,
        ended_at: DateTime<Utc>,
        period_secs: u64,
    ) -> Option<DateTime<Utc>> {
        let took = ended_at - started_at;
        if took <= delta(period_secs) {
            return None;
        }
        let coarser = match regressed(Regression::OverrunKeepsPace) {
            true => period_secs,
            false => period_secs_of(took),
        };
        Some(match self.is_tick(ended_at, coarser) {
            true => ended_at,
            false => self.next(ended_at, coarser),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid { phase_secs: 33 };

    /// Seconds on the grid: 0 is a tick of every period.
    fn at(seconds: i64) -> DateTime<Utc> {
        let day = 48 << DOUBLINGS_MAX.min(20);
        DateTime::from_timestamp(33 + day * 30 + seconds, 0).unwrap()
    }

    #[test]
    fn a_period_is_the_longest_canonical_one_within_the_lag() {
        for (lag, period) in [
            (60, 48),
            (95, 48),
            (96, 96),
            (120, 96),
            (191, 96),
            (192, 192),
            (300, 192),
            (600, 384),
            (3_600, 3_072),
            (86_400, 49_152),
            // A regression lets such lags through.
            (0, 48),
            (u64::MAX, 48 << 40),
        ] {
            assert_eq!(period_secs(lag), period, "lag {lag}");
        }
    }

    #[test]
    fn ticks_of_a_longer_period_are_ticks_of_the_shorter_ones() {
        let mut tick = at(0);
        for _ in 0..10 {
            tick = GRID.next(tick, 96);
            assert!(GRID.is_tick(tick, 96) && GRID.is_tick(tick, 48), "{tick}");
            assert_eq!(tick.timestamp().rem_euclid(48), 33);
        }
        assert_eq!(tick, at(960));
        assert!(GRID.is_tick(at(48), 48) && !GRID.is_tick(at(48), 96));
    }

    #[test]
    fn the_last_tick_is_at_the_instant_or_before() {
        assert_eq!(GRID.last(at(48), 48), at(48));
        assert_eq!(GRID.last(at(48) - TimeDelta::nanoseconds(1), 48), at(0));
        assert_eq!(GRID.last(at(95) + TimeDelta::nanoseconds(999), 48), at(48));
        assert_eq!(GRID.next(at(48), 48), at(96));
        assert_eq!(GRID.next(at(48) + TimeDelta::nanoseconds(1), 48), at(96));
        // Before the epoch as well.
        let early = DateTime::from_timestamp(-100, 0).unwrap();
        assert_eq!(GRID.last(early, 48).timestamp(), -111);
    }

    #[test]
    fn after_an_overrun_the_ticks_are_coarser() {
        let next = |started, took: i64, period| {
            GRID.after_overrun(at(started), at(started + took), period)
                .map(|it| (it - at(0)).num_seconds())
        };
        assert_eq!(next(0, 10, 48), None);
        assert_eq!(next(0, 48, 48), None);
        assert_eq!(next(0, 49, 48), Some(96));
        assert_eq!(next(0, 96, 48), Some(96));
        assert_eq!(next(0, 97, 48), Some(192));
        assert_eq!(next(0, 1_000, 48), Some(1_536));
        assert_eq!(next(0, 90, 96), None);
        // From a tick that the coarser grid does not have, the first gap is an odd multiple.
        assert_eq!(next(48, 60, 48), Some(192));
    }
}
