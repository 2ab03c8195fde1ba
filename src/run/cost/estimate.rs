//! What a plan will cost, from the statements in it.

use super::{Ledger, Starts};
use crate::{
    run::{
        Plan, PlannedSuite, RunOptions,
        execute::needs_interactive,
        objects::Objects,
        variables::{Variables, customers_count},
    },
    suite::{
        Action, Expect, Release, Step,
        refresh::{Look, LookOf},
    },
    target::{Context, Owner},
};
use chrono::DateTime;
use std::{collections::BTreeMap, time::Duration};

/// A statement of which the suite says no time: what a round trip and a small query take on an
/// account. A guess; an hour's minimum outweighs it.
const STATEMENT: Duration = Duration::from_secs(1);

/// Making the run's objects, probing and dropping. A guess as well.
const AROUND: Duration = Duration::from_secs(20);

/// Orders that a statement of a data set makes in a second on an XSMALL warehouse. A guess.
const ORDERS_PER_SECOND: f64 = 200_000.0;

/// What a run is expected to cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    pub credits: f64,
    pub takes: Duration,
    pub starts: Starts,
    /// By who starts the warehouses, the dearest first.
    pub by_owner: Vec<(String, f64)>,
}

impl Estimate {
    /// One line for people.
    pub fn in_words(&self) -> String {
        format!("{:.2} credits in about {}: {}", self.credits, minutes(self.takes), self.starts)
    }

    /// Suites that start warehouses of their own, the dearest first.
    pub fn dearest_suites(&self) -> impl Iterator<Item = &(String, f64)> {
        self.by_owner.iter().filter(|(name, _)| name != Owner::Run.name())
    }
}

/// A statement of the plan, and when it is expected to be executed.
struct Expected {
    at: Duration,
    sql: String,
    warehouse: String,
    by: String,
}

/// Estimates from the plan alone. Without a release every case counts, though no release has them
/// all: rather too much than too little.
pub fn estimate(plan: &Plan, options: &RunOptions) -> Estimate {
    let run = options.run.to_string();
    // No object is made of these; the names are what counts.
    let objects = Objects::new(&run, DateTime::UNIX_EPOCH);
    let mut walk = Walk {
        base: Variables::default()
            .with("run", &run)
            .with("standard", &objects.standard)
            .with("interactive", &objects.interactive)
            .with("scale", options.scale.to_string())
            .with("customers_count", customers_count(options.scale).to_string()),
        objects: &objects,
        release: options.release,
        expected: Vec::new(),
    };
    walk.own(objects.standard_statement());
    if options.always_probe || needs_interactive(plan) {
        walk.own(objects.interactive_statement());
    }

    let building = STATEMENT.mul_f64(1.0 + options.scale as f64 / ORDERS_PER_SECOND);
    let mut at = AROUND;
    for data_set in &plan.data_sets {
        at = walk.steps(&data_set.steps, &data_set.name, building, at, &mut BTreeMap::new());
    }
    // Suites go to whichever worker is free first, as they do in a run.
    let mut workers = vec![at; options.jobs.clamp(1, plan.suites.len().max(1))];
    for suite in &plan.suites {
        let Some(worker) = workers.iter_mut().min() else { break };
        *worker = walk.suite(suite, *worker);
    }
    let takes = workers.into_iter().max().unwrap_or(at);

    let mut ledger = Ledger::default();
    walk.expected.sort_by_key(|it| it.at);
    for it in &walk.expected {
        ledger.follow(&it.sql, &it.warehouse, &it.by, it.at);
    }
    let mut by_owner: Vec<(String, f64)> = ledger.by_owner(takes).into_iter().collect();
    by_owner.sort_by(|a, b| b.1.total_cmp(&a.1));
    Estimate { credits: ledger.credits(takes), takes, starts: ledger.starts, by_owner }
}

struct Walk<'a> {
    base: Variables,
    objects: &'a Objects,
    release: Option<Release>,
    expected: Vec<Expected>,
}

