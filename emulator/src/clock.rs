//! The emulator's clock. Every timestamp that a user can see comes from here.
//!
//! A virtual clock goes on like a real one, and can jump. During a jump it knows who is awake:
//! statements and refreshes count as awake unless they sleep on this clock or wait for each other.
//! The clock only moves while nobody is awake, so what is measured of a statement never has a jump
//! in it that the statement did not sleep through.

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{RwLock, RwLockWriteGuard, oneshot, watch};

/// While somebody waits for another, nobody may be awake for a moment: between the end of one and
/// the other's noticing. It has to last this long to count.
const HAND_OVER: Duration = Duration::from_millis(2);

/// Where the emulator gets its time from.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
enum Inner {
    Real,
    Virtual(Virtual),
}

#[derive(Debug)]
struct Virtual {
    /// What the clock showed when it was made, and when that was.
    epoch: DateTime<Utc>,
    made: Instant,
    sleep: Mutex<Sleep>,
    living: watch::Sender<Living>,
    /// Held by a jump; who begins passes through it. Fair, so that neither starves.
    gate: RwLock<()>,
}

#[derive(Debug, Default)]
struct Sleep {
    /// How far jumps have taken the clock.
    ahead: TimeDelta,
    /// By the instant to be woken at.
    sleepers: BTreeMap<(DateTime<Utc>, u64), Sleeper>,
    next: u64,
}

#[derive(Debug)]
struct Sleeper {
    wake: oneshot::Sender<()>,
    /// Whether it counts as awake once it is woken.
    living: bool,
}

/// Statements and refreshes that have begun and not ended, those that sleep left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Living {
    awake: usize,
    /// For a slot, a lock: for each other.
    waiting: usize,
}

tokio::task_local! {
    /// The clock of the statement or refresh that this task is.
    static LIVING: Clock;
}

impl Clock {
    pub fn real() -> Self {
        Self(Arc::new(Inner::Real))
    }

    /// One that begins now, and can jump.
    pub fn virtual_time() -> Self {
        Self::virtual_from(Utc::now())
    }

    /// One that begins at an instant, and can jump.
    pub fn virtual_from(epoch: DateTime<Utc>) -> Self {
        Self(Arc::new(Inner::Virtual(Virtual {
            epoch,
            made: Instant::now(),
            sleep: Mutex::default(),
            living: watch::Sender::default(),
            gate: RwLock::default(),
        })))
    }

    pub fn is_virtual(&self) -> bool {
        self.as_virtual().is_some()
    }

    fn as_virtual(&self) -> Option<&Virtual> {
        match &*self.0 {
            Inner::Real => None,
            Inner::Virtual(it) => Some(it),
        }
    }

    /// To the microsecond, as timestamps are stored.
    pub fn now(&self) -> DateTime<Utc> {
        match &*self.0 {
            Inner::Real => Utc::now(),
            Inner::Virtual(it) => it.now(&it.sleep.lock()),
        }
    }

    /// Sleeps until so much time has passed on this clock, by itself or by jumps.
    pub async fn sleep(&self, duration: Duration) {
        let Some(clock) = self.as_virtual() else {
            return tokio::time::sleep(duration).await;
        };
        let (asleep, woken) = clock.fall_asleep(duration);
        tokio::select! {
            _ = woken => {}
            () = tokio::time::sleep(duration) => {}
        }
        drop(asleep);
    }

    /// Runs a statement. It does not begin while the clock jumps.
    pub(crate) async fn statement<F: Future>(&self, work: F) -> F::Output {
        let alive = match self.as_virtual() {
            None => Alive(None),
            Some(clock) => {
                let _passing = clock.gate.read().await;
                self.alive()
            }
        };
        alive.run(work).await
    }

    /// Counts somebody as awake from now on, whether the clock jumps or not.
    pub(crate) fn alive(&self) -> Alive {
        let clock = self.as_virtual();
        if let Some(it) = clock {
            it.living.send_modify(|it| it.awake += 1);
        }
        Alive(clock.map(|_| self.clone()))
    }

