//! The final reply to a statement, from the engine's answer.

use super::{
    encode::{self, Encoded},
    envelope,
    format::{Driver, Format},
    parameters::{self, Parameter},
    rowtype::RowType,
    statement::{Chunks, Outcome},
};
use crate::{
    engine::{DmlStats, Reply, StatementType, Success},
    error::SqlError,
    types::TEXT_LENGTH_MAX,
};
use axum::body::Bytes;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What the service indents semi-structured values by.
const JSON_INDENT: usize = 2;

/// What a reply depends on besides the engine's answer.
#[derive(Clone, Debug)]
pub struct Context {
    pub driver: Driver,
    /// Parameters of the statement, then of the login; for the choice of format.
    pub parameters: BTreeMap<String, Value>,
    pub binds: usize,
    pub describe_only: bool,
    pub chunk_bytes: usize,
    /// `http://127.0.0.1:8080`, without a slash at the end.
    pub base_url: String,
    /// Milliseconds since 1970.
    pub now_ms: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    parameters: Vec<Parameter>,
    rowtype: Vec<RowType<'a>>,
    total: usize,
    returned: usize,
    query_id: String,
    database_provider: Option<&'a str>,
    final_database_name: Option<&'a str>,
    final_schema_name: Option<&'a str>,
    final_warehouse_name: Option<&'a str>,
    final_role_name: &'a str,
    number_of_binds: usize,
    array_bind_supported: bool,
    statement_type_id: u32,
    version: u32,
    send_result_time: i64,
    query_result_format: &'static str,
    query_context: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta_data_of_binds: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunks: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_headers: Option<Value>,
}

/// Encodes the answer of the engine. Never fails: what cannot be encoded is an error reply.
pub fn outcome(reply: &Reply, context: &Context) -> Outcome {
    let encoded = match &reply.result {
        Ok(success) => success_outcome(reply, success, context),
        Err(error) => Err(error.clone()),
    };
    encoded.unwrap_or_else(|error| Outcome {
        body: envelope::sql_failure_body(&error, reply.query_id),
        chunks: Chunks::default(),
    })
}

