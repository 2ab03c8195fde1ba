//! Nothing that was changed since it was recorded passes: not a statement, a bind, a session, nor
//! a letter of a fixture.

use snowgauge::{
    fixture::{Exchange, files, format},
    run::{self, CaseReport, Events, Outcome, RunId, RunOptions, Selection, Stop},
    secret::Redactor,
    suite::{self, Action, Loaded, Step, Suite},
    target::{Owner, Part, ReplayTarget, replay, wording},
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A generator of which every run of the test sees the same numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ (it >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }
}

fn loaded() -> Loaded {
    suite::load(&[PathBuf::from("suites")]).unwrap()
}

fn replayed(folder: &Path, suite: &Suite, loaded: &Loaded) -> Vec<CaseReport> {
    let target = Arc::new(ReplayTarget::open(folder, None).unwrap());
    let mut options = RunOptions::new(RunId::random());
    (options.scale, options.seed) = (target.header().scale, target.header().seed);
    let plan = run::plan(std::slice::from_ref(suite), &loaded.data_sets, &Selection::default());
    let events = Events::new(Redactor::default(), Vec::new());
    let run = run::execute(plan.unwrap(), target, options, events, Stop::default());
    ReplayTarget::runtime().unwrap().block_on(run).cases
}

/// A letter that is not white space and not part of a `{variable}`, changed for another one.
fn mutated(text: &str, random: &mut Random) -> Option<String> {
    let mut is_variable = false;
    let mut places = Vec::new();
    for (at, letter) in text.char_indices() {
        is_variable |= letter == '{';
        // A semicolon at the end is no part of a statement.
        if !is_variable && !letter.is_whitespace() && letter != ';' {
            places.push((at, letter));
        }
        is_variable &= letter != '}';
    }
    if places.is_empty() {
        return None;
    }
    let (at, letter) = places[random.below(places.len())];
    let other = match letter {
        'q' => "z",
        _ => "q",
    };
    Some(format!("{}{other}{}", &text[..at], &text[at + letter.len_utf8()..]))
}

/// Changes one place of the step's statement, binds or session; what it was and is.
fn mutate(step: &mut Step, random: &mut Random) -> Option<(String, String)> {
    let Action::Execute { sql, binds } = &mut step.action else { return None };
    let part = match random.below(10) {
        0 => &mut step.session,
        1..=3 if !binds.is_empty() => {
            let at = random.below(binds.len());
            &mut binds[at]
        }
        _ => sql,
    };
    let other = mutated(part, random)?;
    Some((std::mem::replace(part, other.clone()), other))
}

/// The cases that use the changed step: one, or all for a step of the set-up.
fn concerned<'a>(
    reports: &'a [CaseReport],
    case: Option<usize>,
    suite: &Suite,
) -> Vec<&'a CaseReport> {
    match case {
        None => reports.iter().collect(),
        Some(at) => {
            let name = &suite.cases[at].name;
            reports.iter().filter(|it| it.case.name == *name).collect()
        }
    }
}

#[test]
fn a_changed_suite_does_not_pass_on_what_was_recorded() {
    const MUTATIONS: usize = 200;
    let loaded = loaded();
    let mut random = Random(1);
    let mut done = 0;
    for folder in replay::folders(Path::new("fixtures")).unwrap().iter().cycle() {
        if done == MUTATIONS {
            break;
        }
        let mut suite = loaded.suites[random.below(loaded.suites.len())].clone();
        let in_setup = !suite.setup.is_empty() && random.below(5) == 0;
        let case = (!in_setup).then(|| random.below(suite.cases.len()));
        let copy = copied(folder, &suite);
        let before = replayed(copy.path(), &suite, &loaded);
        let before = concerned(&before, case, &suite);
        if before.iter().all(|it| matches!(it.outcome, Outcome::Skipped { .. })) {
            continue;
        }
        let executed: Vec<usize> =
            before.iter().flat_map(|it| it.steps.iter().map(|step| step.line)).collect();
        let steps = match case {
            None => &mut suite.setup,
            Some(at) => &mut suite.cases[at].steps,
        };
        let at = random.below(steps.len());
        let step = &mut steps[at];
        // Steps for other targets, and those after the first that was not met, are not executed.
        if case.is_some() && !executed.contains(&step.span.line) {
            continue;
        }
        let Some((from, to)) = mutate(step, &mut random) else { continue };
        let after = replayed(copy.path(), &suite, &loaded);
        for report in concerned(&after, case, &suite) {
            let is_red = matches!(report.outcome, Outcome::Failed { .. } | Outcome::NotRun { .. });
            assert!(
                is_red,
                "{}: {}: `{from}` as `{to}` is {}",
                folder.display(),
                report.case,
                report.outcome.word()
            );
        }
        done += 1;
    }
}

