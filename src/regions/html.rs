//! The table as a page.

use super::{
    availability::{Agreement, Seen},
    markdown::{by_area, counts, listed, notable, title},
    table::{Cell, Column, Feature, Table},
};
use crate::report::html::{
    class, escape, instant,
    matrix::{ORDER, mark},
    notice, page, share,
    table::Table as Rows,
    tag, top,
};
use crate::suite::words::counted;

pub fn render(table: &Table) -> String {
    let lead = format!(
        "{} on {}, {}.",
        table.matrix,
        counted(table.regions.len(), "connection"),
        instant(table.started_at)
    );
    let mut body = top("regions", &title(table), &lead);
    if !table.doc.is_empty() {
        body += &format!("<p>{}</p>", escape(&table.doc));
    }
    let cells = || table.features.iter().flat_map(|it| it.cells.values());
    let shares: Vec<(&str, usize)> = ORDER
        .into_iter()
        .map(|word| (word, cells().filter(|it| it.outcome == word).count()))
        .filter(|(_, count)| *count > 0)
        .collect();
    body += &share(&shares);
    let legend: Vec<String> = shares
        .iter()
        .map(|(word, count)| {
            format!("<span class=\"{}\"><b>{} {count}</b> {word}</span>", class(word), mark(word))
        })
        .collect();
    body += &format!("<p class=\"legend\">{}</p>", legend.join(" "));
    if let Some(cause) = &table.cut_short {
        body += &notice("bad", &format!("It was cut short: {cause}. What is missing was not run."));
    }
    for column in &table.regions {
        if let Some(cause) = &column.cut_short {
            body += &notice("bad", &format!("{} was not run to its end: {cause}", column.label));
        }
        for note in &column.notes {
            body += &notice("", &format!("{}: {note}", column.label));
        }
    }
    body += &regions(table);
    body += &differences(table);
    body += &lifted(table);
    body += "<h2 id=\"features\">Features</h2><p class=\"soft\">The worst that the cases about a \
             feature came to in a region, and the query to look up there. Release, server and day \
             are those of the column.</p>";
    for (name, features) in by_area(table) {
        body += &area(table, name, &features);
    }
    body += &to_look_at(table);
    page("snowgauge regions", &body, &table.tool_version)
}

fn regions(table: &Table) -> String {
    let or = |it: &Option<String>| it.clone().unwrap_or_else(|| "–".to_owned());
    let mut rows = Rows::new("Regions")
        .words(&["region", "account is in", "release", "server", "when", "run", "cases"])
        .numbers(&["credits"]);
    for it in &table.regions {
        rows.row([
            it.label.clone(),
            or(&it.region),
            it.release.map_or("–", |it| it.name()).to_owned(),
            or(&it.server_version),
            instant(it.at),
            it.run.clone(),
            counts(it),
            or(&it.metered_credits),
        ]);
    }
    format!("<section id=\"regions\">{}{}</section>", rows.render("stack"), documents(table))
}

/// The documents' lists, beside what was seen.
fn documents(table: &Table) -> String {
    let lists: Vec<String> = table.lists.iter().map(|it| format!("list of {}", it.date)).collect();
    let lists: Vec<&str> = lists.iter().map(String::as_str).collect();
    let mut rows = Rows::new("What the documents list, and what was seen")
        .words(&["region", "account is in"])
        .words(&lists)
        .words(&["interactive warehouses are", "against the list of the day"]);
    for it in &table.regions {
        let availability = &it.availability;
        let seen = match availability.seen {
            Seen::Available => availability.seen.word().to_owned(),
            Seen::Refused | Seen::Unknown => {
                format!("{}: {}", availability.seen.word(), availability.why)
            }
        };
        let agreement = availability.agreement;
        let hue = match agreement {
            Agreement::AsListed => "passed",
            Agreement::ListedAndRefused => "failed",
            Agreement::AvailableUnlisted => "lifted",
            Agreement::Unknown => "skipped",
        };
        let shown = format!("<span class=\"tag {hue}\">{}</span>", agreement.word());
        let plain = |it: String| (it, None);
        let region = it.region.clone().unwrap_or_else(|| "–".to_owned());
        let mut cells = vec![plain(it.label.clone()), plain(region)];
        cells.extend(availability.listed.iter().map(|it| plain(listed(*it).to_owned())));
        cells.extend([plain(seen), (agreement.word().to_owned(), Some(shown))]);
        rows.row_with(cells);
    }
    let sources: Vec<String> =
        table.lists.iter().map(|it| format!("{}: {}", it.date, it.source)).collect();
    format!(
        "{}<p class=\"soft\">Sources of the lists: {}.</p>",
        rows.render("stack"),
        escape(&sources.join("; "))
    )
}

