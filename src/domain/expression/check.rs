//! Finds unknown names and kinds that do not go together without a row, from what a result's columns are.

use super::ExpressionError;
use super::arithmetic;
use super::compare::comparable;
use super::evaluate::{concat_problem, like_takes_text, no_severity, unknown_column, wrong_argument};
use super::functions::{common_kind, result_of};
use super::problem::{Problem, no_condition, not_comparable};
use super::time;
use super::tree::{LikePattern, Node, Op, Owner, Tree};
use crate::domain::alert::Severity;
use crate::domain::value::{Kind, Value};
use std::str::FromStr;

/// A check of one expression against the columns of a result.
pub(super) struct Check<'c> {
    tree: &'c Tree,
    text: &'c str,
    columns: &'c [(String, Option<Kind>)],
    errors: Vec<ExpressionError>,
}

impl<'c> Check<'c> {
    /// All that is wrong, in the order of the text.
    pub fn run(tree: &'c Tree, text: &'c str, columns: &'c [(String, Option<Kind>)], condition: bool) -> Vec<ExpressionError> {
        let mut check = Check { tree, text, columns, errors: Vec::new() };
        if condition {
            check.condition(&tree.root)
        } else {
            _ = check.kind(&tree.root)
        }
        check.errors.sort_by_key(|error| (error.span.start, error.span.end));
        check.errors
    }

    /// Checks a node that must be true or false.
    fn condition(&mut self, node: &Node) {
        match self.kind(node) {
            None | Some(Kind::Bool | Kind::Number | Kind::Float | Kind::Null) => {}
            Some(kind) => self.errors.push(no_condition(node, kind)),
        }
    }

    /// The kind of a node, where it is known before there is a row.
    fn kind(&mut self, node: &Node) -> Option<Kind> {
        match &node.op {
            Op::Literal(value) => Some(value.kind()),
            Op::Column(at) => self.column(*at),
            Op::Now => Some(Kind::Instant),
            Op::CurrentDate => Some(Kind::Date),
            Op::Arithmetic(operator, left, right) => {
                let (left, right) = (self.kind(left)?, self.kind(right)?);
                arithmetic::result_kind(*operator, left, right).unwrap_or_else(|problem| {
                    self.errors.push(problem.at(node.span.clone(), || (operator.describe(left, right), None)));
                    None
                })
            }
            Op::Negate(inner) => self.negate(node, inner),
            Op::Concat(left, right) => {
                let kinds = (self.kind(left), self.kind(right));
                let unknown = Kind::Null;
                self.errors.extend(concat_problem(node, kinds.0.unwrap_or(unknown), kinds.1.unwrap_or(unknown)));
                Some(Kind::Text)
            }
            Op::Case { operand, branches, otherwise } => self.case(operand.as_deref(), branches, otherwise.as_deref()),
            Op::Call(function, arguments) => {
                let kinds: Vec<Option<Kind>> = arguments.iter().map(|argument| self.kind(argument)).collect();
                result_of(*function, &kinds).unwrap_or_else(|(at, wanted)| {
                    let kind = kinds.get(at).copied().flatten().unwrap_or(Kind::Null);
                    self.errors.push(wrong_argument(self.text, &arguments[at], kind, wanted));
                    None
                })
            }
            Op::Cast(target, inner) => {
                self.kind(inner);
                Some(target.kind())
            }
            _ => {
                self.logic(node);
                Some(Kind::Bool)
            }
        }
    }

    fn logic(&mut self, node: &Node) {
        match &node.op {
            Op::And(parts) | Op::Or(parts) => parts.iter().for_each(|part| self.condition(part)),
            Op::Not(inner) => self.condition(inner),
            Op::IsTruth { value, .. } => self.condition(value),
            Op::Compare(_, left, right) | Op::Distinct { left, right, .. } => self.pair(left, right),
            Op::In { needle, list, .. } => list.iter().for_each(|item| self.pair(needle, item)),
            Op::Between { value, low, high, .. } => {
                self.pair(value, low);
                self.pair(value, high);
            }
            Op::Like { text, pattern, .. } => {
                self.like_operand(text);
                if let LikePattern::PerRow { pattern, .. } = pattern {
                    self.like_operand(pattern);
                }
            }
            Op::IsNull { value, .. } => _ = self.kind(value),
            _ => {}
        }
    }

