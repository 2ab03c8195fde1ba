//! Refreshed tables, and steps that look at them.

use super::{
    case::{self, Defaults},
    decoder::{Decoder, Fields},
    expect,
    node::{Node, Value},
    session,
};
use crate::suite::{
    Action, Evidence, RowsExpected, Step,
    error::SuiteErrorKind,
    refresh::{
        AT, Budget, ExpectedRefreshes, ExpectedSchedule, LagSampling, Look, LookOf, Range,
        RefreshPattern, Refreshed, RefreshedKind, SENTINEL, Statistic, Wait,
    },
    vars,
    words::{self, STANDARD, bad},
};
use std::time::Duration;

/// Keys that make a step one that looks at refreshed tables.
const LOOKS: [&str; 4] = ["fresh", "equals-definition", "refreshes", "lag"];

/// Keys that all of them have.
const COMMON: [&str; 5] = ["within", "session", "evidence", "source", "allow"];

/// What the columns of a refresh history can hold.
const STATES: [&str; 5] = ["SUCCEEDED", "FAILED", "CANCELLED", "UPSTREAM_FAILED", "SKIPPED"];
const ACTIONS: [&str; 4] = ["NO_DATA", "INCREMENTAL", "FULL", "REINITIALIZE"];
const TRIGGERS: [&str; 3] = ["SCHEDULED", "MANUAL", "CREATION"];

const SAMPLES_DEFAULT: u32 = 20;
const PAUSE_DEFAULT: Duration = Duration::from_secs(2);

/// The tables at `refreshed`, in the order of the file.
pub fn refreshed(decoder: &mut Decoder, node: &Node) -> Vec<Refreshed> {
    let Value::Map(entries) = &node.value else {
        decoder.wrong_type(node, "a mapping of names to tables", None);
        return Vec::new();
    };
    let mut tables: Vec<Refreshed> = Vec::new();
    for (key, value) in entries {
        if decoder.keep(&key.span, words::variable(&key.text)).is_none() {
            continue;
        }
        if [AT, SENTINEL].contains(&key.text.as_str()) {
            let help = "`{at}` and `{sentinel}` mean something else";
            decoder.error(&key.span, bad("a name for a table", &key.text, help));
            continue;
        }
        tables.extend(table(decoder, &key.text, value, &tables));
    }
    tables
}

fn table(
    decoder: &mut Decoder,
    name: &str,
    node: &Node,
    before: &[Refreshed],
) -> Option<Refreshed> {
    let what = "a mapping of `create`, `as` and `session`";
    let fields = decoder.fields(node, what, &["create", "as", "session"])?;
    let session = session(decoder, &fields, STANDARD);
    let required = [
        ("create", "the statement up to `AS`: `CREATE DYNAMIC TABLE {daily} TARGET_LAG = …`"),
        ("as", "the query, with `{at}` behind each base table"),
    ];
    decoder.require(&fields, "a refreshed table", &required);
    let create = fields.get("create").and_then(|it| created(decoder, name, it));
    let query = fields.get("as").and_then(|it| query(decoder, it, before));
    let (kind, create) = create?;
    Some(Refreshed {
        name: name.to_owned(),
        kind,
        create,
        query: query?,
        session,
        span: node.span.clone(),
    })
}

fn created(decoder: &mut Decoder, name: &str, node: &Node) -> Option<(RefreshedKind, String)> {
    let sql = case::sql(decoder, node)?;
    let mut wrong = |help: &str| {
        decoder.error(&node.span, bad("the creation of a refreshed table", &sql, help));
    };
    let Some(kind) = RefreshedKind::created_by(&sql) else {
        wrong("it begins with `CREATE … DYNAMIC TABLE` or `CREATE … INTERACTIVE TABLE`");
        return None;
    };
    if !vars::variables(&sql).contains(&name) {
        wrong(&format!("the table is called `{{{name}}}` in it"));
        return None;
    }
    if sql.split_whitespace().next_back().is_some_and(|it| it.eq_ignore_ascii_case("as")) {
        wrong("leave out its final AS; the query is at `as`");
        return None;
    }
    Some((kind, sql))
}

fn query(decoder: &mut Decoder, node: &Node, before: &[Refreshed]) -> Option<String> {
    let sql = case::sql(decoder, node)?;
    let reads = vars::variables(&sql);
    let is_at_an_instant =
        reads.iter().any(|it| *it == AT || before.iter().any(|table| table.name == *it));
    if !is_at_an_instant {
        let help = "write `{at}` behind each base table: `FROM T_BASE{at} JOIN …`";
        decoder.error(&node.span, bad("a query of what was once", &sql, help));
        return None;
    }
    Some(sql)
}

pub fn is_look(node: &Node) -> bool {
    LOOKS.iter().any(|it| node.get(it).is_some())
}

