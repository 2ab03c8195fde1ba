//! Joins: both inputs are kept by their keys. Cost: the changed rows and what they match.
//!
//! With A and B the inputs and Δ their changes, the change of the matches is
//! `ΔA ⋈ B_new + A_old ⋈ ΔB`. An outer join adds the rows that match nothing. They change with
//! their own input, and for the keys whose matches appear or vanish:
//! `ΔA where B_new lacks the key + A_old where B has lost or found it` for the left side, and for
//! the right side the same with old and new exchanged, since B is taken up first.

use super::{
    ROWS_PER_BATCH,
    arrangement::{Arrangement, Changed, Layout, by_key},
    delta::{Delta, Weighted, batch_of, filter},
    expressions::{Condition, Expressions},
};
use crate::{
    error::SqlError,
    regression::{Regression, regressed},
};
use arrow::{
    array::{Array, ArrayRef, RecordBatch, new_null_array},
    datatypes::SchemaRef,
};
use std::sync::Arc;

/// What a join is made of, by side.
pub(super) struct Side {
    pub schema: SchemaRef,
    pub key: Expressions,
    /// Conditions on this side alone: a row that fails one matches nothing.
    pub conditions: Vec<Condition>,
    /// Whether rows that match nothing are given, with NULLs for the other side.
    pub is_outer: bool,
}

struct Input {
    layout: Layout,
    conditions: Vec<Condition>,
    is_outer: bool,
    state: Arrangement,
}

pub(super) struct Join {
    left: Input,
    right: Input,
    schema: SchemaRef,
    null_keys_match: bool,
    /// Conditions on both sides together; only of inner joins.
    conditions: Vec<Condition>,
}

impl Join {
    pub fn new(
        schema: &SchemaRef,
        left: Side,
        right: Side,
        null_keys_match: bool,
        conditions: Vec<Condition>,
    ) -> Result<Self, SqlError> {
        Ok(Self {
            left: Input::new(left)?,
            right: Input::new(right)?,
            schema: Arc::clone(schema),
            null_keys_match: null_keys_match || regressed(Regression::NullKeysMatch),
            conditions,
        })
    }

    pub fn advance(&mut self, left: &Delta, right: &Delta) -> Result<Delta, SqlError> {
        let mut out = Output { schema: &self.schema, delta: Delta::empty(self.schema.clone()) };
        let one_side = left.is_empty() || right.is_empty();
        let (left_changes, unmatched) = self.left.changes(left, self.null_keys_match)?;
        out.outer(unmatched, Place::Left)?;
        let (right_changes, unmatched) = self.right.changes(right, self.null_keys_match)?;
        out.outer(unmatched, Place::Right)?;

        if regressed(Regression::JoinMissesBothSides) {
            let (a, b) = (&self.left, &self.right);
            matches(&left_changes, b, &a.layout, Place::Left, &mut out)?;
        }
        // B becomes new; A is old still.
        let turned = self.right.apply(&right_changes)?;
        let (a, b) = (&mut self.left, &mut self.right);
        if !regressed(Regression::JoinMissesLeft) && !regressed(Regression::JoinMissesBothSides) {
            matches(&left_changes, b, &a.layout, Place::Left, &mut out)?;
        }
        if a.is_outer {
            alone(&left_changes, &b.state, &a.layout, Place::Left, &mut out)?;
            flipped(&turned, a, Place::Left, &mut out)?;
        }
        if !regressed(Regression::JoinMissesRight) {
            matches(&right_changes, a, &b.layout, Place::Right, &mut out)?;
        }
        if b.is_outer {
            alone(&right_changes, &a.state, &b.layout, Place::Right, &mut out)?;
        }
        let turned = a.apply(&left_changes)?;
        if b.is_outer {
            flipped(&turned, b, Place::Right, &mut out)?;
        }

        // With changes on both sides a pair may be listed that is in neither the old nor the new
        // result, once added and once removed. No expression should see it.
        let mut delta = if one_side { out.delta } else { out.delta.consolidated()? };
        for condition in &self.conditions {
            let mut kept = Delta::empty(Arc::clone(&delta.schema));
            for Weighted { rows, weights } in &delta.batches {
                let (rows, weights) = condition.filter(rows, weights)?;
                kept.push(rows, weights);
            }
            delta = kept;
        }
        Ok(delta)
    }

    pub fn bytes(&self) -> usize {
        self.left.state.bytes() + self.right.state.bytes()
    }
}

/// A key, and whether it has rows now; before it was the other way round.
struct Turned<'a> {
    key: &'a [u8],
    is_there: bool,
}

impl Input {
    fn new(side: Side) -> Result<Self, SqlError> {
        Ok(Self {
            layout: Layout::new(&side.schema, side.key)?,
            conditions: side.conditions,
            is_outer: side.is_outer,
            state: Arrangement::default(),
        })
    }

    /// The changed rows that can match, and of an outer side those that cannot. An inner side's
    /// rows that cannot match are dropped.
    fn changes(
        &self,
        delta: &Delta,
        null_keys_match: bool,
    ) -> Result<(Vec<Changed>, Vec<Weighted>), SqlError> {
        let mut unmatched = vec![];
        let mut batches = delta.batches.iter();
        let changes = self.layout.changes(delta, |rows, keys| {
            let mut can_match = vec![true; rows.num_rows()];
            for condition in &self.conditions {
                let mask = condition.mask(rows)?;
                for (row, can) in can_match.iter_mut().enumerate() {
                    *can &= mask.value(row);
                }
            }
            for nulls in keys.iter().filter_map(|it| it.logical_nulls()) {
                for (row, can) in can_match.iter_mut().enumerate() {
                    *can &= null_keys_match || nulls.is_valid(row);
                }
            }
            // `changes` goes through the same batches in the same order.
            let weights = batches.next().map(|it| it.weights.as_slice()).unwrap_or_default();
            if self.is_outer && can_match.contains(&false) {
                unmatched.push(others(rows, weights, &can_match)?);
            }
            Ok(Some(can_match))
        })?;
        Ok((changes, unmatched))
    }

