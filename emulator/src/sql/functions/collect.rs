//! Aggregates that need all of a group's values at once: `LISTAGG`, `ARRAY_AGG`, `MEDIAN`,
//! `PERCENTILE_*`, `MODE`, `MIN_BY`, and the folds over bits and booleans.
//!
//! A group's arguments are kept as they came, with the values of `ORDER BY`; they are sorted and
//! turned into the result at the end.

use super::convert::{self, text_of, to_boolean, to_float};
use super::datum::{Column, Datum, Sink, kind_of};
use super::decimal;
use super::kit::{
    Outcome, arrow, check_count, internal, invalid_argument, invalid_types, refuse, typed,
};
use super::{json, zone::Zone};
use crate::types::DataType;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, ListArray, UInt32Array, new_empty_array},
        buffer::OffsetBuffer,
        compute::{SortColumn, SortOptions, concat, lexsort_to_indices, take},
        datatypes::{DataType as Arrow, Field, FieldRef},
    },
    common::ScalarValue,
    logical_expr::{
        Accumulator, AggregateUDFImpl, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::{AggregateOrderSensitivity, format_state_name},
    },
};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

/// A group's arguments, sorted as the call asks.
pub(super) struct Group {
    name: &'static str,
    columns: Vec<Column>,
    rows: usize,
    distinct: bool,
    /// `WITHIN GROUP (ORDER BY … DESC)`.
    descending: bool,
    target: FieldRef,
}

impl Group {
    /// The values of an argument that are not NULL.
    fn values(&self, index: usize) -> impl Iterator<Item = Datum<'_>> {
        let column = self.columns.get(index);
        (0..self.rows)
            .filter_map(move |row| column.map(|it| it.get(row)))
            .filter(|it| !it.is_null())
    }

    /// An argument that is the same in every row.
    fn constant(&self, index: usize) -> Option<Datum<'_>> {
        (self.rows > 0).then(|| self.columns.get(index).map(|it| it.get(0))).flatten()
    }

    /// Values without repetition, where the call says DISTINCT, in the order they have.
    fn kept(&self, index: usize) -> Outcome<Vec<Datum<'_>>> {
        let mut seen = HashSet::new();
        let mut kept = vec![];
        for value in self.values(index) {
            if !self.distinct || seen.insert(json::of(&value, &Zone::UTC)?) {
                kept.push(value);
            }
        }
        Ok(kept)
    }
}

/// An aggregate's table entry.
pub(super) struct Collected {
    pub name: &'static str,
    pub arguments: (usize, usize),
    /// Whether `ORDER BY` inside the call decides the result.
    pub ordered: bool,
    /// Whether `WITHIN GROUP` hands its expression in as the first argument.
    pub within_group: bool,
    pub returns: fn(&'static str, &[Option<DataType>]) -> Outcome<Field>,
    pub finish: for<'a> fn(&'a Group) -> Outcome<Datum<'a>>,
    /// What the result is without any row: NULL, but for a few.
    pub empty: Option<fn() -> ScalarValue>,
}

const PLAIN: Collected = Collected {
    name: "",
    arguments: (1, 1),
    ordered: false,
    within_group: false,
    returns: |_, _| Ok(Field::new("", Arrow::Int64, true)),
    finish: |_| Ok(Datum::Null),
    empty: None,
};

