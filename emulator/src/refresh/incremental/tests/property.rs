//! Random definitions over random tables, random changes, and the whole query as the judge.
//!
//! Values come from small sets, so that keys meet, repeat and vanish; NULL, both zeros and NaN are
//! among them. Windows are ordered by all columns: equal rows may change places, nothing else.

use super::{
    super::Operator,
    kit::{Change, Kit, Row, Run, Whole, row},
};
use std::collections::BTreeMap;

/// Definitions, each on tables of its own and advanced several times.
const DEFINITIONS: u64 = 400;
const STEPS: usize = 9;
/// A definition whose result grows beyond is given up: it would take the time of many others.
const RESULT_ROWS_MAX: i64 = 3_000;
/// Definitions that share their tables' columns.
const DEFINITIONS_PER_SCHEMA: u64 = 20;

/// Splitmix64: a seed is a whole test.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        it ^ (it >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Number,
    Decimal,
    Float,
    Text,
    Boolean,
    Date,
    Instant,
    Variant,
}

const KINDS: [Kind; 8] = [
    Kind::Number,
    Kind::Decimal,
    Kind::Float,
    Kind::Text,
    Kind::Boolean,
    Kind::Date,
    Kind::Instant,
    Kind::Variant,
];

impl Kind {
    fn sql(self) -> &'static str {
        match self {
            Self::Number => "NUMBER(10,0)",
            Self::Decimal => "NUMBER(12,2)",
            Self::Float => "FLOAT",
            Self::Text => "VARCHAR(20)",
            Self::Boolean => "BOOLEAN",
            Self::Date => "DATE",
            Self::Instant => "TIMESTAMP_NTZ(9)",
            Self::Variant => "VARIANT",
        }
    }

    /// As `kit::row` reads it.
    fn value(self, random: &mut Random) -> &'static str {
        if random.percent(15) {
            return "_";
        }
        random.of(match self {
            Self::Number => &["-1", "0", "1", "2", "3"],
            Self::Decimal => &["-1.25", "0.00", "0.50", "1.00", "7.75"],
            Self::Float => &["-1.5", "-0.0", "0.0", "0.5", "2", "NaN"],
            Self::Text => &["", "a", "b", "bb", "c"],
            Self::Boolean => &["true", "false"],
            Self::Date => &["2024-01-01", "2024-01-02", "2024-02-29"],
            Self::Instant => &["0", "1", "86400"],
            Self::Variant => &["1", "\"x\"", "{\"a\":1}", "[1,2]"],
        })
    }
}

/// Tables by name, with their columns.
type Tables = [(String, Vec<(String, Kind)>)];

/// A query and the columns that it gives.
#[derive(Clone)]
struct Relation {
    sql: String,
    columns: Vec<(String, Kind)>,
}

struct Generator<'a> {
    random: &'a mut Random,
    tables: &'a Tables,
    names: usize,
}

