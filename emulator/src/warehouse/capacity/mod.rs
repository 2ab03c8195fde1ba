//! How long statements take, where that is simulated: off unless it is asked for.
//!
//! - [`parameters`] are the figures, with what they were taken from.
//! - [`warmth`] knows which partitions a warehouse has in its cache.
//! - [`simulation`] plays closed loops through the queue without a clock, for calibrating.
//!
//! A statement computes its answer as always, and then holds its slot for the rest of a time that
//! is drawn here. Queues, timeouts and fallbacks come of that by themselves. Only queries are
//! simulated: what changes rows and what refreshes takes as long as the machine does.

pub mod parameters;
pub mod simulation;
pub mod warmth;

use super::{Kind, size::Size};
use crate::regression::{Regression, regressed};
use parameters::{Parameters, SEED};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

/// Texts that are known to be compiled. Beyond them all are forgotten, as caches are now and then.
const COMPILED_MAX: usize = 100_000;

/// A lookup reads at most this share of its tables' rows: what it wants is where the clustering key
/// says. Or as few rows as in [`POINT_ROWS_MAX`], since tables here are small.
const POINT_SHARE_MAX: f64 = 0.1;
const POINT_ROWS_MAX: u64 = 64;

/// A capacity model as it is switched on: its parameters, and by how much time is shortened.
///
/// Clones share what is drawn and what is known to be compiled.
#[derive(Clone, Debug)]
pub struct Capacity {
    pub parameters: &'static Parameters,
    /// All simulated times are multiplied with it. Ratios stay, and limits such as the five
    /// seconds stay as they are.
    scale: f64,
    drawn: Arc<Mutex<Drawn>>,
}

#[derive(Debug)]
struct Drawn {
    rng: StdRng,
    /// Hashes of statements' texts.
    compiled: HashSet<u64>,
}

/// What a query does, by how much it read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Constants, and counts that metadata answer.
    Nothing,
    /// A lookup by the clustering key.
    Point,
    /// A lookup by another column: all is read, little comes out.
    Lookup,
    /// Aggregates, joins and sorts of all or much of a table.
    Scan,
}

/// What is known of a query once it has its answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    pub rows: u64,
    /// Of all tables that were read.
    pub rows_total: u64,
    /// Whether rows are put together: aggregates, joins, sorts, window functions.
    pub gathers: bool,
}

impl Reading {
    pub fn class(self) -> Class {
        let share = self.rows as f64 / self.rows_total.max(1) as f64;
        match self.rows {
            0 => Class::Nothing,
            1..=POINT_ROWS_MAX => Class::Point,
            _ if share <= POINT_SHARE_MAX => Class::Point,
            _ if self.gathers => Class::Scan,
            _ => Class::Lookup,
        }
    }
}

/// Where a query runs, for [`Capacity::service`].
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub kind: Kind,
    pub size: Size,
    /// Statements on its cluster when it was admitted, itself included.
    pub running: u64,
}

impl Capacity {
    fn new(parameters: &'static Parameters, scale: f64) -> Self {
        let drawn =
            Drawn { rng: StdRng::seed_from_u64(parameters.rng_seed), compiled: HashSet::new() };
        Self { parameters, scale, drawn: Arc::new(Mutex::new(drawn)) }
    }

    /// As it is switched on: `seed`, `seed@0.1`.
    pub fn name(&self) -> String {
        match self.scale == 1.0 {
            true => self.parameters.name.to_owned(),
            false => format!("{}@{}", self.parameters.name, self.scale),
        }
    }

