//! What was executed: the rows of QUERY_HISTORY.
//!
//! Only what was accounted for elsewhere is kept and printed; nothing is measured here.

use super::governor::Account;
use crate::{
    error::SqlError,
    regression::{Regression, regressed},
    rows::{Builder, Cell, INSTANT, NUMBER, TEXT},
    types::DataType,
};
use arrow::{array::RecordBatch, datatypes::SchemaRef};
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::RwLock;
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};
use uuid::Uuid;

/// How many statements are remembered. The service keeps seven days; a load run of an hour at 25
/// statements a second fits.
pub const RECORDS_MAX: usize = 100_000;

/// How far back `END_TIME_RANGE_*` may reach.
const DAYS_KEPT: i64 = 7;

/// `RESULT_LIMIT` where none is given, and the largest.
pub const RESULT_LIMIT: u64 = 100;
pub const RESULT_LIMIT_MAX: u64 = 10_000;

/// One statement, running or done.
#[derive(Clone, Debug)]
pub struct QueryRecord {
    pub query_id: Uuid,
    pub sql: String,
    /// `SELECT`, `CREATE_TABLE_AS_SELECT`, …
    pub query_type: &'static str,
    pub database: Option<String>,
    pub schema: Option<String>,
    pub session_id: i64,
    pub user: String,
    pub role: String,
    pub tag: String,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub error: Option<SqlError>,
    /// `None` where no warehouse was needed.
    pub account: Option<Account>,
    /// Statements are compiled once they are admitted, so this is part of [`Account::ran`], but for
    /// [`Account::compiled_before`].
    pub compilation: Duration,
    pub rows_produced: u64,
    pub partitions_scanned: usize,
    pub partitions_total: usize,
    pub bytes_scanned: usize,
    /// Of those, from the warehouse's cache; `None` where no capacity model knows.
    pub bytes_from_cache: Option<usize>,
}

/// The statements of the account, by query id. Beyond [`RECORDS_MAX`] the oldest are forgotten.
#[derive(Debug)]
pub struct History {
    records_max: usize,
    /// Whether there is a column `PERCENTAGE_SCANNED_FROM_CACHE`. The service has it in
    /// ACCOUNT_USAGE only; here it is told with a capacity model, which alone knows.
    tells_cache: bool,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By number, which grows with each statement.
    records: BTreeMap<u64, Entry>,
    numbers: HashMap<Uuid, u64>,
    next_number: u64,
}

#[derive(Debug)]
struct Entry {
    record: QueryRecord,
    queued: bool,
}

/// Which statements a function of the QUERY_HISTORY family is about.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryFilter {
    /// `_BY_SESSION`.
    pub session_id: Option<i64>,
    /// `_BY_USER`, as stored.
    pub user: Option<String>,
    /// `_BY_WAREHOUSE`, as stored.
    pub warehouse: Option<String>,
    pub end_time_range_start: Option<DateTime<Utc>>,
    /// Statements that still run are left out when this is given.
    pub end_time_range_end: Option<DateTime<Utc>>,
    /// Applied to the newest, before any `WHERE` sees a row.
    pub result_limit: u64,
}

impl Default for HistoryFilter {
    fn default() -> Self {
        Self {
            session_id: None,
            user: None,
            warehouse: None,
            end_time_range_start: None,
            end_time_range_end: None,
            result_limit: RESULT_LIMIT,
        }
    }
}

impl Default for History {
    fn default() -> Self {
        Self::with_capacity(RECORDS_MAX)
    }
}

impl History {
    /// Remembers `records_max` statements, at least one.
    pub fn with_capacity(records_max: usize) -> Self {
        Self { records_max: records_max.max(1), tells_cache: false, inner: RwLock::default() }
    }

    /// With a column for what came from the cache.
    pub fn telling_cache(self, tells_cache: bool) -> Self {
        Self { tells_cache, ..self }
    }

    /// A statement begins.
    pub fn insert(&self, record: QueryRecord) {
        let mut inner = self.inner.write();
        let number = inner.next_number;
        inner.next_number += 1;
        if let Some(old) = inner.numbers.insert(record.query_id, number) {
            inner.records.remove(&old);
        }
        inner.records.insert(number, Entry { record, queued: false });
        while self.records_max < inner.records.len() {
            if let Some((number, entry)) = inner.records.pop_first() {
                // The id may have come again since, under a later number.
                if inner.numbers.get(&entry.record.query_id) == Some(&number) {
                    inner.numbers.remove(&entry.record.query_id);
                }
            }
        }
    }

