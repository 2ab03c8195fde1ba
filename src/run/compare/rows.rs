//! Results against expected rows: shape first, then names and types, then what is in them.

use super::{
    Difference,
    cell::{self, Actual, CellRules, Matcher, cells},
    diff::{counted, diff},
};
use crate::{
    suite::{Cell, ExpectedRows, RowsExpected, Sort},
    target::{Rows, Value},
};
use md5::{Digest, Md5};
use std::collections::HashMap;

/// Rows beyond which patterns are matched first come, first served, instead of by searching for
/// an assignment that works.
const ASSIGN_MAX: usize = 500;

/// Rows of the result that are shown where only some of them were asked for.
const SHOWN_MAX: usize = 20;

pub fn compare(expected: &ExpectedRows, actual: &Rows) -> Result<(), Difference> {
    let shape = Shape::of(expected, actual)?;
    shape.check_names(expected)?;
    shape.check_types(expected)?;
    match &expected.rows {
        RowsExpected::Rows(rows) => {
            shape.check_widths(rows)?;
            compare_cells(rows, &cells(actual), expected.sort, &shape.rules)
        }
        RowsExpected::Values(values) => compare_values(values, actual, expected.sort, &shape),
        RowsExpected::Hash { count, md5 } => compare_hash(*count, md5, actual, expected),
        RowsExpected::Count { min, max } => compare_count(*min, *max, actual),
        RowsExpected::Contains(rows) => {
            shape.check_widths(rows)?;
            compare_contains(rows, actual, &shape.rules)
        }
    }
}

/// Two results that must hold the same rows; the expected one was queried too.
pub fn compare_results(expected: &Rows, actual: &Rows, sort: Sort) -> Result<(), Difference> {
    if expected.columns.len() != actual.columns.len() {
        return Err(Difference::new(format!(
            "expected {}, got {}",
            counted(expected.columns.len(), "column"),
            counted(actual.columns.len(), "column")
        )));
    }
    let cell = |it: &Actual<'_>| match it.value {
        Value::Null => Cell::Null,
        _ => Cell::Text(it.text()),
    };
    let rows: Vec<Vec<Cell>> =
        cells(expected).iter().map(|row| row.iter().map(cell).collect()).collect();
    compare_cells(&rows, &cells(actual), sort, &vec![CellRules::default(); actual.columns.len()])
}

/// A result as lines that two results share if, and only if, they are equal under `sort`.
pub fn canonical_lines(rows: &Rows, sort: Sort) -> Vec<String> {
    let cells = cells(rows);
    let mut lines: Vec<String> = match sort {
        Sort::Values => cells.iter().flatten().map(Actual::show).collect(),
        Sort::None | Sort::Rows => cells.iter().map(|row| show_row(row)).collect(),
    };
    if sort != Sort::None {
        lines.sort_unstable();
    }
    lines
}

/// One line: cells with a bar between them.
fn show_row(row: &[Actual<'_>]) -> String {
    row.iter().map(Actual::show).collect::<Vec<_>>().join(" | ")
}

struct Shape<'a> {
    actual: &'a Rows,
    rules: Vec<CellRules>,
}

impl<'a> Shape<'a> {
    fn of(expected: &ExpectedRows, actual: &'a Rows) -> Result<Self, Difference> {
        let width = actual.columns.len();
        let letters: Option<Vec<char>> =
            expected.types.as_ref().map(|types| types.chars().collect());
        if let Some(letters) = &letters
            && letters.len() != width
        {
            return Err(Difference {
                message: format!(
                    "expected {} (`{}`), got {width}",
                    counted(letters.len(), "column"),
                    letters.iter().collect::<String>()
                ),
                diff: None,
                hint: Some(format!("the result's columns are {}", describe_columns(actual))),
            });
        }
        let letter = |at: usize| letters.as_ref().and_then(|it| it.get(at).copied());
        let rules = (0..width)
            .map(|at| CellRules { letter: letter(at), tolerance: expected.tolerance })
            .collect();
        Ok(Self { actual, rules })
    }

    fn check_names(&self, expected: &ExpectedRows) -> Result<(), Difference> {
        let Some(expected) = &expected.columns else { return Ok(()) };
        let actual: Vec<String> = self.actual.columns.iter().map(|it| it.name.clone()).collect();
        match diff(expected, &actual) {
            None => Ok(()),
            Some(diff) => Err(Difference {
                message: "column names differ".to_owned(),
                diff: Some(diff),
                hint: None,
            }),
        }
    }