    /// Moves a virtual clock forward to an instant, and wakes who sleeps until then. A real one,
    /// and one that is there already, stays as it is.
    pub fn advance_to(&self, at: DateTime<Utc>) {
        let Some(clock) = self.as_virtual() else { return };
        let mut sleep = clock.sleep.lock();
        let now = clock.now(&sleep);
        if at > now {
            sleep.ahead += at - now;
        }
        let later = sleep.sleepers.split_off(&(at.max(now), u64::MAX));
        let due = std::mem::replace(&mut sleep.sleepers, later);
        for sleeper in due.into_values() {
            // Awake before it knows, so that the clock does not move on until it has slept out.
            if sleeper.living {
                clock.living.send_modify(|it| it.awake += 1);
            }
            let _ = sleeper.wake.send(());
        }
    }

    /// Begins a jump: from now on no statement begins. `None` on a real clock.
    pub(crate) async fn stop(&self) -> Option<Stopped<'_>> {
        let clock = self.as_virtual()?;
        Some(Stopped { clock, _gate: clock.gate.write().await })
    }
}

/// `SYSTEM$WAIT` of a statement, in real time like the limits that may end it: a jump neither
/// waits for it nor shortens it.
pub(crate) async fn held_up(pause: Duration) {
    waiting(tokio::time::sleep(pause)).await;
}

/// Waits for another statement or refresh: for its slot, its lock. It may end only after a jump,
/// so a jump does not wait for this.
pub(crate) async fn waiting<F: Future>(work: F) -> F::Output {
    let _waiting = LIVING.try_with(Clock::clone).ok().map(|clock| {
        if let Some(it) = clock.as_virtual() {
            it.living.send_modify(|it| {
                it.awake = it.awake.saturating_sub(1);
                it.waiting += 1;
            });
        }
        Waiting(clock)
    });
    work.await
}

struct Waiting(Clock);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(clock) = self.0.as_virtual() {
            clock.living.send_modify(|it| {
                it.awake += 1;
                it.waiting = it.waiting.saturating_sub(1);
            });
        }
    }
}

/// Somebody who counts as awake until this is dropped.
#[derive(Debug)]
pub(crate) struct Alive(Option<Clock>);

impl Alive {
    /// Does what makes it alive.
    pub async fn run<F: Future>(self, work: F) -> F::Output {
        match &self.0 {
            None => work.await,
            Some(clock) => LIVING.scope(clock.clone(), work).await,
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        if let Some(clock) = self.0.as_ref().and_then(Clock::as_virtual) {
            clock.living.send_modify(|it| it.awake = it.awake.saturating_sub(1));
        }
    }
}

impl Virtual {
    fn now(&self, sleep: &Sleep) -> DateTime<Utc> {
        let passed = i64::try_from(self.made.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.epoch + TimeDelta::microseconds(passed) + sleep.ahead
    }

    fn fall_asleep(&self, duration: Duration) -> (Asleep<'_>, oneshot::Receiver<()>) {
        let (wake, woken) = oneshot::channel();
        let living = LIVING.try_with(|_| ()).is_ok();
        let mut sleep = self.sleep.lock();
        let until = TimeDelta::from_std(duration)
            .ok()
            .and_then(|it| self.now(&sleep).checked_add_signed(it))
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        let key = (until, sleep.next);
        sleep.next += 1;
        sleep.sleepers.insert(key, Sleeper { wake, living });
        if living {
            self.living.send_modify(|it| it.awake = it.awake.saturating_sub(1));
        }
        (Asleep { clock: self, key }, woken)
    }
}

/// Somebody who sleeps. Wakes on drop, if nobody woke it before.
struct Asleep<'a> {
    clock: &'a Virtual,
    key: (DateTime<Utc>, u64),
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        let mut sleep = self.clock.sleep.lock();
        if let Some(sleeper) = sleep.sleepers.remove(&self.key)
            && sleeper.living
        {
            self.clock.living.send_modify(|it| it.awake += 1);
        }
    }
}

/// A jump under way. The clock runs again when it is dropped.
pub(crate) struct Stopped<'a> {
    clock: &'a Virtual,
    _gate: RwLockWriteGuard<'a, ()>,
}

