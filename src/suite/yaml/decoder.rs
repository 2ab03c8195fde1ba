//! Nodes to values, collecting every error rather than stopping at the first.

use super::node::{Key, Node, Text, Value};
use crate::suite::{
    error::{SuiteError, SuiteErrorKind},
    span::{Span, Spanned},
    words,
};

/// Errors so far. Methods return `None` after adding to them.
#[derive(Default)]
pub struct Decoder {
    pub errors: Vec<SuiteError>,
}

/// The entries of a mapping whose keys are known to be among the allowed ones.
pub struct Fields<'n> {
    pub span: &'n Span,
    node: &'n Node,
}

impl<'n> Fields<'n> {
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.node.get(key)
    }

    pub fn key(&self, key: &str) -> Option<&'n Key> {
        match &self.node.value {
            Value::Map(entries) => entries.iter().find(|(it, _)| it.text == key).map(|(it, _)| it),
            _ => None,
        }
    }

    /// Those of `keys` that are there, in the order of the file.
    pub fn present(&self, keys: &[&str]) -> Vec<(&'n Key, &'n Node)> {
        match &self.node.value {
            Value::Map(entries) => entries
                .iter()
                .filter(|(it, _)| keys.contains(&it.text.as_str()))
                .map(|(key, value)| (key, &**value))
                .collect(),
            _ => Vec::new(),
        }
    }
}

impl Decoder {
    pub fn error(&mut self, span: &Span, kind: SuiteErrorKind) {
        self.errors.push(kind.at(span.clone()));
    }

    /// The value, unless it is an error, which is kept.
    pub fn keep<T>(&mut self, span: &Span, result: Result<T, SuiteErrorKind>) -> Option<T> {
        result.map_err(|kind| self.error(span, kind)).ok()
    }

    pub fn wrong_type(&mut self, node: &Node, wanted: &str, help: Option<String>) {
        let kind =
            SuiteErrorKind::WrongType { wanted: wanted.to_owned(), found: node.kind(), help };
        self.error(&node.span, kind);
    }

    /// A mapping; unknown keys are errors.
    pub fn fields<'n>(
        &mut self,
        node: &'n Node,
        what: &'static str,
        known: &[&str],
    ) -> Option<Fields<'n>> {
        let Value::Map(entries) = &node.value else {
            self.wrong_type(node, what, None);
            return None;
        };
        for (key, _) in entries {
            if !known.contains(&key.text.as_str()) {
                self.error(&key.span, words::unknown("key", &key.text, known));
            }
        }
        Some(Fields { span: &node.span, node })
    }

    /// The one of these keys that is there. None is an error, which suggests `usual`, and so are
    /// two, where `instead` says what to do.
    pub fn one_of<'n>(
        &mut self,
        fields: &Fields<'n>,
        of: &'static str,
        known: &[&str],
        (usual, instead): (&'static str, &str),
    ) -> Option<(&'n Key, &'n Node)> {
        match fields.present(known).as_slice() {
            [one] => Some(*one),
            [] => {
                let help = Some(format!("or one of {}", words::listed(known)));
                self.error(fields.span, SuiteErrorKind::MissingKey { of, key: usual, help });
                None
            }
            [first, second, ..] => {
                let kind = SuiteErrorKind::KeysConflict {
                    key: second.0.text.clone(),
                    other: first.0.text.clone(),
                    help: Some(instead.to_owned()),
                };
                self.error(&second.0.span, kind);
                None
            }
        }
    }

    /// Each of these keys has to be there; beside it, what it is for.
    pub fn require(
        &mut self,
        fields: &Fields<'_>,
        of: &'static str,
        keys: &[(&'static str, &str)],
    ) {
        for (key, help) in keys {
            if fields.get(key).is_none() {
                let help = Some((*help).to_owned()).filter(|it| !it.is_empty());
                self.error(fields.span, SuiteErrorKind::MissingKey { of, key, help });
            }
        }
    }

    fn scalar<'n>(&mut self, node: &'n Node, wanted: &str) -> Option<&'n Text> {
        match &node.value {
            Value::Text(it) => Some(it),
            Value::Map(_) => {
                let help = "quote a text that begins with `{`".to_owned();
                self.wrong_type(node, wanted, Some(help));
                None
            }
            Value::Null | Value::List(_) => {
                self.wrong_type(node, wanted, None);
                None
            }
        }
    }

    /// Text, whatever it would be as YAML: `42` is the text `42`.
    pub fn text<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        self.scalar(node, "a text").map(|it| it.text.as_str())
    }

    /// Text with something in it.
    pub fn text_full<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        let text = self.text(node)?;
        if text.trim().is_empty() {
            let kind = SuiteErrorKind::WrongType {
                wanted: "a text".to_owned(),
                found: "an empty one",
                help: None,
            };
            self.error(&node.span, kind);
            return None;
        }
        Some(text)
    }

    pub fn list<'n>(&mut self, node: &'n Node, wanted: &str) -> Option<&'n [std::rc::Rc<Node>]> {
        match &node.value {
            Value::List(items) => Some(items),
            _ => {
                self.wrong_type(node, wanted, None);
                None
            }
        }
    }

    /// A text, or a list of them: words without blanks, no word twice.
    pub fn words(&mut self, node: Option<&Node>) -> Vec<Spanned<String>> {
        let Some(node) = node else { return Vec::new() };
        let one;
        let items: Vec<&Node> = match &node.value {
            Value::List(items) => items.iter().map(|it| &**it).collect(),
            Value::Text(_) => {
                one = node;
                vec![one]
            }
            Value::Null | Value::Map(_) => {
                self.wrong_type(node, "a word or a list of words", None);
                return Vec::new();
            }
        };
        let mut words: Vec<Spanned<String>> = Vec::new();
        for item in items {
            let Some(text) = self.text_full(item) else { continue };
            if text.contains(|it: char| it.is_whitespace() || it == ',') {
                let help = "write a list: `[a, b]`";
                self.error(&item.span, words::bad("a word", text, help));
            } else if let Some(first) = words.iter().find(|it| it.value == text) {
                let kind =
                    SuiteErrorKind::KeyTwice { key: text.to_owned(), first_line: first.span.line };
                self.error(&item.span, kind);
            } else {
                words.push(Spanned { value: text.to_owned(), span: item.span.clone() });
            }
        }
        words
    }

    /// `true`, as a way to name an expectation that has no value of its own.
    pub fn is_true(&mut self, node: &Node) -> bool {
        match &node.value {
            Value::Text(Text { text, is_plain: true })
                if matches!(text.as_str(), "true" | "True" | "TRUE") =>
            {
                true
            }
            _ => {
                self.wrong_type(node, "`true`", None);
                false
            }
        }
    }

    /// A whole number.
    pub fn number<T: std::str::FromStr>(&mut self, node: &Node, wanted: &'static str) -> Option<T> {
        let text = self.text(node)?;
        let digits = text.bytes().all(|it| it.is_ascii_digit());
        match text.parse() {
            Ok(it) if digits => Some(it),
            _ => {
                self.error(&node.span, words::bad(wanted, text, "a whole number: `3`"));
                None
            }
        }
    }
}
