//! Pages for browsers: what they have in common, and the page of one run.
//!
//! A page is one file. It loads nothing, which its content security policy holds it to, and all
//! of it can be read without scripts; the script only filters. Whatever comes from outside goes
//! through [`escape`].

mod cases;
pub(crate) mod figure;
mod load;
pub mod matrix;
mod refresh;
mod sums;
pub mod table;

use super::{
    junit::wall_time,
    text::{self, Origin},
};
use crate::run::{
    CaseReport, Counts, Diagnosis, Outcome, RunSummary, StepReport, compare::counted,
};
use chrono::{DateTime, Utc};
use std::{fs, io, path::Path, time::Duration};

const STYLE: &str = concat!(
    include_str!("html/page.css"),
    include_str!("html/plot.css"),
    include_str!("html/regions.css")
);

/// Holds no data, so that nothing from outside can become a part of it.
const SCRIPT: &str = include_str!("html/page.js");

/// Writes the page of a run; folders on the way are made.
pub fn write(path: &Path, summary: &RunSummary) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, render(summary))
}

/// The page of a run as text.
pub fn render(summary: &RunSummary) -> String {
    let counts = summary.counts();
    let total = counts.total();
    let bad = summary.cases.iter().filter(|it| cases::is_bad(it)).count();
    let title = match (bad, total) {
        (_, 0) => "No cases".to_owned(),
        (0, _) => format!("{}, none failed", counted(total, "case")),
        _ => format!("{bad} of {} to look at", counted(total, "case")),
    };
    let target = &summary.target_in_words();
    let shares: Vec<(&str, usize)> = counts.in_words().map(|(count, word)| (word, count)).to_vec();
    let mut body = top("run", &title, &format!("Run {} on {target}.", summary.run));
    body += &share(&shares);
    body += &tally("cases", &shares);
    body += &tally("budgets", &load::verdicts(summary));
    if let Some(cause) = &summary.cut_short {
        body += &notice("bad", &format!("The run was cut short: {cause}"));
    }
    body += "<div class=\"cards\">";
    body += &card("Run", target, &run_facts(summary));
    let facts = summary.facts.iter().filter(|(name, _)| !COST.contains(&name.as_str()));
    let facts: Vec<_> = facts.map(|(a, b)| (a.as_str(), b.clone())).collect();
    if !facts.is_empty() {
        body += &card("Target", &summary.place, &facts);
    }
    body += "</div>";

    let parts = [
        ("cases", "cases", cases::list(summary)),
        ("load", "load", load::section(summary)),
        ("refresh", "refreshes", refresh::section(summary)),
        ("behaviours", "behaviours", matrix::section(summary)),
    ];
    body += &links(&parts);
    body += &parts.map(|(_, _, part)| part).concat();
    body += &suites(summary);
    body += &work(summary);
    page(&format!("snowgauge run {}", summary.run), &body, &summary.tool_version)
}

/// Facts that are told together.
const COST: [&str; 3] = ["metered_credits", "estimate", "estimated_credits"];

/// What the run cost, and what it was expected to.
fn cost(summary: &RunSummary) -> String {
    let fact = |wanted: &str| summary.facts.iter().find(|(it, _)| it == wanted).map(|it| &it.1);
    match (fact("metered_credits"), fact("estimate")) {
        (Some(metered), Some(estimate)) => {
            format!("{metered} credits metered; expected: {estimate}")
        }
        (Some(metered), None) => format!("{metered} credits metered"),
        (None, Some(estimate)) => format!("expected: {estimate}"),
        (None, None) => String::new(),
    }
}

/// Where the parts of the page are, if there are several.
fn links(parts: &[(&str, &str, String)]) -> String {
    let parts: Vec<_> = parts.iter().filter(|(.., part)| !part.is_empty()).collect();
    if parts.len() < 2 {
        return String::new();
    }
    let link = |(id, words, _): &&(&str, &str, String)| format!("<a href=\"#{id}\">{words}</a>");
    let links: Vec<String> = parts.iter().map(link).collect();
    format!("<nav aria-label=\"parts of the page\">{}</nav>", links.join(""))
}

