//! Dynamic tables: their statements, the errors of each, and what is told of them.

mod common;

use common::Account;
use snowgauge_emulator::{Release, engine::LoginOptions};

/// An account with `BASE (ID, K)` of three rows.
async fn account() -> Account {
    let account = Account::new(Release::ZeroCopy);
    account.ok("create table base (id int, k int)").await;
    account.ok("insert into base values (1, 1), (2, 1), (3, 2)").await;
    account
}

/// A dynamic table of `BASE`, with options of its own.
fn create(name: &str, options: &str, query: &str) -> String {
    format!(
        "create dynamic table {name} target_lag = '1 minute' warehouse = compute_wh {options} as {query}"
    )
}

async fn columns_of(account: &Account, sql: &str) -> String {
    let result = account.execute(sql).await.result.expect(sql).result;
    result.columns.into_iter().map(|it| it.name).collect::<Vec<_>>().join(" ")
}

/// Columns of what the statement before showed.
async fn shown(account: &Account, show: &str, columns: &str) -> String {
    account.ok(show).await;
    account.ok(&format!("select {columns} from table(result_scan(last_query_id()))")).await
}

/// Cases of a statement and the error that it ends in.
async fn check_all(account: &Account, cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        account.check(sql, expected).await;
    }
}

#[tokio::test]
async fn a_dynamic_table_has_what_its_query_gave_when_it_was_created() {
    let account = account().await;
    let sql = create("d", "", "select k, count(*) as n from base group by k");
    account.check(&sql, "Dynamic table D successfully created.").await;
    account.check("select * from d order by k", "1|2\n2|1").await;
    account.ok("insert into base values (4, 2)").await;
    account.check("select * from d order by k", "1|2\n2|1").await;
    account.ok("alter dynamic table d refresh").await;
    account.check("select * from d order by k", "1|2\n2|2").await;
    // Columns can be named, and typed.
    account
        .ok(&create("e (a, b comment 'how many')", "", "select k, count(*) from base group by k"))
        .await;
    account.check("select sum(a), sum(b) from e", "3|4").await;
    let typed = create("f (a number(10,2))", "", "select id from base");
    account.ok(&typed).await;
    account.check("select max(a) from f", "4.00").await;
}

#[tokio::test]
async fn no_warehouse_needs_to_be_current() {
    let account = account().await;
    account.ok("create warehouse other").await;
    account.ok("drop warehouse other").await;
    account.check("select count(*) from base", "000606 (57P03): No active warehouse selected in the current session.  Select an active warehouse with the 'use warehouse' command.").await;
    account.ok(&create("d", "", "select * from base")).await;
    account.ok("use warehouse compute_wh").await;
    account.check("select count(*) from d", "3").await;
}

#[tokio::test]
async fn show_dynamic_tables_has_the_documented_columns() {
    let account = account().await;
    assert_eq!(
        columns_of(&account, "show dynamic tables").await,
        "created_on name database_name schema_name cluster_by rows bytes owner target_lag scheduler refresh_mode refresh_mode_reason warehouse comment text automatic_clustering scheduling_state last_suspended_on is_clone is_replica is_iceberg data_timestamp owner_role_type immutable_where execute_as_user"
    );
    account.ok(&create("d", "cluster by (k) comment = 'c'", "select * from base")).await;
    account.ok("create dynamic table u scheduler = disable warehouse = compute_wh as select * from base").await;
    let columns = "\"name\", \"cluster_by\", \"rows\", \"target_lag\", \"scheduler\", \"refresh_mode\", \"refresh_mode_reason\", \"warehouse\", \"comment\", \"scheduling_state\", \"last_suspended_on\", \"data_timestamp\" is not null";
    assert_eq!(
        shown(&account, "show dynamic tables", columns).await,
        "D|LINEAR(K)|3|1 minute|ENABLE|INCREMENTAL|NULL|COMPUTE_WH|c|ACTIVE|NULL|true\n\
         U||3|NULL|DISABLE|INCREMENTAL|NULL|COMPUTE_WH||ACTIVE|NULL|true"
    );
    assert_eq!(
        shown(&account, "show dynamic tables like 'd%' in schema public", "\"name\"").await,
        "D"
    );
    assert_eq!(shown(&account, "show dynamic tables limit 1", "\"name\"").await, "D");
    assert_eq!(
        shown(&account, "show tables", "\"name\", \"kind\", \"is_dynamic\"").await,
        "BASE|TABLE|N\nD|TABLE|Y\nU|TABLE|Y"
    );
    account
        .check(
            "select table_name, table_type, is_dynamic from information_schema.tables order by 1",
            "BASE|BASE TABLE|NO\nD|BASE TABLE|YES\nU|BASE TABLE|YES",
        )
        .await;
}

#[tokio::test]
async fn a_transient_one_is_shown_as_such() {
    let account = account().await;
    account.ok("create transient dynamic table d target_lag = downstream warehouse = compute_wh as select * from base").await;
    assert_eq!(
        shown(&account, "show tables like 'd'", "\"kind\", \"is_dynamic\"").await,
        "TRANSIENT|Y"
    );
    assert_eq!(shown(&account, "show dynamic tables", "\"target_lag\"").await, "DOWNSTREAM");
    account
        .check("select is_transient from information_schema.tables where table_name = 'D'", "YES")
        .await;
    let ddl = account.ok("select get_ddl('dynamic_table', 'd')").await;
    assert!(ddl.starts_with("create or replace transient dynamic table D("), "{ddl}");
}

