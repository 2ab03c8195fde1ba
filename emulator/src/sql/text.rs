//! Statement text to tokens and syntax trees: identifier case, statement splitting, syntax errors.

use crate::error::SqlError;
use datafusion::sql::sqlparser::{
    ast,
    dialect::SnowflakeDialect,
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::{Token, TokenWithSpan, Tokenizer},
};

static DIALECT: SnowflakeDialect = SnowflakeDialect;

/// How deep expressions and subqueries may nest before the text is refused.
const DEPTH_MAX: usize = 50;

/// Tokens of a statement, white space and comments left out, with unquoted identifiers folded to
/// upper case. Keys of semi-structured paths (`a:b.c`) keep their case.
pub fn tokens(sql: &str) -> Result<Vec<TokenWithSpan>, SqlError> {
    let mut tokens: Vec<TokenWithSpan> = Tokenizer::new(&DIALECT, sql)
        .tokenize_with_location()
        .map_err(|error| {
            let at = error.location;
            SqlError::syntax(at.line, at.column.saturating_sub(1), &error.message)
        })?
        .into_iter()
        .filter(|it| !matches!(it.token, Token::Whitespace(_)))
        .collect();
    fold(&mut tokens);
    while matches!(tokens.last().map(|it| &it.token), Some(Token::SemiColon | Token::EOF)) {
        tokens.pop();
    }
    Ok(tokens)
}

fn fold(tokens: &mut [TokenWithSpan]) {
    let mut in_path = false;
    for index in 0..tokens.len() {
        let after_colon = index > 0 && tokens[index - 1].token == Token::Colon;
        let after_period = index > 0 && tokens[index - 1].token == Token::Period;
        let after_word = index > 1
            && matches!(tokens[index - 2].token, Token::Word(_) | Token::RParen | Token::RBracket);
        match &mut tokens[index].token {
            Token::Word(word) => {
                // `a:b` is a path; `{'k': v}` has its colon after a string.
                in_path = (after_colon && after_word) || (in_path && after_period);
                if word.quote_style.is_none() && !in_path {
                    word.value = word.value.to_uppercase();
                }
            }
            Token::Period
            | Token::LBracket
            | Token::RBracket
            | Token::Number(..)
            | Token::Colon => {}
            Token::SingleQuotedString(_) if in_path => {}
            _ => in_path = false,
        }
    }
}

/// Splits a text at its semicolons. Empty statements are left out; `$$` bodies and strings stay
/// whole, since they are single tokens.
pub fn split(sql: &str) -> Result<Vec<&str>, SqlError> {
    let tokens = Tokenizer::new(&DIALECT, sql).tokenize_with_location().map_err(|error| {
        let at = error.location;
        SqlError::syntax(at.line, at.column.saturating_sub(1), &error.message)
    })?;
    let lines = LineStarts::of(sql);
    let mut statements = Vec::new();
    let (mut start, mut has_content) = (0, false);
    for token in &tokens {
        match token.token {
            Token::SemiColon => {
                let end = lines.offset(sql, token.span.start.line, token.span.start.column);
                if has_content {
                    statements.push(sql[start..end].trim());
                }
                start = (end + 1).min(sql.len());
                has_content = false;
            }
            Token::Whitespace(_) | Token::EOF => {}
            _ => has_content = true,
        }
    }
    if has_content {
        statements.push(sql[start..].trim());
    }
    Ok(statements)
}

/// Byte offsets of lines, for turning the tokenizer's places into slices of the text.
pub struct LineStarts(Vec<usize>);

impl LineStarts {
    pub fn of(text: &str) -> Self {
        let rest =
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(rest).collect())
    }

    /// The byte offset of a place; lines and columns count from 1, columns in characters.
    pub fn offset(&self, text: &str, line: u64, column: u64) -> usize {
        let Some(&start) = self.0.get((line as usize).saturating_sub(1)) else { return text.len() };
        text[start..]
            .char_indices()
            .nth((column as usize).saturating_sub(1))
            .map_or(text.len(), |(at, _)| start + at)
    }
}

/// The text between two tokens, both included, as it was written.
pub fn slice<'a>(sql: &'a str, first: &TokenWithSpan, last: &TokenWithSpan) -> &'a str {
    let lines = LineStarts::of(sql);
    let start = lines.offset(sql, first.span.start.line, first.span.start.column);
    let end = lines.offset(sql, last.span.end.line, last.span.end.column);
    sql.get(start..end.max(start)).unwrap_or_default()
}

/// One statement, with nothing after it.
pub fn parse_statement(tokens: Vec<TokenWithSpan>) -> Result<ast::Statement, SqlError> {
    let mut parser = parser(tokens);
    let statement = parser.parse_statement().map_err(syntax_error)?;
    expect_end(&mut parser)?;
    Ok(statement)
}

/// One query, with nothing after it.
pub fn parse_query(sql: &str) -> Result<ast::Query, SqlError> {
    let mut parser = parser(tokens(sql)?);
    let query = parser.parse_query().map_err(syntax_error)?;
    expect_end(&mut parser)?;
    Ok(*query)
}

