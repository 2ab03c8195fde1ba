//! Which suites and cases: the arguments that `run`, `list` and `lint` share.

use super::CliError;
use crate::{
    run::{Partition, Selection, TagExpr},
    suite::{self, Loaded},
};
use clap::Args;
use std::path::PathBuf;

/// The folder that is looked in when none is given.
pub const SUITES_DIR: &str = "suites";

#[derive(Debug, Default, Args)]
pub struct SelectArgs {
    /// Suites, or folders to search for `.slt` and `.yaml` files [default: suites].
    #[arg(value_name = "SUITE")]
    pub suites: Vec<PathBuf>,

    /// Only cases with TEXT in their full name or id.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,

    /// Only cases whose tags satisfy EXPR, such as `limits and not (slow or costly)`.
    #[arg(long, value_name = "EXPR")]
    pub tag: Option<TagExpr>,

    /// Only part I of N: the others are run elsewhere, and `snowgauge report --merge` joins them.
    ///
    /// Cases are divided by their names, so that all parts of one selection are together everything,
    /// and no case is in two of them. A load that `snowgauge load` runs is divided itself: each part
    /// sends its share of the requests.
    #[arg(long, value_name = "I/N")]
    pub partition: Option<Partition>,
}

impl SelectArgs {
    pub fn load(&self) -> Result<Loaded, CliError> {
        Ok(suite::load(&self.roots())?)
    }

    pub fn roots(&self) -> Vec<PathBuf> {
        match self.suites.is_empty() {
            true => vec![PathBuf::from(SUITES_DIR)],
            false => self.suites.clone(),
        }
    }

    /// Takes the parts behind `::` off the suites: cases by a part of their names.
    pub fn split_cases(&mut self) -> Vec<String> {
        let mut cases = Vec::new();
        for suite in &mut self.suites {
            let text = suite.to_string_lossy().into_owned();
            if let Some((path, case)) = text.split_once("::") {
                cases.push(case.to_owned());
                *suite = PathBuf::from(path);
            }
        }
        cases
    }

    pub fn selection(&self) -> Selection {
        Selection {
            filter: self.filter.clone(),
            tags: self.tag.clone(),
            exactly: None,
            partition: self.partition,
        }
    }
}
