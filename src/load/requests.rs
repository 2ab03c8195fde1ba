//! Which statements are executed: the same ones for the same seed, however fast anything is.

use super::{parameters::Values, workload::Query};
use crate::{
    random::Random,
    run::Partition,
    suite::vars::{self, Piece},
    target::Value,
};

/// A query whose variables are known, apart from its parameters.
#[derive(Clone, Debug)]
pub struct Template {
    pub name: String,
    /// As it is shown: with its parameters still in it.
    pub sql: String,
    pub control: bool,
    pub weight: f64,
    parts: Vec<Part>,
    values: Vec<Values>,
    binds: bool,
    check: Check,
}

/// What rows must be like to be counted as an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Check {
    pub rows: Option<(usize, Option<usize>)>,
    /// The parameter that the first cell of each row must be equal to.
    pub first_cell: Option<usize>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Parameter(usize),
}

/// One request: of which query, and with which values.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub query: usize,
    pub values: Vec<Value>,
}

impl Template {
    /// `variable` gives the values of names that are no parameters. An error is the name of one
    /// that has no value.
    pub fn new(
        query: &Query,
        control: bool,
        values: Vec<Values>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let place = |name: &str| query.params.iter().position(|(it, _)| it == name);
        let mut parts = Vec::new();
        let mut shown = String::new();
        for piece in vars::pieces(&query.sql) {
            match piece {
                Piece::Text(text) => {
                    shown += text;
                    parts.push(Part::Text(text.to_owned()));
                }
                Piece::Variable { name, .. } => match place(name) {
                    Some(at) => {
                        shown += &format!("{{{name}}}");
                        parts.push(Part::Parameter(at));
                    }
                    None => {
                        let value = variable(name).ok_or_else(|| name.to_owned())?;
                        shown += &value;
                        parts.push(Part::Text(value));
                    }
                },
            }
        }
        let first_cell = query.first_cell.as_deref().and_then(place);
        Ok(Self {
            name: query.name.clone(),
            sql: shown,
            control,
            weight: query.weight,
            parts,
            values,
            binds: query.binds,
            check: Check { rows: query.rows, first_cell },
        })
    }

    /// The statement, and what is bound in it.
    pub fn statement(&self, values: &[Value]) -> (String, Vec<Value>) {
        let mut sql = String::with_capacity(self.sql.len() + 16);
        let mut binds = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => sql += text,
                Part::Parameter(at) => match values.get(*at) {
                    Some(value) if self.binds => {
                        sql.push('?');
                        binds.push(value.clone());
                    }
                    Some(value) => sql += &literal(value),
                    None => {}
                },
            }
        }
        (sql, binds)
    }

    pub fn check(&self) -> Check {
        self.check
    }
}

/// As part of a statement's text. A text's quotes are the author's; those in it are doubled, so
/// that it ends where the author's do.
fn literal(value: &Value) -> String {
    match value {
        Value::Text(text) => text.replace('\\', "\\\\").replace('\'', "''"),
        Value::Number { digits, .. } => digits.to_string(),
        other => format!("{other:?}"),
    }
}

/// Requests without end.
#[derive(Clone, Debug)]
pub struct Requests {
    mix: Random,
    /// Of each query, of each of its parameters.
    values: Vec<Vec<Random>>,
    weights: Weights,
    /// Requests that others have: before the next of ours, and between any two.
    others: (u64, u64),
}

#[derive(Clone, Debug, Default)]
struct Weights {
    /// By query: up to where, of the mix and of the controls, its part goes.
    mix: Vec<(usize, f64)>,
    control: Vec<(usize, f64)>,
}

/// Parts of a seed, as [`Random::of_part`] counts them.
const MIX: u64 = 1;
const VALUES: u64 = 1000;
/// Parameters of one query at most, as far as their seeds go.
const PER_QUERY: u64 = 64;

impl Requests {
    pub fn new(templates: &[Template], seed: u64) -> Self {
        let mut weights = Weights::default();
        for (at, it) in templates.iter().enumerate() {
            let to = if it.control { &mut weights.control } else { &mut weights.mix };
            let before = to.last().map_or(0.0, |(_, until)| *until);
            to.push((at, before + it.weight));
        }
        let values = templates.iter().enumerate().map(|(at, it)| {
            let part = |number: usize| VALUES + at as u64 * PER_QUERY + number as u64;
            (0..it.values.len()).map(|number| Random::of_part(seed, part(number))).collect()
        });
        Self { mix: Random::of_part(seed, MIX), values: values.collect(), weights, others: (0, 0) }
    }

    /// Those of one part: dealt one by one, so that all parts together are the whole.
    pub fn of_part(self, part: Partition) -> Self {
        Self { others: (part.before(), part.between()), ..self }
    }

