//! Which release of the product this is, told from what it does (catalogue S-01).
//!
//! Nothing is assumed from dates or version numbers: releases reach accounts at different times.
//! One observation decides, and others beside it say what they say of the release. Where they
//! disagree that is shown: it is an account between two releases, or one that the catalogue does
//! not know yet, and no average of the two.

use super::{
    compare,
    objects::{Admin, AdminError, Objects},
};
use crate::{
    suite::{Release, ReleaseSet, words},
    target::{Refusal, Rows},
};

/// The answers that tell releases apart. Each is what the server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signs {
    /// Reading a plain table on an interactive warehouse.
    pub plain_on_interactive: Result<(), Refusal>,
    /// Whether warehouses have a parameter `FALLBACK_WAREHOUSE`.
    pub fallback_parameter: Result<bool, Refusal>,
    pub show_interactive_tables: Result<(), Refusal>,
    /// Whether SHOW WAREHOUSES has the column `tables`, which came with behaviour change 2165.
    pub shows_attached: bool,
    pub attach: Further<Attached>,
    pub auto_suspend: Further<AutoSuspend>,
}

/// An observation that decides nothing; or why there is none, such as a recording from before it
/// was made.
pub type Further<T> = Result<T, String>;

/// What became of attaching more tables than older releases took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Eleven tables in one statement.
    pub eleven: Result<(), Refusal>,
    /// Ten of them, where eleven were refused.
    pub ten: Option<Result<(), Refusal>>,
}

/// What became of `AUTO_SUSPEND = 3600`, an hour: too little before behaviour change 2473.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoSuspend {
    /// What a new warehouse has.
    pub before: String,
    /// What an hour reads back as.
    pub hour: Result<String, Refusal>,
}

/// Something that was looked at, for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The fact's name.
    pub name: &'static str,
    pub seen: String,
    /// Releases that do this. Empty: it says nothing.
    pub says: Vec<Release>,
}

impl Observation {
    fn new(name: &'static str, seen: impl Into<String>, says: &[Release]) -> Self {
        Self { name, seen: seen.into(), says: says.to_vec() }
    }

    /// In one line: `is a parameter of warehouses (as on fallback..)`.
    pub fn in_words(&self) -> String {
        let seen = compare::one_line(&self.seen);
        match self.says.is_empty() {
            true => seen,
            false => format!("{seen} (as on {})", named(&self.says)),
        }
    }
}

/// `fallback..`, `preview, attached`
fn named(releases: &[Release]) -> String {
    words::releases_text(&ReleaseSet(releases.to_vec())).join(", ")
}

/// How many tables older releases took.
const ATTACHED_MAX_ONCE: usize = 10;

/// Of the columns and statements that came with a release.
const SINCE_ATTACHED: &[Release] = &[Release::Attached, Release::Fallback, Release::ZeroCopy];
const SINCE_FALLBACK: &[Release] = &[Release::Fallback, Release::ZeroCopy];
const BEFORE_FALLBACK: &[Release] = &[Release::Preview, Release::Attached];
const BEFORE_ZERO_COPY: &[Release] = &[Release::Preview, Release::Attached, Release::Fallback];

