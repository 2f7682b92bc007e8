//! The functions of an expression: their names, their arguments, their results. `coalesce` is not here to be computed:
//! it evaluates its arguments only as far as it must.

use super::arithmetic::result_kind;
use super::cast::{show, text_of};
use super::compare::{Numeric, as_number, compare};
use super::number;
use super::problem::Problem;
use super::tree::{Function, Operator};
use crate::domain::value::{Kind, Value};
use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive};
use chrono_tz::Tz;
use std::cmp::Ordering;

/// A function's name, and how many arguments it takes.
pub(super) struct Signature {
    pub name: &'static str,
    pub function: Function,
    pub least: usize,
    pub most: usize,
}

const MANY: usize = 1000;

const fn signature(name: &'static str, function: Function, least: usize, most: usize) -> Signature {
    Signature { name, function, least, most }
}

/// All names, with those that MySQL and SQLite use.
pub(super) const SIGNATURES: [Signature; 18] = [
    signature("coalesce", Function::Coalesce, 1, MANY),
    signature("ifnull", Function::Coalesce, 2, 2),
    signature("nullif", Function::NullIf, 2, 2),
    signature("greatest", Function::Greatest, 1, MANY),
    signature("least", Function::Least, 1, MANY),
    signature("abs", Function::Abs, 1, 1),
    signature("round", Function::Round, 1, 2),
    signature("floor", Function::Floor, 1, 1),
    signature("ceil", Function::Ceil, 1, 1),
    signature("ceiling", Function::Ceil, 1, 1),
    signature("lower", Function::Lower, 1, 1),
    signature("upper", Function::Upper, 1, 1),
    signature("length", Function::Length, 1, 1),
    signature("char_length", Function::Length, 1, 1),
    signature("character_length", Function::Length, 1, 1),
    signature("trim", Function::Trim, 1, 1),
    signature("ltrim", Function::TrimStart, 1, 1),
    signature("rtrim", Function::TrimEnd, 1, 1),
];

/// The names that take no arguments and tell the time.
pub(super) const TIME_NAMES: [&str; 3] = ["now", "current_timestamp", "current_date"];

/// What to write instead of a function that other databases have.
pub(super) fn instead_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "sysdate" | "getdate" | "systimestamp" | "localtimestamp" | "datetime" | "julianday" | "unix_timestamp" => "write now()",
        "curdate" | "today" => "write current_date",
        "nvl" | "isnull" => "write coalesce(x, 0)",
        "if" | "iif" | "decode" => "write case when … then … else … end",
        "len" => "write length(x)",
        "count" | "sum" | "avg" | "min" | "max" => "aggregates belong in the query; for the larger of two values write greatest(a, b)",
        "date" | "timestamp" => "write cast(x as date) or cast(x as timestamp)",
        "date_sub" | "date_add" | "dateadd" | "datediff" | "timestampdiff" | "age" => "write x + interval '1 day', or x - y",
        "concat" => "write a || b",
        "mod" => "write a % b",
        "regexp_like" | "regexp_matches" | "regexp" => "write like, with % and _, or decide it in the query",
        _ => return None,
    })
}

/// The kind that comes out; `Ok(None)` when it depends on the values.
///
/// # Errors
/// The argument that is of the wrong kind, and what it should be.
pub(super) fn result_of(function: Function, kinds: &[Option<Kind>]) -> Result<Option<Kind>, (usize, &'static str)> {
    let first = kinds.first().copied().flatten();
    let number = |kind: Option<Kind>| kind.is_none_or(|k| matches!(k, Kind::Null | Kind::Number | Kind::Float));
    let text = |kind: Option<Kind>| kind.is_none_or(|k| matches!(k, Kind::Null | Kind::Text | Kind::Json | Kind::Other));
    match function {
        Function::Abs | Function::Floor | Function::Ceil | Function::Round => {
            if let Some(at) = kinds.iter().position(|kind| !number(*kind)) {
                return Err((at, "a number"));
            }
            Ok(first.filter(|kind| *kind == Kind::Number))
        }
        Function::Lower | Function::Upper | Function::Trim | Function::TrimStart | Function::TrimEnd | Function::Length => {
            if !text(first) {
                return Err((0, "text"));
            }
            Ok(first.map(|_| if function == Function::Length { Kind::Number } else { Kind::Text }))
        }
        Function::NullIf => Ok(first),
        Function::Coalesce | Function::Greatest | Function::Least => Ok(common_kind(kinds)),
    }
}

