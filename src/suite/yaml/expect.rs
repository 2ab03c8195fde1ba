//! What must come of a step.

use super::{
    case::{Defaults, plain_expectation, release_set},
    decoder::{Decoder, Fields},
    node::{Node, Text, Value},
    session,
};
use crate::suite::{
    Cell, Evidence, Expect, Expectation, ExpectedRefusal, ExpectedRows, MessageMatch, Release,
    RowsExpected, Side, Sort,
    error::SuiteErrorKind,
    span::Span,
    words::{self, bad, counted},
};

/// Keys that say what is expected. There is exactly one of them.
const KINDS: [&str; 9] =
    ["ok", "recorded", "error", "rows", "affected", "count", "contains", "same-as", "sides"];

/// Those of them that a side can have. That rows are the same is found out by another query.
const SIDE_KINDS: [&str; 6] = ["ok", "error", "rows", "affected", "count", "contains"];

/// Keys that go with rows, and with which kinds.
const ROW_OPTIONS: [(&str, &[&str]); 5] = [
    ("types", &["rows", "contains", "count"]),
    ("columns", &["rows", "contains", "count"]),
    ("sort", &["rows"]),
    ("tolerance", &["rows", "contains"]),
    ("label", &["rows", "contains", "count"]),
];

const KEYS: [&str; 17] = [
    "ok",
    "recorded",
    "error",
    "rows",
    "affected",
    "count",
    "contains",
    "same-as",
    "sides",
    "types",
    "columns",
    "sort",
    "tolerance",
    "label",
    "evidence",
    "source",
    "releases",
];

const SIDE_KEYS: [&str; 14] = [
    "side",
    "ok",
    "error",
    "rows",
    "affected",
    "count",
    "contains",
    "types",
    "columns",
    "sort",
    "tolerance",
    "label",
    "evidence",
    "source",
];

/// One expectation, or a list that tells releases apart. Never empty.
pub fn expectations(
    decoder: &mut Decoder,
    node: &Node,
    defaults: &Defaults<'_>,
) -> Option<Vec<Expectation>> {
    let expectations = match &node.value {
        Value::List(items) if !items.is_empty() => {
            let found: Vec<Option<Expectation>> =
                items.iter().map(|it| expectation(decoder, it, defaults)).collect();
            found.into_iter().collect::<Option<Vec<_>>>()?
        }
        Value::List(_) => {
            decoder.wrong_type(node, "an expectation", None);
            return None;
        }
        _ => vec![expectation(decoder, node, defaults)?],
    };
    check_releases(decoder, node, &expectations, defaults);
    Some(expectations)
}

/// Every release has exactly one expectation; the last may be for all that are left.
fn check_releases(
    decoder: &mut Decoder,
    node: &Node,
    expectations: &[Expectation],
    defaults: &Defaults<'_>,
) {
    let relevant: Vec<Release> = match defaults.only {
        Some(only) => only.0.clone(),
        None => Release::ALL.to_vec(),
    };
    let mut taken: Vec<(Release, usize)> = Vec::new();
    let mut all_taken = false;
    for it in expectations {
        if all_taken || relevant.iter().all(|release| taken.iter().any(|(it, _)| it == release)) {
            decoder.error(&it.span, SuiteErrorKind::NoReleaseLeft);
            return;
        }
        match &it.releases {
            None => all_taken = true,
            Some(set) => {
                for release in &set.0 {
                    match taken.iter().find(|(it, _)| it == release) {
                        Some(&(_, first_line)) => decoder.error(
                            &it.span,
                            SuiteErrorKind::ReleaseTwice {
                                release: release.to_string(),
                                first_line,
                            },
                        ),
                        None => taken.push((*release, it.span.line)),
                    }
                }
            }
        }
    }
    let missing: Vec<&str> = relevant
        .iter()
        .filter(|release| !all_taken && !taken.iter().any(|(it, _)| it == *release))
        .map(|it| it.name())
        .collect();
    if !missing.is_empty() {
        let kind = SuiteErrorKind::ReleasesMissing { releases: words::listed(&missing) };
        decoder.error(&node.span, kind);
    }
}

