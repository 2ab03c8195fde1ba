//! `LISTAGG`, `ARRAY_AGG`, `MEDIAN`, `PERCENTILE_*`, `MODE`, `MIN_BY`, and the folds over bits and
//! booleans: each turns a group's values into one.

use super::collect::{Collected, Group, PLAIN};
use super::convert::{self, text_of, to_boolean, to_float};
use super::datum::{Datum, compare};
use super::decimal;
use super::kit::{Outcome, invalid_argument, invalid_types, refuse, typed};
use super::{json, zone::Zone};
use crate::types::DataType;
use datafusion::{
    arrow::datatypes::{DataType as Arrow, Field},
    common::ScalarValue,
};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
};

/// What several entries have in common.
const ARRAY: Collected = Collected {
    returns: |_, _| Ok(typed(DataType::Array)),
    empty: Some(|| ScalarValue::Utf8(Some("[]".to_owned()))),
    ..PLAIN
};
const BOOLEAN: Collected = Collected { returns: |_, _| Ok(typed(DataType::Boolean)), ..PLAIN };
const FLOAT: Collected = Collected { returns: |_, _| Ok(typed(DataType::Float)), ..PLAIN };
const PERCENTILE: Collected = Collected { arguments: (2, 2), within_group: true, ..PLAIN };
const PICKED: Collected = Collected { arguments: (2, 3), returns: picked_kind, ..PLAIN };

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
    Collected { name: "ARRAY_AGG", ordered: true, finish: array_agg, ..ARRAY },
    Collected { name: "ARRAY_UNIQUE_AGG", finish: array_unique_agg, ..ARRAY },
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
        returns: interpolated,
        finish: percentile_cont,
        ..PERCENTILE
    },
    Collected { name: "APPROX_PERCENTILE", arguments: (2, 2), finish: percentile_cont, ..FLOAT },
    Collected {
        name: "PERCENTILE_DISC",
        returns: first_kind,
        finish: percentile_disc,
        ..PERCENTILE
    },
    Collected { name: "MODE", returns: first_kind, finish: mode, ..PLAIN },
    Collected { name: "MIN_BY", finish: |it| pick_by(it, Ordering::Less), ..PICKED },
    Collected { name: "MAX_BY", finish: |it| pick_by(it, Ordering::Greater), ..PICKED },
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
        finish: |it| fold_booleans(it, |trues, all| trues == all),
        ..BOOLEAN
    },
    Collected {
        name: "BOOLOR_AGG",
        finish: |it| fold_booleans(it, |trues, _| trues > 0),
        ..BOOLEAN
    },
    Collected {
        name: "BOOLXOR_AGG",
        finish: |it| fold_booleans(it, |trues, _| trues == 1),
        ..BOOLEAN
    },
    Collected { name: "SKEW", finish: |it| moments(it, skewness), ..FLOAT },
    Collected { name: "KURTOSIS", finish: |it| moments(it, kurtosis), ..FLOAT },
];

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
