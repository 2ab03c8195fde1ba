//! What the product could do at a date.

use std::{fmt, str::FromStr};

/// A generation of Snowflake's interactive layer. Later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Release {
    /// Public preview, autumn 2025: interactive warehouses read attached interactive tables only.
    Preview,
    /// General availability, 2025-12-11.
    Attached,
    /// Mid-2026: fallback warehouses, policies, auto-suspend.
    Fallback,
    /// 2026-09-14: interactive warehouses read every kind of table; attaching only warms.
    ZeroCopy,
}

impl Release {
    pub const ALL: [Release; 4] =
        [Release::Preview, Release::Attached, Release::Fallback, Release::ZeroCopy];

    pub fn name(self) -> &'static str {
        match self {
            Release::Preview => "preview",
            Release::Attached => "attached",
            Release::Fallback => "fallback",
            Release::ZeroCopy => "zero-copy",
        }
    }

    /// Whether an interactive warehouse may read a table that is not attached to it, or not
    /// interactive at all (catalogue S-01, L-32, L-33).
    pub fn reads_any_table(self) -> bool {
        self >= Release::ZeroCopy
    }

    /// Whether `SHOW TABLES` tells interactive tables (`is_interactive`) and `SHOW WAREHOUSES` lists
    /// what is attached (`tables`): behaviour change 2165, bundle 2026_01. The preview had neither.
    pub fn shows_attachment(self) -> bool {
        self >= Release::Attached
    }

    /// Whether `FALLBACK_WAREHOUSE` exists (catalogue L-05 to L-07).
    pub fn has_fallback(self) -> bool {
        self >= Release::Fallback
    }

    /// Whether `SHOW INTERACTIVE TABLES` exists: it did not in December 2025.
    pub fn has_show_interactive_tables(self) -> bool {
        self >= Release::Fallback
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|it| it.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|it| format!("`{it}`")).collect();
            format!("unknown release `{text}`; there are {}", names.join(", "))
        })
    }
}
