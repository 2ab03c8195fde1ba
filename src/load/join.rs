//! Where the time of statements went according to the server: its query history, by query id.

use super::{
    Histo, Measured, ServerShare,
    tally::{Sent, kept},
};
use crate::target::{Ending, QueryTag, Rows, Session, Statement, Value};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use hdrhistogram::Histogram;
use std::{collections::HashMap, time::Duration};
use uuid::Uuid;

/// The most that one question is answered with. What is asked for is cut off before any WHERE.
const ROWS_MAX: usize = 10_000;

/// How far the server's clock may be from ours.
const SKEW: TimeDelta = TimeDelta::minutes(2);

/// Questions at most: a history that others fill as well may take very many.
const QUESTIONS_MAX: usize = 400;

/// How long a question may take.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// Times of one statement, in milliseconds, as the history has them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Times {
    compile: u64,
    queue: u64,
    execute: u64,
    total: u64,
}

/// When a load was executed, by the target's clock.
#[derive(Clone, Copy, Debug)]
pub struct When {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// Looks up the statements of each role. `warehouse` of a role is where they were executed.
///
/// What the history does not tell is left out, and the coverage says so.
pub async fn join(
    measured: &mut Measured,
    sent: &[Vec<Sent>],
    session: &mut dyn Session,
    tag: &QueryTag,
    when: When,
) {
    for (role, sent) in measured.roles.iter_mut().zip(sent) {
        let Some(warehouse) = &role.warehouse else { continue };
        let times = history(session, warehouse, tag, when).await;
        for (at, query) in role.queries.iter_mut().enumerate() {
            let of: u64 = query
                .seconds
                .iter()
                .map(|it| it.ok + it.wrong_rows + it.errors.values().sum::<u64>())
                .sum();
            let own = sent.iter().filter(|it| usize::from(it.query) == at);
            query.server = share(own, &times, of);
        }
    }
}

/// `None` where nothing was found.
fn share<'a>(
    sent: impl Iterator<Item = &'a Sent>,
    times: &HashMap<Uuid, Times>,
    of: u64,
) -> Option<ServerShare> {
    let [mut compile, mut queue, mut execute, mut rest]: [Histogram<u64>; 4] =
        std::array::from_fn(|_| Histo::empty());
    let mut found = 0;
    for it in sent {
        let Some(times) = times.get(&it.id) else { continue };
        found += 1;
        for (histogram, ms) in [
            (&mut compile, times.compile),
            (&mut queue, times.queue),
            (&mut execute, times.execute),
        ] {
            histogram.saturating_record(ms.saturating_mul(1000));
        }
        let total_us = times.total.saturating_mul(1000);
        rest.saturating_record(u64::from(it.from_sent_us).saturating_sub(total_us));
    }
    (found > 0).then(|| ServerShare {
        found,
        of,
        compile: kept(&compile),
        queue: kept(&queue),
        execute: kept(&execute),
        rest: kept(&rest),
        // Sessions have `USE_CACHED_RESULT = FALSE`, and the history does not tell of it.
        from_result_cache: 0,
        // `INFORMATION_SCHEMA` does not have it; it is in `ACCOUNT_USAGE`, three quarters of an hour
        // later.
        from_cache: None,
    })
}

/// Statements of the load by their ids. A time with more of them than one answer holds is asked
/// for in halves.
async fn history(
    session: &mut dyn Session,
    warehouse: &str,
    tag: &QueryTag,
    when: When,
) -> HashMap<Uuid, Times> {
    let mut times = HashMap::new();
    let mut open = vec![When { from: when.from - SKEW, until: when.until + SKEW }];
    for _ in 0..QUESTIONS_MAX {
        let Some(part) = open.pop() else { break };
        let statement = Statement {
            sql: question(warehouse, tag, part),
            tag: Some(tag.clone()),
            give_up_after: GIVE_UP_AFTER,
            ..Statement::default()
        };
        let Ending::Rows(rows) = session.execute(&statement).await.ending else { break };
        let asked = rows.rows.first().and_then(|it| number(it.get(5))).unwrap_or_default();
        let length = part.until - part.from;
        if asked >= ROWS_MAX as u64 && length > TimeDelta::milliseconds(2) {
            let middle = part.from + length / 2;
            open.extend([
                When { from: part.from, until: middle },
                When { from: middle, until: part.until },
            ]);
            continue;
        }
        note(&rows, &mut times);
    }
    times
}

/// How many there are in all is counted beside them, so that a cut can be seen.
fn question(warehouse: &str, tag: &QueryTag, when: When) -> String {
    let instant = |it: DateTime<Utc>| it.to_rfc3339_opts(SecondsFormat::Millis, true);
    let text = |it: &str| it.replace('\\', "\\\\").replace('\'', "''");
    format!(
        "SELECT QUERY_ID, COMPILATION_TIME, QUEUED_OVERLOAD_TIME + QUEUED_PROVISIONING_TIME + \
         QUEUED_REPAIR_TIME, EXECUTION_TIME, TOTAL_ELAPSED_TIME, ASKED FROM (SELECT *, COUNT(*) \
         OVER () AS ASKED FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY_BY_WAREHOUSE(\
         WAREHOUSE_NAME => '{}', END_TIME_RANGE_START => '{}'::TIMESTAMP_LTZ, \
         END_TIME_RANGE_END => '{}'::TIMESTAMP_LTZ, RESULT_LIMIT => {ROWS_MAX}))) \
         WHERE QUERY_TAG = '{}'",
        text(warehouse),
        instant(when.from),
        instant(when.until),
        text(&tag.to_string()),
    )
}

fn note(rows: &Rows, times: &mut HashMap<Uuid, Times>) {
    for row in &rows.rows {
        let Some(Value::Text(id)) = row.first() else { continue };
        let Ok(id) = Uuid::parse_str(id) else { continue };
        let ms = |at: usize| number(row.get(at)).unwrap_or_default();
        let found = Times { compile: ms(1), queue: ms(2), execute: ms(3), total: ms(4) };
        times.insert(id, found);
    }
}

fn number(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number { digits, scale: 0 } => u64::try_from(*digits).ok(),
        _ => None,
    }
}
