//! The incremental engine: a definition as a dataflow that turns what changed in tables into what
//! changed in the definition's result. Cost follows the change, not the tables.
//!
//! A [`Dataflow`] is a list of operators, inputs before those that read them. Each turns the
//! changes of its inputs into the change of its output; what it needs to know of earlier rows it
//! keeps itself. Rows travel as [`Delta`]s: Arrow batches, and how often each row was added or
//! removed. The operators say in their own files what they cost:
//!
//! - projections, filters, UNION ALL, unnesting: the changed rows; nothing is kept;
//! - [`join`], [`distinct`], [`group`]: the changed rows and what they match;
//! - [`regroup`], [`window`]: all rows of the groups and partitions that changed.
//!
//! ORDER BY is dropped: a table has no order. What cannot be incremental is refused by
//! [`Dataflow::compile`] with the reason. What the definition's *text* forbids (CURRENT_TIMESTAMP
//! is a literal by the time there is a plan), and when to refresh, is decided elsewhere.

mod arrangement;
mod compile;
mod delta;
mod distinct;
mod expressions;
mod feed;
mod group;
mod join;
mod refuse;
mod regroup;
mod repeat;
#[cfg(test)]
mod tests;
mod window;

pub use delta::{Delta, Weighted};
pub use refuse::NotIncremental;

use crate::{
    error::SqlError,
    regression::{Regression, regressed},
    sql::{planner::config_options, scope::error_of},
    store::table::TableId,
};
use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    execution::{SessionState, SessionStateBuilder, TaskContext},
    logical_expr::LogicalPlan,
    physical_plan::collect,
    prelude::SessionConfig,
};
use delta::batch_of;
use distinct::Distinct;
use expressions::{Condition, Expressions};
use feed::Feed;
use group::Group;
use join::Join;
use regroup::Regroup;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, LazyLock},
};
use window::Window;

/// Rows that are decoded at a time.
const ROWS_PER_BATCH: usize = 65_536;

/// A definition with all that it remembers of the rows it has seen.
pub struct Dataflow {
    steps: Vec<Step>,
    schema: SchemaRef,
    sources: BTreeSet<TableId>,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Ready,
    /// A call of `advance` has ended before all operators had taken the change up.
    Broken,
}

/// An operator and the numbers of the steps whose outputs it reads. Nothing is read twice.
struct Step {
    operator: Operator,
    inputs: Vec<usize>,
}

enum Operator {
    Source(Source),
    /// Rows that read nothing: VALUES, and the one row of a SELECT without FROM.
    Constant {
        plan: LogicalPlan,
        schema: SchemaRef,
    },
    Project {
        exprs: Expressions,
        schema: SchemaRef,
    },
    Filter(Condition),
    /// UNION ALL.
    Union(SchemaRef),
    /// What DataFusion does with each row apart from all others: unnesting.
    EachRow {
        feed: Feed,
        schema: SchemaRef,
    },
    Distinct(Distinct),
    Join(Box<Join>),
    Group(Group),
    Regroup(Box<Regroup>),
    Window(Box<Window>),
}

/// A table as one place of the definition reads it.
struct Source {
    table: TableId,
    /// On all columns of the table.
    conditions: Vec<Condition>,
    /// `None`: all columns.
    projection: Option<Vec<usize>>,
    schema: SchemaRef,
}

impl Dataflow {
    /// From a planned definition, which is optimised here; see [`compile`] for how.
    pub fn compile(plan: &LogicalPlan) -> Result<Self, NotIncremental> {
        compile::compile(plan)
    }

    /// The tables that it reads.
    pub fn sources(&self) -> &BTreeSet<TableId> {
        &self.sources
    }

    /// The columns of the result.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Takes up what changed in each source since the last call and gives what changed in the
    /// result. Sources that are not named have not changed. The first call is given all rows of
    /// all sources as inserted, builds the state, and gives the whole result.
    ///
    /// Rows must have the columns that the tables had when the definition was planned. What is
    /// removed must have been inserted before, and in the same types.
    ///
    /// After an error, or when the future was dropped on the way, the state is of no use any
    /// more: all further calls are errors, and a new dataflow has to be built.
    ///
    /// It computes on the caller's thread. The time is that of the operators, see the module.
    pub async fn advance(&mut self, changes: &HashMap<TableId, Delta>) -> Result<Delta, SqlError> {
        let is_first = match std::mem::replace(&mut self.state, State::Broken) {
            State::New => true,
            State::Ready => false,
            State::Broken => {
                return Err(SqlError::internal("the state of an incremental refresh is lost"));
            }
        };
        let mut outputs: Vec<Delta> = Vec::with_capacity(self.steps.len());
        for step in &mut self.steps {
            let mut inputs = step.inputs.iter().filter_map(|it| {
                // Read once, so it need not be kept.
                let output = outputs.get_mut(*it)?;
                let schema = Arc::clone(&output.schema);
                Some(std::mem::replace(output, Delta::empty(schema)))
            });
            let inputs: Vec<Delta> = inputs.by_ref().collect();
            outputs.push(step.operator.advance(inputs, changes, is_first).await?);
        }
        let last = outputs.pop().ok_or_else(|| SqlError::internal("a dataflow of nothing"))?;
        let result = last.consolidated()?;
        self.state = State::Ready;
        Ok(result)
    }

