//! When a watcher is active: case by case, and against wall clocks that are painted minute by minute.

use super::*;
use crate::domain::calendar::{Calendar, CalendarYear, WEEKEND};
use chrono_tz::{America, Asia, Australia, Europe, Pacific};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The days of the notice for 2026 that the cases need, and a company that never rests but once.
fn calendars() -> Calendars {
    let cn = calendar(
        "cn",
        WEEKEND,
        &["2026-10-01..2026-10-07", "2026-02-15..2026-02-23"],
        &["2026-09-20", "2026-10-10", "2026-02-14", "2026-02-28"],
    );
    let mill = calendar("mill", WeekdaySet::EMPTY, &["2026-02-16..2026-02-18"], &[]);
    let gulf = calendar("gulf", WeekdaySet::from_array([Weekday::Fri, Weekday::Sat]), &[], &["2026-10-10"]);
    [cn, mill, gulf].into_iter().collect()
}

fn calendar(name: &str, weekend: WeekdaySet, holidays: &[&str], workdays: &[&str]) -> Calendar {
    let days = |ranges: &[&str]| -> BTreeSet<NaiveDate> {
        let range = |text: &&str| {
            let (first, last) = text.split_once("..").unwrap_or((text, text));
            let last: NaiveDate = last.parse().unwrap();
            first.parse::<NaiveDate>().unwrap().iter_days().take_while(move |day| *day <= last).collect::<Vec<_>>()
        };
        ranges.iter().flat_map(range).collect()
    };
    let year = CalendarYear { source: None, holidays: days(holidays), workdays: days(workdays) };
    Calendar { name: name.to_owned(), description: None, source: None, weekend, years: BTreeMap::from([(2026, year)]) }
}

/// `mon-fri 09:00-18:00 cn`: days, windows, a calendar, each as it is written in a file.
fn active(spec: &str) -> Active {
    let mut days = WeekdaySet::EMPTY;
    let mut hours = Vec::new();
    let mut calendar = None;
    for word in spec.split(' ').filter(|word| !word.is_empty()) {
        match (parse_days(word), parse_hours(word)) {
            (Ok(found), _) => days = days.union(found),
            (_, Ok(found)) => hours.push(found),
            _ => calendar = Some(word.to_owned()),
        }
    }
    Active::new(if days.is_empty() { WeekdaySet::ALL } else { days }, hours, calendar)
}

fn minute(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
}

/// Whether it is open at a wall-clock time of Shanghai.
fn open(spec: &str, wall: &str) -> bool {
    let at = Asia::Shanghai.from_local_datetime(&minute(wall)).unwrap().to_utc();
    active(spec).is_open(at, Asia::Shanghai, &calendars())
}

/// The changes in a day and a half or so of a zone, as `+` and `-` with wall-clock time and offset.
fn changes(spec: &str, zone: Tz, from: &str, until: &str) -> Vec<String> {
    let utc = |text| zone.from_local_datetime(&minute(text)).earliest().unwrap().to_utc();
    let (from, until) = (utc(from), utc(until));
    let (active, calendars) = (active(spec), calendars());
    let next = |at: &DateTime<Utc>| active.next_change(*at, zone, &calendars);
    std::iter::successors(next(&from), next)
        .take_while(|at| *at <= until)
        .map(|at| {
            let sign = if active.is_open(at, zone, &calendars) { '+' } else { '-' };
            format!("{sign}{}", at.with_timezone(&zone).format("%d %H:%M%:z"))
        })
        .collect()
}

/// The next opening after a wall-clock time of Shanghai.
fn opening(spec: &str, after: &str) -> Option<String> {
    let after = Asia::Shanghai.from_local_datetime(&minute(after)).unwrap().to_utc();
    let at = active(spec).next_opening(after, Asia::Shanghai, &calendars())?;
    Some(at.with_timezone(&Asia::Shanghai).format("%Y-%m-%d %H:%M:%S").to_string())
}

