//! `SHOW WAREHOUSES`, `SHOW PARAMETERS … IN WAREHOUSE`, `DESCRIBE WAREHOUSE`.

use super::{Kind, State, Warehouse, Warehouses, settings};
use crate::{
    regression::{Regression, regressed},
    rows::{self, Builder, Cell, INSTANT, NUMBER, TEXT},
    store::table::TableId,
    types::{DataType, ResultSet},
};

/// The role that owns everything here: there is no access control.
const OWNER: &str = "ACCOUNTADMIN";

impl Warehouses {
    /// `SHOW WAREHOUSES [LIKE …]`, in the order of their names. `current` is the session's.
    ///
    /// `tables` is the list of names that live accounts show, where a behaviour-change note
    /// announces a number (catalogue M-05). The preview did not have the column. There is no column for the fallback warehouse (M-11).
    pub fn show(
        &self,
        like: Option<&str>,
        current: Option<&str>,
        table_names: impl Fn(TableId) -> Option<String>,
    ) -> ResultSet {
        let mut columns = vec![
            ("name", TEXT),
            ("state", TEXT),
            ("type", TEXT),
            ("size", TEXT),
            ("min_cluster_count", NUMBER),
            ("max_cluster_count", NUMBER),
            ("started_clusters", NUMBER),
            ("running", NUMBER),
            ("queued", NUMBER),
            ("is_default", TEXT),
            ("is_current", TEXT),
            ("auto_suspend", NUMBER),
            ("auto_resume", TEXT),
            ("available", TEXT),
            ("provisioning", TEXT),
            ("quiescing", TEXT),
            ("other", TEXT),
            ("created_on", INSTANT),
            ("resumed_on", INSTANT),
            ("updated_on", INSTANT),
            ("owner", TEXT),
            ("comment", TEXT),
            ("enable_query_acceleration", TEXT),
            ("query_acceleration_max_scale_factor", NUMBER),
            ("resource_monitor", TEXT),
            ("actives", NUMBER),
            ("pendings", NUMBER),
            ("failed", NUMBER),
            ("suspended", NUMBER),
            ("uuid", TEXT),
            ("scaling_policy", TEXT),
            ("budget", TEXT),
            ("owner_role_type", TEXT),
            ("resource_constraint", TEXT),
        ];
        if self.release.shows_attachment() {
            columns.push(("tables", TEXT));
        }
        let mut rows = Builder::new(&columns);
        for it in self.all() {
            if like.is_some_and(|pattern| !rows::like(pattern, &it.name)) {
                continue;
            }
            let counts = it.counts();
            // Before the lock is taken: looking up names takes others.
            let tables: Vec<_> = it.attached().into_iter().filter_map(&table_names).collect();
            let inner = it.substance.settled();
            let settings = &inner.settings;
            let started = inner.state() == State::Started;
            let stopped = settings.max_cluster_count.saturating_sub(counts.started_clusters);
            let mut row: Vec<Cell> = vec![
                it.name.as_str().into(),
                inner.state().name().into(),
                match regressed(Regression::KindShownStandard) {
                    true => Kind::Standard,
                    false => it.kind,
                }
                .name()
                .into(),
                match regressed(Regression::SizeInOneWord) {
                    true => settings.size.name().replace('-', "").to_uppercase().into(),
                    false => settings.size.name().into(),
                },
                settings.min_cluster_count.into(),
                settings.max_cluster_count.into(),
                counts.started_clusters.into(),
                counts.running.into(),
                counts.queued.into(),
                "N".into(),
                if current == Some(&it.name) { "Y" } else { "N" }.into(),
                settings.auto_suspend.into(),
                settings.auto_resume.to_string().into(),
                // In percent of the clusters that should run.
                if started { "100" } else { "" }.into(),
                if started { "0" } else { "" }.into(),
                if started { "0" } else { "" }.into(),
                if started { "0" } else { "" }.into(),
                it.created_at.into(),
                inner.resumed_at.into(),
                inner.updated_at.into(),
                OWNER.into(),
                settings.comment.as_str().into(),
                settings.enable_query_acceleration.to_string().into(),
                settings.query_acceleration_max_scale_factor.into(),
                // The word, not NULL: that is what the service prints.
                "null".into(),
                counts.started_clusters.into(),
                0_u64.into(),
                0_u64.into(),
                stopped.into(),
                it.substance.uuid.to_string().into(),
                settings.scaling_policy.name().into(),
                Cell::Null,
                "ROLE".into(),
                (it.kind == Kind::Standard).then_some("STANDARD_GEN_2").into(),
            ];
            if self.release.shows_attachment() {
                row.push((!tables.is_empty()).then(|| tables.join(", ")).into());
            }
            rows.push(row);
        }
        rows.finish()
    }
}

