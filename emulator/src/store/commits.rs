//! The order of commits, and instants at which to read several tables.
//!
//! A commit writes its versions while it holds the log, then moves the log's last timestamp. A
//! reader takes that timestamp first and from each table the version that was in force then. So
//! it sees all of a commit or nothing of it, and holds no lock while it reads.

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::{RwLock, RwLockWriteGuard};
use std::sync::Arc;

/// Commits of one store. Their timestamps are strictly increasing over all its tables.
#[derive(Debug)]
pub struct CommitLog {
    /// Nothing will be committed at or before this instant any more.
    last: RwLock<DateTime<Utc>>,
}

/// An instant of one store at which tables can be read: everything that was committed when it
/// was taken, and nothing later.
#[derive(Clone, Debug)]
pub struct Snapshot {
    log: Arc<CommitLog>,
    at: DateTime<Utc>,
}

impl Default for CommitLog {
    fn default() -> Self {
        Self { last: RwLock::new(DateTime::<Utc>::MIN_UTC) }
    }
}

impl CommitLog {
    /// What is committed now.
    pub fn snapshot(self: &Arc<Self>) -> Snapshot {
        Snapshot { log: Arc::clone(self), at: *self.last.read() }
    }

    /// Closes the past: all commits up to `at` are visible when this returns, and later ones get
    /// later timestamps. To be called before tables are read as of an instant that is not past
    /// yet, such as the data timestamp of a refresh that starts now; else a commit that is under
    /// way could turn up in one table and not in another.
    ///
    /// `at` should not be later than the clock, because the next commits would be, too.
    pub fn settle(&self, at: DateTime<Utc>) {
        let mut last = self.last.write();
        *last = at.max(*last);
    }
}

impl Snapshot {
    /// The last commit that it sees, at the latest.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// A snapshot of the same store as it is now.
    pub fn renewed(&self) -> Self {
        self.log.snapshot()
    }

    pub(super) fn is_of(&self, log: &Arc<CommitLog>) -> bool {
        Arc::ptr_eq(&self.log, log)
    }
}

/// The logs that one commit concerns, held so that nobody takes a snapshot of any meanwhile.
pub(super) struct Commit<'a> {
    held: Vec<RwLockWriteGuard<'a, DateTime<Utc>>>,
    pub at: DateTime<Utc>,
}

impl<'a> Commit<'a> {
    /// Takes the logs and chooses the commit's timestamp: `at` if that is later than all before
    /// and than `after`, else the next microsecond.
    pub fn begin(logs: &'a [Arc<CommitLog>], at: DateTime<Utc>, after: DateTime<Utc>) -> Self {
        let mut distinct: Vec<&Arc<CommitLog>> = logs.iter().collect();
        // Always in the same order, so that two commits cannot wait for each other.
        distinct.sort_by_key(|it| Arc::as_ptr(it));
        distinct.dedup_by_key(|it| Arc::as_ptr(it));
        let held: Vec<_> = distinct.into_iter().map(|it| it.last.write()).collect();
        let before = held.iter().map(|it| **it).fold(after, DateTime::max);
        let at = match before.checked_add_signed(TimeDelta::microseconds(1)) {
            Some(next) => at.max(next),
            None => at,
        };
        Self { held, at }
    }

    /// Makes what was written visible.
    pub fn publish(mut self) {
        for last in &mut self.held {
            **last = self.at;
        }
    }
}
