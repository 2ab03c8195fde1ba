//! Definitions as trees, and as SQL.
//!
//! Every part has columns `C1`, `C2`, … and knows their kinds, so that parts can be put together
//! and taken apart again. Only exact kinds: two ways to compute a float need not agree.

use std::fmt::Write;

/// What a column can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Integer,
    Decimal,
    Text,
    Boolean,
    Date,
    Timestamp,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Integer, Self::Decimal, Self::Text, Self::Boolean, Self::Date, Self::Timestamp];

    pub fn sql(self) -> &'static str {
        match self {
            Self::Integer => "NUMBER(10,0)",
            Self::Decimal => "NUMBER(12,2)",
            Self::Text => "VARCHAR",
            Self::Boolean => "BOOLEAN",
            Self::Date => "DATE",
            Self::Timestamp => "TIMESTAMP_NTZ",
        }
    }

    pub fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Decimal)
    }
}

/// A literal as SQL has it. Few are chosen from, so that values meet.
pub fn literals(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Integer => &["0", "1", "2", "3", "4", "5", "-1", "-2"],
        Kind::Decimal => &["0.00", "0.25", "1.50", "-1.25", "3.00", "10.75"],
        Kind::Text => &["''", "'a'", "'b'", "'a,b'", "'b,c,a'", "'A'", "'c,,c'"],
        Kind::Boolean => &["TRUE", "FALSE"],
        Kind::Date => &["'2024-02-28'::DATE", "'2024-02-29'::DATE", "'2024-03-01'::DATE"],
        Kind::Timestamp => &[
            "'2024-02-28 23:30:00'::TIMESTAMP_NTZ",
            "'2024-02-29 00:00:00'::TIMESTAMP_NTZ",
            "'2024-02-29 12:00:00.5'::TIMESTAMP_NTZ",
        ],
    }
}

