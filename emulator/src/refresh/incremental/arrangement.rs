//! State: rows as bytes, sorted, so that the rows of a key are one range.
//!
//! Arrow's row format keeps the order of values and says itself where a column ends. So a row
//! whose first columns are its key begins with the key's bytes, and no other key's rows begin
//! with them.

use super::{
    delta::{Delta, Weighted, batch_of},
    expressions::Expressions,
};
use crate::error::SqlError;
use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    datatypes::{DataType, Float64Type, SchemaRef},
    row::{RowConverter, Rows, SortField},
};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::Bound,
    sync::Arc,
};

/// A row or a key as bytes.
pub(super) type Bytes = Box<[u8]>;

/// What a stored row costs beside its bytes, about.
const ENTRY_OVERHEAD_BYTES: usize = 40;

/// Between columns and bytes.
pub(super) struct Codec {
    /// `None` where there are no columns: the converter would forget how many rows there are.
    converter: Option<RowConverter>,
}

/// Rows as bytes, by number.
pub(super) enum Encoded {
    NoColumns,
    Rows(Rows),
}

impl Encoded {
    pub fn get(&self, row: usize) -> &[u8] {
        match self {
            Self::NoColumns => &[],
            Self::Rows(rows) => rows.row(row).data(),
        }
    }
}

impl Codec {
    pub fn new<'a>(types: impl IntoIterator<Item = &'a DataType>) -> Result<Self, SqlError> {
        let fields: Vec<SortField> =
            types.into_iter().map(|it| SortField::new(it.clone())).collect();
        let converter = match fields.is_empty() {
            true => None,
            false => Some(RowConverter::new(fields).map_err(SqlError::internal)?),
        };
        Ok(Self { converter })
    }

    pub fn of_schema(schema: &SchemaRef) -> Result<Self, SqlError> {
        Self::new(schema.fields().iter().map(|it| it.data_type()))
    }

    pub fn encode(&self, columns: &[ArrayRef], rows: usize) -> Result<Encoded, SqlError> {
        debug_assert!(columns.iter().all(|it| it.len() == rows));
        match &self.converter {
            None => Ok(Encoded::NoColumns),
            Some(it) => Ok(Encoded::Rows(it.convert_columns(columns).map_err(SqlError::internal)?)),
        }
    }

    /// `rows` must come from [`Self::encode`] of the same codec.
    pub fn decode<'a>(
        &self,
        rows: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<ArrayRef>, SqlError> {
        let Some(converter) = &self.converter else { return Ok(vec![]) };
        let parser = converter.parser();
        converter.convert_rows(rows.map(|it| parser.parse(it))).map_err(SqlError::internal)
    }
}

/// Zeros of both signs are one key to GROUP BY, DISTINCT and joins, as in DataFusion. To PARTITION
/// BY it does no harm: two partitions are computed again instead of one.
pub(super) fn one_zero(column: &ArrayRef) -> ArrayRef {
    match column.as_primitive_opt::<Float64Type>() {
        Some(floats) => {
            Arc::new(floats.unary::<_, Float64Type>(|it| if it == 0.0 { 0.0 } else { it }))
        }
        None => Arc::clone(column),
    }
}

/// Sorted, each row once, none with the weight 0.
pub(super) fn consolidate(mut rows: Vec<(Bytes, i64)>) -> Vec<(Bytes, i64)> {
    rows.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    rows.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    rows.retain(|it| it.1 != 0);
    rows
}

/// A changed row, with the length of the key that it begins with.
#[derive(Clone)]
pub(super) struct Changed {
    pub row: Bytes,
    pub key_bytes: usize,
    pub weight: i64,
}

impl Changed {
    pub fn key(&self) -> &[u8] {
        &self.row[..self.key_bytes]
    }
}

/// Changed rows of one key.
pub(super) fn by_key(changes: &[Changed]) -> impl Iterator<Item = (&[u8], &[Changed])> {
    changes
        .chunk_by(|a, b| a.key() == b.key())
        .filter_map(|rows| rows.first().map(|it| (it.key(), rows)))
}

/// How rows of a schema are stored under a key. Columns that are a key themselves are not stored
/// a second time.
pub(super) struct Layout {
    pub schema: SchemaRef,
    key: Expressions,
    key_codec: Codec,
    row_codec: Codec,
    /// Columns stored after the key.
    rest: Vec<usize>,
    /// Where each column of the schema is among those stored.
    places: Vec<usize>,
}

impl Layout {
    pub fn new(schema: &SchemaRef, key: Expressions) -> Result<Self, SqlError> {
        let types = key.types(schema)?;
        let mut places = vec![usize::MAX; schema.fields().len()];
        for (index, kind) in types.iter().enumerate() {
            // A key that is changed on the way does not give its column back.
            if let Some(column) = key.column(index)
                && !matches!(kind, DataType::Float64)
                && let Some(place) = places.get_mut(column)
            {
                *place = index;
            }
        }
        let mut rest = vec![];
        for (column, place) in places.iter_mut().enumerate() {
            if *place == usize::MAX {
                *place = types.len() + rest.len();
                rest.push(column);
            }
        }
        let stored = rest.iter().map(|it| schema.field(*it).data_type());
        Ok(Self {
            schema: Arc::clone(schema),
            key_codec: Codec::new(&types)?,
            row_codec: Codec::new(types.iter().chain(stored))?,
            key,
            rest,
            places,
        })
    }

