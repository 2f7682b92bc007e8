//! What hangs on the columns of a watcher's result: every name must be one of them, and kinds must go together where the
//! database tells them.

use super::template;
use crate::config::{Fault, Part, WatcherText, nearest};
use crate::domain::chart::{ChartOf, ThresholdRule};
use crate::domain::cursor::CursorValue;
use crate::domain::expression::Expression;
use crate::domain::row::SOURCE_COLUMN;
use crate::domain::sql_text::Dialect;
use crate::domain::value::{Kind, Value, parse_number};
use crate::domain::watcher::{AlertOn, Cursor, Expect, ExpectedCell, Watcher};
use crate::source::ColumnInfo;

/// The columns of a result, as expressions are checked against them.
type ResultColumns = [(String, Option<Kind>)];

/// A watcher, and the columns of its result.
pub(super) struct Checking<'a> {
    pub watcher: &'a Watcher,
    pub text: &'a WatcherText,
    pub columns: &'a [ColumnInfo],
    pub dialect: Dialect,
}

impl Checking<'_> {
    /// All that is wrong with them outside of the message.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = self.key_faults();
        faults.extend(self.kind_faults());
        faults.extend(self.condition_faults());
        faults.extend(self.chart_faults());
        faults
    }

    /// Columns of the chart that are not there, or that hold no numbers.
    fn chart_faults(&self) -> Vec<Fault> {
        let Some(chart) = &self.watcher.chart else { return Vec::new() };
        let mut faults = Vec::new();
        let mut numbers: Vec<(Part, &String)> = Vec::new();
        match &chart.of {
            ChartOf::Rows { x, y, .. } => {
                faults.extend(find(self.columns, x).is_none().then(|| self.missing(Part::ChartX, x)));
                numbers.extend(y.iter().enumerate().map(|(at, name)| (Part::ChartY(at), name)));
            }
            ChartOf::History { value } => numbers.push((Part::ChartValue, value)),
        }
        if let Some(ThresholdRule::Column(name)) = &chart.threshold {
            numbers.push((Part::ChartThreshold, name));
        }
        faults.extend(numbers.into_iter().filter_map(|(part, name)| self.number_fault(part, name, "drawn")));
        faults
    }

    /// The fault of a column that should hold numbers.
    fn number_fault(&self, part: Part, name: &str, done: &str) -> Option<Fault> {
        let Some(column) = find(self.columns, name) else { return Some(self.missing(part, name)) };
        let kind = column.kind.filter(|kind| !matches!(kind, Kind::Number | Kind::Float | Kind::Null | Kind::Other))?;
        let message = format!("the column `{}` cannot be {done}: it holds {}", column.name, kind.describe());
        Some(self.text.fault(part, None, message, Some("let the query cast it to a number, or remove it".to_owned())))
    }

    fn key_faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let key = &self.watcher.key;
        for (at, name) in key.iter().enumerate() {
            let place = |name: &String| find(self.columns, name).map(|column| &column.name);
            if place(name).is_none() {
                faults.push(self.missing(Part::Key(at), name));
            } else if key[..at].iter().any(|other| place(other) == place(name)) {
                let message = format!("`{name}` is a column that stands in the key already");
                faults.push(self.text.fault(Part::Key(at), None, message, Some("remove one".to_owned())));
            }
        }
        faults
    }

    /// The fault of a name that is no column of the result.
    fn missing(&self, part: Part, name: &str) -> Fault {
        let hint = meant(name, self.columns.iter().map(|column| column.name.as_str()));
        self.text.fault(part, None, format!("the result has no column `{name}`"), Some(hint))
    }

    /// What belongs to one kind of watcher only.
    fn kind_faults(&self) -> Vec<Fault> {
        match &self.watcher.alert_on {
            AlertOn::New { cursor: Some(cursor), .. } => self.cursor_fault(cursor).into_iter().collect(),
            AlertOn::Change { columns, .. } => self.watched_faults(columns),
            AlertOn::Missing { expect: Expect::Keys(keys) } => self.expected_faults(keys),
            AlertOn::Report { sums, .. } => self.sum_faults(sums),
            AlertOn::Match | AlertOn::New { .. } | AlertOn::Missing { .. } => Vec::new(),
        }
    }

    fn cursor_fault(&self, cursor: &Cursor) -> Option<Fault> {
        let Some(column) = find(self.columns, &cursor.column) else {
            return Some(self.missing(Part::Cursor, &cursor.column));
        };
        let kind = column.kind?;
        if !CursorValue::can_be_ordered(kind, self.dialect) {
            let message = format!("the cursor column `{}` holds {}, whose order is not known here", column.name, kind.describe());
            return Some(self.text.fault(Part::Cursor, None, message, Some("use a number or a time that grows".to_owned())));
        }
        let start = cursor.start.as_deref().filter(|start| !can_begin(start, kind))?;
        let message = format!("`{start}` is not {}, which the cursor column `{}` holds", kind.describe(), column.name);
        Some(self.text.fault(Part::CursorStart, None, message, Some(format!("write for example: cursor_start = {}", start_of(kind)))))
    }

    fn watched_faults(&self, columns: &[String]) -> Vec<Fault> {
        let unknown = columns.iter().enumerate().filter(|(_, name)| find(self.columns, name).is_none());
        let mut faults: Vec<Fault> = unknown.map(|(at, name)| self.missing(Part::Columns(at), name)).collect();
        let is_key = |column: &ColumnInfo| self.watcher.key.iter().any(|name| same(&column.name, name));
        if columns.is_empty() && self.columns.iter().all(is_key) {
            let message = "nothing is watched: the result has no column but the key's";
            faults.push(self.text.fault(Part::Query, None, message, Some("select the columns that change, too".to_owned())));
        }
        faults
    }

    fn sum_faults(&self, sums: &[String]) -> Vec<Fault> {
        sums.iter().enumerate().filter_map(|(at, name)| self.number_fault(Part::Sum(at), name, "added up")).collect()
    }

    /// Expected keys that no row can ever have.
    fn expected_faults(&self, keys: &[Vec<ExpectedCell>]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (at, name) in self.watcher.key.iter().enumerate() {
            let Some((column, kind)) = find(self.columns, name).and_then(|column| Some((column, column.kind?))) else { continue };
            for (key, cells) in keys.iter().enumerate() {
                let Some(text) = cells.get(at).map(cell_text).filter(|text| !can_be(text, kind)) else { continue };
                let message = format!("`{text}` is never there: the key column `{}` holds {}", column.name, kind.describe());
                faults.push(self.text.fault(Part::Expect(key, at), None, message, None));
            }
        }
        faults
    }

    /// The key columns in the result of `expect_query`, beside those of the query.
    pub fn expect_query_faults(&self, expected: &[ColumnInfo]) -> Vec<Fault> {
        let fault = |name: &String| {
            let Some(column) = find(expected, name) else {
                let hint = meant(name, expected.iter().map(|column| column.name.as_str()));
                let message = format!("the result of `expect_query` has no key column `{name}`");
                return Some(self.text.fault(Part::ExpectQuery, None, message, Some(hint)));
            };
            let (there, here) = (column.kind?, find(self.columns, name)?.kind?);
            let message = format!(
                "nothing expected is ever there: `{name}` holds {} in `expect_query`, and {} in the query",
                there.describe(),
                here.describe()
            );
            let hint = "let one of the queries cast it".to_owned();
            (class(there) != class(here)).then(|| self.text.fault(Part::ExpectQuery, None, message, Some(hint)))
        };
        self.watcher.key.iter().filter_map(fault).collect()
    }

    fn condition_faults(&self) -> Vec<Fault> {
        let watcher = self.watcher;
        let when = watcher.when.iter().map(|when| (Part::When, when, Sight::Row));
        let clear_when = watcher.clear_when.iter().map(|when| (Part::ClearWhen, when, Sight::Row));
        let cases = watcher.severity.cases.iter().enumerate();
        let severity = cases.filter_map(|(at, (when, _))| Some((Part::SeverityWhen(at), when.as_ref()?, Sight::Verdict)));
        let blocks = watcher.notify.iter().enumerate();
        let notify = blocks.filter_map(|(at, block)| Some((Part::NotifyWhen(at), block.when.as_ref()?, Sight::Routing)));
        when.chain(clear_when).chain(severity).chain(notify).flat_map(|(part, when, sight)| self.condition(part, when, sight)).collect()
    }

    fn condition(&self, part: Part, when: &Expression, sight: Sight) -> Vec<Fault> {
        let all: Vec<(String, Option<Kind>)> = self.columns.iter().map(|column| (column.name.clone(), column.kind)).collect();
        // What is missing has no row, so only its key can be asked.
        let sees_key_only = matches!(self.watcher.alert_on, AlertOn::Missing { .. }) && sight != Sight::Row;
        let seen = if sees_key_only { self.key_columns() } else { all };
        let mut faults = Vec::new();
        for error in when.check_condition(&seen) {
            let name = when.columns().into_iter().find(|(_, span)| *span == error.span).map(|(name, _)| name);
            match name.filter(|name| sees_key_only && !has(&seen, name) && find(self.columns, name).is_some()) {
                Some(name) => faults.push(self.beyond_key(part, name, error.span)),
                None => faults.push(self.text.fault(part, Some(error.span), error.message, error.hint)),
            }
        }
        if let Some(span) = when.severity_span().filter(|_| sight != Sight::Routing && !has(&seen, "severity")) {
            let hint = "it can be asked in the `when` of a [[notify]] block".to_owned();
            faults.push(self.text.fault(part, Some(span), "the severity is not known yet when this is evaluated", Some(hint)));
        }
        faults
    }

    fn beyond_key(&self, part: Part, name: &str, span: std::ops::Range<usize>) -> Fault {
        let hint = match self.watcher.key.is_empty() {
            true => "the watcher has no `key`: nothing can be asked here".to_owned(),
            false => format!("only the key's columns are known here: {}", self.watcher.key.join(", ")),
        };
        self.text.fault(part, Some(span), format!("there is no `{name}` when a row is missing"), Some(hint))
    }

    /// The columns of an alert's key: those of the watcher, and the source where it reads several.
    fn key_columns(&self) -> Vec<(String, Option<Kind>)> {
        // A key column that is not there is told as that, and not again wherever it is named.
        let own = |name: &String| find(self.columns, name).map_or((name.clone(), None), |column| (column.name.clone(), column.kind));
        let source = self.watcher.names_source().then(|| (self.source_column().to_owned(), Some(Kind::Text)));
        source.into_iter().chain(self.watcher.key.iter().map(own)).collect()
    }

    fn source_column(&self) -> &'static str {
        let taken = self.watcher.key.iter().filter_map(|name| find(self.columns, name)).any(|column| column.name == SOURCE_COLUMN);
        if taken { "rowbell_source" } else { SOURCE_COLUMN }
    }

    /// The names in each part of the message that nothing will fill.
    pub fn message_faults(&self) -> Vec<(Part, Fault)> {
        let message = &self.watcher.message;
        let mut parts: Vec<(Part, &str, template::Sees)> = Vec::new();
        parts.extend(message.title.as_deref().map(|title| (Part::Title, title, template::Sees::Events)));
        parts.extend(message.body.as_deref().map(|body| (Part::Body, body, template::Sees::Events)));
        for (at, button) in message.buttons.iter().enumerate() {
            parts.push((Part::ButtonTitle(at), &button.title, template::Sees::OneEvent));
            parts.push((Part::ButtonUrl(at), &button.url, template::Sees::OneEventForUrl));
        }
        parts.extend(message.picture.as_deref().map(|picture| (Part::Picture, picture, template::Sees::OneEventForUrl)));
        let row: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let key = self.key_columns();
        let mut key: Vec<&str> = key.iter().map(|(name, _)| name.as_str()).collect();
        // Which column was meant for one that is not there may be known here.
        if self.watcher.key.iter().any(|name| find(self.columns, name).is_none()) {
            key.extend(&row);
        }
        let unknown = |(part, source, sees)| {
            let found = template::unknown_names(source, sees, &row, &key).into_iter();
            found.map(move |name| (part, self.text.fault(part, Some(name.span), name.message, Some(name.hint)))).collect::<Vec<_>>()
        };
        parts.into_iter().flat_map(unknown).collect()
    }
}

