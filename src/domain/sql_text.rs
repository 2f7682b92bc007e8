//! A glance at SQL text: its words, signs and parameters outside of comments, strings and quoted names.
//!
//! It is not a guard, and it knows no grammar: it is good for finding `:name`, for clear messages, and for what a
//! database's grammar admits although it does more than read (`for update`). The guards are the databases' own.
//!
//! A server can be set to read strings differently (`NO_BACKSLASH_ESCAPES` on MySQL, `standard_conforming_strings = off`
//! on PostgreSQL). Then this may take a part of a string for text or the reverse. What depends on it stays harmless: a
//! `:name` is left alone, or replaced where it should not be; values are bound or of letters that end no string.

use std::ops::Range;

/// Whose comments, strings and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Nested comments, `E'…\'…'`, `$tag$…$tag$`.
    Postgres,
    /// MySQL and MariaDB: `#` comments, backslashes in strings, names in backticks.
    Mysql,
    /// Names also in brackets and backticks; a comment may end with the text.
    Sqlite,
}

impl Dialect {
    /// The dialect of the database that a URL names, by its scheme.
    pub fn of_url(url: &str) -> Option<Dialect> {
        match url.split(':').next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "postgres" | "postgresql" => Some(Dialect::Postgres),
            "mysql" | "mariadb" => Some(Dialect::Mysql),
            "sqlite" => Some(Dialect::Sqlite),
            _ => None,
        }
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenSort {
    /// A name, a keyword, a number.
    Word,
    /// A string or a quoted name.
    Quoted,
    /// `:name`.
    Parameter,
    /// Anything else, mostly a single character.
    Sign,
}

/// A part of the text that means something to the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub sort: TokenSort,
    /// A word in lower case, a sign, a parameter as it is written; of what is quoted only the quote.
    pub text: String,
    /// Its bytes.
    pub span: Range<usize>,
}

/// The tokens of a text. A comment that MySQL or MariaDB runs (`/*!`, `/*M!`) is a token.
pub fn tokens(sql: &str, dialect: Dialect) -> Vec<Token> {
    let mut lexer = Lexer { sql, dialect, at: 0, open: Vec::new(), tokens: Vec::new() };
    while lexer.at < sql.len() {
        lexer.step();
    }
    lexer.tokens
}

/// The first word, before which there may be comments and parentheses.
pub fn first_word(sql: &str, dialect: Dialect) -> Option<String> {
    tokens(sql, dialect).into_iter().map(|token| token.text).find(|text| text != "(")
}

/// The byte after the statement: behind it there may only be semicolons, comments, space.
pub fn statement_end(sql: &str, dialect: Dialect) -> usize {
    tokens(sql, dialect).iter().rev().find(|token| token.text != ";").map_or(0, |last| last.span.end)
}

struct Lexer<'s> {
    sql: &'s str,
    dialect: Dialect,
    at: usize,
    /// The parentheses and brackets that are open.
    open: Vec<u8>,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = &self.sql.as_bytes()[self.at..];
        match blank_length(rest, self.dialect) {
            0 => {
                let (length, sort) = self.token(rest);
                self.push(length, sort);
            }
            blank => self.at += blank,
        }
    }

    fn push(&mut self, length: usize, sort: TokenSort) {
        let span = self.at..self.at + length;
        let text = &self.sql[span.clone()];
        match text {
            "(" | "[" => self.open.push(text.as_bytes()[0]),
            ")" | "]" => drop(self.open.pop()),
            _ => {}
        }
        let text = match sort {
            TokenSort::Word => text.to_lowercase(),
            // `E'…'` is a string like any other.
            TokenSort::Quoted => text.trim_start_matches(['e', 'E']).chars().take(1).collect(),
            TokenSort::Parameter | TokenSort::Sign => text.to_owned(),
        };
        self.at = span.end;
        self.tokens.push(Token { sort, text, span });
    }

    /// Length and sort of what begins here, which is no blank.
    fn token(&self, rest: &[u8]) -> (usize, TokenSort) {
        use Dialect::{Mysql, Postgres, Sqlite};
        match (rest[0], self.dialect) {
            (b'\'' | b'"', _) | (b'`', Mysql | Sqlite) => (quoted_length(rest, self.dialect == Mysql), TokenSort::Quoted),
            (b'[', Sqlite) => (rest.iter().position(|b| *b == b']').map_or(rest.len(), |end| end + 1), TokenSort::Quoted),
            (b'e' | b'E', Postgres) if rest.get(1) == Some(&b'\'') => (1 + escaped_length(&rest[1..]), TokenSort::Quoted),
            (b'$', Postgres) if dollar_length(rest).is_some() => (dollar_length(rest).unwrap_or(1), TokenSort::Quoted),
            (b'/', Mysql) if rest.starts_with(b"/*") => (3.min(rest.len()), TokenSort::Sign),
            (b':', _) => self.colon(rest),
            (byte, _) if is_word(byte) => (rest.iter().take_while(|b| is_word(**b)).count(), TokenSort::Word),
            _ => (1, TokenSort::Sign),
        }
    }

    fn colon(&self, rest: &[u8]) -> (usize, TokenSort) {
        if rest.starts_with(b"::") || rest.starts_with(b":=") {
            return (2, TokenSort::Sign);
        }
        let name = name_length(&self.sql[self.at + 1..]);
        if name == 0 || self.is_between_bounds() { (1, TokenSort::Sign) } else { (1 + name, TokenSort::Parameter) }
    }

    /// Whether this is the colon of `a[low:high]`: directly in brackets, with something to its left.
    fn is_between_bounds(&self) -> bool {
        let after_operand =
            self.tokens.last().is_some_and(|token| token.sort != TokenSort::Sign || matches!(token.text.as_str(), ")" | "]"));
        self.open.last() == Some(&b'[') && after_operand
    }
}

