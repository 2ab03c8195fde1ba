//! What the wire talks to: sessions that execute statements.
//!
//! An [`Engine`] is one account; a [`Session`] is one login. How a statement is understood is
//! [`crate::sql`]'s; here is what surrounds it: names in force, parameters, transactions,
//! history, cancelling, results kept for `RESULT_SCAN`.

use crate::{
    clock::Clock,
    error::SqlError,
    refresh::{refresher::Refresher, timekeeping},
    regression::{Regression, regressed, switched},
    release::Release,
    sql::{self, planner::Queries, result_cache::Results, text},
    store::{
        catalog::{Catalog, DatabaseInfo, OnConflict},
        provider::ScanCounts,
        transaction::Transaction,
    },
    types::{Column, ResultSet},
    warehouse::{
        Kind, Properties, Warehouse, Warehouses,
        capacity::Capacity,
        governor::{Account, SessionLimits},
        history::{History, QueryRecord},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use datafusion::sql::sqlparser::ast;
use parking_lot::Mutex;
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::watch;
use uuid::Uuid;

/// What a new account has, and what logins that name nothing get.
pub const DEFAULT_DATABASE: &str = "SNOWGAUGE";
pub const DEFAULT_WAREHOUSE: &str = "COMPUTE_WH";
pub const DEFAULT_ROLE: &str = "ACCOUNTADMIN";

/// Results kept for `RESULT_SCAN`, per session, newest first, and no more rows than this together.
const RESULTS_KEPT_MAX: usize = 32;
const RESULT_ROWS_KEPT_MAX: usize = 200_000;
/// Query ids that a session remembers for `LAST_QUERY_ID(-n)`.
const QUERIES_REMEMBERED_MAX: usize = 1_000;

/// A statement that panics, for tests.
#[cfg(test)]
const PANICS: &str = "SELECT 'panic'";

/// How an emulator is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    pub release: Release,
    pub clock: Clock,
    /// Snowflake's id of the region, as `CURRENT_REGION()` gives it.
    pub region: String,
    /// A deviation to switch on, for suites to be tried on.
    pub regression: Option<Regression>,
    /// Seconds after a multiple of 48 at which tables are refreshed, the same for all of an
    /// account. Live accounts have one each; this is what two of them had.
    pub refresh_phase_secs: u64,
    /// How long queries take, where that is simulated.
    pub capacity: Option<Capacity>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            release: Release::ZeroCopy,
            clock: Clock::real(),
            region: "AWS_US_EAST_1".to_owned(),
            regression: None,
            refresh_phase_secs: 33,
            capacity: None,
        }
    }
}

/// One account: everything that sessions share.
pub struct Engine {
    pub settings: Settings,
    pub catalog: Catalog,
    pub warehouses: Warehouses,
    pub history: History,
    pub queries: Queries,
    /// Answers that can be given again.
    pub(crate) results: Results,
    pub refresher: Refresher,
    running: Mutex<HashMap<Uuid, watch::Sender<bool>>>,
    next_session: AtomicI64,
}

/// What a login asks for. Names are as the client sent them: unquoted ones fold to upper case.
#[derive(Clone, Debug, Default)]
pub struct LoginOptions {
    pub user: String,
    pub database: Option<String>,
    pub schema: Option<String>,
    pub warehouse: Option<String>,
    pub role: Option<String>,
    /// `SESSION_PARAMETERS` of the login body.
    pub parameters: BTreeMap<String, Value>,
    pub client_app_id: String,
}

/// One logged-in session.
pub struct Session {
    pub id: i64,
    pub engine: Arc<Engine>,
    pub user: String,
    pub client_app_id: String,
    state: Mutex<State>,
    /// The open transaction, if `BEGIN` was said. Statements of a session that change something
    /// take their turns here.
    pub(crate) transaction: tokio::sync::Mutex<Option<Transaction>>,
}

#[derive(Default)]
struct State {
    names: CurrentNames,
    parameters: BTreeMap<String, Value>,
    variables: BTreeMap<String, ast::Expr>,
    /// Oldest first.
    queries: VecDeque<Uuid>,
    results: VecDeque<(Uuid, Arc<ResultSet>)>,
}

