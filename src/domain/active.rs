//! When a watcher is active: `active = { days = ["mon-fri"], hours = "09:00-18:00", calendar = "cn-workdays" }`.
//!
//! The verdict is one function of the **wall clock** of the watcher's zone, [`Active::is_open`]: some window is open now.
//!
//! - A **window** belongs to the day on which it begins: `22:00-06:00` of a Friday is open until Saturday at six, whatever
//!   Saturday is, and on Monday before six it is open only if Sunday counts. Its end is not in it. Without `hours` the
//!   window is the whole day.
//! - A **day counts** if `days` names its weekday and, where there is a `calendar`, that calendar works on it. Without
//!   `days` every weekday is named.
//! - A **make-up working day** (补班: a Saturday or Sunday that is worked for a holiday) is a day of the working week, not
//!   of the weekend. So it counts when `days` names the whole working week of the calendar, as `mon-fri` does: who
//!   wants the working week wants that day. It also counts when `days` names its own weekday. It does not count for
//!   `days = ["mon"]` or `["tue-fri"]`: those name certain days, and a Saturday, worked or not, is none of them.
//! - A **holiday** does not count, whatever `days` says.
//!
//! So for a calendar of Monday to Friday, `days = ["mon-fri"]` and no `days` at all say the same, `["sat-sun"]` is open on
//! make-up working days only, and `["mon-sat"]` on what is worked, but never on an ordinary Saturday.
//!
//! **Daylight saving**: the wall clock decides and nothing else. A time that is skipped is never there, so a window that
//! lies in the gap does not open that day, and one that reaches over it is shorter. A time that comes twice is open
//! twice: `01:30-02:00` opens, closes and opens again, `01:00-02:00` is open for two hours.
//!
//! The verdict changes only where the wall clock passes the beginning or end of a window or of a day, or is moved.
//! [`Active::next_opening`] and [`Active::next_change`] ask the verdict itself at each of these instants: what they say
//! cannot differ from it.

#[cfg(test)]
mod tests;
mod words;

use super::calendar::Calendars;
use super::zone;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc, Weekday, WeekdaySet};
use chrono_tz::Tz;
use std::fmt;
pub use words::{parse_days, parse_hours};

/// How far ahead an opening is looked for: a day of the year comes again within it.
const HORIZON_DAYS: i64 = 400;

/// More windows than this in a day are a mistake.
pub const HOURS_MAX: usize = 24;

/// The minutes of a day.
const DAY: u16 = 24 * 60;

/// When a watcher is active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active {
    days: WeekdaySet,
    hours: Vec<Hours>,
    calendar: Option<String>,
}

/// A window of the day; over midnight when it ends before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Minutes of the day, below 24:00.
    start: u16,
    /// Minutes of the day, up to 24:00; not in the window, and not the start.
    end: u16,
}

