//! The same cases on two or three targets, side by side: where they differ, and what that means.
//!
//! Only reads what became of runs; nothing here executes anything. [`classify`] holds the whole
//! judgement and knows neither suites nor text formats. `terminal`, `junit` and `html` show it.

mod html;
mod junit;
mod said;
mod terminal;

#[cfg(test)]
mod tests;

pub use said::StepDifference;
pub use terminal::Show;

use super::terminal::Colour;
use crate::{
    run::{CaseKey, CaseReport, Outcome, RunSummary, compare::counted},
    suite::Release,
    target::TargetKind,
};
use chrono::{DateTime, Utc};
use said::{Said, What};
use std::{
    collections::{HashMap, HashSet},
    io,
    path::Path,
};

/// One target's run, as a side of the comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// What it is called in reports: `live`, `emulator`, `replay`. Unique among the sides.
    pub name: String,
    pub kind: TargetKind,
    /// Of a replay: which target was recorded, when, and on which release.
    pub recorded_from: Option<(TargetKind, DateTime<Utc>, Option<Release>)>,
    pub summary: RunSummary,
}

impl Side {
    /// The release that its answers are of: of a replay, the recording's.
    pub fn release(&self) -> Option<Release> {
        let recorded = self.recorded_from.and_then(|(_, _, release)| release);
        recorded.or(self.summary.release)
    }

    /// The target that its answers came from in the first place.
    fn source(&self) -> Option<TargetKind> {
        match (self.kind, self.recorded_from) {
            (TargetKind::Replay, None) => None,
            (TargetKind::Replay, Some((source, ..))) => Some(source),
            (kind, _) => Some(kind),
        }
    }

    /// `live`, `the recording of live of 2026-10-02`.
    fn described(&self) -> String {
        match self.recorded_from {
            Some((source, at, _)) => format!("the recording of {source} of {}", at.date_naive()),
            None => self.name.clone(),
        }
    }

    /// Whether its run alone would be red.
    fn is_red(&self) -> bool {
        let is_red = |it: &CaseReport| is_red_outcome(&it.outcome);
        self.summary.cut_short.is_some() || self.summary.cases.iter().any(is_red)
    }
}

/// As in the JUnit report of a single run: a failure, or no verdict where there should be one.
fn is_red_outcome(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Failed { .. } | Outcome::NotRun { .. } | Outcome::Invalid { .. } => true,
        Outcome::Passed
        | Outcome::Unsure { .. }
        | Outcome::Observed { .. }
        | Outcome::Lifted { .. }
        | Outcome::Skipped { .. } => false,
    }
}

/// How the sides' answers to one case differ, and what that says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Difference {
    /// The live account no longer answers as it did when it was recorded.
    ProductChanged,
    EmulatorDiffers,
    /// The emulator no longer answers as it did when it was recorded.
    EmulatorChanged,
    /// The suite or its data changed since the recording.
    FixtureStale,
    /// The answers differ, and are of different releases.
    DifferentRelease,
    /// A side has no answer, for a reason that says nothing about the case.
    CannotTell,
    /// The suite leaves the case out on some of the sides. Intended, so never red.
    LeftOut,
    /// The same outcome everywhere, since the suite allows for it, but a statement was answered
    /// with other rows, with another code, or refused only by some. Never red.
    AnsweredDifferently,
    /// The same outcome everywhere, but a refusal is in other words. Never red.
    Wording,
    Agree,
}

impl Difference {
    /// In the order reports list them.
    pub const ALL: [Self; 10] = [
        Self::ProductChanged,
        Self::EmulatorDiffers,
        Self::EmulatorChanged,
        Self::FixtureStale,
        Self::DifferentRelease,
        Self::CannotTell,
        Self::LeftOut,
        Self::AnsweredDifferently,
        Self::Wording,
        Self::Agree,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::ProductChanged => "product changed",
            Self::EmulatorDiffers => "emulator differs",
            Self::EmulatorChanged => "emulator changed",
            Self::FixtureStale => "fixture stale",
            Self::DifferentRelease => "different release",
            Self::CannotTell => "cannot tell",
            Self::LeftOut => "left out",
            Self::AnsweredDifferently => "answered differently",
            Self::Wording => "wording",
            Self::Agree => "agree",
        }
    }

    pub fn is_red(self) -> bool {
        match self {
            Self::ProductChanged
            | Self::EmulatorDiffers
            | Self::EmulatorChanged
            | Self::FixtureStale
            | Self::DifferentRelease
            | Self::CannotTell => true,
            Self::LeftOut | Self::AnsweredDifferently | Self::Wording | Self::Agree => false,
        }
    }
}