    /// Takes changes up, and gives the keys that have appeared or vanished.
    fn apply<'a>(&mut self, changes: &'a [Changed]) -> Result<Vec<Turned<'a>>, SqlError> {
        let keys: Vec<(&[u8], bool)> =
            by_key(changes).map(|(key, _)| (key, self.state.has_key(key))).collect();
        self.state.apply(changes)?;
        Ok(keys
            .into_iter()
            .filter_map(|(key, before)| {
                let is_there = self.state.has_key(key);
                (before != is_there).then_some(Turned { key, is_there })
            })
            .collect())
    }
}

fn others(rows: &RecordBatch, weights: &[i64], not: &[bool]) -> Result<Weighted, SqlError> {
    let mask: Vec<bool> = not.iter().map(|it| !it).collect();
    let weights = weights.iter().zip(&mask).filter(|it| *it.1).map(|it| *it.0).collect();
    Ok(Weighted { rows: filter(rows, &mask)?, weights })
}

/// Which side a row comes from.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Left,
    Right,
}

struct Output<'a> {
    schema: &'a SchemaRef,
    delta: Delta,
}

impl Output<'_> {
    fn push(
        &mut self,
        mut left: Vec<ArrayRef>,
        right: Vec<ArrayRef>,
        weights: Vec<i64>,
    ) -> Result<(), SqlError> {
        left.extend(right);
        let rows = batch_of(self.schema, left, weights.len())?;
        self.delta.push(rows, weights);
        Ok(())
    }

    /// Rows of one side with NULLs for the other.
    fn outer(
        &mut self,
        rows: impl IntoIterator<Item = Weighted>,
        place: Place,
    ) -> Result<(), SqlError> {
        for Weighted { rows, weights } in rows {
            let fields = self.schema.fields();
            // The other side's columns come after those of the left side, before those of the right.
            let before = if place == Place::Left { rows.num_columns() } else { 0 };
            let others = fields.iter().skip(before).take(fields.len() - rows.num_columns());
            let nulls = others.map(|it| new_null_array(it.data_type(), weights.len()));
            let nulls = nulls.collect();
            let rows = rows.columns().to_vec();
            match place {
                Place::Left => self.push(rows, nulls, weights)?,
                Place::Right => self.push(nulls, rows, weights)?,
            }
        }
        Ok(())
    }
}

/// Changed rows with what they match on the other side.
fn matches(
    changes: &[Changed],
    other: &Input,
    layout: &Layout,
    place: Place,
    out: &mut Output<'_>,
) -> Result<(), SqlError> {
    let mut pairs: Vec<(&[u8], &[u8], i64)> = vec![];
    let mut give = |pairs: &mut Vec<(&[u8], &[u8], i64)>| {
        let own = layout.decode(pairs.iter().map(|it| it.0))?.columns().to_vec();
        let others = other.layout.decode(pairs.iter().map(|it| it.1))?.columns().to_vec();
        let weights = pairs.drain(..).map(|it| it.2).collect();
        match place {
            Place::Left => out.push(own, others, weights),
            Place::Right => out.push(others, own, weights),
        }
    };
    for change in changes {
        for (row, weight) in other.state.of_key(change.key()) {
            pairs.push((&change.row, row, change.weight * weight));
            if pairs.len() == ROWS_PER_BATCH {
                give(&mut pairs)?;
            }
        }
    }
    give(&mut pairs)
}

/// Changed rows whose key the other side lacks.
fn alone(
    changes: &[Changed],
    other: &Arrangement,
    layout: &Layout,
    place: Place,
    out: &mut Output<'_>,
) -> Result<(), SqlError> {
    if regressed(Regression::OuterRowMissing) {
        return Ok(());
    }
    let rows: Vec<(&[u8], i64)> = by_key(changes)
        .filter(|(key, _)| !other.has_key(key))
        .flat_map(|(_, rows)| rows.iter().map(|it| (it.row.as_ref(), it.weight)))
        .collect();
    outer_rows(&rows, layout, place, out)
}

/// Rows of keys that the other side has found or lost.
fn flipped(
    turned: &[Turned<'_>],
    input: &Input,
    place: Place,
    out: &mut Output<'_>,
) -> Result<(), SqlError> {
    let stays = |it: &&Turned<'_>| it.is_there && regressed(Regression::OuterRowStays);
    let is_forgotten = |it: &&Turned<'_>| !it.is_there && regressed(Regression::OuterRowForgotten);
    let rows: Vec<(&[u8], i64)> = turned
        .iter()
        .filter(|it| !stays(it) && !is_forgotten(it))
        .flat_map(|it| {
            let sign = if it.is_there { -1 } else { 1 };
            input.state.of_key(it.key).map(move |(row, weight)| (row, sign * weight))
        })
        .collect();
    outer_rows(&rows, &input.layout, place, out)
}

fn outer_rows(
    rows: &[(&[u8], i64)],
    layout: &Layout,
    place: Place,
    out: &mut Output<'_>,
) -> Result<(), SqlError> {
    for rows in rows.chunks(ROWS_PER_BATCH) {
        let batch = layout.decode(rows.iter().map(|it| it.0))?;
        let weights = rows.iter().map(|it| it.1).collect();
        out.outer([Weighted { rows: batch, weights }], place)?;
    }
    Ok(())
}
