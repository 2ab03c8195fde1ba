//! Random scripts. The same seed and number make the same script.

use super::{
    query::{Aggregate, Expr, JoinKind, Kind, Parts, Query, TEMPLATES, Template, Window, literals},
    script::{Cell, Definition, Dml, Filter, Matched, Script, Step, Table},
};
use crate::random::Random;

/// How many operators a definition may be deep.
pub const DEPTH_MAX: usize = 4;

/// Definitions of a script: so many share tables and DML.
const DEFINITIONS: usize = 6;

const STEPS: usize = 8;

/// Columns of a part; more of them make nothing else happen.
const COLUMNS_MAX: usize = 6;

/// Rows that a part may be expected to have: a join of all with all grows fast.
const ROWS_MAX: usize = 1_500;

/// Rows of a table that estimates count with.
const TABLE_ROWS: usize = 20;

/// Script `number` of a run.
pub fn script(seed: u64, number: u64) -> Script {
    let mut it = Generator { random: Random::of_part(seed, number), tables: Vec::new() };
    let tables: Vec<Table> = (0..it.random.between(1, 3)).map(|_| it.table()).collect();
    it.tables = tables.iter().map(|it| it.columns.clone()).collect();
    let definitions = (1..=DEFINITIONS).map(|number| it.definition(number)).collect();
    let mut repeats = 0;
    let steps = (0..STEPS).map(|_| it.step(&mut repeats)).collect();
    Script { tables, definitions, steps }
}

struct Generator {
    random: Random,
    tables: Vec<Vec<Kind>>,
}

impl Generator {
    fn cell(&mut self, kind: Kind, null_percent: usize) -> Cell {
        match self.random.percent(null_percent) {
            true => "NULL",
            false => self.random.one_of(literals(kind)).copied().unwrap_or("NULL"),
        }
    }

    /// The first column is the key of merges and the usual one of joins.
    fn table(&mut self) -> Table {
        let mut columns = vec![Kind::Integer];
        for _ in 0..self.random.between(1, 4) {
            columns.push(self.kind());
        }
        let rows = self.random.between(0, 10);
        let rows = self.rows(&columns, rows);
        Table { columns, rows }
    }

    fn kind(&mut self) -> Kind {
        self.random.one_of(&Kind::ALL).copied().unwrap_or(Kind::Integer)
    }

    fn rows(&mut self, columns: &[Kind], count: usize) -> Vec<Vec<Cell>> {
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        for _ in 0..count {
            let again = rows.last().filter(|_| self.random.percent(15)).cloned();
            let row = match again {
                Some(row) => row,
                None => columns.iter().map(|it| self.cell(*it, 15)).collect(),
            };
            rows.push(row);
        }
        rows
    }

    fn definition(&mut self, number: usize) -> Definition {
        let depth = self.random.between(1, DEPTH_MAX);
        let (query, _) = self.query(depth);
        let parts = match self.random.percent(30) {
            true => Parts::Named,
            false => Parts::Nested,
        };
        Definition { number, query, parts }
    }

    /// A query so deep, or less, and the rows that it may have.
    fn query(&mut self, depth: usize) -> (Query, usize) {
        let Some(depth) = depth.checked_sub(1) else {
            return (Query::Table(self.random.below(self.tables.len())), TABLE_ROWS);
        };
        match self.random.below(100) {
            0..24 => self.select(depth),
            24..48 => self.join(depth),
            48..68 => self.group(depth),
            68..80 => self.union(depth),
            80..93 => self.window(depth),
            _ => self.flatten(depth),
        }
    }

