//! SQL conditions over a row, parsed by `sqlparser` and evaluated by us.
//!
//! The text is parsed once and compiled into our own small tree; whatever we do not evaluate is refused then, with its
//! place. Evaluation follows SQL: three-valued logic, exact decimals, `and`/`or` from left to right. Where databases
//! disagree, it is as PostgreSQL does, with these differences:
//!
//! - `/` never cuts off: `1 / 2` is `0.5`, also between integers (a kind does not tell them from decimals).
//! - A float is the decimal that its database shows: `0.1` in a REAL column equals `0.1`, and sums of floats are exact.
//!   So one condition gives one verdict on NUMERIC, DECIMAL and REAL.
//! - A number is a condition (not 0), and compares with `true` and `false`: MySQL and SQLite keep booleans so.
//! - A text next to a time is read as a time: SQLite keeps times so.
//! - The difference of two times, also of two dates, is an interval.
//!
//! The work of one evaluation is bounded by the text and the row: no loops, no recursion in the language, limits on
//! nesting, on digits and on the length of joined texts. Errors name kinds and places, never a row's content.

mod arithmetic;
mod cast;
mod check;
mod compare;
mod compile;
mod evaluate;
mod functions;
mod like;
mod number;
mod parse;
mod problem;
mod refuse;
#[cfg(test)]
mod tests;
mod time;
mod tree;

use super::alert::Severity;
use super::row::{Columns, Row};
use super::value::{Kind, Value};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use evaluate::Evaluation;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use tree::{Name, Owner, Tree};

/// A parsed expression and its text. Cheap to clone; each clone remembers one result, so give each poll its own.
pub struct Expression {
    text: Arc<str>,
    tree: Arc<Tree>,
    /// Where the names stand in the results seen last: the rows of a result share their columns, so a row costs two
    /// comparisons of pointers instead of a search by name.
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    row: Option<(Arc<Columns>, Arc<Places>)>,
    previous: Option<(Arc<Columns>, Arc<Places>)>,
}

/// For each name of an expression its place in a result, where it has one.
type Places = [Option<usize>];

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
    ///
    /// # Errors
    /// Text that is no expression, or one that cannot be evaluated here, with its place and what to write instead.
    pub fn parse(text: &str) -> Result<Expression, ExpressionError> {
        let (source, expr) = parse::parse(text)?;
        let tree = compile::compile(&source, &expr)?;
        Ok(Expression { text: text.into(), tree: Arc::new(tree), found: Mutex::default() })
    }

    /// The text it was parsed from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it asks for the time.
    pub fn uses_now(&self) -> bool {
        self.tree.uses_now
    }

    /// Whether it names `previous.…`.
    pub fn uses_previous(&self) -> bool {
        self.tree.names.iter().any(|name| name.owner == Owner::Previous)
    }

    /// Where it names `severity`, which may also be a column of the row.
    pub fn severity_span(&self) -> Option<Range<usize>> {
        self.tree.names.iter().find(|name| name.owner == Owner::Severity).map(|name| name.span.clone())
    }

    /// The columns of the row it names, with their places in the text.
    pub fn columns(&self) -> Vec<(&str, Range<usize>)> {
        let of_row = |name: &&Name| name.owner == Owner::Row;
        self.tree.names.iter().filter(of_row).map(|name| (name.column.as_str(), name.span.clone())).collect()
    }

    /// Checks names and types against a result's columns, without a row. `None` for a kind that is only known per row.
    pub fn check(&self, columns: &[(String, Option<Kind>)]) -> Vec<ExpressionError> {
        check::Check::run(&self.tree, &self.text, columns, false)
    }

    /// The same for an expression that is used as a condition: it must not be a text, a date, ….
    pub fn check_condition(&self, columns: &[(String, Option<Kind>)]) -> Vec<ExpressionError> {
        check::Check::run(&self.tree, &self.text, columns, true)
    }

    /// Its value for a row.
    ///
    /// # Errors
    /// Values that do not go together, a division by zero, a column that the row does not have.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, ExpressionError> {
        self.with(scope, |evaluation| evaluation.value(&evaluation.tree.root).map(std::borrow::Cow::into_owned))
    }

    /// Whether it holds: true. False and NULL do not; a value that is no condition is an error.
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn holds(&self, scope: &Scope<'_>) -> Result<bool, ExpressionError> {
        self.with(scope, |evaluation| evaluation.truth(&evaluation.tree.root).map(|truth| truth == Some(true)))
    }

    fn with<T>(&self, scope: &Scope<'_>, run: impl FnOnce(&Evaluation<'_>) -> T) -> T {
        let (places, previous) = self.places(scope);
        run(&Evaluation { tree: &self.tree, text: &self.text, scope, places: &places, previous_places: previous.as_deref() })
    }

    fn places(&self, scope: &Scope<'_>) -> (Arc<Places>, Option<Arc<Places>>) {
        // What is kept is only ever replaced as a whole, so a thread that panicked cannot have left it half done.
        let mut found = self.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let row = self.place(&mut found.row, scope.row.columns());
        let previous = scope.previous.map(|previous| self.place(&mut found.previous, previous.columns()));
        (row, previous)
    }

    fn place(&self, kept: &mut Option<(Arc<Columns>, Arc<Places>)>, columns: &Arc<Columns>) -> Arc<Places> {
        match kept {
            Some((of, places)) if Arc::ptr_eq(of, columns) => places.clone(),
            _ => {
                let places: Arc<Places> = self.tree.names.iter().map(|name| columns.position(&name.column)).collect();
                *kept = Some((columns.clone(), places.clone()));
                places
            }
        }
    }
}

impl Clone for Expression {
    fn clone(&self) -> Expression {
        Expression { text: self.text.clone(), tree: self.tree.clone(), found: Mutex::default() }
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Expression) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}
