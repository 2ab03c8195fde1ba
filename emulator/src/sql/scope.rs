//! What names stand for while one statement is planned: tables, views, table functions, functions.
//!
//! Names are resolved once, here, so this is also where the read rule of interactive warehouses
//! lives (catalogue S-01, L-32, L-33) and where a statement's snapshot is taken.

use super::{
    context, flatten, functions, information_schema, lookup, refresh_history,
    rewrite::{self, CAST_PREFIX, Prepared, Surroundings, TRY_CAST_PREFIX},
    set_operations::with_common_types,
    text,
};
use crate::{
    engine::{Bind, Engine, Session},
    error::SqlError,
    regression::{Regression, regressed},
    store::{
        catalog::{Object, QualifiedName, View},
        provider::{ScanCounts, VersionProvider},
        table::{Table, TableId, TableKind, Version},
        transaction::Transaction,
    },
    types::{Column, DataType},
    warehouse::{Kind, Warehouse},
};
use chrono::{DateTime, TimeDelta, Utc};
use datafusion::{
    arrow::datatypes::{DataType as ArrowType, SchemaRef},
    catalog::{TableProvider, cte_worktable::CteWorkTable},
    common::{DFSchema, DataFusionError, Result as DataFusionResult, TableReference},
    config::ConfigOptions,
    datasource::{ViewTable, provider_as_source},
    execution::SessionStateDefaults,
    logical_expr::{
        AggregateUDF, Expr, HigherOrderUDF, LogicalPlan, ScalarUDF, TableSource, WindowUDF,
        planner::{ContextProvider, ExprPlanner, PlannerResult, RawBinaryExpr},
    },
    sql::{
        planner::{NullOrdering, ParserOptions, PlannerContext, SqlToRel},
        sqlparser::ast,
    },
};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// How deep views may stand on views.
const VIEW_DEPTH_MAX: usize = 32;

/// One statement's view of the account.
pub struct Scope<'a> {
    pub session: &'a Session,
    pub transaction: &'a Transaction,
    /// What it runs on; decides what may be read.
    pub warehouse: Option<&'a Arc<Warehouse>>,
    pub now: DateTime<Utc>,
    pub scanned: Arc<ScanCounts>,
    /// Rows in all tables that are read: more than a few deserve a parallel plan.
    rows: AtomicU64,
    database: Option<String>,
    schema: Option<String>,
    /// Versions taken for this statement, so that two readings of a table agree.
    pinned: Mutex<HashMap<TableId, Arc<Version>>>,
    /// Relations under names of their own: table functions, time travel, targets of DML.
    named: Mutex<HashMap<String, Arc<dyn TableSource>>>,
    /// Those of them that stand for a FLATTEN.
    flattens: Mutex<flatten::Flattens>,
    /// Tables read so far.
    read: Mutex<Vec<(QualifiedName, Arc<Table>)>>,
    /// The same with those inside views, and which version of each.
    inputs: Arc<Mutex<Vec<Input>>>,
    /// All tables are read as they were then, unless they say otherwise.
    pub as_of: Option<DateTime<Utc>>,
    /// It reads for a refresh: of tables that are refreshed themselves, what they show and not when
    /// that was committed is as of then.
    is_refresh: bool,
    /// Nothing will be executed, so tables without contents can be named, too.
    pub plans_only: bool,
    /// Inside a view that the statement itself reads as it was (`AT`, `BEFORE`).
    travels: bool,
    depth: usize,
}

/// A table that a statement reads, whether it names it or a view does.
#[derive(Clone, Debug)]
pub struct Input {
    pub name: QualifiedName,
    pub table: Arc<Table>,
    pub version: Arc<Version>,
}

/// A planned query and how its columns are called.
pub struct Planned {
    pub plan: LogicalPlan,
    pub columns: Vec<Column>,
    pub wait_seconds: f64,
    /// Whether any table was read.
    pub rows: u64,
}

