//! Warehouses that statements start and stop, and what that comes to.
//!
//! Told from the statements' text alone. What is not seen: statements inside of procedures and
//! scripts, clusters that are added under load, and warehouses that were there before. A standard
//! warehouse is taken to run from its start to its end, since when it suspends by itself depends on
//! queries that only the service knows of.

use crate::{
    catalogue::price::{billed_at_least, credits_per_hour},
    run::compare::counted,
    target::wording::without_comments,
};
use std::{collections::BTreeMap, fmt, time::Duration};

/// All warehouses of a run. Times are from the run's start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    warehouses: BTreeMap<String, Warehouse>,
    /// Of what does not run any more, by who started it.
    ended: BTreeMap<String, f64>,
    pub starts: Starts,
}

/// How often warehouses were started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Starts {
    pub interactive: u32,
    pub standard: u32,
}

impl fmt::Display for Starts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let starts = |count| counted(count as usize, "start");
        match (self.interactive, self.standard) {
            (0, 0) => f.write_str("no warehouse is started"),
            (0, standard) => write!(f, "{} of standard warehouses", starts(standard)),
            (interactive, standard) => write!(
                f,
                "{} of interactive warehouses, billed for an hour at least, {} of standard ones",
                starts(interactive),
                starts(standard)
            ),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Warehouse {
    interactive: bool,
    credits_per_hour: f64,
    clusters: f64,
    auto_resume: bool,
    running: Option<Running>,
}

#[derive(Clone, Debug, PartialEq)]
struct Running {
    by: String,
    /// What a start costs at least.
    at_least: f64,
    /// Until `since`, at earlier sizes.
    so_far: f64,
    since: Duration,
}

/// What a statement does to warehouses.
#[derive(Clone, Debug, PartialEq)]
enum Effect {
    Create {
        name: String,
        warehouse: Warehouse,
        starts: bool,
        only_if_new: bool,
    },
    Resume(String),
    Suspend(String),
    Resize {
        name: String,
        credits_per_hour: [f64; 2],
    },
    Rename {
        from: String,
        to: String,
    },
    Drop(String),
    /// Needs a warehouse that runs.
    Computes,
}

impl Ledger {
    /// Follows a statement of `by` that succeeded, on a session that is on `warehouse`.
    pub fn follow(&mut self, sql: &str, warehouse: &str, by: &str, at: Duration) {
        match effect(sql) {
            None => {}
            Some(Effect::Create { name, warehouse, starts, only_if_new }) => {
                if only_if_new && self.warehouses.contains_key(&name) {
                    return;
                }
                self.end(&name, at);
                self.warehouses.insert(name.clone(), warehouse);
                if starts {
                    self.start(&name, by, at);
                }
            }
            Some(Effect::Resume(name)) => self.start(&name, by, at),
            Some(Effect::Suspend(name)) => self.stop(&name, at),
            Some(Effect::Drop(name)) => self.end(&name, at),
            Some(Effect::Rename { from, to }) => {
                if let Some(warehouse) = self.warehouses.remove(&from) {
                    self.warehouses.insert(to, warehouse);
                }
            }
            Some(Effect::Resize { name, credits_per_hour: [standard, interactive] }) => {
                let Some(it) = self.warehouses.get_mut(&name) else { return };
                let before = it.per_hour();
                it.credits_per_hour = if it.interactive { interactive } else { standard };
                if let Some(running) = &mut it.running {
                    running.so_far += credits(before, at.saturating_sub(running.since));
                    running.since = at;
                }
            }
            Some(Effect::Computes) => {
                let name = key(warehouse);
                if self.warehouses.get(&name).is_some_and(|it| it.auto_resume) {
                    self.start(&name, by, at);
                }
            }
        }
    }

    /// Of everything so far, with what is running counted until `at`.
    pub fn credits(&self, at: Duration) -> f64 {
        // The sum of nothing would be -0.0.
        self.by_owner(at).values().fold(0.0, |sum, it| sum + it)
    }

    /// The same, by who started it.
    pub fn by_owner(&self, at: Duration) -> BTreeMap<String, f64> {
        let mut sums = self.ended.clone();
        for warehouse in self.warehouses.values() {
            if let Some(running) = &warehouse.running {
                *sums.entry(running.by.clone()).or_default() += warehouse.credits(running, at);
            }
        }
        sums
    }

    fn start(&mut self, name: &str, by: &str, at: Duration) {
        let Some(it) = self.warehouses.get_mut(name) else { return };
        if it.running.is_some() {
            return;
        }
        match it.interactive {
            true => self.starts.interactive += 1,
            false => self.starts.standard += 1,
        }
        it.running = Some(Running {
            by: by.to_owned(),
            at_least: credits(it.per_hour(), billed_at_least(it.interactive)),
            so_far: 0.0,
            since: at,
        });
    }

    fn stop(&mut self, name: &str, at: Duration) {
        if let Some(it) = self.warehouses.get_mut(name)
            && let Some(running) = it.running.take()
        {
            let credits = it.credits(&running, at);
            *self.ended.entry(running.by).or_default() += credits;
        }
    }

    fn end(&mut self, name: &str, at: Duration) {
        self.stop(name, at);
        self.warehouses.remove(name);
    }
}

impl Warehouse {
    fn per_hour(&self) -> f64 {
        self.credits_per_hour * self.clusters
    }

    fn credits(&self, running: &Running, at: Duration) -> f64 {
        let now = credits(self.per_hour(), at.saturating_sub(running.since));
        (running.so_far + now).max(running.at_least)
    }
}

fn credits(per_hour: f64, duration: Duration) -> f64 {
    per_hour * duration.as_secs_f64() / 3600.0
}

/// Names are compared as the server does: without quotes, in upper case.
fn key(name: &str) -> String {
    match name.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
        Some(quoted) => quoted.to_owned(),
        None => name.to_uppercase(),
    }
}