/// A step that looks at refreshed tables.
pub fn look(decoder: &mut Decoder, node: &Node, defaults: &Defaults<'_>) -> Option<Step> {
    let kind = LOOKS.into_iter().find(|it| node.get(it).is_some())?;
    let own: &[&str] = match kind {
        "refreshes" => &["count", "every", "some", "none", "last", "schedule"],
        "lag" => &["insert", "visible", "samples", "pause", "budget"],
        _ => &[],
    };
    let known: Vec<&str> = [kind].into_iter().chain(own.iter().copied()).chain(COMMON).collect();
    let fields = decoder.fields(node, "a step", &known)?;
    let place = fields.get(kind)?;
    let of = match kind {
        "fresh" => table_name(decoder, place, defaults).map(|table| LookOf::Fresh { table }),
        "equals-definition" => {
            table_names(decoder, place, defaults).map(|tables| LookOf::EqualsDefinition { tables })
        }
        "refreshes" => {
            let table = table_name(decoder, place, defaults);
            let expected = refreshes(decoder, &fields, defaults);
            let expected = expected.map(Box::new);
            table.zip(expected).map(|(table, expected)| LookOf::Refreshes { table, expected })
        }
        _ => lag(decoder, &fields, place, defaults).map(LookOf::Lag),
    };
    let within = match fields.get("within") {
        Some(it) => Some(wait(decoder, it)?),
        None => None,
    };
    let evidence = fields.get("evidence").and_then(|it| {
        let text = decoder.text(it)?;
        decoder.keep(&it.span, words::evidence(text))
    });
    let source =
        fields.get("source").and_then(|it| decoder.text_full(it)).map(|it| it.trim().to_owned());
    if let (Some(key), None) = (fields.key("source"), fields.key("evidence")) {
        let help = Some("what kind of evidence the source is, such as `documented`".to_owned());
        let kind = SuiteErrorKind::MissingKey { of: "`source`", key: "evidence", help };
        decoder.error(&key.span, kind);
    }
    let session = session(decoder, &fields, defaults.session);
    let allow = decoder.words(fields.get("allow"));
    let evidence = evidence.unwrap_or(Evidence::None);
    let look = Look { of: of?, within, evidence, source };
    let step = Step::plain(&place.span, &session, Action::Look(Box::new(look)));
    Some(Step { allow, ..step })
}

fn table_name(decoder: &mut Decoder, node: &Node, defaults: &Defaults<'_>) -> Option<String> {
    let text = decoder.text_full(node)?;
    if defaults.refreshed.iter().any(|it| it == text) {
        return Some(text.to_owned());
    }
    let known: Vec<&str> = defaults.refreshed.iter().map(String::as_str).collect();
    decoder.error(&node.span, words::unknown("refreshed table", text, &known));
    None
}

fn table_names(decoder: &mut Decoder, node: &Node, defaults: &Defaults<'_>) -> Option<Vec<String>> {
    match &node.value {
        Value::List(items) if items.is_empty() => {
            decoder.wrong_type(node, "at least one table", None);
            None
        }
        Value::List(items) => items.iter().map(|it| table_name(decoder, it, defaults)).collect(),
        _ => table_name(decoder, node, defaults).map(|it| vec![it]),
    }
}

/// `90s`, `2 lags`.
fn wait(decoder: &mut Decoder, node: &Node) -> Option<Wait> {
    let text = decoder.text(node)?.trim();
    decoder.keep(&node.span, parse_wait(text))
}

fn parse_wait(text: &str) -> Result<Wait, SuiteErrorKind> {
    let lags = text.strip_suffix("lags").or_else(|| text.strip_suffix("lag"));
    let Some(lags) = lags else { return words::duration(text).map(Wait::Time) };
    match lags.trim().parse::<f64>() {
        Ok(it) if it.is_finite() && (0.0..=1_000.0).contains(&it) => Ok(Wait::Lags(it)),
        _ => Err(bad("a number of lags", text, "such as `2 lags` or `1.5 lags`")),
    }
}

fn refreshes(
    decoder: &mut Decoder,
    fields: &Fields<'_>,
    defaults: &Defaults<'_>,
) -> Option<ExpectedRefreshes> {
    const KINDS: [&str; 6] = ["count", "every", "some", "none", "last", "schedule"];
    if fields.present(&KINDS).is_empty() {
        let help = Some(format!("or one of {}", words::listed(&KINDS)));
        let kind = SuiteErrorKind::MissingKey { of: "`refreshes`", key: "every", help };
        decoder.error(fields.span, kind);
        return None;
    }
    let some = match fields.get("some") {
        None => Vec::new(),
        Some(node) => match &node.value {
            Value::List(items) => items.iter().filter_map(|it| pattern(decoder, it)).collect(),
            _ => pattern(decoder, node).into_iter().collect(),
        },
    };
    let mut one = |key: &str| fields.get(key).and_then(|it| pattern(decoder, it));
    let (every, none, last) = (one("every"), one("none"), one("last"));
    let count = fields.get("count").and_then(|it| range(decoder, it));
    let schedule = fields.get("schedule").and_then(|it| schedule(decoder, it, defaults));
    Some(ExpectedRefreshes { count, every, some, none, last, schedule })
}

