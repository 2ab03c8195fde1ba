//! A closed loop through a warehouse's queue, played without a clock: seconds in milliseconds.
//!
//! It uses the very slots that statements queue for, so what is calibrated here is what the emulator
//! does. Connections are not in it: the seed's tester opens one for each query and begins to time
//! when it is there, so that they are pauses between queries at most, of which nothing is known.

use super::{
    Class, Place,
    parameters::{Parameters, SEED},
};
use crate::warehouse::{
    Kind,
    size::Size,
    slots::{Cluster, Grant, Slots},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};
use tokio::sync::oneshot;

/// A closed loop: each client sends its next query when it has the answer of the one before.
#[derive(Clone, Debug)]
pub struct Load {
    pub clients: usize,
    pub queries: usize,
    /// Classes and their weights.
    pub mix: Vec<(Class, f64)>,
    /// Whether texts are known to be compiled, as with bind variables.
    pub is_compiled: bool,
}

impl Load {
    /// The seed's: 50 % by order, 30 % by customer, 20 % over many orders, with literals.
    pub fn seed() -> Self {
        let mix = vec![(Class::Point, 0.5), (Class::Lookup, 0.3), (Class::Scan, 0.2)];
        Self { clients: 150, queries: 500, mix, is_compiled: false }
    }
}

/// What it is played on.
#[derive(Clone, Copy, Debug)]
pub struct Bench {
    pub kind: Kind,
    pub size: Size,
    pub concurrency_level: u64,
    pub clusters_max: u64,
    /// Everything takes so many times as long: 1 where nothing is wrong.
    pub slowdown: f64,
}

impl Bench {
    /// As warehouses are when nothing is said of them.
    pub fn plain(kind: Kind) -> Self {
        Self { kind, size: Size::XSmall, concurrency_level: 8, clusters_max: 1, slowdown: 1.0 }
    }
}

/// Latencies of a load, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    pub p95_ms: f64,
    pub median_ms: f64,
    pub mean_ms: f64,
    pub per_second: f64,
}

/// Of the seed's table, standard and interactive.
pub const SEED_TABLE: [(Kind, Figures); 2] = [
    (Kind::Standard, table(6_897.0, 4_254.0, 4_221.0)),
    (Kind::Interactive, table(2_119.0, 945.0, 1_083.0)),
];

const fn table(p95_ms: f64, median_ms: f64, mean_ms: f64) -> Figures {
    Figures { p95_ms, median_ms, mean_ms, per_second: f64::NAN }
}

/// Something that happens to a query, whose index it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Compiled(usize),
    Ran(usize),
}

/// One query of a load that was played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Since the load began.
    pub sent: Duration,
    pub took: Duration,
}

/// Plays a load, and tells what it came to.
pub fn play(parameters: &Parameters, bench: Bench, load: &Load, seed: u64) -> Figures {
    let ended = trace(parameters, bench, load, seed);
    let took = ended.iter().map(|it| it.sent + it.took).max().unwrap_or_default();
    figures(ended.iter().map(|it| it.took.as_secs_f64() * 1000.0).collect(), took)
}

