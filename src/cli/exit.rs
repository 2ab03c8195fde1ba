//! How the process ends. Build scripts branch on these, so that a number is never reused.

use crate::run::RunSummary;
use std::process::ExitCode;

/// Exit status of every subcommand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All passed; observed and skipped cases are news, and so are lifted ones unless the run is
    /// strict.
    AllPassed = 0,
    /// At least one case failed, or was lifted in a strict run, whatever became of the others.
    SomeFailed = 1,
    /// Bad input, no connection, or cases that were not run.
    CouldNotRun = 2,
    /// Nothing failed, but something could not be decided: unsure or invalid.
    Unsure = 3,
    /// Stopped by Ctrl-C. 128 + SIGINT, as shells have it.
    Interrupted = 130,
}

/// The text under `--help` of every subcommand that runs cases.
pub const HELP: &str = "Exit status: 0 all passed, 1 some failed, 2 could not run, 3 unsure or \
                        invalid, 130 interrupted.";

/// The cause of a run that was ended by Ctrl-C.
pub const INTERRUPTED: &str = "interrupted";

impl Ending {
    /// A failure is a verdict on the product, and outranks what was not run; both outrank what
    /// could not be decided.
    pub fn of(summary: &RunSummary) -> Self {
        let counts = summary.counts();
        if summary.cut_short.as_deref() == Some(INTERRUPTED) {
            Self::Interrupted
        } else if summary.failures() > 0 {
            Self::SomeFailed
        } else if counts.not_run > 0 || summary.cut_short.is_some() {
            Self::CouldNotRun
        } else if counts.unsure > 0 || counts.invalid > 0 {
            Self::Unsure
        } else {
            Self::AllPassed
        }
    }
}

/// What several runs come to: an interruption, then the worst of them. `None` of none.
pub fn worst(endings: impl IntoIterator<Item = Ending>) -> Option<Ending> {
    endings.into_iter().min_by_key(|it| match it {
        Ending::Interrupted => 0,
        Ending::SomeFailed => 1,
        Ending::CouldNotRun => 2,
        Ending::Unsure => 3,
        Ending::AllPassed => 4,
    })
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        ExitCode::from(ending as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::sample::{case, failure, summary},
        run::{Outcome, Strictness},
    };

    #[track_caller]
    fn check(outcomes: &[Outcome], cut_short: Option<&str>, ending: Ending, status: u8) {
        let cases = outcomes
            .iter()
            .enumerate()
            .map(|(at, it)| case(&format!("case {at}"), it.clone()))
            .collect();
        let mut summary = summary(cases);
        summary.cut_short = cut_short.map(str::to_owned);
        assert_eq!(Ending::of(&summary), ending);
        assert_eq!(ending as u8, status);
    }

    #[test]
    fn every_status_has_its_meaning() {
        let failed = Outcome::Failed { failure: failure() };
        let not_run = Outcome::NotRun { cause: String::new() };
        let unsure = Outcome::Unsure { why: String::new() };
        let invalid = Outcome::Invalid { why: String::new() };
        let news = [
            Outcome::Passed,
            Outcome::Observed { seen: String::new() },
            Outcome::Lifted { seen: String::new() },
            Outcome::Skipped { reason: String::new() },
        ];
        check(&news, None, Ending::AllPassed, 0);
        check(&[Outcome::Passed, failed.clone(), not_run.clone()], None, Ending::SomeFailed, 1);
        check(&[Outcome::Passed, not_run.clone(), unsure.clone()], None, Ending::CouldNotRun, 2);
        check(&[Outcome::Passed], Some("cannot reach it"), Ending::CouldNotRun, 2);
        check(&[Outcome::Passed, unsure], None, Ending::Unsure, 3);
        check(&[invalid], None, Ending::Unsure, 3);
        check(&[failed, not_run], Some(INTERRUPTED), Ending::Interrupted, 130);
    }

    #[test]
    fn a_limitation_that_is_gone_fails_a_strict_run_and_no_other() {
        let lifted = || case("a", Outcome::Lifted { seen: String::new() });
        let not_run = || case("b", Outcome::NotRun { cause: String::new() });
        let check = |strictness, cases, ending| {
            let mut summary = summary(cases);
            summary.strictness = strictness;
            assert_eq!(Ending::of(&summary), ending, "{strictness:?}");
        };
        check(Strictness::Lenient, vec![lifted()], Ending::AllPassed);
        check(Strictness::Strict, vec![lifted()], Ending::SomeFailed);
        check(Strictness::Lenient, vec![lifted(), not_run()], Ending::CouldNotRun);
        check(Strictness::Strict, vec![lifted(), not_run()], Ending::SomeFailed);
        check(Strictness::Strict, vec![case("c", Outcome::Passed)], Ending::AllPassed);
    }
}
