//! Cases that are a load.

use super::{
    case::{self, Defaults},
    decoder::{Decoder, Fields},
    expect,
    node::{Node, Text, Value},
    session,
};
use crate::{
    load::{
        Budget,
        budget::{Latency, Quantity},
        workload::{
            Arrivals, BudgetLine, CONTROL_SHARE, Compare, Length, Order, Parameter, Query, Rate,
            Role, Spacing, TURN, WARM_UP_MAX, WarmUp, Workload,
        },
    },
    suite::{
        Action, Evidence, RowsExpected, Step,
        error::SuiteErrorKind,
        span::Span,
        vars,
        words::{self, bad},
    },
};
use std::time::Duration;

/// The tag that every load has, so that a run can leave them out.
pub const TAG: &str = "load";

const KEYS: [&str; 20] = [
    "role",
    "session",
    "warehouse",
    "clients",
    "think",
    "rate",
    "ramp",
    "steps",
    "search",
    "arrivals",
    "sessions",
    "duration",
    "count",
    "warm-up",
    "give-up-after",
    "mix",
    "control",
    "budgets",
    "compare",
    "allow",
];

/// Ways for requests to come. There is exactly one of them.
const ARRIVALS: [&str; 5] = ["clients", "rate", "ramp", "steps", "search"];

const MIX_KEYS: [&str; 7] = ["name", "weight", "sql", "params", "binds", "rows", "first-cell"];
const CONTROL_KEYS: [&str; 7] = ["name", "share", "sql", "params", "binds", "rows", "first-cell"];

/// Sessions that one load may have. Each is a login, a connection and a task.
const SESSIONS_MAX: u32 = 10_000;

/// Requests a second that may be asked for: more than any one machine sends.
const RATE_MAX: f64 = 1_000_000.0;

/// The load at `load`, as the one step of its case.
pub fn load(decoder: &mut Decoder, node: &Node, defaults: &Defaults<'_>) -> Option<Step> {
    let fields = decoder.fields(node, "a load", &KEYS)?;
    let on = role(decoder, &fields, "role", defaults.session);
    let arrivals = arrivals(decoder, &fields);
    let sessions = sessions(decoder, &fields);
    let length = length(decoder, &fields, arrivals.as_ref());
    let warm_up = match fields.get("warm-up") {
        None => Some(WarmUp::UntilSteady { at_most: WARM_UP_MAX }),
        Some(it) => {
            let text = decoder.text(it)?.trim();
            decoder.keep(&it.span, warm_up(text))
        }
    };
    let give_up_after = fields.get("give-up-after").and_then(|it| case::duration(decoder, it));
    let mut mix = Vec::new();
    match fields.get("mix") {
        None => missing(decoder, &fields, "a load", "mix", "the queries that it executes"),
        Some(it) => {
            let items = decoder.list(it, "a list of queries").unwrap_or_default();
            if matches!(&it.value, Value::List(items) if items.is_empty()) {
                decoder.wrong_type(it, "at least one query", None);
            }
            mix.extend(items.iter().filter_map(|it| query(decoder, it, false)));
        }
    }
    let mut control = Vec::new();
    if let Some(it) = fields.get("control") {
        let items = decoder.list(it, "a list of queries").unwrap_or_default();
        control.extend(items.iter().filter_map(|it| query(decoder, it, true)));
        let share: f64 = control.iter().map(|it: &Query| it.weight).sum();
        if share > 0.5 {
            let help = "controls are there to be compared with: half of all requests at most";
            decoder.error(&it.span, bad("a share of controls", &format!("{share}"), help));
        }
    }
    check_names(decoder, &mix, &control);
    let names: Vec<&str> = mix.iter().chain(&control).map(|it| it.name.as_str()).collect();
    let compare = fields.get("compare").map(|it| compare(decoder, it, on.as_ref()));
    let (compare, of_compare) = match compare {
        None => (None, None),
        Some(it) => {
            let (compare, budgets) = it?;
            (Some(compare), budgets)
        }
    };
    let roles: Vec<&str> =
        on.iter().chain(compare.iter().map(|it| &it.with)).map(|it| it.name.as_str()).collect();
    let mut budgets = Vec::new();
    for (list, compares) in [(fields.get("budgets"), false), (of_compare, true)] {
        let Some(list) = list else { continue };
        for item in decoder.list(list, "a list of budgets").unwrap_or_default() {
            budgets.extend(budget(decoder, item, &names, &roles, compares));
        }
    }
    let workload = Workload {
        on: on?,
        arrivals: arrivals?,
        sessions: sessions?,
        length: length?,
        warm_up: warm_up?,
        mix,
        control,
        give_up_after,
        budgets,
        compare,
    };
    let session = workload.on.session.clone();
    let allow = decoder.words(fields.get("allow"));
    let step = Step::plain(&node.span, &session, Action::Load(Box::new(workload)));
    Some(Step { allow, ..step })
}

