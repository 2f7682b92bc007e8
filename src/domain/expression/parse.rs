//! From text to sqlparser's tree: limits, the places of tokens, and errors in words a DBA can act on.
//!
//! sqlparser reads far more than an expression, and its messages are about whole statements. What people get wrong most
//! (`==`, a `;`, a whole query, full-width punctuation) is found among the tokens before it is parsed.

use super::ExpressionError;
use sqlparser::ast::Expr;
use sqlparser::dialect::Dialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};
use std::ops::Range;

/// The longest expression, in bytes.
const MAX_LENGTH: usize = 10_000;

/// Parentheses and other nesting may be this deep.
pub(super) const MAX_DEPTH: usize = 50;

/// The parser counts several steps for one level of nesting.
const PARSER_STEPS: usize = 4 * MAX_DEPTH;

/// So many operators and keywords at most: a chain of them is a tree as deep as it is long until it is compiled.
const MAX_OPERATORS: usize = 1000;

/// Plain SQL: names may be quoted as in PostgreSQL and SQLite or as in MySQL, texts are in single quotes.
#[derive(Debug)]
struct Sql;

impl Dialect for Sql {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"' || ch == '`'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_' || ch == '$'
    }
}

/// A text and where its lines begin: sqlparser counts lines and characters, we count bytes.
pub(super) struct Source<'t> {
    pub text: &'t str,
    /// It has so few operators that no tree of it is deep.
    pub shallow: bool,
    /// The parentheses: where each pair begins and ends. The parser does not keep their places.
    parens: Vec<Range<usize>>,
    /// Where each character begins, and the end.
    chars: Vec<usize>,
    /// The number of the first character of each line.
    lines: Vec<usize>,
}

impl<'t> Source<'t> {
    fn new(text: &'t str) -> Source<'t> {
        let chars: Vec<usize> = text.char_indices().map(|(at, _)| at).chain(std::iter::once(text.len())).collect();
        let breaks = text.chars().enumerate().filter(|(_, c)| *c == '\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(breaks).collect();
        Source { text, shallow: false, parens: Vec::new(), chars, lines }
    }

    fn byte(&self, at: Location) -> usize {
        let number = |n: u64| usize::try_from(n).unwrap_or(1).saturating_sub(1);
        let line = self.lines.get(number(at.line)).copied().unwrap_or(self.chars.len());
        self.chars.get(line + number(at.column)).copied().unwrap_or(self.text.len())
    }

    /// The bytes of a place in the text; the whole text when the parser does not know the place.
    pub fn range(&self, span: Span) -> Range<usize> {
        if span.start.line == 0 {
            return self.whole();
        }
        let start = self.byte(span.start);
        start..self.byte(span.end).max(start)
    }

    /// The tightest pair of parentheses around a place; the place itself when there is none.
    pub fn enclosing(&self, span: &Range<usize>) -> Range<usize> {
        let around = self.parens.iter().filter(|pair| pair.start < span.start && pair.end > span.end);
        around.min_by_key(|pair| pair.len()).cloned().unwrap_or_else(|| span.clone())
    }

    /// From a function's name to the parenthesis that closes its arguments.
    pub fn call(&self, name: Range<usize>) -> Range<usize> {
        let open = name.end + self.text[name.end..].len() - self.text[name.end..].trim_start().len();
        let pair = self.parens.iter().find(|pair| pair.start == open);
        name.start..pair.map_or(name.end, |pair| pair.end)
    }

    /// The text without the blanks around it.
    pub fn whole(&self) -> Range<usize> {
        let start = self.text.len() - self.text.trim_start().len();
        start..self.text.trim_end().len().max(start)
    }
}

/// Parses one expression.
pub(super) fn parse(text: &str) -> Result<(Source<'_>, Expr), ExpressionError> {
    let mut source = Source::new(text);
    if text.len() > MAX_LENGTH {
        return Err(error(format!("the expression has {} bytes; the limit is {MAX_LENGTH}", text.len()), 0..text.len(), None));
    }
    let tokens = Tokenizer::new(&Sql, text).tokenize_with_location().map_err(|e| {
        let at = source.byte(e.location);
        let end = source.text[at..].chars().next().map_or(at, |first| at + first.len_utf8());
        tokenizer_error(&e.message, at..end)
    })?;
    let seen: Vec<&TokenWithSpan> = tokens.iter().filter(|token| !is_blank(&token.token)).collect();
    source.shallow = check_tokens(&source, &seen)? <= MAX_DEPTH;
    source.parens = paren_pairs(&source, &seen);
    let places: Vec<Range<usize>> = seen.iter().map(|token| source.range(token.span)).collect();
    let mut parser = Parser::new(&Sql).with_recursion_limit(PARSER_STEPS).with_tokens_with_locations(tokens);
    let expr = parser.parse_expr().map_err(|e| parser_error(&source, &places, &e))?;
    let rest = parser.next_token();
    if rest.token != Token::EOF {
        return Err(leftover(&source, &rest));
    }
    Ok((source, expr))
}

fn is_blank(token: &Token) -> bool {
    matches!(token, Token::Whitespace(_) | Token::EOF)
}

/// Refuses what is told best before it is parsed; the number of operators.
fn check_tokens(source: &Source<'_>, tokens: &[&TokenWithSpan]) -> Result<usize, ExpressionError> {
    if tokens.is_empty() {
        return Err(error("the expression is empty", 0..source.text.len(), Some("for example `stock < 10 and name is not null`")));
    }
    let (mut depth, mut operators) = (0_usize, 0_usize);
    for token in tokens {
        let fail = |message: &str, hint: &str| Err(error(message, source.range(token.span), Some(hint)));
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::Comma if depth == 0 => return fail("only one expression is wanted", "join conditions with `and` or `or`"),
            Token::Comma | Token::Number(..) | Token::SingleQuotedString(_) | Token::Period => {}
            Token::SemiColon => return fail("an expression has no `;`", "leave it out"),
            Token::DoubleEq => return fail("unknown operator `==`", "SQL compares with ="),
            Token::RArrow => return fail("unknown operator `=>`", "write >="),
            Token::Overlap => return fail("unknown operator `&&`", "write and"),
            Token::ExclamationMark => return fail("unknown operator `!`", "write not"),
            Token::Char(c) => return Err(strange_character(source, token, *c)),
            Token::Word(word) if word.quote_style.is_none() && word.keyword == Keyword::SELECT => {
                return fail("a subquery cannot be evaluated here", "let the watcher's query select it as a column");
            }
            Token::Word(word) if word.quote_style.is_none() && word.keyword == Keyword::WHERE => {
                return fail("`where` does not belong to a condition", "write only what stands after it");
            }
            Token::Word(word) if word.keyword == Keyword::NoKeyword => {}
            _ => operators += 1,
        }
        if depth > MAX_DEPTH {
            return Err(too_deep(source.range(token.span)));
        }
        if operators > MAX_OPERATORS {
            return fail("the expression is too long", "let the watcher's query decide it");
        }
    }
    Ok(operators)
}

fn paren_pairs(source: &Source<'_>, tokens: &[&TokenWithSpan]) -> Vec<Range<usize>> {
    let mut open = Vec::new();
    let mut pairs = Vec::new();
    for token in tokens {
        match token.token {
            Token::LParen => open.push(source.range(token.span).start),
            Token::RParen => pairs.extend(open.pop().map(|start| start..source.range(token.span).end)),
            _ => {}
        }
    }
    pairs
}

/// A character that SQL does not have: often a full-width one, typed with a Chinese input method.
fn strange_character(source: &Source<'_>, token: &TokenWithSpan, c: char) -> ExpressionError {
    let plain = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0),
        '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' => Some('\''),
        '\u{3001}' => Some(','),
        _ => None,
    };
    let range = source.range(token.span);
    match plain {
        Some(plain) => error(format!("`{c}` is a full-width character"), range, Some(&format!("write {plain}"))),
        None => error(format!("unexpected character {c:?}"), range, None),
    }
}

