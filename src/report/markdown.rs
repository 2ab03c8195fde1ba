//! A page for where a build server shows Markdown: a job's summary, a comment.
//!
//! Bounded, since such places are: what is left out is counted, and whole in the other reports.

use super::{
    junit::wall_time,
    load::{self, millis},
    terminal,
    text::{self, Origin},
};
use crate::{
    load::{LoadReport, Verdict},
    run::{CaseReport, Counts, Outcome, RunSummary, compare::counted},
};
use std::{fs, io, path::Path, time::Duration};

/// Cases of one outcome that are told in full. GitHub takes 1 MiB of a step's summary.
const CASES_MAX: usize = 40;

/// Characters of such a case.
const DETAILS_MAX: usize = 2000;

/// Writes the page; folders on the way are made.
pub fn write(path: &Path, summary: &RunSummary) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, render(summary))
}

pub fn render(summary: &RunSummary) -> String {
    let counts = terminal::counts(&summary.counts());
    let mut out = format!("## {counts}\n\n{}\n\n", inline(&run(summary)));
    if let Some(cause) = &summary.cut_short {
        out += &format!("**Cut short:** {}\n\n", inline(cause));
    }
    let lifted = |it: &Outcome| matches!(it, Outcome::Lifted { .. });
    for (title, is_wanted) in [
        ("Failed", (|it| matches!(it, Outcome::Failed { .. })) as fn(&Outcome) -> bool),
        ("Invalid", |it| matches!(it, Outcome::Invalid { .. })),
        ("Unsure", |it| matches!(it, Outcome::Unsure { .. })),
        ("Lifted: limitations that are gone", lifted),
        ("Observed: nothing was pinned", |it| matches!(it, Outcome::Observed { .. })),
    ] {
        let cases: Vec<_> = summary.cases.iter().filter(|it| is_wanted(&it.outcome)).collect();
        out += &section(title, &cases, Origin::of(summary));
    }
    out += &not_run(summary);
    out += &loads(summary);
    out += &suites(summary);
    out += &facts(summary);
    out
}

/// What was run on what, in a line.
fn run(summary: &RunSummary) -> String {
    let release = summary.release.map(|it| format!(", release {it}")).unwrap_or_default();
    let took = summary.took_us.map(|it| text::seconds(Duration::from_micros(it)));
    let took = took.map(|it| format!(", {it}")).unwrap_or_default();
    let target = summary.target_in_words();
    let RunSummary { run, seed, scale, place, .. } = summary;
    format!("Run {run} on {target} at {place}{release}, seed {seed}, scale {scale}{took}")
}

/// Cases that share an outcome, each with all that one needs.
fn section(title: &str, cases: &[&CaseReport], origin: Origin) -> String {
    if cases.is_empty() {
        return String::new();
    }
    let mut out = format!("### {title}\n\n");
    for report in cases.iter().take(CASES_MAX) {
        let reason = text::reason(&report.outcome).map(|it| text::parted(it).0).unwrap_or_default();
        out += &format!(
            "<details><summary><code>{}</code> {}</summary>\n\n{}\n</details>\n\n",
            inline(&report.case.to_string()),
            inline(reason),
            fenced(&text::cut(&text::details_from(report, origin), DETAILS_MAX), "diff")
        );
    }
    if cases.len() > CASES_MAX {
        out += &format!("and {} more\n\n", cases.len() - CASES_MAX);
    }
    out
}

/// By cause: a target that is lost has one, and many cases.
fn not_run(summary: &RunSummary) -> String {
    let causes = terminal::by_reason(summary, |it| match it {
        Outcome::NotRun { cause } => Some(cause),
        _ => None,
    });
    if causes.is_empty() {
        return String::new();
    }
    let mut out = "### Not run\n\n".to_owned();
    for (cause, cases) in causes.iter().take(CASES_MAX) {
        let cause = inline(text::parted(cause).0);
        out += &format!("- {}: {cause}\n", counted(cases.len(), "case"));
    }
    if causes.len() > CASES_MAX {
        out += &format!("- and {} causes more\n", causes.len() - CASES_MAX);
    }
    out + "\n"
}

fn loads(summary: &RunSummary) -> String {
    let loads: Vec<(&CaseReport, &LoadReport)> =
        summary.cases.iter().filter_map(|it| Some((it, it.load.as_deref()?))).collect();
    if loads.is_empty() {
        return String::new();
    }
    let mut out = "### Loads\n\nMilliseconds from when a request was due.\n\n".to_owned();
    let head = ["case", "of", "answered", "p50", "p95", "p99", "max", ""];
    let mut rows = Vec::new();
    for (case, report) in &loads {
        let simulated = if report.measured.simulated.is_some() { "simulated" } else { "" };
        let latencies = load::latencies(report);
        let queries = |role| latencies.iter().filter(|it| it.role == role).count() - 1;
        for it in &latencies {
            // All of a role's queries together, and the only one there is, are the same figures.
            if it.query.is_none() && queries(it.role) == 1 {
                continue;
            }
            let of = match it.query {
                Some(query) => format!("{}, {query}", it.role),
                None => it.role.to_owned(),
            };
            let figures = [it.p50_us, it.p95_us, it.p99_us, it.max_us].map(|us| match it.ok {
                0 => "-".to_owned(),
                _ => millis(us),
            });
            let mut row = vec![case.case.to_string(), of, it.ok.to_string()];
            row.extend(figures);
            row.push(simulated.to_owned());
            rows.push(row);
        }
    }
    out += &table(&head, &rows);
    let mut budgets = Vec::new();
    for (case, report) in &loads {
        for it in report.judged.iter().filter(|it| it.verdict != Verdict::Passed) {
            let of = it.query.as_ref().map(|it| format!("{it}: ")).unwrap_or_default();
            let word = load::word(it.verdict);
            let said = format!("{}: {of}{}: {word}: {}", case.case, it.budget, it.why);
            budgets.push(format!("- {}\n", inline(&said)));
        }
    }
    if !budgets.is_empty() {
        out += &format!("\nBudgets that did not pass:\n\n{}", budgets.concat());
    }
    out + "\n"
}