pub(super) static ENTRIES: &[Collected] = &[
    Collected {
        name: "LISTAGG",
        arguments: (1, 2),
        ordered: true,
        returns: |_, _| Ok(typed(DataType::Text { length: crate::types::TEXT_LENGTH_MAX })),
        finish: list_agg,
        empty: Some(|| ScalarValue::Utf8(Some(String::new()))),
        ..PLAIN
    },
    Collected {
        name: "ARRAY_AGG",
        ordered: true,
        returns: |_, _| Ok(typed(DataType::Array)),
        finish: array_agg,
        empty: Some(|| ScalarValue::Utf8(Some("[]".to_owned()))),
        ..PLAIN
    },
    Collected {
        name: "ARRAY_UNIQUE_AGG",
        returns: |_, _| Ok(typed(DataType::Array)),
        finish: array_unique_agg,
        empty: Some(|| ScalarValue::Utf8(Some("[]".to_owned()))),
        ..PLAIN
    },
    Collected {
        name: "OBJECT_AGG",
        arguments: (2, 2),
        returns: |_, _| Ok(typed(DataType::Object)),
        finish: object_agg,
        empty: Some(|| ScalarValue::Utf8(Some("{}".to_owned()))),
        ..PLAIN
    },
    Collected { name: "MEDIAN", returns: interpolated, finish: median, ..PLAIN },
    Collected {
        name: "PERCENTILE_CONT",
        arguments: (2, 2),
        within_group: true,
        returns: interpolated,
        finish: percentile_cont,
        ..PLAIN
    },
    Collected {
        name: "APPROX_PERCENTILE",
        arguments: (2, 2),
        returns: |_, _| Ok(typed(DataType::Float)),
        finish: percentile_cont,
        ..PLAIN
    },
    Collected {
        name: "PERCENTILE_DISC",
        arguments: (2, 2),
        within_group: true,
        returns: first_kind,
        finish: percentile_disc,
        ..PLAIN
    },
    Collected { name: "MODE", returns: first_kind, finish: mode, ..PLAIN },
    Collected {
        name: "MIN_BY",
        arguments: (2, 3),
        returns: picked_kind,
        finish: |it| pick_by(it, Ordering::Less),
        ..PLAIN
    },
    Collected {
        name: "MAX_BY",
        arguments: (2, 3),
        returns: picked_kind,
        finish: |it| pick_by(it, Ordering::Greater),
        ..PLAIN
    },
    Collected {
        name: "COUNT_IF",
        finish: |it| {
            let mut count = 0_i64;
            for value in it.values(0) {
                count += i64::from(to_boolean(&value)?);
            }
            Ok(Datum::int(count))
        },
        empty: Some(|| ScalarValue::Int64(Some(0))),
        ..PLAIN
    },
    Collected { name: "BITAND_AGG", finish: |it| fold_bits(it, |a, b| a & b), ..PLAIN },
    Collected { name: "BITOR_AGG", finish: |it| fold_bits(it, |a, b| a | b), ..PLAIN },
    Collected { name: "BITXOR_AGG", finish: |it| fold_bits(it, |a, b| a ^ b), ..PLAIN },
    Collected {
        name: "BOOLAND_AGG",
        returns: boolean,
        finish: |it| fold_booleans(it, |trues, all| trues == all),
        ..PLAIN
    },
    Collected {
        name: "BOOLOR_AGG",
        returns: boolean,
        finish: |it| fold_booleans(it, |trues, _| trues > 0),
        ..PLAIN
    },
    Collected {
        name: "BOOLXOR_AGG",
        returns: boolean,
        finish: |it| fold_booleans(it, |trues, _| trues == 1),
        ..PLAIN
    },
    Collected {
        name: "SKEW",
        returns: |_, _| Ok(typed(DataType::Float)),
        finish: |it| moments(it, skewness),
        ..PLAIN
    },
    Collected {
        name: "KURTOSIS",
        returns: |_, _| Ok(typed(DataType::Float)),
        finish: |it| moments(it, kurtosis),
        ..PLAIN
    },
];

fn boolean(_: &'static str, _: &[Option<DataType>]) -> Outcome<Field> {
    Ok(typed(DataType::Boolean))
}

fn first_kind(_: &'static str, kinds: &[Option<DataType>]) -> Outcome<Field> {
    let text = DataType::Text { length: crate::types::TEXT_LENGTH_MAX };
    Ok(typed(kinds.first().cloned().flatten().unwrap_or(text)))
}