#[tokio::test]
async fn modes_are_resolved_when_a_table_is_created() {
    let account = account().await;
    account.ok("create view v as select id from base except select 1").await;
    for (options, query, expected) in [
        ("", "select id from base", "INCREMENTAL|NULL"),
        ("refresh_mode = auto", "select id from base", "INCREMENTAL|NULL"),
        ("refresh_mode = incremental", "select id from base", "INCREMENTAL|NULL"),
        ("refresh_mode = full", "select id from base", "FULL|USER_SPECIFIED_FULL_REFRESH"),
        (
            "",
            "select id from base except select 1",
            "FULL|Unsupported query operator type: SetOperation[EXCEPT]",
        ),
        ("", "select * from v", "FULL|Unsupported query operator type: SetOperation[EXCEPT]"),
        (
            "",
            "select id from base order by id limit 1",
            "FULL|QUERY_NOT_SUPPORTED_FOR_INCREMENTAL: LIMIT",
        ),
    ] {
        account.ok(&create("d", options, query)).await;
        let actual =
            shown(&account, "show dynamic tables", "\"refresh_mode\", \"refresh_mode_reason\"");
        assert_eq!(actual.await, expected, "{options} {query}");
        account.ok("drop dynamic table d").await;
    }
    account
        .check(
            &create("d", "refresh_mode = incremental", "select id from base except select 1"),
            "002711 (0A000): SQL compilation error: Dynamic Table 'D' is defined with REFRESH_MODE = INCREMENTAL, but the query is not supported for incremental refresh.",
        )
        .await;
    account
        .check(
            "select count(*) from d",
            "002003 (42S02): SQL compilation error: Object 'D' does not exist or not authorized.",
        )
        .await;
    account
        .check(
            &create("d", "", "select id from base except select 1"),
            "Dynamic table D successfully created. Refresh mode is FULL: Unsupported query operator type: SetOperation[EXCEPT]",
        )
        .await;
    account.ok(&create("e", "", "select * from d")).await;
    assert_eq!(
        shown(&account, "show dynamic tables like 'e'", "\"refresh_mode_reason\"").await,
        "UPSTREAM_USES_FULL_REFRESH"
    );
}

#[tokio::test]
async fn creation_is_refused() {
    let account = account().await;
    for sql in [
        "create interactive table it cluster by (k) as select * from base",
        "create view over_it as select * from it",
        "create interactive warehouse iw warehouse_size = 'XSMALL'",
        "use warehouse compute_wh",
        "set x = 1",
    ] {
        account.ok(sql).await;
    }
    account.ok(&create("d", "", "select * from base")).await;
    account.ok("create view over_d as select * from d").await;
    let of_base = "warehouse = compute_wh as select * from base";
    check_all(
        &account,
        &[
            (
                &create("x", "", "select * from it"),
                "010406 (0A000): SQL compilation error: CREATE DYNAMIC TABLE is not supported on interactive tables.",
            ),
            (
                &create("x", "", "select * from over_it"),
                "010406 (0A000): SQL compilation error: CREATE DYNAMIC TABLE is not supported on interactive tables.",
            ),
            (
                &create("x", "", "select * from over_d"),
                "010417 (42601): SQL compilation error: Dynamic table 'SNOWGAUGE.PUBLIC.D' cannot be read through a view without a boundary.",
            ),
            (
                &create("x", "", "select any_value(id) from base"),
                "091912 (0A000): SQL compilation error: Non-deterministic function 'ANY_VALUE' is not supported in dynamic tables.",
            ),
            (
                &create("x", "", "select * from base sample (10)"),
                "010416 (0A000): SQL compilation error: SAMPLE is not supported in dynamic tables.",
            ),
            (
                &create("x", "", "select $x as x from base"),
                "010416 (0A000): SQL compilation error: A variable is not supported in dynamic tables.",
            ),
            (
                &format!("create dynamic table x {of_base}"),
                "010415 (42601): SQL compilation error: A dynamic table must specify TARGET_LAG.",
            ),
            (
                &format!("create dynamic table x scheduler = enable {of_base}"),
                "010415 (42601): SQL compilation error: TARGET_LAG must be specified with SCHEDULER = ENABLE.",
            ),
            (
                &format!("create dynamic table x target_lag = '1 minute' scheduler = disable {of_base}"),
                "010414 (42601): SQL compilation error: TARGET_LAG cannot be specified with SCHEDULER = DISABLE.",
            ),
            (
                &format!("create dynamic table x target_lag = '59 seconds' {of_base}"),
                "002755 (22023): SQL compilation error: Invalid TARGET_LAG value '59 seconds'. Dynamic Tables do not support lag values under 60 second(s).",
            ),
            (
                &format!("create dynamic table x target_lag = 'nonsense' {of_base}"),
                "001422 (22023): SQL compilation error: invalid value 'nonsense' for property 'TARGET_LAG'",
            ),
            (
                "create dynamic table x target_lag = '1 minute' as select * from base",
                "010411 (42601): SQL compilation error: A dynamic table must specify WAREHOUSE.",
            ),
            (
                "create dynamic table x target_lag = '1 minute' warehouse = nosuchwh as select * from base",
                "002725 (02000): SQL compilation error: Warehouse 'NOSUCHWH' does not exist.",
            ),
            (
                "create dynamic table x target_lag = '1 minute' warehouse = iw as select * from base",
                "010408 (0A000): SQL compilation error: Warehouse 'IW' must not be an interactive warehouse.",
            ),
            (
                "create dynamic table x target_lag = '1 minute' warehouse = default as select * from base",
                "002736 (22023): SQL compilation error: WAREHOUSE value of Dynamic Table 'X' unsupported.",
            ),
            (
                &create("x", "", "select * from base comment = 'after'"),
                "001003 (42000): SQL compilation error: syntax error line 1 at position 101 unexpected '='.",
            ),
            (
                &create("x", "", "select * from nowhere"),
                "002003 (42S02): SQL compilation error: Object 'NOWHERE' does not exist or not authorized.",
            ),
            (
                &create("x (a)", "", "select * from base"),
                "002026 (42601): SQL compilation error: Invalid column definition list: 1 columns for a query of 2",
            ),
            (
                &create("x", "cluster by (nope)", "select * from base"),
                "000904 (42000): SQL compilation error: invalid identifier 'NOPE'",
            ),
            (
                "create or replace dynamic table d target_lag = '1 minute' warehouse = compute_wh as select * from d",
                "010418 (42601): SQL compilation error: Dynamic table 'SNOWGAUGE.PUBLIC.D' cannot read itself.",
            ),
            (
                &create("x", "refresh_mode = adaptive", "select * from base"),
                "000002 (0A000): Unsupported feature 'REFRESH_MODE = ADAPTIVE' (not implemented by the snowgauge emulator).",
            ),
            (
                "create table x clone d",
                "000002 (0A000): Unsupported feature 'CLONE of a dynamic table' (not implemented by the snowgauge emulator).",
            ),
        ],
    )
    .await;
    assert_eq!(shown(&account, "show dynamic tables", "\"name\"").await, "D");
}