/// A scalar over the columns of one source.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Column(usize),
    Literal(&'static str),
    Call(&'static Template, Vec<Expr>),
}

/// An expression with `{}` for its arguments.
#[derive(Debug, PartialEq)]
pub struct Template {
    pub sql: &'static str,
    pub kind: Kind,
    pub arguments: &'static [Kind],
}

const fn template(sql: &'static str, kind: Kind, arguments: &'static [Kind]) -> Template {
    Template { sql, kind, arguments }
}

use Kind::{Boolean, Date, Decimal, Integer, Text, Timestamp};

/// None of them fails on any value. `||` and `*` are tame, so that nesting cannot overflow.
pub const TEMPLATES: &[Template] = &[
    template("({} + {})", Integer, &[Integer, Integer]),
    template("({} - {})", Integer, &[Integer, Integer]),
    template("({} * 2)", Integer, &[Integer]),
    template("MOD({}, 3)", Integer, &[Integer]),
    template("ABS({})", Integer, &[Integer]),
    template("COALESCE({}, {})", Integer, &[Integer, Integer]),
    template("NULLIF({}, {})", Integer, &[Integer, Integer]),
    template("IFF({}, {}, {})", Integer, &[Boolean, Integer, Integer]),
    template("LENGTH({})", Integer, &[Text]),
    template("YEAR({})", Integer, &[Date]),
    template("({} + {})", Decimal, &[Decimal, Decimal]),
    template("COALESCE({}, {})", Decimal, &[Decimal, Decimal]),
    template("CASE WHEN {} THEN {} ELSE {} END", Decimal, &[Boolean, Decimal, Decimal]),
    template("UPPER({})", Text, &[Text]),
    template("SUBSTR({}, 1, 2)", Text, &[Text]),
    template("({} || {})", Text, &[Text, Text]),
    template("COALESCE({}, {})", Text, &[Text, Text]),
    template("TO_VARCHAR({})", Text, &[Integer]),
    template("CASE WHEN {} THEN {} ELSE {} END", Text, &[Boolean, Text, Text]),
    template("({} = {})", Boolean, &[Integer, Integer]),
    template("({} < {})", Boolean, &[Integer, Integer]),
    template("({} <> {})", Boolean, &[Text, Text]),
    template("({} >= {})", Boolean, &[Decimal, Decimal]),
    template("({} <= {})", Boolean, &[Date, Date]),
    template("({} > {})", Boolean, &[Timestamp, Timestamp]),
    template("({} IS NULL)", Boolean, &[Integer]),
    template("({} IS NOT NULL)", Boolean, &[Text]),
    template("({} IN (1, 2, 3))", Boolean, &[Integer]),
    template("({} AND {})", Boolean, &[Boolean, Boolean]),
    template("({} OR {})", Boolean, &[Boolean, Boolean]),
    template("(NOT {})", Boolean, &[Boolean]),
    template("COALESCE({}, FALSE)", Boolean, &[Boolean]),
    template("DATEADD(day, 1, {})", Date, &[Date]),
    template("COALESCE({}, {})", Date, &[Date, Date]),
    template("DATEADD(hour, 1, {})", Timestamp, &[Timestamp]),
    template("DATE_TRUNC('day', {})", Timestamp, &[Timestamp]),
    template("COALESCE({}, {})", Timestamp, &[Timestamp, Timestamp]),
    template("({})::TIMESTAMP_NTZ", Timestamp, &[Date]),
];

impl Expr {
    pub fn sql(&self, source: &str) -> String {
        match self {
            Self::Column(at) => format!("{source}.C{}", at + 1),
            Self::Literal(text) => (*text).to_owned(),
            Self::Call(template, arguments) => {
                let mut out = String::new();
                let mut arguments = arguments.iter();
                for (at, part) in template.sql.split("{}").enumerate() {
                    if at > 0
                        && let Some(argument) = arguments.next()
                    {
                        out += &argument.sql(source);
                    }
                    out += part;
                }
                out
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    Cross,
}

impl JoinKind {
    pub const ALL: [Self; 5] = [Self::Inner, Self::Left, Self::Right, Self::Full, Self::Cross];

    fn sql(self) -> &'static str {
        match self {
            Self::Inner => "INNER JOIN",
            Self::Left => "LEFT JOIN",
            Self::Right => "RIGHT JOIN",
            Self::Full => "FULL JOIN",
            Self::Cross => "CROSS JOIN",
        }
    }
}

/// Of one column, or of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    Rows,
    Count(usize),
    CountDistinct(usize),
    Sum(usize),
    Average(usize),
    Least(usize),
    Greatest(usize),
}

impl Aggregate {
    fn sql(self) -> String {
        match self {
            Self::Rows => "COUNT(*)".to_owned(),
            Self::Count(at) => format!("COUNT(A.C{})", at + 1),
            Self::CountDistinct(at) => format!("COUNT(DISTINCT A.C{})", at + 1),
            Self::Sum(at) => format!("SUM(A.C{})", at + 1),
            Self::Average(at) => format!("AVG(A.C{})", at + 1),
            Self::Least(at) => format!("MIN(A.C{})", at + 1),
            Self::Greatest(at) => format!("MAX(A.C{})", at + 1),
        }
    }

    fn kind(self, columns: &[Kind]) -> Kind {
        let of = |at: usize| columns.get(at).copied().unwrap_or(Integer);
        match self {
            Self::Rows | Self::Count(_) | Self::CountDistinct(_) => Integer,
            // More decimals than the column, and exact all the same: a sum and a count.
            Self::Average(_) => Decimal,
            Self::Sum(at) | Self::Least(at) | Self::Greatest(at) => of(at),
        }
    }
}

/// A window function. Those with an order have all columns in it: rows that are still equal are
/// equal whichever is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    RowNumber,
    Rank,
    Lag(usize),
    RunningSum(usize),
    Sum(usize),
    Rows,
    Least(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Of the script's tables, from 0.
    Table(usize),
    Select {
        from: Box<Query>,
        columns: Vec<Expr>,
        filter: Option<Expr>,
        distinct: bool,
    },
    /// `columns` are of both sides, the left one's first.
    Join {
        kind: JoinKind,
        left: Box<Query>,
        right: Box<Query>,
        on: Vec<(usize, usize)>,
        columns: Vec<usize>,
    },
    /// `having` keeps groups of more rows than that.
    Group {
        from: Box<Query>,
        keys: Vec<usize>,
        aggregates: Vec<Aggregate>,
        having: Option<usize>,
    },
    Union {
        all: bool,
        left: Box<Query>,
        right: Box<Query>,
    },
    /// The source's columns and one more. `first` keeps so many rows of each partition by QUALIFY.
    Window {
        from: Box<Query>,
        function: Window,
        partition: Vec<usize>,
        first: Option<usize>,
    },
    /// The source's columns, a part of the text in `column`, and which part.
    Flatten {
        from: Box<Query>,
        column: usize,
    },
}

impl Query {
    /// The kinds of its columns. `tables` has those of the script's tables.
    pub fn columns(&self, tables: &[Vec<Kind>]) -> Vec<Kind> {
        match self {
            Self::Table(at) => tables.get(*at).cloned().unwrap_or_default(),
            Self::Select { from, columns, .. } => {
                let source = from.columns(tables);
                columns.iter().map(|it| it.kind(&source)).collect()
            }
            Self::Join { left, right, columns, .. } => {
                let mut both = left.columns(tables);
                both.extend(right.columns(tables));
                columns.iter().filter_map(|it| both.get(*it).copied()).collect()
            }
            Self::Group { from, keys, aggregates, .. } => {
                let source = from.columns(tables);
                let keys = keys.iter().filter_map(|it| source.get(*it).copied());
                keys.chain(aggregates.iter().map(|it| it.kind(&source))).collect()
            }
            Self::Union { left, .. } => left.columns(tables),
            Self::Window { from, function, .. } => {
                let mut columns = from.columns(tables);
                let of = |at: usize| columns.get(at).copied().unwrap_or(Integer);
                columns.push(match function {
                    Window::RowNumber | Window::Rank | Window::Rows => Integer,
                    Window::Lag(at)
                    | Window::RunningSum(at)
                    | Window::Sum(at)
                    | Window::Least(at) => of(*at),
                });
                columns
            }
            Self::Flatten { from, .. } => {
                let mut columns = from.columns(tables);
                columns.extend([Text, Integer]);
                columns
            }
        }
    }

    /// The parts that it is made of.
    pub fn sources(&self) -> Vec<&Self> {
        match self {
            Self::Table(_) => Vec::new(),
            Self::Select { from, .. }
            | Self::Group { from, .. }
            | Self::Window { from, .. }
            | Self::Flatten { from, .. } => vec![from],
            Self::Join { left, right, .. } | Self::Union { left, right, .. } => vec![left, right],
        }
    }

    pub fn sources_mut(&mut self) -> Vec<&mut Self> {
        match self {
            Self::Table(_) => Vec::new(),
            Self::Select { from, .. }
            | Self::Group { from, .. }
            | Self::Window { from, .. }
            | Self::Flatten { from, .. } => vec![from],
            Self::Join { left, right, .. } | Self::Union { left, right, .. } => vec![left, right],
        }
    }

    /// The tables that it reads, each as often as it does.
    pub fn tables(&self) -> Vec<usize> {
        match self {
            Self::Table(at) => vec![*at],
            other => other.sources().into_iter().flat_map(Self::tables).collect(),
        }
    }

    /// How many operators deep it is.
    pub fn depth(&self) -> usize {
        match self {
            Self::Table(_) => 0,
            other => 1 + other.sources().into_iter().map(Self::depth).max().unwrap_or_default(),
        }
    }
}

impl Query {
    /// Whether every part reads only what is there, of the kind that it needs.
    pub fn fits(&self, tables: &[Vec<Kind>]) -> bool {
        let fits = match self {
            Self::Table(at) => *at < tables.len(),
            Self::Select { from, columns, filter, .. } => {
                let source = from.columns(tables);
                let filter_fits = filter
                    .as_ref()
                    .is_none_or(|it| it.fits(&source) && it.kind(&source) == Boolean);
                !columns.is_empty() && columns.iter().all(|it| it.fits(&source)) && filter_fits
            }
            Self::Join { kind, left, right, on, columns } => {
                let (left, right) = (left.columns(tables), right.columns(tables));
                let count = left.len() + right.len();
                let pair_fits = |it: &(usize, usize)| {
                    left.get(it.0).is_some_and(|of| right.get(it.1) == Some(of))
                };
                !columns.is_empty()
                    && columns.iter().all(|it| *it < count)
                    && on.iter().all(pair_fits)
                    && (*kind == JoinKind::Cross || !on.is_empty())
            }
            Self::Group { from, keys, aggregates, .. } => {
                let source = from.columns(tables);
                !(keys.is_empty() && aggregates.is_empty())
                    && keys.iter().all(|it| *it < source.len())
                    && aggregates.iter().all(|it| it.fits(&source))
            }
            Self::Union { left, right, .. } => left.columns(tables) == right.columns(tables),
            Self::Window { from, function, partition, .. } => {
                let source = from.columns(tables);
                partition.iter().all(|it| *it < source.len())
                    && match function {
                        Window::RowNumber | Window::Rank | Window::Rows => true,
                        Window::Lag(at) => *at < source.len(),
                        Window::RunningSum(at) | Window::Sum(at) => {
                            source.get(*at).is_some_and(|it| it.is_number())
                        }
                        Window::Least(at) => source.get(*at).is_some_and(|it| *it != Boolean),
                    }
            }
            Self::Flatten { from, column } => from.columns(tables).get(*column) == Some(&Text),
        };
        fits && self.sources().into_iter().all(|it| it.fits(tables))
    }
}

impl Aggregate {
    fn fits(self, source: &[Kind]) -> bool {
        match self {
            Self::Rows => true,
            Self::Count(at) | Self::CountDistinct(at) => at < source.len(),
            Self::Sum(at) | Self::Average(at) => source.get(at).is_some_and(|it| it.is_number()),
            Self::Least(at) | Self::Greatest(at) => source.get(at).is_some_and(|it| *it != Boolean),
        }
    }
}

impl Expr {
    fn fits(&self, source: &[Kind]) -> bool {
        match self {
            Self::Column(at) => *at < source.len(),
            Self::Literal(_) => true,
            Self::Call(template, arguments) => {
                template.arguments.len() == arguments.len()
                    && template
                        .arguments
                        .iter()
                        .zip(arguments)
                        .all(|(kind, it)| it.kind(source) == *kind && it.fits(source))
            }
        }
    }

    pub fn kind(&self, source: &[Kind]) -> Kind {
        match self {
            Self::Column(at) => source.get(*at).copied().unwrap_or(Integer),
            Self::Literal(text) => {
                Kind::ALL.into_iter().find(|it| literals(*it).contains(text)).unwrap_or(Integer)
            }
            Self::Call(template, _) => template.kind,
        }
    }
}

/// How the parts of a definition are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// Inside of each other.
    Nested,
    /// WITH Q1 AS (…), …
    Named,
}

/// A definition as SQL.
pub fn sql(query: &Query, parts: Parts, tables: &[Vec<Kind>]) -> String {
    let mut printer = Printer { tables, named: (parts == Parts::Named).then(Vec::new) };
    let body = printer.select(query);
    match printer.named {
        Some(named) if !named.is_empty() => {
            let each = named.iter().enumerate();
            let each: Vec<String> =
                each.map(|(at, sql)| format!("Q{} AS ({sql})", at + 1)).collect();
            format!("WITH {} {body}", each.join(", "))
        }
        _ => body,
    }
}

struct Printer<'a> {
    tables: &'a [Vec<Kind>],
    named: Option<Vec<String>>,
}

