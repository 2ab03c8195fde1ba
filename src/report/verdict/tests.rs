use super::*;
use crate::{
    report::sample,
    run::{Failure, StepReport},
    target::Refusal,
};
use TargetKind::{Emulator, Live, Replay, Scripted};
use chrono::{TimeDelta, TimeZone};

fn side(kind: TargetKind, recorded: Option<TargetKind>, release: Option<Release>) -> Side {
    let at = Utc.with_ymd_and_hms(2026, 10, 2, 14, 5, 9).unwrap();
    let summary = RunSummary { run: "SG1".to_owned(), release, ..RunSummary::default() };
    Side {
        name: kind.name().to_owned(),
        kind,
        recorded_from: recorded.map(|it| (it, at, release)),
        summary,
    }
}

const NOW: Option<Release> = Some(Release::ZeroCopy);
const ONCE: Option<Release> = Some(Release::Attached);

fn live() -> Side {
    side(Live, None, NOW)
}

fn emulator() -> Side {
    side(Emulator, None, NOW)
}

fn replay(of: TargetKind, release: Option<Release>) -> Side {
    side(Replay, Some(of), release)
}

/// Every way a case ends, by letter.
fn said(letter: char, side: &Side) -> Said {
    let failed = |message: &str| Outcome::Failed {
        failure: Failure { message: message.to_owned(), ..sample::failure() },
    };
    let outcome = match letter {
        'p' => Outcome::Passed,
        'a' => failed("row 2 differs"),
        'b' => failed("row 3 differs"),
        'l' => Outcome::Lifted { seen: "line 9: 1 row".to_owned() },
        'o' => Outcome::Observed { seen: "line 9: 001003".to_owned() },
        's' => Outcome::Skipped { reason: "only on preview".to_owned() },
        'n' => Outcome::NotRun { cause: "not recorded: nearest: SELECT 5".to_owned() },
        'x' => Outcome::NotRun { cause: "connection lost".to_owned() },
        'u' => Outcome::Unsure { why: "3 samples".to_owned() },
        'i' => Outcome::Invalid { why: "clock skew".to_owned() },
        '.' => return Said::Absent,
        _ => panic!("no outcome `{letter}`"),
    };
    Said::of(side, Some(&sample::case("a case", outcome)))
}

fn judge(sides: &[Side], letters: &str) -> Verdict {
    let voices: Vec<Voice<'_>> = sides
        .iter()
        .zip(letters.chars())
        .map(|(side, letter)| Voice { side, said: said(letter, side) })
        .collect();
    classify(&voices)
}

fn letter(difference: Difference) -> char {
    match difference {
        Difference::ProductChanged => 'P',
        Difference::EmulatorDiffers => 'E',
        Difference::EmulatorChanged => 'C',
        Difference::FixtureStale => 'S',
        Difference::DifferentRelease => 'R',
        Difference::CannotTell => '?',
        Difference::LeftOut => '-',
        Difference::AnsweredDifferently => '!',
        Difference::Wording => '~',
        Difference::Agree => '=',
    }
}

/// What any two sides make of any two endings. `#` is where both answered, and differently: that
/// alone depends on the sides.
const GRID: &str = "
      p a b l o s n x u i .
    p = # # # # - S ? ? ? ?
    a # = # # # - S ? ? ? ?
    b # # = # # - S ? ? ? ?
    l # # # = # - S ? ? ? ?
    o # # # # = - S ? ? ? ?
    s - - - - - = S ? ? ? ?
    n S S S S S S S ? ? ? ?
    x ? ? ? ? ? ? ? ? ? ? ?
    u ? ? ? ? ? ? ? ? = ? ?
    i ? ? ? ? ? ? ? ? ? = ?
    . ? ? ? ? ? ? ? ? ? ? =
";

