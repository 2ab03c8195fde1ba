//! One fixture while it is replayed: what was used of it, and what may come next.

use crate::{
    fixture::{self, Exchange, Fixture, Recorded, RecordedRows, Section, cell, names::Showing},
    target::{
        Context, Ending, Execution, Owner, Part, QueryTag, Refusal, Rows, Statement, wording,
    },
};
use std::{
    collections::HashMap,
    fmt::{self, Write as _},
    time::Duration,
};
use tokio::time::Instant;

pub struct Tape {
    fixture: Fixture,
    sections: HashMap<Part, Progress>,
    /// The values of placeholders, for the run that replays.
    showing: Option<(String, Showing)>,
}

/// How far a section was replayed.
#[derive(Default)]
struct Progress {
    /// Of the section in the fixture.
    section: usize,
    /// Exchanges by what must match, in order.
    by_key: HashMap<Key, Vec<usize>>,
    writes: Vec<usize>,
    used: Vec<bool>,
    /// Writes that were replayed.
    writes_used: usize,
    /// When the first exchange was replayed, and when it was recorded.
    anchor: Option<(Instant, Duration)>,
    has_ended: bool,
}

/// What must match for an exchange to be the answer, as one text: session, context, statement and
/// binds, in [`FIELDS`].
type Key = String;

const FIELDS: [&str; 4] = ["session", "context", "statement", "binds"];

/// Between the fields of a key.
const BETWEEN: char = '\0';

/// An answer, and when its statement was sent.
pub struct Played {
    pub sent_at: Instant,
    pub execution: Execution,
}

/// A recorded exchange that no replay of its section asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unused {
    pub owner: Owner,
    pub part: Part,
    pub sql: String,
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (owner, part) = (described(&self.owner), described_part(&self.part));
        write!(f, "{owner}, {part}: {}", one_line(&self.sql))
    }
}

impl Tape {
    pub fn new(fixture: Fixture) -> Self {
        let mut sections = HashMap::new();
        for (at, section) in fixture.sections.iter().enumerate() {
            sections.insert(section.part.clone(), Progress::new(at, section));
        }
        Self { fixture, sections, showing: None }
    }

    /// Exchanges of sections that were replayed to their end. Those that go by any order are not
    /// counted: how often they are needed depends on which cases are run.
    pub fn unused(&self) -> Vec<Unused> {
        let mut unused = Vec::new();
        for section in &self.fixture.sections {
            let Some(progress) = self.sections.get(&section.part) else { continue };
            if is_free(&section.part) || !progress.has_ended {
                continue;
            }
            for (exchange, used) in section.exchanges.iter().zip(&progress.used) {
                if !used {
                    unused.push(Unused {
                        owner: self.fixture.header.owner.clone(),
                        part: section.part.clone(),
                        sql: exchange.sql.clone(),
                    });
                }
            }
        }
        unused
    }

    pub fn has_part(&self, part: &Part) -> bool {
        self.sections.contains_key(part)
    }

    /// Starts over for another run.
    fn begin(&mut self, run: &str) {
        if self.showing.as_ref().is_some_and(|(it, _)| it == run) {
            return;
        }
        for progress in self.sections.values_mut() {
            progress.reset();
        }
        let owner = described(&self.fixture.header.owner);
        let showing = Showing::new(run, &owner, &self.fixture.times);
        self.showing = Some((run.to_owned(), showing));
    }

    /// The recorded answer; or why there is none.
    pub fn play(
        &mut self,
        tag: &QueryTag,
        session: &str,
        context: &Context,
        statement: &Statement,
        now: Instant,
    ) -> Result<Played, String> {
        self.begin(&tag.run);
        self.check_order(tag)?;
        let Some((_, showing)) = &self.showing else { return Err(String::new()) };
        let key = asked(&tag.part, session, context, statement, showing);
        let Some(progress) = self.sections.get_mut(&tag.part) else {
            return Err(format!(
                "there is no recording of {} in that of {}",
                described_part(&tag.part),
                described(&tag.owner)
            ));
        };
        let section = &self.fixture.sections[progress.section];
        let Some(at) = progress.next(&tag.part, &key) else {
            return Err(progress.explain(section, &tag.part, &key));
        };
        let exchange = &section.exchanges[at];
        let execution = shown(exchange, showing)?;
        progress.used[at] = true;
        if let Ok(write) = progress.writes.binary_search(&at)
            && !is_free(&tag.part)
        {
            progress.writes_used = write + 1;
        }
        let (anchor, first_at) = *progress.anchor.get_or_insert((now, exchange.at));
        let sent_at = match is_free(&tag.part) {
            true => now,
            false => anchor + exchange.at.saturating_sub(first_at),
        };
        Ok(Played { sent_at, execution })
    }

