//! One execution of a workload: warm-up, turns, and what they come to.

use super::{
    Measured, QueryMeasured, RoleMeasured, WarmUpMeasured, WrittenBudget,
    generator::{Feed, Pace, Reopen, Span, drive, lock},
    health::{Cpu, Observed},
    judge::lost_for_certain,
    pacer::Pacer,
    requests::{Requests, Template},
    schedule::DueTimes,
    tally::{Cell, Sent, Sum, Tally},
    turns::{Part, turns},
    verdict::written,
    warm_up::Steady,
    workload::{Arrivals, Length, Order, Rate, WarmUp, Workload},
};
use crate::{
    random::Random,
    run::Partition,
    suite::words,
    target::{QueryTag, Session},
};
use chrono::{DateTime, Utc};
use std::{
    collections::BTreeSet,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

/// Parts of the seed, as [`Random::of_part`] counts them.
const ARRIVALS: u64 = 2;
/// A warm-up has requests of its own: those that are measured do not depend on how long it took.
const WARM_UP: u64 = 0x5741_524d;

/// Between two looks at what goes on.
const TICK: Duration = Duration::from_secs(1);

/// Seconds that a look at what goes on is about.
const RECENT_S: u32 = 3;

/// One side of a load, ready to execute.
pub struct Side {
    pub role: String,
    pub session: String,
    pub warehouse: Option<String>,
    pub sessions: Vec<Box<dyn Session>>,
    pub reopen: Reopen,
}

/// All that a load needs, whatever it is executed on.
pub struct Setting<'a> {
    pub name: &'a str,
    pub workload: Workload,
    pub seed: u64,
    pub templates: Arc<[Template]>,
    pub tag: QueryTag,
    pub give_up_after: Duration,
    pub simulated: Option<String>,
    /// Threads of this process that are the server's, by the beginning of their names.
    pub not_ours: Option<&'static str>,
    /// Waits until requests are due; tokio's own timers where there is none.
    pub pacer: Option<Arc<Pacer>>,
    pub now: &'a (dyn Fn() -> DateTime<Utc> + Sync),
    /// If it is one part of a load that several machines execute.
    pub part: Option<OfMany>,
}

/// A load that several machines execute together, one part each.
#[derive(Clone, Debug, PartialEq)]
pub struct OfMany {
    pub partition: Partition,
    /// When all of them begin to count, by the target's clock.
    pub start_at: DateTime<Utc>,
}

/// What came of it.
pub struct Execution {
    pub measured: Measured,
    /// Statements of each role, to be looked up in the server's history.
    pub sent: Vec<Vec<Sent>>,
    /// With the sessions that are left.
    pub sides: Vec<Side>,
    /// The load was ended before its time, and why.
    pub stopped: Option<String>,
    /// It was ended since a budget could not be kept any more.
    pub lost: Option<LostEarly>,
}

/// Why a load ended before its time.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LostEarly {
    /// The budget, as it is written, and of which query it is.
    pub budget: String,
    pub query: Option<String>,
    pub why: String,
    /// Requests of the first role that had ended by then.
    pub ended: u64,
    /// Of how many, where that is known beforehand.
    pub of: Option<u64>,
}

impl LostEarly {
    /// For people, how much there is of the load.
    pub fn in_words(&self) -> String {
        let of = self.of.map(|it| format!(" of {it}")).unwrap_or_default();
        format!("ended early, after {}{of} requests: `{}`: {}", self.ended, self.budget, self.why)
    }
}

/// What goes on, for people who watch.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Progress {
    pub role: String,
    pub warming_up: bool,
    /// Right answers a second.
    pub rate: f64,
    pub p50_us: u32,
    pub p95_us: u32,
    pub p99_us: u32,
    /// Wrong answers and errors of the last seconds.
    pub failed: u64,
    pub dropped: u64,
    pub cpu: Option<f64>,
    /// Of this role's turn; `None` where it goes by requests.
    pub left_us: Option<u64>,
}

/// What is executed at the moment.
struct Current {
    role: String,
    warming_up: bool,
    feed: Arc<Feed>,
    began: Instant,
    ends_at: Option<Instant>,
    over: watch::Sender<bool>,
}

/// What all parts of one execution share.
struct Work<'a> {
    setting: &'a Setting<'a>,
    observed: Arc<Mutex<Observed>>,
    current: Mutex<Option<Current>>,
    /// What is measured of the first role, which budgets are about.
    tested: Mutex<Option<Arc<Feed>>>,
    lost: Mutex<Option<LostEarly>>,
    cancel: watch::Sender<bool>,
}

