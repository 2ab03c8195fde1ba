//! The `{variables}` of a run. All of them have names before anything is executed, so that a
//! misspelt one is found by `lint` and by every run, not by the statement that needed it.

use crate::suite::{
    Action, DataSet, Expect, Step, Suite, SuiteError, SuiteErrorKind,
    refresh::{self, Refreshed},
    span::Span,
    vars::{self, Piece},
};
use std::collections::BTreeMap;

/// Names that every suite may use.
///
/// `{schema}` is the suite's own schema, without its database: `{database}.{schema}` is how
/// `SHOW … IN SCHEMA` wants it. `{region_rows}` is what the documents say of regions, as rows for
/// `VALUES`; the data set `regions` has them in a table.
pub const BASE: [&str; 8] = [
    "run",
    "database",
    "schema",
    "standard",
    "interactive",
    "scale",
    "customers_count",
    "region_rows",
];

/// Customers in the data set `orders`, from the number of its orders: enough at any scale for a
/// look-up by customer to be selective.
pub fn customers_count(scale: u64) -> u64 {
    (scale / 50).max(100)
}

/// Values by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The text with every variable replaced, or the first name that is not known.
    pub fn substitute(&self, text: &str) -> Result<String, String> {
        vars::substitute(text, &self.0)
            .map_err(|unknown| unknown.into_iter().next().map(|it| it.name).unwrap_or_default())
    }

    /// The text with known variables replaced; other braces stay, as results may hold JSON.
    pub fn substitute_known(&self, text: &str) -> String {
        if !vars::variables(text).iter().any(|it| self.0.contains_key(*it)) {
            return text.to_owned();
        }
        let piece = |it| match it {
            Piece::Text(it) => it.to_owned(),
            Piece::Variable { name, .. } => match self.get(name) {
                Some(value) => value.to_owned(),
                None => format!("{{{name}}}"),
            },
        };
        vars::pieces(text).into_iter().map(piece).collect()
    }
}

/// Names in the steps of a data set that it cannot know.
pub fn check_data_set(data_set: &DataSet) -> Vec<SuiteError> {
    let mut check = Check::new(BASE.iter().map(|&it| it.to_owned()));
    let place = data_set.steps.first().map(|it| it.span.clone());
    for value in data_set.provides.values() {
        if let Some(span) = &place {
            check.text(value, span);
        }
    }
    check.known.extend(data_set.provides.keys().map(|it| (it.clone(), String::new())));
    check.steps(&data_set.steps);
    check.unknown
}

/// Names in the steps of a suite that neither the run, nor its data sets, nor an earlier `save`
/// gives a value to.
pub fn check_suite(suite: &Suite, data_sets: &[DataSet]) -> Vec<SuiteError> {
    let used = |it: &&DataSet| suite.data.iter().any(|name| name.value == it.name);
    let provided = data_sets.iter().filter(used).flat_map(|it| it.provides.keys().cloned());
    let mut check = Check::new(BASE.iter().map(|&it| it.to_owned()).chain(provided));
    check.steps(&suite.setup);
    for it in &suite.refreshed {
        check.refreshed(it);
    }
    for case in &suite.cases {
        let known = check.known.clone();
        check.steps(&case.steps);
        if !suite.ordered {
            check.known = known;
        }
    }
    check.unknown
}

struct Check {
    /// Names, with nothing as their values yet.
    known: BTreeMap<String, String>,
    unknown: Vec<SuiteError>,
}

impl Check {
    fn new(known: impl Iterator<Item = String>) -> Self {
        let known = known.map(|it| (it, String::new())).collect();
        Self { known, unknown: Vec::new() }
    }

    /// A table may be named by those below it.
    fn refreshed(&mut self, it: &Refreshed) {
        self.known.insert(refresh::AT.to_owned(), String::new());
        self.text(&it.query, &it.span);
        self.known.remove(refresh::AT);
        self.known.insert(it.name.clone(), String::new());
        self.text(&it.create, &it.span);
    }

    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            if let Action::Look(look) = &step.action {
                self.known.insert(refresh::SENTINEL.to_owned(), String::new());
                for text in look.texts() {
                    self.text(text, &step.span);
                }
                self.known.remove(refresh::SENTINEL);
            }
            if let Action::Load(workload) = &step.action {
                for (text, parameters) in workload.texts() {
                    let known = self.known.clone();
                    let parameters =
                        parameters.into_iter().map(|it| (it.to_owned(), String::new()));
                    self.known.extend(parameters);
                    self.text(text, &step.span);
                    self.known = known;
                }
            }
            if let Action::Execute { sql, binds } = &step.action {
                self.text(sql, &step.span);
                for bind in binds {
                    self.text(bind, &step.span);
                }
            }
            for query in &step.unchanged {
                self.text(&query.sql, &step.span);
            }
            for expectation in &step.expect {
                if let Expect::SameAs { sql, .. } = &expectation.outcome {
                    self.text(sql, &expectation.span);
                }
            }
            if let Some(name) = &step.save {
                self.known.insert(name.clone(), String::new());
            }
        }
    }

    fn text(&mut self, text: &str, span: &Span) {
        for unknown in vars::substitute(text, &self.known).err().unwrap_or_default() {
            let error = SuiteErrorKind::Unknown {
                what: "variable",
                found: unknown.name,
                nearest: unknown.nearest,
                known: self.known.keys().cloned().collect(),
            }
            .at(span.clone());
            if !self.unknown.contains(&error) {
                self.unknown.push(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_are_replaced_and_other_braces_stay() {
        let variables = Variables::default().with("run", "SG1").with("t", "A.B");
        #[track_caller]
        fn check(variables: &Variables, text: &str, expected: Result<&str, &str>) {
            let found = variables.substitute(text);
            assert_eq!(found.as_deref().map_err(String::as_str), expected);
        }
        check(&variables, "SELECT * FROM {t}", Ok("SELECT * FROM A.B"));
        check(&variables, "{run}_L05 {{t}", Ok("SG1_L05 {t}"));
        check(&variables, "PARSE_JSON('{\"a\":{}}')", Ok("PARSE_JSON('{\"a\":{}}')"));
        check(&variables, "{T} {1} { t } {", Ok("{T} {1} { t } {"));
        check(&variables, "{tt} {t}", Err("tt"));
        assert_eq!(variables.substitute_known("{tt} {t}"), "{tt} A.B");
    }

    #[test]
    fn customers_grow_with_orders() {
        assert_eq!(customers_count(20_000), 400);
        assert_eq!(customers_count(100), 100);
    }
}
