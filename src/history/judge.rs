//! A night of the history, judged by the gate, with what came of it kept.
//!
//! The gate decides; this gives it the nights before, has samples taken again where it asks for
//! them, and writes down its verdict.

use super::{
    Distribution, HistoryError, Judgement, Night, NightRow, SeriesKey, SeriesVerdict, Status, Store,
};
use crate::{
    gate::{
        self, Answer, Change, Finding, Gate, NightReport, Rules, Sample, SelfTest, Series, Step,
        Tonight, What,
    },
    load::{Histo, Verdict},
    run::compare::counted,
};
use std::collections::{BTreeMap, HashMap};

/// Takes samples of series again; an answer for each.
pub type Resample<'a> = dyn FnMut(&[SeriesKey]) -> Vec<(SeriesKey, Answer)> + 'a;

/// A night as it was judged.
#[derive(Debug)]
pub struct Judged {
    /// As the history keeps it.
    pub judgement: Judgement,
    /// `None` where nothing was judged: the run, or the gate, was not sound.
    pub report: Option<NightReport>,
    /// What the self-test said.
    pub self_test: Vec<String>,
    /// Accepted nights of the same testbed before this one.
    pub before: usize,
}

impl Judged {
    pub fn status(&self) -> Status {
        self.judgement.status
    }

    /// One line.
    pub fn why(&self) -> &str {
        &self.judgement.why
    }
}

/// Judges a night that is in the history, and keeps the verdict there.
///
/// # Errors
///
/// A history that cannot be read or written.
pub fn judge(
    store: &mut Store,
    night: &Night,
    changes: &[Change],
    rules: Rules,
    resample: &mut Resample<'_>,
) -> Result<Judged, HistoryError> {
    let history = nights_before(store, night)?;
    let judged = judged(night, &history, changes, rules, resample);
    store.judge(&judged.judgement)?;
    Ok(judged)
}

/// What the gate is told of earlier nights.
#[derive(Debug, Default)]
struct Before {
    series: BTreeMap<Series, Vec<gate::Night>>,
    /// Accepted ones.
    before: usize,
    /// Latencies of the accepted nights, of the load that most of them have.
    latencies: Vec<Histo>,
}

fn nights_before(store: &Store, night: &Night) -> Result<Before, HistoryError> {
    let is_before = |it: &NightRow| it.started_at < night.started_at && it.run != night.run;
    nights(store, &night.testbed, is_before)
}

fn nights(
    store: &Store,
    testbed: &str,
    wanted: impl Fn(&NightRow) -> bool,
) -> Result<Before, HistoryError> {
    let mut unsure: HashMap<i64, Vec<SeriesKey>> = HashMap::new();
    for (night, it) in store.verdicts()? {
        if it.verdict == UNSURE {
            unsure.entry(night).or_default().push(it.series);
        }
    }
    let mut found = Before::default();
    let mut latencies: BTreeMap<(String, String, String), Vec<Histo>> = BTreeMap::new();
    for row in store.nights()? {
        let Some(status) = row.status.gated() else { continue };
        if row.testbed != testbed || !row.has_ended() || !wanted(&row) {
            continue;
        }
        if status == gate::Status::Accepted {
            found.before += 1;
            let of_mix = |it: &Distribution| it.of == "from due" && it.query.is_empty();
            for it in store.distributions(row.id)?.into_iter().filter(of_mix) {
                latencies.entry((it.suite, it.case, it.role)).or_default().push(it.histogram);
            }
        }
        for it in store.quantities(row.id)? {
            let Some(series) = it.series.gated(testbed) else { continue };
            // A night that is unsure for one series is none for the others. A red one is out as a
            // whole: what is slow is slow in more than the series that said so.
            let is_unsure = unsure.get(&row.id).is_some_and(|all| all.contains(&it.series));
            let status = match status {
                gate::Status::Unsure if !is_unsure => gate::Status::Accepted,
                status => status,
            };
            found.series.entry(series).or_default().push(gate::Night {
                date: row.started_at.date_naive(),
                run: row.run.clone(),
                status,
                host: row.generator.clone(),
                first: it.first,
                again: it.again,
            });
        }
    }
    found.latencies = latencies.into_values().max_by_key(Vec::len).unwrap_or_default();
    Ok(found)
}

