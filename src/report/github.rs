//! Marks on the lines of suites, as GitHub shows them beside a change: workflow commands that a
//! step prints.
//!
//! GitHub reads no JUnit. What it shows of a step is bounded, so the worst comes first, and what is
//! left out is counted.

use super::text::{self, Origin};
use crate::run::{CaseReport, Outcome, RunSummary};
use std::{fmt, fs, io, path::Path};

/// Marks of one level that GitHub keeps of a step; further ones it drops without a word.
const MARKS_MAX: usize = 10;

/// Characters of a mark's text. GitHub cuts what is longer than 4 KiB.
const TEXT_MAX: usize = 3000;

/// A workflow command that GitHub shows as a mark, as a step prints it.
#[derive(Clone, Debug)]
pub struct Mark<'a> {
    pub level: Level,
    /// `None` of what is about no file.
    pub file: Option<&'a str>,
    /// From 1; 0 of the whole file.
    pub line: usize,
    /// From 1; 0 of the whole line.
    pub column: usize,
    pub title: &'a str,
    pub text: &'a str,
}

/// How much a mark says the line is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warning,
    Notice,
}

const LEVELS: [Level; 3] = [Level::Error, Level::Warning, Level::Notice];

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }

    fn of(report: &CaseReport, summary: &RunSummary) -> Option<Self> {
        match &report.outcome {
            it if it.is_failure(summary.strictness) => Some(Self::Error),
            Outcome::Failed { .. } | Outcome::Invalid { .. } | Outcome::NotRun { .. } => {
                Some(Self::Error)
            }
            Outcome::Unsure { .. } => Some(Self::Warning),
            Outcome::Observed { .. } | Outcome::Lifted { .. } => Some(Self::Notice),
            Outcome::Passed | Outcome::Skipped { .. } => None,
        }
    }
}

impl fmt::Display for Mark<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "::{} ", self.level.word())?;
        if let Some(file) = self.file {
            write!(f, "file={},", property(file))?;
        }
        for (name, number) in [("line", self.line), ("col", self.column)] {
            if number > 0 {
                write!(f, "{name}={number},")?;
            }
        }
        write!(f, "title={}::{}", property(self.title), data(self.text))
    }
}

/// A line's end would end the command, and what follows could be another one.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Writes the commands; folders on the way are made.
pub fn write(path: &Path, summary: &RunSummary) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, render(summary))
}

/// A command on each line.
pub fn render(summary: &RunSummary) -> String {
    let mut out = String::new();
    for level in LEVELS {
        let mut marks: Vec<String> = Vec::new();
        if let (Level::Error, Some(cause)) = (level, &summary.cut_short) {
            let title = format!("run {} was cut short", summary.run);
            marks.push(about_the_run(level, &title, cause));
        }
        let mut cases: Vec<_> =
            summary.cases.iter().filter(|it| Level::of(it, summary) == Some(level)).collect();
        // Many that were not run have one cause; a failure of the product comes before them.
        cases.sort_by_key(|it| match &it.outcome {
            Outcome::NotRun { .. } => 2,
            Outcome::Invalid { .. } => 1,
            _ => 0,
        });
        marks.extend(cases.iter().map(|it| mark(level, it, Origin::of(summary))));
        if marks.len() > MARKS_MAX {
            let left_out = marks.len() - (MARKS_MAX - 1);
            marks.truncate(MARKS_MAX - 1);
            let title = format!("and {left_out} more like these");
            marks.push(about_the_run(level, &title, "every report of the run has them"));
        }
        out.extend(marks.iter().map(|it| format!("{it}\n")));
    }
    out
}

fn about_the_run(level: Level, title: &str, text: &str) -> String {
    let text = text::printable(text);
    Mark { level, file: None, line: 0, column: 0, title, text: &text }.to_string()
}

fn mark(level: Level, report: &CaseReport, origin: Origin) -> String {
    let title = text::printable(&format!("{}: {}", report.outcome.word(), report.case));
    let text = text::cut(&text::details_from(report, origin), TEXT_MAX).into_owned();
    let file = Some(report.case.file.as_str());
    Mark { level, file, line: line(report), column: 0, title: &title, text: &text }.to_string()
}

