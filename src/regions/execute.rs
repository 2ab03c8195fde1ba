//! Runs beside each other, within the limits of their accounts. Each is an ordinary run.

use crate::{
    run::{self, Event, Events, Fold, JOURNAL_VERSION, Plan, RunOptions, RunSummary, Stop},
    target::Target,
};
use chrono::Utc;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::task::JoinSet;

/// One run.
pub struct Job {
    /// Runs of one account wait for each other.
    pub account: String,
    pub target: Arc<dyn Target>,
    pub plan: Plan,
    pub options: RunOptions,
    /// Where its events go; they know the connection's secrets.
    pub events: Events,
}

/// Executes them all, and what each came to, in their order. `runs` of an account are how many it
/// bears at the same time.
///
/// Whatever becomes of one, the others go on. Once `stop` is asked for, those that are executed
/// clean up and end, and no other begins.
pub async fn execute(
    jobs: Vec<Job>,
    runs: &BTreeMap<String, usize>,
    stop: &Stop,
) -> Vec<RunSummary> {
    // What is known of those that never come to an end.
    let mut summaries: Vec<RunSummary> = jobs.iter().map(not_begun).collect();
    let mut queues: BTreeMap<String, VecDeque<(usize, Job)>> = BTreeMap::new();
    for (at, job) in jobs.into_iter().enumerate() {
        queues.entry(job.account.clone()).or_default().push_back((at, job));
    }
    let mut workers = JoinSet::new();
    for (account, queue) in queues {
        let count = runs.get(&account).copied().unwrap_or(1).clamp(1, queue.len().max(1));
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..count {
            workers.spawn(work_off(Arc::clone(&queue), stop.clone()));
        }
    }
    while let Some(ended) = workers.join_next().await {
        for (at, ended) in ended.unwrap_or_default() {
            match ended {
                Ok(summary) => summaries[at] = summary,
                Err(cause) => cut_short(&mut summaries[at], &cause),
            }
        }
    }
    if let Some(cause) = stop.cause() {
        for summary in summaries.iter_mut().filter(|it| it.cut_short.as_deref() == Some(NOT_BEGUN))
        {
            cut_short(summary, &cause);
        }
    }
    summaries
}

/// Runs of one account, one after the other, until there are none or the end is asked for. Each is a
/// task of its own, so that one that panics takes no other with it.
async fn work_off(
    queue: Arc<Mutex<VecDeque<(usize, Job)>>>,
    stop: Stop,
) -> Vec<(usize, Result<RunSummary, String>)> {
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let mut ended = Vec::new();
    while stop.cause().is_none()
        && let Some((at, job)) = next()
    {
        let run = tokio::spawn(one(job, stop.clone())).await;
        ended.push((at, run.map_err(|err| format!("the run's task did not end: {err}"))));
    }
    ended
}

/// A stop of its own: a run that has used up its credits asks for its end, and no other's.
async fn one(job: Job, stop: Stop) -> RunSummary {
    let own = Stop::default();
    let passed_on = {
        let own = own.clone();
        tokio::spawn(async move { own.request(stop.requested().await) })
    };
    let Job { target, plan, options, events, .. } = job;
    let summary = run::execute(plan, target, options, events, own).await;
    passed_on.abort();
    summary
}

/// The cause of a run that is still to begin.
const NOT_BEGUN: &str = "the run has not begun";

fn not_begun(job: &Job) -> RunSummary {
    let mut fold = Fold::default();
    fold.event(&Event::RunStarted {
        journal: JOURNAL_VERSION,
        run: job.options.run.to_string(),
        at: Utc::now(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        target: job.target.kind(),
        place: job.target.place(),
        seed: job.options.seed,
        scale: job.options.scale,
        strictness: job.options.strictness,
        cases: job.plan.keys(),
    });
    let mut summary = fold.summary();
    cut_short(&mut summary, NOT_BEGUN);
    summary
}

/// Of a run without a case that has ended.
fn cut_short(summary: &mut RunSummary, cause: &str) {
    summary.cut_short = Some(cause.to_owned());
    for case in &mut summary.cases {
        case.outcome = run::Outcome::NotRun { cause: cause.to_owned() };
    }
}