fn expectation(decoder: &mut Decoder, node: &Node, defaults: &Defaults<'_>) -> Option<Expectation> {
    if let Value::Text(Text { text, .. }) = &node.value {
        let outcome = match text.as_str() {
            "ok" => Expect::Ok,
            "recorded" => Expect::Recorded,
            "error" | "any" => {
                decoder.error(
                    &node.span,
                    bad("an expectation", text, "a refusal is expected by `{ error: any }`"),
                );
                return None;
            }
            other => {
                decoder
                    .error(&node.span, words::unknown("expectation", other, &["ok", "recorded"]));
                return None;
            }
        };
        return Some(plain_expectation(&node.span, outcome));
    }
    let fields = decoder.fields(node, "an expectation", &KEYS)?;
    let evidence = fields.get("evidence").and_then(|it| {
        let text = decoder.text(it)?;
        decoder.keep(&it.span, words::evidence(text))
    });
    let source =
        fields.get("source").and_then(|it| decoder.text_full(it)).map(|it| it.trim().to_owned());
    if let (Some(key), None) = (fields.key("source"), fields.key("evidence")) {
        let kind = SuiteErrorKind::MissingKey {
            of: "`source`",
            key: "evidence",
            help: Some("what kind of evidence the source is, such as `documented`".to_owned()),
        };
        decoder.error(&key.span, kind);
    }
    let releases = fields.get("releases").map(|it| release_set(decoder, it));
    let outcome = outcome(decoder, &fields, &KINDS, defaults);
    if let (Some(Expect::Sides(_)), Some(key)) = (&outcome, fields.key("evidence")) {
        let kind = SuiteErrorKind::KeysConflict {
            key: "evidence".to_owned(),
            other: "sides".to_owned(),
            help: Some("each side has its own".to_owned()),
        };
        decoder.error(&key.span, kind);
    }
    Some(Expectation {
        releases: match releases {
            None => None,
            Some(set) => Some(set?),
        },
        evidence: evidence.unwrap_or(Evidence::None),
        source,
        span: node.span.clone(),
        outcome: outcome?,
    })
}

fn outcome(
    decoder: &mut Decoder,
    fields: &Fields<'_>,
    known: &[&str],
    defaults: &Defaults<'_>,
) -> Option<Expect> {
    let instead = ("rows", "make them two steps");
    let (kind, node) = decoder.one_of(fields, "an expectation", known, instead)?;
    for (option, goes_with) in ROW_OPTIONS {
        if let Some(key) = fields.key(option)
            && !goes_with.contains(&kind.text.as_str())
        {
            let error = SuiteErrorKind::KeysConflict {
                key: option.to_owned(),
                other: kind.text.clone(),
                help: Some(format!("it goes with {}", words::listed(goes_with))),
            };
            decoder.error(&key.span, error);
        }
    }
    match kind.text.as_str() {
        "ok" => decoder.is_true(node).then_some(Expect::Ok),
        "recorded" => decoder.is_true(node).then_some(Expect::Recorded),
        "error" => refusal(decoder, node).map(Expect::Refused),
        "affected" => decoder.number(node, "a number of rows").map(Expect::Affected),
        "same-as" => same_as(decoder, node, defaults),
        "sides" => sides(decoder, node, defaults),
        "rows" => {
            let found = cells(decoder, node);
            rows(decoder, fields, found.map(RowsExpected::Rows))
        }
        "contains" => {
            let found = cells(decoder, node);
            if found.as_ref().is_some_and(Vec::is_empty) {
                decoder.wrong_type(node, "at least one row", None);
            }
            rows(decoder, fields, found.map(RowsExpected::Contains))
        }
        _ => {
            let found = count(decoder, node);
            rows(decoder, fields, found)
        }
    }
}

/// Two sides at least, each with a name and a source of its own.
fn sides(decoder: &mut Decoder, node: &Node, defaults: &Defaults<'_>) -> Option<Expect> {
    let items = decoder.list(node, "a list of sides")?;
    if items.len() < 2 {
        let help = "a single one is an expectation like any other".to_owned();
        decoder.wrong_type(node, "two sides at least", Some(help));
        return None;
    }
    let found: Vec<Option<Side>> = items.iter().map(|it| side(decoder, it, defaults)).collect();
    let sides = found.into_iter().collect::<Option<Vec<Side>>>()?;
    for (at, it) in sides.iter().enumerate() {
        if let Some(first) = sides[..at].iter().find(|first| first.name == it.name) {
            let kind =
                SuiteErrorKind::KeyTwice { key: it.name.clone(), first_line: first.span.line };
            decoder.error(&it.span, kind);
        }
    }
    Some(Expect::Sides(sides))
}

fn side(decoder: &mut Decoder, node: &Node, defaults: &Defaults<'_>) -> Option<Side> {
    let fields = decoder.fields(node, "a side", &SIDE_KEYS)?;
    let required = [
        ("side", "its name in reports, such as `refused`"),
        ("evidence", "how the source knows, such as `documented`"),
        ("source", "who takes this side"),
    ];
    decoder.require(&fields, "a side", &required);
    let evidence = fields.get("evidence").and_then(|it| {
        let text = decoder.text(it)?;
        decoder.keep(&it.span, words::evidence(text))
    });
    let mut text = |key: &str| {
        fields.get(key).and_then(|it| decoder.text_full(it)).map(|it| it.trim().to_owned())
    };
    let (name, source) = (text("side"), text("source"));
    let outcome = outcome(decoder, &fields, &SIDE_KINDS, defaults);
    Some(Side {
        name: name?,
        evidence: evidence?,
        source: source?,
        span: node.span.clone(),
        outcome: outcome?,
    })
}

