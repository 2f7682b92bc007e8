//! The errors of MySQL and MariaDB, sorted.

use super::error::{char_position, named_position, without_quoted};
use super::{SourceError, SourceErrorKind};
use crate::domain::query::{Origin, Statement};
use crate::domain::sql_text::Dialect;
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

/// How much of a query an error shows, as the server does.
const SHOWN_CHARS: usize = 80;

/// An error while reading: `text` is the DBA's, `statement` what was made of it.
pub(super) fn reading(error: &sqlx::Error, text: &str, statement: Option<&Statement>) -> SourceError {
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
        1064 => return syntax(message, text, statement),
        _ => SourceErrorKind::Sql,
    };
    let is_about_data = server.code().is_some_and(|state| state.starts_with("22"));
    let shown = if is_about_data { without_quoted(message, '\'') } else { message.to_owned() };
    SourceError::new(kind, shown).at(place_of_name(server, text))
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
fn syntax(message: &str, text: &str, statement: Option<&Statement>) -> SourceError {
    let place = message.split_once("near '").and_then(|(_, rest)| rest.rsplit_once("' at line "));
    let (Some((near, line)), Some(statement)) = (place, statement) else {
        return SourceError::new(SourceErrorKind::Sql, message);
    };
    let sql = &statement.sql;
    // The server may have read on to the next line before it saw the error.
    let lines = line.trim().parse::<usize>().unwrap_or(1);
    let line_end = sql.split_inclusive('\n').take(lines).map(str::len).sum::<usize>();
    // MariaDB marks with dots that it shows a part only.
    let find = |near: &str| sql.rmatch_indices(near).map(|(at, _)| at).find(|at| *at < line_end);
    let found = if near.is_empty() { Some(sql.len()) } else { find(near).or_else(|| find(near.strip_suffix("...")?)) };
    let before = found.and_then(|at| sql.get(..at)).unwrap_or_default();
    let origin = found.and_then(|at| statement.origin(at));
    let position = origin.and_then(|origin| char_position(text, origin.byte));
    if near.starts_with(';') || before.trim_end().ends_with(';') {
        return SourceError::not_a_query("the query is more than one statement").at(position);
    }
    let shown = match origin {
        Some(Origin { is_end: true, .. }) => "syntax error at the end of the query".to_owned(),
        // As it stands in the text: the statement has the values of its parameters.
        Some(Origin { byte, .. }) => {
            let line = text[byte..].lines().next().unwrap_or_default();
            format!("syntax error near `{}`", line.trim_end().chars().take(SHOWN_CHARS).collect::<String>())
        }
        None => format!("syntax error near `{near}`"),
    };
    SourceError::new(SourceErrorKind::Sql, shown).at(position)
}

/// Where the column, table or function that an error names stands in the query.
fn place_of_name(error: &MySqlDatabaseError, query: &str) -> Option<usize> {
    let message = error.message();
    let name = match error.number() {
        // `Unknown column 't.x' in …`, `Table 'db.x' doesn't exist`, `… command denied to user 'u'@'h' for table 'db'.'x'`
        1054 | 1146 => message.split('\'').nth(1),
        1142 | 1143 => message.rsplit([' ', '.']).next().map(|name| name.trim_matches(['\'', '`'])),
        // `FUNCTION db.x does not exist`
        1305 => message.split(' ').nth(1),
        _ => None,
    };
    named_position(query, name?, Dialect::Mysql)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::query::{Param, Query};

    #[test]
    fn the_place_of_a_syntax_error_is_found_in_the_query() {
        let query = Query::plain("select :天, 选\nform t").with("天", Param::Text("form t".to_owned()));
        let statement = query.assemble(Dialect::Mysql, &mut |_, _| "'form\nt'".to_owned());
        let error = syntax("You have an error; check the manual near 'form t' at line 3", &query.text, Some(&statement));
        assert_eq!((error.position, error.message.as_str()), (Some(14), "syntax error near `form t`"));
    }
}
