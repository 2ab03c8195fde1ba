//! The tables of an account that are refreshed: what keeps them so, and what is told of it.

use super::{
    declared::Suspension,
    history::{GraphRecord, LagStatistics, RefreshRecord},
};
use crate::{
    engine::Engine,
    store::{
        catalog::QualifiedName,
        table::{Table, TableId},
    },
};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::sync::Arc;

/// What an account knows of its refreshes.
#[derive(Default)]
pub struct Refresher {
    /// Oldest first.
    records: Mutex<Vec<RefreshRecord>>,
    /// Oldest first.
    graph: Mutex<Vec<GraphRecord>>,
}

impl Refresher {
    /// Adds a refresh that has ended.
    pub fn record(&self, record: RefreshRecord) {
        self.records.lock().push(record);
    }

    /// All refreshes, oldest first.
    pub fn records(&self) -> Vec<RefreshRecord> {
        self.records.lock().clone()
    }

    /// Adds what a table of the graph is from now on. The description that it had ends.
    pub fn describe(&self, record: GraphRecord) {
        let mut graph = self.graph.lock();
        let is_current = |it: &&mut GraphRecord| it.table == record.table && it.valid_to.is_none();
        if let Some(current) = graph.iter_mut().rev().find(is_current) {
            current.valid_to = Some(record.valid_from);
        }
        graph.push(record);
    }

    /// All descriptions of tables, oldest first.
    pub fn graph_records(&self) -> Vec<GraphRecord> {
        self.graph.lock().clone()
    }

    /// How late a table was in the last seven days. Nothing before its first refresh.
    pub fn lag_statistics(&self, table: TableId, now: DateTime<Utc>) -> Option<LagStatistics> {
        let _ = (table, now);
        None
    }

    /// Tells of a table that has just been created, or replaced another of its name. Its contents,
    /// if it has any yet, are those of its data timestamp.
    pub fn created(&self, engine: &Arc<Engine>, name: &QualifiedName, table: &Arc<Table>) {
        let _ = (engine, name, table);
    }

    /// Suspends a table, and those that read it; `None` resumes them, those that their user
    /// suspended left out.
    pub fn suspend(
        &self,
        engine: &Arc<Engine>,
        name: &QualifiedName,
        table: &Arc<Table>,
        suspension: Option<Suspension>,
    ) {
        let _ = (engine, name);
        table.alter(|it| {
            if let Some(refreshing) = &mut it.refreshing {
                refreshing.suspended = suspension;
            }
        });
    }
}
