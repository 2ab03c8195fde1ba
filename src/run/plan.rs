//! Which cases will be run, in which order, on which objects. Nothing here touches a target.

use super::{
    CaseKey, Partition, TagExpr, nearest,
    partition::{self, Unit},
    variables,
};
use crate::suite::{Case, DataSet, Suite, SuiteError, SuiteErrorKind};
use std::collections::{BTreeSet, HashSet};

/// Capabilities that suites may need: of the release, of the region, and of the target.
pub const CAPABILITIES: [&str; 12] = [
    "interactive",
    "fallback",
    "zero-copy",
    LISTED_REGION,
    UNLISTED_REGION,
    "roles",
    "policies",
    "materialized-views",
    "refresh-history",
    "operator-stats",
    "slow-definitions",
    CAPACITY,
];

/// Warehouses have limits: they queue, cancel, warm up, and differ in what they take. Simulated ones
/// have where a capacity model is on.
pub const CAPACITY: &str = "capacity";

/// The documents' list of today has the account's region.
pub const LISTED_REGION: &str = "listed-region";

/// It has not, and nothing is said of what such an account is answered.
pub const UNLISTED_REGION: &str = "unlisted-region";

/// Whether a capability is one of the region, for which no interactive warehouse is needed.
pub fn is_of_region(capability: &str) -> bool {
    [LISTED_REGION, UNLISTED_REGION].contains(&capability)
}

/// Which of the loaded cases to run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Part of a case's full name, or of its id.
    pub filter: Option<String>,
    pub tags: Option<TagExpr>,
    /// Exactly these, whatever the rest says.
    pub exactly: Option<HashSet<CaseKey>>,
    /// Of all that, one part: others are run elsewhere.
    pub partition: Option<Partition>,
}

/// What a run will do.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Those that the suites use, in the order they were found.
    pub data_sets: Vec<DataSet>,
    pub suites: Vec<PlannedSuite>,
    /// If it is one part of what was selected.
    pub partition: Option<Parted>,
}

/// Which part a plan is, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parted {
    pub partition: Partition,
    /// Alike in all parts of one whole: how many cases there are, and which.
    pub whole: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PlannedSuite {
    pub suite: Suite,
    /// In order. Not all of them were asked for.
    pub cases: Vec<PlannedCase>,
    /// What the suite's schema is called after the run: `LIMITS_DML`.
    pub schema_suffix: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PlannedCase {
    pub key: CaseKey,
    pub case: Case,
    /// Executed only because a later case of an ordered suite was asked for. It has no verdict.
    pub only_for_others: bool,
}

impl Plan {
    /// The cases that will have a verdict, in order.
    pub fn keys(&self) -> Vec<CaseKey> {
        self.suites.iter().flat_map(PlannedSuite::keys).collect()
    }
}

impl PlannedSuite {
    pub fn keys(&self) -> Vec<CaseKey> {
        let wanted = self.cases.iter().filter(|it| !it.only_for_others);
        wanted.map(|it| it.key.clone()).collect()
    }
}

/// What makes a plan impossible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Names in suites that stand for nothing. All of them.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Suites(Vec<SuiteError>),
    /// There is nothing to run.
    #[error("{message}")]
    Nothing { message: String, hint: Option<String> },
}

/// All that the run needs, or everything that is wrong.
pub fn plan(
    suites: &[Suite],
    data_sets: &[DataSet],
    selection: &Selection,
) -> Result<Plan, PlanError> {
    let (selected, partition) = select(suites, selection)?;
    let used: BTreeSet<&str> = selected
        .iter()
        .flat_map(|it| it.suite.data.iter().map(|name| name.value.as_str()))
        .collect();
    let data_sets: Vec<DataSet> =
        data_sets.iter().filter(|it| used.contains(it.name.as_str())).cloned().collect();
    let in_data_sets = data_sets.iter().flat_map(check_data_set);
    let in_suites = selected.iter().flat_map(|it| check_suite(&it.suite, &data_sets));
    let errors: Vec<SuiteError> = in_data_sets.chain(in_suites).collect();
    match errors.is_empty() {
        true => Ok(Plan { data_sets, suites: selected, partition }),
        false => Err(PlanError::Suites(errors)),
    }
}

