//! What a definition reads, found in its syntax tree: tables and views by name, views looked into.
//!
//! Nothing is planned here, so a name that stands for nothing is passed over; planning tells.

use super::{scope, text};
use crate::store::{
    catalog::{Catalog, Object, QualifiedName},
    table::{Table, TableId, TableKind},
};
use datafusion::sql::sqlparser::ast::{self, Query, TableFactor, Visit, Visitor};
use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    sync::Arc,
};

/// How deep views are looked into; planning refuses deeper ones.
const VIEW_DEPTH_MAX: usize = 32;

/// What a definition reads.
#[derive(Debug, Default)]
pub struct Sources {
    /// What the definition itself names, each once.
    pub named: Vec<(QualifiedName, Object)>,
    /// All tables, those behind views as well, each once.
    pub tables: Vec<(QualifiedName, Arc<Table>)>,
    /// Those of them that are reached through a view, though perhaps not only so.
    pub behind_views: Vec<(QualifiedName, Arc<Table>)>,
    /// The queries of the views.
    pub view_queries: Vec<Query>,
}

impl Sources {
    /// Of a query whose unqualified names belong to the schema of `home`.
    pub fn of(catalog: &Catalog, home: &QualifiedName, query: &Query) -> Self {
        let mut sources = Self { named: named(catalog, home, query), ..Self::default() };
        for (name, object) in sources.named.clone() {
            match object {
                Object::Table(table) => sources.add(&name, &table, false),
                Object::View(view) => sources.look_into(catalog, &name, &view.query, 0),
            }
        }
        sources
    }

    fn add(&mut self, name: &QualifiedName, table: &Arc<Table>, is_behind_view: bool) {
        let is_new = |list: &[(QualifiedName, Arc<Table>)]| {
            list.iter().all(|(_, other)| other.id != table.id)
        };
        if is_new(&self.tables) {
            self.tables.push((name.clone(), Arc::clone(table)));
        }
        if is_behind_view && is_new(&self.behind_views) {
            self.behind_views.push((name.clone(), Arc::clone(table)));
        }
    }

    fn look_into(&mut self, catalog: &Catalog, home: &QualifiedName, sql: &str, depth: usize) {
        let (true, Ok(query)) = (depth < VIEW_DEPTH_MAX, text::parse_query(sql)) else { return };
        for (name, object) in named(catalog, home, &query) {
            match object {
                Object::Table(table) => self.add(&name, &table, true),
                Object::View(view) => self.look_into(catalog, &name, &view.query, depth + 1),
            }
        }
        self.view_queries.push(query);
    }

    /// Those of the tables that are themselves refreshed.
    pub fn refreshed(&self) -> impl Iterator<Item = &(QualifiedName, Arc<Table>)> {
        self.tables.iter().filter(|(_, table)| table.definition().refreshing.is_some())
    }

    /// The definition's inputs, in the words of the graph's history.
    pub fn inputs(&self) -> Vec<(QualifiedName, &'static str)> {
        let kind = |object: &Object| match object {
            Object::View(_) => "VIEW",
            Object::Table(table) if table.definition().kind == TableKind::Dynamic => {
                "DYNAMIC_TABLE"
            }
            Object::Table(_) => "TABLE",
        };
        self.named.iter().map(|(name, object)| (name.clone(), kind(object))).collect()
    }
}

/// The tables that a refreshed table reads. None where it is not refreshed.
pub fn of_table(catalog: &Catalog, name: &QualifiedName, table: &Table) -> Sources {
    let definition = table.definition();
    match (&definition.refreshing, &definition.query) {
        (Some(_), Some(query)) => text::parse_query(query)
            .map(|query| Sources::of(catalog, name, &query))
            .unwrap_or_default(),
        _ => Sources::default(),
    }
}

/// The refreshed tables of the account, in the order of their names.
pub fn all_refreshed(catalog: &Catalog) -> Vec<(QualifiedName, Arc<Table>)> {
    let mut found = Vec::new();
    for database in catalog.databases() {
        for schema in catalog.schemas(&database.name) {
            for (name, object) in catalog.objects(&database.name, &schema.name) {
                if let Object::Table(table) = object
                    && table.definition().refreshing.is_some()
                {
                    found.push((name, table));
                }
            }
        }
    }
    found
}

/// The refreshed tables among `tables` and all that they stand on, each after those it reads.
pub fn with_upstreams(
    catalog: &Catalog,
    tables: &[(QualifiedName, Arc<Table>)],
) -> Vec<(QualifiedName, Arc<Table>)> {
    fn visit(
        catalog: &Catalog,
        (name, table): &(QualifiedName, Arc<Table>),
        seen: &mut HashSet<TableId>,
        ordered: &mut Vec<(QualifiedName, Arc<Table>)>,
    ) {
        if table.definition().refreshing.is_none() || !seen.insert(table.id) {
            return;
        }
        for upstream in of_table(catalog, name, table).refreshed() {
            visit(catalog, upstream, seen, ordered);
        }
        ordered.push((name.clone(), Arc::clone(table)));
    }
    let (mut seen, mut ordered) = (HashSet::new(), Vec::new());
    for table in tables {
        visit(catalog, table, &mut seen, &mut ordered);
    }
    ordered
}

