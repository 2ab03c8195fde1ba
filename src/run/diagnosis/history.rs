//! What a suite did, as far as it may explain what comes later.
//!
//! From the text of statements that succeeded. Queries are only counted: a suite can have a
//! million of them, and few statements of other kinds.

use crate::target::wording::without_comments;
use std::collections::{BTreeMap, BTreeSet};

/// Statements that are remembered at most; the oldest are forgotten.
const DEEDS_MAX: usize = 5_000;

/// Words of a statement that are looked at.
const WORDS_MAX: usize = 400;

#[derive(Clone, Debug, Default)]
pub struct History {
    deeds: Vec<Deed>,
    interactive: BTreeSet<String>,
    /// Queries on a warehouse since something emptied its cache.
    queries_since: BTreeMap<String, u32>,
}

/// Something that was done. Names are plain: in upper case, without quotes and schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    Moved(Moved),
    /// Resumed, or made.
    Started {
        warehouse: String,
    },
    Suspended {
        warehouse: String,
    },
    Attached {
        warehouse: String,
        tables: Vec<String>,
    },
    /// An interactive or a dynamic table.
    Made(Made),
    SetTimeout {
        of: Of,
        seconds: u64,
    },
    ShownTimeout {
        session: String,
    },
    SetFallback {
        warehouse: String,
        to: Option<String>,
    },
    GrantedFutureTables,
    Wrote {
        table: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    Session(String),
    Warehouse(String),
}

/// A session that went to another warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    pub session: String,
    pub to: String,
    pub how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Use,
    /// Making a warehouse makes it current.
    Create,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub table: String,
    pub is_interactive: bool,
    pub keys: Vec<String>,
    /// Tables that its query reads.
    pub reads: Vec<String>,
    pub has_lag: bool,
    pub is_replaced: bool,
}

impl History {
    /// `interactive` is a warehouse that is known to be one.
    pub fn new(interactive: &str) -> Self {
        Self { interactive: BTreeSet::from([plain_name(interactive)]), ..Self::default() }
    }

    /// What was done elsewhere for the suite: by its data sets.
    pub fn add(&mut self, other: &Self) {
        self.deeds.extend(other.deeds.iter().cloned());
        self.interactive.extend(other.interactive.iter().cloned());
    }

    /// Sessions were put back to where they started.
    pub fn sessions_restored(&mut self) {
        self.deeds.retain(|it| {
            !matches!(
                it,
                Deed::Moved(_)
                    | Deed::ShownTimeout { .. }
                    | Deed::SetTimeout { of: Of::Session(_), .. }
            )
        });
    }

    /// Notes a statement that succeeded.
    pub fn note(&mut self, session: &str, warehouse: &str, sql: &str) {
        let words = tokens(sql);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if matches!(words.first(), Some(&("SELECT" | "WITH"))) {
            *self.queries_since.entry(plain_name(warehouse)).or_default() += 1;
            return;
        }
        for deed in deeds(session, &words) {
            match &deed {
                Deed::Started { warehouse } | Deed::Attached { warehouse, .. } => {
                    self.queries_since.insert(warehouse.clone(), 0);
                }
                Deed::Moved(Moved { to, how: How::Create, .. })
                    if words.iter().take(4).any(|it| *it == "INTERACTIVE") =>
                {
                    self.interactive.insert(to.clone());
                }
                _ => {}
            }
            self.deeds.push(deed);
        }
        if self.deeds.len() > DEEDS_MAX {
            self.deeds.drain(..DEEDS_MAX / 2);
        }
    }

    pub fn is_interactive(&self, warehouse: &str) -> bool {
        self.interactive.contains(&plain_name(warehouse))
    }

    pub fn deeds(&self) -> &[Deed] {
        &self.deeds
    }

    pub fn moved(&self, session: &str) -> Option<&Moved> {
        self.deeds.iter().rev().find_map(|it| match it {
            Deed::Moved(moved) if moved.session == session => Some(moved),
            _ => None,
        })
    }

    /// The interactive and dynamic tables that the words name, as they were made last.
    pub fn made(&self, words: &[String]) -> Vec<&Made> {
        let mut found: Vec<&Made> = Vec::new();
        for deed in self.deeds.iter().rev() {
            if let Deed::Made(made) = deed
                && !found.iter().any(|it| it.table == made.table)
                && words.iter().any(|it| plain_name(it) == made.table)
            {
                found.push(made);
            }
        }
        found
    }