/// The judgement on one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub difference: Difference,
    /// A sentence or two, without a full stop.
    pub why: String,
    /// The side that all others contradict, where three or more answered.
    pub odd: Option<usize>,
}

/// One case on all sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<'a> {
    pub case: &'a CaseKey,
    /// In the order of the sides. `None` where the case was not among the side's.
    pub reports: Vec<Option<&'a CaseReport>>,
    pub verdict: Verdict,
    /// Statements that were answered differently, whatever became of the case.
    pub steps: Vec<StepDifference>,
}

impl Row<'_> {
    /// Whether a build should fail over this case: the sides differ, or are equally bad.
    pub fn is_red(&self) -> bool {
        let mut reports = self.reports.iter().flatten();
        self.verdict.difference.is_red() || reports.any(|it| is_red_outcome(&it.outcome))
    }

    /// Whether it is red though the sides do not differ in what would be.
    fn is_red_alike(&self) -> bool {
        self.is_red() && !self.verdict.difference.is_red()
    }
}

/// The comparison. Everything that can be done with it is a method.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdicts<'a> {
    pub sides: &'a [Side],
    /// In the first side's order; cases that it does not have come last.
    pub rows: Vec<Row<'a>>,
}

/// Compares the sides, case by case.
pub fn verdicts(sides: &[Side]) -> Verdicts<'_> {
    let by_key: Vec<HashMap<Key<'_>, &CaseReport>> =
        sides.iter().map(|it| keyed(&it.summary).into_iter().collect()).collect();
    let mut seen = HashSet::new();
    let mut rows = Vec::new();
    for (key, report) in sides.iter().flat_map(|it| keyed(&it.summary)) {
        if seen.insert(key) {
            let reports = by_key.iter().map(|it| it.get(&key).copied()).collect();
            rows.push(row(sides, &report.case, reports));
        }
    }
    Verdicts { sides, rows }
}

/// A case as another run knows it: suite, id, name, and which of several with that name. Without
/// the line, which moves with every edit of the suite.
type Key<'a> = (&'a str, Option<&'a str>, &'a str, usize);

fn keyed(summary: &RunSummary) -> Vec<(Key<'_>, &CaseReport)> {
    let mut counts = HashMap::new();
    let mut keyed = Vec::with_capacity(summary.cases.len());
    for report in &summary.cases {
        let case = &report.case;
        let name = (case.suite.as_str(), case.id.as_deref(), case.name.as_str());
        let count = counts.entry(name).or_insert(0_usize);
        *count += 1;
        keyed.push(((name.0, name.1, name.2, *count), report));
    }
    keyed
}

fn row<'a>(sides: &'a [Side], case: &'a CaseKey, reports: Vec<Option<&'a CaseReport>>) -> Row<'a> {
    let voices: Vec<Voice<'_>> = sides
        .iter()
        .zip(&reports)
        .map(|(side, report)| Voice { side, said: Said::of(side, *report) })
        .collect();
    let mut verdict = classify(&voices);
    let mut steps = said::step_differences(sides, &reports);
    if verdict.difference == Difference::Agree {
        if let Some(first) = steps.first() {
            let more = match steps.len() - 1 {
                0 => String::new(),
                more => format!(", and {} more", counted(more, "statement")),
            };
            verdict.difference = match steps.iter().all(|it| it.what == What::Message) {
                true => Difference::Wording,
                false => Difference::AnsweredDifferently,
            };
            verdict.why =
                format!("{}, but line {} {}{more}", verdict.why, first.line, first.what.describe());
        }
    } else {
        // Where a case ended early, what it did not come to is no news.
        steps.retain(|it| it.said.iter().flatten().count() == it.asked);
    }
    Row { case, reports, verdict, steps }
}

