//! Values for PostgreSQL: bound as text and cast to their types, `(($1::text)::pg_catalog.int8)`.
//!
//! Text, because each type reads its own text exactly, also types nobody thought of; the driver would send a value in
//! the binary form of a type that the server only infers. The cast is made when the statement is planned, so an index
//! is used as for a literal. A number has the type that its digits would have in the query, and a text is `text`: next to
//! an enum or a uuid the query casts it, `:status::mood`. An instant is `timestamptz`, next to `now()`.

use super::{SourceError, postgres_error};
use crate::domain::query::{CursorValue, Param, Query, Statement};
use crate::domain::sql_text::{Dialect, TokenSort, tokens};
use crate::domain::value::Kind;
use std::borrow::Cow;

/// A statement and the values of `$1`, `$2`, …
pub(super) struct Bound {
    pub(super) statement: Statement,
    pub(super) values: Vec<String>,
}

/// Makes the statement of a query.
pub(super) fn bind(query: &Query) -> Result<Bound, SourceError> {
    let mut values: Vec<String> = Vec::new();
    let mut places: Vec<(usize, usize)> = Vec::new();
    let statement = query.assemble(Dialect::Postgres, &mut |number, param| {
        let Some((text, type_name)) = text_of(param) else { return "(null)".to_owned() };
        let known = places.iter().find(|(known, _)| *known == number).map(|(_, place)| *place);
        let place = known.unwrap_or_else(|| {
            values.push(text.into_owned());
            places.push((number, values.len()));
            values.len()
        });
        format!("((${place}::text)::{type_name})")
    });
    // The server would take `$1` of the DBA for ours.
    if values.is_empty() || !has_own_parameter(&query.text) {
        return Ok(Bound { statement, values });
    }
    Err(postgres_error::nothing_fills())
}

fn has_own_parameter(text: &str) -> bool {
    let is_parameter = |text: &str| text.strip_prefix('$').is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()));
    tokens(text, Dialect::Postgres).iter().any(|token| token.sort == TokenSort::Word && is_parameter(&token.text))
}

/// A value's text and the type that reads it; none for NULL, which has any type.
fn text_of(param: &Param) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let (text, type_name): (Cow<'_, str>, &str) = match param {
        Param::Null => return None,
        Param::Bool(value) => (value.to_string().into(), "bool"),
        Param::Number(number) => (number.as_str().into(), number_type(number.as_str())),
        Param::Text(text) => (text.into(), "text"),
        Param::Date(date) => (date.format("%Y-%m-%d").to_string().into(), "date"),
        Param::DateTime(time) => (time.format("%Y-%m-%d %H:%M:%S%.6f").to_string().into(), "timestamp"),
        Param::Instant(instant) => (instant.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string().into(), "timestamptz"),
        Param::Cursor(cursor) => return cursor_text(cursor),
    };
    Some((text, Cow::Owned(format!("pg_catalog.{type_name}"))))
}

fn number_type(digits: &str) -> &'static str {
    match (digits.parse::<i32>(), digits.parse::<i64>()) {
        (Ok(_), _) => "int4",
        (_, Ok(_)) => "int8",
        _ => "numeric",
    }
}

/// Without the name of its type, a value gets the usual type of its kind.
fn cursor_text(cursor: &CursorValue) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let usual = match cursor.kind {
        Kind::Null => return None,
        Kind::Bool => "bool",
        Kind::Number => number_type(&cursor.text),
        Kind::Float => "float8",
        Kind::Bytes => "bytea",
        Kind::Date => "date",
        Kind::Time => "time",
        Kind::DateTime => "timestamp",
        Kind::Instant => "timestamptz",
        Kind::Interval => "interval",
        Kind::Json => "jsonb",
        Kind::Text | Kind::Other => "text",
    };
    let type_name = cursor.type_name.as_deref().and_then(qualified).unwrap_or_else(|| format!("pg_catalog.{usual}"));
    let text = if cursor.kind == Kind::Bytes { format!("\\x{}", cursor.text).into() } else { cursor.text.as_str().into() };
    Some((text, type_name.into()))
}

