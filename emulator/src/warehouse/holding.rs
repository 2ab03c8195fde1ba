//! How a query holds its slot until its time is over: where a capacity model meets what runs.

use super::{
    Kind, Warehouse,
    capacity::{Class, Place, Reading, slowdown, warmth::Ahead},
};
use crate::{
    clock,
    regression::{Regression, regressed},
    store::provider::{PieceRead, ScanCounts},
};
use std::{
    collections::HashMap,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

/// A query that has been admitted, and holds its slot.
pub(crate) struct Held<'a> {
    warehouse: &'a Warehouse,
    began: Instant,
    place: Place,
}

impl Warehouse {
    /// How long compiling a statement takes, of what is simulated.
    pub(crate) fn compiling(&self, sql: &str) -> Duration {
        let capacity = self.substance.capacity.as_ref();
        capacity.map_or(Duration::ZERO, |it| it.compiling(self.kind, sql))
    }

    /// A query begins on this warehouse.
    pub(crate) fn hold(&self) -> Held<'_> {
        let (counts, size) = {
            let inner = self.substance.state.lock();
            (inner.slots.counts(), inner.settings.size)
        };
        // Clusters fill one after the other: those that started are about equally busy.
        let running = counts.running.div_ceil(counts.started_clusters.max(1));
        let place = Place { kind: self.kind, size, running };
        Held { warehouse: self, began: Instant::now(), place }
    }
}

impl Held<'_> {
    /// Waits until the time of a query is over that has its answer. `gathers` is as of [`Reading`].
    ///
    /// How many of the bytes that it read were in the warehouse's cache; `None` if that is not
    /// simulated.
    pub(crate) async fn finish(self, scanned: &ScanCounts, gathers: bool) -> Option<usize> {
        let took = self.began.elapsed();
        let Some(capacity) = &self.warehouse.substance.capacity else {
            let longer = slowdown(self.place.kind) - 1.0;
            if longer > 0.0 {
                clock::held_up(took.mul_f64(longer)).await;
            }
            return None;
        };
        let (class, place) = self.regressed(Reading {
            rows: scanned.rows_scanned.load(Ordering::Relaxed),
            rows_total: scanned.rows_total.load(Ordering::Relaxed),
            gathers,
        });
        let pieces = scanned.pieces.as_ref().map(|it| it.lock().clone()).unwrap_or_default();
        let (cold, cached_bytes) = self.read(&pieces, capacity.warm_up());
        let service = capacity.service(place, class, cold);
        if let Some(rest) = service.checked_sub(took) {
            clock::held_up(rest).await;
        }
        Some(cached_bytes)
    }

    fn regressed(&self, reading: Reading) -> (Class, Place) {
        let class = match reading.class() {
            Class::Lookup | Class::Scan if regressed(Regression::KeysDoNotMatter) => Class::Point,
            class => class,
        };
        let kind = match regressed(Regression::InteractiveAsStandard) {
            true => Kind::Standard,
            false => self.place.kind,
        };
        (class, Place { kind, ..self.place })
    }

    /// Partitions that were not in the cache, and bytes that were. All are, from now on.
    fn read(&self, pieces: &[PieceRead], warm_up: Duration) -> (u64, usize) {
        let substance = &self.warehouse.substance;
        let now = substance.clock.now();
        let mut inner = substance.state.lock();
        let mut is_cached = HashMap::new();
        let (mut cold, mut cached_bytes) = (0, 0);
        for piece in pieces {
            let known = is_cached.get(&piece.partition).copied().unwrap_or_else(|| {
                let reads_ahead = piece.table.is_some_and(|it| inner.attached.contains(&it));
                let resumed_at = inner.resumed_at;
                let ahead = reads_ahead.then_some(Ahead { resumed_at, now, warm_up });
                inner.warmth.read(piece.partition, ahead)
                    && !(self.place.kind == Kind::Interactive
                        && regressed(Regression::WarmUpNeverEnds))
            });
            if is_cached.insert(piece.partition, known).is_none() && !known {
                cold += 1;
            }
            if known {
                cached_bytes += piece.bytes;
            }
        }
        (cold, cached_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Properties, Warehouses};
    use super::*;
    use crate::{regression::switched, release::Release, store::catalog::OnConflict};
    use chrono::Utc;
    use std::sync::Arc;

    fn warehouse(kind: Kind, capacity: Option<&str>) -> Arc<Warehouse> {
        let warehouses = Warehouses::new(Release::ZeroCopy)
            .with_capacity(capacity.map(|it| it.parse().expect("a model")));
        let nothing_said = Properties::default();
        warehouses
            .create("W", kind, nothing_said, Vec::new(), OnConflict::Fail, Utc::now())
            .expect("the name is free");
        warehouses.find("W").expect("it was made")
    }

    /// What a query that took a second waits for besides.
    async fn waited(
        kind: Kind,
        capacity: Option<&str>,
        regression: Option<Regression>,
    ) -> Duration {
        let warehouse = warehouse(kind, capacity);
        let began = tokio::time::Instant::now();
        let second = Duration::from_secs(1);
        let held = Held { began: Instant::now() - second, ..warehouse.hold() };
        switched(regression, held.finish(&ScanCounts::default(), false)).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn what_took_its_time_is_held_no_longer() {
        assert_eq!(waited(Kind::Interactive, None, None).await, Duration::ZERO);
        assert_eq!(waited(Kind::Interactive, Some("seed"), None).await, Duration::ZERO);
        let long = waited(Kind::Interactive, Some("seed@100"), None).await;
        assert_eq!(long, Duration::ZERO, "nothing takes 200 ms at most, and it took a second");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_model_30_percent_are_of_what_was_measured() {
        let regression = Some(Regression::LatencyPlus30Percent);
        let waited = |kind| waited(kind, None, regression);
        assert!(waited(Kind::Interactive).await >= Duration::from_millis(300));
        assert_eq!(waited(Kind::Standard).await, Duration::ZERO);
    }

    #[tokio::test]
    async fn regressions_change_what_a_query_is_taken_for() {
        let warehouse = warehouse(Kind::Interactive, Some("seed"));
        let all = Reading { rows: 100_000, rows_total: 100_000, gathers: true };
        let taken_for = async |regression| {
            let (class, place) =
                switched(regression, async { warehouse.hold().regressed(all) }).await;
            (class, place.kind)
        };
        assert_eq!(taken_for(None).await, (Class::Scan, Kind::Interactive));
        let keys = Some(Regression::KeysDoNotMatter);
        assert_eq!(taken_for(keys).await, (Class::Point, Kind::Interactive));
        let slow = Some(Regression::InteractiveAsStandard);
        assert_eq!(taken_for(slow).await, (Class::Scan, Kind::Standard));
    }
}
