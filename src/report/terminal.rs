//! What a person sees: a line for each case as it ends, then what to look at.
//!
//! On a terminal there is a progress bar below the lines, drawn on standard error, so that what
//! is piped elsewhere holds lines only.

use super::{
    junit::wall_time,
    load,
    text::{self, Origin},
};
use crate::run::{CaseReport, Counts, Event, Fold, Outcome, Reporter, RunSummary, Strictness};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

/// Whether words may be coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Yes,
    No,
}

pub struct Terminal<W> {
    out: W,
    colour: Colour,
    bar: ProgressBar,
    strictness: Strictness,
    fold: Fold,
}

impl<W: Write> Terminal<W> {
    pub fn new(out: W, colour: Colour) -> Self {
        Self {
            out,
            colour,
            bar: ProgressBar::hidden(),
            strictness: Strictness::default(),
            fold: Fold::default(),
        }
    }

    /// Draws progress on standard error. Without a terminal there, nothing is drawn.
    pub fn with_progress(mut self) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{elapsed:>8} {bar:24} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        self.bar = bar;
        self
    }

    fn print(&mut self, text: &str) -> io::Result<()> {
        self.write(&format!("{text}\n"))
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        let out = &mut self.out;
        let written =
            self.bar.suspend(|| out.write_all(text.as_bytes()).and_then(|()| out.flush()));
        match written {
            // Whoever read our output has gone, as `head` does. The run goes on.
            Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

impl<W: Write + Send> Reporter for Terminal<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.fold.event(event);
        match event {
            Event::RunStarted { run, target, place, seed, scale, strictness, cases, .. } => {
                self.strictness = *strictness;
                self.bar.set_length(cases.len() as u64);
                self.bar.set_message(run.clone());
                self.print(&format!(
                    "run {run}: {} on {target} ({place}), seed {seed}, scale {scale}{}",
                    counted(cases.len(), "case"),
                    strict(*strictness)
                ))
            }
            Event::ReleaseProbed { release, how } => {
                self.print(&format!("release {release}: {how}"))
            }
            Event::Fact { name, value } => self.print(&format!("{name}: {value}")),
            Event::Work { what, took_us, failure } => {
                self.bar.set_message(what.clone());
                let took = text::seconds(Duration::from_micros(*took_us));
                match failure {
                    None => Ok(()),
                    Some(failure) => {
                        let (failure, _) = text::parted(failure);
                        let word = paint("     did not", RED, self.colour);
                        self.print(&format!("{word} [{took:>9}] {what}: {failure}"))
                    }
                }
            }
            Event::CaseStarted { case, .. } => {
                self.bar.set_message(case.to_string());
                Ok(())
            }
            Event::LoadProgress { progress, .. } => {
                self.bar.set_message(load::progress(progress));
                Ok(())
            }
            Event::CaseFinished(report) => {
                self.bar.inc(1);
                let mut line = case_line(report, self.strictness, self.colour);
                for it in report.load.iter().flat_map(|it| load::lines(it)) {
                    line += &format!("\n{:>12}{}", "", text::printable(&it));
                }
                self.print(&line)
            }
            Event::RunFinished { .. } => {
                self.bar.finish_and_clear();
                let text = summary(&self.fold.summary(), self.colour);
                self.write(&text)
            }
        }
    }
}

/// A case that ended, on one line; the reason below it where there is one.
fn case_line(report: &CaseReport, strictness: Strictness, colour: Colour) -> String {
    let took = text::seconds(Duration::from_micros(report.took_us));
    let word = word(&report.outcome, strictness, colour);
    let line = format!("{word} [{took:>9}] {}", report.case);
    match text::reason(&report.outcome) {
        None => line,
        // A diff is told once, at the end: many cases have one cause.
        Some(reason) => format!("{line}\n{:>12}{}", "", text::printable(text::parted(reason).0)),
    }
}