/// Why a text of `active` is refused.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ActiveError {
    /// What is wrong.
    pub message: String,
    /// The bytes of the text that are wrong.
    pub span: std::ops::Range<usize>,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Active {
    /// Active in these windows (none: all day) of these weekdays, as far as the calendar works on them.
    pub fn new(days: WeekdaySet, hours: Vec<Hours>, calendar: Option<String>) -> Active {
        Active { days, hours, calendar }
    }

    /// The name of its calendar.
    pub fn calendar(&self) -> Option<&str> {
        self.calendar.as_deref()
    }

    /// Whether it is active at an instant.
    pub fn is_open(&self, at: DateTime<Utc>, zone: Tz, calendars: &Calendars) -> bool {
        let Some(wall) = wall(at, zone) else { return false };
        let (day, minute) = (wall.date(), minute_of(wall));
        let began_today = self.hours.is_empty() || self.hours.iter().any(|hours| hours.holds(minute));
        let began_yesterday = self.hours.iter().any(|hours| hours.holds_on_the_next_day(minute));
        began_today && self.counts(day, calendars) || began_yesterday && day.pred_opt().is_some_and(|day| self.counts(day, calendars))
    }

    /// The first instant after `after` at which it becomes active; `None` when there is none within 400 days, as for
    /// one that is always active.
    pub fn next_opening(&self, after: DateTime<Utc>, zone: Tz, calendars: &Calendars) -> Option<DateTime<Utc>> {
        let mut open = self.is_open(after, zone, calendars);
        self.boundaries(after, zone).find(|at| {
            let before = std::mem::replace(&mut open, self.is_open(*at, zone, calendars));
            open && !before
        })
    }

    /// The first instant after `after` at which it becomes active or ceases to be; `None` when there is none within
    /// 400 days.
    pub fn next_change(&self, after: DateTime<Utc>, zone: Tz, calendars: &Calendars) -> Option<DateTime<Utc>> {
        let open = self.is_open(after, zone, calendars);
        self.boundaries(after, zone).find(|at| self.is_open(*at, zone, calendars) != open)
    }

    /// Whether the windows that begin on a day are open.
    fn counts(&self, day: NaiveDate, calendars: &Calendars) -> bool {
        let named = self.days.contains(day.weekday());
        let Some(name) = &self.calendar else { return named };
        let calendar = calendars.get_or_plain(name);
        let whole_week = calendar.working_week().is_subset(self.days);
        calendar.is_workday(day) && (named || whole_week && calendar.is_make_up_workday(day))
    }

    /// Every instant after `after`, up to the horizon, at which the verdict can change, in order.
    fn boundaries(&self, after: DateTime<Utc>, zone: Tz) -> impl Iterator<Item = DateTime<Utc>> {
        (0..HORIZON_DAYS).flat_map(move |day| {
            let from = after.checked_add_signed(TimeDelta::days(day));
            let until = after.checked_add_signed(TimeDelta::days(day + 1));
            from.zip(until).map(|(from, until)| self.boundaries_between(from, until, zone)).unwrap_or_default()
        })
    }

    /// Those in `(from, until]`.
    fn boundaries_between(&self, from: DateTime<Utc>, until: DateTime<Utc>, zone: Tz) -> Vec<DateTime<Utc>> {
        let mut found = zone::changes(zone, from, until);
        let (Some(first), Some(last)) = (wall(from, zone), wall(until, zone)) else { return found };
        // One day more at both ends: the clock may have been moved in between.
        let days = first.date().iter_days().take_while(|day| *day <= last.date());
        for day in first.date().pred_opt().into_iter().chain(days).chain(last.date().succ_opt()) {
            for minute in self.hours.iter().flat_map(|hours| [hours.start, hours.end % DAY]).chain([0]) {
                let wall = day.and_time(chrono::NaiveTime::MIN) + TimeDelta::minutes(i64::from(minute));
                let instants = zone.from_local_datetime(&wall);
                found.extend([instants.earliest(), instants.latest()].into_iter().flatten().map(|at| at.to_utc()));
            }
        }
        found.retain(|at| from < *at && *at <= until);
        found.sort();
        found.dedup();
        found
    }
}

impl Hours {
    /// The first minute of the window, and the minute at which it is over.
    fn new(start: u16, end: u16) -> Option<Hours> {
        (start < DAY && end <= DAY && start != end).then_some(Hours { start, end })
    }

    fn over_midnight(self) -> bool {
        self.end < self.start
    }

    /// Whether the minute is in it, on the day it begins.
    fn holds(self, minute: u16) -> bool {
        self.start <= minute && (minute < self.end || self.over_midnight())
    }

    /// Whether the minute is in it, on the day after.
    fn holds_on_the_next_day(self, minute: u16) -> bool {
        self.over_midnight() && minute < self.end
    }
}

/// The wall clock at an instant; `None` at the ends of time.
fn wall(at: DateTime<Utc>, zone: Tz) -> Option<NaiveDateTime> {
    at.naive_utc().checked_add_signed(zone::offset(zone, at))
}

fn minute_of(wall: NaiveDateTime) -> u16 {
    u16::try_from(wall.hour() * 60 + wall.minute()).unwrap_or(0)
}

impl fmt::Display for Active {
    /// For people: `mon-fri 09:00-18:00, 20:00-21:00 cn-workdays`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = (self.days != WeekdaySet::ALL || self.hours.is_empty() && self.calendar.is_none()).then(|| written(self.days));
        let hours: Vec<String> = self.hours.iter().map(Hours::to_string).collect();
        let hours = (!hours.is_empty()).then(|| hours.join(", "));
        let parts: Vec<String> = [days, hours, self.calendar.clone()].into_iter().flatten().collect();
        f.write_str(&parts.join(" "))
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hours { start, end } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", start / 60, start % 60, end / 60, end % 60)
    }
}

/// The weekdays as they may be written in `days`, those that follow each other as a range.
fn written(days: WeekdaySet) -> String {
    let mut ranges: Vec<(Weekday, Weekday)> = Vec::new();
    for day in days.iter(Weekday::Mon) {
        match ranges.last_mut() {
            Some((_, last)) if last.succ() == day => *last = day,
            _ => ranges.push((day, day)),
        }
    }
    let word = |day: Weekday| day.to_string().to_lowercase();
    let range = |(first, last): &(Weekday, Weekday)| if first == last { word(*first) } else { format!("{}-{}", word(*first), word(*last)) };
    ranges.iter().map(range).collect::<Vec<_>>().join(", ")
}
