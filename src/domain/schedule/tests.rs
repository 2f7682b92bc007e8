//! Schedules against croner, against a brute-force walk over a wall clock, and against what crontab promises.

use super::*;
use chrono::{Datelike, NaiveDateTime, TimeZone, Timelike};
use chrono_tz::{America, Asia, Australia, Europe, Pacific};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn cron(text: &str, zone: Tz) -> Schedule {
    Schedule::cron(text, zone).unwrap_or_else(|e| panic!("{text}: {e} {:?}", e.hint))
}

fn utc(text: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap().and_utc()
}

/// The runs in `[from, until)`, as wall-clock times with their offsets.
fn runs(text: &str, zone: Tz, from: &str, until: &str) -> Vec<String> {
    let schedule = cron(text, zone);
    let local = |text: &str| zone.from_local_datetime(&utc(text).naive_utc()).earliest().unwrap().to_utc();
    let (from, until) = (local(from), local(until));
    let next = |at: DateTime<Utc>| schedule.next_after(at);
    std::iter::successors(next(from - TimeDelta::nanoseconds(1)), |at| next(*at))
        .take_while(|at| *at < until)
        .map(|at| at.with_timezone(&zone).format("%d %H:%M:%S%:z").to_string())
        .collect()
}

#[test]
fn a_time_in_a_gap_runs_once_right_after_it() {
    for line in ["30 2 * * *", "0 2 * * *", "59 2 * * *", "0,30 2 * * *", "*/10 2 * * *"] {
        assert_eq!(runs(line, America::New_York, "2026-03-08 00:00:00", "2026-03-09 00:00:00"), ["08 03:00:00-04:00"], "{line}");
    }
    assert_eq!(runs("30 3 * * *", America::New_York, "2026-03-08 00:00:00", "2026-03-09 00:00:00"), ["08 03:30:00-04:00"]);
    // In Beirut the gap begins at midnight: the day begins at one.
    assert_eq!(
        runs("0 0 * * *", Asia::Beirut, "2026-03-28 00:00:00", "2026-03-30 12:00:00"),
        ["28 00:00:00+02:00", "29 01:00:00+03:00", "30 00:00:00+03:00"]
    );
    // Lord Howe moves its clock by half an hour.
    assert_eq!(runs("15 2 * * *", Australia::Lord_Howe, "2026-10-04 00:00:00", "2026-10-05 00:00:00"), ["04 02:30:00+11:00"]);
}

#[test]
fn a_time_that_comes_twice_runs_once_at_a_fixed_hour_and_twice_in_an_interval() {
    let overlap = |line| runs(line, America::New_York, "2026-11-01 00:30:00", "2026-11-01 02:30:00");
    assert_eq!(overlap("30 1 * * *"), ["01 01:30:00-04:00"]);
    assert_eq!(overlap("0,30 1 * * *"), ["01 01:00:00-04:00", "01 01:30:00-04:00"]);
    let both = ["01 01:00:00-04:00", "01 01:30:00-04:00", "01 01:00:00-05:00", "01 01:30:00-05:00"];
    assert_eq!(overlap("0,30 * * * *")[..], [&["01 00:30:00-04:00"][..], &both, &["01 02:00:00-05:00"]].concat());
    assert_eq!(overlap("*/30 * * * *")[..], [&["01 00:30:00-04:00"][..], &both, &["01 02:00:00-05:00"]].concat());
    assert_eq!(overlap("*/30 1 * * *"), both);
    assert_eq!(
        runs("*/15 * * * *", Australia::Lord_Howe, "2026-04-05 01:30:00", "2026-04-05 02:15:00"),
        ["05 01:30:00+11:00", "05 01:45:00+11:00", "05 01:30:00+10:30", "05 01:45:00+10:30", "05 02:00:00+10:30",]
    );
}