/// Whether the gate would have noticed: on nights that come with it, and, for people to know, by how
/// much on this testbed's own.
///
/// # Errors
///
/// What it missed, or alarmed for without reason. The night says nothing then.
fn self_test(latencies: &[Histo], rules: &Rules) -> Result<Vec<String>, Vec<String>> {
    let stored = SelfTest::stored(STORED).and_then(|it| it.failures(rules));
    let failures = stored.map_err(|why| vec![why])?;
    if !failures.is_empty() {
        return Err(failures);
    }
    let mut said = vec![format!(
        "on nights that come with the gate, latencies {:.0} % longer and a wrong row were noticed, \
         and nothing else was",
        STORED * 100.0
    )];
    let last = latencies.len().saturating_sub(rules.window);
    let nights = latencies[last..].to_vec();
    if nights.len() < rules.nights_min {
        return Ok(said);
    }
    let on = format!("on {} of this testbed", counted(nights.len(), "night"));
    let seen = OWN.into_iter().find(|slower| {
        let digest = DIGEST.to_owned();
        let test = SelfTest { nights: nights.clone(), digest, slower: *slower };
        test.failures(rules).is_ok_and(|it| it.is_empty())
    });
    said.push(match seen {
        Some(slower) => format!("{on}, a p95 {:.0} % longer would be noticed", slower * 100.0),
        None => format!("{on}, whose levels are far apart, not even twice the time would be"),
    });
    Ok(said)
}

/// What is to be seen in the nights that come with the gate, whose levels are 3 % apart.
const STORED: f64 = 0.3;

/// What is tried on a testbed's own nights, which may differ more.
const OWN: [f64; 6] = [0.05, 0.1, 0.2, 0.3, 0.5, 1.0];

/// Of any rows.
const DIGEST: &str = "5d41402abc4b2a76";

const UNSURE: &str = "unsure";

fn judged(
    night: &Night,
    history: &Before,
    changes: &[Change],
    rules: Rules,
    resample: &mut Resample<'_>,
) -> Judged {
    let judgement = |status, why| Judgement {
        run: night.run.clone(),
        status,
        why,
        verdicts: Vec::new(),
        again: Vec::new(),
    };
    let before = history.before;
    let nothing = |why: String, self_test: Vec<String>| Judged {
        judgement: judgement(Status::Invalid, why),
        report: None,
        self_test,
        before,
    };
    if !night.has_ended() {
        let cause = night.cut_short.as_deref().unwrap_or("it did not come to its end");
        return nothing(format!("the run is not whole: {cause}"), Vec::new());
    }
    let (measured, keys): (Vec<(Series, Sample)>, Vec<SeriesKey>) = night
        .quantities
        .iter()
        .filter_map(|it| {
            let series = it.series.gated(&night.testbed)?;
            Some(((series, it.first.clone()), it.series.clone()))
        })
        .unzip();
    let tonight = Tonight { date: night.started_at.date_naive(), host: night.generator.clone() };
    let self_test = match self_test(&history.latencies, &rules) {
        Ok(said) => said,
        Err(missed) => {
            return nothing(format!("the gate's self-test failed: {}", missed.join("; ")), missed);
        }
    };
    let mut gate = Gate::new(&tonight, &measured, &history.series, changes, rules);
    let of: HashMap<&SeriesKey, &Series> =
        keys.iter().zip(measured.iter().map(|it| &it.0)).collect();
    let report = loop {
        let asked = match gate.step() {
            Step::Ended(report) => break *report,
            Step::Resample(asked) => asked,
        };
        let names: Vec<SeriesKey> = keys
            .iter()
            .filter(|key| of.get(key).is_some_and(|series| asked.contains(series)))
            .cloned()
            .collect();
        let mut answers: BTreeMap<Series, Answer> = BTreeMap::new();
        for (key, answer) in resample(&names) {
            if let Some(series) = of.get(&key) {
                answers.insert((*series).clone(), answer);
            }
        }
        // Every question has its answer, or it would be asked for ever.
        for series in asked {
            let none = || Answer::NotTaken { why: "it was not measured again".to_owned() };
            gate.answer(&series, answers.remove(&series).unwrap_or_else(none));
        }
    };
    let (status, why) = said(&report);
    let mut judgement = judgement(status, why);
    for (it, key) in report.findings.iter().zip(&keys) {
        if is_told(it) {
            judgement.verdicts.push(verdict(key, it));
        }
        judgement.again.extend(it.again.iter().map(|it| (key.clone(), it.clone())));
    }
    Judged { judgement, report: Some(report), self_test, before }
}

