//! The objects that a run makes for itself, and their end.
//!
//! Every one carries the run's id in its name, and in its comment an expiry, so that a later run
//! can sweep what a killed one left.

use super::{Mark, cost::Meter};
use crate::target::{
    Ending, LoginError, LoginRequest, Owner, Part, QueryTag, Refusal, Rows, Session, Statement,
    Target, Value,
};
use chrono::{DateTime, Utc};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// The run's own session, for everything that is not a case's.
pub struct Admin {
    target: Arc<dyn Target>,
    /// What it is executing for, at the moment.
    pub tag: QueryTag,
    give_up_after: Duration,
    meter: Meter,
    session: Option<Box<dyn Session>>,
}

/// Why a statement of the run's own did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    #[error("`{sql}` was refused: {refusal}")]
    Refused { sql: String, refusal: Refusal },
    #[error("{0}")]
    Gone(String),
    #[error("not recorded: {0}")]
    NotRecorded(String),
    /// It was not sent: the run may not spend so much.
    #[error("{0}")]
    TooDear(String),
}

impl Admin {
    pub fn new(
        target: Arc<dyn Target>,
        tag: QueryTag,
        give_up_after: Duration,
        meter: Meter,
    ) -> Self {
        Self { target, tag, give_up_after, meter, session: None }
    }

    pub async fn login(&mut self) -> Result<(), LoginError> {
        let request = LoginRequest {
            session: "run".to_owned(),
            tag: self.tag.clone(),
            ..LoginRequest::default()
        };
        self.session = Some(self.target.login(request).await?);
        Ok(())
    }

    /// Executes, and once again on a new session if the connection was lost: what the run itself
    /// executes may be executed twice.
    pub async fn query(&mut self, sql: &str) -> Result<Rows, AdminError> {
        if let Some(cause) = self.meter.would_pass(sql, "", self.target.now()) {
            return Err(AdminError::TooDear(cause));
        }
        let mut lost = String::new();
        for _ in 0..2 {
            if self.session.is_none() {
                self.login().await.map_err(|err| AdminError::Gone(err.to_string()))?;
            }
            let Some(session) = &mut self.session else { break };
            let statement = Statement {
                sql: sql.to_owned(),
                binds: Vec::new(),
                tag: Some(self.tag.clone()),
                give_up_after: self.give_up_after,
            };
            let ending = session.execute(&statement).await.ending;
            self.meter.executed(sql, "", Owner::Run.name(), &ending, self.target.now());
            lost = match ending {
                Ending::Rows(rows) => return Ok(rows),
                Ending::Refused(refusal) => {
                    return Err(AdminError::Refused { sql: sql.to_owned(), refusal });
                }
                Ending::TimedOut { after } => format!("no answer to `{sql}` after {after:?}"),
                Ending::Lost { cause } => format!("connection lost: {cause}"),
                Ending::NotRecorded { explanation } => {
                    return Err(AdminError::NotRecorded(explanation));
                }
            };
            self.session = None;
        }
        Err(AdminError::Gone(lost))
    }

    /// The target's time.
    pub fn now(&self) -> DateTime<Utc> {
        self.target.now()
    }

    pub async fn close(&mut self) {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
    }
}

/// What a run's objects are called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objects {
    pub run: String,
    pub database: String,
    /// Made by the run because the login has no database of its own.
    pub is_own_database: bool,
    pub standard: String,
    pub interactive: String,
    comment: String,
    /// Whose they are, by name.
    schemas: BTreeMap<String, Owner>,
}

impl Objects {
    pub fn new(run: &str, expires_at: DateTime<Utc>) -> Self {
        Self {
            run: run.to_owned(),
            standard: format!("{run}_STD"),
            interactive: format!("{run}_IW"),
            comment: Mark { run: run.to_owned(), expires_at }.to_string(),
            ..Self::default()
        }
    }

    /// What a sweep knows the run's objects by.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// `{run}_DATA`, without the database.
    pub fn data_schema(&self) -> String {
        format!("{}_DATA", self.run)
    }

    /// `DB.SG1_DATA`.
    pub fn qualified(&self, schema: &str) -> String {
        format!("{}.{schema}", self.database)
    }

    /// Makes the standard warehouse.
    pub fn standard_statement(&self) -> String {
        format!(
            "CREATE WAREHOUSE IF NOT EXISTS {} WAREHOUSE_SIZE = 'XSMALL' AUTO_SUSPEND = 60 \
             AUTO_RESUME = TRUE COMMENT = '{}'",
            self.standard, self.comment
        )
    }

    /// Makes the interactive warehouse.
    pub fn interactive_statement(&self) -> String {
        format!(
            "CREATE INTERACTIVE WAREHOUSE IF NOT EXISTS {} WAREHOUSE_SIZE = 'XSMALL' \
             COMMENT = '{}'",
            self.interactive, self.comment
        )
    }

    /// Finds the database and makes the standard warehouse.
    pub async fn make(&mut self, admin: &mut Admin) -> Result<(), AdminError> {
        let current = admin.query("SELECT CURRENT_DATABASE()").await?;
        match current.rows.first().and_then(|row| row.first()) {
            Some(Value::Text(name)) if !name.is_empty() => self.database = quoted(name),
            _ => {
                self.database = format!("{}_DB", self.run);
                self.is_own_database = true;
                admin
                    .query(&format!(
                        "CREATE DATABASE IF NOT EXISTS {} COMMENT = '{}'",
                        self.database, self.comment
                    ))
                    .await?;
            }
        }
        admin.query(&self.standard_statement()).await?;
        admin.query(&format!("USE WAREHOUSE {}", self.standard)).await?;
        Ok(())
    }

