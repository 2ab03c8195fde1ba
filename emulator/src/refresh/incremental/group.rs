//! GROUP BY with aggregates that can be taken back exactly: counts, and sums and averages of whole
//! and decimal numbers. Cost: the changed rows.
//!
//! Sums are kept in 256 bits, so no order of changes overflows. What a group's sum and count
//! give is left to the aggregate function itself: they are handed to it as its own state. So
//! types, rounding, NULLs and refusals are those of the whole query. One thing can differ: the
//! whole query also refuses where a sum leaves 128 bits on the way and comes back.

use super::{
    ROWS_PER_BATCH,
    arrangement::{Bytes, Codec, lost, one_zero},
    delta::{Delta, Weighted, batch_of},
    expressions::Expressions,
};
use crate::{
    error::SqlError,
    regression::{Regression, regressed},
    sql::scope::error_of,
};
use arrow::{
    array::{Array, ArrayRef, AsArray, Decimal128Array, Int64Array},
    compute::cast,
    datatypes::{DataType, Decimal128Type, Int64Type, SchemaRef, i256},
};
use datafusion::{
    logical_expr::{Aggregate, EmitTo, Expr, physical_planning_context::PhysicalPlanningContext},
    physical_expr::aggregate::{AggregateFunctionExpr, LoweredAggregateBuilder},
};
use std::{collections::HashMap, sync::Arc};

/// Digits of the sums in an aggregate's state.
const SUM_PRECISION: u8 = 38;

pub(super) struct Group {
    key: Expressions,
    key_codec: Codec,
    /// Arguments of all aggregates, one after the other.
    arguments: Expressions,
    aggregates: Vec<Running>,
    schema: SchemaRef,
    groups: HashMap<Bytes, Totals>,
    bytes: usize,
    /// Without GROUP BY there is one group, and it is there without rows too.
    is_scalar: bool,
    is_first: bool,
}

/// An aggregate that is kept as running values.
struct Running {
    kind: Kind,
    /// How many arguments it has.
    arguments: usize,
    function: Arc<AggregateFunctionExpr>,
}

enum Kind {
    /// Rows in which no argument is NULL.
    Count,
    /// Rows in which the only argument is true.
    CountIf,
    /// Sum and count of values with this many decimals.
    Total { scale: i8 },
}

#[derive(Clone, PartialEq)]
struct Totals {
    rows: i64,
    values: Box<[Value]>,
}

#[derive(Clone, Copy, PartialEq)]
struct Value {
    sum: i256,
    count: i64,
}

impl Totals {
    fn none(aggregates: usize) -> Self {
        let zero = Value { sum: i256::ZERO, count: 0 };
        Self { rows: 0, values: vec![zero; aggregates].into() }
    }

    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        for (value, other) in self.values.iter_mut().zip(&other.values) {
            value.sum = value.sum.wrapping_add(other.sum);
            value.count += other.count;
        }
    }
}

impl Running {
    /// `None` where the aggregate cannot be taken back exactly.
    fn new(expr: &Expr, aggregate: &Aggregate) -> Result<Option<(Self, Vec<Expr>)>, SqlError> {
        let Expr::AggregateFunction(call) = expr.clone().unalias_nested().data else {
            return Ok(None);
        };
        let parameters = call.params;
        if parameters.distinct || parameters.filter.is_some() {
            return Ok(None);
        }
        let input = &aggregate.input.schema();
        let planning = PhysicalPlanningContext::default();
        let properties = super::session().execution_props();
        let function =
            LoweredAggregateBuilder::new(expr, input, input.inner(), properties, &planning)
                .build()
                .map_err(error_of)?
                .aggregate;
        let arguments = Expressions::new(&parameters.args, input)?;
        let types = arguments.types(input.inner())?;
        let result = function.field();
        let kind = match (call.func.name(), types.as_slice(), result.data_type()) {
            ("count", [_, ..], DataType::Int64) => Kind::Count,
            ("COUNT_IF", [DataType::Boolean], DataType::Int64) => Kind::CountIf,
            ("SUM" | "AVG", [DataType::Decimal128(_, scale)], DataType::Decimal128(..)) => {
                Kind::Total { scale: *scale }
            }
            ("SUM" | "AVG", [it], DataType::Decimal128(..)) if it.is_signed_integer() => {
                Kind::Total { scale: 0 }
            }
            _ => return Ok(None),
        };
        let running = Self { kind, arguments: types.len(), function };
        Ok(Some((running, parameters.args)))
    }

