//! Which values can be compared, and how they are ordered. NULL is dealt with before it comes here.
//!
//! Numbers compare by their exact value, whatever their scale; booleans count as 0 and 1, as MySQL and SQLite store
//! them; NaN is greater than all other numbers, as in PostgreSQL. Text against a time is read as a time, since SQLite
//! keeps times as text. Nothing else is converted.

use super::number;
use super::problem::Problem;
use super::time;
use crate::domain::value::{Kind, Value};
use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use std::borrow::Cow;
use std::cmp::Ordering;

/// Whether two kinds can be compared; the values may still refuse (text that is no date).
pub(super) fn comparable(left: Kind, right: Kind) -> bool {
    let number = |kind| matches!(kind, Kind::Number | Kind::Float | Kind::Bool);
    let day = |kind| matches!(kind, Kind::Date | Kind::DateTime | Kind::Instant);
    let read_from_text = |kind| day(kind) || matches!(kind, Kind::Time | Kind::Interval | Kind::Json | Kind::Other);
    match (left, right) {
        (Kind::Null, _) | (_, Kind::Null) => true,
        (Kind::Text, other) | (other, Kind::Text) => other == Kind::Text || read_from_text(other),
        (left, right) => left == right || (number(left) && number(right)) || (day(left) && day(right)),
    }
}

/// Orders two values.
pub(super) fn compare(left: &Value, right: &Value, zone: Tz) -> Result<Ordering, Problem> {
    match (left, right) {
        (Value::Text(a) | Value::Json(a), Value::Text(b)) | (Value::Text(a), Value::Json(b)) => Ok(a.cmp(b)),
        (Value::Json(a), Value::Json(b)) | (Value::Other(a), Value::Other(b) | Value::Text(b)) | (Value::Text(a), Value::Other(b)) => {
            Ok(a.cmp(b))
        }
        (Value::Bytes(a), Value::Bytes(b)) => Ok(a.cmp(b)),
        (Value::Time(a), Value::Time(b)) => Ok(a.cmp(b)),
        (Value::Interval(a), Value::Interval(b)) => Ok(time::interval_length(*a).cmp(&time::interval_length(*b))),
        (Value::Text(text), other) => compare_times(&read_like(text, other.kind())?, other, zone),
        (other, Value::Text(text)) => compare_times(other, &read_like(text, other.kind())?, zone),
        _ => match (as_number(left), as_number(right)) {
            (Some(a), Some(b)) => Ok(compare_numbers(&a, &b)),
            _ => compare_times(left, right, zone),
        },
    }
}

/// Reads a text as something that compares with a kind.
fn read_like(text: &str, kind: Kind) -> Result<Value, Problem> {
    let value = match kind {
        Kind::Date | Kind::DateTime | Kind::Instant => time::read_temporal(text).filter(|value| value.kind() != Kind::Time),
        Kind::Time => time::read_time(text.trim()).map(Value::Time),
        Kind::Interval => time::read_interval(text).map(Value::Interval),
        _ => return Err(Problem::Kinds),
    };
    value.ok_or(Problem::Unreadable(kind))
}

fn compare_times(left: &Value, right: &Value, zone: Tz) -> Result<Ordering, Problem> {
    if let (Value::Time(_), Value::Time(_)) | (Value::Interval(_), Value::Interval(_)) = (left, right) {
        return compare(left, right, zone);
    }
    if matches!(left, Value::Instant(_)) || matches!(right, Value::Instant(_)) {
        let pair = as_instant(left, zone).zip(as_instant(right, zone));
        return pair.map(|(a, b)| a.cmp(&b)).ok_or(Problem::Kinds);
    }
    as_datetime(left).zip(as_datetime(right)).map(|(a, b)| a.cmp(&b)).ok_or(Problem::Kinds)
}

/// The instant of a date or timestamp; without a zone of its own it is read in `zone`.
pub(super) fn as_instant(value: &Value, zone: Tz) -> Option<DateTime<Utc>> {
    match value {
        Value::Instant(at) => Some(at.to_utc()),
        other => as_datetime(other).map(|wall| time::resolve(wall, zone)),
    }
}

/// The wall-clock time of a date (its midnight) or a timestamp without a zone.
pub(super) fn as_datetime(value: &Value) -> Option<NaiveDateTime> {
    match value {
        Value::Date(day) => Some(day.and_time(NaiveTime::MIN)),
        Value::DateTime(at) => Some(*at),
        _ => None,
    }
}

/// A number as it takes part in comparisons and arithmetic.
pub(super) enum Numeric<'a> {
    Decimal(Cow<'a, BigDecimal>),
    /// NaN or an infinity.
    Special(f64),
}

/// A value as a number: numbers, and booleans as 0 and 1.
pub(super) fn as_number(value: &Value) -> Option<Numeric<'_>> {
    match value {
        Value::Number(number) => Some(Numeric::Decimal(Cow::Borrowed(number))),
        Value::Float(float) => Some(number::from_float(*float).map_or(Numeric::Special(*float), |n| Numeric::Decimal(Cow::Owned(n)))),
        Value::Bool(bool) => Some(Numeric::Decimal(Cow::Owned(BigDecimal::from(u8::from(*bool))))),
        _ => None,
    }
}

fn compare_numbers(left: &Numeric<'_>, right: &Numeric<'_>) -> Ordering {
    match (left, right) {
        (Numeric::Decimal(a), Numeric::Decimal(b)) => number::compare(a, b),
        _ => rank(left).cmp(&rank(right)),
    }
}

/// Where a special number stands among all: `-Infinity`, the decimals, `Infinity`, NaN.
fn rank(number: &Numeric<'_>) -> i8 {
    match number {
        Numeric::Decimal(_) => 0,
        Numeric::Special(float) if float.is_nan() => 2,
        Numeric::Special(float) if *float > 0.0 => 1,
        Numeric::Special(_) => -1,
    }
}
