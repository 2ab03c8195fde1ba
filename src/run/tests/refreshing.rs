//! Steps that look at tables which are kept fresh.

use super::*;
use crate::suite::{parse_suite, source::Source};
use chrono::{DateTime, TimeDelta, Utc};

const STATE: &str = "SELECT CURRENT_TIMESTAMP() AS NOW, LATEST_DATA_TIMESTAMP, TARGET_LAG_SEC FROM \
                     TABLE(INFORMATION_SCHEMA.DYNAMIC_TABLES(NAME => 'DB.SG1_S.DAILY'))";
const READ: &str = "SELECT COUNT(*), HASH_AGG(*), CURRENT_TIMESTAMP() FROM DB.SG1_S.DAILY";
const DEFINED: &str =
    "SELECT COUNT(*), HASH_AGG(*), CURRENT_TIMESTAMP() FROM (SELECT K, COUNT(*) AS N FROM T_BASE";
const HISTORY: &str = "SELECT * FROM TABLE(INFORMATION_SCHEMA.DYNAMIC_TABLE_REFRESH_HISTORY";
const NOW: &str = "SELECT CURRENT_TIMESTAMP() AS NOW";
const ROWS: &str = "SELECT SUM(SG_SIDE) AS SG_MORE";

const LTZ: Type = Type::TimestampLtz { scale: 9 };

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap() + TimeDelta::seconds(seconds)
}

fn time(seconds: i64) -> Value {
    Value::TimestampLtz(at(seconds))
}

fn number(it: i128) -> Value {
    Value::Number { digits: it, scale: 0 }
}

/// Asked at `now`, the data timestamp is `data`; the lag is a minute.
fn state(now: i64, data: i64) -> Reply {
    let columns = [("NOW", LTZ), ("LATEST_DATA_TIMESTAMP", LTZ), ("TARGET_LAG_SEC", INTEGER)];
    Reply::rows(columns, [[time(now), time(data), number(60)]])
}

fn digest(count: i128, hash: i128, at: i64) -> Reply {
    let columns = [("COUNT(*)", INTEGER), ("HASH_AGG(*)", INTEGER), ("AT", LTZ)];
    Reply::rows(columns, [[number(count), number(hash), time(at)]])
}

fn now(seconds: i64) -> Reply {
    Reply::rows([("NOW", LTZ)], [[time(seconds)]])
}

