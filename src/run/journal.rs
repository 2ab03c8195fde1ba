//! The events of a run on disk, one JSON line each, written as they happen.
//!
//! After a `kill -9` every report can be made from it. A last line that was torn by the end of
//! the process is left out; anything else that does not read is an error with its line.

use super::{Event, JOURNAL_VERSION, Reporter, RunSummary, summary::Fold};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Where runs are kept unless another folder is asked for.
pub const RUNS_DIR: &str = ".snowgauge/runs";

/// The journal's name in a run's folder.
pub const JOURNAL_FILE: &str = "journal.jsonl";

/// Appends events to a run's journal.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Makes the run's folder and an empty journal in it.
    pub fn create(runs: &Path, run: &str) -> io::Result<Self> {
        let folder = runs.join(run);
        fs::create_dir_all(&folder)?;
        let path = folder.join(JOURNAL_FILE);
        let file = OpenOptions::new().create_new(true).append(true).open(&path)?;
        Ok(Self { file, path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Reporter for Journal {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        // One write, and no buffer in between, so that a killed process tears one line at most.
        self.file
            .write_all(&line)
            .map_err(|err| io::Error::new(err.kind(), format!("{}: {err}", self.path.display())))
    }
}

/// Keeps a run that was not executed here, such as one that was joined of its parts, as if it had
/// been. Its folder.
pub fn keep(runs: &Path, summary: &RunSummary) -> io::Result<PathBuf> {
    let mut journal = Journal::create(runs, &summary.run)?;
    for event in summary.events() {
        journal.event(&event)?;
    }
    Ok(runs.join(&summary.run))
}

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}:{line}: not an event: {cause}", path.display())]
    NotAnEvent { path: PathBuf, line: usize, cause: String },
    #[error(
        "`{}` is a journal of version {found}, this program reads up to {JOURNAL_VERSION}",
        path.display()
    )]
    Newer { path: PathBuf, found: u32 },
    #[error("`{}` holds no run", path.display())]
    Empty { path: PathBuf },
    #[error("{}:{line}: a run does not start like this: its first lines are missing", path.display())]
    NoStart { path: PathBuf, line: usize },
    #[error("no run `{run}` in `{}`", runs.display())]
    NoSuchRun { run: String, runs: PathBuf },
    #[error("there are no runs in `{}`", runs.display())]
    NoRuns { runs: PathBuf },
}

impl JournalError {
    /// What whoever wants a report can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { .. } => return None,
            Self::NotAnEvent { .. } => {
                "without that line, a report can be made of the others".to_owned()
            }
            Self::Newer { .. } => "the `snowgauge` that wrote it can read it".to_owned(),
            Self::Empty { .. } => "the run ended before its first line was whole".to_owned(),
            Self::NoStart { .. } => {
                "without its start, nothing says what was to be run, and where".to_owned()
            }
            Self::NoSuchRun { .. } | Self::NoRuns { .. } => {
                format!("`snowgauge run` keeps runs in `{RUNS_DIR}`; `--runs` names another folder")
            }
        })
    }
}

/// Folds a journal into what became of the run.
pub fn read(path: &Path) -> Result<RunSummary, JournalError> {
    let bytes = fs::read(path)
        .map_err(|source| JournalError::Unreadable { path: path.to_owned(), source })?;
    let text = String::from_utf8_lossy(&bytes);
    let mut fold = Fold::default();
    let mut events = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        if index == 0
            && let Some(found) = version(line)
            && found > JOURNAL_VERSION
        {
            return Err(JournalError::Newer { path: path.to_owned(), found });
        }
        match serde_json::from_str::<Event>(line) {
            // Folded all the same, the rest would be a run of other cases, and might be green.
            Ok(event) if events == 0 && !matches!(event, Event::RunStarted { .. }) => {
                return Err(JournalError::NoStart { path: path.to_owned(), line: index + 1 });
            }
            Ok(event) => fold.event(&event),
            // Only a line that was not ended can have been torn.
            Err(_) if !line.ends_with('\n') => break,
            Err(err) => {
                let (path, line) = (path.to_owned(), index + 1);
                return Err(JournalError::NotAnEvent { path, line, cause: err.to_string() });
            }
        }
        events += 1;
    }
    match events {
        0 => Err(JournalError::Empty { path: path.to_owned() }),
        _ => Ok(fold.summary()),
    }
}

