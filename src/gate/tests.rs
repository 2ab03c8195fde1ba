//! Nights whose truth is known. What takes long is in `benches/gate.rs`.

use super::*;
use crate::{load::Verdict, random::Random};
use chrono::{Days, NaiveDate};
use std::collections::BTreeMap;

fn series(metric: Metric) -> Series {
    Series {
        case: "C-04".into(),
        role: "interactive".into(),
        query: "lookup".into(),
        metric,
        connection: "eu".into(),
    }
}

fn date(night: usize) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 5).unwrap() + Days::new(night as u64)
}

fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
}

fn number(value: f64) -> Sample {
    Sample::of(Reading::Number { value })
}

/// A series of nights with 3 % noise, of which one in five was sampled again.
struct Past {
    nights: Vec<Night>,
    random: Random,
}

impl Past {
    fn new(seed: u64) -> Self {
        Self { nights: Vec::new(), random: Random::new(seed) }
    }

    fn sample(&mut self, level: f64) -> Sample {
        number(level * (0.03 * normal(&mut self.random)).exp())
    }

    fn night(&mut self, level: f64, status: Status) -> &mut Self {
        let at = self.nights.len();
        let first = self.sample(level);
        let again = if at.is_multiple_of(5) { vec![self.sample(level)] } else { Vec::new() };
        let run = at.to_string();
        self.nights.push(Night { date: date(at), run, status, host: None, first, again });
        self
    }

    fn accepted(&mut self, nights: usize, level: f64) -> &mut Self {
        for _ in 0..nights {
            self.night(level, Status::Accepted);
        }
        self
    }

    /// Tonight, at a level, as one of forty series; further samples are of it, too.
    fn tonight(&mut self, level: f64, changes: &[Change]) -> Finding {
        let rules = Rules { false_nights: 0.05 / 40.0, ..Rules::default() };
        self.judged(Metric::P95, level, changes, &rules).findings.swap_remove(0)
    }

    fn judged(
        &mut self,
        metric: Metric,
        level: f64,
        changes: &[Change],
        rules: &Rules,
    ) -> NightReport {
        let series = series(metric);
        let measured = [(series.clone(), self.sample(level))];
        let history = BTreeMap::from([(series.clone(), self.nights.clone())]);
        let tonight = Tonight { date: date(self.nights.len()), host: None };
        let mut gate = Gate::new(&tonight, &measured, &history, changes, rules.clone());
        loop {
            match gate.step() {
                Step::Ended(report) => return *report,
                Step::Resample(asked) => {
                    assert_eq!(asked, std::slice::from_ref(&series));
                    let sample = self.sample(level);
                    gate.answer(&series, Answer::Sampled { sample, credits: Some(0.5) });
                }
            }
        }
    }
}

#[test]
fn a_tenth_more_is_red_after_further_samples_and_does_not_enter_the_window() {
    let finding = Past::new(1).accepted(40, 50e3).tonight(57e3, &[]);
    assert_eq!(finding.what, What::Worse(Cause::Tonight), "{}", finding.why);
    assert_eq!((finding.verdict, finding.status), (Verdict::Failed, Status::Red));
    assert!(!finding.again.is_empty());
    let ratio = finding.estimate.unwrap();
    assert!(ratio.low > 1.0 && ratio.low < 1.14 && ratio.high > 1.14, "{ratio:?}");
    assert!(finding.why.contains("against 37 nights"), "{}", finding.why);
}

#[test]
fn quiet_nights_are_not_red() {
    for seed in 0..40 {
        let finding = Past::new(seed).accepted(40, 50e3).tonight(50e3, &[]);
        assert_eq!(finding.verdict, Verdict::Passed, "{seed}: {}", finding.why);
    }
}

#[test]
fn an_alarm_that_further_samples_do_not_bear_out_is_cleared_and_kept() {
    let mut past = Past::new(3);
    past.accepted(40, 50e3);
    let series = series(Metric::P95);
    let history = BTreeMap::from([(series.clone(), past.nights.clone())]);
    let tonight = Tonight { date: date(40), host: None };
    let measured = [(series.clone(), number(53e3))];
    let mut gate = Gate::new(&tonight, &measured, &history, &[], Rules::default());
    assert_eq!(gate.step(), Step::Resample(vec![series.clone()]));
    gate.answer(&series, Answer::Sampled { sample: number(47e3), credits: None });
    let Step::Ended(report) = gate.step() else { panic!("still asking") };
    let finding = &report.findings[0];
    assert_eq!((finding.what, finding.status), (What::Cleared, Status::Accepted));
    assert!(finding.why.starts_with("cleared by 1 sample"), "{}", finding.why);
    assert_eq!(finding.night(&tonight, "r").again, [number(47e3)]);
}

