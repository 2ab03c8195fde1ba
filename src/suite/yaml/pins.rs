//! Pins: what was seen, beside a suite.

use super::{
    decoder::{Decoder, Fields},
    node::{self, Node, Value},
};
use crate::suite::{
    Evidence,
    error::{SuiteError, SuiteErrorKind},
    pins::{Pin, Seen},
    source::Source,
    words::{self, bad},
};

const KEYS: [&str; 11] = [
    "case",
    "step",
    "target",
    "release",
    "region",
    "date",
    "evidence",
    "refused",
    "succeeded",
    "rows",
    "count",
];

/// What a pin may have been.
const KINDS: [&str; 4] = ["refused", "succeeded", "rows", "count"];

/// The pins in a file, or all that is wrong with it.
pub fn pins(source: &Source) -> Result<Vec<Pin>, Vec<SuiteError>> {
    let (node, errors) = node::parse(source);
    let mut decoder = Decoder { errors };
    let pins = match &node {
        Some(node) => all(&mut decoder, node),
        None => Vec::new(),
    };
    match decoder.errors.is_empty() {
        true => Ok(pins),
        false => Err(decoder.errors),
    }
}

fn all(decoder: &mut Decoder, node: &Node) -> Vec<Pin> {
    let Some(fields) = decoder.fields(node, "a file of pins", &["pins"]) else {
        return Vec::new();
    };
    let Some(node) = fields.get("pins") else {
        let help = Some("remove the file if there are none".to_owned());
        let kind = SuiteErrorKind::MissingKey { of: "a file of pins", key: "pins", help };
        decoder.error(fields.span, kind);
        return Vec::new();
    };
    let items = decoder.list(node, "a list of pins").unwrap_or_default();
    let mut pins: Vec<Pin> = Vec::new();
    for item in items {
        let Some(pin) = pin(decoder, item) else { continue };
        match pins.iter().find(|it| it.key() == pin.key()) {
            None => pins.push(pin),
            Some(first) => {
                let first_line = first.span.line;
                let kind = SuiteErrorKind::KeyTwice { key: pin.case.clone(), first_line };
                decoder.error(&pin.span, kind);
            }
        }
    }
    pins
}

fn pin(decoder: &mut Decoder, node: &Node) -> Option<Pin> {
    let fields = decoder.fields(node, "a pin", &KEYS)?;
    let required = ["case", "step", "target", "release", "date", "evidence"];
    decoder.require(&fields, "a pin", &required.map(|it| (it, "")));
    let case = fields.get("case");
    let name = case.and_then(|it| decoder.text_full(it)).map(str::to_owned);
    let step = fields.get("step").and_then(|it| {
        let step = decoder.number::<usize>(it, "a step")?;
        if step == 0 {
            decoder.error(&it.span, bad("a step", "0", "from 1"));
        }
        Some(step)
    });
    let mut text =
        |key: &str| fields.get(key).and_then(|it| decoder.text_full(it)).map(str::to_owned);
    let (target, region) = (text("target"), text("region"));
    let release = fields.get("release").and_then(|it| {
        let text = decoder.text(it)?;
        decoder.keep(&it.span, words::release(text))
    });
    let date = fields.get("date").and_then(|it| {
        let text = decoder.text(it)?;
        let date =
            text.parse().map_err(|_| bad("a date", text, "year, month and day: `2026-11-21`"));
        decoder.keep(&it.span, date)
    });
    if let Some(node) = fields.get("evidence")
        && let Some(text) = decoder.text(node)
        && words::evidence(text) != Ok(Evidence::Observed)
    {
        let help = "what is pinned was `observed`";
        decoder.error(&node.span, bad("the evidence of a pin", text, help));
    }
    let seen = seen(decoder, &fields);
    Some(Pin {
        case: name?,
        step: step?,
        release: release?,
        target: target?,
        region,
        date: date?,
        seen: seen?,
        span: case?.span.clone(),
    })
}

fn seen(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<Seen> {
    let instead = ("refused", "a pin is one answer");
    let (kind, node) = decoder.one_of(fields, "a pin", &KINDS, instead)?;
    match kind.text.as_str() {
        "succeeded" => decoder.is_true(node).then_some(Seen::Succeeded),
        "count" => decoder.number(node, "a number of rows").map(Seen::Count),
        "rows" => rows(decoder, node).map(Seen::Rows),
        _ => refused(decoder, node),
    }
}

fn refused(decoder: &mut Decoder, node: &Node) -> Option<Seen> {
    let what = "a mapping of `code`, `sqlstate` and `message`";
    let fields = decoder.fields(node, what, &["code", "sqlstate", "message"])?;
    decoder.require(&fields, "`refused`", &[("code", ""), ("message", "")]);
    let code = fields.get("code").and_then(|it| {
        let text = decoder.text(it)?;
        let code = match words::is_code(text) {
            true => Ok(text.to_owned()),
            false => Err(bad("an error code", text, "six digits: `\"000630\"`")),
        };
        decoder.keep(&it.span, code)
    });
    let mut text = |key: &str| fields.get(key).and_then(|it| decoder.text(it)).map(str::to_owned);
    let (sqlstate, message) = (text("sqlstate").unwrap_or_default(), text("message"));
    Some(Seen::Refused { code: code?, sqlstate, message: message? })
}

fn rows(decoder: &mut Decoder, node: &Node) -> Option<Vec<Vec<Option<String>>>> {
    let mut rows = Vec::new();
    for item in decoder.list(node, "a list of rows")? {
        let mut row = Vec::new();
        for cell in decoder.list(item, "a row, which is a list")? {
            row.push(match &cell.value {
                Value::Null => None,
                _ => Some(decoder.text(cell)?.to_owned()),
            });
        }
        rows.push(row);
    }
    Some(rows)
}
