//! Waits that end on time. Tokio's timers go by milliseconds, and end up to one late or two, which is
//! as much as an answer may take; this is a thread that sleeps until the next instant that somebody
//! waits for, which Linux gets right to a tenth of one.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    future::{Future, poll_fn},
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    thread,
    time::Instant,
};

/// The thread ends with this.
#[derive(Debug)]
pub struct Pacer {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: BinaryHeap<Reverse<Waiting>>,
    is_over: bool,
}

#[derive(Debug)]
struct Waiting {
    until: Instant,
    waker: Waker,
}

/// By the instant alone: who of two is woken first is no matter.
impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.until.cmp(&other.until)
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.until == other.until
    }
}

impl Eq for Waiting {}

impl Pacer {
    /// # Errors
    ///
    /// The system has no thread left.
    pub fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        thread::Builder::new().name("pacer".to_owned()).spawn(move || of_thread.run())?;
        Ok(Self { shared })
    }

    /// Waits until an instant.
    pub fn until(&self, until: Instant) -> impl Future<Output = ()> + '_ {
        let mut registered: Option<Waker> = None;
        poll_fn(move |context| {
            if until <= Instant::now() {
                return Poll::Ready(());
            }
            let waker = context.waker();
            if registered.as_ref().is_none_or(|it| !it.will_wake(waker)) {
                registered = Some(waker.clone());
                self.shared.wake_at(until, waker.clone());
            }
            Poll::Pending
        })
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_at(&self, until: Instant, waker: Waker) {
        let mut state = self.lock();
        let is_first = state.waiting.peek().is_none_or(|Reverse(it)| until < it.until);
        state.waiting.push(Reverse(Waiting { until, waker }));
        drop(state);
        if is_first {
            self.changed.notify_one();
        }
    }

    fn run(&self) {
        let mut state = self.lock();
        while !state.is_over {
            let now = Instant::now();
            let next = state.waiting.peek().map(|Reverse(it)| it.until);
            state = match next {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) if until <= now => {
                    let woken = state.waiting.pop();
                    // Whoever is woken may want to wait again at once.
                    drop(state);
                    if let Some(Reverse(it)) = woken {
                        it.waker.wake();
                    }
                    self.lock()
                }
                Some(until) => {
                    let waited = self.changed.wait_timeout(state, until - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use std::time::Duration;

    #[tokio::test]
    async fn everybody_is_woken_when_it_is_time_and_not_before() {
        let pacer = Pacer::start().unwrap();
        let began = Instant::now();
        let waits = [30, 10, 20, 0, 10].map(|it| {
            let (pacer, until) = (&pacer, began + Duration::from_millis(it));
            async move {
                pacer.until(until).await;
                (Instant::now(), until)
            }
        });
        let woken = join_all(waits).await;
        assert!(woken.iter().all(|(at, until)| at >= until));
        assert!(began.elapsed() >= Duration::from_millis(30));
    }
}