impl Generator<'_> {
    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn column<'r>(&mut self, relation: &'r Relation) -> &'r (String, Kind) {
        &relation.columns[self.random.below(relation.columns.len())]
    }

    fn column_of<'r>(&mut self, relation: &'r Relation, kinds: &[Kind]) -> Option<&'r str> {
        let of: Vec<&str> = relation
            .columns
            .iter()
            .filter(|it| kinds.contains(&it.1))
            .map(|it| it.0.as_str())
            .collect();
        (!of.is_empty()).then(|| of[self.random.below(of.len())])
    }

    /// `SELECT … FROM …`, with every expression under a new name.
    fn select(&mut self, exprs: Vec<(String, Kind)>, rest: &str) -> Relation {
        let named: Vec<(String, String, Kind)> =
            exprs.into_iter().map(|(expr, kind)| (expr, self.name("C"), kind)).collect();
        let list: Vec<String> = named.iter().map(|it| format!("{} AS {}", it.0, it.1)).collect();
        Relation {
            sql: format!("SELECT {} {rest}", list.join(", ")),
            columns: named.into_iter().map(|it| (it.1, it.2)).collect(),
        }
    }

    fn query(&mut self, depth: usize) -> Relation {
        if depth == 0 {
            return self.leaf();
        }
        match self.random.below(14) {
            0 => self.filter(depth),
            1 => self.project(depth),
            2..=5 => self.join(depth),
            6..=8 => self.group(depth),
            9 => self.distinct(depth),
            10 => self.union(depth),
            11 | 12 => self.window(depth),
            _ => self.twice(depth),
        }
    }

    fn leaf(&mut self) -> Relation {
        if self.random.percent(4) {
            let exprs = vec![("X.A".to_owned(), Kind::Number), ("X.B".to_owned(), Kind::Text)];
            return self.select(exprs, "FROM (VALUES (1, 'a'), (2, NULL), (2, 'b')) AS X (A, B)");
        }
        let (table, columns) = &self.tables[self.random.below(self.tables.len())];
        let kept: Vec<(String, Kind)> =
            columns.iter().filter(|_| self.random.percent(80)).cloned().collect();
        let kept = if kept.is_empty() { columns.clone() } else { kept };
        self.select(kept, &format!("FROM {table}"))
    }

    fn condition(&mut self, relation: &Relation) -> String {
        match self.random.below(8) {
            0 => {
                let (one, other) = (self.condition(relation), self.condition(relation));
                return format!("({one} OR {other})");
            }
            1 => return format!("NOT ({})", self.condition(relation)),
            _ => {}
        }
        let (name, kind) = self.column(relation).clone();
        let sign = self.random.of(&["=", "<>", "<", "<=", ">", ">="]);
        match (self.random.below(6), kind) {
            (0, _) => format!("{name} IS NULL"),
            (1, _) => format!("{name} IS NOT NULL"),
            (_, Kind::Number) => format!("{name} {sign} {}", self.random.below(3)),
            (_, Kind::Decimal) => format!("{name} {sign} 0.50"),
            (_, Kind::Float) => format!("{name} {sign} 0"),
            (_, Kind::Text) => format!("{name} {sign} 'b'"),
            (_, Kind::Boolean) => name,
            (_, Kind::Date) => format!("{name} {sign} '2024-01-02'::DATE"),
            (_, Kind::Instant) => format!("{name} {sign} '1970-01-01 00:00:01'::TIMESTAMP_NTZ"),
            (_, Kind::Variant) => format!("{name} IS NOT NULL"),
        }
    }

    fn expression(&mut self, relation: &Relation) -> (String, Kind) {
        let (name, kind) = self.column(relation).clone();
        let choice = self.random.below(4);
        let expr = match (kind, choice) {
            (Kind::Number, 0) => format!("{name} + 1"),
            (Kind::Number, 1) => format!("COALESCE({name}, -1)"),
            (Kind::Number, 2) => format!("IFF({}, {name}, 0)", self.condition(relation)),
            (Kind::Decimal, 0) => format!("{name} + 0.25"),
            (Kind::Text, 0) => format!("{name} || 'x'"),
            (Kind::Text, 1) => format!("COALESCE({name}, '~')"),
            (Kind::Text, 2) => return (format!("LENGTH({name})"), Kind::Number),
            (Kind::Boolean, 0) => format!("NOT {name}"),
            _ => name,
        };
        (expr, kind)
    }

    fn filter(&mut self, depth: usize) -> Relation {
        let input = self.query(depth - 1);
        let condition = self.condition(&input);
        Relation { sql: format!("SELECT * FROM ({}) Q WHERE {condition}", input.sql), ..input }
    }

    fn project(&mut self, depth: usize) -> Relation {
        let input = self.query(depth - 1);
        let count = 1 + self.random.below(3);
        let exprs = (0..count).map(|_| self.expression(&input)).collect();
        self.select(exprs, &format!("FROM ({}) Q", input.sql))
    }

    fn distinct(&mut self, depth: usize) -> Relation {
        let input = self.query(depth - 1);
        let count = 1 + self.random.below(2);
        let exprs = (0..count).map(|_| self.expression(&input)).collect();
        let out = self.select(exprs, &format!("FROM ({}) Q", input.sql));
        Relation { sql: out.sql.replacen("SELECT", "SELECT DISTINCT", 1), ..out }
    }

    fn join(&mut self, depth: usize) -> Relation {
        let left = self.query(depth - 1);
        let depth = self.random.below(depth.min(3));
        let right = self.query(depth);
        self.join_of(&left, &right, &format!("({})", left.sql), &format!("({})", right.sql))
    }

    fn join_of(&mut self, left: &Relation, right: &Relation, l: &str, r: &str) -> Relation {
        let (a, b) = (self.name("L"), self.name("R"));
        let in_side = |alias: &str, it: &Relation| Relation {
            sql: String::new(),
            columns: it.columns.iter().map(|it| (format!("{alias}.{}", it.0), it.1)).collect(),
        };
        let (left, right) = (in_side(&a, left), in_side(&b, right));
        let mut pairs = vec![];
        for (one, kind) in &left.columns {
            pairs.extend(
                right
                    .columns
                    .iter()
                    .filter(|it| it.1 == *kind && *kind != Kind::Variant)
                    .map(|it| (one, &it.0)),
            );
        }
        let mut both: Vec<(String, Kind)> =
            left.columns.iter().chain(&right.columns).cloned().collect();
        while both.len() > 5 {
            both.remove(self.random.below(both.len()));
        }
        if pairs.is_empty() {
            return self.select(both, &format!("FROM {l} {a} CROSS JOIN {r} {b}"));
        }
        let count = 1 + usize::from(self.random.percent(30));
        let keys: Vec<_> = (0..count).map(|_| pairs[self.random.below(pairs.len())]).collect();
        let kind = self.random.of(&["INNER", "INNER", "LEFT", "RIGHT", "FULL"]);
        let equal = match kind {
            "INNER" if self.random.percent(15) => "IS NOT DISTINCT FROM",
            _ => "=",
        };
        let mut on: Vec<String> =
            keys.iter().map(|(one, other)| format!("({one} {equal} {other})")).collect();
        if self.random.percent(25) {
            let side = if self.random.percent(50) { &left } else { &right };
            on.push(self.condition(side));
        }
        if kind == "INNER" && self.random.percent(25) {
            let (one, other) = pairs[self.random.below(pairs.len())];
            on.push(format!("{one} <= {other}"));
        }
        self.select(both, &format!("FROM {l} {a} {kind} JOIN {r} {b} ON {}", on.join(" AND ")))
    }

    fn aggregate(&mut self, input: &Relation, exact: bool) -> (String, Kind) {
        use Kind::{Decimal, Float, Number, Text};
        let numbers = self.column_of(input, &[Number, Decimal]);
        let (any, kind) = self.column(input).clone();
        match (self.random.below(if exact { 5 } else { 11 }), numbers) {
            (0, _) => ("COUNT(*)".to_owned(), Number),
            (1, _) => (format!("COUNT({any})"), Number),
            (2, Some(it)) => (format!("SUM({it})"), Decimal),
            (3, Some(it)) => (format!("AVG({it})"), Decimal),
            (0..=4, _) => (format!("COUNT_IF({})", self.condition(input)), Number),
            // With NaN or zeros of both signs these hang on the order of rows.
            (5 | 6 | 9, _) if kind == Float => (format!("SUM({any})"), Float),
            (5, _) => (format!("MIN({any})"), kind),
            (6, _) => (format!("MAX({any})"), kind),
            (7, _) => (format!("COUNT(DISTINCT {any})"), Number),
            (8, _) => match self.column_of(input, &[Text]) {
                Some(it) => (format!("LISTAGG({it}, ',') WITHIN GROUP (ORDER BY {it})"), Text),
                None => (format!("APPROX_COUNT_DISTINCT({any})"), Number),
            },
            (9, _) => match self.column_of(input, &[Float]) {
                Some(it) => (format!("SUM({it})"), Float),
                None => (format!("MIN_BY({any}, {any})"), kind),
            },
            _ => (format!("COUNT({any}) + 1"), Number),
        }
    }

    fn group(&mut self, depth: usize) -> Relation {
        let input = self.query(depth - 1);
        let exact = self.random.percent(50);
        let keys = self.random.of(&[0, 1, 1, 1, 2]);
        let keys: Vec<(String, Kind)> = (0..keys).map(|_| self.expression(&input)).collect();
        let count = 1 + self.random.below(3);
        let aggregates: Vec<_> = (0..count).map(|_| self.aggregate(&input, exact)).collect();
        let by: Vec<String> = keys.iter().map(|it| it.0.clone()).collect();
        let mut rest = format!("FROM ({}) Q", input.sql);
        if !by.is_empty() {
            rest = format!("{rest} GROUP BY {}", by.join(", "));
            if self.random.percent(20) {
                rest = format!("{rest} HAVING COUNT(*) > 1");
            }
        }
        self.select(keys.into_iter().chain(aggregates).collect(), &rest)
    }

    fn union(&mut self, depth: usize) -> Relation {
        let left = self.query(depth - 1);
        let depth = self.random.below(depth.min(3));
        let right = self.query(depth);
        self.union_of(&left, &right)
    }

    fn union_of(&mut self, left: &Relation, right: &Relation) -> Relation {
        let mut columns = vec![];
        for (name, kind) in &left.columns {
            if let Some(other) = self.column_of(right, &[*kind]) {
                columns.push((name.clone(), other.to_owned(), *kind));
            }
        }
        columns.truncate(3);
        if columns.is_empty() {
            columns.push(("1".to_owned(), "2".to_owned(), Kind::Number));
        }
        let one = columns.iter().map(|it| (it.0.clone(), it.2)).collect();
        let other: Vec<_> = columns.iter().map(|it| it.1.clone()).collect();
        let word = if self.random.percent(50) { "UNION ALL" } else { "UNION" };
        let rest = format!(
            "FROM ({}) Q {word} SELECT {} FROM ({}) Q",
            left.sql,
            other.join(", "),
            right.sql
        );
        self.select(one, &rest)
    }

    fn over(&mut self, input: &Relation, ordered: bool) -> String {
        let by = match self.random.below(4) {
            0 => String::new(),
            1 => {
                let (one, other) = (self.column(input).0.clone(), self.column(input).0.clone());
                format!("PARTITION BY {one}, {other}")
            }
            _ => format!("PARTITION BY {}", self.column(input).0),
        };
        if !ordered {
            return format!("OVER ({by})");
        }
        let mut order: Vec<String> = input.columns.iter().map(|it| it.0.clone()).collect();
        let first = self.random.below(order.len());
        order.swap(0, first);
        let direction = self.random.of(&["", " DESC"]);
        let first = format!("{}{direction}", order[0]);
        order[0] = first;
        format!("OVER ({by} ORDER BY {})", order.join(", "))
    }

    fn window(&mut self, depth: usize) -> Relation {
        let input = self.query(depth - 1);
        let from = format!("FROM ({}) Q", input.sql);
        if self.random.percent(25) {
            let over = self.over(&input, true);
            let sql = format!("SELECT * {from} QUALIFY ROW_NUMBER() {over} <= 2");
            return Relation { sql, ..input };
        }
        let mut exprs: Vec<(String, Kind)> = input.columns.iter().take(3).cloned().collect();
        for _ in 0..1 + self.random.below(2) {
            let (any, kind) = self.column(&input).clone();
            let number = self.column_of(&input, &[Kind::Number, Kind::Decimal]);
            let (call, kind, ordered) = match (self.random.below(8), number) {
                (0, _) => ("ROW_NUMBER()".to_owned(), Kind::Number, true),
                (1, _) => ("RANK()".to_owned(), Kind::Number, true),
                (2, _) => (format!("LAG({any})"), kind, true),
                (3, _) => (format!("FIRST_VALUE({any})"), kind, true),
                (4, Some(it)) => (format!("SUM({it})"), Kind::Decimal, true),
                (5, Some(it)) => (format!("SUM({it})"), Kind::Decimal, false),
                (6, _) if kind != Kind::Float => (format!("MAX({any})"), kind, false),
                _ => ("COUNT(*)".to_owned(), Kind::Number, self.random.percent(50)),
            };
            let over = self.over(&input, ordered);
            exprs.push((format!("{call} {over}"), kind));
        }
        self.select(exprs, &from)
    }

    /// The same query read twice, by name.
    fn twice(&mut self, depth: usize) -> Relation {
        let input = self.query(depth - 1);
        let name = self.name("X");
        let read = Relation { sql: format!("SELECT * FROM {name}"), columns: input.columns };
        let out = match self.random.percent(60) {
            true => self.join_of(&read, &read, &name, &name),
            false => self.union_of(&read, &read),
        };
        Relation { sql: format!("WITH {name} AS ({}) {}", input.sql, out.sql), ..out }
    }
}