    /// Where something that holds of a deed was last done.
    pub fn last(&self, is_it: impl Fn(&Deed) -> bool) -> Option<usize> {
        self.deeds.iter().rposition(is_it)
    }

    /// Whether the warehouse was started, or given tables, fewer than so many queries ago.
    pub fn is_cold(&self, warehouse: &str, queries: u32) -> bool {
        let warehouse = plain_name(warehouse);
        let started = self.last(|it| match it {
            Deed::Started { warehouse: it } | Deed::Attached { warehouse: it, .. } => {
                *it == warehouse
            }
            _ => false,
        });
        started.is_some() && self.queries_since.get(&warehouse).is_none_or(|it| *it < queries)
    }

    /// The time-out that was last set for the session or for the warehouse it is on.
    pub fn timeout(&self, session: &str, warehouse: &str) -> Option<u64> {
        let warehouse = plain_name(warehouse);
        self.deeds.iter().rev().find_map(|it| match it {
            Deed::SetTimeout { of: Of::Session(it), seconds } if it == session => Some(*seconds),
            Deed::SetTimeout { of: Of::Warehouse(it), seconds } if *it == warehouse => {
                Some(*seconds)
            }
            _ => None,
        })
    }

    /// Whether the table was made of something that was written to since, however many tables
    /// lie between.
    pub fn is_behind(&self, made: &Made) -> bool {
        let Some(at) = self.last(|it| matches!(it, Deed::Made(it) if it == made)) else {
            return false;
        };
        let mut sources = made.reads.clone();
        let mut looked_at = 0;
        while looked_at < sources.len() {
            for between in self.made(&sources[looked_at..=looked_at]) {
                let new = between.reads.iter().filter(|it| !sources.contains(it));
                sources = sources.iter().chain(new).cloned().collect();
            }
            looked_at += 1;
        }
        let is_source = |table: &String| sources.contains(table) && *table != made.table;
        self.last(|it| matches!(it, Deed::Wrote { table } if is_source(table))) > Some(at)
    }

    pub fn fallback(&self, of: &str) -> Option<&str> {
        let of = plain_name(of);
        let set = self.deeds.iter().rev().find_map(|it| match it {
            Deed::SetFallback { warehouse, to } if *warehouse == of => Some(to.as_deref()),
            _ => None,
        });
        set.flatten()
    }
}

fn deeds(session: &str, words: &[&str]) -> Vec<Deed> {
    let moved =
        |to: &str, how| Deed::Moved(Moved { session: session.to_owned(), to: plain_name(to), how });
    let seconds = |name: &str| {
        let at = words.iter().position(|it| *it == name)?;
        words.get(at + 2).filter(|_| words[at + 1] == "=")?.parse().ok()
    };
    match words {
        ["USE", "WAREHOUSE", name, ..] => vec![moved(name, How::Use)],
        ["CREATE", rest @ ..] => created(rest, moved),
        ["ALTER", "WAREHOUSE", rest @ ..] => {
            let rest = match rest {
                ["IF", "EXISTS", rest @ ..] => rest,
                rest => rest,
            };
            let [name, rest @ ..] = rest else { return Vec::new() };
            let warehouse = plain_name(name);
            match rest {
                ["RESUME", ..] => vec![Deed::Started { warehouse }],
                ["SUSPEND", ..] => vec![Deed::Suspended { warehouse }],
                ["ADD", "TABLES", tables @ ..] => {
                    vec![Deed::Attached { warehouse, tables: names(tables) }]
                }
                ["UNSET", "FALLBACK_WAREHOUSE", ..] => {
                    vec![Deed::SetFallback { warehouse, to: None }]
                }
                ["SET", "FALLBACK_WAREHOUSE", "=", to, ..] => {
                    vec![Deed::SetFallback { warehouse, to: Some(plain_name(to)) }]
                }
                ["SET", ..] => match seconds(TIMEOUT) {
                    Some(seconds) => {
                        vec![Deed::SetTimeout { of: Of::Warehouse(warehouse), seconds }]
                    }
                    None => Vec::new(),
                },
                _ => Vec::new(),
            }
        }
        ["ALTER", "SESSION", "SET", ..] => match seconds(TIMEOUT) {
            Some(seconds) => {
                vec![Deed::SetTimeout { of: Of::Session(session.to_owned()), seconds }]
            }
            None => Vec::new(),
        },
        ["SHOW", "PARAMETERS", rest @ ..] => {
            let names_it = |it: &&str| it.contains("TIMEOUT");
            match rest.iter().any(names_it) || !rest.contains(&"LIKE") {
                true => vec![Deed::ShownTimeout { session: session.to_owned() }],
                false => Vec::new(),
            }
        }
        ["GRANT", rest @ ..] if rest.windows(2).any(|it| it == ["FUTURE", "TABLES"]) => {
            vec![Deed::GrantedFutureTables]
        }
        ["INSERT", rest @ ..] | ["MERGE", rest @ ..] => {
            let at = rest.iter().position(|it| *it == "INTO");
            let name = at.and_then(|at| rest.get(at + 1));
            name.map(|it| Deed::Wrote { table: plain_name(it) }).into_iter().collect()
        }
        ["UPDATE", name, ..] | ["DELETE", "FROM", name, ..] | ["TRUNCATE", "TABLE", name, ..] => {
            vec![Deed::Wrote { table: plain_name(name) }]
        }
        _ => Vec::new(),
    }
}

