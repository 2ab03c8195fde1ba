//! All series of a night, and which of them are red.
//!
//! The caller drives: [`Gate::step`] says which series to sample again, [`Gate::answer`] takes what
//! came of it, until the night has ended. Each series has its evidence, a number whose expectation
//! is 1 without a change; red are those that stand out of all series of the night (e-BH: Wang and
//! Ramdas, False discovery rate control with e-values, 2022), which holds however they hang together.
//! Of nights without any change at most `false_nights` have a red series.

use super::{
    Change, Night, Rules, Sample, Scale, Series, Status, Tonight,
    drift::{Apart, drift, since},
    facts::{Compared, compared},
    lens::Lens,
    orphans,
    repeat::Repeats,
    watch::Watch,
    window::Window,
};
use crate::load::{
    Estimate, Verdict,
    statistics::{CONFIDENCE, dependence::student},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Sample these again, tested and control in turns, and [`Gate::answer`] for each.
    Resample(Vec<Series>),
    Ended(Box<NightReport>),
}

/// What came of sampling a series again.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// With the credits that it took, where they are known.
    Sampled { sample: Sample, credits: Option<f64> },
    /// It was not possible, and why: there is no time left, the target went away.
    NotTaken { why: String },
}

/// The night as it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NightReport {
    /// Of all series: failed if one is red, then unsure if one cannot be told, then passed. Series
    /// that there is nothing to compare with yet are in none of them.
    pub verdict: Verdict,
    /// In the order of what was measured.
    pub findings: Vec<Finding>,
    /// Series with noise that were judged: what the budget is divided by.
    pub judged: usize,
    /// The budget: nights in which noise alone may make a series red.
    pub false_nights: f64,
    /// Samples that were taken again.
    pub again: usize,
    /// And what they cost, as far as it is known.
    pub credits: f64,
    /// Series that the last nights had and tonight has not.
    pub gone: Vec<Series>,
    /// Registered changes that match no series any more.
    pub orphans: Vec<String>,
}

impl NightReport {
    /// For people: `40 series, a false alarm in at most one of 20 nights: one series alone is red
    /// from 800 to 1`.
    pub fn budget(&self) -> String {
        let nights = (1.0 / self.false_nights).round();
        let needed = (self.judged.max(1) as f64 / self.false_nights).round();
        let judged = self.judged;
        format!(
            "{judged} series, a false alarm in at most one of {nights} nights: \
             one series alone is red from {needed} to 1"
        )
    }
}

/// One series tonight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub series: Series,
    pub verdict: Verdict,
    /// What later nights make of this one.
    pub status: Status,
    pub what: What,
    /// One line.
    pub why: String,
    /// Tonight by the window: a ratio of the metric, or a difference of shares.
    pub estimate: Option<Estimate>,
    /// So many to 1 for a change; beyond all numbers it is the greatest one.
    pub evidence: Option<f64>,
    pub first: Sample,
    pub again: Vec<Sample>,
}

impl Finding {
    /// As a history keeps it.
    pub fn night(&self, tonight: &Tonight, run: &str) -> Night {
        Night {
            date: tonight.date,
            run: run.to_owned(),
            status: self.status,
            host: tonight.host.clone(),
            first: self.first.clone(),
            again: self.again.clone(),
        }
    }
}

/// What a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Nothing to see.
    Quiet,
    /// An alarm that further samples did not bear out. Kept for the log.
    Cleared,
    /// Worse, by this.
    Worse(Cause),
    /// Worse for certain, by less than is worth a red night.
    Slight,
    /// Better. Never red.
    Better,
    /// It looked worse to the last sample that was to be had, and not enough to say so.
    Undecided,
    /// Too few accepted nights.
    NotYet,
    /// There is no number to compare.
    NotComparable,
}

/// Which comparison it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The samples of tonight with the window.
    Tonight,
    /// The last nights with the window.
    LastNights,
    /// The last accepted nights with the first ones.
    Drift,
    /// What has no noise.
    Fact,
}

/// The judging of a night.
#[derive(Clone, Debug)]
pub struct Gate {
    rules: Rules,
    lines: Vec<Line>,
    /// Lines with noise.
    judged: usize,
    credits: f64,
    gone: Vec<Series>,
    orphans: Vec<String>,
}

#[derive(Clone, Debug)]
struct Line {
    series: Series,
    first: Sample,
    again: Vec<Sample>,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Settled { verdict: Verdict, status: Status, what: What, why: String },
    Noisy(Box<Noisy>),
}

/// A series whose evidence is being gathered.
#[derive(Clone, Debug)]
struct Noisy {
    window: Window,
    watch: Watch,
    since: Option<Apart>,
    drift: Option<Apart>,
    /// Why no further sample is taken, where it is not for the evidence.
    stopped: Option<String>,
}

