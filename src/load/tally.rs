//! What becomes of requests, counted while they end.
//!
//! Latencies are counted by value, as exactly as a histogram of three digits keeps them, and become
//! one at the end: a dense histogram for each query and second would be hundreds of times larger, and
//! every single latency would grow with the rate.

use super::{Exchange, Histo, Second, WarmUpMeasured};
use hdrhistogram::Histogram;
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};
use uuid::Uuid;

/// Exchanges that are kept of each query: the first ones of each way to end.
const EXCHANGES_PER_ENDING: usize = 2;
const EXCHANGES_MAX: usize = 12;

/// Query ids that are kept, 32 bytes each, to be looked up in the server's history. What is beyond
/// is missing from the coverage, which is stated.
pub const IDS_MAX: usize = 500_000;

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    Ok,
    /// In words, what was wrong with them.
    WrongRows(String),
    /// Cancelled by the server for its time, with this code.
    Censored(String),
    /// Refused, lost or given up: a code, or a word.
    Error(String),
}

/// One request that ended.
#[derive(Clone, Debug)]
pub struct Sample {
    pub query: usize,
    /// In which it was due.
    pub second: u32,
    pub from_due: Duration,
    pub from_sent: Duration,
    pub class: Class,
    pub query_id: Option<String>,
}

/// Of one role.
#[derive(Debug, Default)]
pub struct Tally {
    queries: Vec<Counted>,
    pub ids: Vec<Sent>,
}

/// A statement that the server may be asked about.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub id: Uuid,
    pub query: u16,
    pub from_sent_us: u32,
}

#[derive(Debug, Default)]
struct Counted {
    seconds: BTreeMap<u32, Cell>,
    /// All that ended. Kept beside the seconds, so that a look at it does not keep requests waiting
    /// while they are added up.
    ended: Cell,
    exchanges: Vec<(String, Exchange)>,
    /// Statements that were sent and ended in whichever way.
    sent: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Cell {
    due: u64,
    dropped: u64,
    wrong_rows: u64,
    errors: BTreeMap<String, u64>,
    censored: Latencies,
    from_due: Latencies,
    from_sent: Latencies,
}

/// How often each latency came.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    counts: HashMap<u32, u32>,
    count: u64,
}

impl Latencies {
    /// Bits that three significant digits take in a histogram.
    const BITS: u32 = 11;

    pub fn add(&mut self, us: u32) {
        let beyond = (u32::BITS - us.leading_zeros()).saturating_sub(Self::BITS);
        *self.counts.entry(us >> beyond << beyond).or_default() += 1;
        self.count += 1;
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn add_all(&mut self, other: &Self) {
        for (us, count) in &other.counts {
            *self.counts.entry(*us).or_default() += count;
        }
        self.count += other.count;
    }

    /// By nearest rank. 0 of none.
    pub fn quantile(&self, quantile: f64) -> u32 {
        let mut sorted: Vec<(u32, u32)> = self.counts.iter().map(|(us, it)| (*us, *it)).collect();
        sorted.sort_unstable();
        let rank = (self.count as f64 * quantile).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = sorted.into_iter().find(|(_, count)| {
            seen += u64::from(*count);
            rank <= seen
        });
        found.map_or(0, |(us, _)| us)
    }

    /// What does not fit is counted at the end of the scale.
    fn histo(&self) -> Histo {
        let mut histogram = Histo::empty();
        for (us, count) in &self.counts {
            histogram.saturating_record_n(u64::from(*us).max(1), u64::from(*count));
        }
        kept(&histogram)
    }
}

/// What a few seconds came to, for people who watch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Recent {
    pub ok: u64,
    pub failed: u64,
    pub p50_us: u32,
    pub p95_us: u32,
    pub p99_us: u32,
}

impl Tally {
    pub fn new(queries: usize) -> Self {
        let queries = std::iter::repeat_with(Counted::default).take(queries).collect();
        Self { queries, ids: Vec::new() }
    }

    fn cell(&mut self, query: usize, second: u32) -> Option<&mut Cell> {
        Some(self.queries.get_mut(query)?.seconds.entry(second).or_default())
    }

    /// A request is due, whatever becomes of it.
    pub fn due(&mut self, query: usize, second: u32) {
        if let Some(cell) = self.cell(query, second) {
            cell.due += 1;
        }
    }

