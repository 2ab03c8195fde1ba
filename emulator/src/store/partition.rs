//! Micro-partitions: a batch of rows with the least and greatest value of each column.

use crate::{
    error::SqlError,
    types::{DataType, TYPE_KEY},
};
use arrow::{
    array::{
        Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, BooleanBufferBuilder,
        PrimitiveArray, RecordBatch, downcast_primitive_array,
    },
    buffer::BooleanBuffer,
    compute::{self, SortOptions, concat_batches, filter_record_batch, interleave_record_batch},
    datatypes::{Field, SchemaRef},
    error::ArrowError,
    row::{Row, RowConverter, SortField},
};
use datafusion::scalar::ScalarValue;
use parking_lot::Mutex;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Rows in a full micro-partition.
pub const ROWS_MAX: usize = 16_384;

/// The order within sorted partitions: Snowflake's, with NULL last.
pub const SORT_OPTIONS: SortOptions = SortOptions { descending: false, nulls_first: false };

#[derive(Debug)]
pub struct MicroPartition {
    /// Unique in the process: what was added or removed between two versions is told by it.
    pub id: u64,
    contents: Contents,
    /// One a column.
    pub columns: Vec<ColumnRange>,
    /// The column by which the rows are sorted, as [`SORT_OPTIONS`] says.
    pub sorted_by: Option<usize>,
    /// Bytes of the rows in memory.
    pub bytes: usize,
}

#[derive(Debug)]
enum Contents {
    Whole(RecordBatch),
    /// Another partition's rows without some. They are only put together when somebody reads
    /// them, so that taking a few rows out of many partitions costs what the few do.
    Part {
        of: RecordBatch,
        stays: BooleanBuffer,
        count: usize,
        rows: Mutex<Joined>,
    },
}

/// The rows of a part, put together.
#[derive(Debug)]
enum Joined {
    NotYet,
    Rows(RecordBatch),
    /// Only time travel reads them from now on: a copy for each version would fill the memory.
    NotKept,
}

/// What is known of a column in one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnRange {
    /// Bounds of the values that are not NULL, of the column's own type: the least and the
    /// greatest, unless rows were taken out since. `None` if all are NULL, and for types without
    /// a useful order.
    pub bounds: Option<(ScalarValue, ScalarValue)>,
    pub null_count: usize,
}

impl MicroPartition {
    /// `sorted_by` is believed.
    pub fn new(rows: RecordBatch, sorted_by: Option<usize>) -> Arc<Self> {
        Self::with_id(next_id(), rows, sorted_by)
    }

    /// The same rows in another shape: columns added or removed. Keeps what the rows are known by.
    pub(super) fn with_id(id: u64, rows: RecordBatch, sorted_by: Option<usize>) -> Arc<Self> {
        let columns: Vec<_> = rows
            .schema_ref()
            .fields()
            .iter()
            .zip(rows.columns())
            .map(|(field, values)| ColumnRange::of(field, values))
            .collect();
        let bytes =
            rows.columns().iter().map(|it| it.to_data().get_slice_memory_size().unwrap_or(0)).sum();
        Arc::new(Self { id, contents: Contents::Whole(rows), columns, sorted_by, bytes })
    }

    pub fn rows(&self) -> RecordBatch {
        match &self.contents {
            Contents::Whole(rows) => rows.clone(),
            Contents::Part { of, stays, rows, .. } => {
                let mut joined = rows.lock();
                if let Joined::Rows(rows) = &*joined {
                    return rows.clone();
                }
                let stays = BooleanArray::new(stays.clone(), None);
                // The mask has as many rows as the batch: see `without`.
                let rows = filter_record_batch(of, &stays).unwrap_or_else(|_| of.slice(0, 0));
                if matches!(*joined, Joined::NotYet) {
                    *joined = Joined::Rows(rows.clone());
                }
                rows
            }
        }
    }

    /// Told when the latest version of its table has it no more.
    pub(super) fn let_go(&self) {
        if let Contents::Part { rows, .. } = &self.contents {
            *rows.lock() = Joined::NotKept;
        }
    }

    pub fn schema(&self) -> &SchemaRef {
        self.written().0.schema_ref()
    }

    pub fn row_count(&self) -> usize {
        match &self.contents {
            Contents::Whole(rows) => rows.num_rows(),
            Contents::Part { count, .. } => *count,
        }
    }

