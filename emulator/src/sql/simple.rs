//! Queries of one table's columns and a filter that the table's partitions know how to answer: what
//! lookups are. They are executed as they stand.
//!
//! The optimiser has nothing to add to them, and takes longer than all the rest. Nothing here has a
//! meaning of its own: types are coerced, constants computed and filters evaluated by the engine, and
//! what is read is the table's provider's choice. Whatever is not simple, or reads more than a
//! partition holds, goes the engine's way; so does what fails here, which then tells why.

use crate::store::{predicate::Predicate, provider::VersionProvider};
use arrow::{
    array::{AsArray as _, RecordBatch, RecordBatchOptions},
    compute::filter_record_batch,
    datatypes::SchemaRef,
};
use datafusion::{
    catalog::TableProvider,
    common::{DFSchema, DataFusionError, Result},
    datasource::source_as_provider,
    execution::{SessionState, TaskContext},
    logical_expr::{
        Expr, LogicalPlan, TableProviderFilterPushDown,
        simplify::SimplifyContext,
        utils::{conjunction, split_conjunction_owned},
    },
    optimizer::simplify_expressions::ExprSimplifier,
    physical_expr::PhysicalExpr,
    physical_plan::{ExecutionPlan, collect},
};
use std::{any::Any, sync::Arc};

/// Above this a filter is worth a thread of its own.
const ROWS_MAX: usize = 16_384;

/// A query that is simple, ready to be executed.
pub struct Simple {
    scan: Arc<dyn ExecutionPlan>,
    /// What rows that are read must still pass.
    filter: Option<Arc<dyn PhysicalExpr>>,
    /// Of the table, in the order of the answer.
    columns: Vec<usize>,
    schema: SchemaRef,
}

impl Simple {
    /// `None` of a plan that is not simple.
    pub async fn of(state: &SessionState, plan: &LogicalPlan) -> Option<Self> {
        let schema = Arc::clone(plan.schema().inner());
        let (columns, plan) = columns(plan)?;
        let LogicalPlan::Filter(filter) = plan else { return None };
        let mut source = filter.input.as_ref();
        while let LogicalPlan::SubqueryAlias(alias) = source {
            source = &alias.input;
        }
        let LogicalPlan::TableScan(scan) = source else { return None };
        if scan.projection.is_some() || !scan.filters.is_empty() || scan.fetch.is_some() {
            return None;
        }
        let provider = source_as_provider(&scan.source).ok()?;
        let any: &dyn Any = provider.as_ref();
        let provider = any.downcast_ref::<VersionProvider>()?;

        let names = filter.input.schema();
        let filters = filters(state, filter.predicate.clone(), names).ok()?;
        let is_known = |it: &Expr| Predicate::of(it, &provider.schema) != Predicate::Unknown;
        if !filters.iter().all(is_known) || provider.rows_read(&filters) > ROWS_MAX {
            return None;
        }
        let scan = provider.scan(state, None, &filters, None).await.ok()?;
        let known = provider.supports_filters_pushdown(&filters.iter().collect::<Vec<_>>()).ok()?;
        let left = filters.into_iter().zip(known);
        let left = left.filter(|(_, known)| *known != TableProviderFilterPushDown::Exact);
        let filter = match conjunction(left.map(|(it, _)| it)) {
            Some(filter) => Some(state.create_physical_expr(filter, names).ok()?),
            None => None,
        };
        Some(Self { scan, filter, columns, schema })
    }

    pub async fn rows(self, context: Arc<TaskContext>) -> Result<Vec<RecordBatch>> {
        let Self { scan, filter, columns, schema } = self;
        let answer = |batch: RecordBatch| {
            let batch = match &filter {
                Some(filter) => {
                    let passes = filter.evaluate(&batch)?.into_array(batch.num_rows())?;
                    let passes = passes.as_boolean_opt().ok_or_else(|| {
                        DataFusionError::Internal("a filter is neither true nor false".to_owned())
                    })?;
                    filter_record_batch(&batch, passes)?
                }
                None => batch,
            };
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let columns = columns.iter().map(|it| Arc::clone(batch.column(*it))).collect();
            Ok(RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?)
        };
        collect(scan, context).await?.into_iter().map(answer).collect()
    }
}

