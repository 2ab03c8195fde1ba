//! What a filter says about columns, as far as it helps to read less.
//!
//! A predicate only ever leaves out rows that the filter would: the engine filters again what is
//! read. So whatever is not understood here is [`Predicate::Unknown`], which leaves out nothing.

use super::partition::{ColumnRange, MicroPartition, SORT_OPTIONS};
use arrow::{
    array::make_comparator,
    datatypes::{DataType, Schema, TimeUnit},
};
use datafusion::{
    logical_expr::{Between, BinaryExpr, Cast, Expr, Like, Operator, TryCast, expr::InList},
    scalar::ScalarValue,
};
use std::{cmp::Ordering, ops::Range};

/// Values of an IN list that are looked up one by one in a sorted partition. Of more, everything
/// from the least to the greatest is read.
const LOOKUPS_MAX: usize = 256;

#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    Compare {
        column: usize,
        /// The type that the column is cast to before; always one that keeps the order.
        cast: Option<DataType>,
        comparison: Comparison,
        /// Never NULL, and of the type that is compared.
        value: ScalarValue,
    },
    /// Values without NULLs and repetitions, in order.
    In {
        column: usize,
        values: Vec<ScalarValue>,
    },
    IsNull(usize),
    IsNotNull(usize),
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    /// No row passes.
    Never,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn of(operator: Operator) -> Option<Self> {
        Some(match operator {
            Operator::Eq | Operator::IsNotDistinctFrom => Self::Equal,
            Operator::NotEq => Self::NotEqual,
            Operator::Lt => Self::Less,
            Operator::LtEq => Self::LessOrEqual,
            Operator::Gt => Self::Greater,
            Operator::GtEq => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// `a < b` is `b > a`.
    fn swapped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }
}

impl Predicate {
    /// Several filters that a row has to pass.
    pub fn all<'a>(filters: impl IntoIterator<Item = &'a Expr>, schema: &Schema) -> Self {
        Self::and(filters.into_iter().map(|it| Self::of(it, schema)).collect())
    }

    /// What one filter says.
    pub fn of(filter: &Expr, schema: &Schema) -> Self {
        match filter {
            Expr::Alias(it) => Self::of(&it.expr, schema),
            Expr::IsTrue(it) => Self::of(it, schema),
            Expr::Literal(ScalarValue::Boolean(Some(true)), _) => Self::Unknown,
            Expr::Literal(ScalarValue::Boolean(_) | ScalarValue::Null, _) => Self::Never,
            Expr::Column(_) => is_boolean(filter, true, schema),
            Expr::Not(it) | Expr::IsFalse(it) => is_boolean(it, false, schema),
            Expr::IsNull(it) => match operand(it, schema) {
                Some((column, None)) => Self::IsNull(column),
                _ => Self::Unknown,
            },
            Expr::IsNotNull(it) => match operand(it, schema) {
                Some((column, None)) => Self::IsNotNull(column),
                _ => Self::Unknown,
            },
            Expr::BinaryExpr(it) => Self::of_binary(it, schema),
            Expr::Between(Between { expr, negated: false, low, high }) => Self::and(vec![
                compare(expr, Comparison::GreaterOrEqual, low, schema),
                compare(expr, Comparison::LessOrEqual, high, schema),
            ]),
            Expr::InList(it) if !it.negated => Self::of_list(it, schema),
            Expr::Like(it) if !it.negated && !it.case_insensitive => Self::of_like(it, schema),
            _ => Self::Unknown,
        }
    }

    fn of_binary(BinaryExpr { left, op, right }: &BinaryExpr, schema: &Schema) -> Self {
        match op {
            Operator::And => Self::and(vec![Self::of(left, schema), Self::of(right, schema)]),
            Operator::Or => Self::or(vec![Self::of(left, schema), Self::of(right, schema)]),
            Operator::IsNotDistinctFrom if is_null(left) || is_null(right) => Self::Unknown,
            operator => match Comparison::of(*operator) {
                Some(comparison) if matches!(**right, Expr::Literal(..)) => {
                    compare(left, comparison, right, schema)
                }
                Some(comparison) => compare(right, comparison.swapped(), left, schema),
                None => Self::Unknown,
            },
        }
    }

    fn of_list(InList { expr, list, .. }: &InList, schema: &Schema) -> Self {
        let Some((column, None)) = operand(expr, schema) else { return Self::Unknown };
        let data_type = schema.field(column).data_type();
        let mut values = Vec::with_capacity(list.len());
        for item in list {
            match literal(item, data_type) {
                Some(value) if value.is_null() => {}
                Some(value) => values.push(value),
                None => return Self::Unknown,
            }
        }
        values.sort_by(|left, right| order(left, right).unwrap_or(Ordering::Equal));
        values.dedup();
        if values.is_empty() { Self::Never } else { Self::In { column, values } }
    }

    /// `LIKE 'abc%'`: what begins with `abc` is not less than it.
    fn of_like(Like { expr, pattern, escape_char, .. }: &Like, schema: &Schema) -> Self {
        let Some((column, None)) = operand(expr, schema) else { return Self::Unknown };
        let is_text = *schema.field(column).data_type() == DataType::Utf8;
        let Expr::Literal(pattern, _) = &**pattern else { return Self::Unknown };
        let (true, Some(Some(pattern))) = (is_text, pattern.try_as_str()) else {
            return Self::Unknown;
        };
        let special = |it: char| matches!(it, '%' | '_' | '\\') || Some(it) == *escape_char;
        let prefix = pattern.split(special).next().unwrap_or_default();
        let Some(end) = successor(prefix) else { return Self::Unknown };
        let bound = |comparison, text: &str| Self::Compare {
            column,
            cast: None,
            comparison,
            value: ScalarValue::from(text),
        };
        Self::and(vec![bound(Comparison::GreaterOrEqual, prefix), bound(Comparison::Less, &end)])
    }

    fn and(parts: Vec<Self>) -> Self {
        if parts.contains(&Self::Never) {
            return Self::Never;
        }
        let mut known: Vec<Self> = parts.into_iter().filter(|it| *it != Self::Unknown).collect();
        match known.len() {
            0 => Self::Unknown,
            1 => known.remove(0),
            _ => Self::And(known),
        }
    }

    fn or(parts: Vec<Self>) -> Self {
        if parts.contains(&Self::Unknown) {
            return Self::Unknown;
        }
        let mut possible: Vec<Self> = parts.into_iter().filter(|it| *it != Self::Never).collect();
        match possible.len() {
            0 => Self::Never,
            1 => possible.remove(0),
            _ => Self::Or(possible),
        }
    }

    /// Whether some row of the partition could pass, as far as the least and greatest values say.
    pub fn may_match(&self, partition: &MicroPartition) -> bool {
        let rows = partition.row_count();
        let range = |column: &usize| partition.columns.get(*column);
        match self {
            Self::Unknown => true,
            Self::Never => false,
            Self::And(parts) => parts.iter().all(|it| it.may_match(partition)),
            Self::Or(parts) => parts.iter().any(|it| it.may_match(partition)),
            Self::IsNull(column) => range(column).is_none_or(|it| it.null_count > 0),
            Self::IsNotNull(column) => range(column).is_none_or(|it| it.null_count < rows),
            Self::In { column, values } => range(column)
                .is_none_or(|it| it.null_count < rows && !within(values, it).is_empty()),
            Self::Compare { column, cast, comparison, value } => range(column).is_none_or(|it| {
                it.null_count < rows && bounds_may_match(it, cast.as_ref(), *comparison, value)
            }),
        }
    }

    /// The rows of the partition that could pass: disjoint ranges, in order. Exact where the
    /// partition is sorted by the column, else all rows or none.
    pub fn ranges(&self, partition: &MicroPartition) -> Vec<Range<usize>> {
        let rows = partition.row_count();
        let all_or_none = || non_empty(if self.may_match(partition) { 0..rows } else { 0..0 });
        let sorted_by = |column: usize| partition.sorted_by == Some(column);
        match self {
            Self::And(parts) => {
                let mut ranges = non_empty(0..rows);
                for part in parts {
                    ranges = intersection(&ranges, &part.ranges(partition));
                    if ranges.is_empty() {
                        break;
                    }
                }
                ranges
            }
            Self::Or(parts) => union(parts.iter().flat_map(|it| it.ranges(partition)).collect()),
            Self::Compare { column, cast: None, comparison, value } if sorted_by(*column) => {
                if !self.may_match(partition) {
                    return Vec::new();
                }
                match equal_range(partition, *column, value) {
                    Some(found) => compared(*comparison, found, values_end(partition, *column)),
                    None => all_or_none(),
                }
            }
            Self::In { column, values } if sorted_by(*column) => {
                let Some(range) = partition.columns.get(*column) else { return all_or_none() };
                let inside = within(values, range);
                let found: Option<Vec<Range<usize>>> = if inside.len() <= LOOKUPS_MAX {
                    inside.iter().map(|it| equal_range(partition, *column, it)).collect()
                } else {
                    let ends = [inside.first(), inside.last()];
                    let ends: Option<Vec<_>> = ends
                        .into_iter()
                        .flatten()
                        .map(|it| equal_range(partition, *column, it))
                        .collect();
                    ends.and_then(|it| Some(non_empty(it.first()?.start..it.last()?.end)))
                };
                found.map_or_else(all_or_none, union)
            }
            Self::IsNull(column) if sorted_by(*column) => {
                non_empty(values_end(partition, *column)..rows)
            }
            Self::IsNotNull(column) if sorted_by(*column) => {
                non_empty(0..values_end(partition, *column))
            }
            _ => all_or_none(),
        }
    }
}

