//! Names that are like others, or like none.

use super::{Lint, Of, Rule, Scope};
use crate::suite::{Case, Step, Suite, span::Span, strip_steps, words::nearest};
use std::collections::{BTreeMap, HashMap};

pub const UNKNOWN_ID: Rule = Rule {
    name: "unknown-id",
    finds: "an `id` that the catalogue of behaviours does not have",
    remedy: "ids are S-01 to S-35, L-01 to L-38, R-01 to R-31, C-01 to C-16, M-01 to M-17 and \
             A-01 to A-07",
};

pub const MISSPELT_TAG: Rule = Rule {
    name: "misspelt-tag",
    finds: "a tag that is nowhere else, and is like one that others have",
    remedy: "spell it as the others do, or it is not chosen with them",
};

pub const SAME_NAME: Rule = Rule {
    name: "same-name",
    finds: "two cases of a suite whose names differ by case, blanks or punctuation only",
    remedy: "say in the names how they differ",
};

pub const SAME_CASE: Rule = Rule {
    name: "same-case",
    finds: "two cases of a suite that do and expect the same",
    remedy: "take one of them out, or change what was meant to differ",
};

/// How many behaviours of each area are catalogued.
const CATALOGUE: [(char, u32); 6] =
    [('S', 35), ('L', 38), ('R', 31), ('C', 16), ('M', 17), ('A', 7)];

/// Tags that the harness gives a meaning to: such a suite's limitations can be `lifted`.
const MEANT: [&str; 1] = ["limits"];

pub fn case(case: &Case, scope: Scope, lint: &mut Lint<'_>) {
    let Some(id) = &case.id else { return };
    let is_known = CATALOGUE.iter().any(|(area, last)| {
        let number = id.strip_prefix(*area).and_then(|it| it.strip_prefix('-')?.parse().ok());
        number.is_some_and(|it| (1..=*last).contains(&it))
    });
    if !is_known {
        let span = lint.place_of(&[id], &case.span);
        lint.warn(&UNKNOWN_ID, scope, &span, format!("no behaviour is catalogued as `{id}`"));
    }
}

pub fn suite(suite: &Suite, scope: Scope, lint: &mut Lint<'_>) {
    // Without `subtest` names are of our making, and a case depends on those before it.
    if suite.ordered {
        return;
    }
    let mut names: HashMap<String, &Case> = HashMap::new();
    let mut bodies: HashMap<String, &Case> = HashMap::new();
    for (at, case) in suite.cases.iter().enumerate() {
        let scope = scope.case(at);
        let name: String =
            case.name.to_lowercase().chars().filter(|it| it.is_alphanumeric()).collect();
        if let Some(first) = names.get(&name) {
            let what = format!("the name is that of the case in line {}", first.span.line);
            lint.warn(&SAME_NAME, scope, &case.span, what);
        } else {
            names.insert(name, case);
        }
        let body = body(case);
        if let Some(first) = bodies.get(&body) {
            let what = format!("`{}` in line {} is the same", first.name, first.span.line);
            lint.warn(&SAME_CASE, scope, &case.span, what);
        } else {
            bodies.insert(body, case);
        }
    }
}

/// All that a case does and expects, and where, as one text.
fn body(case: &Case) -> String {
    let mut steps: Vec<Step> = case.steps.clone();
    strip_steps(&mut steps);
    let releases = case.only.as_ref().map(|it| &it.releases);
    let needs: Vec<&str> = case.needs.iter().map(|it| it.value.as_str()).collect();
    format!("{steps:?} {releases:?} {needs:?}")
}

pub fn tags(suites: &[Suite], lint: &mut Lint<'_>) {
    let mut uses: BTreeMap<&str, Vec<(Scope, Span)>> = BTreeMap::new();
    for (at, suite) in suites.iter().enumerate() {
        let scope = Scope::of(Of::Suite(at));
        let head = Span { line: 1, column: 1, ..Span::of_file(suite.path.clone()) };
        for tag in &suite.tags {
            uses.entry(tag).or_default().push((scope, head.clone()));
        }
        for (at, case) in suite.cases.iter().enumerate() {
            for tag in &case.tags {
                uses.entry(tag).or_default().push((scope.case(at), case.span.clone()));
            }
        }
    }
    let common: Vec<&str> =
        uses.iter().filter(|(_, it)| it.len() > 1).map(|(tag, _)| *tag).chain(MEANT).collect();
    for (tag, uses) in &uses {
        let [(scope, span)] = uses.as_slice() else { continue };
        // Short words are near to each other by chance.
        if tag.len() < 4 || common.contains(tag) {
            continue;
        }
        if let Some(near) = nearest(tag, common.iter().copied()) {
            let span = lint.place_of(&[tag], span);
            let what = format!("the tag `{tag}` is nowhere else; is it `{near}`?");
            lint.warn(&MISSPELT_TAG, *scope, &span, what);
        }
    }
}
