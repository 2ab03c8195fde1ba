//! A history in a table of an account, for those who share one.
//!
//! The table only grows: a row for each night, and one for each verdict on it, as JSON. A row is one
//! INSERT, which is there whole or not at all; the same night twice is one night when it is read. What
//! is read becomes a [`Store`] in memory, so that all else is as with a file.

use super::{Added, HistoryError, Judgement, Night, Store};
use crate::target::{
    Ending, LoginRequest, Owner, Part, QueryTag, Session, Statement, Target, Value,
};
use std::{fmt, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

/// How a history is named that is a table: `snowflake:DB.SCHEMA.TABLE`.
const PREFIX: &str = "snowflake:";

/// Where a history is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    File(PathBuf),
    Table(TableName),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix(PREFIX) {
            Some(table) => table.parse().map(Self::Table),
            None => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Table(TableName(name)) => write!(f, "{PREFIX}{name}"),
        }
    }
}

/// A night is some hundred kilobytes; an account that takes longer is not there.
const GIVE_UP_AFTER: Duration = Duration::from_secs(300);

/// What a VARCHAR holds: the documented 16 MB.
const BODY_BYTES_MAX: usize = 16 << 20;

/// `DB.SCHEMA.TABLE`, as it goes into statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName(String);

impl FromStr for TableName {
    type Err = String;