fn refusal(decoder: &mut Decoder, node: &Node) -> Option<ExpectedRefusal> {
    let help = "`any`, or a mapping: `{ code: \"000630\", sqlstate: \"57014\" }`";
    if let Value::Text(Text { text, .. }) = &node.value {
        if text == "any" {
            return Some(ExpectedRefusal::default());
        }
        decoder.error(&node.span, bad("an error to expect", text, help));
        return None;
    }
    const MESSAGES: [&str; 3] = ["contains", "matches", "exact"];
    let fields = decoder.fields(
        node,
        "`any` or a mapping",
        &["code", "sqlstate", "contains", "matches", "exact"],
    )?;
    let mut refusal = ExpectedRefusal::default();
    if let Some(node) = fields.get("code")
        && let Some(text) = decoder.text(node)
    {
        match words::is_code(text) {
            true => refusal.code = Some(text.to_owned()),
            false => {
                decoder.error(&node.span, bad("an error code", text, "six digits: `\"000630\"`"))
            }
        }
    }
    if let Some(node) = fields.get("sqlstate")
        && let Some(text) = decoder.text(node)
    {
        match words::is_sqlstate(text) {
            true => refusal.sqlstate = Some(text.to_owned()),
            false => {
                let help = "five digits or capital letters: `\"57014\"`";
                decoder.error(&node.span, bad("an SQLSTATE", text, help));
            }
        }
    }
    let messages = fields.present(&MESSAGES);
    if let [first, second, ..] = messages.as_slice() {
        let kind = SuiteErrorKind::KeysConflict {
            key: second.0.text.clone(),
            other: first.0.text.clone(),
            help: None,
        };
        decoder.error(&second.0.span, kind);
    }
    if let Some((key, node)) = messages.first() {
        let text = decoder.text_full(node)?.to_owned();
        refusal.message = Some(match key.text.as_str() {
            "contains" => MessageMatch::Contains(text),
            "matches" => {
                decoder.keep(&node.span, words::check_regex(&text))?;
                MessageMatch::Regex(text)
            }
            _ => MessageMatch::Exact(text),
        });
    }
    if fields.present(&["code", "sqlstate", "contains", "matches", "exact"]).is_empty() {
        decoder.wrong_type(node, "something about the error", Some(help.to_owned()));
        return None;
    }
    Some(refusal)
}

fn same_as(decoder: &mut Decoder, node: &Node, defaults: &Defaults<'_>) -> Option<Expect> {
    if let Value::Text(_) = &node.value {
        let sql = decoder.text_full(node)?.trim_end().to_owned();
        return Some(Expect::SameAs {
            session: defaults.session.to_owned(),
            sql,
            sort: Sort::None,
        });
    }
    let fields = decoder.fields(
        node,
        "a query, or a mapping of `session`, `sql` and `sort`",
        &["session", "sql", "sort"],
    )?;
    let session = session(decoder, &fields, defaults.session);
    let sort = sort(decoder, &fields);
    let Some(sql) = fields.get("sql") else {
        let kind = SuiteErrorKind::MissingKey { of: "`same-as`", key: "sql", help: None };
        decoder.error(fields.span, kind);
        return None;
    };
    let sql = decoder.text_full(sql)?.trim_end().to_owned();
    Some(Expect::SameAs { session, sql, sort })
}

fn sort(decoder: &mut Decoder, fields: &Fields<'_>) -> Sort {
    let sort = fields.get("sort").and_then(|it| {
        let text = decoder.text(it)?;
        decoder.keep(&it.span, words::sort(text))
    });
    sort.unwrap_or_default()
}

/// Rows of one width.
fn cells(decoder: &mut Decoder, node: &Node) -> Option<Vec<Vec<Cell>>> {
    let items = decoder.list(node, "a list of rows: `[[1, a], [2, b]]`")?;
    let mut rows: Vec<Vec<Cell>> = Vec::with_capacity(items.len());
    let mut is_whole = true;
    for item in items {
        let row = match &item.value {
            Value::List(cells) => cells.iter().map(|it| cell(decoder, it)).collect::<Vec<_>>(),
            _ => {
                let help = "one column is written `[[1], [2]]`".to_owned();
                decoder.wrong_type(item, "a row, which is a list", Some(help));
                is_whole = false;
                continue;
            }
        };
        let Some(row) = row.into_iter().collect::<Option<Vec<Cell>>>() else {
            is_whole = false;
            continue;
        };
        match rows.first() {
            None if row.is_empty() => {
                decoder.wrong_type(item, "a row with cells", Some("no rows are `[]`".to_owned()));
                is_whole = false;
            }
            Some(first) if first.len() != row.len() => {
                let kind = SuiteErrorKind::RowWidth {
                    row: rows.len() + 1,
                    cells: counted(row.len(), "cell"),
                    width: first.len(),
                    than: "the first row".to_owned(),
                };
                decoder.error(&item.span, kind);
                is_whole = false;
            }
            _ => rows.push(row),
        }
    }
    is_whole.then_some(rows)
}

