//! Looking again until something is so, in the target's time.

use super::Stop;
use crate::{suite::PAUSE_FIRST, target::Target};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// The longest pause. Whoever waits for a refresh wants to know of it to a few seconds.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A series of looks: at once, after growing pauses, and a last time at the limit.
///
/// A look that hangs is not cut short here, since a statement has its own limit.
pub struct Retry<'a> {
    target: &'a dyn Target,
    limit: Duration,
    started_at: DateTime<Utc>,
    /// When the last look began. A look is not the last one because time passed while it was
    /// taken: others may have moved the target's clock.
    looked_at: DateTime<Utc>,
    pause: Duration,
    looks: u32,
}

/// What to do after a look that found something else.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    LookAgain,
    /// Time ran out. The last difference is what the reader needs.
    OutOfTime,
    /// The run was asked to end while this waited.
    Stopped(String),
}

impl<'a> Retry<'a> {
    /// Without time to wait there is one look.
    pub fn new(target: &'a dyn Target, limit: Duration) -> Self {
        let started_at = target.now();
        Self { target, limit, started_at, looked_at: started_at, pause: PAUSE_FIRST, looks: 1 }
    }

    /// Waits before the next look, if there is to be one.
    pub async fn next(&mut self, stop: &Stop) -> Next {
        let looked_after = (self.looked_at - self.started_at).to_std().unwrap_or_default();
        if looked_after >= self.limit {
            return Next::OutOfTime;
        }
        let left = self.limit.saturating_sub(self.waited());
        tokio::select! {
            () = self.target.sleep(self.pause.min(left)) => {}
            cause = stop.requested() => return Next::Stopped(cause),
        }
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        self.looks += 1;
        self.looked_at = self.target.now();
        Next::LookAgain
    }

    pub fn looks(&self) -> u32 {
        self.looks
    }

    /// In the target's time.
    pub fn waited(&self) -> Duration {
        (self.target.now() - self.started_at).to_std().unwrap_or_default()
    }
}
