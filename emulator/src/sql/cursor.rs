//! Reads a statement token by token, for the parsers of what the engine's dialect has no word for.
//!
//! Every refusal is Snowflake's: `001003`, with the line and the position of the token that was
//! not expected. Not for queries, which the engine's own parser reads.

use crate::error::SqlError;
use datafusion::sql::sqlparser::{
    dialect::SnowflakeDialect,
    tokenizer::{Token, Tokenizer},
};

/// A place in the tokens of one statement. White space and comments are not tokens.
pub struct Cursor<'a> {
    source: &'a str,
    lexemes: Vec<Lexeme>,
    /// Index of the next token; one past the last at the end.
    at: usize,
}

/// Where a cursor stood, to go back to or to take the text since. Only of use to its own cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(usize);

struct Lexeme {
    token: Token,
    /// Bytes of the source.
    start: usize,
    end: usize,
}

static END: Token = Token::EOF;

impl<'a> Cursor<'a> {
    /// Splits a statement into tokens. Fails where a string or comment is not closed.
    pub fn new(source: &'a str) -> Result<Self, SqlError> {
        let mut spanned = Vec::new();
        Tokenizer::new(&SnowflakeDialect, source)
            .tokenize_with_location_into_buf(&mut spanned)
            .map_err(|_| {
                // What is left open is found at the end only, and that is where it is reported.
                let (line, position) = place(source, source.len());
                let text = format!(
                    "SQL compilation error:\n\
                     parse error line {line} at position {position} near '<EOF>'."
                );
                SqlError { at: Some((line, position)), ..SqlError::new(1003, "42000", text) }
            })?;

        let mut offsets = Offsets::new(source);
        let mut lexemes = Vec::with_capacity(spanned.len());
        for it in spanned {
            let start = offsets.of(it.span.start.line, it.span.start.column);
            let end = offsets.of(it.span.end.line, it.span.end.column);
            if !matches!(it.token, Token::Whitespace(_) | Token::EOF) {
                lexemes.push(Lexeme { token: it.token, start, end });
            }
        }
        Ok(Self { source, lexemes, at: 0 })
    }

    /// The next token, [`Token::EOF`] at the end.
    pub fn peek(&self) -> &Token {
        self.peek_nth(0)
    }

    /// The `n`th token from here; 0 is the next.
    pub fn peek_nth(&self, n: usize) -> &Token {
        self.lexemes.get(self.at + n).map_or(&END, |it| &it.token)
    }