/// The outcome as a word of fixed width, to scan and to grep for.
fn word(outcome: &Outcome, strictness: Strictness, colour: Colour) -> String {
    let (word, code) = match outcome {
        Outcome::Passed => ("PASS", GREEN),
        Outcome::Failed { .. } => ("FAIL", RED),
        Outcome::Unsure { .. } => ("UNSURE", YELLOW),
        Outcome::Observed { .. } => ("OBSERVED", YELLOW),
        Outcome::Lifted { .. } if outcome.is_failure(strictness) => ("LIFTED", RED),
        Outcome::Lifted { .. } => ("LIFTED", YELLOW),
        Outcome::Skipped { .. } => ("SKIP", DIM),
        Outcome::NotRun { .. } => ("NOT RUN", RED),
        Outcome::Invalid { .. } => ("INVALID", RED),
    };
    paint(&format!("{word:>12}"), code, colour)
}

const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const DIM: &str = "2";

fn paint(text: &str, code: &str, colour: Colour) -> String {
    match colour {
        Colour::Yes => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        Colour::No => text.to_owned(),
    }
}

/// The end of a run: suites, what to look at, what did not happen, counts.
pub fn summary(summary: &RunSummary, colour: Colour) -> String {
    let mut out = String::from("\n");
    let suites = summary.suites();
    let width = suites.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, cases) in &suites {
        let counts = counts(&Counts::of(cases.iter().copied()));
        let wall = wall_time(cases).map(|(_, it)| text::seconds(it)).unwrap_or_default();
        out += &format!("{name:<width$}  {wall:>9}  {counts}\n");
    }
    let lifted = match summary.strictness {
        Strictness::Lenient => "lifted: limitations that are gone",
        Strictness::Strict => "lifted: limitations that are gone, failures of a strict run",
    };
    for (title, is_wanted) in [
        ("failed", (|it| matches!(it, Outcome::Failed { .. })) as fn(&Outcome) -> bool),
        ("invalid", |it| matches!(it, Outcome::Invalid { .. })),
        ("unsure", |it| matches!(it, Outcome::Unsure { .. })),
        (lifted, |it| matches!(it, Outcome::Lifted { .. })),
        ("observed: nothing was pinned", |it| matches!(it, Outcome::Observed { .. })),
    ] {
        let cases: Vec<_> = summary.cases.iter().filter(|it| is_wanted(&it.outcome)).collect();
        if cases.is_empty() {
            continue;
        }
        out += &format!("\n{title}\n");
        for report in cases {
            out += &format!(
                "\n{} {}\n",
                word(&report.outcome, summary.strictness, colour),
                report.case
            );
            out += &indented(&text::details_from(report, Origin::of(summary)));
        }
    }
    out += &sides(summary);
    out += &reasons(summary, "not run", |it| match it {
        Outcome::NotRun { cause } => Some(cause),
        _ => None,
    });
    out += &reasons(summary, "skipped", |it| match it {
        Outcome::Skipped { reason } => Some(reason),
        _ => None,
    });
    let failed_work: Vec<_> = summary.work.iter().filter(|it| it.failure.is_some()).collect();
    if !failed_work.is_empty() {
        out += "\ndid not succeed\n\n";
        for work in failed_work {
            let failure = work.failure.as_deref().unwrap_or_default();
            // Where cases were not run for it, its diff is there.
            let is_told = summary.cases.iter().any(
                |it| matches!(&it.outcome, Outcome::NotRun { cause } if cause.contains(failure)),
            );
            let failure = if is_told { text::parted(failure).0 } else { failure };
            out += &indented(&format!("{}: {failure}", work.what));
        }
    }
    let release = summary.release.map(|it| format!(", release {it}")).unwrap_or_default();
    let target = summary.target_in_words();
    let took = match summary.took_us {
        Some(took_us) => format!(" in {}", text::seconds(Duration::from_micros(took_us))),
        None => String::new(),
    };
    match (&summary.cut_short, summary.took_us) {
        (None, _) => {}
        (Some(cause), Some(_)) => out += &format!("\ncut short: {cause}\n"),
        (Some(cause), None) => out += &format!("\n{cause}: its journal has no end\n"),
    }
    out += &format!(
        "\nrun {} on {target}{release}{}: {}{took}\n",
        summary.run,
        strict(summary.strictness),
        counts(&summary.counts())
    );
    out
}

