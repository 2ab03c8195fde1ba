//! `LATERAL FLATTEN`: a relation whose rows come from a column of the relation before it.
//!
//! DataFusion has no such relation. So FLATTEN is planned as an empty one that is joined without a
//! condition, and that join is then replaced: the relation before it, with the elements beside
//! each row, unnested.

use super::{
    functions, rewrite,
    scope::{Scope, error_of},
};
use crate::error::SqlError;
use datafusion::{
    arrow::datatypes::Schema,
    catalog::TableProvider,
    common::{
        Column, DataFusionError, JoinType, TableReference,
        tree_node::{Transformed, TreeNode},
    },
    datasource::empty::EmptyTable,
    logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit},
    sql::sqlparser::ast,
};
use std::{collections::HashMap, sync::Arc};

/// Arguments as written, by the name that the relation was given.
pub(super) type Flattens = HashMap<String, Vec<(Option<String>, ast::Expr)>>;

/// What stands for a FLATTEN until the plan is made: an empty relation with its columns.
pub(super) fn empty_relation() -> Arc<dyn TableProvider> {
    Arc::new(EmptyTable::new(Arc::new(Schema::new(functions::flattened_columns()))))
}

/// A plan in which every such relation has given way to what it stands for.
pub(super) fn expand(
    plan: LogicalPlan,
    scope: &Scope<'_>,
    flattens: &Flattens,
) -> Result<LogicalPlan, SqlError> {
    if flattens.is_empty() {
        return Ok(plan);
    }
    let mut failure = None;
    let mut replaced = |left: LogicalPlan, found: (TableReference, &String)| {
        let (relation, name) = found;
        flattened(left, relation, name, scope, flattens).map(Transformed::yes).map_err(|error| {
            let message = error.message.clone();
            failure.get_or_insert(error);
            DataFusionError::Plan(message)
        })
    };
    let plan = plan.transform_down(|node| {
        if let LogicalPlan::Join(join) = &node
            && join.join_type == JoinType::Inner
            && join.on.is_empty()
            && join.filter.as_ref().is_none_or(|it| *it == lit(true))
            && let Some(found) = marker(&join.right, flattens)
        {
            return replaced(LogicalPlan::clone(&join.left), found);
        }
        // It is the only relation: its rows come from constants.
        match marker(&node, flattens) {
            Some(found) => replaced(LogicalPlanBuilder::empty(true).build()?, found),
            None => Ok(Transformed::no(node)),
        }
    });
    match (plan, failure) {
        (Ok(plan), _) => Ok(plan.data),
        (Err(_), Some(failure)) => Err(failure),
        (Err(error), None) => Err(error_of(error)),
    }
}

/// How such a relation is called in its statement, and its name.
fn marker<'a>(node: &LogicalPlan, flattens: &'a Flattens) -> Option<(TableReference, &'a String)> {
    match node {
        LogicalPlan::SubqueryAlias(it) => {
            let (_, name) = marker(&it.input, flattens)?;
            Some((it.alias.clone(), name))
        }
        LogicalPlan::TableScan(scan) => {
            let (name, _) = flattens.get_key_value(scan.table_name.table())?;
            Some((scan.table_name.clone(), name))
        }
        _ => None,
    }
}

fn flattened(
    left: LogicalPlan,
    relation: TableReference,
    name: &String,
    scope: &Scope<'_>,
    flattens: &Flattens,
) -> Result<LogicalPlan, SqlError> {
    let mut arguments = [None, None, None, None, None];
    for (index, (argument, expr)) in flattens.get(name).into_iter().flatten().enumerate() {
        let place = match argument.as_deref() {
            None => Some(index),
            Some(word) => {
                ["INPUT", "PATH", "OUTER", "RECURSIVE", "MODE"].iter().position(|it| *it == word)
            }
        };
        let Some(argument) = place.and_then(|it| arguments.get_mut(it)) else {
            return Err(SqlError::not_implemented(format!("argument of FLATTEN `{expr}`")));
        };
        *argument = Some(scope.expression(expr.clone(), left.schema())?);
    }
    let [input, path, outer, recursive, mode] = arguments;
    let Some(input) = input else {
        return Err(SqlError::new(
            938,
            "22023",
            "SQL compilation error:\nnot enough arguments for function [FLATTEN], expected 1, got 0",
        ));
    };
    let list = functions::flatten(vec![
        input,
        path.unwrap_or_else(|| lit("")),
        outer.unwrap_or_else(|| lit(false)),
        recursive.unwrap_or_else(|| lit(false)),
        mode.unwrap_or_else(|| lit("BOTH")),
    ])?;
    let kept: Vec<Expr> = left.schema().columns().into_iter().map(Expr::Column).collect();
    let elements = Column::from_name(name.clone());
    let mut given = kept.clone();
    given.push(list.alias(name.clone()));
    let mut wanted = kept;
    wanted.extend(functions::flattened_columns().iter().map(|field| {
        let column = Column::from_name(format!("{name}.{}", field.name()));
        Expr::Column(column).alias_qualified(Some(relation.clone()), field.name())
    }));
    LogicalPlanBuilder::from(left)
        .project(given)
        .and_then(|it| it.unnest_column(elements.clone()))
        .and_then(|it| it.unnest_column(elements))
        .and_then(|it| it.project(wanted))
        .and_then(|it| it.build())
        .map_err(error_of)
}

/// What FLATTEN is given is written in Snowflake's dialect, too.
pub(super) fn rewritten(mut expr: ast::Expr, scope: &Scope<'_>) -> Result<ast::Expr, SqlError> {
    rewrite::rewrite(&mut expr, &Default::default(), scope)?;
    Ok(expr)
}
