//! Session parameters that drivers read from replies.

use serde::Serialize;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// One entry of `parameters`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parameter {
    pub name: String,
    pub value: Value,
}

/// What the service sends where the engine has nothing to say about it.
static DEFAULTS: LazyLock<Vec<(&str, Value)>> = LazyLock::new(|| {
    vec![
        ("TIMEZONE", json!("America/Los_Angeles")),
        // JDBC cannot log in without it, and Python commits at the end unless it is true.
        ("AUTOCOMMIT", json!(true)),
        ("TIMESTAMP_OUTPUT_FORMAT", json!("YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM")),
        ("TIMESTAMP_NTZ_OUTPUT_FORMAT", json!("YYYY-MM-DD HH24:MI:SS.FF3")),
        ("TIMESTAMP_LTZ_OUTPUT_FORMAT", json!("")),
        ("TIMESTAMP_TZ_OUTPUT_FORMAT", json!("")),
        ("DATE_OUTPUT_FORMAT", json!("YYYY-MM-DD")),
        ("TIME_OUTPUT_FORMAT", json!("HH24:MI:SS")),
        ("BINARY_OUTPUT_FORMAT", json!("HEX")),
        ("CLIENT_RESULT_CHUNK_SIZE", json!(160)),
        ("CLIENT_PREFETCH_THREADS", json!(4)),
        ("CLIENT_MEMORY_LIMIT", json!(1536)),
        ("CLIENT_RESULT_PREFETCH_THREADS", json!(1)),
        ("CLIENT_RESULT_PREFETCH_SLOTS", json!(2)),
        ("CLIENT_SESSION_KEEP_ALIVE", json!(false)),
        ("CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY", json!(3600)),
        // Nobody reads telemetry here.
        ("CLIENT_TELEMETRY_ENABLED", json!(false)),
        ("CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED", json!(false)),
        // Above the threshold drivers upload binds to a stage; 0 turns that off.
        ("CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", json!(0)),
        ("QUERY_CONTEXT_CACHE_SIZE", json!(5)),
        ("CLIENT_METADATA_REQUEST_USE_CONNECTION_CTX", json!(false)),
        ("CLIENT_METADATA_USE_SESSION_DATABASE", json!(false)),
        ("CLIENT_HONOR_CLIENT_TZ_FOR_TIMESTAMP_NTZ", json!(true)),
        ("CLIENT_TIMESTAMP_TYPE_MAPPING", json!("TIMESTAMP_LTZ")),
        ("CLIENT_RESULT_COLUMN_CASE_INSENSITIVE", json!(false)),
        ("CLIENT_DISABLE_INCIDENTS", json!(true)),
        ("CLIENT_USE_V1_QUERY_API", json!(true)),
        ("SERVICE_NAME", json!("")),
        ("JDBC_TREAT_DECIMAL_AS_INT", json!(true)),
        ("JDBC_TREAT_TIMESTAMP_NTZ_AS_UTC", json!(false)),
        ("JDBC_USE_SESSION_TIMEZONE", json!(true)),
        ("JDBC_FORMAT_DATE_WITH_TIMEZONE", json!(true)),
        ("JDBC_EFFICIENT_CHUNK_STORAGE", json!(true)),
        ("JDBC_ENABLE_COMBINED_DESCRIBE", json!(true)),
        ("VARCHAR_AND_BINARY_MAX_SIZE_IN_RESULT", json!(134_217_728)),
        ("VARIANT_MAX_SIZE_IN_RESULT", json!(134_217_728)),
    ]
});

/// The whole list, with the values of `session` where it has some.
///
/// Always whole: JDBC replaces its own list by a list that is not empty.
pub fn merged(session: &[(String, Value)]) -> Vec<Parameter> {
    let of_session = |name: &str| {
        session.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let known = DEFAULTS.iter().map(|(name, value)| Parameter {
        name: (*name).to_owned(),
        value: of_session(name).unwrap_or(value).clone(),
    });
    let others = session
        .iter()
        .filter(|(name, _)| !DEFAULTS.iter().any(|(it, _)| it.eq_ignore_ascii_case(name)))
        .map(|(name, value)| Parameter { name: name.clone(), value: value.clone() });
    known.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_overrides_and_adds() {
        let session = [("timezone".to_owned(), json!("UTC")), ("QUERY_TAG".to_owned(), json!("x"))];
        let merged = merged(&session);
        let value = |name: &str| {
            let found: Vec<_> = merged.iter().filter(|it| it.name == name).collect();
            assert_eq!(found.len(), 1, "{name}");
            found[0].value.clone()
        };
        assert_eq!(value("TIMEZONE"), json!("UTC"));
        assert_eq!(value("QUERY_TAG"), json!("x"));
        assert_eq!(value("AUTOCOMMIT"), json!(true));
    }
}
