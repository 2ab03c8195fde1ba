//! Runs statements on a warehouse: admits them, queues them, times them out, falls back.
//!
//! Limits are measured on tokio's clock, not the account's: what a statement takes is real. They
//! take effect where the work yields, so work that computes has to yield now and then.

use super::{
    Kind, Substance, Warehouse, Warehouses,
    settings::STATEMENT_TIMEOUT_IN_SECONDS,
    slots::{Cluster, Grant, Ticket},
};
use crate::{
    clock,
    error::SqlError,
    regression::{Regression, regressed},
};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

/// What an interactive warehouse grants a statement, whatever its parameters say (catalogue L-01,
/// L-02). They can lower it (L-03).
pub const INTERACTIVE_TIMEOUT_SECS: u64 = 5;

/// Limits that come from the session; the warehouse has its own. Seconds; 0 is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionLimits {
    pub statement_timeout_in_seconds: u64,
    pub statement_queued_timeout_in_seconds: u64,
}

/// How a statement fared on its warehouse, for the history.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub warehouse: String,
    pub kind: Option<Kind>,
    pub size: String,
    pub cluster_number: Option<u32>,
    pub queued_overload: Duration,
    pub queued_provisioning: Duration,
    /// What was lost on the interactive warehouse before the fallback ran it.
    pub fault_handling: Duration,
    /// From being admitted to the end. `None` where it never was.
    pub ran: Option<Duration>,
    /// What was spent on compiling before it asked to be admitted; in none of the others.
    pub compiled_before: Duration,
}

impl Account {
    /// Of a statement that was submitted to a warehouse and has not been admitted yet, for the
    /// history of what runs.
    pub fn on(warehouse: &Warehouse) -> Self {
        Self {
            warehouse: warehouse.name.clone(),
            kind: Some(warehouse.kind),
            size: warehouse.size().name().to_owned(),
            ..Self::default()
        }
    }
}

/// Whether the five-second clock of interactive warehouses applies (catalogue L-01; SHOW and
/// INSERT OVERWRITE are exempt by the documentation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocked {
    Yes,
    No,
}

/// Asked to stop: the value turns true.
pub type CancelSignal = watch::Receiver<bool>;

/// Runs `work` on `warehouse`, within all limits, and accounts for it.
///
/// `work` is called once it is admitted, and again on the fallback warehouse if there is one and
/// the five seconds ran out; it is told the warehouse it runs on. Its future is dropped at a limit
/// or when cancelled, which stops the work.
///
/// `already` is what the statement took before: its time runs from submission, and covers
/// compiling and queueing. A statement that runs out of it before it is admitted has not run:
/// [`Account::ran`] is `None`.
pub async fn run<T, W, F>(
    warehouses: &Warehouses,
    warehouse: &Arc<Warehouse>,
    clocked: Clocked,
    limits: SessionLimits,
    already: Duration,
    cancel: CancelSignal,
    mut work: W,
) -> (Result<T, SqlError>, Account)
where
    W: FnMut(Arc<Warehouse>) -> F,
    F: Future<Output = Result<T, SqlError>>,
{
    let began = Instant::now();
    let (result, account) =
        attempt(warehouse, clocked, limits, already, cancel.clone(), &mut work).await;
    let stop = match result {
        Ok(value) => return (Ok(value), account),
        Err(stop) => stop,
    };
    // Nothing but the interactive clock is made good: neither refusals nor the queue's own limit.
    if let Stop::TimedOut { secs: _ } = stop
        && warehouse.kind == Kind::Interactive
        && clocked == Clocked::Yes
        && let Some(fallback) = fallback_of(warehouses, warehouse)
    {
        let lost = already + began.elapsed();
        let spent = match regressed(Regression::FallbackSharesBudget) {
            true => lost,
            false => Duration::ZERO,
        };
        let (result, account) = attempt(&fallback, clocked, limits, spent, cancel, &mut work).await;
        return (result.map_err(Stop::into), Account { fault_handling: lost, ..account });
    }
    (Err(stop.into()), account)
}

