//! `snowgauge bundle`

use super::{CliError, Ending, failure::print, report::cannot_write, review::cannot};
use crate::{
    fixture::{
        Fixture,
        bundle::{self, Subject},
        files::{self, FIXTURES_DIR},
    },
    run::{
        self, CaseReport, RunSummary,
        compare::counted,
        journal::{self, RUNS_DIR},
    },
    suite::{self, Case, Loaded, Suite},
    target::Owner,
};
use clap::Args;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Write a folder with one case and its recordings, which replays without an account.
///
/// The suite is cut down to the case and what it stands on, the recordings to what it asks for.
/// A README says how to replay it, and what it was recorded from.
#[derive(Debug, Args)]
pub struct BundleArgs {
    /// The case's full name, or a part of it or of its id that no other case has.
    #[arg(value_name = "CASE")]
    case: String,

    /// Suites, or folders to search for them [default: suites].
    #[arg(value_name = "SUITE")]
    suites: Vec<PathBuf>,

    /// The folder to write, which must not be there or must be empty [default: `bundle-` and the
    /// case's name].
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Where recordings are; the folder of one release where there are several.
    #[arg(long, value_name = "DIR", default_value = FIXTURES_DIR)]
    fixtures: PathBuf,

    /// A run's id, its folder, or its journal: what became of the case, and its query ids.
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
}

pub fn bundle(args: &BundleArgs) -> Result<Ending, CliError> {
    let roots = match args.suites.is_empty() {
        true => vec![PathBuf::from(super::select::SUITES_DIR)],
        false => args.suites.clone(),
    };
    let loaded = suite::load(&roots)?;
    let (suite, case) = pick(&loaded, &args.case)?;
    let key = run::key(suite, case);
    let output = match &args.output {
        Some(it) => it.clone(),
        None => PathBuf::from(format!("bundle-{}", bundle::slug(&key.to_string()))),
    };
    check_empty(&output)?;
    let summary = match &args.run {
        None => None,
        Some(it) => Some(journal::read(&journal::find(Some(it), Path::new(RUNS_DIR))?)?),
    };
    let outcome = summary.as_ref().map(|it| Ok::<_, CliError>((it, report_of(it, suite, case)?)));
    let outcome = outcome.transpose()?;

    let release = release_folder(&args.fixtures, suite)?;
    let fixtures = read_needed(&release, suite)?;
    let subject = Subject { loaded: &loaded, suite, case, fixtures: &fixtures, outcome };
    let made = bundle::bundle(&subject).map_err(|err| {
        let hint = "`snowgauge record` makes recordings";
        let at = format!("{err} (in `{}`)", release.display());
        match err {
            bundle::BundleError::NotRecorded { .. } => CliError::new(at).hint(hint),
            bundle::BundleError::Suite(_) => CliError::new(err.to_string()),
            bundle::BundleError::Leaks { .. } => CliError::new(err.to_string())
                .hint("nothing was written: a bundle is for others to read"),
        }
    })?;

    for (path, text) in &made.texts {
        files::write_whole(&output.join(path), text.as_bytes()).map_err(|err| cannot(&err))?;
    }
    let folder = output.join("fixtures").join(release_name(&release, &fixtures));
    for (path, fixture) in &made.fixtures {
        files::write(&folder.join(path), fixture).map_err(|err| cannot(&err))?;
    }
    print(&format!("{key} is in `{}`; to replay it there:\n{}\n", output.display(), made.command))?;
    Ok(Ending::AllPassed)
}

