//! The named sessions of one suite: opened when first used, put back where they started before
//! each case, opened again after a connection was lost.

use super::{Stop, cost::Meter};
use crate::target::{
    Context, Ending, Execution, LoginError, LoginRequest, QueryTag, Session, Statement, Target,
    Value, wording::words,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How long a cancelled statement may take to end before its session is given up.
const CANCEL_MAX: Duration = Duration::from_secs(5);

/// What the sessions of a suite start with.
#[derive(Clone, Debug)]
pub struct Start {
    /// `DB.SG1_LIMITS_DML`.
    pub schema: String,
    pub standard: String,
    pub interactive: String,
    /// `QUERY_TAG` of what the sessions do outside of cases.
    pub tag: QueryTag,
    pub give_up_after: Duration,
    pub meter: Meter,
    /// The server's version, where it is an emulator's: what it takes is no account's time.
    pub simulated: Option<String>,
}

pub struct Sessions {
    target: Arc<dyn Target>,
    stop: Stop,
    start: Start,
    open: BTreeMap<String, Open>,
}

struct Open {
    session: Box<dyn Session>,
    context: Context,
    left: Left,
}

/// In which state statements left a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Left {
    AsItWas,
    /// Its warehouse, database or schema may be another.
    Elsewhere,
    /// Its parameters may be others, or a transaction may be open.
    Changed,
}

/// A statement's execution, and where it took place.
pub struct Executed {
    pub execution: Execution,
    pub warehouse: String,
}

/// Why a statement was not executed, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotExecuted {
    /// The target cannot be reached any more.
    Gone(String),
    /// This session cannot be had; others may.
    NoSession(String),
    /// The run was asked to end.
    Stopped(String),
}

impl Sessions {
    pub fn new(target: Arc<dyn Target>, stop: Stop, start: Start) -> Self {
        Self { target, stop, start, open: BTreeMap::new() }
    }

    /// The warehouse that a session is on, or will start with.
    pub fn warehouse(&self, session: &str) -> &str {
        let is_on = self.open.get(session).and_then(|it| it.context.warehouse());
        is_on.unwrap_or(match session {
            "interactive" => &self.start.interactive,
            _ => &self.start.standard,
        })
    }

    /// Puts sessions back to where they started.
    pub async fn restore(&mut self) -> Result<(), NotExecuted> {
        let names: Vec<String> = self.open.keys().cloned().collect();
        for name in names {
            let Some(open) = self.open.get_mut(&name) else { continue };
            match open.left {
                Left::AsItWas => {}
                Left::Elsewhere => self.settle(&name).await?,
                Left::Changed => self.close(&name).await,
            }
        }
        Ok(())
    }

    pub async fn execute(
        &mut self,
        name: &str,
        sql: &str,
        binds: &[String],
        tag: &QueryTag,
        wait_max: Option<Duration>,
    ) -> Result<Executed, NotExecuted> {
        if !self.open.contains_key(name) {
            self.login(name).await?;
        }
        let binds = binds.iter().map(|it| Value::Text(it.clone())).collect();
        let execution = self.send(name, sql, binds, tag, wait_max).await?;
        let warehouse = self.warehouse(name).to_owned();
        if let Some(open) = self.open.get_mut(name) {
            open.left = open.left.max(left_by(sql));
        }
        Ok(Executed { execution, warehouse })
    }

    /// What sessions of others start with, and where.
    pub fn of_start(&self) -> (&Arc<dyn Target>, &Start) {
        (&self.target, &self.start)
    }

    /// Logs out of everything.
    pub async fn close_all(&mut self) {
        for (_, open) in std::mem::take(&mut self.open) {
            open.session.close().await;
        }
    }

    async fn close(&mut self, name: &str) {
        if let Some(open) = self.open.remove(name) {
            open.session.close().await;
        }
    }

    async fn login(&mut self, name: &str) -> Result<(), NotExecuted> {
        let request = LoginRequest {
            session: name.to_owned(),
            tag: self.start.tag.clone(),
            ..LoginRequest::default()
        };
        let session = self.target.login(request).await.map_err(|err| match err {
            LoginError::Unreachable { .. } => NotExecuted::Gone(err.to_string()),
            LoginError::Refused { .. } | LoginError::Unusable { .. } => {
                NotExecuted::NoSession(err.to_string())
            }
        })?;
        let open = Open { session, context: Context::default(), left: Left::Elsewhere };
        self.open.insert(name.to_owned(), open);
        self.settle(name).await
    }

