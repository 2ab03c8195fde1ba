//! From a script that fails to a small one that still does.
//!
//! Nothing is known of why it fails: parts are left out, one at a time, the largest first, and
//! what still fails is kept. Every candidate weighs less than the script it is made of, so that it
//! ends.

use super::{
    query::{Aggregate, Expr, JoinKind, Kind, Parts, Query, literals},
    script::{Dml, Filter, Script, Step},
};

/// Leaves out what can be left out. Asks `fails` so often at most; the script, and how often it
/// asked.
pub async fn shrink(
    script: Script,
    tries_max: usize,
    mut fails: impl AsyncFnMut(&Script) -> bool,
) -> (Script, usize) {
    let mut smallest = script;
    let mut tries = 0;
    'smaller: loop {
        for candidate in candidates(&smallest) {
            if tries == tries_max {
                return (smallest, tries);
            }
            tries += 1;
            if fails(&candidate).await {
                smallest = candidate;
                continue 'smaller;
            }
        }
        return (smallest, tries);
    }
}

/// What is less than the script by one part, the largest parts first.
fn candidates(script: &Script) -> Vec<Script> {
    let mut found = Vec::new();
    let mut add = |change: &dyn Fn(&mut Script)| {
        let mut candidate = script.clone();
        change(&mut candidate);
        found.push(candidate);
    };
    chunks(script.definitions.len(), &mut |from, to| {
        if to - from < script.definitions.len() {
            add(&|it| drop(it.definitions.drain(from..to)));
        }
    });
    chunks(script.steps.len(), &mut |from, to| add(&|it| drop(it.steps.drain(from..to))));
    for (at, definition) in script.definitions.iter().enumerate() {
        for query in smaller(&definition.query, &script.kinds()) {
            add(&|it| it.definitions[at].query = query.clone());
        }
        if definition.parts == Parts::Named {
            add(&|it| it.definitions[at].parts = Parts::Nested);
        }
    }
    for (at, table) in script.tables.iter().enumerate() {
        chunks(table.rows.len(), &mut |from, to| {
            add(&|it| drop(it.tables[at].rows.drain(from..to)));
        });
    }
    for (at, step) in script.steps.iter().enumerate() {
        if step.statements.len() > 1 {
            for statement in 0..step.statements.len() {
                add(&|it| drop(it.steps[at].statements.remove(statement)));
            }
        }
        for (number, statement) in step.statements.iter().enumerate() {
            for dml in smaller_dml(statement) {
                add(&|it: &mut Script| it.steps[at].statements[number] = dml.clone());
            }
        }
    }
    // A step of two statements as two steps says which of them it is.
    let kinds = script.kinds();
    let weight = weight(script);
    found
        .into_iter()
        .map(Script::without_unread)
        .filter(|it| self::weight(it) < weight)
        .filter(|it| it.definitions.iter().all(|it| it.query.fits(&kinds)))
        .collect()
}

/// Stretches of a list: all of it, halves, quarters, …, each alone.
fn chunks(count: usize, visit: &mut dyn FnMut(usize, usize)) {
    let mut size = count;
    while size > 0 {
        let mut from = 0;
        while from < count {
            visit(from, (from + size).min(count));
            from += size;
        }
        size = match size {
            1 => 0,
            _ => size.div_ceil(2),
        };
    }
}

fn smaller_dml(dml: &Dml) -> Vec<Dml> {
    let mut found = Vec::new();
    let mut rows = dml.clone();
    if let Some(rows) = rows.rows_mut() {
        chunks(rows.len(), &mut |from, to| {
            let mut dml = dml.clone();
            if let Some(rows) = dml.rows_mut() {
                rows.drain(from..to);
                // An INSERT or MERGE of nothing is no statement.
                if !rows.is_empty() || matches!(dml, Dml::Overwrite { .. }) {
                    found.push(dml);
                }
            }
        });
    }
    match dml {
        Dml::Merge { table, rows, .. } | Dml::Overwrite { table, rows } if !rows.is_empty() => {
            found.push(Dml::Insert { table: *table, rows: rows.clone() });
        }
        Dml::Update { table, column, value, filter } if *filter != Filter::All => {
            found.push(Dml::Update {
                table: *table,
                column: *column,
                value: *value,
                filter: Filter::All,
            });
        }
        Dml::Delete { table, filter } if *filter != Filter::All => {
            found.push(Dml::Delete { table: *table, filter: Filter::All });
        }
        _ => {}
    }
    found
}

