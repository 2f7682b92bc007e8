//! The way of a result from a driver to its receiver: one row buffer, filled again and again, and the limits.

use super::{Limits, MAX_ROW_BYTES, ReadStats, RowSink, SourceError, SourceErrorKind};
use crate::domain::row::{Columns, Row};
use std::sync::Arc;

/// Hands rows on, counts them and holds the limits.
pub(super) struct Intake<'a, S> {
    limits: &'a Limits,
    sink: &'a mut S,
    row: Option<Row>,
    stats: ReadStats,
}

impl<'a, S: RowSink> Intake<'a, S> {
    pub(super) fn new(limits: &'a Limits, sink: &'a mut S) -> Self {
        Intake { limits, sink, row: None, stats: ReadStats::default() }
    }

    /// Tells the receiver the columns; once per result, also of an empty one.
    pub(super) fn columns(&mut self, columns: &Arc<Columns>) -> Result<(), SourceError> {
        self.row = Some(Row::new(Arc::clone(columns)));
        self.sink.columns(columns).map_err(|why| SourceError::new(SourceErrorKind::Evaluation, why))
    }

    /// Takes one row: `fill` pushes its cells.
    pub(super) fn row(&mut self, fill: impl FnOnce(&mut Row) -> Result<(), SourceError>) -> Result<(), SourceError> {
        if self.stats.rows >= self.limits.max_rows {
            let message = format!("the query returns more than {} rows (max_rows)", self.limits.max_rows);
            return Err(SourceError::new(SourceErrorKind::MaxRows, message).hint("narrow the query, or raise max_rows"));
        }
        let Some(row) = &mut self.row else {
            return Err(SourceError::broke_off("rows came before their columns"));
        };
        row.clear();
        fill(row)?;
        check_size(row, self.stats.rows)?;
        self.stats.rows += 1;
        self.stats.bytes += row.size() as u64;
        self.sink.row(row).map_err(|why| SourceError::new(SourceErrorKind::Evaluation, why))
    }

    /// How many rows may still come before `max_rows` is exceeded, the one that exceeds it included.
    pub(super) fn room(&self) -> u64 {
        (self.limits.max_rows - self.stats.rows).saturating_add(1)
    }

    pub(super) fn stats(&self) -> ReadStats {
        self.stats.clone()
    }
}

fn check_size(row: &Row, before: u64) -> Result<(), SourceError> {
    if row.size() <= MAX_ROW_BYTES {
        return Ok(());
    }
    let largest = (0..row.len()).max_by_key(|&at| row.bytes(at).len()).unwrap_or(0);
    let column = row.columns().names().get(largest).map_or("", String::as_str);
    let message = format!(
        "row {} is larger than {} MiB; its largest column is `{column}` with {} bytes",
        before + 1,
        MAX_ROW_BYTES / 1024 / 1024,
        row.bytes(largest).len()
    );
    Err(SourceError::new(SourceErrorKind::RowSize, message).hint("leave the column out of the query, or take a part of it"))
}

/// Makes the columns of a result out of their names.
pub(super) fn columns_of<'n>(names: impl Iterator<Item = &'n str>) -> Result<Arc<Columns>, SourceError> {
    let names: Vec<String> = names.map(str::to_owned).collect();
    if names.is_empty() {
        return Err(SourceError::not_a_query("the query returns no columns"));
    }
    if let Some(at) = names.iter().position(|name| name.trim().is_empty()) {
        let message = format!("column {} of the result has no name", at + 1);
        return Err(SourceError::new(SourceErrorKind::Columns, message).hint("name it with AS"));
    }
    Columns::new(names).map_err(|twice| {
        let message = format!("the result has two columns named `{twice}`");
        SourceError::new(SourceErrorKind::Columns, message).hint("name each column differently with AS")
    })
}
