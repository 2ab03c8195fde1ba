//! Bags to rows: what DataFusion computes over has each row as often as it is there.

use super::arrangement::Layout;
use crate::error::SqlError;
use arrow::{
    array::{RecordBatch, UInt64Array},
    compute::take_record_batch,
};

/// Stored rows as a batch, each as often as its weight says. Weights are positive.
pub(super) fn repeat(layout: &Layout, rows: &[(&[u8], i64)]) -> Result<RecordBatch, SqlError> {
    let once = rows.iter().all(|it| it.1 == 1);
    if once || layout.schema.fields().is_empty() {
        let rows: Vec<&[u8]> = match once {
            true => rows.iter().map(|it| it.0).collect(),
            // Rows without columns: only their number counts.
            false => rows.iter().flat_map(|it| copies(it.0, it.1)).collect(),
        };
        return layout.decode(rows.into_iter());
    }
    let batch = layout.decode(rows.iter().map(|it| it.0))?;
    let places = rows.iter().zip(0_u64..);
    let places: UInt64Array = places.flat_map(|((_, weight), at)| copies(at, *weight)).collect();
    take_record_batch(&batch, &places).map_err(SqlError::internal)
}

fn copies<T: Copy>(value: T, weight: i64) -> impl Iterator<Item = T> {
    std::iter::repeat_n(value, usize::try_from(weight).unwrap_or(0))
}
