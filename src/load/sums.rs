//! Sums over the seconds and the queries of what was measured.
//!
//! Each histogram is decoded once. What is computed from latencies reads [`Latencies`], which keeps
//! the seconds apart, since samples of one second share their fate.

use super::{Histo, QueryMeasured, RoleMeasured, Second};
use hdrhistogram::Histogram;
use std::collections::BTreeMap;

/// How requests ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub due: u64,
    /// Due and never sent.
    pub dropped: u64,
    pub ok: u64,
    pub wrong_rows: u64,
    pub errors: BTreeMap<String, u64>,
}

impl Counts {
    pub fn of<'a>(seconds: impl IntoIterator<Item = &'a Second>) -> Self {
        let mut counts = Self::default();
        for second in seconds {
            counts.due += second.due;
            counts.dropped += second.dropped;
            counts.ok += second.ok;
            counts.wrong_rows += second.wrong_rows;
            for (class, count) in &second.errors {
                *counts.errors.entry(class.clone()).or_default() += count;
            }
        }
        counts
    }

    /// Of all classes.
    pub fn errors_total(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Requests that were sent and ended, well or not.
    pub fn ended(&self) -> u64 {
        self.ok + self.wrong_rows + self.errors_total()
    }
}

/// Which histogram of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Latency {
    FromDue,
    FromSent,
    /// From due, of requests that the server cancelled for their time.
    Censored,
}

impl Second {
    pub fn histo(&self, latency: Latency) -> &Histo {
        match latency {
            Latency::FromDue => &self.from_due,
            Latency::FromSent => &self.from_sent,
            Latency::Censored => &self.censored,
        }
    }
}

impl QueryMeasured {
    pub fn counts(&self) -> Counts {
        Counts::of(&self.seconds)
    }

    /// Of all seconds together.
    ///
    /// # Errors
    ///
    /// A damaged histogram.
    pub fn total(&self, latency: Latency) -> Result<Histogram<u64>, String> {
        sum(self.seconds.iter().map(|it| it.histo(latency)))
    }
}

impl RoleMeasured {
    /// The queries of the mix: those that are no controls.
    pub fn mix(&self) -> impl Iterator<Item = &QueryMeasured> {
        self.queries.iter().filter(|it| !it.control)
    }

    /// Of the mix.
    pub fn counts(&self) -> Counts {
        Counts::of(self.mix().flat_map(|it| &it.seconds))
    }

    /// Of the mix, all seconds together.
    ///
    /// # Errors
    ///
    /// A damaged histogram.
    pub fn total(&self, latency: Latency) -> Result<Histogram<u64>, String> {
        sum(self.mix().flat_map(|it| &it.seconds).map(|it| it.histo(latency)))
    }
}

/// All of them as one.
///
/// # Errors
///
/// A damaged histogram.
pub fn sum<'a>(parts: impl IntoIterator<Item = &'a Histo>) -> Result<Histogram<u64>, String> {
    let mut total = Histo::empty();
    for part in parts.into_iter().filter(|it| !it.is_empty()) {
        total
            .add(part.histogram()?)
            .map_err(|err| format!("histograms do not go together: {err}"))?;
    }
    Ok(total)
}

/// What a histogram has: values in ascending order, and how often each is there. As all readers
/// of HdrHistograms do, it takes the greatest value that a bucket stands for: up to 0.1 % more.
pub type Values = Vec<(u64, u64)>;

/// # Errors
///
/// A damaged histogram.
pub fn values(histo: &Histo) -> Result<Values, String> {
    if histo.is_empty() {
        return Ok(Values::new());
    }
    let histogram = histo.histogram()?;
    Ok(histogram.iter_recorded().map(|it| (it.value_iterated_to(), it.count_at_value())).collect())
}

/// Adds values of a second histogram.
pub fn merge(into: &mut Values, more: Values) {
    if into.is_empty() {
        *into = more;
        return;
    }
    into.extend(more);
    into.sort_unstable();
    into.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        kept.1 += u64::from(same) * next.1;
        same
    });
}

/// How many values there are.
pub fn count(values: &[(u64, u64)]) -> u64 {
    values.iter().map(|(_, count)| count).sum()
}

/// Latencies of one kind, in microseconds, second by second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latencies {
    /// In order; none is there twice.
    pub seconds: Vec<LatencySecond>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatencySecond {
    pub second: u32,
    /// Of requests that were answered as they should be.
    pub answered: Values,
    /// Each took at least this long, nobody knows how much longer.
    pub censored: Values,
    /// Requests that count as slower than all others: never sent, refused, lost, or answered with
    /// wrong rows. Without them a warehouse that refuses most requests at once would be a quick
    /// one.
    pub never: u64,
}

impl LatencySecond {
    pub fn samples(&self) -> u64 {
        count(&self.answered) + count(&self.censored) + self.never
    }
}

impl Latencies {
    /// From due or from sent, of all of `queries` together.
    ///
    /// How long cancelled requests took from when they were sent is not kept: there they are
    /// slower than all others. What was never sent has no latency from sent.
    ///
    /// # Errors
    ///
    /// A damaged histogram.
    pub fn of<'a>(
        queries: impl IntoIterator<Item = &'a QueryMeasured>,
        from_sent: bool,
    ) -> Result<Self, String> {
        let mut seconds: BTreeMap<u32, LatencySecond> = BTreeMap::new();
        for second in queries.into_iter().flat_map(|it| &it.seconds) {
            let into = seconds.entry(second.second).or_default();
            into.second = second.second;
            let unanswered = second.errors.values().sum::<u64>() + second.wrong_rows;
            if from_sent {
                merge(&mut into.answered, values(&second.from_sent)?);
                into.never += unanswered;
            } else {
                let censored = values(&second.censored)?;
                // Cancelled requests are errors of a class, too.
                into.never += unanswered.saturating_sub(count(&censored)) + second.dropped;
                merge(&mut into.answered, values(&second.from_due)?);
                merge(&mut into.censored, censored);
            }
        }
        let seconds = seconds.into_values().filter(|it| it.samples() > 0).collect();
        Ok(Self { seconds })
    }

    pub fn samples(&self) -> u64 {
        self.seconds.iter().map(LatencySecond::samples).sum()
    }

    pub fn answered(&self) -> u64 {
        self.seconds.iter().map(|it| count(&it.answered)).sum()
    }

    pub fn censored(&self) -> u64 {
        self.seconds.iter().map(|it| count(&it.censored)).sum()
    }

    pub fn never(&self) -> u64 {
        self.seconds.iter().map(|it| it.never).sum()
    }
}
