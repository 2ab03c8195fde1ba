//! Which rows came and went with a commit: what a change scan between two versions gives.
//!
//! A commit's partitions do not tell: an UPDATE writes those that it touches anew, and small ones
//! are merged now and then. So each version keeps the rows themselves. Those of inserts and
//! overwrites are the partitions, nothing copied; those of UPDATE, DELETE and MERGE are what the
//! statement found.

use super::partition::MicroPartition;
use arrow::array::RecordBatch;
use std::sync::Arc;

/// Rows that came and rows that went. One that was changed twice, or changed back, can be in
/// both: only the difference of the two, as bags of rows, is the change.
#[derive(Clone, Debug, Default)]
pub struct RowChanges {
    pub inserted: Vec<ChangedRows>,
    pub deleted: Vec<ChangedRows>,
}

/// Some rows, with the columns that the table had then.
#[derive(Clone, Debug)]
pub enum ChangedRows {
    Partition(Arc<MicroPartition>),
    Batch(RecordBatch),
}

impl ChangedRows {
    pub fn row_count(&self) -> usize {
        match self {
            Self::Partition(partition) => partition.row_count(),
            Self::Batch(rows) => rows.num_rows(),
        }
    }

    pub fn rows(&self) -> RecordBatch {
        match self {
            Self::Partition(partition) => partition.rows(),
            Self::Batch(rows) => rows.clone(),
        }
    }
}

impl RowChanges {
    pub fn is_empty(&self) -> bool {
        self.inserted.is_empty() && self.deleted.is_empty()
    }

    /// Adds what was changed after this.
    pub fn extend(&mut self, later: &Self) {
        self.inserted.extend(later.inserted.iter().cloned());
        self.deleted.extend(later.deleted.iter().cloned());
    }

    pub(super) fn insert(&mut self, rows: impl IntoIterator<Item = ChangedRows>) {
        self.inserted.extend(rows.into_iter().filter(|it| it.row_count() > 0));
    }

    pub(super) fn delete(&mut self, rows: impl IntoIterator<Item = ChangedRows>) {
        self.deleted.extend(rows.into_iter().filter(|it| it.row_count() > 0));
    }
}

pub(super) fn of_partitions(
    partitions: &[Arc<MicroPartition>],
) -> impl Iterator<Item = ChangedRows> + '_ {
    partitions.iter().map(|it| ChangedRows::Partition(Arc::clone(it)))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            rewrite::{RowSet, rewrite},
            table::Table,
            testing::{append, at, column, lines_of, numbers, numbers_table},
            transaction::{Change, ColumnSource, Transaction},
        },
        *,
    };
    use datafusion::scalar::ScalarValue;

    /// The change between two versions of a table of numbers.
    fn changes(table: &Table, after: u64) -> String {
        let changes = table.changes(after, table.latest().number).expect("versions that are kept");
        let side = |sign: &str, rows: &[ChangedRows]| -> Vec<String> {
            let batches: Vec<RecordBatch> = rows.iter().map(ChangedRows::rows).collect();
            lines_of(&batches).iter().map(|it| format!("{sign}{it}")).collect()
        };
        let mut lines = side("+", &changes.inserted);
        lines.extend(side("-", &changes.deleted));
        lines.join(" ")
    }

    /// Takes out the rows at these places and puts in others, as UPDATE does.
    async fn update(table: &Arc<Table>, rows: &[(usize, u32)], added: &[i64], seconds: i64) {
        let mut transaction = Transaction::default();
        transaction.lock(table).await.expect("a lock");
        let version = transaction.read(table);
        let mut set = RowSet::default();
        for (partition, row) in rows {
            set.insert(version.partitions[*partition].id, *row);
        }
        let added = if added.is_empty() { vec![] } else { vec![numbers(added.to_vec())] };
        let change = rewrite(&version, &set.masks(&version), added).expect("a change");
        transaction.change(table, change).expect("no refusal");
        transaction.commit(at(seconds));
    }

    #[tokio::test]
    async fn an_update_gives_the_rows_it_changed_and_not_their_partitions() {
        let table = numbers_table();
        append(&table, numbers([1, 2, 3]), at(10));
        assert_eq!(changes(&table, 0), "+1 +2 +3");
        update(&table, &[(0, 1)], &[20], 20).await;
        assert_eq!(changes(&table, 1), "+20 -2");
        assert_eq!(changes(&table, 0), "+1 +2 +3 +20 -2");
        assert_eq!(changes(&table, 2), "");
    }

    #[tokio::test]
    async fn an_overwrite_is_all_rows_out_and_all_in() {
        let table = numbers_table();
        append(&table, numbers([1, 2]), at(10));
        let mut transaction = Transaction::default();
        transaction.lock(&table).await.expect("a lock");
        transaction.change(&table, Change::Append(vec![numbers([3])])).expect("no refusal");
        transaction.change(&table, Change::Overwrite(vec![numbers([4])])).expect("no refusal");
        transaction.commit(at(20));
        assert_eq!(changes(&table, 1), "+3 +4 -1 -2 -3");
    }

    #[tokio::test]
    async fn merging_small_partitions_changes_no_rows() {
        let table = numbers_table();
        for number in 0..40 {
            append(&table, numbers([number]), at(number + 1));
        }
        assert!(table.latest().partitions.len() < 40, "some were merged");
        let expected: Vec<String> = (20..40).map(|it| format!("+{it}")).collect();
        assert_eq!(changes(&table, 20), expected.join(" "));
    }

    #[tokio::test]
    async fn other_columns_change_no_rows() {
        let table = numbers_table();
        append(&table, numbers([1]), at(10));
        let mut transaction = Transaction::default();
        transaction.lock(&table).await.expect("a lock");
        let columns = vec![
            (column("ID NUMBER(38,0)"), ColumnSource::Existing(0)),
            (column("NOTE VARCHAR(5)"), ColumnSource::Constant(ScalarValue::from("new"))),
        ];
        transaction.change(&table, Change::Reshape(columns)).expect("no refusal");
        transaction.commit(at(20));
        assert_eq!(changes(&table, 1), "");
    }

    #[tokio::test]
    async fn versions_that_are_not_kept_any_more_have_no_changes() {
        let table = numbers_table();
        let day = super::super::table::RETENTION.num_seconds();
        append(&table, numbers([1]), at(10));
        append(&table, numbers([2]), at(20));
        append(&table, numbers([3]), at(day + 30));
        assert!(table.changes(0, 3).is_none());
        assert_eq!(changes(&table, 2), "+3");
    }
}
