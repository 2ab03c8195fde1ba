//! What the tests of this folder share: small tables, rows and instants.

use super::{
    table::{Table, TableDefinition, TableKind, Version},
    transaction::{Change, Transaction},
};
use crate::types::{ColumnDefinition, DataType};
use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch, StringArray},
    util::display::array_value_to_string,
};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

/// Seconds after an arbitrary instant.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(seconds)
}

/// `ID NUMBER(10,0) NOT NULL` is a column that refuses NULL.
pub fn column(text: &str) -> ColumnDefinition {
    let (name, data_type) = text.split_once(' ').expect("a name and a type");
    let (data_type, nullable) = match data_type.strip_suffix(" NOT NULL") {
        Some(data_type) => (data_type, false),
        None => (data_type, true),
    };
    ColumnDefinition {
        name: name.to_owned(),
        data_type: DataType::parse(data_type).expect("a type"),
        nullable,
        default: None,
        comment: None,
    }
}

pub fn definition(columns: &[&str], cluster_by: &[&str]) -> TableDefinition {
    TableDefinition {
        kind: if cluster_by.is_empty() { TableKind::Standard } else { TableKind::Interactive },
        columns: columns.iter().map(|it| column(it)).collect(),
        cluster_by: cluster_by.iter().map(|it| (*it).to_owned()).collect(),
        comment: None,
        query: None,
        refreshing: None,
    }
}

/// A table of one nullable number, `ID`, created at 0.
pub fn numbers_table() -> Arc<Table> {
    Table::new(definition(&["ID NUMBER(38,0)"], &[]), at(0))
}

pub fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
    let named = columns.into_iter().enumerate().map(|(index, it)| (format!("C{index}"), it, true));
    RecordBatch::try_from_iter_with_nullable(named).expect("columns of one length")
}

pub fn numbers(values: impl IntoIterator<Item = i64>) -> RecordBatch {
    batch(vec![Arc::new(Int64Array::from_iter_values(values))])
}

pub fn texts(values: &[Option<&str>]) -> RecordBatch {
    batch(vec![Arc::new(values.iter().copied().collect::<StringArray>())])
}

pub fn append(table: &Arc<Table>, rows: RecordBatch, at: DateTime<Utc>) -> DateTime<Utc> {
    let mut transaction = Transaction::default();
    transaction.change(table, Change::Append(vec![rows])).expect("rows that fit");
    transaction.commit(at)
}

/// Rows as `a|b|c`, in the order they are stored.
pub fn lines(version: &Version) -> Vec<String> {
    lines_of(&version.scan_batches())
}

pub fn lines_of(batches: &[RecordBatch]) -> Vec<String> {
    let mut lines = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cell = |it: &ArrayRef| array_value_to_string(it, row).expect("a printable value");
            lines.push(batch.columns().iter().map(cell).collect::<Vec<_>>().join("|"));
        }
    }
    lines
}
