//! The tables of an account that are refreshed: what keeps them so, and what is told of it.

use super::{declared::Suspension, history::RefreshRecord};
use crate::{
    engine::Engine,
    store::{catalog::QualifiedName, table::Table},
};
use parking_lot::Mutex;
use std::sync::Arc;

/// What an account knows of its refreshes.
#[derive(Default)]
pub struct Refresher {
    /// Oldest first.
    records: Mutex<Vec<RefreshRecord>>,
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
