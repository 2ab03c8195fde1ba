//! Statements that change rows: INSERT, INSERT OVERWRITE, UPDATE, DELETE, MERGE, TRUNCATE.
//!
//! Each becomes a query that computes which rows go and which come, with the rows' identity
//! where existing ones are touched; its result is one [`Change`] of the table.

use super::{
    functions,
    rewrite::{self, alias_named, call, null_literal, number_literal, table_named},
    scope::{Scope, error_of, name_parts},
    text,
};
use crate::{
    clock,
    engine::{Bind, DmlStats, StatementType, Success},
    error::SqlError,
    regression::{Regression, regressed},
    rows::{Builder, Cell},
    store::{
        catalog::QualifiedName,
        provider::{PARTITION_COLUMN, ROW_COLUMN, VersionProvider},
        rewrite::{RowSet, rewrite as rewrite_rows},
        table::{Table, TableKind},
        transaction::Change,
    },
    types::{ColumnDefinition, DataType},
    warehouse::Kind,
};
use datafusion::{
    arrow::{
        array::{AsArray, BooleanArray, RecordBatch},
        compute,
        datatypes::{DataType as ArrowType, Int64Type, UInt32Type, UInt64Type},
    },
    logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder},
    sql::sqlparser::ast,
};
use std::{collections::BTreeMap, sync::Arc};

/// Name under which a statement's target is planned.
const TARGET: &str = "__TARGET";
/// Which clause of a MERGE applies, from 1; 0 is none.
const CLAUSE: &str = "__CLAUSE";

/// What a change came to.
pub struct Changed {
    pub statement_type: StatementType,
    pub stats: DmlStats,
    /// As the statement's result shows them.
    pub counts: Vec<(&'static str, u64)>,
}

impl Changed {
    pub fn into_success(self) -> Success {
        let number = DataType::Number { precision: 19, scale: 0 };
        let columns: Vec<_> = self.counts.iter().map(|(name, _)| (*name, number.clone())).collect();
        let mut rows = Builder::new(&columns);
        rows.push(self.counts.iter().map(|(_, count)| Cell::Number(i128::from(*count))).collect());
        Success {
            statement_type: self.statement_type,
            result: rows.finish(),
            dml: Some(self.stats),
        }
    }
}

/// Everything that changing a table needs.
pub struct Dml<'a> {
    pub scope: &'a Scope<'a>,
    pub binds: &'a BTreeMap<String, Bind>,
}

/// Which rows go and which come.
pub struct Effect {
    pub change: Change,
    pub changed: Changed,
}

/// Clauses of other dialects, which would be left out without a word.
fn lacking(statement: &ast::Statement) -> Option<&'static str> {
    let clauses = match statement {
        ast::Statement::Insert(it) => vec![
            (it.multi_table_insert_type.is_some(), "multi-table INSERT"),
            (it.on.is_some(), "INSERT … ON CONFLICT"),
            (it.returning.is_some() || it.output.is_some(), "INSERT … RETURNING"),
            (it.or.is_some() || it.ignore || it.replace_into, "INSERT OR …"),
            (it.partitioned.is_some(), "INSERT … PARTITION"),
            (!it.assignments.is_empty(), "INSERT … SET"),
        ],
        ast::Statement::Update(it) => vec![
            (it.returning.is_some() || it.output.is_some(), "UPDATE … RETURNING"),
            (it.or.is_some(), "UPDATE OR …"),
            (!it.order_by.is_empty(), "UPDATE … ORDER BY"),
            (it.limit.is_some(), "UPDATE … LIMIT"),
            (!it.table.joins.is_empty(), "UPDATE of a join"),
        ],
        ast::Statement::Delete(it) => {
            let (ast::FromTable::WithFromKeyword(from) | ast::FromTable::WithoutKeyword(from)) =
                &it.from;
            vec![
                (it.returning.is_some() || it.output.is_some(), "DELETE … RETURNING"),
                (!it.order_by.is_empty(), "DELETE … ORDER BY"),
                (it.limit.is_some(), "DELETE … LIMIT"),
                (!it.tables.is_empty(), "DELETE of several tables"),
                (from.iter().any(|it| !it.joins.is_empty()), "DELETE FROM a join"),
            ]
        }
        ast::Statement::Merge(it) => vec![(it.output.is_some(), "MERGE … RETURNING")],
        _ => vec![],
    };
    clauses.into_iter().find_map(|(is_there, what)| is_there.then_some(what))
}