/// Plays a load: its queries, in the order in which they ended.
pub fn trace(parameters: &Parameters, bench: Bench, load: &Load, seed: u64) -> Vec<Ended> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut slots = Slots::new(bench.concurrency_level, 1, bench.clusters_max);
    slots.order_by(parameters.of(bench.kind).order, rng.random());
    let mut sent: Vec<Duration> = Vec::with_capacity(load.queries);
    let mut on: Vec<Option<Cluster>> = vec![None; load.queries];
    let mut ended = Vec::with_capacity(load.queries);
    let mut queue: Vec<(usize, oneshot::Receiver<Cluster>)> = Vec::new();
    let mut steps = BinaryHeap::new();
    let mut now = Duration::ZERO;

    let send = |sent: &mut Vec<Duration>, at: Duration, rng: &mut StdRng| {
        let query = sent.len();
        if query == load.queries {
            return None;
        }
        sent.push(at);
        let compiling = parameters.compiling(bench.kind, load.is_compiled, rng);
        let compiling = compiling.mul_f64(bench.slowdown);
        Some(Reverse((at + compiling, Step::Compiled(query))))
    };
    for _ in 0..load.clients {
        steps.extend(send(&mut sent, now, &mut rng));
    }
    while let Some(Reverse((at, step))) = steps.pop() {
        now = at;
        let mut admitted = Vec::new();
        match step {
            Step::Compiled(query) => match slots.ask() {
                Grant::Admitted(cluster) => admitted.push((query, cluster)),
                Grant::Queued(_, waiting) => queue.push((query, waiting)),
            },
            Step::Ran(query) => {
                ended.push(Ended { sent: sent[query], took: at - sent[query] });
                if let Some(cluster) = on[query].take() {
                    slots.release(cluster);
                }
                steps.extend(send(&mut sent, now, &mut rng));
                queue.retain_mut(|(query, waiting)| match waiting.try_recv() {
                    Ok(cluster) => {
                        admitted.push((*query, cluster));
                        false
                    }
                    Err(_) => true,
                });
            }
        }
        for (query, cluster) in admitted {
            on[query] = Some(cluster);
            let running = slots.running_on(cluster);
            let place = Place { kind: bench.kind, size: bench.size, running };
            let service = parameters.service(place, pick(&load.mix, &mut rng), 0, &mut rng);
            steps.push(Reverse((now + service.mul_f64(bench.slowdown), Step::Ran(query))));
        }
    }
    ended
}

