//! How far an incremental watcher has read, without losing what commits late.
//!
//! Numbers and times are handed out before their transaction commits, so a row may become visible under a value that is
//! lower than values already seen. A cursor that goes on from "the last value" loses it for ever. This one reads again:
//!
//! - A **mark** remembers which highest value was first seen when, and on PostgreSQL which transactions were open or yet to
//!   come then. A row that comes late below the mark's value was begun before the mark's time.
//! - The **bound** is where the next read begins, always with `>=`. It moves up to a mark only when the mark is older than
//!   the `overlap` at the snapshot of a read that has just been completed, and when every transaction that was open at the
//!   mark has ended by then, where the database tells. That read began at the old bound and has seen whatever those
//!   transactions left below the mark.
//! - What is read again is known by its key, so it is told once.
//!
//! What it cannot know: a transaction that stays open for longer than the overlap on a database that does not tell, and a
//! value that is taken from a sequence's cache later than that. The reconciliation reads what the bound has passed since
//! the last one, and tells what was missed.
//!
//! A value is the database's own text and is compared by its kind: it never passes through a local time. One that is no
//! number and no time, or lies more than a day in the future, moves nothing: it is read as long as it is above the bound.

use super::row::Row;
use super::sql_text::Dialect;
use super::value::{Kind, parse_datetime, parse_instant, parse_number};
use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::time::Duration;

/// Marks kept within one overlap: finer ones would only move the bound a little earlier.
const MARKS_IN_OVERLAP: i32 = 30;
/// How far in the future a time may lie and still be believed.
const FUTURE: TimeDelta = TimeDelta::days(1);

/// Rows that a first poll takes as known below the highest value: what commits late behind fewer numbers than this is told.
pub const BASELINE_ROWS: u64 = 10_000;

/// A value of the cursor's column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorValue {
    /// The letter of its [`Kind`].
    pub kind: char,
    /// The database's own text.
    pub text: String,
}

/// The highest value that had been seen at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The value.
    pub value: CursorValue,
    /// When it was first seen.
    pub at: DateTime<Utc>,
    /// PostgreSQL: every transaction of a lower number had begun by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xmax: Option<u64>,
}

/// Where a watcher's reading stands; kept with its state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorState {
    /// The column it counts by.
    pub column: String,
    /// The next read begins here; none: at the beginning.
    pub bound: Option<CursorValue>,
    /// What the bound may move up to, the lowest first.
    #[serde(default)]
    pub marks: Vec<Mark>,
    /// When everything was last read again, and from where the next time will.
    #[serde(default)]
    pub reconciled_at: Option<DateTime<Utc>>,
    /// See [`CursorState::reconciled_at`].
    #[serde(default)]
    pub reconciled_from: Option<CursorValue>,
}

/// What a database tells of its open transactions, at the snapshot of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenTransactions {
    /// PostgreSQL: all below `xmin` have ended, all below `xmax` have begun.
    Snapshot {
        /// The lowest that is still open.
        xmin: u64,
        /// One above the highest that has begun.
        xmax: u64,
    },
    /// InnoDB: for how long the oldest has been open; none is open.
    Oldest(Option<Duration>),
    /// It does not tell.
    Unknown,
}

/// What a read saw of the cursor's column.
#[derive(Clone, Debug, Default)]
pub struct CursorSeen {
    /// The highest believable value.
    pub highest: Option<CursorValue>,
    /// The lowest.
    pub lowest: Option<CursorValue>,
    /// Rows with a value.
    pub rows: u64,
}

impl CursorValue {
    /// The value of a cell; `None` for NULL.
    pub fn of(row: &Row, at: usize) -> Option<CursorValue> {
        let text = row.text(at)?;
        Some(CursorValue { kind: row.kind(at).code(), text: text.into_owned() })
    }

    /// Whether values of this kind grow in an order that is the same here as in the database. Texts are ordered by a
    /// database's own collation; only SQLite's is by bytes.
    pub fn can_be_ordered(kind: Kind, dialect: Dialect) -> bool {
        match kind {
            Kind::Number | Kind::Float | Kind::Date | Kind::DateTime | Kind::Instant => true,
            Kind::Text => dialect == Dialect::Sqlite,
            _ => false,
        }
    }

    fn kind(&self) -> Kind {
        Kind::from_code(self.kind)
    }

    /// How two values of one column are ordered; `None` when one of them cannot be read.
    pub fn order(&self, other: &CursorValue) -> Option<Ordering> {
        match (self.kind(), other.kind()) {
            (Kind::Number | Kind::Float, Kind::Number | Kind::Float) => Some(number(&self.text)?.cmp(&number(&other.text)?)),
            (Kind::Instant, Kind::Instant) => Some(parse_instant(&self.text)?.cmp(&parse_instant(&other.text)?)),
            (Kind::DateTime, Kind::DateTime) => Some(parse_datetime(&self.text)?.cmp(&parse_datetime(&other.text)?)),
            (Kind::Date, Kind::Date) => Some(date(&self.text)?.cmp(&date(&other.text)?)),
            (Kind::Text, Kind::Text) => Some(self.text.as_bytes().cmp(other.text.as_bytes())),
            _ => None,
        }
    }

