//! The file of a matrix: which connections, which suites, and what an account may bear.
//!
//! It is read as suites are, so that a mistake is shown over its line, and all mistakes at once.

use crate::{
    catalogue::region::{Cloud, Region},
    run::TagExpr,
    suite::{
        Release, SuiteErrors,
        error::SuiteErrorKind,
        source::Source,
        span::{Span, Spanned},
        words::{self, bad},
        yaml::{
            decoder::{Decoder, Fields},
            node::{Node, Value},
            table::{amount, read_source, required},
        },
    },
};
use std::{collections::HashMap, path::Path, sync::Arc};

const MATRIX_KEYS: [&str; 8] =
    ["doc", "suites", "filter", "tag", "scale", "limits", "accounts", "regions"];
const REGION_KEYS: [&str; 9] =
    ["connection", "label", "account", "cloud", "region", "release", "suites", "filter", "tag"];
const LIMIT_KEYS: [&str; 3] = ["runs", "jobs", "max-credits"];

/// What is to be run where.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// As it was given, for messages and reports.
    pub source: Arc<Source>,
    pub doc: String,
    /// Orders in the data set `orders`.
    pub scale: Option<u64>,
    /// Of every account without limits of its own.
    pub limits: Limits,
    pub accounts: Vec<(String, Limits)>,
    /// Never empty. Their labels are unique.
    pub regions: Vec<Entry>,
}

/// One connection, and what is run on it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub connection: Spanned<String>,
    /// What its column is called; the connection's name where there is none.
    pub label: String,
    /// Connections with one name here share their limits. Without it, those of one server do.
    pub account: Option<String>,
    /// Where it is believed to be. What the account says counts, and a difference is told.
    pub region: Option<Region>,
    pub release: Option<Release>,
    pub select: Select,
}

/// Which cases. Paths are as on the command line: from where the program was started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Select {
    pub suites: Vec<Spanned<String>>,
    pub filter: Option<String>,
    pub tag: Option<TagExpr>,
}

/// What one account may bear, whichever connections lead to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// At the same time.
    pub runs: usize,
    /// Suites beside each other, in all of its runs together.
    pub jobs: usize,
    /// Of all of its runs together.
    pub credits_max: Option<f64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { runs: 1, jobs: 4, credits_max: None }
    }
}

impl Matrix {
    /// # Errors
    ///
    /// All that is wrong with the file, each thing with its place.
    pub fn read(path: &Path) -> Result<Self, SuiteErrors> {
        let source = match Source::read(path) {
            Ok(source) => Arc::new(source),
            Err((source, errors)) => {
                return Err(SuiteErrors::new(errors, source.map(Arc::new).into_iter().collect()));
            }
        };
        read_source(&source, |decoder, node| decode(decoder, &source, node))
    }

    /// The limits of an account that goes by this name, or has none.
    pub fn limits_of(&self, account: Option<&str>) -> Limits {
        let own = account.and_then(|name| self.accounts.iter().find(|(it, _)| it == name));
        own.map_or(self.limits, |(_, limits)| *limits)
    }

    /// Errors that were found when the file was put to use.
    pub fn errors(&self, errors: Vec<(Span, SuiteErrorKind)>) -> SuiteErrors {
        let errors = errors.into_iter().map(|(span, kind)| kind.at(span)).collect();
        SuiteErrors::new(errors, vec![Arc::clone(&self.source)])
    }
}

fn decode(decoder: &mut Decoder, source: &Arc<Source>, node: &Node) -> Option<Matrix> {
    let file = decoder.fields(node, "a mapping with `regions`", &MATRIX_KEYS)?;
    let doc = file.get("doc").and_then(|it| decoder.text(it).map(|it| it.trim().to_owned()));
    let select = select(decoder, &file, &Select::default());
    let scale = file.get("scale").and_then(|it| from_one(decoder, it, "a number of orders"));
    let limits = match file.get("limits") {
        Some(node) => limits(decoder, node, Limits::default()).unwrap_or_default(),
        None => Limits::default(),
    };
    let accounts = match file.get("accounts") {
        Some(node) => accounts(decoder, node, limits),
        None => Vec::new(),
    };
    let list = required(decoder, &file, "a matrix", "regions");
    let mut regions: Vec<Entry> = Vec::new();
    let mut labels: HashMap<String, usize> = HashMap::new();
    for node in list.and_then(|it| decoder.list(it, "a list of regions")).unwrap_or_default() {
        let Some(entry) = entry(decoder, node, &select) else { continue };
        if let Some(first_line) = labels.insert(entry.label.clone(), node.span.line) {
            let kind = SuiteErrorKind::KeyTwice { key: entry.label.clone(), first_line };
            decoder.error(&node.span, kind);
        }
        regions.push(entry);
    }
    if let Some(list) = list
        && matches!(&list.value, Value::List(items) if items.is_empty())
    {
        let help = Some("each has a `connection` of `connections.toml`".to_owned());
        let kind = SuiteErrorKind::MissingKey { of: "a matrix", key: "regions", help };
        decoder.error(&list.span, kind);
    }
    // An account that nothing leads to was mistyped, and its limits would hold nowhere.
    let used: Vec<&str> = regions.iter().filter_map(|it| it.account.as_deref()).collect();
    for (name, _) in &accounts {
        if !used.contains(&name.value.as_str()) {
            decoder.error(&name.span, words::unknown("account", &name.value, &used));
        }
    }
    Some(Matrix {
        source: Arc::clone(source),
        doc: doc.unwrap_or_default(),
        scale,
        limits,
        accounts: accounts.into_iter().map(|(name, it)| (name.value, it)).collect(),
        regions,
    })
}

