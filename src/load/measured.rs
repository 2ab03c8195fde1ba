//! What a load came to: what journals and fixtures keep, and all that budgets and reports read.
//!
//! Latencies are in microseconds. *From due* counts from when the schedule wanted a request sent,
//! *from sent* from when it was: the difference is what waiting for the generator cost, and budgets
//! look at the former. Quantities are kept for each second of the schedule, so that series, whole
//! phases, blocks for resampling and several machines' shares are sums of the same parts.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One execution of a workload, on all of its roles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub workload: String,
    /// What the schedule, the mix and all parameters came from.
    pub seed: u64,
    /// The first due time of the measured part, on the target's clock.
    pub began: DateTime<Utc>,
    /// The measured part of the first role, without warm-up and others' turns, in microseconds.
    pub lasted_us: u64,
    /// What stands behind the figures where it is not a real warehouse: the name of a capacity
    /// model. Whatever shows a figure shows this.
    pub simulated: Option<String>,
    /// In the order of the workload. The first is what is tested, others are compared with it.
    pub roles: Vec<RoleMeasured>,
    pub health: Health,
}

/// One side of a comparison: `interactive`, `standard`, or the only one there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoleMeasured {
    pub role: String,
    pub session: String,
    pub warehouse: Option<String>,
    /// Of clients or sessions that executed at the same time.
    pub sessions: u32,
    /// Requests a second that were wanted; `None` in a closed loop.
    pub wanted_rate: Option<f64>,
    /// How the warm-up ended, in words, and what it took.
    pub warm_up: WarmUpMeasured,
    pub queries: Vec<QueryMeasured>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WarmUpMeasured {
    /// Requests that are in no figure.
    pub requests: u64,
    pub lasted_us: u64,
    /// `steady: the last 3 medians are within 5 %`, `not steady after 60 s`, `none`.
    pub ended: String,
}

/// One query of the mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueryMeasured {
    pub name: String,
    /// With its parameters still in it.
    pub sql: String,
    pub weight: f64,
    /// Controls are executed between the others and are in no budget of theirs: `SELECT 1`, a
    /// lookup in a table that nobody changes.
    pub control: bool,
    /// By second of the schedule, in order; seconds without a due request are left out.
    pub seconds: Vec<Second>,
    /// The server's share, joined by query id after the load. `None` where nothing was joined.
    pub server: Option<ServerShare>,
    /// A few exchanges, for people and for replays.
    pub exchanges: Vec<Exchange>,
}

/// What was due in one second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Since the measured part began.
    pub second: u32,
    /// Requests that were due, whether they were sent or not.
    pub due: u64,
    /// Never sent: no session was free until the load was over.
    pub dropped: u64,
    /// Ended with rows that are as they should be.
    pub ok: u64,
    /// Ended with rows that are not: too few, too many, other ones. Not in the histograms.
    pub wrong_rows: u64,
    /// Refused, lost or given up, by class: `000630`, `lost`, `given up`. Not in the histograms.
    pub errors: BTreeMap<String, u64>,
    /// Latencies from due of requests that the server cancelled for their time: each took at
    /// least this long, nobody knows how much longer.
    pub censored: Histo,
    /// Latencies of `ok` requests from when they were due.
    pub from_due: Histo,
    /// Latencies of `ok` requests from when they were sent.
    pub from_sent: Histo,
}

/// A histogram as it is serialised: HdrHistogram V2, deflated, base64; empty text if it is empty.
/// From 1 µs to an hour, three significant digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histo(pub String);

/// Where the time of statements went according to the server, in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerShare {
    /// Statements that were found in the query history, of how many that were sent.
    pub found: u64,
    pub of: u64,
    pub compile: Histo,
    pub queue: Histo,
    pub execute: Histo,
    /// The client's latency from sent less the server's total: network and fetch.
    pub rest: Histo,
    /// Statements that were answered by the result cache.
    pub from_result_cache: u64,
    /// Mean share of bytes that came from the warehouse's cache, 0 to 1; `None` if not told.
    pub from_cache: Option<f64>,
}

/// One request of many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    pub sql: String,
    pub binds: Vec<String>,
    pub query_id: Option<String>,
    pub second: u32,
    pub latency_us: u64,
    /// `3 rows`, `000630 (57014): …`.
    pub ending: String,
}

/// Whether the generator did what it was asked to do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// How much later than due requests were sent although a session was free, in microseconds:
    /// the generator's own fault.
    pub slip: Histo,
    /// How long due requests waited for a session.
    pub pool_wait: Histo,
    /// The process's share of all cores, 0 to 1, in the busiest second. `None` where unknown.
    pub busiest_cpu: Option<f64>,
    /// Why the figures say nothing; empty if they are sound.
    pub unsound: Vec<String>,
}
