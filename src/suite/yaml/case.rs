//! Cases and steps.

use super::{
    decoder::{Decoder, Fields},
    doc, expect, load,
    node::{Node, Value},
    refresh, session, values,
};
use crate::suite::{
    Action, Case, Evidence, Expect, Expectation, Only, ReleaseSet, Step, Unchanged,
    error::SuiteErrorKind,
    span::Span,
    words::{self, bad},
};
use std::time::Duration;

const STEP_KEYS: [&str; 10] =
    ["session", "sql", "sleep", "binds", "expect", "within", "takes", "save", "unchanged", "allow"];

/// Keys of a case that is a single step, in place of `steps`.
const SINGLE_KEYS: [&str; 8] =
    ["sql", "sleep", "binds", "expect", "within", "takes", "save", "unchanged"];

const CASE_KEYS: [&str; 18] = [
    "allow",
    "id",
    "name",
    "doc",
    "tags",
    "needs",
    "only",
    "session",
    "steps",
    "load",
    "sql",
    "sleep",
    "binds",
    "expect",
    "within",
    "takes",
    "save",
    "unchanged",
];

/// What holds for steps that do not say otherwise.
#[derive(Clone, Copy)]
pub struct Defaults<'a> {
    pub session: &'a str,
    /// Tables that steps can look at.
    pub refreshed: &'a [String],
    /// Releases on which there is anything to expect.
    pub only: Option<&'a ReleaseSet>,
}

pub fn case(decoder: &mut Decoder, node: &Node, defaults: &Defaults<'_>) -> Option<Case> {
    let fields = decoder.fields(node, "a case", &CASE_KEYS)?;
    let id = fields.get("id").and_then(|it| {
        let text = decoder.text_full(it)?;
        decoder.keep(&it.span, words::id(text))
    });
    let (name, span) = match fields.get("name") {
        Some(it) => (name(decoder, it), it.span.clone()),
        None => {
            let kind = SuiteErrorKind::MissingKey {
                of: "a case",
                key: "name",
                help: Some("a sentence: `name: an update is rejected`".to_owned()),
            };
            decoder.error(fields.span, kind);
            (None, fields.span.clone())
        }
    };
    let only = fields.get("only").and_then(|it| only(decoder, it));
    let session = session(decoder, &fields, defaults.session);
    let only_on = only.as_ref().map(|it| &it.releases);
    let defaults = Defaults { session: &session, only: only_on, ..*defaults };

    let single = fields.present(&SINGLE_KEYS);
    let mut tags = values(decoder.words(fields.get("tags")));
    if fields.get("load").is_some() && !tags.iter().any(|it| it == load::TAG) {
        tags.push(load::TAG.to_owned());
    }
    let alone = fields.get("load").and(fields.key("steps").or(single.first().map(|(key, _)| *key)));
    if let Some(key) = alone {
        let kind = SuiteErrorKind::KeysConflict {
            key: key.text.clone(),
            other: "load".to_owned(),
            help: Some("a load is a case of its own; `setup` comes before it".to_owned()),
        };
        decoder.error(&key.span, kind);
        return None;
    }
    let steps = match (fields.get("steps"), single.first()) {
        (None, None) if let Some(node) = fields.get("load") => {
            load::load(decoder, node, &defaults).into_iter().collect()
        }
        (Some(steps), None) => {
            let items = decoder.list(steps, "a list of steps").unwrap_or_default();
            if matches!(&steps.value, Value::List(items) if items.is_empty()) {
                decoder.error(&steps.span, SuiteErrorKind::NoSteps);
            }
            items.iter().filter_map(|it| step(decoder, it, &defaults)).collect()
        }
        (Some(_), Some((key, _))) => {
            let kind = SuiteErrorKind::KeysConflict {
                key: key.text.clone(),
                other: "steps".to_owned(),
                help: Some("make it a key of one of the steps".to_owned()),
            };
            decoder.error(&key.span, kind);
            return None;
        }
        (None, Some(_)) => step_of(decoder, &fields, &defaults).into_iter().collect(),
        (None, None) => {
            decoder.error(fields.span, missing_sql("a case"));
            return None;
        }
    };
    Some(Case {
        id,
        name: name?,
        doc: doc(decoder, &fields),
        tags,
        needs: decoder.words(fields.get("needs")),
        allow: decoder.words(fields.get("allow")),
        only,
        span,
        steps,
    })
}

