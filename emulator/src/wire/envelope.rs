//! What every reply is wrapped in. The HTTP status is 200 even for failures: clients repeat a
//! request on nearly every other one.

use crate::error::SqlError;
use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// A success with `data`.
pub fn success(data: impl Serialize) -> Response {
    body(&json!({
        "data": to_value(data), "code": null, "message": null, "success": true, "headers": null,
    }))
}

/// A success that is not the end of it: `code` says what to do next.
pub fn progress(code: &str, message: &str, data: impl Serialize) -> Response {
    body(&json!({
        "data": to_value(data), "code": code, "message": message, "success": true, "headers": null,
    }))
}

/// A failure outside of SQL. `code` is not padded.
pub fn failure(code: &str, message: &str, data: impl Serialize) -> Response {
    body(&json!({
        "data": to_value(data), "code": code, "message": message, "success": false, "headers": null,
    }))
}

/// A refused statement.
pub fn sql_failure(error: &SqlError, query_id: Uuid) -> Response {
    bytes(sql_failure_body(error, query_id))
}

/// The body of [`sql_failure`]. Clients put code and SQLSTATE before the message themselves.
pub fn sql_failure_body(error: &SqlError, query_id: Uuid) -> Bytes {
    let code = format!("{:06}", error.code);
    let (line, position) = match error.at {
        Some((line, position)) => (json!(line), json!(position)),
        None => (json!(-1), json!(-1)),
    };
    // All of the fields: some clients take a failure without one of them for a success.
    let envelope = json!({
        "data": {
            "internalError": error.code == 603,
            "unredactedFromSecureObject": false,
            "errorCode": code,
            "age": 0,
            "sqlState": error.sqlstate,
            "queryId": query_id.to_string(),
            "line": line,
            "pos": position,
            "type": "COMPILATION",
        },
        "code": code,
        "message": error.message,
        "success": false,
        "headers": null,
    });
    Bytes::from(envelope.to_string())
}

/// No such address.
pub fn not_found(path: &str) -> Response {
    let mut response = failure("404", &format!("no such endpoint: `{path}`"), Value::Null);
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// A body that is JSON already.
pub fn bytes(body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn body(envelope: &Value) -> Response {
    bytes(Bytes::from(envelope.to_string()))
}

fn to_value(data: impl Serialize) -> Value {
    serde_json::to_value(data).unwrap_or(Value::Null)
}
