//! All values as one table, for other programs: CSV and Parquet with the same columns.

use super::{HistoryError, NightRow, SeriesKey, Store, Unit};
use crate::gate::{Reading, Sample};
use arrow_array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use chrono::SecondsFormat;
use parquet::{arrow::ArrowWriter, basic::Compression, file::properties::WriterProperties};
use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    path::Path,
    sync::Arc,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Parquet,
}

impl Format {
    /// By the end of the file's name.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// What a series was in a night.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    pub night: Arc<NightRow>,
    pub series: SeriesKey,
    pub unit: Unit,
    /// 0: the run's own; 1, 2, …: taken again.
    pub sample: u32,
    pub measured: Sample,
    /// What the gate said of it.
    pub verdict: Option<String>,
}

/// All values, night by night.
pub fn rows(store: &Store) -> Result<Vec<Exported>, HistoryError> {
    let mut verdicts: HashMap<(i64, SeriesKey), String> = HashMap::new();
    for (night, it) in store.verdicts()? {
        verdicts.insert((night, it.series), it.verdict);
    }
    let mut rows = Vec::new();
    for night in store.nights()? {
        let night = Arc::new(night);
        for it in store.quantities(night.id)? {
            let verdict = verdicts.get(&(night.id, it.series.clone()));
            for (sample, measured) in (0..).zip(std::iter::once(it.first).chain(it.again)) {
                rows.push(Exported {
                    night: Arc::clone(&night),
                    series: it.series.clone(),
                    unit: it.unit,
                    sample,
                    measured,
                    verdict: verdict.cloned(),
                });
            }
        }
    }
    Ok(rows)
}

/// Folders on the way are made.
pub fn write(path: &Path, format: Format, rows: &[Exported]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match format {
        Format::Csv => csv(File::create(path)?, rows),
        Format::Parquet => parquet(File::create(path)?, rows),
    }
}

/// Columns of both formats, with how a cell is had. Numbers are numbers in Parquet.
enum Column {
    Text(fn(&Exported) -> Option<String>),
    Number(fn(&Exported) -> Option<f64>),
    Whole(fn(&Exported) -> Option<i64>),
}

const COLUMNS: [(&str, Column); 24] = {
    use Column::{Number, Text, Whole};
    [
        ("run", Text(|it| Some(it.night.run.clone()))),
        (
            "started_at",
            Text(|it| Some(it.night.started_at.to_rfc3339_opts(SecondsFormat::Micros, true))),
        ),
        ("status", Text(|it| Some(it.night.status.word().to_owned()))),
        ("testbed", Text(|it| Some(it.night.testbed.clone()))),
        ("target", Text(|it| Some(it.night.target.clone()))),
        ("region", Text(|it| it.night.region.clone())),
        ("release", Text(|it| it.night.release.clone())),
        ("server_version", Text(|it| it.night.server_version.clone())),
        ("generator", Text(|it| it.night.generator.clone())),
        ("simulated", Text(|it| it.night.simulated.clone())),
        ("suite", Text(|it| Some(it.series.suite.clone()))),
        ("case", Text(|it| Some(it.series.case.clone()))),
        ("role", Text(|it| Some(it.series.role.clone()))),
        ("query", Text(|it| Some(it.series.query.clone()))),
        ("metric", Text(|it| Some(it.series.metric.clone()))),
        ("unit", Text(|it| Some(it.unit.word().to_owned()))),
        ("sample", Whole(|it| Some(it.sample.into()))),
        ("value", Number(|it| it.measured.reading.value())),
        ("low", Number(|it| interval(it).map(|it| it.0).filter(|it| it.is_finite()))),
        ("high", Number(|it| interval(it).and_then(|it| it.1))),
        ("samples", Number(|it| interval(it).map(|it| it.2))),
        (
            "word",
            Text(|it| match &it.measured.reading {
                Reading::Category { name } => Some(name.clone()),
                _ => None,
            }),
        ),
        ("control", Number(|it| it.measured.control)),
        ("verdict", Text(|it| it.verdict.clone())),
    ]
};

fn interval(it: &Exported) -> Option<(f64, Option<f64>, f64)> {
    match it.measured.reading {
        Reading::Measured { low, high, samples, .. } => Some((low, high, samples)),
        _ => None,
    }
}

fn csv(to: impl io::Write, rows: &[Exported]) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    writer.write_record(COLUMNS.iter().map(|(name, _)| name))?;
    for row in rows {
        writer.write_record(COLUMNS.iter().map(|(_, column)| {
            let text = match column {
                Column::Text(of) => of(row),
                Column::Number(of) => of(row).map(|it| it.to_string()),
                Column::Whole(of) => of(row).map(|it| it.to_string()),
            };
            text.unwrap_or_default()
        }))?;
    }
    writer.flush()
}

fn parquet(to: File, rows: &[Exported]) -> io::Result<()> {
    let array = |column: &Column| -> ArrayRef {
        match column {
            Column::Text(of) => Arc::new(rows.iter().map(of).collect::<StringArray>()),
            Column::Number(of) => Arc::new(rows.iter().map(of).collect::<Float64Array>()),
            Column::Whole(of) => Arc::new(rows.iter().map(of).collect::<Int64Array>()),
        }
    };
    let columns = COLUMNS.iter().map(|(name, column)| match *name {
        // An instant, not a text.
        "started_at" => {
            let at = rows.iter().map(|it| Some(it.night.started_at.timestamp_micros()));
            let at = at.collect::<TimestampMicrosecondArray>().with_timezone("UTC");
            (*name, Arc::new(at) as ArrayRef, true)
        }
        name => (name, array(column), true),
    });
    let batch = RecordBatch::try_from_iter_with_nullable(columns).map_err(io::Error::other)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::GZIP(parquet::basic::GzipLevel::default()))
        .build();
    let mut writer = ArrowWriter::try_new(to, batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(())
}
