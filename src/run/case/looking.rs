//! Steps that look at tables that are kept fresh.

use super::{CaseRun, Ended, Sent, failed, not_run, place, seconds};
use crate::{
    refresh::{
        Ask,
        history::{self, Refresh, State},
        judge::{Others, actions_of, data_timestamps, judge},
        lag::{Held, Lags},
        oracle::{self, Contents, Table, Verdict},
        watched::{Shown, Watched, with_sources},
        whole,
    },
    run::{
        Outcome,
        compare::Difference,
        retry::{Next, Retry},
        variables::Variables,
    },
    suite::{
        Action, Evidence, Step,
        refresh::{
            Budget, ExpectedRefreshes, LagSampling, Look, LookOf, Refreshed, SENTINEL, Statistic,
            definitions,
        },
        span::Span,
    },
    target::{Refusal, Rows, wording},
};
use chrono::{DateTime, Utc};
use futures::{FutureExt, future::BoxFuture};
use std::{collections::BTreeMap, time::Duration};

/// What a case knows of the tables it looks at.
#[derive(Debug, Default)]
pub struct Looked {
    /// By the target's clock.
    began_at: Option<DateTime<Utc>>,
    /// When the last step that changed something was over.
    changed_at: Option<DateTime<Utc>>,
    /// What tables were when they were last seen, by name.
    contents: BTreeMap<String, Contents>,
    /// What was told of them, for reports.
    watched: Vec<Watched>,
}

impl Looked {
    /// What reports are to have: the tables that were looked at, and what they are made from.
    pub fn watched(&self, tables: &[Refreshed]) -> Vec<Watched> {
        with_sources(tables, &self.watched)
    }

    /// What is known of this table. `None`: it is none of the suite's.
    fn watch(&mut self, tables: &[Refreshed], table: &Table) -> Option<&mut Watched> {
        let name = table.name.rsplit('.').next().unwrap_or_default();
        if !self.watched.iter().any(|it| it.table == name) {
            self.watched.push(Watched::new(tables.iter().find(|it| it.table() == name)?));
        }
        self.watched.iter_mut().find(|it| it.table == name)
    }
}

/// Whether the instant after a step is needed: it changes something, the next one does not, and
/// a later one waits for a table to have seen it.
pub fn needs_instant(steps: &[Step], at: usize) -> bool {
    let waits = |it: &Step| match &it.action {
        Action::Look(look) => matches!(look.of, LookOf::Fresh { .. }),
        Action::Execute { .. } | Action::Sleep(_) | Action::Load(_) => false,
    };
    changes(&steps[at])
        && !steps.get(at + 1).is_some_and(changes)
        && steps[at + 1..].iter().any(waits)
}

/// Whether a step changes what tables are refreshed from. Refreshing them does not.
fn changes(step: &Step) -> bool {
    let Action::Execute { sql, .. } = &step.action else { return false };
    let words = wording::words(sql);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["INSERT" | "UPDATE" | "DELETE" | "MERGE" | "TRUNCATE" | "COPY" | "COMMIT", ..] => true,
        ["CALL" | "EXECUTE" | "UNDROP", ..] => true,
        ["ALTER", "TABLE" | "VIEW", ..] => true,
        ["CREATE", rest @ ..] => {
            let kind = rest.iter().find(|it| !matches!(**it, "OR" | "REPLACE" | "TRANSIENT"));
            matches!(kind, Some(&("TABLE" | "VIEW")))
        }
        _ => false,
    }
}

/// How long a look may take. A row that was seen after a longer pause tells no lag.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// A session of the case, to whoever asks on it.
struct Asking<'r, 'a> {
    run: &'r mut CaseRun<'a>,
    session: &'r str,
    span: &'r Span,
}

fn asking<'r, 'a>(run: &'r mut CaseRun<'a>, step: &'r Step) -> Asking<'r, 'a> {
    Asking { run, session: &step.session, span: &step.span }
}

impl Ask for Asking<'_, '_> {
    type Lost = Ended;

