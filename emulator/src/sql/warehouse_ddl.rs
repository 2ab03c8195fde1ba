//! Parses statements about warehouses, of which the engine's dialect has none.
//!
//! Only what is written: names are not looked up, values not checked against a kind or release.
//! `USE WAREHOUSE` is a statement about the session, and not here.

use super::cursor::Cursor;
use crate::{
    error::SqlError,
    regression::{Regression, regressed},
    store::catalog::OnConflict,
    warehouse::{Kind, Properties, invalid_property, invalid_value},
};
use datafusion::sql::sqlparser::tokenizer::Token;

/// One to three parts, as stored.
pub type ObjectName = Vec<String>;

#[derive(Clone, Debug, PartialEq)]
pub enum WarehouseStatement {
    Create {
        name: String,
        kind: Kind,
        on_conflict: OnConflict,
        properties: Properties,
        /// Of an interactive warehouse alone.
        tables: Vec<ObjectName>,
    },
    Alter {
        /// `None`: the session's current one.
        name: Option<String>,
        if_exists: bool,
        action: WarehouseAction,
    },
    Drop {
        name: String,
        if_exists: bool,
    },
    Describe {
        name: String,
    },
    ShowWarehouses {
        like: Option<String>,
    },
    ShowParametersInWarehouse {
        like: Option<String>,
        name: String,
    },
}

#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one lives at a time, as long as its statement")]
pub enum WarehouseAction {
    Resume {
        if_suspended: bool,
    },
    Suspend,
    AbortAllQueries,
    RenameTo(String),
    Set(Properties),
    /// In upper case, at least one.
    Unset(Vec<String>),
    AddTables(Vec<ObjectName>),
    /// Detaches them.
    DropTables(Vec<ObjectName>),
}

/// Words that begin what `ALTER WAREHOUSE` does. A warehouse may be named like one of them.
const ACTIONS: [&str; 8] = ["SUSPEND", "RESUME", "ABORT", "RENAME", "SET", "UNSET", "ADD", "DROP"];

/// What a statement about warehouses begins with.
const VERBS: [&str; 6] = ["CREATE", "ALTER", "DROP", "DESCRIBE", "DESC", "SHOW"];

/// `None`: the text is not a statement about warehouses. Text that cannot be split into tokens is
/// none either; whoever parses it next will say so.
pub fn parse(sql: &str) -> Option<Result<WarehouseStatement, SqlError>> {
    // Every statement comes by here, and an INSERT may be megabytes long: one that begins with
    // another word is not split.
    let word = first_word(sql);
    if !VERBS.iter().any(|it| word.eq_ignore_ascii_case(it)) {
        return None;
    }
    let mut cursor = Cursor::new(sql).ok()?;
    match cursor.take_one_of(&VERBS)? {
        "CREATE" => {
            let or_alter = cursor.take_keywords(&["OR", "ALTER"]);
            let replace = !or_alter && cursor.take_keywords(&["OR", "REPLACE"]);
            let interactive = cursor.take_keyword("INTERACTIVE");
            cursor.take_keyword("WAREHOUSE").then(|| {
                if or_alter {
                    return Err(SqlError::not_implemented("CREATE OR ALTER WAREHOUSE"));
                }
                let kind = if interactive { Kind::Interactive } else { Kind::Standard };
                create(&mut cursor, kind, replace)
            })
        }
        verb @ ("ALTER" | "DROP" | "DESCRIBE" | "DESC") => {
            if cursor.peek_keywords(&["INTERACTIVE", "WAREHOUSE"]) {
                // Only CREATE has the word (catalogue S-28).
                cursor.take_keyword("INTERACTIVE");
                if !regressed(Regression::AlterInteractiveWarehouse) {
                    return Some(Err(cursor.unexpected()));
                }
            }
            cursor.take_keyword("WAREHOUSE").then(|| match verb {
                "ALTER" => alter(&mut cursor),
                "DROP" => {
                    let if_exists = cursor.take_keywords(&["IF", "EXISTS"]);
                    let name = account_name(&mut cursor)?;
                    cursor.end()?;
                    Ok(WarehouseStatement::Drop { name, if_exists })
                }
                _ => {
                    let name = account_name(&mut cursor)?;
                    cursor.end()?;
                    Ok(WarehouseStatement::Describe { name })
                }
            })
        }
        _ if cursor.take_keyword("WAREHOUSES") => Some(show_warehouses(&mut cursor)),
        _ if cursor.take_keyword("PARAMETERS") => show_parameters(&mut cursor),
        _ => None,
    }
}

