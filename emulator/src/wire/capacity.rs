//! The capacity model, for clients that know that they talk to an emulator. Not of the service.
//!
//! `GET /emulator/capacity` answers `{"simulated": "seed"}`, or `null` where nothing is: whatever
//! shows how long statements took says so. It needs no session.

use super::{clock::json_body, service::Service};
use axum::{http::StatusCode, response::Response};
use serde_json::json;

pub fn tell(service: &Service) -> Response {
    let name = service.engine.settings.capacity.as_ref().map(|it| it.name());
    json_body(StatusCode::OK, &json!({ "simulated": name }))
}