fn random_tables(random: &mut Random) -> Box<Tables> {
    ["T", "U", "W"]
        .iter()
        .map(|table| {
            let mut kinds = vec![Kind::Number];
            kinds.extend((0..2 + random.below(3)).map(|_| random.of(&KINDS)));
            let columns = kinds.iter().enumerate().map(|(at, kind)| (format!("F{at}"), *kind));
            ((*table).to_owned(), columns.collect())
        })
        .collect()
}

fn random_row(random: &mut Random, kit: &Kit, table: &str, kinds: &[Kind]) -> Row {
    let cells: Vec<&str> = kinds.iter().map(|it| it.value(random)).collect();
    row(&cells.join("|"), &kit.columns(table))
}

fn random_change(
    random: &mut Random,
    kit: &Kit,
    tables: &Tables,
    rows: &BTreeMap<String, Vec<Row>>,
    is_first: bool,
) -> Change {
    let mut change = Change::new();
    for (table, columns) in tables {
        let kinds: Vec<Kind> = columns.iter().map(|it| it.1).collect();
        let mut rest = rows[table].clone();
        let fresh = |random: &mut Random| random_row(random, kit, table, &kinds);
        let (mut removed, mut added) = (vec![], vec![]);
        if is_first {
            added.extend((0..random.below(10)).map(|_| fresh(random)));
        } else if random.percent(60) {
            for _ in 0..1 + random.below(3) {
                let at = (!rest.is_empty()).then(|| random.below(rest.len()));
                match (random.below(7), at) {
                    // DELETE
                    (0 | 1, Some(at)) => removed.push(rest.swap_remove(at)),
                    // UPDATE of one column, which may be a key or no change at all
                    (2 | 3, Some(at)) => {
                        let old = rest.swap_remove(at);
                        let mut new = old.clone();
                        let column = random.below(new.len());
                        new[column] = fresh(random)[column].clone();
                        removed.push(old);
                        added.push(new);
                    }
                    // The same row once more
                    (4, Some(at)) => added.push(rest[at].clone()),
                    _ => added.push(fresh(random)),
                }
            }
            if random.percent(6) {
                // INSERT OVERWRITE, or everything deleted
                removed.append(&mut rest);
                added.clear();
                if random.percent(60) {
                    added.extend(removed.iter().filter(|_| random.percent(70)).cloned());
                    added.extend((0..random.below(4)).map(|_| fresh(random)));
                }
            }
        }
        change.insert(table.clone(), (removed, added));
    }
    change
}