/// Executes a workload. `stopped` ends it early; `progress` is told once a second.
pub async fn measure(
    setting: &Setting<'_>,
    sides: Vec<Side>,
    stopped: impl Future<Output = String>,
    progress: impl FnMut(Progress),
) -> Execution {
    let work = Work {
        setting,
        observed: Arc::default(),
        current: Mutex::new(None),
        tested: Mutex::new(None),
        lost: Mutex::new(None),
        cancel: watch::Sender::new(false),
    };
    let executed = work.execute(sides);
    tokio::pin!(executed);
    let stop = async {
        tokio::select! {
            cause = stopped => cause,
            never = work.watch(progress) => match never {},
        }
    };
    let cause = tokio::select! {
        execution = &mut executed => return execution,
        cause = stop => cause,
    };
    work.cancel.send_replace(true);
    Execution { stopped: Some(cause), ..executed.await }
}

impl Work<'_> {
    async fn execute(&self, mut sides: Vec<Side>) -> Execution {
        let Setting { workload, seed, .. } = self.setting;
        let sessions = sides.iter().map(|it| it.sessions.len()).max().unwrap_or_default();
        let order = workload.compare.as_ref().map_or(Order::Apart, |it| it.order);
        let feeds: Vec<Arc<Feed>> = sides.iter().map(|it| self.feed(it, *seed, None)).collect();
        *lock(&self.tested) = feeds.first().cloned();
        let mut warm_ups = vec![WarmUpMeasured::default(); sides.len()];
        if let Order::Interleaved { .. } = order {
            for (side, measured) in sides.iter_mut().zip(&mut warm_ups) {
                *measured = self.warm_up(side).await;
            }
        }
        let mut late = None;
        let mut began: Option<(Instant, DateTime<Utc>)> = None;
        let mut lasted = vec![Duration::ZERO; sides.len()];
        for turn in turns(sides.len(), workload.length, order, *seed) {
            let (Some(side), Some(feed)) = (sides.get_mut(turn.role), feeds.get(turn.role)) else {
                continue;
            };
            if order == Order::Apart {
                warm_ups[turn.role] = self.warm_up(side).await;
            }
            if *self.cancel.borrow() || lock(&self.lost).is_some() {
                break;
            }
            if began.is_none()
                && let Some(part) = &self.setting.part
            {
                late = self.wait_for(part).await;
                if late.is_some() || *self.cancel.borrow() {
                    break;
                }
            }
            let (began, _) = *began.get_or_insert_with(|| (Instant::now(), (self.setting.now)()));
            let over = watch::Sender::new(false);
            let starts_at = Instant::now();
            let ends_at = self.turn(side, feed, turn.part, began, &over, false).await;
            let ends_at = ends_at.filter(|_| lock(&self.lost).is_none());
            lasted[turn.role] += ends_at.unwrap_or_else(Instant::now) - starts_at;
        }
        let began_at = began.map_or_else(|| (self.setting.now)(), |(_, at)| at);
        // Of the one that is tested: the others have as much to do.
        let lasted = lasted.first().copied().unwrap_or_default();
        let roles = sides.iter().zip(&feeds).zip(warm_ups);
        let roles = roles.map(|((side, feed), warm_up)| self.role(side, feed, warm_up)).collect();
        let measured = Measured {
            workload: self.setting.name.to_owned(),
            seed: *seed,
            began: began_at,
            lasted_us: u64::try_from(lasted.as_micros()).unwrap_or(u64::MAX),
            simulated: self.setting.simulated.clone(),
            roles,
            health: self.health(&feeds, sessions),
        };
        let sent = feeds.iter().map(|it| std::mem::take(&mut lock(&it.tally).ids)).collect();
        let lost = lock(&self.lost).take();
        Execution { measured, sent, sides, stopped: late, lost }
    }

    /// Waits until all parts begin; why this one cannot begin with them.
    async fn wait_for(&self, part: &OfMany) -> Option<String> {
        let now = (self.setting.now)();
        match (part.start_at - now).to_std() {
            Ok(left) => {
                let mut cancel = self.cancel.subscribe();
                tokio::select! {
                    () = sleep(left) => {}
                    Ok(_) = cancel.wait_for(|it| *it) => {}
                }
                None
            }
            Err(_) => {
                let late = (now - part.start_at).to_std().unwrap_or_default();
                Some(format!(
                    "all parts were to begin at {}, and this one was ready {:.1} s later: its \
                     set-up and warm-up take longer than that",
                    part.start_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                    late.as_secs_f64()
                ))
            }
        }
    }

    /// Requests of a role, from a seed; at a rate of its own, if it has one.
    fn feed(&self, side: &Side, seed: u64, rate: Option<f64>) -> Arc<Feed> {
        let Setting { workload, templates, tag, give_up_after, .. } = self.setting;
        let pace = match &workload.arrivals {
            Arrivals::Closed { think } => Pace::Closed { think: *think },
            Arrivals::Open { rate: own, spacing } => {
                let rate = rate.map_or_else(|| own.clone(), Rate::Constant);
                let length = match workload.length {
                    Length::For(length) => length,
                    Length::Requests(_) => Duration::ZERO,
                };
                let random = Random::of_part(seed, ARRIVALS);
                let due = DueTimes::new(&rate, *spacing, length, random);
                Pace::Open(match &self.setting.part {
                    Some(part) => due.of_part(part.partition),
                    None => due,
                })
            }
        };
        let requests = Requests::new(templates, seed);
        let requests = match &self.setting.part {
            Some(part) => requests.of_part(part.partition),
            None => requests,
        };
        Arc::new(Feed::new(
            Arc::clone(templates),
            requests,
            pace,
            tag.clone(),
            *give_up_after,
            Arc::clone(&side.reopen),
            self.setting.pacer.clone(),
        ))
    }

    /// How many machines execute the load.
    fn parts(&self) -> f64 {
        self.setting.part.as_ref().map_or(1.0, |it| f64::from(it.partition.of()))
    }

    /// One turn; when it was over, apart from requests that were still executed.
    async fn turn(
        &self,
        side: &mut Side,
        feed: &Arc<Feed>,
        part: Part,
        began: Instant,
        over: &watch::Sender<bool>,
        warming_up: bool,
    ) -> Option<Instant> {
        let span = Span::new(part, began, over, &self.observed);
        let ends_at = span.ends_at();
        *lock(&self.current) = Some(Current {
            role: side.role.clone(),
            warming_up,
            feed: Arc::clone(feed),
            began,
            ends_at,
            over: over.clone(),
        });
        let sessions = std::mem::take(&mut side.sessions);
        let cancel = self.cancel.subscribe();
        side.sessions = drive(feed, sessions, part, span, over, cancel).await;
        // All requests of an open loop may have ended before its time has.
        if let Some(ends_at) = ends_at
            && !*over.borrow()
        {
            let mut over = over.subscribe();
            tokio::select! {
                () = sleep_until(ends_at) => {}
                Ok(_) = over.wait_for(|it| *it) => {}
            }
        }
        ends_at
    }

    async fn warm_up(&self, side: &mut Side) -> WarmUpMeasured {
        let Setting { workload, seed, .. } = self.setting;
        let none = |ended: &str| WarmUpMeasured { ended: ended.to_owned(), ..Default::default() };
        let part = match workload.warm_up {
            WarmUp::None => return none("none"),
            WarmUp::For(length) | WarmUp::UntilSteady { at_most: length } => {
                Part::Between(Duration::ZERO, length)
            }
            WarmUp::Requests(count) => Part::Requests(count),
        };
        // At the rate that the load begins with: a ramp from nothing warms nothing up.
        let rate = match (&workload.arrivals, workload.length) {
            (Arrivals::Open { rate, .. }, Length::For(length)) => {
                Some(rate.at(Duration::ZERO, length).max(1.0))
            }
            (Arrivals::Open { rate, .. }, Length::Requests(_)) => {
                Some(rate.at(Duration::ZERO, Duration::ZERO).max(1.0))
            }
            (Arrivals::Closed { .. }, _) => None,
        };
        let feed = self.feed(side, seed ^ WARM_UP, rate);
        let over = watch::Sender::new(false);
        let began = Instant::now();
        let is_steady = {
            let turn = self.turn(side, &feed, part, began, &over, true);
            tokio::pin!(turn);
            tokio::select! {
                _ = &mut turn => false,
                () = steady(&feed, began, workload.warm_up) => {
                    over.send_replace(true);
                    turn.await;
                    true
                }
            }
        };
        // What a warm-up makes the generator do late is no matter.
        let lost = std::mem::take(&mut *lock(&self.observed)).lost_sessions;
        lock(&self.observed).lost_sessions = lost;
        let ended = match workload.warm_up {
            WarmUp::UntilSteady { .. } if is_steady => format!("steady: {}", Steady::rule()),
            WarmUp::UntilSteady { at_most } => {
                format!("not steady after {}", words::duration_text(at_most))
            }
            WarmUp::For(length) => format!("over after {}", words::duration_text(length)),
            WarmUp::Requests(_) | WarmUp::None => "over after its requests".to_owned(),
        };
        let tally = lock(&feed.tally);
        tally.as_warm_up(began.elapsed(), ended)
    }

    fn role(&self, side: &Side, feed: &Feed, warm_up: WarmUpMeasured) -> RoleMeasured {
        let Setting { workload, templates, .. } = self.setting;
        let tally = lock(&feed.tally);
        let query = |(at, it): (usize, &Template)| QueryMeasured {
            name: it.name.clone(),
            sql: it.sql.clone(),
            weight: it.weight,
            control: it.control,
            seconds: tally.seconds(at),
            server: None,
            exchanges: tally.exchanges(at),
        };
        RoleMeasured {
            role: side.role.clone(),
            session: side.session.clone(),
            warehouse: side.warehouse.clone(),
            sessions: workload.sessions,
            wanted_rate: wanted_rate(workload).map(|it| it / self.parts()),
            warm_up,
            queries: templates.iter().enumerate().map(query).collect(),
        }
    }

    fn health(&self, feeds: &[Arc<Feed>], sessions: usize) -> super::Health {
        let mut sum = Sum::default();
        let mut p99_us = 0;
        for feed in feeds {
            let tally = lock(&feed.tally);
            let of_role = tally.sum();
            sum.due += of_role.due;
            sum.dropped += of_role.dropped;
            sum.ok += of_role.ok;
            p99_us = p99_us.max(tally.recent(0..=u32::MAX).p99_us);
        }
        let sessions = u32::try_from(sessions).unwrap_or(u32::MAX);
        lock(&self.observed).health(sum, sessions, Duration::from_micros(u64::from(p99_us)))
    }

    /// Looks at what goes on, once a second, for as long as anybody waits.
    async fn watch(&self, mut progress: impl FnMut(Progress)) -> std::convert::Infallible {
        let mut cpu = Cpu::new(self.setting.not_ours);
        let budgets = self.budgets();
        let requests = self.requests();
        loop {
            sleep(TICK).await;
            let share = cpu.share();
            let shown = {
                let current = lock(&self.current);
                let Some(current) = &*current else { continue };
                if !current.warming_up
                    && let Some(share) = share
                {
                    let mut observed = lock(&self.observed);
                    let busiest = observed.busiest_cpu.map_or(share, |it| it.max(share));
                    observed.busiest_cpu = Some(busiest);
                }
                current.progress(share)
            };
            progress(shown);
            self.end_if_lost(&budgets, requests);
        }
    }

    /// Those of the first role.
    fn budgets(&self) -> Vec<WrittenBudget> {
        let Setting { workload, part, .. } = self.setting;
        // What is lost for a part may be kept by the whole.
        if part.is_some() {
            return Vec::new();
        }
        let of_first =
            |role: &Option<String>| role.as_ref().is_none_or(|it| *it == workload.on.name);
        workload.budgets.iter().filter(|it| of_first(&it.role)).map(written).collect()
    }

    /// That the first role will have been sent at its end, controls too. `None` where that depends
    /// on its answers, or where counting them takes longer than is worth it.
    fn requests(&self) -> Option<u64> {
        /// A tenth of a second of counting.
        const COUNTED_MAX: f64 = 1e6;

        let Setting { workload, seed, .. } = self.setting;
        match (workload.length, &workload.arrivals) {
            (Length::Requests(count), _) => Some(count),
            (Length::For(_), Arrivals::Closed { .. }) => None,
            (Length::For(length), Arrivals::Open { rate, spacing }) => {
                let expected = wanted_rate(workload).unwrap_or_default() * length.as_secs_f64();
                (expected <= COUNTED_MAX).then(|| {
                    let random = Random::of_part(*seed, ARRIVALS);
                    let due = DueTimes::new(rate, *spacing, length, random);
                    due.take_while(|it| *it < length).count() as u64
                })
            }
        }
    }

    /// Ends the load if one of the budgets cannot be kept any more, whatever is still to come.
    fn end_if_lost(&self, budgets: &[WrittenBudget], requests: Option<u64>) {
        if budgets.is_empty() || lock(&self.lost).is_some() {
            return;
        }
        let Some(feed) = lock(&self.tested).clone() else { return };
        let Some(measured) = self.so_far(&feed) else { return };
        let seconds = measured.roles.iter().flat_map(|it| &it.queries).flat_map(|it| &it.seconds);
        let ended: u64 = seconds.map(|it| it.due).sum();
        let remaining = requests.map_or(u64::MAX, |it| it.saturating_sub(ended));
        let Some(lost) = lost_for_certain(&measured, budgets, remaining) else { return };
        *lock(&self.lost) = Some(LostEarly {
            budget: lost.written.budget.to_string(),
            query: lost.written.query.clone(),
            why: lost.why,
            ended,
            of: requests,
        });
        if let Some(current) = &*lock(&self.current) {
            current.over.send_replace(true);
        }
    }

    /// What ended so far on the first role, as if it was one second. `None` where nothing has.
    fn so_far(&self, feed: &Feed) -> Option<Measured> {
        let Setting { workload, templates, seed, name, .. } = self.setting;
        let cells: Vec<_> = {
            let tally = lock(&feed.tally);
            (0..templates.len()).map(|it| tally.ended_of(it)).collect()
        };
        let query = |(template, cell): (&Template, Cell)| QueryMeasured {
            name: template.name.clone(),
            sql: String::new(),
            weight: template.weight,
            control: template.control,
            seconds: vec![cell.second(0)],
            server: None,
            exchanges: Vec::new(),
        };
        let queries: Vec<_> = templates.iter().zip(cells).map(query).collect();
        if queries.iter().flat_map(|it| &it.seconds).all(|it| it.due == 0) {
            return None;
        }
        let role = RoleMeasured {
            role: workload.on.name.clone(),
            session: workload.on.session.clone(),
            warehouse: None,
            sessions: workload.sessions,
            wanted_rate: wanted_rate(workload),
            warm_up: WarmUpMeasured::default(),
            queries,
        };
        Some(Measured {
            workload: (*name).to_owned(),
            seed: *seed,
            began: DateTime::UNIX_EPOCH,
            lasted_us: 0,
            simulated: None,
            roles: vec![role],
            health: super::Health::default(),
        })
    }
}