fn picked_kind(name: &'static str, kinds: &[Option<DataType>]) -> Outcome<Field> {
    if kinds.len() == 3 { Ok(typed(DataType::Array)) } else { first_kind(name, kinds) }
}

/// Interpolation adds three decimals to a number.
fn interpolated(name: &'static str, kinds: &[Option<DataType>]) -> Outcome<Field> {
    match kinds.first() {
        Some(Some(DataType::Number { precision, scale })) => Ok(typed(DataType::Number {
            precision: (precision + 3).min(38),
            scale: (scale + 3).min(decimal::SCALE_MAX),
        })),
        Some(Some(DataType::Float | DataType::Text { .. })) | Some(None) => {
            Ok(typed(DataType::Float))
        }
        _ => Err(invalid_types(name, kinds)),
    }
}

fn list_agg(group: &Group) -> Outcome<Datum<'_>> {
    let separator = match group.constant(1) {
        Some(it) if !it.is_null() => text_of(&it, &Zone::UTC)?.into_owned(),
        _ => String::new(),
    };
    let mut out = String::new();
    for (index, value) in group.kept(0)?.iter().enumerate() {
        if index > 0 {
            out.push_str(&separator);
        }
        out.push_str(&text_of(value, &Zone::UTC)?);
    }
    Ok(Datum::text(out))
}

fn array_of<'a>(values: impl IntoIterator<Item = Datum<'a>>) -> Outcome<Datum<'a>> {
    let texts =
        values.into_iter().map(|it| json::of(&it, &Zone::UTC)).collect::<Outcome<Vec<_>>>()?;
    Ok(Datum::Json(format!("[{}]", texts.join(",")).into()))
}

fn array_agg(group: &Group) -> Outcome<Datum<'_>> {
    array_of(group.kept(0)?)
}

fn array_unique_agg(group: &Group) -> Outcome<Datum<'_>> {
    let mut values = group.values(0).collect::<Vec<_>>();
    values.sort_by(compare);
    values.dedup_by(|a, b| compare(a, b) == Ordering::Equal);
    array_of(values)
}

fn object_agg(group: &Group) -> Outcome<Datum<'_>> {
    let (Some(keys), Some(values)) = (group.columns.first(), group.columns.get(1)) else {
        return Ok(Datum::Null);
    };
    let mut entries = BTreeMap::new();
    for row in 0..group.rows {
        let (key, value) = (keys.get(row), values.get(row));
        if key.is_null() || value.is_null() {
            continue;
        }
        let key = text_of(&key, &Zone::UTC)?.into_owned();
        if entries.insert(key.clone(), json::of(&value, &Zone::UTC)?).is_some() {
            return Err(refuse(100_090, "22000", format!("Duplicate field key '{key}'")));
        }
    }
    let entries: Vec<String> =
        entries.iter().map(|(key, value)| format!("{}:{value}", json::quote(key))).collect();
    Ok(Datum::Json(format!("{{{}}}", entries.join(",")).into()))
}

/// Orders values of one type; numbers of different scales too.
pub(super) fn compare(left: &Datum<'_>, right: &Datum<'_>) -> Ordering {
    match (left, right) {
        (Datum::Number(a, sa), Datum::Number(b, sb)) => {
            let scale = *sa.max(sb);
            match (decimal::rescale(*a, *sa, scale), decimal::rescale(*b, *sb, scale)) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => decimal::to_f64(*a, *sa).total_cmp(&decimal::to_f64(*b, *sb)),
            }
        }
        (Datum::Float(a), Datum::Float(b)) => a.total_cmp(b),
        (Datum::Number(a, scale), Datum::Float(b)) => decimal::to_f64(*a, *scale).total_cmp(b),
        (Datum::Float(a), Datum::Number(b, scale)) => a.total_cmp(&decimal::to_f64(*b, *scale)),
        (Datum::Text(a), Datum::Text(b)) | (Datum::Json(a), Datum::Json(b)) => a.cmp(b),
        (Datum::Boolean(a), Datum::Boolean(b)) => a.cmp(b),
        (Datum::Date(a), Datum::Date(b)) => a.cmp(b),
        (Datum::Time(a), Datum::Time(b))
        | (Datum::Ntz(a), Datum::Ntz(b))
        | (Datum::Ltz(a) | Datum::Tz(a, _), Datum::Ltz(b) | Datum::Tz(b, _)) => a.cmp(b),
        (Datum::Binary(a), Datum::Binary(b)) => a.cmp(b),
        (Datum::Null, Datum::Null) => Ordering::Equal,
        // NULL sorts last.
        (Datum::Null, _) => Ordering::Greater,
        (_, Datum::Null) => Ordering::Less,
        _ => Ordering::Equal,
    }
}

