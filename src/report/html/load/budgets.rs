//! Budgets: what was measured beside what it is held to.

use crate::{
    load::{Estimate, Judged, LoadReport, Unit},
    report::{
        html::{
            escape,
            figure::{Label, digits, percent, time},
            table::Table,
            tag,
        },
        plot::bar::{Interval, Wanted, interval},
    },
};

// As outcomes are called, which have their hues.
pub use crate::report::load::word;

pub fn table(load: &LoadReport, label: Label<'_>) -> String {
    if load.judged.is_empty() {
        return String::new();
    }
    let sure = load.judged.iter().find_map(|it| it.estimate).map(|it| it.confidence);
    let head = match sure {
        Some(sure) => format!("measured, and its {} interval", whole_percent(sure)),
        None => "measured".to_owned(),
    };
    let mut table = Table::new(&label.title("Budgets"))
        .words(&["verdict", "budget", &head, "against the limit"])
        .numbers(&["samples"])
        .words(&["why"]);
    for it in &load.judged {
        let budget = match &it.query {
            Some(query) => format!("{query}: {}", it.budget),
            None => it.budget.clone(),
        };
        let plot = it.estimate.map(|estimate| plot(it, &budget, &estimate, label));
        let limit = value(it.limit, it.unit);
        table.row_with([
            (word(it.verdict).to_owned(), Some(tag(word(it.verdict), ""))),
            (budget.clone(), Some(with_place(&budget, &it.place))),
            (it.estimate.map(|found| measured(&found, it.unit, sure)).unwrap_or_default(), None),
            (limit, plot),
            (it.estimate.map(|found| found.samples.to_string()).unwrap_or_default(), None),
            (it.why.clone(), None),
        ]);
    }
    table.render("stack")
}

fn with_place(budget: &str, place: &str) -> String {
    format!("{}<span class=\"limit-words\">{}</span>", escape(budget), escape(place))
}

fn value(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Microseconds => time(value),
        Unit::Share => percent(value),
        Unit::PerSecond => format!("{} /s", digits(value)),
        Unit::Ratio => format!("{} ×", digits(value)),
        Unit::Count => digits(value),
    }
}

/// `95 %`
fn whole_percent(share: f64) -> String {
    percent(share).replace(".0 %", " %")
}

/// `95.2 ms (93.1 ms to 97.4 ms)`. `sure` is the confidence that the heading tells.
fn measured(it: &Estimate, unit: Unit, sure: Option<f64>) -> String {
    let found = match it.high.is_finite() {
        true => {
            let [found, low, high] = [it.value, it.low, it.high].map(|it| value(it, unit));
            format!("{found} ({low} to {high})")
        }
        false => format!("at least {}", value(it.low, unit)),
    };
    match sure == Some(it.confidence) {
        true => found,
        false => format!("{found}, {} sure", whole_percent(it.confidence)),
    }
}

fn plot(judged: &Judged, budget: &str, estimate: &Estimate, label: Label<'_>) -> String {
    let wanted = if judged.budget.contains('>') { Wanted::AtLeast } else { Wanted::AtMost };
    let limit = value(judged.limit, judged.unit);
    let desc = format!("{}; the limit is {limit}", measured(estimate, judged.unit, None));
    // The heading of the table is stamped; so small a plot has no room for it.
    let about = Label { simulated: None }.about(budget, &desc);
    let Estimate { value: found, low, high, .. } = *estimate;
    let it = Interval { value: found, low, high, limit: judged.limit, wanted };
    let simulated = label.simulated.map_or("", |_| "<span class=\"unseen\"> simulated</span>");
    let plot = interval(&about, word(judged.verdict), &it);
    let side = if wanted == Wanted::AtLeast { "at least" } else { "at most" };
    format!("{plot}<span class=\"limit-words\">{side} {limit}</span>{simulated}")
}
