//! What a source is asked: a watcher's SQL text, the values of its named parameters, and which part of the result.
//!
//! A parameter is `:name` where the name is one of those given; all else (`?`, `::`, `->>`, an unknown `:name`) is left
//! as it is written. How a value gets into the statement, bound or as a literal, is the driver's to say: [`Query::assemble`]
//! asks it at each place, and remembers which byte of the statement came from which byte of the text, so that an error
//! of the database can be shown where the DBA wrote the cause.
//!
//! # Windows
//!
//! A [`Window`] reads a part of the result by one of its columns, the cursor. The text is wrapped as a subquery, and the
//! statement is written so that an index on the cursor's column serves it (all measured; each database has its own way):
//!
//! - From a value: `where c >= … or c is null`, which PostgreSQL and MySQL answer with a range of the index. SQLite reads
//!   the whole table for it when the text has an ORDER BY, and for `is null` on a rowid: there the rows without a cursor
//!   are read on their own, by UNION ALL, with `is null + 0`, which means the same and does not keep it from the index.
//! - The last rows: those with `c >=` the least of the last `n` values, and with UNION ALL those without a cursor. MySQL
//!   would read the whole table for that, as the value is not known when it plans; there each of the last `n` values is
//!   looked up, and NULL with them.
//!
//! Rows that have the same cursor as the first one of a window all belong to it. A text that cannot be merged into the
//! outer query (LIMIT, GROUP BY, window functions, for the last rows on PostgreSQL also WITH) is computed as a whole
//! first. The ORDER BY of a text is dropped by MySQL, and by another column than the cursor keeps SQLite from the index.
//! There `:cursor` is better written by hand.

use super::sql_text::{Dialect, TokenSort, statement_end, tokens};
use super::value::Kind;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use std::ops::Range;

/// The name under which the DBA's text is wrapped; errors of the database may show it.
const WRAPPED: &str = "rowbell_query";
/// The name of the subquery that finds the last values of a cursor.
pub const LAST: &str = "rowbell_last";

/// What a source is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The DBA's SQL.
    pub text: String,
    /// The values of the names that may stand in it; of two with the same name the first counts.
    pub params: Vec<(String, Param)>,
    /// Which part of the result is read.
    pub window: Window,
    /// Whether the read also tells which transactions were still open.
    pub wants_horizon: bool,
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Param {
    /// SQL NULL.
    Null,
    /// A truth value.
    Bool(bool),
    /// An exact number. It is what the same digits written into the query would be: `7` is an integer.
    Number(ExactNumber),
    /// Text.
    Text(String),
    /// A calendar day.
    Date(NaiveDate),
    /// A wall-clock time without a zone.
    DateTime(NaiveDateTime),
    /// An instant: `:now`, `:last_poll`. Each driver says what a DBA finds next to `current_timestamp` there.
    Instant(DateTime<Utc>),
    /// A value that the database itself has shown.
    Cursor(CursorValue),
}

/// A number as its digits, which are nothing else: `-12`, `1.50`, `1e300`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExactNumber(String);

impl ExactNumber {
    /// Takes digits with an optional sign, fraction and exponent; `None` for anything else (`inf`, `1_000`, `0x10`).
    pub fn parse(text: &str) -> Option<ExactNumber> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
            None => (unsigned, None),
        };
        let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, fraction)| (whole, Some(fraction)));
        let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let is_number = are_digits(whole) && fraction.is_none_or(are_digits) && exponent.is_none_or(are_digits);
        is_number.then(|| ExactNumber(text.trim_start_matches('+').to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How far an incremental watcher has read, in the database's own words: no digit and no microsecond is lost on the way,
/// and no local time is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorValue {
    /// The cell as the source gave it.
    pub text: String,
    /// What the cell was.
    pub kind: Kind,
    /// The database's own name of its type, where the source told it (PostgreSQL does).
    pub type_name: Option<String>,
}

/// Which part of the result is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Window {
    /// All of it, by the text as it is.
    #[default]
    Whole,
    /// The rows whose cursor is not below the value, and those where it is NULL.
    From {
        /// The cursor's exact name in the result.
        column: String,
        /// The least value that is read.
        value: Param,
    },
    /// The last rows by the cursor (more, where the first of them has equals), and those where it is NULL.
    Latest {
        /// The cursor's exact name in the result.
        column: String,
        /// How many.
        rows: u64,
    },
}

