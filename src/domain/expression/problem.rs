//! What can go wrong with values, and how it is told: in words about kinds, never with a row's content.

use super::ExpressionError;
use super::number::NumberError;
use super::tree::{Node, Op};
use crate::domain::value::{Kind, Value, parse_number};
use std::ops::Range;

/// Why values could not be computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The kinds do not go together.
    Kinds,
    /// A text could not be read as this kind.
    Unreadable(Kind),
    Number(NumberError),
    /// A time left the calendar, or an interval its range.
    OutOfRange,
    /// A text would become too long.
    TooLong,
}

impl From<NumberError> for Problem {
    fn from(error: NumberError) -> Problem {
        Problem::Number(error)
    }
}

impl Problem {
    /// The problem as an error at a place; `kinds` words the case that the kinds do not go together.
    pub fn at(self, span: Range<usize>, kinds: impl FnOnce() -> (String, Option<String>)) -> ExpressionError {
        let (message, hint) = match self {
            Problem::Kinds => kinds(),
            Problem::Unreadable(kind) => (format!("the text cannot be read as {}", kind.describe()), example(kind)),
            Problem::Number(NumberError::DivisionByZero) => {
                ("division by zero".to_owned(), Some("nullif(x, 0) makes the result NULL".to_owned()))
            }
            Problem::Number(NumberError::TooLarge) => ("the number has too many digits".to_owned(), None),
            Problem::OutOfRange => ("the time is out of range".to_owned(), None),
            Problem::TooLong => ("the text would be too long".to_owned(), None),
        };
        ExpressionError { message, span, hint }
    }
}

fn example(kind: Kind) -> Option<String> {
    let example = match kind {
        Kind::Number | Kind::Float => "12.50",
        Kind::Date => "'2026-11-23'",
        Kind::DateTime => "'2026-11-23 09:30:00'",
        Kind::Instant => "'2026-11-23 09:30:00+08:00'",
        Kind::Time => "'09:30:00'",
        Kind::Interval => "'2 hours'",
        Kind::Bool => "true or false",
        _ => return None,
    };
    Some(format!("it is written {example}"))
}

/// Two nodes whose kinds cannot be compared.
pub(super) fn not_comparable(text: &str, left: (&Node, Kind), right: (&Node, Kind)) -> ExpressionError {
    let message = format!("cannot compare {} with {}", left.1.describe(), right.1.describe());
    let hint = convert_hint(text, left, right.1).or_else(|| convert_hint(text, right, left.1));
    ExpressionError { message, span: cover(&left.0.span, &right.0.span), hint }
}

/// How to make a node comparable with a kind.
fn convert_hint(text: &str, (node, kind): (&Node, Kind), other: Kind) -> Option<String> {
    let source = text.get(node.span.clone()).unwrap_or("x");
    let textual = matches!(kind, Kind::Text | Kind::Json | Kind::Other);
    match (other, &node.op) {
        (Kind::Number | Kind::Float | Kind::Bool, Op::Literal(Value::Text(literal))) if parse_number(literal).is_some() => {
            Some(format!("a number is written without quotes: {literal}"))
        }
        (Kind::Bool, Op::Literal(Value::Text(_))) => Some("write true or false, without quotes".to_owned()),
        (Kind::Number | Kind::Float, _) if kind == Kind::Interval => Some("write an interval, such as interval '30 days'".to_owned()),
        (Kind::Date | Kind::DateTime | Kind::Instant, _) if matches!(kind, Kind::Number | Kind::Float) => {
            Some("a date is written '2026-11-23'".to_owned())
        }
        (Kind::Number | Kind::Float, Op::Column(_)) if textual => Some(format!("write cast({source} as numeric)")),
        (Kind::Bool, Op::Column(_)) if textual => Some(format!("write cast({source} as boolean)")),
        (Kind::Number | Kind::Float, Op::Literal(Value::Text(_))) => None,
        (Kind::Number | Kind::Float, _) if textual => Some(format!("write cast({source} as numeric)")),
        (_, Op::Column(_)) if kind == Kind::Other => Some(format!("write cast({source} as text), or another type")),
        _ => None,
    }
}

/// A node that should be a condition and is not.
pub(super) fn no_condition(node: &Node, kind: Kind) -> ExpressionError {
    ExpressionError {
        message: format!("{} is not a condition", kind.describe()),
        span: node.span.clone(),
        hint: Some("compare it with something, such as `stock < 10` or `name is not null`".to_owned()),
    }
}

/// From the first of two places to the second.
pub(super) fn cover(left: &Range<usize>, right: &Range<usize>) -> Range<usize> {
    left.start.min(right.start)..left.end.max(right.end)
}

/// The name that is nearest to a mistaken one, when it is near enough to be meant.
pub(super) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&wrong, &name.to_lowercase());
    let limit = (wrong.chars().count() / 3).clamp(1, 3);
    known.into_iter().map(|name| (distance(name), name)).filter(|(far, _)| *far <= limit).min_by_key(|(far, _)| *far).map(|(_, name)| name)
}