fn missing_sql(of: &'static str) -> SuiteErrorKind {
    let help = match of {
        "a case" => "`sql` for one statement, `steps` for several, `load` for many at once",
        _ => "`sql` for a statement, `sleep` to wait, `fresh` for a refreshed table",
    };
    SuiteErrorKind::MissingKey { of, key: "sql", help: Some(help.to_owned()) }
}

/// One line, without blanks at its ends: it is printed, searched for and used as a key.
fn name(decoder: &mut Decoder, node: &Node) -> Option<String> {
    let text = decoder.text_full(node)?.trim();
    match text.contains('\n') {
        true => {
            decoder.error(&node.span, bad("a name", text, "one line; the rest is `doc`"));
            None
        }
        false => Some(text.to_owned()),
    }
}

fn only(decoder: &mut Decoder, node: &Node) -> Option<Only> {
    let fields =
        decoder.fields(node, "a mapping of `releases` and `reason`", &["releases", "reason"])?;
    let mut missing = |key: &'static str, help: &str| {
        let kind = SuiteErrorKind::MissingKey { of: "`only`", key, help: Some(help.to_owned()) };
        decoder.error(fields.span, kind);
    };
    let reason = fields.get("reason");
    if reason.is_none() {
        missing("reason", "it is shown where the case is skipped");
    }
    let releases = fields.get("releases");
    if releases.is_none() {
        missing("releases", "such as `fallback..`");
    }
    let reason = reason.and_then(|it| decoder.text_full(it)).map(|it| it.trim().to_owned());
    let releases = releases.and_then(|it| release_set(decoder, it));
    Some(Only { releases: releases?, reason: reason? })
}

/// `fallback`, `fallback..`, `..attached`, or a list of names.
pub fn release_set(decoder: &mut Decoder, node: &Node) -> Option<ReleaseSet> {
    let items = match &node.value {
        Value::Text(_) => {
            let text = decoder.text(node)?;
            return decoder.keep(&node.span, words::releases(text));
        }
        Value::List(items) if !items.is_empty() => items,
        _ => {
            decoder.wrong_type(node, "releases, such as `fallback..`", None);
            return None;
        }
    };
    let mut set = Vec::new();
    let mut is_whole = true;
    for item in items {
        let releases =
            decoder.text(item).and_then(|it| decoder.keep(&item.span, words::releases(it)));
        match releases {
            Some(it) => set.extend(it.0),
            None => is_whole = false,
        }
    }
    set.sort_unstable();
    set.dedup();
    is_whole.then_some(ReleaseSet(set))
}

/// A step of a list: a text is a statement that must succeed.
pub fn step(decoder: &mut Decoder, node: &Node, defaults: &Defaults<'_>) -> Option<Step> {
    match &node.value {
        Value::Text(_) => {
            let sql = sql(decoder, node)?;
            let action = Action::Execute { sql, binds: Vec::new() };
            Some(Step::plain(&node.span, defaults.session, action))
        }
        Value::Map(_) if refresh::is_look(node) => refresh::look(decoder, node, defaults),
        Value::Map(_) => {
            let fields = decoder.fields(node, "a step", &STEP_KEYS)?;
            let session = session(decoder, &fields, defaults.session);
            let step = step_of(decoder, &fields, &Defaults { session: &session, ..*defaults });
            let allow = decoder.words(fields.get("allow"));
            step.map(|it| Step { allow, ..it })
        }
        Value::Null | Value::List(_) => {
            decoder.wrong_type(node, "a statement or a mapping", None);
            None
        }
    }
}

/// An expectation on every release that needs no evidence.
pub fn plain_expectation(span: &Span, outcome: Expect) -> Expectation {
    Expectation {
        releases: None,
        evidence: Evidence::None,
        source: None,
        span: span.clone(),
        outcome,
    }
}

pub fn sql(decoder: &mut Decoder, node: &Node) -> Option<String> {
    // A block text ends in a line break that is no part of the statement.
    decoder.text_full(node).map(|it| it.trim_end().to_owned())
}

