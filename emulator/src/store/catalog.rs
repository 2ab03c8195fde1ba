//! Databases, schemas and what is in them, by name.
//!
//! Names here are as stored: unquoted ones were folded to upper case before.

use super::{
    commits::{CommitLog, Snapshot},
    table::{Table, TableId},
};
use crate::error::SqlError;
use chrono::{DateTime, Utc};
use parking_lot::RwLock;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    sync::Arc,
};

/// As many dropped tables of an account are kept for `UNDROP`. Snowflake keeps them for a day;
/// a run that creates and drops all the time must not fill the memory.
const DROPPED_MAX: usize = 64;

/// `DB.SCHEMA.NAME`, each part as stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QualifiedName {
    pub database: String,
    pub schema: String,
    pub name: String,
}

/// As Snowflake prints it: parts that are not plain upper-case identifiers are quoted.
impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, schema, name } = self;
        write!(f, "{}.{}.{}", Identifier(database), Identifier(schema), Identifier(name))
    }
}

/// One name as Snowflake prints it, quoted where it has to be.
#[derive(Clone, Copy, Debug)]
pub struct Identifier<'a>(pub &'a str);

impl fmt::Display for Identifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut letters = self.0.chars();
        let is_plain = letters.next().is_some_and(|it| it.is_ascii_uppercase() || it == '_')
            && letters
                .all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_' || it == '$');
        if is_plain {
            f.write_str(self.0)
        } else {
            write!(f, "\"{}\"", self.0.replace('"', "\"\""))
        }
    }
}

/// What a name in a schema stands for. Tables and views share one name space.
#[derive(Clone, Debug)]
pub enum Object {
    Table(Arc<Table>),
    View(Arc<View>),
}

#[derive(Clone, Debug)]
pub struct View {
    pub name: QualifiedName,
    pub created_at: DateTime<Utc>,
    /// Column names given in `CREATE VIEW v (a, b)`, if any.
    pub columns: Option<Vec<String>>,
    /// The query, as written. Unqualified names in it belong to the view's own schema.
    pub query: String,
    pub comment: Option<String>,
}

/// What `CREATE` does about a name that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    Fail,
    Replace,
    IfNotExists,
}

/// Whether `CREATE` made something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    New,
    Replaced,
    AlreadyThere,
}

#[derive(Clone, Debug)]
pub struct DatabaseInfo {
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub comment: Option<String>,
}

#[derive(Clone, Debug)]
pub struct SchemaInfo {
    pub database: String,
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub comment: Option<String>,
}

/// All names of the account. Changes are atomic and seen by all sessions at once.
///
/// Also the home of the account's [`CommitLog`]: a table belongs to the first catalog that it is
/// put into.
#[derive(Debug, Default)]
pub struct Catalog {
    state: RwLock<State>,
    commits: Arc<CommitLog>,
}

#[derive(Debug, Default)]
struct State {
    databases: BTreeMap<String, Database>,
    /// Where each table is.
    tables: HashMap<TableId, QualifiedName>,
    /// The latest last.
    dropped: VecDeque<(QualifiedName, Arc<Table>)>,
    /// One more with each name that comes or goes.
    generation: u64,
}

#[derive(Debug)]
struct Database {
    info: DatabaseInfo,
    schemas: BTreeMap<String, Schema>,
}

#[derive(Debug)]
struct Schema {
    info: SchemaInfo,
    objects: BTreeMap<String, Object>,
}

impl Catalog {
    /// One that shares the order of commits with another: for names that only one session sees.
    pub fn sharing(commits: Arc<CommitLog>) -> Self {
        Self { state: RwLock::default(), commits }
    }

    /// The order of the commits of all tables here.
    pub fn commits(&self) -> &Arc<CommitLog> {
        &self.commits
    }

    /// As long as this is the same, every name stands for the same object.
    pub fn generation(&self) -> u64 {
        self.state.read().generation
    }

    /// What is committed now, of all tables at once; see
    /// [`Transaction::begin_statement`](super::transaction::Transaction::begin_statement).
    pub fn snapshot(&self) -> Snapshot {
        self.commits.snapshot()
    }

