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
async fn flatten_gives_a_row_for_each_element_of_the_row_before_it() {
    let account = Account::new(Release::ZeroCopy);
    account
        .ok("create table t as select column1 as id, parse_json(column2) as v from values (1, '[\"a\", \"b\"]'), (2, '[]'), (3, '{\"k\": 7}')")
        .await;
    let elements = "1|0|\"a\"|NULL\n1|1|\"b\"|NULL";
    account
        .check(
            "select t.id, f.index, f.value, f.key from t, lateral flatten(input => t.v) f where f.index is not null order by 1, 2",
            elements,
        )
        .await;
    account
        .check(
            "select id, index, value, key from t, table(flatten(v)) where index is not null order by 1, 2",
            elements,
        )
        .await;
    account
        .check(
            "select t.id, f.key, f.value from t join lateral flatten(input => v, mode => 'OBJECT') f on true",
            "3|k|7",
        )
        .await;
    account
        .check(
            "select t.id, f.value from t, lateral flatten(input => v, outer => true) f where t.id = 2",
            "2|NULL",
        )
        .await;
    account.check("select value from table(flatten(parse_json('[1, [2, 3]]'), recursive => true)) where path = '[1][0]'", "2").await;
    // Each row of the join before it has elements of its own.
    account
        .check(
            "select count(*) from t a join t b on a.id >= b.id, lateral flatten(input => a.v) f",
            "5",
        )
        .await;
}

