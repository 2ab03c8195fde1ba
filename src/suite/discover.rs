//! Finding suite files and naming them. Nothing is read here.

use super::{
    error::{SuiteError, SuiteErrorKind, SuiteErrors},
    pins,
    span::Span,
};
use std::{
    collections::BTreeSet,
    ffi::OsStr,
    io,
    path::{Component, Path, PathBuf},
};
use walkdir::WalkDir;

/// The folder that suites are named below, wherever a run was started.
const SUITES_DIR: &str = "suites";

/// The folder below it that has data sets.
pub const DATA_DIR: &str = "data";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    Slt,
    Yaml,
}

impl Format {
    pub fn of(path: &Path) -> Option<Self> {
        if pins::is_pins(path) {
            return None;
        }
        match path.extension().and_then(OsStr::to_str) {
            Some("slt") => Some(Self::Slt),
            Some("yaml" | "yml") => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// A file that was found. It may turn out to be a data set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// `limits::dml` for `suites/limits/dml.yaml`.
    pub name: String,
    pub path: PathBuf,
    pub format: Format,
    /// It was not asked for: it lies in the folder of data sets beside what was asked for, and is
    /// of interest only if it is one.
    pub data_only: bool,
}

/// The suites at and below `roots`, in order of their names, each once.
///
/// A suite's name is its path below the innermost folder called `suites`, or below the root where
/// there is none. So a suite has the same name whether it, its folder or all suites were asked
/// for. Hidden files and folders are passed over.
pub fn discover(roots: &[PathBuf]) -> Result<Vec<Found>, SuiteErrors> {
    let (found, errors) = find(roots);
    match errors.is_empty() {
        true => Ok(found),
        false => Err(SuiteErrors::new(errors, Vec::new())),
    }
}

/// What was found, and what was not.
pub(super) fn find(roots: &[PathBuf]) -> (Vec<Found>, Vec<SuiteError>) {
    let mut search = Search::default();
    for root in roots {
        search.root(root);
    }
    // Last, so that a data set that was asked for counts as such.
    for base in std::mem::take(&mut search.bases) {
        let data = base.join(DATA_DIR);
        if data.is_dir() {
            search.folder(&data, &base, DataOnly::Yes);
        }
    }
    search.found.sort();
    (search.found, search.errors)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum DataOnly {
    Yes,
    No,
}

#[derive(Default)]
struct Search {
    found: Vec<Found>,
    errors: Vec<SuiteError>,
    /// Folders that names start at.
    bases: BTreeSet<PathBuf>,
    /// Files by their real path: two roots may overlap, and links may lead to one file.
    seen: BTreeSet<PathBuf>,
}

impl Search {
    fn root(&mut self, root: &Path) {
        let metadata = match std::fs::metadata(root) {
            Ok(it) => it,
            Err(err) => return self.error(root, unreadable(&err)),
        };
        let folder = match metadata.is_dir() {
            true => root.to_owned(),
            false => match root.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                _ => PathBuf::from("."),
            },
        };
        let base = base(&folder).unwrap_or(folder);
        self.bases.insert(base.clone());
        if metadata.is_dir() {
            if self.folder(root, &base, DataOnly::No) == 0 {
                self.error(root, SuiteErrorKind::NothingFound);
            }
        } else if !metadata.is_file() {
            self.error(root, SuiteErrorKind::NotAFile);
        } else if Format::of(root).is_none() {
            self.error(root, SuiteErrorKind::UnknownFormat);
        } else {
            self.file(root, &base, DataOnly::No);
        }
    }

    /// How many suite files there were, including those that were known already.
    fn folder(&mut self, folder: &Path, base: &Path, data_only: DataOnly) -> usize {
        let mut count = 0;
        let is_hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
        let entries = WalkDir::new(folder)
            .follow_links(true)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|it| it.depth() == 0 || !is_hidden(it.file_name()));
        for entry in entries {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => {
                    if pins::is_pins(entry.path()) && !pins::has_suite(entry.path()) {
                        self.error(entry.path(), SuiteErrorKind::PinsOfNoSuite);
                    }
                    if Format::of(entry.path()).is_some() {
                        count += 1;
                        self.file(entry.path(), base, data_only);
                    }
                }
                Err(err) => {
                    let path = err.path().unwrap_or(folder).to_owned();
                    let cause = match (err.loop_ancestor(), err.io_error()) {
                        (Some(ancestor), _) => {
                            format!("a link to `{}`, which it is in", ancestor.display())
                        }
                        (None, Some(err)) => err.to_string(),
                        (None, None) => err.to_string(),
                    };
                    count += 1;
                    self.error(&path, SuiteErrorKind::Unreadable { cause });
                }
            }
        }
        count
    }