/// What a condition can see.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// The row: it says whether the row counts.
    Row,
    /// What alerts: it says how bad that is.
    Verdict,
    /// That, and how bad it is.
    Routing,
}

/// A column by its exact name, else by one that differs only in case: as rows find theirs.
pub(super) fn find<'c>(columns: &'c [ColumnInfo], name: &str) -> Option<&'c ColumnInfo> {
    let exact = columns.iter().find(|column| column.name == name);
    exact.or_else(|| columns.iter().find(|column| same(&column.name, name)))
}

fn has(columns: &ResultColumns, name: &str) -> bool {
    columns.iter().any(|(column, _)| same(column, name))
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// The name that was probably meant, else all there are.
fn meant<'c>(name: &str, known: impl Iterator<Item = &'c str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

fn cell_text(cell: &ExpectedCell) -> String {
    match cell {
        ExpectedCell::Text(text) => text.clone(),
        ExpectedCell::Number(number) => number.to_string(),
    }
}

/// Whether a key of this kind can have the text.
fn can_be(text: &str, kind: Kind) -> bool {
    match kind {
        Kind::Number | Kind::Float => parse_number(text).is_some(),
        Kind::Bool | Kind::Date | Kind::DateTime | Kind::Instant => !matches!(Value::decode(kind, text), Value::Other(_)),
        Kind::Bytes => false,
        _ => true,
    }
}

/// Keys of different classes are never the same, whatever they look like.
fn class(kind: Kind) -> char {
    match kind {
        Kind::Null => '0',
        Kind::Number | Kind::Float => 'n',
        Kind::Bytes => 'x',
        _ => 't',
    }
}

/// Whether a column of this kind can be compared with the text. A database reads any form of time.
fn can_begin(text: &str, kind: Kind) -> bool {
    match kind {
        Kind::Number | Kind::Float => parse_number(text).is_some(),
        Kind::Date | Kind::DateTime | Kind::Instant => {
            let kinds = [Kind::Date, Kind::DateTime, Kind::Instant];
            kinds.into_iter().any(|kind| !matches!(Value::decode(kind, text), Value::Other(_)))
        }
        _ => true,
    }
}

/// What a cursor may begin with.
fn start_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Number | Kind::Float => "0",
        Kind::Date => "2026-01-01",
        _ => "2026-01-01T00:00:00",
    }
}