#[tokio::test]
async fn one_name_space_holds_every_kind_of_table() {
    let account = account().await;
    account.ok(&create("d", "", "select * from base")).await;
    check_all(
        &account,
        &[
            (
                "create table d (a int)",
                "002002 (42710): SQL compilation error: Object 'D' already exists as DYNAMIC_TABLE",
            ),
            (
                "create or replace table d as select 1 as a",
                "002002 (42710): SQL compilation error: Object 'D' already exists as DYNAMIC_TABLE",
            ),
            (
                "create or replace view d as select 1 as a",
                "002002 (42710): SQL compilation error: Object 'D' already exists as DYNAMIC_TABLE",
            ),
            (
                "create or replace dynamic table base target_lag = '1 minute' warehouse = compute_wh as select 1 as a",
                "002002 (42710): SQL compilation error: Object 'BASE' already exists as TABLE",
            ),
            (
                &create("d", "", "select 1 as a"),
                "002002 (42710): SQL compilation error: Object 'SNOWGAUGE.PUBLIC.D' already exists.",
            ),
            (
                "create dynamic table if not exists d target_lag = '1 minute' warehouse = compute_wh as select 1 as a",
                "D already exists, statement succeeded.",
            ),
            (
                "drop table d",
                "002203 (42601): SQL compilation error: Object found is of type 'DYNAMIC_TABLE', not specified type 'TABLE'.",
            ),
            (
                "drop view if exists d",
                "002203 (42601): SQL compilation error: Object found is of type 'DYNAMIC_TABLE', not specified type 'VIEW'.",
            ),
            (
                "drop dynamic table base",
                "002203 (42601): SQL compilation error: Object found is of type 'TABLE', not specified type 'DYNAMIC_TABLE'.",
            ),
            (
                "drop dynamic table nowhere",
                "002003 (42S02): SQL compilation error: Dynamic table 'SNOWGAUGE.PUBLIC.NOWHERE' does not exist or not authorized.",
            ),
            ("drop dynamic table d", "D successfully dropped."),
            (
                "drop dynamic table if exists d",
                "Drop statement executed successfully (D already dropped).",
            ),
            ("undrop table d", "090025 (02000): Table D did not exist or was purged."),
            ("undrop dynamic table d", "Dynamic table D successfully restored."),
            ("select count(*) from d", "3"),
        ],
    )
    .await;
    account.ok("create or replace dynamic table d target_lag = '1 minute' warehouse = compute_wh as select 1 as a").await;
    account.check("select * from d", "1").await;
}

#[tokio::test]
async fn its_rows_and_columns_are_the_definitions() {
    let account = account().await;
    account.ok(&create("d", "", "select * from base")).await;
    for sql in [
        "insert into d values (9, 9)",
        "insert overwrite into d values (9, 9)",
        "update d set k = 0",
        "delete from d",
        "truncate table d",
        "merge into d using base b on d.id = b.id when matched then delete",
    ] {
        account.check(sql, "010421 (42601): SQL compilation error: DML is not supported on dynamic table 'SNOWGAUGE.PUBLIC.D'.").await;
    }
    for sql in [
        "alter table d add column z int",
        "alter table d drop column k",
        "alter table d rename column k to z",
        "alter table d cluster by (k)",
        "alter table d swap with base",
    ] {
        account.check(sql, "010420 (0A000): SQL compilation error: This change is not supported on a dynamic table. Use ALTER DYNAMIC TABLE, or create it anew.").await;
    }
    account.ok("comment on dynamic table d is 'c'").await;
    account.ok("alter table d alter column k comment 'key'").await;
    let described = account.ok("describe dynamic table d").await;
    let names: Vec<&str> = described.lines().filter_map(|it| it.split('|').next()).collect();
    assert_eq!(names, ["ID", "K"], "{described}");
    account
        .check(
            "describe dynamic table base",
            "002003 (42S02): SQL compilation error: Dynamic table 'SNOWGAUGE.PUBLIC.BASE' does not exist or not authorized.",
        )
        .await;
    account.check("select count(*), sum(k) from d", "3|4").await;
}

#[tokio::test]
async fn get_ddl_makes_the_table_again() {
    let account = account().await;
    account.ok("create warehouse \"default\" warehouse_size = 'XSMALL'").await;
    account.ok("use warehouse compute_wh").await;
    for sql in [
        &create(
            "d (a comment 'it''s', \"b\")",
            "cluster by (a) comment = 'c'",
            "select * from base",
        ),
        "create dynamic table d scheduler = disable warehouse = \"default\" initialization_warehouse = compute_wh refresh_mode = full initialize = on_schedule as select id, k from base",
        "create transient dynamic table d target_lag = downstream warehouse = compute_wh as (select id from base)",
    ] {
        account.ok(sql).await;
        let ddl = account.ok("select get_ddl('dynamic_table', 'd')").await;
        assert_eq!(shown(&account, "show dynamic tables", "\"text\"").await, ddl);
        account.ok("drop dynamic table d").await;
        account.ok(&ddl).await;
        assert_eq!(account.ok("select get_ddl('table', 'd')").await, ddl);
        account.ok("drop dynamic table d").await;
    }
    account.ok(&create("d", "", "select id from base where k = 1")).await;
    assert_eq!(
        account.ok("select get_ddl('dynamic_table', 'd')").await,
        "create or replace dynamic table D(\n\tID\n) target_lag = '1 minute' refresh_mode = INCREMENTAL initialize = ON_CREATE warehouse = COMPUTE_WH\n as select id from base where k = 1;"
    );
    account
        .check(
            "select get_ddl('dynamic_table', 'base')",
            "002003 (42S02): SQL compilation error: Dynamic table 'SNOWGAUGE.PUBLIC.BASE' does not exist or not authorized.",
        )
        .await;
}

