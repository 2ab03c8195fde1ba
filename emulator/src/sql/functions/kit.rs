//! What the functions are made of: a table entry per function, and its wrapping as a UDF.
//!
//! Arguments come in as they are (no coercion by the engine); a function says which types it
//! takes and gives. A call whose arguments are all constants gives a constant, so it folds.

use super::datum::{Column, Datum, Sink, kind_of};
use super::zone::Zone;
use crate::{
    error::SqlError,
    types::{DataType, TYPE_KEY},
};
use datafusion::{
    arrow::{
        array::ArrayRef,
        datatypes::{DataType as Arrow, Field, FieldRef},
        error::ArrowError,
    },
    common::ScalarValue,
    config::ConfigOptions,
    error::DataFusionError,
    logical_expr::{
        ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
        Volatility,
        simplify::{ExprSimplifyResult, SimplifyContext},
    },
};
use std::{
    cell::RefCell,
    collections::HashMap,
    hash::{Hash, Hasher},
    sync::Arc,
};

pub type Outcome<T> = Result<T, DataFusionError>;

/// A refusal, in the form that crosses the engine.
pub(super) fn refused(error: SqlError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

pub(super) fn refuse(
    code: u32,
    sqlstate: &'static str,
    message: impl Into<String>,
) -> DataFusionError {
    refused(SqlError::new(code, sqlstate, message))
}

pub(super) fn internal(what: impl std::fmt::Display) -> DataFusionError {
    refused(SqlError::internal(what))
}

pub(super) fn arrow(error: ArrowError) -> DataFusionError {
    DataFusionError::ArrowError(Box::new(error), None)
}

/// `001044`: no form of the function takes these types.
pub(super) fn invalid_types(name: &str, kinds: &[Option<DataType>]) -> DataFusionError {
    let kinds: Vec<String> = kinds
        .iter()
        .map(|it| it.as_ref().map_or_else(|| "NULL".to_owned(), ToString::to_string))
        .collect();
    refuse(
        1044,
        "42P13",
        format!(
            "SQL compilation error:\nInvalid argument types for function '{name}': ({})",
            kinds.join(", ")
        ),
    )
}

/// The refusal of an argument's value, found while running.
pub(super) fn invalid_argument(name: &str, what: impl std::fmt::Display) -> DataFusionError {
    refuse(1014, "22023", format!("invalid argument for function [{name}]: {what}"))
}

pub(super) fn division_by_zero() -> DataFusionError {
    refuse(100_051, "22012", "Division by zero")
}

/// `NULL` for what a `TRY_` function refuses. What the emulator itself lacks stays an error.
pub(super) fn or_null(outcome: Outcome<Datum<'_>>) -> Outcome<Datum<'_>> {
    let Err(DataFusionError::External(error)) = &outcome else { return outcome };
    match error.downcast_ref::<SqlError>() {
        Some(SqlError { sqlstate, .. }) if !matches!(sqlstate.as_ref(), "0A000" | "XX000") => {
            Ok(Datum::Null)
        }
        _ => outcome,
    }
}

/// Arguments as the planner knows them.
pub(super) struct Arguments<'a> {
    pub name: &'static str,
    /// `None` for an untyped NULL.
    pub kinds: Vec<Option<DataType>>,
    pub fields: &'a [FieldRef],
    pub literals: &'a [Option<&'a ScalarValue>],
}

impl<'a> Arguments<'a> {
    pub fn kind(&self, index: usize) -> Option<&DataType> {
        self.kinds.get(index).and_then(Option::as_ref)
    }

    /// The text of a literal argument.
    pub fn text(&self, index: usize) -> Option<&'a str> {
        self.literals.get(index).copied().flatten().and_then(|it| it.try_as_str()).flatten()
    }

    /// The value of a whole-number literal as it is written in the statement. What arithmetic
    /// folds into a literal is a decimal and does not count: the type of a call must stay the same
    /// while the optimizer folds its arguments.
    pub fn int(&self, index: usize) -> Option<i64> {
        match self.literals.get(index).copied().flatten()? {
            ScalarValue::Int64(value) => *value,
            _ => None,
        }
    }

    pub fn invalid_types<T>(&self) -> Outcome<T> {
        Err(invalid_types(self.name, &self.kinds))
    }
}

