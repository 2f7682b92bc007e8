//! A source whose results are given: what a watcher's tests read in place of a database.
//!
//! A result is given for the text of a query and is what every read of it finds, until another one is given. A window is
//! cut out of it as the databases cut it, so that a cursor meets what it would meet there. It knows no SQL: what the
//! query itself makes of `:cursor`, `:now` or a parameter is a matter of the rows that are given.

use super::intake::Intake;
use super::{ColumnInfo, Limits, ReadStats, RowSink, SourceError, SourceErrorKind};
use crate::domain::cursor::CursorValue;
use crate::domain::query::{Param, Query, Window};
use crate::domain::row::{Columns, Row};
use crate::domain::value::Kind;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a query is answered with.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The columns, also of no rows.
    pub columns: Arc<Columns>,
    /// The rows, each of these columns.
    pub rows: Vec<Row>,
    /// How the read fails after the rows; it does not when absent.
    pub failure: Option<(SourceErrorKind, String)>,
}

/// The answers, by the text of the query. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    answers: Arc<Mutex<HashMap<String, Answer>>>,
}

impl Replay {
    /// Answers a query from now on.
    pub fn give(&self, query: &str, answer: Answer) {
        self.answers().insert(query.to_owned(), answer);
    }

    pub(super) fn read<S: RowSink>(&self, query: &Query, limits: &Limits, sink: &mut S) -> Result<ReadStats, SourceError> {
        let answer = self.answer(query)?;
        if let (true, Some((kind, message))) = (answer.rows.is_empty(), &answer.failure) {
            return Err(SourceError::new(*kind, message));
        }
        let mut intake = Intake::new(limits, sink);
        intake.columns(&answer.columns)?;
        for row in within(&query.window, &answer)? {
            intake.row(|filled| {
                (0..row.len()).for_each(|at| filled.push(row.kind(at), row.bytes(at)));
                Ok(())
            })?;
        }
        match answer.failure {
            Some((kind, message)) => Err(SourceError::new(kind, message)),
            None => Ok(intake.stats()),
        }
    }

    /// The columns; what they hold is told by the rows, as with SQLite.
    pub(super) fn prepare(&self, query: &Query) -> Result<Vec<ColumnInfo>, SourceError> {
        let answer = self.answer(query)?;
        if let Some((kind, message)) = answer.failure {
            return Err(SourceError::new(kind, message));
        }
        let kind = |at: usize| answer.rows.iter().map(|row| row.kind(at)).find(|kind| *kind != Kind::Null);
        let column = |(at, name): (usize, &String)| ColumnInfo { name: name.clone(), kind: kind(at), type_name: String::new() };
        Ok(answer.columns.names().iter().enumerate().map(column).collect())
    }

    fn answer(&self, query: &Query) -> Result<Answer, SourceError> {
        let found = self.answers().get(&query.text).cloned();
        found.ok_or_else(|| SourceError::new(SourceErrorKind::Sql, "no rows are given for this query"))
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<String, Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rows of a window: see [`Window`].
fn within<'a>(window: &Window, answer: &'a Answer) -> Result<Vec<&'a Row>, SourceError> {
    let place = |column: &str| {
        let message = || format!("there is no column `{column}`");
        answer.columns.position(column).ok_or_else(|| SourceError::new(SourceErrorKind::Sql, message()))
    };
    let from = |at: usize, least: &CursorValue| {
        let is_in = |row: &&Row| CursorValue::of(row, at).is_none_or(|value| value.order(least) != Some(Ordering::Less));
        answer.rows.iter().filter(is_in).collect()
    };
    match window {
        Window::Whole => Ok(answer.rows.iter().collect()),
        Window::From { column, value: Param::Cursor(value) } => {
            let least = CursorValue { kind: value.kind.code(), text: value.text.clone() };
            Ok(from(place(column)?, &least))
        }
        Window::From { .. } => Ok(answer.rows.iter().collect()),
        Window::Latest { column, rows } => {
            let at = place(column)?;
            let mut values: Vec<CursorValue> = answer.rows.iter().filter_map(|row| CursorValue::of(row, at)).collect();
            values.sort_by(|one, other| other.order(one).unwrap_or(Ordering::Equal));
            values.truncate(usize::try_from(*rows).unwrap_or(usize::MAX));
            Ok(values.last().map_or_else(|| answer.rows.iter().collect(), |least| from(at, least)))
        }
    }
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
