//! The compiled form of an expression: our own small tree, each node with its place in the text.

use super::like::Pattern;
use crate::domain::value::{Kind, Value};
use std::ops::Range;

/// A node and the bytes of the text it was written in.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub op: Op,
    pub span: Range<usize>,
}

/// What a node computes.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Literal(Value),
    /// An index into [`Tree::names`].
    Column(usize),
    Now,
    CurrentDate,
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    /// `is [not] distinct from`: NULL is a value like others.
    Distinct {
        left: Box<Node>,
        right: Box<Node>,
        negated: bool,
    },
    In {
        needle: Box<Node>,
        list: Vec<Node>,
        negated: bool,
    },
    Between {
        value: Box<Node>,
        low: Box<Node>,
        high: Box<Node>,
        negated: bool,
    },
    Like {
        text: Box<Node>,
        pattern: LikePattern,
        fold_case: bool,
        negated: bool,
    },
    IsNull {
        value: Box<Node>,
        negated: bool,
    },
    /// `is [not] true`, `false`, and `unknown` (`None`).
    IsTruth {
        value: Box<Node>,
        truth: Option<bool>,
        negated: bool,
    },
    Arithmetic(Operator, Box<Node>, Box<Node>),
    Negate(Box<Node>),
    Concat(Box<Node>, Box<Node>),
    Case {
        operand: Option<Box<Node>>,
        branches: Vec<(Node, Node)>,
        otherwise: Option<Box<Node>>,
    },
    Call(Function, Vec<Node>),
    Cast(Target, Box<Node>),
}

/// The pattern of a `like`: read once when it is a literal.
#[derive(Clone, Debug)]
pub(super) enum LikePattern {
    Known(Pattern),
    PerRow { pattern: Box<Node>, escape: Option<char> },
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// An operator between numbers, times and intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Coalesce,
    NullIf,
    Greatest,
    Least,
    Abs,
    Round,
    Floor,
    Ceil,
    Lower,
    Upper,
    Length,
    Trim,
    TrimStart,
    TrimEnd,
}

/// What a cast makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// An exact number; rounded to this many digits after the point when it says so.
    Number(Option<i64>),
    Float,
    Text,
    Bool,
    Date,
    Time,
    DateTime,
    Instant,
    Interval,
}

/// Whose column a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Row,
    Previous,
    /// `severity`, unless the row has a column of that name.
    Severity,
}

/// A name in the text.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub owner: Owner,
    pub column: String,
    pub span: Range<usize>,
    /// It stood in double quotes, as a text must not.
    pub double_quoted: bool,
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub root: Node,
    pub names: Vec<Name>,
    pub uses_now: bool,
}

impl Op {
    /// The nodes it is made of, in the order of the text.
    pub fn children(&self) -> Box<dyn Iterator<Item = &Node> + '_> {
        match self {
            Op::Literal(_) | Op::Column(_) | Op::Now | Op::CurrentDate => Box::new(std::iter::empty()),
            Op::And(parts) | Op::Or(parts) | Op::Call(_, parts) => Box::new(parts.iter()),
            Op::Not(inner) | Op::Negate(inner) | Op::Cast(_, inner) => Box::new(std::iter::once(&**inner)),
            Op::IsNull { value, .. } | Op::IsTruth { value, .. } => Box::new(std::iter::once(&**value)),
            Op::Compare(_, left, right) | Op::Arithmetic(_, left, right) | Op::Concat(left, right) | Op::Distinct { left, right, .. } => {
                Box::new([&**left, &**right].into_iter())
            }
            Op::In { needle, list, .. } => Box::new(std::iter::once(&**needle).chain(list)),
            Op::Between { value, low, high, .. } => Box::new([&**value, &**low, &**high].into_iter()),
            Op::Like { text, pattern: LikePattern::PerRow { pattern, .. }, .. } => Box::new([&**text, &**pattern].into_iter()),
            Op::Like { text, .. } => Box::new(std::iter::once(&**text)),
            Op::Case { operand, branches, otherwise } => {
                let branches = branches.iter().flat_map(|(when, then)| [when, then]);
                Box::new(operand.as_deref().into_iter().chain(branches).chain(otherwise.as_deref()))
            }
        }
    }
}

impl Comparison {
    pub fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Comparison::Equal => ordering.is_eq(),
            Comparison::NotEqual => ordering.is_ne(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Operator {
    /// The sign and the verb for messages: "cannot add text and a number".
    pub fn describe(self, left: Kind, right: Kind) -> String {
        let (left, right) = (left.describe(), right.describe());
        match self {
            Operator::Add => format!("cannot add {left} and {right}"),
            Operator::Subtract => format!("cannot subtract {right} from {left}"),
            Operator::Multiply => format!("cannot multiply {left} by {right}"),
            Operator::Divide | Operator::Remainder => format!("cannot divide {left} by {right}"),
        }
    }
}

impl Target {
    /// The kind that comes out, unless NULL went in.
    pub fn kind(self) -> Kind {
        match self {
            Target::Number(_) => Kind::Number,
            Target::Float => Kind::Float,
            Target::Text => Kind::Text,
            Target::Bool => Kind::Bool,
            Target::Date => Kind::Date,
            Target::Time => Kind::Time,
            Target::DateTime => Kind::DateTime,
            Target::Instant => Kind::Instant,
            Target::Interval => Kind::Interval,
        }
    }
}