#[tokio::test]
async fn branches_of_unions_and_cases_have_one_type() {
    let account = Account::new(Release::ZeroCopy);
    account
        .ok("create table u as select -1.25 as c union all select 10.75 union all select 3")
        .await;
    account.check("select c from u order by c", "-1.25\n3.00\n10.75").await;
    account.ok("create table b (c1 number(10,0), c2 number(12,2))").await;
    account.ok("insert into b values (5, 1), (-1, 2), (3, 10.75)").await;
    account
        .ok("create table c as select case when false then a.c1 else a.c2 end as c from (select sum(c2) as c1, avg(c1) as c2 from b) a")
        .await;
    account.check("select c from c", "2.333333").await;
    // What is planned above a union is planned with its type: a sum of two decimals.
    account
        .ok("create table s as select sum(c) as c from (select 1 as c union all select 0.25 union select 7)")
        .await;
    account.check("select c from s", "8.25").await;
    account.ok("create table v as select case c1 when 5 then parse_json('[1]') else 'b' end as v from b").await;
    account
        .check("select v[0], typeof(v) from v order by 2", "1|ARRAY\nNULL|VARCHAR\nNULL|VARCHAR")
        .await;
    account
        .ok("create table l as select 'ab'::varchar(2) as t union all select 'abcde'::varchar(5)")
        .await;
    account.check("select t from l order by t", "ab\nabcde").await;
    account.check("select 1 as a where 2 in (select 2 union all select 2.5)", "1").await;
    // Text is read as the other branch's type.
    account.check("select c from (select '7' as c union all select 8) order by 1", "7\n8").await;
    account
        .check(
            "select 'a' as c union all select 1",
            "100038 (22018): Numeric value 'a' is not recognized",
        )
        .await;
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
    account.ok("truncate table if exists no_such_table").await;
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
            "002140 (42601): SQL compilation error: Unknown function NO_SUCH_FUNCTION",
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

#[tokio::test]
async fn columns_of_values_are_named_as_the_service_names_them() {
    let account = Account::new(Release::ZeroCopy);
    for (sql, expected) in [
        ("select COLUMN1 from values (1), (2)", "1\n2"),
        ("select column2, v.column1 from (values (1, 'a'), (2, 'b')) v", "a|1\nb|2"),
        ("select a from values (1), (2) as v(a)", "1\n2"),
        ("values (3), (1) order by column1", "1\n3"),
        ("with c as (values (1, 2)) select column2 from c", "2"),
        ("select 1 where 1 in (values (1))", "1"),
    ] {
        account.check(sql, expected).await;
    }
    let reply = account.execute("select * from values (1, 'a')").await;
    let columns = reply.result.unwrap().result.columns;
    assert_eq!(
        columns.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
        ["COLUMN1", "COLUMN2"]
    );
}

#[tokio::test]
async fn a_number_with_an_exponent_is_a_float() {
    let account = Account::new(Release::ZeroCopy);
    account.ok("set e = 25e-1").await;
    let reply = account.execute("select 1e0, -1.5E3, $e, 1, 1.5").await;
    let result = reply.result.unwrap().result;
    let types: Vec<String> = result.columns.iter().map(|it| it.data_type.to_string()).collect();
    assert_eq!(types, ["FLOAT", "FLOAT", "FLOAT", "NUMBER(38,0)", "NUMBER(2,1)"]);
    account.check("select 1e0, -1.5E3, $e, 1e0 / 3", "1.0|-1500.0|2.5|0.3333333333333333").await;
    account.ok("create table t (n int, f float)").await;
    account.ok("insert into t values (1e2, 1e-2)").await;
    account.check("select n, f from t", "100|0.01").await;
}

#[tokio::test]
async fn literals_of_arrays_and_objects_and_counts_of_several_columns() {
    let account = Account::new(Release::ZeroCopy);
    account
        .check(
            "select [1, 'a', [2]], {'k': 1, 'l': {'m': 2}}",
            "[1,\"a\",[2]]|{\"k\":1,\"l\":{\"m\":2}}",
        )
        .await;
    account
        .check(
            "select count(distinct column1, column2) from values (1, 'a'), (1, 'a'), (1, 'b'), (1, null)",
            "2",
        )
        .await;
}

#[tokio::test]
async fn what_needs_no_table_is_answered_while_the_warehouse_is_suspended() {
    let account = Account::new(Release::ZeroCopy);
    account.ok("create table t (id int)").await;
    account.ok("alter warehouse compute_wh set auto_resume = false").await;
    account.ok("alter warehouse compute_wh suspend").await;
    for sql in [
        "select 1, current_warehouse()",
        "select * from (select 1)",
        "select column1 from values (1), (2)",
        "show tables",
        "select count(*) from information_schema.tables",
        "select * from table(result_scan(last_query_id()))",
        "select count(*) from table(information_schema.query_history())",
        "describe table t",
        "create table u (id int)",
    ] {
        account.ok(sql).await;
    }
    for sql in ["select * from t", "select * from (select * from t)", "insert into t values (1)"] {
        let error = account.execute(sql).await.result.map(|_| sql).unwrap_err();
        assert_eq!((error.code, &*error.sqlstate), (606, "57P03"), "{sql}");
    }
    let state = "select \"state\" from table(result_scan(last_query_id()))";
    account.ok("show warehouses").await;
    account.check(state, "SUSPENDED").await;
}

#[tokio::test]
async fn functions_that_snowflake_does_not_have_are_unknown() {
    let account = Account::new(Release::ZeroCopy);
    for (call, name) in [
        ("now()", "NOW"),
        ("date_bin('1 day', current_timestamp())", "DATE_BIN"),
        ("regexp_match('a', 'a')", "REGEXP_MATCH"),
        ("starts_with('a', 'a')", "STARTS_WITH"),
        ("approx_distinct(1)", "APPROX_DISTINCT"),
        ("bool_and(true)", "BOOL_AND"),
        ("btrim('a')", "BTRIM"),
        ("sf_div(1, 2)", "SF_DIV"),
        ("public.upper('a')", "PUBLIC.UPPER"),
    ] {
        let expected = format!("002140 (42601): SQL compilation error: Unknown function {name}");
        account.check(&format!("select {call}"), &expected).await;
    }
    // The engine has some of the same name that do otherwise.
    account
        .check("select regexp_like('abc', 'b'), regexp_like('abc', '.*b.*')", "false|true")
        .await;
    account.check("select array_to_string([1, 2], '-'), array_contains(1, [1])", "1-2|true").await;
    account.check("select trim(both 'x' from 'xax'), position('a' in 'ba')", "a|2").await;
    account
        .check(
            "select grouping(column1), count(*) from values (1) group by rollup(column1) order by 1",
            "0|1\n1|1",
        )
        .await;
}

/// Each is Snowflake's, and not here: the answer says which. None is accepted and ignored.
#[tokio::test]
async fn what_is_not_implemented_is_refused_by_name() {
    let account = Account::new(Release::ZeroCopy);
    account.ok("create table t (id int, v variant, s varchar)").await;
    let mut others = Vec::new();
    for (sql, what) in [
        ("create stream st on table t", "CREATE STREAM"),
        ("create task tk warehouse = w as select 1", "TASK"),
        ("create dynamic iceberg table d target_lag = '1 minute' as select 1", "DYNAMIC"),
        ("create materialized view mv as select id from t", "CREATE MATERIALIZED VIEW"),
        ("create role r", "ROLE"),
        ("create database role r", "DATABASE ROLE"),
        ("grant select on table t to role r", "GRANT SELECT"),
        ("revoke select on table t from role r", "REVOKE"),
        ("copy into t from @s", "COPY"),
        ("create stage s", "STAGE"),
        ("create temporary stage s", "STAGE"),
        ("describe stage s", "STAGE"),
        ("put file:///tmp/x @s", "PUT"),
        ("create file format f type = csv", "FILE FORMAT"),
        ("create sequence s", "SEQUENCE"),
        ("create procedure p() returns int language sql as 'return 1'", "PROCEDURE"),
        ("call p()", "CALL P"),
        ("create function f() returns int as '1'", "FUNCTION"),
        ("create temporary function f() returns int as '1'", "FUNCTION"),
        ("create external table e location = @s", "EXTERNAL TABLE"),
        ("create iceberg table e (a int)", "ICEBERG TABLE"),
        ("create masking policy m as (v string) returns string -> v", "MASKING POLICY"),
        ("create row access policy m as (v string) returns boolean -> true", "ROW ACCESS POLICY"),
        ("create tag g", "TAG"),
        ("create table u (a int) with tag (g = 'x')", "tags of tables"),
        ("create table u (a int with tag (g = 'x'))", "policies and tags on columns"),
        ("create table u (a int) data_retention_time_in_days = 5", "DATA_RETENTION_TIME_IN_DAYS"),
        ("create schema u data_retention_time_in_days = 5", "DATA_RETENTION_TIME_IN_DAYS"),
        ("create or alter table u (a int)", "CREATE OR ALTER"),
        ("create secure view w as select 1 as a", "SECURE VIEW"),
        ("create temporary view w as select 1 as a", "TEMPORARY VIEW"),
        ("create semantic view w", "SEMANTIC VIEW"),
        ("create compute pool p", "COMPUTE POOL"),
        ("alter table t swap with u", "ALTER TABLE … SWAP WITH"),
        ("alter table t suspend recluster", "ALTER TABLE … SUSPEND RECLUSTER"),
        ("undrop schema s", "UNDROP of schemas and databases"),
        ("comment on column t.id is 'x'", "COMMENT ON COLUMN"),
        ("set (a, b) = (1, 2)", "SET of several variables"),
        ("show streams", "SHOW STREAMS"),
        ("show terse tables", "SHOW TERSE"),
        ("show tables history", "SHOW … HISTORY"),
        ("show parameters in table t", "SHOW PARAMETERS IN TABLE"),
        ("describe result last_query_id()", "DESCRIBE RESULT"),
        ("execute immediate 'select 1'", "EXECUTE"),
        ("begin select 1; end", "Snowflake Scripting blocks"),
        ("declare x int; begin return 1; end", "Snowflake Scripting blocks"),
        ("select 1 ->> select 2", "the flow operator ->>"),
        ("select id from t start with id = 1 connect by id = prior id", "CONNECT BY"),
        ("select * from t pivot(sum(id) for s in ('a'))", "PIVOT"),
        ("select * from t unpivot(x for y in (id))", "UNPIVOT"),
        (
            "select * from t match_recognize (order by id measures count(*) as c pattern (a+) define a as id > 0)",
            "MATCH_RECOGNIZE",
        ),
        ("select * from t sample (10)", "SAMPLE"),
        ("select top 1 id from t", "TOP"),
        ("select id from t fetch first 1 rows only", "FETCH"),
        ("select id from t for update", "FOR UPDATE"),
        ("select * from t asof join t u match_condition (t.id >= u.id)", "ASOF JOIN"),
        ("select * from (t left semi join t u on t.id = u.id)", "SEMI JOIN"),
        ("select * ilike '%i%' from t", "ILIKE after *"),
        ("select $1 from t", "the column $1, by its position"),
        ("select * from @s/x", "the stage @S/X"),
        (
            "select * from t changes(information => default) at(offset => -1)",
            "time travel as `CHANGES(INFORMATION => DEFAULT) AT(OFFSET => -1)`",
        ),
        ("select soundex('a')", "the function SOUNDEX"),
        ("select system$stream_has_data('s')", "the function SYSTEM$STREAM_HAS_DATA"),
        ("select snowflake.cortex.complete('m', 'p')", "the function SNOWFLAKE.CORTEX.COMPLETE"),
        ("insert all into t (id) select 1", "multi-table INSERT"),
        ("insert into t (id) values (1) on conflict do nothing", "INSERT … ON CONFLICT"),
        ("insert into t (id) values (1) returning id", "INSERT … RETURNING"),
        ("delete from t limit 1", "DELETE … LIMIT"),
        ("update t set id = 1 limit 1", "UPDATE … LIMIT"),
    ] {
        let expected = format!(
            "000002 (0A000): Unsupported feature '{what}' (not implemented by the snowgauge emulator)."
        );
        let actual = common::text_of(&account.execute(sql).await);
        if actual != expected {
            others.push(format!("{sql}\n    {actual}"));
        }
    }
    assert!(others.is_empty(), "refused otherwise, or not at all:\n{}", others.join("\n"));
}
