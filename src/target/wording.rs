//! What can be told of a statement from its text alone. Not a parser: a statement that is read
//! wrongly here is still executed as it is.

/// The text without white space around it and without final semicolons.
pub fn trimmed(sql: &str) -> &str {
    let is_end = |it: char| it.is_whitespace() || it == ';';
    sql.trim_start().trim_end_matches(is_end)
}

/// The text with single spaces and in lower case outside of quotes: for tests, and for looking for
/// words. Two texts with different meanings may be the same here.
pub fn folded(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut quote = None;
    for letter in trimmed(sql).chars() {
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
        match quote {
            Some(_) => text.push(letter),
            None => text.extend(letter.to_lowercase()),
        }
    }
    text
}

/// The first words in upper case, without comments. What is in double quotes keeps its case, its
/// quotes and its spaces.
pub fn words(sql: &str) -> Vec<String> {
    const WORDS_MAX: usize = 12;
    let mut words = Vec::new();
    let mut word = String::new();
    let mut is_quoted = false;
    for letter in without_comments(sql).chars() {
        is_quoted ^= letter == '"';
        let is_end = letter.is_whitespace() || matches!(letter, ';' | '(' | ')' | ',' | '=');
        match is_quoted || !is_end {
            true if is_quoted => word.push(letter),
            true => word.extend(letter.to_uppercase()),
            false if word.is_empty() => {}
            false => words.push(std::mem::take(&mut word)),
        }
        if words.len() == WORDS_MAX {
            return words;
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The parts of a qualified name: what is between its dots, quotes and all.
pub fn parts(name: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let is_dot = |it: char| {
        is_quoted ^= it == '"';
        it == '.' && !is_quoted
    };
    name.split(is_dot).collect()
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
/// A query that calls a `SYSTEM$` function, or draws from a sequence, may change something. One that
/// asks for the last statement or its result depends on where it stands.
pub fn is_read(sql: &str) -> bool {
    let words = words(sql);
    match words.first().map(String::as_str) {
        Some("SHOW" | "DESC" | "DESCRIBE" | "EXPLAIN" | "LIST" | "LS") => !sql.contains("->>"),
        Some("SELECT" | "WITH" | "VALUES") => {
            let folded = folded(sql);
            !["system$", ".nextval", "->>"].iter().any(|it| folded.contains(it)) && !looks_back(sql)
        }
        _ => false,
    }
}

/// Whether the statement asks for the one before it in its session.
pub fn looks_back(sql: &str) -> bool {
    let folded = folded(sql);
    ["last_query_id", "result_scan"].iter().any(|it| folded.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_folded_outside_of_quotes() {
        #[track_caller]
        fn check(sql: &str, trimmed_to: &str, folded_to: &str) {
            assert_eq!(trimmed(sql), trimmed_to);
            assert_eq!(folded(sql), folded_to);
        }
        check("  SELECT\n\t1 ;; ", "SELECT\n\t1", "select 1");
        check("SELECT 'A  B'  , \"C  D\"", "SELECT 'A  B'  , \"C  D\"", "select 'A  B' , \"C  D\"");
        check("SELECT 'it''s  A'  X", "SELECT 'it''s  A'  X", "select 'it''s  A' x");
        check("", "", "");
    }

    #[test]
    fn names_are_whole_however_they_are_quoted() {
        #[track_caller]
        fn check(sql: &str, expected: &[&str]) {
            assert_eq!(words(sql), expected);
        }
        check("use schema \"My A\".x;", &["USE", "SCHEMA", "\"My A\".X"]);
        check("-- why\n/* not */ drop table if exists t(", &["DROP", "TABLE", "IF", "EXISTS", "T"]);
        assert_eq!(parts("D.\"a.b\".T"), ["D", "\"a.b\"", "T"]);
        assert_eq!(parts("T"), ["T"]);
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
        check("SELECT LAST_QUERY_ID()", false);
        check("SELECT * FROM TABLE(RESULT_SCAN(LAST_QUERY_ID(-2)))", false);
        check("SHOW TABLES ->> INSERT INTO T SELECT $1", false);
        check("INSERT INTO T SELECT 1", false);
        check("USE WAREHOUSE W", false);
        check("CALL P()", false);
        check("", false);
    }
}
