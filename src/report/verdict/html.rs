//! The comparison as one page, with the parts of `crate::report::html`.

use super::{Difference, Row, Side, Verdicts};
use crate::{
    report::{
        html::{
            NONE_FOUND, card, case, class, escape, instant, name, notice, page, share, tag, tools,
            top,
        },
        text::Origin,
    },
    run::{CaseReport, Outcome, compare::counted},
};

/// What the list is filtered by at first.
const TO_LOOK_AT: &str = "to look at";

pub fn render(verdicts: &Verdicts<'_>) -> String {
    let names: Vec<&str> = verdicts.sides.iter().map(|it| it.name.as_str()).collect();
    let total = verdicts.rows.len();
    let title = title(verdicts);
    let lead = format!(
        "The same cases on {}, side by side, and what each difference means.",
        names.join(", ")
    );
    let counts = verdicts.counts();
    let mut body = top("verdicts", &title, &lead);
    body += &share(&shares(verdicts));
    if let Some(releases) = verdicts.releases_differ() {
        body += &notice("", &format!("First of all, {releases}."));
    }
    for side in verdicts.sides {
        if let Some(cause) = &side.summary.cut_short {
            body += &notice("bad", &format!("{} was cut short: {cause}", side.name));
        }
    }
    body += "<div class=\"cards\">";
    for side in verdicts.sides {
        body += &about(side);
    }
    body += "</div>";

    let red = verdicts.rows.iter().filter(|it| it.is_red()).count();
    let first = (red > 0).then_some((TO_LOOK_AT, TO_LOOK_AT, red));
    let kinds: Vec<_> = counts.iter().map(|(it, count)| (it.word(), it.word(), *count)).collect();
    body += &tools(first, &kinds, total);
    body += &format!(
        "<div class=\"cases\" style=\"--columns: 11.5rem minmax(0, 1fr) repeat({}, 5.2rem)\">\
         <div class=\"row head\" aria-hidden=\"true\"><span>verdict</span><span>case</span>",
        verdicts.sides.len()
    );
    for side in verdicts.sides {
        body += &format!("<span>{}</span>", escape(&side.name));
    }
    body += "</div>\n";
    for it in &verdicts.rows {
        body += &row(verdicts.sides, it);
    }
    body += NONE_FOUND;
    body += "</div>";

    let versions = verdicts.sides.first().map(|it| it.summary.tool_version.as_str());
    page(&format!("snowgauge: {title}"), &body, versions.unwrap_or_default())
}

/// What came out, in a few words. A run that is red is never summed up as one without a difference.
fn title(verdicts: &Verdicts<'_>) -> String {
    let names: Vec<&str> = verdicts.sides.iter().map(|it| it.name.as_str()).collect();
    let total = counted(verdicts.rows.len(), "case");
    let counts = verdicts.counts();
    let differ = verdicts.rows.iter().filter(|it| it.verdict.difference.is_red()).count();
    let alike: Vec<&Row<'_>> = verdicts.rows.iter().filter(|it| it.is_red_alike()).collect();
    let is_failed = |it: &Option<&CaseReport>| {
        it.is_some_and(|it| matches!(it.outcome, Outcome::Failed { .. }))
    };
    let all = if verdicts.sides.len() == 2 { "both" } else { "all" };
    let red = match alike.iter().all(|row| row.reports.iter().all(is_failed)) {
        true => format!("{} failed on {all}", alike.len()),
        false => format!("{} red without a difference", alike.len()),
    };
    let title = match (differ, alike.len()) {
        _ if verdicts.rows.is_empty() => "Nothing to compare".to_owned(),
        (0, 0) => {
            let words: Vec<String> = match counts.as_slice() {
                [(Difference::Agree, _)] => vec!["no difference".to_owned()],
                counts => counts.iter().map(|(it, n)| format!("{n} {}", it.word())).collect(),
            };
            format!("{total} on {}: {}", names.join(", "), words.join(", "))
        }
        (0, _) => format!("{total} on {}: {red}", names.join(", ")),
        (1, 0) => format!("1 of {total} differs"),
        (_, 0) => format!("{differ} of {total} differ"),
        (1, _) => format!("1 of {total} differs, {red}"),
        (..) => format!("{differ} of {total} differ, {red}"),
    };
    match verdicts.sides.iter().any(|it| it.summary.cut_short.is_some()) {
        true => format!("{title}, cut short"),
        false => title,
    }
}