    /// How long compiling a statement takes, before it asks for a slot. The same text again takes
    /// less (catalogue C-11): with bind variables the text stays the same. Each kind of warehouse
    /// compiles for itself; the emulator's own choice.
    pub fn compiling(&self, kind: Kind, sql: &str) -> Duration {
        let mut hasher = DefaultHasher::new();
        (kind == Kind::Interactive, sql).hash(&mut hasher);
        let mut drawn = self.drawn.lock();
        if drawn.compiled.len() >= COMPILED_MAX {
            drawn.compiled.clear();
        }
        let is_known =
            !drawn.compiled.insert(hasher.finish()) && !regressed(Regression::CompiledAlwaysAnew);
        let time = self.parameters.compiling(kind, is_known, &mut drawn.rng);
        self.scaled(kind, time)
    }

    /// How long a query runs in its slot. `cold` is how many of its partitions were not cached.
    pub fn service(&self, place: Place, class: Class, cold: u64) -> Duration {
        let time = self.parameters.service(place, class, cold, &mut self.drawn.lock().rng);
        self.scaled(place.kind, time)
    }

    /// How long after a resume all attached tables are cached.
    pub fn warm_up(&self) -> Duration {
        self.parameters.warm_up.mul_f64(self.scale)
    }

    fn scaled(&self, kind: Kind, time: Duration) -> Duration {
        time.mul_f64(self.scale * slowdown(kind))
    }
}

/// By how much a regression slows everything on a kind of warehouse.
pub(crate) fn slowdown(kind: Kind) -> f64 {
    match kind == Kind::Interactive && regressed(Regression::LatencyPlus30Percent) {
        true => 1.3,
        false => 1.0,
    }
}

impl PartialEq for Capacity {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl FromStr for Capacity {
    type Err = String;

    /// `NAME` or `NAME@SCALE`: `seed@0.1` takes a tenth of the time.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, scale) = text.split_once('@').map_or((text, None), |(it, at)| (it, Some(at)));
        if name != SEED.name {
            return Err(format!("unknown capacity model `{name}`; there is `{}`", SEED.name));
        }
        let scale = match scale.map(str::parse::<f64>) {
            None => 1.0,
            Some(Ok(it)) if (0.001..=100.0).contains(&it) => it,
            Some(_) => return Err(format!("`{text}`: a scale is a number from 0.001 to 100")),
        };
        Ok(Self::new(&SEED, scale))
    }
}

