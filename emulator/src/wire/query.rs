//! Statements: execute, poll, watch, cancel.

use super::{
    bind, envelope,
    reply::{self, Context},
    service::{Call, Client, Fault, Service},
    statement::{Admission, Completion, Outcome, Statement, Waited},
};
use crate::{
    engine::{QueryStatus, Reply, Request},
    error::SqlError,
};
use axum::response::Response;
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use uuid::Uuid;

/// Results above this are encoded on a thread of their own.
const ENCODE_INLINE_BYTES_MAX: usize = 1 << 20;

/// How long a cancel waits for a statement that has arrived but not yet begun.
const CANCEL_WAIT_MAX: Duration = Duration::from_secs(1);
const CANCEL_WAIT_STEP: Duration = Duration::from_millis(5);

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Body {
    sql_text: Option<String>,
    async_exec: Option<bool>,
    describe_only: Option<bool>,
    parameters: Option<BTreeMap<String, Value>>,
    bindings: Option<Value>,
    bind_stage: Option<String>,
}

/// `POST /queries/v1/query-request`.
pub async fn request(service: &Arc<Service>, call: &Call) -> Result<Response, Fault> {
    let client = service.client(call)?;
    let body: Body = call.json()?;
    let submitted_at = service.engine.settings.clock.now();
    let query_id = new_query_id(submitted_at);
    let asynchronous = body.async_exec.unwrap_or(false);
    let parts = match prepare(&client, body, service, query_id, submitted_at) {
        Ok(parts) => parts,
        Err(error) => return Ok(envelope::sql_failure(&error, query_id)),
    };
    let request_id = call.parameters().remove("requestId").filter(|it| !it.is_empty());
    match client.statements.admit(request_id, query_id, asynchronous) {
        Admission::New(statement, completion) => {
            let (request, context) = parts;
            // A task of its own: the statement goes on when its client is gone.
            tokio::spawn(execute(service.clone(), client, request, context, completion));
            let hold = if asynchronous { Duration::ZERO } else { service.hold };
            Ok(wait(&statement, hold).await)
        }
        Admission::Known(statement) => {
            let hold = if statement.asynchronous { Duration::ZERO } else { service.hold };
            Ok(wait(&statement, hold).await)
        }
        Admission::Dropped(query_id) => Ok(envelope::sql_failure(&not_kept(query_id), query_id)),
    }
}

fn prepare(
    client: &Client,
    body: Body,
    service: &Service,
    query_id: Uuid,
    submitted_at: DateTime<Utc>,
) -> Result<(Request, Context), SqlError> {
    let parameters: BTreeMap<String, Value> = body
        .parameters
        .unwrap_or_default()
        .into_iter()
        .map(|(name, value)| (name.to_ascii_uppercase(), value))
        .collect();
    if let Some(count) = parameters.get("MULTI_STATEMENT_COUNT")
        && !matches!(count.to_string().trim_matches('"'), "1" | "null")
    {
        return Err(SqlError::not_implemented(format!("MULTI_STATEMENT_COUNT = {count}")));
    }
    if body.bind_stage.as_deref().is_some_and(|it| !it.is_empty()) {
        return Err(SqlError::not_implemented("binds uploaded to a stage"));
    }
    let binds = bind::parse(body.bindings.as_ref())
        .map_err(|what| SqlError::new(2049, "22000", format!("SQL compilation error:\n{what}")))?;
    let sql = body.sql_text.unwrap_or_default();
    let describe_only = body.describe_only.unwrap_or(false);
    let mut format_parameters = client.format_parameters.clone();
    format_parameters.extend(parameters.clone());
    let context = Context {
        driver: client.driver,
        parameters: format_parameters,
        binds: if binds.is_empty() && describe_only {
            bind::count_markers(&sql)
        } else {
            binds.len()
        },
        describe_only,
        chunk_bytes: service.chunk_bytes,
        base_url: service.base_url(),
        now_ms: submitted_at.timestamp_millis(),
    };
    let request = Request { sql, binds, parameters, describe_only, query_id, submitted_at };
    Ok((request, context))
}

