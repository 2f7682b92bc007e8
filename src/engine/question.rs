//! What a source is asked about a watcher's text by whoever checks it without polling: whether it is right, and how it
//! would be read.

use super::reading::{params, start_value};
use crate::domain::query::{CursorValue, Param, Query, Window};
use crate::domain::sql_text::Dialect;
use crate::domain::value::Kind;
use crate::domain::watcher::Watcher;
use crate::source::{ColumnInfo, Source, SourceError, SourceErrorKind};
use chrono::{DateTime, Utc};

/// The watcher's query with a value for every name that it may use, so that a database can check it.
pub fn checkable(watcher: &Watcher, now: DateTime<Utc>) -> Query {
    let query = params(Query::plain(&watcher.query), watcher, None, now);
    if watcher.cursor().is_some() { query.with("cursor", Param::Null) } else { query }
}

/// The columns of the watcher's result.
///
/// A NULL goes with every type but not with every operator: where a database cannot tell what `:cursor - interval '1 hour'`
/// is, it is asked again with the value that the cursor begins with.
///
/// # Errors
/// What the database has against the query.
pub async fn prepared(source: &Source, watcher: &Watcher, now: DateTime<Utc>) -> Result<Vec<ColumnInfo>, SourceError> {
    let columns = source.prepare(&checkable(watcher, now)).await;
    let start = watcher.cursor().and_then(|cursor| cursor.start.as_deref());
    match (columns, start) {
        (Err(error), Some(start)) if error.kind == SourceErrorKind::Sql => {
            let unknown = ColumnInfo { name: String::new(), kind: None, type_name: String::new() };
            let query = params(Query::plain(&watcher.query), watcher, None, now).with("cursor", start_value(start, &unknown));
            source.prepare(&query).await.map_err(|_| error)
        }
        (columns, _) => columns,
    }
}

/// The query of the expected keys with a value for every name that it may use.
pub fn checkable_expected(text: &str, watcher: &Watcher, now: DateTime<Utc>) -> Query {
    params(Query::plain(text), watcher, None, now)
}

/// The watcher's query as a poll will ask it when its cursor has come near the end, which is what a planner must be asked
/// about: below that, reading the whole table may be right. `cursor` is the cursor's column, where there is one.
pub fn planned(watcher: &Watcher, cursor: Option<&ColumnInfo>, dialect: Dialect, now: DateTime<Utc>) -> Query {
    let query = params(Query::plain(&watcher.query), watcher, None, now);
    let Some(column) = cursor else { return query };
    let value = near_the_end(column, watcher, now);
    match Query::uses(&watcher.query, "cursor", dialect) {
        true => query.with("cursor", value),
        false => query.within(Window::From { column: column.name.clone(), value }),
    }
}

/// A value that no row, or few, can be above: the largest number of the column's type, or now.
fn near_the_end(column: &ColumnInfo, watcher: &Watcher, now: DateTime<Utc>) -> Param {
    let wall = now.with_timezone(&watcher.timezone);
    let kind = column.kind.unwrap_or_else(|| declared(&column.type_name));
    let text = match kind {
        Kind::Number | Kind::Float => largest(&column.type_name).to_owned(),
        Kind::Date => wall.format("%Y-%m-%d").to_string(),
        Kind::Instant => now.format("%Y-%m-%d %H:%M:%S+00").to_string(),
        _ => wall.format("%Y-%m-%d %H:%M:%S").to_string(),
    };
    Param::Cursor(CursorValue { text, kind, type_name: Some(column.type_name.clone()) })
}

/// What SQLite makes of a declared type.
fn declared(type_name: &str) -> Kind {
    let name = type_name.to_uppercase();
    let is_number = ["INT", "REAL", "FLOA", "DOUB", "NUM", "DEC"].iter().any(|part| name.contains(part));
    if is_number { Kind::Number } else { Kind::Text }
}

/// A number beyond what a type can hold would let a planner answer without looking at the table.
fn largest(type_name: &str) -> &'static str {
    let name = type_name.to_lowercase();
    match () {
        () if name.contains("tiny") => "127",
        () if name.contains("small") || name.contains("int2") => "32767",
        () if name.contains("medium") => "8388607",
        () => "2147483647",
    }
}
