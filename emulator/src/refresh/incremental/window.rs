//! Window functions: the partitions with changed rows are computed again by DataFusion from all
//! their rows, and compared with what was given out for them before.
//!
//! Cost: all rows of the partitions that changed. Without PARTITION BY, or where the windows of
//! one node have no PARTITION BY expression in common, that is the whole input, whatever changes.
//!
//! What was given out has the columns of the input, so the input is not kept beside it.

use super::{
    ROWS_PER_BATCH,
    arrangement::{Arrangement, Changed, Layout, by_key, lost},
    delta::{Delta, batch_of},
    expressions::Expressions,
    feed::Feed,
    repeat::repeat,
};
use crate::{
    error::SqlError,
    regression::{Regression, regressed},
};
use datafusion::logical_expr::{Expr, LogicalPlan, Window as Node};
use std::collections::BTreeMap;

pub(super) struct Window {
    input: Layout,
    output: Layout,
    state: Arrangement,
    feed: Feed,
}

impl Window {
    pub fn new(node: &Node) -> Result<Self, SqlError> {
        let key = common_partition(&node.window_expr);
        let input = node.input.schema();
        // The input's columns come first in the output, so its expressions hold there too.
        let keys = || Expressions::new(&key, input);
        Ok(Self {
            input: Layout::new(input.inner(), keys()?)?,
            output: Layout::new(node.schema.inner(), keys()?)?,
            state: Arrangement::default(),
            feed: Feed::new(&LogicalPlan::Window(node.clone()))?,
        })
    }

    pub async fn advance(&mut self, input: &Delta) -> Result<Delta, SqlError> {
        let everything = |_: &_, _: &_| Ok(None);
        let changes = self.input.changes(input, everything)?;
        let mut out = Delta::empty(self.output.schema.clone());
        if changes.is_empty() {
            return Ok(out);
        }
        let mut old = Delta::empty(self.output.schema.clone());
        let mut old_rows = Delta::empty(self.input.schema.clone());
        let given: Vec<(&[u8], i64)> =
            by_key(&changes).flat_map(|(key, _)| self.state.of_key(key)).collect();
        for rows in given.chunks(ROWS_PER_BATCH) {
            let batch = self.output.decode(rows.iter().map(|it| it.0))?;
            let columns = batch.columns().iter().take(self.input.schema.fields().len());
            let own = batch_of(&self.input.schema, columns.cloned().collect(), rows.len())?;
            old_rows.push(own, rows.iter().map(|it| it.1).collect());
            old.push(batch, rows.iter().map(|it| -it.1).collect());
        }

        let old_rows = self.input.changes(&old_rows, everything)?;
        let mut rows: BTreeMap<&[u8], i64> = BTreeMap::new();
        for Changed { row, weight, .. } in old_rows.iter().chain(&changes) {
            *rows.entry(row).or_default() += weight;
        }
        if rows.values().any(|it| *it < 0) {
            return Err(lost());
        }
        let rows: Vec<(&[u8], i64)> = rows.into_iter().filter(|it| it.1 > 0).collect();
        let batches: Result<Vec<_>, _> =
            rows.chunks(ROWS_PER_BATCH).map(|it| repeat(&self.input, it)).collect();
        let now = match rows.is_empty() {
            true => vec![],
            false => self.feed.run(batches?).await?,
        };
        // The feed names its columns as it likes.
        let now = now
            .into_iter()
            .map(|it| batch_of(&self.output.schema, it.columns().to_vec(), it.num_rows()));
        let mut both = old;
        both.add(now.collect::<Result<Vec<_>, _>>()?, 1);

        let mut changed = self.output.changes(&both, everything)?;
        if regressed(Regression::WindowOfChangedRows) {
            // Both begin with the key, and go on with the input's other columns.
            changed.retain(|it| changes.iter().any(|own| it.row.starts_with(&own.row)));
        }
        let changes = changed;
        self.state.apply(&changes)?;
        for rows in changes.chunks(ROWS_PER_BATCH) {
            let batch = self.output.decode(rows.iter().map(|it| it.row.as_ref()))?;
            out.push(batch, rows.iter().map(|it| it.weight).collect());
        }
        Ok(out)
    }

    pub fn bytes(&self) -> usize {
        self.state.bytes()
    }
}

/// The expressions that all windows are partitioned by.
fn common_partition(windows: &[Expr]) -> Vec<Expr> {
    let partitions = windows.iter().map(|it| match it.clone().unalias_nested().data {
        Expr::WindowFunction(it) => it.params.partition_by,
        _ => vec![],
    });
    partitions
        .reduce(|common, it| common.into_iter().filter(|key| it.contains(key)).collect())
        .unwrap_or_default()
}
