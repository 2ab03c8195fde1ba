//! Where the documents have the feature, beside what was seen.
//!
//! An account can be answered otherwise than a list says in two ways, and they are not alike: a
//! region that is listed and refuses is broken or late, one that is on no list and has the feature
//! is ahead of the documents.

use crate::{
    catalogue::region::{self, Region},
    run::{MAKE_INTERACTIVE, RunSummary},
    suite::Release,
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// What an account's region is by each list, and what was seen there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Availability {
    pub seen: Seen,
    /// The server's words, or why nothing was seen.
    pub why: String,
    /// By each of the lists, in their order; `None` where the region is not known.
    pub listed: Vec<Option<bool>>,
    /// Which of them held on the day of the run.
    pub list: Option<NaiveDate>,
    pub agreement: Agreement,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    Available,
    Refused,
    /// The run did not get as far.
    #[default]
    Unknown,
}

/// What was seen, against the list of the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    AsListed,
    ListedAndRefused,
    AvailableUnlisted,
    #[default]
    Unknown,
}

impl Seen {
    pub fn word(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Refused => "refused",
            Self::Unknown => "not known",
        }
    }
}

impl Agreement {
    pub fn word(self) -> &'static str {
        match self {
            Self::AsListed => "as listed",
            Self::ListedAndRefused => "listed, and refused",
            Self::AvailableUnlisted => "available, and on no list",
            Self::Unknown => "not known",
        }
    }
}

/// One of the documents' lists, for the heads of tables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct List {
    pub date: NaiveDate,
    /// Whose documents had it.
    pub release: Release,
    pub source: String,
}

/// All of them, by day.
pub fn lists() -> Vec<List> {
    let list = |it: &region::RegionList| List {
        date: it.stated.date,
        release: it.release,
        source: it.stated.source.clone(),
    };
    region::lists().iter().map(list).collect()
}

/// What a run says of it. `here` is the account's region, if it told.
pub fn of(summary: &RunSummary, here: Option<&str>, on: NaiveDate) -> Availability {
    let here = here.and_then(Region::parse);
    let (seen, why) = seen(summary);
    let list = region::list_on(on);
    let is_listed = here.as_ref().zip(list).map(|(here, list)| list.has(here));
    let agreement = match (is_listed, seen) {
        (None, _) | (_, Seen::Unknown) => Agreement::Unknown,
        (Some(true), Seen::Available) | (Some(false), Seen::Refused) => Agreement::AsListed,
        (Some(true), Seen::Refused) => Agreement::ListedAndRefused,
        (Some(false), Seen::Available) => Agreement::AvailableUnlisted,
    };
    Availability {
        seen,
        why,
        listed: region::lists().iter().map(|it| here.as_ref().map(|here| it.has(here))).collect(),
        list: list.map(|it| it.stated.date),
        agreement,
    }
}

/// Whether the run's own interactive warehouse could be made. A run that was cut short there was
/// not refused: it says nothing of the region.
fn seen(summary: &RunSummary) -> (Seen, String) {
    let made = summary.work.iter().find(|it| it.what == MAKE_INTERACTIVE);
    match (made.map(|it| &it.failure), &summary.cut_short) {
        (Some(None), _) => (Seen::Available, "an interactive warehouse was made".to_owned()),
        (Some(Some(refusal)), None) => (Seen::Refused, refusal.clone()),
        (Some(Some(cause)), Some(_)) => (Seen::Unknown, cause.clone()),
        (None, Some(cause)) => (Seen::Unknown, cause.clone()),
        (None, None) => (Seen::Unknown, "no interactive warehouse was asked for".to_owned()),
    }
}