// 23 November 2026 is a Monday.
#[test]
fn a_window_holds_from_its_first_minute_to_the_one_before_its_end() {
    assert!(!open("09:00-18:00", "2026-11-23 08:59"));
    assert!(open("09:00-18:00", "2026-11-23 09:00"));
    assert!(open("09:00-18:00", "2026-11-23 17:59"));
    assert!(!open("09:00-18:00", "2026-11-23 18:00"));
    assert!(open("00:00-24:00", "2026-11-23 00:00"));
    assert!(open("00:00-24:00", "2026-11-23 23:59"));
    assert!(open("23:59-24:00", "2026-11-23 23:59"));
    assert!(!open("23:59-24:00", "2026-11-24 00:00"));
    assert!(open("00:00-00:01", "2026-11-23 00:00"));
    assert!(!open("00:00-00:01", "2026-11-23 00:01"));
    assert!(open("", "2026-11-23 12:00"));
}

#[test]
fn several_windows_are_open_in_each_of_them() {
    assert!(open("09:00-12:00 13:30-18:00", "2026-11-23 11:59"));
    assert!(!open("09:00-12:00 13:30-18:00", "2026-11-23 12:00"));
    assert!(!open("09:00-12:00 13:30-18:00", "2026-11-23 13:29"));
    assert!(open("09:00-12:00 13:30-18:00", "2026-11-23 13:30"));
    assert!(open("09:00-12:00 11:00-14:00", "2026-11-23 12:30"));
    assert!(open("22:00-02:00 09:00-10:00", "2026-11-23 01:00"));
}

#[test]
fn a_weekday_counts_when_it_is_named() {
    assert!(open("mon-fri", "2026-11-23 00:00"));
    assert!(open("mon-fri", "2026-11-27 23:59"));
    assert!(!open("mon-fri", "2026-11-28 00:00"));
    assert!(!open("mon-fri", "2026-11-29 23:59"));
    assert!(open("mon wed sat-sun", "2026-11-25 12:00"));
    assert!(!open("mon wed sat-sun", "2026-11-26 12:00"));
    assert!(open("mon wed sat-sun", "2026-11-29 12:00"));
    assert!(open("fri-mon", "2026-11-23 12:00"));
    assert!(!open("fri-mon", "2026-11-24 12:00"));
    assert!(!open("mon-fri 09:00-18:00", "2026-11-28 12:00"));
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
    assert!(open("22:00-06:00", "2026-11-23 22:00"));
    assert!(open("22:00-06:00", "2026-11-24 05:59"));
    assert!(!open("22:00-06:00", "2026-11-24 06:00"));
    assert!(!open("22:00-06:00", "2026-11-24 21:59"));
    assert!(open("fri 22:00-06:00", "2026-11-27 23:00"));
    assert!(open("fri 22:00-06:00", "2026-11-28 05:00"));
    assert!(!open("fri 22:00-06:00", "2026-11-27 05:00"));
    assert!(open("mon-fri 22:00-06:00", "2026-11-28 05:59"));
    assert!(!open("mon-fri 22:00-06:00", "2026-11-28 22:00"));
    assert!(!open("mon-fri 22:00-06:00", "2026-11-23 05:00"));
    assert!(open("sun 22:00-06:00", "2026-11-23 05:00"));
    assert!(open("22:00-00:00", "2026-11-23 23:59"));
    assert!(!open("22:00-00:00", "2026-11-24 00:00"));
    // The eve of a holiday counts, so its night does; the last day of the holiday does not, so its night does not.
    assert!(open("22:00-06:00 cn", "2026-10-01 05:00"));
    assert!(!open("22:00-06:00 cn", "2026-10-08 05:00"));
    assert!(open("22:00-06:00 cn", "2026-10-08 22:00"));
}