#[tokio::test]
async fn a_table_that_waits_for_its_first_refresh_cannot_be_read() {
    let account = account().await;
    account.ok(&create("d", "initialize = on_schedule", "select * from base")).await;
    let waits = "002741 (55000): Dynamic Table is not initialized. Please run a manual refresh or wait for a scheduled refresh before querying.";
    account.check("select * from d", waits).await;
    account.check("select * from d at(offset => 0)", waits).await;
    account
        .check(
            "select count(*) from table(information_schema.dynamic_table_refresh_history())",
            "0",
        )
        .await;
    assert_eq!(
        shown(&account, "show dynamic tables", "\"rows\", \"data_timestamp\"").await,
        "0|NULL"
    );
    // One that reads it can wait with it, or has it refreshed.
    account.ok(&create("e", "initialize = on_schedule", "select * from d")).await;
    account.check("select * from e", waits).await;
    account.ok(&create("f", "", "select count(*) as n from d")).await;
    account.check("select * from f", "3").await;
    account.check("select count(*) from d", "3").await;
}

#[tokio::test]
async fn creation_is_a_refresh_in_the_history() {
    let account = account().await;
    assert_eq!(
        columns_of(
            &account,
            "select * from table(information_schema.dynamic_table_refresh_history())"
        )
        .await,
        "NAME SCHEMA_NAME DATABASE_NAME STATE STATE_CODE STATE_MESSAGE QUERY_ID DATA_TIMESTAMP REFRESH_START_TIME REFRESH_END_TIME COMPLETION_TARGET QUALIFIED_NAME LAST_COMPLETED_DEPENDENCY STATISTICS REFRESH_ACTION REINIT_REASON REFRESH_TRIGGER TARGET_LAG_SEC GRAPH_HISTORY_VALID_FROM INPUTS_WITH_CHANGED_DATA"
    );
    account.ok(&create("d", "", "select * from base")).await;
    account.ok(&create("e", "refresh_mode = full", "select * from base where k = 1")).await;
    let columns = "name, schema_name, database_name, state, state_code, state_message, qualified_name, completion_target, refresh_action, reinit_reason, refresh_trigger, target_lag_sec, statistics:numInsertedRows, statistics:numDeletedRows, statistics:numCopiedRows, statistics:numAddedPartitions, statistics:numRemovedPartitions, data_timestamp <= refresh_start_time, refresh_start_time <= refresh_end_time";
    account
        .check(
            &format!("select {columns} from table(information_schema.dynamic_table_refresh_history())"),
            "E|PUBLIC|SNOWGAUGE|SUCCEEDED|SUCCESS|NULL|SNOWGAUGE.PUBLIC.E|NULL|FULL|NULL|CREATION|60|2|0|0|1|0|true|true\n\
             D|PUBLIC|SNOWGAUGE|SUCCEEDED|SUCCESS|NULL|SNOWGAUGE.PUBLIC.D|NULL|INCREMENTAL|NULL|CREATION|60|3|0|0|1|0|true|true",
        )
        .await;
    // The statement that made it, and the data timestamp that SHOW has.
    account
        .check(
            "select q.query_text ilike 'create dynamic table d %' from table(information_schema.dynamic_table_refresh_history(name => 'd')) h join table(information_schema.query_history()) q on h.query_id = q.query_id",
            "true",
        )
        .await;
    account.ok("show dynamic tables like 'd'").await;
    account
        .check(
            "select s.\"data_timestamp\" = h.data_timestamp from table(result_scan(last_query_id())) s, table(information_schema.dynamic_table_refresh_history(name => 'd')) h",
            "true",
        )
        .await;
    // The contents are those of the definition at the data timestamp.
    account.ok("insert into base values (9, 9)").await;
    let at = account.ok("select to_varchar(max(data_timestamp), 'YYYY-MM-DD HH24:MI:SS.FF9 TZHTZM') from table(information_schema.dynamic_table_refresh_history(name => 'd'))").await;
    account
        .check(
            &format!("select count(*), sum(k) from base at(timestamp => '{at}'::timestamp_ltz)"),
            "3|4",
        )
        .await;
    account.check("select count(*), sum(k) from d", "3|4").await;
}

#[tokio::test]
async fn a_refresh_by_hand_is_in_the_history() {
    let account = account().await;
    account.ok(&create("d", "", "select * from base where k = 1")).await;
    account.ok("insert into base values (4, 1)").await;
    account.ok("alter dynamic table d refresh").await;
    account
        .check(
            "select refresh_trigger, state, completion_target is not null from table(information_schema.dynamic_table_refresh_history())",
            "MANUAL|SUCCEEDED|true\nCREATION|SUCCEEDED|false",
        )
        .await;
    account
        .check(
            "select datediff('second', lag(data_timestamp) over (order by data_timestamp), completion_target) from table(information_schema.dynamic_table_refresh_history()) order by data_timestamp desc limit 1",
            "60",
        )
        .await;
    account.check("select count(*) from d", "3").await;
    // Suspended or not, and several at once.
    account.ok(&create("e", "", "select * from base")).await;
    account.ok("alter dynamic table e suspend").await;
    account.ok("insert into base values (5, 1)").await;
    account.ok("alter dynamic table d, e refresh").await;
    account.check("select (select count(*) from d), (select count(*) from e)", "4|5").await;
    account.ok("begin").await;
    account
        .check(
            "alter dynamic table d refresh",
            "002743 (0A000): Manual refresh is not supported in a multi-statement transaction.",
        )
        .await;
    account.ok("rollback").await;
    account.ok("alter dynamic table d refresh").await;
}

