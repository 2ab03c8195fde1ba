//! Nights in one SQLite file.
//!
//! One transaction adds a night, so that it is there whole or not at all, whoever is killed when.
//! Writers wait for each other: the journal is written ahead, and a lock is waited for.

#[cfg(test)]
mod tests;

use super::{
    Better, CaseOutcome, Distribution, Judgement, Night, Quantity, SeriesKey, SeriesVerdict,
    Status, Unit,
};
use crate::{
    gate::{Reading, Sample},
    load::Histo,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Row, Statement, Transaction,
    TransactionBehavior,
    types::{FromSql, FromSqlError, Type},
};
use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

/// From one version of the file to the next. What was released is not changed any more.
const MIGRATIONS: [&str; 1] = [include_str!("schema_1.sql")];

/// `SNOG`: that a file is a history, and not somebody's database.
const APPLICATION: i32 = 0x534e_4f47;

/// How long somebody else's write is waited for. A night takes some milliseconds, a disk that is
/// full of other work a second.
const BUSY: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("cannot open the history `{}`: {cause}", path.display())]
    Unopened { path: PathBuf, cause: String },
    #[error("`{}` is a database of something else", path.display())]
    Foreign { path: PathBuf },
    #[error(
        "the history `{}` is of version {found}, this program reads up to {}",
        path.display(), MIGRATIONS.len()
    )]
    Newer { path: PathBuf, found: i64 },
    #[error("there is no history `{}`", path.display())]
    Absent { path: PathBuf },
    #[error("no night `{run}` in the history `{}`", path.display())]
    NoSuchNight { run: String, path: PathBuf },
    #[error("the history `{}`: {source}", path.display())]
    Sqlite { path: PathBuf, source: rusqlite::Error },
}

impl HistoryError {
    /// What whoever wants to read or write it can do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Foreign { .. } => Some("`--history` names a file of its own"),
            Self::Newer { .. } => Some("the `snowgauge` that wrote it can read it"),
            Self::Absent { .. } => {
                Some("`snowgauge run --history FILE` makes one, and so does `history import`")
            }
            Self::NoSuchNight { .. } => Some("`snowgauge history` lists them"),
            Self::Unopened { .. } | Self::Sqlite { .. } => None,
        }
    }
}

/// What became of adding a night.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    New,
    /// The run had not come to its end before.
    Replaced,
    /// It was there.
    Known,
}

/// A night without its quantities.
#[derive(Clone, Debug, PartialEq)]
pub struct NightRow {
    pub id: i64,
    pub run: String,
    pub started_at: DateTime<Utc>,
    pub took_us: Option<u64>,
    pub cut_short: Option<String>,
    pub tool_version: String,
    pub testbed: String,
    pub target: String,
    pub place: String,
    pub region: Option<String>,
    pub release: Option<String>,
    pub server_version: Option<String>,
    pub generator: Option<String>,
    pub simulated: Option<String>,
    pub seed: u64,
    pub scale: u64,
    pub status: Status,
    pub why: String,
}

impl NightRow {
    pub fn has_ended(&self) -> bool {
        self.took_us.is_some() && self.cut_short.is_none()
    }
}

/// What a series was in one night.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub night: i64,
    pub first: Sample,
    pub again: Vec<Sample>,
}

/// A history that is open.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

type Result<T, E = HistoryError> = std::result::Result<T, E>;