#[test]
fn a_calendar_decides_which_days_are_worked() {
    assert!(open("cn", "2026-11-23 12:00"));
    assert!(!open("cn", "2026-11-28 12:00"));
    assert!(!open("cn", "2026-10-01 12:00"));
    assert!(!open("cn", "2026-10-07 23:59"));
    assert!(open("cn", "2026-10-08 00:00"));
    assert!(open("cn", "2026-10-10 12:00"));
    assert!(open("cn", "2026-09-20 12:00"));
    assert!(!open("cn 09:00-18:00", "2026-10-10 08:59"));
    assert!(open("mill", "2026-11-28 12:00"));
    assert!(!open("mill", "2026-02-17 12:00"));
    assert!(open("gulf", "2026-11-29 12:00"));
    assert!(!open("gulf", "2026-11-27 12:00"));
}

#[test]
fn a_make_up_working_day_is_a_day_of_the_working_week() {
    // 10 October 2026 is a Saturday that is worked, 20 September a Sunday that is worked.
    assert!(open("mon-fri cn", "2026-10-10 12:00"));
    assert!(open("mon-fri cn", "2026-09-20 12:00"));
    assert!(open("mon-fri 09:00-18:00 cn", "2026-10-10 09:00"));
    assert!(!open("mon-fri 09:00-18:00 cn", "2026-10-10 18:00"));
    assert!(open("mon-sat cn", "2026-09-20 12:00"));
    assert!(open("mon-sun cn", "2026-09-20 12:00"));
    // Its own weekday is named.
    assert!(open("sat-sun cn", "2026-10-10 12:00"));
    assert!(open("mon sat cn", "2026-10-10 12:00"));
    // Certain days are named, and it is none of them.
    assert!(!open("mon cn", "2026-10-10 12:00"));
    assert!(!open("tue-fri cn", "2026-10-10 12:00"));
    assert!(!open("mon-fri", "2026-10-10 12:00"));
    // The working week of the calendar, not of Europe.
    assert!(open("sun-thu gulf", "2026-10-10 12:00"));
    assert!(!open("mon-fri gulf", "2026-10-10 12:00"));
}

#[test]
fn with_days_and_a_calendar_both_must_hold() {
    assert!(open("mon-fri cn", "2026-11-23 12:00"));
    assert!(!open("mon-fri cn", "2026-10-01 12:00"));
    assert!(!open("mon-fri cn", "2026-11-28 12:00"));
    assert!(!open("mon-sat cn", "2026-11-28 12:00"));
    assert!(!open("sat-sun cn", "2026-11-28 12:00"));
    assert!(!open("thu cn", "2026-10-01 12:00"));
    assert!(open("thu cn", "2026-10-08 12:00"));
    assert!(!open("fri cn", "2026-10-08 12:00"));
}

#[test]
fn a_calendar_without_data_or_without_a_file_is_a_plain_week() {
    assert!(open("cn", "2027-10-01 12:00"));
    assert!(!open("cn", "2027-10-02 12:00"));
    assert!(open("gone", "2026-10-01 12:00"));
    assert!(!open("gone", "2026-10-10 12:00"));
}

#[test]
fn the_next_opening_is_the_next_time_it_becomes_active() {
    assert_eq!(opening("mon-fri 09:00-18:00", "2026-11-23 08:59").as_deref(), Some("2026-11-23 09:00:00"));
    assert_eq!(opening("mon-fri 09:00-18:00", "2026-11-23 09:00").as_deref(), Some("2026-11-24 09:00:00"));
    assert_eq!(opening("mon-fri 09:00-18:00", "2026-11-27 18:00").as_deref(), Some("2026-11-30 09:00:00"));
    assert_eq!(opening("mon-fri", "2026-11-25 12:00").as_deref(), Some("2026-11-30 00:00:00"));
    assert_eq!(opening("cn 09:00-18:00", "2026-09-30 18:00").as_deref(), Some("2026-10-08 09:00:00"));
    assert_eq!(opening("cn", "2026-10-08 09:00").as_deref(), Some("2026-10-12 00:00:00"));
    assert_eq!(opening("mon-fri 22:00-06:00", "2026-11-28 06:00").as_deref(), Some("2026-11-30 22:00:00"));
    assert_eq!(opening("22:00-02:00 02:00-04:00", "2026-11-23 23:00").as_deref(), Some("2026-11-24 22:00:00"));
    assert_eq!(opening("sun 09:00-10:00 cn", "2026-02-01 00:00").as_deref(), Some("2026-09-20 09:00:00"));
    assert_eq!(opening("sun cn", "2026-09-21 00:00"), None);
    assert_eq!(opening("", "2026-11-23 12:00"), None);
    assert_eq!(opening("00:00-24:00", "2026-11-23 12:00"), None);
    assert_eq!(opening("00:00-12:00 12:00-24:00", "2026-11-23 06:00"), None);
}

