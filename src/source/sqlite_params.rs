//! Values for SQLite: bound.
//!
//! SQLite has 64-bit integers and floats: any other number is bound as the float that the same digits would be in the
//! query. A truth value is 1 or 0, a date its text. An instant is the text `YYYY-MM-DD HH:MM:SS` in UTC, which is what
//! `current_timestamp` and `datetime('now')` give there, in whole seconds like theirs: a row of this second must not seem
//! older than a poll in the middle of it. Ask for it with `>=`.

use super::{SourceError, SourceErrorKind};
use crate::domain::query::{CursorValue, Param, Query, Statement};
use crate::domain::sql_text::{Dialect, tokens};
use crate::domain::value::{Kind, Value};
use sqlx::Sqlite;
use sqlx::query::Query as SqlxQuery;
use sqlx::sqlite::SqliteArguments;

/// A statement and the values of its placeholders.
pub(super) struct Bound {
    pub(super) statement: Statement,
    values: Vec<LiteValue>,
}

/// What SQLite can be given.
#[derive(Clone, Debug, PartialEq)]
enum LiteValue {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

/// Makes the statement of a query.
pub(super) fn bind(query: &Query) -> Result<Bound, SourceError> {
    let mut values = Vec::new();
    let mut places: Vec<(usize, String)> = Vec::new();
    let statement = query.assemble(Dialect::Sqlite, &mut |number, param| {
        if let Some((_, place)) = places.iter().find(|(known, _)| *known == number) {
            return place.clone();
        }
        values.push(value_of(param));
        // With blanks around it: a query may say `limit:n`.
        let place = format!(" ?{} ", values.len());
        places.push((number, place.clone()));
        place
    });
    // SQLite would take a `?1` of the DBA for ours, and give a `?` the next number.
    let has_own = || tokens(&query.text, Dialect::Sqlite).iter().any(|token| token.text == "?");
    if !values.is_empty() && has_own() { Err(nothing_fills()) } else { Ok(Bound { statement, values }) }
}

/// The query has `?` or `@name`, for which only its own client would have a value.
pub(super) fn nothing_fills() -> SourceError {
    SourceError::new(SourceErrorKind::Sql, "the query has a parameter that nothing fills")
}

impl Bound {
    /// Whether a placeholder of the compiled statement is one of ours.
    pub(super) fn fills(&self, name: &str) -> bool {
        let number = name.strip_prefix('?').and_then(|number| number.parse::<usize>().ok());
        number.is_some_and(|number| (1..=self.values.len()).contains(&number))
    }

    /// Gives the values to a query of the driver.
    pub(super) fn apply<'q>(&self, query: SqlxQuery<'q, Sqlite, SqliteArguments>) -> SqlxQuery<'q, Sqlite, SqliteArguments> {
        self.values.iter().fold(query, |query, value| match value {
            LiteValue::Null => query.bind(None::<i64>),
            LiteValue::Integer(value) => query.bind(*value),
            LiteValue::Real(value) => query.bind(*value),
            LiteValue::Text(text) => query.bind(text.clone()),
            LiteValue::Blob(bytes) => query.bind(bytes.clone()),
        })
    }
}

fn value_of(param: &Param) -> LiteValue {
    match param {
        Param::Null => LiteValue::Null,
        Param::Bool(value) => LiteValue::Integer(i64::from(*value)),
        Param::Number(number) => number_of(number.as_str()).unwrap_or(LiteValue::Null),
        Param::Text(text) => LiteValue::Text(text.clone()),
        Param::Date(date) => LiteValue::Text(date.format("%Y-%m-%d").to_string()),
        Param::DateTime(time) => LiteValue::Text(time.format("%Y-%m-%d %H:%M:%S%.f").to_string()),
        Param::Instant(instant) => LiteValue::Text(instant.format("%Y-%m-%d %H:%M:%S").to_string()),
        Param::Cursor(cursor) => cursor_value(cursor),
    }
}

fn number_of(digits: &str) -> Option<LiteValue> {
    let integer = digits.parse().ok().map(LiteValue::Integer);
    integer.or_else(|| digits.parse().ok().map(LiteValue::Real))
}

fn cursor_value(cursor: &CursorValue) -> LiteValue {
    let text = || LiteValue::Text(cursor.text.clone());
    match Value::decode(cursor.kind, &cursor.text) {
        Value::Null => LiteValue::Null,
        Value::Number(_) => number_of(&cursor.text).unwrap_or_else(text),
        Value::Float(value) if cursor.kind == Kind::Float => LiteValue::Real(value),
        Value::Bytes(bytes) => LiteValue::Blob(bytes),
        _ => text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::query::ExactNumber;
    use chrono::{NaiveDate, TimeZone, Utc};

    #[test]
    fn each_value_is_what_sqlite_has_for_it() {
        let number = |digits: &str| Param::Number(ExactNumber::parse(digits).expect("a number"));
        let cursor = |kind, text: &str| Param::Cursor(CursorValue { text: text.to_owned(), kind, type_name: None });
        let day = NaiveDate::from_ymd_opt(2026, 11, 23).expect("a day");
        let instant = Utc.timestamp_opt(1_795_397_400, 900_000_000).single().expect("a time");
        for (param, value) in [
            (number("9223372036854775807"), LiteValue::Integer(i64::MAX)),
            (number("9223372036854775808"), LiteValue::Real(9_223_372_036_854_775_808.0)),
            (number("1.50"), LiteValue::Real(1.5)),
            (Param::Bool(true), LiteValue::Integer(1)),
            (Param::Date(day), LiteValue::Text("2026-11-23".into())),
            (Param::DateTime(day.and_hms_opt(9, 30, 0).expect("a time")), LiteValue::Text("2026-11-23 09:30:00".into())),
            (Param::Instant(instant), LiteValue::Text("2026-11-23 01:30:00".into())),
            (cursor(Kind::Number, "-5"), LiteValue::Integer(-5)),
            (cursor(Kind::Float, "100"), LiteValue::Real(100.0)),
            (cursor(Kind::Float, "-Infinity"), LiteValue::Real(f64::NEG_INFINITY)),
            (cursor(Kind::Text, "5"), LiteValue::Text("5".into())),
            (cursor(Kind::Bytes, "00ff"), LiteValue::Blob(vec![0, 255])),
        ] {
            assert_eq!(value_of(&param), value, "{param:?}");
        }
    }

    #[test]
    fn only_our_own_placeholders_are_filled() {
        let bound = bind(&Query::plain("select :a, :b, :a").with("a", Param::Null).with("b", Param::Null)).expect("bound");
        assert_eq!(bound.statement.sql, "select  ?1 ,  ?2 ,  ?1 ");
        assert!(bound.fills("?1") && bound.fills("?2"));
        for name in ["?3", "?0", "?", "$1", ":a", "@a", ""] {
            assert!(!bound.fills(name), "{name}");
        }
        for text in ["select :a, ?", "select ?1, :a"] {
            assert!(bind(&Query::plain(text).with("a", Param::Null)).is_err(), "{text}");
        }
        assert!(bind(&Query::plain("select :a, '?', [?] -- ?").with("a", Param::Null)).is_ok());
    }
}
