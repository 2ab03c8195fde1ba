//! The catalogue of behaviours: what cases may name by `id`.
//!
//! It knows no cases. Which of them are about a behaviour, and how they end, is put together by
//! `snowgauge behaviours`.

use super::{
    Release, ReleaseSet,
    error::SuiteErrorKind,
    words,
    yaml::{
        self,
        decoder::Decoder,
        node::Node,
        table::{embedded, required, rows},
    },
};
use std::{collections::BTreeMap, sync::LazyLock};

/// Behaviours by the first letter of their ids, in the order reports have them.
pub const AREAS: [(char, &str); 6] = [
    ('S', "Set-up"),
    ('L', "Limitations"),
    ('R', "Refresh"),
    ('C', "Latency and concurrency"),
    ('M', "Monitoring"),
    ('A', "Availability by region"),
];

/// Something that the product does, or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// `L-09`
    pub id: String,
    /// In a sentence.
    pub what: String,
    /// Where anything is known of it.
    pub releases: ReleaseSet,
}

impl Behaviour {
    /// The first letter of its id.
    pub fn area(&self) -> char {
        self.id.chars().next().unwrap_or_default()
    }
}

/// All of them, by area and number.
pub fn behaviours() -> &'static [Behaviour] {
    static BEHAVIOURS: LazyLock<Vec<Behaviour>> = LazyLock::new(|| {
        let text = include_str!("../../data/behaviours.yaml");
        embedded("data/behaviours.yaml", text, decode)
    });
    &BEHAVIOURS
}

/// Every id that a case may have.
pub fn ids() -> impl Iterator<Item = &'static str> {
    behaviours().iter().map(|it| it.id.as_str())
}

pub fn find(id: &str) -> Option<&'static Behaviour> {
    behaviours().iter().find(|it| it.id == id)
}

fn decode(decoder: &mut Decoder, node: &Node) -> Option<Vec<Behaviour>> {
    let file = decoder.fields(node, "a mapping with `behaviours`", &["behaviours"])?;
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    rows(decoder, &file, "behaviours", |decoder, node| {
        let fields = decoder.fields(node, "a behaviour", &["id", "releases", "what"])?;
        let id = required(decoder, &fields, "a behaviour", "id").and_then(|it| {
            let text = decoder.text(it)?;
            let id = decoder.keep(&it.span, words::id(text))?;
            match seen.get(&id) {
                Some(&first_line) => {
                    decoder.error(&it.span, SuiteErrorKind::KeyTwice { key: id, first_line });
                    None
                }
                None => {
                    seen.insert(id.clone(), it.span.line);
                    Some(id)
                }
            }
        });
        let what = required(decoder, &fields, "a behaviour", "what")
            .and_then(|it| decoder.text_full(it).map(str::to_owned));
        let releases = match fields.get("releases") {
            Some(node) => yaml::case::release_set(decoder, node),
            None => Some(ReleaseSet(Release::ALL.to_vec())),
        };
        Some(Behaviour { id: id?, what: what?, releases: releases? })
    })
}

#[cfg(test)]
mod tests {
    use super::{super::yaml::table, *};

    #[test]
    fn every_area_is_numbered_without_a_gap() {
        let expected = [('S', 35), ('L', 38), ('R', 31), ('C', 16), ('M', 17), ('A', 7)];
        let expected: Vec<String> = expected
            .iter()
            .flat_map(|(area, last)| (1..=*last).map(move |it| format!("{area}-{it:02}")))
            .collect();
        assert_eq!(ids().collect::<Vec<_>>(), expected);
        assert_eq!(AREAS.map(|(area, _)| area), ['S', 'L', 'R', 'C', 'M', 'A']);
    }

    #[test]
    fn behaviours_are_known_where_they_are_known() {
        #[track_caller]
        fn check(id: &str, expected: &[Release]) {
            assert_eq!(find(id).map(|it| it.releases.0.as_slice()), Some(expected), "{id}");
        }
        check("S-01", &Release::ALL);
        check("L-33", &[Release::ZeroCopy]);
        check("L-32", &Release::ALL[..3]);
        assert_eq!(find("L-39"), None);
    }

    #[test]
    fn what_is_wrong_is_shown_over_its_line() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            let errors = table::read("b.yaml", text, decode).map_err(|it| {
                it.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            });
            assert_eq!(errors.map(|_| ()), Err(expected.to_owned()));
        }
        check(
            "behaviours:\n  - id: L-1\n    what: a\n  - id: L-02\n    waht: b\n",
            "b.yaml:2:9: `L-1` is not a catalogue id\n\
             b.yaml:4:5: a behaviour needs `what`\n\
             b.yaml:5:5: unknown key `waht`",
        );
        check(
            "behaviours:\n  - { id: L-01, what: a }\n  - { id: L-01, what: b, releases: soon }\n",
            "b.yaml:3:11: `L-01` is given twice, first in line 2\n\
             b.yaml:3:36: unknown release `soon`",
        );
        check(
            "rows: []\n",
            "b.yaml:1:1: unknown key `rows`\nb.yaml:1:1: the file needs `behaviours`",
        );
        check("", "b.yaml: expected a mapping of lists, found nothing");
    }
}
