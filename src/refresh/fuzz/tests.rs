//! Trials on a server that is made up: it has counts and hashes, and no rows.

use super::{
    generate,
    query::{JoinKind, Parts, Query},
    replay::slt,
    script::{Definition, Dml, Filter, Mode, Script, Step, Table},
    shrink::shrink,
    trial::{Failure, Site, Tally, Wrong, trial},
};
use crate::{
    refresh::Ask,
    suite::{parse_suite, source::Source},
    target::{Column, Refusal, Rows, Type, Value},
};
use futures::{FutureExt, future::BoxFuture};
use std::time::Duration;

/// What is wrong with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
    None,
    /// A delete is lost, where a definition joins.
    Delete,
    /// Statistics say one row more than there is.
    Statistics,
    /// Everything that was refreshed in full says that it was incremental.
    Action,
    NoData,
    Refused,
    /// INCREMENTAL is refused for joins.
    NotIncremental,
    /// So it is, but only once.
    Wavering,
}

/// Every table has as many rows as statements were sent before its refresh.
struct Server {
    defect: Defect,
    sent: Vec<String>,
}

fn refusal(code: &str) -> Refusal {
    let (code, sqlstate) = (code.to_owned(), "0A000".to_owned());
    Refusal { code, sqlstate, message: "no".to_owned() }
}

fn rows(columns: &[&str], rows: Vec<Vec<Value>>) -> Rows {
    let column =
        |name: &&str| Column { name: (*name).to_owned(), data_type: Type::Text, nullable: true };
    Rows { columns: columns.iter().map(column).collect(), rows, affected: None }
}

fn number(it: usize) -> Value {
    Value::Number { digits: it as i128, scale: 0 }
}

/// Whether it is DML on a table that the definition reads.
fn is_of(sql: &str, definition: &str) -> bool {
    let table = match sql.split(' ').collect::<Vec<_>>().as_slice() {
        ["INSERT", "OVERWRITE", "INTO", table, ..]
        | ["INSERT" | "MERGE", "INTO", table, ..]
        | ["DELETE", "FROM", table, ..]
        | ["UPDATE", table, ..] => format!("{table} AS "),
        _ => return false,
    };
    definition.contains(&table)
}

impl Server {
    fn new(defect: Defect) -> Self {
        Self { defect, sent: Vec::new() }
    }

    /// Rows of what is selected by `definition`: the statements of DML on its tables until now.
    fn count(&self, definition: &str) -> usize {
        self.sent.iter().filter(|it| is_of(it, definition)).count()
    }

    fn answer(&self, sql: &str) -> Result<Rows, Refusal> {
        let is_join = |sql: &str| sql.contains("JOIN");
        if sql.starts_with("SELECT 0 AS SIDE") {
            let is_wrong = self.defect == Defect::Delete
                && is_join(sql)
                && self.sent.iter().any(|it| it.starts_with("DELETE") && is_of(it, sql));
            let sides =
                sql.matches("SELECT 1, COUNT").count() + sql.matches("SELECT 2, COUNT").count();
            let mut found = vec![vec![number(0), number(self.count(sql)), number(7)]];
            for side in 1..=sides {
                let more = usize::from(is_wrong && side == 1);
                found.push(vec![number(side), number(self.count(sql) + more), number(7 + more)]);
            }
            return Ok(rows(&["SIDE", "N", "H"], found));
        }
        if sql.contains("REFRESH_HISTORY") {
            return Ok(self.history());
        }
        if sql.contains("REFRESH_MODE = INCREMENTAL") && is_join(sql) {
            let is_first = !self.sent.iter().any(|it| it == sql);
            match self.defect {
                Defect::NotIncremental => return Err(refusal("002711")),
                Defect::Wavering if is_first => return Err(refusal("002711")),
                _ => {}
            }
        }
        if self.defect == Defect::Refused && sql.ends_with("_INCREMENTAL REFRESH") {
            return Err(refusal("300002"));
        }
        Ok(Rows { affected: Some(1), ..Rows::default() })
    }

