//! Refreshes of an account on a virtual clock. Seconds count from a tick of every period.

use super::{
    declared::{Initialize, RefreshMode, Refreshing, SuspendedBy, Suspension, TargetLag},
    history::{AlterTrigger, RefreshRecord, RefreshState},
    refresher,
};
use crate::{
    clock::Clock,
    engine::{Engine, LoginOptions, Request, Session, Settings},
    error::SqlError,
    store::{
        catalog::{Object, OnConflict, QualifiedName},
        table::{Table, TableDefinition, TableKind},
        testing::{definition, lines},
    },
    types::ResultSet,
    warehouse::State,
};
use TargetLag::{Downstream, Seconds, Unscheduled};
use chrono::{DateTime, TimeDelta, Utc};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use uuid::Uuid;

/// A tick of periods up to 48·2^16 s, with the phase of the settings.
const ORIGIN: i64 = ((560 * 48) << 16) + 33;

struct Account {
    engine: Arc<Engine>,
    session: Arc<Session>,
}

fn since_origin(at: DateTime<Utc>) -> i64 {
    at.timestamp() - ORIGIN
}

fn named(name: &str) -> QualifiedName {
    QualifiedName {
        database: "SNOWGAUGE".to_owned(),
        schema: "PUBLIC".to_owned(),
        name: name.to_owned(),
    }
}

impl Account {
    /// At 10 s, with `BASE (ID, V)` of the rows 1 and 2.
    async fn new() -> Self {
        let at = DateTime::from_timestamp(ORIGIN + 10, 0).unwrap();
        let clock = Clock::virtual_from(at);
        let engine = Engine::new(Settings { clock, ..Settings::default() });
        let session = engine.open_session(LoginOptions::default());
        let account = Self { engine, session };
        account.ok("create table base (id int, v int)").await;
        account.ok("insert into base values (1, 10), (2, 20)").await;
        account
    }

    async fn execute(&self, sql: &str) -> Result<ResultSet, SqlError> {
        self.execute_as(sql, Uuid::new_v4()).await
    }

    async fn execute_as(&self, sql: &str, query_id: Uuid) -> Result<ResultSet, SqlError> {
        let request = Request {
            sql: sql.to_owned(),
            binds: BTreeMap::new(),
            parameters: BTreeMap::new(),
            describe_only: false,
            query_id,
            submitted_at: self.engine.now(),
        };
        self.session.execute(request).await.result.map(|it| it.result)
    }