fn is_boolean(expr: &Expr, value: bool, schema: &Schema) -> Predicate {
    match operand(expr, schema) {
        Some((column, None)) if *schema.field(column).data_type() == DataType::Boolean => {
            let value = ScalarValue::Boolean(Some(value));
            Predicate::Compare { column, cast: None, comparison: Comparison::Equal, value }
        }
        _ => Predicate::Unknown,
    }
}

fn compare(expr: &Expr, comparison: Comparison, value: &Expr, schema: &Schema) -> Predicate {
    let Some((column, cast)) = operand(expr, schema) else { return Predicate::Unknown };
    let data_type = cast.as_ref().unwrap_or_else(|| schema.field(column).data_type());
    match literal(value, data_type) {
        Some(value) if value.is_null() => Predicate::Never,
        Some(value) => Predicate::Compare { column, cast, comparison, value },
        None => Predicate::Unknown,
    }
}

/// A column, or a cast of one that keeps the order.
fn operand(expr: &Expr, schema: &Schema) -> Option<(usize, Option<DataType>)> {
    let (Expr::Cast(Cast { expr: inner, field }) | Expr::TryCast(TryCast { expr: inner, field })) =
        expr
    else {
        let Expr::Column(column) = expr else { return None };
        return Some((schema.index_of(&column.name).ok()?, None));
    };
    let Expr::Column(column) = &**inner else { return None };
    let column = schema.index_of(&column.name).ok()?;
    let (from, to) = (schema.field(column).data_type(), field.data_type());
    // The types of text differ in layout only.
    if from == to || (from.is_string() && to.is_string()) {
        return Some((column, None));
    }
    keeps_order(from, to).then(|| (column, Some(to.clone())))
}