/// The names in force after a statement; the wire sends them with each reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurrentNames {
    pub database: Option<String>,
    pub schema: Option<String>,
    pub warehouse: Option<String>,
    pub role: String,
}

/// A bind value as the wire carries it: a type word (`FIXED`, `TEXT`, …) and text.
#[derive(Clone, Debug, PartialEq)]
pub struct Bind {
    pub type_name: String,
    /// One value, or one per row of an array bind.
    pub values: BindValues,
}

#[derive(Clone, Debug, PartialEq)]
pub enum BindValues {
    One(Option<String>),
    Many(Vec<Option<String>>),
}

/// One statement to execute.
#[derive(Clone, Debug)]
pub struct Request {
    pub sql: String,
    /// By position (`1`, `2`, …) or name.
    pub binds: BTreeMap<String, Bind>,
    /// Statement-level parameters: `QUERY_TAG`, `STATEMENT_TIMEOUT_IN_SECONDS`, …
    pub parameters: BTreeMap<String, Value>,
    /// Only the columns are wanted; nothing is executed.
    pub describe_only: bool,
    /// Chosen by the wire, so that it can answer "in progress" and abort before the end.
    pub query_id: Uuid,
    /// When the request arrived: statement timeouts count from here.
    pub submitted_at: DateTime<Utc>,
}

/// How a statement ended.
#[derive(Clone, Debug)]
pub struct Reply {
    pub query_id: Uuid,
    pub result: Result<Success, SqlError>,
    pub names: CurrentNames,
    /// Session parameters that clients follow (`TIMEZONE`, `AUTOCOMMIT`, `*_OUTPUT_FORMAT`).
    pub parameters: Vec<(String, Value)>,
}

#[derive(Clone, Debug)]
pub struct Success {
    pub statement_type: StatementType,
    pub result: ResultSet,
    pub dml: Option<DmlStats>,
}

/// Rows that a DML statement touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DmlStats {
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
}

/// Numbers of the wire's `statementTypeId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum StatementType {
    Select = 0x1000,
    Explain = 0x2000,
    Insert = 0x3100,
    Update = 0x3200,
    Delete = 0x3300,
    Merge = 0x3400,
    MultiInsert = 0x3500,
    Scl = 0x4000,
    AlterSession = 0x4100,
    Use = 0x4300,
    UseDatabase = 0x4301,
    UseSchema = 0x4302,
    UseWarehouse = 0x4303,
    Show = 0x4400,
    Describe = 0x4500,
    Tcl = 0x5000,
    Commit = 0x5100,
    Ddl = 0x6000,
    Call = 0x9000,
}

/// Where a statement stands, in the words of `/monitoring/queries`.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryStatus {
    pub query_id: Uuid,
    /// `RUNNING`, `QUEUED`, `SUCCESS`, `FAILED_WITH_ERROR`, `ABORTED`, …
    pub status: &'static str,
    pub error_code: String,
    pub error_message: String,
    pub sql: String,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub session_id: i64,
    pub warehouse: Option<String>,
}

impl Engine {
    pub fn new(settings: Settings) -> Arc<Self> {
        let now = settings.clock.now();
        let engine = Self {
            catalog: Catalog::default(),
            warehouses: Warehouses::with_clock(settings.release, settings.clock.clone())
                .with_capacity(settings.capacity.clone()),
            history: History::default().telling_cache(settings.capacity.is_some()),
            results: Results::default(),
            refresher: Refresher::default(),
            queries: Queries::new().expect("the operating system gives threads"),
            running: Mutex::default(),
            next_session: AtomicI64::new(1_000_001),
            settings,
        };
        let database =
            DatabaseInfo { name: DEFAULT_DATABASE.to_owned(), created_at: now, comment: None };
        engine
            .catalog
            .create_database(database, OnConflict::Fail)
            .expect("an empty catalog takes any database");
        engine
            .warehouses
            .create(
                DEFAULT_WAREHOUSE,
                Kind::Standard,
                Properties { auto_suspend: Some(Some(600)), ..Properties::default() },
                vec![],
                OnConflict::Fail,
                now,
            )
            .expect("an empty account takes any warehouse");
        Arc::new(engine)
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.settings.clock.now()
    }

