//! Budgets as they are written: a quantity, a relation and a limit.
//!
//! ```text
//! budget     = quantity relation limit
//! quantity   = ["queue" | "compile" | "execute" | "rest"] statistic [comparison] ["from sent" | "from due"]
//!            | ("errors" | "wrong rows" | "dropped" | class) ["share"] | "error share" | "throughput"
//! statistic  = "p" number | "median" | "mean" | "max"
//! comparison = "ratio" | "difference"
//! class      = six digits | "lost" | "given up"
//! relation   = "<=" | "<" | ">=" | ">" | "=="
//! limit      = number ["us" | "ms" | "s" | "%" | "/s"]
//! ```
//!
//! A *ratio* is the other role's figure by the tested role's: 3.3 says that the tested role is 3.3
//! times as quick. A *difference* is the tested role's figure less the other's: what the tested
//! role is slower by, negative where it is quicker. What is printed is parsed to the same budget.

use super::Unit;
use crate::suite::words::{is_code, listed, nearest};
use std::{fmt, str::FromStr};

#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    pub quantity: Quantity,
    pub relation: Relation,
    pub limit: Limit,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Quantity {
    Latency(Latency),
    /// Requests of a kind: how many, or their share where the limit is one.
    Counted {
        what: Counted,
        /// `share` was written.
        share: bool,
    },
    /// Requests that ended with the right rows, per second.
    Throughput,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    pub statistic: Statistic,
    pub span: TimeSpan,
    pub comparison: Option<Comparison>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// In percent: 99.9.
    Percentile(f64),
    Median,
    Mean,
    Max,
}

impl Statistic {
    /// The share of samples at or below it.
    pub fn share(self) -> Option<f64> {
        match self {
            Self::Percentile(percent) => Some(percent / 100.0),
            Self::Median => Some(0.5),
            Self::Mean | Self::Max => None,
        }
    }
}

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeSpan {
    /// From when the schedule wanted it sent, to the last row. What is meant if nothing is said.
    Due,
    /// From when it was sent.
    Sent,
    Server(Part),
}

/// Of a statement's time, according to the server. The rest is network and fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Queue,
    Compile,
    Execute,
    Rest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The other role by the tested one.
    Ratio,
    /// The tested role less the other.
    Difference,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counted {
    Errors,
    /// Errors of one class: `000630`.
    Class(String),
    WrongRows,
    /// Due and never sent.
    Dropped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    AtMost,
    Below,
    AtLeast,
    Above,
    Exactly,
}

impl Relation {
    /// Whether `value` is within `limit`.
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::AtMost => value <= limit,
            Self::Below => value < limit,
            Self::AtLeast => value >= limit,
            Self::Above => value > limit,
            Self::Exactly => value == limit,
        }
    }

    /// Whether less is better.
    pub fn is_upper(self) -> bool {
        matches!(self, Self::AtMost | Self::Below | Self::Exactly)
    }
}

/// As it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    pub number: f64,
    pub unit: WrittenUnit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrittenUnit {
    Microseconds,
    Milliseconds,
    Seconds,
    Percent,
    PerSecond,
    /// Of counts and ratios.
    None,
}

/// Text that is no budget, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {what}; {help}")]
pub struct BudgetError {
    /// In characters of the text, from 1.
    pub column: usize,
    /// In characters; zero at the end of the text.
    pub length: usize,
    pub what: String,
    /// What to do about it.
    pub help: String,
}

const RELATIONS: [(&str, Relation); 5] = [
    ("<=", Relation::AtMost),
    ("<", Relation::Below),
    (">=", Relation::AtLeast),
    (">", Relation::Above),
    ("==", Relation::Exactly),
];

const PARTS: [(&str, Part); 4] = [
    ("queue", Part::Queue),
    ("compile", Part::Compile),
    ("execute", Part::Execute),
    ("rest", Part::Rest),
];

const UNITS: [(&str, WrittenUnit); 5] = [
    ("us", WrittenUnit::Microseconds),
    ("ms", WrittenUnit::Milliseconds),
    ("s", WrittenUnit::Seconds),
    ("%", WrittenUnit::Percent),
    ("/s", WrittenUnit::PerSecond),
];

/// What a quantity begins with, for whoever mistyped it.
const BEGINNINGS: [&str; 15] = [
    "p95",
    "median",
    "mean",
    "max",
    "queue",
    "compile",
    "execute",
    "rest",
    "errors",
    "error share",
    "wrong rows",
    "dropped",
    "lost",
    "given up",
    "throughput",
];

