//! The page `docs/behaviours.md`: each catalogued behaviour, the cases that are about it, how they
//! end on each release, and why their expectations are believed.
//!
//! The same suites and outcomes give the same page to the byte: it has no times and no run ids.

use crate::{
    catalogue::{
        price,
        region::{self, Cloud, Places},
    },
    run::{self, CaseKey, RunSummary},
    suite::{
        Case, Evidence, Release, Stated, Suite,
        catalogue::{AREAS, Behaviour, behaviours},
        words,
    },
};
use std::collections::{BTreeMap, HashMap};

/// What the cases of a release came to.
pub type Outcomes<'a> = BTreeMap<Release, &'a RunSummary>;

/// Where a case stands that no recording has.
const NOT_RECORDED: &str = "not recorded";

/// Where a behaviour has no case.
const NOT_YET: &str = "not yet";

/// The page. `recordings` are the folders that the outcomes are from.
pub fn page(suites: &[Suite], outcomes: &Outcomes<'_>, recordings: &[String]) -> String {
    let cases = by_id(suites);
    let words = outcomes
        .iter()
        .map(|(release, summary)| {
            let words = summary.cases.iter().map(|it| (&it.case, it.outcome.word()));
            (*release, words.collect())
        })
        .collect();
    let mut out = head(recordings);
    out += "\n| behaviours | | catalogued | with cases | cases |\n|---|---|--:|--:|--:|\n";
    for (area, name) in AREAS {
        let all = || behaviours().iter().filter(move |it| it.area() == area);
        let found = |it: &Behaviour| cases.get(it.id.as_str()).map_or(0, Vec::len);
        let with_cases = all().filter(|it| found(it) > 0).count();
        let in_cases: usize = all().map(found).sum();
        out += &format!(
            "| {area} | [{name}](#{}) | {} | {with_cases} | {in_cases} |\n",
            anchor(name),
            all().count()
        );
    }
    for (area, name) in AREAS {
        out += &format!("\n## {name}\n\n");
        out += "| id | what | case | preview | attached | fallback | zero-copy | evidence |\n\
                |---|---|---|---|---|---|---|---|\n";
        for behaviour in behaviours().iter().filter(|it| it.area() == area) {
            let cases = cases.get(behaviour.id.as_str()).map(Vec::as_slice).unwrap_or_default();
            out += &rows(behaviour, cases, &words);
        }
    }
    out + &data()
}

fn head(recordings: &[String]) -> String {
    let folders: Vec<String> = recordings.iter().map(|it| format!("`{it}`")).collect();
    format!(
        "# Behaviours\n\n\
         What the product does and does not, release by release; which cases of `suites/` are \
         about it;\nhow they end; and why their expectations are believed.\n\n\
         **Outcomes are those of recordings of the emulator**: they say that emulator and suites \
         agree,\nnot what an account does. Nothing here was ever run on an account. They are from\n{}.\n\n\
         This page is made from `data/`, `suites/` and `fixtures/`. After a change of any of them:\n\n\
         ```console\n$ cargo run -- behaviours > docs/behaviours.md\n```\n\n\
         `cargo test` fails, with the difference, while that was not done. A suite that changes is\n\
         recorded again first ([fixtures.md](fixtures.md)); until then its cases are `not run`, or\n\
         `{NOT_RECORDED}`. A behaviour without a case is `{NOT_YET}`; `–` is a case that is skipped \
         on a release.\n",
        folders.join(", ")
    )
}

/// The cases with an id, in the order of their suites.
fn by_id(suites: &[Suite]) -> BTreeMap<&str, Vec<(&Suite, &Case)>> {
    let mut found: BTreeMap<&str, Vec<(&Suite, &Case)>> = BTreeMap::new();
    for suite in suites {
        for case in &suite.cases {
            if let Some(id) = &case.id {
                found.entry(id).or_default().push((suite, case));
            }
        }
    }
    found
}

type Words<'a> = BTreeMap<Release, HashMap<&'a CaseKey, &'static str>>;