/// Which columns of what lies below projections they give. `None` if they compute anything.
fn columns(plan: &LogicalPlan) -> Option<(Vec<usize>, &LogicalPlan)> {
    let LogicalPlan::Projection(projection) = plan else {
        return Some(((0..plan.schema().fields().len()).collect(), plan));
    };
    let (below, plan) = columns(&projection.input)?;
    let names = projection.input.schema();
    let column = |it: &Expr| {
        let mut it = it;
        while let Expr::Alias(alias) = it {
            it = &alias.expr;
        }
        let Expr::Column(column) = it else { return None };
        below.get(names.maybe_index_of_column(column)?).copied()
    };
    Some((projection.expr.iter().map(column).collect::<Option<_>>()?, plan))
}

/// What a row has to pass, as the optimiser would hand it to the table.
fn filters(state: &SessionState, predicate: Expr, names: &Arc<DFSchema>) -> Result<Vec<Expr>> {
    let context = SimplifyContext::builder()
        .with_schema(Arc::clone(names))
        .with_config_options(Arc::clone(state.config_options()))
        .build();
    let simplifier = ExprSimplifier::new(context);
    let predicate = simplifier.simplify(simplifier.coerce(predicate, names)?)?;
    Ok(split_conjunction_owned(predicate))
}

#[cfg(test)]
mod tests {
    use super::Simple;
    use crate::{
        engine::{Engine, LoginOptions, Request, Session, Settings},
        sql::{planner::Queries, scope::Scope},
        store::transaction::Transaction,
    };
    use arrow::array::RecordBatch;
    use chrono::Utc;
    use datafusion::logical_expr::LogicalPlan;
    use std::{collections::BTreeMap, sync::Arc};
    use uuid::Uuid;

    async fn session() -> Arc<Session> {
        let session = Engine::new(Settings::default()).open_session(LoginOptions::default());
        for sql in [
            "CREATE TABLE T (K INT, A NUMBER(10,2), S VARCHAR, D DATE, B BOOLEAN, AT TIMESTAMP_NTZ) \
             CLUSTER BY (K)",
            "INSERT INTO T SELECT N, N / 4, IFF(MOD(N, 7) = 0, NULL, 'n' || N), \
             DATEADD(day, MOD(N, 9), '2026-01-01'::DATE), MOD(N, 2) = 0, \
             DATEADD(second, N, '2026-01-01'::TIMESTAMP_NTZ) \
             FROM (SELECT ROW_NUMBER() OVER (ORDER BY SEQ4()) - 1 AS N \
             FROM TABLE(GENERATOR(ROWCOUNT => 40000)))",
            "CREATE VIEW V AS SELECT S, K FROM T WHERE K > 100",
        ] {
            let request = Request {
                sql: sql.to_owned(),
                binds: BTreeMap::new(),
                parameters: BTreeMap::new(),
                describe_only: false,
                query_id: Uuid::new_v4(),
                submitted_at: Utc::now(),
            };
            let result = session.execute(request).await.result;
            assert!(result.is_ok(), "{sql}\n{:?}", result.err());
        }
        session
    }

    fn plan(session: &Arc<Session>, sql: &str) -> LogicalPlan {
        let transaction = Transaction::default();
        let scope = Scope::new(session, &transaction, None, Utc::now(), Arc::default());
        scope.plan_text(sql).unwrap_or_else(|error| panic!("{sql}\n{error}")).plan
    }

    /// Without the batches' borders, of which neither way promises anything.
    fn all(batches: &[RecordBatch], plan: &LogicalPlan) -> RecordBatch {
        arrow::compute::concat_batches(plan.schema().inner(), batches).expect("one schema")
    }