impl<'a> Scope<'a> {
    pub fn new(
        session: &'a Session,
        transaction: &'a Transaction,
        warehouse: Option<&'a Arc<Warehouse>>,
        now: DateTime<Utc>,
        scanned: Arc<ScanCounts>,
    ) -> Self {
        let names = session.names();
        Self {
            session,
            transaction,
            warehouse,
            now,
            scanned,
            rows: AtomicU64::new(0),
            database: names.database,
            schema: names.schema,
            pinned: Mutex::default(),
            named: Mutex::default(),
            flattens: Mutex::default(),
            read: Mutex::default(),
            inputs: Arc::default(),
            as_of: None,
            is_refresh: false,
            plans_only: false,
            travels: false,
            depth: 0,
        }
    }

    /// The same statement, seen from inside a view or a definition, whose unqualified names
    /// belong to another schema.
    fn inside(&self, name: &QualifiedName) -> Scope<'a> {
        Scope {
            session: self.session,
            transaction: self.transaction,
            warehouse: self.warehouse,
            now: self.now,
            scanned: Arc::clone(&self.scanned),
            rows: AtomicU64::new(0),
            database: Some(name.database.clone()),
            schema: Some(name.schema.clone()),
            pinned: Mutex::new(self.pinned.lock().clone()),
            named: Mutex::default(),
            flattens: Mutex::default(),
            read: Mutex::default(),
            inputs: Arc::clone(&self.inputs),
            as_of: self.as_of,
            is_refresh: self.is_refresh,
            plans_only: self.plans_only,
            travels: self.travels,
            depth: self.depth + 1,
        }
    }

    /// For planning what a table is defined by, in the table's own schema.
    pub fn for_definition(mut self, name: &QualifiedName) -> Self {
        self.database = Some(name.database.clone());
        self.schema = Some(name.schema.clone());
        self
    }

    /// For computing what a refreshed table shows at an instant. What it reads has been refreshed
    /// to that instant.
    pub fn for_refresh(mut self, at: DateTime<Utc>) -> Self {
        self.engine().catalog.commits().settle(at);
        self.as_of = Some(at);
        self.is_refresh = true;
        self
    }

    pub fn engine(&self) -> &Arc<Engine> {
        &self.session.engine
    }

    /// Plans a query given as text.
    pub fn plan_text(&self, sql: &str) -> Result<Planned, SqlError> {
        self.plan(text::parse_query(sql)?, &BTreeMap::new())
    }

    /// Rewrites and plans a query.
    pub fn plan(
        &self,
        mut query: ast::Query,
        binds: &BTreeMap<String, Bind>,
    ) -> Result<Planned, SqlError> {
        let rewritten = rewrite::rewrite(&mut query, binds, self)?;
        self.prepare(&rewritten.prepared)?;
        let plan = self.to_plan(query)?;
        let columns = columns_of(&plan)?;
        let rows = self.rows.load(Ordering::Relaxed);
        Ok(Planned { plan, columns, wait_seconds: rewritten.wait_seconds, rows })
    }

    fn to_plan(&self, query: ast::Query) -> Result<LogicalPlan, SqlError> {
        let statement = ast::Statement::Query(Box::new(query));
        let plan = self.planner().sql_statement_to_plan(statement).map_err(error_of)?;
        let plan = with_common_types(plan).map_err(error_of)?;
        let flattens = self.flattens.lock().clone();
        flatten::expand(plan, self, &flattens)
    }

    /// An expression of Snowflake's dialect over the columns of a relation.
    pub(super) fn expression(&self, expr: ast::Expr, schema: &DFSchema) -> Result<Expr, SqlError> {
        let expr = flatten::rewritten(expr, self)?;
        self.planner().sql_to_expr(expr, schema, &mut PlannerContext::new()).map_err(error_of)
    }

    fn planner(&self) -> SqlToRel<'_, Self> {
        let options = ParserOptions::new()
            .with_parse_float_as_decimal(true)
            .with_enable_ident_normalization(false)
            .with_support_varchar_with_length(true)
            .with_map_string_types_to_utf8view(false)
            .with_default_null_ordering(NullOrdering::NullsMax);
        SqlToRel::new_with_options(self, options)
    }

    /// Puts a relation under a name that only this statement knows.
    pub fn name_relation(&self, name: &str, provider: Arc<dyn TableProvider>) {
        self.named.lock().insert(name.to_owned(), provider_as_source(provider));
    }

    /// A constant expression's value, as text where it is a number too.
    pub fn constant(&self, expr: ast::Expr) -> Result<datafusion::common::ScalarValue, SqlError> {
        let mut expr = expr;
        rewrite::rewrite(&mut expr, &BTreeMap::new(), self)?;
        let schema = DFSchema::empty();
        let logical = self
            .planner()
            .sql_to_expr(expr.clone(), &schema, &mut PlannerContext::new())
            .map_err(error_of)?;
        self.engine().queries.constant(logical, self.now)?.ok_or_else(|| {
            SqlError::new(
                1015,
                "42601",
                format!("SQL compilation error:\nargument needs to be constant, found '{expr}'"),
            )
        })
    }

    fn prepare(&self, prepared: &[Prepared]) -> Result<(), SqlError> {
        for (index, relation) in prepared.iter().enumerate() {
            let name = rewrite::prepared_name(index);
            if self.named.lock().contains_key(&name) {
                continue;
            }
            match relation {
                Prepared::Function { name: function, arguments } => {
                    let provider = self.table_function(function, arguments)?;
                    self.name_relation(&name, provider);
                }
                Prepared::Flatten { arguments } => {
                    self.name_relation(&name, flatten::empty_relation());
                    self.flattens.lock().insert(name, arguments.clone());
                }
                Prepared::Version { table, before, kind, point } => {
                    let at = self.point_in_time(kind, point, *before)?;
                    let source = self.versioned(table, at)?;
                    self.named.lock().insert(name, source);
                }
            }
        }
        Ok(())
    }

    fn table_function(
        &self,
        name: &str,
        arguments: &[(Option<String>, ast::Expr)],
    ) -> Result<Arc<dyn TableProvider>, SqlError> {
        let mut values = Vec::with_capacity(arguments.len());
        for (name, expr) in arguments {
            values.push((name.clone(), self.constant(expr.clone())?));
        }
        information_schema::table_function(self, name, &values)
    }

    /// The instant that `AT` or `BEFORE` names.
    fn point_in_time(
        &self,
        kind: &str,
        point: &ast::Expr,
        before: bool,
    ) -> Result<DateTime<Utc>, SqlError> {
        let value = self.constant(point.clone())?;
        let at = match kind {
            "OFFSET" => {
                let seconds = value
                    .cast_to(&ArrowType::Float64)
                    .ok()
                    .and_then(|it| match it {
                        datafusion::common::ScalarValue::Float64(it) => it,
                        _ => None,
                    })
                    .ok_or_else(|| SqlError::not_implemented(format!("OFFSET => {point}")))?;
                self.now + chrono::Duration::microseconds((seconds * 1e6) as i64)
            }
            "TIMESTAMP" => context::instant(&value)
                .ok_or_else(|| SqlError::not_implemented(format!("TIMESTAMP => {point}")))?,
            "STATEMENT" => {
                let id = value.to_string();
                self.engine()
                    .history
                    .get(id.parse().unwrap_or_default())
                    .map(|it| if before { it.started_at } else { it.ended_at.unwrap_or(self.now) })
                    .ok_or_else(|| {
                        SqlError::new(
                            709,
                            "02000",
                            format!("SQL compilation error:\nStatement {id} not found"),
                        )
                    })?
            }
            other => return Err(SqlError::not_implemented(format!("time travel by {other}"))),
        };
        Ok(if before { at - chrono::Duration::nanoseconds(1) } else { at })
    }

    fn versioned(
        &self,
        name: &ast::ObjectName,
        at: DateTime<Utc>,
    ) -> Result<Arc<dyn TableSource>, SqlError> {
        let parts = name_parts(name)?;
        let qualified = self.qualify(&parts)?;
        let Some(object) = self.engine().catalog.get(&qualified) else {
            return Err(self.missing(&parts));
        };
        match object {
            Object::View(view) => {
                let mut inner = self.inside(&qualified);
                inner.as_of = Some(at);
                inner.travels = true;
                inner.view(&view)
            }
            Object::Table(table) => {
                self.check_readable(&qualified, &table)?;
                self.check_initialized(&table)?;
                let version = version_at(&table, at)?;
                self.reads(&qualified, &table, &version);
                Ok(self.source(version, &table, None))
            }
        }
    }

    /// Rows that a table function makes count like rows that are read.
    pub fn count_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// The tables that were read, those inside views left out.
    pub fn read_tables(&self) -> Vec<(QualifiedName, Arc<Table>)> {
        self.read.lock().clone()
    }

    /// The tables that were read, those inside views too, each once.
    pub fn inputs(&self) -> Vec<Input> {
        let mut inputs: Vec<Input> = Vec::new();
        for input in self.inputs.lock().iter() {
            if !inputs.iter().any(|it| it.table.id == input.table.id) {
                inputs.push(input.clone());
            }
        }
        inputs
    }

    /// The full name of a table or view: missing parts are the session's.
    pub fn qualify(&self, parts: &[String]) -> Result<QualifiedName, SqlError> {
        qualify(parts, self.database.as_deref(), self.schema.as_deref())
    }

    fn missing(&self, parts: &[String]) -> SqlError {
        // A missing database or schema is told before the object in it.
        if let [database, schema, _] = parts {
            if self.engine().catalog.database(database).is_none() {
                return SqlError::does_not_exist("Database", database);
            }
            if self.engine().catalog.schema(database, schema).is_none() {
                return SqlError::does_not_exist("Schema", &format!("{database}.{schema}"));
            }
        }
        SqlError::does_not_exist("Object", &parts.join("."))
    }

    /// A table by name, for statements that change or describe it.
    pub fn table(&self, parts: &[String]) -> Result<(QualifiedName, Arc<Table>), SqlError> {
        let name = self.qualify(parts)?;
        match self.engine().catalog.get(&name) {
            Some(Object::Table(table)) => Ok((name, table)),
            Some(Object::View(_)) => Err(SqlError::new(
                2003,
                "42S02",
                format!("SQL compilation error:\nObject '{}' is a view, not a table.", name),
            )),
            None => Err(self.missing(parts)),
        }
    }

    fn reads(&self, name: &QualifiedName, table: &Arc<Table>, version: &Arc<Version>) {
        self.inputs.lock().push(Input {
            name: name.clone(),
            table: Arc::clone(table),
            version: Arc::clone(version),
        });
    }

    /// The version that this statement reads.
    pub fn version(&self, table: &Arc<Table>) -> Result<Arc<Version>, SqlError> {
        if let Some(at) = self.as_of {
            // Of tables that are refreshed themselves, the contents of that data timestamp, which
            // were committed later.
            let shown = match self.is_refresh {
                true => self.engine().refresher.version_of(table, at),
                false => None,
            };
            let shown = match regressed(Regression::UpstreamAsCommitted) {
                true => table.at(at).or(shown),
                false => shown,
            };
            return match shown {
                Some(version) => Ok(version),
                None if self.is_refresh && self.reads_late(table) => {
                    let first =
                        || table.numbered(0).ok_or_else(|| SqlError::internal("no version"));
                    version_at(table, at - TimeDelta::seconds(48)).or_else(|_| first())
                }
                None => version_at(table, at),
            };
        }
        let mut pinned = self.pinned.lock();
        let version = pinned.entry(table.id).or_insert_with(|| self.transaction.read(table));
        Ok(Arc::clone(version))
    }

    /// Whether a regression has a refresh read this base table as it was a period before.
    fn reads_late(&self, table: &Table) -> bool {
        let is_another = || self.inputs.lock().iter().any(|it| it.table.id != table.id);
        regressed(Regression::ContentsOlderThanTold)
            || (regressed(Regression::TornSnapshot) && is_another())
    }

    fn source(
        &self,
        version: Arc<Version>,
        of: &Table,
        table: Option<TableId>,
    ) -> Arc<dyn TableSource> {
        self.rows.fetch_add(version.row_count, Ordering::Relaxed);
        let mut provider = VersionProvider::new(version, Arc::clone(&self.scanned));
        provider.table = table;
        let is_interactive = of.definition().kind == TableKind::Interactive;
        if is_interactive && regressed(Regression::CountOneTooMany) {
            provider.rows_off = 1;
        }
        provider.finds_nothing = is_interactive
            && regressed(Regression::EmptyAnswersOnWrongWarehouse)
            && self.warehouse.is_some_and(|it| !it.is_attached(of.id));
        provider_as_source(Arc::new(provider))
    }

    /// The kind of warehouse that the statement runs on.
    pub fn warehouse_kind(&self) -> Option<Kind> {
        self.warehouse.map(|it| it.kind)
    }

    /// The read rule of interactive warehouses, by release.
    fn check_readable(&self, name: &QualifiedName, table: &Arc<Table>) -> Result<(), SqlError> {
        self.read.lock().push((name.clone(), Arc::clone(table)));
        let Some(warehouse) = self.warehouse else { return Ok(()) };
        let is_interactive = table.definition().kind == TableKind::Interactive;
        let reads_it = match self.engine().settings.release.reads_any_table() {
            true if is_interactive => !regressed(Regression::UnattachedRefused),
            true => !regressed(Regression::StandardTableRefused),
            false => !is_interactive && regressed(Regression::StandardTableReadable),
        };
        if warehouse.kind == Kind::Standard || reads_it {
            return Ok(());
        }
        if !is_interactive {
            return Err(SqlError::non_interactive_table(&name.to_string()));
        }
        let is_let_through = regressed(Regression::UnattachedReadable)
            || regressed(Regression::EmptyAnswersOnWrongWarehouse);
        match warehouse.is_attached(table.id) || is_let_through {
            true => Ok(()),
            false => Err(SqlError::not_bound(&name.name)),
        }
    }

    /// A table that waits for its first refresh cannot be read.
    fn check_initialized(&self, table: &Table) -> Result<(), SqlError> {
        let waits =
            table.definition().refreshing.as_ref().is_some_and(|it| it.data_timestamp.is_none());
        match waits && !self.plans_only && !regressed(Regression::UninitializedReadable) {
            true => Err(SqlError::not_initialized()),
            false => Ok(()),
        }
    }

    fn resolve(&self, reference: &TableReference) -> Result<Arc<dyn TableSource>, SqlError> {
        let parts: Vec<String> = match reference {
            TableReference::Bare { table } => {
                if let Some(source) = self.named.lock().get(table.as_ref()) {
                    return Ok(Arc::clone(source));
                }
                vec![table.to_string()]
            }
            TableReference::Partial { schema, table } => {
                vec![schema.to_string(), table.to_string()]
            }
            TableReference::Full { catalog, schema, table } => {
                vec![catalog.to_string(), schema.to_string(), table.to_string()]
            }
        };
        if let [.., schema, name] = parts.as_slice()
            && schema == information_schema::NAME
        {
            let database = match parts.len() {
                3 => Some(parts[0].clone()),
                _ => self.database.clone(),
            };
            let provider = information_schema::view(self, database.as_deref(), name)?;
            return Ok(provider_as_source(provider));
        }
        if let [database, schema, name] = parts.as_slice()
            && let Some(provider) = refresh_history::account_usage(self, database, schema, name)?
        {
            return Ok(provider_as_source(provider));
        }
        let name = self.qualify(&parts)?;
        match self.engine().catalog.get(&name) {
            Some(Object::Table(table)) => {
                self.check_readable(&name, &table)?;
                self.check_initialized(&table)?;
                let version = self.version(&table)?;
                self.reads(&name, &table, &version);
                Ok(self.source(version, &table, (!self.travels).then_some(table.id)))
            }
            Some(Object::View(view)) => self.inside(&name).view(&view).inspect(|_| {
                // What a view reads decides on parallel plans too, but is not worth counting
                // exactly.
                self.rows.fetch_add(100_000, Ordering::Relaxed);
            }),
            None => Err(self.missing(&parts)),
        }
    }

    fn view(&self, view: &View) -> Result<Arc<dyn TableSource>, SqlError> {
        if self.depth > VIEW_DEPTH_MAX {
            return Err(SqlError::new(
                2037,
                "42601",
                format!("SQL compilation error:\nView '{}' is nested too deeply.", view.name),
            ));
        }
        let planned = self.plan_text(&view.query)?;
        let names: Vec<String> = match &view.columns {
            Some(names) => names.clone(),
            None => planned.columns.iter().map(|it| it.name.clone()).collect(),
        };
        let plan = rename_columns(planned.plan, &names)?;
        Ok(provider_as_source(Arc::new(ViewTable::new(plan, Some(view.query.clone())))))
    }
}

