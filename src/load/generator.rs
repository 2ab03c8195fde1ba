//! Sends requests and measures what becomes of them.
//!
//! There is one sequence of requests, and as many tasks as sessions. A task that is free takes the
//! next request of the sequence, waits until it is due, sends it, and takes the next one. So requests
//! are sent in order, none is sent by two, and a request that is due while no session is free waits
//! in the sequence, which is counted. Latencies begin when a request was due.
//!
//! Nothing is sent twice: what is lost or refused is counted and forgotten (`target::live` repeats
//! only what the server has not looked at, since a token had run out). Instants are tokio's, which
//! are the system's unless a test has paused them; such a test has no pacer.

use super::{
    Exchange,
    health::Observed,
    pacer::Pacer,
    requests::{Check, Request, Requests, Template},
    schedule::DueTimes,
    tally::{Class, Sample, Tally},
    turns::Part,
};
use crate::target::{Cancel, Ending, Execution, QueryTag, Rows, Session, Statement, Value};
use futures::future::BoxFuture;
use std::{
    iter::Peekable,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// The code with which the server ends a statement that reached its timeout.
const SERVER_TIMEOUT: &str = "000630";

/// How long cancelled statements may take to end.
const CANCEL_MAX: Duration = Duration::from_secs(5);

/// Opens another session like the first ones, where one was lost. An error says why not.
pub type Reopen =
    Arc<dyn Fn() -> BoxFuture<'static, Result<Box<dyn Session>, String>> + Send + Sync>;

/// What the tasks of one role share, over all of its turns.
pub struct Feed {
    pub templates: Arc<[Template]>,
    /// The sequence. Behind a lock that is held for microseconds.
    sequence: Mutex<Sequence>,
    /// Whether requests are due by a schedule, and not by the end of earlier ones.
    is_open: bool,
    /// Of a closed loop.
    think: Duration,
    pub tally: Mutex<Tally>,
    pub tag: QueryTag,
    pub give_up_after: Duration,
    pub reopen: Reopen,
    /// Tokio's own timers where there is none.
    pacer: Option<Arc<Pacer>>,
}

/// When requests are due.
pub enum Pace {
    /// When the client's last one has ended, and it has thought.
    Closed {
        think: Duration,
    },
    Open(DueTimes),
}

struct Sequence {
    requests: Requests,
    /// Of an open loop.
    due: Option<Peekable<DueTimes>>,
    left: Option<u64>,
}

/// One turn: from when to when, on which clock.
#[derive(Clone)]
pub struct Span {
    /// Second 0.
    began: Instant,
    starts_at: Instant,
    /// Of the role's schedule, at the turn's start.
    offset: Duration,
    ends_at: Option<Instant>,
    /// True as soon as nothing more is to be sent.
    over: watch::Receiver<bool>,
    observed: Arc<Mutex<Observed>>,
}

impl Span {
    /// A turn that starts now. `over` ends it before its time.
    pub fn new(
        part: Part,
        began: Instant,
        over: &watch::Sender<bool>,
        observed: &Arc<Mutex<Observed>>,
    ) -> Self {
        let starts_at = Instant::now();
        let (offset, ends_at) = match part {
            Part::Between(from, until) => (from, starts_at.checked_add(until.saturating_sub(from))),
            Part::Requests(_) => (Duration::ZERO, None),
        };
        let (over, observed) = (over.subscribe(), Arc::clone(observed));
        Self { began, starts_at, offset, ends_at, over, observed }
    }

    /// If that is known before.
    pub fn ends_at(&self) -> Option<Instant> {
        self.ends_at
    }

    fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    fn second(&self, at: Instant) -> u32 {
        let since = at.saturating_duration_since(self.began).as_secs();
        u32::try_from(since).unwrap_or(u32::MAX)
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is done under these locks can stop half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request that was taken by a task.
struct Taken {
    request: Request,
    due_at: Instant,
}

impl Feed {
    pub fn new(
        templates: Arc<[Template]>,
        requests: Requests,
        pace: Pace,
        tag: QueryTag,
        give_up_after: Duration,
        reopen: Reopen,
        pacer: Option<Arc<Pacer>>,
    ) -> Self {
        let tally = Mutex::new(Tally::new(templates.len()));
        let (due, think) = match pace {
            Pace::Closed { think } => (None, think),
            Pace::Open(due) => (Some(due.peekable()), Duration::ZERO),
        };
        let is_open = due.is_some();
        let sequence = Mutex::new(Sequence { requests, due, left: None });
        Self { templates, sequence, is_open, think, tally, tag, give_up_after, reopen, pacer }
    }

    /// Before a turn: how many requests it has, if that is what it is measured by.
    pub fn begin(&self, part: Part) {
        lock(&self.sequence).left = match part {
            Part::Requests(count) => Some(count),
            Part::Between(..) => None,
        };
    }

    /// The next request, for a task that has been free since `free_at`.
    fn next(&self, span: &Span, free_at: Instant) -> Option<Taken> {
        if span.is_over() {
            return None;
        }
        let mut sequence = lock(&self.sequence);
        let sequence = &mut *sequence;
        if sequence.left == Some(0) {
            return None;
        }
        let due_at = match &mut sequence.due {
            None => {
                // The first requests are due at once, later ones after a thought.
                let due_at = match free_at == span.starts_at {
                    true => free_at,
                    false => free_at + self.think,
                };
                if span.ends_at.is_some_and(|it| it <= due_at) {
                    return None;
                }
                due_at
            }
            Some(due) => {
                let due_at = next_due(due, span)?;
                if span.ends_at.is_some_and(|it| it <= free_at) {
                    self.drop_rest(&mut sequence.requests, due, span);
                    return None;
                }
                due.next();
                due_at
            }
        };
        let request = sequence.requests.next(&self.templates)?;
        if let Some(left) = &mut sequence.left {
            *left -= 1;
        }
        lock(&self.tally).due(request.query, span.second(due_at));
        Some(Taken { request, due_at })
    }

    async fn wait(&self, until: Instant) {
        match &self.pacer {
            Some(pacer) => pacer.until(until.into_std()).await,
            None => sleep_until(until).await,
        }
    }

    /// The turn is over, and these were due in it.
    fn drop_rest(&self, requests: &mut Requests, due: &mut Peekable<DueTimes>, span: &Span) {
        let mut tally = lock(&self.tally);
        while let Some(due_at) = next_due(due, span) {
            due.next();
            let Some(request) = requests.next(&self.templates) else { return };
            let second = span.second(due_at);
            tally.due(request.query, second);
            tally.dropped(request.query, second);
        }
    }
}

/// When the next request is due, if that is in this turn.
fn next_due(due: &mut Peekable<DueTimes>, span: &Span) -> Option<Instant> {
    let due_at = span.starts_at.checked_add(due.peek()?.saturating_sub(span.offset))?;
    span.ends_at.is_none_or(|it| due_at < it).then_some(due_at)
}

/// One turn, on all sessions of a role. They come back, apart from those that were lost for good.
///
/// When `over` becomes true nothing more is sent, and what runs is waited for; when `cancel` does,
/// that is cancelled, too.
pub async fn drive(
    feed: &Arc<Feed>,
    sessions: Vec<Box<dyn Session>>,
    part: Part,
    span: Span,
    over: &watch::Sender<bool>,
    mut cancel: watch::Receiver<bool>,
) -> Vec<Box<dyn Session>> {
    feed.begin(part);
    let cancellers: Vec<Arc<dyn Cancel>> = sessions.iter().map(|it| it.canceller()).collect();
    let mut tasks = JoinSet::new();
    for session in sessions {
        tasks.spawn(client(Arc::clone(feed), span.clone(), session));
    }
    let mut back = Vec::new();
    let mut given_up_at = None;
    loop {
        tokio::select! {
            ended = tasks.join_next() => match ended {
                None => break,
                // A task that panicked has taken its session with it; its absence is seen.
                Some(ended) => back.extend(ended.ok().flatten()),
            },
            // The sender gone is nobody who could cancel.
            Ok(_) = cancel.wait_for(|it| *it), if given_up_at.is_none() => {
                over.send_replace(true);
                given_up_at = Some(Instant::now() + CANCEL_MAX);
                let cancellers = cancellers.clone();
                tokio::spawn(async move {
                    futures::future::join_all(cancellers.iter().map(|it| it.cancel())).await;
                });
            }
            () = sleep_until(given_up_at.unwrap_or_else(Instant::now)), if given_up_at.is_some() => {
                break;
            }
        }
    }
    back
}

/// One session's requests, until there are none.
async fn client(
    feed: Arc<Feed>,
    mut span: Span,
    mut session: Box<dyn Session>,
) -> Option<Box<dyn Session>> {
    let mut free_at = span.starts_at;
    while let Some(Taken { request, due_at }) = feed.next(&span, free_at) {
        if Instant::now() < due_at {
            let second = span.second(due_at);
            tokio::select! {
                () = feed.wait(due_at) => {}
                Ok(_) = span.over.wait_for(|it| *it) => {
                    lock(&feed.tally).not_due(request.query, second);
                    break;
                }
            }
        }
        let Some(template) = feed.templates.get(request.query) else { break };
        let (sql, binds) = template.statement(&request.values);
        let statement = Statement {
            sql,
            binds,
            tag: Some(feed.tag.clone()),
            give_up_after: feed.give_up_after,
        };
        let sent_at = Instant::now();
        let execution = session.execute(&statement).await;
        note(
            &feed,
            &span,
            template,
            &request,
            &Times { free_at, due_at, sent_at },
            &statement,
            &execution,
        );
        free_at = Instant::now();
        if let Ending::Lost { .. } | Ending::TimedOut { .. } = execution.ending {
            // After a time-out of ours the statement may still occupy the session.
            drop(session);
            session = match (feed.reopen)().await {
                Ok(session) => session,
                Err(why) => {
                    lock(&span.observed).lost_sessions.push(why);
                    return None;
                }
            };
            free_at = Instant::now();
        }
    }
    Some(session)
}

struct Times {
    free_at: Instant,
    due_at: Instant,
    sent_at: Instant,
}

/// Counts a request that ended.
fn note(
    feed: &Feed,
    span: &Span,
    template: &Template,
    request: &Request,
    times: &Times,
    statement: &Statement,
    execution: &Execution,
) {
    let Times { free_at, due_at, sent_at } = *times;
    let (class, ending) = class(&execution.ending, template.check(), &request.values);
    let sample = Sample {
        query: request.query,
        second: span.second(due_at),
        from_due: sent_at.saturating_duration_since(due_at) + execution.elapsed,
        from_sent: execution.elapsed,
        class,
        query_id: execution.query_id.clone(),
    };
    lock(&feed.tally).ended(&sample, || Exchange {
        sql: statement.sql.clone(),
        binds: statement.binds.iter().map(shown).collect(),
        query_id: execution.query_id.clone(),
        second: sample.second,
        latency_us: u64::try_from(execution.elapsed.as_micros()).unwrap_or(u64::MAX),
        ending,
    });
    // A client without thoughts is never late for itself.
    if feed.is_open || !feed.think.is_zero() {
        let mut observed = lock(&span.observed);
        observed.slipped(sent_at.saturating_duration_since(due_at.max(free_at)));
        if feed.is_open {
            observed.waited(free_at.saturating_duration_since(due_at));
        }
    }
}

/// What an ending counts as, and in words.
fn class(ending: &Ending, check: Check, values: &[Value]) -> (Class, String) {
    match ending {
        Ending::Rows(rows) => match wrong(rows, check, values) {
            None => (Class::Ok, counted(rows.rows.len())),
            Some(wrong) => (Class::WrongRows(wrong.clone()), wrong),
        },
        Ending::Refused(refusal) if refusal.code == SERVER_TIMEOUT => {
            (Class::Censored(refusal.code.clone()), refusal.to_string())
        }
        Ending::Refused(refusal) => (Class::Error(refusal.code.clone()), refusal.to_string()),
        Ending::TimedOut { after } => {
            (Class::Error("given up".to_owned()), format!("given up after {after:?}"))
        }
        Ending::Lost { cause } => (Class::Error("lost".to_owned()), format!("lost: {cause}")),
        Ending::NotRecorded { explanation } => {
            (Class::Error("not recorded".to_owned()), format!("not recorded: {explanation}"))
        }
    }
}

/// What is wrong with the rows, if anything is.
fn wrong(rows: &Rows, check: Check, values: &[Value]) -> Option<String> {
    let count = rows.rows.len();
    if let Some((least, most)) = check.rows
        && (count < least || most.is_some_and(|it| it < count))
    {
        let wanted = match most {
            Some(most) if most == least => least.to_string(),
            Some(most) => format!("{least} to {most}"),
            None => format!("at least {least}"),
        };
        return Some(format!("{}, expected {wanted}", counted(count)));
    }
    let wanted = shown(values.get(check.first_cell?)?);
    let column = rows.columns.first()?;
    rows.rows.iter().find_map(|row| {
        let found = row.first().map(|it| it.text(&column.data_type)).unwrap_or_default();
        (found != wanted).then(|| format!("`{found}` in the first column, expected `{wanted}`"))
    })
}

fn counted(rows: usize) -> String {
    crate::suite::words::counted(rows, "row")
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number { digits, .. } => digits.to_string(),
        other => format!("{other:?}"),
    }
}
