//! One case: its steps in order, until one of them is not what was expected.

mod loading;
mod looking;

use super::{
    CaseKey, Events, Failure, Outcome, PlannedCase, StepReport, Stop,
    compare::{self, Answer, Difference, compare_results, counted},
    diagnosis::{self, Came, Diagnosis, History, Scene, Wanted},
    digest::digest,
    pin::{self, Meets, Sighting},
    retry::{Next, Retry},
    session::{NotExecuted, Sessions},
    variables::Variables,
};
use crate::{
    load::{LoadReport, measure::OfMany},
    refresh::watched::Watched,
    suite::{
        Action, Evidence, Expect, Expectation, ExpectedRows, Release, Sort, Step, pins::Pin,
        refresh::Refreshed, span::Span,
    },
    target::{Ending, QueryTag, Refusal, Rows, Target, Value},
};
use std::{collections::BTreeMap, time::Duration};

/// Codes of refusals that looking again cannot change: syntax, and names of columns.
const HOPELESS: [&str; 2] = ["001003", "000904"];

/// How much longer than it may take a statement is waited for. Its verdict is certain by then;
/// what it says when it ends a little late is worth a few seconds.
const LATE_MAX: Duration = Duration::from_secs(5);

/// What the cases of a suite share.
pub struct Shared<'a> {
    pub target: &'a dyn Target,
    pub stop: &'a Stop,
    pub release: Option<Release>,
    /// What `onlyif` and `skipif` may name here.
    pub labels_here: &'a [&'static str],
    pub sessions: &'a mut Sessions,
    /// Results that later ones with the same label must equal, and where they were.
    pub labels: &'a mut BTreeMap<String, (String, Vec<String>)>,
    /// What the target is held to where the suite is not sure.
    pub pins: &'a [Pin],
    /// The suite's tables that are kept fresh.
    pub refreshed: &'a [Refreshed],
    /// What was done before, which may explain what comes.
    pub history: &'a mut History,
    /// For what goes on within a case.
    pub events: &'a Events,
    pub key: Option<&'a CaseKey>,
    /// Every random choice comes from it.
    pub seed: u64,
    /// Which part of its loads this machine executes, and from when on.
    pub of_many: Option<&'a OfMany>,
}

/// What ends a case before its last step. Boxed: it is large, and rare.
type Ended = Box<Outcome>;

/// What a case came to.
pub struct CaseEnd {
    pub outcome: Outcome,
    pub evidence: Evidence,
    pub source: Option<String>,
    pub steps: Vec<StepReport>,
    pub properties: BTreeMap<String, String>,
    pub sightings: Vec<Sighting>,
    pub diagnosis: Option<Diagnosis>,
    pub load: Option<Box<LoadReport>>,
    pub refreshes: Vec<Watched>,
    /// The target cannot be reached any more, and why.
    pub gone: Option<String>,
}

/// Executes the steps. `variables` is added to by steps that save.
pub async fn run_case(
    planned: &PlannedCase,
    shared: Shared<'_>,
    variables: &mut Variables,
    tag: &QueryTag,
    is_limits: bool,
) -> CaseEnd {
    let case = &planned.case;
    let mut run = CaseRun { name: &case.name, is_limits, ..CaseRun::new(shared, tag) };
    let mut outcome = Outcome::Passed;
    if let Err(end) = run.begin(&case.steps).await {
        outcome = *end;
    }
    for (at, step) in case.steps.iter().enumerate() {
        if outcome != Outcome::Passed {
            break;
        }
        if !is_for(step, run.shared.labels_here) {
            continue;
        }
        run.step_number = at + 1;
        let mut done = run.step(step, variables).await;
        if done.is_ok() && looking::needs_instant(&case.steps, at) {
            done = run.note_change(step).await;
        }
        if let Err(end) = done {
            outcome = *end;
        }
    }
    if outcome == Outcome::Passed
        && let Some(why) = run.unsure.take()
    {
        outcome = Outcome::Unsure { why };
    }
    if outcome == Outcome::Passed
        && let Some((seen, diagnosis)) = run.observed.take()
    {
        run.diagnosis = diagnosis;
        outcome = Outcome::Observed { seen };
    }
    let explains = outcome != Outcome::Passed;
    CaseEnd {
        outcome,
        evidence: run.evidence,
        source: run.source,
        steps: run.steps,
        properties: run.properties,
        sightings: run.sightings,
        diagnosis: run.diagnosis.filter(|_| explains),
        load: run.load,
        refreshes: run.looked.watched(run.shared.refreshed),
        gone: run.gone,
    }
}

