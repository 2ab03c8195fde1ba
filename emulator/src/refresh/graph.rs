//! Which refreshed tables read which.
//!
//! Only edges along which refreshes are pulled are here: a table that nobody schedules
//! (`SCHEDULER = DISABLE`) neither pulls its inputs nor is pulled, and is read as a base table is.

use super::declared::TargetLag;
use crate::{
    regression::{Regression, regressed},
    store::{
        catalog::QualifiedName,
        table::{Table, TableId},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A refreshed table as it is declared now.
#[derive(Clone, Debug)]
pub struct Node {
    pub name: QualifiedName,
    pub table: Arc<Table>,
    pub target_lag: TargetLag,
    pub is_suspended: bool,
    /// The refreshed tables that it reads, through views too. Those that are no nodes count for
    /// nothing.
    pub inputs: BTreeSet<TableId>,
}

/// The refreshed tables of an account.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: BTreeMap<TableId, Node>,
}

impl Graph {
    pub fn new(nodes: impl IntoIterator<Item = Node>) -> Self {
        Self { nodes: nodes.into_iter().map(|it| (it.table.id, it)).collect() }
    }

    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    pub fn get(&self, id: TableId) -> Option<&Node> {
        self.nodes.get(&id)
    }

    /// The tables that are refreshed to the same instant before this one is.
    pub fn upstreams(&self, id: TableId) -> Vec<TableId> {
        let Some(node) = self.nodes.get(&id).filter(|it| it.is_scheduled()) else { return vec![] };
        let inputs = node.inputs.iter().copied();
        inputs.filter(|it| self.is_scheduled(*it) && *it != id).collect()
    }

    /// The tables that read this one.
    pub fn downstreams(&self, id: TableId) -> Vec<TableId> {
        self.nodes.keys().copied().filter(|it| self.upstreams(*it).contains(&id)).collect()
    }

    fn is_scheduled(&self, id: TableId) -> bool {
        self.nodes.get(&id).is_some_and(Node::is_scheduled)
    }

    /// These and all that they stand on, through any number of steps.
    pub fn with_upstreams(&self, ids: impl IntoIterator<Item = TableId>) -> BTreeSet<TableId> {
        closure(ids, |it| self.upstreams(it))
    }

    /// These and all that stand on them.
    pub fn with_downstreams(&self, ids: impl IntoIterator<Item = TableId>) -> BTreeSet<TableId> {
        closure(ids, |it| self.downstreams(it))
    }

    /// All tables that are connected with this one, and it.
    pub fn connected(&self, id: TableId) -> BTreeSet<TableId> {
        closure([id], |it| [self.upstreams(it), self.downstreams(it)].concat())
    }

    /// So that each comes after those it reads. Tables that read each other in a ring, which
    /// renaming can make, come in any order.
    pub fn in_order(&self, ids: &BTreeSet<TableId>) -> Vec<TableId> {
        let mut ordered = Vec::with_capacity(ids.len());
        let mut seen = BTreeSet::new();
        // With an explicit stack: a chain may be longer than the machine's is deep.
        for id in ids {
            let mut stack = vec![(*id, false)];
            while let Some((id, is_left)) = stack.pop() {
                if is_left {
                    ordered.push(id);
                } else if ids.contains(&id) && seen.insert(id) {
                    stack.push((id, true));
                    stack.extend(self.upstreams(id).into_iter().map(|it| (it, false)));
                }
            }
        }
        ordered
    }

    /// In seconds. Of a table whose lag is DOWNSTREAM, the shortest of those that read it and are
    /// kept fresh; `None` if there is none: it is never refreshed on schedule.
    pub fn effective_lag(&self, id: TableId) -> Option<u64> {
        self.lag(id, &mut BTreeSet::new())
    }

    fn lag(&self, id: TableId, seen: &mut BTreeSet<TableId>) -> Option<u64> {
        match self.nodes.get(&id)?.target_lag {
            TargetLag::Seconds(it) => Some(it),
            TargetLag::Unscheduled => None,
            TargetLag::Downstream if !seen.insert(id) => None,
            TargetLag::Downstream => {
                let fresh = |it: &TableId| self.nodes.get(it).is_some_and(|it| !it.is_suspended);
                let readers = self.downstreams(id).into_iter().filter(fresh);
                let least = readers.filter_map(|it| self.lag(it, &mut seen.clone())).min();
                least.or(regressed(Regression::DownstreamAlwaysFresh).then_some(60))
            }
        }
    }

    /// Whether neither it nor anything that it stands on is suspended.
    pub fn is_running(&self, id: TableId) -> bool {
        let is_suspended = |it: &TableId| self.nodes.get(it).is_some_and(|it| it.is_suspended);
        regressed(Regression::SuspendedRefreshed)
            || !self.with_upstreams([id]).iter().any(is_suspended)
    }
}

impl Node {
    fn is_scheduled(&self) -> bool {
        match self.target_lag {
            TargetLag::Seconds(_) => true,
            TargetLag::Downstream => !regressed(Regression::DownstreamNeverFresh),
            TargetLag::Unscheduled => false,
        }
    }
}

fn closure(
    ids: impl IntoIterator<Item = TableId>,
    next: impl Fn(TableId) -> Vec<TableId>,
) -> BTreeSet<TableId> {
    let mut found = BTreeSet::new();
    let mut left: Vec<TableId> = ids.into_iter().collect();
    while let Some(id) = left.pop() {
        if found.insert(id) {
            left.extend(next(id));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::numbers_table;
    use TargetLag::{Downstream, Seconds, Unscheduled};

    /// Tables `0`, `1`, … with their lags and what each reads.
    fn graph(tables: &[(TargetLag, &[usize])]) -> (Graph, Vec<TableId>) {
        let made: Vec<_> = tables.iter().map(|_| numbers_table()).collect();
        let nodes =
            tables.iter().zip(&made).enumerate().map(|(index, ((lag, inputs), table))| Node {
                name: QualifiedName {
                    database: "DB".to_owned(),
                    schema: "PUBLIC".to_owned(),
                    name: format!("T{index}"),
                },
                table: Arc::clone(table),
                target_lag: *lag,
                is_suspended: false,
                inputs: inputs.iter().map(|it| made[*it].id).collect(),
            });
        (Graph::new(nodes), made.iter().map(|it| it.id).collect())
    }

    #[test]
    fn a_downstream_lag_is_the_shortest_of_its_readers() {
        let (graph, ids) = graph(&[
            (Downstream, &[]),
            (Downstream, &[0]),
            (Seconds(600), &[1]),
            (Seconds(120), &[1]),
            (Downstream, &[0]),
        ]);
        let lags: Vec<_> = ids.iter().map(|it| graph.effective_lag(*it)).collect();
        assert_eq!(lags, [Some(120), Some(120), Some(600), Some(120), None]);
    }

    #[test]
    fn readers_that_are_suspended_ask_for_nothing() {
        let (mut graph, ids) =
            graph(&[(Downstream, &[]), (Seconds(60), &[0]), (Seconds(600), &[0])]);
        graph.nodes.get_mut(&ids[1]).unwrap().is_suspended = true;
        assert_eq!(graph.effective_lag(ids[0]), Some(600));
        assert!(!graph.is_running(ids[1]) && graph.is_running(ids[2]));
    }

    #[test]
    fn inputs_come_first() {
        let (graph, ids) = graph(&[
            (Seconds(60), &[2, 1]),
            (Seconds(60), &[2]),
            (Seconds(60), &[]),
            (Seconds(60), &[]),
        ]);
        let all = graph.with_upstreams([ids[0]]);
        assert_eq!(graph.in_order(&all), [ids[2], ids[1], ids[0]]);
        assert_eq!(graph.with_downstreams([ids[2]]), BTreeSet::from([ids[0], ids[1], ids[2]]));
        assert_eq!(graph.connected(ids[1]), BTreeSet::from([ids[0], ids[1], ids[2]]));
    }

    #[test]
    fn a_table_that_nobody_schedules_pulls_nothing_and_is_not_pulled() {
        let (graph, ids) = graph(&[(Seconds(60), &[]), (Unscheduled, &[0]), (Seconds(60), &[1])]);
        assert_eq!(graph.upstreams(ids[1]), []);
        assert_eq!(graph.upstreams(ids[2]), []);
        assert_eq!(graph.effective_lag(ids[1]), None);
    }

    #[test]
    fn a_ring_ends() {
        let (graph, ids) = graph(&[(Downstream, &[1]), (Downstream, &[0])]);
        assert_eq!(graph.effective_lag(ids[0]), None);
        assert_eq!(graph.in_order(&graph.with_upstreams([ids[0]])).len(), 2);
    }
}
