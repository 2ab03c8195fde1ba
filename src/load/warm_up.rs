//! When a load has warmed up. What is executed until then is in no figure.

use super::tally::Latencies;

/// Medians that must be alike.
const MEDIANS: usize = 3;

/// How far apart they may be, as a share of the least of them.
const APART: f64 = 0.05;

/// Below this distance they are alike whatever they are: clocks, schedulers and timers alone make as
/// much.
const APART_US: u32 = 200;

/// Latencies that a median needs; seconds with fewer are put together.
const SAMPLES: u64 = 20;

/// Follows latencies until they do not change any more: the medians of the last three windows are
/// within 5 % of each other. A window is a second, or as many as it takes for 20 requests.
#[derive(Clone, Debug, Default)]
pub struct Steady {
    medians_us: Vec<u32>,
    window: Latencies,
}

impl Steady {
    /// The latencies of one more second. Whether it is steady.
    pub fn second(&mut self, latencies: &Latencies) -> bool {
        self.window.add_all(latencies);
        if self.window.count() < SAMPLES {
            return false;
        }
        self.medians_us.push(std::mem::take(&mut self.window).quantile(0.5));
        let Some(from) = self.medians_us.len().checked_sub(MEDIANS) else { return false };
        let last = &self.medians_us[from..];
        let (least, most) = (last.iter().min(), last.iter().max());
        let (least, most) = (least.copied().unwrap_or(0), most.copied().unwrap_or(0));
        let apart = most - least;
        apart <= APART_US || f64::from(apart) <= f64::from(least) * APART
    }

    /// The rule, for reports.
    pub fn rule() -> String {
        format!("the last {MEDIANS} medians are within {:.0} %", APART * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(us: u32, count: u64) -> Latencies {
        let mut latencies = Latencies::default();
        (0..count).for_each(|_| latencies.add(us));
        latencies
    }

    /// After how many seconds of these medians, 20 requests each, it is steady.
    #[track_caller]
    fn check(medians_us: &[u32], expected: Option<usize>) {
        let mut steady = Steady::default();
        let found = medians_us.iter().position(|it| steady.second(&latencies(*it, SAMPLES)));
        assert_eq!(found.map(|it| it + 1), expected);
    }

    #[test]
    fn it_is_steady_when_three_medians_are_alike() {
        check(&[90_000, 40_000, 20_000, 19_500, 19_900], Some(5));
        check(&[20_000, 20_000, 20_000], Some(3));
        check(&[20_000, 21_100, 20_000, 21_100], None);
        check(&[1_000, 1_150, 1_000], Some(3));
        check(&[1_000, 1_300, 1_000], None);
        check(&[20_000, 20_000], None);
    }

    #[test]
    fn slow_seconds_are_put_together() {
        let mut steady = Steady::default();
        let seconds = (1..=60).position(|_| steady.second(&latencies(5_000_000, 5)));
        assert_eq!(seconds.map(|it| it + 1), Some(12));
    }
}