#[test]
fn a_zone_without_daylight_saving_has_plain_days() {
    assert_eq!(
        runs("30 8 * * 1-5", Asia::Shanghai, "2026-11-20 00:00:00", "2026-11-25 00:00:00"),
        ["20 08:30:00+08:00", "23 08:30:00+08:00", "24 08:30:00+08:00"]
    );
    // Samoa had no 30 December 2011; Kwajalein had no 21 August 1993.
    assert_eq!(runs("0 12 30 12 *", Pacific::Apia, "2011-12-01 00:00:00", "2012-12-01 00:00:00"), ["31 00:00:00+14:00"]);
}

#[test]
fn lines_read_as_crontab_reads_them() {
    let days = |line: &str| -> Vec<u32> {
        let schedule = cron(line, Tz::UTC);
        let next =
            std::iter::successors(schedule.next_after(utc("2026-11-01 00:00:00") - TimeDelta::seconds(1)), |at| schedule.next_after(*at));
        next.take_while(|at| *at < utc("2026-12-01 00:00:00")).map(|at| at.day()).collect()
    };
    // 1 November 2026 is a Sunday.
    let sundays = [1, 8, 15, 22, 29];
    for line in ["0 0 * * 0", "0 0 * * 7", "0 0 * * sun", "0 0 * * Sunday", "0 0 ? * 0", "@weekly", "0 0 0 * * 0", "  0 0  * * 7-7 "] {
        assert_eq!(days(line), sundays, "{line}");
    }
    assert_eq!(days("0 0 * * fri-mon")[..8], [1, 2, 6, 7, 8, 9, 13, 14]);
    assert_eq!(days("0 0 * * 5-7")[..4], [1, 6, 7, 8]);
    assert_eq!(days("0 0 * * 7-1")[..4], [1, 2, 8, 9]);
    assert_eq!(days("0 0 * * 6-0")[..4], [1, 7, 8, 14]);
    assert_eq!(days("0 0 13 * 5"), [6, 13, 20, 27]);
    assert_eq!(days("0 0 10 * 5"), [6, 10, 13, 20, 27]);
    assert_eq!(days("0 0 */10 * *"), [1, 11, 21]);
    // With a star in one day field both must match, as in Vixie's cron.
    assert_eq!(days("0 0 */2 * 0"), [1, 15, 29]);
    assert_eq!(days("0 0 28-2 * *"), [1, 2, 28, 29, 30]);
    assert_eq!(days("0 0 1,15 * *"), [1, 15]);
    assert_eq!(days("@monthly"), [1]);
    assert_eq!(days("0 0 1 jan-mar *"), [] as [u32; 0]);
    assert_eq!(days("0 0 1 nov-feb *"), [1]);
    assert_eq!(runs("0 22-2/2 * * *", Tz::UTC, "2026-11-01 00:00:00", "2026-11-02 00:00:00").len(), 3);
    assert_eq!(runs("*/20 30 9 * * *", Tz::UTC, "2026-11-01 00:00:00", "2026-11-02 00:00:00").len(), 3);
    assert_eq!(cron("  */5 * * * * ", Tz::UTC).to_string(), "*/5 * * * *");
}

