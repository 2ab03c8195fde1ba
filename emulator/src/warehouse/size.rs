//! Sizes of warehouses: their names, and what they cost.

use super::Kind;
use crate::release::Release;

/// From the smallest to the largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    XSmall,
    Small,
    Medium,
    Large,
    XLarge,
    X2Large,
    X3Large,
    X4Large,
    X5Large,
    X6Large,
}

/// What is known of one size.
struct Line {
    size: Size,
    /// As `SHOW WAREHOUSES` prints it.
    name: &'static str,
    /// Every name that a statement may use, in upper case and without hyphens.
    aliases: &'static [&'static str],
    /// Per hour and cluster of an interactive warehouse.
    interactive_credits: Option<f64>,
    /// Of a standard warehouse.
    clusters_max: u64,
}

const fn line(
    size: Size,
    name: &'static str,
    aliases: &'static [&'static str],
    interactive_credits: Option<f64>,
    clusters_max: u64,
) -> Line {
    Line { size, name, aliases, interactive_credits, clusters_max }
}

/// In the order of [`Size`]. Names and clusters are the documentation's. Interactive credits are
/// those of public price lists of 2026, measured at about 0.58 for an X-Small; there are none above
/// 4X-Large. A standard cluster costs one credit per hour at X-Small and twice as much at each
/// next size.
const SIZES: [Line; 10] = [
    line(Size::XSmall, "X-Small", &["XSMALL"], Some(0.6), 300),
    line(Size::Small, "Small", &["SMALL"], Some(1.2), 300),
    line(Size::Medium, "Medium", &["MEDIUM"], Some(2.4), 300),
    line(Size::Large, "Large", &["LARGE"], Some(4.8), 160),
    line(Size::XLarge, "X-Large", &["XLARGE"], Some(9.6), 80),
    line(Size::X2Large, "2X-Large", &["X2LARGE", "XXLARGE", "2XLARGE"], Some(19.2), 40),
    line(Size::X3Large, "3X-Large", &["X3LARGE", "XXXLARGE", "3XLARGE"], Some(38.4), 20),
    line(Size::X4Large, "4X-Large", &["X4LARGE", "4XLARGE"], Some(76.8), 10),
    line(Size::X5Large, "5X-Large", &["X5LARGE", "5XLARGE"], None, 10),
    line(Size::X6Large, "6X-Large", &["X6LARGE", "6XLARGE"], None, 10),
];

/// Clusters of an interactive warehouse, at any size.
const INTERACTIVE_CLUSTERS_MAX: u64 = 10;

impl Size {
    /// Reads any of the documented names, in any case: `XSMALL`, `X-Small`, `xsmall`.
    pub fn parse(text: &str) -> Option<Self> {
        let plain: String = text.chars().filter(|it| *it != '-').collect();
        let plain = plain.to_ascii_uppercase();
        SIZES.iter().find(|it| it.aliases.contains(&plain.as_str())).map(|it| it.size)
    }

    /// As `SHOW WAREHOUSES` prints it.
    pub fn name(self) -> &'static str {
        SIZES[self as usize].name
    }

    /// Per cluster. `None`: a warehouse of this kind has no such size.
    pub fn credits_per_hour(self, kind: Kind) -> Option<f64> {
        match kind {
            Kind::Standard => Some(f64::from(1_u32 << (self as u32))),
            Kind::Interactive => SIZES[self as usize].interactive_credits,
        }
    }

    pub fn clusters_max(self, kind: Kind) -> u64 {
        match kind {
            Kind::Standard => SIZES[self as usize].clusters_max,
            Kind::Interactive => INTERACTIVE_CLUSTERS_MAX,
        }
    }

    /// Whether the release has the size. The newest reference stops interactive warehouses at
    /// 4X-Large; the older one went on to 6X-Large.
    pub fn exists(self, kind: Kind, release: Release) -> bool {
        kind == Kind::Standard || release < Release::ZeroCopy || self <= Size::X4Large
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_name_is_read_and_printed() {
        #[track_caller]
        fn check(text: &str, expected: Option<&str>) {
            assert_eq!(Size::parse(text).map(Size::name), expected, "{text:?}");
        }
        check("XSMALL", Some("X-Small"));
        check("x-small", Some("X-Small"));
        check("Small", Some("Small"));
        check("XXLARGE", Some("2X-Large"));
        check("2X-Large", Some("2X-Large"));
        check("X6LARGE", Some("6X-Large"));
        check("TINY", None);
        check("", None);
        for (n, Line { size, name, .. }) in SIZES.iter().enumerate() {
            assert_eq!(*size as usize, n, "{name} stands in the order of the sizes");
            check(name, Some(name));
        }
    }

    #[test]
    fn credits_double_with_each_size() {
        assert_eq!(Size::XSmall.credits_per_hour(Kind::Standard), Some(1.0));
        assert_eq!(Size::X6Large.credits_per_hour(Kind::Standard), Some(512.0));
        assert_eq!(Size::X4Large.credits_per_hour(Kind::Interactive), Some(76.8));
        assert_eq!(Size::X5Large.credits_per_hour(Kind::Interactive), None);
    }
}