/// A newer journal may hold what this program cannot parse, so that its version is read alone.
fn version(line: &str) -> Option<u32> {
    let json: serde_json::Value = serde_json::from_str(line).ok()?;
    u32::try_from(json.get("journal")?.as_u64()?).ok()
}

/// The journal of a run that was named by its id, its folder or its journal; the newest run's
/// where none was named.
pub fn find(run: Option<&str>, runs: &Path) -> Result<PathBuf, JournalError> {
    let Some(run) = run else { return newest(runs) };
    let candidates =
        [runs.join(run).join(JOURNAL_FILE), Path::new(run).join(JOURNAL_FILE), PathBuf::from(run)];
    candidates
        .into_iter()
        .find(|it| it.is_file())
        .ok_or_else(|| JournalError::NoSuchRun { run: run.to_owned(), runs: runs.to_owned() })
}

fn newest(runs: &Path) -> Result<PathBuf, JournalError> {
    let none = || JournalError::NoRuns { runs: runs.to_owned() };
    let folders = fs::read_dir(runs).map_err(|_| none())?;
    folders
        .flatten()
        .map(|it| it.path().join(JOURNAL_FILE))
        .filter_map(|it| Some((fs::metadata(&it).ok()?.modified().ok()?, it)))
        .max()
        .map(|(_, path)| path)
        .ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        run::{CaseKey, CaseReport, Outcome, Strictness},
        suite::Evidence,
        target::TargetKind,
    };
    use chrono::DateTime;
    use std::collections::BTreeMap;

    fn key(name: &str) -> CaseKey {
        CaseKey {
            suite: "limits::dml".to_owned(),
            name: name.to_owned(),
            id: None,
            file: "limits/dml.yaml".to_owned(),
            line: 3,
        }
    }

    fn events() -> Vec<Event> {
        let at = DateTime::UNIX_EPOCH;
        vec![
            Event::RunStarted {
                journal: JOURNAL_VERSION,
                run: "SG1".to_owned(),
                at,
                tool_version: "0.1.0".to_owned(),
                target: TargetKind::Scripted,
                place: "a test".to_owned(),
                seed: u64::MAX,
                scale: 100,
                strictness: Strictness::Strict,
                cases: vec![key("a"), key("b"), key("c")],
            },
            Event::CaseStarted { case: key("a"), at },
            Event::CaseFinished(Box::new(CaseReport {
                case: key("a"),
                at,
                took_us: 5,
                outcome: Outcome::Passed,
                release: None,
                evidence: Evidence::Seed,
                source: None,
                steps: Vec::new(),
                properties: BTreeMap::new(),
                sightings: Vec::new(),
                diagnosis: None,
                load: None,
                refreshes: Vec::new(),
            })),
            Event::CaseStarted { case: key("b"), at },
        ]
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir()
            .join(format!("snowgauge-journal-{name}-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn outcomes(summary: &RunSummary) -> Vec<String> {
        let outcome = |it: &CaseReport| match &it.outcome {
            Outcome::NotRun { cause } => format!("{}: not run: {cause}", it.case.name),
            other => format!("{}: {}", it.case.name, other.word()),
        };
        summary.cases.iter().map(outcome).collect()
    }

    #[test]
    fn a_killed_run_can_be_told_from_its_journal() {
        let runs = folder("killed");
        let mut journal = Journal::create(&runs, "SG1").unwrap();
        for event in events() {
            journal.event(&event).unwrap();
        }
        let path = journal.path().to_owned();
        drop(journal);
        let whole = fs::read(&path).unwrap();

        // The process may be killed after any byte of the last line.
        let last_line_at = whole[..whole.len() - 1].iter().rposition(|&it| it == b'\n').unwrap();
        for length in last_line_at + 1..=whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let summary = read(&path).unwrap();
            assert_eq!(summary.run, "SG1");
            assert_eq!(summary.seed, u64::MAX);
            assert_eq!(summary.strictness, Strictness::Strict);
            assert_eq!(summary.cut_short.as_deref(), Some("the run was cut short"));
            let found = outcomes(&summary);
            assert_eq!(found[0], "a: passed");
            assert_eq!(found[2], "c: not run: the run was cut short");
            assert!(found[1].starts_with("b: not run: the run was cut short"), "{}", found[1]);
        }
        let found = outcomes(&read(&path).unwrap());
        assert_eq!(found[1], "b: not run: the run was cut short while this case was executed");
        fs::remove_dir_all(runs).unwrap();
    }

    #[test]
    fn a_journal_that_says_nothing_of_strictness_is_of_a_lenient_run() {
        let runs = folder("older");
        let path = runs.join("x.jsonl");
        let mut first = serde_json::to_value(&events()[0]).unwrap();
        assert_eq!(first["strictness"], "strict");
        first.as_object_mut().unwrap().remove("strictness");
        fs::write(&path, format!("{first}\n")).unwrap();
        assert_eq!(read(&path).unwrap().strictness, Strictness::Lenient);
        fs::remove_dir_all(runs).unwrap();
    }

    #[test]
    fn a_broken_line_in_the_middle_is_an_error_with_its_place() {
        let runs = folder("broken");
        let path = runs.join("x.jsonl");
        let first = serde_json::to_string(&events()[0]).unwrap();
        fs::write(&path, format!("{first}\n{{\"event\":\"case-st\n{first}\n")).unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("x.jsonl:2: not an event: "), "{message}");
        fs::remove_dir_all(runs).unwrap();
    }

    #[test]
    fn a_run_that_is_kept_reads_as_it_was() {
        let runs = folder("kept");
        for cut_short in [None, Some("part 2/3 is missing".to_owned())] {
            let mut summary = crate::report::sample::everything(3);
            summary.run = format!("SG{}", cut_short.is_some());
            summary.cut_short = cut_short;
            let kept = keep(&runs, &summary).unwrap();
            assert_eq!(read(&kept.join(JOURNAL_FILE)).unwrap(), summary);
        }
        fs::remove_dir_all(runs).unwrap();
    }

    #[test]
    fn newer_and_empty_journals_are_refused() {
        let runs = folder("newer");
        let path = runs.join("x.jsonl");
        fs::write(&path, "{\"event\":\"run-begun\",\"journal\":2}\n").unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.ends_with("is a journal of version 2, this program reads up to 1"));
        fs::write(&path, "").unwrap();
        assert!(read(&path).unwrap_err().to_string().ends_with("holds no run"));
        fs::remove_dir_all(runs).unwrap();
    }

    #[test]
    fn a_journal_without_its_start_is_refused() {
        let runs = folder("headless");
        let path = runs.join("x.jsonl");
        let lines: Vec<String> =
            events().iter().skip(1).map(|it| serde_json::to_string(it).unwrap()).collect();
        fs::write(&path, lines.join("\n")).unwrap();
        let err = read(&path).unwrap_err();
        let message = err.to_string();
        assert!(
            message.ends_with(
                "x.jsonl:1: a run does not start like this: its first lines are missing"
            ),
            "{message}"
        );
        assert!(err.hint().is_some_and(|it| it.starts_with("without its start")));
        fs::remove_dir_all(runs).unwrap();
    }

    #[test]
    fn a_run_is_found_by_id_folder_journal_or_as_the_newest() {
        let runs = folder("found");
        let path = Journal::create(&runs, "SG1").unwrap().path().to_owned();
        for name in [None, Some("SG1"), runs.join("SG1").to_str(), path.to_str()] {
            assert_eq!(find(name, &runs).unwrap(), path, "{name:?}");
        }
        let message = find(Some("SG2"), &runs).unwrap_err().to_string();
        assert!(message.starts_with("no run `SG2` in `"), "{message}");
        let message = find(None, &runs.join("nowhere")).unwrap_err().to_string();
        assert!(message.starts_with("there are no runs in `"), "{message}");
        fs::remove_dir_all(runs).unwrap();
    }
}
