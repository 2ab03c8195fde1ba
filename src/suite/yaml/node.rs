//! YAML text to a tree of nodes with places.
//!
//! Scalars stay text: `1.50` is no number that has lost its scale, and only YAML 1.2's own words
//! are null or booleans, so `no` and `on` are words. What the text means is the decoder's to say.

use crate::suite::{
    error::{SuiteError, SuiteErrorKind},
    source::Source,
    span::Span,
};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span as RawSpan, StrInput};
use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

/// How deep values may be in one another. Suites need six.
pub const DEPTH_MAX: usize = 64;

/// How many values a file may have once every alias stands for what it means.
pub const NODES_MAX: usize = 1_000_000;

#[derive(Debug)]
pub struct Node {
    pub span: Span,
    pub value: Value,
    /// How many nodes it is, with all that is in it.
    size: usize,
}

#[derive(Debug)]
pub enum Value {
    /// Nothing, `~` or `null`, without quotes.
    Null,
    Text(Text),
    List(Vec<Rc<Node>>),
    /// In the order of the file, without duplicate keys.
    Map(Vec<(Key, Rc<Node>)>),
}

#[derive(Debug)]
pub struct Text {
    pub text: String,
    /// Whether it was written without quotes.
    pub is_plain: bool,
}

#[derive(Debug)]
pub struct Key {
    pub text: String,
    pub span: Span,
}

impl Node {
    /// As it is called in messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => {
                entries.iter().find(|(it, _)| it.text == key).map(|(_, value)| &**value)
            }
            _ => None,
        }
    }
}

/// The file's one document, or what is wrong. Errors that leave a tree, such as a key that is
/// given twice, come with it, so that all others in the file can be found too.
pub fn parse(source: &Source) -> (Option<Rc<Node>>, Vec<SuiteError>) {
    let mut builder = Builder {
        source,
        lines: source.text.lines().collect(),
        parser: Parser::new_from_str(&source.text),
        errors: Vec::new(),
        anchors: HashMap::new(),
        open_anchors: HashSet::new(),
        nodes: 0,
    };
    match builder.document() {
        Ok(node) => (node, builder.errors),
        Err(error) => {
            builder.errors.push(*error);
            (None, builder.errors)
        }
    }
}

fn fail<T>(kind: SuiteErrorKind, span: Span) -> Fallible<T> {
    Err(Box::new(kind.at(span)))
}

struct Builder<'a> {
    source: &'a Source,
    lines: Vec<&'a str>,
    parser: Parser<'a, StrInput<'a>>,
    errors: Vec<SuiteError>,
    anchors: HashMap<usize, Rc<Node>>,
    /// Anchors of what is being read.
    open_anchors: HashSet<usize>,
    nodes: usize,
}

/// Boxed, since an error is larger than most results, and every node has one.
type Fallible<T> = Result<T, Box<SuiteError>>;

type Entries = Vec<(Key, Rc<Node>)>;