#[track_caller]
fn check_pair(a: Side, b: Side, contradiction: char) {
    let endings: Vec<char> = "pablosnxui.".chars().collect();
    let sides = [a, b];
    let backwards = [sides[1].clone(), sides[0].clone()];
    let mut grid = String::from("\n      p a b l o s n x u i .\n");
    for row in &endings {
        grid += &format!("    {row}");
        for column in &endings {
            let verdict = judge(&sides, &format!("{row}{column}"));
            let other = judge(&backwards, &format!("{column}{row}"));
            assert_eq!(verdict.difference, other.difference, "{row}{column} depends on the order");
            assert_eq!(verdict.odd, None, "of two, neither is odd");
            assert!(!verdict.why.is_empty());
            grid += &format!(" {}", letter(verdict.difference));
        }
        grid.push('\n');
    }
    assert_eq!(grid, GRID.replace('#', &contradiction.to_string()), "\n{grid}");
}

#[test]
fn two_sides_are_told_apart_by_what_they_are() {
    check_pair(live(), emulator(), 'E');
    check_pair(live(), replay(Live, NOW), 'P');
    check_pair(live(), replay(Emulator, NOW), 'E');
    check_pair(emulator(), replay(Live, NOW), 'E');
    check_pair(emulator(), replay(Emulator, NOW), 'C');
    check_pair(replay(Live, NOW), replay(Live, NOW), 'P');
    check_pair(replay(Live, NOW), replay(Emulator, NOW), 'E');
    check_pair(replay(Emulator, NOW), replay(Emulator, NOW), 'C');
}

#[test]
fn a_release_explains_a_difference_before_anything_else() {
    check_pair(live(), side(Emulator, None, ONCE), 'R');
    check_pair(live(), replay(Live, ONCE), 'R');
    check_pair(emulator(), replay(Live, ONCE), 'R');
    check_pair(emulator(), replay(Emulator, ONCE), 'R');
    check_pair(replay(Live, NOW), replay(Live, ONCE), 'R');
}

#[test]
fn a_release_that_is_not_known_explains_nothing() {
    check_pair(live(), side(Emulator, None, None), 'E');
    check_pair(live(), replay(Live, None), 'P');
    // The emulator shows one release at a time, so that the recording may be of another.
    check_pair(emulator(), replay(Emulator, None), 'S');
}

#[test]
fn sides_of_which_nothing_is_known_tell_nothing() {
    check_pair(live(), live(), '?');
    check_pair(emulator(), emulator(), '?');
    check_pair(live(), side(Replay, None, NOW), '?');
    check_pair(live(), side(Scripted, None, NOW), '?');
}

#[track_caller]
fn check_three(recorded: Side, cases: &[(&str, char, Option<&str>)]) {
    let sides = [live(), emulator(), recorded];
    for (letters, expected, odd) in cases {
        let verdict = judge(&sides, letters);
        let found = (letter(verdict.difference), verdict.odd.map(|it| sides[it].name.as_str()));
        assert_eq!(found, (*expected, *odd), "{letters}: {}", verdict.why);
    }
}

#[test]
fn of_three_sides_the_odd_one_out_is_named() {
    let (l, e, r) = (Some("live"), Some("emulator"), Some("replay"));
    check_three(
        replay(Live, NOW),
        &[
            ("ppp", '=', None),
            ("ppa", 'P', r),
            ("pap", 'E', e),
            ("app", 'P', l),
            ("pab", 'P', None),
        ],
    );
    check_three(
        replay(Emulator, NOW),
        &[
            ("ppa", 'C', r),
            // It answered as the product does when it was recorded.
            ("pap", 'E', e),
            ("app", 'E', l),
            ("pab", 'E', None),
        ],
    );
}

#[test]
fn an_old_recording_does_not_hide_a_wrong_emulator() {
    let (l, e, r) = (Some("live"), Some("emulator"), Some("replay"));
    let cases = [
        ("ppp", '=', None),
        ("ppa", 'R', r),
        ("pap", 'E', e),
        ("pab", 'E', None),
        // Both others passed, one of them on the release that live is of.
        ("app", 'E', l),
    ];
    check_three(replay(Live, ONCE), &cases);
    check_three(replay(Emulator, ONCE), &cases);
}