#[tokio::test]
async fn a_refresh_pulls_what_the_table_reads() {
    let account = account().await;
    account.ok(&create("a", "", "select * from base")).await;
    account.ok("create dynamic table b target_lag = '2 minutes' warehouse = compute_wh as select count(*) as n from a").await;
    account.ok("insert into base values (4, 4)").await;
    account.ok("alter dynamic table b refresh").await;
    account.check("select * from b", "4").await;
    account.check("select count(*) from a", "4").await;
    account
        .check(
            "select count(distinct data_timestamp) from table(information_schema.dynamic_table_refresh_history()) where refresh_trigger = 'MANUAL'",
            "1",
        )
        .await;
    account
        .check(
            "select last_completed_dependency:qualified_name from table(information_schema.dynamic_table_refresh_history(name => 'b')) limit 1",
            "\"SNOWGAUGE.PUBLIC.A\"",
        )
        .await;
    // With no scheduler it does not.
    account.ok("create dynamic table c scheduler = disable warehouse = compute_wh as select count(*) as n from a").await;
    account.ok("insert into base values (5, 5)").await;
    account.ok("alter dynamic table c refresh").await;
    account.check("select * from c", "4").await;
}

#[tokio::test]
async fn a_new_table_shows_what_those_it_reads_show() {
    let account = account().await;
    account.ok(&create("a", "", "select * from base")).await;
    account.ok("insert into base values (4, 4)").await;
    // As old as A, which is young enough: both inputs as of then.
    account.ok("create dynamic table b target_lag = '2 minutes' warehouse = compute_wh as select (select count(*) from a) as a, (select count(*) from base) as base").await;
    account.check("select * from b", "3|3").await;
    account
        .check(
            "select count(distinct data_timestamp), count(*) from table(information_schema.dynamic_table_refresh_history())",
            "1|2",
        )
        .await;
    // A table that was not there then: A is refreshed first.
    account.ok("create table other as select 1 as x").await;
    account.ok("create dynamic table c target_lag = '2 minutes' warehouse = compute_wh as select count(*) as n from a, other").await;
    account.check("select * from c", "4").await;
    account.check("select count(*) from a", "4").await;
}

#[tokio::test]
async fn a_lag_is_not_shorter_than_that_of_what_is_read() {
    let account = account().await;
    let lag = |name: &str, lag: &str, from: &str| {
        format!(
            "create dynamic table {name} target_lag = {lag} warehouse = compute_wh as select * from {from}"
        )
    };
    account.ok(&lag("a", "'5 minutes'", "base")).await;
    account.ok(&lag("b", "downstream", "a")).await;
    let refused = |name: &str| {
        format!(
            "010419 (42601): SQL compilation error: TARGET_LAG of 'SNOWGAUGE.PUBLIC.{name}' (1 minute) must not be less than that of 'SNOWGAUGE.PUBLIC.A' (5 minutes), which it reads."
        )
    };
    account.check(&lag("c", "'1 minute'", "a"), &refused("C")).await;
    account.check(&lag("c", "'1 minute'", "b"), &refused("C")).await;
    account.ok(&lag("c", "'5 minutes'", "a")).await;
    account.check("alter dynamic table c set target_lag = '1 minute'", &refused("C")).await;
    account
        .check(
            "alter dynamic table a set target_lag = '6 minutes'",
            "010419 (42601): SQL compilation error: TARGET_LAG of 'SNOWGAUGE.PUBLIC.A' (6 minutes) must not be more than that of 'SNOWGAUGE.PUBLIC.C', which reads it.",
        )
        .await;
    account.ok("alter dynamic table a set target_lag = '1 minute'").await;
    account.ok("alter dynamic table c set target_lag = '1 minute'").await;
}

#[tokio::test]
async fn settings_are_changed_as_the_service_changes_them() {
    let account = account().await;
    account.ok("create warehouse wh2 warehouse_size = 'XSMALL'").await;
    account.ok("create interactive warehouse iw warehouse_size = 'XSMALL'").await;
    account.ok("use warehouse compute_wh").await;
    account.ok(&create("d", "initialize = on_schedule", "select * from base")).await;
    let settings = "\"target_lag\", \"scheduler\", \"warehouse\", \"comment\"";
    for (sql, expected) in [
        ("set target_lag = '2 days'", "2 days|ENABLE|COMPUTE_WH|"),
        ("set target_lag = downstream", "DOWNSTREAM|ENABLE|COMPUTE_WH|"),
        ("set comment = 'x' target_lag = '1500 minutes'", "1 day, 1 hour|ENABLE|COMPUTE_WH|x"),
        ("set comment = 'x', comment = 'y', warehouse = wh2", "1 day, 1 hour|ENABLE|WH2|y"),
        ("set data_retention_time_in_days = 1", "1 day, 1 hour|ENABLE|WH2|y"),
        ("unset comment, data_retention_time_in_days", "1 day, 1 hour|ENABLE|WH2|"),
        ("unset max_data_extension_time_in_days", "1 day, 1 hour|ENABLE|WH2|"),
        ("set scheduler = disable", "NULL|DISABLE|WH2|"),
        ("set scheduler = enable target_lag = '1 minute'", "1 minute|ENABLE|WH2|"),
        ("set initialization_warehouse = compute_wh", "1 minute|ENABLE|WH2|"),
        ("unset initialization_warehouse", "1 minute|ENABLE|WH2|"),
    ] {
        account.ok(&format!("alter dynamic table d {sql}")).await;
        assert_eq!(shown(&account, "show dynamic tables", settings).await, expected, "{sql}");
    }
    let invalid = |property: &str| {
        format!(
            "001420 (42601): SQL compilation error: invalid property '{property}' for 'DYNAMIC_TABLE'"
        )
    };
    for (sql, expected) in [
        ("d set refresh_mode = full", invalid("REFRESH_MODE")),
        ("nosuchdt set refresh_mode = nosuch", invalid("REFRESH_MODE")),
        ("nosuchdt unset refresh_mode", invalid("REFRESH_MODE")),
        ("d set initialize = on_create", invalid("INITIALIZE")),
        ("d set initialize = on_schedule, refresh_mode = full", invalid("INITIALIZE")),
        ("d set target_lag = '3 days' refresh_mode = full", invalid("REFRESH_MODE")),
        ("d set change_tracking = true", invalid("CHANGE_TRACKING")),
        ("d unset nosuchprop", invalid("NOSUCHPROP")),
        (
            "d set target_lag = 'nonsense'",
            "001422 (22023): SQL compilation error: invalid value 'nonsense' for property 'TARGET_LAG'".to_owned(),
        ),
        (
            "d unset target_lag",
            "001422 (22023): SQL compilation error: invalid value 'null' for property 'TARGET_LAG'".to_owned(),
        ),
        (
            "d unset warehouse",
            "001423 (42601): SQL compilation error: cannot unset property 'WAREHOUSE' for 'D'".to_owned(),
        ),
        (
            "d set warehouse = nosuchwh",
            "002725 (02000): SQL compilation error: Warehouse 'NOSUCHWH' does not exist.".to_owned(),
        ),
        (
            "d set warehouse = iw",
            "010408 (0A000): SQL compilation error: Warehouse 'IW' must not be an interactive warehouse.".to_owned(),
        ),
        (
            "d set scheduler = sometimes",
            "001422 (22023): SQL compilation error: invalid value 'SOMETIMES' for property 'SCHEDULER'".to_owned(),
        ),
        (
            "d set scheduler = disable target_lag = '1 minute'",
            "010414 (42601): SQL compilation error: TARGET_LAG cannot be specified with SCHEDULER = DISABLE.".to_owned(),
        ),
        (
            "d set data_retention_time_in_days = 2",
            "000002 (0A000): Unsupported feature 'DATA_RETENTION_TIME_IN_DAYS other than 1' (not implemented by the snowgauge emulator).".to_owned(),
        ),
        (
            "nosuchdt set target_lag = '2 days'",
            "002003 (42S02): SQL compilation error: Dynamic table 'SNOWGAUGE.PUBLIC.NOSUCHDT' does not exist or not authorized.".to_owned(),
        ),
        (
            "base suspend",
            "002003 (42S02): SQL compilation error: Dynamic table 'SNOWGAUGE.PUBLIC.BASE' does not exist or not authorized.".to_owned(),
        ),
        (
            "d refresh copy session",
            "000002 (0A000): Unsupported feature 'REFRESH COPY SESSION' (not implemented by the snowgauge emulator).".to_owned(),
        ),
    ] {
        account.check(&format!("alter dynamic table {sql}"), &expected).await;
    }
    account.ok("alter dynamic table if exists nosuchdt suspend").await;
    assert_eq!(
        shown(&account, "show dynamic tables", settings).await,
        "1 minute|ENABLE|WH2|",
        "what is refused changes nothing"
    );
}