#[test]
fn mistakes_are_refused_at_their_place() {
    let cases: &[(&str, &str, &str)] = &[
        ("* * * *", "* * * *", "a cron line has five fields, or six with the seconds first; this one has 4"),
        ("0 0 0 1 1 * 2026", "0 0 0 1 1 * 2026", "a cron line has five fields, or six with the seconds first; this one has 7"),
        ("", "", "the cron line is empty"),
        ("60 * * * *", "60", "60 is out of range for the minutes"),
        ("0 24 * * *", "24", "24 is out of range for the hours"),
        ("0 0 0 * *", "0", "0 is out of range for the day of the month"),
        ("0 0 * 13 *", "13", "13 is out of range for the month"),
        ("0 0 * * 8", "8", "8 is out of range for the day of the week"),
        ("0 0 31 2 *", "31 2 *", "no such date ever comes"),
        ("0 0 31 4,6,9,11 *", "31 4,6,9,11 *", "no such date ever comes"),
        ("0 0 L * *", "L", "cannot read `L` as day of the month"),
        ("0 0 * * 5#2", "5#2", "cannot read `5#2` as day of the week"),
        ("0 0 * * fry", "fry", "cannot read `fry` as day of the week"),
        ("*/0 * * * *", "0", "a step cannot be 0"),
        ("*/90 * * * *", "90", "a step of 90 is longer than the whole minutes field"),
        ("5/10 * * * *", "5/10", "a step needs a range"),
        ("1,,2 * * * *", "", "a number is missing in the minutes"),
        ("1- * * * *", "", "a number is missing in the minutes"),
        ("? * * * *", "?", "cannot read `?` as minutes"),
        ("*/x * * * *", "x", "cannot read `x` as a step"),
        ("99999999999 * * * *", "99999999999", "99999999999 is out of range for the minutes"),
        ("@reboot", "@reboot", "unknown name of a schedule"),
        ("@every 5m", "@every 5m", "unknown name of a schedule"),
        ("每 * * * *", "每", "cannot read `每` as minutes"),
    ];
    for (line, marked, message) in cases {
        let error = Schedule::cron(line, Tz::UTC).err().unwrap_or_else(|| panic!("{line} is accepted"));
        assert_eq!((&line[error.span.clone()], error.message.as_str()), (*marked, *message), "{line}");
    }
    // 29 February comes, and one weekday is enough.
    assert_eq!(cron("0 0 29 2 *", Tz::UTC).next_after(utc("2026-01-01 00:00:00")), Some(utc("2028-02-29 00:00:00")));
    assert_eq!(cron("0 0 31 2 1", Tz::UTC).next_after(utc("2026-01-01 00:00:00")), Some(utc("2026-02-02 00:00:00")));
}

#[test]
fn the_ends_of_time_are_no_panic() {
    for zone in [Tz::UTC, Asia::Shanghai, Pacific::Kiritimati, America::New_York] {
        for schedule in [cron("0 9 * * *", zone), Schedule::every(Duration::from_secs(30), "w"), Schedule::every(Duration::MAX, "w")] {
            for at in [DateTime::<Utc>::MIN_UTC, utc("1969-12-31 23:59:59"), utc("2100-12-31 23:59:59"), DateTime::<Utc>::MAX_UTC] {
                assert!(schedule.next_after(at).is_none_or(|next| next > at));
            }
        }
    }
    assert_eq!(cron("0 9 * * *", Tz::UTC).next_after(utc("2101-01-01 00:00:00")), None);
}

#[test]
fn missed_slots_are_counted_up_to_a_limit() {
    let hourly = cron("0 * * * *", Asia::Shanghai);
    let count = |until| hourly.slots_between(utc("2026-11-23 00:00:00"), utc(until), 100);
    assert_eq!(count("2026-11-23 00:59:59"), 0);
    assert_eq!(count("2026-11-23 01:00:00"), 1);
    assert_eq!(count("2026-11-23 10:30:00"), 10);
    assert_eq!(count("2027-11-23 00:00:00"), 100);
    assert_eq!(count("2026-11-22 00:00:00"), 0);
    let every = Schedule::every(Duration::from_secs(60), "w");
    assert_eq!(every.slots_between(utc("2026-11-23 00:00:00"), utc("2026-11-23 01:00:00"), 1000), 60);
    assert_eq!(every.slots_between(utc("2026-11-23 00:00:00"), utc("2026-11-24 00:00:00"), 1000), 1000);
}

#[test]
fn a_new_interval_polls_at_once_and_a_new_cron_line_in_its_turn() {
    let now = utc("2026-11-23 09:00:01");
    assert_eq!(Schedule::every(Duration::from_secs(3600), "w").first(now), Some(now));
    assert_eq!(cron("0 * * * *", Tz::UTC).first(now), Some(utc("2026-11-23 10:00:00")));
}

#[test]
fn intervals_show_themselves_as_written() {
    let shown = |seconds| Schedule::every(Duration::from_secs(seconds), "w").to_string();
    assert_eq!((shown(30), shown(3600), shown(0)), ("every 30s".into(), "every 1h".into(), "every 1s".into()));
}

