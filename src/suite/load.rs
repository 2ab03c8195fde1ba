//! Files to suites and data sets, with everything that is wrong with them.

use super::{
    DataSet, Suite,
    discover::{Format, Found, find},
    error::{SuiteError, SuiteErrorKind, SuiteErrors},
    pins, slt,
    source::Source,
    span::Span,
    words::unknown,
    yaml,
};
use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
};

/// Suites that can be run.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// By name.
    pub suites: Vec<Suite>,
    /// Those of all suites, and those that lie in the folder `data` beside them.
    pub data_sets: Vec<DataSet>,
    /// Every file that was read, for messages about places in it.
    pub sources: Vec<Arc<Source>>,
}

/// Reads the suites at and below `roots`, or says all that is wrong with all of them.
pub fn load(roots: &[PathBuf]) -> Result<Loaded, SuiteErrors> {
    let (found, errors) = find(roots);
    let mut loader = Loader { errors, ..Loader::default() };
    for found in &found {
        loader.file(found);
    }
    loader.finish()
}

/// Parses one suite. `source` is taken as it is; `name` is the suite's.
pub fn parse_suite(name: &str, source: Source) -> Result<Suite, SuiteErrors> {
    match parse(name, source)? {
        (Parsed::Suite(suite), _) => Ok(*suite),
        (Parsed::DataSet(data_set), sources) => {
            let span = Span::of_file(data_set.path);
            let kind = SuiteErrorKind::WrongType {
                wanted: "a suite".to_owned(),
                found: "a data set",
                help: None,
            };
            Err(SuiteErrors::new(vec![kind.at(span)], sources))
        }
    }
}

/// Parses one data set.
pub fn parse_data_set(source: Source) -> Result<DataSet, SuiteErrors> {
    match parse("", source)? {
        (Parsed::DataSet(data_set), _) => Ok(data_set),
        (Parsed::Suite(suite), sources) => {
            let span = Span::of_file(suite.path);
            let kind = SuiteErrorKind::MissingKey {
                of: "a data set",
                key: "data-set",
                help: Some("it is the data set's name".to_owned()),
            };
            Err(SuiteErrors::new(vec![kind.at(span)], sources))
        }
    }
}

fn parse(name: &str, source: Source) -> Result<(Parsed, Vec<Arc<Source>>), SuiteErrors> {
    let format = Format::of(&source.path).unwrap_or(Format::Slt);
    let (source, errors) = Source::checked(source.path.to_path_buf(), source.text);
    let source = Arc::new(source);
    if !errors.is_empty() {
        return Err(SuiteErrors::new(errors, vec![source]));
    }
    let mut sources = vec![Arc::clone(&source)];
    let parsed = match format {
        Format::Yaml => yaml::parse(name, &source),
        Format::Slt => slt::parse(name, &source, &mut sources),
    };
    match parsed {
        Ok(parsed) => Ok((parsed, sources)),
        Err(errors) => Err(SuiteErrors::new(errors, sources)),
    }
}

/// What a file is.
#[derive(Debug)]
pub(super) enum Parsed {
    // Boxed since it is several times as large as the other.
    Suite(Box<Suite>),
    DataSet(DataSet),
}

#[derive(Default)]
struct Loader {
    loaded: Loaded,
    errors: Vec<SuiteError>,
    /// Data sets in files that have errors: suites that use them are not at fault.
    broken_data_sets: Vec<String>,
}

impl Loader {
    fn file(&mut self, found: &Found) {
        let source = match Source::read(&found.path) {
            Ok(it) => Arc::new(it),
            Err((source, errors)) => {
                self.loaded.sources.extend(source.map(Arc::new));
                self.errors.extend(errors);
                return;
            }
        };
        if found.data_only && !yaml::is_data_set(&source) {
            return;
        }
        self.loaded.sources.push(Arc::clone(&source));
        let parsed = match found.format {
            Format::Yaml => yaml::parse(&found.name, &source),
            Format::Slt => slt::parse(&found.name, &source, &mut self.loaded.sources),
        };
        match parsed {
            Ok(Parsed::Suite(mut suite)) => {
                self.pins(&mut suite);
                self.loaded.suites.push(*suite);
            }
            Ok(Parsed::DataSet(data_set)) => self.loaded.data_sets.push(data_set),
            Err(errors) => {
                self.broken_data_sets.extend(yaml::data_set_name(&source));
                self.errors.extend(errors);
            }
        }
    }

