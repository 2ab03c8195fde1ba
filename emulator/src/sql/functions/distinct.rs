//! Counting different rows: `APPROX_COUNT_DISTINCT`, which is exact here up to collisions of 64
//! bits, and `COUNT(DISTINCT a, b)`, which the engine's own `count` does not do.

use super::hash;
use super::kit::{MANY, Outcome, check_count, internal};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray},
        datatypes::{DataType as Arrow, Field, FieldRef, Int64Type},
    },
    common::ScalarValue,
    logical_expr::{
        Accumulator, AggregateUDFImpl, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::{AggregateOrderSensitivity, format_state_name},
    },
};
use std::{collections::HashSet, sync::Arc};

/// Counts the different rows in which no argument is NULL.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CountDistinct {
    name: &'static str,
    signature: Signature,
}

impl CountDistinct {
    pub fn new(name: &'static str) -> Self {
        Self { name, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for CountDistinct {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[Arrow]) -> Outcome<Vec<Arrow>> {
        check_count(self.name, arg_types.len(), 1, MANY)?;
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, _: &[Arrow]) -> Outcome<Arrow> {
        Ok(Arrow::Int64)
    }

    fn is_nullable(&self) -> bool {
        false
    }

    fn default_value(&self, _: &Arrow) -> Outcome<ScalarValue> {
        Ok(ScalarValue::Int64(Some(0)))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Outcome<Vec<FieldRef>> {
        let name = format_state_name(args.name, "seen");
        let field = Field::new_list(name, Field::new_list_field(Arrow::Int64, true), true);
        Ok(vec![Arc::new(field)])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Outcome<Box<dyn Accumulator>> {
        Ok(Box::new(Seen { fields: args.expr_fields.to_vec(), hashes: HashSet::new() }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

#[derive(Debug)]
struct Seen {
    fields: Vec<FieldRef>,
    hashes: HashSet<u64>,
}

impl Accumulator for Seen {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Outcome<()> {
        let hashes = hash::row_hashes(values, &self.fields)?;
        for (row, hash) in hashes.into_iter().enumerate() {
            if values.iter().all(|it| !it.is_null(row) && it.data_type() != &Arrow::Null) {
                self.hashes.insert(hash);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Outcome<ScalarValue> {
        Ok(ScalarValue::Int64(Some(self.hashes.len() as i64)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.hashes.capacity() * size_of::<u64>()
    }

    fn state(&mut self) -> Outcome<Vec<ScalarValue>> {
        let hashes: Vec<ScalarValue> =
            self.hashes.iter().map(|it| ScalarValue::Int64(Some(*it as i64))).collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&hashes, &Arrow::Int64))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Outcome<()> {
        let lists = states.first().and_then(|it| it.as_list_opt::<i32>());
        let lists = lists.ok_or_else(|| internal("a state that is not a list"))?;
        for list in lists.iter().flatten() {
            let hashes = list.as_primitive::<Int64Type>().iter().flatten();
            self.hashes.extend(hashes.map(|it| it as u64));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::check_aggregate;

    #[test]
    fn rows_with_nulls_are_not_counted() {
        check_aggregate("APPROX_COUNT_DISTINCT(G)", "2");
        check_aggregate("APPROX_COUNT_DISTINCT(Z)", "0");
        check_aggregate("SF_COUNT_DISTINCT(G, N)", "3");
        check_aggregate("SF_COUNT_DISTINCT(G, Z)", "0");
    }
}
