//! The parser of what is said of refreshes: the options of `CREATE DYNAMIC TABLE` and of
//! `CREATE INTERACTIVE TABLE`, and `ALTER DYNAMIC | INTERACTIVE TABLE`.
//!
//! What it does is in [`super::refreshed`].

use super::{
    cursor::Cursor,
    ddl::{Name, PropertyValue, clustering_keys, property_value},
};
use crate::{
    error::SqlError,
    refresh::{declared::Initialize, mode::AskedMode},
    regression::{Regression, regressed},
    store::table::TableKind,
};
use datafusion::sql::sqlparser::tokenizer::Token;

/// What `CREATE` says of a table's refreshes, as typed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RefreshOptions {
    /// A time, or `DOWNSTREAM`.
    pub target_lag: Option<String>,
    pub scheduler: Option<Scheduler>,
    pub warehouse: Option<String>,
    pub initialization_warehouse: Option<String>,
    pub mode: AskedMode,
    pub initialize: Option<Initialize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduler {
    Enable,
    Disable,
}

/// `ALTER DYNAMIC TABLE`, or `ALTER INTERACTIVE TABLE`.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterRefreshed {
    /// [`TableKind::Dynamic`] or [`TableKind::Interactive`].
    pub kind: TableKind,
    /// One, but for REFRESH.
    pub names: Vec<Name>,
    pub if_exists: bool,
    pub action: RefreshedAction,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RefreshedAction {
    Set(Vec<(String, PropertyValue)>),
    Unset(Vec<String>),
    Suspend,
    Resume,
    Refresh,
    RenameTo(Name),
    SwapWith(Name),
    ClusterBy(Vec<String>),
    DropClusteringKey,
}

/// Clauses that are refused by name, in `CREATE` and `ALTER … SET` alike.
const LACKING: &[&[&str]] = &[
    &["AGGREGATION", "POLICY"],
    &["BACKFILL"],
    &["CONTACT"],
    &["EXECUTE", "AS"],
    &["FROZEN", "WHERE"],
    &["IMMUTABLE", "WHERE"],
    &["JOIN", "POLICY"],
    &["LOG_LEVEL"],
    &["REQUIRE", "USER"],
    &["ROW", "ACCESS", "POLICY"],
    &["ROW_TIMESTAMP"],
    &["START", "AT"],
    &["STORAGE", "LIFECYCLE", "POLICY"],
    &["TAG"],
];

fn refuse_lacking(c: &mut Cursor<'_>) -> Result<(), SqlError> {
    let mark = c.mark();
    c.take_keyword("WITH");
    match LACKING.iter().find(|it| c.peek_keywords(it)) {
        Some(words) => {
            Err(SqlError::not_implemented(format!("{} of a dynamic table", words.join(" "))))
        }
        None => {
            c.reset(mark);
            Ok(())
        }
    }
}

