//! Where interactive tables are available by the documents, day by day.

use crate::suite::{
    Release, Stated,
    span::Span,
    words::{self, bad},
    yaml::{
        decoder::{Decoder, Fields},
        node::{Node, Value},
        table::{STATED, embedded, required, rows, stated},
    },
};
use chrono::NaiveDate;
use std::{fmt, sync::LazyLock};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cloud {
    Aws,
    Gcp,
    Azure,
}

impl Cloud {
    pub const ALL: [Cloud; 3] = [Cloud::Aws, Cloud::Gcp, Cloud::Azure];

    /// As region ids begin.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Gcp => "GCP",
            Self::Azure => "AZURE",
        }
    }

    /// As the documents and files of this project write it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Gcp => "gcp",
            Self::Azure => "azure",
        }
    }
}

/// Where an account is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Region {
    pub cloud: Cloud,
    /// `US_EAST_1`
    pub place: String,
}

impl Region {
    /// From what the documents call it: `us-east-1`. `None` where no region could be called so.
    pub fn of(cloud: Cloud, place: &str) -> Option<Self> {
        (!place.is_empty() && is_place(place)).then(|| Self { cloud, place: id(place) })
    }

    /// From what `CURRENT_REGION()` gives: `AWS_US_EAST_1`, with a region group before it or not.
    pub fn parse(id: &str) -> Option<Self> {
        let id = id.rsplit('.').next()?;
        Cloud::ALL.into_iter().find_map(|cloud| {
            let place = id.strip_prefix(cloud.name())?.strip_prefix('_')?;
            (!place.is_empty()).then(|| Self { cloud, place: place.to_owned() })
        })
    }
}

/// `AWS_US_EAST_1`
impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.cloud.name(), self.place)
    }
}

/// What one of the lists says of a cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Places {
    /// As the documents write them: `us-east-1`.
    Named(Vec<String>),
    /// Every region of the cloud.
    All,
}

/// The regions that have interactive tables, from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionList {
    /// Whose documents had it.
    pub release: Release,
    pub clouds: Vec<(Cloud, Places)>,
    pub stated: Stated,
}

impl RegionList {
    pub fn has(&self, region: &Region) -> bool {
        self.clouds.iter().any(|(cloud, places)| {
            *cloud == region.cloud
                && match places {
                    Places::All => true,
                    Places::Named(names) => names.iter().any(|it| id(it) == region.place),
                }
        })
    }
}

/// All lists, by day.
pub fn lists() -> &'static [RegionList] {
    static LISTS: LazyLock<Vec<RegionList>> = LazyLock::new(|| {
        let text = include_str!("../../data/regions.yaml");
        embedded("data/regions.yaml", text, decode)
    });
    &LISTS
}

/// The list that holds on a day; before the first one's, the first.
pub fn list_on(day: NaiveDate) -> Option<&'static RegionList> {
    let lists = lists();
    lists.iter().rev().find(|it| it.stated.date <= day).or_else(|| lists.first())
}

/// Every list as rows for `VALUES`: the list's day, its release, the cloud, the region as the
/// documents write it (`*` for all), and a pattern for what `CURRENT_REGION()` gives there.
pub fn sql_rows() -> String {
    let row = |list: &RegionList, cloud: Cloud, place: &str| {
        let pattern = match place {
            "*" => format!("{}_.+", cloud.name()),
            place => format!("{}_{}", cloud.name(), id(place)),
        };
        let (day, release, cloud) = (list.stated.date, list.release, cloud.name());
        format!("('{day}', '{release}', '{cloud}', '{place}', '{pattern}')")
    };
    let mut out = Vec::new();
    for list in lists() {
        for (cloud, places) in &list.clouds {
            match places {
                Places::All => out.push(row(list, *cloud, "*")),
                Places::Named(names) => out.extend(names.iter().map(|it| row(list, *cloud, it))),
            }
        }
    }
    out.join(",\n")
}

/// `US_EAST_1` for `us-east-1`.
fn id(place: &str) -> String {
    place.replace('-', "_").to_ascii_uppercase()
}

fn is_place(text: &str) -> bool {
    text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
}

fn decode(decoder: &mut Decoder, node: &Node) -> Option<Vec<RegionList>> {
    let file = decoder.fields(node, "a mapping with `lists`", &["lists"])?;
    let mut last: Option<(NaiveDate, usize)> = None;
    rows(decoder, &file, "lists", |decoder, node| {
        let clouds = Cloud::ALL.map(Cloud::key);
        let keys = [&["release"][..], &clouds[..], &STATED[..]].concat();
        let fields = decoder.fields(node, "a list of regions", &keys)?;
        let release = release(decoder, &fields);
        let clouds: Vec<Option<(Cloud, Places)>> = Cloud::ALL
            .into_iter()
            .filter_map(|cloud| {
                let node = fields.get(cloud.key())?;
                Some(places(decoder, node).map(|it| (cloud, it)))
            })
            .collect();
        let stated = stated(decoder, &fields)?;
        in_order(decoder, &mut last, stated.date, &node.span);
        Some(RegionList {
            release: release?,
            clouds: clouds.into_iter().collect::<Option<_>>()?,
            stated,
        })
    })
}