    /// Adds the rows of a batch to the groups that they belong to.
    fn add(
        &self,
        arguments: &[ArrayRef],
        weights: &[i64],
        mut each: impl FnMut(usize, i256, i64),
    ) -> Result<(), SqlError> {
        let nulls: Vec<_> = arguments.iter().filter_map(|it| it.logical_nulls()).collect();
        let rows = weights.iter().enumerate();
        let rows = rows.filter(|(row, _)| nulls.iter().all(|it| it.is_valid(*row)));
        match (&self.kind, arguments) {
            (Kind::Count, _) => rows.for_each(|(row, weight)| each(row, i256::ZERO, *weight)),
            (Kind::CountIf, [argument]) => {
                let argument = argument.as_boolean();
                rows.filter(|(row, _)| argument.value(*row))
                    .for_each(|(row, weight)| each(row, i256::ZERO, *weight));
            }
            (Kind::Total { .. }, [argument]) => {
                let mut add = |row: usize, weight: i64, value: i128| {
                    let value = i256::from_i128(value);
                    each(row, value.wrapping_mul(i256::from_i128(weight.into())), weight);
                };
                match argument.as_primitive_opt::<Decimal128Type>() {
                    Some(it) => rows.for_each(|(row, weight)| add(row, *weight, it.value(row))),
                    None => {
                        let integers =
                            cast(argument, &DataType::Int64).map_err(SqlError::internal)?;
                        let integers = integers.as_primitive::<Int64Type>();
                        rows.for_each(|(row, weight)| {
                            add(row, *weight, integers.value(row).into());
                        });
                    }
                }
            }
            _ => return Err(SqlError::internal("an aggregate with the wrong arguments")),
        }
        Ok(())
    }

    /// The results of groups.
    fn finish(&self, values: &[Value]) -> Result<ArrayRef, SqlError> {
        let counts = Int64Array::from_iter_values(values.iter().map(|it| it.count));
        let Kind::Total { scale } = self.kind else { return Ok(Arc::new(counts)) };
        // What does not fit is as large as can be said, which the function refuses.
        let sum = |it: &Value| {
            let most = if it.sum < i256::ZERO { i128::MIN } else { i128::MAX };
            it.sum.to_i128().unwrap_or(most)
        };
        let sums = Decimal128Array::from_iter_values(values.iter().map(sum));
        let sums = sums.with_precision_and_scale(SUM_PRECISION, scale);
        let sums = sums.map_err(SqlError::internal)?;
        let mut totals = self.function.create_groups_accumulator().map_err(error_of)?;
        let groups: Vec<usize> = (0..values.len()).collect();
        totals
            .merge_batch(&[Arc::new(sums), Arc::new(counts)], &groups, groups.len())
            .and_then(|()| totals.evaluate(EmitTo::All))
            .map_err(error_of)
    }
}

impl Group {
    /// `None` where an aggregate cannot be taken back exactly.
    pub fn new(aggregate: &Aggregate) -> Result<Option<Self>, SqlError> {
        let input = aggregate.input.schema();
        let (mut aggregates, mut arguments) = (vec![], vec![]);
        for expr in &aggregate.aggr_expr {
            let Some((running, own)) = Running::new(expr, aggregate)? else { return Ok(None) };
            aggregates.push(running);
            arguments.extend(own);
        }
        let key = Expressions::new(&aggregate.group_expr, input)?;
        Ok(Some(Self {
            key_codec: Codec::new(&key.types(input.inner())?)?,
            key,
            arguments: Expressions::new(&arguments, input)?,
            aggregates,
            schema: Arc::clone(aggregate.schema.inner()),
            groups: HashMap::new(),
            bytes: 0,
            is_scalar: aggregate.group_expr.is_empty(),
            is_first: true,
        }))
    }