#[test]
fn a_missing_answer_does_not_hide_a_contradiction() {
    check_three(
        replay(Live, NOW),
        &[
            ("pan", 'E', None),
            ("pax", 'E', None),
            ("pas", 'E', None),
            ("xpa", 'E', None),
            ("pxa", 'P', None),
            // Nor the other way round.
            ("ppn", 'S', None),
            ("pxn", 'S', None),
            ("ppx", '?', None),
            ("pps", '-', None),
            ("pss", '-', None),
            ("psn", 'S', None),
            ("psx", '?', None),
            ("sss", '=', None),
            ("xxx", '?', None),
            ("xxn", '?', None),
            ("nnn", 'S', None),
            ("uuu", '=', None),
            ("ppu", '?', None),
            ("pp.", '?', None),
        ],
    );
}

#[test]
fn whatever_three_sides_say_agreement_is_never_claimed_wrongly() {
    let endings: Vec<char> = "pablosnxui.".chars().collect();
    for recorded in [replay(Live, NOW), replay(Emulator, NOW), replay(Live, ONCE)] {
        let sides = [live(), emulator(), recorded];
        for (a, b, c) in endings.iter().flat_map(|a| {
            endings.iter().flat_map(move |b| "pablosnxui.".chars().map(move |c| (*a, *b, c)))
        }) {
            let letters = format!("{a}{b}{c}");
            let verdict = judge(&sides, &letters);
            let agrees = verdict.difference == Difference::Agree;
            let same = a == b && b == c && !"nx".contains(a);
            assert_eq!(agrees, same, "{letters}: {}", verdict.why);
            let contradicts = {
                let answers: HashSet<char> =
                    letters.chars().filter(|it| "pablo".contains(*it)).collect();
                answers.len() > 1
            };
            let is_contradiction = matches!(
                verdict.difference,
                Difference::ProductChanged
                    | Difference::EmulatorDiffers
                    | Difference::EmulatorChanged
                    | Difference::DifferentRelease
            );
            assert_eq!(is_contradiction, contradicts, "{letters}: {}", verdict.why);
            // Who is silent is always named.
            for (side, letter) in sides.iter().zip(letters.chars()) {
                if "nxui".contains(letter) && !agrees {
                    let is_named =
                        verdict.why.contains(&side.name) || verdict.why.contains(&side.described());
                    assert!(is_named, "{letters}: {}", verdict.why);
                }
            }
        }
    }
}

#[track_caller]
fn check_why(sides: &[Side], letters: &str, expected: &str) {
    assert_eq!(judge(sides, letters).why, expected);
}

#[test]
fn every_verdict_says_why() {
    let both = [live(), emulator()];
    check_why(&both, "pp", "both passed");
    check_why(&both, "aa", "both failed");
    check_why(&both, "pa", "live passed, emulator failed: the emulator is not like the product");
    check_why(&both, "px", "emulator did not run it: connection lost");
    check_why(&both, "sp", "live skipped it: only on preview");
    check_why(
        &[live(), replay(Live, NOW)],
        "lp",
        "live is lifted, the recording of live of 2026-10-02 passed: the product changed since",
    );
    check_why(
        &[live(), replay(Live, NOW)],
        "pn",
        "the recording of live of 2026-10-02 does not have what the case executes now, live \
         passed: the suite or its data changed since; record it again",
    );
    check_why(
        &[live(), replay(Live, ONCE)],
        "pa",
        "live passed, the recording of live of 2026-10-02 failed: live is of release zero-copy, \
         replay of attached",
    );
    check_why(
        &[emulator(), replay(Emulator, NOW)],
        "ab",
        "emulator failed, the recording of emulator of 2026-10-02 failed in another way: both \
         show release zero-copy, so the emulator changed since",
    );
    let three = [live(), emulator(), replay(Live, NOW)];
    check_why(
        &three,
        "pap",
        "emulator is the odd one out: live passed, emulator failed: the emulator is not like the \
         product",
    );
    check_why(
        &three,
        "pax",
        "live passed, emulator failed: the emulator is not like the product; replay did not run \
         it: connection lost",
    );
    check_why(
        &three,
        "pab",
        "live passed, the recording of live of 2026-10-02 failed: the product changed since; \
         emulator failed",
    );
}

