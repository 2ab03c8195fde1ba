//! A table that is refreshed from a query, against that query at the table's data timestamp.
//!
//! Both sides are multisets. First their counts and hashes are compared, a statement each; where
//! those differ, their rows are counted against each other on the server. The data timestamp is
//! read before and after the contents, and the look repeated if a refresh came between, also one
//! that the target tells of only later. What cannot be decided is said to be so.

use super::{
    Ask,
    history::{self, Refresh, State},
    instant, sql_instant, whole,
};
use crate::{
    suite::refresh::{AT, RefreshedKind},
    target::{Refusal, Rows, Value},
};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Looks that a refresh may come between, before it is given up.
const LOOKS_MAX: u32 = 5;

/// How long a target may take to tell of a refresh that is over.
const SETTLES: Duration = Duration::from_secs(2);

/// Differing rows that are shown.
const ROWS_SHOWN: usize = 20;

/// What a server says where a table's past is gone.
const PAST_IS_GONE: [&str; 1] = ["000707"];

/// A refreshed table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Qualified, as statements name it.
    pub name: String,
    pub kind: RefreshedKind,
    /// Its query, with `{at}` behind each base table.
    pub definition: String,
}

impl Table {
    /// The query of what its base tables were at an instant.
    pub fn defined_at(&self, at: DateTime<Utc>) -> String {
        let clause = format!(" AT(TIMESTAMP => {})", sql_instant(at));
        self.definition.replace(&format!("{{{AT}}}"), &clause)
    }
}

/// What the table was when it was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    pub data_timestamp: DateTime<Utc>,
    pub count: i128,
    /// `HASH_AGG(*)`, as text.
    pub hash: String,
}

/// What a look at a table came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Equal(Contents),
    Differs(Differing),
    /// It could not be decided, and why.
    Unsure {
        /// Of the state that could not be looked at, if there was one.
        data_timestamp: Option<DateTime<Utc>>,
        why: String,
    },
}

impl Verdict {
    fn unsure(why: String) -> Self {
        Self::Unsure { data_timestamp: None, why }
    }
}

/// A table that is not its definition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differing {
    /// One line.
    pub message: String,
    /// What shows it: the definition at the data timestamp, or what was refused.
    pub sql: String,
    /// Lines of rows: `-` only the definition has, `+` only the table has.
    pub rows: Option<String>,
}

/// What the target says of the table now. `Err` says why nothing can be told.
pub async fn state<A: Ask>(ask: &mut A, table: &Table) -> Result<Result<State, String>, A::Lost> {
    Ok(match ask.ask(&history::state_query(&table.name)).await? {
        Ok(rows) => history::state(&rows).ok_or_else(|| {
            format!(
                "INFORMATION_SCHEMA.DYNAMIC_TABLES does not have {}, so that its data timestamp \
                 is not known",
                table.name
            )
        }),
        Err(refusal) => Err(format!("INFORMATION_SCHEMA.DYNAMIC_TABLES was refused: {refusal}")),
    })
}

/// The table's history from an instant on. `Err` says why there is none.
pub async fn refreshes<A: Ask>(
    ask: &mut A,
    table: &Table,
    since: Option<DateTime<Utc>>,
) -> Result<Result<Vec<Refresh>, String>, A::Lost> {
    let answer = ask.ask(&history::query(table.kind, &table.name, since)).await?;
    Ok(match answer {
        Ok(rows) => Ok(history::refreshes(&rows)),
        Err(refusal) => Err(format!("the refresh history was refused: {refusal}")),
    })
}

/// Looks at a table until no refresh comes between.
pub async fn look<A: Ask>(ask: &mut A, table: &Table) -> Result<Verdict, A::Lost> {
    let mut verdicts = look_together(ask, std::slice::from_ref(table)).await?;
    Ok(verdicts.pop().unwrap_or_else(|| Verdict::unsure("there is no table".to_owned())))
}