/// Everything that was looked at, and what it says.
pub fn observations(signs: &Signs) -> Vec<Observation> {
    let plain = match &signs.plain_on_interactive {
        Ok(()) => ("an interactive warehouse read it".to_owned(), &[Release::ZeroCopy][..]),
        Err(refusal) if is_plain_refused(refusal) => {
            (format!("an interactive warehouse refused it, {refusal}"), BEFORE_ZERO_COPY)
        }
        Err(refusal) => (format!("an interactive warehouse refused it, {refusal}"), &[][..]),
    };
    let fallback = match &signs.fallback_parameter {
        Ok(true) => ("is a parameter of warehouses".to_owned(), SINCE_FALLBACK),
        Ok(false) => ("is no parameter of warehouses".to_owned(), BEFORE_FALLBACK),
        Err(refusal) => (format!("could not be asked for, {refusal}"), &[][..]),
    };
    let show = match &signs.show_interactive_tables {
        Ok(()) => ("exists".to_owned(), SINCE_FALLBACK),
        Err(refusal) if refusal.code == SYNTAX_ERROR => {
            (format!("does not exist, {refusal}"), BEFORE_FALLBACK)
        }
        Err(refusal) => (format!("was refused, {refusal}"), &[][..]),
    };
    let column = match signs.shows_attached {
        true => ("is a column of SHOW WAREHOUSES", SINCE_ATTACHED),
        false => ("is no column of SHOW WAREHOUSES", &[Release::Preview][..]),
    };
    // One edition of the newest documents still has ten, so that ten says nothing.
    let attach = match &signs.attach {
        Ok(Attached { eleven: Ok(()), .. }) => {
            ("eleven tables were attached".to_owned(), SINCE_FALLBACK)
        }
        Ok(Attached { eleven: Err(refusal), ten }) => {
            let ten = match ten {
                Some(Ok(())) => "ten were attached",
                Some(Err(_)) => "ten were refused too",
                None => "ten were not tried",
            };
            (format!("{ten}, eleven were refused: {refusal}"), &[][..])
        }
        Err(why) => (format!("not observed: {why}"), &[][..]),
    };
    // Accounts keep what they had when the minimum goes down, and documents disagree on what a
    // lesser value does.
    let auto_suspend = match &signs.auto_suspend {
        Ok(AutoSuspend { before, hour: Ok(after) }) => {
            format!("{before} at first, 3600 reads back as {after}")
        }
        Ok(AutoSuspend { before, hour: Err(refusal) }) => {
            format!("{before} at first, 3600 is refused: {refusal}")
        }
        Err(why) => format!("not observed: {why}"),
    };
    vec![
        Observation::new("probe_standard_table", plain.0, plain.1),
        Observation::new("probe_fallback_warehouse", fallback.0, fallback.1),
        Observation::new("probe_show_interactive_tables", show.0, show.1),
        Observation::new("probe_tables_column", column.0, column.1),
        Observation::new("probe_attach_limit", attach.0, attach.1),
        Observation::new("probe_auto_suspend", auto_suspend, &[]),
    ]
}

/// Observations that another release would have given than the one that was told.
pub fn disagreement(release: Release, observations: &[Observation]) -> Option<String> {
    let others: Vec<String> = observations
        .iter()
        .filter(|it| !it.says.is_empty() && !it.says.contains(&release))
        .map(|it| format!("{} {}", it.name, it.in_words()))
        .collect();
    (!others.is_empty()).then(|| format!("told as {release}, but {}", others.join("; ")))
}

/// What a run goes by, of what was probed and what it was told to expect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub release: Release,
    pub how: String,
    /// What was given is not what was found.
    pub dispute: Option<String>,
}

/// What the target does counts. What was given is what somebody believes of it: it is held against
/// that, and only where nothing could be told it takes its place.
pub fn decide(
    probed: Result<(Release, String), String>,
    given: Option<Release>,
) -> Result<Decided, String> {
    match (probed, given) {
        (Ok((release, how)), Some(given)) if given != release => {
            let dispute = format!(
                "{given} was given, and the target does what {release} does ({how}): cases expect \
                 what {release} does"
            );
            Ok(Decided { release, how, dispute: Some(dispute) })
        }
        (Ok((release, how)), _) => Ok(Decided { release, how, dispute: None }),
        (Err(why), Some(release)) => {
            let how = format!("given, and not told from what the target does: {why}");
            Ok(Decided { release, how, dispute: None })
        }
        (Err(why), None) => {
            Err(format!("cannot tell the target's release: {why}; give it by `--release`"))
        }
    }
}

/// What an unknown statement is refused with.
const SYNTAX_ERROR: &str = "001003";

fn is_plain_refused(refusal: &Refusal) -> bool {
    refusal.message.contains("Querying non-interactive table")
}

/// The release, and how it was told; or why it cannot be told.
pub fn release(signs: &Signs) -> Result<(Release, String), String> {
    match &signs.plain_on_interactive {
        Ok(()) => {
            return Ok((
                Release::ZeroCopy,
                "an interactive warehouse read a standard table".to_owned(),
            ));
        }
        Err(refusal) if is_plain_refused(refusal) => {}
        Err(refusal) => {
            return Err(format!(
                "an interactive warehouse refused a standard table in a way that tells nothing: \
                 {refusal}"
            ));
        }
    }
    let shows = match &signs.show_interactive_tables {
        Ok(()) => "SHOW INTERACTIVE TABLES exists",
        Err(_) => "SHOW INTERACTIVE TABLES does not exist",
    };
    match (&signs.fallback_parameter, &signs.show_interactive_tables) {
        (Ok(true), _) => {
            return Ok((
                Release::Fallback,
                format!(
                    "an interactive warehouse refused a standard table, warehouses have \
                     FALLBACK_WAREHOUSE, {shows}"
                ),
            ));
        }
        // Where the parameter cannot be asked for, what came with it has to do.
        (Err(refusal), Ok(())) => {
            return Ok((
                Release::Fallback,
                format!(
                    "an interactive warehouse refused a standard table, {shows}; \
                     FALLBACK_WAREHOUSE could not be asked for: {refusal}"
                ),
            ));
        }
        (Ok(false), _) | (Err(_), Err(_)) => {}
    }
    let (release, column) = match signs.shows_attached {
        true => (Release::Attached, "has"),
        false => (Release::Preview, "does not have"),
    };
    let how = format!(
        "an interactive warehouse refused a standard table, there is no FALLBACK_WAREHOUSE, \
         {shows}, SHOW WAREHOUSES {column} the column `tables`"
    );
    Ok((release, how))
}

