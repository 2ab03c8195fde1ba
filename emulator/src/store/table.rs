//! A table and its versions.

use super::{
    changes::RowChanges,
    coerce,
    commits::{CommitLog, Snapshot},
    locks::TableLock,
    partition::{self, MicroPartition},
};
use crate::{
    error::SqlError,
    refresh::declared::Refreshing,
    regression::{Regression, regressed},
    types::{ColumnDefinition, DataType},
};
use arrow::{
    array::RecordBatch,
    datatypes::{Schema, SchemaRef},
};
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::RwLock;
use std::{
    collections::{BTreeSet, HashSet},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// How long versions are kept: Snowflake's default of `DATA_RETENTION_TIME_IN_DAYS`.
pub const RETENTION: TimeDelta = TimeDelta::days(1);

/// A table's identity. It survives renaming and `INSERT OVERWRITE`; `CREATE OR REPLACE` mints a
/// new one (catalogue S-33 to S-35).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    Standard,
    Transient,
    Temporary,
    /// Static, or dynamic when it has [`Refreshing`].
    Interactive,
    Dynamic,
}

/// How a table is declared.
#[derive(Clone, Debug, PartialEq)]
pub struct TableDefinition {
    pub kind: TableKind,
    pub columns: Vec<ColumnDefinition>,
    /// Clustering expressions as SQL text; a plain column is its stored name.
    pub cluster_by: Vec<String>,
    pub comment: Option<String>,
    /// The query of `AS`, as written.
    pub query: Option<String>,
    pub refreshing: Option<Refreshing>,
}

/// The contents of a table between two commits. Never changes.
#[derive(Debug)]
pub struct Version {
    /// From 0, one more with each commit.
    pub number: u64,
    pub committed_at: DateTime<Utc>,
    pub partitions: Vec<Arc<MicroPartition>>,
    pub row_count: u64,
    /// The columns of its rows.
    pub schema: SchemaRef,
    /// The rows that its commit changed. Those that a table starts with are not in it.
    changes: Arc<RowChanges>,
}

impl Version {
    pub(super) fn new(
        number: u64,
        committed_at: DateTime<Utc>,
        schema: SchemaRef,
        partitions: Vec<Arc<MicroPartition>>,
        changes: Arc<RowChanges>,
    ) -> Self {
        let row_count = partitions.iter().map(|it| it.row_count() as u64).sum();
        Self { number, committed_at, partitions, row_count, schema, changes }
    }

    /// All rows, one batch a partition, nothing copied.
    pub fn scan_batches(&self) -> Vec<RecordBatch> {
        self.partitions.iter().map(|it| it.rows_as(&self.schema)).collect()
    }

    /// Bytes of all rows in memory.
    pub fn bytes(&self) -> u64 {
        self.partitions.iter().map(|it| it.bytes as u64).sum()
    }
}

#[derive(Debug)]
pub struct Table {
    pub id: TableId,
    pub created_at: DateTime<Utc>,
    shape: RwLock<Arc<Shape>>,
    /// In the order of their commits. Never empty.
    versions: RwLock<Vec<Arc<Version>>>,
    home: OnceLock<Home>,
    pub(super) lock: Arc<TableLock>,
}

/// A definition and what follows from it.
#[derive(Debug)]
pub(super) struct Shape {
    pub definition: Arc<TableDefinition>,
    pub schema: SchemaRef,
    /// The columns that rows are sorted by within one change.
    pub sort_columns: Vec<usize>,
}

/// The store whose catalog a table was put into.
#[derive(Debug)]
struct Home {
    log: Arc<CommitLog>,
    /// The version it had then: what was before is no part of the store's history.
    version: u64,
}

impl Shape {
    pub fn of(definition: TableDefinition) -> Arc<Self> {
        let fields: Vec<_> = definition
            .columns
            .iter()
            .map(|it| it.data_type.to_field(&it.name, it.nullable))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let sort_columns = sort_columns(&definition);
        Arc::new(Self { definition: Arc::new(definition), schema, sort_columns })
    }

    /// Rows that fit the columns.
    pub fn coerced(&self, rows: &[RecordBatch]) -> Result<Vec<RecordBatch>, SqlError> {
        let rows = rows.iter().filter(|it| it.num_rows() > 0);
        rows.map(|it| coerce::rows(it, &self.definition.columns, &self.schema)).collect()
    }