/// The full name that parts stand for. `000904`-like errors where the session has no database or
/// schema to add.
pub fn qualify(
    parts: &[String],
    database: Option<&str>,
    schema: Option<&str>,
) -> Result<QualifiedName, SqlError> {
    let no_database = || {
        SqlError::new(
            90105,
            "22000",
            "Cannot perform operation. This session does not have a current database. Call 'USE DATABASE', or use a qualified name.",
        )
    };
    let no_schema = || {
        SqlError::new(
            90106,
            "22000",
            "Cannot perform operation. This session does not have a current schema. Call 'USE SCHEMA', or use a qualified name.",
        )
    };
    let (database, schema, name) = match parts {
        [name] => (database.ok_or_else(no_database)?, schema.ok_or_else(no_schema)?, name.as_str()),
        [schema, name] => (database.ok_or_else(no_database)?, schema.as_str(), name.as_str()),
        [database, schema, name] => (database.as_str(), schema.as_str(), name.as_str()),
        _ => {
            return Err(SqlError::new(
                1003,
                "42000",
                format!("SQL compilation error:\ninvalid name '{}'", parts.join(".")),
            ));
        }
    };
    // `DB..T` is a table of `PUBLIC`.
    let schema = if schema.is_empty() { "PUBLIC" } else { schema };
    Ok(QualifiedName {
        database: database.to_owned(),
        schema: schema.to_owned(),
        name: name.to_owned(),
    })
}