/// Asks the target. Leaves the session on the standard warehouse, and the interactive one as it was.
pub async fn signs(admin: &mut Admin, objects: &Objects) -> Result<Signs, AdminError> {
    let plain = objects.qualified(&format!("{}.SNOWGAUGE_PLAIN", objects.data_schema()));
    let interactive = objects.qualified(&format!("{}.SNOWGAUGE_SERVED", objects.data_schema()));
    admin.query(&format!("CREATE OR REPLACE TABLE {plain} AS SELECT 1 AS K")).await?;
    admin
        .query(&format!(
            "CREATE OR REPLACE INTERACTIVE TABLE {interactive} CLUSTER BY (K) AS SELECT K FROM \
             {plain}"
        ))
        .await?;

    admin.query(&format!("USE WAREHOUSE {}", objects.interactive)).await?;
    let plain_on_interactive = asked(admin.query(&format!("SELECT K FROM {plain}")).await)?;
    admin.query(&format!("USE WAREHOUSE {}", objects.standard)).await?;

    let parameter =
        format!("SHOW PARAMETERS LIKE 'FALLBACK_WAREHOUSE' IN WAREHOUSE {}", objects.interactive);
    let fallback_parameter = asked(admin.query(&parameter).await)?.map(|it| !it.rows.is_empty());
    let show =
        format!("SHOW INTERACTIVE TABLES IN SCHEMA {}", objects.qualified(&objects.data_schema()));
    let show_interactive_tables = asked(admin.query(&show).await)?.map(|_| ());
    let warehouse = admin.query(&show_warehouse(objects)).await?;

    for table in [&interactive, &plain] {
        admin.query(&format!("DROP TABLE IF EXISTS {table}")).await?;
    }
    Ok(Signs {
        plain_on_interactive: plain_on_interactive.map(|_| ()),
        fallback_parameter,
        show_interactive_tables,
        shows_attached: warehouse.columns.iter().any(|it| it.name == "tables"),
        attach: further(attach(admin, objects).await)?,
        auto_suspend: further(auto_suspend(admin, objects, &warehouse).await)?,
    })
}

fn show_warehouse(objects: &Objects) -> String {
    format!("SHOW WAREHOUSES LIKE '{}'", objects.interactive)
}

/// Attaches one table more than older releases took, and takes them all away again.
async fn attach(admin: &mut Admin, objects: &Objects) -> Result<Attached, AdminError> {
    let names: Vec<String> = (0..=ATTACHED_MAX_ONCE)
        .map(|at| objects.qualified(&format!("{}.SNOWGAUGE_SERVED_{at}", objects.data_schema())))
        .collect();
    for name in &names {
        admin
            .query(&format!("CREATE OR REPLACE INTERACTIVE TABLE {name} (K INT) CLUSTER BY (K)"))
            .await?;
    }
    let add = |names: &[String]| {
        format!("ALTER WAREHOUSE {} ADD TABLES ({})", objects.interactive, names.join(", "))
    };
    let eleven = asked(admin.query(&add(&names)).await)?.map(|_| ());
    let ten = match eleven {
        Ok(()) => None,
        Err(_) => {
            let ten = admin.query(&add(&names[..ATTACHED_MAX_ONCE])).await;
            Some(asked(ten)?.map(|_| ()))
        }
    };
    for name in &names {
        admin.query(&format!("DROP TABLE IF EXISTS {name}")).await?;
    }
    Ok(Attached { eleven, ten })
}