/// No limit is greater; what is was mistyped.
const NUMBER_MAX: f64 = 1e12;

impl Budget {
    /// # Errors
    ///
    /// The first thing that is wrong, its place, and what to do about it.
    pub fn parse(text: &str) -> Result<Self, BudgetError> {
        let mut words = Words { tokens: tokens(text), next: 0, end: text.chars().count() + 1 };
        if words.tokens.is_empty() {
            return Err(words.error("no budget", "write one, such as `p95 <= 100ms`"));
        }
        let quantity = quantity(&mut words)?;
        let relation = relation(&mut words, &quantity)?;
        let limit = limit(&mut words, &quantity, relation)?;
        match words.peek() {
            None => Ok(Self { quantity, relation, limit }),
            Some(more) => Err(words.error(
                format!("`{more}` after the limit"),
                "a budget ends with its limit; write each on a line of its own",
            )),
        }
    }

    /// Whether the figure is a share of requests, rather than how many.
    pub fn is_share(&self) -> bool {
        self.limit.unit == WrittenUnit::Percent
    }

    /// Of the limit and of what is measured for it.
    pub fn unit(&self) -> Unit {
        match (&self.quantity, self.limit.unit) {
            (Quantity::Latency(Latency { comparison: Some(Comparison::Ratio), .. }), _) => {
                Unit::Ratio
            }
            (Quantity::Latency(_), _) => Unit::Microseconds,
            (Quantity::Throughput, _) => Unit::PerSecond,
            (Quantity::Counted { .. }, WrittenUnit::Percent) => Unit::Share,
            (Quantity::Counted { .. }, _) => Unit::Count,
        }
    }
}

impl Limit {
    /// In the unit of the figure: microseconds, or a share from 0 to 1.
    pub fn value(self) -> f64 {
        match self.unit {
            WrittenUnit::Milliseconds => self.number * 1e3,
            WrittenUnit::Seconds => self.number * 1e6,
            WrittenUnit::Percent => self.number / 100.0,
            WrittenUnit::Microseconds | WrittenUnit::PerSecond | WrittenUnit::None => self.number,
        }
    }
}

/// One word or relation, and its first column.
struct Token {
    column: usize,
    text: String,
}

fn is_relation_sign(it: char) -> bool {
    matches!(it, '<' | '>' | '=' | '!' | '≤' | '≥')
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut before = ' ';
    for (index, it) in text.chars().enumerate() {
        match tokens.last_mut() {
            Some(last)
                if !before.is_whitespace()
                    && !it.is_whitespace()
                    && is_relation_sign(before) == is_relation_sign(it) =>
            {
                last.text.push(it);
            }
            _ if it.is_whitespace() => {}
            _ => tokens.push(Token { column: index + 1, text: it.to_string() }),
        }
        before = it;
    }
    tokens
}

struct Words {
    tokens: Vec<Token>,
    next: usize,
    /// The column behind the text.
    end: usize,
}

impl Words {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.next).map(|it| it.text.as_str())
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.peek() == Some(word);
        self.next += usize::from(is_next);
        is_next
    }

    /// At the next word.
    fn error(&self, what: impl Into<String>, help: impl Into<String>) -> BudgetError {
        let (column, length) = match self.tokens.get(self.next) {
            Some(it) => (it.column, it.text.chars().count()),
            None => (self.end, 0),
        };
        BudgetError { column, length, what: what.into(), help: help.into() }
    }

    /// At the next word, which is none of `known`.
    fn unknown(&self, what: &str, known: &[&str]) -> BudgetError {
        let found = self.peek().unwrap_or_default();
        let help = match nearest(found, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", listed(known)),
        };
        match found {
            "" => self.error(format!("a {what} is missing"), help),
            _ => self.error(format!("unknown {what} `{found}`"), help),
        }
    }
}

fn named<T: Copy>(table: &[(&str, T)], word: Option<&str>) -> Option<T> {
    table.iter().find(|(name, _)| Some(*name) == word).map(|(_, it)| *it)
}

fn name_of<'a, T: PartialEq>(table: &[(&'a str, T)], it: &T) -> &'a str {
    table.iter().find(|(_, other)| other == it).map_or("", |(name, _)| name)
}