/// The table that a statement changes.
pub fn target(statement: &ast::Statement) -> Result<Vec<String>, SqlError> {
    if let Some(what) = lacking(statement) {
        return Err(SqlError::not_implemented(what));
    }
    let of_factor = |factor: &ast::TableFactor| match factor {
        ast::TableFactor::Table { name, .. } => name_parts(name),
        other => Err(SqlError::not_implemented(format!("changing `{other}`"))),
    };
    match statement {
        ast::Statement::Insert(insert) => match &insert.table {
            ast::TableObject::TableName(name) => name_parts(name),
            other => Err(SqlError::not_implemented(format!("INSERT INTO {other}"))),
        },
        ast::Statement::Update(update) => of_factor(&update.table.relation),
        ast::Statement::Delete(delete) => {
            let (ast::FromTable::WithFromKeyword(from) | ast::FromTable::WithoutKeyword(from)) =
                &delete.from;
            match from.as_slice() {
                [one] => of_factor(&one.relation),
                _ => Err(SqlError::not_implemented("DELETE FROM several tables")),
            }
        }
        ast::Statement::Merge(merge) => of_factor(&merge.table),
        ast::Statement::Truncate(truncate) => match truncate.table_names.as_slice() {
            [one] => name_parts(&one.name),
            _ => Err(SqlError::not_implemented("TRUNCATE of several tables")),
        },
        other => Err(SqlError::not_implemented(format!("changing rows by `{other}`"))),
    }
}

/// Whether it is TRUNCATE … IF EXISTS.
pub fn may_be_missing(statement: &ast::Statement) -> bool {
    matches!(statement, ast::Statement::Truncate(truncate) if truncate.if_exists)
}

/// Whether it is INSERT OVERWRITE: the one kind of DML that interactive tables take.
pub fn is_overwrite(statement: &ast::Statement) -> bool {
    matches!(statement, ast::Statement::Insert(insert) if insert.overwrite)
}

/// Whether a kind of statement has slipped through, on either kind of warehouse.
pub fn is_let_through(query_type: &str) -> bool {
    match query_type {
        "UPDATE" => regressed(Regression::UpdateLetThrough),
        "DELETE" => regressed(Regression::DeleteLetThrough),
        "INSERT" => regressed(Regression::InsertLetThrough),
        _ => false,
    }
}

/// What INSERT OVERWRITE comes to where there are no rows.
pub fn nothing_inserted() -> Effect {
    Effect {
        change: Change::Overwrite(vec![]),
        changed: Changed {
            statement_type: StatementType::Insert,
            stats: DmlStats::default(),
            counts: vec![("number of rows inserted", 0)],
        },
    }
}

/// Refuses DML that the kind of table does not take (catalogue L-08, L-09).
pub fn check_kind(
    statement: &ast::Statement,
    query_type: &str,
    name: &QualifiedName,
    table: &Table,
) -> Result<(), SqlError> {
    match table.definition().kind {
        TableKind::Interactive
            if is_let_through(query_type)
                || (query_type == "MERGE" && regressed(Regression::MergeLetThrough))
                || (query_type == "TRUNCATE_TABLE"
                    && regressed(Regression::TruncateLetThrough)) =>
        {
            Ok(())
        }
        TableKind::Interactive if !is_overwrite(statement) => {
            Err(SqlError::interactive_dml(query_type, &name.to_string()))
        }
        TableKind::Dynamic => Err(SqlError::new(
            // The code and text for DML on dynamic tables are not public.
            10421,
            "42601",
            format!("SQL compilation error:\nDML is not supported on dynamic table '{name}'."),
        )),
        _ => Ok(()),
    }
}

