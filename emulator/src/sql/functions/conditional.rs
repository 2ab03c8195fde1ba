//! `CASE`, `IFF`, `NVL`, `DECODE` and the like.
//!
//! All have the common type of their branches, which the engine's own `CASE` has not until it
//! optimizes. They become that `CASE` in the optimizer, so that the branch not taken is not evaluated:
//! `IFF(n = 0, 0, x / n)` must not divide by zero. Evaluated directly they are right too, for
//! arguments that have values.

use super::convert::{self, to_boolean};
use super::datum::{Datum, compare, kind_of};
use super::kit::{
    Arguments, Body, Call, Entry, MANY, Outcome, common_kind, returns_boolean, returns_text, typed,
};
use super::number::returns_common;
use super::zone::Zone;
use crate::types::DataType;
use datafusion::{
    arrow::datatypes::Field,
    common::ScalarValue,
    logical_expr::{Case, Expr, ExprSchemable, simplify::SimplifyContext},
};
use std::cmp::Ordering;

pub(super) static ENTRIES: &[Entry] = &[
    Entry::new("IFF", (3, 3), |it| branches(it, [1, 2]), Body::Rows(iff)).rewritten(rewrite_iff),
    Entry::new("COALESCE", (1, MANY), returns_common, Body::Rows(coalesce))
        .rewritten(rewrite_coalesce),
    Entry::new("NVL", (2, 2), returns_common, Body::Rows(coalesce)).rewritten(rewrite_coalesce),
    Entry::new("IFNULL", (2, 2), returns_common, Body::Rows(coalesce)).rewritten(rewrite_coalesce),
    Entry::new("NVL2", (3, 3), |it| branches(it, [1, 2]), Body::Rows(nvl2)).rewritten(rewrite_nvl2),
    Entry::new("NULLIF", (2, 2), returns_first, Body::Rows(null_if)),
    Entry::new("ZEROIFNULL", (1, 1), returns_number, Body::Rows(zero_if_null)),
    Entry::new("NULLIFZERO", (1, 1), returns_first, Body::Rows(null_if_zero)),
    Entry::new("DECODE", (3, MANY), returns_decoded, Body::Rows(decode)).rewritten(rewrite_decode),
    // `CASE WHEN a THEN b … ELSE z END` is `SF_CASE(a, b, …, z)`.
    Entry::new("SF_CASE", (2, MANY), |it| common(it, case_indices(0, it)), Body::Rows(searched))
        .rewritten(rewrite_searched),
    // `CASE x WHEN a THEN b … ELSE z END` is `SF_CASE_OF(x, a, b, …, z)`.
    Entry::new("SF_CASE_OF", (3, MANY), |it| common(it, case_indices(1, it)), Body::Rows(simple))
        .rewritten(rewrite_simple),
    Entry::new("EQUAL_NULL", (2, 2), returns_boolean, Body::Rows(equal_null)),
    Entry::new(
        "BOOLNOT",
        (1, 1),
        returns_boolean,
        Body::Strict(|_, row| Ok(Datum::Boolean(!to_boolean(&row[0])?))),
    ),
    Entry::new("BOOLAND", (2, 2), returns_boolean, Body::Rows(|_, row| logical(row, false))),
    Entry::new("BOOLOR", (2, 2), returns_boolean, Body::Rows(|_, row| logical(row, true))),
    Entry::new(
        "BOOLXOR",
        (2, 2),
        returns_boolean,
        Body::Strict(|_, row| Ok(Datum::Boolean(to_boolean(&row[0])? != to_boolean(&row[1])?))),
    ),
];

/// The common type of some arguments.
fn branches<const N: usize>(arguments: &Arguments<'_>, indices: [usize; N]) -> Outcome<Field> {
    common(arguments, indices.into_iter())
}

fn common(arguments: &Arguments<'_>, indices: impl Iterator<Item = usize>) -> Outcome<Field> {
    let kinds: Vec<Option<DataType>> =
        indices.filter_map(|it| arguments.kinds.get(it).cloned()).collect();
    match common_kind(&kinds) {
        Some(Some(kind)) => Ok(typed(kind)),
        Some(None) => returns_text(arguments),
        None => arguments.invalid_types(),
    }
}

fn returns_first(arguments: &Arguments<'_>) -> Outcome<Field> {
    match arguments.kind(0) {
        Some(kind) => Ok(typed(kind.clone())),
        None => returns_text(arguments),
    }
}

fn returns_number(arguments: &Arguments<'_>) -> Outcome<Field> {
    match arguments.kind(0) {
        Some(kind @ (DataType::Number { .. } | DataType::Float)) => Ok(typed(kind.clone())),
        None => Ok(typed(DataType::Number { precision: 38, scale: 0 })),
        Some(_) => arguments.invalid_types(),
    }
}

