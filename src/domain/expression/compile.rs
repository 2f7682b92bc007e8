//! From sqlparser's tree to ours. What we do not evaluate is refused here, with its place and, where it is known, with
//! what to write instead.

use super::ExpressionError;
use super::cast::cast;
use super::evaluate::{ends_with_escape, like_takes_text};
use super::functions::{SIGNATURES, TIME_NAMES, instead_of};
use super::like::Pattern;
use super::parse::{MAX_DEPTH, Source, error, too_deep};
use super::problem::{Problem, cover};
use super::refuse::{refuse_chain, refuse_null, refuse_null_comparison, unknown_function, unknown_operator, unknown_type, unsupported};
use super::time::{read_interval, unit_interval};
use super::tree::{Comparison, Function, LikePattern, Name, Node, Op, Operator, Owner, Target, Tree};
use crate::domain::value::{Kind, Value, parse_number};
use chrono_tz::Tz;
use sqlparser::ast;
use sqlparser::ast::{BinaryOperator, CastKind, CeilFloorKind, DataType, ExactNumberInfo, Expr, Ident, Spanned, UnaryOperator};
use sqlparser::tokenizer::Span;
use std::ops::Range;

/// The place of a node before its parts are known.
const NOWHERE: Range<usize> = Range { start: usize::MAX, end: 0 };

/// Words that cannot be the name of a column, unless in quotes.
const RESERVED: [&str; 13] = ["and", "or", "not", "in", "is", "like", "ilike", "between", "case", "when", "then", "else", "null"];

/// Compiles a parsed expression.
pub(super) fn compile(source: &Source<'_>, expr: &Expr) -> Result<Tree, ExpressionError> {
    let mut compiler = Compiler { source, names: Vec::new(), uses_now: false, depth: 0 };
    let root = compiler.node(expr)?;
    Ok(Tree { root, names: compiler.names, uses_now: compiler.uses_now })
}

struct Compiler<'s> {
    source: &'s Source<'s>,
    names: Vec<Name>,
    uses_now: bool,
    depth: usize,
}

type Compiled = Result<Node, ExpressionError>;

