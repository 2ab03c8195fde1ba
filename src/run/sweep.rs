//! What killed runs left: found by two marks, and dropped.
//!
//! An object is a run's if its name begins with the run's id and its comment is the run's [`Mark`].
//! What cases make carries the name alone. It is dropped with its run: where something else that
//! is there carries both marks of the same run. Anything else is somebody's, and stays.

use super::{
    Mark, RunId,
    cost::Meter,
    objects::{Admin, AdminError, quoted},
};
use crate::target::{Owner, Part, QueryTag, Target, Value};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

/// What to sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SweepOptions {
    /// This run's objects, expired or not, and no others.
    pub run: Option<RunId>,
    /// Only what has been expired for so long.
    pub expired_for: Duration,
    pub mode: SweepMode,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SweepMode {
    #[default]
    Drop,
    /// Says what would be dropped.
    DryRun,
}

/// Something with a name like a run's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    pub kind: ObjectKind,
    /// As statements write it, with its database where it is in one.
    pub name: String,
    pub run: String,
    /// From its comment. Cases' own objects have none.
    pub mark: Option<Mark>,
}

/// In the order of dropping: warehouses cost by the hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    Warehouse,
    Schema,
    Database,
}

/// What became of a leftover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swept {
    Dropped,
    WouldDrop,
    /// And why.
    Left(String),
    /// It should have been dropped, and the server said no.
    Refused(String),
}

impl ObjectKind {
    fn name(self) -> &'static str {
        match self {
            Self::Warehouse => "warehouse",
            Self::Schema => "schema",
            Self::Database => "database",
        }
    }

    /// `LIKE` for less traffic only: it takes `_` for any character, and is blind to case.
    fn show(self) -> &'static str {
        match self {
            Self::Warehouse => "SHOW WAREHOUSES LIKE 'SG%'",
            Self::Schema => "SHOW SCHEMAS LIKE 'SG%' IN ACCOUNT",
            Self::Database => "SHOW DATABASES LIKE 'SG%'",
        }
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.name)?;
        match &self.mark {
            Some(mark) => write!(f, " (expires {})", instant(mark.expires_at)),
            None => Ok(()),
        }
    }
}

impl Leftover {
    fn drop_statement(&self) -> String {
        match self.kind {
            ObjectKind::Warehouse => format!("DROP WAREHOUSE IF EXISTS {}", self.name),
            ObjectKind::Schema => format!("DROP SCHEMA IF EXISTS {} CASCADE", self.name),
            ObjectKind::Database => format!("DROP DATABASE IF EXISTS {}", self.name),
        }
    }
}

/// Sweeps a target, on a session of its own. `heard` is told of each object as it goes or stays.
pub async fn sweep(
    target: Arc<dyn Target>,
    options: &SweepOptions,
    give_up_after: Duration,
    heard: impl FnMut(&Leftover, &Swept),
) -> Result<(), AdminError> {
    let tag = QueryTag::new(RunId::random().to_string(), Owner::Run, Part::Sweep);
    let meter = Meter::new(target.now(), None);
    let mut admin = Admin::new(target, tag, give_up_after, meter);
    let swept = sweep_by(&mut admin, options, heard).await;
    admin.close().await;
    swept
}

/// As [`sweep()`], on a session that there is.
pub(super) async fn sweep_by(
    admin: &mut Admin,
    options: &SweepOptions,
    mut heard: impl FnMut(&Leftover, &Swept),
) -> Result<(), AdminError> {
    let tag = admin.tag.clone();
    admin.tag = tag.part(Part::Sweep);
    let swept = find_and_drop(admin, options, &mut heard).await;
    admin.tag = tag;
    swept
}

async fn find_and_drop(
    admin: &mut Admin,
    options: &SweepOptions,
    heard: &mut impl FnMut(&Leftover, &Swept),
) -> Result<(), AdminError> {
    let mut found = Vec::new();
    for kind in [ObjectKind::Warehouse, ObjectKind::Schema, ObjectKind::Database] {
        found.extend(shown(admin, kind).await?);
    }
    for (leftover, left) in judged(found, options, admin.now()) {
        let swept = match (left, options.mode) {
            (Some(why), _) => Swept::Left(why),
            (None, SweepMode::DryRun) => Swept::WouldDrop,
            (None, SweepMode::Drop) => match admin.query(&leftover.drop_statement()).await {
                Ok(_) => Swept::Dropped,
                Err(AdminError::Refused { refusal, .. }) => Swept::Refused(refusal.to_string()),
                Err(err) => return Err(err),
            },
        };
        heard(&leftover, &swept);
    }
    Ok(())
}

