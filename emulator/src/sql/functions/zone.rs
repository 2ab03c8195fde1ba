//! Time zones: the session's, and those named in `CONVERT_TIMEZONE`.

use super::calendar::SECOND_NS;
use super::kit::{Outcome, refuse};
use chrono::{Offset, TimeZone};
use chrono_tz::Tz;

/// A time zone by name, or an offset from UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    Named(Tz),
    /// Seconds ahead of UTC.
    Fixed(i32),
}

impl Zone {
    pub const UTC: Self = Self::Fixed(0);

    /// A zone as a user writes it; names are told apart by case on Snowflake, and here.
    pub fn parse(name: &str) -> Outcome<Self> {
        Self::find(name)
            .ok_or_else(|| refuse(100_094, "22000", format!("Unknown timezone: '{name}'")))
    }

    pub fn find(name: &str) -> Option<Self> {
        if let Ok(zone) = name.parse::<Tz>() {
            return Some(Self::Named(zone));
        }
        super::calendar::parse_offset(name).map(|minutes| Self::Fixed(minutes * 60))
    }

    /// Seconds that the zone is ahead of UTC at an instant.
    pub fn offset_at(&self, instant_ns: i64) -> i32 {
        match self {
            Self::Fixed(seconds) => *seconds,
            Self::Named(zone) => {
                let instant = chrono::DateTime::from_timestamp_nanos(instant_ns);
                zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc()
            }
        }
    }

    /// An instant on this zone's wall clock.
    pub fn to_local(&self, instant_ns: i64) -> Option<i64> {
        instant_ns.checked_add(i64::from(self.offset_at(instant_ns)) * SECOND_NS)
    }

    /// The instant at which this zone's wall clock shows `local_ns`. Of two the earlier; inside a
    /// gap, as if the clock had not been put forward yet.
    pub fn to_instant(&self, local_ns: i64) -> Option<i64> {
        let seconds = match self {
            Self::Fixed(seconds) => *seconds,
            Self::Named(zone) => {
                let local = chrono::DateTime::from_timestamp_nanos(local_ns).naive_utc();
                match zone.offset_from_local_datetime(&local) {
                    chrono::LocalResult::Single(it) | chrono::LocalResult::Ambiguous(it, _) => {
                        it.fix().local_minus_utc()
                    }
                    chrono::LocalResult::None => {
                        self.offset_at(local_ns.checked_sub(super::calendar::DAY_NS)?)
                    }
                }
            }
        };
        local_ns.checked_sub(i64::from(seconds) * SECOND_NS)
    }
}