fn version_at(table: &Table, at: DateTime<Utc>) -> Result<Arc<Version>, SqlError> {
    table.at(at).ok_or_else(|| {
        SqlError::new(
            707,
            "02000",
            format!(
                "Time travel data is not available for table {}. The requested time is either beyond the allowed time travel period or before the object creation time.",
                table.id.0
            ),
        )
    })
}

/// Parts of a dotted name, folded already.
pub fn name_parts(name: &ast::ObjectName) -> Result<Vec<String>, SqlError> {
    name.0
        .iter()
        .map(|it| {
            it.as_ident()
                .map(|it| it.value.clone())
                .ok_or_else(|| SqlError::not_implemented(format!("the name `{name}`")))
        })
        .collect()
}

/// Snowflake's columns of a plan, with the marks that made names unique cut off.
pub fn columns_of(plan: &LogicalPlan) -> Result<Vec<Column>, SqlError> {
    plan.schema()
        .fields()
        .iter()
        .map(|field| {
            let name = field.name().split(rewrite::UNIQUE_MARK).next().unwrap_or_default();
            Ok(Column {
                name: name.to_owned(),
                data_type: DataType::of(field)?,
                nullable: field.is_nullable(),
            })
        })
        .collect()
}

/// A plan with its columns called otherwise.
pub fn rename_columns(plan: LogicalPlan, names: &[String]) -> Result<LogicalPlan, SqlError> {
    use datafusion::{common::Column as PlanColumn, logical_expr::LogicalPlanBuilder};
    if names.len() != plan.schema().fields().len() {
        return Err(SqlError::new(
            1105,
            "42601",
            format!(
                "SQL compilation error:\nInvalid column list: {} names for {} columns",
                names.len(),
                plan.schema().fields().len()
            ),
        ));
    }
    let columns: Vec<Expr> = plan
        .schema()
        .iter()
        .zip(names)
        .map(|((qualifier, field), name)| {
            Expr::Column(PlanColumn::new(qualifier.cloned(), field.name())).alias(name)
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(columns).and_then(|it| it.build()).map_err(error_of)
}

impl Surroundings for Scope<'_> {
    fn context_function(
        &self,
        name: &str,
        arguments: &[ast::Expr],
    ) -> Option<Result<ast::Expr, SqlError>> {
        context::function(self, name, arguments)
    }

    fn variable(&self, name: &str) -> Option<ast::Expr> {
        self.session.variable(name)
    }

    fn columns_of(
        &self,
        with: Vec<ast::With>,
        from: &[ast::TableWithJoins],
        prepared: &[Prepared],
    ) -> Result<Vec<ast::Expr>, SqlError> {
        self.prepare(prepared)?;
        let mut query = text::parse_query("SELECT * FROM X")?;
        if let ast::SetExpr::Select(select) = query.body.as_mut() {
            select.from = from.to_vec();
        }
        query.with = with.into_iter().reduce(|mut outer, inner| {
            outer.cte_tables.extend(inner.cte_tables);
            outer
        });
        // CTEs that are still to be visited hold what rewriting has not seen yet.
        rewrite::rewrite(&mut query.with, &BTreeMap::new(), self)?;
        let plan = self.to_plan(query)?;
        Ok(plan
            .schema()
            .iter()
            .map(|(qualifier, field)| {
                let parts = qualifier.map(|it| it.table().to_owned()).into_iter();
                let parts = parts.chain([field.name().clone()]);
                let mut idents: Vec<_> = parts.map(|it| ast::Ident::with_quote('"', it)).collect();
                match idents.len() {
                    1 => ast::Expr::Identifier(idents.remove(0)),
                    _ => ast::Expr::CompoundIdentifier(idents),
                }
            })
            .collect())
    }
}

static OPTIONS: LazyLock<ConfigOptions> = LazyLock::new(super::planner::config_options);

static EXPR_PLANNERS: LazyLock<Vec<Arc<dyn ExprPlanner>>> = LazyLock::new(|| {
    let mut planners: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(Operators)];
    planners.extend(SessionStateDefaults::default_expr_planners());
    planners
});

