//! `HASH` and `HASH_AGG`: 64 bits, the same on every run and machine, not Snowflake's own bits.
//!
//! Values that compare equal hash equal: `1`, `1.00` and `1e0` do. Columns are hashed whole, so
//! that a table of a million rows takes a fraction of a second.

use super::datum::{Cells, Column};
use super::decimal;
use super::kit::{Body, Call, Entry, MANY, Outcome, internal, returns_int};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array},
        buffer::NullBuffer,
        datatypes::{DataType as Arrow, Field, FieldRef, Int64Type},
    },
    common::ScalarValue,
    logical_expr::{
        Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::format_state_name,
    },
};
use std::{collections::HashSet, sync::Arc};

pub(super) static ENTRIES: &[Entry] =
    &[Entry::new("HASH", (1, MANY), returns_int, Body::Batch(hash))];

/// Odd constants with bits spread evenly: digits of the golden ratio, and of MurmurHash3's mixer.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX_1: u64 = 0xff51_afd7_ed55_8ccd;
const MIX_2: u64 = 0xc4ce_b9fe_1a85_ec53;
/// What NULL hashes to.
const NULL: u64 = 0x5bd1_e995_87c3_7b91;

/// Spreads every bit of `value` over all others.
pub(super) fn mix(mut value: u64) -> u64 {
    value ^= value >> 33;
    value = value.wrapping_mul(MIX_1);
    value ^= value >> 33;
    value = value.wrapping_mul(MIX_2);
    value ^ (value >> 33)
}

fn hash_int(value: i128) -> u64 {
    let low = mix(value as u64 ^ SEED);
    let high = (value >> 64) as u64;
    // Sign extension of a number that fits 64 bits costs nothing more.
    if high == 0 || high == u64::MAX { low ^ (high & MIX_1) } else { mix(low ^ high) }
}

fn hash_decimal(value: i128, scale: i8) -> u64 {
    let (value, scale) = decimal::normalise(value, scale);
    hash_int(value) ^ (scale as u64).wrapping_mul(MIX_2)
}

fn hash_float(value: f64) -> u64 {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return hash_decimal(value as i128, 0);
    }
    // A double that is a decimal number hashes as that number.
    match decimal::parse(&format!("{value}"), None) {
        decimal::Parsed::Value(value, scale) => hash_decimal(value, scale),
        _ => mix(value.to_bits() ^ MIX_2),
    }
}

pub(super) fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut state = SEED ^ (bytes.len() as u64 + 1).wrapping_mul(MIX_1);
    let (chunks, rest) = bytes.as_chunks::<8>();
    for chunk in chunks {
        state = mix(state ^ u64::from_le_bytes(*chunk)).wrapping_add(SEED);
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    mix(state ^ u64::from_le_bytes(last))
}

/// Folds the hashes of one column's values into those of the rows so far.
fn fold(
    hashes: &mut [u64],
    constant: bool,
    nulls: Option<&NullBuffer>,
    value: impl Fn(usize) -> u64,
) {
    // Rotated and multiplied first: (1, 2) and (2, 1) differ.
    let put = |it: &mut u64, value: u64| *it = mix(it.rotate_left(23).wrapping_mul(MIX_2) ^ value);
    let is_null = |row: usize| nulls.is_some_and(|it| it.is_null(row));
    if constant {
        let value = if is_null(0) { NULL } else { value(0) };
        hashes.iter_mut().for_each(|it| put(it, value));
    } else if nulls.is_none() {
        hashes.iter_mut().enumerate().for_each(|(row, it)| put(it, value(row)));
    } else {
        hashes
            .iter_mut()
            .enumerate()
            .for_each(|(row, it)| put(it, if is_null(row) { NULL } else { value(row) }));
    }
}

fn fold_column(column: &Column, hashes: &mut [u64]) {
    if hashes.is_empty() {
        return;
    }
    let constant = column.constant;
    match &column.cells {
        Cells::Null => fold(hashes, true, None, |_| NULL),
        Cells::Int(it) => {
            fold(hashes, constant, it.nulls(), |row| hash_int(i128::from(it.value(row))));
        }
        Cells::Decimal(it, scale) => {
            fold(hashes, constant, it.nulls(), |row| hash_decimal(it.value(row), *scale));
        }
        Cells::Float(it) => fold(hashes, constant, it.nulls(), |row| hash_float(it.value(row))),
        Cells::Text(it) | Cells::Json(it) => {
            fold(hashes, constant, it.nulls(), |row| hash_bytes(it.value(row).as_bytes()));
        }
        Cells::Boolean(it) => {
            fold(hashes, constant, it.nulls(), |row| mix(u64::from(it.value(row)) ^ MIX_1));
        }
        Cells::Date(it) => {
            fold(hashes, constant, it.nulls(), |row| hash_int(i128::from(it.value(row))));
        }
        Cells::Time(it) => fold(hashes, constant, it.nulls(), |row| mix(it.value(row) as u64)),
        Cells::Ntz(it) | Cells::Ltz(it) => {
            fold(hashes, constant, it.nulls(), |row| mix(it.value(row) as u64));
        }
        // The same instant in two zones is equal.
        Cells::Tz(nulls, instants, _) => {
            let nulls = nulls.as_ref().or(instants.nulls());
            fold(hashes, constant, nulls, |row| mix(instants.value(row) as u64));
        }
        Cells::Binary(it) => fold(hashes, constant, it.nulls(), |row| hash_bytes(it.value(row))),
    }
}

