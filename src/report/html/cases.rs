//! The list of a run's cases: first those to look at, the others folded away.

use super::{NONE_FOUND, bar, case, class, escape, name, seconds, tag, tools};
use crate::{
    report::{
        junit::wall_time,
        text::{self, Origin},
    },
    run::{CaseReport, Outcome, RunSummary, compare::counted},
};
use chrono::{DateTime, Utc};

/// Cases that are listed without being asked for.
const OPEN_MAX: usize = 60;

/// From so many cases on, those that passed are listed without what they executed: a page that
/// has it opens in seconds rather than at once.
const BRIEF_FROM: usize = 2_000;

pub fn list(summary: &RunSummary) -> String {
    let counts = summary.counts();
    let (total, bad) = (counts.total(), summary.cases.iter().filter(|it| is_bad(it)).count());
    let kinds: Vec<(&str, &str, usize)> = counts
        .in_words()
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| (word, word, count))
        .collect();
    let first = if bad > 0 { Some(("to look at", "to look at", bad)) } else { None };
    let mut out = String::from("<section id=\"cases\"><h2>Cases</h2>");
    out += &tools(first, &kinds, total);
    out += "<div class=\"cases\" style=\"--columns: 6rem minmax(0, 1fr) 11rem\">";
    out += "<div class=\"row head\" aria-hidden=\"true\"><span>outcome</span><span>case</span>\
            <span>when, and for how long</span></div>";
    let (span, origin) = (Span::of(summary), Origin::of(summary));
    for report in summary.cases.iter().filter(|it| is_bad(it)) {
        out += &one(report, &span, origin);
    }
    if bad < total {
        // What is folded away costs no layout, which is what makes long pages slow.
        let has_figures = summary.cases.iter().any(|it| it.load.is_some());
        let is_open = total <= OPEN_MAX && bad == 0 && !has_figures;
        out += &format!(
            "<details class=\"others\"{}><summary>{}</summary>",
            if is_open { " open" } else { "" },
            match bad {
                0 => counted(total, "case"),
                _ => counted(total - bad, "other case"),
            }
        );
        let is_brief = |it: &CaseReport| {
            total >= BRIEF_FROM && matches!(it.outcome, Outcome::Passed | Outcome::Skipped { .. })
        };
        if summary.cases.iter().any(is_brief) {
            out += "<p class=\"brief\">Of so many cases, those that passed or were skipped are here \
                    without their statements. The journal and the JSON report have them.</p>";
        }
        for report in summary.cases.iter().filter(|it| !is_bad(it)) {
            out += &match is_brief(report) {
                true => row("div", "case row", report, &span),
                false => one(report, &span, origin),
            };
        }
        out += "</details>";
    }
    out + NONE_FOUND + "</div></section>"
}

/// Whether somebody has to look at it.
pub fn is_bad(report: &CaseReport) -> bool {
    matches!(
        report.outcome,
        Outcome::Failed { .. }
            | Outcome::Unsure { .. }
            | Outcome::NotRun { .. }
            | Outcome::Invalid { .. }
    )
}

/// The time that a run's bars stand for.
struct Span {
    starts_at: DateTime<Utc>,
    micros: f64,
}

impl Span {
    fn of(summary: &RunSummary) -> Self {
        let cases: Vec<&CaseReport> = summary.cases.iter().collect();
        let (starts_at, wall) = wall_time(&cases).unwrap_or_default();
        Self { starts_at, micros: (wall.as_micros() as f64).max(1.0) }
    }

    /// A bar from when the case started, as long as it took.
    fn bar(&self, report: &CaseReport) -> String {
        let before = (report.at - self.starts_at).num_microseconds().unwrap_or_default();
        let percent = |micros: f64| (micros / self.micros * 100.0).clamp(0.0, 100.0);
        bar(percent(before as f64), percent(report.took_us as f64))
    }
}

fn one(report: &CaseReport, span: &Span, origin: Origin) -> String {
    let also = if is_bad(report) { " to-look-at" } else { "" };
    format!(
        "<details class=\"case\" data-kinds=\"{}{also}\">{}<div class=\"body\">{}</div></details>\n",
        class(report.outcome.word()),
        row("summary", "row", report, span),
        case(report, origin),
    )
}

/// How the case ended, on one line or two.
fn row(element: &str, classes: &str, report: &CaseReport, span: &Span) -> String {
    let outcome = &report.outcome;
    let why = match text::reason(outcome) {
        Some(why) => format!("<span class=\"why\">{}</span>", escape(text::parted(why).0)),
        None => String::new(),
    };
    let word = class(outcome.word());
    let kinds = match element {
        "summary" => String::new(),
        _ => format!(" data-kinds=\"{word}\""),
    };
    format!(
        "<{element} class=\"{classes}\"{kinds}><span class=\"first\">{}</span>{}<span \
         class=\"cell wide {word}\"><span class=\"took\">{}</span><span class=\"track\" \
         style=\"display:block\">{}</span></span></{element}>",
        tag(outcome.word(), ""),
        name(report, &why),
        seconds(report.took_us),
        span.bar(report),
    )
}