/// A call with its values.
pub(super) struct Call {
    pub name: &'static str,
    pub columns: Vec<Column>,
    /// Rows to produce: one, where all arguments are constants.
    pub rows: usize,
    pub target: FieldRef,
    pub zone: Zone,
    patterns: RefCell<HashMap<String, Arc<regex::Regex>>>,
}

impl Call {
    pub fn kind(&self, index: usize) -> Option<&DataType> {
        self.columns.get(index).and_then(|it| it.kind.as_ref())
    }

    /// The Snowflake type that the planner was promised.
    pub fn target_kind(&self) -> Outcome<DataType> {
        kind_of(&self.target)?.ok_or_else(|| internal("a result without a type"))
    }

    /// A compiled pattern, compiled once per batch.
    pub fn pattern(
        &self,
        key: String,
        compile: impl FnOnce(&str) -> Outcome<regex::Regex>,
    ) -> Outcome<Arc<regex::Regex>> {
        if let Some(it) = self.patterns.borrow().get(&key) {
            return Ok(Arc::clone(it));
        }
        let compiled = Arc::new(compile(&key)?);
        self.patterns.borrow_mut().insert(key, Arc::clone(&compiled));
        Ok(compiled)
    }

    /// Runs a body for each row.
    pub fn each<'c>(
        &'c self,
        strict: bool,
        mut body: impl FnMut(&[Datum<'c>]) -> Outcome<Datum<'c>>,
    ) -> Outcome<ArrayRef> {
        let mut sink = Sink::new(self.target.data_type(), self.rows)?;
        let mut row_values: Vec<Datum<'c>> = Vec::with_capacity(self.columns.len());
        for row in 0..self.rows {
            row_values.clear();
            row_values.extend(self.columns.iter().map(|it| it.get(row)));
            if strict && row_values.iter().any(Datum::is_null) {
                sink.push(&Datum::Null)?;
            } else {
                sink.push(&body(&row_values)?)?;
            }
        }
        Ok(sink.finish())
    }
}

pub(super) type RowBody = for<'a> fn(&'a Call, &[Datum<'a>]) -> Outcome<Datum<'a>>;

/// Turns a call into another expression, or leaves it.
pub(super) type Rewrite = fn(&[Expr], &SimplifyContext) -> Outcome<Option<Expr>>;

/// How a function computes.
pub(super) enum Body {
    /// Row by row; NULL in any argument gives NULL.
    Strict(RowBody),
    /// Row by row, NULLs included.
    Rows(RowBody),
    /// All rows at once.
    Batch(fn(&Call) -> Outcome<ArrayRef>),
}

/// A function's table entry.
pub(super) struct Entry {
    pub name: &'static str,
    pub arguments_min: usize,
    pub arguments_max: usize,
    pub returns: fn(&Arguments<'_>) -> Outcome<Field>,
    pub body: Body,
    pub volatility: Volatility,
    /// Rewrites the call into an expression that does not evaluate what it does not need.
    pub rewrite: Option<Rewrite>,
}

impl Entry {
    pub const fn new(
        name: &'static str,
        arguments: (usize, usize),
        returns: fn(&Arguments<'_>) -> Outcome<Field>,
        body: Body,
    ) -> Self {
        Self {
            name,
            arguments_min: arguments.0,
            arguments_max: arguments.1,
            returns,
            body,
            volatility: Volatility::Immutable,
            rewrite: None,
        }
    }

    pub const fn volatile(self) -> Self {
        Self { volatility: Volatility::Volatile, ..self }
    }

    pub const fn stable(self) -> Self {
        Self { volatility: Volatility::Stable, ..self }
    }

    pub const fn rewritten(self, rewrite: Rewrite) -> Self {
        Self { rewrite: Some(rewrite), ..self }
    }
}

/// Any number of arguments.
pub(super) const MANY: usize = usize::MAX;

/// The field of a result, with Snowflake's type where Arrow's does not say it.
pub(super) fn typed(kind: DataType) -> Field {
    let plain = Field::new("", kind.to_arrow(), true);
    if DataType::of(&plain).as_ref() == Ok(&kind) { plain } else { kind.to_field("", true) }
}

pub(super) fn returns_int(_: &Arguments<'_>) -> Outcome<Field> {
    Ok(Field::new("", Arrow::Int64, true))
}

pub(super) fn returns_float(_: &Arguments<'_>) -> Outcome<Field> {
    Ok(Field::new("", Arrow::Float64, true))
}

pub(super) fn returns_text(_: &Arguments<'_>) -> Outcome<Field> {
    Ok(Field::new("", Arrow::Utf8, true))
}

pub(super) fn returns_boolean(_: &Arguments<'_>) -> Outcome<Field> {
    Ok(Field::new("", Arrow::Boolean, true))
}

pub(super) fn returns_date(_: &Arguments<'_>) -> Outcome<Field> {
    Ok(Field::new("", Arrow::Date32, true))
}

pub(super) fn returns_variant(_: &Arguments<'_>) -> Outcome<Field> {
    Ok(typed(DataType::Variant))
}

pub(super) fn returns_object(_: &Arguments<'_>) -> Outcome<Field> {
    Ok(typed(DataType::Object))
}

pub(super) fn returns_array(_: &Arguments<'_>) -> Outcome<Field> {
    Ok(typed(DataType::Array))
}

pub(super) fn returns_binary(_: &Arguments<'_>) -> Outcome<Field> {
    Ok(Field::new("", Arrow::Binary, true))
}

/// The type that values of all these types can be brought to, as `CASE` and `COALESCE` do.
pub fn common_kind<'a>(
    kinds: impl IntoIterator<Item = &'a Option<DataType>>,
) -> Option<Option<DataType>> {
    let mut common: Option<DataType> = None;
    for kind in kinds.into_iter().flatten() {
        common = Some(match common {
            None => kind.clone(),
            Some(it) => common_of_two(&it, kind)?,
        });
    }
    Some(common)
}

fn common_of_two(left: &DataType, right: &DataType) -> Option<DataType> {
    use DataType as T;
    if left == right {
        return Some(left.clone());
    }
    Some(match (left, right) {
        (T::Variant, _) | (_, T::Variant) => T::Variant,
        (T::Number { precision: p1, scale: s1 }, T::Number { precision: p2, scale: s2 }) => {
            let scale = *s1.max(s2);
            let whole = (*p1 as i8 - s1).max(*p2 as i8 - s2);
            T::Number { precision: (whole + scale).clamp(1, 38) as u8, scale }
        }
        (T::Float, T::Number { .. } | T::Text { .. })
        | (T::Number { .. } | T::Text { .. }, T::Float) => T::Float,
        (T::Text { length: a }, T::Text { length: b }) => T::Text { length: *a.max(b) },
        // Text gives way to the other type: it is read as one.
        (T::Text { .. }, other) | (other, T::Text { .. }) => match other {
            T::Object | T::Array => return None,
            it => it.clone(),
        },
        (T::Binary { length: a }, T::Binary { length: b }) => T::Binary { length: *a.max(b) },
        (T::Time { scale: a }, T::Time { scale: b }) => T::Time { scale: *a.max(b) },
        (T::Date, it) | (it, T::Date) if is_timestamp(it) => it.clone(),
        (a, b) if is_timestamp(a) && is_timestamp(b) => {
            let rank = |it: &T| match it {
                T::TimestampNtz { scale } => (0, *scale),
                T::TimestampLtz { scale } => (1, *scale),
                T::TimestampTz { scale } => (2, *scale),
                _ => (0, 0),
            };
            if rank(a) >= rank(b) { a.clone() } else { b.clone() }
        }
        (T::Boolean, T::Number { .. }) | (T::Number { .. }, T::Boolean) => T::Boolean,
        _ => return None,
    })
}

pub(super) fn is_timestamp(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::TimestampNtz { .. }
            | DataType::TimestampLtz { .. }
            | DataType::TimestampTz { .. }
    )
}

/// The session's zone, which the engine's configuration carries.
pub(super) fn session_zone(options: &ConfigOptions) -> Zone {
    let zone: Option<&str> = options.execution.time_zone.as_deref();
    zone.and_then(Zone::find).unwrap_or(Zone::UTC)
}

/// Wraps an [`Entry`] for the engine.
#[derive(Clone)]
pub(super) struct Udf {
    pub entry: &'static Entry,
    signature: Signature,
}

impl Udf {
    pub fn new(entry: &'static Entry) -> Self {
        // `user_defined` is the one signature that takes any number of any types, none included.
        Self { entry, signature: Signature::user_defined(entry.volatility) }
    }
}

impl std::fmt::Debug for Udf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Udf").field("name", &self.entry.name).finish()
    }
}