    fn select(&mut self, depth: usize) -> (Query, usize) {
        let (from, rows) = self.query(depth);
        let source = from.columns(&self.tables);
        let count = self.random.between(1, source.len().min(COLUMNS_MAX));
        let mut columns = Vec::new();
        for _ in 0..count {
            let kind = self.random.one_of(&source).copied().unwrap_or(Kind::Integer);
            columns.push(match self.random.percent(60) {
                true => Expr::Column(self.random.below(source.len())),
                false => self.expr(kind, &source, 2),
            });
        }
        let filter = self.random.percent(50).then(|| self.expr(Kind::Boolean, &source, 2));
        let distinct = self.random.percent(25);
        (Query::Select { from: Box::new(from), columns, filter, distinct }, rows)
    }

    fn expr(&mut self, kind: Kind, source: &[Kind], depth: usize) -> Expr {
        let columns: Vec<usize> = (0..source.len()).filter(|it| source[*it] == kind).collect();
        let is_leaf = depth == 0 || self.random.percent(30);
        if is_leaf {
            return match self.random.one_of(&columns) {
                Some(column) if self.random.percent(75) => Expr::Column(*column),
                _ => Expr::Literal(self.random.one_of(literals(kind)).copied().unwrap_or("NULL")),
            };
        }
        let templates: Vec<&'static Template> =
            TEMPLATES.iter().filter(|it| it.kind == kind).collect();
        match self.random.one_of(&templates) {
            Some(template) => {
                let arguments = template.arguments.iter();
                let arguments = arguments.map(|it| self.expr(*it, source, depth - 1)).collect();
                Expr::Call(template, arguments)
            }
            None => Expr::Literal("NULL"),
        }
    }

    fn join(&mut self, depth: usize) -> (Query, usize) {
        let (left, left_rows) = self.query(depth);
        let right_depth = self.random.between(0, depth);
        let (right, right_rows) = self.query(right_depth);
        let (of_left, of_right) = (left.columns(&self.tables), right.columns(&self.tables));
        let pairs: Vec<(usize, usize)> = (0..of_left.len())
            .flat_map(|l| (0..of_right.len()).map(move |r| (l, r)))
            .filter(|(l, r)| of_left[*l] == of_right[*r])
            .collect();
        let mut kind = self.random.one_of(&JoinKind::ALL[..4]).copied().unwrap_or(JoinKind::Inner);
        let product = left_rows.saturating_mul(right_rows);
        if pairs.is_empty() || (product <= ROWS_MAX && self.random.percent(10)) {
            kind = JoinKind::Cross;
        }
        let rows = match kind {
            JoinKind::Cross => product,
            _ => (product / 4).max(left_rows).max(right_rows),
        };
        if rows > ROWS_MAX {
            return (left, left_rows);
        }
        let mut on = Vec::new();
        if kind != JoinKind::Cross {
            for _ in 0..self.random.between(1, 2) {
                on.extend(self.random.one_of(&pairs).copied().filter(|it| !on.contains(it)));
            }
        }
        let columns = self.some(of_left.len() + of_right.len());
        (Query::Join { kind, left: Box::new(left), right: Box::new(right), on, columns }, rows)
    }

    /// Some of so many columns, in their order: at least one.
    fn some(&mut self, count: usize) -> Vec<usize> {
        let mut columns: Vec<usize> = (0..count).collect();
        let keep = self.random.between(1, count.min(COLUMNS_MAX));
        while columns.len() > keep {
            columns.remove(self.random.below(columns.len()));
        }
        columns
    }

    fn group(&mut self, depth: usize) -> (Query, usize) {
        let (from, rows) = self.query(depth);
        let source = from.columns(&self.tables);
        let mut keys = self.some(source.len());
        keys.truncate(self.random.between(0, 2));
        let mut aggregates = Vec::new();
        for _ in 0..self.random.between(1, 3) {
            let at = self.random.below(source.len());
            let kind = source[at];
            aggregates.push(match self.random.below(7) {
                0 => Aggregate::Count(at),
                1 => Aggregate::CountDistinct(at),
                2 if kind.is_number() => Aggregate::Sum(at),
                3 if kind.is_number() => Aggregate::Average(at),
                4 if kind != Kind::Boolean => Aggregate::Least(at),
                5 if kind != Kind::Boolean => Aggregate::Greatest(at),
                _ => Aggregate::Rows,
            });
        }
        let having =
            (!keys.is_empty() && self.random.percent(25)).then(|| self.random.between(1, 2));
        let rows = if keys.is_empty() { 1 } else { rows };
        (Query::Group { from: Box::new(from), keys, aggregates, having }, rows)
    }