fn quantity(words: &mut Words) -> Result<Quantity, BudgetError> {
    if words.take("throughput") {
        return Ok(Quantity::Throughput);
    }
    if let Some((what, share)) = counted(words)? {
        return Ok(Quantity::Counted { what, share });
    }
    let part = named(&PARTS, words.peek());
    words.next += usize::from(part.is_some());
    let Some(statistic) = statistic(words)? else {
        return Err(match part {
            Some(_) => words.unknown("statistic", &["p95", "median", "max"]),
            None => words.unknown("quantity", &BEGINNINGS),
        });
    };
    if part.is_some() && statistic == Statistic::Mean {
        words.next -= 1;
        return Err(words.error(
            "no `mean` is told of the server's share",
            "write a percentile, `median` or `max`",
        ));
    }
    let comparison = match words.peek() {
        Some("ratio") => Some(Comparison::Ratio),
        Some("difference") => Some(Comparison::Difference),
        _ => None,
    };
    if comparison.is_some() && statistic == Statistic::Max {
        return Err(words.error(
            "greatest values cannot be compared",
            "each is one request's; compare a percentile, such as `p99 ratio`",
        ));
    }
    words.next += usize::from(comparison.is_some());
    let span = span(words, part)?;
    Ok(Quantity::Latency(Latency { statistic, span, comparison }))
}

fn counted(words: &mut Words) -> Result<Option<(Counted, bool)>, BudgetError> {
    let what = match words.peek() {
        Some("errors") => Counted::Errors,
        Some("dropped") => Counted::Dropped,
        Some("lost") => Counted::Class("lost".to_owned()),
        Some(code) if is_code(code) => Counted::Class(code.to_owned()),
        Some(first @ ("error" | "wrong" | "given")) => {
            let (what, first, second) = match first {
                "error" => (Counted::Errors, "error", "share"),
                "wrong" => (Counted::WrongRows, "wrong", "rows"),
                _ => (Counted::Class("given up".to_owned()), "given", "up"),
            };
            words.next += 1;
            if words.peek() != Some(second) {
                return Err(words.error(
                    format!("`{first}` is half a quantity"),
                    format!("write `{first} {second}`"),
                ));
            }
            // What follows takes the last word of the name, and `share` behind it.
            words.next -= usize::from(second == "share");
            what
        }
        _ => return Ok(None),
    };
    words.next += 1;
    let share = words.take("share");
    Ok(Some((what, share)))
}

fn statistic(words: &mut Words) -> Result<Option<Statistic>, BudgetError> {
    let found = match words.peek() {
        Some("median") => Statistic::Median,
        Some("mean") => Statistic::Mean,
        Some("max") => Statistic::Max,
        Some(word) => {
            let Some(number) = word.strip_prefix('p').filter(|it| is_number(it)) else {
                return Ok(None);
            };
            let percent = number.parse().unwrap_or(0.0);
            if !(percent > 0.0 && percent < 100.0) {
                return Err(words.error(
                    format!("`{word}` is no percentile"),
                    "percentiles are above 0 and below 100; the greatest value is `max`",
                ));
            }
            Statistic::Percentile(percent)
        }
        None => return Ok(None),
    };
    words.next += 1;
    Ok(Some(found))
}

fn span(words: &mut Words, part: Option<Part>) -> Result<TimeSpan, BudgetError> {
    let from = words.peek() == Some("from");
    match part {
        Some(_) if from => Err(words.error(
            "the server's share is from nowhere",
            "leave `from …` out: it has a duration of its own",
        )),
        Some(part) => Ok(TimeSpan::Server(part)),
        None if !from => Ok(TimeSpan::Due),
        None => {
            words.next += 1;
            match (words.take("sent"), words.take("due")) {
                (true, _) => Ok(TimeSpan::Sent),
                (_, true) => Ok(TimeSpan::Due),
                _ => Err(words.unknown("beginning", &["due", "sent"])),
            }
        }
    }
}

