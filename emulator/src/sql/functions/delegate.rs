//! DataFusion's own aggregates and window functions under Snowflake's names.
//!
//! The wrappers add one thing: a result that is one of the argument's values (`MIN`, `LAG`, …)
//! keeps the argument's Snowflake type, which the engine's functions drop.

use super::datum::kind_of;
use super::kit::{Outcome, typed, with_kind};
use datafusion::{
    arrow::{
        compute::SortOptions,
        datatypes::{DataType as Arrow, FieldRef},
    },
    common::ScalarValue,
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, LimitEffect,
        PartitionEvaluator, ReversedUDAF, ReversedUDWF, SetMonotonicity, Signature, StatisticsArgs,
        WindowUDF, WindowUDFImpl,
        function::{
            AccumulatorArgs, AggregateFunctionSimplification, ExpressionArgs,
            PartitionEvaluatorArgs, StateFieldsArgs, WindowFunctionSimplification,
            WindowUDFFieldArgs,
        },
        utils::AggregateOrderSensitivity,
    },
    physical_plan::PhysicalExpr,
};
use std::sync::Arc;

/// The field with the type of the first argument, if Arrow's type is still the same.
fn like_first(field: FieldRef, arguments: &[FieldRef]) -> Outcome<FieldRef> {
    let Some(first) = arguments.first() else { return Ok(field) };
    if first.data_type() != field.data_type() {
        return Ok(field);
    }
    match kind_of(first)? {
        Some(kind) if !typed(kind.clone()).metadata().is_empty() => {
            Ok(Arc::new(with_kind(field.as_ref().clone(), &kind)))
        }
        _ => Ok(field),
    }
}

/// An aggregate that gives one of its argument's values.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Picking {
    name: &'static str,
    inner: AggregateUDF,
}

impl Picking {
    pub fn new(name: &'static str, inner: &AggregateUDF) -> Self {
        Self { name, inner: inner.clone() }
    }
}

impl AggregateUDFImpl for Picking {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, arg_types: &[Arrow]) -> Outcome<Vec<Arrow>> {
        super::kit::check_count(self.name, arg_types.len(), 1, 2)?;
        self.inner.inner().coerce_types(arg_types)
    }

    fn return_type(&self, arg_types: &[Arrow]) -> Outcome<Arrow> {
        self.inner.return_type(arg_types)
    }

    fn return_field(&self, arg_fields: &[FieldRef]) -> Outcome<FieldRef> {
        like_first(self.inner.return_field(arg_fields)?, arg_fields)
    }

    fn is_nullable(&self) -> bool {
        self.inner.is_nullable()
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Outcome<Box<dyn Accumulator>> {
        self.inner.accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Outcome<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Outcome<Box<dyn GroupsAccumulator>> {
        self.inner.create_groups_accumulator(args)
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Outcome<Box<dyn Accumulator>> {
        self.inner.create_sliding_accumulator(args)
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        beneficial_ordering: bool,
    ) -> Outcome<Option<Arc<dyn AggregateUDFImpl>>> {
        let inner = self.inner.clone().with_beneficial_ordering(beneficial_ordering)?;
        Ok(inner.map(|inner| Arc::new(Self { name: self.name, inner }) as _))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        self.inner.simplify()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        match self.inner.reverse_udf() {
            ReversedUDAF::Identical => ReversedUDAF::Identical,
            ReversedUDAF::NotSupported | ReversedUDAF::Reversed(_) => ReversedUDAF::NotSupported,
        }
    }

    fn is_descending(&self) -> Option<bool> {
        self.inner.is_descending()
    }

    fn value_from_stats(&self, args: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        self.inner.value_from_stats(args)
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.inner.supports_null_handling_clause()
    }

    fn set_monotonicity(&self, data_type: &Arrow) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(data_type)
    }
}

/// A window function that gives one of its argument's values.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PickingWindow {
    name: &'static str,
    inner: WindowUDF,
}

impl PickingWindow {
    pub fn new(name: &'static str, inner: &WindowUDF) -> Self {
        Self { name, inner: inner.clone() }
    }
}

impl WindowUDFImpl for PickingWindow {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn expressions(&self, args: ExpressionArgs<'_>) -> Vec<Arc<dyn PhysicalExpr>> {
        self.inner.expressions(args)
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs<'_>,
    ) -> Outcome<Box<dyn PartitionEvaluator>> {
        self.inner.partition_evaluator_factory(args)
    }

    fn simplify(&self) -> Option<WindowFunctionSimplification> {
        self.inner.simplify()
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Outcome<FieldRef> {
        let arguments = args.input_fields().to_vec();
        like_first(self.inner.field(args)?, &arguments)
    }

    fn sort_options(&self) -> Option<SortOptions> {
        self.inner.sort_options()
    }

    fn coerce_types(&self, arg_types: &[Arrow]) -> Outcome<Vec<Arrow>> {
        self.inner.coerce_types(arg_types)
    }

    fn reverse_expr(&self) -> ReversedUDWF {
        match self.inner.reverse_expr() {
            ReversedUDWF::Identical => ReversedUDWF::Identical,
            ReversedUDWF::NotSupported | ReversedUDWF::Reversed(_) => ReversedUDWF::NotSupported,
        }
    }

    fn limit_effect(&self, args: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        self.inner.inner().limit_effect(args)
    }
}
