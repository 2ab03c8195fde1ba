//! Steps that are a load: what it is executed on, and what it means for the case. How requests are
//! sent and counted is `crate::load`'s.

use super::{CaseRun, Ended, micros, not_run, place};
use crate::{
    load::{
        LoadReport, Measured,
        generator::Reopen,
        join::{self, When},
        measure::{Execution, LostEarly, Setting, Side, measure},
        pacer::Pacer,
        parameters::{Values, Zipf},
        requests::Template,
        search::{self, Search, Tried},
        verdict,
        workload::{Arrivals, Parameter, Query, Rate, Role, Workload},
    },
    run::{Event, Outcome, StepReport, Stop, session::Start, variables::Variables},
    suite::{Step, span::Span},
    target::{Ending, LoginError, LoginRequest, Part, QueryTag, Session, Statement, Target, Value},
};
use futures::{FutureExt, StreamExt, stream};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// Logins at the same time. More of them make servers slow, and some refuse.
const LOGINS: usize = 16;

/// Between two looks at what the run costs.
const COST_TICK: Duration = Duration::from_secs(1);

/// Values of a parameter that are read from a query or a file.
const VALUES_MAX: usize = 1_000_000;

/// How sessions of a role begin.
#[derive(Clone)]
struct Opening {
    target: Arc<dyn Target>,
    request: LoginRequest,
    /// Goes to where the suite's sessions are.
    prepare: Vec<String>,
    give_up_after: Duration,
}

/// What is recorded of a load.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Of the highest rate that was kept, where one was looked for; of the first, where none was.
    measured: Measured,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tried: Vec<Tried>,
    /// It ended before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lost: Option<LostEarly>,
}

/// Why there is no session.
enum NotOpened {
    Gone(String),
    Refused(String),
}

impl Opening {
    async fn open(&self) -> Result<Box<dyn Session>, NotOpened> {
        let login = self.target.login(self.request.clone()).await;
        let mut session = login.map_err(|err| match err {
            LoginError::Unreachable { .. } => NotOpened::Gone(err.to_string()),
            LoginError::Refused { .. } | LoginError::Unusable { .. } => {
                NotOpened::Refused(err.to_string())
            }
        })?;
        for sql in &self.prepare {
            let ending = execute(&mut *session, sql, &self.request.tag, self.give_up_after).await;
            if let Err(cause) = ending {
                session.close().await;
                return Err(NotOpened::Refused(format!("`{sql}`: {cause}")));
            }
        }
        Ok(session)
    }

    fn reopen(&self) -> Reopen {
        let opening = self.clone();
        Arc::new(move || {
            let opening = opening.clone();
            async move {
                opening.open().await.map_err(|it| match it {
                    NotOpened::Gone(cause) | NotOpened::Refused(cause) => cause,
                })
            }
            .boxed()
        })
    }
}

/// A statement that the load stands on: the first column of its rows, or what became of it.
async fn execute(
    session: &mut dyn Session,
    sql: &str,
    tag: &QueryTag,
    give_up_after: Duration,
) -> Result<Vec<String>, String> {
    let sql = sql.to_owned();
    let statement =
        Statement { sql, tag: Some(tag.clone()), give_up_after, ..Statement::default() };
    match session.execute(&statement).await.ending {
        Ending::Rows(rows) => {
            let column = rows.columns.first();
            let text = |it: &Value| column.map(|column| it.text(&column.data_type));
            Ok(rows.rows.iter().filter_map(|row| row.first().and_then(text)).collect())
        }
        Ending::Refused(refusal) => Err(refusal.to_string()),
        Ending::TimedOut { after } => Err(format!("no answer after {after:?}")),
        Ending::Lost { cause } => Err(cause),
        Ending::NotRecorded { explanation } => Err(format!("not recorded: {explanation}")),
    }
}

