//! Cron lines against a walk over the wall clock: 200 lines, in 20 zones, over ten years each, every run compared.
//!
//! The walk shares nothing with the schedule but the rules it is held to:
//!
//! - It reads a field by asking of each number whether it is in it, with arithmetic on the round of the field.
//! - It knows a zone as **stretches** of one offset, found by asking chrono-tz for the offset hour by hour, and second by
//!   second where two hours differ. It never asks which instants a wall-clock time stands for.
//! - A stretch has plain days, so in it the runs of a matching day are the times of the line, one after the other.
//! - Where the wall clock jumps forward between two stretches, one run comes at the jump if any time was jumped over.
//!   Where it jumps back, what it shows again runs again only for a line with `*` or a step in its time.
//!
//! Lines that run every few minutes have too many runs for ten years; they are compared around every change of a clock.
//! Each zone is taken in ten years in which its clock was restless: Samoa without its 30 December 2011, Newfoundland when
//! it changed at one minute past midnight, Liberia when it gave up an offset of 44 and a half minutes.

use chrono::{DateTime, Datelike, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rowbell::domain::schedule::Schedule;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;
const YEARS: i32 = 10;

/// Zones, and the first of their ten years.
const ZONES: [(Tz, i32); 20] = [
    (Tz::UTC, 2026),
    (Tz::Asia__Shanghai, 2026),
    (Tz::Asia__Kathmandu, 2026),
    (Tz::America__New_York, 2026),
    (Tz::Europe__Berlin, 2026),
    (Tz::Australia__Lord_Howe, 2026),
    (Tz::Pacific__Chatham, 2026),
    (Tz::Africa__Casablanca, 2026),
    (Tz::Africa__Cairo, 2022),
    (Tz::Asia__Gaza, 2022),
    (Tz::Asia__Beirut, 2022),
    (Tz::Asia__Tehran, 2014),
    (Tz::America__Sao_Paulo, 2011),
    (Tz::Pacific__Apia, 2009),
    (Tz::America__St_Johns, 2004),
    (Tz::Antarctica__Troll, 2008),
    (Tz::Europe__Istanbul, 2009),
    (Tz::Asia__Pyongyang, 2012),
    (Tz::Pacific__Kwajalein, 1990),
    (Tz::Africa__Monrovia, 1971),
];

/// Lines that people write, and such as lie where clocks are moved.
const PICKED: [&str; 60] = [
    "30 8 * * 1-5",
    "0 9 * * mon-fri",
    "0 0 * * *",
    "0 1 * * *",
    "30 1 * * *",
    "0 2 * * *",
    "30 2 * * *",
    "59 2 * * *",
    "0 3 * * *",
    "30 23 * * *",
    "0 0 1 * *",
    "0 0 1 1 *",
    "0 0 29 2 *",
    "0 12 31 * *",
    "59 23 31 12 *",
    "@weekly",
    "@monthly",
    "@yearly",
    "@daily",
    "0 0 13 * 5",
    "0 0 1-7 * 1",
    "30 1 */2 * 0",
    "0 0 */10 * *",
    "15 10 ? * sun",
    "5 4 * * sun",
    "0 2 28-2 * *",
    "0 3 * nov-feb mon",
    "0 0 * * 6-0",
    "0 2 * * 7",
    "0 1 * * 5-7",
    "0 0 25 12 1-5",
    "30 0 * 3,4,9-11 *",
    "1 0 * * sun",
    "0,30 1 * * sun",
    "15,45 2 * 3,4 *",
    "*/15 2 * * sun",
    "*/20 1-3 * 3,10,11 sun",
    "*/30 * * 3 sun",
    "0 * * 10 sun",
    "5 */2 29-31 3,10 *",
    "10 0-4 * 3,4 0",
    "*/10 0 * 10 sat,sun",
    "0 22-2 * 11 sun",
    "0 22-2/2 1-7 4 *",
    "7 * 1-8 11 sun",
    "*/7 1,2 8-14 3 0",
    "45 23 * 3,10 fri,sat",
    "0 0,12 1 */2 *",
    "23 0-20/2 1 1,4,7,10 *",
    "59 0-3 25-31 3,10 sun",
    "30 30 2 * * sun",
    "*/20 30 2 * 3 sun",
    "0 */30 1 1-7 11 *",
    "15 0 0 * * 0",
    "0,59 59 1 * 10,11 0",
    "30 * 2 8-14 3 *",
    "59 59 23 * * sat",
    "0 0 23 24 12 2",
    "*/30 59 2 * 4 *",
    "0 0 29 2 1",
];

/// Lines that run too often for ten years.
const DENSE: [&str; 14] = [
    "* * * * *",
    "*/5 * * * *",
    "*/7 */2 * * *",
    "15 * * * *",
    "10,40 * * * *",
    "* 2 * * *",
    "*/15 1-3 * * *",
    "0 */6 * * *",
    "0-59/3 0-23 * * *",
    "1,31 0-3 * * *",
    "30 * * * * *",
    "*/20 * * * * *",
    "0 0 */2 * * *",
    "0,30 30 0,1,2 * * *",
];

/// More runs than this in ten years are too many.
const RUNS_MAX: usize = 4_000;

#[test]
fn two_hundred_lines_run_when_a_walk_over_ten_years_of_twenty_zones_says() {
    let lines = lines();
    assert_eq!(lines.len(), 200);
    let counts = Counts::default();
    over_zones(|zone| {
        let span = zone.span.clone();
        for line in &lines {
            let pair = Pair { line, zone, schedule: Schedule::cron(&line.text, zone.name).unwrap() };
            let expected = line.runs(zone, span.clone());
            counts.add(pair.compare(span.clone(), &expected), pair.ask_around_changes(&expected));
        }
    });
    assert!(counts.tell("200 lines over ten years") > 1_000_000);
}

#[test]
fn lines_that_run_every_few_minutes_run_when_a_walk_around_every_change_of_a_clock_says() {
    let lines: Vec<Line> = DENSE.iter().map(|text| Line::read(text)).collect();
    let counts = Counts::default();
    over_zones(|zone| {
        for line in &lines {
            let pair = Pair { line, zone, schedule: Schedule::cron(&line.text, zone.name).unwrap() };
            for change in zone.changes() {
                let span = change - 5 * HOUR..change + 5 * HOUR;
                counts.add(pair.compare(span.clone(), &line.runs(zone, span)), 0);
            }
        }
    });
    assert!(counts.tell("lines that run every few minutes, around every change of a clock") > 100_000);
}

/// The zones, shared out among the cores.
fn over_zones(work: impl Fn(&Zone) + Sync) {
    let next = AtomicUsize::new(0);
    let share = || {
        while let Some((name, year)) = ZONES.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(&Zone::walk(*name, *year))
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(share);
        }
    });
}

