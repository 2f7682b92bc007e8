//! Runs a cron line on the wall clock of a zone.
//!
//! The `cron` crate finds wall-clock times; it is fed with naive time as if that were UTC, because its own handling of
//! daylight saving skips the day of a gap and runs backwards in an overlap. Which instants a wall-clock time stands for
//! is decided here:
//!
//! - it exists once: that instant;
//! - it is in a gap (it never exists): the first instant after the gap, so all times of a gap are one run;
//! - it exists twice: the first of both; for an interval line (`*` or a step in seconds, minutes or hours) both.
//!
//! So the instants that belong to the wall-clock times after `L` are in order, but for the second half of an overlap,
//! which comes after the whole first half and is searched on its own.

use super::ScheduleError;
use super::fields::{CronLine, error};
use crate::domain::zone::first_second;
use chrono::{DateTime, Datelike, MappedLocalTime, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use std::collections::BTreeSet;
use std::str::FromStr;

/// The years the `cron` crate knows.
const FIRST_YEAR: i32 = 1970;
const LAST_YEAR: i32 = 2100;

/// No zone moves its clock by more than this at once.
const LARGEST_SHIFT: TimeDelta = TimeDelta::hours(26);

/// A cron line on the wall clock of a zone.
#[derive(Clone, Debug)]
pub(super) struct WallClock {
    /// One, or two when both day fields are restricted: then either may match.
    lines: Vec<cron::Schedule>,
    /// Runs in both occurrences of a repeated hour.
    interval: bool,
    zone: Tz,
}

impl WallClock {
    /// The zone.
    pub(super) fn zone(&self) -> Tz {
        self.zone
    }

    pub(super) fn new(line: &CronLine, zone: Tz, text: &str) -> Result<WallClock, ScheduleError> {
        let all_days: BTreeSet<u32> = (1..=31).collect();
        let all_weekdays: BTreeSet<u32> = (0..=6).collect();
        let days = &line.days.numbers;
        let weekdays = &line.weekdays.numbers;
        let lines = if line.days.star || line.weekdays.star {
            vec![crate_line(line, days, weekdays, text)?]
        } else {
            vec![crate_line(line, days, &all_weekdays, text)?, crate_line(line, &all_days, weekdays, text)?]
        };
        let interval = line.seconds.interval || line.minutes.interval || line.hours.interval;
        let clock = WallClock { lines, interval, zone };
        if clock.next_wall(DateTime::UNIX_EPOCH.naive_utc()).is_none() {
            let span = line.days.span.start..line.weekdays.span.end;
            return Err(error("no such date ever comes", span, Some("31 needs a month of 31 days, and February has 29 at most")));
        }
        Ok(clock)
    }

    /// The first run after an instant.
    pub(super) fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if after.year() > LAST_YEAR {
            return None;
        }
        let after = if after.year() < FIRST_YEAR { DateTime::UNIX_EPOCH - TimeDelta::seconds(1) } else { after };
        let local = after.with_timezone(&self.zone).naive_local();
        let forward = self.first_after(local, after);
        let repeated = self.repeated_after(local, after);
        [forward, repeated].into_iter().flatten().min()
    }

    /// The first run after `after` among the wall-clock times after `local`.
    fn first_after(&self, local: NaiveDateTime, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut wall = local;
        loop {
            wall = self.next_wall(wall)?;
            let at = match self.zone.from_local_datetime(&wall) {
                MappedLocalTime::Single(at) => at.to_utc(),
                MappedLocalTime::None => self.gap_end(wall)?,
                MappedLocalTime::Ambiguous(first, second) => match (first.to_utc(), second.to_utc()) {
                    (first, _) if first > after => first,
                    (_, second) if self.interval => second,
                    _ => continue,
                },
            };
            if at > after {
                return Some(at);
            }
        }
    }

    /// When `after` is in the first half of an overlap: the first run of an interval line in the second half.
    fn repeated_after(&self, local: NaiveDateTime, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let MappedLocalTime::Ambiguous(first, second) = self.zone.from_local_datetime(&local) else { return None };
        if !self.interval || after >= second.to_utc() {
            return None;
        }
        let offset = second.offset().fix();
        let start = first_second(first.to_utc(), second.to_utc(), |at| self.zone.offset_from_utc_datetime(&at.naive_utc()).fix() == offset);
        let start_wall = start.with_timezone(&self.zone).naive_local();
        let wall = self.next_wall(start_wall.checked_sub_signed(TimeDelta::seconds(1))?)?;
        match self.zone.from_local_datetime(&wall) {
            MappedLocalTime::Ambiguous(_, second) => Some(second.to_utc()),
            _ => None,
        }
    }

    /// The first instant after the gap in which a wall-clock time would lie.
    fn gap_end(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        let low = wall.checked_sub_signed(LARGEST_SHIFT)?.and_utc();
        let high = wall.checked_add_signed(LARGEST_SHIFT)?.and_utc();
        Some(first_second(low, high, |at| at.with_timezone(&self.zone).naive_local() >= wall))
    }

    fn next_wall(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let first = NaiveDate::from_ymd_opt(FIRST_YEAR, 1, 1)?.and_hms_opt(0, 0, 0)? - TimeDelta::seconds(1);
        let after = after.max(first).and_utc();
        self.lines.iter().filter_map(|line| line.after(&after).next()).map(|at| at.naive_utc()).min()
    }
}

/// A line in the words of the `cron` crate: lists of numbers, and weekdays from 1 = Sunday.
fn crate_line(line: &CronLine, days: &BTreeSet<u32>, weekdays: &BTreeSet<u32>, text: &str) -> Result<cron::Schedule, ScheduleError> {
    let list = |numbers: &BTreeSet<u32>, plus: u32| numbers.iter().map(|n| (n + plus).to_string()).collect::<Vec<_>>().join(",");
    let words = [
        list(&line.seconds.numbers, 0),
        list(&line.minutes.numbers, 0),
        list(&line.hours.numbers, 0),
        list(days, 0),
        list(&line.months.numbers, 0),
        list(weekdays, 1),
    ];
    cron::Schedule::from_str(&words.join(" ")).map_err(|_| error("cannot read the cron line", 0..text.len(), None))
}
