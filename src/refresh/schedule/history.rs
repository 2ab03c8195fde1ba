//! Rows of a refresh history: what DYNAMIC_TABLE_REFRESH_HISTORY and its relatives tell, from a
//! target's result or a CSV file.
//!
//! Columns are known by name, in either case; others are ignored. Nothing is judged here.

use super::instant::{SECOND, instant, lag};
use crate::target;
use std::{collections::HashSet, fmt, path::Path};

/// Where a row is. Lines count from 1, as editors do; of a target's result the rows do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Place {
    pub file: String,
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One row. Instants are microseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub struct Refresh {
    pub place: Place,
    /// As much of the qualified name as there is.
    pub table: String,
    pub state: State,
    pub trigger: Option<Trigger>,
    pub data_timestamp: i64,
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub completion_target: Option<i64>,
    /// In seconds. None where the row does not tell, or the lag is DOWNSTREAM.
    pub target_lag: Option<f64>,
    /// A table that it reads, and the data timestamp at which that was read.
    pub dependency: Option<String>,
    pub query_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Scheduled,
    Executing,
    Succeeded,
    Failed,
    Cancelled,
    UpstreamFailed,
    Skipped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    Scheduled,
    Manual,
    Creation,
}

/// What DYNAMIC_TABLES says of a table's lag, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    pub place: Place,
    pub table: String,
    pub target_lag: Option<f64>,
    pub mean: Option<f64>,
    pub maximum: Option<f64>,
    pub time_above: Option<f64>,
    /// From 0 to 1.
    pub ratio_within: Option<f64>,
}

/// Every row that was read, in the order of the files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    pub refreshes: Vec<Refresh>,
    pub figures: Vec<Figures>,
    /// Columns that no file has, in capitals, so that something cannot be checked.
    pub missing: Vec<&'static str>,
}

/// A file or a row that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct HistoryError {
    pub place: Place,
    pub message: String,
}

/// Columns that are told to be missing, since a check is not done without them.
const WANTED: [&str; 6] = [
    "STATE",
    "REFRESH_TRIGGER",
    "REFRESH_START_TIME",
    "REFRESH_END_TIME",
    "COMPLETION_TARGET",
    "TARGET_LAG_SEC",
];

impl History {
    /// Reads CSV files. All that is wrong with any of them is told.
    pub fn of_csv(files: &[(&Path, &str)]) -> Result<Self, Vec<HistoryError>> {
        let mut tables = Vec::new();
        let mut errors = Vec::new();
        for (path, text) in files {
            match csv_table(&path.display().to_string(), text) {
                Ok(table) => tables.push(table),
                Err(err) => errors.push(err),
            }
        }
        Self::of_tables(&tables, errors)
    }

    /// Reads a target's result. `name` stands for the file in places.
    pub fn of_rows(name: &str, rows: &target::Rows) -> Result<Self, Vec<HistoryError>> {
        let cell = |(value, column): (&target::Value, &target::Column)| match value {
            target::Value::Null => String::new(),
            value => value.text(&column.data_type),
        };
        let table = Table {
            file: name.to_owned(),
            header: rows.columns.iter().map(|it| it.name.to_ascii_uppercase()).collect(),
            rows: rows
                .rows
                .iter()
                .enumerate()
                .map(|(at, row)| (at + 1, row.iter().zip(&rows.columns).map(cell).collect()))
                .collect(),
        };
        Self::of_tables(&[table], Vec::new())
    }

