//! GROUP BY with aggregates that cannot be taken back (MIN, MAX, sums of floats, LISTAGG, …):
//! the groups with changed rows are computed again by DataFusion from all their rows, and what
//! was given out for them before is remembered and taken back.
//!
//! Rows are handed over in the order of their bytes. What hangs on the order of rows (LISTAGG
//! without ORDER BY, MIN over NaN) may so differ from the whole query, which has another one.
//!
//! Cost: all rows of the groups that changed. Without GROUP BY that is the whole input, whatever
//! changes.

use super::{
    ROWS_PER_BATCH,
    arrangement::{Arrangement, Bytes, Changed, Codec, Layout, by_key},
    delta::{Delta, batch_of},
    expressions::Expressions,
    feed::Feed,
    repeat::repeat,
};
use crate::{
    error::SqlError,
    regression::{Regression, regressed},
};
use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::{Aggregate, LogicalPlan};
use std::{collections::HashMap, sync::Arc};

pub(super) struct Regroup {
    layout: Layout,
    state: Arrangement,
    feed: Feed,
    schema: SchemaRef,
    output: Codec,
    /// What was given out for each group: the row.
    given: HashMap<Bytes, Bytes>,
    given_bytes: usize,
    /// How many columns of the output are the key. None: one group, always there.
    keys: usize,
    is_first: bool,
}

impl Regroup {
    pub fn new(aggregate: &Aggregate) -> Result<Self, SqlError> {
        let input = aggregate.input.schema();
        let schema = Arc::clone(aggregate.schema.inner());
        let key = Expressions::new(&aggregate.group_expr, input)?;
        Ok(Self {
            layout: Layout::new(input.inner(), key)?,
            state: Arrangement::default(),
            feed: Feed::new(&LogicalPlan::Aggregate(aggregate.clone()))?,
            output: Codec::of_schema(&schema)?,
            schema,
            given: HashMap::new(),
            given_bytes: 0,
            keys: aggregate.group_expr.len(),
            is_first: true,
        })
    }

    pub async fn advance(&mut self, input: &Delta) -> Result<Delta, SqlError> {
        let changes = self.layout.changes(input, |_, _| Ok(None))?;
        let is_first = std::mem::replace(&mut self.is_first, false);
        let is_regrouped = |rows: &[Changed]| {
            !regressed(Regression::ExtremeAfterDelete) || rows.iter().any(|it| it.weight > 0)
        };
        let mut keys: Vec<&[u8]> =
            by_key(&changes).filter(|it| is_regrouped(it.1)).map(|it| it.0).collect();
        if self.keys == 0 && is_first {
            keys = vec![&[]];
        }
        self.state.apply(&changes)?;
        let mut out = Delta::empty(Arc::clone(&self.schema));
        if keys.is_empty() {
            return Ok(out);
        }

        let mut rows: Vec<(&[u8], i64)> = vec![];
        let mut batches = vec![];
        for (row, weight) in keys.iter().flat_map(|it| self.state.of_key(it)) {
            rows.push((row, weight));
            if rows.len() == ROWS_PER_BATCH {
                batches.push(repeat(&self.layout, &rows)?);
                rows.clear();
            }
        }
        batches.push(repeat(&self.layout, &rows)?);
        let mut now: HashMap<Bytes, Bytes> = HashMap::with_capacity(keys.len());
        for batch in self.feed.run(batches).await? {
            let count = batch.num_rows();
            let key_columns = batch.columns().get(..self.keys).unwrap_or_default();
            let keys = self.layout.encode_keys(key_columns, count)?;
            let rows = self.output.encode(batch.columns(), count)?;
            now.extend((0..count).map(|it| (keys.get(it).into(), rows.get(it).into())));
        }

        let mut listed: Vec<(Bytes, i64)> = vec![];
        for key in keys {
            let new = now.remove(key);
            let old = match &new {
                Some(row) => self.given.insert(key.into(), row.clone()),
                None => self.given.remove(key),
            };
            if old == new {
                continue;
            }
            let cost = |it: &Option<Bytes>| it.as_ref().map_or(0, |it| it.len() + key.len());
            self.given_bytes = (self.given_bytes + cost(&new)).saturating_sub(cost(&old));
            listed.extend(old.map(|it| (it, -1)));
            listed.extend(new.map(|it| (it, 1)));
        }
        for rows in listed.chunks(ROWS_PER_BATCH) {
            let columns = self.output.decode(rows.iter().map(|it| it.0.as_ref()))?;
            let batch = batch_of(&self.schema, columns, rows.len())?;
            out.push(batch, rows.iter().map(|it| it.1).collect());
        }
        Ok(out)
    }

    pub fn bytes(&self) -> usize {
        self.state.bytes() + self.given_bytes
    }
}