#[test]
fn the_wall_clock_decides_when_daylight_saving_moves_it() {
    let spring = |spec| changes(spec, America::New_York, "2026-03-07 12:00", "2026-03-08 12:00");
    assert_eq!(spring("09:00-10:00"), ["+08 09:00-04:00", "-08 10:00-04:00"]);
    assert_eq!(spring("02:00-03:00"), [] as [&str; 0]);
    assert_eq!(spring("02:15-02:45"), [] as [&str; 0]);
    assert_eq!(spring("01:30-02:30"), ["+08 01:30-05:00", "-08 03:00-04:00"]);
    assert_eq!(spring("02:30-03:30"), ["+08 03:00-04:00", "-08 03:30-04:00"]);
    assert_eq!(spring("22:00-02:30"), ["+07 22:00-05:00", "-08 03:00-04:00"]);
    let autumn = |spec| changes(spec, America::New_York, "2026-10-31 12:00", "2026-11-01 12:00");
    assert_eq!(autumn("01:00-02:00"), ["+01 01:00-04:00", "-01 02:00-05:00"]);
    assert_eq!(autumn("01:30-02:00"), ["+01 01:30-04:00", "-01 01:00-05:00", "+01 01:30-05:00", "-01 02:00-05:00"]);
    assert_eq!(autumn("01:00-01:30"), ["+01 01:00-04:00", "-01 01:30-04:00", "+01 01:00-05:00", "-01 01:30-05:00"]);
    assert_eq!(autumn("00:30-01:15"), ["+01 00:30-04:00", "-01 01:15-04:00", "+01 01:00-05:00", "-01 01:15-05:00"]);
    // In Beirut the gap is at midnight: the day, and its window, begin at one.
    assert_eq!(changes("sun", Asia::Beirut, "2026-03-28 12:00", "2026-03-30 12:00"), ["+29 01:00+03:00", "-30 00:00+03:00"]);
    assert_eq!(changes("00:00-02:00", Asia::Beirut, "2026-03-28 12:00", "2026-03-29 12:00"), ["+29 01:00+03:00", "-29 02:00+03:00"]);
    // And so is what is repeated: the evening comes twice.
    assert_eq!(changes("sat", Asia::Beirut, "2026-10-23 12:00", "2026-10-25 12:00"), ["+24 00:00+03:00", "-25 00:00+02:00"]);
    // Lord Howe moves its clock by half an hour; Samoa had no 30 December 2011, which was a Friday.
    assert_eq!(
        changes("02:15-03:00", Australia::Lord_Howe, "2026-10-03 12:00", "2026-10-04 12:00"),
        ["+04 02:30+11:00", "-04 03:00+11:00"]
    );
    assert_eq!(changes("fri", Pacific::Apia, "2011-12-29 12:00", "2012-01-01 12:00"), [] as [&str; 0]);
    assert_eq!(
        changes("thu-fri 22:00-06:00", Pacific::Apia, "2011-12-29 12:00", "2011-12-31 12:00"),
        ["+29 22:00-10:00", "-31 06:00+14:00"]
    );
}