#[derive(Default)]
struct Counts {
    runs: AtomicUsize,
    questions: AtomicUsize,
}

impl Counts {
    fn add(&self, runs: usize, questions: usize) {
        self.runs.fetch_add(runs, Ordering::Relaxed);
        self.questions.fetch_add(questions, Ordering::Relaxed);
    }

    /// The number of runs that were compared, for a person to see.
    fn tell(&self, what: &str) -> usize {
        let (runs, questions) = (self.runs.load(Ordering::Relaxed), self.questions.load(Ordering::Relaxed));
        println!("{what}, {} zones: {runs} runs and {questions} questions compared, 0 differences", ZONES.len());
        runs
    }
}

/// A line in a zone: as the walk reads it, and as the schedule does.
struct Pair<'a> {
    line: &'a Line,
    zone: &'a Zone,
    schedule: Schedule,
}

impl Pair<'_> {
    /// Each run of the schedule in a span is the next one expected; how many there were.
    fn compare(&self, span: Range<i64>, expected: &[i64]) -> usize {
        let mut at = span.start - 1;
        for expected in expected.iter().map(|at| Some(*at)).chain([None]) {
            let found = self.next(at, span.end);
            assert_eq!(found.map(utc), expected.map(utc), "{self}, after {}", utc(at));
            at = found.unwrap_or(at);
        }
        expected.len()
    }

    /// Asks from instants that need not be runs; how many there were.
    fn ask_around_changes(&self, expected: &[i64]) -> usize {
        let ask = |at: i64| {
            let next = expected.get(expected.partition_point(|run| *run <= at)).copied();
            assert_eq!(self.next(at, self.zone.span.end).map(utc), next.map(utc), "{self}, after {}", utc(at));
        };
        self.zone.around_changes().map(ask).count()
    }

    fn next(&self, after: i64, end: i64) -> Option<i64> {
        self.schedule.next_after(utc(after)).map(|next| next.timestamp()).filter(|next| *next < end)
    }
}