fn with_steps(name: &str, steps: Vec<StepReport>) -> CaseReport {
    CaseReport { steps, ..sample::case(name, Outcome::Passed) }
}

fn rows(line: usize, ending: &str) -> StepReport {
    let mut step = sample::case("", Outcome::Passed).steps.remove(0);
    step.line = line;
    step.ending = ending.to_owned();
    step
}

fn refused(line: usize, code: &str, sqlstate: &str, message: &str) -> StepReport {
    let refusal = Refusal {
        code: code.to_owned(),
        sqlstate: sqlstate.to_owned(),
        message: message.to_owned(),
    };
    StepReport { refusal: Some(refusal.clone()), ..rows(line, &refusal.to_string()) }
}

/// Two sides that pass one case; `expected` is what became of it, and the steps that differ.
#[track_caller]
fn check_steps(on_live: Vec<StepReport>, on_emulator: Vec<StepReport>, expected: &str) {
    let mut sides = [live(), emulator()];
    for (side, (run, steps)) in sides.iter_mut().zip([("SGAAAA", on_live), ("SGBBBB", on_emulator)])
    {
        side.summary.run = run.to_owned();
        side.summary.cases = vec![with_steps("a case", steps)];
    }
    let verdicts = verdicts(&sides);
    let row = &verdicts.rows[0];
    let mut found = format!("{}: {}", row.verdict.difference.word(), row.verdict.why);
    for step in &row.steps {
        let said: Vec<&str> =
            step.said.iter().map(|it| it.as_deref().unwrap_or("not executed")).collect();
        found += &format!("\n{} {:?}: {}", step.line, step.what, said.join(" / "));
    }
    assert_eq!(found, expected);
    assert!(!verdicts.is_red(), "wording is never red");
}

#[test]
fn other_words_of_a_refusal_are_told_and_not_red() {
    check_steps(
        vec![rows(3, "1 row"), refused(5, "002003", "42S02", "Object 'T' does not exist.")],
        vec![rows(3, "1 row"), refused(5, "002003", "42S02", "Table 'T' does not exist.")],
        "wording: both passed, but line 5 was refused in other words\n\
         5 Message: 002003 (42S02): Object 'T' does not exist. / 002003 (42S02): Table 'T' does \
         not exist.",
    );
    check_steps(
        vec![refused(5, "002003", "42S02", "no")],
        vec![refused(5, "002043", "02000", "no")],
        "answered differently: both passed, but line 5 was refused with another code\n\
         5 Code: 002003 (42S02): no / 002043 (02000): no",
    );
    check_steps(
        vec![rows(5, "3 rows"), rows(6, "1 row")],
        vec![refused(5, "002003", "42S02", "no")],
        "answered differently: both passed, but line 5 was answered differently, and 1 statement more\n\
         5 Answer: 3 rows / 002003 (42S02): no\n6 Missing: 1 row / not executed",
    );
}

