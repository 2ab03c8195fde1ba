//! Behaviours of the catalogue against how this run's cases about them ended.

use super::{class, escape, table::Table};
use crate::{
    run::{CaseReport, RunSummary},
    suite::{
        Release,
        catalogue::{AREAS, Behaviour, behaviours},
    },
};
use std::collections::HashMap;

/// Worst first: what several cases about one behaviour come to.
pub const ORDER: [&str; 8] =
    ["failed", "invalid", "lifted", "not run", "unsure", "observed", "passed", "skipped"];

/// A cell for each behaviour, by area; nothing where no case is about one.
pub fn section(summary: &RunSummary) -> String {
    let mut cases: HashMap<&str, Vec<&CaseReport>> = HashMap::new();
    for case in &summary.cases {
        if let Some(id) = &case.case.id {
            cases.entry(id).or_default().push(case);
        }
    }
    let about = |it: &Behaviour| cases.get(it.id.as_str()).map(Vec::as_slice).unwrap_or_default();
    if !behaviours().iter().any(|it| !about(it).is_empty()) {
        return String::new();
    }
    let release = summary.release.map_or("an unknown release".to_owned(), |it| it.to_string());
    let mut out = format!(
        "<section id=\"behaviours\"><h2>Behaviours</h2><p class=\"soft\">Each behaviour of the \
         catalogue, and the worst that its cases came to on {}. Those without a mark have no case \
         in this run.</p>",
        escape(&release)
    );
    let mut used: Vec<&str> = Vec::new();
    let mut areas = String::new();
    for (area, name) in AREAS {
        let all: Vec<&Behaviour> = behaviours().iter().filter(|it| it.area() == area).collect();
        if all.iter().all(|it| about(it).is_empty()) {
            continue;
        }
        let mut cells = String::new();
        let mut covered = 0;
        for it in &all {
            let word = worst(about(it));
            covered += usize::from(word.is_some());
            used.extend(word);
            cells += &cell(it, word, about(it).len());
        }
        areas += &format!(
            "<h3>{} <small class=\"soft\">{covered} of {}</small></h3><ul class=\"matrix\">{cells}\
             </ul>",
            escape(name),
            all.len()
        );
    }
    let legend: Vec<String> = ORDER
        .iter()
        .filter(|it| used.contains(it))
        .map(|it| format!("<span class=\"{}\"><b>{}</b> {it}</span>", class(it), mark(it)))
        .collect();
    out += &format!("<p class=\"legend\">{}</p>{areas}", legend.join(" "));
    out += &table(summary.release, about).folded();
    out + "</section>"
}

pub fn worst(cases: &[&CaseReport]) -> Option<&'static str> {
    ORDER.into_iter().find(|word| cases.iter().any(|it| it.outcome.word() == *word))
}

/// Tells outcomes apart where colours do not.
pub fn mark(word: &str) -> &'static str {
    match word {
        "passed" => "✓",
        "failed" => "✗",
        "invalid" => "!",
        "lifted" => "↑",
        "not run" => "○",
        "unsure" => "?",
        "observed" => "·",
        _ => "–",
    }
}

fn cell(it: &Behaviour, word: Option<&'static str>, cases: usize) -> String {
    let (said, mark) = match word {
        Some(word) => (format!("{word}, {cases} of its cases: {}", it.what), mark(word)),
        None => (format!("no case: {}", it.what), ""),
    };
    format!(
        "<li class=\"{}\" title=\"{}\">{} <b>{mark}</b></li>",
        word.map(class).unwrap_or("none-of-it".to_owned()),
        escape(&said),
        escape(&it.id)
    )
}

/// By release: the outcome where the run was, and whether anything is known elsewhere.
fn table<'a>(
    release: Option<Release>,
    about: impl Fn(&Behaviour) -> &'a [&'a CaseReport],
) -> Table {
    let releases: Vec<String> = Release::ALL.iter().map(ToString::to_string).collect();
    let heads: Vec<&str> = releases.iter().map(String::as_str).collect();
    let mut table = Table::new("By release").words(&["id", "what"]).words(&heads);
    for it in behaviours() {
        let on = |at: &Release| match it.releases.0.contains(at) {
            false => "–".to_owned(),
            true if release != Some(*at) => "other release".to_owned(),
            true => worst(about(it)).unwrap_or("no case").to_owned(),
        };
        let row = [it.id.clone(), it.what.clone()].into_iter();
        table.row(row.chain(Release::ALL.iter().map(on)));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{report::sample, run::Outcome};

    #[test]
    fn a_behaviour_is_as_bad_as_its_worst_case() {
        let failed = Outcome::Failed { failure: sample::failure() };
        let summary = |cases| section(&sample::summary(cases));
        let html = summary(vec![sample::case("a", Outcome::Passed), sample::case("b", failed)]);
        let expect = |part: &str| assert!(html.contains(part), "no {part} in\n{html}");
        expect("<li class=\"failed\" title=\"failed, 2 of its cases: ");
        expect(">L-09 <b>✗</b></li>");
        expect("<b>✗</b> failed</span>");
        expect("on zero-copy");
        expect("<h3>Limitations <small class=\"soft\">1 of 38</small></h3>");
        assert!(!html.contains("<h3>Refresh "), "no case is about it");
        let mut other = sample::case("c", Outcome::Passed);
        other.case.id = None;
        assert_eq!(summary(vec![other]), "");
    }
}
