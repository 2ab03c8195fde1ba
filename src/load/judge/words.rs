//! One line for each verdict.

use super::{figures::Found, samples_to_decide};
use crate::load::{
    Estimate, Verdict,
    budget::{Budget, Comparison, Counted, Latency, Quantity, Relation, WrittenUnit},
    compare::Compared,
    statistics::{Open, share::unseen_at_most},
};
use crate::suite::words::is_code;

/// `p95 is 92.1 ms (88.0 to 97.3, 95 %; 4,812 samples), at most 100 ms`
pub fn why(found: &Found, budget: &Budget, verdict: Verdict) -> String {
    let mut text = match &budget.quantity {
        Quantity::Counted { what, .. } => counted(found, what, budget),
        quantity => measured(found, quantity, budget),
    };
    text += &format!(", {}", limit(budget));
    if verdict == Verdict::Unsure {
        text += &format!("; {}", what_would_decide(found, budget));
    }
    text
}

fn measured(found: &Found, quantity: &Quantity, budget: &Budget) -> String {
    let Estimate { value, low, high, samples, confidence } = found.estimate;
    let unit = budget.limit.unit;
    let value = match (found.unanswered, found.at_least) {
        (true, _) => "beyond all answers".to_owned(),
        (_, true) => format!("at least {}", figure(value, unit)),
        (_, false) => figure(value, unit),
    };
    let samples = match &found.sides {
        Some([tested, other]) => {
            format!("{} and {} samples", grouped(tested.samples), grouped(other.samples))
        }
        None => format!("{} samples", grouped(samples)),
    };
    let confidence = percent(confidence);
    let interval = match high.is_finite() {
        _ if low == high => samples,
        true => format!("{} to {}, {confidence}; {samples}", bare(low, unit), bare(high, unit)),
        false => format!("{} or more, {confidence}; {samples}", bare(low, unit)),
    };
    let notes: String = found.notes.iter().map(|it| format!("; {it}")).collect();
    let (Quantity::Latency(Latency { comparison: Some(comparison), .. }), Some([tested, other])) =
        (quantity, &found.sides)
    else {
        return format!("{quantity} is {value} ({interval}{notes})");
    };
    let quantity = quantity.to_string().replace(" ratio", "").replace(" difference", "");
    let (tested, other) = (&tested.role, &other.role);
    match comparison {
        Comparison::Ratio => {
            format!("{quantity} of {other} is {value} times {tested}'s ({interval}{notes})")
        }
        Comparison::Difference => {
            format!("{quantity} of {tested} less {other}'s is {value} ({interval}{notes})")
        }
    }
}

fn counted(found: &Found, what: &Counted, budget: &Budget) -> String {
    let Estimate { value, low, high, samples, confidence } = found.estimate;
    let requests = grouped(samples);
    let did = did(what);
    if value == 0.0 {
        let most = share(if low == high { unseen_at_most(samples) } else { high });
        return format!(
            "none of {requests} requests {did} (at most {most}, {})",
            percent(confidence)
        );
    }
    match budget.is_share() {
        false => format!("{} of {requests} requests {did}", grouped(value as u64)),
        true if low == high => format!("{} of {requests} requests {did}", share(value)),
        true => format!(
            "{} of {requests} requests {did} ({} to {}, {})",
            share(value),
            share(low),
            share(high),
            percent(confidence)
        ),
    }
}

/// What the counted requests did.
pub fn did(what: &Counted) -> String {
    match what {
        Counted::Errors => "ended in errors".to_owned(),
        Counted::Class(class) if is_code(class) => format!("ended with {class}"),
        Counted::Class(class) => format!("were {class}"),
        Counted::WrongRows => "had wrong rows".to_owned(),
        Counted::Dropped => "were dropped".to_owned(),
    }
}

fn limit(budget: &Budget) -> String {
    let limit = budget.limit;
    let number = match limit.unit {
        WrittenUnit::None if limit.number == 0.0 && budget.relation.is_upper() => {
            return "none allowed".to_owned();
        }
        WrittenUnit::None => limit.number.to_string(),
        WrittenUnit::PerSecond => format!("{}/s", limit.number),
        unit => format!("{} {}", limit.number, name(unit)),
    };
    let relation = match budget.relation {
        Relation::AtMost => "at most",
        Relation::Below => "below",
        Relation::AtLeast => "at least",
        Relation::Above => "above",
        Relation::Exactly => "exactly",
    };
    format!("{relation} {number}")
}

fn what_would_decide(found: &Found, budget: &Budget) -> String {
    match (found.open, samples_to_decide(found, budget.limit.value())) {
        (Some(Open::OneSecond), _) => {
            "all are of one second and share its fate: a longer load would tell".to_owned()
        }
        (Some(Open::Unended), _) => "what did not end, or was not found, leaves it open".to_owned(),
        (Some(Open::TooFew { .. }), Some(needed)) => {
            format!("too few samples: about {} would tell", grouped(rounded(needed)))
        }
        (_, Some(needed)) => format!("about {} samples would tell", grouped(rounded(needed))),
        (_, None) => "it is at its limit: more samples will hardly tell".to_owned(),
    }
}

/// Up, to two digits: it is an estimate.
fn rounded(count: u64) -> u64 {
    let unit = 10_u64.pow(count.checked_ilog10().unwrap_or(0).saturating_sub(1));
    count.div_ceil(unit) * unit
}

fn name(unit: WrittenUnit) -> &'static str {
    match unit {
        WrittenUnit::Microseconds => "µs",
        WrittenUnit::Milliseconds => "ms",
        WrittenUnit::Seconds => "s",
        WrittenUnit::Percent => "%",
        WrittenUnit::PerSecond => "/s",
        WrittenUnit::None => "",
    }
}

/// With its unit.
fn figure(value: f64, unit: WrittenUnit) -> String {
    match unit {
        WrittenUnit::None => bare(value, unit),
        WrittenUnit::PerSecond => format!("{}/s", bare(value, unit)),
        _ => format!("{} {}", bare(value, unit), name(unit)),
    }
}

/// A figure in its own unit as a number of the written one.
fn bare(value: f64, unit: WrittenUnit) -> String {
    let value = match unit {
        WrittenUnit::Milliseconds => value / 1e3,
        WrittenUnit::Seconds => value / 1e6,
        WrittenUnit::Percent => value * 100.0,
        WrittenUnit::Microseconds | WrittenUnit::PerSecond | WrittenUnit::None => value,
    };
    number(value)
}

/// With three digits or more.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        it if it < 1.0 => {
            let decimals = (2.0 - it.log10().floor()).min(9.0) as usize;
            format!("{value:.decimals$}")
        }
        it if it < 10.0 => format!("{value:.2}"),
        it if it < 1000.0 => format!("{value:.1}"),
        it => format!("{}{}", if value < 0.0 { "-" } else { "" }, grouped(it.round() as u64)),
    }
}

/// How the figure was before it was corrected, and by what.
pub fn controls(comparison: Comparison, plain: Compared, apart: Compared) -> String {
    let [plain, apart] = [plain.value, apart.value].map(|it| match comparison {
        Comparison::Ratio => number(it),
        Comparison::Difference => figure(it, WrittenUnit::Milliseconds),
    });
    format!("{plain} before the controls' {apart} is taken off")
}

/// `0.0420 %`
fn share(value: f64) -> String {
    figure(value, WrittenUnit::Percent)
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 100.0).round())
}

/// `4,812`
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
