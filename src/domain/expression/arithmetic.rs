//! `+ - * / %` between numbers, times and intervals.

use super::compare::{Numeric, as_datetime, as_instant, as_number};
use super::number;
use super::problem::Problem;
use super::time;
use super::tree::Operator;
use crate::domain::value::{Kind, Value};
use bigdecimal::{BigDecimal, One, ToPrimitive};
use chrono::{Days, NaiveDate};
use chrono_tz::Tz;

/// The kind that comes out of an operator; `Err` when the kinds do not go together, `Ok(None)` when it depends on the
/// values. Evaluation and the check before it both go by this.
pub(super) fn result_kind(operator: Operator, left: Kind, right: Kind) -> Result<Option<Kind>, Problem> {
    use Operator::{Add, Divide, Multiply, Subtract};
    let number = |kind| matches!(kind, Kind::Number | Kind::Float);
    let day = |kind| matches!(kind, Kind::Date | Kind::DateTime | Kind::Instant);
    match (operator, left, right) {
        (_, Kind::Null, _) | (_, _, Kind::Null) => Ok(None),
        (_, Kind::Number, Kind::Number) => Ok(Some(Kind::Number)),
        (_, left, right) if number(left) && number(right) => Ok(None),
        (Add | Subtract, Kind::Interval, Kind::Interval) => Ok(Some(Kind::Interval)),
        (Add | Subtract, Kind::Time, Kind::Interval) | (Add, Kind::Interval, Kind::Time) => Ok(Some(Kind::Time)),
        (Add | Subtract, Kind::Date, Kind::Number) | (Add, Kind::Number, Kind::Date) => Ok(Some(Kind::Date)),
        (Add | Subtract, Kind::Date, Kind::Interval) | (Add, Kind::Interval, Kind::Date) => Ok(None),
        (Add | Subtract, left, Kind::Interval) if day(left) => Ok(Some(left)),
        (Add, Kind::Interval, right) if day(right) => Ok(Some(right)),
        // SQLite keeps times as text: it is read as one next to a time or an interval.
        (Add | Subtract, Kind::Text, Kind::Interval) | (Add, Kind::Interval, Kind::Text) => Ok(None),
        (Subtract, Kind::Text, right) if day(right) => Ok(Some(Kind::Interval)),
        (Subtract, left, Kind::Text) if day(left) => Ok(Some(Kind::Interval)),
        (Subtract, left, right) if (day(left) && day(right)) || (left == Kind::Time && right == Kind::Time) => Ok(Some(Kind::Interval)),
        (Multiply, Kind::Interval, right) if number(right) => Ok(Some(Kind::Interval)),
        (Multiply, left, Kind::Interval) if number(left) => Ok(Some(Kind::Interval)),
        (Divide, Kind::Interval, right) if number(right) => Ok(Some(Kind::Interval)),
        _ => Err(Problem::Kinds),
    }
}

/// Computes; NULL with anything is NULL.
pub(super) fn compute(operator: Operator, left: &Value, right: &Value, zone: Tz) -> Result<Value, Problem> {
    if matches!(left, Value::Null) || matches!(right, Value::Null) {
        return Ok(Value::Null);
    }
    result_kind(operator, left.kind(), right.kind())?;
    match (left, right) {
        (Value::Text(text), other) => compute(operator, &read_time(text)?, other, zone),
        (other, Value::Text(text)) => compute(operator, other, &read_time(text)?, zone),
        (Value::Interval(_), _) | (_, Value::Interval(_)) => with_interval(operator, left, right, zone),
        (Value::Date(day), Value::Number(days)) => move_days(*day, days, operator),
        (Value::Number(days), Value::Date(day)) => move_days(*day, days, operator),
        (Value::Number(_) | Value::Float(_), _) => compute_numbers(operator, left, right),
        _ => difference(left, right, zone),
    }
}

fn read_time(text: &str) -> Result<Value, Problem> {
    time::read_temporal(text).ok_or(Problem::Unreadable(Kind::DateTime))
}

fn compute_numbers(operator: Operator, left: &Value, right: &Value) -> Result<Value, Problem> {
    let pair = as_number(left).zip(as_number(right)).ok_or(Problem::Kinds)?;
    let (Numeric::Decimal(left), Numeric::Decimal(right)) = &pair else {
        return compute_specials(operator, &pair.0, &pair.1);
    };
    let result = match operator {
        Operator::Add => number::add(left, right),
        Operator::Subtract => number::subtract(left, right),
        Operator::Multiply => number::multiply(left, right),
        Operator::Divide => number::divide(left, right),
        Operator::Remainder => number::remainder(left, right),
    };
    Ok(Value::Number(result?))
}