/// Takes an option of `CREATE DYNAMIC TABLE`, if one is next. `name` is the table's, for errors.
pub fn option(
    c: &mut Cursor<'_>,
    options: &mut RefreshOptions,
    name: &str,
) -> Result<bool, SqlError> {
    if c.take_keyword("TARGET_LAG") {
        c.expect(&Token::Eq)?;
        options.target_lag = Some(match c.peek_keyword("DOWNSTREAM") {
            true => c.identifier()?,
            false => c.string()?,
        });
    } else if c.take_keyword("SCHEDULER") {
        c.expect(&Token::Eq)?;
        options.scheduler = Some(scheduler(&c.word_or_string()?)?);
    } else if c.take_keyword("WAREHOUSE") {
        c.expect(&Token::Eq)?;
        if c.peek_keyword("DEFAULT") {
            // A word of the language, unless it is quoted (dbt-snowflake#1145).
            return Err(SqlError::new(
                2736,
                "22023",
                format!(
                    "SQL compilation error:\nWAREHOUSE value of Dynamic Table '{name}' unsupported."
                ),
            ));
        }
        options.warehouse = Some(c.identifier()?);
    } else if c.take_keyword("INITIALIZATION_WAREHOUSE") {
        c.expect(&Token::Eq)?;
        options.initialization_warehouse = Some(c.identifier()?);
    } else if c.take_keyword("REFRESH_MODE") {
        c.expect(&Token::Eq)?;
        let word = c.word_or_string()?;
        options.mode = match word.to_uppercase().as_str() {
            "AUTO" => AskedMode::Auto,
            "FULL" => AskedMode::Full,
            "INCREMENTAL" => AskedMode::Incremental,
            it @ ("ADAPTIVE" | "CUSTOM_INCREMENTAL") => {
                return Err(SqlError::not_implemented(format!("REFRESH_MODE = {it}")));
            }
            _ => return Err(invalid_value(&word, "REFRESH_MODE")),
        };
    } else if c.take_keyword("INITIALIZE") {
        c.expect(&Token::Eq)?;
        let word = c.word_or_string()?;
        options.initialize = Some(match word.to_uppercase().as_str() {
            "ON_CREATE" => Initialize::OnCreate,
            "ON_SCHEDULE" => Initialize::OnSchedule,
            _ => return Err(invalid_value(&word, "INITIALIZE")),
        });
    } else if c.take_keyword("DATA_RETENTION_TIME_IN_DAYS") {
        c.expect(&Token::Eq)?;
        check_retention(c.number()?)?;
    } else if c.peek_keyword("MAX_DATA_EXTENSION_TIME_IN_DAYS") {
        return Err(SqlError::not_implemented("MAX_DATA_EXTENSION_TIME_IN_DAYS"));
    } else if c.take_keywords(&["COPY", "TAGS"]) {
        // There are no tags to copy.
    } else if c.peek_keywords(&["REFRESH", "USING"]) {
        return Err(SqlError::not_implemented("REFRESH USING"));
    } else {
        refuse_lacking(c)?;
        return Ok(false);
    }
    Ok(true)
}

/// Versions are kept for a day, and that is what can be asked for.
pub fn check_retention(days: u64) -> Result<(), SqlError> {
    match days {
        1 => Ok(()),
        _ => Err(SqlError::not_implemented("DATA_RETENTION_TIME_IN_DAYS other than 1")),
    }
}

/// `ENABLE` or `DISABLE`.
pub fn scheduler(word: &str) -> Result<Scheduler, SqlError> {
    match word.to_uppercase().as_str() {
        "ENABLE" => Ok(Scheduler::Enable),
        "DISABLE" => Ok(Scheduler::Disable),
        _ => Err(invalid_value(word, "SCHEDULER")),
    }
}

/// `001422`: a property does not take that.
pub fn invalid_value(value: &str, property: &str) -> SqlError {
    SqlError::new(
        1422,
        "22023",
        format!("SQL compilation error:\ninvalid value '{value}' for property '{property}'"),
    )
}

/// What follows `ALTER DYNAMIC TABLE` or `ALTER INTERACTIVE TABLE`.
pub fn alter(c: &mut Cursor<'_>, kind: TableKind) -> Result<AlterRefreshed, SqlError> {
    let if_exists = c.take_keywords(&["IF", "EXISTS"]);
    let mut names = vec![c.object_name()?];
    while c.take(&Token::Comma) {
        names.push(c.object_name()?);
    }
    let action = match names.len() {
        1 => action(c, kind)?,
        _ => {
            c.expect_keyword("REFRESH")?;
            refresh(c)?
        }
    };
    Ok(AlterRefreshed { kind, names, if_exists, action })
}

fn refresh(c: &mut Cursor<'_>) -> Result<RefreshedAction, SqlError> {
    match c.peek_keywords(&["COPY", "SESSION"]) {
        true => Err(SqlError::not_implemented("REFRESH COPY SESSION")),
        false => Ok(RefreshedAction::Refresh),
    }
}