    /// Rows that fit the columns, sorted by the clustering key if there is one, in partitions.
    pub fn partition(&self, rows: Vec<RecordBatch>) -> Result<Vec<Arc<MicroPartition>>, SqlError> {
        partition::cut(self.coerced(&rows)?, &self.schema, &self.sort_columns)
    }
}

/// The columns of the clustering key, up to and with the first that is only a part of an
/// expression: after `TO_DATE(TS)`, rows are sorted by `TS`, which keeps days together as well.
fn sort_columns(definition: &TableDefinition) -> Vec<usize> {
    let position = |name: &str| definition.columns.iter().position(|it| it.name == name);
    let mut columns = Vec::new();
    for key in &definition.cluster_by {
        if let Some(column) = position(key) {
            columns.push(column);
            continue;
        }
        let mut mentioned: Vec<usize> = key
            .split(|it: char| !(it.is_alphanumeric() || it == '_' || it == '$'))
            .filter_map(|word| position(word).or_else(|| position(&word.to_ascii_uppercase())))
            .collect();
        mentioned.sort_unstable();
        mentioned.dedup();
        if let [column] = mentioned[..] {
            columns.push(column);
        }
        break;
    }
    let mut seen = BTreeSet::new();
    columns.retain(|it| seen.insert(*it));
    columns
}

fn next_id() -> TableId {
    static LAST: AtomicU64 = AtomicU64::new(0);
    TableId(LAST.fetch_add(1, Ordering::Relaxed) + 1)
}

impl Table {
    /// An empty table: version 0, committed at `created_at`.
    pub fn new(definition: TableDefinition, created_at: DateTime<Utc>) -> Arc<Self> {
        Self::with_partitions(Shape::of(definition), Vec::new(), created_at)
    }

    /// A table whose version 0 has rows already, as `CREATE TABLE AS` makes it. It is not
    /// clustered apart from them.
    pub fn with_rows(
        definition: TableDefinition,
        rows: Vec<RecordBatch>,
        created_at: DateTime<Utc>,
    ) -> Result<Arc<Self>, SqlError> {
        let shape = Shape::of(definition);
        let partitions = shape.partition(rows)?;
        Ok(Self::with_partitions(shape, partitions, created_at))
    }

    fn with_partitions(
        shape: Arc<Shape>,
        partitions: Vec<Arc<MicroPartition>>,
        created_at: DateTime<Utc>,
    ) -> Arc<Self> {
        let version =
            Version::new(0, created_at, Arc::clone(&shape.schema), partitions, Arc::default());
        Arc::new(Self {
            id: next_id(),
            created_at,
            shape: RwLock::new(shape),
            versions: RwLock::new(vec![Arc::new(version)]),
            home: OnceLock::new(),
            lock: Arc::default(),
        })
    }

    /// As it is now; `ALTER` changes it.
    pub fn definition(&self) -> Arc<TableDefinition> {
        Arc::clone(&self.shape.read().definition)
    }

    /// Changes the definition. Columns may get other names, comments and defaults, and their
    /// types other lengths; adding, removing or retyping them is
    /// [`Change::Reshape`](super::transaction::Change::Reshape).
    pub fn alter(&self, change: impl FnOnce(&mut TableDefinition)) {
        let mut shape = self.shape.write();
        let mut definition = (*shape.definition).clone();
        change(&mut definition);
        let altered = Shape::of(definition);
        let renamed = altered.schema != shape.schema;
        *shape = altered;
        if renamed {
            // Partitions are read by position, so the same ones do under other names.
            let mut versions = self.versions.write();
            if let Some(last) = versions.last_mut() {
                *last = Arc::new(Version::new(
                    last.number,
                    last.committed_at,
                    Arc::clone(&shape.schema),
                    last.partitions.clone(),
                    Arc::clone(&last.changes),
                ));
            }
        }
    }