/// With NaN or an infinity the rules of floats hold.
fn compute_specials(operator: Operator, left: &Numeric<'_>, right: &Numeric<'_>) -> Result<Value, Problem> {
    let float = |number: &Numeric<'_>| match number {
        Numeric::Special(float) => *float,
        Numeric::Decimal(decimal) => decimal.to_f64().unwrap_or(f64::NAN),
    };
    let (left, right) = (float(left), float(right));
    Ok(Value::Float(match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide if right == 0.0 => return Err(number::NumberError::DivisionByZero.into()),
        Operator::Remainder if right == 0.0 => return Err(number::NumberError::DivisionByZero.into()),
        Operator::Divide => left / right,
        Operator::Remainder => left % right,
    }))
}

/// A date plus or minus whole days.
fn move_days(day: NaiveDate, days: &BigDecimal, operator: Operator) -> Result<Value, Problem> {
    if number::within(number::span_of(days)).is_err() {
        return Err(Problem::OutOfRange);
    }
    let days = days.is_integer().then(|| days.to_i64()).flatten().ok_or(Problem::OutOfRange)?;
    let count = Days::new(days.unsigned_abs());
    let back = (days < 0) != (operator == Operator::Subtract);
    let moved = if back { day.checked_sub_days(count) } else { day.checked_add_days(count) };
    moved.map(Value::Date).ok_or(Problem::OutOfRange)
}

fn with_interval(operator: Operator, left: &Value, right: &Value, zone: Tz) -> Result<Value, Problem> {
    let result = match (operator, left, right) {
        (Operator::Add, Value::Interval(a), Value::Interval(b)) => time::add_intervals(*a, *b).map(Value::Interval),
        (Operator::Add, Value::Interval(_), _) => return with_interval(operator, right, left, zone),
        (Operator::Subtract, _, Value::Interval(by)) => {
            let back = Value::Interval(time::negate_interval(*by).ok_or(Problem::OutOfRange)?);
            return with_interval(Operator::Add, left, &back, zone);
        }
        (Operator::Add, Value::Date(day), Value::Interval(by)) if by.micros == 0 => {
            time::shift(day.and_time(chrono::NaiveTime::MIN), *by).map(|at| Value::Date(at.date()))
        }
        (Operator::Add, Value::Instant(at), Value::Interval(by)) => {
            time::shift_instant(at.to_utc(), *by, zone).map(|at| Value::Instant(at.fixed_offset()))
        }
        (Operator::Add, Value::Time(at), Value::Interval(by)) => Some(Value::Time(time::shift_time(*at, *by))),
        (Operator::Add, _, Value::Interval(by)) => as_datetime(left).and_then(|at| time::shift(at, *by)).map(Value::DateTime),
        (Operator::Multiply, Value::Interval(interval), factor) | (Operator::Multiply, factor, Value::Interval(interval)) => {
            time::scale_interval(*interval, &factor_of(factor)?).map(Value::Interval)
        }
        (Operator::Divide, Value::Interval(interval), divisor) => {
            let factor = number::divide(&BigDecimal::one(), &factor_of(divisor)?)?.with_prec(40);
            time::scale_interval(*interval, &factor).map(Value::Interval)
        }
        _ => return Err(Problem::Kinds),
    };
    result.ok_or(Problem::OutOfRange)
}

fn factor_of(value: &Value) -> Result<BigDecimal, Problem> {
    match as_number(value) {
        Some(Numeric::Decimal(number)) => Ok(number.into_owned()),
        Some(Numeric::Special(_)) => Err(Problem::OutOfRange),
        None => Err(Problem::Kinds),
    }
}

/// The interval between two times.
fn difference(left: &Value, right: &Value, zone: Tz) -> Result<Value, Problem> {
    let (later, earlier) = match (left, right) {
        (Value::Time(a), Value::Time(b)) => (NaiveDate::default().and_time(*a), NaiveDate::default().and_time(*b)),
        (Value::Instant(_), _) | (_, Value::Instant(_)) => {
            let pair = as_instant(left, zone).zip(as_instant(right, zone));
            pair.map(|(a, b)| (a.naive_utc(), b.naive_utc())).ok_or(Problem::Kinds)?
        }
        _ => as_datetime(left).zip(as_datetime(right)).ok_or(Problem::Kinds)?,
    };
    time::between(later, earlier).map(Value::Interval).ok_or(Problem::OutOfRange)
}