/// Operators whose Snowflake meaning is a function of ours.
#[derive(Debug)]
struct Operators;

impl ExprPlanner for Operators {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        _schema: &DFSchema,
    ) -> DataFusionResult<PlannerResult<RawBinaryExpr>> {
        let name = match expr.op {
            ast::BinaryOperator::Divide => "SF_DIV",
            ast::BinaryOperator::Modulo => "SF_MOD",
            ast::BinaryOperator::StringConcat => "SF_CONCAT",
            _ => return Ok(PlannerResult::Original(expr)),
        };
        Ok(match lookup::scalar(name) {
            Some(function) => PlannerResult::Planned(function.call(vec![expr.left, expr.right])),
            None => PlannerResult::Original(expr),
        })
    }
}

impl ContextProvider for Scope<'_> {
    fn get_table_source(&self, name: TableReference) -> DataFusionResult<Arc<dyn TableSource>> {
        self.resolve(&name).map_err(|error| DataFusionError::External(Box::new(error)))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &EXPR_PLANNERS
    }

    fn create_cte_work_table(
        &self,
        name: &str,
        schema: SchemaRef,
    ) -> DataFusionResult<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(name, schema))))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        let cast = |target: &str, tries: bool| {
            DataType::parse(target).ok().map(|it| Arc::new(functions::cast(&it, tries)))
        };
        if let Some(target) = name.strip_prefix(CAST_PREFIX) {
            return cast(target, false);
        }
        if let Some(target) = name.strip_prefix(TRY_CAST_PREFIX) {
            return cast(target, true);
        }
        lookup::scalar(&name.to_uppercase())
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        lookup::aggregate(&name.to_uppercase())
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        lookup::window(&name.to_uppercase())
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<ArrowType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &OPTIONS
    }

    fn udf_names(&self) -> Vec<String> {
        vec![]
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        vec![]
    }

    fn udaf_names(&self) -> Vec<String> {
        vec![]
    }

    fn udwf_names(&self) -> Vec<String> {
        vec![]
    }
}