/// The word after leading white space and comments; empty if there is none.
fn first_word(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    loop {
        let after = if rest.starts_with("--") || rest.starts_with("//") {
            rest.split_once('\n').map(|it| it.1)
        } else if rest.starts_with("/*") {
            rest.split_once("*/").map(|it| it.1)
        } else {
            let end = rest.find(|it: char| !it.is_ascii_alphanumeric()).unwrap_or(rest.len());
            return rest.get(..end).unwrap_or_default();
        };
        rest = after.unwrap_or_default().trim_start();
    }
}

fn create(
    cursor: &mut Cursor<'_>,
    kind: Kind,
    replace: bool,
) -> Result<WarehouseStatement, SqlError> {
    let if_not_exists = cursor.take_keywords(&["IF", "NOT", "EXISTS"]);
    let on_conflict = match (replace, if_not_exists) {
        // The text is the service's for other objects; the code is not public.
        (true, true) => {
            return Err(SqlError::new(
                1998,
                "42601",
                "SQL compilation error:\noptions IF NOT EXISTS and OR REPLACE are incompatible.",
            ));
        }
        (true, false) => OnConflict::Replace,
        (false, true) => OnConflict::IfNotExists,
        (false, false) => OnConflict::Fail,
    };
    let name = account_name(cursor)?;
    let mut properties = Properties::default();
    let mut tables = Vec::new();
    while !cursor.at_end() {
        if cursor.take_keyword("WITH") {
            if cursor.at_end() {
                return Err(cursor.unexpected());
            }
        } else if kind == Kind::Interactive && cursor.take_keyword("TABLES") {
            tables = cursor.parenthesised(Cursor::object_name)?;
        } else {
            property(cursor, &mut properties)?;
            if cursor.take(&Token::Comma) && cursor.at_end() {
                return Err(cursor.unexpected());
            }
        }
    }
    Ok(WarehouseStatement::Create { name, kind, on_conflict, properties, tables })
}

fn alter(cursor: &mut Cursor<'_>) -> Result<WarehouseStatement, SqlError> {
    let if_exists = cursor.take_keywords(&["IF", "EXISTS"]);
    let is_action = |token: &Token| {
        matches!(token, Token::Word(word)
        if word.quote_style.is_none() && ACTIONS.iter().any(|it| word.value.eq_ignore_ascii_case(it)))
    };
    let nameless = is_action(cursor.peek()) && !is_action(cursor.peek_nth(1));
    let name = if nameless { None } else { Some(account_name(cursor)?) };

    let action = match cursor.take_one_of(&ACTIONS) {
        Some("SUSPEND") => WarehouseAction::Suspend,
        Some("RESUME") => {
            WarehouseAction::Resume { if_suspended: cursor.take_keywords(&["IF", "SUSPENDED"]) }
        }
        Some("ABORT") => {
            cursor.expect_keywords(&["ALL", "QUERIES"])?;
            WarehouseAction::AbortAllQueries
        }
        Some("RENAME") => {
            cursor.expect_keyword("TO")?;
            WarehouseAction::RenameTo(account_name(cursor)?)
        }
        Some("SET") => {
            let mut properties = Properties::default();
            property(cursor, &mut properties)?;
            while !cursor.at_end() {
                cursor.take(&Token::Comma);
                property(cursor, &mut properties)?;
            }
            WarehouseAction::Set(properties)
        }
        Some("UNSET") => {
            if cursor.peek_keyword("TAG") {
                return Err(SqlError::not_implemented("tags of warehouses"));
            }
            let mut names = vec![cursor.identifier()?];
            while cursor.take(&Token::Comma) {
                names.push(cursor.identifier()?);
            }
            WarehouseAction::Unset(names)
        }
        Some("ADD") => {
            cursor.expect_keyword("TABLES")?;
            let is_bare = *cursor.peek() != Token::LParen;
            WarehouseAction::AddTables(
                match is_bare && regressed(Regression::AttachWithoutParentheses) {
                    true => vec![cursor.object_name()?],
                    false => cursor.parenthesised(Cursor::object_name)?,
                },
            )
        }
        Some(_) => {
            cursor.expect_keyword("TABLES")?;
            WarehouseAction::DropTables(cursor.parenthesised(Cursor::object_name)?)
        }
        None => return Err(cursor.unexpected()),
    };
    cursor.end()?;
    Ok(WarehouseStatement::Alter { name, if_exists, action })
}

