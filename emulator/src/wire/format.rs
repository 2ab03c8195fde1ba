//! Arrow or JSON: by who asks, what was asked, and what the session says.

use crate::engine::StatementType;
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Arrow,
    Json,
}

/// A driver, as it names itself at login. Decides what it can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    Python,
    Go,
    Jdbc,
    Odbc,
    /// Node, .NET and programs that give no name or another one: JSON is read by all of them.
    Other,
}

impl Driver {
    /// From `CLIENT_APP_ID`.
    pub fn named(client_app_id: &str) -> Self {
        match client_app_id {
            "PythonConnector" => Self::Python,
            "Go" => Self::Go,
            "JDBC" => Self::Jdbc,
            "ODBC" => Self::Odbc,
            _ => Self::Other,
        }
    }

    /// The session parameter that overrides the format for this driver alone.
    fn parameter(self) -> Option<&'static str> {
        match self {
            Self::Python => Some("PYTHON_CONNECTOR_QUERY_RESULT_FORMAT"),
            Self::Go => Some("GO_QUERY_RESULT_FORMAT"),
            Self::Jdbc => Some("JDBC_QUERY_RESULT_FORMAT"),
            Self::Odbc => Some("ODBC_QUERY_RESULT_FORMAT"),
            Self::Other => None,
        }
    }

    /// The format of a result. `parameter` looks a session parameter up.
    ///
    /// Only rows of queries are ever Arrow: Python and Go read the counts of DML from JSON only.
    pub fn format<'a>(
        self,
        statement_type: StatementType,
        parameter: impl Fn(&str) -> Option<&'a Value>,
    ) -> Format {
        let rows = matches!(statement_type, StatementType::Select | StatementType::Call);
        let Some(own) = self.parameter().filter(|_| rows) else { return Format::Json };
        let says_json = |name: &str| {
            parameter(name).and_then(Value::as_str).map(|it| it.eq_ignore_ascii_case("JSON"))
        };
        match says_json(own).or_else(|| says_json("QUERY_RESULT_FORMAT")) {
            Some(true) => Format::Json,
            Some(false) | None => Format::Arrow,
        }
    }
}

impl Format {
    pub fn word(self) -> &'static str {
        match self {
            Self::Arrow => "arrow",
            Self::Json => "json",
        }
    }
}

/// Whether a parameter takes part in the choice.
pub fn is_format_parameter(name: &str) -> bool {
    name.to_ascii_uppercase().ends_with("QUERY_RESULT_FORMAT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(app: &str, statement_type: StatementType, set: &[(&str, &str)], expected: Format) {
        let set: Vec<(&str, Value)> = set.iter().map(|(n, v)| (*n, Value::from(*v))).collect();
        let found = |name: &str| set.iter().find(|(it, _)| *it == name).map(|(_, value)| value);
        assert_eq!(Driver::named(app).format(statement_type, found), expected);
    }

    #[test]
    fn queries_are_arrow_for_drivers_that_read_it() {
        for app in ["PythonConnector", "Go", "JDBC", "ODBC"] {
            check(app, StatementType::Select, &[], Format::Arrow);
        }
        for app in ["JavaScript", ".NET", "", "something"] {
            check(app, StatementType::Select, &[], Format::Json);
        }
    }

    #[test]
    fn everything_but_queries_is_json() {
        for kind in [StatementType::Insert, StatementType::Show, StatementType::Ddl] {
            check("PythonConnector", kind, &[], Format::Json);
        }
    }

    #[test]
    fn the_session_can_ask_for_json_and_a_drivers_own_parameter_wins() {
        let own = "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT";
        check("PythonConnector", StatementType::Select, &[(own, "json")], Format::Json);
        let both = [(own, "ARROW"), ("QUERY_RESULT_FORMAT", "JSON")];
        check("PythonConnector", StatementType::Select, &both, Format::Arrow);
        check("Go", StatementType::Select, &both, Format::Json);
    }

    #[test]
    fn nobody_can_ask_node_to_read_arrow() {
        let set = [("QUERY_RESULT_FORMAT", "ARROW")];
        check("JavaScript", StatementType::Select, &set, Format::Json);
    }
}
