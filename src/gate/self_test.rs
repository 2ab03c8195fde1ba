//! Whether the gate would have noticed.
//!
//! Part of every nightly run: detectors that went silent look like a good night. Nights that are
//! stored as histograms go through the same gate as tonight's, once as they are, once with all
//! latencies so much longer, and a digest of rows once as it is and once with a character changed.

use super::{
    Answer, Cause, Finding, Gate, Metric, Night, NightReport, Reading, Rules, Sample, Series,
    Status, Step, Tonight, What,
};
use crate::{
    load::{
        Histo,
        statistics::{quantile::between, survival::Survival},
        sums::{self, Latencies, LatencySecond},
    },
    random::Random,
};
use chrono::{Days, NaiveDate};
use std::collections::BTreeMap;

/// What the gate is tried on.
#[derive(Clone, Debug)]
pub struct SelfTest {
    /// One for each night, at least as many as a window needs.
    pub nights: Vec<Histo>,
    /// Of the digest of any rows.
    pub digest: String,
    /// So much longer are latencies: 0.3 for 30 %.
    pub slower: f64,
}

impl SelfTest {
    /// Nights that are always the same: 20 of 2,000 latencies, log-normal around 50 ms, whose
    /// levels are 3 % apart.
    ///
    /// # Errors
    ///
    /// None that can be seen: histograms that cannot be written.
    pub fn stored(slower: f64) -> Result<Self, String> {
        let mut random = Random::new(20);
        let mut normal = || (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
        let mut nights = Vec::new();
        for _ in 0..20 {
            let level = 50_000.0 * (0.03 * normal()).exp();
            let mut histogram = Histo::empty();
            for _ in 0..2000 {
                histogram.saturating_record((level * (0.4 * normal()).exp()) as u64);
            }
            nights.push(Histo::of(&histogram)?);
        }
        let digest = "8c1f0a64d27be935".to_owned();
        Ok(Self { nights, digest, slower })
    }

    /// What the gate missed, and what it alarmed for without reason: the night is invalid unless
    /// this is empty.
    ///
    /// # Errors
    ///
    /// Histograms that cannot be read, or too few of them.
    pub fn failures(&self, rules: &Rules) -> Result<Vec<String>, String> {
        if self.nights.len() < rules.nights_min {
            let (found, needed) = (self.nights.len(), rules.nights_min);
            return Err(format!("{found} stored nights, and the gate needs {needed}"));
        }
        let readings: Result<Vec<Sample>, String> =
            self.nights.iter().map(|it| p95(&sums::values(it)?)).collect();
        let readings = readings?;
        let all = Histo::of(&sums::sum(&self.nights)?)?;
        let all = sums::values(&all)?;
        let slower: Vec<(u64, u64)> =
            all.iter().map(|it| ((it.0 as f64 * (1.0 + self.slower)) as u64, it.1)).collect();

        let mut failures = Vec::new();
        let as_it_was = judged(rules, Metric::P95, &readings, p95(&all)?);
        if let What::Worse(_) = as_it_was.what {
            failures.push(format!("it alarmed for nights as they were: {}", as_it_was.why));
        }
        let worse = judged(rules, Metric::P95, &readings, p95(&slower)?);
        if worse.what != What::Worse(Cause::Tonight) {
            let percent = self.slower * 100.0;
            failures.push(format!("it missed latencies {percent:.0} % longer: {}", worse.why));
        }
        let category = |name: &str| Sample::of(Reading::Category { name: name.to_owned() });
        let known = vec![category(&self.digest); rules.nights_min];
        let same = judged(rules, Metric::Digest, &known, category(&self.digest));
        if let What::Worse(_) = same.what {
            failures.push(format!("it alarmed for rows as they were: {}", same.why));
        }
        let other = judged(rules, Metric::Digest, &known, category(&corrupted(&self.digest)));
        if other.what != What::Worse(Cause::Fact) {
            failures.push(format!("it missed other rows: {}", other.why));
        }
        Ok(failures)
    }
}

/// With its last character changed.
fn corrupted(digest: &str) -> String {
    let mut digest = digest.to_owned();
    let last = digest.pop();
    digest.push(if last == Some('0') { '1' } else { '0' });
    digest
}

/// Of latencies that do not depend on each other: the spread between nights is the greater one.
fn p95(values: &[(u64, u64)]) -> Result<Sample, String> {
    let second = LatencySecond { answered: values.to_vec(), ..LatencySecond::default() };
    let survival = Survival::of(&Latencies { seconds: vec![second] });
    let figure = between(&survival, &survival, 0.95, 1.0).ok_or("an empty histogram")?;
    Ok(Sample::of(Reading::of(&figure)))
}

/// The finding of a night after these. Each of them was sampled twice, the second time as the night
/// after it, so that the gate knows what further samples are worth; tonight all samples are alike.
fn judged(rules: &Rules, metric: Metric, before: &[Sample], tonight: Sample) -> Finding {
    let series = Series {
        case: "self-test".to_owned(),
        role: String::new(),
        query: String::new(),
        metric,
        connection: String::new(),
    };
    let date = |at: usize| NaiveDate::default() + Days::new(at as u64);
    let night = |at: usize| Night {
        date: date(at),
        run: String::new(),
        status: Status::Accepted,
        host: None,
        first: before[at].clone(),
        again: vec![before[(at + 1) % before.len()].clone()],
    };
    let nights = (0..before.len()).map(night).collect();
    let history = BTreeMap::from([(series.clone(), nights)]);
    let when = Tonight { date: date(before.len() + rules.lag_days as usize + 1), host: None };
    let measured = [(series.clone(), tonight.clone())];
    let mut gate = Gate::new(&when, &measured, &history, &[], rules.clone());
    let NightReport { mut findings, .. } = loop {
        match gate.step() {
            Step::Ended(report) => break *report,
            Step::Resample(_) => {
                gate.answer(&series, Answer::Sampled { sample: tonight.clone(), credits: None });
            }
        }
    };
    findings.swap_remove(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_that_works_alarms_for_what_is_injected_and_for_nothing_else() {
        let test = SelfTest::stored(0.3).unwrap();
        assert_eq!(test.failures(&Rules::default()), Ok(Vec::new()));
    }

    #[test]
    fn a_gate_that_sees_nothing_is_found_out() {
        let test = SelfTest::stored(0.3).unwrap();
        let deaf = Rules { ratio_min: 0.5, ..Rules::default() };
        let failures = test.failures(&deaf).unwrap();
        assert!(
            failures.iter().any(|it| it.contains("missed latencies 30 % longer")),
            "{failures:?}"
        );
        let test = SelfTest::stored(0.0).unwrap();
        assert!(!test.failures(&Rules::default()).unwrap().is_empty());
    }

    #[test]
    fn stored_nights_that_are_worse_alarm_as_they_were() {
        // All nights were quick but those that most latencies are from.
        let mut test = SelfTest::stored(0.3).unwrap();
        let mut slow = Histo::empty();
        for _ in 0..100 {
            slow.add(test.nights[0].histogram().unwrap()).unwrap();
        }
        let doubled =
            slow.iter_recorded().map(|it| (it.value_iterated_to() * 2, it.count_at_value()));
        let mut night = Histo::empty();
        for (value, count) in doubled {
            night.record_n(value, count).unwrap();
        }
        test.nights[10] = Histo::of(&night).unwrap();
        let failures = test.failures(&Rules::default()).unwrap();
        assert!(failures.iter().any(|it| it.contains("as they were")), "{failures:?}");
    }

    #[test]
    fn damaged_histograms_are_no_success() {
        let mut test = SelfTest::stored(0.3).unwrap();
        test.nights[3] = Histo("???".into());
        assert!(test.failures(&Rules::default()).unwrap_err().contains("base64"));
        test.nights.truncate(2);
        assert!(test.failures(&Rules::default()).unwrap_err().contains("2 stored nights"));
    }
}