/// The name of a type as `postgres_types` gives it, with its schema; none if it is anything else. It came from the
/// database, but by way of a store: it is not trusted.
fn qualified(name: &str) -> Option<String> {
    let (first, rest) = identifier(name)?;
    match rest.strip_prefix('.').map(identifier) {
        None if rest.is_empty() => Some(format!("pg_catalog.{first}")),
        Some(Some((_, ""))) => Some(name.to_owned()),
        _ => None,
    }
}

/// The identifier that a text begins with, and the rest.
fn identifier(text: &str) -> Option<(&str, &str)> {
    let length = match text.strip_prefix('"') {
        Some(quoted) => {
            let mut rest = quoted;
            loop {
                rest = &rest[rest.find('"')? + 1..];
                match rest.strip_prefix('"') {
                    Some(after) => rest = after,
                    None => break text.len() - rest.len(),
                }
            }
        }
        None => text.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')).unwrap_or(text.len()),
    };
    let is_empty = length == 0 || text[..length] == *"\"\"" || text.starts_with(|c: char| c.is_ascii_digit());
    (!is_empty).then(|| text.split_at(length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::query::{ExactNumber, Window};

    fn number(digits: &str) -> Param {
        Param::Number(ExactNumber::parse(digits).expect("a number"))
    }

    #[test]
    fn a_value_is_sent_once_and_only_when_it_is_used() {
        let query = Query::plain("select :b, :a, :b, :n").with("a", number("1")).with("b", Param::Text("x".into())).with("c", number("2"));
        let bound = bind(&query.with("n", Param::Null)).expect("bound");
        let sql = "select (($1::text)::pg_catalog.text), (($2::text)::pg_catalog.int4), (($1::text)::pg_catalog.text), (null)";
        assert_eq!((bound.statement.sql.as_str(), bound.values), (sql, vec!["x".to_owned(), "1".to_owned()]));
    }

    #[test]
    fn a_number_has_the_type_of_its_digits() {
        for (digits, type_name) in
            [("2147483647", "int4"), ("-2147483649", "int8"), ("9223372036854775808", "numeric"), ("1.0", "numeric"), ("1e3", "numeric")]
        {
            assert_eq!(number_type(digits), type_name);
        }
    }

    #[test]
    fn a_type_is_named_so_that_it_cannot_be_another() {
        for (name, qualified_name) in [
            ("int8", "pg_catalog.int8"),
            ("\"char\"", "pg_catalog.\"char\""),
            ("shop.mood", "shop.mood"),
            ("\"my \"\"shop\".\"Mood.x\"", "\"my \"\"shop\".\"Mood.x\""),
        ] {
            assert_eq!(qualified(name).as_deref(), Some(qualified_name));
        }
        for name in
            ["", "int8; drop", "int8)", "a.b.c", "\"a", "\"a\"\"", "\"\"", "a.", ".a", "1a", "Int8", "a b", "\"a\"b", "int8[]", "a--"]
        {
            assert_eq!(qualified(name), None, "{name}");
        }
    }

    #[test]
    fn a_parameter_of_the_dba_is_not_taken_for_ours() {
        let query = |text: &str| Query::plain(text).with("a", number("1"));
        assert!(bind(&query("select :a, $1")).is_err());
        assert!(bind(&query("select :a, '$1', $$ $1 $$ -- $1")).is_ok());
    }

    #[test]
    fn a_cursor_without_a_type_gets_that_of_its_kind() {
        let value = |kind, type_name: Option<&str>| {
            Param::Cursor(CursorValue { text: "00ff".into(), kind, type_name: type_name.map(str::to_owned) })
        };
        for (kind, type_name, sql, sent) in [
            (Kind::Bytes, None, "(($1::text)::pg_catalog.bytea)", "\\x00ff"),
            (Kind::Text, Some("uuid"), "(($1::text)::pg_catalog.uuid)", "00ff"),
            (Kind::Text, Some("x; drop table t"), "(($1::text)::pg_catalog.text)", "00ff"),
        ] {
            let window = Window::From { column: "c".into(), value: value(kind, type_name) };
            let bound = bind(&Query::plain("select 1 as c").within(window)).expect("bound");
            assert!(bound.statement.sql.contains(sql), "{}", bound.statement.sql);
            assert_eq!(bound.values, [sent]);
        }
    }
}
