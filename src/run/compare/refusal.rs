//! Refusals against expected ones: code, SQLSTATE and message, each only if it was given.

use super::{Difference, diff::diff};
use crate::{
    suite::{ExpectedRefusal, MessageMatch},
    target::Refusal,
};
use regex::Regex;

pub fn compare(expected: &ExpectedRefusal, actual: &Refusal) -> Result<(), Difference> {
    let mut parts = Vec::new();
    let (mut wanted, mut found) = (Vec::new(), Vec::new());

    if let Some(code) = &expected.code {
        if !same_code(code, &actual.code) {
            parts.push(format!("code `{}` instead of `{code}`", actual.code));
        }
        wanted.push(format!("code: {}", if parts.is_empty() { &actual.code } else { code }));
        found.push(format!("code: {}", actual.code));
    }
    if let Some(sqlstate) = &expected.sqlstate {
        if *sqlstate != actual.sqlstate {
            parts.push(format!("SQLSTATE `{}` instead of `{sqlstate}`", actual.sqlstate));
        }
        wanted.push(format!("sqlstate: {sqlstate}"));
        found.push(format!("sqlstate: {}", actual.sqlstate));
    }
    let message_found = format!("message: {}", flat(&actual.message));
    match &expected.message {
        Some(message) if !matches(message, actual)? => {
            parts.push("another message".to_owned());
            wanted.push(match message {
                MessageMatch::Contains(it) => format!("message contains: {}", flat(it)),
                MessageMatch::Regex(it) => format!("message matches: {}", flat(it)),
                MessageMatch::Exact(it) => format!("message: {}", flat(it)),
            });
        }
        _ => wanted.push(message_found.clone()),
    }
    found.push(message_found);

    if parts.is_empty() {
        return Ok(());
    }
    Err(Difference {
        message: format!("refused as expected, but with {}", parts.join(", ")),
        diff: diff(&wanted, &found),
        hint: None,
    })
}

/// `a refusal`, or `a refusal with code 000630`.
pub fn describe(expected: &ExpectedRefusal) -> String {
    match (&expected.code, &expected.sqlstate) {
        (Some(code), _) => format!("a refusal with code {code}"),
        (None, Some(sqlstate)) => format!("a refusal with SQLSTATE {sqlstate}"),
        (None, None) => "a refusal".to_owned(),
    }
}

/// Codes have six digits, but suites may leave leading zeros out.
fn same_code(expected: &str, actual: &str) -> bool {
    expected.trim_start_matches('0') == actual.trim_start_matches('0')
}

fn matches(expected: &MessageMatch, actual: &Refusal) -> Result<bool, Difference> {
    let message = &actual.message;
    Ok(match expected {
        MessageMatch::Contains(it) => {
            message.contains(it.as_str()) || flat(message).contains(&flat(it))
        }
        MessageMatch::Exact(it) => message == it || flat(message) == flat(it),
        // On the refusal as it is shown, so that a pattern of `.slt` can name the code.
        MessageMatch::Regex(it) => Regex::new(it)
            .map_err(|err| Difference::new(format!("`{it}` is not a regular expression: {err}")))?
            .is_match(&actual.to_string()),
    })
}

/// Messages of the server have line breaks in places that depend on their length.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
