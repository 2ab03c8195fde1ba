//! Transactions: changes that nobody else sees until they are committed together.
//!
//! Read committed: a statement reads what was committed when it started, and its own
//! transaction's changes. A table of which a transaction changes rows is locked for others that
//! do until it ends; inserts wait for nobody.

use super::{
    changes::{self, ChangedRows},
    commits::{Commit, CommitLog, Snapshot},
    locks::TableLock,
    partition::MicroPartition,
    table::{Table, TableId, Version},
    working::Working,
};
use crate::{error::SqlError, types::ColumnDefinition};
use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use datafusion::scalar::ScalarValue;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Changes of one table, by one statement.
#[derive(Debug)]
pub enum Change {
    Append(Vec<RecordBatch>),
    /// Partitions (by id) give way to what is kept of them, and rows are added: UPDATE, DELETE,
    /// MERGE, an incremental refresh. Made by [`rewrite`](super::rewrite::rewrite) and
    /// [`exchange`](super::exchange::exchange).
    Exchange {
        removed: BTreeSet<u64>,
        kept: Vec<Arc<MicroPartition>>,
        /// Those of the removed partitions' rows that are not kept.
        deleted: Vec<RecordBatch>,
        inserted: Vec<RecordBatch>,
    },
    /// INSERT OVERWRITE, TRUNCATE, a full refresh.
    Overwrite(Vec<RecordBatch>),
    /// ALTER TABLE with other columns: all that the table is to have, and where their values
    /// come from. The rows stay the same ones, so a change scan does not show it.
    Reshape(Vec<(ColumnDefinition, ColumnSource)>),
}

/// Where the values of a reshaped table's column come from.
#[derive(Clone, Debug)]
pub enum ColumnSource {
    /// A column that the table had, by position; cast if the type is another.
    Existing(usize),
    /// The same for all rows that are there: a default, or NULL.
    Constant(ScalarValue),
}

/// An open transaction of one session, explicit or of a single statement. Dropping it is a
/// rollback.
#[derive(Debug)]
pub struct Transaction {
    id: u64,
    snapshot: Option<Snapshot>,
    tables: BTreeMap<TableId, Working>,
}

impl Default for Transaction {
    fn default() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let id = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        Self { id, snapshot: None, tables: BTreeMap::new() }
    }
}

impl Transaction {
    /// Fixes what the next statement reads: from now on [`Self::read`] gives versions of this
    /// snapshot, whatever is committed meanwhile. Without it each read gives the latest version,
    /// and a statement that reads several tables may see half of a commit.
    pub fn begin_statement(&mut self, snapshot: Snapshot) {
        self.snapshot = Some(snapshot);
    }

    /// The version that a statement of this transaction reads.
    pub fn read(&self, table: &Arc<Table>) -> Arc<Version> {
        let base = self.base(table);
        match self.tables.get(&table.id) {
            Some(working) if !working.is_empty() => Arc::new(working.overlay(&base)),
            _ => base,
        }
    }

    fn base(&self, table: &Table) -> Arc<Version> {
        match &self.snapshot {
            Some(snapshot) => table.visible(snapshot),
            None => table.latest(),
        }
    }

    /// Takes the table's lock for writing, waiting for whoever has it. To be called before the
    /// statement reads what it is going to change; the statement's snapshot is renewed, so that
    /// it sees what was committed while it waited. Not needed for [`Change::Append`].
    ///
    /// # Errors
    ///
    /// `000625` where too many wait, or where waiting would be a deadlock.
    pub async fn lock(&mut self, table: &Arc<Table>) -> Result<(), SqlError> {
        if self.tables.get(&table.id).is_some_and(|it| it.held.is_some()) {
            return Ok(());
        }
        let held = TableLock::acquire(&table.lock, self.id).await?;
        self.working(table).held = Some(held);
        self.snapshot = self.snapshot.as_ref().map(Snapshot::renewed);
        Ok(())
    }

    fn working(&mut self, table: &Arc<Table>) -> &mut Working {
        self.tables.entry(table.id).or_insert_with(|| Working::of(table))
    }