    /// Bytes of the state, roughly.
    pub fn bytes(&self) -> usize {
        self.steps
            .iter()
            .map(|it| match &it.operator {
                Operator::Distinct(it) => it.bytes(),
                Operator::Join(it) => it.bytes(),
                Operator::Group(it) => it.bytes(),
                Operator::Regroup(it) => it.bytes(),
                Operator::Window(it) => it.bytes(),
                Operator::Source(_)
                | Operator::Constant { .. }
                | Operator::Project { .. }
                | Operator::Filter(_)
                | Operator::Union(_)
                | Operator::EachRow { .. } => 0,
            })
            .sum()
    }
}

impl Operator {
    async fn advance(
        &mut self,
        inputs: Vec<Delta>,
        changes: &HashMap<TableId, Delta>,
        is_first: bool,
    ) -> Result<Delta, SqlError> {
        match (self, inputs.as_slice()) {
            (Self::Source(it), []) => it.advance(changes.get(&it.table)),
            (Self::Constant { plan, schema }, []) => match is_first {
                true => constant(plan, schema).await,
                false => Ok(Delta::empty(Arc::clone(schema))),
            },
            (Self::Project { exprs, schema }, [input]) => {
                let mut out = Delta::empty(Arc::clone(schema));
                for Weighted { rows, weights } in &input.batches {
                    let rows = batch_of(schema, exprs.evaluate(rows)?, rows.num_rows())?;
                    out.push(rows, weights.clone());
                }
                Ok(out)
            }
            (Self::Filter(condition), [input]) => {
                let mut out = Delta::empty(Arc::clone(&input.schema));
                for Weighted { rows, weights } in &input.batches {
                    let (rows, weights) = condition.filter(rows, weights)?;
                    out.push(rows, weights);
                }
                Ok(out)
            }
            (Self::Union(schema), inputs) => {
                let mut out = Delta::empty(Arc::clone(schema));
                for Weighted { rows, weights } in inputs.iter().flat_map(|it| &it.batches) {
                    let rows = batch_of(schema, rows.columns().to_vec(), rows.num_rows())?;
                    out.push(rows, weights.clone());
                }
                if regressed(Regression::UnionAllCollapses) {
                    out = out.consolidated()?;
                    let weights = out.batches.iter_mut().flat_map(|it| &mut it.weights);
                    weights.for_each(|it| *it = it.signum());
                }
                Ok(out)
            }
            (Self::EachRow { feed, schema }, [input]) => each_row(feed, schema, input).await,
            (Self::Distinct(it), [input]) => it.advance(input),
            (Self::Join(it), [left, right]) => it.advance(left, right),
            (Self::Group(it), [input]) => it.advance(input),
            (Self::Regroup(it), [input]) => it.advance(input).await,
            (Self::Window(it), [input]) => it.advance(input).await,
            _ => Err(SqlError::internal("an operator with the wrong inputs")),
        }
    }
}

impl Source {
    fn advance(&self, change: Option<&Delta>) -> Result<Delta, SqlError> {
        let mut out = Delta::empty(Arc::clone(&self.schema));
        for Weighted { rows, weights } in change.into_iter().flat_map(|it| &it.batches) {
            let (mut rows, mut weights) = (rows.clone(), weights.clone());
            for condition in &self.conditions {
                (rows, weights) = condition.filter(&rows, &weights)?;
            }
            let columns = match &self.projection {
                None => rows.columns().to_vec(),
                Some(them) => {
                    them.iter().filter_map(|it| rows.columns().get(*it)).cloned().collect()
                }
            };
            out.push(batch_of(&self.schema, columns, weights.len())?, weights);
        }
        Ok(out)
    }
}

/// Rows of one weight at a time: DataFusion knows no weights.
async fn each_row(feed: &mut Feed, schema: &SchemaRef, input: &Delta) -> Result<Delta, SqlError> {
    let mut out = Delta::empty(Arc::clone(schema));
    for Weighted { rows, weights } in &input.batches {
        let different: BTreeSet<i64> = weights.iter().copied().collect();
        for weight in different {
            let mask: Vec<bool> = weights.iter().map(|it| *it == weight).collect();
            let rows = delta::filter(rows, &mask)?;
            for given in feed.run(vec![rows]).await? {
                let mut given = batch_of(schema, given.columns().to_vec(), given.num_rows())?;
                if regressed(Regression::FlattenFirstOnly) {
                    given = given.slice(0, given.num_rows().min(1));
                }
                out.add([given], weight);
            }
        }
    }
    Ok(out)
}

async fn constant(plan: &LogicalPlan, schema: &SchemaRef) -> Result<Delta, SqlError> {
    let planner = session().query_planner();
    let physical = planner.create_physical_plan(plan, session()).await.map_err(error_of)?;
    let rows = collect(physical, task()).await.map_err(error_of)?;
    let rows = rows.iter().map(|it| batch_of(schema, it.columns().to_vec(), it.num_rows()));
    let rows: Vec<RecordBatch> = rows.collect::<Result<_, _>>()?;
    Ok(Delta::inserted(Arc::clone(schema), rows))
}

/// The session that plans and executes what DataFusion does here: one thread, and only the rules
/// that [`compile`] wants.
fn session() -> &'static SessionState {
    static SESSION: LazyLock<SessionState> = LazyLock::new(|| {
        let mut options = config_options();
        // A plan that is executed again must not remember what it filtered by before.
        options.optimizer.enable_dynamic_filter_pushdown = false;
        let config = SessionConfig::from(options).with_target_partitions(1);
        SessionStateBuilder::new()
            .with_config(config)
            .with_default_features()
            .with_optimizer_rules(compile::rules())
            .build()
    });
    &SESSION
}

fn task() -> Arc<TaskContext> {
    Arc::new(TaskContext::from(session()))
}