    /// Lets so much time pass at once, if the clock is virtual: whatever is due until then is done
    /// at its own instant, in order, and what runs is waited for. The new time; `None` on a real
    /// clock.
    pub async fn advance(self: &Arc<Self>, by: TimeDelta) -> Option<DateTime<Utc>> {
        timekeeping::advance(self, by).await
    }

    /// Opens a session. Names that do not exist are no error: they are just not current, as on
    /// the service.
    pub fn open_session(self: &Arc<Self>, options: LoginOptions) -> Arc<Session> {
        let given =
            |it: Option<String>| it.filter(|it| !it.is_empty()).map(|it| text::fold_name(&it));
        let database = given(options.database)
            .or_else(|| Some(DEFAULT_DATABASE.to_owned()))
            .filter(|it| self.catalog.database(it).is_some());
        let schema = database.as_ref().and_then(|database| {
            given(options.schema)
                .or_else(|| Some("PUBLIC".to_owned()))
                .filter(|it| self.catalog.schema(database, it).is_some())
        });
        let warehouse = given(options.warehouse)
            .or_else(|| Some(DEFAULT_WAREHOUSE.to_owned()))
            .filter(|it| self.warehouses.get(it).is_some());
        let role = given(options.role).unwrap_or_else(|| DEFAULT_ROLE.to_owned());
        let parameters = options
            .parameters
            .into_iter()
            .map(|(name, value)| (name.to_uppercase(), value))
            .collect();
        Arc::new(Session {
            id: self.next_session.fetch_add(1, Ordering::Relaxed),
            engine: Arc::clone(self),
            user: text::fold_name(&options.user),
            client_app_id: options.client_app_id,
            state: Mutex::new(State {
                names: CurrentNames { database, schema, warehouse, role },
                parameters,
                ..State::default()
            }),
            transaction: tokio::sync::Mutex::new(None),
        })
    }

    /// Asks a running statement to stop. False if it is not running.
    pub fn cancel(&self, query_id: Uuid) -> bool {
        match self.running.lock().get(&query_id) {
            Some(signal) => signal.send(true).is_ok(),
            None => false,
        }
    }

    /// What a running statement is asked to stop by.
    pub(crate) fn cancel_signal(&self, query_id: Uuid) -> Option<watch::Receiver<bool>> {
        self.running.lock().get(&query_id).map(watch::Sender::subscribe)
    }

    pub fn query_status(&self, query_id: Uuid) -> Option<QueryStatus> {
        let record = self.history.get(query_id)?;
        let (error_code, error_message) = match &record.error {
            Some(error) => (format!("{:06}", error.code), error.message.clone()),
            None => (String::new(), String::new()),
        };
        let status = match (&record.error, self.history.status(query_id)) {
            (Some(error), _) if error.code == SqlError::cancelled().code => "ABORTED",
            (Some(_), _) => "FAILED_WITH_ERROR",
            (None, Some("queued")) => "QUEUED",
            (None, Some("resuming_warehouse")) => "RESUMING_WAREHOUSE",
            (None, Some("running")) => "RUNNING",
            (None, _) => "SUCCESS",
        };
        Some(QueryStatus {
            query_id,
            status,
            error_code,
            error_message,
            sql: record.sql,
            started_at: record.started_at,
            ended_at: record.ended_at,
            session_id: record.session_id,
            warehouse: record.account.map(|it| it.warehouse),
        })
    }
}

/// One statement on its way: what it was asked, and what is found out about it.
pub(crate) struct Running<'a> {
    pub session: &'a Arc<Session>,
    pub request: &'a Request,
    pub now: DateTime<Utc>,
    pub arrived: Instant,
    pub cancel: watch::Receiver<bool>,
    pub scanned: Arc<ScanCounts>,
    pub account: Option<Account>,
    pub compilation: Duration,
    /// Of the bytes that were scanned; see [`QueryRecord`].
    pub bytes_from_cache: Option<usize>,
}

