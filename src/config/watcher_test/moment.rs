//! When a poll of a test is made: on the wall clock, so long after the poll before, or in the watcher's next slot.

use crate::config::node::{Content, Node};
use crate::config::reader::{Reader, Report};
use crate::domain::schedule::Schedule;
use crate::domain::value::{parse_datetime, parse_instant};
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// A Monday on which nothing special happens.
const START: Option<NaiveDate> = NaiveDate::from_ymd_opt(2026, 11, 23);
const OPENING: Option<NaiveTime> = NaiveTime::from_hms_opt(9, 0, 0);

/// A time as it is written.
enum Written {
    Instant(DateTime<Utc>),
    Local(NaiveDateTime),
    Time(NaiveTime),
}

/// When a test begins: what `start` says, else what the file says, else the usual Monday.
pub(super) fn start(reader: &Reader<'_>, usual: Option<DateTime<Utc>>, zone: Tz, report: &mut Report<'_>) -> Option<DateTime<Utc>> {
    let Some(node) = reader.node("start") else {
        return usual.or_else(|| on_the_clock(START?.and_time(OPENING?), zone));
    };
    match written(node) {
        Some(Written::Instant(at)) => Some(at),
        Some(Written::Local(local)) => existing(local, zone, node, report),
        Some(Written::Time(_)) | None => {
            no_time(node, report);
            None
        }
    }
}

/// The polls of one test, one after the other.
pub(super) struct Course<'a> {
    pub zone: Tz,
    pub schedule: &'a Schedule,
    /// The poll before, or the start.
    pub at: DateTime<Utc>,
    pub is_first: bool,
}

impl Course<'_> {
    /// When the next poll is made. A fault leaves the time where it is.
    pub fn next(&mut self, reader: &Reader<'_>, report: &mut Report<'_>) -> DateTime<Utc> {
        if let (Some(_), Some(place)) = (reader.node("at"), reader.key_place("after")) {
            report.at(place, "`after` and `at` cannot both stand in a poll", Some("remove one of them".to_owned()));
        }
        let next = match (reader.node("at"), reader.node("after")) {
            (Some(node), _) => self.at_node(node, report),
            (None, Some(_)) => {
                let after = reader.duration("after", report).and_then(|after| TimeDelta::from_std(after).ok());
                after.and_then(|after| self.at.checked_add_signed(after))
            }
            (None, None) => self.next_slot().or_else(|| {
                let hint = "say when the poll is made: at = \"2026-11-23 09:00\"".to_owned();
                report.at(reader.place, "the watcher's schedule has no further slot", Some(hint));
                None
            }),
        };
        self.is_first = false;
        self.at = next.unwrap_or(self.at);
        self.at
    }

    fn at_node(&self, node: &Node, report: &mut Report<'_>) -> Option<DateTime<Utc>> {
        let at = match written(node) {
            Some(Written::Instant(at)) => at,
            Some(Written::Local(local)) => existing(local, self.zone, node, report)?,
            Some(Written::Time(time)) => return self.next_time(time),
            None => {
                no_time(node, report);
                return None;
            }
        };
        if at < self.at || (at == self.at && !self.is_first) {
            let before = self.at.with_timezone(&self.zone).format("%Y-%m-%d %H:%M:%S");
            let what = if self.is_first { "before the test begins" } else { "not after the poll before" };
            report.at(&node.place, format!("this is {what}, at {before}"), Some("polls are written in their order".to_owned()));
            return None;
        }
        Some(at)
    }

    /// The next time that the wall clock shows this.
    fn next_time(&self, time: NaiveTime) -> Option<DateTime<Utc>> {
        let today = self.at.with_timezone(&self.zone).date_naive();
        let days = (0..3).filter_map(|days| today.checked_add_days(Days::new(days)));
        let mut times = days.filter_map(|day| on_the_clock(day.and_time(time), self.zone));
        times.find(|at| *at > self.at || (*at == self.at && self.is_first))
    }

    /// An interval is counted from the poll before: where its slots lie depends on the watcher's name, which is of no use here.
    fn next_slot(&self) -> Option<DateTime<Utc>> {
        let is_interval = self.schedule.first(self.at) == Some(self.at);
        match (is_interval, self.is_first) {
            (true, true) => Some(self.at),
            (true, false) => {
                let slot = self.schedule.next_after(self.at)?;
                Some(self.at + (self.schedule.next_after(slot)? - slot))
            }
            (false, true) => self.schedule.next_after(self.at - TimeDelta::milliseconds(1)),
            (false, false) => self.schedule.next_after(self.at),
        }
    }
}

/// The time of a node, in quotes or not.
fn written(node: &Node) -> Option<Written> {
    let text = match &node.content {
        Content::Text(text, _) | Content::Datetime(text) => text.trim(),
        _ => return None,
    };
    let with_seconds = || format!("{text}:00");
    let local = || parse_datetime(text).or_else(|| parse_datetime(&with_seconds())).map(Written::Local);
    let day = || Some(Written::Local(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_time(NaiveTime::MIN)));
    let time =
        || NaiveTime::parse_from_str(text, "%H:%M:%S%.f").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M")).ok().map(Written::Time);
    let instant = parse_instant(text).map(|at| Written::Instant(at.to_utc()));
    instant.or_else(local).or_else(day).or_else(time)
}

fn no_time(node: &Node, report: &mut Report<'_>) {
    let hint = "write a day and a time, \"2026-11-23 09:00\"; for a poll a time alone is the next one, \"09:05\"".to_owned();
    report.at(&node.place, "this is not a time", Some(hint));
}

fn existing(local: NaiveDateTime, zone: Tz, node: &Node, report: &mut Report<'_>) -> Option<DateTime<Utc>> {
    let at = on_the_clock(local, zone);
    if at.is_none() {
        report.at(&node.place, format!("the clocks of {zone} skip this time"), Some("choose another one".to_owned()));
    }
    at
}

/// A time on the wall clock: the earlier one where the clock shows it twice.
fn on_the_clock(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    zone.from_local_datetime(&local).earliest().map(|at| at.to_utc())
}
