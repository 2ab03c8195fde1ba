//! What incremental refreshes keep from one to the next: for each table the dataflow of its
//! definition, and which version of each input it has seen.
//!
//! It is only kept to be quick. Where it is gone, or the table has been refreshed otherwise since,
//! it is built again from the versions that the table's contents stem from.

use super::{
    history::Statistics,
    incremental::{Dataflow, Delta},
};
use crate::{
    error::SqlError,
    regression::{Regression, regressed},
    sql::{planner::Queries, scope::Input},
    store::{
        changes::ChangedRows,
        exchange::{Exchange, exchange},
        table::{TableId, Version},
        transaction::Change,
    },
};
use arrow::{
    array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array},
    compute::{cast, take_record_batch},
    datatypes::SchemaRef,
};
use datafusion::logical_expr::LogicalPlan;
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

/// What is kept of all tables together. Where it is more, the tables that have not been refreshed
/// for the longest time are forgotten.
const BYTES_MAX: usize = 4 << 30;

/// The dataflows of an account.
#[derive(Default)]
pub struct Maintained(Mutex<VecDeque<(TableId, Kept)>>);

pub struct Kept {
    dataflow: Dataflow,
    /// The inputs as they were planned on, and the number of the version that was taken up.
    seen: BTreeMap<TableId, (SchemaRef, u64)>,
}

/// What became of a table's contents.
pub struct Merged {
    pub change: Change,
    pub statistics: Statistics,
    kept: Kept,
}

impl Maintained {
    /// The change that brings contents which stem from `basis` to what the definition gives of
    /// `inputs`. Nothing where the changes between the two are not kept any more.
    ///
    /// `plan` is the definition on `inputs`, with the columns of the table.
    ///
    /// # Errors
    ///
    /// Those of the definition on the changed rows, and an internal one where the contents are
    /// not what they should be.
    pub async fn merge(
        &self,
        queries: &Queries,
        table: TableId,
        contents: &Version,
        plan: &LogicalPlan,
        (basis, inputs): (&[Input], &[Input]),
    ) -> Result<Option<Merged>, SqlError> {
        let seen = versions(inputs);
        let Some(changes) = changes(basis, inputs)? else { return Ok(None) };
        let kept = self.take(table).filter(|it| it.has_seen(basis, &seen));
        let dataflow = match kept {
            Some(kept) => kept.dataflow,
            None => built(queries, plan, basis, inputs).await?.0,
        };
        let (dataflow, delta) = advanced(queries, dataflow, changes).await?;
        let (inserted, deleted) = sides(&delta, &contents.schema)?;
        let statistics = Statistics {
            inserted_rows: row_count(&inserted),
            deleted_rows: row_count(&deleted),
            ..Statistics::default()
        };
        let Exchange { change, copied } = exchange(contents, &deleted, inserted)?;
        let statistics = Statistics { copied_rows: copied, ..statistics };
        Ok(Some(Merged { change, statistics, kept: Kept { dataflow, seen } }))
    }

    /// Keeps what a merge has left, once its change is committed, in place of what was kept before.
    pub fn keep(&self, table: TableId, kept: Kept) {
        let mut all = self.0.lock();
        all.retain(|(id, _)| *id != table);
        all.push_back((table, kept));
        let mut bytes: usize = all.iter().map(|(_, it)| it.dataflow.bytes()).sum();
        while bytes > BYTES_MAX && all.len() > 1 {
            if let Some((_, oldest)) = all.pop_front() {
                bytes -= oldest.dataflow.bytes();
            }
        }
    }

    fn take(&self, table: TableId) -> Option<Kept> {
        let mut all = self.0.lock();
        let place = all.iter().position(|(id, _)| *id == table)?;
        all.remove(place).map(|(_, kept)| kept)
    }

    /// Forgets tables that are not there any more.
    pub fn retain(&self, is_there: impl Fn(TableId) -> bool) {
        self.0.lock().retain(|(id, _)| is_there(*id));
    }
}

impl Merged {
    /// The change, what it comes to, and what is to be kept once it is committed.
    pub fn into_parts(self) -> (Change, Statistics, Kept) {
        (self.change, self.statistics, self.kept)
    }
}

/// All contents of a table anew, and what is to be kept of it. They are the dataflow's own, not the
/// query's: where a definition leaves a choice, such as which of two rows that are equal in ORDER BY
/// is numbered first, later refreshes have to find the choice that was made here.
///
/// `plan` is the definition on `inputs`, with the columns of the table.
///
/// # Errors
///
/// Those of the definition, and an internal one where it is not incremental.
pub async fn whole(
    queries: &Queries,
    plan: &LogicalPlan,
    inputs: &[Input],
) -> Result<(Vec<RecordBatch>, Kept), SqlError> {
    let (dataflow, delta) = built(queries, plan, inputs, inputs).await?;
    let (rows, _) = sides(&delta, dataflow.schema())?;
    Ok((rows, Kept { dataflow, seen: versions(inputs) }))
}

impl Kept {
    /// Whether it has taken up just what the contents stem from, with the columns that the inputs
    /// have now.
    fn has_seen(&self, basis: &[Input], now: &BTreeMap<TableId, (SchemaRef, u64)>) -> bool {
        let basis = versions(basis);
        self.seen.len() == now.len()
            && self.seen.iter().all(|(table, (schema, number))| {
                basis.get(table).is_some_and(|it| it.1 == *number)
                    && now.get(table).is_some_and(|it| it.0 == *schema)
            })
    }
}

