//! Functions by name: Snowflake's from [`super::functions`], and of the engine's own those that
//! mean the same.
//!
//! The engine has hundreds of functions that Snowflake does not have, or has with another meaning
//! (`array_contains` takes its arguments the other way round). A suite that passed on one of them
//! would fail on the service, so the engine's are let through one by one.

use super::functions;
use datafusion::{
    functions_aggregate::grouping,
    logical_expr::{AggregateUDF, ScalarUDF, WindowUDF},
};
use std::sync::Arc;

/// How a function stands, by its upper-case name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Known,
    /// A window function, which needs an OVER clause.
    OnlyOver,
    /// Snowflake has it, this emulator does not.
    Lacking,
    Unknown,
}

pub fn standing(name: &str) -> Standing {
    if scalar(name).is_some() || aggregate(name).is_some() {
        Standing::Known
    } else if window(name).is_some() {
        Standing::OnlyOver
    } else if LACKING.contains(&name) || LACKING_FAMILIES.iter().any(|it| name.starts_with(it)) {
        Standing::Lacking
    } else {
        Standing::Unknown
    }
}

/// Whether a function is not for statements to call: the planner writes it, for operators and
/// for `TRIM(BOTH …)`.
pub fn is_internal(name: &str) -> bool {
    name.starts_with("SF_") || matches!(name, "BTRIM" | "STRPOS")
}

pub fn scalar(name: &str) -> Option<Arc<ScalarUDF>> {
    functions::scalar(name)
}

pub fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    functions::aggregate(name).or_else(|| match name {
        // 1 where the column is rolled up, else 0; of several, the bits of a number.
        "GROUPING" => Some(grouping::grouping_udaf()),
        _ => None,
    })
}

pub fn window(name: &str) -> Option<Arc<WindowUDF>> {
    functions::window(name)
}

/// Functions that Snowflake has: an answer of "unknown" would be wrong.
const LACKING: &[&str] = &[
    "APPROX_TOP_K",
    "APPROXIMATE_JACCARD_INDEX",
    "APPROXIMATE_SIMILARITY",
    "BIT_AND",
    "BIT_AND_AGG",
    "BIT_NOT",
    "BIT_OR",
    "BIT_OR_AGG",
    "BIT_XOR",
    "BIT_XOR_AGG",
    "CHECK_XML",
    "COLLATE",
    "COLLATION",
    "COMPRESS",
    "CURRENT_AVAILABLE_ROLES",
    "CURRENT_IP_ADDRESS",
    "CURRENT_SCHEMAS",
    "CURRENT_STATEMENT",
    "DECOMPRESS_BINARY",
    "DECOMPRESS_STRING",
    "DECRYPT",
    "DYNAMIC_TABLE_REFRESH_BOUNDARY",
    "ENCRYPT",
    "FILTER",
    "GROUPING_ID",
    "HAVERSINE",
    "INVOKER_ROLE",
    "IS_ROLE_IN_SESSION",
    "JAROWINKLER_SIMILARITY",
    "MINHASH",
    "MINHASH_COMBINE",
    "PARSE_IP",
    "PARSE_URL",
    "PARSE_XML",
    "REDUCE",
    "SEARCH",
    "SHA1",
    "SHA1_BINARY",
    "SHA1_HEX",
    "SHA2_BINARY",
    "SOUNDEX",
    "STRING_AGG",
    "TO_GEOGRAPHY",
    "TO_GEOMETRY",
    "TO_XML",
    "TRANSFORM",
    "TRY_DECRYPT",
    "XMLGET",
];

/// How the names of whole families of them start.
const LACKING_FAMILIES: &[&str] = &["SYSTEM$", "AI_", "ST_", "H3_", "HLL_", "BITMAP_", "VECTOR_"];

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::SessionStateDefaults;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_called_lacking_is_not_there() {
        let there: Vec<_> = LACKING.iter().filter(|it| standing(it) != Standing::Lacking).collect();
        assert!(there.is_empty(), "{there:?}");
    }

    /// A function that comes with a new version of the engine must not be let through unseen.
    #[test]
    fn the_engines_own_functions_are_unknown_unless_snowflake_has_them() {
        let names = |name: &str, aliases: &[String]| {
            let all = std::iter::once(name.to_owned()).chain(aliases.iter().cloned());
            all.map(|it| it.to_uppercase()).collect::<Vec<_>>()
        };
        let scalars = SessionStateDefaults::default_scalar_functions();
        let aggregates = SessionStateDefaults::default_aggregate_functions();
        let windows = SessionStateDefaults::default_window_functions();
        let all: BTreeSet<String> = scalars
            .iter()
            .flat_map(|it| names(it.name(), it.aliases()))
            .chain(aggregates.iter().flat_map(|it| names(it.name(), it.aliases())))
            .chain(windows.iter().flat_map(|it| names(it.name(), it.aliases())))
            .collect();
        for name in &all {
            let is_ours = functions::scalar(name).is_some()
                || functions::aggregate(name).is_some()
                || functions::window(name).is_some();
            let is_let_through = is_ours || name == "GROUPING";
            let stands = matches!(standing(name), Standing::Known | Standing::OnlyOver);
            assert_eq!(stands, is_let_through, "{name}");
        }
        for name in ["NOW", "DATE_BIN", "REGEXP_MATCH", "TO_HEX", "STARTS_WITH", "ARROW_TYPEOF"] {
            assert!(all.contains(name), "{name} is no function of the engine any more");
            assert_eq!(standing(name), Standing::Unknown, "{name}");
        }
    }
}