#[test]
fn an_alarm_without_further_samples_is_unsure() {
    let mut past = Past::new(3);
    past.accepted(40, 50e3);
    let series = series(Metric::P95);
    let history = BTreeMap::from([(series.clone(), past.nights.clone())]);
    let tonight = Tonight { date: date(40), host: None };
    let measured = [(series.clone(), number(57e3))];
    let mut gate = Gate::new(&tonight, &measured, &history, &[], Rules::default());
    gate.answer(&series, Answer::NotTaken { why: "the window of the night is over".into() });
    let Step::Ended(report) = gate.step() else { panic!("still asking") };
    assert_eq!(report.verdict, Verdict::Unsure);
    assert_eq!(report.findings[0].status, Status::Unsure);
    assert!(report.findings[0].why.ends_with("the window of the night is over"));
}

#[test]
fn credits_end_the_asking() {
    let rules = Rules { credits_max: Some(0.5), false_nights: 1e-4, ..Rules::default() };
    let report = Past::new(1).accepted(40, 50e3).judged(Metric::P95, 57e3, &[], &rules);
    assert_eq!((report.again, report.credits), (1, 0.5));
    assert!(report.findings[0].why.contains("credits"), "{}", report.findings[0].why);
}

#[test]
fn of_throughput_less_is_worse_and_more_is_not() {
    let rules = Rules::default();
    let mut past = Past::new(1);
    let less = past.accepted(40, 900.0).judged(Metric::Throughput, 780.0, &[], &rules);
    assert_eq!(less.findings[0].what, What::Worse(Cause::Tonight), "{}", less.findings[0].why);
    assert!(less.findings[0].estimate.unwrap().high < 1.0);
    let more = past.judged(Metric::Throughput, 1100.0, &[], &rules);
    assert_eq!(more.verdict, Verdict::Passed, "{}", more.findings[0].why);
}

#[test]
fn a_baseline_does_not_absorb_a_regression() {
    let mut past = Past::new(1);
    past.accepted(40, 50e3);
    for _ in 0..40 {
        past.night(60e3, Status::Red);
    }
    let finding = past.tonight(60e3, &[]);
    // Not by the drift alone.
    let by_window = [What::Worse(Cause::Tonight), What::Worse(Cause::LastNights)];
    assert!(by_window.contains(&finding.what), "{:?} {}", finding.what, finding.why);
}

#[test]
fn a_slow_drift_is_seen_against_the_first_nights() {
    let mut past = Past::new(1);
    past.accepted(40, 50e3);
    for night in 0..120 {
        past.night(50e3 * (1.0 + 0.0015 * f64::from(night)), Status::Accepted);
    }
    let finding = past.tonight(59e3, &[]);
    assert_eq!(finding.what, What::Worse(Cause::Drift), "{}", finding.why);
    assert!(finding.why.contains("since the first 28"), "{}", finding.why);
}

#[test]
fn getting_better_is_told_and_never_red() {
    let mut past = Past::new(1);
    past.accepted(80, 50e3).accepted(4, 42e3);
    let finding = past.tonight(42e3, &[]);
    assert_eq!((finding.what, finding.verdict), (What::Better, Verdict::Passed));
    assert!(finding.why.starts_with('-'), "{}", finding.why);
}

fn change(shift: Shift, until: Option<usize>) -> Change {
    Change {
        series: "C-04/*".into(),
        shift,
        reason: "a larger table".into(),
        who: "ops".into(),
        from: date(40),
        until: until.map(date),
    }
}