#[test]
fn other_rows_of_a_case_that_passes_all_the_same_are_told_and_not_red() {
    let with = |result: &str| StepReport { result: result.to_owned(), ..rows(3, "1 row") };
    check_steps(vec![with("4f2a")], vec![with("4f2a")], "agree: both passed");
    check_steps(
        vec![with("4f2a")],
        vec![with("9b01")],
        "answered differently: both passed, but line 3 was answered differently\n\
         3 Answer: 1 row, digest 4f2a / 1 row, digest 9b01",
    );
    // A journal from before there were digests.
    check_steps(vec![with("4f2a")], vec![with("")], "agree: both passed");
    // By expectations of different releases.
    check_steps(
        vec![with("4f2a")],
        vec![refused(3, "002003", "42S02", "no")],
        "answered differently: both passed, but line 3 was answered differently\n\
         3 Answer: 1 row / 002003 (42S02): no",
    );
}

#[test]
fn what_differs_in_every_run_makes_no_difference() {
    let slow = StepReport {
        elapsed_us: 9_000_000,
        query_id: Some("02b1-9".to_owned()),
        looks: 7,
        warehouse: Some("SGBBBB_STD".to_owned()),
        sql: "SELECT K FROM SGBBBB.T".to_owned(),
        ..rows(3, "1 row")
    };
    check_steps(vec![rows(3, "1 row")], vec![slow], "agree: both passed");
    check_steps(
        vec![refused(
            5,
            "002003",
            "42S02",
            "Object 'MY_DB.SGAAAA_LIMITS.T'\ndoes not exist, query 01b0-1 \
             01c2f1a5-0000-4bd1-0000-0001a2b3c4d5",
        )],
        vec![refused(
            5,
            "002003",
            "42S02",
            "Object 'SGBBBB_DB.sgbbbb_LIMITS.T' does not exist, query 01b0-1 \
             02c2f1a5-0000-4bd1-0000-0001a2b3c4d5",
        )],
        "agree: both passed",
    );
}

/// Failures on live and on the emulator, and whether they are the same.
#[track_caller]
fn check_failures(on_live: Failure, on_emulator: Failure, expected: Difference) {
    let mut sides = [live(), emulator()];
    for (side, failure) in sides.iter_mut().zip([on_live, on_emulator]) {
        side.summary.cases = vec![sample::case("a case", Outcome::Failed { failure })];
    }
    let verdicts = verdicts(&sides);
    assert_eq!(verdicts.rows[0].verdict.difference, expected);
    assert!(verdicts.is_red(), "both failed");
}

#[test]
fn failures_are_the_same_where_the_same_was_seen_at_the_same_place() {
    let failure = sample::failure;
    check_failures(failure(), failure(), Difference::Agree);
    check_failures(
        Failure { message: "no answer after 5 s".to_owned(), ..failure() },
        Failure {
            message: "no answer after 5.25 s".to_owned(),
            query_id: Some("other".to_owned()),
            hint: None,
            sql: "SELECT 2".to_owned(),
            place: "/elsewhere/dml.yaml:11".to_owned(),
            ..failure()
        },
        Difference::Agree,
    );
    let other_diff = Failure { diff: Some(" 1\n-2\n+4".to_owned()), ..failure() };
    check_failures(failure(), other_diff, Difference::EmulatorDiffers);
    let other_space = Failure { diff: Some(" 1\n-2\n+ 3".to_owned()), ..failure() };
    check_failures(failure(), other_space, Difference::EmulatorDiffers);
    let other_place = Failure { place: "suites/limits/dml.yaml:12".to_owned(), ..failure() };
    check_failures(failure(), other_place, Difference::EmulatorDiffers);
}

#[test]
fn every_case_that_any_side_has_is_there_once_and_in_order() {
    let case = |name: &str, line| {
        let mut report = sample::case(name, Outcome::Passed);
        report.case.line = line;
        report
    };
    let mut sides = [live(), emulator()];
    sides[0].summary.cases = vec![case("b", 1), case("twice", 2), case("twice", 3)];
    // Lines move with every edit.
    sides[1].summary.cases =
        vec![case("new", 1), case("twice", 12), case("twice", 13), case("b", 9)];
    let verdicts = verdicts(&sides);
    let found: Vec<String> = verdicts
        .rows
        .iter()
        .map(|it| {
            let lines = it.reports.iter().map(|it| it.map_or(0, |it| it.case.line));
            let lines: Vec<String> = lines.map(|it| it.to_string()).collect();
            format!("{} {} {}", it.case.name, lines.join("/"), letter(it.verdict.difference))
        })
        .collect();
    assert_eq!(found, ["b 1/9 =", "twice 2/12 =", "twice 3/13 =", "new 0/1 ?"]);
}