fn effect(sql: &str) -> Option<Effect> {
    let end = |it: char| it.is_whitespace() || matches!(it, ';' | '(' | ')' | ',' | '=');
    let text = without_comments(sql);
    let given: Vec<&str> = text.split(end).filter(|it| !it.is_empty()).collect();
    let upper: Vec<String> = given.iter().map(|it| it.to_uppercase()).collect();
    let words: Vec<&str> = upper.iter().map(String::as_str).collect();
    let is_query = matches!(
        words.first()?,
        &("SELECT" | "WITH" | "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "COPY" | "CALL")
    );
    let is_ctas = words[0] == "CREATE" && words.contains(&"TABLE") && words.contains(&"SELECT");
    if is_query || is_ctas {
        return Some(Effect::Computes);
    }
    // What comes before a warehouse's name.
    const BEFORE: [&str; 4] = ["OR", "REPLACE", "INTERACTIVE", "ALTER"];
    let at = words[1..].iter().position(|it| !BEFORE.contains(it))? + 1;
    if words[at] != "WAREHOUSE" {
        return None;
    }
    let named = |it: &&str| !matches!(*it, "IF" | "NOT" | "EXISTS");
    let name_at = words[at + 1..].iter().position(named)? + at + 1;
    let name = key(given[name_at]);
    let rest = &words[name_at + 1..];
    let option = |name: &str| {
        let at = rest.iter().position(|it| *it == name)?;
        rest.get(at + 1).map(|it| it.trim_matches('\''))
    };
    // The server refuses sizes that there are not.
    let price = |interactive| {
        let size = option("WAREHOUSE_SIZE").unwrap_or("XSMALL");
        credits_per_hour(size, interactive).unwrap_or_default()
    };
    match (words[0], rest) {
        ("CREATE", _) => {
            let interactive = words[..at].contains(&"INTERACTIVE");
            let clusters = option("MIN_CLUSTER_COUNT").and_then(|it| it.parse().ok());
            let warehouse = Warehouse {
                interactive,
                credits_per_hour: price(interactive),
                clusters: clusters.unwrap_or(1.0),
                auto_resume: option("AUTO_RESUME") != Some("FALSE"),
                running: None,
            };
            // An interactive one is born suspended on some releases. Whoever makes one resumes it
            // then, and it is one start all the same.
            let starts = option("INITIALLY_SUSPENDED") != Some("TRUE");
            let only_if_new = words[at..name_at].contains(&"NOT");
            Some(Effect::Create { name, warehouse, starts, only_if_new })
        }
        ("ALTER", ["RESUME", ..]) => Some(Effect::Resume(name)),
        ("ALTER", ["SUSPEND", ..]) => Some(Effect::Suspend(name)),
        ("ALTER", ["RENAME", "TO", ..]) => {
            Some(Effect::Rename { from: name, to: key(given.get(name_at + 3)?) })
        }
        ("ALTER", ["SET", ..]) => {
            option("WAREHOUSE_SIZE")?;
            Some(Effect::Resize { name, credits_per_hour: [price(false), price(true)] })
        }
        ("DROP", _) => Some(Effect::Drop(name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Statements with the minutes at which they are executed, on the warehouse `W`.
    #[track_caller]
    fn check(statements: &[(u64, &str)], until_min: u64, starts: [u32; 2], expected: f64) {
        let minutes = |it: u64| Duration::from_secs(it * 60);
        let mut ledger = Ledger::default();
        for (at, sql) in statements {
            ledger.follow(sql, "W", "s", minutes(*at));
        }
        assert_eq!([ledger.starts.interactive, ledger.starts.standard], starts);
        let found = ledger.credits(minutes(until_min));
        assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
    }

    #[test]
    fn each_start_has_its_minimum() {
        check(&[(0, "CREATE INTERACTIVE WAREHOUSE W WAREHOUSE_SIZE = 'XSMALL'")], 5, [1, 0], 0.6);
        check(&[(0, "create warehouse w")], 0, [0, 1], 1.0 / 60.0);
        check(&[(0, "CREATE WAREHOUSE W WAREHOUSE_SIZE = LARGE")], 30, [0, 1], 4.0);
        check(
            &[
                (
                    0,
                    "CREATE OR REPLACE INTERACTIVE WAREHOUSE W TABLES (A.B.C) WAREHOUSE_SIZE='SMALL'",
                ),
                (1, "ALTER WAREHOUSE W RESUME IF SUSPENDED"),
                (2, "ALTER WAREHOUSE W SUSPEND"),
                (3, "ALTER INTERACTIVE WAREHOUSE w RESUME"),
                (4, "DROP WAREHOUSE IF EXISTS W"),
            ],
            9,
            [2, 0],
            2.4,
        );
        check(
            &[
                (0, "CREATE INTERACTIVE WAREHOUSE W"),
                (90, "CREATE OR REPLACE INTERACTIVE WAREHOUSE W"),
            ],
            100,
            [2, 0],
            0.9 + 0.6,
        );
    }

    #[test]
    fn what_does_not_start_costs_nothing() {
        let create = "CREATE INTERACTIVE WAREHOUSE W INITIALLY_SUSPENDED = TRUE";
        check(&[(0, create)], 60, [0, 0], 0.0);
        check(&[(0, create), (1, "ALTER WAREHOUSE W RESUME")], 2, [1, 0], 0.6);
        check(&[(0, "ALTER WAREHOUSE OTHER RESUME"), (0, "SELECT 1")], 60, [0, 0], 0.0);
        check(&[(0, "CREATE TABLE WAREHOUSE (K INT)"), (0, "SHOW WAREHOUSES")], 60, [0, 0], 0.0);
        check(&[(0, ""), (0, "-- nothing"), (0, "ALTER WAREHOUSE"), (0, "DROP")], 60, [0, 0], 0.0);
        let again = "CREATE WAREHOUSE IF NOT EXISTS W WAREHOUSE_SIZE = 'LARGE'";
        check(&[(0, "CREATE WAREHOUSE W"), (1, again)], 60, [0, 1], 1.0);
    }

    #[test]
    fn a_query_resumes_a_warehouse_that_resumes_by_itself() {
        let query = "SELECT 1";
        let create = "CREATE WAREHOUSE W INITIALLY_SUSPENDED = TRUE";
        check(&[(0, create), (0, query)], 60, [0, 1], 1.0);
        check(&[(0, create), (0, "SHOW TABLES")], 60, [0, 0], 0.0);
        check(&[(0, create), (0, "CREATE TABLE T AS SELECT 1")], 60, [0, 1], 1.0);
        let keeps = "CREATE WAREHOUSE W AUTO_RESUME = FALSE INITIALLY_SUSPENDED = TRUE";
        check(&[(0, keeps), (0, query)], 60, [0, 0], 0.0);
    }

    #[test]
    fn sizes_clusters_and_names_change() {
        let create = "CREATE WAREHOUSE W WAREHOUSE_SIZE = 'XSMALL' MIN_CLUSTER_COUNT = 3";
        check(&[(0, create)], 60, [0, 1], 3.0);
        check(
            &[(0, "CREATE WAREHOUSE W"), (60, "ALTER WAREHOUSE W SET WAREHOUSE_SIZE = 'MEDIUM'")],
            120,
            [0, 1],
            5.0,
        );
        check(
            &[
                (0, "CREATE WAREHOUSE V"),
                (0, "ALTER WAREHOUSE V RENAME TO \"X\""),
                (60, "DROP WAREHOUSE X"),
            ],
            600,
            [0, 1],
            1.0,
        );
    }
}
