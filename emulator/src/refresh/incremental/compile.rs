//! From a plan to operators.
//!
//! A definition is always optimised by the same few rules, in this order, so that the same text
//! gives the same operators: types are made to agree, constants computed, comma joins and
//! conditions turned into joins by keys, repeated keys and constant conditions dropped,
//! conditions moved down, unused columns dropped. Rules that
//! turn subqueries into joins are left out, since subqueries are refused; so are those that make
//! DISTINCT an aggregate, share common expressions or put limits into sorts.

use super::{
    Dataflow, Operator, Source, State, Step,
    distinct::Distinct,
    expressions::{Condition, Expressions},
    feed::Feed,
    group::Group,
    join::{Join, Side},
    refuse::{self, NotIncremental},
    regroup::Regroup,
    session,
    window::Window,
};
use crate::{
    error::SqlError,
    store::{provider::VersionProvider, table::TableId},
};
use arrow::datatypes::SchemaRef;
use datafusion::{
    common::{DFSchema, DFSchemaRef, JoinType, NullEquality, tree_node::TreeNodeRecursion},
    datasource::source_as_provider,
    logical_expr::{
        self as plan, Distinct as DistinctNode, LogicalPlan, TableScan, utils::split_conjunction,
    },
    optimizer::{
        OptimizerRule, eliminate_cross_join::EliminateCrossJoin,
        eliminate_duplicated_expr::EliminateDuplicatedExpr, eliminate_filter::EliminateFilter,
        eliminate_outer_join::EliminateOuterJoin,
        extract_equijoin_predicate::ExtractEquijoinPredicate,
        optimize_projections::OptimizeProjections, push_down_filter::PushDownFilter,
        simplify_expressions::SimplifyExpressions,
    },
};
use std::{any::Any, collections::BTreeSet, sync::Arc};

type Rule = Arc<dyn OptimizerRule + Send + Sync>;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        Arc::new(SimplifyExpressions::new()),
        Arc::new(ExtractEquijoinPredicate::new()),
        Arc::new(EliminateDuplicatedExpr::new()),
        // Before conditions are moved: a constant one, having no columns, would be moved below an
        // aggregate without GROUP BY, which gives a row all the same.
        Arc::new(EliminateFilter::new()),
        Arc::new(EliminateCrossJoin::new()),
        Arc::new(EliminateOuterJoin::new()),
        Arc::new(PushDownFilter::new()),
        Arc::new(OptimizeProjections::new()),
    ]
}

pub(super) fn compile(plan: &LogicalPlan) -> Result<Dataflow, NotIncremental> {
    refuse::check(plan)?;
    let optimised = session().optimize(plan).map_err(NotIncremental::because)?;
    check_sequence(&optimised)?;
    let mut compiler = Compiler::default();
    compiler.node(&optimised)?;
    Ok(Dataflow {
        steps: compiler.steps,
        schema: Arc::clone(optimised.schema().inner()),
        sources: compiler.sources,
        state: State::New,
    })
}

/// FLATTEN numbers the rows of one reading (`SEQ`). A row that is read again to be removed would
/// get another number.
fn check_sequence(optimised: &LogicalPlan) -> Result<(), NotIncremental> {
    let is_sequence = |name: &str| name == "SEQ" || name.ends_with(".SEQ");
    let (mut unnests, mut used) = (false, false);
    let walked = optimised.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::Unnest(_) => unnests = true,
            node => node
                .apply_expressions(|expr| {
                    used |= expr.column_refs().iter().any(|it| is_sequence(it.name()));
                    Ok(TreeNodeRecursion::Continue)
                })
                .map(|_| ())?,
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.map_err(NotIncremental::because)?;
    used |= optimised.schema().fields().iter().any(|it| is_sequence(it.name()));
    match unnests && used {
        true => Err(NotIncremental::because("Unsupported column: SEQ of FLATTEN")),
        false => Ok(()),
    }
}

#[derive(Default)]
struct Compiler {
    steps: Vec<Step>,
    sources: BTreeSet<TableId>,
}

impl From<SqlError> for NotIncremental {
    fn from(error: SqlError) -> Self {
        Self::because(error.message)
    }
}

fn schema_of(schema: &DFSchemaRef) -> SchemaRef {
    Arc::clone(schema.inner())
}