    fn like_operand(&mut self, node: &Node) {
        let kind = self.kind(node);
        if let Some(kind) = kind.filter(|kind| !matches!(kind, Kind::Null | Kind::Text | Kind::Json | Kind::Other)) {
            self.errors.push(like_takes_text(self.text, node, kind));
        }
    }

    /// Two nodes that are compared.
    fn pair(&mut self, left: &Node, right: &Node) {
        let before = self.errors.len();
        let kinds = (self.kind(left), self.kind(right));
        // The same operand may be checked twice (`between`, `in`): its own faults are told once.
        let fresh: Vec<ExpressionError> = self.errors.drain(before..).collect();
        fresh.into_iter().for_each(|error| self.push_once(error));
        if self.is_severity(left) || self.is_severity(right) {
            [left, right].into_iter().for_each(|node| self.severity_word(node));
            return;
        }
        if let (Some(left_kind), Some(right_kind)) = kinds {
            if !comparable(left_kind, right_kind) {
                return self.push_once(not_comparable(self.text, (left, left_kind), (right, right_kind)));
            }
            self.literal(left, right_kind);
            self.literal(right, left_kind);
        }
    }

    fn push_once(&mut self, error: ExpressionError) {
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// A text literal that is compared with a time must be one.
    fn literal(&mut self, node: &Node, other: Kind) {
        let Op::Literal(Value::Text(text)) = &node.op else { return };
        let readable = match other {
            Kind::Date | Kind::DateTime | Kind::Instant => time::read_temporal(text).is_some_and(|value| value.kind() != Kind::Time),
            Kind::Time => time::read_time(text.trim()).is_some(),
            Kind::Interval => time::read_interval(text).is_some(),
            _ => true,
        };
        if !readable {
            self.push_once(Problem::Unreadable(other).at(node.span.clone(), Default::default));
        }
    }

    fn severity_word(&mut self, node: &Node) {
        let wrong = match &node.op {
            Op::Literal(Value::Text(word)) => Severity::from_str(word).is_err(),
            Op::Literal(Value::Null) => false,
            Op::Literal(_) => true,
            _ => false,
        };
        if wrong {
            self.push_once(no_severity(node));
        }
    }

    fn is_severity(&self, node: &Node) -> bool {
        match node.op {
            Op::Column(at) => self.tree.names[at].owner == Owner::Severity && self.find("severity").is_none(),
            _ => false,
        }
    }

    fn column(&mut self, at: usize) -> Option<Kind> {
        let name = &self.tree.names[at];
        match (self.find(&name.column), name.owner) {
            (Some(kind), _) => kind,
            (None, Owner::Severity) => Some(Kind::Text),
            (None, Owner::Row | Owner::Previous) => {
                let error = unknown_column(name, self.columns.iter().map(|(name, _)| name.as_str()));
                self.push_once(error);
                None
            }
        }
    }

    fn find(&self, name: &str) -> Option<Option<Kind>> {
        let exact = self.columns.iter().find(|(column, _)| column == name);
        let lower = name.to_lowercase();
        exact.or_else(|| self.columns.iter().find(|(column, _)| column.to_lowercase() == lower)).map(|(_, kind)| *kind)
    }

    fn negate(&mut self, node: &Node, inner: &Node) -> Option<Kind> {
        let kind = self.kind(inner)?;
        match kind {
            Kind::Number | Kind::Float | Kind::Interval | Kind::Null => Some(kind),
            _ => {
                self.errors.push(Problem::Kinds.at(node.span.clone(), || (format!("cannot negate {}", kind.describe()), None)));
                None
            }
        }
    }

    fn case(&mut self, operand: Option<&Node>, branches: &[(Node, Node)], otherwise: Option<&Node>) -> Option<Kind> {
        let mut kinds = Vec::new();
        for (when, then) in branches {
            match operand {
                Some(operand) => self.pair(operand, when),
                None => self.condition(when),
            }
            kinds.push(self.kind(then));
        }
        kinds.extend(otherwise.map(|node| self.kind(node)));
        common_kind(&kinds)
    }
}
