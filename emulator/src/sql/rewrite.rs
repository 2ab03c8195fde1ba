//! From Snowflake's syntax trees to ones that DataFusion plans.
//!
//! Only shapes change here: names of functions, casts as calls, output names, context functions
//! as literals, table functions and time travel as names of prepared relations. What names stand
//! for is [`super::scope`]'s, what functions compute is [`super::functions`]'.

use super::lookup::{self, Standing};
use crate::{
    engine::{Bind, BindValues},
    error::SqlError,
    types::DataType,
};
use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, Query, Select, SelectItem, SetExpr, TableAlias,
    TableFactor, TableVersion, Value, VisitMut, VisitorMut,
};
use std::{
    collections::{BTreeMap, HashSet},
    ops::ControlFlow,
};

/// Table functions of Snowflake, most of them read the relation before them, that are not here.
const LACKING_TABLE_FUNCTIONS: &[&str] = &[
    "DYNAMIC_TABLE_REFRESH_BOUNDARY",
    "INFER_SCHEMA",
    "SPLIT_TO_TABLE",
    "STRTOK_SPLIT_TO_TABLE",
    "VALIDATE",
];
/// Prefix of function names that stand for casts: `__CAST NUMBER(10,2)`.
pub const CAST_PREFIX: &str = "__CAST ";
pub const TRY_CAST_PREFIX: &str = "__TRY_CAST ";
/// The generator's hidden column of row numbers.
pub const ROW_NUMBER_COLUMN: &str = "__ROW";
/// Separates a name from what makes it unique within a projection; cut off again in results.
pub const UNIQUE_MARK: char = '\u{1}';

/// A relation that is not a plain name: prepared before planning, and planned under a name of
/// its own.
#[derive(Clone, Debug)]
pub enum Prepared {
    /// `TABLE(f(…))`, arguments still to be evaluated.
    Function { name: String, arguments: Vec<(Option<String>, Expr)> },
    /// `LATERAL FLATTEN(…)` and `TABLE(FLATTEN(…))`, arguments still to be planned.
    Flatten { arguments: Vec<(Option<String>, Expr)> },
    /// `t AT(…)` and `t BEFORE(…)`.
    Version { table: ObjectName, before: bool, kind: String, point: Box<Expr> },
}

/// What the statement's surroundings give to rewriting.
pub trait Surroundings {
    /// The value of a context function such as `CURRENT_WAREHOUSE`, or `None` if it is none.
    fn context_function(&self, name: &str, arguments: &[Expr]) -> Option<Result<Expr, SqlError>>;
    /// The value of a session variable `$name`.
    fn variable(&self, name: &str) -> Option<Expr>;
    /// The columns of `SELECT *` over these relations, as expressions.
    fn columns_of(
        &self,
        with: Vec<ast::With>,
        from: &[ast::TableWithJoins],
        prepared: &[Prepared],
    ) -> Result<Vec<Expr>, SqlError>;
}

/// What rewriting found out.
#[derive(Debug, Default)]
pub struct Rewritten {
    /// Under the names `__PREPARED 0`, `__PREPARED 1`, …
    pub prepared: Vec<Prepared>,
    /// `SYSTEM$WAIT` and its like: to be waited before the rows are computed.
    pub wait_seconds: f64,
}

pub fn prepared_name(index: usize) -> String {
    format!("__PREPARED {index}")
}

/// Rewrites a tree in place.
pub fn rewrite<T: VisitMut>(
    tree: &mut T,
    binds: &BTreeMap<String, Bind>,
    surroundings: &dyn Surroundings,
) -> Result<Rewritten, SqlError> {
    let mut rewriter = Rewriter {
        binds,
        surroundings,
        done: Rewritten::default(),
        next_bind: 1,
        with: Vec::new(),
    };
    match tree.visit(&mut rewriter) {
        ControlFlow::Continue(()) => Ok(rewriter.done),
        ControlFlow::Break(error) => Err(*error),
    }
}

struct Rewriter<'a> {
    binds: &'a BTreeMap<String, Bind>,
    surroundings: &'a dyn Surroundings,
    done: Rewritten,
    next_bind: usize,
    /// `WITH` clauses around the place being visited.
    with: Vec<Option<ast::With>>,
}

type Flow = ControlFlow<Box<SqlError>>;

fn flow(result: Result<(), SqlError>) -> Flow {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(Box::new(error)),
    }
}