/// The kind that all have, NULL aside.
pub(super) fn common_kind(kinds: &[Option<Kind>]) -> Option<Kind> {
    let mut known = kinds.iter().filter(|kind| **kind != Some(Kind::Null));
    let first = known.next().copied().flatten()?;
    known.all(|kind| *kind == Some(first)).then_some(first)
}

/// Computes a function of values whose kinds have been found right.
pub(super) fn call(function: Function, arguments: &[Value], zone: Tz) -> Result<Value, Problem> {
    let Some(first) = arguments.first() else { return Ok(Value::Null) };
    match function {
        Function::Coalesce => Ok(arguments.iter().find(|value| **value != Value::Null).cloned().unwrap_or(Value::Null)),
        Function::Greatest => extreme(arguments, Ordering::Greater, zone),
        Function::Least => extreme(arguments, Ordering::Less, zone),
        Function::NullIf => {
            let second = arguments.get(1).unwrap_or(&Value::Null);
            let equal = *first != Value::Null && *second != Value::Null && compare(first, second, zone)?.is_eq();
            Ok(if equal { Value::Null } else { first.clone() })
        }
        _ if arguments.contains(&Value::Null) => Ok(Value::Null),
        Function::Abs => on_number(first, |number| Ok(number.abs()), f64::abs),
        Function::Floor => on_number(first, |number| number::round(number, 0, RoundingMode::Floor), f64::floor),
        Function::Ceil => on_number(first, |number| number::round(number, 0, RoundingMode::Ceiling), f64::ceil),
        Function::Round => {
            let digits = arguments.get(1).map_or(Ok(0), digits_of)?;
            on_number(first, |number| number::round(number, digits, RoundingMode::HalfUp), f64::round)
        }
        Function::Lower => on_text(first, str::to_lowercase),
        Function::Upper => on_text(first, str::to_uppercase),
        // SQL's trim takes blanks only, not line ends.
        Function::Trim => on_text(first, |text| text.trim_matches(' ').to_owned()),
        Function::TrimStart => on_text(first, |text| text.trim_start_matches(' ').to_owned()),
        Function::TrimEnd => on_text(first, |text| text.trim_end_matches(' ').to_owned()),
        Function::Length => Ok(Value::Number(BigDecimal::from(show(first)?.chars().count() as u64))),
    }
}

/// The largest or smallest of the values that are not NULL, as in PostgreSQL.
fn extreme(values: &[Value], wanted: Ordering, zone: Tz) -> Result<Value, Problem> {
    let mut best = &Value::Null;
    for value in values.iter().filter(|value| **value != Value::Null) {
        if *best == Value::Null || compare(value, best, zone)? == wanted {
            best = value;
        }
    }
    Ok(best.clone())
}

fn on_number(
    value: &Value,
    decimal: impl FnOnce(&BigDecimal) -> Result<BigDecimal, number::NumberError>,
    special: impl FnOnce(f64) -> f64,
) -> Result<Value, Problem> {
    match as_number(value) {
        Some(Numeric::Decimal(number)) => Ok(Value::Number(decimal(&number)?)),
        Some(Numeric::Special(float)) => Ok(Value::Float(special(float))),
        None => Err(Problem::Kinds),
    }
}

fn on_text(value: &Value, change: impl FnOnce(&str) -> String) -> Result<Value, Problem> {
    text_of(value).map(|text| Value::Text(change(text))).ok_or(Problem::Kinds)
}

/// The second argument of `round`.
fn digits_of(value: &Value) -> Result<i64, Problem> {
    match as_number(value) {
        // A number such as 1e-999999999 must not be written out before its size is known.
        Some(Numeric::Decimal(number)) if number::within(number::span_of(&number)).is_err() => {
            Err(Problem::Number(number::NumberError::TooLarge))
        }
        Some(Numeric::Decimal(number)) if number.is_integer() => number.to_i64().ok_or(Problem::Number(number::NumberError::TooLarge)),
        _ => Err(Problem::Unreadable(Kind::Number)),
    }
}

/// `-x`.
pub(super) fn negate(value: &Value, zone: Tz) -> Result<Value, Problem> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Interval(interval) => super::time::negate_interval(*interval).map(Value::Interval).ok_or(Problem::OutOfRange),
        other => {
            let zero = Value::Number(BigDecimal::from(0));
            result_kind(Operator::Subtract, Kind::Number, other.kind())?;
            super::arithmetic::compute(Operator::Subtract, &zero, other, zone)
        }
    }
}
