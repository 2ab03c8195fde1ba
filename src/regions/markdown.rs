//! The table in Markdown, for the summaries of build servers and for commits.

use super::{
    availability::Seen,
    table::{CaseSeen, Cell, Column, Feature, Table},
};
use crate::{
    report::html::matrix::{ORDER, mark},
    suite::catalogue::AREAS,
    suite::words::counted,
};

pub fn render(table: &Table) -> String {
    let mut out = format!("# Features by region\n\n{}\n", title(table));
    if !table.doc.is_empty() {
        out += &format!("\n{}\n", cell(&table.doc));
    }
    if let Some(cause) = &table.cut_short {
        out += &format!("\n**Cut short: {}.** What is missing was not run.\n", cell(cause));
    }
    out += &regions(table);
    out += &differences(table);
    out += &lifted(table);
    out += &features(table);
    out += &to_look_at(table);
    out + &format!(
        "\nMade by snowgauge {} from `{}`, {}.\n",
        table.tool_version,
        table.matrix,
        table.started_at.format("%Y-%m-%d %H:%M UTC")
    )
}

/// How much was run, and what there is to see, in a sentence.
pub fn title(table: &Table) -> String {
    let all = table.regions.len();
    let reached = table.regions.iter().filter(|it| it.cut_short.is_none()).count();
    let mut parts = vec![match all == reached {
        true => {
            format!("{} in {}", counted(table.features.len(), "feature"), counted(all, "region"))
        }
        false => format!(
            "{} in {reached} of {}",
            counted(table.features.len(), "feature"),
            counted(all, "region")
        ),
    }];
    let failed: usize = table.features.iter().map(failures).sum();
    let lifted = table.lifted().len();
    let differing = table.differing();
    let not_run = not_run(table);
    parts.extend((failed > 0).then(|| format!("{failed} failed")));
    parts.extend((not_run > 0).then(|| format!("{not_run} not run")));
    parts.extend((lifted > 0).then(|| format!("{} gone", counted(lifted, "limit"))));
    parts.extend((differing > 0).then(|| format!("{differing} not alike everywhere")));
    if let Some(since) = &table.since {
        let date = since.at.format("%Y-%m-%d");
        parts.push(match since.differences.len() {
            0 => format!("nothing new since {date}"),
            count => format!("{} since {date}", counted(count, "difference")),
        });
    }
    parts.join(", ")
}

/// Cells of regions that were reached, whose set-up failed as a rule.
fn not_run(table: &Table) -> usize {
    let reached = table.regions.iter().filter(|it| it.cut_short.is_none());
    let cells = reached
        .flat_map(|column| table.features.iter().filter_map(|it| it.cells.get(&column.label)));
    cells.filter(|it| it.outcome == "not run").count()
}

fn failures(feature: &Feature) -> usize {
    feature.cells.values().filter(|it| it.is_failure).count()
}

fn regions(table: &Table) -> String {
    let mut heads = vec!["region".to_owned(), "account is in".to_owned(), "release".to_owned()];
    heads.extend(["server", "interactive", "by the list of its day"].map(str::to_owned));
    heads.extend(table.lists.iter().map(|it| format!("{} list", it.date)));
    heads.extend(["run", "credits", "cases"].map(str::to_owned));
    let mut out =
        format!("\n## Regions\n\n| {} |\n|{}\n", heads.join(" | "), "---|".repeat(heads.len()));
    for column in &table.regions {
        let or = |it: &Option<String>| it.as_deref().map_or("–".to_owned(), cell);
        let seen = match column.availability.seen {
            Seen::Available => "available".to_owned(),
            other => format!("{}: {}", other.word(), cell(&column.availability.why)),
        };
        let mut cells = vec![
            cell(&column.label),
            or(&column.region),
            column.release.map_or("–", |it| it.name()).to_owned(),
            or(&column.server_version),
            seen,
            column.availability.agreement.word().to_owned(),
        ];
        cells.extend(column.availability.listed.iter().map(|it| listed(*it).to_owned()));
        cells.push(format!("`{}`", column.run));
        cells.push(or(&column.metered_credits));
        cells.push(counts(column));
        out += &format!("| {} |\n", cells.join(" | "));
    }
    let notes: Vec<String> = table
        .regions
        .iter()
        .flat_map(|column| {
            let cause = column.cut_short.iter().map(|it| format!("not run: {it}"));
            cause
                .chain(column.notes.iter().cloned())
                .map(|it| format!("- **{}**: {}\n", cell(&column.label), cell(&it)))
        })
        .collect();
    if !notes.is_empty() {
        out += &format!("\n{}", notes.concat());
    }
    out + &format!(
        "\nThe lists are the documents': {}.\n",
        table
            .lists
            .iter()
            .map(|it| format!("{} {}", it.date, cell(&it.source)))
            .collect::<Vec<_>>()
            .join("; ")
    )
}

/// Whether a list has a region.
pub fn listed(it: Option<bool>) -> &'static str {
    match it {
        Some(true) => "yes",
        Some(false) => "no",
        None => "–",
    }
}