    /// A new database has the schema `PUBLIC`. Replacing drops all that was in it.
    pub fn create_database(
        &self,
        info: DatabaseInfo,
        on_conflict: OnConflict,
    ) -> Result<Created, SqlError> {
        let mut state = self.state.write();
        let is_taken = state.databases.contains_key(&info.name);
        let created = on_taken(is_taken, on_conflict, || Identifier(&info.name).to_string())?;
        if created == Created::AlreadyThere {
            return Ok(created);
        }
        state.forget_database(&info.name);
        let public = SchemaInfo {
            database: info.name.clone(),
            name: "PUBLIC".to_owned(),
            created_at: info.created_at,
            comment: None,
        };
        let schemas = BTreeMap::from([(public.name.clone(), Schema::new(public))]);
        state.databases.insert(info.name.clone(), Database { info, schemas });
        Ok(created)
    }

    /// False if it was not there and `if_exists`.
    pub fn drop_database(&self, name: &str, if_exists: bool) -> Result<bool, SqlError> {
        let is_dropped = self.state.write().forget_database(name);
        if is_dropped || if_exists { Ok(is_dropped) } else { Err(no_database(name)) }
    }

    pub fn database(&self, name: &str) -> Option<DatabaseInfo> {
        self.state.read().databases.get(name).map(|it| it.info.clone())
    }

    /// In the order of their names.
    pub fn databases(&self) -> Vec<DatabaseInfo> {
        self.state.read().databases.values().map(|it| it.info.clone()).collect()
    }

    pub fn create_schema(
        &self,
        info: SchemaInfo,
        on_conflict: OnConflict,
    ) -> Result<Created, SqlError> {
        let mut state = self.state.write();
        let database =
            state.databases.get(&info.database).ok_or_else(|| no_database(&info.database))?;
        let is_taken = database.schemas.contains_key(&info.name);
        let created = on_taken(is_taken, on_conflict, || schema_name(&info.database, &info.name))?;
        if created == Created::AlreadyThere {
            return Ok(created);
        }
        state.forget_schema(&info.database, &info.name);
        if let Some(database) = state.databases.get_mut(&info.database) {
            database.schemas.insert(info.name.clone(), Schema::new(info));
        }
        Ok(created)
    }

    pub fn drop_schema(
        &self,
        database: &str,
        name: &str,
        if_exists: bool,
    ) -> Result<bool, SqlError> {
        let mut state = self.state.write();
        let is_dropped = state.forget_schema(database, name);
        if is_dropped || if_exists { Ok(is_dropped) } else { Err(state.no_schema(database, name)) }
    }

    pub fn schema(&self, database: &str, name: &str) -> Option<SchemaInfo> {
        self.state.read().schema(database, name).map(|it| it.info.clone())
    }

    /// In the order of their names.
    pub fn schemas(&self, database: &str) -> Vec<SchemaInfo> {
        let state = self.state.read();
        let schemas = state.databases.get(database).into_iter().flat_map(|it| it.schemas.values());
        schemas.map(|it| it.info.clone()).collect()
    }

    /// Puts a finished object under its name. A replaced table is gone, under its old id, and
    /// returned, so that what was attached to it can be let go; it counts as dropped.
    pub fn put(
        &self,
        name: &QualifiedName,
        object: Object,
        on_conflict: OnConflict,
    ) -> Result<(Created, Option<Object>), SqlError> {
        let mut state = self.state.write();
        let schema = state
            .schema(&name.database, &name.schema)
            .ok_or_else(|| state.no_schema(&name.database, &name.schema))?;
        let is_taken = schema.objects.contains_key(&name.name);
        let created = on_taken(is_taken, on_conflict, || name.to_string())?;
        if created == Created::AlreadyThere {
            return Ok((created, None));
        }
        let replaced = state.remove(name);
        if let Some(Object::Table(table)) = &replaced {
            state.keep_dropped(name, table);
        }
        if let Object::Table(table) = &object {
            table.settle_in(&self.commits);
        }
        state.insert(name, object);
        Ok((created, replaced))
    }

    pub fn get(&self, name: &QualifiedName) -> Option<Object> {
        let state = self.state.read();
        state.schema(&name.database, &name.schema)?.objects.get(&name.name).cloned()
    }

