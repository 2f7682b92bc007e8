//! The errors of MySQL and MariaDB, sorted.

use super::error::{char_position, without_quoted};
use super::{SourceError, SourceErrorKind};
use sqlx::mysql::MySqlDatabaseError;
use std::time::Duration;

/// An error while connecting to this address.
pub(super) fn connecting(host: &str, port: u16, error: &sqlx::Error) -> SourceError {
    let message = error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
    SourceError::new(SourceErrorKind::Connect, format!("cannot connect to {host}:{port}: {message}"))
}

/// The server's number of an error.
pub(super) fn number(error: &sqlx::Error) -> Option<u16> {
    of_server(error).map(MySqlDatabaseError::number)
}

/// An error while reading.
pub(super) fn reading(error: &sqlx::Error, query: &str) -> SourceError {
    let Some(server) = of_server(error) else { return SourceError::broke_off(error) };
    let message = server.message();
    let kind = match server.number() {
        // max_execution_time, max_statement_time
        3024 | 1969 => SourceErrorKind::Timeout,
        1205 | 3572 => {
            let error = SourceError::new(SourceErrorKind::Timeout, "a table stayed locked by another session");
            return error.hint("a schema change or a maintenance job may hold it");
        }
        1317 | 1927 | 1053 | 1152..=1161 => return SourceError::broke_off(message),
        1792 => return SourceError::not_a_query("the query writes"),
        1040 | 1203 | 1226 | 1045 | 1049 => SourceErrorKind::Connect,
        1044 | 1142 | 1143 | 1227 | 1370 | 1345 => SourceErrorKind::Permission,
        1065 => return SourceError::not_a_query("the query is empty"),
        1064 => return syntax(message, query),
        _ => SourceErrorKind::Sql,
    };
    let is_about_data = server.code().is_some_and(|state| state.starts_with("22"));
    let shown = if is_about_data { without_quoted(message, '\'') } else { message.to_owned() };
    SourceError::new(kind, shown).at(named_position(server, query))
}

/// Says which limit was reached.
pub(super) fn of_limit(error: SourceError, limit: Duration) -> SourceError {
    if error.kind == SourceErrorKind::Timeout && error.hint.is_none() { out_of_time(limit) } else { error }
}

/// The limit was reached.
pub(super) fn out_of_time(limit: Duration) -> SourceError {
    SourceError::new(SourceErrorKind::Timeout, format!("the query was ended after {}", humantime::format_duration(limit)))
}

fn of_server(error: &sqlx::Error) -> Option<&MySqlDatabaseError> {
    error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>())
}

/// `You have an error …, check the manual … near 'FORM t' at line 2`.
fn syntax(message: &str, query: &str) -> SourceError {
    let Some((near, line)) = message.split_once("near '").and_then(|(_, rest)| rest.rsplit_once("' at line ")) else {
        return SourceError::new(SourceErrorKind::Sql, message);
    };
    let line = line.trim().parse::<usize>().unwrap_or(1);
    let line_start = query.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    let found = query.get(line_start..).and_then(|rest| rest.find(near)).map(|at| line_start + at);
    let before = query.get(..found.unwrap_or(line_start)).unwrap_or_default();
    if near.starts_with(';') || before.trim_end().ends_with(';') {
        let position = found.and_then(|at| char_position(query, at));
        return SourceError::not_a_query("the query is more than one statement").at(position);
    }
    let at = if near.is_empty() { Some(query.trim_end().len()) } else { found };
    let shown = if near.is_empty() { "syntax error at the end of the query".to_owned() } else { format!("syntax error near `{near}`") };
    SourceError::new(SourceErrorKind::Sql, shown).at(at.and_then(|at| char_position(query, at)))
}

/// Where the unknown column (1054) or table (1146) stands in the query.
fn named_position(error: &MySqlDatabaseError, query: &str) -> Option<usize> {
    if !matches!(error.number(), 1054 | 1146 | 1142 | 1143) {
        return None;
    }
    let name = error.message().split('\'').nth(1)?.rsplit('.').next()?;
    query.find(name).and_then(|at| char_position(query, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_syntax_error_is_found_in_the_query() {
        let query = "select 选\nform t";
        let error = syntax("You have an error; check the manual near 'form t' at line 2", query);
        assert_eq!((error.position, error.message.as_str()), (Some(10), "syntax error near `form t`"));
    }
}