    fn of_tables(
        tables: &[Table],
        mut errors: Vec<HistoryError>,
    ) -> Result<Self, Vec<HistoryError>> {
        let mut history = Self::default();
        for table in tables {
            if table.has("DATA_TIMESTAMP") || table.has_derived() {
                let rows = table.rows.iter().map(|row| Row { table, row });
                for row in rows {
                    match row.refresh() {
                        Ok(Some(refresh)) => history.refreshes.push(refresh),
                        Ok(None) => {}
                        Err(of_row) => errors.extend(of_row),
                    }
                }
            } else if table.has("MEAN_LAG_SEC") {
                let rows = table.rows.iter().map(|row| Row { table, row });
                history.figures.extend(rows.map(|row| row.figures()));
            } else {
                errors.push(table.error(
                    1,
                    "no column `DATA_TIMESTAMP`, nor `MEAN_LAG_SEC`: neither a refresh history \
                     nor DYNAMIC_TABLES",
                ));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        // Exports of one history may overlap. What tells two refreshes apart is all there is.
        let mut seen = HashSet::new();
        history.refreshes.retain(|it| {
            let query_id = it.query_id.clone();
            let times = (it.data_timestamp, it.started_at, it.ended_at);
            seen.insert((it.table.clone(), it.state as u8, times, query_id))
                // Within a file the same row twice is a finding, not an overlap of exports.
                || tables.len() == 1
        });
        let with_rows = || tables.iter().filter(|it| !it.has("MEAN_LAG_SEC"));
        let is_missing = |it: &&'static str| !with_rows().any(|table| table.tells(it));
        history.missing = WANTED.iter().copied().filter(is_missing).collect();
        Ok(history)
    }
}

/// Cells as text, whoever they came from. The header is in capitals.
struct Table {
    file: String,
    header: Vec<String>,
    rows: Vec<(usize, Vec<String>)>,
}

impl Table {
    fn has(&self, name: &str) -> bool {
        self.header.iter().any(|it| it == name)
    }

    /// Public exports of live histories have these instead of the data timestamp and the start,
    /// rounded to seconds.
    fn has_derived(&self) -> bool {
        self.has("REFRESH_END_TIME") && self.has("STALENESS_AT_DONE_SEC")
    }

    fn tells(&self, name: &str) -> bool {
        match name {
            "REFRESH_START_TIME" => self.has(name) || self.has("DURATION_SEC"),
            "TARGET_LAG_SEC" => self.has(name) || self.has("TARGET_LAG"),
            _ => self.has(name),
        }
    }

    fn error(&self, line: usize, message: impl Into<String>) -> HistoryError {
        let place = Place { file: self.file.clone(), line };
        HistoryError { place, message: message.into() }
    }
}

struct Row<'a> {
    table: &'a Table,
    row: &'a (usize, Vec<String>),
}

impl Row<'_> {
    /// The cell, unless it is empty or one of the ways in which exports write NULL.
    fn cell(&self, name: &str) -> Option<&str> {
        let column = self.table.header.iter().position(|it| it == name)?;
        let text = self.row.1.get(column)?.trim();
        let is_null = ["", "\\N", "NULL", "None"].iter().any(|it| it.eq_ignore_ascii_case(text));
        (!is_null).then_some(text)
    }

    fn place(&self) -> Place {
        Place { file: self.table.file.clone(), line: self.row.0 }
    }

    fn name(&self) -> String {
        if let Some(name) = self.cell("QUALIFIED_NAME") {
            return name.replace('"', "");
        }
        let parts = ["DATABASE_NAME", "SCHEMA_NAME", "NAME"];
        parts.iter().filter_map(|it| self.cell(it)).collect::<Vec<_>>().join(".")
    }

    fn read<T>(
        &self,
        name: &str,
        what: &str,
        errors: &mut Vec<HistoryError>,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.cell(name)?;
        let value = read(text);
        if value.is_none() {
            let message = format!("`{text}` in {name} is no {what}");
            errors.push(self.table.error(self.row.0, message));
        }
        value
    }

    /// None is a row that has no data timestamp: nothing was refreshed yet.
    fn refresh(&self) -> Result<Option<Refresh>, Vec<HistoryError>> {
        let mut errors = Vec::new();
        let micros = |text: &str| instant(text).map(|it| it.timestamp_micros());
        let mut at = |name| self.read(name, "timestamp", &mut errors, micros);
        let mut data_timestamp = at("DATA_TIMESTAMP");
        let mut started_at = at("REFRESH_START_TIME");
        let ended_at = at("REFRESH_END_TIME");
        let completion_target = at("COMPLETION_TARGET");
        #[expect(clippy::cast_possible_truncation, reason = "such a cast is bounded")]
        let span = |text: &str| match text.parse::<f64>() {
            Ok(it) if it.is_finite() => Some((it * SECOND as f64) as i64),
            _ => None,
        };
        let mut before_end = |name| {
            let span = self.read(name, "number of seconds", &mut errors, span)?;
            ended_at.and_then(|it: i64| it.checked_sub(span))
        };
        if !self.table.has("DATA_TIMESTAMP") {
            data_timestamp = before_end("STALENESS_AT_DONE_SEC");
        }
        if !self.table.has("REFRESH_START_TIME") {
            started_at = before_end("DURATION_SEC");
        }
        let state = match self.table.has("STATE") {
            true => self.read("STATE", "state of a refresh", &mut errors, State::read),
            false => Some(State::Succeeded),
        };
        let trigger = self.read("REFRESH_TRIGGER", "trigger", &mut errors, Trigger::read);
        if !errors.is_empty() {
            return Err(errors);
        }
        let (Some(data_timestamp), Some(state)) = (data_timestamp, state) else { return Ok(None) };
        Ok(Some(Refresh {
            place: self.place(),
            table: self.name(),
            state,
            trigger,
            data_timestamp,
            started_at,
            ended_at,
            completion_target,
            target_lag: self.target_lag(),
            dependency: self.cell("LAST_COMPLETED_DEPENDENCY").and_then(dependency),
            query_id: self.cell("QUERY_ID").map(str::to_owned),
        }))
    }