impl Printer<'_> {
    fn source(&mut self, query: &Query, alias: &str) -> String {
        match query {
            Query::Table(at) => format!("B{} AS {alias}", at + 1),
            other => {
                let sql = self.select(other);
                match &mut self.named {
                    Some(named) => {
                        named.push(sql);
                        format!("Q{} AS {alias}", named.len())
                    }
                    None => format!("({sql}) AS {alias}"),
                }
            }
        }
    }

    fn all(&self, query: &Query, alias: &str) -> Vec<String> {
        let count = query.columns(self.tables).len();
        (1..=count).map(|it| format!("{alias}.C{it}")).collect()
    }

    fn select(&mut self, query: &Query) -> String {
        match query {
            Query::Table(_) => {
                let columns = self.all(query, "A").join(", ");
                format!("SELECT {columns} FROM {}", self.source(query, "A"))
            }
            Query::Select { from, columns, filter, distinct } => {
                let columns = columns.iter().map(|it| it.sql("A"));
                let distinct = if *distinct { "DISTINCT " } else { "" };
                let mut sql =
                    format!("SELECT {distinct}{} FROM {}", named(columns), self.source(from, "A"));
                if let Some(filter) = filter {
                    let _ = write!(sql, " WHERE {}", filter.sql("A"));
                }
                sql
            }
            Query::Join { kind, left, right, on, columns } => {
                let mut both = self.all(left, "A");
                both.extend(self.all(right, "B"));
                let columns = columns.iter().filter_map(|it| both.get(*it).cloned());
                let columns = named(columns);
                let left = self.source(left, "A");
                let right = self.source(right, "B");
                let mut sql = format!("SELECT {columns} FROM {left} {} {right}", kind.sql());
                if *kind != JoinKind::Cross {
                    let on = on.iter().map(|(l, r)| format!("A.C{} = B.C{}", l + 1, r + 1));
                    let _ = write!(sql, " ON {}", on.collect::<Vec<_>>().join(" AND "));
                }
                sql
            }
            Query::Group { from, keys, aggregates, having } => {
                let keys: Vec<String> = keys.iter().map(|it| format!("A.C{}", it + 1)).collect();
                let columns = keys.iter().cloned().chain(aggregates.iter().map(|it| it.sql()));
                let mut sql = format!("SELECT {} FROM {}", named(columns), self.source(from, "A"));
                if !keys.is_empty() {
                    let _ = write!(sql, " GROUP BY {}", keys.join(", "));
                }
                if let Some(rows) = having {
                    let _ = write!(sql, " HAVING COUNT(*) > {rows}");
                }
                sql
            }
            Query::Union { all, left, right } => {
                let word = if *all { "UNION ALL" } else { "UNION" };
                let left = self.operand(left);
                let right = self.operand(right);
                format!("{left} {word} {right}")
            }
            Query::Window { from, function, partition, first } => {
                let order = self.all(from, "A");
                let partition: Vec<String> =
                    partition.iter().map(|it| format!("A.C{}", it + 1)).collect();
                let by = match partition.is_empty() {
                    true => String::new(),
                    false => format!("PARTITION BY {}", partition.join(", ")),
                };
                let ordered = format!("{by} ORDER BY {}", order.join(", ")).trim_start().to_owned();
                let function = match function {
                    Window::RowNumber => format!("ROW_NUMBER() OVER ({ordered})"),
                    Window::Rank => format!("RANK() OVER ({ordered})"),
                    Window::Lag(at) => format!("LAG(A.C{}) OVER ({ordered})", at + 1),
                    Window::RunningSum(at) => format!(
                        "SUM(A.C{}) OVER ({ordered} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT \
                         ROW)",
                        at + 1
                    ),
                    Window::Sum(at) => format!("SUM(A.C{}) OVER ({by})", at + 1),
                    Window::Rows => format!("COUNT(*) OVER ({by})"),
                    Window::Least(at) => format!("MIN(A.C{}) OVER ({by})", at + 1),
                };
                let columns = order.into_iter().chain([function]);
                let mut sql = format!("SELECT {} FROM {}", named(columns), self.source(from, "A"));
                if let Some(first) = first {
                    let _ = write!(sql, " QUALIFY ROW_NUMBER() OVER ({ordered}) <= {first}");
                }
                sql
            }
            Query::Flatten { from, column } => {
                let columns = self.all(from, "A").into_iter();
                let parts = ["F.VALUE::VARCHAR".to_owned(), "F.INDEX".to_owned()];
                let columns = named(columns.chain(parts));
                let from = self.source(from, "A");
                let column = column + 1;
                format!(
                    "SELECT {columns} FROM {from}, LATERAL FLATTEN(INPUT => SPLIT(A.C{column}, \
                     ',')) AS F"
                )
            }
        }
    }

    /// A side of a union. A union within it keeps to itself.
    fn operand(&mut self, query: &Query) -> String {
        match query {
            Query::Union { .. } => {
                let columns = self.all(query, "A").join(", ");
                format!("SELECT {columns} FROM {}", self.source(query, "A"))
            }
            other => self.select(other),
        }
    }
}

fn named(columns: impl Iterator<Item = String>) -> String {
    let each = columns.enumerate().map(|(at, sql)| format!("{sql} AS C{}", at + 1));
    each.collect::<Vec<_>>().join(", ")
}
