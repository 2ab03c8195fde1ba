//! What is told of refreshes afterwards: `DYNAMIC_TABLE_REFRESH_HISTORY` and its like.

use super::declared::{Suspension, TargetLag};
use crate::store::{catalog::QualifiedName, table::TableId};
use chrono::{DateTime, Utc};
use std::time::Duration;
use uuid::Uuid;

/// Where a refresh stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshState {
    Scheduled,
    Executing,
    Succeeded,
    Failed,
    Cancelled,
    UpstreamFailed,
    Skipped,
}

impl RefreshState {
    pub fn word(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Executing => "EXECUTING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
            Self::UpstreamFailed => "UPSTREAM_FAILED",
            Self::Skipped => "SKIPPED",
        }
    }
}

/// What a refresh did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshAction {
    /// Nothing had changed: only the data timestamp moved.
    NoData,
    /// Everything anew, since what the table stands on is not what it was.
    Reinitialize,
    Full,
    Incremental,
}

impl RefreshAction {
    pub fn word(self) -> &'static str {
        match self {
            Self::NoData => "NO_DATA",
            Self::Reinitialize => "REINITIALIZE",
            Self::Full => "FULL",
            Self::Incremental => "INCREMENTAL",
        }
    }
}

/// What caused a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshTrigger {
    Scheduled,
    Manual,
    Creation,
}

impl RefreshTrigger {
    pub fn word(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Manual => "MANUAL",
            Self::Creation => "CREATION",
        }
    }
}

/// What a refresh changed and how long its parts took. Rows are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    pub inserted_rows: u64,
    pub deleted_rows: u64,
    /// Rows that were written anew unchanged, since others of their partition went.
    pub copied_rows: u64,
    pub added_partitions: u64,
    pub removed_partitions: u64,
    pub queued: Duration,
    pub compilation: Duration,
    pub execution: Duration,
}

/// One refresh of one table: a row of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct RefreshRecord {
    pub table: TableId,
    /// As it was called then.
    pub name: QualifiedName,
    pub state: RefreshState,
    /// A word such as `SUCCESS`, `UPSTREAM_SKIP`, or an error's code.
    pub state_code: Option<String>,
    pub state_message: Option<String>,
    /// None where nothing was executed.
    pub query_id: Option<Uuid>,
    pub data_timestamp: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    /// When it should have been there: the previous data timestamp and the target lag.
    pub completion_target: Option<DateTime<Utc>>,
    /// The upstream table that was the last to be done, and its data timestamp.
    pub last_completed_dependency: Option<(QualifiedName, DateTime<Utc>)>,
    pub statistics: Option<Statistics>,
    pub action: Option<RefreshAction>,
    pub reinit_reason: Option<String>,
    pub trigger: RefreshTrigger,
    pub target_lag: TargetLag,
    /// Since when the graph of tables is as it was for this refresh.
    pub graph_valid_from: DateTime<Utc>,
    /// The tables read that had changed.
    pub changed_inputs: Vec<QualifiedName>,
}

impl RefreshRecord {
    /// Of a refresh of which nothing is known yet but that it is to be.
    pub fn begun(
        table: TableId,
        name: QualifiedName,
        data_timestamp: DateTime<Utc>,
        trigger: RefreshTrigger,
        target_lag: TargetLag,
    ) -> Self {
        Self {
            table,
            name,
            state: RefreshState::Executing,
            state_code: None,
            state_message: None,
            query_id: None,
            data_timestamp,
            started_at: None,
            ended_at: None,
            completion_target: None,
            last_completed_dependency: None,
            statistics: None,
            action: None,
            reinit_reason: None,
            trigger,
            target_lag,
            graph_valid_from: data_timestamp,
            changed_inputs: Vec::new(),
        }
    }
}

/// What made a new description of a table in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlterTrigger {
    /// Something that has no word of its own, such as another name.
    Other,
    Create,
    TargetLag,
    Suspend,
    Resume,
    Warehouse,
}

impl AlterTrigger {
    pub fn word(self) -> &'static str {
        match self {
            Self::Other => "NONE",
            Self::Create => "CREATE_DYNAMIC_TABLE",
            Self::TargetLag => "ALTER_TARGET_LAG",
            Self::Suspend => "SUSPEND",
            Self::Resume => "RESUME",
            Self::Warehouse => "ALTER_WAREHOUSE",
        }
    }
}

/// One table of the graph, as it was for a while: a row of `DYNAMIC_TABLE_GRAPH_HISTORY`.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphRecord {
    pub table: TableId,
    pub name: QualifiedName,
    /// What its definition names, and of what kind it is: `TABLE`, `VIEW` or `DYNAMIC_TABLE`.
    pub inputs: Vec<(QualifiedName, &'static str)>,
    pub target_lag: TargetLag,
    pub warehouse: String,
    pub query: String,
    pub valid_from: DateTime<Utc>,
    /// `None`: it still is so.
    pub valid_to: Option<DateTime<Utc>>,
    pub suspended: Option<Suspension>,
    pub resumed_at: Option<DateTime<Utc>>,
    pub trigger: AlterTrigger,
}

/// How late a table was, over a time; all in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LagStatistics {
    pub mean: f64,
    pub maximum: f64,
    /// Nothing where the target is no time.
    pub above_target: Option<f64>,
    /// The share of the time within the target, from 0 to 1.
    pub within_target_ratio: Option<f64>,
}
