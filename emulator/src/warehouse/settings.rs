//! What a warehouse is set to: defaults by kind and release, and which values are refused.
//!
//! Whether it runs, and what is attached to it, is not here.

use super::{Kind, Properties, size::Size};
use crate::{
    error::SqlError,
    regression::{Regression, regressed},
    release::Release,
};

/// The default of `MAX_CONCURRENCY_LEVEL`.
pub const MAX_CONCURRENCY_LEVEL: u64 = 8;
/// The default of `STATEMENT_TIMEOUT_IN_SECONDS`: two days.
pub const STATEMENT_TIMEOUT_IN_SECONDS: u64 = 172_800;
/// The largest `STATEMENT_TIMEOUT_IN_SECONDS`, a week, which 0 stands for as well.
pub const STATEMENT_TIMEOUT_IN_SECONDS_MAX: u64 = 604_800;

/// Every property, resolved. Parameters are `None` where they were not set on the warehouse, as
/// `SHOW PARAMETERS` tells these apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    pub size: Size,
    pub min_cluster_count: u64,
    pub max_cluster_count: u64,
    /// In seconds; `None` and 0 are never.
    pub auto_suspend: Option<u64>,
    pub auto_resume: bool,
    pub comment: String,
    pub scaling_policy: ScalingPolicy,
    pub enable_query_acceleration: bool,
    pub query_acceleration_max_scale_factor: u64,
    pub max_concurrency_level: Option<u64>,
    pub statement_queued_timeout_in_seconds: Option<u64>,
    pub statement_timeout_in_seconds: Option<u64>,
    pub fallback_warehouse: Option<String>,
}

/// Kept and shown. Clusters start here as soon as a statement would wait, under either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScalingPolicy {
    Standard,
    Economy,
}

impl ScalingPolicy {
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::Economy => "ECONOMY",
        }
    }
}

/// The least `AUTO_SUSPEND` of an interactive warehouse, in seconds; also its default where it has
/// one. An hour came with behaviour change 2473, which belongs to the newest release here.
pub fn interactive_auto_suspend_min(release: Release) -> u64 {
    if release >= Release::ZeroCopy { 3_600 } else { 86_400 }
}

/// How many tables can be attached to one warehouse.
pub fn attached_max(release: Release) -> usize {
    if release >= Release::ZeroCopy { 100 } else { 10 }
}

/// Whether a new warehouse waits for `RESUME` when the statement does not say.
pub fn initially_suspended(kind: Kind, release: Release) -> bool {
    kind == Kind::Interactive && release < Release::ZeroCopy
}

impl Settings {
    pub fn new(kind: Kind, release: Release) -> Self {
        // An interactive warehouse neither suspended nor resumed by itself before the release that
        // has fallback. From then on, a minimal CREATE reads back a day (an hour) and TRUE, while
        // the reference page still says NULL and FALSE.
        let (auto_suspend, auto_resume) = match kind {
            Kind::Standard => (Some(600), true),
            Kind::Interactive if release < Release::Fallback => (None, false),
            Kind::Interactive => (Some(interactive_auto_suspend_min(release)), true),
        };
        let clusters = match kind {
            Kind::Interactive if regressed(Regression::TwoClusters) => 2,
            _ => 1,
        };
        Self {
            size: Size::XSmall,
            min_cluster_count: clusters,
            max_cluster_count: clusters,
            auto_suspend,
            auto_resume,
            comment: String::new(),
            scaling_policy: ScalingPolicy::Standard,
            enable_query_acceleration: false,
            query_acceleration_max_scale_factor: 8,
            max_concurrency_level: None,
            statement_queued_timeout_in_seconds: None,
            statement_timeout_in_seconds: None,
            fallback_warehouse: None,
        }
    }

