//! DISTINCT: how often each row is there. Cost: the changed rows.

use super::{
    ROWS_PER_BATCH,
    arrangement::{Arrangement, Layout},
    delta::Delta,
};
use crate::{
    error::SqlError,
    regression::{Regression, regressed},
};
use arrow::datatypes::SchemaRef;

pub(super) struct Distinct {
    layout: Layout,
    state: Arrangement,
}

impl Distinct {
    pub fn new(schema: &SchemaRef) -> Result<Self, SqlError> {
        Ok(Self { layout: Layout::of_whole_rows(schema)?, state: Arrangement::default() })
    }

    pub fn advance(&mut self, input: &Delta) -> Result<Delta, SqlError> {
        let changes = self.layout.changes(input, |_, _| Ok(None))?;
        let before: Vec<bool> = changes.iter().map(|it| self.state.has_key(&it.row)).collect();
        self.state.apply(&changes)?;
        let mut out = Delta::empty(self.layout.schema.clone());
        let changed: Vec<(&[u8], i64)> = changes
            .iter()
            .zip(before)
            .filter_map(|(it, before)| {
                let now = match self.state.has_key(&it.row) {
                    true => it.weight > 0 || !regressed(Regression::DistinctLosesDuplicate),
                    false => before && regressed(Regression::DistinctKeepsLast),
                };
                (before != now).then_some((it.row.as_ref(), if now { 1 } else { -1 }))
            })
            .collect();
        for rows in changed.chunks(ROWS_PER_BATCH) {
            let batch = self.layout.decode(rows.iter().map(|it| it.0))?;
            out.push(batch, rows.iter().map(|it| it.1).collect());
        }
        Ok(out)
    }

    pub fn bytes(&self) -> usize {
        self.state.bytes()
    }
}