/// One scalar expression, with nothing after it.
pub fn parse_expression(sql: &str) -> Result<ast::Expr, SqlError> {
    let mut parser = parser(tokens(sql)?);
    let expression = parser.parse_expr().map_err(syntax_error)?;
    expect_end(&mut parser)?;
    Ok(expression)
}

fn parser(tokens: Vec<TokenWithSpan>) -> Parser<'static> {
    Parser::new(&DIALECT).with_recursion_limit(DEPTH_MAX).with_tokens_with_locations(tokens)
}

fn expect_end(parser: &mut Parser) -> Result<(), SqlError> {
    let next = parser.peek_token();
    match next.token {
        Token::EOF => Ok(()),
        _ => Err(unexpected(&next)),
    }
}

/// `syntax error line L at position P unexpected 'X'.`
pub fn unexpected(token: &TokenWithSpan) -> SqlError {
    let text = match &token.token {
        Token::EOF => "<EOF>".to_owned(),
        other => other.to_string(),
    };
    let start = token.span.start;
    SqlError::syntax(start.line.max(1), start.column.saturating_sub(1), &text)
}

/// `Expected: …, found: X at Line: 1, Column: 8` in Snowflake's words.
fn syntax_error(error: ParserError) -> SqlError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
        ParserError::RecursionLimitExceeded => {
            return SqlError::new(
                1003,
                "42000",
                format!(
                    "SQL compilation error:\nthe statement nests deeper than {DEPTH_MAX} levels."
                ),
            );
        }
    };
    let place = text.rsplit_once(" at Line: ").and_then(|(_, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some((line.trim().parse::<u64>().ok()?, column.trim().parse::<u64>().ok()?))
    });
    let found = text
        .split_once("found: ")
        .map(|(_, rest)| rest.rsplit_once(" at Line: ").map_or(rest, |(found, _)| found));
    match (place, found) {
        (Some((line, column)), Some("EOF")) => {
            SqlError::syntax(line.max(1), column.saturating_sub(1), "<EOF>")
        }
        (Some((line, column)), Some(found)) => {
            SqlError::syntax(line, column.saturating_sub(1), found)
        }
        (None, Some("EOF")) => SqlError::syntax(1, 0, "<EOF>"),
        _ => SqlError::new(1003, "42000", format!("SQL compilation error:\nsyntax error: {text}.")),
    }
}

/// Whether the tokens start with these keywords.
pub fn starts_with(tokens: &[TokenWithSpan], keywords: &[&str]) -> bool {
    keywords.len() <= tokens.len()
        && keywords.iter().zip(tokens).all(|(keyword, token)| is_word(token, keyword))
}

pub fn is_word(token: &TokenWithSpan, text: &str) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value == text)
}

/// Whether a word is a keyword that cannot be an alias of a select item.
pub fn is_reserved(keyword: Keyword) -> bool {
    datafusion::sql::sqlparser::keywords::RESERVED_FOR_COLUMN_ALIAS.contains(&keyword)
}

/// An identifier as Snowflake stores it when it is given as text from outside a statement (a
/// login, a parameter): quoted ones lose their quotes, others fold to upper case.
pub fn fold_name(text: &str) -> String {
    match text.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => text.to_uppercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_fold(sql: &str, expected: &str) {
        let text: Vec<String> =
            tokens(sql).unwrap().iter().map(|it| it.token.to_string()).collect();
        assert_eq!(text.join(" "), expected, "\nsql: {sql}");
    }

    #[test]
    fn unquoted_names_fold_and_others_stay() {
        check_fold("select a, \"b\" from t;", "SELECT A , \"b\" FROM T");
    }

    #[test]
    fn keys_of_paths_keep_their_case() {
        check_fold(
            "select v:a.b[0].c::int, x from t",
            "SELECT V : a . b [ 0 ] . c :: INT , X FROM T",
        );
    }

    #[test]
    fn statements_are_split_outside_strings_and_bodies() {
        let sql = "select ';'; -- a;b\nselect $$x;y$$ ;;";
        assert_eq!(split(sql).unwrap(), ["select ';'", "-- a;b\nselect $$x;y$$"]);
    }

    #[track_caller]
    fn check_error(sql: &str, expected: &str) {
        let error = tokens(sql).and_then(parse_statement).unwrap_err();
        assert_eq!(error.to_string(), expected, "\nsql: {sql}");
    }

    #[test]
    fn syntax_errors_name_the_place_and_the_token() {
        check_error(
            "selct 1",
            "001003 (42000): SQL compilation error:\nsyntax error line 1 at position 0 unexpected 'SELCT'.",
        );
        check_error(
            "select 1\nfrom",
            "001003 (42000): SQL compilation error:\nsyntax error line 1 at position 0 unexpected '<EOF>'.",
        );
        check_error(
            "select 1 from t )",
            "001003 (42000): SQL compilation error:\nsyntax error line 1 at position 16 unexpected ')'.",
        );
    }

    #[test]
    fn deep_nesting_is_refused_not_a_crash() {
        let parsed = std::thread::Builder::new().stack_size(crate::STACK_BYTES).spawn(|| {
            let sql = format!("select {}1{}", "(".repeat(5000), ")".repeat(5000));
            tokens(&sql).and_then(parse_statement).unwrap_err().code
        });
        assert_eq!(parsed.unwrap().join().unwrap(), 1003);
    }
}