fn action(c: &mut Cursor<'_>, kind: TableKind) -> Result<RefreshedAction, SqlError> {
    if c.take_keyword("SUSPEND") {
        return Ok(RefreshedAction::Suspend);
    }
    if c.take_keyword("RESUME") {
        return Ok(RefreshedAction::Resume);
    }
    if c.take_keyword("REFRESH") {
        return refresh(c);
    }
    if c.take_keyword("SET") {
        let mut properties = Vec::new();
        while !c.at_end() {
            refuse_lacking(c)?;
            let name = c.identifier()?;
            c.expect(&Token::Eq)?;
            properties.push((name, property_value(c)?));
            c.take(&Token::Comma);
        }
        if properties.is_empty() {
            return Err(c.unexpected());
        }
        return Ok(RefreshedAction::Set(properties));
    }
    if c.take_keyword("UNSET") {
        refuse_lacking(c)?;
        let mut names = vec![c.identifier()?];
        while c.take(&Token::Comma) {
            names.push(c.identifier()?);
        }
        return Ok(RefreshedAction::Unset(names));
    }
    if kind == TableKind::Interactive {
        // Names and keys of interactive tables are ALTER TABLE's (catalogue §2.3).
        if regressed(Regression::ClusteringChanged) && c.take_keywords(&["CLUSTER", "BY"]) {
            c.rest();
            return Ok(RefreshedAction::Set(vec![]));
        }
        return Err(c.unexpected());
    }
    if c.take_keywords(&["RENAME", "TO"]) {
        return Ok(RefreshedAction::RenameTo(c.object_name()?));
    }
    if c.take_keywords(&["SWAP", "WITH"]) {
        return Ok(RefreshedAction::SwapWith(c.object_name()?));
    }
    if c.take_keywords(&["CLUSTER", "BY"]) {
        return Ok(RefreshedAction::ClusterBy(clustering_keys(c)?));
    }
    if c.take_keywords(&["DROP", "CLUSTERING", "KEY"]) {
        return Ok(RefreshedAction::DropClusteringKey);
    }
    for words in [
        &["MODIFY", "COLUMN"][..],
        &["ALTER", "COLUMN"],
        &["ADD"],
        &["DROP"],
        &["SUSPEND", "RECLUSTER"],
        &["RESUME", "RECLUSTER"],
    ] {
        if c.peek_keywords(words) {
            let what = words.join(" ");
            return Err(SqlError::not_implemented(format!("ALTER DYNAMIC TABLE … {what}")));
        }
    }
    Err(c.unexpected())
}

#[cfg(test)]
mod tests {
    use super::super::ddl::{Ddl, parse};

    #[track_caller]
    fn check(sql: &str, expected: &str) {
        let actual = match parse(sql) {
            Ok(Some(Ddl::AlterRefreshed(it))) => format!("{:?} {:?}", it.names, it.action),
            Ok(Some(Ddl::CreateTable(it))) => {
                let refresh = it.refresh;
                let lag = refresh.target_lag.as_deref();
                format!("{:?} {lag:?} {:?} {:?}", it.kind, refresh.mode, refresh.initialize)
            }
            Ok(other) => format!("{other:?}"),
            Err(error) => error.to_string().replace('\n', " "),
        };
        assert_eq!(actual, expected, "\nsql: {sql}");
    }

    #[test]
    fn options_come_in_any_order() {
        for sql in [
            "create dynamic table d target_lag = '1 minute' warehouse = w refresh_mode = full initialize = on_schedule as select 1 as a",
            "create dynamic table d initialize = on_schedule refresh_mode = 'FULL' warehouse = w comment = 'c' cluster by (a) target_lag = '1 minute' as select 1 as a",
        ] {
            check(sql, "Dynamic Some(\"1 minute\") Full Some(OnSchedule)");
        }
        check(
            "create transient dynamic table d target_lag = downstream warehouse = w as (select 1 as a)",
            "Dynamic Some(\"DOWNSTREAM\") Auto None",
        );
    }

