//! How a table is refreshed: what is asked for, and what its definition allows.
//!
//! Judged by the syntax tree alone, as far as the documentation goes. What the engine can do with
//! a plan is another question, and not asked here.

use super::declared::RefreshMode;
use crate::{
    error::SqlError,
    regression::{Regression, regressed},
};
use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, Expr, GroupByExpr, JoinConstraint, JoinOperator, ObjectName, Query,
    Select, SetExpr, SetOperator, SetQuantifier, TableFactor, Visit, Visitor,
};
use std::ops::ControlFlow;

/// `REFRESH_MODE`. ADAPTIVE and CUSTOM_INCREMENTAL are not here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AskedMode {
    #[default]
    Auto,
    Full,
    Incremental,
}

/// `refresh_mode_reason` where FULL was asked for (catalogue §10.4).
pub const ASKED_FOR_FULL: &str = "USER_SPECIFIED_FULL_REFRESH";
/// The same where a table that is read is refreshed in full.
pub const UPSTREAM_IS_FULL: &str = "UPSTREAM_USES_FULL_REFRESH";
/// The documented word where nothing more exact is. What follows it is this emulator's.
const NOT_SUPPORTED: &str = "QUERY_NOT_SUPPORTED_FOR_INCREMENTAL";

/// The mode of a new table, and the reason that SHOW gives for it. `verdict` says whether the
/// definition can be refreshed incrementally, or why not. `name` is for the error, without its
/// schema.
///
/// # Errors
///
/// `002711` where INCREMENTAL is asked of a definition that cannot.
pub fn resolve_mode(
    asked: AskedMode,
    name: &str,
    verdict: Result<(), String>,
) -> Result<(RefreshMode, Option<String>), SqlError> {
    match (asked, verdict) {
        (AskedMode::Full, _) => Ok((RefreshMode::Full, Some(ASKED_FOR_FULL.to_owned()))),
        (_, Ok(())) => Ok((RefreshMode::Incremental, None)),
        (AskedMode::Auto, Err(_)) if regressed(Regression::ModeReasonMissing) => {
            Ok((RefreshMode::Full, None))
        }
        (AskedMode::Auto, Err(reason)) => Ok((RefreshMode::Full, Some(reason))),
        (AskedMode::Incremental, Err(_)) if regressed(Regression::ExceptIncremental) => {
            Ok((RefreshMode::Incremental, None))
        }
        (AskedMode::Incremental, Err(_)) => Err(SqlError::new(
            2711,
            "0A000",
            format!(
                "SQL compilation error:\nDynamic Table '{name}' is defined with REFRESH_MODE = INCREMENTAL, but the query is not supported for incremental refresh."
            ),
        )),
    }
}

/// Whether a query can be refreshed incrementally, or the reason why not. A view's query is to be
/// asked about by itself.
///
/// The current time in WHERE, HAVING or QUALIFY is a reason here, though the service can do it
/// since May 2025: rows come and go without any change of what is read.
pub fn can_be_incremental(query: &Query) -> Result<(), String> {
    match query.visit(&mut Incremental) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(reason) => Err(reason),
    }
}

