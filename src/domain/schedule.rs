//! When a watcher polls. (in work)

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::time::Duration;

/// A cron line or a fixed interval.
#[derive(Clone, Debug)]
pub struct Schedule;

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
    pub fn cron(_text: &str, _zone: Tz) -> Result<Schedule, ScheduleError> {
        Ok(Schedule)
    }

    /// Every so often, in the watcher's own stable slot.
    pub fn every(_interval: Duration, _watcher: &str) -> Schedule {
        Schedule
    }

    /// The first poll of a watcher that was never polled: at once for an interval, in its turn for a cron line.
    pub fn first(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        Some(now)
    }

    /// The first slot after `after`; `None` when there is none ever again.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        Some(after)
    }

    /// How many slots lie in `(after, until]`, counted up to `limit`.
    pub fn slots_between(&self, _after: DateTime<Utc>, _until: DateTime<Utc>, _limit: u32) -> u32 {
        0
    }
}