/// A list that is out of order would hold on days that are not its own.
fn in_order(
    decoder: &mut Decoder,
    last: &mut Option<(NaiveDate, usize)>,
    day: NaiveDate,
    span: &Span,
) {
    if let Some((before, line)) = last
        && *before >= day
    {
        let help = format!("the list in line {line} has {before}: lists go by day");
        decoder.error(span, bad("a later day", &day.to_string(), help));
    }
    *last = Some((day, span.line));
}

fn release(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<Release> {
    let node = required(decoder, fields, "a list of regions", "release")?;
    let text = decoder.text(node)?;
    let release = Release::ALL.into_iter().find(|it| it.name() == text);
    let unknown = || words::unknown("release", text, &Release::ALL.map(Release::name));
    decoder.keep(&node.span, release.ok_or_else(unknown))
}

fn places(decoder: &mut Decoder, node: &Node) -> Option<Places> {
    if let Value::Text(text) = &node.value {
        let places = match text.text.as_str() {
            "all" => Ok(Places::All),
            other => Err(bad("a list of regions", other, "`all`, or `[us-east-1, us-west-2]`")),
        };
        return decoder.keep(&node.span, places);
    }
    let errors = decoder.errors.len();
    let words = decoder.words(Some(node));
    for word in &words {
        // They become part of SQL and of patterns.
        if !is_place(&word.value) {
            let help = "as the documents write it: `us-east-1`";
            decoder.error(&word.span, bad("a region", &word.value, help));
        }
    }
    let names = words.into_iter().map(|it| it.value).collect();
    (decoder.errors.len() == errors).then_some(Places::Named(names))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::yaml::table;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_region_is_on_the_list_of_its_day() {
        #[track_caller]
        fn check(on: &str, region: &str, expected: bool) {
            let region = Region::parse(region).unwrap();
            assert_eq!(list_on(day(on)).unwrap().has(&region), expected, "{region} on {on}");
        }
        check("2025-10-01", "AWS_US_EAST_1", true);
        check("2020-01-01", "AWS_US_EAST_1", true);
        check("2026-01-13", "AWS_EU_WEST_2", false);
        check("2026-01-14", "PUBLIC.AWS_EU_WEST_2", true);
        check("2026-01-14", "AZURE_WESTEUROPE", false);
        check("2026-07-01", "AZURE_WESTEUROPE", true);
        check("2026-07-01", "GCP_US_CENTRAL1", true);
        check("2026-07-01", "GCP_ME_CENTRAL2", false);
        check("2026-09-30", "AWS_AP_SOUTHEAST_1", false);
        check("2027-01-01", "AWS_AP_SOUTHEAST_1", true);
        check("2027-01-01", "AWS_US_GOV_WEST_1", false);
    }

    #[test]
    fn lists_have_the_sizes_that_the_documents_had() {
        let sizes: Vec<(Release, Vec<Option<usize>>)> = lists()
            .iter()
            .map(|list| {
                let size = |(_, places): &(Cloud, Places)| match places {
                    Places::Named(it) => Some(it.len()),
                    Places::All => None,
                };
                (list.release, list.clouds.iter().map(size).collect())
            })
            .collect();
        assert_eq!(
            sizes,
            [
                (Release::Preview, vec![Some(7)]),
                (Release::Attached, vec![Some(9)]),
                (Release::Fallback, vec![Some(9), Some(6), None]),
                (Release::ZeroCopy, vec![Some(17), Some(6), None]),
            ]
        );
    }

    #[test]
    fn a_region_is_a_cloud_and_a_place() {
        #[track_caller]
        fn check(id: &str, expected: Option<&str>) {
            assert_eq!(Region::parse(id).map(|it| it.to_string()).as_deref(), expected, "{id}");
        }
        check("AWS_US_EAST_1", Some("AWS_US_EAST_1"));
        check("PUBLIC.AZURE_WESTEUROPE", Some("AZURE_WESTEUROPE"));
        check("AWS_", None);
        check("AWSOME_1", None);
        check("", None);
    }

    #[test]
    fn lists_are_rows_for_a_table() {
        let rows = sql_rows();
        assert_eq!(rows.lines().count(), 7 + 9 + (9 + 6 + 1) + (17 + 6 + 1));
        let first = "('2025-10-01', 'preview', 'AWS', 'us-east-1', 'AWS_US_EAST_1'),";
        assert_eq!(rows.lines().next(), Some(first));
        assert!(rows.ends_with("('2026-10-01', 'zero-copy', 'AZURE', '*', 'AZURE_.+')"), "{rows}");
    }

    #[test]
    fn what_is_wrong_is_shown_over_its_line() {
        let text = "lists:\n  - { date: 2026-02-01, source: a, release: preview, aws: some }\n  \
                    - { date: 2026-01-01, source: a, release: soon, aws: [US-1, \"a'b\"] }\n";
        let errors = table::read("r.yaml", text, decode).unwrap_err();
        let errors: Vec<String> = errors.errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            errors,
            [
                "r.yaml:2:59: `some` is not a list of regions",
                "r.yaml:3:5: `2026-01-01` is not a later day",
                "r.yaml:3:45: unknown release `soon`",
                "r.yaml:3:57: `US-1` is not a region",
                "r.yaml:3:63: `a'b` is not a region",
            ]
        );
    }
}
