//! One node of a plan, executed by DataFusion itself over rows that are handed to it.

use super::{delta::batch_of, session, task};
use crate::{error::SqlError, sql::scope::error_of};
use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    catalog::streaming::StreamingTable,
    common::TableReference,
    datasource::provider_as_source,
    execution::{SendableRecordBatchStream, TaskContext},
    logical_expr::{LogicalPlan, TableScan},
    physical_plan::{
        ExecutionPlan, collect, execution_plan::reset_plan_states,
        stream::RecordBatchStreamAdapter, streaming::PartitionStream,
    },
};
use parking_lot::Mutex;
use std::sync::Arc;

/// A node with one input, planned once and executed as often as there are rows for it.
pub(super) struct Feed {
    slot: Arc<Slot>,
    node: LogicalPlan,
    physical: Option<Arc<dyn ExecutionPlan>>,
}

/// Where the node's input waits.
#[derive(Debug)]
struct Slot {
    schema: SchemaRef,
    rows: Mutex<Vec<RecordBatch>>,
}

impl PartitionStream for Slot {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = std::mem::take(&mut *self.rows.lock());
        let rows = futures::stream::iter(rows.into_iter().map(Ok));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}

impl Feed {
    /// `node` with its only input replaced.
    pub fn new(node: &LogicalPlan) -> Result<Self, SqlError> {
        let inputs = node.inputs();
        let [input] = inputs.as_slice() else {
            return Err(SqlError::internal("only a node of one input can be fed"));
        };
        let schema = Arc::clone(input.schema().inner());
        let slot = Arc::new(Slot { schema: Arc::clone(&schema), rows: Mutex::default() });
        let table = StreamingTable::try_new(schema, vec![Arc::clone(&slot) as _]);
        let leaf = LogicalPlan::TableScan(TableScan {
            table_name: TableReference::bare("fed"),
            source: provider_as_source(Arc::new(table.map_err(error_of)?)),
            projection: None,
            // Names and qualifiers of the input stay, so the node's expressions still fit.
            projected_schema: Arc::clone(input.schema()),
            filters: vec![],
            fetch: None,
            statistics_requests: Default::default(),
        });
        let node = node.with_new_exprs(node.expressions(), vec![leaf]).map_err(error_of)?;
        Ok(Self { slot, node, physical: None })
    }

    /// What the node makes of these rows.
    pub async fn run(&mut self, rows: Vec<RecordBatch>) -> Result<Vec<RecordBatch>, SqlError> {
        let physical = match &self.physical {
            Some(it) => Arc::clone(it),
            None => {
                // Not `create_physical_plan`, which would optimise again.
                let planner = session().query_planner();
                let physical = planner.create_physical_plan(&self.node, session()).await;
                let physical = physical.map_err(error_of)?;
                self.physical = Some(Arc::clone(&physical));
                physical
            }
        };
        // Qualifiers and aliases have given the columns other names on the way.
        let named =
            |it: RecordBatch| batch_of(&self.slot.schema, it.columns().to_vec(), it.num_rows());
        *self.slot.rows.lock() = rows.into_iter().map(named).collect::<Result<_, _>>()?;
        let fresh = reset_plan_states(physical).map_err(error_of)?;
        collect(fresh, task()).await.map_err(error_of)
    }
}
