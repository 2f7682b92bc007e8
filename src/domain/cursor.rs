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
/// After so many overlaps a bound moves although the database never told clearly: another program may keep it from that.
const UNCLEAR_FOR: i32 = 10;
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
    /// When it was first seen: at the end of that read, for a row may have become visible while it waited to begin.
    pub at: DateTime<Utc>,
    /// PostgreSQL: no transaction of this number or a higher one had begun by then.
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

/// A read: when it was, and what its database told of open transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadAt {
    /// When the poll began.
    pub began: DateTime<Utc>,
    /// When the result had ended.
    pub ended: DateTime<Utc>,
    /// What was told.
    pub open: OpenTransactions,
}

/// What a database tells of its open transactions, at the snapshot of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenTransactions {
    /// PostgreSQL: all below `xmin` have ended, none from `xmax` on has begun.
    Snapshot {
        /// The lowest that is still open.
        xmin: u64,
        /// One above the highest that has begun.
        xmax: u64,
    },
    /// InnoDB: for how long the oldest has been open; none is open.
    Oldest(Option<Duration>),
    /// It tells, but did not this time.
    Unclear,
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
    pub fn begin(column: &str, seen: &CursorSeen, asked: Option<u64>, read: ReadAt) -> CursorState {
        let bound = asked.filter(|asked| seen.rows >= *asked).and(seen.lowest.clone());
        let (reconciled_from, reconciled_at) = (bound.clone(), Some(read.began));
        let state = CursorState { column: column.to_owned(), reconciled_from, reconciled_at, bound, marks: Vec::new() };
        state.advance(seen, read, Duration::ZERO, false)
    }

    /// The state after a completed poll: what it saw becomes a mark, and the bound moves up to the highest mark that is old
    /// enough.
    pub fn advance(&self, seen: &CursorSeen, read: ReadAt, overlap: Duration, may_move: bool) -> CursorState {
        let mut next = self.clone();
        let overlap = TimeDelta::from_std(overlap).unwrap_or(TimeDelta::MAX);
        if let Some(value) = seen.highest.clone().filter(|value| self.is_above_marks(value))
            && self.marks.last().is_none_or(|last| read.ended - last.at >= overlap / MARKS_IN_OVERLAP)
        {
            let xmax = if let OpenTransactions::Snapshot { xmax, .. } = read.open { Some(xmax) } else { None };
            next.marks.push(Mark { value, at: read.ended, xmax });
        }
        if may_move && let Some(at) = next.marks.iter().rposition(|mark| mark.is_settled(read, overlap)) {
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
    pub fn held_back(&self, read: ReadAt, overlap: Duration) -> Option<TimeDelta> {
        let overlap = TimeDelta::from_std(overlap).unwrap_or(TimeDelta::MAX);
        let held = self.marks.iter().find(|mark| read.began - mark.at >= overlap && !mark.is_settled(read, overlap));
        held.map(|mark| read.began - mark.at)
    }
}

impl Mark {
    /// Whether whatever was begun before the mark is visible to a read.
    fn is_settled(&self, read: ReadAt, overlap: TimeDelta) -> bool {
        let age = read.began - self.at;
        let has_ended = match (read.open, self.xmax) {
            (OpenTransactions::Snapshot { xmin, .. }, Some(xmax)) => xmin >= xmax,
            (OpenTransactions::Oldest(Some(open_for)), _) => TimeDelta::from_std(open_for).is_ok_and(|open_for| age > open_for),
            (OpenTransactions::Unclear, _) => age >= overlap.checked_mul(UNCLEAR_FOR).unwrap_or(TimeDelta::MAX),
            _ => true,
        };
        age >= overlap && has_ended
    }
}

#[cfg(test)]
#[path = "cursor_tests.rs"]
mod tests;