/// Said of a run only where it is not as usual.
fn strict(strictness: Strictness) -> &'static str {
    match strictness {
        Strictness::Lenient => "",
        Strictness::Strict => ", strict",
    }
}

/// Which side the target takes where sources disagree.
fn sides(summary: &RunSummary) -> String {
    let mut out = String::new();
    for report in &summary.cases {
        if let Some(side) = report.properties.get("side") {
            if out.is_empty() {
                out += "\nsides taken where sources disagree\n\n";
            }
            out += &indented(&format!("{}: {side}", report.case));
        }
    }
    out
}

/// Cases that have a reason, by it.
pub fn by_reason(
    summary: &RunSummary,
    reason: impl Fn(&Outcome) -> Option<&String>,
) -> BTreeMap<&str, Vec<&CaseReport>> {
    let mut by_reason: BTreeMap<&str, Vec<&CaseReport>> = BTreeMap::new();
    for report in &summary.cases {
        if let Some(reason) = reason(&report.outcome) {
            by_reason.entry(reason).or_default().push(report);
        }
    }
    by_reason
}

/// Cases that share a reason, under it: a lost target has one cause and many cases.
fn reasons(
    summary: &RunSummary,
    title: &str,
    reason: impl Fn(&Outcome) -> Option<&String>,
) -> String {
    let by_reason = by_reason(summary, reason);
    let mut out = String::new();
    if !by_reason.is_empty() {
        out += &format!("\n{title}\n\n");
    }
    for (reason, cases) in by_reason {
        out += &indented(&match cases.as_slice() {
            [one] => format!("{}: {reason}", one.case),
            many => format!("{}: {reason}", counted(many.len(), "case")),
        });
        if let Some(it) = cases.iter().find_map(|it| it.diagnosis.as_ref()) {
            out += &indented(&text::diagnosis(it).map(|it| format!("    {it}")).join("\n"));
        }
    }
    out
}

fn indented(text: &str) -> String {
    text::printable(text).lines().map(|it| format!("    {it}\n")).collect()
}

/// Those that are not zero, in words.
pub fn counts(counts: &Counts) -> String {
    let parts: Vec<String> = counts
        .in_words()
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    match parts.is_empty() {
        true => "no cases".to_owned(),
        false => parts.join(", "),
    }
}

