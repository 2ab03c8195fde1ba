//! Reading pieces of micro-partitions, as a leaf of the engine's plans.

use super::{
    partition::MicroPartition,
    provider::{PieceRead, ScanCounts},
    table::TableId,
};
use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, UInt64Array},
    datatypes::SchemaRef,
};
use datafusion::{
    common::{
        ColumnStatistics, DataFusionError, Result, Statistics, stats::Precision,
        tree_node::TreeNodeRecursion,
    },
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, PhysicalExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
        ReplaceChildrenOptions,
        coop::cooperative,
        execution_plan::{Boundedness, EmissionType, SchedulingType},
        statistics::StatisticsArgs,
        stream::RecordBatchStreamAdapter,
    },
};
use std::{
    fmt,
    ops::Range,
    sync::{Arc, atomic::Ordering},
};

/// Rows of one partition that are read in one go.
#[derive(Clone, Debug)]
pub struct Piece {
    pub partition: Arc<MicroPartition>,
    pub rows: Range<usize>,
    /// The first of its partition in the scan: where the partition is counted.
    pub is_first: bool,
}

impl Piece {
    fn is_whole(&self) -> bool {
        self.rows == (0..self.partition.row_count())
    }

    fn bytes(&self) -> usize {
        let all = self.partition.row_count().max(1);
        self.partition.bytes * self.rows.len() / all
    }
}

/// What a scan gives for one output column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    Column(usize),
    /// The id of the partition that a row is in.
    PartitionId,
    /// The row's number in its partition, from 0.
    RowNumber,
}

/// The table of which a scan reads pieces.
#[derive(Clone, Copy, Debug)]
pub struct Whole {
    /// As of [`VersionProvider`](super::provider::VersionProvider).
    pub table: Option<TableId>,
    pub partitions: usize,
    pub rows: u64,
}

#[derive(Debug)]
pub struct PartitionScan {
    /// One list an output partition.
    streams: Vec<Arc<[Piece]>>,
    outputs: Arc<[Output]>,
    whole: Whole,
    counts: Arc<ScanCounts>,
    properties: Arc<PlanProperties>,
    /// As of [`VersionProvider`](super::provider::VersionProvider).
    rows_off: usize,
}

impl PartitionScan {
    /// `schema` is that of the outputs. There is at least one stream, if an empty one.
    pub fn new(
        mut streams: Vec<Arc<[Piece]>>,
        outputs: Vec<Output>,
        schema: SchemaRef,
        whole: Whole,
        counts: Arc<ScanCounts>,
        rows_off: usize,
    ) -> Self {
        if streams.is_empty() {
            streams.push(Arc::new([]));
        }
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(streams.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Self {
            streams,
            outputs: outputs.into(),
            whole,
            counts,
            properties: Arc::new(properties),
            rows_off,
        }
    }

    /// How many values are NULL. The least and greatest value, which are known, are held back:
    /// with them the engine estimates filters by interval arithmetic, which fails on harmless
    /// ones such as `CAST(ts AS DATE) < d` ("selectivity is out of limit").
    fn column_statistics(output: Output, pieces: &[&Piece]) -> ColumnStatistics {
        let Output::Column(column) = output else { return ColumnStatistics::new_unknown() };
        let counts: Option<Vec<usize>> = pieces
            .iter()
            .map(|it| it.partition.columns.get(column).map(|it| it.null_count))
            .collect();
        let null_count = match counts {
            Some(counts) if pieces.iter().all(|it| it.is_whole()) => {
                Precision::Exact(counts.iter().sum())
            }
            _ => Precision::Absent,
        };
        ColumnStatistics { null_count, ..ColumnStatistics::new_unknown() }
    }
}

impl DisplayAs for PartitionScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces = || self.streams.iter().flat_map(|it| it.iter());
        let partitions = pieces().filter(|it| it.is_first).count();
        let rows: usize = pieces().map(|it| it.rows.len()).sum();
        write!(f, "PartitionScan: partitions={partitions}/{}, rows={rows}", self.whole.partitions)
    }
}

impl ExecutionPlan for PartitionScan {
    fn name(&self) -> &'static str {
        "PartitionScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let pieces = self.streams.get(partition).cloned().ok_or_else(|| {
            DataFusionError::Internal(format!("a scan has no output partition {partition}"))
        })?;
        if partition == 0 {
            self.counts.partitions_total.fetch_add(self.whole.partitions, Ordering::Relaxed);
            self.counts.rows_total.fetch_add(self.whole.rows, Ordering::Relaxed);
        }
        let schema = self.schema();
        let (outputs, counts) = (Arc::clone(&self.outputs), Arc::clone(&self.counts));
        let reading = Arc::clone(&schema);
        let table = self.whole.table;
        let batches = (0..pieces.len()).filter_map(move |index| {
            let piece = pieces.get(index)?;
            if piece.is_first {
                counts.partitions_scanned.fetch_add(1, Ordering::Relaxed);
            }
            counts.bytes_scanned.fetch_add(piece.bytes(), Ordering::Relaxed);
            counts.rows_scanned.fetch_add(piece.rows.len() as u64, Ordering::Relaxed);
            if let Some(pieces) = &counts.pieces {
                let (partition, bytes) = (piece.partition.id, piece.bytes());
                pieces.lock().push(PieceRead { table, partition, bytes });
            }
            Some(read(piece, &outputs, &reading))
        });
        let stream = futures::stream::iter(batches);
        Ok(Box::pin(cooperative(RecordBatchStreamAdapter::new(schema, stream))))
    }

    fn statistics_from_inputs(
        &self,
        _: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let streams = match args.partition() {
            Some(index) => self.streams.get(index).map_or(&[][..], std::slice::from_ref),
            None => &self.streams,
        };
        let pieces: Vec<&Piece> = streams.iter().flat_map(|it| it.iter()).collect();
        let rows: usize = pieces.iter().map(|it| it.rows.len()).sum();
        let is_whole = !pieces.is_empty() && pieces.iter().all(|it| it.is_whole());
        let rows_off = if is_whole { self.rows_off } else { 0 };
        Ok(Arc::new(Statistics {
            num_rows: Precision::Exact(rows + rows_off),
            total_byte_size: Precision::Inexact(pieces.iter().map(|it| it.bytes()).sum()),
            column_statistics: self
                .outputs
                .iter()
                .map(|it| Self::column_statistics(*it, &pieces))
                .collect(),
        }))
    }
}

fn read(piece: &Piece, outputs: &[Output], schema: &SchemaRef) -> Result<RecordBatch> {
    let Piece { partition, rows, .. } = piece;
    let all = partition.rows();
    let columns = outputs
        .iter()
        .map(|output| -> Result<ArrayRef> {
            Ok(match output {
                Output::Column(column) => all
                    .columns()
                    .get(*column)
                    .map(|it| it.slice(rows.start, rows.len()))
                    .ok_or_else(|| {
                        DataFusionError::Internal(format!(
                            "a micro-partition has no column {column}"
                        ))
                    })?,
                Output::PartitionId => Arc::new(UInt64Array::from_value(partition.id, rows.len())),
                Output::RowNumber => {
                    Arc::new(UInt32Array::from_iter_values(rows.clone().map(|it| it as u32)))
                }
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
