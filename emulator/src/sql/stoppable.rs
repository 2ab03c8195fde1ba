//! Plans that stop when nobody waits for them any more.
//!
//! Dropping a query's future stops it at the next point where it gives way to others. Most
//! operators have such points; a nested-loop join over a cross product can compute for minutes
//! without one. So joins are made to look at a flag: with each batch that they give, and with each
//! evaluation of their filter.

use crate::error::SqlError;
use arrow::{
    array::RecordBatch,
    datatypes::{DataType, SchemaRef},
};
use datafusion::{
    common::{
        DataFusionError, Result,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    config::ConfigOptions,
    execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext},
    logical_expr::{
        ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
    physical_expr::{PhysicalExpr, ScalarFunctionExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
        joins::{
            CrossJoinExec, HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder,
            utils::JoinFilter,
        },
    },
};
use futures::{Stream, StreamExt};
use std::{
    fmt,
    hash::{Hash, Hasher},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// How long a join may compute before it gives way to what else its thread has to do.
const TURN_MAX: Duration = Duration::from_millis(10);

/// Set when a query is not wanted any more.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn check(&self) -> Result<()> {
        match self.0.load(Ordering::Relaxed) {
            false => Ok(()),
            true => Err(DataFusionError::External(Box::new(SqlError::cancelled()))),
        }
    }
}

/// The same plan, with joins that look at the flag.
pub fn stoppable(plan: Arc<dyn ExecutionPlan>, flag: &StopFlag) -> Result<Arc<dyn ExecutionPlan>> {
    let transformed = plan.transform_up(|node| {
        let any: &dyn ExecutionPlan = node.as_ref();
        let join: Arc<dyn ExecutionPlan> =
            if let Some(join) = any.downcast_ref::<NestedLoopJoinExec>() {
                match join.filter() {
                    Some(filter) => Arc::new(
                        NestedLoopJoinExecBuilder::new(
                            Arc::clone(join.left()),
                            Arc::clone(join.right()),
                            *join.join_type(),
                        )
                        .with_filter(Some(checked_filter(filter, flag)?))
                        .with_projection_ref(join.projection().clone())
                        .build()?,
                    ),
                    None => Arc::clone(&node),
                }
            } else if any.is::<HashJoinExec>() || any.is::<CrossJoinExec>() {
                Arc::clone(&node)
            } else {
                return Ok(Transformed::no(node));
            };
        Ok(Transformed::yes(Arc::new(Stoppable { input: join, flag: flag.clone() })))
    })?;
    Ok(transformed.data)
}

fn checked_filter(filter: &JoinFilter, flag: &StopFlag) -> Result<JoinFilter> {
    let schema = filter.schema();
    let field = filter.expression().return_field(schema)?;
    let function = ScalarUDF::from(Checked {
        signature: Signature::any(1, Volatility::Volatile),
        flag: flag.clone(),
    });
    let checked: Arc<dyn PhysicalExpr> = Arc::new(ScalarFunctionExpr::new(
        "while_wanted",
        Arc::new(function),
        vec![Arc::clone(filter.expression())],
        field,
        Arc::new(ConfigOptions::default()),
    ));
    Ok(JoinFilter::new(checked, filter.column_indices().to_vec(), Arc::clone(schema)))
}

/// Gives its argument, unless the query is not wanted any more.
#[derive(Debug)]
struct Checked {
    signature: Signature,
    flag: StopFlag,
}

impl PartialEq for Checked {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.flag.0, &other.flag.0)
    }
}

impl Eq for Checked {}

impl Hash for Checked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.flag.0).hash(state);
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        "while_wanted"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments.first().cloned().unwrap_or(DataType::Boolean))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.flag.check()?;
        arguments.args.into_iter().next().ok_or_else(|| {
            DataFusionError::External(Box::new(SqlError::internal("a filter without a value")))
        })
    }
}

/// Looks at the flag with each batch, and gives way to others now and then.
#[derive(Debug)]
struct Stoppable {
    input: Arc<dyn ExecutionPlan>,
    flag: StopFlag,
}

impl DisplayAs for Stoppable {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stoppable")
    }
}

impl ExecutionPlan for Stoppable {
    fn name(&self) -> &str {
        "Stoppable"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(Self { input, flag: self.flag.clone() }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        Ok(Box::pin(StoppableStream {
            input: self.input.execute(partition, context)?,
            flag: self.flag.clone(),
            since: Instant::now(),
        }))
    }
}

struct StoppableStream {
    input: SendableRecordBatchStream,
    flag: StopFlag,
    /// When this last gave way.
    since: Instant,
}

impl Stream for StoppableStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Err(error) = self.flag.check() {
            return Poll::Ready(Some(Err(error)));
        }
        if self.since.elapsed() > TURN_MAX {
            self.since = Instant::now();
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.input.poll_next_unpin(context)
    }
}

impl RecordBatchStream for StoppableStream {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}
