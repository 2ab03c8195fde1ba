//! What can be told of a statement from its text: its words, and how deep in parentheses they
//! stand. Not a parser; what it cannot make out it says nothing about.

/// A word, a number or a mark of punctuation, outside of literals and comments.
#[derive(Debug, PartialEq, Eq)]
struct Token {
    /// In upper case. A quoted name is `"`, a literal `'`.
    text: String,
    /// Parentheses and brackets that are open before it.
    depth: usize,
}

/// A statement's text, taken apart.
#[derive(Debug)]
pub struct Look {
    tokens: Vec<Token>,
}

/// Functions that make one row of many.
const AGGREGATES: [&str; 22] = [
    "ANY_VALUE",
    "APPROX_COUNT_DISTINCT",
    "ARRAY_AGG",
    "AVG",
    "BITXOR_AGG",
    "BOOLAND_AGG",
    "BOOLOR_AGG",
    "COUNT",
    "COUNT_IF",
    "HASH_AGG",
    "LISTAGG",
    "MAX",
    "MAX_BY",
    "MEDIAN",
    "MIN",
    "MIN_BY",
    "MODE",
    "OBJECT_AGG",
    "PERCENTILE_CONT",
    "STDDEV",
    "SUM",
    "VARIANCE",
];

const SET_OPERATORS: [&str; 4] = ["UNION", "EXCEPT", "MINUS", "INTERSECT"];

impl Look {
    pub fn at(sql: &str) -> Self {
        let mut tokens = tokens(sql);
        // `(SELECT …)` is the query in it.
        while tokens.first().is_some_and(|it| it.text == "(")
            && tokens.last().is_some_and(|it| it.text == ")")
            && tokens[1..tokens.len() - 1].iter().all(|it| it.depth > 0)
        {
            tokens.pop();
            tokens.remove(0);
            tokens.iter_mut().for_each(|it| it.depth -= 1);
        }
        Self { tokens }
    }

    /// Whether it is a query, as far as its first word tells.
    pub fn is_query(&self) -> bool {
        let first = self.tokens.iter().find(|it| it.text != "(");
        first.is_some_and(|it| matches!(it.text.as_str(), "SELECT" | "WITH" | "VALUES"))
    }

    /// Whether it changes nothing, whatever it reads.
    pub fn is_pure(&self) -> bool {
        let may_write =
            |it: &Token| it.text.starts_with("SYSTEM$") || it.text.ends_with(".NEXTVAL");
        self.is_query() && !self.tokens.iter().any(may_write)
    }

    pub fn has_word(&self, word: &str) -> bool {
        self.tokens.iter().any(|it| it.text == word)
    }

    /// Whether it sorts its own rows, not only those of a part of it.
    pub fn is_ordered(&self) -> bool {
        self.outer().any(|(at, it)| it == "ORDER" && self.word(at + 1) == "BY")
    }

    /// Whether it cuts its rows off.
    pub fn is_limited(&self) -> bool {
        self.outer().any(|(_, it)| matches!(it, "LIMIT" | "FETCH"))
            || self.outer().any(|(at, it)| it == "SELECT" && self.word(at + 1) == "TOP")
    }

    /// Whether it gives one row at most, as far as its text tells.
    pub fn is_one_row(&self) -> bool {
        let has = |word: &str| self.outer().any(|(_, it)| it == word);
        if self
            .outer()
            .any(|(at, it)| matches!(it, "LIMIT" | "TOP") && matches!(self.word(at + 1), "0" | "1"))
        {
            return true;
        }
        if SET_OPERATORS.into_iter().any(has) || has("VALUES") || has("GROUP") {
            return false;
        }
        !has("FROM") || self.items().is_some_and(|it| it.iter().any(|it| is_aggregate(it)))
    }

    /// How many columns it has, if they can be counted.
    pub fn columns(&self) -> Option<usize> {
        let items = self.items()?;
        let is_star = |item: &[Token]| {
            item.windows(2).any(|it| it[1].text == "*" && it[0].text.ends_with('.'))
                || item.first().is_some_and(|it| it.text == "*")
        };
        (!items.is_empty() && !items.iter().any(|it| is_star(it))).then_some(items.len())
    }

    /// The parts of its first list of columns.
    fn items(&self) -> Option<Vec<&[Token]>> {
        let (mut from, _) = self.outer().find(|(_, it)| *it == "SELECT")?;
        from += 1;
        if matches!(self.word(from), "DISTINCT" | "ALL") {
            from += 1;
        }
        if self.word(from) == "TOP" {
            from += 2;
        }
        const ENDS: [&str; 10] =
            ["FROM", "WHERE", "GROUP", "HAVING", "QUALIFY", "ORDER", "LIMIT", "INTO", "FETCH", ";"];
        let is_end = |it: &str| ENDS.contains(&it) || SET_OPERATORS.contains(&it);
        let to = self.outer().find(|(at, it)| *at >= from && is_end(it));
        let to = to.map_or(self.tokens.len(), |(at, _)| at);
        let list = self.tokens.get(from..to).filter(|it| !it.is_empty())?;
        Some(list.split(|it| it.depth == 0 && it.text == ",").collect())
    }

