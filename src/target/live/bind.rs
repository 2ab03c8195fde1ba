//! Values as the protocol binds them to `?`.

use crate::target::{Type, Value};
use chrono::{NaiveDateTime, NaiveTime, Timelike};
use serde_json::{Map, Value as Json, json};
use std::fmt::Write;

/// The `bindings` of a statement, by position from 1. `None` if there are none.
pub fn bindings(binds: &[Value]) -> Option<Json> {
    let bindings: Map<String, Json> = binds
        .iter()
        .enumerate()
        .map(|(position, value)| ((position + 1).to_string(), binding(value)))
        .collect();
    (!bindings.is_empty()).then_some(Json::Object(bindings))
}

fn binding(value: &Value) -> Json {
    let (name, text) = match value {
        Value::Null => return json!({"type": "ANY", "value": null}),
        Value::Boolean(it) => ("BOOLEAN", it.to_string()),
        Value::Number { .. } => ("FIXED", value.text(&Type::Number { precision: 38, scale: 0 })),
        Value::Float(_) => ("REAL", value.text(&Type::Float)),
        Value::Text(it) | Value::Json(it) => ("TEXT", it.clone()),
        Value::Date(it) => {
            let midnight = it.and_time(NaiveTime::MIN);
            ("DATE", midnight.and_utc().timestamp_millis().to_string())
        }
        Value::Time(it) => {
            let seconds = u64::from(it.num_seconds_from_midnight());
            ("TIME", (seconds * 1_000_000_000 + u64::from(it.nanosecond())).to_string())
        }
        Value::TimestampNtz(it) => ("TIMESTAMP_NTZ", nanos(*it).to_string()),
        Value::TimestampLtz(it) => ("TIMESTAMP_LTZ", nanos(it.naive_utc()).to_string()),
        Value::TimestampTz(it) => {
            let minutes = it.offset().local_minus_utc() / 60 + 1440;
            ("TIMESTAMP_TZ", format!("{} {minutes}", nanos(it.naive_utc())))
        }
        Value::Binary(it) => (
            "BINARY",
            it.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            }),
        ),
    };
    json!({"type": name, "value": text})
}

/// Nanoseconds since 1970, of any date: in 64 bits they end in 2262.
fn nanos(at: NaiveDateTime) -> i128 {
    let at = at.and_utc();
    i128::from(at.timestamp()) * 1_000_000_000 + i128::from(at.timestamp_subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{FixedOffset, NaiveDate};

    #[track_caller]
    fn check(value: Value, type_name: &str, text: &str) {
        assert_eq!(binding(&value), json!({"type": type_name, "value": text}));
    }

    #[test]
    fn every_value_has_its_binding() {
        let date = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
        let at = date.and_hms_nano_opt(12, 30, 45, 123_456_789).unwrap();
        let zone = FixedOffset::east_opt(5 * 3600 + 1800).unwrap();

        check(Value::Boolean(true), "BOOLEAN", "true");
        check(Value::Number { digits: -150, scale: 2 }, "FIXED", "-1.50");
        check(Value::Float(0.1), "REAL", "0.1");
        check(Value::Text("a".to_owned()), "TEXT", "a");
        check(Value::Json("[1]".to_owned()), "TEXT", "[1]");
        check(Value::Date(date), "DATE", "1709164800000");
        check(Value::Time(at.time()), "TIME", "45045123456789");
        check(Value::TimestampNtz(at), "TIMESTAMP_NTZ", "1709209845123456789");
        check(Value::TimestampLtz(at.and_utc()), "TIMESTAMP_LTZ", "1709209845123456789");
        let zoned = at.and_utc().with_timezone(&zone);
        check(Value::TimestampTz(zoned), "TIMESTAMP_TZ", "1709209845123456789 1770");
        check(Value::Binary(vec![0xde, 0xad]), "BINARY", "dead");
        let far = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap().and_time(NaiveTime::MIN);
        check(Value::TimestampNtz(far), "TIMESTAMP_NTZ", "253402214400000000000");
    }

    #[test]
    fn positions_count_from_one_and_null_has_any_type() {
        assert_eq!(bindings(&[]), None);
        let bound = bindings(&[Value::Null, Value::Text(String::new())]).unwrap();
        let expected =
            json!({"1": {"type": "ANY", "value": null}, "2": {"type": "TEXT", "value": ""}});
        assert_eq!(bound, expected);
    }
}