/// Looks at tables of which none is refreshed meanwhile: what is equal at one data timestamp is
/// consistent. A verdict for each.
pub async fn look_together<A: Ask>(ask: &mut A, tables: &[Table]) -> Result<Vec<Verdict>, A::Lost> {
    for _ in 0..LOOKS_MAX {
        let before = match states(ask, tables).await? {
            Ok(it) => it,
            Err(why) => return Ok(vec![Verdict::unsure(why); tables.len()]),
        };
        let mut found = Vec::with_capacity(tables.len());
        for table in tables {
            found.push(read(ask, table).await?);
        }
        match states(ask, tables).await? {
            Ok(after) if after == before => {}
            Ok(_) => continue,
            Err(why) => return Ok(vec![Verdict::unsure(why); tables.len()]),
        }
        let mut verdicts = Vec::with_capacity(tables.len());
        for ((table, at), found) in tables.iter().zip(before).zip(found) {
            match verdict(ask, table, at, found).await? {
                Some(it) => verdicts.push(it),
                None => break,
            }
        }
        if verdicts.len() == tables.len() {
            return Ok(verdicts);
        }
    }
    let why = format!("each of {LOOKS_MAX} looks had a refresh between its parts");
    Ok(vec![Verdict::unsure(why); tables.len()])
}

/// The data timestamps of tables that all have one.
async fn states<A: Ask>(
    ask: &mut A,
    tables: &[Table],
) -> Result<Result<Vec<DateTime<Utc>>, String>, A::Lost> {
    let mut instants = Vec::with_capacity(tables.len());
    for table in tables {
        match state(ask, table).await? {
            Err(why) => return Ok(Err(why)),
            Ok(State { data_timestamp: Some(at), .. }) => instants.push(at),
            Ok(_) => return Ok(Err(format!("{} has no data timestamp yet", table.name))),
        }
    }
    Ok(Ok(instants))
}

/// Count and hash of a query's rows.
#[derive(Clone, Debug, PartialEq)]
struct Digest {
    count: i128,
    hash: String,
    /// When it was asked, by the target's clock.
    at: Option<DateTime<Utc>>,
}

fn digest_query(from: &str) -> String {
    format!("SELECT COUNT(*), HASH_AGG(*), CURRENT_TIMESTAMP() FROM {from}")
}

fn digest(rows: &Rows) -> Option<Digest> {
    let [count, hash, at] = rows.rows.first()?.as_slice() else { return None };
    let hash_type = &rows.columns.get(1)?.data_type;
    Some(Digest { count: whole(count)?, hash: hash.text(hash_type), at: instant(at) })
}

/// The table's own contents.
async fn read<A: Ask>(
    ask: &mut A,
    table: &Table,
) -> Result<Result<Digest, (String, Refusal)>, A::Lost> {
    let sql = digest_query(&table.name);
    Ok(match ask.ask(&sql).await? {
        Ok(rows) => Ok(digest(&rows).unwrap_or_else(|| unreadable(&rows))),
        Err(refusal) => Err((sql, refusal)),
    })
}

/// An answer that is no count and hash equals no other.
fn unreadable(rows: &Rows) -> Digest {
    Digest { count: -1, hash: format!("unreadable: {:?}", rows.columns), at: None }
}

/// What was found against the definition. `None`: a refresh came between after all.
async fn verdict<A: Ask>(
    ask: &mut A,
    table: &Table,
    at: DateTime<Utc>,
    found: Result<Digest, (String, Refusal)>,
) -> Result<Option<Verdict>, A::Lost> {
    let found = match found {
        Ok(it) => it,
        Err((sql, refusal)) => {
            let message = format!("{} cannot be read: {refusal}", table.name);
            return Ok(Some(Verdict::Differs(Differing { message, sql, rows: None })));
        }
    };
    let definition = table.defined_at(at);
    let sql = digest_query(&format!("({definition})"));
    let expected = match ask.ask(&sql).await? {
        Ok(rows) => digest(&rows).unwrap_or_else(|| unreadable(&rows)),
        Err(refusal) if PAST_IS_GONE.contains(&refusal.code.as_str()) => {
            let why = format!(
                "the definition of {} at {at} is out of reach of Time Travel: {refusal}",
                table.name
            );
            return Ok(Some(Verdict::Unsure { data_timestamp: Some(at), why }));
        }
        Err(refusal) => {
            let message = format!("the definition of {} was refused: {refusal}", table.name);
            return Ok(Some(Verdict::Differs(Differing { message, sql, rows: None })));
        }
    };
    let contents = Contents { data_timestamp: at, count: found.count, hash: found.hash.clone() };
    if (found.count, &found.hash) == (expected.count, &expected.hash) {
        return Ok(Some(Verdict::Equal(contents)));
    }
    if was_refreshed(ask, table, at, found.at).await? {
        return Ok(None);
    }
    let rows = differing_rows(ask, table, &definition, at).await?;
    if rows.as_ref().is_ok_and(Vec::is_empty) {
        // Types of columns may hash differently; it is the rows that count.
        return Ok(Some(Verdict::Equal(contents)));
    }
    let message = format!(
        "{} is not its definition at {at}: it has {} rows, and should have {}",
        table.name, found.count, expected.count
    );
    let rows = match rows {
        Ok(lines) => lines.join("\n"),
        Err(why) => why,
    };
    Ok(Some(Verdict::Differs(Differing { message, sql: definition, rows: Some(rows) })))
}