fn row_count(batches: &[RecordBatch]) -> u64 {
    batches.iter().map(|it| it.num_rows() as u64).sum()
}

fn versions(inputs: &[Input]) -> BTreeMap<TableId, (SchemaRef, u64)> {
    let of = |it: &Input| (Arc::clone(&it.version.schema), it.version.number);
    inputs.iter().map(|it| (it.table.id, of(it))).collect()
}

/// What changed in each input. Nothing where that is not known any more.
fn changes(basis: &[Input], inputs: &[Input]) -> Result<Option<HashMap<TableId, Delta>>, SqlError> {
    let mut changes = HashMap::new();
    for input in inputs {
        let Some(before) = basis.iter().find(|it| it.table.id == input.table.id) else {
            return Ok(None);
        };
        let (before, now) = (before.version.number, input.version.number);
        let Some(rows) = input.table.changes(before, now) else { return Ok(None) };
        let schema = &input.version.schema;
        let adapted = |rows: &[ChangedRows]| -> Result<Vec<RecordBatch>, SqlError> {
            rows.iter().map(|it| adapted(&it.rows(), schema)).collect()
        };
        let mut delta = Delta::inserted(Arc::clone(schema), adapted(&rows.inserted)?);
        if !regressed(Regression::DeletesLost) {
            delta.add(adapted(&rows.deleted)?, -1);
        }
        let mut delta = delta.consolidated()?;
        if regressed(Regression::HalfOfAChange) {
            for it in &mut delta.batches {
                it.weights.truncate(it.weights.len().div_ceil(2));
                it.rows = it.rows.slice(0, it.weights.len());
            }
        }
        changes.insert(input.table.id, delta);
    }
    Ok(Some(changes))
}

/// The dataflow as it is after all rows of the basis, and what it gives of them.
async fn built(
    queries: &Queries,
    plan: &LogicalPlan,
    basis: &[Input],
    inputs: &[Input],
) -> Result<(Dataflow, Delta), SqlError> {
    let dataflow = Dataflow::compile(plan)
        .map_err(|it| SqlError::internal(format!("not incremental any more: {it}")))?;
    let mut rows = HashMap::new();
    for input in inputs {
        let schema = &input.version.schema;
        let before = basis.iter().find(|it| it.table.id == input.table.id);
        let batches = before.map(|it| it.version.scan_batches()).unwrap_or_default();
        let batches: Vec<RecordBatch> =
            batches.iter().map(|it| adapted(it, schema)).collect::<Result<_, _>>()?;
        rows.insert(input.table.id, Delta::inserted(Arc::clone(schema), batches));
    }
    advanced(queries, dataflow, rows).await
}

async fn advanced(
    queries: &Queries,
    mut dataflow: Dataflow,
    changes: HashMap<TableId, Delta>,
) -> Result<(Dataflow, Delta), SqlError> {
    queries
        .compute(async move {
            let delta = dataflow.advance(&changes).await?;
            Ok((dataflow, delta))
        })
        .await
}

/// Rows with the columns that a table has now, by name. Those that it did not have then are NULL:
/// a definition that reads them is computed anew.
fn adapted(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, SqlError> {
    let there = rows.schema_ref();
    if there == schema {
        return Ok(rows.clone());
    }
    let columns = schema.fields().iter().map(|field| -> Result<ArrayRef, SqlError> {
        match there.index_of(field.name()) {
            Ok(index) if rows.column(index).data_type() == field.data_type() => {
                Ok(Arc::clone(rows.column(index)))
            }
            Ok(index) => cast(rows.column(index), field.data_type()).map_err(SqlError::internal),
            Err(_) => Ok(new_null_array(field.data_type(), rows.num_rows())),
        }
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    // NULL stands for values that nothing reads, also where the column has no NULL.
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .zip(&columns)
        .map(|(field, values)| match values.null_count() {
            0 => Arc::clone(field),
            _ => Arc::new(field.as_ref().clone().with_nullable(true)),
        })
        .collect();
    let schema = arrow::datatypes::Schema::new_with_metadata(fields, schema.metadata().clone());
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)
        .map_err(SqlError::internal)
}

/// The rows to be added and those to be taken out, each as often as it says.
fn sides(
    delta: &Delta,
    schema: &SchemaRef,
) -> Result<(Vec<RecordBatch>, Vec<RecordBatch>), SqlError> {
    let side = |is_this: fn(i64) -> bool| -> Result<Vec<RecordBatch>, SqlError> {
        let mut batches = Vec::new();
        for it in &delta.batches {
            let repeated = it.weights.iter().enumerate().flat_map(|(row, weight)| {
                let count = if is_this(*weight) { weight.unsigned_abs() as usize } else { 0 };
                let count = if regressed(Regression::WeightIgnored) { count.min(1) } else { count };
                std::iter::repeat_n(row as u32, count)
            });
            let places = UInt32Array::from_iter_values(repeated);
            if places.is_empty() {
                continue;
            }
            let rows = take_record_batch(&it.rows, &places).map_err(SqlError::internal)?;
            let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
            let columns =
                rows.columns().iter().zip(schema.fields()).map(|(values, field)| {
                    cast(values, field.data_type()).map_err(SqlError::internal)
                });
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            batches.push(
                RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
                    .map_err(SqlError::internal)?,
            );
        }
        Ok(batches)
    };
    Ok((side(|it| it > 0)?, side(|it| it < 0)?))
}