/// What `SHOW PARAMETERS` tells of each, whatever it has parameters.
pub const PARAMETER_COLUMNS: &[(&str, DataType)] = &[
    ("key", TEXT),
    ("value", TEXT),
    ("default", TEXT),
    ("level", TEXT),
    ("description", TEXT),
    ("type", TEXT),
];

impl Warehouse {
    /// `SHOW PARAMETERS [LIKE …] IN WAREHOUSE`. The five seconds of an interactive warehouse are
    /// not among them: `STATEMENT_TIMEOUT_IN_SECONDS` reads back as it was set (catalogue M-12).
    pub fn show_parameters(&self, like: Option<&str>) -> ResultSet {
        let mut rows = Builder::new(PARAMETER_COLUMNS);
        let settings = self.substance.state.lock().settings.clone();
        let number = |it: Option<u64>| it.map(|it| it.to_string());
        let mut parameters = vec![
            (
                "MAX_CONCURRENCY_LEVEL",
                number(settings.max_concurrency_level),
                settings::MAX_CONCURRENCY_LEVEL.to_string(),
                "How many statements a cluster runs at the same time.",
                "NUMBER",
            ),
            (
                "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS",
                number(settings.statement_queued_timeout_in_seconds),
                "0".to_owned(),
                "After how many seconds in the queue a statement is canceled; 0 is never.",
                "NUMBER",
            ),
            (
                "STATEMENT_TIMEOUT_IN_SECONDS",
                number(settings.statement_timeout_in_seconds),
                match self.kind == Kind::Interactive && regressed(Regression::FiveSecondsShown) {
                    true => "5".to_owned(),
                    false => settings::STATEMENT_TIMEOUT_IN_SECONDS.to_string(),
                },
                "After how many seconds a statement is canceled; 0 is after the most there are.",
                "NUMBER",
            ),
        ];
        if self.kind == Kind::Interactive && self.substance.release.has_fallback() {
            parameters.insert(
                0,
                (
                    "FALLBACK_WAREHOUSE",
                    settings
                        .fallback_warehouse
                        .filter(|_| !regressed(Regression::FallbackNotShown)),
                    String::new(),
                    "The warehouse that runs what ran out of time on this one.",
                    "STRING",
                ),
            );
        }
        for (key, value, default, description, data_type) in parameters {
            if like.is_some_and(|pattern| !rows::like(pattern, key)) {
                continue;
            }
            let level = if value.is_some() { "WAREHOUSE" } else { "" };
            rows.push(vec![
                key.into(),
                value.unwrap_or_else(|| default.clone()).into(),
                default.into(),
                level.into(),
                description.into(),
                data_type.into(),
            ]);
        }
        rows.finish()
    }

