//! Taking rows out of a table by what they are, and putting others in: how a refresh merges what
//! has changed into what is there.

use super::{
    partition::{ColumnRange, MicroPartition},
    table::Version,
    transaction::Change,
};
use crate::error::SqlError;
use arrow::{
    array::{Array, ArrayRef, RecordBatch, UInt32Array},
    buffer::BooleanBuffer,
    compute::{concat_batches, take_record_batch},
    error::ArrowError,
    row::{OwnedRow, RowConverter, SortField},
};
use datafusion::common::hash_utils::{RandomState, create_hashes};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// A change that takes each of `deleted` out of a version, once for each time it is given, and
/// puts others in. What it costs follows the rows, but for one look at a single column of those
/// partitions that may have them.
///
/// `deleted` has the version's columns and types.
///
/// # Errors
///
/// An internal one if a row is not there as often as it is to go: whoever computed the change has
/// lost its way, and the table must not follow.
pub fn exchange(
    version: &Version,
    deleted: &[RecordBatch],
    inserted: Vec<RecordBatch>,
) -> Result<Exchange, SqlError> {
    let gone = find(version, deleted)?;
    let mut removed = BTreeSet::new();
    let mut kept = Vec::new();
    let mut copied = 0;
    for partition in &version.partitions {
        let Some(gone) = gone.get(&partition.id) else { continue };
        removed.insert(partition.id);
        let Some(rest) = partition.replaced(gone) else { continue };
        copied += rest.row_count() as u64;
        kept.push(rest);
    }
    let change = Change::Exchange { removed, kept, deleted: deleted.to_vec(), inserted };
    Ok(Exchange { change, copied })
}

/// A change, and how many rows are in the partitions that it touches and stay.
pub struct Exchange {
    pub change: Change,
    pub copied: u64,
}

/// Where the rows are: partitions by id, and places in what was written.
fn find(version: &Version, deleted: &[RecordBatch]) -> Result<BTreeMap<u64, Vec<usize>>, SqlError> {
    let failed = |it: ArrowError| SqlError::internal(format!("finding rows: {it}"));
    let rows = concat_batches(&version.schema, deleted).map_err(failed)?;
    if rows.num_rows() == 0 {
        return Ok(BTreeMap::new());
    }
    let fields = rows.columns().iter().map(|it| SortField::new(it.data_type().clone())).collect();
    let converter = RowConverter::new(fields).map_err(failed)?;
    let mut wanted: HashMap<OwnedRow, usize> = HashMap::new();
    for row in &converter.convert_columns(rows.columns()).map_err(failed)? {
        *wanted.entry(row.owned()).or_default() += 1;
    }
    let mut left = rows.num_rows();
    let sieve = Sieve::new(&rows, &version.schema)?;
    let mut found = BTreeMap::new();
    for partition in &version.partitions {
        if left == 0 {
            break;
        }
        if !sieve.may_have(partition) {
            continue;
        }
        let (written, stays) = partition.written();
        let candidates = sieve.candidates(written, stays)?;
        if candidates.is_empty() {
            continue;
        }
        let indices = UInt32Array::from_iter_values(candidates.iter().map(|it| *it as u32));
        let taken = take_record_batch(written, &indices).map_err(failed)?;
        let mut gone = Vec::new();
        for (row, place) in
            converter.convert_columns(taken.columns()).map_err(failed)?.iter().zip(candidates)
        {
            if let Some(count) = wanted.get_mut(&row.owned())
                && *count > 0
            {
                *count -= 1;
                left -= 1;
                gone.push(place);
            }
        }
        if !gone.is_empty() {
            found.insert(partition.id, gone);
        }
    }
    match left {
        0 => Ok(found),
        _ => Err(SqlError::internal(format!("{left} rows that are to go are not in the table"))),
    }
}

/// Tells quickly of most rows that they are none of those wanted: by the hash of the column in
/// which those differ most.
struct Sieve {
    column: usize,
    /// Bounds of the column's values. `None` where one is NULL, or has no useful order.
    range: Option<ColumnRange>,
    state: RandomState,
    /// A bit for each value that the low bits of a hash can have.
    bits: BooleanBuffer,
}