    /// One that was due is never sent.
    pub fn dropped(&mut self, query: usize, second: u32) {
        if let Some(cell) = self.cell(query, second) {
            cell.dropped += 1;
        }
    }

    /// One that was taken to be due is not, as the turn ends before it is sent.
    pub fn not_due(&mut self, query: usize, second: u32) {
        if let Some(cell) = self.cell(query, second) {
            cell.due = cell.due.saturating_sub(1);
        }
    }

    /// A request ended. `exchange` is asked for where it will be kept.
    pub fn ended(&mut self, sample: &Sample, exchange: impl FnOnce() -> Exchange) {
        let (due_us, sent_us) = (micros(sample.from_due), micros(sample.from_sent));
        let Some(counted) = self.queries.get_mut(sample.query) else { return };
        counted.seconds.entry(sample.second).or_default().add(&sample.class, due_us, sent_us);
        counted.ended.due += 1;
        counted.ended.add(&sample.class, due_us, sent_us);
        let ending = match &sample.class {
            Class::Ok => "ok",
            Class::WrongRows(_) => "wrong rows",
            Class::Censored(class) | Class::Error(class) => class,
        };
        counted.sent += 1;
        let alike = counted.exchanges.iter().filter(|(it, _)| it == ending).count();
        if alike < EXCHANGES_PER_ENDING && counted.exchanges.len() < EXCHANGES_MAX {
            counted.exchanges.push((ending.to_owned(), exchange()));
        }
        let id = sample.query_id.as_deref().and_then(|it| Uuid::parse_str(it).ok());
        if let Some(id) = id.filter(|_| self.ids.len() < IDS_MAX) {
            let query = u16::try_from(sample.query).unwrap_or(u16::MAX);
            self.ids.push(Sent { id, query, from_sent_us: sent_us });
        }
    }

    /// Requests of these seconds.
    pub fn recent(&self, seconds: std::ops::RangeInclusive<u32>) -> Recent {
        let cells = || self.queries.iter().flat_map(|it| it.seconds.range(seconds.clone()));
        let mut latencies = Latencies::default();
        cells().for_each(|(_, it)| latencies.add_all(&it.from_due));
        let failed = cells().map(|(_, it)| it.wrong_rows + it.errors.values().sum::<u64>()).sum();
        Recent {
            ok: latencies.count(),
            failed,
            p50_us: latencies.quantile(0.5),
            p95_us: latencies.quantile(0.95),
            p99_us: latencies.quantile(0.99),
        }
    }

    /// Latencies from sent of a second.
    pub fn latencies(&self, second: u32) -> Latencies {
        let mut all = Latencies::default();
        let cells = self.queries.iter().filter_map(|it| it.seconds.get(&second));
        cells.for_each(|it| all.add_all(&it.from_sent));
        all
    }

    pub fn sum(&self) -> Sum {
        let mut sum = Sum::default();
        for cell in self.queries.iter().flat_map(|it| it.seconds.values()) {
            sum.due += cell.due;
            sum.dropped += cell.dropped;
            sum.ok += cell.from_due.count();
        }
        sum
    }

    /// Statements of a query that were sent.
    pub fn sent(&self, query: usize) -> u64 {
        self.queries.get(query).map_or(0, |it| it.sent)
    }

    /// What was counted of a query, as it is kept.
    pub fn seconds(&self, query: usize) -> Vec<Second> {
        let Some(counted) = self.queries.get(query) else { return Vec::new() };
        counted.seconds.iter().map(|(second, cell)| cell.second(*second)).collect()
    }

    /// All of a query that ended, of whichever second.
    pub fn ended_of(&self, query: usize) -> Cell {
        self.queries.get(query).map_or_else(Cell::default, |it| it.ended.clone())
    }

    pub fn exchanges(&self, query: usize) -> Vec<Exchange> {
        let counted = self.queries.get(query);
        counted.map_or_else(Vec::new, |it| it.exchanges.iter().map(|(_, it)| it.clone()).collect())
    }

    /// Of a tally of a warm-up.
    pub fn as_warm_up(&self, lasted: Duration, ended: String) -> WarmUpMeasured {
        WarmUpMeasured {
            requests: self.queries.iter().map(|it| it.sent).sum(),
            lasted_us: u64::try_from(lasted.as_micros()).unwrap_or(u64::MAX),
            ended,
        }
    }
}