    /// Both ways give the same rows.
    async fn check(session: &Arc<Session>, queries: &Queries, sql: &str, rows: usize) {
        let plan = plan(session, sql);
        let simple = Simple::of(&queries.single.state, &plan).await;
        let simple = simple.unwrap_or_else(|| panic!("not simple: {sql}\n{plan}"));
        let found = simple.rows(Arc::clone(&queries.single.context)).await.expect("rows");
        let found = all(&found, &plan);
        assert_eq!(found.num_rows(), rows, "{sql}");
        let optimised = queries.run_optimised(plan.clone(), 0).await.expect("rows");
        let optimised: Vec<_> = optimised
            .iter()
            .map(|it| found.schema().fields().len().eq(&it.num_columns()).then_some(it.columns()))
            .map(|it| RecordBatch::try_new(found.schema(), it.expect("as wide").to_vec()))
            .collect::<Result<_, _>>()
            .expect("the same types");
        assert_eq!(found, all(&optimised, &plan), "{sql}");
    }

    #[tokio::test]
    async fn simple_queries_have_the_rows_that_the_optimiser_would_find() {
        let session = session().await;
        let queries = &session.engine.queries;
        for (sql, rows) in [
            ("SELECT * FROM T WHERE K = 4711", 1),
            ("SELECT * FROM T WHERE 4711 = K", 1),
            ("SELECT S, K AS KEY, K AS AGAIN FROM T WHERE K = 4711", 1),
            ("SELECT X.S FROM T AS X WHERE X.K = 4711", 1),
            ("SELECT S FROM T WHERE K = 7", 1),
            ("SELECT * FROM T WHERE K = -1", 0),
            ("SELECT * FROM T WHERE K = 4711.5", 0),
            ("SELECT * FROM T WHERE K = 4711.0", 1),
            ("SELECT * FROM T WHERE K = '4711'", 1),
            ("SELECT * FROM T WHERE K IN (1, 2, 39999, NULL)", 3),
            ("SELECT * FROM T WHERE K BETWEEN 10 AND 19", 10),
            ("SELECT * FROM T WHERE K >= 10 AND K < 20 AND B", 5),
            ("SELECT * FROM T WHERE K < 100 AND S IS NULL", 15),
            ("SELECT K FROM T WHERE K < 100 AND S = 'n5'", 1),
            ("SELECT K FROM T WHERE K < 1000 AND S LIKE 'n99%'", 10),
            ("SELECT K FROM T WHERE K < 100 AND A = 2.5", 1),
            ("SELECT K FROM T WHERE K < 100 AND D = '2026-01-03'", 11),
            ("SELECT K FROM T WHERE K < 100 AND AT < '2026-01-01 00:00:05'", 5),
            ("SELECT K FROM T WHERE K = 1 OR K = 30000", 2),
            ("SELECT K FROM T WHERE K = 2 + 3", 1),
        ] {
            check(&session, queries, sql, rows).await;
        }
    }

    #[tokio::test]
    async fn what_computes_or_reads_much_is_not_simple() {
        let session = session().await;
        for sql in [
            "SELECT 1",
            "SELECT * FROM T",
            "SELECT * FROM T WHERE B",
            "SELECT * FROM T WHERE K <> 4711",
            "SELECT K + 1 FROM T WHERE K = 4711",
            "SELECT COUNT(*) FROM T WHERE K = 4711",
            "SELECT * FROM T WHERE K = 4711 LIMIT 1",
            "SELECT * FROM T WHERE K < 10 ORDER BY K",
            "SELECT DISTINCT S FROM T WHERE K < 10",
            "SELECT * FROM T WHERE UPPER(S) = 'N5'",
            "SELECT * FROM T WHERE K = (SELECT MAX(K) FROM T)",
            "SELECT * FROM T JOIN T AS U ON T.K = U.K WHERE T.K = 1",
            "SELECT * FROM V WHERE K = 4711",
        ] {
            let plan = plan(&session, sql);
            let simple = Simple::of(&session.engine.queries.single.state, &plan).await;
            assert!(simple.is_none(), "{sql}\n{plan}");
        }
    }
}