#[tokio::test]
async fn with_no_database_a_wrong_property_is_still_named_first() {
    let account = account().await;
    let options = LoginOptions { database: Some("nowhere".into()), ..LoginOptions::default() };
    let session = account.engine.open_session(options);
    let account = Account { engine: account.engine, session };
    let no_database = "This session does not have a current database. Call 'USE DATABASE', or use a qualified name.";
    for (sql, expected) in [
        (
            "set refresh_mode = full",
            "001420 (42601): SQL compilation error: invalid property 'REFRESH_MODE' for 'DYNAMIC_TABLE'".to_owned(),
        ),
        (
            "set target_lag = '2 days'",
            format!("090105 (22000): Cannot perform ALTER DYNAMIC TABLE OPERATE PROPERTY. {no_database}"),
        ),
        (
            "suspend",
            format!("090105 (22000): Cannot perform ALTER DYNAMIC TABLE OPERATE PROPERTY. {no_database}"),
        ),
        ("set comment = 'x'", format!("090105 (22000): Cannot perform ALTER. {no_database}")),
        ("unset comment", format!("090105 (22000): Cannot perform ALTER. {no_database}")),
    ] {
        account.check(&format!("alter dynamic table dt {sql}"), &expected).await;
    }
}

#[tokio::test]
async fn tables_are_suspended_renamed_swapped_and_clustered() {
    let account = account().await;
    account.ok(&create("d", "", "select * from base")).await;
    account.ok(&create("e", "", "select id from base where k = 1")).await;
    let state = "\"name\", \"scheduling_state\", \"last_suspended_on\" is null";
    account.ok("alter dynamic table d suspend").await;
    assert_eq!(
        shown(&account, "show dynamic tables", state).await,
        "D|SUSPENDED|false\nE|ACTIVE|true"
    );
    account
        .check(
            "select scheduling_state:state, scheduling_state:reason_code, scheduling_state:suspended_on is not null from table(information_schema.dynamic_tables(name => 'd'))",
            "\"SUSPENDED\"|\"USER_SUSPENDED\"|true",
        )
        .await;
    account.ok("alter dynamic table d resume").await;
    account
        .check(
            "select scheduling_state:state, scheduling_state:reason_code, scheduling_state:resumed_on is not null from table(information_schema.dynamic_tables(name => 'd'))",
            "\"ACTIVE\"|NULL|true",
        )
        .await;
    account.ok("alter dynamic table d cluster by (k, id)").await;
    assert_eq!(
        shown(&account, "show dynamic tables like 'd'", "\"cluster_by\"").await,
        "LINEAR(K, ID)"
    );
    account.ok("alter dynamic table d drop clustering key").await;
    assert_eq!(shown(&account, "show dynamic tables like 'd'", "\"cluster_by\"").await, "");
    account.ok("alter dynamic table d swap with e").await;
    account.check("select (select count(*) from d), (select count(*) from e)", "2|3").await;
    account
        .check(
            "alter dynamic table d swap with base",
            "002003 (42S02): SQL compilation error: Dynamic table 'SNOWGAUGE.PUBLIC.BASE' does not exist or not authorized.",
        )
        .await;
    account.ok("alter dynamic table e rename to f").await;
    account.check("select count(*) from f", "3").await;
    account.ok("alter table f rename to g").await;
    account.ok("alter dynamic table g refresh").await;
    account
        .check(
            "alter dynamic table d rename to g",
            "002002 (42710): SQL compilation error: Object 'SNOWGAUGE.PUBLIC.G' already exists.",
        )
        .await;
}