#[test]
fn the_words_of_days_are_read_as_people_write_them() {
    for text in
        ["mon-fri", "Mon-Fri", "MONDAY-friday", " mon - fri ", "周一-周五", "周一至周五", "星期一到星期五", "礼拜一-周五", "mon-周五"]
    {
        assert_eq!(written(parse_days(text).unwrap()), "mon-fri", "{text}");
    }
    for (text, days) in [
        ("wed", "wed"),
        ("Wednes", "wed"),
        ("周日", "sun"),
        ("星期天", "sun"),
        ("周天", "sun"),
        ("sun-sun", "sun"),
        ("sat-sun", "sat-sun"),
        ("fri-mon", "mon, fri-sun"),
        ("sun-mon", "mon, sun"),
        ("mon-sun", "mon-sun"),
        ("tue-mon", "mon-sun"),
    ] {
        assert_eq!(written(parse_days(text).unwrap()), days, "{text}");
    }
}

#[test]
fn the_words_of_hours_are_read_as_people_write_them() {
    for (text, hours) in [
        ("09:00-18:00", "09:00-18:00"),
        ("9:00-18:00", "09:00-18:00"),
        (" 09:00 - 18:00 ", "09:00-18:00"),
        ("22:00-6:30", "22:00-06:30"),
        ("00:00-24:00", "00:00-24:00"),
        ("22:00-00:00", "22:00-00:00"),
        ("23:59-24:00", "23:59-24:00"),
    ] {
        assert_eq!(parse_hours(text).unwrap().to_string(), hours, "{text}");
    }
}

#[test]
fn mistakes_in_words_are_refused_at_their_place() {
    let days = |text: &str| parse_days(text).map(|_| ());
    let hours = |text: &str| parse_hours(text).map(|_| ());
    type Read<'a> = &'a dyn Fn(&str) -> Result<(), ActiveError>;
    let cases: &[(Read<'_>, &str, &str, &str)] = &[
        (&days, "mo", "mo", "`mo` is not a weekday"),
        (&days, "mon-fry", "fry", "`fry` is not a weekday"),
        (&days, " moon -fri", "moon", "`moon` is not a weekday"),
        (&days, "mon-", "", "a weekday is missing"),
        (&days, "", "", "a weekday is missing"),
        (&days, "1-5", "1", "`1` is not a weekday"),
        (&days, "mon,wed", "mon,wed", "`mon,wed` is not a weekday"),
        (&days, "周一、周三", "周一、周三", "`周一、周三` is not a weekday"),
        (&days, "周八", "周八", "`周八` is not a weekday"),
        (&days, "周一至周末", "周末", "`周末` is not a weekday"),
        (&days, "workdays", "workdays", "`workdays` is not a weekday"),
        (&days, "mon-tue-wed", "tue-wed", "`tue-wed` is not a weekday"),
        (&hours, "9-18", "9", "cannot read `9` as a time"),
        (&hours, "09:00", "09:00", "`09:00` is not a range of hours"),
        (&hours, "", "", "`` is not a range of hours"),
        (&hours, "09:00-", "", "a time is missing"),
        (&hours, "09:00-18:60", "18:60", "18:60 is not a time of the day"),
        (&hours, "09:00-24:01", "24:01", "24:01 is not a time of the day"),
        (&hours, "25:00-26:00", "25:00", "25:00 is not a time of the day"),
        (&hours, "24:00-06:00", "24:00", "24:00 is the end of a day, not its beginning"),
        (&hours, " 09:00-09:00", "09:00-09:00", "the hours end when they begin"),
        (&hours, "09:00:00-18:00", "09:00:00", "cannot read `09:00:00` as a time"),
        (&hours, "09:0-18:00", "09:0", "cannot read `09:0` as a time"),
        (&hours, "09：00-18：00", "09：00", "cannot read `09：00` as a time"),
        (&hours, "09:00-18:00-20:00", "18:00-20:00", "cannot read `18:00-20:00` as a time"),
        (&hours, "+9:00-18:00", "+9:00", "cannot read `+9:00` as a time"),
        (&hours, "9am-6pm", "9am", "cannot read `9am` as a time"),
    ];
    for (read, text, marked, message) in cases {
        let error = read(text).err().unwrap_or_else(|| panic!("{text} is accepted"));
        assert_eq!((&text[error.span.clone()], error.message.as_str()), (*marked, *message), "{text}");
        assert!(error.hint.is_some());
    }
    assert_eq!(days("mon,wed").unwrap_err().hint.as_deref(), Some("write each in quotes of its own: [\"mon\", \"wed\"]"));
    assert!(days("workdays").unwrap_err().hint.unwrap().contains("cn-workdays"));
}

#[test]
fn it_shows_itself_as_it_is_written() {
    for (spec, shown) in [
        ("mon-fri 9:00-18:00 cn", "mon-fri 09:00-18:00 cn"),
        ("sat mon 22:00-06:00 08:00-09:00", "mon, sat 22:00-06:00, 08:00-09:00"),
        ("cn", "cn"),
        ("", "mon-sun"),
        ("00:00-24:00", "00:00-24:00"),
    ] {
        assert_eq!(active(spec).to_string(), shown);
    }
    assert_eq!((active("mon cn").calendar(), active("mon").calendar()), (Some("cn"), None));
}

#[test]
fn the_ends_of_time_are_no_panic() {
    for zone in [Tz::UTC, Asia::Shanghai, Pacific::Kiritimati, America::New_York] {
        for at in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, DateTime::UNIX_EPOCH] {
            let active = active("mon-fri 22:00-06:00 cn");
            active.is_open(at, zone, &calendars());
            assert!(active.next_opening(at, zone, &calendars()).is_none_or(|next| next > at));
            assert!(active.next_change(at, zone, &calendars()).is_none_or(|next| next > at));
        }
    }
}