/// A time of a mean, with the spread of a logarithmic normal distribution.
fn drawn(mean: Duration, sigma: f64, rng: &mut impl Rng) -> Duration {
    // Box and Muller. The first draw is never 0.
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
    mean.mul_f64((sigma * normal - sigma * sigma / 2.0).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed() -> Capacity {
        "seed".parse().unwrap()
    }

    #[test]
    fn models_are_named_with_their_scale() {
        for name in ["seed", "seed@0.1", "seed@2"] {
            assert_eq!(name.parse::<Capacity>().unwrap().name(), name);
        }
        let error = |text: &str| text.parse::<Capacity>().unwrap_err();
        assert_eq!(error("sed"), "unknown capacity model `sed`; there is `seed`");
        for text in ["seed@", "seed@0", "seed@fast", "seed@-1", "seed@NaN", "seed@1e9"] {
            assert!(error(text).ends_with("a scale is a number from 0.001 to 100"), "{text}");
        }
    }

    #[test]
    fn queries_are_classed_by_what_they_read() {
        #[track_caller]
        fn check(rows: u64, rows_total: u64, gathers: bool, class: Class) {
            assert_eq!(Reading { rows, rows_total, gathers }.class(), class);
        }
        check(0, 0, false, Class::Nothing);
        check(0, 100_000, true, Class::Nothing);
        check(1, 100_000, false, Class::Point);
        check(20, 20, true, Class::Point);
        check(9_000, 100_000, true, Class::Point);
        check(100_000, 100_000, false, Class::Lookup);
        check(100_000, 100_000, true, Class::Scan);
    }

    fn mean_ms(of: impl Fn() -> Duration) -> f64 {
        let all: Duration = (0..4_000).map(|_| of()).sum();
        all.as_secs_f64() * 1000.0 / 4_000.0
    }

    fn alone(kind: Kind) -> Place {
        Place { kind, size: Size::XSmall, running: 1 }
    }

    #[test]
    fn times_are_drawn_about_their_means_and_scaled() {
        let capacity = seed();
        let place = alone(Kind::Interactive);
        let expected = SEED.interactive.point.as_secs_f64() * 1000.0;
        let mean = mean_ms(|| capacity.service(place, Class::Point, 0));
        assert!((mean / expected - 1.0).abs() < 0.1, "{mean} for {expected}");
        let tenth: Capacity = "seed@0.1".parse().unwrap();
        let mean = mean_ms(|| tenth.service(place, Class::Point, 0));
        assert!((mean / expected - 0.1).abs() < 0.01, "{mean} for a tenth of {expected}");
        assert_eq!(tenth.warm_up() * 10, capacity.warm_up());
    }

    #[test]
    fn what_slows_queries_slows_them() {
        let capacity = seed();
        let mean = |place, class, cold| mean_ms(|| capacity.service(place, class, cold));
        for kind in [Kind::Standard, Kind::Interactive] {
            let place = alone(kind);
            let point = mean(place, Class::Point, 0);
            assert!(mean(place, Class::Nothing, 0) < point);
            assert!(point < mean(place, Class::Lookup, 0));
            assert!(mean(place, Class::Lookup, 0) < mean(place, Class::Scan, 0));
            assert!(point + 50.0 < mean(place, Class::Point, 1), "cold");
            let crowded = mean(Place { running: 8, ..place }, Class::Point, 0);
            assert!(2.0 * point < crowded, "{crowded} among eight, {point} alone");
            let larger = Place { running: 8, size: Size::Medium, ..place };
            assert!(mean(larger, Class::Point, 0) < 0.8 * crowded, "a larger size helps");
        }
        let std = mean(alone(Kind::Standard), Class::Point, 0);
        assert!(3.0 * mean(alone(Kind::Interactive), Class::Point, 0) < std);
    }

    #[test]
    fn a_text_that_is_known_is_compiled_faster() {
        let capacity = seed();
        let numbers = std::sync::atomic::AtomicU64::new(0);
        let new = mean_ms(|| {
            let n = numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            capacity.compiling(Kind::Interactive, &format!("SELECT {n}"))
        });
        let known = mean_ms(|| capacity.compiling(Kind::Interactive, "SELECT ?"));
        assert!(2.0 * known < new, "{known} {new}");
        // What one kind of warehouse has compiled is new to the other.
        let first = capacity.compiling(Kind::Standard, "SELECT 0");
        let again = mean_ms(|| capacity.compiling(Kind::Standard, "SELECT 0"));
        assert!(first.as_secs_f64() * 1e3 > 1.5 * again, "{first:?} {again}");
    }

    #[tokio::test]
    async fn a_regression_makes_interactive_warehouses_slower_by_a_third() {
        let place = alone(Kind::Interactive);
        let both = |kind| {
            let (capacity, place) = (seed(), Place { kind, ..place });
            mean_ms(|| capacity.service(place, Class::Point, 0))
                + mean_ms(|| capacity.compiling(kind, "SELECT ?"))
        };
        let (before, standard) = (both(Kind::Interactive), both(Kind::Standard));
        crate::regression::switched(Some(Regression::LatencyPlus30Percent), async {
            let ratio = both(Kind::Interactive) / before;
            assert!((ratio - 1.3).abs() < 1e-3, "{ratio}");
            assert!((both(Kind::Standard) / standard - 1.0).abs() < 1e-3);
        })
        .await;
    }

    #[tokio::test]
    async fn a_regression_compiles_every_text_anew() {
        let capacity = seed();
        let known = || mean_ms(|| capacity.compiling(Kind::Interactive, "SELECT ?"));
        let before = known();
        crate::regression::switched(Some(Regression::CompiledAlwaysAnew), async {
            assert!(2.0 * before < known());
        })
        .await;
    }
}