impl Gate {
    /// `history` has the nights of each series; those of tonight and later are not looked at.
    pub fn new(
        tonight: &Tonight,
        measured: &[(Series, Sample)],
        history: &BTreeMap<Series, Vec<Night>>,
        changes: &[Change],
        rules: Rules,
    ) -> Self {
        let repeats = Repeats::of(history, tonight.date, changes, &rules);
        let lines: Vec<Line> = measured
            .iter()
            .map(|(series, first)| {
                let nights = history.get(series).map_or(&[][..], Vec::as_slice);
                let state = state(series, first, nights, tonight, changes, &rules, &repeats);
                Line { series: series.clone(), first: first.clone(), again: Vec::new(), state }
            })
            .collect();
        let known: Vec<Series> = measured.iter().map(|it| it.0.clone()).collect();
        let recent = |nights: &[Night]| {
            let days = |it: &Night| (tonight.date - it.date).num_days();
            nights.iter().any(|it| (1..=GONE_DAYS).contains(&days(it)))
        };
        let gone = history
            .iter()
            .filter(|(series, nights)| !known.contains(series) && recent(nights))
            .map(|(series, _)| series.clone())
            .collect();
        let patterns = changes.iter().filter(|it| it.holds(tonight.date));
        let orphans = orphans(patterns.map(|it| it.series.as_str()), &known);
        Self {
            judged: lines.iter().filter(|it| matches!(it.state, State::Noisy(_))).count(),
            credits: 0.0,
            orphans: orphans.into_iter().map(str::to_owned).collect(),
            rules,
            lines,
            gone,
        }
    }

    /// Says the same until it is answered.
    pub fn step(&self) -> Step {
        let red = self.red();
        let asked: Vec<Series> = self
            .lines
            .iter()
            .zip(&red)
            .filter(|(line, red)| !**red && self.is_open(line))
            .map(|(line, _)| line.series.clone())
            .collect();
        match asked.is_empty() {
            false => Step::Resample(asked),
            true => Step::Ended(Box::new(self.report(&red))),
        }
    }

    /// Answers for series that were not asked for are not taken.
    pub fn answer(&mut self, series: &Series, answer: Answer) {
        let over = match &answer {
            Answer::Sampled { credits, .. } => {
                self.credits += credits.unwrap_or(0.0);
                self.rules.credits_max.is_some_and(|it| self.credits >= it)
            }
            Answer::NotTaken { .. } => false,
        };
        for line in &mut self.lines {
            let State::Noisy(noisy) = &mut line.state else { continue };
            if over && noisy.stopped.is_none() {
                noisy.stopped = Some("the night's credits for further samples are spent".into());
            }
            if line.series != *series {
                continue;
            }
            match &answer {
                Answer::Sampled { sample, .. } => match noisy.window.deviation(sample) {
                    Some((off, variance)) => {
                        noisy.watch.add(off, variance);
                        line.again.push(sample.clone());
                        if noisy.watch.samples() >= self.rules.samples_max {
                            noisy.stopped = Some("no further samples were allowed".into());
                        }
                    }
                    None => noisy.stopped = Some("a further sample had no number".into()),
                },
                Answer::NotTaken { why } => noisy.stopped = Some(why.clone()),
            }
        }
    }

    fn is_open(&self, line: &Line) -> bool {
        match &line.state {
            State::Noisy(it) => it.stopped.is_none() && it.watch.wants_more(),
            State::Settled { .. } => false,
        }
    }

    /// What one series alone needs, as a logarithm.
    fn needed(&self) -> f64 {
        (self.judged.max(1) as f64 / self.rules.false_nights).ln()
    }

    /// Which lines stand out.
    fn red(&self) -> Vec<bool> {
        let evidence: Vec<f64> = self
            .lines
            .iter()
            .map(|it| match &it.state {
                State::Noisy(it) => it.evidence(&self.rules, self.needed()).1,
                State::Settled { .. } => f64::NEG_INFINITY,
            })
            .collect();
        stand_out(&evidence, self.needed())
    }

    fn report(&self, red: &[bool]) -> NightReport {
        let findings: Vec<Finding> =
            self.lines.iter().zip(red).map(|(it, red)| self.finding(it, *red)).collect();
        let any =
            |verdict| findings.iter().any(|it| it.verdict == verdict && it.what != What::NotYet);
        let verdict = match (any(Verdict::Failed), any(Verdict::Unsure)) {
            (true, _) => Verdict::Failed,
            (_, true) => Verdict::Unsure,
            _ => Verdict::Passed,
        };
        NightReport {
            verdict,
            judged: self.judged,
            false_nights: self.rules.false_nights,
            again: findings.iter().map(|it| it.again.len()).sum(),
            credits: self.credits,
            gone: self.gone.clone(),
            orphans: self.orphans.clone(),
            findings,
        }
    }