    /// Takes an object out. Dropped tables are kept for `UNDROP`, several of one name as well.
    pub fn drop(&self, name: &QualifiedName) -> Option<Object> {
        let mut state = self.state.write();
        let object = state.remove(name)?;
        if let Object::Table(table) = &object {
            state.keep_dropped(name, table);
        }
        Some(object)
    }

    /// Brings back the table of that name that was dropped last.
    ///
    /// # Errors
    ///
    /// `002002` while the name is in use, `090025` if no such table was dropped.
    pub fn undrop(&self, name: &QualifiedName) -> Result<Object, SqlError> {
        let mut state = self.state.write();
        let schema = state
            .schema(&name.database, &name.schema)
            .ok_or_else(|| state.no_schema(&name.database, &name.schema))?;
        if schema.objects.contains_key(&name.name) {
            return Err(SqlError::already_exists(&name.to_string()));
        }
        let found = state.dropped.iter().rposition(|(dropped, _)| dropped == name);
        let Some((_, table)) = found.and_then(|it| state.dropped.remove(it)) else {
            // Text as users report it; the number is from general knowledge.
            let message = format!("Table {} did not exist or was purged.", Identifier(&name.name));
            return Err(SqlError::new(90_025, "02000", message));
        };
        let object = Object::Table(table);
        state.insert(name, object.clone());
        Ok(object)
    }

    /// The object keeps its identity. `002002` if the new name is taken.
    ///
    /// The unqualified names in a view's query belong to the schema that it is moved to.
    pub fn rename(&self, from: &QualifiedName, to: &QualifiedName) -> Result<(), SqlError> {
        let mut state = self.state.write();
        let source = state.schema(&from.database, &from.schema);
        if source.is_none_or(|it| !it.objects.contains_key(&from.name)) {
            return Err(SqlError::does_not_exist("Object", &from.to_string()));
        }
        let target = state
            .schema(&to.database, &to.schema)
            .ok_or_else(|| state.no_schema(&to.database, &to.schema))?;
        if target.objects.contains_key(&to.name) {
            return Err(SqlError::already_exists(&to.to_string()));
        }
        let object = match state.remove(from) {
            Some(Object::View(view)) => {
                Object::View(Arc::new(View { name: to.clone(), ..(*view).clone() }))
            }
            Some(table) => table,
            None => return Err(SqlError::does_not_exist("Object", &from.to_string())),
        };
        state.insert(to, object);
        Ok(())
    }

    /// Two tables exchange their names, at once: `ALTER TABLE … SWAP WITH`.
    pub fn swap(&self, one: &QualifiedName, other: &QualifiedName) -> Result<(), SqlError> {
        let mut state = self.state.write();
        for name in [one, other] {
            let schema = state.schema(&name.database, &name.schema);
            let object = schema.and_then(|it| it.objects.get(&name.name));
            if !matches!(object, Some(Object::Table(_))) {
                return Err(SqlError::does_not_exist("Table", &name.to_string()));
            }
        }
        if one == other {
            return Ok(());
        }
        if let (Some(left), Some(right)) = (state.remove(one), state.remove(other)) {
            state.insert(one, right);
            state.insert(other, left);
        }
        Ok(())
    }

    /// In the order of their names.
    pub fn objects(&self, database: &str, schema: &str) -> Vec<(QualifiedName, Object)> {
        let state = self.state.read();
        let objects = state.schema(database, schema).into_iter().flat_map(|it| &it.objects);
        objects.map(|(name, object)| (qualified(database, schema, name), object.clone())).collect()
    }

    /// A table that has a name, by its identity.
    pub fn table_by_id(&self, id: TableId) -> Option<(QualifiedName, Arc<Table>)> {
        let state = self.state.read();
        let name = state.tables.get(&id)?;
        match state.schema(&name.database, &name.schema)?.objects.get(&name.name)? {
            Object::Table(table) => Some((name.clone(), Arc::clone(table))),
            Object::View(_) => None,
        }
    }
}

impl State {
    fn schema(&self, database: &str, name: &str) -> Option<&Schema> {
        self.databases.get(database)?.schemas.get(name)
    }