impl Compiler<'_> {
    fn node(&mut self, expr: &Expr) -> Compiled {
        self.depth += 1;
        if self.depth > 2 * MAX_DEPTH {
            return Err(too_deep(self.source.whole()));
        }
        let mut node = self.compile(expr)?;
        self.depth -= 1;
        node.span = node.op.children().fold(node.span, |span, child| cover(&span, &child.span));
        if let Expr::Cast { kind: CastKind::Cast, .. } = expr {
            let pair = self.source.enclosing(&node.span);
            node.span = self.start_of("cast", pair.start)..pair.end;
        }
        Ok(node)
    }

    /// The place of what is not made of other nodes, of calls and of `case`; the others are where their parts are.
    ///
    /// The parser's own `span` recurses without a limit, so it is not asked for those.
    fn place(&self, expr: &Expr) -> Range<usize> {
        let span = match expr {
            Expr::Identifier(ident) => ident.span,
            Expr::Value(value) => value.span,
            Expr::TypedString(typed) => typed.value.span,
            Expr::CompoundIdentifier(parts) => Span::union_iter(parts.iter().map(|part| part.span)),
            Expr::Function(function) => return self.source.call(self.source.range(function.name.span())),
            Expr::Case { case_token, end_token, .. } => case_token.0.span.union(&end_token.0.span),
            Expr::Interval(interval) => {
                let value = self.source.range(first_leaf(&interval.value).span());
                return self.start_of("interval", value.start)..value.end;
            }
            _ => return NOWHERE,
        };
        self.source.range(span)
    }

    /// The place of something that is not compiled, as well as it is known.
    fn whole_place(&self, expr: &Expr) -> Range<usize> {
        let span = if self.source.shallow { expr.span() } else { first_leaf(expr).span() };
        self.source.range(span)
    }

    fn boxed(&mut self, expr: &Expr) -> Result<Box<Node>, ExpressionError> {
        self.node(expr).map(Box::new)
    }

    /// What is nested most often comes first, and alone: this function recurses, and its frame should be small.
    fn compile(&mut self, expr: &Expr) -> Compiled {
        match expr {
            Expr::Nested(inner) => {
                let inner = self.node(inner)?;
                Ok(Node { span: self.source.enclosing(&inner.span), op: inner.op })
            }
            Expr::UnaryOp { op, expr } => self.unary(op, expr),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::Function(function) => self.function(function, self.place(expr)),
            _ => self.compile_other(expr),
        }
    }

    fn compile_other(&mut self, expr: &Expr) -> Compiled {
        let span = self.place(expr);
        let op = match expr {
            Expr::Value(value) => Op::Literal(literal(&value.value, &span)?),
            Expr::TypedString(typed) => return self.typed_string(typed, span),
            Expr::Interval(interval) => Op::Literal(Value::Interval(self.interval(interval, &span)?)),
            Expr::Identifier(ident) => return self.bare_name(ident, span),
            Expr::CompoundIdentifier(parts) => return self.qualified_name(parts, span),
            Expr::IsNull(value) => Op::IsNull { value: self.boxed(value)?, negated: false },
            Expr::IsNotNull(value) => Op::IsNull { value: self.boxed(value)?, negated: true },
            Expr::IsTrue(value) => self.is_truth(value, Some(true), false)?,
            Expr::IsNotTrue(value) => self.is_truth(value, Some(true), true)?,
            Expr::IsFalse(value) => self.is_truth(value, Some(false), false)?,
            Expr::IsNotFalse(value) => self.is_truth(value, Some(false), true)?,
            Expr::IsUnknown(value) => self.is_truth(value, None, false)?,
            Expr::IsNotUnknown(value) => self.is_truth(value, None, true)?,
            Expr::IsDistinctFrom(left, right) => self.distinct(left, right, false)?,
            Expr::IsNotDistinctFrom(left, right) => self.distinct(left, right, true)?,
            Expr::InList { expr, list, negated } => self.in_list(expr, list, *negated)?,
            Expr::Between { expr, negated, low, high } => {
                let (value, low, high) = (self.boxed(expr)?, self.boxed(low)?, self.boxed(high)?);
                [&low, &high].into_iter().try_for_each(|bound| refuse_null(bound))?;
                Op::Between { value, low, high, negated: *negated }
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char.as_deref(), false, *negated)?
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char.as_deref(), true, *negated)?
            }
            Expr::Case { operand, conditions, else_result, .. } => self.case(operand.as_deref(), conditions, else_result.as_deref())?,
            Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, data_type, format: None } => {
                let inner = self.boxed(expr)?;
                let target = target(data_type).ok_or_else(|| unknown_type(data_type, self.source.enclosing(&inner.span)))?;
                Op::Cast(target, inner)
            }
            Expr::Ceil { expr, field } => self.round_to_whole(Function::Ceil, expr, field)?,
            Expr::Floor { expr, field } => self.round_to_whole(Function::Floor, expr, field)?,
            Expr::Trim { expr, trim_where: None, trim_what: None, trim_characters: None } => {
                Op::Call(Function::Trim, vec![self.node(expr)?])
            }
            other => return Err(unsupported(other, self.whole_place(other))),
        };
        Ok(Node { op, span })
    }

    fn bare_name(&mut self, ident: &Ident, span: Range<usize>) -> Compiled {
        if ident.quote_style.is_none() && RESERVED.contains(&ident.value.to_lowercase().as_str()) {
            let hint = format!("a column of that name is written \"{}\", in double quotes", ident.value);
            return Err(error(format!("`{}` stands alone", ident.value), span, Some(&hint)));
        }
        let owner = if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("severity") { Owner::Severity } else { Owner::Row };
        Ok(self.name(owner, ident, span))
    }

    fn name(&mut self, owner: Owner, ident: &Ident, span: Range<usize>) -> Node {
        let double_quoted = ident.quote_style == Some('"');
        self.names.push(Name { owner, column: ident.value.clone(), span: span.clone(), double_quoted });
        Node { op: Op::Column(self.names.len() - 1), span }
    }

    /// `previous.price`, `key.sku`.
    fn qualified_name(&mut self, parts: &[Ident], span: Range<usize>) -> Compiled {
        let hint = "write `price`, `previous.price` for the value last seen, or `key.sku` for a column of the key";
        match parts {
            [owner, column] if owner.value.eq_ignore_ascii_case("previous") => Ok(self.name(Owner::Previous, column, span)),
            [owner, column] if owner.value.eq_ignore_ascii_case("key") => Ok(self.name(Owner::Row, column, span)),
            [owner, _] => Err(error(format!("unknown name `{}`; a column stands alone", owner.value), span, Some(hint))),
            _ => Err(error("a column stands alone, without schema and table", span, Some(hint))),
        }
    }

    fn unary(&mut self, op: &UnaryOperator, inner: &Expr) -> Compiled {
        let inner = self.boxed(inner)?;
        let inner_span = inner.span.clone();
        let sign = if *op == UnaryOperator::Not { "not" } else { "-" };
        let span = self.start_of(sign, inner_span.start)..inner_span.end;
        match op {
            UnaryOperator::Not => Ok(Node { op: Op::Not(inner), span }),
            UnaryOperator::Plus => Ok(*inner),
            UnaryOperator::Minus => match inner.op {
                Op::Literal(Value::Number(number)) => Ok(Node { op: Op::Literal(Value::Number(-number)), span }),
                _ => Ok(Node { op: Op::Negate(inner), span }),
            },
            other => Err(error(format!("the operator `{other}` is not known here"), span, None)),
        }
    }

    /// Where a word begins that stands before a place: the parser keeps no place for prefix operators.
    fn start_of(&self, word: &str, before: usize) -> usize {
        let head = self.source.text[..before].trim_end_matches(|c: char| c.is_whitespace() || c == '(');
        let start = head.len().saturating_sub(word.len());
        if head.get(start..).is_some_and(|tail| tail.eq_ignore_ascii_case(word)) { start } else { before }
    }

    fn binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Compiled {
        if matches!(op, BinaryOperator::And | BinaryOperator::Or) {
            return self.chain(left, op, right);
        }
        if comparison(op).is_some() {
            refuse_chain(left, &self.source.range(first_leaf(right).span()))?;
        }
        let (left, right) = (self.boxed(left)?, self.boxed(right)?);
        let span = cover(&left.span, &right.span);
        let arithmetic = |operator| Ok(move |left, right| Op::Arithmetic(operator, left, right));
        let operator = match &op {
            BinaryOperator::Plus => arithmetic(Operator::Add),
            BinaryOperator::Minus => arithmetic(Operator::Subtract),
            BinaryOperator::Multiply => arithmetic(Operator::Multiply),
            BinaryOperator::Divide => arithmetic(Operator::Divide),
            BinaryOperator::Modulo => arithmetic(Operator::Remainder),
            other => Err(other),
        };
        let op = match operator {
            Ok(build) => build(left, right),
            Err(BinaryOperator::StringConcat) => Op::Concat(left, right),
            Err(other) => match comparison(other) {
                Some(comparison) => {
                    refuse_null_comparison(comparison, &left, &right, &span)?;
                    Op::Compare(comparison, left, right)
                }
                None => return Err(unknown_operator(other, span)),
            },
        };
        Ok(Node { op, span })
    }

    /// A chain of one of `and`, `or` as one node: the parser makes it a tree as deep as the chain is long.
    fn chain(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Compiled {
        let mut parts = vec![right];
        let mut head = left;
        loop {
            match head {
                Expr::BinaryOp { left, op: inner, right } if inner == op => {
                    parts.push(&**right);
                    head = left;
                }
                other => {
                    parts.push(other);
                    break;
                }
            }
        }
        let nodes = parts.into_iter().rev().map(|part| self.node(part)).collect::<Result<Vec<_>, _>>()?;
        let op = if *op == BinaryOperator::And { Op::And(nodes) } else { Op::Or(nodes) };
        Ok(Node { op, span: NOWHERE })
    }

    fn is_truth(&mut self, value: &Expr, truth: Option<bool>, negated: bool) -> Result<Op, ExpressionError> {
        Ok(Op::IsTruth { value: self.boxed(value)?, truth, negated })
    }

    fn distinct(&mut self, left: &Expr, right: &Expr, negated: bool) -> Result<Op, ExpressionError> {
        Ok(Op::Distinct { left: self.boxed(left)?, right: self.boxed(right)?, negated })
    }

    fn in_list(&mut self, needle: &Expr, list: &[Expr], negated: bool) -> Result<Op, ExpressionError> {
        let needle = self.boxed(needle)?;
        let list = list.iter().map(|item| self.node(item)).collect::<Result<Vec<_>, _>>()?;
        list.iter().try_for_each(refuse_null)?;
        Ok(Op::In { needle, list, negated })
    }

    fn like(&mut self, text: &Expr, pattern: &Expr, escape: Option<&Expr>, fold_case: bool, negated: bool) -> Result<Op, ExpressionError> {
        let (text, pattern) = (self.boxed(text)?, self.boxed(pattern)?);
        let escape = match escape {
            None => Some('\\'),
            Some(expr) => self.escape(expr)?,
        };
        let pattern = match &pattern.op {
            Op::Literal(Value::Text(literal)) => {
                LikePattern::Known(Pattern::read(literal, escape, fold_case).ok_or_else(|| ends_with_escape(&pattern))?)
            }
            Op::Literal(value) => return Err(like_takes_text(self.source.text, &pattern, value.kind())),
            _ => LikePattern::PerRow { pattern, escape },
        };
        Ok(Op::Like { text, pattern, fold_case, negated })
    }

    fn escape(&mut self, expr: &Expr) -> Result<Option<char>, ExpressionError> {
        let node = self.node(expr)?;
        if let Op::Literal(Value::Text(text)) = &node.op {
            let mut chars = text.chars();
            if let (first, None) = (chars.next(), chars.next()) {
                return Ok(first);
            }
        }
        Err(error("the escape character is one character", node.span, Some("for example escape '!'")))
    }

    fn case(&mut self, operand: Option<&Expr>, conditions: &[ast::CaseWhen], otherwise: Option<&Expr>) -> Result<Op, ExpressionError> {
        let operand = operand.map(|expr| self.boxed(expr)).transpose()?;
        let branch = |when: &ast::CaseWhen| Ok((self.node(&when.condition)?, self.node(&when.result)?));
        let branches = conditions.iter().map(branch).collect::<Result<Vec<_>, ExpressionError>>()?;
        if operand.is_some() {
            branches.iter().try_for_each(|(when, _)| refuse_null(when))?;
        }
        let otherwise = otherwise.map(|expr| self.boxed(expr)).transpose()?;
        Ok(Op::Case { operand, branches, otherwise })
    }

    fn round_to_whole(&mut self, function: Function, inner: &Expr, field: &CeilFloorKind) -> Result<Op, ExpressionError> {
        let inner = self.node(inner)?;
        match field {
            CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime) => Ok(Op::Call(function, vec![inner])),
            _ => Err(error("floor and ceil take one number", inner.span, Some("round(x, 2) keeps two digits"))),
        }
    }

    fn function(&mut self, function: &ast::Function, span: Range<usize>) -> Compiled {
        let name = function.name.to_string();
        let lower = name.to_lowercase();
        let known = TIME_NAMES.contains(&lower.as_str()) || SIGNATURES.iter().any(|signature| signature.name == lower);
        if !known && function.over.is_none() {
            return Err(unknown_function(&name, &lower, self.source.range(function.name.span())));
        }
        let arguments = self.arguments(function, &name, &span)?;
        if TIME_NAMES.contains(&lower.as_str()) {
            if !arguments.is_empty() {
                return Err(error(format!("{lower} takes no arguments"), span, None));
            }
            self.uses_now = true;
            let op = if lower == "current_date" { Op::CurrentDate } else { Op::Now };
            return Ok(Node { op, span });
        }
        let Some(signature) = SIGNATURES.iter().find(|signature| signature.name == lower) else {
            return Err(unknown_function(&name, &lower, span));
        };
        if arguments.len() < signature.least || arguments.len() > signature.most {
            let wanted = match (signature.least, signature.most) {
                (1, 1) => "one argument".to_owned(),
                (least, most) if least == most => format!("{least} arguments"),
                (1, 2) => "one or two arguments".to_owned(),
                _ => "at least one argument".to_owned(),
            };
            return Err(error(format!("{lower} takes {wanted}, not {}", arguments.len()), span, None));
        }
        let arguments = arguments.into_iter().map(|argument| self.node(argument)).collect::<Result<Vec<_>, _>>()?;
        Ok(Node { op: Op::Call(signature.function, arguments), span })
    }

    fn arguments<'f>(&self, function: &'f ast::Function, name: &str, span: &Range<usize>) -> Result<Vec<&'f Expr>, ExpressionError> {
        if function.over.is_some() || function.filter.is_some() || !function.within_group.is_empty() || function.null_treatment.is_some() {
            let hint = "window functions and aggregates belong in the query";
            return Err(error(format!("{name} cannot look at other rows"), span.clone(), Some(hint)));
        }
        let list = match &function.args {
            ast::FunctionArguments::None => return Ok(Vec::new()),
            ast::FunctionArguments::List(list) if list.clauses.is_empty() && list.duplicate_treatment.is_none() => list,
            _ => return Err(error(format!("{name} is called in a way that is not known here"), span.clone(), None)),
        };
        let plain = |argument: &'f ast::FunctionArg| match argument {
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Ok(expr),
            _ => Err(error(format!("{name} takes values"), span.clone(), instead_of(&name.to_lowercase()))),
        };
        list.args.iter().map(plain).collect()
    }

    /// `date '2026-11-23'`.
    fn typed_string(&mut self, typed: &ast::TypedString, span: Range<usize>) -> Compiled {
        let target = target(&typed.data_type).ok_or_else(|| unknown_type(&typed.data_type, span.clone()))?;
        let value = literal(&typed.value.value, &span)?;
        let read = cast(&value, target, Tz::UTC).map_err(|problem| problem.at(span.clone(), Default::default))?;
        // A timestamp with a zone that names none is read in the zone of the evaluation.
        let op = if target == Target::Instant {
            Op::Cast(target, Box::new(Node { op: Op::Literal(value), span: span.clone() }))
        } else {
            Op::Literal(read)
        };
        Ok(Node { op, span })
    }

    /// `interval '2 hours'`, `interval '1' day`, `interval 10 minute`.
    fn interval(&self, interval: &ast::Interval, span: &Range<usize>) -> Result<crate::domain::value::Interval, ExpressionError> {
        let Expr::Value(value) = &*interval.value else {
            return Err(error(
                "an interval is written out",
                span.clone(),
                Some("for a number of days in a column write n * interval '1 day'"),
            ));
        };
        if interval.last_field.is_some() {
            return Err(error("an interval has one unit here", span.clone(), Some("for example interval '1 day 2 hours'")));
        }
        let text = match literal(&value.value, span)? {
            Value::Text(text) => text,
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let read = match &interval.leading_field {
            Some(unit) => unit_interval(&text, &unit.to_string()),
            None => read_interval(&text),
        };
        read.ok_or_else(|| Problem::Unreadable(Kind::Interval).at(span.clone(), Default::default))
    }
}