    /// Of each table the last refresh.
    fn history(&self) -> Rows {
        let mut found = Vec::new();
        let refreshes = || self.sent.iter().enumerate().filter(|(_, it)| it.ends_with(" REFRESH"));
        for (at, sql) in refreshes() {
            let name = sql.split(' ').nth(3).unwrap_or_default();
            let create = format!("CREATE DYNAMIC TABLE {name} ");
            let create = self.sent.iter().find(|it| it.starts_with(&create));
            let create = create.map(String::as_str).unwrap_or_default();
            let earlier = self.sent[..at].iter().rposition(|it| it == sql).unwrap_or_default();
            let from = match earlier {
                // The first refresh follows the creation, which had everything until then.
                0 => self.sent.iter().position(|it| it.starts_with("SELECT 0")).unwrap_or_default(),
                at => at,
            };
            let change = self.sent[from..at].iter().filter(|it| is_of(it, create)).count();
            let is_full = name.ends_with("FULL");
            let action = match (self.defect, is_full) {
                _ if change == 0 => "NO_DATA",
                (Defect::NoData, _) => "NO_DATA",
                (Defect::Action, _) | (_, false) => "INCREMENTAL",
                (_, true) => "FULL",
            };
            let more = usize::from(self.defect == Defect::Statistics);
            let statistics =
                format!("{{\"numInsertedRows\":{},\"numDeletedRows\":0}}", change + more);
            found.push(vec![
                Value::Text(name.to_owned()),
                Value::Text("SUCCEEDED".to_owned()),
                Value::Text(action.to_owned()),
                Value::Text(statistics),
            ]);
        }
        rows(&["NAME", "STATE", "REFRESH_ACTION", "STATISTICS"], found)
    }
}

impl Ask for Server {
    type Lost = String;

    fn ask<'a>(
        &'a mut self,
        sql: &'a str,
    ) -> BoxFuture<'a, Result<Result<Rows, Refusal>, Self::Lost>> {
        async move {
            let answer = self.answer(sql);
            if sql.starts_with("DROP SCHEMA") {
                self.sent.clear();
            } else {
                self.sent.push(sql.to_owned());
            }
            Ok(answer)
        }
        .boxed()
    }

    fn pause(&mut self, _: Duration) -> BoxFuture<'_, Result<(), Self::Lost>> {
        async { Ok(()) }.boxed()
    }
}

fn site() -> Site {
    Site {
        schema: "DB.SG1_FUZZ1".to_owned(),
        warehouse: "SG1_STD".to_owned(),
        comment: "c".to_owned(),
    }
}

/// A join of two tables, and three steps; the second deletes.
fn sample() -> Script {
    let columns = vec![super::query::Kind::Integer];
    let table = || Table { columns: columns.clone(), rows: vec![vec!["1"], vec!["2"]] };
    let query = Query::Join {
        kind: JoinKind::Left,
        left: Box::new(Query::Table(0)),
        right: Box::new(Query::Table(1)),
        on: vec![(0, 0)],
        columns: vec![0, 1],
    };
    let step = |dml| Step { statements: vec![dml] };
    Script {
        tables: vec![table(), table()],
        definitions: vec![Definition { number: 1, query, parts: Parts::Nested }],
        steps: vec![
            step(Dml::Insert { table: 0, rows: vec![vec!["3"]] }),
            step(Dml::Delete { table: 1, filter: Filter::Is { column: 0, value: "1" } }),
            step(Dml::Insert { table: 1, rows: vec![vec!["3"]] }),
        ],
    }
}

async fn tried(defect: Defect, script: &Script) -> (Option<Failure>, Tally) {
    let mut tally = Tally::default();
    let failure = trial(&mut Server::new(defect), &site(), script, &mut tally).await.unwrap();
    (failure, tally)
}

#[tokio::test]
async fn a_server_that_is_right_fails_nothing() {
    let (failure, tally) = tried(Defect::None, &sample()).await;
    assert_eq!(failure, None);
    assert_eq!((tally.checks, tally.not_incremental, tally.refused.len()), (3, 0, 0));
    assert_eq!(tally.actions, [("FULL".to_owned(), 3), ("INCREMENTAL".to_owned(), 3)].into());
    for number in 0..5 {
        let script = generate::script(2, number);
        let (failure, tally) = tried(Defect::None, &script).await;
        assert_eq!(failure, None);
        assert_eq!(tally.checks, script.definitions.len() * script.steps.len());
    }
}