fn suites(summary: &RunSummary) -> String {
    let mut rows = Vec::new();
    for (name, cases) in summary.suites() {
        let wall = wall_time(&cases).map(|(_, it)| text::seconds(it)).unwrap_or_default();
        let counts = terminal::counts(&Counts::of(cases.iter().copied()));
        rows.push(vec![name.to_owned(), wall, counts]);
    }
    folded(&counted(rows.len(), "suite"), &table(&["suite", "time", ""], &rows))
}

fn facts(summary: &RunSummary) -> String {
    let facts = summary.facts.iter();
    let rows: Vec<_> = facts.map(|(name, value)| vec![name.clone(), value.clone()]).collect();
    match rows.is_empty() {
        true => String::new(),
        false => folded("What was learned on the way", &table(&["fact", ""], &rows)),
    }
}

fn folded(title: &str, body: &str) -> String {
    format!("<details><summary>{title}</summary>\n\n{body}\n</details>\n\n")
}

/// A table of texts.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut out = line(&head.iter().map(|it| inline(it)).collect::<Vec<_>>());
    out += &line(&vec!["---".to_owned(); head.len()]);
    for row in rows {
        out += &line(&row.iter().map(|it| inline(it)).collect::<Vec<_>>());
    }
    out
}

/// Text within a line, of which nothing is taken for Markdown or HTML, nor for a person's name.
///
/// References rather than backslashes: those work inside of HTML, too.
pub fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text::printable(text).chars() {
        match it {
            '\n' | '\t' => out.push(' '),
            '&' | '<' | '>' | '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '@' | '$' => {
                out += &format!("&#{};", u32::from(it));
            }
            it => out.push(it),
        }
    }
    out
}

/// A block that is shown as it is, whatever is in it.
pub fn fenced(text: &str, language: &str) -> String {
    let mut run = 0;
    let mut longest = 0;
    for it in text.chars() {
        run = if it == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[track_caller]
    fn expect(page: &str, parts: &[&str]) {
        for part in parts {
            assert!(page.contains(part), "no `{part}` in\n{page}");
        }
    }

    #[test]
    fn every_outcome_has_its_place() {
        let page = render(&sample::summary(sample::cases()));
        expect(
            &page,
            &[
                "## 1 passed, 1 failed, 1 unsure, 1 observed, 1 lifted, 1 skipped, 1 not run, 1 invalid\n",
                "Run SG1 on scripted at a test, release zero-copy, seed 42, scale 100, 2.000s\n",
                "### Failed\n\n<details><summary><code>limits::dml::L-09 fails</code> row 2 differs</summary>\n\n```diff\n",
                "\n-2\n+3\nquery id: 01b0-1\n",
                "### Invalid\n\n<details><summary><code>limits::dml::L-09 is invalid</code> clock skew",
                "### Unsure\n",
                "### Lifted: limitations that are gone\n",
                "### Observed: nothing was pinned\n",
                "### Not run\n\n- 1 case: connection lost\n",
                "| limits::dml | 1.250s | 1 passed, 1 failed,",
                "| region | AWS&#95;US&#95;EAST&#95;1 |",
            ],
        );
        assert!(!page.contains("### Loads"), "{page}");
    }

    #[test]
    fn a_load_is_told_in_figures_and_called_simulated_where_it_is() {
        let page = render(&sample::everything(0));
        expect(&page, &["### Loads\n", " | simulated |\n", "Budgets that did not pass:\n\n- "]);
        let measured = render(&sample::summary(vec![sample::loaded(None)]));
        assert!(!measured.contains("simulated"), "{measured}");
    }

    #[test]
    fn a_recordings_ids_are_called_so() {
        let page = render(&sample::recorded(sample::summary(sample::cases())));
        expect(&page, &["\nreplayed query id: 01b0-1\n", "(recorded from emulator, 2026"]);
    }

    #[test]
    fn ten_thousand_failures_fit_where_it_is_shown() {
        let failed = Outcome::Failed {
            failure: crate::run::Failure { diff: Some("+é".repeat(50_000)), ..sample::failure() },
        };
        let case = |at| sample::case(&format!("case {at}"), failed.clone());
        let page = render(&sample::summary((0..10_000).map(case).collect()));
        expect(&page, &["\nand 9960 more\n", "## 10000 failed\n"]);
        assert!(page.len() < 1 << 20, "{} bytes", page.len());
    }

    #[test]
    fn text_of_others_is_only_text() {
        let hostile = "a|b\n</summary><img src=x> `c` **d** @somebody [e](f) $g$ &amp;";
        let mut case = sample::case(hostile, Outcome::Unsure { why: hostile.to_owned() });
        case.case.suite = hostile.to_owned();
        case.source = Some("````\n# heading\n```".to_owned());
        let page = render(&sample::summary(vec![case]));
        // A longer fence than any inside.
        expect(&page, &["\n`````diff\n", "\n`````\n\n</details>"]);
        let outside: String = page.split("`````").step_by(2).collect();
        for part in ["<img", "**d**", "@some", "[e]", "$g$", "&amp;", "a|b", "`c`"] {
            assert!(!outside.contains(part), "`{part}` in\n{outside}");
        }
        assert_eq!(outside.matches("<details>").count(), outside.matches("</details>").count());
    }
}