/// The standard warehouse that takes over, if the release has that, there is one of the name, and
/// it runs or can resume by itself. The name was not validated when it was set.
fn fallback_of(warehouses: &Warehouses, warehouse: &Warehouse) -> Option<Arc<Warehouse>> {
    if !warehouses.release.has_fallback() || regressed(Regression::FallbackUnused) {
        return None;
    }
    let fallback = warehouses.get(&warehouse.fallback()?)?;
    (fallback.kind == Kind::Standard && fallback.substance.is_available()).then_some(fallback)
}

/// Why there is no result.
enum Stop {
    /// By the statement's own limit or the interactive one.
    TimedOut {
        secs: u64,
    },
    QueuedTooLong {
        secs: u64,
    },
    Cancelled,
    /// By the work, or by a warehouse that is suspended.
    Refused(SqlError),
}

impl From<Stop> for SqlError {
    fn from(stop: Stop) -> Self {
        match stop {
            // The code of a queue's timeout is not public; its neighbour's is used, with its
            // seconds.
            Stop::TimedOut { secs } | Stop::QueuedTooLong { secs } => SqlError::timed_out(secs),
            Stop::Cancelled => SqlError::cancelled(),
            Stop::Refused(error) => error,
        }
    }
}

/// One try on one warehouse.
async fn attempt<T, W, F>(
    warehouse: &Arc<Warehouse>,
    clocked: Clocked,
    limits: SessionLimits,
    already: Duration,
    cancel: CancelSignal,
    work: &mut W,
) -> (Result<T, Stop>, Account)
where
    W: FnMut(Arc<Warehouse>) -> F,
    F: Future<Output = Result<T, SqlError>>,
{
    let substance = &warehouse.substance;
    let (own_timeout_secs, own_queued_timeout_secs) = {
        let inner = substance.state.lock();
        (inner.settings.statement_timeout_secs(), inner.settings.statement_queued_timeout_secs())
    };
    let is_interactive = warehouse.kind == Kind::Interactive;
    let has_clock = match is_interactive {
        true => !regressed(Regression::TimeoutNotEnforced),
        false => regressed(Regression::FiveSecondsEverywhere),
    };
    let interactive_secs = match regressed(Regression::TimeoutTenSeconds) {
        true => 2 * INTERACTIVE_TIMEOUT_SECS,
        false => INTERACTIVE_TIMEOUT_SECS,
    };
    let interactive = (has_clock && clocked == Clocked::Yes).then_some(interactive_secs);
    let session_secs = limits.statement_timeout_in_seconds;
    let (session_secs, own_timeout_secs, interactive) = match () {
        () if is_interactive && regressed(Regression::SessionTimeoutIgnored) => {
            (0, own_timeout_secs, interactive)
        }
        () if !is_interactive && regressed(Regression::StandardTimeoutIgnored) => {
            (0, own_timeout_secs, interactive)
        }
        () if is_interactive && regressed(Regression::WarehouseTimeoutIgnored) => {
            (session_secs, 0, interactive)
        }
        () if is_interactive
            && session_secs > INTERACTIVE_TIMEOUT_SECS
            && regressed(Regression::SessionTimeoutRaises) =>
        {
            (session_secs, own_timeout_secs, None)
        }
        () if is_interactive
            && (INTERACTIVE_TIMEOUT_SECS..STATEMENT_TIMEOUT_IN_SECONDS)
                .contains(&own_timeout_secs)
            && regressed(Regression::WarehouseTimeoutRaises) =>
        {
            (session_secs, own_timeout_secs, None)
        }
        () => (session_secs, own_timeout_secs, interactive),
    };
    let mut account = Account::on(warehouse);

    let began = Instant::now();
    let timeout_secs = lowest([session_secs, own_timeout_secs, interactive.unwrap_or_default()]);
    let deadline = timeout_secs
        .and_then(|secs| began.checked_add(Duration::from_secs(secs).saturating_sub(already)));
    let queued_timeout_secs =
        lowest([limits.statement_queued_timeout_in_seconds, own_queued_timeout_secs])
            .filter(|_| !regressed(Regression::QueuedTimeoutIgnored));
    let queue_deadline =
        queued_timeout_secs.and_then(|secs| began.checked_add(Duration::from_secs(secs)));
    let timed_out = || Stop::TimedOut { secs: timeout_secs.unwrap_or_default() };
    let mut aborts = substance.aborts.subscribe();

    // Limits come first: work that is due to stop is not polled once more.
    let slot = tokio::select! {
        biased;
        () = cancelled(cancel.clone()) => Err(Stop::Cancelled),
        _ = aborts.changed() => Err(Stop::Cancelled),
        () = passed(deadline) => Err(timed_out()),
        slot = admit(substance) => slot.map_err(Stop::Refused),
        () = passed(queue_deadline) => {
            Err(Stop::QueuedTooLong { secs: queued_timeout_secs.unwrap_or_default() })
        }
    };
    account.queued_overload = match regressed(Regression::QueueNotCounted) {
        true => Duration::ZERO,
        false => began.elapsed(),
    };
    let slot = match slot {
        Ok(slot) => slot,
        Err(Stop::TimedOut { .. }) if regressed(Regression::OverloadCode) => {
            return (Err(Stop::Cancelled), account);
        }
        Err(stop) => return (Err(stop), account),
    };
    account.cluster_number = Some(slot.cluster.0);

    let admitted = Instant::now();
    let result = tokio::select! {
        biased;
        () = cancelled(cancel) => Err(Stop::Cancelled),
        _ = aborts.changed() => Err(Stop::Cancelled),
        () = passed(deadline) => Err(timed_out()),
        result = work(warehouse.clone()) => {
            // Work that does not yield in time ends before its limit is looked at. It only read,
            // on an interactive warehouse, so that it can be called late. Elsewhere it may have
            // committed.
            if interactive.is_some() && deadline.is_some_and(|it| it <= Instant::now()) {
                Err(timed_out())
            } else {
                result.map_err(Stop::Refused)
            }
        }
    };
    account.ran = Some(admitted.elapsed());
    drop(slot);
    (result, account)
}