    /// A part stands on what was done before it: on the whole set-up, and on the cases before it
    /// as far as it was recorded after them.
    fn check_order(&self, tag: &QueryTag) -> Result<(), String> {
        if !matches!(tag.part, Part::Case(_)) {
            return Ok(());
        }
        let own = match self.sections.get(&tag.part) {
            // Asked when it began.
            Some(progress) if progress.anchor.is_none() => progress.section,
            _ => return Ok(()),
        };
        for (at, section) in self.fixture.sections.iter().enumerate() {
            let Some(progress) = self.sections.get(&section.part) else { continue };
            let place = described_part(&section.part);
            match &section.part {
                Part::SetUp => progress.check_whole(section)?,
                Part::Case(_) if at < own && tag.ordered => progress.check_whole(section)?,
                Part::Case(_) if at > own && progress.anchor.is_some() => {
                    return Err(format!(
                        "it was recorded before {place}, and is asked for after it"
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Hears that a part has come to its end. An error names the statement that is missing.
    pub fn end(&mut self, tag: &QueryTag) -> Result<(), String> {
        self.begin(&tag.run);
        let Some(progress) = self.sections.get_mut(&tag.part) else { return Ok(()) };
        progress.has_ended = true;
        match is_free(&tag.part) {
            true => Ok(()),
            false => progress.check_whole(&self.fixture.sections[progress.section]),
        }
    }
}

impl Progress {
    fn new(at: usize, section: &Section) -> Self {
        let mut progress =
            Self { section: at, used: vec![false; section.exchanges.len()], ..Self::default() };
        for (at, exchange) in section.exchanges.iter().enumerate() {
            progress.by_key.entry(recorded(exchange)).or_default().push(at);
            if !wording::is_read(&exchange.sql) || is_looked_back_at(&section.exchanges[at..]) {
                progress.writes.push(at);
            }
        }
        progress
    }

    fn reset(&mut self) {
        self.used.fill(false);
        self.writes_used = 0;
        self.anchor = None;
        self.has_ended = false;
    }

    /// Whether all that changes anything was replayed.
    fn check_whole(&self, section: &Section) -> Result<(), String> {
        match self.writes.get(self.writes_used) {
            None => Ok(()),
            Some(missing) => Err(format!(
                "{} has `{}`, which was not asked for",
                described_part(&section.part),
                one_line(&section.exchanges[*missing].sql)
            )),
        }
    }

    /// The exchange that answers now.
    fn next(&self, part: &Part, key: &Key) -> Option<usize> {
        let places = self.by_key.get(key)?;
        if is_free(part) {
            let unused = places.iter().find(|it| !self.used[**it]);
            return unused.or(places.last()).copied();
        }
        // From the last write that was replayed up to and with the next one.
        let from = match self.writes_used {
            0 => 0,
            used => self.writes[used - 1] + 1,
        };
        let to = self.writes.get(self.writes_used).copied().unwrap_or(usize::MAX);
        let after = places.partition_point(|it| *it < from);
        let within = places[after..].iter().take_while(|it| **it <= to);
        within.copied().find(|it| !self.used[*it])
    }

    /// Why nothing was found, by what comes nearest.
    fn explain(&self, section: &Section, part: &Part, key: &Key) -> String {
        let place = described_part(part);
        if let Some(places) = self.by_key.get(key) {
            let next = self.writes.get(self.writes_used).map(|it| &section.exchanges[*it].sql);
            return match (places.iter().all(|it| self.used[*it]), next) {
                (true, _) => format!(
                    "{place} has this statement {}, and it was asked for once more",
                    times(places.len())
                ),
                (false, Some(next)) => format!(
                    "{place} has this statement, but not here: `{}` comes first",
                    one_line(next)
                ),
                (false, None) => format!(
                    "{place} has this statement, but before the last statement that changes \
                     anything"
                ),
            };
        }
        let field = |key: &str, at: usize| key.split(BETWEEN).nth(at).unwrap_or("").to_owned();
        let (session, sql) = (field(key, 0), field(key, 2));
        let likeness = |it: &Exchange| {
            let likeness = strsim::sorensen_dice(wording::trimmed(&it.sql), &sql);
            ((likeness * 1e6) as u64, it.session == session)
        };
        let Some(nearest) = section.exchanges.iter().max_by_key(|it| likeness(it)) else {
            return format!("{place} has no statements");
        };
        let nearest = recorded(nearest);
        let mut text = format!("{place} has no such statement; the nearest is\n");
        for (at, what) in FIELDS.into_iter().enumerate() {
            let (recorded, asked) = (field(&nearest, at), field(key, at));
            let _ = match (what, recorded == asked) {
                ("statement", true) => writeln!(text, " {asked}"),
                ("statement", false) => write!(text, "-{recorded}\n+{asked}\n"),
                (_, true) => Ok(()),
                (_, false) => write!(text, "-{what}: {recorded}\n+{what}: {asked}\n"),
            };
        }
        text.truncate(text.trim_end().len());
        text
    }
}

/// The key of a statement that is asked for.
fn asked(
    part: &Part,
    session: &str,
    context: &Context,
    statement: &Statement,
    showing: &Showing,
) -> Key {
    let hide = |text: &str| showing.hide(&fixture::without_expiry(text));
    let facts = context.facts.iter().filter(|(name, _)| fixture::is_kept(part, name));
    let binds = statement.binds.iter().map(cell::encode_bind);
    key(
        session,
        facts.map(|(name, value)| (name.as_str(), hide(value))),
        &hide(&statement.sql),
        binds.map(|it| it.map(|it| hide(&it))),
    )
}

/// The key of a recorded exchange.
fn recorded(exchange: &Exchange) -> Key {
    let facts = exchange.context.facts.iter();
    key(
        &exchange.session,
        facts.map(|(name, value)| (name.as_str(), value)),
        &exchange.sql,
        exchange.binds.iter().map(Option::as_ref),
    )
}

fn key<'a>(
    session: &str,
    facts: impl Iterator<Item = (&'a str, impl AsRef<str>)>,
    sql: &str,
    binds: impl Iterator<Item = Option<impl AsRef<str>>>,
) -> Key {
    let sql = wording::trimmed(sql);
    let mut key = String::with_capacity(sql.len() + 96);
    key.push_str(session);
    key.push(BETWEEN);
    for (at, (name, value)) in facts.enumerate() {
        key.push_str(if at == 0 { "" } else { ", " });
        let _ = write!(key, "{name} {}", value.as_ref());
    }
    key.push(BETWEEN);
    key.push_str(sql);
    key.push(BETWEEN);
    for (at, bind) in binds.enumerate() {
        key.push_str(if at == 0 { "" } else { ", " });
        // Quoted, so that two binds are never one.
        let _ = match bind {
            Some(bind) => write!(key, "{:?}", bind.as_ref()),
            None => write!(key, "NULL"),
        };
    }
    key
}

/// Whether the next statement of the first one's session asks for it or its result.
fn is_looked_back_at(exchanges: &[Exchange]) -> bool {
    let Some((first, rest)) = exchanges.split_first() else { return false };
    let next = rest.iter().find(|it| it.session == first.session);
    next.is_some_and(|it| wording::looks_back(&it.sql))
}

/// Whether a part's exchanges answer in any order, any number of times.
fn is_free(part: &Part) -> bool {
    matches!(part, Part::Sessions | Part::CleanUp)
}

fn shown(exchange: &Exchange, showing: &Showing) -> Result<Execution, String> {
    let ending = match &exchange.ending {
        Recorded::Rows(rows) => Ending::Rows(shown_rows(rows, showing)?),
        Recorded::Refused(refusal) => {
            Ending::Refused(Refusal { message: showing.show(&refusal.message), ..refusal.clone() })
        }
        Recorded::TimedOut { after } => Ending::TimedOut { after: *after },
        Recorded::Lost { cause } => Ending::Lost { cause: showing.show(cause) },
    };
    let query_id = exchange.query_id.as_ref().map(|it| showing.show(it));
    Ok(Execution { ending, query_id, elapsed: exchange.elapsed })
}

fn shown_rows(recorded: &RecordedRows, showing: &Showing) -> Result<Rows, String> {
    let mut columns = recorded.columns.clone();
    for column in &mut columns {
        column.name = showing.show(&column.name);
    }
    let mut rows = Vec::with_capacity(recorded.rows.len());
    for recorded in &recorded.rows {
        let mut row = Vec::with_capacity(recorded.len());
        for (text, column) in recorded.iter().zip(&columns) {
            let text = text.as_ref().map(|it| showing.show(it));
            let value = cell::decode(text.as_deref(), &column.data_type);
            row.push(value.map_err(|why| {
                format!("the recording cannot be read: column `{}`: {why}", column.name)
            })?);
        }
        rows.push(row);
    }
    Ok(Rows { columns, rows, affected: recorded.affected })
}

pub fn described(owner: &Owner) -> String {
    match owner {
        Owner::Run => "the run itself".to_owned(),
        Owner::DataSet(name) => format!("the data set `{name}`"),
        Owner::Suite(name) => format!("the suite `{name}`"),
    }
}

fn described_part(part: &Part) -> String {
    match part {
        Part::Sweep => "the sweep".to_owned(),
        Part::Objects => "the making of objects".to_owned(),
        Part::Interactive => "the making of the interactive warehouse".to_owned(),
        Part::Probe => "the probe".to_owned(),
        Part::Sessions => "the preparing of sessions".to_owned(),
        Part::SetUp => "the set-up".to_owned(),
        Part::Case(name) | Part::Load(name) => format!("the case `{name}`"),
        Part::CleanUp => "the clean-up".to_owned(),
    }
}

fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

fn one_line(sql: &str) -> String {
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}
