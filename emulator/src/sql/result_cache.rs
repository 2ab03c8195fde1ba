//! Answers that are given again: the result cache of `USE_CACHED_RESULT` (catalogue C-08).
//!
//! A query is answered from here if its text, its binds and all that surrounds it are the same, and
//! every table that it reads is at the same version. Whatever changes objects forgets everything:
//! which views and names an answer stands on is not kept.

use super::scope::Input;
use crate::{
    engine::{Request, Session, Success},
    regression::{Regression, regressed},
};
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// As long as the service keeps results.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// Answers that are kept, and rows of each. Beyond them all are forgotten; longer ones never kept.
const ANSWERS_MAX: usize = 1_000;
const ROWS_MAX: usize = 10_000;

/// A query with one of these in its text may answer differently each time. It is looked for roughly:
/// too many are passed over rather than too few.
const VOLATILE: [&str; 17] = [
    "CURRENT_",
    "SYSDATE",
    "SYSTIME",
    "LOCALTIME",
    "GETDATE",
    "RAND",
    "UUID",
    "SEQ",
    "NEXTVAL",
    "SYSTEM$",
    "LAST_QUERY_ID",
    "RESULT_SCAN",
    "INFORMATION_SCHEMA",
    "ACCOUNT_USAGE",
    "GENERATOR",
    "AT(",
    "BEFORE(",
];

#[derive(Debug, Default)]
pub(crate) struct Results {
    /// Counts changes of objects. An answer that was begun before one is not found after it.
    generation: AtomicU64,
    answers: Mutex<HashMap<Key, Answer>>,
}

/// All but the tables that an answer depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key(String);

#[derive(Debug)]
struct Answer {
    success: Success,
    inputs: Vec<Input>,
    kept_at: DateTime<Utc>,
}

impl Key {
    /// `None` if the query's answer is not to be kept, or the session wants none.
    pub fn of(session: &Session, request: &Request) -> Option<Self> {
        let is_wanted = match setting(session, request) {
            _ if regressed(Regression::ResultCacheNever) => false,
            _ if regressed(Regression::ResultCacheAlways) => true,
            Some(Value::Bool(it)) => it,
            Some(Value::String(it)) => !it.eq_ignore_ascii_case("false"),
            _ => true,
        };
        let text: String = request.sql.chars().filter(|it| !it.is_whitespace()).collect();
        let text = text.to_ascii_uppercase();
        if !is_wanted || VOLATILE.iter().any(|it| text.contains(it)) {
            return None;
        }
        let mut parameters = session.parameters();
        parameters.remove("QUERY_TAG");
        let (names, variables) = (session.names(), session.variables());
        let generation = session.engine.results.generation.load(Ordering::Acquire);
        let of = (&request.sql, &request.binds, names, variables, parameters, generation);
        Some(Self(format!("{of:?}")))
    }
}

/// `USE_CACHED_RESULT` of the statement, else of the session.
fn setting(session: &Session, request: &Request) -> Option<Value> {
    const NAME: &str = "USE_CACHED_RESULT";
    request.parameters.get(NAME).cloned().or_else(|| session.parameter(NAME))
}

impl Results {
    /// The answer to be given again.
    pub fn get(&self, key: &Key, now: DateTime<Utc>) -> Option<Success> {
        let mut answers = self.answers.lock();
        let answer = answers.get(key)?;
        let is_latest = |it: &Input| Arc::ptr_eq(&it.version, &it.table.latest());
        if now - answer.kept_at <= KEPT && answer.inputs.iter().all(is_latest) {
            return Some(answer.success.clone());
        }
        answers.remove(key);
        None
    }

    /// Keeps an answer that was computed of these tables.
    pub fn keep(&self, key: Key, success: &Success, inputs: Vec<Input>, now: DateTime<Utc>) {
        if inputs.is_empty() || ROWS_MAX < success.result.row_count() {
            return;
        }
        let mut answers = self.answers.lock();
        if ANSWERS_MAX <= answers.len() {
            answers.clear();
        }
        answers.insert(key, Answer { success: success.clone(), inputs, kept_at: now });
    }

    /// Objects have changed.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.answers.lock().clear();
    }
}