/// Runs a statement to its end and hands in the reply, whatever happens.
async fn execute(
    service: Arc<Service>,
    client: Arc<Client>,
    request: Request,
    mut context: Context,
    completion: Completion,
) {
    let query_id = request.query_id;
    let answered = AssertUnwindSafe(client.session.execute(request)).catch_unwind().await;
    let outcome = match answered {
        Ok(reply) => {
            context.now_ms = service.engine.settings.clock.now().timestamp_millis();
            encode(reply, context).await
        }
        Err(_) => fault(query_id, "the statement ended in a panic"),
    };
    let outcome = Arc::new(outcome);
    service.publish(&outcome);
    completion.finish(outcome);
}

async fn encode(reply: Reply, context: Context) -> Outcome {
    let query_id = reply.query_id;
    let bytes: usize = match &reply.result {
        Ok(success) => success.result.batches.iter().map(|it| it.get_array_memory_size()).sum(),
        Err(_) => 0,
    };
    let encode = move || {
        std::panic::catch_unwind(AssertUnwindSafe(|| reply::outcome(&reply, &context)))
            .unwrap_or_else(|_| fault(query_id, "encoding the result ended in a panic"))
    };
    if bytes <= ENCODE_INLINE_BYTES_MAX {
        return encode();
    }
    let encoded = tokio::task::spawn_blocking(encode).await;
    encoded.unwrap_or_else(|_| fault(query_id, "encoding the result was given up"))
}

fn fault(query_id: Uuid, what: &str) -> Outcome {
    let body = envelope::sql_failure_body(&SqlError::internal(what), query_id);
    Outcome { body, ..Outcome::default() }
}

/// The final reply of a statement, or how to ask again.
async fn wait(statement: &Statement, hold: Duration) -> Response {
    match statement.wait(hold).await {
        Waited::Finished(outcome) => envelope::bytes(outcome.body.clone()),
        Waited::InProgress => in_progress(statement),
        Waited::Lost => {
            let error = SqlError::internal("the statement was given up");
            envelope::sql_failure(&error, statement.query_id)
        }
    }
}

fn in_progress(statement: &Statement) -> Response {
    let (code, message) = match statement.asynchronous {
        true => (
            "333334",
            "Asynchronous execution in progress. Use provided query id to perform query \
             monitoring and management.",
        ),
        false => ("333333", "Query execution in progress."),
    };
    let data = json!({
        "queryId": statement.query_id.to_string(),
        "getResultUrl": format!("/queries/{}/result", statement.query_id),
        "queryAbortsAfterSecs": 300,
        "progressDesc": null,
    });
    envelope::progress(code, message, data)
}

/// `GET /queries/{id}/result`.
pub async fn result(service: &Service, call: &Call, id: &str) -> Result<Response, Fault> {
    let client = service.client(call)?;
    let query_id = Uuid::try_parse(id).map_err(|_| Fault::NotFound)?;
    Ok(match service.statement(&client, query_id) {
        Some(statement) => wait(&statement, service.hold).await,
        None => envelope::sql_failure(&not_kept(query_id), query_id),
    })
}

/// `000612`: never run, or no longer kept.
fn not_kept(query_id: Uuid) -> SqlError {
    SqlError::new(612, "02000", format!("Result for query {query_id} not found"))
}

/// `GET /monitoring/queries/{id}`. An id that nobody knows has an empty list.
pub fn monitor(service: &Service, call: &Call, id: &str) -> Result<Response, Fault> {
    let client = service.client(call)?;
    let query_id = Uuid::try_parse(id).map_err(|_| Fault::NotFound)?;
    let queries = match service.engine.query_status(query_id) {
        Some(status) => vec![describe(&status, service.engine.settings.clock.now())],
        // It has arrived, but the engine has not begun with it.
        None => match service.statement(&client, query_id).filter(|it| it.is_running()) {
            Some(_) => {
                vec![json!({"id": query_id.to_string(), "status": "RUNNING", "state": "RUNNING",
                "errorCode": "", "errorMessage": null})]
            }
            None => Vec::new(),
        },
    };
    Ok(envelope::success(json!({ "queries": queries })))
}

