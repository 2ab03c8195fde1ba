//! Tag expressions: names with `and`, `or`, `not` and parentheses.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagExpr {
    Tag(String),
    Not(Box<TagExpr>),
    And(Box<TagExpr>, Box<TagExpr>),
    Or(Box<TagExpr>, Box<TagExpr>),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    #[error("a tag expression ends after `{after}` where a tag should follow")]
    Ends { after: String },
    #[error("expected {expected} in a tag expression, found `{found}`")]
    Unexpected { expected: &'static str, found: String },
    #[error("a tag expression is empty")]
    Empty,
}

impl TagExpr {
    /// `not` binds tighter than `and`, and `and` tighter than `or`.
    pub fn parse(text: &str) -> Result<Self, TagError> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ");
        let mut parser = Parser { words: spaced.split_whitespace().collect(), at: 0 };
        if parser.words.is_empty() {
            return Err(TagError::Empty);
        }
        let expr = parser.or()?;
        match parser.next() {
            None => Ok(expr),
            Some(found) => {
                Err(TagError::Unexpected { expected: "`and` or `or`", found: found.to_owned() })
            }
        }
    }

    pub fn holds(&self, tags: &[&str]) -> bool {
        match self {
            Self::Tag(it) => tags.contains(&it.as_str()),
            Self::Not(it) => !it.holds(tags),
            Self::And(a, b) => a.holds(tags) && b.holds(tags),
            Self::Or(a, b) => a.holds(tags) || b.holds(tags),
        }
    }

    /// The tags that it names.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Tag(it) => vec![it],
            Self::Not(it) => it.names(),
            Self::And(a, b) | Self::Or(a, b) => [a.names(), b.names()].concat(),
        }
    }
}

impl fmt::Display for TagExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(it) => f.write_str(it),
            Self::Not(it) => write!(f, "not {it}"),
            Self::And(a, b) => write!(f, "({a} and {b})"),
            Self::Or(a, b) => write!(f, "({a} or {b})"),
        }
    }
}

impl std::str::FromStr for TagExpr {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        Self::parse(text)
    }
}

struct Parser<'a> {
    words: Vec<&'a str>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).copied()
    }

    fn next(&mut self) -> Option<&'a str> {
        let word = self.peek()?;
        self.at += 1;
        Some(word)
    }

    fn or(&mut self) -> Result<TagExpr, TagError> {
        let mut left = self.and()?;
        while self.peek() == Some("or") {
            self.at += 1;
            left = TagExpr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<TagExpr, TagError> {
        let mut left = self.one()?;
        while self.peek() == Some("and") {
            self.at += 1;
            left = TagExpr::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<TagExpr, TagError> {
        // Each `not` and `(` is a word, and the words came from one command line, so that the
        // depth is bounded by its length.
        match self.next() {
            None => Err(TagError::Ends { after: self.words.join(" ") }),
            Some("not") => Ok(TagExpr::Not(Box::new(self.one()?))),
            Some("(") => {
                let inner = self.or()?;
                match self.next() {
                    Some(")") => Ok(inner),
                    Some(found) => {
                        Err(TagError::Unexpected { expected: "`)`", found: found.to_owned() })
                    }
                    None => Err(TagError::Ends { after: self.words.join(" ") }),
                }
            }
            Some(found @ ("and" | "or" | ")")) => {
                Err(TagError::Unexpected { expected: "a tag", found: found.to_owned() })
            }
            Some(tag) => Ok(TagExpr::Tag(tag.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = match TagExpr::parse(text) {
            Ok(it) => it.to_string(),
            Err(err) => err.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn not_binds_tighter_than_and_and_and_than_or() {
        check("a", "a");
        check("a or b and not c", "(a or (b and not c))");
        check("(a or b) and not (c)", "((a or b) and not c)");
    }

    #[test]
    fn what_is_wrong_is_said() {
        check("", "a tag expression is empty");
        check("a and", "a tag expression ends after `a and` where a tag should follow");
        check("a b", "expected `and` or `or` in a tag expression, found `b`");
        check("or a", "expected a tag in a tag expression, found `or`");
        check("(a b", "expected `)` in a tag expression, found `b`");
    }

    #[test]
    fn an_expression_holds_of_tags() {
        let expr = TagExpr::parse("limits and not (slow or costly)").unwrap();
        assert!(expr.holds(&["limits", "dml"]));
        assert!(!expr.holds(&["limits", "slow"]));
        assert!(!expr.holds(&[]));
        assert_eq!(expr.names(), ["limits", "slow", "costly"]);
    }
}