impl CaseRun<'_> {
    pub(super) async fn load(
        &mut self,
        workload: &Workload,
        step: &Step,
        variables: &Variables,
    ) -> Result<(), Ended> {
        let began = Instant::now();
        let of_many = self.shared.of_many;
        let own = of_many.map(|it| workload.of_part(it.partition));
        let workload = own.as_ref().unwrap_or(workload);
        (self.evidence, self.source) = workload.believed();
        let kept = match self.shared.target.measured(self.tag) {
            Some(recorded) => recorded.and_then(|json| {
                serde_json::from_str(&json)
                    .map_err(|err| format!("what the load came to cannot be read: {err}"))
            }),
            None => {
                let kept = self.measure(workload, step, variables).await?;
                if let Ok(json) = serde_json::to_string(&kept) {
                    self.shared.target.keep_measured(self.tag, &json);
                }
                Ok(kept)
            }
        };
        let Kept { measured, tried, lost } =
            kept.map_err(|why| not_run(format!("not recorded: {why}")))?;
        if let Some(lost) = &lost {
            self.properties.insert("ended_early".to_owned(), lost.in_words());
        }
        if !tried.is_empty() {
            self.properties.insert("search".to_owned(), search::in_words(&tried));
        }
        self.steps.push(StepReport {
            line: step.span.line,
            session: step.session.clone(),
            warehouse: measured.roles.first().and_then(|it| it.warehouse.clone()),
            sql: workload.in_words(),
            query_id: None,
            elapsed_us: micros(began.elapsed()),
            looks: 1,
            ending: "measured".to_owned(),
            result: String::new(),
            refusal: None,
        });
        let judged = match of_many {
            Some(_) => verdict::judged_later(&measured, workload),
            None => verdict::judged(&measured, workload),
        };
        let report = LoadReport { measured, judged };
        let mut outcome = match of_many {
            Some(it) => {
                verdict::outcome_of_part(workload, &report.measured, &step.span, it.partition)
            }
            None => verdict::outcome(workload, &report, &step.span),
        };
        if let Some(lost) = &lost {
            outcome = verdict::outcome_early(workload, lost, outcome);
        }
        self.load = Some(Box::new(report));
        match outcome {
            Outcome::Passed => Ok(()),
            outcome => Err(Box::new(outcome)),
        }
    }

    async fn measure(
        &mut self,
        workload: &Workload,
        step: &Step,
        variables: &Variables,
    ) -> Result<Kept, Ended> {
        let tag = match &self.tag.part {
            Part::Case(name) => self.tag.part(Part::Load(name.clone())),
            _ => self.tag.clone(),
        };
        let (target, start) = self.shared.sessions.of_start();
        let ground = Ground {
            target: Arc::clone(target),
            start: start.clone(),
            stop: self.shared.stop.clone(),
            tag: tag.clone(),
        };
        let mut sides = Vec::new();
        for role in workload.roles() {
            match ground.side(workload, role, variables, &step.span).await {
                Ok(side) => sides.push(side),
                Err(failure) => {
                    close(sides).await;
                    self.gone = failure.gone;
                    return Err(failure.ended);
                }
            }
        }
        let templates = match sides.first_mut().and_then(|it| it.sessions.first_mut()) {
            Some(session) => {
                ground.templates(workload, &mut **session, variables, &step.span).await
            }
            None => Err(not_run(format!("{}: there is no session", place(&step.span)))),
        };
        let templates = match templates {
            Ok(it) => it,
            Err(ended) => {
                close(sides).await;
                return Err(ended);
            }
        };
        let target = &ground.target;
        let mut setting = Setting {
            name: self.name,
            workload: workload.clone(),
            seed: self.shared.seed,
            templates: templates.into(),
            tag: tag.clone(),
            give_up_after: workload.give_up_after.unwrap_or(ground.start.give_up_after),
            simulated: target.simulated().or_else(|| ground.start.simulated.clone()),
            not_ours: target.server_threads(),
            // Without one the load is less exact, which its health tells.
            pacer: match target.is_on_tokio_time() {
                true => None,
                false => Pacer::start().ok().map(Arc::new),
            },
            now: &|| target.now(),
            part: self.shared.of_many.cloned(),
        };
        let (events, key) = (self.shared.events, self.shared.key);
        let progress = |progress| {
            if let Some(case) = key {
                events.send(Event::LoadProgress { case: case.clone(), progress });
            }
        };
        let mut search = match &workload.arrivals {
            Arrivals::Open { rate: Rate::Search { from, to }, .. } => Some(Search::new(*from, *to)),
            _ => None,
        };
        let mut tried = Vec::new();
        let mut best: Option<(Execution, When)> = None;
        loop {
            let rate = search.as_ref().map(Search::next);
            if let Some(Some(rate)) = rate {
                setting.workload.at_rate(rate);
            }
            let from = target.now();
            let executed = measure(&setting, sides, ground.stopped(), progress);
            let mut executed = executed.await;
            sides = std::mem::take(&mut executed.sides);
            ground.meter(&executed.measured);
            if let Some(cause) = executed.stopped {
                close(sides).await;
                return Err(not_run(cause));
            }
            let when = When { from, until: target.now() };
            let (Some(search), Some(Some(rate))) = (&mut search, rate) else {
                best = Some((executed, when));
                break;
            };
            let measured = executed.measured.clone();
            let judged = verdict::judged(&measured, workload);
            let report = LoadReport { measured, judged };
            let outcome = verdict::outcome(workload, &report, &step.span);
            // What cannot be told is not lost.
            let kept = executed.lost.is_none()
                && matches!(outcome, Outcome::Passed | Outcome::Unsure { .. });
            search.note(rate, kept);
            tried.push(Tried { rate, kept, outcome: outcome.word().to_owned() });
            if kept || best.is_none() {
                best = Some((executed, when));
            }
            if search.next().is_none() {
                break;
            }
        }
        let Some((Execution { mut measured, sent, lost, .. }, when)) = best else {
            close(sides).await;
            return Err(not_run("no rate was tried".to_owned()));
        };
        // Asked on a warehouse of its own: some have no history to ask, and none is kept waiting.
        let standard = Role {
            name: crate::suite::STANDARD.to_owned(),
            session: crate::suite::STANDARD.to_owned(),
            warehouse: None,
        };
        if let Ok(mut session) = ground.opening(&standard, None).open().await {
            join::join(&mut measured, &sent, &mut *session, &tag, when).await;
            session.close().await;
        }
        close(sides).await;
        Ok(Kept { measured, tried, lost })
    }
}

