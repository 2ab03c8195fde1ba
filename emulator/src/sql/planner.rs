//! Plans to rows: optimising, executing on threads of their own, stopping when nobody waits.

use super::{
    barriers::physical_rules,
    scope::error_of,
    simple::Simple,
    stoppable::{StopFlag, stoppable},
};
use crate::{error::SqlError, regression::carried, types::ResultSet};
use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use datafusion::{
    common::{DFSchema, ScalarValue, tree_node::TreeNode},
    config::ConfigOptions,
    execution::{SessionState, SessionStateBuilder, TaskContext},
    logical_expr::{Expr, LogicalPlan, simplify::SimplifyContext},
    optimizer::simplify_expressions::ExprSimplifier,
    physical_plan::{ExecutionPlan, collect, displayable},
    prelude::SessionConfig,
};
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Above this many rows in the tables it reads, a query gets a plan that uses all cores.
const PARALLEL_ROWS_MIN: u64 = 50_000;

/// The query engine that all statements share.
pub struct Queries {
    pub(super) single: Way,
    parallel: Way,
    /// Queries run on threads of their own, so that a heavy one cannot keep the wire from
    /// answering or a timeout from firing.
    runtime: Option<tokio::runtime::Runtime>,
}

/// How queries are planned and executed.
#[derive(Clone)]
pub(super) struct Way {
    pub state: Arc<SessionState>,
    /// Nothing in it is of one query, and making it copies hundreds of functions.
    pub context: Arc<TaskContext>,
}

/// Options of planning and execution alike.
pub fn config_options() -> ConfigOptions {
    let mut options = ConfigOptions::new();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.collect_statistics = true;
    // A column's type is in its metadata, which some of the optimiser's rules lose (such as the one
    // for a single DISTINCT among aggregates). What is asked here is that none has.
    options.execution.skip_physical_aggregate_schema_check = true;
    options
}

impl Queries {
    pub fn new() -> Result<Self, SqlError> {
        let cores = std::thread::available_parallelism().map_or(2, |it| it.get());
        let state = |partitions: usize| {
            let mut config = SessionConfig::from(config_options());
            config = config.with_target_partitions(partitions);
            let builder = SessionStateBuilder::new().with_config(config).with_default_features();
            let state = builder.with_physical_optimizer_rules(physical_rules()).build();
            Way { context: Arc::new(TaskContext::from(&state)), state: Arc::new(state) }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            // A join computes for a while before it gives way: more threads than cores, so that
            // what is quick need not wait for it.
            .worker_threads(cores.max(2) * 4)
            .thread_name("emulator-query")
            .thread_stack_size(crate::STACK_BYTES)
            .enable_time()
            .build()
            .map_err(SqlError::internal)?;
        Ok(Self { single: state(1), parallel: state(cores), runtime: Some(runtime) })
    }

    /// Executes a plan. Dropping the future stops the work.
    pub async fn run(&self, plan: LogicalPlan, rows: u64) -> Result<Vec<RecordBatch>, SqlError> {
        match Simple::of(&self.single.state, &plan).await {
            Some(simple) => simple.rows(Arc::clone(&self.single.context)).await.map_err(error_of),
            None => self.run_optimised(plan, rows).await,
        }
    }

    pub(super) async fn run_optimised(
        &self,
        plan: LogicalPlan,
        rows: u64,
    ) -> Result<Vec<RecordBatch>, SqlError> {
        let way = if rows < PARALLEL_ROWS_MIN { &self.single } else { &self.parallel };
        let Way { state, context } = way.clone();
        let Some(runtime) = &self.runtime else {
            return Err(SqlError::internal("the query engine is shut down"));
        };
        let flag = StopFlag::default();
        let watched = flag.clone();
        let work = runtime.spawn(carried(async move {
            let physical = physical_plan(&state, &plan).await?;
            let physical = stoppable(physical, &watched).map_err(error_of)?;
            collect(physical, context).await.map_err(error_of)
        }));
        Task { work, flag }.await
    }

    /// Computes where queries do. Dropping the future stops the work when it next gives way.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, SqlError>> + Send + 'static,
    ) -> Result<T, SqlError> {
        let Some(runtime) = &self.runtime else {
            return Err(SqlError::internal("the query engine is shut down"));
        };
        Task { work: runtime.spawn(carried(work)), flag: StopFlag::default() }.await
    }

    /// The optimised plans as text.
    pub async fn explain(&self, plan: LogicalPlan) -> Result<String, SqlError> {
        let logical = self.parallel.state.optimize(&plan).map_err(error_of)?;
        let physical = physical_plan(&self.parallel.state, &plan).await?;
        Ok(format!("{}\n{}", logical.display_indent(), displayable(physical.as_ref()).indent(true)))
    }

    /// The value of an expression that reads nothing, or `None` if it is not constant.
    pub fn constant(
        &self,
        expr: Expr,
        now: DateTime<Utc>,
    ) -> Result<Option<ScalarValue>, SqlError> {
        let context = SimplifyContext::builder().with_query_execution_start_time(Some(now)).build();
        let simplifier = ExprSimplifier::new(context);
        let coerced = simplifier.coerce(expr, &DFSchema::empty()).map_err(error_of)?;
        match simplifier.simplify(coerced).map_err(error_of)? {
            Expr::Literal(value, _) => Ok(Some(value)),
            _ => Ok(None),
        }
    }
}

/// Whether a plan puts rows together, rather than handing them on one by one.
pub fn gathers(plan: &LogicalPlan) -> bool {
    let gathers = |it: &LogicalPlan| {
        Ok(matches!(
            it,
            LogicalPlan::Aggregate(_)
                | LogicalPlan::Distinct(_)
                | LogicalPlan::Join(_)
                | LogicalPlan::Sort(_)
                | LogicalPlan::Window(_)
        ))
    };
    plan.exists(gathers).unwrap_or(false)
}

async fn physical_plan(
    state: &SessionState,
    plan: &LogicalPlan,
) -> Result<Arc<dyn ExecutionPlan>, SqlError> {
    state.create_physical_plan(plan).await.map_err(error_of)
}

impl Drop for Queries {
    fn drop(&mut self) {
        // A runtime must not be dropped where waiting is not allowed, such as in a task.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A spawned query that is stopped when its waiter goes away.
struct Task<T> {
    work: JoinHandle<Result<T, SqlError>>,
    flag: StopFlag,
}

impl<T> Future for Task<T> {
    type Output = Result<T, SqlError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.work).poll(context).map(|joined| match joined {
            Ok(result) => result,
            Err(error) if error.is_panic() => {
                Err(SqlError::internal("the query engine failed on this statement"))
            }
            Err(_) => Err(SqlError::cancelled()),
        })
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.flag.set();
        self.work.abort();
    }
}

/// Rows with the columns that the plan's query has.
pub fn result_set(columns: Vec<crate::types::Column>, batches: Vec<RecordBatch>) -> ResultSet {
    ResultSet { columns, batches: batches.into_iter().filter(|it| it.num_rows() > 0).collect() }
}