/// A row for each case. Only the first has the behaviour.
fn rows(behaviour: &Behaviour, cases: &[(&Suite, &Case)], words: &Words<'_>) -> String {
    let Behaviour { id, what, releases } = behaviour;
    let known = match releases.0 == Release::ALL {
        true => String::new(),
        false => format!(" ({})", words::releases_text(releases).join(", ")),
    };
    let (id, what) = (format!("**{id}**"), format!("{}{known}", cell(what)));
    if cases.is_empty() {
        return format!("| {id} | {what} | {NOT_YET} | | | | | |\n");
    }
    let mut out = String::new();
    for (at, (suite, case)) in cases.iter().enumerate() {
        let (id, what) = match at {
            0 => (id.as_str(), what.as_str()),
            _ => ("", ""),
        };
        let key = run::key(suite, case);
        let on = |release: &Release| match words.get(release).and_then(|it| it.get(&key)) {
            Some(&"skipped") => "–",
            Some(word) => word,
            None => NOT_RECORDED,
        };
        let outcomes: Vec<&str> = Release::ALL.iter().map(on).collect();
        out += &format!(
            "| {id} | {what} | {} | {} | {} |\n",
            linked(&key),
            outcomes.join(" | "),
            cell(&evidence(case))
        );
    }
    out
}

/// `[limits/dml.yaml:17](../suites/limits/dml.yaml#L17) update is rejected`
fn linked(key: &CaseKey) -> String {
    let file = key.file.replace('\\', "/");
    let short = file.strip_prefix("suites/").unwrap_or(&file);
    format!("[{short}:{line}](../{file}#L{line}) {}", cell(&key.name), line = key.line)
}

/// Why the case's expectations are believed, each belief once.
fn evidence(case: &Case) -> String {
    let mut beliefs: Vec<String> = Vec::new();
    for expectation in case.steps.iter().flat_map(|it| &it.expect) {
        if expectation.evidence == Evidence::None {
            continue;
        }
        let word = words::evidence_text(expectation.evidence).unwrap_or_default();
        let releases = match &expectation.releases {
            Some(releases) => format!(" ({})", words::releases_text(releases).join(", ")),
            None => String::new(),
        };
        let belief = match &expectation.source {
            Some(source) => format!("{word}{releases}: {source}"),
            None => format!("{word}{releases}"),
        };
        if !beliefs.contains(&belief) {
            beliefs.push(belief);
        }
    }
    match beliefs.is_empty() {
        true => "plain SQL".to_owned(),
        false => beliefs.join("<br>"),
    }
}

/// The data files, as far as they are tables.
fn data() -> String {
    let mut out = String::from(
        "\n## Data\n\nWhat the documents and others say, each with the day on which it was said. \
         From `data/`.\n\n### Regions that have interactive tables\n\n\
         | since | release | AWS | GCP | Azure | source |\n|---|---|---|---|---|---|\n",
    );
    for list in region::lists() {
        let of = |cloud: Cloud| match list.clouds.iter().find(|(it, _)| *it == cloud) {
            None => "–".to_owned(),
            Some((_, Places::All)) => "all".to_owned(),
            Some((_, Places::Named(names))) => format!("{}: {}", names.len(), names.join(", ")),
        };
        let Stated { source, date } = &list.stated;
        let clouds = Cloud::ALL.map(of).join(" | ");
        out += &format!("| {date} | {} | {clouds} | {} |\n", list.release, cell(source));
    }
    let said = |stated: &Stated| format!("{} | {} |\n", stated.date, cell(&stated.source));

    let warehouses = price::warehouses();
    out += "\n### Credits per hour and cluster\n\n\
            | kind | size | credits | said | source |\n|---|---|--:|---|---|\n";
    for it in &warehouses.prices {
        let (kind, size) = (it.kind.name(), it.size.name());
        out += &format!("| {kind} | {size} | {} | {}", it.credits, said(&it.stated));
    }
    out += "\n### Shortest time that is billed\n\n| kind | time | said | source |\n|---|---|---|---|\n";
    for it in &warehouses.minimums {
        let time = words::duration_text(it.time);
        out += &format!("| {} | {time} | {}", it.kind.name(), said(&it.stated));
    }
    out += "\n### Largest interactive warehouse\n\n| size | said | source |\n|---|---|---|\n";
    for it in &warehouses.largest {
        out += &format!("| {} | {}", it.size.name(), said(&it.stated));
    }
    out += "\n### Size of an interactive warehouse by working set\n\n\
            | size | up to | said | source |\n|---|--:|---|---|\n";
    for it in &warehouses.working_sets {
        let up_to = it.up_to_gb.map_or_else(|| "above".to_owned(), |gb| format!("{gb} GB"));
        out += &format!("| {} | {up_to} | {}", it.size.name(), said(&it.stated));
    }
    out
}

