//! Evaluates a compiled expression for a row, by SQL's three-valued logic: what is compared with NULL is unknown.
//!
//! `and` and `or` go from left to right and stop when the rest cannot matter, so a condition can guard what follows:
//! `b <> 0 and a / b > 2`.

use super::cast::{cast, show, truth_of_number};
use super::compare::compare;
use super::functions;
use super::like::Pattern;
use super::problem::{Problem, cover, nearest, no_condition, not_comparable};
use super::tree::{Comparison, Function, LikePattern, Name, Node, Op, Operator, Owner, Target, Tree};
use super::{ExpressionError, Places, Scope, arithmetic, time};
use crate::domain::alert::Severity;
use crate::domain::row::Row;
use crate::domain::value::{Kind, Value};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::str::FromStr;

/// A pattern out of a row may be as long as the text it is held against, and matching takes as many steps as both multiplied.
const MOST_LIKE_STEPS: usize = 100_000_000;

/// A text made by `||` is not longer than this, in bytes.
const MAX_TEXT: usize = 16 * 1024 * 1024;

type Evaluated<'e> = Result<Cow<'e, Value>, ExpressionError>;
type Truth = Result<Option<bool>, ExpressionError>;

/// One evaluation: the expression, the row and the places of its columns.
pub(super) struct Evaluation<'e> {
    pub tree: &'e Tree,
    pub text: &'e str,
    pub scope: &'e Scope<'e>,
    pub places: &'e Places,
    pub previous_places: Option<&'e Places>,
}

