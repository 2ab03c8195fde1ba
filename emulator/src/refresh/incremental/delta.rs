//! What changed: rows, and how often each was added or removed.

use super::arrangement::{Codec, consolidate};
use crate::error::SqlError;
use arrow::{
    array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions},
    compute::filter_record_batch,
    datatypes::SchemaRef,
};
use std::sync::Arc;

/// Rows and how often each was added (positive) or removed (negative). The same row may be
/// listed several times; what counts is the sum of its weights.
#[derive(Clone, Debug)]
pub struct Delta {
    pub schema: SchemaRef,
    pub batches: Vec<Weighted>,
}

/// Some of the rows of a [`Delta`]. None has the weight 0.
#[derive(Clone, Debug)]
pub struct Weighted {
    pub rows: RecordBatch,
    /// One for each row.
    pub weights: Vec<i64>,
}

impl Delta {
    /// No change.
    pub fn empty(schema: SchemaRef) -> Self {
        Self { schema, batches: vec![] }
    }

    /// Rows that were added once each.
    pub fn inserted(schema: SchemaRef, batches: impl IntoIterator<Item = RecordBatch>) -> Self {
        let mut delta = Self::empty(schema);
        delta.add(batches, 1);
        delta
    }

    /// Lists rows, each with the same weight.
    pub fn add(&mut self, batches: impl IntoIterator<Item = RecordBatch>, weight: i64) {
        for rows in batches {
            let weights = vec![weight; rows.num_rows()];
            self.push(rows, weights);
        }
    }

    pub(super) fn push(&mut self, rows: RecordBatch, weights: Vec<i64>) {
        debug_assert_eq!(rows.num_rows(), weights.len());
        if rows.num_rows() > 0 {
            self.batches.push(Weighted { rows, weights });
        }
    }

    /// Whether no rows are listed. Of a consolidated delta: whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// How many rows are listed.
    pub fn row_count(&self) -> usize {
        self.batches.iter().map(|it| it.weights.len()).sum()
    }

    fn only_adds(&self) -> bool {
        self.batches.iter().all(|it| it.weights.iter().all(|it| *it > 0))
    }

    /// The same change, in which no row is both added and removed. Rows come in an order that
    /// only depends on what they are, unless nothing is removed: then nothing is done.
    pub fn consolidated(self) -> Result<Self, SqlError> {
        if self.only_adds() {
            return Ok(self);
        }
        let codec = Codec::of_schema(&self.schema)?;
        let mut rows = Vec::with_capacity(self.row_count());
        for Weighted { rows: batch, weights } in &self.batches {
            let encoded = codec.encode(batch.columns(), batch.num_rows())?;
            rows.extend(weights.iter().enumerate().map(|(row, it)| (encoded.get(row).into(), *it)));
        }
        let rows = consolidate(rows);
        let mut delta = Self::empty(Arc::clone(&self.schema));
        for rows in rows.chunks(super::ROWS_PER_BATCH) {
            let columns = codec.decode(rows.iter().map(|it| it.0.as_ref()))?;
            let batch = batch_of(&self.schema, columns, rows.len())?;
            delta.push(batch, rows.iter().map(|it| it.1).collect());
        }
        Ok(delta)
    }
}

/// A batch that may have no columns.
pub(super) fn batch_of(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, SqlError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(SqlError::internal)
}

/// The rows for which the mask is true.
pub(super) fn filter(batch: &RecordBatch, mask: &[bool]) -> Result<RecordBatch, SqlError> {
    let kept = mask.iter().filter(|it| **it).count();
    if kept == batch.num_rows() {
        return Ok(batch.clone());
    }
    if batch.num_columns() == 0 {
        return batch_of(batch.schema_ref(), vec![], kept);
    }
    filter_record_batch(batch, &BooleanArray::from(mask.to_vec())).map_err(SqlError::internal)
}