fn success_outcome(
    reply: &Reply,
    success: &Success,
    context: &Context,
) -> Result<Outcome, SqlError> {
    let statement_type = success.statement_type;
    if success.result.columns.is_empty() {
        // Go takes the first column of every query without looking.
        return Err(SqlError::internal("a result without columns"));
    }
    let format = context.driver.format(statement_type, |name| {
        let set = |it: &&(String, Value)| it.0.eq_ignore_ascii_case(name);
        context
            .parameters
            .get(name)
            .or_else(|| reply.parameters.iter().find(set).map(|(_, value)| value))
    });
    let encoded = encode::encode(
        &success.result,
        format,
        context.chunk_bytes,
        json_indent(&reply.parameters),
    )?;
    let Encoded { inline, chunks: parts, rows_total } = encoded;

    let key = Uuid::new_v4();
    let chunked = !parts.is_empty();
    let data = Data {
        // A query cannot change them, and the list is most of a point lookup's reply. Not so with
        // JSON: Python reads the time zone for its values from the reply itself.
        parameters: match (statement_type, format) {
            (StatementType::Select, Format::Arrow) => Vec::new(),
            _ => parameters::merged(&reply.parameters),
        },
        rowtype: success.result.columns.iter().map(RowType::new).collect(),
        total: rows_total,
        returned: rows_total,
        query_id: reply.query_id.to_string(),
        database_provider: None,
        final_database_name: reply.names.database.as_deref(),
        final_schema_name: reply.names.schema.as_deref(),
        final_warehouse_name: reply.names.warehouse.as_deref(),
        final_role_name: &reply.names.role,
        number_of_binds: context.binds,
        array_bind_supported: context.binds > 0 && is_dml(statement_type),
        statement_type_id: statement_type as u32,
        version: 1,
        send_result_time: context.now_ms,
        query_result_format: format.word(),
        query_context: json!({"entries": [
            {"id": 0, "timestamp": context.now_ms * 1000, "priority": 0, "context": "AAAA"},
        ]}),
        stats: success.dml.map(stats),
        meta_data_of_binds: context
            .describe_only
            .then(|| (1..=context.binds).map(bind_metadata).collect()),
        chunks: chunked.then(|| {
            let chunk = |(index, it): (usize, &encode::Chunk)| {
                json!({
                    "url": format!("{}/chunks/{}/{index}", context.base_url, key.simple()),
                    "rowCount": it.rows,
                    "uncompressedSize": it.uncompressed_bytes,
                    "compressedSize": it.body.len(),
                })
            };
            parts.iter().enumerate().map(chunk).collect()
        }),
        // Without any, clients send headers of S3's encryption instead.
        chunk_headers: chunked.then(|| json!({"x-snowgauge-chunk": "1"})),
    };

    let mut body = Vec::with_capacity(inline.bytes.len() * 3 / 2 + 2048);
    body.extend_from_slice(br#"{"data":"#);
    serde_json::to_writer(&mut body, &data).map_err(SqlError::internal)?;
    // The rows are JSON already, and perhaps megabytes: they go in as they are.
    body.pop();
    match format {
        Format::Json => {
            body.extend_from_slice(br#","rowset":["#);
            body.extend_from_slice(&inline.bytes);
            body.extend_from_slice(b"]}");
        }
        Format::Arrow => {
            body.extend_from_slice(br#","rowsetBase64":""#);
            body.extend_from_slice(BASE64_STANDARD.encode(&inline.bytes).as_bytes());
            body.extend_from_slice(br#""}"#);
        }
    }
    body.extend_from_slice(br#","code":null,"message":null,"success":true,"headers":null}"#);
    let chunks = Chunks { key, parts };
    Ok(Outcome { body: Bytes::from(body), chunks })
}

fn json_indent(parameters: &[(String, Value)]) -> usize {
    let set = parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("JSON_INDENT"));
    let value = set.and_then(|(_, value)| match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    });
    value.and_then(|it| usize::try_from(it).ok()).map_or(JSON_INDENT, |it| it.min(16))
}

fn is_dml(statement_type: StatementType) -> bool {
    statement_type as u32 & 0xF000 == StatementType::Insert as u32 & 0xF000
}

fn stats(dml: DmlStats) -> Value {
    json!({
        "numRowsInserted": dml.inserted,
        "numRowsUpdated": dml.updated,
        "numRowsDeleted": dml.deleted,
        "numDmlDuplicates": 0,
    })
}

/// Text stands for any type: a bind has none until it is given.
fn bind_metadata(position: usize) -> Value {
    json!({
        "name": position.to_string(), "database": "", "schema": "", "table": "", "type": "text",
        "nullable": true, "byteLength": TEXT_LENGTH_MAX, "length": TEXT_LENGTH_MAX,
        "scale": null, "precision": null, "collation": null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::CurrentNames, wire::samples};

    fn context(app: &str, chunk_bytes: usize) -> Context {
        Context {
            driver: Driver::named(app),
            parameters: BTreeMap::new(),
            binds: 0,
            describe_only: false,
            chunk_bytes,
            base_url: "http://127.0.0.1:1".to_owned(),
            now_ms: 1,
        }
    }

    fn reply(statement_type: StatementType, result: crate::types::ResultSet) -> Reply {
        Reply {
            query_id: Uuid::from_u128(7),
            result: Ok(Success { statement_type, result, dml: None }),
            names: CurrentNames {
                database: Some("DB".to_owned()),
                role: "PUBLIC".to_owned(),
                ..CurrentNames::default()
            },
            parameters: Vec::new(),
        }
    }

    fn envelope(outcome: &Outcome) -> Value {
        serde_json::from_slice(&outcome.body).expect("the body is JSON")
    }

    #[test]
    fn a_small_result_is_inline_in_the_format_of_the_driver() {
        let reply = reply(StatementType::Select, samples::numbers(0..2));
        let node = envelope(&outcome(&reply, &context("JavaScript", 1000)));
        let data = &node["data"];
        assert_eq!(node["success"], true);
        assert_eq!(data["rowset"], json!([["0"], ["1"]]));
        assert_eq!((&data["total"], &data["returned"]), (&json!(2), &json!(2)));
        assert_eq!(data["statementTypeId"], 4096);
        assert_eq!(data["queryId"], "00000000-0000-0000-0000-000000000007");
        assert_eq!(data["finalDatabaseName"], "DB");
        assert!(data.get("chunks").is_none() && data.get("stats").is_none());

        let python = envelope(&outcome(&reply, &context("PythonConnector", 100_000)));
        assert_eq!(python["data"]["queryResultFormat"], "arrow");
        let text = python["data"]["rowsetBase64"].as_str().expect("text");
        let stream = BASE64_STANDARD.decode(text).expect("base64");
        assert!(stream.starts_with(&[0xff; 4]), "an IPC stream begins with a continuation mark");
    }

    #[test]
    fn what_does_not_fit_inline_is_chunks_in_order() {
        let reply = reply(StatementType::Select, samples::numbers(0..100));
        let outcome = outcome(&reply, &context("JavaScript", 50));
        let data = &envelope(&outcome)["data"];
        assert_eq!(data["total"], 100);
        let described = data["chunks"].as_array().expect("chunks");
        assert_eq!(described.len(), outcome.chunks.parts.len());
        let mut rows: Vec<Value> = data["rowset"].as_array().expect("rows").clone();
        for (index, (chunk, entry)) in outcome.chunks.parts.iter().zip(described).enumerate() {
            let mut text = String::new();
            let mut decoder = flate2::read::GzDecoder::new(&chunk.body[..]);
            std::io::Read::read_to_string(&mut decoder, &mut text).expect("gzip");
            let url = entry["url"].as_str().expect("a URL");
            assert!(url.ends_with(&format!("{}/{index}", outcome.chunks.key.simple())), "{url}");
            assert_eq!(entry["uncompressedSize"], text.len());
            let more: Vec<Value> = serde_json::from_str(&format!("[{text}]")).expect("rows");
            assert_eq!(entry["rowCount"], more.len());
            rows.extend(more);
        }
        let expected: Vec<Value> = (0..100).map(|it| json!([it.to_string()])).collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn dml_says_how_many_rows_and_carries_the_whole_parameter_list() {
        let mut reply = reply(StatementType::Insert, samples::numbers(3..4));
        if let Ok(success) = &mut reply.result {
            success.dml = Some(DmlStats { inserted: 3, ..DmlStats::default() });
        }
        let data = &envelope(&outcome(&reply, &context("PythonConnector", 1000)))["data"];
        assert_eq!(data["stats"]["numRowsInserted"], 3);
        assert_eq!(data["rowset"], json!([["3"]]));
        assert!(data["parameters"].as_array().is_some_and(|it| it.len() > 30));
    }

    #[test]
    fn a_refusal_has_all_fields_and_a_bare_message() {
        let mut reply = reply(StatementType::Select, samples::numbers(0..1));
        reply.result = Err(SqlError::syntax(1, 6, ";"));
        let envelope = envelope(&outcome(&reply, &context("Go", 1000)));
        assert_eq!(envelope["success"], false);
        assert_eq!(envelope["code"], "001003");
        assert_eq!(
            envelope["message"],
            "SQL compilation error:\nsyntax error line 1 at position 6 unexpected ';'."
        );
        let data = &envelope["data"];
        assert_eq!((&data["line"], &data["pos"]), (&json!(1), &json!(6)));
        assert_eq!(data["sqlState"], "42000");
        for field in ["age", "errorCode", "queryId", "internalError"] {
            assert!(data.get(field).is_some(), "{field}");
        }
    }

    #[test]
    fn a_query_without_columns_is_refused_instead_of_sent() {
        let mut result = samples::numbers(0..1);
        result.columns.clear();
        let outcome = outcome(&reply(StatementType::Select, result), &context("Go", 1000));
        assert_eq!(envelope(&outcome)["code"], "000603");
    }
}