/// Which arguments are results, where pairs of what is looked for and a result begin at `start`:
/// the second of each pair, and a last one alone.
fn case_indices(start: usize, arguments: &Arguments<'_>) -> impl Iterator<Item = usize> + use<> {
    let count = arguments.kinds.len();
    let default = (!(count - start).is_multiple_of(2)).then_some(count - 1);
    (start + 1..count).step_by(2).chain(default)
}

fn returns_decoded(arguments: &Arguments<'_>) -> Outcome<Field> {
    common(arguments, case_indices(1, arguments))
}

fn give<'a>(call: &Call, datum: &Datum<'a>) -> Outcome<Datum<'a>> {
    convert::convert(datum.clone(), &call.target_kind()?, &call.zone)
}

fn is_true(call: &Call, datum: &Datum<'_>) -> Outcome<bool> {
    match convert::convert(datum.clone(), &DataType::Boolean, &call.zone)? {
        Datum::Boolean(value) => Ok(value),
        _ => Ok(false),
    }
}

fn iff<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    give(call, if is_true(call, &row[0])? { &row[1] } else { &row[2] })
}

fn coalesce<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    match row.iter().find(|it| !it.is_null()) {
        Some(it) => give(call, it),
        None => Ok(Datum::Null),
    }
}

fn nvl2<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    give(call, if row[0].is_null() { &row[2] } else { &row[1] })
}

/// Whether two values are equal in their common type; NULL equals NULL.
pub(super) fn is_equal(left: &Datum<'_>, right: &Datum<'_>, zone: &Zone) -> Outcome<bool> {
    if left.is_null() || right.is_null() {
        return Ok(left.is_null() && right.is_null());
    }
    if std::mem::discriminant(left) == std::mem::discriminant(right) {
        return Ok(compare(left, right) == Ordering::Equal);
    }
    let kind = match common_kind([&Some(kind_of_datum(left)), &Some(kind_of_datum(right))]) {
        Some(Some(DataType::Number { .. })) => DataType::Number { precision: 38, scale: 12 },
        Some(Some(kind)) => kind,
        _ => return Ok(false),
    };
    let left = convert::convert(left.clone(), &kind, zone)?;
    let right = convert::convert(right.clone(), &kind, zone)?;
    Ok(compare(&left, &right) == Ordering::Equal)
}

/// The widest type of a value.
pub(super) fn kind_of_datum(datum: &Datum<'_>) -> DataType {
    match datum {
        Datum::Number(_, scale) => DataType::Number { precision: 38, scale: *scale },
        Datum::Float(_) => DataType::Float,
        Datum::Text(_) | Datum::Null => DataType::Text { length: crate::types::TEXT_LENGTH_MAX },
        Datum::Boolean(_) => DataType::Boolean,
        Datum::Date(_) => DataType::Date,
        Datum::Time(_) => DataType::Time { scale: 9 },
        Datum::Ntz(_) => DataType::TimestampNtz { scale: 9 },
        Datum::Ltz(_) => DataType::TimestampLtz { scale: 9 },
        Datum::Tz(..) => DataType::TimestampTz { scale: 9 },
        Datum::Json(_) => DataType::Variant,
        Datum::Binary(_) => DataType::Binary { length: crate::types::BINARY_LENGTH_MAX },
    }
}

fn equal_null<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    Ok(Datum::Boolean(is_equal(&row[0], &row[1], &call.zone)?))
}

fn null_if<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    if row[0].is_null() || is_equal(&row[0], &row[1], &call.zone)? {
        return Ok(Datum::Null);
    }
    Ok(row[0].clone())
}

fn zero_if_null<'a>(_: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    Ok(if row[0].is_null() { Datum::Number(0, 0) } else { row[0].clone() })
}

fn null_if_zero<'a>(_: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    Ok(match &row[0] {
        Datum::Number(0, _) => Datum::Null,
        Datum::Float(value) if *value == 0.0 => Datum::Null,
        other => other.clone(),
    })
}

/// The result beside the first thing that is `found`, or the default.
fn first_found<'a>(
    call: &'a Call,
    row: &[Datum<'a>],
    found: impl Fn(&Datum<'a>) -> Outcome<bool>,
) -> Outcome<Datum<'a>> {
    let (pairs, default) = row.as_chunks::<2>();
    for [wanted, result] in pairs {
        if found(wanted)? {
            return give(call, result);
        }
    }
    default.first().map_or(Ok(Datum::Null), |it| give(call, it))
}