/// Cases by difference, and those that are red without one as what they are.
fn shares(verdicts: &Verdicts<'_>) -> Vec<(&'static str, usize)> {
    let mut shares = Vec::new();
    for (difference, count) in verdicts.counts() {
        let is_red = |it: &&Row<'_>| it.verdict.difference == difference && it.is_red_alike();
        let red = verdicts.rows.iter().filter(is_red).count();
        shares.extend([("failed", red), (difference.word(), count - red)]);
    }
    shares
}

fn about(side: &Side) -> String {
    let summary = &side.summary;
    let fact = |wanted: &str| {
        let found = summary.facts.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let counts: Vec<String> = summary
        .counts()
        .in_words()
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let recorded = match side.recorded_from {
        Some((source, at, _)) => format!("{source}, {}", instant(at)),
        None => String::new(),
    };
    let release = match (side.release(), &summary.release_how) {
        (Some(release), Some(how)) => format!("{release}: {how}"),
        (Some(release), None) => release.to_string(),
        (None, _) => "not known".to_owned(),
    };
    let kind = if side.kind.name() == side.name { "" } else { side.kind.name() };
    card(
        &side.name,
        kind,
        &[
            ("cases", counts.join(", ")),
            ("place", summary.place.clone()),
            ("recorded", recorded),
            ("release", release),
            ("region", fact("region")),
            ("server", fact("server version")),
            ("started", summary.started_at.map(instant).unwrap_or_default()),
            ("seed", format!("{}, scale {}", summary.seed, summary.scale)),
            ("run", format!("{}, snowgauge {}", summary.run, summary.tool_version)),
        ],
    )
}

fn row(sides: &[Side], row: &Row<'_>) -> String {
    let Some(first) = row.reports.iter().flatten().next() else { return String::new() };
    let difference = row.verdict.difference;
    let also = if row.is_red() { format!(" {}", class(TO_LOOK_AT)) } else { String::new() };
    let why = match difference {
        Difference::Agree => String::new(),
        _ => format!("<span class=\"why\">{}</span>", escape(&row.verdict.why)),
    };
    let mut out = format!(
        "<details class=\"case\" data-kinds=\"{}{also}\"><summary class=\"row\">\
         <span class=\"first\">{}</span>{}",
        class(difference.word()),
        tag(difference.word(), if row.is_red_alike() { "failed" } else { "" }),
        name(first, &why),
    );
    for (at, (side, report)) in sides.iter().zip(&row.reports).enumerate() {
        let odd = if row.verdict.odd == Some(at) { "odd" } else { "" };
        let word = report.map(|it| it.outcome.word()).unwrap_or("absent");
        out += &format!(
            "<span class=\"cell\"><span class=\"who\">{}</span>{}</span>",
            escape(&side.name),
            tag(word, odd)
        );
    }
    out += "</summary><div class=\"body\">";
    for step in &row.steps {
        out += &format!(
            "<h3>line {} {}</h3><pre>{}</pre><table class=\"answers\">",
            step.line,
            step.what.describe(),
            escape(step.sql.trim())
        );
        for (side, said) in sides.iter().zip(&step.said) {
            out += &format!(
                "<tr><th scope=\"row\">{}</th><td>{}</td></tr>",
                escape(&side.name),
                escape(said.as_deref().unwrap_or("not executed"))
            );
        }
        out += "</table>";
    }
    out += "<div class=\"panes\">";
    for (side, report) in sides.iter().zip(&row.reports) {
        let word = report.map(|it| it.outcome.word()).unwrap_or("absent");
        out += &format!(
            "<section class=\"pane {}\"><h3>{} {}",
            class(word),
            escape(&side.name),
            tag(word, "")
        );
        match report {
            Some(report) => {
                let took = std::time::Duration::from_micros(report.took_us);
                out += &format!(
                    "<small class=\"took\">{}</small></h3>{}",
                    crate::report::text::seconds(took),
                    case(report, Origin::of(&side.summary))
                );
            }
            None => out += "</h3><p class=\"soft\">Not among its cases.</p>",
        }
        out += "</section>";
    }
    out + "</div></div></details>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::verdict::{tests, verdicts};

    #[test]
    fn the_page_has_every_case_and_every_side() {
        let sides = tests::sides();
        let html = render(&verdicts(&sides));
        let expect = |part: &str| assert!(html.contains(part), "no {part} in\n{html}");
        expect("<h1>4 of 9 cases differ, 1 failed on all</h1>");
        expect("<dt>recorded</dt><dd>live, 2026-10-02 14:05:09 UTC</dd>");
        expect("<dt>region</dt><dd>AWS_US_WEST_2</dd>");
        expect("<dt>release</dt><dd>zero-copy: an interactive warehouse read a standard table");
        expect("data-kinds=\"emulator-differs to-look-at\"");
        expect("data-kinds=\"wording\"");
        // All failed alike: no difference, and yet to look at.
        expect("data-kinds=\"agree to-look-at\"");
        expect("<span class=\"who\">emulator</span><span class=\"tag failed odd\">failed</span>");
        expect("<span class=\"del\">-2</span><span class=\"add\">+3</span>");
        expect("line 14 was refused in other words");
        assert_eq!(html.matches("<details class=\"case\"").count(), 9);
    }

    /// One case on two sides.
    #[track_caller]
    fn check_title(outcomes: [Outcome; 2], title: &str, share: &str) {
        let mut sides = tests::sides();
        sides.truncate(2);
        for (side, outcome) in sides.iter_mut().zip(outcomes) {
            side.summary.cases.truncate(1);
            side.summary.cases[0].outcome = outcome;
        }
        let html = render(&verdicts(&sides));
        assert!(html.contains(&format!("<h1>{title}</h1>")), "{html}");
        let bar = format!("aria-hidden=\"true\">{share}</div>");
        assert!(html.contains(&bar), "no {bar} in\n{html}");
    }

    #[test]
    fn a_page_is_green_only_where_nothing_is_red() {
        let failed = || Outcome::Failed { failure: crate::report::sample::failure() };
        let invalid = || Outcome::Invalid { why: "clock skew".to_owned() };
        let skipped = || Outcome::Skipped { reason: "only on preview".to_owned() };
        let part = |class: &str| format!("<i class=\"{class}\" style=\"flex:1\"></i>");
        check_title(
            [Outcome::Passed, Outcome::Passed],
            "1 case on live, emulator: no difference",
            &part("agree"),
        );
        check_title(
            [failed(), failed()],
            "1 case on live, emulator: 1 failed on both",
            &part("failed"),
        );
        check_title(
            [invalid(), invalid()],
            "1 case on live, emulator: 1 red without a difference",
            &part("failed"),
        );
        check_title(
            [failed(), skipped()],
            "1 case on live, emulator: 1 red without a difference",
            &part("failed"),
        );
        check_title(
            [Outcome::Passed, skipped()],
            "1 case on live, emulator: 1 left out",
            &part("left-out"),
        );
        check_title([failed(), Outcome::Passed], "1 of 1 case differs", &part("emulator-differs"));
    }

    #[test]
    fn a_side_that_was_cut_short_is_in_the_title() {
        let mut sides = tests::sides();
        for side in &mut sides {
            side.summary.cases.truncate(1);
        }
        sides[1].summary.cut_short = Some("interrupted".to_owned());
        let html = render(&verdicts(&sides));
        let title = "<h1>1 case on live, emulator, replay: no difference, cut short</h1>";
        assert!(html.contains(title), "{html}");
    }

    #[test]
    fn the_page_loads_nothing() {
        let sides = tests::sides();
        let html = render(&verdicts(&sides));
        for loads in ["http:", "https:", "src=", "href=", "url(", "@import", "<link", "<iframe"] {
            assert!(!html.contains(loads), "{loads}");
        }
        assert!(html.contains("default-src 'none'"));
    }

    /// The markup without what is between the tags, and without what escapes stand for.
    fn markup(html: &str) -> Vec<String> {
        let tags = html.split('<').skip(1).map(|it| it.split('>').next().unwrap_or_default());
        tags.map(|it| format!("{} {}", it, it.matches('"').count())).collect()
    }

    #[test]
    fn hostile_text_never_becomes_markup() {
        let plain = tests::hostile("plain");
        let expected = markup(&render(&verdicts(&plain)));
        for text in tests::HOSTILE {
            let sides = tests::hostile(text);
            let html = render(&verdicts(&sides));
            for (found, expected) in markup(&html).iter().zip(&expected) {
                assert_eq!(found, expected, "{text}");
            }
            assert_eq!(markup(&html).len(), expected.len(), "{text}");
            let shown = html.chars().find(|it| {
                it.is_control() && *it != '\n'
                    || matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            });
            assert_eq!(shown, None, "{text}");
        }
    }

    #[test]
    fn the_sides_releases_come_first_where_they_differ() {
        let mut sides = tests::sides();
        sides[1].summary.release = Some(crate::suite::Release::Fallback);
        let html = render(&verdicts(&sides));
        let notice = "First of all, the releases differ: live is zero-copy, emulator is fallback, \
                      replay is zero-copy.";
        assert!(html.contains(notice), "{html}");
    }
}
