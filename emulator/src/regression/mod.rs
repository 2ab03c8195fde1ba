//! Deviations from the product that can be switched on, one at a time, to see whether suites
//! notice: a limit that is not enforced, a wrong code, an attachment that is lost.
//!
//! Each is named in the [`catalogue`] and stands where its rule lives, as an
//! `if regressed(Regression::…)` beside it. None is on unless
//! [`Settings::regression`](crate::engine::Settings::regression) says so.
//!
//! What is switched on belongs to the statement that runs, not to the process: emulators with
//! different regressions run beside each other. Rules are in parsers, settings, stores and texts,
//! most of which know no engine; a parameter through all of them would be read by nobody else.

mod catalogue;

pub use catalogue::Regression;

use crate::release::Release;
use std::{fmt, str::FromStr};

tokio::task_local! {
    static SWITCHED: Option<Regression>;
}

/// Whether the emulator that this statement runs on has a regression switched on. Never where no
/// statement runs.
pub(crate) fn regressed(regression: Regression) -> bool {
    SWITCHED.try_with(|it| *it == Some(regression)).unwrap_or(false)
}

/// Runs a statement under what its emulator has switched on.
pub(crate) async fn switched<F: Future>(regression: Option<Regression>, work: F) -> F::Output {
    SWITCHED.scope(regression, work).await
}

/// Takes what is switched on along to another task.
pub(crate) fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    SWITCHED.scope(SWITCHED.try_with(|it| *it).unwrap_or(None), work)
}

impl Regression {
    /// Whether it can show on a release.
    pub fn shows_on(self, release: Release) -> bool {
        self.releases().contains(&release)
    }
}

impl fmt::Display for Regression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Regression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|it| it.name() == text)
            .ok_or_else(|| format!("unknown regression `{text}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_regression_has_a_name_of_its_own_ids_and_a_release() {
        let mut names = HashSet::new();
        let mut texts = HashSet::new();
        for it in Regression::ALL {
            assert!(names.insert(it.name()), "`{it}` is there twice");
            assert!(texts.insert(it.what()), "`{it}` is what another one is");
            assert!(
                it.name().chars().all(|it| it.is_ascii_lowercase() || "-0123456789".contains(it))
            );
            assert!(!it.ids().is_empty(), "`{it}` violates nothing");
            assert!(!it.releases().is_empty(), "`{it}` shows nowhere");
            assert_eq!(it.name().parse(), Ok(*it));
            assert!(!it.what().ends_with('.') && it.what().len() > 10, "{}", it.what());
        }
        assert_eq!("none".parse::<Regression>(), Err("unknown regression `none`".to_owned()));
    }

    #[tokio::test]
    async fn only_the_statement_that_it_is_switched_on_for_deviates() {
        let (one, other) = (Regression::ALL[0], Regression::ALL[1]);
        assert!(!regressed(one));
        switched(Some(one), async {
            assert!(regressed(one) && !regressed(other));
            let elsewhere = tokio::spawn(async move { regressed(one) });
            assert!(!elsewhere.await.unwrap());
            assert!(tokio::spawn(carried(async move { regressed(one) })).await.unwrap());
        })
        .await;
        assert!(!tokio::spawn(carried(async move { regressed(one) })).await.unwrap());
    }
}