#[test]
fn an_accepted_change_moves_the_baseline() {
    for shift in [Shift::Factor(1.2), Shift::Level(60e3)] {
        let changes = [change(shift, None)];
        let mut past = Past::new(1);
        past.accepted(40, 50e3);
        assert_eq!(past.tonight(60e3, &changes).verdict, Verdict::Passed);
        assert_eq!(past.tonight(60e3, &[]).verdict, Verdict::Failed);
        // Even then another tenth is red.
        assert_eq!(past.tonight(68e3, &changes).verdict, Verdict::Failed);
        // And after it nights of both sides are comparable.
        past.accepted(60, 60e3);
        let finding = past.tonight(60e3, &changes);
        assert_eq!(finding.verdict, Verdict::Passed, "{}", finding.why);
    }
}

#[test]
fn an_expired_change_does_not() {
    let changes = [change(Shift::Factor(1.2), Some(99))];
    let mut past = Past::new(1);
    past.accepted(40, 50e3).accepted(59, 60e3);
    assert_eq!(past.tonight(60e3, &changes).verdict, Verdict::Passed);
    past.accepted(1, 60e3);
    let finding = past.tonight(60e3, &changes);
    assert_eq!(finding.verdict, Verdict::Failed, "{}", finding.why);
    assert_eq!(past.tonight(50e3, &changes).verdict, Verdict::Passed);
}

#[test]
fn the_first_nights_are_not_judged_and_accepted() {
    let report = Past::new(1).accepted(5, 50e3).judged(Metric::P95, 90e3, &[], &Rules::default());
    let finding = &report.findings[0];
    assert_eq!((finding.what, finding.status), (What::NotYet, Status::Accepted));
    assert_eq!(finding.verdict, Verdict::Unsure);
    assert!(finding.why.contains("of 10 accepted nights"), "{}", finding.why);
    assert_eq!(report.verdict, Verdict::Passed);
}

#[test]
fn shares_may_be_zero() {
    let mut past = Past::new(1);
    past.accepted(40, 0.0);
    let rules = Rules::default();
    assert_eq!(past.judged(Metric::ErrorShare, 0.0, &[], &rules).verdict, Verdict::Passed);
    let report = past.judged(Metric::ErrorShare, 0.03, &[], &rules);
    assert_eq!(report.verdict, Verdict::Failed, "{}", report.findings[0].why);
    assert!(report.findings[0].why.contains("points"), "{}", report.findings[0].why);
    let none = past.judged(Metric::P95, 0.0, &[], &rules);
    assert_eq!(none.findings[0].what, What::NotComparable);
}

/// Two machines, every other night, 10 % apart.
#[test]
fn nights_of_the_same_host_are_compared() {
    let mut past = Past::new(1);
    for at in 0..80 {
        let level = if at % 2 == 0 { 50e3 } else { 55e3 };
        past.night(level, Status::Accepted);
        past.nights[at].host = Some(format!("host {}", at % 2));
    }
    let history = BTreeMap::from([(series(Metric::P95), past.nights.clone())]);
    let window = |host: &str| {
        let tonight = Tonight { date: date(80), host: Some(host.into()) };
        let series = series(Metric::P95);
        Window::of(&series, &history[&series], &tonight, false, &[], &Rules::default()).unwrap()
    };
    let (quick, slow, unknown) = (window("host 0"), window("host 1"), window("host 2"));
    assert!(quick.same_host && slow.same_host && !unknown.same_host);
    let apart = (slow.level.location - quick.level.location).exp();
    assert!((1.07..1.13).contains(&apart), "{apart}");
    assert!(unknown.level.spread > 1.3 * quick.level.spread);
}

#[test]
fn weekends_are_compared_with_weekends() {
    let mut past = Past::new(1);
    for at in 0..70 {
        past.night(if at % 7 >= 5 { 40e3 } else { 50e3 }, Status::Accepted);
    }
    let window = |night: usize| {
        let tonight = Tonight { date: date(night), host: None };
        let rules = Rules::default();
        Window::of(&series(Metric::P95), &past.nights, &tonight, false, &[], &rules).unwrap()
    };
    let (monday, saturday) = (window(70), window(75));
    let apart = (saturday.level.location - monday.level.location).exp();
    assert!((0.77..0.84).contains(&apart), "{apart}");
    assert!(monday.level.spread < 0.04, "{}", monday.level.spread);
}

