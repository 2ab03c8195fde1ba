//! What was seen of an unverified expectation, told so that the next run can be held to it.

use super::{compare, variables::Variables};
use crate::{
    suite::{
        Expect, ExpectedRows, Sort,
        pins::{Pin, Seen},
    },
    target::{Refusal, Rows, Value},
};
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// Rows that are kept of an answer. More of them are counted: a pin is to be read by people.
const ROWS_MAX: usize = 20;

/// Variables whose values are names that a run makes. Others, such as the scale, are numbers that
/// stand for themselves elsewhere.
const NAMES: [&str; 5] = ["schema", "standard", "interactive", "database", "run"];

/// What a step with an unverified expectation was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// Of its case, from 1.
    pub step: usize,
    /// `None` if it is what the suite expects.
    pub seen: Option<Seen>,
}

/// The answer, without what differs from run to run.
pub fn seen(expect: &Expect, answer: &Result<Rows, Refusal>, variables: &Variables) -> Seen {
    match answer {
        Err(refusal) => Seen::Refused {
            code: refusal.code.clone(),
            sqlstate: refusal.sqlstate.clone(),
            message: normalised(
                &refusal.message.split_whitespace().collect::<Vec<_>>().join(" "),
                variables,
            ),
        },
        Ok(rows) => match expect {
            Expect::Rows(ExpectedRows { sort, .. }) | Expect::SameAs { sort, .. } => {
                rows_seen(rows, *sort, variables)
            }
            Expect::Ok
            | Expect::Affected(_)
            | Expect::Refused(_)
            | Expect::Recorded
            | Expect::Sides(_) => Seen::Succeeded,
        },
    }
}

fn rows_seen(rows: &Rows, sort: Sort, variables: &Variables) -> Seen {
    if rows.rows.len() > ROWS_MAX {
        return Seen::Count(rows.rows.len());
    }
    let row = |row: &Vec<Value>| -> Vec<Option<String>> {
        let cells = row.iter().zip(&rows.columns).map(|(value, column)| match value {
            Value::Null => None,
            value => Some(normalised(&value.text(&column.data_type), variables)),
        });
        cells.collect()
    };
    let mut seen: Vec<_> = rows.rows.iter().map(row).collect();
    if sort != Sort::None {
        seen.sort();
    }
    Seen::Rows(seen)
}

/// Names that the run made, and ids that the server did, as what they stand for.
fn normalised(text: &str, variables: &Variables) -> String {
    static ID: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?i)\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b").ok());
    let mut names: Vec<(&str, &str)> =
        NAMES.iter().filter_map(|it| Some((*it, variables.get(it)?))).collect();
    // The longest first, since the run's id is in most of the others.
    names.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    let mut text = text.to_owned();
    for (name, value) in names.into_iter().filter(|(_, value)| !value.is_empty()) {
        text = text.replace(value, &format!("{{{name}}}"));
    }
    match &*ID {
        Some(id) => id.replace_all(&text, "<id>").into_owned(),
        None => text,
    }
}

/// What an answer meets that is not the pinned one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meets {
    Suite,
    Nothing,
}

/// The difference between what is pinned and what came.
pub fn difference(pin: &Pin, now: &Seen, meets: Meets) -> compare::Difference {
    let what = match meets {
        Meets::Suite => ", but as the suite expects",
        Meets::Nothing => "",
    };
    compare::Difference {
        message: format!("not what was pinned ({}){what}: {now}", pin.place()),
        diff: Some(format!("-{}\n+{now}", pin.seen)),
        hint: Some(format!(
            "the pin is at {}; `snowgauge run --pin` pins what is answered now",
            pin.span
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_no_part_of_a_pin() {
        let variables = Variables::default()
            .with("run", "SG1")
            .with("schema", "SG1_LIMITS_DML")
            .with("interactive", "SG1_IW")
            .with("database", "DB")
            .with("scale", "1000");
        #[track_caller]
        fn check(variables: &Variables, text: &str, expected: &str) {
            assert_eq!(normalised(text, variables), expected);
        }
        check(&variables, "Table 'DB.SG1_LIMITS_DML.T'", "Table '{database}.{schema}.T'");
        check(&variables, "warehouse 'SG1_IW' of SG1_X", "warehouse '{interactive}' of {run}_X");
        check(&variables, "1000 rows", "1000 rows");
        check(&variables, "query 01b0a7c2-0000-12ab-0000-00000001f2a6.", "query <id>.");
    }
}
