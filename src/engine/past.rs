//! The rows of a time that has passed, by the time that a watcher's cursor says: read once, for a backtest.

use super::Engine;
use super::reading::{failure, no_source, params};
use crate::domain::query::{self, Param, Query, Window};
use crate::domain::row::{Columns, Row};
use crate::domain::value::{Kind, parse_datetime, parse_instant};
use crate::domain::watcher::{Cursor, Watcher};
use crate::source::{ColumnInfo, Limits, RowSink, Source};
use crate::store::Failure;
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use std::sync::Arc;

/// The kind of a failure that a person mends in the watcher's file.
pub const NO_TIME: &str = "no_time";

/// The rows of a time that has passed.
#[derive(Clone, Debug)]
pub struct Past {
    /// Their columns.
    pub columns: Arc<Columns>,
    /// Each with its time, in order.
    pub rows: Vec<(DateTime<Utc>, Row)>,
    /// Rows that have no time: their cursor is NULL or cannot be read.
    pub without_time: u64,
}

impl Engine {
    /// Reads the rows whose cursor lies in `(since, until]`.
    ///
    /// # Errors
    /// The cursor is no time ([`NO_TIME`]), or why the read failed.
    pub async fn past(&self, watcher: &Watcher, since: DateTime<Utc>, until: DateTime<Utc>) -> Result<Past, Failure> {
        let source = self.parts().sources.get(&watcher.source).ok_or_else(no_source)?;
        let Some(cursor) = watcher.cursor() else { return Err(no_time("the watcher has no cursor".to_owned())) };
        let limits = source.limits(watcher.timeout, watcher.max_rows);
        let column = self.cursor_column(source, watcher, cursor, until).await?;
        let base = params(Query::plain(&watcher.query), watcher, None, until);
        let is_by_hand = Query::uses(&watcher.query, "cursor", source.dialect());
        let kind = match column.kind {
            None if !is_by_hand => sampled(source, &base, &column, &limits).await?,
            kind => kind.unwrap_or(Kind::Text),
        };
        let value = lower_bound(cursor, &column, kind, since, source.settings().timezone)?;
        let query = match is_by_hand {
            true => base.with("cursor", value),
            false => base.within(Window::From { column: column.name.clone(), value }),
        };
        let zone = source.settings().timezone;
        let mut sink = PastSink { column: column.name.clone(), place: None, zone, since, until, past: Past::nothing() };
        source.read(&query, &limits, &mut sink).await.map_err(failure)?;
        sink.past.rows.sort_by_key(|(at, _)| *at);
        Ok(sink.past)
    }
}

/// What the column holds, where the database does not say it beforehand: what its last row has.
async fn sampled(source: &Source, base: &Query, column: &ColumnInfo, limits: &Limits) -> Result<Kind, Failure> {
    let mut sample = Sample { column: column.name.clone(), kind: None };
    let last = base.clone().within(Window::Latest { column: column.name.clone(), rows: 1 });
    source.read(&last, limits, &mut sample).await.map_err(failure)?;
    Ok(sample.kind.unwrap_or(Kind::Text))
}

/// Where the read begins, in the column's own kind.
fn lower_bound(cursor: &Cursor, column: &ColumnInfo, kind: Kind, since: DateTime<Utc>, zone: Tz) -> Result<Param, Failure> {
    let wall = since.with_timezone(&zone);
    let text = match kind {
        Kind::Instant => since.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string(),
        Kind::DateTime => wall.format("%Y-%m-%d %H:%M:%S%.6f").to_string(),
        Kind::Date => wall.format("%Y-%m-%d").to_string(),
        // Texts may write the time in several ways; the day is what they all begin with, in whichever zone.
        Kind::Text => since.checked_sub_days(Days::new(1)).unwrap_or(since).format("%Y-%m-%d").to_string(),
        other => {
            let message = format!("its cursor `{}` holds {}, and a backtest needs a time", cursor.column, other.describe());
            return Err(no_time(message));
        }
    };
    Ok(Param::Cursor(query::CursorValue { text, kind, type_name: Some(column.type_name.clone()) }))
}

fn no_time(message: String) -> Failure {
    Failure { kind: NO_TIME.into(), message }
}

/// The time of a cell. One without a zone is of the source's zone; a text of SQLite is of UTC, as `datetime('now')` is.
fn time_of(row: &Row, at: usize, zone: Tz) -> Option<DateTime<Utc>> {
    let text = row.text(at)?;
    let local = |wall: NaiveDateTime| zone.from_local_datetime(&wall).earliest().map(|at| at.to_utc());
    match row.kind(at) {
        Kind::Instant => parse_instant(&text).map(|at| at.to_utc()),
        Kind::DateTime => local(parse_datetime(&text)?),
        Kind::Date => local(NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()?.and_time(NaiveTime::MIN)),
        Kind::Text => parse_instant(&text).map(|at| at.to_utc()).or_else(|| Some(parse_datetime(&text)?.and_utc())),
        _ => None,
    }
}

impl Past {
    fn nothing() -> Past {
        Past { columns: Columns::none(), rows: Vec::new(), without_time: 0 }
    }
}

/// Keeps the rows of the window.
struct PastSink {
    column: String,
    place: Option<usize>,
    zone: Tz,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    past: Past,
}

impl RowSink for PastSink {
    fn columns(&mut self, columns: &Arc<Columns>) -> Result<(), String> {
        self.past.columns = columns.clone();
        self.place = columns.position(&self.column);
        Ok(())
    }

    fn row(&mut self, row: &Row) -> Result<(), String> {
        match self.place.and_then(|at| time_of(row, at, self.zone)) {
            Some(at) if self.since < at && at <= self.until => self.past.rows.push((at, row.clone())),
            Some(_) => {}
            None => self.past.without_time += 1,
        }
        Ok(())
    }
}

/// Looks at the cursor of a row that has one.
struct Sample {
    column: String,
    kind: Option<Kind>,
}

impl RowSink for Sample {
    fn columns(&mut self, _: &Arc<Columns>) -> Result<(), String> {
        Ok(())
    }

    fn row(&mut self, row: &Row) -> Result<(), String> {
        let found = row.columns().position(&self.column).map(|at| row.kind(at));
        self.kind = self.kind.or(found.filter(|kind| *kind != Kind::Null));
        Ok(())
    }
}