/// What an expression begins with.
fn first_leaf(mut expr: &Expr) -> &Expr {
    static NOTHING: Expr = Expr::Identifier(Ident { value: String::new(), quote_style: None, span: Span::empty() });
    loop {
        expr = match expr {
            Expr::BinaryOp { left, .. } | Expr::IsDistinctFrom(left, _) | Expr::IsNotDistinctFrom(left, _) => left,
            Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } | Expr::IsNull(inner) | Expr::IsNotNull(inner) => inner,
            Expr::InList { expr, .. } | Expr::Between { expr, .. } | Expr::Like { expr, .. } | Expr::Cast { expr, .. } => expr,
            Expr::Identifier(_) | Expr::Value(_) => return expr,
            _ => return &NOTHING,
        }
    }
}

fn literal(value: &ast::Value, span: &Range<usize>) -> Result<Value, ExpressionError> {
    match value {
        ast::Value::Number(text, _) => match parse_number(text) {
            Some(number) => Ok(Value::Number(number)),
            None => Err(error("the number cannot be read", span.clone(), None)),
        },
        ast::Value::SingleQuotedString(text) => Ok(Value::Text(text.clone())),
        ast::Value::HexStringLiteral(hex) => match Value::decode(Kind::Bytes, &hex.to_lowercase()) {
            Value::Other(_) => Err(error("bytes are written with two hex digits each", span.clone(), Some("for example X'00ff'"))),
            bytes => Ok(bytes),
        },
        ast::Value::Boolean(bool) => Ok(Value::Bool(*bool)),
        ast::Value::Null => Ok(Value::Null),
        ast::Value::Placeholder(_) => Err(error("an expression has no parameters", span.clone(), Some("write the value itself"))),
        _ => Err(error("this kind of literal is not known here", span.clone(), Some("a text is written 'abc'"))),
    }
}