impl Store {
    /// Opens a history, and makes it if there is none; folders on the way are made.
    pub fn open(path: &Path) -> Result<Self> {
        let unopened = |cause: String| HistoryError::Unopened { path: path.to_owned(), cause };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|err| unopened(err.to_string()))?;
        }
        let connection = Connection::open(path).map_err(|err| unopened(err.to_string()))?;
        Self::of(connection, path)
    }

    /// Opens a history that is there.
    pub fn open_existing(path: &Path) -> Result<Self> {
        if !path.is_file() {
            return Err(HistoryError::Absent { path: path.to_owned() });
        }
        let flags = OpenFlags::default() - OpenFlags::SQLITE_OPEN_CREATE;
        let connection = Connection::open_with_flags(path, flags).map_err(|err| {
            HistoryError::Unopened { path: path.to_owned(), cause: err.to_string() }
        })?;
        Self::of(connection, path)
    }

    /// An empty one that is nowhere on disk; `name` is for messages.
    pub fn in_memory(name: &str) -> Result<Self> {
        let path = PathBuf::from(name);
        let connection = Connection::open_in_memory()
            .map_err(|source| HistoryError::Sqlite { path: path.clone(), source })?;
        Self::of(connection, &path)
    }

    fn of(connection: Connection, path: &Path) -> Result<Self> {
        let mut store = Self { connection, path: path.to_owned() };
        let error = |source| match source {
            rusqlite::Error::SqliteFailure(err, _) if err.code == ErrorCode::NotADatabase => {
                HistoryError::Foreign { path: path.to_owned() }
            }
            source => HistoryError::Sqlite { path: path.to_owned(), source },
        };
        store.connection.busy_timeout(BUSY).map_err(error)?;
        store.check_ours()?;
        store.connection.pragma_update(None, "foreign_keys", true).map_err(error)?;
        // A night is written once: that it is on the disk, also if the power goes, costs nothing.
        store.connection.pragma_update(None, "synchronous", "FULL").map_err(error)?;
        store.write_ahead()?;
        store.migrate()?;
        Ok(store)
    }

    /// Readers are not kept waiting by a writer, nor it by them. The busy timeout is not for
    /// changing the kind of journal, so that two that make the file at once would collide.
    fn write_ahead(&self) -> Result<()> {
        let pause = Duration::from_millis(20);
        for _ in 0..(BUSY.as_millis() / pause.as_millis()) {
            let asked = self.connection.pragma_update(None, "journal_mode", "WAL");
            match asked {
                Err(rusqlite::Error::SqliteFailure(err, _))
                    if matches!(err.code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) =>
                {
                    std::thread::sleep(pause);
                }
                asked => return asked.map_err(|source| self.error(source)),
            }
        }
        self.connection
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(|source| self.error(source))
    }

    fn error(&self, source: rusqlite::Error) -> HistoryError {
        HistoryError::Sqlite { path: self.path.clone(), source }
    }

    /// Before anything is changed in it.
    fn check_ours(&self) -> Result<()> {
        let foreign = || HistoryError::Foreign { path: self.path.clone() };
        let found = self.connection.query_row(
            "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) \
             FROM pragma_application_id, pragma_user_version",
            [],
            |row| Ok((row.get::<_, i32>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)),
        );
        match found {
            Err(rusqlite::Error::SqliteFailure(err, _)) if err.code == ErrorCode::NotADatabase => {
                Err(foreign())
            }
            Err(source) => Err(self.error(source)),
            Ok((APPLICATION, version, _)) if version > MIGRATIONS.len() as i64 => {
                Err(HistoryError::Newer { path: self.path.clone(), found: version })
            }
            Ok((APPLICATION, ..)) | Ok((0, 0, 0)) => Ok(()),
            Ok(_) => Err(foreign()),
        }
    }

    /// All of it in one transaction: two that open a new file at once make it once.
    fn migrate(&mut self) -> Result<()> {
        let path = self.path.clone();
        let error = |source| HistoryError::Sqlite { path: path.clone(), source };
        let version = |connection: &Connection| {
            connection.pragma_query_value(None, "user_version", |row| row.get::<_, usize>(0))
        };
        if version(&self.connection).map_err(error)? == MIGRATIONS.len() {
            return Ok(());
        }
        let migrate = |connection: &mut Connection| -> rusqlite::Result<()> {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let from = version(&transaction)?;
            for script in MIGRATIONS.iter().skip(from) {
                transaction.execute_batch(script)?;
            }
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
            transaction.commit()
        };
        migrate(&mut self.connection).map_err(error)
    }

    fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let path = self.path.clone();
        let write = || {
            // From its beginning: a transaction that begins by reading and is overtaken by a writer
            // would have to be done again.
            let transaction =
                self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        write().map_err(|source| HistoryError::Sqlite { path, source })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a night. One that is there stays as it is, except that a run which has come to its end
    /// replaces what was known of it before.
    pub fn add(&mut self, night: &Night) -> Result<Added> {
        self.write(|transaction| add(transaction, night))
    }

    /// The nights, oldest first.
    pub fn nights(&self) -> Result<Vec<NightRow>> {
        self.rows(&format!("SELECT {NIGHT} FROM night ORDER BY started_at, id"), [], night_row)
    }

    pub fn night(&self, run: &str) -> Result<NightRow> {
        let found = self
            .connection
            .query_row(&format!("SELECT {NIGHT} FROM night WHERE run = ?"), [run], night_row)
            .optional()
            .map_err(|source| self.error(source))?;
        found.ok_or_else(|| HistoryError::NoSuchNight {
            run: run.to_owned(),
            path: self.path.clone(),
        })
    }

    /// All series that are known, by name.
    pub fn series(&self) -> Result<Vec<(SeriesKey, Unit, Better)>> {
        self.rows(
            "SELECT suite, \"case\", role, query, metric, unit, better FROM series \
             ORDER BY suite, \"case\", role, query, id",
            [],
            |row| Ok((series_key(row, 0)?, word(row, 5)?, word(row, 6)?)),
        )
    }

    /// What a series was in each night that has it, oldest first.
    pub fn points(&self, series: &SeriesKey) -> Result<Vec<Point>> {
        let SeriesKey { suite, case, role, query, metric } = series;
        let rows = self.rows(
            &format!(
                "SELECT night.id, {SAMPLE} FROM value JOIN series ON series.id = value.series \
                 JOIN night ON night.id = value.night \
                 WHERE (suite, \"case\", role, query, metric) = (?, ?, ?, ?, ?) \
                 ORDER BY started_at, night.id, sample"
            ),
            [suite, case, role, query, metric],
            |row| Ok((row.get(0)?, sample(row, 1)?)),
        )?;
        let mut points: Vec<Point> = Vec::new();
        for (night, sample) in rows {
            match points.last_mut().filter(|it| it.night == night) {
                Some(point) => point.again.push(sample),
                None => points.push(Point { night, first: sample, again: Vec::new() }),
            }
        }
        Ok(points)
    }

    pub fn quantities(&self, night: i64) -> Result<Vec<Quantity>> {
        let rows = self.rows(
            &format!(
                "SELECT suite, \"case\", role, query, metric, unit, better, {SAMPLE} FROM value \
                 JOIN series ON series.id = value.series WHERE night = ? \
                 ORDER BY suite, \"case\", role, query, series.id, sample"
            ),
            [night],
            |row| {
                Ok(Quantity {
                    series: series_key(row, 0)?,
                    unit: word(row, 5)?,
                    better: word(row, 6)?,
                    first: sample(row, 7)?,
                    again: Vec::new(),
                })
            },
        )?;
        let mut quantities: Vec<Quantity> = Vec::new();
        for row in rows {
            match quantities.last_mut().filter(|it| it.series == row.series) {
                Some(known) => known.again.push(row.first),
                None => quantities.push(row),
            }
        }
        Ok(quantities)
    }

    pub fn distributions(&self, night: i64) -> Result<Vec<Distribution>> {
        self.rows(
            "SELECT suite, \"case\", role, query, kind, data FROM histogram WHERE night = ? \
             ORDER BY suite, \"case\", role, query, kind",
            [night],
            |row| {
                Ok(Distribution {
                    suite: row.get(0)?,
                    case: row.get(1)?,
                    role: row.get(2)?,
                    query: row.get(3)?,
                    of: row.get(4)?,
                    histogram: Histo(STANDARD.encode(row.get::<_, Vec<u8>>(5)?)),
                })
            },
        )
    }

    pub fn outcomes(&self, night: i64) -> Result<Vec<CaseOutcome>> {
        self.rows(
            "SELECT suite, \"case\", id, outcome, took_us, reason FROM outcome WHERE night = ? \
             ORDER BY suite, \"case\"",
            [night],
            |row| {
                Ok(CaseOutcome {
                    suite: row.get(0)?,
                    case: row.get(1)?,
                    id: row.get(2)?,
                    outcome: row.get(3)?,
                    took_us: row.get(4)?,
                    reason: row.get(5)?,
                })
            },
        )
    }

    /// What the gate said of each quantity, with the night.
    pub fn verdicts(&self) -> Result<Vec<(i64, SeriesVerdict)>> {
        self.rows(
            "SELECT suite, \"case\", role, query, metric, night, verdict, why, \
             estimate FROM verdict \
             JOIN series ON series.id = verdict.series ORDER BY night, series.id",
            [],
            |row| {
                let series = series_key(row, 0)?;
                let night = row.get(5)?;
                let (verdict, why, estimate) = (row.get(6)?, row.get(7)?, row.get(8)?);
                Ok((night, SeriesVerdict { series, verdict, why, estimate }))
            },
        )
    }

    /// Keeps what the gate said of a night, and the samples that it had taken again, in place of
    /// what it said before. What is not measured in this night is left out.
    pub fn judge(&mut self, judgement: &Judgement) -> Result<()> {
        let Judgement { run, status, why, verdicts, again } = judgement;
        let night = self.night(run)?.id;
        self.write(|transaction| {
            transaction.execute(
                "UPDATE night SET status = ?, why = ? WHERE id = ?",
                (status.word(), why, night),
            )?;
            transaction.execute("DELETE FROM verdict WHERE night = ?", [night])?;
            transaction.execute("DELETE FROM value WHERE night = ? AND sample > 0", [night])?;
            let mut insert = transaction.prepare(
                "INSERT INTO verdict (night, series, verdict, why, estimate) \
                 SELECT ?, id, ?, ?, ? FROM series \
                 WHERE (suite, \"case\", role, query, metric) = (?, ?, ?, ?, ?)",
            )?;
            for it in verdicts {
                let SeriesKey { suite, case, role, query, metric } = &it.series;
                let (verdict, why) = (&it.verdict, &it.why);
                let key = (night, verdict, why, it.estimate, suite, case, role, query, metric);
                insert.execute(key)?;
            }
            let mut insert = transaction.prepare(INSERT_SAMPLE)?;
            let mut next = transaction.prepare(
                "SELECT series.id, max(sample) + 1 FROM value \
                 JOIN series ON series.id = value.series \
                 WHERE (suite, \"case\", role, query, metric) = (?, ?, ?, ?, ?) \
                 AND night = ? GROUP BY series.id",
            )?;
            for (series, sample) in again {
                let SeriesKey { suite, case, role, query, metric } = series;
                let next: Option<(i64, i64)> = next
                    .query_row((suite, case, role, query, metric, night), |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })
                    .optional()?;
                if let Some((series, at)) = next {
                    add_sample(&mut insert, (series, night, at), sample)?;
                }
            }
            Ok(())
        })
    }

    /// Changes what is to be thought of a night, and leaves what the gate said.
    pub fn mark(&mut self, run: &str, status: Status, why: &str) -> Result<()> {
        let night = self.night(run)?.id;
        self.write(|transaction| {
            let sql = "UPDATE night SET status = ?, why = ? WHERE id = ?";
            transaction.execute(sql, (status.word(), why, night)).map(|_| ())
        })
    }

    /// What was said of a night so far.
    pub fn judgement(&self, run: &str) -> Result<Judgement> {
        let night = self.night(run)?;
        let verdicts = self.verdicts()?.into_iter().filter(|it| it.0 == night.id);
        let quantities = self.quantities(night.id)?.into_iter();
        let again = quantities.flat_map(|it| {
            let series = it.series;
            it.again.into_iter().map(move |sample| (series.clone(), sample))
        });
        Ok(Judgement {
            run: night.run,
            status: night.status,
            why: night.why,
            verdicts: verdicts.map(|it| it.1).collect(),
            again: again.collect(),
        })
    }

    /// Whether the file is sound, in SQLite's own words.
    pub fn check(&self) -> Result<String> {
        self.connection
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .map_err(|source| self.error(source))
    }

    fn rows<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        of: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let rows = || -> rusqlite::Result<Vec<T>> {
            self.connection.prepare(sql)?.query_map(parameters, of)?.collect()
        };
        rows().map_err(|source| self.error(source))
    }
}

