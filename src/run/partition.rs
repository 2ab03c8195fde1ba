//! A run that is one part of several, on as many machines: who has which cases.
//!
//! The split is a fact of the names alone, so that nobody has to tell anybody. Cases are put in the
//! order of a hash of their names, and that is cut into parts of equal length: no two parts have a
//! case in common, all of them together have every case, and their lengths differ by no more than
//! one, or by the longest suite whose cases rely on each other. A case that is added or taken away
//! moves no more than one other at each cut.

use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// One part of a whole: `2/3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    number: u32,
    of: u32,
}

/// More machines than that are a mistake.
const PARTS_MAX: u32 = 10_000;

impl Partition {
    /// From 1. `None` where there is no such part.
    pub fn new(number: u32, of: u32) -> Option<Self> {
        (1..=PARTS_MAX).contains(&of).then_some(())?;
        (1..=of).contains(&number).then_some(Self { number, of })
    }

    pub fn number(self) -> u32 {
        self.number
    }

    pub fn of(self) -> u32 {
        self.of
    }

    /// How many of so many things this part has, when they are dealt one by one.
    pub fn share_of(self, count: u64) -> u64 {
        let (before, of) = (u64::from(self.number - 1), u64::from(self.of));
        count / of + u64::from(before < count % of)
    }

    /// How many are dealt to earlier parts in each round.
    pub fn before(self) -> u64 {
        u64::from(self.number - 1)
    }

    /// And to all others after this one's.
    pub fn between(self) -> u64 {
        u64::from(self.of - 1)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let part = text.split_once('/').and_then(|(number, of)| {
            Self::new(number.trim().parse().ok()?, of.trim().parse().ok()?)
        });
        part.ok_or_else(|| "expected a part and how many there are, such as `2/3`".to_owned())
    }
}

/// What is kept together: a case, or a suite whose cases rely on each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    pub suite: String,
    /// Of a single case.
    pub case: Option<String>,
    /// Cases in it.
    pub cases: usize,
}

/// Whether each of the units is in the part.
pub fn split(units: &[Unit], part: Partition) -> Vec<bool> {
    let mut order: Vec<(Vec<u8>, usize)> =
        units.iter().enumerate().map(|(at, it)| (hash(it), at)).collect();
    order.sort();
    let total: usize = units.iter().map(|it| it.cases).sum();
    let mut has = vec![false; units.len()];
    let mut before = 0;
    for (_, at) in order {
        // By its middle: what lies across a cut goes to where most of it is.
        let middle = (2 * before + units[at].cases) as u128;
        let number = middle * u128::from(part.of) / (2 * total.max(1)) as u128;
        has[at] = number == u128::from(part.number - 1);
        before += units[at].cases;
    }
    has
}

/// What all parts of one whole have in common, in short: parts of other cases differ in it.
pub fn fingerprint(units: &[Unit]) -> String {
    let mut hashes: Vec<Vec<u8>> = units.iter().map(hash).collect();
    hashes.sort();
    let digest = Sha256::digest(hashes.concat());
    digest.iter().take(6).map(|it| format!("{it:02x}")).collect()
}

/// Names have no NUL. Neither file nor line counts: moving a case moves it to no other machine.
fn hash(unit: &Unit) -> Vec<u8> {
    let name = format!("{}\0{}", unit.suite, unit.case.as_deref().unwrap_or_default());
    Sha256::digest(name.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str) -> Partition {
        text.parse().unwrap()
    }

    fn units(count: usize) -> Vec<Unit> {
        let case = |at: usize| Unit {
            suite: format!("suite {}", at % 7),
            case: Some(format!("case {at}")),
            cases: 1,
        };
        let mut units: Vec<Unit> = (0..count).map(case).collect();
        units.push(Unit { suite: "ordered".to_owned(), case: None, cases: 9 });
        units
    }

    fn cases(units: &[Unit], has: &[bool]) -> usize {
        units.iter().zip(has).filter(|(_, has)| **has).map(|(it, _)| it.cases).sum()
    }

    #[test]
    fn parts_are_disjoint_and_together_everything() {
        for of in [1, 2, 3, 7, 40] {
            let units = units(120);
            let mut times = vec![0; units.len()];
            for number in 1..=of {
                for (has, times) in
                    split(&units, Partition::new(number, of).unwrap()).iter().zip(&mut times)
                {
                    *times += usize::from(*has);
                }
            }
            assert_eq!(times, vec![1; units.len()], "{of}");
        }
    }

    #[test]
    fn parts_are_of_equal_length_but_for_what_stays_together() {
        let units = units(120);
        for of in [2, 3, 5] {
            for number in 1..=of {
                let has = split(&units, Partition::new(number, of).unwrap());
                let length = cases(&units, &has) as f64;
                assert!((length - 129.0 / f64::from(of)).abs() <= 9.0, "{number}/{of}: {length}");
            }
        }
        let single = &units[..120];
        let lengths: Vec<usize> = (1..=5)
            .map(|it| cases(single, &split(single, Partition::new(it, 5).unwrap())))
            .collect();
        assert_eq!(lengths, [24; 5]);
    }

    #[test]
    fn a_case_more_moves_few_others() {
        let before = units(120);
        let mut after = before.clone();
        after.push(Unit { suite: "suite 3".to_owned(), case: Some("new".to_owned()), cases: 1 });
        let moved = (1..=4).map(|it| {
            let part = Partition::new(it, 4).unwrap();
            let (old, new) = (split(&before, part), split(&after, part));
            old.iter().zip(&new).filter(|(old, new)| old != new).count()
        });
        // Each is counted where it was and where it is.
        let moved: usize = moved.sum();
        assert!(moved <= 2 * 3, "{moved}");
        assert_ne!(fingerprint(&before), fingerprint(&after));
    }

    #[test]
    fn what_is_dealt_is_dealt_whole() {
        for count in [0, 1, 2, 7, 100] {
            for of in [1, 2, 3, 8] {
                let shares = (1..=of).map(|it| Partition::new(it, of).unwrap().share_of(count));
                assert_eq!(shares.sum::<u64>(), count, "{count} in {of}");
            }
        }
        assert_eq!(part("1/3").share_of(7), 3);
        assert_eq!(part("3/3").share_of(7), 2);
    }

    #[test]
    fn a_part_is_written_as_number_and_count() {
        assert_eq!(part("2/3").to_string(), "2/3");
        for bad in ["", "2", "0/3", "4/3", "1/0", "a/b", "-1/2", "1/99999999"] {
            assert!(bad.parse::<Partition>().is_err(), "{bad}");
        }
    }
}
