//! What loads came to: a section for each.

mod budgets;
mod health;
mod latency;
mod queries;
mod server;

use super::{
    escape,
    figure::{Label, digits},
    instant, notice,
    sums::{Sum, Sums, sums},
    table::Table,
    tag,
};
use crate::{
    load::{LoadReport, RoleMeasured},
    report::{plot::line::Stroke, text},
    run::{CaseReport, RunSummary, compare::counted},
};
use std::time::Duration;

/// Every load of the run; nothing where there is none.
pub fn section(summary: &RunSummary) -> String {
    let loads = summary.cases.iter().filter_map(|it| Some((it, it.load.as_deref()?)));
    let loads: Vec<String> = loads.map(|(case, load)| one(case, load)).collect();
    match loads.is_empty() {
        true => String::new(),
        false => format!("<section id=\"load\"><h2>Load</h2>{}</section>", loads.concat()),
    }
}

/// Budgets of all loads, by verdict.
pub fn verdicts(summary: &RunSummary) -> Vec<(&'static str, usize)> {
    let loads = summary.cases.iter().filter_map(|it| it.load.as_deref());
    let judged: Vec<&'static str> =
        loads.flat_map(|it| &it.judged).map(|it| budgets::word(it.verdict)).collect();
    let words = ["passed", "failed", "unsure", "invalid"];
    words.map(|word| (word, judged.iter().filter(|it| **it == word).count())).to_vec()
}

fn one(case: &CaseReport, load: &LoadReport) -> String {
    let measured = &load.measured;
    let label = Label { simulated: measured.simulated.as_deref() };
    let took = text::seconds(Duration::from_micros(measured.lasted_us));
    let mut out = format!(
        "<article class=\"load\"><h3>{} {} {}</h3><p class=\"soft\">{}</p>",
        escape(&case.case.name),
        tag(case.outcome.word(), ""),
        label.tag(),
        escape(&format!(
            "Workload {}: {took} from {}, seed {}. {}:{}",
            measured.workload,
            instant(measured.began),
            measured.seed,
            case.case.file,
            case.case.line
        ))
    );
    if let Some(model) = label.simulated {
        out += &notice(
            "",
            &format!(
                "Simulated: every figure of this load comes from the capacity model “{model}”, \
                 not from a warehouse."
            ),
        );
    }
    for why in &measured.health.unsound {
        out += &notice("bad", &format!("These figures say nothing: {why}"));
    }
    out += &budgets::table(load, label);
    match Role::all(&measured.roles) {
        Ok(roles) => {
            out += &overview(&roles, measured.lasted_us, label);
            let figures = [
                latency::compared(&roles, label),
                latency::by_percentile(&roles, &load.judged, label),
                latency::over_time(&roles, label),
                queries::figures(&roles, label),
                server::figure(&roles, label),
                health::part(&measured.health, label),
            ];
            out += &format!("<div class=\"plots\">{}</div>", figures.concat());
            out += &queries::table(&roles, measured.lasted_us, label);
        }
        Err(why) => out += &notice("bad", &format!("The figures cannot be read: {why}")),
    }
    out += &exchanges(&measured.roles, label);
    out + "</article>"
}

/// One side of a load with its sums.
struct Role<'a> {
    of: &'a RoleMeasured,
    /// Which of the colours it has wherever it is drawn.
    hue: usize,
    /// Without controls.
    whole: Sum,
    seconds: Vec<(u32, Sum)>,
    queries: Vec<Sum>,
}

impl<'a> Role<'a> {
    fn all(roles: &'a [RoleMeasured]) -> Result<Vec<Self>, String> {
        let role = |(hue, of): (usize, &'a RoleMeasured)| {
            let Sums { queries, whole, seconds } = sums(&of.queries)?;
            Ok(Self { of, hue, whole, seconds, queries })
        };
        roles.iter().enumerate().map(role).collect()
    }

    /// So that roles differ where colours do not.
    fn stroke(&self) -> Stroke {
        [Stroke::Plain, Stroke::Dashed, Stroke::DashDotted, Stroke::Dotted][self.hue % 4]
    }
}

/// A line for each role: what was wanted, and what became of it.
fn overview(roles: &[Role<'_>], lasted_us: u64, label: Label<'_>) -> String {
    let mut table = Table::new(&label.title("Roles"))
        .words(&["role", "session", "warehouse"])
        .numbers(&["sessions", "wanted/s", "answered/s", "due", "answered"])
        .numbers(&["wrong rows", "errors", "cancelled", "dropped"]);
    let mut warm_ups = String::new();
    for role in roles {
        let (of, sum) = (role.of, &role.whole);
        let seconds = (lasted_us as f64 / 1e6).max(1e-6);
        let warm_up = match of.warm_up.requests {
            0 => of.warm_up.ended.clone(),
            requests => format!(
                "{}; {} in {}, not counted",
                of.warm_up.ended,
                counted(usize::try_from(requests).unwrap_or(usize::MAX), "request"),
                text::seconds(Duration::from_micros(of.warm_up.lasted_us))
            ),
        };
        table.row([
            of.role.clone(),
            of.session.clone(),
            of.warehouse.clone().unwrap_or_default(),
            of.sessions.to_string(),
            of.wanted_rate.map_or("closed loop".to_owned(), digits),
            digits(sum.ok as f64 / seconds),
            sum.due.to_string(),
            sum.ok.to_string(),
            sum.wrong_rows.to_string(),
            errors(sum),
            sum.censored.len().to_string(),
            sum.dropped.to_string(),
        ]);
        let warm_up = format!("Warm-up of {}: {warm_up}.", of.role);
        warm_ups += &format!("<p class=\"note\">{}</p>", escape(&warm_up));
    }
    table.render("stack") + &warm_ups
}

/// `0`, or each class with its count.
fn errors(sum: &Sum) -> String {
    let classes = sum.errors.iter().filter(|(_, count)| **count > 0);
    let classes: Vec<String> = classes.map(|(class, n)| format!("{n} {class}")).collect();
    if classes.is_empty() { "0".to_owned() } else { classes.join(", ") }
}

fn exchanges(roles: &[RoleMeasured], label: Label<'_>) -> String {
    let mut table = Table::new(&label.title("A few exchanges"))
        .words(&["role", "query"])
        .numbers(&["second", "latency ms"])
        .words(&["ending", "query id", "statement", "binds"]);
    for role in roles {
        for query in &role.queries {
            for it in &query.exchanges {
                table.row([
                    role.role.clone(),
                    query.name.clone(),
                    it.second.to_string(),
                    super::figure::ms(it.latency_us as f64),
                    it.ending.clone(),
                    it.query_id.clone().unwrap_or_default(),
                    it.sql.clone(),
                    it.binds.join(", "),
                ]);
            }
        }
    }
    if table.is_empty() { String::new() } else { table.folded() }
}
