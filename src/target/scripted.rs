//! A target whose answers are written down in a test.
//!
//! For tests of whatever drives targets. It knows no SQL: a statement is answered by its text or
//! not at all, and a statement nobody wrote an answer for is a lost connection that says so,
//! which no expectation can be satisfied by. Its time is virtual: sleeping and executing move a
//! clock and return at once, so a test of a five-minute wait is exact and takes no time.

use super::{
    Cancel, Column, Ending, Execution, LoginError, LoginRequest, Refusal, Rows, Session, Statement,
    Target, TargetKind, Type, Value, wording::folded,
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{FutureExt, future::BoxFuture};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// Where a script's time starts: 2026-01-01 00:00:00 UTC.
const START_MS: i64 = 1_767_225_600_000;

/// A target that answers from a list.
///
/// Clones are the same target: a test keeps one to look at what was executed.
#[derive(Clone)]
pub struct Scripted {
    state: Arc<Mutex<State>>,
}

struct State {
    answers: Vec<Answer>,
    otherwise: Option<Reply>,
    login_errors: VecDeque<LoginError>,
    logins: Vec<LoginRequest>,
    closed: Vec<usize>,
    executed: Vec<Executed>,
    passed: Duration,
    /// What a statement waiting for a cancel listens to, by session.
    cancels: Vec<Arc<Notify>>,
}

struct Answer {
    to: Wording,
    replies: VecDeque<Reply>,
}

enum Wording {
    Exact(String),
    /// Kept as [`normalised`] gives it.
    Normalised(String),
    /// Kept as [`normalised`] gives it.
    StartsWith(String),
}

impl Wording {
    fn matches(&self, sql: &str) -> bool {
        match self {
            Self::Exact(wording) => wording == sql,
            Self::Normalised(wording) => *wording == folded(sql),
            Self::StartsWith(wording) => folded(sql).starts_with(wording.as_str()),
        }
    }
}

/// One statement that a script was given.
#[derive(Clone, Debug, PartialEq)]
pub struct Executed {
    /// Sessions are counted from 0 in the order of their logins.
    pub session: usize,
    pub statement: Statement,
    /// On the script's clock, when it was sent.
    pub started_at: DateTime<Utc>,
}

/// A scripted ending, and how much of the script's time it takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    ending: Scene,
    takes: Duration,
    query_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Scene {
    Ends(Ending),
    /// Waits for a [`Cancel`], in real time, and is then refused as a cancelled statement is.
    UntilCancelled,
}

impl Reply {
    /// Columns by name and type, and rows.
    pub fn rows<const N: usize>(
        columns: [(&str, Type); N],
        rows: impl IntoIterator<Item = [Value; N]>,
    ) -> Self {
        let columns = columns
            .into_iter()
            .map(|(name, data_type)| Column { name: name.to_owned(), data_type, nullable: true })
            .collect();
        let rows = rows.into_iter().map(Vec::from).collect();
        Self::ending(Ending::Rows(Rows { columns, rows, affected: None }))
    }

    /// What DDL answers: one row with a `status`.
    pub fn status(text: &str) -> Self {
        Self::rows([("status", Type::Text)], [[Value::Text(text.to_owned())]])
    }

    /// What an INSERT of `count` rows answers.
    pub fn inserted(count: u64) -> Self {
        let name = "number of rows inserted".to_owned();
        let data_type = Type::Number { precision: 19, scale: 0 };
        Self::ending(Ending::Rows(Rows {
            columns: vec![Column { name, data_type, nullable: false }],
            rows: vec![vec![Value::Number { digits: i128::from(count), scale: 0 }]],
            affected: Some(count),
        }))
    }

    pub fn refused(code: &str, sqlstate: &str, message: &str) -> Self {
        Self::ending(Ending::Refused(Refusal {
            code: code.to_owned(),
            sqlstate: sqlstate.to_owned(),
            message: message.to_owned(),
        }))
    }

    pub fn lost(cause: &str) -> Self {
        Self::ending(Ending::Lost { cause: cause.to_owned() })
    }

    /// Never ends: whoever executes it gives up.
    pub fn never() -> Self {
        Self { takes: Duration::MAX, ..Self::status("") }
    }

    /// Runs until it is cancelled, and is then refused with 000604. The only reply that waits in
    /// real time.
    pub fn until_cancelled() -> Self {
        Self { ending: Scene::UntilCancelled, takes: Duration::ZERO, query_id: None }
    }

    pub fn ending(ending: Ending) -> Self {
        Self { ending: Scene::Ends(ending), takes: Duration::from_millis(1), query_id: None }
    }

    /// How long it takes on the script's clock, instead of a millisecond. More than the
    /// statement's `give_up_after` ends in [`Ending::TimedOut`].
    pub fn taking(mut self, duration: Duration) -> Self {
        self.takes = duration;
        self
    }

    /// The query id, instead of one made from the count of statements.
    pub fn query_id(mut self, id: &str) -> Self {
        self.query_id = Some(id.to_owned());
        self
    }
}

impl Default for Scripted {
    fn default() -> Self {
        Self::new()
    }
}

impl Scripted {
    pub fn new() -> Self {
        let state = State {
            answers: Vec::new(),
            otherwise: None,
            login_errors: VecDeque::new(),
            logins: Vec::new(),
            closed: Vec::new(),
            executed: Vec::new(),
            passed: Duration::ZERO,
            cancels: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Answers `sql`, whatever its letter case, spacing and final semicolon. Quoted text counts
    /// as written.
    pub fn on(self, sql: &str, reply: Reply) -> Self {
        self.answer(Wording::Normalised(folded(sql)), [reply])
    }

    /// Answers `sql` with one reply after the other. The last one stays.
    pub fn on_each(self, sql: &str, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.answer(Wording::Normalised(folded(sql)), replies)
    }

    /// Answers `sql` to the letter only.
    pub fn on_exactly(self, sql: &str, reply: Reply) -> Self {
        self.answer(Wording::Exact(sql.to_owned()), [reply])
    }

    /// Answers every statement that begins so, in any letter case and spacing.
    pub fn on_prefix(self, prefix: &str, reply: Reply) -> Self {
        self.answer(Wording::StartsWith(folded(prefix)), [reply])
    }

    /// Answers everything else, which is lost without this.
    pub fn otherwise(self, reply: Reply) -> Self {
        self.lock().otherwise = Some(reply);
        self
    }

    /// Fails the next login that has not been failed already.
    pub fn login_fails(self, error: LoginError) -> Self {
        self.lock().login_errors.push_back(error);
        self
    }

    fn answer(self, to: Wording, replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies = replies.into_iter().collect();
        self.lock().answers.push(Answer { to, replies });
        self
    }

    /// All that was executed, in order, on all sessions.
    pub fn executed(&self) -> Vec<Executed> {
        self.lock().executed.clone()
    }

    /// The texts of [`Self::executed`].
    pub fn executed_sql(&self) -> Vec<String> {
        self.lock().executed.iter().map(|it| it.statement.sql.clone()).collect()
    }

    /// What every session was asked to start with, failed logins included.
    pub fn logins(&self) -> Vec<LoginRequest> {
        self.lock().logins.clone()
    }

    /// The sessions that were closed, in that order.
    pub fn closed(&self) -> Vec<usize> {
        self.lock().closed.clone()
    }

    /// How far the clock has been moved.
    pub fn passed(&self) -> Duration {
        self.lock().passed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panics while it looks has failed already; the others may go on looking.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn now(&self) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(self.passed).unwrap_or(TimeDelta::MAX);
        DateTime::from_timestamp_millis(START_MS)
            .and_then(|it| it.checked_add_signed(passed))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn pass(&mut self, duration: Duration) {
        self.passed = self.passed.saturating_add(duration);
    }

    /// The reply to `sql`. Of several answers that fit, the one written last, so that a test can
    /// replace a part of a script it shares.
    fn reply(&mut self, sql: &str) -> Reply {
        let answer = self.answers.iter_mut().rev().find(|it| it.to.matches(sql));
        let reply = answer.and_then(|it| match it.replies.len() {
            0 | 1 => it.replies.front().cloned(),
            _ => it.replies.pop_front(),
        });
        reply
            .or_else(|| self.otherwise.clone())
            .unwrap_or_else(|| Reply::lost(&format!("the script has no answer to `{sql}`")))
    }
}

impl Target for Scripted {
    fn kind(&self) -> TargetKind {
        TargetKind::Scripted
    }

    fn is_on_tokio_time(&self) -> bool {
        true
    }

    fn place(&self) -> String {
        "script".to_owned()
    }

    fn login(&self, request: LoginRequest) -> BoxFuture<'_, Result<Box<dyn Session>, LoginError>> {
        let mut state = self.lock();
        state.logins.push(request.clone());
        let session = match state.login_errors.pop_front() {
            Some(error) => Err(error),
            None => {
                let cancelled = Arc::new(Notify::new());
                let number = state.cancels.len();
                state.cancels.push(Arc::clone(&cancelled));
                let target = self.clone();
                Ok(Box::new(ScriptedSession { target, number, cancelled }) as Box<dyn Session>)
            }
        };
        drop(state);
        std::future::ready(session).boxed()
    }

    fn now(&self) -> DateTime<Utc> {
        self.lock().now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        async move {
            self.lock().pass(duration);
            // Whoever waits beside this gets its turn, as it would while time passes.
            tokio::task::yield_now().await;
        }
        .boxed()
    }
}

struct ScriptedSession {
    target: Scripted,
    number: usize,
    cancelled: Arc<Notify>,
}

impl ScriptedSession {
    /// Notes the statement, takes its reply, and moves the clock. `None` ends at a cancel.
    fn begin(&self, statement: &Statement) -> (Option<Ending>, String, Duration) {
        let mut state = self.target.lock();
        let started_at = state.now();
        let statement = statement.clone();
        let limit = statement.give_up_after;
        let reply = state.reply(&statement.sql);
        state.executed.push(Executed { session: self.number, statement, started_at });

        let query_id = reply
            .query_id
            .unwrap_or_else(|| format!("00000000-0000-0000-0000-{:012}", state.executed.len()));
        // A limit of zero is none: scripts often leave it out.
        let endless = reply.takes == Duration::MAX;
        let too_long = endless || (!limit.is_zero() && reply.takes > limit);
        let elapsed = match too_long {
            true => limit,
            false => reply.takes,
        };
        state.pass(elapsed);
        let ending = match reply.ending {
            Scene::Ends(_) if too_long => Some(Ending::TimedOut { after: limit }),
            Scene::Ends(ending) => Some(ending),
            Scene::UntilCancelled => None,
        };
        (ending, query_id, elapsed)
    }
}

impl Session for ScriptedSession {
    fn execute<'a>(&'a mut self, statement: &'a Statement) -> BoxFuture<'a, Execution> {
        async move {
            let (ending, query_id, elapsed) = self.begin(statement);
            let ending = match ending {
                Some(ending) => ending,
                None => {
                    self.cancelled.notified().await;
                    Ending::Refused(Refusal {
                        code: "000604".to_owned(),
                        sqlstate: "57014".to_owned(),
                        message: "SQL execution canceled".to_owned(),
                    })
                }
            };
            tokio::task::yield_now().await;
            Execution { ending, query_id: Some(query_id), elapsed }
        }
        .boxed()
    }

    fn canceller(&self) -> Arc<dyn Cancel> {
        Arc::new(ScriptedCancel { cancelled: Arc::clone(&self.cancelled) })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.target.lock().closed.push(self.number);
        std::future::ready(()).boxed()
    }
}

struct ScriptedCancel {
    cancelled: Arc<Notify>,
}

impl Cancel for ScriptedCancel {
    fn cancel(&self) -> BoxFuture<'_, ()> {
        self.cancelled.notify_waiters();
        std::future::ready(()).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn login(script: &Scripted) -> Box<dyn Session> {
        script.login(LoginRequest::default()).await.expect("the script lets everyone in")
    }

    async fn ending(script: &Scripted, sql: &str) -> Ending {
        let statement = Statement {
            sql: sql.to_owned(),
            give_up_after: Duration::from_secs(5),
            ..Statement::default()
        };
        login(script).await.execute(&statement).await.ending
    }

    #[tokio::test]
    async fn statements_are_found_whatever_their_case_and_spacing() {
        let script = Scripted::new()
            .on("select 'A  b'  from t;", Reply::status("one"))
            .on_exactly("SELECT 2", Reply::status("two"))
            .on_prefix("create or replace", Reply::status("made"));

        let status = |text: &str| match Reply::status(text).ending {
            Scene::Ends(ending) => ending,
            Scene::UntilCancelled => unreachable!("a status ends"),
        };
        assert_eq!(ending(&script, "SELECT 'A  b'\n FROM t").await, status("one"));
        assert_eq!(ending(&script, "SELECT 2").await, status("two"));
        assert_eq!(ending(&script, "CREATE  OR REPLACE TABLE t (a INT)").await, status("made"));
        for unknown in ["SELECT 'a b' FROM t", "select 2"] {
            let cause = format!("the script has no answer to `{unknown}`");
            assert_eq!(ending(&script, unknown).await, Ending::Lost { cause });
        }
    }

    #[tokio::test]
    async fn replies_follow_each_other_and_the_last_one_stays() {
        let script = Scripted::new()
            .on_each("select 1", [Reply::lost("first"), Reply::refused("000630", "57014", "slow")]);
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(match ending(&script, "select 1").await {
                Ending::Lost { cause } => cause,
                Ending::Refused(refusal) => refusal.to_string(),
                other => format!("{other:?}"),
            });
        }
        assert_eq!(seen, ["first", "000630 (57014): slow", "000630 (57014): slow"]);
    }

    #[tokio::test]
    async fn time_passes_by_sleeping_and_by_executing_and_not_by_waiting() {
        let script = Scripted::new()
            .on("select 1", Reply::status("done").taking(Duration::from_secs(2)))
            .on("select 2", Reply::never());
        let started_at = script.now();
        ending(&script, "select 1").await;
        script.sleep(Duration::from_secs(300)).await;
        let after = Duration::from_secs(5);
        assert_eq!(ending(&script, "select 2").await, Ending::TimedOut { after });
        assert_eq!(script.now() - started_at, TimeDelta::seconds(307));
        assert_eq!(script.executed()[1].started_at - started_at, TimeDelta::seconds(302));
    }

    #[tokio::test]
    async fn a_cancelled_statement_is_refused_as_snowflake_does() {
        let script = Scripted::new().on("call forever()", Reply::until_cancelled());
        let mut session = login(&script).await;
        let canceller = session.canceller();
        let statement = Statement { sql: "call forever()".to_owned(), ..Statement::default() };
        let (execution, ()) = tokio::join!(session.execute(&statement), async {
            tokio::task::yield_now().await;
            canceller.cancel().await;
        });
        match execution.ending {
            Ending::Refused(refusal) => assert_eq!(refusal.code, "000604"),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn sessions_are_told_apart() {
        let down = LoginError::Unusable { explanation: "closed on Sundays".to_owned() };
        let script = Scripted::new().otherwise(Reply::status("ok")).login_fails(down.clone());
        assert_eq!(script.login(LoginRequest::default()).await.err(), Some(down));

        let (mut one, mut two) = (login(&script).await, login(&script).await);
        two.execute(&Statement { sql: "b".to_owned(), ..Statement::default() }).await;
        one.execute(&Statement { sql: "a".to_owned(), ..Statement::default() }).await;
        two.close().await;

        let executed: Vec<_> =
            script.executed().into_iter().map(|it| (it.session, it.statement.sql)).collect();
        assert_eq!(executed, [(1, "b".to_owned()), (0, "a".to_owned())]);
        assert_eq!(script.closed(), [1]);
        assert_eq!(script.logins().len(), 3);
    }
}
