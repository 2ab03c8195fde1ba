//! What DataFusion 55 believes of outer joins and unions, and is not so.
//!
//! Rows of an outer join that match nothing have NULLs, and these are forgotten in two places:
//!
//! - What is constant in a side is taken for constant in the result (`EquivalenceGroup::join`), and
//!   sorts are left out: `… LEFT JOIN (SELECT ID, TRUE AS IS_THERE FROM B) … ORDER BY IS_THERE` came
//!   back unsorted, and windows were computed over rows in any order.
//! - A condition on the result's key of one side is moved to the other side, where the key is
//!   another one for such rows (`FilterPushdown` through `HashJoinExec`): `A RIGHT JOIN B ON A.K =
//!   B.K WHERE COALESCE(A.K, A.K) IS NOT NULL` gave rows in which A.K is NULL.
//!
//! So, before anything else is made of a plan, a side that may be NULL and has constants gets a node
//! above it of which nothing is known, and the join one that lets no condition through. What can be
//! moved has been by then, in the logical plan.
//!
//! Of a union it believes that rows are in an order which they need not be in where a branch has
//! constants or one column twice, and then refuses its own plan (DataFusion's issues 16171 and
//! 17372): `SELECT X, X AS Y FROM T UNION ALL SELECT X, X FROM T ORDER BY Y`. A union, too, gets a
//! node above it of which nothing is known.
//!
//! The node above a join must know just what the join does: DataFusion moves sorts through it, and
//! would leave out below what is asked for above.

use arrow::datatypes::SchemaRef;
use datafusion::{
    common::{
        JoinType, Result, Statistics,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    config::ConfigOptions,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, PhysicalExpr},
    physical_optimizer::{PhysicalOptimizerRule, optimizer::PhysicalOptimizer},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
        execution_plan::{CardinalityEffect, replace_children_if_necessary},
        joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec},
        statistics::{ChildStats, StatisticsArgs},
        union::UnionExec,
    },
};
use std::{fmt, sync::Arc};

/// The rules that physical plans are optimised by: DataFusion's own, after this one.
pub fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    rules.insert(0, Arc::new(Barriers));
    rules
}

#[derive(Debug)]
struct Barriers;

impl PhysicalOptimizerRule for Barriers {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let transformed = plan.transform_up(|node| {
            if node.is::<UnionExec>() {
                return Ok(Transformed::yes(Barrier::over(node, Known::Nothing)));
            }
            // Whether the columns of the left side, and of the right, may be NULL beside a match.
            let nulled = match join_type(node.as_ref()) {
                Some(JoinType::Left) => [false, true],
                Some(JoinType::Right) => [true, false],
                Some(JoinType::Full) => [true, true],
                _ => return Ok(Transformed::no(node)),
            };
            let sides = node.children().into_iter().zip(nulled).map(|(side, is_nulled)| {
                let has_constants = !side.equivalence_properties().constants().is_empty();
                match is_nulled && has_constants {
                    true => Barrier::over(Arc::clone(side), Known::Nothing),
                    false => Arc::clone(side),
                }
            });
            let sides = sides.collect();
            let join = replace_children_if_necessary(Arc::clone(&node), sides)?;
            Ok(Transformed::yes(Barrier::over(join, Known::Everything)))
        })?;
        Ok(transformed.data)
    }

    fn name(&self) -> &str {
        "barriers"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn join_type(node: &dyn ExecutionPlan) -> Option<JoinType> {
    if let Some(join) = node.downcast_ref::<HashJoinExec>() {
        return Some(*join.join_type());
    }
    if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>() {
        return Some(*join.join_type());
    }
    node.downcast_ref::<SortMergeJoinExec>().map(SortMergeJoinExec::join_type)
}

/// Its input as it is. No condition goes through it.
#[derive(Debug)]
struct Barrier {
    input: Arc<dyn ExecutionPlan>,
    known: Known,
    properties: Arc<PlanProperties>,
}

/// What a barrier tells of its input's orders, constants and equal columns.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    Everything,
    Nothing,
}

impl Barrier {
    fn over(input: Arc<dyn ExecutionPlan>, known: Known) -> Arc<dyn ExecutionPlan> {
        let properties = match known {
            Known::Everything => Arc::clone(input.properties()),
            Known::Nothing => {
                let nothing = EquivalenceProperties::new(input.schema());
                Arc::new(input.properties().as_ref().clone().with_eq_properties(nothing))
            }
        };
        Arc::new(Self { input, known, properties })
    }
}

impl DisplayAs for Barrier {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Barrier")
    }
}