fn hash_rows(columns: &[Column], rows: usize) -> Vec<u64> {
    let mut hashes = vec![SEED; rows];
    for column in columns {
        fold_column(column, &mut hashes);
    }
    hashes
}

fn hash(call: &Call) -> Outcome<ArrayRef> {
    let hashes = hash_rows(&call.columns, call.rows);
    Ok(Arc::new(Int64Array::from_iter_values(hashes.into_iter().map(|it| it as i64))))
}

/// `HASH_AGG`: the sum of the mixed hashes of all rows, so their order does not matter and a
/// repeated row does. Zero for no rows.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct HashAgg {
    signature: Signature,
}

impl HashAgg {
    pub fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

fn columns_of(values: &[ArrayRef], fields: &[FieldRef]) -> Outcome<Vec<Column>> {
    values.iter().zip(fields).map(|(array, field)| Column::new(array, field, false)).collect()
}

pub(super) fn row_hashes(values: &[ArrayRef], fields: &[FieldRef]) -> Outcome<Vec<u64>> {
    let rows = values.first().map_or(0, |it| it.len());
    let mut hashes = hash_rows(&columns_of(values, fields)?, rows);
    // Mixed once more, since sums of weak hashes collide easily.
    hashes.iter_mut().for_each(|it| *it = mix(*it ^ MIX_1));
    Ok(hashes)
}

impl AggregateUDFImpl for HashAgg {
    fn name(&self) -> &str {
        "HASH_AGG"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[Arrow]) -> Outcome<Vec<Arrow>> {
        super::kit::check_count("HASH_AGG", arg_types.len(), 1, MANY)?;
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
        let name = format_state_name(args.name, "hash_agg");
        let field = if args.is_distinct {
            Field::new_list(name, Field::new_list_field(Arrow::Int64, true), true)
        } else {
            Field::new(name, Arrow::Int64, true)
        };
        Ok(vec![Arc::new(field)])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Outcome<Box<dyn Accumulator>> {
        let fields = args.expr_fields.to_vec();
        if args.is_distinct {
            return Ok(Box::new(DistinctHash { fields, seen: HashSet::new() }));
        }
        Ok(Box::new(HashSum { fields, sum: 0 }))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Outcome<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(HashSums { fields: args.expr_fields.to_vec(), sums: vec![] }))
    }
}

#[derive(Debug)]
struct HashSum {
    fields: Vec<FieldRef>,
    sum: i64,
}

impl Accumulator for HashSum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Outcome<()> {
        for hash in row_hashes(values, &self.fields)? {
            self.sum = self.sum.wrapping_add(hash as i64);
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Outcome<()> {
        for hash in row_hashes(values, &self.fields)? {
            self.sum = self.sum.wrapping_sub(hash as i64);
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Outcome<ScalarValue> {
        Ok(ScalarValue::Int64(Some(self.sum)))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Outcome<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Outcome<()> {
        let Some(states) = states.first() else { return Ok(()) };
        for sum in states.as_primitive::<Int64Type>().iter().flatten() {
            self.sum = self.sum.wrapping_add(sum);
        }
        Ok(())
    }
}

/// `HASH_AGG(DISTINCT …)`: rows are the same when their hashes are.
#[derive(Debug)]
struct DistinctHash {
    fields: Vec<FieldRef>,
    seen: HashSet<u64>,
}

impl Accumulator for DistinctHash {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Outcome<()> {
        self.seen.extend(row_hashes(values, &self.fields)?);
        Ok(())
    }

    fn evaluate(&mut self) -> Outcome<ScalarValue> {
        let sum = self.seen.iter().fold(0_i64, |sum, it| sum.wrapping_add(*it as i64));
        Ok(ScalarValue::Int64(Some(sum)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.seen.capacity() * size_of::<u64>()
    }

    fn state(&mut self) -> Outcome<Vec<ScalarValue>> {
        let seen: Vec<ScalarValue> =
            self.seen.iter().map(|it| ScalarValue::Int64(Some(*it as i64))).collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&seen, &Arrow::Int64))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Outcome<()> {
        let lists = states.first().and_then(|it| it.as_list_opt::<i32>());
        let lists = lists.ok_or_else(|| internal("a state of HASH_AGG is not a list"))?;
        for list in lists.iter().flatten() {
            self.seen.extend(list.as_primitive::<Int64Type>().iter().flatten().map(|it| it as u64));
        }
        Ok(())
    }
}

#[derive(Debug)]
struct HashSums {
    fields: Vec<FieldRef>,
    sums: Vec<i64>,
}

impl HashSums {
    fn add(
        &mut self,
        hashes: impl Iterator<Item = i64>,
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) {
        self.sums.resize(total_num_groups, 0);
        for (row, (hash, group)) in hashes.zip(group_indices).enumerate() {
            let kept = filter.is_none_or(|it| it.is_valid(row) && it.value(row));
            if let Some(sum) = self.sums.get_mut(*group).filter(|_| kept) {
                *sum = sum.wrapping_add(hash);
            }
        }
    }
}

impl GroupsAccumulator for HashSums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Outcome<()> {
        let hashes = row_hashes(values, &self.fields)?;
        self.add(hashes.into_iter().map(|it| it as i64), group_indices, filter, total_num_groups);
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Outcome<ArrayRef> {
        Ok(Arc::new(Int64Array::from(emit_to.take_needed(&mut self.sums))))
    }

    fn state(&mut self, emit_to: EmitTo) -> Outcome<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Outcome<()> {
        let Some(sums) = values.first() else { return Ok(()) };
        let sums = sums.as_primitive::<Int64Type>();
        self.add(sums.iter().map(Option::unwrap_or_default), group_indices, None, total_num_groups);
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Outcome<Vec<ArrayRef>> {
        let hashes = row_hashes(values, &self.fields)?;
        let sums = hashes.into_iter().enumerate().map(|(row, hash)| {
            let kept = filter.is_none_or(|it| it.is_valid(row) && it.value(row));
            if kept { hash as i64 } else { 0 }
        });
        Ok(vec![Arc::new(Int64Array::from_iter_values(sums))])
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.sums.capacity() * size_of::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{call, check, parse_arguments, shown};
    use super::*;

    fn hash_of(arguments: &str) -> String {
        let udf = super::super::scalar("HASH").expect("registered");
        shown(call(&udf, &parse_arguments(arguments), 1, true))
    }

    #[test]
    fn equal_values_of_different_types_hash_equal() {
        for same in ["1.00", "1e0", "1.0"] {
            assert_eq!(hash_of("1"), hash_of(same), "{same}");
        }
        assert_eq!(hash_of("1.5"), hash_of("1.5e0"));
        assert_eq!(hash_of("z'2024-01-01 02:00:00 +02:00'"), hash_of("z'2024-01-01 00:00:00Z'"));
    }

    #[test]
    fn different_rows_hash_differently() {
        let rows = ["1", "-1", "0", "null", "''", "'1'", "1|2", "2|1", "1|null", "null|1", "true"];
        let hashes: HashSet<String> = rows.iter().map(|it| hash_of(it)).collect();
        assert_eq!(hashes.len(), rows.len());
    }

    /// Suites compare hashes between runs, so the bits must never change.
    #[test]
    fn hashes_are_stable_across_versions() {
        check("HASH", "1", HASH_OF_1);
        check("HASH", "'snow'|null|2.50", HASH_OF_ROW);
    }
    const HASH_OF_1: &str = "156193368533171471";
    const HASH_OF_ROW: &str = "5083375590075925851";

    fn aggregate(batches: &[&[Option<i64>]]) -> i64 {
        let fields: Vec<FieldRef> = vec![Arc::new(Field::new("a", Arrow::Int64, true))];
        let mut sum = HashSum { fields, sum: 0 };
        for batch in batches {
            let array: ArrayRef = Arc::new(Int64Array::from(batch.to_vec()));
            sum.update_batch(&[array]).expect("hashes");
        }
        sum.sum
    }

    #[test]
    fn the_order_of_rows_does_not_matter_and_repetition_does() {
        let rows = [Some(1), None, Some(3)];
        assert_eq!(aggregate(&[&rows]), aggregate(&[&[None, Some(3)], &[Some(1)]]));
        assert_ne!(aggregate(&[&rows]), aggregate(&[&[Some(1), Some(3)]]));
        let twice = aggregate(&[&[Some(1), Some(1)]]);
        assert_ne!(twice, aggregate(&[&[Some(1)]]));
        assert_ne!(twice, 0);
        assert_ne!(twice, aggregate(&[&[Some(2), Some(2)]]));
        assert_eq!(aggregate(&[]), 0);
    }
}
