//! `UNION` in the common type of its branches.
//!
//! The engine gives a column of a union the type of the first branch until it optimizes, and then
//! one by its own rules. What stands above the union is planned, and a table is made, before that.

use super::functions;
use crate::types::DataType;
use datafusion::{
    common::{
        Column, Result,
        tree_node::{Transformed, TreeNodeRecursion},
    },
    logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Union},
};
use std::sync::Arc;

/// Brings the branches of each union of a plan to one type, with Snowflake's casts. What has no
/// common type is left, for the engine to refuse.
pub fn with_common_types(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut has_union = false;
    plan.apply_with_subqueries(|node| {
        has_union |= matches!(node, LogicalPlan::Union(_));
        Ok(if has_union { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if !has_union {
        return Ok(plan);
    }
    let unified = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Union(union) => unified(union).map(Transformed::yes),
        other => other.recompute_schema().map(Transformed::yes),
    })?;
    Ok(unified.data)
}

fn unified(union: Union) -> Result<LogicalPlan> {
    let width = union.schema.fields().len();
    if union.inputs.iter().any(|it| it.schema().fields().len() != width) {
        return Ok(LogicalPlan::Union(union));
    }
    let Some(kinds) =
        (0..width).map(|it| common(&union, it)).collect::<Result<Option<Vec<_>>>>()?
    else {
        return Ok(LogicalPlan::Union(union));
    };
    let inputs =
        union.inputs.iter().map(|it| brought_to(it, &kinds, &union)).collect::<Result<Vec<_>>>()?;
    Union::try_new_with_loose_types(inputs).map(LogicalPlan::Union)
}

/// What the branches' values of a column are brought to: nothing, where they are all of one type.
/// No answer where they have no common type.
fn common(union: &Union, index: usize) -> Result<Option<Option<DataType>>> {
    let fields: Vec<_> = union.inputs.iter().map(|it| it.schema().field(index)).collect();
    let kinds = fields.iter().map(|it| functions::kind_of(it)).collect::<Result<Vec<_>>>()?;
    let are_one = fields
        .iter()
        .zip(&kinds)
        .all(|(field, kind)| field.data_type() == fields[0].data_type() && *kind == kinds[0]);
    Ok(match are_one {
        true => Some(None),
        false => functions::common_kind(&kinds),
    })
}

fn brought_to(
    input: &Arc<LogicalPlan>,
    kinds: &[Option<DataType>],
    union: &Union,
) -> Result<Arc<LogicalPlan>> {
    let mut is_changed = false;
    let mut columns = vec![];
    for (index, (qualifier, field)) in input.schema().iter().enumerate() {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        let name = union.schema.field(index).name();
        columns.push(match &kinds[index] {
            Some(kind)
                if functions::kind_of(field)?.as_ref() != Some(kind)
                    || *field.data_type() != kind.to_arrow() =>
            {
                is_changed = true;
                functions::cast(kind, false).call(vec![column]).alias(name)
            }
            _ => column.alias(name),
        });
    }
    match is_changed {
        true => LogicalPlanBuilder::from(Arc::clone(input)).project(columns)?.build().map(Arc::new),
        false => Ok(Arc::clone(input)),
    }
}