/// The one case that is meant. A full name is nobody else's, though it may be part of another.
fn pick<'a>(loaded: &'a Loaded, name: &str) -> Result<(&'a Suite, &'a Case), CliError> {
    let all =
        || loaded.suites.iter().flat_map(|suite| suite.cases.iter().map(move |it| (suite, it)));
    let is_it = |(suite, case): &(&Suite, &Case)| {
        let full = run::key(suite, case).to_string();
        let plain = format!("{}::{}", suite.name, case.name);
        full == name || plain == name || case.name == name
    };
    let exact: Vec<_> = all().filter(is_it).collect();
    let like = || all().filter(|(suite, case)| run::is_named(suite, case, name)).collect();
    let found = if exact.is_empty() { like() } else { exact };
    match found.as_slice() {
        [one] => Ok(*one),
        [] => {
            let err = CliError::new(format!("no case is named like `{name}`"));
            let keys = all().map(|(suite, case)| run::key(suite, case));
            Err(match run::nearest_cases(name, keys) {
                Some(hint) => err.hint(hint),
                None => err,
            })
        }
        many => {
            let shown = many.iter().take(3).map(|(suite, it)| format!("`{}`", run::key(suite, it)));
            let shown = shown.collect::<Vec<_>>().join(", ");
            let more = match many.len() {
                0..=3 => String::new(),
                _ => format!("; `snowgauge list --filter '{name}'` shows all"),
            };
            let count = counted(many.len(), "case");
            Err(CliError::new(format!("{count} are named like `{name}`"))
                .hint(format!("they are {shown}{more}")))
        }
    }
}

fn check_empty(folder: &Path) -> Result<(), CliError> {
    match fs::read_dir(folder) {
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(err) => Err(cannot_write(folder, &err)),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(CliError::new(format!("`{}` is not empty", folder.display()))
                .hint("`--output` names a folder that is, or that is not there")),
        },
    }
}

fn report_of<'a>(
    summary: &'a RunSummary,
    suite: &Suite,
    case: &Case,
) -> Result<&'a CaseReport, CliError> {
    // Not by file and line: the suite may have been edited since.
    let is_it = |it: &&CaseReport| it.case.suite == suite.name && it.case.name == case.name;
    summary.cases.iter().find(is_it).ok_or_else(|| {
        CliError::new(format!("run {} had no case `{}`", summary.run, run::key(suite, case)))
    })
}

/// The folder of the one release that the suite was recorded on.
fn release_folder(root: &Path, suite: &Suite) -> Result<PathBuf, CliError> {
    let owner = Owner::Suite(suite.name.clone());
    let wanted = files::path_of(&owner);
    let found = files::find_fixtures(root).map_err(|err| cannot(&err))?;
    let is_there = |it: &PathBuf| found.contains(&it.join(&wanted));
    let folders = found
        .iter()
        .filter(|it| it.ends_with(&wanted))
        .map(|it| files::release_folder(it, &owner))
        // Another suite's path may end in this one's; a release has a run.
        .filter(|it| is_there(it) && found.contains(&it.join(files::path_of(&Owner::Run))))
        .collect::<Vec<_>>();
    match folders.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(CliError::new(format!(
            "`{}` has no recording of the suite `{}`",
            root.display(),
            suite.name
        ))
        .hint("`snowgauge record` makes one")),
        many => {
            let names: Vec<String> = many.iter().map(|it| format!("`{}`", it.display())).collect();
            Err(CliError::new(format!("the suite `{}` was recorded more than once", suite.name))
                .hint(format!("`--fixtures` can be {}", names.join(", "))))
        }
    }
}

/// Those of the run, the data sets and the suite that are there.
fn read_needed(release: &Path, suite: &Suite) -> Result<Vec<Fixture>, CliError> {
    let data_sets = suite.data.iter().map(|it| Owner::DataSet(it.value.clone()));
    let owners = [Owner::Run, Owner::Suite(suite.name.clone())].into_iter().chain(data_sets);
    let paths = owners.map(|it| release.join(files::path_of(&it))).filter(|it| it.is_file());
    paths.map(|it| files::read(&it).map(|it| it.fixture).map_err(|err| cannot(&err))).collect()
}