/// `NAME = value`; the last one of a name wins.
fn property(cursor: &mut Cursor<'_>, into: &mut Properties) -> Result<(), SqlError> {
    // Words of their own syntax, not properties: `SET TABLES = (…)` does not parse (catalogue S-29).
    if cursor.peek_keyword("TABLES") {
        if regressed(Regression::SetTables) {
            cursor.rest();
            return Ok(());
        }
        return Err(cursor.unexpected());
    }
    if cursor.peek_keyword("TAG") {
        return Err(SqlError::not_implemented("tags of warehouses"));
    }
    if !matches!(cursor.peek(), Token::Word(it) if it.quote_style.is_none())
        || *cursor.peek_nth(1) != Token::Eq
    {
        // A word that is no property is unexpected itself; after one, `=` is missing.
        if let Token::Word(it) = cursor.peek()
            && PROPERTIES.iter().any(|name| it.value.eq_ignore_ascii_case(name))
        {
            cursor.next();
        }
        return Err(cursor.unexpected());
    }
    let name = cursor.identifier()?;
    cursor.expect(&Token::Eq)?;
    match name.as_str() {
        "WAREHOUSE_TYPE" => {
            let text = cursor.word_or_string()?;
            into.warehouse_type = Some(match text.to_ascii_uppercase().as_str() {
                "STANDARD" => Kind::Standard,
                "INTERACTIVE" => Kind::Interactive,
                "SNOWPARK-OPTIMIZED" | "ADAPTIVE" => {
                    return Err(SqlError::not_implemented(format!("WAREHOUSE_TYPE = '{text}'")));
                }
                _ => return Err(invalid_value(&text, &name)),
            });
        }
        "WAREHOUSE_SIZE" => into.size = Some(cursor.word_or_string()?),
        "MIN_CLUSTER_COUNT" => into.min_cluster_count = Some(cursor.number()?),
        "MAX_CLUSTER_COUNT" => into.max_cluster_count = Some(cursor.number()?),
        "AUTO_SUSPEND" => {
            let none = cursor.take_keyword("NULL");
            into.auto_suspend = Some(if none { None } else { Some(cursor.number()?) });
        }
        "AUTO_RESUME" => into.auto_resume = Some(cursor.boolean()?),
        "INITIALLY_SUSPENDED" => into.initially_suspended = Some(cursor.boolean()?),
        "COMMENT" => into.comment = Some(cursor.string()?),
        "SCALING_POLICY" => into.scaling_policy = Some(cursor.word_or_string()?),
        "ENABLE_QUERY_ACCELERATION" => into.enable_query_acceleration = Some(cursor.boolean()?),
        "QUERY_ACCELERATION_MAX_SCALE_FACTOR" => {
            into.query_acceleration_max_scale_factor = Some(cursor.number()?);
        }
        "MAX_CONCURRENCY_LEVEL" => into.max_concurrency_level = Some(cursor.number()?),
        "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS" => {
            into.statement_queued_timeout_in_seconds = Some(cursor.number()?);
        }
        "STATEMENT_TIMEOUT_IN_SECONDS" => {
            into.statement_timeout_in_seconds = Some(cursor.number()?);
        }
        "FALLBACK_WAREHOUSE" => into.fallback_warehouse = Some(name_or_nothing(cursor)?),
        "RESOURCE_MONITOR" => into.resource_monitor = Some(cursor.word_or_string()?),
        "RESOURCE_CONSTRAINT" | "GENERATION" => {
            return Err(SqlError::not_implemented(format!("{name} of warehouses")));
        }
        _ => return Err(invalid_property(&name)),
    }
    Ok(())
}

/// What [`property`] reads.
const PROPERTIES: [&str; 18] = [
    "WAREHOUSE_TYPE",
    "WAREHOUSE_SIZE",
    "MIN_CLUSTER_COUNT",
    "MAX_CLUSTER_COUNT",
    "AUTO_SUSPEND",
    "AUTO_RESUME",
    "INITIALLY_SUSPENDED",
    "COMMENT",
    "SCALING_POLICY",
    "ENABLE_QUERY_ACCELERATION",
    "QUERY_ACCELERATION_MAX_SCALE_FACTOR",
    "MAX_CONCURRENCY_LEVEL",
    "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS",
    "STATEMENT_TIMEOUT_IN_SECONDS",
    "FALLBACK_WAREHOUSE",
    "RESOURCE_MONITOR",
    "RESOURCE_CONSTRAINT",
    "GENERATION",
];