fn run_facts(summary: &RunSummary) -> Vec<(&'static str, String)> {
    let release = match (summary.release, &summary.release_how) {
        (Some(release), Some(how)) => format!("{release}: {how}"),
        (Some(release), None) => release.to_string(),
        (None, _) => "not known".to_owned(),
    };
    let took = match summary.took_us {
        Some(took_us) => text::seconds(Duration::from_micros(took_us)),
        None => "it did not come to its end".to_owned(),
    };
    vec![
        ("place", summary.place.clone()),
        ("release", release),
        ("started", summary.started_at.map(instant).unwrap_or_default()),
        ("took", took),
        ("cost", cost(summary)),
        ("seed", summary.seed.to_string()),
        ("scale", summary.scale.to_string()),
        ("run", summary.run.clone()),
    ]
}

fn suites(summary: &RunSummary) -> String {
    let suites = summary.suites();
    if suites.len() < 2 {
        return String::new();
    }
    let mut out = String::from(
        "<h2>Suites</h2><table class=\"plain\"><tr><th>suite</th><th>cases</th>\
         <th class=\"number\">took</th></tr>",
    );
    for (name, cases) in suites {
        let counts: Vec<String> = Counts::of(cases.iter().copied())
            .in_words()
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        let wall = wall_time(&cases).map(|(_, it)| text::seconds(it)).unwrap_or_default();
        out += &format!(
            "<tr><td>{}</td><td>{}</td><td class=\"number\">{wall}</td></tr>",
            escape(name),
            counts.join(", ")
        );
    }
    out + "</table>"
}

fn work(summary: &RunSummary) -> String {
    if summary.work.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "<h2>Beside the cases</h2><table class=\"plain\"><tr><th>what</th><th>how it ended</th>\
         <th class=\"number\">took</th></tr>",
    );
    for work in &summary.work {
        let ending = match &work.failure {
            None => tag("passed", ""),
            Some(failure) => match text::parted(failure) {
                (why, None) => format!("{} {}", tag("failed", ""), escape(why)),
                (why, Some(diff)) => format!(
                    "{} {}{}",
                    tag("failed", ""),
                    escape(why),
                    self::diff(diff, NOT_RECORDED)
                ),
            },
        };
        out += &format!(
            "<tr><td>{}</td><td>{ending}</td><td class=\"number\">{}</td></tr>",
            escape(&work.what),
            seconds(work.took_us)
        );
    }
    out + "</table>"
}

/// A whole page. `body` is markup, `title` is text.
pub fn page(title: &str, body: &str, tool_version: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n{body}\n\
         <footer>Made by snowgauge {}.</footer>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        escape(title),
        escape(tool_version),
    )
}

/// What a page is of, what came out, and a sentence more.
pub fn top(what: &str, title: &str, lead: &str) -> String {
    format!(
        "<header><p class=\"brand\"><b>snowgauge</b> {}</p><h1>{}</h1><p class=\"lead\">{}</p>\
         </header>",
        escape(what),
        escape(title),
        escape(lead)
    )
}

/// A strip that shows how much of the whole is what.
pub fn share(parts: &[(&str, usize)]) -> String {
    let mut out = String::from("<div class=\"share\" aria-hidden=\"true\">");
    for (word, count) in parts.iter().filter(|(_, count)| *count > 0) {
        out += &format!("<i class=\"{}\" style=\"flex:{count}\"></i>", class(word));
    }
    out + "</div>"
}

/// How many are what, in words; nothing where there are none.
fn tally(of: &str, parts: &[(&str, usize)]) -> String {
    let part = |(word, count): &&(&str, usize)| {
        format!("<span class=\"{}\"><b>{count}</b> {word}</span>", class(word))
    };
    let parts: Vec<String> = parts.iter().filter(|it| it.1 > 0).map(|it| part(&it)).collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!("<p class=\"legend\">{}: {}</p>", escape(of), parts.join(" ")),
    }
}