/// How many definitions had each operator, and what else shows that the test tests something.
#[derive(Debug, Default)]
struct Seen {
    operators: BTreeMap<&'static str, usize>,
    steps: usize,
    steps_with_rows: usize,
    given_up: usize,
}

impl Seen {
    fn note(&mut self, run: &Run<'_>) {
        for step in &run.flow.steps {
            let name = match &step.operator {
                Operator::Source(_) => "source",
                Operator::Constant { .. } => "constant",
                Operator::Project { .. } => "project",
                Operator::Filter(_) => "filter",
                Operator::Union(_) => "union",
                Operator::EachRow { .. } => "each row",
                Operator::Distinct(_) => "distinct",
                Operator::Join(_) => "join",
                Operator::Group(_) => "group",
                Operator::Regroup(_) => "regroup",
                Operator::Window(_) => "window",
            };
            *self.operators.entry(name).or_default() += 1;
        }
    }
}

async fn definitions(seeds: std::ops::Range<u64>, seen: &mut Seen) -> Result<(), String> {
    let mut shared: Option<(u64, Kit, Box<Tables>)> = None;
    for seed in seeds {
        let schema = seed / DEFINITIONS_PER_SCHEMA;
        if shared.as_ref().is_none_or(|it| it.0 != schema) {
            let tables = random_tables(&mut Random(schema.wrapping_mul(7919)));
            let created: Vec<String> = tables
                .iter()
                .map(|(table, columns)| {
                    let columns: Vec<String> =
                        columns.iter().map(|it| format!("{} {}", it.0, it.1.sql())).collect();
                    format!("{table} ({})", columns.join(", "))
                })
                .collect();
            let created: Vec<&str> = created.iter().map(String::as_str).collect();
            shared = Some((schema, Kit::new(&created).await, tables));
        }
        let Some((_, kit, tables)) = &shared else { continue };
        let mut random = Random(seed);
        let depth = 1 + random.below(4);
        let mut generator = Generator { random: &mut random, tables, names: 0 };
        let sql = generator.query(depth).sql;
        if Whole::new(&kit.plan(&sql)).await.is_none() {
            seen.given_up += 1;
            continue;
        }
        let mut run = Run::new(kit, &sql).await.map_err(|it| {
            let plan = super::super::session().optimize(&kit.plan(&sql));
            format!("seed {seed}: {sql}\n{it}\n{}", plan.expect("optimised").display_indent())
        })?;
        seen.note(&run);
        for step in 0..STEPS {
            let change = random_change(&mut random, kit, tables, &run.rows, step == 0);
            run.step(&change).await.map_err(|it| format!("seed {seed}: {it}"))?;
            seen.steps += 1;
            seen.steps_with_rows += usize::from(run.result_rows() > 0);
            if run.result_rows() > RESULT_ROWS_MAX {
                seen.given_up += 1;
                break;
            }
        }
    }
    Ok(())
}