impl<'a> Builder<'a> {
    fn document(&mut self) -> Fallible<Option<Rc<Node>>> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::Nothing
                | Event::StreamStart
                | Event::DocumentStart(_)
                | Event::DocumentEnd => {}
                first if root.is_none() => root = Some(self.node(first, span, 0)?),
                _ => return fail(SuiteErrorKind::SecondDocument, self.span(span)),
            }
        }
    }

    fn next(&mut self) -> Fallible<(Event<'a>, RawSpan)> {
        match self.parser.next_event() {
            Some(Ok(it)) => Ok(it),
            Some(Err(err)) => Err(Box::new(self.scan_error(&err))),
            // Only after the end of the stream, where nobody asks.
            None => Ok((Event::StreamEnd, RawSpan::default())),
        }
    }

    fn scan_error(&self, err: &ScanError) -> SuiteError {
        let (line, column) = (err.marker().line().max(1), err.marker().col() + 1);
        // The scanner looks ahead, and has a limit of its own to how far.
        let kind = match err.info() {
            "recursion limit exceeded" => SuiteErrorKind::TooDeep { depth_max: DEPTH_MAX },
            cause => SuiteErrorKind::NotYaml { cause: cause.to_owned() },
        };
        kind.at(Span::new(&self.source.path, line, column, 1))
    }

    fn node(&mut self, event: Event<'a>, raw: RawSpan, depth: usize) -> Fallible<Rc<Node>> {
        let span = self.span(raw);
        if depth >= DEPTH_MAX {
            return fail(SuiteErrorKind::TooDeep { depth_max: DEPTH_MAX }, span);
        }
        let (value, anchor, size) = match event {
            Event::Alias(anchor) => {
                if self.open_anchors.contains(&anchor) {
                    return fail(SuiteErrorKind::AliasInItself, span);
                }
                let Some(node) = self.anchors.get(&anchor).map(Rc::clone) else {
                    let cause = "the alias stands for nothing".to_owned();
                    return fail(SuiteErrorKind::NotYaml { cause }, span);
                };
                self.count(node.size, &span)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, &span)?;
                let is_text = match tag.as_deref() {
                    None => false,
                    Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => true,
                    Some(tag) => {
                        self.errors
                            .push(SuiteErrorKind::Tag { tag: tag.to_string() }.at(span.clone()));
                        false
                    }
                };
                let is_plain = style == ScalarStyle::Plain;
                let value = match (&*text, is_plain && !is_text) {
                    ("" | "~" | "null" | "Null" | "NULL", true) => Value::Null,
                    _ => Value::Text(Text { text: text.into_owned(), is_plain }),
                };
                // Its place is its first line; that of an anchor or a tag is the line above.
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let span = match is_block && (anchor > 0 || tag.is_some()) {
                    true => self.block_span(raw),
                    false => span,
                };
                let node = Rc::new(Node { span, value, size: 1 });
                if anchor > 0 {
                    self.anchors.insert(anchor, Rc::clone(&node));
                }
                return Ok(node);
            }
            Event::SequenceStart(anchor, tag) => {
                self.count(1, &span)?;
                self.check_tag(tag.as_deref(), &span);
                self.open(anchor);
                let mut items = Vec::new();
                let mut size = 1;
                loop {
                    let (event, raw) = self.next()?;
                    if event == Event::SequenceEnd {
                        break;
                    }
                    let item = self.node(event, raw, depth + 1)?;
                    size += item.size;
                    items.push(item);
                }
                (Value::List(items), anchor, size)
            }
            Event::MappingStart(anchor, tag) => {
                self.count(1, &span)?;
                self.check_tag(tag.as_deref(), &span);
                self.open(anchor);
                let (entries, size) = self.entries(depth)?;
                (Value::Map(entries), anchor, size + 1)
            }
            _ => {
                let cause = "a value is missing".to_owned();
                return fail(SuiteErrorKind::NotYaml { cause }, span);
            }
        };
        let node = Rc::new(Node { span, value, size });
        if anchor > 0 {
            self.open_anchors.remove(&anchor);
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        Ok(node)
    }

    fn entries(&mut self, depth: usize) -> Fallible<(Entries, usize)> {
        let mut entries = Entries::new();
        // Mappings are small, and are looked through; only great ones need an index.
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut size = 0;
        loop {
            let (event, raw) = self.next()?;
            if event == Event::MappingEnd {
                return Ok((entries, size));
            }
            let key = self.node(event, raw, depth + 1)?;
            let (event, raw) = self.next()?;
            let value = self.node(event, raw, depth + 1)?;
            size += key.size + value.size;

            let text = match &key.value {
                Value::Text(it) => it.text.clone(),
                Value::Null | Value::List(_) | Value::Map(_) => {
                    self.errors.push(SuiteErrorKind::KeyNotText.at(key.span.clone()));
                    continue;
                }
            };
            if let Some(&first_line) = seen.get(&text) {
                let kind = SuiteErrorKind::KeyTwice { key: text, first_line };
                self.errors.push(kind.at(key.span.clone()));
                continue;
            }
            seen.insert(text.clone(), key.span.line);
            entries.push((Key { text, span: key.span.clone() }, value));
        }
    }

    fn open(&mut self, anchor: usize) {
        if anchor > 0 {
            self.open_anchors.insert(anchor);
        }
    }

    fn count(&mut self, nodes: usize, span: &Span) -> Fallible<()> {
        self.nodes = self.nodes.saturating_add(nodes);
        match self.nodes > NODES_MAX {
            true => fail(SuiteErrorKind::TooManyNodes { nodes_max: NODES_MAX }, span.clone()),
            false => Ok(()),
        }
    }

    fn check_tag(&mut self, tag: Option<&saphyr_parser::Tag>, span: &Span) {
        if let Some(tag) = tag {
            self.errors.push(SuiteErrorKind::Tag { tag: tag.to_string() }.at(span.clone()));
        }
    }

    /// From the value's start to its end, or to the end of its first line.
    fn span(&self, raw: RawSpan) -> Span {
        let (line, column) = (raw.start.line().max(1), raw.start.col() + 1);
        let length = match raw.end.line() == raw.start.line() {
            true => raw.end.col().saturating_sub(raw.start.col()),
            false => {
                let text = self.lines.get(line - 1).copied().unwrap_or_default();
                text.trim_end().chars().count().saturating_sub(column - 1)
            }
        };
        Span::new(&self.source.path, line, column, length)
    }

    /// The first line with something in it, below `|` or `>`.
    fn block_span(&self, raw: RawSpan) -> Span {
        let header = raw.start.line().max(1);
        let first = self
            .lines
            .iter()
            .enumerate()
            .skip(header)
            .take(raw.end.line().saturating_sub(header) + 1)
            .find(|(_, text)| !text.trim().is_empty());
        match first {
            Some((index, text)) => {
                let indent = text.chars().take_while(|it| *it == ' ').count();
                let length = text.trim().chars().count();
                Span::new(&self.source.path, index + 1, indent + 1, length)
            }
            None => self.span(raw),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(node: &Node) -> String {
        match &node.value {
            Value::Null => "null".to_owned(),
            Value::Text(it) => format!("{:?}", it.text),
            Value::List(items) => {
                format!("[{}]", items.iter().map(|it| show(it)).collect::<Vec<_>>().join(", "))
            }
            Value::Map(entries) => {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(key, value)| {
                        format!(
                            "{}@{}:{} {}",
                            key.text,
                            key.span.line,
                            key.span.column,
                            show(value)
                        )
                    })
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let (node, errors) = parse(&Source::new("t.yaml", text.to_owned()));
        let mut actual: Vec<String> = node.iter().map(|it| show(it)).collect();
        actual.extend(errors.iter().map(ToString::to_string));
        assert_eq!(actual.join("\n"), expected);
    }

    #[test]
    fn values_have_places() {
        check("a: 1\nb: [x, {c: y}]\n", r#"{a@1:1 "1", b@2:1 ["x", {c@2:9 "y"}]}"#);
    }

    #[test]
    fn only_the_words_of_yaml_1_2_mean_something() {
        check(
            "[no, on, yes, off, 0o7, 1_000, 012, 1.50, ~, null, NULL, nUll, 'null', !!str null, ]",
            r#"["no", "on", "yes", "off", "0o7", "1_000", "012", "1.50", null, null, null, "nUll", "null", "null"]"#,
        );
    }

    #[test]
    fn an_empty_file_has_no_document() {
        check("", "");
        check("# nothing\n", "");
    }

    #[test]
    fn a_key_given_twice_is_an_error() {
        check(
            "a: 1\nb: 2\na: 3\n",
            "{a@1:1 \"1\", b@2:1 \"2\"}\nt.yaml:3:1: `a` is given twice, first in line 1",
        );
        check("{[a]: 1}", "{}\nt.yaml:1:2: a key that is not a text");
    }

    #[test]
    fn aliases_stand_for_their_anchors() {
        check("a: &x [1]\nb: *x\n", r#"{a@1:1 ["1"], b@2:1 ["1"]}"#);
        check("a: *x\n", "t.yaml:1:4: not YAML: while parsing node, found unknown anchor");
        check("a: &x [*x]\n", "t.yaml:1:8: the alias is inside of what it stands for");
    }

    #[test]
    fn a_bomb_is_an_error() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            text += &format!("a{level}: &a{level} [{aliases}]\n");
        }
        check(&text, "t.yaml:6:45: more than 1000000 values once aliases are expanded");
    }

    #[test]
    fn depth_is_limited() {
        let flow = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        check(&flow(65), "t.yaml:1:65: nested more than 64 deep");
        check(&flow(100_000), "t.yaml:1:256: nested more than 64 deep");
        let block = "- ".repeat(100_000);
        check(&block, "t.yaml:1:129: nested more than 64 deep");
    }

    #[test]
    fn there_is_one_document() {
        check("a: 1\n---\nb: 2\n", "t.yaml:3:1: a second document in one file");
    }

    #[test]
    fn what_is_not_yaml_has_a_place() {
        check("a: [1\nb: 2\n", "t.yaml:2:2: not YAML: illegal placement of ':' indicator");
    }

    #[test]
    fn tags_are_refused() {
        check("a: !x 1\n", "{a@1:1 \"1\"}\nt.yaml:1:4: the tag `!x` means nothing here");
    }
}