/// Whether a cast never turns a lesser value into a greater one.
fn keeps_order(from: &DataType, to: &DataType) -> bool {
    use DataType::{Date32, Timestamp};
    match (from, to) {
        (Date32, Timestamp(_, None)) | (Timestamp(_, None), Date32) => true,
        (Timestamp(TimeUnit::Nanosecond, from), Timestamp(_, to)) => from == to,
        _ => from.is_numeric() && to.is_numeric(),
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}

/// A literal as a value of another type, if it is exactly one. NULL stays NULL.
fn literal(expr: &Expr, data_type: &DataType) -> Option<ScalarValue> {
    let Expr::Literal(value, _) = expr else { return None };
    if value.is_null() || value.data_type() == *data_type {
        return Some(value.clone());
    }
    let cast = value.cast_to(data_type).ok()?;
    let back = cast.cast_to(&value.data_type()).ok()?;
    (back == *value).then_some(cast)
}

/// The least text that is greater than all that begin with `prefix`.
fn successor(prefix: &str) -> Option<String> {
    let mut head = prefix.to_owned();
    while let Some(last) = head.pop() {
        // Skips the gap in which no characters are.
        let next =
            if last == '\u{D7FF}' { Some('\u{E000}') } else { char::from_u32(last as u32 + 1) };
        if let Some(next) = next {
            head.push(next);
            return Some(head);
        }
    }
    None
}

/// Zeros of both signs are equal to SQL, though not in Arrow's order.
fn order(left: &ScalarValue, right: &ScalarValue) -> Option<Ordering> {
    match (left, right) {
        (ScalarValue::Float64(Some(left)), ScalarValue::Float64(Some(right)))
            if *left == 0.0 && *right == 0.0 =>
        {
            Some(Ordering::Equal)
        }
        _ => left.partial_cmp(right),
    }
}

/// Those of ordered values that lie between a column's bounds.
fn within<'a>(values: &'a [ScalarValue], range: &ColumnRange) -> &'a [ScalarValue] {
    let Some((least, greatest)) = &range.bounds else { return values };
    let start = values.partition_point(|it| order(it, least) == Some(Ordering::Less));
    let end = values.partition_point(|it| order(it, greatest) != Some(Ordering::Greater));
    values.get(start..end).unwrap_or_default()
}