/// What a load is executed on.
struct Ground {
    target: Arc<dyn Target>,
    start: Start,
    stop: Stop,
    tag: QueryTag,
}

/// Why a role has no sessions.
struct NoSide {
    ended: Ended,
    /// The target cannot be reached any more, and why.
    gone: Option<String>,
}

impl From<Ended> for NoSide {
    fn from(ended: Ended) -> Self {
        Self { ended, gone: None }
    }
}

impl Ground {
    fn opening(&self, role: &Role, warehouse: Option<&str>) -> Opening {
        let Self { target, start, tag, .. } = self;
        let warehouse = warehouse.unwrap_or(match role.session.as_str() {
            "interactive" => &start.interactive,
            _ => &start.standard,
        });
        Opening {
            target: Arc::clone(target),
            request: LoginRequest {
                session: role.session.clone(),
                tag: tag.clone(),
                ..LoginRequest::default()
            },
            prepare: vec![
                format!("USE SCHEMA {}", start.schema),
                format!("USE WAREHOUSE {warehouse}"),
            ],
            give_up_after: start.give_up_after,
        }
    }

    /// The sessions of a role.
    async fn side(
        &self,
        workload: &Workload,
        role: &Role,
        variables: &Variables,
        span: &Span,
    ) -> Result<Side, NoSide> {
        let warehouse = match &role.warehouse {
            Some(it) => Some(super::substitute(variables, it, span)?),
            None => None,
        };
        let opening = self.opening(role, warehouse.as_deref());
        let opened = stream::iter(0..workload.sessions).map(|_| opening.open());
        let opened: Vec<_> = tokio::select! {
            opened = opened.buffer_unordered(LOGINS).collect() => opened,
            cause = self.stop.requested() => return Err(not_run(cause).into()),
        };
        let mut sessions = Vec::new();
        let mut failed = None;
        for it in opened {
            match it {
                Ok(session) => sessions.push(session),
                Err(why) => {
                    failed.get_or_insert(why);
                }
            }
        }
        let warehouse = opening.prepare.last().and_then(|it| it.strip_prefix("USE WAREHOUSE "));
        let side = Side {
            role: role.name.clone(),
            session: role.session.clone(),
            warehouse: warehouse.map(str::to_owned),
            sessions,
            reopen: opening.reopen(),
        };
        let Some(failed) = failed else { return Ok(side) };
        let opened = side.sessions.len();
        close(vec![side]).await;
        let why = |cause: String| {
            format!(
                "{} of {} sessions of `{}` could be had: {cause}",
                opened, workload.sessions, role.name
            )
        };
        Err(match failed {
            NotOpened::Gone(cause) => NoSide { gone: Some(cause.clone()), ended: not_run(cause) },
            NotOpened::Refused(cause) => not_run(why(cause)).into(),
        })
    }