    /// Arrow schema, fields by [`crate::types::DataType::to_field`], names as stored.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.shape.read().schema)
    }

    pub(super) fn shape(&self) -> Arc<Shape> {
        Arc::clone(&self.shape.read())
    }

    pub fn latest(&self) -> Arc<Version> {
        let versions = self.versions.read();
        Arc::clone(&versions[versions.len() - 1])
    }

    /// The version in force at an instant: the last with `committed_at <= at`. `None` before the
    /// first, and where it is past [`RETENTION`].
    pub fn at(&self, at: DateTime<Utc>) -> Option<Arc<Version>> {
        let versions = self.versions.read();
        let mut after = versions.partition_point(|it| it.committed_at <= at);
        if after > 0 && regressed(Regression::TimeTravelStaysHere) {
            after = versions.len();
        }
        if regressed(Regression::TimeTravelTooFar) {
            after = after.max(1);
        }
        after.checked_sub(1).and_then(|it| versions.get(it)).cloned()
    }

    /// A version by its number, unless it is past [`RETENTION`].
    pub fn numbered(&self, number: u64) -> Option<Arc<Version>> {
        let versions = self.versions.read();
        let index = versions.binary_search_by_key(&number, |it| it.number).ok()?;
        versions.get(index).cloned()
    }

    /// The version that a snapshot sees. A table that is younger than the snapshot is seen as it
    /// came into the catalog; one of another store as it is.
    pub fn visible(&self, snapshot: &Snapshot) -> Arc<Version> {
        let versions = self.versions.read();
        let last = versions.len() - 1;
        let Some(home) = self.home.get().filter(|it| snapshot.is_of(&it.log)) else {
            return Arc::clone(&versions[last]);
        };
        let index = if versions[last].committed_at <= snapshot.at() {
            last
        } else {
            let after = versions.partition_point(|it| it.committed_at <= snapshot.at());
            let first = versions.partition_point(|it| it.number < home.version);
            after.saturating_sub(1).max(first).min(last)
        };
        Arc::clone(&versions[index])
    }

    /// The rows that came and went between two versions, given by their numbers. `None` where the
    /// older one is not kept any more.
    pub fn changes(&self, after: u64, until: u64) -> Option<RowChanges> {
        let versions = self.versions.read();
        if versions.first().is_none_or(|it| it.number > after) {
            return None;
        }
        let mut changes = RowChanges::default();
        for version in versions.iter().filter(|it| it.number > after && it.number <= until) {
            changes.extend(&version.changes);
        }
        Some(changes)
    }

    /// Builds the partitions of new rows: batches with the table's columns in order, sorted by
    /// the clustering key if there is one (interactive tables always have), cut into
    /// micro-partitions.
    ///
    /// # Errors
    ///
    /// Those of [`coerce::rows`]: values that do not fit their column.
    pub fn partition(&self, rows: Vec<RecordBatch>) -> Result<Vec<Arc<MicroPartition>>, SqlError> {
        self.shape().partition(rows)
    }

    /// A clone's contents: same partitions, new identity.
    pub fn clone_of(source: &Table, version: &Version, created_at: DateTime<Utc>) -> Arc<Self> {
        let shape = source.shape();
        let shape = if shape.schema == version.schema {
            shape
        } else {
            Shape::of(definition_then(&shape.definition, version))
        };
        Self::with_partitions(shape, version.partitions.clone(), created_at)
    }

    /// Makes the table part of a store, when it gets a name there.
    pub(super) fn settle_in(&self, log: &Arc<CommitLog>) {
        let latest = self.latest();
        log.settle(latest.committed_at);
        self.home.get_or_init(|| Home { log: Arc::clone(log), version: latest.number });
    }

    pub(super) fn log(&self) -> Option<&Arc<CommitLog>> {
        self.home.get().map(|it| &it.log)
    }

    /// Adds a version, under the log of its store. `shape` is another one only where columns
    /// were added or removed.
    pub(super) fn push(
        &self,
        at: DateTime<Utc>,
        reshaped: Option<Arc<Shape>>,
        changes: RowChanges,
        partitions: impl FnOnce(&Version, &SchemaRef) -> Vec<Arc<MicroPartition>>,
    ) {
        let mut shape = self.shape.write();
        if let Some(reshaped) = reshaped {
            *shape = reshaped;
        }
        let mut versions = self.versions.write();
        let last = Arc::clone(&versions[versions.len() - 1]);
        let schema = Arc::clone(&shape.schema);
        let partitions = partitions(&last, &schema);
        let stay: HashSet<u64> = partitions.iter().map(|it| it.id).collect();
        last.partitions.iter().filter(|it| !stay.contains(&it.id)).for_each(|it| it.let_go());
        versions.push(Arc::new(Version::new(
            last.number + 1,
            at,
            schema,
            partitions,
            Arc::new(changes),
        )));
        if let Some(oldest) = at.checked_sub_signed(RETENTION) {
            let expired = versions.partition_point(|it| it.committed_at <= oldest);
            versions.drain(..expired.saturating_sub(1));
        }
    }
}

