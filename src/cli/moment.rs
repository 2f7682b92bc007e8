//! Times as people write them on the command line.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// Which side of a day is meant when only the day is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// Its first moment.
    Begin,
    /// The first moment of the next day.
    End,
}

/// Reads an RFC 3339 time, a day, a time in `zone` with or without its day, or a duration back from `now` (`2h`, `7d`). A time
/// without a day is the last one that has passed.
pub(super) fn parse(text: &str, edge: Edge, now: DateTime<Utc>, zone: Tz) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    if let Some(at) = absolute(text, edge, zone) {
        return at;
    }
    if let Some(time) = time_of_day(text) {
        let today = now.with_timezone(&zone).date_naive();
        let passed = [Some(today), today.pred_opt()].into_iter().flatten().filter_map(|day| in_zone(day.and_time(time), zone));
        return passed.into_iter().find(|at| *at <= now).ok_or_else(|| format!("`{text}` does not exist in {zone}"));
    }
    let back = humantime::parse_duration(text).ok().and_then(|back| TimeDelta::from_std(back).ok());
    back.and_then(|back| now.checked_sub_signed(back)).ok_or_else(|| {
        format!("`{text}` is not a time: write 09:30, 2026-11-23, \"2026-11-23 09:30\", 2026-11-23T01:30:00Z, or how long ago: 2h, 7d")
    })
}

fn time_of_day(text: &str) -> Option<NaiveTime> {
    ["%H:%M:%S", "%H:%M"].iter().find_map(|form| NaiveTime::parse_from_str(text, form).ok())
}

/// Reads a time to come: an RFC 3339 time, a day, a day with a time in `zone`, a time of day, which is the next one after
/// `after`, or how long after that (`2h`, `7d`).
pub(super) fn to_come(text: &str, edge: Edge, after: DateTime<Utc>, zone: Tz) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    if let Some(at) = absolute(text, edge, zone) {
        return at;
    }
    if let Some(time) = time_of_day(text) {
        let today = after.with_timezone(&zone).date_naive();
        let days = (0..=1).filter_map(|days| today.checked_add_days(Days::new(days)));
        let next = days.filter_map(|day| in_zone(day.and_time(time), zone)).find(|at| *at > after);
        return next.ok_or_else(|| format!("`{text}` does not exist in {zone}"));
    }
    let length = humantime::parse_duration(text).ok().and_then(|length| TimeDelta::from_std(length).ok());
    length.and_then(|length| after.checked_add_signed(length)).ok_or_else(|| {
        format!("`{text}` is not a time: write 18:00, 2026-11-26, \"2026-11-26 08:00\", 2026-11-26T00:00:00Z, or in how long: 2h, 7d")
    })
}

/// A time that does not depend on the present one.
fn absolute(text: &str, edge: Edge, zone: Tz) -> Option<Result<DateTime<Utc>, String>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(Ok(at.to_utc()));
    }
    let wall = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
    let local = wall.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).or_else(|| {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        let day = if edge == Edge::End { day.checked_add_days(Days::new(1))? } else { day };
        day.and_hms_opt(0, 0, 0)
    });
    local.map(|local| in_zone(local, zone).ok_or_else(|| format!("`{text}` does not exist in {zone}")))
}

/// A time on the wall clock: the earlier one where the clock shows it twice, the end of the gap where it skips it.
fn in_zone(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    let later = |minutes: i64| zone.from_local_datetime(&(local + TimeDelta::minutes(minutes))).earliest();
    (0..=8).find_map(|step| later(step * 15)).map(|at| at.to_utc())
}

/// A time as the store keeps it: UTC with milliseconds.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// How times are shown: on a wall clock, without milliseconds, and without the year while it is this one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wall {
    zone: Tz,
    year: i32,
}

impl Wall {
    pub(super) fn new(zone: Tz, now: DateTime<Utc>) -> Wall {
        Wall { zone, year: now.with_timezone(&zone).year() }
    }

    /// A stored time; what is no time stays as it is.
    pub(super) fn shown(&self, stored: &str) -> String {
        DateTime::parse_from_rfc3339(stored).map_or_else(|_| stored.to_owned(), |at| self.at(at.to_utc()))
    }

    /// A stored time without its seconds, for what people set by the minute.
    pub(super) fn minute(&self, stored: &str) -> String {
        let shown = self.shown(stored);
        shown.rsplit_once(':').map_or(shown.clone(), |(minute, _)| minute.to_owned())
    }