impl std::fmt::Display for Pair<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` in {}", self.line.text, self.zone.name)
    }
}

fn utc(at: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(at, 0).unwrap()
}

/// Ten years of a zone.
struct Zone {
    name: Tz,
    /// The ten years, in seconds of UTC.
    span: Range<i64>,
    /// In order and without holes, from a few days before the ten years to a few days after.
    stretches: Vec<Stretch>,
}

/// A time, in seconds of UTC, in which a zone has one offset.
struct Stretch {
    time: Range<i64>,
    offset: i64,
}

impl Stretch {
    /// What the wall clock shows in it, as seconds since the epoch of the wall clock.
    fn wall(&self) -> Range<i64> {
        self.time.start + self.offset..self.time.end + self.offset
    }
}

impl Zone {
    fn walk(name: Tz, year: i32) -> Zone {
        let january = |year| Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap().timestamp();
        let span = january(year)..january(year + YEARS);
        let offset = |at: i64| i64::from(name.offset_from_utc_datetime(&utc(at).naive_utc()).fix().local_minus_utc());
        let (start, end) = (span.start - 3 * DAY, span.end + 3 * DAY);
        let mut stretches = vec![Stretch { time: start..end, offset: offset(start) }];
        for hour in (start..end).step_by(HOUR as usize) {
            let before = offset(hour);
            if offset(hour + HOUR) != before {
                let change = (hour..).find(|at| offset(*at) != before).unwrap();
                stretches.last_mut().unwrap().time.end = change;
                stretches.push(Stretch { time: change..end, offset: offset(change) });
            }
        }
        Zone { name, span, stretches }
    }

    fn changes(&self) -> impl Iterator<Item = i64> {
        self.stretches.iter().skip(1).map(|stretch| stretch.time.start).filter(|change| self.span.contains(change))
    }

    fn around_changes(&self) -> impl Iterator<Item = i64> {
        let steps = [-HOUR - 1, -31 * MINUTE, -1, 0, 1, 29 * MINUTE, HOUR - 1, HOUR + 1];
        self.changes().flat_map(move |change| steps.map(|step| change + step)).filter(|at| self.span.contains(at))
    }
}

/// A cron line, as the walk reads it.
struct Line {
    text: String,
    /// Seconds of a day, in order.
    times: Vec<i64>,
    /// By number; those of the month from 1, those of the week from Sunday = 0.
    months: Vec<bool>,
    days: Vec<bool>,
    weekdays: Vec<bool>,
    /// One of the day fields begins with a star: then both must hold, else one of them.
    both: bool,
    /// Runs again when the clock shows a time again.
    interval: bool,
}

impl Line {
    fn read(text: &str) -> Line {
        let spelled_out = match text {
            "@yearly" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" => "0 0 * * *",
            other => other,
        };
        let mut fields: Vec<&str> = spelled_out.split_whitespace().collect();
        if fields.len() == 5 {
            fields.insert(0, "0");
        }
        let numbers = |field: usize, low: i64, high: i64| -> Vec<bool> {
            (0..=high).map(|number| number >= low && holds(fields[field], number, low, high)).collect()
        };
        let (seconds, minutes, hours) = (numbers(0, 0, 59), numbers(1, 0, 59), numbers(2, 0, 23));
        let is_time = |at: &i64| hours[(at / HOUR) as usize] && minutes[(at / MINUTE % 60) as usize] && seconds[(at % 60) as usize];
        Line {
            text: text.to_owned(),
            times: (0..DAY).filter(is_time).collect(),
            months: numbers(4, 1, 12),
            days: numbers(3, 1, 31),
            weekdays: numbers(5, 0, 6),
            both: fields[3].starts_with(['*', '?']) || fields[5].starts_with(['*', '?']),
            interval: fields[..3].iter().any(|field| field.contains(['*', '/'])),
        }
    }

    /// Whether it runs on a day of the wall clock.
    fn is_day(&self, day: i64) -> bool {
        let date = utc(day * DAY);
        let (by_month, by_week) = (self.days[date.day() as usize], self.weekdays[date.weekday().num_days_from_sunday() as usize]);
        self.months[date.month() as usize] && if self.both { by_month && by_week } else { by_month || by_week }
    }

    /// Its times in a part of the wall clock, in order.
    fn walls(&self, wall: Range<i64>) -> impl Iterator<Item = i64> {
        let days = (wall.start.div_euclid(DAY)..=wall.end.div_euclid(DAY)).filter(|day| self.is_day(*day));
        days.flat_map(|day| self.times.iter().map(move |time| day * DAY + time)).filter(move |at| wall.contains(at))
    }

    /// Its runs in a span of UTC.
    fn runs(&self, zone: &Zone, span: Range<i64>) -> Vec<i64> {
        let mut runs = Vec::new();
        let mut shown_until = None;
        for stretch in &zone.stretches {
            let wall = stretch.wall();
            let shown_before = shown_until.replace(wall.end).unwrap_or(wall.start);
            let near = (span.start - 2 * DAY..span.end + 2 * DAY).contains(&stretch.time.start);
            if near && self.walls(shown_before..wall.start).next().is_some() {
                runs.push(stretch.time.start);
            }
            // Only the part of the stretch that can lie in the span.
            let part = wall.start.max(span.start + stretch.offset)..wall.end.min(span.end + stretch.offset);
            let first_time = |at: &i64| *at >= shown_before || self.interval;
            runs.extend(self.walls(part).filter(first_time).map(|at| at - stretch.offset));
        }
        runs.retain(|at| span.contains(at));
        runs.dedup();
        runs
    }
}

/// Whether a number is in a field: `*`, `5`, `1-5`, `fri-mon`, each range also with a step, and lists of these.
fn holds(field: &str, number: i64, low: i64, high: i64) -> bool {
    let round = high - low + 1;
    field.split(',').any(|part| {
        let (range, step) = part.split_once('/').map_or((part, 1), |(range, step)| (range, step.parse().unwrap()));
        if range == "*" || range == "?" {
            return (number - low) % step == 0;
        }
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (number_of(first), number_of(last));
        let length = if first <= last { last - first } else { (last - first).rem_euclid(round) };
        let ahead = (number - first).rem_euclid(round);
        ahead <= length && ahead % step == 0
    })
}

fn number_of(word: &str) -> i64 {
    const WEEK: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let by_name = WEEK.iter().position(|name| *name == word).or(MONTHS.iter().position(|name| *name == word).map(|at| at + 1));
    by_name.map_or_else(|| word.parse().unwrap(), |at| at as i64)
}

/// The picked lines and as many generated ones as are missing to 200; always the same.
fn lines() -> Vec<Line> {
    let utc = Zone::walk(Tz::UTC, 2026);
    let mut lines: Vec<Line> = PICKED.iter().map(|text| Line::read(text)).collect();
    let mut runner = TestRunner::deterministic();
    while lines.len() < 200 {
        let text = any_line().new_tree(&mut runner).unwrap().current();
        let line = Line::read(&text);
        let often = line.times.len() <= RUNS_MAX && (1..=RUNS_MAX).contains(&line.runs(&utc, utc.span.clone()).len());
        if often && lines.iter().all(|other| other.text != text) {
            lines.push(line);
        }
    }
    lines
}

fn any_line() -> impl Strategy<Value = String> {
    let month_name = prop::sample::select(vec!["jan", "mar", "apr", "sep", "oct", "nov", "dec"]);
    let day_name = prop::sample::select(vec!["sun", "mon", "wed", "fri", "sat"]);
    let months = prop_oneof![
        3 => any_field(1, 12),
        1 => month_name.clone().prop_map(str::to_owned),
        1 => (month_name.clone(), month_name).prop_map(|(first, last)| format!("{first}-{last}")),
    ];
    let weekdays = prop_oneof![
        3 => any_field(0, 7),
        2 => day_name.clone().prop_map(str::to_owned),
        1 => (day_name.clone(), day_name).prop_map(|(first, last)| format!("{first}-{last}")),
    ];
    // Clocks are moved in the first hours of a day.
    let hours = prop_oneof![2 => any_field(0, 23), 2 => any_field(0, 4)];
    let seconds = prop_oneof![3 => Just(None), 1 => any_field(0, 59).prop_map(Some)];
    (seconds, any_field(0, 59), hours, any_field(1, 31), months, weekdays).prop_map(|(seconds, minute, hour, day, month, weekday)| {
        let seconds = seconds.map(|seconds| format!("{seconds} ")).unwrap_or_default();
        format!("{seconds}{minute} {hour} {day} {month} {weekday}")
    })
}

fn any_field(low: u32, high: u32) -> impl Strategy<Value = String> {
    let number = low..=high;
    let step = 1..=high.div_ceil(2).max(1);
    prop_oneof![
        3 => number.clone().prop_map(|number| number.to_string()),
        3 => Just("*".to_owned()),
        1 => step.clone().prop_map(|step| format!("*/{step}")),
        1 => (number.clone(), number.clone()).prop_map(|(first, last)| format!("{first}-{last}")),
        1 => (number.clone(), number.clone(), step).prop_map(|(first, last, step)| format!("{first}-{last}/{step}")),
        1 => prop::collection::vec(number, 2..4).prop_map(|numbers| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
    ]
}