/// A `:name` in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// Without the colon.
    pub name: String,
    /// The bytes of the text, with the colon.
    pub span: Range<usize>,
}

impl Query {
    /// A text without parameters, read whole.
    pub fn plain(text: impl Into<String>) -> Query {
        Query { text: text.into(), params: Vec::new(), window: Window::Whole, wants_horizon: false }
    }

    /// With the value of one more parameter.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: Param) -> Query {
        self.params.push((name.into(), value));
        self
    }

    /// Of which only a part is read.
    #[must_use]
    pub fn within(mut self, window: Window) -> Query {
        self.window = window;
        self
    }

    /// Whose read also tells which transactions were still open.
    #[must_use]
    pub fn with_horizon(mut self) -> Query {
        self.wants_horizon = true;
        self
    }

    /// The parameters that a text mentions, in order.
    pub fn mentions(text: &str, dialect: Dialect) -> Vec<Mention> {
        let parameters = tokens(text, dialect).into_iter().filter(|token| token.sort == TokenSort::Parameter);
        parameters.map(|token| Mention { name: token.text[1..].to_owned(), span: token.span }).collect()
    }

    /// Whether a text uses the parameter of this name.
    pub fn uses(text: &str, name: &str, dialect: Dialect) -> bool {
        Query::mentions(text, dialect).iter().any(|mention| mention.name == name)
    }

    /// What looks like a parameter but is none of the known: most likely a misspelling.
    pub fn unknown(text: &str, known: &[&str], dialect: Dialect) -> Vec<Mention> {
        Query::mentions(text, dialect).into_iter().filter(|mention| !known.contains(&mention.name.as_str())).collect()
    }

    /// Makes the statement. `write` gives what stands in it for a value; it is told the value's number (from 0), which is
    /// the same for every place of one parameter.
    pub fn assemble(&self, dialect: Dialect, write: &mut dyn FnMut(usize, &Param) -> String) -> Statement {
        let mut assembly = Assembly::new(self, dialect, write);
        match &self.window {
            Window::Whole => assembly.text(assembly.statement_end),
            Window::From { column, value } => assembly.from(&quoted(column, dialect), value),
            Window::Latest { column, rows } => assembly.latest(&quoted(column, dialect), (*rows).min(i64::MAX as u64)),
        }
        Statement { sql: assembly.sql, pieces: assembly.pieces, text_end: assembly.statement_end }
    }
}

/// A statement that was made of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What the database is sent.
    pub sql: String,
    pieces: Vec<Piece>,
    text_end: usize,
}

/// A stretch of the statement that came from the text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    in_sql: Range<usize>,
    in_text: usize,
    /// Whether each byte is that of the text; else the whole stands for one place.
    is_copy: bool,
}

/// Where something of the statement came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The byte of the DBA's text.
    pub byte: usize,
    /// Whether it is the end of the text: what stands there in the statement is ours.
    pub is_end: bool,
}

impl Statement {
    /// Where a byte of the statement came from; `None` for what is ours alone.
    pub fn origin(&self, byte: usize) -> Option<Origin> {
        let piece = self.pieces.iter().rev().find(|piece| piece.in_sql.start <= byte && byte <= piece.in_sql.end)?;
        let inside = if piece.is_copy { byte - piece.in_sql.start } else { 0 };
        let byte = piece.in_text + inside;
        Some(Origin { byte, is_end: byte >= self.text_end })
    }
}

/// A statement in the making.
struct Assembly<'q, 'w> {
    query: &'q Query,
    dialect: Dialect,
    statement_end: usize,
    /// The parameters in the text, and which value they have.
    places: Vec<(usize, Range<usize>)>,
    write: &'w mut dyn FnMut(usize, &Param) -> String,
    sql: String,
    pieces: Vec<Piece>,
}