impl Walk<'_> {
    fn own(&mut self, sql: String) {
        let (warehouse, by) = (String::new(), Owner::Run.name().to_owned());
        self.expected.push(Expected { at: Duration::ZERO, sql, warehouse, by });
    }

    /// When the suite is done.
    fn suite(&mut self, planned: &PlannedSuite, at: Duration) -> Duration {
        let name = &planned.suite.name;
        let mut sessions = BTreeMap::new();
        let mut at = self.steps(&planned.suite.set_up(), name, STATEMENT, at, &mut sessions);
        for case in &planned.cases {
            let is_elsewhere = case.case.only.as_ref().is_some_and(|only| {
                self.release.is_some_and(|release| !only.releases.0.contains(&release))
            });
            if is_elsewhere {
                continue;
            }
            if !planned.suite.ordered {
                // Each case finds its sessions where they started.
                sessions.clear();
            }
            at = self.steps(&case.case.steps, name, STATEMENT, at, &mut sessions);
        }
        at
    }

    fn steps(
        &mut self,
        steps: &[Step],
        by: &str,
        statement: Duration,
        mut at: Duration,
        sessions: &mut BTreeMap<String, Context>,
    ) -> Duration {
        for step in steps {
            if let Action::Execute { sql, .. } = &step.action
                && self.succeeds(step)
            {
                let sql = self.base.substitute_known(sql);
                let context = sessions.entry(step.session.clone()).or_default();
                let warehouse = context.warehouse().unwrap_or(match step.session.as_str() {
                    "interactive" => &self.objects.interactive,
                    _ => &self.objects.standard,
                });
                let (warehouse, by) = (warehouse.to_owned(), by.to_owned());
                context.follow(&sql);
                self.expected.push(Expected { at, sql, warehouse, by });
            }
            at += takes(step, statement);
        }
        at
    }

    /// Whether it may succeed, as far as the suite knows.
    fn succeeds(&self, step: &Step) -> bool {
        let is_here = |releases: &Option<crate::suite::ReleaseSet>| match (releases, self.release) {
            (Some(releases), Some(release)) => releases.0.contains(&release),
            (None, _) | (_, None) => true,
        };
        let mut here = step.expect.iter().filter(|it| is_here(&it.releases));
        match self.release {
            // The first one holds.
            Some(_) => here.next().is_some_and(|it| !matches!(it.outcome, Expect::Refused(_))),
            None => here.any(|it| !matches!(it.outcome, Expect::Refused(_))),
        }
    }
}

/// How long a step is expected to take.
fn takes(step: &Step, statement: Duration) -> Duration {
    match (&step.action, step.takes, step.within) {
        (Action::Sleep(duration), ..) => *duration,
        (Action::Look(look), ..) => look_takes(look),
        (Action::Load(load), ..) => load.takes().unwrap_or(statement),
        (_, Some((at_least, at_most)), _) => (at_least + at_most) / 2,
        // What is waited for comes as a rule before the limit, and not at once.
        (_, None, Some(limit)) => statement + limit / 2,
        (_, None, None) => statement,
    }
}

/// A lag that tables of suites have, as a rule: what it is in the end, only the target knows.
const LAG: Duration = Duration::from_secs(60);

fn look_takes(look: &Look) -> Duration {
    let limit = look.within.and_then(|it| it.with_lag(Some(LAG))).unwrap_or_default();
    match &look.of {
        LookOf::Lag(it) => it.pause * it.samples + limit / 2,
        _ => STATEMENT + limit / 2,
    }
}

