//! What concurrency, caches and limits look like from a session, with a capacity model and without,
//! and what the regressions of behaviours C-01 to C-16 make of it.
//!
//! Lower bounds of times only: a busy machine makes everything longer, and nothing shorter.

mod common;

use chrono::TimeDelta;
use common::{Account, execute_on, text_of};
use snowgauge_emulator::{
    Regression, Release,
    clock::Clock,
    engine::{LoginOptions, Session, Settings},
};
use std::sync::Arc;

fn account(capacity: Option<&str>, regression: Option<Regression>) -> Account {
    Account::with(Settings {
        capacity: capacity.map(|it| it.parse().expect("a model")),
        regression,
        clock: Clock::virtual_time(),
        ..Settings::default()
    })
}

/// With the table `T (ID, V)` of 40,000 rows by `ID` and the warehouse `IW`, which it is attached
/// to and which is current.
async fn with_table(capacity: Option<&str>, regression: Option<Regression>) -> Account {
    let account = account(capacity, regression);
    for sql in [
        "create interactive table t cluster by (id) as \
         select seq4() as id, seq4() % 100 as v from table(generator(rowcount => 40000))",
        "create interactive warehouse iw",
        "alter warehouse iw add tables (t)",
        "alter session set USE_CACHED_RESULT = false",
    ] {
        account.ok(sql).await;
    }
    account
}

impl Account {
    fn login(&self, warehouse: &str) -> Arc<Session> {
        let warehouse = Some(warehouse.to_owned());
        self.engine.open_session(LoginOptions { warehouse, ..LoginOptions::default() })
    }

    /// Columns of the history of statements with this text, oldest first.
    async fn history(&self, columns: &str, like: &str) -> Vec<String> {
        let sql = format!(
            "select {columns} from table(information_schema.query_history(result_limit => 10000)) \
             where query_text like '{like}' and query_text not like '%query_history%' \
             order by start_time, end_time"
        );
        self.ok(&sql).await.lines().map(str::to_owned).collect()
    }

    async fn numbers(&self, column: &str, like: &str) -> Vec<f64> {
        let rows = self.history(column, like).await;
        rows.iter().map(|it| it.parse().unwrap_or(f64::NAN)).collect()
    }

    /// Sends a statement in so many sessions at a time, and returns how they ended.
    async fn at_once(&self, warehouse: &str, sql: &str, clients: usize) -> Vec<String> {
        let tasks: Vec<_> = (0..clients)
            .map(|_| {
                let (session, sql) = (self.login(warehouse), sql.to_owned());
                tokio::spawn(async move {
                    execute_on(&session, "alter session set USE_CACHED_RESULT = false").await;
                    text_of(&execute_on(&session, &sql).await)
                })
            })
            .collect();
        let mut endings = Vec::new();
        for task in tasks {
            endings.push(task.await.expect("no statement panics"));
        }
        endings
    }
}

fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().copied().fold(f64::NAN, f64::max)
}

#[tokio::test]
async fn without_a_model_nothing_tells_of_one() {
    let account = with_table(None, None).await;
    account.check("select v from t where id = 7", "7").await;
    let columns = account.ok("select * from table(information_schema.query_history())").await;
    assert!(!columns.is_empty());
    let missing = "select percentage_scanned_from_cache \
                   from table(information_schema.query_history())";
    let error = account.execute(missing).await.result.expect_err("no such column");
    assert_eq!(error.code, 904, "{error}");
}

#[tokio::test]
async fn times_in_the_history_add_up_to_no_more_than_the_whole() {
    let account = with_table(Some("seed"), None).await;
    for id in 0..5 {
        account.check(&format!("select v from t where id = {id}"), &id.to_string()).await;
    }
    let columns = "total_elapsed_time - compilation_time - queued_overload_time - execution_time, \
                   compilation_time, execution_time, percentage_scanned_from_cache, bytes_scanned";
    let rows = account.history(columns, "select v from t where id%").await;
    assert_eq!(rows.len(), 5);
    for (at, row) in rows.iter().enumerate() {
        let numbers: Vec<f64> = row.split('|').map(|it| it.parse().unwrap()).collect();
        let [rest, compilation, execution, from_cache, bytes] = numbers[..] else {
            panic!("{row}")
        };
        // Three are cut to whole milliseconds, and what is measured apart has a little between.
        assert!(rest >= -1.0, "{row}");
        assert!(compilation >= 20.0, "a new text is compiled in about 50 ms: {row}");
        assert!(execution >= 1.0 && bytes >= 1.0, "{row}");
        assert_eq!(from_cache, if at == 0 { 0.0 } else { 100.0 }, "{row}");
    }
}

#[tokio::test]
async fn a_slot_is_held_and_others_queue_for_it() {
    let queued = async |regression| {
        let account = with_table(Some("seed"), regression).await;
        account.ok("alter warehouse iw set MAX_CONCURRENCY_LEVEL = 1").await;
        account.at_once("iw", "select sum(v) from t", 4).await;
        largest(&account.numbers("queued_overload_time", "select sum(v) from t").await)
    };
    // Three scans of 44 ms before it, give or take.
    assert!(queued(None).await >= 20.0);
    assert_eq!(queued(Some(Regression::QueueNotCounted)).await, 0.0);
}