    /// What is missing of `database.name`.
    fn no_schema(&self, database: &str, name: &str) -> SqlError {
        if self.databases.contains_key(database) {
            SqlError::does_not_exist("Schema", &schema_name(database, name))
        } else {
            no_database(database)
        }
    }

    fn insert(&mut self, name: &QualifiedName, object: Object) {
        self.generation += 1;
        if let Object::Table(table) = &object {
            self.tables.insert(table.id, name.clone());
        }
        let database = self.databases.get_mut(&name.database);
        if let Some(schema) = database.and_then(|it| it.schemas.get_mut(&name.schema)) {
            schema.objects.insert(name.name.clone(), object);
        }
    }

    fn remove(&mut self, name: &QualifiedName) -> Option<Object> {
        self.generation += 1;
        let database = self.databases.get_mut(&name.database)?;
        let object = database.schemas.get_mut(&name.schema)?.objects.remove(&name.name)?;
        if let Object::Table(table) = &object {
            self.tables.remove(&table.id);
        }
        Some(object)
    }

    fn keep_dropped(&mut self, name: &QualifiedName, table: &Arc<Table>) {
        if self.dropped.len() >= DROPPED_MAX {
            self.dropped.pop_front();
        }
        self.dropped.push_back((name.clone(), Arc::clone(table)));
    }

    /// Whether it was there.
    fn forget_schema(&mut self, database: &str, name: &str) -> bool {
        self.generation += 1;
        let schemas = self.databases.get_mut(database).map(|it| &mut it.schemas);
        let Some(schema) = schemas.and_then(|it| it.remove(name)) else { return false };
        for object in schema.objects.values() {
            if let Object::Table(table) = object {
                self.tables.remove(&table.id);
            }
        }
        self.dropped.retain(|(it, _)| it.database != database || it.schema != name);
        true
    }

    /// Whether it was there.
    fn forget_database(&mut self, name: &str) -> bool {
        let Some(database) = self.databases.get(name) else { return false };
        let schemas: Vec<String> = database.schemas.keys().cloned().collect();
        for schema in schemas {
            self.forget_schema(name, &schema);
        }
        self.databases.remove(name);
        true
    }
}

impl Schema {
    fn new(info: SchemaInfo) -> Self {
        Self { info, objects: BTreeMap::new() }
    }
}

fn qualified(database: &str, schema: &str, name: &str) -> QualifiedName {
    QualifiedName {
        database: database.to_owned(),
        schema: schema.to_owned(),
        name: name.to_owned(),
    }
}

fn schema_name(database: &str, name: &str) -> String {
    format!("{}.{}", Identifier(database), Identifier(name))
}

fn no_database(name: &str) -> SqlError {
    SqlError::does_not_exist("Database", &Identifier(name).to_string())
}