/// A warehouse's name, alone or in a string; NULL and the empty string are none.
fn name_or_nothing(cursor: &mut Cursor<'_>) -> Result<Option<String>, SqlError> {
    if cursor.take_keyword("NULL") {
        return Ok(None);
    }
    if !matches!(cursor.peek(), Token::SingleQuotedString(_)) {
        return account_name(cursor).map(Some);
    }
    let mark = cursor.mark();
    let text = cursor.string()?;
    if text.is_empty() {
        return Ok(None);
    }
    let inner = Cursor::new(&text).and_then(|mut it| {
        let name = account_name(&mut it)?;
        it.end().map(|()| name)
    });
    inner.map(Some).map_err(|_| {
        cursor.reset(mark);
        cursor.unexpected()
    })
}

/// The name of something that no schema contains.
fn account_name(cursor: &mut Cursor<'_>) -> Result<String, SqlError> {
    let mark = cursor.mark();
    let parts = cursor.object_name()?;
    match <[String; 1]>::try_from(parts) {
        Ok([name]) => Ok(name),
        Err(_) => {
            cursor.reset(mark);
            if matches!(cursor.peek_nth(1), Token::Period) {
                cursor.next();
            }
            Err(cursor.unexpected())
        }
    }
}

fn show_warehouses(cursor: &mut Cursor<'_>) -> Result<WarehouseStatement, SqlError> {
    let like = like(cursor)?;
    cursor.take_keywords(&["IN", "ACCOUNT"]);
    if let Some(clause) = cursor.take_one_of(&["STARTS", "LIMIT", "WITH"]) {
        return Err(SqlError::not_implemented(format!("SHOW WAREHOUSES … {clause}")));
    }
    cursor.end()?;
    Ok(WarehouseStatement::ShowWarehouses { like })
}

/// `None`: of something else than a warehouse.
fn show_parameters(cursor: &mut Cursor<'_>) -> Option<Result<WarehouseStatement, SqlError>> {
    // A pattern that is missing is for whoever parses SHOW PARAMETERS.
    let like = like(cursor).ok()?;
    cursor.take_one_of(&["IN", "FOR"])?;
    cursor.take_keyword("WAREHOUSE").then(|| {
        let name = account_name(cursor)?;
        cursor.end()?;
        Ok(WarehouseStatement::ShowParametersInWarehouse { like, name })
    })
}