/// Of the expectation that was not met; otherwise of the case.
fn line(report: &CaseReport) -> usize {
    let failed = match &report.outcome {
        Outcome::Failed { failure } => failure.place.strip_prefix(&report.case.file),
        _ => None,
    };
    let line = failed.and_then(|it| it.strip_prefix(':')).and_then(|it| it.parse().ok());
    line.unwrap_or(report.case.line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{report::sample, run::Strictness};

    fn levels(rendered: &str) -> Vec<(&str, usize)> {
        let count = |it: &str| rendered.lines().filter(|line| line.starts_with(it)).count();
        ["::error ", "::warning ", "::notice "].map(|it| (it, count(it))).to_vec()
    }

    #[test]
    fn each_case_to_look_at_is_a_mark_on_its_line() {
        let marks = render(&sample::summary(sample::cases()));
        assert_eq!(levels(&marks), [("::error ", 3), ("::warning ", 1), ("::notice ", 2)]);
        let lines: Vec<&str> = marks.lines().collect();
        // The line of the expectation, not of the case.
        assert!(
            lines[0].starts_with(
                "::error file=suites/limits/dml.yaml,line=11,title=failed%3A \
                 limits%3A%3Adml%3A%3AL-09 fails::suites/limits/dml.yaml:11: row 2 differs%0A"
            ),
            "{marks}"
        );
        assert!(lines[0].contains("%0A-2%0A+3%0Aquery id: 01b0-1%0A"), "{marks}");
        assert!(lines[1].contains("line=7,title=invalid%3A"), "{marks}");
        assert!(lines[2].contains("line=7,title=not run%3A"), "{marks}");
        assert!(lines[3].starts_with("::warning file="), "{marks}");
    }

    #[test]
    fn a_lifted_case_is_an_error_of_a_strict_run() {
        let mut summary = sample::summary(vec![sample::cases().remove(4)]);
        assert_eq!(levels(&render(&summary))[2].1, 1);
        summary.strictness = Strictness::Strict;
        assert_eq!(levels(&render(&summary))[0].1, 1);
    }

    #[test]
    fn what_github_would_drop_is_counted() {
        let not_run = || Outcome::NotRun { cause: "gone".to_owned() };
        let mut cases: Vec<_> =
            (0..12).map(|at| sample::case(&format!("case {at}"), not_run())).collect();
        cases.push(sample::cases().remove(1));
        let mut summary = sample::summary(cases);
        summary.cut_short = Some("the target is gone".to_owned());
        let marks = render(&summary);
        let lines: Vec<&str> = marks.lines().collect();
        assert_eq!(lines.len(), 10, "{marks}");
        assert_eq!(lines[0], "::error title=run SG1 was cut short::the target is gone");
        assert!(lines[1].contains("title=failed"), "{marks}");
        // 14 in all, 9 of them shown.
        assert!(lines[9].starts_with("::error title=and 5 more like these::"), "{marks}");
    }

    #[test]
    fn text_of_others_is_no_command() {
        let why = "first\n::set-env name=A::b\r::add-mask::x 100% \u{1b}[0m".to_owned();
        let mut case = sample::case("a, b: c\n::error::d", Outcome::Unsure { why });
        case.case.file = "suites/a,b:c.yaml".to_owned();
        let marks = render(&sample::summary(vec![case]));
        assert_eq!(marks.lines().count(), 1, "{marks}");
        assert!(!marks.contains('\r') && !marks.contains('\u{1b}'), "{marks}");
        assert!(marks.starts_with("::warning file=suites/a%2Cb%3Ac.yaml,line=7,title="), "{marks}");
        assert!(marks.contains("a%2C b%3A c%0A%3A%3Aerror%3A%3Ad::"), "{marks}");
        assert!(marks.contains("100%25"), "{marks}");
    }

    #[test]
    fn a_long_text_is_cut() {
        let why = "é".repeat(TEXT_MAX + 1);
        let marks = render(&sample::summary(vec![sample::case("a", Outcome::Unsure { why })]));
        assert!(marks.ends_with("é…\n"), "{marks}");
    }
}
