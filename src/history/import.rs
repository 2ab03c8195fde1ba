//! Nights from run folders.

use super::Night;
use crate::run::journal::{self, JournalError};
use std::path::Path;

/// The night of a run that is named by its id, its folder or its journal; the newest where none is
/// named.
pub fn import(run: Option<&str>, runs: &Path) -> Result<Night, JournalError> {
    let path = journal::find(run, runs)?;
    Ok(Night::of(&journal::read(&path)?))
}
