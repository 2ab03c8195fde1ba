//! Functions whose value is the statement's surroundings: they become literals before planning.

use super::{
    rewrite::{CAST_PREFIX, call, null_literal, text_literal},
    scope::Scope,
};
use crate::{
    error::SqlError,
    regression::{Regression, regressed},
};
use chrono::{DateTime, TimeZone, Utc};
use datafusion::{common::ScalarValue, sql::sqlparser::ast::Expr};

/// The account that everybody is logged in to.
const ACCOUNT_LOCATOR: &str = "SG00001";
const ACCOUNT_NAME: &str = "SNOWGAUGE";
const ORGANIZATION_NAME: &str = "SNOWGAUGE";

/// What the service calls its version; the emulator's own follows.
pub const SERVER_VERSION: &str = concat!("9.99.0 snowgauge-emulator ", env!("CARGO_PKG_VERSION"));

/// The value of a context function, or `None` if `name` is none.
pub fn function(
    scope: &Scope<'_>,
    name: &str,
    arguments: &[Expr],
) -> Option<Result<Expr, SqlError>> {
    let session = scope.session;
    let text = |it: Option<String>| Some(Ok(it.map_or_else(null_literal, text_literal)));
    let names = || session.names();
    match name {
        "CURRENT_TIMESTAMP" | "GETDATE" | "SYSTIMESTAMP" | "LOCALTIMESTAMP" => {
            let at = scope.now.format("%Y-%m-%d %H:%M:%S%.9f +00:00").to_string();
            Some(Ok(cast("TIMESTAMP_LTZ(9)", at)))
        }
        "SYSDATE" => Some(Ok(cast(
            "TIMESTAMP_NTZ(9)",
            scope.now.format("%Y-%m-%d %H:%M:%S%.9f").to_string(),
        ))),
        "CURRENT_DATE" => {
            let zone = session.time_zone();
            let today = scope.now.with_timezone(&zone).date_naive();
            Some(Ok(cast("DATE", today.to_string())))
        }
        "CURRENT_TIME" | "LOCALTIME" => {
            let zone = session.time_zone();
            let time = scope.now.with_timezone(&zone).time();
            Some(Ok(cast("TIME(9)", time.format("%H:%M:%S%.9f").to_string())))
        }
        "CURRENT_DATABASE" => text(names().database),
        "CURRENT_SCHEMA" => text(names().schema),
        "CURRENT_WAREHOUSE" => text(names().warehouse),
        "CURRENT_ROLE" => text(Some(names().role)),
        "CURRENT_SECONDARY_ROLES" => text(Some("{\"roles\":\"\",\"value\":\"ALL\"}".to_owned())),
        "CURRENT_USER" => text(Some(session.user.clone())),
        "CURRENT_SESSION" => text(Some(session.id.to_string())),
        "CURRENT_ACCOUNT" => text(Some(ACCOUNT_LOCATOR.to_owned())),
        "CURRENT_ACCOUNT_NAME" => text(Some(ACCOUNT_NAME.to_owned())),
        "CURRENT_ORGANIZATION_NAME" => text(Some(ORGANIZATION_NAME.to_owned())),
        "CURRENT_REGION" => {
            let region = scope.engine().settings.region.clone();
            text(Some(match regressed(Regression::RegionWithDashes) {
                true => region.trim_start_matches("AWS_").to_lowercase().replace('_', "-"),
                false if regressed(Regression::RegionNotListed) => "AWS_US_GOV_WEST_1".to_owned(),
                false => region,
            }))
        }
        "CURRENT_VERSION" => text(Some(SERVER_VERSION.to_owned())),
        "CURRENT_CLIENT" => text(Some(session.client_app_id.clone())),
        "CURRENT_TRANSACTION" => Some(Ok(null_literal())),
        "CURRENT_STATEMENT" => None,
        "LAST_QUERY_ID" => {
            let back = match arguments.first() {
                None => -1,
                Some(expr) => match expr.to_string().replace(' ', "").parse::<i64>() {
                    Ok(back) => back,
                    Err(_) => {
                        return Some(Err(SqlError::not_implemented(format!(
                            "LAST_QUERY_ID({expr})"
                        ))));
                    }
                },
            };
            text(session.earlier_query(back).map(|it| it.to_string()))
        }
        "SYSTEM$TYPEOF" => None,
        "GET_DDL" => {
            let result = super::get_ddl::get_ddl(scope, arguments);
            Some(result.map(text_literal))
        }
        "SYSTEM$CLUSTERING_INFORMATION" => {
            Some(super::get_ddl::clustering_information(scope, arguments).map(text_literal))
        }
        "SEQ1" | "SEQ2" | "SEQ4" | "SEQ8" => None,
        _ => None,
    }
}

fn cast(target: &str, text: String) -> Expr {
    call(&format!("{CAST_PREFIX}{target}"), vec![text_literal(text)])
}

/// The instant that a constant stands for: timestamps without a zone count as UTC here.
pub fn instant(value: &ScalarValue) -> Option<DateTime<Utc>> {
    match value {
        ScalarValue::TimestampNanosecond(Some(nanos), _) => Some(Utc.timestamp_nanos(*nanos)),
        ScalarValue::TimestampMicrosecond(Some(micros), _) => {
            Utc.timestamp_micros(*micros).single()
        }
        ScalarValue::TimestampMillisecond(Some(millis), _) => {
            Utc.timestamp_millis_opt(*millis).single()
        }
        ScalarValue::TimestampSecond(Some(secs), _) => Utc.timestamp_opt(*secs, 0).single(),
        ScalarValue::Date32(Some(days)) => Utc.timestamp_opt(i64::from(*days) * 86_400, 0).single(),
        ScalarValue::Utf8(Some(text)) => parse_instant(text),
        ScalarValue::Struct(array) => {
            let instant = array.column(0);
            ScalarValue::try_from_array(instant, 0).ok().as_ref().and_then(self::instant)
        }
        _ => None,
    }
}

fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    const FORMATS: [&str; 3] = ["%Y-%m-%d %H:%M:%S%.f %:z", "%Y-%m-%d %H:%M:%S%.f %z", "%+"];
    FORMATS
        .iter()
        .find_map(|format| DateTime::parse_from_str(text, format).ok())
        .map(|it| it.to_utc())
        .or_else(|| {
            let naive = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"]
                .iter()
                .find_map(|format| chrono::NaiveDateTime::parse_from_str(text, format).ok());
            naive.map(|it| it.and_utc())
        })
}