    #[test]
    fn what_is_lacking_is_refused_by_name() {
        for (clause, name) in [
            ("refresh_mode = adaptive", "REFRESH_MODE = ADAPTIVE"),
            ("refresh_mode = custom_incremental", "REFRESH_MODE = CUSTOM_INCREMENTAL"),
            ("frozen where (a > 1)", "FROZEN WHERE of a dynamic table"),
            ("immutable where (a > 1)", "IMMUTABLE WHERE of a dynamic table"),
            ("with tag (t = 'x')", "TAG of a dynamic table"),
            ("row access policy p on (a)", "ROW ACCESS POLICY of a dynamic table"),
            ("backfill from t", "BACKFILL of a dynamic table"),
            ("execute as user u", "EXECUTE AS of a dynamic table"),
            ("require user", "REQUIRE USER of a dynamic table"),
            ("row_timestamp = true", "ROW_TIMESTAMP of a dynamic table"),
            ("refresh using (insert into d select 1)", "REFRESH USING"),
            ("max_data_extension_time_in_days = 3", "MAX_DATA_EXTENSION_TIME_IN_DAYS"),
            ("data_retention_time_in_days = 3", "DATA_RETENTION_TIME_IN_DAYS other than 1"),
        ] {
            let sql = format!("create dynamic table d warehouse = w {clause} as select 1 as a");
            check(
                &sql,
                &format!(
                    "000002 (0A000): Unsupported feature '{name}' (not implemented by the snowgauge emulator)."
                ),
            );
        }
    }

    #[test]
    fn creation_is_refused_as_the_service_refuses_it() {
        let syntax = |position: u32, unexpected: &str| {
            format!(
                "001003 (42000): SQL compilation error: syntax error line 1 at position {position} unexpected '{unexpected}'."
            )
        };
        check("create temporary dynamic table d as select 1", &syntax(17, "dynamic"));
        check("create dynamic table d warehouse = w", &syntax(36, "<EOF>"));
        check(
            "create dynamic table d warehouse = w as select 1 as a comment = 'x'",
            &syntax(54, "COMMENT"),
        );
        check("create dynamic table d nonsense = 1 as select 1 as a", &syntax(23, "nonsense"));
        check(
            "create dynamic table d warehouse = default as select 1 as a",
            "002736 (22023): SQL compilation error: WAREHOUSE value of Dynamic Table 'D' unsupported.",
        );
        check(
            "create dynamic table d refresh_mode = sometimes as select 1 as a",
            "001422 (22023): SQL compilation error: invalid value 'sometimes' for property 'REFRESH_MODE'",
        );
    }

    #[test]
    fn every_action_of_alter_is_read() {
        check("alter dynamic table d suspend", "[[\"D\"]] Suspend");
        check("alter dynamic table if exists s.d resume;", "[[\"S\", \"D\"]] Resume");
        check("alter dynamic table a, b refresh", "[[\"A\"], [\"B\"]] Refresh");
        check("alter interactive table a, b refresh", "[[\"A\"], [\"B\"]] Refresh");
        check("alter dynamic table d rename to e", "[[\"D\"]] RenameTo([\"E\"])");
        check("alter dynamic table d swap with e", "[[\"D\"]] SwapWith([\"E\"])");
        check("alter dynamic table d cluster by (a, b)", "[[\"D\"]] ClusterBy([\"a\", \"b\"])");
        check("alter dynamic table d drop clustering key", "[[\"D\"]] DropClusteringKey");
        let set =
            "[[\"D\"]] Set([(\"COMMENT\", Text(\"x\")), (\"TARGET_LAG\", Word(\"DOWNSTREAM\"))])";
        check("alter dynamic table d set comment = 'x' target_lag = downstream", set);
        check("alter dynamic table d set comment = 'x', target_lag = downstream", set);
        check(
            "alter dynamic table d unset comment, warehouse",
            "[[\"D\"]] Unset([\"COMMENT\", \"WAREHOUSE\"])",
        );
    }

    #[test]
    fn altering_is_refused_as_the_service_refuses_it() {
        let syntax = |position: u32, unexpected: &str| {
            format!(
                "001003 (42000): SQL compilation error: syntax error line 1 at position {position} unexpected '{unexpected}'."
            )
        };
        check("alter dynamic table a, b suspend", &syntax(25, "suspend"));
        check("alter dynamic table d set", &syntax(25, "<EOF>"));
        check("alter interactive table d cluster by (a)", &syntax(26, "cluster"));
        check("alter interactive table d rename to e", &syntax(26, "rename"));
        check(
            "alter dynamic table d refresh copy session",
            "000002 (0A000): Unsupported feature 'REFRESH COPY SESSION' (not implemented by the snowgauge emulator).",
        );
    }
}
