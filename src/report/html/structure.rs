//! Whole pages: that they are well formed, complete, and small enough. What they look like in a
//! browser is checked by `ci/check_html.py`, on the pages that are written here.

use super::*;
use crate::report::sample;
use std::path::PathBuf;

/// Elements that have no end.
const VOID: [&str; 3] = ["meta", "input", "br"];

/// What is wrong with the nesting of elements, if anything is.
fn nesting(html: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((tag, after)) = after.split_once('>') else {
            return Err(format!("a tag has no end: {after:.60}"));
        };
        rest = after;
        let name = tag.split([' ', '\n', '/']).find(|it| !it.is_empty()).unwrap_or_default();
        if tag.starts_with('!') || tag.ends_with('/') || VOID.contains(&name) {
            continue;
        }
        if tag.matches('"').count() % 2 == 1 {
            return Err(format!("a value has no end: <{tag}>"));
        }
        if tag.starts_with('/') {
            match open.pop() {
                Some(it) if it == name => {}
                other => return Err(format!("</{name}> ends {other:?}")),
            }
            continue;
        }
        open.push(name);
        // Their text is no markup.
        if let Some((_, after)) = rest.split_once(&format!("</{name}>"))
            && (name == "script" || name == "style")
        {
            open.pop();
            rest = after;
        }
    }
    match open.is_empty() {
        true => Ok(()),
        false => Err(format!("never ended: {open:?}")),
    }
}

#[test]
fn nesting_that_is_wrong_is_seen() {
    assert_eq!(nesting("<!doctype html><p><b>x</b><br><path d=\"\"/></p>"), Ok(()));
    assert_eq!(nesting("<style>a > b { }</style><script>if (a < b) c();</script>"), Ok(()));
    assert!(nesting("<p><b></p></b>").is_err());
    assert!(nesting("<p>").is_err());
    assert!(nesting("<p title=\"></p>").is_err());
}

#[test]
fn a_page_with_everything_has_its_numbers() {
    let html = render(&sample::everything(3));
    assert_eq!(nesting(&html), Ok(()));
    let expect = |part: &str| assert!(html.contains(part), "no {part}");
    // Budgets: the interval, what is only known from below, and both sides of a limit.
    expect("<th scope=\"col\">measured, and its 95 % interval</th>");
    expect(">1.66 s (1.61 s to 1.72 s)</td>");
    expect(">at least 5.00 s</td>");
    expect(">2.78 × (2.69 × to 2.88 ×)</td>");
    expect("<desc>at least 5.00 s, 95 % sure; the limit is 8.00 s</desc>");
    expect("at least 3.00 ×</span>");
    expect("lookup: p95 &lt;= 1s");
    // Plots, each with a title, and none without the word that its figures are not measured.
    let plots: Vec<&str> =
        html.split("<svg ").skip(1).map(|it| it.split("</svg>").next().unwrap()).collect();
    assert_eq!(plots.len(), 19, "seven budgets, ten of the load, two of refreshes");
    for plot in
        plots.iter().filter(|it| it.contains("Latency from due") || it.contains("percentile"))
    {
        assert!(plot.contains(">simulated</text>"), "{plot}");
    }
    assert!(plots.iter().all(|it| it.contains("<title>") && it.contains("<desc>")));
    expect("Simulated: every figure of this load comes from the capacity model “seed 2025");
    expect("<caption>Budgets (simulated) ");
    expect("standard against interactive");
    expect("standard / interactive</th>");
    expect("requests were cancelled by the server");
    expect("<td class=\"number\">≥ 5");
    expect("statements were found in the query history.");
    expect("control (control)");
    expect("In the busiest second it took 31.0 % of all cores.");
    expect("<dt>cost</dt><dd>0.97 credits metered; expected: 1.20 credits in about 4 minutes</dd>");
    expect(
        "<a href=\"#cases\">cases</a><a href=\"#load\">load</a><a href=\"#refresh\">refreshes</a>",
    );
    assert!(!html.contains("metered_credits"));
}

