//! The statements of a session: running ones, and the replies of finished ones for a while.
//!
//! A request id names one statement: asked again, it is answered from here and not run again.
//! Execution itself is the engine's; this only knows that a reply comes at some time.

use super::encode::Chunk;
use axum::body::Bytes;
use parking_lot::Mutex;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;
use uuid::Uuid;

/// What is kept of finished statements.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub statements_max: usize,
    pub bytes_max: usize,
    /// Ids alone are kept longer than replies, so that a late repetition of a write is refused
    /// instead of run twice.
    pub request_ids_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { statements_max: 100, bytes_max: 64 << 20, request_ids_max: 2000 }
    }
}

/// A final reply, encoded.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The whole envelope.
    pub body: Bytes,
    pub chunks: Chunks,
}

/// The rows that did not fit into the reply.
#[derive(Debug, Default)]
pub struct Chunks {
    /// Part of the address; whoever knows it may fetch them.
    pub key: Uuid,
    pub parts: Vec<Chunk>,
}

impl Outcome {
    fn bytes(&self) -> usize {
        self.body.len() + self.chunks.parts.iter().map(|it| it.body.len()).sum::<usize>()
    }
}

/// One statement, from its arrival on.
#[derive(Debug)]
pub struct Statement {
    pub query_id: Uuid,
    /// The client asked not to wait.
    pub asynchronous: bool,
    outcome: watch::Receiver<Option<Arc<Outcome>>>,
}

/// What became of waiting for a statement.
#[derive(Debug)]
pub enum Waited {
    Finished(Arc<Outcome>),
    InProgress,
    /// Whoever executed it is gone without a reply.
    Lost,
}

impl Statement {
    /// Waits for the reply, but not longer than `hold`.
    pub async fn wait(&self, hold: Duration) -> Waited {
        let mut outcome = self.outcome.clone();
        let finished = outcome.wait_for(Option::is_some);
        match tokio::time::timeout(hold, finished).await {
            Ok(Ok(outcome)) => outcome.clone().map_or(Waited::Lost, Waited::Finished),
            Ok(Err(_)) => Waited::Lost,
            Err(_) => Waited::InProgress,
        }
    }

    pub fn is_running(&self) -> bool {
        self.outcome.has_changed().is_ok() && self.outcome.borrow().is_none()
    }
}

/// The statements of one session.
#[derive(Debug)]
pub struct Statements {
    limits: Limits,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    running: HashMap<Uuid, Arc<Statement>>,
    finished: Finished,
    /// The query of each request id, and the ids by age.
    requests: HashMap<String, Uuid>,
    requests_by_age: VecDeque<String>,
}

/// Finished statements, the oldest dropped first.
#[derive(Debug)]
pub struct Finished {
    limits: Limits,
    statements: HashMap<Uuid, (Arc<Statement>, usize)>,
    by_age: VecDeque<Uuid>,
    bytes: usize,
}

/// The answer to a request to execute.
pub enum Admission {
    /// To be executed; [`Completion`] takes the reply.
    New(Arc<Statement>, Completion),
    /// The same request has been here.
    Known(Arc<Statement>),
    /// The same request has been here, and its reply is no longer kept.
    Dropped(Uuid),
}

/// Where the reply of a statement goes.
pub struct Completion {
    statements: Arc<Statements>,
    statement: Arc<Statement>,
    sender: watch::Sender<Option<Arc<Outcome>>>,
}

impl Statements {
    pub fn new(limits: Limits) -> Arc<Self> {
        let inner = Inner {
            running: HashMap::new(),
            finished: Finished::new(limits),
            requests: HashMap::new(),
            requests_by_age: VecDeque::new(),
        };
        Arc::new(Self { limits, inner: Mutex::new(inner) })
    }

    /// Registers a statement under `query_id`, unless its request id is known.
    pub fn admit(
        self: &Arc<Self>,
        request_id: Option<String>,
        query_id: Uuid,
        asynchronous: bool,
    ) -> Admission {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        if let Some(request_id) = request_id {
            if let Some(known) = inner.requests.get(&request_id) {
                let known = *known;
                return inner.get(known).map_or(Admission::Dropped(known), Admission::Known);
            }
            inner.requests.insert(request_id.clone(), query_id);
            inner.requests_by_age.push_back(request_id);
            if inner.requests_by_age.len() > self.limits.request_ids_max
                && let Some(oldest) = inner.requests_by_age.pop_front()
            {
                inner.requests.remove(&oldest);
            }
        }
        let (sender, outcome) = watch::channel(None);
        let statement = Arc::new(Statement { query_id, asynchronous, outcome });
        inner.running.insert(query_id, statement.clone());
        let completion =
            Completion { statements: self.clone(), statement: statement.clone(), sender };
        Admission::New(statement, completion)
    }

    pub fn get(&self, query_id: Uuid) -> Option<Arc<Statement>> {
        self.inner.lock().get(query_id)
    }

    pub fn get_by_request(&self, request_id: &str) -> Option<Arc<Statement>> {
        let inner = self.inner.lock();
        inner.get(*inner.requests.get(request_id)?)
    }

    pub fn running(&self) -> Vec<Arc<Statement>> {
        self.inner.lock().running.values().cloned().collect()
    }

    /// Takes the finished statements out, for when the session is closed.
    pub fn take_finished(&self) -> Vec<Arc<Statement>> {
        let mut inner = self.inner.lock();
        let finished = std::mem::replace(&mut inner.finished, Finished::new(self.limits));
        finished.into_statements()
    }
}