    fn union(&mut self, depth: usize) -> (Query, usize) {
        let (left, left_rows) = self.query(depth);
        let right_depth = self.random.between(0, depth.saturating_sub(1));
        let (right, right_rows) = self.query(right_depth);
        let kinds = left.columns(&self.tables);
        let source = right.columns(&self.tables);
        let right = match kinds == source {
            true => right,
            false => {
                let columns = kinds.iter().map(|it| self.expr(*it, &source, 1)).collect();
                Query::Select { from: Box::new(right), columns, filter: None, distinct: false }
            }
        };
        let all = self.random.percent(60);
        (Query::Union { all, left: Box::new(left), right: Box::new(right) }, left_rows + right_rows)
    }

    fn window(&mut self, depth: usize) -> (Query, usize) {
        let (from, rows) = self.query(depth);
        let source = from.columns(&self.tables);
        let at = self.random.below(source.len());
        let kind = source[at];
        let function = match self.random.below(8) {
            0 => Window::RowNumber,
            1 => Window::Rank,
            2 => Window::Lag(at),
            3 if kind.is_number() => Window::RunningSum(at),
            4 if kind.is_number() => Window::Sum(at),
            5 if kind != Kind::Boolean => Window::Least(at),
            6 => Window::Rows,
            _ => Window::RowNumber,
        };
        let mut partition = self.some(source.len());
        let keys = if self.random.percent(85) { self.random.between(1, 2) } else { 0 };
        partition.truncate(keys);
        let first = self.random.percent(30).then(|| self.random.between(1, 2));
        (Query::Window { from: Box::new(from), function, partition, first }, rows)
    }

    fn flatten(&mut self, depth: usize) -> (Query, usize) {
        let (from, rows) = self.query(depth);
        let source = from.columns(&self.tables);
        let texts: Vec<usize> = (0..source.len()).filter(|it| source[*it] == Kind::Text).collect();
        match self.random.one_of(&texts) {
            Some(column) if source.len() + 2 <= COLUMNS_MAX && rows * 2 <= ROWS_MAX => {
                (Query::Flatten { from: Box::new(from), column: *column }, rows * 2)
            }
            _ => (from, rows),
        }
    }

    fn step(&mut self, repeats: &mut usize) -> Step {
        let count = match self.random.percent(25) {
            true => self.random.between(2, 3),
            false => 1,
        };
        Step { statements: (0..count).map(|_| self.dml(repeats)).collect() }
    }

    fn dml(&mut self, repeats: &mut usize) -> Dml {
        let table = self.random.below(self.tables.len());
        let columns = self.tables[table].clone();
        match self.random.below(100) {
            0..30 => {
                let count = self.random.between(1, 4);
                Dml::Insert { table, rows: self.rows(&columns, count) }
            }
            30..55 => {
                let column = self.random.below(columns.len());
                let value = match self.random.percent(10) {
                    true => None,
                    false => Some(self.cell(columns[column], 15)),
                };
                Dml::Update { table, column, value, filter: self.filter(&columns) }
            }
            55..75 => Dml::Delete { table, filter: self.filter(&columns) },
            75..89 => {
                let count = self.random.between(1, 4);
                let mut rows = self.rows(&columns, count);
                let mut keys = Vec::new();
                rows.retain(|row| {
                    let key = row.first().copied().unwrap_or("NULL");
                    let is_new = key != "NULL" && !keys.contains(&key);
                    keys.push(key);
                    is_new
                });
                if rows.is_empty() {
                    rows.push(columns.iter().map(|it| self.cell(*it, 0)).collect());
                }
                let matched = match self.random.percent(70) {
                    true => Matched::Update,
                    false => Matched::Delete,
                };
                Dml::Merge { table, rows, matched }
            }
            89..94 => {
                let count = self.random.between(0, 8);
                Dml::Overwrite { table, rows: self.rows(&columns, count) }
            }
            // Not too often: tables would double each time.
            _ if *repeats < 2 => {
                *repeats += 1;
                Dml::Repeat { table, filter: self.filter(&columns) }
            }
            _ => Dml::Delete { table, filter: Filter::None },
        }
    }

