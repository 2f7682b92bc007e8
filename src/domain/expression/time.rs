//! Dates, times and intervals: reading them from text, moving them, and the zone in which bare ones are read.

use crate::domain::value::{self, Interval, Value, parse_instant};
use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive};
use chrono::{DateTime, Days, MappedLocalTime, Months, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use std::str::FromStr;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// The units of an interval: months, days or microseconds of one.
const UNITS: [(&str, Unit); 11] = [
    ("year", Unit::Months(12)),
    ("quarter", Unit::Months(3)),
    ("month", Unit::Months(1)),
    ("week", Unit::Days(7)),
    ("day", Unit::Days(1)),
    ("hour", Unit::Micros(3600 * MICROS_PER_SECOND)),
    ("minute", Unit::Micros(60 * MICROS_PER_SECOND)),
    ("min", Unit::Micros(60 * MICROS_PER_SECOND)),
    ("second", Unit::Micros(MICROS_PER_SECOND)),
    ("sec", Unit::Micros(MICROS_PER_SECOND)),
    ("millisecond", Unit::Micros(1000)),
];

#[derive(Clone, Copy)]
enum Unit {
    Months(i64),
    Days(i64),
    Micros(i64),
}

/// Reads a date, a timestamp with or without a zone, or a time of day; whichever the text is.
pub(super) fn read_temporal(text: &str) -> Option<Value> {
    let text = text.trim();
    read_date(text)
        .map(Value::Date)
        .or_else(|| read_datetime(text).map(Value::DateTime))
        .or_else(|| parse_instant(text).map(Value::Instant))
        .or_else(|| read_time(text).map(Value::Time))
}

pub(super) fn read_date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

pub(super) fn read_datetime(text: &str) -> Option<NaiveDateTime> {
    let minutes = |format| NaiveDateTime::parse_from_str(text, format).ok();
    value::parse_datetime(text).or_else(|| minutes("%Y-%m-%d %H:%M")).or_else(|| minutes("%Y-%m-%dT%H:%M"))
}

pub(super) fn read_time(text: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text, "%H:%M:%S%.f").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M")).ok()
}

/// Reads `2 hours`, `1 day 02:30:00`, `1.5 hours`, `-10 minutes`, or ISO 8601.
pub(super) fn read_interval(text: &str) -> Option<Interval> {
    let text = text.trim();
    if text.trim_start_matches('-').starts_with('P') {
        return value::parse_interval(text);
    }
    let mut interval = Interval::default();
    let mut words = text.split_whitespace();
    let mut read = false;
    while let Some(word) = words.next() {
        if word.contains(':') {
            interval.micros = interval.micros.checked_add(clock_micros(word)?)?;
        } else {
            let digits = word.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(word.len());
            let (number, unit) = word.split_at(digits);
            let unit = if unit.is_empty() { words.next()? } else { unit };
            interval = add_intervals(interval, unit_interval(number, unit)?)?;
        }
        read = true;
    }
    read.then_some(interval)
}

/// Reads a number of one unit: `2` and `hours`.
pub(super) fn unit_interval(number: &str, unit: &str) -> Option<Interval> {
    let number = value::parse_number(number.trim())?;
    let unit = unit.to_lowercase();
    let singular = unit.strip_suffix('s').unwrap_or(&unit);
    let short = match singular {
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "" => "second",
        other => other,
    };
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == short)?;
    let one = match *unit {
        Unit::Months(months) => Interval { months: i32::try_from(months).ok()?, ..Interval::default() },
        Unit::Days(days) => Interval { days: i32::try_from(days).ok()?, ..Interval::default() },
        Unit::Micros(micros) => Interval { micros, ..Interval::default() },
    };
    scale_interval(one, &number)
}

/// `02:30`, `-02:30:15.5` as microseconds.
fn clock_micros(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next().unwrap_or("0"));
    if parts.next().is_some() || [hours, minutes].iter().any(|part| !part.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let minutes: i64 = minutes.parse().ok().filter(|m| *m < 60)?;
    let whole = hours.parse::<i64>().ok()?.checked_mul(60)?.checked_add(minutes)?.checked_mul(60 * MICROS_PER_SECOND)?;
    let seconds = (value::parse_number(seconds)? * BigDecimal::from(MICROS_PER_SECOND))
        .to_i64()
        .filter(|s| (0..60 * MICROS_PER_SECOND).contains(s))?;
    whole.checked_add(seconds)?.checked_mul(sign)
}

