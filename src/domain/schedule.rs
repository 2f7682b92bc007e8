//! When a watcher polls: a cron line on a wall clock, or a fixed interval.
//!
//! - A **cron line** is read as crontab reads it (`schedule/fields.rs`) and runs on the wall clock of a zone
//!   (`schedule/wall.rs`). A time that daylight saving skips runs once, right after the gap. A time that it repeats runs
//!   once, at its first occurrence; a line with `*` or a step in its seconds, minutes or hours runs in both.
//! - An **interval** has slots at fixed instants since the Unix epoch, so a restart does not move them. Each watcher has
//!   a slot of its own in the interval, by the hash of its name, but the slots lie on a coarse grid: watchers gather on
//!   few instants, because a process (and a database) that wakes seldom costs much less than one that wakes evenly.
//!
//! Slots that were missed are counted by [`Schedule::slots_between`]; they are not replayed.

mod fields;
#[cfg(test)]
mod tests;
mod wall;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use std::fmt;
use std::time::Duration;
use wall::WallClock;
use xxhash_rust::xxh3::xxh3_64;

/// The grids on which slots gather, in seconds.
const GRIDS: [i64; 6] = [1, 5, 10, 15, 30, 60];

/// An interval has room for at least this many slots on its grid.
const SLOTS_PER_INTERVAL: i64 = 6;

/// The longest interval, in seconds: longer ones would leave the calendar.
const LONGEST_INTERVAL: i64 = 100 * 366 * 86_400;

/// A cron line or a fixed interval.
#[derive(Clone, Debug)]
pub struct Schedule(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Cron { text: String, clock: WallClock },
    Every { interval_ms: i64, offset_ms: i64 },
}

/// Why a schedule's text is refused.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ScheduleError {
    /// What is wrong.
    pub message: String,
    /// The bytes of the text that are wrong.
    pub span: std::ops::Range<usize>,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Schedule {
    /// Reads a cron line of five fields, or six with seconds first; it runs on the wall clock of `zone`.
    ///
    /// # Errors
    /// A field that cannot be read, or a date that never comes, with its place in the text.
    pub fn cron(text: &str, zone: Tz) -> Result<Schedule, ScheduleError> {
        let line = fields::parse(text)?;
        let clock = WallClock::new(&line, zone, text)?;
        Ok(Schedule(Kind::Cron { text: text.trim().to_owned(), clock }))
    }

    /// Every so often, in the watcher's own stable slot. Less than a second counts as one second.
    pub fn every(interval: Duration, watcher: &str) -> Schedule {
        let longest = Duration::from_secs(LONGEST_INTERVAL.unsigned_abs());
        let interval = interval.clamp(Duration::from_secs(1), longest);
        let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(LONGEST_INTERVAL * 1000);
        let seconds = interval_ms / 1000;
        let fits = |grid: &&i64| **grid <= seconds / SLOTS_PER_INTERVAL;
        let grid = GRIDS.iter().rev().find(fits).copied().unwrap_or(1);
        let slots = (seconds / grid).unsigned_abs().max(1);
        let slot = xxh3_64(watcher.as_bytes()) % slots;
        let offset_ms = i64::try_from(slot).unwrap_or(0) * grid * 1000;
        Schedule(Kind::Every { interval_ms, offset_ms })
    }

    /// The same for one of several sources of a watcher: an interval gets a slot of its own for each, so that they are not all
    /// read in the same second.
    pub fn of(&self, watcher: &str, source: &str) -> Schedule {
        match &self.0 {
            Kind::Every { interval_ms, .. } => {
                Schedule::every(Duration::from_millis(interval_ms.unsigned_abs()), &format!("{watcher} {source}"))
            }
            Kind::Cron { .. } => self.clone(),
        }
    }

    /// The first poll of a watcher that was never polled: at once for an interval, in its turn for a cron line.
    pub fn first(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.0 {
            Kind::Cron { .. } => self.next_after(now),
            Kind::Every { .. } => Some(now),
        }
    }

    /// The first slot after `after`; `None` when there is none ever again (cron lines end with the year 2100).
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.0 {
            Kind::Cron { clock, .. } => clock.next_after(after),
            Kind::Every { interval_ms, offset_ms } => {
                let slot = slots_until(after, *interval_ms, *offset_ms) + 1;
                let at = slot.checked_mul(*interval_ms)?.checked_add(*offset_ms)?;
                DateTime::from_timestamp_millis(at)
            }
        }
    }

    /// How many slots lie in `(after, until]`, counted up to `limit`.
    pub fn slots_between(&self, after: DateTime<Utc>, until: DateTime<Utc>, limit: u32) -> u32 {
        if until <= after {
            return 0;
        }
        match &self.0 {
            Kind::Every { interval_ms, offset_ms } => {
                let slots = slots_until(until, *interval_ms, *offset_ms) - slots_until(after, *interval_ms, *offset_ms);
                u32::try_from(slots).unwrap_or(u32::MAX).min(limit)
            }
            Kind::Cron { clock, .. } => {
                let slots = std::iter::successors(clock.next_after(after), |at| clock.next_after(*at));
                let count = slots.take_while(|at| *at <= until).take(limit as usize).count();
                u32::try_from(count).unwrap_or(limit)
            }
        }
    }
}

/// The number of the last slot at or before `at`. Slots are whole milliseconds, so cutting off the rest is exact.
fn slots_until(at: DateTime<Utc>, interval_ms: i64, offset_ms: i64) -> i64 {
    (at.timestamp_millis().saturating_sub(offset_ms)).div_euclid(interval_ms)
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Schedule) -> bool {
        match (&self.0, &other.0) {
            (Kind::Cron { text, clock }, Kind::Cron { text: other_text, clock: other_clock }) => {
                text == other_text && clock.zone() == other_clock.zone()
            }
            (Kind::Every { interval_ms, offset_ms }, Kind::Every { interval_ms: other_interval, offset_ms: other_offset }) => {
                (interval_ms, offset_ms) == (other_interval, other_offset)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Schedule {
    /// As it is written in a watcher's file: `*/5 * * * *`, `every 30s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Cron { text, .. } => f.write_str(text),
            Kind::Every { interval_ms, .. } => {
                let interval = TimeDelta::milliseconds(*interval_ms).to_std().unwrap_or_default();
                write!(f, "every {}", humantime::format_duration(interval))
            }
        }
    }
}