async fn shown(admin: &mut Admin, kind: ObjectKind) -> Result<Vec<Leftover>, AdminError> {
    let rows = admin.query(kind.show()).await?;
    let at = |name: &str| rows.columns.iter().position(|it| it.name.eq_ignore_ascii_case(name));
    let (name, comment, database) = (at("name"), at("comment"), at("database_name"));
    let text = |row: &[Value], at: Option<usize>| match at.and_then(|it| row.get(it)) {
        Some(Value::Text(it)) => Some(it.clone()),
        _ => None,
    };
    let leftover = |row: &Vec<Value>| {
        let own = text(row, name)?;
        let run = RunId::of_object(&own)?.to_string();
        let name = match kind {
            ObjectKind::Schema => format!("{}.{}", quoted(&text(row, database)?), quoted(&own)),
            ObjectKind::Warehouse | ObjectKind::Database => quoted(&own),
        };
        let mark = text(row, comment).and_then(|it| Mark::read(&it));
        Some(Leftover { kind, name, run, mark })
    };
    Ok(rows.rows.iter().filter_map(leftover).collect())
}

/// Each object in the order of dropping, and why it has to stay, if it has to.
///
/// What carries both marks goes last of its run, warehouses apart: a sweep that is killed itself
/// leaves what tells the next one whose the rest is.
fn judged(
    found: Vec<Leftover>,
    options: &SweepOptions,
    now: DateTime<Utc>,
) -> Vec<(Leftover, Option<String>)> {
    let mut expiries: BTreeMap<&str, DateTime<Utc>> = BTreeMap::new();
    for mark in found.iter().filter_map(marked) {
        let expires_at = expiries.entry(&mark.run).or_insert(mark.expires_at);
        *expires_at = (*expires_at).max(mark.expires_at);
    }
    let reason = |it: &Leftover| -> Option<String> {
        if let Some(mark) = &it.mark
            && mark.run != it.run
        {
            return Some(format!("its comment is of another run, {}", mark.run));
        }
        let Some(expires_at) = expiries.get(it.run.as_str()) else {
            return Some(format!(
                "nothing beside its name tells that it is a run's: no comment of {}",
                it.run
            ));
        };
        if options.run.is_some() {
            return None;
        }
        let expired_for = TimeDelta::from_std(options.expired_for).unwrap_or(TimeDelta::MAX);
        match now.signed_duration_since(*expires_at) {
            it if it >= expired_for.max(TimeDelta::zero()) => None,
            it if it >= TimeDelta::zero() => {
                Some(format!("it has been expired since {} only", instant(*expires_at)))
            }
            _ => Some(format!(
                "it expires at {}; `--run {}` drops it before",
                instant(*expires_at),
                it.run
            )),
        }
    };
    let wanted = options.run.as_ref().map(ToString::to_string);
    let mut judged: Vec<(Leftover, Option<String>)> = found
        .iter()
        .filter(|it| wanted.as_ref().is_none_or(|run| *run == it.run))
        .map(|it| (it.clone(), reason(it)))
        .collect();
    judged.sort_by_key(|(it, _)| {
        (it.kind != ObjectKind::Warehouse, it.mark.is_some(), it.kind, it.name.clone())
    });
    judged
}

/// The mark, if name and comment tell of the same run.
fn marked(leftover: &Leftover) -> Option<&Mark> {
    leftover.mark.as_ref().filter(|it| it.run == leftover.run)
}