/// Bits of the sieve for each row that is wanted: one in 64 others passes.
const BITS_PER_ROW: usize = 64;
const BITS_MAX: usize = 1 << 22;

impl Sieve {
    fn new(rows: &RecordBatch, schema: &arrow::datatypes::SchemaRef) -> Result<Self, SqlError> {
        let state = RandomState::with_seed(0);
        let mut best: Option<(usize, usize, Vec<u64>)> = None;
        for (column, values) in rows.columns().iter().enumerate() {
            let hashes = hashes(values, &state)?;
            let distinct = hashes.iter().collect::<std::collections::HashSet<_>>().len();
            if best.as_ref().is_none_or(|(_, most, _)| distinct > *most) {
                best = Some((column, distinct, hashes));
            }
        }
        let Some((column, _, hashes)) = best else {
            return Err(SqlError::internal("finding rows without columns"));
        };
        let size = (rows.num_rows() * BITS_PER_ROW).next_power_of_two().min(BITS_MAX);
        let mut bits = vec![false; size];
        for hash in hashes {
            bits[hash as usize & (size - 1)] = true;
        }
        let range = ColumnRange::of(schema.field(column), rows.column(column));
        let range = (range.null_count == 0 && range.bounds.is_some()).then_some(range);
        Ok(Self { column, range, state, bits: BooleanBuffer::from(bits) })
    }

    fn may_have(&self, partition: &MicroPartition) -> bool {
        let Some((least, greatest)) = self.range.as_ref().and_then(|it| it.bounds.as_ref()) else {
            return true;
        };
        let there = partition.columns.get(self.column).and_then(|it| it.bounds.as_ref());
        // A column without bounds is all NULL, or of a type that has none.
        there.is_none_or(|(first, last)| least <= last && greatest >= first)
    }

    /// Places of the rows that may be wanted.
    fn candidates(
        &self,
        written: &RecordBatch,
        stays: Option<&BooleanBuffer>,
    ) -> Result<Vec<usize>, SqlError> {
        let Some(values) = written.columns().get(self.column) else { return Ok(Vec::new()) };
        let mask = self.bits.len() - 1;
        let hashes = hashes(values, &self.state)?;
        let passes = hashes.iter().enumerate().filter(|(row, hash)| {
            self.bits.value(**hash as usize & mask) && stays.is_none_or(|it| it.value(*row))
        });
        Ok(passes.map(|(row, _)| row).collect())
    }
}

