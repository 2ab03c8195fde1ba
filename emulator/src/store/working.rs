//! What one transaction has of one table, and how that meets what others have committed.

use super::{
    changes::RowChanges,
    coerce,
    locks::Held,
    partition::{self, MicroPartition, ROWS_MAX},
    table::{Shape, Table, Version},
    transaction::ColumnSource,
};
use crate::{error::SqlError, types::ColumnDefinition};
use arrow::{
    array::{Array, ArrayRef, RecordBatch, new_null_array},
    compute::cast,
    datatypes::SchemaRef,
};
use chrono::{DateTime, Utc};
use datafusion::scalar::ScalarValue;
use std::{collections::BTreeSet, sync::Arc};

/// Partitions with fewer rows are merged when there are [`SMALL_PARTITIONS_MAX`] of them, so that
/// a table of many small inserts stays quick to read, and its versions short.
const SMALL_ROWS: usize = ROWS_MAX / 8;
pub(super) const SMALL_PARTITIONS_MAX: usize = 32;

/// What a transaction has of one table: the difference to what is committed, so that inserts of
/// others can be committed meanwhile.
#[derive(Debug)]
pub(super) struct Working {
    pub table: Arc<Table>,
    pub held: Option<Held>,
    pub removed: BTreeSet<u64>,
    pub added: Vec<Arc<MicroPartition>>,
    pub reshaped: Option<Reshaped>,
    /// The rows themselves, statement after statement.
    pub changes: RowChanges,
}

#[derive(Clone, Debug)]
pub(super) struct Reshaped {
    pub shape: Arc<Shape>,
    sources: Vec<ColumnSource>,
}

impl Working {
    pub fn of(table: &Arc<Table>) -> Self {
        Self {
            table: Arc::clone(table),
            held: None,
            removed: BTreeSet::new(),
            added: Vec::new(),
            reshaped: None,
            changes: RowChanges::default(),
        }
    }

