//! Whether the generator did what it was asked to do.

use crate::{
    load::Health,
    report::html::{
        escape,
        figure::{Label, ms, percent},
        notice,
        table::Table,
        tag,
    },
};

pub fn part(health: &Health, label: Label<'_>) -> String {
    let verdict = match health.unsound.is_empty() {
        true => tag("sound", "passed"),
        false => tag("unsound", "invalid"),
    };
    let mut out = format!("<div><h4>Health of the generator {verdict} {}</h4>", label.tag());
    let cpu = match health.busiest_cpu {
        Some(share) => format!("In the busiest second it took {} of all cores.", percent(share)),
        None => "How much of the cores it took is not known.".to_owned(),
    };
    out += &format!("<p class=\"soft\">{}</p>", escape(&cpu));
    let heads = ["p50 ms", "p99 ms", "max ms"];
    let mut table = Table::new(&label.title("Late requests"))
        .words(&["what"])
        .numbers(&["requests"])
        .numbers(&heads);
    let parts = [
        ("although a session was free (slip)", &health.slip),
        ("since no session was free", &health.pool_wait),
    ];
    for (what, histo) in parts {
        match histo.histogram() {
            Ok(it) => {
                let at = |q: f64| ms(it.value_at_quantile(q) as f64);
                let max = ms(it.max() as f64);
                table.row([what.to_owned(), it.len().to_string(), at(0.5), at(0.99), max]);
            }
            Err(why) => out += &notice("bad", &why),
        }
    }
    out + &table.render("") + "</div>"
}