#[test]
fn a_suite_that_lost_a_statement_does_not_pass_on_what_was_recorded() {
    const MUTATIONS: usize = 100;
    let loaded = loaded();
    let mut random = Random(3);
    let mut done = 0;
    for folder in replay::folders(Path::new("fixtures")).unwrap().iter().cycle() {
        if done == MUTATIONS {
            break;
        }
        let mut suite = loaded.suites[random.below(loaded.suites.len())].clone();
        let at = random.below(suite.cases.len());
        let copy = copied(folder, &suite);
        let before = replayed(copy.path(), &suite, &loaded);
        let before = concerned(&before, Some(at), &suite);
        let steps = &mut suite.cases[at].steps;
        let lost = random.below(steps.len());
        let Action::Execute { sql, .. } = steps[lost].action.clone() else { continue };
        let line = steps[lost].span.line;
        let was_executed = before.iter().flat_map(|it| &it.steps).any(|it| it.line == line);
        let saved = steps[lost].save.is_some();
        // Reads may be left out: nothing depends on them. A variable may be one.
        let may_be_read = wording::is_read(&sql) || sql.starts_with('{');
        if saved || !was_executed || may_be_read {
            continue;
        }
        steps.remove(lost);
        let after = replayed(copy.path(), &suite, &loaded);
        for report in concerned(&after, Some(at), &suite) {
            let is_red = matches!(report.outcome, Outcome::Failed { .. } | Outcome::NotRun { .. });
            let place = format!("{}: {}", folder.display(), report.case);
            assert!(is_red, "{place}: without `{sql}` is {}", report.outcome.word());
        }
        done += 1;
    }
}

/// Changes one place of an exchange other than its answer.
fn mutate_exchange(exchange: &mut Exchange, random: &mut Random) -> bool {
    let facts = exchange.context.facts.len();
    let part = match random.below(4) {
        0 => &mut exchange.session,
        1 if facts > 0 => match exchange.context.facts.values_mut().nth(random.below(facts)) {
            Some(fact) => fact,
            None => return false,
        },
        2 if !exchange.binds.is_empty() => match &mut exchange.binds[0] {
            Some(bind) => bind,
            None => return false,
        },
        _ => &mut exchange.sql,
    };
    match mutated(part, random) {
        Some(other) if !part.contains('«') => {
            *part = other;
            true
        }
        _ => false,
    }
}