/// The night in a word and a line.
fn said(report: &NightReport) -> (Status, String) {
    let of = |verdict| {
        let found = report.findings.iter().filter(move |it| it.verdict == verdict);
        found.filter(|it| it.what != What::NotYet).collect::<Vec<&Finding>>()
    };
    let line = |what: &str, found: &[&Finding]| {
        let first = found.first().map(|it| format!("{}: {}", it.series, it.why));
        let more = match found.len() {
            0 | 1 => String::new(),
            count => format!("; {} more", count - 1),
        };
        format!("{what}: {}{more}", first.unwrap_or_default())
    };
    match report.verdict {
        Verdict::Passed => (Status::Accepted, String::new()),
        Verdict::Failed => (Status::Red, line("worse", &of(Verdict::Failed))),
        Verdict::Unsure => (Status::Unsure, line("it cannot be told", &of(Verdict::Unsure))),
        Verdict::Invalid => (Status::Invalid, line("not sound", &of(Verdict::Invalid))),
    }
}

/// Whether a finding is worth a line in the history.
fn is_told(it: &Finding) -> bool {
    !matches!(it.what, What::Quiet | What::NotYet | What::NotComparable) || !it.again.is_empty()
}

fn verdict(key: &SeriesKey, finding: &Finding) -> SeriesVerdict {
    SeriesVerdict {
        series: key.clone(),
        verdict: word(finding).to_owned(),
        why: finding.why.clone(),
        estimate: finding.estimate.map(|it| it.value),
    }
}

