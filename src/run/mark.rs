//! How a run's objects are known: by their names and by their comments.

use super::RunId;
use chrono::{DateTime, SecondsFormat, Utc};
use std::fmt;

/// What a run writes into the comments of its objects: whose they are, and from when on others
/// may drop them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub run: String,
    pub expires_at: DateTime<Utc>,
}

impl Mark {
    /// Of a comment that is exactly a mark. One that somebody added to is not any more.
    pub fn read(comment: &str) -> Option<Self> {
        let (run, expires_at) = comment.strip_prefix("snowgauge run=")?.split_once(" expires=")?;
        let run: RunId = run.parse().ok()?;
        let expires_at = DateTime::parse_from_rfc3339(expires_at).ok()?.to_utc();
        Some(Self { run: run.to_string(), expires_at })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expires_at = self.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        write!(f, "snowgauge run={} expires={expires_at}", self.run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_nothing_else_is_one() {
        #[track_caller]
        fn check(comment: &str, expected: Option<&str>) {
            let found = Mark::read(comment).map(|it| it.to_string());
            assert_eq!(found.as_deref(), expected, "{comment}");
        }
        let mark = "snowgauge run=SG7F77X4WD expires=2026-01-01T06:00:00Z";
        check(mark, Some(mark));
        check("", None);
        check("snowgauge", None);
        check("snowgauge run=SG7F77X4WD expires=", None);
        check("snowgauge run=SG7F77X4WD expires=soon", None);
        // `U` is in no run's id.
        check("snowgauge run=SG7F77X4WU expires=2026-01-01T06:00:00Z", None);
        check("snowgauge run=SG1 expires=2026-01-01T06:00:00Z", None);
        check(&format!("keep this: {mark}"), None);
        check(&format!("{mark}, but keep it"), None);
    }
}
