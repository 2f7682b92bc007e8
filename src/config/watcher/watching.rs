//! Reads what a row means: `alert_on` and the keys that belong to one of its values.

use super::fields::{MEANINGFUL_FOR, ROWS};
use crate::config::field::{listed, nearest};
use crate::config::node::{Content, Node};
use crate::config::reader::{Reader, Report};
use crate::domain::query::Query;
use crate::domain::schedule::Schedule;
use crate::domain::sql_text::Dialect;
use crate::domain::watcher::{AlertOn, ChangedRows, Cursor, Expect, ExpectedCell, OVERLAP};
use chrono_tz::Tz;

/// What else is known of the watcher.
pub(super) struct Given<'a> {
    pub key: &'a [String],
    pub query: &'a str,
    pub dialect: Dialect,
    pub zone: Tz,
}

/// The value of `alert_on`, and what is told of its rows.
pub(super) fn read_alert_on(reader: &Reader<'_>, word: &str, given: &Given<'_>, report: &mut Report<'_>) -> Option<AlertOn> {
    for (name, kinds) in MEANINGFUL_FOR.iter().filter(|(_, kinds)| !kinds.contains(&word)) {
        if let Some(place) = reader.key_place(name) {
            let message = format!("`{name}` has no meaning for alert_on = \"{word}\"");
            let others = listed(kinds.iter().map(|kind| format!("\"{kind}\"")).collect());
            report.at(place, message, Some(format!("it is for alert_on = {others}: remove it")));
        }
    }
    if word != "new" && Query::uses(given.query, "cursor", given.dialect) {
        let hint = "remove it: :now and :last_poll are known for every watcher".to_owned();
        report_query(reader, "the query uses :cursor, which is only known for alert_on = \"new\"", hint, report);
    }
    match word {
        "new" => Some(AlertOn::New {
            alert_on_first_poll: reader.word("first_poll", report) == Some("alert"),
            cursor: read_cursor(reader, given, report),
        }),
        "change" => Some(AlertOn::Change { columns: read_columns(reader, given.key, report), rows: read_rows(reader, report) }),
        "missing" => Some(AlertOn::Missing { expect: read_expect(reader, given.key, report)? }),
        "report" => Some(AlertOn::Report {
            send_empty: reader.boolean("send_empty", report)?,
            sums: reader.some_texts("sum", report).unwrap_or_default().iter().map(|text| text.value.to_owned()).collect(),
        }),
        _ => Some(AlertOn::Match),
    }
}

fn read_cursor(reader: &Reader<'_>, given: &Given<'_>, report: &mut Report<'_>) -> Option<Cursor> {
    let start = reader.node("cursor_start").and_then(|node| scalar(node, report));
    let by_hand = Query::uses(given.query, "cursor", given.dialect);
    let Some(column) = reader.text("cursor", report) else {
        for name in ["cursor_start", "overlap", "reconcile"] {
            if let Some(place) = reader.key_place(name) {
                report.at(place, format!("`{name}` belongs to a `cursor`"), Some("write cursor = \"id\", or remove it".to_owned()));
            }
        }
        if by_hand {
            let hint = "name the column that :cursor is compared with: cursor = \"id\"".to_owned();
            report_query(reader, "the query uses :cursor, but there is no `cursor`", hint, report);
        }
        return None;
    };
    match (by_hand, &start, reader.key_place("cursor_start")) {
        (true, None, None) => {
            let hint = "say where it begins: cursor_start = 0".to_owned();
            report.missing(column.place(), "`cursor_start` is missing: the query names :cursor by hand", Some(hint));
        }
        (false, _, Some(place)) => {
            let hint = "remove it, or write :cursor into the query".to_owned();
            report.at(place, "`cursor_start` is only for a query that names :cursor by hand", Some(hint));
        }
        _ => {}
    }
    Some(Cursor {
        column: column.value.to_owned(),
        start,
        overlap: reader.duration("overlap", report).unwrap_or(OVERLAP),
        reconcile: read_reconcile(reader, given.zone, report),
    })
}

fn report_query(reader: &Reader<'_>, message: &str, hint: String, report: &mut Report<'_>) {
    if let Some(node) = reader.node("query").or(reader.node("query_file")) {
        report.at(&node.place, message, Some(hint));
    }
}

fn read_reconcile(reader: &Reader<'_>, zone: Tz, report: &mut Report<'_>) -> Option<Schedule> {
    let text = reader.text("reconcile", report)?;
    match Schedule::cron(text.value, zone) {
        Ok(schedule) => Some(schedule),
        Err(error) => {
            report.inside(text.node, error.span, error.message, error.hint);
            None
        }
    }
}

fn read_columns(reader: &Reader<'_>, key: &[String], report: &mut Report<'_>) -> Vec<String> {
    let texts = reader.some_texts("columns", report).unwrap_or_default();
    for text in texts.iter().filter(|text| key.iter().any(|name| name == text.value)) {
        let message = format!("the column {} is part of the key, which never changes", text.quoted());
        report.at(text.place(), message, Some("remove it".to_owned()));
    }
    texts.iter().map(|text| text.value.to_owned()).collect()
}

