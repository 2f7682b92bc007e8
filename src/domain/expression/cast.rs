//! Conversions that an expression asks for with `cast`, and the text of a value.

use super::compare::{Numeric, as_datetime, as_instant, as_number};
use super::number;
use super::problem::Problem;
use super::time;
use super::tree::Target;
use crate::domain::value::{Interval, Kind, Value, parse_number};
use bigdecimal::RoundingMode;
use chrono::{NaiveDateTime, SecondsFormat};
use chrono_tz::Tz;
use std::str::FromStr;

/// Converts a value; NULL stays NULL.
pub(super) fn cast(value: &Value, target: Target, zone: Tz) -> Result<Value, Problem> {
    match target {
        _ if *value == Value::Null => Ok(Value::Null),
        Target::Number(scale) => to_number(value, scale),
        Target::Float => to_float(value),
        Target::Text => show(value).map(Value::Text),
        Target::Bool => to_bool(value),
        Target::Date => to_datetime(value, zone, Kind::Date).map(|at| Value::Date(at.date())),
        Target::DateTime => to_datetime(value, zone, Kind::DateTime).map(Value::DateTime),
        Target::Time => match value {
            Value::Time(_) => Ok(value.clone()),
            _ => match text_of(value) {
                Some(text) if time::read_time(text.trim()).is_some() => {
                    time::read_time(text.trim()).map(Value::Time).ok_or(Problem::Unreadable(Kind::Time))
                }
                _ => to_datetime(value, zone, Kind::Time).map(|at| Value::Time(at.time())),
            },
        },
        Target::Instant => to_instant(value, zone),
        Target::Interval => match (value, text_of(value)) {
            (Value::Interval(_), _) => Ok(value.clone()),
            (_, Some(text)) => time::read_interval(text).map(Value::Interval).ok_or(Problem::Unreadable(Kind::Interval)),
            _ => Err(Problem::Kinds),
        },
    }
}

/// The text of a value that is kept as text.
pub(super) fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) | Value::Json(text) | Value::Other(text) => Some(text),
        _ => None,
    }
}

fn to_number(value: &Value, scale: Option<i64>) -> Result<Value, Problem> {
    let number = match (as_number(value), text_of(value)) {
        (Some(Numeric::Decimal(number)), _) => number.into_owned(),
        (Some(Numeric::Special(_)), _) => return Err(Problem::Number(number::NumberError::TooLarge)),
        (_, Some(text)) => parse_number(text.trim()).ok_or(Problem::Unreadable(Kind::Number))?,
        _ => return Err(Problem::Kinds),
    };
    let number = match scale {
        Some(digits) => number::round(&number, digits, RoundingMode::HalfUp)?,
        None => number,
    };
    Ok(Value::Number(number))
}

fn to_float(value: &Value) -> Result<Value, Problem> {
    let float = match (value, text_of(value)) {
        (Value::Float(float), _) => Ok(*float),
        (Value::Number(number), _) => f64::from_str(&number.to_scientific_notation()).map_err(|_| Problem::Unreadable(Kind::Float)),
        (Value::Bool(bool), _) => Ok(f64::from(u8::from(*bool))),
        (_, Some(text)) => f64::from_str(text.trim()).map_err(|_| Problem::Unreadable(Kind::Float)),
        _ => Err(Problem::Kinds),
    };
    float.map(Value::Float)
}

fn to_bool(value: &Value) -> Result<Value, Problem> {
    if let Some(truth) = truth_of_number(value) {
        return Ok(Value::Bool(truth));
    }
    let text = text_of(value).ok_or(Problem::Kinds)?;
    match text.trim().to_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Ok(Value::Bool(true)),
        "false" | "f" | "no" | "n" | "off" | "0" => Ok(Value::Bool(false)),
        _ => Err(Problem::Unreadable(Kind::Bool)),
    }
}

/// The truth of a boolean, or of a number: MySQL and SQLite keep booleans as 0 and 1.
pub(super) fn truth_of_number(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(bool) => Some(*bool),
        Value::Number(number) => Some(number.sign() != bigdecimal::num_bigint::Sign::NoSign),
        Value::Float(float) => Some(*float != 0.0),
        _ => None,
    }
}

fn to_datetime(value: &Value, zone: Tz, kind: Kind) -> Result<NaiveDateTime, Problem> {
    match (value, text_of(value)) {
        (Value::Instant(at), _) => time::local(at.to_utc(), zone).ok_or(Problem::OutOfRange),
        (_, Some(text)) => match time::read_temporal(text) {
            Some(read @ (Value::Date(_) | Value::DateTime(_) | Value::Instant(_))) => to_datetime(&read, zone, kind),
            _ => Err(Problem::Unreadable(kind)),
        },
        _ => as_datetime(value).ok_or(Problem::Kinds),
    }
}

fn to_instant(value: &Value, zone: Tz) -> Result<Value, Problem> {
    let at = match (value, text_of(value)) {
        (Value::Instant(_), _) => return Ok(value.clone()),
        (_, Some(text)) => {
            let read = time::read_temporal(text).ok_or(Problem::Unreadable(Kind::Instant))?;
            as_instant(&read, zone).ok_or(Problem::Unreadable(Kind::Instant))?
        }
        _ => as_instant(value, zone).ok_or(Problem::Kinds)?,
    };
    Ok(Value::Instant(at.fixed_offset()))
}

/// A value as text, as its database would print it; NULL is the empty text.
pub(super) fn show(value: &Value) -> Result<String, Problem> {
    Ok(match value {
        Value::Null => String::new(),
        Value::Bool(bool) => bool.to_string(),
        Value::Number(number) => number::show(number)?,
        Value::Float(float) => show_float(*float),
        Value::Text(text) | Value::Json(text) | Value::Other(text) => text.clone(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Value::Date(day) => day.to_string(),
        Value::Time(time) => time.to_string(),
        Value::DateTime(at) => at.to_string(),
        Value::Instant(at) => at.to_rfc3339_opts(SecondsFormat::AutoSi, true).replacen('T', " ", 1),
        Value::Interval(interval) => show_interval(*interval),
    })
}

/// Floats beyond the digits they hold are shown with an exponent, as databases do.
fn show_float(float: f64) -> String {
    let size = float.abs();
    if !float.is_finite() || size == 0.0 || (1e-5..1e16).contains(&size) {
        match float {
            f64::INFINITY => "Infinity".to_owned(),
            f64::NEG_INFINITY => "-Infinity".to_owned(),
            _ => float.to_string(),
        }
    } else {
        format!("{float:e}")
    }
}

/// ISO 8601, each part with its own sign.
fn show_interval(interval: Interval) -> String {
    let part = |number: i64, unit: &str| if number == 0 { String::new() } else { format!("{number}{unit}") };
    let (seconds, micros) = (interval.micros / 1_000_000, interval.micros % 1_000_000);
    let sign = if interval.micros < 0 && seconds % 60 == 0 { "-" } else { "" };
    let rest = match micros {
        0 => part(seconds % 60, "S"),
        micros => format!("{sign}{}.{}S", seconds % 60, format!("{:06}", micros.abs()).trim_end_matches('0')),
    };
    let time = part(seconds / 3600, "H") + &part(seconds / 60 % 60, "M") + &rest;
    let day =
        part(i64::from(interval.months / 12), "Y") + &part(i64::from(interval.months % 12), "M") + &part(i64::from(interval.days), "D");
    match (day.as_str(), time.as_str()) {
        ("", "") => "PT0S".to_owned(),
        (_, "") => format!("P{day}"),
        _ => format!("P{day}T{time}"),
    }
}