fn relation(words: &mut Words, quantity: &Quantity) -> Result<Relation, BudgetError> {
    let names = RELATIONS.map(|(name, _)| name);
    let Some(found) = words.peek().map(str::to_owned) else {
        return Err(words.unknown("relation", &names));
    };
    if let Some(relation) = named(&RELATIONS, Some(&found)) {
        if relation == Relation::Exactly && !matches!(quantity, Quantity::Counted { .. }) {
            return Err(words.error("`==` is for counts", "no two latencies or rates are alike"));
        }
        words.next += 1;
        return Ok(relation);
    }
    let meant = match found.as_str() {
        "=" | "===" => Some("=="),
        "=<" | "≤" => Some("<="),
        "=>" | "≥" => Some(">="),
        _ => None,
    };
    Err(match meant {
        Some(meant) => {
            words.error(format!("unknown relation `{found}`"), format!("write `{meant}`"))
        }
        // The nearest one would be a guess.
        None if found.chars().all(is_relation_sign) => words
            .error(format!("unknown relation `{found}`"), format!("there are {}", listed(&names))),
        None => {
            words.error(format!("`{found}` where a relation is wanted"), more(quantity, &names))
        }
    })
}

/// What may follow a quantity.
fn more(quantity: &Quantity, relations: &[&str]) -> String {
    let words: &[&str] = match quantity {
        Quantity::Latency(Latency { comparison: None, span: TimeSpan::Due, .. }) => {
            &["ratio", "difference", "from sent"]
        }
        Quantity::Counted { share: false, .. } => &["share"],
        _ => &[],
    };
    format!("there are {}", listed(&[words, relations].concat()))
}

fn is_number(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    [whole, fraction].iter().all(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()))
}

fn limit(words: &mut Words, quantity: &Quantity, relation: Relation) -> Result<Limit, BudgetError> {
    let (what, example, units): (_, _, &[&str]) = match quantity {
        Quantity::Latency(Latency { comparison: Some(Comparison::Ratio), .. }) => {
            ("a ratio", "3", &[""])
        }
        Quantity::Latency(_) => ("a duration", "100ms", &["us", "ms", "s"]),
        Quantity::Throughput => ("a rate", "100/s", &["/s"]),
        Quantity::Counted { share: true, .. } => ("a share", "0.1%", &["%"]),
        Quantity::Counted { share: false, .. } => ("a count or a share", "0` or `0.1%", &["", "%"]),
    };
    let example = format!("write {what}, such as `{example}`");
    let Some(found) = words.peek().map(str::to_owned) else {
        return Err(words.error("a limit is missing", example));
    };
    let digits = |it: &char| it.is_ascii_digit() || matches!(it, '.' | '-');
    let number: String = found.chars().take_while(digits).collect();
    let plain = number.strip_prefix('-').unwrap_or(&number);
    if !is_number(plain) {
        return Err(words.error(format!("`{found}` is no limit"), example));
    }
    let difference = matches!(
        quantity,
        Quantity::Latency(Latency { comparison: Some(Comparison::Difference), .. })
    );
    if plain != number && !difference {
        return Err(words.error(
            format!("`{found}` is below zero"),
            "only a difference can be; write a limit above it",
        ));
    }
    let value = number.parse().unwrap_or(f64::INFINITY);
    if value > NUMBER_MAX {
        return Err(words.error(format!("`{found}` is too much"), "limits are below 10^12"));
    }

    // `100ms` or `100 ms`.
    let mut unit = found[number.len()..].to_owned();
    let at = words.next;
    words.next += 1;
    if unit.is_empty()
        && let Some(next) = words.peek()
        && UNITS.iter().any(|(name, _)| *name == next)
    {
        unit = next.to_owned();
        words.next += 1;
    }
    let after = words.next;
    words.next = at;
    let fits = units.contains(&unit.as_str());
    if !fits {
        let known = UNITS.map(|(name, _)| name);
        let unit_known = known.contains(&unit.as_str());
        let help = match nearest(&unit, units.iter().copied()) {
            Some(near) if !unit_known && !near.is_empty() => format!("did you mean `{near}`?"),
            _ => example,
        };
        return Err(match unit.as_str() {
            "" => words.error(format!("`{number}` has no unit"), help),
            unit if unit_known => words.error(format!("`{number}{unit}` is not {what}"), help),
            unit => words.error(format!("unknown unit `{unit}`"), help),
        });
    }
    let unit = named(&UNITS, Some(&unit)).unwrap_or(WrittenUnit::None);
    let share = unit == WrittenUnit::Percent;
    if matches!(quantity, Quantity::Counted { .. }) {
        if share && value > 100.0 {
            return Err(words.error(format!("`{found}` is more than all"), "shares end at `100%`"));
        }
        if share && relation == Relation::Exactly && value > 0.0 {
            return Err(words.error("`==` is for counts", "write `<=` for a share"));
        }
        if !share && value.fract() != 0.0 {
            return Err(words.error(format!("`{found}` is no count"), "write a whole number"));
        }
    }
    words.next = after;
    Ok(Limit { number: value, unit })
}