/// Whether the table had been refreshed when it was looked at, though its data timestamp did not
/// say so yet.
async fn was_refreshed<A: Ask>(
    ask: &mut A,
    table: &Table,
    at: DateTime<Utc>,
    looked_at: Option<DateTime<Utc>>,
) -> Result<bool, A::Lost> {
    for is_late in [false, true] {
        if is_late {
            ask.pause(SETTLES).await?;
        }
        match refreshes(ask, table, Some(at)).await? {
            Ok(rows) => {
                let came = rows.iter().any(|it| {
                    it.data_timestamp.is_some_and(|it| it > at)
                        && it.started_at.zip(looked_at).is_some_and(|(start, look)| start <= look)
                        && it.has_succeeded()
                });
                if came {
                    return Ok(true);
                }
            }
            // Without a history, a newer data timestamp has to do.
            Err(_) => match state(ask, table).await? {
                Ok(now) if now.data_timestamp != Some(at) => return Ok(true),
                _ => {}
            },
        }
    }
    Ok(false)
}

/// Rows that one side has more often than the other, as lines. Empty: there are none.
async fn differing_rows<A: Ask>(
    ask: &mut A,
    table: &Table,
    definition: &str,
    at: DateTime<Utc>,
) -> Result<Result<Vec<String>, String>, A::Lost> {
    let columns = match ask.ask(&format!("SELECT * FROM {} LIMIT 0", table.name)).await? {
        Ok(rows) => rows.columns,
        Err(refusal) => return Ok(Err(format!("the rows cannot be shown: {refusal}"))),
    };
    let names: Vec<String> =
        columns.iter().map(|it| format!("\"{}\"", it.name.replace('"', "\"\""))).collect();
    let names = names.join(", ");
    let sql = format!(
        "SELECT SUM(SG_SIDE) AS SG_MORE, {names} FROM (SELECT 1 AS SG_SIDE, T.* FROM {} T \
         UNION ALL SELECT -1, D.* FROM ({definition}) D) GROUP BY {names} \
         HAVING SUM(SG_SIDE) <> 0 ORDER BY {names} LIMIT {}",
        table.name,
        ROWS_SHOWN + 1
    );
    let rows = match ask.ask(&sql).await? {
        Ok(rows) => rows,
        Err(refusal) => return Ok(Err(format!("the rows cannot be shown: {refusal}"))),
    };
    match state(ask, table).await? {
        Ok(State { data_timestamp, .. }) if data_timestamp == Some(at) => {}
        _ => return Ok(Err("the rows cannot be shown: a refresh has changed them".to_owned())),
    }
    let mut lines: Vec<String> =
        rows.rows.iter().take(ROWS_SHOWN).map(|row| line(&rows, row)).collect();
    if rows.rows.len() > ROWS_SHOWN {
        lines.push(" … and more".to_owned());
    }
    Ok(Ok(lines))
}

/// `+1 | a` for a row that only the table has; `-1 | a (2 times)` for one that it lacks twice.
fn line(rows: &Rows, row: &[Value]) -> String {
    let more = row.first().and_then(whole).unwrap_or_default();
    let cells: Vec<String> = row
        .iter()
        .zip(&rows.columns)
        .skip(1)
        .map(|(value, column)| value.text(&column.data_type))
        .collect();
    let times = match more.unsigned_abs() {
        0 | 1 => String::new(),
        times => format!(" ({times} times)"),
    };
    let sign = if more < 0 { '-' } else { '+' };
    format!("{sign}{}{times}", cells.join(" | "))
}