    fn target_lag(&self) -> Option<f64> {
        self.cell("TARGET_LAG_SEC").or_else(|| self.cell("TARGET_LAG")).and_then(lag)
    }

    fn figures(&self) -> Figures {
        let number =
            |name| self.cell(name).and_then(|it| it.parse().ok()).filter(|it: &f64| it.is_finite());
        Figures {
            place: self.place(),
            table: self.name(),
            target_lag: self.target_lag(),
            mean: number("MEAN_LAG_SEC"),
            maximum: number("MAXIMUM_LAG_SEC"),
            time_above: number("TIME_ABOVE_TARGET_LAG_SEC"),
            ratio_within: number("TIME_WITHIN_TARGET_LAG_RATIO"),
        }
    }
}

/// The table's name of `{"qualified_name": …, "data_timestamp": …}`.
fn dependency(json: &str) -> Option<String> {
    let json: serde_json::Value = serde_json::from_str(json).ok()?;
    let name = json.as_object()?.iter().find(|it| it.0.eq_ignore_ascii_case("qualified_name"))?;
    name.1.as_str().map(|it| it.replace('"', ""))
}

impl State {
    /// The state of this name, in either case.
    pub fn read(text: &str) -> Option<Self> {
        match text.to_ascii_uppercase().as_str() {
            "SCHEDULED" => Some(Self::Scheduled),
            "EXECUTING" => Some(Self::Executing),
            "SUCCEEDED" => Some(Self::Succeeded),
            "FAILED" => Some(Self::Failed),
            "CANCELLED" | "CANCELED" => Some(Self::Cancelled),
            "UPSTREAM_FAILED" => Some(Self::UpstreamFailed),
            "SKIPPED" => Some(Self::Skipped),
            _ => None,
        }
    }

    /// Whether something was executed for it.
    pub fn is_executed(self) -> bool {
        matches!(self, Self::Executing | Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

impl Trigger {
    /// The trigger of this name, in either case.
    pub fn read(text: &str) -> Option<Self> {
        match text.to_ascii_uppercase().as_str() {
            "SCHEDULED" => Some(Self::Scheduled),
            "MANUAL" => Some(Self::Manual),
            "CREATION" => Some(Self::Creation),
            _ => None,
        }
    }
}

fn csv_table(file: &str, text: &str) -> Result<Table, HistoryError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let error = |line, message: String| HistoryError {
        place: Place { file: file.to_owned(), line },
        message,
    };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(|it| it.trim().to_ascii_uppercase()).collect(),
        Err(err) => return Err(error(1, err.to_string())),
    };
    let mut seen = HashSet::new();
    if let Some(twice) = header.iter().find(|it| !it.is_empty() && !seen.insert(it.as_str())) {
        return Err(error(1, format!("the column `{twice}` is there twice")));
    }
    let mut lines = Lines { text, offset: 0, line: 1 };
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(err) => {
                let at = err.position().map_or(0, csv::Position::byte);
                return Err(error(lines.at(at), err.to_string()));
            }
        };
        let line = lines.at(record.position().map_or(0, csv::Position::byte));
        if record.len() != header.len() {
            let message = format!("{} cells, where the header has {}", record.len(), header.len());
            return Err(error(line, message));
        }
        rows.push((line, record.iter().map(str::to_owned).collect()));
    }
    Ok(Table { file: file.to_owned(), header, rows })
}

/// Lines by offset. The reader's own count is one short after a CRLF, since a record's position is
/// that of the LF before it.
struct Lines<'a> {
    text: &'a str,
    offset: usize,
    line: usize,
}