fn entry(decoder: &mut Decoder, node: &Node, defaults: &Select) -> Option<Entry> {
    // A plain name is a connection of which nothing else is to be said.
    if let Value::Text(_) = &node.value {
        let name = decoder.text_full(node)?.to_owned();
        return Some(Entry {
            connection: Spanned { value: name.clone(), span: node.span.clone() },
            label: name,
            account: None,
            region: None,
            release: None,
            select: defaults.clone(),
        });
    }
    let fields = decoder.fields(node, "a region", &REGION_KEYS)?;
    let connection = required(decoder, &fields, "a region", "connection").and_then(|it| {
        let value = decoder.text_full(it)?.to_owned();
        Some(Spanned { value, span: it.span.clone() })
    });
    let mut text = |key| fields.get(key).and_then(|it| decoder.text_full(it).map(str::to_owned));
    let (label, account) = (text("label"), text("account"));
    let region = region(decoder, &fields);
    let release = fields.get("release").and_then(|it| {
        let text = decoder.text(it)?;
        decoder.keep(&it.span, words::release(text))
    });
    let select = select(decoder, &fields, defaults);
    let connection = connection?;
    let label = label.unwrap_or_else(|| connection.value.clone());
    Some(Entry { connection, label, account, region, release, select })
}

/// `cloud: aws` and `region: us-east-1`, or neither.
fn region(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<Region> {
    let (cloud, place) = match (fields.get("cloud"), fields.get("region")) {
        (None, None) => return None,
        (Some(cloud), Some(place)) => (cloud, place),
        (Some(_), None) | (None, Some(_)) => {
            let help = "both or neither: `cloud: aws`, `region: us-east-1`";
            decoder.require(fields, "a place", &[("cloud", help), ("region", help)]);
            return None;
        }
    };
    let known = Cloud::ALL.map(Cloud::key);
    let found = decoder.text(cloud).and_then(|text| {
        let found = Cloud::ALL.into_iter().find(|it| it.key() == text);
        decoder.keep(&cloud.span, found.ok_or_else(|| words::unknown("cloud", text, &known)))
    });
    let text = decoder.text_full(place)?;
    let help = "as the documents write it: `us-east-1`";
    let region =
        found.map(|cloud| Region::of(cloud, text).ok_or_else(|| bad("a region", text, help)));
    decoder.keep(&place.span, region?)
}

/// Which cases; what is not said is as in the whole file.
fn select(decoder: &mut Decoder, fields: &Fields<'_>, defaults: &Select) -> Select {
    let mut select = defaults.clone();
    if let Some(node) = fields.get("suites") {
        select.suites = decoder.words(Some(node));
    }
    if let Some(node) = fields.get("filter") {
        select.filter = decoder.text_full(node).map(str::to_owned);
    }
    if let Some(node) = fields.get("tag")
        && let Some(text) = decoder.text_full(node)
    {
        let tag =
            TagExpr::parse(text).map_err(|err| bad("a tag expression", text, err.to_string()));
        select.tag = decoder.keep(&node.span, tag);
    }
    select
}

fn accounts(
    decoder: &mut Decoder,
    node: &Node,
    defaults: Limits,
) -> Vec<(Spanned<String>, Limits)> {
    let Value::Map(entries) = &node.value else {
        decoder.wrong_type(node, "a mapping of accounts to their limits", None);
        return Vec::new();
    };
    let mut accounts = Vec::new();
    for (key, value) in entries {
        if let Some(limits) = limits(decoder, value, defaults) {
            accounts.push((Spanned { value: key.text.clone(), span: key.span.clone() }, limits));
        }
    }
    accounts
}

fn limits(decoder: &mut Decoder, node: &Node, defaults: Limits) -> Option<Limits> {
    let fields = decoder.fields(node, "the limits of an account", &LIMIT_KEYS)?;
    let mut number = |key, wanted| fields.get(key).and_then(|it| from_one(decoder, it, wanted));
    let runs = number("runs", "a number of runs");
    let jobs = number("jobs", "a number of suites");
    let credits_max = fields.get("max-credits").and_then(|it| amount(decoder, it));
    Some(Limits {
        runs: runs.unwrap_or(defaults.runs),
        jobs: jobs.unwrap_or(defaults.jobs),
        credits_max: credits_max.or(defaults.credits_max),
    })
}

fn from_one<T>(decoder: &mut Decoder, node: &Node, wanted: &'static str) -> Option<T>
where
    T: std::str::FromStr + PartialOrd + From<u8>,
{
    let number: T = decoder.number(node, wanted)?;
    if number < T::from(1) {
        let text = decoder.text(node).unwrap_or_default().to_owned();
        decoder.error(&node.span, bad(wanted, &text, "a number from 1"));
        return None;
    }
    Some(number)
}