fn on_taken(
    is_taken: bool,
    on_conflict: OnConflict,
    name: impl FnOnce() -> String,
) -> Result<Created, SqlError> {
    match (is_taken, on_conflict) {
        (false, _) => Ok(Created::New),
        (true, OnConflict::Replace) => Ok(Created::Replaced),
        (true, OnConflict::IfNotExists) => Ok(Created::AlreadyThere),
        (true, OnConflict::Fail) => Err(SqlError::already_exists(&name())),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{at, definition},
        *,
    };

    fn catalog() -> Catalog {
        let catalog = Catalog::default();
        let info = DatabaseInfo { name: "DB".to_owned(), created_at: at(0), comment: None };
        catalog.create_database(info, OnConflict::Fail).expect("a new database");
        catalog
    }

    fn name(text: &str) -> QualifiedName {
        match text.split('.').collect::<Vec<_>>()[..] {
            [database, schema, name] => qualified(database, schema, name),
            _ => panic!("three parts, not {text}"),
        }
    }

    fn table() -> Object {
        Object::Table(Table::new(definition(&["ID NUMBER(38,0)"], &[]), at(0)))
    }

    fn id(object: &Object) -> TableId {
        match object {
            Object::Table(table) => table.id,
            Object::View(_) => panic!("a view"),
        }
    }

    fn put(catalog: &Catalog, text: &str) -> TableId {
        let object = table();
        catalog.put(&name(text), object.clone(), OnConflict::Fail).expect("a free name");
        id(&object)
    }

    #[track_caller]
    fn refused<T: fmt::Debug>(result: Result<T, SqlError>, expected: &str) {
        assert_eq!(result.expect_err("a refusal").to_string(), expected);
    }

    #[test]
    fn names_are_quoted_where_they_must_be() {
        assert_eq!(name("DB.PUBLIC.T_1$").to_string(), "DB.PUBLIC.T_1$");
        assert_eq!(name("Db._S.a \"b\"").to_string(), r#""Db"._S."a ""b""""#);
        assert_eq!(name("1A.$A.").to_string(), r#""1A"."$A"."""#);
    }

    #[test]
    fn a_new_database_has_the_schema_public() {
        let catalog = catalog();
        let schemas: Vec<String> = catalog.schemas("DB").into_iter().map(|it| it.name).collect();
        assert_eq!(schemas, ["PUBLIC"]);
        assert!(catalog.database("DB").is_some());
        assert!(catalog.database("db").is_none());
    }

    #[test]
    fn what_is_missing_is_named_by_its_kind() {
        let catalog = catalog();
        refused(
            catalog.drop_database("NOPE", false),
            "002003 (02000): SQL compilation error:\n\
             Database 'NOPE' does not exist or not authorized.",
        );
        refused(
            catalog.drop_schema("DB", "nope", false),
            "002003 (02000): SQL compilation error:\n\
             Schema 'DB.\"nope\"' does not exist or not authorized.",
        );
        refused(
            catalog.put(&name("NOPE.S.T"), table(), OnConflict::Fail),
            "002003 (02000): SQL compilation error:\n\
             Database 'NOPE' does not exist or not authorized.",
        );
        refused(
            catalog.rename(&name("DB.PUBLIC.T"), &name("DB.PUBLIC.U")),
            "002003 (42S02): SQL compilation error:\n\
             Object 'DB.PUBLIC.T' does not exist or not authorized.",
        );
        assert_eq!(catalog.drop_database("NOPE", true), Ok(false));
        assert_eq!(catalog.drop_schema("DB", "NOPE", true), Ok(false));
    }

    #[test]
    fn a_taken_name_is_refused_replaced_or_left() {
        let catalog = catalog();
        let first = put(&catalog, "DB.PUBLIC.T");
        refused(
            catalog.put(&name("DB.PUBLIC.T"), table(), OnConflict::Fail),
            "002002 (42710): SQL compilation error:\nObject 'DB.PUBLIC.T' already exists.",
        );
        let (created, old) = catalog
            .put(&name("DB.PUBLIC.T"), table(), OnConflict::IfNotExists)
            .expect("no refusal");
        assert_eq!((created, old.is_none()), (Created::AlreadyThere, true));
        let (created, old) =
            catalog.put(&name("DB.PUBLIC.T"), table(), OnConflict::Replace).expect("no refusal");
        assert_eq!((created, old.as_ref().map(id)), (Created::Replaced, Some(first)));
        assert!(catalog.table_by_id(first).is_none(), "a replaced table has no name");
    }

    #[test]
    fn replacing_a_database_drops_what_was_in_it() {
        let catalog = catalog();
        let id = put(&catalog, "DB.PUBLIC.T");
        let info = DatabaseInfo { name: "DB".to_owned(), created_at: at(9), comment: None };
        assert_eq!(catalog.create_database(info, OnConflict::Replace), Ok(Created::Replaced));
        assert!(catalog.get(&name("DB.PUBLIC.T")).is_none());
        assert!(catalog.table_by_id(id).is_none());
        assert!(catalog.undrop(&name("DB.PUBLIC.T")).is_err());
    }

    #[test]
    fn a_renamed_table_keeps_its_identity() {
        let catalog = catalog();
        let id = put(&catalog, "DB.PUBLIC.T");
        let other = put(&catalog, "DB.PUBLIC.U");
        refused(
            catalog.rename(&name("DB.PUBLIC.T"), &name("DB.PUBLIC.U")),
            "002002 (42710): SQL compilation error:\nObject 'DB.PUBLIC.U' already exists.",
        );
        catalog.rename(&name("DB.PUBLIC.T"), &name("DB.PUBLIC.S")).expect("a free name");
        let place = |id| catalog.table_by_id(id).map(|(name, _)| name.to_string());
        assert_eq!(place(id).as_deref(), Some("DB.PUBLIC.S"));
        assert_eq!(place(other).as_deref(), Some("DB.PUBLIC.U"));
        let names: Vec<String> =
            catalog.objects("DB", "PUBLIC").into_iter().map(|(it, _)| it.name).collect();
        assert_eq!(names, ["S", "U"]);
    }

    #[test]
    fn tables_swap_their_names() {
        let catalog = catalog();
        let (one, other) = (put(&catalog, "DB.PUBLIC.T"), put(&catalog, "DB.PUBLIC.U"));
        catalog.swap(&name("DB.PUBLIC.T"), &name("DB.PUBLIC.U")).expect("two tables");
        let place = |id| catalog.table_by_id(id).map(|(name, _)| name.to_string());
        assert_eq!(place(one).as_deref(), Some("DB.PUBLIC.U"));
        assert_eq!(place(other).as_deref(), Some("DB.PUBLIC.T"));
        catalog.swap(&name("DB.PUBLIC.T"), &name("DB.PUBLIC.T")).expect("a table");
        assert_eq!(place(other).as_deref(), Some("DB.PUBLIC.T"));
        refused(
            catalog.swap(&name("DB.PUBLIC.T"), &name("DB.PUBLIC.X")),
            "002003 (42S02): SQL compilation error:\n\
             Table 'DB.PUBLIC.X' does not exist or not authorized.",
        );
        assert_eq!(place(other).as_deref(), Some("DB.PUBLIC.T"));
    }

    #[test]
    fn a_renamed_view_knows_its_name() {
        let catalog = catalog();
        let view = View {
            name: name("DB.PUBLIC.V"),
            created_at: at(0),
            columns: None,
            query: "SELECT 1".to_owned(),
            comment: None,
        };
        let from = view.name.clone();
        catalog.put(&from, Object::View(Arc::new(view)), OnConflict::Fail).expect("a free name");
        catalog.rename(&from, &name("DB.PUBLIC.W")).expect("a free name");
        match catalog.get(&name("DB.PUBLIC.W")) {
            Some(Object::View(view)) => assert_eq!(view.name, name("DB.PUBLIC.W")),
            other => panic!("not a view: {other:?}"),
        }
    }

    #[test]
    fn undrop_brings_back_the_latest_first() {
        let catalog = catalog();
        let wanted = name("DB.PUBLIC.T");
        let first = put(&catalog, "DB.PUBLIC.T");
        assert!(catalog.drop(&wanted).is_some());
        assert!(catalog.drop(&wanted).is_none());
        let second = put(&catalog, "DB.PUBLIC.T");
        refused(
            catalog.undrop(&wanted),
            "002002 (42710): SQL compilation error:\nObject 'DB.PUBLIC.T' already exists.",
        );
        catalog.put(&wanted, table(), OnConflict::Replace).expect("no refusal");
        catalog.rename(&wanted, &name("DB.PUBLIC.U")).expect("a free name");
        assert_eq!(catalog.undrop(&wanted).as_ref().map(id), Ok(second));
        catalog.rename(&wanted, &name("DB.PUBLIC.V")).expect("a free name");
        assert_eq!(catalog.undrop(&wanted).as_ref().map(id), Ok(first));
        catalog.rename(&wanted, &name("DB.PUBLIC.W")).expect("a free name");
        refused(catalog.undrop(&wanted), "090025 (02000): Table T did not exist or was purged.");
        assert_eq!(catalog.table_by_id(first).map(|it| it.0), Some(name("DB.PUBLIC.W")));
    }

    #[test]
    fn only_so_many_dropped_tables_are_kept() {
        let catalog = catalog();
        for index in 0..=DROPPED_MAX {
            put(&catalog, &format!("DB.PUBLIC.T{index}"));
            catalog.drop(&name(&format!("DB.PUBLIC.T{index}")));
        }
        assert!(catalog.undrop(&name("DB.PUBLIC.T0")).is_err());
        assert!(catalog.undrop(&name("DB.PUBLIC.T1")).is_ok());
    }
}