/// A definition with the columns that an old version has.
fn definition_then(now: &TableDefinition, version: &Version) -> TableDefinition {
    let columns = version.schema.fields().iter().map(|field| {
        let kept = now.columns.iter().find(|it| it.name == *field.name());
        ColumnDefinition {
            name: field.name().clone(),
            data_type: DataType::of(field).unwrap_or(DataType::Variant),
            nullable: field.is_nullable(),
            default: kept.and_then(|it| it.default.clone()),
            comment: kept.and_then(|it| it.comment.clone()),
        }
    });
    TableDefinition { columns: columns.collect(), ..now.clone() }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            testing::{append, at, definition, lines, numbers, numbers_table},
            transaction::{Change, Transaction},
        },
        *,
    };

    #[test]
    fn time_travel_finds_the_version_in_force() {
        let table = numbers_table();
        append(&table, numbers([1]), at(10));
        append(&table, numbers([2]), at(20));
        let rows = |seconds| table.at(at(seconds)).map(|it| lines(&it).join(" "));
        assert_eq!(rows(-1), None);
        assert_eq!(rows(0).as_deref(), Some(""));
        assert_eq!(rows(9).as_deref(), Some(""));
        assert_eq!(rows(10).as_deref(), Some("1"));
        assert_eq!(rows(19).as_deref(), Some("1"));
        assert_eq!(rows(1000).as_deref(), Some("1 2"));
        let numbers: Vec<u64> =
            [0, 10, 20].iter().filter_map(|it| table.at(at(*it))).map(|it| it.number).collect();
        assert_eq!(numbers, [0, 1, 2]);
    }

    #[test]
    fn versions_expire_after_a_day_but_not_the_one_that_was_in_force() {
        let table = numbers_table();
        let day = RETENTION.num_seconds();
        append(&table, numbers([1]), at(10));
        append(&table, numbers([2]), at(20));
        append(&table, numbers([3]), at(day + 25));
        assert!(table.at(at(19)).is_none());
        assert_eq!(table.at(at(25)).map(|it| lines(&it).join(" ")).as_deref(), Some("1 2"));
    }

    #[test]
    fn a_clone_shares_partitions_and_goes_its_own_way() {
        let source = numbers_table();
        append(&source, numbers([1]), at(10));
        let then = source.latest();
        append(&source, numbers([2]), at(20));
        let clone = Table::clone_of(&source, &then, at(30));
        assert_ne!(clone.id, source.id);
        assert!(Arc::ptr_eq(&clone.latest().partitions[0], &then.partitions[0]));
        append(&clone, numbers([3]), at(40));
        assert_eq!(lines(&clone.latest()), ["1", "3"]);
        assert_eq!(lines(&source.latest()), ["1", "2"]);
        assert!(clone.at(at(29)).is_none());
    }

    #[test]
    fn a_column_under_another_name_has_the_same_values() {
        let table = numbers_table();
        append(&table, numbers([1]), at(10));
        table.alter(|it| it.columns[0].name = "KEY".to_owned());
        assert_eq!(table.schema().field(0).name(), "KEY");
        assert_eq!(table.latest().schema, table.schema());
        assert_eq!(table.latest().scan_batches()[0].schema(), table.schema());
        assert_eq!(table.latest().number, 1);
        append(&table, numbers([2]), at(20));
        assert_eq!(lines(&table.latest()), ["1", "2"]);
    }

    #[test]
    fn a_refused_row_changes_nothing() {
        let table = Table::new(definition(&["ID NUMBER(2,0) NOT NULL"], &[]), at(0));
        let mut transaction = Transaction::default();
        let rows = vec![numbers([1]), numbers([100])];
        let error = transaction.change(&table, Change::Append(rows)).expect_err("a refusal");
        assert_eq!(error.message, "Numeric value '100' is out of range");
        assert!(transaction.is_empty());
        assert_eq!(transaction.commit(at(10)), at(10));
        assert_eq!(table.latest().number, 0);
    }

    #[test]
    fn a_table_made_with_rows_has_one_version() {
        let definition = definition(&["ID NUMBER(38,0)"], &["ID"]);
        let table = Table::with_rows(definition, vec![numbers([2, 1])], at(5)).expect("a table");
        assert_eq!(lines(&table.latest()), ["1", "2"]);
        assert_eq!((table.latest().number, table.latest().committed_at), (0, at(5)));
    }
}