pub(super) fn add_intervals(left: Interval, right: Interval) -> Option<Interval> {
    Some(Interval {
        months: left.months.checked_add(right.months)?,
        days: left.days.checked_add(right.days)?,
        micros: left.micros.checked_add(right.micros)?,
    })
}

pub(super) fn negate_interval(interval: Interval) -> Option<Interval> {
    Some(Interval { months: interval.months.checked_neg()?, days: interval.days.checked_neg()?, micros: interval.micros.checked_neg()? })
}

/// An interval times a number. What is left of a month goes into days (of which it has 30), of a day into the rest.
pub(super) fn scale_interval(interval: Interval, factor: &BigDecimal) -> Option<Interval> {
    if factor.digits() > 50 || factor.fractional_digit_count().abs() > 50 {
        return None;
    }
    let months = BigDecimal::from(interval.months) * factor;
    let whole_months = months.with_scale_round(0, RoundingMode::Down);
    let days = BigDecimal::from(interval.days) * factor + (&months - &whole_months) * BigDecimal::from(30);
    let whole_days = days.with_scale_round(0, RoundingMode::Down);
    let micros = BigDecimal::from(interval.micros) * factor + (&days - &whole_days) * BigDecimal::from(MICROS_PER_DAY);
    Some(Interval {
        months: i32::from_str(&whole_months.to_plain_string()).ok()?,
        days: i32::from_str(&whole_days.to_plain_string()).ok()?,
        micros: micros.with_scale_round(0, RoundingMode::HalfEven).to_i64()?,
    })
}

/// The length by which intervals are ordered: months have 30 days, days 24 hours, as in PostgreSQL.
pub(super) fn interval_length(interval: Interval) -> i128 {
    let days = i128::from(interval.months) * 30 + i128::from(interval.days);
    days * i128::from(MICROS_PER_DAY) + i128::from(interval.micros)
}

/// The interval from one wall-clock time to another.
pub(super) fn between(later: NaiveDateTime, earlier: NaiveDateTime) -> Option<Interval> {
    let micros = later.signed_duration_since(earlier).num_microseconds()?;
    let days = i32::try_from(micros / MICROS_PER_DAY).ok()?;
    Some(Interval { months: 0, days, micros: micros % MICROS_PER_DAY })
}

/// Moves a wall-clock time by an interval: months first, then days, then the rest.
pub(super) fn shift(at: NaiveDateTime, by: Interval) -> Option<NaiveDateTime> {
    shift_days(at, by)?.checked_add_signed(TimeDelta::microseconds(by.micros))
}

fn shift_days(at: NaiveDateTime, by: Interval) -> Option<NaiveDateTime> {
    let months = Months::new(by.months.unsigned_abs());
    let at = if by.months < 0 { at.checked_sub_months(months)? } else { at.checked_add_months(months)? };
    let days = Days::new(u64::from(by.days.unsigned_abs()));
    if by.days < 0 { at.checked_sub_days(days) } else { at.checked_add_days(days) }
}

/// Moves an instant by an interval: its months and days are those of the zone's wall clock.
pub(super) fn shift_instant(at: DateTime<Utc>, by: Interval, zone: Tz) -> Option<DateTime<Utc>> {
    let at = if by.months == 0 && by.days == 0 { at } else { resolve(shift_days(local(at, zone)?, by)?, zone) };
    at.checked_add_signed(TimeDelta::microseconds(by.micros))
}

/// Moves a time of day, round midnight when it must.
pub(super) fn shift_time(at: NaiveTime, by: Interval) -> NaiveTime {
    at.overflowing_add_signed(TimeDelta::microseconds(by.micros)).0
}

/// The wall-clock time of an instant; `None` at the ends of the calendar.
pub(super) fn local(at: DateTime<Utc>, zone: Tz) -> Option<NaiveDateTime> {
    let offset = zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    at.naive_utc().checked_add_offset(offset)
}

/// The instant of a wall-clock time. A time that exists twice is the first; one in a gap keeps the offset from before.
pub(super) fn resolve(wall: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let offset = match zone.offset_from_local_datetime(&wall) {
        MappedLocalTime::Single(offset) | MappedLocalTime::Ambiguous(offset, _) => offset.fix(),
        MappedLocalTime::None => {
            let before = wall.checked_sub_days(Days::new(2)).unwrap_or(wall);
            zone.offset_from_utc_datetime(&before).fix()
        }
    };
    wall.checked_sub_offset(offset).unwrap_or(wall).and_utc()
}
