//! Trials as text and JSON.

use super::{NAMED_MAX, Trial, Verdict};
use std::time::Duration;

/// One line a trial, and the share that was caught.
pub fn table(trials: &[Trial], took: Duration) -> String {
    let ids: Vec<String> = trials.iter().map(|it| it.subject.ids.join(" ")).collect();
    let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or_default();
    let names = width(&mut trials.iter().map(|it| it.subject.name.len()));
    let releases = width(&mut trials.iter().map(|it| it.subject.release.name().len()));
    let ids_width = width(&mut ids.iter().map(String::len));
    let mut text = String::new();
    for (trial, ids) in trials.iter().zip(&ids) {
        text += &format!(
            "{:names$}  {ids:ids_width$}  {:releases$}  {:>6.1}s  {}\n",
            trial.subject.name,
            trial.subject.release.name(),
            trial.took.as_secs_f64(),
            what(&trial.verdict),
        );
    }
    let (caught, all) = (caught(trials), trials.len());
    let share = if all == 0 { 0.0 } else { 100.0 * caught as f64 / all as f64 };
    text += &format!("\n{caught} of {all} caught ({share:.1} %) in {:.0} s\n", took.as_secs_f64());
    let escaped = trials.iter().filter(|it| matches!(it.verdict, Verdict::Escaped { .. }));
    for trial in escaped {
        let subject = &trial.subject;
        let suites = match trial.suites.is_empty() {
            true => "no suite".to_owned(),
            false => trial.suites.join(", "),
        };
        text += &format!("escaped: {} on {}: {}\n", subject.name, subject.release, subject.what);
        text += &format!("    {suites} did not notice\n");
    }
    text
}

fn what(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Escaped { why } => format!("ESCAPED ({why})"),
        Verdict::Caught { by } => {
            let more = match by.len().saturating_sub(NAMED_MAX) {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            let named: Vec<&str> = by.iter().take(NAMED_MAX).map(String::as_str).collect();
            format!("{}{more}", named.join(", "))
        }
    }
}

fn caught(trials: &[Trial]) -> usize {
    trials.iter().filter(|it| matches!(it.verdict, Verdict::Caught { .. })).count()
}

/// The same for programs.
pub fn json(trials: &[Trial], took: Duration) -> serde_json::Value {
    let rows: Vec<_> = trials
        .iter()
        .map(|it| {
            let (is_caught, by, why) = match &it.verdict {
                Verdict::Caught { by } => (true, by.clone(), None),
                Verdict::Escaped { why } => (false, Vec::new(), Some(why)),
            };
            serde_json::json!({
                "regression": it.subject.name,
                "what": it.subject.what,
                "ids": it.subject.ids,
                "release": it.subject.release.name(),
                "caught": is_caught,
                "by": by,
                "why": why,
                "suites": it.suites,
                "took_ms": u64::try_from(it.took.as_millis()).unwrap_or(u64::MAX),
            })
        })
        .collect();
    serde_json::json!({
        "caught": caught(trials),
        "all": trials.len(),
        "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "trials": rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{suite::Release, teeth::Subject};

    fn trial(name: &str, verdict: Verdict, suites: &[&str]) -> Trial {
        Trial {
            subject: Subject {
                name: name.to_owned(),
                ids: vec!["L-01".to_owned(), "L-02".to_owned()],
                what: "queries take as long as they like".to_owned(),
                regression: None,
                release: Release::ZeroCopy,
            },
            verdict,
            suites: suites.iter().map(|it| (*it).to_owned()).collect(),
            took: Duration::from_millis(1_250),
        }
    }

    #[test]
    fn what_was_caught_and_what_escaped_is_told() {
        let by = ["a::one", "a::two", "a::three", "a::four"].map(str::to_owned).to_vec();
        let trials = [
            trial("no-limit", Verdict::Caught { by }, &["a"]),
            trial("fake", Verdict::Escaped { why: "3 passed, 0 skipped".to_owned() }, &["a", "b"]),
        ];
        let took = Duration::from_secs(61);
        assert_eq!(
            table(&trials, took),
            "no-limit  L-01 L-02  zero-copy     1.2s  a::one, a::two, a::three, and 1 more\n\
             fake      L-01 L-02  zero-copy     1.2s  ESCAPED (3 passed, 0 skipped)\n\
             \n\
             1 of 2 caught (50.0 %) in 61 s\n\
             escaped: fake on zero-copy: queries take as long as they like\n    \
             a, b did not notice\n"
        );
        let json = json(&trials, took);
        assert_eq!((&json["caught"], &json["all"]), (&1.into(), &2.into()));
        assert_eq!(json["trials"][1]["caught"], false);
        assert_eq!(json["trials"][0]["by"][3], "a::four");
    }

    #[test]
    fn no_trials_are_no_share() {
        assert_eq!(table(&[], Duration::ZERO), "\n0 of 0 caught (0.0 %) in 0 s\n");
    }
}