/// Refreshes by data timestamp, action, and rows inserted and deleted; each begins a second after
/// its data timestamp and ends another one later.
fn history(refreshes: &[(i64, &str, u64, u64)]) -> Reply {
    let columns = [
        ("STATE", Type::Text),
        ("REFRESH_ACTION", Type::Text),
        ("REFRESH_TRIGGER", Type::Text),
        ("DATA_TIMESTAMP", LTZ),
        ("REFRESH_START_TIME", LTZ),
        ("REFRESH_END_TIME", LTZ),
        ("STATISTICS", Type::Variant),
    ];
    let row = |(data, action, inserted, deleted): &(i64, &str, u64, u64)| {
        let statistics = format!(r#"{{"numInsertedRows":{inserted},"numDeletedRows":{deleted}}}"#);
        [
            Value::Text("SUCCEEDED".to_owned()),
            Value::Text((*action).to_owned()),
            Value::Text("SCHEDULED".to_owned()),
            time(*data),
            time(data + 1),
            time(data + 2),
            Value::Json(statistics),
        ]
    };
    Reply::rows(columns, refreshes.iter().map(row))
}

/// Rows by which the table and its definition differ: how many more the table has.
fn more(rows: &[(i128, &str)]) -> Reply {
    let columns = [("SG_MORE", INTEGER), ("K", Type::Text)];
    Reply::rows(columns, rows.iter().map(|(more, k)| [number(*more), Value::Text((*k).to_owned())]))
}

/// A table of three rows that is its definition.
fn keeping() -> Scripted {
    obliging()
        .on(NOW, now(0))
        .on(STATE, state(50, 48))
        .on(READ, digest(3, 7, 50))
        .on_prefix(DEFINED, digest(3, 7, 50))
        .on_prefix(HISTORY, history(&[(48, "INCREMENTAL", 1, 0)]))
        .on("SELECT * FROM DB.SG1_S.DAILY LIMIT 0", Reply::rows([("K", Type::Text)], []))
        .on_prefix(ROWS, more(&[]))
}

#[track_caller]
fn play(steps: &str, script: Scripted) -> Run {
    let text = format!(
        "refreshed:
  daily:
    create: CREATE DYNAMIC TABLE {{daily}} TARGET_LAG = '1 minute' WAREHOUSE = {{standard}}
    as: SELECT K, COUNT(*) AS N FROM T_BASE{{at}} GROUP BY K
cases:
  - name: it
    steps:
{}",
        steps.lines().map(|it| format!("      {}\n", it.trim_end())).collect::<String>()
    );
    let parsed = parse_suite("s", Source::new("s.yaml", text.clone()));
    let suite = parsed.unwrap_or_else(|errors| panic!("{:?}\n{text}", errors.errors));
    run_all(&[suite], &[], script)
}

/// The statements of the case that begin so.
fn count(run: &Run, prefix: &str) -> usize {
    run.log().iter().filter(|it| it.starts_with(prefix)).count()
}

#[test]
fn a_table_is_created_without_an_instant_looked_at_with_one_and_dropped() {
    let run = play("- equals-definition: daily", keeping());
    run.check("it: passed").check_executed(&[
        "USE SCHEMA DB.SG1_S",
        "USE WAREHOUSE SG1_STD",
        "CREATE DYNAMIC TABLE DB.SG1_S.DAILY TARGET_LAG = '1 minute' WAREHOUSE = SG1_STD\nAS\n\
         SELECT K, COUNT(*) AS N FROM T_BASE GROUP BY K",
        NOW,
        STATE,
        READ,
        STATE,
        "SELECT COUNT(*), HASH_AGG(*), CURRENT_TIMESTAMP() FROM (SELECT K, COUNT(*) AS N FROM \
         T_BASE AT(TIMESTAMP => '2026-01-01 00:00:48 +00:00'::TIMESTAMP_LTZ) GROUP BY K)",
        "DROP DYNAMIC TABLE IF EXISTS DB.SG1_S.DAILY",
    ]);
    assert_eq!(run.summary.cases[0].properties["oracle_equal"], "1");
}

#[test]
fn a_chain_is_compared_with_its_base_tables() {
    let text = "refreshed:
  one:
    create: CREATE DYNAMIC TABLE {one} TARGET_LAG = DOWNSTREAM
    as: SELECT K FROM T_BASE{at}
  two:
    create: CREATE INTERACTIVE TABLE {two} CLUSTER BY (K) TARGET_LAG = '1 minute'
    as: SELECT DISTINCT O.K FROM {one} O
cases:
  - name: it
    steps: [equals-definition: two]
";
    let suite = parse_suite("s", Source::new("s.yaml", text.to_owned())).unwrap();
    let run = run_all(&[suite], &[], keeping());
    let log = run.log();
    let created = "CREATE INTERACTIVE TABLE DB.SG1_S.TWO CLUSTER BY (K) TARGET_LAG = '1 \
                   minute'\nAS\nSELECT DISTINCT O.K FROM DB.SG1_S.ONE O";
    assert!(log.iter().any(|it| it == created), "{log:#?}");
    let asked = keeping()
        .on(&STATE.replace("DAILY", "TWO"), state(50, 48))
        .on(&READ.replace("DAILY", "TWO"), digest(3, 7, 50))
        .on_prefix("SELECT COUNT(*), HASH_AGG(*), CURRENT_TIMESTAMP() FROM (", digest(3, 7, 50));
    let suite = parse_suite("s", Source::new("s.yaml", text.to_owned())).unwrap();
    let run = run_all(&[suite], &[], asked);
    run.check("it: passed");
    let watched: Vec<(&str, &[String])> = run.summary.cases[0]
        .refreshes
        .iter()
        .map(|it| (it.table.as_str(), it.reads.as_slice()))
        .collect();
    assert_eq!(watched, [("ONE", &["T_BASE".to_owned()][..]), ("TWO", &["ONE".to_owned()][..])]);
    let defined = "SELECT COUNT(*), HASH_AGG(*), CURRENT_TIMESTAMP() FROM (SELECT DISTINCT O.K FROM \
                   (SELECT K FROM T_BASE AT(TIMESTAMP => '2026-01-01 00:00:48 \
                   +00:00'::TIMESTAMP_LTZ)) O)";
    assert!(run.log().iter().any(|it| it == defined), "{:#?}", run.log());
}

#[test]
fn a_lost_row_and_a_doubled_one_are_shown() {
    let script = || keeping().on_prefix(DEFINED, digest(4, 8, 50));
    let run = play("- equals-definition: daily", script().on_prefix(ROWS, more(&[(-1, "b")])));
    run.check(
        "it: failed: DB.SG1_S.DAILY is not its definition at 2026-01-01 00:00:48 UTC: it has 3 \
         rows, and should have 4",
    );
    assert_eq!(run.failure(0).diff.as_deref(), Some("-b"));
    let asked = run.log();
    let rows = asked.iter().find(|it| it.starts_with(ROWS)).unwrap();
    assert_eq!(
        rows,
        "SELECT SUM(SG_SIDE) AS SG_MORE, \"K\" FROM (SELECT 1 AS SG_SIDE, T.* FROM DB.SG1_S.DAILY \
         T UNION ALL SELECT -1, D.* FROM (SELECT K, COUNT(*) AS N FROM T_BASE AT(TIMESTAMP => \
         '2026-01-01 00:00:48 +00:00'::TIMESTAMP_LTZ) GROUP BY K) D) GROUP BY \"K\" HAVING \
         SUM(SG_SIDE) <> 0 ORDER BY \"K\" LIMIT 21"
    );

    let doubled = more(&[(2, "a"), (-1, "b")]);
    let run = play("- equals-definition: daily", script().on_prefix(ROWS, doubled));
    assert_eq!(run.failure(0).diff.as_deref(), Some("+a (2 times)\n-b"));
}

#[test]
fn as_many_rows_may_be_others() {
    let script = keeping()
        .on_prefix(DEFINED, digest(3, 8, 50))
        .on_prefix(ROWS, more(&[(1, "a"), (-1, "b")]));
    let run = play("- equals-definition: daily", script);
    assert_eq!(run.failure(0).diff.as_deref(), Some("+a\n-b"));
}

#[test]
fn hashes_may_differ_where_rows_do_not() {
    let script = keeping().on_prefix(DEFINED, digest(3, 8, 50));
    play("- equals-definition: daily", script).check("it: passed");
}

#[test]
fn a_refresh_between_the_parts_of_a_look_repeats_it() {
    let script = keeping()
        .on_each(STATE, [state(95, 48), state(99, 96), state(99, 96)])
        .on_each(READ, [digest(9, 9, 97), digest(3, 7, 99)]);
    let run = play("- equals-definition: daily", script);
    run.check("it: passed");
    assert_eq!(count(&run, READ), 2);

    let always = (0..12).map(|it| state(it * 50, it * 48));
    let run = play("- equals-definition: daily", keeping().on_each(STATE, always));
    run.check("it: unsure: each of 5 looks had a refresh between its parts");
}

#[test]
fn a_data_timestamp_that_is_told_late_is_no_failure_and_a_later_refresh_no_excuse() {
    // The contents were those of 96 already; the target says so after a while.
    let script = || {
        keeping()
            .on_each(STATE, [state(99, 48), state(99, 48), state(101, 96)])
            .on_each(READ, [digest(9, 9, 99), digest(3, 7, 101)])
    };
    let told = history(&[(48, "INCREMENTAL", 1, 0), (96, "INCREMENTAL", 6, 0)]);
    let run = play("- equals-definition: daily", script().on_prefix(HISTORY, told));
    run.check("it: passed");
    assert_eq!(count(&run, READ), 2);

    // It was refreshed only after it was looked at, and was wrong then.
    let later = history(&[(48, "INCREMENTAL", 1, 0), (120, "INCREMENTAL", 6, 0)]);
    let run = play("- equals-definition: daily", script().on_prefix(HISTORY, later));
    assert!(run.failure(0).message.contains("is not its definition"));
    let shown = run.failure(0).diff.clone().unwrap();
    assert_eq!(shown, "the rows cannot be shown: a refresh has changed them");
}

#[test]
fn without_its_past_a_table_is_neither_right_nor_wrong() {
    let gone = Reply::refused("000707", "02000", "Time travel data is not available for table T");
    let run = play("- equals-definition: daily", keeping().on_prefix(DEFINED, gone));
    run.check(
        "it: unsure: the definition of DB.SG1_S.DAILY at 2026-01-01 00:00:48 UTC is out of reach of \
         Time Travel: 000707 (02000): Time travel data is not available for table T",
    );
    let unknown = Reply::rows([("NOW", LTZ)], []);
    let run = play("- equals-definition: daily", keeping().on(STATE, unknown));
    run.check(
        "it: unsure: INFORMATION_SCHEMA.DYNAMIC_TABLES does not have DB.SG1_S.DAILY, so that its \
         data timestamp is not known",
    );
    let broken = refused("000904", "invalid identifier 'K'");
    let run = play("- equals-definition: daily", keeping().on_prefix(DEFINED, broken));
    run.check(
        "it: failed: the definition of DB.SG1_S.DAILY was refused: 000904 (42000): invalid \
         identifier 'K'",
    );
}

#[test]
fn fresh_waits_for_the_last_change_and_looks_at_each_state_on_the_way() {
    let steps = "- INSERT INTO T_BASE VALUES (1)
- INSERT INTO T_BASE VALUES (2)
- ALTER DYNAMIC TABLE {daily} REFRESH
- fresh: daily
  within: 2 lags
";
    // Begun at 0, changed until 10; the data timestamps are 0, 8 and 48.
    let states = [state(10, 0), state(10, 0), state(10, 0)]
        .into_iter()
        .chain([state(20, 8), state(20, 8), state(20, 8)])
        .chain([state(55, 48)]);
    let script = || {
        keeping()
            .on_each(NOW, [now(0), now(10)])
            .on_each(STATE, states.clone())
            .on_each(READ, [digest(1, 1, 10), digest(1, 1, 20), digest(3, 7, 55)])
            .on_prefix(HISTORY, history(&[(8, "NO_DATA", 0, 0), (48, "INCREMENTAL", 2, 0)]))
            .on_prefix(DEFINED, digest(3, 7, 50))
            .on_prefix(&format!("{DEFINED} AT(TIMESTAMP => '2026-01-01 00:00:00"), digest(1, 1, 0))
            .on_prefix(&format!("{DEFINED} AT(TIMESTAMP => '2026-01-01 00:00:08"), digest(1, 1, 0))
    };
    let run = play(steps, script());
    run.check("it: passed");
    assert_eq!(count(&run, NOW), 2 + count(&run, STATE), "{:#?}", run.log());
    let properties = &run.summary.cases[0].properties;
    let told = ["oracle_equal", "fresh_after_ms", "fresh_after_lags", "refresh"];
    assert_eq!(
        told.map(|it| properties[it].as_str()),
        [
            "3",
            "45000",
            "0.75",
            "SUCCEEDED INCREMENTAL SCHEDULED at 00:00:48.000, 2 inserted, 0 \
                                deleted"
        ]
    );
    let [watched] = run.summary.cases[0].refreshes.as_slice() else { panic!("not one table") };
    assert_eq!((watched.table.as_str(), watched.lag_target_ms), ("DAILY", Some(60_000)));
    let refreshed = watched.refreshes.iter().map(|it| (it.data_timestamp, it.inserted_rows));
    assert!(refreshed.eq([(Some(at(8)), Some(0)), (Some(at(48)), Some(2))]), "{watched:#?}");
    let shown = watched.shown.iter().map(|it| (it.changed_at, it.seen_at));
    assert!(shown.eq([(at(10), at(55))]), "{watched:#?}");

    // A state on the way that is wrong is a failure, also where the last one is right.
    let wrong = format!("{DEFINED} AT(TIMESTAMP => '2026-01-01 00:00:08");
    let run =
        play(steps, script().on_prefix(&wrong, digest(2, 2, 0)).on_prefix(ROWS, more(&[(1, "a")])));
    assert!(run.failure(0).message.contains("at 2026-01-01 00:00:08 UTC"));

    // As are statistics that do not account for what became of it.
    let lying = history(&[(8, "NO_DATA", 0, 0), (48, "INCREMENTAL", 3, 0)]);
    let run = play(steps, script().on_prefix(HISTORY, lying));
    assert_eq!(
        run.failure(0).message,
        "DB.SG1_S.DAILY: it went from 1 to 3 rows, and the statistics of its refreshes add up to +3"
    );
}

#[test]
fn what_is_not_fresh_in_time_has_failed() {
    let script = keeping().on_each(NOW, [now(0), now(100)]);
    let steps = "- DELETE FROM T_BASE\n- { fresh: daily, within: 2 lags }\n";
    let run = play(steps, script.clone());
    run.check(
        "it: failed: DB.SG1_S.DAILY is not fresh within 2 lags: its data timestamp should not be \
         before 2026-01-01 00:01:40 UTC, and it is 2026-01-01 00:00:48 UTC",
    );
    let waited = script.passed().as_secs();
    assert!((120..130).contains(&waited), "{waited}");
    // One data timestamp, one look at the contents.
    assert_eq!(count(&run, READ), 1);

    let run = play("- DELETE FROM T_BASE\n- fresh: daily\n", script);
    assert!(run.failure(0).message.contains("is not fresh: its data timestamp"));
}

#[test]
fn a_jump_of_time_over_the_limit_leaves_one_more_look() {
    // Somebody else moves the clock on while the first look goes on.
    let jump = digest(3, 7, 10).taking(Duration::from_secs(200));
    let states = [state(10, 0), state(10, 0), state(210, 0), state(210, 192)];
    let script = keeping()
        .on_each(NOW, [now(0), now(10)])
        .on_each(STATE, states)
        .on_each(READ, [jump, digest(3, 7, 210)])
        .on_prefix(HISTORY, history(&[(192, "NO_DATA", 0, 0)]));
    play("- DELETE FROM T_BASE\n- { fresh: daily, within: 2 lags }\n", script).check("it: passed");
}

#[test]
fn a_past_that_is_gone_is_no_matter_where_it_was_before_the_change() {
    let gone = Reply::refused("000707", "02000", "Time travel data is not available for table T");
    let before = format!("{DEFINED} AT(TIMESTAMP => '2026-01-01 00:00:00");
    let states = [state(10, 0), state(10, 0), state(10, 0), state(99, 48)];
    let script = keeping()
        .on_each(NOW, [now(0), now(10)])
        .on_each(STATE, states)
        .on_prefix(&before, gone.clone());
    let steps = "- CREATE OR REPLACE TABLE T_BASE (K INT)\n- { fresh: daily, within: 2 lags }\n";
    let run = play(steps, script.clone());
    run.check("it: passed");
    assert_eq!(run.summary.cases[0].properties["oracle_unsure"], "1");
    let run = play(steps, script.on_prefix(DEFINED, gone));
    assert!(matches!(run.summary.cases[0].outcome, Outcome::Unsure { .. }));
}

#[test]
fn an_unverified_look_is_observed() {
    let steps = "- { fresh: daily, evidence: unverified, source: nobody }\n";
    let script = keeping().on(NOW, now(100));
    let run = play(steps, script);
    assert!(matches!(run.summary.cases[0].outcome, Outcome::Observed { .. }));
}

#[test]
fn histories_are_held_to_what_is_expected() {
    let steps = "- refreshes: daily
  every: { action: INCREMENTAL, trigger: SCHEDULED }
  some: [{ inserted: 1, deleted: 0 }]
  schedule: { phase-of: daily }
";
    play(steps, keeping()).check("it: passed");
    let full = || keeping().on_prefix(HISTORY, history(&[(48, "FULL", 3, 3)]));
    let run = play(steps, full());
    run.check(
        "it: failed: a refresh is not INCREMENTAL, SCHEDULED: SUCCEEDED FULL SCHEDULED at \
         00:00:48.000, 3 inserted, 3 deleted",
    );
    // Only what came since the case began.
    let sql = &run.failure(0).sql;
    assert!(
        sql.ends_with(
            "WHERE DATA_TIMESTAMP >= '2026-01-01 00:00:00 +00:00'::TIMESTAMP_LTZ ORDER BY \
             DATA_TIMESTAMP"
        ),
        "{sql}"
    );
    let none = Reply::refused("003001", "42501", "Insufficient privileges");
    let run = play(steps, keeping().on_prefix(HISTORY, none));
    run.check(
        "it: unsure: the refresh history was refused: 003001 (42501): Insufficient privileges",
    );
}

#[test]
fn lag_is_sampled_until_each_row_is_seen() {
    let seen = |at: i64, greatest: i128| {
        Reply::rows([("NOW", LTZ), ("MAX(ID)", INTEGER)], [[time(at), number(greatest)]])
    };
    let steps = |budget: &str| {
        format!(
            "- lag: daily
  insert: INSERT INTO T_BASE VALUES ({{sentinel}})
  visible: SELECT MAX(ID) FROM {{daily}}
  samples: 2
  pause: 10s
  within: 2 lags
  budget: {budget}
"
        )
    };
    let visible =
        "SELECT CURRENT_TIMESTAMP() AS NOW, V.* FROM (SELECT MAX(ID) FROM DB.SG1_S.DAILY) V";
    let script = || {
        keeping()
            .on_each(NOW, [now(0), now(0), now(10)])
            .on_each(visible, [seen(0, 0), seen(10, 0), seen(20, 1), seen(30, 2)])
    };
    let run = play(&steps("max <= 1 lag"), script());
    run.check("it: passed");
    assert_eq!(count(&run, "INSERT INTO T_BASE VALUES (2)"), 1);
    let properties = &run.summary.cases[0].properties;
    let told = ["lag_samples", "lag_p50_ms", "lag_max_ms", "lag_target_ms", "lag_resolution_ms"];
    assert_eq!(told.map(|it| properties[it].as_str()), ["2", "20000", "20000", "60000", "10000"]);

    play(&steps("max <= 15s"), script()).check(
        "it: failed: the budget `max <= 15s`, which is 15 s, is not held: max is 20 s of 2 samples",
    );
    play(&steps("p95 <= 1 lag"), script()).check(
        "it: unsure: the budget `p95 <= 1 lag`: p95 is 20 s of 2 samples; 59 within it would tell",
    );
    let never = script().on_each(visible, [seen(0, 0), seen(10, 0), seen(200, 0)]);
    play(&steps("max <= 1 lag"), never).check("it: failed: no row was visible within 120 s");
}

#[test]
fn tables_together_are_looked_at_in_one_look() {
    let text = "refreshed:
  one:
    create: CREATE DYNAMIC TABLE {one} TARGET_LAG = '1 minute'
    as: SELECT 1 AS A FROM T_BASE{at}
  two:
    create: CREATE DYNAMIC TABLE {two} TARGET_LAG = '1 minute'
    as: SELECT 2 AS A FROM T_BASE{at}
cases:
  - name: it
    steps:
      - equals-definition: [one, two]
        within: 2 lags
";
    let script = |two: Vec<Reply>| {
        keeping()
            .on_prefix(HISTORY, history(&[(48, "NO_DATA", 0, 0)]))
            .on(&STATE.replace("DAILY", "ONE"), state(50, 48))
            .on_each(&STATE.replace("DAILY", "TWO"), two)
            .on(&READ.replace("DAILY", "ONE"), digest(3, 7, 50))
            .on(&READ.replace("DAILY", "TWO"), digest(3, 7, 50))
            .on_prefix("SELECT COUNT(*), HASH_AGG(*), CURRENT_TIMESTAMP() FROM (", digest(3, 7, 50))
    };
    let play = |two| {
        let suite = parse_suite("s", Source::new("s.yaml", text.to_owned())).unwrap();
        run_all(&[suite], &[], script(two))
    };
    play(vec![state(50, 48)]).check("it: passed");
    play(vec![state(50, 0), state(50, 0), state(50, 48)]).check("it: passed");
    play(vec![state(50, 0)]).check(
        "it: failed: no common data timestamp within 2 lags: DB.SG1_S.ONE 2026-01-01 00:00:48 UTC, \
         DB.SG1_S.TWO 2026-01-01 00:00:00 UTC",
    );
}