    /// The rows as they were written, and which of them are still there: `None` is all.
    pub fn written(&self) -> (&RecordBatch, Option<&BooleanBuffer>) {
        match &self.contents {
            Contents::Whole(rows) => (rows, None),
            Contents::Part { of, stays, .. } => (of, Some(stays)),
        }
    }

    /// The partition without some of its rows, given by their places in [`Self::written`].
    /// Those that are gone already change nothing. `None` where no row is left.
    pub fn without(&self, gone: &[usize]) -> Option<Arc<Self>> {
        let (of, there) = self.written();
        let mut stays = BooleanBufferBuilder::new(of.num_rows());
        match there {
            Some(there) => stays.append_buffer(there),
            None => stays.append_n(of.num_rows(), true),
        }
        let mut left = self.row_count();
        let mut columns = self.columns.clone();
        for &row in gone {
            if row < of.num_rows() && stays.get_bit(row) {
                stays.set_bit(row, false);
                left -= 1;
                for (range, values) in columns.iter_mut().zip(of.columns()) {
                    range.null_count -= usize::from(values.is_null(row));
                }
            }
        }
        if left == 0 {
            return None;
        }
        let bytes = self.bytes * left / self.row_count().max(1);
        let contents = Contents::Part {
            of: of.clone(),
            stays: stays.finish(),
            count: left,
            rows: Mutex::new(Joined::NotYet),
        };
        let sorted_by = self.sorted_by;
        Some(Arc::new(Self { id: next_id(), contents, columns, sorted_by, bytes }))
    }

    /// What takes its place when rows, given as for [`Self::without`], are taken out. Where most
    /// has gone, what is left is written anew. `None` where no row is left.
    pub fn replaced(&self, gone: &[usize]) -> Option<Arc<Self>> {
        let rest = self.without(gone)?;
        Some(match rest.row_count() * 2 < rest.written().0.num_rows() {
            true => Self::new(rest.rows(), rest.sorted_by),
            false => rest,
        })
    }

    /// The rows under other names of the same columns.
    pub fn rows_as(&self, schema: &SchemaRef) -> RecordBatch {
        let rows = self.rows();
        if Arc::ptr_eq(rows.schema_ref(), schema) {
            return rows;
        }
        RecordBatch::try_new(Arc::clone(schema), rows.columns().to_vec()).unwrap_or(rows)
    }
}

fn next_id() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

impl ColumnRange {
    pub(super) fn of(field: &Field, values: &ArrayRef) -> Self {
        let null_count = values.logical_null_count();
        // JSON text has an order, but not that of the values it stands for.
        let is_json =
            field.metadata().get(TYPE_KEY).and_then(|it| DataType::parse(it).ok()).is_some_and(
                |it| matches!(it, DataType::Variant | DataType::Object | DataType::Array),
            );
        let bounds = if is_json { None } else { bounds(values) };
        Self { bounds, null_count }
    }
}

/// The least and the greatest value, in Arrow's order: the one by which filters compare.
fn bounds(values: &ArrayRef) -> Option<(ScalarValue, ScalarValue)> {
    use arrow::datatypes::DataType as Arrow;
    let values = values.as_ref();
    downcast_primitive_array!(
        values => {
            let data_type = values.data_type();
            let (least, greatest) = (compute::min(values)?, compute::max(values)?);
            Some((scalar(values, least, data_type)?, scalar(values, greatest, data_type)?))
        }
        Arrow::Utf8 => {
            let texts = values.as_string::<i32>();
            let (least, greatest) = (compute::min_string(texts)?, compute::max_string(texts)?);
            Some((ScalarValue::from(least), ScalarValue::from(greatest)))
        }
        Arrow::Boolean => {
            let truths = values.as_boolean();
            let (least, greatest) = (compute::min_boolean(truths)?, compute::max_boolean(truths)?);
            Some((ScalarValue::from(least), ScalarValue::from(greatest)))
        }
        Arrow::Binary => {
            let bytes = values.as_binary::<i32>();
            let (least, greatest) = (compute::min_binary(bytes)?, compute::max_binary(bytes)?);
            let scalar = |it: &[u8]| ScalarValue::Binary(Some(it.to_vec()));
            Some((scalar(least), scalar(greatest)))
        }
        _ => None,
    )
}

/// A value of a primitive array. The array is there only for its type.
fn scalar<T: ArrowPrimitiveType>(
    _: &PrimitiveArray<T>,
    value: T::Native,
    data_type: &arrow::datatypes::DataType,
) -> Option<ScalarValue> {
    ScalarValue::new_primitive::<T>(Some(value), data_type).ok()
}

