//! What statements answer, asked of the engine without a wire between.

mod common;

use common::{Account, execute_on};
use snowgauge_emulator::{Release, engine::LoginOptions};

#[tokio::test]
async fn constants_need_no_table() {
    let account = Account::new(Release::ZeroCopy);
    account.check("SELECT 1, 'a' AS B, NULL, TRUE", "1|a|NULL|true").await;
    account
        .check(
            "select current_warehouse(), current_database(), current_schema()",
            "COMPUTE_WH|SNOWGAUGE|PUBLIC",
        )
        .await;
}

#[tokio::test]
async fn columns_are_headed_as_the_service_heads_them() {
    let account = Account::new(Release::ZeroCopy);
    account.ok("create table t (k int, \"q\" text)").await;
    let reply =
        account.execute("select k, t.k, \"q\", k as x, count(*), 1, 1 from t group by all").await;
    let names: Vec<_> =
        reply.result.unwrap().result.columns.into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["K", "K", "q", "X", "COUNT(*)", "1", "1"]);
}

#[tokio::test]
async fn rows_that_are_changed_read_back() {
    let account = Account::new(Release::ZeroCopy);
    account
        .check(
            "create table t (id int, v number(12,2), s varchar)",
            "Table T successfully created.",
        )
        .await;
    account.check("insert into t values (1, 1.5, 'a'), (2, 2.25, 'b'), (3, null, 'c')", "3").await;
    account.check("insert into t (s, id) select 'd', 4", "1").await;
    account.check("select * from t order by id", "1|1.50|a\n2|2.25|b\n3|NULL|c\n4|NULL|d").await;
    account.check("update t set v = id * 10, s = upper(s) where id >= 2", "3|0").await;
    account.check("delete from t where id = 1", "1").await;
    account.check("select * from t order by id", "2|20.00|B\n3|30.00|C\n4|40.00|D").await;
    account.check(
        "merge into t using (select 4 as id, 'x' as s union all select 9, 'y') n on t.id = n.id when matched then update set t.s = n.s when not matched then insert (id, s) values (n.id, n.s)",
        "1|1",
    ).await;
    account.check("select * from t order by id", "2|20.00|B\n3|30.00|C\n4|40.00|x\n9|NULL|y").await;
    account.check("insert overwrite into t select id, v, s from t where id < 4", "2").await;
    account.check("select count(*), sum(v) from t", "2|50.00").await;
    account.check("truncate table t", "2").await;
    account.check("select count(*) from t", "0").await;
}

#[tokio::test]
async fn transactions_are_seen_by_others_when_they_are_committed() {
    let account = Account::new(Release::ZeroCopy);
    let other =
        account.engine.open_session(LoginOptions { user: "bob".into(), ..Default::default() });
    account.ok("create table t (id int)").await;
    account.ok("begin").await;
    account.ok("insert into t values (1)").await;
    account.check("select count(*) from t", "1").await;
    assert_eq!(common::text_of(&execute_on(&other, "select count(*) from t").await), "0");
    account.ok("commit").await;
    assert_eq!(common::text_of(&execute_on(&other, "select count(*) from t").await), "1");
    account.ok("begin").await;
    account.ok("delete from t").await;
    account.ok("rollback").await;
    account.check("select count(*) from t", "1").await;
}

#[tokio::test]
async fn errors_have_the_services_codes() {
    let account = Account::new(Release::ZeroCopy);
    account.ok("create table t (id int not null)").await;
    for (sql, expected) in [
        (
            "select * from missing",
            "002003 (42S02): SQL compilation error: Object 'MISSING' does not exist or not authorized.",
        ),
        ("select nope from t", "000904 (42000): SQL compilation error: invalid identifier 'NOPE'"),
        ("select 1/0", "100051 (22012): Division by zero"),
        ("select 'x'::int", "100038 (22018): Numeric value 'x' is not recognized"),
        (
            "create table t (id int)",
            "002002 (42710): SQL compilation error: Object 'SNOWGAUGE.PUBLIC.T' already exists.",
        ),
        (
            "select no_such_function(1)",
            "002140 (42601): SQL compilation error: Unknown function NO_SUCH_FUNCTION.",
        ),
        ("insert into t values (null)", "100072 (22000): NULL result in a non-nullable column"),
        (
            "use warehouse nowhere",
            "002043 (02000): SQL compilation error: Object does not exist, or operation cannot be performed.",
        ),
        ("", "000900 (42601): SQL compilation error: Empty SQL statement."),
        (
            "select 1; select 2",
            "000008 (0A000): Actual statement count 2 did not match the desired statement count 1.",
        ),
    ] {
        account.check(sql, expected).await;
    }
}

#[tokio::test]
async fn the_past_can_be_read() {
    let account = Account::new(Release::ZeroCopy);
    account.ok("create table t (id int)").await;
    account.ok("insert into t values (1)").await;
    let at = account.ok("select current_timestamp()").await;
    account.ok("insert into t values (2)").await;
    account.check("select count(*) from t", "2").await;
    account
        .check(&format!("select count(*) from t at(timestamp => '{at}'::timestamp_ltz)"), "1")
        .await;
    let reply = account.execute("select count(*) from t at(offset => -3600)").await;
    assert_eq!(reply.result.unwrap_err().code, 707);
}

#[tokio::test]
async fn views_and_names_resolve_in_their_own_schema() {
    let account = Account::new(Release::ZeroCopy);
    account.ok("create schema a").await;
    account.ok("create table t (id int) as select 7").await;
    account.ok("create view v as select id + 1 as n from t").await;
    account.ok("use schema public").await;
    account.check("select v.n from a.v", "8").await;
    account.check("select * from snowgauge.a.t x where x.id = 7", "7").await;
    let reply = account.execute("show tables like 't%' in schema a").await;
    assert_eq!(reply.result.unwrap().result.row_count(), 1);
}

/// The join below would compute for hours, without ever giving way by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_ran_out_of_time_stops_computing() {
    let account = Account::new(Release::ZeroCopy);
    account
        .ok("create table t as select seq4() as n from table(generator(rowcount => 20000))")
        .await;
    account.ok("alter session set statement_timeout_in_seconds = 1").await;
    for _ in 0..10 {
        let reply = account
            .execute("select count(*) from t a cross join (select b.n as b, q.c, q.d from t b cross join (select c.n as c, d.n as d from t c cross join t d) q) p where mod(a.n * p.b + p.c * p.d, 1009) = 1010")
            .await;
        assert_eq!(reply.result.map(|_| ()).unwrap_err().code, 630);
    }
    let started = std::time::Instant::now();
    account.check("select count(*) from t where n < 5", "5").await;
    assert!(started.elapsed().as_secs() < 3, "{:?}", started.elapsed());
}