fn missing(
    decoder: &mut Decoder,
    fields: &Fields<'_>,
    of: &'static str,
    key: &'static str,
    help: &str,
) {
    let help = Some(help.to_owned());
    decoder.error(fields.span, SuiteErrorKind::MissingKey { of, key, help });
}

fn conflict(decoder: &mut Decoder, fields: &Fields<'_>, key: &str, other: &str, help: &str) {
    if let Some(it) = fields.key(key) {
        let (key, other) = (key.to_owned(), other.to_owned());
        let help = Some(help.to_owned());
        decoder.error(&it.span, SuiteErrorKind::KeysConflict { key, other, help });
    }
}

/// `name` is the key of its name.
fn role(decoder: &mut Decoder, fields: &Fields<'_>, name: &str, session: &str) -> Option<Role> {
    let session = self::session(decoder, fields, session);
    let name = match fields.get(name) {
        None => session.clone(),
        Some(it) => word(decoder, it)?,
    };
    let warehouse = match fields.get("warehouse") {
        None => None,
        Some(it) => Some(decoder.text_full(it)?.trim().to_owned()),
    };
    Some(Role { name, session, warehouse })
}

/// A name of a role or a query: budgets and logs of histograms have it in them.
fn word(decoder: &mut Decoder, node: &Node) -> Option<String> {
    let text = decoder.text_full(node)?.trim();
    let is_word = text.chars().all(|it| it.is_alphanumeric() || "_-.".contains(it));
    if !is_word {
        let help = "letters, digits, `_`, `-` and `.`: `customer_lookup`";
        decoder.error(&node.span, bad("a name in a load", text, help));
    }
    is_word.then(|| text.to_owned())
}