    /// The columns that this transaction's next rows have to fit.
    pub fn shape(&self) -> Arc<Shape> {
        match &self.reshaped {
            Some(reshaped) => Arc::clone(&reshaped.shape),
            None => self.table.shape(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty() && self.reshaped.is_none()
    }

    pub fn remove(&mut self, mut ids: BTreeSet<u64>) {
        self.added.retain(|it| !ids.remove(&it.id));
        self.removed.extend(ids);
    }

    /// What a version becomes with this transaction's changes.
    pub fn overlay(&self, base: &Version) -> Version {
        let schema = match &self.reshaped {
            Some(reshaped) => &reshaped.shape.schema,
            None => &base.schema,
        };
        let partitions = self.applied(base, schema);
        let schema = Arc::clone(schema);
        let at = base.committed_at;
        Version::new(base.number + 1, at, schema, partitions, Arc::default())
    }

    fn applied(&self, base: &Version, schema: &SchemaRef) -> Vec<Arc<MicroPartition>> {
        let kept = base.partitions.iter().filter(|it| !self.removed.contains(&it.id));
        let kept = kept.map(|it| match &self.reshaped {
            Some(reshaped) => {
                reshaped.apply(it).unwrap_or_else(|_| adapted(it, &base.schema, schema))
            }
            None => Arc::clone(it),
        });
        let added = self.added.iter().map(|it| adapted(it, it.schema(), schema));
        kept.chain(added).collect()
    }

    pub fn reshape(
        &mut self,
        base: &Version,
        shape: &Shape,
        columns: Vec<(ColumnDefinition, ColumnSource)>,
    ) -> Result<(), SqlError> {
        if self.reshaped.is_some() || !self.added.is_empty() || !self.removed.is_empty() {
            return Err(SqlError::internal("a table is altered after other changes"));
        }
        let (columns, sources) = columns.into_iter().unzip();
        let mut definition = (*shape.definition).clone();
        definition.columns = columns;
        let reshaped = Reshaped { shape: Shape::of(definition), sources };
        for partition in &base.partitions {
            reshaped.apply(partition)?;
        }
        self.reshaped = Some(reshaped);
        Ok(())
    }

    /// Replaces what is small by what is not, if it has become much. Only under the table's lock:
    /// else another transaction might be removing the same partitions.
    pub fn merge_small_partitions(&mut self, transaction: u64) {
        if self.reshaped.is_some() {
            return;
        }
        let is_small = |it: &&Arc<MicroPartition>| it.row_count() < SMALL_ROWS;
        let is_due = |working: &Self, latest: &Version| {
            let committed = latest.partitions.iter().filter(|it| !working.removed.contains(&it.id));
            committed.chain(&working.added).filter(is_small).count() >= SMALL_PARTITIONS_MAX
        };
        if !is_due(self, &self.table.latest()) {
            return;
        }
        if self.held.is_none() {
            self.held = self.table.lock.try_acquire(transaction);
        }
        let latest = self.table.latest();
        if self.held.is_none() || !is_due(self, &latest) {
            return;
        }
        let shape = self.table.shape();
        let committed: Vec<&Arc<MicroPartition>> = latest
            .partitions
            .iter()
            .filter(|it| !self.removed.contains(&it.id))
            .filter(is_small)
            .collect();
        let rows: Vec<RecordBatch> = committed
            .iter()
            .copied()
            .chain(self.added.iter().filter(is_small))
            .map(|it| it.rows_as(&shape.schema))
            .collect();
        if rows.iter().any(|it| it.schema_ref() != &shape.schema) {
            return;
        }
        // Nothing depends on it: if it cannot be done, the partitions stay small.
        if let Ok(mut merged) = partition::cut(rows, &shape.schema, &shape.sort_columns) {
            self.removed.extend(committed.iter().map(|it| it.id));
            merged.extend(self.added.iter().filter(|it| !is_small(it)).cloned());
            self.added = merged;
        }
    }

    pub fn push(&self, at: DateTime<Utc>) {
        let shape = self.reshaped.as_ref().map(|it| Arc::clone(&it.shape));
        let changes = self.changes.clone();
        self.table.push(at, shape, changes, |latest, schema| self.applied(latest, schema));
    }
}

impl Reshaped {
    fn apply(&self, partition: &MicroPartition) -> Result<Arc<MicroPartition>, SqlError> {
        let Self { shape, sources } = self;
        let failed = |it: String| SqlError::internal(format!("altering a table: {it}"));
        let all = partition.rows();
        let columns = sources
            .iter()
            .map(|source| match source {
                ColumnSource::Existing(column) => all
                    .columns()
                    .get(*column)
                    .cloned()
                    .ok_or_else(|| failed(format!("it has no column {column}"))),
                ColumnSource::Constant(value) => {
                    value.to_array_of_size(all.num_rows()).map_err(|it| failed(it.to_string()))
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        let columns = coerce::columns(&columns, &shape.definition.columns)?;
        let rows = RecordBatch::try_new(Arc::clone(&shape.schema), columns)
            .map_err(|it| failed(it.to_string()))?;
        // The order lasts as long as the column and its type.
        let sorted_by = partition.sorted_by.and_then(|column| {
            let place =
                |it: &ColumnSource| matches!(it, ColumnSource::Existing(it) if *it == column);
            let now = sources.iter().position(place)?;
            let same = all.column(column).data_type() == rows.column(now).data_type();
            same.then_some(now)
        });
        Ok(MicroPartition::with_id(partition.id, rows, sorted_by))
    }
}

/// A partition with the columns that its table has now. Differs only where columns were added or
/// removed between an insert and its commit; by name then, and what is missing is NULL, or the
/// type's zero where NULL may not be.
fn adapted(
    partition: &Arc<MicroPartition>,
    then: &SchemaRef,
    now: &SchemaRef,
) -> Arc<MicroPartition> {
    let types = |it: &SchemaRef| -> Vec<_> {
        it.fields().iter().map(|it| it.data_type().clone()).collect()
    };
    if Arc::ptr_eq(then, now) || types(then) == types(now) {
        return Arc::clone(partition);
    }
    let count = partition.row_count();
    let rows = partition.rows();
    let columns = now.fields().iter().map(|field| -> ArrayRef {
        let data_type = field.data_type();
        let there = then.index_of(field.name()).ok().and_then(|it| rows.columns().get(it));
        let values = there.and_then(|it| cast(it, data_type).ok());
        let values = values.filter(|it| field.is_nullable() || it.logical_null_count() == 0);
        let zeros = || ScalarValue::new_default(data_type)?.to_array_of_size(count);
        match values {
            Some(values) => values,
            None if field.is_nullable() => new_null_array(data_type, count),
            None => zeros().unwrap_or_else(|_| new_null_array(data_type, count)),
        }
    });
    match RecordBatch::try_new(Arc::clone(now), columns.collect()) {
        Ok(rows) => MicroPartition::with_id(partition.id, rows, None),
        Err(_) => Arc::clone(partition),
    }
}