/// Sets an hour, looks at what it became, and puts back what was there.
async fn auto_suspend(
    admin: &mut Admin,
    objects: &Objects,
    warehouse: &Rows,
) -> Result<AutoSuspend, AdminError> {
    let before = cell(warehouse, "auto_suspend");
    let alter = |change: &str| format!("ALTER WAREHOUSE {} {change}", objects.interactive);
    let set = asked(admin.query(&alter("SET AUTO_SUSPEND = 3600")).await)?;
    let hour = match set {
        Err(refusal) => Err(refusal),
        Ok(_) => Ok(cell(&admin.query(&show_warehouse(objects)).await?, "auto_suspend")),
    };
    if hour.as_ref().is_ok_and(|it| *it != before) {
        let back = match before.bytes().all(|it| it.is_ascii_digit()) {
            true => alter(&format!("SET AUTO_SUSPEND = {before}")),
            false => alter("UNSET AUTO_SUSPEND"),
        };
        admin.query(&back).await?;
    }
    Ok(AutoSuspend { before, hour })
}

/// The value in the first row, `NULL` if there is none.
fn cell(rows: &Rows, column: &str) -> String {
    let at = rows.columns.iter().position(|it| it.name == column);
    let value = at.and_then(|at| Some((rows.rows.first()?.get(at)?, rows.columns.get(at)?)));
    value.map_or_else(|| "NULL".to_owned(), |(value, column)| value.text(&column.data_type))
}

/// A refusal is an answer; anything else ends the probe.
fn asked(answer: Result<Rows, AdminError>) -> Result<Result<Rows, Refusal>, AdminError> {
    match answer {
        Ok(rows) => Ok(Ok(rows)),
        Err(AdminError::Refused { refusal, .. }) => Ok(Err(refusal)),
        Err(err @ (AdminError::Gone(_) | AdminError::NotRecorded(_) | AdminError::TooDear(_))) => {
            Err(err)
        }
    }
}