    /// Changes a statement's record, at its end above all. False if it was forgotten.
    pub fn update(&self, query_id: Uuid, change: impl FnOnce(&mut QueryRecord)) -> bool {
        self.with_entry(query_id, |it| change(&mut it.record))
    }

    /// Whether a running statement waits for its warehouse, `queued`, or runs. It runs at first.
    pub fn set_queued(&self, query_id: Uuid, queued: bool) -> bool {
        self.with_entry(query_id, |it| it.queued = queued)
    }

    fn with_entry(&self, query_id: Uuid, change: impl FnOnce(&mut Entry)) -> bool {
        let mut inner = self.inner.write();
        let Some(number) = inner.numbers.get(&query_id).copied() else { return false };
        let Some(entry) = inner.records.get_mut(&number) else { return false };
        change(entry);
        true
    }

    pub fn get(&self, query_id: Uuid) -> Option<QueryRecord> {
        let inner = self.inner.read();
        let number = inner.numbers.get(&query_id)?;
        inner.records.get(number).map(|it| it.record.clone())
    }

    /// In the words of the `execution_status` column.
    pub fn status(&self, query_id: Uuid) -> Option<&'static str> {
        let inner = self.inner.read();
        let number = inner.numbers.get(&query_id)?;
        inner.records.get(number).map(Entry::status)
    }

    /// The columns of [`History::rows`].
    pub fn schema() -> SchemaRef {
        columns(false).schema()
    }

    /// Rows of a function of the QUERY_HISTORY family: those that still run, then the latest to
    /// end. Refuses a filter that the service refuses.
    pub fn rows(
        &self,
        filter: &HistoryFilter,
        now: DateTime<Utc>,
    ) -> Result<RecordBatch, SqlError> {
        filter.check(now)?;
        let inner = self.inner.read();
        let mut found: Vec<_> =
            inner.records.iter().filter(|(_, it)| filter.takes(&it.record)).collect();
        let rank =
            |number: u64, it: &Entry| (it.record.ended_at.is_none(), it.record.ended_at, number);
        found.sort_by_key(|(number, it)| std::cmp::Reverse(rank(**number, it)));
        if regressed(Regression::HistoryDropsRepeats) {
            found.dedup_by(|(_, a), (_, b)| a.record.sql == b.record.sql);
        }
        found.truncate(usize::try_from(filter.result_limit).unwrap_or(usize::MAX));

        let mut rows = columns(self.tells_cache);
        for (_, entry) in found {
            let mut row = entry.row(now);
            if self.tells_cache {
                row.push(entry.percentage_from_cache().into());
            }
            rows.push(row);
        }
        Ok(rows.record_batch())
    }
}

impl HistoryFilter {
    /// Codes and texts of these refusals are not public.
    fn check(&self, now: DateTime<Utc>) -> Result<(), SqlError> {
        if !(1..=RESULT_LIMIT_MAX).contains(&self.result_limit) {
            let text = format!(
                "SQL compilation error:\ninvalid value [{}] for parameter 'RESULT_LIMIT'",
                self.result_limit
            );
            return Err(SqlError::new(1008, "22023", text));
        }
        let oldest = now - TimeDelta::days(DAYS_KEPT);
        for end in [self.end_time_range_start, self.end_time_range_end].into_iter().flatten() {
            if end < oldest {
                let text = format!("Cannot retrieve data from more than {DAYS_KEPT} days ago.");
                return Err(SqlError::new(707, "22023", text));
            }
        }
        Ok(())
    }

    fn takes(&self, record: &QueryRecord) -> bool {
        let warehouse = record.account.as_ref().map(|it| &it.warehouse);
        self.session_id.is_none_or(|it| it == record.session_id)
            && self.user.as_ref().is_none_or(|it| *it == record.user)
            && self.warehouse.as_ref().is_none_or(|it| Some(it) == warehouse)
            && match record.ended_at {
                None => self.end_time_range_end.is_none(),
                Some(end) => {
                    self.end_time_range_start.is_none_or(|it| it <= end)
                        && self.end_time_range_end.is_none_or(|it| end <= it)
                }
            }
    }
}