/// The expectation that holds on a release: the first that names it, or names none.
pub fn expectation(step: &Step, release: Option<Release>) -> Option<&Expectation> {
    step.expect.iter().find(|it| match (&it.releases, release) {
        (None, _) => true,
        (Some(releases), Some(release)) => releases.0.contains(&release),
        (Some(_), None) => false,
    })
}

/// Whether the step is to be executed where these labels hold.
pub fn is_for(step: &Step, labels_here: &[&str]) -> bool {
    step.when.iter().all(|it| it.holds(labels_here))
}

/// Executes the steps of a set-up or a data set: none may end other than expected.
pub async fn run_steps(
    steps: &[Step],
    shared: Shared<'_>,
    variables: &mut Variables,
    tag: &QueryTag,
) -> Result<(), SetupFailure> {
    let mut run = CaseRun::new(shared, tag);
    for step in steps {
        if !is_for(step, run.shared.labels_here) {
            continue;
        }
        let cause = match run.step(step, variables).await {
            Ok(()) => match run.observed.take() {
                None => continue,
                Some((seen, diagnosis)) => {
                    run.diagnosis = diagnosis;
                    seen
                }
            },
            Err(ended) => match *ended {
                Outcome::Failed { failure } => format!(
                    "{}: {}: `{}`",
                    failure.place,
                    failure.message,
                    compare::one_line(&failure.sql)
                ),
                Outcome::NotRun { cause } => cause,
                other => other.word().to_owned(),
            },
        };
        let diagnosis = run.diagnosis.map(Box::new);
        return Err(SetupFailure { cause, diagnosis, gone: run.gone });
    }
    Ok(())
}

/// Why something that cases stand on could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupFailure {
    pub cause: String,
    pub diagnosis: Option<Box<Diagnosis>>,
    pub gone: Option<String>,
}

struct CaseRun<'a> {
    shared: Shared<'a>,
    tag: &'a QueryTag,
    /// The case's, and of which step it is, from 1: what pins go by.
    name: &'a str,
    step_number: usize,
    /// Whether an expected refusal that does not come is news rather than a failure.
    is_limits: bool,
    steps: Vec<StepReport>,
    properties: BTreeMap<String, String>,
    sightings: Vec<Sighting>,
    /// The first unverified expectation that was answered differently.
    observed: Option<(String, Option<Diagnosis>)>,
    /// The first thing that could not be told.
    unsure: Option<String>,
    /// What is known of the tables that are kept fresh.
    looked: looking::Looked,
    evidence: Evidence,
    source: Option<String>,
    /// Of what was not as expected, last.
    diagnosis: Option<Diagnosis>,
    /// What its load came to.
    load: Option<Box<LoadReport>>,
    gone: Option<String>,
}

/// A statement as it is sent.
struct Sent<'a> {
    session: &'a str,
    sql: String,
    binds: Vec<String>,
    span: &'a Span,
    /// How long it may take.
    takes: Option<(Duration, Duration)>,
}

/// What the server answered, and what is known beside it.
struct Answered {
    answer: Result<Rows, Refusal>,
    query_id: Option<String>,
    elapsed: Duration,
    warehouse: String,
}

impl Answered {
    fn as_answer(&self) -> Answer<'_> {
        match &self.answer {
            Ok(rows) => Answer::Rows(rows),
            Err(refusal) => Answer::Refused(refusal),
        }
    }
}

impl<'a> CaseRun<'a> {
    fn new(shared: Shared<'a>, tag: &'a QueryTag) -> Self {
        Self {
            shared,
            tag,
            name: "",
            step_number: 0,
            is_limits: false,
            steps: Vec::new(),
            properties: BTreeMap::new(),
            sightings: Vec::new(),
            observed: None,
            unsure: None,
            looked: looking::Looked::default(),
            evidence: Evidence::None,
            source: None,
            diagnosis: None,
            load: None,
            gone: None,
        }
    }
}

