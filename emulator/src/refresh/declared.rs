//! What is declared of a table that is refreshed from a query, and what is known of it.

use super::lag;
use chrono::{DateTime, Utc};

/// How stale a table may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetLag {
    Seconds(u64),
    /// As the tables that read it need.
    Downstream,
    /// `SCHEDULER = DISABLE`: it is only refreshed by hand.
    Unscheduled,
}

impl TargetLag {
    /// Of a lag that is a time. Not what a table downstream demands.
    pub fn seconds(self) -> Option<u64> {
        match self {
            Self::Seconds(seconds) => Some(seconds),
            Self::Downstream | Self::Unscheduled => None,
        }
    }

    /// `TARGET_LAG_TYPE`. Nothing where there is no lag.
    pub fn kind(self) -> Option<&'static str> {
        match self {
            Self::Seconds(_) => Some("USER_DEFINED"),
            Self::Downstream => Some("DOWNSTREAM"),
            Self::Unscheduled => None,
        }
    }

    /// `SCHEDULER`.
    pub fn scheduler(self) -> &'static str {
        match self {
            Self::Seconds(_) | Self::Downstream => "ENABLE",
            Self::Unscheduled => "DISABLE",
        }
    }

    /// As SHOW prints it. Nothing where there is none.
    pub fn text(self) -> Option<String> {
        match self {
            Self::Seconds(seconds) => Some(lag::canonical(seconds)),
            Self::Downstream => Some("DOWNSTREAM".to_owned()),
            Self::Unscheduled => None,
        }
    }
}

/// How a table is refreshed: decided once, when it is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshMode {
    Full,
    Incremental,
}

impl RefreshMode {
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Incremental => "INCREMENTAL",
        }
    }
}

/// When a new table gets its first rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initialize {
    OnCreate,
    OnSchedule,
}

/// Why a table is not refreshed on schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuspendedBy {
    User,
    /// A table that it reads was suspended by its user.
    UpstreamUser,
    /// Too many refreshes failed in a row.
    Errors,
    /// Too many refreshes of a table that it reads failed in a row.
    UpstreamErrors,
}

impl SuspendedBy {
    /// `REASON_CODE` of `SCHEDULING_STATE`.
    pub fn code(self) -> &'static str {
        match self {
            Self::User => "USER_SUSPENDED",
            Self::UpstreamUser => "UPSTREAM_USER_SUSPENDED",
            Self::Errors => "SUSPENDED_DUE_TO_ERRORS",
            Self::UpstreamErrors => "UPSTREAM_SUSPENDED_DUE_TO_ERRORS",
        }
    }

    /// `REASON_MESSAGE` of `SCHEDULING_STATE`. Only that of errors is public.
    pub fn message(self) -> &'static str {
        match self {
            Self::User => "The dynamic table was suspended by a user.",
            Self::UpstreamUser => "An upstream dynamic table was suspended by a user.",
            Self::Errors => "The dynamic table was suspended due to 5 consecutive refresh errors.",
            Self::UpstreamErrors => {
                "An upstream dynamic table was suspended due to 5 consecutive refresh errors."
            }
        }
    }

    /// Of the tables that read one which was suspended by this.
    pub fn downstream(self) -> Self {
        match self {
            Self::User | Self::UpstreamUser => Self::UpstreamUser,
            Self::Errors | Self::UpstreamErrors => Self::UpstreamErrors,
        }
    }
}

/// Since when a table is not refreshed on schedule, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspension {
    pub at: DateTime<Utc>,
    pub by: SuspendedBy,
}

/// What a table that is refreshed from a query carries.
#[derive(Clone, Debug, PartialEq)]
pub struct Refreshing {
    pub target_lag: TargetLag,
    /// `TRANSIENT`, which says how it is kept, not how it is refreshed.
    pub transient: bool,
    pub warehouse: String,
    pub initialization_warehouse: Option<String>,
    pub mode: RefreshMode,
    /// Why it is that mode, where that was not simply asked for or possible.
    pub mode_reason: Option<String>,
    pub initialize: Initialize,
    /// The data timestamp of its contents. `None`: not initialised.
    pub data_timestamp: Option<DateTime<Utc>>,
    pub suspended: Option<Suspension>,
    pub resumed_at: Option<DateTime<Utc>>,
}