/// The lowest that is not zero.
fn lowest<const N: usize>(secs: [u64; N]) -> Option<u64> {
    secs.into_iter().filter(|it| 0 < *it).min()
}

async fn cancelled(mut cancel: CancelSignal) {
    if cancel.wait_for(|it| *it).await.is_err() {
        // Nobody is left who could cancel.
        std::future::pending().await
    }
}

async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(it) => tokio::time::sleep_until(it).await,
        None => std::future::pending().await,
    }
}

/// Waits for a slot. Dropping the future leaves the queue.
async fn admit(substance: &Arc<Substance>) -> Result<Slot, SqlError> {
    match substance.ask()? {
        Grant::Admitted(cluster) => Ok(Slot { substance: substance.clone(), cluster }),
        Grant::Queued(ticket, admitted) => {
            let mut wait = Wait { substance: substance.clone(), ticket, admitted };
            match clock::waiting(&mut wait.admitted).await {
                Ok(cluster) => Ok(Slot { substance: substance.clone(), cluster }),
                Err(_) => Err(SqlError::internal("a warehouse's queue was lost")),
            }
        }
    }
}

/// A slot that is held.
struct Slot {
    substance: Arc<Substance>,
    cluster: Cluster,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.substance.release(self.cluster);
    }
}

/// A place in the queue that is held.
struct Wait {
    substance: Arc<Substance>,
    ticket: Ticket,
    admitted: oneshot::Receiver<Cluster>,
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.substance.state.lock().slots.give_up(self.ticket);
        // It may have been admitted without having looked since.
        if let Ok(cluster) = self.admitted.try_recv() {
            self.substance.release(cluster);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Counts, Properties, State};
    use super::*;
    use crate::{release::Release, store::catalog::OnConflict};
    use chrono::Utc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::time::sleep;

    struct Bench {
        warehouses: Arc<Warehouses>,
        cancel: watch::Sender<bool>,
    }

    /// How a statement ended: what its work returned and where it ran, or code and text.
    type Ending = (Result<String, SqlError>, Account);

    impl Bench {
        /// With `STD` and `IW`, both running, and `IW` of one slot.
        fn new(release: Release) -> Self {
            let warehouses = Arc::new(Warehouses::new(release));
            for (name, kind) in [("STD", Kind::Standard), ("IW", Kind::Interactive)] {
                let properties = Properties {
                    initially_suspended: Some(false),
                    max_concurrency_level: Some(1),
                    ..Properties::default()
                };
                warehouses
                    .create(name, kind, properties, Vec::new(), OnConflict::Fail, Utc::now())
                    .expect(name);
            }
            Self { warehouses, cancel: watch::Sender::new(false) }
        }

