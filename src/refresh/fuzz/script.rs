//! A script: tables with rows, definitions over them, and what is done to the tables.

use super::query::{Kind, Parts, Query, sql};

/// A cell as SQL.
pub type Cell = &'static str;

#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    pub tables: Vec<Table>,
    pub definitions: Vec<Definition>,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub columns: Vec<Kind>,
    pub rows: Vec<Vec<Cell>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// What its tables are called by: it stays when others are left out.
    pub number: usize,
    pub query: Query,
    pub parts: Parts,
}

/// What is done between two refreshes. More than one statement are one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub statements: Vec<Dml>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Dml {
    Insert {
        table: usize,
        rows: Vec<Vec<Cell>>,
    },
    /// Of rows that are there, those that fit, once more.
    Repeat {
        table: usize,
        filter: Filter,
    },
    Overwrite {
        table: usize,
        rows: Vec<Vec<Cell>>,
    },
    /// `None` sets a column to itself.
    Update {
        table: usize,
        column: usize,
        value: Option<Cell>,
        filter: Filter,
    },
    Delete {
        table: usize,
        filter: Filter,
    },
    /// Rows with the first cell's key replace, or take out, or are added. Keys differ, and are
    /// not NULL.
    Merge {
        table: usize,
        rows: Vec<Vec<Cell>>,
        matched: Matched,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matched {
    Update,
    Delete,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    All,
    None,
    Is { column: usize, value: Cell },
    IsNot { column: usize, value: Cell },
    IsNull { column: usize },
}

impl Filter {
    fn sql(&self) -> String {
        match self {
            Self::All => "TRUE".to_owned(),
            Self::None => "FALSE".to_owned(),
            Self::Is { column, value } => format!("C{} = {value}", column + 1),
            Self::IsNot { column, value } => format!("C{} <> {value}", column + 1),
            Self::IsNull { column } => format!("C{} IS NULL", column + 1),
        }
    }
}

/// In which mode a table is refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    Incremental,
    Full,
}

impl Mode {
    pub const BOTH: [Self; 2] = [Self::Incremental, Self::Full];

    pub fn word(self) -> &'static str {
        match self {
            Self::Incremental => "INCREMENTAL",
            Self::Full => "FULL",
        }
    }
}

impl Script {
    pub fn kinds(&self) -> Vec<Vec<Kind>> {
        self.tables.iter().map(|it| it.columns.clone()).collect()
    }

    /// Makes a table and fills it.
    pub fn create(&self, table: usize) -> Vec<String> {
        let Some(it) = self.tables.get(table) else { return Vec::new() };
        let columns: Vec<String> = it
            .columns
            .iter()
            .enumerate()
            .map(|(at, kind)| format!("C{} {}", at + 1, kind.sql()))
            .collect();
        let mut sql = vec![format!("CREATE TABLE B{} ({})", table + 1, columns.join(", "))];
        if !it.rows.is_empty() {
            sql.push(Dml::Insert { table, rows: it.rows.clone() }.sql(self));
        }
        sql
    }

    pub fn query_sql(&self, definition: &Definition) -> String {
        sql(&definition.query, definition.parts, &self.kinds())
    }

    /// The refreshed table of the definition. The lag is longer than any run, so that nobody but
    /// the script refreshes it.
    pub fn create_refreshed(&self, definition: &Definition, mode: Mode, warehouse: &str) -> String {
        format!(
            "CREATE DYNAMIC TABLE {} TARGET_LAG = '7 days' WAREHOUSE = {warehouse} REFRESH_MODE = \
             {} AS {}",
            definition.name(mode),
            mode.word(),
            self.query_sql(definition)
        )
    }

    /// Tables that only other definitions read are of no use to those that are left.
    pub fn without_unread(mut self) -> Self {
        let read: Vec<usize> = self.definitions.iter().flat_map(|it| it.query.tables()).collect();
        let is_read = |table: usize| read.contains(&table);
        for (at, table) in self.tables.iter_mut().enumerate() {
            if !is_read(at) {
                table.rows.clear();
            }
        }
        for step in &mut self.steps {
            step.statements.retain(|it| is_read(it.table()));
        }
        self.steps.retain(|it| !it.statements.is_empty());
        self
    }

    /// Statements that a person would count: tables, rows, definitions, DML and refreshes.
    pub fn statements(&self) -> usize {
        let read: Vec<usize> = self.definitions.iter().flat_map(|it| it.query.tables()).collect();
        let tables = (0..self.tables.len()).filter(|it| read.contains(it));
        let made: usize = tables.map(|it| self.create(it).len()).sum();
        let steps: usize = self.steps.iter().map(|it| it.sql(self).len() + 1).sum();
        made + self.definitions.len() + steps
    }
}