    fn check_types(&self, expected: &ExpectedRows) -> Result<(), Difference> {
        let letters = expected.types.iter().flat_map(|it| it.chars());
        for (at, (letter, column)) in letters.zip(&self.actual.columns).enumerate() {
            if !cell::is_of_type(column, letter) {
                return Err(Difference::new(format!(
                    "column {} `{}` is {}, not of type `{letter}`",
                    at + 1,
                    column.name,
                    cell::type_name(&column.data_type)
                )));
            }
        }
        Ok(())
    }

    fn check_widths(&self, rows: &[Vec<Cell>]) -> Result<(), Difference> {
        let width = self.actual.columns.len();
        match rows.iter().position(|row| row.len() != width) {
            None => Ok(()),
            Some(at) => Err(Difference {
                message: format!(
                    "expected row {} has {}, the result has {}",
                    at + 1,
                    counted(rows[at].len(), "cell"),
                    counted(width, "column")
                ),
                diff: None,
                hint: Some(format!("the result's columns are {}", describe_columns(self.actual))),
            }),
        }
    }
}

fn describe_columns(rows: &Rows) -> String {
    let columns =
        rows.columns.iter().map(|it| format!("`{}` {}", it.name, cell::type_name(&it.data_type)));
    match rows.columns.is_empty() {
        true => "none".to_owned(),
        false => columns.collect::<Vec<_>>().join(", "),
    }
}

fn compare_values(
    values: &[Cell],
    actual: &Rows,
    sort: Sort,
    shape: &Shape<'_>,
) -> Result<(), Difference> {
    let width = actual.columns.len();
    if sort == Sort::Values {
        let rules = same_rules(&shape.rules);
        let expected: Vec<Vec<Cell>> = values.iter().map(|it| vec![it.clone()]).collect();
        let actual: Vec<_> = cells(actual).into_iter().flatten().map(|it| vec![it]).collect();
        return compare_cells(&expected, &actual, Sort::Rows, &[rules]);
    }
    if values.is_empty() || (width > 0 && values.len().is_multiple_of(width)) {
        let expected: Vec<Vec<Cell>> = values.chunks(width.max(1)).map(<[Cell]>::to_vec).collect();
        return compare_cells(&expected, &cells(actual), sort, &shape.rules);
    }
    Err(Difference::new(format!(
        "expected {}, got {} of {}",
        counted(values.len(), "value"),
        counted(actual.rows.len(), "row"),
        counted(width, "column")
    )))
}

/// What holds for every column: the letter only where it is the same for all.
fn same_rules(rules: &[CellRules]) -> CellRules {
    let first = rules.first().copied().unwrap_or_default();
    match rules.iter().all(|it| it.letter == first.letter) {
        true => first,
        false => CellRules { letter: None, ..first },
    }
}

fn compare_hash(
    count: usize,
    md5: &str,
    actual: &Rows,
    expected: &ExpectedRows,
) -> Result<(), Difference> {
    let letters: Vec<char> = expected.types.iter().flat_map(|it| it.chars()).collect();
    let mut rows: Vec<Vec<String>> = cells(actual)
        .into_iter()
        .map(|row| {
            let cells = row.into_iter().enumerate();
            cells.map(|(at, it)| cell::sqllogictest_text(it, letters.get(at).copied())).collect()
        })
        .collect();
    if expected.sort == Sort::Rows {
        rows.sort_unstable();
    }
    let mut values: Vec<String> = rows.into_iter().flatten().collect();
    if expected.sort == Sort::Values {
        values.sort_unstable();
    }
    let mut hasher = Md5::new();
    for value in &values {
        hasher.update(value.as_bytes());
        hasher.update(b"\n");
    }
    let found: String = hasher.finalize().iter().map(|it| format!("{it:02x}")).collect();
    if values.len() == count && found == md5 {
        return Ok(());
    }
    Err(Difference {
        message: match values.len() == count {
            true => format!("{} hash differently", counted(count, "value")),
            false => format!("expected {}, got {}", counted(count, "value"), values.len()),
        },
        diff: Some(format!(
            "-{count} values hashing to {md5}\n+{} values hashing to {found}",
            values.len()
        )),
        hint: None,
    })
}