fn sorted(group: &Group) -> Vec<Datum<'_>> {
    let mut values: Vec<Datum<'_>> = group.values(0).collect();
    values.sort_by(compare);
    if group.descending {
        values.reverse();
    }
    values
}

fn fraction(group: &Group) -> Outcome<f64> {
    let given = match group.constant(1) {
        Some(it) if !it.is_null() => to_float(&it)?,
        _ => return Ok(0.0),
    };
    if (0.0..=1.0).contains(&given) {
        return Ok(given);
    }
    Err(invalid_argument(group.name, format!("percentile {given} is not between 0 and 1")))
}

fn interpolate<'a>(group: &Group, values: &[Datum<'a>], at: f64) -> Outcome<Datum<'a>> {
    let Some(last) = values.len().checked_sub(1) else { return Ok(Datum::Null) };
    let position = at * last as f64;
    let (low, high) = (position.floor() as usize, position.ceil() as usize);
    let weight = position - position.floor();
    let (Some(low), Some(high)) = (values.get(low), values.get(high.min(last))) else {
        return Ok(Datum::Null);
    };
    if let (Arrow::Decimal128(_, scale), Datum::Number(a, sa), Datum::Number(b, sb)) =
        (group.target.data_type(), low, high)
    {
        // Exact for halves, which medians are; other weights to nine digits.
        let parts = (weight * 1e9).round() as i128;
        let whole = 1_000_000_000_i128;
        let sum = decimal::rescale(*a, *sa, *scale)
            .zip(decimal::rescale(*b, *sb, *scale))
            .and_then(|(a, b)| {
                a.checked_mul(whole)?.checked_add(b.checked_sub(a)?.checked_mul(parts)?)
            })
            .and_then(|it| decimal::divide((it, 0), (whole, 0), 0));
        if let Some(sum) = sum {
            return Ok(Datum::Number(sum, *scale));
        }
    }
    let (low, high) = (to_float(low)?, to_float(high)?);
    let value = low + (high - low) * weight;
    match group.target.data_type() {
        Arrow::Decimal128(precision, scale) => {
            convert::to_number(&Datum::Float(value), *precision, *scale)
        }
        _ => Ok(Datum::Float(value)),
    }
}

fn median(group: &Group) -> Outcome<Datum<'_>> {
    let mut values = group.kept(0)?;
    values.sort_by(compare);
    interpolate(group, &values, 0.5)
}

fn percentile_cont(group: &Group) -> Outcome<Datum<'_>> {
    interpolate(group, &sorted(group), fraction(group)?)
}

fn percentile_disc(group: &Group) -> Outcome<Datum<'_>> {
    let values = sorted(group);
    let at = (fraction(group)? * values.len() as f64).ceil() as usize;
    Ok(values.get(at.saturating_sub(1)).cloned().unwrap_or(Datum::Null))
}

fn mode(group: &Group) -> Outcome<Datum<'_>> {
    let mut counts: HashMap<String, (usize, usize, Datum<'_>)> = HashMap::new();
    for (row, value) in group.values(0).enumerate() {
        let key = json::of(&value, &Zone::UTC)?;
        counts.entry(key).or_insert((0, row, value)).0 += 1;
    }
    // Among equals the first seen, so that a run repeats.
    let most = counts.into_values().max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    Ok(most.map_or(Datum::Null, |it| it.2))
}