impl CaseRun<'_> {
    /// `Err` ends the case.
    async fn step(&mut self, step: &Step, variables: &mut Variables) -> Result<(), Ended> {
        let Some(expectation) = expectation(step, self.shared.release) else {
            let place = place(&step.span);
            let reason = format!("{place} expects nothing on this release");
            return Err(Box::new(Outcome::Skipped { reason }));
        };
        let (sql, binds) = match &step.action {
            Action::Sleep(duration) => return self.sleep(*duration, step).await,
            Action::Look(look) => return self.look(look, step, variables).await,
            Action::Load(load) => return self.load(load, step, variables).await,
            Action::Execute { sql, binds } => (sql, binds),
        };
        let sent = Sent {
            session: &step.session,
            sql: substitute(variables, sql, &step.span)?,
            binds: binds
                .iter()
                .map(|it| substitute(variables, it, &step.span))
                .collect::<Result<_, _>>()?,
            span: &step.span,
            takes: step.takes,
        };
        let other = match &expectation.outcome {
            Expect::SameAs { session, sql, .. } => Some(Sent {
                session,
                sql: substitute(variables, sql, &expectation.span)?,
                binds: Vec::new(),
                span: &expectation.span,
                takes: None,
            }),
            _ => None,
        };
        let unchanged = step
            .unchanged
            .iter()
            .map(|query| {
                Ok(Sent {
                    session: &query.session,
                    sql: substitute(variables, &query.sql, &step.span)?,
                    binds: Vec::new(),
                    span: &step.span,
                    takes: None,
                })
            })
            .collect::<Result<Vec<_>, Ended>>()?;
        let expect = with_variables(&expectation.outcome, variables);

        let mut before = Vec::new();
        for query in &unchanged {
            before.push(self.rows_of(query, "the query of `unchanged`").await?);
        }
        let judged = self.until(step, &expect, expectation, &sent, other.as_ref()).await?;
        let answered = match judged {
            (answered, None) => {
                self.met(expectation, &expect, &answered, &sent, variables)?;
                Some(answered)
            }
            (answered, Some(difference)) => {
                self.not_met(expectation, &answered, difference, &sent, variables)?;
                None
            }
        };
        for (query, before) in unchanged.iter().zip(before) {
            let after = self.rows_of(query, "the query of `unchanged`").await?;
            if let Err(difference) = compare_results(&before, &after, Sort::Rows) {
                return Err(failed(
                    Difference {
                        message: format!(
                            "the step changed what it must not: {}",
                            difference.message
                        ),
                        ..difference
                    },
                    &step.span,
                    query,
                    None,
                ));
            }
        }
        if let (Some(name), Some(answered)) = (&step.save, &answered) {
            let value = first_cell(&answered.answer).map_err(|message| {
                failed(Difference::new(message), &step.span, &sent, answered.query_id.clone())
            })?;
            variables.set(name.clone(), value);
        }
        Ok(())
    }

    /// Executes until the expectation is met or time is out: the last answer, and in which way it
    /// is not what was expected.
    async fn until(
        &mut self,
        step: &Step,
        expect: &Expect,
        expectation: &Expectation,
        sent: &Sent<'_>,
        other: Option<&Sent<'_>>,
    ) -> Result<(Answered, Option<Difference>), Ended> {
        if expectation.evidence != Evidence::None || self.evidence == Evidence::None {
            self.evidence = expectation.evidence;
            self.source = expectation.source.clone();
        }
        let target = self.shared.target;
        let mut retry = Retry::new(target, step.within.unwrap_or_default());
        let reported_from = self.steps.len();
        loop {
            // Only the last look is reported, with how many there were.
            self.steps.truncate(reported_from);
            let answered = self.execute(sent).await;
            if let Some(report) = self.steps.last_mut() {
                report.looks = retry.looks();
            }
            let answered = answered?;
            let judged = self.judge(step, expect, sent, other, &answered).await?;
            let Err(difference) = judged else {
                if step.within.is_some() {
                    let waited = retry.waited().as_millis().to_string();
                    self.properties.insert("met_after_ms".to_owned(), waited);
                    self.properties.insert("looks".to_owned(), retry.looks().to_string());
                }
                return Ok((answered, None));
            };
            let is_hopeless = match &answered.answer {
                Err(refusal) => HOPELESS.contains(&refusal.code.as_str()),
                Ok(_) => false,
            };
            match is_hopeless {
                true => {}
                false => match retry.next(self.shared.stop).await {
                    Next::LookAgain => continue,
                    Next::Stopped(cause) => return Err(not_run(cause)),
                    Next::OutOfTime => {}
                },
            }
            let difference = match step.within {
                Some(limit) if !is_hopeless => Difference {
                    message: format!("not within {}: {}", seconds(limit), difference.message),
                    hint: difference.hint.or_else(|| {
                        let looks = counted(retry.looks() as usize, "time");
                        Some(format!("looked {looks} in {}", seconds(retry.waited())))
                    }),
                    ..difference
                },
                _ => difference,
            };
            let is_slow = step.takes.is_some_and(|(_, most)| answered.elapsed > most);
            let wanted = match &expectation.outcome {
                Expect::Refused(_) => Wanted::Refusal,
                _ if is_slow && answered.answer.is_ok() => Wanted::Sooner,
                _ => Wanted::Result,
            };
            // What was refused as expected, only sooner or later, needs no explanation.
            let is_as_expected =
                wanted == Wanted::Refusal && compare::judge(expect, answered.as_answer()).is_ok();
            if !is_as_expected {
                self.diagnose(sent, &answered, wanted);
            }
            return Ok((answered, Some(difference)));
        }
    }

    /// The pin that the step is held to on this target.
    fn pin(&self) -> Option<&Pin> {
        let target = self.shared.target.answers_of().name();
        let release = self.shared.release?;
        let key = (self.name, self.step_number, target, release);
        self.shared.pins.iter().find(|it| it.key() == key)
    }

    /// What is worth knowing of an answer that is as expected.
    fn met(
        &mut self,
        expectation: &Expectation,
        expect: &Expect,
        answered: &Answered,
        sent: &Sent<'_>,
        variables: &Variables,
    ) -> Result<(), Ended> {
        self.note(expectation, expect, sent, answered);
        if expectation.evidence != Evidence::Unverified {
            return Ok(());
        }
        self.sightings.push(Sighting { step: self.step_number, seen: None });
        let Some(pin) = self.pin() else { return Ok(()) };
        let seen = pin::seen(expect, &answered.answer, variables);
        if seen == pin.seen {
            self.hold(pin.clone());
            return Ok(());
        }
        let difference = pin::difference(pin, &seen, Meets::Suite);
        Err(failed(difference, &expectation.span, sent, answered.query_id.clone()))
    }

    /// The answer is the pinned one.
    fn hold(&mut self, pin: Pin) {
        self.diagnosis = None;
        self.evidence = Evidence::Observed;
        self.source = Some(format!("pinned: {} ({})", pin.place(), pin.span));
        self.properties.insert("pinned".to_owned(), pin.place());
    }

    /// What is worth knowing of an answer that nothing is held against.
    fn note(
        &mut self,
        expectation: &Expectation,
        expect: &Expect,
        sent: &Sent<'_>,
        answered: &Answered,
    ) {
        let answer = answered.as_answer();
        let (name, value) = match expect {
            Expect::Recorded => ("recorded", answer.describe()),
            Expect::Sides(sides) => match compare::side(sides, answer) {
                Some(side) => {
                    self.evidence = side.evidence;
                    self.source = Some(side.source.clone());
                    ("side", side.name.clone())
                }
                None => {
                    let names: Vec<_> = sides.iter().map(|it| format!("`{}`", it.name)).collect();
                    let seen = format!(
                        "{}: neither {}: {}",
                        place(&expectation.span),
                        names.join(" nor "),
                        answer.describe()
                    );
                    self.diagnose(sent, answered, Wanted::Result);
                    let diagnosis = self.diagnosis.take();
                    self.observed.get_or_insert((seen, diagnosis));
                    ("side", "neither".to_owned())
                }
            },
            _ => return,
        };
        // A case may ask more than once.
        let known = self.properties.entry(name.to_owned()).or_default();
        if !known.is_empty() {
            known.push_str("; ");
        }
        known.push_str(&value);
    }

    async fn judge(
        &mut self,
        step: &Step,
        expect: &Expect,
        sent: &Sent<'_>,
        other: Option<&Sent<'_>>,
        answered: &Answered,
    ) -> Result<Result<(), Difference>, Ended> {
        let mut judged = compare::judge(expect, answered.as_answer());
        if judged.is_ok()
            && let (Expect::SameAs { sort, .. }, Some(other), Ok(rows)) =
                (expect, other, &answered.answer)
        {
            let expected = self.rows_of(other, "the query to compare with").await?;
            judged = compare_results(&expected, rows, *sort).map_err(|it| Difference {
                message: format!("not the same as on `{}`: {}", other.session, it.message),
                ..it
            });
        }
        if judged.is_ok()
            && let (Expect::Rows(ExpectedRows { label: Some(label), sort, .. }), Ok(rows)) =
                (expect, &answered.answer)
        {
            judged = self.compare_label(label, *sort, rows, sent);
        }
        if judged.is_ok()
            && let Some((at_least, at_most)) = step.takes
            && !(at_least..=at_most).contains(&answered.elapsed)
        {
            judged = Err(Difference::new(format!(
                "took {}, expected {}",
                seconds(answered.elapsed),
                range(at_least, at_most)
            )));
        }
        Ok(judged)
    }

    /// Looks for a likely cause of what was not expected.
    fn diagnose(&mut self, sent: &Sent<'_>, answered: &Answered, wanted: Wanted) {
        let scene = Scene {
            sql: &sent.sql,
            session: sent.session,
            warehouse: &answered.warehouse,
            elapsed: answered.elapsed,
            came: match &answered.answer {
                Ok(rows) => Came::Rows(rows),
                Err(refusal) => Came::Refused(refusal),
            },
            wanted,
            history: &*self.shared.history,
            release: self.shared.release,
        };
        let found = diagnosis::diagnose(&scene);
        self.diagnosis = found;
    }

    fn compare_label(
        &mut self,
        label: &str,
        sort: Sort,
        rows: &Rows,
        sent: &Sent<'_>,
    ) -> Result<(), Difference> {
        let lines = compare::canonical_lines(rows, sort);
        match self.shared.labels.get(label) {
            None => {
                self.shared.labels.insert(label.to_owned(), (place(sent.span), lines));
                Ok(())
            }
            Some((_, first)) if *first == lines => Ok(()),
            Some((first_place, first)) => Err(Difference {
                message: format!("not the result labelled `{label}` at {first_place}"),
                diff: compare::diff(first, &lines),
                hint: None,
            }),
        }
    }

    /// What an answer other than the expected one means, by how the expectation is known.
    fn not_met(
        &mut self,
        expectation: &Expectation,
        answered: &Answered,
        difference: Difference,
        sent: &Sent<'_>,
        variables: &Variables,
    ) -> Result<(), Ended> {
        let expects_refusal = matches!(expectation.outcome, Expect::Refused(_));
        // Refused differently: nothing happened on the server, so that the case can go on.
        let goes_on = expects_refusal && answered.answer.is_err();
        if expectation.evidence == Evidence::Unverified {
            let seen = pin::seen(&expectation.outcome, &answered.answer, variables);
            self.sightings.push(Sighting { step: self.step_number, seen: Some(seen.clone()) });
            if let Some(pin) = self.pin() {
                if seen != pin.seen {
                    let difference = pin::difference(pin, &seen, Meets::Nothing);
                    let query_id = answered.query_id.clone();
                    return Err(failed(difference, &expectation.span, sent, query_id));
                }
                self.hold(pin.clone());
                return match goes_on {
                    true => Ok(()),
                    // What comes after it relies on what was expected.
                    false => Err(Box::new(Outcome::Passed)),
                };
            }
        }
        let seen = format!("{}: {}", place(&expectation.span), answered.as_answer().describe());
        match (expectation.evidence, &answered.answer) {
            (Evidence::Unverified, _) if goes_on => {
                let diagnosis = self.diagnosis.take();
                self.observed.get_or_insert((seen, diagnosis));
                Ok(())
            }
            (Evidence::Unverified, _) => {
                let answer = answered.as_answer().describe();
                let seen = match difference.message.contains(&answer) {
                    true => format!("{}: {}", place(&expectation.span), difference.message),
                    false => format!("{seen}; {}", difference.message),
                };
                Err(Box::new(Outcome::Observed { seen }))
            }
            (Evidence::Seed | Evidence::Documented | Evidence::Observed, Ok(_))
                if expects_refusal && self.is_limits =>
            {
                Err(Box::new(Outcome::Lifted { seen }))
            }
            _ => {
                self.evidence = expectation.evidence;
                self.source = expectation.source.clone();
                Err(failed(difference, &expectation.span, sent, answered.query_id.clone()))
            }
        }
    }

    async fn sleep(&mut self, duration: Duration, step: &Step) -> Result<(), Ended> {
        tokio::select! {
            () = self.shared.target.sleep(duration) => {}
            cause = self.shared.stop.requested() => return Err(not_run(cause)),
        }
        self.steps.push(StepReport {
            line: step.span.line,
            session: step.session.clone(),
            warehouse: None,
            sql: String::new(),
            query_id: None,
            elapsed_us: micros(duration),
            looks: 1,
            ending: format!("slept {}", seconds(duration)),
            result: String::new(),
            refusal: None,
        });
        Ok(())
    }

    /// A query of the harness's own, which must give rows.
    async fn rows_of(&mut self, sent: &Sent<'_>, what: &str) -> Result<Rows, Ended> {
        let answered = self.execute(sent).await?;
        if answered.answer.is_err() {
            self.diagnose(sent, &answered, Wanted::Result);
        }
        match answered.answer {
            Ok(rows) => Ok(rows),
            Err(refusal) => Err(failed(
                Difference {
                    message: format!(
                        "{what} was refused: {}",
                        compare::one_line(&refusal.to_string())
                    ),
                    diff: None,
                    hint: None,
                },
                sent.span,
                sent,
                answered.query_id,
            )),
        }
    }

    /// Executes and reports. Only an answer of the server comes back; every other ending ends
    /// the case, whatever it expected.
    async fn execute(&mut self, sent: &Sent<'_>) -> Result<Answered, Ended> {
        let wait_max = sent.takes.map(|(_, at_most)| at_most.saturating_add(LATE_MAX));
        let sessions = &mut self.shared.sessions;
        let executed =
            sessions.execute(sent.session, &sent.sql, &sent.binds, self.tag, wait_max).await;
        let executed = executed.map_err(|it| match it {
            NotExecuted::Gone(cause) => {
                self.gone = Some(cause.clone());
                not_run(cause)
            }
            NotExecuted::NoSession(cause) | NotExecuted::Stopped(cause) => not_run(cause),
        })?;
        let execution = executed.execution;
        let result = match &execution.ending {
            Ending::Rows(rows) => digest(rows, &self.tag.run),
            _ => String::new(),
        };
        let (answer, ending, refusal) = match execution.ending {
            Ending::Rows(rows) => {
                self.shared.history.note(sent.session, &executed.warehouse, &sent.sql);
                let ending = Answer::Rows(&rows).describe();
                (Ok(Ok(rows)), ending, None)
            }
            Ending::Refused(refusal) => {
                let ending = Answer::Refused(&refusal).describe();
                (Ok(Err(refusal.clone())), ending, Some(refusal))
            }
            Ending::TimedOut { after } => {
                let message = match sent.takes {
                    Some((at_least, at_most)) if wait_max == Some(after) => format!(
                        "no answer after {}, expected one in {}",
                        seconds(after),
                        range(at_least, at_most)
                    ),
                    _ => format!("no answer after {}", seconds(after)),
                };
                let difference = Difference {
                    message: message.clone(),
                    diff: None,
                    hint: Some("the harness gave up, and asked the server to cancel".to_owned()),
                };
                let end = failed(difference, sent.span, sent, execution.query_id.clone());
                (Err(end), message, None)
            }
            Ending::Lost { cause } => {
                let cause = format!("connection lost: {cause}");
                (Err(not_run(cause.clone())), cause, None)
            }
            Ending::NotRecorded { explanation } => {
                let cause = format!("not recorded: {explanation}");
                (Err(not_run(cause.clone())), cause, None)
            }
        };
        self.steps.push(StepReport {
            line: sent.span.line,
            session: sent.session.to_owned(),
            warehouse: Some(executed.warehouse.clone()),
            sql: sent.sql.clone(),
            query_id: execution.query_id.clone(),
            elapsed_us: micros(execution.elapsed),
            looks: 1,
            ending,
            result,
            refusal,
        });
        Ok(Answered {
            answer: answer?,
            query_id: execution.query_id,
            elapsed: execution.elapsed,
            warehouse: executed.warehouse,
        })
    }
}