impl Verdicts<'_> {
    /// Whether the whole should fail a build: a difference, or a side that is red by itself.
    pub fn is_red(&self) -> bool {
        self.rows.iter().any(Row::is_red) || self.sides.iter().any(Side::is_red)
    }

    /// How many cases there are of each kind of difference, without those of which there are
    /// none.
    pub fn counts(&self) -> Vec<(Difference, usize)> {
        let count =
            |difference| self.rows.iter().filter(|it| it.verdict.difference == difference).count();
        Difference::ALL
            .map(|it| (it, count(it)))
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// What to know before looking at any difference: the sides are of different releases.
    pub fn releases_differ(&self) -> Option<String> {
        let known: HashSet<Release> = self.sides.iter().filter_map(Side::release).collect();
        let release = |it: &Side| match it.release() {
            Some(release) => format!("{} is {release}", it.name),
            None => format!("{} is not known", it.name),
        };
        (known.len() > 1).then(|| {
            let releases: Vec<String> = self.sides.iter().map(release).collect();
            format!("the releases differ: {}", releases.join(", "))
        })
    }

    /// For a person, on at most 100 columns.
    pub fn terminal(&self, colour: Colour, show: Show) -> String {
        terminal::render(self, colour, show)
    }

    /// Folders on the way are made.
    pub fn write_junit(&self, path: &Path) -> io::Result<()> {
        write(path, &junit::render(self)?)
    }

    /// One file that needs no other. Folders on the way are made.
    pub fn write_html(&self, path: &Path) -> io::Result<()> {
        write(path, &html::render(self))
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}

/// A side, and what it said to one case.
#[derive(Clone, Debug)]
pub struct Voice<'a> {
    side: &'a Side,
    said: Said,
}

impl Voice<'_> {
    fn name(&self) -> &str {
        &self.side.name
    }
}