    /// Queries with all that they need but their parameters' values.
    async fn templates(
        &self,
        workload: &Workload,
        session: &mut dyn Session,
        variables: &Variables,
        span: &Span,
    ) -> Result<Vec<Template>, Ended> {
        let mut templates = Vec::new();
        for (query, control) in workload.queries() {
            let mut values = Vec::new();
            for (name, parameter) in &query.params {
                let found = self.values(parameter, session, variables, span).await;
                values.push(found.map_err(|why| {
                    not_run(format!("{}: values of `{name}`: {why}", place(&query.span)))
                })?);
            }
            templates.push(template(query, control, values, variables)?);
        }
        Ok(templates)
    }

    async fn values(
        &self,
        parameter: &Parameter,
        session: &mut dyn Session,
        variables: &Variables,
        span: &Span,
    ) -> Result<Values, String> {
        let number = |text: &str| {
            let text =
                variables.substitute(text).map_err(|it| format!("`{{{it}}}` has no value"))?;
            text.trim().parse::<i64>().map_err(|_| format!("`{text}` is not a whole number"))
        };
        let ends = |first: &str, last: &str| {
            let (first, last) = (number(first)?, number(last)?);
            match first <= last {
                true => Ok((first, last)),
                false => Err(format!("there is no number from {first} to {last}")),
            }
        };
        let values = match parameter {
            Parameter::Uniform { first, last } => {
                let (first, last) = ends(first, last)?;
                return Ok(Values::Uniform { first, last });
            }
            Parameter::Zipf { first, last, exponent } => {
                let (first, last) = ends(first, last)?;
                let ranks = last.abs_diff(first).saturating_add(1);
                return Ok(Values::Zipf { first, ranks: Zipf::new(ranks, *exponent) });
            }
            Parameter::List(values) => values.clone(),
            Parameter::Query(sql) => {
                let sql =
                    variables.substitute(sql).map_err(|it| format!("`{{{it}}}` has no value"))?;
                execute(session, &sql, &self.tag, self.start.give_up_after).await?
            }
            Parameter::File(path) => {
                let path = span.file.parent().unwrap_or(Path::new("")).join(path);
                let text = fs::read_to_string(&path)
                    .map_err(|err| format!("`{}` cannot be read: {err}", path.display()))?;
                text.lines().filter(|it| !it.is_empty()).map(str::to_owned).collect()
            }
        };
        match values.len() {
            0 => Err("there are none".to_owned()),
            VALUES_MAX.. => Err(format!("there are more than {VALUES_MAX}")),
            _ => Ok(Values::OneOf(values.into())),
        }
    }

    /// Until somebody asks for the run's end, or it costs what it may.
    async fn stopped(&self) -> String {
        let cost = async {
            loop {
                tokio::time::sleep(COST_TICK).await;
                let now = self.target.now();
                if let Some(cause) = self.start.meter.used_up(now) {
                    self.stop.request(cause.clone());
                    return cause;
                }
            }
        };
        tokio::select! {
            cause = self.stop.requested() => cause,
            cause = cost => cause,
        }
    }

    /// Tells the meter that the warehouses were computing.
    fn meter(&self, measured: &Measured) {
        let start = &self.start;
        for role in &measured.roles {
            let Some(query) = role.queries.first() else { continue };
            let ending = Ending::Rows(crate::target::Rows::default());
            let warehouse = role.warehouse.as_deref().unwrap_or_default();
            let by = start.tag.owner.name();
            start.meter.executed(&query.sql, warehouse, by, &ending, self.target.now());
        }
    }
}

fn template(
    query: &Query,
    control: bool,
    values: Vec<Values>,
    variables: &Variables,
) -> Result<Template, Ended> {
    Template::new(query, control, values, |name| variables.get(name).map(str::to_owned))
        .map_err(|name| not_run(format!("{}: `{{{name}}}` has no value", place(&query.span))))
}

async fn close(sides: Vec<Side>) {
    let sessions = sides.into_iter().flat_map(|it| it.sessions);
    stream::iter(sessions).for_each_concurrent(LOGINS, |it| it.close()).await;
}