fn read_rows(reader: &Reader<'_>, report: &mut Report<'_>) -> ChangedRows {
    let Some(texts) = reader.texts("rows", report) else { return ChangedRows { added: false, changed: true, removed: false } };
    for text in texts.iter().filter(|text| !ROWS.contains(&text.value)) {
        let hint = nearest(text.value, ROWS).map(|near| format!("did you mean \"{near}\"?"));
        report.at(text.place(), format!("{} is not \"added\", \"changed\" or \"removed\"", text.quoted()), hint);
    }
    if texts.is_empty()
        && let Some(node) = reader.node("rows")
    {
        report.at(
            &node.place,
            "`rows` is empty: nothing would ever be told",
            Some("name \"changed\", \"added\" or \"removed\"".to_owned()),
        );
    }
    let has = |word: &str| texts.iter().any(|text| text.value == word);
    ChangedRows { added: has("added"), changed: has("changed"), removed: has("removed") }
}

fn read_expect(reader: &Reader<'_>, key: &[String], report: &mut Report<'_>) -> Option<Expect> {
    let query = reader.text("expect_query", report).map(|text| text.value.to_owned());
    if let (Some(_), Some(place)) = (reader.node("expect"), reader.key_place("expect_query")) {
        let hint = "remove one of them".to_owned();
        report.at(place, "`expect_query` and `expect` cannot both stand in a watcher", Some(hint));
    }
    let named = reader.key_place("expect").or(reader.key_place("expect_query"));
    if key.is_empty()
        && let Some(place) = named
    {
        let hint = "name the columns by which a row is found: key = [\"shop\"]".to_owned();
        report.at(place, "what is expected has no `key`", Some(hint));
        return None;
    }
    let Some(node) = reader.node("expect") else {
        return Some(query.map_or(Expect::AnyRow, Expect::Query));
    };
    let Content::Array(items) = &node.content else {
        let hint = "write it in brackets: expect = [\"shop1\"]".to_owned();
        report.at(&node.place, format!("expected an array, found {}", node.describe()), Some(hint));
        return None;
    };
    if items.is_empty() {
        report.at(&node.place, "`expect` is empty: nothing would ever be missing", Some("name keys, or remove it".to_owned()));
    }
    let keys: Vec<Vec<ExpectedCell>> = items.iter().filter_map(|item| expected_key(item, key, report)).collect();
    Some(Expect::Keys(keys))
}

fn expected_key(node: &Node, key: &[String], report: &mut Report<'_>) -> Option<Vec<ExpectedCell>> {
    let cells: Vec<&Node> = match &node.content {
        Content::Array(items) => items.iter().collect(),
        _ => vec![node],
    };
    if cells.len() != key.len() {
        let columns = if key.len() == 1 { "1 column".to_owned() } else { format!("{} columns", key.len()) };
        let values = if cells.len() == 1 { "is 1 value".to_owned() } else { format!("are {} values", cells.len()) };
        let message = format!("the key has {columns} ({}), and here {values}", key.join(", "));
        let hint = match key.len() {
            1 => "write one value: \"shop1\"",
            _ => "write an array of one value for each column: [\"cn\", \"shop1\"]",
        };
        report.at(&node.place, message, Some(hint.to_owned()));
        return None;
    }
    let read: Vec<ExpectedCell> = cells.iter().filter_map(|cell| expected_cell(cell, report)).collect();
    (read.len() == cells.len()).then_some(read)
}

fn expected_cell(node: &Node, report: &mut Report<'_>) -> Option<ExpectedCell> {
    match &node.content {
        Content::Text(text, _) => Some(ExpectedCell::Text(text.clone())),
        Content::Integer(number) if i64::try_from(*number).is_ok() => i64::try_from(*number).ok().map(ExpectedCell::Number),
        Content::Integer(number) => Some(ExpectedCell::Text(number.to_string())),
        other => {
            let hint = match other {
                Content::Float(written) => Some(written.clone()),
                Content::Boolean(written) => Some(written.to_string()),
                Content::Datetime(written) => Some(written.replacen('T', " ", 1)),
                _ => None,
            };
            let hint = hint.map(|written| format!("write it as the database shows it, in quotes: \"{written}\""));
            report.at(&node.place, format!("expected text in quotes or a whole number, found {}", node.describe()), hint);
            None
        }
    }
}

/// A text or a whole number, as text.
fn scalar(node: &Node, report: &mut Report<'_>) -> Option<String> {
    match &node.content {
        Content::Text(text, _) => Some(text.clone()),
        Content::Integer(number) => Some(number.to_string()),
        Content::Datetime(text) => Some(text.replacen('T', " ", 1)),
        _ => {
            report.at(&node.place, format!("expected text in quotes or a whole number, found {}", node.describe()), None);
            None
        }
    }
}
