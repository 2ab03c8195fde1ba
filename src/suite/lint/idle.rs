//! Parts of a step that can never tell anything.

use super::{Lint, Rule, Scope, sql::Look};
use crate::suite::{
    Action, Case, Evidence, Expect, Expectation, ExpectedRefusal, PAUSE_FIRST, Step, Suite,
    words::duration_text,
};

pub const CANNOT_FAIL: Rule = Rule {
    name: "cannot-fail",
    finds: "a case that no answer to what it tests can fail: `recorded`, or an unverified \
            `error: any`, with nothing checked besides; a query that is compared with itself",
    remedy: "add `unchanged`, or a step that looks at what must hold whichever the answer is",
};

pub const IDLE_WITHIN: Rule = Rule {
    name: "idle-within",
    finds: "`within` where the first answer ends the waiting: `ok` of a query, or `recorded`",
    remedy: "expect the rows that are waited for",
};

pub const SHORT_WITHIN: Rule = Rule {
    name: "short-within",
    finds: "a `within` that is shorter than the first pause between two looks",
    remedy: "give it the time that is tolerable; it ends as soon as it can",
};

pub const IDLE_UNCHANGED: Rule = Rule {
    name: "idle-unchanged",
    finds: "`unchanged` beside a query, which changes nothing, or of a query that reads nothing",
    remedy: "put it beside the statement that might change something, and let it read that",
};

pub const IDLE_SLEEP: Rule = Rule {
    name: "idle-sleep",
    finds: "a `sleep` that nothing comes after",
    remedy: "take it out, or look at something after it",
};

pub fn step(step: &Step, scope: Scope, lint: &mut Lint<'_>) {
    let Action::Execute { sql, .. } = &step.action else { return };
    let look = Look::at(sql);
    if let Some(within) = step.within {
        let span = lint.place_of(&["within", "retry"], &step.span);
        let is_idle = |it: &Expectation| match it.outcome {
            Expect::Ok => look.is_pure(),
            Expect::Recorded => true,
            _ => false,
        };
        if step.expect.iter().all(is_idle) {
            lint.warn(&IDLE_WITHIN, scope, &span, "any answer ends this waiting");
        } else if within < PAUSE_FIRST {
            let what = format!(
                "{} is shorter than the first pause, which is {}",
                duration_text(within),
                duration_text(PAUSE_FIRST)
            );
            lint.warn(&SHORT_WITHIN, scope, &span, what);
        }
    }
    for query in step.unchanged.iter().map(|it| &it.sql) {
        let span = lint.place_of(&["unchanged"], &step.span);
        let read = Look::at(query);
        if look.is_pure() {
            lint.warn(&IDLE_UNCHANGED, scope, &span, "a query changes nothing");
        } else if read.is_query() && !read.has_word("FROM") && !read.has_word("GET_DDL") {
            let what = "this query reads nothing that could change";
            lint.warn(&IDLE_UNCHANGED, scope, &span, what);
        }
    }
    for it in &step.expect {
        if let Expect::SameAs { session, sql: other, .. } = &it.outcome
            && *session == step.session
            && folded(sql) == folded(other)
        {
            lint.warn(&CANNOT_FAIL, scope, &it.span, "the query is compared with itself");
        }
    }
}

pub fn case(suite: &Suite, case: &Case, scope: Scope, lint: &mut Lint<'_>) {
    if let Some((at, step)) = case.steps.iter().enumerate().next_back()
        && matches!(step.action, Action::Sleep(_))
        && case.steps.len() > 1
        && !suite.ordered
    {
        lint.warn(&IDLE_SLEEP, scope.step(at), &step.span, "nothing comes after this waiting");
    }
    // Cases that rely on one another check each other.
    if suite.ordered || case.steps.iter().any(checks) {
        return;
    }
    let open = case.steps.iter().enumerate().find_map(|(at, step)| {
        step.expect.iter().find(|it| is_open(it)).map(|expectation| (at, expectation))
    });
    if let Some((at, expectation)) = open {
        let what = match expectation.outcome {
            Expect::Recorded => "any answer will do here, and the case checks nothing else",
            _ => {
                "any refusal will do here, anything else is news, and the case checks nothing else"
            }
        };
        lint.warn(&CANNOT_FAIL, scope.step(at), &expectation.span, what);
    }
}

/// Whether what is expected is met, or merely reported, whatever the server answers.
fn is_open(it: &Expectation) -> bool {
    match &it.outcome {
        Expect::Recorded => true,
        Expect::Refused(refusal) => {
            it.evidence == Evidence::Unverified && *refusal == ExpectedRefusal::default()
        }
        _ => false,
    }
}

/// Whether some answer makes the case fail, other than that its preparation is refused.
fn checks(step: &Step) -> bool {
    let is_check = |it: &Expectation| !is_open(it) && it.outcome != Expect::Ok;
    matches!(step.action, Action::Look(_) | Action::Load(_))
        || !step.unchanged.is_empty()
        || step.takes.is_some()
        || step.expect.iter().any(is_check)
}

fn folded(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase()
}
