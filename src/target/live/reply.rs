//! The envelope of every reply, and what a reply to a statement means.

use super::http::{Fault, Http, Seen};
use crate::target::{Refusal, decode::RowType};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::StatusCode;
use serde::{Deserialize, Deserializer, de::Visitor};
use serde_json::Value as Json;
use std::{collections::BTreeMap, fmt};

/// `{"data", "code", "message", "success"}`.
#[derive(Debug, Deserialize)]
pub struct Envelope<D> {
    // Written so because `default` alone would ask `D` for one.
    #[serde(default = "none")]
    pub data: Option<D>,
    #[serde(default)]
    code: Json,
    #[serde(default)]
    message: Option<String>,
    pub success: bool,
}

fn none<D>() -> Option<D> {
    None
}

/// The part of a reply to a statement that is of use here. What is missing is left out: which
/// fields there are depends on the statement and on the server's mood.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Data {
    pub rowtype: Option<Vec<RowType>>,
    pub rowset: Option<Vec<Json>>,
    pub rowset_base64: Option<Base64>,
    /// How many rows there are in all.
    #[serde(deserialize_with = "lenient")]
    pub returned: Option<u64>,
    pub query_id: Option<String>,
    pub sql_state: Option<String>,
    pub error_code: Json,
    pub get_result_url: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub statement_type_id: Option<i64>,
    #[serde(deserialize_with = "lenient")]
    pub stats: Option<Stats>,
    pub chunks: Option<Vec<ChunkPlace>>,
    pub chunk_headers: Option<BTreeMap<String, String>>,
    /// A key for the chunks, where there are no headers.
    pub qrmk: Option<String>,
    /// UPLOAD or DOWNLOAD: the answer to PUT and GET.
    pub command: Option<String>,
}

/// Bytes as text, decoded while the reply is read; or what the text is instead.
#[derive(Debug)]
pub struct Base64(pub Result<Vec<u8>, String>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Base64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Base64, E> {
                Ok(Base64(STANDARD.decode(text).map_err(|it| format!("no base64: {it}"))))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Stats {
    pub num_rows_inserted: u64,
    pub num_rows_updated: u64,
    pub num_rows_deleted: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChunkPlace {
    pub url: String,
    #[serde(default)]
    pub row_count: Option<u64>,
}

fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    Ok(serde_json::from_value(Json::deserialize(deserializer)?).ok())
}

/// What a reply to a statement says.
#[derive(Debug)]
pub enum Reply {
    Done(Box<Data>),
    InProgress {
        query_id: Option<String>,
        result_path: String,
    },
    Refused {
        query_id: Option<String>,
        refusal: Refusal,
    },
    /// The session itself is over, or never was.
    SessionGone {
        refusal: Refusal,
    },
}

impl<D> Envelope<D>
where
    D: serde::de::DeserializeOwned,
{
    /// Reads a reply, whatever HTTP says of its content type.
    pub fn read(http: &Http, seen: &Seen) -> Result<Self, Fault> {
        let parsed = serde_json::from_slice::<Self>(&seen.body);
        match parsed {
            // An expired session may come as 401. Every other status is somebody else's answer:
            // Snowflake's errors are 200.
            Ok(it) if seen.status.is_success() || seen.status == StatusCode::UNAUTHORIZED => Ok(it),
            Ok(_) => Err(http.strange(seen, None)),
            Err(_) if !seen.status.is_success() => Err(http.strange(seen, None)),
            // Only the kind: the parser's own words would quote the body.
            Err(error) => Err(http.strange(
                seen,
                Some(match error.classify() {
                    serde_json::error::Category::Eof => "it breaks off",
                    serde_json::error::Category::Data => "JSON of another shape",
                    _ => "no JSON",
                }),
            )),
        }
    }
}

impl<D> Envelope<D> {
    /// The session token has run out; there is another to be had.
    pub fn is_expired(&self) -> bool {
        !self.success && digits(&self.code).as_deref() == Some("390112")
    }

    pub fn refusal(&self, sqlstate: Option<&str>, http: &Http) -> Refusal {
        Refusal {
            code: digits(&self.code).unwrap_or_default(),
            sqlstate: sqlstate.unwrap_or_default().to_owned(),
            message: http.redact(self.message.as_deref().unwrap_or_default()),
        }
    }
}

impl Envelope<Data> {
    pub fn reply(mut self, http: &Http) -> Result<Reply, Fault> {
        let mut data = self.data.take().unwrap_or_default();
        let code = digits(&self.code);
        let has_rows =
            data.rowset.is_some() || data.rowset_base64.is_some() || data.chunks.is_some();
        let in_progress = matches!(code.as_deref(), Some("333333" | "333334"));
        match data.get_result_url.take() {
            Some(result_path) if in_progress || (self.success && !has_rows) => {
                return Ok(Reply::InProgress { query_id: data.query_id, result_path });
            }
            None if in_progress => {
                return Err(Fault::new(
                    "the statement is in progress, and nowhere to be asked for",
                ));
            }
            _ => {}
        }
        if self.success {
            return Ok(Reply::Done(Box::new(data)));
        }
        let mut refusal = self.refusal(data.sql_state.as_deref(), http);
        if refusal.code.is_empty() {
            refusal.code = digits(&data.error_code).unwrap_or_default();
        }
        if refusal.code.is_empty() {
            let said = refusal.message;
            return Err(Fault::new(format!("the reply is a failure without a code: `{said}`")));
        }
        // The service's own codes are about the session, never about the statement.
        match refusal.code.starts_with("390") {
            true => Ok(Reply::SessionGone { refusal }),
            false => Ok(Reply::Refused { query_id: data.query_id, refusal }),
        }
    }
}

/// A code as six digits, however it is written. `None` for no code.
fn digits(code: &Json) -> Option<String> {
    let text = match code {
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then(|| format!("{text:0>6}"))
}