/// Cuts rows of one schema into partitions: sorted by `sort_columns` over all of them if there
/// are any, else in the order they came.
pub fn cut(
    rows: Vec<RecordBatch>,
    schema: &SchemaRef,
    sort_columns: &[usize],
) -> Result<Vec<Arc<MicroPartition>>, SqlError> {
    let failed = |it: ArrowError| SqlError::internal(format!("partitioning rows: {it}"));
    match sort_columns.first() {
        None => cut_as_they_came(rows, schema).map_err(failed),
        Some(&first) => {
            // Values of nested types have no order that a filter could use.
            let sorted_by = (!schema.field(first).data_type().is_nested()).then_some(first);
            let sorted = cut_sorted(&rows, sort_columns).map_err(failed)?;
            Ok(sorted.into_iter().map(|it| MicroPartition::new(it, sorted_by)).collect())
        }
    }
}

fn cut_as_they_came(
    rows: Vec<RecordBatch>,
    schema: &SchemaRef,
) -> Result<Vec<Arc<MicroPartition>>, ArrowError> {
    let mut partitions = Vec::new();
    let mut pending: Vec<RecordBatch> = Vec::new();
    let mut pending_rows = 0;
    let finish = |pending: &mut Vec<RecordBatch>| -> Result<_, ArrowError> {
        let rows = match pending.as_slice() {
            [one] => one.clone(),
            several => concat_batches(schema, several)?,
        };
        pending.clear();
        Ok(MicroPartition::new(rows, None))
    };
    for batch in rows {
        let mut start = 0;
        while start < batch.num_rows() {
            let length = (batch.num_rows() - start).min(ROWS_MAX - pending_rows);
            pending.push(batch.slice(start, length));
            pending_rows += length;
            start += length;
            if pending_rows == ROWS_MAX {
                partitions.push(finish(&mut pending)?);
                pending_rows = 0;
            }
        }
    }
    if pending_rows > 0 {
        partitions.push(finish(&mut pending)?);
    }
    Ok(partitions)
}