fn compare_count(min: usize, max: Option<usize>, actual: &Rows) -> Result<(), Difference> {
    let found = actual.rows.len();
    if found >= min && max.is_none_or(|max| found <= max) {
        return Ok(());
    }
    let expected = match max {
        None => format!("{} or more", counted(min, "row")),
        Some(max) if max == min => counted(min, "row"),
        Some(max) => format!("{min} to {}", counted(max, "row")),
    };
    Err(Difference::new(format!("expected {expected}, got {found}")))
}

fn compare_contains(
    expected: &[Vec<Cell>],
    actual: &Rows,
    rules: &[CellRules],
) -> Result<(), Difference> {
    let matchers = matchers(expected)?;
    let actual = cells(actual);
    let pairs = assign(&matchers, &actual, rules);
    let missing: Vec<String> = pairs
        .iter()
        .zip(expected)
        .filter(|(pair, _)| pair.is_none())
        .map(|(_, row)| format!("-{}", show_expected_row(row)))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let shown = actual.iter().take(SHOWN_MAX).map(|row| format!(" {}", show_row(row)));
    let left_out = actual.len().saturating_sub(SHOWN_MAX);
    let left_out = (left_out > 0).then(|| format!(" … {} more", counted(left_out, "row")));
    let message = match missing.len() {
        1 => "an expected row is missing".to_owned(),
        count => format!("{count} expected rows are missing"),
    };
    let lines: Vec<String> = missing.into_iter().chain(shown).chain(left_out).collect();
    let message = format!("{message} among {}", counted(actual.len(), "row"));
    Err(Difference { message, diff: Some(lines.join("\n")), hint: None })
}