#[track_caller]
fn check_red(on_live: char, on_emulator: char, is_red: bool) {
    let outcome = |letter| match letter {
        'p' => Outcome::Passed,
        'f' => Outcome::Failed { failure: sample::failure() },
        's' => Outcome::Skipped { reason: String::new() },
        'o' => Outcome::Observed { seen: String::new() },
        'u' => Outcome::Unsure { why: String::new() },
        _ => Outcome::NotRun { cause: String::new() },
    };
    let mut sides = [live(), emulator()];
    for (side, letter) in sides.iter_mut().zip([on_live, on_emulator]) {
        side.summary.cases = vec![sample::case("a case", outcome(letter))];
    }
    assert_eq!(verdicts(&sides).is_red(), is_red, "{on_live}{on_emulator}");
}

#[test]
fn a_difference_is_red_and_so_is_a_side() {
    check_red('p', 'p', false);
    check_red('o', 'o', false);
    check_red('s', 'p', false);
    check_red('u', 'u', false);
    check_red('f', 'f', true);
    check_red('p', 'o', true);
    check_red('p', 'u', true);
    check_red('x', 'x', true);

    let mut sides = [live(), emulator()];
    assert!(!verdicts(&sides).is_red());
    sides[1].summary.cut_short = Some("cannot reach it".to_owned());
    assert!(verdicts(&sides).is_red());
}

/// Three sides with a bit of everything, for the reports.
pub fn sides() -> Vec<Side> {
    let mut sides = vec![live(), emulator(), replay(Live, NOW)];
    let runs = ["SG7F3K2QXA", "SG0M4T8WZC", "SG5D9H1VNB"];
    let places = ["org-account (AWS)", "127.0.0.1:41823", "fixtures/live"];
    for ((side, run), place) in sides.iter_mut().zip(runs).zip(places) {
        let started_at = Utc.with_ymd_and_hms(2026, 11, 20, 9, 30, 0).unwrap();
        side.summary = RunSummary {
            run: run.to_owned(),
            started_at: Some(started_at),
            tool_version: "0.1.0".to_owned(),
            target: Some(side.kind),
            place: place.to_owned(),
            seed: 42,
            scale: 100,
            release: NOW,
            release_how: Some("an interactive warehouse read a standard table".to_owned()),
            facts: vec![("region".to_owned(), "AWS_US_WEST_2".to_owned())],
            took_us: Some(65_000_000),
            ..RunSummary::default()
        };
    }
    let refusal = |message: &str| {
        let sql = "DELETE FROM ORDERS_SERVED\nWHERE O_ORDERKEY = 7";
        let refused = refused(14, "000630", "57014", message);
        vec![rows(9, "1 row"), StepReport { sql: sql.to_owned(), ..refused }]
    };
    let failed = Outcome::Failed {
        failure: Failure { message: "row 2 differs".to_owned(), ..sample::failure() },
    };
    let lost = Outcome::NotRun { cause: "connection lost: reset by peer".to_owned() };
    let not_recorded =
        Outcome::NotRun { cause: "not recorded: nearest: SELECT COUNT(*) FROM ORDERS".to_owned() };
    let skipped = Outcome::Skipped { reason: "only on preview: it was refused then".to_owned() };
    let lifted = Outcome::Lifted { seen: "line 9: 1 row".to_owned() };
    let passed = || Outcome::Passed;
    let cases: [(&str, &str, [Outcome; 3]); 9] = [
        ("L-01", "a point lookup is answered", [passed(), passed(), passed()]),
        ("L-02", "a full scan ends within five seconds", [passed(), passed(), passed()]),
        (
            "L-09",
            "an interactive warehouse reads the row that was merged last, and no other",
            [passed(), failed.clone(), passed()],
        ),
        ("L-10", "statements other than queries are refused", [lifted, passed(), passed()]),
        ("L-11", "a new case", [passed(), passed(), not_recorded]),
        ("L-12", "a delete is refused", [passed(), passed(), passed()]),
        ("L-13", "only once", [skipped.clone(), skipped.clone(), skipped]),
        ("L-14", "a long one", [lost, passed(), passed()]),
        ("L-15", "fails everywhere", [failed.clone(), failed.clone(), failed]),
    ];
    for (at, (id, name, outcomes)) in cases.into_iter().enumerate() {
        for (side, outcome) in sides.iter_mut().zip(outcomes) {
            let mut report = sample::case(name, outcome);
            report.at = side.summary.started_at.unwrap() + TimeDelta::seconds(at as i64 * 7);
            report.took_us = 1_250_000 * (at as u64 % 4 + 1);
            report.case.id = Some(id.to_owned());
            report.case.line = 7 + at * 12;
            if id == "L-12" {
                report.steps = refusal(match side.kind {
                    Emulator => "Statement reached its time-out of 5 seconds and was cancelled.",
                    _ => "Statement reached its statement timeout of 5 second(s) and was canceled.",
                });
            }
            side.summary.cases.push(report);
        }
    }
    sides
}