fn decode<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let Some((subject, rest)) = row.split_first() else { return Ok(Datum::Null) };
    first_found(call, rest, |it| is_equal(subject, it, &call.zone))
}

fn searched<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    first_found(call, row, |it| is_true(call, it))
}

fn simple<'a>(call: &'a Call, row: &[Datum<'a>]) -> Outcome<Datum<'a>> {
    let Some((subject, rest)) = row.split_first() else { return Ok(Datum::Null) };
    first_found(call, rest, |it| Ok(!subject.is_null() && is_equal(subject, it, &call.zone)?))
}

/// `AND` and `OR` of three values; `decisive` is the one that decides alone.
fn logical<'a>(row: &[Datum<'a>], decisive: bool) -> Outcome<Datum<'a>> {
    let mut unknown = false;
    for value in row {
        if value.is_null() {
            unknown = true;
        } else if to_boolean(value)? == decisive {
            return Ok(Datum::Boolean(decisive));
        }
    }
    Ok(if unknown { Datum::Null } else { Datum::Boolean(!decisive) })
}

fn kind_in(expr: &Expr, info: &SimplifyContext) -> Outcome<Option<DataType>> {
    kind_of(&expr.to_field(info.schema().as_ref())?.1)
}

/// A branch in the type of the whole.
fn in_type(expr: &Expr, kind: &DataType, info: &SimplifyContext) -> Outcome<Expr> {
    let (_, field) = expr.to_field(info.schema().as_ref())?;
    let fits = match (kind_of(&field)?, kind) {
        (Some(DataType::Text { .. }), DataType::Text { .. }) => true,
        (Some(it), kind) => it == *kind,
        (None, _) => false,
    };
    if fits && *field.data_type() == kind.to_arrow() {
        return Ok(expr.clone());
    }
    Ok(convert::cast(kind, false).call(vec![expr.clone()]))
}

/// `CASE` over branches in their common type; `None` where they have none, or are all NULL.
fn case(
    whens: Vec<(Expr, Expr)>,
    otherwise: Option<Expr>,
    info: &SimplifyContext,
) -> Outcome<Option<Expr>> {
    let kinds = whens
        .iter()
        .map(|it| &it.1)
        .chain(&otherwise)
        .map(|it| kind_in(it, info))
        .collect::<Outcome<Vec<_>>>()?;
    let Some(kind) = common_kind(&kinds).flatten() else { return Ok(None) };
    let whens = whens
        .into_iter()
        .map(|(when, then)| Ok((Box::new(when), Box::new(in_type(&then, &kind, info)?))))
        .collect::<Outcome<Vec<_>>>()?;
    let otherwise = match otherwise {
        Some(it) => in_type(&it, &kind, info)?,
        None => Expr::Literal(ScalarValue::try_from(&kind.to_arrow())?, None),
    };
    let case = Expr::Case(Case::new(None, whens, Some(Box::new(otherwise))));
    // Arrow's type alone does not say VARIANT, or a timestamp's scale.
    Ok(Some(match typed(kind.clone()).metadata().is_empty() {
        true => case,
        false => convert::declared(&kind).call(vec![case]),
    }))
}

fn condition(expr: &Expr, info: &SimplifyContext) -> Outcome<Expr> {
    in_type(expr, &DataType::Boolean, info)
}

fn rewrite_iff(args: &[Expr], info: &SimplifyContext) -> Outcome<Option<Expr>> {
    let [when, then, otherwise] = args else { return Ok(None) };
    case(vec![(condition(when, info)?, then.clone())], Some(otherwise.clone()), info)
}

fn rewrite_coalesce(args: &[Expr], info: &SimplifyContext) -> Outcome<Option<Expr>> {
    let Some((last, first)) = args.split_last() else { return Ok(None) };
    // A volatile argument would be evaluated twice, with two results.
    if first.is_empty() || args.iter().any(Expr::is_volatile) {
        return Ok(None);
    }
    let whens = first.iter().map(|it| (it.clone().is_not_null(), it.clone())).collect();
    case(whens, Some(last.clone()), info)
}

fn rewrite_nvl2(args: &[Expr], info: &SimplifyContext) -> Outcome<Option<Expr>> {
    let [given, then, otherwise] = args else { return Ok(None) };
    case(vec![(given.clone().is_not_null(), then.clone())], Some(otherwise.clone()), info)
}

