//! What a message template sees.
//!
//! ```text
//! events, firing, resolved   lists; each event has:
//!   event      "fired", "repeated", "escalated", "resolved" …      severity   "info" | "warning" | "critical"
//!   key, row   objects of columns                                  rows       the rows of the key, at most 20
//!   count      how many rows the key had                           since      when it fired, in the watcher's zone
//!   duration   how long it has lasted, in words                    reason     why, in words
//!   previous   the row before, of a change                         changed    the names of the columns that differ
//!   sums       of a report: column, total, before
//! watcher      name, description, source                           now        the time of the poll
//! total        how many events there are, also when a message that is too long is rendered with fewer of them
//! ```
//!
//! Text is neutralised before a template sees it. Whole numbers are numbers; other exact numbers are text with all their
//! digits: comparisons belong into `when` and `severity`, which are exact.

use super::{Setting, duration_words, neutralise};
use crate::domain::alert::{Event, EventKind};
use crate::domain::row::{self, Row};
use crate::domain::value::Kind;
use minijinja::context;
use minijinja::value::{Enumerator, Object, Value};
use std::sync::Arc;

/// The names that `title` and `body` see.
pub const MESSAGE_NAMES: [&str; 6] = ["events", "firing", "resolved", "now", "total", "watcher"];

/// The names that the title of a button sees: those of its event, and the watcher.
pub const EVENT_NAMES: [&str; 13] =
    ["event", "severity", "key", "row", "rows", "count", "since", "duration", "reason", "previous", "changed", "sums", "watcher"];

/// The names that the address of a button sees.
pub const URL_NAMES: [&str; 4] = ["key", "row", "severity", "event"];

/// The context of `title` and `body`.
pub(super) fn of_message(setting: &Setting<'_>, events: &[&Event], total: usize) -> Value {
    let all: Vec<Value> = events.iter().map(|event| event_value(setting, event, &neutral_cell)).collect();
    let of = |wanted: bool| -> Vec<Value> {
        events.iter().zip(&all).filter(|(event, _)| (event.kind == EventKind::Resolved) == wanted).map(|(_, value)| value.clone()).collect()
    };
    let now = events.first().map(|event| event.at.with_timezone(&setting.zone).format("%Y-%m-%d %H:%M:%S").to_string());
    let (firing, resolved) = (of(false), of(true));
    context! { events => all, firing, resolved, now, total, watcher => watcher_value(setting) }
}

/// The context of a button's title: one event.
pub(super) fn of_event(setting: &Setting<'_>, event: &Event) -> Value {
    context! { ..event_value(setting, event, &neutral_cell), ..context! { watcher => watcher_value(setting) } }
}

/// The context of a button's address: every value percent-encoded, so that it stays one part of the URL.
pub(super) fn of_url(event: &Event) -> Value {
    let encoded = |row: &Row, at: usize| {
        let text = row.text(at).unwrap_or_default();
        Value::from(url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20"))
    };
    let row = event.rows.first();
    context! { key => event.key.as_ref().map(|key| object(key, &encoded)), row => row.map(|row| object(row, &encoded)), severity => event.severity.as_str(), event => event.kind.as_str() }
}

fn watcher_value(setting: &Setting<'_>) -> Value {
    context! { name => setting.watcher, description => setting.description.unwrap_or(setting.watcher), source => setting.source }
}

fn event_value(setting: &Setting<'_>, event: &Event, cell: &dyn Fn(&Row, usize) -> Value) -> Value {
    let empty = || context! {};
    let since = event.since.unwrap_or(event.at);
    context! {
        event => event.kind.as_str(),
        severity => event.severity.as_str(),
        key => event.key.as_ref().map_or_else(empty, |key| object(key, cell)),
        row => event.rows.first().map_or_else(empty, |row| object(row, cell)),
        rows => event.rows.iter().map(|row| object(row, cell)).collect::<Vec<_>>(),
        count => event.row_count,
        since => since.with_timezone(&setting.zone).format("%Y-%m-%d %H:%M:%S").to_string(),
        duration => duration_words(setting.language, event.at - since),
        reason => neutralise(&event.reason),
        previous => event.previous.as_ref().map_or_else(empty, |row| object(row, cell)),
        changed => event.changed.iter().map(|name| neutralise(name)).collect::<Vec<_>>(),
        sums => event.sums.iter().map(|sum| context! { column => neutralise(&sum.column), total => sum.total.clone(), before => sum.before.clone() }).collect::<Vec<_>>(),
    }
}

/// A row for a template. A column is found by its name; a loop over the row is given names that cannot act.
#[derive(Debug)]
struct Columns {
    row: Arc<row::Columns>,
    names: Vec<String>,
    values: Vec<Value>,
}

impl Object for Columns {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let at = self.row.position(name).or_else(|| self.names.iter().position(|shown| shown == name))?;
        self.values.get(at).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.names.iter().map(|name| Value::from(name.as_str())).collect())
    }
}

fn object(row: &Row, cell: &dyn Fn(&Row, usize) -> Value) -> Value {
    let names = row.columns().names().iter().map(|name| neutralise(name)).collect();
    Value::from_object(Columns { row: row.columns().clone(), names, values: (0..row.len()).map(|at| cell(row, at)).collect() })
}

fn neutral_cell(row: &Row, at: usize) -> Value {
    let Some(text) = row.text(at) else { return Value::from(()) };
    let whole = (row.kind(at) == Kind::Number).then(|| text.parse::<i128>().ok()).flatten();
    match (whole, row.kind(at)) {
        (Some(number), _) => Value::from(number),
        (None, Kind::Bool) => Value::from(text == "true"),
        _ => Value::from(neutralise(&text)),
    }
}