impl FromStr for Budget {
    type Err = BudgetError;

    fn from_str(text: &str) -> Result<Self, BudgetError> {
        Self::parse(text)
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quantity, relation, limit } = self;
        write!(f, "{quantity} {} {limit}", name_of(&RELATIONS, relation))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Throughput => f.write_str("throughput"),
            Self::Counted { what: Counted::Errors, share: true } => f.write_str("error share"),
            Self::Counted { what, share } => {
                let what = match what {
                    Counted::Errors => "errors",
                    Counted::WrongRows => "wrong rows",
                    Counted::Dropped => "dropped",
                    Counted::Class(class) => class,
                };
                f.write_str(what)?;
                f.write_str(if *share { " share" } else { "" })
            }
            Self::Latency(Latency { statistic, span, comparison }) => {
                if let TimeSpan::Server(part) = span {
                    write!(f, "{} ", name_of(&PARTS, part))?;
                }
                write!(f, "{statistic}")?;
                f.write_str(match comparison {
                    Some(Comparison::Ratio) => " ratio",
                    Some(Comparison::Difference) => " difference",
                    None => "",
                })?;
                f.write_str(if *span == TimeSpan::Sent { " from sent" } else { "" })
            }
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(percent) => write!(f, "p{percent}"),
            Self::Median => f.write_str("median"),
            Self::Mean => f.write_str("mean"),
            Self::Max => f.write_str("max"),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.number, name_of(&UNITS, &self.unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_printed_as_it_was_written() {
        for text in [
            "p95 <= 100ms",
            "p99.9 < 1.5s",
            "p50 <= 900us",
            "median <= 10ms",
            "max <= 5s",
            "mean > 1ms",
            "errors == 0",
            "errors <= 0.1%",
            "errors <= 5",
            "error share <= 0.1%",
            "000630 share <= 5%",
            "000630 == 0",
            "lost == 0",
            "given up share < 1%",
            "throughput >= 100/s",
            "throughput >= 99.5/s",
            "wrong rows == 0",
            "wrong rows share <= 1%",
            "dropped == 0",
            "queue p95 <= 50ms",
            "compile p50 <= 20ms",
            "execute p95 <= 80ms",
            "rest median <= 5ms",
            "p95 from sent <= 100ms",
            "p95 ratio >= 3",
            "median ratio >= 4.5",
            "mean ratio >= 3.9",
            "p95 ratio from sent >= 3",
            "execute p95 ratio >= 3",
            "p95 difference <= 20ms",
            "p95 difference <= -20ms",
        ] {
            let budget = Budget::parse(text).unwrap_or_else(|err| panic!("{text}: {err}"));
            assert_eq!(budget.to_string(), text);
        }
    }

    #[test]
    fn spaces_and_defaults_are_free() {
        for (text, printed) in [
            ("p95<=100ms", "p95 <= 100ms"),
            ("  p95  <=  100  ms ", "p95 <= 100ms"),
            ("p99.90 <= 0.10s", "p99.9 <= 0.1s"),
            ("p95 from due <= 1s", "p95 <= 1s"),
            ("throughput >= 100 /s", "throughput >= 100/s"),
            ("errors <= 1 %", "errors <= 1%"),
        ] {
            let budget = Budget::parse(text).unwrap();
            assert_eq!(budget.to_string(), printed);
            assert_eq!(Budget::parse(printed).unwrap(), budget);
        }
    }

    #[test]
    fn a_limit_is_in_the_unit_of_the_figure() {
        for (text, value, unit) in [
            ("p95 <= 100us", 100.0, Unit::Microseconds),
            ("p95 <= 100ms", 1e5, Unit::Microseconds),
            ("p95 < 1.5s", 1.5e6, Unit::Microseconds),
            ("p95 difference <= -2ms", -2e3, Unit::Microseconds),
            ("errors <= 5%", 0.05, Unit::Share),
            ("errors <= 5", 5.0, Unit::Count),
            ("throughput >= 7/s", 7.0, Unit::PerSecond),
            ("execute p95 ratio >= 3", 3.0, Unit::Ratio),
        ] {
            let budget = Budget::parse(text).unwrap();
            assert_eq!((budget.limit.value(), budget.unit()), (value, unit), "{text}");
        }
    }

    #[test]
    fn a_mistake_has_a_place_and_a_help() {
        for (text, expected) in [
            ("", "column 1: no budget; write one, such as `p95 <= 100ms`"),
            ("p95", "column 4: a relation is missing; there are `<=`, `<`, `>=`, `>` and `==`"),
            ("p95 <=", "column 7: a limit is missing; write a duration, such as `100ms`"),
            ("p95 <= 100", "column 8: `100` has no unit; write a duration, such as `100ms`"),
            ("p95 <= 100mss", "column 8: unknown unit `mss`; did you mean `ms`?"),
            ("p95 <= 5%", "column 8: `5%` is not a duration; write a duration, such as `100ms`"),
            ("p95 <= soon", "column 8: `soon` is no limit; write a duration, such as `100ms`"),
            (
                "p95 <= -5ms",
                "column 8: `-5ms` is below zero; only a difference can be; write a limit above it",
            ),
            ("p95 = 5ms", "column 5: unknown relation `=`; write `==`"),
            ("p95 == 5ms", "column 5: `==` is for counts; no two latencies or rates are alike"),
            ("p95 ≤ 5ms", "column 5: unknown relation `≤`; write `<=`"),
            ("p95 => 5ms", "column 5: unknown relation `=>`; write `>=`"),
            (
                "p95 != 5ms",
                "column 5: unknown relation `!=`; there are `<=`, `<`, `>=`, `>` and `==`",
            ),
            (
                "p95 under 5ms",
                "column 5: `under` where a relation is wanted; there are `ratio`, `difference`, \
                 `from sent`, `<=`, `<`, `>=`, `>` and `==`",
            ),
            (
                "p95 from start <= 5ms",
                "column 10: unknown beginning `start`; there are `due` and `sent`",
            ),
            (
                "p100 <= 5ms",
                "column 1: `p100` is no percentile; percentiles are above 0 and below 100; \
                 the greatest value is `max`",
            ),
            ("medain <= 5ms", "column 1: unknown quantity `medain`; did you mean `median`?"),
            (
                "troughput >= 5/s",
                "column 1: unknown quantity `troughput`; did you mean `throughput`?",
            ),
            (
                "speed <= 5ms",
                "column 1: unknown quantity `speed`; there are `p95`, `median`, `mean`, `max`, \
                 `queue`, `compile`, `execute`, `rest`, `errors`, `error share`, `wrong rows`, \
                 `dropped`, `lost`, `given up` and `throughput`",
            ),
            (
                "queue <= 5ms",
                "column 7: unknown statistic `<=`; there are `p95`, `median` and `max`",
            ),
            (
                "queue mean <= 5ms",
                "column 7: no `mean` is told of the server's share; \
                 write a percentile, `median` or `max`",
            ),
            (
                "queue p95 from sent <= 5ms",
                "column 11: the server's share is from nowhere; \
                 leave `from …` out: it has a duration of its own",
            ),
            ("error <= 5%", "column 7: `error` is half a quantity; write `error share`"),
            ("wrong row == 0", "column 7: `wrong` is half a quantity; write `wrong rows`"),
            ("errors <= 0.5", "column 11: `0.5` is no count; write a whole number"),
            ("errors <= 500%", "column 11: `500%` is more than all; shares end at `100%`"),
            ("errors == 5%", "column 11: `==` is for counts; write `<=` for a share"),
            (
                "errors <= 5ms",
                "column 11: `5ms` is not a count or a share; write a count or a share, such as `0` or `0.1%`",
            ),
            ("error share <= 5", "column 16: `5` has no unit; write a share, such as `0.1%`"),
            (
                "max ratio >= 3",
                "column 5: greatest values cannot be compared; \
                 each is one request's; compare a percentile, such as `p99 ratio`",
            ),
            ("p95 ratio >= 3ms", "column 14: `3ms` is not a ratio; write a ratio, such as `3`"),
            (
                "p95 <= 9999999999999ms",
                "column 8: `9999999999999ms` is too much; limits are below 10^12",
            ),
            (
                "p95 <= 5ms always",
                "column 12: `always` after the limit; \
                 a budget ends with its limit; write each on a line of its own",
            ),
        ] {
            let actual = match Budget::parse(text) {
                Ok(budget) => format!("parsed as `{budget}`"),
                Err(err) => err.to_string(),
            };
            assert_eq!(actual, expected, "of `{text}`");
        }
    }
}
