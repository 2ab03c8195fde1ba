//! Steps and expectations that a run never comes to, or comes to only to fail.

use super::{Lint, Rule, Scope, sql::Look};
use crate::suite::{
    Action, Case, Condition, Expect, Expectation, Release, Step,
    words::{listed, nearest},
};

pub const UNUSED_EXPECTATION: Rule = Rule {
    name: "unused-expectation",
    finds: "an expectation for releases on which its case is skipped",
    remedy: "take it out, or widen `only` or `needs`",
};

pub const NEVER_RUNS: Rule = Rule {
    name: "never-runs",
    finds: "a case or a step that no target and no release satisfies: `only` against `needs`, \
            conditions that exclude each other, a misspelt label",
    remedy: "mend the condition; a test that never runs never fails",
};

pub const SAVE_OF_REFUSAL: Rule = Rule {
    name: "save-of-refusal",
    finds: "`save` on a step that expects a refusal: there is nothing to save, and the steps after \
            it are never reached",
    remedy: "save in a step of its own, before or after",
};

pub const SCAN_OF_REFUSAL: Rule = Rule {
    name: "scan-of-refusal",
    finds: "RESULT_SCAN(LAST_QUERY_ID()) after a statement that is expected to be refused, which \
            has no result",
    remedy: "execute the statement whose result is meant right before it",
};

pub fn step(step: &Step, scope: Scope, releases: &[Release], lint: &mut Lint<'_>) {
    if let Some(name) = &step.save
        && let Some(it) = step.expect.iter().find(|it| is_refusal(it, releases))
    {
        let what = format!("a refusal has nothing that could be saved as `{{{name}}}`");
        lint.warn(&SAVE_OF_REFUSAL, scope, &it.span, what);
    }
    if let Some(what) = never(&step.when) {
        lint.warn(&NEVER_RUNS, scope, &step.span, what);
    }
    let mut left = releases.to_vec();
    // With none at all, the case never runs, and says so itself.
    if releases.is_empty() {
        return;
    }
    for it in &step.expect {
        let is_for =
            |release: &Release| it.releases.as_ref().is_none_or(|set| set.0.contains(release));
        if !left.iter().any(is_for) {
            let what = match &it.releases {
                Some(set) => {
                    let names: Vec<&str> = set.0.iter().map(|it| it.name()).collect();
                    format!("the case does not run on {}", listed(&names))
                }
                None => "the case runs on no release that is left for it".to_owned(),
            };
            lint.warn(&UNUSED_EXPECTATION, scope, &it.span, what);
        }
        left.retain(|release| !is_for(release));
    }
}

pub fn case(case: &Case, scope: Scope, releases: &[Release], lint: &mut Lint<'_>) {
    if releases.is_empty() {
        let what = "no release is in `only` and has what it `needs`";
        lint.warn(&NEVER_RUNS, scope, &case.span, what);
    }
    for (at, pair) in case.steps.windows(2).enumerate() {
        let [before, step] = pair else { continue };
        let Action::Execute { sql, .. } = &step.action else { continue };
        let scans = |sql: &str| {
            let look = Look::at(sql);
            look.has_word("RESULT_SCAN") && look.has_word("LAST_QUERY_ID")
        };
        // The query of `unchanged` comes between, and has a result.
        if before.session == step.session
            && before.unchanged.is_empty()
            && before.expect.iter().any(|it| is_refusal(it, releases))
            && matches!(before.action, Action::Execute { .. })
            && scans(sql)
        {
            let what = "the statement before this one is to be refused, and has no result";
            lint.warn(&SCAN_OF_REFUSAL, scope.step(at + 1), &step.span, what);
        }
    }
}

fn is_refusal(it: &Expectation, releases: &[Release]) -> bool {
    let can_be =
        it.releases.as_ref().is_none_or(|set| set.0.iter().any(|it| releases.contains(it)));
    can_be && matches!(it.outcome, Expect::Refused(_))
}

/// Why the conditions hold nowhere. Labels of other projects never hold, and are no mistake.
fn never(conditions: &[Condition]) -> Option<String> {
    let known = || {
        let targets = ["live", "emulator", "replay", "scripted"];
        Condition::ALWAYS.into_iter().chain(targets).chain(Release::ALL.map(Release::name))
    };
    for condition in conditions {
        let (Condition::OnlyIf(label) | Condition::SkipIf(label)) = condition;
        if !known().any(|it| it == label)
            && let Some(near) = nearest(label, known())
        {
            return Some(format!("`{condition}`: there is no `{label}`; is it `{near}`?"));
        }
    }
    let contradicts = |a: &Condition| {
        conditions.iter().any(|b| {
            matches!((a, b),
            (Condition::OnlyIf(a), Condition::SkipIf(b)) if a == b)
        })
    };
    let only = conditions.iter().find(|it| contradicts(it))?;
    Some(format!("`{only}` and its opposite both have to hold"))
}
