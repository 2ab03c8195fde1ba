//! What warehouses cost, how large they can be, and what is said of the data they serve.

use crate::suite::{
    Stated,
    words::{self, duration},
    yaml::{
        decoder::{Decoder, Fields},
        node::Node,
        table::{STATED, amount, embedded, required, rows, stated},
    },
};
use std::{sync::LazyLock, time::Duration};

/// Sizes as `SHOW WAREHOUSES` has them, with every way to write them in a statement, of which the
/// first is the one that the data files have. Letters and digits only: `2X-Large` is `2XLARGE`.
const SIZES: [(&str, &[&str]); 10] = [
    ("X-Small", &["XSMALL"]),
    ("Small", &["SMALL"]),
    ("Medium", &["MEDIUM"]),
    ("Large", &["LARGE"]),
    ("X-Large", &["XLARGE"]),
    ("2X-Large", &["XXLARGE", "X2LARGE", "2XLARGE"]),
    ("3X-Large", &["XXXLARGE", "X3LARGE", "3XLARGE"]),
    ("4X-Large", &["X4LARGE", "4XLARGE"]),
    ("5X-Large", &["X5LARGE", "5XLARGE"]),
    ("6X-Large", &["X6LARGE", "6XLARGE"]),
];

/// A warehouse's size. Greater ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(usize);

impl Size {
    /// However it is written: `XSMALL`, `'x-small'`, `2X-Large`.
    pub fn parse(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        let text = text.to_ascii_uppercase();
        SIZES.iter().position(|(_, names)| names.contains(&text.as_str())).map(Self)
    }

    /// `2X-Large`
    pub fn name(self) -> &'static str {
        SIZES[self.0].0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Standard,
    Interactive,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Interactive => "interactive",
        }
    }

    fn of(interactive: bool) -> Self {
        match interactive {
            true => Self::Interactive,
            false => Self::Standard,
        }
    }
}

/// Credits for each hour that a cluster runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    pub kind: Kind,
    pub size: Size,
    pub credits: f64,
    pub stated: Stated,
}

/// The shortest time that is charged for at each start, for each cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Minimum {
    pub kind: Kind,
    pub time: Duration,
    pub stated: Stated,
}

/// The largest interactive warehouse.
#[derive(Clone, Debug, PartialEq)]
pub struct Largest {
    pub size: Size,
    pub stated: Stated,
}

/// The data that queries touch often, up to which a size is recommended.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkingSet {
    pub size: Size,
    /// `None`: whatever is above the others.
    pub up_to_gb: Option<f64>,
    pub stated: Stated,
}

/// Everything in `data/warehouses.yaml`, in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct Warehouses {
    pub prices: Vec<Price>,
    pub minimums: Vec<Minimum>,
    pub largest: Vec<Largest>,
    pub working_sets: Vec<WorkingSet>,
}

pub fn warehouses() -> &'static Warehouses {
    static WAREHOUSES: LazyLock<Warehouses> = LazyLock::new(|| {
        let text = include_str!("../../data/warehouses.yaml");
        embedded("data/warehouses.yaml", text, decode)
    });
    &WAREHOUSES
}

/// Credits per hour and cluster by the latest source, for a size however it is written. `None` if
/// there is no such size.
pub fn credits_per_hour(size: &str, interactive: bool) -> Option<f64> {
    let size = Size::parse(size)?;
    let kind = Kind::of(interactive);
    let prices = warehouses().prices.iter().filter(|it| it.kind == kind && it.size == size);
    prices.max_by_key(|it| it.stated.date).map(|it| it.credits)
}

/// The shortest time that is billed at each start and for each cluster, by the latest source.
pub fn billed_at_least(interactive: bool) -> Duration {
    let kind = Kind::of(interactive);
    let minimums = warehouses().minimums.iter().filter(|it| it.kind == kind);
    minimums.max_by_key(|it| it.stated.date).map_or(Duration::ZERO, |it| it.time)
}