    fn finding(&self, line: &Line, red: bool) -> Finding {
        let Line { series, first, again, state } = line;
        let mut finding = Finding {
            series: series.clone(),
            verdict: Verdict::Passed,
            status: Status::Accepted,
            what: What::Quiet,
            why: String::new(),
            estimate: None,
            evidence: None,
            first: first.clone(),
            again: again.clone(),
        };
        match state {
            State::Settled { verdict, status, what, why } => {
                (finding.verdict, finding.status) = (*verdict, *status);
                (finding.what, finding.why) = (*what, why.clone());
            }
            State::Noisy(noisy) => self.noisy(&mut finding, noisy, red),
        }
        finding
    }

    fn noisy(&self, finding: &mut Finding, noisy: &Noisy, red: bool) {
        let lens = &noisy.window.lens;
        let (cause, evidence) = noisy.evidence(&self.rules, self.needed());
        let effect_min = self.rules.effect_min(finding.series.metric);
        let effect = noisy.effect(cause);
        finding.evidence = Some(evidence.exp().min(f64::MAX));
        finding.estimate = noisy.estimate();
        let shown = shown(lens, effect);
        let against = against(cause, noisy, &self.rules);
        let odds = odds(evidence);
        let asked = finding.again.len();
        let better = [noisy.since, noisy.drift].into_iter().flatten().any(|it| {
            let turned = it.turned();
            turned.by >= effect_min && turned.evidence(self.needed()) >= self.needed()
        });
        let undecided =
            evidence >= self.needed() / 2.0 || noisy.stopped.is_some() && noisy.watch.looks_worse();
        let set = |finding: &mut Finding, verdict, status, what, why| {
            (finding.verdict, finding.status) = (verdict, status);
            (finding.what, finding.why) = (what, why);
        };
        use {Status::Accepted, Verdict::Passed};
        match red {
            true if effect >= effect_min => {
                let why = format!("{shown} {against}, {odds} after {}", samples(asked + 1));
                set(finding, Verdict::Failed, Status::Red, What::Worse(cause), why);
            }
            true => {
                let why = format!("{shown} {against}, which is less than counts");
                set(finding, Passed, Accepted, What::Slight, why);
            }
            // No more to be had, and it still looks worse: saying that it passed would be a lie.
            false if undecided => {
                let until = match &noisy.stopped {
                    Some(why) => format!(": {why}"),
                    None => ", and more samples of one night would not tell".to_owned(),
                };
                let why = format!("{shown} {against}, only {odds}{until}");
                set(finding, Verdict::Unsure, Status::Unsure, What::Undecided, why);
            }
            false if better => {
                let by = [noisy.since, noisy.drift].into_iter().flatten().map(|it| it.by);
                let by = by.fold(0.0, f64::min);
                let why = format!("{} {against}", self::shown(lens, by));
                set(finding, Passed, Accepted, What::Better, why);
            }
            false if asked > 0 && noisy.watch.looks_worse() => {
                let why = format!("{shown} {against}, but samples of one night are alike: {odds}");
                set(finding, Passed, Accepted, What::Cleared, why);
            }
            false if asked > 0 => {
                let why = format!("cleared by {}: {shown} {against}, {odds}", samples(asked));
                set(finding, Passed, Accepted, What::Cleared, why);
            }
            false => set(finding, Passed, Accepted, What::Quiet, format!("{shown} {against}")),
        }
    }
}

/// A series that was there a week ago and is not tonight is missed.
const GONE_DAYS: i64 = 7;

fn state(
    series: &Series,
    first: &Sample,
    history: &[Night],
    tonight: &Tonight,
    changes: &[Change],
    rules: &Rules,
    repeats: &Repeats,
) -> State {
    let passed = |what, why: String| State::Settled {
        verdict: Verdict::Passed,
        status: Status::Accepted,
        what,
        why,
    };
    let not_yet = |why: String| State::Settled {
        verdict: Verdict::Unsure,
        status: Status::Accepted,
        what: What::NotYet,
        why,
    };
    let (reading, date) = (&first.reading, tonight.date);
    match compared(series, reading, date, history, changes, rules.window) {
        Some(Compared::Same) => return passed(What::Quiet, "as before".to_owned()),
        Some(Compared::Better(why)) => return passed(What::Better, why),
        Some(Compared::Nothing) => return not_yet("no accepted night to compare with".to_owned()),
        Some(Compared::Worse(why)) => {
            return State::Settled {
                verdict: Verdict::Failed,
                status: Status::Red,
                what: What::Worse(Cause::Fact),
                why,
            };
        }
        None => {}
    }
    let has_control = first.control.is_some();
    if Lens::of(series, false).look(first).is_none() {
        return State::Settled {
            verdict: Verdict::Unsure,
            status: Status::Unsure,
            what: What::NotComparable,
            why: format!("{} has no ratio", reading.value().unwrap_or_default()),
        };
    }
    let window = match Window::of(series, history, tonight, has_control, changes, rules) {
        Ok(it) => it,
        Err(why) => return not_yet(why),
    };
    let repeat = repeats.share(series, window.lens.controlled);
    let mut watch = Watch::new(&window, repeat, rules.effect_min(series.metric));
    let Some((off, variance)) = window.deviation(first) else {
        return not_yet("no number to compare".to_owned());
    };
    watch.add(off, variance);
    let (since, drift) = (since(&window, off), drift(&window, rules));
    State::Noisy(Box::new(Noisy { window, watch, since, drift, stopped: None }))
}