#[test]
fn what_was_recorded_of_another_statement_is_no_answer() {
    const MUTATIONS: usize = 100;
    let loaded = loaded();
    let mut random = Random(4);
    let mut done = 0;
    let folders = replay::folders(Path::new("fixtures")).unwrap();
    for folder in folders.iter().cycle() {
        if done == MUTATIONS {
            break;
        }
        let suite = &loaded.suites[random.below(loaded.suites.len())];
        let copy = copied(folder, suite);
        let path = copy.path().join(files::path_of(&Owner::Suite(suite.name.clone())));
        let Ok(stored) = files::read(&path) else { continue };
        let mut fixture = stored.fixture;
        let at = random.below(fixture.sections.len());
        let Part::Case(name) = fixture.sections[at].part.clone() else { continue };
        let exchanges = &mut fixture.sections[at].exchanges;
        let changed = random.below(exchanges.len());
        // A look that is repeated until something is so can do without one of its answers.
        let of = |it: &Exchange| (it.session.clone(), it.sql.clone());
        let asked = of(&exchanges[changed]);
        if exchanges.iter().filter(|it| of(it) == asked).count() > 1 {
            continue;
        }
        if !mutate_exchange(&mut exchanges[changed], &mut random) {
            continue;
        }
        let shown = format!("{:?}", exchanges[changed]);
        files::write(&path, &fixture).unwrap();
        let after = replayed(copy.path(), suite, &loaded);
        let report = after
            .iter()
            .find(|it| {
                let id = it.case.id.as_ref().map_or_else(String::new, |id| format!("{id} "));
                format!("{id}{}", it.case.name) == name
            })
            .unwrap();
        let is_red = matches!(report.outcome, Outcome::Failed { .. } | Outcome::NotRun { .. });
        assert!(is_red, "{}: {shown}: is {}", report.case, report.outcome.word());
        done += 1;
    }
}

/// What a replay of one suite reads: all of a folder but the recordings of other suites.
fn copied(folder: &Path, suite: &Suite) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let own = folder.join(files::path_of(&Owner::Suite(suite.name.clone())));
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.unwrap();
        let is_fixture = entry.path().extension().is_some_and(|it| it == "fixture");
        let is_shared = entry.path().to_string_lossy().contains('@');
        if is_fixture && !is_shared && entry.path() != own {
            continue;
        }
        let to = copy.path().join(entry.path().strip_prefix(folder).unwrap());
        match entry.file_type().is_dir() {
            true => fs::create_dir_all(to).unwrap(),
            false => fs::copy(entry.path(), to).map(|_| ()).unwrap(),
        }
    }
    copy
}

#[test]
fn a_changed_fixture_is_not_replayed() {
    const MUTATIONS: usize = 100;
    let fixtures = files::find_fixtures(Path::new("fixtures")).unwrap();
    let blobs = files::find_blobs(Path::new("fixtures")).unwrap();
    let paths: Vec<&PathBuf> = fixtures.iter().chain(&blobs).collect();
    let mut random = Random(2);
    for _ in 0..MUTATIONS {
        let changed = paths[random.below(paths.len())];
        let mut bytes = fs::read(changed).unwrap();
        let at = random.below(bytes.len());
        bytes[at] = match bytes[at] {
            b'7' => b'8',
            _ => b'7',
        };
        // A blob is read through the fixtures that name it.
        let readers: Vec<&PathBuf> = match changed.file_stem().and_then(|it| it.to_str()) {
            Some(digest) if blobs.contains(changed) => {
                let folder = changed.ancestors().nth(2).unwrap();
                let names_it = |it: &&PathBuf| fs::read_to_string(it).unwrap().contains(digest);
                fixtures.iter().filter(|it| it.starts_with(folder)).filter(names_it).collect()
            }
            _ => vec![changed],
        };
        assert!(!readers.is_empty(), "nobody reads {}", changed.display());
        for path in readers {
            let Ok(text) = (match path == changed {
                true => String::from_utf8(bytes.clone()),
                false => Ok(fs::read_to_string(path).unwrap()),
            }) else {
                continue;
            };
            let blob = |name: &str| match changed.ends_with(name) {
                true => Ok(bytes.clone()),
                false => {
                    let folders = path.ancestors().skip(1).map(|it| it.join(name));
                    fs::read(folders.into_iter().find(|it| it.is_file()).unwrap())
                }
            };
            // A few bytes of gzip mean nothing: what is unpacked is as it was.
            if let Ok(fixture) = format::parse(path, &text, &blob) {
                let original = files::read(path).unwrap().fixture;
                let place = format!("{} with byte {at} changed", changed.display());
                assert!(fixture == original && path != changed, "{place}");
            }
        }
    }
}