/// Columns of [`night_row`].
const NIGHT: &str = "id, run, started_at, took_us, cut_short, tool_version, testbed, target, \
                     place, region, release, server_version, generator, simulated, seed, scale, \
                     status, why";

fn night_row(row: &Row<'_>) -> rusqlite::Result<NightRow> {
    Ok(NightRow {
        id: row.get(0)?,
        run: row.get(1)?,
        started_at: parsed(row, 2, |it| {
            DateTime::parse_from_rfc3339(it).map(|it| it.to_utc()).map_err(|err| err.to_string())
        })?,
        took_us: row.get(3)?,
        cut_short: row.get(4)?,
        tool_version: row.get(5)?,
        testbed: row.get(6)?,
        target: row.get(7)?,
        place: row.get(8)?,
        region: row.get(9)?,
        release: row.get(10)?,
        server_version: row.get(11)?,
        generator: row.get(12)?,
        simulated: row.get(13)?,
        seed: parsed(row, 14, |it| it.parse().map_err(|_| format!("`{it}` is no seed")))?,
        scale: row.get(15)?,
        status: word(row, 16)?,
        why: row.get(17)?,
    })
}

fn series_key(row: &Row<'_>, at: usize) -> rusqlite::Result<SeriesKey> {
    Ok(SeriesKey {
        suite: row.get(at)?,
        case: row.get(at + 1)?,
        role: row.get(at + 2)?,
        query: row.get(at + 3)?,
        metric: row.get(at + 4)?,
    })
}