    /// Rows that are their own key. Of zeros of both signs one is kept.
    pub fn of_whole_rows(schema: &SchemaRef) -> Result<Self, SqlError> {
        let columns = schema.fields().len();
        let types = || schema.fields().iter().map(|it| it.data_type());
        Ok(Self {
            schema: Arc::clone(schema),
            key: Expressions::columns(schema),
            key_codec: Codec::new(types())?,
            row_codec: Codec::new(types())?,
            rest: vec![],
            places: (0..columns).collect(),
        })
    }

    /// Keys of rows.
    fn keys(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>, SqlError> {
        Ok(self.key.evaluate(batch)?.iter().map(one_zero).collect())
    }

    /// Rows as stored, consolidated and sorted by key. `keep` chooses rows by their keys.
    pub fn changes(
        &self,
        delta: &Delta,
        mut keep: impl FnMut(&RecordBatch, &[ArrayRef]) -> Result<Option<Vec<bool>>, SqlError>,
    ) -> Result<Vec<Changed>, SqlError> {
        let mut changes = Vec::with_capacity(delta.row_count());
        for Weighted { rows, weights } in &delta.batches {
            let mut columns = self.keys(rows)?;
            let kept = keep(rows, &columns)?;
            let keys = self.key_codec.encode(&columns, rows.num_rows())?;
            columns.extend(self.rest.iter().map(|it| Arc::clone(rows.column(*it))));
            let encoded = self.row_codec.encode(&columns, rows.num_rows())?;
            for (row, weight) in weights.iter().enumerate() {
                if kept.as_ref().is_none_or(|it| it.get(row) == Some(&true)) {
                    changes.push(Changed {
                        row: encoded.get(row).into(),
                        key_bytes: keys.get(row).len(),
                        weight: *weight,
                    });
                }
            }
        }
        changes.sort_unstable_by(|a, b| a.row.cmp(&b.row));
        changes.dedup_by(|next, kept| {
            let same = next.row == kept.row;
            if same {
                kept.weight += next.weight;
            }
            same
        });
        changes.retain(|it| it.weight != 0);
        Ok(changes)
    }

    /// Stored rows as columns of the schema.
    pub fn decode<'a>(
        &self,
        rows: impl ExactSizeIterator<Item = &'a [u8]>,
    ) -> Result<RecordBatch, SqlError> {
        let count = rows.len();
        let stored = self.row_codec.decode(rows)?;
        let columns = self.places.iter().filter_map(|it| stored.get(*it).cloned()).collect();
        batch_of(&self.schema, columns, count)
    }

    /// The bytes of keys that were computed elsewhere.
    pub fn encode_keys(&self, keys: &[ArrayRef], rows: usize) -> Result<Encoded, SqlError> {
        self.key_codec.encode(&keys.iter().map(one_zero).collect::<Vec<_>>(), rows)
    }
}

/// A bag of rows, sorted.
#[derive(Default)]
pub(super) struct Arrangement {
    rows: BTreeMap<Bytes, i64>,
    bytes: usize,
}

impl Arrangement {
    /// Adds and removes rows. What is removed must be there: if not, the caller has lost a change.
    pub fn apply(&mut self, changes: &[Changed]) -> Result<(), SqlError> {
        if self.rows.is_empty() {
            if changes.iter().any(|it| it.weight < 0) {
                return Err(lost());
            }
            self.bytes = changes.iter().map(|it| it.row.len() + ENTRY_OVERHEAD_BYTES).sum();
            // Sorted already: the tree is built in one go.
            self.rows = changes.iter().map(|it| (it.row.clone(), it.weight)).collect();
            return Ok(());
        }
        for Changed { row, weight, .. } in changes {
            let cost = row.len() + ENTRY_OVERHEAD_BYTES;
            match self.rows.entry(row.clone()) {
                Entry::Vacant(_) if *weight < 0 => return Err(lost()),
                Entry::Vacant(entry) => {
                    entry.insert(*weight);
                    self.bytes += cost;
                }
                Entry::Occupied(mut entry) => {
                    let count = entry.get_mut();
                    *count += weight;
                    match *count {
                        0 => {
                            entry.remove();
                            self.bytes = self.bytes.saturating_sub(cost);
                        }
                        it if it < 0 => return Err(lost()),
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// The rows of a key and how often each is there.
    pub fn of_key<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = (&'a [u8], i64)> {
        self.rows
            .range::<[u8], _>((Bound::Included(key), Bound::Unbounded))
            .take_while(move |it| it.0.starts_with(key))
            .map(|it| (it.0.as_ref(), *it.1))
    }

    pub fn has_key(&self, key: &[u8]) -> bool {
        self.of_key(key).next().is_some()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// More rows of a kind were removed than there were.
pub(super) fn lost() -> SqlError {
    SqlError::internal("a row was removed that an incremental refresh did not know")
}