    /// Whether it can move a bound: it can be read, and is no time that lies ahead.
    fn is_believable(&self, now: DateTime<Utc>, zone: Tz) -> bool {
        let latest = (now + FUTURE).with_timezone(&zone).naive_local();
        match self.kind() {
            Kind::Number | Kind::Float => number(&self.text).is_some(),
            Kind::Instant => parse_instant(&self.text).is_some_and(|at| at.to_utc() <= now + FUTURE),
            Kind::DateTime => parse_datetime(&self.text).is_some_and(|at| at <= latest),
            Kind::Date => date(&self.text).is_some_and(|day| day <= latest.date()),
            // SQLite keeps times as texts.
            Kind::Text => parse_datetime(&self.text).is_none_or(|at| at <= latest),
            _ => false,
        }
    }
}

fn number(text: &str) -> Option<BigDecimal> {
    parse_number(text).filter(|number| number.as_bigint_and_exponent().1.abs() <= 1_000)
}

fn date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

impl CursorSeen {
    /// Takes a row's value.
    pub fn see(&mut self, value: CursorValue, now: DateTime<Utc>, zone: Tz) {
        self.rows += 1;
        if !value.is_believable(now, zone) {
            return;
        }
        if self.lowest.as_ref().is_none_or(|lowest| value.order(lowest) == Some(Ordering::Less)) {
            self.lowest = Some(value.clone());
        }
        if self.highest.as_ref().is_none_or(|highest| value.order(highest) == Some(Ordering::Greater)) {
            self.highest = Some(value);
        }
    }
}

impl CursorState {
    /// The state after the first poll. `asked` is how many rows below the highest were asked for, where it was not all.
    pub fn begin(column: &str, seen: &CursorSeen, asked: Option<u64>, open: OpenTransactions, now: DateTime<Utc>) -> CursorState {
        let bound = asked.filter(|asked| seen.rows >= *asked).and(seen.lowest.clone());
        let state =
            CursorState { column: column.to_owned(), reconciled_from: bound.clone(), reconciled_at: Some(now), bound, marks: Vec::new() };
        state.advance(seen, open, now, Duration::ZERO, false)
    }

    /// The state after a completed poll: what it saw becomes a mark, and the bound moves up to the highest mark that is old
    /// enough.
    pub fn advance(&self, seen: &CursorSeen, open: OpenTransactions, now: DateTime<Utc>, overlap: Duration, may_move: bool) -> CursorState {
        let mut next = self.clone();
        let overlap = TimeDelta::from_std(overlap).unwrap_or(TimeDelta::MAX);
        if let Some(value) = seen.highest.clone().filter(|value| self.is_above_marks(value))
            && self.marks.last().is_none_or(|last| now - last.at >= overlap / MARKS_IN_OVERLAP)
        {
            let xmax = if let OpenTransactions::Snapshot { xmax, .. } = open { Some(xmax) } else { None };
            next.marks.push(Mark { value, at: now, xmax });
        }
        if may_move && let Some(at) = next.marks.iter().rposition(|mark| mark.is_settled(open, now, overlap)) {
            next.bound = next.marks.drain(..=at).next_back().map(|mark| mark.value);
        }
        next
    }

    /// Notes that everything from `reconciled_from` on has been read: the next time it begins at the present bound.
    pub fn reconciled(mut self, now: DateTime<Utc>) -> CursorState {
        (self.reconciled_at, self.reconciled_from) = (Some(now), self.bound.clone());
        self
    }

    fn is_above_marks(&self, value: &CursorValue) -> bool {
        let highest = self.marks.last().map(|mark| &mark.value).or(self.bound.as_ref());
        highest.is_none_or(|highest| value.order(highest) == Some(Ordering::Greater))
    }

    /// For how long an old transaction has kept the bound below a mark that is old enough; `None` when none does.
    pub fn held_back(&self, open: OpenTransactions, now: DateTime<Utc>, overlap: Duration) -> Option<TimeDelta> {
        let overlap = TimeDelta::from_std(overlap).unwrap_or(TimeDelta::MAX);
        let held = self.marks.iter().find(|mark| now - mark.at >= overlap && !mark.is_settled(open, now, overlap));
        held.map(|mark| now - mark.at)
    }
}

impl Mark {
    /// Whether whatever was begun before the mark is visible to a read at `now`.
    fn is_settled(&self, open: OpenTransactions, now: DateTime<Utc>, overlap: TimeDelta) -> bool {
        let is_old = now - self.at >= overlap;
        let has_ended = match (open, self.xmax) {
            (OpenTransactions::Snapshot { xmin, .. }, Some(xmax)) => xmin >= xmax,
            (OpenTransactions::Oldest(Some(age)), _) => TimeDelta::from_std(age).is_ok_and(|age| now - age > self.at),
            _ => true,
        };
        is_old && has_ended
    }
}

#[cfg(test)]
#[path = "cursor_tests.rs"]
mod tests;