fn failed(difference: Difference, span: &Span, sent: &Sent<'_>, query_id: Option<String>) -> Ended {
    Box::new(Outcome::Failed {
        failure: Failure {
            message: difference.message,
            place: place(span),
            sql: sent.sql.clone(),
            query_id,
            diff: difference.diff,
            hint: difference.hint,
        },
    })
}

fn place(span: &Span) -> String {
    format!("{}:{}", span.file.display(), span.line)
}

fn substitute(variables: &Variables, text: &str, span: &Span) -> Result<String, Ended> {
    // Plans are refused when a name is unknown; what is left is a `save` that was not reached.
    variables
        .substitute(text)
        .map_err(|name| not_run(format!("{}: `{{{name}}}` has no value", place(span))))
}

fn not_run(cause: String) -> Ended {
    Box::new(Outcome::NotRun { cause })
}

/// Expected texts may name variables too; braces round anything else stay.
fn with_variables(expect: &Expect, variables: &Variables) -> Expect {
    use crate::suite::{Cell, MessageMatch, RowsExpected};
    let cell = |it: &mut Cell| match it {
        Cell::Text(text) => *text = variables.substitute_known(text),
        Cell::Ignore(parts) => {
            for part in parts {
                *part = variables.substitute_known(part);
            }
        }
        Cell::Null | Cell::Regex(_) | Cell::NotRegex(_) => {}
    };
    let mut expect = expect.clone();
    match &mut expect {
        Expect::Rows(expected) => match &mut expected.rows {
            RowsExpected::Rows(rows) | RowsExpected::Contains(rows) => {
                rows.iter_mut().flatten().for_each(cell);
            }
            RowsExpected::Values(values) => values.iter_mut().for_each(cell),
            RowsExpected::Hash { .. } | RowsExpected::Count { .. } => {}
        },
        Expect::Refused(expected) => match &mut expected.message {
            Some(MessageMatch::Contains(text) | MessageMatch::Exact(text)) => {
                *text = variables.substitute_known(text);
            }
            Some(MessageMatch::Regex(_)) | None => {}
        },
        Expect::Sides(sides) => {
            for side in sides {
                side.outcome = with_variables(&side.outcome, variables);
            }
        }
        Expect::Ok | Expect::Affected(_) | Expect::SameAs { .. } | Expect::Recorded => {}
    }
    expect
}

fn first_cell(answer: &Result<Rows, Refusal>) -> Result<String, String> {
    let rows = answer.as_ref().map_err(|_| "nothing to save: it was refused".to_owned())?;
    match rows.rows.first().and_then(|row| row.first()).zip(rows.columns.first()) {
        None => Err("nothing to save: there are no rows".to_owned()),
        Some((Value::Null, _)) => Err("nothing to save: the first cell is NULL".to_owned()),
        Some((value, column)) => Ok(value.text(&column.data_type)),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// `4 s to 9 s`.
fn range(at_least: Duration, at_most: Duration) -> String {
    format!("{} to {}", seconds(at_least), seconds(at_most))
}

/// `5 s`, `1.25 s`.
pub fn seconds(duration: Duration) -> String {
    let text = format!("{:.3}", duration.as_secs_f64());
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}
