//! Loads as YAML.

use super::{Context, Writer, quoted, values};
use crate::{
    load::workload::{
        Arrivals, BudgetLine, Compare, Length, Order, Parameter, Query, Rate, Role, Spacing, TURN,
        WARM_UP_MAX, WarmUp, Workload, rate_text,
    },
    suite::{
        span::Spanned,
        words::{STANDARD, duration_text, evidence_text},
    },
};

impl Writer {
    pub(super) fn load(&mut self, load: &Workload, allow: &[Spanned<String>]) {
        self.line("load:");
        self.indented(|out| {
            out.role(&load.on, STANDARD);
            out.arrivals(load);
            match load.length {
                // The steps of the rate are as long as it takes.
                Length::For(_)
                    if matches!(&load.arrivals, Arrivals::Open { rate: Rate::Steps(_), .. }) => {}
                Length::For(it) => out.line(&format!("duration: {}", duration_text(it))),
                Length::Requests(it) => out.line(&format!("count: {it}")),
            }
            match load.warm_up {
                WarmUp::UntilSteady { at_most } if at_most == WARM_UP_MAX => {}
                WarmUp::UntilSteady { at_most } => {
                    out.line(&format!("warm-up: until-steady {}", duration_text(at_most)));
                }
                WarmUp::For(it) => out.line(&format!("warm-up: {}", duration_text(it))),
                WarmUp::Requests(it) => out.line(&format!("warm-up: {it} requests")),
                WarmUp::None => out.line("warm-up: none"),
            }
            if let Some(it) = load.give_up_after {
                out.line(&format!("give-up-after: {}", duration_text(it)));
            }
            out.queries("mix", &load.mix, |it| format!("weight: {}", it.weight));
            // Without what dividing by a hundred left behind.
            let percent = |it: &Query| (it.weight * 1e8).round() / 1e6;
            let share = |it: &Query| format!("share: \"{}%\"", percent(it));
            out.queries("control", &load.control, share);
            out.budgets(load.budgets.iter().filter(|it| !it.compares).collect());
            if let Some(compare) = &load.compare {
                out.line("compare:");
                out.indented(|out| {
                    out.compare(compare);
                    out.budgets(load.budgets.iter().filter(|it| it.compares).collect());
                });
            }
            out.words("allow", values(allow));
        });
    }

    /// `session` is what holds where none is written.
    fn role(&mut self, role: &Role, session: &str) {
        if role.name != role.session {
            self.text("role", &role.name);
        }
        if role.session != session {
            self.text("session", &role.session);
        }
        if let Some(warehouse) = &role.warehouse {
            self.text("warehouse", warehouse);
        }
    }

    fn arrivals(&mut self, load: &Workload) {
        let (rate, spacing) = match &load.arrivals {
            Arrivals::Closed { think } => {
                self.line(&format!("clients: {}", load.sessions));
                if !think.is_zero() {
                    self.line(&format!("think: {}", duration_text(*think)));
                }
                return;
            }
            Arrivals::Open { rate, spacing } => (rate, spacing),
        };
        let from_to = |key: &str, from: f64, to: f64| {
            format!("{key}: {{ from: {}, to: {} }}", rate_text(from), rate_text(to))
        };
        match rate {
            Rate::Constant(rate) => self.line(&format!("rate: {}", rate_text(*rate))),
            Rate::Ramp { from, to } => self.line(&from_to("ramp", *from, *to)),
            Rate::Search { from, to } => self.line(&from_to("search", *from, *to)),
            Rate::Steps(steps) => {
                self.line("steps:");
                self.indented(|out| {
                    for (rate, length) in steps {
                        let (rate, length) = (rate_text(*rate), duration_text(*length));
                        out.item(|out| out.line(&format!("{{ rate: {rate}, for: {length} }}")));
                    }
                });
            }
        }
        if *spacing == Spacing::Constant {
            self.line("arrivals: constant");
        }
        self.line(&format!("sessions: {}", load.sessions));
    }

    fn queries(&mut self, key: &str, queries: &[Query], weight: impl Fn(&Query) -> String) {
        if queries.is_empty() {
            return;
        }
        self.line(&format!("{key}:"));
        self.indented(|out| {
            for query in queries {
                out.item(|out| {
                    out.text("name", &query.name);
                    out.line(&weight(query));
                    out.query(query);
                });
            }
        });
    }

    fn query(&mut self, query: &Query) {
        self.text("sql", &query.sql);
        if !query.params.is_empty() {
            self.line("params:");
            self.indented(|out| {
                for (name, parameter) in &query.params {
                    out.line(&format!("{name}: {{ {} }}", parameter_text(parameter)));
                }
            });
        }
        if query.binds {
            self.line("binds: true");
        }
        match query.rows {
            None => {}
            Some((min, Some(max))) if max == min => self.line(&format!("rows: {min}")),
            Some((min, Some(max))) => self.line(&format!("rows: {min}..{max}")),
            Some((min, None)) => self.line(&format!("rows: {min}..")),
        }
        if let Some(name) = &query.first_cell {
            self.text("first-cell", name);
        }
    }

    fn budgets(&mut self, budgets: Vec<&BudgetLine>) {
        if budgets.is_empty() {
            return;
        }
        self.line("budgets:");
        self.indented(|out| {
            for budget in budgets {
                out.item(|out| out.budget(budget));
            }
        });
    }

    fn budget(&mut self, budget: &BudgetLine) {
        let BudgetLine { budget, query, role, evidence, source, .. } = budget;
        let text = budget.to_string();
        let evidence = evidence_text(*evidence);
        if query.is_none() && role.is_none() && evidence.is_none() {
            return self.prefixed_text("", &text);
        }
        self.text("that", &text);
        let keys = [("of", query.as_deref()), ("role", role.as_deref()), ("evidence", evidence)];
        for (key, value) in keys.into_iter().chain([("source", source.as_deref())]) {
            if let Some(value) = value {
                self.text(key, value);
            }
        }
    }

    fn compare(&mut self, compare: &Compare) {
        let Compare { with, order } = compare;
        self.text("with", &with.session);
        self.role(with, &with.session);
        match order {
            Order::Apart => self.line("order: apart"),
            Order::Interleaved { turn } if *turn == TURN => {}
            Order::Interleaved { turn } => self.line(&format!("turn: {}", duration_text(*turn))),
        }
    }
}

fn parameter_text(parameter: &Parameter) -> String {
    let text = |it: &str| quoted(it, Context::Flow);
    let ends = |first: &str, last: &str| format!("[{}, {}]", text(first), text(last));
    match parameter {
        Parameter::Uniform { first, last } => format!("uniform: {}", ends(first, last)),
        Parameter::Zipf { first, last, exponent } => {
            format!("zipf: {}, exponent: {exponent}", ends(first, last))
        }
        Parameter::Query(sql) => format!("from: {}", text(sql)),
        Parameter::File(path) => format!("file: {}", text(path)),
        Parameter::List(values) => {
            let values: Vec<String> = values.iter().map(|it| text(it)).collect();
            format!("list: [{}]", values.join(", "))
        }
    }
}
