//! The frame of aggregates that need all of a group's values at once; the functions themselves are
//! in `collected`.
//!
//! A group's arguments are kept as they came, with the values of `ORDER BY`; they are sorted and
//! turned into the result at the end.

use super::datum::{Column, Datum, Sink, kind_of};
use super::kit::{Outcome, arrow, check_count, internal};
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
use std::{collections::HashSet, sync::Arc};

/// A group's arguments, sorted as the call asks.
pub(super) struct Group {
    pub name: &'static str,
    pub columns: Vec<Column>,
    pub rows: usize,
    distinct: bool,
    /// `WITHIN GROUP (ORDER BY … DESC)`.
    pub descending: bool,
    pub target: FieldRef,
}

impl Group {
    /// The values of an argument that are not NULL.
    pub fn values(&self, index: usize) -> impl Iterator<Item = Datum<'_>> {
        let column = self.columns.get(index);
        (0..self.rows)
            .filter_map(move |row| column.map(|it| it.get(row)))
            .filter(|it| !it.is_null())
    }

    /// An argument that is the same in every row.
    pub fn constant(&self, index: usize) -> Option<Datum<'_>> {
        (self.rows > 0).then(|| self.columns.get(index).map(|it| it.get(0))).flatten()
    }

    /// Values without repetition, where the call says DISTINCT, in the order they have.
    pub fn kept(&self, index: usize) -> Outcome<Vec<Datum<'_>>> {
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

/// What an entry does not say.
pub(super) const PLAIN: Collected = Collected {
    name: "",
    arguments: (1, 1),
    ordered: false,
    within_group: false,
    returns: |_, _| Ok(Field::new("", Arrow::Int64, true)),
    finish: |_| Ok(Datum::Null),
    empty: None,
};

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