#[test]
fn watchers_gather_on_few_instants() {
    let start = utc("2026-11-23 00:00:00");
    let instants = |seconds: u64| -> usize {
        let slot = |n: u32| Schedule::every(Duration::from_secs(seconds), &format!("watcher_{n}")).next_after(start).unwrap();
        (0..100).map(slot).collect::<BTreeSet<_>>().len()
    };
    assert_eq!(instants(30), 6);
    assert_eq!(instants(60), 6);
    assert_eq!(instants(7), 7);
    assert!(instants(3600) <= 60);
    // Watchers of different intervals share instants: all lie on whole ticks of the coarser grid's divisor.
    let on_grid = |seconds, grid| {
        (0..100).all(|n| {
            let next = Schedule::every(Duration::from_secs(seconds), &format!("watcher_{n}")).next_after(start).unwrap();
            next.timestamp() % grid == 0
        })
    };
    assert!(on_grid(30, 5) && on_grid(60, 10) && on_grid(600, 60));
}

/// The runs of a line in one day of a zone, found by trying every minute of real time.
fn brute_force(
    minutes: &BTreeSet<u32>,
    hours: &BTreeSet<u32>,
    interval: bool,
    zone: Tz,
    from: DateTime<Utc>,
    hours_long: i64,
) -> Vec<DateTime<Utc>> {
    let matches = |wall: NaiveDateTime| minutes.contains(&wall.minute()) && hours.contains(&wall.hour());
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut wall_before = (from - TimeDelta::minutes(1)).with_timezone(&zone).naive_local();
    for n in 0..hours_long * 60 {
        let at = from + TimeDelta::minutes(n);
        let wall = at.with_timezone(&zone).naive_local();
        let skipped = (1..(wall - wall_before).num_minutes()).any(|m| matches(wall_before + TimeDelta::minutes(m)));
        if skipped || (matches(wall) && (interval || !seen.contains(&wall))) {
            found.push(at);
        }
        seen.insert(wall);
        wall_before = wall;
    }
    found
}

/// Zones and the UTC midnight before a change of their clocks.
const CHANGES: [(Tz, &str); 9] = [
    (America::New_York, "2026-03-07 12:00:00"),
    (America::New_York, "2026-10-31 12:00:00"),
    (Asia::Beirut, "2026-03-28 00:00:00"),
    (Asia::Beirut, "2026-10-24 00:00:00"),
    (Australia::Lord_Howe, "2026-10-03 00:00:00"),
    (Australia::Lord_Howe, "2026-04-04 00:00:00"),
    (Asia::Shanghai, "2026-11-23 00:00:00"),
    (Europe::London, "2026-10-24 12:00:00"),
    (America::St_Johns, "2026-03-07 12:00:00"),
];