/// `tone`: `bad`, or empty.
pub fn notice(tone: &str, text: &str) -> String {
    format!("<p class=\"notice {tone}\">{}</p>", escape(text))
}

/// A box with a list of facts; those without a value are left out.
pub fn card(title: &str, beside: &str, facts: &[(&str, String)]) -> String {
    let mut out = format!(
        "<section class=\"card\"><h2>{} <small>{}</small></h2><dl>",
        escape(title),
        escape(beside)
    );
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        out += &format!("<dt>{}</dt><dd>{}</dd>", escape(name), escape(value));
    }
    out + "</dl></section>"
}

/// What can be filtered by: kind, its words, how many. `first` is what is shown at first, and
/// all where it is `None`.
pub fn tools(
    first: Option<(&str, &str, usize)>,
    kinds: &[(&str, &str, usize)],
    total: usize,
) -> String {
    let button = |kind: &str, words: &str, count: usize, also: &str| {
        format!(
            "<button type=\"button\" class=\"{also} {0}\" data-kind=\"{0}\"><b>{count}</b> {1}\
             </button>",
            class(kind),
            escape(words)
        )
    };
    let mut out = format!(
        "<div class=\"tools\" role=\"group\" aria-label=\"filter\" data-first=\"{}\">",
        first.map(|(kind, ..)| class(kind)).unwrap_or_default()
    );
    if let Some((kind, words, count)) = first {
        out += &button(kind, words, count, "script");
    }
    for (kind, words, count) in kinds {
        out += &button(kind, words, *count, "");
    }
    out += &button("", "all", total, "script");
    out + "<input class=\"script\" type=\"search\" placeholder=\"search\" aria-label=\"search\">\
           </div>"
}

/// Shown where the filters leave nothing.
pub const NONE_FOUND: &str = "<p class=\"none\" hidden>Nothing here has all of that.</p>";

/// A word on its hue. `also` is a further class.
pub fn tag(word: &str, also: &str) -> String {
    format!("<span class=\"tag {} {also}\">{}</span>", class(word), escape(word))
}

/// A case's name and place, with markup below.
pub fn name(report: &CaseReport, below: &str) -> String {
    let case = &report.case;
    let id = match &case.id {
        Some(id) => format!("<b>{}</b> ", escape(id)),
        None => String::new(),
    };
    format!(
        "<span class=\"name\">{id}{}<span class=\"where\">{} · {}:{}</span>{below}</span>",
        escape(&case.name),
        escape(&case.suite),
        escape(&case.file),
        case.line
    )
}

/// All that is known of a case on one target.
pub fn case(report: &CaseReport, origin: Origin) -> String {
    let mut out = String::new();
    let mut facts: Vec<(&str, String)> = Vec::new();
    match &report.outcome {
        Outcome::Failed { failure } => {
            out += &format!("<p class=\"message\">{}</p>", escape(&failure.message));
            if let Some(diff) = &failure.diff {
                out += &self::diff(diff, ["expected", "found"]);
            }
            out += &format!("<pre>{}</pre>", escape(failure.sql.trim()));
            if let Some(hint) = &failure.hint {
                out += &format!("<p class=\"hint\">{}</p>", escape(hint));
            }
            facts.push(("place", failure.place.clone()));
            facts.push((origin.query_id(), failure.query_id.clone().unwrap_or_default()));
        }
        other => {
            if let Some(reason) = text::reason(other) {
                let (why, diff) = text::parted(reason);
                out += &format!("<p class=\"message\">{}</p>", escape(why));
                if let Some(diff) = diff {
                    out += &self::diff(diff, NOT_RECORDED);
                }
            }
        }
    }
    if let Some(Diagnosis { rule, cause, remedy, source }) = &report.diagnosis {
        out += &format!(
            "<p class=\"hint\"><b>Likely cause:</b> {} <b>Remedy:</b> {}</p>",
            escape(cause),
            escape(remedy)
        );
        facts.push(("diagnosis", format!("{rule}: {source}")));
    }
    let evidence = serde_json::to_value(report.evidence).unwrap_or_default();
    facts.push((
        "evidence",
        match (evidence.as_str(), &report.source) {
            (None | Some("none"), _) => String::new(),
            (Some(evidence), Some(source)) => format!("{evidence}: {source}"),
            (Some(evidence), None) => evidence.to_owned(),
        },
    ));
    facts.push(("release", report.release.map(|it| it.to_string()).unwrap_or_default()));
    facts.extend(report.properties.iter().map(|(name, value)| (name.as_str(), value.clone())));
    out += "<dl>";
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        out += &format!("<dt>{}</dt><dd>{}</dd>", escape(name), escape(value));
    }
    out += "</dl>";
    out + &steps(&report.steps, origin)
}