/// Queries that are less by one operator, column or condition. Not all of them fit together.
fn smaller(query: &Query, tables: &[Vec<Kind>]) -> Vec<Query> {
    let mut found = Vec::new();
    // Without the operator: what it is of, as it is, or brought to the same columns.
    let kinds = query.columns(tables);
    for source in query.sources() {
        found.push(source.clone());
        if !matches!(query, Query::Select { .. }) {
            found.push(projected(source, &kinds, tables));
        }
    }
    if query.depth() > 1 {
        for table in query.tables() {
            found.push(projected(&Query::Table(table), &kinds, tables));
        }
    }
    let mut add = |change: &dyn Fn(&mut Query)| {
        let mut smaller = query.clone();
        change(&mut smaller);
        found.push(smaller);
    };
    match query {
        Query::Table(_) => {}
        Query::Select { columns, filter, distinct, from } => {
            if *distinct {
                add(&|it| change_select(it, |_, _, distinct| *distinct = false));
            }
            if filter.is_some() {
                add(&|it| change_select(it, |_, filter, _| *filter = None));
            }
            for at in 0..columns.len() {
                add(&|it| change_select(it, |columns, _, _| drop(columns.remove(at))));
            }
            let source = from.columns(tables);
            if let Some(filter) = filter {
                for expr in smaller_expr(filter, &source) {
                    add(&|it| change_select(it, |_, filter, _| *filter = Some(expr.clone())));
                }
            }
            for (at, column) in columns.iter().enumerate() {
                for expr in smaller_expr(column, &source) {
                    add(&|it| change_select(it, |columns, _, _| columns[at] = expr.clone()));
                }
            }
        }
        Query::Join { kind, on, columns, .. } => {
            if *kind != JoinKind::Inner {
                let simpler = match kind {
                    JoinKind::Full => vec![JoinKind::Inner, JoinKind::Left, JoinKind::Right],
                    _ => vec![JoinKind::Inner],
                };
                for simpler in simpler {
                    add(&|it| {
                        if let Query::Join { kind, .. } = it {
                            *kind = simpler;
                        }
                    });
                }
            }
            for at in 0..on.len() {
                add(&|it| {
                    if let Query::Join { on, .. } = it {
                        on.remove(at);
                    }
                });
            }
            for at in 0..columns.len() {
                add(&|it| {
                    if let Query::Join { columns, .. } = it {
                        columns.remove(at);
                    }
                });
            }
        }
        Query::Group { keys, aggregates, having, .. } => {
            for at in 0..keys.len() {
                add(&|it| {
                    if let Query::Group { keys, .. } = it {
                        keys.remove(at);
                    }
                });
            }
            for at in 0..aggregates.len() {
                add(&|it| {
                    if let Query::Group { aggregates, .. } = it {
                        aggregates.remove(at);
                    }
                });
                add(&|it| {
                    if let Query::Group { aggregates, .. } = it {
                        aggregates[at] = Aggregate::Rows;
                    }
                });
            }
            if having.is_some() {
                add(&|it| {
                    if let Query::Group { having, .. } = it {
                        *having = None;
                    }
                });
            }
        }
        Query::Union { all, .. } => {
            if !all {
                add(&|it| {
                    if let Query::Union { all, .. } = it {
                        *all = true;
                    }
                });
            }
        }
        Query::Window { partition, first, .. } => {
            for at in 0..partition.len() {
                add(&|it| {
                    if let Query::Window { partition, .. } = it {
                        partition.remove(at);
                    }
                });
            }
            if first.is_some() {
                add(&|it| {
                    if let Query::Window { first, .. } = it {
                        *first = None;
                    }
                });
            }
        }
        Query::Flatten { .. } => {}
    }
    for at in 0..query.sources().len() {
        let Some(source) = query.sources().get(at).copied().cloned() else { continue };
        for inner in smaller(&source, tables) {
            let mut outer = query.clone();
            if let Some(source) = outer.sources_mut().into_iter().nth(at) {
                *source = inner;
                found.push(outer);
            }
        }
    }
    found
}

