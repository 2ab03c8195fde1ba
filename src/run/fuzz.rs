//! Random refreshes on a target: the scripts of [`crate::refresh::fuzz`], each in a schema of the
//! run's own.

use super::{
    RunId, Stop,
    cost::{self, Meter},
    objects::{Admin, Objects},
};
use crate::{
    refresh::{
        Ask,
        fuzz::{
            generate, replay,
            script::Script,
            shrink::shrink,
            trial::{Failure, Site, Tally, trial},
        },
    },
    target::{
        Ending, LoginRequest, Owner, Part, QueryTag, Refusal, Rows, Session, Statement, Target,
    },
};
use chrono::{DateTime, TimeDelta};
use futures::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    time::{Duration, Instant},
};

#[derive(Clone, Debug)]
pub struct FuzzOptions {
    pub run: RunId,
    pub seed: u64,
    /// Definitions times steps of DML.
    pub steps: usize,
    /// Scripts that are executed beside each other.
    pub jobs: usize,
    pub time_max: Option<Duration>,
    pub credits_max: Option<f64>,
    pub expires_after: Duration,
    pub give_up_after: Duration,
    /// How often at most a failing script is executed to make it smaller.
    pub tries_max: usize,
}

impl FuzzOptions {
    /// What the warehouse will cost, if it takes as long as it may.
    pub fn credits_expected(&self) -> Option<f64> {
        // No object is made of it; what the statement starts is what counts.
        let objects = Objects::new(&self.run.to_string(), DateTime::UNIX_EPOCH);
        Some(cost::of_statement(&objects.standard_statement(), self.time_max?))
    }
}

/// What was found, made small.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Of the script that it was found with; the seed and it make it again.
    pub number: u64,
    /// How many checks were done until then, by all.
    pub after_checks: usize,
    pub script: Script,
    pub failure: Failure,
    /// How often it was executed to become small.
    pub tries: usize,
    /// The script as a suite.
    pub slt: String,
}

#[derive(Clone, Debug)]
pub struct FuzzSummary {
    /// Of what was looked at for the first time; shrinking is apart.
    pub tally: Tally,
    pub found: Option<Found>,
    pub took: Duration,
    pub credits: f64,
    /// Why it ended before its steps did.
    pub cut_short: Option<String>,
    /// What could not be dropped.
    pub left: Vec<String>,
}

/// Executes scripts until the steps are done, something is found, or the time is over. An error is
/// why nothing could be executed.
pub async fn fuzz(
    target: Arc<dyn Target>,
    options: &FuzzOptions,
    stop: &Stop,
) -> Result<FuzzSummary, String> {
    let started_at = Instant::now();
    let run = options.run.to_string();
    let tag = QueryTag::new(run.clone(), Owner::Run, Part::Objects);
    let expires_at = target.now()
        + TimeDelta::from_std(options.expires_after).unwrap_or_else(|_| TimeDelta::hours(6));
    let meter = Meter::new(target.now(), options.credits_max);
    let mut admin = Admin::new(target.clone(), tag.clone(), options.give_up_after, meter.clone());
    let mut objects = Objects::new(&run, expires_at);
    admin.login().await.map_err(|err| err.to_string())?;
    let made = objects.make(&mut admin).await.map_err(|err| err.to_string());
    let fuzzing = Fuzzing {
        target: target.clone(),
        options,
        stop,
        meter: meter.clone(),
        tag,
        objects: &objects,
        started_at,
        next: Cell::new(0),
        tally: RefCell::default(),
        found: RefCell::default(),
        cut_short: RefCell::default(),
    };
    if made.is_ok() {
        join_all((1..=options.jobs).map(|job| fuzzing.job(job))).await;
    }
    let Fuzzing { tally, found, cut_short, .. } = fuzzing;
    let errors = objects.drop_all(&mut admin).await;
    admin.close().await;
    made?;
    Ok(FuzzSummary {
        tally: tally.into_inner(),
        found: found.into_inner(),
        took: started_at.elapsed(),
        credits: meter.credits(target.now()),
        cut_short: cut_short.into_inner(),
        left: errors.iter().map(ToString::to_string).collect(),
    })
}

/// What jobs share. They take turns on one thread: the waiting is the server's.
struct Fuzzing<'a> {
    target: Arc<dyn Target>,
    options: &'a FuzzOptions,
    stop: &'a Stop,
    meter: Meter,
    tag: QueryTag,
    objects: &'a Objects,
    started_at: Instant,
    next: Cell<u64>,
    tally: RefCell<Tally>,
    found: RefCell<Option<Found>>,
    cut_short: RefCell<Option<String>>,
}