    /// These settings with `properties` over them; all of them or, with an error, none.
    pub fn with(
        &self,
        properties: Properties,
        kind: Kind,
        release: Release,
    ) -> Result<Self, SqlError> {
        let mut new = self.clone();
        let Properties {
            warehouse_type,
            size,
            min_cluster_count,
            max_cluster_count,
            auto_suspend,
            auto_resume,
            // Of CREATE alone, which looks at it itself.
            initially_suspended: _,
            comment,
            scaling_policy,
            enable_query_acceleration,
            query_acceleration_max_scale_factor,
            max_concurrency_level,
            statement_queued_timeout_in_seconds,
            statement_timeout_in_seconds,
            fallback_warehouse,
            resource_monitor,
        } = properties;

        match (kind, warehouse_type) {
            (_, None) | (Kind::Standard, Some(Kind::Standard)) => {}
            // This odd text is the service's own.
            (Kind::Interactive, Some(_)) => {
                return Err(invalid_property(
                    "WAREHOUSE_TYPE cannot be changed on interactive warehouses",
                ));
            }
            (Kind::Standard, Some(Kind::Interactive)) => {
                return Err(invalid_value("INTERACTIVE", "WAREHOUSE_TYPE"));
            }
        }
        if let Some(text) = size {
            new.size = Size::parse(&text)
                .filter(|it| it.exists(kind, release))
                .ok_or_else(|| invalid_value(&text, "WAREHOUSE_SIZE"))?;
        }
        if let Some(count) = min_cluster_count {
            new.min_cluster_count = count;
        }
        if let Some(count) = max_cluster_count {
            new.max_cluster_count = count;
        }
        new.check_clusters(kind, release)?;
        if let Some(secs) = auto_suspend {
            let min = match regressed(Regression::AutoSuspendDay) {
                true => interactive_auto_suspend_min(Release::Fallback),
                false => interactive_auto_suspend_min(release),
            };
            if let (Kind::Interactive, Some(it)) = (kind, secs)
                && it < min
                && !regressed(Regression::AutoSuspendMinimumLifted)
            {
                // That it is an error is public, its code and text are not. The reference page
                // says that the value is raised instead; live runs contradict it.
                return Err(SqlError::new(
                    1422,
                    "22023",
                    format!(
                        "SQL compilation error:\ninvalid value '{it}' for property 'AUTO_SUSPEND': \
                         at least {min} seconds on an interactive warehouse"
                    ),
                ));
            }
            new.auto_suspend = secs;
        }
        if let Some(it) = auto_resume {
            new.auto_resume = it;
        }
        if let Some(it) = comment {
            new.comment = it;
        }
        if let Some(text) = scaling_policy {
            new.scaling_policy = match text.to_ascii_uppercase().as_str() {
                "STANDARD" => ScalingPolicy::Standard,
                "ECONOMY" => ScalingPolicy::Economy,
                _ => return Err(invalid_value(&text, "SCALING_POLICY")),
            };
        }
        if let Some(it) = enable_query_acceleration {
            new.enable_query_acceleration = it;
        }
        if let Some(factor) = query_acceleration_max_scale_factor {
            if 100 < factor {
                let name = "QUERY_ACCELERATION_MAX_SCALE_FACTOR";
                return Err(invalid_value(&factor.to_string(), name));
            }
            new.query_acceleration_max_scale_factor = factor;
        }
        if let Some(level) = max_concurrency_level {
            if level == 0 {
                return Err(invalid_parameter(level, "MAX_CONCURRENCY_LEVEL"));
            }
            new.max_concurrency_level = Some(level);
        }
        if let Some(secs) = statement_queued_timeout_in_seconds {
            new.statement_queued_timeout_in_seconds = Some(secs);
        }
        if let Some(secs) = statement_timeout_in_seconds {
            // Above five is accepted by an interactive warehouse, read back, and of no effect
            // (catalogue L-02).
            let is_capped =
                kind == Kind::Interactive && regressed(Regression::WarehouseTimeoutCapped);
            let secs_max = if is_capped { 5 } else { STATEMENT_TIMEOUT_IN_SECONDS_MAX };
            if secs_max < secs {
                return Err(invalid_parameter(secs, "STATEMENT_TIMEOUT_IN_SECONDS"));
            }
            new.statement_timeout_in_seconds = Some(secs);
        }
        if let Some(name) = fallback_warehouse {
            has_fallback(kind, release)?;
            new.fallback_warehouse = name;
        }
        if let Some(name) = resource_monitor
            && !name.eq_ignore_ascii_case("NULL")
        {
            return Err(SqlError::does_not_exist("Resource monitor", &name));
        }
        Ok(new)
    }