/// Columns of [`sample`].
const SAMPLE: &str = "value, low, high, samples, exact, word, control";

fn sample(row: &Row<'_>, at: usize) -> rusqlite::Result<Sample> {
    let value: Option<f64> = row.get(at)?;
    let samples: Option<f64> = row.get(at + 3)?;
    let exact: Option<i64> = row.get(at + 4)?;
    let reading = match (value, samples, exact) {
        (Some(value), Some(samples), _) => Reading::Measured {
            value,
            low: row.get::<_, Option<f64>>(at + 1)?.unwrap_or(f64::NEG_INFINITY),
            high: row.get(at + 2)?,
            samples,
        },
        (Some(value), None, _) => Reading::Number { value },
        (None, _, Some(count)) => Reading::Exact { count },
        (None, _, None) => Reading::Category { name: row.get(at + 5)? },
    };
    Ok(Sample { reading, control: row.get(at + 6)? })
}

fn parsed<T>(
    row: &Row<'_>,
    at: usize,
    parse: impl FnOnce(&str) -> std::result::Result<T, String>,
) -> rusqlite::Result<T> {
    let text = String::column_result(row.get_ref(at)?).map_err(|err: FromSqlError| {
        rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(err))
    })?;
    parse(&text)
        .map_err(|err| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, err.into()))
}