#[tokio::test]
async fn every_way_of_being_wrong_is_told() {
    #[track_caller]
    fn check(found: Option<Failure>, wrong: Wrong, mode: Mode, steps: usize, message: &str) {
        let found = found.unwrap_or_else(|| panic!("nothing, where it is {wrong:?}"));
        assert_eq!((found.wrong, found.mode, found.steps), (wrong, mode, steps), "{found:?}");
        assert!(found.message.contains(message), "{}", found.message);
    }
    let incremental = Mode::Incremental;
    let found = |defect| async move { tried(defect, &sample()).await.0 };
    check(
        found(Defect::Delete).await,
        Wrong::Rows,
        incremental,
        2,
        "D1_INCREMENTAL has 5 rows, its definition 4",
    );
    check(
        found(Defect::Statistics).await,
        Wrong::Statistics,
        incremental,
        1,
        "says 2 inserted and 0 deleted, and its rows became +1",
    );
    check(
        found(Defect::Action).await,
        Wrong::Action,
        Mode::Full,
        1,
        "D1_FULL is INCREMENTAL, where it can only be FULL",
    );
    check(
        found(Defect::NoData).await,
        Wrong::Action,
        incremental,
        1,
        "is NO_DATA, where it can only be INCREMENTAL",
    );
    check(found(Defect::Refused).await, Wrong::Refused, incremental, 1, "300002 (0A000): no");
    check(
        found(Defect::Wavering).await,
        Wrong::Mode,
        incremental,
        3,
        "refused with 002711, now it was made",
    );
}

#[tokio::test]
async fn what_cannot_be_incremental_is_counted_and_compared_in_full() {
    let (failure, tally) = tried(Defect::NotIncremental, &sample()).await;
    assert_eq!(failure, None);
    assert_eq!((tally.checks, tally.not_incremental), (3, 1));
    assert_eq!(tally.actions, [("FULL".to_owned(), 3)].into());
}

/// From a random script to a suite of a few statements, which can be read.
#[tokio::test]
async fn what_is_found_becomes_a_small_suite() {
    let mut server = Server::new(Defect::Delete);
    let mut found = None;
    for number in 0..50 {
        let script = generate::script(4, number);
        let failure = trial(&mut server, &site(), &script, &mut Tally::default()).await.unwrap();
        if let Some(failure) = failure {
            found = Some((script, failure));
            break;
        }
    }
    let (script, failure) = found.expect("a join and a delete");
    let mut last = failure.clone();
    let (script, _) = shrink(script, 5_000, async |it: &Script| {
        match trial(&mut server, &site(), it, &mut Tally::default()).await {
            Ok(Some(it)) if it.is_like(&failure) => {
                last = it;
                true
            }
            _ => false,
        }
    })
    .await;
    assert!(script.statements() < 10, "{script:#?}");
    let text = slt(&script, &last, "found by nobody");
    let suite = parse_suite("found", Source::new("found.slt", text.clone())).unwrap();
    assert!(suite.cases.len() < 10, "{text}");
    for part in [
        "JOIN",
        "DELETE FROM",
        "REFRESH_MODE = INCREMENTAL",
        "_INCREMENTAL REFRESH",
        "----\nTRUE\n",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    assert!(!text.contains("_FULL"), "{text}");
}

#[test]
fn every_kind_of_failure_can_be_written_as_a_suite() {
    for (wrong, expected) in [
        (Wrong::Rows, "query B"),
        (Wrong::Statistics, "CREATE OR REPLACE TABLE BEFORE AS"),
        (Wrong::Action, "----\nINCREMENTAL\n"),
        (Wrong::Refused, "statement ok\nALTER DYNAMIC TABLE D1_INCREMENTAL REFRESH"),
        (Wrong::Mode, "statement ok\nCREATE OR REPLACE DYNAMIC TABLE D1_INCREMENTAL"),
    ] {
        let message = "needs: x: the refresh is NO_DATA, where it can only be INCREMENTAL";
        let failure = Failure {
            wrong,
            mode: Mode::Incremental,
            definition: 1,
            steps: 3,
            message: format!("{message}\n- 1 | 2"),
        };
        let failure = match wrong {
            Wrong::Action => Failure { message: message.to_owned(), ..failure },
            _ => failure,
        };
        let text = slt(&sample(), &failure, "found by nobody");
        assert!(text.contains(expected), "{text}");
        let parsed = parse_suite("found", Source::new("found.slt", text.clone()));
        if let Err(errors) = parsed {
            panic!("{errors}\n{text}");
        }
    }
}