    /// These settings without one property.
    pub fn without(&self, property: &str, kind: Kind, release: Release) -> Result<Self, SqlError> {
        let mut new = self.clone();
        match property.to_ascii_uppercase().as_str() {
            // Not back to the default: NULL, as seen live.
            "AUTO_SUSPEND" => new.auto_suspend = None,
            "AUTO_RESUME" => new.auto_resume = true,
            "COMMENT" => new.comment.clear(),
            "MIN_CLUSTER_COUNT" => new.min_cluster_count = 1,
            "MAX_CLUSTER_COUNT" => new.max_cluster_count = 1,
            "SCALING_POLICY" => new.scaling_policy = ScalingPolicy::Standard,
            "ENABLE_QUERY_ACCELERATION" => new.enable_query_acceleration = false,
            "QUERY_ACCELERATION_MAX_SCALE_FACTOR" => new.query_acceleration_max_scale_factor = 8,
            "MAX_CONCURRENCY_LEVEL" => new.max_concurrency_level = None,
            "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS" => new.statement_queued_timeout_in_seconds = None,
            "STATEMENT_TIMEOUT_IN_SECONDS" => new.statement_timeout_in_seconds = None,
            "FALLBACK_WAREHOUSE" => {
                has_fallback(kind, release)?;
                new.fallback_warehouse = None;
            }
            "RESOURCE_MONITOR" => {}
            "WAREHOUSE_TYPE" if kind == Kind::Standard => {}
            // The service's wording for other objects; for a warehouse only that there is no such
            // UNSET is public.
            it @ ("WAREHOUSE_SIZE" | "WAREHOUSE_TYPE") => {
                return Err(SqlError::new(
                    1422,
                    "22023",
                    format!("SQL compilation error:\ncannot unset property '{it}' for 'WAREHOUSE'"),
                ));
            }
            other => return Err(invalid_property(other)),
        }
        new.check_clusters(kind, release)?;
        Ok(new)
    }

    /// Codes and texts of these refusals are not public.
    fn check_clusters(&self, kind: Kind, release: Release) -> Result<(), SqlError> {
        let (min, max) = (self.min_cluster_count, self.max_cluster_count);
        let allowed = 1..=self.size.clusters_max(kind);
        if !allowed.contains(&max) {
            return Err(invalid_value(&max.to_string(), "MAX_CLUSTER_COUNT"));
        }
        if !allowed.contains(&min) || max < min {
            return Err(invalid_value(&min.to_string(), "MIN_CLUSTER_COUNT"));
        }
        if kind == Kind::Interactive && release < Release::Fallback && min != max {
            return Err(SqlError::new(
                1422,
                "22023",
                "SQL compilation error:\nMIN_CLUSTER_COUNT must be equal to MAX_CLUSTER_COUNT \
                 for an interactive warehouse",
            ));
        }
        Ok(())
    }

    /// Statements that a cluster runs at a time.
    pub fn slots(&self) -> u64 {
        match () {
            () if regressed(Regression::ConcurrencyLevelIgnored) => MAX_CONCURRENCY_LEVEL,
            () if regressed(Regression::TwoSlots) => 2,
            () => self.max_concurrency_level(),
        }
    }

    pub fn max_concurrency_level(&self) -> u64 {
        self.max_concurrency_level.unwrap_or(MAX_CONCURRENCY_LEVEL)
    }

    pub fn statement_timeout_secs(&self) -> u64 {
        self.statement_timeout_in_seconds.unwrap_or(STATEMENT_TIMEOUT_IN_SECONDS)
    }

    pub fn statement_queued_timeout_secs(&self) -> u64 {
        self.statement_queued_timeout_in_seconds.unwrap_or(0)
    }
}

/// `FALLBACK_WAREHOUSE` is a parameter of interactive warehouses, from the release that has it.
fn has_fallback(kind: Kind, release: Release) -> Result<(), SqlError> {
    if kind == Kind::Interactive && release.has_fallback() {
        Ok(())
    } else {
        Err(invalid_property("FALLBACK_WAREHOUSE"))
    }
}

/// `001420`: a warehouse has no such property. The SQLSTATE is not public.
pub fn invalid_property(name: &str) -> SqlError {
    let text = format!("SQL compilation error:\ninvalid property '{name}' for 'WAREHOUSE'");
    SqlError::new(1420, "22023", text)
}

/// `001422`: a property cannot have this value. The SQLSTATE is not public.
pub fn invalid_value(value: &str, property: &str) -> SqlError {
    let text = format!("SQL compilation error:\ninvalid value '{value}' for property '{property}'");
    SqlError::new(1422, "22023", text)
}