pub(super) fn comparison(op: &BinaryOperator) -> Option<Comparison> {
    Some(match op {
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::NotEq => Comparison::NotEqual,
        BinaryOperator::Lt => Comparison::Less,
        BinaryOperator::LtEq => Comparison::LessOrEqual,
        BinaryOperator::Gt => Comparison::Greater,
        BinaryOperator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// The type of a cast, by the first word of its name and whether it has a zone.
fn target(data_type: &DataType) -> Option<Target> {
    if let DataType::Numeric(size) | DataType::Decimal(size) | DataType::Dec(size) = data_type {
        return Some(Target::Number(match size {
            ExactNumberInfo::None => None,
            ExactNumberInfo::Precision(_) => Some(0),
            ExactNumberInfo::PrecisionAndScale(_, scale) => Some(*scale),
        }));
    }
    let name = data_type.to_string().to_lowercase();
    let first: String = name.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
    let with_zone = name.contains("with time zone");
    Some(match first.as_str() {
        "int" | "integer" | "bigint" | "smallint" | "tinyint" | "mediumint" | "int2" | "int4" | "int8" | "signed" | "unsigned" => {
            Target::Number(Some(0))
        }
        "float" | "float4" | "float8" | "double" | "real" => Target::Float,
        "text" | "varchar" | "char" | "character" | "nvarchar" | "nchar" | "string" => Target::Text,
        "bool" | "boolean" => Target::Bool,
        "date" => Target::Date,
        "time" if !with_zone => Target::Time,
        "timestamptz" => Target::Instant,
        "timestamp" if with_zone => Target::Instant,
        "timestamp" | "datetime" => Target::DateTime,
        "interval" => Target::Interval,
        _ => return None,
    })
}
