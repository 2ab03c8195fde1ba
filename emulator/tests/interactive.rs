//! Interactive tables and warehouses, release by release.

mod common;

use common::Account;
use snowgauge_emulator::Release;

/// An account with a standard table `BASE`, an interactive one `IT` that is attached to the running
/// interactive warehouse `IW`, and the standard warehouse current.
async fn account(release: Release) -> Account {
    let account = Account::new(release);
    for sql in [
        "create table base (id int, k int)",
        "insert into base values (1, 1), (2, 1), (3, 2)",
        "create interactive table it cluster by (k) as select * from base",
        "create interactive warehouse iw tables (it) warehouse_size = 'XSMALL'",
        "alter warehouse iw resume if suspended",
        "use warehouse compute_wh",
    ] {
        account.ok(sql).await;
    }
    account
}

#[tokio::test]
async fn before_zero_copy_only_attached_interactive_tables_are_read() {
    for release in [Release::Preview, Release::Attached, Release::Fallback] {
        let account = account(release).await;
        account.ok("use warehouse iw").await;
        account.check("select count(*) from it", "3").await;
        account
            .check(
                "select count(*) from base",
                "010401 (55000): Querying non-interactive table SNOWGAUGE.PUBLIC.BASE is not supported in interactive warehouses.",
            )
            .await;
        account.ok("alter warehouse iw drop tables (it)").await;
        account
            .check(
                "select count(*) from it",
                "010402 (55000): Table IT is not bound to the current warehouse.",
            )
            .await;
    }
}

#[tokio::test]
async fn zero_copy_reads_everything() {
    let account = account(Release::ZeroCopy).await;
    account.ok("alter warehouse iw drop tables (it)").await;
    account.ok("use warehouse iw").await;
    account.check("select count(*) from it", "3").await;
    account.check("select count(*) from base", "3").await;
}

#[tokio::test]
async fn interactive_tables_take_no_dml_but_overwrite() {
    let account = account(Release::ZeroCopy).await;
    for sql in [
        "update it set k = 0",
        "delete from it",
        "insert into it values (9, 9)",
        "merge into it using base b on it.id = b.id when matched then delete",
        "truncate table it",
    ] {
        let error = account.execute(sql).await.result.unwrap_err();
        assert_eq!(error.code, 10405, "{sql}: {error}");
    }
    account.check("select count(*), sum(k) from it", "3|4").await;
    account.check("insert overwrite into it select * from base where k = 1", "2").await;
    account.check("select count(*) from it", "2").await;
}

#[tokio::test]
async fn statement_types_are_refused_on_an_interactive_warehouse() {
    let account = account(Release::ZeroCopy).await;
    account.ok("use warehouse iw").await;
    for (sql, expected) in [
        ("create table x as select 1 as a", "CREATE_TABLE_AS_SELECT"),
        ("update it set k = 0", "UPDATE"),
        ("merge into missing using base b on true when matched then delete", "MERGE"),
        ("call system$wait(1)", "CALL"),
    ] {
        account
            .check(
                sql,
                &format!("010404 (0A000): Cannot run statement type '{expected}' on an interactive warehouse."),
            )
            .await;
    }
    account
        .check(
            "create interactive table x cluster by (k) as select * from base",
            "010408 (0A000): SQL compilation error: Warehouse 'IW' must not be an interactive warehouse.",
        )
        .await;
}