#[tokio::test]
async fn the_history_is_filtered_before_it_is_limited() {
    let account = account().await;
    account.ok("create schema s").await;
    account.ok("use schema public").await;
    for sql in [
        create("d", "", "select * from base"),
        create("s.d", "", "select * from public.base"),
        create("e", "", "select * from base"),
        "alter dynamic table d refresh".to_owned(),
        "alter dynamic table e refresh".to_owned(),
        "alter dynamic table e refresh".to_owned(),
    ] {
        account.ok(&sql).await;
    }
    let history = |arguments: &str| {
        format!(
            "select qualified_name, refresh_trigger from table(information_schema.dynamic_table_refresh_history({arguments}))"
        )
    };
    for (arguments, expected) in [
        ("", "E MANUAL\nE MANUAL\nD MANUAL\nE CREATION\nS.D CREATION\nD CREATION"),
        ("result_limit => 2", "E MANUAL\nE MANUAL"),
        ("name => 'd'", "D MANUAL\nD CREATION"),
        ("name => 'public.d', result_limit => 1", "D MANUAL"),
        ("name => 'snowgauge.s.d'", "S.D CREATION"),
        ("name => 'nowhere'", ""),
        ("name_prefix => 'snowgauge.s.'", "S.D CREATION"),
        ("error_only => true", ""),
        ("data_timestamp_start => dateadd('hour', 1, current_timestamp())", ""),
        ("data_timestamp_end => dateadd('hour', -1, current_timestamp())", ""),
        (
            "data_timestamp_start => dateadd('hour', -1, current_timestamp()), name => 's.d'",
            "S.D CREATION",
        ),
    ] {
        let actual = account.ok(&history(arguments)).await;
        let actual = actual.replace("SNOWGAUGE.", "").replace("PUBLIC.", "").replace('|', " ");
        assert_eq!(actual, expected, "{arguments}");
    }
    for function in
        ["dynamic_table_refresh_history", "interactive_table_refresh_history", "dynamic_tables"]
    {
        for limit in ["0", "10001"] {
            account
                .check(
                    &format!("select * from table(information_schema.{function}(result_limit => {limit}))"),
                    &format!("001008 (22023): SQL compilation error: invalid value [{limit}] for parameter 'RESULT_LIMIT'"),
                )
                .await;
        }
        account
            .check(
                &format!("select * from table(information_schema.{function}(nonsense => 1))"),
                &format!("001015 (42601): SQL compilation error: invalid argument 'NONSENSE' for function {}", function.to_uppercase()),
            )
            .await;
    }
}

#[tokio::test]
async fn interactive_tables_have_a_history_of_their_own() {
    let account = account().await;
    account.ok(&create("d", "", "select * from base")).await;
    account.ok("create interactive table it cluster by (k) target_lag = '2 minutes' warehouse = compute_wh as select k, count(*) as n from base group by k").await;
    account.ok("alter interactive table it refresh").await;
    let both = columns_of(
        &account,
        "select * from table(information_schema.dynamic_table_refresh_history())",
    )
    .await;
    let own = columns_of(
        &account,
        "select * from table(information_schema.interactive_table_refresh_history())",
    )
    .await;
    assert_eq!(own, both);
    account
        .check(
            "select name, refresh_trigger, refresh_action, target_lag_sec, statistics:numInsertedRows from table(information_schema.interactive_table_refresh_history()) where refresh_trigger = 'CREATION'",
            "IT|CREATION|INCREMENTAL|120|2",
        )
        .await;
    account
        .check(
            "select name, count(*) from table(information_schema.dynamic_table_refresh_history()) group by name order by name",
            "D|1\nIT|2",
        )
        .await;
    assert_eq!(
        shown(&account, "show interactive tables", "\"target_lag\", \"refresh_warehouse\", \"scheduling_state\", \"last_completed_refresh_state\", \"latest_data_timestamp\" is not null").await,
        "2 minutes|COMPUTE_WH|ACTIVE|SUCCEEDED|true"
    );
    account
        .check("select name from table(information_schema.dynamic_tables()) order by name", "D\nIT")
        .await;
    // It is no dynamic table, and a dynamic table is none.
    account
        .check(
            "alter dynamic table it refresh",
            "002003 (42S02): SQL compilation error: Dynamic table 'SNOWGAUGE.PUBLIC.IT' does not exist or not authorized.",
        )
        .await;
    account
        .check(
            "alter interactive table d refresh",
            "002003 (42S02): SQL compilation error: Interactive table 'SNOWGAUGE.PUBLIC.D' does not exist or not authorized.",
        )
        .await;
}

#[tokio::test]
async fn dynamic_tables_tells_of_each_and_of_those_connected() {
    let account = account().await;
    assert_eq!(
        columns_of(&account, "select * from table(information_schema.dynamic_tables())").await,
        "NAME SCHEMA_NAME DATABASE_NAME QUALIFIED_NAME TARGET_LAG_SEC TARGET_LAG_TYPE SCHEDULING_STATE MEAN_LAG_SEC MAXIMUM_LAG_SEC TIME_ABOVE_TARGET_LAG_SEC TIME_WITHIN_TARGET_LAG_RATIO LATEST_DATA_TIMESTAMP LAST_COMPLETED_REFRESH_STATE LAST_COMPLETED_REFRESH_STATE_CODE LAST_COMPLETED_REFRESH_STATE_MESSAGE EXECUTING_REFRESH_QUERY_ID RECOMMENDATIONS SCHEDULER"
    );
    account.ok(&create("a", "", "select * from base")).await;
    account.ok("create dynamic table b target_lag = downstream warehouse = compute_wh as select * from a").await;
    account.ok(&create("c", "", "select * from b")).await;
    account.ok(&create("other", "", "select * from base")).await;
    account
        .check(
            "select name, qualified_name, target_lag_sec, target_lag_type, scheduling_state:state, latest_data_timestamp is not null, last_completed_refresh_state, last_completed_refresh_state_code, scheduler from table(information_schema.dynamic_tables()) order by name limit 2",
            "A|SNOWGAUGE.PUBLIC.A|60|USER_DEFINED|\"ACTIVE\"|true|SUCCEEDED|SUCCESS|ENABLE\n\
             B|SNOWGAUGE.PUBLIC.B|NULL|DOWNSTREAM|\"ACTIVE\"|true|SUCCEEDED|SUCCESS|ENABLE",
        )
        .await;
    for (arguments, expected) in [
        ("name => 'b'", "B"),
        ("name => 'snowgauge.public.b', include_connected => false", "B"),
        ("name => 'b', include_connected => true", "A\nB\nC"),
        ("name => 'other', include_connected => true", "OTHER"),
        ("name => 'nowhere'", ""),
    ] {
        let sql = format!(
            "select name from table(information_schema.dynamic_tables({arguments})) order by name"
        );
        account.check(&sql, expected).await;
    }
    account
        .check(
            "select count(*) from table(information_schema.dynamic_tables(result_limit => 3))",
            "3",
        )
        .await;
}