impl Dml<'_> {
    /// Computes the effect of a statement on its table. The table is locked by now.
    pub async fn effect(
        &self,
        statement: ast::Statement,
        name: &QualifiedName,
        table: &Arc<Table>,
    ) -> Result<Effect, SqlError> {
        match statement {
            ast::Statement::Insert(insert) => self.insert(insert, table).await,
            ast::Statement::Update(update) => self.update(update, name, table).await,
            ast::Statement::Delete(delete) => self.delete(delete, name, table).await,
            ast::Statement::Merge(merge) => self.merge(merge, name, table).await,
            ast::Statement::Truncate(_) => {
                let deleted = self.scope.version(table)?.row_count;
                Ok(Effect {
                    change: Change::Overwrite(vec![]),
                    changed: Changed {
                        statement_type: StatementType::Ddl,
                        stats: DmlStats { deleted, ..DmlStats::default() },
                        counts: vec![("number of rows deleted", deleted)],
                    },
                })
            }
            other => Err(SqlError::not_implemented(format!("changing rows by `{other}`"))),
        }
    }

    async fn insert(&self, insert: ast::Insert, table: &Arc<Table>) -> Result<Effect, SqlError> {
        let Some(mut source) = insert.source else {
            return Err(SqlError::not_implemented("INSERT without a query or VALUES"));
        };
        let definition = table.definition();
        let mut given = Vec::new();
        for column in &insert.columns {
            let column = rewrite::last_name(column);
            let position = definition.columns.iter().position(|it| it.name == *column);
            given.push(position.ok_or_else(|| SqlError::invalid_identifier(column))?);
        }
        if given.is_empty() {
            given = (0..definition.columns.len()).collect();
        }
        let mut binds = self.binds.clone();
        expand_array_binds(&mut source, &mut binds);
        let planned = self.scope.plan(*source, &binds)?;
        if planned.columns.len() != given.len() {
            return Err(SqlError::new(
                2020,
                "21S01",
                format!(
                    "SQL compilation error:\nInsert value list does not match column list expecting {} but got {}",
                    given.len(),
                    planned.columns.len()
                ),
            ));
        }
        let plan = self.for_columns(planned.plan, &definition.columns, &given)?;
        let batches = self.run(plan, planned.rows, planned.wait_seconds).await?;
        let inserted: u64 = batches.iter().map(|it| it.num_rows() as u64).sum();
        let is_on_interactive = || self.scope.warehouse_kind() == Some(Kind::Interactive);
        let change = match insert.overwrite {
            true if regressed(Regression::OverwriteAppends) => Change::Append(batches),
            true if inserted == 0 && regressed(Regression::OverwriteOfNothing) => {
                Change::Append(batches)
            }
            true if regressed(Regression::OverwriteTorn) && is_on_interactive() => {
                let half = batches.iter().map(|it| it.slice(0, it.num_rows() / 2));
                Change::Overwrite(half.collect())
            }
            true => Change::Overwrite(batches),
            false => Change::Append(batches),
        };
        Ok(Effect {
            change,
            changed: Changed {
                statement_type: StatementType::Insert,
                stats: DmlStats { inserted, ..DmlStats::default() },
                counts: vec![("number of rows inserted", inserted)],
            },
        })
    }

    /// A plan for all columns of a table, of which some are given by another plan, in its order,
    /// and the others have their defaults.
    pub fn for_columns(
        &self,
        plan: LogicalPlan,
        columns: &[ColumnDefinition],
        given: &[usize],
    ) -> Result<LogicalPlan, SqlError> {
        let sources: Vec<Expr> = plan
            .schema()
            .iter()
            .map(|(qualifier, field)| {
                Expr::Column(datafusion::common::Column::new(qualifier.cloned(), field.name()))
            })
            .collect();
        let mut projection = Vec::with_capacity(columns.len());
        for (index, column) in columns.iter().enumerate() {
            let value = match given.iter().position(|it| *it == index) {
                Some(source) => sources[source].clone(),
                None => self.default(column)?,
            };
            let value = functions::cast(&column.data_type, false).call(vec![value]);
            projection.push(value.alias(&column.name));
        }
        LogicalPlanBuilder::from(plan)
            .project(projection)
            .and_then(|it| it.build())
            .map_err(error_of)
    }

    fn default(&self, column: &ColumnDefinition) -> Result<Expr, SqlError> {
        let value = match &column.default {
            Some(text) => self.scope.constant(text::parse_expression(text)?)?,
            None => datafusion::common::ScalarValue::Null,
        };
        Ok(Expr::Literal(value, None))
    }

    async fn update(
        &self,
        update: ast::Update,
        name: &QualifiedName,
        table: &Arc<Table>,
    ) -> Result<Effect, SqlError> {
        let alias = factor_alias(&update.table.relation, name);
        let mut from = vec![self.target_relation(table, &alias)?];
        match update.from {
            Some(
                ast::UpdateTableFromKind::AfterSet(tables)
                | ast::UpdateTableFromKind::BeforeSet(tables),
            ) => from.extend(tables),
            None => {}
        }
        let definition = table.definition();
        let assigned = assignments(&update.assignments, &definition.columns)?;
        let values = definition.columns.iter().enumerate().map(|(index, column)| {
            assigned.get(&index).cloned().unwrap_or_else(|| column_of(&alias, &column.name))
        });
        let rows = self.touched(&alias, from, update.selection, values.collect(), table).await?;
        let Touched { removed, added, multi_joined } = distinct_rows(&rows)?;
        let updated = removed.len();
        let version = self.scope.version(table)?;
        let change = rewrite_rows(&version, &removed.masks(&version), added)?;
        Ok(Effect {
            change,
            changed: Changed {
                statement_type: StatementType::Update,
                stats: DmlStats { updated, ..DmlStats::default() },
                counts: vec![
                    ("number of rows updated", updated),
                    ("number of multi-joined rows updated", multi_joined),
                ],
            },
        })
    }

    async fn delete(
        &self,
        delete: ast::Delete,
        name: &QualifiedName,
        table: &Arc<Table>,
    ) -> Result<Effect, SqlError> {
        let (ast::FromTable::WithFromKeyword(tables) | ast::FromTable::WithoutKeyword(tables)) =
            &delete.from;
        let Some(first) = tables.first() else {
            return Err(SqlError::not_implemented("DELETE without FROM"));
        };
        let alias = factor_alias(&first.relation, name);
        let mut from = vec![self.target_relation(table, &alias)?];
        from.extend(delete.using.unwrap_or_default());
        let rows = self.touched(&alias, from, delete.selection, vec![], table).await?;
        let removed = distinct_rows(&rows)?.removed;
        let deleted = removed.len();
        let version = self.scope.version(table)?;
        let change = rewrite_rows(&version, &removed.masks(&version), vec![])?;
        Ok(Effect {
            change,
            changed: Changed {
                statement_type: StatementType::Delete,
                stats: DmlStats { deleted, ..DmlStats::default() },
                counts: vec![("number of rows deleted", deleted)],
            },
        })
    }

    async fn merge(
        &self,
        merge: ast::Merge,
        name: &QualifiedName,
        table: &Arc<Table>,
    ) -> Result<Effect, SqlError> {
        let definition = table.definition();
        let alias = factor_alias(&merge.table, name);
        let target = self.target_relation(table, &alias)?;
        let is_matched = ast::Expr::IsNotNull(Box::new(column_of(&alias, ROW_COLUMN)));
        let is_new = ast::Expr::IsNull(Box::new(column_of(&alias, ROW_COLUMN)));

        let mut clause_cases = Vec::new();
        let mut column_cases: Vec<Vec<ast::CaseWhen>> = vec![vec![]; definition.columns.len()];
        let mut kinds = vec![MergeKind::Nothing];
        for clause in &merge.clauses {
            let number = kinds.len();
            let (side, kind) = match (&clause.clause_kind, &clause.action) {
                (ast::MergeClauseKind::Matched, ast::MergeAction::Update(_)) => {
                    (&is_matched, MergeKind::Update)
                }
                (ast::MergeClauseKind::Matched, ast::MergeAction::Delete { .. }) => {
                    (&is_matched, MergeKind::Delete)
                }
                (ast::MergeClauseKind::NotMatched, ast::MergeAction::Insert(_)) => {
                    (&is_new, MergeKind::Insert)
                }
                _ => return Err(SqlError::not_implemented(format!("MERGE … {clause}"))),
            };
            kinds.push(kind);
            let condition = match &clause.predicate {
                Some(predicate) => {
                    and(side.clone(), ast::Expr::Nested(Box::new(predicate.clone())))
                }
                None => side.clone(),
            };
            clause_cases.push(ast::CaseWhen {
                condition: condition.clone(),
                result: number_literal(number.to_string()),
            });
            match &clause.action {
                ast::MergeAction::Update(update) => {
                    for (index, value) in assignments(&update.assignments, &definition.columns)? {
                        column_cases[index]
                            .push(ast::CaseWhen { condition: condition.clone(), result: value });
                    }
                    // What is not assigned stays, whatever later clauses say.
                    let assigned = assignments(&update.assignments, &definition.columns)?;
                    for (index, column) in definition.columns.iter().enumerate() {
                        if !assigned.contains_key(&index) {
                            column_cases[index].push(ast::CaseWhen {
                                condition: condition.clone(),
                                result: column_of(&alias, &column.name),
                            });
                        }
                    }
                }
                ast::MergeAction::Insert(insert) => {
                    let values = inserted_values(insert, &definition.columns)?;
                    for (index, value) in values.into_iter().enumerate() {
                        column_cases[index]
                            .push(ast::CaseWhen { condition: condition.clone(), result: value });
                    }
                }
                ast::MergeAction::Delete { .. } => {}
            }
        }

        let case = |cases: Vec<ast::CaseWhen>, otherwise: ast::Expr| match cases.is_empty() {
            true => otherwise,
            false => ast::Expr::Case {
                case_token: ast::helpers::attached_token::AttachedToken::empty(),
                end_token: ast::helpers::attached_token::AttachedToken::empty(),
                operand: None,
                conditions: cases,
                else_result: Some(Box::new(otherwise)),
            },
        };
        let mut projection = vec![
            select_as(column_of(&alias, PARTITION_COLUMN), PARTITION_COLUMN),
            select_as(column_of(&alias, ROW_COLUMN), ROW_COLUMN),
            select_as(case(clause_cases, number_literal("0")), CLAUSE),
        ];
        for (column, cases) in definition.columns.iter().zip(column_cases) {
            let cast = format!("{}{}", rewrite::CAST_PREFIX, column.data_type);
            let cases = cases
                .into_iter()
                .map(|it| ast::CaseWhen {
                    condition: it.condition,
                    result: call(&cast, vec![it.result]),
                })
                .collect();
            projection
                .push(select_as(case(cases, call(&cast, vec![null_literal()])), &column.name));
        }
        let join = ast::Join {
            relation: target.relation,
            global: false,
            join_operator: ast::JoinOperator::LeftOuter(ast::JoinConstraint::On(*merge.on)),
        };
        let from = vec![ast::TableWithJoins { relation: merge.source, joins: vec![join] }];
        let planned = self.scope.plan(select(projection, from, None)?, self.binds)?;
        let batches = self.run(planned.plan, planned.rows, planned.wait_seconds).await?;

        let mut removed = RowSet::default();
        let mut added = Vec::new();
        let mut counts = [0_u64; 3];
        for batch in &batches {
            let clauses =
                compute::cast(batch.column(2), &ArrowType::Int64).map_err(SqlError::internal)?;
            let kinds: Vec<MergeKind> = clauses
                .as_primitive::<Int64Type>()
                .values()
                .iter()
                .map(|it| kinds.get(*it as usize).copied().unwrap_or(MergeKind::Nothing))
                .collect();
            let is = |wanted: &[MergeKind]| -> BooleanArray {
                kinds.iter().map(|it| Some(wanted.contains(it))).collect()
            };
            let keep = |mask: &BooleanArray| {
                compute::filter_record_batch(batch, mask).map_err(SqlError::internal)
            };
            let gone = keep(&is(&[MergeKind::Update, MergeKind::Delete]))?;
            if removed.insert_batch(&gone)? > 0 {
                return Err(SqlError::new(
                    100090,
                    "42P18",
                    "Duplicate row detected during DML action",
                ));
            }
            let new = keep(&is(&[MergeKind::Insert, MergeKind::Update]))?;
            let columns: Vec<usize> = (3..batch.num_columns()).collect();
            added.push(new.project(&columns).map_err(SqlError::internal)?);
            for (count, kind) in
                counts.iter_mut().zip([MergeKind::Insert, MergeKind::Update, MergeKind::Delete])
            {
                *count += kinds.iter().filter(|it| **it == kind).count() as u64;
            }
        }
        let version = self.scope.version(table)?;
        let change = rewrite_rows(&version, &removed.masks(&version), added)?;
        let [inserted, updated, deleted] = counts;
        let shown = [
            (MergeKind::Insert, "number of rows inserted", inserted),
            (MergeKind::Update, "number of rows updated", updated),
            (MergeKind::Delete, "number of rows deleted", deleted),
        ];
        Ok(Effect {
            change,
            changed: Changed {
                statement_type: StatementType::Merge,
                stats: DmlStats { inserted, updated, deleted },
                counts: shown
                    .into_iter()
                    .filter(|(kind, _, _)| kinds.contains(kind))
                    .map(|(_, name, count)| (name, count))
                    .collect(),
            },
        })
    }

    /// The target with its rows' identity, under its own alias.
    fn target_relation(
        &self,
        table: &Arc<Table>,
        alias: &str,
    ) -> Result<ast::TableWithJoins, SqlError> {
        let version = self.scope.version(table)?;
        let provider =
            VersionProvider::new(version, Arc::clone(&self.scope.scanned)).with_row_ids();
        self.scope.name_relation(TARGET, Arc::new(provider));
        let relation = table_named(TARGET, Some(alias_named(alias)));
        Ok(ast::TableWithJoins { relation, joins: vec![] })
    }

    /// Identity and new values of the rows that a condition picks.
    async fn touched(
        &self,
        alias: &str,
        from: Vec<ast::TableWithJoins>,
        selection: Option<ast::Expr>,
        values: Vec<ast::Expr>,
        table: &Arc<Table>,
    ) -> Result<Vec<RecordBatch>, SqlError> {
        let definition = table.definition();
        let mut projection = vec![
            select_as(column_of(alias, PARTITION_COLUMN), PARTITION_COLUMN),
            select_as(column_of(alias, ROW_COLUMN), ROW_COLUMN),
        ];
        for (value, column) in values.into_iter().zip(&definition.columns) {
            let cast = format!("{}{}", rewrite::CAST_PREFIX, column.data_type);
            projection.push(select_as(call(&cast, vec![value]), &column.name));
        }
        let planned = self.scope.plan(select(projection, from, selection)?, self.binds)?;
        self.run(planned.plan, planned.rows.max(table.latest().row_count), planned.wait_seconds)
            .await
    }

    async fn run(
        &self,
        plan: LogicalPlan,
        rows: u64,
        wait_seconds: f64,
    ) -> Result<Vec<RecordBatch>, SqlError> {
        if wait_seconds > 0.0 {
            let pause = std::time::Duration::from_secs_f64(wait_seconds);
            clock::held_up(pause).await;
        }
        self.scope.engine().queries.run(plan, rows).await
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MergeKind {
    Nothing,
    Insert,
    Update,
    Delete,
}

/// `INSERT … VALUES (?, ?)` with a list for each bind inserts one row per element.
fn expand_array_binds(source: &mut ast::Query, binds: &mut BTreeMap<String, Bind>) {
    use crate::engine::BindValues;
    let length = binds.values().find_map(|it| match &it.values {
        BindValues::Many(values) => Some(values.len()),
        BindValues::One(_) => None,
    });
    let (Some(length), ast::SetExpr::Values(values)) = (length, source.body.as_mut()) else {
        return;
    };
    let Some(row) = values.rows.first().cloned() else { return };
    let columns = binds.len();
    let mut flat = BTreeMap::new();
    for index in 0..length {
        for column in 1..=columns {
            let Some(bind) = binds.get(&column.to_string()) else { continue };
            let value = match &bind.values {
                BindValues::Many(values) => values.get(index).cloned().flatten(),
                BindValues::One(value) => value.clone(),
            };
            let position = index * columns + column;
            flat.insert(
                position.to_string(),
                Bind { type_name: bind.type_name.clone(), values: BindValues::One(value) },
            );
        }
    }
    values.rows = vec![row; length];
    *binds = flat;
}

/// Rows that a statement touches, each once.
struct Touched {
    removed: RowSet,
    /// What comes in their place: the columns after the identity.
    added: Vec<RecordBatch>,
    /// Rows that were matched more than once.
    multi_joined: u64,
}

fn distinct_rows(batches: &[RecordBatch]) -> Result<Touched, SqlError> {
    let mut removed = RowSet::default();
    let mut repeated = RowSet::default();
    let mut added = Vec::new();
    for batch in batches {
        let partitions = batch.column(0).as_primitive::<UInt64Type>().values();
        let rows = batch.column(1).as_primitive::<UInt32Type>().values();
        let is_first: BooleanArray = partitions
            .iter()
            .zip(rows.iter())
            .map(|(partition, row)| {
                let is_first = removed.insert(*partition, *row);
                if !is_first {
                    repeated.insert(*partition, *row);
                }
                Some(is_first)
            })
            .collect();
        let values: Vec<usize> = (2..batch.num_columns()).collect();
        if !values.is_empty() {
            let kept =
                compute::filter_record_batch(batch, &is_first).map_err(SqlError::internal)?;
            added.push(kept.project(&values).map_err(SqlError::internal)?);
        }
    }
    Ok(Touched { removed, added, multi_joined: repeated.len() })
}

fn assignments(
    assignments: &[ast::Assignment],
    columns: &[ColumnDefinition],
) -> Result<BTreeMap<usize, ast::Expr>, SqlError> {
    assignments
        .iter()
        .map(|assignment| {
            let ast::AssignmentTarget::ColumnName(name) = &assignment.target else {
                return Err(SqlError::not_implemented(format!("SET {assignment}")));
            };
            let name = rewrite::last_name(name);
            let index = columns
                .iter()
                .position(|it| it.name == name)
                .ok_or_else(|| SqlError::invalid_identifier(name))?;
            Ok((index, assignment.value.clone()))
        })
        .collect()
}

/// Values for all columns, in order; those that the clause leaves out are NULL.
fn inserted_values(
    insert: &ast::MergeInsertExpr,
    columns: &[ColumnDefinition],
) -> Result<Vec<ast::Expr>, SqlError> {
    let ast::MergeInsertKind::Values(values) = &insert.kind else {
        return Err(SqlError::not_implemented("MERGE … INSERT ROW"));
    };
    let [row] = values.rows.as_slice() else {
        return Err(SqlError::not_implemented("MERGE … INSERT of several rows"));
    };
    let mut result = vec![null_literal(); columns.len()];
    let positions: Vec<usize> = match insert.columns.is_empty() {
        true => (0..columns.len()).collect(),
        false => insert
            .columns
            .iter()
            .map(|name| {
                let name = rewrite::last_name(name);
                columns
                    .iter()
                    .position(|it| it.name == name)
                    .ok_or_else(|| SqlError::invalid_identifier(name))
            })
            .collect::<Result<_, _>>()?,
    };
    if positions.len() != row.len() {
        return Err(SqlError::new(
            2020,
            "21S01",
            format!(
                "SQL compilation error:\nInsert value list does not match column list expecting {} but got {}",
                positions.len(),
                row.len()
            ),
        ));
    }
    for (position, value) in positions.into_iter().zip(row.iter()) {
        result[position] = value.clone();
    }
    Ok(result)
}

fn factor_alias(factor: &ast::TableFactor, name: &QualifiedName) -> String {
    match factor {
        ast::TableFactor::Table { alias: Some(alias), .. } => alias.name.value.clone(),
        _ => name.name.clone(),
    }
}

fn column_of(alias: &str, name: &str) -> ast::Expr {
    ast::Expr::CompoundIdentifier(vec![
        ast::Ident::with_quote('"', alias),
        ast::Ident::with_quote('"', name),
    ])
}

fn select_as(expr: ast::Expr, name: &str) -> ast::SelectItem {
    ast::SelectItem::ExprWithAlias { expr, alias: ast::Ident::with_quote('"', name) }
}

fn and(left: ast::Expr, right: ast::Expr) -> ast::Expr {
    ast::Expr::BinaryOp {
        left: Box::new(left),
        op: ast::BinaryOperator::And,
        right: Box::new(right),
    }
}

fn select(
    projection: Vec<ast::SelectItem>,
    from: Vec<ast::TableWithJoins>,
    selection: Option<ast::Expr>,
) -> Result<ast::Query, SqlError> {
    let mut query = text::parse_query("SELECT 1")?;
    if let ast::SetExpr::Select(select) = query.body.as_mut() {
        select.projection = projection;
        select.from = from;
        select.selection = selection;
    }
    Ok(query)
}