fn pattern(decoder: &mut Decoder, node: &Node) -> Option<RefreshPattern> {
    const KEYS: [&str; 8] =
        ["state", "action", "trigger", "code", "message", "reason", "inserted", "deleted"];
    let fields = decoder.fields(node, "what a refresh is", &KEYS)?;
    if fields.present(&KEYS).is_empty() {
        decoder.wrong_type(node, "something about a refresh", None);
        return None;
    }
    let mut words_of = |key: &str, what: &'static str, known: &[&str]| -> Vec<String> {
        let found = decoder.words(fields.get(key));
        for it in &found {
            if !known.contains(&it.value.as_str()) {
                decoder.error(&it.span, words::unknown(what, &it.value, known));
            }
        }
        super::values(found)
    };
    let state = words_of("state", "state", &STATES);
    let action = words_of("action", "action", &ACTIONS);
    let trigger = words_of("trigger", "trigger", &TRIGGERS);
    let mut text = |key: &str| {
        fields.get(key).and_then(|it| decoder.text_full(it)).map(|it| it.trim().to_owned())
    };
    let (code, message, reason) = (text("code"), text("message"), text("reason"));
    let mut rows = |key: &str| fields.get(key).and_then(|it| range(decoder, it));
    let (inserted, deleted) = (rows("inserted"), rows("deleted"));
    Some(RefreshPattern { state, action, trigger, code, message, reason, inserted, deleted })
}

fn range(decoder: &mut Decoder, node: &Node) -> Option<Range> {
    match expect::count(decoder, node)? {
        RowsExpected::Count { min, max } => {
            let number = |it: usize| u64::try_from(it).unwrap_or(u64::MAX);
            Some((number(min), max.map(number)))
        }
        _ => None,
    }
}

fn schedule(
    decoder: &mut Decoder,
    node: &Node,
    defaults: &Defaults<'_>,
) -> Option<ExpectedSchedule> {
    const KEYS: [&str; 4] = ["period", "phase-of", "ticks-of", "sound"];
    let fields = decoder.fields(node, "a mapping", &KEYS)?;
    if fields.present(&KEYS).is_empty() {
        decoder.wrong_type(node, "something about the schedule", None);
        return None;
    }
    let period = fields.get("period").and_then(|it| case::duration(decoder, it));
    let mut other = |key: &str| fields.get(key).and_then(|it| table_name(decoder, it, defaults));
    let (phase_of, ticks_of) = (other("phase-of"), other("ticks-of"));
    let sound = fields.get("sound").is_some_and(|it| decoder.is_true(it));
    Some(ExpectedSchedule { period, phase_of, ticks_of, sound })
}

fn lag(
    decoder: &mut Decoder,
    fields: &Fields<'_>,
    place: &Node,
    defaults: &Defaults<'_>,
) -> Option<LagSampling> {
    let table = table_name(decoder, place, defaults);
    let required = [
        ("insert", "a statement that inserts `{sentinel}`"),
        ("visible", "a query of the greatest sentinel that is there"),
        ("within", "when to give up on a row: `4 lags`"),
    ];
    decoder.require(fields, "`lag`", &required);
    let insert = fields.get("insert").and_then(|it| {
        let sql = case::sql(decoder, it)?;
        if !vars::variables(&sql).contains(&SENTINEL) {
            let help = "`{sentinel}` is another number for each row: 1, 2, 3";
            decoder.error(&it.span, bad("a statement that inserts a sentinel", &sql, help));
        }
        Some(sql)
    });
    let visible = fields.get("visible").and_then(|it| case::sql(decoder, it));
    let samples = match fields.get("samples") {
        None => Some(SAMPLES_DEFAULT),
        Some(it) => decoder.number(it, "a number of samples"),
    };
    if let (Some(0), Some(node)) = (samples, fields.get("samples")) {
        decoder.error(&node.span, bad("a number of samples", "0", "at least one"));
    }
    let pause = match fields.get("pause") {
        None => Some(PAUSE_DEFAULT),
        Some(it) => case::duration(decoder, it),
    };
    let budget = fields.get("budget").map(|it| budget(decoder, it));
    Some(LagSampling {
        table: table?,
        insert: insert?,
        visible: visible?,
        samples: samples?,
        pause: pause?,
        budget: match budget {
            None => None,
            Some(it) => Some(it?),
        },
    })
}

/// `p95 <= 2 lags`, `max <= 90s`.
fn budget(decoder: &mut Decoder, node: &Node) -> Option<Budget> {
    let text = decoder.text_full(node)?;
    let help = "such as `p95 <= 2 lags` or `max <= 90s`";
    let parts = text.split_once("<=").and_then(|(of, most)| {
        let of = match of.trim() {
            "max" => Statistic::Max,
            it => {
                let percentile = it.strip_prefix('p')?.parse().ok();
                Statistic::Percentile(percentile.filter(|it| (1..=99).contains(it))?)
            }
        };
        Some((of, most.trim()))
    });
    let Some((of, most)) = parts else {
        decoder.error(&node.span, bad("a budget", text, help));
        return None;
    };
    let most = decoder.keep(&node.span, parse_wait(most))?;
    Some(Budget { of, most })
}