impl Current {
    fn progress(&self, cpu: Option<f64>) -> Progress {
        let now = Instant::now();
        let second = u32::try_from((now - self.began).as_secs()).unwrap_or(u32::MAX);
        let from = second.saturating_sub(RECENT_S);
        let tally: &Tally = &lock(&self.feed.tally);
        let recent = tally.recent(from..=second.saturating_sub(1));
        let left = self.ends_at.map(|it| it.saturating_duration_since(now));
        Progress {
            role: self.role.clone(),
            warming_up: self.warming_up,
            rate: recent.ok as f64 / f64::from((second - from).max(1)),
            p50_us: recent.p50_us,
            p95_us: recent.p95_us,
            p99_us: recent.p99_us,
            failed: recent.failed,
            dropped: tally.sum().dropped,
            cpu,
            left_us: left.map(|it| u64::try_from(it.as_micros()).unwrap_or(u64::MAX)),
        }
    }
}

/// Waits until a warm-up is steady, if that is what it waits for.
async fn steady(feed: &Feed, began: Instant, warm_up: WarmUp) {
    let WarmUp::UntilSteady { .. } = warm_up else { return std::future::pending().await };
    let mut steady = Steady::default();
    for second in 0.. {
        // A second later, most of its requests have ended.
        sleep_until(began + Duration::from_secs(u64::from(second) + 2)).await;
        let latencies = lock(&feed.tally).latencies(second);
        if steady.second(&latencies) {
            return;
        }
    }
}

/// In the mean, of an open loop.
fn wanted_rate(workload: &Workload) -> Option<f64> {
    let Arrivals::Open { rate, .. } = &workload.arrivals else { return None };
    Some(match rate {
        Rate::Constant(rate) | Rate::Search { from: rate, .. } => *rate,
        Rate::Ramp { from, to } => f64::midpoint(*from, *to),
        Rate::Steps(steps) => {
            let length: f64 = steps.iter().map(|(_, it)| it.as_secs_f64()).sum();
            let requests: f64 = steps.iter().map(|(rate, it)| rate * it.as_secs_f64()).sum();
            requests / length.max(1e-9)
        }
    })
}

/// Error classes of what was measured, and how often each came.
pub fn errors(measured: &Measured) -> Vec<(String, u64)> {
    let seconds = || {
        let queries = measured.roles.iter().flat_map(|it| &it.queries);
        queries.flat_map(|it| &it.seconds)
    };
    let classes: BTreeSet<&String> = seconds().flat_map(|it| it.errors.keys()).collect();
    let count = |class: &String| seconds().filter_map(|it| it.errors.get(class)).sum();
    classes.into_iter().map(|it| (it.clone(), count(it))).collect()
}