fn describe(status: &QueryStatus, now: DateTime<Utc>) -> Value {
    let ended_at = status.ended_at.unwrap_or(now);
    let state = match status.status {
        "SUCCESS" => "SUCCEEDED",
        "FAILED_WITH_ERROR" | "FAILED_WITH_INCIDENT" | "ABORTED" => "FAILED",
        other => other,
    };
    json!({
        "id": status.query_id.to_string(),
        "status": status.status,
        "state": state,
        "errorCode": status.error_code,
        "errorMessage": status.error_message,
        "sqlText": status.sql,
        "startTime": status.started_at.timestamp_millis(),
        "endTime": status.ended_at.map_or(0, |it| it.timestamp_millis()),
        "totalDuration": (ended_at - status.started_at).num_milliseconds().max(0),
        "sessionId": status.session_id,
        "warehouseId": 0,
        "warehouseName": status.warehouse,
        "stats": {},
    })
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AbortBody {
    request_id: Option<String>,
}

/// `POST /queries/v1/abort-request`: the statement is named by the id of its request.
pub async fn abort_by_request(service: &Service, call: &Call) -> Result<Response, Fault> {
    let client = service.client(call)?;
    let body: AbortBody = call.json()?;
    let request_id = body.request_id.unwrap_or_default();
    Ok(abort(service, client.statements.get_by_request(&request_id)).await)
}

/// `POST /queries/{id}/abort-request`.
pub async fn abort_by_query(service: &Service, call: &Call, id: &str) -> Result<Response, Fault> {
    let client = service.client(call)?;
    let query_id = Uuid::try_parse(id).map_err(|_| Fault::NotFound)?;
    Ok(abort(service, service.statement(&client, query_id)).await)
}

async fn abort(service: &Service, statement: Option<Arc<Statement>>) -> Response {
    let query_id = statement.as_ref().map_or(Uuid::nil(), |it| it.query_id);
    let mut left = CANCEL_WAIT_MAX;
    while let Some(statement) = statement.as_ref().filter(|it| it.is_running()) {
        if service.engine.cancel(statement.query_id) {
            return envelope::success(Value::Null);
        }
        if left.is_zero() {
            break;
        }
        // Known here, and not yet to the engine.
        tokio::time::sleep(CANCEL_WAIT_STEP).await;
        left = left.saturating_sub(CANCEL_WAIT_STEP);
    }
    let error = SqlError::new(605, "01000", "Identified SQL statement is not currently executing.");
    envelope::sql_failure(&error, query_id)
}

/// An id whose first group is the minutes since 1970, as the service's are: they sort by age.
fn new_query_id(now: DateTime<Utc>) -> Uuid {
    let milliseconds = now.timestamp_millis();
    let minutes = u128::from(milliseconds.div_euclid(60_000) as u32);
    let in_minute = milliseconds.rem_euclid(60_000) as u128;
    let random = Uuid::new_v4().as_u128();
    // 32 bits of minutes, 16 of milliseconds, 16 random, 16 zero, 48 random.
    let low = random & 0xFFFF_FFFF_FFFF;
    let middle = (random >> 108) & 0xFFFF;
    Uuid::from_u128(minutes << 96 | in_minute << 80 | middle << 64 | low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_ids_begin_with_the_minute_and_differ() {
        let now = DateTime::from_timestamp(0x01ba_13b4 * 60 + 1, 0).expect("a time");
        let (first, second) = (new_query_id(now), new_query_id(now));
        assert!(first.to_string().starts_with("01ba13b4-03e8-"), "{first}");
        assert_ne!(first, second);
        let later = new_query_id(now + chrono::Duration::seconds(1));
        assert!(first < later);
    }
}