/// Zones and a day in UTC around which their clocks are moved; Shanghai around the holidays of its year.
const PLACES: [(Tz, &str); 8] = [
    (Asia::Shanghai, "2026-10-01 00:00"),
    (Asia::Shanghai, "2026-02-14 00:00"),
    (America::New_York, "2026-03-08 00:00"),
    (America::New_York, "2026-11-01 00:00"),
    (Australia::Lord_Howe, "2026-04-04 00:00"),
    (Asia::Beirut, "2026-03-28 00:00"),
    (Europe::Berlin, "2026-10-25 00:00"),
    (Pacific::Apia, "2011-12-30 00:00"),
];

/// Half of the three months that are walked.
const HALF: i64 = 46;

/// The wall-clock minutes at which it is open, painted day by day from the words of the essay.
fn painted(active: &Active, calendars: &Calendars, around: NaiveDate) -> BTreeSet<NaiveDateTime> {
    let mut minutes = BTreeSet::new();
    for day in (-HALF - 3..=HALF + 3).map(|n| around + TimeDelta::days(n)) {
        let named = active.days.contains(day.weekday());
        let counts = match active.calendar.as_deref().and_then(|name| calendars.get(name)) {
            None => named,
            Some(calendar) => {
                let year = calendar.years.get(&day.year());
                let weekend = calendar.weekend.contains(day.weekday());
                let off = year.is_some_and(|year| year.holidays.contains(&day));
                let made_up = year.is_some_and(|year| year.workdays.contains(&day));
                let week = Weekday::Mon.num_days_from_monday()..7;
                let whole_week =
                    week.map(|n| Weekday::try_from(n as u8).unwrap()).all(|d| calendar.weekend.contains(d) || active.days.contains(d));
                made_up && (named || whole_week) || !weekend && !off && named
            }
        };
        let all_day = [Hours { start: 0, end: DAY }];
        let hours = if active.hours.is_empty() { &all_day[..] } else { &active.hours };
        for hours in hours.iter().filter(|_| counts) {
            let length = (i64::from(hours.end) - i64::from(hours.start)).rem_euclid(i64::from(DAY));
            let length = if length == 0 { i64::from(DAY) } else { length };
            let start = day.and_hms_opt(0, 0, 0).unwrap() + TimeDelta::minutes(i64::from(hours.start));
            minutes.extend((0..length).map(|n| start + TimeDelta::minutes(n)));
        }
    }
    minutes
}