const TIMEOUT: &str = "STATEMENT_TIMEOUT_IN_SECONDS";

fn created(rest: &[&str], moved: impl Fn(&str, How) -> Deed) -> Vec<Deed> {
    let is_kind = |it: &&str| matches!(*it, "WAREHOUSE" | "TABLE");
    let Some(at) = rest.iter().take(6).position(is_kind) else { return Vec::new() };
    let before = &rest[..at];
    let after = match &rest[at + 1..] {
        ["IF", "NOT", "EXISTS", after @ ..] => after,
        after => after,
    };
    let [name, after @ ..] = after else { return Vec::new() };
    if rest[at] == "WAREHOUSE" {
        let warehouse = plain_name(name);
        let mut deeds = vec![moved(name, How::Create)];
        deeds.push(Deed::Started { warehouse: warehouse.clone() });
        if let Some(at) = after.iter().position(|it| *it == "TABLES") {
            deeds.push(Deed::Attached {
                warehouse: warehouse.clone(),
                tables: names(&after[at + 1..]),
            });
        }
        if let Some(at) = after.iter().position(|it| *it == "FALLBACK_WAREHOUSE")
            && let Some(to) = after.get(at + 2)
        {
            deeds.push(Deed::SetFallback { warehouse, to: Some(plain_name(to)) });
        }
        return deeds;
    }
    let is_interactive = before.contains(&"INTERACTIVE");
    if !is_interactive && !before.contains(&"DYNAMIC") {
        return Vec::new();
    }
    // What is behind AS is the query.
    let head = after.split(|it| *it == "AS").next().unwrap_or_default();
    let keys = match head.windows(2).position(|it| it == ["CLUSTER", "BY"]) {
        Some(at) => names(&head[at + 2..]),
        None => Vec::new(),
    };
    vec![Deed::Made(Made {
        table: plain_name(name),
        is_interactive,
        keys,
        reads: reads(&after[head.len()..]),
        has_lag: head.contains(&"TARGET_LAG"),
        is_replaced: before.contains(&"REPLACE"),
    })]
}

/// The tables behind FROM and JOIN.
fn reads(words: &[&str]) -> Vec<String> {
    let pairs = words.windows(2).filter(|it| matches!(it[0], "FROM" | "JOIN") && it[1] != "(");
    pairs.map(|it| plain_name(it[1])).collect()
}

/// What is in the parentheses that the words begin with.
fn names(words: &[&str]) -> Vec<String> {
    let ["(", rest @ ..] = words else { return Vec::new() };
    let inner = rest.iter().take_while(|it| **it != ")");
    inner.filter(|it| **it != ",").map(|it| plain_name(it)).collect()
}

/// A name without quotes, and without the database and the schema before it.
pub fn plain_name(name: &str) -> String {
    name.rsplit('.').next().unwrap_or_default().trim_matches(['"', '\'']).to_uppercase()
}