/// What the sides' answers to one case mean, taken together.
///
/// Answers that contradict each other outrank answers that are missing. Of several
/// contradictions the one that explains most decides: see [`contradiction`].
pub fn classify(voices: &[Voice<'_>]) -> Verdict {
    let answers: Vec<usize> = (0..voices.len()).filter(|it| voices[*it].said.is_answer()).collect();
    let mut pairs = Vec::new();
    for (at, a) in answers.iter().enumerate() {
        for b in &answers[at + 1..] {
            if voices[*a].said != voices[*b].said {
                pairs.push((contradiction(&voices[*a], &voices[*b]), [*a, *b]));
            }
        }
    }
    // The first of equals, so that it is about the sides that were named first.
    let decisive = pairs.into_iter().min_by_key(|(it, _)| it.rank);
    let is_contradiction = decisive.is_some();
    let odd = odd_one_out(voices, &answers);
    let (difference, mut why, mut told) = match decisive {
        Some((it, pair)) => (it.difference, it.why, pair.to_vec()),
        None => missing(voices),
    };
    match odd {
        Some(odd) => {
            why = format!("{} is the odd one out: {why}", voices[odd].name());
            told.extend(&answers);
        }
        // Of three that all differ, the third is told as well.
        None if is_contradiction => {}
        None => told.extend(&answers),
    }
    // Silence must not look like assent.
    for (at, voice) in voices.iter().enumerate() {
        if difference != Difference::Agree && !told.contains(&at) {
            why += &format!("; {} {}", voice.name(), voice.said.in_full());
        }
    }
    Verdict { difference, why, odd }
}

/// Two answers that are not the same, and how far that goes to explain the whole.
struct Contradiction {
    /// Less is more.
    rank: u8,
    difference: Difference,
    why: String,
}

/// The ranks: what has become of the product comes before what the emulator makes of it. What a
/// target says now comes before what it said once, so that a recording of an emulator which has
/// since been mended is not held against the emulator. What a release explains comes last, or
/// else one old recording would hide a wrong emulator.
fn contradiction(a: &Voice<'_>, b: &Voice<'_>) -> Contradiction {
    use TargetKind::{Emulator, Live};

    // Of two that failed, what they saw is told elsewhere.
    let again = if a.said.verb() == b.said.verb() { " in another way" } else { "" };
    let both = format!(
        "{} {}, {} {}{again}",
        a.side.described(),
        a.said.verb(),
        b.side.described(),
        b.said.verb()
    );
    let of = |rank, difference, why: &str| Contradiction {
        rank,
        difference,
        why: format!("{both}: {why}"),
    };
    let releases = (a.side.release(), b.side.release());
    if let (Some(of_a), Some(of_b)) = releases
        && of_a != of_b
    {
        return of(
            7,
            Difference::DifferentRelease,
            &format!("{} is of release {of_a}, {} of {of_b}", a.name(), b.name()),
        );
    }
    let is_recorded = |it: &Voice<'_>| it.side.kind == TargetKind::Replay;
    let recorded = (is_recorded(a), is_recorded(b));
    let (Some(source_a), Some(source_b)) = (a.side.source(), b.side.source()) else {
        let replay = if a.side.source().is_none() { a } else { b };
        let why = format!("it is not known which target {} was recorded from", replay.name());
        return of(6, Difference::CannotTell, &why);
    };
    match (source_a, source_b, recorded) {
        (Live, Live, (true, false) | (false, true)) => {
            of(0, Difference::ProductChanged, "the product changed since")
        }
        (Live, Live, (true, true)) => {
            of(4, Difference::ProductChanged, "the product changed between them")
        }
        (Live, Emulator, (false, false)) | (Emulator, Live, (false, false)) => {
            of(1, Difference::EmulatorDiffers, "the emulator is not like the product")
        }
        (Emulator, Emulator, (true, false) | (false, true)) => match releases {
            (Some(release), Some(_)) => of(
                2,
                Difference::EmulatorChanged,
                &format!("both show release {release}, so the emulator changed since"),
            ),
            _ => of(
                2,
                Difference::FixtureStale,
                "a release is not known, so that the recording may be of another one",
            ),
        },
        (Emulator, Emulator, (true, true)) => {
            of(5, Difference::EmulatorChanged, "the emulator changed between them")
        }
        (Live, Emulator, _) | (Emulator, Live, _) => {
            of(3, Difference::EmulatorDiffers, "the emulator is not like the product")
        }
        (TargetKind::Replay | TargetKind::Scripted, ..)
        | (_, TargetKind::Replay | TargetKind::Scripted, _)
        | (Live, Live, (false, false))
        | (Emulator, Emulator, (false, false)) => {
            of(6, Difference::CannotTell, "nothing is known that explains it")
        }
    }
}

/// Of three or more answers, the one that all others contradict while they agree.
fn odd_one_out(voices: &[Voice<'_>], answers: &[usize]) -> Option<usize> {
    if answers.len() < 3 {
        return None;
    }
    answers.iter().copied().find(|odd| {
        let mut others = answers.iter().filter(|it| *it != odd).map(|it| &voices[*it].said);
        let Some(first) = others.next() else { return false };
        *first != voices[*odd].said && others.all(|it| it == first)
    })
}

/// No two answers contradict each other: what is left are those that are missing. With the sides
/// that are told of.
fn missing(voices: &[Voice<'_>]) -> (Difference, String, Vec<usize>) {
    let unanimous = voices.windows(2).all(|it| it[0].said == it[1].said);
    if let (true, Some(first)) = (unanimous, voices.first())
        && !matches!(first.said, Said::NotRecorded { .. } | Said::Nothing { .. })
    {
        let sides = if voices.len() == 2 { "both" } else { "all" };
        return (Difference::Agree, format!("{sides} {}", first.said.verb()), Vec::new());
    }
    let find = |is_wanted: fn(&Said) -> bool| voices.iter().position(|it| is_wanted(&it.said));
    let has_answer = find(Said::is_answer).is_some();
    let undecided =
        find(|it| matches!(it, Said::Nothing { .. } | Said::Undecided { .. } | Said::Absent));
    let not_recorded = find(|it| matches!(it, Said::NotRecorded { .. }));
    let skipped = find(|it| matches!(it, Said::Skipped { .. }));
    let in_full = |at: usize| format!("{} {}", voices[at].name(), voices[at].said.in_full());
    match (not_recorded, undecided, skipped) {
        // Without an answer, a lost target leaves open whether there was anything to record.
        (Some(at), undecided, _) if has_answer || undecided.is_none() => {
            (Difference::FixtureStale, stale(&voices[at], voices), vec![at])
        }
        (_, Some(at), _) => (Difference::CannotTell, in_full(at), vec![at]),
        (_, None, Some(at)) => (Difference::LeftOut, in_full(at), vec![at]),
        (_, None, None) => {
            (Difference::CannotTell, "there is nothing to compare".to_owned(), Vec::new())
        }
    }
}

fn stale(replay: &Voice<'_>, voices: &[Voice<'_>]) -> String {
    let answered = match voices.iter().find(|it| it.said.is_answer()) {
        Some(it) => format!(", {} {}", it.side.described(), it.said.verb()),
        None => String::new(),
    };
    format!(
        "{} does not have what the case executes now{answered}: the suite or its data changed \
         since; record it again",
        replay.side.described()
    )
}
