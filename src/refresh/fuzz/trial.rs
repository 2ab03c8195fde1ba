//! A script on a server: everything that is said of its refreshes, and the first thing that is
//! not so.

use super::script::{Definition, Dml, Mode, Script, Step};
use crate::{
    refresh::{Ask, cell, history, literal, text, whole},
    target::{Refusal, Rows},
};
use std::collections::{BTreeMap, BTreeSet};

/// The code with which INCREMENTAL is refused for a definition that cannot be.
const NOT_INCREMENTAL: &str = "002711";

/// Rows that are shown of a difference, of either side.
const ROWS_SHOWN: usize = 10;

/// Where scripts are executed.
#[derive(Clone, Debug)]
pub struct Site {
    /// `DB.SG1_FUZZ1`, for the script alone.
    pub schema: String,
    pub warehouse: String,
    /// Of what is made, so that a sweep knows it.
    pub comment: String,
}

/// What was done, of one script or of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    pub scripts: usize,
    pub definitions: usize,
    /// Definitions that were refreshed after a step and compared in every mode that they have.
    pub checks: usize,
    /// By the action that was reported.
    pub actions: BTreeMap<String, usize>,
    /// Definitions that cannot be INCREMENTAL.
    pub not_incremental: usize,
    /// Statements that were refused otherwise: by code, how many and the first of them.
    pub refused: BTreeMap<String, (usize, String)>,
    pub statements: usize,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.scripts += other.scripts;
        self.definitions += other.definitions;
        self.checks += other.checks;
        self.not_incremental += other.not_incremental;
        self.statements += other.statements;
        for (action, count) in &other.actions {
            *self.actions.entry(action.clone()).or_default() += count;
        }
        for (code, (count, first)) in &other.refused {
            self.refused.entry(code.clone()).or_insert_with(|| (0, first.clone())).0 += count;
        }
    }

    fn refused(&mut self, sql: &str, refusal: &Refusal) {
        let first = || (0, format!("{refusal}\n      {sql}"));
        self.refused.entry(refusal.code.clone()).or_insert_with(first).0 += 1;
    }
}

/// In which way a refreshed table is wrong. Shrinking keeps to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Its rows are not those of its definition.
    Rows,
    /// Statistics do not account for the change of the row count.
    Statistics,
    /// The action is none that the refresh can have been.
    Action,
    /// A refresh was refused, although the definition can be queried.
    Refused,
    /// A mode is there for a definition at one time and not at another.
    Mode,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub wrong: Wrong,
    pub mode: Mode,
    /// The definition's number.
    pub definition: usize,
    /// Steps that were done before: 0 is right after the tables were made.
    pub steps: usize,
    pub message: String,
}

impl Failure {
    /// Whether it is the same defect, as far as can be told.
    pub fn is_like(&self, other: &Self) -> bool {
        (self.wrong, self.mode) == (other.wrong, other.mode)
    }
}

/// A table or a query at one time. The hash is of all rows, in any order.
#[derive(Clone, Debug, PartialEq)]
struct Contents {
    count: i128,
    hash: String,
}

struct Watched<'a> {
    definition: &'a Definition,
    modes: Vec<Mode>,
    /// By mode, then of the query itself.
    last: Option<(BTreeMap<Mode, Contents>, Contents)>,
}

/// What a step did to tables.
#[derive(Default)]
struct Touched {
    /// All but those of which the server says that no row was affected. An overwrite tells what it
    /// inserts, and not what it takes out.
    maybe: BTreeSet<usize>,
}

/// Executes the script to its first failure. Its schema is dropped however it ends, unless the
/// connection is lost.
pub async fn trial<A: Ask>(
    ask: &mut A,
    site: &Site,
    script: &Script,
    tally: &mut Tally,
) -> Result<Option<Failure>, A::Lost> {
    tally.scripts += 1;
    tally.definitions += script.definitions.len();
    let mut it = Trial { ask, site, script, tally, failure: None };
    let schema = &site.schema;
    it.ok(&format!("CREATE SCHEMA IF NOT EXISTS {schema} COMMENT = {}", literal(&site.comment)))
        .await?;
    it.ok(&format!("USE SCHEMA {schema}")).await?;
    it.run().await?;
    let failure = it.failure.take();
    it.ok(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await?;
    Ok(failure)
}

struct Trial<'a, A: Ask> {
    ask: &'a mut A,
    site: &'a Site,
    script: &'a Script,
    tally: &'a mut Tally,
    failure: Option<Failure>,
}