/// Three sides in which everything that comes from outside is `text`.
pub fn hostile(text: &str) -> Vec<Side> {
    let mut sides = sides();
    for (at, side) in sides.iter_mut().enumerate() {
        side.name = format!("{text}{at}");
        let summary = &mut side.summary;
        summary.place = text.to_owned();
        summary.facts = vec![("region".to_owned(), text.to_owned())];
        summary.release_how = Some(text.to_owned());
        summary.tool_version = text.to_owned();
        summary.cut_short = Some(text.to_owned());
        for report in &mut summary.cases {
            report.case.suite = text.to_owned();
            report.case.name = text.to_owned();
            report.case.file = text.to_owned();
            report.case.id = Some(text.to_owned());
            report.source = Some(text.to_owned());
            report.properties = [(text.to_owned(), text.to_owned())].into();
            for step in &mut report.steps {
                step.session = text.to_owned();
                step.warehouse = Some(text.to_owned());
                step.sql = text.to_owned();
                step.query_id = Some(text.to_owned());
                step.ending = format!("{text}{at}");
            }
            match &mut report.outcome {
                Outcome::Failed { failure } => {
                    *failure = Failure {
                        message: text.to_owned(),
                        place: text.to_owned(),
                        sql: text.to_owned(),
                        query_id: Some(text.to_owned()),
                        diff: Some(format!("-{text}")),
                        hint: Some(text.to_owned()),
                    }
                }
                Outcome::Lifted { seen: it }
                | Outcome::Skipped { reason: it }
                | Outcome::NotRun { cause: it } => *it = text.to_owned(),
                _ => {}
            }
        }
    }
    sides
}

/// What a server may say that breaks a format which is written carelessly.
pub const HOSTILE: &[&str] = &[
    "]]>",
    "<![CDATA[",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)",
    "' autofocus='",
    "--><!--",
    "</title></style>",
    "&amp;&#0;&lt;",
    "a\u{1b}[31mred\u{1b}[0m",
    "\u{1b}]0;still here",
    "\u{9b}still here too",
    "nul\u{0}nul",
    "\u{fffe}\u{ffff}\u{7f}\u{85}\u{feff}",
    "safe\u{202e}\u{2066}reversed",
    "\u{1f4a9}",
];