/// Snowflake's words for what the planner or the execution found wrong.
pub fn error_of(error: DataFusionError) -> SqlError {
    use datafusion::common::SchemaError;
    match error {
        DataFusionError::External(inner) => match inner.downcast::<SqlError>() {
            Ok(error) => *error,
            Err(other) => match other.downcast::<DataFusionError>() {
                Ok(inner) => error_of(*inner),
                Err(other) => SqlError::internal(other),
            },
        },
        DataFusionError::ArrowError(inner, _) => arrow_error(*inner),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            error_of(*inner)
        }
        DataFusionError::Shared(inner) => match Arc::try_unwrap(inner) {
            Ok(inner) => error_of(inner),
            Err(shared) => shared_error(&shared),
        },
        DataFusionError::Collection(errors) => match errors.into_iter().next() {
            Some(first) => error_of(first),
            None => SqlError::internal("no error"),
        },
        DataFusionError::SchemaError(inner, _) => match *inner {
            SchemaError::FieldNotFound { field, .. } => {
                let name = match &field.relation {
                    Some(relation) => format!("{}.{}", relation.table(), field.name),
                    None => field.name.clone(),
                };
                SqlError::invalid_identifier(&name)
            }
            SchemaError::AmbiguousReference { field } => SqlError::new(
                // From general knowledge of the service.
                2028,
                "42601",
                format!("SQL compilation error:\nambiguous column name '{}'", field.name),
            ),
            other => SqlError::new(2040, "42601", format!("SQL compilation error:\n{other}")),
        },
        DataFusionError::NotImplemented(what) => SqlError::not_implemented(what),
        DataFusionError::Plan(what) => plan_error(&what),
        DataFusionError::Execution(what) => SqlError::new(100000, "22000", what),
        other => SqlError::internal(other),
    }
}

