//! `gate.yaml`: changes that somebody accepted, read with all mistakes and their places.
//!
//! ```yaml
//! accepted:
//!   - series: "latency::lookups::*/p95@*"
//!     factor: 1.12
//!     from: 2026-11-21
//!     until: 2027-01-31
//!     reason: the larger result set of the new portal
//!     who: ada
//! ```

use crate::{
    gate::{Change, Shift},
    suite::{
        error::SuiteError,
        source::Source,
        words::bad,
        yaml::{
            decoder::Decoder,
            node::{self, Node, Value},
        },
    },
};
use chrono::NaiveDate;

/// Its name where no other file is named.
pub const GATE_FILE: &str = "gate.yaml";

const KEYS: [&str; 8] = ["series", "factor", "level", "category", "from", "until", "reason", "who"];

/// What a change is of.
const SHIFTS: [&str; 3] = ["factor", "level", "category"];

/// The changes in a file, or all that is wrong with it. A file with nothing in it has none.
pub fn parse(source: &Source) -> Result<Vec<Change>, Vec<SuiteError>> {
    let (node, errors) = node::parse(source);
    let mut decoder = Decoder { errors };
    let changes = match &node {
        Some(node) if !matches!(node.value, Value::Null) => all(&mut decoder, node),
        _ => Vec::new(),
    };
    match decoder.errors.is_empty() {
        true => Ok(changes),
        false => Err(decoder.errors),
    }
}

fn all(decoder: &mut Decoder, node: &Node) -> Vec<Change> {
    let Some(fields) = decoder.fields(node, "a file of the gate", &["accepted"]) else {
        return Vec::new();
    };
    let Some(node) = fields.get("accepted").filter(|it| !matches!(it.value, Value::Null)) else {
        return Vec::new();
    };
    let items = decoder.list(node, "a list of accepted changes").unwrap_or_default();
    items.iter().filter_map(|it| change(decoder, it)).collect()
}

fn change(decoder: &mut Decoder, node: &Node) -> Option<Change> {
    let fields = decoder.fields(node, "an accepted change", &KEYS)?;
    let required = [
        ("series", "its name, where `*` stands for any text"),
        ("from", "the first night at the new level"),
        ("reason", "why it is accepted"),
        ("who", "who accepted it"),
    ];
    decoder.require(&fields, "an accepted change", &required);
    let mut text =
        |key: &str| fields.get(key).and_then(|it| decoder.text_full(it)).map(str::to_owned);
    let (series, reason, who) = (text("series"), text("reason"), text("who"));
    let mut date = |key: &str| -> Option<NaiveDate> {
        let node = fields.get(key)?;
        let text = decoder.text(node)?;
        let date = text.parse();
        let date = date.map_err(|_| bad("a date", text, "year, month and day: `2026-11-21`"));
        decoder.keep(&node.span, date)
    };
    let (from, until) = (date("from"), date("until"));
    if let (Some(from), Some(until), Some(node)) = (from, until, fields.get("until"))
        && until < from
    {
        let help = format!("it holds from {from} on");
        decoder.error(&node.span, bad("a last night", &until.to_string(), help));
    }
    let instead = ("factor", "a change is one of them");
    let (key, node) = decoder.one_of(&fields, "an accepted change", &SHIFTS, instead)?;
    let text = decoder.text_full(node)?;
    let mut number = |is_valid: fn(f64) -> bool, wanted: &'static str| {
        let number = text.parse().ok().filter(|it: &f64| it.is_finite() && is_valid(*it));
        let number = number.ok_or_else(|| bad(wanted, text, "a number: `1.12`"));
        decoder.keep(&node.span, number)
    };
    let shift = match key.text.as_str() {
        "factor" => Shift::Factor(number(|it| it > 0.0, "so many times as much")?),
        "level" => Shift::Level(number(|it| it >= 0.0, "a level")?),
        _ => Shift::Category(text.to_owned()),
    };
    Some(Change { series: series?, shift, reason: reason?, who: who?, from: from?, until })
}