    fn ask<'b>(&'b mut self, sql: &'b str) -> BoxFuture<'b, Result<Result<Rows, Refusal>, Ended>> {
        async move {
            let answered = self.run.execute(&sent(self.session, sql, self.span)).await?;
            if let Some(report) = self.run.steps.last_mut() {
                // What the harness asks for itself is different at each instant.
                report.result.clear();
            }
            Ok(answered.answer)
        }
        .boxed()
    }

    fn pause(&mut self, duration: Duration) -> BoxFuture<'_, Result<(), Ended>> {
        async move {
            tokio::select! {
                () = self.run.shared.target.sleep(duration) => Ok(()),
                cause = self.run.shared.stop.requested() => Err(not_run(cause)),
            }
        }
        .boxed()
    }
}

fn sent<'a>(session: &'a str, sql: &str, span: &'a Span) -> Sent<'a> {
    Sent { session, sql: sql.to_owned(), binds: Vec::new(), span, takes: None }
}

/// What a look came to that is not as expected.
struct Unlike {
    difference: Difference,
    /// The statement that shows it.
    sql: String,
}

impl Unlike {
    fn new(message: String, sql: String) -> Self {
        Self { difference: Difference::new(message), sql }
    }
}

/// Looks of a step until its time is over, which is known only once the table was asked.
struct Until<'t>(Option<Retry<'t>>);

impl<'t> Until<'t> {
    fn looks(&self) -> u32 {
        self.0.as_ref().map_or(1, Retry::looks)
    }

    /// Begins to count, if that was not done before. An error says why there is no limit.
    fn begin(
        &mut self,
        target: &'t dyn crate::target::Target,
        look: &Look,
        lag: Option<Duration>,
    ) -> Result<(), String> {
        if self.0.is_none() {
            self.0 = Some(Retry::new(target, limit(look, lag)?));
        }
        Ok(())
    }
}

fn limit(look: &Look, lag: Option<Duration>) -> Result<Duration, String> {
    match look.within {
        None => Ok(Duration::ZERO),
        Some(wait) => wait.with_lag(lag).ok_or_else(|| {
            format!("`within: {wait}` says nothing of a table without a lag of its own")
        }),
    }
}