    fn filter(&mut self, columns: &[Kind]) -> Filter {
        let column = match self.random.percent(60) {
            true => 0,
            false => self.random.below(columns.len()),
        };
        let value = self.cell(columns[column], 0);
        match self.random.below(100) {
            0..60 => Filter::Is { column, value },
            60..75 => Filter::IsNot { column, value },
            75..87 => Filter::IsNull { column },
            87..93 => Filter::None,
            _ => Filter::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refresh::fuzz::script::Mode;

    /// Everything that a run of the script would send.
    fn text(script: &Script) -> String {
        let mut out = Vec::new();
        for table in 0..script.tables.len() {
            out.extend(script.create(table));
        }
        for definition in &script.definitions {
            out.push(script.create_refreshed(definition, Mode::Incremental, "W"));
        }
        out.extend(script.steps.iter().flat_map(|it| it.sql(script)));
        out.join("\n")
    }

    #[test]
    fn the_same_seed_makes_the_same_script_and_another_one_does_not() {
        assert_eq!(text(&script(7, 3)), text(&script(7, 3)));
        assert_ne!(text(&script(7, 3)), text(&script(7, 4)));
        assert_ne!(text(&script(7, 3)), text(&script(8, 3)));
    }

    #[test]
    fn scripts_have_everything_that_is_promised() {
        let all: Vec<Script> = (0..200).map(|it| script(1, it)).collect();
        let text: String = all.iter().map(text).collect();
        for part in [
            "INNER JOIN",
            "LEFT JOIN",
            "RIGHT JOIN",
            "FULL JOIN",
            "CROSS JOIN",
            "GROUP BY",
            "HAVING",
            "SELECT DISTINCT",
            " UNION ALL ",
            " UNION SELECT",
            "WITH Q1 AS",
            "QUALIFY",
            "FLATTEN",
            "COUNT(DISTINCT",
            "AVG(",
            "MIN(",
            "MAX(",
            "SUM(",
            "WHERE",
            "ROW_NUMBER()",
            "LAG(",
            "RANK()",
            "ROWS BETWEEN",
            "INSERT INTO",
            "INSERT OVERWRITE",
            "UPDATE B",
            "DELETE FROM",
            "MERGE INTO",
            "THEN DELETE",
            "BEGIN",
            "COMMIT",
            "NULL",
            "WHERE FALSE",
            "NUMBER(12,2)",
            "TIMESTAMP_NTZ",
            "BOOLEAN",
            "DATE",
        ] {
            assert!(text.contains(part), "{part}");
        }
        let depth = |script: &Script| script.definitions.iter().map(|it| it.query.depth()).max();
        let deepest = all.iter().filter_map(depth).max();
        // A union's other side may be projected to fit, which is one more.
        assert!(matches!(deepest, Some(DEPTH_MAX..=5)), "{deepest:?}");
    }

    /// Names and kinds have to fit, or servers refuse what is meant to be compared.
    #[test]
    fn every_column_that_is_read_is_there() {
        for number in 0..300 {
            let script = script(5, number);
            let tables = script.kinds();
            for definition in &script.definitions {
                assert!(definition.query.fits(&tables), "{}", script.query_sql(definition));
            }
        }
    }
}