/// `001008`: a parameter cannot have this value.
fn invalid_parameter(value: u64, parameter: &str) -> SqlError {
    let text =
        format!("SQL compilation error:\ninvalid value [{value}] for parameter '{parameter}'");
    SqlError::new(1008, "22023", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `None` expects success.
    #[track_caller]
    fn check(kind: Kind, release: Release, properties: Properties, refused: Option<&str>) {
        let answer = Settings::new(kind, release).with(properties, kind, release);
        match (answer, refused) {
            (Ok(_), None) => {}
            (Err(error), Some(text)) if error.message.contains(text) => {}
            (answer, refused) => panic!("expected {refused:?}, got {answer:?}"),
        }
    }

    #[test]
    fn an_interactive_warehouse_stays_up_for_its_minimum() {
        use Release::*;
        #[track_caller]
        fn suspend(release: Release, secs: Option<u64>, refused: Option<&str>) {
            let properties = Properties { auto_suspend: Some(secs), ..Properties::default() };
            check(Kind::Interactive, release, properties, refused);
        }
        suspend(Fallback, Some(600), Some("at least 86400 seconds"));
        suspend(Fallback, Some(86_400), None);
        suspend(ZeroCopy, Some(3_599), Some("invalid value '3599' for property 'AUTO_SUSPEND'"));
        suspend(ZeroCopy, Some(3_600), None);
        suspend(ZeroCopy, None, None);
        let minute = Properties { auto_suspend: Some(Some(60)), ..Properties::default() };
        check(Kind::Standard, ZeroCopy, minute, None);
    }

    #[test]
    fn clusters_have_their_limits_by_kind_and_release() {
        #[track_caller]
        fn clusters(kind: Kind, release: Release, range: (u64, u64), refused: Option<&str>) {
            let properties = Properties {
                min_cluster_count: Some(range.0),
                max_cluster_count: Some(range.1),
                ..Properties::default()
            };
            check(kind, release, properties, refused);
        }
        use {Kind::*, Release::*};
        clusters(Interactive, ZeroCopy, (1, 10), None);
        clusters(Interactive, ZeroCopy, (1, 11), Some("MAX_CLUSTER_COUNT"));
        clusters(Interactive, Attached, (1, 2), Some("must be equal"));
        clusters(Interactive, Attached, (2, 2), None);
        clusters(Standard, Attached, (1, 2), None);
        clusters(Standard, ZeroCopy, (1, 300), None);
        clusters(Standard, ZeroCopy, (3, 2), Some("MIN_CLUSTER_COUNT"));
        clusters(Standard, ZeroCopy, (0, 2), Some("MIN_CLUSTER_COUNT"));
    }

    #[test]
    fn fallback_is_of_interactive_warehouses_in_releases_that_have_it() {
        let fallback = |it: &str| Properties {
            fallback_warehouse: Some(Some(it.to_owned())),
            ..Properties::default()
        };
        check(Kind::Interactive, Release::Fallback, fallback("NO_SUCH"), None);
        let refused = Some("invalid property 'FALLBACK_WAREHOUSE'");
        check(Kind::Interactive, Release::Attached, fallback("W"), refused);
        check(Kind::Standard, Release::ZeroCopy, fallback("W"), refused);
    }

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        let timeout =
            |secs| Properties { statement_timeout_in_seconds: Some(secs), ..Properties::default() };
        check(Kind::Interactive, Release::ZeroCopy, timeout(604_800), None);
        check(
            Kind::Interactive,
            Release::ZeroCopy,
            timeout(604_801),
            Some("invalid value [604801] for parameter 'STATEMENT_TIMEOUT_IN_SECONDS'"),
        );
        let size = |it: &str| Properties { size: Some(it.to_owned()), ..Properties::default() };
        let refused = Some("invalid value 'X5LARGE' for property 'WAREHOUSE_SIZE'");
        check(Kind::Interactive, Release::ZeroCopy, size("X5LARGE"), refused);
        check(Kind::Interactive, Release::Attached, size("X5LARGE"), None);
        let level = Properties { max_concurrency_level: Some(0), ..Properties::default() };
        check(Kind::Standard, Release::ZeroCopy, level, Some("MAX_CONCURRENCY_LEVEL"));
        let kind = Properties { warehouse_type: Some(Kind::Standard), ..Properties::default() };
        check(Kind::Interactive, Release::ZeroCopy, kind.clone(), Some("cannot be changed"));
        check(Kind::Standard, Release::ZeroCopy, kind, None);
    }

    #[test]
    fn unset_puts_back_what_the_service_puts_back() {
        let release = Release::ZeroCopy;
        let settings = Settings::new(Kind::Interactive, release);
        let without = |it| settings.without(it, Kind::Interactive, release);
        assert_eq!(without("auto_suspend").map(|it| it.auto_suspend), Ok(None));
        let error = without("WAREHOUSE_SIZE").expect_err("a size cannot be unset");
        assert!(error.message.contains("cannot unset property 'WAREHOUSE_SIZE'"), "{error}");
        let error = without("NO_SUCH").expect_err("there is no such property");
        assert!(error.message.contains("invalid property 'NO_SUCH' for 'WAREHOUSE'"), "{error}");
    }
}