proptest! {
    #[test]
    fn runs_are_those_that_a_walk_over_the_wall_clock_finds(
        minutes in prop::collection::btree_set(0u32..60, 1..5),
        hours in prop::collection::btree_set(0u32..6, 1..4),
        every_hour: bool,
        change in 0..CHANGES.len(),
    ) {
        let (zone, from) = CHANGES[change];
        let list = |set: &BTreeSet<u32>| set.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let hour_field = if every_hour { "*".to_owned() } else { list(&hours) };
        let hours = if every_hour { (0..24).collect() } else { hours };
        let schedule = cron(&format!("{} {hour_field} * * *", list(&minutes)), zone);
        let from = utc(from);
        let expected = brute_force(&minutes, &hours, every_hour, zone, from, 48);
        let next = std::iter::successors(schedule.next_after(from - TimeDelta::seconds(1)), |at| schedule.next_after(*at));
        let found: Vec<_> = next.take_while(|at| *at < from + TimeDelta::hours(48)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn the_next_run_is_always_later(seconds in 0i64..4_000_000_000, zone in 0..chrono_tz::TZ_VARIANTS.len(), line in 0usize..6) {
        let line = ["*/7 * * * *", "30 2 * * *", "* * * * * *", "0 0 29 2 *", "15 */3 1 * 1", "0-59 0-59 0-23 * * *"][line];
        let schedule = cron(line, chrono_tz::TZ_VARIANTS[zone]);
        let mut at = DateTime::from_timestamp(seconds, 500).unwrap();
        for _ in 0..50 {
            let Some(next) = schedule.next_after(at) else { break };
            prop_assert!(next > at);
            at = next;
        }
    }

    #[test]
    fn intervals_step_by_their_length(seconds in 1u64..100_000, start in 0i64..4_000_000_000, name in "[a-z]{1,8}") {
        let schedule = Schedule::every(Duration::from_secs(seconds), &name);
        let start = DateTime::from_timestamp(start, 0).unwrap();
        let first = schedule.next_after(start).unwrap();
        let second = schedule.next_after(first).unwrap();
        prop_assert!(first > start && (first - start).num_seconds() <= seconds as i64);
        prop_assert_eq!((second - first).num_seconds(), seconds as i64);
        prop_assert_eq!(schedule.slots_between(start, second, 10), 2);
    }

    #[test]
    fn any_text_is_a_schedule_or_an_error_with_a_place(text in "[0-9*/,\\-? @a-zL#\u{4e00}]{0,30}") {
        if let Err(error) = Schedule::cron(&text, Tz::UTC) {
            prop_assert!(text.get(error.span.clone()).is_some());
        }
    }
}

fn offset(at: DateTime<Utc>, zone: Tz) -> i32 {
    use chrono::Offset;
    zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
}

proptest! {
    // croner takes its time.
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn runs_are_those_of_croner(
        minute in prop_oneof![(0u32..60).prop_map(|n| n.to_string()), (2u32..40).prop_map(|n| format!("*/{n}")), Just("*".to_owned()), (0u32..30, 30u32..60).prop_map(|(a, b)| format!("{a}-{b}"))],
        hour in prop_oneof![(0u32..24).prop_map(|n| n.to_string()), (2u32..12).prop_map(|n| format!("*/{n}")), Just("*".to_owned())],
        day in prop_oneof![3 => Just("*".to_owned()), 1 => (1u32..29).prop_map(|n| n.to_string()), 1 => (1u32..15, 15u32..29).prop_map(|(a, b)| format!("{a}-{b}"))],
        weekday in prop_oneof![3 => Just("*".to_owned()), 1 => (0u32..8).prop_map(|n| n.to_string()), 1 => Just("mon-fri".to_owned())],
        change in 0..CHANGES.len(),
    ) {
        let (zone, from) = CHANGES[change];
        let line = format!("{minute} {hour} {day} * {weekday}");
        let ours = cron(&line, zone);
        let theirs: croner::Cron = line.parse().unwrap();
        let from = utc(from).with_timezone(&zone);
        let until = from.to_utc() + TimeDelta::days(4);
        let next = std::iter::successors(ours.next_after(from.to_utc()), |at| ours.next_after(*at));
        let found: Vec<_> = next.take_while(|at| *at < until).collect();
        let expected: Vec<_> = theirs.iter_after(from).map(|at| at.to_utc()).take_while(|at| *at < until).collect();
        // An interval line runs right after a gap when the gap held a run; croner lets that one fall out. A line
        // without `*` and steps runs once in an overlap; croner runs a list or a range twice.
        let single = |field: &str| field.bytes().all(|b| b.is_ascii_digit());
        let gap_end = |at: &DateTime<Utc>| offset(*at, zone) > offset(*at - TimeDelta::seconds(1), zone);
        let extra: Vec<_> = found.iter().filter(|at| !expected.contains(at) && !gap_end(at)).collect();
        prop_assert!(extra.is_empty(), "{line} {zone}: more than croner: {extra:?}");
        let less: Vec<_> = expected.iter().filter(|at| !found.contains(at)).collect();
        let repeated = |at: &DateTime<Utc>| matches!(zone.from_local_datetime(&at.with_timezone(&zone).naive_local()), chrono::MappedLocalTime::Ambiguous(..));
        let fixed = !minute.contains('*') && !hour.contains('*') && !single(&minute);
        prop_assert!(less.iter().all(|at| fixed && repeated(at)), "{line} {zone}: less than croner: {less:?}");
    }
}