fn release_name(release: &Path, fixtures: &[Fixture]) -> String {
    match (release.file_name().and_then(|it| it.to_str()), fixtures.first()) {
        (Some(name), _) => name.to_owned(),
        (None, Some(it)) => match it.header.release {
            Some(release) => format!("{}-{release}", it.header.target),
            None => it.header.target.to_string(),
        },
        (None, None) => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{parse_suite, source::Source};

    fn loaded() -> Loaded {
        let text = "cases:\n  - id: L-01\n    name: one\n    sql: SELECT 1\n  - id: L-01\n    name: \
                    one more\n    sql: SELECT 2\n  - name: two\n    sql: SELECT 3\n";
        let suite = |name| parse_suite(name, Source::new("a.yaml", text.to_owned())).unwrap();
        Loaded { suites: vec![suite("limits::dml"), suite("other")], ..Loaded::default() }
    }

    #[track_caller]
    fn check(name: &str, expected: &str) {
        let loaded = loaded();
        let found = match pick(&loaded, name) {
            Ok((suite, case)) => run::key(suite, case).to_string(),
            Err(err) => err.render(),
        };
        assert_eq!(found.trim_end(), expected);
    }

    #[test]
    fn a_case_is_picked_by_as_much_of_its_name_as_it_takes() {
        check("limits::dml::two", "limits::dml::two");
        check("dml::two", "limits::dml::two");
        check("other::L-01 one", "other::L-01 one");
        check("other::one", "other::L-01 one");
        check("other::L-01 one m", "other::L-01 one more");
        check(
            "dml::L-01",
            "error: 2 cases are named like `dml::L-01`\n  hint: they are \
             `limits::dml::L-01 one`, `limits::dml::L-01 one more`",
        );
        check(
            "o",
            "error: 6 cases are named like `o`\n  hint: they are `limits::dml::L-01 one`, \
             `limits::dml::L-01 one more`, `limits::dml::two`; `snowgauge list --filter 'o'` \
             shows all",
        );
        check(
            "limits::dml::tow",
            "error: no case is named like `limits::dml::tow`\n  hint: the nearest are \
             `limits::dml::two`, `limits::dml::L-01 one`, `limits::dml::L-01 one more`",
        );
    }

    #[test]
    fn what_is_there_is_not_written_over() {
        let folder = std::env::temp_dir().join(format!("snowgauge-empty-{}", std::process::id()));
        assert!(check_empty(&folder).is_ok());
        fs::create_dir_all(&folder).unwrap();
        assert!(check_empty(&folder).is_ok());
        fs::write(folder.join("a"), "").unwrap();
        let text = check_empty(&folder).unwrap_err().render();
        fs::remove_dir_all(folder).unwrap();
        assert!(text.contains("is not empty\n  hint: `--output` names a folder"), "{text}");
    }

    #[test]
    fn a_recording_is_of_one_release() {
        let root = std::env::temp_dir().join(format!("snowgauge-releases-{}", std::process::id()));
        let make = |path: &str| files::write_whole(&root.join(path), b"").unwrap();
        let find = |below: &str, suite: &str| {
            let source =
                Source::new("a.yaml", "cases:\n  - sql: SELECT 1\n    name: a\n".to_owned());
            let suite = parse_suite(suite, source).unwrap();
            match release_folder(&root.join(below), &suite) {
                Ok(it) => it.strip_prefix(&root).unwrap().display().to_string(),
                Err(err) => err.render().replace(&root.display().to_string(), "R"),
            }
        };
        make("emulator-preview/@run.fixture");
        make("emulator-preview/limits/dml.fixture");
        assert_eq!(find("", "limits::dml"), "emulator-preview");
        assert_eq!(find("emulator-preview", "limits::dml"), "emulator-preview");
        // It is below a folder, and not a suite called `dml`.
        assert!(find("", "dml").contains("has no recording of the suite `dml`"));
        make("live-zero-copy/@run.fixture");
        make("live-zero-copy/limits/dml.fixture");
        assert_eq!(
            find("", "limits::dml"),
            "error: the suite `limits::dml` was recorded more than once\n  hint: `--fixtures` can \
             be `R/emulator-preview`, `R/live-zero-copy`\n"
        );
        assert_eq!(find("live-zero-copy", "limits::dml"), "live-zero-copy");
        fs::remove_dir_all(&root).unwrap();
    }
}