#[tokio::test]
async fn creating_an_interactive_table_has_its_rules() {
    let account = account(Release::ZeroCopy).await;
    for (sql, code) in [
        ("create interactive table x as select * from base", 10409),
        (
            "create interactive table x cluster by (k) target_lag = '59 seconds' warehouse = compute_wh as select * from base",
            2755,
        ),
        (
            "create interactive table x cluster by (k) target_lag = '1 minute' as select * from base",
            10411,
        ),
        (
            "create interactive table x cluster by (k) warehouse = compute_wh as select * from base",
            10410,
        ),
        (
            "create interactive table x cluster by (k) target_lag = '1 minute' warehouse = iw as select * from base",
            10408,
        ),
        (
            "create or replace interactive table if not exists x cluster by (k) as select * from base",
            1012,
        ),
        ("create transient interactive table x cluster by (k) as select * from base", 1003),
        ("create interactive table x clone it", 10406),
        ("create interactive table x cluster by (nope) as select * from base", 904),
        (
            "create interactive table x cluster by (k) target_lag = '1 minute' warehouse = compute_wh as select * from it",
            10413,
        ),
        ("alter interactive table it set target_lag = '1 minute'", 1420),
        ("alter interactive table it cluster by (id)", 1003),
        ("alter table it add column z int", 10406),
    ] {
        let error = account.execute(sql).await.result.map(|_| ()).unwrap_err();
        assert_eq!(error.code, code, "{sql}: {error}");
    }
    account.ok("create interactive table d cluster by (k) target_lag = '90 seconds' warehouse = compute_wh as select k, count(*) as n from base group by k").await;
    let reply = account.execute("show interactive tables like 'd'").await;
    let text = common::text_of(&reply);
    assert!(
        text.contains("|(K)|2|") && text.contains("|1 minute, 30 seconds|COMPUTE_WH|"),
        "{text}"
    );
    account.ok("insert into base values (4, 3)").await;
    account.check("select count(*) from d", "2").await;
    account.ok("alter interactive table d refresh").await;
    account.check("select count(*) from d", "3").await;
}

#[tokio::test]
async fn attachment_follows_the_tables_identity() {
    let account = account(Release::Fallback).await;
    let tables = async || {
        let reply = account.execute("show warehouses like 'iw'").await;
        common::text_of(&reply).rsplit('|').next().unwrap().to_owned()
    };
    assert_eq!(tables().await, "SNOWGAUGE.PUBLIC.IT");
    account.ok("insert overwrite into it select * from base").await;
    account.ok("alter table it rename to it2").await;
    assert_eq!(tables().await, "SNOWGAUGE.PUBLIC.IT2");
    account
        .ok("create or replace interactive table it2 cluster by (k) as select * from base")
        .await;
    assert_eq!(tables().await, "NULL");
}

#[tokio::test]
async fn five_seconds_end_a_query_and_lower_limits_end_it_earlier() {
    let account = account(Release::ZeroCopy).await;
    account.ok("use warehouse iw").await;
    account.ok("alter session set statement_timeout_in_seconds = 1").await;
    let started = std::time::Instant::now();
    account
        .check(
            "select system$wait(9)",
            "000630 (57014): Statement reached its statement or warehouse timeout of 1 second(s) and was canceled.",
        )
        .await;
    assert!(started.elapsed().as_secs() < 3);
    account.ok("alter session unset statement_timeout_in_seconds").await;
    account
        .check(
            "select count(*) from base a, base b, base c, (select system$wait(9) as w) d",
            "000630 (57014): Statement reached its statement or warehouse timeout of 5 second(s) and was canceled.",
        )
        .await;
}

#[tokio::test]
async fn show_interactive_tables_came_mid_2026() {
    let account = account(Release::Attached).await;
    account
        .check(
            "show interactive tables",
            "001003 (42000): SQL compilation error: syntax error line 1 at position 5 unexpected 'INTERACTIVE'.",
        )
        .await;
}

#[tokio::test]
async fn what_stands_over_an_interactive_table_is_refused_as_such() {
    let account = account(Release::ZeroCopy).await;
    for (over_interactive, over_standard) in [
        ("create stream s on table it", "create stream s on table base"),
        (
            "create materialized view m as select k from it",
            "create materialized view m as select k from base",
        ),
        ("grant insert on table it to role public", "grant select on table it to role public"),
    ] {
        let error = account.execute(over_interactive).await.result.map(|_| ()).unwrap_err();
        assert_eq!(error.code, 10406, "{over_interactive}: {error}");
        // The control: elsewhere it is only not implemented.
        let error = account.execute(over_standard).await.result.map(|_| ()).unwrap_err();
        assert_eq!(error.code, 2, "{over_standard}: {error}");
    }
}

#[tokio::test]
async fn the_preview_does_not_show_what_is_attached() {
    for (release, shows) in [(Release::Preview, false), (Release::Attached, true)] {
        let account = account(release).await;
        for (sql, column) in [("show warehouses", "tables"), ("show tables", "is_interactive")] {
            let result = account.execute(sql).await.result.unwrap().result;
            let has = result.columns.iter().any(|it| it.name == column);
            assert_eq!(has, shows, "{release}: {column}");
        }
        account.check("select count(*) from it", "3").await;
    }
}
