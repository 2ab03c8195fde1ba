//! Sums of what was measured second by second, as reports show them.

use crate::load::{Histo, QueryMeasured, Second};
use hdrhistogram::Histogram;
use std::collections::BTreeMap;

/// Several seconds, or queries, or both.
#[derive(Clone, Debug)]
pub struct Sum {
    pub due: u64,
    pub dropped: u64,
    pub ok: u64,
    pub wrong_rows: u64,
    pub errors: BTreeMap<String, u64>,
    /// Of answered requests, from when they were due.
    pub from_due: Histogram<u64>,
    /// Of answered requests, from when they were sent.
    pub from_sent: Histogram<u64>,
    /// Of cancelled requests, from when they were due.
    pub censored: Histogram<u64>,
}

/// A quantile of latencies, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantile {
    pub us: u64,
    /// Cancelled requests are below it: nobody knows how long they would have taken.
    pub at_least: bool,
}

impl Sum {
    fn empty() -> Self {
        Self {
            due: 0,
            dropped: 0,
            ok: 0,
            wrong_rows: 0,
            errors: BTreeMap::new(),
            from_due: Histo::empty(),
            from_sent: Histo::empty(),
            censored: Histo::empty(),
        }
    }

    /// # Errors
    ///
    /// A histogram that cannot be read.
    pub fn of(second: &Second) -> Result<Self, String> {
        Ok(Self {
            due: second.due,
            dropped: second.dropped,
            ok: second.ok,
            wrong_rows: second.wrong_rows,
            errors: second.errors.clone(),
            from_due: second.from_due.histogram()?,
            from_sent: second.from_sent.histogram()?,
            censored: second.censored.histogram()?,
        })
    }

    /// # Errors
    ///
    /// A histogram with values that others have no room for.
    fn add(&mut self, other: &Self) -> Result<(), String> {
        self.due += other.due;
        self.dropped += other.dropped;
        self.ok += other.ok;
        self.wrong_rows += other.wrong_rows;
        for (class, count) in &other.errors {
            *self.errors.entry(class.clone()).or_default() += count;
        }
        for (to, from) in [
            (&mut self.from_due, &other.from_due),
            (&mut self.from_sent, &other.from_sent),
            (&mut self.censored, &other.censored),
        ] {
            if !from.is_empty() {
                to.add(from).map_err(|err| format!("histograms do not add up: {err}"))?;
            }
        }
        Ok(())
    }

    pub fn failed(&self) -> u64 {
        self.errors.values().sum::<u64>() + self.wrong_rows
    }

    /// Requests with a latency from due, known or cancelled.
    pub fn samples(&self) -> u64 {
        self.from_due.len() + self.censored.len()
    }

    /// From due, with cancelled requests as long as they were waited for. `None` where not one
    /// sample is beyond it.
    pub fn quantile(&self, q: f64) -> Option<Quantile> {
        let count = self.samples();
        if count == 0 || ((1.0 - q) * count as f64) < 1.0 - 1e-9 {
            return None;
        }
        if self.censored.is_empty() {
            return Some(Quantile { us: self.from_due.value_at_quantile(q), at_least: false });
        }
        let mut all = self.from_due.clone();
        all.add(&self.censored).ok()?;
        let us = all.value_at_quantile(q);
        Some(Quantile { us, at_least: self.censored.min() <= us })
    }

    /// From sent, of answered requests.
    pub fn sent_quantile(&self, q: f64) -> Option<u64> {
        let beyond = (1.0 - q) * self.from_sent.len() as f64;
        (beyond >= 1.0 - 1e-9).then(|| self.from_sent.value_at_quantile(q))
    }
}

/// What queries come to, each for itself, and all together second by second.
pub struct Sums {
    pub queries: Vec<Sum>,
    /// Without controls, as is the next.
    pub whole: Sum,
    pub seconds: Vec<(u32, Sum)>,
}

/// # Errors
///
/// A histogram that cannot be read.
pub fn sums(queries: &[QueryMeasured]) -> Result<Sums, String> {
    let mut whole = Sum::empty();
    let mut seconds: BTreeMap<u32, Sum> = BTreeMap::new();
    let mut sums = Vec::new();
    for query in queries {
        let mut sum = Sum::empty();
        for second in &query.seconds {
            let part = Sum::of(second)?;
            sum.add(&part)?;
            if !query.control {
                seconds.entry(second.second).or_insert_with(Sum::empty).add(&part)?;
            }
        }
        if !query.control {
            whole.add(&sum)?;
        }
        sums.push(sum);
    }
    Ok(Sums { queries: sums, whole, seconds: seconds.into_iter().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histo(values: &[u64]) -> Histo {
        let mut histogram = Histo::empty();
        values.iter().for_each(|it| histogram.record(*it).unwrap());
        Histo::of(&histogram).unwrap()
    }

    #[test]
    fn a_quantile_above_a_cancelled_request_is_a_lower_limit() {
        let second = |ok: &[u64], cancelled: &[u64]| Second {
            from_due: histo(ok),
            censored: histo(cancelled),
            ..Second::default()
        };
        let values: Vec<u64> = (1..=90).collect();
        let mut sum = Sum::of(&second(&values, &[])).unwrap();
        sum.add(&Sum::of(&second(&[], &[80; 10])).unwrap()).unwrap();
        let at = |us, at_least| Some(Quantile { us, at_least });
        assert_eq!(sum.quantile(0.5), at(50, false));
        assert_eq!(sum.quantile(0.9), at(80, true));
        assert_eq!(sum.quantile(0.99), at(89, true));
        assert_eq!(sum.quantile(0.999), None, "no sample is beyond it");
        assert_eq!(Sum::empty().quantile(0.5), None);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let second = Second { from_due: Histo("???".to_owned()), ..Second::default() };
        assert!(Sum::of(&second).unwrap_err().contains("base64"));
    }
}