        fn get(&self, name: &str) -> Arc<Warehouse> {
            self.warehouses.get(name).expect("the bench has it")
        }

        fn set(&self, name: &str, properties: Properties) {
            self.get(name).set(properties).expect("the bench sets what can be set");
        }

        /// Submits work of `secs` seconds, after `already` of compiling.
        fn submit(
            &self,
            name: &str,
            clocked: Clocked,
            limits: SessionLimits,
            already: Duration,
            secs: u64,
        ) -> tokio::task::JoinHandle<Ending> {
            let (warehouses, cancel) = (self.warehouses.clone(), self.cancel.subscribe());
            let warehouse = self.get(name);
            tokio::spawn(async move {
                run(&warehouses, &warehouse, clocked, limits, already, cancel, |it| async move {
                    sleep(Duration::from_secs(secs)).await;
                    Ok(it.name.clone())
                })
                .await
            })
        }

        /// Submits work of `secs` seconds without limits, and waits until it runs or queues.
        async fn start(&self, name: &str, secs: u64) -> tokio::task::JoinHandle<Ending> {
            let task =
                self.submit(name, Clocked::Yes, SessionLimits::default(), Duration::ZERO, secs);
            settle().await;
            task
        }

        async fn run(&self, name: &str, secs: u64) -> Ending {
            self.start(name, secs).await.await.expect("work does not panic")
        }
    }

    /// Lets every task run until it waits.
    async fn settle() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[track_caller]
    fn timed_out(result: &Result<String, SqlError>, secs: u64) {
        assert_eq!(result, &Err(SqlError::timed_out(secs)));
    }

