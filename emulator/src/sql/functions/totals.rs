//! `SUM` and `AVG` under Snowflake's types: `SUM` of `NUMBER(p,s)` is `NUMBER(38,s)`, `AVG` has
//! the scale of a quotient, and a total that does not fit 38 digits is refused.

use super::arithmetic::quotient_scale;
use super::convert::{convert, to_float};
use super::datum::kind_of;
use super::datum::{Cells, Column, Datum};
use super::decimal::{self, PRECISION_MAX};
use super::kit::{Outcome, check_count, internal, invalid_types};
use super::zone::Zone;
use crate::types::DataType;
use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array,
        },
        datatypes::{DataType as Arrow, Decimal128Type, Field, FieldRef, Float64Type, Int64Type},
    },
    common::ScalarValue,
    logical_expr::{
        Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature,
        Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::{AggregateOrderSensitivity, format_state_name},
    },
};
use std::{collections::HashSet, mem, sync::Arc};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Total {
    Sum,
    Average,
}

/// The aggregate function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Totals {
    total: Total,
    signature: Signature,
}

impl Totals {
    pub fn new(total: Total) -> Self {
        Self { total, signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// The scale in which numbers of an Arrow type are added up; `None` for floats.
    fn scale_of(kind: &Arrow) -> Option<i8> {
        match kind {
            Arrow::Decimal128(_, scale) => Some(*scale),
            Arrow::Null => Some(0),
            it if it.is_integer() => Some(0),
            _ => None,
        }
    }

    fn adder(&self, args: &AccumulatorArgs<'_>) -> Outcome<Adder> {
        let field = args.expr_fields.first().ok_or_else(|| internal("a total of nothing"))?;
        Ok(Adder {
            total: self.total,
            field: Arc::clone(field),
            scale: Self::scale_of(field.data_type()),
            target: args.return_field.data_type().clone(),
        })
    }

    fn state_type(kind: &Arrow) -> Arrow {
        match Self::scale_of(kind) {
            Some(scale) => Arrow::Decimal128(PRECISION_MAX, scale),
            None => Arrow::Float64,
        }
    }
}

impl AggregateUDFImpl for Totals {
    fn name(&self) -> &str {
        match self.total {
            Total::Sum => "SUM",
            Total::Average => "AVG",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[Arrow]) -> Outcome<Vec<Arrow>> {
        check_count(self.name(), arg_types.len(), 1, 1)?;
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[Arrow]) -> Outcome<Arrow> {
        let kind = arg_types.first().ok_or_else(|| internal("a total of nothing"))?;
        if let Some(scale) = Self::scale_of(kind) {
            let scale = match self.total {
                Total::Sum => scale,
                Total::Average => quotient_scale(scale),
            };
            return Ok(Arrow::Decimal128(PRECISION_MAX, scale));
        }
        match kind {
            Arrow::Utf8 | Arrow::Float64 | Arrow::Float32 => Ok(Arrow::Float64),
            other => {
                let kind = kind_of(&Field::new("", other.clone(), true))?;
                Err(invalid_types(self.name(), &[kind]))
            }
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Outcome<Vec<FieldRef>> {
        let input = args.input_fields.first().ok_or_else(|| internal("a total of nothing"))?;
        let sum = Self::state_type(input.data_type());
        if args.is_distinct {
            let name = format_state_name(args.name, "distinct");
            let field = Field::new_list(name, Field::new_list_field(sum, true), true);
            return Ok(vec![Arc::new(field)]);
        }
        Ok(vec![
            Arc::new(Field::new(format_state_name(args.name, "sum"), sum, true)),
            Arc::new(Field::new(format_state_name(args.name, "count"), Arrow::Int64, true)),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Outcome<Box<dyn Accumulator>> {
        let adder = self.adder(&args)?;
        if args.is_distinct {
            return Ok(Box::new(DistinctTotal { adder, seen: HashSet::new() }));
        }
        Ok(Box::new(OneTotal { adder, sums: Sums::default() }))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Outcome<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(GroupTotals { adder: self.adder(&args)?, sums: Sums::default() }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

/// How values are read and added up.
#[derive(Clone, Debug)]
struct Adder {
    total: Total,
    field: FieldRef,
    /// `None`: floats.
    scale: Option<i8>,
    target: Arrow,
}

/// Sums and counts, one of each per group.
#[derive(Debug, Default)]
struct Sums {
    decimals: Vec<i128>,
    floats: Vec<f64>,
    counts: Vec<i64>,
}

impl Sums {
    fn resize(&mut self, groups: usize, decimal: bool) {
        if decimal {
            self.decimals.resize(groups, 0);
        } else {
            self.floats.resize(groups, 0.0);
        }
        self.counts.resize(groups, 0);
    }

    fn size(&self) -> usize {
        self.decimals.capacity() * 16 + self.floats.capacity() * 8 + self.counts.capacity() * 8
    }
}

impl Adder {
    fn overflow(&self) -> datafusion::error::DataFusionError {
        decimal::out_of_range_text(PRECISION_MAX, self.scale.unwrap_or(0), "above 1e+38")
    }

    /// Calls `add` with each value that is not NULL, as a decimal or a float.
    fn each(
        &self,
        values: &ArrayRef,
        mut decimals: impl FnMut(usize, i128) -> Option<()>,
        mut floats: impl FnMut(usize, f64),
    ) -> Outcome<()> {
        let column = Column::new(values, &self.field, false)?;
        let mut fits = Some(());
        match &column.cells {
            Cells::Int(it) if it.null_count() == 0 => {
                for (row, value) in it.values().iter().enumerate() {
                    fits = fits.and(decimals(row, i128::from(*value)));
                }
            }
            Cells::Decimal(it, _) if it.null_count() == 0 => {
                for (row, value) in it.values().iter().enumerate() {
                    fits = fits.and(decimals(row, *value));
                }
            }
            cells => {
                for row in 0..values.len() {
                    match cells.get(row) {
                        Datum::Null => {}
                        Datum::Number(value, _) if self.scale.is_some() => {
                            fits = fits.and(decimals(row, value));
                        }
                        held @ Datum::Json(_) => {
                            if let Datum::Float(value) =
                                convert(held, &DataType::Float, &Zone::UTC)?
                            {
                                floats(row, value);
                            }
                        }
                        other => floats(row, to_float(&other)?),
                    }
                }
            }
        }
        fits.ok_or_else(|| self.overflow())
    }

    fn finish(&self, sums: Vec<i128>, floats: Vec<f64>, counts: Vec<i64>) -> Outcome<ArrayRef> {
        let Arrow::Decimal128(precision, target_scale) = self.target else {
            let values = floats.into_iter().zip(counts).map(|(sum, count)| match self.total {
                _ if count == 0 => None,
                Total::Sum => Some(sum),
                Total::Average => Some(sum / count as f64),
            });
            return Ok(Arc::new(values.collect::<Float64Array>()));
        };
        let scale = self.scale.unwrap_or(0);
        let values = sums
            .into_iter()
            .zip(counts)
            .map(|(sum, count)| {
                let value = match self.total {
                    _ if count == 0 => return Ok(None),
                    Total::Sum => Some(sum),
                    Total::Average => {
                        decimal::divide((sum, scale), (i128::from(count), 0), target_scale)
                    }
                };
                let value = value.filter(|it| decimal::fits(*it, PRECISION_MAX));
                value.map(Some).ok_or_else(|| self.overflow())
            })
            .collect::<Outcome<Decimal128Array>>()?;
        let values = values.with_precision_and_scale(precision, target_scale);
        Ok(Arc::new(values.map_err(super::kit::arrow)?))
    }

    fn state(&self, sums: Vec<i128>, floats: Vec<f64>, counts: Vec<i64>) -> Outcome<Vec<ArrayRef>> {
        let sums: ArrayRef = match self.scale {
            Some(scale) => Arc::new(
                Decimal128Array::from_iter_values(sums)
                    .with_precision_and_scale(PRECISION_MAX, scale)
                    .map_err(super::kit::arrow)?,
            ),
            None => Arc::new(Float64Array::from_iter_values(floats)),
        };
        Ok(vec![sums, Arc::new(Int64Array::from(counts))])
    }

    /// Adds up states: as [`Self::each`], with the count of each.
    fn each_state(
        &self,
        states: &[ArrayRef],
        mut add: impl FnMut(usize, i128, f64, i64) -> Option<()>,
    ) -> Outcome<()> {
        let [sums, counts] = states else {
            return Err(internal("a total's state has two columns"));
        };
        let counts = counts.as_primitive::<Int64Type>();
        for row in 0..counts.len() {
            if counts.is_null(row) || sums.is_null(row) {
                continue;
            }
            let (decimal, float) = match self.scale {
                Some(_) => (sums.as_primitive::<Decimal128Type>().value(row), 0.0),
                None => (0, sums.as_primitive::<Float64Type>().value(row)),
            };
            add(row, decimal, float, counts.value(row)).ok_or_else(|| self.overflow())?;
        }
        Ok(())
    }
}

/// Without `GROUP BY`, and over windows.
#[derive(Debug)]
struct OneTotal {
    adder: Adder,
    sums: Sums,
}

impl OneTotal {
    fn change(&mut self, values: &[ArrayRef], sign: i64) -> Outcome<()> {
        let Some(values) = values.first() else { return Ok(()) };
        self.sums.resize(1, self.adder.scale.is_some());
        let Sums { decimals, floats, counts } = &mut self.sums;
        let (mut sum, mut float) = (decimals.first().copied().unwrap_or(0), 0.0);
        let (mut seen, mut seen_float) = (0, 0);
        self.adder.each(
            values,
            |_, value| {
                sum = sum.checked_add(value * i128::from(sign))?;
                seen += sign;
                Some(())
            },
            |_, value| {
                float += value * sign as f64;
                seen_float += sign;
            },
        )?;
        decimals.iter_mut().for_each(|it| *it = sum);
        floats.iter_mut().for_each(|it| *it += float);
        counts.iter_mut().for_each(|it| *it += seen + seen_float);
        Ok(())
    }
}

impl Accumulator for OneTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Outcome<()> {
        self.change(values, 1)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Outcome<()> {
        self.change(values, -1)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Outcome<ScalarValue> {
        self.sums.resize(1, self.adder.scale.is_some());
        let Sums { decimals, floats, counts } = &self.sums;
        let array = self.adder.finish(decimals.clone(), floats.clone(), counts.clone())?;
        ScalarValue::try_from_array(&array, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.sums.size()
    }

    fn state(&mut self) -> Outcome<Vec<ScalarValue>> {
        self.sums.resize(1, self.adder.scale.is_some());
        let Sums { decimals, floats, counts } = &self.sums;
        let state = self.adder.state(decimals.clone(), floats.clone(), counts.clone())?;
        state.iter().map(|it| ScalarValue::try_from_array(it, 0)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Outcome<()> {
        self.sums.resize(1, self.adder.scale.is_some());
        let Sums { decimals, floats, counts } = &mut self.sums;
        self.adder.each_state(states, |_, decimal, float, count| {
            if let Some(it) = decimals.first_mut() {
                *it = it.checked_add(decimal)?;
            }
            floats.iter_mut().for_each(|it| *it += float);
            counts.iter_mut().for_each(|it| *it += count);
            Some(())
        })
    }
}

/// `SUM(DISTINCT …)`: the values seen, floats by their bits.
#[derive(Debug)]
struct DistinctTotal {
    adder: Adder,
    seen: HashSet<i128>,
}

impl DistinctTotal {
    fn float(bits: i128) -> f64 {
        f64::from_bits(bits as u64)
    }
}

impl Accumulator for DistinctTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Outcome<()> {
        let Some(values) = values.first() else { return Ok(()) };
        let (mut decimals, mut floats) = (vec![], vec![]);
        self.adder.each(
            values,
            |_, value| {
                decimals.push(value);
                Some(())
            },
            |_, value| floats.push(i128::from(value.to_bits())),
        )?;
        self.seen.extend(decimals);
        self.seen.extend(floats);
        Ok(())
    }

    fn evaluate(&mut self) -> Outcome<ScalarValue> {
        let count = self.seen.len() as i64;
        let (sum, float) = match self.adder.scale {
            Some(_) => {
                let sum = self.seen.iter().try_fold(0_i128, |sum, it| sum.checked_add(*it));
                (sum.ok_or_else(|| self.adder.overflow())?, 0.0)
            }
            None => (0, self.seen.iter().map(|it| Self::float(*it)).sum()),
        };
        let array = self.adder.finish(vec![sum], vec![float], vec![count])?;
        ScalarValue::try_from_array(&array, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.seen.capacity() * size_of::<i128>()
    }

    fn state(&mut self) -> Outcome<Vec<ScalarValue>> {
        let kind = Totals::state_type(self.adder.field.data_type());
        let values: Vec<ScalarValue> = self
            .seen
            .iter()
            .map(|it| match self.adder.scale {
                Some(scale) => ScalarValue::Decimal128(Some(*it), PRECISION_MAX, scale),
                None => ScalarValue::Float64(Some(Self::float(*it))),
            })
            .collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &kind))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Outcome<()> {
        let lists = states.first().and_then(|it| it.as_list_opt::<i32>());
        let lists = lists.ok_or_else(|| internal("a state of a distinct total is not a list"))?;
        for list in lists.iter().flatten() {
            match self.adder.scale {
                Some(_) => {
                    self.seen.extend(list.as_primitive::<Decimal128Type>().iter().flatten());
                }
                None => self.seen.extend(
                    list.as_primitive::<Float64Type>()
                        .iter()
                        .flatten()
                        .map(|it| i128::from(it.to_bits())),
                ),
            }
        }
        Ok(())
    }
}

/// With `GROUP BY`.
#[derive(Debug)]
struct GroupTotals {
    adder: Adder,
    sums: Sums,
}

impl GroupTotals {
    fn take(&mut self, emit_to: EmitTo) -> (Vec<i128>, Vec<f64>, Vec<i64>) {
        let counts = emit_to.take_needed(&mut self.sums.counts);
        match self.adder.scale {
            Some(_) => (emit_to.take_needed(&mut self.sums.decimals), vec![], counts),
            None => (vec![], emit_to.take_needed(&mut self.sums.floats), counts),
        }
    }
}

impl GroupsAccumulator for GroupTotals {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Outcome<()> {
        let Some(values) = values.first() else { return Ok(()) };
        self.sums.resize(total_num_groups, self.adder.scale.is_some());
        let Sums { decimals, floats, counts } = &mut self.sums;
        let kept = |row: usize| filter.is_none_or(|it| it.is_valid(row) && it.value(row));
        let mut counted = mem::take(counts);
        let mut counted_floats: Vec<usize> = vec![];
        self.adder.each(
            values,
            |row, value| {
                let group = *group_indices.get(row)?;
                if kept(row) {
                    let sum = decimals.get_mut(group)?;
                    *sum = sum.checked_add(value)?;
                    *counted.get_mut(group)? += 1;
                }
                Some(())
            },
            |row, value| {
                if let Some(group) = group_indices.get(row)
                    && kept(row)
                    && let Some(sum) = floats.get_mut(*group)
                {
                    *sum += value;
                    counted_floats.push(*group);
                }
            },
        )?;
        for group in counted_floats {
            if let Some(count) = counted.get_mut(group) {
                *count += 1;
            }
        }
        self.sums.counts = counted;
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Outcome<ArrayRef> {
        let (decimals, floats, counts) = self.take(emit_to);
        self.adder.finish(decimals, floats, counts)
    }

    fn state(&mut self, emit_to: EmitTo) -> Outcome<Vec<ArrayRef>> {
        let (decimals, floats, counts) = self.take(emit_to);
        self.adder.state(decimals, floats, counts)
    }

    fn merge_batch(
        &mut self,
        states: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Outcome<()> {
        self.sums.resize(total_num_groups, self.adder.scale.is_some());
        let Sums { decimals, floats, counts } = &mut self.sums;
        self.adder.each_state(states, |row, decimal, float, count| {
            let group = *group_indices.get(row)?;
            if let Some(sum) = decimals.get_mut(group) {
                *sum = sum.checked_add(decimal)?;
            }
            if let Some(sum) = floats.get_mut(group) {
                *sum += float;
            }
            *counts.get_mut(group)? += count;
            Some(())
        })
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Outcome<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |it| it.len());
        let groups: Vec<usize> = (0..rows).collect();
        let mut each = Self { adder: self.adder.clone(), sums: Sums::default() };
        each.update_batch(values, &groups, filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.sums.size()
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::check_aggregate;

    #[test]
    fn totals_have_the_documented_types() {
        check_aggregate("SUM(N)", "7");
        check_aggregate("SUM(D)", "3.00");
        check_aggregate("AVG(N)", "2.333333");
        check_aggregate("AVG(D)", "1.50000000");
        check_aggregate("SUM(Z)", "NULL");
        check_aggregate("AVG(DISTINCT CASE WHEN N > 1 THEN 3 ELSE 1 END)", "2.000000");
        check_aggregate("SUM(R) FROM (SELECT AVG(D) AS R FROM T GROUP BY G)", "1.50000000");
        check_aggregate("MAX(R) FROM (SELECT SUM(D) OVER (ORDER BY N) AS R FROM T)", "3.00");
        check_aggregate("ARROW_TYPEOF(SUM(N))", "Decimal128(38, 0)");
        check_aggregate("SUM(PARSE_JSON(SF_CONCAT(N, '.5')))", "8.5");
        check_aggregate("ROUND(STDDEV(N), 6)", "1.527525");
        check_aggregate("VAR_POP(D)", "0.25");
        check_aggregate(
            "SUM(N > 1)",
            "001044 (42P13): SQL compilation error:\nInvalid argument types for function 'SUM': (BOOLEAN)",
        );
    }

    #[test]
    fn a_total_beyond_38_digits_is_refused() {
        check_aggregate(
            "SUM(R) FROM (SELECT CAST(9e37 AS DECIMAL(38,0)) AS R FROM T)",
            "100046 (22003): Number out of representable range: type FIXED[SB16](38,0){nullable}, value above 1e+38",
        );
    }
}
