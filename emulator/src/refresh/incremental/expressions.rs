//! Expressions over the columns of a batch.

use super::{delta::filter, session};
use crate::{
    error::SqlError,
    regression::{Regression, regressed},
    sql::scope::error_of,
};
use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch},
    buffer::BooleanBuffer,
    datatypes::{DataType, SchemaRef},
};
use datafusion::{
    common::DFSchema,
    logical_expr::{Expr, physical_planning_context::PhysicalPlanningContext},
    physical_expr::{PhysicalExpr, create_physical_expr, expressions::Column},
};
use std::sync::Arc;

/// Expressions over the columns of one schema.
pub(super) struct Expressions {
    exprs: Vec<Arc<dyn PhysicalExpr>>,
}

impl Expressions {
    pub fn new<'a>(
        exprs: impl IntoIterator<Item = &'a Expr>,
        input: &DFSchema,
    ) -> Result<Self, SqlError> {
        let exprs = exprs.into_iter().map(|it| physical(it, input)).collect::<Result<_, _>>()?;
        Ok(Self { exprs })
    }

    /// All columns of a schema.
    pub fn columns(schema: &SchemaRef) -> Self {
        let columns = schema.fields().iter().enumerate();
        Self {
            exprs: columns
                .map(|(index, it)| Arc::new(Column::new(it.name(), index)) as _)
                .collect(),
        }
    }

    pub fn evaluate(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>, SqlError> {
        let value = |it: &Arc<dyn PhysicalExpr>| it.evaluate(batch)?.into_array(batch.num_rows());
        self.exprs.iter().map(value).collect::<Result<_, _>>().map_err(error_of)
    }

    pub fn types(&self, schema: &SchemaRef) -> Result<Vec<DataType>, SqlError> {
        self.exprs.iter().map(|it| it.data_type(schema)).collect::<Result<_, _>>().map_err(error_of)
    }

    /// The column that an expression is, if it is nothing but one.
    pub fn column(&self, index: usize) -> Option<usize> {
        let expr: &dyn PhysicalExpr = self.exprs.get(index)?.as_ref();
        expr.downcast_ref::<Column>().map(Column::index)
    }
}

pub(super) fn physical(expr: &Expr, input: &DFSchema) -> Result<Arc<dyn PhysicalExpr>, SqlError> {
    let planning = PhysicalPlanningContext::default();
    create_physical_expr(expr, input, session().execution_props(), &planning).map_err(error_of)
}

/// A condition: rows for which it is true pass.
pub(super) struct Condition(Arc<dyn PhysicalExpr>);

impl Condition {
    pub fn new(expr: &Expr, input: &DFSchema) -> Result<Self, SqlError> {
        Ok(Self(physical(expr, input)?))
    }

    /// Which rows pass; NULL does not.
    pub fn mask(&self, batch: &RecordBatch) -> Result<BooleanArray, SqlError> {
        let values = self.0.evaluate(batch).and_then(|it| it.into_array(batch.num_rows()));
        let values = values.map_err(error_of)?;
        if values.data_type() == &DataType::Null {
            return Ok(BooleanArray::new(BooleanBuffer::new_unset(batch.num_rows()), None));
        }
        let mask = values.as_boolean_opt().ok_or_else(|| {
            SqlError::internal(format!("a condition is of type {}", values.data_type()))
        })?;
        Ok(match mask.nulls() {
            None => mask.clone(),
            Some(nulls) => BooleanArray::new(mask.values() & nulls.inner(), None),
        })
    }

    /// The rows that pass, with their weights.
    pub fn filter(
        &self,
        batch: &RecordBatch,
        weights: &[i64],
    ) -> Result<(RecordBatch, Vec<i64>), SqlError> {
        let mut mask: Vec<bool> = self.mask(batch)?.values().iter().collect();
        if regressed(Regression::FilteredRowStays) {
            let leaves = weights.iter().zip(&mask).any(|(weight, passes)| *weight > 0 && !passes);
            for (passes, weight) in mask.iter_mut().zip(weights) {
                *passes &= !leaves || *weight > 0;
            }
        }
        let kept = weights.iter().zip(&mask).filter(|it| *it.1).map(|it| *it.0);
        Ok((filter(batch, &mask)?, kept.collect()))
    }
}