fn word<T: FromStr<Err = String>>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    parsed(row, at, str::parse)
}

/// Of one width, so that texts are in the order of instants.
fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn add(transaction: &Transaction<'_>, night: &Night) -> rusqlite::Result<Added> {
    let known: Option<(i64, bool)> = transaction
        .query_row("SELECT id, took_us IS NOT NULL FROM night WHERE run = ?", [&night.run], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let added = match known {
        None => Added::New,
        Some((id, false)) if night.took_us.is_some() => {
            transaction.execute("DELETE FROM night WHERE id = ?", [id])?;
            Added::Replaced
        }
        Some(_) => return Ok(Added::Known),
    };
    transaction.execute(
        "INSERT INTO night (run, started_at, took_us, cut_short, tool_version, testbed, target, \
         place, region, release, server_version, generator, simulated, seed, scale) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            &night.run,
            instant(night.started_at),
            night.took_us,
            &night.cut_short,
            &night.tool_version,
            &night.testbed,
            &night.target,
            &night.place,
            &night.region,
            &night.release,
            &night.server_version,
            &night.generator,
            &night.simulated,
            night.seed.to_string(),
            night.scale,
        ),
    )?;
    let id = transaction.last_insert_rowid();
    add_quantities(transaction, id, &night.quantities)?;
    let mut insert = transaction.prepare(
        "INSERT INTO histogram (night, suite, \"case\", role, query, kind, data) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    for it in &night.distributions {
        // What is no base64 is not kept: nobody could read it.
        let Ok(data) = STANDARD.decode(&it.histogram.0) else { continue };
        insert.execute((id, &it.suite, &it.case, &it.role, &it.query, &it.of, data))?;
    }
    let mut insert = transaction.prepare(
        "INSERT INTO outcome (night, suite, \"case\", id, outcome, took_us, reason) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    for it in &night.outcomes {
        insert.execute((id, &it.suite, &it.case, &it.id, &it.outcome, it.took_us, &it.reason))?;
    }
    Ok(added)
}