impl<'e> Evaluation<'e> {
    /// The value of a node.
    pub fn value(&self, node: &'e Node) -> Evaluated<'e> {
        match &node.op {
            Op::Literal(value) => Ok(Cow::Borrowed(value)),
            Op::Column(at) => self.column(*at).map(Cow::Owned),
            Op::Now => Ok(Cow::Owned(Value::Instant(self.scope.now.fixed_offset()))),
            Op::CurrentDate => {
                let today = time::local(self.scope.now, self.scope.zone).map(|at| Value::Date(at.date()));
                today.map(Cow::Owned).ok_or_else(|| Problem::OutOfRange.at(node.span.clone(), Default::default))
            }
            Op::Arithmetic(operator, left, right) => self.arithmetic(node, *operator, left, right).map(Cow::Owned),
            Op::Negate(inner) => self.negate(node, inner).map(Cow::Owned),
            Op::Concat(left, right) => self.concat(node, left, right).map(Cow::Owned),
            Op::Case { operand, branches, otherwise } => self.case(operand.as_deref(), branches, otherwise.as_deref()),
            Op::Call(function, arguments) => self.call(node, *function, arguments),
            Op::Cast(target, inner) => self.cast(node, *target, inner).map(Cow::Owned),
            _ => self.logic(node).map(|truth| Cow::Owned(truth.map_or(Value::Null, Value::Bool))),
        }
    }

    /// The truth of a node; `None` is unknown.
    pub fn truth(&self, node: &'e Node) -> Truth {
        if is_logic(&node.op) {
            return self.logic(node);
        }
        let value = self.value(node)?;
        match truth_of_number(&value) {
            Some(truth) => Ok(Some(truth)),
            None if *value == Value::Null => Ok(None),
            None => Err(no_condition(node, value.kind())),
        }
    }

    fn logic(&self, node: &'e Node) -> Truth {
        match &node.op {
            Op::And(parts) => self.all(parts, false),
            Op::Or(parts) => self.all(parts, true),
            Op::Not(inner) => Ok(self.truth(inner)?.map(|truth| !truth)),
            Op::Compare(comparison, left, right) => self.compare_nodes(*comparison, left, right),
            Op::Distinct { left, right, negated } => self.distinct(left, right).map(|distinct| Some(distinct != *negated)),
            Op::In { needle, list, negated } => Ok(self.is_in(needle, list)?.map(|found| found != *negated)),
            Op::Between { value, low, high, negated } => Ok(self.between(value, low, high)?.map(|inside| inside != *negated)),
            Op::Like { text, pattern, fold_case, negated } => Ok(self.like(text, pattern, *fold_case)?.map(|like| like != *negated)),
            Op::IsNull { value, negated } => Ok(Some((*self.value(value)? == Value::Null) != *negated)),
            Op::IsTruth { value, truth, negated } => Ok(Some((self.truth(value)? == *truth) != *negated)),
            _ => self.truth(node),
        }
    }

    /// `and` when `stop` is false, `or` when it is true: the part that is `stop` decides, else an unknown one.
    fn all(&self, parts: &'e [Node], stop: bool) -> Truth {
        let mut result = Some(!stop);
        for part in parts {
            match self.truth(part)? {
                Some(truth) if truth == stop => return Ok(Some(stop)),
                Some(_) => {}
                None => result = None,
            }
        }
        Ok(result)
    }

    fn compare_nodes(&self, comparison: Comparison, left: &'e Node, right: &'e Node) -> Truth {
        let (a, b) = (self.value(left)?, self.value(right)?);
        Ok(self.order((left, &a), (right, &b))?.map(|ordering| comparison.holds(ordering)))
    }

    /// How two values stand; `None` when one is NULL.
    fn order(&self, left: (&'e Node, &Value), right: (&'e Node, &Value)) -> Result<Option<Ordering>, ExpressionError> {
        if *left.1 == Value::Null || *right.1 == Value::Null {
            return Ok(None);
        }
        if self.is_severity(left.0) || self.is_severity(right.0) {
            return Ok(Some(severity_of(left.0, left.1)?.cmp(&severity_of(right.0, right.1)?)));
        }
        let (left_kind, right_kind) = (left.1.kind(), right.1.kind());
        compare(left.1, right.1, self.scope.zone).map(Some).map_err(|problem| match problem {
            Problem::Kinds => not_comparable(self.text, (left.0, left_kind), (right.0, right_kind)),
            other => other.at(cover(&left.0.span, &right.0.span), Default::default),
        })
    }

    fn distinct(&self, left: &'e Node, right: &'e Node) -> Result<bool, ExpressionError> {
        let (a, b) = (self.value(left)?, self.value(right)?);
        if *a == Value::Null || *b == Value::Null {
            return Ok((*a == Value::Null) != (*b == Value::Null));
        }
        Ok(self.order((left, &a), (right, &b))?.is_none_or(Ordering::is_ne))
    }

    fn is_in(&self, needle: &'e Node, list: &'e [Node]) -> Truth {
        let value = self.value(needle)?;
        let mut result = Some(false);
        for item in list {
            let candidate = self.value(item)?;
            match self.order((needle, &value), (item, &candidate))? {
                Some(Ordering::Equal) => return Ok(Some(true)),
                Some(_) => {}
                None => result = None,
            }
        }
        Ok(result)
    }

    fn between(&self, value: &'e Node, low: &'e Node, high: &'e Node) -> Truth {
        let (v, l, h) = (self.value(value)?, self.value(low)?, self.value(high)?);
        let above = self.order((value, &v), (low, &l))?.map(Ordering::is_ge);
        let below = self.order((value, &v), (high, &h))?.map(Ordering::is_le);
        Ok(match (above, below) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        })
    }

    fn like(&self, text: &'e Node, pattern: &'e LikePattern, fold_case: bool) -> Truth {
        let Some(mut haystack) = self.like_text(text)? else { return Ok(None) };
        if fold_case {
            haystack = haystack.to_lowercase();
        }
        match pattern {
            LikePattern::Known(pattern) => Ok(Some(pattern.matches(&haystack))),
            LikePattern::PerRow { pattern: node, escape } => {
                let Some(pattern) = self.like_text(node)? else { return Ok(None) };
                if haystack.len().saturating_mul(pattern.len()) > MOST_LIKE_STEPS {
                    let message = "the text and the pattern are too long for `like`".to_owned();
                    return Err(ExpressionError { message, span: node.span.clone(), hint: None });
                }
                let read = Pattern::read(&pattern, *escape, fold_case);
                read.map(|pattern| Some(pattern.matches(&haystack))).ok_or_else(|| ends_with_escape(node))
            }
        }
    }

    fn like_text(&self, node: &'e Node) -> Result<Option<String>, ExpressionError> {
        match self.value(node)?.into_owned() {
            Value::Null => Ok(None),
            Value::Text(text) | Value::Json(text) | Value::Other(text) => Ok(Some(text)),
            other => Err(like_takes_text(self.text, node, other.kind())),
        }
    }