    /// Goes to the schema and the warehouse that the session starts with.
    async fn settle(&mut self, name: &str) -> Result<(), NotExecuted> {
        let warehouse = match name {
            "interactive" => self.start.interactive.clone(),
            _ => self.start.standard.clone(),
        };
        let tag = self.start.tag.clone();
        let schema = format!("USE SCHEMA {}", self.start.schema);
        for sql in [schema, format!("USE WAREHOUSE {warehouse}")] {
            let cause = match self.send(name, &sql, Vec::new(), &tag, None).await?.ending {
                Ending::Rows(_) => continue,
                Ending::Refused(refusal) => refusal.to_string(),
                Ending::TimedOut { after } => format!("no answer after {after:?}"),
                Ending::Lost { cause } => cause,
                Ending::NotRecorded { explanation } => format!("not recorded: {explanation}"),
            };
            self.close(name).await;
            return Err(NotExecuted::NoSession(format!(
                "cannot prepare the session `{name}`: `{sql}`: {cause}"
            )));
        }
        if let Some(open) = self.open.get_mut(name) {
            open.left = Left::AsItWas;
        }
        Ok(())
    }

    /// How long to wait for a statement: as for all of them, or shorter. Zero is for ever.
    fn wait(&self, wait_max: Option<Duration>) -> Duration {
        match (self.start.give_up_after, wait_max) {
            (always, None) => always,
            (Duration::ZERO, Some(own)) => own,
            (always, Some(own)) => always.min(own),
        }
    }

    /// Executes on an open session. One that cannot be used any more is forgotten.
    async fn send(
        &mut self,
        name: &str,
        sql: &str,
        binds: Vec<Value>,
        tag: &QueryTag,
        wait_max: Option<Duration>,
    ) -> Result<Execution, NotExecuted> {
        let warehouse = self.warehouse(name).to_owned();
        let now = self.target.now();
        let meter = &self.start.meter;
        if let Some(cause) = meter.used_up(now).or_else(|| meter.would_pass(sql, &warehouse, now)) {
            self.stop.request(cause);
        }
        if let Some(cause) = self.stop.cause() {
            return Err(NotExecuted::Stopped(cause));
        }
        let give_up_after = self.wait(wait_max);
        let Some(open) = self.open.get_mut(name) else {
            return Err(NotExecuted::NoSession(format!("the session `{name}` is closed")));
        };
        let statement =
            Statement { sql: sql.to_owned(), binds, tag: Some(tag.clone()), give_up_after };
        let canceller = open.session.canceller();
        let executed = {
            let mut execution = open.session.execute(&statement);
            tokio::select! {
                execution = &mut execution => Ok(execution),
                cause = self.stop.requested() => {
                    canceller.cancel().await;
                    let ended = tokio::time::timeout(CANCEL_MAX, &mut execution).await.is_ok();
                    Err((cause, ended))
                }
            }
        };
        if let Ok(execution) = &executed {
            let (by, now) = (self.start.tag.owner.name(), self.target.now());
            self.start.meter.executed(sql, &warehouse, by, &execution.ending, now);
        }
        let is_usable = match &executed {
            // After a time-out of ours the statement may still occupy the session.
            Ok(execution) => {
                if let Ending::Rows(_) = execution.ending {
                    open.context.follow(sql);
                }
                !matches!(execution.ending, Ending::Lost { .. } | Ending::TimedOut { .. })
            }
            Err((_, ended)) => *ended,
        };
        if !is_usable {
            self.open.remove(name);
        }
        executed.map_err(|(cause, _)| NotExecuted::Stopped(cause))
    }
}

fn left_by(sql: &str) -> Left {
    let words = words(sql);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["USE", ..] => Left::Elsewhere,
        ["ALTER", "SESSION", ..]
        | ["SET" | "UNSET" | "BEGIN" | "START" | "CALL" | "EXECUTE", ..] => Left::Changed,
        ["CREATE" | "DROP", rest @ ..] => {
            let kind = rest
                .iter()
                .find(|it| !matches!(**it, "OR" | "REPLACE" | "TRANSIENT" | "INTERACTIVE"));
            match kind {
                Some(&("WAREHOUSE" | "SCHEMA" | "DATABASE")) => Left::Elsewhere,
                _ => Left::AsItWas,
            }
        }
        _ => Left::AsItWas,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_leave_a_session_changed_are_known() {
        #[track_caller]
        fn check(sql: &str, left: Left) {
            assert_eq!(left_by(sql), left);
        }
        check("SELECT 1", Left::AsItWas);
        check("use warehouse w;", Left::Elsewhere);
        check("-- why\n /* not */ USE SCHEMA s", Left::Elsewhere);
        check("CREATE OR REPLACE INTERACTIVE WAREHOUSE W TABLES (T)", Left::Elsewhere);
        check("CREATE WAREHOUSE IF NOT EXISTS W", Left::Elsewhere);
        check("CREATE INTERACTIVE TABLE T CLUSTER BY (K) AS SELECT 1", Left::AsItWas);
        check("CREATE TRANSIENT SCHEMA S", Left::Elsewhere);
        check("DROP DATABASE D", Left::Elsewhere);
        check("ALTER SESSION SET TIMEZONE = 'UTC'", Left::Changed);
        check("ALTER WAREHOUSE W RESUME", Left::AsItWas);
        check("BEGIN", Left::Changed);
        check("", Left::AsItWas);
    }
}