impl ExecutionPlan for Barrier {
    fn name(&self) -> &str {
        "Barrier"
    }

    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![self.known == Known::Everything]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
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
        Ok(Self::over(input, self.known))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        input_stats: &[Arc<Statistics>],
        _args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let unknown = || Arc::new(Statistics::new_unknown(&self.schema()));
        Ok(input_stats.first().map_or_else(unknown, Arc::clone))
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::planner::{Queries, config_options};
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    use datafusion::prelude::{SessionConfig, SessionContext};

    /// The rows of a query, in their order, planned with one partition and with several.
    #[track_caller]
    fn check(sql: &str, expected: &[&str]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let queries = Queries::new().expect("a query engine");
            let context = SessionContext::new_with_config(SessionConfig::from(config_options()));
            let plan = context.state().create_logical_plan(sql).await.expect("a query");
            for rows in [0, 1 << 40] {
                let batches = queries.run(plan.clone(), rows).await.expect("rows");
                let mut found = Vec::new();
                for batch in &batches {
                    let options = FormatOptions::new().with_null("NULL");
                    let columns = batch.columns().iter();
                    let columns: Vec<_> = columns
                        .map(|it| ArrayFormatter::try_new(it.as_ref(), &options).expect("text"))
                        .collect();
                    found.extend((0..batch.num_rows()).map(|row| {
                        let cells = columns.iter().map(|it| it.value(row).to_string());
                        cells.collect::<Vec<_>>().join(" ")
                    }));
                }
                assert_eq!(found, expected, "{sql}");
            }
        });
    }

    #[test]
    fn a_condition_on_a_key_that_may_be_missing_stays_where_it_is() {
        for (join, sides) in [("RIGHT", [KEYS, "b"]), ("LEFT", ["b", KEYS])] {
            let b = "(VALUES (3), (4)) AS b (k)";
            let [left, right] = sides.map(|it| if it == "b" { b } else { it });
            check(
                &format!(
                    "SELECT a.k, b.k FROM {left} {join} JOIN {right} ON a.k = b.k WHERE CASE WHEN \
                     a.k IS NOT NULL THEN a.k ELSE a.k END IS NOT NULL"
                ),
                &["3 3"],
            );
        }
    }

    const KEYS: &str = "(VALUES (1), (2), (3)) AS a (k)";

    #[test]
    fn a_literal_of_an_outer_side_is_sorted_by() {
        for (join, sides) in [("LEFT", [KEYS, "b"]), ("RIGHT", ["b", KEYS])] {
            let b = "(SELECT c AS k, 'x' AS one FROM (VALUES (2), (5)) AS v (c)) AS b";
            let [left, right] = sides.map(|it| if it == "b" { b } else { it });
            check(
                &format!(
                    "SELECT a.k, b.one FROM {left} {join} JOIN {right} ON a.k = b.k ORDER BY \
                     b.one NULLS FIRST, a.k DESC"
                ),
                &["3 NULL", "1 NULL", "2 x"],
            );
        }
    }

    #[test]
    fn unions_of_constants_and_of_one_column_twice_are_sorted() {
        check(
            &format!(
                "SELECT k, k AS l FROM {KEYS} UNION ALL SELECT k, k AS l FROM {KEYS} ORDER BY l"
            ),
            &["1 1", "1 1", "2 2", "2 2", "3 3", "3 3"],
        );
        check(
            &format!(
                "SELECT 'foo' AS a, 'foo' AS b, k FROM {KEYS} UNION ALL SELECT 'foo', 'bar', k FROM \
                 {KEYS} ORDER BY a, b, k"
            ),
            &["foo bar 1", "foo bar 2", "foo bar 3", "foo foo 1", "foo foo 2", "foo foo 3"],
        );
    }

    #[test]
    fn the_only_row_of_an_aggregate_is_numbered_among_those_without_it() {
        check(
            &format!(
                "SELECT n, row_number() OVER (ORDER BY n NULLS LAST) FROM (SELECT count(*) - 2 AS \
                 n FROM {KEYS}) AS b FULL JOIN (SELECT k FROM {KEYS} WHERE k > 2) AS c ON b.n = \
                 c.k ORDER BY 2"
            ),
            &["1 1", "NULL 2"],
        );
    }

    #[test]
    fn groups_by_what_a_condition_says_are_whole() {
        check(
            &format!(
                "SELECT b.k, count(*) FROM {KEYS} LEFT JOIN (SELECT k FROM {KEYS} WHERE k = 2) AS \
                 b ON a.k = b.k GROUP BY b.k ORDER BY 2"
            ),
            &["2 1", "NULL 2"],
        );
    }
}