    fn arithmetic(&self, node: &Node, operator: Operator, left: &'e Node, right: &'e Node) -> Result<Value, ExpressionError> {
        let (a, b) = (self.value(left)?, self.value(right)?);
        let describe = || (operator.describe(a.kind(), b.kind()), None);
        arithmetic::compute(operator, &a, &b, self.scope.zone).map_err(|problem| problem.at(node.span.clone(), describe))
    }

    fn negate(&self, node: &Node, inner: &'e Node) -> Result<Value, ExpressionError> {
        let value = self.value(inner)?;
        let describe = || (format!("cannot negate {}", value.kind().describe()), None);
        functions::negate(&value, self.scope.zone).map_err(|problem| problem.at(node.span.clone(), describe))
    }

    fn concat(&self, node: &Node, left: &'e Node, right: &'e Node) -> Result<Value, ExpressionError> {
        let (a, b) = (self.value(left)?, self.value(right)?);
        if *a == Value::Null || *b == Value::Null {
            return Ok(Value::Null);
        }
        if let Some(error) = concat_problem(node, a.kind(), b.kind()) {
            return Err(error);
        }
        let joined = show(&a).and_then(|a| Ok(a + &show(&b)?));
        let joined = joined.and_then(|text| if text.len() > MAX_TEXT { Err(Problem::TooLong) } else { Ok(text) });
        joined.map(Value::Text).map_err(|problem| problem.at(node.span.clone(), Default::default))
    }

    fn case(&self, operand: Option<&'e Node>, branches: &'e [(Node, Node)], otherwise: Option<&'e Node>) -> Evaluated<'e> {
        let subject = operand.map(|node| Ok::<_, ExpressionError>((node, self.value(node)?))).transpose()?;
        for (when, then) in branches {
            let holds = match &subject {
                Some((node, value)) => self.order((node, value), (when, &*self.value(when)?))? == Some(Ordering::Equal),
                None => self.truth(when)? == Some(true),
            };
            if holds {
                return self.value(then);
            }
        }
        otherwise.map_or(Ok(Cow::Owned(Value::Null)), |node| self.value(node))
    }

    fn call(&self, node: &'e Node, function: Function, arguments: &'e [Node]) -> Evaluated<'e> {
        if function == Function::Coalesce {
            for argument in arguments {
                let value = self.value(argument)?;
                if *value != Value::Null {
                    return Ok(value);
                }
            }
            return Ok(Cow::Owned(Value::Null));
        }
        let values = arguments.iter().map(|argument| self.value(argument).map(Cow::into_owned)).collect::<Result<Vec<_>, _>>()?;
        let kinds: Vec<Option<Kind>> = values.iter().map(|value| Some(value.kind())).collect();
        functions::result_of(function, &kinds)
            .map_err(|(at, wanted)| wrong_argument(self.text, &arguments[at], values[at].kind(), wanted))?;
        let result = functions::call(function, &values, self.scope.zone);
        result
            .map(Cow::Owned)
            .map_err(|problem| problem.at(node.span.clone(), || ("the arguments are of different types".to_owned(), None)))
    }

    fn cast(&self, node: &Node, target: Target, inner: &'e Node) -> Result<Value, ExpressionError> {
        let value = self.value(inner)?;
        let describe = || (format!("cannot convert {} to {}", value.kind().describe(), target.kind().describe()), None);
        cast(&value, target, self.scope.zone).map_err(|problem| problem.at(node.span.clone(), describe))
    }

    fn column(&self, at: usize) -> Result<Value, ExpressionError> {
        let name = &self.tree.names[at];
        let here = self.places.get(at).copied().flatten().filter(|place| *place < self.scope.row.len());
        match (name.owner, here) {
            (Owner::Severity, None) => match self.scope.severity {
                Some(severity) => Ok(Value::Text(severity.as_str().to_owned())),
                None => Err(severity_unknown(name)),
            },
            (Owner::Row | Owner::Severity, Some(place)) => Ok(self.scope.row.value(place)),
            (Owner::Previous, here) => match self.previous_value(at) {
                Some(value) => Ok(value),
                // The column is new, or there was no row before: nothing is known of what it was.
                None if here.is_some() || self.scope.previous.is_none() => Ok(Value::Null),
                None => Err(self.unknown_column(name)),
            },
            (Owner::Row, None) => Err(self.unknown_column(name)),
        }
    }