/// Text as it can stand in a cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// A heading's anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    heading.to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::sample,
        run::Outcome,
        suite::{parse_suite, source::Source},
    };

    const SUITE: &str = "doc: d
cases:
  - id: L-09
    name: update | is rejected
    sql: UPDATE T SET K = 0
    expect:
      - { releases: ..attached, error: any, evidence: observed, source: a log }
      - { releases: fallback.., error: any, evidence: documented, source: 'docs: limits' }
  - id: L-09
    name: delete is rejected
    sql: DELETE FROM T
  - name: without an id
    sql: SELECT 1
";

    fn rows_of(page: &str, id: &str) -> Vec<String> {
        let lines = page.lines().skip_while(|it| !it.contains(&format!("| **{id}** |")));
        let own = lines.enumerate().take_while(|(at, it)| *at == 0 || it.starts_with("|  |"));
        own.map(|(_, it)| it.to_owned()).collect()
    }

    #[test]
    fn a_behaviour_has_its_cases_their_outcomes_and_their_evidence() {
        let source = Source::new("suites/limits/dml.yaml", SUITE.to_owned());
        let suites = [parse_suite("limits::dml", source).unwrap()];
        let report = |at: usize, outcome| {
            let mut report = sample::case("", outcome);
            report.case = run::key(&suites[0], &suites[0].cases[at]);
            report
        };
        let skipped = Outcome::Skipped { reason: "no".to_owned() };
        let newest = sample::summary(vec![report(0, Outcome::Passed), report(1, skipped)]);
        let seen = Outcome::Observed { seen: "rows".to_owned() };
        let older = sample::summary(vec![report(0, seen)]);
        let outcomes = BTreeMap::from([(Release::ZeroCopy, &newest), (Release::Attached, &older)]);
        let page = page(&suites, &outcomes, &["fixtures/emulator-x".to_owned()]);

        let evidence = "observed (..attached): a log<br>documented (fallback..): docs: limits";
        assert_eq!(
            rows_of(&page, "L-09"),
            [
                format!(
                    "| **L-09** | interactive tables take no DML but INSERT OVERWRITE | \
                     [limits/dml.yaml:4](../suites/limits/dml.yaml#L4) update \\| is rejected | not \
                     recorded | observed | not recorded | passed | {evidence} |"
                ),
                "|  |  | [limits/dml.yaml:10](../suites/limits/dml.yaml#L10) delete is rejected | not \
                 recorded | not recorded | not recorded | – | plain SQL |"
                    .to_owned(),
            ]
        );
        let none = "| **L-33** | a table that is not attached is read all the same (zero-copy) | \
                    not yet | | | | | |";
        assert_eq!(rows_of(&page, "L-33"), [none]);
        assert!(page.contains("| L | [Limitations](#limitations) | 38 | 1 | 2 |"), "{page}");
        assert!(page.contains("They are from\n`fixtures/emulator-x`.\n"), "{page}");
        assert!(!page.contains("without an id"), "{page}");
    }

    #[test]
    fn every_behaviour_is_on_the_page_once() {
        let page = page(&[], &BTreeMap::new(), &[]);
        let found: Vec<&str> = page
            .lines()
            .filter_map(|it| it.strip_prefix("| **")?.split_once("**").map(|(id, _)| id))
            .collect();
        assert_eq!(found, crate::suite::catalogue::ids().collect::<Vec<_>>());
    }
}
