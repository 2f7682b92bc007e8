//! SQL conditions over a row. (in work)

use super::alert::Severity;
use super::row::Row;
use super::value::{Kind, Value};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::ops::Range;

/// A parsed expression and its text.
#[derive(Clone, Debug)]
pub struct Expression {
    text: String,
}

/// Why an expression is refused, or could not be evaluated.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong; never a row's content.
    pub message: String,
    /// The bytes of the expression's text that are wrong.
    pub span: Range<usize>,
    /// What to write instead.
    pub hint: Option<String>,
}

/// What an expression can see.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The row; a bare name is one of its columns.
    pub row: &'a Row,
    /// The value last seen: `previous.price`.
    pub previous: Option<&'a Row>,
    /// `severity`, once it is known; hidden by a column of that name.
    pub severity: Option<Severity>,
    /// What `now()` is.
    pub now: DateTime<Utc>,
    /// The zone in which timestamps without one are read, and in which `current_date` is.
    pub zone: Tz,
}

impl Expression {
    /// Parses one SQL expression.
    pub fn parse(text: &str) -> Result<Expression, ExpressionError> {
        Ok(Expression { text: text.to_owned() })
    }

    /// The text it was parsed from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it asks for the time.
    pub fn uses_now(&self) -> bool {
        false
    }

    /// Whether it names `previous.…`.
    pub fn uses_previous(&self) -> bool {
        false
    }

    /// The columns of the row it names, with their places in the text.
    pub fn columns(&self) -> Vec<(&str, Range<usize>)> {
        Vec::new()
    }

    /// Checks names and types against a result's columns, without a row. `None` for a kind that is only known per row.
    pub fn check(&self, _columns: &[(String, Option<Kind>)]) -> Vec<ExpressionError> {
        Vec::new()
    }

    /// Its value for a row.
    pub fn evaluate(&self, _scope: &Scope<'_>) -> Result<Value, ExpressionError> {
        Ok(Value::Null)
    }

    /// Whether it holds: true. False and NULL do not; a value that is no condition is an error.
    pub fn holds(&self, _scope: &Scope<'_>) -> Result<bool, ExpressionError> {
        Ok(true)
    }
}