    /// `DESCRIBE WAREHOUSE`: one row.
    pub fn describe(&self) -> ResultSet {
        Builder::new(&[("created_on", INSTANT), ("name", TEXT), ("kind", TEXT)])
            .push(vec![self.created_at.into(), self.name.as_str().into(), "WAREHOUSE".into()])
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Properties;
    use super::*;
    use crate::{release::Release, store::catalog::OnConflict};
    use chrono::Utc;

    fn account(release: Release) -> Warehouses {
        let warehouses = Warehouses::new(release);
        for (name, kind, tables) in [
            ("T_STD", Kind::Standard, vec![]),
            ("T_IW", Kind::Interactive, vec![TableId(1), TableId(2), TableId(3)]),
        ] {
            let answer = warehouses.create(
                name,
                kind,
                Properties::default(),
                tables,
                OnConflict::Fail,
                Utc::now(),
            );
            answer.expect(name);
        }
        warehouses
    }

    /// A cell as text, NULL as `-`.
    fn cell(result: &ResultSet, row: usize, column: &str) -> String {
        let index = result.columns.iter().position(|it| it.name == column).expect(column);
        let array = result.batches[0].column(index);
        let options = arrow::util::display::FormatOptions::default().with_null("-");
        arrow::util::display::ArrayFormatter::try_new(array, &options)
            .expect("every cell can be printed")
            .value(row)
            .to_string()
    }

    #[test]
    fn warehouses_are_shown_as_the_service_shows_them() {
        let warehouses = account(Release::ZeroCopy);
        let shown = warehouses.show(Some("t\\_%"), Some("T_IW"), |it| match it.0 {
            3 => None,
            n => Some(format!("DB.PUBLIC.T{n}")),
        });
        assert_eq!((shown.row_count(), shown.columns.len()), (2, 35));
        for (column, interactive, standard) in [
            ("name", "T_IW", "T_STD"),
            ("state", "STARTED", "STARTED"),
            ("type", "INTERACTIVE", "STANDARD"),
            ("size", "X-Small", "X-Small"),
            ("min_cluster_count", "1", "1"),
            ("started_clusters", "1", "1"),
            ("is_current", "Y", "N"),
            ("auto_suspend", "3600", "600"),
            ("auto_resume", "true", "true"),
            ("resource_constraint", "-", "STANDARD_GEN_2"),
            ("tables", "DB.PUBLIC.T1, DB.PUBLIC.T2", "-"),
        ] {
            assert_eq!(cell(&shown, 0, column), interactive, "{column} of T_IW");
            assert_eq!(cell(&shown, 1, column), standard, "{column} of T_STD");
        }
    }

    #[test]
    fn defaults_differ_by_release() {
        let warehouses = account(Release::Attached);
        let shown = warehouses.show(Some("T_IW"), None, |_| None);
        assert_eq!(cell(&shown, 0, "state"), "SUSPENDED");
        assert_eq!(cell(&shown, 0, "started_clusters"), "0");
        assert_eq!(cell(&shown, 0, "auto_suspend"), "-");
        assert_eq!(cell(&shown, 0, "auto_resume"), "false");
    }

    #[test]
    fn parameters_read_back_as_set_and_say_at_which_level() {
        let warehouses = account(Release::ZeroCopy);
        let iw = warehouses.get("T_IW").expect("T_IW was created");
        let shown = iw.show_parameters(Some("statement_timeout%"));
        assert_eq!(cell(&shown, 0, "value"), "172800");
        assert_eq!(cell(&shown, 0, "level"), "");

        iw.set(Properties {
            statement_timeout_in_seconds: Some(45),
            fallback_warehouse: Some(Some("NO_SUCH".to_owned())),
            ..Properties::default()
        })
        .expect("both are accepted");
        let shown = iw.show_parameters(None);
        assert_eq!(shown.row_count(), 4);
        assert_eq!(cell(&shown, 0, "key"), "FALLBACK_WAREHOUSE");
        assert_eq!(cell(&shown, 0, "value"), "NO_SUCH");
        assert_eq!(cell(&shown, 3, "value"), "45");
        assert_eq!(cell(&shown, 3, "default"), "172800");
        assert_eq!(cell(&shown, 3, "level"), "WAREHOUSE");
    }

    #[test]
    fn fallback_is_a_parameter_only_where_it_exists() {
        #[track_caller]
        fn check(release: Release, name: &str, expected: usize) {
            let warehouses = account(release);
            let warehouse = warehouses.get(name).expect(name);
            let shown = warehouse.show_parameters(Some("FALLBACK_WAREHOUSE"));
            assert_eq!(shown.row_count(), expected, "{name} in {release}");
        }
        check(Release::Attached, "T_IW", 0);
        check(Release::Fallback, "T_IW", 1);
        check(Release::ZeroCopy, "T_STD", 0);
    }
}