    /// What stands outside of parentheses, with where it is among all.
    fn outer(&self) -> impl Iterator<Item = (usize, &str)> {
        let all = self.tokens.iter().enumerate();
        all.filter(|(_, it)| it.depth == 0).map(|(at, it)| (at, it.text.as_str()))
    }

    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |it| it.text.as_str())
    }
}

/// Whether the column is of all rows together. One of a query in it, or of a window, is not.
fn is_aggregate(item: &[Token]) -> bool {
    let has = |word: &str| item.iter().any(|it| it.text == word);
    let calls =
        item.windows(2).any(|it| it[1].text == "(" && AGGREGATES.contains(&it[0].text.as_str()));
    calls && !has("OVER") && !has("SELECT")
}

fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut depth: usize = 0;
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (text, length) = match first {
            _ if rest.starts_with("--") || rest.starts_with("//") => {
                ("", rest.find('\n').unwrap_or(rest.len()))
            }
            _ if rest.starts_with("/*") => ("", rest.find("*/").map_or(rest.len(), |it| it + 2)),
            _ if rest.starts_with("$$") => {
                ("'", rest[2..].find("$$").map_or(rest.len(), |it| it + 4))
            }
            '\'' => ("'", quoted(rest, '\'')),
            '"' => ("\"", quoted(rest, '"')),
            _ if is_word(first) => {
                let length = rest.find(|it| !is_word(it)).unwrap_or(rest.len());
                (&rest[..length], length)
            }
            '{' => match variable(rest) {
                Some(length) => (&rest[..length], length),
                None => ("{", 1),
            },
            _ if first.is_whitespace() => ("", first.len_utf8()),
            _ => (&rest[..first.len_utf8()], first.len_utf8()),
        };
        if matches!(text, ")" | "]" | "}") {
            depth = depth.saturating_sub(1);
        }
        if !text.is_empty() {
            tokens.push(Token { text: text.to_uppercase(), depth });
        }
        if matches!(text, "(" | "[" | "{") {
            depth += 1;
        }
        rest = &rest[length..];
    }
    tokens
}

fn is_word(it: char) -> bool {
    it.is_alphanumeric() || matches!(it, '_' | '$' | '.')
}

/// How long a quoted text is; a doubled quote does not end it, and a backslash takes the next
/// character along.
fn quoted(text: &str, quote: char) -> usize {
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, it)) = letters.next() {
        if it == '\\' && quote == '\'' {
            letters.next();
        } else if it == quote && letters.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// How long a `{variable}` is.
fn variable(text: &str) -> Option<usize> {
    let end = text.find('}')?;
    crate::suite::words::is_variable(&text[1..end]).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: &str) {
        let look = Look::at(sql);
        let told = [
            ("query", look.is_query()),
            ("pure", look.is_pure()),
            ("ordered", look.is_ordered()),
            ("limited", look.is_limited()),
            ("one", look.is_one_row()),
        ];
        let mut actual: Vec<String> =
            told.iter().filter(|it| it.1).map(|it| it.0.to_owned()).collect();
        actual.extend(look.columns().map(|it| it.to_string()));
        assert_eq!(actual.join(" "), expected, "{sql}");
    }

    #[test]
    fn the_order_that_counts_is_the_outermost() {
        check("SELECT A FROM T ORDER BY A", "query pure ordered 1");
        check("(SELECT A, B FROM T ORDER BY A)", "query pure ordered 2");
        check("SELECT A FROM (SELECT A FROM T ORDER BY A)", "query pure 1");
        check(
            "SELECT ROW_NUMBER() OVER (ORDER BY A), 'ORDER BY' FROM T -- ORDER BY",
            "query pure 2",
        );
        check("SELECT A AS \"ORDER BY\" FROM T /* ORDER BY */", "query pure 1");
        check("WITH C AS (SELECT 1 AS A ORDER BY 1) SELECT A, A FROM C", "query pure 2");
    }

    #[test]
    fn queries_of_one_row_are_known() {
        check("SELECT 1, 'it''s, \\' so', PARSE_JSON('{}')", "query pure one 3");
        check(
            "SELECT COUNT(*), ROUND(SUM(A) / 2, 2) FROM {orders} WHERE A = 1",
            "query pure one 2",
        );
        check("SELECT K, COUNT(*) FROM T GROUP BY K", "query pure 2");
        check("SELECT SUM(A) OVER () FROM T", "query pure 1");
        check("SELECT A, (SELECT COUNT(*) FROM U) FROM T", "query pure 2");
        check("SELECT 1 UNION ALL SELECT 2", "query pure 1");
        check("SELECT A FROM T LIMIT 1", "query pure limited one 1");
        check("SELECT TOP 3 A FROM T", "query pure limited 1");
    }

    #[test]
    fn columns_are_counted_where_no_star_stands_for_them() {
        check("SELECT * FROM T", "query pure");
        check("SELECT T.*, 1 FROM T", "query pure");
        check("SELECT A * 2, COUNT(*) OVER (), [1, 2], F(A, B) FROM T", "query pure 4");
        check("SELECT DISTINCT A, B FROM T", "query pure 2");
    }

    #[test]
    fn what_is_no_query_is_said_nothing_of() {
        check("SHOW TABLES", "one");
        check("{slow_query}", "one");
        check("INSERT INTO T SELECT A FROM U", "1");
        check("SELECT SYSTEM$WAIT(1)", "query one 1");
        check("", "one");
        check("SELECT 'open", "query pure one 1");
    }
}