fn counted(count: usize, what: &str) -> String {
    crate::run::compare::counted(count, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[track_caller]
    fn check(cases: Vec<CaseReport>, expected: &str) {
        check_events(sample::events(cases), expected);
    }

    #[track_caller]
    fn check_events(events: Vec<Event>, expected: &str) {
        let mut out = Vec::new();
        let mut terminal = Terminal::new(&mut out, Colour::No);
        for event in events {
            terminal.event(&event).unwrap();
        }
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.trim(), expected.trim(), "\n{out}");
    }

    #[test]
    fn a_green_run_is_short() {
        check(
            vec![sample::case("passes", Outcome::Passed)],
            "
run SG1: 1 case on scripted (a test), seed 42, scale 100
release zero-copy: it read a table
region: AWS_US_EAST_1
        PASS [   1.250s] limits::dml::L-09 passes

limits::dml     1.250s  1 passed

run SG1 on scripted, release zero-copy: 1 passed in 2.000s
",
        );
    }

    #[test]
    fn a_strict_run_says_that_it_is_one() {
        let mut events = sample::events(vec![sample::cases().remove(4)]);
        if let Event::RunStarted { strictness, .. } = &mut events[0] {
            *strictness = Strictness::Strict;
        }
        check_events(
            events,
            "
run SG1: 1 case on scripted (a test), seed 42, scale 100, strict
release zero-copy: it read a table
region: AWS_US_EAST_1
      LIFTED [   1.250s] limits::dml::L-09 is lifted
            line 9: 1 row

limits::dml     1.250s  1 lifted

lifted: limitations that are gone, failures of a strict run

      LIFTED limits::dml::L-09 is lifted
    suites/limits/dml.yaml:7: lifted: line 9: 1 row
    evidence: documented (docs: limitations); release: zero-copy

run SG1 on scripted, release zero-copy, strict: 1 lifted in 2.000s
",
        );
    }

    #[test]
    fn the_sides_that_were_taken_are_listed() {
        let mut case = sample::case("an hour or a day", Outcome::Passed);
        case.properties.insert("side".to_owned(), "a day\u{7}".to_owned());
        check(
            vec![case, sample::case("passes", Outcome::Passed)],
            "
run SG1: 2 cases on scripted (a test), seed 42, scale 100
release zero-copy: it read a table
region: AWS_US_EAST_1
        PASS [   1.250s] limits::dml::L-09 an hour or a day
        PASS [   1.250s] limits::dml::L-09 passes

limits::dml     1.250s  2 passed

sides taken where sources disagree

    limits::dml::L-09 an hour or a day: a day\u{2407}

run SG1 on scripted, release zero-copy: 2 passed in 2.000s
",
        );
    }

    #[test]
    fn the_diff_of_a_cause_is_told_once() {
        let cause = format!("the suite's set-up failed: {}", sample::NOT_RECORDED);
        let not_run = |name| sample::case(name, Outcome::NotRun { cause: cause.clone() });
        let mut events = sample::events(vec![not_run("one"), not_run("two")]);
        if let Event::Work { failure, .. } = &mut events[3] {
            *failure = Some(sample::NOT_RECORDED.to_owned());
        }
        check_events(
            events,
            "
run SG1: 2 cases on scripted (a test), seed 42, scale 100
release zero-copy: it read a table
region: AWS_US_EAST_1
     did not [   0.000s] set up: not recorded: the nearest is
     NOT RUN [   1.250s] limits::dml::L-09 one
            the suite's set-up failed: not recorded: the nearest is
     NOT RUN [   1.250s] limits::dml::L-09 two
            the suite's set-up failed: not recorded: the nearest is

limits::dml     1.250s  2 not run

not run

    2 cases: the suite's set-up failed: not recorded: the nearest is
     SELECT K
    -FROM T
    +FROM U

did not succeed

    set up: not recorded: the nearest is

run SG1 on scripted, release zero-copy: 2 not run in 2.000s
",
        );
    }

    #[test]
    fn what_to_look_at_comes_last_and_whole() {
        let wanted = [1, 4, 6, 5];
        let cases = sample::cases();
        check(
            wanted.map(|it| cases[it].clone()).to_vec(),
            "
run SG1: 4 cases on scripted (a test), seed 42, scale 100
release zero-copy: it read a table
region: AWS_US_EAST_1
        FAIL [   1.250s] limits::dml::L-09 fails
            row 2 differs
      LIFTED [   1.250s] limits::dml::L-09 is lifted
            line 9: 1 row
     NOT RUN [   1.250s] limits::dml::L-09 is not run
            connection lost
        SKIP [   1.250s] limits::dml::L-09 is skipped
            only on preview

limits::dml     1.250s  1 failed, 1 lifted, 1 skipped, 1 not run

failed

        FAIL limits::dml::L-09 fails
    suites/limits/dml.yaml:11: row 2 differs
      SELECT K
      FROM T
     1
    -2
    +3
    query id: 01b0-1
    hint: look there
    evidence: documented (docs: limitations); release: zero-copy

lifted: limitations that are gone

      LIFTED limits::dml::L-09 is lifted
    suites/limits/dml.yaml:7: lifted: line 9: 1 row
    evidence: documented (docs: limitations); release: zero-copy

not run

    limits::dml::L-09 is not run: connection lost

skipped

    limits::dml::L-09 is skipped: only on preview

run SG1 on scripted, release zero-copy: 1 failed, 1 lifted, 1 skipped, 1 not run in 2.000s
",
        );
    }
}
