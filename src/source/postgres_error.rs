//! PostgreSQL's errors, sorted.

use super::error::{char_position, named_position, without_quoted};
use super::{SourceError, SourceErrorKind};
use crate::domain::query::{Origin, Statement};
use crate::domain::sql_text::{Dialect, first_word};
use sqlx::postgres::{PgDatabaseError, PgErrorPosition};
use std::time::Duration;
use tokio::time::Instant;

/// How close to the limit a cancelled query counts as ended by it; else somebody cancelled it.
const TIMER_SLACK: Duration = Duration::from_millis(100);

/// An error while connecting to this address.
pub(super) fn connecting(host: &str, port: u16, error: &sqlx::Error) -> SourceError {
    let message = error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
    SourceError::new(SourceErrorKind::Connect, format!("cannot connect to {host}:{port}: {message}"))
}

/// An error while reading.
pub(super) fn reading(error: &sqlx::Error) -> SourceError {
    match error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>()) {
        Some(error) => of_server(error),
        None => SourceError::broke_off(error),
    }
}

/// An error of the statement that declares the cursor (or prepares the query): `before` characters stand before ours in
/// what was sent. Its place is told in the DBA's text.
pub(super) fn declaring(error: &sqlx::Error, text: &str, statement: &Statement, before: usize) -> SourceError {
    let Some(server) = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>()) else {
        return SourceError::broke_off(error);
    };
    let origin = origin(server, statement, before);
    let position = origin.and_then(|origin| char_position(text, origin.byte));
    let is_query = first_word(text, Dialect::Postgres).is_some_and(|word| matches!(word.as_str(), "select" | "with" | "values" | "table"));
    match server.code() {
        "42601" if !is_query => SourceError::not_a_query("the statement is not a query").at(position),
        // A second statement; a writing WITH, FOR UPDATE; SELECT INTO.
        "42601" if server.routine() == Some("exec_parse_message") => {
            SourceError::not_a_query("the query is more than one statement").at(position)
        }
        // What stands there in the statement is ours.
        "42601" if origin.is_some_and(|origin| origin.is_end) => {
            SourceError::new(SourceErrorKind::Sql, "syntax error at the end of the query").at(position)
        }
        // The query has `$1`, and the driver sends no value for it.
        "08P01" => nothing_fills(),
        "0A000" | "42P11" => SourceError::not_a_query(server.message()).at(position),
        // It names the table and no place.
        "42501" => {
            let named = || named_position(text, server.message().rsplit(' ').next()?, Dialect::Postgres);
            of_server(server).at(position.or_else(named))
        }
        _ => of_server(server).at(position),
    }
}

/// The query has `$1`, for which only its own client would have a value.
pub(super) fn nothing_fills() -> SourceError {
    SourceError::new(SourceErrorKind::Sql, "the query has a parameter that nothing fills")
}

fn origin(error: &PgDatabaseError, statement: &Statement, before: usize) -> Option<Origin> {
    let Some(PgErrorPosition::Original(at)) = error.position() else { return None };
    let character = at.checked_sub(before + 1)?;
    let mut bytes = statement.sql.char_indices().map(|(byte, _)| byte).chain([statement.sql.len()]);
    bytes.nth(character).and_then(|byte| statement.origin(byte))
}

/// A cancelled query was ended by its limit, or by a person.
pub(super) fn of_limit(error: SourceError, limit: Duration, deadline: Instant) -> SourceError {
    if error.kind != SourceErrorKind::Timeout || error.hint.is_some() {
        return error;
    }
    if Instant::now() + TIMER_SLACK >= deadline {
        out_of_time(limit)
    } else {
        SourceError::broke_off("the query was cancelled on the server")
    }
}

/// The limit was reached.
pub(super) fn out_of_time(limit: Duration) -> SourceError {
    SourceError::new(SourceErrorKind::Timeout, format!("the query was ended after {}", humantime::format_duration(limit)))
}

fn of_server(error: &PgDatabaseError) -> SourceError {
    let code = error.code();
    let kind = match code {
        "57014" => SourceErrorKind::Timeout,
        "55P03" => {
            let error = SourceError::new(SourceErrorKind::Timeout, "a table stayed locked by another session");
            return error.hint("a schema change or a maintenance job may hold it");
        }
        "25006" => return SourceError::not_a_query(error.message()),
        "42501" => SourceErrorKind::Permission,
        _ => match code.get(..2) {
            Some("08" | "57" | "58" | "XX" | "25") => return SourceError::broke_off(error.message()),
            Some("28" | "53" | "3D") => SourceErrorKind::Connect,
            _ => SourceErrorKind::Sql,
        },
    };
    // Errors about data quote the data.
    let message = if code.starts_with("22") { without_quoted(error.message(), '"') } else { error.message().to_owned() };
    let shown = SourceError::new(kind, message);
    match error.hint() {
        Some(hint) if kind == SourceErrorKind::Sql && !code.starts_with("22") => shown.hint(hint),
        _ => shown,
    }
}
