//! One tick: which tables are due at an instant, and their refreshes.
//!
//! All of them share the instant. A table waits for those that it reads; a table that still
//! refreshes, or has overrun, is skipped, and so is what reads it.

use super::{
    graph::Node,
    refresher::Refresher,
    refreshing::{self, Done, Order},
    schedule::{Grid, PERIOD_SECS_MIN, period_secs},
};
use crate::{
    engine::Engine,
    regression::{Regression, regressed, switched},
    store::table::TableId,
};
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::sync::OwnedMutexGuard;

/// A table's own last refresh was not done in time.
const NOT_EFFECTIVE: &str = "NOT_EFFECTIVE_TICK_TO_REFRESH";
/// A table that it reads was skipped.
const UPSTREAM_SKIP: &str = "UPSTREAM_SKIP";

/// Ticks that a real clock may have slept through and that are made good: two of the shortest
/// period.
const LATE_TICKS_MAX: i64 = 2;

/// The refreshes of one instant.
struct Tick {
    engine: Arc<Engine>,
    at: DateTime<Utc>,
    members: Mutex<BTreeMap<usize, Member>>,
    ended: Mutex<Ended>,
}

#[derive(Default)]
struct Ended {
    done: Done,
    /// Their names.
    failed: BTreeMap<TableId, String>,
}

/// A table that waits for its turn. In the map they are in the order in which inputs come first.
struct Member {
    node: Node,
    order: Order,
    /// Those of its upstream tables that are refreshed in this tick.
    upstreams: Vec<TableId>,
    lock: OwnedMutexGuard<()>,
    /// `None` where it is refreshed for another's sake.
    period_secs: Option<u64>,
}

/// Starts the refreshes of all ticks that have passed since the last call. Does not wait for them.
pub(super) fn pass(engine: &Arc<Engine>) {
    let grid = grid(engine);
    let now = engine.now();
    let beat_secs = beat_secs();
    let last = grid.last(now, beat_secs);
    let before = engine.refresher.ticked.lock().replace(last);
    // Nothing was due before anybody looked.
    let Some(before) = before else { return };
    let late = TimeDelta::seconds(PERIOD_SECS_MIN as i64 * LATE_TICKS_MAX);
    let mut tick = before.max(last - late);
    while tick < last {
        tick = grid.next(tick, beat_secs);
        start(engine, grid, tick);
    }
}

/// The next instant at which a table is due, unless tables change until then.
pub(super) fn next_due(engine: &Arc<Engine>) -> Option<DateTime<Utc>> {
    let grid = grid(engine);
    let now = engine.now();
    let graph = engine.refresher.look(engine);
    let periods = graph.nodes().filter(|it| graph.is_running(it.table.id));
    let periods = periods.filter_map(|it| graph.effective_lag(it.table.id)).map(period_secs);
    periods.map(|it| grid_of(grid, it).next(now, it)).min()
}

pub(super) fn grid(engine: &Engine) -> Grid {
    Grid { phase_secs: engine.settings.refresh_phase_secs }
}

/// How far the ticks are apart that any table may be due at.
fn beat_secs() -> u64 {
    if regressed(Regression::PhaseByLag) { PERIOD_SECS_MIN / 2 } else { PERIOD_SECS_MIN }
}

/// The ticks of a period: they are the account's.
fn grid_of(grid: Grid, period_secs: u64) -> Grid {
    match regressed(Regression::PhaseByLag) && period_secs > PERIOD_SECS_MIN {
        true => Grid { phase_secs: grid.phase_secs + PERIOD_SECS_MIN / 2 },
        false => grid,
    }
}