fn minutes(duration: Duration) -> String {
    let minutes = (duration.as_secs_f64() / 60.0).ceil();
    match minutes {
        1.0 => "a minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        run::{RunId, Selection, plan},
        suite::{parse_suite, source::Source},
    };

    /// A suite of these cases, and what it is expected to cost.
    #[track_caller]
    fn check(cases: &str, release: Option<Release>, starts: [u32; 2], credits: f64, minutes: u64) {
        let text = format!("doc: A suite.\ncases:\n{cases}\n");
        let suite = parse_suite("s", Source::new("s.yaml", text)).unwrap();
        let plan = plan(&[suite], &[], &Selection::default()).unwrap();
        let mut options = RunOptions::new(RunId::fixed("SG1"));
        options.release = release;
        let found = estimate(&plan, &options);
        assert_eq!([found.starts.interactive, found.starts.standard], starts, "{found:?}");
        assert!((found.credits - credits).abs() < 0.02, "{found:?}");
        assert_eq!(found.takes.as_secs() / 60, minutes, "{found:?}");
    }

    const PLAIN: &str = "  - { name: plain, sql: SELECT 1 }\n";
    const READS: &str = "  - { name: reads, session: interactive, sql: SELECT 1 }\n";
    const STARTS_TWO: &str = "
  - name: starts two
    steps:
      - CREATE OR REPLACE INTERACTIVE WAREHOUSE {run}_A TABLES (T) WAREHOUSE_SIZE = 'XSMALL'
      - USE WAREHOUSE {standard}
      - ALTER WAREHOUSE {run}_A RESUME IF SUSPENDED
      - ALTER WAREHOUSE {run}_A SUSPEND
      - ALTER WAREHOUSE {run}_A RESUME
      - CREATE OR REPLACE INTERACTIVE WAREHOUSE {run}_B WAREHOUSE_SIZE = 'LARGE'
      - DROP WAREHOUSE {run}_A
      - DROP WAREHOUSE {run}_B
";
    const ONLY_NEW: &str = "
  - name: only new
    only: { releases: zero-copy, reason: newer }
    steps:
      - CREATE INTERACTIVE WAREHOUSE {run}_C
  - name: refused
    sql: CREATE INTERACTIVE WAREHOUSE {run}_D WAREHOUSE_SIZE = 'LARGE'
    expect: { error: any }
  - name: refused on some
    sql: CREATE INTERACTIVE WAREHOUSE {run}_E
    expect:
      - { releases: ..attached, error: any }
      - { releases: fallback.., ok: true }
";

    #[test]
    fn warehouses_of_the_run_and_of_its_cases_are_counted() {
        check(PLAIN, None, [0, 1], 0.02, 0);
        check(READS, None, [1, 1], 0.62, 0);
        check(&[READS, STARTS_TWO].concat(), None, [4, 1], 0.62 + 1.2 + 4.8, 0);
    }

    #[test]
    fn what_a_release_does_not_do_is_not_counted_where_the_release_is_known() {
        check(&[READS, ONLY_NEW].concat(), None, [3, 1], 0.62 + 1.2, 0);
        check(&[READS, ONLY_NEW].concat(), Some(Release::ZeroCopy), [3, 1], 0.62 + 1.2, 0);
        check(&[READS, ONLY_NEW].concat(), Some(Release::Fallback), [2, 1], 0.62 + 0.6, 0);
        check(&[READS, ONLY_NEW].concat(), Some(Release::Attached), [1, 1], 0.62, 0);
    }

    #[test]
    fn waiting_is_what_makes_a_run_last() {
        let waits = "
  - name: waits
    steps:
      - { sleep: 30m }
      - { sql: SELECT 1, within: 20m, expect: { rows: [[1]] } }
      - { sql: SELECT 2, takes: [118s, 122s] }
";
        check(waits, None, [0, 1], 42.3 / 60.0, 42);
        check(&[READS, &waits.replace("30m", "90m")].concat(), None, [1, 1], 1.707 * 1.6, 102);
    }

    #[test]
    fn an_estimate_is_told_in_a_sentence() {
        let estimate = Estimate {
            credits: 1.2345,
            takes: Duration::from_secs(61),
            starts: Starts { interactive: 1, standard: 2 },
            by_owner: Vec::new(),
        };
        assert_eq!(
            estimate.in_words(),
            "1.23 credits in about 2 minutes: 1 start of interactive warehouses, billed for an \
             hour at least, 2 starts of standard ones"
        );
    }
}
