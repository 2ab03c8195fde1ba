//! Downloads of the rows that did not fit into a reply.

use super::service::{Fault, Service};
use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use std::sync::Weak;
use uuid::Uuid;

/// `GET /chunks/{key}/{index}`. No token is asked for: the key is the secret, and drivers send
/// nothing else, because on the service chunks come from cloud storage.
pub fn get(service: &Service, key: &str, index: &str) -> Result<Response, Fault> {
    let key = Uuid::try_parse(key).map_err(|_| Fault::NotFound)?;
    let index: usize = index.parse().map_err(|_| Fault::NotFound)?;
    let outcome = service.chunks.lock().get(&key).and_then(Weak::upgrade);
    let outcome = outcome.ok_or(Fault::NotFound)?;
    let chunk = outcome.chunks.parts.get(index).ok_or(Fault::NotFound)?;
    let mut response = Response::new(Body::from(chunk.body.clone()));
    let headers = response.headers_mut();
    // Also of JSON: rows with no brackets around them are none, and Node's HTTP client tries.
    let content_type = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, content_type);
    // Node hangs without it.
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(response)
}
