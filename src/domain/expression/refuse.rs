//! What an expression must not be, in words: comparisons that are never meant, and SQL that is not evaluated here.

use super::ExpressionError;
use super::compile::comparison;
use super::functions::{SIGNATURES, TIME_NAMES, instead_of};
use super::parse::error;
use super::problem::nearest;
use super::tree::{Comparison, Node, Op};
use crate::domain::value::Value;
use sqlparser::ast::{BinaryOperator, DataType, Expr};
use std::ops::Range;

fn is_null(node: &Node) -> bool {
    matches!(node.op, Op::Literal(Value::Null))
}

/// `= null` is never true, which is never meant.
pub(super) fn refuse_null_comparison(
    comparison: Comparison,
    left: &Node,
    right: &Node,
    span: &Range<usize>,
) -> Result<(), ExpressionError> {
    if !is_null(left) && !is_null(right) {
        return Ok(());
    }
    let hint = match comparison {
        Comparison::Equal => "use `is null`",
        Comparison::NotEqual => "use `is not null`",
        _ => "use `is null` or `is not null`",
    };
    Err(error("a comparison with NULL is never true", span.clone(), Some(hint)))
}

pub(super) fn refuse_null(node: &Node) -> Result<(), ExpressionError> {
    if is_null(node) {
        return Err(error("a comparison with NULL is never true", node.span.clone(), Some("use `is null`, joined with `or`")));
    }
    Ok(())
}

/// `a < b < c`, and `a < b || c < d` with MySQL's `||` in mind.
pub(super) fn refuse_chain(left: &Expr, span: &Range<usize>) -> Result<(), ExpressionError> {
    match left {
        Expr::BinaryOp { op, right, .. } if comparison(op).is_some() => {
            let hint = match &**right {
                Expr::BinaryOp { op: BinaryOperator::StringConcat, .. } => "`||` joins texts; between conditions write `or`",
                _ => "write `a < b and b < c`, or parentheses around a condition that is compared",
            };
            Err(error("comparisons cannot be chained", span.clone(), Some(hint)))
        }
        _ => Ok(()),
    }
}

pub(super) fn unknown_operator(op: &BinaryOperator, span: Range<usize>) -> ExpressionError {
    let hint = match op {
        BinaryOperator::Spaceship => Some("write `is not distinct from`"),
        BinaryOperator::Xor => Some("write <> between two conditions"),
        BinaryOperator::MyIntegerDivide | BinaryOperator::DuckIntegerDivide => Some("write floor(a / b)"),
        BinaryOperator::Assignment => Some("SQL compares with ="),
        BinaryOperator::PGRegexMatch | BinaryOperator::Regexp | BinaryOperator::Match | BinaryOperator::Glob => {
            Some("write like, with % and _, or decide it in the query")
        }
        BinaryOperator::Arrow | BinaryOperator::LongArrow => Some("let the query take the JSON apart"),
        _ => None,
    };
    error(format!("the operator `{op}` is not known here"), span, hint)
}

pub(super) fn unknown_function(name: &str, lower: &str, span: Range<usize>) -> ExpressionError {
    let known = SIGNATURES.iter().map(|signature| signature.name).chain(TIME_NAMES);
    let hint = match (instead_of(lower), nearest(lower, known.clone())) {
        (Some(instead), _) => instead.to_owned(),
        (None, Some(near)) => format!("did you mean {near}?"),
        (None, None) => format!("the functions are {}", known.collect::<Vec<_>>().join(", ")),
    };
    error(format!("unknown function {name}"), span, Some(&hint))
}

pub(super) fn unknown_type(data_type: &DataType, span: Range<usize>) -> ExpressionError {
    let hint = "numeric, integer, double precision, text, boolean, date, time, timestamp, timestamptz, interval";
    error(format!("the type {data_type} is not known here"), span, Some(hint))
}

pub(super) fn unsupported(expr: &Expr, span: Range<usize>) -> ExpressionError {
    let in_query = Some("let the watcher's query select it as a column");
    let (what, hint) = match expr {
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => ("a subquery cannot be evaluated here", in_query),
        Expr::Extract { .. } | Expr::AtTimeZone { .. } => ("parts and zones of times are not known here", in_query),
        Expr::Substring { .. } | Expr::Position { .. } | Expr::Overlay { .. } | Expr::Trim { .. } => {
            ("parts of texts are not known here", Some("write like, or let the query select it as a column"))
        }
        Expr::Collate { .. } => ("collations are not known here", Some("write lower(a) = lower(b)")),
        Expr::SimilarTo { .. } | Expr::RLike { .. } => ("regular expressions are not known here", Some("write like, with % and _")),
        Expr::Cast { .. } | Expr::Convert { .. } => ("this form of a cast is not known here", Some("write cast(x as numeric)")),
        Expr::Tuple(_) => ("a list of values is not known here", Some("compare the columns one by one, joined with `and`")),
        Expr::JsonAccess { .. } | Expr::CompoundFieldAccess { .. } | Expr::Array(_) => ("parts of values are not known here", in_query),
        Expr::AnyOp { .. } | Expr::AllOp { .. } => ("any and all are not known here", Some("write in (…)")),
        Expr::Like { .. } | Expr::ILike { .. } => ("like any is not known here", Some("join several likes with `or`")),
        Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => ("`*` is not a value", Some("name a column")),
        _ => ("this is not known here", Some("conditions are built of comparisons, and, or, not, in, between, like, is null, case")),
    };
    error(what, span, hint)
}