fn like(cursor: &mut Cursor<'_>) -> Result<Option<String>, SqlError> {
    if cursor.take_keyword("LIKE") { cursor.string().map(Some) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use WarehouseAction::*;
    use WarehouseStatement::*;

    #[track_caller]
    fn parsed(sql: &str) -> WarehouseStatement {
        match parse(sql) {
            Some(Ok(statement)) => statement,
            other => panic!("{sql}: {other:?}"),
        }
    }

    /// `expected` is what follows `SQL compilation error:` or the whole text without that.
    #[track_caller]
    fn refused(sql: &str, code: u32, expected: &str) {
        match parse(sql) {
            Some(Err(error)) => {
                let text = error.message.trim_start_matches("SQL compilation error:\n");
                assert_eq!((error.code, text), (code, expected), "{sql}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[track_caller]
    fn created(sql: &str) -> (Kind, OnConflict, Properties, Vec<ObjectName>) {
        match parsed(sql) {
            Create { name, kind, on_conflict, properties, tables } => {
                assert_eq!(name, "W");
                (kind, on_conflict, properties, tables)
            }
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[track_caller]
    fn altered(sql: &str, expected: WarehouseAction) {
        match parsed(sql) {
            Alter { action, .. } => assert_eq!(action, expected, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
    }

    fn table(parts: &[&str]) -> ObjectName {
        parts.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn warehouses_are_created_with_properties_in_any_order() {
        let (kind, on_conflict, properties, tables) = created(
            "create or replace interactive warehouse w tables (t_it, db.s.\"t\")\n\
             with max_cluster_count = 2, WAREHOUSE_SIZE='XSMALL' auto_suspend = NULL\n\
             auto_resume=true comment = 'it''s' FALLBACK_WAREHOUSE = t_std;",
        );
        assert_eq!((kind, on_conflict), (Kind::Interactive, OnConflict::Replace));
        assert_eq!(tables, [table(&["T_IT"]), table(&["DB", "S", "t"])]);
        assert_eq!(
            properties,
            Properties {
                size: Some("XSMALL".to_owned()),
                max_cluster_count: Some(2),
                auto_suspend: Some(None),
                auto_resume: Some(true),
                comment: Some("it's".to_owned()),
                fallback_warehouse: Some(Some("T_STD".to_owned())),
                ..Properties::default()
            }
        );

        let (kind, on_conflict, properties, _) = created(
            "CREATE WAREHOUSE IF NOT EXISTS W WAREHOUSE_SIZE=xsmall WAREHOUSE_TYPE='STANDARD'",
        );
        assert_eq!((kind, on_conflict), (Kind::Standard, OnConflict::IfNotExists));
        assert_eq!(properties.warehouse_type, Some(Kind::Standard));
        assert_eq!(created("create warehouse w").2, Properties::default());
    }

    #[test]
    fn create_is_refused_as_the_service_refuses_it() {
        refused(
            "CREATE OR REPLACE WAREHOUSE IF NOT EXISTS W",
            1998,
            "options IF NOT EXISTS and OR REPLACE are incompatible.",
        );
        refused("CREATE WAREHOUSE W FOO = 1", 1420, "invalid property 'FOO' for 'WAREHOUSE'");
        refused(
            "CREATE WAREHOUSE W TABLES (T)",
            1003,
            "syntax error line 1 at position 19 unexpected 'TABLES'.",
        );
        refused(
            "CREATE INTERACTIVE WAREHOUSE W\n  TABLES ()",
            1003,
            "syntax error line 2 at position 10 unexpected ')'.",
        );
        refused(
            "CREATE WAREHOUSE W AUTO_SUSPEND 60",
            1003,
            "syntax error line 1 at position 32 unexpected '60'.",
        );
        refused(
            "CREATE WAREHOUSE W AUTO_SUSPEND = soon",
            1003,
            "syntax error line 1 at position 34 unexpected 'soon'.",
        );
        refused(
            "CREATE WAREHOUSE DB.W",
            1003,
            "syntax error line 1 at position 19 unexpected '.'.",
        );
        refused("CREATE WAREHOUSE", 1003, "syntax error line 1 at position 16 unexpected '<EOF>'.");
        refused(
            "CREATE WAREHOUSE W WITH",
            1003,
            "syntax error line 1 at position 23 unexpected '<EOF>'.",
        );
        refused(
            "CREATE WAREHOUSE W WAREHOUSE_TYPE = 'FAST'",
            1422,
            "invalid value 'FAST' for property 'WAREHOUSE_TYPE'",
        );
    }

    #[test]
    fn every_action_of_alter_is_read() {
        altered("alter warehouse w suspend", Suspend);
        altered("alter warehouse w resume;", Resume { if_suspended: false });
        altered("ALTER WAREHOUSE W RESUME IF SUSPENDED", Resume { if_suspended: true });
        altered("ALTER WAREHOUSE W ABORT ALL QUERIES", AbortAllQueries);
        altered("ALTER WAREHOUSE W RENAME TO \"w 2\"", RenameTo("w 2".to_owned()));
        altered(
            "ALTER WAREHOUSE W ADD TABLES (a, b)",
            AddTables(vec![table(&["A"]), table(&["B"])]),
        );
        altered("ALTER WAREHOUSE W DROP TABLES (s.a)", DropTables(vec![table(&["S", "A"])]));
        let unset = ["AUTO_SUSPEND", "COMMENT"].map(str::to_owned).to_vec();
        altered("ALTER WAREHOUSE W UNSET auto_suspend, comment", Unset(unset));
        let set = Properties {
            statement_timeout_in_seconds: Some(45),
            fallback_warehouse: Some(Some("t_std".to_owned())),
            ..Properties::default()
        };
        altered(
            "ALTER WAREHOUSE W SET STATEMENT_TIMEOUT_IN_SECONDS=45 FALLBACK_WAREHOUSE='\"t_std\"'",
            Set(set),
        );
        let nothing = Properties { fallback_warehouse: Some(None), ..Properties::default() };
        altered("ALTER WAREHOUSE W SET FALLBACK_WAREHOUSE = NULL", Set(nothing));
        let kind = Properties { warehouse_type: Some(Kind::Interactive), ..Properties::default() };
        altered("ALTER WAREHOUSE W SET WAREHOUSE_TYPE = 'INTERACTIVE'", Set(kind));
    }

    #[test]
    fn alter_names_a_warehouse_or_means_the_current_one() {
        #[track_caller]
        fn check(sql: &str, expected: Option<&str>, expected_if_exists: bool) {
            match parsed(sql) {
                Alter { name, if_exists, .. } => {
                    assert_eq!((name.as_deref(), if_exists), (expected, expected_if_exists));
                }
                other => panic!("{sql}: {other:?}"),
            }
        }
        check("ALTER WAREHOUSE SUSPEND", None, false);
        check("ALTER WAREHOUSE RESUME IF SUSPENDED", None, false);
        check("ALTER WAREHOUSE SET COMMENT = 'a'", None, false);
        check("ALTER WAREHOUSE IF EXISTS w SUSPEND", Some("W"), true);
        check("ALTER WAREHOUSE suspend SUSPEND", Some("SUSPEND"), false);
        check("ALTER WAREHOUSE identifier('w') SUSPEND", Some("W"), false);
    }

    #[test]
    fn alter_is_refused_as_the_service_refuses_it() {
        #[track_caller]
        fn check(sql: &str, position: u32, unexpected: &str) {
            let text =
                format!("syntax error line 1 at position {position} unexpected '{unexpected}'.");
            refused(sql, 1003, &text);
        }
        check("ALTER INTERACTIVE WAREHOUSE W RESUME", 18, "WAREHOUSE");
        check("ALTER WAREHOUSE W SET TABLES = (T)", 22, "TABLES");
        check("ALTER WAREHOUSE W ADD TABLES T", 29, "T");
        check("ALTER WAREHOUSE W REMOVE TABLES (T)", 18, "REMOVE");
        check("ALTER WAREHOUSE W ADD (T)", 22, "(");
        check("ALTER WAREHOUSE W", 17, "<EOF>");
        check("ALTER WAREHOUSE W SET", 21, "<EOF>");
        check("ALTER WAREHOUSE W SUSPEND NOW", 26, "NOW");
        check("ALTER WAREHOUSE W SET bogus 1", 22, "bogus");
        refused("ALTER WAREHOUSE W SET X = 1", 1420, "invalid property 'X' for 'WAREHOUSE'");
    }

    #[test]
    fn the_other_statements_are_read() {
        let name = || "W".to_owned();
        assert_eq!(parsed("drop warehouse w"), Drop { name: name(), if_exists: false });
        assert_eq!(parsed("DROP WAREHOUSE IF EXISTS W"), Drop { name: name(), if_exists: true });
        assert_eq!(parsed("desc warehouse w"), Describe { name: name() });
        assert_eq!(parsed("SHOW WAREHOUSES"), ShowWarehouses { like: None });
        let commented = " -- a\n/* b */// c\n show /* d */ warehouses -- e";
        assert_eq!(parsed(commented), ShowWarehouses { like: None });
        let like = Some("T\\_IW".to_owned());
        let statement = ShowWarehouses { like: like.clone() };
        assert_eq!(parsed("show warehouses like 'T\\\\_IW'"), statement);
        assert_eq!(
            parsed("SHOW PARAMETERS LIKE 'T\\\\_IW' IN WAREHOUSE W"),
            ShowParametersInWarehouse { like, name: name() }
        );
    }

    #[test]
    fn what_is_not_about_warehouses_is_left_to_others() {
        for sql in [
            "SELECT 1",
            "CREATE TABLE WAREHOUSE (A INT)",
            "CREATE INTERACTIVE TABLE T (A INT) CLUSTER BY (A)",
            "CREATE OR REPLACE DATABASE D",
            "ALTER TABLE T SUSPEND",
            "ALTER INTERACTIVE TABLE T SUSPEND",
            "DROP TABLE WAREHOUSE",
            "DESCRIBE TABLE T",
            "SHOW TABLES",
            "SHOW PARAMETERS",
            "SHOW PARAMETERS IN SESSION",
            "USE WAREHOUSE W",
            "",
            "-- SHOW WAREHOUSES",
            "/* SHOW WAREHOUSES",
            "SELECT 'open",
            "SHOW 'open",
        ] {
            assert_eq!(parse(sql), None, "{sql}");
        }
    }
}