fn cell(decoder: &mut Decoder, node: &Node) -> Option<Cell> {
    let text = match &node.value {
        Value::Null => return Some(Cell::Null),
        Value::Text(Text { text, .. }) => text,
        Value::List(_) | Value::Map(_) => {
            let help = "quote JSON: `'{\"a\": 1}'`".to_owned();
            decoder.wrong_type(node, "a cell, which is a text or null", Some(help));
            return None;
        }
    };
    let cell = words::cell(text);
    if let Some(pattern) = words::cell_pattern(&cell) {
        decoder.keep(&node.span, words::check_regex(pattern))?;
    }
    Some(cell)
}

fn rows(decoder: &mut Decoder, fields: &Fields<'_>, rows: Option<RowsExpected>) -> Option<Expect> {
    let types = fields.get("types").and_then(|it| {
        let text = decoder.text_full(it)?;
        match text.chars().find(|it| !words::TYPE_LETTERS.contains(*it)) {
            None => Some((text.to_owned(), &it.span)),
            Some(_) => {
                decoder.error(
                    &it.span,
                    bad("a letter for each column", text, words::TYPE_LETTERS_HELP),
                );
                None
            }
        }
    });
    let columns = fields.get("columns").and_then(|it| {
        let items = decoder.list(it, "a list of names")?;
        let names: Vec<Option<String>> =
            items.iter().map(|it| decoder.text(it).map(str::to_owned)).collect();
        Some((names.into_iter().collect::<Option<Vec<String>>>()?, &it.span))
    });
    let label = fields.get("label").and_then(|it| decoder.text_full(it)).map(str::to_owned);
    let tolerance = fields.get("tolerance").and_then(|it| tolerance(decoder, it));
    let sort = sort(decoder, fields);
    let rows = rows?;

    let width = match &rows {
        RowsExpected::Rows(rows) | RowsExpected::Contains(rows) => rows.first().map(Vec::len),
        _ => None,
    };
    let types_width = types.as_ref().map(|(it, _)| it.chars().count());
    let mut check =
        |what: &'static str, found: usize, span: &Span, other: (&'static str, Option<usize>)| {
            if let (than, Some(width)) = other
                && width != found
            {
                let found = counted(found, "column");
                decoder.error(span, SuiteErrorKind::WidthsDiffer { what, found, than, width });
            }
        };
    if let Some((types, span)) = &types {
        check("`types`", types.chars().count(), span, ("each row", width));
    }
    if let Some((columns, span)) = &columns {
        let other = match width {
            Some(_) => ("each row", width),
            None => ("`types`", types_width),
        };
        check("`columns`", columns.len(), span, other);
    }
    Some(Expect::Rows(ExpectedRows {
        types: types.map(|(it, _)| it),
        columns: columns.map(|(it, _)| it),
        sort,
        rows,
        label,
        tolerance,
    }))
}

fn tolerance(decoder: &mut Decoder, node: &Node) -> Option<f64> {
    let text = decoder.text(node)?;
    match text.parse::<f64>() {
        Ok(it) if it > 0.0 && it < 1.0 => Some(it),
        _ => {
            let help = "a part of the greater number, between 0 and 1: `1e-9`";
            decoder.error(&node.span, bad("a tolerance", text, help));
            None
        }
    }
}

/// `20`, `1..`, `0..5`, `..5`
/// `20`, `1..`, `0..5`.
pub fn count(decoder: &mut Decoder, node: &Node) -> Option<RowsExpected> {
    let text = decoder.text(node)?;
    let number = |text: &str| -> Option<usize> {
        text.bytes().all(|it| it.is_ascii_digit()).then(|| text.parse().ok())?
    };
    let range = match text.split_once("..") {
        None => number(text).map(|it| (it, Some(it))),
        Some(("", most)) => number(most).map(|it| (0, Some(it))),
        Some((least, "")) => number(least).map(|it| (it, None)),
        Some((least, most)) => number(least).zip(number(most)).map(|(min, max)| (min, Some(max))),
    };
    match range {
        Some((0, None)) => {
            let help = "any result has it; `ok` says so";
            decoder.error(&node.span, bad("a number of rows to check", text, help));
            None
        }
        Some((min, max)) if max.is_none_or(|max| min <= max) => {
            Some(RowsExpected::Count { min, max })
        }
        _ => {
            let help = "`20`, `1..` or `0..5`; both ends count";
            decoder.error(&node.span, bad("a number of rows", text, help));
            None
        }
    }
}
