//! JSON text as the service lays it out in results: one member per line, `JSON_INDENT` spaces.
//!
//! Works on the text, so that numbers keep every digit and members their order.

use std::borrow::Cow;

/// Deeper levels are indented no further: the spaces of nested levels grow with the square of
/// the depth.
const DEPTH_MAX: usize = 128;

/// `text` with each member on its own line; with `width` 0, on one line and without spaces.
///
/// Scalars come back as they are. Text that is not JSON comes back with its brackets laid out,
/// never refused.
pub fn indent(text: &str, width: usize) -> Cow<'_, str> {
    if !text.starts_with(['{', '[']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth: usize = 0;
    let mut chars = text.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        if width > 0 {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', width * depth.min(DEPTH_MAX)));
        }
    };
    while let Some(next) = chars.next() {
        match next {
            '"' => {
                out.push('"');
                while let Some(inside) = chars.next() {
                    out.push(inside);
                    match inside {
                        '\\' => out.extend(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                out.push(next);
                while chars.next_if(|it| it.is_ascii_whitespace()).is_some() {}
                if let Some(close) = chars.next_if(|it| matches!(it, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(next);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(if width > 0 { ": " } else { ":" }),
            _ if next.is_ascii_whitespace() => {}
            _ => out.push(next),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::indent;

    #[track_caller]
    fn check(text: &str, width: usize, expected: &str) {
        assert_eq!(indent(text, width), expected);
    }

    #[test]
    fn members_stand_on_lines_of_their_own() {
        check(r#"{"a":1,"b":[1, 2]}"#, 2, "{\n  \"a\": 1,\n  \"b\": [\n    1,\n    2\n  ]\n}");
    }

    #[test]
    fn empty_containers_stay_closed() {
        check(r#"{ }"#, 2, "{}");
        check(r#"[[],{}]"#, 2, "[\n  [],\n  {}\n]");
    }

    #[test]
    fn strings_are_left_alone() {
        check(r#"["a, {b}: \"c\"\\", 1]"#, 0, r#"["a, {b}: \"c\"\\",1]"#);
    }

    #[test]
    fn scalars_and_digits_are_left_alone() {
        check(r#""a: b""#, 2, r#""a: b""#);
        check("12345678901234567890.10", 2, "12345678901234567890.10");
    }

    #[test]
    fn depth_costs_no_more_than_linear_space() {
        let text = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
        assert!(indent(&text, 2).len() < 20_000 * 2 * (2 * super::DEPTH_MAX + 2));
    }
}