/// What the lines of a diff of a recording are.
const NOT_RECORDED: [&str; 2] = ["recorded", "sent"];

/// Line by line. `words` are for what is gone and what is there.
fn diff(diff: &str, words: [&str; 2]) -> String {
    let mut out = format!(
        "<p class=\"key\"><span class=\"del\">- {}</span> <span class=\"add\">+ {}</span></p>\
         <pre class=\"diff\">",
        words[0], words[1]
    );
    for line in diff.lines() {
        let class = match line.chars().next() {
            Some('-') => "del",
            Some('+') => "add",
            _ => "",
        };
        out += &format!("<span class=\"{class}\">{}</span>", escape(line));
    }
    out + "</pre>"
}

/// What was executed, folded away.
fn steps(steps: &[StepReport], origin: Origin) -> String {
    if steps.is_empty() {
        return String::new();
    }
    let longest = steps.iter().map(|it| it.elapsed_us).max().unwrap_or_default().max(1);
    let mut out = format!(
        "<details class=\"steps\"><summary>{}</summary><ol>",
        counted(steps.len(), "statement")
    );
    for step in steps {
        let part = step.elapsed_us as f64 / longest as f64 * 100.0;
        out += &format!(
            "<li><div class=\"meta\"><span>line {}</span><span>{}</span><span class=\"took\">{}{}{}\
             </span><span class=\"mono\">{}</span></div>{}",
            step.line,
            escape(&match &step.warehouse {
                Some(warehouse) => format!("{} on {warehouse}", step.session),
                None => step.session.clone(),
            }),
            seconds(step.elapsed_us),
            origin.time(),
            match step.looks {
                0 | 1 => String::new(),
                looks => format!(", look {looks}"),
            },
            match (&step.query_id, origin) {
                (None, _) => String::new(),
                (Some(id), Origin::Own) => escape(id),
                (Some(id), Origin::Recorded) => format!("replayed {}", escape(id)),
            },
            // Alone, a statement has nothing to be compared with.
            match steps.len() {
                1 => String::new(),
                _ => format!("<div class=\"track\">{}</div>", bar(0.0, part)),
            },
        );
        if !step.sql.is_empty() {
            out += &format!("<pre>{}</pre>", escape(step.sql.trim()));
        }
        let refused = if step.refusal.is_some() { " class=\"refused\"" } else { "" };
        out += &format!("<div{refused}>{}</div></li>", escape(&step.ending));
    }
    out + "</ol></details>"
}

fn bar(from: f64, part: f64) -> String {
    format!("<i style=\"--from:{from:.2}%;--part:{part:.2}%\"></i>")
}

fn seconds(micros: u64) -> String {
    text::seconds(Duration::from_micros(micros))
}

/// `2026-10-02 14:05:09 UTC`
pub fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A word as the name of a class. Words are ours; anything else would only be without a hue.
pub fn class(word: &str) -> String {
    word.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '-' }).collect()
}

/// Text as markup, for elements and for attributes in double quotes.
///
/// Control characters are shown, and so are those that turn the direction of what follows: with
/// them a message could make a page say what it does not.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text::printable(text).chars() {
        match it {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.push_str(&format!("[U+{:04X}]", u32::from(it)));
            }
            it => out.push(it),
        }
    }
    out
}