/// The columns of the documented function, as far as something here fills them.
fn columns(tells_cache: bool) -> Builder {
    let mut columns = vec![
        ("QUERY_ID", TEXT),
        ("QUERY_TEXT", TEXT),
        ("DATABASE_NAME", TEXT),
        ("SCHEMA_NAME", TEXT),
        ("QUERY_TYPE", TEXT),
        ("SESSION_ID", NUMBER),
        ("USER_NAME", TEXT),
        ("ROLE_NAME", TEXT),
        ("WAREHOUSE_NAME", TEXT),
        ("WAREHOUSE_SIZE", TEXT),
        ("WAREHOUSE_TYPE", TEXT),
        ("CLUSTER_NUMBER", NUMBER),
        ("QUERY_TAG", TEXT),
        ("EXECUTION_STATUS", TEXT),
        ("ERROR_CODE", NUMBER),
        ("ERROR_MESSAGE", TEXT),
        ("START_TIME", INSTANT),
        ("END_TIME", INSTANT),
        ("TOTAL_ELAPSED_TIME", NUMBER),
        ("BYTES_SCANNED", NUMBER),
        ("ROWS_PRODUCED", NUMBER),
        ("COMPILATION_TIME", NUMBER),
        ("EXECUTION_TIME", NUMBER),
        ("QUEUED_PROVISIONING_TIME", NUMBER),
        ("QUEUED_REPAIR_TIME", NUMBER),
        ("QUEUED_OVERLOAD_TIME", NUMBER),
        ("TRANSACTION_BLOCKED_TIME", NUMBER),
        ("LIST_EXTERNAL_FILE_TIME", NUMBER),
        ("FAULT_HANDLING_TIME", NUMBER),
        ("QUERY_RETRY_TIME", NUMBER),
        ("PARTITIONS_SCANNED", NUMBER),
        ("PARTITIONS_TOTAL", NUMBER),
        ("IS_CLIENT_GENERATED_STATEMENT", DataType::Boolean),
    ];
    if tells_cache {
        columns.push(("PERCENTAGE_SCANNED_FROM_CACHE", DataType::Float));
    }
    Builder::new(&columns)
}

impl Entry {
    fn status(&self) -> &'static str {
        match (&self.record.ended_at, &self.record.error) {
            (None, _) if self.queued => "queued",
            (None, _) => "running",
            (Some(_), Some(_)) if regressed(Regression::HistoryStatus) => "success",
            (Some(_), None) if regressed(Regression::HistoryPending) => "running",
            (Some(_), None) => "success",
            // A fault of the service itself is an incident.
            (Some(_), Some(error)) if error.sqlstate == "XX000" => "failed_with_incident",
            (Some(_), Some(_)) => "failed_with_error",
        }
    }

    /// From 0 to 100; 0 of nothing.
    fn percentage_from_cache(&self) -> Option<f64> {
        let cached = self.record.bytes_from_cache?;
        Some(100.0 * cached as f64 / self.record.bytes_scanned.max(1) as f64)
    }

    fn row(&self, now: DateTime<Utc>) -> Vec<Cell> {
        let it = &self.record;
        let elapsed = (it.ended_at.unwrap_or(now) - it.started_at).to_std().unwrap_or_default();
        let account = it.account.as_ref();
        let execution = match account {
            // NULL where it was killed before it ran. Elsewhere compiling, queueing, executing and
            // fault handling add up to the whole.
            Some(account) => account.ran.map(|ran| {
                let of_it = it.compilation.saturating_sub(account.compiled_before);
                ran.saturating_sub(of_it)
            }),
            // No warehouse: what was not compiling was executing.
            None if it.ended_at.is_some() => Some(elapsed.saturating_sub(it.compilation)),
            None => None,
        };
        let execution = match regressed(Regression::HistoryDoesNotAddUp) {
            true => execution.map(|it| it / 2),
            false => execution,
        };
        let elapsed = match regressed(Regression::HistoryBeyondClient) {
            true => 2 * elapsed,
            false => elapsed,
        };
        let lost = |of: fn(&Account) -> Duration| ms(account.map(of).unwrap_or_default());
        vec![
            it.query_id.to_string().into(),
            it.sql.as_str().into(),
            it.database.clone().into(),
            it.schema.clone().into(),
            it.query_type.into(),
            it.session_id.into(),
            it.user.as_str().into(),
            it.role.as_str().into(),
            account
                .map(|it| match regressed(Regression::HistoryWarehouse) {
                    true => "COMPUTE_WH",
                    false => it.warehouse.as_str(),
                })
                .into(),
            account.map(|it| it.size.as_str()).into(),
            account.and_then(|it| it.kind).map(|it| it.name()).into(),
            account.and_then(|it| it.cluster_number).into(),
            it.tag.as_str().into(),
            self.status().into(),
            // A number here, six digits in text in ACCOUNT_USAGE (catalogue M-13).
            it.error
                .as_ref()
                .map(|it| if regressed(Regression::HistoryErrorCode) { 604 } else { it.code })
                .into(),
            it.error.as_ref().map(|it| it.message.as_str()).into(),
            it.started_at.into(),
            it.ended_at.unwrap_or(DateTime::UNIX_EPOCH).into(),
            ms(if regressed(Regression::HistoryElapsed) { elapsed / 1000 } else { elapsed }),
            it.bytes_scanned.into(),
            it.rows_produced.into(),
            ms(it.compilation),
            execution.map(ms).unwrap_or(Cell::Null),
            lost(|it| it.queued_provisioning),
            ms(Duration::ZERO),
            lost(|it| it.queued_overload),
            ms(Duration::ZERO),
            ms(Duration::ZERO),
            lost(|it| match regressed(Regression::FallbackNotCounted) {
                true => Duration::ZERO,
                false => it.fault_handling,
            }),
            ms(Duration::ZERO),
            it.partitions_scanned.into(),
            it.partitions_total.into(),
            false.into(),
        ]
    }
}