/// A step from the keys of a mapping, which may be a case's.
fn step_of(decoder: &mut Decoder, fields: &Fields<'_>, defaults: &Defaults<'_>) -> Option<Step> {
    if let Some(node) = fields.get("sleep") {
        for (key, _) in fields.present(&SINGLE_KEYS) {
            if key.text != "sleep" {
                let kind = SuiteErrorKind::KeysConflict {
                    key: key.text.clone(),
                    other: "sleep".to_owned(),
                    help: Some("waiting is a step of its own".to_owned()),
                };
                decoder.error(&key.span, kind);
            }
        }
        let duration = duration(decoder, node)?;
        return Some(Step::plain(&node.span, defaults.session, Action::Sleep(duration)));
    }
    let Some(node) = fields.get("sql") else {
        decoder.error(fields.span, missing_sql("a step"));
        return None;
    };
    let binds = fields.get("binds").map(|it| binds(decoder, it)).unwrap_or_default();
    let sql = sql(decoder, node);
    let expect = match fields.get("expect") {
        None => Some(vec![plain_expectation(&node.span, Expect::Ok)]),
        Some(it) => expect::expectations(decoder, it, defaults),
    };
    let within = fields.get("within").and_then(|it| duration(decoder, it));
    let takes = fields.get("takes").and_then(|it| takes(decoder, it));
    let save = fields.get("save").and_then(|it| {
        let text = decoder.text(it)?;
        decoder.keep(&it.span, words::variable(text))
    });
    let unchanged = fields.get("unchanged").map(|it| unchanged(decoder, it, defaults.session));
    Some(Step {
        span: node.span.clone(),
        session: defaults.session.to_owned(),
        action: Action::Execute { sql: sql?, binds },
        expect: expect?,
        within,
        takes,
        save,
        unchanged: unchanged.unwrap_or_default(),
        allow: Vec::new(),
        when: Vec::new(),
    })
}

/// A query, or a list of them; each may name the session that it is asked on.
fn unchanged(decoder: &mut Decoder, node: &Node, session: &str) -> Vec<Unchanged> {
    let items: Vec<&Node> = match &node.value {
        Value::List(items) if items.is_empty() => {
            decoder.wrong_type(node, "at least one query", None);
            return Vec::new();
        }
        Value::List(items) => items.iter().map(|it| &**it).collect(),
        _ => vec![node],
    };
    items.into_iter().filter_map(|it| unchanged_query(decoder, it, session)).collect()
}

fn unchanged_query(decoder: &mut Decoder, node: &Node, session: &str) -> Option<Unchanged> {
    let Value::Map(_) = &node.value else {
        return Some(Unchanged { session: session.to_owned(), sql: sql(decoder, node)? });
    };
    let what = "a query, or a mapping of `session` and `sql`";
    let fields = decoder.fields(node, what, &["session", "sql"])?;
    let session = self::session(decoder, &fields, session);
    let Some(node) = fields.get("sql") else {
        let kind = SuiteErrorKind::MissingKey { of: "`unchanged`", key: "sql", help: None };
        decoder.error(fields.span, kind);
        return None;
    };
    Some(Unchanged { session, sql: sql(decoder, node)? })
}

fn binds(decoder: &mut Decoder, node: &Node) -> Vec<String> {
    let items = decoder.list(node, "a list of texts").unwrap_or_default();
    items.iter().filter_map(|it| decoder.text(it).map(str::to_owned)).collect()
}

pub fn duration(decoder: &mut Decoder, node: &Node) -> Option<Duration> {
    let text = decoder.text(node)?;
    decoder.keep(&node.span, words::duration(text))
}

fn takes(decoder: &mut Decoder, node: &Node) -> Option<(Duration, Duration)> {
    let items = decoder.list(node, "two durations: `[4s, 7s]`")?;
    let [least, most] = items else {
        decoder.wrong_type(node, "two durations: `[4s, 7s]`", None);
        return None;
    };
    let (least_at, most_at) = (duration(decoder, least), duration(decoder, most));
    let range = (least_at?, most_at?);
    if range.0 > range.1 || range.1.is_zero() {
        let text =
            format!("[{}, {}]", words::duration_text(range.0), words::duration_text(range.1));
        let help = "the least elapsed time, then the most";
        decoder.error(&node.span, bad("a range of time", &text, help));
        return None;
    }
    Some(range)
}