#[test]
fn a_load_that_was_not_simulated_does_not_say_so() {
    let html = render(&sample::summary(vec![sample::loaded(None)]));
    assert!(!html.to_lowercase().contains("simulated<"));
    assert!(html.contains("<caption>Budgets <button"));
}

#[test]
fn unsound_and_unreadable_figures_are_told_so() {
    let mut case = sample::loaded(None);
    let load = case.load.as_mut().unwrap();
    load.measured.health.unsound = vec!["7 % were sent <late>".to_owned()];
    let html = render(&sample::summary(vec![case.clone()]));
    assert!(html.contains("These figures say nothing: 7 % were sent &lt;late&gt;"));
    assert!(
        html.contains("<span class=\"tag invalid \">unsound</span>")
            || html.contains(">unsound</span>")
    );
    case.load.as_mut().unwrap().measured.roles[1].queries[0].seconds[3].from_due =
        crate::load::Histo("???".to_owned());
    let html = render(&sample::summary(vec![case]));
    assert!(html.contains("The figures cannot be read: a histogram is not base64"));
    assert_eq!(nesting(&html), Ok(()));
}

#[test]
fn hostile_names_are_text_in_plots_and_tables() {
    let hostile = "</title><script>alert(\"1\")</script>&\u{202e}";
    let make = |text: &str| {
        let mut loaded = sample::loaded(Some(text));
        let load = loaded.load.as_mut().unwrap();
        load.measured.workload = text.to_owned();
        for role in &mut load.measured.roles {
            role.role += text;
            role.session = text.to_owned();
            role.warehouse = Some(text.to_owned());
            role.warm_up.ended = text.to_owned();
            for query in &mut role.queries {
                query.name += text;
                query.sql = text.to_owned();
                query.seconds[0].errors.insert(text.to_owned(), 1);
                query.exchanges[0].ending = text.to_owned();
            }
        }
        for judged in &mut load.judged {
            judged.budget += text;
            judged.why = text.to_owned();
            judged.place = text.to_owned();
        }
        let mut refreshing = sample::refreshing();
        for table in &mut refreshing.refreshes {
            table.table += text;
            table.reads.push(text.to_owned());
            table.refreshes[0].state_message = Some(text.to_owned());
            table.refreshes[0].trigger = Some(text.to_owned());
        }
        render(&sample::summary(vec![loaded, refreshing]))
    };
    let tags = |html: &str| html.matches('<').count();
    let (plain, found) = (make("plain"), make(hostile));
    assert_eq!(nesting(&found), Ok(()));
    assert!(!found.contains("<script>alert") && !found.contains('\u{202e}'));
    // Labels inside of bars depend on how long names are, nothing else does.
    let texts = |html: &str| html.matches("<text").count();
    assert_eq!(tags(&found) - texts(&found), tags(&plain) - texts(&plain));
}

/// Where `ci/check_html.py` and people find them.
fn folder() -> PathBuf {
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    PathBuf::from(target).join("snowgauge/sample")
}

#[test]
fn sample_pages_are_written_and_long_ones_are_small() {
    let write = |name: &str, summary: &RunSummary| {
        let path = folder().join(name);
        super::write(&path, summary).unwrap();
        fs::read_to_string(path).unwrap()
    };
    let html = write("everything.html", &sample::everything(5));
    assert_eq!(html.matches("<details class=\"case\"").count(), 15);
    let passed = (0..3).map(|at| sample::case(&format!("passes {at}"), Outcome::Passed)).collect();
    write("passed.html", &sample::summary(passed));
    let html = write("ten_thousand.html", &sample::everything(10_000));
    assert_eq!(nesting(&html), Ok(()));
    assert_eq!(html.matches("data-kinds=\"passed\"").count(), 10_002);
    // What can be unfolded is what takes a browser long.
    assert!(html.matches("<details").count() < 50, "{}", html.matches("<details").count());
    assert!(html.len() < 5_000_000, "{}", html.len());
}