fn shared_error(error: &DataFusionError) -> SqlError {
    match error {
        DataFusionError::External(inner) => match inner.downcast_ref::<SqlError>() {
            Some(error) => error.clone(),
            None => SqlError::internal(inner),
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            shared_error(inner)
        }
        DataFusionError::Shared(inner) => shared_error(inner),
        other => SqlError::internal(other),
    }
}

fn plan_error(what: &str) -> SqlError {
    let what = what.split("\n\nDid you mean").next().unwrap_or(what);
    if what.contains("must appear in the GROUP BY") || what.contains("not in GROUP BY") {
        return SqlError::new(
            979,
            "42601",
            format!("SQL compilation error:\n[{what}] is not a valid group by expression"),
        );
    }
    SqlError::new(2040, "42601", format!("SQL compilation error:\n{what}"))
}

fn arrow_error(error: datafusion::arrow::error::ArrowError) -> SqlError {
    use datafusion::arrow::error::ArrowError;
    match error {
        ArrowError::DivideByZero => SqlError::new(100051, "22012", "Division by zero"),
        ArrowError::ExternalError(inner) => match inner.downcast::<SqlError>() {
            Ok(error) => *error,
            Err(other) => match other.downcast::<DataFusionError>() {
                Ok(inner) => error_of(*inner),
                Err(other) => SqlError::internal(other),
            },
        },
        ArrowError::ArithmeticOverflow(what) => {
            SqlError::new(100132, "22003", format!("Numeric value is out of range: {what}"))
        }
        ArrowError::CastError(what) | ArrowError::ParseError(what) => {
            SqlError::new(100038, "22018", what)
        }
        other => SqlError::internal(other),
    }
}
