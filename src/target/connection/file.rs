//! `connections.toml` and `config.toml`: where they are, and what they say.
//!
//! Only syntax and places. What a key means is its parent's.

use super::{ConnectionError, Layer, Setting};
use crate::secret::Secret;
use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};
use toml::de::{DeTable, DeValue};

/// What the files say, of all connections together.
#[derive(Debug, Default)]
pub struct Files {
    /// By name, in the order of the file.
    pub connections: Vec<(String, Layer)>,
    pub default_name: Option<String>,
    /// The file that connections were read from, or would have been.
    pub path: PathBuf,
    pub warnings: Vec<String>,
}

impl Files {
    /// Reads both files of `directory`. Neither has to be there.
    ///
    /// `connections.toml` replaces all of `[connections]` in `config.toml`, as the connectors do.
    pub fn read(directory: &Path) -> Result<Self, Vec<ConnectionError>> {
        let config = Source::read(&directory.join("config.toml"))?;
        let connections = Source::read(&directory.join("connections.toml"))?;
        let mut files = Self { path: directory.join("connections.toml"), ..Self::default() };
        let mut errors = Vec::new();

        if let Some(config) = &config {
            files.take_config(config, connections.is_none(), &mut errors);
        }
        if let Some(connections) = &connections {
            files.take_connections(connections, &mut errors);
        }
        match errors.is_empty() {
            true => Ok(files),
            false => Err(errors),
        }
    }

    fn take_config(
        &mut self,
        source: &Source,
        with_connections: bool,
        errors: &mut Vec<ConnectionError>,
    ) {
        let table = source.parse(errors);
        for (key, value) in &table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("default_connection_name", DeValue::String(name)) => {
                    self.default_name = Some(name.to_string());
                }
                ("connections", DeValue::Table(connections)) if with_connections => {
                    self.path = source.path.clone();
                    self.warnings.extend(source.permission_warning());
                    for (name, connection) in connections {
                        self.take(source, name.get_ref(), connection, errors);
                    }
                }
                // The rest of the file is the Snowflake CLI's own.
                _ => {}
            }
        }
    }

    fn take_connections(&mut self, source: &Source, errors: &mut Vec<ConnectionError>) {
        self.warnings.extend(source.permission_warning());
        for (name, value) in &source.parse(errors) {
            match (name.get_ref().as_ref(), value.get_ref()) {
                ("default_connection_name", DeValue::String(name)) => {
                    self.default_name.get_or_insert_with(|| name.to_string());
                }
                (name, DeValue::Table(_)) => self.take(source, name, value, errors),
                (name, _) => {
                    let place = source.place(&value.span());
                    self.warnings.push(format!("{place}: `{name}` is no connection, not used"));
                }
            }
        }
    }

    fn take(
        &mut self,
        source: &Source,
        name: &str,
        connection: &toml::Spanned<DeValue<'_>>,
        errors: &mut Vec<ConnectionError>,
    ) {
        let DeValue::Table(table) = connection.get_ref() else {
            let what = format!("connection `{name}` is no table");
            errors.push(ConnectionError::at(source.place(&connection.span()), what));
            return;
        };
        let mut layer = Layer::default();
        for (key, value) in table {
            let text = match value.get_ref() {
                DeValue::String(it) => it.to_string(),
                DeValue::Integer(it) => it.as_str().to_owned(),
                DeValue::Float(it) => it.as_str().to_owned(),
                DeValue::Boolean(it) => it.to_string(),
                // Tables such as `session_parameters` are other tools' business.
                _ => String::new(),
            };
            let place = source.place(&key.span());
            layer.put(key.get_ref(), Setting { value: Secret::new(text), place });
        }
        self.connections.push((name.to_owned(), layer));
    }
}

/// The folder that the connectors read: `$SNOWFLAKE_HOME` or `~/.snowflake`, and the platform's
/// own where that does not exist.
pub fn directory(env: &dyn Fn(&str) -> Option<String>, home: &Path) -> (PathBuf, Option<String>) {
    let set = |name: &str| env(name).filter(|it| !it.is_empty());
    let named = set("SNOWFLAKE_HOME").map(|it| expand(&it, home));
    let preferred = named.clone().unwrap_or_else(|| home.join(".snowflake"));
    if preferred.is_dir() {
        return (preferred, None);
    }
    let warning = named.map(|it| format!("SNOWFLAKE_HOME: there is no folder `{}`", it.display()));
    let platform = if cfg!(target_os = "macos") {
        home.join("Library/Application Support/snowflake")
    } else if cfg!(windows) {
        set("LOCALAPPDATA")
            .map_or_else(|| home.join("AppData/Local"), PathBuf::from)
            .join("snowflake")
    } else {
        set("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from).join("snowflake")
    };
    (platform, warning)
}

/// A path as people write it in a configuration file.
pub fn expand(path: &str, home: &Path) -> PathBuf {
    match path.strip_prefix('~') {
        Some("") => home.to_path_buf(),
        Some(rest) if rest.starts_with(['/', '\\']) => home.join(&rest[1..]),
        _ => PathBuf::from(path),
    }
}

/// Says that others than the owner can read a file with secrets in it.
#[cfg(unix)]
pub fn permission_warning(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        format!("{0}: others can read it (mode {mode:o}); try `chmod 600 {0}`", path.display())
    })
}

#[cfg(not(unix))]
pub fn permission_warning(_path: &Path) -> Option<String> {
    None
}

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    fn read(path: &Path) -> Result<Option<Self>, Vec<ConnectionError>> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Some(Self { path: path.to_path_buf(), text })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(vec![ConnectionError::at(path.display().to_string(), error.to_string())])
            }
        }
    }

    /// The tables, with all syntax errors. Only their messages: the parser's own rendering shows
    /// the line, which may hold a password.
    fn parse(&self, errors: &mut Vec<ConnectionError>) -> DeTable<'_> {
        let (table, mut wrong) = DeTable::parse_recoverable(&self.text);
        wrong.sort_by_key(|it| it.span().unwrap_or_default().start);
        errors.extend(wrong.iter().map(|it| {
            let place = self.place(&it.span().unwrap_or_default());
            ConnectionError::at(place, it.message().to_owned())
        }));
        table.into_inner()
    }

    fn place(&self, span: &Range<usize>) -> String {
        let before = self.text.get(..span.start).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}:{line}:{column}", self.path.display())
    }

    fn permission_warning(&self) -> Option<String> {
        permission_warning(&self.path)
    }
}