/// What is wrong with a suite beyond its syntax: capabilities and variables that do not exist.
pub fn check_suite(suite: &Suite, data_sets: &[DataSet]) -> Vec<SuiteError> {
    let needs = suite.needs.iter().chain(suite.cases.iter().flat_map(|it| &it.needs));
    let unknown_needs = needs.filter(|it| !CAPABILITIES.contains(&it.value.as_str())).map(|it| {
        let kind = SuiteErrorKind::Unknown {
            what: "capability",
            found: it.value.clone(),
            nearest: nearest(&it.value, CAPABILITIES.into_iter()).map(str::to_owned),
            known: CAPABILITIES.map(str::to_owned).to_vec(),
        };
        kind.at(it.span.clone())
    });
    unknown_needs.chain(variables::check_suite(suite, data_sets)).collect()
}

/// What is wrong with a data set beyond its syntax.
pub fn check_data_set(data_set: &DataSet) -> Vec<SuiteError> {
    variables::check_data_set(data_set)
}

/// The cases of a suite as they are known in events and reports.
pub fn key(suite: &Suite, case: &Case) -> CaseKey {
    CaseKey {
        suite: suite.name.clone(),
        name: case.name.clone(),
        id: case.id.clone(),
        file: case.span.file.display().to_string(),
        line: case.span.line,
    }
}

fn select(
    suites: &[Suite],
    selection: &Selection,
) -> Result<(Vec<PlannedSuite>, Option<Parted>), PlanError> {
    let parted = selection.partition.map(|it| part(suites, selection, it));
    let is_here = |suite: &Suite, case: &Case| {
        is_selected(suite, case, selection)
            && parted.as_ref().is_none_or(|(here, _)| here.contains(&key(suite, case)))
    };
    let mut planned = Vec::new();
    let mut suffixes = HashSet::new();
    for suite in suites {
        let mut cases: Vec<PlannedCase> = suite
            .cases
            .iter()
            .map(|case| PlannedCase {
                key: key(suite, case),
                case: case.clone(),
                only_for_others: !is_here(suite, case),
            })
            .collect();
        let Some(last) = cases.iter().rposition(|it| !it.only_for_others) else { continue };
        cases.truncate(last + 1);
        if !suite.ordered {
            cases.retain(|it| !it.only_for_others);
        }
        let mut schema_suffix = schema_suffix(&suite.name);
        while !suffixes.insert(schema_suffix.clone()) {
            schema_suffix.push('_');
        }
        planned.push(PlannedSuite { suite: suite.clone(), cases, schema_suffix });
    }
    match planned.is_empty() {
        true => Err(nothing_selected(suites, selection)),
        false => Ok((planned, parted.map(|(_, it)| it))),
    }
}

/// The cases of a part, and what it is a part of.
fn part(
    suites: &[Suite],
    selection: &Selection,
    partition: Partition,
) -> (HashSet<CaseKey>, Parted) {
    let mut units: Vec<(Unit, Vec<CaseKey>)> = Vec::new();
    for suite in suites {
        let selected = suite.cases.iter().filter(|it| is_selected(suite, it, selection));
        let keys: Vec<CaseKey> = selected.map(|it| key(suite, it)).collect();
        let unit = |case: Option<&CaseKey>, cases| Unit {
            suite: suite.name.clone(),
            case: case.map(|it| it.name.clone()),
            cases,
        };
        match suite.ordered {
            true if !keys.is_empty() => units.push((unit(None, keys.len()), keys)),
            true => {}
            false => units.extend(keys.into_iter().map(|it| (unit(Some(&it), 1), vec![it]))),
        }
    }
    let (units, keys): (Vec<Unit>, Vec<Vec<CaseKey>>) = units.into_iter().unzip();
    let has = partition::split(&units, partition);
    let here = keys.iter().zip(has).filter(|(_, has)| *has).flat_map(|(keys, _)| keys.clone());
    let total: usize = units.iter().map(|it| it.cases).sum();
    let whole = format!("{total} cases, {}", partition::fingerprint(&units));
    (here.collect(), Parted { partition, whole })
}