/// The median of each figure over `rounds` plays, so that one unlucky play decides nothing.
pub fn play_often(parameters: &Parameters, bench: Bench, load: &Load, rounds: u64) -> Figures {
    let plays: Vec<_> = (0..rounds.max(1)).map(|it| play(parameters, bench, load, it)).collect();
    let middle = |of: fn(&Figures) -> f64| {
        let mut all: Vec<f64> = plays.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    Figures {
        p95_ms: middle(|it| it.p95_ms),
        median_ms: middle(|it| it.median_ms),
        mean_ms: middle(|it| it.mean_ms),
        per_second: middle(|it| it.per_second),
    }
}

/// What the calibration is held against: the seed's table, beside what the model gives.
pub fn calibration(rounds: u64) -> Vec<(Kind, Figures, Figures)> {
    let load = Load::seed();
    SEED_TABLE
        .into_iter()
        .map(|(kind, wanted)| (kind, wanted, play_often(&SEED, Bench::plain(kind), &load, rounds)))
        .collect()
}

fn pick(mix: &[(Class, f64)], rng: &mut impl Rng) -> Class {
    let all: f64 = mix.iter().map(|(_, weight)| weight).sum();
    let mut at = rng.random::<f64>() * all;
    for (class, weight) in mix {
        at -= weight;
        if at < 0.0 {
            return *class;
        }
    }
    mix.last().map_or(Class::Nothing, |(class, _)| *class)
}

/// As the seed's tester computes them: P95 is the value at the index of 95 % of the count.
fn figures(mut latencies: Vec<f64>, took: Duration) -> Figures {
    latencies.sort_by(f64::total_cmp);
    let count = latencies.len();
    let at = |index: usize| latencies.get(index.min(count.saturating_sub(1))).copied();
    Figures {
        p95_ms: at(count * 95 / 100).unwrap_or(f64::NAN),
        median_ms: match count % 2 {
            0 if 0 < count => (latencies[count / 2 - 1] + latencies[count / 2]) / 2.0,
            _ => at(count / 2).unwrap_or(f64::NAN),
        },
        mean_ms: latencies.iter().sum::<f64>() / count as f64,
        per_second: count as f64 / took.as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUNDS: u64 = 40;

    #[track_caller]
    fn near(what: &str, value: f64, wanted: f64) {
        let off = value / wanted - 1.0;
        assert!(
            off.abs() < 0.15,
            "{what}: {value:.2} for {wanted:.2}, off by {:.0} %",
            off * 100.0
        );
    }

    #[test]
    fn the_seeds_table_comes_out_of_the_queue() {
        let sides = calibration(ROUNDS);
        for (kind, wanted, got) in &sides {
            near(&format!("{} P95", kind.name()), got.p95_ms, wanted.p95_ms);
            near(&format!("{} median", kind.name()), got.median_ms, wanted.median_ms);
            near(&format!("{} mean", kind.name()), got.mean_ms, wanted.mean_ms);
        }
        let [(_, _, standard), (_, _, interactive)] = sides.as_slice() else { panic!("{sides:?}") };
        near("P95 ratio", standard.p95_ms / interactive.p95_ms, 3.3);
        near("median ratio", standard.median_ms / interactive.median_ms, 4.5);
        near("mean ratio", standard.mean_ms / interactive.mean_ms, 3.9);
    }

    #[test]
    fn one_play_is_near_too_most_often() {
        let load = Load::seed();
        let ratios = |seed| {
            let of = |kind| play(&SEED, Bench::plain(kind), &load, seed);
            let (standard, interactive) = (of(Kind::Standard), of(Kind::Interactive));
            [
                (standard.p95_ms / interactive.p95_ms, 3.3),
                (standard.median_ms / interactive.median_ms, 4.5),
                (standard.mean_ms / interactive.mean_ms, 3.9),
            ]
        };
        let is_near =
            |seed: &u64| ratios(*seed).iter().all(|(is, be)| (is / be - 1.0).abs() < 0.15);
        let near = (0..100).filter(is_near).count();
        assert!(85 < near, "{near} of 100");
    }

    #[test]
    fn the_same_seed_plays_the_same() {
        let bench = Bench::plain(Kind::Interactive);
        let figures = |seed| play(&SEED, bench, &Load::seed(), seed);
        assert_eq!(figures(3), figures(3));
        assert_ne!(figures(3), figures(4));
    }

    #[test]
    fn what_is_slower_by_a_tenth_is_slower_by_a_tenth() {
        let bench = Bench::plain(Kind::Interactive);
        let slow = play(&SEED, Bench { slowdown: 1.1, ..bench }, &Load::seed(), 3);
        let plain = play(&SEED, bench, &Load::seed(), 3);
        assert!((slow.median_ms / plain.median_ms - 1.1).abs() < 1e-6, "{slow:?} {plain:?}");
        assert!((slow.per_second * 1.1 / plain.per_second - 1.0).abs() < 1e-6);
    }

    #[test]
    fn clusters_and_slots_serve_more() {
        let load = Load::seed();
        let rate = |bench| play_often(&SEED, bench, &load, 10).per_second;
        let plain = Bench::plain(Kind::Interactive);
        let three = rate(Bench { clusters_max: 3, ..plain });
        assert!(2.0 * rate(plain) < three, "C-06");
        let sixteen = rate(Bench { concurrency_level: 16, ..plain });
        assert!(rate(plain) < sixteen && sixteen < 1.5 * rate(plain), "C-07");
    }

    #[test]
    fn ten_to_fifteen_clients_saturate_an_x_small_warehouse() {
        let bench = Bench::plain(Kind::Interactive);
        let rate = |clients| {
            let load = Load { clients, queries: 2_000, is_compiled: true, ..Load::seed() };
            play_often(&SEED, bench, &load, 5).per_second
        };
        let (five, fifteen, thirty) = (rate(5), rate(15), rate(30));
        assert!(1.15 * five < fifteen, "{five} {fifteen}");
        assert!(thirty < 1.05 * fifteen, "{fifteen} {thirty}");
    }

    #[test]
    fn lookups_of_one_client_keep_the_seeds_budgets() {
        let p95 = |class| {
            let load =
                Load { clients: 1, queries: 2_000, mix: vec![(class, 1.0)], is_compiled: true };
            play_often(&SEED, Bench::plain(Kind::Interactive), &load, 5).p95_ms
        };
        let order = p95(Class::Point);
        assert!(order < 50.0 && 50.0 < 1.3 * order, "{order}: C-02, and a third more is too much");
        assert!(p95(Class::Lookup) < 100.0 && p95(Class::Scan) < 200.0);
    }
}