impl<'q, 'w> Assembly<'q, 'w> {
    fn new(query: &'q Query, dialect: Dialect, write: &'w mut dyn FnMut(usize, &Param) -> String) -> Self {
        let number = |mention: Mention| Some((query.params.iter().position(|(name, _)| *name == mention.name)?, mention.span));
        let places = if query.params.is_empty() { Vec::new() } else { Query::mentions(&query.text, dialect) };
        let places = places.into_iter().filter_map(number).collect();
        let statement_end = statement_end(&query.text, dialect);
        Assembly { query, dialect, statement_end, places, write, sql: String::new(), pieces: Vec::new() }
    }

    fn from(&mut self, column: &str, value: &Param) {
        let value = (self.write)(self.query.params.len(), value);
        self.wrapped();
        self.ours(&format!(" where {WRAPPED}.{column} >= {value}"));
        match self.dialect {
            Dialect::Sqlite => self.or_null_in_two(column),
            _ => self.ours(&format!(" or {WRAPPED}.{column} is null")),
        }
    }

    fn latest(&mut self, column: &str, rows: u64) {
        if self.dialect == Dialect::Mysql {
            return self.latest_by_lookup(column, rows);
        }
        self.wrapped();
        self.ours(&format!(" where {WRAPPED}.{column} >= (select {column} from ("));
        self.last_values(column, rows);
        self.ours(&format!(") as {LAST} order by {column} limit 1)"));
        self.or_null_in_two(column);
    }

    /// And the rows where the column is NULL, read on their own.
    fn or_null_in_two(&mut self, column: &str) {
        self.ours(" union all ");
        self.wrapped();
        let null = if self.dialect == Dialect::Sqlite { "null + 0" } else { "null" };
        self.ours(&format!(" where {WRAPPED}.{column} is {null}"));
    }

    /// `<=>` also finds the NULL that is looked up last.
    fn latest_by_lookup(&mut self, column: &str, rows: u64) {
        self.ours(&format!("select {WRAPPED}.* from (select {column} from ("));
        self.last_values(column, rows);
        self.ours(&format!(") as {LAST} union select null) as rowbell_values join "));
        self.subquery();
        self.ours(&format!(" on {WRAPPED}.{column} <=> rowbell_values.{column}"));
    }

    fn last_values(&mut self, column: &str, rows: u64) {
        self.ours(&format!("select {WRAPPED}.{column} from "));
        self.subquery();
        self.ours(&format!(" where {WRAPPED}.{column} is not null order by {WRAPPED}.{column} desc limit {rows}"));
    }

    fn wrapped(&mut self) {
        self.ours("select * from ");
        self.subquery();
    }

    /// That a text is not finished, or has a parenthesis open, is only seen in what we put behind it.
    fn subquery(&mut self) {
        self.ours("(");
        self.text(self.statement_end);
        self.stands_for(&format!("\n) as {WRAPPED}"), self.statement_end);
    }

    /// The DBA's text up to a byte, with its parameters.
    fn text(&mut self, end: usize) {
        let mut at = 0;
        for (number, span) in self.places.clone() {
            self.copy(at..span.start);
            let value = (self.write)(number, &self.query.params[number].1);
            self.stands_for(&value, span.start);
            at = span.end;
        }
        self.copy(at..end);
    }

    fn ours(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn copy(&mut self, span: Range<usize>) {
        let start = self.sql.len();
        self.sql.push_str(&self.query.text[span.clone()]);
        self.pieces.push(Piece { in_sql: start..self.sql.len(), in_text: span.start, is_copy: true });
    }

    fn stands_for(&mut self, sql: &str, in_text: usize) {
        let start = self.sql.len();
        self.sql.push_str(sql);
        self.pieces.push(Piece { in_sql: start..self.sql.len(), in_text, is_copy: false });
    }
}

/// A name that means exactly this column.
fn quoted(column: &str, dialect: Dialect) -> String {
    let quote = if dialect == Dialect::Mysql { "`" } else { "\"" };
    format!("{quote}{}{quote}", column.replace(quote, &quote.repeat(2)))
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