#[tokio::test]
async fn more_clusters_run_more_statements() {
    let clusters = async |regression| {
        let account = with_table(Some("seed@3"), regression).await;
        let set = "alter warehouse iw set MAX_CONCURRENCY_LEVEL = 1, MAX_CLUSTER_COUNT = 3";
        account.ok(set).await;
        account.at_once("iw", "select sum(v) from t", 4).await;
        let rows = account.numbers("cluster_number", "select sum(v) from t").await;
        largest(&rows)
    };
    assert_eq!(clusters(None).await, 3.0);
    assert_eq!(clusters(Some(Regression::SecondClusterNeverStarts)).await, 1.0);
}

#[tokio::test]
async fn the_concurrency_level_is_how_many_run_at_a_time() {
    let queued = async |level: u64, regression| {
        let account = with_table(Some("seed@3"), regression).await;
        account.ok(&format!("alter warehouse iw set MAX_CONCURRENCY_LEVEL = {level}")).await;
        account.at_once("iw", "select sum(v) from t", 12).await;
        let times = account.numbers("queued_overload_time", "select sum(v) from t").await;
        // A queue of nobody is passed in no time, and a place in it is worth 100 ms.
        times.iter().filter(|it| **it >= 30.0).count()
    };
    assert_eq!(queued(16, None).await, 0);
    assert!(queued(16, Some(Regression::ConcurrencyLevelIgnored)).await >= 3);
    assert!(queued(16, Some(Regression::TwoSlots)).await >= 8);
}

#[tokio::test]
async fn statements_give_up_queueing() {
    let second = async |regression| {
        let account = account(None, regression);
        account.ok("create warehouse w MAX_CONCURRENCY_LEVEL = 1").await;
        account.ok("alter warehouse w set STATEMENT_QUEUED_TIMEOUT_IN_SECONDS = 1").await;
        let ended = account.at_once("w", "select SYSTEM$WAIT(2) is null", 2).await;
        ended.iter().filter(|it| it.starts_with("000630 (57014)")).count()
    };
    assert_eq!(second(None).await, 1);
    assert_eq!(second(Some(Regression::QueuedTimeoutIgnored)).await, 0);
}

#[tokio::test]
async fn who_queues_too_long_is_cancelled_as_a_timeout() {
    let codes = async |regression| {
        let account = account(None, regression);
        account.ok("create interactive warehouse iw MAX_CONCURRENCY_LEVEL = 1").await;
        account.ok("alter warehouse iw set STATEMENT_TIMEOUT_IN_SECONDS = 2").await;
        // The first ends after 1.5 s; the second is admitted then, and the third waits for it.
        let mut ended = account.at_once("iw", "select SYSTEM$WAIT(1.5) is null", 4).await;
        ended.sort();
        ended
    };
    let ended = codes(None).await;
    let timed_out = |it: &&String| it.starts_with("000630 (57014)");
    assert!(ended.iter().filter(timed_out).count() >= 2, "{ended:?}");
    assert!(!ended.iter().any(|it| it.starts_with("000604")), "{ended:?}");
    let ended = codes(Some(Regression::OverloadCode)).await;
    assert!(ended.iter().any(|it| it.starts_with("000604 (57014)")), "{ended:?}");
}

#[tokio::test]
async fn a_fallback_is_told_by_what_was_lost() {
    let lost = async |regression| {
        let account = account(None, regression);
        account.ok("create interactive warehouse iw").await;
        let set = "alter warehouse iw set STATEMENT_TIMEOUT_IN_SECONDS = 1, \
                   FALLBACK_WAREHOUSE = COMPUTE_WH";
        account.ok(set).await;
        account.ok("select SYSTEM$WAIT(1.5) is null as slow").await;
        let rows = account.history("fault_handling_time, warehouse_type", "%as slow").await;
        let (lost, kind) = rows[0].split_once('|').expect("two cells");
        assert_eq!(kind, "STANDARD");
        lost.parse::<f64>().expect("a number")
    };
    assert!(lost(None).await >= 1_000.0);
    assert_eq!(lost(Some(Regression::FallbackNotCounted)).await, 0.0);
}

const COUNTED: &str = "select v, count(*) as n from t where v < 2 group by v order by v";

/// Bytes that a query scans the first and the second time.
async fn scanned_twice(account: &Account) -> (f64, f64) {
    for _ in 0..2 {
        account.check(COUNTED, "0|400\n1|400").await;
    }
    let bytes = account.numbers("bytes_scanned", COUNTED).await;
    let [first, second] = bytes[..] else { panic!("{bytes:?}") };
    assert!(first > 0.0, "{bytes:?}");
    (first, second)
}

