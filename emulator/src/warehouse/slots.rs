//! Who runs and who waits: slots of started clusters, and a queue in the order of arrival.
//!
//! No clock and no limits: whoever waits may stop waiting at any time, by dropping the wait.

use crate::regression::{Regression, regressed};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::collections::VecDeque;
use tokio::sync::oneshot;

/// The slots of one warehouse. Its lock is the owner's; see [`Grant`].
#[derive(Debug)]
pub(crate) struct Slots {
    /// Statements that run on each started cluster; cluster number less one is the index.
    clusters: Vec<u64>,
    queue: VecDeque<Waiter>,
    next_ticket: u64,
    per_cluster: u64,
    clusters_min: usize,
    clusters_max: usize,
    /// `None` is the order of arrival.
    order: Option<Order>,
}

/// Who is next where that is not quite who came first.
#[derive(Debug)]
struct Order {
    /// With this probability it is the first of the queue, else the second with the same, …
    first: f64,
    rng: StdRng,
}

#[derive(Debug)]
struct Waiter {
    ticket: Ticket,
    admit: oneshot::Sender<Cluster>,
}

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// The cluster that a statement runs on, from 1. Whoever holds it has to [`Slots::release`] it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cluster(pub u32);

/// What asking for a slot gives.
#[derive(Debug)]
pub(crate) enum Grant {
    Admitted(Cluster),
    /// The cluster arrives on the channel. Both giving up and getting it go through the lock, so
    /// exactly one of [`Slots::give_up`]'s answer and the channel has it.
    Queued(Ticket, oneshot::Receiver<Cluster>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub running: u64,
    pub queued: u64,
    /// 0 while suspended.
    pub started_clusters: u64,
}

impl Slots {
    pub fn new(per_cluster: u64, clusters_min: u64, clusters_max: u64) -> Self {
        let mut slots = Self {
            clusters: Vec::new(),
            queue: VecDeque::new(),
            next_ticket: 0,
            per_cluster: 1,
            clusters_min: 1,
            clusters_max: 1,
            order: None,
        };
        slots.resize(per_cluster, clusters_min, clusters_max);
        slots
    }

    /// Who waits is admitted a little out of order from now on: the first with a probability of
    /// `first`, else the second with the same, and so on around.
    pub fn order_by(&mut self, first: f64, seed: u64) {
        let rng = StdRng::seed_from_u64(seed);
        self.order = (0.0 < first && first < 1.0).then_some(Order { first, rng });
    }

    /// Statements that run on a cluster.
    pub fn running_on(&self, cluster: Cluster) -> u64 {
        self.clusters.get(cluster.0 as usize - 1).copied().unwrap_or_default()
    }

    /// New limits. What runs goes on running; what waits may be admitted by it.
    pub fn resize(&mut self, per_cluster: u64, clusters_min: u64, clusters_max: u64) {
        self.per_cluster = per_cluster.max(1);
        self.clusters_min = usize::try_from(clusters_min).unwrap_or(1).max(1);
        self.clusters_max = usize::try_from(clusters_max).unwrap_or(1).max(self.clusters_min);
        if self.clusters.len() < self.clusters_min {
            self.clusters.resize(self.clusters_min, 0);
        }
        self.admit_waiting();
        self.stop_idle_clusters();
    }

    pub fn ask(&mut self) -> Grant {
        if self.queue.is_empty()
            && let Some(cluster) = self.take()
        {
            return Grant::Admitted(cluster);
        }
        let (admit, admitted) = oneshot::channel();
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.queue.push_back(Waiter { ticket, admit });
        Grant::Queued(ticket, admitted)
    }

    /// Leaves the queue. Nothing happens to a ticket that was admitted before.
    pub fn give_up(&mut self, ticket: Ticket) {
        self.queue.retain(|it| it.ticket != ticket);
    }

    pub fn release(&mut self, cluster: Cluster) {
        if let Some(running) = self.clusters.get_mut(cluster.0 as usize - 1) {
            *running = running.saturating_sub(1);
        }
        self.admit_waiting();
        self.stop_idle_clusters();
    }

    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.clusters.iter().all(|it| *it == 0)
    }

    pub fn counts(&self) -> Counts {
        Counts {
            running: self.clusters.iter().sum(),
            queued: self.queue.len() as u64,
            started_clusters: self.clusters.len() as u64,
        }
    }

    /// A slot of the first cluster that has one, or of a cluster more.
    fn take(&mut self) -> Option<Cluster> {
        let mut usable = self.clusters.iter().take(self.clusters_max);
        let free = usable.position(|it| *it < self.per_cluster);
        let index = match free {
            Some(it) => it,
            None if self.clusters.len() < self.clusters_max
                && !regressed(Regression::SecondClusterNeverStarts) =>
            {
                self.clusters.push(0);
                self.clusters.len() - 1
            }
            None => return None,
        };
        self.clusters[index] += 1;
        Some(Cluster(index as u32 + 1))
    }