fn is_selected(suite: &Suite, case: &Case, selection: &Selection) -> bool {
    if let Some(exactly) = &selection.exactly {
        return exactly.contains(&key(suite, case));
    }
    selection.filter.as_ref().is_none_or(|it| is_named(suite, case, it))
        && selection.tags.as_ref().is_none_or(|it| it.holds(&tags(suite, case)))
}

/// Whether `part` is part of one of the case's names: `suite::name`, `suite::L-09 name`.
pub fn is_named(suite: &Suite, case: &Case, part: &str) -> bool {
    key(suite, case).to_string().contains(part)
        || format!("{}::{}", suite.name, case.name).contains(part)
}

/// A case's tags and its suite's.
pub fn tags<'a>(suite: &'a Suite, case: &'a Case) -> Vec<&'a str> {
    suite.tags.iter().chain(&case.tags).map(String::as_str).collect()
}

fn nothing_selected(suites: &[Suite], selection: &Selection) -> PlanError {
    let cases = || suites.iter().flat_map(|suite| suite.cases.iter().map(move |it| (suite, it)));
    if let Some(partition) = selection.partition
        && cases().any(|(suite, case)| is_selected(suite, case, selection))
    {
        return PlanError::Nothing {
            message: format!("there is no case left for part {partition}"),
            hint: Some("divide into fewer parts".to_owned()),
        };
    }
    if let Some(filter) = &selection.filter
        && !cases().any(|(suite, case)| is_named(suite, case, filter))
    {
        return PlanError::Nothing {
            message: format!("no case is named like `{filter}`"),
            hint: nearest_cases(filter, cases().map(|(suite, case)| key(suite, case))),
        };
    }
    if let Some(expr) = &selection.tags {
        let known: BTreeSet<&str> = cases().flat_map(|(suite, case)| tags(suite, case)).collect();
        let unknown = expr.names().into_iter().find(|it| !known.contains(it));
        let nearest = unknown.and_then(|it| nearest(it, known.iter().copied()));
        return PlanError::Nothing {
            message: match &selection.filter {
                Some(filter) => format!("no case named like `{filter}` has tags `{expr}`"),
                None => format!("no case has tags `{expr}`"),
            },
            hint: Some(match nearest {
                Some(it) => format!("did you mean `{it}`?"),
                None => {
                    let known: Vec<String> = known.iter().map(|it| format!("`{it}`")).collect();
                    format!("there are {}", known.join(", "))
                }
            }),
        };
    }
    PlanError::Nothing {
        message: "there are no cases to run".to_owned(),
        hint: Some("suites are files ending in `.slt` or `.yaml`".to_owned()),
    }
}

/// Up to three cases whose names are like `filter`.
pub fn nearest_cases(filter: &str, cases: impl Iterator<Item = CaseKey>) -> Option<String> {
    let wanted = filter.to_lowercase();
    let likeness = |case: &CaseKey| {
        let full = case.to_string().to_lowercase();
        let parts = [full.as_str(), case.name.as_str(), case.suite.as_str()]
            .into_iter()
            .chain(case.id.as_deref())
            .chain(full.split(|it: char| !it.is_alphanumeric()).collect::<Vec<_>>());
        parts.map(|it| strsim::jaro_winkler(&wanted, &it.to_lowercase())).fold(0.0, f64::max)
    };
    let mut cases: Vec<(f64, String)> =
        cases.map(|it| (likeness(&it), it.to_string())).filter(|(it, _)| *it > 0.75).collect();
    cases.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let names: Vec<String> = cases.into_iter().take(3).map(|(_, it)| format!("`{it}`")).collect();
    match names.is_empty() {
        true => Some("`snowgauge list` shows every case".to_owned()),
        false => Some(format!("the nearest are {}", names.join(", "))),
    }
}

/// `LIMITS_DML` for `limits::dml`: an identifier that needs no quotes.
fn schema_suffix(suite: &str) -> String {
    let mut suffix = String::new();
    for it in suite.chars() {
        match it.is_ascii_alphanumeric() {
            true => suffix.push(it.to_ascii_uppercase()),
            false if suffix.ends_with('_') => {}
            false => suffix.push('_'),
        }
    }
    // The run's id and a line come before it; an identifier has 255 characters at most.
    suffix.truncate(200);
    suffix
}