#[cfg(test)]
mod structure;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(escape(text), expected);
    }

    #[test]
    fn markup_in_text_is_text() {
        check(
            "a < b && c > \"d\" or 'e'",
            "a &lt; b &amp;&amp; c &gt; &quot;d&quot; or &#39;e&#39;",
        );
        check("</script>", "&lt;/script&gt;");
        check("é 漢 \u{1f4a9}\n\t", "é 漢 \u{1f4a9}\n\t");
        check("\u{1b}[31m \u{0} \u{202e}x", "␛[31m ␀ [U+202E]x");
    }

    #[test]
    fn a_run_is_told_whole() {
        let html = render(&sample::summary(sample::cases()));
        let expect = |part: &str| assert!(html.contains(part), "no {part} in\n{html}");
        expect("<h1>4 of 8 cases to look at</h1>");
        expect("<dt>place</dt><dd>a test</dd>");
        expect("<dt>release</dt><dd>zero-copy: it read a table</dd>");
        expect("<dt>region</dt><dd>AWS_US_EAST_1</dd>");
        expect("<dt>took</dt><dd>2.000s</dd>");
        expect("<span class=\"tag lifted \">lifted</span>");
        expect("<p class=\"message\">row 2 differs</p>");
        expect("<p class=\"hint\">look there</p>");
        expect("<dt>query id</dt><dd>01b0-1</dd>");
        expect("<dt>evidence</dt><dd>documented: docs: limitations</dd>");
        expect("<span>line 9</span><span>standard on SG1_STD</span>");
        expect("<td>set up</td>");
        assert_eq!(html.matches("<details class=\"case\"").count(), 8);
        assert_eq!(html.matches(" to-look-at\"").count(), 4 + 1, "four cases and the filter");
    }

    #[test]
    fn a_recordings_ids_and_times_are_called_so() {
        let html = render(&sample::recorded(sample::summary(sample::cases())));
        let expect = |part: &str| assert!(html.contains(part), "no {part} in\n{html}");
        expect("<dt>replayed query id</dt><dd>01b0-1</dd>");
        expect("<span class=\"took\">0.250s recorded</span>");
        expect("<span class=\"mono\">replayed 01b0-1</span>");
        assert!(!html.contains("<dt>query id</dt>"), "{html}");
    }

    #[test]
    fn a_cause_with_a_diff_shows_it_as_one() {
        let outcome = Outcome::NotRun { cause: sample::NOT_RECORDED.to_owned() };
        let html = render(&sample::summary(vec![sample::case("a", outcome)]));
        let expect = |part: &str| assert!(html.contains(part), "no {part} in\n{html}");
        expect("<span class=\"why\">not recorded: the nearest is</span>");
        expect("<p class=\"message\">not recorded: the nearest is</p><p class=\"key\">");
        expect("<span class=\"del\">- recorded</span> <span class=\"add\">+ sent</span>");
        expect("<span class=\"\"> SELECT K</span><span class=\"del\">-FROM T</span>");
        expect("<span class=\"add\">+FROM U</span>");
    }

    #[test]
    fn a_bar_begins_when_its_case_did() {
        let mut cases = sample::cases();
        cases.truncate(2);
        cases[1].at += chrono::TimeDelta::milliseconds(1_250);
        let html = render(&sample::summary(cases));
        assert!(html.contains("--from:0.00%;--part:50.00%"), "{html}");
        assert!(html.contains("--from:50.00%;--part:50.00%"), "{html}");
    }

    #[test]
    fn a_run_without_cases_and_one_that_was_killed_have_a_page() {
        let html = render(&RunSummary::default());
        assert!(html.contains("<h1>No cases</h1>"), "{html}");
        let mut summary = sample::summary(sample::cases());
        summary.took_us = None;
        summary.cut_short = Some("interrupted <here>".to_owned());
        let html = render(&summary);
        assert!(html.contains("The run was cut short: interrupted &lt;here&gt;"), "{html}");
        assert!(html.contains("it did not come to its end"), "{html}");
    }
}