/// Words and marks of a statement in upper case; what is in quotes is one word with its quotes.
pub fn tokens(sql: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for letter in without_comments(sql).chars() {
        match quote {
            Some(open) => {
                word.push(letter);
                if letter == open {
                    quote = None;
                }
            }
            None if matches!(letter, '\'' | '"') => {
                quote = Some(letter);
                word.push(letter);
            }
            None if letter.is_alphanumeric() || matches!(letter, '_' | '$' | '.') => {
                word.extend(letter.to_uppercase());
            }
            None => {
                if !word.is_empty() {
                    tokens.push(std::mem::take(&mut word));
                }
                if !letter.is_whitespace() {
                    tokens.push(letter.to_string());
                }
            }
        }
        if tokens.len() >= WORDS_MAX {
            return tokens;
        }
    }
    if !word.is_empty() {
        tokens.push(word);
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: &str) {
        let words = tokens(sql);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let found = deeds("s", &words);
        let found: Vec<String> = found.iter().map(|it| format!("{it:?}")).collect();
        assert_eq!(found.join("; "), expected, "{sql}");
    }

    #[test]
    fn statements_are_deeds() {
        check("use warehouse \"w\";", "Moved(Moved { session: \"s\", to: \"W\", how: Use })");
        check(
            "CREATE INTERACTIVE WAREHOUSE W TABLES (D.S.A, B) FALLBACK_WAREHOUSE = F",
            "Moved(Moved { session: \"s\", to: \"W\", how: Create }); Started { warehouse: \"W\" }; \
             Attached { warehouse: \"W\", tables: [\"A\", \"B\"] }; \
             SetFallback { warehouse: \"W\", to: Some(\"F\") }",
        );
        check("ALTER WAREHOUSE IF EXISTS W RESUME IF SUSPENDED", "Started { warehouse: \"W\" }");
        check("ALTER WAREHOUSE W ADD TABLES (A)", "Attached { warehouse: \"W\", tables: [\"A\"] }");
        check(
            "ALTER WAREHOUSE W SET STATEMENT_TIMEOUT_IN_SECONDS=45",
            "SetTimeout { of: Warehouse(\"W\"), seconds: 45 }",
        );
        check(
            "ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = 2",
            "SetTimeout { of: Session(\"s\"), seconds: 2 }",
        );
        check(
            "-- why\nCREATE OR REPLACE INTERACTIVE TABLE D.S.T CLUSTER BY (K, \"l\") \
             TARGET_LAG = '1 minute' WAREHOUSE = W AS SELECT * FROM B CLUSTER BY (X)",
            "Made(Made { table: \"T\", is_interactive: true, keys: [\"K\", \"L\"], reads: [\"B\"], has_lag: true, \
             is_replaced: true })",
        );
        check(
            "CREATE DYNAMIC TABLE T TARGET_LAG = '1 minute' WAREHOUSE = W AS SELECT 1 FROM S.A JOIN B",
            "Made(Made { table: \"T\", is_interactive: false, keys: [], reads: [\"A\", \"B\"], has_lag: true, \
             is_replaced: false })",
        );
        check("CREATE TABLE T AS SELECT 1", "");
        check("GRANT SELECT ON FUTURE TABLES IN SCHEMA S TO ROLE R", "GrantedFutureTables");
        check("GRANT SELECT ON FUTURE INTERACTIVE TABLES IN SCHEMA S TO ROLE R", "");
        check("INSERT OVERWRITE INTO D.S.T SELECT 1", "Wrote { table: \"T\" }");
        check("DELETE FROM T WHERE A = 'x'", "Wrote { table: \"T\" }");
        check(
            "SHOW PARAMETERS LIKE 'STATEMENT_TIMEOUT%' IN WAREHOUSE W",
            "ShownTimeout { session: \"s\" }",
        );
        check("SHOW PARAMETERS LIKE 'FALLBACK_WAREHOUSE' IN WAREHOUSE W", "");
        for sql in ["", "CREATE", "ALTER WAREHOUSE", "CREATE WAREHOUSE", "'open", "INSERT INTO"] {
            check(sql, "");
        }
    }

    #[test]
    fn a_warehouse_is_cold_until_it_was_asked_often_enough() {
        let mut history = History::new("W");
        assert!(!history.is_cold("W", 2), "nothing is known of when it was started");
        history.note("s", "STD", "ALTER WAREHOUSE W RESUME");
        history.note("s", "W", "SELECT 1");
        assert!(history.is_cold("w", 2));
        history.note("s", "STD", "SELECT 1");
        assert!(history.is_cold("W", 2));
        history.note("s", "W", "SELECT 1");
        assert!(!history.is_cold("W", 2));
        history.note("s", "STD", "ALTER WAREHOUSE W ADD TABLES (T)");
        assert!(history.is_cold("W", 2));
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let mut history = History::new("W");
        for at in 0..3 * DEEDS_MAX {
            history.note("s", "STD", &format!("INSERT INTO T{at} VALUES (1)"));
        }
        assert!(history.deeds.len() <= DEEDS_MAX);
        let last = Deed::Wrote { table: format!("T{}", 3 * DEEDS_MAX - 1) };
        assert_eq!(history.deeds.last(), Some(&last));
    }
}