    #[track_caller]
    fn ok<'a>(&'a self, sql: &'a str) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            if let Err(error) = self.execute(sql).await {
                panic!("{caller}: {sql}\n{error}");
            }
        }
    }

    /// A dynamic table without contents yet, on the default warehouse.
    fn dynamic(&self, name: &str, lag: TargetLag, columns: &[&str], query: &str) -> Arc<Table> {
        let definition = TableDefinition {
            kind: TableKind::Dynamic,
            query: Some(query.to_owned()),
            refreshing: Some(Refreshing {
                target_lag: lag,
                warehouse: "COMPUTE_WH".to_owned(),
                initialization_warehouse: None,
                mode: RefreshMode::Full,
                mode_reason: None,
                initialize: Initialize::OnSchedule,
                data_timestamp: None,
                suspended: None,
                resumed_at: None,
                transient: false,
            }),
            ..definition(columns, &[])
        };
        let table = Table::new(definition, self.engine.now());
        let object = Object::Table(Arc::clone(&table));
        self.engine.catalog.put(&named(name), object, OnConflict::Replace).unwrap();
        self.engine.refresher.created(&self.engine, &named(name), &table);
        table
    }

    /// `D`, which is `BASE`, with a lag of a minute.
    fn copy_of_base(&self) -> Arc<Table> {
        let columns = ["ID NUMBER(38,0)", "V NUMBER(38,0)"];
        self.dynamic("D", Seconds(60), &columns, "select id, v from base")
    }

    async fn pass(&self, seconds: i64) {
        self.engine.advance(TimeDelta::seconds(seconds)).await.unwrap();
    }

    /// Until so many seconds after the origin.
    async fn until(&self, seconds: i64) {
        let to = DateTime::from_timestamp(ORIGIN + seconds, 0).unwrap();
        self.engine.advance(to - self.engine.now()).await.unwrap();
    }

    fn table(&self, name: &str) -> Arc<Table> {
        match self.engine.catalog.get(&named(name)) {
            Some(Object::Table(table)) => table,
            other => panic!("{name}: {other:?}"),
        }
    }

    fn suspended_by(&self, name: &str) -> Option<&'static str> {
        let definition = self.table(name).definition();
        definition.refreshing.as_ref().unwrap().suspended.map(|it| it.by.code())
    }

    fn suspend(&self, name: &str, is_suspended: bool) {
        let suspension =
            is_suspended.then(|| Suspension { at: self.engine.now(), by: SuspendedBy::User });
        self.engine.refresher.suspend(&self.engine, &named(name), &self.table(name), suspension);
    }

    async fn refresh(&self, names: &[&str]) -> Result<DateTime<Utc>, SqlError> {
        let tables: Vec<_> = names.iter().map(|it| (named(it), self.table(it))).collect();
        refresher::refresh_by_hand(&self.engine, &tables, Uuid::new_v4()).await
    }

    fn records(&self, name: &str) -> Vec<RefreshRecord> {
        self.engine.refresher.records().into_iter().filter(|it| it.name == named(name)).collect()
    }

    /// What happened to a table, a line each: data timestamp, how it ended, what was done.
    fn told(&self, name: &str) -> Vec<String> {
        let records = self.records(name).into_iter().map(|it| {
            let what = match (it.state, it.action, it.statistics) {
                (RefreshState::Succeeded, Some(action), Some(statistics)) => {
                    let Statistics { inserted_rows, deleted_rows, .. } = statistics;
                    match (inserted_rows, deleted_rows) {
                        (0, 0) => action.word().to_owned(),
                        _ => format!("{} +{inserted_rows} -{deleted_rows}", action.word()),
                    }
                }
                (state, _, _) => {
                    format!("{} {}", state.word(), it.state_code.unwrap_or_default())
                }
            };
            format!("{} {what}", since_origin(it.data_timestamp))
        });
        records.collect()
    }

    fn data_timestamps(&self, name: &str) -> Vec<i64> {
        let done = self.records(name).into_iter().filter(|it| it.state == RefreshState::Succeeded);
        done.map(|it| since_origin(it.data_timestamp)).collect()
    }

    fn rows(&self, name: &str) -> Vec<String> {
        lines(&self.table(name).latest())
    }
}

use super::history::Statistics;