fn rewrite_decode(args: &[Expr], info: &SimplifyContext) -> Outcome<Option<Expr>> {
    let Some((subject, rest)) = args.split_first() else { return Ok(None) };
    let Some(equal) = super::scalar("EQUAL_NULL") else { return Ok(None) };
    if subject.is_volatile() {
        return Ok(None);
    }
    let (pairs, default) = rest.as_chunks::<2>();
    let whens = pairs
        .iter()
        .map(|[wanted, result]| (equal.call(vec![subject.clone(), wanted.clone()]), result.clone()))
        .collect();
    case(whens, default.first().cloned(), info)
}

fn rewrite_searched(args: &[Expr], info: &SimplifyContext) -> Outcome<Option<Expr>> {
    let (pairs, default) = args.as_chunks::<2>();
    let whens = pairs
        .iter()
        .map(|[when, then]| Ok((condition(when, info)?, then.clone())))
        .collect::<Outcome<_>>()?;
    case(whens, default.first().cloned(), info)
}

fn rewrite_simple(args: &[Expr], info: &SimplifyContext) -> Outcome<Option<Expr>> {
    let Some((operand, rest)) = args.split_first() else { return Ok(None) };
    // A volatile operand would be evaluated once for each branch.
    if operand.is_volatile() {
        return Ok(None);
    }
    let (pairs, default) = rest.as_chunks::<2>();
    let mut whens = vec![];
    for [wanted, then] in pairs {
        let kinds = [kind_in(operand, info)?, kind_in(wanted, info)?];
        let Some(kind) = common_kind(&kinds).flatten() else { return Ok(None) };
        let [left, right] = [in_type(operand, &kind, info)?, in_type(wanted, &kind, info)?];
        whens.push((left.eq(right), then.clone()));
    }
    case(whens, default.first().cloned(), info)
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_aggregate, check_type};

    #[test]
    fn branches_are_chosen_and_brought_to_one_type() {
        check("IFF", "true|1|2.5", "1.0");
        check("IFF", "null|1|2.5", "2.5");
        check_type("IFF", "true|'a'|null", "VARCHAR(16777216)");
        check("NVL", "null|3", "3");
        check("NVL2", "1|'a'|'b'", "a");
        check("COALESCE", "null|null|1.50", "1.50");
        check("ZEROIFNULL", "null", "0");
        check("NULLIFZERO", "0.00", "NULL");
        check("NULLIF", "1|1.0", "NULL");
        check("NULLIF", "'a'|'b'", "a");
    }

    #[test]
    fn decode_finds_null_too() {
        check("DECODE", "2|1|'one'|2|'two'|'many'", "two");
        check("DECODE", "3|1|'one'|2|'two'|'many'", "many");
        check("DECODE", "3|1|'one'", "NULL");
        check("DECODE", "null|1|'one'|null|'none'", "none");
        check("EQUAL_NULL", "null|null", "true");
        check("EQUAL_NULL", "1|null", "false");
        check("EQUAL_NULL", "'1'|1.0", "true");
    }

    #[test]
    fn a_case_has_the_common_type_of_its_branches() {
        check_type("SF_CASE", "false|1.5|10.25", "NUMBER(4,2)");
        check_type("SF_CASE", "false|'a'|j'1'", "VARIANT");
        check("SF_CASE", "false|1.5|10.25", "10.25");
        check("SF_CASE", "null|1|true|2", "2");
        check("SF_CASE", "false|1", "NULL");
        check("SF_CASE_OF", "2|1|'one'|2|'two'|'many'", "two");
        check("SF_CASE_OF", "null|null|'null'|'other'", "other");
        check_aggregate("MAX(SF_CASE(N = 1, 0, SF_DIV(6, N - 1)))", "6.000000");
        check_aggregate("MAX(SF_CASE_OF(N, 1, 0, SF_DIV(6, N - 1)))", "6.000000");
    }

    #[test]
    fn three_values_of_logic() {
        check("BOOLAND", "false|null", "false");
        check("BOOLAND", "true|null", "NULL");
        check("BOOLOR", "1|null", "true");
        check("BOOLXOR", "true|false", "true");
        check("BOOLNOT", "0", "true");
    }

    #[test]
    fn functions_without_arguments_plan() {
        check_aggregate("MAX(PI())", "3.141592653589793");
        check_aggregate("MAX(LENGTH(UUID_STRING()))", "36");
    }

    #[test]
    fn the_branch_not_taken_is_not_evaluated() {
        check_aggregate("MAX(IFF(N = 1, 0, SF_DIV(6, N - 1)))", "6.000000");
        check_aggregate("MAX(DECODE(N, 1, 0, SF_DIV(6, N - 1)))", "6.000000");
        check_aggregate("MAX(COALESCE(N, SF_DIV(1, 0)))", "4.000000");
        check_aggregate("MAX(NVL2(Z, SF_DIV(1, N - N), N))", "4.000000");
    }
}