    #[tokio::test(start_paused = true)]
    async fn five_seconds_on_an_interactive_warehouse_whatever_the_parameters_say() {
        let bench = Bench::new(Release::ZeroCopy);
        let longer = Properties { statement_timeout_in_seconds: Some(45), ..Properties::default() };
        bench.set("IW", longer);
        let began = Instant::now();
        let (result, account) = bench.run("IW", 60).await;
        timed_out(&result, 5);
        assert_eq!(began.elapsed().as_secs(), 5);
        assert_eq!(account.ran.map(|it| it.as_secs()), Some(5));
        assert_eq!((account.kind, account.cluster_number), (Some(Kind::Interactive), Some(1)));
        assert_eq!(bench.run("IW", 4).await.0.as_deref(), Ok("IW"));
        assert_eq!(bench.run("STD", 60).await.0.as_deref(), Ok("STD"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_lowest_limit_that_is_not_zero_holds() {
        #[track_caller]
        fn check(result: &Result<String, SqlError>, expected: Option<u64>) {
            match expected {
                Some(secs) => timed_out(result, secs),
                None => assert!(result.is_ok(), "{result:?}"),
            }
        }
        let bench = Bench::new(Release::ZeroCopy);
        for (name, session, own, expected) in [
            ("IW", 2, 0, Some(2)),
            ("IW", 0, 3, Some(3)),
            ("IW", 4, 3, Some(3)),
            ("IW", 60, 0, Some(5)),
            ("STD", 20, 10, Some(10)),
            ("STD", 20, 0, Some(20)),
            ("STD", 0, 0, None),
        ] {
            let own =
                Properties { statement_timeout_in_seconds: Some(own), ..Properties::default() };
            bench.set(name, own);
            let limits =
                SessionLimits { statement_timeout_in_seconds: session, ..SessionLimits::default() };
            let task = bench.submit(name, Clocked::Yes, limits, Duration::ZERO, 30);
            check(&task.await.expect("work does not panic").0, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_runs_from_submission() {
        let bench = Bench::new(Release::ZeroCopy);
        let limits = SessionLimits::default();
        let compiled = Duration::from_secs(3);
        let began = Instant::now();
        let task = bench.submit("IW", Clocked::Yes, limits, compiled, 4);
        let (result, account) = task.await.expect("work does not panic");
        timed_out(&result, 5);
        assert_eq!(began.elapsed().as_secs(), 2);
        assert!(account.ran.is_some());

        let task = bench.submit("IW", Clocked::Yes, limits, Duration::from_secs(6), 0);
        let (result, account) = task.await.expect("work does not panic");
        timed_out(&result, 5);
        assert_eq!(account.ran, None, "it was killed while compiling");
    }

    #[tokio::test(start_paused = true)]
    async fn what_queues_for_five_seconds_has_not_run() {
        let bench = Bench::new(Release::ZeroCopy);
        let limits = SessionLimits::default();
        let first = bench.submit("IW", Clocked::No, limits, Duration::ZERO, 30);
        settle().await;
        let (result, account) = bench.run("IW", 0).await;
        timed_out(&result, 5);
        assert_eq!(account.ran, None);
        assert_eq!(account.queued_overload.as_secs(), 5);
        assert!(first.await.expect("work does not panic").0.is_ok(), "it has no clock");
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_has_its_own_limit() {
        let bench = Bench::new(Release::ZeroCopy);
        let own =
            Properties { statement_queued_timeout_in_seconds: Some(7), ..Properties::default() };
        bench.set("STD", own);
        let none = SessionLimits::default();
        let first = bench.start("STD", 30).await;
        let session =
            SessionLimits { statement_queued_timeout_in_seconds: 2, ..SessionLimits::default() };
        let second = bench.submit("STD", Clocked::Yes, session, Duration::ZERO, 1);
        let third = bench.submit("STD", Clocked::Yes, none, Duration::ZERO, 1);
        timed_out(&second.await.expect("work does not panic").0, 2);
        timed_out(&third.await.expect("work does not panic").0, 7);
        assert!(first.await.expect("work does not panic").0.is_ok(), "it never queued");
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_is_first_in_first_out_and_counted() {
        let bench = Bench::new(Release::ZeroCopy);
        let mut tasks = Vec::new();
        for _ in 0..3 {
            tasks.push(bench.start("STD", 10).await);
        }
        let counts = bench.get("STD").counts();
        assert_eq!(counts, Counts { running: 1, queued: 2, started_clusters: 1 });
        let mut queued = Vec::new();
        for task in tasks {
            queued.push(task.await.expect("work does not panic").1.queued_overload.as_secs());
        }
        assert_eq!(queued, [0, 10, 20]);
        assert_eq!(bench.get("STD").counts().running, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn another_cluster_starts_instead_of_queueing() {
        let bench = Bench::new(Release::ZeroCopy);
        bench.set("STD", Properties { max_cluster_count: Some(2), ..Properties::default() });
        let limits = SessionLimits::default();
        let tasks: Vec<_> =
            (0..2).map(|_| bench.submit("STD", Clocked::Yes, limits, Duration::ZERO, 1)).collect();
        settle().await;
        assert_eq!(bench.get("STD").counts().started_clusters, 2);
        let mut clusters = Vec::new();
        for task in tasks {
            clusters.push(task.await.expect("work does not panic").1.cluster_number);
        }
        assert_eq!(clusters, [Some(1), Some(2)]);
        assert_eq!(bench.get("STD").counts().started_clusters, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn cancelling_ends_what_runs_and_what_queues() {
        let bench = Bench::new(Release::ZeroCopy);
        let running = bench.start("STD", 60).await;
        let queued = bench.start("STD", 60).await;
        bench.cancel.send_replace(true);
        for task in [running, queued] {
            let (result, _) = task.await.expect("work does not panic");
            assert_eq!(result, Err(SqlError::cancelled()));
        }
        let counts = bench.get("STD").counts();
        assert_eq!((counts.running, counts.queued), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn aborting_all_queries_ends_them_but_not_the_next() {
        let bench = Bench::new(Release::ZeroCopy);
        let task = bench.start("STD", 60).await;
        bench.get("STD").abort_all();
        let (result, _) = task.await.expect("work does not panic");
        assert_eq!(result, Err(SqlError::cancelled()));
        assert!(bench.run("STD", 1).await.0.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_statement_gives_its_slot_and_its_place_back() {
        let bench = Bench::new(Release::ZeroCopy);
        let running = bench.start("STD", 60).await;
        let queued = bench.start("STD", 60).await;
        queued.abort();
        running.abort();
        settle().await;
        let counts = bench.get("STD").counts();
        assert_eq!((counts.running, counts.queued), (0, 0));
        assert!(bench.run("STD", 1).await.0.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_suspended_warehouse_resumes_only_if_it_may() {
        let bench = Bench::new(Release::ZeroCopy);
        let std = bench.get("STD");
        std.suspend(Utc::now()).expect("it runs");
        assert!(bench.run("STD", 1).await.0.is_ok());
        assert_eq!(std.state(), State::Started);

        bench.set("STD", Properties { auto_resume: Some(false), ..Properties::default() });
        std.suspend(Utc::now()).expect("it runs");
        let error = bench.run("STD", 1).await.0.expect_err("it is suspended");
        assert_eq!((error.code, &*error.sqlstate), (606, "57P03"));
    }

    #[tokio::test(start_paused = true)]
    async fn suspending_lets_running_statements_finish() {
        let bench = Bench::new(Release::ZeroCopy);
        bench.set("STD", Properties { auto_resume: Some(false), ..Properties::default() });
        let running = bench.start("STD", 10).await;
        bench.get("STD").suspend(Utc::now()).expect("it runs");
        let counts = bench.get("STD").counts();
        assert_eq!(counts, Counts { running: 1, queued: 0, started_clusters: 0 });
        assert!(bench.run("STD", 1).await.0.is_err(), "nothing new starts");
        assert!(running.await.expect("work does not panic").0.is_ok());
    }

    fn fallback(to: &str) -> Properties {
        Properties { fallback_warehouse: Some(Some(to.to_owned())), ..Properties::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn the_fallback_runs_what_ran_out_of_time_with_a_fresh_budget() {
        let bench = Bench::new(Release::Fallback);
        bench.set("IW", fallback("STD"));
        let own = Properties { statement_timeout_in_seconds: Some(30), ..Properties::default() };
        bench.set("STD", own);
        let began = Instant::now();
        let (result, account) = bench.run("IW", 20).await;
        assert_eq!(result.as_deref(), Ok("STD"));
        assert_eq!(began.elapsed().as_secs(), 25);
        assert_eq!(account.warehouse, "STD");
        assert_eq!(account.kind, Some(Kind::Standard));
        assert_eq!(account.fault_handling.as_secs(), 5);
        assert_eq!(account.ran.map(|it| it.as_secs()), Some(20));

        let (result, account) = bench.run("IW", 40).await;
        timed_out(&result, 30);
        assert_eq!(account.warehouse, "STD");

        let (_, account) = bench.run("IW", 1).await;
        assert_eq!((account.warehouse.as_str(), account.fault_handling.as_secs()), ("IW", 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fallback_that_cannot_run_it_leaves_the_timeout() {
        let bench = Bench::new(Release::ZeroCopy);
        for name in ["NO_SUCH", "IW"] {
            bench.set("IW", fallback(name));
            let (result, account) = bench.run("IW", 20).await;
            timed_out(&result, 5);
            assert_eq!(account.warehouse, "IW", "fallback {name}");
        }
        bench.set("IW", fallback("STD"));
        bench.set("STD", Properties { auto_resume: Some(false), ..Properties::default() });
        bench.get("STD").suspend(Utc::now()).expect("it runs");
        timed_out(&bench.run("IW", 20).await.0, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_not_run_again_on_the_fallback() {
        let bench = Bench::new(Release::ZeroCopy);
        bench.set("IW", fallback("STD"));
        let calls = AtomicU32::new(0);
        let (result, account) = run(
            &bench.warehouses,
            &bench.get("IW"),
            Clocked::Yes,
            SessionLimits::default(),
            Duration::ZERO,
            bench.cancel.subscribe(),
            |_| async {
                calls.fetch_add(1, Ordering::Relaxed);
                Err::<(), _>(SqlError::invalid_identifier("X"))
            },
        )
        .await;
        assert_eq!(result, Err(SqlError::invalid_identifier("X")));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!(account.warehouse, "IW");
    }

    #[tokio::test(start_paused = true)]
    async fn without_anybody_to_cancel_it_a_statement_still_runs() {
        let bench = Bench::new(Release::ZeroCopy);
        let (sender, cancel) = watch::channel(false);
        drop(sender);
        let (result, _) = run(
            &bench.warehouses,
            &bench.get("STD"),
            Clocked::Yes,
            SessionLimits::default(),
            Duration::ZERO,
            cancel,
            |_| async {
                sleep(Duration::from_secs(1)).await;
                Ok(())
            },
        )
        .await;
        assert_eq!(result, Ok(()));
    }
}