    pub fn advance(&mut self, input: &Delta) -> Result<Delta, SqlError> {
        let mut changes: HashMap<Bytes, Totals> = HashMap::new();
        for Weighted { rows, weights } in &input.batches {
            self.add_up(rows, weights, &mut changes)?;
        }
        let is_first = std::mem::replace(&mut self.is_first, false);
        if self.is_scalar && is_first {
            changes.entry(Bytes::default()).or_insert_with(|| Totals::none(self.aggregates.len()));
        }
        let mut changes: Vec<(Bytes, Totals)> = changes.into_iter().collect();
        changes.sort_unstable_by(|a, b| a.0.cmp(&b.0));

        if regressed(Regression::GroupKeepsMovedRow) && changes.iter().any(|it| it.1.rows > 0) {
            changes.retain(|it| it.1.rows >= 0);
        }

        let mut listed: Vec<(Bytes, Totals, i64)> = vec![];
        for (key, change) in changes {
            let old = self.groups.remove(&key);
            let cost = key.len() + change.values.len() * size_of::<Value>();
            let mut new = old.clone().unwrap_or_else(|| Totals::none(self.aggregates.len()));
            new.add(&change);
            if new.rows < 0 {
                return Err(lost());
            }
            let is_there = match () {
                () if regressed(Regression::EmptyGroupStays) => true,
                () if regressed(Regression::ScalarRowLost) => new.rows > 0,
                () => self.is_scalar || new.rows > 0,
            };
            if is_there {
                self.groups.insert(key.clone(), new.clone());
            }
            self.bytes += if is_there { cost } else { 0 };
            self.bytes = self.bytes.saturating_sub(if old.is_some() { cost } else { 0 });
            if old.as_ref().is_some_and(|old| is_there && old.values == new.values) {
                continue;
            }
            listed.extend(old.map(|it| (key.clone(), it, -1)));
            listed.extend(is_there.then_some((key, new, 1)));
        }
        let mut out = Delta::empty(Arc::clone(&self.schema));
        for rows in listed.chunks(ROWS_PER_BATCH) {
            let mut columns = self.key_codec.decode(rows.iter().map(|it| it.0.as_ref()))?;
            for (index, aggregate) in self.aggregates.iter().enumerate() {
                let values: Vec<Value> =
                    rows.iter().filter_map(|it| it.1.values.get(index).copied()).collect();
                columns.push(aggregate.finish(&values)?);
            }
            let batch = batch_of(&self.schema, columns, rows.len())?;
            out.push(batch, rows.iter().map(|it| it.2).collect());
        }
        Ok(out)
    }

    fn add_up(
        &self,
        rows: &arrow::array::RecordBatch,
        weights: &[i64],
        changes: &mut HashMap<Bytes, Totals>,
    ) -> Result<(), SqlError> {
        let keys: Vec<ArrayRef> = self.key.evaluate(rows)?.iter().map(one_zero).collect();
        let keys = self.key_codec.encode(&keys, rows.num_rows())?;
        // Numbers for the groups of this batch, so that each aggregate need not look them up.
        let mut numbers: HashMap<&[u8], usize> = HashMap::new();
        let mut totals: Vec<Totals> = vec![];
        let mut group_of = Vec::with_capacity(weights.len());
        for (row, weight) in weights.iter().enumerate() {
            let number = *numbers.entry(keys.get(row)).or_insert_with(|| {
                totals.push(Totals::none(self.aggregates.len()));
                totals.len() - 1
            });
            if let Some(it) = totals.get_mut(number) {
                it.rows += weight;
            }
            group_of.push(number);
        }
        let arguments = self.arguments.evaluate(rows)?;
        let mut arguments = arguments.as_slice();
        for (index, aggregate) in self.aggregates.iter().enumerate() {
            let (own, rest) = arguments.split_at(aggregate.arguments.min(arguments.len()));
            arguments = rest;
            aggregate.add(own, weights, |row, sum, count| {
                let total = group_of.get(row).and_then(|it| totals.get_mut(*it));
                if let Some(value) = total.and_then(|it| it.values.get_mut(index)) {
                    value.sum = value.sum.wrapping_add(sum);
                    value.count += count;
                }
            })?;
        }
        for (key, number) in numbers {
            let Some(total) = totals.get(number) else { continue };
            match changes.get_mut(key) {
                Some(it) => it.add(total),
                None => {
                    changes.insert(key.into(), total.clone());
                }
            }
        }
        Ok(())
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