fn change_select(
    query: &mut Query,
    change: impl FnOnce(&mut Vec<Expr>, &mut Option<Expr>, &mut bool),
) {
    if let Query::Select { columns, filter, distinct, .. } = query {
        change(columns, filter, distinct);
    }
}

/// The source with columns of these kinds: its own where it has them.
fn projected(source: &Query, kinds: &[Kind], tables: &[Vec<Kind>]) -> Query {
    let of = source.columns(tables);
    let mut used = Vec::new();
    let mut column = |kind: &Kind| {
        let is_next = |at: &usize| of[*at] == *kind && !used.contains(at);
        let next = (0..of.len()).find(is_next).or_else(|| of.iter().position(|it| it == kind));
        match next {
            Some(at) => {
                used.push(at);
                Expr::Column(at)
            }
            None => Expr::Literal(literals(*kind).first().copied().unwrap_or("NULL")),
        }
    };
    let columns = kinds.iter().map(&mut column).collect();
    Query::Select { from: Box::new(source.clone()), columns, filter: None, distinct: false }
}

fn smaller_expr(expr: &Expr, source: &[Kind]) -> Vec<Expr> {
    let Expr::Call(template, arguments) = expr else { return Vec::new() };
    let mut found: Vec<Expr> = Vec::new();
    if let Some(column) = source.iter().position(|it| *it == template.kind) {
        found.push(Expr::Column(column));
    }
    found.extend(arguments.iter().filter(|it| it.kind(source) == template.kind).cloned());
    for (at, argument) in arguments.iter().enumerate() {
        for smaller in smaller_expr(argument, source) {
            let mut arguments = arguments.clone();
            arguments[at] = smaller;
            found.push(Expr::Call(template, arguments));
        }
    }
    found
}

/// What a person has to read, roughly.
fn weight(script: &Script) -> usize {
    let rows: usize = script.tables.iter().map(|it| it.rows.len()).sum();
    let definitions: usize = script
        .definitions
        .iter()
        .map(|it| 1_000 + weight_of(&it.query) + usize::from(it.parts == Parts::Named))
        .sum();
    definitions + rows * 5 + script.steps.iter().map(weight_of_step).sum::<usize>()
}

fn weight_of_step(step: &Step) -> usize {
    100 + step.statements.iter().map(weight_of_dml).sum::<usize>()
}

fn weight_of_dml(dml: &Dml) -> usize {
    let of_filter = |filter: &Filter| usize::from(*filter != Filter::All);
    50 + match dml {
        Dml::Insert { rows, .. } => rows.len() * 5,
        Dml::Merge { rows, .. } | Dml::Overwrite { rows, .. } => rows.len() * 5 + 3,
        Dml::Update { filter, .. } | Dml::Delete { filter, .. } | Dml::Repeat { filter, .. } => {
            2 + of_filter(filter)
        }
    }
}

fn weight_of(query: &Query) -> usize {
    let own = match query {
        Query::Table(_) => 1,
        Query::Select { columns, filter, distinct, .. } => {
            let exprs = columns.iter().chain(filter.as_ref());
            10 + exprs.map(weight_of_expr).sum::<usize>() + usize::from(*distinct) * 5
        }
        Query::Join { kind, on, columns, .. } => {
            let kind = match kind {
                JoinKind::Inner => 0,
                JoinKind::Left | JoinKind::Right => 1,
                JoinKind::Full | JoinKind::Cross => 2,
            };
            40 + kind + on.len() * 4 + columns.len() * 3
        }
        Query::Group { keys, aggregates, having, .. } => {
            let plain = aggregates.iter().filter(|it| **it == Aggregate::Rows).count();
            40 + keys.len() * 4 + aggregates.len() * 4 - plain + usize::from(having.is_some()) * 5
        }
        Query::Union { all, .. } => 40 + usize::from(!all),
        Query::Window { partition, first, .. } => {
            40 + partition.len() * 4 + usize::from(first.is_some()) * 5
        }
        Query::Flatten { .. } => 40,
    };
    own + query.sources().into_iter().map(weight_of).sum::<usize>()
}