#[tokio::test]
async fn a_quiet_table_is_refreshed_to_every_tick_and_does_nothing() {
    let account = Account::new().await;
    account.copy_of_base();
    let began = std::time::Instant::now();
    account.until(20 * 60).await;
    let ticks: Vec<i64> = (1..=25).map(|it| it * 48).collect();
    assert_eq!(account.data_timestamps("D"), ticks);
    let told = account.told("D");
    assert_eq!(told[0], "48 FULL +2 -0");
    assert!(told[1..].iter().all(|it| it.ends_with(" NO_DATA")), "{told:?}");
    assert_eq!(account.rows("D"), ["1|10", "2|20"]);
    assert_eq!(account.table("D").latest().number, 1, "nothing was written");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn longer_lags_have_longer_periods_on_the_same_grid() {
    let account = Account::new().await;
    account.dynamic("D", Seconds(600), &["ID NUMBER(38,0)"], "select id from base");
    account.until(1_600).await;
    assert_eq!(account.data_timestamps("D"), [384, 768, 1_152, 1_536]);
}

#[tokio::test]
async fn a_chain_is_refreshed_at_the_same_instants_upstream_first() {
    let account = Account::new().await;
    account.copy_of_base();
    account.dynamic("D2", Seconds(120), &["N NUMBER(38,0)"], "select count(*) from d");
    for number in 0..10 {
        account.ok(&format!("insert into base values ({number}, 0)")).await;
        account.pass(48).await;
    }
    assert_eq!(account.data_timestamps("D"), (1..=10).map(|it| it * 48).collect::<Vec<_>>());
    assert_eq!(account.data_timestamps("D2"), [96, 192, 288, 384, 480]);
    // At 480 s there had been ten inserts.
    assert_eq!(account.rows("D2"), ["12"]);
    let record = account.records("D2").pop().unwrap();
    let (name, at) = record.last_completed_dependency.unwrap();
    assert_eq!((name, since_origin(at)), (named("D"), 480));
    assert_eq!(record.completion_target.map(since_origin), Some(384 + 120));
    assert_eq!(record.changed_inputs, [named("D")]);
}

#[tokio::test]
async fn a_downstream_table_is_refreshed_as_its_readers_need_through_views_too() {
    let account = Account::new().await;
    account.dynamic("D", Downstream, &["ID NUMBER(38,0)"], "select id from base");
    account.until(100).await;
    assert_eq!(account.told("D"), [""; 0]);
    account.refresh(&["D"]).await.unwrap();
    account.ok("create view over_d as select id from d").await;
    account.dynamic("D2", Seconds(120), &["ID NUMBER(38,0)"], "select id from over_d");
    account.until(400).await;
    assert_eq!(account.data_timestamps("D"), [100, 192, 288, 384]);
    assert_eq!(account.data_timestamps("D2"), [192, 288, 384]);
    account.suspend("D2", true);
    account.until(600).await;
    assert_eq!(account.data_timestamps("D"), [100, 192, 288, 384]);
}

#[tokio::test]
async fn contents_are_those_of_the_data_timestamp() {
    let account = Account::new().await;
    account.copy_of_base();
    account.until(60).await;
    account.ok("insert into base values (3, 30)").await;
    account.until(95).await;
    assert_eq!(account.rows("D").len(), 2);
    account.until(97).await;
    assert_eq!(account.told("D"), ["48 FULL +2 -0", "96 FULL +3 -2"]);
    assert_eq!(account.rows("D").len(), 3);
    account.ok("delete from base where id = 1").await;
    account.until(240).await;
    assert_eq!(account.told("D")[2..], ["144 FULL +2 -3", "192 NO_DATA", "240 NO_DATA"]);
}

/// What a definition leaves open is decided once: a later refresh takes back the rows that are
/// there, whatever a query of the same text would give.
#[tokio::test]
async fn an_incremental_table_finds_what_it_chose_among_equals() {
    let account = Account::new().await;
    account.ok("create table t (k int, v varchar)").await;
    account.ok("insert into t values (1, 'c'), (1, 'a'), (1, 'd'), (1, 'b')").await;
    let definitions = [
        ("NUMBERED", "select k, v, row_number() over (partition by k order by k) as n from t"),
        ("FIRST", "select k, v from t qualify row_number() over (partition by k order by k) = 1"),
        ("LISTED", "select k, listagg(v) as v from t group by k"),
        ("COLLECTED", "select k, array_agg(v) as v from t group by k"),
    ];
    for (name, query) in definitions {
        let create = format!(
            "create dynamic table {name} target_lag = '7 days' warehouse = compute_wh refresh_mode \
             = incremental as {query}"
        );
        account.ok(&create).await;
    }
    for change in ["insert into t values (1, 'e'), (2, 'z')", "delete from t where v = 'a'"] {
        account.ok(change).await;
        for (name, _) in definitions {
            account.ok(&format!("alter dynamic table {name} refresh")).await;
            let told = account.told(name).pop().unwrap_or_default();
            assert!(told.contains("INCREMENTAL"), "{name}: {told}");
        }
    }
}

#[tokio::test]
async fn a_transaction_shows_whole_or_not_at_all() {
    let account = Account::new().await;
    account.ok("create table other (id int, v int)").await;
    let query = "select (select count(*) from base), (select count(*) from other)";
    account.dynamic("D", Seconds(60), &["B NUMBER(38,0)", "O NUMBER(38,0)"], query);
    account.until(60).await;
    assert_eq!(account.rows("D"), ["2|0"]);
    account.ok("begin").await;
    account.ok("insert into base values (3, 3)").await;
    // It is open over two ticks.
    account.until(150).await;
    account.ok("insert into other values (3, 3)").await;
    assert_eq!(account.rows("D"), ["2|0"]);
    account.ok("commit").await;
    account.until(200).await;
    assert_eq!(account.rows("D"), ["3|1"]);
    assert_eq!(account.told("D"), ["48 FULL +1 -0", "96 NO_DATA", "144 NO_DATA", "192 FULL +1 -1"]);
}

#[tokio::test]
async fn a_chain_stays_consistent_while_its_tables_go_on() {
    let account = Account::new().await;
    let columns = ["ID NUMBER(38,0)", "W VARCHAR(40)"];
    account.dynamic("D", Seconds(60), &columns, "select id, system$wait(30) from base");
    // It reads BASE directly and through D, half a minute after the data timestamp, and is slow
    // itself: BASE has gone on before it begins, and D before it ends.
    let query = "select (select count(*) from base), (select count(*) from d), system$wait(70)";
    let columns = ["B NUMBER(38,0)", "D NUMBER(38,0)", "W VARCHAR(40)"];
    account.dynamic("D2", Seconds(60), &columns, query);
    for number in 0..30 {
        account.ok(&format!("insert into base values ({number}, 0)")).await;
        account.pass(20).await;
        for row in account.rows("D2") {
            let counts: Vec<&str> = row.split('|').collect();
            assert_eq!(counts[0], counts[1], "{row}");
        }
    }
    assert!(account.data_timestamps("D2").len() > 2, "{:?}", account.told("D2"));
    assert!(account.data_timestamps("D").len() > account.data_timestamps("D2").len());
}

#[tokio::test]
async fn five_failures_suspend_a_table_and_what_reads_it() {
    let account = Account::new().await;
    account.copy_of_base();
    account.dynamic("D2", Seconds(60), &["ID NUMBER(38,0)"], "select id from d");
    account.until(60).await;
    account.ok("alter table base drop column v").await;
    account.until(60 + 4 * 48).await;
    assert_eq!(account.suspended_by("D"), None);
    account.until(1_000).await;
    assert_eq!(
        account.told("D"),
        [
            "48 FULL +2 -0",
            "96 FAILED 000904",
            "144 FAILED 000904",
            "192 FAILED 000904",
            "240 FAILED 000904",
            "288 FAILED 000904"
        ]
    );
    assert_eq!(
        account.told("D2"),
        [
            "48 FULL +2 -0",
            "96 UPSTREAM_FAILED 002753",
            "144 UPSTREAM_FAILED 002753",
            "192 UPSTREAM_FAILED 002753",
            "240 UPSTREAM_FAILED 002753",
            "288 UPSTREAM_FAILED 002753"
        ]
    );
    assert_eq!(account.suspended_by("D"), Some("SUSPENDED_DUE_TO_ERRORS"));
    assert_eq!(account.suspended_by("D2"), Some("UPSTREAM_SUSPENDED_DUE_TO_ERRORS"));
    let message = account.records("D2").pop().unwrap().state_message;
    assert_eq!(message.as_deref(), Some("Some inputs failed to refresh: [D]."));
    assert_eq!(account.rows("D"), ["1|10", "2|20"], "a failure leaves the contents");

    account.ok("alter table base add column v int").await;
    account.suspend("D", false);
    account.until(1_010).await;
    assert_eq!(account.told("D")[6..], ["1008 REINITIALIZE +2 -2"]);
    assert_eq!(account.told("D2")[6..], ["1008 FULL +2 -2"]);
}

#[tokio::test]
async fn a_success_forgives_failures_and_those_by_hand_do_not_count() {
    let account = Account::new().await;
    account.dynamic("D", Seconds(60), &["Q NUMBER(38,6)"], "select 1 / v from base");
    for round in 0..3 {
        account.ok("insert into base values (0, 0)").await;
        for _ in 0..3 {
            assert!(account.refresh(&["D"]).await.is_err());
        }
        account.pass(4 * 48).await;
        assert_eq!(account.suspended_by("D"), None, "round {round}");
        account.ok("delete from base where v = 0").await;
        account.pass(48).await;
    }
    let failed = account.told("D").iter().filter(|it| it.contains("FAILED 100051")).count();
    assert_eq!(failed, 3 * (3 + 4));
}

#[tokio::test]
async fn a_suspended_table_stands_still_and_catches_up() {
    let account = Account::new().await;
    account.copy_of_base();
    account.dynamic("D2", Seconds(60), &["ID NUMBER(38,0)"], "select id from d");
    account.dynamic("D3", Seconds(60), &["ID NUMBER(38,0)"], "select id from d2");
    account.until(50).await;
    account.suspend("D3", true);
    account.suspend("D", true);
    assert_eq!(account.suspended_by("D"), Some("USER_SUSPENDED"));
    assert_eq!(account.suspended_by("D2"), Some("UPSTREAM_USER_SUSPENDED"));
    assert_eq!(account.suspended_by("D3"), Some("USER_SUSPENDED"));
    account.ok("insert into base values (3, 30)").await;
    account.until(300).await;
    assert_eq!(account.data_timestamps("D"), [48]);
    assert_eq!(account.rows("D").len(), 2);

    account.suspend("D", false);
    let suspended = ["D", "D2", "D3"].map(|it| account.suspended_by(it));
    assert_eq!(suspended, [None, None, Some("USER_SUSPENDED")]);
    account.until(340).await;
    assert_eq!(account.told("D"), ["48 FULL +2 -0", "336 FULL +3 -2"]);
    assert_eq!(account.data_timestamps("D2"), [48, 336]);
    assert_eq!(account.data_timestamps("D3"), [48]);

    let triggers: Vec<_> = account
        .engine
        .refresher
        .graph_records()
        .into_iter()
        .filter(|it| it.name == named("D"))
        .map(|it| (it.trigger, since_origin(it.valid_from), it.valid_to.map(since_origin)))
        .collect();
    assert_eq!(
        triggers,
        [
            (AlterTrigger::Create, 10, Some(50)),
            (AlterTrigger::Suspend, 50, Some(300)),
            (AlterTrigger::Resume, 300, None)
        ]
    );
}

#[tokio::test]
async fn a_slow_refresh_takes_coarser_ticks_and_never_overlaps() {
    let account = Account::new().await;
    let columns = ["ID NUMBER(38,0)", "W VARCHAR(40)"];
    account.dynamic("D", Seconds(60), &columns, "select id, system$wait(100) from base");
    account.dynamic("D2", Seconds(60), &["ID NUMBER(38,0)"], "select id from d");
    for number in 0..8 {
        account.ok(&format!("insert into base values ({number}, 0)")).await;
        account.pass(48).await;
    }
    account.until(10 + 8 * 48 + 110).await;
    let skipped = |at| format!("{at} SKIPPED NOT_EFFECTIVE_TICK_TO_REFRESH");
    let expected = [
        // A hundred seconds fit into 192: the ticks of that grid alone are used.
        "48 FULL +3 -0".to_owned(),
        skipped(96),
        skipped(144),
        "192 FULL +6 -3".to_owned(),
        skipped(240),
        skipped(288),
        skipped(336),
        "384 FULL +10 -6".to_owned(),
        skipped(432),
        skipped(480),
    ];
    assert_eq!(account.told("D"), expected);
    let d2 = account.told("D2");
    assert_eq!(d2[..3], ["48 FULL +3 -0", "96 SKIPPED UPSTREAM_SKIP", "144 SKIPPED UPSTREAM_SKIP"]);
    assert_eq!(account.data_timestamps("D2"), [48, 192, 384]);

    let spans: Vec<_> =
        account.records("D").into_iter().filter_map(|it| it.started_at.zip(it.ended_at)).collect();
    assert!(spans.windows(2).all(|it| it[0].1 <= it[1].0), "{spans:?}");
    for (started_at, ended_at) in spans {
        assert_eq!((ended_at - started_at).num_seconds(), 100);
    }
    let skipped = account.records("D").into_iter().find(|it| it.state == RefreshState::Skipped);
    let skipped = skipped.unwrap();
    assert_eq!((skipped.started_at, skipped.ended_at, skipped.query_id), (None, None, None));
}

#[tokio::test]
async fn a_refresh_by_hand_takes_its_inputs_along_suspended_or_not() {
    let account = Account::new().await;
    account.copy_of_base();
    account.dynamic("D2", Seconds(60), &["ID NUMBER(38,0)"], "select id from d");
    account.until(60).await;
    account.suspend("D", true);
    account.ok("insert into base values (3, 30)").await;
    let began = account.engine.now();
    account.refresh(&["D2"]).await.unwrap();
    assert_eq!(account.rows("D2").len(), 3);
    let (d, d2) = (account.records("D").pop().unwrap(), account.records("D2").pop().unwrap());
    assert_eq!((d.trigger.word(), d2.trigger.word()), ("MANUAL", "MANUAL"));
    assert_eq!(d.data_timestamp, d2.data_timestamp);
    assert!(d.data_timestamp >= began);
    assert_eq!(d.data_timestamp.timestamp_subsec_nanos() % 1_000_000, 0);

    account.ok("alter table base drop column v").await;
    let error = account.refresh(&["D2"]).await.unwrap_err();
    assert_eq!(error.to_string(), "002753 (22000): Some inputs failed to refresh: [D].");
    assert_eq!(account.refresh(&["D"]).await.unwrap_err().code, 904);
}

#[tokio::test]
async fn a_table_that_nobody_schedules_is_read_as_it_is() {
    let account = Account::new().await;
    account.dynamic("D", Unscheduled, &["ID NUMBER(38,0)"], "select id from base");
    account.refresh(&["D"]).await.unwrap();
    account.dynamic("D2", Seconds(60), &["ID NUMBER(38,0)"], "select id from d");
    account.ok("insert into base values (3, 30)").await;
    account.until(100).await;
    assert_eq!(account.told("D"), ["10 FULL +2 -0"]);
    assert_eq!(account.told("D2"), ["48 FULL +2 -0", "96 NO_DATA"]);
    account.refresh(&["D2"]).await.unwrap();
    assert_eq!(account.rows("D2").len(), 2);
    account.refresh(&["D"]).await.unwrap();
    account.until(150).await;
    assert_eq!(account.rows("D2").len(), 3);
}

#[tokio::test]
async fn a_replaced_input_is_begun_anew_and_a_renamed_one_is_missed() {
    let account = Account::new().await;
    account.copy_of_base();
    account.until(60).await;
    account.ok("create or replace table base (id int, v int)").await;
    account.until(100).await;
    assert_eq!(account.told("D"), ["48 FULL +2 -0", "96 REINITIALIZE +0 -2"]);
    let reason = account.records("D").pop().unwrap().reinit_reason;
    assert_eq!(reason.as_deref(), Some("SNOWGAUGE.PUBLIC.BASE was replaced."));
    // A column that it does not read is of no concern.
    account.ok("alter table base add column w int").await;
    account.until(150).await;
    assert_eq!(account.records("D").pop().unwrap().reinit_reason, None);
    account.ok("alter table base rename to elsewhere").await;
    account.until(200).await;
    assert_eq!(account.told("D").pop().unwrap(), "192 FAILED 002003");
    account.ok("alter table elsewhere rename to base").await;
    account.until(250).await;
    assert_eq!(account.told("D").pop().unwrap(), "240 NO_DATA");
}

#[tokio::test]
async fn a_dropped_table_is_forgotten_and_a_renamed_one_is_not() {
    let account = Account::new().await;
    account.copy_of_base();
    account.until(60).await;
    account.engine.catalog.rename(&named("D"), &named("E")).unwrap();
    account.until(100).await;
    assert_eq!(account.told("E"), ["96 NO_DATA"]);
    account.engine.catalog.drop(&named("E")).unwrap();
    account.until(300).await;
    assert_eq!(account.engine.refresher.records().len(), 2);
    let open = account.engine.refresher.graph_records();
    assert!(open.iter().all(|it| it.valid_to.is_some()), "{open:?}");
    account.engine.catalog.undrop(&named("E")).unwrap();
    account.until(340).await;
    assert_eq!(account.told("E"), ["96 NO_DATA", "336 NO_DATA"]);
}

#[tokio::test]
async fn a_refresh_uses_its_warehouse_and_one_without_data_does_not() {
    let account = Account::new().await;
    account.ok("create warehouse r auto_suspend = 60 initially_suspended = true").await;
    account.ok("use warehouse compute_wh").await;
    let table = account.copy_of_base();
    table.alter(|it| it.refreshing.as_mut().unwrap().warehouse = "R".to_owned());
    let warehouse = account.engine.warehouses.get("R").unwrap();
    account.until(49).await;
    assert_eq!(warehouse.state(), State::Started);
    let record = account.records("D").pop().unwrap();
    let query = account.engine.history.get(record.query_id.unwrap()).unwrap();
    assert_eq!(query.account.unwrap().warehouse, "R");
    assert_eq!(
        (query.user.as_str(), query.sql.as_str()),
        ("SYSTEM", "ALTER DYNAMIC TABLE SNOWGAUGE.PUBLIC.D REFRESH")
    );
    assert!(query.ended_at.is_some() && query.rows_produced == 2);
    account.until(200).await;
    assert_eq!(account.told("D").pop().unwrap(), "192 NO_DATA");
    assert_eq!(account.records("D").pop().unwrap().query_id, None);
    assert_eq!(warehouse.state(), State::Suspended);

    account.ok("drop warehouse r").await;
    account.ok("insert into base values (3, 30)").await;
    account.until(250).await;
    assert_eq!(account.records("D").pop().unwrap().state, RefreshState::Failed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refreshes_queue_for_a_slot() {
    let account = Account::new().await;
    account.ok("alter warehouse compute_wh set max_concurrency_level = 1").await;
    for name in ["A", "B", "C"] {
        let columns = ["ID NUMBER(38,0)", "W VARCHAR(40)"];
        account.dynamic(name, Seconds(60), &columns, "select id, system$wait(10) from base");
    }
    account.until(90).await;
    let mut ended: Vec<i64> = ["A", "B", "C"]
        .iter()
        .map(|it| since_origin(account.records(it)[0].ended_at.unwrap()))
        .collect();
    ended.sort_unstable();
    assert_eq!(ended, [58, 68, 78]);
}

#[tokio::test]
async fn the_timeout_of_the_warehouse_holds_for_refreshes() {
    let account = Account::new().await;
    account.ok("alter warehouse compute_wh set statement_timeout_in_seconds = 1").await;
    account.dynamic("D", Seconds(60), &["W VARCHAR(40)"], "select system$wait(600) from base");
    account.until(50).await;
    // The limit is measured in real time, as all limits are.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    account.pass(1).await;
    assert_eq!(account.told("D"), ["48 FAILED 000630"]);
}

#[tokio::test]
async fn a_statement_that_is_given_up_leaves_a_cancelled_refresh() {
    let account = Account::new().await;
    account.dynamic("D", Unscheduled, &["W VARCHAR(40)"], "select system$wait(600) from base");
    let given_up = tokio::time::timeout(Duration::from_millis(50), account.refresh(&["D"])).await;
    assert!(given_up.is_err());
    assert_eq!(account.told("D"), ["10 CANCELLED 000604"]);
}

#[tokio::test]
async fn a_jump_neither_waits_for_a_waiting_statement_nor_shortens_it() {
    let account = Account::new().await;
    let waits = tokio::spawn({
        let account = Account {
            engine: Arc::clone(&account.engine),
            session: account.engine.open_session(LoginOptions::default()),
        };
        async move {
            let began = std::time::Instant::now();
            account.execute("select system$wait(3)").await.unwrap();
            began.elapsed()
        }
    });
    while account.engine.history.rows(&Default::default(), account.engine.now()).unwrap().num_rows()
        < 3
    {
        tokio::task::yield_now().await;
    }
    account.until(2_000).await;
    assert!(!waits.is_finished(), "the jump waited for the statement, or woke it");
    assert!(waits.await.unwrap() >= Duration::from_secs(3));
    assert!(since_origin(account.engine.now()) < 2_010);
}

#[tokio::test]
async fn many_tables_and_a_day_take_little_time() {
    let account = Account::new().await;
    for number in 0..10 {
        let name = format!("D{number}");
        account.dynamic(&name, Seconds(60), &["ID NUMBER(38,0)"], "select id from base");
    }
    let began = std::time::Instant::now();
    account.pass(86_400).await;
    let took = began.elapsed();
    assert_eq!(account.data_timestamps("D9").len(), 1_800);
    assert!(took < Duration::from_secs(20), "{took:?}");
    println!("ten tables, a day: {took:?}");
}
