//! The account's clock, for clients that know that they talk to an emulator. Not of the service.
//!
//! - `GET /emulator/clock` answers `{"now_us": …, "virtual": …}`: microseconds since the epoch, and
//!   whether the clock can jump.
//! - `POST /emulator/clock` with `{"advance_us": n}` lets so much time pass at once, does what is
//!   due until then, and answers the same once that is done. Statements that run are waited for.
//!   409 on a real clock.
//!
//! Neither needs a session. A failure's body is `{"error": "…"}`.

use super::service::{Call, Fault, Service};
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

/// As far as one jump may go: a year.
const ADVANCE_MAX: TimeDelta = TimeDelta::days(366);

#[derive(Deserialize)]
struct Advance {
    advance_us: i64,
}

pub fn tell(service: &Service) -> Response {
    told(service, service.engine.now())
}

pub async fn advance(service: &Service, call: &Call) -> Result<Response, Fault> {
    let Advance { advance_us } = call.json()?;
    let by = TimeDelta::microseconds(advance_us);
    if by < TimeDelta::zero() || by > ADVANCE_MAX {
        let error = format!(
            "`advance_us` is {advance_us}: a clock goes forward, and at most {} days at once",
            ADVANCE_MAX.num_days()
        );
        return Ok(json_body(StatusCode::BAD_REQUEST, &json!({ "error": error })));
    }
    Ok(match service.engine.advance(by).await {
        Some(now) => told(service, now),
        None => {
            let error = "the emulator's clock is the real one, which does not jump; \
                         start it with `--virtual-time`";
            json_body(StatusCode::CONFLICT, &json!({ "error": error }))
        }
    })
}

fn told(service: &Service, now: DateTime<Utc>) -> Response {
    let is_virtual = service.engine.settings.clock.is_virtual();
    let body = json!({ "now_us": now.timestamp_micros(), "virtual": is_virtual });
    json_body(StatusCode::OK, &body)
}

pub(super) fn json_body(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