impl VisitorMut for Rewriter<'_> {
    type Break = Box<SqlError>;

    fn pre_visit_query(&mut self, query: &mut Query) -> Flow {
        if let Some(what) = ignored_in_query(query) {
            return ControlFlow::Break(Box::new(SqlError::not_implemented(what)));
        }
        if let SetExpr::SetOperation { op, .. } = query.body.as_mut()
            && *op == ast::SetOperator::Minus
        {
            *op = ast::SetOperator::Except;
        }
        self.with.push(query.with.clone());
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> Flow {
        self.with.pop();
        flow(name_value_columns(query))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> Flow {
        let join = select.from.iter().flat_map(|it| &it.joins).find_map(lacking_join);
        if let Some(what) = ignored_in_select(select).or(join) {
            return ControlFlow::Break(Box::new(SqlError::not_implemented(what)));
        }
        name_outputs(select);
        if select.from.iter().any(has_generator) {
            let mut numbering = NumberRows;
            for item in &mut select.projection {
                if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item
                {
                    let _ = expr.visit(&mut numbering);
                }
            }
            if let Some(selection) = &mut select.selection {
                let _ = selection.visit(&mut numbering);
            }
        }
        ControlFlow::Continue(())
    }

    /// `HASH_AGG(*)` needs the columns of the relations, which are rewritten by now.
    fn post_visit_select(&mut self, select: &mut Select) -> Flow {
        let mut finder = FindWildcards { found: false };
        let _ = select.projection.visit(&mut finder);
        let _ = select.having.visit(&mut finder);
        let _ = select.qualify.visit(&mut finder);
        if !finder.found {
            return ControlFlow::Continue(());
        }
        let with = self.with.iter().flatten().cloned().collect();
        flow(self.surroundings.columns_of(with, &select.from, &self.done.prepared).map(|columns| {
            let mut expand = ExpandWildcards { columns };
            let _ = select.projection.visit(&mut expand);
            let _ = select.having.visit(&mut expand);
            let _ = select.qualify.visit(&mut expand);
        }))
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> Flow {
        flow(self.table_factor(factor))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> Flow {
        flow(self.before(expr))
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> Flow {
        flow(self.after(expr))
    }
}

impl Rewriter<'_> {
    fn table_factor(&mut self, factor: &mut TableFactor) -> Result<(), SqlError> {
        if let Some(what) = lacking_in_factor(factor) {
            return Err(SqlError::not_implemented(what));
        }
        match factor {
            TableFactor::TableFunction { expr, alias } => {
                let Expr::Function(function) = expr else {
                    return Err(SqlError::not_implemented(format!("TABLE({expr})")));
                };
                let name = last_name(&function.name).to_uppercase();
                if LACKING_TABLE_FUNCTIONS.contains(&name.as_str()) {
                    return Err(SqlError::not_implemented(format!("the table function {name}")));
                }
                let arguments = named_arguments(&function.args)?;
                self.done.prepared.push(match name.as_str() {
                    "FLATTEN" => Prepared::Flatten { arguments },
                    _ => Prepared::Function { name, arguments },
                });
                *factor = named_relation(prepared_name(self.done.prepared.len() - 1), alias.take());
            }
            TableFactor::Function { name, args, alias, .. }
                if last_name(name).eq_ignore_ascii_case("FLATTEN") =>
            {
                let arguments = args.iter().map(named_argument).collect::<Result<_, _>>()?;
                self.done.prepared.push(Prepared::Flatten { arguments });
                let alias = alias.take().or_else(|| Some(alias_named("FLATTEN")));
                *factor = named_relation(prepared_name(self.done.prepared.len() - 1), alias);
            }
            TableFactor::Function { name, .. } => {
                return Err(SqlError::not_implemented(format!("table function {name}")));
            }
            TableFactor::Table { name, alias, version, args: None, .. } => {
                let Some(version) = version.take() else { return Ok(()) };
                let TableVersion::Function(Expr::Function(function)) = version else {
                    return Err(SqlError::not_implemented(format!("time travel as `{version}`")));
                };
                let before = last_name(&function.name).eq_ignore_ascii_case("BEFORE");
                let mut arguments = named_arguments(&function.args)?;
                let (Some((Some(kind), point)), true) = (arguments.pop(), arguments.is_empty())
                else {
                    return Err(SqlError::not_implemented(format!("time travel as `{function}`")));
                };
                let alias = alias.take().or_else(|| Some(alias_named(last_name(name))));
                let prepared =
                    Prepared::Version { table: name.clone(), before, kind, point: Box::new(point) };
                self.done.prepared.push(prepared);
                *factor = named_relation(prepared_name(self.done.prepared.len() - 1), alias);
            }
            TableFactor::Table { name, args: Some(_), .. } => {
                return Err(SqlError::not_implemented(format!("table function {name}")));
            }
            _ => {}
        }
        Ok(())
    }

    fn before(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
        match expr {
            Expr::Function(function) => self.function(function).map(|it| {
                if let Some(it) = it {
                    *expr = it;
                }
            }),
            Expr::Identifier(ident) if ident.quote_style.is_none() => {
                // Context functions may be written without parentheses.
                if let Some(value) = bare_context_function(&ident.value)
                    .then(|| self.surroundings.context_function(&ident.value, &[]))
                    .flatten()
                {
                    *expr = value?;
                }
                Ok(())
            }
            Expr::Value(value) => {
                let Value::Placeholder(text) = &value.value else { return Ok(()) };
                let replacement = match text.as_str() {
                    "?" => {
                        let position = self.next_bind;
                        self.next_bind += 1;
                        self.bind(&position.to_string())?
                    }
                    text => {
                        let name = &text[1..];
                        match self.binds.contains_key(name) {
                            true => self.bind(name)?,
                            false => self
                                .surroundings
                                .variable(&name.to_uppercase())
                                .map_or_else(|| self.unset(text), Ok)?,
                        }
                    }
                };
                *expr = replacement;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn function(&mut self, function: &mut Function) -> Result<Option<Expr>, SqlError> {
        let name = last_name(&function.name).to_uppercase();
        if function.name.0.len() == 1 {
            function.name = ObjectName::from(vec![Ident::with_quote('"', &name)]);
        }
        if lookup::is_internal(&name) {
            return Err(unknown_function(function));
        }
        let arguments = positional_arguments(&function.args);
        if let Some(value) = self.surroundings.context_function(&name, &arguments) {
            return value.map(Some);
        }
        match name.as_str() {
            "SYSTEM$WAIT" => {
                let (seconds, text) = wait(&arguments)?;
                self.done.wait_seconds += seconds;
                return Ok(Some(text_literal(text)));
            }
            "DATEADD" | "TIMEADD" | "TIMESTAMPADD" | "DATEDIFF" | "TIMEDIFF" | "TIMESTAMPDIFF"
            | "DATE_PART" | "DATE_TRUNC" | "TRUNC" => unquote_part(&mut function.args, 0),
            "LAST_DAY" => unquote_part(&mut function.args, 1),
            _ => {}
        }
        if name == "COUNT"
            && let FunctionArguments::List(list) = &mut function.args
            && list.args.len() > 1
            && list.duplicate_treatment == Some(ast::DuplicateTreatment::Distinct)
        {
            list.duplicate_treatment = None;
            function.name = ObjectName::from(vec![Ident::with_quote('"', "SF_COUNT_DISTINCT")]);
        }
        if name == "LISTAGG" || name == "ARRAY_AGG" {
            move_order_into_call(function);
        }
        Ok(None)
    }

    /// A marker that is neither a bind nor a variable. `$1` is a column by its position.
    fn unset(&self, text: &str) -> Result<Expr, SqlError> {
        let name = &text[1..];
        match text.starts_with('$') && name.bytes().all(|it| it.is_ascii_digit()) {
            true => Err(SqlError::not_implemented(format!("the column {text}, by its position"))),
            false => self.bind(name),
        }
    }

    fn bind(&self, name: &str) -> Result<Expr, SqlError> {
        let Some(bind) = self.binds.get(name) else {
            return Err(SqlError::new(
                2049,
                "22000",
                format!(
                    "SQL compilation error: error line 0 at position -1\nBind variable :{name} not set."
                ),
            ));
        };
        let BindValues::One(value) = &bind.values else {
            return Err(SqlError::not_implemented("array binds outside INSERT … VALUES"));
        };
        bind_literal(&bind.type_name, value.as_deref())
    }

    fn after(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
        let replacement = match expr {
            Expr::Cast { kind, expr: inner, data_type, .. } => {
                let target = DataType::parse(&data_type.to_string())?;
                let prefix = match kind {
                    ast::CastKind::Cast | ast::CastKind::DoubleColon => CAST_PREFIX,
                    ast::CastKind::TryCast | ast::CastKind::SafeCast => TRY_CAST_PREFIX,
                };
                call(&format!("{prefix}{target}"), vec![take(inner)])
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                let name = if operand.is_some() { "SF_CASE_OF" } else { "SF_CASE" };
                let mut arguments: Vec<Expr> = operand.take().map(|it| *it).into_iter().collect();
                for case in std::mem::take(conditions) {
                    arguments.extend([case.condition, case.result]);
                }
                arguments.extend(else_result.take().map(|it| *it));
                call(name, arguments)
            }
            Expr::TypedString(typed) => {
                let target = DataType::parse(&typed.data_type.to_string())?;
                call(&format!("{CAST_PREFIX}{target}"), vec![Expr::Value(typed.value.clone())])
            }
            Expr::Extract { field, expr: inner, .. } => {
                call("DATE_PART", vec![text_literal(field.to_string()), take(inner)])
            }
            Expr::Ceil {
                expr: inner,
                field: ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime),
            } => call("CEIL", vec![take(inner)]),
            Expr::Floor {
                expr: inner,
                field: ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime),
            } => call("FLOOR", vec![take(inner)]),
            Expr::Position { expr: needle, r#in } => {
                call("POSITION", vec![take(needle), take(r#in)])
            }
            Expr::Substring { expr: inner, substring_from, substring_for, .. } => {
                let mut arguments = vec![take(inner)];
                arguments.extend(substring_from.as_mut().map(|it| take(it)));
                arguments.extend(substring_for.as_mut().map(|it| take(it)));
                call("SUBSTR", arguments)
            }
            Expr::RLike { negated, expr: inner, pattern, .. } => {
                negate_if(*negated, call("REGEXP_LIKE", vec![take(inner), take(pattern)]))
            }
            Expr::JsonAccess { value, path } => {
                let path = path.to_string();
                let path = path.strip_prefix(':').unwrap_or(&path).to_owned();
                call("GET_PATH", vec![take(value), text_literal(path)])
            }
            Expr::Like { negated, any: true, expr: inner, pattern, escape_char } => {
                like_any(*negated, inner, pattern, escape_char, false)
            }
            Expr::ILike { negated, any: true, expr: inner, pattern, escape_char } => {
                like_any(*negated, inner, pattern, escape_char, true)
            }
            Expr::Array(array) => call("ARRAY_CONSTRUCT", std::mem::take(&mut array.elem)),
            Expr::Dictionary(fields) => {
                let pairs = std::mem::take(fields).into_iter();
                let pairs = pairs.flat_map(|it| [text_literal(it.key.value), *it.value]);
                call("OBJECT_CONSTRUCT", pairs.collect())
            }
            // `1e0` is a FLOAT; the planner would make it a number of no decimals.
            Expr::Value(value) => match &value.value {
                Value::Number(text, _) if text.contains(['e', 'E']) => {
                    call(&format!("{CAST_PREFIX}FLOAT"), vec![text_literal(text.as_str())])
                }
                _ => return Ok(()),
            },
            Expr::Function(function) => {
                check_known(function)?;
                return Ok(());
            }
            _ => return Ok(()),
        };
        *expr = replacement;
        Ok(())
    }
}

/// `002140`, in Snowflake's words rather than the planner's.
fn check_known(function: &Function) -> Result<(), SqlError> {
    let name = last_name(&function.name);
    if name.starts_with(CAST_PREFIX) || name.starts_with(TRY_CAST_PREFIX) {
        return Ok(());
    }
    let standing = match function.name.0.as_slice() {
        [_] => lookup::standing(name),
        [schema, ..] if schema.as_ident().is_some_and(|it| it.value == "SNOWFLAKE") => {
            Standing::Lacking
        }
        // Functions of a schema are the user's own, and there are none.
        _ => Standing::Unknown,
    };
    match standing {
        // The code and text are this emulator's.
        Standing::OnlyOver if function.over.is_none() => Err(SqlError::new(
            2040,
            "42601",
            format!("SQL compilation error:\nMissing OVER clause of window function {name}"),
        )),
        Standing::Known | Standing::OnlyOver => Ok(()),
        Standing::Lacking => {
            Err(SqlError::not_implemented(format!("the function {}", dotted(&function.name))))
        }
        Standing::Unknown => Err(unknown_function(function)),
    }
}

fn unknown_function(function: &Function) -> SqlError {
    SqlError::new(
        2140,
        "42601",
        format!("SQL compilation error:\nUnknown function {}", dotted(&function.name)),
    )
}

/// What the planner leaves out without a word, and would answer wrongly for it.
fn ignored_in_query(query: &Query) -> Option<&'static str> {
    [
        (!query.locks.is_empty(), "FOR UPDATE"),
        (query.fetch.is_some(), "FETCH"),
        (query.for_clause.is_some(), "FOR XML and FOR JSON"),
        (query.settings.is_some(), "SETTINGS"),
        (query.format_clause.is_some(), "FORMAT"),
        (!query.pipe_operators.is_empty(), "the pipe operator |>"),
    ]
    .into_iter()
    .find_map(|(is_there, what)| is_there.then_some(what))
}

/// The same of a SELECT.
fn ignored_in_select(select: &Select) -> Option<&'static str> {
    [
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (select.projection.iter().any(has_ilike), "ILIKE after *"),
        (select.into.is_some(), "SELECT … INTO"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (select.exclude.is_some(), "EXCLUDE after the select list"),
        (select.value_table_mode.is_some(), "SELECT AS VALUE and SELECT AS STRUCT"),
        (matches!(select.distinct, Some(ast::Distinct::On(_))), "DISTINCT ON"),
    ]
    .into_iter()
    .find_map(|(is_there, what)| is_there.then_some(what))
}

fn has_ilike(item: &SelectItem) -> bool {
    match item {
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
            options.opt_ilike.is_some()
        }
        _ => false,
    }
}

/// Joins that Snowflake does not have, or that the planner does not.
fn lacking_join(join: &ast::Join) -> Option<&'static str> {
    use ast::JoinOperator as Join;
    match &join.join_operator {
        Join::AsOf { .. } => Some("ASOF JOIN"),
        Join::Semi(_) | Join::LeftSemi(_) | Join::RightSemi(_) => Some("SEMI JOIN"),
        Join::Anti(_) | Join::LeftAnti(_) | Join::RightAnti(_) => Some("ANTI JOIN"),
        Join::CrossApply | Join::OuterApply => Some("APPLY"),
        Join::StraightJoin(_) => Some("STRAIGHT_JOIN"),
        Join::ArrayJoin | Join::LeftArrayJoin | Join::InnerArrayJoin => Some("ARRAY JOIN"),
        Join::Join(_)
        | Join::Inner(_)
        | Join::Left(_)
        | Join::LeftOuter(_)
        | Join::Right(_)
        | Join::RightOuter(_)
        | Join::FullOuter(_)
        | Join::CrossJoin(_) => None,
    }
}

/// What is not implemented of a relation: left out by the planner, or refused with a printout of
/// the tree.
fn lacking_in_factor(factor: &TableFactor) -> Option<String> {
    let what = match factor {
        TableFactor::Table { sample: Some(_), .. }
        | TableFactor::Derived { sample: Some(_), .. } => "SAMPLE",
        TableFactor::Table { json_path: Some(_), .. } => "a path after a table's name",
        TableFactor::Table { partitions, .. } if !partitions.is_empty() => "PARTITION of a table",
        TableFactor::Table { with_hints, index_hints, .. }
            if !with_hints.is_empty() || !index_hints.is_empty() =>
        {
            "hints after a table's name"
        }
        TableFactor::Table { with_ordinality: true, .. } => "WITH ORDINALITY",
        TableFactor::Table { name, .. } if last_name(name).starts_with('@') => {
            return Some(format!("the stage {name}"));
        }
        TableFactor::Pivot { .. } => "PIVOT",
        TableFactor::Unpivot { .. } => "UNPIVOT",
        TableFactor::MatchRecognize { .. } => "MATCH_RECOGNIZE",
        TableFactor::UNNEST { .. } => "UNNEST",
        TableFactor::NestedJoin { table_with_joins, .. } => {
            return table_with_joins.joins.iter().find_map(lacking_join).map(str::to_owned);
        }
        TableFactor::Table { .. }
        | TableFactor::Derived { .. }
        | TableFactor::TableFunction { .. }
        | TableFactor::Function { .. } => return None,
        other => return Some(other.to_string()),
    };
    Some(what.to_owned())
}

/// Snowflake calls the columns of VALUES `COLUMN1`, `COLUMN2`, …; the planner does so in lower
/// case.
fn name_value_columns(query: &mut Query) -> Result<(), SqlError> {
    let SetExpr::Values(values) = query.body.as_ref() else { return Ok(()) };
    let columns = values.rows.first().map_or(0, |it| it.content.len());
    let list: Vec<String> =
        (1..=columns).map(|it| format!("\"column{it}\" AS COLUMN{it}")).collect();
    let mut named = super::text::parse_query(&format!("SELECT {} FROM X", list.join(", ")))?;
    std::mem::swap(&mut query.body, &mut named.body);
    if let SetExpr::Select(select) = query.body.as_mut()
        && let Some(from) = select.from.first_mut()
    {
        from.relation = TableFactor::Derived {
            lateral: false,
            subquery: Box::new(named),
            alias: None,
            sample: None,
        };
    }
    Ok(())
}

fn like_any(
    negated: bool,
    inner: &mut Expr,
    pattern: &mut Expr,
    escape: &Option<ast::ValueWithSpan>,
    insensitive: bool,
) -> Expr {
    let inner = take(inner);
    let patterns = match take(pattern) {
        Expr::Tuple(patterns) => patterns,
        Expr::Nested(pattern) => vec![*pattern],
        pattern => vec![pattern],
    };
    let alternatives = patterns.into_iter().map(|pattern| {
        let (expr, pattern, escape_char) =
            (Box::new(inner.clone()), Box::new(pattern), escape.clone());
        match insensitive {
            true => Expr::ILike { negated: false, any: false, expr, pattern, escape_char },
            false => Expr::Like { negated: false, any: false, expr, pattern, escape_char },
        }
    });
    let any = alternatives
        .reduce(|left, right| Expr::BinaryOp {
            left: Box::new(left),
            op: BinaryOperator::Or,
            right: Box::new(right),
        })
        .unwrap_or_else(|| boolean_literal(false));
    negate_if(negated, Expr::Nested(Box::new(any)))
}

fn negate_if(negated: bool, expr: Expr) -> Expr {
    match negated {
        true => Expr::UnaryOp { op: ast::UnaryOperator::Not, expr: Box::new(expr) },
        false => expr,
    }
}

/// `SYSTEM$WAIT(amount [, unit])`: how long, and what it answers.
fn wait(arguments: &[Expr]) -> Result<(f64, String), SqlError> {
    let amount: f64 = match arguments.first() {
        Some(Expr::Value(value)) => match &value.value {
            Value::Number(text, _) => text.parse().ok(),
            _ => None,
        },
        _ => None,
    }
    .ok_or_else(|| SqlError::not_implemented("SYSTEM$WAIT of anything but a number literal"))?;
    let unit = match arguments.get(1) {
        None => "seconds".to_owned(),
        Some(Expr::Value(value)) => {
            value.value.clone().into_string().unwrap_or_default().to_lowercase()
        }
        Some(other) => return Err(SqlError::not_implemented(format!("SYSTEM$WAIT in {other}"))),
    };
    let factor = match unit.trim_end_matches('s') {
        "day" => 86_400.0,
        "hour" => 3_600.0,
        "minute" => 60.0,
        "second" => 1.0,
        "millisecond" => 0.001,
        _ => return Err(SqlError::not_implemented(format!("SYSTEM$WAIT in {unit}"))),
    };
    Ok((amount * factor, format!("waited {amount} {unit}")))
}

/// `DATEADD(day, …)`: the part is a word there, a text for the function.
fn unquote_part(arguments: &mut FunctionArguments, index: usize) {
    let FunctionArguments::List(list) = arguments else { return };
    let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))) = list.args.get_mut(index) else {
        return;
    };
    if let Expr::Identifier(ident) = expr
        && is_date_part(&ident.value)
    {
        *expr = text_literal(ident.value.clone());
    }
}

/// Words that stand unquoted where a part of a date is meant.
fn is_date_part(word: &str) -> bool {
    matches!(
        word.to_uppercase().as_str(),
        "YEAR"
            | "Y"
            | "YY"
            | "YYY"
            | "YYYY"
            | "YR"
            | "YEARS"
            | "YRS"
            | "QUARTER"
            | "Q"
            | "QTR"
            | "QTRS"
            | "QUARTERS"
            | "MONTH"
            | "MM"
            | "MON"
            | "MONS"
            | "MONTHS"
            | "WEEK"
            | "W"
            | "WK"
            | "WEEKOFYEAR"
            | "WOY"
            | "WY"
            | "WEEKISO"
            | "WEEKS"
            | "DAY"
            | "D"
            | "DD"
            | "DAYS"
            | "DAYOFMONTH"
            | "DAYOFWEEK"
            | "WEEKDAY"
            | "DOW"
            | "DW"
            | "DAYOFWEEKISO"
            | "DAYOFYEAR"
            | "DOY"
            | "DY"
            | "YEARDAY"
            | "HOUR"
            | "H"
            | "HH"
            | "HR"
            | "HOURS"
            | "HRS"
            | "MINUTE"
            | "M"
            | "MI"
            | "MIN"
            | "MINUTES"
            | "MINS"
            | "SECOND"
            | "S"
            | "SEC"
            | "SECONDS"
            | "SECS"
            | "MILLISECOND"
            | "MS"
            | "MSEC"
            | "MILLISECONDS"
            | "MICROSECOND"
            | "US"
            | "USEC"
            | "MICROSECONDS"
            | "NANOSECOND"
            | "NS"
            | "NSEC"
            | "NANOSEC"
            | "NSECOND"
            | "NANOSECONDS"
            | "EPOCH_SECOND"
            | "EPOCH"
            | "EPOCH_MILLISECOND"
            | "EPOCH_MICROSECOND"
            | "EPOCH_NANOSECOND"
    )
}

/// `LISTAGG(x) WITHIN GROUP (ORDER BY y)` as DataFusion has it: `LISTAGG(x ORDER BY y)`.
fn move_order_into_call(function: &mut Function) {
    let order = std::mem::take(&mut function.within_group);
    if let (FunctionArguments::List(list), false) = (&mut function.args, order.is_empty()) {
        list.clauses.push(ast::FunctionArgumentClause::OrderBy(order));
    }
}

/// Gives every unnamed expression of a projection the name that Snowflake prints for it, made
/// unique where a name repeats.
fn name_outputs(select: &mut Select) {
    let mut taken: HashSet<String> = HashSet::new();
    for item in &mut select.projection {
        let (expr, name) = match item {
            SelectItem::ExprWithAlias { alias, .. } => {
                taken.insert(alias.value.clone());
                continue;
            }
            SelectItem::UnnamedExpr(expr) => {
                let name = output_name(expr);
                (expr, name)
            }
            _ => continue,
        };
        let is_column = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
        let mut unique = name.clone();
        let mut number = 1;
        while !taken.insert(unique.clone()) {
            number += 1;
            unique = format!("{name}{UNIQUE_MARK}{number}");
        }
        if is_column && number == 1 {
            continue;
        }
        let expr = take(expr);
        *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', unique) };
    }
}

/// As Snowflake heads the column of an expression without an alias.
fn output_name(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::CompoundIdentifier(parts) => {
            parts.last().map(|it| it.value.clone()).unwrap_or_default()
        }
        other => other.to_string().to_uppercase(),
    }
}