/// What became of a series, in a word.
pub fn word(finding: &Finding) -> &'static str {
    match (finding.what, finding.verdict) {
        (What::NotYet, _) => "not yet",
        (What::NotComparable, _) => "not comparable",
        (_, Verdict::Failed) => "failed",
        (_, Verdict::Unsure) => UNSURE,
        (_, Verdict::Invalid) => "invalid",
        (What::Cleared, _) => "cleared",
        (What::Slight, _) => "slight",
        (What::Better, _) => "better",
        (_, Verdict::Passed) => "passed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gate::Reading,
        history::{Better, Quantity, Unit},
        random::Random,
        report::sample,
    };
    use chrono::TimeDelta;

    fn key(metric: &str) -> SeriesKey {
        let [suite, case, role, query, metric] =
            ["s", "a load", "interactive", "", metric].map(str::to_owned);
        SeriesKey { suite, case, role, query, metric }
    }

    fn measured(value: f64) -> Sample {
        let (low, high) = (value * 0.99, Some(value * 1.01));
        Sample::of(Reading::Measured { value, low, high, samples: 500.0 })
    }

    fn night(at: usize, p95: f64, failed: i64) -> Night {
        let summary = sample::summary(Vec::new());
        let started_at = summary.started_at.unwrap() + TimeDelta::days(at as i64);
        let quantity = |key, unit, first| Quantity {
            series: key,
            unit,
            better: Better::Lower,
            first,
            again: Vec::new(),
        };
        Night {
            run: format!("SG{at:02}"),
            started_at,
            quantities: vec![
                quantity(key("p95"), Unit::Microseconds, measured(p95)),
                quantity(key("count"), Unit::Count, Sample::of(Reading::Exact { count: failed })),
                // Of no metric that the gate knows.
                quantity(key("wrong-share"), Unit::Share, measured(0.1)),
            ],
            ..Night::of(&summary)
        }
    }

    /// Nights of 2 % noise, all of them judged as they come.
    fn store(nights: usize) -> Store {
        let mut store = Store::in_memory("a test").unwrap();
        let mut random = Random::new(3);
        for at in 0..nights {
            let night = night(at, 10_000.0 * (0.98 + 0.04 * random.unit()), 0);
            let judged = judge_one(&mut store, &night, &mut |_| Vec::new());
            assert_eq!(judged.status(), Status::Accepted, "{at}: {}", judged.why());
        }
        store
    }

    fn judge_one(store: &mut Store, night: &Night, again: &mut Resample<'_>) -> Judged {
        store.add(night).unwrap();
        judge(store, night, &[], Rules::default(), again).unwrap()
    }

    fn again(value: f64) -> impl FnMut(&[SeriesKey]) -> Vec<(SeriesKey, Answer)> {
        move |asked| {
            let answer = || Answer::Sampled { sample: measured(value), credits: Some(0.5) };
            asked.iter().map(|it| (it.clone(), answer())).collect()
        }
    }

    #[test]
    fn a_night_that_is_worse_is_red_and_never_compared_with() {
        let mut store = store(16);
        let judged = judge_one(&mut store, &night(16, 12_000.0, 0), &mut again(12_000.0));
        assert_eq!(judged.status(), Status::Red, "{}", judged.why());
        assert!(judged.why().contains("s::a load/interactive//p95@"), "{}", judged.why());
        assert_eq!(judged.before, 16);
        assert_eq!(store.night("SG16").unwrap().status, Status::Red);
        let told = store.verdicts().unwrap();
        let (_, verdict) = told.iter().find(|(_, it)| it.verdict == "failed").unwrap();
        assert!((verdict.estimate.unwrap() - 1.2).abs() < 0.03, "{verdict:?}");
        // Weeks of it are as red as the first night of it.
        for at in 17..40 {
            let judged = judge_one(&mut store, &night(at, 12_000.0, 0), &mut again(12_000.0));
            assert_eq!((judged.status(), judged.before), (Status::Red, 16), "{at}");
        }
    }

    #[test]
    fn what_further_samples_do_not_bear_out_is_not_red_and_is_kept() {
        let mut store = store(16);
        let judged = judge_one(&mut store, &night(16, 10_400.0, 0), &mut again(10_000.0));
        assert_ne!(judged.status(), Status::Red, "{}", judged.why());
        let again = store.points(&key("p95")).unwrap().last().unwrap().again.len();
        assert!(again > 0, "it was not asked for");
        let told = store.verdicts().unwrap();
        assert!(told.iter().any(|(_, it)| it.series == key("p95")), "{told:?}");
    }

    #[test]
    fn without_a_target_it_is_not_called_green() {
        let mut store = store(16);
        let judged = judge_one(&mut store, &night(16, 10_900.0, 0), &mut |_| Vec::new());
        assert_ne!(judged.status(), Status::Accepted, "{}", judged.why());
    }

    #[test]
    fn a_case_that_fails_is_a_fact() {
        let mut store = store(3);
        let judged = judge_one(&mut store, &night(3, 10_000.0, 1), &mut |_| Vec::new());
        assert_eq!(judged.status(), Status::Red, "{}", judged.why());
        assert!(judged.why().contains("1, and 0 before"), "{}", judged.why());
    }

    #[test]
    fn a_run_that_was_cut_short_is_no_night() {
        let mut store = store(2);
        let torn = Night { cut_short: Some("interrupted".to_owned()), ..night(2, 10_000.0, 0) };
        let judged = judge_one(&mut store, &torn, &mut |_| Vec::new());
        assert_eq!(judged.status(), Status::Invalid);
        assert_eq!(judged.why(), "the run is not whole: interrupted");
        let next = judge_one(&mut store, &night(3, 10_000.0, 0), &mut |_| Vec::new());
        assert_eq!(next.before, 2);
    }

    #[test]
    fn nights_of_another_testbed_are_not_compared_with() {
        let mut store = store(12);
        let other = Night { testbed: "elsewhere".to_owned(), ..night(12, 20_000.0, 0) };
        let judged = judge_one(&mut store, &other, &mut |_| Vec::new());
        assert_eq!((judged.status(), judged.before), (Status::Accepted, 0), "{}", judged.why());
    }
}
