//! Which micro-partitions a warehouse has in its cache.
//!
//! What was read since the last resume is. An interactive warehouse reads the tables attached to it
//! by itself as well, from the resume on, and has them all after a while (catalogue C-09).

use chrono::{DateTime, TimeDelta, Utc};
use std::{collections::HashSet, time::Duration};

/// Ids that are remembered. Beyond them the cache is taken for full, and begins anew.
const CACHED_MAX: usize = 1_000_000;

#[derive(Debug, Default)]
pub struct Warmth {
    /// Of partitions.
    cached: HashSet<u64>,
}

/// How far reading ahead has come.
#[derive(Clone, Copy, Debug)]
pub struct Ahead {
    pub resumed_at: DateTime<Utc>,
    pub now: DateTime<Utc>,
    pub warm_up: Duration,
}

impl Ahead {
    /// From 0 to 1.
    fn share(self) -> f64 {
        let passed = (self.now - self.resumed_at).max(TimeDelta::zero());
        let passed = passed.to_std().unwrap_or_default();
        (passed.as_secs_f64() / self.warm_up.as_secs_f64().max(1e-9)).min(1.0)
    }

    /// Partitions are read ahead in an order of their own, the same each time.
    fn has(self, partition: u64) -> bool {
        // Fibonacci hashing: neighbours end up far from each other.
        let place = partition.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (place as f64 / u64::MAX as f64) < self.share()
    }
}

impl Warmth {
    /// Nothing is cached any more: the warehouse was suspended.
    pub fn lose(&mut self) {
        self.cached.clear();
    }

    /// Reads a partition. Whether it was in the cache before; it is from now on.
    pub fn read(&mut self, partition: u64, ahead: Option<Ahead>) -> bool {
        if self.cached.len() >= CACHED_MAX {
            self.cached.clear();
        }
        let is_new = self.cached.insert(partition);
        !is_new || ahead.is_some_and(|it| it.has(partition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ahead(secs: i64) -> Ahead {
        let resumed_at = DateTime::UNIX_EPOCH;
        let now = resumed_at + TimeDelta::seconds(secs);
        Ahead { resumed_at, now, warm_up: Duration::from_secs(100) }
    }

    #[test]
    fn what_was_read_is_cached_until_the_warehouse_is_suspended() {
        let mut warmth = Warmth::default();
        assert!(!warmth.read(7, None));
        assert!(warmth.read(7, None));
        warmth.lose();
        assert!(!warmth.read(7, None));
    }

    #[test]
    fn reading_ahead_reaches_all_partitions_in_time() {
        let cached = |secs| (0..1000).filter(|it| ahead(secs).has(*it)).count();
        assert_eq!(cached(-5), 0);
        assert_eq!(cached(0), 0);
        assert!((400..600).contains(&cached(50)), "{}", cached(50));
        assert_eq!(cached(100), 1000);
        assert!(Warmth::default().read(3, Some(ahead(1_000))));
    }
}