fn add_quantities(
    transaction: &Transaction<'_>,
    night: i64,
    quantities: &[Quantity],
) -> rusqlite::Result<()> {
    // What a series is measured in is what it was last.
    let mut of_series = transaction.prepare(
        "INSERT INTO series (suite, \"case\", role, query, metric, unit, better) \
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT \
         DO UPDATE SET unit = excluded.unit, better = excluded.better RETURNING id",
    )?;
    let mut insert = transaction.prepare(INSERT_SAMPLE)?;
    for it in quantities {
        let SeriesKey { suite, case, role, query, metric } = &it.series;
        let key = (suite, case, role, query, metric, it.unit.word(), it.better.word());
        let series: i64 = of_series.query_row(key, |row| row.get(0))?;
        for (at, sample) in std::iter::once(&it.first).chain(&it.again).enumerate() {
            add_sample(&mut insert, (series, night, at as i64), sample)?;
        }
    }
    Ok(())
}

const INSERT_SAMPLE: &str = "INSERT INTO value (series, night, sample, value, low, high, samples, \
                             exact, word, control) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

fn add_sample(
    insert: &mut Statement<'_>,
    (series, night, at): (i64, i64, i64),
    sample: &Sample,
) -> rusqlite::Result<()> {
    let (mut value, mut interval, mut samples, mut exact, mut word) =
        (None, (None, None), None, None, None);
    match &sample.reading {
        Reading::Measured { value: it, low, high, samples: worth } => {
            (value, samples) = (Some(*it), Some(*worth));
            interval = (Some(*low).filter(|it| it.is_finite()), *high);
        }
        Reading::Number { value: it } => value = Some(*it),
        Reading::Exact { count } => exact = Some(*count),
        Reading::Category { name } => word = Some(name),
    }
    let (low, high) = interval;
    let row = (series, night, at, value, low, high, samples, exact, word, sample.control);
    insert.execute(row).map(|_| ())
}