impl Lines<'_> {
    /// Offsets must not fall.
    fn at(&mut self, offset: u64) -> usize {
        let bytes = self.text.as_bytes();
        let mut end =
            usize::try_from(offset).unwrap_or(bytes.len()).clamp(self.offset, bytes.len());
        while matches!(bytes.get(end), Some(b'\r' | b'\n')) {
            end += 1;
        }
        self.line += bytes[self.offset..end].iter().filter(|it| **it == b'\n').count();
        self.offset = end;
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Column, Rows, Type, Value};

    fn read(text: &str) -> Result<History, String> {
        History::of_csv(&[(Path::new("h.csv"), text)])
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn columns_are_known_by_name_whatever_is_around_them() {
        let text = "\u{feff}Extra,Name,data_timestamp,\"State\"\r\n\
                    \"a \"\"b\"\",\r\nc\",T,2026-06-01 12:00:33.000 -0700,succeeded\r\n\
                    \r\n\
                    ,T,2026-06-01T19:01:21Z,SKIPPED\r\n";
        let history = read(text).unwrap();
        let found: Vec<(usize, &str, State, i64)> = history
            .refreshes
            .iter()
            .map(|it| (it.place.line, it.table.as_str(), it.state, it.data_timestamp / SECOND))
            .collect();
        assert_eq!(
            found,
            [(2, "T", State::Succeeded, 1_780_340_433), (5, "T", State::Skipped, 1_780_340_481)]
        );
        let missing =
            ["REFRESH_TRIGGER", "REFRESH_START_TIME", "REFRESH_END_TIME", "COMPLETION_TARGET"];
        assert_eq!(history.missing, [&missing[..], &["TARGET_LAG_SEC"]].concat());
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            assert_eq!(read(text).unwrap_err(), expected);
        }
        check(
            "NAME,DATA_TIMESTAMP,STATE\nT,soon,DONE\nT,NULL,SUCCEEDED\nT,1780340433,GONE\n",
            "h.csv:2: `soon` in DATA_TIMESTAMP is no timestamp\n\
             h.csv:2: `DONE` in STATE is no state of a refresh\n\
             h.csv:4: `GONE` in STATE is no state of a refresh",
        );
        check("NAME,DATA_TIMESTAMP,NAME\n", "h.csv:1: the column `NAME` is there twice");
        check("NAME,DATA_TIMESTAMP\nT,1780340433\nT\n", "h.csv:3: 1 cells, where the header has 2");
        for text in ["", "A,B\n1,2\n"] {
            check(
                text,
                "h.csv:1: no column `DATA_TIMESTAMP`, nor `MEAN_LAG_SEC`: neither a refresh \
                 history nor DYNAMIC_TABLES",
            );
        }
    }

    #[test]
    fn a_public_export_without_data_timestamps_has_them_from_staleness() {
        let text = "NAME,REFRESH_END_TIME,STALENESS_AT_DONE_SEC,DURATION_SEC,STATE\n\
                    T,2026-06-01 12:00:40.250 -0700,7,6,SUCCEEDED\n\
                    T,,,,SKIPPED\n";
        let history = read(text).unwrap();
        let [row] = history.refreshes.as_slice() else { panic!("{history:?}") };
        assert_eq!(row.data_timestamp, 1_780_340_433_250_000);
        assert_eq!(row.started_at, Some(1_780_340_434_250_000));
    }

    #[test]
    fn exports_that_overlap_are_one_history() {
        let first = "NAME,DATA_TIMESTAMP\nT,1780340433\nT,1780340481\n";
        let second = "DATA_TIMESTAMP,NAME\n1780340481,T\n1780340529,T\n";
        let files = [(Path::new("a.csv"), first), (Path::new("b.csv"), second)];
        assert_eq!(History::of_csv(&files).unwrap().refreshes.len(), 3);
    }

    #[test]
    fn a_result_is_read_as_a_file_is() {
        let column =
            |name: &str, data_type| Column { name: name.to_owned(), data_type, nullable: true };
        let at = instant("2026-06-01 12:00:33 -0700").unwrap();
        let rows = Rows {
            columns: vec![
                column("name", Type::Text),
                column("DATA_TIMESTAMP", Type::TimestampLtz { scale: 3 }),
                column("REFRESH_END_TIME", Type::TimestampTz { scale: 3 }),
                column("TARGET_LAG_SEC", Type::Number { precision: 38, scale: 0 }),
                column("STATE", Type::Text),
            ],
            rows: vec![vec![
                Value::Text("T".to_owned()),
                Value::TimestampLtz(at),
                Value::Null,
                Value::Number { digits: 60, scale: 0 },
                Value::Text("EXECUTING".to_owned()),
            ]],
            affected: None,
        };
        let history = History::of_rows("result", &rows).unwrap();
        let [row] = history.refreshes.as_slice() else { panic!("{history:?}") };
        assert_eq!(row.place.to_string(), "result:1");
        assert_eq!(row.data_timestamp, at.timestamp_micros());
        assert_eq!((row.ended_at, row.target_lag), (None, Some(60.0)));
        assert_eq!(row.state, State::Executing);
    }

    #[test]
    fn names_are_qualified_as_far_as_they_are_known() {
        let text = "QUALIFIED_NAME,NAME,SCHEMA_NAME,DATA_TIMESTAMP\n\
                    D.\"S\".T,T,S,1780340433\n,T,S,1780340433\n";
        let history = read(text).unwrap();
        let names: Vec<&str> = history.refreshes.iter().map(|it| it.table.as_str()).collect();
        assert_eq!(names, ["D.S.T", "S.T"]);
    }
}
