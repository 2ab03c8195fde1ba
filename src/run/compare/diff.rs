//! Differences of two lists of lines, short enough to read in a build log.

use similar::{Algorithm, DiffOp, TextDiff};
use std::time::Duration;

/// Equal lines shown on either side of a difference.
const CONTEXT: usize = 2;

/// Differing lines shown; a build log is no place for thousands.
const LINES_MAX: usize = 60;

/// Characters of a line shown before it is shortened around what differs.
const WIDTH_MAX: usize = 160;

/// How long the shortest difference of two big results may be looked for.
const SEARCH_MAX: Duration = Duration::from_millis(500);

/// Lines of `expected` that are missing start with `-`, unexpected ones with `+`, others with a
/// space. `None` if there is no difference.
pub fn diff(expected: &[String], actual: &[String]) -> Option<String> {
    if expected == actual {
        return None;
    }
    let old: Vec<&str> = expected.iter().map(String::as_str).collect();
    let new: Vec<&str> = actual.iter().map(String::as_str).collect();
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .timeout(SEARCH_MAX)
        .diff_slices(&old, &new);

    let mut out = Output::default();
    let mut shown_until = 0;
    for group in diff.grouped_ops(CONTEXT) {
        let starts_at = group.first().map_or(0, |it| it.old_range().start);
        out.equal_lines_left_out(starts_at.saturating_sub(shown_until));
        for op in &group {
            out.op(op, &old, &new);
        }
        shown_until = group.last().map_or(shown_until, |it| it.old_range().end);
    }
    out.equal_lines_left_out(old.len().saturating_sub(shown_until));
    Some(out.finish())
}

#[derive(Default)]
struct Output {
    lines: Vec<String>,
    differing: usize,
    left_out: usize,
}

impl Output {
    fn op(&mut self, op: &DiffOp, old: &[&str], new: &[&str]) {
        let (old, new) = (&old[op.old_range()], &new[op.new_range()]);
        if let DiffOp::Equal { .. } = op {
            if self.left_out == 0 {
                self.lines.extend(old.iter().map(|line| format!(" {}", shorten(line, 0))));
            }
            return;
        }
        // Where lines were replaced, each is shortened around the first character in which it
        // differs from its counterpart.
        let focus = |index: usize| match (old.get(index), new.get(index)) {
            (Some(a), Some(b)) => a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count(),
            _ => 0,
        };
        for (index, line) in old.iter().enumerate() {
            self.differing_line('-', line, focus(index));
        }
        for (index, line) in new.iter().enumerate() {
            self.differing_line('+', line, focus(index));
        }
    }

    fn differing_line(&mut self, mark: char, line: &str, focus: usize) {
        self.differing += 1;
        match self.differing <= LINES_MAX {
            true => self.lines.push(format!("{mark}{}", shorten(line, focus))),
            false => self.left_out += 1,
        }
    }

    fn equal_lines_left_out(&mut self, count: usize) {
        if count > 0 && self.left_out == 0 {
            self.lines.push(format!(" … {}", counted(count, "equal line")));
        }
    }

    fn finish(mut self) -> String {
        if self.left_out > 0 {
            self.lines.push(format!(" … {} more", counted(self.left_out, "differing line")));
        }
        self.lines.join("\n")
    }
}

/// `1 row`, `2 rows`.
pub fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// Cuts a long line around the character at `focus`, and says how much was cut.
pub fn shorten(line: &str, focus: usize) -> String {
    let length = line.chars().count();
    if length <= WIDTH_MAX {
        return line.to_owned();
    }
    let start = focus.saturating_sub(WIDTH_MAX / 4).min(length - WIDTH_MAX);
    let middle: String = line.chars().skip(start).take(WIDTH_MAX).collect();
    let before = match start {
        0 => String::new(),
        cut => format!("({cut} more)…"),
    };
    let after = match length - start - WIDTH_MAX {
        0 => String::new(),
        cut => format!("…({cut} more)"),
    };
    format!("{before}{middle}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: &[&str], actual: &[&str], difference: &str) {
        let lines = |it: &[&str]| it.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        let found = diff(&lines(expected), &lines(actual)).unwrap_or_default();
        assert_eq!(found, difference.trim_matches('\n'), "\n{found}");
    }

    #[test]
    fn equal_lines_have_no_difference() {
        check(&["a", "b"], &["a", "b"], "");
    }

    #[test]
    fn equal_lines_far_away_are_counted() {
        check(
            &["1", "2", "3", "4", "5", "6", "7"],
            &["1", "2", "3", "4", "five", "6", "7"],
            "\n … 2 equal lines\n 3\n 4\n-5\n+five\n 6\n 7\n",
        );
    }

    #[test]
    fn long_lines_are_cut_around_what_differs() {
        let common = "x".repeat(300);
        let (a, b) = (format!("{common}A{common}"), format!("{common}B{common}"));
        let found = diff(&[a], &[b]).unwrap();
        let (minus, plus) = found.split_once('\n').unwrap();
        assert!(minus.starts_with("-(260 more)…xxx"), "{minus}");
        assert!(minus.contains("xAx") && plus.contains("xBx"), "{found}");
        assert!(minus.ends_with("xxx…(181 more)"), "{minus}");
    }

    #[test]
    fn many_differing_lines_are_counted() {
        let expected: Vec<String> = (0..1000).map(|it| it.to_string()).collect();
        let found = diff(&expected, &[]).unwrap();
        assert!(found.ends_with("-59\n … 940 differing lines more"), "{found}");
    }
}