impl Stopped<'_> {
    /// Waits until nobody is awake.
    pub async fn quiet(&self) {
        let mut living = self.clock.living.subscribe();
        loop {
            let seen = match living.wait_for(|it| it.awake == 0).await {
                Ok(it) => *it,
                // The clock holds the sender.
                Err(_) => return,
            };
            if seen.waiting == 0 {
                return;
            }
            let stirred = tokio::time::timeout(HAND_OVER, living.changed()).await;
            if stirred.is_err() {
                return;
            }
        }
    }

    /// When the next statement or refresh is going to wake by itself.
    pub fn next_waking(&self) -> Option<DateTime<Utc>> {
        let sleep = self.clock.sleep.lock();
        sleep.sleepers.iter().find(|(_, it)| it.living).map(|((at, _), _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(it: u64) -> Duration {
        Duration::from_secs(it)
    }

    #[tokio::test]
    async fn a_jump_wakes_who_sleeps_until_then_and_nobody_else() {
        let clock = Clock::virtual_time();
        let began = Instant::now();
        let now = clock.now();
        let sleeper = |it| {
            let clock = clock.clone();
            tokio::spawn(async move { clock.sleep(seconds(it)).await })
        };
        let (short, long) = (sleeper(60), sleeper(600));
        tokio::task::yield_now().await;
        clock.advance_to(now + TimeDelta::seconds(61));
        short.await.unwrap();
        assert!(!long.is_finished());
        assert!(clock.now() >= now + TimeDelta::seconds(61));
        clock.advance_to(now);
        assert!(clock.now() >= now + TimeDelta::seconds(61), "it went back");
        clock.advance_to(now + TimeDelta::seconds(601));
        long.await.unwrap();
        assert!(began.elapsed() < seconds(5));
    }

    #[tokio::test]
    async fn time_passes_by_itself_as_well() {
        let clock = Clock::virtual_time();
        let before = clock.now();
        clock.sleep(Duration::from_millis(20)).await;
        assert!(clock.now() >= before + TimeDelta::milliseconds(20));
    }

    #[tokio::test]
    async fn a_jump_waits_for_statements_that_run_and_keeps_others_from_beginning() {
        let clock = Clock::virtual_time();
        let (finish, finished) = oneshot::channel::<()>();
        let running = tokio::spawn({
            let clock = clock.clone();
            async move { clock.statement(async { finished.await.unwrap() }).await }
        });
        tokio::task::yield_now().await;
        let stopped = clock.stop().await.unwrap();
        let late = tokio::spawn({
            let clock = clock.clone();
            async move { clock.statement(async {}).await }
        });
        let mut quiet = Box::pin(stopped.quiet());
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut quiet).await.is_err());
        finish.send(()).unwrap();
        running.await.unwrap();
        quiet.await;
        assert!(!late.is_finished(), "it began during the jump");
        drop(stopped);
        late.await.unwrap();
    }

    #[tokio::test]
    async fn a_statement_that_sleeps_is_woken_at_its_instant() {
        let clock = Clock::virtual_time();
        let asleep = tokio::spawn({
            let clock = clock.clone();
            async move {
                let work = async {
                    clock.sleep(seconds(30)).await;
                    clock.now()
                };
                clock.statement(work).await
            }
        });
        tokio::task::yield_now().await;
        let stopped = clock.stop().await.unwrap();
        stopped.quiet().await;
        let waking = stopped.next_waking().unwrap();
        clock.advance_to(waking);
        stopped.quiet().await;
        let woke = asleep.await.unwrap();
        assert!(woke >= waking && woke < waking + TimeDelta::seconds(5), "{woke} {waking}");
        assert_eq!(stopped.next_waking(), None);
    }

    #[tokio::test]
    async fn who_waits_for_another_holds_no_jump_up() {
        let clock = Clock::virtual_time();
        let waits = tokio::spawn({
            let clock = clock.clone();
            async move { clock.statement(waiting(std::future::pending::<()>())).await }
        });
        tokio::task::yield_now().await;
        let stopped = clock.stop().await.unwrap();
        stopped.quiet().await;
        waits.abort();
        let _ = waits.await;
        stopped.quiet().await;
        assert_eq!(*stopped.clock.living.borrow(), Living::default());
    }

    #[tokio::test]
    async fn a_real_clock_does_not_jump() {
        let clock = Clock::real();
        clock.advance_to(Utc::now() + TimeDelta::days(1));
        assert!(clock.now() < Utc::now() + TimeDelta::hours(1));
        assert!(clock.stop().await.is_none());
        assert_eq!(clock.statement(waiting(async { 7 })).await, 7);
    }
}
