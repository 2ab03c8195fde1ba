//! The queries of the mix, each for itself.

use super::{
    Role, errors,
    latency::{DOTTED, due_curve, scale, tail_frame, told},
};
use crate::report::{
    html::{
        figure::{Label, digits, ms},
        table::Table,
    },
    plot::line::{Series, lines},
};

pub fn table(roles: &[Role<'_>], lasted_us: u64, label: Label<'_>) -> String {
    let mut table = Table::new(&label.title("By query"))
        .words(&["query", "role"])
        .numbers(&["answered/s", "answered"])
        .numbers(&["p50 ms", "p95 ms", "p99 ms", "p99.9 ms", "max ms"])
        .numbers(&["wrong rows", "errors", "cancelled", "dropped"]);
    let mut statements =
        Table::new("Statements").words(&["query"]).numbers(&["weight"]).words(&["statement"]);
    let seconds = (lasted_us as f64 / 1e6).max(1e-6);
    for name in names(roles) {
        for role in roles {
            for (query, sum) in role.of.queries.iter().zip(&role.queries) {
                if query.name != name {
                    continue;
                }
                let max = match sum.censored.is_empty() {
                    _ if sum.samples() == 0 => "–".to_owned(),
                    true => ms(sum.from_due.max() as f64),
                    false => format!("≥ {}", ms(sum.from_due.max().max(sum.censored.max()) as f64)),
                };
                let of = if query.control { " (control)" } else { "" };
                table.row([
                    format!("{name}{of}"),
                    role.of.role.clone(),
                    digits(sum.ok as f64 / seconds),
                    sum.ok.to_string(),
                    told(sum.quantile(0.5)),
                    told(sum.quantile(0.95)),
                    told(sum.quantile(0.99)),
                    told(sum.quantile(0.999)),
                    max,
                    sum.wrong_rows.to_string(),
                    errors(sum),
                    sum.censored.len().to_string(),
                    sum.dropped.to_string(),
                ]);
            }
        }
        let queries = roles.iter().flat_map(|it| &it.of.queries);
        if let Some(query) = queries.into_iter().find(|it| it.name == name) {
            statements.row([name.to_owned(), digits(query.weight), query.sql.clone()]);
        }
    }
    table.render("") + &statements.folded()
}

/// The queries' names, each once, in the order of the first role that has them.
pub fn names<'a>(roles: &[Role<'a>]) -> Vec<&'a str> {
    let mut names = Vec::new();
    for query in roles.iter().flat_map(|it| &it.of.queries) {
        if !names.contains(&query.name.as_str()) {
            names.push(query.name.as_str());
        }
    }
    names
}

/// A small plot for each, all on one scale.
pub fn figures(roles: &[Role<'_>], label: Label<'_>) -> String {
    let curves = |name: &str| -> Vec<Series> {
        let of_role = |role: &Role<'_>| {
            let at = role.of.queries.iter().position(|it| it.name == name)?;
            let sum = role.queries.get(at).filter(|it| it.samples() > 0)?;
            Some(due_curve(sum, &role.of.role, role.hue, role.stroke()))
        };
        roles.iter().filter_map(of_role).collect()
    };
    let all: Vec<(&str, Vec<Series>)> =
        names(roles).into_iter().map(|name| (name, curves(name))).collect();
    if all.len() < 2 {
        return String::new();
    }
    let y = scale(all.iter().flat_map(|(_, series)| series));
    let mut out = String::new();
    for (name, series) in all.iter().filter(|(_, series)| !series.is_empty()) {
        let title = format!("{name}: latency by percentile");
        let desc = "From due; one scale for all queries. The numbers are in the table by query.";
        let frame = tail_frame(series, y).small();
        let plot = lines(&label.about(&title, desc), frame, series, &[], &[]);
        out += &label.figure(name, &plot, "", None);
    }
    let is_dotted = all.iter().flat_map(|(_, it)| it).any(|it| it.at_least_from.is_some());
    let dotted = if is_dotted { DOTTED } else { "" };
    format!(
        "<h4 class=\"whole\">Latency by percentile, query by query</h4><p class=\"note whole\">\
         From due, on one scale. {dotted}</p><div class=\"multiples\">{out}</div>"
    )
}