#[tokio::test]
async fn the_graph_has_a_history() {
    let account = account().await;
    assert_eq!(
        columns_of(
            &account,
            "select * from table(information_schema.dynamic_table_graph_history())"
        )
        .await,
        "NAME SCHEMA_NAME DATABASE_NAME QUALIFIED_NAME INPUTS TARGET_LAG_TYPE TARGET_LAG_SEC QUERY_TEXT VALID_FROM VALID_TO SCHEDULING_STATE ALTER_TRIGGER SCHEDULER"
    );
    account.ok(&create("a", "", "select * from base")).await;
    account.ok("create dynamic table b target_lag = '2 minutes' warehouse = compute_wh as select a.id from a join base on a.id = base.id").await;
    account
        .check(
            "select name, array_size(inputs), inputs[0]:name, inputs[0]:kind, target_lag_type, target_lag_sec, query_text, valid_to, alter_trigger[0] from table(information_schema.dynamic_table_graph_history()) order by name",
            "A|1|\"SNOWGAUGE.PUBLIC.BASE\"|\"TABLE\"|USER_DEFINED|60|select * from base|NULL|\"CREATE_DYNAMIC_TABLE\"\n\
             B|2|\"SNOWGAUGE.PUBLIC.A\"|\"DYNAMIC_TABLE\"|USER_DEFINED|120|select a.id from a join base on a.id = base.id|NULL|\"CREATE_DYNAMIC_TABLE\"",
        )
        .await;
    account.ok("create warehouse wh2 warehouse_size = 'XSMALL'").await;
    for sql in [
        "set target_lag = '3 minutes'",
        "suspend",
        "resume",
        "set warehouse = wh2",
        "set comment = 'no row of its own'",
    ] {
        account.ok(&format!("alter dynamic table b {sql}")).await;
    }
    account
        .check(
            "select alter_trigger[0], target_lag_sec, scheduling_state:state, valid_to is null from table(information_schema.dynamic_table_graph_history(history_start => dateadd('hour', -1, current_timestamp()))) where name = 'B' order by valid_from, valid_to",
            "\"CREATE_DYNAMIC_TABLE\"|120|\"ACTIVE\"|false\n\
             \"ALTER_TARGET_LAG\"|180|\"ACTIVE\"|false\n\
             \"SUSPEND\"|180|\"SUSPENDED\"|false\n\
             \"RESUME\"|180|\"ACTIVE\"|false\n\
             \"ALTER_WAREHOUSE\"|180|\"ACTIVE\"|true",
        )
        .await;
    account.ok("drop dynamic table b").await;
    account
        .check("select name from table(information_schema.dynamic_table_graph_history())", "A")
        .await;
    account
        .check(
            "select count(*) from table(information_schema.dynamic_table_graph_history(history_end => current_timestamp()))",
            "001015 (42601): SQL compilation error: DYNAMIC_TABLE_GRAPH_HISTORY takes AS_OF, or HISTORY_START with or without HISTORY_END.",
        )
        .await;
}

#[tokio::test]
async fn account_usage_has_the_refreshes_too() {
    let account = account().await;
    assert_eq!(
        columns_of(&account, "select * from snowflake.account_usage.dynamic_table_refresh_history")
            .await,
        "NAME SCHEMA_NAME DATABASE_NAME ID SCHEMA_ID DATABASE_ID STATE STATE_CODE STATE_MESSAGE QUERY_ID DATA_TIMESTAMP REFRESH_START_TIME REFRESH_END_TIME COMPLETION_TARGET QUALIFIED_NAME LAST_COMPLETED_DEPENDENCY STATISTICS REFRESH_ACTION REFRESH_TRIGGER TARGET_LAG_SEC GRAPH_HISTORY_VALID_FROM"
    );
    account.ok(&create("d", "", "select * from base")).await;
    account
        .check(
            "select name, state, refresh_action, refresh_trigger from snowflake.account_usage.dynamic_table_refresh_history",
            "D|SUCCEEDED|INCREMENTAL|CREATION",
        )
        .await;
    account
        .check(
            "select * from snowflake.account_usage.tables",
            "000002 (0A000): Unsupported feature 'SNOWFLAKE.ACCOUNT_USAGE.TABLES' (not implemented by the snowgauge emulator).",
        )
        .await;
}

#[tokio::test]
async fn dynamic_tables_are_read_as_of_their_commits() {
    let account = account().await;
    account.ok(&create("d", "", "select * from base")).await;
    account.ok("insert into base values (4, 4)").await;
    account.ok("set before = current_timestamp()::varchar").await;
    account.ok("alter dynamic table d refresh").await;
    account
        .check("select (select count(*) from d), (select count(*) from d at(timestamp => $before::timestamp_ltz))", "4|3")
        .await;
}

#[tokio::test]
async fn names_in_a_definition_belong_to_the_tables_schema() {
    let account = account().await;
    account.ok("create schema s").await;
    account.ok("create table base (id int)").await;
    account.ok("use schema public").await;
    account.ok(&create("s.d", "", "select count(*) as n from base")).await;
    account.check("select * from s.d", "0").await;
    account.ok("insert into s.base values (1)").await;
    account.ok("alter dynamic table s.d refresh").await;
    account.check("select * from s.d", "1").await;
}