#[tokio::test]
async fn results_are_used_again_if_the_session_says_so() {
    let account = with_table(None, None).await;
    let (first, second) = scanned_twice(&account).await;
    assert_eq!(first, second, "USE_CACHED_RESULT is FALSE");

    let account = with_table(None, None).await;
    account.ok("alter session set USE_CACHED_RESULT = true").await;
    assert_eq!(scanned_twice(&account).await.1, 0.0);
    account.ok("insert overwrite into t select 1, 1").await;
    account.check(COUNTED, "1|1").await;
    account.ok("create or replace view w as select * from t").await;
    account.check("select v from w", "1").await;
    account.ok("create or replace view w as select v + 1 as v from t").await;
    account.check("select v from w", "2").await;

    let account = with_table(None, Some(Regression::ResultCacheAlways)).await;
    assert_eq!(scanned_twice(&account).await.1, 0.0);
    let account = with_table(None, Some(Regression::ResultCacheNever)).await;
    account.ok("alter session set USE_CACHED_RESULT = true").await;
    assert!(scanned_twice(&account).await.1 > 0.0);
}

#[tokio::test]
async fn what_may_differ_each_time_is_computed_each_time() {
    let account = with_table(None, None).await;
    account.ok("alter session set USE_CACHED_RESULT = true").await;
    for sql in
        ["select uuid_string(), v from t where id = 1", "select random(), v from t where id = 1"]
    {
        assert_ne!(account.ok(sql).await, account.ok(sql).await, "{sql}");
    }
    account.ok("begin").await;
    account.ok("insert overwrite into t select 1, 70").await;
    account.check("select v from t where id = 1", "70").await;
    account.ok("rollback").await;
    account.check("select v from t where id = 1", "1").await;
}

/// Shares of bytes from the cache of lookups: the first, the next, one after a resume, and one of
/// a table that was attached four minutes ago and never read.
async fn warmth(regression: Option<Regression>) -> Vec<f64> {
    let account = with_table(Some("seed"), regression).await;
    let lookup = "select v from t where id = 3";
    account.ok(lookup).await;
    account.ok(lookup).await;
    let again = "alter warehouse iw resume";
    account.ok("alter warehouse iw suspend").await;
    account.ok(again).await;
    account.ok(lookup).await;
    account.ok("alter warehouse iw suspend").await;
    account.ok(again).await;
    account.engine.advance(TimeDelta::minutes(4)).await;
    account.ok(lookup).await;
    account.numbers("percentage_scanned_from_cache", lookup).await
}

#[tokio::test]
async fn caches_are_cold_after_a_resume_and_warm_with_time() {
    assert_eq!(warmth(None).await, [0.0, 100.0, 0.0, 100.0]);
    assert_eq!(warmth(Some(Regression::WarmUpNeverEnds)).await, [0.0; 4]);
    assert_eq!(warmth(Some(Regression::ResumeKeepsCache)).await, [0.0, 100.0, 100.0, 100.0]);
}

#[tokio::test]
async fn a_cold_lookup_takes_longer_than_a_budget_of_100_ms() {
    let account = with_table(Some("seed"), None).await;
    account.ok("select v from t where id = 3").await;
    let first = account.numbers("execution_time", "select v from t where id = 3").await;
    assert!(largest(&first) >= 150.0, "{first:?}");
}

#[tokio::test]
async fn lookups_on_a_wrong_warehouse_find_what_the_release_says() {
    let found = async |release, regression| {
        let account = Account::with(Settings { release, regression, ..Settings::default() });
        account.ok("create interactive table t cluster by (id) as select 1 as id, 5 as v").await;
        let mut found = vec![account.ok("select v from t where id = 1").await];
        account.ok("create interactive warehouse iw").await;
        account.ok("alter warehouse iw resume if suspended").await;
        found.push(text_of(&account.execute("select v from t where id = 1").await));
        account.ok("alter warehouse iw add tables (t)").await;
        found.push(account.ok("select v from t where id = 1").await);
        found.iter().map(|it| it.trim().to_owned()).collect::<Vec<_>>()
    };
    let wrong = Some(Regression::EmptyAnswersOnWrongWarehouse);
    assert_eq!(found(Release::ZeroCopy, None).await, ["5", "5", "5"]);
    assert_eq!(found(Release::ZeroCopy, wrong).await, ["", "", "5"]);
    let refused = found(Release::Attached, None).await;
    assert!(refused[1].starts_with("010402 (55000)"), "{refused:?}");
    assert_eq!(found(Release::Attached, wrong).await, ["", "", "5"]);
}

#[tokio::test]
async fn histories_that_lie_do() {
    let rest = async |regression| {
        let account = with_table(Some("seed@3"), regression).await;
        account.ok("select sum(v) from t").await;
        let columns = "total_elapsed_time - compilation_time - queued_overload_time \
                       - execution_time, total_elapsed_time, execution_time";
        let rows = account.history(columns, "select sum(v) from t").await;
        let numbers: Vec<f64> = rows[0].split('|').map(|it| it.parse().unwrap()).collect();
        (numbers[0], numbers[1], numbers[2])
    };
    let (missing, _, execution) = rest(Some(Regression::HistoryDoesNotAddUp)).await;
    assert!(missing >= execution - 1.0, "{missing} {execution}");
    let (missing, elapsed, _) = rest(Some(Regression::HistoryBeyondClient)).await;
    assert!(missing >= elapsed / 2.0 - 1.0, "{missing} of {elapsed}");
}
