//! Where a session stands.

use super::wording::{parts, without_comments, words};
use std::collections::BTreeMap;

/// A session's state, as far as its statements tell: what the meaning of the next one depends on
/// beside its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Context {
    /// `database`, `role`, `schema`, `transaction`, `warehouse`, and what was set: parameters of
    /// the session as `parameter NAME`, variables as `variable NAME`.
    pub facts: BTreeMap<String, String>,
}

impl Context {
    pub fn warehouse(&self) -> Option<&str> {
        self.facts.get("warehouse").map(String::as_str)
    }

    /// Follows a statement that succeeded.
    pub fn follow(&mut self, sql: &str) {
        let words = words(sql);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["USE", "WAREHOUSE", name, ..] => self.set("warehouse", name),
            ["USE", "ROLE", name, ..] => self.set("role", name),
            ["USE", "SECONDARY", "ROLES", which, ..] => self.set("secondary roles", which),
            ["USE", "SCHEMA", name, ..] => self.use_schema(name),
            ["USE", "DATABASE", name, ..] => self.use_database(name),
            ["USE", name, ..] if parts(name).len() > 1 => self.use_schema(name),
            ["USE", name, ..] => self.use_database(name),
            ["BEGIN" | "START", ..] => self.set("transaction", "open"),
            ["COMMIT" | "ROLLBACK", ..] => self.unset("transaction"),
            ["ALTER", "SESSION", "SET", ..] => {
                let text = after(sql, "SET");
                for (name, value) in assignments(text) {
                    self.set(&format!("parameter {name}"), &value);
                }
            }
            ["ALTER", "SESSION", "UNSET", ..] => {
                for name in after(sql, "UNSET").split(',') {
                    self.unset(&format!("parameter {}", name.trim().to_uppercase()));
                }
            }
            ["SET", ..] => {
                for (name, value) in assignments(after(sql, "SET")) {
                    self.set(&format!("variable {name}"), &value);
                }
            }
            ["UNSET", ..] => {
                for name in after(sql, "UNSET").split(['(', ')', ',']) {
                    self.unset(&format!("variable {}", name.trim().to_uppercase()));
                }
            }
            // What is created is current from then on.
            ["CREATE", rest @ ..] => self.created(rest),
            _ => {}
        }
    }

    fn created(&mut self, rest: &[&str]) {
        const BEFORE: [&str; 4] = ["OR", "REPLACE", "TRANSIENT", "INTERACTIVE"];
        let Some(at) = rest.iter().position(|it| !BEFORE.contains(it)) else { return };
        let mut names = rest[at + 1..].iter().filter(|it| !matches!(**it, "IF" | "NOT" | "EXISTS"));
        match (rest[at], names.next()) {
            ("WAREHOUSE", Some(name)) => self.set("warehouse", name),
            ("DATABASE", Some(name)) => {
                self.set("database", name);
                self.set("schema", "PUBLIC");
            }
            ("SCHEMA", Some(name)) => self.use_schema(name),
            _ => {}
        }
    }

    fn use_database(&mut self, name: &str) {
        self.set("database", name);
        self.unset("schema");
    }

    fn use_schema(&mut self, name: &str) {
        match parts(name).as_slice() {
            [database, schema] => {
                self.set("database", database);
                self.set("schema", schema);
            }
            _ => self.set("schema", name),
        }
    }

    fn set(&mut self, name: &str, value: &str) {
        self.facts.insert(name.to_owned(), value.to_owned());
    }

    fn unset(&mut self, name: &str) {
        self.facts.remove(name);
    }
}

/// What follows the first `keyword`, without the final semicolon.
fn after<'a>(sql: &'a str, keyword: &str) -> &'a str {
    let sql = without_comments(sql).trim_end().trim_end_matches(';').trim_end();
    let at = sql.to_ascii_uppercase().find(keyword).map_or(sql.len(), |it| it + keyword.len());
    sql.get(at..).unwrap_or_default()
}

/// `NAME = value` pairs; a value is what is between `=` and the next name, without white space
/// around it.
fn assignments(text: &str) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for piece in text.split('=') {
        let piece = piece.trim().trim_end_matches(',').trim_end();
        // The last word before a `=` is the next name, the rest the value of the one before.
        let (value, name) =
            piece.rsplit_once(|it: char| it.is_whitespace() || it == ',').unwrap_or(("", piece));
        if let Some(last) = pairs.last_mut() {
            last.1 = value.trim().trim_end_matches(',').trim_end().to_owned();
        }
        pairs.push((name.to_uppercase(), String::new()));
    }
    // What was taken for a last name is the end of the last value.
    let tail = pairs.pop().map(|(name, _)| name).unwrap_or_default();
    if let Some(last) = pairs.last_mut() {
        let end = text.rsplit_once('=').map_or("", |(_, it)| it).trim();
        last.1 = match end.is_empty() {
            true => tail,
            false => end.to_owned(),
        };
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_stands_where_its_statements_left_it() {
        #[track_caller]
        fn check(statements: &[&str], expected: &str) {
            let mut context = Context::default();
            for sql in statements {
                context.follow(sql);
            }
            let facts: Vec<String> =
                context.facts.iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(facts.join(" "), expected);
        }
        check(&["use warehouse w;"], "warehouse=W");
        check(&["USE SCHEMA D.S", "USE WAREHOUSE W"], "database=D schema=S warehouse=W");
        check(&["USE SCHEMA D.S", "USE DATABASE E"], "database=E");
        check(&["USE D.S", "USE ROLE R"], "database=D role=R schema=S");
        check(&["CREATE OR REPLACE INTERACTIVE WAREHOUSE W TABLES (T)"], "warehouse=W");
        check(&["CREATE SCHEMA IF NOT EXISTS D.S COMMENT = 'x'"], "database=D schema=S");
        check(&["CREATE DATABASE D"], "database=D schema=PUBLIC");
        check(&["CREATE INTERACTIVE TABLE T CLUSTER BY (K) AS SELECT 1"], "");
        check(&["BEGIN"], "transaction=open");
        check(&["BEGIN", "COMMIT"], "");
        check(
            &["ALTER SESSION SET TIMEZONE = 'UTC', QUERY_TAG='a b' STATEMENT_TIMEOUT_IN_SECONDS=5"],
            "parameter QUERY_TAG='a b' parameter STATEMENT_TIMEOUT_IN_SECONDS=5 \
             parameter TIMEZONE='UTC'",
        );
        check(&["ALTER SESSION SET A=1", "ALTER SESSION UNSET A"], "");
        check(&["SET X = 'a'", "SET Y=2"], "variable X='a' variable Y=2");
        check(&["-- why\nUSE \"low\".\"er\""], "database=\"low\" schema=\"er\"");
        check(&["USE SCHEMA \"My A\".X"], "database=\"My A\" schema=X");
        check(&["USE DATABASE \"a.b\""], "database=\"a.b\"");
        check(&["", "SELECT 1"], "");
    }
}
