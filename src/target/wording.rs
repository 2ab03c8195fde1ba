//! What can be told of a statement from its text alone. Not a parser: a statement that is read
//! wrongly here is still executed as it is.

/// The text with single spaces and without final semicolons. What is between quotes stays.
pub fn spaced(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut quote = None;
    for letter in sql.trim().trim_end_matches(';').trim_end().chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None if letter.is_whitespace() => {
                if !text.ends_with(' ') {
                    text.push(' ');
                }
                continue;
            }
            None if matches!(letter, '\'' | '"') => quote = Some(letter),
            None => {}
        }
        text.push(letter);
    }
    text
}

/// [`spaced`], and in lower case outside of quotes.
pub fn folded(sql: &str) -> String {
    let mut quote = None;
    let mut text = String::with_capacity(sql.len());
    for letter in spaced(sql).chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if matches!(letter, '\'' | '"') => quote = Some(letter),
            _ => {}
        }
        match quote {
            Some(_) => text.push(letter),
            None => text.extend(letter.to_lowercase()),
        }
    }
    text
}

/// The first words in upper case, without comments. A quoted name keeps its case and its quotes.
pub fn words(sql: &str) -> Vec<String> {
    let end = |it: char| it.is_whitespace() || matches!(it, ';' | '(' | ')' | ',' | '=');
    let upper = |it: &str| match it.contains('"') {
        true => it.to_owned(),
        false => it.to_uppercase(),
    };
    without_comments(sql).split(end).filter(|it| !it.is_empty()).take(12).map(upper).collect()
}

/// The text without the comments before it.
pub fn without_comments(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    loop {
        rest = match rest {
            it if it.starts_with("--") || it.starts_with("//") => {
                it.split_once('\n').map_or("", |(_, rest)| rest)
            }
            it if it.starts_with("/*") => it.split_once("*/").map_or("", |(_, rest)| rest),
            _ => return rest,
        }
        .trim_start();
    }
}

/// Whether the statement changes nothing, so that its place among others is of no matter.
///
/// A query that calls a `SYSTEM$` function, or draws from a sequence, may change something.
pub fn is_read(sql: &str) -> bool {
    let words = words(sql);
    match words.first().map(String::as_str) {
        Some("SHOW" | "DESC" | "DESCRIBE" | "EXPLAIN" | "LIST" | "LS") => true,
        Some("SELECT" | "WITH" | "VALUES") => {
            let folded = folded(sql);
            !(folded.contains("system$") || folded.contains(".nextval"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_folded_outside_of_quotes() {
        #[track_caller]
        fn check(sql: &str, spaced_to: &str, folded_to: &str) {
            assert_eq!(spaced(sql), spaced_to);
            assert_eq!(folded(sql), folded_to);
        }
        check("  SELECT\n\t1 ;; ", "SELECT 1", "select 1");
        check("SELECT 'A  B'  , \"C  D\"", "SELECT 'A  B' , \"C  D\"", "select 'A  B' , \"C  D\"");
        check("SELECT 'it''s  A'  X", "SELECT 'it''s  A' X", "select 'it''s  A' x");
        check("", "", "");
    }

    #[test]
    fn reads_are_told_from_writes() {
        #[track_caller]
        fn check(sql: &str, expected: bool) {
            assert_eq!(is_read(sql), expected, "{sql}");
        }
        check("-- how many\nselect 1", true);
        check("WITH A AS (SELECT 1) SELECT * FROM A", true);
        check("(SELECT 1)", true);
        check("SHOW WAREHOUSES", true);
        check("SELECT SYSTEM$WAIT(5)", false);
        check("SELECT S.NEXTVAL", false);
        check("INSERT INTO T SELECT 1", false);
        check("USE WAREHOUSE W", false);
        check("CALL P()", false);
        check("", false);
    }
}