    fn file(&mut self, path: &Path, base: &Path, data_only: DataOnly) {
        let Some(format) = Format::of(path) else { return };
        // A file that cannot be resolved is found out about when it is read.
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if !self.seen.insert(real) {
            return;
        }
        match suite_name(path, base) {
            Some(name) => self.found.push(Found {
                name,
                path: path.to_owned(),
                format,
                data_only: data_only == DataOnly::Yes,
            }),
            None => self.error(path, SuiteErrorKind::PathNotUtf8),
        }
    }

    fn error(&mut self, path: &Path, kind: SuiteErrorKind) {
        self.errors.push(kind.at(Span::of_file(path.to_owned())));
    }
}

fn unreadable(err: &io::Error) -> SuiteErrorKind {
    match err.kind() {
        io::ErrorKind::NotFound => SuiteErrorKind::NotFound,
        _ => SuiteErrorKind::Unreadable { cause: err.to_string() },
    }
}

/// The innermost folder called `suites` on the way to `folder`, as the path was given: where the
/// project lies must not change the names of its suites.
fn base(folder: &Path) -> Option<PathBuf> {
    let is_suites = |it: &&Path| it.file_name() == Some(OsStr::new(SUITES_DIR));
    folder.ancestors().find(is_suites).map(Path::to_owned)
}

/// The path below `base` without its extension, parts joined by `::`.
fn suite_name(path: &Path, base: &Path) -> Option<String> {
    let below = path.strip_prefix(base).unwrap_or(path).with_extension("");
    let parts: Option<Vec<&str>> = below
        .components()
        .filter(|it| matches!(it, Component::Normal(_)))
        .map(|it| it.as_os_str().to_str())
        .collect();
    parts.map(|it| it.join("::"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::load::test_folder::TestFolder;

    /// `roots` and what is found are below a fresh folder with `files`.
    #[track_caller]
    fn check(files: &[&str], roots: &[&str], expected: &str) {
        let folder = TestFolder::new(files.iter().map(|&it| (it, "x")));
        let roots: Vec<PathBuf> = roots.iter().map(|it| folder.path().join(it)).collect();
        let (found, errors) = find(&roots);
        let mut actual = String::new();
        for it in found {
            let data = if it.data_only { " (data)" } else { "" };
            actual += &format!("{} {}{data}\n", it.name, folder.below(&it.path));
        }
        for it in errors {
            actual += &format!("{}\n", folder.shortened(&it.to_string()));
        }
        assert_eq!(actual.trim_end(), expected);
    }

    const FILES: [&str; 6] = [
        "suites/limits/dml.yaml",
        "suites/limits/a.slt",
        "suites/limits/.hidden.slt",
        "suites/limits/notes.md",
        "suites/data/orders.yml",
        "suites/top.yaml",
    ];

    #[test]
    fn a_name_is_the_path_below_the_root() {
        check(
            &FILES,
            &["suites"],
            "data::orders suites/data/orders.yml\n\
             limits::a suites/limits/a.slt\n\
             limits::dml suites/limits/dml.yaml\n\
             top suites/top.yaml",
        );
    }

    #[test]
    fn a_name_does_not_depend_on_what_was_asked_for() {
        check(
            &FILES,
            &["suites/limits/dml.yaml"],
            "data::orders suites/data/orders.yml (data)\nlimits::dml suites/limits/dml.yaml",
        );
        check(
            &FILES,
            &["suites/limits"],
            "data::orders suites/data/orders.yml (data)\n\
             limits::a suites/limits/a.slt\n\
             limits::dml suites/limits/dml.yaml",
        );
    }

    #[test]
    fn without_a_folder_called_suites_names_start_at_the_root() {
        check(&["checks/a/b.slt"], &["checks"], "a::b checks/a/b.slt");
        check(&["checks/a/b.slt"], &["checks/a/b.slt"], "b checks/a/b.slt");
    }

    #[test]
    fn roots_may_overlap() {
        check(&["suites/a.slt"], &["suites", "suites/a.slt", "suites/../suites"], "a suites/a.slt");
    }

    #[test]
    fn what_is_not_there_is_an_error_and_all_of_them_are_told() {
        check(
            &["empty/readme.md", "suites/a.slt"],
            &["nope", "empty", "suites", "empty/readme.md"],
            "a suites/a.slt\n\
             nope: no such file or folder\n\
             empty: no suites in this folder\n\
             empty/readme.md: not a suite: its name ends in neither `.slt` nor `.yaml`",
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_a_circle_is_an_error() {
        let folder = TestFolder::new([("suites/a.slt", "")]);
        std::os::unix::fs::symlink(
            folder.path().join("suites"),
            folder.path().join("suites/again"),
        )
        .unwrap();
        let (found, errors) = find(&[folder.path().join("suites")]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            folder.shortened(&errors[0].to_string()),
            "suites/again: cannot be read: a link to `suites`, which it is in"
        );
    }
}
