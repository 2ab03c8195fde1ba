//! Places in suite files.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A place in a file. Lines and columns count from 1, as editors do; line 0 is the file as a
/// whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// Shared, since every step of a suite has at least two places.
    #[serde(serialize_with = "path_to_text", deserialize_with = "path_from_text")]
    pub file: Arc<Path>,
    pub line: usize,
    pub column: usize,
    /// Length in characters; zero at the end of a line.
    pub length: usize,
}

impl Span {
    pub fn new(file: &Arc<Path>, line: usize, column: usize, length: usize) -> Self {
        Self { file: Arc::clone(file), line, column, length }
    }

    /// The file as a whole: there is no line to show.
    pub fn of_file(file: impl Into<Arc<Path>>) -> Self {
        Self { file: file.into(), line: 0, column: 0, length: 0 }
    }

    /// Nowhere. What has been stripped of its places can be compared.
    pub fn nowhere() -> Self {
        Self::of_file(PathBuf::new())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file.display()),
            line => write!(f, "{}:{line}:{}", self.file.display(), self.column),
        }
    }
}

fn path_to_text<S: Serializer>(path: &Arc<Path>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&path.to_string_lossy())
}

fn path_from_text<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Path>, D::Error> {
    Ok(PathBuf::deserialize(from)?.into())
}

/// A value and where it was written. Two are equal if their values are.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}