fn cut_sorted(rows: &[RecordBatch], columns: &[usize]) -> Result<Vec<RecordBatch>, ArrowError> {
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let fields = columns
        .iter()
        .map(|it| SortField::new_with_options(first.column(*it).data_type().clone(), SORT_OPTIONS))
        .collect();
    let converter = RowConverter::new(fields)?;
    let keys = rows
        .iter()
        .map(|batch| {
            let key: Vec<ArrayRef> =
                columns.iter().map(|it| Arc::clone(batch.column(*it))).collect();
            converter.convert_columns(&key)
        })
        .collect::<Result<Vec<_>, _>>()?;

    let mut order: Vec<(Row<'_>, (usize, usize))> = keys
        .iter()
        .enumerate()
        .flat_map(|(batch, keys)| {
            keys.iter().enumerate().map(move |(row, key)| (key, (batch, row)))
        })
        .collect();
    // Stable: equal keys stay in the order they came. And quick on rows that are sorted already.
    order.sort_by(|left, right| left.0.cmp(&right.0));

    let batches: Vec<&RecordBatch> = rows.iter().collect();
    let places: Vec<(usize, usize)> = order.into_iter().map(|(_, place)| place).collect();
    places.chunks(ROWS_MAX).map(|it| interleave_record_batch(&batches, it)).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{definition, numbers},
        *,
    };
    use crate::store::table::Table;
    use arrow::array::{Float64Array, Int64Array, StringArray};

    fn partitions(
        columns: &[&str],
        cluster_by: &[&str],
        rows: Vec<RecordBatch>,
    ) -> Vec<Arc<MicroPartition>> {
        let table = Table::new(definition(columns, cluster_by), super::super::testing::at(0));
        table.partition(rows).expect("rows that fit")
    }

    fn bounds(partition: &MicroPartition, column: usize) -> String {
        let range = &partition.columns[column];
        let bounds = match &range.bounds {
            Some((least, greatest)) => format!("{least}..{greatest}"),
            None => "none".to_owned(),
        };
        format!("{bounds} nulls={}", range.null_count)
    }

    #[test]
    fn rows_that_come_in_small_batches_fill_partitions_in_their_order() {
        let rows = (0..100).map(|it| numbers(it * 400..(it + 1) * 400)).collect();
        let partitions = partitions(&["ID NUMBER(38,0)"], &[], rows);
        let sizes: Vec<usize> = partitions.iter().map(|it| it.row_count()).collect();
        assert_eq!(sizes, [ROWS_MAX, ROWS_MAX, 40_000 - 2 * ROWS_MAX]);
        assert_eq!(bounds(&partitions[1], 0), "16384..32767 nulls=0");
        assert!(partitions.iter().all(|it| it.sorted_by.is_none()));
    }

    #[test]
    fn a_clustering_key_sorts_across_all_batches_with_null_last() {
        let ids = |it: &[Option<i64>]| -> ArrayRef { Arc::new(Int64Array::from(it.to_vec())) };
        let batch = super::super::testing::batch;
        let rows = vec![
            batch(vec![ids(&[Some(3), None, Some(1)]), ids(&[Some(0), Some(1), Some(2)])]),
            batch(vec![ids(&[Some(2), Some(1)]), ids(&[Some(3), Some(1)])]),
        ];
        let partitions = partitions(&["A NUMBER(3,0)", "B NUMBER(3,0)"], &["A", "B"], rows);
        let [partition] = &partitions[..] else { panic!("{} partitions", partitions.len()) };
        let rows = super::super::testing::lines_of(&[partition.rows()]);
        assert_eq!(rows, ["1|1", "1|2", "2|3", "3|0", "|1"]);
        assert_eq!(partition.sorted_by, Some(0));
        assert_eq!(bounds(partition, 0), "1..3 nulls=1");
    }

    #[test]
    fn an_expression_as_key_sorts_by_the_column_in_it() {
        let rows = || vec![numbers([3, 1, 2])];
        let sorted_by = |key: &[&str]| {
            let partitions = partitions(&["ID NUMBER(38,0)"], key, rows());
            (partitions[0].sorted_by, super::super::testing::lines_of(&[partitions[0].rows()]))
        };
        let lines = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        assert_eq!(sorted_by(&["TRUNC(id, -1)"]), (Some(0), lines(&["1", "2", "3"])));
        assert_eq!(sorted_by(&["RANDOM()"]), (None, lines(&["3", "1", "2"])));
    }

    #[test]
    fn json_has_no_bounds_and_a_column_of_nulls_has_none() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("b"), None, Some("a")]));
        let nulls: ArrayRef = Arc::new(Float64Array::from(vec![None, None, None]));
        let rows = super::super::testing::batch(vec![Arc::clone(&texts), texts, nulls]);
        let columns = ["A VARCHAR", "B VARIANT", "C FLOAT"];
        let partition = &partitions(&columns, &[], vec![rows])[0];
        assert_eq!(bounds(partition, 0), "a..b nulls=1");
        assert_eq!(bounds(partition, 1), "none nulls=1");
        assert_eq!(bounds(partition, 2), "none nulls=3");
    }

    #[test]
    fn a_slice_is_as_large_as_its_rows() {
        let partitions = partitions(&["ID NUMBER(38,0)"], &[], vec![numbers(0..20_000)]);
        let bytes: Vec<usize> = partitions.iter().map(|it| it.bytes).collect();
        assert_eq!(bytes, [ROWS_MAX * 16, (20_000 - ROWS_MAX) * 16]);
    }

    #[test]
    fn instants_with_a_time_zone_are_sorted_by_the_instant() {
        use arrow::{
            array::{Int32Array, StructArray, TimestampNanosecondArray},
            buffer::NullBuffer,
        };
        let arrow::datatypes::DataType::Struct(fields) =
            (DataType::TimestampTz { scale: 3 }).to_arrow()
        else {
            panic!("TIMESTAMP_TZ is held as a struct")
        };
        let instants = TimestampNanosecondArray::from(vec![2_000_999_999, 0, 1_000_000_000]);
        let parts: Vec<ArrayRef> = vec![
            Arc::new(instants.with_timezone("UTC")),
            Arc::new(Int32Array::from(vec![60, 0, -60])),
        ];
        let nulls = NullBuffer::from(vec![true, false, true]);
        let values = StructArray::new(fields, parts, Some(nulls));
        let rows = vec![super::super::testing::batch(vec![Arc::new(values)])];
        let partition = &partitions(&["AT TIMESTAMP_TZ(3)"], &["AT"], rows)[0];
        let lines = super::super::testing::lines_of(&[partition.rows()]);
        assert_eq!(
            lines,
            [
                "{instant: 1970-01-01T00:00:01Z, offset_minutes: -60}",
                "{instant: 1970-01-01T00:00:02Z, offset_minutes: 60}",
                "",
            ]
        );
        assert_eq!((partition.sorted_by, bounds(partition, 0).as_str()), (None, "none nulls=1"));
    }
}