fn any_active() -> impl Strategy<Value = Active> {
    let days = prop_oneof![
        2 => Just(WeekdaySet::ALL),
        2 => Just(parse_days("mon-fri").unwrap()),
        3 => prop::collection::vec(0u8..7, 1..6).prop_map(|days| days.into_iter().map(|day| Weekday::try_from(day).unwrap()).collect()),
    ];
    // Round times, and such as lie in gaps and overlaps.
    let minute = |most: u16| prop_oneof![(0..=most / 60).prop_map(|hour| hour * 60), (0u16..200), 0..=most];
    let hours = (minute(DAY - 1), minute(DAY)).prop_filter_map("empty", |(start, end)| Hours::new(start, end));
    let calendar = prop_oneof![Just(None), Just(Some("cn".to_owned())), Just(Some("gulf".to_owned()))];
    (days, prop::collection::vec(hours, 0..4), calendar).prop_map(|(days, hours, calendar)| Active::new(days, hours, calendar))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn openings_and_changes_are_those_that_a_walk_over_three_months_of_minutes_finds(active in any_active(), place in 0..PLACES.len()) {
        let (zone, around) = PLACES[place];
        let calendars = calendars();
        let around = minute(around);
        let minutes = painted(&active, &calendars, around.date());
        let first = around.and_utc() - TimeDelta::days(HALF);
        let verdict = |at: DateTime<Utc>| minutes.contains(&at.with_timezone(&zone).naive_local());
        let (mut openings, mut changes) = (Vec::new(), Vec::new());
        let mut before = verdict(first);
        for n in 1..2 * HALF * 24 * 60 {
            let at = first + TimeDelta::minutes(n);
            let open = verdict(at);
            prop_assert_eq!(active.is_open(at, zone, &calendars), open, "at {}", at);
            if open != before {
                changes.push(at);
                openings.extend(open.then_some(at));
            }
            before = open;
        }
        let last = first + TimeDelta::minutes(2 * HALF * 24 * 60 - 1);
        let walk = |next: &dyn Fn(&DateTime<Utc>) -> Option<DateTime<Utc>>| -> Vec<DateTime<Utc>> {
            std::iter::successors(next(&first), next).take_while(|at| *at <= last).collect()
        };
        prop_assert_eq!(walk(&|at| active.next_opening(*at, zone, &calendars)), openings);
        prop_assert_eq!(walk(&|at| active.next_change(*at, zone, &calendars)), changes);
    }

    #[test]
    fn it_is_closed_just_before_an_opening_and_open_at_it(active in any_active(), place in 0..PLACES.len(), millis in 0i64..8_000_000_000) {
        let (zone, around) = PLACES[place];
        let calendars = calendars();
        let after = minute(around).and_utc() - TimeDelta::days(HALF) + TimeDelta::milliseconds(millis);
        if let Some(at) = active.next_opening(after, zone, &calendars) {
            prop_assert!(at > after && at <= after + TimeDelta::days(HORIZON_DAYS));
            prop_assert!(active.is_open(at, zone, &calendars));
            prop_assert!(!active.is_open(at - TimeDelta::nanoseconds(1), zone, &calendars));
        }
        if let Some(at) = active.next_change(after, zone, &calendars) {
            prop_assert!(at > after && active.is_open(at, zone, &calendars) != active.is_open(after, zone, &calendars));
            prop_assert_eq!(active.is_open(at - TimeDelta::nanoseconds(1), zone, &calendars), active.is_open(after, zone, &calendars));
        }
    }

    #[test]
    fn any_text_is_read_or_refused_at_a_place(text in "[0-9:\\-mondyfri 周一至：, ]{0,16}") {
        for error in [parse_days(&text).err(), parse_hours(&text).err()].into_iter().flatten() {
            prop_assert!(text.get(error.span.clone()).is_some());
        }
    }
}