impl PartialEq for Udf {
    fn eq(&self, other: &Self) -> bool {
        self.entry.name == other.entry.name
    }
}

impl Eq for Udf {}

impl Hash for Udf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.entry.name.hash(state);
    }
}

/// `000938` and `000939`: the number of arguments.
pub(super) fn check_count(name: &str, count: usize, min: usize, max: usize) -> Outcome<()> {
    if count < min {
        return Err(refuse(
            938,
            "22023",
            format!(
                "SQL compilation error:\nnot enough arguments for function [{name}], expected {min}, got {count}"
            ),
        ));
    }
    if count > max {
        return Err(refuse(
            939,
            "22023",
            format!(
                "SQL compilation error:\ntoo many arguments for function [{name}] expected {max}, got {count}"
            ),
        ));
    }
    Ok(())
}

impl ScalarUDFImpl for Udf {
    fn name(&self) -> &str {
        self.entry.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[Arrow]) -> Outcome<Vec<Arrow>> {
        let Entry { name, arguments_min, arguments_max, .. } = self.entry;
        check_count(name, arg_types.len(), *arguments_min, *arguments_max)?;
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[Arrow]) -> Outcome<Arrow> {
        let fields: Vec<FieldRef> =
            arg_types.iter().map(|it| Arc::new(Field::new("", it.clone(), true))).collect();
        let literals = vec![None; fields.len()];
        let args = ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &literals };
        Ok(self.return_field_from_args(args)?.data_type().clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Outcome<FieldRef> {
        let kinds = args.arg_fields.iter().map(|it| kind_of(it)).collect::<Outcome<Vec<_>>>()?;
        let arguments = Arguments {
            name: self.entry.name,
            kinds,
            fields: args.arg_fields,
            literals: args.scalar_arguments,
        };
        let field = (self.entry.returns)(&arguments)?;
        Ok(Arc::new(field.with_name(self.entry.name)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Outcome<ColumnarValue> {
        invoke(self.entry.name, args, self.entry.volatility, |call| match self.entry.body {
            Body::Strict(body) => call.each(true, |row| body(call, row)),
            Body::Rows(body) => call.each(false, |row| body(call, row)),
            Body::Batch(body) => body(call),
        })
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Outcome<ExprSimplifyResult> {
        if let Some(rewrite) = self.entry.rewrite
            && let Some(expr) = rewrite(&args, info)?
        {
            return Ok(ExprSimplifyResult::Simplified(expr));
        }
        Ok(ExprSimplifyResult::Original(args))
    }

    fn short_circuits(&self) -> bool {
        self.entry.rewrite.is_some()
    }
}

/// Turns the engine's arguments into a [`Call`] and its array into the engine's result.
pub(super) fn invoke(
    name: &'static str,
    args: ScalarFunctionArgs,
    volatility: Volatility,
    body: impl FnOnce(&Call) -> Outcome<ArrayRef>,
) -> Outcome<ColumnarValue> {
    let all_constant = volatility != Volatility::Volatile
        && args.args.iter().all(|it| matches!(it, ColumnarValue::Scalar(_)));
    let columns = args
        .args
        .iter()
        .zip(&args.arg_fields)
        .map(|(value, field)| match value {
            ColumnarValue::Array(array) => Column::new(array, field, false),
            ColumnarValue::Scalar(scalar) => Column::new(&scalar.to_array()?, field, true),
        })
        .collect::<Outcome<Vec<_>>>()?;
    let call = Call {
        name,
        columns,
        rows: if all_constant { 1 } else { args.number_rows },
        target: args.return_field,
        zone: session_zone(&args.config_options),
        patterns: RefCell::default(),
    };
    let array = body(&call)?;
    if all_constant {
        Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
    } else {
        Ok(ColumnarValue::Array(array))
    }
}

/// The field with a Snowflake type beside Arrow's.
pub(super) fn with_kind(field: Field, kind: &DataType) -> Field {
    field.with_metadata([(TYPE_KEY.to_owned(), kind.to_string())].into())
}