    /// Adds a change to what this transaction sees. Unless it appends, the table must be locked.
    /// After an error nothing is changed.
    ///
    /// # Errors
    ///
    /// Those of [`coerce::rows`](super::coerce::rows): values that do not fit their column.
    pub fn change(&mut self, table: &Arc<Table>, change: Change) -> Result<(), SqlError> {
        let base = self.base(table);
        let working = self.working(table);
        if working.held.is_none() && !matches!(change, Change::Append(_)) {
            return Err(SqlError::internal("a table is changed that is not locked"));
        }
        let shape = working.shape();
        match change {
            Change::Append(rows) => {
                let added = shape.partition(rows)?;
                working.changes.insert(changes::of_partitions(&added));
                working.added.extend(added);
            }
            Change::Exchange { removed, kept, deleted, inserted } => {
                check_there(&working.overlay(&base), &removed)?;
                let inserted = shape.partition(inserted)?;
                working.changes.delete(deleted.into_iter().map(ChangedRows::Batch));
                working.changes.insert(changes::of_partitions(&inserted));
                working.remove(removed);
                working.added.extend(kept.into_iter().chain(inserted));
            }
            Change::Overwrite(rows) => {
                let added = shape.partition(rows)?;
                let before = working.overlay(&base);
                working.changes.delete(changes::of_partitions(&before.partitions));
                working.changes.insert(changes::of_partitions(&added));
                working.remove(base.partitions.iter().map(|it| it.id).collect());
                working.added = added;
            }
            Change::Reshape(columns) => working.reshape(&base, &shape, columns)?,
        }
        Ok(())
    }

    /// Makes all changes visible at once, in all tables, with one commit timestamp, which is
    /// later than any before it. Without changes there is no commit, and `at` comes back.
    pub fn commit(mut self, at: DateTime<Utc>) -> DateTime<Utc> {
        let id = self.id;
        let mut changed: Vec<&mut Working> =
            self.tables.values_mut().filter(|it| !it.is_empty()).collect();
        if changed.is_empty() {
            return at;
        }
        for working in &mut changed {
            working.merge_small_partitions(id);
        }
        let logs: Vec<Arc<CommitLog>> =
            changed.iter().filter_map(|it| it.table.log().cloned()).collect();
        // Tables without a catalog, such as one that CREATE TABLE AS is filling, have no log.
        let after = changed.iter().map(|it| it.table.latest().committed_at).max().unwrap_or(at);
        let commit = Commit::begin(&logs, at, after);
        for working in changed {
            working.push(commit.at);
        }
        let at = commit.at;
        commit.publish();
        at
    }

    /// Forgets them.
    pub fn rollback(self) {}

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.tables.values().all(Working::is_empty)
    }
}