    /// Makes the interactive warehouse, and starts it: it may be born suspended, and need not
    /// resume by itself.
    ///
    /// A refusal to create it is an answer: there is no interactive layer. What is refused after
    /// that is an error like any other, since skipping all cases for it would hide it.
    pub async fn make_interactive(
        &self,
        admin: &mut Admin,
    ) -> Result<Result<(), Refusal>, AdminError> {
        let created = admin.query(&self.interactive_statement()).await;
        match created {
            Ok(_) => {}
            Err(AdminError::Refused { refusal, .. }) => return Ok(Err(refusal)),
            Err(err) => return Err(err),
        }
        // Creating it made it the session's warehouse, where little is allowed.
        admin.query(&format!("USE WAREHOUSE {}", self.standard)).await?;
        admin.query(&format!("ALTER WAREHOUSE {} RESUME IF SUSPENDED", self.interactive)).await?;
        Ok(Ok(()))
    }

    /// Makes a schema for `owner`.
    pub async fn make_schema(
        &mut self,
        admin: &mut Admin,
        name: &str,
        owner: Owner,
    ) -> Result<(), AdminError> {
        // Known before it is made, so that it is dropped even if the answer is lost.
        self.schemas.insert(name.to_owned(), owner.clone());
        admin.tag = admin.tag.owner(owner, Part::Objects);
        admin
            .query(&format!(
                "CREATE SCHEMA IF NOT EXISTS {} COMMENT = '{}'",
                self.qualified(name),
                self.comment
            ))
            .await?;
        Ok(())
    }

    /// Drops everything that carries the run's id, warehouses first, since they cost by the
    /// hour. Returns what could not be dropped.
    pub async fn drop_all(&self, admin: &mut Admin) -> Vec<AdminError> {
        let own = format!("{}_", self.run);
        let mut errors = Vec::new();

        // What is known first, so that it is dropped whatever the target tells of the rest: cases
        // make objects of their own, and some of them fail before they drop them.
        let like = format!("LIKE '{}%'", self.run);
        admin.tag = admin.tag.owner(Owner::Run, Part::CleanUp);
        for name in [&self.standard, &self.interactive] {
            drop(admin, &format!("DROP WAREHOUSE IF EXISTS {name}"), &mut errors).await;
        }
        for name in shown(admin, &format!("SHOW WAREHOUSES {like}"), &own, &mut errors).await {
            drop(admin, &format!("DROP WAREHOUSE IF EXISTS {name}"), &mut errors).await;
        }
        // A sweep knows what cases made by what else of the run is there, so that something of it
        // has to be dropped last.
        let data = self.data_schema();
        for (name, owner) in self.schemas.iter().filter(|(name, _)| **name != data) {
            admin.tag = admin.tag.owner(owner.clone(), Part::CleanUp);
            let name = self.qualified(name);
            drop(admin, &format!("DROP SCHEMA IF EXISTS {name} CASCADE"), &mut errors).await;
        }
        admin.tag = admin.tag.owner(Owner::Run, Part::CleanUp);
        if !self.database.is_empty() {
            let show = format!("SHOW SCHEMAS {like} IN DATABASE {}", self.database);
            let seen = shown(admin, &show, &own, &mut errors).await;
            for name in seen.into_iter().filter(|it| *it != data) {
                let name = self.qualified(&name);
                drop(admin, &format!("DROP SCHEMA IF EXISTS {name} CASCADE"), &mut errors).await;
            }
        }
        let show = format!("SHOW DATABASES {like}");
        let seen = shown(admin, &show, &own, &mut errors).await;
        for name in seen.into_iter().filter(|it| *it != self.database) {
            drop(admin, &format!("DROP DATABASE IF EXISTS {name}"), &mut errors).await;
        }
        if self.schemas.contains_key(&data) {
            let data = self.qualified(&data);
            drop(admin, &format!("DROP SCHEMA IF EXISTS {data} CASCADE"), &mut errors).await;
        }
        if self.is_own_database {
            let own = &self.database;
            drop(admin, &format!("DROP DATABASE IF EXISTS {own}"), &mut errors).await;
        }
        errors
    }
}

async fn drop(admin: &mut Admin, sql: &str, errors: &mut Vec<AdminError>) {
    // Each failure costs a login where the target is gone; one is enough to know.
    if errors.iter().any(|it| matches!(it, AdminError::Gone(_))) {
        return;
    }
    if let Err(err) = admin.query(sql).await {
        errors.push(err);
    }
}

/// Names of a `SHOW` result that start with `own`. `LIKE` takes `_` for any character, and is
/// blind to case, so that its answer is looked through.
async fn shown(
    admin: &mut Admin,
    show: &str,
    own: &str,
    errors: &mut Vec<AdminError>,
) -> Vec<String> {
    if errors.iter().any(|it| matches!(it, AdminError::Gone(_))) {
        return Vec::new();
    }
    let rows = match admin.query(show).await {
        Ok(rows) => rows,
        Err(err) => {
            errors.push(err);
            return Vec::new();
        }
    };
    let column = rows.columns.iter().position(|it| it.name.eq_ignore_ascii_case("name"));
    let name = |row: &Vec<Value>| match column.and_then(|it| row.get(it)) {
        Some(Value::Text(it)) if it.starts_with(own) => Some(quoted(it)),
        _ => None,
    };
    rows.rows.iter().filter_map(name).collect()
}

/// The name as it can be written in a statement.
pub fn quoted(name: &str) -> String {
    let is_plain = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_';
    match name.chars().all(is_plain) && !name.starts_with(|it: char| it.is_ascii_digit()) {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_only_where_they_must_be() {
        assert_eq!(quoted("ANALYTICS_1"), "ANALYTICS_1");
        assert_eq!(quoted("Analytics"), "\"Analytics\"");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(quoted("1A"), "\"1A\"");
    }
}
