//! The parts of a result that are not in the reply itself, and their assembly.

use super::{
    http::{Fault, Http, Seen},
    reply::{Base64, ChunkPlace, Data, Stats},
};
use crate::target::{
    Column, Rows, Value,
    decode::{self, Malformed, Streams},
};
use flate2::read::MultiGzDecoder;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::{collections::BTreeMap, io::Read};

/// How many chunks are fetched at a time: what the drivers do.
const CHUNKS_AT_ONCE: usize = 4;

/// The statement types that change rows.
const DML: std::ops::Range<i64> = 0x3000..0x4000;

/// A whole result as it came, in order, not yet decoded.
pub struct Fetched {
    columns: Vec<Column>,
    parts: Vec<Part>,
    returned: Option<u64>,
    statement_type: Option<i64>,
    stats: Option<Stats>,
}

struct Part {
    content: Content,
    /// How many rows the reply says it has.
    announced: Option<u64>,
}

enum Content {
    Arrow(Vec<u8>),
    /// Rows without the brackets around them, as chunks have them.
    JsonText(Vec<u8>),
    Json(Vec<serde_json::Value>),
}

/// Downloads what the reply does not hold. The inline rows are the first ones.
pub async fn fetch(http: &Http, data: Data) -> Result<Fetched, Fault> {
    if let Some(command) = data.command {
        let what = format!("the server asks for a file transfer ({command}), which is not done");
        return Err(Fault::new(what));
    }
    let columns = data.rowtype.iter().flatten().map(decode::RowType::column).collect();
    let is_json = data.rowset.is_some();
    let mut parts = Vec::new();
    if let Some(rows) = data.rowset {
        parts.push(Part { content: Content::Json(rows), announced: None });
    }
    if let Some(Base64(bytes)) = data.rowset_base64 {
        let bytes = bytes.map_err(|it| Fault::new(format!("the rows in the reply are {it}")))?;
        if !bytes.is_empty() {
            parts.push(Part { content: Content::Arrow(bytes), announced: None });
        }
    }

    let headers = headers(data.chunk_headers, data.qrmk)?;
    let chunks = data.chunks.unwrap_or_default().into_iter().enumerate();
    let downloads = chunks.map(|(number, place)| download(http, &headers, number, place, is_json));
    let chunks: Vec<Part> = stream::iter(downloads).buffered(CHUNKS_AT_ONCE).try_collect().await?;
    parts.extend(chunks);
    Ok(Fetched {
        columns,
        parts,
        returned: data.returned,
        statement_type: data.statement_type_id,
        stats: data.stats,
    })
}

fn headers(
    named: Option<BTreeMap<String, String>>,
    key: Option<String>,
) -> Result<HeaderMap, Fault> {
    let named = named.filter(|it| !it.is_empty()).unwrap_or_else(|| {
        let Some(key) = key else { return BTreeMap::new() };
        let name = |rest: &str| format!("x-amz-server-side-encryption-customer-{rest}");
        BTreeMap::from([(name("algorithm"), "AES256".to_owned()), (name("key"), key)])
    });
    let mut headers = HeaderMap::new();
    for (name, value) in named {
        let (Ok(header), Ok(mut value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value))
        else {
            return Err(Fault::new(format!("`{name}` cannot be a header of a chunk")));
        };
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Ok(headers)
}

async fn download(
    http: &Http,
    headers: &HeaderMap,
    number: usize,
    place: ChunkPlace,
    is_json: bool,
) -> Result<Part, Fault> {
    let named = |fault: Fault| Fault::new(format!("chunk {}: {}", number + 1, fault.cause));
    let request = http.client.get(&place.url).headers(headers.clone());
    let seen = http.send(request).await.map_err(named)?;
    if !seen.status.is_success() {
        return Err(named(http.strange(&seen, None)));
    }
    let bytes = unzip(seen).map_err(named)?;
    let content = if is_json { Content::JsonText(bytes) } else { Content::Arrow(bytes) };
    Ok(Part { content, announced: place.row_count })
}

/// Storage does not always say that what it serves is compressed, and then nobody has unpacked
/// it. Neither Arrow nor JSON begins like gzip.
fn unzip(seen: Seen) -> Result<Vec<u8>, Fault> {
    if !seen.body.starts_with(&[0x1f, 0x8b]) {
        return Ok(seen.body);
    }
    let mut bytes = Vec::new();
    match MultiGzDecoder::new(seen.body.as_slice()).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Fault::new(format!("broken gzip: {error}"))),
    }
}

impl Fetched {
    /// Typed rows; or why what came is not the result that the reply announces.
    pub fn decode(self, streams: &mut Streams) -> Result<Rows, Fault> {
        let malformed = |it: Malformed| Fault::new(format!("malformed rows: {it}"));
        let columns = self.columns;
        let mut rows = Vec::new();
        for (number, part) in self.parts.into_iter().enumerate() {
            let before = rows.len();
            rows.extend(part.content.decode(streams, &columns, before).map_err(malformed)?);
            let came = count(rows.len() - before);
            if let Some(announced) = part.announced.filter(|it| *it != came) {
                let what = format!("part {number} has {came} rows of {announced} announced");
                return Err(Fault::new(what));
            }
        }
        // A truncated result must not pass for a small one.
        if let Some(returned) = self.returned.filter(|it| *it > count(rows.len())) {
            let what = format!("{} rows came of {returned} announced", rows.len());
            return Err(Fault::new(what));
        }
        let is_dml = self.statement_type.is_some_and(|it| DML.contains(&it));
        let affected = is_dml.then(|| affected(&columns, &rows, self.stats)).flatten();
        Ok(Rows { columns, rows, affected })
    }
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

impl Content {
    fn decode(
        self,
        streams: &mut Streams,
        columns: &[Column],
        first_row: usize,
    ) -> Result<Vec<Vec<Value>>, Malformed> {
        match self {
            Self::Arrow(stream) => streams.rows(columns, stream, first_row),
            Self::Json(rows) => decode::json_rows(columns, rows, first_row),
            Self::JsonText(text) => {
                let text = [b"[".as_slice(), &text, b"]"].concat();
                let rows = serde_json::from_slice(&text).map_err(|it| Malformed::Shape {
                    what: format!("a chunk is no JSON at column {}", it.column()),
                })?;
                decode::json_rows(columns, rows, first_row)
            }
        }
    }
}

/// The rows that a DML statement touched: by the columns it answers, as the drivers count, or by
/// the statistics where it answers something else.
fn affected(columns: &[Column], rows: &[Vec<Value>], stats: Option<Stats>) -> Option<u64> {
    let counts = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["inserted", "updated", "deleted"]
            .iter()
            .any(|it| name.starts_with(&format!("number of rows {it}")))
    };
    let named: Vec<usize> = (0..columns.len())
        .filter(|it| columns.get(*it).is_some_and(|it| counts(&it.name)))
        .collect();
    if named.is_empty() {
        return stats.map(|it| it.num_rows_inserted + it.num_rows_updated + it.num_rows_deleted);
    }
    let cells = rows.iter().flat_map(|row| named.iter().filter_map(|it| row.get(*it)));
    cells
        .map(|cell| match cell {
            Value::Number { digits, scale: 0 } => u64::try_from(*digits).ok(),
            _ => None,
        })
        .sum()
}