    /// The next one. `None` only of no queries.
    pub fn next(&mut self, templates: &[Template]) -> Option<Request> {
        let (before, between) = self.others;
        for _ in 0..before {
            self.next_of_all(templates)?;
        }
        self.others.0 = between;
        self.next_of_all(templates)
    }

    /// The next of the whole, whoever has it.
    fn next_of_all(&mut self, templates: &[Template]) -> Option<Request> {
        let at = self.mix.unit();
        let Weights { mix, control } = &self.weights;
        let query = match control.iter().find(|(_, until)| at < *until) {
            Some((query, _)) => *query,
            None => {
                let controls = control.last().map_or(0.0, |(_, until)| *until);
                let sum = mix.last().map_or(0.0, |(_, until)| *until);
                let at = (at - controls) / (1.0 - controls) * sum;
                mix.iter().find(|(_, until)| at < *until).or(mix.last())?.0
            }
        };
        let values = templates.get(query)?.values.iter();
        let random = self.values.get_mut(query)?;
        Some(Request {
            query,
            values: values.zip(random).map(|(it, random)| it.draw(random)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{load::workload::Parameter, suite::span::Span};

    fn query(name: &str, weight: f64, sql: &str, params: &[&str]) -> Query {
        Query {
            name: name.to_owned(),
            weight,
            sql: sql.to_owned(),
            params: params
                .iter()
                .map(|it| ((*it).to_owned(), Parameter::List(Vec::new())))
                .collect(),
            binds: false,
            rows: None,
            first_cell: None,
            span: Span::nowhere(),
        }
    }

    fn numbers() -> Values {
        Values::Uniform { first: 1, last: 1_000_000 }
    }

    fn known(name: &str) -> Option<String> {
        (name == "t").then(|| "DB.S.T".to_owned())
    }

    fn templates() -> Vec<Template> {
        let lookup = query("lookup", 3.0, "SELECT * FROM {t} WHERE K = {k}", &["k"]);
        let sum =
            query("sum", 1.0, "SELECT SUM(A) FROM {t} WHERE R = '{r}' AND K > {k}", &["k", "r"]);
        let one = query("one", 0.1, "SELECT 1", &[]);
        let words: Values = Values::OneOf(["n'orth".to_owned(), "south".to_owned()].into());
        vec![
            Template::new(&lookup, false, vec![numbers()], known).unwrap(),
            Template::new(&sum, false, vec![numbers(), words], known).unwrap(),
            Template::new(&one, true, Vec::new(), known).unwrap(),
        ]
    }

    fn statements(seed: u64, count: usize) -> Vec<String> {
        let templates = templates();
        let mut requests = Requests::new(&templates, seed);
        let next = || {
            let request = requests.next(&templates).unwrap();
            templates[request.query].statement(&request.values).0
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    #[test]
    fn one_seed_gives_one_sequence_of_statements() {
        assert_eq!(statements(5, 500), statements(5, 500));
        assert_ne!(statements(5, 500), statements(6, 500));
    }

    #[test]
    fn queries_come_by_their_weights_and_controls_by_their_shares() {
        let all = statements(1, 20_000);
        let share =
            |part: &str| all.iter().filter(|it| it.contains(part)).count() as f64 / 20_000.0;
        for (part, wanted) in [("SELECT *", 0.675), ("SUM", 0.225), ("SELECT 1", 0.1)] {
            assert!((share(part) - wanted).abs() < 0.012, "{part}: {}", share(part));
        }
    }

    #[test]
    fn values_are_put_in_or_bound() {
        let sum =
            query("sum", 1.0, "SELECT {{}} FROM {t} WHERE R = '{r}' AND K > {k}", &["k", "r"]);
        let values = [Value::Number { digits: -4, scale: 0 }, Value::Text("n'o\\rth".to_owned())];
        let literal = Template::new(&sum, false, vec![numbers(), numbers()], known).unwrap();
        assert_eq!(
            literal.statement(&values).0,
            "SELECT {}} FROM DB.S.T WHERE R = 'n''o\\\\rth' AND K > -4"
        );
        assert_eq!(literal.sql, "SELECT {}} FROM DB.S.T WHERE R = '{r}' AND K > {k}");
        let bound = Query { binds: true, sql: "SELECT {k}, {r}, {k}".to_owned(), ..sum };
        let bound = Template::new(&bound, false, vec![numbers(), numbers()], known).unwrap();
        let [k, r] = values;
        assert_eq!(
            bound.statement(&[k.clone(), r.clone()]),
            ("SELECT ?, ?, ?".to_owned(), vec![k.clone(), r, k])
        );
    }

    #[test]
    fn a_name_without_a_value_is_told() {
        let unknown = query("q", 1.0, "SELECT {nobody}", &[]);
        let err = Template::new(&unknown, false, Vec::new(), known).err();
        assert_eq!(err.as_deref(), Some("nobody"));
    }
}