    /// Reads what lies beside a suite.
    fn pins(&mut self, suite: &mut Suite) {
        let path = pins::path(&suite.path);
        if !path.exists() {
            return;
        }
        let source = match Source::read(&path) {
            Ok(it) => Arc::new(it),
            Err((source, errors)) => {
                self.loaded.sources.extend(source.map(Arc::new));
                self.errors.extend(errors);
                return;
            }
        };
        match yaml::pins(&source) {
            Ok(pins) => {
                suite.pins = pins;
                self.errors.extend(pins::check_cases(suite));
            }
            Err(errors) => self.errors.extend(errors),
        }
        self.loaded.sources.push(source);
    }

    fn finish(mut self) -> Result<Loaded, SuiteErrors> {
        self.check_names();
        self.check_data_sets();
        match self.errors.is_empty() {
            true => Ok(self.loaded),
            false => Err(SuiteErrors::new(self.errors, self.loaded.sources)),
        }
    }

    fn check_names(&mut self) {
        let suites = self.loaded.suites.iter().map(|it| ("the suite", &it.name, &it.path));
        let data_sets = self.loaded.data_sets.iter().map(|it| ("the data set", &it.name, &it.path));
        let mut seen: HashMap<(&str, &str), &PathBuf> = HashMap::new();
        for (what, name, path) in suites.chain(data_sets) {
            if let Some(first) = seen.insert((what, name), path) {
                let kind = SuiteErrorKind::NameTaken {
                    what,
                    name: name.clone(),
                    first: Span::of_file(first.clone()),
                };
                self.errors.push(kind.at(Span::of_file(path.clone())));
            }
        }
    }

    fn check_data_sets(&mut self) {
        let known: Vec<&str> = self
            .loaded
            .data_sets
            .iter()
            .map(|it| it.name.as_str())
            .chain(self.broken_data_sets.iter().map(String::as_str))
            .collect();
        for suite in &self.loaded.suites {
            for name in &suite.data {
                if !known.contains(&name.value.as_str()) {
                    let kind = unknown("data set", &name.value, &known);
                    self.errors.push(kind.at(name.span.clone()));
                }
            }
        }
    }
}

/// Case names are how results are kept, so two cases of a suite cannot share one.
pub(super) fn check_case_names<'a>(
    names: impl Iterator<Item = (&'a str, &'a Span)>,
) -> Vec<SuiteError> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut errors = Vec::new();
    for (name, span) in names {
        match seen.get(name) {
            None => {
                seen.insert(name, span.line);
            }
            Some(&first_line) => errors.push(
                SuiteErrorKind::CaseNameTaken { name: name.to_owned(), first_line }
                    .at(span.clone()),
            ),
        }
    }
    errors
}

/// A folder with files for tests that need a disk.
#[cfg(test)]
pub(super) mod test_folder {
    use std::{
        fs,
        path::{Path, PathBuf},
        sync::atomic::{AtomicU32, Ordering},
    };

    pub struct TestFolder(PathBuf);

    impl TestFolder {
        pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let unique = format!(
                "snowgauge-suite-{}-{}",
                std::process::id(),
                NEXT.fetch_add(1, Ordering::Relaxed)
            );
            let folder = Self(std::env::temp_dir().join(unique));
            for (path, text) in files {
                folder.write(path, text.as_bytes());
            }
            folder
        }

        pub fn write(&self, path: &str, bytes: &[u8]) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }

        pub fn path(&self) -> &Path {
            &self.0
        }

        /// The path below this folder.
        pub fn below(&self, path: &Path) -> String {
            path.strip_prefix(&self.0).unwrap_or(path).display().to_string()
        }

        /// The text without this folder's path.
        pub fn shortened(&self, text: &str) -> String {
            text.replace(&format!("{}/", self.0.display()), "")
        }
    }

    impl Drop for TestFolder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
