//! Who may change the rows of a table.
//!
//! A lock is held from a transaction's first UPDATE, DELETE, MERGE or overwrite of a table to its
//! end. Appending takes none: inserts add partitions and disturb nobody. Reading never waits.

use crate::{clock, error::SqlError};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};
use tokio::sync::OwnedMutexGuard;

/// As many statements may wait for one table's lock; the next is refused (`000625`, seen in
/// public logs).
pub const WAITERS_MAX: usize = 20;

/// Nobody.
const NO_OWNER: u64 = 0;

/// Transactions that wait, and for what. One for the whole process: a transaction never spans
/// stores, but keeping them apart would gain nothing.
static WAITING: Mutex<BTreeMap<u64, Arc<TableLock>>> = Mutex::new(BTreeMap::new());

#[derive(Debug, Default)]
pub struct TableLock {
    mutex: Arc<tokio::sync::Mutex<()>>,
    /// The transaction that has it.
    owner: AtomicU64,
    waiters: AtomicUsize,
}

/// A lock that a transaction has. Dropping it gives it back.
#[derive(Debug)]
pub struct Held {
    lock: Arc<TableLock>,
    _guard: OwnedMutexGuard<()>,
}

impl TableLock {
    /// Waits for the lock. Refuses (`000625`) when too many wait already, and when waiting would
    /// never end because the holder waits for this transaction.
    pub async fn acquire(self: &Arc<Self>, transaction: u64) -> Result<Held, SqlError> {
        if let Some(held) = self.try_acquire(transaction) {
            return Ok(held);
        }
        let waiting = Waiting::register(self, transaction)?;
        let guard = clock::waiting(Arc::clone(&self.mutex).lock_owned()).await;
        // First: a transaction must not be found waiting for what it has.
        drop(waiting);
        Ok(self.held(guard, transaction))
    }

    pub fn try_acquire(self: &Arc<Self>, transaction: u64) -> Option<Held> {
        let guard = Arc::clone(&self.mutex).try_lock_owned().ok()?;
        Some(self.held(guard, transaction))
    }

    fn held(self: &Arc<Self>, guard: OwnedMutexGuard<()>, transaction: u64) -> Held {
        self.owner.store(transaction, Ordering::SeqCst);
        Held { lock: Arc::clone(self), _guard: guard }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Before the guard goes: the next owner must not be overwritten.
        self.lock.owner.store(NO_OWNER, Ordering::SeqCst);
    }
}

/// An entry of [`WAITING`], also when the waiting is given up half-way.
struct Waiting {
    lock: Arc<TableLock>,
    transaction: u64,
}

impl Waiting {
    fn register(lock: &Arc<TableLock>, transaction: u64) -> Result<Self, SqlError> {
        let mut waiting = WAITING.lock();
        if lock.waiters.load(Ordering::SeqCst) >= WAITERS_MAX {
            return Err(refused(&format!(
                "the number of waiters for this lock exceeds the {WAITERS_MAX} statements limit"
            )));
        }
        // Along the chain "is held by a transaction that waits for". It has no loop yet, because
        // each transaction was checked here when it began to wait.
        let mut owner = lock.owner.load(Ordering::SeqCst);
        for _ in 0..waiting.len() {
            let Some(next) = waiting.get(&owner) else { break };
            owner = next.owner.load(Ordering::SeqCst);
            if owner == transaction {
                return Err(refused("of a deadlock"));
            }
        }
        waiting.insert(transaction, Arc::clone(lock));
        lock.waiters.fetch_add(1, Ordering::SeqCst);
        Ok(Self { lock: Arc::clone(lock), transaction })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.lock().remove(&self.transaction);
        self.lock.waiters.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Code, SQLSTATE and the shape of the text are from public logs of `000625`. Those name the
/// statements and the table, too, which the store does not know. That deadlocks are reported
/// under the same code is an assumption.
fn refused(reason: &str) -> SqlError {
    SqlError::new(
        625,
        "57014",
        format!(
            "A table is locked by another transaction and this lock has not yet been released.\n\
             Your statement was aborted because {reason}."
        ),
    )
}
