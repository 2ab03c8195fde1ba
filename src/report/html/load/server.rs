//! Where the time went, according to the server.

use super::{Role, queries::names};
use crate::{
    load::ServerShare,
    report::{
        html::{
            figure::{Label, ms, percent, time},
            table::Table,
        },
        plot::bar::{Stacked, stacked},
    },
};
use hdrhistogram::Histogram;

const PARTS: [&str; 4] = ["queue", "compile", "execute", "fetch"];

/// Histograms of the parts, in their order. Those that cannot be read are left out with the query.
fn parts(share: &ServerShare) -> Option<[Histogram<u64>; 4]> {
    let read = |it: &crate::load::Histo| it.histogram().ok();
    Some([read(&share.queue)?, read(&share.compile)?, read(&share.execute)?, read(&share.rest)?])
}

pub fn figure(roles: &[Role<'_>], label: Label<'_>) -> String {
    let shared = |role: &Role<'_>, name: &str| {
        let share = role.of.queries.iter().find(|it| it.name == name)?.server.clone()?;
        let name = match roles.len() {
            1 => name.to_owned(),
            _ => format!("{name}, {}", role.of.role),
        };
        let parts = parts(&share)?;
        Some((name, share, parts))
    };
    let mut shares: Vec<(String, ServerShare, [Histogram<u64>; 4])> = Vec::new();
    for name in names(roles) {
        shares.extend(roles.iter().filter_map(|role| shared(role, name)));
    }
    if shares.is_empty() {
        return String::new();
    }
    let bars: Vec<Stacked<'_>> = shares
        .iter()
        .map(|(name, share, parts)| {
            let means: Vec<f64> = parts.iter().map(Histogram::mean).collect();
            let found = share.found as f64 / share.of.max(1) as f64;
            let total = format!("{}, {} found", time(means.iter().sum()), percent(found));
            Stacked { name, total, parts: means }
        })
        .collect();
    let (found, of) =
        shares.iter().fold((0, 0), |(found, of), (_, it, _)| (found + it.found, of + it.of));
    let coverage = format!("{found} of {of} statements were found in the query history.");
    let title = "Where the time went, by the server";
    let plot = stacked(&label.about(title, &coverage), &PARTS, &bars, time);
    let note = format!(
        "{coverage} Means, since quantiles of parts do not add up to one of the whole. Fetch is \
         what the client waited beyond the server's own time: network, and rows."
    );
    label.figure(title, &plot, &note, Some(&table(&shares)))
}

fn table(shares: &[(String, ServerShare, [Histogram<u64>; 4])]) -> Table {
    let mut table = Table::new("as a table, in ms").words(&["query"]).numbers(&["found", "of"]);
    for part in PARTS {
        let heads = ["mean", "p50", "p95"].map(|it| format!("{part} {it}"));
        table = table.numbers(&heads.each_ref().map(String::as_str));
    }
    table = table.numbers(&["from result cache", "from warehouse cache"]);
    for (name, share, parts) in shares {
        let mut row = vec![name.clone(), share.found.to_string(), share.of.to_string()];
        for part in parts {
            row.push(ms(part.mean()));
            row.extend([0.5, 0.95].map(|q| ms(part.value_at_quantile(q) as f64)));
        }
        row.push(share.from_result_cache.to_string());
        row.push(share.from_cache.map_or("not told".to_owned(), percent));
        table.row(row);
    }
    table
}
