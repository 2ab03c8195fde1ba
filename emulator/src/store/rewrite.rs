//! Changes that take rows away: UPDATE, DELETE, MERGE.

use super::{
    provider::{PARTITION_COLUMN, ROW_COLUMN},
    table::Version,
    transaction::Change,
};
use crate::error::SqlError;
use arrow::{
    array::{Array, AsArray, BooleanArray, RecordBatch, UInt64Array},
    compute::take_record_batch,
    datatypes::{SchemaRef, UInt32Type, UInt64Type},
    error::ArrowError,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Rows of a version by the partition they are in. The masks are as long as their partitions;
/// true is a row of the set.
pub type RowMasks = BTreeMap<u64, BooleanArray>;

/// Collects rows as a statement names them, one by one.
#[derive(Clone, Debug, Default)]
pub struct RowSet {
    /// Bits, 64 a word; as many words as the highest row needs.
    rows: BTreeMap<u64, Vec<u64>>,
    count: u64,
}

impl RowSet {
    /// False if the row was in the set: a MERGE or UPDATE that hits a row twice.
    pub fn insert(&mut self, partition: u64, row: u32) -> bool {
        let words = self.rows.entry(partition).or_default();
        let (word, bit) = (row as usize / 64, 1_u64 << (row % 64));
        if words.len() <= word {
            words.resize(word + 1, 0);
        }
        let Some(word) = words.get_mut(word) else { return false };
        let is_new = *word & bit == 0;
        *word |= bit;
        self.count += u64::from(is_new);
        is_new
    }

    /// Adds the rows that a batch with [`PARTITION_COLUMN`] and [`ROW_COLUMN`] is about. Rows
    /// where these are NULL, as outer joins have them, are passed over. Gives the number of rows
    /// that were in the set already.
    pub fn insert_batch(&mut self, batch: &RecordBatch) -> Result<u64, SqlError> {
        let missing = || SqlError::internal("a batch has no row identity");
        let partitions = batch
            .column_by_name(PARTITION_COLUMN)
            .and_then(|it| it.as_primitive_opt::<UInt64Type>())
            .ok_or_else(missing)?;
        let rows = batch
            .column_by_name(ROW_COLUMN)
            .and_then(|it| it.as_primitive_opt::<UInt32Type>())
            .ok_or_else(missing)?;
        let mut repeated = 0;
        for (partition, row) in partitions.iter().zip(rows) {
            if let (Some(partition), Some(row)) = (partition, row) {
                repeated += u64::from(!self.insert(partition, row));
            }
        }
        Ok(repeated)
    }

    pub fn contains(&self, partition: u64, row: u32) -> bool {
        let word = self.rows.get(&partition).and_then(|it| it.get(row as usize / 64));
        word.is_some_and(|it| it & (1 << (row % 64)) != 0)
    }

    /// Number of rows.
    pub fn len(&self) -> u64 {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The same as masks over the partitions of a version.
    pub fn masks(&self, version: &Version) -> RowMasks {
        version
            .partitions
            .iter()
            .filter(|it| self.rows.contains_key(&it.id))
            .map(|it| {
                let rows = it.row_count() as u32;
                let mask: Vec<bool> = (0..rows).map(|row| self.contains(it.id, row)).collect();
                (it.id, BooleanArray::from(mask))
            })
            .collect()
    }
}

/// A change that takes rows out of a version and puts others in. Partitions that lose few rows
/// are kept as they were written, less those.
pub fn rewrite(
    version: &Version,
    removed: &RowMasks,
    added: Vec<RecordBatch>,
) -> Result<Change, SqlError> {
    let mut kept = Vec::new();
    let mut deleted = Vec::new();
    let mut touched = BTreeSet::new();
    let mut found = 0;
    for partition in &version.partitions {
        let Some(mask) = removed.get(&partition.id) else { continue };
        found += 1;
        if mask.len() != partition.row_count() {
            return Err(SqlError::internal(format!(
                "a mask of {} rows for a partition of {}",
                mask.len(),
                partition.row_count()
            )));
        }
        if mask.true_count() == 0 {
            continue;
        }
        touched.insert(partition.id);
        let (written, stays) = partition.written();
        // A row of which the mask does not say that it goes stays.
        let goes = |row: &usize| mask.is_valid(*row) && mask.value(*row);
        let gone: Vec<usize> = match stays {
            None => (0..mask.len()).filter(goes).collect(),
            Some(stays) => {
                let places = stays.set_indices().enumerate();
                places.filter(|(row, _)| goes(row)).map(|(_, place)| place).collect()
            }
        };
        deleted.push(taken(written, &gone, &version.schema)?);
        kept.extend(partition.replaced(&gone));
    }
    if found != removed.len() {
        return Err(SqlError::internal("rows to remove are not in the version"));
    }
    Ok(Change::Exchange { removed: touched, kept, deleted, inserted: added })
}

/// Some rows, under the names that their columns have now.
fn taken(
    rows: &RecordBatch,
    places: &[usize],
    schema: &SchemaRef,
) -> Result<RecordBatch, SqlError> {
    let failed = |it: ArrowError| SqlError::internal(format!("removing rows: {it}"));
    let indices = UInt64Array::from_iter_values(places.iter().map(|it| *it as u64));
    let taken = take_record_batch(rows, &indices).map_err(failed)?;
    RecordBatch::try_new(Arc::clone(schema), taken.columns().to_vec()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            table::Table,
            testing::{append, at, lines, numbers, numbers_table},
            transaction::Transaction,
        },
        *,
    };

    /// Removes rows from a table of 1, 2, 3 and 4, 5 in two partitions, and adds others.
    async fn removed(rows: &[(usize, u32)], added: &[i64]) -> (Arc<Table>, Vec<u64>) {
        let table = numbers_table();
        append(&table, numbers([1, 2, 3]), at(10));
        append(&table, numbers([4, 5]), at(20));
        let mut transaction = Transaction::default();
        transaction.lock(&table).await.expect("a lock");
        let version = transaction.read(&table);
        let ids: Vec<u64> = version.partitions.iter().map(|it| it.id).collect();
        let mut set = RowSet::default();
        for (partition, row) in rows {
            set.insert(ids[*partition], *row);
        }
        let added = if added.is_empty() { vec![] } else { vec![numbers(added.to_vec())] };
        let change = rewrite(&version, &set.masks(&version), added).expect("a change");
        transaction.change(&table, change).expect("no refusal");
        transaction.commit(at(30));
        (table, ids)
    }

    #[tokio::test]
    async fn untouched_partitions_stay_and_touched_ones_keep_their_other_rows() {
        let (table, ids) = removed(&[(0, 1)], &[20]).await;
        assert_eq!(lines(&table.latest()), ["4", "5", "1", "3", "20"]);
        assert_eq!(table.latest().partitions[0].id, ids[1]);
    }

    #[tokio::test]
    async fn a_partition_that_loses_all_rows_is_gone() {
        let (table, _) = removed(&[(0, 0), (0, 1), (0, 2)], &[]).await;
        assert_eq!(lines(&table.latest()), ["4", "5"]);
        assert_eq!(table.latest().partitions.len(), 1);
    }

    #[tokio::test]
    async fn removing_nothing_is_no_commit() {
        let (table, _) = removed(&[], &[]).await;
        assert_eq!(table.latest().number, 2);
    }

    #[test]
    fn a_row_that_is_hit_twice_is_noticed() {
        let mut rows = RowSet::default();
        assert!(rows.insert(1, 100));
        assert!(!rows.insert(1, 100));
        assert!(rows.insert(2, 100));
        assert!(rows.contains(1, 100) && !rows.contains(1, 36) && !rows.contains(3, 100));
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn masks_of_other_versions_are_refused() {
        let (one, other) = (numbers_table(), numbers_table());
        append(&one, numbers([1]), at(10));
        append(&other, numbers([1, 2]), at(10));
        let foreign = RowMasks::from([(other.latest().partitions[0].id, vec![true].into())]);
        assert!(rewrite(&one.latest(), &foreign, Vec::new()).is_err());
        assert!(rewrite(&other.latest(), &foreign, Vec::new()).is_err());
    }
}
