//! What a suite expects against what the server answered.
//!
//! Only answers come here: a lost connection, a time-out of ours and a missing recording satisfy
//! nothing, and are sorted out before. Nothing here executes anything.

pub mod cell;
mod diff;
mod refusal;
mod rows;

#[cfg(test)]
mod tests;

pub use diff::{counted, diff, shorten};
pub use rows::{canonical_lines, compare_results};

use crate::{
    suite::{Expect, Side},
    target::{Refusal, Rows},
};

/// In which way an answer is not what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// One line.
    pub message: String,
    /// Lines that start with `-` (expected), `+` (found) or a space (both).
    pub diff: Option<String>,
    /// Likely cause and remedy.
    pub hint: Option<String>,
}

impl Difference {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), diff: None, hint: None }
    }
}

/// What the server answered.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    Rows(&'a Rows),
    Refused(&'a Refusal),
}

impl Answer<'_> {
    /// One line: `3 rows`, `4 rows affected`, `002003 (42S02): …`.
    pub fn describe(&self) -> String {
        match self {
            Self::Rows(Rows { affected: Some(count), .. }) => {
                format!(
                    "{} affected",
                    counted(usize::try_from(*count).unwrap_or(usize::MAX), "row")
                )
            }
            Self::Rows(rows) => counted(rows.rows.len(), "row"),
            Self::Refused(refusal) => one_line(&refusal.to_string()),
        }
    }
}

/// Whether the answer is what was expected.
///
/// [`Expect::SameAs`] is met by any rows here: that they are the same is for
/// [`compare_results`], once the other query was executed.
pub fn judge(expect: &Expect, answer: Answer<'_>) -> Result<(), Difference> {
    match (expect, answer) {
        (Expect::Recorded | Expect::Sides(_), _) => Ok(()),
        (Expect::Refused(expected), Answer::Refused(refusal)) => {
            refusal::compare(expected, refusal)
        }
        (Expect::Refused(expected), Answer::Rows(_)) => Err(Difference::new(format!(
            "expected {}, got {}",
            refusal::describe(expected),
            answer.describe()
        ))),
        (_, Answer::Refused(_)) => {
            Err(Difference::new(format!("the server refused it: {}", answer.describe())))
        }
        (Expect::Ok | Expect::SameAs { .. }, Answer::Rows(_)) => Ok(()),
        (Expect::Rows(expected), Answer::Rows(rows)) => rows::compare(expected, rows),
        (Expect::Affected(expected), Answer::Rows(rows)) => match rows.affected {
            Some(found) if found == *expected => Ok(()),
            Some(found) => Err(Difference::new(format!(
                "expected {} affected, got {found}",
                counted(usize::try_from(*expected).unwrap_or(usize::MAX), "row")
            ))),
            None => Err(Difference::new(format!(
                "expected {} affected, but the statement is not one that affects rows",
                counted(usize::try_from(*expected).unwrap_or(usize::MAX), "row")
            ))),
        },
    }
}

/// The side that the answer takes: the first whose expectation it meets.
pub fn side<'a>(sides: &'a [Side], answer: Answer<'_>) -> Option<&'a Side> {
    sides.iter().find(|it| judge(&it.outcome, answer).is_ok())
}

/// The text on one line, shortened.
pub fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    shorten(&line, 0)
}