pub(super) fn too_deep(span: Range<usize>) -> ExpressionError {
    error("the expression is nested too deep", span, Some(&format!("{MAX_DEPTH} levels are the limit; let the query decide it")))
}

fn leftover(source: &Source<'_>, rest: &TokenWithSpan) -> ExpressionError {
    let span = source.range(rest.span);
    match &rest.token {
        Token::Word(word) if word.keyword == Keyword::WHEN => {
            error("the case before this is not complete", span, Some("case when stock < 5 then 'low' else 'fine' end"))
        }
        Token::RParen => error("a closing parenthesis without an opening one", span, None),
        token => {
            let hint = "join conditions with `and` or `or`; a name with blanks is written in double quotes";
            error(format!("unexpected {} after the end of the expression", shown(&token.to_string())), span, Some(hint))
        }
    }
}

/// Long tokens are cut.
fn shown(token: &str) -> String {
    match token.char_indices().nth(40) {
        Some((at, _)) => format!("`{}…`", &token[..at]),
        None => format!("`{token}`"),
    }
}

fn parser_error(source: &Source<'_>, places: &[Range<usize>], e: &ParserError) -> ExpressionError {
    let message = match e {
        ParserError::RecursionLimitExceeded => return too_deep(source.whole()),
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message.as_str(),
    };
    let (words, location) = split_location(message);
    let end = source.whole().end;
    let at = location.map_or(end, |location| source.byte(location));
    let span = places.iter().find(|place| place.start == at).cloned().unwrap_or(at.min(end)..end.max(at));
    let words = words.strip_prefix("sql parser error: ").unwrap_or(words);
    if lowercase(words).starts_with("no infix parser") {
        let hint = Some("conditions are joined with `and` or `or`");
        return error(format!("unexpected {}", shown(&source.text[span.clone()])), span, hint);
    }
    match words.strip_prefix("Expected: ").and_then(|rest| rest.split_once(", found: ")) {
        Some((expected, "EOF")) => error(format!("expected {expected}, and the text ends"), end..end, None),
        Some((expected, found)) if expected.ends_with("after IS") => {
            let hint = "write = to compare with a value";
            error(format!("expected null, true, false or distinct from after `is`, found {}", shown(found)), span, Some(hint))
        }
        Some((expected, found)) => error(format!("expected {expected}, found {}", shown(found)), span, None),
        None => error(lowercase(words), span, None),
    }
}

/// Takes ` at Line: 1, Column: 5` off the end of a message.
fn split_location(message: &str) -> (&str, Option<Location>) {
    let Some((words, place)) = message.rsplit_once(" at Line: ") else { return (message, None) };
    let location = place.split_once(", Column: ").and_then(|(line, column)| Some(Location::new(line.parse().ok()?, column.parse().ok()?)));
    (words, location)
}

fn lowercase(message: &str) -> String {
    let mut chars = message.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

fn tokenizer_error(message: &str, span: Range<usize>) -> ExpressionError {
    if message.contains("close delimiter") {
        return error("the quoted name does not end", span, Some("a text is written in single quotes: 'abc'"));
    }
    let open = message.to_lowercase().contains("unterminated");
    error(lowercase(message), span, open.then_some("a quote inside a text is written twice: 'it''s'"))
}

pub(super) fn error(message: impl Into<String>, span: Range<usize>, hint: Option<&str>) -> ExpressionError {
    ExpressionError { message: message.into(), span, hint: hint.map(str::to_owned) }
}