fn ms(duration: Duration) -> Cell {
    Cell::Number(i128::try_from(duration.as_millis()).unwrap_or(i128::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;
    use arrow::util::display::{ArrayFormatter, FormatOptions};

    fn at(secs: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(secs)
    }

    /// Submitted at `n` seconds by session 1 of user U, still running.
    fn record(n: i64) -> QueryRecord {
        QueryRecord {
            query_id: Uuid::from_u128(n as u128),
            sql: format!("SELECT {n}"),
            query_type: "SELECT",
            database: Some("DB".to_owned()),
            schema: None,
            session_id: 1,
            user: "U".to_owned(),
            role: "R".to_owned(),
            tag: "tag".to_owned(),
            started_at: at(n),
            ended_at: None,
            error: None,
            account: None,
            compilation: Duration::from_millis(50),
            rows_produced: 0,
            partitions_scanned: 0,
            partitions_total: 0,
            bytes_scanned: 0,
            bytes_from_cache: None,
        }
    }

    fn done(n: i64) -> QueryRecord {
        QueryRecord { ended_at: Some(at(n + 1)), ..record(n) }
    }

    /// One column as text, NULL as `-`.
    fn column(batch: &RecordBatch, name: &str) -> Vec<String> {
        let array = batch.column_by_name(name).expect(name);
        let options = FormatOptions::default().with_null("-");
        let cells = ArrayFormatter::try_new(array, &options).expect("every type can be printed");
        (0..batch.num_rows()).map(|row| cells.value(row).to_string()).collect()
    }

    #[track_caller]
    fn texts(history: &History, filter: HistoryFilter) -> Vec<String> {
        let rows = history.rows(&filter, at(100)).expect("the filter is allowed");
        column(&rows, "QUERY_TEXT").iter().map(|it| it.replace("SELECT ", "")).collect()
    }

    #[test]
    fn the_newest_come_first_and_running_ones_before_them() {
        let history = History::default();
        for record in [done(1), record(2), done(3), record(4)] {
            history.insert(record);
        }
        assert_eq!(texts(&history, HistoryFilter::default()), ["4", "2", "3", "1"]);
        let three = HistoryFilter { result_limit: 3, ..HistoryFilter::default() };
        assert_eq!(texts(&history, three), ["4", "2", "3"]);
    }

    #[test]
    fn filters_are_by_session_user_warehouse_and_end() {
        let history = History::default();
        let account = Account { warehouse: "W".to_owned(), ..Account::default() };
        history.insert(QueryRecord { account: Some(account), ..done(1) });
        history.insert(QueryRecord { session_id: 2, ..done(2) });
        history.insert(QueryRecord { user: "V".to_owned(), ..done(3) });
        history.insert(record(4));
        let all = HistoryFilter::default;
        assert_eq!(texts(&history, HistoryFilter { session_id: Some(2), ..all() }), ["2"]);
        assert_eq!(texts(&history, HistoryFilter { user: Some("V".into()), ..all() }), ["3"]);
        assert_eq!(texts(&history, HistoryFilter { warehouse: Some("W".into()), ..all() }), ["1"]);
        let since = HistoryFilter { end_time_range_start: Some(at(3)), ..all() };
        assert_eq!(texts(&history, since), ["4", "3", "2"]);
        let until = HistoryFilter { end_time_range_end: Some(at(3)), ..all() };
        assert_eq!(texts(&history, until), ["2", "1"]);
    }

    #[test]
    fn a_statement_goes_from_running_to_its_end() {
        let history = History::default();
        history.insert(record(1));
        let id = record(1).query_id;
        assert_eq!(history.status(id), Some("running"));
        assert!(history.set_queued(id, true));
        assert_eq!(history.status(id), Some("queued"));
        let rows = history.rows(&HistoryFilter::default(), at(5)).expect("the filter is allowed");
        assert_eq!(column(&rows, "TOTAL_ELAPSED_TIME"), ["4000"]);
        assert_eq!(column(&rows, "END_TIME"), ["1970-01-01T00:00:00Z"]);
        assert_eq!(column(&rows, "EXECUTION_TIME"), ["-"]);

        assert!(history.update(id, |it| it.ended_at = Some(at(3))));
        assert_eq!(history.status(id), Some("success"));
        assert!(!history.update(Uuid::nil(), |_| {}));
    }

    #[test]
    fn a_timeout_before_running_has_no_execution_time() {
        let history = History::default();
        history.insert(QueryRecord {
            ended_at: Some(at(6)),
            error: Some(SqlError::timed_out(5)),
            account: Some(Account {
                warehouse: "IW".to_owned(),
                kind: Some(Kind::Interactive),
                size: "X-Small".to_owned(),
                queued_overload: Duration::from_millis(4_950),
                ..Account::default()
            }),
            ..record(1)
        });
        let rows = history.rows(&HistoryFilter::default(), at(9)).expect("the filter is allowed");
        for (name, expected) in [
            ("EXECUTION_STATUS", "failed_with_error"),
            ("ERROR_CODE", "630"),
            ("WAREHOUSE_TYPE", "INTERACTIVE"),
            ("WAREHOUSE_SIZE", "X-Small"),
            ("CLUSTER_NUMBER", "-"),
            ("SCHEMA_NAME", "-"),
            ("TOTAL_ELAPSED_TIME", "5000"),
            ("COMPILATION_TIME", "50"),
            ("QUEUED_OVERLOAD_TIME", "4950"),
            ("EXECUTION_TIME", "-"),
            ("FAULT_HANDLING_TIME", "0"),
        ] {
            assert_eq!(column(&rows, name), [expected], "{name}");
        }
    }

    #[test]
    fn times_of_a_fallback_add_up_to_the_whole() {
        let history = History::default();
        history.insert(QueryRecord {
            ended_at: Some(at(11)),
            account: Some(Account {
                warehouse: "STD".to_owned(),
                kind: Some(Kind::Standard),
                fault_handling: Duration::from_millis(5_000),
                queued_overload: Duration::from_millis(1_000),
                ran: Some(Duration::from_millis(4_000)),
                ..Account::default()
            }),
            ..record(1)
        });
        let rows = history.rows(&HistoryFilter::default(), at(20)).expect("the filter is allowed");
        for (name, expected) in [
            ("WAREHOUSE_TYPE", "STANDARD"),
            ("TOTAL_ELAPSED_TIME", "10000"),
            ("FAULT_HANDLING_TIME", "5000"),
            ("QUEUED_OVERLOAD_TIME", "1000"),
            ("COMPILATION_TIME", "50"),
            ("EXECUTION_TIME", "3950"),
        ] {
            assert_eq!(column(&rows, name), [expected], "{name}");
        }
    }

    #[test]
    fn limits_and_ranges_outside_the_service_s_are_refused() {
        #[track_caller]
        fn check(filter: HistoryFilter, text: &str) {
            let error = History::default().rows(&filter, at(0)).expect_err(text);
            assert!(error.message.contains(text), "{error}");
        }
        let all = HistoryFilter::default;
        check(HistoryFilter { result_limit: 0, ..all() }, "invalid value [0]");
        check(HistoryFilter { result_limit: 10_001, ..all() }, "invalid value [10001]");
        let long_ago = Some(at(0) - TimeDelta::days(8));
        check(HistoryFilter { end_time_range_start: long_ago, ..all() }, "more than 7 days");
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let history = History::with_capacity(2);
        for n in 1..=3 {
            history.insert(done(n));
        }
        assert_eq!(texts(&history, HistoryFilter::default()), ["3", "2"]);
        assert!(history.get(record(1).query_id).is_none());
        assert!(history.get(record(3).query_id).is_some());
        history.insert(done(3));
        assert_eq!(texts(&history, HistoryFilter::default()), ["3", "2"]);
    }

    #[test]
    fn no_rows_still_have_columns() {
        let rows = History::default().rows(&HistoryFilter::default(), at(0));
        assert_eq!(rows.map(|it| it.schema()), Ok(History::schema()));
    }
}