fn has_generator(table: &ast::TableWithJoins) -> bool {
    let is_generator = |factor: &TableFactor| match factor {
        TableFactor::TableFunction { expr: Expr::Function(function), .. } => {
            last_name(&function.name).eq_ignore_ascii_case("GENERATOR")
        }
        _ => false,
    };
    is_generator(&table.relation) || table.joins.iter().any(|it| is_generator(&it.relation))
}

/// Hands the generator's row number to the functions that count or draw by row.
struct NumberRows;

impl VisitorMut for NumberRows {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && matches!(
                last_name(&function.name).to_uppercase().as_str(),
                "SEQ1" | "SEQ2" | "SEQ4" | "SEQ8" | "RANDOM"
            )
        {
            let row = FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(Ident::new(
                ROW_NUMBER_COLUMN,
            ))));
            match &mut function.args {
                FunctionArguments::List(list) => list.args.push(row),
                arguments => {
                    *arguments = FunctionArguments::List(FunctionArgumentList {
                        duplicate_treatment: None,
                        args: vec![row],
                        clauses: vec![],
                    });
                }
            }
        }
        ControlFlow::Continue(())
    }
}

fn has_wildcard(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else { return false };
    matches!(last_name(&function.name).to_uppercase().as_str(), "HASH" | "HASH_AGG")
        && list.args.iter().any(|it| matches!(it, FunctionArg::Unnamed(FunctionArgExpr::Wildcard)))
}