    /// Takes the next token, whatever it is; [`Token::EOF`] at the end, again and again.
    #[expect(clippy::should_implement_trait, reason = "it never ends, and borrows nothing")]
    pub fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.lexemes.len());
        token
    }

    /// Whether nothing is left, but for semicolons.
    pub fn at_end(&self) -> bool {
        self.lexemes.iter().skip(self.at).all(|it| it.token == Token::SemiColon)
    }

    /// Refuses whatever is left.
    pub fn end(&self) -> Result<(), SqlError> {
        if self.at_end() { Ok(()) } else { Err(self.unexpected()) }
    }

    pub fn mark(&self) -> Mark {
        Mark(self.at)
    }

    pub fn reset(&mut self, mark: Mark) {
        self.at = mark.0.min(self.lexemes.len());
    }

    /// The text from `mark` up to the last token taken, as written.
    pub fn text_since(&self, mark: Mark) -> &'a str {
        if self.at <= mark.0 {
            return "";
        }
        let start = self.lexemes.get(mark.0).map_or(self.source.len(), |it| it.start);
        let end = self.lexemes.get(self.at - 1).map_or(self.source.len(), |it| it.end);
        self.source.get(start..end).unwrap_or_default()
    }

    /// Takes all that is left, without trailing semicolons, as written: the query after `AS`.
    /// Empty if nothing is.
    pub fn rest(&mut self) -> &'a str {
        let mark = self.mark();
        let last = self.lexemes.iter().rposition(|it| it.token != Token::SemiColon);
        self.at = last.map_or(self.at, |it| (it + 1).max(self.at));
        let text = self.text_since(mark);
        self.at = self.lexemes.len();
        text
    }

    /// [`Self::rest`], with blanks for all that is before it: what is wrong with it is found at its
    /// place in the statement.
    pub fn rest_in_place(&mut self) -> String {
        let start = self.lexemes.get(self.at).map_or(self.source.len(), |it| it.start);
        let before = self.source.get(..start).unwrap_or_default();
        let blanks = before.chars().map(|it| if it == '\n' { it } else { ' ' });
        blanks.chain(self.rest().chars()).collect()
    }

    /// `001003` at the next token.
    pub fn unexpected(&self) -> SqlError {
        let (offset, text) = match self.lexemes.get(self.at) {
            Some(it) => (it.start, self.source.get(it.start..it.end).unwrap_or_default()),
            None => (self.source.len(), "<EOF>"),
        };
        let (line, position) = place(self.source, offset);
        SqlError::syntax(line, position, text)
    }

    // Words and signs.

    /// Whether the next token is this word, in any case and not quoted.
    pub fn peek_keyword(&self, word: &str) -> bool {
        is_keyword(self.peek(), word)
    }

    /// Whether the next tokens are these words.
    pub fn peek_keywords(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(n, word)| is_keyword(self.peek_nth(n), word))
    }

    /// Takes the word if it is next.
    pub fn take_keyword(&mut self, word: &str) -> bool {
        self.take_keywords(&[word])
    }

    /// Takes the words if they are next, in this order; otherwise none of them.
    pub fn take_keywords(&mut self, words: &[&str]) -> bool {
        let found = self.peek_keywords(words);
        if found {
            self.at += words.len();
        }
        found
    }

    /// Takes one of the words, whichever is next.
    pub fn take_one_of<'w>(&mut self, words: &[&'w str]) -> Option<&'w str> {
        words.iter().find(|it| self.take_keyword(it)).copied()
    }

    pub fn expect_keyword(&mut self, word: &str) -> Result<(), SqlError> {
        if self.take_keyword(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Fails at the first word that is not there.
    pub fn expect_keywords(&mut self, words: &[&str]) -> Result<(), SqlError> {
        words.iter().try_for_each(|it| self.expect_keyword(it))
    }

    /// Takes the sign (`Token::Comma`, `Token::LParen`, …) if it is next.
    pub fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == token && *token != Token::EOF;
        if found {
            self.at += 1;
        }
        found
    }

    pub fn expect(&mut self, token: &Token) -> Result<(), SqlError> {
        if self.take(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    // Names.

    /// A name, as stored: upper case unless it is quoted.
    pub fn identifier(&mut self) -> Result<String, SqlError> {
        match self.peek() {
            Token::Word(word) => {
                let name = match word.quote_style {
                    Some(_) => word.value.clone(),
                    None => word.value.to_uppercase(),
                };
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// `name`, `schema.name`, `database.schema.name`, `database..name` (whose schema is `PUBLIC`)
    /// or any of these in `IDENTIFIER('…')`: one to three parts, as stored.
    pub fn object_name(&mut self) -> Result<Vec<String>, SqlError> {
        if self.peek_keyword("IDENTIFIER") && *self.peek_nth(1) == Token::LParen {
            let mark = self.mark();
            self.at += 2;
            let text = self.string()?;
            self.expect(&Token::RParen)?;
            let inner = Cursor::new(&text).and_then(|mut it| {
                let parts = it.object_name()?;
                it.end().map(|()| parts)
            });
            return inner.map_err(|_| {
                self.reset(mark);
                self.unexpected()
            });
        }
        let mut parts = vec![self.identifier()?];
        while self.take(&Token::Period) {
            if parts.len() == 3 {
                return Err(self.unexpected());
            }
            if parts.len() == 1 && self.take(&Token::Period) {
                parts.push("PUBLIC".to_owned());
            }
            parts.push(self.identifier()?);
        }
        Ok(parts)
    }

    // Literals.

    /// `'text'` or `$$text$$`, if it is next.
    pub fn take_string(&mut self) -> Option<String> {
        let text = match self.peek() {
            Token::SingleQuotedString(text) => text.clone(),
            Token::DollarQuotedString(text) => text.value.clone(),
            _ => return None,
        };
        self.at += 1;
        Some(text)
    }

    pub fn string(&mut self) -> Result<String, SqlError> {
        self.take_string().ok_or_else(|| self.unexpected())
    }

    /// A whole number without a sign.
    pub fn number(&mut self) -> Result<u64, SqlError> {
        let number = match self.peek() {
            Token::Number(digits, _) => digits.parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| self.unexpected())?;
        self.at += 1;
        Ok(number)
    }

    /// `TRUE` or `FALSE`, also as a string, as properties take it.
    pub fn boolean(&mut self) -> Result<bool, SqlError> {
        let value = match self.peek() {
            Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
            Token::SingleQuotedString(text) => text.to_ascii_uppercase(),
            _ => return Err(self.unexpected()),
        };
        let value = match value.as_str() {
            "TRUE" => true,
            "FALSE" => false,
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(value)
    }

    /// A word or a string, for values that are either: `XSMALL`, `'X-Small'`. As written.
    pub fn word_or_string(&mut self) -> Result<String, SqlError> {
        if let Some(text) = self.take_string() {
            return Ok(text);
        }
        match self.peek() {
            Token::Word(word) => {
                let text = word.value.clone();
                self.at += 1;
                Ok(text)
            }
            _ => Err(self.unexpected()),
        }
    }

    // Lists.

    /// `( item, … )` with at least one item.
    pub fn parenthesised<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, SqlError> {
        self.expect(&Token::LParen)?;
        let mut items = vec![item(self)?];
        while self.take(&Token::Comma) {
            items.push(item(self)?);
        }
        self.expect(&Token::RParen)?;
        Ok(items)
    }

    /// Takes tokens up to a comma or closing bracket outside all brackets, or the end: an
    /// expression, as written. At least one token.
    pub fn expression_text(&mut self) -> Result<&'a str, SqlError> {
        let mark = self.mark();
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
                Token::RParen | Token::RBracket | Token::RBrace => match depth.checked_sub(1) {
                    Some(it) => depth = it,
                    None => break,
                },
                Token::Comma | Token::SemiColon if depth == 0 => break,
                Token::EOF if depth == 0 => break,
                Token::EOF => return Err(self.unexpected()),
                _ => {}
            }
            self.at += 1;
        }
        if self.mark() == mark {
            return Err(self.unexpected());
        }
        Ok(self.text_since(mark))
    }
}

fn is_keyword(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(it)
        if it.quote_style.is_none() && it.value.eq_ignore_ascii_case(word))
}

/// Line from 1 and position within it from 0, in characters, as Snowflake counts.
fn place(source: &str, offset: usize) -> (u64, u64) {
    let before = source.get(..offset).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let position = before.rsplit('\n').next().unwrap_or_default().chars().count();
    (line as u64, position as u64)
}

/// Byte offsets of the tokenizer's lines and columns. These only grow, so one pass finds them all.
struct Offsets<'a> {
    source: &'a str,
    line: u64,
    column: u64,
    offset: usize,
}

impl<'a> Offsets<'a> {
    fn new(source: &'a str) -> Self {
        Self { source, line: 1, column: 1, offset: 0 }
    }

    fn of(&mut self, line: u64, column: u64) -> usize {
        let rest = self.source.get(self.offset..).unwrap_or_default();
        for c in rest.chars() {
            if (self.line, self.column) >= (line, column) {
                break;
            }
            if c == '\n' {
                (self.line, self.column) = (self.line + 1, 1);
            } else {
                self.column += 1;
            }
            self.offset += c.len_utf8();
        }
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(sql: &str) -> Cursor<'_> {
        Cursor::new(sql).expect("the test's statement has closed strings")
    }

    #[test]
    fn what_was_not_expected_is_named_as_written_and_where_it_stands() {
        #[track_caller]
        fn check(sql: &str, taken: usize, expected: &str) {
            let mut cursor = cursor(sql);
            for _ in 0..taken {
                cursor.next();
            }
            let message = cursor.unexpected().message;
            assert_eq!(message, format!("SQL compilation error:\nsyntax error {expected}."));
        }
        check("alter x warehouse", 2, "line 1 at position 8 unexpected 'warehouse'");
        check("é 'ü' w", 2, "line 1 at position 6 unexpected 'w'");
        check("a\n  'b c'", 1, "line 2 at position 2 unexpected ''b c''");
        check("a /* c\n */ \"B\" (", 1, "line 2 at position 4 unexpected '\"B\"'");
        check("a\r\n--\r\n(", 1, "line 3 at position 0 unexpected '('");
        check("a b", 2, "line 1 at position 3 unexpected '<EOF>'");
        check("", 3, "line 1 at position 0 unexpected '<EOF>'");
    }

    #[test]
    fn an_open_string_is_an_error_at_the_end() {
        let error = Cursor::new("select\n 'abc").err().expect("the string is not closed");
        assert_eq!(error.at, Some((2, 5)));
        assert!(error.message.contains("parse error line 2 at position 5 near '<EOF>'"));
    }

    #[test]
    fn names_fold_unless_quoted() {
        #[track_caller]
        fn check(sql: &str, expected: &[&str]) {
            assert_eq!(cursor(sql).object_name().expect(sql), expected, "{sql}");
        }
        check("t", &["T"]);
        check("db.\"my schema\".T$1", &["DB", "my schema", "T$1"]);
        check("\"a\"\"b\".c", &["a\"b", "C"]);
        check("db..t", &["DB", "PUBLIC", "T"]);
        check("identifier('db.s.\"t\"')", &["DB", "S", "t"]);
        assert!(cursor("a.b.c.d").object_name().is_err());
        assert!(cursor("'a'").object_name().is_err());
        assert!(cursor("identifier('a b')").object_name().is_err());
    }

    #[test]
    fn words_are_taken_all_or_none() {
        let mut it = cursor("create or replace \"TABLE\"");
        assert!(!it.take_keywords(&["CREATE", "OR", "ALTER"]));
        assert!(it.take_keywords(&["CREATE", "OR", "REPLACE"]));
        assert!(!it.take_keyword("TABLE"), "a quoted word is a name");
        assert_eq!(it.identifier().as_deref(), Ok("TABLE"));
        assert!(it.end().is_ok());
    }

    #[test]
    fn the_rest_is_the_text_as_written_without_semicolons() {
        let mut it = cursor("create view v as  select 1 -- one\n from\tt ; ;");
        assert!(it.take_keywords(&["CREATE", "VIEW"]));
        let mark = it.mark();
        it.next();
        it.expect_keyword("as").expect("AS is next");
        assert_eq!(it.text_since(mark), "v as");
        assert_eq!(it.rest(), "select 1 -- one\n from\tt");
        assert_eq!((it.rest(), it.at_end()), ("", true));
    }

    #[test]
    fn the_rest_can_keep_its_place() {
        let mut it = cursor("é\n as select 1;");
        it.next();
        it.next();
        assert_eq!(it.rest_in_place(), " \n    select 1");
    }

    #[test]
    fn expressions_end_at_their_own_comma_or_bracket() {
        let mut it = cursor("(to_date(a, 'x'), b[1], c) d");
        let items = it.parenthesised(|it| it.expression_text().map(str::to_owned));
        assert_eq!(items, Ok(vec!["to_date(a, 'x')".into(), "b[1]".into(), "c".into()]));
        assert!(it.peek_keyword("d"));
        assert!(cursor("()").parenthesised(|it| it.expression_text().map(str::to_owned)).is_err());
        assert!(
            cursor("(f(a").parenthesised(|it| it.expression_text().map(str::to_owned)).is_err()
        );
    }
}
