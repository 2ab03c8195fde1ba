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
}

/// What must match for an exchange to be the answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    session: String,
    context: Context,
    sql: String,
    binds: Vec<Option<String>>,
}

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

    /// Exchanges of sections that were begun. Sections that go by any order are not counted:
    /// how often they are needed depends on which cases are run.
    pub fn unused(&self) -> Vec<Unused> {
        let mut unused = Vec::new();
        for section in &self.fixture.sections {
            let Some(progress) = self.sections.get(&section.part) else { continue };
            if is_free(&section.part) || progress.anchor.is_none() {
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

    /// The recorded answer; or why there is none.
    pub fn play(
        &mut self,
        tag: &QueryTag,
        session: &str,
        context: &Context,
        statement: &Statement,
        now: Instant,
    ) -> Result<Played, String> {
        let showing = match &self.showing {
            Some((run, showing)) if *run == tag.run => showing,
            _ => {
                // Another run, which starts at the beginning.
                for (at, section) in self.fixture.sections.iter().enumerate() {
                    self.sections.insert(section.part.clone(), Progress::new(at, section));
                }
                let owner = described(&self.fixture.header.owner);
                let showing = Showing::new(&tag.run, &owner, &self.fixture.times);
                &self.showing.insert((tag.run.clone(), showing)).1
            }
        };
        let hide = |text: &str| showing.hide(&fixture::without_expiry(text));
        let context = fixture::context_kept(session, &tag.part, context);
        let facts = context.facts.iter().map(|(name, value)| (name.clone(), hide(value)));
        let binds = statement.binds.iter();
        let key = Key {
            session: session.to_owned(),
            context: Context { facts: facts.collect() },
            sql: wording::spaced(&hide(&statement.sql)),
            binds: binds.map(|it| cell::encode_bind(it).map(|it| hide(&it))).collect(),
        };
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
}

impl Progress {
    fn new(at: usize, section: &Section) -> Self {
        let mut progress =
            Self { section: at, used: vec![false; section.exchanges.len()], ..Self::default() };
        for (at, exchange) in section.exchanges.iter().enumerate() {
            progress.by_key.entry(Key::of(exchange)).or_default().push(at);
            if !wording::is_read(&exchange.sql) {
                progress.writes.push(at);
            }
        }
        progress
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
        let likeness = |it: &Exchange| {
            let same_place = u8::from(it.session == key.session);
            let sql = wording::spaced(&it.sql);
            (strsim::sorensen_dice(&sql, &key.sql) * 1e6) as u64 + u64::from(same_place)
        };
        let Some(nearest) = section.exchanges.iter().max_by_key(|it| likeness(it)) else {
            return format!("{place} has no statements");
        };
        let mut text = format!("{place} has no such statement; the nearest is\n");
        let nearest = Key::of(nearest);
        for (what, recorded, asked) in [
            ("session", &nearest.session, &key.session),
            ("context", &facts(&nearest.context), &facts(&key.context)),
            ("binds", &format!("{:?}", nearest.binds), &format!("{:?}", key.binds)),
        ] {
            if recorded != asked {
                let _ = write!(text, "-{what}: {recorded}\n+{what}: {asked}\n");
            }
        }
        match nearest.sql == key.sql {
            true => {
                let _ = writeln!(text, " {}", key.sql);
            }
            false => {
                let _ = write!(text, "-{}\n+{}\n", nearest.sql, key.sql);
            }
        }
        text.truncate(text.trim_end().len());
        text
    }
}

impl Key {
    fn of(exchange: &Exchange) -> Self {
        Self {
            session: exchange.session.clone(),
            context: exchange.context.clone(),
            sql: wording::spaced(&exchange.sql),
            binds: exchange.binds.clone(),
        }
    }
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
        Part::Objects => "the making of objects".to_owned(),
        Part::Interactive => "the making of the interactive warehouse".to_owned(),
        Part::Probe => "the probe".to_owned(),
        Part::Sessions => "the preparing of sessions".to_owned(),
        Part::SetUp => "the set-up".to_owned(),
        Part::Case(name) => format!("the case `{name}`"),
        Part::CleanUp => "the clean-up".to_owned(),
    }
}

fn facts(context: &Context) -> String {
    let facts: Vec<String> =
        context.facts.iter().map(|(name, value)| format!("{name} {value}")).collect();
    facts.join(", ")
}

fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

fn one_line(sql: &str) -> String {
    let line = wording::spaced(sql);
    match line.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}