/// The length of the space or comment that begins here.
fn blank_length(rest: &[u8], dialect: Dialect) -> usize {
    let is_executed = dialect == Dialect::Mysql && (rest.starts_with(b"/*!") || rest.starts_with(b"/*M!"));
    match rest[0] {
        byte if byte.is_ascii_whitespace() => 1,
        // To MySQL `5--1` is a subtraction: only blanks make two dashes a comment.
        b'-' if rest.starts_with(b"--")
            && (dialect != Dialect::Mysql || rest.get(2).is_none_or(|b| b.is_ascii_whitespace() || b.is_ascii_control())) =>
        {
            line_length(rest, dialect)
        }
        b'#' if dialect == Dialect::Mysql => line_length(rest, dialect),
        b'/' if rest.starts_with(b"/*") && !is_executed => comment_length(rest, dialect),
        _ => 0,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'@') || !byte.is_ascii()
}

/// The length of a parameter's name; it does not begin with a digit.
fn name_length(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_numeric()) {
        return 0;
    }
    text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
}

fn line_length(rest: &[u8], dialect: Dialect) -> usize {
    rest.iter().position(|b| *b == b'\n' || (*b == b'\r' && dialect == Dialect::Postgres)).unwrap_or(rest.len())
}

fn comment_length(rest: &[u8], dialect: Dialect) -> usize {
    let (mut depth, mut at) = (1, 2);
    while at < rest.len() && depth > 0 {
        if rest[at..].starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
        } else if dialect == Dialect::Postgres && rest[at..].starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else {
            at += 1;
        }
    }
    at
}

/// A doubled quote is two strings next to each other here, which comes to the same.
fn quoted_length(rest: &[u8], has_escapes: bool) -> usize {
    let quote = rest[0];
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' if has_escapes && quote != b'`' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `E'…'`, which goes on, with its backslashes, in a string that begins on one of the next lines.
fn escaped_length(rest: &[u8]) -> usize {
    let mut at = quoted_length(rest, true);
    while at < rest.len() {
        let mut next = at;
        while next < rest.len() && (rest[next].is_ascii_whitespace() || rest[next..].starts_with(b"--")) {
            next += blank_length(&rest[next..], Dialect::Postgres);
        }
        let is_doubled = next == at;
        let is_next_line = rest[at..next].iter().any(|byte| matches!(byte, b'\n' | b'\r'));
        let goes_on = rest.get(next) == Some(&b'\'') && (is_doubled || is_next_line);
        if !goes_on {
            break;
        }
        at = next + quoted_length(&rest[next..], true);
    }
    at.min(rest.len())
}

/// `$$…$$` or `$tag$…$tag$`; none if it is something else that begins with a dollar.
fn dollar_length(rest: &[u8]) -> Option<usize> {
    let is_tag = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
    let tag = rest[1..].iter().take_while(|byte| is_tag(byte)).count();
    if rest.get(1 + tag) != Some(&b'$') || rest[1].is_ascii_digit() {
        return None;
    }
    let (quote, body) = rest.split_at(tag + 2);
    let end = body.windows(quote.len()).position(|window| window == quote);
    Some(end.map_or(rest.len(), |end| quote.len() * 2 + end))
}

#[cfg(test)]
#[path = "sql_text_tests.rs"]
mod tests;