fn hashes(values: &ArrayRef, state: &RandomState) -> Result<Vec<u64>, SqlError> {
    let mut hashes = vec![0; values.len()];
    create_hashes([Arc::clone(values)], state, &mut hashes)
        .map_err(|it| SqlError::internal(format!("finding rows: {it}")))?;
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            table::Table,
            testing::{append, at, batch, definition, lines, numbers, numbers_table},
            transaction::Transaction,
        },
        *,
    };
    use arrow::array::{Int64Array, StringArray};

    async fn exchanged(
        table: &Arc<Table>,
        deleted: RecordBatch,
        inserted: RecordBatch,
        seconds: i64,
    ) -> Result<u64, SqlError> {
        let mut transaction = Transaction::default();
        transaction.lock(table).await.expect("a lock");
        let version = transaction.read(table);
        let deleted = RecordBatch::try_new(Arc::clone(&version.schema), deleted.columns().to_vec())
            .expect("the table's columns");
        let Exchange { change, copied } = exchange(&version, &[deleted], vec![inserted])?;
        transaction.change(table, change)?;
        transaction.commit(at(seconds));
        Ok(copied)
    }

    /// Numbers as the table has them.
    fn stored(values: &[i64]) -> RecordBatch {
        let table = numbers_table();
        append(&table, numbers(values.to_vec()), at(1));
        table.latest().scan_batches().remove(0)
    }

    #[tokio::test]
    async fn rows_go_as_often_as_they_are_given() {
        let table = numbers_table();
        append(&table, numbers([1, 2, 2, 2]), at(10));
        append(&table, numbers([2, 3]), at(20));
        let copied = exchanged(&table, stored(&[2, 2, 3]), numbers([9]), 30).await;
        assert_eq!(copied.as_ref().ok(), Some(&3));
        let mut left = lines(&table.latest());
        left.sort();
        assert_eq!(left, ["1", "2", "2", "9"]);
        assert_eq!(table.latest().row_count, 4);
        let changes = table.changes(2, 3).expect("versions that are kept");
        let count = |it: &[super::super::changes::ChangedRows]| -> usize {
            it.iter().map(|it| it.row_count()).sum()
        };
        assert_eq!((count(&changes.inserted), count(&changes.deleted)), (1, 3));
    }

    #[tokio::test]
    async fn a_row_that_is_not_there_often_enough_is_an_error_and_changes_nothing() {
        let table = numbers_table();
        append(&table, numbers([1, 2]), at(10));
        for gone in [&[3][..], &[2, 2], &[1, 2, 1]] {
            let error = exchanged(&table, stored(gone), numbers([9]), 20).await;
            assert!(error.is_err_and(|it| it.message.contains("not in the table")), "{gone:?}");
        }
        assert_eq!(lines(&table.latest()), ["1", "2"]);
    }

    #[tokio::test]
    async fn rows_that_went_before_are_not_found_again() {
        let table = numbers_table();
        append(&table, numbers((0..100).chain([7])), at(10));
        exchanged(&table, stored(&[7]), numbers([]), 20).await.expect("it is there");
        exchanged(&table, stored(&[7, 8]), numbers([]), 30).await.expect("they are there");
        assert!(exchanged(&table, stored(&[7]), numbers([]), 40).await.is_err());
        assert_eq!(table.latest().row_count, 98);
        assert!(!lines(&table.latest()).iter().any(|it| it == "7" || it == "8"));
    }

    #[tokio::test]
    async fn nulls_and_texts_are_told_apart() {
        let rows = |ids: &[Option<i64>], names: &[Option<&str>]| {
            batch(vec![
                Arc::new(Int64Array::from(ids.to_vec())),
                Arc::new(StringArray::from(names.to_vec())),
            ])
        };
        let table = Table::new(definition(&["A NUMBER(38,0)", "B VARCHAR"], &["A"]), at(0));
        let all = rows(
            &[Some(1), Some(1), None, None, Some(2)],
            &[Some(""), None, Some("x"), None, Some("x")],
        );
        append(&table, all, at(10));
        let typed = |it: RecordBatch| {
            let other = Table::new(definition(&["A NUMBER(38,0)", "B VARCHAR"], &["A"]), at(0));
            append(&other, it, at(1));
            other.latest().scan_batches().remove(0)
        };
        let gone = typed(rows(&[Some(1), None], &[None, None]));
        exchanged(&table, gone, rows(&[], &[]), 20).await.expect("they are there");
        assert_eq!(lines(&table.latest()), ["1|", "2|x", "|x"]);
    }

    #[tokio::test]
    async fn what_is_left_of_a_sorted_partition_is_still_pruned_right() {
        let table = Table::new(definition(&["A NUMBER(38,0)"], &["A"]), at(0));
        let some: Vec<Option<i64>> = (0..100).map(Some).chain([None, None]).collect();
        append(&table, batch(vec![Arc::new(Int64Array::from(some))]), at(10));
        let gone = {
            let rows = table.latest().scan_batches().remove(0);
            take_record_batch(&rows, &UInt32Array::from(vec![5, 50, 100])).expect("three rows")
        };
        exchanged(&table, gone, numbers([]), 20).await.expect("they are there");
        let partition = &table.latest().partitions[0];
        assert_eq!((partition.row_count(), partition.columns[0].null_count), (99, 1));
        assert_eq!(partition.rows().num_rows(), 99);
        assert_eq!(partition.sorted_by, Some(0));
    }
}