/// The file with one more change at its end; all else stays as it is. `None` where nothing can be
/// added to the end, because the list is not the last thing in it, or not in lines.
pub fn with(source: &Source, change: &Change) -> Option<String> {
    let text = appended(&source.text, change);
    let before = parse(source).ok()?.len();
    let after = parse(&Source::new(&*source.path, text.clone())).ok()?;
    (after.len() == before + 1 && after.last() == Some(change)).then_some(text)
}

fn appended(text: &str, change: &Change) -> String {
    let mut out = text.to_owned();
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    let has_list = text.lines().any(|it| it.starts_with("accepted:"));
    if !has_list {
        out += "# Changes that the gate is not to call red: `snowgauge gate accept` adds them.\n";
        out += "accepted:\n";
    }
    let Change { series, shift, reason, who, from, until } = change;
    out += &format!("  - series: {}\n", quoted(series));
    out += &match shift {
        Shift::Factor(factor) => format!("    factor: {factor}\n"),
        Shift::Level(level) => format!("    level: {level}\n"),
        Shift::Category(name) => format!("    category: {}\n", quoted(name)),
    };
    out += &format!("    from: {from}\n");
    if let Some(until) = until {
        out += &format!("    until: {until}\n");
    }
    out + &format!("    reason: {}\n    who: {}\n", quoted(reason), quoted(who))
}

/// What JSON escapes, YAML takes, too.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = match parse(&Source::new("gate.yaml", text.to_owned())) {
            Ok(changes) => changes.iter().map(|it| format!("{it:?}\n")).collect::<String>(),
            Err(errors) => errors.iter().map(|it| format!("{it}\n")).collect(),
        };
        assert_eq!(found.trim_end(), expected, "\n{text}");
    }

    #[test]
    fn every_mistake_has_its_place() {
        check("", "");
        check("accepted:\n", "");
        check("allowed: []", "gate.yaml:1:1: unknown key `allowed`");
        check(
            "accepted:\n  - series: a\n    factor: much\n    from: soon\n    who: ada\n",
            "gate.yaml:2:5: an accepted change needs `reason`\n\
             gate.yaml:4:11: `soon` is not a date\n\
             gate.yaml:3:13: `much` is not so many times as much",
        );
        check(
            "accepted:\n  - {series: a, factor: 2, level: 3, from: 2026-02-01, until: 2026-01-01, \
             reason: r, who: w}\n",
            "gate.yaml:2:63: `2026-01-01` is not a last night\n\
             gate.yaml:2:28: `level` does not go with `factor`",
        );
    }

    fn change(shift: Shift, until: Option<NaiveDate>) -> Change {
        Change {
            series: "C-01/*: \"x\"".to_owned(),
            shift,
            reason: "a reason\nof two lines".to_owned(),
            who: "ada".to_owned(),
            from: NaiveDate::from_ymd_opt(2026, 11, 21).unwrap(),
            until,
        }
    }

    #[test]
    fn what_is_added_is_read_again() {
        let mut source = Source::new("gate.yaml", String::new());
        let all = [
            change(Shift::Factor(1.125), None),
            change(Shift::Level(95_000.5), NaiveDate::from_ymd_opt(2027, 1, 31)),
            change(Shift::Category("FULL".to_owned()), None),
        ];
        for it in &all {
            source.text = with(&source, it).unwrap();
        }
        assert_eq!(parse(&source).unwrap(), all);
        assert_eq!(source.text.matches("accepted:").count(), 1, "{}", source.text);
        // A comment of somebody's stays where it is.
        let commented = Source::new("gate.yaml", format!("# ours\n{}", source.text));
        assert!(with(&commented, &all[0]).unwrap().starts_with("# ours\n"));
    }

    #[test]
    fn a_file_that_cannot_be_added_to_is_left_alone() {
        for text in ["accepted: []", "{accepted: [{}]}", "accepted: {"] {
            let source = Source::new("gate.yaml", text.to_owned());
            assert_eq!(with(&source, &change(Shift::Factor(2.0), None)), None, "{text}");
        }
    }
}