fn check_there(seen: &Version, removed: &BTreeSet<u64>) -> Result<(), SqlError> {
    let ids: BTreeSet<u64> = seen.partitions.iter().map(|it| it.id).collect();
    match removed.is_subset(&ids) {
        true => Ok(()),
        false => Err(SqlError::internal("rows to remove are not in the table")),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            catalog::{Catalog, DatabaseInfo, Object, OnConflict, QualifiedName},
            rewrite::{RowSet, rewrite},
            testing::{append, at, column, lines, numbers, numbers_table},
            working::SMALL_PARTITIONS_MAX,
        },
        *,
    };
    use chrono::TimeDelta;

    /// Tables `T0`, `T1`, … in one catalog.
    fn store(count: usize) -> (Catalog, Vec<Arc<Table>>) {
        let catalog = Catalog::default();
        let info = DatabaseInfo { name: "DB".to_owned(), created_at: at(0), comment: None };
        catalog.create_database(info, OnConflict::Fail).expect("a new database");
        let tables: Vec<_> = (0..count).map(|_| numbers_table()).collect();
        for (index, table) in tables.iter().enumerate() {
            let name = QualifiedName {
                database: "DB".to_owned(),
                schema: "PUBLIC".to_owned(),
                name: format!("T{index}"),
            };
            let object = Object::Table(Arc::clone(table));
            catalog.put(&name, object, OnConflict::Fail).expect("a free name");
        }
        (catalog, tables)
    }

    fn delete_first_row(transaction: &mut Transaction, table: &Arc<Table>) {
        let version = transaction.read(table);
        let mut rows = RowSet::default();
        rows.insert(version.partitions[0].id, 0);
        let change = rewrite(&version, &rows.masks(&version), Vec::new()).expect("a change");
        transaction.change(table, change).expect("no refusal");
    }

    #[tokio::test]
    async fn nobody_else_sees_changes_before_the_commit() {
        let table = numbers_table();
        append(&table, numbers([1, 2]), at(10));
        let mut transaction = Transaction::default();
        transaction.lock(&table).await.expect("a lock");
        transaction.change(&table, Change::Append(vec![numbers([3])])).expect("no refusal");
        delete_first_row(&mut transaction, &table);
        assert_eq!(lines(&transaction.read(&table)), ["3", "2"]);
        assert_eq!(lines(&table.latest()), ["1", "2"]);
        transaction.commit(at(20));
        assert_eq!(lines(&table.latest()), ["3", "2"]);
        assert_eq!(table.latest().number, 2, "one commit is one version");
    }

    #[tokio::test]
    async fn a_dropped_transaction_is_rolled_back_and_gives_its_locks_back() {
        let table = numbers_table();
        let mut transaction = Transaction::default();
        transaction.lock(&table).await.expect("a lock");
        let change = Change::Overwrite(vec![numbers([1])]);
        transaction.change(&table, change).expect("no refusal");
        assert!(table.lock.try_acquire(0).is_none());
        drop(transaction);
        assert!(table.lock.try_acquire(0).is_some());
        assert_eq!(table.latest().row_count, 0);
    }

    #[tokio::test]
    async fn changing_rows_needs_the_lock_and_appending_does_not() {
        let table = numbers_table();
        let mut transaction = Transaction::default();
        let error = transaction.change(&table, Change::Overwrite(Vec::new()));
        assert!(error.is_err_and(|it| it.message.contains("not locked")));
        let mut other = Transaction::default();
        other.lock(&table).await.expect("a lock");
        append(&table, numbers([1]), at(10));
        assert_eq!(lines(&other.read(&table)), ["1"]);
    }

    #[tokio::test]
    async fn rows_inserted_meanwhile_survive_an_overwrite() {
        let (catalog, tables) = store(1);
        append(&tables[0], numbers([1]), at(10));
        let mut transaction = Transaction::default();
        transaction.lock(&tables[0]).await.expect("a lock");
        transaction.begin_statement(catalog.snapshot());
        append(&tables[0], numbers([2]), at(20));
        assert_eq!(lines(&transaction.read(&tables[0])), ["1"]);
        let change = Change::Overwrite(vec![numbers([7])]);
        transaction.change(&tables[0], change).expect("no refusal");
        assert_eq!(lines(&transaction.read(&tables[0])), ["7"]);
        transaction.commit(at(30));
        assert_eq!(lines(&tables[0].latest()), ["2", "7"]);
    }

    #[tokio::test]
    async fn a_writer_waits_for_the_one_before_and_sees_what_it_did() {
        let (catalog, tables) = store(1);
        let table = Arc::clone(&tables[0]);
        append(&table, numbers([1, 2]), at(10));
        let mut first = Transaction::default();
        first.lock(&table).await.expect("a lock");
        delete_first_row(&mut first, &table);
        let second = tokio::spawn({
            let table = Arc::clone(&table);
            let snapshot = catalog.snapshot();
            async move {
                let mut second = Transaction::default();
                second.begin_statement(snapshot);
                second.lock(&table).await.expect("a lock");
                delete_first_row(&mut second, &table);
                second.commit(at(20))
            }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        first.commit(at(30));
        let committed_at = second.await.expect("no panic");
        assert!(committed_at > at(30), "{committed_at}");
        assert_eq!(lines(&table.latest()), [""; 0]);
    }

    #[tokio::test]
    async fn a_deadlock_is_refused_and_the_other_goes_on() {
        let (_, tables) = store(2);
        let (mut first, mut second) = (Transaction::default(), Transaction::default());
        first.lock(&tables[0]).await.expect("a lock");
        second.lock(&tables[1]).await.expect("a lock");
        let waiting = tokio::spawn({
            let table = Arc::clone(&tables[1]);
            async move { first.lock(&table).await.map(|()| first) }
        });
        tokio::task::yield_now().await;
        let error = second.lock(&tables[0]).await.expect_err("a deadlock");
        assert_eq!((error.code, error.sqlstate.as_ref()), (625, "57014"));
        assert!(error.message.ends_with("was aborted because of a deadlock."), "{error}");
        second.rollback();
        assert!(waiting.await.expect("no panic").is_ok());
    }

    #[tokio::test]
    async fn only_so_many_wait_for_a_lock() {
        use super::super::locks::WAITERS_MAX;
        let table = numbers_table();
        let mut first = Transaction::default();
        first.lock(&table).await.expect("a lock");
        let waiting: Vec<_> = (0..WAITERS_MAX)
            .map(|_| {
                let table = Arc::clone(&table);
                tokio::spawn(async move { Transaction::default().lock(&table).await })
            })
            .collect();
        tokio::task::yield_now().await;
        let error = Transaction::default().lock(&table).await.expect_err("a refusal");
        assert!(error.message.ends_with("exceeds the 20 statements limit."), "{error}");
        // One that gives up makes room.
        waiting[0].abort();
        tokio::task::yield_now().await;
        let mut late = Transaction::default();
        let mut lock = std::pin::pin!(late.lock(&table));
        assert!(futures::poll!(lock.as_mut()).is_pending());
        drop(first);
        for waiter in waiting.into_iter().skip(1) {
            assert_eq!(waiter.await.expect("no panic"), Ok(()));
        }
        assert_eq!(lock.await, Ok(()));
    }

    #[test]
    fn timestamps_of_commits_are_strictly_increasing_over_the_store() {
        let (_, tables) = store(2);
        let microsecond = TimeDelta::microseconds(1);
        assert_eq!(append(&tables[0], numbers([1]), at(10)), at(10));
        assert_eq!(append(&tables[1], numbers([1]), at(10)), at(10) + microsecond);
        assert_eq!(append(&tables[0], numbers([1]), at(5)), at(10) + microsecond * 2);
        assert_eq!(append(&tables[1], numbers([1]), at(20)), at(20));
    }

    #[test]
    fn after_settling_nothing_is_committed_at_that_instant() {
        let (catalog, tables) = store(1);
        catalog.commits().settle(at(100));
        let committed_at = append(&tables[0], numbers([1]), at(50));
        assert_eq!(committed_at, at(100) + TimeDelta::microseconds(1));
        assert_eq!(tables[0].at(at(100)).map(|it| it.row_count), Some(0));
    }

    #[test]
    fn a_snapshot_does_not_move_and_sees_younger_tables_as_they_began() {
        let (catalog, tables) = store(1);
        append(&tables[0], numbers([1]), at(10));
        let mut transaction = Transaction::default();
        transaction.begin_statement(catalog.snapshot());
        append(&tables[0], numbers([2]), at(20));
        assert_eq!(lines(&transaction.read(&tables[0])), ["1"]);

        let young = numbers_table();
        append(&young, numbers([5]), at(30));
        let name = QualifiedName {
            database: "DB".to_owned(),
            schema: "PUBLIC".to_owned(),
            name: "YOUNG".to_owned(),
        };
        let object = Object::Table(Arc::clone(&young));
        catalog.put(&name, object, OnConflict::Fail).expect("a free name");
        append(&young, numbers([6]), at(40));
        assert_eq!(lines(&transaction.read(&young)), ["5"]);
        transaction.begin_statement(catalog.snapshot());
        assert_eq!(lines(&transaction.read(&young)), ["5", "6"]);
        assert_eq!(lines(&transaction.read(&tables[0])), ["1", "2"]);
    }

    #[test]
    fn a_snapshot_sees_all_of_a_commit_or_nothing_of_it() {
        let (catalog, tables) = store(3);
        std::thread::scope(|scope| {
            for writer in 0..2 {
                let tables = &tables;
                scope.spawn(move || {
                    for number in 0..150 {
                        let mut transaction = Transaction::default();
                        // In different orders, as sessions do.
                        for index in 0..tables.len() {
                            let table = &tables[(index + writer) % tables.len()];
                            let change = Change::Append(vec![numbers([number])]);
                            transaction.change(table, change).expect("no refusal");
                        }
                        transaction.commit(at(number));
                    }
                });
            }
            let (catalog, tables) = (&catalog, &tables);
            scope.spawn(move || {
                let mut seen = 0;
                while seen < 300 {
                    let mut transaction = Transaction::default();
                    transaction.begin_statement(catalog.snapshot());
                    let counts: Vec<u64> =
                        tables.iter().map(|it| transaction.read(it).row_count).collect();
                    assert!(counts.iter().all(|it| *it == counts[0]), "torn: {counts:?}");
                    assert!(counts[0] >= seen, "{} after {seen}", counts[0]);
                    seen = counts[0];
                }
            });
        });
        for table in &tables {
            let number = |it: &String| it.parse::<i64>().expect("a number");
            let mut rows: Vec<i64> = lines(&table.latest()).iter().map(number).collect();
            rows.sort_unstable();
            let expected: Vec<i64> = (0..150).flat_map(|it| [it, it]).collect();
            assert_eq!(rows, expected);
        }
    }

    #[test]
    fn many_small_inserts_make_few_partitions_and_keep_their_order() {
        let table = numbers_table();
        for number in 0..200 {
            append(&table, numbers([number]), at(number));
        }
        let latest = table.latest();
        assert!(latest.partitions.len() < SMALL_PARTITIONS_MAX, "{}", latest.partitions.len());
        let expected: Vec<String> = (0..200).map(|it| it.to_string()).collect();
        assert_eq!(lines(&latest), expected);
        assert_eq!(table.at(at(99)).map(|it| it.row_count), Some(100));
    }

    #[tokio::test]
    async fn nothing_is_merged_under_another_transactions_lock() {
        let table = numbers_table();
        append(&table, numbers([-1]), at(0));
        let mut transaction = Transaction::default();
        transaction.lock(&table).await.expect("a lock");
        delete_first_row(&mut transaction, &table);
        for number in 0..100 {
            append(&table, numbers([number]), at(number));
        }
        assert_eq!(table.latest().partitions.len(), 101);
        transaction.commit(at(200));
        assert_eq!(table.latest().row_count, 100);
        assert_eq!(table.latest().partitions.len(), 1);
    }

    #[tokio::test]
    async fn columns_are_added_removed_and_widened_and_the_rows_stay_the_same_ones() {
        let table = numbers_table();
        append(&table, numbers([1, 2]), at(10));
        let before = table.latest();
        let mut transaction = Transaction::default();
        transaction.lock(&table).await.expect("a lock");
        let columns = vec![
            (column("NOTE VARCHAR(5) NOT NULL"), ColumnSource::Constant(ScalarValue::from("new"))),
            (column("ID NUMBER(38,2)"), ColumnSource::Existing(0)),
        ];
        transaction.change(&table, Change::Reshape(columns)).expect("no refusal");
        assert_eq!(lines(&transaction.read(&table)), ["new|1.00", "new|2.00"]);
        assert_eq!(table.definition().columns.len(), 1);
        transaction.commit(at(20));
        assert_eq!(lines(&table.latest()), ["new|1.00", "new|2.00"]);
        assert_eq!(table.schema(), table.latest().schema);
        assert_eq!(table.definition().columns[0].name, "NOTE");
        assert_eq!(lines(&table.at(at(19)).expect("a version")), ["1", "2"]);
        let clone = Table::clone_of(&table, &before, at(30));
        assert_eq!(clone.schema(), before.schema);
    }

    #[tokio::test]
    async fn an_insert_that_is_open_while_columns_change_fits_when_it_is_committed() {
        let table = numbers_table();
        let mut insert = Transaction::default();
        insert.change(&table, Change::Append(vec![numbers([1])])).expect("no refusal");
        let mut alter = Transaction::default();
        alter.lock(&table).await.expect("a lock");
        let columns = vec![
            (column("NOTE VARCHAR(5)"), ColumnSource::Constant(ScalarValue::Utf8(None))),
            (column("ID NUMBER(38,0)"), ColumnSource::Existing(0)),
            (column("N NUMBER(3,0) NOT NULL"), ColumnSource::Constant(ScalarValue::from(7_i64))),
        ];
        alter.change(&table, Change::Reshape(columns)).expect("no refusal");
        alter.commit(at(10));
        insert.commit(at(20));
        append(&table, numbers_with_note(), at(30));
        assert_eq!(lines(&table.latest()), ["|1|0", "x|2|3"]);
    }

    fn numbers_with_note() -> RecordBatch {
        use arrow::array::{Int64Array, StringArray};
        super::super::testing::batch(vec![
            Arc::new(StringArray::from(vec!["x"])),
            Arc::new(Int64Array::from(vec![2])),
            Arc::new(Int64Array::from(vec![3])),
        ])
    }
}