/// What a sweep came to, in one line for reports; `None` if nothing was dropped.
pub(super) fn dropped_in_words(dropped: &[Leftover]) -> Option<String> {
    let runs: BTreeSet<&str> = dropped.iter().map(|it| it.run.as_str()).collect();
    let runs: Vec<&str> = runs.into_iter().collect();
    match dropped {
        [] => None,
        [one] => Some(format!("{one}, left by {}", one.run)),
        several => Some(format!("{} objects, left by {}", several.len(), runs.join(", "))),
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Reply, Scripted, Type};

    const A: &str = "SGAAAAAAAA";
    const B: &str = "SGBBBBBBBB";

    fn now() -> DateTime<Utc> {
        "2026-01-02T00:00:00Z".parse().unwrap()
    }

    fn mark(run: &str, expires_at: &str) -> String {
        format!("snowgauge run={run} expires={expires_at}T00:00:00Z")
    }

    /// Objects as `kind name comment`, what becomes of them as `name` or `name: why it stays`.
    #[track_caller]
    fn check(options: &SweepOptions, found: &[(ObjectKind, &str, &str)], expected: &[&str]) {
        let leftover = |(kind, name, comment): &(ObjectKind, &str, &str)| Leftover {
            kind: *kind,
            name: (*name).to_owned(),
            run: name[..10].to_owned(),
            mark: Mark::read(comment),
        };
        let judged = judged(found.iter().map(leftover).collect(), options, now());
        let line = |(it, why): &(Leftover, Option<String>)| match why {
            None => it.name.clone(),
            Some(why) => format!("{}: {why}", it.name),
        };
        assert_eq!(judged.iter().map(line).collect::<Vec<_>>(), expected);
    }

    use ObjectKind::{Database, Schema, Warehouse};

    #[test]
    fn both_marks_and_an_expiry_in_the_past_are_asked_for() {
        let expired = mark(A, "2026-01-01");
        let alive = mark(B, "2026-01-03");
        check(
            &SweepOptions::default(),
            &[
                (Database, "SGAAAAAAAA_DB", &expired),
                (Schema, "SGAAAAAAAA_DATA", &expired),
                (Warehouse, "SGAAAAAAAA_STD", &expired),
                (Warehouse, "SGBBBBBBBB_STD", &alive),
                (Warehouse, "SGCCCCCCCC_STD", ""),
                (Warehouse, "SGCCCCCCCC_IW", "snowgauge run=SGCCCCCCCC expires=never"),
                (Schema, "SGDDDDDDDD_X", &expired),
            ],
            &[
                "SGCCCCCCCC_IW: nothing beside its name tells that it is a run's: no comment of \
                 SGCCCCCCCC",
                "SGCCCCCCCC_STD: nothing beside its name tells that it is a run's: no comment of \
                 SGCCCCCCCC",
                "SGAAAAAAAA_STD",
                "SGBBBBBBBB_STD: it expires at 2026-01-03T00:00:00Z; `--run SGBBBBBBBB` drops it \
                 before",
                "SGAAAAAAAA_DATA",
                "SGDDDDDDDD_X: its comment is of another run, SGAAAAAAAA",
                "SGAAAAAAAA_DB",
            ],
        );
    }

    #[test]
    fn what_cases_made_goes_with_its_run_and_before_what_tells_whose_it_is() {
        let expired = mark(A, "2026-01-01");
        check(
            &SweepOptions::default(),
            &[
                (Warehouse, "SGAAAAAAAA_IW", &expired),
                (Warehouse, "SGAAAAAAAA_L05", ""),
                (Schema, "SGAAAAAAAA_DATA", &expired),
                (Schema, "SGAAAAAAAA_MINE", ""),
                (Database, "SGAAAAAAAA_MINE", ""),
            ],
            &[
                "SGAAAAAAAA_L05",
                "SGAAAAAAAA_IW",
                "SGAAAAAAAA_MINE",
                "SGAAAAAAAA_MINE",
                "SGAAAAAAAA_DATA",
            ],
        );
    }

    #[test]
    fn a_run_that_is_named_need_not_be_expired() {
        let found = [
            (Warehouse, "SGAAAAAAAA_STD", &*mark(A, "2026-01-01")),
            (Warehouse, "SGBBBBBBBB_STD", &*mark(B, "2026-01-03")),
        ];
        let run = Some(B.parse().unwrap());
        check(&SweepOptions { run, ..SweepOptions::default() }, &found, &["SGBBBBBBBB_STD"]);
        // No more than its comments ask for.
        let run = Some("SGCCCCCCCC".parse().unwrap());
        let found = [(Warehouse, "SGCCCCCCCC_STD", "")];
        check(
            &SweepOptions { run, ..SweepOptions::default() },
            &found,
            &["SGCCCCCCCC_STD: nothing beside its name tells that it is a run's: no comment of \
               SGCCCCCCCC"],
        );
    }

    #[test]
    fn what_expired_of_late_can_be_left() {
        let found = [
            (Warehouse, "SGAAAAAAAA_STD", &*mark(A, "2026-01-01")),
            (Warehouse, "SGBBBBBBBB_STD", &*mark(B, "2026-01-02")),
        ];
        let expired_for = Duration::from_secs(24 * 3600);
        check(
            &SweepOptions { expired_for, ..SweepOptions::default() },
            &found,
            &[
                "SGAAAAAAAA_STD",
                "SGBBBBBBBB_STD: it has been expired since 2026-01-02T00:00:00Z only",
            ],
        );
    }

    fn script() -> Scripted {
        let columns =
            || [("name", Type::Text), ("database_name", Type::Text), ("comment", Type::Text)];
        let row = |name: &str, comment: &str| {
            [name, "My DB", comment].map(|it| Value::Text(it.to_owned()))
        };
        let expired = mark(A, "2026-01-01");
        let warehouses = [
            row("SGAAAAAAAA_STD", &expired),
            row("SGAAAAAAAA_low", ""),
            row("SGAAAAAAAAB_STD", &expired),
            row("SGALES_STD", &expired),
            row("sgaaaaaaaa_STD", &expired),
        ];
        Scripted::new()
            .otherwise(Reply::status("done"))
            .on("SHOW WAREHOUSES LIKE 'SG%'", Reply::rows(columns(), warehouses))
            .on(
                "SHOW SCHEMAS LIKE 'SG%' IN ACCOUNT",
                Reply::rows(columns(), [row("SGAAAAAAAA_DATA", &expired)]),
            )
            .on("SHOW DATABASES LIKE 'SG%'", Reply::rows(columns(), [] as [[Value; 3]; 0]))
    }

    fn swept(script: &Scripted, mode: SweepMode) -> Vec<String> {
        let mut lines = Vec::new();
        let options = SweepOptions { mode, run: Some(A.parse().unwrap()), ..Default::default() };
        let heard = |it: &Leftover, swept: &Swept| lines.push(format!("{it}: {swept:?}"));
        let target = Arc::new(script.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(sweep(target, &options, Duration::from_secs(5), heard)).unwrap();
        lines
    }

    #[test]
    fn names_that_only_look_alike_are_not_touched() {
        let script = script();
        assert_eq!(
            swept(&script, SweepMode::Drop),
            [
                "warehouse \"SGAAAAAAAA_low\": Dropped",
                "warehouse SGAAAAAAAA_STD (expires 2026-01-01T00:00:00Z): Dropped",
                "schema \"My DB\".SGAAAAAAAA_DATA (expires 2026-01-01T00:00:00Z): Dropped",
            ]
        );
        assert_eq!(
            script.executed_sql()[3..],
            [
                "DROP WAREHOUSE IF EXISTS \"SGAAAAAAAA_low\"",
                "DROP WAREHOUSE IF EXISTS SGAAAAAAAA_STD",
                "DROP SCHEMA IF EXISTS \"My DB\".SGAAAAAAAA_DATA CASCADE",
            ]
        );
    }

    #[test]
    fn a_dry_run_drops_nothing_and_a_refusal_ends_nothing() {
        let dry = script();
        assert_eq!(swept(&dry, SweepMode::DryRun).len(), 3);
        assert_eq!(dry.executed_sql().len(), 3);
        let refuses = script().on(
            "DROP WAREHOUSE IF EXISTS SGAAAAAAAA_STD",
            Reply::refused("003001", "42501", "Insufficient privileges"),
        );
        let lines = swept(&refuses, SweepMode::Drop);
        assert!(lines[1].ends_with("Refused(\"003001 (42501): Insufficient privileges\")"));
        assert!(lines[2].ends_with("Dropped"));
    }
}