    /// A time.
    pub(super) fn at(&self, at: DateTime<Utc>) -> String {
        let at = at.with_timezone(&self.zone);
        let form = if at.year() == self.year { "%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
        at.format(form).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, edge: Edge) -> String {
        let now = DateTime::parse_from_rfc3339("2026-11-23T04:00:00Z").unwrap().to_utc();
        parse(text, edge, now, chrono_tz::Asia::Shanghai).map_or_else(|error| error, stamp)
    }

    #[test]
    fn every_way_to_write_a_time_is_read() {
        for (text, expected) in [
            ("2026-11-23T09:30:00+08:00", "2026-11-23T01:30:00.000Z"),
            ("2026-11-23T01:30:00.5Z", "2026-11-23T01:30:00.500Z"),
            ("2026-11-23", "2026-11-22T16:00:00.000Z"),
            ("2026-11-23 09:30", "2026-11-23T01:30:00.000Z"),
            ("2026-11-23T09:30:15", "2026-11-23T01:30:15.000Z"),
            ("09:30", "2026-11-23T01:30:00.000Z"),
            ("12:00:00", "2026-11-23T04:00:00.000Z"),
            ("12:01", "2026-11-22T04:01:00.000Z"),
            ("2h", "2026-11-23T02:00:00.000Z"),
            ("7d", "2026-11-16T04:00:00.000Z"),
        ] {
            assert_eq!(read(text, Edge::Begin), expected, "{text}");
        }
    }

    #[test]
    fn a_day_as_an_end_is_meant_with_all_its_hours() {
        assert_eq!(read("2026-11-23", Edge::End), "2026-11-23T16:00:00.000Z");
        assert_eq!(read("2026-11-23 09:30", Edge::End), "2026-11-23T01:30:00.000Z");
    }

    #[test]
    fn what_is_no_time_is_refused_with_examples() {
        for text in ["yesterday", "2026-13-01", "", "23.11.2026"] {
            assert!(read(text, Edge::Begin).contains("is not a time"), "{text}");
        }
    }

    #[test]
    fn a_time_that_the_clock_skips_is_the_end_of_the_gap() {
        let now = DateTime::UNIX_EPOCH;
        let at = parse("2026-03-29 02:30", Edge::Begin, now, chrono_tz::Europe::Berlin).map(stamp);
        assert_eq!(at.as_deref(), Ok("2026-03-29T01:00:00.000Z"));
    }

    #[test]
    fn every_way_to_write_a_time_to_come_is_read() {
        let now = DateTime::parse_from_rfc3339("2026-11-23T04:00:00Z").unwrap().to_utc();
        for (text, edge, expected) in [
            ("2026-11-26 08:00", Edge::End, "2026-11-26T00:00:00.000Z"),
            ("2026-11-26", Edge::Begin, "2026-11-25T16:00:00.000Z"),
            ("2026-11-26", Edge::End, "2026-11-26T16:00:00.000Z"),
            ("2026-11-26T01:30:00Z", Edge::End, "2026-11-26T01:30:00.000Z"),
            ("18:00", Edge::End, "2026-11-23T10:00:00.000Z"),
            ("12:00", Edge::End, "2026-11-24T04:00:00.000Z"),
            ("8:30:15", Edge::Begin, "2026-11-24T00:30:15.000Z"),
            ("2h", Edge::End, "2026-11-23T06:00:00.000Z"),
            ("1d 30m", Edge::End, "2026-11-24T04:30:00.000Z"),
        ] {
            assert_eq!(to_come(text, edge, now, chrono_tz::Asia::Shanghai).map(stamp).as_deref(), Ok(expected), "{text}");
        }
        for text in ["tomorrow", "25:00", "", "-2h"] {
            let refused = to_come(text, Edge::End, now, chrono_tz::Asia::Shanghai).unwrap_err();
            assert!(refused.contains("is not a time: write 18:00"), "{refused}");
        }
    }

    #[test]
    fn a_time_of_day_that_the_clock_skips_today_is_the_end_of_the_gap() {
        let before = DateTime::parse_from_rfc3339("2026-03-29T00:30:00Z").unwrap().to_utc();
        let at = to_come("02:30", Edge::End, before, chrono_tz::Europe::Berlin).map(stamp);
        assert_eq!(at.as_deref(), Ok("2026-03-29T01:00:00.000Z"));
    }

    #[test]
    fn a_time_of_this_year_is_shown_without_the_year() {
        let now = DateTime::parse_from_rfc3339("2026-12-31T20:00:00Z").unwrap().to_utc();
        let wall = Wall::new(chrono_tz::Asia::Shanghai, now);
        assert_eq!(wall.shown("2027-01-01T01:30:00.999Z"), "01-01 09:30:00");
        assert_eq!(wall.shown("2026-12-31T01:30:00.000Z"), "2026-12-31 09:30:00");
        assert_eq!(wall.shown("never"), "never");
        assert_eq!(wall.minute("2027-01-01T01:30:59.999Z"), "01-01 09:30");
    }
}