fn differences(table: &Table) -> String {
    let Some(since) = &table.since else {
        return "<p class=\"soft\">There is no earlier table to compare with.</p>".to_owned();
    };
    let head = format!("<h2 id=\"since\">Since {}</h2>", escape(&instant(since.at)));
    if since.differences.is_empty() {
        let file = escape(&since.file);
        return format!("{head}<p class=\"soft\">Nothing is otherwise than in {file}.</p>");
    }
    let mut rows = Rows::new("What has changed").words(&[
        "region",
        "what",
        "before",
        "now",
        "before was seen",
    ]);
    for it in &since.differences {
        let word = |text: &String| match ORDER.contains(&text.as_str()) {
            true => (text.clone(), Some(tag(text, ""))),
            false => (text.clone(), None),
        };
        rows.row_with([
            (it.region.clone(), None),
            (it.what.clone(), None),
            word(&it.before),
            word(&it.after),
            (instant(it.seen_at), None),
        ]);
    }
    head + &rows.render("stack")
}

fn lifted(table: &Table) -> String {
    let lifted = table.lifted();
    if lifted.is_empty() {
        return String::new();
    }
    let item = |(feature, regions): (&Feature, Vec<&str>)| {
        format!(
            "<li>{} {} <span class=\"soft\">in {}</span></li>",
            tag("lifted", ""),
            escape(&feature.title()),
            escape(&regions.join(", "))
        )
    };
    let items: Vec<String> = lifted.into_iter().map(item).collect();
    format!("<h2 id=\"lifted\">Limits that are gone</h2><ul class=\"gone\">{}</ul>", items.concat())
}

/// A row for each feature, a column for each region. It scrolls below its first column.
fn area(table: &Table, name: &str, features: &[&Feature]) -> String {
    let heads: Vec<String> = table.regions.iter().map(head).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let mut rows = Rows::new(name).words(&["feature"]).words(&heads);
    for feature in features {
        let title = match &feature.id {
            Some(id) => format!("<b>{}</b> {}", escape(id), escape(&feature.what)),
            None => escape(&feature.what),
        };
        let mut cells = vec![(feature.title(), Some(title))];
        for column in &table.regions {
            cells.push(match feature.cells.get(&column.label) {
                None => (String::new(), Some(String::new())),
                Some(it) => shown(it, column),
            });
        }
        rows.row_with(cells);
    }
    rows.render("grid")
}

/// `us-east, zero-copy`
fn head(column: &Column) -> String {
    match column.release {
        Some(release) => format!("{}, {release}", column.label),
        None => column.label.clone(),
    }
}

/// What is copied, and markup.
fn shown(cell: &Cell, column: &Column) -> (String, Option<String>) {
    let query = cell.query_id.as_deref().unwrap_or_default();
    let mut copied = cell.outcome.clone();
    let word = format!("{} {}", mark(&cell.outcome), cell.outcome);
    let mut markup = format!(
        "<span class=\"tag {}\" title=\"{}\">{}</span>",
        class(&cell.outcome),
        escape(&hover(cell, column)),
        escape(&word)
    );
    if let Some(last) = &cell.last {
        let text = format!("{} on {}", last.outcome, last.at.format("%Y-%m-%d"));
        copied += &format!(", last {text}");
        markup += &format!("<small class=\"last\">last: {}</small>", escape(&text));
    }
    if !query.is_empty() {
        copied += &format!(" {query}");
        markup += &format!("<small class=\"query\">{}</small>", escape(query));
    }
    (copied, Some(markup))
}

fn hover(cell: &Cell, column: &Column) -> String {
    let mut parts = vec![format!("{} in {}", cell.case, column.label)];
    parts.extend(cell.why.clone());
    parts.extend(cell.release.map(|it| format!("release {it}")));
    parts.extend(cell.server_version.as_ref().map(|it| format!("server {it}")));
    parts.push(instant(cell.at));
    if cell.cases.len() > 1 {
        parts.push(format!("the worst of {} cases", cell.cases.len()));
    }
    parts.join("; ")
}

fn to_look_at(table: &Table) -> String {
    let mut rows = Rows::new("To look at")
        .words(&["outcome", "region", "case", "why", "query id", "server", "release", "when"]);
    for (column, cell, it) in notable(table) {
        let text = |it: &Option<String>| (it.clone().unwrap_or_else(|| "–".to_owned()), None);
        rows.row_with([
            (it.outcome.clone(), Some(tag(&it.outcome, ""))),
            (column.label.clone(), None),
            (it.case.clone(), None),
            text(&it.why),
            text(&it.query_id),
            text(&cell.server_version),
            (cell.release.map_or("–", |it| it.name()).to_owned(), None),
            (instant(it.at), None),
        ]);
    }
    match rows.is_empty() {
        true => String::new(),
        false => rows.render("stack"),
    }
}
