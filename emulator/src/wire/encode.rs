//! A result as a reply carries it: rows inline, and what is too much for that as chunks.

use super::{arrow, column::Table, format::Format, json};
use crate::{error::SqlError, types::ResultSet};
use axum::body::Bytes;
use flate2::{Compression, write::GzEncoder};
use std::io::Write as _;

/// Consecutive rows, encoded.
#[derive(Debug, Default)]
pub struct Part {
    pub rows: usize,
    pub bytes: Vec<u8>,
}

/// Rows that a client fetches by themselves.
#[derive(Debug)]
pub struct Chunk {
    pub rows: usize,
    pub uncompressed_bytes: usize,
    /// Gzip of an Arrow stream, or of JSON rows with no brackets around them.
    pub body: Bytes,
}

/// An encoded result: the first rows, then the chunks in order.
#[derive(Debug)]
pub struct Encoded {
    pub inline: Part,
    pub chunks: Vec<Chunk>,
    pub rows_total: usize,
}

/// Encodes `result`, with about `chunk_bytes` bytes inline and in each chunk.
pub fn encode(
    result: &ResultSet,
    format: Format,
    chunk_bytes: usize,
    json_indent: usize,
) -> Result<Encoded, SqlError> {
    let table = Table::new(result)?;
    let parts = match format {
        Format::Arrow => arrow::encode(&table, chunk_bytes, json_indent)?,
        Format::Json => json::encode(&table, chunk_bytes, json_indent),
    };
    let mut parts = parts.into_iter();
    let inline = parts.next().unwrap_or_default();
    let chunks = parts.map(Chunk::new).collect::<Result<_, _>>()?;
    Ok(Encoded { inline, chunks, rows_total: table.row_count() })
}

impl Chunk {
    fn new(part: Part) -> Result<Self, SqlError> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&part.bytes).map_err(SqlError::internal)?;
        let body = encoder.finish().map_err(SqlError::internal)?;
        Ok(Self { rows: part.rows, uncompressed_bytes: part.bytes.len(), body: Bytes::from(body) })
    }
}