fn bounds_may_match(
    range: &ColumnRange,
    cast: Option<&DataType>,
    comparison: Comparison,
    value: &ScalarValue,
) -> bool {
    let Some((least, greatest)) = &range.bounds else { return true };
    let (least, greatest) = match cast {
        None => (order(least, value), order(greatest, value)),
        Some(data_type) => {
            let cast = |it: &ScalarValue| it.cast_to(data_type).ok().filter(|it| !it.is_null());
            let of = |it: &ScalarValue| cast(it).and_then(|it| order(&it, value));
            (of(least), of(greatest))
        }
    };
    let (Some(least), Some(greatest)) = (least, greatest) else { return true };
    match comparison {
        Comparison::Equal => least.is_le() && greatest.is_ge(),
        Comparison::NotEqual => !(least.is_eq() && greatest.is_eq()),
        Comparison::Less => least.is_lt(),
        Comparison::LessOrEqual => least.is_le(),
        Comparison::Greater => greatest.is_gt(),
        Comparison::GreaterOrEqual => greatest.is_ge(),
    }
}

/// Where the NULLs begin in a column by which the partition is sorted.
fn values_end(partition: &MicroPartition, column: usize) -> usize {
    let nulls = partition.columns.get(column).map_or(0, |it| it.null_count);
    partition.row_count().saturating_sub(nulls)
}

/// The rows that have a value, and where they would be if there are none. `None` where Arrow's
/// order is not the one of SQL.
fn equal_range(
    partition: &MicroPartition,
    column: usize,
    value: &ScalarValue,
) -> Option<Range<usize>> {
    if matches!(value, ScalarValue::Float64(Some(it)) if *it == 0.0) {
        return None;
    }
    let rows = partition.rows();
    let values = rows.columns().get(column)?;
    let value = value.to_array().ok()?;
    let compare = make_comparator(values, &value, SORT_OPTIONS).ok()?;
    let end = values_end(partition, column);
    let lower = partition_point(0..end, |row| compare(row, 0).is_lt());
    let upper = partition_point(lower..end, |row| compare(row, 0).is_le());
    Some(lower..upper)
}

/// The first row for which `before` does not hold.
fn partition_point(rows: Range<usize>, before: impl Fn(usize) -> bool) -> usize {
    let Range { mut start, mut end } = rows;
    while start < end {
        let middle = start + (end - start) / 2;
        if before(middle) {
            start = middle + 1;
        } else {
            end = middle;
        }
    }
    start
}

fn compared(comparison: Comparison, equal: Range<usize>, end: usize) -> Vec<Range<usize>> {
    match comparison {
        Comparison::Equal => non_empty(equal),
        Comparison::NotEqual => union(vec![0..equal.start, equal.end..end]),
        Comparison::Less => non_empty(0..equal.start),
        Comparison::LessOrEqual => non_empty(0..equal.end),
        Comparison::Greater => non_empty(equal.end..end),
        Comparison::GreaterOrEqual => non_empty(equal.start..end),
    }
}

fn non_empty(range: Range<usize>) -> Vec<Range<usize>> {
    if range.is_empty() { Vec::new() } else { vec![range] }
}

/// Sorts and joins what overlaps or touches.
fn union(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.retain(|it| !it.is_empty());
    ranges.sort_by_key(|it| it.start);
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

fn intersection(left: &[Range<usize>], right: &[Range<usize>]) -> Vec<Range<usize>> {
    let both = left.iter().flat_map(|left| {
        right.iter().map(|right| left.start.max(right.start)..left.end.min(right.end))
    });
    union(both.collect())
}
