//! What cannot be incremental, judged from the plan as it was made, before any optimisation.

use datafusion::{
    common::{Column, DFSchema, JoinType, tree_node::TreeNodeRecursion},
    error::DataFusionError,
    logical_expr::{
        BinaryExpr, Distinct, Expr, Join, LogicalPlan, Operator, utils::split_conjunction,
    },
};
use std::fmt;

/// Why a definition cannot be refreshed incrementally.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotIncremental {
    /// For `refresh_mode_reason`. The text for EXCEPT is Snowflake's; the others follow it and
    /// are this emulator's.
    pub reason: String,
    pub code: &'static str,
}

/// The code that Snowflake has for all of them.
const CODE: &str = "QUERY_NOT_SUPPORTED_FOR_INCREMENTAL";

impl NotIncremental {
    pub(super) fn operator(kind: &str) -> Self {
        Self::because(format!("Unsupported query operator type: {kind}"))
    }

    pub(super) fn because(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string(), code: CODE }
    }
}

impl fmt::Display for NotIncremental {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for NotIncremental {}

/// Refuses what no operator can do. Conditions of outer joins are looked at again when they are
/// compiled, by when those on one side have moved there.
pub(super) fn check(plan: &LogicalPlan) -> Result<(), NotIncremental> {
    let mut found = None;
    let walked = plan.apply_with_subqueries(|node| {
        found = node_reason(node);
        if found.is_none() {
            node.apply_expressions(|expr| {
                found = found.take().or_else(|| expr_reason(expr));
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(match found {
            Some(_) => TreeNodeRecursion::Stop,
            None => TreeNodeRecursion::Continue,
        })
    });
    match (found, walked) {
        (Some(reason), _) => Err(reason),
        (None, Err(error)) => Err(NotIncremental::because(error)),
        (None, Ok(_)) => Ok(()),
    }
}

fn node_reason(node: &LogicalPlan) -> Option<NotIncremental> {
    let kind = match node {
        // The planner makes these joins of nothing else: subqueries are still expressions here.
        LogicalPlan::Join(join) => match join.join_type {
            JoinType::LeftAnti | JoinType::RightAnti => "SetOperation[EXCEPT]",
            JoinType::LeftSemi | JoinType::RightSemi => "SetOperation[INTERSECT]",
            JoinType::LeftMark | JoinType::RightMark => "Subquery",
            JoinType::Inner => return None,
            JoinType::Left | JoinType::Right | JoinType::Full => {
                return (!has_key(join)).then(outer_join);
            }
        },
        LogicalPlan::Limit(_) => "Limit",
        LogicalPlan::Sort(sort) if sort.fetch.is_some() => "Limit",
        LogicalPlan::Subquery(_) => "Subquery",
        LogicalPlan::RecursiveQuery(_) => "RecursiveCTE",
        LogicalPlan::Distinct(Distinct::On(_)) => "DistinctOn",
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::TableScan(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::Distinct(Distinct::All(_))
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Unnest(_) => return None,
        other => return Some(NotIncremental::operator(&other.display().to_string())),
    };
    Some(NotIncremental::operator(kind))
}

/// What outer joins are refused with.
pub(super) fn outer_join() -> NotIncremental {
    NotIncremental::operator("OuterJoin[non-equi]")
}

/// Whether an expression reads columns of the left side, and of the right.
pub(super) fn sides(expr: &Expr, join: &Join) -> (bool, bool) {
    let columns = expr.column_refs();
    let reads = |schema: &DFSchema| columns.iter().any(|it: &&Column| schema.has_column(it));
    (reads(join.left.schema()), reads(join.right.schema()))
}

/// Whether some condition says that something of one side equals something of the other.
fn has_key(join: &Join) -> bool {
    let is_key = |expr: &Expr| match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let is_equal = matches!(op, Operator::Eq | Operator::IsNotDistinctFrom);
            let both = (sides(left, join), sides(right, join));
            is_equal
                && matches!(both, ((true, false), (false, true)) | ((false, true), (true, false)))
        }
        _ => false,
    };
    !join.on.is_empty() || join.filter.iter().flat_map(split_conjunction).any(is_key)
}

fn expr_reason(expr: &Expr) -> Option<NotIncremental> {
    let mut found = None;
    let walked = expr_apply(expr, &mut |it| {
        let reason = match it {
            Expr::ScalarSubquery(_)
            | Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::SetComparison(_)
            | Expr::OuterReferenceColumn(..) => NotIncremental::operator("Subquery"),
            Expr::GroupingSet(_) => NotIncremental::operator("GroupingSets"),
            it if it.is_volatile_node() => {
                let name = it.schema_name().to_string();
                let name = name.split('(').next().unwrap_or_default();
                NotIncremental::because(format!("Unsupported non-deterministic function: {name}"))
            }
            _ => return,
        };
        found.get_or_insert(reason);
    });
    found.or_else(|| walked.err().map(NotIncremental::because))
}

fn expr_apply(expr: &Expr, each: &mut impl FnMut(&Expr)) -> Result<(), DataFusionError> {
    use datafusion::common::tree_node::TreeNode;
    expr.apply(|it| {
        each(it);
        Ok(TreeNodeRecursion::Continue)
    })
    .map(|_| ())
}