/// Requests of all queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub due: u64,
    pub dropped: u64,
    pub ok: u64,
}

impl Cell {
    fn add(&mut self, class: &Class, due_us: u32, sent_us: u32) {
        match class {
            Class::Ok => {
                self.from_due.add(due_us);
                self.from_sent.add(sent_us);
            }
            Class::WrongRows(_) => self.wrong_rows += 1,
            Class::Censored(class) => {
                self.censored.add(due_us);
                *self.errors.entry(class.clone()).or_default() += 1;
            }
            Class::Error(class) => *self.errors.entry(class.clone()).or_default() += 1,
        }
    }

    pub fn second(&self, second: u32) -> Second {
        Second {
            second,
            due: self.due,
            dropped: self.dropped,
            ok: self.from_due.count(),
            wrong_rows: self.wrong_rows,
            errors: self.errors.clone(),
            censored: self.censored.histo(),
            from_due: self.from_due.histo(),
            from_sent: self.from_sent.histo(),
        }
    }
}

/// The bounds of these histograms are ones that the format has room for.
pub fn kept(histogram: &Histogram<u64>) -> Histo {
    Histo::of(histogram).unwrap_or_default()
}

/// An hour and more is an hour.
pub fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX).min(3_600_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(second: u32, ms: u64, class: Class) -> Sample {
        Sample {
            query: 0,
            second,
            from_due: Duration::from_millis(ms + 1),
            from_sent: Duration::from_millis(ms),
            class,
            query_id: Some("01b0c0de-0000-0000-0000-00000000000a".to_owned()),
        }
    }

    fn exchange() -> Exchange {
        Exchange {
            sql: "SELECT 1".to_owned(),
            binds: Vec::new(),
            query_id: None,
            second: 0,
            latency_us: 1,
            ending: "1 row".to_owned(),
        }
    }

    #[test]
    fn only_right_answers_are_latencies() {
        let mut tally = Tally::new(1);
        let classes = [
            Class::Ok,
            Class::Ok,
            Class::WrongRows("no rows".to_owned()),
            Class::Censored("000630".to_owned()),
            Class::Error("lost".to_owned()),
        ];
        for (at, class) in classes.into_iter().enumerate() {
            tally.due(0, 3);
            tally.ended(&sample(3, at as u64, class), exchange);
        }
        tally.due(0, 4);
        tally.dropped(0, 4);
        let seconds = tally.seconds(0);
        let [third, fourth] = seconds.as_slice() else { panic!("{seconds:?}") };
        assert_eq!((third.second, third.due, third.ok, third.wrong_rows), (3, 5, 2, 1));
        assert_eq!(
            third.errors,
            BTreeMap::from([("000630".to_owned(), 1), ("lost".to_owned(), 1)])
        );
        assert_eq!(third.from_due.histogram().unwrap().len(), 2);
        assert_eq!(third.from_sent.histogram().unwrap().max(), 1000);
        assert_eq!(third.censored.histogram().unwrap().min(), 4000);
        assert_eq!((fourth.due, fourth.dropped, fourth.ok), (1, 1, 0));
        assert_eq!(tally.sum(), Sum { due: 6, dropped: 1, ok: 2 });
        assert_eq!((tally.sent(0), tally.ids.len(), tally.exchanges(0).len()), (5, 5, 5));
        let recent = tally.recent(2..=3);
        assert_eq!((recent.ok, recent.failed, recent.p50_us, recent.p99_us), (2, 3, 1000, 2000));
    }

    #[test]
    fn counts_by_value_are_the_histogram_of_the_values() {
        let mut histogram = Histo::empty();
        let mut latencies = Latencies::default();
        let mut us = 0_u32;
        while us < 3_000_000_000 {
            histogram.record(u64::from(us.max(1))).unwrap();
            latencies.add(us);
            us += 1 + us / 97;
        }
        assert_eq!(latencies.histo().histogram().unwrap(), histogram);
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let mut latencies = Latencies::default();
        (1..=100).for_each(|it| latencies.add(it));
        let quantiles = [0.0, 0.5, 0.95, 0.99, 1.0].map(|it| latencies.quantile(it));
        assert_eq!(quantiles, [1, 50, 95, 99, 100]);
        assert_eq!(Latencies::default().quantile(0.5), 0);
    }
}