fn arrivals(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<Arrivals> {
    let given = fields.present(&ARRIVALS);
    let Some((key, node)) = given.first().copied() else {
        let help =
            "`clients` for a closed loop, `rate`, `ramp`, `steps` or `search` for an open one";
        missing(decoder, fields, "a load", "clients", help);
        return None;
    };
    if let Some((second, _)) = given.get(1) {
        conflict(decoder, fields, &second.text, &key.text, "a load is closed or open, not both");
        return None;
    }
    if key.text == "clients" {
        conflict(decoder, fields, "arrivals", "clients", "clients wait for their answers");
        conflict(decoder, fields, "sessions", "clients", "each client has a session of its own");
        let think = match fields.get("think") {
            None => Duration::ZERO,
            Some(it) => case::duration(decoder, it)?,
        };
        return Some(Arrivals::Closed { think });
    }
    conflict(decoder, fields, "think", &key.text, "only clients think");
    let spacing = match fields.get("arrivals") {
        None => Some(Spacing::default()),
        Some(it) => match decoder.text(it)?.trim() {
            "poisson" => Some(Spacing::Poisson),
            "constant" => Some(Spacing::Constant),
            text => {
                let kind = words::unknown("kind of arrivals", text, &["poisson", "constant"]);
                decoder.error(&it.span, kind);
                None
            }
        },
    };
    let rate = match key.text.as_str() {
        "rate" => rate(decoder, node, Least::AboveZero).map(Rate::Constant),
        "ramp" => {
            from_to(decoder, node, "a ramp", Least::Zero).map(|(from, to)| Rate::Ramp { from, to })
        }
        "steps" => steps(decoder, node),
        _ => from_to(decoder, node, "a search", Least::AboveZero).and_then(|(from, to)| {
            if to <= from {
                let text = format!("{from}/s to {to}/s");
                decoder.error(&node.span, bad("a search", &text, "it goes up: `to` is greater"));
                return None;
            }
            Some(Rate::Search { from, to })
        }),
    };
    Some(Arrivals::Open { rate: rate?, spacing: spacing? })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Least {
    Zero,
    AboveZero,
}

/// `200/s`, `0.5/s`, `30/m`.
fn rate(decoder: &mut Decoder, node: &Node, least: Least) -> Option<f64> {
    let text = decoder.text(node)?.trim();
    let parsed = text.split_once('/').and_then(|(count, unit)| {
        let seconds = match unit.trim() {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        let rate = count.trim().parse::<f64>().ok()? / seconds;
        let is_enough = rate > 0.0 || (least == Least::Zero && rate == 0.0);
        (is_enough && rate <= RATE_MAX).then_some(rate)
    });
    if parsed.is_none() {
        decoder.error(&node.span, bad("a rate", text, "a number of requests: `200/s`, `30/m`"));
    }
    parsed
}

fn from_to(
    decoder: &mut Decoder,
    node: &Node,
    of: &'static str,
    least: Least,
) -> Option<(f64, f64)> {
    let fields = decoder.fields(node, "a mapping of `from` and `to`", &["from", "to"])?;
    let mut end = |key: &'static str| match fields.get(key) {
        Some(it) => rate(decoder, it, least),
        None => {
            missing(decoder, &fields, of, key, "a rate, such as `10/s`");
            None
        }
    };
    let (from, to) = (end("from"), end("to"));
    Some((from?, to?))
}

fn steps(decoder: &mut Decoder, node: &Node) -> Option<Rate> {
    let items = decoder.list(node, "a list of `{ rate: …, for: … }`")?;
    let mut steps = Vec::new();
    for item in items {
        let what = "a mapping of `rate` and `for`";
        let Some(fields) = decoder.fields(item, what, &["rate", "for"]) else { continue };
        for (key, help) in [("rate", "such as `50/s`"), ("for", "such as `45s`")] {
            if fields.get(key).is_none() {
                missing(decoder, &fields, "a step of a load", key, help);
            }
        }
        let rate = fields.get("rate").and_then(|it| rate(decoder, it, Least::Zero));
        let length = fields.get("for").and_then(|it| case::duration(decoder, it));
        steps.push(rate.zip(length));
    }
    let steps: Vec<(f64, Duration)> = steps.into_iter().collect::<Option<_>>()?;
    if !steps.iter().any(|(rate, length)| *rate > 0.0 && !length.is_zero()) {
        decoder.wrong_type(node, "a step with a rate", None);
        return None;
    }
    Some(Rate::Steps(steps))
}

fn sessions(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<u32> {
    let node = match (fields.get("clients"), fields.get("sessions")) {
        (Some(it), _) | (None, Some(it)) => it,
        (None, None) => {
            if !fields.present(&ARRIVALS).is_empty() {
                let help = "how many connections there are: at least the rate times the longest \
                            latency";
                missing(decoder, fields, "an open loop", "sessions", help);
            }
            return None;
        }
    };
    let count: u32 = decoder.number(node, "a number of sessions")?;
    if !(1..=SESSIONS_MAX).contains(&count) {
        let help = format!("from 1 to {SESSIONS_MAX}");
        decoder.error(&node.span, bad("a number of sessions", &count.to_string(), help));
        return None;
    }
    Some(count)
}

fn length(
    decoder: &mut Decoder,
    fields: &Fields<'_>,
    arrivals: Option<&Arrivals>,
) -> Option<Length> {
    let duration = fields.get("duration");
    let count = fields.get("count");
    if let Some(Arrivals::Open { rate: Rate::Steps(steps), .. }) = arrivals {
        let help = "the steps say how long they are";
        conflict(decoder, fields, "duration", "steps", help);
        conflict(decoder, fields, "count", "steps", help);
        return Some(Length::For(steps.iter().map(|(_, length)| *length).sum()));
    }
    match (duration, count) {
        (Some(_), Some(_)) => {
            conflict(decoder, fields, "count", "duration", "a load is over by one of them");
            None
        }
        (Some(it), None) => {
            let duration = case::duration(decoder, it)?;
            if duration.is_zero() {
                decoder.error(&it.span, bad("a duration of a load", "0s", "such as `30s`"));
                return None;
            }
            Some(Length::For(duration))
        }
        (None, Some(it)) => {
            let count: u64 = decoder.number(it, "a number of requests")?;
            let is_constant = !matches!(
                arrivals,
                Some(Arrivals::Open { rate: Rate::Ramp { .. } | Rate::Search { .. }, .. })
            );
            if !is_constant {
                let help = "how long it takes decides: give a `duration`";
                conflict(decoder, fields, "count", "ramp or search", help);
                return None;
            }
            if count == 0 {
                decoder.error(&it.span, bad("a number of requests", "0", "at least one"));
                return None;
            }
            Some(Length::Requests(count))
        }
        (None, None) => {
            missing(decoder, fields, "a load", "duration", "or `count`, a number of requests");
            None
        }
    }
}

/// `until-steady`, `until-steady 20s`, `10s`, `30 requests`, `none`.
fn warm_up(text: &str) -> Result<WarmUp, SuiteErrorKind> {
    let help = "`until-steady`, `until-steady 20s`, `10s`, `30 requests` or `none`";
    if text == "none" {
        return Ok(WarmUp::None);
    }
    if let Some(rest) = text.strip_prefix("until-steady") {
        return match rest.trim() {
            "" => Ok(WarmUp::UntilSteady { at_most: WARM_UP_MAX }),
            at_most => Ok(WarmUp::UntilSteady { at_most: words::duration(at_most)? }),
        };
    }
    let requests = text.strip_suffix("requests").or_else(|| text.strip_suffix("request"));
    match requests {
        Some(count) => match count.trim().parse() {
            Ok(count) if count > 0 => Ok(WarmUp::Requests(count)),
            _ => Err(bad("a warm-up", text, help)),
        },
        None => words::duration(text).map(WarmUp::For).map_err(|_| bad("a warm-up", text, help)),
    }
}

fn query(decoder: &mut Decoder, node: &Node, control: bool) -> Option<Query> {
    let keys: &[&str] = if control { &CONTROL_KEYS } else { &MIX_KEYS };
    let fields = decoder.fields(node, "a query of a load", keys)?;
    for (key, help) in [("name", "a word, for budgets and reports"), ("sql", "the query")] {
        if fields.get(key).is_none() {
            missing(decoder, &fields, "a query of a load", key, help);
        }
    }
    let name = fields.get("name").and_then(|it| word(decoder, it));
    let sql = fields.get("sql").and_then(|it| case::sql(decoder, it));
    let weight = match (control, fields.get("weight"), fields.get("share")) {
        (false, Some(it), _) => positive(decoder, it, "a weight"),
        (false, None, _) => Some(1.0),
        (true, _, Some(it)) => share(decoder, it),
        (true, _, None) => Some(CONTROL_SHARE),
    };
    let params = match fields.get("params") {
        None => Vec::new(),
        Some(it) => params(decoder, it, sql.as_deref()),
    };
    let rows = fields.get("rows").and_then(|it| match expect::count(decoder, it)? {
        RowsExpected::Count { min, max } => Some((min, max)),
        _ => None,
    });
    let first_cell = fields.get("first-cell").and_then(|it| {
        let text = decoder.text_full(it)?.trim();
        let known: Vec<&str> = params.iter().map(|(name, _)| name.as_str()).collect();
        if !known.contains(&text) {
            decoder.error(&it.span, words::unknown("parameter", text, &known));
            return None;
        }
        Some(text.to_owned())
    });
    let binds = fields.get("binds").is_some_and(|it| decoder.is_true(it));
    Some(Query {
        name: name?,
        weight: weight?,
        sql: sql?,
        params,
        binds,
        rows,
        first_cell,
        span: node.span.clone(),
    })
}

fn positive(decoder: &mut Decoder, node: &Node, what: &'static str) -> Option<f64> {
    let text = decoder.text(node)?.trim();
    let number = text.parse().ok().filter(|it: &f64| it.is_finite() && *it > 0.0);
    if number.is_none() {
        decoder.error(&node.span, bad(what, text, "a number above 0"));
    }
    number
}

/// `2%`
fn share(decoder: &mut Decoder, node: &Node) -> Option<f64> {
    let text = decoder.text(node)?.trim();
    let percent = text.strip_suffix('%').and_then(|it| it.trim().parse::<f64>().ok());
    let share = percent.map(|it| it / 100.0).filter(|it| *it > 0.0 && *it <= 0.5);
    if share.is_none() {
        decoder.error(&node.span, bad("a share", text, "up to a half of all requests: `2%`"));
    }
    share
}

fn params(decoder: &mut Decoder, node: &Node, sql: Option<&str>) -> Vec<(String, Parameter)> {
    let Value::Map(entries) = &node.value else {
        decoder.wrong_type(node, "a mapping of names to where values come from", None);
        return Vec::new();
    };
    let mut params = Vec::new();
    for (key, value) in entries {
        if decoder.keep(&key.span, words::variable(&key.text)).is_none() {
            continue;
        }
        if sql.is_some_and(|it| !vars::variables(it).contains(&key.text.as_str())) {
            let help = format!("write `{{{}}}` where its values belong", key.text);
            decoder.error(&key.span, bad("a parameter of the query", &key.text, help));
        }
        params.extend(parameter(decoder, value).map(|it| (key.text.clone(), it)));
    }
    params
}

fn parameter(decoder: &mut Decoder, node: &Node) -> Option<Parameter> {
    const KINDS: [&str; 5] = ["uniform", "zipf", "from", "file", "list"];
    let keys = ["uniform", "zipf", "exponent", "from", "file", "list"];
    let fields = decoder.fields(node, "where values come from: `{ uniform: [1, 100] }`", &keys)?;
    let given = fields.present(&KINDS);
    let (key, node) = match given.as_slice() {
        [one] => *one,
        [(first, _), (second, _), ..] => {
            conflict(decoder, &fields, &second.text, &first.text, "values come from one place");
            return None;
        }
        [] => {
            let help = "or `zipf`, `from` (a query), `file`, `list`";
            missing(decoder, &fields, "a parameter", "uniform", help);
            return None;
        }
    };
    if key.text != "zipf" {
        conflict(decoder, &fields, "exponent", &key.text, "it is one of `zipf`");
    }
    match key.text.as_str() {
        "uniform" => ends(decoder, node).map(|(first, last)| Parameter::Uniform { first, last }),
        "zipf" => {
            let exponent = match fields.get("exponent") {
                None => Some(1.0),
                Some(it) => positive(decoder, it, "an exponent"),
            };
            let (first, last) = ends(decoder, node)?;
            Some(Parameter::Zipf { first, last, exponent: exponent? })
        }
        "from" => case::sql(decoder, node).map(Parameter::Query),
        "file" => decoder.text_full(node).map(|it| Parameter::File(it.trim().to_owned())),
        _ => {
            let items = decoder.list(node, "a list of values")?;
            if items.is_empty() {
                decoder.wrong_type(node, "at least one value", None);
                return None;
            }
            let values: Vec<Option<String>> =
                items.iter().map(|it| decoder.text(it).map(str::to_owned)).collect();
            values.into_iter().collect::<Option<_>>().map(Parameter::List)
        }
    }
}

/// `[1, 20000]`, of which either may be a `{variable}`.
fn ends(decoder: &mut Decoder, node: &Node) -> Option<(String, String)> {
    let what = "two whole numbers: `[1, 20000]`";
    let [first, last] = decoder.list(node, what)? else {
        decoder.wrong_type(node, what, None);
        return None;
    };
    let mut end = |node: &Node| {
        let text = decoder.text_full(node)?.trim();
        if text.parse::<i64>().is_err() && vars::variables(text).is_empty() {
            let help = "or a variable in quotes: `\"{customers_count}\"`";
            decoder.error(&node.span, bad("a whole number", text, help));
            return None;
        }
        Some(text.to_owned())
    };
    let (first_text, last_text) = (end(first)?, end(last)?);
    if let (Ok(least), Ok(most)) = (first_text.parse::<i64>(), last_text.parse::<i64>())
        && most < least
    {
        let text = format!("[{least}, {most}]");
        decoder.error(&node.span, bad("a range of numbers", &text, "the least, then the most"));
        return None;
    }
    Some((first_text, last_text))
}

fn check_names(decoder: &mut Decoder, mix: &[Query], control: &[Query]) {
    let all: Vec<&Query> = mix.iter().chain(control).collect();
    for (at, it) in all.iter().enumerate() {
        if let Some(first) = all[..at].iter().find(|before| before.name == it.name) {
            let (key, first_line) = (it.name.clone(), first.span.line);
            decoder.error(&it.span, SuiteErrorKind::KeyTwice { key, first_line });
        }
    }
}

/// A comparison, and its budgets.
fn compare<'n>(
    decoder: &mut Decoder,
    node: &'n Node,
    on: Option<&Role>,
) -> Option<(Compare, Option<&'n Node>)> {
    const KEYS: [&str; 6] = ["with", "role", "warehouse", "order", "turn", "budgets"];
    let fields = decoder.fields(node, "a comparison", &KEYS)?;
    let Some(with) = fields.get("with") else {
        missing(decoder, &fields, "a comparison", "with", "the other session: `standard`");
        return None;
    };
    let session = word(decoder, with)?;
    let with = role(decoder, &fields, "role", &session)?;
    if on.is_some_and(|it| it.name == with.name) {
        let help = "both roles have this name; give one of them another by `role`";
        decoder.error(&node.span, bad("another role", &with.name, help));
    }
    let turn = match fields.get("turn") {
        None => TURN,
        Some(it) => case::duration(decoder, it)?,
    };
    let order = match fields.get("order") {
        None => Order::Interleaved { turn },
        Some(it) => match decoder.text(it)?.trim() {
            "interleaved" => Order::Interleaved { turn },
            "apart" => {
                conflict(decoder, &fields, "turn", "apart", "each has one turn then");
                Order::Apart
            }
            text => {
                let kind = words::unknown("order", text, &["interleaved", "apart"]);
                decoder.error(&it.span, kind);
                return None;
            }
        },
    };
    Some((Compare { with, order }, fields.get("budgets")))
}

/// `p95 <= 100ms`, or a mapping that says more of it.
fn budget(
    decoder: &mut Decoder,
    node: &Node,
    queries: &[&str],
    roles: &[&str],
    compares: bool,
) -> Option<BudgetLine> {
    let (mut query, mut role, mut source) = (None, None, None);
    let mut evidence = Evidence::None;
    let that = match &node.value {
        Value::Map(_) => {
            let keys = ["that", "of", "role", "evidence", "source"];
            let fields = decoder.fields(node, "a budget", &keys)?;
            let mut one_of = |key: &str, what: &'static str, known: &[&str]| {
                let it = fields.get(key)?;
                let text = decoder.text_full(it)?.trim();
                if !known.contains(&text) {
                    decoder.error(&it.span, words::unknown(what, text, known));
                }
                Some(text.to_owned())
            };
            query = one_of("of", "query", queries);
            role = one_of("role", "role", roles);
            if compares {
                conflict(decoder, &fields, "role", "compare", "it is about both roles");
            }
            if let Some(it) = fields.get("evidence") {
                let text = decoder.text(it)?;
                evidence = decoder.keep(&it.span, words::evidence(text))?;
            }
            source = fields
                .get("source")
                .and_then(|it| decoder.text_full(it))
                .map(|it| it.trim().to_owned());
            if let (Some(key), None) = (fields.key("source"), fields.key("evidence")) {
                let help = Some("what kind of evidence the source is, such as `seed`".to_owned());
                let kind = SuiteErrorKind::MissingKey { of: "`source`", key: "evidence", help };
                decoder.error(&key.span, kind);
            }
            match fields.get("that") {
                Some(it) => it,
                None => {
                    missing(decoder, &fields, "a budget", "that", "such as `p95 <= 100ms`");
                    return None;
                }
            }
        }
        _ => node,
    };
    let text = decoder.text_full(that)?;
    let budget = match Budget::parse(text) {
        Ok(budget) => budget,
        Err(err) => {
            let help = format!("{}; {}", err.what, err.help);
            decoder.error(&place_in(that, err.column, err.length), bad("a budget", text, help));
            return None;
        }
    };
    let is_comparison =
        matches!(&budget.quantity, Quantity::Latency(Latency { comparison: Some(_), .. }));
    if is_comparison && roles.len() < 2 {
        let help = "there is nothing to compare with: add `compare`";
        decoder.error(&that.span, bad("a budget of this load", text, help));
    }
    let span = that.span.clone();
    Some(BudgetLine { budget, query, role, compares, evidence, source, span })
}

/// A part of a text of one line.
fn place_in(node: &Node, column: usize, length: usize) -> Span {
    let quote = match &node.value {
        Value::Text(Text { is_plain: false, .. }) => 1,
        _ => 0,
    };
    let column = node.span.column + quote + column - 1;
    Span { column, length, ..node.span.clone() }
}

#[cfg(test)]
mod tests {
    use crate::suite::{parse_suite, print::to_yaml, source::Source};

    const LOOKUP: &str = "{ name: a, sql: \"SELECT {k}\", params: { k: { uniform: [1, 9] } } }";

    /// The keys of a load to what is wrong with it; nothing is, if it can be printed and read again.
    #[track_caller]
    fn check(keys: &str, expected: &[&str]) {
        let keys = keys.replace("LOOKUP", LOOKUP);
        let text = format!("cases:\n  - name: c\n    load:\n{}", indented(&keys));
        match parse_suite("t", Source::new("t.yaml", text.clone())) {
            Ok(suite) => {
                assert_eq!(expected, [""; 0], "{text}");
                assert_eq!(suite.cases[0].tags, ["load"]);
                let printed = to_yaml(&suite).unwrap();
                let again = parse_suite("t", Source::new("t.yaml", printed.clone())).unwrap();
                assert_eq!(again.without_places(), suite.without_places(), "{printed}");
            }
            Err(errors) => {
                let errors = errors.errors.iter().map(|it| match it.kind.help() {
                    Some(help) => format!("{it}; {help}"),
                    None => it.to_string(),
                });
                let errors: Vec<String> = errors.map(|it| it.replace("t.yaml:", "")).collect();
                assert_eq!(errors, expected, "{text}");
            }
        }
    }

    fn indented(keys: &str) -> String {
        keys.lines().map(|it| format!("      {it}\n")).collect()
    }

    #[test]
    fn loads_are_read_and_printed() {
        check("clients: 8\ncount: 200\nmix: [LOOKUP]", &[]);
        check("clients: 8\nthink: 100ms\nduration: 30s\nwarm-up: none\nmix: [LOOKUP]", &[]);
        check("rate: 30/m\nsessions: 4\ncount: 9\nwarm-up: 3 requests\nmix: [LOOKUP]", &[]);
        check(
            "ramp: { from: 0/s, to: 200/s }\narrivals: constant\nsessions: 4\nduration: 9s\n\
             warm-up: 2s\ngive-up-after: 20s\nmix: [LOOKUP]",
            &[],
        );
        check(
            "session: interactive\nrole: small\nwarehouse: \"{run}_SMALL\"\n\
             steps:\n  - { rate: 50/s, for: 45s }\n  - { rate: 100/s, for: 5s }\nsessions: 4\n\
             warm-up: until-steady 20s\n\
             mix:\n  - LOOKUP\n  - name: b\n    weight: 2.5\n    binds: true\n    rows: 1..3\n    \
             first-cell: x\n    sql: |\n      SELECT {x}\n      FROM {t}\n    params:\n      \
             x: { zipf: [1, \"{customers_count}\"], exponent: 1.5 }\n\
             control: [{ name: one, share: 7%, sql: SELECT 1, rows: 1 }]\n\
             budgets:\n  - p95 <= 100ms\n  - { of: b, role: small, that: p99 <= 2s, \
             evidence: seed, source: the table }\n\
             compare: { with: standard, turn: 2s, budgets: [p95 ratio >= 3] }",
            &[],
        );
        check(
            "search: { from: 10/s, to: 2000/s }\nsessions: 4\nduration: 9s\n\
             mix:\n  - name: a\n    sql: SELECT {a}, {b}, {c}\n    params:\n      \
             a: { from: \"SELECT K FROM T\" }\n      b: { file: values.txt }\n      \
             c: { list: [x, \"y, z\"] }\n\
             compare: { with: interactive, order: apart, warehouse: W }",
            &[],
        );
    }

    #[test]
    fn what_is_wrong_is_told_at_once() {
        check(
            "client: 8\nrate: 5\nduratoin: 1s\nmix: []",
            &[
                "4:7: unknown key `client`; did you mean `clients`?",
                "4:7: an open loop needs `sessions`; how many connections there are: at least the \
                 rate times the longest latency",
                "4:7: a load needs `duration`; or `count`, a number of requests",
                "5:13: `5` is not a rate; a number of requests: `200/s`, `30/m`",
                "6:7: unknown key `duratoin`; did you mean `duration`?",
                "7:12: expected at least one query, found a list",
            ],
        );
    }

    #[test]
    fn what_does_not_go_together_is_told() {
        check(
            "clients: 8\nrate: 5/s\narrivals: constant\nduration: 1s\ncount: 3\nmix: [LOOKUP]",
            &[
                "5:7: `rate` does not go with `clients`; a load is closed or open, not both",
                "8:7: `count` does not go with `duration`; a load is over by one of them",
            ],
        );
        check(
            "clients: 8\nsessions: 9\ncount: 3\nmix: [LOOKUP, LOOKUP]",
            &[
                "5:7: `sessions` does not go with `clients`; each client has a session of its own",
                "7:81: `a` is given twice, first in line 7; remove one of the two",
            ],
        );
        check(
            "clients: 8\ncount: 3\nmix:\n  - { name: a b, sql: SELECT 1, first-cell: k, params: { k: { \
             uniform: [9, 1] } } }",
            &[
                "7:19: `a b` is not a name in a load; letters, digits, `_`, `-` and `.`: \
                 `customer_lookup`",
                "7:51: unknown parameter `k`",
                "7:64: `k` is not a parameter of the query; write `{k}` where its values belong",
                "7:78: `[9, 1]` is not a range of numbers; the least, then the most",
            ],
        );
        check(
            "clients: 8\ncount: 3\nmix: [LOOKUP]\nbudgets: [fast, { of: b, that: p95 <= 1s, source: x }]\n\
             compare: { with: standard }",
            &[
                "7:17: `fast` is not a budget; unknown quantity `fast`; did you mean `rest`?",
                "7:29: unknown query `b`; there are `a`",
                "7:49: `source` needs `evidence`; what kind of evidence the source is, such as \
                 `seed`",
                "8:16: `standard` is not another role; both roles have this name; give one of \
                 them another by `role`",
            ],
        );
        check(
            "clients: 8\ncount: 3\nmix: [LOOKUP]\nbudgets: [\"p95 < = 3ms\", p95 ratio >= 3]",
            &[
                "7:24: `p95 < = 3ms` is not a budget; `=` is no limit; write a duration, such as \
                 `100ms`",
                "7:32: `p95 ratio >= 3` is not a budget of this load; there is nothing to compare \
                 with: add `compare`",
            ],
        );
    }
}