impl Inner {
    fn get(&self, query_id: Uuid) -> Option<Arc<Statement>> {
        self.running.get(&query_id).cloned().or_else(|| self.finished.get(query_id))
    }
}

impl Finished {
    pub fn new(limits: Limits) -> Self {
        Self { limits, statements: HashMap::new(), by_age: VecDeque::new(), bytes: 0 }
    }

    pub fn get(&self, query_id: Uuid) -> Option<Arc<Statement>> {
        self.statements.get(&query_id).map(|(statement, _)| statement.clone())
    }

    /// Adds the newest. It stays whatever its size: its client has not seen it yet.
    pub fn add(&mut self, statement: Arc<Statement>) {
        let bytes = statement.outcome.borrow().as_ref().map_or(0, |it| it.bytes());
        let query_id = statement.query_id;
        if self.statements.insert(query_id, (statement, bytes)).is_some() {
            return;
        }
        self.by_age.push_back(query_id);
        self.bytes += bytes;
        while self.by_age.len() > 1
            && (self.by_age.len() > self.limits.statements_max
                || self.bytes > self.limits.bytes_max)
        {
            let oldest = self.by_age.pop_front().and_then(|it| self.statements.remove(&it));
            self.bytes -= oldest.map_or(0, |(_, bytes)| bytes);
        }
    }

    /// Oldest first.
    fn into_statements(mut self) -> Vec<Arc<Statement>> {
        let ids = std::mem::take(&mut self.by_age);
        ids.into_iter().filter_map(|it| self.statements.remove(&it)).map(|(it, _)| it).collect()
    }
}

impl Completion {
    /// Hands the reply to everyone who waits, now and later.
    pub fn finish(self, outcome: Arc<Outcome>) {
        self.sender.send_replace(Some(outcome));
        // Dropping moves the statement to the finished ones.
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        let mut inner = self.statements.inner.lock();
        inner.running.remove(&self.statement.query_id);
        if self.sender.borrow().is_some() {
            inner.finished.add(self.statement.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(size: usize) -> Arc<Outcome> {
        Arc::new(Outcome { body: Bytes::from(vec![b'x'; size]), chunks: Chunks::default() })
    }

    fn limits(statements_max: usize, bytes_max: usize) -> Limits {
        Limits { statements_max, bytes_max, request_ids_max: 4 }
    }

    fn admit(statements: &Arc<Statements>, request_id: &str) -> (Arc<Statement>, Completion) {
        match statements.admit(Some(request_id.to_owned()), Uuid::new_v4(), false) {
            Admission::New(statement, completion) => (statement, completion),
            Admission::Known(_) | Admission::Dropped(_) => panic!("{request_id} is known"),
        }
    }

    #[tokio::test]
    async fn a_request_id_names_one_statement_while_it_runs_and_after() {
        let statements = Statements::new(Limits::default());
        let (first, completion) = admit(&statements, "a");
        let again = statements.admit(Some("a".to_owned()), Uuid::new_v4(), false);
        let Admission::Known(again) = again else { panic!("the statement is running") };
        assert_eq!(again.query_id, first.query_id);
        assert!(matches!(again.wait(Duration::ZERO).await, Waited::InProgress));
        assert_eq!(statements.running().len(), 1);

        completion.finish(outcome(3));
        let Waited::Finished(seen) = again.wait(Duration::ZERO).await else {
            panic!("the statement has finished")
        };
        assert_eq!(seen.body.len(), 3);
        assert!(!again.is_running() && statements.running().is_empty());
        let later = statements.admit(Some("a".to_owned()), Uuid::new_v4(), false);
        assert!(matches!(later, Admission::Known(it) if it.query_id == first.query_id));
    }

    #[tokio::test]
    async fn the_oldest_results_are_dropped_and_their_requests_not_run_again() {
        let statements = Statements::new(limits(2, 1000));
        let ids: Vec<Uuid> = ["a", "b", "c"]
            .map(|id| {
                let (statement, completion) = admit(&statements, id);
                completion.finish(outcome(1));
                statement.query_id
            })
            .into();
        assert!(statements.get(ids[0]).is_none());
        assert!(statements.get(ids[1]).is_some() && statements.get(ids[2]).is_some());
        let again = statements.admit(Some("a".to_owned()), Uuid::new_v4(), false);
        assert!(matches!(again, Admission::Dropped(it) if it == ids[0]));
    }

    #[tokio::test]
    async fn results_are_bounded_by_size_but_the_newest_stays() {
        let statements = Statements::new(limits(10, 100));
        let (small, completion) = admit(&statements, "a");
        completion.finish(outcome(60));
        let (large, completion) = admit(&statements, "b");
        completion.finish(outcome(5000));
        assert!(statements.get(small.query_id).is_none());
        assert!(statements.get(large.query_id).is_some());
        assert_eq!(statements.take_finished().len(), 1);
        assert!(statements.get(large.query_id).is_none());
    }

    #[tokio::test]
    async fn request_ids_are_bounded() {
        let statements = Statements::new(limits(2, 1000));
        for id in 0..10 {
            admit(&statements, &id.to_string()).1.finish(outcome(1));
        }
        assert_eq!(statements.inner.lock().requests.len(), 4);
    }

    #[tokio::test]
    async fn a_statement_whose_executor_died_is_lost_and_not_waited_for() {
        let statements = Statements::new(Limits::default());
        let (statement, completion) = admit(&statements, "a");
        drop(completion);
        assert!(matches!(statement.wait(Duration::from_secs(60)).await, Waited::Lost));
        assert!(!statement.is_running());
        assert!(statements.running().is_empty() && statements.get(statement.query_id).is_none());
    }
}
