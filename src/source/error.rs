//! What can go wrong when a business database is read, sorted by what a caller or a person does about it.

use crate::domain::sql_text::{Dialect, Token, TokenSort, tokens};
use std::fmt;

/// The sorts of failure; the word is what `rowbell polls` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceErrorKind {
    /// No connection: unreachable, refused, wrong password, all connections busy.
    Connect,
    /// The time limit was reached (the query's own, or that of a lock).
    Timeout,
    /// More rows than `max_rows`.
    MaxRows,
    /// A single row larger than [`super::MAX_ROW_BYTES`].
    RowSize,
    /// The result broke off: connection lost, query killed, server stopped.
    Interrupted,
    /// The database refused the query: syntax, no such table or column, a failed computation.
    Sql,
    /// The account may not read this.
    Permission,
    /// Not one single read-only query.
    NotAQuery,
    /// Columns that cannot be told apart: two of one name, or one without.
    Columns,
    /// The receiver of the rows stopped the read.
    Evaluation,
}

impl SourceErrorKind {
    /// Every sort.
    pub const ALL: [SourceErrorKind; 10] = [
        SourceErrorKind::Connect,
        SourceErrorKind::Timeout,
        SourceErrorKind::MaxRows,
        SourceErrorKind::RowSize,
        SourceErrorKind::Interrupted,
        SourceErrorKind::Sql,
        SourceErrorKind::Permission,
        SourceErrorKind::NotAQuery,
        SourceErrorKind::Columns,
        SourceErrorKind::Evaluation,
    ];

    /// The word for records and `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            SourceErrorKind::Connect => "connect",
            SourceErrorKind::Timeout => "timeout",
            SourceErrorKind::MaxRows => "max_rows",
            SourceErrorKind::RowSize => "row_size",
            SourceErrorKind::Interrupted => "interrupted",
            SourceErrorKind::Sql => "sql",
            SourceErrorKind::Permission => "permission",
            SourceErrorKind::NotAQuery => "not_a_query",
            SourceErrorKind::Columns => "columns",
            SourceErrorKind::Evaluation => "evaluation",
        }
    }
}

/// A failed read. It says nothing about the rows: no answer is not an empty answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    /// The sort of failure.
    pub kind: SourceErrorKind,
    /// The source's name.
    pub source_name: String,
    /// What happened, without secrets and without row contents.
    pub message: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
    /// The place in the query, as a character number that starts at 1.
    pub position: Option<usize>,
}

impl SourceError {
    pub(super) fn new(kind: SourceErrorKind, message: impl Into<String>) -> SourceError {
        SourceError { kind, source_name: String::new(), message: message.into(), hint: None, position: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> SourceError {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn at(mut self, position: Option<usize>) -> SourceError {
        self.position = position;
        self
    }

    pub(super) fn named(mut self, source_name: &str) -> SourceError {
        source_name.clone_into(&mut self.source_name);
        self
    }

    pub(super) fn not_a_query(what: impl Into<String>) -> SourceError {
        SourceError::new(SourceErrorKind::NotAQuery, what).hint("a query is one SELECT (or WITH … SELECT, VALUES) that only reads")
    }

    pub(super) fn broke_off(what: impl fmt::Display) -> SourceError {
        SourceError::new(SourceErrorKind::Interrupted, format!("the result broke off: {what}"))
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "source `{}`: {}", self.source_name, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SourceError {}

/// A database's message may quote a value (`invalid input syntax for type integer: "…"`), and values stay out of
/// errors: blanks what stands in the given quotes.
pub(super) fn without_quoted(message: &str, quote: char) -> String {
    let parts: Vec<&str> = message.split(quote).collect();
    let blanked = parts.iter().enumerate().map(|(at, part)| if at % 2 == 1 { "…" } else { part });
    blanked.collect::<Vec<_>>().join(&quote.to_string())
}

/// The place of a name that an error tells, where it stands in a query as a name: quoted or not, but in no text or comment.
pub(super) fn named_position(query: &str, name: &str, dialect: Dialect) -> Option<usize> {
    let name = name.rsplit('.').next().unwrap_or(name);
    let is_name = |token: &Token| match token.sort {
        TokenSort::Word => query[token.span.clone()].eq_ignore_ascii_case(name),
        TokenSort::Quoted => query[token.span.clone()].trim_matches(['"', '`', '[', ']']).eq_ignore_ascii_case(name),
        TokenSort::Parameter | TokenSort::Sign => false,
    };
    let token = tokens(query, dialect).into_iter().find(is_name)?;
    char_position(query, token.span.start)
}

/// The character number (from 1) of a byte offset in a text.
pub(super) fn char_position(text: &str, byte_offset: usize) -> Option<usize> {
    text.get(..byte_offset).map(|before| before.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_a_databases_message_are_blanked() {
        assert_eq!(without_quoted(r#"invalid input: "secret""#, '"'), r#"invalid input: "…""#);
        assert_eq!(without_quoted("division by zero", '"'), "division by zero");
    }

    #[test]
    fn a_name_is_found_where_it_is_a_name() {
        let query = "select 'stock' /* stock */, restock, \"Stock\" from t";
        assert_eq!(named_position(query, "t.stock", Dialect::Sqlite), Some(38));
        assert_eq!(named_position(query, "price", Dialect::Sqlite), None);
    }

    #[test]
    fn positions_count_characters_not_bytes() {
        assert_eq!(char_position("选 x", 4), Some(3));
        assert_eq!(char_position("选", 1), None);
    }
}
