//! Tables that are kept fresh: when they were refreshed, and what they are made from.

use super::{
    cases::is_bad,
    escape,
    figure::{Label, clock},
    table::Table,
    tag,
};
use crate::{
    refresh::{history::Refresh, judge::actions_of, watched::Watched},
    report::plot::{
        graph::{Node, graph},
        timeline::{Lane, Tick, timeline},
    },
    run::{CaseReport, RunSummary, compare::counted},
    suite::refresh::RefreshedKind,
};
use chrono::{DateTime, SecondsFormat, Utc};

/// Cases that are open without being asked for.
const OPEN_MAX: usize = 2;

/// Cases that are listed without being asked for, if they need no look.
const LISTED_MAX: usize = 6;

/// Every case that saw a table being refreshed; nothing where there is none.
pub fn section(summary: &RunSummary) -> String {
    let saw = |it: &&CaseReport| {
        it.refreshes.iter().any(|it| !it.refreshes.is_empty() || !it.shown.is_empty())
    };
    let cases: Vec<&CaseReport> = summary.cases.iter().filter(saw).collect();
    if cases.is_empty() {
        return String::new();
    }
    let open = if cases.len() <= OPEN_MAX { " open" } else { "" };
    let mut out = String::from(
        "<section id=\"refresh\"><h2>Refreshes</h2><p class=\"soft\">What histories told of tables \
         that are kept fresh, since each case began. Times are the target's.</p>",
    );
    let (bad, others): (Vec<&CaseReport>, Vec<&CaseReport>) =
        cases.into_iter().partition(|it| is_bad(it));
    out += &bad.iter().map(|it| listed(it, open)).collect::<String>();
    let listed: String = others.iter().map(|it| listed(it, open)).collect();
    out += &match others.len() > LISTED_MAX {
        true => format!(
            "<details class=\"refresh-case\"><summary>{}</summary><div \
             class=\"refresh-body\">{listed}</div></details>",
            counted(others.len(), if bad.is_empty() { "case" } else { "other case" })
        ),
        false => listed,
    };
    out + "</section>"
}

fn listed(case: &CaseReport, open: &str) -> String {
    let all: Vec<Refresh> = case.refreshes.iter().flat_map(|it| it.refreshes.clone()).collect();
    format!(
        "<details class=\"refresh-case\"{open}><summary>{} {} <span class=\"soft\">{}</span>\
         </summary>{}</details>",
        tag(case.outcome.word(), ""),
        escape(&case.case.name),
        escape(&format!("{}: {}", case.case.suite, actions_of(&all))),
        one(&case.refreshes)
    )
}

fn one(tables: &[Watched]) -> String {
    let label = Label { simulated: None };
    let mut out = String::from("<div class=\"refresh-body\">");
    if let Some(starts_at) = starts_at(tables) {
        let lanes: Vec<Lane> = tables
            .iter()
            .filter(|it| !it.refreshes.is_empty() || !it.shown.is_empty())
            .map(|it| lane(it, starts_at))
            .collect();
        let desc = format!(
            "{} refreshes of {}. The numbers are in the table.",
            tables.iter().map(|it| it.refreshes.len()).sum::<usize>(),
            counted(lanes.len(), "table")
        );
        let title = "Refreshes, and how old the contents were";
        let note = "A tick stands at the data timestamp: I incremental, F full or reinitialised, N \
                    no data, X failed, S skipped, … not over. Below it, the age of the contents \
                    until the next refresh had ended. A line under the axis is a change until it \
                    was seen.";
        let plot = timeline(&label.about(title, &desc), &lanes, clock);
        out += &label.figure(title, &plot, note, Some(&history(tables)));
    }
    let nodes = nodes(tables);
    if nodes.len() > 1 {
        let title = "What is made from what";
        let edges: Vec<String> = tables
            .iter()
            .filter(|it| !it.reads.is_empty())
            .map(|it| format!("{} reads {}.", it.table, it.reads.join(", ")))
            .collect();
        let plot = graph(&label.about(title, &edges.join(" ")), &nodes);
        out += &label.figure(title, &plot, "", None);
    }
    out + "</div>"
}

/// The earliest that is drawn.
fn starts_at(tables: &[Watched]) -> Option<DateTime<Utc>> {
    let refreshed = tables.iter().flat_map(|it| &it.refreshes).filter_map(|it| it.data_timestamp);
    let changed = tables.iter().flat_map(|it| &it.shown).map(|it| it.changed_at);
    refreshed.chain(changed).min()
}