/// What decides nothing may be missing: an account need not let us, and older recordings do not
/// have it.
fn further<T>(observed: Result<T, AdminError>) -> Result<Further<T>, AdminError> {
    match observed {
        Ok(it) => Ok(Ok(it)),
        Err(err @ AdminError::Refused { .. }) => Ok(Err(err.to_string())),
        Err(AdminError::NotRecorded(_)) => Ok(Err("it was not recorded".to_owned())),
        Err(err) => Err(err),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &str) -> Refusal {
        Refusal {
            code: "001003".to_owned(),
            sqlstate: "42000".to_owned(),
            message: message.to_owned(),
        }
    }

    #[track_caller]
    fn check(signs: Signs, expected: &str) {
        let found = match release(&signs) {
            Ok((release, _)) => release.name().to_owned(),
            Err(why) => why,
        };
        assert_eq!(found, expected);
    }

    fn preview() -> Signs {
        Signs {
            plain_on_interactive: Err(refused("Querying non-interactive table T is not …")),
            fallback_parameter: Ok(false),
            show_interactive_tables: Err(refused("unexpected 'INTERACTIVE'")),
            shows_attached: false,
            attach: Err("it was not recorded".to_owned()),
            auto_suspend: Err("it was not recorded".to_owned()),
        }
    }

    fn zero_copy() -> Signs {
        Signs {
            plain_on_interactive: Ok(()),
            fallback_parameter: Ok(true),
            show_interactive_tables: Ok(()),
            shows_attached: true,
            attach: Ok(Attached { eleven: Ok(()), ten: None }),
            auto_suspend: Ok(AutoSuspend {
                before: "3600".to_owned(),
                hour: Ok("3600".to_owned()),
            }),
        }
    }

    #[test]
    fn each_release_is_told_by_its_signs() {
        let preview = preview();
        let attached = Signs { shows_attached: true, ..preview.clone() };
        let fallback = Signs {
            fallback_parameter: Ok(true),
            show_interactive_tables: Ok(()),
            ..attached.clone()
        };
        let no_rights = Signs { fallback_parameter: Err(refused("?")), ..fallback.clone() };
        let zero_copy = Signs { plain_on_interactive: Ok(()), ..fallback.clone() };
        let broken = Signs {
            plain_on_interactive: Err(refused("Warehouse is suspended")),
            ..fallback.clone()
        };
        check(preview, "preview");
        check(attached, "attached");
        check(fallback, "fallback");
        check(no_rights, "fallback");
        check(zero_copy, "zero-copy");
        check(
            broken,
            "an interactive warehouse refused a standard table in a way that tells nothing: \
             001003 (42000): Warehouse is suspended",
        );
    }

    #[track_caller]
    fn check_seen(signs: &Signs, expected: &str) {
        let seen: Vec<String> =
            observations(signs).iter().map(|it| format!("{} {}", it.name, it.in_words())).collect();
        let expected: Vec<&str> = expected.lines().map(str::trim).collect();
        assert_eq!(seen, expected, "\n{}\n", seen.join("\n"));
    }

    #[test]
    fn everything_that_was_looked_at_is_told() {
        check_seen(
            &preview(),
            "probe_standard_table an interactive warehouse refused it, 001003 (42000): Querying non-interactive table T is not … (as on ..fallback)
             probe_fallback_warehouse is no parameter of warehouses (as on ..attached)
             probe_show_interactive_tables does not exist, 001003 (42000): unexpected 'INTERACTIVE' (as on ..attached)
             probe_tables_column is no column of SHOW WAREHOUSES (as on preview)
             probe_attach_limit not observed: it was not recorded
             probe_auto_suspend not observed: it was not recorded",
        );
        check_seen(
            &zero_copy(),
            "probe_standard_table an interactive warehouse read it (as on zero-copy)
             probe_fallback_warehouse is a parameter of warehouses (as on fallback..)
             probe_show_interactive_tables exists (as on fallback..)
             probe_tables_column is a column of SHOW WAREHOUSES (as on attached..)
             probe_attach_limit eleven tables were attached (as on fallback..)
             probe_auto_suspend 3600 at first, 3600 reads back as 3600",
        );
        let unsure = Signs {
            plain_on_interactive: Err(refused("Warehouse is suspended")),
            fallback_parameter: Err(refused("no privilege")),
            show_interactive_tables: Err(Refusal {
                code: "003001".to_owned(),
                ..refused("no privilege")
            }),
            attach: Ok(Attached { eleven: Err(refused("too many")), ten: Some(Ok(())) }),
            auto_suspend: Ok(AutoSuspend {
                before: "NULL".to_owned(),
                hour: Err(refused("too little")),
            }),
            ..zero_copy()
        };
        check_seen(
            &unsure,
            "probe_standard_table an interactive warehouse refused it, 001003 (42000): Warehouse is suspended
             probe_fallback_warehouse could not be asked for, 001003 (42000): no privilege
             probe_show_interactive_tables was refused, 003001 (42000): no privilege
             probe_tables_column is a column of SHOW WAREHOUSES (as on attached..)
             probe_attach_limit ten were attached, eleven were refused: 001003 (42000): too many
             probe_auto_suspend NULL at first, 3600 is refused: 001003 (42000): too little",
        );
    }

    #[test]
    fn observations_that_disagree_are_told() {
        #[track_caller]
        fn check(signs: Signs, expected: Option<&str>) {
            let (told, _) = release(&signs).unwrap();
            assert_eq!(disagreement(told, &observations(&signs)).as_deref(), expected);
        }
        check(preview(), None);
        check(zero_copy(), None);
        check(
            Signs { fallback_parameter: Ok(false), ..zero_copy() },
            Some(
                "told as zero-copy, but probe_fallback_warehouse is no parameter of warehouses (as \
                 on ..attached)",
            ),
        );
        check(
            Signs { attach: Ok(Attached { eleven: Ok(()), ten: None }), ..preview() },
            Some(
                "told as preview, but probe_attach_limit eleven tables were attached (as on fallback..)",
            ),
        );
    }

    #[test]
    fn what_the_target_does_outranks_what_was_given() {
        #[track_caller]
        fn check(
            probed: Result<Release, &str>,
            given: Option<Release>,
            expected: Result<(Release, &str, bool), &str>,
        ) {
            let probed = probed.map(|it| (it, "by its signs".to_owned())).map_err(str::to_owned);
            let decided = decide(probed, given);
            let found = decided.as_ref().map(|it| {
                let dispute = it.dispute.as_deref();
                assert!(dispute.is_none_or(|it| it.starts_with("attached was given, and the")));
                (it.release, it.how.as_str(), dispute.is_some())
            });
            assert_eq!(found.map_err(String::as_str), expected);
        }
        use Release::{Attached, ZeroCopy};
        check(Ok(ZeroCopy), None, Ok((ZeroCopy, "by its signs", false)));
        check(Ok(ZeroCopy), Some(ZeroCopy), Ok((ZeroCopy, "by its signs", false)));
        check(Ok(ZeroCopy), Some(Attached), Ok((ZeroCopy, "by its signs", true)));
        check(
            Err("it is suspended"),
            Some(Attached),
            Ok((Attached, "given, and not told from what the target does: it is suspended", false)),
        );
        check(
            Err("it is suspended"),
            None,
            Err("cannot tell the target's release: it is suspended; give it by `--release`"),
        );
    }
}