impl CaseRun<'_> {
    /// Notes when the case began, where it looks at refreshed tables.
    pub async fn begin(&mut self, steps: &[Step]) -> Result<(), Ended> {
        let looks = steps.iter().find(|it| matches!(it.action, Action::Look(_)));
        let Some(step) = looks else { return Ok(()) };
        let now = self.now(&step.session, &step.span).await?;
        self.looked = Looked { began_at: now, changed_at: now, ..Looked::default() };
        Ok(())
    }

    /// Notes that a step's change is over.
    pub async fn note_change(&mut self, step: &Step) -> Result<(), Ended> {
        self.looked.changed_at = self.now(&step.session, &step.span).await?;
        Ok(())
    }

    /// The instant by the target's clock. It is asked by a statement, so that a replay gives the
    /// same answer. Not a step of the case's report.
    async fn now(&mut self, session: &str, span: &Span) -> Result<Option<DateTime<Utc>>, Ended> {
        let reported = self.steps.len();
        let answer = Asking { run: self, session, span }.ask(history::NOW).await?;
        self.steps.truncate(reported);
        Ok(answer.ok().as_ref().and_then(history::now))
    }

    pub async fn look(
        &mut self,
        look: &Look,
        step: &Step,
        variables: &Variables,
    ) -> Result<(), Ended> {
        if look.evidence != Evidence::None || self.evidence == Evidence::None {
            self.evidence = look.evidence;
            self.source = look.source.clone();
        }
        let tables = self.tables(variables, &step.span)?;
        let table = |name: &str| {
            let missing = || not_run(format!("there is no refreshed table `{name}`"));
            tables.get(name).cloned().ok_or_else(missing)
        };
        let unlike = match &look.of {
            LookOf::Fresh { table: name } => self.fresh(&table(name)?, look, step).await?,
            LookOf::EqualsDefinition { tables: names } => {
                let all = names.iter().map(|it| table(it));
                let all = all.collect::<Result<Vec<Table>, Ended>>()?;
                self.equals_definition(&all, look, step).await?
            }
            LookOf::Refreshes { table: name, expected } => {
                let schedule = expected.schedule.clone().unwrap_or_default();
                let phase_of = schedule.phase_of.as_deref().map(&table).transpose()?;
                let ticks_of = schedule.ticks_of.as_deref().map(&table).transpose()?;
                let others = (phase_of, ticks_of);
                self.refreshes(&table(name)?, expected, others, look, step).await?
            }
            LookOf::Lag(sampling) => {
                let table = table(&sampling.table)?;
                self.sample_lag(&table, sampling, look, step, variables).await?
            }
        };
        match unlike {
            None => Ok(()),
            Some(unlike) if look.evidence == Evidence::Unverified => {
                let seen = format!("{}: {}", place(&step.span), unlike.difference.message);
                Err(Box::new(Outcome::Observed { seen }))
            }
            Some(Unlike { difference, sql }) => {
                let query_id = self.steps.last().and_then(|it| it.query_id.clone());
                let sent = sent(&step.session, &sql, &step.span);
                Err(failed(difference, &step.span, &sent, query_id))
            }
        }
    }

    /// The suite's refreshed tables, with what they are defined as.
    fn tables(&self, variables: &Variables, span: &Span) -> Result<BTreeMap<String, Table>, Ended> {
        let unknown = |name: String| not_run(format!("{}: `{{{name}}}` has no value", place(span)));
        let refreshed = self.shared.refreshed;
        let mut definitions = definitions(refreshed, |query, known| {
            let mut all = variables.clone();
            known.iter().for_each(|(name, value)| all.set(name.clone(), value.clone()));
            all.substitute(query)
        })
        .map_err(unknown)?;
        let table = |it: &crate::suite::refresh::Refreshed| {
            let name = variables.get(&it.name).unwrap_or(&it.name).to_owned();
            let definition = definitions.remove(&it.name).unwrap_or_default();
            (it.name.clone(), Table { name, kind: it.kind, definition })
        };
        Ok(refreshed.iter().map(table).collect())
    }

    async fn state_of(
        &mut self,
        table: &Table,
        step: &Step,
    ) -> Result<Result<State, String>, Ended> {
        let state = oracle::state(&mut asking(self, step), table).await?;
        if let (Ok(state), Some(watched)) =
            (&state, self.looked.watch(self.shared.refreshed, table))
        {
            watched.add_state(state);
        }
        Ok(state)
    }

    async fn history_of(
        &mut self,
        table: &Table,
        since: Option<DateTime<Utc>>,
        step: &Step,
    ) -> Result<Result<Vec<Refresh>, String>, Ended> {
        let history = oracle::refreshes(&mut asking(self, step), table, since).await?;
        if let (Ok(history), Some(watched)) =
            (&history, self.looked.watch(self.shared.refreshed, table))
        {
            watched.add_history(history);
        }
        Ok(history)
    }

    /// Waits until the table has seen the last change, and holds each of its states on the way to
    /// the definition.
    async fn fresh(
        &mut self,
        table: &Table,
        look: &Look,
        step: &Step,
    ) -> Result<Option<Unlike>, Ended> {
        let target = self.shared.target;
        let reported = self.steps.len();
        let mut until = Until(None);
        let mut held_at = None;
        loop {
            self.steps.truncate(reported);
            let State { now, data_timestamp, lag } = match self.state_of(table, step).await? {
                Ok(state) => state,
                Err(why) => return Ok(self.cannot_tell(why)),
            };
            if let Err(why) = until.begin(target, look, lag) {
                return Ok(Some(Unlike::new(why, String::new())));
            }
            if let Some(report) = self.steps.last_mut() {
                report.looks = until.looks();
            }
            if data_timestamp.is_some() && data_timestamp != held_at {
                if let Some(unlike) = self.compare_tables(std::slice::from_ref(table), step).await?
                {
                    return Ok(Some(unlike));
                }
                held_at = data_timestamp;
            }
            let changed_at = self.looked.changed_at;
            if data_timestamp.is_some_and(|it| changed_at.is_none_or(|changed| it >= changed)) {
                if let Some((seen_at, changed_at)) = now.zip(changed_at) {
                    self.note_fresh((seen_at - changed_at).to_std().unwrap_or_default(), lag);
                    if let Some(watched) = self.looked.watch(self.shared.refreshed, table) {
                        watched.shown.push(Shown { changed_at, seen_at });
                    }
                }
                return self.note_refresh(table, step).await;
            }
            if self.is_over(&mut until).await? {
                let is =
                    data_timestamp.map_or("it has none".to_owned(), |it| format!("it is {it}"));
                let changed = changed_at.map_or_else(String::new, |it| it.to_string());
                let waited = match look.within {
                    Some(within) => format!("not fresh within {within}"),
                    None => "not fresh".to_owned(),
                };
                let message = format!(
                    "{} is {waited}: its data timestamp should not be before {changed}, and {is}",
                    table.name
                );
                return Ok(Some(Unlike::new(message, history::state_query(&table.name))));
            }
        }
    }

    /// Waits for the next look; whether there is none.
    async fn is_over(&mut self, until: &mut Until<'_>) -> Result<bool, Ended> {
        let Some(retry) = &mut until.0 else { return Ok(true) };
        match retry.next(self.shared.stop).await {
            Next::LookAgain => Ok(false),
            Next::OutOfTime => Ok(true),
            Next::Stopped(cause) => Err(not_run(cause)),
        }
    }

    fn note_fresh(&mut self, after: Duration, lag: Option<Duration>) {
        self.add_property("fresh_after_ms", after.as_millis().to_string());
        if let Some(lag) = lag.filter(|it| !it.is_zero()) {
            let lags = after.as_secs_f64() / lag.as_secs_f64();
            self.add_property("fresh_after_lags", format!("{lags:.2}"));
        }
    }

    /// A case may have several of them.
    fn add_property(&mut self, name: &str, value: String) {
        let known = self.properties.entry(name.to_owned()).or_default();
        if !known.is_empty() {
            known.push_str("; ");
        }
        known.push_str(&value);
    }

    /// Counts something as a property.
    fn count(&mut self, name: &str) {
        let known = self.properties.get(name).and_then(|it| it.parse::<u64>().ok());
        let value = known.unwrap_or_default() + 1;
        self.properties.insert(name.to_owned(), value.to_string());
    }

    /// Something could not be told: the case goes on, and does not pass.
    fn cannot_tell(&mut self, why: String) -> Option<Unlike> {
        self.unsure.get_or_insert(why);
        None
    }

    /// Keeps what the refresh that made the table what it is says of itself, and looks for
    /// contradictions in the history so far.
    async fn note_refresh(&mut self, table: &Table, step: &Step) -> Result<Option<Unlike>, Ended> {
        let since = self.looked.began_at;
        let history = self.history_of(table, since, step).await?;
        // A target that tells no history may still be right.
        let Ok(history) = history else { return Ok(None) };
        let succeeded = history.iter().filter(|it| it.has_succeeded());
        if let Some(last) = succeeded.max_by_key(|it| it.data_timestamp) {
            self.add_property("refresh", last.in_words());
        }
        let sql = || history::query(table.kind, &table.name, since);
        let contradiction = history::contradictions(&history).into_iter().next();
        Ok(contradiction.map(|it| Unlike::new(it, sql())))
    }

    /// Holds tables to their definitions, and what changed to what the history says.
    async fn compare_tables(
        &mut self,
        tables: &[Table],
        step: &Step,
    ) -> Result<Option<Unlike>, Ended> {
        for table in tables {
            self.looked.watch(self.shared.refreshed, table);
        }
        let verdicts = oracle::look_together(&mut asking(self, step), tables).await?;
        for (table, verdict) in tables.iter().zip(verdicts) {
            match verdict {
                Verdict::Equal(contents) => {
                    self.count("oracle_equal");
                    if let Some(unlike) = self.balance(table, contents, step).await? {
                        return Ok(Some(unlike));
                    }
                }
                Verdict::Unsure { data_timestamp, why } => {
                    self.count("oracle_unsure");
                    // What was before the last change is not what the case is about.
                    let instants = data_timestamp.zip(self.looked.changed_at);
                    if instants.is_none_or(|(at, changed_at)| at >= changed_at) {
                        self.cannot_tell(why);
                    }
                }
                Verdict::Differs(differing) => {
                    let difference =
                        Difference { message: differing.message, diff: differing.rows, hint: None };
                    return Ok(Some(Unlike { difference, sql: differing.sql }));
                }
            }
        }
        Ok(None)
    }

    /// Whether statistics account for what changed since the table was last seen.
    async fn balance(
        &mut self,
        table: &Table,
        contents: Contents,
        step: &Step,
    ) -> Result<Option<Unlike>, Ended> {
        let before = self.looked.contents.insert(table.name.clone(), contents.clone());
        let Some(before) = before.filter(|it| it.data_timestamp < contents.data_timestamp) else {
            return Ok(None);
        };
        let since = Some(before.data_timestamp);
        let history = self.history_of(table, since, step).await?;
        let Ok(history) = history else { return Ok(None) };
        let Err(message) = history::balance(&history, &before, &contents) else { return Ok(None) };
        let lines: Vec<String> = history.iter().map(|it| format!(" {}", it.in_words())).collect();
        let difference = Difference {
            message: format!("{}: {message}", table.name),
            diff: Some(lines.join("\n")),
            hint: None,
        };
        Ok(Some(Unlike { difference, sql: history::query(table.kind, &table.name, since) }))
    }

    /// One look; or, with `within`, until the tables have one data timestamp.
    async fn equals_definition(
        &mut self,
        tables: &[Table],
        look: &Look,
        step: &Step,
    ) -> Result<Option<Unlike>, Ended> {
        let target = self.shared.target;
        let reported = self.steps.len();
        let mut until = Until(None);
        loop {
            self.steps.truncate(reported);
            if let Some(unlike) = self.compare_tables(tables, step).await? {
                return Ok(Some(unlike));
            }
            let instant =
                |it: &Table| self.looked.contents.get(&it.name).map(|it| it.data_timestamp);
            let instants: Vec<Option<DateTime<Utc>>> = tables.iter().map(instant).collect();
            let is_one = instants.windows(2).all(|it| it[0] == it[1]);
            if tables.len() > 1 && (is_one || look.within.is_none()) {
                self.add_property("one_data_timestamp", is_one.to_string());
            }
            let Some(within) = look.within.filter(|_| !is_one) else { return Ok(None) };
            if let Err(why) = self.begin_until(&mut until, target, &tables[0], look, step).await? {
                return Ok(Some(Unlike::new(why, String::new())));
            }
            if self.is_over(&mut until).await? {
                let each = tables.iter().zip(instants).map(|(table, at)| {
                    format!("{} {}", table.name, at.map_or("none".to_owned(), |it| it.to_string()))
                });
                let each = each.collect::<Vec<_>>().join(", ");
                let message = format!("no common data timestamp within {within}: {each}");
                return Ok(Some(Unlike::new(message, history::state_query(&tables[0].name))));
            }
        }
    }

    /// Begins to count a limit that may be in lags of a table.
    async fn begin_until<'t>(
        &mut self,
        until: &mut Until<'t>,
        target: &'t dyn crate::target::Target,
        table: &Table,
        look: &Look,
        step: &Step,
    ) -> Result<Result<(), String>, Ended> {
        if until.0.is_some() {
            return Ok(Ok(()));
        }
        let state = self.state_of(table, step).await?;
        Ok(until.begin(target, look, state.ok().and_then(|it| it.lag)))
    }

    /// The history since the case began, until it is as expected.
    async fn refreshes(
        &mut self,
        table: &Table,
        expected: &ExpectedRefreshes,
        (phase_of, ticks_of): (Option<Table>, Option<Table>),
        look: &Look,
        step: &Step,
    ) -> Result<Option<Unlike>, Ended> {
        let target = self.shared.target;
        let reported = self.steps.len();
        let since = self.looked.began_at;
        let mut until = Until(None);
        loop {
            self.steps.truncate(reported);
            let all = match self.history_of(table, since, step).await? {
                Ok(all) => all,
                Err(why) => return Ok(self.cannot_tell(why)),
            };
            // Those of the others after its own: they may have come to more ticks, and no fewer.
            let mut others = Others::default();
            for (other, to) in
                [(&phase_of, &mut others.phase_of), (&ticks_of, &mut others.ticks_of)]
            {
                let Some(other) = other else { continue };
                match self.history_of(other, since, step).await? {
                    Ok(rows) => *to = Some(data_timestamps(&rows)),
                    Err(why) => return Ok(self.cannot_tell(why)),
                }
            }
            if expected.schedule.as_ref().is_some_and(|it| it.sound) {
                match oracle::state(&mut asking(self, step), table).await? {
                    Ok(state) => others.lag = state.lag,
                    Err(why) => return Ok(self.cannot_tell(why)),
                }
            }
            if let Some(report) = self.steps.last_mut() {
                report.looks = until.looks();
            }
            let ended: Vec<Refresh> = all.into_iter().filter(Refresh::has_ended).collect();
            let Err(message) = judge(expected, &ended, &others) else {
                self.add_property("refreshes", actions_of(&ended));
                return Ok(None);
            };
            let is_over = match look.within {
                None => true,
                Some(_) => match self.begin_until(&mut until, target, table, look, step).await? {
                    Ok(()) => self.is_over(&mut until).await?,
                    Err(why) => return Ok(Some(Unlike::new(why, String::new()))),
                },
            };
            if is_over {
                let lines: Vec<String> =
                    ended.iter().map(|it| format!(" {}", it.in_words())).collect();
                let diff = (!lines.is_empty()).then(|| lines.join("\n"));
                let difference = Difference { message, diff, hint: None };
                let sql = history::query(table.kind, &table.name, since);
                return Ok(Some(Unlike { difference, sql }));
            }
        }
    }

    /// Inserts rows one after the other, and looks when each is visible.
    async fn sample_lag(
        &mut self,
        table: &Table,
        sampling: &LagSampling,
        look: &Look,
        step: &Step,
        variables: &Variables,
    ) -> Result<Option<Unlike>, Ended> {
        let reported = self.steps.len();
        let lag = match self.state_of(table, step).await? {
            Ok(state) => state.lag,
            Err(why) => return Ok(self.cannot_tell(why)),
        };
        let limit = match limit(look, lag) {
            Ok(limit) => limit,
            Err(why) => return Ok(Some(Unlike::new(why, String::new()))),
        };
        let unknown = |name: String| not_run(format!("`{{{name}}}` has no value"));
        let visible = variables.substitute(&sampling.visible).map_err(unknown)?;
        let visible = format!("SELECT CURRENT_TIMESTAMP() AS NOW, V.* FROM ({visible}) V");
        let mut lags = Lags::default();
        let mut shown = Vec::new();
        // Sentinels that are on their way, with when they were committed.
        let mut waiting: Vec<(i128, DateTime<Utc>)> = Vec::new();
        let mut inserted: u32 = 0;
        let mut resolution = Duration::ZERO;
        let mut looked_at: Option<DateTime<Utc>> = None;
        let mut disturbed: u32 = 0;
        loop {
            self.steps.truncate(reported);
            let wanted = sampling.samples.saturating_add(disturbed.min(sampling.samples * 2));
            if inserted < wanted {
                inserted += 1;
                let values = variables.clone().with(SENTINEL, inserted.to_string());
                let insert = values.substitute(&sampling.insert).map_err(unknown)?;
                if let Err(refusal) = asking(self, step).ask(&insert).await? {
                    let message = format!("the sentinel was refused: {refusal}");
                    return Ok(Some(Unlike::new(message, insert)));
                }
                if let Some(now) = self.now(&step.session, &step.span).await? {
                    waiting.push((i128::from(inserted), now));
                }
            }
            let rows = match asking(self, step).ask(&visible).await? {
                Ok(rows) => rows,
                Err(refusal) => {
                    let message = format!("the sentinels cannot be looked at: {refusal}");
                    return Ok(Some(Unlike::new(message, visible)));
                }
            };
            let Some(now) = history::now(&rows) else {
                return Ok(self.cannot_tell("the target does not tell its time".to_owned()));
            };
            let seen = rows.rows.first().and_then(|it| it.get(1)).and_then(whole);
            let since = |at: DateTime<Utc>| (now - at).to_std().unwrap_or_default();
            let between = looked_at.replace(now).map_or(Duration::ZERO, since);
            // Whoever moves the clock, or holds up this client, hides when a row came to be seen.
            let is_disturbed = between > sampling.pause * 2 + LOOK_MAX;
            if !is_disturbed {
                resolution = resolution.max(between);
            }
            waiting.retain(|(sentinel, committed_at)| {
                let is_seen = seen.is_some_and(|it| it >= *sentinel);
                match (is_seen, since(*committed_at) > limit) {
                    (true, _) if is_disturbed => disturbed += 1,
                    (true, _) => {
                        lags.add(since(*committed_at));
                        shown.push(Shown { changed_at: *committed_at, seen_at: now });
                    }
                    (false, true) => lags.add_never(),
                    (false, false) => return true,
                }
                false
            });
            let is_enough = lags.count() >= sampling.samples as usize || inserted >= wanted;
            if is_enough && waiting.is_empty() {
                break;
            }
            asking(self, step).pause(sampling.pause).await?;
        }
        self.note_lags(&lags, lag, resolution);
        if let Some(watched) = self.looked.watch(self.shared.refreshed, table) {
            watched.shown.extend(shown);
        }
        if disturbed > 0 {
            self.add_property("lag_disturbed", disturbed.to_string());
        }
        if lags.count() > 0 && lags.never() == lags.count() {
            let message = format!("no row was visible within {}", seconds(limit));
            return Ok(Some(Unlike::new(message, visible)));
        }
        Ok(self.judge_budget(&lags, sampling.budget, lag).map(|it| Unlike::new(it, visible)))
    }

    fn note_lags(&mut self, lags: &Lags, lag: Option<Duration>, resolution: Duration) {
        let of =
            |it| lags.statistic(it).map_or("never".to_owned(), |it| it.as_millis().to_string());
        self.add_property("lag_samples", lags.count().to_string());
        self.add_property("lag_p50_ms", of(Statistic::Percentile(50)));
        self.add_property("lag_p95_ms", of(Statistic::Percentile(95)));
        self.add_property("lag_max_ms", of(Statistic::Max));
        self.add_property("lag_resolution_ms", resolution.as_millis().to_string());
        if let Some(lag) = lag {
            self.add_property("lag_target_ms", lag.as_millis().to_string());
        }
    }

    /// What is wrong with a budget that is not held.
    fn judge_budget(
        &mut self,
        lags: &Lags,
        budget: Option<Budget>,
        lag: Option<Duration>,
    ) -> Option<String> {
        let budget = budget?;
        let Some(limit) = budget.most.with_lag(lag) else {
            return Some(format!("the budget `{budget}` needs a table with a lag of its own"));
        };
        let found =
            lags.statistic(budget.of).map_or("more than was waited for".to_owned(), seconds);
        let found = format!("{} is {found} of {} samples", budget.of, lags.count());
        match lags.holds(budget.of, limit) {
            Held::Yes => None,
            Held::No => Some(format!(
                "the budget `{budget}`, which is {}, is not held: {found}",
                seconds(limit)
            )),
            Held::CannotTell { needed } => {
                self.cannot_tell(format!(
                    "the budget `{budget}`: {found}; {needed} within it would tell"
                ));
                None
            }
        }
    }
}
