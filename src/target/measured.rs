//! What a load came to, as an exchange of its case: so it is redacted, searched, reviewed and replayed
//! like everything else that is recorded.

use super::{Column, Ending, Execution, Rows, Statement, Type, Value};
use std::time::Duration;

/// What the session of the exchange is called.
pub const SESSION: &str = "load";

/// What stands for the statement. No server has heard of it.
const SQL: &str = "LOAD";

/// The exchange.
pub struct Measured {
    pub statement: Statement,
    pub execution: Execution,
}

impl Measured {
    pub fn new(json: &str) -> Self {
        let column = Column { name: "measured".to_owned(), data_type: Type::Text, nullable: false };
        let rows = vec![vec![Value::Text(json.to_owned())]];
        let ending = Ending::Rows(Rows { columns: vec![column], rows, affected: None });
        let execution = Execution { ending, query_id: None, elapsed: Duration::ZERO };
        Self { statement: statement(), execution }
    }
}

/// What is asked of a recording.
pub fn statement() -> Statement {
    Statement { sql: SQL.to_owned(), ..Statement::default() }
}

/// The JSON in the answer, if it is one.
pub fn json(ending: Ending) -> Option<String> {
    let Ending::Rows(rows) = ending else { return None };
    match rows.rows.into_iter().next()?.into_iter().next()? {
        Value::Text(json) => Some(json),
        _ => None,
    }
}
