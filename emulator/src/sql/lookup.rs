//! Functions by name: Snowflake's from [`super::functions`], else the engine's own.

use super::functions;
use datafusion::{
    execution::SessionStateDefaults,
    logical_expr::{AggregateUDF, ScalarUDF, WindowUDF},
};
use std::sync::{Arc, LazyLock};

static SCALARS: LazyLock<Vec<Arc<ScalarUDF>>> =
    LazyLock::new(SessionStateDefaults::default_scalar_functions);
static AGGREGATES: LazyLock<Vec<Arc<AggregateUDF>>> =
    LazyLock::new(SessionStateDefaults::default_aggregate_functions);
static WINDOWS: LazyLock<Vec<Arc<WindowUDF>>> =
    LazyLock::new(SessionStateDefaults::default_window_functions);

pub fn scalar(name: &str) -> Option<Arc<ScalarUDF>> {
    functions::scalar(name).or_else(|| {
        let name = name.to_lowercase();
        SCALARS.iter().find(|it| it.name() == name || it.aliases().contains(&name)).cloned()
    })
}

pub fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    functions::aggregate(name).or_else(|| {
        let name = name.to_lowercase();
        AGGREGATES.iter().find(|it| it.name() == name || it.aliases().contains(&name)).cloned()
    })
}

pub fn window(name: &str) -> Option<Arc<WindowUDF>> {
    functions::window(name).or_else(|| {
        let name = name.to_lowercase();
        WINDOWS.iter().find(|it| it.name() == name || it.aliases().contains(&name)).cloned()
    })
}
