//! An account and sessions on it, with results as text that a person can read.

use chrono::Utc;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use snowgauge_emulator::{
    Release,
    engine::{Engine, LoginOptions, Reply, Request, Session, Settings},
};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

// Each file of tests is a crate of its own, and uses a part of this one.
#[allow(dead_code)]
pub struct Account {
    pub engine: Arc<Engine>,
    pub session: Arc<Session>,
}

#[allow(dead_code)]
impl Account {
    pub fn new(release: Release) -> Self {
        Self::with(Settings { release, ..Settings::default() })
    }

    pub fn with(settings: Settings) -> Self {
        let engine = Engine::new(settings);
        let session =
            engine.open_session(LoginOptions { user: "ada".into(), ..Default::default() });
        Self { engine, session }
    }

    pub async fn execute(&self, sql: &str) -> Reply {
        execute_on(&self.session, sql).await
    }

    /// Executes a statement that must succeed.
    #[track_caller]
    pub fn ok<'a>(&'a self, sql: &'a str) -> impl Future<Output = String> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let reply = self.execute(sql).await;
            match reply.result {
                Ok(_) => text_of(&reply),
                Err(error) => panic!("{caller}: {sql}\n{error}"),
            }
        }
    }

    /// Compares an ending with text: rows with `|` between cells, or an error on one line.
    #[track_caller]
    pub fn check<'a>(&'a self, sql: &'a str, expected: &'a str) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let actual = text_of(&self.execute(sql).await);
            let expected: Vec<&str> = expected.lines().map(str::trim).collect();
            assert!(
                actual.trim() == expected.join("\n").trim(),
                "{caller}\nsql: {sql}\nexpected:\n{}\nactual:\n{actual}",
                expected.join("\n")
            );
        }
    }
}

pub async fn execute_on(session: &Arc<Session>, sql: &str) -> Reply {
    session
        .execute(Request {
            sql: sql.to_owned(),
            binds: BTreeMap::new(),
            parameters: BTreeMap::new(),
            describe_only: false,
            query_id: Uuid::new_v4(),
            submitted_at: Utc::now(),
        })
        .await
}

pub fn text_of(reply: &Reply) -> String {
    let success = match &reply.result {
        Ok(success) => success,
        Err(error) => return error.to_string().replace('\n', " "),
    };
    let options = FormatOptions::default().with_null("NULL");
    let mut lines = Vec::new();
    for batch in &success.result.batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|it| ArrayFormatter::try_new(it, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = columns.iter().map(|it| it.value(row).to_string()).collect();
            lines.push(cells.join("|"));
        }
    }
    lines.join("\n")
}
