//! Whose turn it is, when roles are compared.

use super::workload::{Length, Order};
use crate::random::Random;
use std::time::Duration;

/// A part of a load, on one role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    pub role: usize,
    pub part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Of the role's own schedule.
    Between(Duration, Duration),
    Requests(u64),
}

/// Part of the seed, as [`Random::of_part`] counts them.
const TURNS: u64 = 3;

/// Turns that a count of requests is divided into, of each role.
const COUNTED_TURNS: u64 = 10;

/// The turns of a load, in order. Each role has the whole length.
pub fn turns(roles: usize, length: Length, order: Order, seed: u64) -> Vec<Turn> {
    let whole = match length {
        Length::For(length) => Part::Between(Duration::ZERO, length),
        Length::Requests(count) => Part::Requests(count),
    };
    let parts = match order {
        Order::Interleaved { turn } if roles > 1 => divided(length, turn),
        Order::Interleaved { .. } | Order::Apart => {
            return (0..roles).map(|role| Turn { role, part: whole }).collect();
        }
    };
    let mut random = Random::of_part(seed, TURNS);
    let mut turns = Vec::new();
    for part in parts {
        let first = random.below(roles);
        turns.extend((0..roles).map(|it| Turn { role: (first + it) % roles, part }));
    }
    turns
}

fn divided(length: Length, turn: Duration) -> Vec<Part> {
    match length {
        Length::For(length) => {
            let mut parts = Vec::new();
            let mut from = Duration::ZERO;
            while from < length {
                let until = from.saturating_add(turn.max(Duration::from_millis(1))).min(length);
                parts.push(Part::Between(from, until));
                from = until;
            }
            parts
        }
        Length::Requests(count) => (0..COUNTED_TURNS)
            .map(|it| count * (it + 1) / COUNTED_TURNS - count * it / COUNTED_TURNS)
            .filter(|it| *it > 0)
            .map(Part::Requests)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_come_in_pairs_of_random_order_and_are_the_whole() {
        let second = Duration::from_secs(1);
        let order = Order::Interleaved { turn: 2 * second };
        let turns = turns(2, Length::For(45 * second), order, 1);
        assert_eq!(turns.len(), 46);
        for role in 0..2 {
            let own = turns.iter().filter(|it| it.role == role);
            let total: Duration = own
                .map(|it| match it.part {
                    Part::Between(from, until) => until - from,
                    Part::Requests(_) => panic!("a length was given"),
                })
                .sum();
            assert_eq!(total, 45 * second);
        }
        let firsts: Vec<usize> = turns.chunks(2).map(|it| it[0].role).collect();
        assert!(turns.chunks(2).all(|it| it[0].role != it[1].role && it[0].part == it[1].part));
        assert!(firsts.contains(&0) && firsts.contains(&1), "{firsts:?}");
    }

    #[test]
    fn counts_are_divided_without_a_rest() {
        let order = Order::Interleaved { turn: Duration::from_secs(5) };
        let turns = turns(2, Length::Requests(503), order, 1);
        let counts = turns.iter().filter(|it| it.role == 1).map(|it| match it.part {
            Part::Requests(count) => count,
            Part::Between(..) => panic!("a count was given"),
        });
        assert_eq!(counts.sum::<u64>(), 503);
    }

    #[test]
    fn one_role_and_roles_apart_have_one_turn_each() {
        let length = Length::Requests(7);
        let part = Part::Requests(7);
        let order = Order::Interleaved { turn: Duration::from_secs(5) };
        assert_eq!(turns(1, length, order, 1), [Turn { role: 0, part }]);
        assert_eq!(turns(2, length, Order::Apart, 1), [0, 1].map(|role| Turn { role, part }));
    }
}