fn compare_cells(
    expected: &[Vec<Cell>],
    actual: &[Vec<Actual<'_>>],
    sort: Sort,
    rules: &[CellRules],
) -> Result<(), Difference> {
    match sort {
        Sort::None => compare_in_order(expected, actual, rules),
        Sort::Rows => compare_as_bags(expected, actual, rules),
        Sort::Values => {
            let one = same_rules(rules);
            let expected: Vec<_> = expected.iter().flatten().map(|it| vec![it.clone()]).collect();
            let actual: Vec<_> = actual.iter().flatten().map(|it| vec![*it]).collect();
            compare_as_bags(&expected, &actual, &[one])
        }
    }
}

fn compare_in_order(
    expected: &[Vec<Cell>],
    actual: &[Vec<Actual<'_>>],
    rules: &[CellRules],
) -> Result<(), Difference> {
    let matchers = matchers(expected)?;
    let met: Vec<bool> =
        matchers.iter().zip(actual).map(|(row, it)| row_matches(row, it, rules)).collect();
    if expected.len() == actual.len() && met.iter().all(|it| *it) {
        return Ok(());
    }
    let message = match expected.len() == actual.len() {
        false => format!("expected {}, got {}", counted(expected.len(), "row"), actual.len()),
        true => {
            let first = met.iter().position(|it| !it).unwrap_or_default() + 1;
            match met.iter().filter(|it| !**it).count() - 1 {
                0 => format!("row {first} differs"),
                others => format!("row {first} and {} differ", counted(others, "other")),
            }
        }
    };
    let lines: Vec<String> = actual.iter().map(|row| show_row(row)).collect();
    // A pattern that is met is shown as what it met, so that only differences stand out. Where
    // rows were inserted or lost, a row may be met by another than its counterpart.
    let by_line = |at: usize| {
        let near = at.saturating_sub(SHOWN_MAX)..(at + SHOWN_MAX).min(actual.len());
        near.into_iter().find(|&it| row_matches(&matchers[at], &actual[it], rules))
    };
    let expected_lines: Vec<String> = expected
        .iter()
        .enumerate()
        .map(|(at, row)| match met.get(at) {
            Some(true) => lines[at].clone(),
            _ => by_line(at).map_or_else(|| show_expected_row(row), |it| lines[it].clone()),
        })
        .collect();
    Err(Difference { message, diff: diff(&expected_lines, &lines), hint: None })
}

fn compare_as_bags(
    expected: &[Vec<Cell>],
    actual: &[Vec<Actual<'_>>],
    rules: &[CellRules],
) -> Result<(), Difference> {
    let matchers = matchers(expected)?;
    let pairs = assign(&matchers, actual, rules);
    let missing = pairs.iter().filter(|it| it.is_none()).count();
    let unexpected = actual.len() + missing - expected.len();
    if missing == 0 && unexpected == 0 {
        return Ok(());
    }
    let message = match (missing, unexpected) {
        (missing, 0) => format!("{} missing", counted(missing, "row")),
        (0, unexpected) => format!("{} not expected", counted(unexpected, "row")),
        (missing, unexpected) => {
            format!("{} missing, {unexpected} not expected", counted(missing, "row"))
        }
    };
    let mut lines: Vec<String> = actual.iter().map(|row| show_row(row)).collect();
    let mut expected_lines: Vec<String> = expected
        .iter()
        .zip(&pairs)
        .map(|(row, pair)| pair.map_or_else(|| show_expected_row(row), |it| lines[it].clone()))
        .collect();
    lines.sort_unstable();
    expected_lines.sort_unstable();
    Err(Difference { message, diff: diff(&expected_lines, &lines), hint: None })
}

fn matchers(rows: &[Vec<Cell>]) -> Result<Vec<Vec<Matcher<'_>>>, Difference> {
    rows.iter()
        .map(|row| row.iter().map(|it| Matcher::new(it).map_err(Difference::new)).collect())
        .collect()
}

fn row_matches(row: &[Matcher<'_>], actual: &[Actual<'_>], rules: &[CellRules]) -> bool {
    let rule = |at: usize| rules.get(at).copied().unwrap_or_default();
    row.len() == actual.len()
        && row
            .iter()
            .zip(actual)
            .enumerate()
            .all(|(at, (it, actual))| it.matches(*actual, rule(at)))
}

fn show_expected_row(row: &[Cell]) -> String {
    row.iter().map(cell::show_expected).collect::<Vec<_>>().join(" | ")
}

/// For each expected row the actual row that meets it, each used once.
///
/// Rows without patterns are paired by key, which is what sorting both sides comes to. The rest
/// are assigned by augmenting paths, so that a broad pattern does not take the only row that a
/// narrow one could have.
fn assign(
    expected: &[Vec<Matcher<'_>>],
    actual: &[Vec<Actual<'_>>],
    rules: &[CellRules],
) -> Vec<Option<usize>> {
    let mut pairs: Vec<Option<usize>> = vec![None; expected.len()];
    let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, row) in actual.iter().enumerate().rev() {
        let key = row.iter().map(Actual::sort_key).collect::<Vec<_>>().join("\u{1f}");
        by_key.entry(key).or_default().push(at);
    }
    for (row, pair) in expected.iter().zip(&mut pairs) {
        if !row.iter().all(Matcher::is_plain) {
            continue;
        }
        let key = row.iter().map(Matcher::sort_key).collect::<Vec<_>>().join("\u{1f}");
        if let Some(candidates) = by_key.get_mut(&key)
            && let Some(&at) = candidates.last()
            && row_matches(row, &actual[at], rules)
        {
            candidates.pop();
            *pair = Some(at);
        }
    }

    let open: Vec<usize> = (0..expected.len()).filter(|&it| pairs[it].is_none()).collect();
    if open.is_empty() {
        return pairs;
    }
    let mut taken_by: Vec<Option<usize>> = vec![None; actual.len()];
    for (row, pair) in pairs.iter().enumerate() {
        if let Some(at) = pair {
            taken_by[*at] = Some(row);
        }
    }
    if open.len() > ASSIGN_MAX || actual.len() > ASSIGN_MAX * 10 {
        let mut free: Vec<usize> = (0..actual.len()).filter(|&it| taken_by[it].is_none()).collect();
        for row in open {
            let found = free.iter().position(|&at| row_matches(&expected[row], &actual[at], rules));
            pairs[row] = found.map(|it| free.remove(it));
        }
        return pairs;
    }
    for row in open {
        let mut seen = vec![false; actual.len()];
        augment(row, expected, actual, rules, &mut taken_by, &mut seen);
    }
    let mut pairs = vec![None; expected.len()];
    for (at, row) in taken_by.iter().enumerate() {
        if let Some(row) = row {
            pairs[*row] = Some(at);
        }
    }
    pairs
}

/// Finds a row for `row`, moving rows that are taken to others if need be.
fn augment(
    row: usize,
    expected: &[Vec<Matcher<'_>>],
    actual: &[Vec<Actual<'_>>],
    rules: &[CellRules],
    taken_by: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for at in 0..actual.len() {
        if seen[at] || !row_matches(&expected[row], &actual[at], rules) {
            continue;
        }
        seen[at] = true;
        let free = match taken_by[at] {
            None => true,
            Some(other) => augment(other, expected, actual, rules, taken_by, seen),
        };
        if free {
            taken_by[at] = Some(row);
            return true;
        }
    }
    false
}