    fn previous_value(&self, at: usize) -> Option<Value> {
        let row: &Row = self.scope.previous?;
        let place = self.previous_places?.get(at).copied().flatten()?;
        (place < row.len()).then(|| row.value(place))
    }

    fn unknown_column(&self, name: &Name) -> ExpressionError {
        unknown_column(name, self.scope.row.columns().names().iter().map(String::as_str))
    }

    /// Whether a node is the alert's severity, which is ordered by how bad it is and not by the alphabet.
    fn is_severity(&self, node: &Node) -> bool {
        match node.op {
            Op::Column(at) => self.tree.names[at].owner == Owner::Severity && self.places.get(at).copied().flatten().is_none(),
            _ => false,
        }
    }
}

fn is_logic(op: &Op) -> bool {
    use Op::{And, Between, Compare, Distinct, In, IsNull, IsTruth, Like, Not, Or};
    matches!(
        op,
        And(_) | Or(_) | Not(_) | Compare(..) | Distinct { .. } | In { .. } | Between { .. } | Like { .. } | IsNull { .. } | IsTruth { .. }
    )
}

fn severity_of(node: &Node, value: &Value) -> Result<Severity, ExpressionError> {
    let word = match value {
        Value::Text(word) => word.as_str(),
        _ => "",
    };
    Severity::from_str(word).map_err(|_| no_severity(node))
}

pub(super) fn no_severity(node: &Node) -> ExpressionError {
    ExpressionError {
        message: "severity compares with a severity".to_owned(),
        span: node.span.clone(),
        hint: Some("write 'info', 'warning' or 'critical'".to_owned()),
    }
}

fn severity_unknown(name: &Name) -> ExpressionError {
    ExpressionError {
        message: "the severity is not known here".to_owned(),
        span: name.span.clone(),
        hint: Some("`severity` can be used where an alert is notified, not where it is decided".to_owned()),
    }
}

/// A name that is no column.
pub(super) fn unknown_column<'a>(name: &Name, known: impl Iterator<Item = &'a str> + Clone) -> ExpressionError {
    let near = nearest(&name.column, known.clone());
    let hint = match near {
        _ if name.double_quoted => Some(format!("a text is written in single quotes: '{}'", name.column)),
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if Severity::from_str(&name.column).is_ok() => Some(format!("a text is written in quotes: '{}'", name.column)),
        None => Some(list_of(known)).filter(|list| !list.is_empty()),
    };
    ExpressionError { message: format!("unknown column `{}`", name.column), span: name.span.clone(), hint }
}

fn list_of<'a>(known: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = known.take(20).collect();
    if names.is_empty() { String::new() } else { format!("the columns are {}", names.join(", ")) }
}

pub(super) fn wrong_argument(text: &str, node: &Node, kind: Kind, wanted: &str) -> ExpressionError {
    let source = text.get(node.span.clone()).unwrap_or("x");
    let target = if wanted == "text" { "text" } else { "numeric" };
    ExpressionError {
        message: format!("the function takes {wanted}, not {}", kind.describe()),
        span: node.span.clone(),
        hint: Some(format!("write cast({source} as {target})")),
    }
}

pub(super) fn like_takes_text(text: &str, node: &Node, kind: Kind) -> ExpressionError {
    let source = text.get(node.span.clone()).unwrap_or("x");
    ExpressionError {
        message: format!("like compares text, not {}", kind.describe()),
        span: node.span.clone(),
        hint: Some(format!("write cast({source} as text)")),
    }
}

pub(super) fn ends_with_escape(node: &Node) -> ExpressionError {
    ExpressionError {
        message: "the pattern ends with its escape character".to_owned(),
        span: node.span.clone(),
        hint: Some("write it twice to mean itself".to_owned()),
    }
}

/// `||` between conditions is meant as `or`, as in MySQL.
pub(super) fn concat_problem(node: &Node, left: Kind, right: Kind) -> Option<ExpressionError> {
    let conditions = left == Kind::Bool || right == Kind::Bool;
    conditions.then(|| ExpressionError {
        message: "`||` joins texts".to_owned(),
        span: node.span.clone(),
        hint: Some("between conditions write `or`".to_owned()),
    })
}