    /// Three plain names: what has to be quoted is refused, so that nothing can be meant by it but a
    /// table.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = |it: &str| {
            let mut chars = it.chars();
            chars.next().is_some_and(|it| it.is_ascii_alphabetic() || it == '_')
                && chars.all(|it| it.is_ascii_alphanumeric() || it == '_' || it == '$')
        };
        let parts: Vec<&str> = text.split('.').collect();
        match parts.len() == 3 && parts.iter().all(|it| is_plain(it)) {
            true => Ok(Self(text.to_uppercase())),
            false => Err(format!(
                "`{text}` is not a table: a database, a schema and a name without quotes, such as \
                 `QA.SNOWGAUGE.NIGHTS`"
            )),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SharedError {
    #[error("the table `{table}`: {cause}")]
    Table { table: String, cause: String },
    #[error("the table `{table}`, run {run}: {cause}")]
    Row { table: String, run: String, cause: String },
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// A history in a table, read as it was when it was opened.
pub struct Shared {
    /// What was read, and what was added since.
    pub store: Store,
    session: Box<dyn Session>,
    table: TableName,
}

impl Shared {
    /// Logs in, makes the table if there is none, and reads it.
    ///
    /// # Errors
    ///
    /// Nobody can log in, the role may not read or make the table, or what is in it is no history.
    pub async fn open(target: &Arc<dyn Target>, table: &TableName) -> Result<Self, SharedError> {
        let error = |cause: String| SharedError::Table { table: table.0.clone(), cause };
        let tag = QueryTag::new("history".to_owned(), Owner::Run, Part::Objects);
        let request = LoginRequest { session: "history".to_owned(), tag, ..Default::default() };
        let session = target.login(request).await.map_err(|err| error(err.to_string()))?;
        let store = Store::in_memory(&format!("{PREFIX}{}", table.0))?;
        let mut shared = Self { store, session, table: table.clone() };
        shared
            .execute(
                format!(
                    "CREATE TABLE IF NOT EXISTS {} (RUN VARCHAR, KIND VARCHAR, WRITTEN_AT \
                     TIMESTAMP_NTZ, BODY VARCHAR)",
                    table.0
                ),
                Vec::new(),
            )
            .await?;
        shared.read().await?;
        Ok(shared)
    }

    async fn read(&mut self) -> Result<(), SharedError> {
        let sql = format!("SELECT RUN, KIND, BODY FROM {} ORDER BY WRITTEN_AT, KIND", self.table.0);
        let rows = self.execute(sql, Vec::new()).await?;
        for row in rows {
            let [Value::Text(run), Value::Text(kind), Value::Text(body)] = row.as_slice() else {
                return Err(self.error("a row is not one of a history".to_owned()));
            };
            let of_row = |cause: String| SharedError::Row {
                table: self.table.0.clone(),
                run: run.clone(),
                cause,
            };
            match kind.as_str() {
                NIGHT => {
                    let night: Night =
                        serde_json::from_str(body).map_err(|err| of_row(err.to_string()))?;
                    self.store.add(&night)?;
                }
                JUDGEMENT => {
                    let judgement: Judgement =
                        serde_json::from_str(body).map_err(|err| of_row(err.to_string()))?;
                    self.store.judge(&judgement)?;
                }
                // Of a newer program.
                _ => {}
            }
        }
        Ok(())
    }

    /// Adds a night, unless it is there.
    ///
    /// # Errors
    ///
    /// The row cannot be written.
    pub async fn add(&mut self, night: &Night) -> Result<Added, SharedError> {
        let added = self.store.add(night)?;
        if added != Added::Known {
            let body = serde_json::to_string(night).map_err(|err| self.error(err.to_string()))?;
            self.write(&night.run, NIGHT, body).await?;
        }
        Ok(added)
    }

    /// Writes down what the gate said of a night. The store in memory has it already.
    ///
    /// # Errors
    ///
    /// The row cannot be written.
    pub async fn keep(&mut self, judgement: &Judgement) -> Result<(), SharedError> {
        let body = serde_json::to_string(judgement).map_err(|err| self.error(err.to_string()))?;
        self.write(&judgement.run, JUDGEMENT, body).await
    }

    async fn write(&mut self, run: &str, kind: &str, body: String) -> Result<(), SharedError> {
        if body.len() > BODY_BYTES_MAX {
            let cause = format!("{} bytes are more than a row holds", body.len());
            return Err(SharedError::Row {
                table: self.table.0.clone(),
                run: run.to_owned(),
                cause,
            });
        }
        let sql = format!(
            "INSERT INTO {} (RUN, KIND, WRITTEN_AT, BODY) \
             SELECT ?, ?, SYSDATE(), ?",
            self.table.0
        );
        let binds = vec![run.to_owned(), kind.to_owned(), body];
        self.execute(sql, binds.into_iter().map(Value::Text).collect()).await.map(|_| ())
    }

    fn error(&self, cause: String) -> SharedError {
        SharedError::Table { table: self.table.0.clone(), cause }
    }

    async fn execute(
        &mut self,
        sql: String,
        binds: Vec<Value>,
    ) -> Result<Vec<Vec<Value>>, SharedError> {
        let statement =
            Statement { sql, binds, give_up_after: GIVE_UP_AFTER, ..Statement::default() };
        match self.session.execute(&statement).await.ending {
            Ending::Rows(rows) => Ok(rows.rows),
            Ending::Refused(refusal) => Err(self.error(refusal.to_string())),
            Ending::TimedOut { after } => Err(self.error(format!("no answer after {after:?}"))),
            Ending::Lost { cause } => Err(self.error(cause)),
            Ending::NotRecorded { explanation } => Err(self.error(explanation)),
        }
    }

    pub async fn close(self) {
        self.session.close().await;
    }
}

/// Kinds of rows, in the order in which they are read where they were written at one instant.
const NIGHT: &str = "1 night";
const JUDGEMENT: &str = "2 judgement";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_or_a_table() {
        for text in ["a/b.db", "snowflake:A.B.C"] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
        assert!("snowflake:a".parse::<Place>().is_err());
    }

    #[test]
    fn a_table_is_three_plain_names() {
        assert_eq!("qa.Snow_1.n$".parse(), Ok(TableName("QA.SNOW_1.N$".to_owned())));
        for text in ["a.b", "a.b.c.d", "a..c", "a.b.c; DROP", "\"a\".b.c", "1.b.c", ""] {
            let message = text.parse::<TableName>().unwrap_err();
            assert!(message.contains("is not a table"), "{message}");
        }
    }
}