/// What a query names, each once, in the order of the text.
fn named(catalog: &Catalog, home: &QualifiedName, query: &Query) -> Vec<(QualifiedName, Object)> {
    let mut names = Names { catalog, home, visible: vec![], inside: HashMap::new(), found: vec![] };
    let _ = query.visit(&mut names);
    names.found
}

struct Names<'a> {
    catalog: &'a Catalog,
    home: &'a QualifiedName,
    /// The names of CTEs that can be seen, of each query around the place.
    visible: Vec<HashSet<String>>,
    /// The same of the queries of CTEs still to come, by where they are: a CTE sees those before
    /// it, and not itself, so `WITH t AS (SELECT * FROM t)` reads a table.
    inside: HashMap<*const Query, HashSet<String>>,
    found: Vec<(QualifiedName, Object)>,
}

impl Visitor for Names<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let mut visible = self
            .inside
            .remove(&std::ptr::from_ref(query))
            .or_else(|| self.visible.last().cloned())
            .unwrap_or_default();
        if let Some(with) = &query.with {
            for cte in &with.cte_tables {
                if with.recursive {
                    visible.insert(cte.alias.name.value.clone());
                }
                self.inside.insert(std::ptr::from_ref(cte.query.as_ref()), visible.clone());
                visible.insert(cte.alias.name.value.clone());
            }
        }
        self.visible.push(visible);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.visible.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: None, .. } = factor {
            self.add(name);
        }
        ControlFlow::Continue(())
    }
}

impl Names<'_> {
    fn add(&mut self, name: &ast::ObjectName) {
        let Ok(parts) = scope::name_parts(name) else { return };
        if let [name] = parts.as_slice()
            && self.visible.last().is_some_and(|it| it.contains(name))
        {
            return;
        }
        let home = self.home;
        let Ok(name) = scope::qualify(&parts, Some(&home.database), Some(&home.schema)) else {
            return;
        };
        if self.found.iter().any(|(it, _)| *it == name) {
            return;
        }
        if let Some(object) = self.catalog.get(&name) {
            self.found.push((name, object));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::DEFAULT_DATABASE,
        store::catalog::{DatabaseInfo, OnConflict, View},
        store::table::{TableDefinition, TableKind},
    };
    use chrono::{DateTime, Utc};

    fn name(name: &str) -> QualifiedName {
        QualifiedName {
            database: DEFAULT_DATABASE.to_owned(),
            schema: "PUBLIC".to_owned(),
            name: name.to_owned(),
        }
    }

    /// Tables `T`, `U`, `W`, and the view `V` of `U` and of the view `V2` of `W`.
    fn catalog() -> Catalog {
        let catalog = Catalog::default();
        let at = DateTime::<Utc>::UNIX_EPOCH;
        let info =
            DatabaseInfo { name: DEFAULT_DATABASE.to_owned(), created_at: at, comment: None };
        catalog.create_database(info, OnConflict::Fail).unwrap();
        for table in ["T", "U", "W"] {
            let definition = TableDefinition {
                kind: TableKind::Standard,
                columns: vec![],
                cluster_by: vec![],
                comment: None,
                query: None,
                refreshing: None,
            };
            let table_of = Object::Table(Table::new(definition, at));
            catalog.put(&name(table), table_of, OnConflict::Fail).unwrap();
        }
        for (view, query) in
            [("V2", "select * from w"), ("V", "select * from public.u join v2 on true")]
        {
            let of = View {
                name: name(view),
                created_at: at,
                columns: None,
                query: query.to_owned(),
                comment: None,
            };
            catalog.put(&name(view), Object::View(Arc::new(of)), OnConflict::Fail).unwrap();
        }
        catalog
    }

    #[track_caller]
    fn check(sql: &str, expected: &str) {
        let query = text::parse_query(sql).unwrap();
        let sources = Sources::of(&catalog(), &name("D"), &query);
        let list = |them: Vec<&QualifiedName>| {
            them.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(" ")
        };
        let actual = format!(
            "{} | {} | {}",
            list(sources.named.iter().map(|it| &it.0).collect()),
            list(sources.tables.iter().map(|it| &it.0).collect()),
            list(sources.behind_views.iter().map(|it| &it.0).collect()),
        );
        assert_eq!(actual, expected, "\nsql: {sql}");
    }

    #[test]
    fn tables_are_found_wherever_they_are_named() {
        check("select * from t", "T | T | ");
        check("select * from T a, public.T b join snowgauge.public.u on true", "T U | T U | ");
        check(
            "select (select max(a) from u) from t where a in (select a from w)",
            "U T W | U T W | ",
        );
        check("select * from (select * from t union all select * from u)", "T U | T U | ");
        check("select * from nowhere, \"t\"", " |  | ");
    }

    #[test]
    fn ctes_are_no_tables() {
        check("with c as (select * from t) select * from c", "T | T | ");
        check("with t as (select * from u) select * from t", "U | U | ");
        check("with t as (select * from t) select * from t", "T | T | ");
        check("with u as (select * from t), w as (select * from u) select * from w", "T | T | ");
        check("select * from (with t as (select * from u) select * from t), t", "U T | U T | ");
    }

    #[test]
    fn views_are_looked_into() {
        check("select * from v", "V | U W | U W");
        check("select * from v, u, t", "V U T | U W T | U W");
    }
}
