//! Paths into semi-structured values: `a.b[0]['c d']."E"`.

use super::kit::{Outcome, refuse};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// Takes a path apart.
pub(super) fn parse(source: &str) -> Outcome<Vec<Step>> {
    steps(source)
        .ok_or_else(|| refuse(100_141, "22000", format!("Invalid extraction path '{source}'")))
}

fn steps(source: &str) -> Option<Vec<Step>> {
    let mut steps = vec![];
    let mut rest = source.trim();
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let quote = inside.chars().next().filter(|it| matches!(it, '\'' | '"'));
            if let Some(quote) = quote {
                let end = inside[1..].find(quote)? + 1;
                steps.push(Step::Key(inside[1..end].to_owned()));
                rest = inside[end + 1..].strip_prefix(']')?;
            } else {
                let (index, after) = inside.split_once(']')?;
                steps.push(Step::Index(index.trim().parse().ok()?));
                rest = after;
            }
            continue;
        }
        if let Some(after) = rest.strip_prefix(['.', ':']) {
            // A path may begin with the colon that led to it.
            if after.is_empty() || steps.is_empty() && rest.starts_with('.') {
                return None;
            }
            rest = after;
        } else if !steps.is_empty() {
            return None;
        }
        if let Some(inside) = rest.strip_prefix('"') {
            let (key, after) = inside.split_once('"')?;
            steps.push(Step::Key(key.to_owned()));
            rest = after;
        } else if !rest.starts_with('[') {
            let end = rest.find(['.', '[', ':']).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            if key.is_empty() {
                return None;
            }
            steps.push(Step::Key(key.to_owned()));
            rest = after;
        }
    }
    Some(steps)
}

/// Follows a path; `None` where it leads nowhere.
pub(super) fn find<'v>(value: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    steps.iter().try_fold(value, |value, step| match (step, value) {
        (Step::Key(key), Value::Object(map)) => map.get(key),
        (Step::Index(index), Value::Array(values)) => values.get(*index),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let actual = match steps(source) {
            Some(steps) => steps
                .iter()
                .map(|it| match it {
                    Step::Key(key) => format!("<{key}>"),
                    Step::Index(index) => index.to_string(),
                })
                .collect::<Vec<_>>()
                .join(" "),
            None => "none".to_owned(),
        };
        assert_eq!(actual, expected, "{source:?}");
    }

    #[test]
    fn paths_are_keys_and_indices() {
        check("a.b[0].c", "<a> <b> 0 <c>");
        check("['a b'][\"c\"].\"D e\"", "<a b> <c> <D e>");
        check(":a:b", "<a> <b>");
        check("[3]", "3");
        check("", "");
        check("a.", "none");
        check(".a", "none");
        check("a[x]", "none");
        check("a[0", "none");
    }
}