impl Noisy {
    /// What says most, and what all say together: the weighted mean of three numbers whose
    /// expectation is 1 has that expectation, too. As a logarithm.
    fn evidence(&self, rules: &Rules, needed: f64) -> (Cause, f64) {
        let slow = rules.drift_share;
        let apart = |it: Option<Apart>| it.map(|it| it.evidence(needed - slow.ln()) + slow.ln());
        let parts = [
            (Cause::Tonight, Some(self.watch.evidence() + (1.0 - 2.0 * slow).ln())),
            (Cause::LastNights, apart(self.since)),
            (Cause::Drift, apart(self.drift)),
        ];
        let most = parts
            .iter()
            .filter_map(|(cause, it)| Some((*cause, (*it)?)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or((Cause::Tonight, f64::NEG_INFINITY));
        let sum: f64 = parts.iter().filter_map(|it| it.1).map(|it| (it - most.1).exp()).sum();
        (most.0, most.1 + sum.ln())
    }

    /// How much worse, on the scale of comparison.
    fn effect(&self, cause: Cause) -> f64 {
        let tonight = self.watch.estimate().map_or(0.0, |it| it.0);
        match cause {
            // Nights are clamped to some spreads for the evidence. Where spreads are small, that is
            // less than counts, however far the level went: then tonight tells how far.
            Cause::LastNights => self.since.map_or(tonight, |it| it.by.max(tonight)),
            Cause::Drift => self.drift.map_or(0.0, |it| it.by),
            Cause::Tonight | Cause::Fact => tonight,
        }
    }

    fn estimate(&self) -> Option<Estimate> {
        let (by, deviation) = self.watch.estimate()?;
        let half = deviation * NORMAL * student(self.window.nights.saturating_sub(1));
        let lens = &self.window.lens;
        let ends = [by - half, by + half].map(|it| lens.shown(it));
        Some(Estimate {
            value: lens.shown(by),
            low: ends[0].min(ends[1]),
            high: ends[0].max(ends[1]),
            confidence: CONFIDENCE,
            samples: self.watch.samples() as u64,
        })
    }
}

/// Standard deviations in a spread, of normal noise.
const NORMAL: f64 = super::drift::NORMAL;

/// Those that stand out of all, where one alone needs `needed`; all are logarithms. Of k that
/// stand out together, each needs a k-th.
fn stand_out(evidence: &[f64], needed: f64) -> Vec<bool> {
    let mut sorted = evidence.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let least = sorted
        .iter()
        .zip(1..)
        .filter(|(it, k)| **it >= needed - f64::from(*k).ln())
        .map(|(it, _)| *it)
        .last();
    evidence.iter().map(|it| least.is_some_and(|least| *it >= least)).collect()
}

fn shown(lens: &Lens, by: f64) -> String {
    let shown = lens.shown(by);
    match lens.scale {
        Scale::Ratio => format!("{:+.1} %", (shown - 1.0) * 100.0),
        Scale::Difference => format!("{:+.2} points", shown * 100.0),
    }
}

fn against(cause: Cause, noisy: &Noisy, rules: &Rules) -> String {
    let nights = noisy.window.nights;
    match cause {
        Cause::Tonight | Cause::Fact => format!("against {nights} nights"),
        Cause::LastNights => {
            format!("in {} nights against {nights}", noisy.window.since.len() + 1)
        }
        Cause::Drift => format!("in {0} nights since the first {0}", rules.anchor),
    }
}

fn odds(evidence: f64) -> String {
    match evidence.exp() {
        it if it >= 1e6 => "more than a million to 1".to_owned(),
        it if it >= 1.0 => format!("{it:.0} to 1"),
        it => format!("{it:.2} to 1"),
    }
}

fn samples(count: usize) -> String {
    if count == 1 { "1 sample".to_owned() } else { format!("{count} samples") }
}