fn weight_of_expr(expr: &Expr) -> usize {
    match expr {
        Expr::Column(_) => 2,
        Expr::Literal(_) => 3,
        Expr::Call(_, arguments) => 4 + arguments.iter().map(weight_of_expr).sum::<usize>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refresh::fuzz::generate::script;

    /// Shrinks by something planted: the first script of the seed that has it.
    async fn planted(fails: impl Fn(&Script) -> bool) -> Script {
        let found = (0..500).map(|it| script(3, it)).find(|it| fails(it)).unwrap();
        assert!(found.statements() > 10);
        let (smallest, tries) = shrink(found, 10_000, async |it| fails(it)).await;
        assert!(tries < 10_000, "{tries} tries");
        assert!(fails(&smallest));
        smallest
    }

    fn has(query: &Query, is: &dyn Fn(&Query) -> bool) -> bool {
        is(query) || query.sources().into_iter().any(|it| has(it, is))
    }

    #[tokio::test]
    async fn a_left_join_and_a_delete_are_all_that_is_left_of_one() {
        let is_left = |it: &Query| matches!(it, Query::Join { kind: JoinKind::Left, .. });
        let smallest = planted(|script| {
            let deleted = |step: &Step, table| {
                step.statements
                    .iter()
                    .any(|it| matches!(it, Dml::Delete { .. }) && it.table() == table)
            };
            script.definitions.iter().any(|it| {
                has(&it.query, &is_left)
                    && it.query.tables().into_iter().any(|table| {
                        let has_rows = script.tables[table].rows.len() > 1;
                        has_rows && script.steps.iter().any(|it| deleted(it, table))
                    })
            })
        })
        .await;
        assert_eq!(smallest.definitions.len(), 1);
        let query = &smallest.definitions[0].query;
        assert_eq!(query.depth(), 1, "{}", smallest.query_sql(&smallest.definitions[0]));
        let Query::Join { on, columns, .. } = query else { panic!("{query:?}") };
        assert_eq!((on.len(), columns.len()), (1, 1));
        let rows: usize = smallest.tables.iter().map(|it| it.rows.len()).sum();
        assert_eq!((rows, smallest.steps.len()), (2, 1));
        assert_eq!(
            smallest.steps[0].statements,
            [Dml::Delete { table: smallest.steps[0].statements[0].table(), filter: Filter::All }]
        );
        assert!(smallest.statements() < 10);
    }

    #[tokio::test]
    async fn what_is_deep_inside_is_brought_out() {
        let is_group = |it: &Query| match it {
            Query::Group { aggregates, .. } => {
                aggregates.iter().any(|it| matches!(it, Aggregate::Least(_)))
            }
            _ => false,
        };
        let smallest = planted(|script| {
            let deep = script.definitions.iter().any(|it| has(&it.query, &is_group));
            deep && script.steps.iter().any(|it| it.statements.len() > 1)
        })
        .await;
        let Query::Group { from, aggregates, having, .. } = &smallest.definitions[0].query else {
            panic!("{smallest:?}");
        };
        assert!(matches!(**from, Query::Table(_)), "{from:?}");
        assert_eq!((aggregates.len(), *having), (1, None));
        assert_eq!(smallest.steps.len(), 1);
        assert_eq!(smallest.steps[0].statements.len(), 2);
    }

    #[tokio::test]
    async fn it_ends_whatever_fails_and_is_not_asked_too_often() {
        let start = script(3, 1);
        let (smallest, tries) = shrink(start.clone(), 10_000, async |_| true).await;
        assert!(tries < 500, "{tries}");
        assert_eq!(smallest.definitions.len(), 1);
        assert_eq!(smallest.definitions[0].query.depth(), 0);
        assert!(smallest.steps.is_empty());
        let (same, tries) = shrink(start.clone(), 10_000, async |_| false).await;
        assert_eq!(same, start);
        assert_eq!(tries, candidates(&start).len());
        let (_, tries) = shrink(start, 5, async |_| true).await;
        assert_eq!(tries, 5);
    }

    #[test]
    fn every_candidate_is_smaller_and_fits() {
        for number in 0..30 {
            let script = script(11, number);
            let kinds = script.kinds();
            for candidate in candidates(&script) {
                assert!(weight(&candidate) < weight(&script));
                assert!(candidate.definitions.iter().all(|it| it.query.fits(&kinds)));
            }
        }
    }
}