impl<A: Ask> Trial<'_, A> {
    async fn sql(&mut self, sql: &str) -> Result<Result<Rows, Refusal>, A::Lost> {
        self.tally.statements += 1;
        self.ask.ask(sql).await
    }

    /// A refusal is counted, and is no more than that.
    async fn ok(&mut self, sql: &str) -> Result<Option<Rows>, A::Lost> {
        match self.sql(sql).await? {
            Ok(rows) => Ok(Some(rows)),
            Err(refusal) => {
                self.tally.refused(sql, &refusal);
                Ok(None)
            }
        }
    }

    fn fail(&mut self, wrong: Wrong, watched: &Watched, mode: Mode, steps: usize, message: String) {
        let definition = watched.definition.number;
        self.failure.get_or_insert(Failure { wrong, mode, definition, steps, message });
    }

    async fn run(&mut self) -> Result<(), A::Lost> {
        let script = self.script;
        for table in 0..script.tables.len() {
            for sql in script.create(table) {
                self.ok(&sql).await?;
            }
        }
        let mut watched = Vec::new();
        for definition in &script.definitions {
            let mut it = Watched { definition, modes: Vec::new(), last: None };
            self.create(&mut it).await?;
            if !it.modes.is_empty() {
                watched.push(it);
            }
        }
        for it in &mut watched {
            self.compare(it, 0).await?;
        }
        for (number, step) in script.steps.iter().enumerate() {
            if self.failure.is_some() {
                return Ok(());
            }
            let touched = self.step(step).await?;
            for it in &mut watched {
                self.refresh(it, number + 1).await?;
            }
            let actions = self.actions(&watched).await?;
            for it in &mut watched {
                let before = it.last.clone();
                self.compare(it, number + 1).await?;
                if let (Some(actions), Some(before)) = (&actions, before) {
                    self.account(it, &before, actions, &touched, number + 1);
                }
            }
            watched.retain(|it| !it.modes.is_empty());
        }
        // What could not be incremental still cannot.
        for definition in &script.definitions {
            let is_full = |it: &Watched| it.definition == definition && it.modes == [Mode::Full];
            if let Some(it) = watched.iter().find(|it| is_full(it)) {
                let sql =
                    script.create_refreshed(definition, Mode::Incremental, &self.site.warehouse);
                match self.sql(&sql).await? {
                    Err(refusal) if refusal.code == NOT_INCREMENTAL => {}
                    other => {
                        let answer = other.err().map_or("was made".to_owned(), |it| it.to_string());
                        let message = format!(
                            "INCREMENTAL was refused with {NOT_INCREMENTAL}, now it {answer}"
                        );
                        self.fail(Wrong::Mode, it, Mode::Incremental, script.steps.len(), message);
                    }
                }
            }
        }
        Ok(())
    }

    /// A definition that is refused in FULL is none, whatever the reason.
    async fn create(&mut self, it: &mut Watched<'_>) -> Result<(), A::Lost> {
        let script = self.script;
        let warehouse = self.site.warehouse.clone();
        let sql = script.create_refreshed(it.definition, Mode::Full, &warehouse);
        if self.ok(&sql).await?.is_none() {
            return Ok(());
        }
        let sql = script.create_refreshed(it.definition, Mode::Incremental, &warehouse);
        match self.sql(&sql).await? {
            Ok(_) => it.modes.push(Mode::Incremental),
            Err(refusal) if refusal.code == NOT_INCREMENTAL => self.tally.not_incremental += 1,
            Err(refusal) => {
                let message = format!("FULL was made, and INCREMENTAL was refused: {refusal}");
                self.fail(Wrong::Mode, it, Mode::Incremental, 0, message);
            }
        }
        it.modes.push(Mode::Full);
        Ok(())
    }

    /// A transaction of which a statement is refused is rolled back.
    async fn step(&mut self, step: &Step) -> Result<Touched, A::Lost> {
        let script = self.script;
        let mut touched = Touched::default();
        let is_transaction = step.statements.len() > 1;
        for sql in step.sql(script) {
            let Some(rows) = self.ok(&sql).await? else {
                if is_transaction {
                    self.ok("ROLLBACK").await?;
                }
                return Ok(Touched::default());
            };
            let statement = step.statements.iter().find(|it| it.sql(script) == sql);
            if let Some(statement) = statement
                && (rows.affected != Some(0) || matches!(statement, Dml::Overwrite { .. }))
            {
                touched.maybe.insert(statement.table());
            }
        }
        Ok(touched)
    }

    async fn refresh(&mut self, it: &mut Watched<'_>, steps: usize) -> Result<(), A::Lost> {
        for mode in it.modes.clone() {
            let sql = format!("ALTER DYNAMIC TABLE {} REFRESH", it.definition.name(mode));
            let Err(refusal) = self.sql(&sql).await? else { continue };
            // Where the query is refused as well, there is nothing to compare with any more.
            let query = self.script.query_sql(it.definition);
            match self.sql(&format!("SELECT COUNT(*) FROM ({query})")).await? {
                Ok(_) => {
                    self.fail(Wrong::Refused, it, mode, steps, format!("`{sql}`: {refusal}"));
                }
                Err(of_query) => self.tally.refused(&query, &of_query),
            }
            it.modes.clear();
            return Ok(());
        }
        Ok(())
    }

    /// Of each table its last refresh; nothing where the target does not tell.
    async fn actions(
        &mut self,
        watched: &[Watched<'_>],
    ) -> Result<Option<BTreeMap<String, history::Refresh>>, A::Lost> {
        let names: Vec<String> = watched
            .iter()
            .flat_map(|it| it.modes.iter().map(|mode| it.definition.name(*mode)))
            .collect();
        if names.is_empty() {
            return Ok(None);
        }
        let prefix = literal(&format!("{}.", self.site.schema.replace('"', "")));
        let sql = format!(
            "SELECT * FROM TABLE(INFORMATION_SCHEMA.DYNAMIC_TABLE_REFRESH_HISTORY(NAME_PREFIX => \
             {prefix}, RESULT_LIMIT => 10000)) ORDER BY DATA_TIMESTAMP, REFRESH_END_TIME"
        );
        let Some(rows) = self.ok(&sql).await? else { return Ok(None) };
        let refreshes = history::refreshes(&rows).into_iter().enumerate();
        // The order is that of the result: the last of a name counts.
        let named = refreshes.filter_map(|(row, it)| {
            cell(&rows, row, "NAME").and_then(text).map(|name| (name.to_owned(), it))
        });
        let last: BTreeMap<String, history::Refresh> = named.collect();
        for refresh in names.iter().filter_map(|it| last.get(it)) {
            let action = refresh.action.clone().unwrap_or_default();
            *self.tally.actions.entry(action).or_default() += 1;
        }
        Ok(Some(last))
    }

    /// Tables and definition in one statement, so that nothing can come between.
    async fn compare(&mut self, it: &mut Watched<'_>, steps: usize) -> Result<(), A::Lost> {
        if it.modes.is_empty() {
            return Ok(());
        }
        let query = self.script.query_sql(it.definition);
        let mut sides =
            vec![format!("SELECT 0 AS SIDE, COUNT(*) AS N, HASH_AGG(*) AS H FROM ({query})")];
        for (at, mode) in it.modes.iter().enumerate() {
            let name = it.definition.name(*mode);
            sides.push(format!("SELECT {}, COUNT(*), HASH_AGG(*) FROM {name}", at + 1));
        }
        let Some(rows) = self.ok(&sides.join(" UNION ALL ")).await? else {
            it.modes.clear();
            return Ok(());
        };
        let mut contents = BTreeMap::new();
        for row in 0..rows.rows.len() {
            let of = |name| cell(&rows, row, name).and_then(whole);
            if let (Some(side), Some(count)) = (of("SIDE"), of("N")) {
                let hash = of("H").map(|it| it.to_string()).unwrap_or_default();
                contents.insert(side, Contents { count, hash });
            }
        }
        let Some(expected) = contents.remove(&0) else { return Ok(()) };
        let mut by_mode = BTreeMap::new();
        for (side, mode) in (1..).zip(it.modes.clone()) {
            let Some(found) = contents.remove(&side) else { continue };
            if found != expected && self.failure.is_none() {
                let message = self.difference(it.definition, mode, &expected, &found).await?;
                self.fail(Wrong::Rows, it, mode, steps, message);
            }
            by_mode.insert(mode, found);
        }
        it.last = Some((by_mode, expected));
        self.tally.checks += usize::from(steps > 0);
        Ok(())
    }

    async fn difference(
        &mut self,
        definition: &Definition,
        mode: Mode,
        expected: &Contents,
        found: &Contents,
    ) -> Result<String, A::Lost> {
        let name = definition.name(mode);
        let mut message =
            format!("{name} has {} rows, its definition {}", found.count, expected.count);
        let query = self.script.query_sql(definition);
        let of_query = self.ok(&query).await?.map(|it| lines(&it));
        let of_table = self.ok(&format!("SELECT * FROM {name}")).await?.map(|it| lines(&it));
        let (Some(of_query), Some(of_table)) = (of_query, of_table) else { return Ok(message) };
        for (mark, rows, others) in [('-', &of_query, &of_table), ('+', &of_table, &of_query)] {
            let mut left = others.clone();
            let mut missing = rows.iter().filter(|row| {
                let at = left.iter().position(|it| it == *row);
                at.map(|it| left.remove(it)).is_none()
            });
            for row in missing.by_ref().take(ROWS_SHOWN) {
                message += &format!("\n{mark} {row}");
            }
            match missing.count() {
                0 => {}
                more => message += &format!("\n{mark} and {more} more"),
            }
        }
        Ok(message)
    }

    /// Whether action and statistics can be what was done.
    fn account(
        &mut self,
        it: &Watched<'_>,
        before: &(BTreeMap<Mode, Contents>, Contents),
        actions: &BTreeMap<String, history::Refresh>,
        touched: &Touched,
        steps: usize,
    ) {
        let Some((after, query)) = &it.last else { return };
        let is_touched = it.definition.query.tables().iter().any(|at| touched.maybe.contains(at));
        for mode in &it.modes {
            let name = it.definition.name(*mode);
            let Some(refresh) = actions.get(&name) else { continue };
            let action = refresh.action.as_deref().unwrap_or_default();
            let expected: &[&str] = match mode {
                _ if !is_touched => &["NO_DATA"],
                Mode::Incremental if *query == before.1 => &["INCREMENTAL", "NO_DATA"],
                Mode::Incremental => &["INCREMENTAL"],
                Mode::Full if *query == before.1 => &["FULL", "NO_DATA"],
                Mode::Full => &["FULL"],
            };
            if !expected.contains(&action) {
                let message = format!(
                    "the refresh of {name} is {action}, where it can only be {}",
                    expected.join(" or ")
                );
                self.fail(Wrong::Action, it, *mode, steps, message);
            }
            let (Some(before), Some(after)) = (before.0.get(mode), after.get(mode)) else {
                continue;
            };
            let counts = refresh.inserted_rows.zip(refresh.deleted_rows);
            let (inserted, deleted) = match (action, counts) {
                (_, Some(counts)) => counts,
                ("NO_DATA", None) => (0, 0),
                (_, None) => continue,
            };
            let change = after.count - before.count;
            if i128::from(inserted) - i128::from(deleted) != change {
                let message = format!(
                    "the refresh of {name} says {inserted} inserted and {deleted} deleted, and its \
                     rows became {change:+}"
                );
                self.fail(Wrong::Statistics, it, *mode, steps, message);
            }
        }
    }
}

/// Rows as text, for people.
fn lines(rows: &Rows) -> Vec<String> {
    let line = |row: &Vec<crate::target::Value>| {
        let cells = row.iter().zip(&rows.columns).map(|(it, column)| it.text(&column.data_type));
        cells.collect::<Vec<_>>().join(" | ")
    };
    rows.rows.iter().map(line).collect()
}