/// Refuses what no mode supports: SAMPLE, ANY_VALUE, functions of the user who asks, variables.
pub fn check_supported(query: &Query) -> Result<(), SqlError> {
    match query.visit(&mut Supported) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

fn is_flatten(name: &ObjectName) -> bool {
    name.to_string().eq_ignore_ascii_case("FLATTEN")
}

fn because(what: &str) -> ControlFlow<String> {
    ControlFlow::Break(format!("{NOT_SUPPORTED}: {what}"))
}

struct Incremental;

impl Visitor for Incremental {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        if query.with.as_ref().is_some_and(|it| it.recursive) {
            return because("WITH RECURSIVE");
        }
        if query.limit_clause.is_some() || query.fetch.is_some() {
            return because("LIMIT");
        }
        operators(&query.body)
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<String> {
        if select.top.is_some() {
            return because("TOP");
        }
        if !select.connect_by.is_empty() {
            return because("CONNECT BY");
        }
        if groups_by_sets(&select.group_by) {
            return because("ROLLUP, CUBE and GROUPING SETS");
        }
        for join in select.from.iter().flat_map(|it| &it.joins) {
            outer_join(&join.join_operator)?;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        match factor {
            // It is a step from row to rows.
            TableFactor::TableFunction { expr: Expr::Function(it), .. } if is_flatten(&it.name) => {
                ControlFlow::Continue(())
            }
            TableFactor::Function { name, .. } if is_flatten(name) => ControlFlow::Continue(()),
            TableFactor::TableFunction { .. }
            | TableFactor::Function { .. }
            | TableFactor::Table { args: Some(_), .. } => because("a table function"),
            TableFactor::Table { version: Some(_), .. } => because("AT or BEFORE"),
            TableFactor::Derived { lateral: true, .. } => because("LATERAL"),
            TableFactor::NestedJoin { table_with_joins, .. } => {
                for join in &table_with_joins.joins {
                    outer_join(&join.join_operator)?;
                }
                ControlFlow::Continue(())
            }
            TableFactor::Pivot { .. }
            | TableFactor::Unpivot { .. }
            | TableFactor::MatchRecognize { .. } => because("PIVOT, UNPIVOT and MATCH_RECOGNIZE"),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<String> {
        match expr {
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => {
                because("a subquery outside FROM")
            }
            Expr::CompoundIdentifier(parts)
                if parts.last().is_some_and(|it| it.value == "NEXTVAL") =>
            {
                because("a sequence")
            }
            other => match function_name(other) {
                Some(name) if is_volatile(&name) => because(&name),
                Some(name) if is_exact_percentile(&name) => because(&name),
                _ => ControlFlow::Continue(()),
            },
        }
    }
}

/// EXCEPT, INTERSECT and MINUS, in the one form of reason whose text is public.
fn operators(body: &SetExpr) -> ControlFlow<String> {
    let SetExpr::SetOperation { op, set_quantifier, left, right } = body else {
        return ControlFlow::Continue(());
    };
    let word = match op {
        SetOperator::Union => None,
        SetOperator::Except | SetOperator::Minus => Some("EXCEPT"),
        SetOperator::Intersect => Some("INTERSECT"),
    };
    if let Some(word) = word {
        let reason = format!("Unsupported query operator type: SetOperation[{word}]");
        return ControlFlow::Break(reason);
    }
    if matches!(set_quantifier, SetQuantifier::ByName | SetQuantifier::AllByName) {
        return because("UNION BY NAME");
    }
    operators(left)?;
    operators(right)
}

fn groups_by_sets(group_by: &GroupByExpr) -> bool {
    match group_by {
        GroupByExpr::All(modifiers) => !modifiers.is_empty(),
        GroupByExpr::Expressions(keys, modifiers) => {
            !modifiers.is_empty()
                || keys.iter().any(|it| {
                    matches!(it, Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_))
                        || function_name(it)
                            .is_some_and(|it| matches!(it.as_str(), "ROLLUP" | "CUBE"))
                })
        }
    }
}

/// An outer join is incremental where it demands equalities only.
fn outer_join(operator: &JoinOperator) -> ControlFlow<String> {
    let constraint = match operator {
        JoinOperator::Left(it)
        | JoinOperator::LeftOuter(it)
        | JoinOperator::Right(it)
        | JoinOperator::RightOuter(it)
        | JoinOperator::FullOuter(it) => it,
        _ => return ControlFlow::Continue(()),
    };
    match constraint {
        JoinConstraint::On(condition) if !is_equality(condition) => {
            because("an outer join by other than equality")
        }
        JoinConstraint::None => because("an outer join by other than equality"),
        _ => ControlFlow::Continue(()),
    }
}

fn is_equality(condition: &Expr) -> bool {
    match condition {
        Expr::Nested(inner) => is_equality(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            is_equality(left) && is_equality(right)
        }
        Expr::BinaryOp { op: BinaryOperator::Eq, .. } => true,
        _ => false,
    }
}

/// A function's name, upper case; also of one that is called without parentheses.
fn function_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Function(function) => last_name(&function.name),
        Expr::Identifier(ident)
            if ident.quote_style.is_none()
                && crate::sql::rewrite::bare_context_function(&ident.value) =>
        {
            Some(ident.value.clone())
        }
        _ => None,
    }
}

fn last_name(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(|it| it.as_ident()).map(|it| it.value.to_uppercase())
}

/// Whether a function answers something else each time, or for each session.
fn is_volatile(name: &str) -> bool {
    name.starts_with("CURRENT_")
        || name.starts_with("SYSTEM$")
        || matches!(
            name,
            "RANDOM"
                | "RANDSTR"
                | "UNIFORM"
                | "NORMAL"
                | "ZIPF"
                | "UUID_STRING"
                | "SEQ1"
                | "SEQ2"
                | "SEQ4"
                | "SEQ8"
                | "GETDATE"
                | "LOCALTIME"
                | "LOCALTIMESTAMP"
                | "SYSDATE"
                | "SYSTIMESTAMP"
                | "LAST_QUERY_ID"
                | "GET_DDL"
        )
}

/// "Exact percentile functions" are FULL, says the page on refresh modes.
fn is_exact_percentile(name: &str) -> bool {
    matches!(name, "MEDIAN" | "PERCENTILE_CONT" | "PERCENTILE_DISC")
}

struct Supported;

type Refusal = ControlFlow<Box<SqlError>>;

fn refuse(error: SqlError) -> Refusal {
    ControlFlow::Break(Box::new(error))
}

/// The texts are this emulator's, as is the code.
fn unsupported(what: &str) -> Refusal {
    refuse(SqlError::new(
        10416,
        "0A000",
        format!("SQL compilation error:\n{what} is not supported in dynamic tables."),
    ))
}

impl Visitor for Supported {
    type Break = Box<SqlError>;

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Refusal {
        match factor {
            TableFactor::Table { sample: Some(_), .. }
            | TableFactor::Derived { sample: Some(_), .. } => unsupported("SAMPLE"),
            TableFactor::Table { name, args: None, .. } if is_metadata(name) => {
                unsupported("A view of the account's metadata")
            }
            TableFactor::TableFunction { expr, .. } => match function_name(expr) {
                Some(name) if name == "GENERATOR" || name == "FLATTEN" => ControlFlow::Continue(()),
                Some(name) => unsupported(&format!("The table function {name}")),
                None => ControlFlow::Continue(()),
            },
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Refusal {
        let is_parameter = |it: &ast::ValueWithSpan| matches!(it.value, ast::Value::Placeholder(_));
        if matches!(expr, Expr::Value(value) if is_parameter(value)) {
            return unsupported("A variable");
        }
        match function_name(expr) {
            // The code is public, the text is this emulator's (catalogue §10.7).
            Some(name) if matches!(name.as_str(), "ANY_VALUE" | "CURRENT_USER") => {
                refuse(SqlError::new(
                    91912,
                    "0A000",
                    format!(
                        "SQL compilation error:\nNon-deterministic function '{name}' is not supported in dynamic tables."
                    ),
                ))
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

fn is_metadata(name: &ObjectName) -> bool {
    let parts: Vec<&str> =
        name.0.iter().filter_map(|it| it.as_ident()).map(|it| it.value.as_str()).collect();
    matches!(parts.as_slice(), [.., "INFORMATION_SCHEMA", _] | ["SNOWFLAKE", _, _])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: &str) {
        let query = crate::sql::text::parse_query(sql).unwrap();
        let verdict = can_be_incremental(&query).err().unwrap_or_else(|| "incremental".to_owned());
        let actual = verdict.replace("QUERY_NOT_SUPPORTED_FOR_INCREMENTAL: ", "no: ");
        assert_eq!(actual, expected, "\nsql: {sql}");
    }

    #[test]
    fn what_the_service_keeps_incrementally() {
        for sql in [
            "select id, upper(s) as s from t where v > 1 order by id",
            "select k, count(*), sum(v), min(v) from t group by k having count(*) > 1",
            "select count(*) from t",
            "select distinct k from t",
            "select a.id from t a join u b on a.id = b.id and a.v < b.v",
            "select a.id from t a left join u b on a.id = b.id and (a.k = b.k)",
            "select a.id from t a full join u b using (id)",
            "select id from t union select id from u union all select id from w",
            "with c as (select id from t) select * from c",
            "select id, row_number() over (partition by k order by v) as n from t qualify n = 1",
            "select * from (select id from t) s",
            "select column1 from values (1), (2)",
            "select \"CURRENT_TIMESTAMP\" from t",
        ] {
            check(sql, "incremental");
        }
    }

    #[test]
    fn set_operators_are_named_as_documented() {
        let unsupported = "Unsupported query operator type: SetOperation";
        check("select id from t except select id from u", &format!("{unsupported}[EXCEPT]"));
        check("select id from t minus select id from u", &format!("{unsupported}[EXCEPT]"));
        check("select id from t intersect select id from u", &format!("{unsupported}[INTERSECT]"));
        check(
            "select 1 union all (select id from t except select id from u)",
            &format!("{unsupported}[EXCEPT]"),
        );
        check(
            "with c as (select id from t except select id from u) select * from c",
            &format!("{unsupported}[EXCEPT]"),
        );
    }

    #[test]
    fn what_makes_a_refresh_full() {
        for (sql, because) in [
            ("select id from t limit 3", "LIMIT"),
            ("select id from t order by id offset 3", "LIMIT"),
            ("select id from (select id from t fetch first 3 rows only)", "LIMIT"),
            ("select top 3 id from t", "TOP"),
            ("select k, sum(v) from t group by rollup (k)", "ROLLUP, CUBE and GROUPING SETS"),
            ("select k, sum(v) from t group by cube (k, id)", "ROLLUP, CUBE and GROUPING SETS"),
            (
                "select k, sum(v) from t group by grouping sets ((k), ())",
                "ROLLUP, CUBE and GROUPING SETS",
            ),
            (
                "select a.id from t a left join u b on a.id = b.id and a.v < b.v",
                "an outer join by other than equality",
            ),
            (
                "select a.id from t a full outer join u b on a.id > b.id",
                "an outer join by other than equality",
            ),
            (
                "with recursive c as (select 1 as n union all select n + 1 from c where n < 3) select * from c",
                "WITH RECURSIVE",
            ),
            ("select id from t where id in (select id from u)", "a subquery outside FROM"),
            (
                "select id from t where exists (select 1 from u where u.id = t.id)",
                "a subquery outside FROM",
            ),
            ("select (select max(id) from u) as m from t", "a subquery outside FROM"),
            ("select id, random() as r from t", "RANDOM"),
            ("select id, uuid_string() as r from t", "UUID_STRING"),
            ("select id, current_timestamp() as at from t", "CURRENT_TIMESTAMP"),
            ("select id, current_timestamp as at from t", "CURRENT_TIMESTAMP"),
            ("select id, current_date as at from t", "CURRENT_DATE"),
            ("select id from t where at > current_timestamp()", "CURRENT_TIMESTAMP"),
            ("select s.nextval, id from t", "a sequence"),
            ("select seq4() as n from t", "SEQ4"),
            ("select 1 as n from table(generator(rowcount => 3))", "a table function"),
            ("select median(v) from t", "MEDIAN"),
            ("select id from t at(offset => -60)", "AT or BEFORE"),
        ] {
            check(sql, &format!("no: {because}"));
        }
    }

    #[test]
    fn modes_are_resolved_by_what_is_asked_and_what_can_be() {
        #[track_caller]
        fn check(asked: AskedMode, verdict: Result<(), String>, expected: &str) {
            let actual = match resolve_mode(asked, "D", verdict) {
                Ok((mode, reason)) => format!("{} {}", mode.word(), reason.unwrap_or_default()),
                Err(error) => error.to_string(),
            };
            assert_eq!(actual.trim(), expected);
        }
        let cannot = || Err("since it cannot".to_owned());
        check(AskedMode::Auto, Ok(()), "INCREMENTAL");
        check(AskedMode::Auto, cannot(), "FULL since it cannot");
        check(AskedMode::Full, Ok(()), "FULL USER_SPECIFIED_FULL_REFRESH");
        check(AskedMode::Full, cannot(), "FULL USER_SPECIFIED_FULL_REFRESH");
        check(AskedMode::Incremental, Ok(()), "INCREMENTAL");
        check(
            AskedMode::Incremental,
            cannot(),
            "002711 (0A000): SQL compilation error:\nDynamic Table 'D' is defined with REFRESH_MODE = INCREMENTAL, but the query is not supported for incremental refresh.",
        );
    }

    #[test]
    fn what_no_mode_supports_is_refused() {
        for (sql, expected) in [
            ("select id from t sample (10)", "010416 SAMPLE is not supported in dynamic tables."),
            (
                "select any_value(id) from t",
                "091912 Non-deterministic function 'ANY_VALUE' is not supported in dynamic tables.",
            ),
            (
                "select current_user() as u from t",
                "091912 Non-deterministic function 'CURRENT_USER' is not supported in dynamic tables.",
            ),
            ("select $x as x from t", "010416 A variable is not supported in dynamic tables."),
            (
                "select * from information_schema.tables",
                "010416 A view of the account's metadata is not supported in dynamic tables.",
            ),
            (
                "select * from table(result_scan('x'))",
                "010416 The table function RESULT_SCAN is not supported in dynamic tables.",
            ),
        ] {
            let query = crate::sql::text::parse_query(sql).unwrap();
            let error = check_supported(&query).expect_err(sql);
            let text = error.message.lines().last().unwrap_or_default();
            assert_eq!(format!("{:06} {text}", error.code), expected);
        }
        let fine = "select id, row_number() over (order by id) as n from t limit 3";
        assert_eq!(check_supported(&crate::sql::text::parse_query(fine).unwrap()), Ok(()));
    }
}