#[test]
fn the_sum_of_changes_is_the_whole_query() {
    let first: u64 = std::env::var("INCREMENTAL_SEED").map_or(0, |it| it.parse().expect("a seed"));
    let count = if first == 0 { DEFINITIONS } else { 1 };
    // Nested definitions are planned by recursion.
    let worker = std::thread::Builder::new().stack_size(crate::STACK_BYTES).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let mut seen = Seen::default();
        let outcome =
            runtime.expect("a runtime").block_on(definitions(first..first + count, &mut seen));
        (outcome, seen)
    });
    let (outcome, seen) = worker.expect("a thread").join().expect("no panic");
    println!("{seen:?}");
    if let Err(report) = outcome {
        panic!("{report}\n(again with INCREMENTAL_SEED=<seed>)");
    }
    if count == 1 {
        return;
    }
    let of = |name: &str| seen.operators.get(name).copied().unwrap_or_default();
    for name in [
        "source", "constant", "project", "filter", "union", "distinct", "join", "group", "regroup",
        "window",
    ] {
        assert!(of(name) >= 20, "{name} in {} definitions: {seen:?}", of(name));
    }
    assert!(seen.steps_with_rows * 2 > seen.steps, "{seen:?}");
    assert!(seen.given_up as u64 * 10 < DEFINITIONS, "{seen:?}");
}