    fn admit_waiting(&mut self) {
        while !self.queue.is_empty() {
            let Some(cluster) = self.take() else { return };
            let next = self.next_in_queue();
            let Some(waiter) = self.queue.remove(next) else { return };
            if waiter.admit.send(cluster).is_err()
                && let Some(running) = self.clusters.get_mut(cluster.0 as usize - 1)
            {
                // It stopped waiting without giving up its ticket.
                *running -= 1;
            }
        }
    }

    /// The place in the queue of who is admitted next. There is somebody.
    fn next_in_queue(&mut self) -> usize {
        let Some(Order { first, rng }) = &mut self.order else { return 0 };
        // How often it is somebody later is geometrically distributed.
        let later = (1.0 - rng.random::<f64>()).ln() / (1.0 - *first).ln();
        later as usize % self.queue.len().max(1)
    }

    /// Clusters beyond the minimum stop when nothing runs on them, the last one first, so that
    /// the numbers of the others stand.
    fn stop_idle_clusters(&mut self) {
        while self.clusters_min < self.clusters.len() && self.clusters.last() == Some(&0) {
            self.clusters.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(grant: Grant) -> u32 {
        match grant {
            Grant::Admitted(cluster) => cluster.0,
            Grant::Queued(..) => panic!("expected a slot, had to queue"),
        }
    }

    fn queued(grant: Grant) -> (Ticket, oneshot::Receiver<Cluster>) {
        match grant {
            Grant::Queued(ticket, receiver) => (ticket, receiver),
            Grant::Admitted(it) => panic!("expected to queue, got {it:?}"),
        }
    }

    #[test]
    fn the_queue_is_served_in_the_order_of_arrival() {
        let mut slots = Slots::new(1, 1, 1);
        assert_eq!(admitted(slots.ask()), 1);
        let (_, mut first) = queued(slots.ask());
        let (_, mut second) = queued(slots.ask());
        slots.release(Cluster(1));
        assert_eq!(first.try_recv(), Ok(Cluster(1)));
        assert!(second.try_recv().is_err());
        assert_eq!(slots.counts(), Counts { running: 1, queued: 1, started_clusters: 1 });
    }

    #[test]
    fn who_gives_up_is_passed_over() {
        let mut slots = Slots::new(1, 1, 1);
        admitted(slots.ask());
        let (gone, _) = queued(slots.ask());
        let (_, dropped) = queued(slots.ask());
        let (_, mut last) = queued(slots.ask());
        slots.give_up(gone);
        drop(dropped);
        slots.release(Cluster(1));
        assert_eq!(last.try_recv(), Ok(Cluster(1)));
        assert_eq!(slots.counts().running, 1);
    }

    #[test]
    fn clusters_start_for_whoever_would_wait_and_stop_when_idle() {
        let mut slots = Slots::new(2, 1, 3);
        let clusters: Vec<_> = (0..6).map(|_| admitted(slots.ask())).collect();
        assert_eq!(clusters, [1, 1, 2, 2, 3, 3]);
        let (_, mut waiting) = queued(slots.ask());
        slots.release(Cluster(2));
        assert_eq!(waiting.try_recv(), Ok(Cluster(2)));
        for cluster in [2, 2] {
            slots.release(Cluster(cluster));
        }
        assert_eq!(slots.counts().started_clusters, 3, "the last one is still busy");
        for cluster in [3, 3] {
            slots.release(Cluster(cluster));
        }
        assert_eq!(slots.counts(), Counts { running: 2, queued: 0, started_clusters: 1 });
    }

    #[test]
    fn an_order_prefers_who_came_first_and_leaves_nobody_out() {
        let served = |first: f64| {
            let mut slots = Slots::new(1, 1, 1);
            slots.order_by(first, 7);
            admitted(slots.ask());
            let mut waiting: Vec<_> = (0..200).map(|_| queued(slots.ask()).1).collect();
            let mut order = Vec::new();
            for _ in 0..200 {
                slots.release(Cluster(1));
                let next = waiting.iter_mut().position(|it| it.try_recv().is_ok());
                order.push(next.expect("one is admitted"));
            }
            order
        };
        assert_eq!(served(1.0), (0..200).collect::<Vec<_>>());
        let order = served(0.05);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, served(1.0), "each once");
        assert_ne!(order, sorted);
        let mean_of = |it: &[usize]| it.iter().sum::<usize>() / it.len();
        assert!(mean_of(&order[..50]) < 75 && 125 < mean_of(&order[150..]), "{order:?}");
    }

    #[test]
    fn a_higher_level_admits_who_waits() {
        let mut slots = Slots::new(1, 1, 1);
        admitted(slots.ask());
        let (_, mut waiting) = queued(slots.ask());
        slots.resize(2, 1, 1);
        assert_eq!(waiting.try_recv(), Ok(Cluster(1)));
    }

    #[test]
    fn a_lower_level_takes_no_slot_away() {
        let mut slots = Slots::new(2, 1, 1);
        admitted(slots.ask());
        admitted(slots.ask());
        slots.resize(1, 1, 1);
        let (_, mut waiting) = queued(slots.ask());
        slots.release(Cluster(1));
        assert!(waiting.try_recv().is_err());
        slots.release(Cluster(1));
        assert_eq!(waiting.try_recv(), Ok(Cluster(1)));
    }
}
