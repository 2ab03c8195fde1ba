//! Window functions that DataFusion does not have: `RATIO_TO_REPORT`, `CONDITIONAL_TRUE_EVENT`
//! and `CONDITIONAL_CHANGE_EVENT`. Each reads its whole partition.

use super::arithmetic::quotient_scale;
use super::convert::{to_boolean, to_float};
use super::datum::{Column, Datum, Sink, compare};
use super::decimal::{self, PRECISION_MAX};
use super::kit::{Outcome, check_count, internal};
use datafusion::{
    arrow::{
        array::ArrayRef,
        datatypes::{DataType as Arrow, Field, FieldRef},
    },
    logical_expr::{
        PartitionEvaluator, Signature, Volatility, WindowUDFImpl,
        function::{PartitionEvaluatorArgs, WindowUDFFieldArgs},
    },
};
use std::{cmp::Ordering, sync::Arc};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    RatioToReport,
    TrueEvent,
    ChangeEvent,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Windowed {
    kind: Kind,
    signature: Signature,
}

impl Windowed {
    pub fn new(kind: Kind) -> Self {
        Self { kind, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn result_type(&self, argument: Option<&Arrow>) -> Arrow {
        match (self.kind, argument) {
            (Kind::TrueEvent | Kind::ChangeEvent, _) => Arrow::Int64,
            (Kind::RatioToReport, Some(Arrow::Decimal128(_, scale))) => {
                Arrow::Decimal128(PRECISION_MAX, quotient_scale(*scale))
            }
            (Kind::RatioToReport, Some(it)) if it.is_integer() => {
                Arrow::Decimal128(PRECISION_MAX, quotient_scale(0))
            }
            (Kind::RatioToReport, _) => Arrow::Float64,
        }
    }
}

impl WindowUDFImpl for Windowed {
    fn name(&self) -> &str {
        match self.kind {
            Kind::RatioToReport => "RATIO_TO_REPORT",
            Kind::TrueEvent => "CONDITIONAL_TRUE_EVENT",
            Kind::ChangeEvent => "CONDITIONAL_CHANGE_EVENT",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[Arrow]) -> Outcome<Vec<Arrow>> {
        check_count(self.name(), arg_types.len(), 1, 1)?;
        Ok(arg_types.to_vec())
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Outcome<FieldRef> {
        let argument = args.get_input_field(0);
        let kind = self.result_type(argument.as_ref().map(|it| it.data_type()));
        Ok(Arc::new(Field::new(args.name(), kind, true)))
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs<'_>,
    ) -> Outcome<Box<dyn PartitionEvaluator>> {
        let field =
            args.input_fields().first().ok_or_else(|| internal("a window function of nothing"))?;
        Ok(Box::new(Evaluator {
            kind: self.kind,
            field: Arc::clone(field),
            target: self.result_type(Some(field.data_type())),
        }))
    }
}

#[derive(Debug)]
struct Evaluator {
    kind: Kind,
    field: FieldRef,
    target: Arrow,
}

impl PartitionEvaluator for Evaluator {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Outcome<ArrayRef> {
        let values = values.first().ok_or_else(|| internal("a window function of nothing"))?;
        let column = Column::new(values, &self.field, false)?;
        let mut sink = Sink::new(&self.target, num_rows)?;
        match self.kind {
            Kind::RatioToReport => ratios(&column, num_rows, &self.target, &mut sink)?,
            Kind::TrueEvent => {
                let mut events = 0_i64;
                for row in 0..num_rows {
                    let value = column.get(row);
                    if !value.is_null() && to_boolean(&value)? {
                        events += 1;
                    }
                    sink.push(&Datum::int(events))?;
                }
            }
            Kind::ChangeEvent => {
                let mut events = 0_i64;
                let mut last: Option<Datum<'_>> = None;
                for row in 0..num_rows {
                    // A NULL neither changes nor is changed from.
                    let value = column.get(row);
                    if !value.is_null() {
                        if last.as_ref().is_some_and(|it| compare(it, &value) != Ordering::Equal) {
                            events += 1;
                        }
                        last = Some(value);
                    }
                    sink.push(&Datum::int(events))?;
                }
            }
        }
        Ok(sink.finish())
    }
}

fn ratios(column: &Column, rows: usize, target: &Arrow, sink: &mut Sink) -> Outcome<()> {
    if let Arrow::Decimal128(_, scale) = target {
        let mut sum = Some((0_i128, 0_i8));
        for row in 0..rows {
            if let Datum::Number(value, from) = column.get(row) {
                sum = sum.and_then(|(sum, _)| Some((sum.checked_add(value)?, from)));
            }
        }
        let sum = sum.ok_or_else(|| decimal::out_of_range_text(PRECISION_MAX, 0, "above 1e+38"))?;
        for row in 0..rows {
            let ratio = match column.get(row) {
                Datum::Number(value, from) if sum.0 != 0 => {
                    decimal::divide((value, from), sum, *scale)
                        .map_or(Datum::Null, |it| Datum::Number(it, *scale))
                }
                // NULL, or a sum of zero.
                _ => Datum::Null,
            };
            sink.push(&ratio)?;
        }
        return Ok(());
    }
    let mut sum = 0.0;
    for row in 0..rows {
        let value = column.get(row);
        if !value.is_null() {
            sum += to_float(&value)?;
        }
    }
    for row in 0..rows {
        let value = column.get(row);
        if value.is_null() || sum == 0.0 {
            sink.push(&Datum::Null)?;
        } else {
            sink.push(&Datum::Float(to_float(&value)? / sum))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::check::check_aggregate;

    #[test]
    fn a_share_of_the_partition() {
        check_aggregate("MAX(R) FROM (SELECT RATIO_TO_REPORT(N) OVER () AS R FROM T)", "0.571429");
    }

    #[test]
    fn events_are_counted_along_the_partition() {
        let over = "OVER (ORDER BY N) AS R FROM T)";
        check_aggregate(
            &format!("LISTAGG(R) FROM (SELECT CONDITIONAL_TRUE_EVENT(N > 1) {over}"),
            "012",
        );
        check_aggregate(
            &format!("LISTAGG(R) FROM (SELECT CONDITIONAL_CHANGE_EVENT(G) {over}"),
            "001",
        );
    }

    #[test]
    fn a_value_of_another_row_keeps_its_type() {
        check_aggregate("MAX(R) FROM (SELECT LAG(S) OVER (ORDER BY N) AS R FROM T)", "b");
    }
}