/// `MIN_BY(value, by[, n])`.
fn pick_by(group: &Group, wanted: Ordering) -> Outcome<Datum<'_>> {
    let (Some(values), Some(by)) = (group.columns.first(), group.columns.get(1)) else {
        return Ok(Datum::Null);
    };
    let mut rows: Vec<usize> = (0..group.rows).filter(|row| !by.get(*row).is_null()).collect();
    rows.sort_by(|a, b| {
        let order = compare(&by.get(*a), &by.get(*b));
        if wanted == Ordering::Less { order } else { order.reverse() }
    });
    match group.constant(2) {
        Some(count) => {
            let count = usize::try_from(convert::int_of(&count)?).unwrap_or(0);
            array_of(rows.iter().take(count).map(|it| values.get(*it)))
        }
        None => Ok(rows.first().map_or(Datum::Null, |it| values.get(*it))),
    }
}

fn fold_bits(group: &Group, fold: fn(i64, i64) -> i64) -> Outcome<Datum<'_>> {
    let mut result = None;
    for value in group.values(0) {
        let bits = convert::int_of(&value)?;
        result = Some(result.map_or(bits, |it| fold(it, bits)));
    }
    Ok(result.map_or(Datum::Null, Datum::int))
}

fn fold_booleans(group: &Group, decide: fn(usize, usize) -> bool) -> Outcome<Datum<'_>> {
    let (mut trues, mut all) = (0, 0);
    for value in group.values(0) {
        all += 1;
        trues += usize::from(to_boolean(&value)?);
    }
    Ok(if all == 0 { Datum::Null } else { Datum::Boolean(decide(trues, all)) })
}

fn moments(group: &Group, decide: fn(f64, [f64; 3]) -> Option<f64>) -> Outcome<Datum<'_>> {
    let values = group.values(0).map(|it| to_float(&it)).collect::<Outcome<Vec<_>>>()?;
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let sum = |power: i32| values.iter().map(|it| (it - mean).powi(power)).sum::<f64>();
    Ok(decide(count, [sum(2), sum(3), sum(4)]).map_or(Datum::Null, Datum::Float))
}

fn skewness(n: f64, [second, third, _]: [f64; 3]) -> Option<f64> {
    let deviation = (second / (n - 1.0)).sqrt();
    (n >= 3.0 && deviation > 0.0).then(|| n / ((n - 1.0) * (n - 2.0)) * third / deviation.powi(3))
}

fn kurtosis(n: f64, [second, _, fourth]: [f64; 3]) -> Option<f64> {
    let variance = second / (n - 1.0);
    (n >= 4.0 && variance > 0.0).then(|| {
        let scale = n * (n + 1.0) / ((n - 1.0) * (n - 2.0) * (n - 3.0));
        scale * fourth / variance.powi(2) - 3.0 * (n - 1.0).powi(2) / ((n - 2.0) * (n - 3.0))
    })
}

/// Wraps a [`Collected`] for the engine.
pub(super) struct Collector {
    entry: &'static Collected,
    signature: Signature,
}

impl Collector {
    pub fn new(entry: &'static Collected) -> Self {
        Self { entry, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").field("name", &self.entry.name).finish()
    }
}

impl PartialEq for Collector {
    fn eq(&self, other: &Self) -> bool {
        self.entry.name == other.entry.name
    }
}

impl Eq for Collector {}

impl std::hash::Hash for Collector {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.entry.name.hash(state);
    }
}

impl AggregateUDFImpl for Collector {
    fn name(&self) -> &str {
        self.entry.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[Arrow]) -> Outcome<Vec<Arrow>> {
        let (min, max) = self.entry.arguments;
        check_count(self.entry.name, arg_types.len(), min, max)?;
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[Arrow]) -> Outcome<Arrow> {
        let fields: Vec<FieldRef> =
            arg_types.iter().map(|it| Arc::new(Field::new("", it.clone(), true))).collect();
        Ok(self.return_field(&fields)?.data_type().clone())
    }