impl<'a> Running<'a> {
    pub fn new(
        session: &'a Arc<Session>,
        request: &'a Request,
        now: DateTime<Utc>,
        cancel: watch::Receiver<bool>,
    ) -> Self {
        Self {
            session,
            request,
            now,
            arrived: Instant::now(),
            cancel,
            scanned: Arc::new(match session.engine.settings.capacity {
                Some(_) => ScanCounts::with_pieces(),
                None => ScanCounts::default(),
            }),
            account: None,
            compilation: Duration::ZERO,
            bytes_from_cache: None,
        }
    }

    /// Tells the history how it ended.
    pub fn end(self, error: Option<&SqlError>, rows_produced: u64) {
        let engine = &self.session.engine;
        let now = engine.now();
        engine.history.update(self.request.query_id, |record| {
            record.ended_at = Some(now.max(record.started_at));
            record.error = error.cloned();
            record.rows_produced = rows_produced;
            self.account_in(record);
        });
    }

    /// What was found out so far. What a statement had done for it, under its id, stands.
    pub fn account_in(&self, record: &mut QueryRecord) {
        if self.account.is_some() {
            record.account.clone_from(&self.account);
        }
        record.compilation += self.compilation;
        record.partitions_scanned += self.scanned.partitions_scanned.load(Ordering::Relaxed);
        record.partitions_total += self.scanned.partitions_total.load(Ordering::Relaxed);
        record.bytes_from_cache = self.bytes_from_cache;
        record.bytes_scanned += self.scanned.bytes_scanned.load(Ordering::Relaxed);
    }
}

/// A statement's place in the list of those that can be cancelled. It is left on drop, so however
/// the statement ends: after a panic, or when nobody waits any more, it would stay there for ever,
/// and the history would say that it still runs.
pub(crate) struct Listed<'a> {
    engine: &'a Engine,
    query_id: Uuid,
}

impl<'a> Listed<'a> {
    pub(crate) fn new(engine: &'a Engine, query_id: Uuid) -> (Self, watch::Receiver<bool>) {
        let (signal, cancel) = watch::channel(false);
        engine.running.lock().insert(query_id, signal);
        (Self { engine, query_id }, cancel)
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.engine.running.lock().remove(&self.query_id);
        self.engine.history.update(self.query_id, |record| {
            if record.ended_at.is_some() {
                return;
            }
            record.ended_at = Some(self.engine.now().max(record.started_at));
            record.error = Some(match std::thread::panicking() {
                true => SqlError::internal("the statement ended in a panic"),
                false => SqlError::cancelled(),
            });
        });
    }
}

impl Session {
    /// Executes one statement to its end.
    pub async fn execute(self: &Arc<Self>, request: Request) -> Reply {
        let statement =
            switched(self.engine.settings.regression, self.execute_as_switched(request));
        self.engine.settings.clock.statement(statement).await
    }

    async fn execute_as_switched(self: &Arc<Self>, request: Request) -> Reply {
        let engine = &self.engine;
        let query_id = request.query_id;
        let arrived = Instant::now();
        let now = engine.now();
        let (listed, cancel) = Listed::new(engine, query_id);
        let parsed = sql::parse(&request.sql);
        let query_type = parsed.as_ref().map_or("UNKNOWN", |it| it.query_type());
        let mut running = self.begin(&request, query_type, now, cancel);
        running.arrived = arrived;
        #[cfg(test)]
        assert_ne!(request.sql, PANICS, "as the test wants it");
        let result = match parsed {
            Ok(statement) => sql::execute(&mut running, statement).await,
            Err(error) => Err(error),
        };

        let is_timeout = result.as_ref().is_err_and(|it| it.code == SqlError::timed_out(0).code);
        if is_timeout && regressed(Regression::TimeoutLosesWarehouse) {
            self.set_names(|it| it.warehouse = None);
        }

        let rows_produced = result.as_ref().map_or(0, |it| it.result.row_count() as u64);
        running.end(result.as_ref().err(), rows_produced);
        drop(listed);
        if !request.describe_only {
            self.remember(query_id, result.as_ref().ok());
        }
        Reply { query_id, result, names: self.names(), parameters: self.login_parameters() }
    }