fn lane(table: &Watched, starts_at: DateTime<Utc>) -> Lane {
    let since = |at: DateTime<Utc>| (at - starts_at).as_seconds_f64();
    let tick = |it: &Refresh| {
        let (letter, class) = kind(it);
        Some(Tick {
            data: since(it.data_timestamp?),
            ended: it.ended_at.filter(|_| it.has_succeeded()).map(since),
            letter,
            class,
            said: it.in_words(),
        })
    };
    Lane {
        name: table.table.clone(),
        target: table.lag_target_ms.map(|it| it as f64 / 1e3),
        ticks: table.refreshes.iter().filter_map(tick).collect(),
        shown: table.shown.iter().map(|it| (since(it.changed_at), since(it.seen_at))).collect(),
    }
}

/// A letter, and a class for its hue.
fn kind(refresh: &Refresh) -> (char, &'static str) {
    match (refresh.state.as_str(), refresh.action.as_deref()) {
        ("SUCCEEDED", Some("NO_DATA")) => ('N', "no-data"),
        ("SUCCEEDED", Some("FULL" | "REINITIALIZE")) => ('F', "full"),
        ("SUCCEEDED", _) => ('I', "incremental"),
        ("SKIPPED", _) => ('S', "skipped-refresh"),
        ("SCHEDULED" | "EXECUTING", _) => ('…', "skipped-refresh"),
        _ => ('X', "failed-refresh"),
    }
}

fn history(tables: &[Watched]) -> Table {
    let mut table = Table::new("as a table")
        .words(&["table", "data timestamp", "start", "end", "state", "action", "trigger"])
        .numbers(&["inserted", "deleted", "lag at the end s", "target lag s"])
        .words(&["query id", "message"]);
    let instant = |at: Option<DateTime<Utc>>| {
        at.map(|it| it.to_rfc3339_opts(SecondsFormat::Millis, true)).unwrap_or_default()
    };
    let number = |it: Option<u64>| it.map(|it| it.to_string()).unwrap_or_default();
    let seconds = |it: f64| format!("{it:.3}");
    for watched in tables {
        for it in &watched.refreshes {
            let lag = it.ended_at.zip(it.data_timestamp).filter(|_| it.has_succeeded());
            let message = [&it.state_code, &it.reinit_reason, &it.state_message];
            let message: Vec<&str> = message
                .into_iter()
                .flatten()
                .map(String::as_str)
                .filter(|it| !it.is_empty() && *it != "SUCCESS")
                .collect();
            table.row([
                watched.table.clone(),
                instant(it.data_timestamp),
                instant(it.started_at),
                instant(it.ended_at),
                it.state.clone(),
                it.action.clone().unwrap_or_default(),
                it.trigger.clone().unwrap_or_default(),
                number(it.inserted_rows),
                number(it.deleted_rows),
                lag.map(|(end, data)| seconds((end - data).as_seconds_f64())).unwrap_or_default(),
                watched.lag_target_ms.map(|it| seconds(it as f64 / 1e3)).unwrap_or_default(),
                it.query_id.clone().unwrap_or_default(),
                message.join(", "),
            ]);
        }
    }
    table
}

fn nodes(tables: &[Watched]) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    let is_known = |name: &str| tables.iter().any(|it| it.table == name);
    for base in tables.iter().flat_map(|it| &it.reads).filter(|it| !is_known(it)) {
        if !nodes.iter().any(|it| it.name == *base) {
            let (name, from) = (base.clone(), Vec::new());
            nodes.push(Node { name, words: "table".to_owned(), class: "base", from });
        }
    }
    for it in tables {
        let kind = match it.kind {
            RefreshedKind::Dynamic => "dynamic",
            RefreshedKind::Interactive => "interactive",
        };
        let lag = match it.lag_target_ms {
            Some(lag) => format!("{kind}, lag {}", clock(lag as f64 / 1e3)),
            None => kind.to_owned(),
        };
        let (name, from) = (it.table.clone(), it.reads.clone());
        nodes.push(Node { name, words: lag, class: kind, from });
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_case_that_saw_refreshes_has_them_drawn_and_listed() {
        let html = section(&sample::summary(vec![sample::refreshing()]));
        let expect = |part: &str| assert!(html.contains(part), "no {part} in\n{html}");
        expect("<details class=\"refresh-case\" open>");
        expect("class=\"refresh incremental\"");
        expect("class=\"refresh failed-refresh\"");
        expect("target lag 1 min (dashed)");
        expect("<td>1970-01-01T00:00:48.000Z</td>");
        expect("<td>UPSTREAM_FAILED</td>");
        expect("class=\"node base\"");
        expect("DT_TOTALS reads DT_ORDERS.");
        let cases: Vec<_> = (0..3).map(|_| sample::refreshing()).collect();
        assert!(!section(&sample::summary(cases)).contains(" open>"));
        let many = (0..9).map(|at| {
            let mut case = sample::refreshing();
            case.case.line = at;
            case
        });
        let html = section(&sample::summary(many.collect()));
        assert!(html.contains("<summary>9 cases</summary>"), "{html}");
        assert_eq!(section(&sample::summary(sample::cases())), "");
    }
}
