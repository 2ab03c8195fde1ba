//! Lines below `----` to cells.
//!
//! There are two ways to write a result: a row on a line, as most projects do, and a value on a
//! line, as SQLite does. `control resultmode` says which; without it, what fits is taken, and rows
//! where both do.

use crate::suite::{
    Cell, RowsExpected,
    error::SuiteErrorKind,
    words::{cell, counted},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultMode {
    Either,
    Rows,
    Values,
}

/// Cells of `lines` for a query with so many columns; or what is wrong, and with which line.
///
/// Cells of a row are apart by blanks, or by single tabs where a line has one; so a cell can have
/// blanks in it. The cell of a single column is its whole line.
pub fn rows(
    lines: Vec<String>,
    width: usize,
    mode: ResultMode,
) -> Result<RowsExpected, (usize, SuiteErrorKind)> {
    if let [line] = lines.as_slice()
        && let Some(hash) = hash(line)
    {
        return Ok(hash);
    }
    match (width, mode) {
        (_, _) if lines.is_empty() => Ok(RowsExpected::Rows(Vec::new())),
        (0, _) => {
            let kind = SuiteErrorKind::Slt {
                what: "a result of no columns".to_owned(),
                help: Some("a letter for each column behind `query`: `query TI`".to_owned()),
            };
            Err((0, kind))
        }
        (1, ResultMode::Either | ResultMode::Rows) => {
            Ok(RowsExpected::Rows(lines.into_iter().map(|it| vec![whole_cell(it)]).collect()))
        }
        (_, ResultMode::Values) => values(lines, width),
        (_, ResultMode::Either) => {
            let is_rows = lines.iter().all(|it| cells_of(it).count() == width);
            let is_values =
                lines.len().is_multiple_of(width) && !lines.iter().any(|it| it.contains('\t'));
            match is_rows || !is_values {
                true => rows_of(&lines, width),
                false => values(lines, width),
            }
        }
        (_, ResultMode::Rows) => rows_of(&lines, width),
    }
}

fn rows_of(lines: &[String], width: usize) -> Result<RowsExpected, (usize, SuiteErrorKind)> {
    let mut rows = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let mut row = Vec::with_capacity(width);
        row.extend(cells_of(line).map(cell_or_null));
        if row.len() != width {
            let kind = SuiteErrorKind::Slt {
                what: format!(
                    "row {} has {}, and the query {}",
                    index + 1,
                    counted(row.len(), "cell"),
                    counted(width, "column")
                ),
                help: Some("tabs between cells let a cell have blanks in it".to_owned()),
            };
            return Err((index, kind));
        }
        rows.push(row);
    }
    Ok(RowsExpected::Rows(rows))
}

fn values(lines: Vec<String>, width: usize) -> Result<RowsExpected, (usize, SuiteErrorKind)> {
    if !lines.len().is_multiple_of(width) {
        let kind = SuiteErrorKind::Slt {
            what: format!(
                "{} for {}: the last row is not whole",
                counted(lines.len(), "value"),
                counted(width, "column")
            ),
            help: Some("each value stands on a line of its own".to_owned()),
        };
        return Err((lines.len() - 1, kind));
    }
    Ok(RowsExpected::Values(lines.into_iter().map(whole_cell).collect()))
}

/// The two ways to split a line, as one iterator.
fn cells_of(line: &str) -> impl Iterator<Item = &str> {
    let has_tab = line.as_bytes().contains(&b'\t');
    let by_tab = has_tab.then(|| line.split('\t'));
    let by_blank = (!has_tab).then(|| line.split_ascii_whitespace());
    by_tab.into_iter().flatten().chain(by_blank.into_iter().flatten())
}

/// A cell that is a whole line, without another copy of it.
fn whole_cell(line: String) -> Cell {
    match line.as_bytes().first() {
        Some(b'N' | b'(') => cell_or_null(&line),
        _ if line.as_bytes().contains(&b'<') => cell(&line),
        _ => Cell::Text(line),
    }
}

fn cell_or_null(text: &str) -> Cell {
    match text {
        "NULL" => Cell::Null,
        _ => cell(text),
    }
}

/// `30 values hashing to 3c13dee48d9356ae19af2515e05e6b54`
fn hash(line: &str) -> Option<RowsExpected> {
    let (count, md5) = line.split_once(" values hashing to ")?;
    let is_md5 = md5.len() == 32 && md5.bytes().all(|it| it.is_ascii_hexdigit());
    let count = count.parse().ok()?;
    is_md5.then(|| RowsExpected::Hash { count, md5: md5.to_ascii_lowercase() })
}