    /// Tells the history of something that begins.
    pub(crate) fn begin<'a>(
        self: &'a Arc<Self>,
        request: &'a Request,
        query_type: &'static str,
        now: DateTime<Utc>,
        cancel: watch::Receiver<bool>,
    ) -> Running<'a> {
        let names = self.names();
        self.engine.history.insert(QueryRecord {
            query_id: request.query_id,
            sql: request.sql.clone(),
            query_type,
            database: names.database,
            schema: names.schema,
            session_id: self.id,
            user: self.user.clone(),
            role: names.role,
            tag: self.tag(request),
            started_at: now,
            ended_at: None,
            error: None,
            account: None,
            compilation: Duration::ZERO,
            rows_produced: 0,
            partitions_scanned: 0,
            partitions_total: 0,
            bytes_scanned: 0,
            bytes_from_cache: None,
        });
        Running::new(self, request, now, cancel)
    }

    pub fn names(&self) -> CurrentNames {
        self.state.lock().names.clone()
    }

    pub(crate) fn set_names(&self, change: impl FnOnce(&mut CurrentNames)) {
        change(&mut self.state.lock().names);
    }

    /// The current warehouse, or `000606`.
    pub(crate) fn warehouse(&self) -> Result<Arc<Warehouse>, SqlError> {
        let name = self.names().warehouse.ok_or_else(SqlError::no_warehouse)?;
        self.engine.warehouses.find(&name).map_err(|_| SqlError::no_warehouse())
    }

    /// A parameter as this session has it; names are upper case.
    pub(crate) fn parameter(&self, name: &str) -> Option<Value> {
        self.state.lock().parameters.get(name).cloned()
    }

    pub(crate) fn set_parameter(&self, name: &str, value: Option<Value>) {
        let mut state = self.state.lock();
        match value {
            Some(value) => state.parameters.insert(name.to_owned(), value),
            None => state.parameters.remove(name),
        };
    }

    pub(crate) fn parameters(&self) -> BTreeMap<String, Value> {
        self.state.lock().parameters.clone()
    }

    pub(crate) fn variable(&self, name: &str) -> Option<ast::Expr> {
        self.state.lock().variables.get(name).cloned()
    }

    pub(crate) fn set_variable(&self, name: &str, value: Option<ast::Expr>) {
        let mut state = self.state.lock();
        match value {
            Some(value) => state.variables.insert(name.to_owned(), value),
            None => state.variables.remove(name),
        };
    }

    pub(crate) fn variables(&self) -> BTreeMap<String, ast::Expr> {
        self.state.lock().variables.clone()
    }

    /// Seconds, from statement or session parameters.
    pub(crate) fn limits(&self, request: &Request) -> SessionLimits {
        let seconds = |name: &str| {
            let value = request.parameters.get(name).cloned().or_else(|| self.parameter(name));
            match value {
                Some(Value::Number(number)) => number.as_u64().unwrap_or(0),
                Some(Value::String(text)) => text.parse().unwrap_or(0),
                _ => 0,
            }
        };
        SessionLimits {
            statement_timeout_in_seconds: seconds("STATEMENT_TIMEOUT_IN_SECONDS"),
            statement_queued_timeout_in_seconds: seconds("STATEMENT_QUEUED_TIMEOUT_IN_SECONDS"),
        }
    }

    fn tag(&self, request: &Request) -> String {
        let tag =
            request.parameters.get("QUERY_TAG").cloned().or_else(|| self.parameter("QUERY_TAG"));
        match tag {
            Some(Value::String(tag)) => tag,
            _ => String::new(),
        }
    }

    /// `TIMEZONE`; what is not a zone's name counts as the service's default.
    pub(crate) fn time_zone(&self) -> chrono_tz::Tz {
        match self.parameter("TIMEZONE") {
            Some(Value::String(name)) => name.parse().unwrap_or(chrono_tz::America::Los_Angeles),
            _ => chrono_tz::America::Los_Angeles,
        }
    }

    fn remember(&self, query_id: Uuid, success: Option<&Success>) {
        let mut state = self.state.lock();
        state.queries.push_back(query_id);
        if state.queries.len() > QUERIES_REMEMBERED_MAX {
            state.queries.pop_front();
        }
        let Some(success) = success else { return };
        state.results.push_front((query_id, Arc::new(success.result.clone())));
        let mut rows = 0;
        let kept = state
            .results
            .iter()
            .take(RESULTS_KEPT_MAX)
            .take_while(|(_, result)| {
                rows += result.row_count();
                rows <= RESULT_ROWS_KEPT_MAX
            })
            .count();
        // The newest stays however big it is: it is what RESULT_SCAN most often reads.
        state.results.truncate(kept.max(1));
    }

    /// `LAST_QUERY_ID(n)`: from the newest for negative numbers, from the first for positive ones.
    pub(crate) fn earlier_query(&self, number: i64) -> Option<Uuid> {
        let state = self.state.lock();
        let index = match number {
            1.. => usize::try_from(number - 1).ok()?,
            _ => state.queries.len().checked_sub(usize::try_from(-number).ok()?)?,
        };
        state.queries.get(index).copied()
    }

    pub(crate) fn kept_result(&self, query_id: Uuid) -> Option<Arc<ResultSet>> {
        let state = self.state.lock();
        state.results.iter().find(|(id, _)| *id == query_id).map(|(_, it)| Arc::clone(it))
    }

    /// Every parameter that a login reply carries.
    pub fn login_parameters(&self) -> Vec<(String, Value)> {
        self.parameters().into_iter().collect()
    }

    /// Rolls back what is open and forgets the session.
    pub fn close(&self) {
        // A statement that is still running keeps its transaction and ends as it would have.
        if let Ok(mut transaction) = self.transaction.try_lock()
            && let Some(open) = transaction.take()
        {
            open.rollback();
        }
    }
}

