//! What a run has cost so far, by the statements that it sent.

use super::{Ledger, Starts};
use crate::target::Ending;
use chrono::{DateTime, Utc};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Hears of every statement of a run. Clones add to the same sum.
#[derive(Clone, Debug)]
pub struct Meter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    started_at: DateTime<Utc>,
    credits_max: Option<f64>,
    ledger: Mutex<Ledger>,
}

impl Meter {
    pub fn new(started_at: DateTime<Utc>, credits_max: Option<f64>) -> Self {
        let inner = Inner { started_at, credits_max, ledger: Mutex::default() };
        Self { inner: Arc::new(inner) }
    }

    /// Adds a statement of `by` that was executed. One that may have been is taken to be.
    pub fn executed(
        &self,
        sql: &str,
        warehouse: &str,
        by: &str,
        ending: &Ending,
        now: DateTime<Utc>,
    ) {
        match ending {
            Ending::Rows(_) | Ending::TimedOut { .. } | Ending::Lost { .. } => {
                let at = self.since_start(now);
                self.ledger().follow(sql, warehouse, by, at);
            }
            Ending::Refused(_) | Ending::NotRecorded { .. } => {}
        }
    }

    pub fn credits(&self, now: DateTime<Utc>) -> f64 {
        self.ledger().credits(self.since_start(now))
    }

    pub fn starts(&self) -> Starts {
        self.ledger().starts
    }

    /// Why no more may be spent: more was than the run is allowed.
    pub fn used_up(&self, now: DateTime<Utc>) -> Option<String> {
        let max = self.inner.credits_max?;
        let credits = self.credits(now);
        (credits > max).then(|| format!("the run's credits are used up: {credits:.2} of {max}"))
    }

    /// Why a statement must not be sent: the warehouse that it starts would cost more than is left.
    pub fn would_pass(&self, sql: &str, warehouse: &str, now: DateTime<Utc>) -> Option<String> {
        let max = self.inner.credits_max?;
        let at = self.since_start(now);
        let before = self.ledger();
        let mut after = before.clone();
        after.follow(sql, warehouse, "", at);
        let credits = [before.credits(at), after.credits(at)];
        (after.starts != before.starts && credits[1] > max).then(|| {
            format!(
                "the run's credits are used up: {:.2} of {max}, and one more warehouse would make \
                 it {:.2}",
                credits[0], credits[1]
            )
        })
    }

    fn since_start(&self, now: DateTime<Utc>) -> Duration {
        (now - self.inner.started_at).to_std().unwrap_or_default()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.inner.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Refusal, Rows};
    use chrono::TimeDelta;

    const CREATE: &str = "CREATE INTERACTIVE WAREHOUSE W";

    #[test]
    fn what_was_refused_costs_nothing() {
        #[track_caller]
        fn check(ending: Ending, expected: f64) {
            let now = Utc::now();
            let meter = Meter::new(now, None);
            meter.executed(CREATE, "", "s", &ending, now);
            assert_eq!(meter.credits(now), expected, "{ending:?}");
        }
        let refusal = Refusal { code: "1".into(), sqlstate: String::new(), message: String::new() };
        check(Ending::Rows(Rows::default()), 0.6);
        check(Ending::Lost { cause: "reset".to_owned() }, 0.6);
        check(Ending::TimedOut { after: Duration::ZERO }, 0.6);
        check(Ending::Refused(refusal), 0.0);
        check(Ending::NotRecorded { explanation: String::new() }, 0.0);
    }

    #[test]
    fn a_limit_is_kept_by_what_starts_and_passed_by_time_alone() {
        let start = Utc::now();
        let meter = Meter::new(start, Some(1.0));
        assert_eq!(meter.would_pass(CREATE, "", start), None);
        meter.executed(CREATE, "", "s", &Ending::Rows(Rows::default()), start);
        assert_eq!(
            meter.would_pass("CREATE INTERACTIVE WAREHOUSE X", "", start).as_deref(),
            Some(
                "the run's credits are used up: 0.60 of 1, and one more warehouse would make it \
                 1.20"
            )
        );
        assert_eq!(meter.would_pass("SELECT 1", "W", start), None);
        assert_eq!(meter.used_up(start), None);
        let later = start + TimeDelta::minutes(101);
        assert_eq!(
            meter.used_up(later).as_deref(),
            Some("the run's credits are used up: 1.01 of 1")
        );
        assert_eq!(Meter::new(start, None).would_pass(CREATE, "", later), None);
    }
}