struct FindWildcards {
    found: bool,
}

impl VisitorMut for FindWildcards {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            self.found |= has_wildcard(function);
        }
        ControlFlow::Continue(())
    }
}

struct ExpandWildcards {
    columns: Vec<Expr>,
}

impl VisitorMut for ExpandWildcards {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && has_wildcard(function)
            && let FunctionArguments::List(list) = &mut function.args
        {
            list.args = std::mem::take(&mut list.args)
                .into_iter()
                .flat_map(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => self
                        .columns
                        .iter()
                        .map(|it| FunctionArg::Unnamed(FunctionArgExpr::Expr(it.clone())))
                        .collect(),
                    other => vec![other],
                })
                .collect();
        }
        ControlFlow::Continue(())
    }
}

/// Functions that may be called without parentheses.
pub fn bare_context_function(name: &str) -> bool {
    matches!(
        name,
        "CURRENT_TIMESTAMP"
            | "CURRENT_DATE"
            | "CURRENT_TIME"
            | "LOCALTIMESTAMP"
            | "LOCALTIME"
            | "CURRENT_USER"
            | "CURRENT_ROLE"
            | "CURRENT_WAREHOUSE"
            | "CURRENT_DATABASE"
            | "CURRENT_SCHEMA"
    )
}

fn named_relation(name: String, alias: Option<TableAlias>) -> TableFactor {
    TableFactor::Table {
        name: ObjectName::from(vec![Ident::with_quote('"', name)]),
        alias,
        args: None,
        with_hints: vec![],
        version: None,
        with_ordinality: false,
        partitions: vec![],
        json_path: None,
        sample: None,
        index_hints: vec![],
    }
}