impl Definition {
    pub fn name(&self, mode: Mode) -> String {
        match mode {
            Mode::Incremental => format!("D{}_INCREMENTAL", self.number),
            Mode::Full => format!("D{}_FULL", self.number),
        }
    }
}

impl Step {
    pub fn sql(&self, script: &Script) -> Vec<String> {
        let statements = self.statements.iter().map(|it| it.sql(script));
        match self.statements.len() {
            0 | 1 => statements.collect(),
            _ => {
                let begin = std::iter::once("BEGIN".to_owned());
                begin.chain(statements).chain(["COMMIT".to_owned()]).collect()
            }
        }
    }
}

impl Dml {
    pub fn table(&self) -> usize {
        match self {
            Self::Insert { table, .. }
            | Self::Repeat { table, .. }
            | Self::Overwrite { table, .. }
            | Self::Update { table, .. }
            | Self::Delete { table, .. }
            | Self::Merge { table, .. } => *table,
        }
    }

    pub fn rows_mut(&mut self) -> Option<&mut Vec<Vec<Cell>>> {
        match self {
            Self::Insert { rows, .. } | Self::Overwrite { rows, .. } | Self::Merge { rows, .. } => {
                Some(rows)
            }
            Self::Repeat { .. } | Self::Update { .. } | Self::Delete { .. } => None,
        }
    }

    pub fn sql(&self, script: &Script) -> String {
        let name = format!("B{}", self.table() + 1);
        let kinds =
            script.tables.get(self.table()).map(|it| it.columns.clone()).unwrap_or_default();
        match self {
            Self::Insert { rows, .. } => format!("INSERT INTO {name} {}", values(rows, &kinds)),
            Self::Overwrite { rows, .. } if rows.is_empty() => {
                format!("INSERT OVERWRITE INTO {name} SELECT * FROM {name} WHERE FALSE")
            }
            Self::Overwrite { rows, .. } => {
                format!("INSERT OVERWRITE INTO {name} {}", values(rows, &kinds))
            }
            Self::Repeat { filter, .. } => {
                format!("INSERT INTO {name} SELECT * FROM {name} WHERE {}", filter.sql())
            }
            Self::Update { column, value, filter, .. } => {
                let column = format!("C{}", column + 1);
                let value = value.unwrap_or(column.as_str());
                format!("UPDATE {name} SET {column} = {value} WHERE {}", filter.sql())
            }
            Self::Delete { filter, .. } => format!("DELETE FROM {name} WHERE {}", filter.sql()),
            Self::Merge { rows, matched, .. } => {
                let columns: Vec<String> = (1..=kinds.len()).map(|it| format!("C{it}")).collect();
                let of = |alias: &str| {
                    columns.iter().map(|it| format!("{alias}.{it}")).collect::<Vec<_>>()
                };
                let matched = match matched {
                    Matched::Update => {
                        let set = columns.iter().map(|it| format!("{it} = S.{it}"));
                        format!("UPDATE SET {}", set.collect::<Vec<_>>().join(", "))
                    }
                    Matched::Delete => "DELETE".to_owned(),
                };
                format!(
                    "MERGE INTO {name} AS T USING ({}) AS S ON T.C1 = S.C1 WHEN MATCHED THEN \
                     {matched} WHEN NOT MATCHED THEN INSERT ({}) VALUES ({})",
                    values(rows, &kinds),
                    columns.join(", "),
                    of("S").join(", ")
                )
            }
        }
    }
}

/// Rows as a query, which takes casts where VALUES of an INSERT might not. The first row names
/// the columns and gives their kinds.
fn values(rows: &[Vec<Cell>], kinds: &[Kind]) -> String {
    let selects = rows.iter().enumerate().map(|(number, row)| {
        let cells = row.iter().zip(kinds).enumerate().map(|(at, (cell, kind))| match number {
            0 => format!("{}::{} AS C{}", bare(cell), kind.sql(), at + 1),
            _ => (*cell).to_owned(),
        });
        format!("SELECT {}", cells.collect::<Vec<_>>().join(", "))
    });
    selects.collect::<Vec<_>>().join(" UNION ALL ")
}

/// Without its own cast, since the row's column has one; a sign binds less than `::`.
fn bare(cell: &str) -> String {
    match cell.split_once("::") {
        Some((value, _)) => value.to_owned(),
        None if cell.starts_with('-') => format!("({cell})"),
        None => cell.to_owned(),
    }
}