/// What the night did to a control is taken off.
#[test]
fn a_control_makes_nights_alike() {
    let mut random = Random::new(5);
    let mut both = |level: f64| {
        let night = 0.1 * normal(&mut random);
        let own = 0.02 * normal(&mut random);
        let reading = Reading::Number { value: level * (night + own).exp() };
        Sample { reading, control: Some(8e3 * night.exp()) }
    };
    let mut past = Past::new(1);
    past.accepted(40, 1.0);
    for night in &mut past.nights {
        night.first = both(50e3);
        night.again.clear();
    }
    let tonight = Tonight { date: date(40), host: None };
    let rules = Rules::default();
    let window = |has_control| {
        let series = series(Metric::P95);
        Window::of(&series, &past.nights, &tonight, has_control, &[], &rules).unwrap()
    };
    assert!(window(true).lens.controlled && !window(false).lens.controlled);
    assert!(window(true).level.spread < 0.03 && window(false).level.spread > 0.05);
}

#[test]
fn series_that_are_gone_and_changes_that_match_nothing_are_told() {
    let mut past = Past::new(1);
    past.accepted(20, 50e3);
    let other = Series { case: "C-05".into(), ..series(Metric::P95) };
    let history = BTreeMap::from([(other.clone(), past.nights.clone())]);
    let changes = [Change { series: "C-09/*".into(), ..change(Shift::Factor(1.1), None) }];
    let tonight = Tonight { date: date(60), host: None };
    let gate = |date| {
        let tonight = Tonight { date, ..tonight.clone() };
        match Gate::new(&tonight, &[], &history, &changes, Rules::default()).step() {
            Step::Ended(report) => report,
            Step::Resample(asked) => panic!("{asked:?}"),
        }
    };
    assert_eq!(gate(date(22)).gone, [other]);
    assert!(gate(date(60)).gone.is_empty());
    assert_eq!(gate(date(60)).orphans, ["C-09/*"]);
}

/// Of forty series without a change one is red in far less than one of twenty nights.
#[test]
fn the_budget_is_that_of_all_series_together() {
    let mut pasts: Vec<Past> = (0..40).map(Past::new).collect();
    let series = |at: usize| Series { case: format!("{at}"), ..series(Metric::P95) };
    let (mut red, mut budget) = (0, String::new());
    for night in 0..60 {
        let history = (0..40).map(|it| (series(it), pasts[it].nights.clone())).collect();
        let measured: Vec<(Series, Sample)> =
            (0..40).map(|it| (series(it), pasts[it].sample(50e3))).collect();
        let tonight = Tonight { date: date(night), host: None };
        let mut gate = Gate::new(&tonight, &measured, &history, &[], Rules::default());
        let report = loop {
            match gate.step() {
                Step::Ended(report) => break report,
                Step::Resample(asked) => {
                    for asked in asked {
                        let at = asked.case.parse::<usize>().unwrap();
                        let sample = pasts[at].sample(50e3);
                        gate.answer(&asked, Answer::Sampled { sample, credits: None });
                    }
                }
            }
        };
        red += usize::from(report.verdict == Verdict::Failed);
        budget = report.budget();
        for (past, finding) in pasts.iter_mut().zip(&report.findings) {
            past.nights.push(finding.night(&tonight, ""));
        }
    }
    assert!(red <= 2, "{red} red nights of 60");
    assert_eq!(
        budget,
        "40 series, a false alarm in at most one of 20 nights: one series alone is red from 800 to 1"
    );
}

#[test]
fn the_night_of_a_change_is_named() {
    for seed in 0..5 {
        let mut past = Past::new(seed);
        past.accepted(20, 50e3).accepted(10, 55e3);
        let found = when_changed(&series(Metric::P95), &past.nights);
        assert_eq!(found.len(), 1, "{seed}: {found:?}");
        assert!((19..=21).contains(&found[0].index), "{seed}: {found:?}");
        assert!(found[0].size.low > 1.0 && found[0].size.high > 1.09, "{found:?}");
        assert!((found[0].after / found[0].before - found[0].size.value).abs() < 1e-9);
    }
    let found: usize = (0..10)
        .map(|seed| when_changed(&series(Metric::P95), &Past::new(seed).accepted(60, 50e3).nights))
        .map(|it| it.len())
        .sum();
    assert!(found <= 1, "{found} change points without a change");
}