    fn return_field(&self, arg_fields: &[FieldRef]) -> Outcome<FieldRef> {
        let kinds = arg_fields.iter().map(|it| kind_of(it)).collect::<Outcome<Vec<_>>>()?;
        let field = (self.entry.returns)(self.entry.name, &kinds)?;
        Ok(Arc::new(field.with_name(self.entry.name)))
    }

    fn default_value(&self, data_type: &Arrow) -> Outcome<ScalarValue> {
        match self.entry.empty {
            Some(empty) => Ok(empty()),
            None => ScalarValue::try_from(data_type),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Outcome<Vec<FieldRef>> {
        let orders = if self.entry.ordered { args.ordering_fields } else { &[] };
        let lists = args.input_fields.iter().chain(orders).enumerate();
        Ok(lists
            .map(|(index, field)| {
                let name = format_state_name(args.name, &format!("values_{index}"));
                let item = Field::new_list_field(field.data_type().clone(), true);
                Arc::new(Field::new_list(name, item, true))
            })
            .collect())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Outcome<Box<dyn Accumulator>> {
        let mut fields = args.expr_fields.to_vec();
        let arguments = fields.len();
        let mut orders = vec![];
        if self.entry.ordered {
            for order in args.order_bys {
                fields.push(order.expr.return_field(args.schema)?);
                orders.push(order.options);
            }
        }
        let descending = self.entry.within_group
            && args.order_bys.first().is_some_and(|it| it.options.descending);
        Ok(Box::new(Collecting {
            entry: self.entry,
            batches: vec![vec![]; fields.len()],
            fields,
            arguments,
            orders,
            distinct: args.is_distinct,
            descending,
            target: args.return_field,
        }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        if self.entry.ordered {
            // The values of ORDER BY are asked for; sorting is done here, after merging.
            AggregateOrderSensitivity::SoftRequirement
        } else {
            AggregateOrderSensitivity::Insensitive
        }
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        _: bool,
    ) -> Outcome<Option<Arc<dyn AggregateUDFImpl>>> {
        Ok(Some(self))
    }

    fn supports_within_group_clause(&self) -> bool {
        self.entry.within_group
    }
}

#[derive(Debug)]
struct Collecting {
    entry: &'static Collected,
    /// Of the arguments, then of the ORDER BY expressions.
    fields: Vec<FieldRef>,
    arguments: usize,
    orders: Vec<SortOptions>,
    distinct: bool,
    descending: bool,
    target: FieldRef,
    /// By field.
    batches: Vec<Vec<ArrayRef>>,
}

impl std::fmt::Debug for Collected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Collecting {
    fn gather(&self, index: usize) -> Outcome<ArrayRef> {
        let (Some(batches), Some(field)) = (self.batches.get(index), self.fields.get(index)) else {
            return Err(internal("an argument that is not there"));
        };
        if batches.is_empty() {
            return Ok(new_empty_array(field.data_type()));
        }
        let batches: Vec<&dyn Array> = batches.iter().map(|it| it.as_ref()).collect();
        concat(&batches).map_err(arrow)
    }
}

impl Accumulator for Collecting {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Outcome<()> {
        // As a window function the call is not given the values of its own ORDER BY.
        if values.len() < self.batches.len() {
            self.batches.truncate(values.len());
            self.orders.clear();
        }
        for (batches, values) in self.batches.iter_mut().zip(values) {
            batches.push(Arc::clone(values));
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Outcome<ScalarValue> {
        let mut arrays =
            (0..self.batches.len()).map(|index| self.gather(index)).collect::<Outcome<Vec<_>>>()?;
        let rows = arrays.first().map_or(0, |it| it.len());
        if rows == 0 {
            return match self.entry.empty {
                Some(empty) => Ok(empty()),
                None => ScalarValue::try_from(self.target.data_type()),
            };
        }
        if !self.orders.is_empty() {
            let keys: Vec<SortColumn> = arrays
                .iter()
                .skip(self.arguments)
                .zip(&self.orders)
                .map(|(values, options)| SortColumn {
                    values: Arc::clone(values),
                    options: Some(*options),
                })
                .collect();
            let indices: UInt32Array = lexsort_to_indices(&keys, None).map_err(arrow)?;
            for array in &mut arrays {
                *array = take(array.as_ref(), &indices, None).map_err(arrow)?;
            }
        }
        let columns = arrays
            .iter()
            .zip(&self.fields)
            .take(self.arguments)
            .map(|(array, field)| Column::new(array, field, false))
            .collect::<Outcome<Vec<_>>>()?;
        let group = Group {
            name: self.entry.name,
            columns,
            rows,
            distinct: self.distinct,
            descending: self.descending,
            target: Arc::clone(&self.target),
        };
        let mut sink = Sink::new(self.target.data_type(), 1)?;
        sink.push(&(self.entry.finish)(&group)?)?;
        ScalarValue::try_from_array(&sink.finish(), 0)
    }

    fn size(&self) -> usize {
        let arrays = self.batches.iter().flatten();
        size_of_val(self) + arrays.map(|it| it.get_array_memory_size()).sum::<usize>()
    }

    fn state(&mut self) -> Outcome<Vec<ScalarValue>> {
        (0..self.fields.len())
            .map(|index| {
                let values = self.gather(index)?;
                let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
                let offsets = OffsetBuffer::from_lengths([values.len()]);
                let list = ListArray::try_new(item, offsets, values, None).map_err(arrow)?;
                Ok(ScalarValue::List(Arc::new(list)))
            })
            .collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Outcome<()> {
        for (batches, lists) in self.batches.iter_mut().zip(states) {
            let lists =
                lists.as_list_opt::<i32>().ok_or_else(|| internal("a state that is not a list"))?;
            batches.extend(lists.iter().flatten());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::check_aggregate;

    #[test]
    fn values_are_joined_in_the_order_asked_for() {
        check_aggregate("LISTAGG(S, ',' ORDER BY N DESC)", "c,b,a");
        check_aggregate("LISTAGG(S ORDER BY S)", "abc");
        check_aggregate("LISTAGG(DISTINCT G, '-' ORDER BY G)", "x-y");
        check_aggregate("ARRAY_AGG(N ORDER BY N)", "[1,2,4]");
        check_aggregate("ARRAY_AGG(S ORDER BY N)", r#"["a","b","c"]"#);
        check_aggregate("ARRAY_UNIQUE_AGG(G)", r#"["x","y"]"#);
        check_aggregate("OBJECT_AGG(S, N)", r#"{"a":1,"b":2,"c":4}"#);
        check_aggregate("OBJECT_AGG(G, N)", "100090 (22000): Duplicate field key 'x'");
    }

    #[test]
    fn positions_in_the_order_of_values() {
        check_aggregate("MEDIAN(N)", "2.000");
        check_aggregate("MEDIAN(D)", "1.50000");
        check_aggregate("PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY N)", "1.500");
        check_aggregate("PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY N DESC)", "3.000");
        check_aggregate("PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY N)", "2");
        check_aggregate("MODE(G)", "x");
        check_aggregate("MIN_BY(S, N)", "a");
        check_aggregate("MAX_BY(S, N)", "c");
        check_aggregate("MAX_BY(S, N, 2)", r#"["c","b"]"#);
    }

    #[test]
    fn bits_and_booleans_are_folded() {
        check_aggregate("BITOR_AGG(N)", "7");
        check_aggregate("BITAND_AGG(N)", "0");
        check_aggregate("COUNT_IF(N > 1)", "2");
        check_aggregate("BOOLOR_AGG(N > 3)", "true");
        check_aggregate("BOOLAND_AGG(N > 3)", "false");
    }
}
