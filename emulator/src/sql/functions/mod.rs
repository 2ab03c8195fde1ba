//! Snowflake's functions, as the engine's UDFs: by their upper-case names.
//!
//! [`scalar`], [`aggregate`] and [`window`] look a function up; [`cast`] makes the one behind
//! `CAST`, `::` and `TRY_CAST`; [`generator`] is the table of `GENERATOR`. Where DataFusion's own
//! function means the same, that one is handed out. Functions of the session (`CURRENT_USER`,
//! `LAST_QUERY_ID`, …) are not here: the planner writes their values into the statement.
//!
//! A function refuses with a [`crate::error::SqlError`] inside `DataFusionError::External`. Codes of
//! conversions and of division are Snowflake's; those of refused argument values (`001014`,
//! `100050`, `100090`, `100114`, `100140`, `100141`, `100144`) are not public, and ours.

mod arithmetic;
mod calendar;
#[cfg(test)]
mod check;
mod collect;
mod collected;
mod conditional;
mod convert;
mod dates;
mod datum;
mod decimal;
mod delegate;
mod distinct;
mod encode;
mod flatten;
mod format;
mod generate;
mod hash;
mod json;
mod kit;
mod number;
mod number_format;
mod path;
mod patterns;
mod text;
mod time_convert;
mod totals;
mod variant;
mod window;
mod zone;

pub use convert::cast;
pub use datum::kind_of;
pub use flatten::{flatten, flattened_columns};
pub use generate::{ROW_COLUMN, generator};
pub use kit::common_kind;

use datafusion::{
    functions_aggregate::{
        any_value, correlation, count, covariance, min_max, regr, stddev, variance,
    },
    functions_window::{cume_dist, lead_lag, nth_value, ntile, rank, row_number},
    logical_expr::{AggregateUDF, ScalarUDF, WindowUDF},
};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

static SCALARS: LazyLock<HashMap<&'static str, Arc<ScalarUDF>>> = LazyLock::new(|| {
    let tables: [&'static [kit::Entry]; 12] = [
        arithmetic::ENTRIES,
        conditional::ENTRIES,
        dates::ENTRIES,
        encode::ENTRIES,
        flatten::ENTRIES,
        generate::ENTRIES,
        hash::ENTRIES,
        number::ENTRIES,
        patterns::ENTRIES,
        text::ENTRIES,
        time_convert::ENTRIES,
        variant::ENTRIES,
    ];
    tables
        .into_iter()
        .flatten()
        .chain(time_convert::CONVERSIONS.iter().flatten())
        .chain(number_format::CONVERSIONS.iter().flatten())
        .map(|entry| (entry.name, Arc::new(ScalarUDF::from(kit::Udf::new(entry)))))
        .collect()
});

static AGGREGATES: LazyLock<HashMap<&'static str, Arc<AggregateUDF>>> = LazyLock::new(|| {
    let picking = |name: &'static str, inner: Arc<AggregateUDF>| {
        (name, Arc::new(AggregateUDF::from(delegate::Picking::new(name, &inner))))
    };
    let own = |udf: AggregateUDF| Arc::new(udf);
    let named = [
        ("COUNT", count::count_udaf()),
        ("STDDEV", stddev::stddev_udaf()),
        ("STDDEV_SAMP", stddev::stddev_udaf()),
        ("STDDEV_POP", stddev::stddev_pop_udaf()),
        ("VARIANCE", variance::var_samp_udaf()),
        ("VARIANCE_SAMP", variance::var_samp_udaf()),
        ("VAR_SAMP", variance::var_samp_udaf()),
        ("VARIANCE_POP", variance::var_pop_udaf()),
        ("VAR_POP", variance::var_pop_udaf()),
        ("CORR", correlation::corr_udaf()),
        ("COVAR_SAMP", covariance::covar_samp_udaf()),
        ("COVAR_POP", covariance::covar_pop_udaf()),
        ("REGR_SLOPE", regr::regr_slope_udaf()),
        ("REGR_INTERCEPT", regr::regr_intercept_udaf()),
        ("REGR_COUNT", regr::regr_count_udaf()),
        ("REGR_R2", regr::regr_r2_udaf()),
        ("REGR_AVGX", regr::regr_avgx_udaf()),
        ("REGR_AVGY", regr::regr_avgy_udaf()),
        ("REGR_SXX", regr::regr_sxx_udaf()),
        ("REGR_SYY", regr::regr_syy_udaf()),
        ("REGR_SXY", regr::regr_sxy_udaf()),
        picking("MIN", min_max::min_udaf()),
        picking("MAX", min_max::max_udaf()),
        picking("ANY_VALUE", any_value::any_value_udaf()),
        ("SUM", own(totals::Totals::new(totals::Total::Sum).into())),
        ("AVG", own(totals::Totals::new(totals::Total::Average).into())),
        ("HASH_AGG", own(hash::HashAgg::new().into())),
        (
            "APPROX_COUNT_DISTINCT",
            own(distinct::CountDistinct::new("APPROX_COUNT_DISTINCT").into()),
        ),
        ("HLL", own(distinct::CountDistinct::new("HLL").into())),
        // What `COUNT(DISTINCT a, b)` of several arguments becomes.
        ("SF_COUNT_DISTINCT", own(distinct::CountDistinct::new("SF_COUNT_DISTINCT").into())),
    ];
    let collected = collected::ENTRIES
        .iter()
        .map(|entry| (entry.name, own(collect::Collector::new(entry).into())));
    named.into_iter().chain(collected).collect()
});

static WINDOWS: LazyLock<HashMap<&'static str, Arc<WindowUDF>>> = LazyLock::new(|| {
    let picking = |name: &'static str, inner: Arc<WindowUDF>| {
        (name, Arc::new(WindowUDF::from(delegate::PickingWindow::new(name, &inner))))
    };
    let own = |kind| Arc::new(WindowUDF::from(window::Windowed::new(kind)));
    HashMap::from([
        ("ROW_NUMBER", row_number::row_number_udwf()),
        ("RANK", rank::rank_udwf()),
        ("DENSE_RANK", rank::dense_rank_udwf()),
        ("PERCENT_RANK", rank::percent_rank_udwf()),
        ("CUME_DIST", cume_dist::cume_dist_udwf()),
        ("NTILE", ntile::ntile_udwf()),
        picking("LAG", lead_lag::lag_udwf()),
        picking("LEAD", lead_lag::lead_udwf()),
        picking("FIRST_VALUE", nth_value::first_value_udwf()),
        picking("LAST_VALUE", nth_value::last_value_udwf()),
        picking("NTH_VALUE", nth_value::nth_value_udwf()),
        ("RATIO_TO_REPORT", own(window::Kind::RatioToReport)),
        ("CONDITIONAL_TRUE_EVENT", own(window::Kind::TrueEvent)),
        ("CONDITIONAL_CHANGE_EVENT", own(window::Kind::ChangeEvent)),
    ])
});

/// The scalar function of an upper-case name.
pub fn scalar(name: &str) -> Option<Arc<ScalarUDF>> {
    SCALARS.get(name).cloned()
}

/// The aggregate function of an upper-case name; also usable with `OVER`.
pub fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    AGGREGATES.get(name).cloned()
}

/// The window function of an upper-case name.
pub fn window(name: &str) -> Option<Arc<WindowUDF>> {
    WINDOWS.get(name).cloned()
}