fn start(engine: &Arc<Engine>, grid: Grid, at: DateTime<Utc>) {
    let graph = engine.refresher.look(engine);
    let period = |node: &Node| {
        let period = graph.effective_lag(node.table.id).map(period_secs)?;
        grid_of(grid, period).is_tick(at, period).then_some(period)
    };
    let due: BTreeMap<_, _> = graph
        .nodes()
        .filter(|it| graph.is_running(it.table.id) && is_before(it, at))
        .filter_map(|it| Some((it.table.id, period(it)?)))
        .collect();
    let wanted = graph.with_upstreams(due.keys().copied());
    let mut members = BTreeMap::new();
    let mut left_out = BTreeSet::new();
    for (place, id) in graph.in_order(&wanted).into_iter().enumerate() {
        let Some(node) = graph.get(id) else { continue };
        if !is_before(node, at) && engine.refresher.version_of(&node.table, at).is_some() {
            // Somebody has refreshed it to this very instant.
            continue;
        }
        let upstreams = graph.upstreams(id);
        let code = match () {
            () if upstreams.iter().any(|it| left_out.contains(it)) => Err(UPSTREAM_SKIP),
            () => effective(&engine.refresher, node, at).ok_or(NOT_EFFECTIVE),
        };
        match code {
            Ok(lock) => {
                let upstreams = upstreams.into_iter().filter(|it| wanted.contains(it)).collect();
                let period_secs = due.get(&id).copied();
                let order = Order::scheduled(engine, node, at);
                let node = node.clone();
                members.insert(place, Member { node, order, upstreams, lock, period_secs });
            }
            Err(code) => {
                left_out.insert(id);
                if due.contains_key(&id) {
                    Order::scheduled(engine, node, at).skip(code);
                }
            }
        }
    }
    if members.is_empty() {
        return;
    }
    let here: BTreeSet<_> = members.values().map(|it| it.node.table.id).collect();
    for member in members.values_mut() {
        member.upstreams.retain(|it| here.contains(it));
    }
    let tick = Tick {
        engine: Arc::clone(engine),
        at,
        members: Mutex::new(members),
        ended: Mutex::default(),
    };
    Arc::new(tick).go_on();
}

/// Whether a table's contents are older than that.
fn is_before(node: &Node, at: DateTime<Utc>) -> bool {
    let definition = node.table.definition();
    let reached = definition.refreshing.as_ref().and_then(|it| it.data_timestamp);
    reached.is_none_or(|it| it < at)
}

/// The right to refresh a table at a tick, if it is not being refreshed, and has not overrun.
fn effective(refresher: &Refresher, node: &Node, at: DateTime<Utc>) -> Option<OwnedMutexGuard<()>> {
    let id = node.table.id;
    if !is_before(node, at) || refresher.not_before(id).is_some_and(|it| at < it) {
        return None;
    }
    refresher.lock(id).try_lock_owned().ok()
}

impl Tick {
    /// Starts every refresh whose inputs are there.
    fn go_on(self: Arc<Self>) {
        while let Some(member) = self.next_ready() {
            let lost: Vec<String> = {
                let ended = self.ended.lock();
                member.order.after(&member.upstreams, &ended.done);
                member.upstreams.iter().filter_map(|it| ended.failed.get(it)).cloned().collect()
            };
            if lost.is_empty() || regressed(Regression::UpstreamFailureIgnored) {
                Arc::clone(&self).spawn(member);
            } else {
                member.order.upstream_failed(&lost);
                let Node { name, table, .. } = member.node;
                self.ended.lock().failed.insert(table.id, name.name);
            }
        }
    }

    fn next_ready(&self) -> Option<Member> {
        let mut members = self.members.lock();
        let ended = self.ended.lock();
        let has_ended = |it: &_| ended.done.contains_key(it) || ended.failed.contains_key(it);
        let ready = members.iter().find(|(_, it)| it.upstreams.iter().all(has_ended));
        let place = *ready?.0;
        members.remove(&place)
    }

    fn spawn(self: Arc<Self>, member: Member) {
        // Alive before the one that it waited for is not any more.
        let alive = self.engine.settings.clock.alive();
        let regression = self.engine.settings.regression;
        tokio::spawn(alive.run(switched(regression, async move {
            self.refresh(member).await;
            self.go_on();
        })));
    }

    async fn refresh(&self, member: Member) {
        let Self { engine, at, .. } = self;
        let Member { node, order, lock, period_secs, .. } = member;
        let started_at = engine.now();
        let result = refreshing::refresh(order).await;
        let id = node.table.id;
        if let Some(period) = period_secs {
            let next = grid(engine).after_overrun(started_at.max(*at), engine.now(), period);
            engine.refresher.set_not_before(id, next);
        }
        // Before it is let go: who waits for it by hand resets what was counted.
        engine.refresher.scheduled_ended(engine, &node, result.is_err());
        drop(lock);
        let mut ended = self.ended.lock();
        match result {
            Ok(ended_at) => {
                ended.done.insert(id, (node.name, ended_at));
            }
            Err(_) => {
                ended.failed.insert(id, node.name.name);
            }
        }
    }
}