impl Fuzzing<'_> {
    async fn job(&self, job: usize) {
        if let Err(cause) = self.scripts(job).await {
            self.cut_short.borrow_mut().get_or_insert(cause);
        }
    }

    fn is_over(&self) -> bool {
        let cause =
            self.stop.cause().or_else(|| self.meter.used_up(self.target.now())).or_else(|| {
                let max = self.options.time_max?;
                (self.started_at.elapsed() >= max).then(|| format!("{} s are over", max.as_secs()))
            });
        let is_done = self.tally.borrow().checks >= self.options.steps;
        if let Some(cause) = cause.filter(|_| !is_done) {
            self.cut_short.borrow_mut().get_or_insert(cause);
        }
        is_done || self.found.borrow().is_some() || self.cut_short.borrow().is_some()
    }

    async fn scripts(&self, job: usize) -> Result<(), String> {
        let request = LoginRequest {
            database: Some(self.objects.database.clone()),
            warehouse: Some(self.objects.standard.clone()),
            session: "standard".to_owned(),
            tag: self.tag.clone(),
            ..LoginRequest::default()
        };
        let session = self.target.login(request).await.map_err(|err| err.to_string())?;
        let mut asker = Asker {
            session,
            target: self.target.clone(),
            meter: self.meter.clone(),
            tag: self.tag.clone(),
            give_up_after: self.options.give_up_after,
        };
        let site = Site {
            schema: self.objects.qualified(&format!("{}_FUZZ{job}", self.objects.run)),
            warehouse: self.objects.standard.clone(),
            comment: self.objects.comment().to_owned(),
        };
        while !self.is_over() {
            let number = self.next.replace(self.next.get() + 1);
            let script = generate::script(self.options.seed, number);
            let mut tally = Tally::default();
            let failure = trial(&mut asker, &site, &script, &mut tally).await;
            self.tally.borrow_mut().add(&tally);
            if let Some(failure) = failure? {
                self.small(&mut asker, &site, number, script, failure).await?;
            }
        }
        asker.session.close().await;
        Ok(())
    }

    /// Shrinks what was found, unless somebody else has found something meanwhile.
    async fn small(
        &self,
        asker: &mut Asker,
        site: &Site,
        number: u64,
        mut script: Script,
        failure: Failure,
    ) -> Result<(), String> {
        if self.found.borrow().is_some() {
            return Ok(());
        }
        let after_checks = self.tally.borrow().checks;
        *self.found.borrow_mut() = Some(Found {
            number,
            after_checks,
            slt: replay::slt(&script, &failure, &self.heading(number)),
            script: script.clone(),
            failure: failure.clone(),
            tries: 0,
        });
        // What came after it has nothing to do with it.
        script.steps.truncate(failure.steps);
        let mut last = failure.clone();
        let mut gone = None;
        let (script, tries) = shrink(script, self.options.tries_max, async |candidate: &Script| {
            if gone.is_some() || self.stop.cause().is_some() {
                return false;
            }
            match trial(asker, site, candidate, &mut Tally::default()).await {
                Ok(Some(found)) if found.is_like(&failure) => {
                    last = found;
                    true
                }
                Ok(_) => false,
                Err(cause) => {
                    gone = Some(cause);
                    false
                }
            }
        })
        .await;
        let slt = replay::slt(&script, &last, &self.heading(number));
        let found = Found { number, after_checks, script, failure: last, tries, slt };
        *self.found.borrow_mut() = Some(found);
        gone.map_or(Ok(()), Err)
    }

    fn heading(&self, number: u64) -> String {
        format!("found by `snowgauge fuzz refresh --seed {}`, script {number}", self.options.seed)
    }
}

/// A job's session. It has nothing of what jobs share but the sum of credits.
struct Asker {
    session: Box<dyn Session>,
    target: Arc<dyn Target>,
    meter: Meter,
    tag: QueryTag,
    give_up_after: Duration,
}

impl Ask for Asker {
    type Lost = String;

    fn ask<'a>(
        &'a mut self,
        sql: &'a str,
    ) -> BoxFuture<'a, Result<Result<Rows, Refusal>, Self::Lost>> {
        async move {
            if let Some(cause) = self.meter.would_pass(sql, "", self.target.now()) {
                return Err(cause);
            }
            let statement = Statement {
                sql: sql.to_owned(),
                binds: Vec::new(),
                tag: Some(self.tag.clone()),
                give_up_after: self.give_up_after,
            };
            let ending = self.session.execute(&statement).await.ending;
            self.meter.executed(sql, "", Owner::Run.name(), &ending, self.target.now());
            match ending {
                Ending::Rows(rows) => Ok(Ok(rows)),
                Ending::Refused(refusal) => Ok(Err(refusal)),
                Ending::TimedOut { after } => Err(format!("no answer to `{sql}` after {after:?}")),
                Ending::Lost { cause } => Err(format!("connection lost: {cause}, at `{sql}`")),
                Ending::NotRecorded { explanation } => Err(format!("not recorded: {explanation}")),
            }
        }
        .boxed()
    }

    fn pause(&mut self, duration: Duration) -> BoxFuture<'_, Result<(), Self::Lost>> {
        async move {
            self.target.sleep(duration).await;
            Ok(())
        }
        .boxed()
    }
}