impl Compiler {
    /// The number of the step that gives the node's rows.
    fn node(&mut self, node: &LogicalPlan) -> Result<usize, NotIncremental> {
        let (operator, inputs) = match node {
            LogicalPlan::SubqueryAlias(it) => return self.node(&it.input),
            LogicalPlan::Sort(it) => return self.node(&it.input),
            LogicalPlan::Repartition(it) => return self.node(&it.input),
            LogicalPlan::TableScan(scan) => return self.scan(scan),
            LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => {
                let schema = schema_of(node.schema());
                (Operator::Constant { plan: node.clone(), schema }, vec![])
            }
            LogicalPlan::Projection(it) => {
                let exprs = Expressions::new(&it.expr, it.input.schema())?;
                let schema = schema_of(&it.schema);
                (Operator::Project { exprs, schema }, vec![self.node(&it.input)?])
            }
            LogicalPlan::Filter(it) => {
                let condition = Condition::new(&it.predicate, it.input.schema())?;
                (Operator::Filter(condition), vec![self.node(&it.input)?])
            }
            LogicalPlan::Union(it) => {
                let inputs = it.inputs.iter().map(|it| self.node(it)).collect::<Result<_, _>>()?;
                (Operator::Union(schema_of(&it.schema)), inputs)
            }
            LogicalPlan::Distinct(DistinctNode::All(input)) => (
                Operator::Distinct(Distinct::new(input.schema().inner())?),
                vec![self.node(input)?],
            ),
            LogicalPlan::Unnest(it) => {
                let operator =
                    Operator::EachRow { feed: Feed::new(node)?, schema: schema_of(&it.schema) };
                (operator, vec![self.node(&it.input)?])
            }
            LogicalPlan::Aggregate(it) => {
                let operator = match Group::new(it)? {
                    Some(group) => Operator::Group(group),
                    None => Operator::Regroup(Box::new(Regroup::new(it)?)),
                };
                (operator, vec![self.node(&it.input)?])
            }
            LogicalPlan::Window(it) => {
                let window = Box::new(Window::new(it)?);
                (Operator::Window(window), vec![self.node(&it.input)?])
            }
            LogicalPlan::Join(it) => {
                let join = Operator::Join(Box::new(join(it)?));
                (join, vec![self.node(&it.left)?, self.node(&it.right)?])
            }
            other => return Err(NotIncremental::operator(&other.display().to_string())),
        };
        self.steps.push(Step { operator, inputs });
        Ok(self.steps.len() - 1)
    }

    fn scan(&mut self, scan: &TableScan) -> Result<usize, NotIncremental> {
        if let Some(view) = scan.source.get_logical_plan() {
            return Err(NotIncremental::operator(&format!("View[{}]", view.display())));
        }
        let provider = source_as_provider(&scan.source).map_err(NotIncremental::because)?;
        let any: &dyn Any = provider.as_ref();
        let table = any.downcast_ref::<VersionProvider>().and_then(|it| it.table);
        let Some(table) = table else {
            return Err(NotIncremental::operator(&format!("TableScan[{}]", scan.table_name)));
        };
        let whole =
            DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema());
        let whole = whole.map_err(NotIncremental::because)?;
        let conditions =
            scan.filters.iter().map(|it| Condition::new(it, &whole)).collect::<Result<_, _>>()?;
        self.sources.insert(table);
        let source = Source {
            table,
            conditions,
            projection: scan.projection.clone(),
            schema: schema_of(&scan.projected_schema),
        };
        self.steps.push(Step { operator: Operator::Source(source), inputs: vec![] });
        Ok(self.steps.len() - 1)
    }
}

fn join(join: &plan::Join) -> Result<Join, NotIncremental> {
    let (left_outer, right_outer) = match join.join_type {
        JoinType::Inner => (false, false),
        JoinType::Left => (true, false),
        JoinType::Right => (false, true),
        JoinType::Full => (true, true),
        other => return Err(NotIncremental::operator(&format!("Join[{other}]"))),
    };
    let is_outer = left_outer || right_outer;
    let (left_schema, right_schema) = (join.left.schema(), join.right.schema());
    let (mut left, mut right, mut both) = (vec![], vec![], vec![]);
    for condition in join.filter.iter().flat_map(split_conjunction) {
        match refuse::sides(condition, join) {
            (true, true) if is_outer => return Err(refuse::outer_join()),
            (true, true) => both.push(Condition::new(condition, &join.schema)?),
            (_, false) => left.push(Condition::new(condition, left_schema)?),
            (false, true) => right.push(Condition::new(condition, right_schema)?),
        }
    }
    let left_key = Expressions::new(join.on.iter().map(|it| &it.0), left_schema)?;
    let right_key = Expressions::new(join.on.iter().map(|it| &it.1), right_schema)?;
    if left_key.types(left_schema.inner())? != right_key.types(right_schema.inner())? {
        return Err(NotIncremental::operator("Join[keys of different types]"));
    }
    let side = |schema: &DFSchemaRef, key, conditions, is_outer| Side {
        schema: schema_of(schema),
        key,
        conditions,
        is_outer,
    };
    Ok(Join::new(
        join.schema.inner(),
        side(left_schema, left_key, left, left_outer),
        side(right_schema, right_key, right, right_outer),
        join.null_equality == NullEquality::NullEqualsNull,
        both,
    )?)
}