pub fn table_named(name: &str, alias: Option<TableAlias>) -> TableFactor {
    named_relation(name.to_owned(), alias)
}

pub fn alias_named(name: &str) -> TableAlias {
    TableAlias { explicit: true, name: Ident::with_quote('"', name), columns: vec![], at: None }
}

pub fn last_name(name: &ObjectName) -> &str {
    name.0.last().and_then(|it| it.as_ident()).map_or("", |it| it.value.as_str())
}

/// A name as messages have it: without quotes.
fn dotted(name: &ObjectName) -> String {
    let parts: Vec<&str> =
        name.0.iter().filter_map(|it| it.as_ident()).map(|it| it.value.as_str()).collect();
    parts.join(".")
}

fn positional_arguments(arguments: &FunctionArguments) -> Vec<Expr> {
    let FunctionArguments::List(list) = arguments else { return vec![] };
    list.args
        .iter()
        .filter_map(|it| match it {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        })
        .collect()
}

/// Arguments with their names, upper-cased, where they have any.
fn named_arguments(arguments: &FunctionArguments) -> Result<Vec<(Option<String>, Expr)>, SqlError> {
    let FunctionArguments::List(list) = arguments else { return Ok(vec![]) };
    list.args.iter().map(named_argument).collect()
}

fn named_argument(argument: &FunctionArg) -> Result<(Option<String>, Expr), SqlError> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok((None, expr.clone())),
        FunctionArg::Named { name, arg: FunctionArgExpr::Expr(expr), .. } => {
            Ok((Some(name.value.to_uppercase()), expr.clone()))
        }
        FunctionArg::ExprNamed {
            name: Expr::Identifier(name),
            arg: FunctionArgExpr::Expr(expr),
            ..
        } => Ok((Some(name.value.to_uppercase()), expr.clone())),
        other => Err(SqlError::not_implemented(format!("argument `{other}`"))),
    }
}