/// `17 passed, 1 lifted`
pub fn counts(column: &Column) -> String {
    let counts = column.counts.in_words();
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    counts.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

fn differences(table: &Table) -> String {
    let Some(since) = &table.since else {
        return "\nThere is no earlier table to compare with.\n".to_owned();
    };
    let date = since.at.format("%Y-%m-%d %H:%M UTC");
    if since.differences.is_empty() {
        return format!("\n## Since {date}\n\nNothing is otherwise than in `{}`.\n", since.file);
    }
    let mut out = format!(
        "\n## Since {date}\n\n| region | what | before | now | before was seen |\n|---|---|---|---|---|\n"
    );
    for it in &since.differences {
        out += &format!(
            "| {} | {} | {} | {} | {} |\n",
            cell(&it.region),
            cell(&it.what),
            cell(&it.before),
            cell(&it.after),
            it.seen_at.format("%Y-%m-%d")
        );
    }
    out
}

fn lifted(table: &Table) -> String {
    let lifted = table.lifted();
    if lifted.is_empty() {
        return String::new();
    }
    let mut out = "\n## Limits that are gone\n\n".to_owned();
    for (feature, regions) in lifted {
        let regions: Vec<String> = regions.into_iter().map(cell).collect();
        out += &format!("- {}: {}\n", cell(&feature.title()), regions.join(", "));
    }
    out
}

fn features(table: &Table) -> String {
    let mut out = String::from("\n## Features\n");
    let used: Vec<String> = ORDER
        .into_iter()
        .filter(|word| {
            table.features.iter().any(|it| it.cells.values().any(|it| it.outcome == *word))
        })
        .map(|word| format!("{} {word}", mark(word)))
        .collect();
    out += &format!("\n{}. Query ids are in the HTML and the JSON report.\n", used.join(", "));
    let head: Vec<String> = table
        .regions
        .iter()
        .map(|it| match it.release {
            Some(release) => format!("{}<br>{release}", cell(&it.label)),
            None => cell(&it.label),
        })
        .collect();
    for (name, features) in by_area(table) {
        out += &format!(
            "\n### {name}\n\n| feature | {} |\n|---|{}\n",
            head.join(" | "),
            "---|".repeat(head.len())
        );
        for feature in features {
            let cells = table.regions.iter().map(|it| match feature.cells.get(&it.label) {
                None => String::new(),
                Some(it) => shown(it),
            });
            let cells: Vec<String> = cells.collect();
            let title = match &feature.id {
                Some(id) => format!("**{id}** {}", cell(&feature.what)),
                None => cell(&feature.what),
            };
            out += &format!("| {title} | {} |\n", cells.join(" | "));
        }
    }
    out
}

/// By area, those of the catalogue first.
pub fn by_area(table: &Table) -> Vec<(&'static str, Vec<&Feature>)> {
    let areas = AREAS.into_iter().map(|(area, name)| (Some(area), name));
    let areas = areas.chain([(None, "Of no behaviour of the catalogue")]);
    let area_of = |it: &Feature| it.id.as_ref().and_then(|it| it.chars().next());
    areas
        .map(|(area, name)| {
            (name, table.features.iter().filter(|it| area_of(it) == area).collect())
        })
        .filter(|(_, features): &(_, Vec<&Feature>)| !features.is_empty())
        .collect()
}

fn shown(it: &Cell) -> String {
    let mark = mark(&it.outcome);
    match (it.outcome.as_str(), &it.last) {
        ("passed" | "skipped", _) => mark.to_owned(),
        (_, Some(last)) => {
            format!("{mark} {}<br>{} on {}", it.outcome, last.outcome, last.at.format("%Y-%m-%d"))
        }
        ("lifted", None) => format!("**{mark} lifted**"),
        (word, None) => format!("{mark} {word}"),
    }
}

/// Cases of which there is something to be said. Regions that were not reached are told above.
pub fn notable(table: &Table) -> Vec<(&Column, &Cell, &CaseSeen)> {
    let mut notable = Vec::new();
    for feature in &table.features {
        for column in &table.regions {
            let Some(cell) = feature.cells.get(&column.label) else { continue };
            let is_told = |it: &&CaseSeen| {
                matches!(it.outcome.as_str(), "passed" | "skipped")
                    || (it.outcome == "not run" && it.why == column.cut_short)
            };
            notable
                .extend(cell.cases.iter().filter(|it| !is_told(it)).map(|it| (column, cell, it)));
        }
    }
    notable
}

fn to_look_at(table: &Table) -> String {
    let rows: Vec<String> = notable(table)
        .into_iter()
        .map(|(column, _, it)| {
            format!(
                "| {} | {} | {} | {} | {} | {} |\n",
                it.outcome,
                cell(&column.label),
                cell(&it.case),
                cell(it.why.as_deref().unwrap_or_default()),
                it.query_id.as_deref().map_or("–".to_owned(), |it| format!("`{it}`")),
                it.at.format("%Y-%m-%d %H:%M")
            )
        })
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => format!(
            "\n## To look at\n\n| outcome | region | case | why | query id | when |\n\
             |---|---|---|---|---|---|\n{}",
            rows.concat()
        ),
    }
}

/// Text as it can stand in a cell: one line, and nothing of it is markup.
fn cell(text: &str) -> String {
    let mut out = String::new();
    for it in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        match it {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' => {
                out.push('\\');
                out.push(it);
            }
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            it if it.is_control() => out.push('\u{fffd}'),
            it => out.push(it),
        }
    }
    out
}
