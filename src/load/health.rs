//! Whether the generator did what it was asked to do. Where it did not, the figures say nothing of
//! the server, however good they look.

use super::{
    Health, Histo,
    tally::{Sum, kept},
};
use hdrhistogram::Histogram;
use std::{fs, time::Duration};
use tokio::time::Instant;

/// Share of due requests that may be dropped, and that may wait for a session: what a p99.9 does
/// not see.
const SHARE_MAX: f64 = 0.001;

/// A wait for a session that counts as one: shorter ones are the scheduler's.
const WAIT_MAX: Duration = Duration::from_millis(10);

/// Requests of a short load that may wait: a single hiccup of the machine makes two.
const WAITING_MIN: u64 = 2;

/// How late the generator itself may send at p99, as a share of the p99 that it measures: a tenth
/// is what intervals of a few hundred requests are wide.
const SLIP_SHARE_MAX: f64 = 0.1;

/// Below this a slip says nothing: the runtime's timers go by milliseconds.
const SLIP_MIN: Duration = Duration::from_millis(2);

/// The process's share of all cores in its busiest second. Beyond it, requests wait for the
/// generator's own work.
const CPU_MAX: f64 = 0.9;

/// What was seen of the generator.
#[derive(Debug)]
pub struct Observed {
    slip: Histogram<u64>,
    pool_wait: Histogram<u64>,
    waited: u64,
    pub busiest_cpu: Option<f64>,
    /// Sessions that were lost and could not be opened again, and why.
    pub lost_sessions: Vec<String>,
}

impl Default for Observed {
    fn default() -> Self {
        Self {
            slip: Histo::empty(),
            pool_wait: Histo::empty(),
            waited: 0,
            busiest_cpu: None,
            lost_sessions: Vec::new(),
        }
    }
}

impl Observed {
    /// A request was sent so much later than due although a session was free.
    pub fn slipped(&mut self, slip: Duration) {
        self.slip.saturating_record(us(slip));
    }

    /// A request waited so long for a session.
    pub fn waited(&mut self, wait: Duration) {
        self.pool_wait.saturating_record(us(wait));
        self.waited += u64::from(wait > WAIT_MAX);
    }

    /// `latency_p99` is from due, of right answers.
    pub fn health(&self, sum: Sum, sessions: u32, latency_p99: Duration) -> Health {
        Health {
            slip: kept(&self.slip),
            pool_wait: kept(&self.pool_wait),
            busiest_cpu: self.busiest_cpu,
            unsound: self.unsound(sum, sessions, latency_p99),
        }
    }

    fn unsound(&self, sum: Sum, sessions: u32, latency_p99: Duration) -> Vec<String> {
        let mut unsound = Vec::new();
        let share = |count: u64| count as f64 / sum.due.max(1) as f64;
        let too_few = format!("{sessions} sessions are too few to keep the schedule");
        if share(sum.dropped) > SHARE_MAX {
            unsound.push(format!(
                "{too_few}: {} of {} requests were never sent",
                sum.dropped, sum.due
            ));
        } else if self.waited > WAITING_MIN && share(self.waited) > SHARE_MAX {
            unsound.push(format!(
                "{too_few}: {} of {} requests waited more than {} ms for one",
                self.waited,
                sum.due,
                WAIT_MAX.as_millis()
            ));
        }
        let slip_p99 = Duration::from_micros(self.slip.value_at_quantile(0.99));
        if slip_p99 > SLIP_MIN.max(latency_p99.mul_f64(SLIP_SHARE_MAX)) {
            unsound.push(format!(
                "the generator did not keep its own schedule: at p99 it sent {:.1} ms late, of \
                 {:.1} ms that it measured",
                millis(slip_p99),
                millis(latency_p99)
            ));
        }
        if let Some(share) = self.busiest_cpu.filter(|it| *it > CPU_MAX) {
            unsound.push(format!(
                "the generator had too little of the machine: it used {:.0} % of all cores in its \
                 busiest second",
                share * 100.0
            ));
        }
        if let Some(first) = self.lost_sessions.first() {
            let count = self.lost_sessions.len();
            unsound.push(format!("{count} sessions were lost for good, the first: {first}"));
        }
        if sum.ok == 0 && sum.due > 0 {
            unsound.push(format!("none of {} requests was answered as it should be", sum.due));
        }
        if sum.due == 0 {
            unsound.push("no request was due".to_owned());
        }
        unsound
    }
}

fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).max(1)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The CPU time of this process, second by second.
pub struct Cpu {
    /// Threads whose names begin so are the server's.
    not_ours: Option<&'static str>,
    cores: f64,
    last: Option<(Instant, Duration)>,
}

impl Cpu {
    pub fn new(not_ours: Option<&'static str>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1.0, |it| it.get() as f64);
        let mut cpu = Self { not_ours, cores, last: None };
        cpu.share();
        cpu
    }

    /// The share of all cores since it was last asked. `None` where the system does not tell.
    pub fn share(&mut self) -> Option<f64> {
        let used = self.used()?;
        let now = Instant::now();
        let (then, before) = self.last.replace((now, used))?;
        let passed = (now - then).as_secs_f64();
        // Of much shorter times the clock ticks of the kernel tell nothing.
        (passed > 0.2).then(|| used.saturating_sub(before).as_secs_f64() / passed / self.cores)
    }

    /// By thread, since threads of an embedded server are none of ours.
    fn used(&self) -> Option<Duration> {
        let mut used = 0;
        for thread in fs::read_dir("/proc/self/task").ok()?.flatten() {
            // Threads end while they are looked at.
            let read = |file: &str| fs::read_to_string(thread.path().join(file)).ok();
            let Some(name) = read("comm") else { continue };
            if self.not_ours.is_some_and(|it| name.starts_with(it)) {
                continue;
            }
            let Some(times) = read("schedstat") else { continue };
            used += times.split_whitespace().next()?.parse::<u64>().ok()?;
        }
        Some(Duration::from_nanos(used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(observed: &Observed, sum: Sum, p99_ms: u64, expected: &[&str]) {
        let health = observed.health(sum, 8, Duration::from_millis(p99_ms));
        assert_eq!(health.unsound, expected);
    }

    fn observed(slips_ms: &[u64], waits_ms: &[u64]) -> Observed {
        let mut it = Observed::default();
        slips_ms.iter().for_each(|ms| it.slipped(Duration::from_millis(*ms)));
        waits_ms.iter().for_each(|ms| it.waited(Duration::from_millis(*ms)));
        it
    }

    const FINE: Sum = Sum { due: 1000, dropped: 0, ok: 1000 };

    #[test]
    fn a_generator_that_keeps_its_schedule_is_sound() {
        check(&observed(&[1, 1, 2], &[0, 0, 9]), FINE, 20, &[]);
        check(&observed(&[9], &[0]), FINE, 100, &[]);
        check(&observed(&[], &[30, 30]), FINE, 100, &[]);
        check(&observed(&[], &[]), Sum { dropped: 1, ..FINE }, 100, &[]);
    }

    #[test]
    fn too_few_sessions_are_told() {
        check(
            &observed(&[], &[11, 30, 30]),
            FINE,
            100,
            &[
                "8 sessions are too few to keep the schedule: 3 of 1000 requests waited more than 10 \
               ms for one",
            ],
        );
        check(
            &observed(&[], &[11, 30, 30]),
            Sum { dropped: 2, ..FINE },
            100,
            &["8 sessions are too few to keep the schedule: 2 of 1000 requests were never sent"],
        );
    }

    #[test]
    fn a_late_generator_is_told() {
        check(
            &observed(&[11], &[]),
            FINE,
            100,
            &[
                "the generator did not keep its own schedule: at p99 it sent 11.0 ms late, of 100.0 \
               ms that it measured",
            ],
        );
        let busy = Observed { busiest_cpu: Some(0.97), ..Observed::default() };
        check(
            &busy,
            FINE,
            100,
            &["the generator had too little of the machine: it used 97 % of all cores in its \
               busiest second"],
        );
    }

    #[test]
    fn a_load_without_answers_tells_nothing() {
        let sum = Sum { due: 3, dropped: 0, ok: 0 };
        check(&Observed::default(), sum, 0, &["none of 3 requests was answered as it should be"]);
        check(&Observed::default(), Sum::default(), 0, &["no request was due"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn work_is_seen_as_work() {
        let used = |not_ours| Cpu { not_ours, cores: 1.0, last: None }.used().unwrap();
        let before = used(None);
        let began = std::time::Instant::now();
        while began.elapsed() < Duration::from_millis(50) {
            std::hint::black_box(began);
        }
        assert!(used(None) > before);
        // Every name begins with nothing.
        assert_eq!(used(Some("")), Duration::ZERO);
    }
}