/// A bind value as a literal of its type (the wire's encodings of dates are numbers).
pub fn bind_literal(type_name: &str, value: Option<&str>) -> Result<Expr, SqlError> {
    let Some(text) = value else { return Ok(null_literal()) };
    let cast = |target: &str, text: String| {
        call(&format!("{CAST_PREFIX}{target}"), vec![text_literal(text)])
    };
    let bad = || {
        SqlError::new(100038, "22018", format!("{type_name} bind value '{text}' is not recognized"))
    };
    Ok(match type_name.to_uppercase().as_str() {
        "FIXED" => {
            let unsigned = text.strip_prefix('-').unwrap_or(text);
            if unsigned.is_empty() || !unsigned.bytes().all(|it| it.is_ascii_digit() || it == b'.')
            {
                return Err(bad());
            }
            number_literal(text)
        }
        "REAL" => cast("FLOAT", text.to_owned()),
        "BOOLEAN" => boolean_literal(matches!(text.to_lowercase().as_str(), "true" | "1")),
        "DATE" => {
            let millis: i64 = text.parse().map_err(|_| bad())?;
            let date = chrono::DateTime::from_timestamp_millis(millis).ok_or_else(bad)?;
            cast("DATE", date.date_naive().to_string())
        }
        "TIME" => {
            let nanos: i64 = text.parse().map_err(|_| bad())?;
            let time = chrono::NaiveTime::from_num_seconds_from_midnight_opt(
                (nanos / 1_000_000_000) as u32,
                (nanos % 1_000_000_000) as u32,
            );
            cast("TIME(9)", time.ok_or_else(bad)?.format("%H:%M:%S%.9f").to_string())
        }
        "TIMESTAMP_NTZ" | "TIMESTAMP" => {
            let nanos: i64 = text.parse().map_err(|_| bad())?;
            let at = chrono::DateTime::from_timestamp_nanos(nanos);
            cast("TIMESTAMP_NTZ(9)", at.format("%Y-%m-%d %H:%M:%S%.9f").to_string())
        }
        "TIMESTAMP_LTZ" => {
            let nanos: i64 = text.parse().map_err(|_| bad())?;
            let at = chrono::DateTime::from_timestamp_nanos(nanos);
            cast("TIMESTAMP_LTZ(9)", at.format("%Y-%m-%d %H:%M:%S%.9f +00:00").to_string())
        }
        "TIMESTAMP_TZ" => {
            let (nanos, offset) = text.split_once(' ').ok_or_else(bad)?;
            let nanos: i64 = nanos.parse().map_err(|_| bad())?;
            let minutes: i32 = offset.parse::<i32>().map_err(|_| bad())? - 1440;
            let zone = chrono::FixedOffset::east_opt(minutes * 60).ok_or_else(bad)?;
            let at = chrono::DateTime::from_timestamp_nanos(nanos).with_timezone(&zone);
            cast("TIMESTAMP_TZ(9)", at.format("%Y-%m-%d %H:%M:%S%.9f %:z").to_string())
        }
        "BINARY" => cast("BINARY", text.to_uppercase()),
        _ => text_literal(text.to_owned()),
    })
}

pub fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::with_quote('"', name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments
                .into_iter()
                .map(|it| FunctionArg::Unnamed(FunctionArgExpr::Expr(it)))
                .collect(),
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

pub fn text_literal(text: impl Into<String>) -> Expr {
    Expr::Value(Value::SingleQuotedString(text.into()).into())
}

pub fn number_literal(text: impl Into<String>) -> Expr {
    let text = text.into();
    match text.strip_prefix('-') {
        Some(unsigned) => Expr::UnaryOp {
            op: ast::UnaryOperator::Minus,
            expr: Box::new(Expr::Value(Value::Number(unsigned.to_owned(), false).into())),
        },
        None => Expr::Value(Value::Number(text, false).into()),
    }
}

pub fn boolean_literal(value: bool) -> Expr {
    Expr::Value(Value::Boolean(value).into())
}

pub fn null_literal() -> Expr {
    Expr::Value(Value::Null.into())
}

/// Moves an expression out of a tree that is about to be replaced.
fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, null_literal())
}