impl Success {
    /// One row, one column named `status`, as DDL answers.
    pub fn status(statement_type: StatementType, text: &str) -> Self {
        use arrow::array::{RecordBatch, StringArray};
        let data_type = crate::types::DataType::Text { length: crate::types::TEXT_LENGTH_MAX };
        let schema = arrow::datatypes::Schema::new(vec![data_type.to_field("status", false)]);
        let column = Arc::new(StringArray::from(vec![text]));
        let batch = RecordBatch::try_new(Arc::new(schema), vec![column])
            .expect("one text column matches its schema");
        let columns = vec![Column { name: "status".to_owned(), data_type, nullable: false }];
        Self { statement_type, result: ResultSet { columns, batches: vec![batch] }, dml: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(sql: &str) -> Request {
        Request {
            sql: sql.to_owned(),
            binds: BTreeMap::new(),
            parameters: BTreeMap::new(),
            describe_only: false,
            query_id: Uuid::new_v4(),
            submitted_at: Utc::now(),
        }
    }

    #[track_caller]
    fn check_ended(engine: &Engine, query_id: Uuid, status: &str, message: &str) {
        let record = engine.query_status(query_id).unwrap();
        assert_eq!((record.status, record.error_message.as_str()), (status, message));
        assert!(record.ended_at.is_some());
        assert!(!engine.cancel(query_id), "it can still be cancelled");
        assert_eq!(engine.running.lock().len(), 0);
    }

    #[tokio::test]
    async fn a_statement_that_nobody_waits_for_any_more_is_no_longer_listed() {
        let engine = Engine::new(Settings::default());
        let session = engine.open_session(LoginOptions::default());
        let request = request("SELECT SYSTEM$WAIT(60)");
        let query_id = request.query_id;
        let waited =
            tokio::time::timeout(Duration::from_millis(100), session.execute(request)).await;
        assert!(waited.is_err());
        check_ended(&engine, query_id, "ABORTED", "SQL execution canceled");
    }

    #[tokio::test]
    async fn a_statement_that_panics_is_no_longer_listed() {
        let engine = Engine::new(Settings::default());
        let session = engine.open_session(LoginOptions::default());
        let request = request(PANICS);
        let query_id = request.query_id;
        let task = tokio::spawn(async move { session.execute(request).await.result.is_ok() });
        assert!(task.await.unwrap_err().is_panic());
        check_ended(
            &engine,
            query_id,
            "FAILED_WITH_ERROR",
            "SQL execution internal error: the statement ended in a panic",
        );
    }
}