fn decode(decoder: &mut Decoder, node: &Node) -> Option<Warehouses> {
    let keys = ["prices", "billed-at-least", "interactive-up-to", "working-sets"];
    let file = decoder.fields(node, "a mapping of lists", &keys)?;
    let prices = rows(decoder, &file, keys[0], |decoder, node| {
        let fields = row(decoder, node, &["kind", "size", "credits"])?;
        let (kind, size) = (kind(decoder, &fields), size(decoder, &fields));
        let credits = required(decoder, &fields, "a row", "credits");
        let credits = credits.and_then(|it| amount(decoder, it));
        let stated = stated(decoder, &fields);
        Some(Price { kind: kind?, size: size?, credits: credits?, stated: stated? })
    });
    let minimums = rows(decoder, &file, keys[1], |decoder, node| {
        let fields = row(decoder, node, &["kind", "time"])?;
        let kind = kind(decoder, &fields);
        let time = required(decoder, &fields, "a row", "time");
        let time = time.and_then(|it| {
            let text = decoder.text(it)?;
            decoder.keep(&it.span, duration(text))
        });
        let stated = stated(decoder, &fields);
        Some(Minimum { kind: kind?, time: time?, stated: stated? })
    });
    let largest = rows(decoder, &file, keys[2], |decoder, node| {
        let fields = row(decoder, node, &["size"])?;
        let (size, stated) = (size(decoder, &fields), stated(decoder, &fields));
        Some(Largest { size: size?, stated: stated? })
    });
    let working_sets = rows(decoder, &file, keys[3], |decoder, node| {
        let fields = row(decoder, node, &["size", "up-to-gb"])?;
        let size = size(decoder, &fields);
        let up_to_gb = fields.get("up-to-gb").map(|it| amount(decoder, it));
        let stated = stated(decoder, &fields);
        let up_to_gb = match up_to_gb {
            Some(gb) => Some(gb?),
            None => None,
        };
        Some(WorkingSet { size: size?, up_to_gb, stated: stated? })
    });
    Some(Warehouses {
        prices: prices?,
        minimums: minimums?,
        largest: largest?,
        working_sets: working_sets?,
    })
}

fn row<'n>(decoder: &mut Decoder, node: &'n Node, keys: &[&str]) -> Option<Fields<'n>> {
    decoder.fields(node, "a row", &[keys, &STATED].concat())
}

fn kind(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<Kind> {
    let node = required(decoder, fields, "a row", "kind")?;
    let text = decoder.text(node)?;
    let kinds = [Kind::Standard, Kind::Interactive];
    let kind = kinds.into_iter().find(|it| it.name() == text);
    let unknown = || words::unknown("kind", text, &kinds.map(Kind::name));
    decoder.keep(&node.span, kind.ok_or_else(unknown))
}

fn size(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<Size> {
    let node = required(decoder, fields, "a row", "size")?;
    let text = decoder.text(node)?;
    let unknown = || words::unknown("size", text, &SIZES.map(|(_, names)| names[0]));
    decoder.keep(&node.span, Size::parse(text).ok_or_else(unknown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::yaml::table;

    #[test]
    fn sizes_have_prices_however_they_are_written() {
        #[track_caller]
        fn check(size: &str, interactive: bool, expected: Option<f64>) {
            assert_eq!(credits_per_hour(size, interactive), expected, "{size}");
        }
        check("XSMALL", false, Some(1.0));
        check("x-small", true, Some(0.6));
        check("'X-Small'", true, Some(0.6));
        check("XXLARGE", false, Some(32.0));
        check("2X-LARGE", false, Some(32.0));
        check("4X-Large", true, Some(76.8));
        check("X6LARGE", true, Some(307.2));
        check("HUGE", false, None);
        check("", false, None);
    }

    #[test]
    fn the_latest_source_on_the_minimum_holds() {
        assert_eq!(billed_at_least(false), Duration::from_secs(60));
        assert_eq!(billed_at_least(true), Duration::from_secs(3600));
    }

    #[test]
    fn every_size_has_a_price_that_is_twice_the_one_below() {
        for interactive in [false, true] {
            let price = |it: &[&str]| credits_per_hour(it[0], interactive).unwrap();
            for pair in SIZES.windows(2) {
                let (below, above) = (price(pair[0].1), price(pair[1].1));
                assert!((above - 2.0 * below).abs() < 1e-9, "{}: {above}", pair[1].0);
            }
        }
    }

    #[test]
    fn larger_warehouses_serve_more_data_by_each_source() {
        let sets = &warehouses().working_sets;
        for pair in sets.windows(2).filter(|it| it[0].stated == it[1].stated) {
            assert!(pair[0].size < pair[1].size, "{pair:?}");
            let gb = pair[0].up_to_gb.expect("only the last size is without a bound");
            assert!(pair[1].up_to_gb.is_none_or(|it| gb < it), "{pair:?}");
        }
        let largest = warehouses().largest.iter().max_by_key(|it| it.stated.date).unwrap();
        let newest = sets.iter().max_by_key(|it| (it.stated.date, it.size)).unwrap();
        assert_eq!((largest.size, newest.size), (newest.size, Size(7)));
    }

    #[test]
    fn what_is_wrong_is_shown_over_its_line() {
        let text = "prices:\n  - { kind: large, size: HUGE, credits: -1, date: 2026-13-01 }\n\
                    billed-at-least: []\nworking-sets: x\n";
        let errors = table::read("w.yaml", text, decode).unwrap_err();
        let errors: Vec<String> = errors.errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            errors,
            [
                "w.yaml:1:1: the file needs `interactive-up-to`",
                "w.yaml:2:5: a row needs `source`",
                "w.yaml:2:13: unknown kind `large`",
                "w.yaml:2:26: unknown size `HUGE`",
                "w.yaml:2:41: `-1` is not an amount",
                "w.yaml:2:51: `2026-13-01` is not a day",
                "w.yaml:4:15: expected a list of rows, found a text",
            ]
        );
    }
}
