//! What the capacity models are made of.
//!
//! Nobody publishes service times of a warehouse. These were found by playing the load of the seed's
//! table through [`simulation`](super::simulation) until its percentiles came out, starting from what
//! others have measured of single queries. `cargo run --example calibrate` prints both sides.

use super::{Class, Place, drawn};
use crate::warehouse::Kind;
use rand::Rng;
use std::time::Duration;

/// One capacity model.
#[derive(Debug)]
pub struct Parameters {
    pub name: &'static str,
    /// What it was calibrated by.
    pub source: &'static str,
    pub standard: OfKind,
    pub interactive: OfKind,
    /// From a resume until all attached tables are cached.
    pub warm_up: Duration,
    /// All that is drawn comes from it.
    pub rng_seed: u64,
}

/// What an X-Small warehouse of a kind does with one query at a time.
#[derive(Debug)]
pub struct OfKind {
    /// Compiling a text that has not been seen, and one that has.
    pub compiling_new: Duration,
    pub compiling_known: Duration,
    /// Mean service times of classes.
    pub nothing: Duration,
    pub point: Duration,
    pub lookup: Duration,
    pub scan: Duration,
    /// Of the logarithm of service times.
    pub sigma: f64,
    /// For each partition that is not in the cache.
    pub cold_partition: Duration,
    /// By how much each other statement on a cluster slows one, as a share; halved with each size.
    pub crowding: f64,
    /// A free slot goes to the first that waits with this probability, else to the second, and so
    /// on; 1 is strictly in the order of arrival.
    pub order: f64,
}

const fn ms(it: u64) -> Duration {
    Duration::from_millis(it)
}

const fn us(it: u64) -> Duration {
    Duration::from_micros(it)
}

/// Of the logarithm of compile times.
const COMPILING_SIGMA: f64 = 0.2;

/// The seed's load test: 150 clients in a closed loop, 500 queries, on X-Small warehouses of one
/// cluster. See [`Expected`](super::simulation::SEED_TABLE) for its figures.
pub static SEED: Parameters = Parameters {
    name: "seed",
    source: "the seed's table \"High-Concurrency Performance\": 150 clients, 500 queries",
    standard: OfKind {
        // A public comparison of fleets: 211 ms at the median on standard, 50 on interactive.
        compiling_new: ms(211),
        compiling_known: ms(45),
        nothing: ms(4),
        // A public benchmark: median 85 ms with compiling, second-generation X-Small.
        point: ms(42),
        lookup: ms(77),
        scan: ms(210),
        // The same: from the median to the 90th percentile 2.6 times, compiling included.
        sigma: 0.6,
        cold_partition: ms(120),
        // Calibrated: eight at a time take three times as long, so that 16 slots serve a little
        // more than eight (catalogue C-07).
        crowding: 2.0 / 7.0,
        // Calibrated: in the order of arrival P95 would be 1.2 times the median, and is 1.6.
        order: 0.035,
    },
    interactive: OfKind {
        compiling_new: ms(50),
        // Guides call less than 50 ms good; with bind variables a public dashboard has 39.
        compiling_known: ms(14),
        nothing: ms(2),
        // Public benchmarks: executing 9 ms at the median; 32 ms with compiling.
        point: us(12_800),
        lookup: us(20_500),
        scan: ms(44),
        sigma: 0.6,
        // Not calibrated: enough for a lookup in a cold cache to miss a budget of 100 ms (C-09).
        cold_partition: ms(150),
        crowding: 2.0 / 7.0,
        // Calibrated: P95 is 2.2 times the median.
        order: 0.017,
    },
    // A public exercise: two to five minutes for small tables.
    warm_up: Duration::from_secs(180),
    rng_seed: 150_500,
};

impl Parameters {
    pub fn of(&self, kind: Kind) -> &OfKind {
        match kind {
            Kind::Standard => &self.standard,
            Kind::Interactive => &self.interactive,
        }
    }

    pub fn compiling(&self, kind: Kind, is_known: bool, rng: &mut impl Rng) -> Duration {
        let of = self.of(kind);
        let mean = if is_known { of.compiling_known } else { of.compiling_new };
        drawn(mean, COMPILING_SIGMA, rng)
    }

    pub fn service(&self, place: Place, class: Class, cold: u64, rng: &mut impl Rng) -> Duration {
        let of = self.of(place.kind);
        let mean = match class {
            Class::Nothing => of.nothing,
            Class::Point => of.point,
            Class::Lookup => of.lookup,
            Class::Scan => of.scan,
        };
        let nodes = f64::from(1_u32 << (place.size as u32));
        let others = place.running.saturating_sub(1) as f64;
        let warm = drawn(mean, of.sigma, rng).mul_f64(1.0 + of.crowding * others / nodes);
        // Read at the same time by all nodes.
        let cold = of.cold_partition.mul_f64((cold as f64 / nodes).min(COLD_AT_ONCE_MAX));
        warm + cold
    }
}

/// More cold partitions than this are read at the same time.
const COLD_AT_ONCE_MAX: f64 = 8.0;
